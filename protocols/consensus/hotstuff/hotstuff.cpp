#include "protocols/consensus/hotstuff/hotstuff.hpp"

#include "protocols/consensus/chained/chained_handlers.hpp"

namespace seqlab::protocols {

template class BasicChained<HotStuffRules>;
template class BasicChained<HotStuff2Rules>;

}  // namespace seqlab::protocols
