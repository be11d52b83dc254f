// The registry of writers on layer 1, judged by what its transactions say and by nothing that the contract made of
// them: the checker keeps a registry of its own for every L1 block, along its branch.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <vector>

#include "scenarios/checkers/checker.hpp"
#include "scenarios/checkers/roster.hpp"

namespace seqlab::scenarios {

/// - A change counts if and only if its author owns the registry, its number is new and it concerns who is there.
/// - A reader takes a batch in an L1 block if its author has the turn in that block, on that branch, and passes it over
///   if he has not. So nobody else's batch counts, and none of his own is refused.
/// - Batches of two writers never count in one L1 block.
/// - An honest relayer begins no batch while the L1 block that it believes to be the last does not give it the turn in
///   the next one, unless a fault makes it defy the registry.
///
/// Blocks that no chain has, as a lying view shows them, are not judged.
class RegistryChecker final : public Checker {
 public:
  explicit RegistryChecker(const CheckerContext& context);
  std::string_view name() const override { return "registry"; }
  sim::KindMask kinds() const override {
    return Roster::kinds() | sim::mask_of(RecordKind::l1_mined, RecordKind::l1_parent, RecordKind::l1_seen,
                                          RecordKind::registry_set, RecordKind::registry_defied,
                                          RecordKind::batch_read, RecordKind::da_prepared);
  }
  void on_record(const Record& record) override;

 private:
  struct Turn {
    std::uint64_t from = 0;
    NodeId writer{no_node};
  };
  struct State {
    std::uint64_t number = 0;
    std::set<NodeId> writers;
    std::vector<Turn> turns;    ///< by `from`
  };
  struct Block {
    std::uint64_t height = 0;
    std::shared_ptr<const State> state;
    NodeId counted{no_node};    ///< whose batches somebody has taken
  };
  static NodeId entitled(const State& state, std::uint64_t height);
  Block* find(const Hash128& id);
  void on_parent(const Record& record);
  void on_set(const Record& record);
  void on_read(const Record& record);
  void on_prepared(const Record& record);

  protocols::RegistryOptions options_;
  Roster roster_;
  std::shared_ptr<const State> first_;
  Hash128 mined_, last_;             ///< the block just mined; the last one on the true chain
  std::map<Hash128, Block> blocks_;
  std::map<std::uint64_t, std::vector<Hash128>> by_height_;
  std::vector<Hash128> tips_;        ///< by node, as it sees layer 1; {}: where the world began
  std::set<NodeId> defiant_;
};

}  // namespace seqlab::scenarios
