#include "protocols/relay/journal.hpp"

#include "protocols/consensus/log_encoding.hpp"

namespace seqlab::protocols {

std::vector<std::byte> encode(const Journal& journal) {
  LogWriter out(16 + journal.prepared.size() * 72);
  out.add(journal.last).add(static_cast<std::uint32_t>(journal.prepared.size()));
  for (const Batch& b : journal.prepared) {
    out.add(b.first)
        .add(b.blocks)
        .add(b.id)
        .add(b.nonce)
        .add(b.price[0])
        .add(b.price[1])
        .add(b.prepared)
        .add(b.attempt);
  }
  return out.take();
}

Journal decode_journal(std::span<const std::byte> bytes) {
  Journal out;
  LogReader in{bytes};
  std::uint32_t count = 0;
  in.get(out.last).get(count);
  if (!in.good() || count > Journal::batches_max) return {};
  for (std::uint32_t i = 0; i < count && in.good(); ++i) {
    Batch b;
    in.get(b.first).get(b.blocks).get(b.id).get(b.nonce).get(b.price[0]).get(b.price[1]).get(b.prepared).get(b.attempt);
    out.prepared.push_back(b);
  }
  if (!in.good() || !in.at_end()) return {};
  return out;
}

}  // namespace seqlab::protocols
