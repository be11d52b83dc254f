// The file of a campaign: SQLite, one transaction for each group of cases, so that a kill loses nothing that was
// recorded and repeats nothing.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "sim/base/hash.hpp"

namespace seqlab::analysis {

/// Cases of one stream that were run and recorded together: index, index+1, ...
struct CampaignBatch {
  std::uint64_t stream = 0;
  std::uint64_t first = 0, count = 0;
  std::uint64_t held = 0, violated = 0, outside_model = 0, undecided = 0, crashed = 0, cut_off = 0;
  std::uint64_t events = 0, rechecked = 0, new_states = 0;
  double cpu_seconds = 0;
  Hash128 digest;      ///< over the digests of its cases, in order
};

struct StoredFailure {
  std::uint64_t stream = 0, index = 0;
  std::string checker, text, digest, plan;  ///< `plan`: JSON
};

class CampaignStore {
 public:
  /// Opens or makes the file. @param identity  what the campaign is (targets, strategies, seed, shard, version): a
  /// file with another one is refused, naming the first part that differs. @throws InputError
  CampaignStore(const std::string& file, const std::vector<std::pair<std::string, std::string>>& identity,
                const std::vector<std::pair<std::string, std::string>>& streams);
  ~CampaignStore();

  bool resumed() const;
  std::vector<CampaignBatch> batches() const;
  std::vector<StoredFailure> failures() const;
  std::vector<std::uint64_t> states() const;
  std::vector<std::uint64_t> goals() const;
  double wall_seconds() const;

  struct Group {
    std::vector<CampaignBatch> batches;
    std::vector<StoredFailure> failures;
    std::vector<std::uint64_t> new_states;
    std::vector<std::uint64_t> goals;  ///< totals so far
    double wall_seconds = 0;           ///< total so far
  };
  /// All or nothing. @throws InputError if it cannot be written
  void record(const Group& group);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace seqlab::analysis
