#include "scenarios/spec/check.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "protocols/consensus/engines.hpp"
#include "protocols/forced/forced_paths.hpp"
#include "protocols/l1/profile.hpp"
#include "protocols/relay/rules.hpp"
#include "scenarios/checkers/checker.hpp"
#include "scenarios/spec/shape.hpp"
#include "sim/base/fixed_point.hpp"
#include "sim/net/latency/regions.hpp"

namespace seqlab::scenarios {
namespace {

constexpr Power power_bound = Power{1} << 60;  ///< powers sum to less (protocols/types/committee.hpp)

std::string indexed(const std::string& path, std::size_t i) { return path + "[" + std::to_string(i) + "]"; }

class Judge {
 public:
  Judge(const Scenario& scenario, const Value& root, std::vector<Problem>& problems)
      : s_(scenario), root_(root), known_(problems), reader_(problems) {}

  void all() {
    engine();
    layer_1();
    relay();
    registry();
    bridge();
    committee();
    mempool_and_workload();
    lottery();
    latency();
    network();
    faults();
    adversaries();
    stop_and_expect();
  }

 private:
  void problem(const std::string& path, std::string text, std::string hint = {}) {
    reader_.problem_at(path, deepest(root_, path).at, std::move(text), std::move(hint));
  }

  /// Whether decoding found nothing wrong at, below or above the path.
  bool clean(const std::string& path) const {
    const auto begins = [](const std::string& text, const std::string& start) {
      return text.compare(0, start.size(), start) == 0 &&
             (text.size() == start.size() || text[start.size()] == '.' || text[start.size()] == '[');
    };
    return std::none_of(known_.begin(), known_.end(),
                        [&](const Problem& p) { return begins(p.path, path) || begins(path, p.path); });
  }

  bool given(const std::string& path) const {
    const std::size_t dot = path.rfind('.');
    const Value& parent = deepest(root_, path.substr(0, dot));
    return parent.find(path.substr(dot + 1)) != nullptr;
  }

  std::uint32_t count() const { return s_.design.committee.count; }

  std::string every_node() const {
    if (migrates(s_)) {
      return "nodes are n0 ... n" + std::to_string(count() - 1) + ", the single service is n" + std::to_string(count());
    }
    return count() == 1 ? "n0 is the only node" : "nodes are n0 ... n" + std::to_string(count() - 1);
  }

  /// Reports names beyond the committee; without it nobody is unknown.
  /// @param limit  how many nodes there are
  void nodes_exist(const std::string& path, const std::vector<NodeId>& nodes, std::uint32_t limit) {
    if (!clean("design.committee.count")) return;
    for (const NodeId node : nodes) {
      if (node.value < limit) continue;
      problem(path, format_node(node) + " does not exist", every_node());
      return;
    }
  }

  void nodes_exist(const std::string& path, const std::vector<NodeId>& nodes) { nodes_exist(path, nodes, count()); }

  // ---- design -----------------------------------------------------------------------------------------------------

  void layer_1() {
    const auto unknown = [&](const std::string& path, std::string_view what, const std::string& name,
                             std::vector<std::string> names) {
      names.emplace_back("none");
      std::string hint;
      for (const std::string& n : names) hint += (hint.empty() ? "one of: " : ", ") + n;
      problem(path, "`" + name + "` is no " + std::string{what}, hint);
    };
    const bool has_l1 = s_.design.l1 != "none";
    if (clean("design.l1") && has_l1 && protocols::find_l1_profile(s_.design.l1) == nullptr) {
      std::vector<std::string> names;
      for (const protocols::L1Profile& profile : protocols::l1_profiles()) names.emplace_back(profile.name);
      unknown("design.l1", "layer-1 chain", s_.design.l1, std::move(names));
    }
    settlement(has_l1);
    migration(has_l1);
    const std::string& policy = s_.design.forced.policy;
    if (!clean("design.forced") || policy == "none") return;
    if (protocols::find_forced_path(policy) == nullptr) {
      std::vector<std::string> names;
      for (const protocols::ForcedPathEntry& entry : protocols::forced_paths()) names.emplace_back(entry.name);
      unknown("design.forced.policy", "policy for forced items", policy, std::move(names));
    }
    if (!has_l1) {
      problem("design.forced.policy", "the design reads forced items from layer 1 and has none",
              "design: {l1: arweave, ...}");
    }
    const protocols::ForcedOptions& f = s_.design.forced;
    const protocols::DelayedInboxOptions& inbox = f.delayed_inbox;
    if (policy == "delayed_inbox" && inbox.buffer && inbox.buffer_threshold > inbox.buffer_max) {
      problem("design.forced.delayed_inbox.buffer_threshold", "the least delay is beyond a full buffer",
              "at most buffer_max");
    }
    // What waits is read again from L1, as far back as something may wait.
    std::uint64_t longest_wait = 0;
    if (policy == "delayed_inbox") longest_wait = std::uint64_t{inbox.delay_blocks} + inbox.queue.lag;
    if (policy == "due_queue") longest_wait = std::uint64_t{f.due_queue.due_blocks} + f.due_queue.queue.lag;
    if (policy == "citrea_queue") longest_wait = std::uint64_t{f.citrea_queue.depth} + f.citrea_queue.drift;
    if (policy == "arweave_sync") longest_wait = f.arweave_sync.depth;
    if (clean("environment.l1") && s_.environment.l1.keep_blocks < longest_wait + 64) {
      problem("environment.l1.keep_blocks", "L1 forgets blocks whose items may still wait",
              "keep_blocks: " + std::to_string(longest_wait + 64) + " or more");
    }
    if (policy == "arweave_sync" && s_.design.engine == "mysticeti" && f.arweave_sync.blocks_max > 1) {
      problem("design.forced.arweave_sync.blocks_max", "a vertex names one L1 block more than the chain has",
              "blocks_max: 1");
    }
  }

  void migration(bool has_l1) {
    const protocols::MigrationOptions& m = s_.design.migration;
    if (!clean("design.migration") || !migrates(s_)) return;
    if (!has_l1) {
      problem("design.migration.kind", "both cores read layer 1, and the design has none",
              "design: {l1: arweave, forced: {policy: arweave_sync}, ...}");
    } else if (s_.design.forced.policy != "arweave_sync") {
      problem("design.migration.kind", "both cores take over every L1 block, and the design's policy does not",
              "forced: {policy: arweave_sync}");
    }
    // An emergency may come before the plan.
    if (clean("stop.after") && m.at + m.gap >= s_.stop.after && m.emergency_after == Duration::zero()) {
      problem("design.migration.at",
              "the new core would start after the end, stop.after: " + format_duration(s_.stop.after),
              "at and gap together are shorter");
    }
    if (s_.design.settlement.policy != protocols::SettlementOptions::Policy::none) {
      problem("design.settlement.policy",
              "full nodes rebuild one chain from layer 1, and here are two",
              "settlement: {policy: none} with a migration");
    }
    if (s_.design.engine == "centralised") {
      problem("design.migration.kind", migrates_back(s_) ? "the core that hands over is a committee"
                                                         : "the core that takes over is a committee",
              "another engine, such as tendermint");
    }
    if (migrates_back(s_) && s_.design.relay.policy != "none") {
      problem("design.relay.policy", "a committee that is switched off cannot hand over what it has under way",
              "relay: {policy: none} with bft_to_centralised");
    }
  }

  void settlement(bool has_l1) {
    using Policy = protocols::SettlementOptions::Policy;
    const protocols::SettlementOptions& o = s_.design.settlement;
    if (!clean("design.settlement") || o.policy == Policy::none) return;
    if (!has_l1) {
      problem("design.settlement.policy", "the design settles on layer 1 and has none", "design: {l1: ethereum, ...}");
      return;
    }
    somebody("design.settlement.readers", o.readers);
    if (o.policy == Policy::proofs) {
      somebody("design.settlement.committers", o.committers);
      somebody("design.settlement.provers", o.provers);
      const std::uint64_t keep = s_.design.keep_blocks;
      if (keep != 0 && keep < 2 * o.commitment_blocks) {
        problem("design.keep_blocks", "a committer needs the blocks of two commitments, and older ones are gone",
                "at least " + std::to_string(2 * o.commitment_blocks) + ", or 0");
      }
    }
    if (const protocols::L1Profile* profile = protocols::find_l1_profile(s_.design.l1); profile != nullptr) {
      const std::uint32_t final_depth = s_.environment.l1.finality_depth != 0 ? s_.environment.l1.finality_depth
                                                                              : profile->finality_depth;
      const std::uint32_t waits = std::max(o.settled_depth, final_depth);
      if (o.window != 0 && o.window < o.committed_depth) {
        problem("design.settlement.window", "is shorter than `committed_depth`: every batch would come too late",
                "more than " + std::to_string(o.committed_depth));
      }
      if (s_.environment.l1.keep_blocks < waits + o.window + 64) {
        problem("environment.l1.keep_blocks", "layer 1 forgets blocks that the design still waits for",
                "at least " + std::to_string(waits + o.window + 64));
      }
    }
  }

  void relay() {
    const protocols::RelayOptions& r = s_.design.relay;
    const std::string at = "design.relay";
    if (!clean(at)) return;
    if (r.policy == "none") {
      if (!r.nodes.empty()) problem(at + ".nodes", "relayers without a policy", "policy: single");
      return;
    }
    if (protocols::find_relay_policy(r.policy) == nullptr) {
      std::vector<std::string> names;
      for (const protocols::RelayPolicy& policy : protocols::relay_policies()) names.emplace_back(policy.name);
      problem(at + ".policy", "there is no relayer policy `" + r.policy.substr(0, 60) + "`",
              suggestion(r.policy, names));
      return;
    }
    const protocols::L1Profile* chain = protocols::find_l1_profile(s_.design.l1);
    if (clean("design.l1") && s_.design.l1 == "none") {
      problem(at + ".policy", "the design writes to layer 1 and has none", "design: {l1: ethereum, ...}");
    }
    if (r.nodes.empty()) problem(at, "a policy without relayers", "nodes: [n0]");
    nodes_exist(at + ".nodes", r.nodes);
    if (std::set<NodeId>(r.nodes.begin(), r.nodes.end()).size() != r.nodes.size()) {
      problem(at + ".nodes", "a node is named twice");
    }
    if (r.policy == "single" && r.nodes.size() > 1) {
      problem(at + ".nodes", "`single` has one relayer, not " + std::to_string(r.nodes.size()),
              "policy: primary_backup, or rotating");
    }
    if (r.policy != "single" && r.nodes.size() == 1) {
      problem(at + ".nodes", "`" + r.policy + "` needs two relayers or more", "policy: single");
    }
    if (r.retry_first > r.retry_max) problem(at + ".retry_first", "is more than retry_max");
    if (chain == nullptr) return;
    const bool has_blobs =
        chain->fees[static_cast<std::size_t>(protocols::L1Lane::blobs)].kind != protocols::FeeMarketOptions::Kind::none;
    if (r.format != protocols::RelayFormat::chain && !has_blobs) {
      problem(at + ".format", s_.design.l1 + " has neither blobs nor calldata", "format: chain");
    }
    const std::uint32_t depth = s_.environment.l1.finality_depth != 0 ? s_.environment.l1.finality_depth
                                                                      : chain->finality_depth;
    const std::uint32_t waits = r.confirmations != 0 ? r.confirmations : depth;
    if (clean("environment.l1") && waits + r.channel_timeout >= s_.environment.l1.keep_blocks) {
      problem(r.confirmations != 0 ? at + ".confirmations" : at,
              "a batch waits for " + std::to_string(waits) + " L1 blocks, and its channel may take " +
                  std::to_string(r.channel_timeout) + ", more than are kept",
              "environment.l1.keep_blocks: " + std::to_string(waits + r.channel_timeout + 64));
    }
  }

  void registry() {
    const protocols::RegistryOptions& r = s_.design.registry;
    const protocols::RelayOptions& relay = s_.design.relay;
    const std::string at = "design.registry";
    if (!clean(at) || !clean("design.relay")) return;
    if (relay.policy == "registered" && !r.exists()) {
      problem("design.relay.policy", "the registry says whose turn it is, and the design has none",
              "registry: {writers: [n0, n1]}");
    }
    if (!r.exists()) return;
    if (s_.design.l1 == "none") problem(at, "the design has no layer 1", "design: {l1: ethereum, ...}");
    if (relay.policy != "registered") {
      problem(at, "relayers with the policy `" + relay.policy + "` do not go by it, and their batches would not count",
              "relay: {policy: registered, ...}");
    }
    if (migrates(s_)) problem(at, "an older core wrote before, and no registry knows it", "migration: {kind: none}");
    nodes_exist(at + ".owner", {r.owner});
    if (!nodes_relay(at + ".writers", r.writers)) return;
    std::set<NodeId> registered(r.writers.begin(), r.writers.end());
    for (std::size_t i = 0; i < r.changes.size(); ++i) {
      const protocols::RegistryOptions::Change& change = r.changes[i];
      const std::string path = indexed(at + ".changes", i);
      if (i > 0 && change.at < r.changes[i - 1].at) {
        problem(path + ".at", "is before the change before it, " + format_duration(r.changes[i - 1].at));
      }
      if (clean("stop.after") && change.at >= s_.stop.after) {
        problem(path + ".at", "comes after the end, stop.after: " + format_duration(s_.stop.after));
      }
      if (!nodes_relay(path + ".node", {change.node})) return;
      const bool here = registered.count(change.node) != 0;
      if (change.action == protocols::RegistryAction::add) {
        if (here) problem(path, format_node(change.node) + " is registered already: layer 1 would refuse the change");
        registered.insert(change.node);
      } else {
        if (!here) {
          problem(path, format_node(change.node) + " is not registered: layer 1 would refuse the change",
                  "{do: add, node: " + format_node(change.node) + ", ...} before it");
        }
        if (change.action == protocols::RegistryAction::remove) registered.erase(change.node);
      }
    }
  }

  bool nodes_relay(const std::string& path, const std::vector<NodeId>& nodes) {
    const std::vector<NodeId>& relayers = s_.design.relay.nodes;
    for (const NodeId node : nodes) {
      if (std::find(relayers.begin(), relayers.end(), node) != relayers.end()) continue;
      problem(path, format_node(node) + " is no relayer: it would write nothing", "one of design.relay.nodes");
      return false;
    }
    return true;
  }

  void bridge() {
    const std::string at = "design.bridge";
    const std::string users = "environment.workload.bridge";
    if (!clean(at) || !clean("environment.workload")) return;
    const bool exists = s_.design.bridge.escrow;
    const BridgeWorkload& w = s_.environment.workload.bridge;
    if (w.users > 0) {
      if (!exists) problem(users, "the design has no bridge", "design: {bridge: {escrow: true}, ...}");
      if (w.rate_per_1000s <= 0) problem(users + ".rate", "users without a rate have nothing to do", "rate: 0.01tx/s");
      // Who does not withdraw leaves the bridge's account with less each time.
      const std::int64_t most = protocols::LedgerGenesis{}.balance.value;
      const Int128 deposits = static_cast<Int128>(ns(s_.stop.after)) * w.rate_per_1000s / 1'000'000'000'000 + 1;
      if (clean("stop.after") && !w.withdraws && deposits * w.amount > most) {
        problem(users + ".amount",
                "deposits of " + std::to_string(w.amount) + " until " + format_duration(s_.stop.after) +
                    " come to more than the bridge's account can pay out, " + std::to_string(most),
                "a lower rate, or withdraws: true");
      }
      if (w.withdraws && static_cast<Int128>(w.users) * w.amount > most) {
        problem(users + ".amount",
                "one deposit of each user comes to more than the bridge's account can pay out, " + std::to_string(most),
                "fewer users");
      }
    }
    if (!exists || !clean("design.forced") || !clean("design.settlement")) return;
    if (s_.design.l1 == "none") {
      problem(at + ".escrow", "the design has no layer 1", "design: {l1: ethereum, ...}");
      return;
    }
    if (s_.design.forced.policy != "deposits") {
      problem(at + ".escrow", "deposits are minted in the order of layer 1, none left out, and the design's policy `" +
                                  s_.design.forced.policy + "` for forced items does not promise that",
              "forced: {policy: deposits}");
    }
    if (s_.design.settlement.policy != protocols::SettlementOptions::Policy::proofs) {
      problem(at + ".escrow", "releases need proofs of what was burnt", "settlement: {policy: proofs, ...}");
    }
  }

  void engine() {
    if (clean("design.engine") && protocols::find_engine(s_.design.engine) == nullptr) {
      std::vector<std::string> names;
      for (const protocols::EngineEntry& entry : protocols::engines()) names.emplace_back(entry.name);
      problem("design.engine", "there is no engine `" + s_.design.engine.substr(0, 60) + "`",
              suggestion(s_.design.engine, names));
    }
    if (s_.design.engine == "centralised" && clean("design.centralised")) {
      nodes_exist("design.centralised.sequencer", {s_.design.parameters.centralised.sequencer});
    }
    if (const protocols::PbftOptions& p = s_.design.parameters.pbft;
        s_.design.engine == "pbft" && clean("design.pbft") && p.window / 2 < p.checkpoint_interval) {
      problem("design.pbft.window", "the window ends before the next checkpoint can be stable",
              "make it at least twice checkpoint_interval");
    }
    if (const protocols::RotatingOptions& r = s_.design.parameters.rotating;
        s_.design.engine == "rotating" && clean("design.rotating") && r.handover_slots >= r.epoch_slots) {
      problem("design.rotating.handover_slots", "the hand-over window is as long as the whole epoch",
              "make it shorter than epoch_slots");
    }
    if (s_.design.engine == "tendermint" && clean("design.tendermint") && clean("design.committee")) {
      const auto voters = std::count_if(s_.design.committee.stake.begin(), s_.design.committee.stake.end(),
                                        [](Power p) { return p > 0; });
      const protocols::TendermintOptions& t = s_.design.parameters.tendermint;
      if (voters == 1 && (t.skip_timeout_commit || t.timeout_commit == Duration{})) {
        problem("design.tendermint",
                "a single validator that does not wait after a commit would decide for ever at one instant",
                "give it a timeout_commit and skip_timeout_commit: false");
      }
    }
  }

  static std::string suggestion(const std::string& name, const std::vector<std::string>& known) {
    const std::string close = nearest(name, known);
    if (!close.empty()) return "did you mean `" + close + "`?";
    std::string out;
    for (const std::string& k : known) out += (out.empty() ? "one of: " : ", ") + k;
    return out;
  }

  void committee() {
    const CommitteeSpec& c = s_.design.committee;
    if (!clean("design.committee.count") || !clean("design.committee.stake")) return;
    std::vector<Power> power = c.stake;
    if (!sum_is_sound(power, "design.committee.stake")) return;
    if (!clean("design.committee.changes")) return;
    std::vector<std::size_t> order(c.changes.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return c.changes[a].height < c.changes[b].height; });
    Int128 total = 0;
    for (const Power p : power) total += p;
    std::size_t done = 0;
    while (done < order.size()) {
      const std::uint64_t height = c.changes[order[done]].height;
      std::vector<NodeId> at_this_height;
      std::size_t last = done;
      for (; done < order.size() && c.changes[order[done]].height == height; ++done) {
        const std::string path = indexed("design.committee.changes", order[done]);
        const CommitteeSpec::Change& change = c.changes[order[done]];
        last = order[done];
        if (change.node.value >= count()) {
          problem(path + ".node", format_node(change.node) + " does not exist", every_node());
          return;
        }
        if (std::find(at_this_height.begin(), at_this_height.end(), change.node) != at_this_height.end()) {
          problem(path, format_node(change.node) + " changes twice at height " + std::to_string(height));
          return;
        }
        at_this_height.push_back(change.node);
        total += change.power - power[change.node.value];
        power[change.node.value] = change.power;
      }
      if (total == 0 || total >= power_bound) {
        problem(indexed("design.committee.changes", last),
                total == 0 ? "nobody would have any voting power left after height " + std::to_string(height)
                           : "the voting power would sum to 2^60 or more after height " + std::to_string(height));
        return;
      }
    }
  }

  bool sum_is_sound(const std::vector<Power>& power, const std::string& path) {
    Int128 total = 0;
    for (const Power p : power) total += p;
    if (total == 0) problem(path, "nobody has any voting power", "at least one node needs a stake above 0");
    if (total >= power_bound)
      problem(path, "the voting power sums to 2^60 or more", "the sum must be below 1152921504606846976");
    return total > 0 && total < power_bound;
  }

  // ---- environment ------------------------------------------------------------------------------------------------

  void mempool_and_workload() {
    const std::string at = "environment.workload";
    const WorkloadSpec& w = s_.environment.workload;
    if (!clean(at)) return;
    if (w.forced.users > 0) {
      if (s_.design.l1 == "none") problem(at + ".forced", "the design has no layer 1", "design: {l1: ethereum}");
      const bool fits = w.forced.rate_per_1000s > 0;
      if (w.forced.counts_on && *w.forced.counts_on >= w.accounts) {
        problem(at + ".forced.counts_on", "there is no account " + std::to_string(*w.forced.counts_on),
                "environment: {workload: {accounts: ...}} says how many there are");
      }
      if (!fits) problem(at + ".forced.rate", "users without a rate have nothing to do", "rate: 0.01tx/s");
    }
    using Arrivals = WorkloadSpec::Arrivals;
    if (w.arrivals == Arrivals::none) {
      if (w.clients > 0)
        problem(at + ".clients", "clients without arrivals have nothing to do",
                "give arrivals: poisson and a rate, or clients: 0");
      return;
    }
    if (w.clients == 0) problem(at + ".clients", "arrivals without clients: nobody would send them", "clients: 4");
    if (w.arrivals == Arrivals::trace) {
      if (w.trace.empty())
        problem(given(at + ".trace_file") ? at + ".trace_file" : at, "the trace has no arrivals",
                "trace_file: a file with one arrival a line");
      for (const WorkloadSpec::Arrival& arrival : w.trace) {
        if (arrival.account < w.accounts) continue;
        problem(at + ".trace",
                "account " + std::to_string(arrival.account) + " does not exist at " + format_duration(arrival.at),
                "accounts: " + std::to_string(std::uint64_t{arrival.account} + 1) + " or more");
        break;
      }
    } else if (w.rate_per_1000s == 0) {
      problem(at + ".rate", "arrivals without a rate", "rate: 50tx/s");
    }
    if (w.fee_min > w.fee_max) problem(at + ".fee_min", "is more than fee_max, " + std::to_string(w.fee_max));
    if (w.stop_after >= Duration{} && w.stop_after <= w.start_after) {
      problem(at + ".stop_after", "is not after start_after, " + format_duration(w.start_after));
    }
    if (!clean("design.block") || !clean("design.mempool")) return;
    std::uint32_t largest = w.transaction_bytes;
    if (w.arrivals == Arrivals::trace) {
      largest = 0;
      for (const WorkloadSpec::Arrival& arrival : w.trace) largest = std::max(largest, arrival.bytes);
    }
    const std::string size_path = w.arrivals == Arrivals::trace ? at + ".trace" : at + ".transaction_size";
    if (largest > s_.design.mempool.max_transaction_bytes) {
      problem(size_path, "transactions of " + format_size(largest) + " are refused by every node",
              "design.mempool.max_transaction_bytes is " + format_size(s_.design.mempool.max_transaction_bytes));
    }
    // A block carries its header, the last commit and evidence besides its transactions.
    if (largest > s_.design.block.max_bytes) {
      problem(size_path, "transactions of " + format_size(largest) + " fit into no block",
              "design.block.max_bytes is " + format_size(s_.design.block.max_bytes));
    }
    if (largest > s_.design.mempool.max_bytes) {
      problem(size_path, "transactions of " + format_size(largest) + " fit into no mempool",
              "design.mempool.max_bytes is " + format_size(s_.design.mempool.max_bytes));
    }
  }

  void lottery() {
    const std::string at = "environment.workload.lottery";
    const LotterySpec& lottery = s_.environment.workload.lottery;
    if (lottery.odds.num == 0 || !clean(at)) return;
    if (lottery.odds.num >= lottery.odds.den) problem(at + ".odds", "every ticket would win", "odds: 1/10");
    if (!s_.design.sort_keys && clean("design")) {
      problem(at, "tickets draw on the random values of items with sort keys, which this design does not have",
              "design: {sort_keys: true}");
    }
    if (lottery.contract >= s_.environment.workload.accounts && clean("environment.workload.accounts")) {
      problem(at + ".contract",
              "there are only the accounts below " + std::to_string(s_.environment.workload.accounts),
              "environment: {workload: {accounts: ...}} says how many there are");
    }
  }

  void latency() {
    const std::string at = "environment.network.latency";
    const LatencySpec& l = s_.environment.network.latency;
    if (!clean(at)) return;
    using Model = LatencySpec::Model;
    Duration longest{};
    std::string what;
    switch (l.model) {
      case Model::constant:
        longest = l.mean;
        what = "the delay";
        break;
      case Model::normal:
        longest = l.mean;
        what = "the mean delay";
        if (l.sd > l.mean * 4)
          problem(at + ".sd", "is more than four times the mean, " + format_duration(l.mean),
                  "most delays would be cut off at zero");
        break;
      case Model::exponential:
        longest = l.floor + l.mean;
        what = "the mean delay";
        break;
      case Model::quantiles:
        longest = l.max;
        what = "the longest delay";
        if (l.max == Duration{})
          problem(at, "quantiles need p50, p90, p99 and max",
                  "{model: quantiles, p50: 40ms, p90: 75ms, p99: 120ms, max: 300ms}");
        if (l.p50 > l.p90) problem(at + ".p90", "is less than p50, " + format_duration(l.p50));
        if (l.p90 > l.p99) problem(at + ".p99", "is less than p90, " + format_duration(l.p90));
        if (l.p99 > l.max) problem(at + ".max", "is less than p99, " + format_duration(l.p99));
        break;
      case Model::log_normal:
        longest = l.p90;
        what = "the 90 % quantile";
        if (l.p50 == Duration{} || l.p90 == Duration{}) {
          problem(at, "log_normal needs p50 and p90", "{model: log_normal, p50: 40ms, p90: 75ms}");
        } else if (l.p50 > l.p90) {
          problem(at + ".p90", "is less than p50, " + format_duration(l.p50));
        } else {
          tail_fits(at, l);
        }
        break;
      case Model::regions: regions(l.matrix); break;
    }
    if (clean("environment.network.delta") && longest > s_.environment.network.delta) {
      problem(given("environment.network.delta") ? "environment.network.delta" : at,
              what + " is " + format_duration(longest) + ", but the network promises " +
                  format_duration(s_.environment.network.delta),
              "raise environment.network.delta");
    }
    if (l.model != Model::regions && !s_.environment.machines.regions.empty() &&
        clean("environment.machines.regions")) {
      problem("environment.machines.regions", "regions mean nothing to this latency model",
              "latency: {model: regions, matrix: aws13}");
    }
  }

  /// Sampling tables end at 2^41 ns; the last value of a log-normal one is p50 * (p90 / p50)^2.6.
  void tail_fits(const std::string& at, const LatencySpec& l) {
    const auto p50 = static_cast<Uint128>(ns(l.p50));
    const auto p90 = static_cast<Uint128>(ns(l.p90));
    if (p90 * p90 / p50 > ((Uint128{1} << 41U) * p50) / p90) {
      problem(at + ".p90", "is so far above p50 that the tail passes 36 minutes",
              "a p90 nearer to p50, " + format_duration(l.p50));
    }
  }

  void regions(const std::string& matrix) {
    std::vector<std::string> names;
    for (const sim::RegionMatrix& known : sim::region_matrices()) {
      names.emplace_back(known.name);
      if (known.name != matrix) continue;
      if (!clean("environment.machines.regions")) return;
      std::vector<std::string> places;
      for (const std::string_view region : known.regions) places.emplace_back(region);
      const std::vector<std::string>& wanted = s_.environment.machines.regions;
      for (std::size_t i = 0; i < wanted.size(); ++i) {
        if (std::find(places.begin(), places.end(), wanted[i]) != places.end()) continue;
        problem(indexed("environment.machines.regions", i),
                "there is no region `" + wanted[i].substr(0, 60) + "` in " + matrix, suggestion(wanted[i], places));
      }
      return;
    }
    const std::string at = "environment.network.latency.matrix";
    if (matrix.empty()) {
      problem("environment.network.latency", "model regions needs a matrix", "matrix: aws13");
    } else {
      problem(at, "there is no region matrix `" + matrix.substr(0, 60) + "`", suggestion(matrix, names));
    }
  }

  void network() {
    const std::string at = "environment.network";
    const NetworkSpec& n = s_.environment.network;
    const bool gossip = s_.design.dissemination == sim::Dissemination::gossip;
    if (gossip && clean("design.dissemination") && clean(at + ".gossip_degree") && clean("design.committee.count") &&
        count() > 1 && n.gossip_degree >= count()) {
      problem(at + ".gossip_degree",
              std::to_string(n.gossip_degree) + " neighbours among " + std::to_string(count()) + " nodes",
              "at most " + std::to_string(count() - 1));
    }
    if (n.reordering.num != 0 && n.reordering_delay == Duration{} && clean(at + ".reordering") &&
        clean(at + ".reordering_delay")) {
      problem(at + ".reordering", "has no effect without a reordering_delay", "reordering_delay: 100ms");
    }
    if (n.stabilises_after == Duration{} && clean(at + ".stabilises_after")) {
      if (n.loss_before.num != 0)
        problem(at + ".loss_before", "nothing comes before stabilisation at 0s", "give stabilises_after");
      if (n.delay_before != Duration{})
        problem(at + ".delay_before", "nothing comes before stabilisation at 0s", "give stabilises_after");
    }
    if (clean(at + ".stabilises_after") && clean("stop.after") && n.stabilises_after >= s_.stop.after &&
        n.stabilises_after > Duration{}) {
      problem(at + ".stabilises_after", "comes after the end, stop.after: " + format_duration(s_.stop.after));
    }
    links();
  }

  void links() {
    const std::string at = "environment.network.links";
    const std::vector<LinkSpec>& all = s_.environment.network.links;
    if (!clean(at)) return;
    // Entries with ranges stand for many links; then the list as a whole is shown.
    const bool one_each = deepest(root_, at).items.size() == all.size();
    std::set<std::pair<NodeId, NodeId>> seen;
    for (std::size_t i = 0; i < all.size(); ++i) {
      const std::string path = one_each ? indexed(at, i) : at;
      const NodeId last = std::max(all[i].from, all[i].to);
      if (last.value >= count() && clean("design.committee.count")) {
        problem(path, format_node(last) + " does not exist", every_node());
        return;
      }
      if (!seen.insert({all[i].from, all[i].to}).second) {
        problem(path,
                "the link from " + format_node(all[i].from) + " to " + format_node(all[i].to) + " is described twice");
        return;
      }
    }
  }

  void faults() {
    for (std::size_t i = 0; i < s_.environment.faults.size(); ++i) {
      const FaultSpec& f = s_.environment.faults[i];
      const std::string path = indexed("environment.faults", i);
      if (!clean(path)) continue;
      if (f.when.at && clean("stop.after") && *f.when.at >= s_.stop.after) {
        problem(path + ".at", "strikes after the end, stop.after: " + format_duration(s_.stop.after));
      }
      if (f.when.on && f.when.on->node) nodes_exist(path + ".on.node", {*f.when.on->node}, machine_count(s_));
      if (const auto* crash = std::get_if<fault::Crash>(&f.what)) {
        somebody(path + ".crash", crash->nodes, machine_count(s_));
      } else if (const auto* pause = std::get_if<fault::Pause>(&f.what)) {
        somebody(path + ".pause", pause->nodes, machine_count(s_));
      } else if (const auto* jump = std::get_if<fault::ClockJump>(&f.what)) {
        somebody(path + ".clock_jump.nodes", jump->nodes, machine_count(s_));
      } else if (const auto* l1 = std::get_if<fault::L1>(&f.what)) {
        if (s_.design.l1 == "none") problem(path + ".l1", "the design has no layer 1", "design: {l1: ethereum}");
        nodes_exist(path + ".l1.nodes", l1->nodes, machine_count(s_));
      } else if (const auto* relay = std::get_if<fault::Relay>(&f.what)) {
        writing(path + ".relay", *relay);
      } else {
        partition(path + ".partition", std::get<fault::Partition>(f.what).groups);
      }
    }
  }

  void writing(const std::string& path, const fault::Relay& trouble) {
    using Kind = fault::Relay::Kind;
    const protocols::RelayOptions& r = s_.design.relay;
    if (r.policy == "none") {
      problem(path, "nobody writes to layer 1 in this design", "design: {relay: {policy: single, nodes: [n0]}}");
      return;
    }
    if (trouble.kind == Kind::defy && !s_.design.registry.exists()) {
      problem(path, "there is no registry to defy", "design: {registry: {writers: [n0, n1]}, ...}");
    }
    if (trouble.kind != Kind::idle && trouble.kind != Kind::abuse && trouble.kind != Kind::defy) {
      if (s_.design.l1 != "arweave") problem(path, "there is no bundler on " + s_.design.l1, "design: {l1: arweave}");
      return;
    }
    somebody(path + ".nodes", trouble.nodes);
    for (const NodeId node : trouble.nodes) {
      if (std::find(r.nodes.begin(), r.nodes.end(), node) != r.nodes.end()) continue;
      problem(path + ".nodes", format_node(node) + " is no relayer", "one of design.relay.nodes");
      return;
    }
  }

  void somebody(const std::string& path, const std::vector<NodeId>& nodes) { somebody(path, nodes, count()); }
  void somebody(const std::string& path, const std::vector<NodeId>& nodes, std::uint32_t limit) {
    if (nodes.empty()) problem(path, "names no node", "[n2]");
    nodes_exist(path, nodes, limit);
  }

  void partition(const std::string& path, const std::vector<std::vector<NodeId>>& groups) {
    if (groups.size() < 2) problem(path, "a partition has at least two groups", "[[n0, n1], [n2, n3]]");
    std::set<NodeId> seen;
    for (std::size_t g = 0; g < groups.size(); ++g) {
      somebody(indexed(path, g), groups[g], machine_count(s_));
      for (const NodeId node : groups[g]) {
        if (seen.insert(node).second) continue;
        problem(indexed(path, g), format_node(node) + " is in two groups");
        return;
      }
    }
  }

  void adversaries() {
    std::map<NodeId, std::size_t> owners;
    bool sound = clean("design.committee.count");
    for (std::size_t i = 0; i < s_.environment.adversaries.size(); ++i) {
      const AdversarySpec& a = s_.environment.adversaries[i];
      const std::string path = indexed("environment.adversaries", i);
      if (!clean(path)) {
        sound = false;
        continue;
      }
      nodes_exist(path + ".nodes", a.nodes);
      for (const NodeId node : a.nodes) {
        sound = sound && node.value < count();
        const auto [owner, is_new] = owners.emplace(node, i);
        if (is_new) continue;
        problem(path + ".nodes", format_node(node) + " belongs to two adversaries",
                "environment.adversaries[" + std::to_string(owner->second) + "] owns it already");
        sound = false;
        break;
      }
      if (a.power.partitions_max > 0 && a.power.partition_max == Duration{}) {
        problem(path + ".power.partitions_max", "partitions that may not last", "partition_max: 10s");
      }
      if (a.power.partition_max > Duration{} && a.power.partitions_max == 0) {
        problem(path + ".power.partition_max", "time for partitions that it may not make", "partitions_max: 1");
      }
      if (!a.power.accounts.empty() && clean("environment.workload")) {
        const WorkloadSpec& w = s_.environment.workload;
        for (const std::uint32_t account : a.power.accounts) {
          if (account >= w.accounts) {
            problem(path + ".power.accounts", "there is no account " + std::to_string(account),
                    "environment: {workload: {accounts: ...}} says how many there are");
          }
        }
        for (const WorkloadSpec::Arrival& arrival : w.trace) {
          if (w.arrivals != WorkloadSpec::Arrivals::trace) break;
          if (std::ranges::find(a.power.accounts, arrival.account) == a.power.accounts.end()) continue;
          problem(path + ".power.accounts",
                  "account " + std::to_string(arrival.account) +
                      " is in the trace: two owners would spoil each other's nonces",
                  "grant an account that the trace leaves alone");
          break;
        }
      }
      if (a.power.drop_before_gst && s_.environment.network.stabilises_after == Duration{} &&
          clean("environment.network.stabilises_after")) {
        problem(path + ".power.drop_before_gst", "nothing comes before stabilisation at 0s",
                "give environment.network.stabilises_after");
      }
    }
    if (sound && owners.size() == count()) {
      problem("environment.adversaries", "every node is corrupt: no promise is left to judge",
              "leave at least one honest node");
    }
  }

  // ---- the rest ---------------------------------------------------------------------------------------------------

  void stop_and_expect() {
    if (clean("expect.checkers")) {
      std::vector<std::string> names;
      for (const CheckerEntry& entry : checkers()) names.emplace_back(entry.name);
      for (std::size_t i = 0; i < s_.expect.checkers.size(); ++i) {
        const std::string& name = s_.expect.checkers[i];
        const std::string path = indexed("expect.checkers", i);
        if (std::find(names.begin(), names.end(), name) == names.end()) {
          problem(path, "there is no checker `" + name.substr(0, 60) + "`", suggestion(name, names));
        } else if (std::count(s_.expect.checkers.begin(), s_.expect.checkers.begin() + static_cast<std::ptrdiff_t>(i),
                              name) != 0) {
          problem(path, "the checker `" + name + "` is named twice");
        } else if (name == "liveness" && clean("stop") && s_.stop.healing == Duration{}) {
          problem(path, "liveness is judged in the healing phase, which is 0s long", "stop.healing: 120s");
        }
      }
    }
    if (!clean("expect.commits") || !clean("stop") || s_.expect.commits_min == 0) return;
    const std::string path = "expect.commits.min";
    if (s_.stop.height != 0 && s_.expect.commits_min > s_.stop.height) {
      problem(path, "expects " + std::to_string(s_.expect.commits_min) + " blocks of a run that stops at height " +
                        std::to_string(s_.stop.height));
    }
    if (!clean("design")) return;
    const protocols::EngineEntry* engine = protocols::find_engine(s_.design.engine);
    if (engine == nullptr) return;
    const Duration pace = engine->promises(s_.design.parameters, s_.environment.network.delta).block_interval;
    if (pace == Duration{}) return;
    // Clocks may run fast by their drift.
    const std::int64_t fast = 1'000'000 + s_.environment.machines.clock_drift_ppm_max;
    const Int128 most = static_cast<Int128>(ns(s_.stop.after)) * fast / 1'000'000 / ns(pace) + 1;
    if (static_cast<Int128>(s_.expect.commits_min) > most) {
      problem(path,
              "expects " + std::to_string(s_.expect.commits_min) + " blocks where at most " +
                  std::to_string(static_cast<std::uint64_t>(most)) + " fit",
              "one block takes " + format_duration(pace) + " or more, the run " + format_duration(s_.stop.after));
    }
  }

  const Scenario& s_;
  const Value& root_;
  const std::vector<Problem> known_;
  Reader reader_;
};

}  // namespace

void check_scenario(const Scenario& scenario, const Value& root, std::vector<Problem>& problems) {
  Judge(scenario, root, problems).all();
}

}  // namespace seqlab::scenarios
