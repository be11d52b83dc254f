#include "analysis/search/strategies/troubles.hpp"

#include <algorithm>
#include <array>

#include "scenarios/world/environment.hpp"

namespace seqlab::analysis {

using protocols::MessageKind;
using scenarios::FaultSpec;
using scenarios::MessageIntervention;
using scenarios::MessagePoint;
using scenarios::Plan;
using scenarios::Scenario;
using sim::Stream;
namespace act = scenarios::act;
namespace fault = scenarios::fault;

std::vector<NodeId> some_nodes(const std::vector<NodeId>& all, Stream& luck) {
  std::vector<NodeId> out = all;
  luck.shuffle(std::span{out});
  if (out.size() > 1) out.resize(1 + luck.below(out.size() - 1));
  std::ranges::sort(out);
  return out;
}

Duration Troubles::time(std::uint64_t rounds, Stream& luck) const {
  return std::max(seen_.round_time * static_cast<std::int64_t>(1 + luck.below(8 * rounds)) / 8, Duration{1us});
}

std::uint32_t Troubles::round(Stream& luck) const {
  const std::uint64_t span = seen_.rounds_restart ? 6 : seen_.rounds_plain + std::uint64_t{4};
  // Early rounds decide most: the lesser of two draws.
  const std::uint64_t one = luck.below(span);
  const std::uint64_t other = luck.below(span);
  return seen_.round_first + static_cast<std::uint32_t>(std::min(one, other));
}

std::uint64_t Troubles::height(Stream& luck) const {
  return 1 + luck.below(std::max<std::uint64_t>(seen_.heights, 2));
}

MessagePoint Troubles::copy(std::uint32_t count, Stream& luck) const {
  MessagePoint at;
  if (luck.chance({7, 8}) && !seen_.kinds.empty()) at.message = pick(seen_.kinds, luck);
  if (luck.chance({7, 8})) at.from = node(count, luck);
  if (luck.chance({3, 4})) at.to = node(count, luck);
  if (luck.chance({1, 2})) at.height = height(luck);
  if (luck.chance({3, 4})) at.round = round(luck);
  if (luck.chance({1, 4})) at.nth = static_cast<std::uint32_t>(1 + luck.below(4));
  if (luck.chance({1, 3})) at.count = static_cast<std::uint32_t>(luck.below(4));
  return at;
}

protocols::ForgeChanges Troubles::change(MessageKind kind, Stream& luck) const {
  protocols::ForgeChanges c;
  const bool proposes = kind == MessageKind::proposal || kind == MessageKind::vertex;
  switch (luck.below(proposes ? 8 : 6)) {
    case 0: c.block = protocols::BlockId{}; break;
    case 1: c.drop_transactions = true; break;
    case 2: c.round = protocols::Round{static_cast<std::int32_t>(round(luck))}; break;
    case 3:
      if (proposes) {
        c.valid_round = protocols::Round{static_cast<std::int32_t>(luck.below(4)) - 1};
      } else {
        c.block = protocols::BlockId{};
      }
      break;
    case 6: c.parent_of = protocols::Round{static_cast<std::int32_t>(round(luck))}; break;
    case 7: c.padded = true; break;
    default: break;
  }
  if (proposes && !c.drop_transactions && luck.chance({2, 3})) c.salt = 1 + luck.below(3);
  if (!proposes && c == protocols::ForgeChanges{}) {
    // For a block that was seen: its id is not known before the run; a vote for nobody's block is noise, nil is not.
    c.block = protocols::BlockId{};
  }
  return c;
}

MessageIntervention Troubles::drop(std::uint32_t count, Stream& luck) const { return {copy(count, luck), act::Drop{}}; }

MessageIntervention Troubles::delay(std::uint32_t count, Stream& luck) const {
  const MessagePoint at = copy(count, luck);
  return {at, act::Delay{time(8, luck)}};
}

MessageIntervention Troubles::repeat(std::uint32_t count, Stream& luck) const {
  const MessagePoint at = copy(count, luck);
  return {at, act::Duplicate{time(8, luck)}};
}

MessageIntervention Troubles::lie(NodeId liar, std::uint32_t count, Stream& luck) const {
  MessagePoint at = copy(count, luck);
  at.from = liar;
  at.message = pick(seen_.statements, luck);
  act::Forge forge{.as = liar, .to = {}, .keep = luck.chance({1, 2}), .after = {}, .changes = {}};
  if (luck.chance({1, 4})) forge.after = time(4, luck);
  forge.changes = change(*at.message, luck);
  return {at, forge};
}

FaultSpec Troubles::partition(std::uint32_t count, Stream& luck) const {
  FaultSpec split;
  split.when.at = time(40, luck);
  split.lasts = time(16, luck);
  fault::Partition what;
  what.groups.resize(2);
  for (std::uint32_t i = 0; i < count; ++i) what.groups[luck.below(2)].push_back(NodeId{i});
  std::erase_if(what.groups, [](const auto& group) { return group.empty(); });
  if (what.groups.size() == 2) what.one_way = luck.chance({1, 4});
  split.what = std::move(what);
  return split;
}

FaultSpec Troubles::pause(std::uint32_t count, Stream& luck) const {
  FaultSpec pause;
  pause.when.at = time(40, luck);
  pause.lasts = time(12, luck);
  pause.what = fault::Pause{{node(count, luck)}};
  return pause;
}

FaultSpec Troubles::crash(std::uint32_t count, const Plan& plan, Stream& luck) const {
  FaultSpec crash;
  NodeId who = node(count, luck);
  if (!seen_.relayers.empty() && luck.chance({1, 2})) who = pick(seen_.relayers, luck);
  if (luck.chance({1, 3}) || seen_.points.empty()) {
    crash.when.at = time(40, luck);
  } else {
    scenarios::Trigger::Point point;
    point.record = pick(seen_.points, luck);
    point.node = who;
    point.nth = static_cast<std::uint32_t>(1 + luck.below(12));
    crash.when.on = point;
  }
  crash.lasts = time(16, luck);
  fault::Crash what{{who}, sim::DiskFault::unsynced_lost};
  if (luck.chance({1, 4})) what.disk = sim::DiskFault::torn_tail;
  // A lost disk is a Byzantine fault: only of those who are corrupt anyway.
  const bool corrupt = std::ranges::find(plan.corrupt, who) != plan.corrupt.end();
  if (corrupt && luck.chance({1, 2})) what.disk = sim::DiskFault::wiped;
  crash.what = what;
  return crash;
}

FaultSpec Troubles::writing(Stream& luck) const {
  FaultSpec out;
  const auto some = [&](std::uint64_t blocks) {
    return std::max(seen_.l1_interval * static_cast<std::int64_t>(1 + luck.below(4 * blocks)) / 4, Duration{1ms});
  };
  out.when.at = some(24);
  const NodeId relayer = pick(seen_.relayers, luck);
  switch (luck.below(seen_.has_bundler ? 8 : 4)) {
    case 0: {
      fault::L1 reorganised;
      reorganised.depth = static_cast<std::uint32_t>(1 + luck.below(2));
      out.what = reorganised;
      return out;
    }
    case 1: {
      out.lasts = some(8);
      fault::L1 blind;
      blind.kind = fault::L1::Kind::hide;
      blind.nodes = {relayer};
      out.what = blind;
      return out;
    }
    case 2:
    case 3: {
      // Right after something it did for layer 1: most of what can go wrong does so there.
      scenarios::Trigger::Point point;
      constexpr std::array kinds{sim::RecordKind::l1_sent, sim::RecordKind::da_prepared, sim::RecordKind::da_sent,
                                 sim::RecordKind::da_confirmed};
      point.record = kinds[luck.below(kinds.size())];
      point.node = relayer;
      point.nth = static_cast<std::uint32_t>(1 + luck.below(6));
      out.when = {};
      out.when.on = point;
      out.lasts = some(4);
      fault::Crash crash{{relayer}, sim::DiskFault::unsynced_lost};
      if (luck.chance({1, 4})) crash.disk = sim::DiskFault::torn_tail;
      out.what = crash;
      return out;
    }
    case 4: out.what = fault::Relay{.kind = fault::Relay::Kind::outage}; break;
    case 5: out.what = fault::Relay{.kind = fault::Relay::Kind::lose}; break;
    case 6: out.what = fault::Relay{.kind = fault::Relay::Kind::duplicate}; break;
    default: {
      fault::Relay late{.kind = fault::Relay::Kind::delay};
      late.by = some(8);
      out.what = late;
      break;
    }
  }
  out.lasts = some(8);
  return out;
}

scenarios::RoundSplit Troubles::split(std::uint32_t count, const Plan& plan, Stream& luck) const {
  scenarios::RoundSplit split;
  if (luck.chance({1, 2}) || seen_.rounds_restart) split.height = height(luck);
  if (!seen_.rounds_restart) split.height.reset();
  split.round = round(luck);
  if (luck.chance({1, 2}) && !seen_.votes.empty()) split.message = pick(seen_.votes, luck);
  if (luck.chance({1, 3})) split.hold = time(4, luck);
  split.groups.resize(2);
  const auto put = [&](scenarios::Machine machine) { split.groups[luck.below(2)].push_back(machine); };
  for (std::uint32_t i = 0; i < count; ++i) put({NodeId{i}, false});
  for (const NodeId twin : plan.twins) put({twin, true});
  std::erase_if(split.groups, [](const auto& group) { return group.empty(); });
  return split;
}

scenarios::Intervention Troubles::any(std::uint32_t count, const Plan& plan, Stream& luck) const {
  if (!seen_.relayers.empty() && luck.chance({1, 3})) return writing(luck);
  switch (luck.below(plan.corrupt.empty() || seen_.statements.empty() ? 8 : 11)) {
    case 0: return drop(count, luck);
    case 1: return delay(count, luck);
    case 2: return repeat(count, luck);
    case 3: return partition(count, luck);
    case 4: return pause(count, luck);
    case 5: return crash(count, plan, luck);
    case 6:
    case 7: return split(count, plan, luck);
    default: return lie(pick(plan.corrupt, luck), count, luck);
  }
}

std::vector<NodeId> Troubles::leaders(std::uint64_t drawn, const Scenario& s, const Plan& plan, Stream& luck) {
  Plan out;
  out.corrupt = plan.corrupt;
  for (std::uint64_t i = 0; i < drawn; ++i) {
    const bool corrupt = !plan.corrupt.empty() && luck.chance({1, 3});
    out.leaders.push_back(corrupt ? pick(plan.corrupt, luck) : node(s.design.committee.count, luck));
  }
  add_fair_leaders(s, out);
  return std::move(out.leaders);
}

void Troubles::add_fair_leaders(const Scenario& s, Plan& plan) {
  std::vector<NodeId> honest;
  for (std::uint32_t i = 0; i < s.design.committee.count; ++i) {
    const bool corrupt = std::ranges::find(plan.corrupt, NodeId{i}) != plan.corrupt.end();
    if (!corrupt && s.design.committee.stake[i] > 0) honest.push_back(NodeId{i});
  }
  if (honest.empty()) return;
  // An engine that draws its leaders may promise progress with one at a time, and need a row once a plan orders them.
  constexpr std::size_t row_min = 4;
  const std::size_t needed = std::max<std::size_t>(scenarios::promises_of(s).leaders_in_a_row, row_min);
  for (std::size_t added = 0; added < needed; added += honest.size()) {
    plan.leaders.insert(plan.leaders.end(), honest.begin(), honest.end());
  }
}

std::vector<NodeId> Troubles::corruptible(const Scenario& s, Stream& luck) {
  std::vector<NodeId> out;
  if (!s.environment.adversaries.empty() || !scenarios::promises_of(s).byzantine_tolerant) return out;
  const auto& stake = s.design.committee.stake;
  scenarios::Power total = 0;
  for (const auto power : stake) total += power;
  scenarios::Power left = total > 0 ? (total - 1) / 3 : 0;
  for (std::uint32_t tries = 0; tries < s.design.committee.count; ++tries) {
    const NodeId who = node(s.design.committee.count, luck);
    if (stake[who.value] == 0 || stake[who.value] > left) continue;
    if (std::ranges::find(out, who) != out.end()) continue;
    left -= stake[who.value];
    out.push_back(who);
  }
  std::ranges::sort(out);
  return out;
}

}  // namespace seqlab::analysis
