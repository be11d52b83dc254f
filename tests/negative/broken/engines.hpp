// Engines that are broken at their rim: a sound engine inside, and one kind of effect that is lost or changed on its
// way out. For properties that no decision of Tendermint can break.
#pragma once

#include <functional>
#include <memory>
#include <utility>

#include "protocols/consensus/engine.hpp"
#include "sim/trace/record.hpp"

namespace seqlab::tests::broken {

using namespace seqlab::protocols;

/// Rewrites the effects of each input of `inner`. `rewrite` gets them in order and returns what is really done.
class RewritingEngine final : public Engine {
 public:
  using Rewrite = std::function<void(Effect&& effect, const EngineView& view, Outbox& out)>;

  RewritingEngine(std::unique_ptr<Engine> inner, Rewrite rewrite)
      : inner_(std::move(inner)), rewrite_(std::move(rewrite)) {}

  void start(std::span<const Recovered> log, const EngineView& view, Outbox& out) override {
    through(view, out, [&](Outbox& inside) { inner_->start(log, view, inside); });
  }
  void on_message(NodeId from, const MessagePtr& message, const EngineView& view, Outbox& out) override {
    through(view, out, [&](Outbox& inside) { inner_->on_message(from, message, view, inside); });
  }
  void on_timer(std::uint64_t token, const EngineView& view, Outbox& out) override {
    through(view, out, [&](Outbox& inside) { inner_->on_timer(token, view, inside); });
  }
  void on_built(Height height, Round round, BlockPtr block, const EngineView& view, Outbox& out) override {
    through(view, out, [&](Outbox& inside) { inner_->on_built(height, round, block, view, inside); });
  }
  void on_payload_available(const EngineView& view, Outbox& out) override {
    through(view, out, [&](Outbox& inside) { inner_->on_payload_available(view, inside); });
  }
  void on_validated(const BlockPtr& block, bool valid, const EngineView& view, Outbox& out) override {
    through(view, out, [&](Outbox& inside) { inner_->on_validated(block, valid, view, inside); });
  }
  void on_executed(Height height, const ExecutionResult& result, const EngineView& view, Outbox& out) override {
    through(view, out, [&](Outbox& inside) { inner_->on_executed(height, result, view, inside); });
  }
  std::unique_ptr<Engine> clone() const override {
    return std::make_unique<RewritingEngine>(inner_->clone(), rewrite_);
  }
  bool same_state(const Engine& other) const override {
    const auto* same = dynamic_cast<const RewritingEngine*>(&other);
    return same != nullptr && inner_->same_state(*same->inner_);
  }
  Hash128 state_hash() const override { return inner_->state_hash(); }
  Height height() const override { return inner_->height(); }
  Round round() const override { return inner_->round(); }

 private:
  template <class Call>
  void through(const EngineView& view, Outbox& out, Call call) {
    Outbox inside{out.pool()};
    call(inside);
    for (Effect& effect : inside.effects()) rewrite_(std::move(effect), view, out);
  }
  std::unique_ptr<Engine> inner_;
  Rewrite rewrite_;
};

/// A block with the same id and another content.
inline BlockPtr altered(const BlockPtr& block, const std::function<void(Block&)>& change) {
  auto copy = std::make_shared<Block>(*block);
  change(*copy);
  return copy;
}

/// Changes the blocks that the engine commits.
inline RewritingEngine::Rewrite alter_commits(std::function<void(Block&)> change) {
  return [change = std::move(change)](Effect&& effect, const EngineView&, Outbox& out) {
    if (auto* deliver = std::get_if<effect::Deliver>(&effect)) deliver->block = altered(deliver->block, change);
    out.add(std::move(effect));
  };
}

/// Announces a commit when it is decided, before anything is on the disk; the node announces it again when it is.
inline RewritingEngine::Rewrite announce_early() {
  return [](Effect&& effect, const EngineView&, Outbox& out) {
    if (const auto* deliver = std::get_if<effect::Deliver>(&effect)) {
      sim::Record committed;
      committed.kind = sim::RecordKind::committed;
      committed.detail = static_cast<std::uint8_t>(deliver->level);
      committed.round = static_cast<std::uint32_t>(deliver->commit.round.value);
      committed.height = deliver->block->height.value;
      out.trace(committed.with_id(deliver->block->id));
    }
    out.add(std::move(effect));
  };
}

/// Sees double votes and says nothing.
inline RewritingEngine::Rewrite hide_evidence() {
  return [](Effect&& effect, const EngineView&, Outbox& out) {
    if (std::holds_alternative<effect::ReportEvidence>(effect)) return;
    if (const auto* broadcast = std::get_if<effect::Broadcast>(&effect)) {
      if (static_cast<const ConsensusMessage&>(*broadcast->message).message_kind() == MessageKind::evidence) return;
    }
    out.add(std::move(effect));
  };
}

/// Accuses whoever proposes block after block of a double vote, once a height.
inline RewritingEngine::Rewrite accuse(NodeId victim) {
  return [victim](Effect&& effect, const EngineView&, Outbox& out) {
    if (const auto* deliver = std::get_if<effect::Deliver>(&effect)) {
      Evidence evidence;
      evidence.kind = EvidenceKind::double_vote;
      evidence.offender = victim;
      evidence.first.height = deliver->block->height;
      evidence.first.round = deliver->commit.round;
      out.add(effect::ReportEvidence{evidence});
    }
    out.add(std::move(effect));
  };
}

/// Z08: a round of Tendermint ends `round_length` after the node has entered it, whatever others do, and at no other
/// time. The timer of the proposal tells that a round has begun; the one that ends it is the node's own, with the token
/// of the engine's third kind of timer (precommit). That one waits for the others, so it goes.
inline RewritingEngine::Rewrite free_running(Duration round_length) {
  return [round_length](Effect&& effect, const EngineView&, Outbox& out) {
    constexpr std::uint32_t propose = 0, precommit = 2, own = 12;
    if (const auto* timer = std::get_if<effect::SetTimer>(&effect)) {
      if (timer->id == precommit) return;
      if (timer->id == propose) out.set_timer(own, round_length, timer->token - propose + precommit);
    }
    out.add(std::move(effect));
  };
}

/// Says nothing any more from `height` on.
inline RewritingEngine::Rewrite mute_from(Height height) {
  return [height](Effect&& effect, const EngineView& view, Outbox& out) {
    const bool speech =
        std::holds_alternative<effect::Broadcast>(effect) || std::holds_alternative<effect::Send>(effect);
    if (speech && next(view.chain.height()) >= height) return;
    out.add(std::move(effect));
  };
}

}  // namespace seqlab::tests::broken
