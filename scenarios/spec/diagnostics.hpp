// What is wrong with an input, where, and how to mend it. All problems of a file are collected before giving up.
#pragma once

#include <stdexcept>
#include <string>
#include <vector>

namespace seqlab::scenarios {

struct Problem {
  std::string file;
  int line = 0;      ///< from 1; 0 = the whole file
  int column = 0;    ///< from 1
  std::string path;  ///< e.g. environment.network.loss
  std::string text;  ///< what is wrong
  std::string hint;  ///< accepted form, nearest known name
  std::string details = {};  ///< more lines, such as where a script was and what it had printed; "" = none
  friend bool operator==(const Problem&, const Problem&) = default;
};

/// "file:line:column: path: text (hint)", then the details.
std::string format(const Problem& problem);

/// Bad input of any kind: YAML, Lua, flags, files, impossible scenarios. Caught in `main` alone: exit code 3.
class InputError final : public std::runtime_error {
 public:
  explicit InputError(std::vector<Problem> problems);
  explicit InputError(Problem problem) : InputError(std::vector<Problem>{std::move(problem)}) {}
  const std::vector<Problem>& problems() const { return problems_; }

 private:
  std::vector<Problem> problems_;
};

/// The nearest of `known` to `name` (edit distance at most a third of its length), or "".
std::string nearest(const std::string& name, const std::vector<std::string>& known);

}  // namespace seqlab::scenarios
