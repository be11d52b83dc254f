// What a batch of rollup blocks looks like on a layer-1 chain: which transactions carry it, how large they are, what
// they offer. Sizes: ANS-104 (a bundle has a 32-byte count and 64 bytes an item); Bitcoin's standard limit of 400,000
// weight, of which Citrea uses 397,000 for a body; OP Stack frames (23 bytes) in blobs of 130,044 usable bytes.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "protocols/l1/data.hpp"
#include "protocols/l1/profile.hpp"
#include "protocols/relay/options.hpp"

namespace seqlab::protocols {

/// Consecutive blocks that are written together, and what identifies and pays for their transactions. What a writer
/// has to remember in order to make exactly the same transactions again.
struct Batch {
  Height first{};
  std::uint32_t blocks = 0;
  Hash128 id;                     ///< of the submission: another one each time that it is made anew
  std::uint64_t nonce = 0;        ///< of its first transaction
  L1Price price[l1_lane_count] = {0, 0};
  SimTime prepared{};
  std::uint32_t attempt = 0;      ///< how often it was sent, or made anew, before
  Height last() const { return Height{first.value + blocks - 1}; }
  friend bool operator==(const Batch&, const Batch&) = default;
};

/// How the data of one design go to one chain.
class BatchFormat {
 public:
  BatchFormat() = default;
  BatchFormat(const L1Profile& profile, RelayFormat format);

  /// Whether a bundler posts them.
  bool bundled() const { return kind_ == Kind::bundle; }
  /// Bytes of data that one transaction carries.
  std::uint64_t payload_max() const;
  /// The lane whose price decides.
  L1Lane lane() const { return kind_ == Kind::blobs ? L1Lane::blobs : L1Lane::ordinary; }
  /// How many nonces the batch takes.
  std::uint32_t transactions(std::span<const BlockPtr> blocks) const;
  /// The transactions of a batch in the order of their nonces. A function of its arguments alone.
  /// @param before  see BatchData
  std::vector<L1TransactionPtr> make(const Batch& batch, std::span<const BlockPtr> blocks, NodeId author,
                                     std::uint64_t before) const;
  /// What the data take up among the blocks of a batch.
  static std::uint64_t bytes(std::span<const BlockPtr> blocks);

 private:
  enum class Kind : std::uint8_t { bundle, inscription, calldata, blobs };
  std::uint64_t encoded(std::span<const BlockPtr> blocks) const;
  Kind kind_ = Kind::bundle;
};

/// Identifies what the batch says: its blocks, and `salt`, by which one copy differs from another.
Hash128 submission_id(std::span<const BlockPtr> blocks, std::uint64_t salt);

/// What nobody knows any more after so long is taken for lost: a minute (Astria), an hour where a bundler holds it
/// (Warp).
Duration lost_after_of(const RelayOptions& options, const L1Profile& profile);
/// Three mean intervals between blocks, at least a minute.
Duration bump_after_of(const RelayOptions& options, const L1Profile& profile);

}  // namespace seqlab::protocols
