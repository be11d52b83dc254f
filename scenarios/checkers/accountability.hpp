// Accountability (S8, I3): when two honest nodes commit different blocks at one height, the votes of that height
// convict nodes with more than F = (total - 1) div 3 of the power, and never an honest one.
//
// Two offences can be proven from votes alone: two votes for different values in one (round, type), and a breach of
// the lock rule (amnesia: a precommit for v in round r, a prevote for w != v in a later round r', and no more than two
// thirds of prevotes for w in any round of [r, r')). That these suffice is the argument of Tendermint's fork
// accountability: of two commit quorums in one round more than F are in both; in different rounds the first quorum and
// the first later polka for another block overlap in more than F, who precommitted the one and prevoted the other.
#pragma once

#include "scenarios/checkers/checker.hpp"
#include "scenarios/checkers/signers.hpp"
#include "scenarios/checkers/vote_book.hpp"

namespace seqlab::scenarios {

/// Judges the first height at which honest nodes differ; later ones follow from it. A node whose disk was wiped or
/// rolled back may be convicted: it did contradict itself.
class Accountability final : public Checker {
 public:
  explicit Accountability(const CheckerContext& context)
      : fits_(context.engine.has_certificates), corrupt_nodes_(context.corrupt_nodes), roster_(context.node_count) {}
  std::string_view name() const override { return "accountability"; }
  sim::KindMask kinds() const override {
    if (!fits_) return 0;
    sim::KindMask kinds = Roster::kinds() | sim::mask_of(RecordKind::voted);
    if (corrupt_nodes_) kinds |= sim::mask_of(RecordKind::certificate_signers, RecordKind::certified);
    return kinds;
  }
  void on_record(const Record& record) override;
  void finish(SimTime end) override;
  std::vector<NodeId> accused() const override;

 private:
  struct Decided {
    Hash128 id;
    NodeId node{no_node};
  };
  struct Offence {
    NodeId node;
    VoteType type = VoteType::none;  ///< of a double vote; `none`: amnesia
    std::uint32_t round = 0, later_round = 0;
    Hash128 first, second;
  };
  bool wanted(std::uint64_t height) const {
    return disputed_ == 0 || (height == disputed_ && roster_.floor() < disputed_);
  }
  void convict();

  bool fits_;
  bool corrupt_nodes_;
  Roster roster_;
  VoteBook votes_;
  Signers signers_;
  HeightWindow<Decided> decided_;
  std::uint64_t disputed_ = 0;  ///< height, 0 = none
  SimTime disputed_at_{};
  std::vector<NodeId> disputants_;
  std::vector<Offence> offences_;  ///< one a node, sorted by node
};

}  // namespace seqlab::scenarios
