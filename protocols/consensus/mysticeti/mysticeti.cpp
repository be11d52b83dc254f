#include "protocols/consensus/mysticeti/mysticeti_handlers.hpp"

namespace seqlab::protocols {

template class BasicMysticeti<MysticetiRules>;

}  // namespace seqlab::protocols
