// What the README shows is what the program prints today. The output block is written anew with
// SEQLAB_REWRITE_GOLDEN=1.
#include <array>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>

#include "tests/support/catch.hpp"

namespace {

const std::string readme_file = SEQLAB_SOURCE_DIR "/README.md";

std::string text_of(const std::string& file) {
  std::ifstream in(file);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

std::string output_of(const std::string& arguments) {
  const std::string command = "SEQLAB_COMMAND=./scripts/seqlab '" SEQLAB_PROGRAM "' " + arguments + " 2>/dev/null";
  std::string out;
  FILE* const pipe = popen(command.c_str(), "r");
  REQUIRE(pipe != nullptr);
  std::array<char, 4096> part{};
  while (std::fgets(part.data(), static_cast<int>(part.size()), pipe) != nullptr) out += part.data();
  CHECK(pclose(pipe) == 0);
  return out;
}

/// The line that no two runs share: wall time and memory.
std::string without_wall_time(const std::string& text) {
  std::istringstream in(text);
  std::string out;
  for (std::string line; std::getline(in, line);) {
    if (line.find("wall time") == std::string::npos) out += line + '\n';
  }
  return out;
}

}  // namespace

TEST_CASE("the README's output is today's", "[analysis][readme]") {
  const std::string mark = "<!-- output -->\n```\n$ ./scripts/seqlab ";
  std::string readme = text_of(readme_file);
  const std::size_t start = readme.find(mark);
  REQUIRE(start != std::string::npos);
  const std::size_t end_of_command = readme.find('\n', start + mark.size());
  const std::size_t end_of_block = readme.find("```", end_of_command);
  const std::string arguments = readme.substr(start + mark.size(), end_of_command - start - mark.size());
  const std::string shown = readme.substr(end_of_command + 1, end_of_block - end_of_command - 1);
  const std::string now = output_of(arguments);
  if (std::getenv("SEQLAB_REWRITE_GOLDEN") != nullptr) {
    readme.replace(end_of_command + 1, end_of_block - end_of_command - 1, now);
    std::ofstream(readme_file) << readme;
  } else {
    CHECK(without_wall_time(shown) == without_wall_time(now));
  }
}

TEST_CASE("the README's attack is the one that init writes", "[analysis][readme]") {
  const std::string readme = text_of(readme_file);
  const std::size_t start = readme.find("```lua\n");
  REQUIRE(start != std::string::npos);
  const std::string attack = readme.substr(start + 7, readme.find("```", start + 7) - start - 7);
  const std::string folder = "readme-init-test";
  output_of("init " + folder + " && cat " + folder + "/first.lua > " + folder + ".lua && rm -r " + folder);
  CHECK(text_of(folder + ".lua") == attack);
  std::remove((folder + ".lua").c_str());
}
