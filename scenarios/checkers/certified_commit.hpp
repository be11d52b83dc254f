// Certified commit (S5, S10): a certificate that an honest node saw, and a block that it committed, rests on votes of
// distinct members with more than two thirds of the power of the committee of that height.
#pragma once

#include "scenarios/checkers/checker.hpp"
#include "scenarios/checkers/vote_book.hpp"

namespace seqlab::scenarios {

/// A vote is a `voted` record. For corrupt nodes a signature that an honest node accepted counts as well: they may put
/// one into a certificate without ever sending it as a vote.
class CertifiedCommit final : public Checker {
 public:
  explicit CertifiedCommit(const CheckerContext& context)
      : fits_(context.engine.has_certificates), roster_(context.node_count) {}
  std::string_view name() const override { return "certified_commit"; }
  sim::KindMask kinds() const override {
    if (!fits_) return 0;
    return Roster::kinds() |
           sim::mask_of(RecordKind::voted, RecordKind::certified, RecordKind::certificate_signer);
  }
  void on_record(const Record& record) override;

 private:
  void on_signer(const Record& record);
  void on_certified(const Record& record);
  void on_committed(const Record& record);
  bool same_certificate(const Record& record) const;

  bool fits_;
  Roster roster_;
  VoteBook votes_;
  HeightWindow<Hash128> sound_;  // committed blocks that were found to have their votes
  // The certificate whose signers are coming in, one record each.
  Record open_;
  NodeSet signers_;
  Power power_ = 0;
  // Those it rests on; null: to be looked up. Holds as long as signers follow each other.
  const Tally* votes_for_ = nullptr;
};

}  // namespace seqlab::scenarios
