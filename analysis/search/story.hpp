// What happened before a finding, for people: a diagram of the last messages that matter and a paragraph in the words
// of the protocol. From records alone, whatever the engine: proposals, votes, certificates, locks and commits around
// the height in question, who got them and who did not, crashes and partitions.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "scenarios/checkers/checker.hpp"
#include "sim/trace/record_log.hpp"

namespace seqlab::analysis {

class Story final : public sim::RecordObserver {
 public:
  explicit Story(std::uint32_t node_count) : node_count_(node_count) {}
  static sim::KindMask kinds();
  void on_record(const sim::Record& record) override;

  /// A Mermaid sequence diagram of at most so many lines, its participants and the frame apart.
  std::string diagram(const scenarios::Finding& finding, std::size_t lines_max = 40) const;
  /// One paragraph. Blocks are called A, B, ... in the order in which they were proposed.
  std::string paragraph(const scenarios::Finding& finding) const;

 private:
  /// Of a long run the last ones.
  static constexpr std::size_t records_max = 1'000'000;

  std::uint32_t node_count_;
  std::vector<sim::Record> setting_;  ///< who is corrupt: never forgotten
  std::vector<sim::Record> records_;
};

}  // namespace seqlab::analysis
