// Every engine is a regular value: a copy that is given the same inputs ends equal, and hashes agree with equality.
#include "tests/conformance/engines.hpp"

using namespace seqlab;
using namespace seqlab::tests;

namespace {

using namespace seqlab::protocols;  // NOLINT: engines, inputs and effects

/// What the mirrors of one world saw.
struct Seen {
  std::uint64_t inputs = 0;
  std::uint64_t changes = 0;      ///< inputs after which the engine was another one
  std::uint64_t different = 0;    ///< copies that did not do what their original did
  std::uint64_t bad_hashes = 0;   ///< hashes that do not agree with equality
};

/// Runs an engine and its copy side by side; the copy is taken anew every few inputs.
class Mirror final : public Engine {
 public:
  Mirror(std::unique_ptr<Engine> engine, Seen& seen) : engine_(std::move(engine)), seen_(seen) {
    copy_ = engine_->clone();
  }
  void start(std::span<const Recovered> log, const EngineView& view, Outbox& out) override {
    both(out, [&](Engine& e, Outbox& o) { e.start(log, view, o); });
  }
  void on_message(NodeId from, const MessagePtr& m, const EngineView& view, Outbox& out) override {
    both(out, [&](Engine& e, Outbox& o) { e.on_message(from, m, view, o); });
  }
  void on_timer(std::uint64_t token, const EngineView& view, Outbox& out) override {
    both(out, [&](Engine& e, Outbox& o) { e.on_timer(token, view, o); });
  }
  void on_built(Height h, Round r, BlockPtr block, const EngineView& view, Outbox& out) override {
    both(out, [&](Engine& e, Outbox& o) { e.on_built(h, r, block, view, o); });
  }
  void on_payload_available(const EngineView& view, Outbox& out) override {
    both(out, [&](Engine& e, Outbox& o) { e.on_payload_available(view, o); });
  }
  void on_validated(const BlockPtr& block, bool valid, const EngineView& view, Outbox& out) override {
    both(out, [&](Engine& e, Outbox& o) { e.on_validated(block, valid, view, o); });
  }
  void on_executed(Height h, const ExecutionResult& result, const EngineView& view, Outbox& out) override {
    both(out, [&](Engine& e, Outbox& o) { e.on_executed(h, result, view, o); });
  }
  std::unique_ptr<Engine> clone() const override { return std::make_unique<Mirror>(engine_->clone(), seen_); }
  bool same_state(const Engine& other) const override { return engine_->same_state(other); }
  Hash128 state_hash() const override { return engine_->state_hash(); }
  Height height() const override { return engine_->height(); }
  Round round() const override { return engine_->round(); }

 private:
  template <class Call>
  void both(Outbox& out, Call call) {
    const std::unique_ptr<Engine> before = engine_->clone();
    Outbox theirs{out.pool()};
    call(*engine_, out);
    call(*copy_, theirs);
    ++seen_.inputs;
    const bool equal = engine_->same_state(*copy_) && copy_->same_state(*engine_);
    if (!equal || theirs.effects().size() != out.effects().size()) ++seen_.different;
    if (engine_->state_hash() != copy_->state_hash()) ++seen_.bad_hashes;
    const bool changed = !engine_->same_state(*before);
    if (changed != (engine_->state_hash() != before->state_hash())) ++seen_.bad_hashes;
    seen_.changes += changed ? 1 : 0;
    if (!equal || seen_.inputs % 7 == 0) copy_ = engine_->clone();
  }

  std::unique_ptr<Engine> engine_;
  std::unique_ptr<Engine> copy_;
  Seen& seen_;
};

}  // namespace

TEST_CASE("a copy of an engine behaves like the engine", "[conformance][state]") {
  SEQLAB_FOR_EACH_ENGINE(engine) {
    Seen seen;
    const protocols::EngineEntry& entry = engine;
    test::EngineHarness net{test::equal_committee(4), 4,
                            [&](NodeId self) {
                              return std::make_unique<Mirror>(entry.make(self, test::equal_committee(4), {}), seen);
                            },
                            20ms, {{Height{3}, {NodeId{3}, 2}}}, promises_of(engine).change_lag};
    std::uint32_t count = 0;
    net.drop = [&](NodeId, NodeId, const MessagePtr&) { return ++count % 11 == 0; };
    net.mempool[1] = {test::EngineHarness::transaction(1), test::EngineHarness::transaction(2)};
    net.start_all();
    net.run_to_height(4, rounds_of(engine, 40));
    net.crash(NodeId{1});
    net.run_for(3s);
    net.start(NodeId{1});
    CHECK(net.run_to_height(8, rounds_of(engine, 100)));
    CHECK(net.agree());
    CHECK(seen.inputs > 50);
    CHECK(seen.changes > 20);
    CHECK(seen.different == 0);
    CHECK(seen.bad_hashes == 0);
  }
}
