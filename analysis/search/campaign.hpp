// A campaign: many cases of several strategies on one or more targets, on one or more threads, kept in one SQLite file
// so that it goes on where it was stopped.
//
// Cases are dealt in cycles. In each cycle every stream (a strategy on a target) gets as many cases as its weight.
// Shard i of n takes the cycles c with c mod n = i. What a case is and what comes of it depends on (target, strategy,
// seed, index) alone, and for strategies that learn on the batches before it in this shard: never on threads, time or
// limits.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "analysis/search/goals.hpp"
#include "analysis/search/strategy.hpp"

namespace seqlab::analysis {

struct CampaignOptions {
  std::vector<Target> targets;
  std::vector<const StrategyEntry*> strategies;    ///< each of them on each target
  std::uint64_t seed = 1;
  std::uint64_t cases = 0;                         ///< stop after so many (of this shard); 0 = no limit
  double seconds = 0;                              ///< stop after so long; 0 = no limit
  bool until_failure = false;
  std::uint32_t jobs = 1;                          ///< threads
  std::uint32_t shard = 0, shards = 1;
  std::string file;                                ///< campaign file; "" = kept in memory
  /// Called now and then between cases, on the thread that called `run_campaign`; false stops the campaign.
  std::function<bool(const struct CampaignReport&)> on_progress;
  /// Asked now and then inside cases, by several threads at once; true stops the campaign, and the case that was
  /// running counts as not run. May be empty.
  std::function<bool()> stops;
  /// Bound on the events of a case; 0: that of `limits_of`.
  std::uint64_t events_max = 0;
};

struct CampaignFailure {
  std::string target, strategy;
  std::uint64_t index = 0;
  std::string checker;      ///< "crash": our own code failed; "determinism": two runs of it differ
  std::string text;
  Hash128 digest;
  std::uint64_t count = 1;  ///< failures of the same kind, this one included
  Case which;               ///< also of one that an earlier part of the campaign found
};

struct StreamReport {
  std::string target, strategy;
  std::uint64_t cases = 0, failures = 0, new_states = 0;
  double cpu_seconds = 0;
  bool exhausted = false;   ///< all cases that there are were run
};

struct CampaignReport {
  std::uint64_t seed = 0;
  std::uint64_t cases = 0;
  std::uint64_t events = 0;
  std::uint64_t rechecked = 0;         ///< run a second time, digests compared
  std::uint64_t cut_off = 0;           ///< cases that had not ended after so many events and had shown nothing by then
  std::string cut_off_first;           ///< "committee, random case 3"; "" = none in this part of the campaign
  double wall_seconds = 0, cpu_seconds = 0;   ///< earlier parts of a resumed campaign included
  double session_seconds = 0;          ///< of this part
  std::uint64_t session_cases = 0;
  std::uint64_t distinct_states = 0;
  double chance_of_new_state = 1;
  double excluded_rate = 1;            ///< see statistics.hpp
  std::vector<StreamReport> streams;
  std::vector<std::uint64_t> goals;    ///< cases that reached each of `goal_names()`
  std::uint64_t goals_aimed = goals_of_consensus;  ///< within reach of one of the targets
  std::vector<CampaignFailure> failures;  ///< the first few of each kind, in the order of cycles
  std::uint64_t failed_cases = 0;
  bool interrupted = false;
  bool resumed = false;
  bool out_of_cases = false;           ///< every strategy is exhausted
};

/// @throws InputError for a campaign file that cannot be read, belongs to other targets, options or another version, or
/// cannot be written. What was recorded before stays.
CampaignReport run_campaign(const CampaignOptions& options);

}  // namespace seqlab::analysis
