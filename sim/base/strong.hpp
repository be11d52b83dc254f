// Integers that cannot be mixed up: a height is not a round, a node is not a client.
#pragma once

#include <compare>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>

namespace seqlab {

template <class Tag, std::integral Rep>
struct Strong {
  using rep = Rep;
  Rep value{};

  constexpr Strong() = default;
  constexpr explicit Strong(Rep v) : value(v) {}
  friend constexpr auto operator<=>(const Strong&, const Strong&) = default;
  constexpr Strong& operator++() {
    ++value;
    return *this;
  }
};

template <class Tag, class Rep>
constexpr Strong<Tag, Rep> next(Strong<Tag, Rep> v) {
  return Strong<Tag, Rep>{static_cast<Rep>(v.value + 1)};
}

template <class Tag, class Rep>
constexpr Strong<Tag, Rep> previous(Strong<Tag, Rep> v) {
  return Strong<Tag, Rep>{static_cast<Rep>(v.value - 1)};
}

/// An endpoint of the simulated network: validators first (0 ... n-1), then clients and other actors.
using NodeId = Strong<struct NodeTag, std::uint32_t>;
inline constexpr NodeId no_node{0xffffffffU};

}  // namespace seqlab

template <class Tag, class Rep>
struct std::hash<seqlab::Strong<Tag, Rep>> {
  std::size_t operator()(seqlab::Strong<Tag, Rep> v) const noexcept { return std::hash<Rep>{}(v.value); }
};
