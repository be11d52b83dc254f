// The bridge: money that is locked on layer 1, minted on the rollup, burnt there and released again.
#pragma once

#include <map>
#include <utility>
#include <vector>

#include "scenarios/checkers/checker.hpp"
#include "scenarios/checkers/roster.hpp"

namespace seqlab::scenarios {

/// - Conservation: at every moment the escrow holds, on the chain with most work, at least what honest nodes have
///   minted less what they have burnt. A reorganisation that takes back a deposit that is minted already breaks it.
/// - Each deposit is minted once, in their order, to its account and in full, and nothing else is minted.
/// - Each burn is released at most once on one chain, to its account and in full, and nothing else is released.
/// - A release is not before the burn was proven on that chain and its delay was over.
/// - Nothing is proven that no honest node has committed.
class Bridge final : public Checker {
 public:
  explicit Bridge(const CheckerContext& context)
      : delay_(context.bridge.delay), roster_(context.node_count), next_(context.node_count, 0) {}
  std::string_view name() const override { return "bridge"; }
  sim::KindMask kinds() const override {
    return Roster::kinds() | sim::mask_of(RecordKind::escrow_locked, RecordKind::escrow_settled,
                                          RecordKind::escrow_released, RecordKind::bridge_minted,
                                          RecordKind::bridge_burnt);
  }
  void on_record(const Record& record) override;

 private:
  struct Money {
    std::uint32_t account = 0;
    std::uint64_t amount = 0;
    friend bool operator==(const Money&, const Money&) = default;
  };
  struct Burnt {
    std::uint64_t amount = 0;
    std::uint64_t height = 0;   ///< of the rollup's block
  };
  struct Proven {
    std::uint64_t l1_height = 0;
    std::uint64_t height = 0;
  };
  using Name = std::pair<std::uint32_t, std::uint64_t>;   ///< of a burn: account and nonce
  void on_released(const Record& record);
  void on_minted(const Record& record);
  void balance(const Record& record);

  std::uint32_t delay_;
  Roster roster_;
  std::vector<std::uint64_t> next_;          ///< by node: number of the next deposit to mint
  std::map<std::uint64_t, Money> locked_;    ///< by number
  std::map<std::uint64_t, Money> minted_;    ///< likewise, as the first honest node did
  std::map<Name, Burnt> burnt_;
  std::map<Name, std::uint32_t> released_;   ///< how often
  std::vector<Proven> proven_;               ///< in order of layer 1
  std::int64_t escrow_ = 0, rollup_ = 0;     ///< balance there; minted less burnt
  bool short_ = false;
};

}  // namespace seqlab::scenarios
