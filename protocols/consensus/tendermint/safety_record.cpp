#include "protocols/consensus/tendermint/safety_record.hpp"

#include <memory>
#include <utility>

#include "protocols/consensus/log_encoding.hpp"

namespace seqlab::protocols {

namespace {

LogWriter& write(LogWriter& w, const LockedValue& v) { return w.add(v.round).add(v.block); }
LogReader& read(LogReader& r, LockedValue& v) { return r.get(v.round).get(v.block); }

}  // namespace

std::vector<std::byte> encode(const SafetyRecord& record) {
  constexpr std::size_t fixed = 128;
  constexpr std::size_t polka_vote_bytes = 20;
  constexpr std::size_t precommit_bytes = 36;
  LogWriter w{fixed + record.polka.size() * polka_vote_bytes + record.passed.size() * precommit_bytes +
              (record.body != nullptr ? log_size(*record.body) : 0)};
  w.add(record.statement).add(record.height).add(record.round).add(record.block).add(record.proposal_valid_round);
  w.add(record.timestamp).add(record.signature.handle);
  write(w, record.locked);
  write(w, record.valid);
  w.add(static_cast<std::uint32_t>(record.polka.size()));
  for (const CommitSignature& s : record.polka) w.add(s.voter).add(s.timestamp).add(s.signature.handle);
  w.add(static_cast<std::uint32_t>(record.passed.size()));
  for (const KeptPrecommit& p : record.passed) {
    w.add(p.block).add(p.by.voter).add(p.by.timestamp).add(p.by.signature.handle);
  }
  w.add(std::uint8_t{record.body != nullptr});
  if (record.body != nullptr) w.add(*record.body);
  return w.take();
}

std::optional<SafetyRecord> decode(std::span<const std::byte> bytes) {
  LogReader r{bytes};
  SafetyRecord record;
  std::uint8_t has_body = 0;
  r.get(record.statement).get(record.height).get(record.round).get(record.block).get(record.proposal_valid_round);
  r.get(record.timestamp).get(record.signature.handle);
  read(r, record.locked);
  read(r, record.valid);
  std::uint32_t votes = 0;
  r.get(votes);
  for (std::uint32_t i = 0; i < votes && r.good(); ++i) {
    CommitSignature s;
    r.get(s.voter).get(s.timestamp).get(s.signature.handle);
    record.polka.push_back(s);
  }
  std::uint32_t precommits = 0;
  r.get(precommits);
  for (std::uint32_t i = 0; i < precommits && r.good(); ++i) {
    KeptPrecommit p;
    r.get(p.block).get(p.by.voter).get(p.by.timestamp).get(p.by.signature.handle);
    record.passed.push_back(p);
  }
  r.get(has_body);
  if (has_body != 0) {
    Block body;
    r.get(body);
    record.body = std::make_shared<const Block>(std::move(body));
  }
  if (!r.good() || !r.at_end() || record.statement > Statement::value_seen) return std::nullopt;
  return record;
}

}  // namespace seqlab::protocols
