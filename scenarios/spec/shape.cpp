#include "scenarios/spec/shape.hpp"

#include <algorithm>

namespace seqlab::scenarios {

void Reader::problem(const Position& at, std::string text, std::string hint) {
  problem_at(path_, at, std::move(text), std::move(hint));
}

void Reader::problem_at(std::string path, const Position& at, std::string text, std::string hint) {
  constexpr std::size_t most = 100;  // what follows is rarely news
  if (problems_.size() > most) return;
  if (problems_.size() == most) {
    problems_.push_back(Problem{at.file ? *at.file : "", 0, 0, {}, "more problems follow; these come first", {}});
    return;
  }
  problems_.push_back(
      Problem{at.file ? *at.file : "", at.line, at.column, std::move(path), std::move(text), std::move(hint)});
}

bool Reader::afford(const Value& value, std::size_t count) {
  constexpr std::size_t most = 1'000'000;
  if (count > most - expanded_) {
    problem(value, "ranges name more than a million nodes in this document");
    return false;
  }
  expanded_ += count;
  return true;
}

std::string describe(const Value& value) {
  switch (value.kind) {
    case Value::Kind::null: return "nothing";
    case Value::Kind::list: return "a list";
    case Value::Kind::map: return "a mapping";
    case Value::Kind::scalar: break;
  }
  const std::string shown = value.text.size() > 60 ? value.text.substr(0, 60) + "..." : value.text;
  return "`" + shown + "`";
}

namespace detail {

Value object_schema() {
  Value schema = Value::map();
  schema.add("type", Value::text_of("object"));
  schema.add("additionalProperties", Value::plain("false"));
  schema.add("properties", Value::map());
  return schema;
}

void add_property(Value& schema, const std::string& key, Value property, bool required) {
  schema.find("properties")->add(key, std::move(property));
  if (!required) return;
  if (schema.find("required") == nullptr) schema.add("required", Value::list());
  schema.find("required")->items.push_back(Value::text_of(key));
}

bool is_object(const Value& value, const std::vector<std::string>& known, Reader& reader) {
  if (!value.is_map()) {
    reader.problem(value, "expected a mapping, found " + describe(value), "{" + known.front() + ": ...}");
    return false;
  }
  for (const Value::Key& key : value.keys) {
    if (std::find(known.begin(), known.end(), key.text) != known.end()) continue;
    const std::string close = nearest(key.text, known);
    std::string hint;
    if (!close.empty()) {
      hint = "did you mean `" + close + "`?";
    } else {
      for (const std::string& name : known) hint += (hint.empty() ? "known here: " : ", ") + name;
    }
    reader.problem(key.at, "unknown key `" + key.text + "`", hint);
  }
  return true;
}

namespace {

Value string_schema(std::string_view pattern) {
  Value schema = Value::map();
  schema.add("type", Value::text_of("string")).add("pattern", Value::text_of(std::string{pattern}));
  return schema;
}

Value any_of(std::vector<Value> options) {
  Value schema = Value::map();
  schema.add("anyOf", Value::list(std::move(options)));
  return schema;
}

Value number_schema(const std::string& low, const std::string& high) {
  Value number = Value::map();
  number.add("type", Value::text_of("integer")).add("minimum", Value::plain(low)).add("maximum", Value::plain(high));
  return any_of({std::move(number), string_schema("^-?[0-9]+(_[0-9]+)*$")});
}

/// The plain scalar's text, or null after a report.
const std::string* bare_scalar(const Value& value, std::string_view form, Reader& reader) {
  if (value.is_scalar() && !value.quoted) return &value.text;
  if (value.is_scalar()) {
    reader.problem(value, "expected a bare value, found quoted text", "without quotes: " + std::string{form});
  } else {
    reader.problem(value, "found " + describe(value), std::string{form});
  }
  return nullptr;
}

/// A number, a unit and its bounds: the one reader of all quantities.
template <class T>
std::function<void(const Value&, T&, Reader&)> quantity(Parsed<T> (*parse)(std::string_view), std::string (*format)(T),
                                                        T low, T high, std::string_view form) {
  return [=](const Value& value, T& number, Reader& reader) {
    if (!value.is_scalar()) {
      reader.problem(value, "found " + describe(value), std::string{form});
      return;
    }
    const Parsed<T> parsed = parse(value.text);
    if (!parsed) {
      reader.problem(value, parsed.error, parsed.hint);
    } else if (parsed.value < low || parsed.value > high) {
      reader.problem(value, "`" + value.text + "` is out of range", format(low) + " ... " + format(high));
    } else {
      number = parsed.value;
    }
  };
}

template <class I>
Shape<I> number(Parsed<I> (*parse)(std::string_view), I low, I high) {
  Shape<I> out;
  const std::string low_text = std::to_string(low);
  const std::string high_text = std::to_string(high);
  out.schema = number_schema(low_text, high_text);
  out.form = "integer, " + low_text + " ... " + high_text;
  out.write = [](const I& value) -> std::optional<Value> { return Value::plain(std::to_string(value)); };
  out.read = [=](const Value& value, I& result, Reader& reader) {
    const std::string* text = bare_scalar(value, integer_form, reader);
    if (text == nullptr) return;
    const Parsed<I> parsed = parse(*text);
    if (!parsed) {
      reader.problem(value, parsed.error, parsed.hint);
    } else if (parsed.value < low || parsed.value > high) {
      reader.problem(value, "`" + *text + "` is out of range", low_text + " ... " + high_text);
    } else {
      result = parsed.value;
    }
  };
  return out;
}

}  // namespace

Shape<std::int64_t> signed_number(std::int64_t low, std::int64_t high) {
  return number<std::int64_t>(parse_integer, low, high);
}

Shape<std::uint64_t> unsigned_number(std::uint64_t low, std::uint64_t high) {
  return number<std::uint64_t>(parse_unsigned, low, high);
}

Shape<std::uint64_t> bounded_size(std::uint64_t low, std::uint64_t high) {
  Shape<std::uint64_t> out;
  out.schema = string_schema("^[0-9]+(_[0-9]+)*(\\.[0-9]+)?(B|KB|MB|GB|KiB|MiB|GiB)$");
  out.form = "size, " + format_size(low) + " ... " + format_size(high);
  out.write = [](const std::uint64_t& value) -> std::optional<Value> { return Value::plain(format_size(value)); };
  out.read = quantity<std::uint64_t>(parse_size, format_size, low, high, size_form);
  return out;
}

}  // namespace detail

Shape<bool> boolean() {
  Shape<bool> out;
  out.schema.add("type", Value::text_of("boolean"));
  out.form = "true | false";
  out.write = [](const bool& value) -> std::optional<Value> { return Value::plain(value ? "true" : "false"); };
  out.read = [](const Value& value, bool& result, Reader& reader) {
    const std::string* text = detail::bare_scalar(value, boolean_form, reader);
    if (text == nullptr) return;
    const Parsed<bool> parsed = parse_boolean(*text);
    if (parsed) {
      result = parsed.value;
    } else {
      reader.problem(value, parsed.error, parsed.hint);
    }
  };
  return out;
}

Shape<Duration> duration(Duration low, Duration high) {
  Shape<Duration> out;
  out.schema = detail::string_schema("^-?[0-9]+(_[0-9]+)*(\\.[0-9]+)?(ns|us|ms|s|m|h)$");
  out.form = "duration, " + format_duration(low) + " ... " + format_duration(high);
  out.write = [](const Duration& value) -> std::optional<Value> { return Value::plain(format_duration(value)); };
  out.read = detail::quantity<Duration>(parse_duration, format_duration, low, high, duration_form);
  return out;
}

Shape<Duration> duration_or(std::string word, Duration meaning, Duration low, Duration high) {
  Shape<Duration> out = duration(low, high);
  Value constant = Value::map();
  constant.add("const", Value::text_of(word));
  out.schema = detail::any_of({std::move(out.schema), std::move(constant)});
  out.form += ", or " + word;
  out.write = [word, meaning, write = out.write](const Duration& value) -> std::optional<Value> {
    if (value == meaning) return Value::text_of(word);
    return write(value);
  };
  out.read = [word, meaning, read = out.read](const Value& value, Duration& result, Reader& reader) {
    if (value.is_scalar() && value.text == word) {
      result = meaning;
    } else {
      read(value, result, reader);
    }
  };
  return out;
}

Shape<Ratio> ratio() {
  Shape<Ratio> out;
  Value number = Value::map();
  number.add("type", Value::text_of("number")).add("minimum", Value::plain("0")).add("maximum", Value::plain("1"));
  out.schema =
      detail::any_of({std::move(number), detail::string_schema("^[0-9]+(_[0-9]+)*(/[0-9]+(_[0-9]+)*|(\\.[0-9]+)?%)$")});
  out.form = "ratio, such as 1/200, 2% or 0";
  out.write = [](const Ratio& value) -> std::optional<Value> { return Value::plain(format_ratio(value)); };
  out.read = [](const Value& value, Ratio& result, Reader& reader) {
    if (!value.is_scalar()) {
      reader.problem(value, "found " + describe(value), std::string{ratio_form});
      return;
    }
    const Parsed<Ratio> parsed = parse_ratio(value.text);
    if (parsed) {
      result = parsed.value;
    } else {
      reader.problem(value, parsed.error, parsed.hint);
    }
  };
  return out;
}

Shape<std::int64_t> rate(std::int64_t low, std::int64_t high) {
  Shape<std::int64_t> out;
  out.schema = detail::string_schema("^[0-9]+(_[0-9]+)*(\\.[0-9]+)?tx/s$");
  out.form = "rate, " + format_rate(low) + " ... " + format_rate(high);
  out.write = [](const std::int64_t& value) -> std::optional<Value> { return Value::plain(format_rate(value)); };
  out.read = detail::quantity<std::int64_t>(parse_rate, format_rate, low, high, rate_form);
  return out;
}

Shape<std::uint64_t> bandwidth() {
  Shape<std::uint64_t> out;
  out.schema = detail::string_schema("^([0-9]+(_[0-9]+)*(\\.[0-9]+)?(bit|kbit|Mbit|Gbit)/s|unlimited)$");
  out.form = "bandwidth, such as 1Gbit/s, or unlimited";
  out.write = [](const std::uint64_t& value) -> std::optional<Value> { return Value::plain(format_bandwidth(value)); };
  out.read = detail::quantity<std::uint64_t>(parse_bandwidth, format_bandwidth, 0,
                                             std::numeric_limits<std::uint64_t>::max(), bandwidth_form);
  return out;
}

Shape<std::int64_t> ppm(std::int64_t high) {
  Shape<std::int64_t> out;
  Value zero = Value::map();
  zero.add("const", Value::plain("0"));
  out.schema = detail::any_of({detail::string_schema("^[0-9]+(_[0-9]+)*ppm$"), std::move(zero)});
  out.form = "parts per million, 0ppm ... " + format_ppm(high);
  out.write = [](const std::int64_t& value) -> std::optional<Value> { return Value::plain(format_ppm(value)); };
  out.read = detail::quantity<std::int64_t>(parse_ppm, format_ppm, 0, high, ppm_form);
  return out;
}

Shape<NodeId> node() {
  Shape<NodeId> out;
  out.schema = detail::string_schema("^n(0|[1-9][0-9]{0,4})$");
  out.form = "node, such as n3";
  out.write = [](const NodeId& value) -> std::optional<Value> { return Value::plain(format_node(value)); };
  out.read = [](const Value& value, NodeId& result, Reader& reader) {
    if (!value.is_scalar()) {
      reader.problem(value, "found " + describe(value), std::string{node_form});
      return;
    }
    const Parsed<NodeRange> parsed = parse_nodes(value.text);
    if (!parsed) {
      reader.problem(value, parsed.error, std::string{node_form});
    } else if (parsed.value.first != parsed.value.last) {
      reader.problem(value, "`" + value.text + "` are several nodes", std::string{node_form});
    } else {
      result = NodeId{parsed.value.first};
    }
  };
  return out;
}

Shape<std::vector<NodeId>> nodes() {
  Shape<std::vector<NodeId>> out;
  const Value one = detail::string_schema("^n(0|[1-9][0-9]{0,4})(\\.\\.n(0|[1-9][0-9]{0,4}))?$");
  Value list = Value::map();
  list.add("type", Value::text_of("array")).add("items", one);
  out.schema = detail::any_of({one, std::move(list)});
  out.form = "nodes, such as n3, n0..n4 or [n0, n2..n4]";
  out.write = [](const std::vector<NodeId>& list_of_nodes) -> std::optional<Value> {
    Value value = Value::list();
    for (std::size_t i = 0; i < list_of_nodes.size();) {
      std::size_t end = i + 1;
      while (end < list_of_nodes.size() && list_of_nodes[end].value == list_of_nodes[end - 1].value + 1) ++end;
      if (end - i >= 3) {
        value.items.push_back(Value::plain(format_node(list_of_nodes[i]) + ".." + format_node(list_of_nodes[end - 1])));
      } else {
        for (std::size_t k = i; k < end; ++k) value.items.push_back(Value::plain(format_node(list_of_nodes[k])));
      }
      i = end;
    }
    return value;
  };
  out.read = [](const Value& value, std::vector<NodeId>& result, Reader& reader) {
    result.clear();
    std::vector<bool> seen;
    const auto take = [&](const Value& item) {
      if (!item.is_scalar()) {
        reader.problem(item, "found " + describe(item), "a node name, such as n3, or a range, such as n0..n4");
        return;
      }
      const Parsed<NodeRange> parsed = parse_nodes(item.text);
      if (!parsed) {
        reader.problem(item, parsed.error, parsed.hint);
        return;
      }
      if (!reader.afford(item, parsed.value.last - parsed.value.first + std::size_t{1})) return;
      if (seen.size() <= parsed.value.last) seen.resize(parsed.value.last + 1, false);
      for (std::uint32_t n = parsed.value.first; n <= parsed.value.last; ++n) {
        if (seen[n]) {
          reader.problem(item, format_node(NodeId{n}) + " is named twice");
          return;
        }
        seen[n] = true;
        result.push_back(NodeId{n});
      }
    };
    if (!value.is_list()) {
      take(value);
      return;
    }
    for (std::size_t i = 0; i < value.items.size(); ++i) {
      const Reader::Step step(reader, i);
      take(value.items[i]);
    }
  };
  return out;
}

Shape<std::string> text(std::string form) {
  Shape<std::string> out;
  out.schema.add("type", Value::text_of("string"));
  out.form = form;
  out.write = [](const std::string& value) -> std::optional<Value> { return Value::text_of(value); };
  out.read = [form](const Value& value, std::string& result, Reader& reader) {
    if (value.is_scalar()) {
      result = value.text;
    } else {
      reader.problem(value, "found " + describe(value), form);
    }
  };
  return out;
}

namespace {

bool looks_like_number(std::string_view text) {
  if (!text.empty() && text.front() == '-') text.remove_prefix(1);
  return !text.empty() && text.front() >= '0' && text.front() <= '9' &&
         text.find_first_not_of("0123456789_") == std::string_view::npos;
}

}  // namespace

Shape<std::map<std::string, ParamValue>> script_parameters() {
  Shape<std::map<std::string, ParamValue>> out;
  Value texts = Value::map();
  Value strings = Value::map();
  strings.add("type", Value::text_of("string"));
  texts.add("type", Value::text_of("array")).add("items", strings);
  Value scalar = Value::map();
  scalar.add("type", Value::list({Value::text_of("boolean"), Value::text_of("integer"), Value::text_of("string")}));
  out.schema.add("type", Value::text_of("object")).add("additionalProperties", detail::any_of({scalar, texts}));
  out.form = "mapping of names to true | false, integers, texts or lists of texts";
  out.write = [](const std::map<std::string, ParamValue>& params) -> std::optional<Value> {
    Value map = Value::map();
    for (const auto& entry : params) {
      if (const bool* flag = std::get_if<bool>(&entry.second)) {
        map.add(entry.first, Value::plain(*flag ? "true" : "false"));
      } else if (const std::int64_t* number = std::get_if<std::int64_t>(&entry.second)) {
        map.add(entry.first, Value::plain(std::to_string(*number)));
      } else if (const std::string* word = std::get_if<std::string>(&entry.second)) {
        map.add(entry.first, Value::text_of(*word));
      } else {
        Value list = Value::list();
        for (const std::string& item : std::get<std::vector<std::string>>(entry.second))
          list.items.push_back(Value::text_of(item));
        map.add(entry.first, std::move(list));
      }
    }
    return map;
  };
  out.read = [](const Value& value, std::map<std::string, ParamValue>& params, Reader& reader) {
    params.clear();
    if (!value.is_map()) {
      reader.problem(value, "expected a mapping, found " + describe(value), "{name: value}");
      return;
    }
    for (std::size_t i = 0; i < value.items.size(); ++i) {
      const Value& item = value.items[i];
      const Reader::Step step(reader, value.keys[i].text);
      constexpr std::string_view form = "true, false, a whole number, a text, or a list of texts";
      if (item.is_list()) {
        std::vector<std::string> texts;
        for (const Value& entry : item.items) {
          if (entry.is_scalar()) {
            texts.push_back(entry.text);
          } else {
            reader.problem(entry, "found " + describe(entry) + " in a list", std::string{form});
          }
        }
        params[value.keys[i].text] = std::move(texts);
      } else if (!item.is_scalar()) {
        reader.problem(item, "found " + describe(item), std::string{form});
      } else if (item.quoted) {
        params[value.keys[i].text] = item.text;
      } else if (const Parsed<bool> flag = parse_boolean(item.text)) {
        params[value.keys[i].text] = flag.value;
      } else if (const Parsed<std::int64_t> number = parse_integer(item.text)) {
        params[value.keys[i].text] = number.value;
      } else if (looks_like_number(item.text)) {
        reader.problem(item, number.error, number.hint + "; a text of digits takes quotes");
      } else {
        params[value.keys[i].text] = item.text;
      }
    }
  };
  return out;
}

}  // namespace seqlab::scenarios
