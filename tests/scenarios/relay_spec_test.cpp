// Relayers in scenario files: what is impossible is refused with a reason, and what is written can be read again.
#include "scenarios/spec/diagnostics.hpp"
#include "scenarios/spec/parse.hpp"
#include "tests/support/catch.hpp"

using namespace seqlab;
using namespace seqlab::scenarios;

namespace {

std::string refused(const std::string& design, const std::string& faults = "[]") {
  const std::string text = "schema: seqlab/scenario/v1\nname: x\ndesign: {committee: {count: 4}, " + design +
                           "}\nenvironment: {faults: " + faults + "}\nstop: {after: 1h}\n";
  try {
    const Scenario s = parse_scenario(text, "x.yaml", {SEQLAB_SOURCE_DIR "/scenarios"});
    CHECK(parse_scenario(to_yaml(s), "x.yaml", {SEQLAB_SOURCE_DIR "/scenarios"}) == s);
    return "";
  } catch (const InputError& error) {
    std::string out;
    for (const Problem& problem : error.problems()) out += format(problem) + "\n";
    return out;
  }
}

bool says(const std::string& text, const char* what) {
  INFO(text);
  CHECK(text.find(what) != std::string::npos);
  return text.find(what) != std::string::npos;
}

}  // namespace

TEST_CASE("relayers that can be are read, and written again", "[scenarios][spec][relay]") {
  CHECK(refused("l1: ethereum, relay: {policy: single, nodes: [n0]}").empty());
  CHECK(refused("l1: ethereum, relay: {policy: single, nodes: [n0], format: calldata, journal: cursor}").empty());
  CHECK(refused("l1: arweave, relay: {policy: rotating, nodes: [n0, n2], turn: 30m, excuse: report}",
                "[{at: 1m, for: 1m, relay: {do: outage}}, {at: 2m, relay: {do: idle, nodes: [n2]}}]")
            .empty());
}

TEST_CASE("relayers that cannot be are refused with a reason", "[scenarios][spec][relay]") {
  says(refused("relay: {policy: single, nodes: [n0]}"), "writes to layer 1 and has none");
  says(refused("l1: ethereum, relay: {policy: singel, nodes: [n0]}"), "did you mean `single`?");
  says(refused("l1: ethereum, relay: {policy: single, nodes: [n0, n1]}"), "`single` has one relayer");
  says(refused("l1: ethereum, relay: {policy: rotating, nodes: [n0]}"), "needs two relayers");
  says(refused("l1: ethereum, relay: {policy: everyone, nodes: [n0, n0]}"), "named twice");
  says(refused("l1: ethereum, relay: {policy: single, nodes: [n7]}"), "n7 does not exist");
  says(refused("l1: ethereum, relay: {policy: single}"), "a policy without relayers");
  says(refused("l1: ethereum, relay: {nodes: [n0]}"), "relayers without a policy");
  says(refused("l1: bitcoin, relay: {policy: single, nodes: [n0], format: blobs}"), "neither blobs nor calldata");
  says(refused("l1: bitcoin, relay: {policy: single, nodes: [n0], confirmations: 500}"), "more than are kept");
  says(refused("l1: ethereum", "[{at: 1s, relay: {do: idle, nodes: [n0]}}]"), "nobody writes to layer 1");
  says(refused("l1: ethereum, relay: {policy: single, nodes: [n0]}", "[{at: 1s, relay: {do: outage}}]"),
       "there is no bundler on ethereum");
  says(refused("l1: ethereum, relay: {policy: single, nodes: [n0]}", "[{at: 1s, relay: {do: idle, nodes: [n1]}}]"),
       "n1 is no relayer");
}
