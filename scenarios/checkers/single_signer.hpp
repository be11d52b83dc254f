// Single signer (S9): an honest proposer signs one block a (height, round); where one node orders and nobody votes, one
// block a height; where blocks are made of vertices, one vertex a round, whatever the height.
#pragma once

#include <map>

#include "scenarios/checkers/checker.hpp"
#include "scenarios/checkers/roster.hpp"

namespace seqlab::scenarios {

class SingleSigner final : public Checker {
 public:
  explicit SingleSigner(const CheckerContext& context)
      : rounds_(context.engine.has_certificates),
        vertices_(!context.engine.commits_proposals),
        roster_(context.node_count) {}
  std::string_view name() const override { return "single_signer"; }
  sim::KindMask kinds() const override {
    return Roster::kinds() | sim::mask_of(RecordKind::proposed);
  }
  void on_record(const Record& record) override;

 private:
  void on_vertex(const Record& record);

  bool rounds_;    // each round may have its block
  bool vertices_;  // each round has its block, whatever the height
  Roster roster_;
  /// (round, signer) -> block.
  HeightWindow<std::map<std::pair<std::uint32_t, NodeId>, Hash128>> signed_;
  /// The vertices of the last `Roster::patience` rounds: (round, signer) -> vertex.
  std::map<std::pair<std::uint32_t, NodeId>, Hash128> vertices_signed_;
};

}  // namespace seqlab::scenarios
