#include "analysis/cli/command.hpp"
#include "analysis/compare/matrix_report.hpp"
#include "analysis/report/result.hpp"

namespace seqlab::analysis {

int schema_command(const SchemaArguments& a) {
  std::string text = a.result     ? result_schema()
                     : a.compare  ? matrix_schema()
                     : a.markdown ? scenarios::scenario_reference()
                                  : scenarios::scenario_schema();
  if (text.empty() || text.back() != '\n') text += '\n';
  print(text);
  return 0;
}

}  // namespace seqlab::analysis
