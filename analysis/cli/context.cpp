#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string_view>

#include "analysis/cli/command.hpp"
#include "analysis/record/output_file.hpp"
#include "scenarios/spec/diagnostics.hpp"

namespace seqlab::analysis {

scenarios::Library library_of(const Context& context) {
  std::string root = context.library_root;
  std::string origin = "--library";
  if (root.empty()) {
    const char* named = std::getenv("SEQLAB_LIBRARY");
    root = named != nullptr ? named : "";
    origin = "SEQLAB_LIBRARY";
  }
  if (root.empty()) return {SEQLAB_LIBRARY_ROOT};
  std::error_code error;
  if (!std::filesystem::is_directory(std::filesystem::path(root) / "catalog", error)) {
    scenarios::Problem problem;
    problem.file = root;
    problem.path = origin;
    problem.text = "is not a library: it has no folder `catalog`";
    problem.hint = std::string{"the built-in one is "} + SEQLAB_LIBRARY_ROOT;
    throw scenarios::InputError(std::move(problem));
  }
  return {root};
}

bool paints(const Context& context) {
  if (context.colour != Colour::automatic) return context.colour == Colour::always;
  const char* no_colour = std::getenv("NO_COLOR");
  if (no_colour != nullptr && *no_colour != '\0') return false;
  const char* terminal = std::getenv("TERM");
  if (terminal == nullptr || std::string_view{terminal} == "dumb") return false;
  return ::isatty(STDOUT_FILENO) == 1;
}

void print(const std::string& text) {
  errno = 0;
  const bool written = std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
  if (!written || std::fflush(stdout) != 0)
    throw_file_error("standard output", "cannot write", errno != 0 ? errno : EIO);
}

scenarios::Overrides parse_overrides(const std::vector<std::string>& words) {
  scenarios::Overrides out;
  std::vector<scenarios::Problem> problems;
  for (const std::string& word : words) {
    const std::size_t sign = word.find('=');
    if (sign == std::string::npos || sign == 0) {
      scenarios::Problem problem;
      problem.file = "--set";
      problem.text = fmt::format("`{}` is not an override", word);
      problem.hint = "write path=value, e.g. design.committee.count=7";
      problems.push_back(std::move(problem));
    } else {
      out.emplace_back(word.substr(0, sign), word.substr(sign + 1));
    }
  }
  if (!problems.empty()) throw scenarios::InputError(std::move(problems));
  return out;
}

Colour parse_colour(const std::string& word) {
  if (word == "auto") return Colour::automatic;
  if (word == "always") return Colour::always;
  if (word == "never") return Colour::never;
  scenarios::Problem problem;
  problem.file = "--color";
  problem.text = fmt::format("`{}` is no choice", word);
  problem.hint = "auto, always or never";
  throw scenarios::InputError(std::move(problem));
}

std::uint64_t parse_seed(const std::string& text) {
  std::uint64_t seed = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), seed);
  if (text.empty() || code != std::errc{} || end != text.data() + text.size()) {
    scenarios::Problem problem;
    problem.file = "--seed";
    problem.text = fmt::format("`{}` is not a seed", text);
    problem.hint = "a whole number from 0 to 18446744073709551615";
    throw scenarios::InputError(std::move(problem));
  }
  return seed;
}

}  // namespace seqlab::analysis
