// One sandboxed Lua 5.4 state: what a script can reach, how much it may use, and how its errors come out.
//
// - Reachable: a part of base, string, table, math, utf8 (`lua_standard_names`). No files, no time, no addresses, no
//   unseeded order, no code from strings. Reading or writing any other global raises.
// - Budgets count work, never time: VM instructions through a count hook, and steps charged by library functions whose
//   cost grows with their arguments (pattern matching, sorting, copying). Memory is limited in the allocator. A script
//   cannot catch a budget error: `pcall` passes it on.
// - Numbers: floating point exists, but only operations that IEEE 754 rounds exactly. `^` is refused when a script is
//   loaded (its last bit depends on the C library and the processor).
// - Iteration, sorting, printing and lengths do not depend on hash seeds or addresses. Lua's own `#t` of a table with
//   holes does (it tells how the table is laid out), so a script's `#` is ours: a border that the content decides.
//   What is left: how much memory a table takes, and so the exact call at which a script runs into a budget.
//
// C functions keep no object with a destructor alive where Lua may raise, so they are right under both builds of Lua
// (exceptions and longjmp).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sim/random/stream.hpp"

struct lua_State;
struct lua_Debug;

namespace seqlab::scenarios {

struct ScriptLimits {
  std::uint64_t steps_per_call = 1'000'000;  ///< of one hook call, or of loading
  std::uint64_t steps_per_run = 4'000'000'000;
  std::size_t memory_bytes = 64U << 20U;  ///< all that Lua holds
  std::size_t string_bytes = 64U << 10U;  ///< longest string: comparing two is one instruction
  std::size_t log_bytes = 64U << 10U;     ///< of `print`; the rest is dropped, and the log says so
};

/// Why a script stopped.
struct ScriptFailure {
  int line = 0;           ///< from 1, 0 = unknown
  std::string text;       ///< one line
  std::string traceback;  ///< one line a level, may be empty
  std::string hint;
};

class LuaState final {
 public:
  /// @param chunk  short name of the script in tracebacks
  LuaState(std::string chunk, const ScriptLimits& limits);
  ~LuaState();
  LuaState(const LuaState&) = delete;
  LuaState& operator=(const LuaState&) = delete;

  static LuaState& of(lua_State* L);
  lua_State* raw() const { return state_; }
  const ScriptLimits& limits() const { return limits_; }

  /// Compiles and runs the script in the sandbox; leaves what it returned (one value) on the stack.
  /// @return false: see `failure()`
  bool load(std::string_view source);
  /// Calls the function below its `args` arguments on the stack, like lua_pcall, within a fresh per-call budget.
  /// @return false: nothing is left on the stack, see `failure()`. A C++ exception that a host function kept is
  /// rethrown here.
  /// @param more_steps  on top of the budget of one call, for a hook whose arguments are large
  bool call(int args, int results, std::uint64_t more_steps = 0);
  const ScriptFailure& failure() const { return failure_; }

  /// What `math.random` and the script's `rng` draw from; null while the script loads.
  sim::Stream* stream = nullptr;
  /// Of the one who embeds this state.
  void* user = nullptr;

  /// VM instructions executed so far, to a hundred.
  std::uint64_t instructions() const { return instructions_; }
  std::uint64_t steps() const { return steps_; }
  std::size_t memory() const { return memory_; }
  const std::string& log() const { return log_; }

  // ---- for C functions ----

  /// Adds steps that no instruction counts. Raises when a budget is used up.
  void charge(lua_State* L, std::uint64_t steps) {
    steps_ += steps;
    if (steps_ > steps_end_) stop_for_steps(L);
  }
  /// Whether a budget error or an exception of the host is on its way up; nobody may catch it.
  bool is_fatal() const { return fatal_ != Fatal::none || exception_ != nullptr; }
  void note_memory_error() { fatal_ = refusal_; }
  void append_log(std::string_view text) noexcept;
  /// Runs `body` (C++ code that does not touch Lua); keeps its exception for `call` to rethrow.
  /// @return false if there was one: raise at once
  template <class Body>
  bool guard(Body&& body) noexcept {
    try {
      body();
      return true;
    } catch (...) {
      exception_ = std::current_exception();
      return false;
    }
  }

 private:
  enum class Fatal : std::uint8_t { none, steps_of_call, steps_of_run, memory, string, arguments };

  static void* allocate(void* self, void* block, std::size_t old_size, std::size_t new_size);
  static void on_count(lua_State* L, lua_Debug* where);
  static int on_error(lua_State* L);
  [[noreturn]] void stop_for_steps(lua_State* L);
  int line_of(lua_State* L) const;
  bool finish(int status);
  void describe_fatal();

  ScriptLimits limits_;
  std::string chunk_;
  lua_State* state_ = nullptr;
  std::size_t memory_ = 0;
  std::uint64_t steps_ = 0;
  std::uint64_t steps_end_ = 0;
  std::uint64_t instructions_ = 0;
  Fatal fatal_ = Fatal::none;
  Fatal refusal_ = Fatal::memory;  // why the allocator said no last time
  int fatal_line_ = 0;
  std::array<char, 512> error_text_{};  // filled by `on_error`, which must not allocate
  std::array<char, 1536> error_trace_{};
  int error_line_ = 0;
  std::exception_ptr exception_;
  ScriptFailure failure_;
  std::string log_;
  bool log_is_full_ = false;
};

/// Names of the sandbox, e.g. "pairs", "string.rep", sorted: what `open_sandbox` puts there and nothing else.
std::span<const std::string_view> lua_standard_names();
/// Builds the sandbox's environment and leaves it on the stack. May raise.
void open_sandbox(lua_State* L);
/// Library functions written here: pattern matching and formatting with a step budget.
int lua_string_find(lua_State* L);
int lua_string_match(lua_State* L);
int lua_string_gmatch(lua_State* L);
int lua_string_gsub(lua_State* L);
int lua_string_format(lua_State* L);
/// A border of the table at `index`, without metamethods: t[n] ~= nil and t[n + 1] == nil, or 0 where t[1] == nil. For
/// a sequence that is its length. Which one of several it is depends on the table's content alone.
std::int64_t lua_border(lua_State* L, int index);
/// What `#` gives for the value at `index` where that has to be an integer. May raise.
std::int64_t lua_length_of(lua_State* L, int index);
/// Converts the value at `index` and pushes the string; like luaL_tolstring without addresses. May raise.
const char* lua_push_text(lua_State* L, int index, std::size_t* length);

}  // namespace seqlab::scenarios
