#include "protocols/consensus/engines.hpp"

#include <algorithm>
#include <array>

#include "protocols/consensus/centralised/centralised.hpp"
#include "protocols/consensus/hotstuff/hotstuff.hpp"
#include "protocols/consensus/jolteon/jolteon.hpp"
#include "protocols/consensus/monadbft/monadbft.hpp"
#include "protocols/consensus/mysticeti/mysticeti.hpp"
#include "protocols/consensus/pbft/pbft.hpp"
#include "protocols/consensus/rotating/rotating.hpp"
#include "protocols/consensus/streamlet/streamlet.hpp"
#include "protocols/consensus/tendermint/tendermint.hpp"

namespace seqlab::protocols {

namespace {

/// Leaves everything at its default but `Member`.
template <auto Member>
void keep_own(EngineParameters& parameters) {
  EngineParameters own;
  own.*Member = parameters.*Member;
  parameters = own;
}

std::unique_ptr<Engine> make_tendermint(NodeId self, const Committee& /*genesis*/, const EngineParameters& p) {
  return std::make_unique<EngineOf<Tendermint>>(Tendermint{self, p.tendermint, p.leaders});
}
EnginePromises promises_of_tendermint(const EngineParameters& p, Duration delta) {
  const TendermintOptions& t = p.tendermint;
  return {.has_locks = true,
          .round_bound = t.timeout_propose + t.timeout_prevote + t.timeout_precommit + t.timeout_commit + 6 * delta,
          .clock_bound = t.timestamps == Timestamps::proposer ? t.precision : Duration{},
          .block_interval = t.skip_timeout_commit ? Duration{} : t.timeout_commit};
}
void hurry_tendermint(EngineParameters& p, Duration delta) {
  TendermintOptions& t = p.tendermint;
  t.timeout_propose = 4 * delta;
  t.timeout_prevote = 2 * delta;
  t.timeout_precommit = 2 * delta;
  t.timeout_propose_delta = t.timeout_prevote_delta = t.timeout_precommit_delta = delta;
  t.timeout_commit = delta;
  t.gossip_stall = 12 * delta;
}

std::unique_ptr<Engine> make_centralised(NodeId self, const Committee& /*genesis*/, const EngineParameters& p) {
  return std::make_unique<EngineOf<Centralised>>(Centralised{self, p.centralised});
}
EnginePromises promises_of_centralised(const EngineParameters& p, Duration delta) {
  return {.byzantine_tolerant = false,
          .sequencer = p.centralised.sequencer,
          .has_certificates = false,
          .round_bound = 2 * p.centralised.block_interval + 2 * delta,
          .block_interval = p.centralised.block_interval};
}
void hurry_centralised(EngineParameters& p, Duration delta) {
  p.centralised.block_interval = 2 * delta;
  p.centralised.follower_stall = 4 * delta;
}

/// @param in_a_row  leaders whose rounds have to follow each other for a commit
EnginePromises promises_of_chained(const ChainedOptions& o, Duration leader_wait, std::uint32_t in_a_row,
                                   Duration delta) {
  const bool ordered = o.leader.election == LeaderElection::round_robin;
  return {.round_bound = o.pacemaker.timeout + o.proposal_pause + leader_wait + 4 * delta,
          .leaders_in_a_row = ordered ? in_a_row : 1,
          .rotations = ordered ? 2U : 2 * in_a_row,
          .clock_bound = o.timestamp_bound,
          .change_lag = 1,
          .block_interval = o.proposal_pause};
}

void hurry_chained(ChainedOptions& o, Duration delta) {
  o.pacemaker.timeout = 4 * delta;
  o.sync_timeout = 4 * delta;
}

std::unique_ptr<Engine> make_hotstuff(NodeId self, const Committee& /*genesis*/, const EngineParameters& p) {
  HotStuffOptions o = p.hotstuff;
  o.chained.leader.fixed = p.leaders;
  if (o.chain == HotStuffChain::two_chain) return std::make_unique<EngineOf<HotStuff2>>(HotStuff2{self, o});
  return std::make_unique<EngineOf<HotStuff>>(HotStuff{self, o});
}
void hurry_hotstuff(EngineParameters& p, Duration delta) {
  hurry_chained(p.hotstuff.chained, delta);
  p.hotstuff.delta = delta;
}
EnginePromises promises_of_hotstuff(const EngineParameters& p, Duration delta) {
  const bool two = p.hotstuff.chain == HotStuffChain::two_chain;
  return promises_of_chained(p.hotstuff.chained, two ? p.hotstuff.delta : Duration{}, two ? 3 : 4, delta);
}

std::unique_ptr<Engine> make_jolteon(NodeId self, const Committee& /*genesis*/, const EngineParameters& p) {
  JolteonOptions o = p.jolteon;
  o.chained.leader.fixed = p.leaders;
  return std::make_unique<EngineOf<Jolteon>>(Jolteon{self, o});
}
void hurry_jolteon(EngineParameters& p, Duration delta) { hurry_chained(p.jolteon.chained, delta); }
EnginePromises promises_of_jolteon(const EngineParameters& p, Duration delta) {
  return promises_of_chained(p.jolteon.chained, Duration{}, 3, delta);
}

std::unique_ptr<Engine> make_monadbft(NodeId self, const Committee& /*genesis*/, const EngineParameters& p) {
  MonadBftOptions o = p.monadbft;
  o.leader.fixed = p.leaders;
  return std::make_unique<EngineOf<MonadBft>>(MonadBft{self, o});
}
void hurry_monadbft(EngineParameters& p, Duration delta) {
  p.monadbft.delta = delta;
  p.monadbft.vote_pace = Duration{};
  p.monadbft.processing = delta;
  p.monadbft.sync_timeout = 4 * delta;
}
EnginePromises promises_of_monadbft(const EngineParameters& p, Duration delta) {
  const MonadBftOptions& o = p.monadbft;
  const bool ordered = o.leader.election == LeaderElection::round_robin;
  return {.speculative = true,
          .round_bound = o.round_timer() + 4 * delta,
          .leaders_in_a_row = ordered ? 2U : 1U,
          .rotations = ordered ? 2U : 4U,
          .clock_bound = o.timestamp_tolerance() - o.delta,
          .change_lag = 1};
}

std::unique_ptr<Engine> make_mysticeti(NodeId self, const Committee& /*genesis*/, const EngineParameters& p) {
  return std::make_unique<EngineOf<Mysticeti>>(Mysticeti{self, p.mysticeti});
}
void hurry_mysticeti(EngineParameters& p, Duration delta) {
  p.mysticeti.leader_timeout = 2 * delta;
  p.mysticeti.fetch_delay = delta;
  p.mysticeti.sync_timeout = 4 * delta;
}
EnginePromises promises_of_mysticeti(const EngineParameters& p, Duration delta) {
  const MysticetiOptions& o = p.mysticeti;
  // Commits rest on votes for a leader's vertex, not for the block that is made of its history.
  return {.has_certificates = false,
          .commits_proposals = false,
          .relays_transactions = false,
          .round_bound = o.leader_timeout + o.min_round_delay + 2 * delta,
          .rotations = o.wave_length,
          .change_lag = 1};
}

std::unique_ptr<Engine> make_streamlet(NodeId self, const Committee& /*genesis*/, const EngineParameters& p) {
  StreamletOptions o = p.streamlet;
  o.fixed_leaders = p.leaders;
  return std::make_unique<EngineOf<Streamlet>>(Streamlet{self, o});
}
void hurry_streamlet(EngineParameters& p, Duration delta) { p.streamlet.delta = 2 * delta; }
EnginePromises promises_of_streamlet(const EngineParameters& p, Duration delta) {
  const Duration epoch = 2 * p.streamlet.delta;
  // Votes of an epoch must be in when the next leader proposes, whose clock may be ahead.
  return {.round_bound = epoch,
          .leaders_in_a_row = p.streamlet.leaders == EpochLeaders::round_robin ? 3U : 1U,
          .rotations = 2,
          .clock_driven = true,
          .clock_bound = std::max(2 * (p.streamlet.delta - delta), Duration{1}),
          .change_lag = 1,
          .block_interval = epoch};
}

std::unique_ptr<Engine> make_pbft(NodeId self, const Committee& /*genesis*/, const EngineParameters& p) {
  PbftOptions o = p.pbft;
  o.fixed_leaders = p.leaders;
  return std::make_unique<EngineOf<Pbft>>(Pbft{self, o});
}
void hurry_pbft(EngineParameters& p, Duration delta) {
  p.pbft.block_interval = delta;
  p.pbft.view_timeout = 4 * delta;
  p.pbft.view_timeout_max = 64 * delta;
  p.pbft.retransmit = 4 * delta;
}
EnginePromises promises_of_pbft(const EngineParameters& p, Duration delta) {
  return {.round_bound = p.pbft.block_interval + p.pbft.view_timeout + 4 * delta,
          .change_lag = 1,
          .block_interval = p.pbft.block_interval};
}

std::unique_ptr<Engine> make_rotating(NodeId self, const Committee& /*genesis*/, const EngineParameters& p) {
  RotatingOptions o = p.rotating;
  o.fixed_leaders = p.leaders;
  return std::make_unique<EngineOf<Rotating>>(Rotating{self, o});
}
void hurry_rotating(EngineParameters& p, Duration delta) {
  p.rotating.slot = 3 * delta;
  p.rotating.epoch_slots = 4;
  p.rotating.handover_slots = 1;
  p.rotating.buffer = delta;
  p.rotating.inactive_slots = 2;
}
EnginePromises promises_of_rotating(const EngineParameters& p, Duration delta) {
  const RotatingOptions& r = p.rotating;
  return {.byzantine_tolerant = false,
          .round_bound = static_cast<std::int64_t>(r.epoch_slots) * r.slot + r.buffer + 4 * delta,
          .clock_driven = true,
          .clock_bound = r.slot,
          .change_lag = 1,
          .block_interval = r.slot};
}

constexpr std::array list{
    EngineEntry{"tendermint", "Tendermint with CometBFT's defaults: weighted BFT, final after three message delays",
                make_tendermint, promises_of_tendermint, keep_own<&EngineParameters::tendermint>, hurry_tendermint},
    EngineEntry{"centralised", "one sequencer signs, everybody follows: soft confirmations, the baseline",
                make_centralised, promises_of_centralised, keep_own<&EngineParameters::centralised>, hurry_centralised},
    EngineEntry{"hotstuff", "chained HotStuff: a block every two message delays, final after seven (HotStuff-2: five)",
                make_hotstuff, promises_of_hotstuff, keep_own<&EngineParameters::hotstuff>, hurry_hotstuff},
    EngineEntry{"jolteon",
                "Jolteon, DiemBFT v4: two-chain commits, final after five message delays, all-to-all timeouts",
                make_jolteon, promises_of_jolteon, keep_own<&EngineParameters::jolteon>, hurry_jolteon},
    EngineEntry{"monadbft",
                "MonadBFT: speculative after three message delays, final after five, no honest block is lost",
                make_monadbft, promises_of_monadbft, keep_own<&EngineParameters::monadbft>, hurry_monadbft},
    EngineEntry{"mysticeti", "Mysticeti-C: all propose in every round, an uncertified DAG, final after three delays",
                make_mysticeti, promises_of_mysticeti, keep_own<&EngineParameters::mysticeti>, hurry_mysticeti},
    EngineEntry{"streamlet", "Streamlet: clock-driven epochs, one vote each, the middle of three in a row is final",
                make_streamlet, promises_of_streamlet, keep_own<&EngineParameters::streamlet>, hurry_streamlet},
    EngineEntry{"pbft", "PBFT: a stable primary, three message delays, view changes with prepared certificates",
                make_pbft, promises_of_pbft, keep_own<&EngineParameters::pbft>, hurry_pbft},
    EngineEntry{"rotating", "one sequencer at a time by schedule, handed over with its tail: safe against crashes",
                make_rotating, promises_of_rotating, keep_own<&EngineParameters::rotating>, hurry_rotating},
};

}  // namespace

std::span<const EngineEntry> engines() { return list; }

const EngineEntry* find_engine(std::string_view name) {
  for (const EngineEntry& e : engines()) {
    if (e.name == name) return &e;
  }
  return nullptr;
}

}  // namespace seqlab::protocols
