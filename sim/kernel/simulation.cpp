#include "sim/kernel/simulation.hpp"

#include <utility>

#include "sim/kernel/processes.hpp"

namespace seqlab::sim {

namespace {
constexpr std::uint64_t progress_interval = 1U << 16U;
}

bool Simulation::step() {
  if (stop_) return end_ = StopReason::stopped, false;
  if (queue_.empty()) return end_ = StopReason::queue_empty, false;
  if (events_ >= events_end_) return end_ = StopReason::event_limit, false;
  if (at_ns(queue_.top().at) > until_) return now_ = until_, end_ = StopReason::time_limit, false;
  if (events_ >= next_progress_) {
    next_progress_ = events_ + progress_interval;
    if (on_progress && !on_progress(now_, events_)) return end_ = StopReason::interrupted, false;
  }

  Event event;
  if (permute_) {
    const std::size_t choices = queue_.instant_size();
    event = queue_.pop_from_instant(choices == 1 ? 0 : permutation_.below(choices));
  } else {
    event = queue_.pop();
  }
  now_ = at_ns(event.at);
  ++events_;
  dispatch(event);
  return true;
}

void Simulation::dispatch(const Event& event) {
  if ((event.target & delivery_bit) != 0) {
    sink_->on_delivery(NodeId{event.target & ~delivery_bit}, event.arg);
  } else {
    targets_[event.target]->on_event(event.arg);
  }
}

StopReason Simulation::run(SimTime until, std::uint64_t max_events) {
  stop_ = false;
  until_ = until;
  events_end_ = max_events > ~events_ ? ~std::uint64_t{0} : events_ + max_events;
  if (processes_ != nullptr) {
    processes_->run_loop();
  } else {
    while (step()) {
      // A world may get its first process from an event; from then on processes take part in the loop.
      if (processes_ != nullptr) {
        processes_->run_loop();
        break;
      }
    }
  }
  return end_;
}

/// One-time actions, by slot.
struct Simulation::Calls final : EventTarget {
  explicit Calls(Simulation& simulation) : number(simulation.add_target(*this)) {}
  void on_event(std::uint32_t slot) override {
    const std::function<void()> action = std::exchange(actions[slot], nullptr);
    free.push_back(slot);
    action();
  }
  std::uint32_t number;
  std::vector<std::function<void()>> actions;
  std::vector<std::uint32_t> free;
};

Simulation::Simulation(const SimulationOptions& options)
    : seed_(options.seed),
      permute_(options.permute_instants),
      permutation_(options.seed, "kernel.permute_instants"),
      records_(options.records) {}

Simulation::~Simulation() = default;

std::uint32_t Simulation::add_target(EventTarget& target) {
  targets_.push_back(&target);
  return static_cast<std::uint32_t>(targets_.size() - 1);
}

void Simulation::call_at(SimTime at, std::function<void()> action) {
  if (calls_ == nullptr) calls_ = std::make_unique<Calls>(*this);
  std::uint32_t slot = 0;
  if (calls_->free.empty()) {
    slot = static_cast<std::uint32_t>(calls_->actions.size());
    calls_->actions.emplace_back();
  } else {
    slot = calls_->free.back();
    calls_->free.pop_back();
  }
  calls_->actions[slot] = std::move(action);
  schedule(at, calls_->number, slot);
}

Processes& Simulation::processes() {
  if (processes_ == nullptr) processes_ = std::make_unique<Processes>(*this);
  return *processes_;
}

void Simulation::end_processes() { processes_.reset(); }

void Simulation::machine_started(NodeId node) {
  if (machine_up_.size() <= node.value) machine_up_.resize(node.value + 1);
  machine_up_[node.value] = true;
  if (processes_ != nullptr) processes_->on_node_started(node);
}

void Simulation::machine_crashed(NodeId node) {
  if (node.value < machine_up_.size()) machine_up_[node.value] = false;
  if (processes_ != nullptr) processes_->on_node_crashed(node);
}

}  // namespace seqlab::sim
