#include "sim/base/assert.hpp"

namespace seqlab::detail {

void assertion_failed(const char* condition, const char* file, int line, const std::string& values) {
  throw InternalError(fmt::format("{}:{}: assertion failed: {} {}", file, line, condition, values));
}

}  // namespace seqlab::detail
