// Bytes of what engines write to their logs: fields as they lie in memory (the log is read by the program that wrote
// it), and the values that several engines keep there.
#pragma once

#include <cstddef>
#include <cstring>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "protocols/types/block.hpp"

namespace seqlab::protocols {

class LogWriter {
 public:
  explicit LogWriter(std::size_t expected) { bytes_.reserve(expected); }
  template <class T>
    requires(std::is_integral_v<T> || std::is_enum_v<T>)
  LogWriter& add(T v) {
    return raw(&v, sizeof v);
  }
  template <class Tag>
    requires requires(Tag t) { t.value; }
  LogWriter& add(const Tag& strong) {
    return add(strong.value);
  }
  LogWriter& add(Hash128 h) { return add(h.hi).add(h.lo); }
  LogWriter& add(SimTime t) { return add(ns(t)); }
  LogWriter& add(const Vote& v);
  /// Without `descendants`.
  LogWriter& add(const Commit& c);
  LogWriter& add(const Block& b);
  /// Elements as they lie in memory.
  template <class T>
  LogWriter& add_array(const std::vector<T>& items) {
    static_assert(std::is_trivially_copyable_v<T> && std::has_unique_object_representations_v<T>);
    add(items.size());
    return raw(items.data(), items.size() * sizeof(T));
  }
  std::vector<std::byte> take() { return std::move(bytes_); }

 private:
  LogWriter& raw(const void* data, std::size_t size) {
    const auto* first = static_cast<const std::byte*>(data);
    bytes_.insert(bytes_.end(), first, first + size);
    return *this;
  }
  std::vector<std::byte> bytes_;
};

/// Reads past the end give zeros and clear `good`.
class LogReader {
 public:
  explicit LogReader(std::span<const std::byte> bytes) : rest_(bytes) {}
  template <class T>
    requires(std::is_integral_v<T> || std::is_enum_v<T>)
  LogReader& get(T& v) {
    v = T{};
    if (rest_.size() < sizeof v) {
      good_ = false;
      rest_ = {};
      return *this;
    }
    std::memcpy(&v, rest_.data(), sizeof v);
    rest_ = rest_.subspan(sizeof v);
    return *this;
  }
  template <class Tag>
    requires requires(Tag t) { t.value; }
  LogReader& get(Tag& strong) {
    return get(strong.value);
  }
  LogReader& get(Hash128& h) { return get(h.hi).get(h.lo); }
  LogReader& get(SimTime& t) {
    std::int64_t n = 0;
    get(n);
    t = at_ns(n);
    return *this;
  }
  LogReader& get(Vote& v);
  LogReader& get(Commit& c);
  LogReader& get(Block& b);
  template <class T>
  LogReader& get_array(std::vector<T>& items) {
    std::size_t count = 0;
    get(count);
    if (count > rest_.size() / sizeof(T)) {
      good_ = false;
      rest_ = {};
      return *this;
    }
    items.resize(count);
    if (count != 0) std::memcpy(items.data(), rest_.data(), count * sizeof(T));
    rest_ = rest_.subspan(count * sizeof(T));
    return *this;
  }
  bool good() const { return good_; }
  bool at_end() const { return rest_.empty(); }

 private:
  std::span<const std::byte> rest_;
  bool good_ = true;
};

/// About how many bytes the block takes.
std::size_t log_size(const Block& block);

}  // namespace seqlab::protocols
