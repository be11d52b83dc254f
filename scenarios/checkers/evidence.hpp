// Evidence: honest nodes accuse nobody of what he did not do, and a double vote that reached an honest node while it
// could judge it is reported by somebody before the run ends.
#pragma once

#include <map>
#include <set>
#include <unordered_map>

#include "scenarios/checkers/checker.hpp"
#include "scenarios/checkers/vote_book.hpp"

namespace seqlab::scenarios {

class EvidenceChecker final : public Checker {
 public:
  explicit EvidenceChecker(const CheckerContext& context)
      : fits_(context.has_certificates), corrupt_nodes_(context.corrupt_nodes), roster_(context.node_count) {}
  std::string_view name() const override { return "evidence"; }
  sim::KindMask kinds() const override {
    return fits_ ? Roster::kinds() | sim::mask_of(RecordKind::voted, RecordKind::proposed, RecordKind::evidence) : 0;
  }
  void on_record(const Record& record) override;

 private:
  void on_evidence(const Record& record);
  bool fits_;
  bool corrupt_nodes_;
  Roster roster_;
  VoteBook votes_;
  HeightWindow<std::map<std::pair<std::uint32_t, NodeId>, std::vector<Hash128>>> proposals_;
};

}  // namespace seqlab::scenarios
