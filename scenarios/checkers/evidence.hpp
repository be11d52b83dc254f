// Evidence: honest nodes accuse nobody of what he did not do, and a double vote that reached an honest node while it
// could judge it is reported by somebody before the run ends.
//
// What reached whom is told by the message records: the votes of a corrupt node follow the `message_sent` records of
// the message that carries them, whose sequence number comes back in `message_delivered`. The second demand is made
// only where no excuse is left: the same running node got both votes while it decided their height, in a round that it
// had reached, refused neither (but for being an equivocation), and stayed at that height for a while.
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
      : fits_(context.engine.has_certificates),
        corrupt_nodes_(context.corrupt_nodes),
        roster_(context.node_count),
        witnesses_(context.corrupt_nodes ? context.node_count : 0) {}
  std::string_view name() const override { return "evidence"; }
  sim::KindMask kinds() const override {
    if (!fits_) return 0;
    sim::KindMask kinds =
        Roster::kinds() | sim::mask_of(RecordKind::voted, RecordKind::proposed, RecordKind::evidence);
    if (corrupt_nodes_) {
      kinds |= sim::mask_of(RecordKind::message_sent, RecordKind::message_delivered, RecordKind::message_rejected,
                            RecordKind::round_entered);
    }
    return kinds;
  }
  void on_record(const Record& record) override;
  void finish(SimTime end) override;

 private:
  /// A vote of a corrupt node.
  struct Statement {
    NodeId offender;
    std::uint64_t height = 0;
    std::uint32_t round = 0;
    VoteType type = VoteType::none;
    Hash128 id;
  };
  struct Offence {
    NodeId offender;
    std::uint64_t height = 0;
    std::uint32_t round = 0;
    VoteType type = VoteType::none;
    SimTime seen_at{};
  };
  /// What an honest node got of them at the height that it decides.
  struct Witness {
    std::uint64_t height = 0;
    std::uint32_t round = 0;
    std::vector<Statement> got;
    std::vector<Offence> offences;
  };
  using Case = std::pair<std::uint64_t, NodeId>;  // height, offender

  void on_evidence(const Record& record);
  void on_voted(const Record& record);
  void on_delivered(const Record& record);
  void on_rejected(const Record& record);
  void leave_height(Witness& witness, NodeId node, SimTime at);
  void forget_finished();

  bool fits_;
  bool corrupt_nodes_;
  Roster roster_;
  VoteBook votes_;
  HeightWindow<std::map<std::pair<std::uint32_t, NodeId>, std::vector<Hash128>>> proposals_;

  Record last_sent_;                                          ///< by a corrupt node, a moment ago
  std::unordered_map<std::uint64_t, Statement> statements_;   ///< by sequence number of the message; only looked up
  std::map<std::uint64_t, std::vector<std::uint64_t>> sequences_;  ///< of statements_, by height
  std::vector<Witness> witnesses_;                            ///< by node
  std::set<Case> reported_;
  std::map<Case, std::pair<NodeId, Offence>> owed_;           ///< and who got both votes

  /// How long a node must have stayed at the height after the second vote, so that its queues are no excuse.
  static constexpr Duration patience = 250ms;
};

}  // namespace seqlab::scenarios
