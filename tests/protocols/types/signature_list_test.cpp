#include "protocols/types/signature_list.hpp"

#include <algorithm>
#include <cstddef>

#include "protocols/types/block.hpp"
#include "tests/support/catch.hpp"

using namespace seqlab;
using namespace seqlab::protocols;

namespace {

CommitSignature by(std::uint32_t node) { return {NodeId{node}, at_ns(node), Signature{node + 1}}; }

}  // namespace

TEST_CASE("copies of a signature list share it until one is changed", "[types][signatures]") {
  SignatureList first{by(0), by(3)};
  SignatureList second = first;
  CHECK(&first[0] == &second[0]);
  CHECK(first == second);
  second.push_back(by(7));
  CHECK(first.size() == 2);
  CHECK(second.size() == 3);
  CHECK(first[0] == second[0]);
  CHECK_FALSE(first == second);
  first.edit()[1].signature = Signature{99};
  CHECK(second[1] == by(3));
  CHECK(SignatureList{} == SignatureList{});
  second.clear();
  CHECK(second.empty());
  CHECK(second == SignatureList{});
  CHECK(second.begin() == second.end());
}

TEST_CASE("the signers of a list are those of its content, also after a change", "[types][signatures]") {
  SignatureList list{by(200), by(1), by(65), by(127), by(128)};
  const SignatureList before = list;
  const auto windows = before.signers().windows();
  REQUIRE(windows.size() == 2);
  CHECK(windows[0].first == NodeId{0});
  CHECK(windows[0].nodes == Hash128{std::uint64_t{1} << 1U, (std::uint64_t{1} << 1U) | (std::uint64_t{1} << 63U)});
  CHECK(windows[1].first == NodeId{128});
  CHECK(windows[1].nodes == Hash128{1, std::uint64_t{1} << 8U});
  list.push_back(by(2));
  CHECK(list.signers().windows()[0].nodes.hi == 6);
  list.edit().erase(list.edit().begin() + 1);
  CHECK(list.signers().windows()[0].nodes.hi == 4);  // nothing is left of what was found out before
  CHECK(before.signers().windows()[0].nodes.hi == 2);
}

TEST_CASE("what logs keep of a list is its content, also after a change", "[types][signatures]") {
  SignatureList list{by(4), by(5)};
  const SignatureList same{by(4), by(5)};
  const SignatureList before = list;
  CHECK(SignatureList{}.log_bytes().empty());
  CHECK(list.log_bytes().size() == 40);
  CHECK(std::ranges::equal(list.log_bytes(), same.log_bytes()));
  CHECK(before.log_bytes().data() == list.log_bytes().data());  // put together once
  list.push_back(by(6));
  CHECK(list.log_bytes().size() == 60);
  CHECK(std::ranges::equal(list.log_bytes().first(40), before.log_bytes()));
  list.edit()[0] = by(9);  // nothing is left of what was put together before
  CHECK(list.log_bytes()[0] == std::byte{9});
  list.edit().clear();
  CHECK(list.log_bytes().empty());
}

TEST_CASE("a changed copy of a block is looked at anew", "[types][block]") {
  Block block;
  block.height = Height{1};
  block.bytes = block.compute_bytes();
  block.id = block.compute_id();
  CHECK(block.is_consistent());
  Block changed = block;
  changed.round = Round{3};
  CHECK_FALSE(changed.is_consistent());
  CHECK(block.is_consistent());
  Block other = changed;
  other.id = other.compute_id();
  CHECK(other.is_consistent());
  other = changed;
  CHECK_FALSE(other.is_consistent());
  Block longer = block;
  ++longer.bytes;
  longer.id = longer.compute_id();
  CHECK_FALSE(longer.is_consistent());
}
