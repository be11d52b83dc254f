#include "protocols/consensus/monadbft/monadbft_handlers.hpp"

namespace seqlab::protocols {

template class BasicMonadBft<MonadRules>;

}  // namespace seqlab::protocols
