#include "scenarios/checkers/liveness.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace seqlab::scenarios {

namespace {

std::uint64_t mix(std::uint64_t seed, std::uint64_t value) {
  std::uint64_t x = (seed ^ (value + 0x9e3779b97f4a7c15U)) * 0xbf58476d1ce4e5b9U;
  return x ^ (x >> 29U);
}

void insert_sorted(std::vector<NodeId>& nodes, NodeId node) {
  const auto at = std::lower_bound(nodes.begin(), nodes.end(), node);
  if (at == nodes.end() || *at != node) nodes.insert(at, node);
}

/// Engines ask for what they lack one peer after another, each within this time: only when all have been asked in vain
/// is it known that the next rounds are like these.
constexpr Duration asks_again = 2s;

/// Not slower than before, within what jitter does.
bool steady(Duration before, Duration after) { return after <= before + before / 64; }

}  // namespace

LivenessChecker::LivenessChecker(const CheckerContext& context)
    : context_(context), roster_(context.node_count), positions_(context.node_count) {}

void LivenessChecker::on_record(const Record& record) {
  roster_.observe(record);
  if (record.kind == RecordKind::healing_started) {
    healed_ = true;
    healed_at_ = record.at;
    active_at_ = record.at;
    return;
  }
  if (!roster_.knows(record.node)) return;
  if (record.kind == RecordKind::core_member) {
    insert_sorted(core_, record.node);
    positions_[record.node.value].core = true;
    return;
  }
  if (healed_ && !judging_) begin(record.at);
  note_position(record);
  if (judging_ && liveness_ == Liveness::not_checked && positions_[record.node.value].core) judge(record);
}

void LivenessChecker::note_position(const Record& record) {
  Position& mine = positions_[record.node.value];
  switch (record.kind) {
    case RecordKind::round_entered:
      if (mine.height != record.height) mine.lock = {};
      mine.height = record.height;
      mine.round = record.round;
      mine.known = true;
      break;
    case RecordKind::locked:
      if (mine.height == record.height) mine.lock = record.id();
      break;
    case RecordKind::committed: {
      if (!roster_.honest(record.node) || static_cast<sim::CommitLevel>(record.detail) != sim::CommitLevel::final)
        break;
      mine.committed_at = record.at;
      Hash128* decided =
          decided_.open(record.height, roster_.floor() == 0 ? 0 : roster_.floor() - 1, roster_.height_max());
      if (decided == nullptr) break;
      if (!*decided) *decided = record.id();
      if (*decided != record.id()) forked_ = true;
      break;
    }
    default:
      break;
  }
}

void LivenessChecker::begin(SimTime at) {
  judging_ = true;
  start_ = roster_.height_max();
  goal_ = start_ + context_.healing_blocks;
  for (const NodeId node : core_) height_ = std::max(height_, positions_[node.value].height);

  if (core_.empty()) return decide(Liveness::excused, at, {});
  if (forked_) return decide(Liveness::excused, at, {});
  const NodeId sequencer = context_.engine.sequencer;
  if (sequencer != no_node && !std::binary_search(core_.begin(), core_.end(), sequencer)) {
    return decide(Liveness::excused, at, {});
  }
  // Of the committees on the way, with those of the blocks that finish the last one, and of the one that changes which
  // are ordered already lead to.
  constexpr std::uint64_t far = std::uint64_t{1} << 60U;
  for (std::uint64_t h = start_ + 1; h <= goal_ + context_.engine.leaders_in_a_row; ++h) {
    if (!promised(h)) return decide(Liveness::excused, at, {});
  }
  if (!promised(far)) return decide(Liveness::excused, at, {});
}

/// Whether the core can be held to progress with the committee of that height.
bool LivenessChecker::promised(std::uint64_t height) const {
  const Powers& powers = roster_.powers();
  Power power = 0;
  for (const NodeId node : core_) power += powers.of(node, height);
  if (context_.engine.byzantine_tolerant && power < powers.quorum(height)) return false;
  if (!context_.leaders.empty()) {
    // Whoever holds the highest lock must lead some day: nothing is promised to those whom a schedule leaves out.
    const auto leads = [&](NodeId node) {
      return powers.of(node, height) == 0 || std::ranges::find(context_.leaders, node) != context_.leaders.end();
    };
    if (!std::ranges::all_of(core_, leads)) return false;
  }
  return longest_run_of_leaders(height) >= context_.engine.leaders_in_a_row;
}

/// Neighbours in the order of leaders (that of nodes, if no plan sets it), the first after the last, that belong to the
/// core.
std::uint64_t LivenessChecker::longest_run_of_leaders(std::uint64_t height) const {
  const Powers& powers = roster_.powers();
  std::vector<NodeId> members;
  for (std::uint32_t i = 0; i < context_.node_count; ++i) {
    if (powers.of(NodeId{i}, height) > 0) members.push_back(NodeId{i});
  }
  if (members.empty()) return 0;
  std::vector<bool> live;
  // Who is named and is no member is stood in for by the first.
  for (const NodeId named : context_.leaders) {
    live.push_back(positions_[(powers.of(named, height) > 0 ? named : members.front()).value].core);
  }
  if (context_.leaders.empty()) {
    for (const NodeId member : members) live.push_back(positions_[member.value].core);
  }
  if (std::ranges::find(live, false) == live.end()) return ~std::uint64_t{0};
  std::uint64_t longest = 0;
  std::uint64_t run = 0;
  for (std::size_t i = 0; i < 2 * live.size(); ++i) {
    run = live[i % live.size()] ? run + 1 : 0;
    longest = std::max(longest, run);
  }
  return longest;
}

void LivenessChecker::judge(const Record& record) {
  const Position& mine = positions_[record.node.value];
  switch (record.kind) {
    case RecordKind::committed: {
      active_at_ = record.at;
      if (forked_) return decide(Liveness::excused, record.at, {});
      if (record.height >= height_) follow(record.height + 1);
      // What the others did there without it says nothing about what they do together.
      if (record.height + 1 == height_) {
        for (auto& [number, round] : open_) round.belated = true;
      }
      if (record.height < goal_) break;
      const bool all = std::all_of(core_.begin(), core_.end(),
                                   [&](NodeId node) { return roster_.height(node) >= goal_; });
      if (all) decide(Liveness::progress, record.at, {});
      break;
    }
    case RecordKind::round_entered: {
      active_at_ = record.at;
      if (record.height > height_) follow(record.height);
      if (record.height < height_) break;
      auto [at, fresh] = open_.try_emplace(record.round);
      if (fresh) {
        at->second.entered_at = record.at;
        at->second.deeds.assign(core_.size(), 0);
        at->second.belated = std::any_of(core_.begin(), core_.end(), [&](NodeId node) {
          const Position& member = positions_[node.value];
          const bool here = member.height == height_ || roster_.height(node) + 1 == height_;
          return member.known && here && member.round > record.round;
        });
        if (!at->second.belated) ++rounds_seen_;
      }
      add_deed(record, 1);
      close_rounds(record.at);
      break;
    }
    case RecordKind::step_entered:
      active_at_ = record.at;
      add_deed(record, mix(2, record.detail));
      break;
    case RecordKind::proposed:
      if (record.height == height_) {
        if (const auto at = open_.find(record.round); at != open_.end()) {
          insert_sorted(at->second.proposers, record.node);
        }
      }
      break;
    case RecordKind::voted:
      if (record.height == height_) {
        if (const auto at = open_.find(record.round); at != open_.end()) {
          add_deed(record, mix(mix(3, record.detail), target_class(mine, record.id())));
        }
      }
      break;
    case RecordKind::locked:
      add_deed(record, 4);
      break;
    default:
      break;
  }
}

/// The core has moved on: what it did at earlier heights is no cycle.
void LivenessChecker::follow(std::uint64_t height) {
  height_ = height;
  rounds_seen_ = 0;
  open_.clear();
  symbols_.clear();
}

void LivenessChecker::add_deed(const Record& record, std::uint64_t deed) {
  if (record.height != height_) return;
  const auto at = open_.find(record.round);
  if (at == open_.end()) return;
  const auto position = std::lower_bound(core_.begin(), core_.end(), record.node) - core_.begin();
  std::uint64_t& mine = at->second.deeds[static_cast<std::size_t>(position)];
  mine = mix(mine, deed);
}

std::uint64_t LivenessChecker::target_class(const Position& mine, Hash128 id) const {
  enum : std::uint64_t { nil, own_lock, foreign_lock, something };
  if (!id) return nil;
  if (id == mine.lock) return own_lock;
  const bool foreign = std::any_of(core_.begin(), core_.end(), [&](NodeId node) {
    const Position& other = positions_[node.value];
    return other.height == mine.height && other.lock == id;
  });
  return foreign ? foreign_lock : something;
}

void LivenessChecker::close_rounds(SimTime at) {
  std::uint32_t least = ~std::uint32_t{0};
  for (const NodeId node : core_) {
    const Position& member = positions_[node.value];
    if (!member.known || member.height != height_) return;  // somebody is still elsewhere
    least = std::min(least, member.round);
  }
  bool closed = false;
  while (!open_.empty() && open_.begin()->first < least) {
    Round& round = open_.begin()->second;
    Symbol symbol;
    symbol.at = round.entered_at;
    for (const std::uint64_t deeds : round.deeds) symbol.hash = mix(symbol.hash, deeds);
    for (const NodeId proposer : round.proposers) symbol.hash = mix(symbol.hash, proposer.value);
    symbol.proposers = std::move(round.proposers);
    const bool belated = round.belated;
    open_.erase(open_.begin());
    if (belated) continue;
    const SimTime next = open_.empty() ? at : open_.begin()->second.entered_at;
    round_max_ = std::max(round_max_, next - symbol.at);
    symbols_.push_back(std::move(symbol));
    closed = true;
  }
  if (!closed || symbols_.size() < rounds_needed()) return;
  const SimTime end = open_.empty() ? at : open_.begin()->second.entered_at;
  for (std::size_t period = 1; 3 * period <= symbols_.size(); ++period) {
    if (!is_cycle(period, end)) continue;
    decide(Liveness::lasso, at,
           fmt::format("{} cannot finish height {}: the same {} rounds have come three times in a row, in {} ms each",
                       node_names(core_), height_, period,
                       ns(end - symbols_[symbols_.size() - period].at) / 1'000'000));
    return;
  }
}

bool LivenessChecker::is_cycle(std::size_t period, SimTime end) const {
  const std::size_t first = symbols_.size() - 3 * period;
  for (std::size_t i = first; i + period < symbols_.size(); ++i) {
    if (symbols_[i].hash != symbols_[i + period].hash) return false;
  }
  std::vector<NodeId> proposers;
  for (std::size_t i = first; i < first + period; ++i) {
    for (const NodeId proposer : symbols_[i].proposers) insert_sorted(proposers, proposer);
  }
  for (const NodeId node : core_) {
    if (roster_.powers().of(node, height_) > 0 && !std::binary_search(proposers.begin(), proposers.end(), node)) {
      return false;  // the rotation has not come round
    }
  }
  const Duration one = symbols_[first + period].at - symbols_[first].at;
  const Duration two = symbols_[first + 2 * period].at - symbols_[first + period].at;
  const Duration three = end - symbols_[first + 2 * period].at;
  if (end - symbols_[first].at < asks_again * static_cast<std::int64_t>(core_.size())) return false;
  return steady(one, two) && steady(one, three) && steady(two, three);
}

std::uint64_t LivenessChecker::rounds_needed() const {
  const std::uint64_t members = roster_.powers().members(height_);
  if (const std::uint64_t length = context_.leaders.size(); length > 0) {
    const auto bad = std::ranges::count_if(context_.leaders, [&](NodeId n) { return !positions_[n.value].core; });
    return 2 * (static_cast<std::uint64_t>(bad) + 2) + std::max<std::uint64_t>(context_.engine.rotations, 1) * length;
  }
  const std::uint64_t good = static_cast<std::uint64_t>(
      std::count_if(core_.begin(), core_.end(), [&](NodeId n) { return roster_.powers().of(n, height_) > 0; }));
  return 2 * (members - std::min(good, members) + 2) + context_.engine.rotations * members;
}

std::vector<NodeId> LivenessChecker::missing() const {
  std::vector<NodeId> out;
  for (const NodeId node : core_) {
    if (roster_.height(node) < goal_) out.push_back(node);
  }
  return out;
}

void LivenessChecker::finish(SimTime end) {
  if (healed_ && !judging_) begin(end);
  if (!judging_ || liveness_ != Liveness::not_checked) return;

  const std::vector<NodeId> behind = missing();
  if (behind.empty()) return decide(Liveness::progress, end, {});
  const Duration healed_for = end - healed_at_;
  const Duration round_long = std::max({context_.engine.round_bound, round_max_, Duration{10s}});

  if (behind.size() < core_.size()) {
    // Some made it. The others may be catching up: open as long as they move.
    const bool moving = std::any_of(behind.begin(), behind.end(), [&](NodeId node) {
      const SimTime last = std::max(positions_[node.value].committed_at, healed_at_);
      return end - last < std::max(healed_for / 4, round_long);
    });
    if (moving) return;
    return decide(Liveness::suspected, end,
                  fmt::format("{} did not come to height {} within {} ms of the healing, although the rest of the core "
                              "did",
                              node_names(behind), goal_, ns(healed_for) / 1'000'000));
  }
  if (rounds_seen_ >= rounds_needed()) {
    return decide(Liveness::suspected, end,
                  fmt::format("{} made {} rounds at height {} in the {} ms after the healing and decided nothing",
                              node_names(core_), rounds_seen_, height_, ns(healed_for) / 1'000'000));
  }
  if (end - active_at_ > 4 * round_long) {
    return decide(Liveness::suspected, end,
                  fmt::format("{} stand still at height {}: nothing has happened in the last {} ms",
                              node_names(core_), height_, ns(end - active_at_) / 1'000'000));
  }
}

void LivenessChecker::decide(Liveness verdict, SimTime at, std::string text) {
  const bool bad = verdict == Liveness::lasso || verdict == Liveness::suspected;
  if (bad && !context_.engine.live_across_changes && roster_.powers().changes()) verdict = Liveness::excused;
  liveness_ = verdict;
  if (verdict == Liveness::lasso || verdict == Liveness::suspected) report(at, missing(), std::move(text));
}

}  // namespace seqlab::scenarios
