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

namespace {

/// The core that says so may be up or down: whoever is hit by it, it is not by his own record.
bool is_of_cores(sim::RecordKind kind) {
  return kind == sim::RecordKind::core_stopped || kind == sim::RecordKind::core_exported ||
         kind == sim::RecordKind::core_started || kind == sim::RecordKind::core_rolled_back;
}

}  // namespace

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

Duration Troubles::when(Stream& luck) const {
  if (!layered()) return time(40, luck);
  switch (luck.below(4)) {
    case 0: return time(40, luck);
    case 1: {
      // Kinds are alike, however often they happen.
      const std::vector<Duration>& alike = pick(seen_.moments, luck);
      const Duration moment = pick(alike, luck);
      const Duration off = luck.chance({1, 2}) ? time(2, luck) : step_of_l1(luck, 8);
      const Duration at = luck.chance({1, 3}) ? moment - off : moment + off;
      return std::max(at, Duration{1us});
    }
    default: return std::max(seen_.length / 1024 * static_cast<std::int64_t>(1 + luck.below(1024)), Duration{1us});
  }
}

Duration Troubles::lasting(std::uint64_t rounds, Stream& luck) const {
  return layered() && luck.chance({1, 2}) ? step_of_l1(luck, 64) : time(rounds, luck);
}

Duration Troubles::step_of_l1(Stream& luck, std::uint64_t quarters) const {
  const Duration interval = seen_.l1_interval > Duration::zero() ? seen_.l1_interval : 8 * seen_.round_time;
  return std::max(interval / 4 * static_cast<std::int64_t>(1 + luck.below(quarters)), Duration{1us});
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

bool Troubles::chained() const { return seen_.votes == std::vector{MessageKind::vote}; }

protocols::ForgeChanges Troubles::change(MessageKind kind, Stream& luck) const {
  protocols::ForgeChanges c;
  const auto any_round = [&] { return protocols::Round{static_cast<std::int32_t>(round(luck))}; };
  // Most bugs need the certificate right before.
  const auto some_back = [&] { return luck.chance({1, 2}) ? 1U : static_cast<std::uint32_t>(1 + luck.below(3)); };
  const auto step = [&] {
    const auto far = static_cast<std::int32_t>(1 + luck.below(2));
    return luck.chance({1, 2}) ? far : -far;
  };
  switch (kind) {
    case MessageKind::proposal:
    case MessageKind::vertex:
      switch (luck.below(chained() ? 14 : 7)) {
        case 0: c.block = protocols::BlockId{}; break;
        case 1: c.drop_transactions = true; break;
        case 2: c.round = any_round(); break;
        case 3: c.valid_round = protocols::Round{static_cast<std::int32_t>(luck.below(4)) - 1}; break;
        case 4: c.padded = true; break;
        case 5: c.round_shift = step(); break;
        case 6: break;
        case 7: c.parent_of = any_round(); break;
        default:
          c.back = some_back();
          c.lowered_tc = luck.chance({1, 4});
          c.lone_tc = !c.lowered_tc && luck.chance({1, 4});
          break;
      }
      if (!c.drop_transactions && luck.chance({2, 3})) c.salt = 1 + luck.below(3);
      break;
    case MessageKind::timeout:
    case MessageKind::new_view:
      switch (luck.below(4)) {
        case 0: c.round_shift = step(); break;
        case 1: c.valid_round = protocols::Round{static_cast<std::int32_t>(luck.below(4)) - 1}; break;
        default: c.back = some_back(); break;
      }
      break;
    default:
      switch (luck.below(6)) {
        case 0: c.round = any_round(); break;
        case 1: c.round_shift = step(); break;
        case 2:
        case 3: c.block = protocols::BlockId{}; break;
        default: c.other = static_cast<std::uint32_t>(1 + luck.below(2)); break;
      }
      break;
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
  split.when.at = when(luck);
  split.lasts = lasting(16, luck);
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
  pause.when.at = when(luck);
  pause.lasts = lasting(12, luck);
  pause.what = fault::Pause{{machine(count, luck)}};
  return pause;
}

FaultSpec Troubles::crash(std::uint32_t count, const Plan& plan, Stream& luck) const {
  FaultSpec crash;
  NodeId who = machine(count, luck);
  if (!seen_.relayers.empty() && luck.chance({1, 2})) who = pick(seen_.relayers, luck);
  if (luck.chance({1, 3}) || seen_.points.empty()) {
    crash.when.at = when(luck);
  } else {
    scenarios::Trigger::Point point;
    point.record = pick(seen_.points, luck);
    point.node = who;
    point.nth = static_cast<std::uint32_t>(1 + luck.below(12));
    // In a long run later ones as well, each power of two as likely as another.
    if (layered()) point.nth = static_cast<std::uint32_t>(1 + luck.below(std::uint64_t{1} << luck.below(11)));
    if (is_of_cores(point.record)) {
      point.node.reset();
      point.nth = 1;
    }
    crash.when.on = point;
  }
  crash.lasts = lasting(16, luck);
  fault::Crash what{{who}, sim::DiskFault::unsynced_lost};
  if (luck.chance({1, 4})) what.disk = sim::DiskFault::torn_tail;
  // A lost disk is a Byzantine fault: only of those who are corrupt anyway.
  const bool corrupt = std::ranges::find(plan.corrupt, who) != plan.corrupt.end();
  if (corrupt && luck.chance({1, 2})) what.disk = sim::DiskFault::wiped;
  crash.what = what;
  return crash;
}

FaultSpec Troubles::layer_1(std::uint32_t count, Stream& luck) const {
  using Kind = fault::L1::Kind;
  FaultSpec trouble;
  trouble.when.at = luck.chance({1, 2}) ? when(luck) : step_of_l1(luck, 160);
  trouble.lasts = step_of_l1(luck, 64);
  fault::L1 what;
  switch (luck.below(8)) {
    case 0:
    case 1:
      what.kind = Kind::reorganise;
      if (luck.chance({1, 2})) what.depth = 1 + static_cast<std::uint32_t>(luck.below(seen_.l1_depth));
      break;
    case 2:
      what.kind = Kind::hide;
      what.nodes = {node(count, luck)};
      break;
    case 3: what.kind = Kind::halt; break;
    case 4:
      what.kind = Kind::demand;
      what.percent = 100U << luck.between(1, 5);
      break;
    case 5:
      what.kind = Kind::censor;
      what.percent = static_cast<std::uint32_t>(luck.between(1, 4) * 25);
      break;
    default:
      what.kind = Kind::lag;
      what.nodes = {node(count, luck)};
      what.by = step_of_l1(luck, 40);
      break;
  }
  trouble.what = std::move(what);
  return trouble;
}

FaultSpec Troubles::writing(Stream& luck) const {
  FaultSpec out;
  const auto some = [&](std::uint64_t blocks) {
    return std::max(seen_.l1_interval * static_cast<std::int64_t>(1 + luck.below(4 * blocks)) / 4, Duration{1ms});
  };
  out.when.at = luck.chance({1, 2}) ? when(luck) : some(24);
  const NodeId relayer = pick(seen_.relayers, luck);
  switch (luck.below(seen_.has_bundler ? 8 : 4)) {
    case 0: {
      fault::L1 reorganised;
      reorganised.depth = static_cast<std::uint32_t>(1 + luck.below(seen_.l1_depth));
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
  // Where a round has one height, or all have, the round says enough.
  const bool many = !seen_.rounds_restart && seen_.rounds_plain < seen_.heights;
  if (seen_.rounds_restart || (many && luck.chance({1, 2}))) split.height = height(luck);
  split.round = round(luck);
  if (luck.chance({1, 2}) && !seen_.votes.empty()) split.message = pick(seen_.votes, luck);
  if (luck.chance({1, 3})) split.hold = time(4, luck);
  split.groups.resize(2);
  const bool bridges = luck.chance({1, 3});  // some hear and reach both sides
  const auto put = [&](scenarios::Machine machine) {
    const std::uint64_t side = luck.below(bridges ? 3 : 2);
    if (side < 2) split.groups[side].push_back(machine);
  };
  for (std::uint32_t i = 0; i < count; ++i) put({NodeId{i}, false});
  for (const NodeId twin : plan.twins) put({twin, true});
  std::erase_if(split.groups, [](const auto& group) { return group.empty(); });
  if (luck.chance({1, 4})) split.rounds = static_cast<std::uint32_t>(2 + luck.below(3));
  return split;
}

MessageIntervention Troubles::pass_on(NodeId liar, std::uint32_t count, Stream& luck) const {
  MessagePoint at = copy(count, luck);
  at.to = liar;
  if (at.from == liar) at.from.reset();
  if (luck.chance({1, 2})) at.count = 0;
  act::Resend again{.as = liar, .to = {}, .keep = luck.chance({3, 4}), .after = time(16, luck)};
  again.to = some_nodes(others(liar, count), luck);
  return {at, again};
}

void Troubles::add_habit(NodeId liar, std::uint32_t count, Plan& plan, Stream& luck) const {
  MessagePoint at;
  at.from = liar;
  at.count = 0;
  if (luck.chance({1, 2})) at.round = round(luck);
  if (seen_.rounds_restart && luck.chance({1, 2})) at.height = height(luck);
  const auto add = [&](MessageKind kind, std::optional<NodeId> to, auto what) {
    MessagePoint there = at;
    there.message = kind;
    there.to = to;
    plan.interventions.push_back(MessageIntervention{there, what});
  };
  const std::vector<NodeId> all = others(liar, count);
  if (std::ranges::find(seen_.statements, MessageKind::proposal) != seen_.statements.end()) {
    const std::vector<NodeId> victims = luck.chance({2, 3}) ? all : some_nodes(all, luck);
    act::Forge lie{.as = liar, .to = {}, .keep = luck.chance({1, 8}), .after = {}, .changes = {}};
    lie.changes = change(MessageKind::proposal, luck);
    // Who is not told that tale is told another one, nothing, or the truth.
    const std::uint64_t rest = luck.below(4);
    act::Forge other_lie = lie;
    other_lie.changes = change(MessageKind::proposal, luck);
    for (const NodeId to : all) {
      if (std::ranges::find(victims, to) != victims.end()) {
        add(MessageKind::proposal, to, lie);
      } else if (rest == 0) {
        add(MessageKind::proposal, to, act::Drop{});
      } else if (rest == 1) {
        add(MessageKind::proposal, to, other_lie);
      }
    }
  }
  // The liar stands by what it made up, or has two minds.
  for (const MessageKind kind : seen_.votes) {
    if (!luck.chance({7, 8})) continue;
    act::Forge vote{.as = liar, .to = {}, .keep = luck.chance({1, 8}), .after = {}, .changes = {}};
    vote.changes.other = luck.chance({3, 4}) ? 1 : 2;
    if (luck.chance({3, 4})) {
      add(kind, std::nullopt, vote);
    } else {
      for (const NodeId to : some_nodes(all, luck)) add(kind, to, vote);
    }
  }
  for (const MessageKind kind : {MessageKind::timeout, MessageKind::new_view}) {
    if (std::ranges::find(seen_.statements, kind) == seen_.statements.end() || !luck.chance({1, 3})) continue;
    act::Forge forged{.as = liar, .to = {}, .keep = luck.chance({1, 8}), .after = {}, .changes = {}};
    forged.changes = change(kind, luck);
    add(kind, std::nullopt, forged);
  }
}

void Troubles::add_series(const Scenario& s, Plan& plan, Stream& luck) const {
  const std::uint32_t count = s.design.committee.count;
  if (proposes() && luck.chance({1, 6})) return add_partial_knowledge(s, plan, luck);
  // Few play a part: what one alone has learned must come back to the same one.
  std::vector<NodeId> cast;
  for (std::uint64_t i = 1 + luck.below(3); i > 0; --i) cast.push_back(node(count, luck));
  const std::uint64_t length = seen_.rounds_restart ? 1 + luck.below(4) : 3 + luck.below(8);
  const std::uint32_t first = seen_.round_first + static_cast<std::uint32_t>(luck.below(seen_.rounds_restart ? 2 : 3));
  std::optional<std::uint64_t> at_height;
  if (seen_.rounds_restart) at_height = 1 + luck.below(2);
  const std::uint64_t shift = at_height ? *at_height - 1 : 0;

  // Leaders that come again after a few rounds, or as they fall.
  if (seen_.leaders_obey && luck.chance({3, 4})) {
    const std::uint64_t drawn = shift + first + length + luck.below(3);
    plan.leaders = leaders(drawn, s, plan, luck);
    const std::uint64_t period = 2 + luck.below(4);
    if (luck.chance({1, 2})) {
      for (std::uint64_t i = period; i < drawn; ++i) plan.leaders[i] = plan.leaders[i - period];
    }
  }
  if (luck.chance({1, 2}) && !seen_.votes.empty()) {
    return add_secrets(cast, first, at_height, shift, count, plan, luck);
  }
  // One pattern for all rounds, or each as it falls.
  const Cut same = cut(luck);
  const bool uniform = luck.chance({2, 3});
  const bool periodic = luck.chance({1, 2});
  const std::uint64_t period = 1 + luck.below(4);
  const std::uint64_t pattern = luck.below(std::uint64_t{1} << (periodic ? period : length));
  for (std::uint64_t i = 0; i < length; ++i) {
    const bool on = (pattern >> (periodic ? i % period : i) & 1U) != 0;
    if (!on) continue;
    const std::uint32_t round = first + static_cast<std::uint32_t>(i);
    const std::uint64_t times = luck.chance({1, 4}) ? 2 : 1;
    for (std::uint64_t k = 0; k < times; ++k) {
      const Cut what = uniform && k == 0 ? same : cut(luck);
      NodeId who = pick(cast, luck);
      if (what.leader && !plan.leaders.empty()) who = plan.leaders[(shift + round) % plan.leaders.size()];
      add_cut(what, who, at_height, round, count, plan, luck);
    }
  }
}

/// What a quorum said comes to one node's ears alone, which is then away for a while.
void Troubles::add_secrets(const std::vector<NodeId>& cast, std::uint32_t first, std::optional<std::uint64_t> at_height,
                           std::uint64_t shift, std::uint32_t count, Plan& plan, Stream& luck) const {
  const std::uint64_t secrets = 1 + luck.below(4);
  const std::uint64_t step = luck.below(4);  // 0: drawn each time
  const std::uint64_t away = luck.below(4);  // 0: drawn each time
  std::uint32_t round = first;
  for (std::uint64_t i = 0; i < secrets; ++i) {
    NodeId who = luck.chance({1, 2}) ? pick(cast, luck) : node(count, luck);
    // A leader is the one who hears chained votes; others tell everybody.
    if (chained() && !plan.leaders.empty()) who = plan.leaders[(shift + round + 1) % plan.leaders.size()];
    if (!chained()) {
      add_cut({.shape = Cut::star, .message = pick(seen_.votes, luck)}, who, at_height, round, count, plan, luck);
    }
    const std::uint64_t rounds = away == 0 ? luck.below(3) : away;
    if (rounds > 0) {
      add_cut({.shape = Cut::alone, .rounds = static_cast<std::uint32_t>(rounds)}, who, at_height, round + 1, count,
              plan, luck);
    }
    round += static_cast<std::uint32_t>(step == 0 ? 1 + luck.below(3) : step);
  }
}

bool Troubles::proposes() const {
  return std::ranges::find(seen_.statements, MessageKind::proposal) != seen_.statements.end();
}

void Troubles::add_silence(NodeId who, std::optional<std::uint64_t> at_height, std::uint32_t first,
                           std::uint32_t rounds, std::uint32_t count, Plan& plan) const {
  scenarios::RoundSplit split;
  split.height = at_height;
  split.round = first;
  split.rounds = rounds;
  split.groups.resize(2);
  for (std::uint32_t i = 0; i < count; ++i) split.groups[NodeId{i} == who ? 0 : 1].push_back({NodeId{i}, false});
  for (const NodeId twin : plan.twins) split.groups[twin == who ? 0 : 1].push_back({twin, true});
  plan.interventions.push_back(std::move(split));
}

void Troubles::add_partial_knowledge(const Scenario& s, Plan& plan, Stream& luck) const {
  if (plan.corrupt.empty() || luck.chance({1, 2})) {
    add_whispers(s, plan, luck);
  } else {
    add_betrayal(s, plan, luck);
  }
}

void Troubles::add_betrayal(const Scenario& s, Plan& plan, Stream& luck) const {
  const std::uint32_t count = s.design.committee.count;
  constexpr std::uint32_t for_good = 1000;
  const NodeId liar = pick(plan.corrupt, luck);
  std::vector<NodeId> honest = others(liar, count);
  std::erase_if(honest, [&](NodeId n) { return std::ranges::find(plan.corrupt, n) != plan.corrupt.end(); });
  if (honest.empty()) return;
  const NodeId holder = pick(honest, luck);
  const std::uint32_t secret = seen_.round_first + static_cast<std::uint32_t>(luck.below(seen_.rounds_restart ? 2 : 4));
  const std::uint32_t lie = secret + 1 + static_cast<std::uint32_t>(luck.below(3));
  std::optional<std::uint64_t> at_height;
  if (seen_.rounds_restart) at_height = 1 + luck.below(2);
  const std::uint64_t shift = at_height ? *at_height - 1 : 0;
  if (seen_.leaders_obey) {
    plan.leaders = leaders(shift + lie + 2, s, plan, luck);
    if (chained() && secret + 1 < lie) plan.leaders[shift + secret + 1] = holder;
    plan.leaders[shift + lie] = liar;
    if (luck.chance({3, 4})) plan.leaders[shift + lie + 1] = pick(honest, luck);
  }
  // Chained votes go to the next leader alone. Others go to everybody.
  if (!chained() && !seen_.votes.empty()) {
    add_cut({.shape = Cut::star, .message = pick(seen_.votes, luck)}, holder, at_height, secret, count, plan, luck);
  }
  add_silence(holder, at_height, secret + 1, lie - secret + static_cast<std::uint32_t>(luck.below(3)), count, plan);

  MessagePoint at;
  at.from = liar;
  at.height = at_height;
  at.round = lie;
  at.count = 0;
  at.message = MessageKind::proposal;
  act::Forge other{.as = liar, .to = {}, .keep = false, .after = {}, .changes = change(MessageKind::proposal, luck)};
  if (chained() && luck.chance({1, 2})) {
    other.changes = {};
    other.changes.back = static_cast<std::uint32_t>(1 + luck.below(2));
  }
  plan.interventions.push_back(MessageIntervention{at, other});
  for (const MessageKind kind : seen_.votes) {
    at.message = kind;
    act::Forge vote{.as = liar, .to = {}, .keep = false, .after = {}, .changes = {}};
    vote.changes.other = 1;
    plan.interventions.push_back(MessageIntervention{at, vote});
  }
  const std::uint32_t rounds = luck.chance({2, 3}) ? for_good : static_cast<std::uint32_t>(1 + luck.below(3));
  const auto after = static_cast<std::uint32_t>(luck.chance({2, 3}) ? 1 : 2);
  add_silence(liar, luck.chance({1, 2}) ? std::nullopt : at_height, lie + after, rounds, count, plan);
}

void Troubles::add_whispers(const Scenario& s, Plan& plan, Stream& luck) const {
  const std::uint32_t count = s.design.committee.count;
  const auto length = static_cast<std::uint32_t>(3 + luck.below(4));
  const std::uint32_t first = seen_.round_first + static_cast<std::uint32_t>(luck.below(seen_.rounds_restart ? 2 : 3));
  std::optional<std::uint64_t> at_height;
  if (seen_.rounds_restart) at_height = 1 + luck.below(2);
  const std::uint64_t shift = at_height ? *at_height - 1 : 0;
  // Who leads has to be known. Where leaders come in turns, each of the rounds has another one.
  if (plan.leaders.empty()) {
    if (!seen_.leaders_obey) return;
    std::vector<NodeId> order = others(no_node, count);
    luck.shuffle(std::span{order});
    for (std::uint64_t i = 0; i < shift + first + length; ++i) plan.leaders.push_back(order[i % order.size()]);
    add_fair_leaders(s, plan);
  }
  const auto leader_of = [&](std::uint32_t round) { return plan.leaders[(shift + round) % plan.leaders.size()]; };
  const auto unheard = [&](MessageKind kind, NodeId from, std::uint32_t round) {
    MessagePoint at;
    at.message = kind;
    at.from = from;
    at.height = at_height;
    at.round = round;
    at.count = 0;
    plan.interventions.push_back(MessageIntervention{at, act::Drop{}});
  };
  for (std::uint32_t round = first; round < first + length; ++round) {
    const NodeId leader = leader_of(round);
    const auto away = static_cast<std::uint32_t>(1 + luck.below(2));
    switch (luck.below(4)) {
      case 0: break;  // as ever
      case 1: unheard(MessageKind::proposal, leader, round); break;
      case 2: {
        unheard(MessageKind::proposal, leader, round);
        for (const MessageKind kind : {MessageKind::timeout, MessageKind::new_view, MessageKind::view_change}) {
          if (std::ranges::find(seen_.statements, kind) != seen_.statements.end()) unheard(kind, leader, round);
        }
        add_silence(leader, at_height, round + 1, away, count, plan);
        const NodeId before = round > seen_.round_first ? leader_of(round - 1) : leader;
        if (before == leader || luck.chance({1, 4})) break;
        // It cannot get what the last leader has either.
        scenarios::RoundSplit link;
        link.height = at_height;
        link.round = round;
        for (const NodeId without : {before, leader}) {
          std::vector<scenarios::Machine> group;
          for (const NodeId n : others(without, count)) group.push_back({n, false});
          for (const NodeId twin : plan.twins) {
            if (twin != without) group.push_back({twin, true});
          }
          link.groups.push_back(std::move(group));
        }
        plan.interventions.push_back(std::move(link));
        break;
      }
      default: add_silence(leader, at_height, round, away + 1, count, plan); break;
    }
  }
}

Troubles::Cut Troubles::cut(Stream& luck) const {
  Cut out;
  switch (luck.below(8)) {
    case 0: out.shape = Cut::star; break;
    case 1: out.shape = Cut::mute; break;
    case 2: out.shape = Cut::deaf; break;
    case 3: out.shape = Cut::halves; break;
    default: out.shape = Cut::alone; break;
  }
  out.leader = luck.chance({2, 3});
  if (luck.chance({1, 3}) && !seen_.statements.empty()) out.message = pick(seen_.statements, luck);
  if (luck.chance({1, 4})) out.hold = time(8, luck);
  return out;
}

void Troubles::add_cut(const Cut& what, NodeId who, std::optional<std::uint64_t> at_height, std::uint32_t round,
                       std::uint32_t count, Plan& plan, Stream& luck) const {
  if (what.shape == Cut::mute || what.shape == Cut::deaf) {
    MessagePoint at;
    at.message = what.message;
    (what.shape == Cut::mute ? at.from : at.to) = who;
    at.height = at_height;
    at.round = round;
    at.count = 0;
    if (what.hold == Duration{}) {
      plan.interventions.push_back(MessageIntervention{at, act::Drop{}});
    } else {
      plan.interventions.push_back(MessageIntervention{at, act::Delay{what.hold}});
    }
    return;
  }
  scenarios::RoundSplit split;
  split.height = at_height;
  split.round = round;
  split.message = what.message;
  split.hold = what.hold;
  split.rounds = what.rounds;
  if (what.shape == Cut::alone || what.shape == Cut::halves) split.groups.resize(2);
  for (std::uint32_t i = 0; i < count; ++i) {
    const bool twice = std::ranges::find(plan.twins, NodeId{i}) != plan.twins.end();
    for (const bool twin : {false, true}) {
      const scenarios::Machine machine{NodeId{i}, twin};
      if (twin && !twice) continue;
      if (what.shape == Cut::halves) {
        split.groups[luck.below(2)].push_back(machine);
      } else if (what.shape == Cut::alone) {
        split.groups[NodeId{i} == who && !twin ? 0 : 1].push_back(machine);
      } else if (machine != scenarios::Machine{who, false}) {
        split.groups.push_back({{who, false}, machine});  // all hear and reach that one, and nobody else
      }
    }
  }
  std::erase_if(split.groups, [](const auto& group) { return group.empty(); });
  plan.interventions.push_back(std::move(split));
}

std::vector<NodeId> Troubles::others(NodeId but, std::uint32_t count) {
  std::vector<NodeId> out;
  for (std::uint32_t i = 0; i < count; ++i) {
    if (NodeId{i} != but) out.push_back(NodeId{i});
  }
  return out;
}

scenarios::Intervention Troubles::any(std::uint32_t count, const Plan& plan, Stream& luck) const {
  if (seen_.l1_interval > Duration::zero() && luck.chance({1, 4})) return layer_1(count, luck);
  if (!seen_.relayers.empty() && luck.chance({1, 3})) return writing(luck);
  if (layered() && luck.chance({1, 6})) return crash(count, plan, luck);
  switch (luck.below(plan.corrupt.empty() || seen_.statements.empty() ? 8 : 12)) {
    case 0: return drop(count, luck);
    case 1: return delay(count, luck);
    case 2: return repeat(count, luck);
    case 3: return partition(count, luck);
    case 4: return pause(count, luck);
    case 5: return crash(count, plan, luck);
    case 6:
    case 7: return split(count, plan, luck);
    case 8: return pass_on(pick(plan.corrupt, luck), count, luck);
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
