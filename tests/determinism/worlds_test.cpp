// One (scenario, seed) gives one digest: whatever ran before in the process, whatever runs beside it, and with either
// signature back end.
#include <string>
#include <thread>
#include <vector>

#include "scenarios/spec/parse.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/worlds.hpp"

using namespace seqlab;
using namespace seqlab::tests;

namespace {

const scenarios::Library library{SEQLAB_SOURCE_DIR "/scenarios"};

std::vector<Scenario> whole_catalog() {
  std::vector<Scenario> all;
  for (const auto& entry : scenarios::catalog(library)) all.push_back(scenarios::load_scenario(entry.file, library));
  return all;
}

Hash128 digest_of(const Scenario& s, std::uint64_t seed) { return scenarios::run(s, {.seed = seed}).digest; }

Scenario main_job() { return scenarios::load_scenario("equivocating-proposer", library); }

}  // namespace

TEST_CASE("a world gives the same digest alone and as the thousandth of a process", "[determinism]") {
  const Scenario s = main_job();
  const Hash128 alone = digest_of(s, 7);
  Scenario small = quiet_world(4, 10ms);
  small.stop.height = 2;
  for (std::uint64_t i = 0; i < 998; ++i) digest_of(small, i);
  CHECK(digest_of(s, 7) == alone);
  CHECK(digest_of(s, 8) != alone);
}

TEST_CASE("two threads that run different worlds do not disturb each other", "[determinism]") {
  const Scenario s = main_job();
  const Hash128 seed_1 = digest_of(s, 1);
  const Hash128 seed_2 = digest_of(s, 2);
  std::vector<Hash128> first(4);
  std::vector<Hash128> second(4);
  std::thread other([&] {
    for (Hash128& d : second) d = digest_of(s, 2);
  });
  for (Hash128& d : first) d = digest_of(s, 1);
  other.join();
  for (const Hash128& d : first) CHECK(d == seed_1);
  for (const Hash128& d : second) CHECK(d == seed_2);
}

TEST_CASE("ideal and real signatures give the same records in every catalogue scenario", "[determinism]") {
  for (Scenario& s : whole_catalog()) {
    CAPTURE(s.name);
    s.stop.after = std::min(s.stop.after, Duration{10min});  // hours of layer 1 show nothing more about signatures
    s.design.signatures = protocols::SignatureBackend::ideal;
    const Hash128 ideal = digest_of(s, 3);
    s.design.signatures = protocols::SignatureBackend::real;
    CHECK(digest_of(s, 3) == ideal);
  }
}

TEST_CASE("an added client moves nobody else's luck", "[determinism]") {
  // Without load on the network the clients' traffic cannot change consensus, so its records must stay the same.
  const auto consensus_of = [](std::uint32_t clients) {
    Scenario s = quiet_world(4, 20ms);
    s.environment.network.latency.model = scenarios::LatencySpec::Model::normal;
    s.environment.network.latency.sd = 5ms;
    s.environment.workload.arrivals = scenarios::WorkloadSpec::Arrivals::poisson;
    s.environment.workload.clients = clients;
    s.environment.workload.rate_per_1000s = 10'000;
    s.environment.workload.start_after = 30s;  // after the end: they exist and send nothing
    s.stop.after = 20s;
    Kept kept;
    run_and_keep(s, kept, sim::mask_of(RecordKind::committed, RecordKind::round_entered, RecordKind::voted));
    return kept.records;
  };
  const auto few = consensus_of(1);
  CHECK(few.size() > 100);
  CHECK(few == consensus_of(9));
}
