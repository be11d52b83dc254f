// A folder of cases that once failed: one subfolder each, with plan.json and scenario.yaml, ready to commit and to
// `seqlab replay`. They are run again before anything new is tried.
#pragma once

#include <string>
#include <vector>

#include "analysis/search/campaign.hpp"
#include "scenarios/spec/parse.hpp"

namespace seqlab::analysis {

struct CorpusEntry {
  std::string folder;
  Case which;
};

struct Corpus {
  std::vector<CorpusEntry> entries;     ///< by name of the folder
  std::vector<std::string> problems;    ///< what could not be read, with file, line and hint; the rest is good
};

/// Everything in the folder; empty if there is none. @throws InputError if `folder` is a file
Corpus read_corpus(const std::string& folder, const scenarios::Library& library);

/// `folder`/NAME, where NAME tells checker and content, and is the same for the same case.
std::string reproducer_folder(const std::string& folder, const Case& which, const std::string& checker);

}  // namespace seqlab::analysis
