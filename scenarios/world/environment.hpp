// From the environment of a scenario to networks, machines and what checkers may take for granted.
#pragma once

#include <span>

#include "scenarios/checkers/checker.hpp"
#include "scenarios/plan/plan.hpp"
#include "scenarios/spec/scenario.hpp"
#include "sim/net/network.hpp"
#include "sim/node/node.hpp"

namespace seqlab::scenarios {

/// @param twins  their machines come after nodes and clients, each beside its node
sim::NetworkOptions network_options(const Scenario& scenario, std::span<const NodeId> twins = {});

/// Cores, clocks and disks of all machines; clocks are drawn from the stream "machine.clock" of each.
void set_up_machines(const Scenario& scenario, sim::Simulation& simulation, sim::Nodes& nodes);

/// Powers the sequencer nodes on, each at its own instant within `start_skew`.
void start_machines(const Scenario& scenario, sim::Simulation& simulation, sim::Nodes& nodes,
                    std::span<const NodeId> sequencers);

/// What the scenario's engine promises.
protocols::EnginePromises promises_of(const Scenario& scenario);

/// The chain that the design names, as the environment changes it; without a name if there is none.
protocols::L1Profile l1_profile_of(const Scenario& scenario);
CheckerContext checker_context(const Scenario& scenario, const Plan& plan);

}  // namespace seqlab::scenarios
