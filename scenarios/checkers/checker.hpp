// Judges of a run. A checker reads records and nothing else; it never calls a predicate that an engine uses.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
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
  protocols::EnginePromises engine{};
  bool corrupt_nodes = true;  ///< some node may be given to an adversary; false spares the checkers its messages
  std::uint64_t healing_blocks = 3;    ///< heights that the whole healed core must commit to count as progress
  bool migrates = false;               ///< another core ordered before: one machine, node_count; clients come after it
  bool migrates_back = false;          ///< that machine orders after the nodes, not before them
  bool sort_keys = false;              ///< ordered items have sort keys
  LotterySpec lottery{};               ///< that draws on their random values
  bool settles = false;                ///< nodes read the rollup back from layer 1
  protocols::RelayOptions relay{};     ///< who promised to write the data to layer 1, and how
  /// L1 blocks that a relayer sees until what is final at his node can be read there, if nothing is wrong.
  std::uint64_t relay_blocks = 0;
  Duration relay_lost_after{};         ///< a relayer may take what he sent for lost after so long
  Duration relay_grace{};              ///< `rotating`: what comes so long after a turn still counts for it
  std::vector<NodeId> leaders{};       ///< who leads, again and again, where a plan says so; see `Plan::leaders`
  protocols::ForcedOptions forced{};   ///< how the design reads layer 1
  protocols::RegistryOptions registry{};   ///< who may write to it
  protocols::BridgeOptions bridge{};   ///< how money gets there and back
};

/// How the liveness checker saw the healed phase.
/// progress: every core member committed `healing_blocks` new heights. excused: nothing was promised to this core.
/// lasso: no progress, and the core goes round in a cycle. suspected: no progress within the bound, no cycle proven.
/// not_checked: no healed phase, or it was too short to say anything.
enum class Liveness : std::uint8_t { not_checked, progress, excused, lasso, suspected };
std::string_view name_of(Liveness liveness);

/// "n3", as scenarios and reports call nodes.
std::string node_name(NodeId node);
/// "n0, n2 and n3".
std::string node_names(const std::vector<NodeId>& nodes);

class Checker : public sim::RecordObserver {
 public:
  virtual ~Checker() = default;
  virtual std::string_view name() const = 0;
  virtual sim::KindMask kinds() const = 0;
  /// The run is over at `end`; last chance to find something.
  virtual void finish(SimTime end) { (void)end; }
  /// Of the liveness checker. Leaves `not_checked` as soon as the healed phase is decided, which may be before its end;
  /// the world can stop then.
  virtual Liveness liveness() const { return Liveness::not_checked; }
  /// Of the accountability checker, after `finish`: whom the votes convict when honest nodes disagree.
  virtual std::vector<NodeId> accused() const { return {}; }
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
  /// Whether the property means anything for such a design. An unfit checker is harmless: it wants no records.
  bool (*fits)(const CheckerContext& context);
};

/// All checkers, by name.
std::span<const CheckerEntry> checkers();
/// Null if there is no such checker.
const CheckerEntry* find_checker(std::string_view name);

}  // namespace seqlab::scenarios
