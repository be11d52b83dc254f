// Adversaries written in Lua: one script, one sandboxed state, one instance. Everything that can be checked without
// running a hook is checked when the script is loaded; whatever goes wrong later ends the run as bad input, with file,
// line and the calls that led there.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "scenarios/hooks/adversary.hpp"
#include "scenarios/hooks/lua_bindings.hpp"
#include "scenarios/hooks/lua_state.hpp"

namespace seqlab::scenarios {

/// What a script is told about the world that it will act in.
struct ScriptWorld {
  std::uint32_t nodes = 0;    ///< sequencer nodes n0 ... n(nodes-1)
  std::uint32_t clients = 0;  ///< endpoints c0 ... after them
  std::string path;           ///< of the adversary in the scenario, for messages
  std::string scenario_file;  ///< likewise
};

class LuaAdversary final : public Adversary {
 public:
  /// `spec` outlives the adversary. @throws InputError with everything that is wrong with the script and its parameters
  LuaAdversary(const AdversarySpec& spec, ScriptWorld world, const ScriptLimits& limits = {});

  std::uint32_t hooks() const override { return hooks_; }
  MessageKindMask message_kinds(HookBit hook) const override;
  sim::KindMask record_kinds() const override { return records_; }

  void on_start(AdversaryContext& context) override;
  bool on_send(AdversaryContext& context, NodeId self, std::span<const NodeId> to, const MessagePtr& message) override;
  bool on_receive(AdversaryContext& context, NodeId self, NodeId from, const MessagePtr& message) override;
  void on_build(AdversaryContext& context, NodeId self, std::uint64_t height, std::int32_t round,
                std::vector<protocols::Transaction>& transactions) override;
  sim::LinkVerdict on_link(AdversaryContext& context, const LinkView& link) override;
  void on_timer(AdversaryContext& context, std::uint64_t id) override;
  void on_record(AdversaryContext& context, const sim::Record& record) override;

  std::uint64_t instructions() const override { return state_.instructions(); }
  std::string_view log() const override { return state_.log(); }
  const LuaState& state() const { return state_; }

 private:
  class Reader;
  struct Build;

  NodeId first_own() const { return spec_.nodes.empty() ? no_node : spec_.nodes.front(); }
  void push_hook(HookBit hook);
  bool verdict(HookBit hook);
  [[noreturn]] void fail(HookBit hook);
  [[noreturn]] void fail_with(HookBit hook, std::string text, std::string hint);
  int line_of(std::string_view key) const;
  std::string circumstances() const;

  const AdversarySpec& spec_;
  ScriptWorld world_;
  LuaState state_;
  LuaObjects objects_;
  std::uint32_t hooks_ = 0;
  sim::KindMask records_ = 0;
  MessageKindMask kinds_send_ = all_message_kinds;
  MessageKindMask kinds_receive_ = all_message_kinds;
  MessageKindMask kinds_link_ = all_message_kinds;
  std::map<std::string, ParamValue> params_;
};

}  // namespace seqlab::scenarios
