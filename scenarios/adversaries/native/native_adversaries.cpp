#include "scenarios/adversaries/native/native_adversaries.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <vector>

#include "scenarios/spec/diagnostics.hpp"

namespace seqlab::scenarios {

namespace {

constexpr NativeEntry entries[] = {
    {"old_l1_block", "its blocks take nothing from layer 1: they name what was named before, for ever",
     &make_old_l1_block},
    {"omit_forced", "its blocks leave out the forced items that they should hold", &make_omit_forced},
    {"random_byzantine", "each message of its nodes passes, is lost, late, forged, sent twice or replayed, at random",
     &make_random_byzantine},
    {"silent", "its nodes send nothing", &make_silent},
};

/// Sends nothing at all: a crashed node that still listens.
class Silent final : public Adversary {
 public:
  std::uint32_t hooks() const override { return hook_send; }
  bool on_send(AdversaryContext&, NodeId, std::span<const NodeId>, const MessagePtr&) override { return false; }
};

/// Goes on in L1 as the others do, and passes the items over.
class OmitForced final : public Adversary {
 public:
  std::uint32_t hooks() const override { return 0; }
  void on_external(AdversaryContext&, NodeId, std::uint64_t, protocols::External& external) override {
    external.pointer -= std::min<std::uint64_t>(external.pointer, external.items.size());
    external.items.clear();
  }
};

/// Stalls the reference.
class OldL1Block final : public Adversary {
 public:
  std::uint32_t hooks() const override { return 0; }
  void on_external(AdversaryContext&, NodeId, std::uint64_t, protocols::External& external) override {
    if (!first_) first_ = external.ref;
    external.pointer -= std::min<std::uint64_t>(external.pointer, external.items.size());
    external.items.clear();
    external.ref = *first_;
  }

 private:
  std::optional<protocols::L1Ref> first_;  // what it said when it began
};

/// The twin of random_byzantine.lua, with the same weights.
class RandomByzantine final : public Adversary {
 public:
  explicit RandomByzantine(std::uint32_t percent) : percent_(percent) {}
  std::uint32_t hooks() const override { return hook_send; }

  bool on_send(AdversaryContext& context, NodeId self, std::span<const NodeId> to, const MessagePtr& message) override {
    sim::Stream& rng = context.rng();
    remember(rng, message);
    if (!rng.chance({percent_, 100})) return true;
    switch (rng.below(6)) {
      case 0: return false;
      case 1: {
        context.send(self, to, message, Duration{rng.between(0, max_delay)});
        return false;
      }
      case 2: {
        half_.assign(to.begin(), to.end());
        rng.shuffle(std::span<NodeId>{half_});
        half_.resize((half_.size() + 1) / 2);
        context.send(self, half_, message, {});
        return false;
      }
      case 3: {
        const MessagePtr other = forge(context, self, message);
        if (other) context.send(self, to, other, {});
        return !other;
      }
      case 4: {
        const MessagePtr other = forge(context, self, message);
        if (other) context.send(self, to, other, {});
        return true;
      }
      default: {
        const std::size_t pick = rng.below(old_.size());
        context.send(self, to, old_[pick], {});
        return true;
      }
    }
  }

 private:
  static constexpr std::int64_t max_delay = 2'000'000'000;
  static constexpr std::size_t remembered = 64;

  void remember(sim::Stream& rng, const MessagePtr& message) {
    if (old_.size() < remembered) {
      old_.push_back(message);
    } else {
      old_[rng.below(remembered)] = message;
    }
  }

  MessagePtr forge(AdversaryContext& context, NodeId self, const MessagePtr& message) {
    sim::Stream& rng = context.rng();
    protocols::ForgeChanges changes;
    switch (rng.below(4)) {
      case 0: changes.block = protocols::BlockId{}; break;
      case 1: changes.salt = rng.next64() | 1U; break;
      case 2: {
        const std::int64_t round = rng.between(0, 3);
        changes.round = protocols::Round{static_cast<std::int32_t>(round)};
        break;
      }
      default: {
        const std::uint64_t hi = rng.next64();
        changes.block = protocols::BlockId{hi, rng.next64()};
        break;
      }
    }
    return context.forge(self, message, changes);
  }

  std::uint32_t percent_;
  std::vector<MessagePtr> old_;
  std::vector<NodeId> half_;
};

/// The integer parameter `name`, or `value` if the scenario does not give it.
std::int64_t integer_param(const AdversarySpec& spec, const ScriptWorld& world, const std::string& name,
                           std::int64_t value, std::int64_t low, std::int64_t high) {
  std::vector<Problem> problems;
  for (const auto& [key, given] : spec.params) {
    const std::string path = world.path + ".params." + key;
    const std::int64_t* number = std::get_if<std::int64_t>(&given);
    if (key != name) {
      problems.push_back(Problem{world.scenario_file, 0, 0, path,
                                 fmt::format("{} has no parameter `{}`", spec.script, key),
                                 fmt::format("it has {}", name)});
    } else if (number == nullptr || *number < low || *number > high) {
      problems.push_back(Problem{world.scenario_file, 0, 0, path,
                                 fmt::format("the parameter `{}` is out of range", key),
                                 fmt::format("an integer within {} ... {}", low, high)});
    } else {
      value = *number;
    }
  }
  if (!problems.empty()) throw InputError(std::move(problems));
  return value;
}

}  // namespace

std::span<const NativeEntry> native_adversaries() { return entries; }

std::unique_ptr<Adversary> make_silent(const AdversarySpec& spec, const ScriptWorld& world) {
  if (!spec.params.empty()) {
    throw InputError(Problem{world.scenario_file, 0, 0, world.path + ".params", "native:silent has no parameters", {}});
  }
  return std::make_unique<Silent>();
}

std::unique_ptr<Adversary> make_omit_forced(const AdversarySpec& spec, const ScriptWorld& world) {
  if (!spec.params.empty()) {
    throw InputError(
        Problem{world.scenario_file, 0, 0, world.path + ".params", "native:omit_forced has no parameters", {}});
  }
  return std::make_unique<OmitForced>();
}

std::unique_ptr<Adversary> make_old_l1_block(const AdversarySpec& spec, const ScriptWorld& world) {
  if (!spec.params.empty()) {
    throw InputError(
        Problem{world.scenario_file, 0, 0, world.path + ".params", "native:old_l1_block has no parameters", {}});
  }
  return std::make_unique<OldL1Block>();
}

std::unique_ptr<Adversary> make_random_byzantine(const AdversarySpec& spec, const ScriptWorld& world) {
  const std::int64_t percent = integer_param(spec, world, "percent", 50, 0, 100);
  return std::make_unique<RandomByzantine>(static_cast<std::uint32_t>(percent));
}

}  // namespace seqlab::scenarios
