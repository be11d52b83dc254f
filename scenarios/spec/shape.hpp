// How each type of value is written: read it, write it back, describe it. The table of keys (table.cpp) is built from
// these, and parsing, defaults, `to_yaml`, the JSON Schema and the reference all walk that one table.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "scenarios/spec/scenario.hpp"
#include "scenarios/spec/units.hpp"
#include "scenarios/spec/value.hpp"

namespace seqlab::scenarios {

/// Collects problems while a tree is decoded, and knows the path to the value at hand.
class Reader {
 public:
  explicit Reader(std::vector<Problem>& problems) : problems_(problems) {}

  void problem(const Position& at, std::string text, std::string hint = {});
  void problem(const Value& value, std::string text, std::string hint = {}) {
    problem(value.at, std::move(text), std::move(hint));
  }
  /// For checks that come after decoding.
  void problem_at(std::string path, const Position& at, std::string text, std::string hint = {});

  /// Books room for what ranges expand to; false, after a report, when a document has had a million.
  bool afford(const Value& value, std::size_t count);

  /// Extends the path while it lives.
  class Step {
   public:
    Step(Reader& reader, std::string_view key) : reader_(reader), size_(reader.path_.size()) {
      if (!reader.path_.empty()) reader.path_ += '.';
      reader.path_ += key;
    }
    Step(Reader& reader, std::size_t index) : reader_(reader), size_(reader.path_.size()) {
      reader.path_ += '[' + std::to_string(index) + ']';
    }
    Step(const Step&) = delete;
    Step& operator=(const Step&) = delete;
    ~Step() { reader_.path_.resize(size_); }

   private:
    Reader& reader_;
    std::size_t size_;
  };

 private:
  std::vector<Problem>& problems_;
  std::string path_;
  std::size_t expanded_ = 0;
};

/// "a mapping", "a list", "nothing" or the text itself: for "expected ..., found ...".
std::string describe(const Value& value);

template <class T>
struct Shape {
  std::function<void(const Value&, T&, Reader&)> read;
  std::function<std::optional<Value>(const T&)> write;  ///< nothing: the key is left out
  Value schema = Value::map();                          ///< JSON Schema of the value
  std::string form;                                     ///< the type in words, for the reference
};

/// One key of an object: the only place where it is described.
template <class T>
struct Field {
  std::string key;
  std::function<void(const Value&, T&, Reader&)> read;
  std::function<std::optional<Value>(const T&)> write;
  Value schema;
  std::string form;
  std::string doc;
  bool required = false;
  std::function<bool(const T&)> applies;  ///< null: always
  std::string condition;                  ///< when it applies, in words

  Field& only(std::string when, std::function<bool(const T&)> test) {
    condition = std::move(when);
    applies = std::move(test);
    doc += " Only with " + condition + ".";
    schema.find("description")->text = doc;
    return *this;
  }
  Field& must() {
    required = true;
    return *this;
  }
};

/// @param access  pointer to member, or a generic lambda that returns a reference into its argument
template <class T, class Access, class M>
Field<T> field(std::string key, Access access, Shape<M> shape, std::string doc) {
  Field<T> out;
  out.key = std::move(key);
  out.doc = std::move(doc);
  out.form = shape.form;
  out.read = [access, read = std::move(shape.read)](const Value& value, T& object, Reader& reader) {
    read(value, std::invoke(access, object), reader);
  };
  out.write = [access, write = std::move(shape.write)](const T& object) { return write(std::invoke(access, object)); };
  out.schema = std::move(shape.schema);
  out.schema.add("description", Value::text_of(out.doc));
  out.schema.add("$comment", Value::text_of(out.form));
  const T defaults{};
  std::optional<Value> value = out.write(defaults);
  if (value && !value->is_map()) out.schema.add("default", std::move(*value));  // a mapping's keys have their own
  return out;
}

namespace detail {
Value object_schema();
void add_property(Value& schema, const std::string& key, Value property, bool required);
/// Reports unknown keys; false if `value` is no mapping at all.
bool is_object(const Value& value, const std::vector<std::string>& known, Reader& reader);
}  // namespace detail

/// A mapping with closed keys. The schemas of the fields move into its own. @param finish  looks at the decoded whole,
/// may be null
template <class T>
Shape<T> object(std::vector<Field<T>> fields, std::function<void(const Value&, T&, Reader&)> finish = nullptr) {
  Shape<T> out;
  out.form = "mapping";
  out.schema = detail::object_schema();
  for (Field<T>& f : fields) detail::add_property(out.schema, f.key, std::move(f.schema), f.required);
  // Shared, as shapes are copied into the shapes around them.
  const auto shared = std::make_shared<const std::vector<Field<T>>>(std::move(fields));
  out.write = [shared](const T& object) -> std::optional<Value> {
    Value map = Value::map();
    for (const Field<T>& f : *shared) {
      if (f.applies && !f.applies(object)) continue;
      if (std::optional<Value> value = f.write(object)) map.add(f.key, std::move(*value));
    }
    return map;
  };
  out.read = [shared, finish = std::move(finish)](const Value& value, T& object, Reader& reader) {
    const std::vector<Field<T>>& fields = *shared;
    std::vector<std::string> known;
    for (const Field<T>& f : fields) known.push_back(f.key);
    if (!detail::is_object(value, known, reader)) return;
    for (const Field<T>& f : fields) {
      const Value* item = value.find(f.key);
      if (item == nullptr) {
        if (f.required)
          reader.problem(value, "the key `" + f.key + "` is missing", f.form.size() <= 120 ? f.form : f.doc);
        continue;
      }
      const Reader::Step step(reader, f.key);
      if (item->kind == Value::Kind::null) {
        reader.problem(*item, "has no value", "remove the key to take its default");
      } else {
        f.read(*item, object, reader);
      }
    }
    for (const Field<T>& f : fields) {
      if (!f.applies || f.applies(object)) continue;
      const Value* item = value.find(f.key);
      if (item == nullptr) continue;
      const Reader::Step step(reader, f.key);
      reader.problem(*item, "has no meaning here", "it belongs to " + f.condition);
    }
    if (finish) finish(value, object, reader);
  };
  return out;
}

// ---- scalars ------------------------------------------------------------------------------------------------------

namespace detail {
Shape<std::int64_t> signed_number(std::int64_t low, std::int64_t high);
Shape<std::uint64_t> unsigned_number(std::uint64_t low, std::uint64_t high);
Shape<std::uint64_t> bounded_size(std::uint64_t low, std::uint64_t high);

/// The same shape for a narrower type. @pre the shape's range fits it
template <class To, class From>
Shape<To> narrowed(Shape<From> wide) {
  Shape<To> out;
  out.schema = std::move(wide.schema);
  out.form = std::move(wide.form);
  out.write = [write = wide.write](const To& value) { return write(static_cast<From>(value)); };
  out.read = [read = std::move(wide.read)](const Value& value, To& number, Reader& reader) {
    From wide_number = static_cast<From>(number);
    read(value, wide_number, reader);
    number = static_cast<To>(wide_number);
  };
  return out;
}
}  // namespace detail

template <class I>
Shape<I> integer(I low, I high) {
  if constexpr (std::is_signed_v<I>) {
    return detail::narrowed<I>(detail::signed_number(low, high));
  } else {
    return detail::narrowed<I>(detail::unsigned_number(low, high));
  }
}

template <class I>
Shape<I> size(I low, I high) {
  return detail::narrowed<I>(detail::bounded_size(low, high));
}

Shape<bool> boolean();
Shape<Duration> duration(Duration low, Duration high);
/// As `duration`, with a word for what no duration says.
Shape<Duration> duration_or(std::string word, Duration meaning, Duration low, Duration high);
Shape<Ratio> ratio();
Shape<std::int64_t> rate(std::int64_t low, std::int64_t high);
Shape<std::uint64_t> bandwidth();
Shape<std::int64_t> ppm(std::int64_t high);
Shape<NodeId> node();
/// `n3`, `n0..n4`, or a list of such. Nobody twice.
Shape<std::vector<NodeId>> nodes();
/// One line or more. @param form  for messages
Shape<std::string> text(std::string form = "text");
Shape<std::map<std::string, ParamValue>> script_parameters();

template <class E>
Shape<E> choice(std::vector<std::pair<std::string, E>> options) {
  Shape<E> out;
  std::vector<std::string> names;
  Value words = Value::list();
  for (const auto& option : options) {
    names.push_back(option.first);
    words.items.push_back(Value::text_of(option.first));
    out.form += (out.form.empty() ? "" : " | ") + option.first;
  }
  out.schema.add("enum", std::move(words));
  out.write = [options](const E& value) -> std::optional<Value> {
    for (const auto& option : options) {
      if (option.second == value) return Value::text_of(option.first);
    }
    return std::nullopt;
  };
  out.read = [options = std::move(options), names, form = out.form](const Value& value, E& e, Reader& reader) {
    for (const auto& option : options) {
      if (value.is_scalar() && value.text == option.first) {
        e = option.second;
        return;
      }
    }
    const std::string close = value.is_scalar() ? nearest(value.text, names) : "";
    std::string hint = close.empty() ? "" : "did you mean `" + close + "`?";
    if (close.empty() || names.size() <= 12) hint += (hint.empty() ? "one of: " : " one of: ") + form;
    reader.problem(value, describe(value) + " is none of the choices", std::move(hint));
  };
  return out;
}

// ---- compositions -------------------------------------------------------------------------------------------------

/// @param items_max  more are refused
template <class T>
Shape<std::vector<T>> list_of(Shape<T> item, std::size_t items_max = 10'000) {
  Shape<std::vector<T>> out;
  out.form = "list of " + item.form;
  out.schema.add("type", Value::text_of("array")).add("items", item.schema);
  out.write = [write = item.write](const std::vector<T>& list) -> std::optional<Value> {
    Value value = Value::list();
    for (const T& entry : list) value.items.push_back(write(entry).value_or(Value{}));
    return value;
  };
  out.read = [read = std::move(item.read), items_max](const Value& value, std::vector<T>& list, Reader& reader) {
    list.clear();
    if (!value.is_list()) {
      reader.problem(value, "expected a list, found " + describe(value), "[a, b, ...]");
      return;
    }
    if (value.items.size() > items_max) {
      reader.problem(value, std::to_string(value.items.size()) + " entries", "at most " + std::to_string(items_max));
      return;
    }
    for (std::size_t i = 0; i < value.items.size(); ++i) {
      const Reader::Step step(reader, i);
      T entry{};
      read(value.items[i], entry, reader);
      list.push_back(std::move(entry));
    }
  };
  return out;
}

template <class T>
Shape<std::optional<T>> optional(Shape<T> inner) {
  Shape<std::optional<T>> out;
  out.form = inner.form;
  out.schema = std::move(inner.schema);
  out.write = [write = inner.write](const std::optional<T>& value) -> std::optional<Value> {
    if (!value) return std::nullopt;
    return write(*value);
  };
  out.read = [read = std::move(inner.read)](const Value& value, std::optional<T>& object, Reader& reader) {
    object = T{};
    read(value, *object, reader);
  };
  return out;
}

/// Left out of what is written while it has the value that stands for "not set".
template <class T>
Shape<T> unless(T unset, Shape<T> inner) {
  inner.write = [unset = std::move(unset), write = inner.write](const T& value) -> std::optional<Value> {
    if (value == unset) return std::nullopt;
    return write(value);
  };
  return inner;
}

/// A `T` that is written in the form of a `U`.
/// @param from  reads: (value, what was decoded, T& result, reader)
template <class T, class U>
Shape<T> through(Shape<U> inner, std::function<U(const T&)> to,
                 std::function<void(const Value&, U&, T&, Reader&)> from) {
  Shape<T> out;
  out.form = inner.form;
  out.schema = std::move(inner.schema);
  out.write = [write = inner.write, to](const T& value) { return write(to(value)); };
  out.read = [read = std::move(inner.read), to = std::move(to), from = std::move(from)](const Value& value, T& object,
                                                                                        Reader& reader) {
    U decoded = to(object);
    read(value, decoded, reader);
    from(value, decoded, object, reader);
  };
  return out;
}

}  // namespace seqlab::scenarios
