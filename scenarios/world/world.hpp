// A world: every part that a scenario names, built and wired, ready to run. One world lives on one thread; any number
// may live one after another or on other threads without noticing each other.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "protocols/node/sequencer.hpp"
#include "scenarios/world/run.hpp"

namespace seqlab::scenarios {

class World {
 public:
  /// `scenario` was validated (spec/parse.hpp) and outlives the world.
  /// @throws InputError for a script that does not load
  World(const Scenario& scenario, const Plan& plan, const RunOptions& options);
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  /// Safety phase, then healing phase, then judgement. Once.
  RunResult run();
  /// What the scripts printed, one text an adversary in the order of the scenario; empty without adversaries.
  std::vector<std::string> script_logs() const;

  /// For tests and explorers.
  sim::Simulation& simulation();
  sim::Network& network();
  sim::Nodes& nodes();
  protocols::SequencerNode& sequencer(NodeId node);

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace seqlab::scenarios
