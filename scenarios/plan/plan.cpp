#include "scenarios/plan/plan.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "scenarios/checkers/checker.hpp"
#include "scenarios/spec/table.hpp"
#include "scenarios/spec/units.hpp"

namespace seqlab::scenarios {

namespace {

std::string ordinal(std::uint64_t n) {
  const bool teen = n % 100 >= 11 && n % 100 <= 13;
  const char* ending = teen ? "th" : n % 10 == 1 ? "st" : n % 10 == 2 ? "nd" : n % 10 == 3 ? "rd" : "th";
  return std::to_string(n) + ending;
}

std::string where(std::optional<std::uint64_t> height, std::optional<std::uint32_t> round) {
  std::string out;
  if (height) out += fmt::format(" height {}", *height);
  if (round) out += fmt::format(" round {}", *round);
  return out.empty() ? out : " in" + out;
}

std::string describe(const MessagePoint& p) {
  std::string out = p.count == 0 ? (p.nth == 1 ? "every " : "from the " + ordinal(p.nth) + " on every ")
                    : p.count == 1
                        ? (p.nth == 1 ? "the " : "the " + ordinal(p.nth) + " ")
                        : fmt::format("{} from the {} on: ", p.count, ordinal(p.nth));
  out += p.message ? std::string{protocols::name_of(*p.message)} : "message";
  if (p.from) out += " of " + node_name(*p.from);
  if (p.to) out += " to " + node_name(*p.to);
  return out + where(p.height, p.round);
}

std::string describe(const Trigger& when) {
  if (when.at) return "at " + format_duration(*when.at);
  const Trigger::Point& p = *when.on;
  std::string out = "after the " + (p.nth == 1 ? std::string{} : ordinal(p.nth) + " ") + "`" +
                    std::string{sim::name_of(p.record)} + "`";
  if (p.detail) {
    const std::vector<std::string> names = detail_names(p.record);
    out += " (" + (*p.detail < names.size() ? names[*p.detail] : std::to_string(*p.detail)) + ")";
  }
  if (p.node) out += " of " + node_name(*p.node);
  return out + where(p.height, p.round);
}

std::string groups_text(const std::vector<std::vector<NodeId>>& groups) {
  std::string out;
  for (const auto& group : groups) out += (out.empty() ? "" : " | ") + node_names(group);
  return out;
}

std::string describe(const FaultSpec& fault) {
  std::string what;
  std::string lasting = "for ";
  if (const auto* crash = std::get_if<fault::Crash>(&fault.what)) {
    what = "crash " + node_names(crash->nodes);
    const std::vector<std::string> disks = detail_names(sim::RecordKind::disk_lost);
    if (crash->disk != sim::DiskFault::unsynced_lost) what += " (" + disks[static_cast<std::size_t>(crash->disk)] + ")";
    lasting = "restart after ";
  } else if (const auto* pause = std::get_if<fault::Pause>(&fault.what)) {
    what = "pause " + node_names(pause->nodes);
  } else if (const auto* partition = std::get_if<fault::Partition>(&fault.what)) {
    what = (partition->one_way ? "cut one way " : "partition ") + groups_text(partition->groups);
  } else if (const auto* l1 = std::get_if<fault::L1>(&fault.what)) {
    using Kind = fault::L1::Kind;
    switch (l1->kind) {
      case Kind::reorganise: what = fmt::format("layer 1 takes back {} blocks", l1->depth); break;
      case Kind::hide: what = "layer 1 is hidden from " + node_names(l1->nodes); break;
      case Kind::lag:
        what = fmt::format("{} see layer 1 {} later", node_names(l1->nodes), format_duration(l1->by));
        break;
      case Kind::lie: what = "layer 1 is forged for " + node_names(l1->nodes); break;
      case Kind::halt: what = "layer 1 makes no blocks"; break;
      case Kind::demand: what = fmt::format("layer 1 costs {} %", l1->percent); break;
      case Kind::censor: what = fmt::format("{} % of the miners censor", l1->percent); break;
    }
  } else if (const auto* relay = std::get_if<fault::Relay>(&fault.what)) {
    using Kind = fault::Relay::Kind;
    switch (relay->kind) {
      case Kind::outage: what = "the bundler takes nothing"; break;
      case Kind::lose: what = fmt::format("the bundler loses {} % of what it takes", relay->percent); break;
      case Kind::delay: what = fmt::format("the bundler posts {} later", format_duration(relay->by)); break;
      case Kind::duplicate: what = "the bundler posts twice"; break;
      case Kind::idle: what = node_names(relay->nodes) + " write nothing to layer 1"; break;
      case Kind::abuse: what = node_names(relay->nodes) + " write nothing and blame the bundler"; break;
    }
  } else {
    const auto& jump = std::get<fault::ClockJump>(fault.what);
    return fmt::format("the clocks of {} jump by {}, {}", node_names(jump.nodes), format_duration(jump.step),
                       describe(fault.when));
  }
  what += " " + describe(fault.when);
  if (fault.lasts >= Duration::zero()) what += ", " + lasting + format_duration(fault.lasts);
  return what;
}

std::string describe(const protocols::ForgeChanges& c) {
  std::vector<std::string> parts;
  if (c.block)
    parts.push_back(*c.block == protocols::BlockId{} ? "for nil" : "for block " + to_hex(*c.block).substr(0, 8));
  if (c.height) parts.push_back(fmt::format("of height {}", c.height->value));
  if (c.round) parts.push_back(fmt::format("of round {}", c.round->value));
  if (c.valid_round) parts.push_back(fmt::format("with valid round {}", c.valid_round->value));
  if (c.timestamp_shift) parts.push_back("with its time moved by " + format_duration(*c.timestamp_shift));
  if (c.drop_transactions) parts.push_back("of an empty block");
  if (c.salt != 0) parts.push_back("of another block");
  if (c.parent_of) parts.push_back(fmt::format("of the block of round {}", c.parent_of->value));
  if (c.padded) parts.push_back("with one signature many times");
  if (c.round_shift != 0) parts.push_back(fmt::format("{:+} rounds away", c.round_shift));
  if (c.back != 0) parts.push_back(fmt::format("on the certificate {} before", c.back));
  if (c.other != 0) parts.push_back(fmt::format("for the {}other proposal", c.other > 1 ? ordinal(c.other) + " " : ""));
  if (c.lowered_tc) parts.push_back("with a lower certificate beside the timeouts");
  if (c.lone_tc) parts.push_back("with timeouts of its own alone");
  return parts.empty() ? "the same" : fmt::format("{}", fmt::join(parts, ", "));
}

}  // namespace

std::string describe(const Intervention& intervention) {
  if (const auto* fault = std::get_if<FaultSpec>(&intervention)) return describe(*fault);
  if (const auto* split = std::get_if<RoundSplit>(&intervention)) {
    std::string out = split->message ? "split the " + std::string{protocols::name_of(*split->message)} + "s" : "split";
    out += where(split->height, split->round);
    if (split->rounds > 1) out += fmt::format(" to {}", std::uint64_t{split->round} + split->rounds - 1);
    out += ": ";
    for (std::size_t g = 0; g < split->groups.size(); ++g) {
      if (g != 0) out += " | ";
      for (std::size_t i = 0; i < split->groups[g].size(); ++i) {
        const Machine& m = split->groups[g][i];
        out += (i != 0 ? " " : "") + node_name(m.node) + (m.twin ? "'" : "");
      }
    }
    return split->hold == Duration{} ? out : out + ", late by " + format_duration(split->hold);
  }
  const auto& message = std::get<MessageIntervention>(intervention);
  const std::string at = describe(message.at);
  if (const auto* delay = std::get_if<act::Delay>(&message.what))
    return "delay " + at + " by " + format_duration(delay->by);
  if (const auto* twice = std::get_if<act::Duplicate>(&message.what)) {
    return "repeat " + at + " after " + format_duration(twice->after);
  }
  if (const auto* forge = std::get_if<act::Forge>(&message.what)) {
    std::string out = (forge->keep ? "besides " : "instead of ") + at + " " + node_name(forge->as) + " sends";
    if (!forge->to.empty()) out += " " + node_names(forge->to);
    if (forge->after > Duration{}) out += " " + format_duration(forge->after) + " later";
    return out + " one " + describe(forge->changes);
  }
  if (const auto* again = std::get_if<act::Resend>(&message.what)) {
    if (again->to.empty()) return again->keep ? "nothing for " + at : node_name(again->as) + " ignores " + at;
    std::string out = node_name(again->as) + " sends " + at + (again->keep ? " again, to " : " not there but to ");
    out += node_names(again->to);
    if (again->after > Duration{}) out += ", " + format_duration(again->after) + " later";
    return out;
  }
  return "drop " + at;
}

std::vector<std::string> problems_of(const Plan& plan, const Scenario& scenario) {
  std::vector<std::string> out;
  const std::uint32_t count = scenario.design.committee.count;
  const auto exists = [&](NodeId node, std::string_view place) {
    if (node.value < count) return true;
    out.push_back(fmt::format("{} names {}; the scenario has n0 to n{}", place, node_name(node), count - 1));
    return false;
  };
  std::vector<bool> owned(count);
  for (const NodeId node : plan.corrupt) {
    if (exists(node, "`corrupt`")) owned[node.value] = true;
  }
  for (const AdversarySpec& adversary : scenario.environment.adversaries) {
    for (const NodeId node : adversary.nodes) {
      if (plan.without_scripts) {
        owned[node.value] = true;
      } else if (owned[node.value]) {
        out.push_back(
            fmt::format("`corrupt` names {}, which belongs to the script {}", node_name(node), adversary.script));
      }
    }
  }
  for (const NodeId node : plan.twins) {
    if (exists(node, "`twins`") && !owned[node.value]) {
      out.push_back(fmt::format("`twins` names {}, which is not in `corrupt`", node_name(node)));
    }
  }
  for (const NodeId node : plan.leaders) exists(node, "`leaders`");
  for (std::size_t i = 0; i < plan.interventions.size(); ++i) {
    const std::string place = fmt::format("interventions[{}]", i);
    if (const auto* split = std::get_if<RoundSplit>(&plan.interventions[i])) {
      for (const auto& group : split->groups) {
        for (const Machine& m : group) {
          if (exists(m.node, place) && m.twin && std::ranges::find(plan.twins, m.node) == plan.twins.end()) {
            out.push_back(fmt::format("{} names {}', which has no twin", place, node_name(m.node)));
          }
        }
      }
    } else if (const auto* fault = std::get_if<FaultSpec>(&plan.interventions[i])) {
      // The core that a migration replaces is a machine like any other.
      const auto machine_exists = [&](NodeId node) {
        if (node.value >= machine_count(scenario)) exists(node, place);
      };
      const auto all_exist = [&](const std::vector<NodeId>& nodes) { std::ranges::for_each(nodes, machine_exists); };
      if (fault->when.on && fault->when.on->node) machine_exists(*fault->when.on->node);
      if (const auto* crash = std::get_if<fault::Crash>(&fault->what)) all_exist(crash->nodes);
      if (const auto* pause = std::get_if<fault::Pause>(&fault->what)) all_exist(pause->nodes);
      if (const auto* jump = std::get_if<fault::ClockJump>(&fault->what)) all_exist(jump->nodes);
      if (const auto* l1 = std::get_if<fault::L1>(&fault->what)) all_exist(l1->nodes);
      if (const auto* relay = std::get_if<fault::Relay>(&fault->what)) all_exist(relay->nodes);
      if (const auto* partition = std::get_if<fault::Partition>(&fault->what)) {
        for (const auto& group : partition->groups) all_exist(group);
      }
    } else {
      const auto& message = std::get<MessageIntervention>(plan.interventions[i]);
      // Clients, which come after the nodes, send and receive as well.
      const std::uint32_t ends = machine_count(scenario) + scenario.environment.workload.clients;
      const auto can_hear = [&](NodeId end) {
        if (end.value >= ends) exists(end, place);
      };
      if (message.at.from) can_hear(*message.at.from);
      if (message.at.to) can_hear(*message.at.to);
      if (const auto* forge = std::get_if<act::Forge>(&message.what)) {
        std::ranges::for_each(forge->to, can_hear);
        if (exists(forge->as, place) && !owned[forge->as.value]) {
          out.push_back(fmt::format("{} forges as {}, which is not in `corrupt`", place, node_name(forge->as)));
        }
      } else if (const auto* again = std::get_if<act::Resend>(&message.what)) {
        std::ranges::for_each(again->to, can_hear);
        if (exists(again->as, place) && !owned[again->as.value]) {
          out.push_back(fmt::format("{} sends as {}, which is not in `corrupt`", place, node_name(again->as)));
        }
      }
    }
  }
  return out;
}

}  // namespace seqlab::scenarios
