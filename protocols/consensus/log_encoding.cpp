#include "protocols/consensus/log_encoding.hpp"

#include <cstring>

namespace seqlab::protocols {

namespace {

/// Set in the byte of the type where an epoch follows: the first one is not written.
constexpr std::uint8_t epoch_follows = 0x80;

std::uint8_t type_byte(VoteType type, Epoch epoch) {
  return static_cast<std::uint8_t>(static_cast<unsigned>(type) | (epoch != Epoch{} ? epoch_follows : 0U));
}

/// @return whether an epoch follows
bool split(std::uint8_t byte, VoteType& type) {
  type = static_cast<VoteType>(byte & ~unsigned{epoch_follows});
  return (byte & epoch_follows) != 0;
}

}  // namespace

LogWriter& LogWriter::add(const Vote& v) {
  add(v.height).add(v.round).add(type_byte(v.type, v.epoch));
  if (v.epoch != Epoch{}) add(v.epoch);
  return add(v.voter).add(v.block).add(v.timestamp).add(v.signature.handle);
}

LogWriter& LogWriter::add(const Commit& c) {
  add(c.height).add(c.round).add(c.block).add(type_byte(c.type, c.epoch));
  if (c.epoch != Epoch{}) add(c.epoch);
  add(c.signatures.size());
  // The bulk of what chained engines write: put together once for all nodes that hold the certificate.
  const std::span<const std::byte> signatures = c.signatures.log_bytes();
  return raw(signatures.data(), signatures.size());
}

/// Set in the count of evidence: what the block takes from layer 1 follows. Other blocks are written as ever.
constexpr std::size_t has_external = std::size_t{1} << 63U;

LogWriter& LogWriter::add(const Block& b) {
  add(b.id).add(b.height).add(b.round).add(b.parent).add(b.proposer).add(b.timestamp).add(b.state_before);
  add(b.committee_hash).add_array(b.transactions);
  add(b.evidence.size() | (b.external ? has_external : 0));
  for (const Evidence& e : b.evidence) add(e.kind).add(e.offender).add(e.first).add(e.second);
  if (b.external) {
    const External& x = *b.external;
    add(x.ref.height).add(x.ref.id).add(x.ref.timestamp).add(x.pointer).add(x.items.size());
    std::vector<Transaction> transactions;
    for (const ForcedItem& item : x.items) {
      add(item.id).add(item.position).add(item.l1_height).add(item.l1_timestamp);
      const Condition counts_on = item.condition.value_or(Condition{});
      add(std::uint8_t{item.condition.has_value()}).add(counts_on.account).add(counts_on.least);
      transactions.push_back(item.transaction);
    }
    add_array(transactions);
  }
  return add(b.last_commit).add(b.bytes);
}

LogReader& LogReader::get(Vote& v) {
  std::uint8_t type = 0;
  get(v.height).get(v.round).get(type);
  if (split(type, v.type)) get(v.epoch);
  return get(v.voter).get(v.block).get(v.timestamp).get(v.signature.handle);
}

LogReader& LogReader::get(Commit& c) {
  std::size_t signatures = 0;
  std::uint8_t type = 0;
  get(c.height).get(c.round).get(c.block).get(type);
  if (split(type, c.type)) get(c.epoch);
  get(signatures);
  for (std::size_t i = 0; i < signatures && good(); ++i) {
    CommitSignature s{};
    get(s.voter).get(s.timestamp).get(s.signature.handle);
    c.signatures.push_back(s);
  }
  return *this;
}

LogReader& LogReader::get(Block& b) {
  get(b.id).get(b.height).get(b.round).get(b.parent).get(b.proposer).get(b.timestamp).get(b.state_before);
  std::size_t evidence = 0;
  get(b.committee_hash).get_array(b.transactions).get(evidence);
  const bool external = (evidence & has_external) != 0;
  evidence &= ~has_external;
  for (std::size_t i = 0; i < evidence && good(); ++i) {
    Evidence e;
    get(e.kind).get(e.offender).get(e.first).get(e.second);
    b.evidence.push_back(e);
  }
  if (external) {
    External x;
    std::size_t items = 0;
    get(x.ref.height).get(x.ref.id).get(x.ref.timestamp).get(x.pointer).get(items);
    for (std::size_t i = 0; i < items && good(); ++i) {
      ForcedItem item;
      std::uint8_t conditional = 0;
      Condition counts_on;
      get(item.id).get(item.position).get(item.l1_height).get(item.l1_timestamp);
      get(conditional).get(counts_on.account).get(counts_on.least);
      if (conditional != 0) item.condition = counts_on;
      x.items.push_back(std::move(item));
    }
    std::vector<Transaction> transactions;
    get_array(transactions);
    for (std::size_t i = 0; i < x.items.size() && i < transactions.size(); ++i) {
      x.items[i].transaction = transactions[i];
    }
    b.external = std::move(x);
  }
  return get(b.last_commit).get(b.bytes);
}

std::size_t log_size(const Block& block) {
  constexpr std::size_t fixed = 256;
  return fixed + block.transactions.size() * sizeof(Transaction) + block.evidence.size() * sizeof(Evidence) +
         block.last_commit.signatures.size() * sizeof(CommitSignature);
}

}  // namespace seqlab::protocols
