#include "analysis/search/finding_kind.hpp"

#include <array>
#include <utility>

namespace seqlab::analysis {

namespace {

bool is_word(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

/// Numbers, names of nodes, hashes, and "nil", which stands where a hash would.
bool is_value(std::string_view word) {
  const bool hash = word.size() >= 8 && word.find_first_not_of("0123456789abcdef") == std::string_view::npos;
  return hash || word == "nil" || word.find_first_of("0123456789") != std::string_view::npos;
}

/// Lists of any length, "n0, n2 and n3", and decimal fractions, from the inside out.
constexpr std::array<std::pair<std::string_view, std::string_view>, 3> joints{
    {{"#, # and #", "# and #"}, {"# and #", "#"}, {"#.#", "#"}}};

}  // namespace

std::string shape_of(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size();) {
    std::size_t end = i;
    while (end < text.size() && is_word(text[end])) ++end;
    if (end == i) {
      out += text[i++];
      continue;
    }
    const std::string_view word = text.substr(i, end - i);
    out += is_value(word) ? std::string_view{"#"} : word;
    i = end;
  }
  for (const auto& [joint, single] : joints) {
    // What is left may be the end of a longer list: looked at again, with what stands before it.
    for (std::size_t at = out.find(joint); at != std::string::npos; at = out.find(joint)) {
      out.replace(at, joint.size(), single);
    }
  }
  return out;
}

FindingKind finding_kind(const scenarios::Finding& finding) {
  return {finding.checker, shape_of(finding.text), finding.outside_model};
}

}  // namespace seqlab::analysis
