// The worlds that more than one benchmark runs.
#pragma once

#include <cstdint>

#include "scenarios/spec/scenario.hpp"

namespace seqlab::bench {

/// Tendermint with equal stake over the 13 AWS zones with jitter, ideal signatures, no faults, no clients, every
/// checker that fits; stops at `height`. All checkers include the liveness phase that follows.
scenarios::Scenario tendermint_scenario(std::uint32_t validators, std::uint64_t height);

}  // namespace seqlab::bench
