// Jolteon: the rules are in rules.hpp, the handlers in ../chained/.
#pragma once

#include "protocols/consensus/chained/chained.hpp"
#include "protocols/consensus/jolteon/rules.hpp"

namespace seqlab::protocols {

using Jolteon = BasicChained<JolteonRules>;
extern template class BasicChained<JolteonRules>;

}  // namespace seqlab::protocols
