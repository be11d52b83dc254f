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

constexpr auto consensus_kinds =
    sim::mask_of(RecordKind::corrupt, RecordKind::node_started, RecordKind::node_crashed, RecordKind::round_entered,
                 RecordKind::step_entered, RecordKind::proposed, RecordKind::voted, RecordKind::locked,
                 RecordKind::certified, RecordKind::committed, RecordKind::evidence, RecordKind::caught_up,
                 RecordKind::reverted, RecordKind::validator, RecordKind::healing_started);

}  // namespace

std::uint64_t Coverage::goals() const {
  std::uint64_t out = goals_;
  for (const Layer& layer : layers_) out |= layer.coverage->goals();
  return out;
}

Coverage::Coverage(const scenarios::Scenario& scenario) : nodes_(scenario.design.committee.count) {
  scratch_.reserve(nodes_.size());
  for (std::unique_ptr<LayerCoverage>& layer : layers_of(scenario)) {
    const sim::KindMask kinds = layer->kinds();
    layer_kinds_ |= kinds;
    layers_.push_back({std::move(layer), kinds, 0});
  }
  kinds_ = consensus_kinds | layer_kinds_;
}

void Coverage::on_record(const Record& record) {
  if (record.kind == RecordKind::healing_started) healing_ = true;
  // The healing phase is the same story in every run.
  if (healing_) return;
  const sim::KindMask kind = sim::mask_of(record.kind);
  if ((layer_kinds_ & kind) != 0) note_layers(kind, record);
  if ((consensus_kinds & kind) != 0 && record.node.value < nodes_.size() && on_consensus(record)) note_state();
}

void Coverage::note_layers(sim::KindMask kind, const Record& record) {
  bool news = false;
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    Layer& layer = layers_[i];
    if ((layer.kinds & kind) == 0 || !layer.coverage->on_record(record)) continue;
    const std::uint64_t state = mix(i + 1, layer.coverage->state());
    if (state == layer.noted) continue;
    layer.noted = state;
    add(state);
    news = true;
  }
  if (!news || layers_.size() < 2) return;
  std::uint64_t together = 0;
  for (const Layer& layer : layers_) together = mix(together, layer.coverage->gist());
  if (together == together_) return;
  together_ = together;
  add(together);
}

void Coverage::note_proposed(const Record& record) {
  const auto same = [&](const Proposed& p) { return p.id == record.id() && p.height == record.height; };
  const auto at = std::ranges::find_if(proposed_, same);
  if (at != proposed_.end()) {
    again_ = record.round > at->round;
    return;
  }
  again_ = false;
  proposed_[proposed_next_++ % proposed_.size()] = {record.height, record.round, record.id()};
}

bool Coverage::on_consensus(const Record& record) {
  Node& node = nodes_[record.node.value];
  switch (record.kind) {
    case RecordKind::corrupt: node.corrupt = true; return false;
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
      if (node.corrupt) return false;
      node.vote = static_cast<std::uint8_t>(record.detail * 2 + (record.id() == Hash128{} ? 1 : 0));
      break;
    case RecordKind::locked: node.locked = record.id(); break;
    case RecordKind::certified: {
      if (node.corrupt) return false;
      if (record.id() == Hash128{}) {
        reach(Goal::nil_certificate);
        break;
      }
      if (again_ && std::ranges::any_of(proposed_, [&](const Proposed& p) {
            return p.id == record.id() && p.round < record.round;
          })) {
        ++again_certified_;
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
    case RecordKind::proposed: note_proposed(record); break;
    case RecordKind::committed:
      if (node.corrupt) return false;
      if (record.detail != static_cast<std::uint8_t>(sim::CommitLevel::final)) {
        if (record.height > node.final_height) node.relied = record.id();
        break;
      }
      if (record.id() == node.relied) node.relied = {};
      node.final_height = record.height;
      node.locked = {};
      if (node.crashed) reach(Goal::crash_survived);
      if (node.round >= 1) reach(Goal::later_round);
      if (node.round >= 3) reach(Goal::much_later_round);
      break;
    case RecordKind::evidence: reach(Goal::evidence); return false;
    case RecordKind::caught_up: reach(Goal::caught_up); break;
    case RecordKind::reverted:
      reach(Goal::reverted);
      node.relied = {};
      break;
    case RecordKind::validator:
      if (record.height > 1) reach(Goal::committee_changed);
      return false;
    default: return false;
  }
  return true;
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
  Hash128 relied{};
  std::uint64_t reliers = 0;  // on blocks that are not final
  bool relied_apart = false;
  bool locks_apart = false;
  for (const Node& n : nodes_) {
    if (n.corrupt || !n.up) continue;
    if (n.relied != Hash128{}) {
      relied_apart |= reliers != 0 && relied != n.relied;
      relied = n.relied;
      ++reliers;
    }
    if (n.height != height_max) continue;
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
  // What only engines of speculation and of blocks that are proposed again have leaves the states of others alone.
  if (again_ || reliers != 0) {
    state = mix(state, (again_ ? 1U : 0U) | (relied_apart ? 2U : 0U) | std::min<std::uint64_t>(reliers, 3) << 2U);
  }
  add(state);
}

void Coverage::add(std::uint64_t state) {
  if (!states_.empty() && states_.back() == state) return;
  states_.push_back(state);
  if (states_.size() < tidy_at_) return;
  std::ranges::sort(states_);
  states_.erase(std::unique(states_.begin(), states_.end()), states_.end());
  tidy_at_ = std::max<std::size_t>(8192, 2 * states_.size());
}

std::vector<std::uint64_t> Coverage::take_states() {
  std::ranges::sort(states_);
  states_.erase(std::unique(states_.begin(), states_.end()), states_.end());
  return std::move(states_);
}

std::uint32_t Coverage::nearness() const {
  std::uint32_t near = std::min<std::uint32_t>(rounds_max_, 20) + 4 * std::min<std::uint32_t>(locks_apart_, 50) +
                       16 * std::min<std::uint32_t>(certificates_apart_, 50) +
                       4 * std::min<std::uint32_t>(again_certified_, 8);
  for (const Layer& layer : layers_) near += layer.coverage->nearness();
  return near;
}

}  // namespace seqlab::analysis
