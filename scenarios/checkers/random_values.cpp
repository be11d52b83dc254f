#include "scenarios/checkers/random_values.hpp"

#include <fmt/format.h>

#include "protocols/ordering/sort_keys.hpp"

namespace seqlab::scenarios {

void RandomValues::on_record(const Record& r) {
  roster_.observe(r);
  switch (r.kind) {
    case RecordKind::proposed:
      if (r.peer.value < proposers_.size()) proposed_[proposed_next_++ % proposed_.size()] = {r.id(), r.peer};
      return;
    case RecordKind::committed: {
      if (!roster_.honest(r.node) || static_cast<sim::CommitLevel>(r.detail) != sim::CommitLevel::final) return;
      if (r.height <= height_) return;
      height_ = r.height;
      teller_ = r.node;
      proposer_ = no_node;
      for (const Proposed& p : proposed_) {
        if (p.block == r.id()) proposer_ = p.by;
      }
      return;
    }
    case RecordKind::commit_parent:
      if (r.node == teller_ && r.height == height_) parent_ = r.id();
      return;
    case RecordKind::keyed: break;
    default: return;
  }
  if (r.node != teller_ || r.height != height_ || proposer_ == no_node) return;
  if (r.detail != 0 || r.peer.value != lottery_.contract) return;
  Proposer& p = proposers_[proposer_.value];
  ++p.tickets;
  if (protocols::wins(protocols::random_value(parent_, {r.a, r.height, r.b}), lottery_.odds)) ++p.wins;
  if (p.found || !too_lucky(p)) return;
  p.found = true;
  report(r.at, {proposer_},
         fmt::format("{} of {} tickets in blocks of {} won, of which {}/{} were to: their places were chosen", p.wins,
                     p.tickets, node_name(proposer_), lottery_.odds.num, lottery_.odds.den));
}

bool RandomValues::too_lucky(const Proposer& p) const {
  // Of n tickets with odds a/b, n a/b win, give or take sqrt(n a (b - a)) / b.
  const Int128 a = lottery_.odds.num;
  const Int128 b = lottery_.odds.den;
  const Int128 n = p.tickets;
  const Int128 above = static_cast<Int128>(p.wins) * b - n * a;
  return n * a >= 5 * b && above > 0 && above * above > 36 * n * a * (b - a);
}

}  // namespace seqlab::scenarios
