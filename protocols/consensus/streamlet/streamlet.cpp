#include "protocols/consensus/streamlet/streamlet.hpp"

#include "protocols/consensus/streamlet/streamlet_handlers.hpp"

namespace seqlab::protocols {

NodeId StreamletRules::leader(EpochLeaders how, Round epoch, const Committee& committee) {
  if (how == EpochLeaders::round_robin) {
    return committee[static_cast<std::size_t>(epoch.value - 1) % committee.size()].node;
  }
  const Hash128 h = FieldHash<2>{}.add(hash_domain("streamlet leader")).add(epoch).finish();
  auto left = static_cast<Power>(h.lo % static_cast<std::uint64_t>(committee.total()));
  for (const Validator& v : committee.validators()) {
    if (left < v.power) return v.node;
    left -= v.power;
  }
  return committee[committee.size() - 1].node;
}

template class BasicStreamlet<StreamletRules>;

}  // namespace seqlab::protocols
