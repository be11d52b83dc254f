// Cases of searches that once broke a sound engine: each stays as a plan.
#include <memory>

#include "analysis/search/case.hpp"
#include "tests/support/catch.hpp"

using namespace seqlab;
using namespace seqlab::analysis;
using protocols::MessageKind;
using scenarios::MessageIntervention;
namespace act = scenarios::act;

// n0 hears no proposal of n1 and may not ask for blocks: it keeps those of n2 and n3, none of which hang on what it
// has, until there are more than a tree holds. Once it may ask, the oldest blocks are what it needs first.
TEST_CASE("who holds many blocks that hang on nothing can still catch up", "[search][chained]") {
  for (const char* engine : {"hotstuff", "jolteon", "monadbft"}) {
    CAPTURE(engine);
    auto scenario = std::make_shared<scenarios::Scenario>(fuzz_scenario(engine));
    scenarios::Plan plan{.seed = 14382428286730139321U,
                         .corrupt = {NodeId{1}},
                         .leaders = {NodeId{1}, NodeId{1}, NodeId{0}, NodeId{0}, NodeId{2}, NodeId{3}, NodeId{0},
                                     NodeId{2}, NodeId{3}}};
    plan.interventions = {
        MessageIntervention{{.message = MessageKind::block_request, .from = NodeId{0}, .count = 0}, act::Drop{}},
        MessageIntervention{{.message = MessageKind::proposal, .from = NodeId{1}, .to = NodeId{0}, .count = 0},
                            act::Drop{}}};
    const CaseResult result = run_case({scenario, plan}, {engine, scenario, nullptr});
    for (const scenarios::Finding& f : result.findings) UNSCOPED_INFO(f.checker << ": " << f.text);
    CHECK_FALSE(is_failure(result));
  }
}
