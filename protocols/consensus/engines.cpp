#include "protocols/consensus/engines.hpp"

#include <array>

#include "protocols/consensus/centralised/centralised.hpp"
#include "protocols/consensus/mysticeti/mysticeti.hpp"
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

std::unique_ptr<Engine> make_mysticeti(NodeId self, const Committee& /*genesis*/, const EngineParameters& p) {
  return std::make_unique<EngineOf<Mysticeti>>(Mysticeti{self, p.mysticeti});
}
EnginePromises promises_of_mysticeti(const EngineParameters& p, Duration delta) {
  const MysticetiOptions& o = p.mysticeti;
  // Commits rest on votes for a leader's vertex, not for the block that is made of its history.
  return {.has_certificates = false,
          .commits_proposals = false,
          .relays_transactions = false,
          .round_bound = o.leader_timeout + o.min_round_delay + 2 * delta,
          .rotations = 1,
          .change_lag = 1};
}

constexpr std::array list{
    EngineEntry{"tendermint", "Tendermint with CometBFT's defaults: weighted BFT, final after three message delays",
                make_tendermint, promises_of_tendermint, keep_own<&EngineParameters::tendermint>},
    EngineEntry{"centralised", "one sequencer signs, everybody follows: soft confirmations, the baseline",
                make_centralised, promises_of_centralised, keep_own<&EngineParameters::centralised>},
    EngineEntry{"mysticeti", "Mysticeti-C: all propose in every round, an uncertified DAG, final after three delays",
                make_mysticeti, promises_of_mysticeti, keep_own<&EngineParameters::mysticeti>},
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
