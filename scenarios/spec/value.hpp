// A document as a tree that knows where each part was written. One shape serves scenarios that are read, scenarios that
// are written, and the JSON Schema. yaml-cpp stays behind this header.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "scenarios/spec/diagnostics.hpp"

namespace seqlab::scenarios {

struct Position {
  std::shared_ptr<const std::string> file;
  int line = 0;    ///< from 1; 0: no line
  int column = 0;  ///< from 1
};

struct Value {
  enum class Kind : std::uint8_t { null, scalar, list, map };
  struct Key {
    std::string text;
    Position at;
  };

  Kind kind = Kind::null;
  bool quoted = false;       ///< scalar: text in quotes or a block, never a number or a boolean
  std::string text;          ///< of a scalar
  std::vector<Key> keys;     ///< of a map, in the order of the document
  std::vector<Value> items;  ///< of a list; of a map: one per key
  Position at;

  static Value plain(std::string text);
  static Value text_of(std::string text);  ///< quoted
  static Value list(std::vector<Value> items = {});
  static Value map();
  Value& add(std::string key, Value value);  ///< appends to a map; returns this

  const Value* find(std::string_view key) const;
  Value* find(std::string_view key);
  bool is_map() const { return kind == Kind::map; }
  bool is_list() const { return kind == Kind::list; }
  bool is_scalar() const { return kind == Kind::scalar; }
};

/// Most that a document may be, aliases expanded. Far above what a person writes, far below what hurts.
struct DocumentLimits {
  std::size_t bytes = 16U << 20U;
  std::size_t values = 400'000;
  std::size_t depth = 40;
};

/// Reads one YAML document. Repeated keys, tags, merge keys and whatever exceeds the limits become problems; of a
/// repeated key the first stays. Null if the text is no YAML at all.
/// @param with_lines  false: positions have no line (text of a command-line flag)
std::unique_ptr<Value> read_yaml(std::string_view text, const std::string& file, std::vector<Problem>& problems,
                                 bool with_lines = true, const DocumentLimits& limits = {});

/// YAML that `read_yaml` reads back to an equal tree.
std::string write_yaml(const Value& value);
/// JSON, two spaces a level. Plain scalars that are JSON numbers or booleans stay bare.
/// @param width  below the top level, what fits into so many columns is written on one line; 0: only lists of scalars
std::string write_json(const Value& value, std::size_t width = 0);

/// One step of a path: a key, or an index into a list if `key` is empty.
struct PathStep {
  std::string key;
  std::size_t index = 0;
};
/// `environment.faults[0].at`. Empty if the text is no path.
std::vector<PathStep> parse_path(std::string_view path);
/// Where the path leads, or as far as the tree has it.
const Value& deepest(const Value& root, std::string_view path);

}  // namespace seqlab::scenarios
