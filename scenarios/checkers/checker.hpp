// Judges of a run. A checker reads records and nothing else; it never calls a predicate that an engine uses.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "scenarios/spec/scenario.hpp"
#include "sim/trace/record_log.hpp"

namespace seqlab::scenarios {

struct Finding {
  std::string checker;
  SimTime at{};
  std::vector<NodeId> nodes;   ///< whom it concerns: disagreeing nodes, accused offenders
  std::string text;            ///< one sentence with the witnesses
  bool outside_model = false;  ///< the model's promise did not cover it (more than F corrupt, synchrony broken ...)
  friend bool operator==(const Finding&, const Finding&) = default;
};

/// What the run promised, as far as it can be known from the scenario alone (who is corrupt comes as records).
struct CheckerContext {
  std::uint32_t node_count = 0;        ///< sequencer nodes are 0 ... node_count-1, clients come after them
  bool byzantine_tolerant = true;      ///< false for engines that promise nothing against a corrupt leader
  bool has_certificates = true;        ///< commits rest on quorums of votes
  Duration round_bound{};              ///< longest time a round may take in the healed phase, at round 0
};

/// How the liveness checker saw the healed phase.
enum class Liveness : std::uint8_t { not_checked, progress, excused, lasso, suspected };

class Checker : public sim::RecordObserver {
 public:
  virtual ~Checker() = default;
  virtual std::string_view name() const = 0;
  virtual sim::KindMask kinds() const = 0;
  /// The run is over at `end`; last chance to find something.
  virtual void finish(SimTime end) { (void)end; }
  virtual Liveness liveness() const { return Liveness::not_checked; }
  const std::vector<Finding>& findings() const { return findings_; }

 protected:
  /// Keeps at most 16 findings a checker; the first is the one that matters.
  void report(SimTime at, std::vector<NodeId> nodes, std::string text);
  std::vector<Finding> findings_;
};

struct CheckerEntry {
  std::string_view name;
  std::string_view text;  ///< the property in one line, for `list`
  std::unique_ptr<Checker> (*make)(const CheckerContext& context);
};

/// All checkers, by name.
const std::vector<CheckerEntry>& checkers();

}  // namespace seqlab::scenarios
