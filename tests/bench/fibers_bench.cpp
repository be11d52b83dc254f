// What a process that drains its mailbox costs above a direct call: messages wander between the nodes, ten a node are
// under way; each delivery updates the node, frees the body, makes a new one and sends it on.
#include <fmt/format.h>

#include <array>
#include <memory>
#include <vector>

#include "sim/kernel/processes.hpp"
#include "sim/kernel/simulation.hpp"
#include "sim/net/message.hpp"
#include "tests/bench/bench.hpp"

namespace seqlab::bench {

namespace {

constexpr std::uint32_t in_flight = 10;  // a node

struct Note final : sim::Message {
  explicit Note(std::uint64_t value) : value(value) {}
  std::uint64_t value;
};

/// Who runs a node: the event itself, or a process that waits for its mailbox.
enum class Style : std::uint8_t { direct, process };

class WanderingWorld final : public sim::DeliverySink {
 public:
  WanderingWorld(std::uint32_t nodes, Style style)
      : simulation_({.seed = 1, .permute_instants = false, .records = sim::RecordLog::Mode::off}), sums_(nodes) {
    simulation_.set_delivery_sink(*this);
    if (style == Style::process) {
      for (std::uint32_t node = 0; node < nodes; ++node) {
        inboxes_.push_back(std::make_unique<sim::Mailbox<std::uint32_t>>(simulation_));
        simulation_.processes().spawn(no_node, [this, node](sim::Process& process) {
          for (;;) handle(node, inboxes_[node]->take(process));
        });
      }
    }
    for (std::uint32_t i = 0; i < nodes * in_flight; ++i) {
      bodies_.emplace_back(pool_.make<Note>(i));
      simulation_.schedule_delivery(simulation_.now() + delay(), NodeId{i % nodes}, i);
    }
  }
  // Ends the processes while what they use is still there.
  ~WanderingWorld() { simulation_.end_processes(); }

  void run(std::uint64_t messages) { simulation_.run(time_never, messages); }

  void on_delivery(NodeId to, std::uint32_t slot) override {
    if (inboxes_.empty()) {
      handle(to.value, slot);
    } else {
      inboxes_[to.value]->put(slot);
    }
  }

 private:
  Duration delay() { return Duration{50'000'000 + static_cast<std::int64_t>(draws_.next() >> 40U)}; }
  void handle(std::uint32_t self, std::uint32_t slot) {
    std::uint64_t& sum = sums_[self];
    sum = sum * 31 + static_cast<const Note&>(*bodies_[slot]).value;
    bodies_[slot] = sim::MessagePtr{};
    bodies_[slot] = sim::MessagePtr{pool_.make<Note>(sum)};
    const auto next = static_cast<std::uint32_t>((sum >> 7U) % sums_.size());
    simulation_.schedule_delivery(simulation_.now() + delay(), NodeId{next}, slot);
  }

  sim::MessagePool pool_;
  std::vector<sim::MessagePtr> bodies_;
  sim::Simulation simulation_;
  std::vector<std::uint64_t> sums_;
  std::vector<std::unique_ptr<sim::Mailbox<std::uint32_t>>> inboxes_;
  Draws draws_{5};
};

void wandering_benchmark(benchmark::State& state, std::uint32_t nodes, Style style) {
  WanderingWorld world{nodes, style};
  constexpr std::uint64_t chunk = 50'000;
  world.run(chunk);
  for (auto _ : state) world.run(chunk);
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(chunk));
}

constexpr std::array<std::uint32_t, 3> sizes{100, 1'000, 10'000};
std::string name(const char* style, std::uint32_t nodes) { return fmt::format("wander/{}/{}", style, nodes); }

}  // namespace

Summary register_fibers() {
  for (const std::uint32_t nodes : sizes) {
    benchmark::RegisterBenchmark(name("direct", nodes).c_str(), wandering_benchmark, nodes, Style::direct);
    benchmark::RegisterBenchmark(name("process", nodes).c_str(), wandering_benchmark, nodes, Style::process);
  }
  return [](const Results& results, std::vector<Row>& rows) {
    for (const std::uint32_t nodes : sizes) {
      const std::string direct = name("direct", nodes);
      const std::string process = name("process", nodes);
      plain_row(results, rows, fmt::format("mini loop: direct call, {} nodes", nodes), direct);
      plain_row(results, rows, fmt::format("mini loop: process drains its mailbox, {} nodes", nodes), process);
      if (!results.has(direct) || !results.has(process) || !results.has(bare_loop(128))) continue;
      Row row{.what = fmt::format("  what the process costs above the call, {} nodes", nodes),
              .measured = results.median(process) - results.median(direct),
              .unit = "ns",
              .bare = results.median(bare_loop(128))};
      row.ratio = row.measured / row.bare;
      row.target = nodes == 100 ? 1 : 0;
      row.target_is_ratio = true;
      rows.push_back(row);
    }
  };
}

}  // namespace seqlab::bench
