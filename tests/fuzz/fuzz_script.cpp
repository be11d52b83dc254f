// Bytes are the source of a script: it is loaded, and all its hooks are called in a world that says yes. Whatever the
// bytes are, the only way out is a return or an InputError, within the budgets.
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "tests/scenarios/lua_support.hpp"

using namespace seqlab;
using namespace seqlab::scenarios;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string source(reinterpret_cast<const char*>(data), size);
  // Small budgets: the fuzzer has more to try than one loop.
  const ScriptLimits limits{.steps_per_call = 20'000, .steps_per_run = 200'000, .memory_bytes = 1U << 20U};
  try {
    test::FakeContext context;
    const test::Script script(source, {}, limits);
    Adversary& adversary = *script.adversary;
    const std::uint32_t hooks = adversary.hooks();
    const std::vector<NodeId> to{NodeId{0}, NodeId{1}, NodeId{2}};
    const MessagePtr vote = test::prevote(context);
    if ((hooks & hook_start) != 0) adversary.on_start(context);
    if ((hooks & hook_send) != 0) adversary.on_send(context, NodeId{3}, to, vote);
    if ((hooks & hook_receive) != 0) adversary.on_receive(context, NodeId{3}, NodeId{1}, vote);
    if ((hooks & hook_link) != 0) {
      adversary.on_link(context, LinkView(NodeId{0}, NodeId{1}, *vote, context.time, PowerSpec::Sight::headers));
      adversary.on_link(context, LinkView(NodeId{0}, NodeId{1}, *vote, context.time, PowerSpec::Sight::all));
    }
    if ((hooks & hook_build) != 0) {
      std::vector<protocols::Transaction> transactions(3);
      adversary.on_build(context, NodeId{3}, 7, 0, transactions);
    }
    if ((hooks & hook_record) != 0) {
      sim::Record record{.kind = sim::RecordKind::certified, .detail = 1, .node = NodeId{2}, .round = 3, .height = 9};
      adversary.on_record(context, record);
    }
    for (std::size_t i = 0; i < context.timers.size() && i < 4; ++i) {
      adversary.on_timer(context, context.timers[i].second);
    }
  } catch (const InputError&) {
    // what bad input is supposed to become
  }
  return 0;
}
