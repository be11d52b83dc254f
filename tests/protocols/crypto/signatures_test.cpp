#include "protocols/crypto/signatures.hpp"

#include <set>

#include "sim/base/assert.hpp"
#include "sim/random/stream.hpp"
#include "tests/support/catch.hpp"

using namespace seqlab;
using namespace seqlab::protocols;

namespace {
constexpr SignatureBackend backends[] = {SignatureBackend::ideal, SignatureBackend::real};
}

TEST_CASE("a signature is good for its key and digest and for nothing else", "[crypto]") {
  for (const SignatureBackend backend : backends) {
    const auto signatures = make_signatures(backend, 7);
    const Hash128 digest{1, 2};
    const Signature s = signatures->sign(3, digest);
    CHECK(s.handle != 0);
    CHECK(signatures->verify(3, digest, s));
    CHECK(signatures->verify(3, digest, s));  // from the cache
    CHECK_FALSE(signatures->verify(4, digest, s));
    CHECK_FALSE(signatures->verify(account_key(3), digest, s));
    CHECK_FALSE(signatures->verify(3, {2, 1}, s));
    CHECK_FALSE(signatures->verify(3, {1, 3}, s));
    CHECK_FALSE(signatures->verify(3, digest, {}));
    CHECK_FALSE(signatures->verify(3, digest, {s.handle ^ 1}));
    CHECK_FALSE(signatures->verify(3, digest, signatures->sign(3, {5, 5})));
    CHECK_FALSE(signatures->verify(3, digest, signatures->sign(4, digest)));
  }
}

TEST_CASE("guessed signatures are never good", "[crypto]") {
  for (const SignatureBackend backend : backends) {
    const auto signatures = make_signatures(backend, 7);
    sim::Stream luck{1, "test.guess"};
    for (int i = 0; i < 20'000; ++i) {
      const std::uint64_t guess = luck.next64();
      CHECK_FALSE(signatures->verify(1, {3, 4}, {guess}));
    }
  }
}

TEST_CASE("another seed means other keys", "[crypto]") {
  for (const SignatureBackend backend : backends) {
    const auto one = make_signatures(backend, 1);
    const auto two = make_signatures(backend, 2);
    const Signature s = one->sign(3, {1, 2});
    CHECK_FALSE(two->verify(3, {1, 2}, s));
    CHECK(make_signatures(backend, 1)->verify(3, {1, 2}, s));  // a world that never signed it agrees that it is good
  }
}

TEST_CASE("both back ends give every observer the same answers", "[crypto]") {
  const auto ideal = make_signatures(SignatureBackend::ideal, 42);
  const auto real = make_signatures(SignatureBackend::real, 42);
  sim::Stream luck{1, "test.backends"};
  std::set<std::uint64_t> handles;
  for (int i = 0; i < 300; ++i) {
    const auto key = luck.next32();
    const auto hi = luck.next64();
    const auto lo = luck.next64();
    const Hash128 digest{hi, lo};
    const Signature a = ideal->sign(key, digest);
    const Signature b = real->sign(key, digest);
    CHECK(a == b);
    CHECK(handles.insert(a.handle).second);
    const Signature bent{a.handle ^ (std::uint64_t{1} << luck.below(64))};
    CHECK(ideal->verify(key, digest, a) == real->verify(key, digest, b));
    CHECK(ideal->verify(key, digest, bent) == real->verify(key, digest, bent));
  }
}

TEST_CASE("real signatures stay good when the table has let them go", "[crypto][.slow]") {
  const auto real = make_signatures(SignatureBackend::real, 42);
  const Signature first = real->sign(1, {1, 1});
  for (std::uint64_t i = 0; i < 140'000; ++i) static_cast<void>(real->sign(2, {i, 0}));
  CHECK(real->verify(1, {1, 1}, first));
  CHECK_FALSE(real->verify(1, {1, 2}, first));
}

TEST_CASE("a signer signs with its own keys and no others", "[crypto]") {
  for (const SignatureBackend backend : backends) {
    const auto signatures = make_signatures(backend, 7);
    const Signer signer{*signatures, {9, 3}};
    CHECK(signer.owns(3));
    CHECK(signer.owns(9));
    CHECK_FALSE(signer.owns(4));
    CHECK(signatures->verify(9, {1, 2}, signer.sign(9, {1, 2})));
    CHECK_THROWS_AS(signer.sign(4, {1, 2}), InternalError);
    CHECK_THROWS_AS(Signer{}.sign(4, {1, 2}), InternalError);
  }
}
