#include "scenarios/plan/plan_text.hpp"

#include <algorithm>

#include "scenarios/spec/table.hpp"

namespace seqlab::scenarios {

namespace {

constexpr Duration longest = 1000h;
constexpr std::uint64_t height_max = 1'000'000'000'000;
constexpr std::uint32_t round_max = 1'000'000'000;

Shape<protocols::MessageKind> message_kind() {
  std::vector<std::pair<std::string, protocols::MessageKind>> kinds;
  for (std::size_t i = 0; i < static_cast<std::size_t>(protocols::MessageKind::count); ++i) {
    const auto kind = static_cast<protocols::MessageKind>(i);
    kinds.emplace_back(std::string{protocols::name_of(kind)}, kind);
  }
  return choice(std::move(kinds));
}

Shape<MessagePoint> message_point() {
  using P = MessagePoint;
  return object<P>({
      field<P>("message", &P::message, optional(message_kind()), "Kind of the message."),
      field<P>("from", &P::from, optional(node()), "Who sends this copy."),
      field<P>("to", &P::to, optional(node()), "Who would receive it."),
      field<P>("height", &P::height, optional(integer<std::uint64_t>(0, height_max)),
               "Height that it speaks of, or its sender's."),
      field<P>("round", &P::round, optional(integer<std::uint32_t>(0, round_max)),
               "Round that it speaks of, or its sender's."),
      field<P>("nth", &P::nth, unless<std::uint32_t>(1, integer<std::uint32_t>(1, round_max)),
               "The first such copy that counts: 1 is the first of all."),
      field<P>("count", &P::count, unless<std::uint32_t>(1, integer<std::uint32_t>(0, round_max)),
               "How many from there on; 0: all."),
  });
}

/// "n3", or "n3'" for its twin.
Shape<Machine> machine() {
  Shape<Machine> out;
  out.form = "n3, or n3' for its twin";
  out.schema.add("type", Value::text_of("string")).add("pattern", Value::text_of("^n[0-9]+'?$"));
  const Shape<NodeId> plain = node();
  out.write = [](const Machine& m) -> std::optional<Value> {
    return Value::text_of(format_node(m.node) + (m.twin ? "'" : ""));
  };
  out.read = [plain](const Value& value, Machine& m, Reader& reader) {
    Value name = value;
    m.twin = value.is_scalar() && !value.text.empty() && value.text.back() == '\'';
    if (m.twin) name.text.pop_back();
    plain.read(name, m.node, reader);
  };
  return out;
}

/// What a forged copy says instead: `nil`, or the block with that id.
Shape<protocols::BlockId> voted_block() {
  Shape<protocols::BlockId> out;
  out.form = "nil, or 32 hexadecimal digits";
  out.schema.add("type", Value::text_of("string"));
  out.write = [](const protocols::BlockId& id) -> std::optional<Value> {
    return Value::text_of(id == protocols::BlockId{} ? "nil" : to_hex(id));
  };
  out.read = [](const Value& value, protocols::BlockId& id, Reader& reader) {
    const std::string& t = value.text;
    if (value.is_scalar() && t == "nil") {
      id = {};
    } else if (value.is_scalar() && t.size() == 32 && t.find_first_not_of("0123456789abcdef") == std::string::npos) {
      id = {std::stoull(t.substr(0, 16), nullptr, 16), std::stoull(t.substr(16), nullptr, 16)};
    } else {
      reader.problem(value, describe(value) + " is no block", "nil, or 32 hexadecimal digits");
    }
  };
  return out;
}

Shape<protocols::ForgeChanges> changes_shape() {
  using C = protocols::ForgeChanges;
  const auto height = through<protocols::Height, std::uint64_t>(
      integer<std::uint64_t>(0, height_max), [](const protocols::Height& h) { return h.value; },
      [](const Value&, std::uint64_t& number, protocols::Height& h, Reader&) { h = protocols::Height{number}; });
  const auto round = through<protocols::Round, std::int32_t>(
      integer<std::int32_t>(-1, round_max), [](const protocols::Round& r) { return r.value; },
      [](const Value&, std::int32_t& number, protocols::Round& r, Reader&) { r = protocols::Round{number}; });
  return object<C>({
      field<C>("block", &C::block, optional(voted_block()), "Vote: for this block."),
      field<C>("height", &C::height, optional(height), "Of another height."),
      field<C>("round", &C::round, optional(round), "Of another round."),
      field<C>("valid_round", &C::valid_round, optional(round), "Proposal: with another valid round; -1: none."),
      field<C>("timestamp", &C::timestamp_shift, optional(duration(-longest, longest)),
               "Moves the timestamp by so much."),
      field<C>("empty", &C::drop_transactions, unless(false, boolean()), "Proposal: of a block without transactions."),
      field<C>("variant", &C::salt, unless<std::uint64_t>(0, integer<std::uint64_t>(0, ~std::uint64_t{0})),
               "Proposal: another valid block for each number but 0."),
      field<C>("parent_of", &C::parent_of, optional(round),
               "Proposal: of the block that was proposed in that round, on its parent, if the forger saw it."),
      field<C>("padded", &C::padded, unless(false, boolean()),
               "Proposal: with one signature many times in its certificate."),
      field<C>("round_shift", &C::round_shift, unless<std::int32_t>(0, integer<std::int32_t>(-round_max, round_max)),
               "Of so many rounds later."),
      field<C>(
          "back", &C::back, unless<std::uint32_t>(0, integer<std::uint32_t>(0, round_max)),
          "Proposal: on the certificate so many before that of its block's parent; timeout: with that certificate."),
      field<C>("other", &C::other, unless<std::uint32_t>(0, integer<std::uint32_t>(0, round_max)),
               "Vote: for the n-th other proposal of the round that the forger saw or made."),
      field<C>("lowered_tc", &C::lowered_tc, unless(false, boolean()),
               "Proposal: its timeout certificate comes with the certificate of its block."),
      field<C>("lone_tc", &C::lone_tc, unless(false, boolean()),
               "Proposal: with a timeout certificate that the forger alone signed, again and again."),
  });
}

struct InterventionKeys {
  std::optional<MessagePoint> drop, delay, duplicate, forge, resend;
  Duration by{};
  Duration after{};
  NodeId as{no_node};
  std::vector<NodeId> to;
  bool keep = false;
  protocols::ForgeChanges change;
  std::optional<std::vector<std::vector<Machine>>> split;
  std::optional<std::uint64_t> height;
  std::uint32_t round = 0;
  std::uint32_t rounds = 1;
  Duration hold{};
  std::optional<protocols::MessageKind> message;
  std::optional<FaultSpec> fault;
};

InterventionKeys keys_of(const Intervention& intervention) {
  InterventionKeys k;
  if (const auto* split = std::get_if<RoundSplit>(&intervention)) {
    k.split = split->groups;
    k.height = split->height;
    k.round = split->round;
    k.rounds = split->rounds;
    k.hold = split->hold;
    k.message = split->message;
  } else if (const auto* fault = std::get_if<FaultSpec>(&intervention)) {
    k.fault = *fault;
  } else {
    const auto& message = std::get<MessageIntervention>(intervention);
    if (const auto* delay = std::get_if<act::Delay>(&message.what)) {
      k.delay = message.at;
      k.by = delay->by;
    } else if (const auto* duplicate = std::get_if<act::Duplicate>(&message.what)) {
      k.duplicate = message.at;
      k.after = duplicate->after;
    } else if (const auto* forge = std::get_if<act::Forge>(&message.what)) {
      k.forge = message.at;
      k.as = forge->as;
      k.to = forge->to;
      k.keep = forge->keep;
      k.after = forge->after;
      k.change = forge->changes;
    } else if (const auto* resend = std::get_if<act::Resend>(&message.what)) {
      k.resend = message.at;
      k.as = resend->as;
      k.to = resend->to;
      k.keep = resend->keep;
      k.after = resend->after;
    } else {
      k.drop = message.at;
    }
  }
  return k;
}

Shape<Intervention> intervention_shape() {
  using K = InterventionKeys;
  const auto forges = [](const K& k) { return k.forge.has_value(); };
  const auto sends = [](const K& k) { return k.forge.has_value() || k.resend.has_value(); };
  const auto splits = [](const K& k) { return k.split.has_value(); };
  const Shape<K> keys = object<K>({
      field<K>("drop", &K::drop, optional(message_point()), "These copies are lost."),
      field<K>("delay", &K::delay, optional(message_point()), "These copies arrive later, `by` so much."),
      field<K>("by", &K::by, duration(0s, longest), "How much later.")
          .only("delay", [](const K& k) { return k.delay.has_value(); }),
      field<K>("duplicate", &K::duplicate, optional(message_point()),
               "These copies arrive once more, `after` so much."),
      field<K>(
          "forge", &K::forge, optional(message_point()),
          "Instead of these copies, changed ones go out, signed by `as`, a corrupt node that sent or received them."),
      field<K>("resend", &K::resend, optional(message_point()),
               "These copies go, as they are, from `as`, a corrupt node that sent or received them, `to` others."),
      field<K>("as", &K::as, node(), "Who signs, or sends.").only("forge or resend", sends),
      field<K>("to", &K::to, unless(std::vector<NodeId>{}, list_of(node(), 20'000)),
               "Who gets it; without it: forged, who would get the original; sent again, nobody.")
          .only("forge or resend", sends),
      field<K>("keep", &K::keep, unless(false, boolean()), "The original goes out as well.")
          .only("forge or resend", sends),
      field<K>("change", &K::change, changes_shape(), "What the copy says instead.").only("forge", forges),
      field<K>("after", &K::after, duration(0s, longest), "How long it waits.")
          .only("duplicate, forge or resend",
                [sends](const K& k) { return k.duplicate.has_value() || sends(k); }),
      field<K>("split", &K::split, optional(list_of(list_of(machine(), 20'000), 20'000)),
               "Messages of a round pass only within these groups, which may overlap."),
      field<K>("height", &K::height, optional(integer<std::uint64_t>(0, height_max)), "In this height only.")
          .only("split", splits),
      field<K>("round", &K::round, integer<std::uint32_t>(0, round_max), "The round.").only("split", splits),
      field<K>("rounds", &K::rounds, unless<std::uint32_t>(1, integer<std::uint32_t>(1, round_max)),
               "How many rounds, from that one on.")
          .only("split", splits),
      field<K>("hold", &K::hold, unless(Duration{}, duration(0s, longest)),
               "What does not pass arrives so much later; without it, never.")
          .only("split", splits),
      field<K>("message", &K::message, optional(message_kind()), "Only messages of this kind are held up.")
          .only("split", splits),
      field<K>("fault", &K::fault, optional(fault_shape()), "As in `environment.faults` of a scenario."),
  });
  return through<Intervention, K>(keys, keys_of, [](const Value& value, K& k, Intervention& out, Reader& reader) {
    if (!value.is_map()) return;
    // `k` starts as what a new intervention is: what the text has decides.
    const auto given = [&](std::string_view key) { return value.find(key) != nullptr; };
    int kinds = 0;
    for (const char* kind : {"drop", "delay", "duplicate", "forge", "resend", "split", "fault"})
      kinds += given(kind) ? 1 : 0;
    if (kinds != 1) {
      reader.problem(value, "an intervention is exactly one of drop, delay, duplicate, forge, resend, split, fault",
                     R"({"drop": {"message": "prevote", "from": "n3", "to": "n1", "height": 4, "round": 1}})");
      return;
    }
    if (k.drop && given("drop")) out = MessageIntervention{*k.drop, act::Drop{}};
    if (k.delay && given("delay")) out = MessageIntervention{*k.delay, act::Delay{k.by}};
    if (k.duplicate && given("duplicate")) out = MessageIntervention{*k.duplicate, act::Duplicate{k.after}};
    if (k.forge && given("forge"))
      out = MessageIntervention{*k.forge, act::Forge{k.as, k.to, k.keep, k.after, k.change}};
    if (k.resend && given("resend")) out = MessageIntervention{*k.resend, act::Resend{k.as, k.to, k.keep, k.after}};
    if (k.split && given("split")) out = RoundSplit{k.height, k.round, *k.split, k.hold, k.message, k.rounds};
    if (k.fault && given("fault")) out = *k.fault;
    if ((given("forge") || given("resend")) && !given("as")) {
      reader.problem(value, given("forge") ? "who signs the forged copy is missing" : "who sends the copy is missing",
                     R"("as": "n3")");
    }
  });
}

}  // namespace

std::vector<Field<Plan>> plan_fields() {
  using P = Plan;
  const auto some_nodes = unless(std::vector<NodeId>{}, list_of(node(), 20'000));
  return {
      field<P>("seed", &P::seed, integer<std::uint64_t>(0, ~std::uint64_t{0}), "Seed of everything that is drawn.")
          .must(),
      field<P>("corrupt", &P::corrupt, some_nodes, "Nodes that the plan owns: it may sign with their keys."),
      field<P>("twins", &P::twins, some_nodes,
               "Corrupt nodes that run twice with one key; the second machine of n3 is called n3'."),
      field<P>("leaders", &P::leaders, unless(std::vector<NodeId>{}, list_of(node(), 100'000)),
               "Who leads, round after round, again and again; without it the engine's own election."),
      field<P>("without_scripts", &P::without_scripts, unless(false, boolean()),
               "The scenario's scripts do not run; the nodes that they own belong to the plan."),
      field<P>("interventions", &P::interventions, list_of(intervention_shape(), 100'000), "What is done to the run.")
          .must(),
  };
}

Shape<Plan> plan_shape() { return object<Plan>(plan_fields()); }

std::string to_json(const Plan& plan) { return write_json(plan_shape().write(plan).value_or(Value::map()), 118); }

Plan parse_plan_text(std::string_view text, const std::string& file) {
  std::vector<Problem> problems;
  Plan plan;
  const std::unique_ptr<Value> value = read_yaml(text, file, problems);
  if (value != nullptr) {
    Reader reader{problems};
    plan_shape().read(*value, plan, reader);
  }
  if (!problems.empty()) throw InputError(std::move(problems));
  return plan;
}

}  // namespace seqlab::scenarios
