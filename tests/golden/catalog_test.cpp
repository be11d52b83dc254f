// The digest and verdict of every catalogue scenario, as golden values: a change to them is a reviewed diff. Written
// anew with SEQLAB_REWRITE_GOLDEN=1 in the environment.
#include <cstdlib>
#include <fstream>
#include <map>
#include <sstream>
#include <string>

#include "scenarios/spec/parse.hpp"
#include "scenarios/world/run.hpp"
#include "scenarios/world/verdict.hpp"
#include "tests/support/catch.hpp"

using namespace seqlab;

namespace {

const std::string golden_file = SEQLAB_SOURCE_DIR "/tests/golden/catalog.txt";

std::map<std::string, std::string> read_golden() {
  std::map<std::string, std::string> lines;
  std::ifstream in(golden_file);
  std::string line;
  while (std::getline(in, line)) {
    if (!line.empty() && line[0] != '#') lines[line.substr(0, line.find(' '))] = line;
  }
  return lines;
}

std::map<std::string, std::string> run_catalog() {
  const scenarios::Library library{SEQLAB_SOURCE_DIR "/scenarios"};
  std::map<std::string, std::string> lines;
  for (const auto& entry : scenarios::catalog(library)) {
    const auto scenario = scenarios::load_scenario(entry.file, library);
    const auto result = scenarios::run(scenario, {.seed = scenario.seed});
    std::ostringstream line;
    line << entry.name << " seed " << result.seed << " digest " << to_hex(result.digest) << " verdict "
         << scenarios::name_of(result.verdict) << (result.as_expected ? "" : " UNEXPECTED");
    lines[entry.name] = line.str();
  }
  return lines;
}

}  // namespace

TEST_CASE("every catalogue scenario has its golden digest and verdict, and meets its expectations", "[golden]") {
  const auto now = run_catalog();
  for (const auto& [name, line] : now) {
    CAPTURE(line);
    CHECK(line.find("UNEXPECTED") == std::string::npos);
  }
  if (std::getenv("SEQLAB_REWRITE_GOLDEN") != nullptr) {
    std::ofstream out(golden_file);
    out << "# scenario, seed, digest of all records, verdict; see catalog_test.cpp\n";
    for (const auto& [name, line] : now) out << line << '\n';
  }
  const auto golden = read_golden();
  for (const auto& [name, line] : now) {
    CAPTURE(name);
    const auto found = golden.find(name);
    CHECK((found == golden.end() ? "no golden value" : found->second) == line);
  }
  CHECK(golden.size() == now.size());
}
