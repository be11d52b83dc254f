// Our own bugs. An assertion is on in every build and throws, so that one broken case of a campaign becomes a
// result row instead of ending the process; `main` maps it to exit code 4.
#pragma once

#include <fmt/format.h>

#include <stdexcept>
#include <string>

namespace seqlab {

class InternalError final : public std::logic_error {
 public:
  using std::logic_error::logic_error;
};

namespace detail {
[[noreturn]] void assertion_failed(const char* condition, const char* file, int line, const std::string& values);

inline std::string describe_values() { return {}; }
template <class... Args>
std::string describe_values(const Args&... args) {
  std::string out;
  ((out += fmt::format("{} ", args)), ...);
  return out;
}
}  // namespace detail
}  // namespace seqlab

/// SEQLAB_ASSERT(condition, values...): values are printed with fmt when the condition is false.
#define SEQLAB_ASSERT(condition, ...)                                                                  \
  (static_cast<bool>(condition)                                                                        \
       ? void(0)                                                                                       \
       : ::seqlab::detail::assertion_failed(#condition, __FILE__, __LINE__,                            \
                                            ::seqlab::detail::describe_values(__VA_ARGS__)))
