// Certified commit (S5, S10): a certificate that an honest node saw, and a block that it committed, rests on votes of
// distinct members with more than two thirds of the power of the committee of that height.
#pragma once

#include <array>
#include <cstddef>

#include "scenarios/checkers/checker.hpp"
#include "scenarios/checkers/signers.hpp"
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
           sim::mask_of(RecordKind::voted, RecordKind::certified, RecordKind::certificate_signers);
  }
  void on_record(const Record& record) override;

 private:
  struct Certificate {
    std::uint64_t height = 0;
    std::uint32_t round = 0;
    std::uint8_t type = 0;
    Hash128 id;
    NodeSet signers;
    friend bool operator==(const Certificate&, const Certificate&) = default;
  };
  void on_certified(const Record& record);
  /// Reports and returns the honest signers who never voted so.
  NodeSet report_unsent(const NodeSet& signers, const Record& certified);
  void on_committed(const Record& record);

  bool fits_;
  Roster roster_;
  VoteBook votes_;
  HeightWindow<Hash128> sound_;  // committed blocks that were found to have their votes
  Signers signers_;
  // Those last found sound: in most engines all nodes see the same certificate, one after another.
  std::array<Certificate, 4> known_;
  std::size_t known_next_ = 0;
};

}  // namespace seqlab::scenarios
