#include "protocols/consensus/engines.hpp"

#include <algorithm>
#include <array>

#include "protocols/consensus/centralised/centralised.hpp"
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
  return std::make_unique<EngineOf<Tendermint>>(Tendermint{self, p.tendermint});
}
EnginePromises promises_of_tendermint(const EngineParameters& p, Duration delta) {
  const TendermintOptions& t = p.tendermint;
  return {.has_locks = true,
          .round_bound = t.timeout_propose + t.timeout_prevote + t.timeout_precommit + t.timeout_commit + 6 * delta,
          .clock_bound = t.timestamps == Timestamps::proposer ? t.precision : Duration{},
          .block_interval = t.skip_timeout_commit ? Duration{} : t.timeout_commit};
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

std::unique_ptr<Engine> make_streamlet(NodeId self, const Committee& /*genesis*/, const EngineParameters& p) {
  return std::make_unique<EngineOf<Streamlet>>(Streamlet{self, p.streamlet});
}
EnginePromises promises_of_streamlet(const EngineParameters& p, Duration delta) {
  const Duration epoch = 2 * p.streamlet.delta;
  // Votes of an epoch must be in when the next leader proposes, whose clock may be ahead.
  return {.round_bound = epoch,
          .leaders_in_a_row = p.streamlet.leaders == EpochLeaders::round_robin ? 3U : 1U,
          .rotations = 2,
          .clock_bound = std::max(2 * (p.streamlet.delta - delta), Duration{1}),
          .change_lag = 1,
          .block_interval = epoch};
}

std::unique_ptr<Engine> make_pbft(NodeId self, const Committee& /*genesis*/, const EngineParameters& p) {
  return std::make_unique<EngineOf<Pbft>>(Pbft{self, p.pbft});
}
EnginePromises promises_of_pbft(const EngineParameters& p, Duration delta) {
  return {.round_bound = p.pbft.block_interval + p.pbft.view_timeout + 4 * delta,
          .change_lag = 1,
          .block_interval = p.pbft.block_interval};
}

std::unique_ptr<Engine> make_rotating(NodeId self, const Committee& /*genesis*/, const EngineParameters& p) {
  return std::make_unique<EngineOf<Rotating>>(Rotating{self, p.rotating});
}
EnginePromises promises_of_rotating(const EngineParameters& p, Duration delta) {
  const RotatingOptions& r = p.rotating;
  return {.byzantine_tolerant = false,
          .round_bound = static_cast<std::int64_t>(r.epoch_slots) * r.slot + r.buffer + 4 * delta,
          .clock_bound = r.slot,
          .change_lag = 1,
          .block_interval = r.slot};
}

constexpr std::array list{
    EngineEntry{"tendermint", "Tendermint with CometBFT's defaults: weighted BFT, final after three message delays",
                make_tendermint, promises_of_tendermint, keep_own<&EngineParameters::tendermint>},
    EngineEntry{"centralised", "one sequencer signs, everybody follows: soft confirmations, the baseline",
                make_centralised, promises_of_centralised, keep_own<&EngineParameters::centralised>},
    EngineEntry{"streamlet", "Streamlet: clock-driven epochs, one vote each, the middle of three in a row is final",
                make_streamlet, promises_of_streamlet, keep_own<&EngineParameters::streamlet>},
    EngineEntry{"pbft", "PBFT: a stable primary, three message delays, view changes with prepared certificates",
                make_pbft, promises_of_pbft, keep_own<&EngineParameters::pbft>},
    EngineEntry{"rotating", "one sequencer at a time by schedule, handed over with its tail: safe against crashes",
                make_rotating, promises_of_rotating, keep_own<&EngineParameters::rotating>},
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
