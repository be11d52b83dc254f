#include "protocols/consensus/rotating/rotating.hpp"

#include "protocols/consensus/rotating/rotating_handlers.hpp"

namespace seqlab::protocols {

template class BasicRotating<RotatingRules>;

}  // namespace seqlab::protocols
