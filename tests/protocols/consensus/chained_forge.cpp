// What a corrupt leader of a chained engine can make of its proposal.
#include <memory>

#include "protocols/consensus/chained/messages.hpp"
#include "protocols/consensus/forge.hpp"
#include "sim/net/message.hpp"
#include "tests/support/catch.hpp"

using namespace seqlab;
using namespace seqlab::protocols;

namespace {

constexpr NodeId liar{2};

/// Proposed by n2 in that round, on a certificate of n0, n1 and n2.
ChainedProposalMessage proposal(std::int32_t round, std::uint64_t height, std::uint64_t parent, TimeoutCertPtr tc) {
  Block b;
  b.height = Height{height};
  b.round = Round{round};
  b.parent = {parent, parent};
  b.proposer = liar;
  b.last_commit.height = previous(b.height);
  b.last_commit.block = b.parent;
  for (std::uint32_t n = 0; n < 3; ++n) b.last_commit.signatures.push_back({NodeId{n}, time_zero, Signature{n + 1}});
  b.bytes = b.compute_bytes();
  b.id = b.compute_id();
  Proposal p;
  p.height = b.height;
  p.round = b.round;
  p.proposer = liar;
  p.block = std::make_shared<const Block>(std::move(b));
  return {Epoch{1}, std::move(p), std::move(tc), Height{0}};
}

}  // namespace

TEST_CASE("a forged proposal can take up an older block's parent, in its own round", "[chained][forge]") {
  const auto signatures = make_signatures(SignatureBackend::ideal, 1);
  const Signer signer{*signatures, {liar.value}};
  sim::MessagePool pool;
  const ChainedProposalMessage older = proposal(2, 1, 0, nullptr);
  const ChainedProposalMessage now = proposal(6, 3, 9, std::make_shared<const TimeoutCert>());
  const ForgeChanges changes{.parent_of = Round{2}};

  const MessagePtr made = forge(pool, now, liar, changes, signer, &older);
  const auto& forged = static_cast<const ChainedProposalMessage&>(*made);
  const Block& b = *forged.proposal.block;
  CHECK(forged.proposal.round == Round{6});
  CHECK(forged.proposal.height == Height{1});
  CHECK(b.round == Round{6});
  CHECK(b.parent == older.proposal.block->parent);
  CHECK(b.last_commit == older.proposal.block->last_commit);
  CHECK(b.id == b.compute_id());
  CHECK(forged.tc == now.tc);
  CHECK(signatures->verify(liar.value, forged.proposal.signed_digest(), forged.proposal.signature));

  const MessagePtr unseen = forge(pool, now, liar, changes, signer);
  CHECK(static_cast<const ChainedProposalMessage&>(*unseen).proposal.block->parent == now.proposal.block->parent);
}

TEST_CASE("a padded certificate lists its forger alone", "[chained][forge]") {
  const auto signatures = make_signatures(SignatureBackend::ideal, 1);
  const Signer signer{*signatures, {liar.value}};
  sim::MessagePool pool;
  const ChainedProposalMessage now = proposal(6, 3, 9, nullptr);
  const MessagePtr made = forge(pool, now, liar, {.padded = true}, signer);
  const Block& b = *static_cast<const ChainedProposalMessage&>(*made).proposal.block;
  REQUIRE(b.last_commit.signatures.size() == 3);
  for (const CommitSignature& s : b.last_commit.signatures) CHECK(s.voter == liar);
  CHECK(b.id == b.compute_id());
  CHECK(b.id != now.proposal.block->id);
}
