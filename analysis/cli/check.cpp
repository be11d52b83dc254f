#include "analysis/cli/command.hpp"

namespace seqlab::analysis {

int check_command(const CheckArguments& a, const Context& context) {
  print(scenarios::to_yaml(scenarios::load_scenario(a.scenario, library_of(context), parse_overrides(a.overrides))));
  return 0;
}

}  // namespace seqlab::analysis
