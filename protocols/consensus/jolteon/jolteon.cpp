#include "protocols/consensus/jolteon/jolteon.hpp"

#include "protocols/consensus/chained/chained_handlers.hpp"

namespace seqlab::protocols {

template class BasicChained<JolteonRules>;

}  // namespace seqlab::protocols
