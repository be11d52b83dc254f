// What of Lua's standard library a script can reach. Functions whose result could depend on addresses, hash seeds,
// the locale or the processor, or whose cost is not bounded by the instructions that the script executes, are written
// anew here; the others are Lua's own.
#include <lua.hpp>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "scenarios/hooks/lua_state.hpp"
#include "scenarios/spec/diagnostics.hpp"

namespace seqlab::scenarios {

namespace {

// Sorted. What has no dot is a global.
constexpr std::string_view standard_names[] = {"_VERSION",
                                               "assert",
                                               "error",
                                               "getmetatable",
                                               "ipairs",
                                               "math.abs",
                                               "math.ceil",
                                               "math.floor",
                                               "math.fmod",
                                               "math.huge",
                                               "math.max",
                                               "math.maxinteger",
                                               "math.min",
                                               "math.mininteger",
                                               "math.pi",
                                               "math.random",
                                               "math.sqrt",
                                               "math.tointeger",
                                               "math.type",
                                               "math.ult",
                                               "pairs",
                                               "pcall",
                                               "print",
                                               "rawequal",
                                               "rawget",
                                               "rawlen",
                                               "select",
                                               "setmetatable",
                                               "string.byte",
                                               "string.char",
                                               "string.find",
                                               "string.format",
                                               "string.gmatch",
                                               "string.gsub",
                                               "string.len",
                                               "string.lower",
                                               "string.match",
                                               "string.rep",
                                               "string.reverse",
                                               "string.sub",
                                               "string.upper",
                                               "table.concat",
                                               "table.insert",
                                               "table.move",
                                               "table.pack",
                                               "table.remove",
                                               "table.sort",
                                               "table.unpack",
                                               "tonumber",
                                               "tostring",
                                               "type",
                                               "utf8.char",
                                               "utf8.charpattern",
                                               "utf8.codepoint",
                                               "utf8.codes",
                                               "utf8.len",
                                               "utf8.offset",
                                               "xpcall"};

/// Why well-known names are missing, for the error that reading them raises.
struct Missing {
  const char* name;
  const char* why;
};
constexpr Missing missing_names[] = {
    {"os", "virtual time is ctx.now, randomness is ctx.rng"},
    {"io", "scripts reach no files; use print or ctx:note"},
    {"debug", "scripts cannot look into the host"},
    {"package", "a script is one file"},
    {"require", "a script is one file"},
    {"dofile", "a script is one file"},
    {"load", "code comes from the script file alone"},
    {"loadfile", "code comes from the script file alone"},
    {"loadstring", "code comes from the script file alone"},
    {"next", "its order differs from run to run; use pairs, which walks sorted keys"},
    {"collectgarbage", "memory is limited by the host"},
    {"coroutine", "use ctx:after for what happens later"},
    {"rawset", "assign directly"},
    {"warn", "use print"},
    {"_G", "globals are fixed; use local"},
    {"unpack", "it is table.unpack"},
};

constexpr std::uint64_t bit_length(std::uint64_t n) {
  std::uint64_t bits = 1;
  while (n >>= 1U) ++bits;
  return bits;
}

// ---- pairs ----

/// A key for sorting: booleans, then numbers by value (integers before equal floats), then strings by bytes.
struct Key {
  int type;
  bool is_integer;
  lua_Integer integer;
  lua_Number number;
  const char* text;
  std::size_t size;
  lua_Integer index;
};

bool less(const Key& a, const Key& b) {
  if (a.type != b.type) return a.type < b.type;
  if (a.type == LUA_TSTRING) {
    const int order = std::memcmp(a.text, b.text, std::min(a.size, b.size));
    return order != 0 ? order < 0 : a.size < b.size;
  }
  if (a.type == LUA_TBOOLEAN) return a.integer < b.integer;
  if (a.is_integer && b.is_integer) return a.integer < b.integer;
  // A float key never equals an integer (Lua would have made it one). Compare exactly around 2^63.
  const auto before = [](lua_Integer i, lua_Number f) {
    if (f >= 9223372036854775808.0) return true;
    if (f < -9223372036854775808.0) return false;
    return i <= static_cast<lua_Integer>(std::floor(f));
  };
  if (a.is_integer) return before(a.integer, b.number);
  if (b.is_integer) return !before(b.integer, a.number);
  return a.number < b.number;
}

/// Upvalues: table, sorted keys, position.
int pairs_next(lua_State* L) {
  lua_Integer at = lua_tointeger(L, lua_upvalueindex(3));
  for (;;) {
    LuaState::of(L).charge(L, 1);
    if (lua_rawgeti(L, lua_upvalueindex(2), ++at) == LUA_TNIL) return 1;
    lua_pushvalue(L, -1);
    if (lua_rawget(L, lua_upvalueindex(1)) != LUA_TNIL) break;  // a key that was removed on the way is not shown
    lua_pop(L, 2);
  }
  lua_pushinteger(L, at);
  lua_replace(L, lua_upvalueindex(3));
  return 2;
}

int sorted_pairs(lua_State* L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  lua_Integer count = 0;
  for (lua_pushnil(L); lua_next(L, 1) != 0; lua_pop(L, 1)) ++count;
  LuaState::of(L).charge(L, static_cast<std::uint64_t>(count) * bit_length(static_cast<std::uint64_t>(count)));
  lua_createtable(L, static_cast<int>(std::min<lua_Integer>(count, 1 << 20)), 0);  // 2: keys as they come
  auto* keys = static_cast<Key*>(lua_newuserdatauv(L, static_cast<std::size_t>(count) * sizeof(Key) + 1, 0));  // 3
  lua_Integer filled = 0;
  for (lua_pushnil(L); lua_next(L, 1) != 0; lua_pop(L, 1)) {
    Key& key = keys[filled++];
    key = {};
    key.type = lua_type(L, -2);
    key.index = filled;
    switch (key.type) {
      case LUA_TBOOLEAN: key.integer = lua_toboolean(L, -2); break;
      case LUA_TNUMBER:
        key.is_integer = lua_isinteger(L, -2) != 0;
        key.integer = key.is_integer ? lua_tointeger(L, -2) : 0;
        key.number = lua_tonumber(L, -2);
        break;
      case LUA_TSTRING: key.text = lua_tolstring(L, -2, &key.size); break;
      default:
        return luaL_error(L,
                          "pairs over a table with a %s as key has no fixed order (hint: key it by a name or number)",
                          luaL_typename(L, -2));
    }
    lua_pushvalue(L, -2);
    lua_rawseti(L, 2, filled);
  }
  std::sort(keys, keys + filled, less);
  lua_createtable(L, static_cast<int>(std::min<lua_Integer>(count, 1 << 20)), 0);  // 4: keys in order
  for (lua_Integer i = 0; i < filled; ++i) {
    lua_rawgeti(L, 2, keys[i].index);
    lua_rawseti(L, 4, i + 1);
  }
  lua_pushvalue(L, 1);
  lua_pushvalue(L, 4);
  lua_pushinteger(L, 0);
  lua_pushcclosure(L, &pairs_next, 3);
  return 1;
}

// ---- base ----

int to_text(lua_State* L) {
  luaL_checkany(L, 1);
  lua_push_text(L, 1, nullptr);
  return 1;
}

int print_line(lua_State* L) {
  LuaState& host = LuaState::of(L);
  const int count = lua_gettop(L);
  for (int i = 1; i <= count; ++i) {
    std::size_t size = 0;
    const char* text = lua_push_text(L, i, &size);
    host.charge(L, size / 16 + 1);
    if (i > 1) host.append_log("\t");
    host.append_log({text, size});
    lua_pop(L, 1);
  }
  host.append_log("\n");
  return 0;
}

constexpr std::uint64_t caught_steps = 100;  // unwinding costs as much as many instructions

/// Errors of the budgets pass through: a script cannot outlive them.
int pass_on(lua_State* L, int status) {
  LuaState& host = LuaState::of(L);
  if (status == LUA_ERRMEM && !host.is_fatal()) host.note_memory_error();
  if (host.is_fatal() || status < 0) lua_error(L);
  host.charge(L, caught_steps);
  return status;
}

int protected_call(lua_State* L) {
  luaL_checkany(L, 1);
  const int status = lua_pcall(L, lua_gettop(L) - 1, LUA_MULTRET, 0);
  if (status != LUA_OK) {
    pass_on(L, status);
    lua_pushboolean(L, 0);
    lua_insert(L, -2);
    return 2;
  }
  lua_pushboolean(L, 1);
  lua_insert(L, 1);
  return lua_gettop(L);
}

/// Upvalue 1: the script's message handler. It is not called for errors of the budgets: those are raised inside the
/// count hook, where Lua runs handlers with hooks off, and an endless handler would never end.
int handle_message(lua_State* L) {
  if (LuaState::of(L).is_fatal()) return 1;
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_insert(L, 1);
  lua_call(L, 1, 1);
  return 1;
}

int protected_call_with_handler(lua_State* L) {
  luaL_checktype(L, 2, LUA_TFUNCTION);
  lua_pushvalue(L, 1);  // f, handler, ... -> handler, f, ...
  lua_pushvalue(L, 2);
  lua_pushcclosure(L, &handle_message, 1);
  lua_replace(L, 1);
  lua_replace(L, 2);
  const int status = lua_pcall(L, lua_gettop(L) - 2, LUA_MULTRET, 1);
  if (status != LUA_OK) {
    pass_on(L, status);
    lua_pushboolean(L, 0);
    lua_insert(L, -2);
    return 2;
  }
  lua_pushboolean(L, 1);
  lua_replace(L, 1);
  return lua_gettop(L);
}

/// Refuses what would run code or drop values when the collector feels like it.
int set_metatable(lua_State* L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  const int type = lua_type(L, 2);
  luaL_argexpected(L, type == LUA_TNIL || type == LUA_TTABLE, 2, "nil or table");
  if (luaL_getmetafield(L, 1, "__metatable") != LUA_TNIL) return luaL_error(L, "cannot change a protected metatable");
  if (type == LUA_TTABLE) {
    for (const char* refused : {"__gc", "__mode"}) {
      lua_pushstring(L, refused);
      if (lua_rawget(L, 2) != LUA_TNIL) {
        return luaL_error(L, "a metatable with %s is not available: when it acts depends on the collector", refused);
      }
      lua_pop(L, 1);
    }
  }
  lua_settop(L, 2);
  lua_setmetatable(L, 1);
  return 1;
}

// ---- string ----

/// Upvalue 1: the original. Charges the length of its string argument first.
int charged_by_length(lua_State* L) {
  std::size_t size = 0;
  if (lua_type(L, 1) == LUA_TSTRING) lua_tolstring(L, 1, &size);
  LuaState::of(L).charge(L, size / 8 + 1);
  return lua_tocfunction(L, lua_upvalueindex(1))(L);
}

int repeat(lua_State* L) {
  std::size_t size = 0;
  std::size_t gap = 0;
  const char* text = luaL_checklstring(L, 1, &size);
  const lua_Integer count = luaL_checkinteger(L, 2);
  const char* between = luaL_optlstring(L, 3, "", &gap);
  if (count <= 0) {
    lua_pushliteral(L, "");
    return 1;
  }
  LuaState& host = LuaState::of(L);
  const std::size_t limit = host.limits().string_bytes;
  if (size + gap > 0 && static_cast<std::uint64_t>(count) > limit / (size + gap) + 1) {
    return luaL_error(L, "string.rep would make a string longer than %d bytes", static_cast<int>(limit));
  }
  if (size + gap == 0) {
    lua_pushliteral(L, "");
    return 1;
  }
  host.charge(L, static_cast<std::uint64_t>(count));
  luaL_Buffer out;
  luaL_buffinit(L, &out);
  for (lua_Integer i = 0; i < count; ++i) {
    if (i > 0) luaL_addlstring(&out, between, gap);
    luaL_addlstring(&out, text, size);
  }
  luaL_pushresult(&out);
  return 1;
}

int change_case(lua_State* L, char low, char high) {
  std::size_t size = 0;
  const char* text = luaL_checklstring(L, 1, &size);
  LuaState::of(L).charge(L, size / 8 + 1);
  luaL_Buffer out;
  char* to = luaL_buffinitsize(L, &out, size);
  for (std::size_t i = 0; i < size; ++i) {
    to[i] = text[i] >= low && text[i] <= high ? static_cast<char>(text[i] ^ 0x20) : text[i];
  }
  luaL_pushresultsize(&out, size);
  return 1;
}
int lower(lua_State* L) { return change_case(L, 'A', 'Z'); }
int upper(lua_State* L) { return change_case(L, 'a', 'z'); }

// ---- lengths ----

/// `""^value`, which scripts write as `#value`.
int length(lua_State* L) {
  LuaState::of(L).charge(L, 1);
  if (luaL_getmetafield(L, 2, "__len") != LUA_TNIL) {
    lua_pushvalue(L, 2);
    lua_call(L, 1, 1);
  } else if (lua_type(L, 2) == LUA_TTABLE) {
    lua_pushinteger(L, lua_border(L, 2));
  } else if (lua_type(L, 2) == LUA_TSTRING) {
    lua_pushinteger(L, static_cast<lua_Integer>(lua_rawlen(L, 2)));
  } else {
    const bool is_named = luaL_getmetafield(L, 2, "__name") == LUA_TSTRING;
    return luaL_error(L, "attempt to get length of a %s value", is_named ? lua_tostring(L, -1) : luaL_typename(L, 2));
  }
  return 1;
}

int raw_length(lua_State* L) {
  const int type = lua_type(L, 1);
  luaL_argexpected(L, type == LUA_TTABLE || type == LUA_TSTRING, 1, "table or string");
  lua_pushinteger(L, type == LUA_TTABLE ? lua_border(L, 1) : static_cast<lua_Integer>(lua_rawlen(L, 1)));
  return 1;
}

// ---- table ----

/// Cost of touching `from ... to`; a range that no budget could pay raises.
void charge_range(lua_State* L, lua_Integer from, lua_Integer to) {
  if (to < from) return;
  const std::uint64_t width = static_cast<std::uint64_t>(to) - static_cast<std::uint64_t>(from);
  LuaState& host = LuaState::of(L);
  host.charge(L, std::min(width, host.limits().steps_per_call) + 1);
}

int insert(lua_State* L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  const lua_Integer end = lua_length_of(L, 1) + 1;
  switch (lua_gettop(L)) {
    case 2: lua_seti(L, 1, end); return 0;
    case 3: {
      const lua_Integer at = luaL_checkinteger(L, 2);
      luaL_argcheck(L, at >= 1 && at <= end, 2, "position out of bounds");
      charge_range(L, at, end);
      for (lua_Integer i = end; i > at; --i) {
        lua_geti(L, 1, i - 1);
        lua_seti(L, 1, i);
      }
      lua_seti(L, 1, at);
      return 0;
    }
    default: return luaL_error(L, "wrong number of arguments to 'insert'");
  }
}

int remove(lua_State* L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  const lua_Integer size = lua_length_of(L, 1);
  lua_Integer at = luaL_optinteger(L, 2, size);
  if (lua_gettop(L) > 1) {
    luaL_argcheck(L, at == size || (at >= 1 && at <= size + 1), 2, "position out of bounds");
  }
  charge_range(L, at, size);
  lua_geti(L, 1, at);
  for (; at < size; ++at) {
    lua_geti(L, 1, at + 1);
    lua_seti(L, 1, at);
  }
  lua_pushnil(L);
  lua_seti(L, 1, at);
  return 1;
}

int concat(lua_State* L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  std::size_t gap = 0;
  const char* between = luaL_optlstring(L, 2, "", &gap);
  const lua_Integer from = luaL_optinteger(L, 3, 1);
  const lua_Integer to = lua_isnoneornil(L, 4) ? lua_length_of(L, 1) : luaL_checkinteger(L, 4);
  charge_range(L, from, to);
  LuaState& host = LuaState::of(L);
  luaL_Buffer out;
  luaL_buffinit(L, &out);
  std::size_t total = 0;
  for (lua_Integer i = from; i <= to; ++i) {
    lua_geti(L, 1, i);
    if (lua_isstring(L, -1) == 0) {
      return luaL_error(L, "invalid value (at index %I) in table for 'concat'", static_cast<LUAI_UACINT>(i));
    }
    total += lua_rawlen(L, -1) + gap;
    host.charge(L, (lua_rawlen(L, -1) + gap) / 16 + 1);
    if (total > host.limits().string_bytes + gap) {
      return luaL_error(L, "table.concat would make a string longer than %d bytes",
                        static_cast<int>(host.limits().string_bytes));
    }
    luaL_addvalue(&out);
    if (i == to) break;  // `i` may be the greatest integer
    luaL_addlstring(&out, between, gap);
  }
  luaL_pushresult(&out);
  return 1;
}

int unpack(lua_State* L) {
  const lua_Integer from = luaL_optinteger(L, 2, 1);
  const lua_Integer to = lua_isnoneornil(L, 3) ? lua_length_of(L, 1) : luaL_checkinteger(L, 3);
  if (to < from) return 0;
  charge_range(L, from, to);
  const std::uint64_t count = static_cast<std::uint64_t>(to) - static_cast<std::uint64_t>(from) + 1;
  if (count == 0 || count > 4000 || lua_checkstack(L, static_cast<int>(count)) == 0) {
    return luaL_error(L, "too many results to unpack");
  }
  for (lua_Integer i = from;; ++i) {
    lua_geti(L, 1, i);
    if (i == to) break;
  }
  return static_cast<int>(count);
}

int move(lua_State* L) {
  const lua_Integer from = luaL_checkinteger(L, 2);
  const lua_Integer last = luaL_checkinteger(L, 3);
  charge_range(L, from, last);
  return lua_tocfunction(L, lua_upvalueindex(1))(L);
}

/// Whether the value at stack index `b` must come before the one at `a`.
bool comes_before(lua_State* L, int b, int a) {
  LuaState::of(L).charge(L, 1);
  if (lua_isnil(L, 2)) return lua_compare(L, b, a, LUA_OPLT) != 0;
  lua_pushvalue(L, 2);
  lua_pushvalue(L, b);
  lua_pushvalue(L, a);
  lua_call(L, 2, 1);
  const bool result = lua_toboolean(L, -1) != 0;
  lua_pop(L, 1);
  return result;
}

/// Stable merge sort. Works on copies, so an error in the order function leaves the table as it was, and no order
/// function, however wrong, does harm.
int sort(lua_State* L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  if (!lua_isnoneornil(L, 2)) luaL_checktype(L, 2, LUA_TFUNCTION);
  lua_settop(L, 2);
  const lua_Integer count = lua_length_of(L, 1);
  if (count < 2) return 0;
  luaL_argcheck(L, count < (1 << 20), 1, "array too big");
  charge_range(L, 1, count);
  lua_createtable(L, static_cast<int>(count), 0);
  lua_createtable(L, static_cast<int>(count), 0);
  int from = 3;
  int to = 4;
  for (lua_Integer i = 1; i <= count; ++i) {
    lua_geti(L, 1, i);
    lua_rawseti(L, from, i);
  }
  for (lua_Integer width = 1; width < count; width *= 2) {
    for (lua_Integer low = 1; low <= count; low += 2 * width) {
      const lua_Integer middle = std::min(low + width, count + 1);
      const lua_Integer high = std::min(low + 2 * width, count + 1);
      lua_Integer a = low;
      lua_Integer b = middle;
      for (lua_Integer out = low; out < high; ++out) {
        bool take_right = a >= middle;
        if (a < middle && b < high) {
          lua_rawgeti(L, from, a);
          lua_rawgeti(L, from, b);
          take_right = comes_before(L, 6, 5);
          lua_settop(L, 4);
        }
        lua_rawgeti(L, from, take_right ? b++ : a++);
        lua_rawseti(L, to, out);
      }
    }
    std::swap(from, to);
  }
  for (lua_Integer i = 1; i <= count; ++i) {
    lua_rawgeti(L, from, i);
    lua_seti(L, 1, i);
  }
  return 0;
}

// ---- math ----

int random_number(lua_State* L) {
  LuaState& host = LuaState::of(L);
  if (host.stream == nullptr) {
    return luaL_error(L, "no random numbers while the script loads (hint: draw in on_start or another hook)");
  }
  lua_Integer low = 1;
  lua_Integer high = 0;
  switch (lua_gettop(L)) {
    case 0: lua_pushnumber(L, static_cast<lua_Number>(host.stream->next64() >> 11U) * 0x1p-53); return 1;
    case 1: high = luaL_checkinteger(L, 1); break;
    case 2:
      low = luaL_checkinteger(L, 1);
      high = luaL_checkinteger(L, 2);
      break;
    default: return luaL_error(L, "wrong number of arguments");
  }
  luaL_argcheck(L, low <= high, lua_gettop(L), "interval is empty");
  lua_pushinteger(L, host.stream->between(low, high));
  return 1;
}

// ---- the environment ----

/// __index and __newindex of the environment.
int unknown_global(lua_State* L) {
  const char* name = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : nullptr;
  const bool is_write = lua_gettop(L) == 3;
  if (name == nullptr) return luaL_error(L, "globals have names");
  for (const Missing& missing : missing_names) {
    if (std::strcmp(name, missing.name) == 0) {
      return luaL_error(L, "'%s' is not available in scripts (hint: %s)", name, missing.why);
    }
  }
  // The search allocates C++ strings; its result is copied before Lua may raise.
  char near[64] = "";
  LuaState& host = LuaState::of(L);
  if (!host.guard([&] {
        std::vector<std::string> known;
        for (const std::string_view standard : standard_names) {
          if (standard.find('.') == std::string_view::npos) known.emplace_back(standard);
        }
        for (const char* library : {"math", "string", "table", "utf8"}) known.emplace_back(library);
        const std::string best = nearest(std::string(name).substr(0, 60), known);
        std::snprintf(near, sizeof near, "%s", best.c_str());
      })) {
    return luaL_error(L, "internal error");
  }
  if (is_write) {
    return luaL_error(L, "assignment to the unknown global '%s' (hint: %s%s%s)", name,
                      near[0] != '\0' ? "did you mean '" : "declare it with local", near, near[0] != '\0' ? "'?" : "");
  }
  return luaL_error(L, "the global '%s' does not exist (hint: %s%s%s)", name,
                    near[0] != '\0' ? "did you mean '" : "a name that this file declares with local above its use",
                    near, near[0] != '\0' ? "'?" : "");
}

struct Own {
  std::string_view name;
  lua_CFunction function;
};
constexpr Own own_functions[] = {{"math.random", &random_number},
                                 {"pairs", &sorted_pairs},
                                 {"pcall", &protected_call},
                                 {"print", &print_line},
                                 {"rawlen", &raw_length},
                                 {"setmetatable", &set_metatable},
                                 {"string.find", &lua_string_find},
                                 {"string.format", &lua_string_format},
                                 {"string.gmatch", &lua_string_gmatch},
                                 {"string.gsub", &lua_string_gsub},
                                 {"string.lower", &lower},
                                 {"string.match", &lua_string_match},
                                 {"string.rep", &repeat},
                                 {"string.upper", &upper},
                                 {"table.concat", &concat},
                                 {"table.insert", &insert},
                                 {"table.remove", &remove},
                                 {"table.sort", &sort},
                                 {"table.unpack", &unpack},
                                 {"tostring", &to_text},
                                 {"xpcall", &protected_call_with_handler}};
/// Lua's own functions that get a charge in front.
constexpr Own charged_functions[] = {{"string.byte", &charged_by_length},    {"string.reverse", &charged_by_length},
                                     {"string.sub", &charged_by_length},     {"table.move", &move},
                                     {"utf8.codepoint", &charged_by_length}, {"utf8.len", &charged_by_length},
                                     {"utf8.offset", &charged_by_length}};

template <std::size_t N>
lua_CFunction find_function(const Own (&list)[N], std::string_view name) {
  for (const Own& own : list) {
    if (own.name == name) return own.function;
  }
  return nullptr;
}

}  // namespace

std::int64_t lua_border(lua_State* L, int index) {
  const auto present = [&](lua_Integer i) {
    const bool found = lua_rawgeti(L, index, i) != LUA_TNIL;
    lua_pop(L, 1);
    return found;
  };
  if (index < 0) index = lua_absindex(L, index);
  lua_Integer low = 0;
  lua_Integer high = 1;
  while (present(high)) {
    low = high;
    if (high > LUA_MAXINTEGER / 2) return high;  // no table is so long
    high *= 2;
  }
  while (high - low > 1) {
    const lua_Integer middle = low + (high - low) / 2;
    (present(middle) ? low : high) = middle;
  }
  return low;
}

std::int64_t lua_length_of(lua_State* L, int index) {
  if (lua_type(L, index) != LUA_TTABLE) return luaL_len(L, index);
  if (luaL_getmetafield(L, index, "__len") == LUA_TNIL) return lua_border(L, index);
  lua_pop(L, 1);
  return luaL_len(L, index);
}

const char* lua_push_text(lua_State* L, int index, std::size_t* length) {
  index = lua_absindex(L, index);
  if (luaL_callmeta(L, index, "__tostring") != 0) {
    if (lua_isstring(L, -1) == 0) luaL_error(L, "'__tostring' must return a string");
    return lua_tolstring(L, -1, length);
  }
  switch (lua_type(L, index)) {
    case LUA_TNUMBER:
      if (lua_isinteger(L, index) == 0 && std::isnan(lua_tonumber(L, index))) {
        lua_pushliteral(L, "nan");
        break;
      }
      [[fallthrough]];
    case LUA_TSTRING: lua_pushvalue(L, index); break;
    case LUA_TBOOLEAN: lua_pushstring(L, lua_toboolean(L, index) != 0 ? "true" : "false"); break;
    case LUA_TNIL: lua_pushliteral(L, "nil"); break;
    default:
      if (luaL_getmetafield(L, index, "__name") != LUA_TSTRING) lua_pushstring(L, luaL_typename(L, index));
  }
  return lua_tolstring(L, -1, length);
}

std::span<const std::string_view> lua_standard_names() { return standard_names; }

void open_sandbox(lua_State* L) {
  luaL_checkstack(L, 20, nullptr);
  const int base = lua_gettop(L);
  lua_newtable(L);  // the environment
  const int environment = base + 1;
  // Lua's own libraries go into tables that only this function sees.
  struct Library {
    const char* name;
    lua_CFunction open;
  };
  constexpr Library libraries[] = {{"", &luaopen_base},
                                   {"math", &luaopen_math},
                                   {"string", &luaopen_string},
                                   {"table", &luaopen_table},
                                   {"utf8", &luaopen_utf8}};
  for (const Library& library : libraries) {
    lua_pushcfunction(L, library.open);
    lua_pushstring(L, library.name);
    lua_call(L, 1, 1);
    const int original = lua_gettop(L);
    int target = environment;
    if (library.name[0] != '\0') {
      lua_newtable(L);
      target = lua_gettop(L);
      lua_pushvalue(L, target);
      lua_setfield(L, environment, library.name);
    }
    for (const std::string_view full : standard_names) {
      const std::size_t dot = full.find('.');
      const std::string_view in = dot == std::string_view::npos ? "" : full.substr(0, dot);
      if (in != library.name) continue;
      const std::string_view name = dot == std::string_view::npos ? full : full.substr(dot + 1);
      lua_pushlstring(L, name.data(), name.size());
      if (lua_CFunction own = find_function(own_functions, full); own != nullptr) {
        lua_pushcfunction(L, own);
      } else {
        lua_pushvalue(L, -1);
        lua_rawget(L, original);
        if (lua_CFunction charged = find_function(charged_functions, full); charged != nullptr) {
          lua_pushcclosure(L, charged, 1);
        }
      }
      lua_rawset(L, target);
    }
    if (std::strcmp(library.name, "string") == 0) {
      lua_pushliteral(L, "");  // methods of strings: ours
      lua_newtable(L);
      lua_pushvalue(L, target);
      lua_setfield(L, -2, "__index");
      lua_pushcfunction(L, &length);
      lua_setfield(L, -2, "__pow");
      lua_pushboolean(L, 0);
      lua_setfield(L, -2, "__metatable");
      lua_setmetatable(L, -2);
      lua_pop(L, 1);
    }
    lua_settop(L, environment);
  }
  lua_newtable(L);
  lua_pushcfunction(L, &unknown_global);
  lua_setfield(L, -2, "__index");
  lua_pushcfunction(L, &unknown_global);
  lua_setfield(L, -2, "__newindex");
  lua_pushboolean(L, 0);
  lua_setfield(L, -2, "__metatable");
  lua_setmetatable(L, environment);
  // What the libraries left in the registry's globals is out of reach and goes.
  lua_newtable(L);
  lua_rawseti(L, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
}

}  // namespace seqlab::scenarios
