#include "scenarios/spec/value.hpp"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <map>
#include <sstream>

namespace seqlab::scenarios {

Value Value::plain(std::string text) {
  Value out;
  out.kind = Kind::scalar;
  out.text = std::move(text);
  return out;
}

Value Value::text_of(std::string text) {
  Value out = plain(std::move(text));
  out.quoted = true;
  return out;
}

Value Value::list(std::vector<Value> items) {
  Value out;
  out.kind = Kind::list;
  out.items = std::move(items);
  return out;
}

Value Value::map() {
  Value out;
  out.kind = Kind::map;
  return out;
}

Value& Value::add(std::string key, Value value) {
  keys.push_back(Key{std::move(key), {}});
  items.push_back(std::move(value));
  return *this;
}

const Value* Value::find(std::string_view key) const {
  if (kind != Kind::map) return nullptr;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (keys[i].text == key) return &items[i];
  }
  return nullptr;
}

Value* Value::find(std::string_view key) { return const_cast<Value*>(std::as_const(*this).find(key)); }

// ---- reading ------------------------------------------------------------------------------------------------------

namespace {

/// Ends the parse: the problem has been noted.
struct GiveUp {};

struct Size {
  std::size_t values = 0;
  std::size_t bytes = 0;
};

Size size_of(const Value& value) {
  Size out{1, value.text.size()};
  for (const Value::Key& key : value.keys) out.bytes += key.text.size();
  for (const Value& item : value.items) {
    const Size inner = size_of(item);
    out.values += inner.values;
    out.bytes += inner.bytes;
  }
  return out;
}

class TreeBuilder final : public YAML::EventHandler {
 public:
  TreeBuilder(std::shared_ptr<const std::string> file, bool with_lines, const DocumentLimits& limits,
              std::vector<Problem>& problems)
      : file_(std::move(file)), with_lines_(with_lines), limits_(limits), problems_(problems) {}

  std::unique_ptr<Value> take() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    charge({1, 0}, mark);
    Value value;
    value.at = position(mark);
    finish(std::move(value), anchor, mark);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end()) {
      problem(position(mark), "this alias stands inside the value that it names", "write the value out");
      throw GiveUp{};
    }
    charge(size_of(found->second), mark);
    finish(found->second, 0, mark);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& text) override {
    charge({1, text.size()}, mark);
    refuse_tag(mark, tag);
    Value value = Value::plain(text);
    value.quoted = tag != "?";
    value.at = position(mark);
    finish(std::move(value), anchor, mark);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(Value::list(), mark, tag, anchor);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(Value::map(), mark, tag, anchor);
  }
  void OnMapEnd() override { close(); }

 private:
  struct Frame {
    Value value;
    YAML::anchor_t anchor = 0;
    YAML::Mark mark;
    bool has_key = false;  // map: the key was read, its value comes next
    bool keep = true;      // map: the value belongs to a usable key
    Value::Key key;
  };

  Position position(const YAML::Mark& mark) const {
    if (!with_lines_ || mark.is_null()) return {file_, 0, 0};
    return {file_, mark.line + 1, mark.column + 1};
  }

  /// Of the innermost open collection.
  std::string path() const {
    std::string out;
    for (std::size_t i = 0; i + 1 < stack_.size(); ++i) {
      const Frame& frame = stack_[i];
      if (frame.value.kind == Value::Kind::list) {
        out += '[' + std::to_string(frame.value.items.size()) + ']';
      } else {
        out += (out.empty() ? "" : ".") + frame.key.text;
      }
    }
    return out;
  }

  void problem(const Position& at, std::string text, std::string hint) {
    problems_.push_back(Problem{*file_, at.line, at.column, path(), std::move(text), std::move(hint)});
    if (problems_.size() >= 100) throw GiveUp{};
  }

  void charge(Size size, const YAML::Mark& mark) {
    used_.values += size.values;
    used_.bytes += size.bytes;
    if (used_.values > limits_.values || used_.bytes > 4 * limits_.bytes) {
      problem(position(mark), "the document grows beyond " + std::to_string(limits_.values) + " values",
              "large tables belong into files of their own");
      throw GiveUp{};
    }
  }

  void refuse_tag(const YAML::Mark& mark, const std::string& tag) {
    if (tag.empty() || tag == "?" || tag == "!") return;
    problem(position(mark), "the tag `" + tag.substr(0, 60) + "` is not supported", "values carry no tags here");
    throw GiveUp{};
  }

  void open(Value value, const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
    charge({1, 0}, mark);
    refuse_tag(mark, tag);
    if (stack_.size() >= limits_.depth) {
      problem(position(mark), "nested deeper than " + std::to_string(limits_.depth) + " levels", {});
      throw GiveUp{};
    }
    value.at = position(mark);
    Frame frame;
    frame.value = std::move(value);
    frame.anchor = anchor;
    frame.mark = mark;
    stack_.push_back(std::move(frame));
  }

  void close() {
    Frame frame = std::move(stack_.back());
    stack_.pop_back();
    finish(std::move(frame.value), frame.anchor, frame.mark);
  }

  void finish(Value value, YAML::anchor_t anchor, const YAML::Mark& mark) {
    if (anchor != 0) {
      charge(size_of(value), mark);
      anchors_[anchor] = value;
    }
    if (stack_.empty()) {
      root_ = std::make_unique<Value>(std::move(value));
      return;
    }
    Frame& frame = stack_.back();
    if (frame.value.kind == Value::Kind::list) {
      frame.value.items.push_back(std::move(value));
    } else if (!frame.has_key) {
      take_key(frame, value);
    } else {
      frame.has_key = false;
      if (!frame.keep) return;
      if (value.kind == Value::Kind::null) value.at = frame.key.at;  // nothing was written: show the key
      frame.value.keys.push_back(std::move(frame.key));
      frame.value.items.push_back(std::move(value));
    }
  }

  void take_key(Frame& frame, const Value& value) {
    frame.has_key = true;
    frame.keep = false;
    if (value.kind != Value::Kind::scalar) {
      problem(value.at, "a key must be a name", "key: value");
      return;
    }
    if (value.text == "<<" && !value.quoted) {
      problem(value.at, "merge keys (`<<`) are not supported", "repeat the keys, or share a file through `use:`");
      return;
    }
    if (value.text.size() > 200) {
      problem(value.at, "a key of " + std::to_string(value.text.size()) + " characters", {});
      return;
    }
    const auto same = std::find_if(frame.value.keys.begin(), frame.value.keys.end(),
                                   [&](const Value::Key& k) { return k.text == value.text; });
    if (same != frame.value.keys.end()) {
      const std::string first = same->at.line > 0 ? "first in line " + std::to_string(same->at.line) : "given before";
      problem(value.at, "the key `" + value.text + "` is repeated", first + "; each key may stand once");
      return;
    }
    if (frame.value.keys.size() >= 500) {
      problem(value.at, "more than 500 keys in one mapping", {});
      throw GiveUp{};
    }
    frame.key = {value.text, value.at};
    frame.keep = true;
  }

  std::shared_ptr<const std::string> file_;
  bool with_lines_;
  DocumentLimits limits_;
  std::vector<Problem>& problems_;
  std::vector<Frame> stack_;
  std::map<YAML::anchor_t, Value> anchors_;
  std::unique_ptr<Value> root_;
  Size used_;
};

/// Bytes of the UTF-8 sequence that begins here, 0 if it is none.
std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return 1;
  const std::size_t length = lead >= 0xf0 && lead <= 0xf4  ? 4
                             : lead >= 0xe0 && lead < 0xf0 ? 3
                             : lead >= 0xc2 && lead < 0xe0 ? 2
                                                           : 0;
  if (length == 0 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0U) != 0x80) return 0;
  }
  if ((lead == 0xe0 && byte(1) < 0xa0) || (lead == 0xed && byte(1) >= 0xa0) || (lead == 0xf0 && byte(1) < 0x90) ||
      (lead == 0xf4 && byte(1) >= 0x90)) {
    return 0;  // overlong, surrogate, beyond U+10FFFF
  }
  return length;
}

/// yaml-cpp takes byte 4 for the end of the file and passes damaged UTF-8 on; neither may happen silently.
bool is_clean_text(std::string_view text, const std::string& file, bool with_lines, std::vector<Problem>& problems) {
  int line = 1;
  int column = 1;
  for (std::size_t i = 0; i < text.size();) {
    const auto c = static_cast<unsigned char>(text[i]);
    const std::size_t length = utf8_length(text.substr(i));
    const bool control = (c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7f;
    if (length == 0 || control) {
      const std::string what =
          control ? "a control character (byte " + std::to_string(c) + ")" : "a byte that is not UTF-8";
      problems.push_back(Problem{file, with_lines ? line : 0, with_lines ? column : 0, {}, what, "plain UTF-8 text"});
      return false;
    }
    if (c == '\n') {
      ++line;
      column = 1;
    } else {
      ++column;
    }
    i += length;
  }
  return true;
}

}  // namespace

std::unique_ptr<Value> read_yaml(std::string_view text, const std::string& file, std::vector<Problem>& problems,
                                 bool with_lines, const DocumentLimits& limits) {
  if (text.size() > limits.bytes) {
    problems.push_back(Problem{file, 0, 0, {}, "larger than " + std::to_string(limits.bytes >> 20U) + " MiB", {}});
    return nullptr;
  }
  if (!is_clean_text(text, file, with_lines, problems)) return nullptr;
  const auto name = std::make_shared<const std::string>(file);
  TreeBuilder builder(name, with_lines, limits, problems);
  try {
    std::istringstream stream{std::string{text}};
    YAML::Parser parser(stream);
    if (!parser.HandleNextDocument(builder)) {
      problems.push_back(Problem{file, 0, 0, {}, "the document is empty", {}});
      return nullptr;
    }
    std::unique_ptr<Value> root = builder.take();
    if (parser.HandleNextDocument(builder)) {
      problems.push_back(
          Problem{file, 0, 0, {}, "more than one YAML document", "one scenario a file, without `---` between"});
      return nullptr;
    }
    return root;
  } catch (const YAML::Exception& e) {
    const bool known = with_lines && !e.mark.is_null();
    problems.push_back(
        Problem{file, known ? e.mark.line + 1 : 0, known ? e.mark.column + 1 : 0, {}, "not YAML: " + e.msg, {}});
  } catch (const GiveUp&) {
  }
  return nullptr;
}

// ---- writing ------------------------------------------------------------------------------------------------------

namespace {

constexpr std::size_t line_width = 116;

bool is_word(std::string_view text) {
  if (text.empty() || text.size() > 100) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    const bool later = (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.' || c == '/';
    if (!letter && (i == 0 || !later)) return false;
  }
  // What some reader of YAML takes for a boolean or for nothing.
  constexpr std::array<std::string_view, 8> taken{"true", "false", "null", "yes", "no", "on", "off", "y"};
  std::string lower{text};
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return lower != "n" && std::find(taken.begin(), taken.end(), lower) == taken.end();
}

std::string quoted(std::string_view text, bool json) {
  constexpr std::string_view hex = "0123456789abcdef";
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (c == '\r') {
      out += "\\r";
    } else if (byte < 0x20 || byte == 0x7f) {
      out += json ? "\\u00" : "\\x";
      out += hex[byte >> 4U];
      out += hex[byte & 15U];
    } else {
      out += c;
    }
  }
  return out + "\"";
}

std::string scalar_text(const Value& value) {
  if (value.kind == Value::Kind::null) return "null";
  if (!value.quoted || is_word(value.text)) return value.text;
  return quoted(value.text, false);
}

std::string key_text(const std::string& key) { return is_word(key) ? key : quoted(key, false); }

/// Whether the text reads back unchanged from a literal block (`|`).
bool suits_block(const Value& value) {
  if (!value.is_scalar() || !value.quoted) return false;
  const std::string& text = value.text;
  if (text.find('\n') == std::string::npos || text.front() == ' ' || text.front() == '\t' || text.front() == '\n')
    return false;
  if (text.size() >= 2 && text[text.size() - 1] == '\n' && text[text.size() - 2] == '\n') return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if ((c < 0x20 && c != '\n' && c != '\t') || c == 0x7f) return false;
    // A line of blanks alone, or a tab before the text, is at the mercy of the reader.
    const bool line_start = i > 0 && text[i - 1] == '\n';
    if (line_start && (c == ' ' || c == '\t')) {
      const std::size_t end = text.find_first_not_of(" ", i);
      if (end == std::string::npos || text[end] == '\n' || text[end] == '\t') return false;
    }
  }
  return true;
}

/// The value on one line, or "" if that takes more than `room` characters or needs a block.
std::string inline_text(const Value& value, std::size_t room) {
  std::string out;
  switch (value.kind) {
    case Value::Kind::null:
    case Value::Kind::scalar:
      if (suits_block(value)) return {};
      return scalar_text(value);  // never wrapped, however long
    case Value::Kind::list:
      out = "[";
      for (std::size_t i = 0; i < value.items.size(); ++i) {
        const std::string item = inline_text(value.items[i], room);
        if (item.empty()) return {};
        out += (i == 0 ? "" : ", ") + item;
        if (out.size() > room) return {};
      }
      return out + "]";
    case Value::Kind::map:
      out = "{";
      for (std::size_t i = 0; i < value.items.size(); ++i) {
        const std::string item = inline_text(value.items[i], room);
        if (item.empty()) return {};
        out += (i == 0 ? "" : ", ") + key_text(value.keys[i].text) + ": " + item;
        if (out.size() > room) return {};
      }
      return out + "}";
  }
  return {};
}

void write_block(const Value& value, std::size_t indent, std::string& out);

/// What stands behind "key:" or "-", line end included. `indent` is that of the key.
void write_after(const Value& value, std::size_t indent, bool in_list, std::string& out) {
  const std::string margin(indent, ' ');
  const std::string line = inline_text(value, line_width > indent + 20 ? line_width - indent - 20 : 20);
  if (!line.empty()) {
    out += ' ' + line + '\n';
  } else if (value.is_scalar()) {
    out += value.text.back() == '\n' ? " |\n" : " |-\n";
    const std::string inner(indent + 2, ' ');
    for (std::size_t i = 0; i < value.text.size();) {
      const std::size_t end = std::min(value.text.find('\n', i), value.text.size());
      if (end > i) out += inner + value.text.substr(i, end - i);
      out += '\n';
      i = end + 1;
    }
  } else if (in_list && value.is_map()) {
    std::string block;
    write_block(value, indent + 2, block);
    out += ' ' + block.substr(indent + 2);
  } else {
    out += '\n';
    write_block(value, indent + 2, out);
  }
}

void write_block(const Value& value, std::size_t indent, std::string& out) {
  const std::string margin(indent, ' ');
  for (std::size_t i = 0; i < value.items.size(); ++i) {
    if (value.is_map()) {
      out += margin + key_text(value.keys[i].text) + ":";
    } else {
      out += margin + "-";
    }
    write_after(value.items[i], indent, value.is_list(), out);
  }
}

bool is_json_token(const Value& value) {
  if (value.quoted) return false;
  const std::string& t = value.text;
  if (t == "true" || t == "false" || t == "null") return true;
  std::size_t i = !t.empty() && t[0] == '-' ? 1 : 0;
  if (i == t.size() || (t[i] == '0' && t.size() > i + 1 && t[i + 1] != '.')) return false;
  bool dot = false;
  for (; i < t.size(); ++i) {
    if (t[i] == '.' && !dot && i + 1 < t.size()) {
      dot = true;
    } else if (t[i] < '0' || t[i] > '9') {
      return false;
    }
  }
  return true;
}

void one_line_json(const Value& value, std::string& out) {
  if (value.kind == Value::Kind::null) {
    out += "null";
  } else if (value.is_scalar()) {
    out += is_json_token(value) ? value.text : quoted(value.text, true);
  } else {
    out += value.is_map() ? '{' : '[';
    for (std::size_t i = 0; i < value.items.size(); ++i) {
      if (i != 0) out += ", ";
      if (value.is_map()) out += quoted(value.keys[i].text, true) + ": ";
      one_line_json(value.items[i], out);
    }
    out += value.is_map() ? '}' : ']';
  }
}

void json(const Value& value, std::size_t indent, std::size_t width, std::string& out) {
  const std::string margin(indent + 2, ' ');
  if (width != 0 && indent != 0) {
    const std::size_t before = out.size();
    one_line_json(value, out);
    if (out.size() - before + indent <= width) return;
    out.resize(before);
  }
  if (value.kind == Value::Kind::null) {
    out += "null";
  } else if (value.is_scalar()) {
    out += is_json_token(value) ? value.text : quoted(value.text, true);
  } else {
    const bool is_map = value.is_map();
    const bool flat =
        !is_map && std::all_of(value.items.begin(), value.items.end(), [](const Value& v) { return v.is_scalar(); });
    out += is_map ? '{' : '[';
    for (std::size_t i = 0; i < value.items.size(); ++i) {
      if (i != 0) out += flat ? ", " : ",";
      if (!flat) out += '\n' + margin;
      if (is_map) out += quoted(value.keys[i].text, true) + ": ";
      json(value.items[i], indent + 2, width, out);
    }
    if (!flat && !value.items.empty()) out += '\n' + std::string(indent, ' ');
    out += is_map ? '}' : ']';
  }
}

}  // namespace

std::string write_yaml(const Value& value) {
  std::string out;
  if (value.items.empty()) return inline_text(value, line_width) + "\n";
  write_block(value, 0, out);
  return out;
}

std::string write_json(const Value& value, std::size_t width) {
  std::string out;
  json(value, 0, width, out);
  return out + "\n";
}

// ---- paths --------------------------------------------------------------------------------------------------------

std::vector<PathStep> parse_path(std::string_view path) {
  std::vector<PathStep> steps;
  std::size_t i = 0;
  while (i < path.size()) {
    if (path[i] == '[') {
      const std::size_t end = path.find(']', i);
      if (end == std::string_view::npos || end == i + 1 || end - i > 7 || steps.empty()) return {};
      std::size_t index = 0;
      for (const char c : path.substr(i + 1, end - i - 1)) {
        if (c < '0' || c > '9') return {};
        index = index * 10 + static_cast<std::size_t>(c - '0');
      }
      steps.push_back(PathStep{{}, index});
      i = end + 1;
      if (i < path.size() && path[i] != '.' && path[i] != '[') return {};
      continue;
    }
    if (path[i] == '.') {
      if (steps.empty() || i + 1 == path.size()) return {};
      ++i;
    }
    const std::size_t end = std::min(path.find_first_of(".[", i), path.size());
    if (end == i) return {};
    steps.push_back(PathStep{std::string{path.substr(i, end - i)}, 0});
    i = end;
    if (steps.size() > 30) return {};
  }
  return steps;
}

const Value& deepest(const Value& root, std::string_view path) {
  const Value* at = &root;
  for (const PathStep& step : parse_path(path)) {
    const Value* next = nullptr;
    if (!step.key.empty()) {
      next = at->find(step.key);
    } else if (at->is_list() && step.index < at->items.size()) {
      next = &at->items[step.index];
    }
    if (next == nullptr) break;
    at = next;
  }
  return *at;
}

}  // namespace seqlab::scenarios
