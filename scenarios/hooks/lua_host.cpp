#include "scenarios/hooks/lua_host.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <lua.hpp>
#include <utility>

#include "scenarios/spec/diagnostics.hpp"
#include "scenarios/spec/units.hpp"

namespace seqlab::scenarios {

namespace {

// The bottom of the stack, for the whole life of the state: the cheapest place to push from.
constexpr int at_context = 1;
constexpr int at_message = 2;
constexpr int at_record = 3;
constexpr int at_hooks = 4;  // one place a hook, in the order of lua_hooks()
constexpr int hook_count = 7;

int place_of(HookBit hook) { return at_hooks + std::countr_zero(static_cast<std::uint32_t>(hook)); }

std::string_view name_of(HookBit hook) {
  for (const LuaHook& h : lua_hooks()) {
    if (h.bit == hook) return h.name;
  }
  return "?";
}

std::string short_name(const std::string& file) {
  std::string name = file.substr(file.find_last_of('/') + 1);
  if (name.empty()) name = "script";
  if (name.size() > 40) name.resize(40);
  return name;
}

bool is_word(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'; }

std::string_view type_of(const ParamValue& value) {
  constexpr std::string_view names[] = {"a boolean", "an integer", "a text", "a list of texts"};
  return names[value.index()];
}

struct SetUp {
  LuaObjects& objects;
  const std::map<std::string, ParamValue>& params;
};

/// Argument 1: the script's table, 2: SetUp. Returns what goes to the bottom of the stack.
int set_up_protected(lua_State* L) {
  auto& set_up = *static_cast<SetUp*>(lua_touserdata(L, 2));
  set_up.objects.open(L, set_up.params);
  for (const LuaHook& hook : lua_hooks()) {
    lua_pushlstring(L, hook.name.data(), hook.name.size());
    lua_rawget(L, 1);
  }
  return 3 + hook_count;
}

}  // namespace

/// Reads the table that the script returned: raw access without allocation, so nothing here can raise.
class LuaAdversary::Reader {
 public:
  Reader(LuaAdversary& adversary, lua_State* L) : a_(adversary), L_(L) {}

  void read() {
    lua_checkstack(L_, 20);
    if (lua_gettop(L_) != 1 || lua_type(L_, 1) != LUA_TTABLE) {
      add({}, fmt::format("the script returned {}, not its table", described(1)),
          "end the file with `return { api = 1, on_send = function(ctx, msg) ... end }`");
      return;
    }
    bool has_api = false;
    bool has_records = false;
    for (const std::string& key : keys(1, {})) {
      push(1, key);
      if (key == "api") {
        has_api = true;
        if (lua_isinteger(L_, -1) == 0 || lua_tointeger(L_, -1) != 1) {
          add(key, fmt::format("`api` is {}", described(-1)), "this version speaks `api = 1`");
        }
      } else if (key == "params") {
        params();
      } else if (key == "records") {
        has_records = true;
        records();
      } else if (key == "kinds") {
        kinds();
      } else {
        hook(key);
      }
      lua_pop(L_, 1);
    }
    if (!has_api) add({}, "the script's table has no `api`", "add `api = 1`");
    const bool hears_records = (a_.hooks_ & hook_record) != 0;
    if (hears_records && !has_records) {
      add("on_record", "on_record without `records`", "list what it wants, such as records = {\"committed\"}");
    }
    if (has_records && !hears_records)
      add("records", "`records` without on_record", "add the hook, or remove the list");
    if (a_.hooks_ == 0 && problems_.empty()) {
      add({}, "the script has no hook, so it does nothing", "hooks: " + hook_names());
    }
    given_params();
  }

  std::vector<Problem> problems_;

 private:
  void add(const std::string& key, std::string text, std::string hint) {
    problems_.push_back(
        Problem{a_.spec_.file, key.empty() ? 0 : a_.line_of(key), 1, a_.world_.path, std::move(text), std::move(hint)});
  }

  std::string described(int index) {
    switch (lua_type(L_, index)) {
      case LUA_TNONE: return "nothing";
      case LUA_TSTRING: return fmt::format("the text \"{}\"", std::string_view{lua_tostring(L_, index)}.substr(0, 60));
      case LUA_TNUMBER:
        if (lua_isinteger(L_, index) != 0) return fmt::format("{}", lua_tointeger(L_, index));
        return "a fraction";
      case LUA_TNIL: return "nil";
      default: return fmt::format("a {}", luaL_typename(L_, index));
    }
  }

  static std::string hook_names() {
    std::string all;
    for (const LuaHook& h : lua_hooks()) all += fmt::format("{}{}", all.empty() ? "" : ", ", h.name);
    return all;
  }

  /// Keys of the table at `index`, sorted. Those that are no text are reported.
  std::vector<std::string> keys(int index, const std::string& where) {
    std::vector<std::string> out;
    bool has_other = false;
    index = lua_absindex(L_, index);
    for (lua_pushnil(L_); lua_next(L_, index) != 0; lua_pop(L_, 1)) {
      if (lua_type(L_, -2) == LUA_TSTRING) {
        out.emplace_back(lua_tostring(L_, -2));
      } else {
        has_other = true;
      }
    }
    if (has_other) {
      add(where,
          fmt::format("{} has an entry without a name", where.empty() ? "the script's table" : "`" + where + "`"),
          "write name = value");
    }
    std::sort(out.begin(), out.end());
    return out;
  }

  /// Pushes the value of a text key without making a string in Lua.
  void push(int index, const std::string& key) {
    index = lua_absindex(L_, index);
    for (lua_pushnil(L_); lua_next(L_, index) != 0; lua_pop(L_, 1)) {
      if (lua_type(L_, -2) == LUA_TSTRING && key == lua_tostring(L_, -2)) {
        lua_remove(L_, -2);
        return;
      }
    }
    lua_pushnil(L_);
  }

  /// The texts of the list on top of the stack.
  bool list(const std::string& key, std::vector<std::string>& out, const std::string& what) {
    const std::string hint = fmt::format("a list of {}", what);
    if (lua_type(L_, -1) != LUA_TTABLE) {
      add(key, fmt::format("`{}` is {}", key, described(-1)), hint);
      return false;
    }
    const lua_Integer count = lua_border(L_, -1);
    lua_Integer entries = 0;
    for (lua_pushnil(L_); lua_next(L_, -2) != 0; lua_pop(L_, 1)) ++entries;
    bool good = entries == count;
    if (!good) add(key, fmt::format("`{}` is not a list", key), hint);
    for (lua_Integer i = 1; good && i <= count; ++i) {
      if (lua_rawgeti(L_, -1, i) == LUA_TSTRING) {
        out.emplace_back(lua_tostring(L_, -1));
      } else {
        add(key, fmt::format("`{}[{}]` is {}", key, i, described(-1)), hint);
        good = false;
      }
      lua_pop(L_, 1);
    }
    return good;
  }

  void hook(const std::string& key) {
    std::vector<std::string> known{"api", "params", "records", "kinds"};
    for (const LuaHook& h : lua_hooks()) {
      known.emplace_back(h.name);
      if (key != h.name) continue;
      if (lua_type(L_, -1) != LUA_TFUNCTION) {
        add(key, fmt::format("`{}` is {}", key, described(-1)), fmt::format("a function, {}", h.type));
        return;
      }
      a_.hooks_ |= h.bit;
      return;
    }
    const std::string near = nearest(key, known);
    add(key, fmt::format("the script's table has the unknown key `{}`", key.substr(0, 60)),
        near.empty() ? "hooks: " + hook_names() + "; besides: api, params, records, kinds"
                     : fmt::format("did you mean `{}`?", near));
  }

  void records() {
    std::vector<std::string> names;
    if (!list("records", names, "kinds of records, such as {\"committed\"}")) return;
    std::vector<std::string> known(sim::record_kind_names.begin(), sim::record_kind_names.end());
    for (const std::string& name : names) {
      const auto found = std::find(known.begin(), known.end(), name);
      if (found != known.end()) {
        a_.records_ |= sim::mask_of(static_cast<sim::RecordKind>(found - known.begin()));
        continue;
      }
      const std::string near = nearest(name, known);
      add("records", fmt::format("there is no record kind \"{}\"", name.substr(0, 60)),
          near.empty() ? "they are listed in meta/seqlab.lua" : fmt::format("did you mean \"{}\"?", near));
    }
    if (names.empty()) add("records", "`records` is empty", "list what on_record wants");
  }

  void kinds() {
    if (lua_type(L_, -1) != LUA_TTABLE) {
      add("kinds", fmt::format("`kinds` is {}", described(-1)), "such as kinds = { on_send = {\"proposal\"} }");
      return;
    }
    std::vector<std::string> known;
    for (std::size_t i = 0; i < static_cast<std::size_t>(protocols::MessageKind::count); ++i) {
      known.emplace_back(protocols::name_of(static_cast<protocols::MessageKind>(i)));
    }
    const int at = lua_gettop(L_);
    for (const std::string& key : keys(at, "kinds")) {
      MessageKindMask* mask = key == "on_send"      ? &a_.kinds_send_
                              : key == "on_receive" ? &a_.kinds_receive_
                              : key == "on_link"    ? &a_.kinds_link_
                                                    : nullptr;
      if (mask == nullptr) {
        add("kinds", fmt::format("`kinds` has the unknown key `{}`", key.substr(0, 60)),
            "on_send, on_receive, on_link");
        continue;
      }
      std::vector<std::string> names;
      push(at, key);
      if (list(key, names, "message kinds, such as {\"proposal\", \"prevote\"}")) {
        *mask = 0;
        for (const std::string& name : names) {
          const auto found = std::find(known.begin(), known.end(), name);
          if (found != known.end()) {
            *mask |= MessageKindMask{1} << static_cast<unsigned>(found - known.begin());
            continue;
          }
          const std::string near = nearest(name, known);
          std::string all;
          for (const std::string& k : known) all += (all.empty() ? "" : ", ") + k;
          add("kinds", fmt::format("there is no message kind \"{}\"", name.substr(0, 60)),
              near.empty() ? all : fmt::format("did you mean \"{}\"?", near));
        }
      }
      lua_pop(L_, 1);
    }
  }

  void params() {
    if (lua_type(L_, -1) != LUA_TTABLE) {
      add("params", fmt::format("`params` is {}", described(-1)), "such as params = { every = 1 }");
      return;
    }
    const int at = lua_gettop(L_);
    for (const std::string& key : keys(at, "params")) {
      push(at, key);
      switch (lua_type(L_, -1)) {
        case LUA_TBOOLEAN: a_.params_[key] = lua_toboolean(L_, -1) != 0; break;
        case LUA_TSTRING: a_.params_[key] = std::string{lua_tostring(L_, -1)}; break;
        case LUA_TTABLE: {
          std::vector<std::string> texts;
          if (list(key, texts, "texts")) a_.params_[key] = std::move(texts);
          break;
        }
        default:
          if (lua_isinteger(L_, -1) != 0) {
            a_.params_[key] = static_cast<std::int64_t>(lua_tointeger(L_, -1));
          } else {
            add(key, fmt::format("the default of the parameter `{}` is {}", key, described(-1)),
                "a boolean, an integer, a text or a list of texts");
          }
      }
      lua_pop(L_, 1);
    }
  }

  /// What the scenario sets replaces the defaults.
  void given_params() {
    std::vector<std::string> known;
    for (const auto& entry : a_.params_) known.push_back(entry.first);
    for (const auto& [name, value] : a_.spec_.params) {
      const std::string path = a_.world_.path + ".params." + name;
      const auto problem = [&](std::string text, std::string hint) {
        problems_.push_back(Problem{a_.world_.scenario_file, 0, 0, path, std::move(text), std::move(hint)});
      };
      const auto found = a_.params_.find(name);
      if (found == a_.params_.end()) {
        const std::string near = nearest(name, known);
        std::string all;
        for (const std::string& k : known) all += (all.empty() ? "" : ", ") + k;
        problem(fmt::format("the script {} has no parameter `{}`", short_name(a_.spec_.file), name),
                !near.empty() ? fmt::format("did you mean `{}`?", near)
                : all.empty() ? "it has none"
                              : "it has " + all);
      } else if (found->second.index() != value.index()) {
        problem(fmt::format("the parameter `{}` is {}", name, type_of(value)),
                fmt::format("the script {} wants {}", short_name(a_.spec_.file), type_of(found->second)));
      } else {
        found->second = value;
      }
    }
  }

  LuaAdversary& a_;
  lua_State* L_;
};

LuaAdversary::LuaAdversary(const AdversarySpec& spec, ScriptWorld world, const ScriptLimits& limits)
    : spec_(spec),
      world_(std::move(world)),
      state_(short_name(spec.file), limits),
      objects_(state_, spec, world_.nodes, world_.clients) {
  state_.user = &objects_;
  const auto refuse = [&] {
    const ScriptFailure& f = state_.failure();
    throw InputError(Problem{spec_.file, f.line, f.line > 0 ? 1 : 0, world_.path, f.text, f.hint, circumstances()});
  };
  if (!state_.load(spec.source)) refuse();
  Reader reader(*this, state_.raw());
  reader.read();
  if (!reader.problems_.empty()) throw InputError(std::move(reader.problems_));

  lua_State* L = state_.raw();
  SetUp set_up{objects_, params_};
  lua_pushcfunction(L, &set_up_protected);
  lua_insert(L, 1);
  lua_pushlightuserdata(L, &set_up);
  if (!state_.call(2, 3 + hook_count)) refuse();
  lua_checkstack(L, 40);
}

MessageKindMask LuaAdversary::message_kinds(HookBit hook) const {
  switch (hook) {
    case hook_send: return kinds_send_;
    case hook_receive: return kinds_receive_;
    case hook_link: return kinds_link_;
    default: return all_message_kinds;
  }
}

void LuaAdversary::push_hook(HookBit hook) {
  lua_State* L = state_.raw();
  lua_pushvalue(L, place_of(hook));
  lua_pushvalue(L, at_context);
}

/// Takes the result of a hook that says pass or drop.
bool LuaAdversary::verdict(HookBit hook) {
  lua_State* L = state_.raw();
  const bool drops = lua_is_drop(L, -1);
  if (!drops && !lua_is_pass(L, -1)) {
    fail_with(hook, fmt::format("{} returned a {}", name_of(hook), luaL_typename(L, -1)),
              "ctx.pass, ctx.drop, or nothing");
  }
  lua_pop(L, 1);
  objects_.hide();
  return !drops;
}

void LuaAdversary::fail(HookBit hook) {
  const ScriptFailure& f = state_.failure();
  const int line = f.line > 0 ? f.line : line_of(name_of(hook));
  throw InputError(Problem{spec_.file, line, line > 0 ? 1 : 0, world_.path,
                           fmt::format("in {}: {}", name_of(hook), f.text), f.hint, circumstances()});
}

/// Where the script was when it failed, and the end of what it had printed.
std::string LuaAdversary::circumstances() const {
  constexpr int lines_shown = 10;
  std::string out = state_.failure().traceback;
  std::string_view log = state_.log();
  if (!log.empty()) {
    std::size_t from = log.size() - 1;
    for (int lines = 0; from > 0 && (log[from - 1] != '\n' || ++lines < lines_shown);) --from;
    out += from > 0 ? "  the last lines that it printed:\n" : "  it had printed:\n";
    for (log.remove_prefix(from); !log.empty();) {
      const std::size_t end = std::min(log.find('\n'), log.size());
      out += fmt::format("    {}\n", log.substr(0, end));
      log.remove_prefix(std::min(end + 1, log.size()));
    }
  }
  while (!out.empty() && out.back() == '\n') out.pop_back();
  return out;
}

void LuaAdversary::fail_with(HookBit hook, std::string text, std::string hint) {
  const int line = line_of(name_of(hook));
  throw InputError(Problem{spec_.file, line, line > 0 ? 1 : 0, world_.path, std::move(text), std::move(hint),
                           circumstances()});
}

/// First line of the script on which `key` is given a value, or 0.
int LuaAdversary::line_of(std::string_view key) const {
  const std::string_view source = spec_.source;
  for (std::size_t at = source.find(key); at != std::string_view::npos; at = source.find(key, at + 1)) {
    const bool begins = at == 0 || !is_word(source[at - 1]);
    std::size_t after = at + key.size();
    while (after < source.size() && (source[after] == ' ' || source[after] == '\t')) ++after;
    const bool assigns =
        after < source.size() && source[after] == '=' && (after + 1 == source.size() || source[after + 1] != '=');
    if (!begins || !assigns || key.empty()) continue;
    const auto end = source.begin() + static_cast<std::ptrdiff_t>(at);
    return 1 + static_cast<int>(std::count(source.begin(), end, '\n'));
  }
  return 0;
}

void LuaAdversary::on_start(AdversaryContext& context) {
  if ((hooks_ & hook_start) == 0) return;
  objects_.begin(context, first_own());
  push_hook(hook_start);
  if (!state_.call(1, 0)) fail(hook_start);
  objects_.hide();
}

bool LuaAdversary::on_send(AdversaryContext& context, NodeId self, std::span<const NodeId> to,
                           const MessagePtr& message) {
  objects_.begin(context, self);
  objects_.show(*message, self, to);
  push_hook(hook_send);
  lua_pushvalue(state_.raw(), at_message);
  if (!state_.call(2, 1)) fail(hook_send);
  return verdict(hook_send);
}

bool LuaAdversary::on_receive(AdversaryContext& context, NodeId self, NodeId from, const MessagePtr& message) {
  objects_.begin(context, self);
  objects_.show(*message, from, {&self, 1});
  push_hook(hook_receive);
  lua_pushvalue(state_.raw(), at_message);
  if (!state_.call(2, 1)) fail(hook_receive);
  return verdict(hook_receive);
}

sim::LinkVerdict LuaAdversary::on_link(AdversaryContext& context, const LinkView& link) {
  lua_State* L = state_.raw();
  objects_.begin(context, first_own());
  const NodeId to = link.to();
  objects_.show(link, {&to, 1});
  push_hook(hook_link);
  lua_pushvalue(L, at_message);
  if (!state_.call(2, 1)) fail(hook_link);

  sim::LinkVerdict out;
  if (lua_isinteger(L, -1) != 0) {
    out.extra_delay = Duration{lua_tointeger(L, -1)};
  } else if (lua_type(L, -1) == LUA_TSTRING) {
    const Parsed<Duration> parsed = parse_duration(std::string_view{lua_tostring(L, -1)}.substr(0, 64));
    if (!parsed) fail_with(hook_link, "on_link returned a text that is no duration", std::string{duration_form});
    out.extra_delay = parsed.value;
  } else {
    if (!lua_is_pass(L, -1) && !lua_is_drop(L, -1)) {
      fail_with(hook_link, fmt::format("on_link returned a {}", luaL_typename(L, -1)),
                "ctx.pass, ctx.drop, a duration, or nothing");
    }
    out.drop = lua_is_drop(L, -1);
  }
  if (out.extra_delay < Duration::zero()) {
    fail_with(hook_link, "on_link returned a negative duration", "0 or more; nothing arrives before it was sent");
  }
  lua_pop(L, 1);
  objects_.hide();
  return out;
}

void LuaAdversary::on_timer(AdversaryContext& context, std::uint64_t id) {
  lua_State* L = state_.raw();
  if ((hooks_ & hook_timer) == 0) {
    fail_with(hook_timer, "ctx:after was called, but the script has no on_timer",
              "add on_timer = function(ctx, value) ... end");
  }
  objects_.begin(context, first_own());
  push_hook(hook_timer);
  lua_push_timer_value(L, id);
  if (!state_.call(2, 0)) fail(hook_timer);
  objects_.hide();
}

void LuaAdversary::on_record(AdversaryContext& context, const sim::Record& record) {
  const bool about_own = std::find(spec_.nodes.begin(), spec_.nodes.end(), record.node) != spec_.nodes.end();
  objects_.begin(context, about_own ? record.node : first_own());
  objects_.record = &record;
  push_hook(hook_record);
  lua_pushvalue(state_.raw(), at_record);
  if (!state_.call(2, 0)) fail(hook_record);
  objects_.hide();
}

/// What goes into and out of the protected part of on_build.
struct LuaAdversary::Build {
  std::span<const protocols::Transaction> candidates;
  std::uint64_t height;
  std::int32_t round;
  std::vector<std::uint32_t> order;  // room for all candidates
  std::vector<bool> taken;
  bool changed = false;

  /// Arguments: the hook, ctx, a Build.
  static int protected_call(lua_State* L) {
    auto& build = *static_cast<Build*>(lua_touserdata(L, 3));
    lua_settop(L, 2);
    lua_push_transactions(L, build.candidates);
    lua_pushinteger(L, static_cast<lua_Integer>(build.height));
    lua_pushinteger(L, build.round);
    lua_call(L, 4, 1);
    if (lua_is_pass(L, -1)) return 0;
    if (lua_type(L, -1) != LUA_TTABLE) {
      return luaL_error(L, "on_build returned a %s (hint: a list made of its txs, or nothing)", luaL_typename(L, -1));
    }
    const lua_Integer count = lua_border(L, -1);
    if (count > static_cast<lua_Integer>(build.candidates.size())) {
      return luaL_error(L, "on_build returned more transactions than it was given");
    }
    for (lua_Integer i = 1; i <= count; ++i) {
      int is_integer = 0;
      lua_Integer index = 0;
      if (lua_rawgeti(L, -1, i) == LUA_TTABLE) {
        lua_pushliteral(L, "index");
        lua_rawget(L, -2);
        index = lua_tointegerx(L, -1, &is_integer);
        lua_pop(L, 1);
      }
      if (is_integer == 0 || index < 1 || index > static_cast<lua_Integer>(build.candidates.size())) {
        return luaL_error(L, "entry %d of on_build's list is none of its txs (hint: return entries of the list it got)",
                          static_cast<int>(i));
      }
      const auto at = static_cast<std::uint32_t>(index - 1);
      if (build.taken[at])
        return luaL_error(L, "on_build returned the transaction with index %d twice", static_cast<int>(index));
      build.taken[at] = true;
      build.order.push_back(at);
      lua_pop(L, 1);
    }
    build.changed = true;
    return 0;
  }
};

void LuaAdversary::on_build(AdversaryContext& context, NodeId self, std::uint64_t height, std::int32_t round,
                            std::vector<protocols::Transaction>& transactions) {
  lua_State* L = state_.raw();
  objects_.begin(context, self);
  Build build{transactions, height, round, {}, std::vector<bool>(transactions.size()), false};
  build.order.reserve(transactions.size());
  lua_pushcfunction(L, &Build::protected_call);
  push_hook(hook_build);
  lua_pushlightuserdata(L, &build);
  if (!state_.call(3, 0, 100 * transactions.size())) fail(hook_build);
  objects_.hide();
  if (!build.changed) return;
  std::vector<protocols::Transaction> chosen;
  chosen.reserve(build.order.size());
  for (const std::uint32_t at : build.order) chosen.push_back(transactions[at]);
  transactions = std::move(chosen);
}

}  // namespace seqlab::scenarios
