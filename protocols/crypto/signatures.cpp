#include "protocols/crypto/signatures.hpp"

#include <sodium.h>

#include <algorithm>
#include <array>

#include "sim/base/assert.hpp"

namespace seqlab::protocols {

namespace {

/// The name of the one signature of `key` under `digest`: a hash keyed with the world's secret, never 0. Both schemes
/// are deterministic, so a signature is a function of (key, digest), and both back ends give it the same name.
std::uint64_t handle_of(std::uint64_t secret, std::uint32_t key, const Hash128& digest) {
  const std::array<std::uint64_t, 3> words{key, digest.hi, digest.lo};
  const std::uint64_t handle = hash64(std::as_bytes(std::span{words}), secret);
  return handle == 0 ? 1 : handle;
}

std::uint64_t world_secret(std::uint64_t seed) {
  return FieldHash<2>{}.add(hash_domain("signature secret")).add(seed).finish().lo;
}

/// Unforgeable because nobody but this object knows the secret: who holds no right to sign cannot name the handle.
class IdealSignatures final : public Signatures {
 public:
  explicit IdealSignatures(std::uint64_t seed) : secret_(world_secret(seed)) {}
  Signature sign(std::uint32_t key, const Hash128& digest) override { return {handle_of(secret_, key, digest)}; }
  bool verify(std::uint32_t key, const Hash128& digest, Signature signature) override {
    return signature.handle == handle_of(secret_, key, digest);
  }

 private:
  std::uint64_t secret_;
};

/// ed25519. The table of signatures is a cache of a pure function: what was pushed out is made again when it is asked
/// for, so that memory stays bounded and nothing depends on its size.
class RealSignatures final : public Signatures {
 public:
  explicit RealSignatures(std::uint64_t seed) : seed_(seed), secret_(world_secret(seed)) {
    SEQLAB_ASSERT(sodium_init() >= 0);
  }

  Signature sign(std::uint32_t key, const Hash128& digest) override {
    const std::uint64_t handle = handle_of(secret_, key, digest);
    entry(handle, key, digest);
    return {handle};
  }

  bool verify(std::uint32_t key, const Hash128& digest, Signature signature) override {
    // A handle that this key never made for this digest names no signature of it at all.
    if (signature.handle != handle_of(secret_, key, digest)) return false;
    Entry& e = entry(signature.handle, key, digest);
    if (e.checked == Entry::Checked::not_yet) {
      const auto text = message(digest);
      const bool good =
          crypto_sign_verify_detached(e.bytes.data(), text.data(), text.size(), pair(key).public_key.data()) == 0;
      e.checked = good ? Entry::Checked::good : Entry::Checked::bad;
    }
    return e.checked == Entry::Checked::good;
  }

 private:
  static constexpr std::size_t message_bytes = 16;
  static constexpr std::size_t generation_size = std::size_t{1} << 16U;

  struct KeyPair {
    std::array<unsigned char, crypto_sign_PUBLICKEYBYTES> public_key;
    std::array<unsigned char, crypto_sign_SECRETKEYBYTES> secret_key;
  };
  struct Entry {
    enum class Checked : std::uint8_t { not_yet, good, bad };
    std::array<unsigned char, crypto_sign_BYTES> bytes{};
    Checked checked = Checked::not_yet;
  };
  using Table = std::unordered_map<std::uint64_t, Entry>;

  /// The digest as it is signed: big-endian, so that the bytes do not depend on the machine.
  static std::array<unsigned char, message_bytes> message(const Hash128& digest) {
    std::array<unsigned char, message_bytes> out{};
    for (std::size_t i = 0; i < 8; ++i) {
      out[i] = static_cast<unsigned char>(digest.hi >> (56 - 8 * i));
      out[i + 8] = static_cast<unsigned char>(digest.lo >> (56 - 8 * i));
    }
    return out;
  }

  const KeyPair& pair(std::uint32_t key) {
    const auto [at, fresh] = pairs_.try_emplace(key);
    if (fresh) {
      std::array<unsigned char, crypto_sign_SEEDBYTES> seed{};
      const Hash128 high = FieldHash<3>{}.add(hash_domain("key high")).add(seed_).add(key).finish();
      const Hash128 low = FieldHash<3>{}.add(hash_domain("key low")).add(seed_).add(key).finish();
      const auto high_bytes = message(high);
      const auto low_bytes = message(low);
      std::ranges::copy(high_bytes, seed.begin());
      std::ranges::copy(low_bytes, seed.begin() + high_bytes.size());
      crypto_sign_seed_keypair(at->second.public_key.data(), at->second.secret_key.data(), seed.data());
    }
    return at->second;
  }

  Entry& entry(std::uint64_t handle, std::uint32_t key, const Hash128& digest) {
    if (const auto at = young_.find(handle); at != young_.end()) return at->second;
    if (young_.size() >= generation_size) {
      old_ = std::move(young_);
      young_.clear();
    }
    if (const auto at = old_.find(handle); at != old_.end()) return young_.emplace(handle, at->second).first->second;
    Entry& fresh = young_[handle];
    const auto text = message(digest);
    crypto_sign_detached(fresh.bytes.data(), nullptr, text.data(), text.size(), pair(key).secret_key.data());
    return fresh;
  }

  std::uint64_t seed_;
  std::uint64_t secret_;
  std::unordered_map<std::uint32_t, KeyPair> pairs_;
  Table young_;
  Table old_;
};

}  // namespace

std::unique_ptr<Signatures> make_signatures(SignatureBackend backend, std::uint64_t seed) {
  if (backend == SignatureBackend::real) return std::make_unique<RealSignatures>(seed);
  return std::make_unique<IdealSignatures>(seed);
}

Signer::Signer(Signatures& signatures, std::vector<std::uint32_t> keys)
    : signatures_(&signatures), keys_(std::move(keys)) {
  std::ranges::sort(keys_);
}

bool Signer::owns(std::uint32_t key) const { return std::ranges::binary_search(keys_, key); }

Signature Signer::sign(std::uint32_t key, const Hash128& digest) const {
  SEQLAB_ASSERT(signatures_ != nullptr && owns(key), key);
  return signatures_->sign(key, digest);
}

}  // namespace seqlab::protocols
