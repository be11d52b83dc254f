// Signatures behind one interface with two back ends.
//
// A Signature is a handle of 8 bytes; messages and votes stay small and comparable. The handle is a keyed hash of (key,
// digest) that only the holder of the secret can make. With `ideal` that is all; with `real` it names an ed25519
// signature (64 bytes, libsodium) in the world's table. Both back ends give the same handles, so whatever is computed
// from them (block ids), and every record, is the same as well.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "sim/base/hash.hpp"
#include "sim/base/strong.hpp"
#include "sim/kernel/time.hpp"

namespace seqlab::protocols {

struct Signature {
  std::uint64_t handle = 0;  ///< 0: unsigned
  friend auto operator<=>(const Signature&, const Signature&) = default;
};

inline constexpr std::uint32_t signature_bytes = 64;  ///< on the wire, for both back ends

enum class SignatureBackend : std::uint8_t { ideal, real };

/// Keys of a world. Key numbers: validators use their node number, accounts use `account_key`.
/// Everything is a pure function of (seed, key, digest): no state is visible through it.
class Signatures {
 public:
  virtual ~Signatures() = default;
  /// Signs with the secret of `key`. Whoever holds a reference could sign for anybody: adversaries get a `Signer`.
  virtual Signature sign(std::uint32_t key, const Hash128& digest) = 0;
  /// Repeated checks of one (key, digest, signature) are answered from a cache.
  virtual bool verify(std::uint32_t key, const Hash128& digest, Signature signature) = 0;
};

std::unique_ptr<Signatures> make_signatures(SignatureBackend backend, std::uint64_t seed);

/// The right to sign with some keys and no others.
class Signer {
 public:
  Signer() = default;
  Signer(Signatures& signatures, std::vector<std::uint32_t> keys);
  bool owns(std::uint32_t key) const;
  /// @pre owns(key)
  Signature sign(std::uint32_t key, const Hash128& digest) const;

 private:
  Signatures* signatures_ = nullptr;
  std::vector<std::uint32_t> keys_;
};

/// Account keys live above all node numbers.
constexpr std::uint32_t account_key(std::uint32_t account) { return 0x80000000U | account; }

}  // namespace seqlab::protocols
