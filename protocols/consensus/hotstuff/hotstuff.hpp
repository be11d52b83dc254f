// Chained HotStuff and pipelined HotStuff-2: the rules are in rules.hpp, the handlers in ../chained/.
#pragma once

#include "protocols/consensus/chained/chained.hpp"
#include "protocols/consensus/hotstuff/rules.hpp"

namespace seqlab::protocols {

using HotStuff = BasicChained<HotStuffRules>;
using HotStuff2 = BasicChained<HotStuff2Rules>;
extern template class BasicChained<HotStuffRules>;
extern template class BasicChained<HotStuff2Rules>;

}  // namespace seqlab::protocols
