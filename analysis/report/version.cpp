#include "analysis/report/result.hpp"

namespace seqlab::analysis {

std::string version() { return SEQLAB_VERSION; }

}  // namespace seqlab::analysis
