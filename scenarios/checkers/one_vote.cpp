#include "scenarios/checkers/one_vote.hpp"

#include <fmt/format.h>

namespace seqlab::scenarios {

void OneVote::on_record(const Record& record) {
  roster_.observe(record);
  if (record.kind != RecordKind::voted || !roster_.reliable(record.node)) return;
  const auto type = static_cast<VoteType>(record.detail);
  if (votes_.add(roster_, record) != VoteBook::Added::conflicting) return;
  const Hash128* other = votes_.other(record.node, record.height, record.round, type, record.id());
  report(record.at, {record.node},
         fmt::format("{} sent two {}s in height {} round {}: {} and {}", node_name(record.node), vote_name(type),
                     record.height, record.round, other == nullptr ? "?" : value_name(*other),
                     value_name(record.id())));
}

std::string_view vote_name(VoteType type) {
  switch (type) {
    case VoteType::none: return "statement";
    case VoteType::prevote: return "prevote";
    case VoteType::precommit: return "precommit";
    case VoteType::vote: return "vote";
    case VoteType::timeout: return "timeout";
  }
  return "?";
}

std::string value_name(Hash128 id) { return id ? short_hex(id) : "nil"; }

}  // namespace seqlab::scenarios
