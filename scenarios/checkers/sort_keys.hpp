// Sort keys (K1, K2, K3): what readers of the ordered items go by, without the chain.
#pragma once

#include <compare>
#include <map>
#include <string>
#include <vector>

#include "scenarios/checkers/checker.hpp"
#include "scenarios/checkers/roster.hpp"

namespace seqlab::scenarios {

/// On each honest node, in the order of execution:
/// - K1: keys rise, items from layer 1 and others together.
/// - K2: the first item of a contract names no key, every other one that of the item before it.
/// - K3: an item of the rollup has the last L1 height named so far, the height of its block and its index among them;
///   an item from layer 1 has the height of its L1 block, nought, and its index.
class SortKeysChecker final : public Checker {
 public:
  explicit SortKeysChecker(const CheckerContext& context)
      : on_(context.sort_keys),
        migrates_(context.migrates),
        roster_(context.node_count),
        nodes_(context.node_count) {}
  std::string_view name() const override { return "sort_keys"; }
  sim::KindMask kinds() const override {
    if (!on_) return 0;
    return Roster::kinds() | sim::mask_of(RecordKind::l1_ref, RecordKind::keyed, RecordKind::key_linked);
  }
  void on_record(const Record& record) override;

 private:
  /// Fields with names: comparing them one by one is several times faster than comparing arrays.
  struct Key {
    std::uint64_t first = 0, second = 0, third = 0;
    friend auto operator<=>(const Key&, const Key&) = default;
  };
  static std::string text(const Key& key);
  struct State {
    std::uint64_t l1_height = 0;        ///< last one named; 0: none yet
    std::uint64_t height = 0;           ///< of the block at hand
    std::uint64_t index = 0;            ///< of the next item of the rollup in it
    Key last{};
    std::map<std::uint32_t, Key> far_contracts;   ///< of numbers that nobody in his senses has
    std::uint32_t contract = 0;         ///< of the item whose link comes next
    bool forgetful = false;             ///< begins anew: what came before is not known
  };
  bool on_;
  bool migrates_;   ///< a contract's first key may follow one of another core, which is the business of `migration`
  Roster roster_;
  std::vector<State> nodes_;
  /// Last key by contract, then by node; {} before the first. Nodes come to a contract at nearly the same time.
  std::vector<Key> contracts_;
};

}  // namespace seqlab::scenarios
