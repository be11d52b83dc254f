// One Tendermint replica among puppets: every message that it gets is written by the test. n replicas of power 1 unless
// said otherwise; in height 1 the proposer of round r is node r (mod n), as all priorities start equal.
#pragma once

#include <utility>
#include <vector>

#include "protocols/consensus/tendermint/tendermint.hpp"
#include "tests/support/engine_harness.hpp"

namespace seqlab::test {

template <class Core = Tendermint>
EngineHarness::Make make_tendermint(const TendermintOptions& options = {}) {
  return [options](NodeId self) { return std::make_unique<EngineOf<Core>>(Core{self, options}); };
}

// Timer ids of the engine, in the order of its enumeration.
inline constexpr std::uint32_t propose_timer = 0, prevote_timer = 1, precommit_timer = 2, commit_timer = 3,
                               stall_timer = 4, fetch_timer = 5, sync_timer = 6, clock_timer = 7, empty_timer = 8;

template <class Core = Tendermint>
struct BasicSubject {
  explicit BasicSubject(std::uint32_t self_node = 3, const TendermintOptions& options = {},
                        Committee committee = equal_committee(4))
      : self{self_node}, net{committee, static_cast<std::uint32_t>(committee.size()), make_tendermint<Core>(options)} {
    net.start(self);
  }

  const Core& core() { return net.template engine<Core>(self); }
  Height height() { return next(net.chain(self).height()); }
  /// A block that the proposer of `round` may make.
  BlockPtr block(std::int32_t round, std::uint64_t mark = 1) {
    return net.block(self, NodeId{static_cast<std::uint32_t>(round) % static_cast<std::uint32_t>(net.size())},
                     Round{round}, mark);
  }
  NodeId proposer(std::int32_t round) { return Core{core()}.proposer_of(Round{round}); }
  void propose(std::int32_t round, const BlockPtr& b, std::int32_t valid_round = -1) {
    const NodeId p = proposer(round);
    net.deliver(p, self, net.proposal(p, height(), Round{round}, b, Round{valid_round}));
  }
  void vote(VoteType type, std::uint32_t from, std::int32_t round, BlockId b) {
    net.deliver(NodeId{from}, self, net.vote(NodeId{from}, type, height(), Round{round}, b));
  }
  void prevotes(std::vector<std::uint32_t> from, std::int32_t round, BlockId b) {
    for (const std::uint32_t f : from) vote(VoteType::prevote, f, round, b);
  }
  void precommits(std::vector<std::uint32_t> from, std::int32_t round, BlockId b) {
    for (const std::uint32_t f : from) vote(VoteType::precommit, f, round, b);
  }
  void time_out(std::uint32_t timer) { net.fire_timer(self, timer); }

  /// What it said in `round`, if it did.
  std::optional<BlockId> said(VoteType type, std::int32_t round) {
    std::optional<BlockId> out;
    for (const Vote& v : net.votes_by(self, type)) {
      if (v.round == Round{round} && v.height == height()) out = v.block;
    }
    return out;
  }
  std::optional<BlockId> prevoted(std::int32_t round) { return said(VoteType::prevote, round); }
  std::optional<BlockId> precommitted(std::int32_t round) { return said(VoteType::precommit, round); }

  NodeId self;
  EngineHarness net;
};
using Subject = BasicSubject<>;

inline constexpr BlockId nil{};

}  // namespace seqlab::test
