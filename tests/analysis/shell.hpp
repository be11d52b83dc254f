// The program in a shell, as its users meet it.
#pragma once

#include <sys/wait.h>

#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <string>
#include <vector>

#include "analysis/record/output_file.hpp"
#include "analysis/report/format.hpp"
#include "tests/analysis/samples.hpp"

namespace seqlab::analysis::test {

struct Outcome {
  int code = -1;
  std::string out, err;
};

/// What the address sanitizer says when an exception unwinds a fiber's stack, which it does not know, is not the
/// program's word. Other builds leave the text alone.
inline std::string without_sanitizer_notes(const std::string& text) {
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
  std::istringstream in(text);
  std::string out;
  for (std::string line; std::getline(in, line);) {
    const auto has = [&line](const char* part) { return line.find(part) != std::string::npos; };
    const bool is_note = has("ASan is ignoring requested __asan_handle_no_return") ||
                         has("False positive error reports") || has("github.com/google/sanitizers/issues/189");
    if (!is_note) out += line + '\n';
  }
  return out;
#endif
#endif
  return text;
}

/// A folder to run the program in, as a user would from a shell.
class Shell {
 public:
  /// `line` is a shell line in which `seqlab` is the program.
  Outcome operator()(const std::string& line) const {
    const std::string out = folder_.path(".stdout"), err = folder_.path(".stderr");
    const std::string script = "cd " + shell_word(folder_.path()) + " && export SEQLAB_COMMAND=seqlab && seqlab() { " +
                               shell_word(SEQLAB_PROGRAM) + " \"$@\"; } && " + line;
    const int status = std::system(("{ " + script + "; } >" + out + " 2>" + err + " </dev/null").c_str());
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, read_file(out), without_sanitizer_notes(read_file(err))};
  }
  std::string path(const std::string& name) const { return folder_.path(name); }
  void write(const std::string& name, const std::string& text) const { write_file(path(name), text); }
  bool has(const std::string& name) const { return std::filesystem::exists(path(name)); }

 private:
  TemporaryFolder folder_;
};

inline bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

/// Four validators for some seconds; small enough to be run many times.
inline constexpr const char* small_scenario = R"(# Four validators and nothing else.
schema: seqlab/scenario/v1
name: small
design: {engine: tendermint, committee: {count: 4}}
environment:
  network: {latency: {model: constant, mean: 20ms}}
  workload: {arrivals: constant, clients: 1, rate: 5tx/s}
stop: {after: 5s, healing: 0s}
)";

inline std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> out;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) out.push_back(line);
  return out;
}

/// What follows `label` on the lines that have it, in order.
inline std::vector<std::string> labelled(const std::string& text, const std::string& label) {
  std::vector<std::string> out;
  for (const std::string& line : lines_of(text)) {
    const std::size_t at = line.find_first_not_of(' ');
    if (at == std::string::npos || line.compare(at, label.size(), label) != 0) continue;
    const std::size_t rest = line.find_first_not_of(' ', at + label.size());
    if (rest != std::string::npos) out.push_back(line.substr(rest));
  }
  return out;
}

}  // namespace seqlab::analysis::test
