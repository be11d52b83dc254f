// What the README shows is what the program prints today. The output block is written anew with
// SEQLAB_REWRITE_GOLDEN=1.
#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <regex>
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

/// What the program prints in an empty folder. @param code  with which it ends
std::string output_of(const std::string& arguments, int code = 0) {
  const std::string command =
      "d=$(mktemp -d) && cd \"$d\" && SEQLAB_COMMAND=./scripts/seqlab '" SEQLAB_PROGRAM "' " + arguments +
      " 2>/dev/null; c=$?; rm -rf \"$d\"; exit $c";
  std::string out;
  FILE* const pipe = popen(command.c_str(), "r");
  REQUIRE(pipe != nullptr);
  std::array<char, 4096> part{};
  while (std::fgets(part.data(), static_cast<int>(part.size()), pipe) != nullptr) out += part.data();
  const int status = pclose(pipe);
  CHECK(WEXITSTATUS(status) == code);
  return out;
}

/// Without what no two runs share: wall time, memory, speed.
std::string comparable(const std::string& text) {
  std::istringstream in(text);
  std::string out;
  for (std::string line; std::getline(in, line);) {
    if (line.find("wall time") != std::string::npos) continue;
    line = std::regex_replace(line, std::regex{"in [0-9.]+ s, [0-9]+ a second"}, "in so many seconds");
    out += std::regex_replace(line, std::regex{"[0-9.]+ CPU s"}, "some CPU s") + '\n';
  }
  return out;
}

}  // namespace

TEST_CASE("the README's output is today's", "[analysis][readme]") {
  const std::string mark = "<!-- output -->\n```\n$ ./scripts/seqlab ";
  std::string readme = text_of(readme_file);
  int blocks = 0;
  for (std::size_t start = readme.find(mark); start != std::string::npos; start = readme.find(mark, start + 1)) {
    const std::size_t end_of_command = readme.find('\n', start + mark.size());
    const std::size_t end_of_block = readme.find("```", end_of_command);
    const std::string arguments = readme.substr(start + mark.size(), end_of_command - start - mark.size());
    const std::string shown = readme.substr(end_of_command + 1, end_of_block - end_of_command - 1);
    const std::string now = output_of(arguments, shown.compare(0, 8, "VIOLATED") == 0 ? 1 : 0);
    if (std::getenv("SEQLAB_REWRITE_GOLDEN") != nullptr) {
      readme.replace(end_of_command + 1, end_of_block - end_of_command - 1, now);
    } else {
      CHECK(comparable(shown) == comparable(now));
    }
    ++blocks;
  }
  CHECK(blocks == 4);
  if (std::getenv("SEQLAB_REWRITE_GOLDEN") != nullptr) std::ofstream(readme_file) << readme;
}

TEST_CASE("the README's scenario runs", "[analysis][readme]") {
  const std::string mark = "```yaml\n";
  const std::string readme = text_of(readme_file);
  const std::size_t start = readme.find(mark);
  REQUIRE(start != std::string::npos);
  const std::size_t first = start + mark.size();
  const std::string file = "readme-scenario-test.yaml";
  std::ofstream(file) << readme.substr(first, readme.find("```", first) - first);
  const std::string said = output_of("run \"$OLDPWD/" + file + "\"");
  CHECK(said.rfind("HELD", 0) == 0);
  CHECK(said.find("readable on ethereum") != std::string::npos);
  std::remove(file.c_str());
}

TEST_CASE("the README's attack is the one that init writes", "[analysis][readme]") {
  const std::string readme = text_of(readme_file);
  const std::size_t start = readme.find("```lua\n");
  REQUIRE(start != std::string::npos);
  const std::string attack = readme.substr(start + 7, readme.find("```", start + 7) - start - 7);
  output_of("init first > /dev/null && cat first/first.lua > \"$OLDPWD/readme-init-test.lua\"");
  CHECK(text_of("readme-init-test.lua") == attack);
  std::remove("readme-init-test.lua");
}
