#include "scenarios/checkers/checker.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "scenarios/checkers/accountability.hpp"
#include "scenarios/checkers/agreement.hpp"
#include "scenarios/checkers/bridge.hpp"
#include "scenarios/checkers/certified_commit.hpp"
#include "scenarios/checkers/da_batches.hpp"
#include "scenarios/checkers/da_duty.hpp"
#include "scenarios/checkers/durability.hpp"
#include "scenarios/checkers/evidence.hpp"
#include "scenarios/checkers/external_data.hpp"
#include "scenarios/checkers/forced_effect.hpp"
#include "scenarios/checkers/forced_inclusion.hpp"
#include "scenarios/checkers/heads.hpp"
#include "scenarios/checkers/identical_execution.hpp"
#include "scenarios/checkers/liveness.hpp"
#include "scenarios/checkers/lock_rule.hpp"
#include "scenarios/checkers/migration.hpp"
#include "scenarios/checkers/no_double_commit.hpp"
#include "scenarios/checkers/one_vote.hpp"
#include "scenarios/checkers/prefix.hpp"
#include "scenarios/checkers/registry.hpp"
#include "scenarios/checkers/single_signer.hpp"
#include "scenarios/checkers/random_values.hpp"
#include "scenarios/checkers/sort_keys.hpp"
#include "scenarios/checkers/speculation.hpp"
#include "scenarios/checkers/validity.hpp"

namespace seqlab::scenarios {

namespace {

template <class C>
std::unique_ptr<Checker> make(const CheckerContext& context) {
  return std::make_unique<C>(context);
}

bool always(const CheckerContext&) { return true; }
bool with_certificates(const CheckerContext& context) { return context.engine.has_certificates; }
bool with_speculation(const CheckerContext& context) { return context.engine.speculative; }
/// Where one liar may break agreement, it need not contradict itself.
bool accountable(const CheckerContext& context) {
  return context.engine.has_certificates && context.engine.byzantine_tolerant;
}
bool reads_layer_1(const CheckerContext& context) { return context.forced.policy != "none"; }
bool with_sort_keys(const CheckerContext& context) { return context.sort_keys; }
bool with_lottery(const CheckerContext& context) { return context.sort_keys && context.lottery.odds.num != 0; }
bool settles(const CheckerContext& context) { return context.settles; }
bool migrates(const CheckerContext& context) { return context.migrates; }
bool with_locks(const CheckerContext& context) { return context.engine.has_locks; }

bool with_relay(const CheckerContext& context) { return context.relay.policy != "none"; }
bool with_relay_journal(const CheckerContext& context) {
  return with_relay(context) && context.relay.journal == protocols::RelayJournal::prepared;
}
/// Who waits for a better price has promised no time, nor has he who waits for his turn in a registry: it may give the
/// turn to nobody, or to a node that is off.
bool with_relay_in_time(const CheckerContext& context) {
  return with_relay(context) && context.relay.price_max == 0 && !context.registry.exists();
}
bool with_registry(const CheckerContext& context) { return context.registry.exists(); }
bool with_bridge(const CheckerContext& context) { return context.bridge.escrow; }
bool with_relay_turns(const CheckerContext& context) { return context.relay.policy == "rotating"; }

/// Stands for a checker where its property means nothing.
class Unfit final : public Checker {
 public:
  explicit Unfit(std::string_view name) : name_(name) {}
  std::string_view name() const override { return name_; }
  sim::KindMask kinds() const override { return 0; }
  void on_record(const Record&) override {}

 private:
  std::string_view name_;
};

template <class C, bool (*fits)(const CheckerContext&)>
std::unique_ptr<Checker> make_if(const CheckerContext& context) {
  auto checker = std::make_unique<C>(context);
  if (fits(context)) return checker;
  return std::make_unique<Unfit>(checker->name());
}

constexpr CheckerEntry all[] = {
    {"accountability",
     "when honest nodes commit different blocks, the votes convict a third of the power and nobody honest",
     make<Accountability>, accountable},
    {"agreement", "no two honest nodes commit different blocks at one height", make<Agreement>, always},
    {"bridge",
     "what is minted is locked on layer 1, once, and what is released was burnt, is proven, and its time has come",
     make_if<Bridge, with_bridge>, with_bridge},
    {"certified_commit", "every certificate and every commit rests on votes of two thirds of that height's committee",
     make<CertifiedCommit>, with_certificates},
    {"da_complete", "what is final can be read on layer 1 within a bound, once nothing is in the way",
     make_if<DaComplete, with_relay_in_time>, with_relay_in_time},
    {"da_confirmed", "a relayer is done with a batch only when all of it is on layer 1; a receipt is not enough",
     make_if<DaConfirmed, with_relay>, with_relay},
    {"da_final", "what is written to layer 1 was final at the writer's node, and is what was committed",
     make_if<DaFinal, with_relay>, with_relay},
    {"da_once", "with a journal, no block is sent in a second submission while the first may still arrive",
     make_if<DaOnce, with_relay_journal>, with_relay_journal},
    {"da_order", "no block is written to layer 1 before all blocks below it", make_if<DaOrder, with_relay>, with_relay},
    {"da_pressure", "a node with too much unwritten admits no transactions", make_if<DaPressure, with_relay>,
     with_relay},
    {"da_turns", "a turn is paid for what was written in it, and excused if and only if the bundler was down",
     make_if<DaTurns, with_relay_turns>, with_relay_turns},
    {"durability", "what a node committed, and what a client was told, survives crashes", make<Durability>, always},
    {"evidence", "a double vote that an honest node received is reported, and nobody is accused of what he did not do",
     make<EvidenceChecker>, with_certificates},
    {"external_data", "what blocks name of layer 1 comes in order, was deep enough, and is on its chain in the end",
     make<ExternalData>, reads_layer_1},
    {"forced_effect", "no forced item fails by what its block's proposer put before it", make<ForcedEffect>,
     reads_layer_1},
    {"forced_inclusion",
     "forced items are done in their order, each once, none is passed over or lost, each by its deadline",
     make<ForcedInclusion>, reads_layer_1},
    {"heads", "what is read back from layer 1 is what was ordered, and heads go back only when layer 1 does",
     make<Heads>, settles},
    {"identical_execution", "the same block gives the same results and the same state everywhere",
     make<IdenticalExecution>, always},
    {"liveness", "the healed core commits new blocks, all of it", make<LivenessChecker>, always},
    {"lock_rule", "an honest node precommits what has a polka, and prevotes against its lock only after a later one",
     make<LockRule>, with_locks},
    {"migration", "when another core takes over, no item is lost, repeated or reordered, and nobody is lied to",
     make<Migration>, migrates},
    {"no_double_commit", "an honest node commits a height once", make<NoDoubleCommit>, always},
    {"one_vote", "an honest node votes once a round and type, also after a restart", make<OneVote>, with_certificates},
    {"prefix", "an honest node commits heights without gap, each block on the one before", make<Prefix>, always},
    {"random_values", "tickets of a lottery win as often as they should, whoever proposes their block",
     make<RandomValues>, with_lottery},
    {"registry", "batches count if and only if the registry of layer 1 gives their writer the turn in their L1 block",
     make_if<RegistryChecker, with_registry>, with_registry},
    {"single_signer", "an honest proposer signs one block a round (a height, where one node orders)",
     make<SingleSigner>, always},
    {"sort_keys", "sort keys rise, have their form, and name the key before them of their contract",
     make<SortKeysChecker>, with_sort_keys},
    {"speculation",
     "a speculative block is taken back only if its leader signed two, and an honest block with honest votes stays",
     make<Speculation>, with_speculation},
    {"validity", "committed blocks were proposed, their transactions submitted and executed once, in order of nonces",
     make<Validity>, always},
};

}  // namespace

std::span<const CheckerEntry> checkers() { return all; }

const CheckerEntry* find_checker(std::string_view name) {
  for (const CheckerEntry& entry : checkers()) {
    if (entry.name == name) return &entry;
  }
  return nullptr;
}

void Checker::report(SimTime at, std::vector<NodeId> nodes, std::string text) {
  constexpr std::size_t findings_max = 16;
  if (findings_.size() >= findings_max) return;
  Finding finding;
  finding.checker = name();
  finding.at = at;
  finding.nodes = std::move(nodes);
  finding.text = std::move(text);
  findings_.push_back(std::move(finding));
}

std::string_view name_of(Liveness liveness) {
  switch (liveness) {
    case Liveness::not_checked: return "not_checked";
    case Liveness::progress: return "progress";
    case Liveness::excused: return "excused";
    case Liveness::lasso: return "lasso";
    case Liveness::suspected: return "suspected";
  }
  return "?";
}

std::string node_name(NodeId node) { return node == no_node ? "nobody" : fmt::format("n{}", node.value); }

std::string node_names(const std::vector<NodeId>& nodes) {
  std::string out;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    if (i > 0) out += i + 1 == nodes.size() ? " and " : ", ";
    out += node_name(nodes[i]);
  }
  return out;
}

}  // namespace seqlab::scenarios
