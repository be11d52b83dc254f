#include "protocols/consensus/engines.hpp"

#include <array>

#include "protocols/consensus/centralised/centralised.hpp"
#include "protocols/consensus/tendermint/tendermint.hpp"

namespace seqlab::protocols {

namespace {

std::unique_ptr<Engine> make_tendermint(NodeId self, const Committee& /*genesis*/, const EngineParameters& p) {
  return std::make_unique<EngineOf<Tendermint>>(Tendermint{self, p.tendermint});
}

std::unique_ptr<Engine> make_centralised(NodeId self, const Committee& /*genesis*/, const EngineParameters& p) {
  return std::make_unique<EngineOf<Centralised>>(Centralised{self, p.centralised});
}

constexpr std::array list{
    EngineEntry{"tendermint", "Tendermint with CometBFT's defaults: weighted BFT, final after three message delays",
                make_tendermint},
    EngineEntry{"centralised", "one sequencer signs, everybody follows: soft confirmations, the baseline",
                make_centralised},
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
