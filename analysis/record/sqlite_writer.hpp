// The run as one SQLite file of tidy STRICT tables: one row an observation, units in column names, seeds as text.
// `node` columns are numbers (sequencers first, then clients); the table `nodes` names them. Everything is written in
// one transaction with a bounded page cache, whatever the length of the run.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "analysis/report/result.hpp"
#include "sim/trace/record_log.hpp"

namespace seqlab::analysis {

/// Goes up when a table or a column changes its meaning or goes away; `pragma user_version`.
inline constexpr int run_database_version = 1;

struct SqliteOptions {
  std::uint32_t client_count = 0;
  std::vector<std::string> regions;  ///< node i is in regions[i % size]; may be empty
};

class SqliteWriter final : public sim::RecordObserver {
 public:
  /// Makes the file; it must not exist. @throws scenarios::InputError
  SqliteWriter(const std::string& path, SqliteOptions options);
  ~SqliteWriter();
  static sim::KindMask kinds();
  void on_record(const sim::Record& record) override;
  /// Something could not be written; `finish` will throw.
  bool failed() const;
  /// Adds what is known at the end, commits, closes. @throws scenarios::InputError with the first error
  void finish(const Report& report);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// The tables and views as SQL, with a comment on each.
const char* run_database_schema();

}  // namespace seqlab::analysis
