#include "tests/support/allocations.hpp"

#include <memory>
#include <vector>

#include "sim/kernel/processes.hpp"
#include "sim/kernel/simulation.hpp"
#include "tests/support/catch.hpp"

namespace seqlab {
namespace {

using tests::Allocations;

TEST_CASE("the allocation counter sees every form of new", "[allocations]") {
  struct alignas(128) Wide {
    char bytes[128];
  };
  const Allocations before = tests::allocations();
  {
    const auto one = std::make_unique<int>(3);
    const auto many = std::make_unique<int[]>(100);
    const auto wide = std::make_unique<Wide>();
    std::vector<int> vector(10);
    // A compiler may leave out an allocation that nobody can see (Clang does): this one is seen.
    const volatile std::uintptr_t address = reinterpret_cast<std::uintptr_t>(wide.get());
    CHECK(address % 128 == 0);
    CHECK(*one + many[99] + vector[9] == 3);
  }
  const Allocations used = tests::since(before);
  // Catch's own checks allocate, too; the four of ours are the least.
  CHECK(used.count >= 4);
  CHECK(used.bytes >= sizeof(int) * 111 + sizeof(Wide));
  CHECK(used.freed >= 4);
}

/// Two targets that schedule each other for ever.
class Echo final : public sim::EventTarget {
 public:
  explicit Echo(sim::Simulation& simulation) : simulation_(simulation), number_(simulation.add_target(*this)) {}
  void on_event(std::uint32_t arg) override {
    simulation_.emit({.kind = sim::RecordKind::note, .node = NodeId{arg}, .a = simulation_.events()});
    simulation_.schedule(simulation_.now() + Duration{1 + arg * 7919 % 50'000'000}, number_, arg);
  }

 private:
  sim::Simulation& simulation_;
  std::uint32_t number_;
};

TEST_CASE("an event and its record cost no allocation once the queue has grown", "[allocations][sim]") {
  sim::Simulation simulation{{.seed = 3}};
  Echo echo{simulation};
  for (std::uint32_t i = 0; i < 1000; ++i) simulation.schedule(time_zero, 0, i);
  simulation.run(time_never, 2'000'000);
  const Allocations before = tests::allocations();
  simulation.run(time_never, 500'000);
  const Allocations used = tests::since(before);
  // A bucket of the queue may still see a new largest size now and then.
  CHECK(used.count <= 5);
  CHECK(simulation.events() == 2'500'000);
}

TEST_CASE("a process that drains its mailbox allocates nothing per item", "[allocations][sim]") {
  sim::Simulation simulation{{.seed = 3}};
  sim::Mailbox<std::uint32_t> mailbox{simulation};
  std::uint64_t taken = 0;
  simulation.processes().spawn(no_node, [&](sim::Process& process) {
    for (;;) {
      mailbox.take(process);
      ++taken;
    }
  });
  struct Feeder final : sim::EventTarget {
    sim::Simulation& simulation;
    sim::Mailbox<std::uint32_t>& mailbox;
    std::uint32_t number;
    Feeder(sim::Simulation& s, sim::Mailbox<std::uint32_t>& m)
        : simulation(s), mailbox(m), number(s.add_target(*this)) {}
    void on_event(std::uint32_t arg) override {
      mailbox.put(arg);
      simulation.schedule(simulation.now() + 1us, number, arg + 1);
    }
  } feeder{simulation, mailbox};
  simulation.schedule(time_zero, feeder.number, 0);
  simulation.run(time_never, 10'000);
  const Allocations before = tests::allocations();
  simulation.run(time_never, 100'000);
  const Allocations used = tests::since(before);
  CHECK(used.count <= 5);
  CHECK(taken >= 109'999);
}

}  // namespace
}  // namespace seqlab
