#include "protocols/forced/forced_path.hpp"

namespace seqlab::protocols {

bool ForcedPath::admits_users(const ExternalState&, const BlockFrame&, const External&) const { return true; }

}  // namespace seqlab::protocols
