// Files of the repository that the program can write itself. SEQLAB_REWRITE_GOLDEN=1 renews them; the difference is for
// a reviewer.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace seqlab::test {

/// What is in the file, after renewing it with `made` if that is asked for.
inline std::string golden(const std::filesystem::path& file, const std::string& made) {
  if (std::getenv("SEQLAB_REWRITE_GOLDEN") != nullptr) std::ofstream{file, std::ios::binary} << made;
  std::ifstream in{file, std::ios::binary};
  return {std::istreambuf_iterator<char>{in}, {}};
}

}  // namespace seqlab::test
