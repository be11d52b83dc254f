#include "analysis/search/coverage.hpp"

#include <algorithm>
#include <array>

#include "sim/base/hash.hpp"

namespace seqlab::analysis {

namespace {

using sim::Record;
using sim::RecordKind;

constexpr std::uint64_t heights_apart_max = 3;
constexpr std::uint32_t rounds_apart_max = 4;

struct NamedGoal {
  Goal goal;
  std::string_view name;
};

constexpr std::array goals_named{
    NamedGoal{Goal::later_round, "a block committed in a round after the first"},
    NamedGoal{Goal::much_later_round, "a block committed three rounds or more after the first"},
    NamedGoal{Goal::locks_differ, "honest nodes locked on different blocks"},
    NamedGoal{Goal::nil_certificate, "a certificate for nil"},
    NamedGoal{Goal::certificates_differ, "two certificates for different blocks of one height"},
    NamedGoal{Goal::caught_up, "a node learned that it was behind, and caught up"},
    NamedGoal{Goal::crash_survived, "a node crashed and committed again"},
    NamedGoal{Goal::evidence, "evidence against somebody"},
    NamedGoal{Goal::heights_differ, "honest nodes two heights or more apart"},
    NamedGoal{Goal::rounds_differ, "honest nodes two rounds or more apart"},
    NamedGoal{Goal::reverted, "a delivery below final was taken back"},
    NamedGoal{Goal::committee_changed, "the committee changed"},
};
constexpr std::size_t goal_count = static_cast<std::size_t>(Goal::count);
static_assert(goals_named.size() == goal_count && goal_count <= 64);

/// @pre  the table is in the order of `Goal`, which the compiler checks
consteval std::array<std::string_view, goal_count> names_in_order() {
  std::array<std::string_view, goal_count> out{};
  for (std::size_t i = 0; i < goal_count; ++i) {
    if (goals_named[i].goal != static_cast<Goal>(i)) throw "a goal is not at its place";
    out[i] = goals_named[i].name;
  }
  return out;
}
constexpr std::array<std::string_view, goal_count> names = names_in_order();

std::uint64_t mix(std::uint64_t a, std::uint64_t b) {
  std::uint64_t x = (a ^ (b + 0x9e3779b97f4a7c15U + (a << 6U))) * 0xff51afd7ed558ccdU;
  return x ^ (x >> 32U);
}

}  // namespace

std::span<const std::string_view> goal_names() { return names; }

Coverage::Coverage(std::uint32_t node_count) : nodes_(node_count) { scratch_.reserve(node_count); }

sim::KindMask Coverage::kinds() {
  return sim::mask_of(RecordKind::corrupt, RecordKind::node_started, RecordKind::node_crashed,
                      RecordKind::round_entered, RecordKind::step_entered, RecordKind::voted, RecordKind::locked,
                      RecordKind::certified, RecordKind::committed, RecordKind::evidence, RecordKind::caught_up,
                      RecordKind::reverted, RecordKind::validator, RecordKind::healing_started);
}

void Coverage::on_record(const Record& record) {
  if (record.kind == RecordKind::healing_started) {
    healing_ = true;
    return;
  }
  // The healing phase is the same story in every run.
  if (healing_ || record.node.value >= nodes_.size()) return;
  Node& node = nodes_[record.node.value];
  switch (record.kind) {
    case RecordKind::corrupt: node.corrupt = true; return;
    case RecordKind::node_started: node.up = true; break;
    case RecordKind::node_crashed:
      node.up = false;
      node.crashed = true;
      break;
    case RecordKind::round_entered:
      node.height = record.height;
      node.round = record.round;
      node.step = 0;
      node.vote = 0;
      rounds_max_ = std::max(rounds_max_, record.round);
      break;
    case RecordKind::step_entered: node.step = record.detail; break;
    case RecordKind::voted:
      if (node.corrupt) return;
      node.vote = static_cast<std::uint8_t>(record.detail * 2 + (record.id() == Hash128{} ? 1 : 0));
      break;
    case RecordKind::locked: node.locked = record.id(); break;
    case RecordKind::certified: {
      if (node.corrupt) return;
      if (record.id() == Hash128{}) {
        reach(Goal::nil_certificate);
        break;
      }
      const auto differs = [&](const Certificate& c) {
        return c.height == record.height && c.type == record.detail && c.id != record.id();
      };
      if (std::ranges::any_of(certificates_, differs)) {
        reach(Goal::certificates_differ);
        ++certificates_apart_;
      }
      if (certificates_.size() < 64 && std::ranges::none_of(certificates_, [&](const Certificate& c) {
            return c.height == record.height && c.type == record.detail && c.id == record.id();
          })) {
        certificates_.push_back({record.height, record.round, record.detail, record.id()});
      }
      break;
    }
    case RecordKind::committed:
      if (node.corrupt || record.detail != static_cast<std::uint8_t>(sim::CommitLevel::final)) return;
      node.committed = record.id();
      node.locked = {};
      if (node.crashed) reach(Goal::crash_survived);
      if (node.round >= 1) reach(Goal::later_round);
      if (node.round >= 3) reach(Goal::much_later_round);
      break;
    case RecordKind::evidence: reach(Goal::evidence); return;
    case RecordKind::caught_up: reach(Goal::caught_up); break;
    case RecordKind::reverted: reach(Goal::reverted); break;
    case RecordKind::validator:
      if (record.height > 1) reach(Goal::committee_changed);
      return;
    default: return;
  }
  note_state();
}

void Coverage::note_state() {
  std::uint64_t height_min = ~std::uint64_t{0};
  std::uint64_t height_max = 0;
  for (const Node& n : nodes_) {
    if (n.corrupt || !n.up) continue;
    height_min = std::min(height_min, n.height);
    height_max = std::max(height_max, n.height);
  }
  if (height_min > height_max) return;
  std::uint32_t round_min = ~std::uint32_t{0};
  std::uint32_t round_max = 0;
  Hash128 a_lock{};
  bool locks_apart = false;
  for (const Node& n : nodes_) {
    if (n.corrupt || !n.up || n.height != height_max) continue;
    round_min = std::min(round_min, n.round);
    round_max = std::max(round_max, n.round);
    if (n.locked == Hash128{}) continue;
    if (a_lock == Hash128{}) a_lock = n.locked;
    locks_apart |= n.locked != a_lock;
  }
  if (locks_apart) {
    reach(Goal::locks_differ);
    ++locks_apart_;
  }
  if (height_max - height_min >= 2) reach(Goal::heights_differ);
  if (round_max - round_min >= 2) reach(Goal::rounds_differ);

  scratch_.clear();
  for (const Node& n : nodes_) {
    if (n.corrupt) continue;
    std::uint64_t h = n.up ? 1 : 2;
    if (n.up) {
      const std::uint64_t behind = std::min(height_max - std::min(height_max, n.height), heights_apart_max);
      const bool top = n.height == height_max;
      const std::uint32_t late = top ? std::min(round_max - n.round, rounds_apart_max) : 0;
      const std::uint64_t lock = n.locked == Hash128{} ? 0 : n.locked == a_lock ? 1 : 2;
      h = mix(mix(mix(h, behind), late), std::uint64_t{n.step} << 16U | std::uint64_t{n.vote} << 8U | lock);
      h = mix(h, n.crashed ? 1 : 0);
    }
    scratch_.push_back(h);
  }
  std::ranges::sort(scratch_);
  std::uint64_t state = std::min<std::uint32_t>(round_max, 8);
  for (const std::uint64_t h : scratch_) state = mix(state, h);
  if (states_.empty() || states_.back() != state) states_.push_back(state);
}

std::vector<std::uint64_t> Coverage::take_states() {
  std::ranges::sort(states_);
  states_.erase(std::unique(states_.begin(), states_.end()), states_.end());
  return std::move(states_);
}

std::uint32_t Coverage::nearness() const {
  return std::min<std::uint32_t>(rounds_max_, 20) + 4 * std::min<std::uint32_t>(locks_apart_, 50) +
         16 * std::min<std::uint32_t>(certificates_apart_, 50);
}

}  // namespace seqlab::analysis
