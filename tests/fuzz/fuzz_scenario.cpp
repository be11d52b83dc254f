// Any text at all is either a scenario, which then survives being written and read, or an InputError that says what is
// wrong. Lines `--set path=value` at the top become overrides.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "scenarios/spec/parse.hpp"

using namespace seqlab::scenarios;

namespace {

void demand(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "fuzz_scenario: %s\n", what);
  std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Library library{SEQLAB_SOURCE_DIR "/scenarios"};
  std::string_view text{reinterpret_cast<const char*>(data), size};
  Overrides overrides;
  constexpr std::string_view flag = "--set ";
  while (text.substr(0, flag.size()) == flag && overrides.size() < 8) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(flag.size(), end - flag.size());
    const std::size_t sign = std::min(line.find('='), line.size());
    overrides.emplace_back(std::string{line.substr(0, sign)},
                           std::string{line.substr(std::min(sign + 1, line.size()))});
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  try {
    const Scenario scenario = parse_scenario(text, "fuzz.yaml", library, overrides);
    const std::string written = to_yaml(scenario);
    try {
      const Scenario again = parse_scenario(written, "again.yaml", library);
      demand(again == scenario, "what was written reads back as another scenario");
      demand(to_yaml(again) == written, "the same scenario is written in two ways");
      demand(scenario_hash(again) == scenario_hash(scenario), "the hash depends on the form");
    } catch (const InputError& error) {
      std::fprintf(stderr, "%s\n%s\n", written.c_str(), error.what());
      demand(false, "what was written is refused");
    }
  } catch (const InputError& error) {
    demand(!error.problems().empty(), "refused without a reason");
    for (const Problem& problem : error.problems())
      demand(!format(problem).empty() && !problem.text.empty(), "a problem without words");
  }
  return 0;
}
