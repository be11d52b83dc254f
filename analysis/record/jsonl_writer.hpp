// Every record as one line of JSON, for scripts: {"at_ns":12,"kind":"voted","node":3,"height":4, ...}. Nodes are
// numbers (sequencers first, then clients), -1 is "everybody" or "nobody"; `block`, `tx` and the like are 32 hex digits
// or null; field names are those of describe.hpp.
#pragma once

#include <string>

#include "analysis/record/output_file.hpp"
#include "sim/trace/record_log.hpp"

namespace seqlab::analysis {

class JsonlWriter final : public sim::RecordObserver {
 public:
  explicit JsonlWriter(std::string path) : file_(std::move(path)) {}
  static sim::KindMask kinds() { return sim::all_kinds; }
  void on_record(const sim::Record& record) override;
  bool failed() const { return file_.failed(); }
  /// @throws scenarios::InputError if anything could not be written
  void close() { file_.close(); }

 private:
  OutputFile file_;
  std::string line_;
};

}  // namespace seqlab::analysis
