// Single signer (S9): an honest proposer signs one block a (height, round); where one node orders and nobody votes, one
// block a height.
#pragma once

#include <map>

#include "scenarios/checkers/checker.hpp"
#include "scenarios/checkers/roster.hpp"

namespace seqlab::scenarios {

class SingleSigner final : public Checker {
 public:
  explicit SingleSigner(const CheckerContext& context)
      : rounds_(context.engine.has_certificates), roster_(context.node_count) {}
  std::string_view name() const override { return "single_signer"; }
  sim::KindMask kinds() const override {
    return Roster::kinds() | sim::mask_of(RecordKind::proposed);
  }
  void on_record(const Record& record) override;

 private:
  bool rounds_;  // each round may have its block
  Roster roster_;
  /// (round, signer) -> block.
  HeightWindow<std::map<std::pair<std::uint32_t, NodeId>, Hash128>> signed_;
};

}  // namespace seqlab::scenarios
