#include "scenarios/hooks/lua_bindings.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <limits>
#include <lua.hpp>
#include <new>

#include "scenarios/spec/diagnostics.hpp"
#include "scenarios/spec/units.hpp"

namespace seqlab::scenarios {

namespace {

using protocols::MessageKind;
using sim::Record;
using sim::RecordKind;
using MessageBox = LuaObjects::MessageBox;

// Integer keys of the registry that are ours.
enum Slot : lua_Integer { slot_timers = 101, slot_message_meta, slot_peers };
// Every closure of this file has these upvalues: names by node + 1, nodes by name, names of kinds, texts of hashes; the
// __index functions have their own table of fields in front.
constexpr int up_names = lua_upvalueindex(1);
constexpr int up_ids = lua_upvalueindex(2);
constexpr int up_kinds = lua_upvalueindex(3);
constexpr int up_hashes = lua_upvalueindex(4);
constexpr int up_fields = lua_upvalueindex(5);
constexpr int shared_upvalues = 4;
constexpr lua_Integer first_record_kind = 100;  // in the table of kinds; message kinds begin at 1

// Addresses that are only compared and never shown.
void* pass_mark() { return reinterpret_cast<void*>(std::uintptr_t{8}); }
void* drop_mark() { return reinterpret_cast<void*>(std::uintptr_t{16}); }

LuaObjects& objects(lua_State* L) { return *static_cast<LuaObjects*>(LuaState::of(L).user); }

AdversaryContext& context(lua_State* L) {
  AdversaryContext* c = objects(L).context;
  if (c == nullptr) luaL_error(L, "the world is not there yet (hint: do this in on_start or another hook)");
  return *c;
}

/// A C++ exception was kept by `guard`: leave Lua as fast as possible, `LuaState::call` rethrows it.
int leave(lua_State* L) {
  lua_pushliteral(L, "the host stopped the script");
  return lua_error(L);
}

void push_node(lua_State* L, NodeId node) {
  if (node == no_node) {
    lua_pushnil(L);
  } else {
    lua_rawgeti(L, up_names, static_cast<lua_Integer>(node.value) + 1);
  }
}

void push_nodes(lua_State* L, std::span<const NodeId> nodes) {
  lua_createtable(L, static_cast<int>(nodes.size()), 0);
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    push_node(L, nodes[i]);
    lua_rawseti(L, -2, static_cast<lua_Integer>(i) + 1);
  }
}

/// Hex text of a hash; nil for the null hash. The last ones are remembered, so that a hook that reads the block of each
/// vote of a round makes the text once.
void push_hash(lua_State* L, Hash128 hash) {
  if (!hash) {
    lua_pushnil(L);
    return;
  }
  LuaObjects& o = objects(L);
  const std::size_t slot = hash.lo % o.hash_cache.size();
  if (o.hash_cache[slot] == hash) {
    lua_rawgeti(L, up_hashes, static_cast<lua_Integer>(slot) + 1);
    return;
  }
  char text[33];
  std::snprintf(text, sizeof text, "%016llx%016llx", static_cast<unsigned long long>(hash.hi),
                static_cast<unsigned long long>(hash.lo));
  lua_pushlstring(L, text, 32);
  lua_pushvalue(L, -1);
  lua_rawseti(L, up_hashes, static_cast<lua_Integer>(slot) + 1);
  o.hash_cache[slot] = hash;
}

Hash128 check_hash(lua_State* L, int index, const char* what) {
  std::size_t size = 0;
  const char* text = lua_type(L, index) == LUA_TSTRING ? lua_tolstring(L, index, &size) : nullptr;
  Hash128 hash;
  bool good = text != nullptr && size == 32;
  for (std::size_t i = 0; good && i < 32; ++i) {
    const char c = text[i];
    const int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
    if (digit < 0) good = false;
    std::uint64_t& half = i < 16 ? hash.hi : hash.lo;
    half = half << 4U | static_cast<std::uint64_t>(digit & 15);
  }
  if (!good) luaL_error(L, "%s is not a block id (hint: use the .block of a message)", what);
  return hash;
}

/// The node that the value at `index` names. Raises.
NodeId check_node(lua_State* L, int index, const char* what) {
  index = lua_absindex(L, index);
  if (lua_type(L, index) != LUA_TSTRING) {
    luaL_error(L, "%s is a %s (hint: a node name such as \"n0\")", what, luaL_typename(L, index));
  }
  lua_pushvalue(L, index);
  if (lua_rawget(L, up_ids) != LUA_TNUMBER) {
    const auto last = static_cast<int>(objects(L).nodes()) - 1;
    luaL_error(L, "%s names the unknown node '%s' (hint: nodes are n0 ... n%d)", what, lua_tostring(L, index), last);
  }
  const NodeId node{static_cast<std::uint32_t>(lua_tointeger(L, -1))};
  lua_pop(L, 1);
  return node;
}

/// Reads one name or a list of names into `out`, which has room for every endpoint.
void check_nodes(lua_State* L, int index, std::vector<NodeId>& out, const char* what) {
  out.clear();
  if (lua_type(L, index) == LUA_TSTRING) {
    out.push_back(check_node(L, index, what));
    return;
  }
  if (lua_type(L, index) != LUA_TTABLE) {
    luaL_error(L, "%s is a %s (hint: a list of node names, or one name)", what, luaL_typename(L, index));
  }
  const lua_Integer count = lua_border(L, index);
  if (static_cast<std::size_t>(count) > out.capacity()) luaL_error(L, "%s has more entries than there are nodes", what);
  LuaState::of(L).charge(L, static_cast<std::uint64_t>(count));
  for (lua_Integer i = 1; i <= count; ++i) {
    lua_rawgeti(L, index, i);
    out.push_back(check_node(L, -1, what));
    lua_pop(L, 1);
  }
}

void check_self(lua_State* L, const char* name, const char* method) {
  if (luaL_testudata(L, 1, name) == nullptr) luaL_error(L, "call it with a colon, as in ctx:%s(...)", method);
}

NodeId own_node(lua_State* L, const char* method) {
  LuaObjects& o = objects(L);
  if (o.self == no_node) luaL_error(L, "ctx:%s needs a node of the adversary's own, and it has none", method);
  return o.self;
}

MessageBox& check_message(lua_State* L, int index) {
  auto* box = static_cast<MessageBox*>(luaL_testudata(L, index, "message"));
  if (box == nullptr) {
    luaL_error(L, "argument #%d is a %s (hint: a message, such as the hook's msg)", index - 1, luaL_typename(L, index));
  }
  if (box->message == nullptr) {
    if (box->has_fields && box->headers_only) luaL_error(L, "the grant shows headers only (hint: power: {sees: all})");
    luaL_error(L, "this message is gone with its hook (hint: keep it with ctx:keep(msg))");
  }
  return *box;
}

MessagePtr shared(const MessageBox& box) {
  return box.owned ? box.owned : MessagePtr{const_cast<sim::Message*>(box.message)};
}

/// Pushes an empty message of its own life.
MessageBox& push_box(lua_State* L) {
  auto* box = new (lua_newuserdatauv(L, sizeof(MessageBox), 0)) MessageBox;
  lua_rawgeti(L, LUA_REGISTRYINDEX, slot_message_meta);
  lua_setmetatable(L, -2);
  return *box;
}

// ---- fields of messages ----

const protocols::MessageFields& fields(lua_State* L, MessageBox& box) {
  if (!box.has_fields) {
    if (box.message == nullptr) {
      luaL_error(L, "this message is gone with its hook (hint: keep it with ctx:keep(msg))");
    }
    box.fields = protocols::fields_of(*box.message);
    box.has_fields = true;
  }
  return box.fields;
}

MessageBox& box_of(void* object) { return *static_cast<MessageBox*>(object); }

void message_kind(lua_State* L, void* m) {
  lua_rawgeti(L, up_kinds, static_cast<lua_Integer>(fields(L, box_of(m)).kind) + 1);
}
void message_height(lua_State* L, void* m) {
  lua_pushinteger(L, static_cast<lua_Integer>(fields(L, box_of(m)).height.value));
}
void message_round(lua_State* L, void* m) { lua_pushinteger(L, fields(L, box_of(m)).round.value); }
void message_valid_round(lua_State* L, void* m) { lua_pushinteger(L, fields(L, box_of(m)).valid_round.value); }
void message_block(lua_State* L, void* m) { push_hash(L, fields(L, box_of(m)).block); }
void message_author(lua_State* L, void* m) { push_node(L, fields(L, box_of(m)).author); }
void message_from(lua_State* L, void* m) {
  fields(L, box_of(m));
  push_node(L, box_of(m).from);
}
void message_to(lua_State* L, void* m) {
  fields(L, box_of(m));
  push_node(L, box_of(m).to.size() == 1 ? box_of(m).to.front() : no_node);
}
void message_receivers(lua_State* L, void* m) {
  fields(L, box_of(m));
  push_nodes(L, box_of(m).to);
}
void message_bytes(lua_State* L, void* m) { lua_pushinteger(L, fields(L, box_of(m)).bytes); }
void message_is_nil(lua_State* L, void* m) {
  const protocols::MessageFields& f = fields(L, box_of(m));
  const bool is_vote =
      f.kind == MessageKind::prevote || f.kind == MessageKind::precommit || f.kind == MessageKind::vote;
  lua_pushboolean(L, is_vote && !box_of(m).headers_only && !f.block);
}
void message_transactions(lua_State* L, void* m) { lua_pushinteger(L, fields(L, box_of(m)).transactions); }
void message_tx(lua_State* L, void* m) { push_hash(L, fields(L, box_of(m)).tx); }
void message_sender(lua_State* L, void* m) {
  const protocols::MessageFields& f = fields(L, box_of(m));
  if (f.kind == MessageKind::transaction && !box_of(m).headers_only) {
    lua_pushinteger(L, f.sender.value);
  } else {
    lua_pushnil(L);
  }
}

// ---- fields of records ----

const Record& record(lua_State* L) {
  const Record* r = objects(L).record;
  if (r == nullptr) luaL_error(L, "this record is gone with its hook (hint: copy the fields that you need)");
  return *r;
}

void record_kind(lua_State* L, void*) {
  lua_rawgeti(L, up_kinds, first_record_kind + static_cast<lua_Integer>(record(L).kind));
}
void record_node(lua_State* L, void*) { push_node(L, record(L).node); }
void record_peer(lua_State* L, void*) {
  const NodeId peer = record(L).peer;
  push_node(L, peer == sim::all_nodes ? no_node : peer);
}
void record_height(lua_State* L, void*) { lua_pushinteger(L, static_cast<lua_Integer>(record(L).height)); }
void record_round(lua_State* L, void*) { lua_pushinteger(L, static_cast<lua_Integer>(record(L).round)); }

void record_detail(lua_State* L, void*) {
  constexpr const char* votes[] = {"none", "prevote", "precommit", "vote", "timeout"};
  constexpr const char* levels[] = {"soft", "speculative", "final"};
  constexpr const char* offences[] = {"double_vote", "double_proposal", "amnesia", "conflicting_certificates"};
  const Record& r = record(L);
  const auto name = [&](const auto& names) {
    if (r.detail < std::size(names)) {
      lua_pushstring(L, names[r.detail]);
    } else {
      lua_pushinteger(L, r.detail);
    }
  };
  switch (r.kind) {
    case RecordKind::voted:
    case RecordKind::certified:
    case RecordKind::certificate_signers: name(votes); break;
    case RecordKind::committed: name(levels); break;
    case RecordKind::evidence: name(offences); break;
    case RecordKind::message_sent:
    case RecordKind::message_delivered:
    case RecordKind::message_dropped:
    case RecordKind::message_rejected: lua_rawgeti(L, up_kinds, static_cast<lua_Integer>(r.detail) + 1); break;
    default: lua_pushinteger(L, r.detail);
  }
}

constexpr sim::KindMask kinds_with_id =
    sim::mask_of(RecordKind::proposed, RecordKind::voted, RecordKind::locked, RecordKind::certified,
                 RecordKind::committed, RecordKind::commit_parent, RecordKind::executed, RecordKind::tx_submitted,
                 RecordKind::tx_admitted, RecordKind::tx_refused, RecordKind::tx_evicted, RecordKind::tx_included,
                 RecordKind::tx_confirmed, RecordKind::tx_retried);

void record_id(lua_State* L, void*) {
  const Record& r = record(L);
  push_hash(L, (kinds_with_id & sim::mask_of(r.kind)) != 0 ? r.id() : Hash128{});
}
void record_a(lua_State* L, void*) { lua_pushinteger(L, static_cast<lua_Integer>(record(L).a)); }
void record_b(lua_State* L, void*) { lua_pushinteger(L, static_cast<lua_Integer>(record(L).b)); }

// ---- fields of the context ----

void context_forced(lua_State* L, void* /*object*/) {
  lua_pushinteger(L, static_cast<lua_Integer>(context(L).forced_items()));
}

void context_now(lua_State* L, void*) { lua_pushinteger(L, ns(context(L).now())); }
void context_self(lua_State* L, void*) { push_node(L, objects(L).self); }
void context_height(lua_State* L, void*) {
  AdversaryContext& c = context(L);
  const NodeId self = objects(L).self;
  lua_pushinteger(L, self == no_node ? 0 : static_cast<lua_Integer>(c.height_of(self)));
}
void context_round(lua_State* L, void*) {
  AdversaryContext& c = context(L);
  const NodeId self = objects(L).self;
  lua_pushinteger(L, self == no_node ? -1 : static_cast<lua_Integer>(c.round_of(self)));
}
void context_peers(lua_State* L, void*) {
  LuaObjects& o = objects(L);
  const lua_Integer key = o.self == no_node ? 0 : static_cast<lua_Integer>(o.self.value) + 1;
  lua_rawgeti(L, LUA_REGISTRYINDEX, slot_peers);
  if (lua_rawgeti(L, -1, key) == LUA_TNIL) {
    lua_pop(L, 1);
    const std::span<const NodeId> all = context(L).all_nodes();
    lua_createtable(L, static_cast<int>(all.size()), 0);
    lua_Integer at = 0;
    for (const NodeId node : all) {
      if (node == o.self) continue;
      push_node(L, node);
      lua_rawseti(L, -2, ++at);
    }
    lua_pushvalue(L, -1);
    lua_rawseti(L, -3, key);
  }
  lua_remove(L, -2);
}

// ---- methods of the context ----

int check_options(lua_State* L, int index, std::initializer_list<const char*> known, const char* method) {
  if (lua_isnoneornil(L, index)) return 0;
  if (lua_type(L, index) != LUA_TTABLE) {
    return luaL_error(L, "the options of ctx:%s are a %s (hint: a table such as {delay = \"100ms\"})", method,
                      luaL_typename(L, index));
  }
  // The least unknown key is reported: the order in which Lua walks them differs from run to run.
  const char* wrong = nullptr;
  for (lua_pushnil(L); lua_next(L, index) != 0; lua_pop(L, 1)) {
    if (lua_type(L, -2) != LUA_TSTRING) luaL_error(L, "ctx:%s takes options by name", method);
    const char* key = lua_tostring(L, -2);
    bool is_known = false;
    for (const char* k : known) is_known = is_known || std::string_view{k} == key;
    if (!is_known && (wrong == nullptr || std::string_view{key} < wrong)) wrong = key;
  }
  if (wrong != nullptr) {
    lua_pushstring(L, wrong);  // the loop's key may be collected
    luaL_Buffer all;
    luaL_buffinit(L, &all);
    bool is_first = true;
    for (const char* k : known) {
      if (!is_first) luaL_addstring(&all, ", ");
      is_first = false;
      luaL_addstring(&all, k);
    }
    luaL_pushresult(&all);
    luaL_error(L, "ctx:%s has no option '%s' (hint: %s)", method, wrong, lua_tostring(L, -1));
  }
  return index;
}

/// Pushes the option; false (and nothing pushed) if it is not given.
bool push_option(lua_State* L, int options, const char* name) {
  if (options == 0) return false;
  lua_pushstring(L, name);
  if (lua_rawget(L, options) == LUA_TNIL) {
    lua_pop(L, 1);
    return false;
  }
  return true;
}

std::int64_t integer_option(lua_State* L, const char* name) {
  int is_integer = 0;
  const lua_Integer value = lua_tointegerx(L, -1, &is_integer);
  if (is_integer == 0) luaL_error(L, "option '%s' is a %s (hint: an integer)", name, luaL_typename(L, -1));
  lua_pop(L, 1);
  return value;
}

int context_send(lua_State* L) {
  check_self(L, "context", "send");
  LuaObjects& o = objects(L);
  AdversaryContext& c = context(L);
  const MessageBox& box = check_message(L, 3);
  const int options = check_options(L, 4, {"delay", "from"}, "send");
  std::int64_t delay = 0;
  if (push_option(L, options, "delay")) {
    delay = lua_check_duration(L, -1);
    if (delay < 0) luaL_error(L, "the delay is negative");
    lua_pop(L, 1);
  }
  NodeId from = o.self;
  if (push_option(L, options, "from")) {
    from = check_node(L, -1, "option 'from'");
    lua_pop(L, 1);
  }
  if (from == no_node) own_node(L, "send");
  check_nodes(L, 2, o.list, "the list of receivers");
  bool sent = false;
  if (!o.list.empty() && !o.state().guard([&] { sent = c.send(from, o.list, shared(box), Duration{delay}); })) {
    return leave(L);
  }
  lua_pushboolean(L, sent);
  return 1;
}

int context_forge(lua_State* L) {
  check_self(L, "context", "forge");
  LuaObjects& o = objects(L);
  AdversaryContext& c = context(L);
  const MessageBox& box = check_message(L, 2);
  const int options = check_options(
      L, 3, {"as", "block", "empty", "height", "nil_vote", "payload", "round", "timestamp_shift", "valid_round"},
      "forge");
  static_assert(std::is_trivially_destructible_v<protocols::ForgeChanges>);
  protocols::ForgeChanges changes;
  NodeId as = o.self;
  if (push_option(L, options, "as")) {
    as = check_node(L, -1, "option 'as'");
    lua_pop(L, 1);
  }
  if (as == no_node) own_node(L, "forge");
  if (push_option(L, options, "block")) {
    changes.block = check_hash(L, -1, "option 'block'");
    lua_pop(L, 1);
  }
  if (push_option(L, options, "nil_vote")) {
    if (lua_toboolean(L, -1) != 0) changes.block = protocols::BlockId{};
    lua_pop(L, 1);
  }
  if (push_option(L, options, "height")) {
    const std::int64_t height = integer_option(L, "height");
    if (height < 1) luaL_error(L, "the height of a forged message is at least 1");
    changes.height = protocols::Height{static_cast<std::uint64_t>(height)};
  }
  const auto round_option = [&](const char* name, std::int64_t least) {
    const std::int64_t round = integer_option(L, name);
    if (round < least || round > std::numeric_limits<std::int32_t>::max()) {
      luaL_error(L, "option '%s' is out of range (hint: %d ... 2147483647)", name, static_cast<int>(least));
    }
    return protocols::Round{static_cast<std::int32_t>(round)};
  };
  if (push_option(L, options, "round")) changes.round = round_option("round", 0);
  if (push_option(L, options, "valid_round")) changes.valid_round = round_option("valid_round", -1);
  if (push_option(L, options, "timestamp_shift")) {
    constexpr std::int64_t most = 1'000'000'000'000'000;  // 11 days: sums with any timestamp stay in range
    changes.timestamp_shift = Duration{std::clamp(lua_check_duration(L, -1), -most, most)};
    lua_pop(L, 1);
  }
  if (push_option(L, options, "empty")) {
    changes.drop_transactions = lua_toboolean(L, -1) != 0;
    lua_pop(L, 1);
  }
  if (push_option(L, options, "payload")) {
    std::size_t size = 0;
    const char* text = luaL_tolstring(L, -1, &size);
    changes.salt = hash64(std::as_bytes(std::span{text, size})) | 1U;
    lua_pop(L, 2);
  }
  MessageBox& made = push_box(L);
  if (!o.state().guard([&] { made.owned = c.forge(as, shared(box), changes); })) return leave(L);
  if (!made.owned) {
    lua_pushnil(L);
    return 1;
  }
  made.message = made.owned.get();
  made.from = as;
  return 1;
}

int context_keep(lua_State* L) {
  check_self(L, "context", "keep");
  const MessageBox& box = check_message(L, 2);
  MessageBox& made = push_box(L);
  made.owned = shared(box);
  made.message = made.owned.get();
  made.from = box.from;
  return 1;
}

int context_after(lua_State* L) {
  check_self(L, "context", "after");
  LuaObjects& o = objects(L);
  AdversaryContext& c = context(L);
  const std::int64_t delay = lua_check_duration(L, 2);
  if (delay < 0) luaL_error(L, "the delay is negative");
  lua_settop(L, 3);
  const std::uint64_t id = o.next_timer++;
  lua_rawgeti(L, LUA_REGISTRYINDEX, slot_timers);
  lua_pushvalue(L, 3);
  lua_rawseti(L, -2, static_cast<lua_Integer>(id));
  if (!o.state().guard([&] { c.set_timer(Duration{delay}, id); })) return leave(L);
  return 0;
}

int context_crash(lua_State* L) {
  check_self(L, "context", "crash");
  LuaObjects& o = objects(L);
  AdversaryContext& c = context(L);
  const NodeId node = check_node(L, 2, "the node to crash");
  const int options = check_options(L, 3, {"disk", "restart_after"}, "crash");
  std::int64_t restart_after = -1;
  if (push_option(L, options, "restart_after")) {
    restart_after = lua_check_duration(L, -1);
    if (restart_after < 0) luaL_error(L, "restart_after is negative (hint: leave it out to keep the node down)");
    lua_pop(L, 1);
  }
  sim::DiskFault disk = sim::DiskFault::unsynced_lost;
  if (push_option(L, options, "disk")) {
    constexpr std::string_view names[] = {"unsynced_lost", "torn_tail", "wiped", "rolled_back"};
    const char* name = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "";
    const auto* found = std::find(std::begin(names), std::end(names), name);
    if (found == std::end(names)) {
      luaL_error(L, "option 'disk' is none of the disk faults (hint: unsynced_lost, torn_tail, wiped, rolled_back)");
    }
    disk = static_cast<sim::DiskFault>(found - std::begin(names));
    lua_pop(L, 1);
  }
  bool done = false;
  if (!o.state().guard([&] { done = c.crash(node, Duration{restart_after}, disk); })) return leave(L);
  lua_pushboolean(L, done);
  return 1;
}

int context_partition(lua_State* L) {
  check_self(L, "context", "partition");
  LuaObjects& o = objects(L);
  AdversaryContext& c = context(L);
  if (lua_type(L, 2) != LUA_TTABLE) luaL_error(L, "ctx:partition takes groups such as {{\"n0\", \"n1\"}, {\"n2\"}}");
  const lua_Integer count = lua_border(L, 2);
  if (count < 2 || count > static_cast<lua_Integer>(o.nodes())) {
    luaL_error(L, "a partition has at least two groups and at most one a node");
  }
  const std::int64_t lasts = lua_check_duration(L, 3);
  if (lasts <= 0) luaL_error(L, "the partition's duration is not positive");
  if (!o.state().guard([&] { o.groups.assign(static_cast<std::size_t>(count), {}); })) return leave(L);
  for (lua_Integer i = 1; i <= count; ++i) {
    lua_rawgeti(L, 2, i);
    check_nodes(L, lua_gettop(L), o.list, "a group of the partition");
    lua_pop(L, 1);
    for (const NodeId node : o.list) {
      if (node.value >= o.nodes()) luaL_error(L, "only sequencer nodes can be partitioned");
    }
    if (!o.state().guard([&] { o.groups[static_cast<std::size_t>(i - 1)] = o.list; })) return leave(L);
  }
  o.list.clear();
  for (const std::vector<NodeId>& group : o.groups) {
    if (o.list.size() + group.size() > o.nodes()) luaL_error(L, "a node is in two groups of the partition");
    o.list.insert(o.list.end(), group.begin(), group.end());
  }
  std::sort(o.list.begin(), o.list.end());
  if (std::adjacent_find(o.list.begin(), o.list.end()) != o.list.end()) {
    luaL_error(L, "a node is in two groups of the partition");
  }
  bool done = false;
  if (!o.state().guard([&] { done = c.partition(o.groups, Duration{lasts}); })) return leave(L);
  lua_pushboolean(L, done);
  return 1;
}

int context_jump_clock(lua_State* L) {
  check_self(L, "context", "jump_clock");
  LuaObjects& o = objects(L);
  AdversaryContext& c = context(L);
  const NodeId node = check_node(L, 2, "the node whose clock jumps");
  constexpr std::int64_t most = 1'000'000'000'000'000;
  const std::int64_t step = std::clamp(lua_check_duration(L, 3), -most, most);
  bool done = false;
  if (!o.state().guard([&] { done = c.jump_clock(node, Duration{step}); })) return leave(L);
  lua_pushboolean(L, done);
  return 1;
}

int context_pay(lua_State* L) {
  check_self(L, "context", "pay");
  LuaObjects& o = objects(L);
  AdversaryContext& c = context(L);
  const int options = check_options(L, 2, {"amount", "at", "fee", "from", "to"}, "pay");
  const auto number = [&](const char* name, std::int64_t least, std::int64_t otherwise) {
    if (!push_option(L, options, name)) {
      if (otherwise < least) luaL_error(L, "ctx:pay needs the option '%s'", name);
      return otherwise;
    }
    const std::int64_t value = integer_option(L, name);
    if (value < least) luaL_error(L, "option '%s' is out of range", name);
    return value;
  };
  const auto account = [&](const char* name) {
    const std::int64_t value = number(name, 0, -1);
    if (value > 1'000'000) luaL_error(L, "option '%s' is out of range", name);
    return protocols::AccountId{static_cast<std::uint32_t>(value)};
  };
  const protocols::AccountId from = account("from");
  const protocols::AccountId to = account("to");
  const protocols::Amount amount{number("amount", 1, 0)};
  const protocols::Amount fee{number("fee", 0, 0)};
  NodeId at = o.self;
  if (push_option(L, options, "at")) {
    at = check_node(L, -1, "option 'at'");
    lua_pop(L, 1);
  }
  if (at == no_node) own_node(L, "pay");
  MessageBox& made = push_box(L);
  if (!o.state().guard([&] { made.owned = c.pay(at, from, to, amount, fee); })) return leave(L);
  if (!made.owned) {
    lua_pushnil(L);
    return 1;
  }
  made.message = made.owned.get();
  made.from = at;
  return 1;
}

int context_note(lua_State* L) {
  check_self(L, "context", "note");
  LuaObjects& o = objects(L);
  AdversaryContext& c = context(L);
  const lua_Integer a = luaL_checkinteger(L, 2);
  const lua_Integer b = luaL_optinteger(L, 3, 0);
  if (!o.state().guard([&] { c.note(static_cast<std::uint64_t>(a), static_cast<std::uint64_t>(b)); })) return leave(L);
  return 0;
}

int context_would_win(lua_State* L) {
  check_self(L, "context", "would_win");
  const lua_Integer index = luaL_checkinteger(L, 2);
  luaL_argcheck(L, index >= 0 && index < 1'000'000'000, 2, "a place in the block counts from 0");
  const std::optional<bool> wins = context(L).would_win(static_cast<std::uint64_t>(index));
  if (!wins) return 0;
  lua_pushboolean(L, *wins ? 1 : 0);
  return 1;
}

int context_power(lua_State* L) {
  check_self(L, "context", "power");
  lua_pushinteger(L, context(L).power_of(check_node(L, 2, "the argument of ctx:power")));
  return 1;
}

int context_ns(lua_State* L) {
  check_self(L, "context", "ns");
  lua_pushinteger(L, lua_check_duration(L, 2));
  return 1;
}

int context_split(lua_State* L) {
  check_self(L, "context", "split");
  LuaObjects& o = objects(L);
  AdversaryContext& c = context(L);
  check_nodes(L, 2, o.list, "the list to split");
  const std::span<NodeId> all{o.list};
  c.rng().shuffle(all);
  const std::span<NodeId> left = all.first(all.size() / 2);
  const std::span<NodeId> right = all.subspan(left.size());
  std::sort(left.begin(), left.end());
  std::sort(right.begin(), right.end());
  push_nodes(L, left);
  push_nodes(L, right);
  return 2;
}

/// Greatest first to the lighter side: no further apart than the power of one node.
int context_split_by_power(lua_State* L) {
  check_self(L, "context", "split_by_power");
  LuaObjects& o = objects(L);
  AdversaryContext& c = context(L);
  check_nodes(L, 2, o.list, "the list to split");
  if (!o.state().guard([&] {
        c.rng().shuffle(std::span<NodeId>{o.list});
        std::stable_sort(o.list.begin(), o.list.end(),
                         [&](NodeId a, NodeId b) { return c.power_of(a) > c.power_of(b); });
        o.groups.assign(2, {});
        Power power[2] = {0, 0};
        for (const NodeId node : o.list) {
          const std::size_t side = power[1] < power[0] ? 1 : 0;
          power[side] += c.power_of(node);
          o.groups[side].push_back(node);
        }
        for (std::vector<NodeId>& group : o.groups) std::sort(group.begin(), group.end());
      })) {
    return leave(L);
  }
  push_nodes(L, o.groups[0]);
  push_nodes(L, o.groups[1]);
  return 2;
}

// ---- methods of the random stream ----

sim::Stream& stream(lua_State* L, const char* method) {
  if (lua_type(L, 1) != LUA_TTABLE) luaL_error(L, "call it with a colon, as in ctx.rng:%s(...)", method);
  sim::Stream* s = LuaState::of(L).stream;
  if (s == nullptr) luaL_error(L, "no random numbers before the world is there");
  return *s;
}

int rng_int(lua_State* L) {
  sim::Stream& s = stream(L, "int");
  const lua_Integer low = luaL_checkinteger(L, 2);
  const lua_Integer high = luaL_checkinteger(L, 3);
  luaL_argcheck(L, low <= high, 3, "the range is empty");
  lua_pushinteger(L, s.between(low, high));
  return 1;
}

int rng_bool(lua_State* L) {
  sim::Stream& s = stream(L, "bool");
  const lua_Integer num = luaL_optinteger(L, 2, 1);
  const lua_Integer den = luaL_optinteger(L, 3, 2);
  constexpr lua_Integer most = std::numeric_limits<std::uint32_t>::max();
  luaL_argcheck(L, den > 0 && den <= most, 3, "the denominator is not positive");
  luaL_argcheck(L, num >= 0 && num <= den, 2, "the probability is not within 0 ... 1");
  lua_pushboolean(L, s.chance({static_cast<std::uint32_t>(num), static_cast<std::uint32_t>(den)}));
  return 1;
}

int rng_bytes(lua_State* L) {
  sim::Stream& s = stream(L, "bytes");
  const lua_Integer count = luaL_checkinteger(L, 2);
  luaL_argcheck(L, count >= 0 && count <= 4096, 2, "0 ... 4096 bytes");
  LuaState::of(L).charge(L, static_cast<std::uint64_t>(count));
  luaL_Buffer out;
  char* to = luaL_buffinitsize(L, &out, static_cast<std::size_t>(count));
  for (lua_Integer i = 0; i < count; ++i) to[i] = static_cast<char>(s.next32() & 0xffU);
  luaL_pushresultsize(&out, static_cast<std::size_t>(count));
  return 1;
}

int rng_shuffle(lua_State* L) {
  sim::Stream& s = stream(L, "shuffle");
  luaL_checktype(L, 2, LUA_TTABLE);
  lua_settop(L, 2);
  const lua_Integer count = lua_border(L, 2);
  LuaState::of(L).charge(L, static_cast<std::uint64_t>(count));
  for (lua_Integer i = count; i > 1; --i) {
    const auto j = static_cast<lua_Integer>(s.below(static_cast<std::uint64_t>(i))) + 1;
    lua_rawgeti(L, 2, i);
    lua_rawgeti(L, 2, j);
    lua_rawseti(L, 2, i);
    lua_rawseti(L, 2, j);
  }
  return 1;
}

int rng_pick(lua_State* L) {
  sim::Stream& s = stream(L, "pick");
  luaL_checktype(L, 2, LUA_TTABLE);
  const auto count = static_cast<std::uint64_t>(lua_border(L, 2));
  luaL_argcheck(L, count > 0, 2, "the list is empty");
  lua_rawgeti(L, 2, static_cast<lua_Integer>(s.below(count)) + 1);
  return 1;
}

// ---- the table ----

using Getter = void (*)(lua_State*, void*);

struct Entry {
  LuaBinding doc;
  Getter getter = nullptr;         // a field that is read when it is asked for
  lua_CFunction method = nullptr;  // neither: a value that `open` makes once
};

constexpr Entry entries[] = {
    {{"Context", "params", "table<string, any>",
      "Parameters: the script's defaults, replaced by the scenario's `params`."}},
    {{"Context", "grant", "seqlab.Grant", "What the scenario allows, from its `power`."}},
    {{"Context", "own", "string[]", "Nodes of this adversary."}},
    {{"Context", "nodes", "string[]", "All sequencer nodes, its own ones included."}},
    {{"Context", "rng", "seqlab.Rng", "The only source of randomness: a stream of its own."}},
    {{"Context", "pass", "seqlab.Verdict", "Returned by a hook: let it happen. Returning nothing means the same."}},
    {{"Context", "drop", "seqlab.Verdict", "Returned by a hook: it does not happen."}},
    {{"Context", "now", "integer", "Virtual time in ns since the start of the world."}, &context_now},
    {{"Context", "self", "string?", "The own node that the hook is about; the first own node in hooks about none."},
     &context_self},
    {{"Context", "forced", "integer", "In `on_build`: how many items from layer 1 the block holds."}, &context_forced},
    {{"Context", "height", "integer", "Height that `self` is deciding, 0 while it is down."}, &context_height},
    {{"Context", "round", "integer", "Round that `self` is in, from 0; -1 while it is down."}, &context_round},
    {{"Context", "peers", "string[]", "All sequencer nodes but `self`. One list for all calls: do not change it."},
     &context_peers},
    {{"Context", "send",
      "fun(to: string|string[], msg: seqlab.Message, options?: {delay?: seqlab.Duration, from?: string}): boolean",
      "Sends as `self` (or another own node), at once or later. False if the grant or a crash forbids it."},
     nullptr,
     &context_send},
    {{"Context", "forge", "fun(msg: seqlab.Message, changes?: seqlab.Forge): seqlab.Message?",
      "A changed copy signed by `self` (or `as`). Nothing if this kind of message cannot be forged or the key is not "
      "owned."},
     nullptr,
     &context_forge},
    {{"Context", "keep", "fun(msg: seqlab.Message): seqlab.Message",
      "A message to keep beyond the hook: the hook's own `msg` is used again for the next one."},
     nullptr,
     &context_keep},
    {{"Context", "after", "fun(delay: seqlab.Duration, value?: any)", "Calls on_timer(ctx, value) after the delay."},
     nullptr,
     &context_after},
    {{"Context", "crash",
      "fun(node: string, options?: {restart_after?: seqlab.Duration, disk?: seqlab.DiskFault}): boolean",
      "Stops a node. Own nodes for free and with any disk fault; others as far as granted, with unsynced_lost or "
      "torn_tail. Without restart_after it stays down."},
     nullptr,
     &context_crash},
    {{"Context", "partition", "fun(groups: string[][], lasts: seqlab.Duration): boolean",
      "Cuts the links between the groups; nodes in none reach everybody. Needs a grant."},
     nullptr,
     &context_partition},
    {{"Context", "jump_clock", "fun(node: string, step: seqlab.Duration): boolean",
      "Steps the wall clock of an own node; negative steps go back."},
     nullptr,
     &context_jump_clock},
    {{"Context", "pay", "fun(options: seqlab.Payment): seqlab.Message?",
      "A payment from a granted account. It goes to the pool of `self` (or `at`) and to nobody else: send the message "
      "to "
      "show it to others. Nothing if it is not granted."},
     nullptr,
     &context_pay},
    {{"Context", "would_win", "fun(index: integer): boolean?",
      "In `on_build`: whether a transaction at that place of the block, from 0, would win the lottery. Nothing where "
      "there is none, and while nobody can have computed the random values yet."},
     nullptr,
     &context_would_win},
    {{"Context", "note", "fun(a: integer, b?: integer)", "Puts two numbers into the trace, as a `note` record."},
     nullptr,
     &context_note},
    {{"Context", "power", "fun(node: string): integer", "Voting power of a node at genesis."}, nullptr, &context_power},
    {{"Context", "ns", "fun(duration: seqlab.Duration): integer", "Nanoseconds of a duration such as \"1.5s\"."},
     nullptr,
     &context_ns},
    {{"Context", "split", "fun(nodes: string[]): string[], string[]",
      "Two random halves, each in node order; the second has the odd one."},
     nullptr,
     &context_split},
    {{"Context", "split_by_power", "fun(nodes: string[]): string[], string[]",
      "Two random parts of about equal voting power, each in node order."},
     nullptr,
     &context_split_by_power},

    {{"Message", "kind", "seqlab.MessageKind", "What it is."}, &message_kind},
    {{"Message", "height", "integer", "Height that it is about, 0 if about none."}, &message_height},
    {{"Message", "round", "integer", "Round that it is about, -1 if about none."}, &message_round},
    {{"Message", "valid_round", "integer", "Proposal: round of the polka that justifies it, -1 if it is fresh."},
     &message_valid_round},
    {{"Message", "block", "string?",
      "Id of the block that it carries or votes for, 32 hex digits. Nothing for a nil vote."},
     &message_block},
    {{"Message", "author", "string?", "Who signed it."}, &message_author},
    {{"Message", "from", "string?", "Who sends this copy."}, &message_from},
    {{"Message", "to", "string?", "The receiver, if there is exactly one."}, &message_to},
    {{"Message", "receivers", "string[]", "All receivers; empty for a kept or forged message."}, &message_receivers},
    {{"Message", "bytes", "integer", "Size on the wire."}, &message_bytes},
    {{"Message", "is_nil", "boolean", "A vote for nil."}, &message_is_nil},
    {{"Message", "transactions", "integer", "How many transactions its block has."}, &message_transactions},
    {{"Message", "tx", "string?", "Id of the transaction that it carries or answers."}, &message_tx},
    {{"Message", "sender", "integer?", "Sending account of the transaction that it carries."}, &message_sender},

    {{"Record", "kind", "seqlab.RecordKind", "What happened."}, &record_kind},
    {{"Record", "node", "string?", "Whom it concerns."}, &record_node},
    {{"Record", "peer", "string?", "The other end: receiver, offender, sender."}, &record_peer},
    {{"Record", "height", "integer", "Height, 0 if it has none."}, &record_height},
    {{"Record", "round", "integer", "Round, or what the kind says."}, &record_round},
    {{"Record", "detail", "string|integer",
      "Name of the vote type, commit level, offence or message kind; a number for other kinds."},
     &record_detail},
    {{"Record", "id", "string?",
      "Block or transaction, 32 hex digits. Nothing for nil, or if the grant shows headers only."},
     &record_id},
    {{"Record", "a", "integer", "First number of the kind; 0 if the grant shows headers only."}, &record_a},
    {{"Record", "b", "integer", "Second number of the kind; 0 if the grant shows headers only."}, &record_b},

    {{"Rng", "int", "fun(low: integer, high: integer): integer", "Uniform, both ends included."}, nullptr, &rng_int},
    {{"Rng", "bool", "fun(num?: integer, den?: integer): boolean", "True with probability num/den, by default 1/2."},
     nullptr,
     &rng_bool},
    {{"Rng", "bytes", "fun(count: integer): string", "That many random bytes, at most 4096."}, nullptr, &rng_bytes},
    {{"Rng", "shuffle", "fun(list: any[]): any[]", "Shuffles the list in place and returns it."},
     nullptr,
     &rng_shuffle},
    {{"Rng", "pick", "fun(list: any[]): any", "One element."}, nullptr, &rng_pick},
};

constexpr auto binding_table = [] {
  std::array<LuaBinding, std::size(entries)> out{};
  for (std::size_t i = 0; i < std::size(entries); ++i) out[i] = entries[i].doc;
  return out;
}();

constexpr LuaHook hook_table[] = {
    {"on_start", hook_start, "fun(ctx: seqlab.Context)", "Once, before anything else happens."},
    {"on_send", hook_send, "fun(ctx: seqlab.Context, msg: seqlab.Message): seqlab.Verdict?",
     "An own node is about to send."},
    {"on_receive", hook_receive, "fun(ctx: seqlab.Context, msg: seqlab.Message): seqlab.Verdict?",
     "A message reaches an own node; ctx.drop hides it from the node's honest code."},
    {"on_build", hook_build,
     "fun(ctx: seqlab.Context, txs: seqlab.Tx[], height: integer, round: integer): seqlab.Tx[]?",
     "An own node builds a block: the transactions to put in, in order, or nothing to leave them as they are."},
    {"on_link", hook_link, "fun(ctx: seqlab.Context, msg: seqlab.Message): seqlab.Verdict|seqlab.Duration|nil",
     "A message is on a link: ctx.drop, or a duration to hold it back, as far as granted."},
    {"on_timer", hook_timer, "fun(ctx: seqlab.Context, value: any)", "What ctx:after announced."},
    {"on_record", hook_record, "fun(ctx: seqlab.Context, rec: seqlab.Record)",
     "Something happened, of the kinds in `records`. Actions follow within the same instant, a crash at once."},
};

// ---- metatables ----

/// __index of ctx, msg and rec. Integers in the table of fields are positions in `entries`.
int index_object(lua_State* L) {
  lua_pushvalue(L, 2);
  switch (lua_rawget(L, up_fields)) {
    case LUA_TNUMBER: {
      const auto at = static_cast<std::size_t>(lua_tointeger(L, -1));
      entries[at].getter(L, lua_touserdata(L, 1));
      return 1;
    }
    case LUA_TNIL: break;
    default: return 1;
  }
  char near[64] = "";
  const char* name = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : "?";
  lua_getmetatable(L, 1);
  lua_getfield(L, -1, "__name");
  const std::string_view object = lua_tostring(L, -1);
  const bool good = objects(L).state().guard([&] {
    const std::string_view owner = object == "context" ? "Context" : object == "message" ? "Message" : "Record";
    std::vector<std::string> known;
    for (const Entry& entry : entries) {
      if (entry.doc.owner == owner) known.emplace_back(entry.doc.name);
    }
    std::snprintf(near, sizeof near, "%s", nearest(std::string(name).substr(0, 60), known).c_str());
  });
  if (!good) return leave(L);
  if (near[0] == '\0') return luaL_error(L, "a %s has no field '%s'", lua_tostring(L, -1), name);
  return luaL_error(L, "a %s has no field '%s' (hint: did you mean '%s'?)", lua_tostring(L, -1), name, near);
}

int refuse_write(lua_State* L) {
  return luaL_error(L, "this value cannot be changed (hint: keep your own state in a local table)");
}

/// __index of tables with fixed names. Upvalue 1: what it is.
int unknown_name(lua_State* L) {
  return luaL_error(L, "%s has no '%s'", lua_tostring(L, lua_upvalueindex(1)),
                    lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : luaL_typename(L, 2));
}

int collect_message(lua_State* L) {
  static_cast<MessageBox*>(lua_touserdata(L, 1))->~MessageBox();
  return 0;
}

/// Gives the table on top a metatable that refuses unknown names.
void make_strict(lua_State* L, const char* what) {
  lua_createtable(L, 0, 3);
  lua_pushstring(L, what);
  lua_pushcclosure(L, &unknown_name, 1);
  lua_setfield(L, -2, "__index");
  lua_pushcfunction(L, &refuse_write);
  lua_setfield(L, -2, "__newindex");
  lua_pushboolean(L, 0);
  lua_setfield(L, -2, "__metatable");
  lua_setmetatable(L, -2);
}

void push_shared_upvalues(lua_State* L, int base) {
  for (int i = 0; i < shared_upvalues; ++i) lua_pushvalue(L, base + i);
}

/// Pushes a metatable named `name` for objects of class `owner`; the table of fields is on top and consumed.
void push_metatable(lua_State* L, int base, const char* name) {
  const int fields_at = lua_gettop(L);
  luaL_newmetatable(L, name);
  push_shared_upvalues(L, base);
  lua_pushvalue(L, fields_at);
  lua_pushcclosure(L, &index_object, shared_upvalues + 1);
  lua_setfield(L, -2, "__index");
  lua_pushcfunction(L, &refuse_write);
  lua_setfield(L, -2, "__newindex");
  lua_pushboolean(L, 0);
  lua_setfield(L, -2, "__metatable");
  lua_remove(L, fields_at);
}

/// Pushes the table of fields of a class: positions of getters, and methods as closures.
void push_fields(lua_State* L, int base, std::string_view owner) {
  lua_newtable(L);
  for (std::size_t i = 0; i < std::size(entries); ++i) {
    const Entry& entry = entries[i];
    if (entry.doc.owner != owner) continue;
    lua_pushlstring(L, entry.doc.name.data(), entry.doc.name.size());
    if (entry.getter != nullptr) {
      lua_pushinteger(L, static_cast<lua_Integer>(i));
    } else if (entry.method != nullptr) {
      push_shared_upvalues(L, base);
      lua_pushcclosure(L, entry.method, shared_upvalues);
    } else {
      lua_pop(L, 1);
      continue;
    }
    lua_rawset(L, -3);
  }
}

void push_param(lua_State* L, const ParamValue& value) {
  if (const auto* flag = std::get_if<bool>(&value)) {
    lua_pushboolean(L, *flag);
  } else if (const auto* number = std::get_if<std::int64_t>(&value)) {
    lua_pushinteger(L, *number);
  } else if (const auto* text = std::get_if<std::string>(&value)) {
    lua_pushlstring(L, text->data(), text->size());
  } else {
    const auto& list = std::get<std::vector<std::string>>(value);
    lua_createtable(L, static_cast<int>(list.size()), 0);
    for (std::size_t i = 0; i < list.size(); ++i) {
      lua_pushlstring(L, list[i].data(), list[i].size());
      lua_rawseti(L, -2, static_cast<lua_Integer>(i) + 1);
    }
  }
}

void push_grant(lua_State* L, const PowerSpec& power) {
  constexpr const char* sights[] = {"own", "headers", "all"};
  const auto number = [&](const char* name, std::uint64_t value) {
    lua_pushinteger(L,
                    static_cast<lua_Integer>(std::min<std::uint64_t>(value, std::numeric_limits<lua_Integer>::max())));
    lua_setfield(L, -2, name);
  };
  lua_newtable(L);
  lua_pushstring(L, sights[static_cast<std::size_t>(power.sees)]);
  lua_setfield(L, -2, "sees");
  number("delay_max", static_cast<std::uint64_t>(ns(power.delay_max)));
  number("drops_max", power.drops_max);
  lua_pushboolean(L, power.drop_before_gst);
  lua_setfield(L, -2, "drop_before_gst");
  number("crashes_max", power.crashes_max);
  number("partitions_max", power.partitions_max);
  number("partition_max", static_cast<std::uint64_t>(ns(power.partition_max)));
  lua_newtable(L);
  for (std::size_t i = 0; i < power.accounts.size(); ++i) {
    lua_pushinteger(L, power.accounts[i]);
    lua_rawseti(L, -2, static_cast<lua_Integer>(i + 1));
  }
  lua_setfield(L, -2, "accounts");
  make_strict(L, "ctx.grant");
}

}  // namespace

LuaObjects::LuaObjects(LuaState& state, const AdversarySpec& spec, std::uint32_t nodes, std::uint32_t clients)
    : state_(state), spec_(spec), nodes_(nodes), clients_(clients) {
  list.reserve(endpoints());
  list2.reserve(endpoints());
}

void LuaObjects::open(lua_State* L, const std::map<std::string, ParamValue>& params) {
  luaL_checkstack(L, 40, nullptr);
  const int base = lua_gettop(L) + 1;
  lua_createtable(L, static_cast<int>(endpoints()), 0);  // names
  lua_createtable(L, 0, static_cast<int>(endpoints()));  // nodes by name
  for (std::uint32_t i = 0; i < endpoints(); ++i) {
    char name[16];
    std::snprintf(name, sizeof name, i < nodes_ ? "n%u" : "c%u", i < nodes_ ? i : i - nodes_);
    lua_pushstring(L, name);
    lua_pushvalue(L, -1);
    lua_rawseti(L, base, static_cast<lua_Integer>(i) + 1);
    lua_pushinteger(L, i);
    lua_rawset(L, base + 1);
  }
  lua_newtable(L);  // kinds
  for (std::size_t i = 0; i < static_cast<std::size_t>(MessageKind::count); ++i) {
    const std::string_view name = protocols::name_of(static_cast<MessageKind>(i));
    lua_pushlstring(L, name.data(), name.size());
    lua_rawseti(L, -2, static_cast<lua_Integer>(i) + 1);
  }
  for (std::size_t i = 0; i < sim::record_kind_count; ++i) {
    lua_pushlstring(L, sim::record_kind_names[i].data(), sim::record_kind_names[i].size());
    lua_rawseti(L, -2, first_record_kind + static_cast<lua_Integer>(i));
  }
  lua_createtable(L, static_cast<int>(hash_cache.size()), 0);  // texts of hashes

  lua_newtable(L);
  lua_rawseti(L, LUA_REGISTRYINDEX, slot_timers);
  lua_newtable(L);
  lua_rawseti(L, LUA_REGISTRYINDEX, slot_peers);

  push_fields(L, base, "Context");
  const auto constant = [&](const char* name) { lua_setfield(L, -2, name); };
  lua_pushlightuserdata(L, pass_mark());
  constant("pass");
  lua_pushlightuserdata(L, drop_mark());
  constant("drop");
  lua_newtable(L);
  for (const auto& [name, value] : params) {
    lua_pushlstring(L, name.data(), name.size());
    push_param(L, value);
    lua_rawset(L, -3);
  }
  make_strict(L, "ctx.params");
  constant("params");
  push_grant(L, spec_.power);
  constant("grant");
  push_fields(L, base, "Rng");
  make_strict(L, "ctx.rng");
  constant("rng");
  const auto names = [&](const auto& node_at, std::size_t count) {
    lua_createtable(L, static_cast<int>(count), 0);
    for (std::size_t i = 0; i < count; ++i) {
      lua_rawgeti(L, base, static_cast<lua_Integer>(node_at(i)) + 1);
      lua_rawseti(L, -2, static_cast<lua_Integer>(i) + 1);
    }
  };
  names([&](std::size_t i) { return spec_.nodes[i].value; }, spec_.nodes.size());
  constant("own");
  names([](std::size_t i) { return i; }, nodes_);
  constant("nodes");
  push_metatable(L, base, "context");
  lua_newuserdatauv(L, 1, 0);
  lua_insert(L, -2);
  lua_setmetatable(L, -2);  // ctx

  push_fields(L, base, "Message");
  push_metatable(L, base, "message");
  lua_pushcfunction(L, &collect_message);
  lua_setfield(L, -2, "__gc");
  lua_rawseti(L, LUA_REGISTRYINDEX, slot_message_meta);
  message = &push_box(L);  // msg

  push_fields(L, base, "Record");
  push_metatable(L, base, "record");
  lua_newuserdatauv(L, 1, 0);
  lua_insert(L, -2);
  lua_setmetatable(L, -2);  // rec

  for (int i = 0; i < 3; ++i) lua_replace(L, base + 2 - i);
  lua_settop(L, base + 2);
}

std::int64_t lua_check_duration(lua_State* L, int index) {
  int is_integer = 0;
  if (lua_type(L, index) == LUA_TNUMBER) {
    const lua_Integer value = lua_tointegerx(L, index, &is_integer);
    if (is_integer == 0)
      luaL_error(L, "a duration is not a whole number of ns (hint: an integer, or text such as \"1.5s\")");
    return value;
  }
  if (lua_type(L, index) != LUA_TSTRING) {
    luaL_error(L, "a duration is a %s (hint: an integer of ns, or text such as \"500ms\")", luaL_typename(L, index));
  }
  std::size_t size = 0;
  const char* text = lua_tolstring(L, index, &size);
  std::int64_t value = 0;
  bool good = false;
  if (!objects(L).state().guard([&] {
        const Parsed<Duration> parsed = parse_duration({text, std::min<std::size_t>(size, 64)});
        good = static_cast<bool>(parsed);
        value = ns(parsed.value);
      })) {
    leave(L);
  }
  if (!good) luaL_error(L, "'%s' is not a duration (hint: an integer of ns, or text such as \"500ms\")", text);
  return value;
}

bool lua_is_pass(lua_State* L, int index) {
  return lua_isnoneornil(L, index) || (lua_islightuserdata(L, index) && lua_touserdata(L, index) == pass_mark());
}

bool lua_is_drop(lua_State* L, int index) {
  return lua_islightuserdata(L, index) && lua_touserdata(L, index) == drop_mark();
}

void lua_push_timer_value(lua_State* L, std::uint64_t id) {
  lua_rawgeti(L, LUA_REGISTRYINDEX, slot_timers);
  lua_rawgeti(L, -1, static_cast<lua_Integer>(id));
  lua_pushnil(L);
  lua_rawseti(L, -3, static_cast<lua_Integer>(id));
  lua_remove(L, -2);
}

void lua_push_transactions(lua_State* L, std::span<const protocols::Transaction> transactions) {
  lua_createtable(L, static_cast<int>(transactions.size()), 0);
  for (std::size_t i = 0; i < transactions.size(); ++i) {
    const protocols::Transaction& tx = transactions[i];
    LuaState::of(L).charge(L, 8);
    lua_createtable(L, 0, 9);
    const auto number = [&](const char* name, std::uint64_t value) {
      lua_pushinteger(L, static_cast<lua_Integer>(value));
      lua_setfield(L, -2, name);
    };
    number("index", i + 1);
    number("sender", tx.sender.value);
    number("receiver", tx.receiver.value);
    number("nonce", tx.nonce);
    number("amount", static_cast<std::uint64_t>(tx.amount.value));
    number("fee", static_cast<std::uint64_t>(tx.fee.value));
    number("gas", tx.gas);
    number("bytes", tx.bytes);
    char text[33];
    std::snprintf(text, sizeof text, "%016llx%016llx", static_cast<unsigned long long>(tx.id.hi),
                  static_cast<unsigned long long>(tx.id.lo));
    lua_pushlstring(L, text, 32);
    lua_setfield(L, -2, "id");
    lua_rawseti(L, -2, static_cast<lua_Integer>(i) + 1);
  }
}

std::span<const LuaBinding> lua_bindings() { return binding_table; }

std::span<const LuaHook> lua_hooks() { return hook_table; }

std::string lua_annotations() {
  // Comment lines of at most 110 columns.
  const auto as_comment = [](std::string_view text) {
    std::string lines;
    while (!text.empty()) {
      std::size_t end = text.size() <= 107 ? text.size() : text.rfind(' ', 107);
      if (end == std::string_view::npos) end = text.size();
      lines += fmt::format("---{}\n", text.substr(0, end));
      text.remove_prefix(std::min(end + 1, text.size()));
    }
    return lines;
  };
  std::string out =
      "---@meta\n"
      "-- Everything that an adversary script can reach, for editors (LuaLS). Generated from the table in\n"
      "-- scenarios/hooks/lua_bindings.cpp; a test compares the two. Not a script.\n"
      "error(\"this file describes the scripts' interface; it is not meant to be run\")\n\n"
      "---A whole number of ns, or text such as \"1.5s\", \"500ms\", \"250us\".\n"
      "---@alias seqlab.Duration integer|string\n"
      "---@alias seqlab.DiskFault \"unsynced_lost\"|\"torn_tail\"|\"wiped\"|\"rolled_back\"\n"
      "---@class seqlab.Verdict\n\n";
  const auto alias = [&](std::string_view name, auto names) {
    out += fmt::format("---@alias seqlab.{}\n", name);
    for (const std::string_view n : names) out += fmt::format("---| \"{}\"\n", n);
    out += '\n';
  };
  std::vector<std::string_view> kinds;
  for (std::size_t i = 0; i < static_cast<std::size_t>(MessageKind::count); ++i) {
    kinds.push_back(protocols::name_of(static_cast<MessageKind>(i)));
  }
  alias("MessageKind", kinds);
  alias("RecordKind", sim::record_kind_names);

  const std::pair<std::string_view, std::string_view> classes[] = {
      {"Context", "The world as the script sees it: first argument of every hook."},
      {"Message", "A message. The hook's own one is gone with the hook; see `Context.keep`."},
      {"Record", "Something that happened. Gone with the hook."},
      {"Rng", "Seeded randomness; `math.random` draws from the same stream."}};
  for (const auto& [name, text] : classes) {
    out += fmt::format("{}---@class seqlab.{}\nlocal {} = {{}}\n\n", as_comment(text), name, name);
    for (const Entry& entry : entries) {
      if (entry.doc.owner != name) continue;
      if (entry.method == nullptr) {
        out += fmt::format("{}---@type {}\n{}.{} = nil\n\n", as_comment(entry.doc.text), entry.doc.type, name,
                           entry.doc.name);
        continue;
      }
      // "fun(a: T, b?: U): R" becomes the lines of a method.
      const std::string_view type = entry.doc.type;
      std::size_t depth = 0;
      std::size_t begin = 4;
      std::size_t close = begin;
      std::vector<std::string_view> params;
      for (std::size_t i = begin; i < type.size(); ++i) {
        const char c = type[i];
        const bool ends = depth == 0 && (c == ',' || c == ')');
        if (ends && i > begin) params.push_back(type.substr(begin, i - begin));
        if (ends && c == ')') {
          close = i;
          break;
        }
        if (ends) begin = i + 2;
        if (c == '(' || c == '{') ++depth;
        if (c == ')' || c == '}') --depth;
      }
      out += as_comment(entry.doc.text);
      std::string list;
      for (const std::string_view param : params) {
        const std::size_t colon = param.find(':');
        std::string_view param_name = param.substr(0, colon);
        out += fmt::format("---@param {} {}\n", param_name, param.substr(colon + 2));
        if (param_name.back() == '?') param_name.remove_suffix(1);
        list += fmt::format("{}{}", list.empty() ? "" : ", ", param_name);
      }
      if (close + 3 < type.size()) out += fmt::format("---@return {}\n", type.substr(close + 3));
      out += fmt::format("function {}:{}({}) end\n\n", name, entry.doc.name, list);
    }
  }
  out +=
      "---Options of `Context.forge`.\n"
      "---@class seqlab.Forge\n"
      "---@field as? string own node that signs, by default `self`\n"
      "---@field block? string vote: for this block\n"
      "---@field nil_vote? boolean vote: for nil\n"
      "---@field height? integer\n"
      "---@field round? integer\n"
      "---@field valid_round? integer proposal: round of the polka that is claimed, -1 for none\n"
      "---@field timestamp_shift? seqlab.Duration added to the timestamp\n"
      "---@field empty? boolean proposal: a block without transactions\n"
      "---@field payload? string proposal: another valid block, a different one for each text\n\n"
      "---Options of `Context.pay`.\n"
      "---@class seqlab.Payment\n"
      "---@field from integer account, of those granted\n"
      "---@field to integer account\n"
      "---@field amount integer base units\n"
      "---@field fee? integer base units, by default 0\n"
      "---@field at? string own node, by default `self`\n\n"
      "---What the scenario grants (`power`). Durations in ns; 0 = not granted.\n"
      "---@class seqlab.Grant\n"
      "---@field sees \"own\"|\"headers\"|\"all\"\n"
      "---@field delay_max integer how long a message of others may be held back\n"
      "---@field drops_max integer messages of others that may be dropped\n"
      "---@field drop_before_gst boolean any number of them before the global stabilisation time\n"
      "---@field crashes_max integer crashes of honest nodes\n"
      "---@field partitions_max integer\n"
      "---@field partition_max integer total time of its partitions\n"
      "---@field accounts integer[] accounts of users that it pays from\n\n"
      "---A candidate in `on_build`.\n"
      "---@class seqlab.Tx\n"
      "---@field index integer position in the list, from 1; what `on_build` recognises it by\n"
      "---@field id string\n"
      "---@field sender integer account\n"
      "---@field receiver integer account\n"
      "---@field nonce integer position in the sender's sequence, from 0\n"
      "---@field amount integer base units\n"
      "---@field fee integer base units, paid to the proposer\n"
      "---@field gas integer\n"
      "---@field bytes integer encoded size\n\n"
      "---What the hooks about messages want. The other kinds pass without a call, and cost nothing.\n"
      "---@class seqlab.Kinds\n"
      "---@field on_send? seqlab.MessageKind[]\n"
      "---@field on_receive? seqlab.MessageKind[]\n"
      "---@field on_link? seqlab.MessageKind[]\n\n"
      "---What a script returns. No other key is accepted.\n"
      "---@class seqlab.Adversary\n"
      "---@field api 1\n"
      "---@field params? table<string, boolean|integer|string|string[]> defaults of what a scenario may set\n"
      "---@field records? seqlab.RecordKind[] what on_record is called for\n"
      "---@field kinds? seqlab.Kinds\n";
  for (const LuaHook& hook : hook_table) {
    out += fmt::format("{}---@field {}? {}\n", as_comment(hook.text), hook.name, hook.type);
  }
  out +=
      "\n-- Of Lua's standard library there are, and nothing else (`pairs` walks sorted keys, `table.sort` is "
      "stable):\n";
  std::string line = "--";
  for (const std::string_view name : lua_standard_names()) {
    if (line.size() + name.size() > 110) {
      out += line + "\n";
      line = "--";
    }
    line += fmt::format(" {}", name);
  }
  return out + line + "\n";
}

}  // namespace seqlab::scenarios
