#include "protocols/relay/batch.hpp"

#include <algorithm>
#include <memory>

namespace seqlab::protocols {

namespace {

// ANS-104: 32 bytes of count, then size and id of each item. An item of Warp: an RSA signature and its key, and tags.
constexpr std::uint64_t bundle_bytes = 32;
constexpr std::uint64_t bundle_entry_bytes = 64;
constexpr std::uint64_t data_item_bytes = 2 + 512 + 512 + 1 + 1 + 32 + 16 + 300;
// Bitcoin: what surrounds a body of at most 397,000 bytes of witness (a weight unit each) in the reveal, in weight.
constexpr std::uint64_t reveal_weight = 600;
constexpr std::uint64_t reveal_body_max = 397'000;
constexpr std::uint64_t commit_vbytes = 154;
// Ethereum.
constexpr std::uint64_t blob_bytes = 131'072;
constexpr std::uint64_t blob_payload = 130'044;
constexpr std::uint64_t blobs_max = 6;
constexpr std::uint64_t frame_bytes = 23;
constexpr std::uint64_t calldata_max = 120'000;
constexpr std::uint64_t transaction_gas = 21'000;
constexpr std::uint64_t calldata_gas = 40;  // a byte, not zero, of a transaction that does nothing else (EIP-7623)

std::uint64_t divide_up(std::uint64_t a, std::uint64_t b) { return (a + b - 1) / b; }

}  // namespace

BatchFormat::BatchFormat(const L1Profile& profile, RelayFormat format) {
  if (profile.fees[static_cast<std::size_t>(L1Lane::blobs)].kind != FeeMarketOptions::Kind::none) {
    kind_ = format == RelayFormat::calldata ? Kind::calldata : Kind::blobs;
  } else if (profile.fees[0].kind == FeeMarketOptions::Kind::auction) {
    kind_ = Kind::inscription;
  }
}

std::uint64_t BatchFormat::payload_max() const {
  switch (kind_) {
    case Kind::bundle: return std::uint64_t{1} << 31U;
    case Kind::inscription: return reveal_body_max;
    case Kind::calldata: return calldata_max - frame_bytes;
    case Kind::blobs: return blobs_max * (blob_payload - frame_bytes);
  }
  return 0;
}

std::uint64_t BatchFormat::bytes(std::span<const BlockPtr> blocks) {
  std::uint64_t sum = 0;
  for (const BlockPtr& block : blocks) sum += block->bytes;
  return sum;
}

std::uint64_t BatchFormat::encoded(std::span<const BlockPtr> blocks) const {
  const std::uint64_t data = bytes(blocks);
  if (kind_ != Kind::bundle) return data;
  return bundle_bytes + blocks.size() * (bundle_entry_bytes + data_item_bytes) + data;
}

std::uint32_t BatchFormat::transactions(std::span<const BlockPtr> blocks) const {
  const std::uint64_t frames = std::max<std::uint64_t>(divide_up(encoded(blocks), payload_max()), 1);
  return static_cast<std::uint32_t>(kind_ == Kind::inscription ? 2 * frames : frames);
}

std::vector<L1TransactionPtr> BatchFormat::make(const Batch& batch, std::span<const BlockPtr> blocks,
                                                NodeId author, std::uint64_t before) const {
  std::vector<L1TransactionPtr> out;
  std::uint64_t left = encoded(blocks);
  std::uint64_t nonce = batch.nonce;
  const auto frames = static_cast<std::uint32_t>(std::max<std::uint64_t>(divide_up(left, payload_max()), 1));
  for (std::uint32_t frame = 0; frame < frames; ++frame) {
    const std::uint64_t data = std::min(left, payload_max());
    left -= data;
    L1Transaction tx;
    tx.author = author;
    tx.has_nonce = kind_ != Kind::bundle;
    std::copy(std::begin(batch.price), std::end(batch.price), std::begin(tx.price_max));
    const auto identify = [&](std::string_view what) {
      HashBuilder h{what};
      h.add(batch.id).add(author).add(frame).add(tx.nonce).add(tx.price_max[0]).add(tx.price_max[1]);
      tx.id = h.finish();
    };
    if (kind_ == Kind::inscription) {
      // The writer's coins are one sequence: what spends the same output replaces what was there, as a nonce does.
      L1Transaction commit = tx;
      std::swap(commit, tx);
      tx.kind = L1TxKind::commit;
      tx.nonce = nonce++;
      tx.units[0] = commit_vbytes;
      tx.bytes = static_cast<std::uint32_t>(commit_vbytes);
      identify("inscription commit");
      std::swap(commit, tx);
      tx.after = commit.id;
      out.push_back(std::make_shared<const L1Transaction>(std::move(commit)));
    }
    tx.kind = L1TxKind::batch;
    if (tx.has_nonce) tx.nonce = nonce++;
    tx.bytes = static_cast<std::uint32_t>(data);
    switch (kind_) {
      case Kind::bundle: tx.units[0] = data; break;
      case Kind::inscription: tx.units[0] = divide_up(data + reveal_weight, 4); break;
      case Kind::calldata: tx.units[0] = transaction_gas + (data + frame_bytes) * calldata_gas; break;
      case Kind::blobs:
        tx.units[0] = transaction_gas;
        tx.units[1] = divide_up(data, blob_payload - frame_bytes) * blob_bytes;
        break;
    }
    auto says = std::make_shared<BatchData>();
    says->channel = batch.id;
    says->frame = frame;
    says->frames = frames;
    says->blocks.assign(blocks.begin(), blocks.end());
    says->before = before;
    tx.data = std::move(says);
    identify("batch frame");
    out.push_back(std::make_shared<const L1Transaction>(std::move(tx)));
  }
  return out;
}

Hash128 submission_id(std::span<const BlockPtr> blocks, std::uint64_t salt) {
  HashBuilder h{"submission"};
  for (const BlockPtr& block : blocks) h.add(block->id);
  return h.add(salt).finish();
}

Duration lost_after_of(const RelayOptions& options, const L1Profile& profile) {
  using namespace std::chrono_literals;
  if (options.lost_after > Duration::zero()) return options.lost_after;
  return BatchFormat{profile, options.format}.bundled() ? Duration{1h} : Duration{1min};
}

Duration bump_after_of(const RelayOptions& options, const L1Profile& profile) {
  using namespace std::chrono_literals;
  if (options.bump_after > Duration::zero()) return options.bump_after;
  return std::max<Duration>(3 * profile.interval, 1min);
}

}  // namespace seqlab::protocols
