// What a campaign found, in the forms that its readers want: text for people, JSON for programs, JUnit XML, SARIF and
// GitHub's annotations and summary for CI.
#pragma once

#include <string>
#include <vector>

#include "analysis/search/campaign.hpp"
#include "analysis/search/exploration.hpp"

namespace seqlab::analysis {

inline constexpr const char* campaign_schema_name = "seqlab/fuzz/v1";

/// One failure as it is told: with its files and how it was made small.
struct ToldFailure {
  const CampaignFailure* failure = nullptr;
  std::string plan;                        ///< file; "" = none could be written
  std::uint64_t interventions_found = 0;
  std::uint64_t interventions_shrunk = 0;  ///< the same as found, if it was not shrunk
  std::string shrunk;                      ///< "52 interventions -> 3, 7 nodes -> 4, 60 s -> 13 s"; "" = was not shrunk
  std::string reproduce;                   ///< shell line
};

struct CampaignStory {
  const CampaignReport* report = nullptr;
  std::vector<ToldFailure> failures;
  std::vector<Exploration> explorations;
  std::vector<StreamReport> replayed;      ///< cases that no strategy chose (corpus, Twins files); not in `report`'s
  std::vector<std::string> corpus;         ///< what became of those: a line each
  std::vector<std::string> notes;          ///< what was not done, and why: a line each
  std::string file;                        ///< campaign file
  std::string resume;                      ///< shell line that goes on; "" = there is nothing to go on with
  std::string again;                       ///< shell line that does the same campaign
};

/// 0 nothing found, 1 a property broke, 2 interrupted with nothing found, 4 our own code failed.
int exit_code(const CampaignStory& story);
/// "held", "violated", "undecided" (interrupted), "crashed".
std::string_view verdict_of(const CampaignStory& story);

std::string to_text(const CampaignStory& story, bool colour);
/// One JSON object with a final newline.
std::string to_json(const CampaignStory& story);
std::string to_junit(const CampaignStory& story);
/// SARIF 2.1.0.
std::string to_sarif(const CampaignStory& story);
/// Lines for GitHub Actions' log: `::error ...`.
std::string to_github_annotations(const CampaignStory& story);
/// Markdown for GitHub's step summary.
std::string to_markdown(const CampaignStory& story);
/// One line for a terminal while the campaign runs.
std::string progress_line(const CampaignReport& report, const CampaignOptions& options);

}  // namespace seqlab::analysis
