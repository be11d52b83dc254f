#include <array>

#include "tests/negative/broken/mysticeti_rules.hpp"
#include "tests/zoo/entries.hpp"

namespace seqlab::zoo {

namespace {

namespace broken = seqlab::tests::broken;
using broken::make_mysticeti;
using scenarios::Scenario;

/// A restarted author goes by its log alone.
void own_log(Scenario& s) { s.design.parameters.mysticeti.recover_own_round = false; }
/// Replicas throw away soon, in runs that are long enough for it.
void short_memory(Scenario& s) {
  s.design.parameters.mysticeti.gc_depth = 4;
  s.stop.height = 8;
}

constexpr std::array list{
    Entry{"Z31", "one certificate taken for granted where two can be", "mysticeti", Kind::liveness,
          make_mysticeti<broken::WeakCertificates>},
    Entry{"Z32", "the clock runs ahead of what a vertex needs", "mysticeti", Kind::liveness,
          make_mysticeti<broken::ClockRunsAhead>},
    Entry{"Z36 dag", "a quorum of 2f + 1 where n is not 3f + 1", "mysticeti", Kind::safety,
          make_mysticeti<broken::DagQuorumOffByOne>, six_nodes},
    Entry{"Z37 dag", "vertices leave before they are durable", "mysticeti", Kind::safety,
          make_mysticeti<broken::VertexNotDurable>, own_log},
    Entry{"skip third", "a slot skipped by f + 1", "mysticeti", Kind::safety,
          make_mysticeti<broken::SkipsOnValidity>},
    Entry{"first twin", "support for the twin that came first", "mysticeti", Kind::safety,
          make_mysticeti<broken::SupportsFirstArrival>},
    Entry{"left over", "order depends on what was thrown away", "mysticeti", Kind::safety,
          make_mysticeti<broken::OrdersWhatIsLeft>, short_memory},
};

}  // namespace

std::span<const Entry> mysticeti_entries() { return list; }

}  // namespace seqlab::zoo
