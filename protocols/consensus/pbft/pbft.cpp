#include "protocols/consensus/pbft/pbft.hpp"

#include "protocols/consensus/pbft/pbft_handlers.hpp"

namespace seqlab::protocols {

template class BasicPbft<PbftRules>;

}  // namespace seqlab::protocols
