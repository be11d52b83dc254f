// The list of consensus engines.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "protocols/consensus/centralised/centralised.hpp"
#include "protocols/consensus/engine.hpp"
#include "protocols/consensus/tendermint/options.hpp"

namespace seqlab::protocols {

/// Parameters of every engine; each reads its own part.
struct EngineParameters {
  TendermintOptions tendermint;
  CentralisedOptions centralised;
  friend bool operator==(const EngineParameters&, const EngineParameters&) = default;
};

struct EngineEntry {
  std::string_view name;
  std::string_view text;  ///< one line for `list`
  std::unique_ptr<Engine> (*make)(NodeId self, const Committee& genesis, const EngineParameters& parameters);
};

/// All engines, by name. No registration: a plain list.
std::span<const EngineEntry> engines();
/// Null if there is no such engine.
const EngineEntry* find_engine(std::string_view name);

/// How a node gets its engine; tests put broken variants here.
using EngineFactory = std::function<std::unique_ptr<Engine>(NodeId self, const Committee& genesis)>;

}  // namespace seqlab::protocols
