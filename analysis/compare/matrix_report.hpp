// A matrix for people, for programs, for spreadsheets.
#pragma once

#include <string>

#include "analysis/compare/matrix.hpp"

namespace seqlab::analysis {

struct MatrixReport {
  const MatrixOptions& options;
  const Matrix& matrix;
  std::string after;      ///< length of each run, as typed
  std::string reproduce;  ///< the command
  double wall_seconds = 0;
};

inline constexpr std::string_view matrix_schema_name = "seqlab/compare/v1";

/// The table. Up to four designs side by side; further ones below.
std::string to_text(const MatrixReport& report);
/// One object; equal for equal matrices but for `wall_seconds`.
std::string to_json(const MatrixReport& report);
/// One line a row, with a header.
std::string to_csv(const MatrixReport& report);
/// JSON Schema (draft-07) of `to_json`.
std::string matrix_schema();
/// 4: our own code failed in a run, 2: interrupted, 1: a property broke within the model, 0: none of it.
int exit_code(const Matrix& matrix);

}  // namespace seqlab::analysis
