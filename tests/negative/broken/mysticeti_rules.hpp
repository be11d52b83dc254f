// Mysticeti with one wrong decision each. The numbers are those of the bug collection that the names come from.
#pragma once

#include <memory>

#include "protocols/consensus/engines.hpp"
#include "protocols/consensus/mysticeti/mysticeti_handlers.hpp"

namespace seqlab::tests::broken {

using namespace seqlab::protocols;

/// Z36: 2f + 1 with f = (n - 1) / 3, for any n.
struct DagQuorumOffByOne : MysticetiRules {
  static Power quorum(const Committee& committee) { return 2 * committee.max_faulty() + 1; }
};

/// Z37: a vertex leaves before it is on the disk.
struct VertexNotDurable : MysticetiRules {
  static bool writes_before_sending() { return false; }
};

/// A slot is skipped when a third did not vote for it.
struct SkipsOnValidity : MysticetiRules {
  static bool skips(Power blamers, Power, const Committee& committee) { return blamers >= committee.validity(); }
};

/// A vote goes to the twin that this replica got first, not to the one that the voter names first.
struct SupportsFirstArrival : MysticetiRules {
  static const VertexRef* supported(const Vertex& v, NodeId leader, const VertexStore& here) {
    const StoredVertex* first = here.first_of(previous(v.round), leader);
    for (const VertexRef& r : v.includes) {
      if (first != nullptr && r.id == first->vertex().id) return &r;
    }
    return v.parent_of(leader);
  }
};

/// Z31: a third of the power makes a certificate, of which two can exist; that there is one only is taken for granted.
struct WeakCertificates : MysticetiRules {
  static bool is_certificate(Power supporters, Power, const Committee& committee) {
    return supporters >= committee.validity();
  }
};

/// Z32: the clock moves on a third of the power, while a vertex still needs two thirds below it.
struct ClockRunsAhead : MysticetiRules {
  static bool advances(Power power, Power, const Committee& committee) { return power >= committee.validity(); }
};

/// What a leader orders depends on what the replica has thrown away so far.
struct OrdersWhatIsLeft : MysticetiRules {
  static Round order_floor(Round, std::uint32_t, Round forgotten) { return forgotten; }
};

/// As the list of engines makes it, but with these decisions.
template <class Rules>
std::unique_ptr<Engine> make_mysticeti(NodeId self, const Committee& /*genesis*/, const EngineParameters& p) {
  using Core = BasicMysticeti<Rules>;
  return std::make_unique<EngineOf<Core>>(Core{self, p.mysticeti});
}

}  // namespace seqlab::tests::broken
