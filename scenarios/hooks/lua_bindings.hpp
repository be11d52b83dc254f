// What a script sees of the world: the objects `ctx`, `msg`, `rec` and `ctx.rng`. One table (`lua_bindings`) makes the
// bindings and the annotations for editors, so that they cannot differ.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "scenarios/hooks/adversary.hpp"
#include "scenarios/hooks/lua_state.hpp"

namespace seqlab::scenarios {

/// One name that a script can reach.
struct LuaBinding {
  std::string_view owner;  ///< class in the annotations: Context, Message, Record, Rng
  std::string_view name;
  std::string_view type;  ///< of a field; "fun(...)" for a method, without its self
  std::string_view text;  ///< meaning and unit
};
std::span<const LuaBinding> lua_bindings();

/// Keys of the table that a script returns.
struct LuaHook {
  std::string_view name;
  HookBit bit;
  std::string_view type;
  std::string_view text;
};
std::span<const LuaHook> lua_hooks();

/// The text of `adversaries/meta/seqlab.lua`.
std::string lua_annotations();

/// The objects of one script instance. The hook's arguments are set before each call and gone after it.
class LuaObjects {
 public:
  LuaObjects(LuaState& state, const AdversarySpec& spec, std::uint32_t nodes, std::uint32_t clients);
  LuaObjects(const LuaObjects&) = delete;
  LuaObjects& operator=(const LuaObjects&) = delete;

  /// A message as a script holds it. `message` is null once the hook that it was made for is over.
  struct MessageBox {
    const sim::Message* message = nullptr;
    MessagePtr owned;  ///< set for messages that the script keeps
    NodeId from{no_node};
    std::span<const NodeId> to;  ///< of the running hook; empty for kept messages
    bool headers_only = false;
    bool has_fields = false;
    protocols::MessageFields fields;
  };

  /// Pushes ctx, msg and rec. May raise; runs protected.
  void open(lua_State* L, const std::map<std::string, ParamValue>& params);

  // The running hook.
  AdversaryContext* context = nullptr;
  NodeId self{no_node};
  MessageBox* message = nullptr;  ///< the one that every hook reuses
  const sim::Record* record = nullptr;

  void show(const sim::Message& shown, NodeId from, std::span<const NodeId> to) {
    message->message = &shown;
    message->from = from;
    message->to = to;
    message->headers_only = false;
    message->has_fields = false;
  }
  void show(const LinkView& link, std::span<const NodeId> to) {
    message->message = link.message();
    message->from = link.from();
    message->to = to;
    message->headers_only = message->message == nullptr;
    message->fields = link.fields();
    message->has_fields = true;
  }
  void hide() {
    message->message = nullptr;
    message->has_fields = false;
    message->to = {};
    record = nullptr;
    context = nullptr;
    state_.stream = nullptr;
  }
  void begin(AdversaryContext& c, NodeId node) {
    context = &c;
    self = node;
    state_.stream = &c.rng();
  }

  // For the C functions.
  LuaState& state() { return state_; }
  const AdversarySpec& spec() const { return spec_; }
  std::uint32_t endpoints() const { return nodes_ + clients_; }
  std::uint32_t nodes() const { return nodes_; }
  /// Scratch without an object on the C stack; capacity for every endpoint.
  std::vector<NodeId> list;
  std::vector<NodeId> list2;
  std::vector<std::vector<NodeId>> groups;
  std::uint64_t next_timer = 1;

  /// Direct-mapped cache from a hash to its interned hex text (index in a Lua table).
  std::array<Hash128, 32> hash_cache{};

 private:
  LuaState& state_;
  const AdversarySpec& spec_;
  std::uint32_t nodes_;
  std::uint32_t clients_;
};

/// Nanoseconds of the duration at `index`: an integer, or text with a unit. Raises.
std::int64_t lua_check_duration(lua_State* L, int index);
/// What `ctx.pass` and `ctx.drop` are.
bool lua_is_pass(lua_State* L, int index);
bool lua_is_drop(lua_State* L, int index);
/// Pushes the value that `ctx:after(delay, value)` was given and forgets it. May not raise.
void lua_push_timer_value(lua_State* L, std::uint64_t id);
/// on_build: pushes the list of candidate transactions. May raise.
void lua_push_transactions(lua_State* L, std::span<const protocols::Transaction> transactions);

}  // namespace seqlab::scenarios
