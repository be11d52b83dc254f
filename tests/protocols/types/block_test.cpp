#include "protocols/types/block.hpp"

#include <functional>
#include <set>

#include "tests/support/catch.hpp"

using namespace seqlab;
using namespace seqlab::protocols;

namespace {

Vote some_vote() {
  return {.height = Height{4},
          .round = Round{1},
          .type = VoteType::prevote,
          .voter = NodeId{2},
          .block = {1, 2},
          .timestamp = at_ns(77),
          .signature = {5}};
}

Transaction some_transaction(std::uint64_t nonce) {
  Transaction tx{.id = {},
                 .sender = AccountId{3},
                 .receiver = AccountId{4},
                 .nonce = nonce,
                 .amount = Amount{10},
                 .fee = Amount{1},
                 .bytes = 250,
                 .client = NodeId{9},
                 .signature = {8}};
  tx.id = tx.compute_id();
  return tx;
}

Block some_block() {
  Block block{.id = {},
              .height = Height{4},
              .round = Round{1},
              .parent = {3, 3},
              .proposer = NodeId{2},
              .timestamp = at_ns(5),
              .state_before = {6, 6},
              .committee_hash = {7, 7},
              .transactions = {some_transaction(0), some_transaction(1)},
              .evidence = {{EvidenceKind::double_vote, NodeId{1}, some_vote(), some_vote()}},
              .last_commit = {Height{3}, Round{0}, {3, 3}, VoteType::precommit, {{NodeId{0}, at_ns(4), {2}}}}};
  block.bytes = block.compute_bytes();
  return block;
}

}  // namespace

TEST_CASE("hashing on the stack gives the digest of the same fields on the heap", "[types][hash]") {
  const Hash128 h{9, 10};
  CHECK(FieldHash<5>{}.add(3).add(Height{4}).add(VoteType::timeout).add(h).finish() ==
        HashBuilder{}.add(3).add(Height{4}).add(VoteType::timeout).add(h).finish());
  CHECK(FieldHash<5>{}.add(3).finish() != FieldHash<5>{}.add(3).add(0).finish());
}

TEST_CASE("a vote's digest covers all that is signed and neither voter nor signature", "[types][vote]") {
  const Vote vote = some_vote();
  const std::vector<std::function<void(Vote&)>> signed_fields = {
      [](Vote& v) { v.height = Height{5}; },         [](Vote& v) { v.round = Round{2}; },
      [](Vote& v) { v.type = VoteType::precommit; }, [](Vote& v) { v.block = {}; },
      [](Vote& v) { v.block = {2, 1}; },             [](Vote& v) { v.timestamp = at_ns(78); }};
  std::set<Hash128> digests = {vote.signed_digest()};
  for (const auto& change : signed_fields) {
    Vote changed = vote;
    change(changed);
    CHECK(digests.insert(changed.signed_digest()).second);
  }
  Vote other = vote;
  other.voter = NodeId{3};
  other.signature = {6};
  CHECK(other.signed_digest() == vote.signed_digest());
}

TEST_CASE("a transaction's id covers everything but its signature", "[types][transaction]") {
  const Transaction tx = some_transaction(0);
  const std::vector<std::function<void(Transaction&)>> fields = {
      [](Transaction& t) { t.sender = AccountId{4}; }, [](Transaction& t) { t.receiver = AccountId{3}; },
      [](Transaction& t) { t.nonce = 1; },             [](Transaction& t) { t.amount = Amount{11}; },
      [](Transaction& t) { t.fee = Amount{2}; },       [](Transaction& t) { t.gas = 1; },
      [](Transaction& t) { t.bytes = 251; },           [](Transaction& t) { t.client = NodeId{8}; }};
  std::set<Hash128> ids = {tx.id};
  for (const auto& change : fields) {
    Transaction changed = tx;
    change(changed);
    CHECK(ids.insert(changed.compute_id()).second);
    CHECK_FALSE(changed.well_formed());
    changed.id = changed.compute_id();
    CHECK(changed.well_formed());
  }
  Transaction resigned = tx;
  resigned.signature = {1};
  CHECK(resigned.compute_id() == tx.id);
}

TEST_CASE("a transaction with a field out of range is not well-formed", "[types][transaction]") {
  const std::vector<std::function<void(Transaction&)>> hostile = {
      [](Transaction& t) { t.amount = Amount{-1}; }, [](Transaction& t) { t.fee = Amount{-1}; },
      [](Transaction& t) { t.gas = 0; }, [](Transaction& t) { t.bytes = transaction_bytes_min - 1; }};
  for (const auto& change : hostile) {
    Transaction tx = some_transaction(0);
    change(tx);
    tx.id = tx.compute_id();
    CHECK_FALSE(tx.well_formed());
  }
}

TEST_CASE("a block's id covers every field of its content, signatures included", "[types][block]") {
  const Block block = some_block();
  const std::vector<std::function<void(Block&)>> fields = {
      [](Block& b) { b.height = Height{5}; },
      [](Block& b) { b.round = Round{2}; },
      [](Block& b) { b.parent = {}; },
      [](Block& b) { b.proposer = NodeId{1}; },
      [](Block& b) { b.timestamp = at_ns(6); },
      [](Block& b) { b.state_before = {}; },
      [](Block& b) { b.committee_hash = {}; },
      [](Block& b) { b.transactions.pop_back(); },
      [](Block& b) { std::swap(b.transactions[0], b.transactions[1]); },
      [](Block& b) { b.transactions[0].signature = {99}; },
      [](Block& b) { b.evidence.clear(); },
      [](Block& b) { b.evidence[0].offender = NodeId{3}; },
      [](Block& b) { b.evidence[0].second.signature = {4}; },
      [](Block& b) { b.last_commit.round = Round{1}; },
      [](Block& b) { b.last_commit.signatures.edit()[0].signature = {3}; },
      [](Block& b) { b.last_commit.signatures.edit()[0].timestamp = at_ns(5); },
      [](Block& b) { b.last_commit.signatures.clear(); },
      [](Block& b) { b.bytes += 1; }};
  std::set<Hash128> ids = {block.compute_id()};
  for (const auto& change : fields) {
    Block changed = block;
    change(changed);
    CHECK(ids.insert(changed.compute_id()).second);
  }
}

TEST_CASE("a block's size is the sum of its parts and cannot be made to wrap", "[types][block]") {
  Block block = some_block();
  CHECK(block.compute_bytes() == block_header_bytes + commit_bytes + commit_signature_bytes + evidence_bytes + 500);
  block.transactions[0].bytes = 0;  // claims less than it can be
  CHECK(block.compute_bytes() ==
        block_header_bytes + commit_bytes + commit_signature_bytes + evidence_bytes + 250 + transaction_bytes_min);
  block.transactions[0].bytes = 0xffffffffU;
  CHECK(block.compute_bytes() == 0xffffffffU);
}

TEST_CASE("evidence has one id whichever statement was seen first", "[types][evidence]") {
  Vote other = some_vote();
  other.block = {9, 9};
  const Evidence one{EvidenceKind::double_vote, NodeId{2}, some_vote(), other};
  const Evidence two{EvidenceKind::double_vote, NodeId{2}, other, some_vote()};
  CHECK(one.id() == two.id());
  CHECK(Evidence{EvidenceKind::double_vote, NodeId{1}, some_vote(), other}.id() != one.id());
  CHECK(Evidence{EvidenceKind::double_proposal, NodeId{2}, some_vote(), other}.id() != one.id());
  CHECK(Evidence{EvidenceKind::double_vote, NodeId{2}, some_vote(), some_vote()}.id() != one.id());
}
