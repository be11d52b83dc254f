#include "scenarios/hooks/lua_state.hpp"

#include <lua.hpp>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <utility>

#include "sim/base/assert.hpp"

namespace seqlab::scenarios {

namespace {

constexpr int tick = 100;          // instructions between two looks at the budget
constexpr int varargs_max = 4096;  // each call copies them, and one call is one instruction
constexpr std::size_t large_block = 4096;
constexpr std::uint64_t call_steps = 50;  // of a call itself: hooks that call each other through timers end as well

/// What stands in a script for the length operator: `^` applied to a string, a metamethod of ours (`lua_length`). A
/// unary operator and the right side of `^` bind alike, and scripts may not use `^` themselves, so `""^` can take the
/// place of `#` wherever that is allowed to stand.
constexpr std::string_view length_operator = "\"\"^";

/// A script after a look at its operators. Knows comments, strings and long brackets; a script that does not lex is
/// left to the compiler's better message.
struct Scanned {
  int line_of_power = 0;                 ///< first line that uses the operator `^`, 0 = none
  std::vector<std::size_t> length_signs;  ///< where the operator `#` stands
};

Scanned scan_operators(std::string_view source) {
  Scanned out;
  int line = 1;
  std::size_t i = 0;
  const auto at = [&](std::size_t k) { return k < source.size() ? source[k] : '\0'; };
  // Length of a long bracket's opening at k ("[[", "[==["), or 0; `level` is its number of equals signs.
  const auto long_open = [&](std::size_t k, std::size_t& level) -> std::size_t {
    if (at(k) != '[') return 0;
    std::size_t end = k + 1;
    while (at(end) == '=') ++end;
    level = end - k - 1;
    return at(end) == '[' ? end + 1 - k : 0;
  };
  const auto skip_long = [&](std::size_t level) {
    for (; i < source.size(); ++i) {
      if (source[i] == '\n') ++line;
      if (source[i] != ']') continue;
      std::size_t end = i + 1;
      while (at(end) == '=') ++end;
      if (end - i - 1 == level && at(end) == ']') {
        i = end + 1;
        return;
      }
    }
  };
  while (i < source.size()) {
    const char c = source[i];
    std::size_t level = 0;
    if (c == '\n') {
      ++line;
      ++i;
    } else if (c == '-' && at(i + 1) == '-') {
      i += 2;
      if (const std::size_t open = long_open(i, level); open != 0) {
        i += open;
        skip_long(level);
      } else {
        while (i < source.size() && source[i] != '\n') ++i;
      }
    } else if (const std::size_t open = long_open(i, level); open != 0) {
      i += open;
      skip_long(level);
    } else if (c == '"' || c == '\'') {
      for (++i; i < source.size() && source[i] != c; ++i) {
        if (source[i] == '\\') ++i;
        if (at(i) == '\n') ++line;
      }
      ++i;
    } else {
      if (c == '^' && out.line_of_power == 0) out.line_of_power = line;
      if (c == '#') out.length_signs.push_back(i);
      ++i;
    }
  }
  return out;
}

std::string with_own_length(std::string_view source, const std::vector<std::size_t>& length_signs) {
  std::string out;
  std::size_t done = 0;
  for (const std::size_t at : length_signs) {
    out.append(source.substr(done, at - done)).append(length_operator);
    done = at + 1;
  }
  return out.append(source.substr(done));
}

struct Source {
  std::string_view text;
  std::string_view with_length;  ///< the text that runs
  const char* chunk;
};

/// Builds the environment and leaves it on the stack; runs protected.
int open_protected(lua_State* L) {
  open_sandbox(L);
  return 1;
}

/// Compiles the script whose Source is argument 1 with the environment that is argument 2.
int compile_protected(lua_State* L) {
  const auto* source = static_cast<const Source*>(lua_touserdata(L, 1));
  const auto compile = [&](std::string_view text) {
    if (luaL_loadbufferx(L, text.data(), text.size(), source->chunk, "t") != LUA_OK) lua_error(L);
  };
  compile(source->text);  // what is no Lua is refused as it was written
  if (source->with_length.size() != source->text.size()) compile(source->with_length);
  lua_pushvalue(L, 2);
  if (lua_setupvalue(L, -2, 1) == nullptr) lua_pop(L, 1);
  return 1;
}

}  // namespace

LuaState::LuaState(std::string chunk, const ScriptLimits& limits) : limits_(limits), chunk_(std::move(chunk)) {
  state_ = lua_newstate(&LuaState::allocate, this);
  SEQLAB_ASSERT(state_ != nullptr, limits_.memory_bytes);
  *static_cast<LuaState**>(lua_getextraspace(state_)) = this;
  lua_sethook(state_, &LuaState::on_count, LUA_MASKCOUNT, tick);
}

LuaState::~LuaState() {
  steps_end_ = ~std::uint64_t{0};  // finalizers of host objects must be able to run
  lua_close(state_);
}

LuaState& LuaState::of(lua_State* L) { return **static_cast<LuaState**>(lua_getextraspace(L)); }

void* LuaState::allocate(void* self, void* block, std::size_t old_size, std::size_t new_size) {
  auto& host = *static_cast<LuaState*>(self);
  if (block == nullptr) {
    // For a new object `old_size` is its type.
    if (old_size == LUA_TSTRING && new_size > host.limits_.string_bytes + 64) {
      host.refusal_ = Fatal::string;
      host.fatal_line_ = host.line_of(host.state_);
      return nullptr;
    }
    old_size = 0;
  }
  if (new_size == 0) {
    host.memory_ -= old_size;
    std::free(block);
    return nullptr;
  }
  if (new_size > old_size) {
    const std::size_t growth = new_size - old_size;
    host.steps_ += growth / 64;
    const bool is_full = host.memory_ + growth > host.limits_.memory_bytes;
    const bool is_tired =
        growth >= large_block && host.state_ != nullptr && host.steps_ > host.steps_end_ && host.steps_end_ != 0;
    if (is_full || is_tired) {
      // Lua now collects everything and asks once more, which costs in proportion to what it holds.
      host.steps_ += host.memory_ / 64;
      host.refusal_ = is_full                                    ? Fatal::memory
                      : host.steps_ > host.limits_.steps_per_run ? Fatal::steps_of_run
                                                                 : Fatal::steps_of_call;
      host.fatal_line_ = host.line_of(host.state_);
      return nullptr;
    }
  }
  void* moved = std::realloc(block, new_size);
  if (moved == nullptr) return new_size <= old_size ? block : nullptr;
  host.memory_ += new_size;
  host.memory_ -= old_size;
  return moved;
}

int LuaState::line_of(lua_State* L) const {
  if (L == nullptr) return 0;
  lua_Debug where;
  for (int level = 0; level < 8 && lua_getstack(L, level, &where) != 0; ++level) {
    lua_getinfo(L, "l", &where);
    if (where.currentline > 0) return where.currentline;
  }
  return 0;
}

void LuaState::stop_for_steps(lua_State* L) {
  if (fatal_ == Fatal::none) {
    fatal_ = steps_ > limits_.steps_per_run ? Fatal::steps_of_run : Fatal::steps_of_call;
    fatal_line_ = line_of(L);
  }
  lua_pushliteral(L, "the script's budget is used up");
  lua_error(L);
  std::abort();  // lua_error does not return
}

void LuaState::on_count(lua_State* L, lua_Debug* where) {
  LuaState& host = of(L);
  host.instructions_ += tick;
  host.charge(L, tick);
  if (lua_getstack(L, 0, where) != 0 && lua_getlocal(L, where, -varargs_max) != nullptr) {
    lua_pop(L, 1);
    host.fatal_ = Fatal::arguments;
    host.fatal_line_ = host.line_of(L);
    lua_pushliteral(L, "too many arguments");
    lua_error(L);
  }
}

/// Message handler of the outermost call: notes position and levels while they exist. Neither allocates nor raises.
int LuaState::on_error(lua_State* L) {
  LuaState& host = of(L);
  const char* text = nullptr;
  if (lua_type(L, 1) == LUA_TSTRING) {
    text = lua_tostring(L, 1);
    std::snprintf(host.error_text_.data(), host.error_text_.size(), "%s", text);
  } else if (lua_type(L, 1) == LUA_TNUMBER && lua_isinteger(L, 1) != 0) {
    std::snprintf(host.error_text_.data(), host.error_text_.size(), "error with the number %lld",
                  static_cast<long long>(lua_tointeger(L, 1)));
  } else {
    std::snprintf(host.error_text_.data(), host.error_text_.size(), "error with a value of type %s",
                  luaL_typename(L, 1));
  }
  host.error_line_ = host.line_of(L);
  std::size_t used = 0;
  lua_Debug where;
  int shown = 0;
  for (int level = 0; shown < 8 && lua_getstack(L, level, &where) != 0; ++level) {
    lua_getinfo(L, "nSl", &where);
    if (where.currentline <= 0 && where.name == nullptr) continue;
    const char* name = where.name != nullptr ? where.name : *where.what == 'm' ? "main chunk" : "function";
    if (*where.namewhat == 'm' && std::strcmp(where.namewhat, "metamethod") == 0 && std::strcmp(name, "pow") == 0)
      name = "#";  // see `length_operator`
    const std::size_t room = host.error_trace_.size() - used;
    const int written = where.currentline > 0 ? std::snprintf(host.error_trace_.data() + used, room, "  %s:%d: in %s\n",
                                                              where.short_src, where.currentline, name)
                                              : std::snprintf(host.error_trace_.data() + used, room, "  in %s\n", name);
    if (written < 0 || static_cast<std::size_t>(written) >= room) {
      host.error_trace_[used] = '\0';
      break;
    }
    used += static_cast<std::size_t>(written);
    ++shown;
  }
  return 1;
}

void LuaState::describe_fatal() {
  failure_.line = fatal_line_;
  switch (fatal_) {
    case Fatal::steps_of_call:
      failure_.text = fmt::format("the script used more than {} steps in one call", limits_.steps_per_call);
      failure_.hint = "an endless loop, or a pattern that backtracks without end?";
      break;
    case Fatal::steps_of_run:
      failure_.text = fmt::format("the script used more than {} steps in this run", limits_.steps_per_run);
      failure_.hint = "do less in each hook, or name the message kinds that it needs in `kinds`";
      break;
    case Fatal::string:
      failure_.text = fmt::format("the script made a string longer than {} bytes", limits_.string_bytes);
      failure_.hint = "keep long data in tables";
      break;
    case Fatal::arguments:
      failure_.text = fmt::format("more than {} arguments in one call", varargs_max);
      failure_.hint = "pass a table";
      break;
    case Fatal::memory:
    case Fatal::none:
      failure_.text = fmt::format("the script used more than {} bytes of memory", limits_.memory_bytes);
      failure_.hint = "a table that grows with every message, or a recursion without end?";
      break;
  }
}

bool LuaState::finish(int status) {
  if (status == LUA_OK) return true;
  if (status == LUA_ERRMEM && fatal_ == Fatal::none) fatal_ = refusal_;
  failure_ = {};
  if (fatal_ != Fatal::none) {
    describe_fatal();
    failure_.traceback = error_trace_.data();
  } else {
    // A syntax error has been raised by the compiler, whose message names the line itself.
    std::string text = error_text_[0] != '\0' ? error_text_.data() : "error while an error was handled";
    int line = error_line_;
    const std::string prefix = chunk_ + ":";
    if (text.compare(0, prefix.size(), prefix) == 0) {
      char* end = nullptr;
      const long number = std::strtol(text.c_str() + prefix.size(), &end, 10);
      if (end != text.c_str() + prefix.size() && *end == ':') {
        line = static_cast<int>(number);
        text = text.substr(static_cast<std::size_t>(end - text.c_str()) + 1);
        text.erase(0, text.find_first_not_of(' '));
      }
    }
    failure_.line = line;
    // "text (hint)": host functions put what would be right into brackets at the end.
    if (const std::size_t open = text.rfind(" (");
        !text.empty() && text.back() == ')' && open != std::string::npos && text.compare(open, 7, " (hint:") == 0) {
      failure_.hint = text.substr(open + 8, text.size() - open - 9);
      text.resize(open);
    }
    failure_.text = std::move(text);
    failure_.traceback = error_trace_.data();
  }
  lua_settop(state_, std::max(lua_gettop(state_) - 1, 0));
  if (exception_ != nullptr) std::rethrow_exception(std::exchange(exception_, nullptr));
  return false;
}

bool LuaState::call(int args, int results, std::uint64_t more_steps) {
  steps_ += call_steps;
  steps_end_ = std::min(steps_ + limits_.steps_per_call + more_steps, limits_.steps_per_run);
  error_text_[0] = error_trace_[0] = '\0';
  const int base = lua_gettop(state_) - args;
  // The handler goes below the function; it is popped again whatever happens.
  lua_pushcfunction(state_, &LuaState::on_error);
  lua_insert(state_, base);
  const int status = lua_pcall(state_, args, results, base);
  lua_remove(state_, base);
  return finish(status);
}

bool LuaState::load(std::string_view source) {
  failure_ = {};
  const Scanned scanned = scan_operators(source);
  if (scanned.line_of_power != 0) {
    failure_.line = scanned.line_of_power;
    failure_.text = "the operator ^ is not available in scripts: its last bit differs between machines";
    failure_.hint = "multiply, or shift with << for powers of two";
    return false;
  }
  if (!source.empty() && source.front() == LUA_SIGNATURE[0]) {
    failure_.text = "the script is compiled Lua; only source text is accepted";
    return false;
  }
  const std::string name = "=" + chunk_;
  const std::string with_length = with_own_length(source, scanned.length_signs);
  Source text{source, with_length, name.c_str()};
  lua_pushcfunction(state_, &compile_protected);
  lua_pushlightuserdata(state_, &text);
  lua_pushcfunction(state_, &open_protected);
  if (!call(0, 1)) {
    lua_pop(state_, 2);
    return false;
  }
  return call(2, 1) && call(0, 1);
}

void LuaState::append_log(std::string_view text) noexcept {
  if (log_is_full_) return;
  const std::size_t room = limits_.log_bytes - std::min(log_.size(), limits_.log_bytes);
  log_is_full_ = text.size() > room;
  guard([&] {
    log_.append(text.substr(0, room));
    if (log_is_full_) log_.append("\n... and more than is kept\n");
  });
}

}  // namespace seqlab::scenarios
