// The part of Lua's string library that could run without end or show an address, written anew: patterns are matched
// with every step charged to the script's budget, `format` knows no %p, character classes are those of ASCII.
//
// Patterns follow section 6.4.1 of the Lua 5.4 manual.
#include <lua.hpp>

#include <cmath>
#include <cstdio>
#include <cstring>

#include "scenarios/hooks/lua_state.hpp"

namespace seqlab::scenarios {

namespace {

constexpr int captures_max = 32;
constexpr int depth_max = 100;  // of nested items inside one match; each is a C++ frame

bool in_range(unsigned char c, char low, char high) { return c >= low && c <= high; }
bool is_lower(unsigned char c) { return in_range(c, 'a', 'z'); }
bool is_upper(unsigned char c) { return in_range(c, 'A', 'Z'); }
bool is_digit(unsigned char c) { return in_range(c, '0', '9'); }
bool is_alpha(unsigned char c) { return is_lower(c) || is_upper(c); }
bool is_graph(unsigned char c) { return c > 32 && c < 127; }

/// Whether `c` belongs to the class that the letter after % names; a letter that names none stands for itself.
bool in_class(unsigned char c, unsigned char letter) {
  bool in = false;
  switch (letter | 0x20) {
    case 'a': in = is_alpha(c); break;
    case 'c': in = c < 32 || c == 127; break;
    case 'd': in = is_digit(c); break;
    case 'g': in = is_graph(c); break;
    case 'l': in = is_lower(c); break;
    case 'p': in = is_graph(c) && !is_alpha(c) && !is_digit(c); break;
    case 's': in = c == ' ' || in_range(c, '\t', '\r'); break;
    case 'u': in = is_upper(c); break;
    case 'w': in = is_alpha(c) || is_digit(c); break;
    case 'x': in = is_digit(c) || in_range(c | 0x20, 'a', 'f'); break;
    default: return letter == c;
  }
  if (!is_alpha(letter)) return letter == c;
  return is_upper(letter) ? !in : in;
}

/// One attempt to match a pattern. Positions are offsets; -1 is "no match".
class Matcher {
 public:
  Matcher(lua_State* L, const char* text, std::size_t size, const char* pattern, std::size_t pattern_size)
      : L_(L),
        host_(LuaState::of(L)),
        text_(text),
        size_(static_cast<std::ptrdiff_t>(size)),
        pattern_(pattern),
        end_(static_cast<std::ptrdiff_t>(pattern_size)) {}

  void reset() {
    captures_ = 0;
    depth_ = 0;
  }

  /// End of the match of the pattern from `p` on at text position `s`.
  std::ptrdiff_t match(std::ptrdiff_t s, std::ptrdiff_t p) {
    if (++depth_ > depth_max) luaL_error(L_, "pattern too complex (hint: fewer items in one pattern)");
    const std::ptrdiff_t result = match_items(s, p);
    --depth_;
    return result;
  }

  int capture_count() const { return captures_; }

  /// Pushes capture `index`, or the whole match if there are none and `index` is 0.
  void push_capture(int index, std::ptrdiff_t start, std::ptrdiff_t stop) {
    if (index >= captures_) {
      if (index != 0) luaL_error(L_, "invalid capture index %%%d", index + 1);
      lua_pushlstring(L_, text_ + start, static_cast<std::size_t>(stop - start));
      return;
    }
    const Capture& capture = capture_[index];
    if (capture.length == position) {
      lua_pushinteger(L_, capture.start + 1);
    } else {
      if (capture.length == open) luaL_error(L_, "unfinished capture");
      lua_pushlstring(L_, text_ + capture.start, static_cast<std::size_t>(capture.length));
    }
  }
  int push_captures(std::ptrdiff_t start, std::ptrdiff_t stop, bool whole_if_none) {
    const int count = captures_ == 0 && whole_if_none ? 1 : captures_;
    luaL_checkstack(L_, count, "too many captures");
    for (int i = 0; i < count; ++i) push_capture(i, start, stop);
    return count;
  }

 private:
  static constexpr std::ptrdiff_t open = -1;
  static constexpr std::ptrdiff_t position = -2;
  struct Capture {
    std::ptrdiff_t start;
    std::ptrdiff_t length;
  };

  unsigned char text(std::ptrdiff_t s) const { return static_cast<unsigned char>(text_[s]); }
  unsigned char item(std::ptrdiff_t p) const { return p < end_ ? static_cast<unsigned char>(pattern_[p]) : 0; }

  /// First position after the single-character class at `p`.
  std::ptrdiff_t class_end(std::ptrdiff_t p) {
    const unsigned char c = item(p++);
    if (c == '%') {
      if (p >= end_) luaL_error(L_, "malformed pattern (ends with '%%')");
      return p + 1;
    }
    if (c != '[') return p;
    if (item(p) == '^') ++p;
    do {  // the first ']' is an ordinary member
      if (p >= end_) luaL_error(L_, "malformed pattern (missing ']')");
      if (item(p++) == '%') ++p;
      host_.charge(L_, 1);
    } while (p >= end_ || item(p) != ']');
    return p + 1;
  }

  /// `p` is at '[', `last` at its ']'.
  bool in_set(unsigned char c, std::ptrdiff_t p, std::ptrdiff_t last) {
    bool found_means = true;
    if (item(p + 1) == '^') {
      found_means = false;
      ++p;
    }
    while (++p < last) {
      host_.charge(L_, 1);
      if (item(p) == '%') {
        ++p;
        if (in_class(c, item(p))) return found_means;
      } else if (item(p + 1) == '-' && p + 2 < last) {
        p += 2;
        if (item(p - 2) <= c && c <= item(p)) return found_means;
      } else if (item(p) == c) {
        return found_means;
      }
    }
    return !found_means;
  }

  /// Whether the class at `p` (ending before `after`) takes the character at `s`.
  bool takes(std::ptrdiff_t s, std::ptrdiff_t p, std::ptrdiff_t after) {
    host_.charge(L_, 1);
    if (s >= size_) return false;
    switch (item(p)) {
      case '.': return true;
      case '%': return in_class(text(s), item(p + 1));
      case '[': return in_set(text(s), p, after - 1);
      default: return item(p) == text(s);
    }
  }

  std::ptrdiff_t match_items(std::ptrdiff_t s, std::ptrdiff_t p) {
    while (p < end_) {
      host_.charge(L_, 1);
      switch (item(p)) {
        case '(': return item(p + 1) == ')' ? start_capture(s, p + 2, position) : start_capture(s, p + 1, open);
        case ')': return end_capture(s, p + 1);
        case '$':
          if (p + 1 == end_) return s == size_ ? s : -1;
          break;
        case '%':
          if (item(p + 1) == 'b') {
            s = balanced(s, p + 2);
            if (s < 0) return -1;
            p += 4;
            continue;
          }
          if (item(p + 1) == 'f') {
            p += 2;
            if (item(p) != '[') luaL_error(L_, "missing '[' after '%%f' in pattern");
            const std::ptrdiff_t after = class_end(p);
            const unsigned char before = s == 0 ? 0 : text(s - 1);
            const unsigned char here = s < size_ ? text(s) : 0;
            if (in_set(before, p, after - 1) || !in_set(here, p, after - 1)) return -1;
            p = after;
            continue;
          }
          if (is_digit(item(p + 1))) {
            s = same_again(s, item(p + 1));
            if (s < 0) return -1;
            p += 2;
            continue;
          }
          break;
        default: break;
      }
      const std::ptrdiff_t after = class_end(p);
      switch (item(after)) {
        case '?':
          if (takes(s, p, after)) {
            if (const std::ptrdiff_t stop = match(s + 1, after + 1); stop >= 0) return stop;
          }
          p = after + 1;
          continue;
        case '+': return takes(s, p, after) ? longest(s + 1, p, after) : -1;
        case '*': return longest(s, p, after);
        case '-': return shortest(s, p, after);
        default:
          if (!takes(s, p, after)) return -1;
          ++s;
          p = after;
      }
    }
    return s;
  }

  std::ptrdiff_t longest(std::ptrdiff_t s, std::ptrdiff_t p, std::ptrdiff_t after) {
    std::ptrdiff_t count = 0;
    while (takes(s + count, p, after)) ++count;
    for (; count >= 0; --count) {
      if (const std::ptrdiff_t stop = match(s + count, after + 1); stop >= 0) return stop;
    }
    return -1;
  }

  std::ptrdiff_t shortest(std::ptrdiff_t s, std::ptrdiff_t p, std::ptrdiff_t after) {
    for (;; ++s) {
      if (const std::ptrdiff_t stop = match(s, after + 1); stop >= 0) return stop;
      if (!takes(s, p, after)) return -1;
    }
  }

  std::ptrdiff_t start_capture(std::ptrdiff_t s, std::ptrdiff_t p, std::ptrdiff_t what) {
    if (captures_ >= captures_max) luaL_error(L_, "too many captures");
    capture_[captures_++] = {s, what};
    const std::ptrdiff_t stop = match(s, p);
    if (stop < 0) --captures_;
    return stop;
  }

  std::ptrdiff_t end_capture(std::ptrdiff_t s, std::ptrdiff_t p) {
    int index = captures_ - 1;
    while (index >= 0 && capture_[index].length != open) --index;
    if (index < 0) luaL_error(L_, "invalid pattern capture");
    capture_[index].length = s - capture_[index].start;
    const std::ptrdiff_t stop = match(s, p);
    if (stop < 0) capture_[index].length = open;
    return stop;
  }

  std::ptrdiff_t balanced(std::ptrdiff_t s, std::ptrdiff_t p) {
    if (p + 1 >= end_) luaL_error(L_, "malformed pattern (missing arguments to '%%b')");
    if (s >= size_ || text(s) != item(p)) return -1;
    int nesting = 1;
    while (++s < size_) {
      host_.charge(L_, 1);
      if (text(s) == item(p + 1)) {
        if (--nesting == 0) return s + 1;
      } else if (text(s) == item(p)) {
        ++nesting;
      }
    }
    return -1;
  }

  std::ptrdiff_t same_again(std::ptrdiff_t s, unsigned char digit) {
    const int index = digit - '1';
    if (index < 0 || index >= captures_ || capture_[index].length == open) {
      luaL_error(L_, "invalid capture index %%%d in pattern", index + 1);
    }
    const std::ptrdiff_t length = capture_[index].length;
    if (length < 0 || size_ - s < length) return -1;
    host_.charge(L_, static_cast<std::uint64_t>(length));
    return std::memcmp(text_ + capture_[index].start, text_ + s, static_cast<std::size_t>(length)) == 0 ? s + length
                                                                                                        : -1;
  }

  lua_State* L_;
  LuaState& host_;
  const char* text_;
  std::ptrdiff_t size_;
  const char* pattern_;
  std::ptrdiff_t end_;
  int captures_ = 0;
  int depth_ = 0;
  Capture capture_[captures_max];
};

/// Start position from an optional argument (from 1, negative from the end) as an offset; beyond the end: size + 1.
std::size_t start_offset(lua_Integer from, std::size_t size) {
  if (from > 0) return static_cast<std::size_t>(from) - 1;
  if (from == 0 || from < -static_cast<lua_Integer>(size)) return 0;
  return size - static_cast<std::size_t>(-from);
}

std::ptrdiff_t find_plain(lua_State* L, const char* text, std::size_t size, const char* wanted, std::size_t wanted_size,
                          std::size_t from) {
  LuaState& host = LuaState::of(L);
  for (std::size_t s = from; s + wanted_size <= size; ++s) {
    host.charge(L, 1);
    if (wanted_size == 0 || (text[s] == wanted[0] && std::memcmp(text + s, wanted, wanted_size) == 0)) {
      return static_cast<std::ptrdiff_t>(s);
    }
  }
  return -1;
}

int find_or_match(lua_State* L, bool find) {
  std::size_t size = 0;
  std::size_t pattern_size = 0;
  const char* text = luaL_checklstring(L, 1, &size);
  const char* pattern = luaL_checklstring(L, 2, &pattern_size);
  const std::size_t from = start_offset(luaL_optinteger(L, 3, 1), size);
  if (from > size) {
    luaL_pushfail(L);
    return 1;
  }
  if (find && lua_toboolean(L, 4) != 0) {
    const std::ptrdiff_t found = find_plain(L, text, size, pattern, pattern_size, from);
    if (found < 0) {
      luaL_pushfail(L);
      return 1;
    }
    lua_pushinteger(L, found + 1);
    lua_pushinteger(L, found + static_cast<lua_Integer>(pattern_size));
    return 2;
  }
  const bool anchored = pattern_size > 0 && pattern[0] == '^';
  Matcher matcher(L, text, size, pattern, pattern_size);
  for (std::size_t s = from; s <= size; ++s) {
    matcher.reset();
    const auto start = static_cast<std::ptrdiff_t>(s);
    const std::ptrdiff_t stop = matcher.match(start, anchored ? 1 : 0);
    if (stop >= 0) {
      if (!find) return matcher.push_captures(start, stop, true);
      lua_pushinteger(L, start + 1);
      lua_pushinteger(L, stop);
      return matcher.push_captures(start, stop, false) + 2;
    }
    if (anchored) break;
  }
  luaL_pushfail(L);
  return 1;
}

/// Upvalues: text, pattern, next offset, end of the last match.
int gmatch_next(lua_State* L) {
  std::size_t size = 0;
  std::size_t pattern_size = 0;
  const char* text = lua_tolstring(L, lua_upvalueindex(1), &size);
  const char* pattern = lua_tolstring(L, lua_upvalueindex(2), &pattern_size);
  const lua_Integer last = lua_tointeger(L, lua_upvalueindex(4));
  Matcher matcher(L, text, size, pattern, pattern_size);
  for (lua_Integer s = lua_tointeger(L, lua_upvalueindex(3)); s <= static_cast<lua_Integer>(size); ++s) {
    matcher.reset();
    const std::ptrdiff_t stop = matcher.match(s, 0);
    if (stop >= 0 && stop != last) {
      lua_pushinteger(L, stop);
      lua_copy(L, -1, lua_upvalueindex(3));
      lua_replace(L, lua_upvalueindex(4));
      return matcher.push_captures(s, stop, true);
    }
  }
  return 0;
}

/// Adds what the replacement (argument 3) makes of one match. @return whether it replaced
bool add_replacement(lua_State* L, Matcher& matcher, luaL_Buffer& out, const char* text, std::ptrdiff_t start,
                     std::ptrdiff_t stop) {
  switch (lua_type(L, 3)) {
    case LUA_TFUNCTION: {
      lua_pushvalue(L, 3);
      const int count = matcher.push_captures(start, stop, true);
      lua_call(L, count, 1);
      break;
    }
    case LUA_TTABLE:
      matcher.push_capture(0, start, stop);
      lua_gettable(L, 3);
      break;
    default: {
      std::size_t size = 0;
      const char* with = lua_tolstring(L, 3, &size);
      for (std::size_t i = 0; i < size; ++i) {
        if (with[i] != '%') {
          luaL_addchar(&out, with[i]);
          continue;
        }
        const char c = ++i < size ? with[i] : '\0';
        if (c == '%') {
          luaL_addchar(&out, '%');
        } else if (c == '0') {
          luaL_addlstring(&out, text + start, static_cast<std::size_t>(stop - start));
        } else if (is_digit(static_cast<unsigned char>(c))) {
          matcher.push_capture(c - '1', start, stop);
          luaL_tolstring(L, -1, nullptr);  // a string or a position
          lua_remove(L, -2);
          luaL_addvalue(&out);
        } else {
          luaL_error(L, "invalid use of '%%' in replacement string");
        }
      }
      return true;
    }
  }
  if (lua_toboolean(L, -1) == 0) {
    lua_pop(L, 1);
    luaL_addlstring(&out, text + start, static_cast<std::size_t>(stop - start));
    return false;
  }
  if (lua_isstring(L, -1) == 0) luaL_error(L, "invalid replacement value (a %s)", luaL_typename(L, -1));
  luaL_addvalue(&out);
  return true;
}

/// Copies the flags, width and precision of a format item; at most two digits each. @return the conversion letter
char read_item(lua_State* L, const char*& at, const char* end, char (&spec)[32]) {
  int used = 0;
  spec[used++] = '%';
  while (at < end && std::strchr("-+ #0", *at) != nullptr && used < 8) spec[used++] = *at++;
  for (int i = 0; i < 2 && at < end && is_digit(static_cast<unsigned char>(*at)); ++i) spec[used++] = *at++;
  if (at < end && *at == '.') {
    spec[used++] = *at++;
    for (int i = 0; i < 2 && at < end && is_digit(static_cast<unsigned char>(*at)); ++i) spec[used++] = *at++;
  }
  if (at >= end || is_digit(static_cast<unsigned char>(*at))) luaL_error(L, "invalid conversion in format string");
  spec[used] = '\0';
  return *at++;
}

void add_quoted(lua_State* L, luaL_Buffer& out, int arg) {
  std::size_t size = 0;
  if (lua_type(L, arg) != LUA_TSTRING) {
    if (lua_type(L, arg) == LUA_TNUMBER && lua_isinteger(L, arg) == 0)
      luaL_argerror(L, arg, "a float cannot be quoted");
    if (lua_type(L, arg) > LUA_TSTRING || lua_type(L, arg) == LUA_TLIGHTUSERDATA) {
      luaL_argerror(L, arg, "value has no literal form");
    }
    lua_push_text(L, arg, nullptr);
    luaL_addvalue(&out);
    return;
  }
  const char* text = lua_tolstring(L, arg, &size);
  luaL_addchar(&out, '"');
  for (std::size_t i = 0; i < size; ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c == '"' || c == '\\' || c == '\n') {
      luaL_addchar(&out, '\\');
      luaL_addchar(&out, static_cast<char>(c));
    } else if (c < 32 || c == 127) {
      char code[8];
      std::snprintf(code, sizeof code, "\\%03d", c);
      luaL_addstring(&out, code);
    } else {
      luaL_addchar(&out, static_cast<char>(c));
    }
  }
  luaL_addchar(&out, '"');
}

}  // namespace

int lua_string_find(lua_State* L) { return find_or_match(L, true); }
int lua_string_match(lua_State* L) { return find_or_match(L, false); }

int lua_string_gmatch(lua_State* L) {
  std::size_t size = 0;
  luaL_checklstring(L, 1, &size);
  luaL_checkstring(L, 2);
  const std::size_t from = start_offset(luaL_optinteger(L, 3, 1), size);
  lua_settop(L, 2);
  lua_pushinteger(L, static_cast<lua_Integer>(from > size ? size + 1 : from));
  lua_pushinteger(L, -1);
  lua_pushcclosure(L, &gmatch_next, 4);
  return 1;
}

int lua_string_gsub(lua_State* L) {
  std::size_t size = 0;
  std::size_t pattern_size = 0;
  const char* text = luaL_checklstring(L, 1, &size);
  const char* pattern = luaL_checklstring(L, 2, &pattern_size);
  const int with = lua_type(L, 3);
  luaL_argexpected(L, with == LUA_TNUMBER || with == LUA_TSTRING || with == LUA_TFUNCTION || with == LUA_TTABLE, 3,
                   "string/function/table");
  const lua_Integer most = luaL_optinteger(L, 4, static_cast<lua_Integer>(size) + 1);
  const bool anchored = pattern_size > 0 && pattern[0] == '^';
  LuaState& host = LuaState::of(L);
  Matcher matcher(L, text, size, pattern, pattern_size);
  luaL_Buffer out;
  luaL_buffinit(L, &out);
  lua_Integer count = 0;
  std::ptrdiff_t last = -1;
  std::ptrdiff_t s = 0;
  const auto end = static_cast<std::ptrdiff_t>(size);
  while (count < most) {
    host.charge(L, 1);
    matcher.reset();
    const std::ptrdiff_t stop = matcher.match(s, anchored ? 1 : 0);
    if (stop >= 0 && stop != last) {
      ++count;
      add_replacement(L, matcher, out, text, s, stop);
      s = last = stop;
    } else if (s < end) {
      luaL_addchar(&out, text[s]);
      ++s;
    } else {
      break;
    }
    if (anchored) break;
  }
  if (s < end) luaL_addlstring(&out, text + s, static_cast<std::size_t>(end - s));
  luaL_pushresult(&out);
  lua_pushinteger(L, count);
  return 2;
}

int lua_string_format(lua_State* L) {
  std::size_t size = 0;
  const char* at = luaL_checklstring(L, 1, &size);
  const char* end = at + size;
  LuaState& host = LuaState::of(L);
  int arg = 1;
  const int top = lua_gettop(L);  // the buffer puts a value of its own above
  luaL_Buffer out;
  luaL_buffinit(L, &out);
  while (at < end) {
    host.charge(L, 1);
    if (*at != '%') {
      luaL_addchar(&out, *at++);
      continue;
    }
    if (++at < end && *at == '%') {
      luaL_addchar(&out, *at++);
      continue;
    }
    char spec[32];
    const char conversion = read_item(L, at, end, spec);
    if (++arg > top) luaL_argerror(L, arg, "no value");
    const std::size_t length = std::strlen(spec);
    char text[512];
    switch (conversion) {
      case 'c': luaL_addchar(&out, static_cast<char>(luaL_checkinteger(L, arg))); break;
      case 'd':
      case 'i':
      case 'o':
      case 'x':
      case 'X':
        spec[length] = spec[length + 1] = 'l';
        spec[length + 2] = conversion;
        spec[length + 3] = '\0';
        std::snprintf(text, sizeof text, spec, static_cast<long long>(luaL_checkinteger(L, arg)));
        luaL_addstring(&out, text);
        break;
      case 'e':
      case 'E':
      case 'f':
      case 'F':
      case 'g':
      case 'G': {
        const lua_Number number = luaL_checknumber(L, arg);
        if (std::isnan(number)) {
          luaL_addstring(&out, "nan");
          break;
        }
        spec[length] = conversion;
        spec[length + 1] = '\0';
        std::snprintf(text, sizeof text, spec, number);
        luaL_addstring(&out, text);
        break;
      }
      case 'q':
        if (length != 1) luaL_error(L, "'%%q' takes no modifiers");
        add_quoted(L, out, arg);
        break;
      case 's': {
        std::size_t shown = 0;
        const char* value = lua_push_text(L, arg, &shown);
        if (length == 1 || shown >= 400) {
          luaL_addvalue(&out);
          break;
        }
        if (std::strlen(value) != shown) luaL_argerror(L, arg, "string contains zeros");
        spec[length] = 's';
        spec[length + 1] = '\0';
        std::snprintf(text, sizeof text, spec, value);
        lua_pop(L, 1);
        luaL_addstring(&out, text);
        break;
      }
      case 'p': luaL_error(L, "'%%p' is not available: addresses differ from run to run"); break;
      default: luaL_error(L, "invalid conversion '%s%c' to 'format'", spec, conversion);
    }
  }
  luaL_pushresult(&out);
  return 1;
}

}  // namespace seqlab::scenarios
