#include "analysis/search/twins_json.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "scenarios/spec/shape.hpp"

namespace seqlab::analysis {

namespace {

using namespace seqlab::scenarios;

constexpr std::uint32_t nodes_max = 1000;
constexpr std::uint32_t round_max = 100'000;
constexpr Duration hold_max = 1000h;
constexpr std::uint32_t split_rounds_max = 1000;

using MachineNumber = std::uint32_t;

/// A scenario as it is written: numbers for machines.
struct Written {
  std::uint64_t seed = 1;
  std::map<std::uint32_t, std::vector<MachineNumber>> leaders;
  std::map<std::uint32_t, std::vector<std::vector<MachineNumber>>> partitions;
  std::map<std::uint32_t, std::map<std::uint32_t, std::vector<MachineNumber>>> firewall;
  std::map<std::uint32_t, protocols::MessageKind> messages;
  std::map<std::uint32_t, Duration> holds;
  Position at;
};

struct WrittenFile {
  std::uint32_t nodes = 4;
  std::uint32_t twin_count = 0;
  std::vector<std::uint32_t> twins;
  std::vector<Written> scenarios;
};

/// A mapping from numbers, which are keys and therefore text.
template <class T>
Shape<std::map<std::uint32_t, T>> by_number(std::string what, std::uint32_t most, Shape<T> item) {
  Shape<std::map<std::uint32_t, T>> out;
  out.form = "mapping from " + what + " to " + item.form;
  out.schema.add("type", Value::text_of("object")).add("additionalProperties", item.schema);
  out.write = [write = item.write](const std::map<std::uint32_t, T>& map) -> std::optional<Value> {
    if (map.empty()) return std::nullopt;
    Value value = Value::map();
    for (const auto& [key, entry] : map) value.add(std::to_string(key), write(entry).value_or(Value{}));
    return value;
  };
  out.read = [what, most, read = std::move(item.read)](const Value& value, std::map<std::uint32_t, T>& map,
                                                       Reader& reader) {
    map.clear();
    if (!value.is_map()) {
      reader.problem(value, "expected a mapping, found " + describe(value), "{\"1\": ..., \"2\": ...}");
      return;
    }
    for (std::size_t i = 0; i < value.items.size(); ++i) {
      const std::string& key = value.keys[i].text;
      const bool digits = !key.empty() && key.size() <= 9 && key.find_first_not_of("0123456789") == std::string::npos;
      if (!digits || std::stoul(key) > most) {
        reader.problem(value.keys[i].at, "`" + key.substr(0, 60) + "` is no " + what,
                       fmt::format("a number from 0 to {}", most));
        continue;
      }
      const Reader::Step step(reader, key);
      T entry{};
      read(value.items[i], entry, reader);
      map[static_cast<std::uint32_t>(std::stoul(key))] = std::move(entry);
    }
  };
  return out;
}

Shape<protocols::MessageKind> message_kind() {
  std::vector<std::pair<std::string, protocols::MessageKind>> kinds;
  for (std::size_t i = 0; i < static_cast<std::size_t>(protocols::MessageKind::count); ++i) {
    const auto kind = static_cast<protocols::MessageKind>(i);
    kinds.emplace_back(std::string{protocols::name_of(kind)}, kind);
  }
  return choice(std::move(kinds));
}

Shape<Written> scenario_shape() {
  using W = Written;
  const auto machine = integer<std::uint32_t>(0, 2 * nodes_max);
  const auto machines = list_of(machine, 2 * nodes_max);
  return object<W>(
      {
          field<W>("seed", &W::seed, integer<std::uint64_t>(0, ~std::uint64_t{0}), "Of everything that is drawn."),
          field<W>("round_leaders", &W::leaders, by_number("round", round_max, machines), "Who leads, by round."),
          field<W>("round_partitions", &W::partitions, by_number("round", round_max, list_of(machines, nodes_max)),
                   "Groups of machines, by round: messages of the round pass only within a group.")
              .must(),
          field<W>("firewall", &W::firewall,
                   by_number("round", round_max, by_number("machine", 2 * nodes_max, machines)),
                   "By round and sender: whom its messages of that round do not reach."),
          field<W>("round_messages", &W::messages, by_number("round", round_max, message_kind()),
                   "By round: only messages of this kind are split."),
          field<W>("round_holds", &W::holds, by_number("round", round_max, duration(0s, hold_max)),
                   "By round: what does not pass arrives so much later."),
      },
      [](const Value& value, W& scenario, Reader&) { scenario.at = value.at; });
}

Shape<WrittenFile> file_shape() {
  using F = WrittenFile;
  return object<F>({
      field<F>("num_of_nodes", &F::nodes, integer<std::uint32_t>(1, nodes_max), "Nodes, twins not counted.").must(),
      field<F>("num_of_twins", &F::twin_count, integer<std::uint32_t>(0, nodes_max), "How many run twice.").must(),
      field<F>("twins", &F::twins,
               unless(std::vector<std::uint32_t>{}, list_of(integer<std::uint32_t>(0, nodes_max), nodes_max)),
               "Who runs twice; without it the first nodes."),
      field<F>("scenarios", &F::scenarios, list_of(scenario_shape(), 100'000), "Scenarios.").must(),
  });
}

/// Machines by number, with what is wrong told once for each place.
class Machines {
 public:
  Machines(const WrittenFile& file, Reader& reader) : file_(file), reader_(reader) {}

  Machine of(MachineNumber number, const Position& at, std::string_view place) {
    if (number < file_.nodes) return {NodeId{number}, false};
    if (number - file_.nodes < file_.twins.size()) return {NodeId{file_.twins[number - file_.nodes]}, true};
    wrong(at, fmt::format("{} names machine {}; there are 0 to {}", place, number,
                          file_.nodes + file_.twins.size() - 1));
    return {NodeId{0}, false};
  }
  void wrong(const Position& at, std::string text, std::string hint = {}) {
    reader_.problem(at, std::move(text), std::move(hint));
  }

 private:
  const WrittenFile& file_;
  Reader& reader_;
};

Plan plan_of(const Written& w, const WrittenFile& file, Machines& machines) {
  Plan plan;
  plan.seed = w.seed;
  for (const std::uint32_t twin : file.twins) plan.twins.push_back(NodeId{twin});
  std::ranges::sort(plan.twins);
  plan.corrupt = plan.twins;
  const auto corrupt = [&](NodeId node) {
    return std::ranges::find(plan.corrupt, node) != plan.corrupt.end();
  };

  if (!w.leaders.empty()) {
    const std::uint32_t first = w.leaders.begin()->first;
    if (w.leaders.rbegin()->first - first + 1 != w.leaders.size()) {
      machines.wrong(w.at, "the rounds of `round_leaders` do not follow one another", "leave no round out");
      return plan;
    }
    // Round r is led by leaders[r % size].
    plan.leaders.resize(w.leaders.size());
    for (const auto& [round, leaders] : w.leaders) {
      NodeId leader{no_node};
      for (const MachineNumber number : leaders) {
        const NodeId node = machines.of(number, w.at, fmt::format("round_leaders of round {}", round)).node;
        if (leader != no_node && node != leader) {
          machines.wrong(w.at, fmt::format("round {} has two leaders", round), "one node, or both of its machines");
        }
        leader = node;
      }
      if (leader == no_node) machines.wrong(w.at, fmt::format("round {} has nobody who leads", round));
      plan.leaders[round % plan.leaders.size()] = leader == no_node ? NodeId{0} : leader;
    }
  }
  for (const auto& [round, groups] : w.partitions) {
    RoundSplit split;
    split.round = round;
    for (const auto& group : groups) {
      split.groups.emplace_back();
      for (const MachineNumber number : group) {
        split.groups.back().push_back(machines.of(number, w.at, fmt::format("round_partitions of round {}", round)));
      }
    }
    if (const auto hold = w.holds.find(round); hold != w.holds.end()) split.hold = hold->second;
    if (const auto kind = w.messages.find(round); kind != w.messages.end()) split.message = kind->second;
    plan.interventions.emplace_back(std::move(split));
  }
  for (const auto& [round, senders] : w.firewall) {
    for (const auto& [sender, receivers] : senders) {
      const Machine from = machines.of(sender, w.at, fmt::format("firewall of round {}", round));
      for (const MachineNumber receiver : receivers) {
        const Machine to = machines.of(receiver, w.at, fmt::format("firewall of round {}", round));
        if (from.twin || to.twin || corrupt(from.node) || corrupt(to.node)) {
          machines.wrong(w.at, fmt::format("the firewall of round {} names a machine of a node that runs twice", round),
                         "use round_partitions: groups may overlap");
          continue;
        }
        plan.interventions.emplace_back(
            MessageIntervention{{.from = from.node, .to = to.node, .round = round, .nth = 1, .count = 0}, act::Drop{}});
      }
    }
  }
  for (const auto& [round, kind] : w.messages) {
    if (w.partitions.count(round) == 0) machines.wrong(w.at, fmt::format("round {} is not split", round));
  }
  for (const auto& [round, hold] : w.holds) {
    if (w.partitions.count(round) == 0) machines.wrong(w.at, fmt::format("round {} is not split", round));
  }
  return plan;
}

/// Whose words the form has: see the header.
Written written(const Plan& plan, const TwinsFile& file, std::size_t index) {
  const auto refuse = [&](const std::string& why) {
    throw InputError(Problem{"plan", 0, 0, fmt::format("scenarios[{}]", index), why,
                             "Twins scenarios are leaders and split rounds; a plan file says everything"});
  };
  Written w;
  w.seed = plan.seed;
  if (plan.corrupt != plan.twins) refuse("nodes are corrupt that do not run twice");
  if (plan.twins != file.scenarios.front().twins) refuse("other nodes run twice than in the first scenario");
  const auto number_of = [&](const Machine& m) {
    if (!m.twin) return m.node.value;
    const auto at = std::ranges::find(plan.twins, m.node);
    if (at == plan.twins.end()) refuse("there is no second machine of n" + std::to_string(m.node.value));
    return static_cast<std::uint32_t>(file.nodes + (at - plan.twins.begin()));
  };
  for (std::uint32_t i = 0; i < plan.leaders.size(); ++i) {
    w.leaders[i].push_back(number_of({plan.leaders[i], false}));
    const bool twice = std::ranges::find(plan.twins, plan.leaders[i]) != plan.twins.end();
    if (twice) w.leaders[i].push_back(number_of({plan.leaders[i], true}));
  }
  for (const Intervention& what : plan.interventions) {
    if (const auto* split = std::get_if<RoundSplit>(&what)) {
      if (split->height) refuse("a round is split in one height only");
      if (split->rounds > split_rounds_max) refuse("a split is of too many rounds to write down");
      for (std::uint32_t round = split->round; round - split->round < split->rounds; ++round) {
        if (w.partitions.count(round) != 0) refuse(fmt::format("round {} is split twice", round));
        auto& groups = w.partitions[round];
        for (const auto& group : split->groups) {
          groups.emplace_back();
          for (const Machine& m : group) groups.back().push_back(number_of(m));
        }
        if (split->hold != Duration{}) w.holds[round] = split->hold;
        if (split->message) w.messages[round] = *split->message;
      }
      continue;
    }
    const auto* message = std::get_if<MessageIntervention>(&what);
    const bool wall = message != nullptr && std::holds_alternative<act::Drop>(message->what) && message->at.from &&
                      message->at.to && message->at.round && !message->at.message && !message->at.height &&
                      message->at.nth == 1 && message->at.count == 0;
    if (!wall) {
      refuse("it would " + describe(what));
      continue;
    }
    w.firewall[*message->at.round][message->at.from->value].push_back(message->at.to->value);
  }
  return w;
}

}  // namespace

TwinsFile parse_twins_json(std::string_view text, const std::string& file) {
  std::vector<Problem> problems;
  WrittenFile read;
  TwinsFile out;
  const std::unique_ptr<Value> value = read_yaml(text, file, problems);
  if (value != nullptr) {
    Reader reader{problems};
    file_shape().read(*value, read, reader);
    if (problems.empty() && read.twins.empty()) {
      for (std::uint32_t i = 0; i < std::min(read.twin_count, read.nodes); ++i) read.twins.push_back(i);
    }
    if (problems.empty()) {
      std::vector<std::uint32_t> once = read.twins;
      std::ranges::sort(once);
      const bool repeated = std::adjacent_find(once.begin(), once.end()) != once.end();
      const bool there = once.empty() || once.back() < read.nodes;
      if (read.twins.size() != read.twin_count || repeated || !there) {
        reader.problem(*value, fmt::format("{} of {} nodes cannot run twice like this", read.twin_count, read.nodes),
                       "`num_of_twins` different nodes in `twins`, or none there");
      }
    }
    if (problems.empty()) {
      out.nodes = read.nodes;
      Machines machines{read, reader};
      for (const Written& scenario : read.scenarios) out.scenarios.push_back(plan_of(scenario, read, machines));
    }
  }
  if (!problems.empty()) throw InputError(std::move(problems));
  return out;
}

std::string to_twins_json(const TwinsFile& file) {
  WrittenFile out;
  out.nodes = file.nodes;
  for (std::size_t i = 0; i < file.scenarios.size(); ++i) {
    out.scenarios.push_back(written(file.scenarios[i], file, i));
  }
  if (!file.scenarios.empty()) {
    for (const NodeId node : file.scenarios.front().twins) out.twins.push_back(node.value);
  }
  out.twin_count = static_cast<std::uint32_t>(out.twins.size());
  return write_json(file_shape().write(out).value_or(Value::map()), 118);
}

}  // namespace seqlab::analysis
