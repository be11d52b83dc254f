// Small committees of Tendermint for the explorer.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "protocols/consensus/tendermint/tendermint.hpp"
#include "scenarios/explore/explore.hpp"

namespace seqlab::tests {

using scenarios::Corruption;
using scenarios::ExploreOptions;
using scenarios::ExploreResult;

/// The paper's rules; helpers of the slow (gossip, fetching, syncing) never get their turn.
inline protocols::TendermintOptions plain_tendermint() {
  protocols::TendermintOptions t;
  t.timestamps = protocols::Timestamps::none;
  t.round_skip = protocols::RoundSkip::validity;
  t.gossip_stall = t.block_fetch_delay = t.sync_timeout = 60s;
  return t;
}

/// A committee of nodes with these powers that all run `Core`, a BasicTendermint of some rules.
template <class Core>
ExploreOptions exploring(std::vector<protocols::Power> powers, std::int32_t round_max) {
  ExploreOptions options;
  std::vector<protocols::Validator> validators;
  for (const protocols::Power power : powers) {
    validators.push_back({NodeId{static_cast<std::uint32_t>(validators.size())}, power});
  }
  options.committee = protocols::Committee{std::move(validators)};
  options.make_engine = [](NodeId self, const protocols::Committee&) -> std::unique_ptr<protocols::Engine> {
    return std::make_unique<protocols::EngineOf<Core>>(Core{self, plain_tendermint()});
  };
  protocols::EngineParameters parameters;
  parameters.tendermint = plain_tendermint();
  options.promises = protocols::find_engine("tendermint")->promises(parameters, 1s);
  options.bounds.round_max = round_max;
  return options;
}

/// For messages of failed tests.
inline std::string story(const ExploreResult& result) {
  std::string out = result.stopped + ", " + std::to_string(result.states) + " states\n";
  if (!result.violation) return out;
  out += result.violation->finding.checker + ": " + result.violation->finding.text + "\n";
  for (const auto& step : result.violation->steps) out += "  " + step.text + "\n";
  return out;
}

}  // namespace seqlab::tests
