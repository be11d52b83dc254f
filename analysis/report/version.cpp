#include "analysis/build_id.inc"
#include "analysis/report/result.hpp"

namespace seqlab::analysis {

std::string version() { return SEQLAB_VERSION; }

std::string build_id() { return SEQLAB_BUILD; }

}  // namespace seqlab::analysis
