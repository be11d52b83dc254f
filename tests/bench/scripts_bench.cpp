// What a call of a script's hook costs, from the host's C++ into Lua and back, with the script's budget on.
#include <memory>
#include <vector>

#include "protocols/consensus/messages.hpp"
#include "scenarios/hooks/adversary.hpp"
#include "tests/bench/bench.hpp"
#include "tests/bench/worlds.hpp"

namespace seqlab::bench {

namespace {

/// A world that lets everything happen and remembers nothing.
class QuietContext final : public scenarios::AdversaryContext {
 public:
  QuietContext() {
    for (std::uint32_t i = 0; i < 100; ++i) all_.push_back(NodeId{i});
  }
  SimTime now() const override { return at_ns(1'000'000'000); }
  std::span<const NodeId> own_nodes() const override { return std::span{all_}.first(1); }
  std::span<const NodeId> all_nodes() const override { return all_; }
  scenarios::Power power_of(NodeId) const override { return 100; }
  sim::Stream& rng() override { return rng_; }
  std::uint64_t height_of(NodeId) const override { return 7; }
  std::int32_t round_of(NodeId) const override { return 0; }
  bool send(NodeId, std::span<const NodeId>, const scenarios::MessagePtr&, Duration) override { return true; }
  scenarios::MessagePtr forge(NodeId, const scenarios::MessagePtr& message, const protocols::ForgeChanges&) override {
    return message;
  }
  void set_timer(Duration, std::uint64_t) override {}
  bool crash(NodeId, Duration, sim::DiskFault) override { return true; }
  bool partition(std::span<const std::vector<NodeId>>, Duration) override { return true; }
  bool jump_clock(NodeId, Duration) override { return true; }
  void note(std::uint64_t, std::uint64_t) override {}
  scenarios::MessagePtr pay(NodeId, protocols::AccountId, protocols::AccountId, protocols::Amount,
                            protocols::Amount) override {
    return {};
  }
  std::size_t forced_items() const override { return 0; }
  std::optional<bool> would_win(std::uint64_t /*index*/) const override { return std::nullopt; }

 private:
  std::vector<NodeId> all_;
  sim::Stream rng_{1, "bench.scripts"};
};

constexpr const char* pass_all = R"(return {
  api = 1,
  on_send = function(ctx, msg) return ctx.pass end,
}
)";

constexpr const char* look_at_message = R"(return {
  api = 1,
  on_send = function(ctx, msg)
    if msg.kind == "precommit" and msg.round > 0 then return ctx.drop end
    return ctx.pass
  end,
}
)";

void hook_benchmark(benchmark::State& state, const char* source) {
  const scenarios::Scenario scenario = tendermint_scenario(100, 1);
  scenarios::AdversarySpec spec;
  spec.script = "bench";
  spec.source = source;
  spec.file = "bench.lua";
  spec.nodes = {NodeId{0}};
  const std::unique_ptr<scenarios::Adversary> adversary = scenarios::make_adversary(spec, scenario);
  QuietContext context;
  adversary->on_start(context);

  sim::MessagePool pool;
  protocols::Vote vote;
  vote.type = sim::VoteType::precommit;
  vote.height = protocols::Height{7};
  vote.round = protocols::Round{0};
  const scenarios::MessagePtr message{pool.make<protocols::VoteMessage>(vote)};
  constexpr int chunk = 1000;
  bool passed = true;
  for (auto _ : state) {
    for (int i = 0; i < chunk; ++i) {
      passed = adversary->on_send(context, NodeId{0}, context.all_nodes(), message) && passed;
    }
  }
  if (!passed) state.SkipWithError("the script did not let the message pass");
  state.SetItemsProcessed(state.iterations() * chunk);
}

}  // namespace

Summary register_scripts() {
  benchmark::RegisterBenchmark("lua/pass", hook_benchmark, pass_all);
  benchmark::RegisterBenchmark("lua/look", hook_benchmark, look_at_message);
  return [](const Results& results, std::vector<Row>& rows) {
    plain_row(results, rows, "Lua: a hook that passes on, per call", "lua/pass", "ns", 1, 300);
    plain_row(results, rows, "Lua: a hook that reads kind and round, per call", "lua/look", "ns", 1, 300);
  };
}

}  // namespace seqlab::bench
