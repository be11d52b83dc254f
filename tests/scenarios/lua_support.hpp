// A world for scripts that is made of nothing: it says yes, and remembers what it was asked for.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "protocols/consensus/messages.hpp"
#include "scenarios/hooks/lua_host.hpp"
#include "scenarios/spec/diagnostics.hpp"

namespace seqlab::scenarios::test {

class FakeContext final : public AdversaryContext {
 public:
  explicit FakeContext(std::uint32_t nodes = 4, std::uint64_t seed = 1) : rng_(seed, "test") {
    for (std::uint32_t i = 0; i < nodes; ++i) all_.push_back(NodeId{i});
    own_ = {all_.back()};
    signer_ = protocols::Signer(*signatures_, {own_[0].value});
  }

  struct Sent {
    NodeId from;
    std::vector<NodeId> to;
    MessagePtr message;
    Duration delay{};
  };
  struct Crash {
    NodeId node;
    Duration restart_after{};
    sim::DiskFault disk{};
  };

  sim::MessagePool pool;
  std::vector<Sent> sent;
  std::vector<Crash> crashes;
  std::vector<std::vector<std::vector<NodeId>>> partitions;
  std::vector<std::pair<Duration, std::uint64_t>> timers;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> notes;
  std::vector<protocols::ForgeChanges> forged;
  std::vector<std::pair<NodeId, protocols::Transaction>> payments;
  std::size_t forced = 0;
  std::function<bool(std::uint64_t)> lottery;
  bool allow = true;
  SimTime time = at_ns(1'500'000'000);

  SimTime now() const override { return time; }
  std::span<const NodeId> own_nodes() const override { return own_; }
  std::span<const NodeId> all_nodes() const override { return all_; }
  Power power_of(NodeId node) const override { return 10 + node.value; }
  sim::Stream& rng() override { return rng_; }
  std::uint64_t height_of(NodeId) const override { return 7; }
  std::int32_t round_of(NodeId) const override { return 2; }
  bool send(NodeId from, std::span<const NodeId> to, const MessagePtr& message, Duration delay) override {
    sent.push_back({from, {to.begin(), to.end()}, message, delay});
    return allow;
  }
  MessagePtr forge(NodeId as, const MessagePtr& message, const protocols::ForgeChanges& changes) override {
    forged.push_back(changes);
    if (!signer_.owns(as.value)) return {};
    return protocols::forge(pool, *message, as, changes, signer_);
  }
  void set_timer(Duration delay, std::uint64_t id) override { timers.emplace_back(delay, id); }
  bool crash(NodeId node, Duration restart_after, sim::DiskFault disk) override {
    crashes.push_back({node, restart_after, disk});
    return allow;
  }
  bool partition(std::span<const std::vector<NodeId>> groups, Duration) override {
    partitions.emplace_back(groups.begin(), groups.end());
    return allow;
  }
  bool jump_clock(NodeId, Duration) override { return allow; }
  void note(std::uint64_t a, std::uint64_t b) override { notes.emplace_back(a, b); }
  MessagePtr pay(NodeId at, protocols::AccountId from, protocols::AccountId to, protocols::Amount amount,
                 protocols::Amount fee) override {
    if (!allow) return {};
    protocols::Transaction tx;
    tx.sender = from;
    tx.receiver = to;
    tx.amount = amount;
    tx.fee = fee;
    payments.emplace_back(at, tx);
    return MessagePtr{pool.make<protocols::TransactionMessage>(tx)};
  }
  std::size_t forced_items() const override { return forced; }
  std::optional<bool> would_win(std::uint64_t index) const override {
    return lottery ? std::optional{lottery(index)} : std::nullopt;
  }

 private:
  std::vector<NodeId> all_;
  std::vector<NodeId> own_;
  sim::Stream rng_;
  std::unique_ptr<protocols::Signatures> signatures_ =
      protocols::make_signatures(protocols::SignatureBackend::ideal, 1);
  protocols::Signer signer_;
};

/// A script with four nodes n0 ... n3, of which it owns n3, and two clients.
struct Script {
  AdversarySpec spec;
  std::unique_ptr<LuaAdversary> adversary;

  explicit Script(std::string source, std::map<std::string, ParamValue> params = {}, ScriptLimits limits = {}) {
    spec.script = "test.lua";
    spec.file = "some/where/test.lua";
    spec.source = std::move(source);
    spec.nodes = {NodeId{3}};
    spec.params = std::move(params);
    adversary = std::make_unique<LuaAdversary>(
        spec, ScriptWorld{.nodes = 4, .clients = 2, .path = "environment.adversaries[0]", .scenario_file = "s.yaml"},
        limits);
  }
};

/// What loading the script complains about; empty if nothing.
inline std::vector<Problem> problems_of_loading(const std::string& source,
                                                std::map<std::string, ParamValue> params = {},
                                                ScriptLimits limits = {}) {
  try {
    const Script script(source, std::move(params), limits);
  } catch (const InputError& error) {
    return error.problems();
  }
  return {};
}

/// A script whose on_start is `body`.
inline std::string starting(const std::string& body) {
  return "return { api = 1, on_start = function(ctx)\n" + body + "\nend, on_timer = function() end }";
}

/// What running `body` in on_start complains about; an empty text if nothing.
inline Problem problem_of(const std::string& body, ScriptLimits limits = {}) {
  FakeContext context;
  const Script script(starting(body), {}, limits);
  try {
    script.adversary->on_start(context);
  } catch (const InputError& error) {
    return error.problems().at(0);
  }
  return {};
}

/// What `body` prints.
inline std::string printed(const std::string& body, std::uint64_t seed = 1) {
  FakeContext context(4, seed);
  const Script script(starting(body));
  script.adversary->on_start(context);
  return std::string{script.adversary->log()};
}

inline bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

inline MessagePtr prevote(FakeContext& context, std::uint64_t height = 7, std::int32_t round = 2,
                          Hash128 block = {0x1234, 0xabcd}) {
  protocols::Vote vote;
  vote.type = sim::VoteType::prevote;
  vote.height = protocols::Height{height};
  vote.round = protocols::Round{round};
  vote.voter = NodeId{3};
  vote.block = block;
  return MessagePtr{context.pool.make<protocols::VoteMessage>(vote)};
}

}  // namespace seqlab::scenarios::test
