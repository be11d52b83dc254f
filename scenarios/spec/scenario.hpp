// A scenario as a plain value: a design, the environment that happens to it, when to stop and what is expected.
// Everything is validated and filled with defaults (see parse.hpp); building a world from it cannot fail for reasons
// that a user could have mended.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "protocols/consensus/engines.hpp"
#include "protocols/derivation/settlement.hpp"
#include "protocols/forced/options.hpp"
#include "protocols/l1/escrow.hpp"
#include "protocols/l1/registry.hpp"
#include "protocols/migration/options.hpp"
#include "protocols/node/sequencer.hpp"
#include "protocols/relay/options.hpp"
#include "sim/kernel/time.hpp"
#include "sim/random/stream.hpp"
#include "sim/trace/record.hpp"

namespace seqlab::scenarios {

using protocols::Power;
using sim::Ratio;

// ---- design: how the sequencer works ------------------------------------------------------------------------------

struct CommitteeSpec {
  std::uint32_t count = 4;          ///< sequencer nodes n0 ... n(count-1)
  std::vector<Power> stake;         ///< one per node; 0 = a node that follows but has no vote
  /// Voting power changes ordered by the application: executing `height` sets `node` to `power` (from height + 2).
  struct Change {
    std::uint64_t height = 0;
    NodeId node;
    Power power = 0;
    friend bool operator==(const Change&, const Change&) = default;
  };
  std::vector<Change> changes;
  friend bool operator==(const CommitteeSpec&, const CommitteeSpec&) = default;
};

struct Design {
  std::string engine = "tendermint";
  protocols::EngineParameters parameters;
  CommitteeSpec committee;
  protocols::BlockLimits block;
  protocols::LeaderOrder leader_order = protocols::LeaderOrder::arrival;
  protocols::MempoolOptions mempool;
  std::uint64_t keep_blocks = 10'000;   ///< that a node can give to others, 0 = all
  protocols::SignatureBackend signatures = protocols::SignatureBackend::ideal;
  sim::Dissemination dissemination = sim::Dissemination::direct;
  std::string l1 = "none";              ///< the layer-1 chain that the rollup settles on
  protocols::ForcedOptions forced;      ///< how it reads that chain
  bool sort_keys = false;               ///< ordered items have sort keys, as in Warp
  Duration random_delay{};              ///< their random values take so long to compute from the block before
  protocols::SettlementOptions settlement;  ///< how it settles there
  protocols::RelayOptions relay;        ///< how its blocks get there
  protocols::RegistryOptions registry;  ///< who may write them there
  protocols::BridgeOptions bridge;      ///< how money gets there and back
  protocols::MigrationOptions migration;    ///< another core that ordered before this one
  friend bool operator==(const Design&, const Design&) = default;
};

// ---- environment: what happens to it ------------------------------------------------------------------------------

struct LatencySpec {
  enum class Model : std::uint8_t { constant, normal, quantiles, log_normal, exponential, regions };
  Model model = Model::constant;
  Duration mean = 50ms;                  ///< constant, normal, exponential (added to `floor`)
  Duration sd{};                         ///< normal
  Duration floor{};                      ///< exponential: least delay
  Duration p50{}, p90{}, p99{}, max{};   ///< quantiles, log_normal (p50, p90)
  std::string matrix;                    ///< regions: data file of `sim/net/latency/data`, e.g. aws13, aws18
  Ratio jitter;  ///< regions: standard deviation of the jitter as a part of the delay (aws13: 1/20)
  friend bool operator==(const LatencySpec&, const LatencySpec&) = default;
};

struct LinkSpec {
  NodeId from, to;
  Duration latency{-1};
  Duration extra_latency{};
  Ratio loss{0, 0};
  friend bool operator==(const LinkSpec&, const LinkSpec&) = default;
};

struct NetworkSpec {
  LatencySpec latency;
  Ratio loss, duplication, reordering;
  Duration reordering_delay{};
  bool fifo_links = false;
  std::uint64_t uplink_bps = 0, downlink_bps = 0;
  Duration queue_limit = 10s;
  std::uint32_t gossip_degree = 8;
  Duration stabilises_after{};           ///< GST
  Ratio loss_before;
  Duration delay_before{};
  Duration delta = 1s;                   ///< delay bound after GST that the model promises
  std::vector<LinkSpec> links;
  friend bool operator==(const NetworkSpec&, const NetworkSpec&) = default;
};

struct MachineSpec {
  std::uint32_t cores = 1;
  protocols::NodeCosts costs;
  Duration disk_sync{};                  ///< time of one synced write
  std::int64_t clock_drift_ppm_max = 0;  ///< drawn per node in +- this
  Duration clock_skew_max{};             ///< likewise, of the wall clock
  std::vector<std::string> regions;      ///< node i is in regions[i % size]; empty: the matrix's own order
  Duration start_skew = 50ms;            ///< nodes start within this, drawn
  friend bool operator==(const MachineSpec&, const MachineSpec&) = default;
};

/// Users who go to layer 1: each has an account that no client uses (see `forced_account`), and waits for an item to be
/// done before he sends the next.
struct ForcedWorkload {
  std::uint32_t users = 0;               ///< user i sends from node i's place and reads L1 as node i sees it
  std::int64_t rate_per_1000s = 0;       ///< items of all users together
  Duration start_after{};
  Duration stop_after{-1};               ///< negative: never
  std::uint64_t units = 100'000;         ///< of L1 room (gas, virtual bytes, bytes) that an item takes
  std::uint32_t bytes = 250;             ///< of its transaction on the rollup
  std::uint32_t price_percent = 150;     ///< of what the estimator says
  std::uint32_t ahead = 0;               ///< items of a burst that come after those which need their nonces
  std::uint32_t burst = 1;               ///< items sent at once
  std::optional<std::uint32_t> counts_on{};  ///< account that has to hold what it held when the item was written
  bool calls = true;                     ///< asks L1 to force what is late, where the design has such calls
  friend bool operator==(const ForcedWorkload&, const ForcedWorkload&) = default;
};

/// A lottery on the rollup: each transaction to the account `contract` is a ticket, and its random value decides.
struct LotterySpec {
  std::uint32_t contract = 0;
  Ratio odds{0, 1};                      ///< of a ticket; 0: there is no lottery
  friend bool operator==(const LotterySpec&, const LotterySpec&) = default;
};

/// Users of the bridge: each has an account that nobody else uses (see `bridge_user_account`). He locks money on layer
/// 1 and, when it is minted, burns it again and has it released, and then begins anew.
struct BridgeWorkload {
  std::uint32_t users = 0;               ///< user i lives beside node i and reads L1 as node i sees it
  std::int64_t rate_per_1000s = 0;       ///< deposits of all users together
  std::int64_t amount = 1000;            ///< of a deposit, and of the withdrawal after it
  bool withdraws = true;                 ///< or leaves it on the rollup
  bool greedy = false;                   ///< asks besides for what he never burnt, too early, and once more
  Duration start_after{};
  Duration stop_after{-1};               ///< negative: never; what has begun goes on
  std::uint64_t units = 100'000;         ///< of L1 room that a transaction takes
  std::uint32_t price_percent = 150;     ///< of what the estimator says
  friend bool operator==(const BridgeWorkload&, const BridgeWorkload&) = default;
};

struct WorkloadSpec {
  enum class Arrivals : std::uint8_t { none, poisson, constant, trace };
  Arrivals arrivals = Arrivals::none;
  std::uint32_t clients = 0;             ///< endpoints; each is near the node (i % nodes) and first sends to it
  std::int64_t rate_per_1000s = 0;       ///< transactions of all clients together in 1000 seconds (milli-tx/s)
  std::uint32_t accounts = 100;
  std::uint32_t transaction_bytes = 250;
  std::int64_t fee_min = 1, fee_max = 100;
  Duration start_after = 0ms;
  Duration stop_after{-1};               ///< negative: never
  Duration retry_after = 5s;             ///< unconfirmed for so long: send to the next node
  std::uint32_t retries_max = 10;
  /// trace arrivals: (time, account, bytes, fee), sorted by time. Read from `trace_file` at parse time.
  struct Arrival {
    Duration at;
    std::uint32_t account;
    std::uint32_t bytes;
    std::int64_t fee;
    friend bool operator==(const Arrival&, const Arrival&) = default;
  };
  std::string trace_file;
  std::vector<Arrival> trace;
  ForcedWorkload forced{};
  LotterySpec lottery{};
  BridgeWorkload bridge{};
  friend bool operator==(const WorkloadSpec&, const WorkloadSpec&) = default;
};

/// What differs from the chain's profile (protocols/l1/profile.hpp). Negative or unset: as there.
struct L1Spec {
  Duration interval{-1};
  std::optional<Ratio> miss{};
  std::optional<Ratio> fork{};
  Duration view_p50{-1}, view_p95{-1};
  std::uint32_t finality_depth = 0;      ///< 0: as there
  std::uint32_t demand_percent = 100;    ///< what the rest of the world pays, as a part of the profile's level
  std::uint32_t keep_blocks = 512;       ///< L1 blocks kept for late readers
  friend bool operator==(const L1Spec&, const L1Spec&) = default;
};

/// When a fault strikes: at a time, or at the nth record that matches.
struct Trigger {
  std::optional<Duration> at{};
  /// Semantic point: fields that are set must match.
  struct Point {
    sim::RecordKind record{};
    std::optional<NodeId> node{};
    std::optional<std::uint64_t> height{};
    std::optional<std::uint32_t> round{};
    std::optional<std::uint8_t> detail{};   ///< e.g. prevote, precommit for `voted`
    std::uint32_t nth = 1;
    friend bool operator==(const Point&, const Point&) = default;
  };
  std::optional<Point> on{};
  friend bool operator==(const Trigger&, const Trigger&) = default;
};

namespace fault {
struct Crash {
  std::vector<NodeId> nodes;
  sim::DiskFault disk = sim::DiskFault::unsynced_lost;
  friend bool operator==(const Crash&, const Crash&) = default;
};
struct Pause { std::vector<NodeId> nodes; friend bool operator==(const Pause&, const Pause&) = default; };
struct Partition {
  std::vector<std::vector<NodeId>> groups;
  bool one_way = false;
  friend bool operator==(const Partition&, const Partition&) = default;
};
struct ClockJump {
  std::vector<NodeId> nodes;
  Duration step{};
  friend bool operator==(const ClockJump&, const ClockJump&) = default;
};
/// Trouble on layer 1.
struct L1 {
  enum class Kind : std::uint8_t {
    reorganise,  ///< the last `depth` blocks lose
    hide,        ///< `nodes` get no blocks
    lag,         ///< `nodes` get blocks `by` later
    lie,         ///< `nodes` are shown forged blocks without forced items
    halt,        ///< no blocks are made
    demand,      ///< the others pay `percent` of what they did
    censor,      ///< `percent` of the miners leave out transactions of the rollup of kind `transactions`
  };
  Kind kind = Kind::reorganise;
  std::vector<NodeId> nodes{};
  std::uint32_t depth = 1;
  Duration by{};
  std::uint32_t percent = 100;
  std::optional<protocols::L1TxKind> transactions{};  ///< unset: every kind
  std::optional<protocols::L1TxKind> lose{};  ///< reorganise: those do not wait again; unset: all do
  friend bool operator==(const L1&, const L1&) = default;
};
/// Trouble with the writing of data to layer 1.
struct Relay {
  enum class Kind : std::uint8_t {
    outage,     ///< the bundler takes nothing
    lose,       ///< it gives receipts and posts nothing, for `percent` of what it gets
    delay,      ///< it posts `by` later
    duplicate,  ///< it posts twice
    idle,       ///< the relayers `nodes` write nothing
    abuse,      ///< likewise, and they say that the bundler is down
    defy,       ///< they write although the registry does not entitle them, and ask it for the turn
  };
  Kind kind = Kind::outage;
  std::vector<NodeId> nodes{};
  Duration by{};
  std::uint32_t percent = 100;
  friend bool operator==(const Relay&, const Relay&) = default;
};
}  // namespace fault

struct FaultSpec {
  Trigger when;
  Duration lasts{-1};   ///< crash: restart after it, pause: resume, partition: heal; negative: until healing
  std::variant<fault::Crash, fault::Pause, fault::Partition, fault::ClockJump, fault::L1, fault::Relay> what;
  friend bool operator==(const FaultSpec&, const FaultSpec&) = default;
};

/// A value of a script parameter.
using ParamValue = std::variant<bool, std::int64_t, std::string, std::vector<std::string>>;

struct PowerSpec {
  enum class Sight : std::uint8_t { own, headers, all };
  Sight sees = Sight::own;            ///< own: messages of its nodes; headers: kind, height, round, ends of all; all
  Duration delay_max{};               ///< how long it may hold back messages of others
  std::uint64_t drops_max = 0;        ///< messages of others it may drop; any number before GST if `drop_before_gst`
  bool drop_before_gst = false;
  std::uint32_t crashes_max = 0;      ///< how often it may crash (and restart) honest nodes
  std::uint32_t partitions_max = 0;
  Duration partition_max{};           ///< total time of its partitions
  std::vector<std::uint32_t> accounts{};  ///< of users: it holds their keys and pays from them
  friend bool operator==(const PowerSpec&, const PowerSpec&) = default;
};

struct AdversarySpec {
  std::string script;                 ///< stock name or path
  std::string source;                 ///< text of the script, read at parse time
  std::string file;                   ///< where it was found, for messages
  std::vector<NodeId> nodes;          ///< that it owns
  PowerSpec power;
  std::map<std::string, ParamValue> params;
  friend bool operator==(const AdversarySpec& a, const AdversarySpec& b) {
    return a.script == b.script && a.source == b.source && a.nodes == b.nodes && a.power == b.power &&
           a.params == b.params;
  }
};

struct Environment {
  NetworkSpec network;
  MachineSpec machines;
  WorkloadSpec workload;
  L1Spec l1;
  std::vector<FaultSpec> faults;
  std::vector<AdversarySpec> adversaries;
  friend bool operator==(const Environment&, const Environment&) = default;
};

// ---- the rest -----------------------------------------------------------------------------------------------------

struct StopSpec {
  Duration after = 60s;               ///< end of the safety phase
  std::uint64_t height = 0;           ///< or when every live honest node has committed it; 0 = no
  Duration healing = 120s;            ///< longest liveness phase after it; 0 = no liveness phase
  std::uint64_t healing_blocks = 3;   ///< commits of the whole core that count as progress
  friend bool operator==(const StopSpec&, const StopSpec&) = default;
};

enum class Verdict : std::uint8_t { held, violated, outside_model, undecided };  ///< exit codes 0 / 1 / 2 / 2

struct ExpectSpec {
  std::vector<std::string> checkers;  ///< empty: all that fit the design
  std::uint64_t commits_min = 0;      ///< of the slowest live honest node at the end of the safety phase
  std::optional<Verdict> verdict{};     ///< e.g. outside_model for a control; then that verdict is exit 0
  friend bool operator==(const ExpectSpec&, const ExpectSpec&) = default;
};

struct Scenario {
  std::string name;
  std::string file;                   ///< where it came from; not part of its meaning
  std::string description;            ///< comment block at the top of the file
  std::uint64_t seed = 1;             ///< used when none is given
  bool permute_instants = false;
  Design design;
  Environment environment;
  StopSpec stop;
  ExpectSpec expect;
  /// Equal but for the file that it came from.
  friend bool operator==(const Scenario& a, const Scenario& b) {
    return a.name == b.name && a.description == b.description && a.seed == b.seed &&
           a.permute_instants == b.permute_instants && a.design == b.design && a.environment == b.environment &&
           a.stop == b.stop && a.expect == b.expect;
  }
};

/// Whether another core orders before the committee does.
inline bool migrates(const Scenario& s) {
  return s.design.migration.kind != protocols::MigrationOptions::Kind::none;
}

/// The committee orders first, and a single service after it.
inline bool migrates_back(const Scenario& s) {
  return s.design.migration.kind == protocols::MigrationOptions::Kind::bft_to_centralised;
}

/// The account of a user of the bridge: after those of the clients and of the users who go to layer 1.
inline protocols::AccountId bridge_user_account(const WorkloadSpec& w, std::uint32_t user) {
  return protocols::AccountId{w.accounts + w.forced.users + user};
}
/// The bridge's own account on the rollup, the last one.
inline protocols::AccountId bridge_account(const WorkloadSpec& w) { return bridge_user_account(w, w.bridge.users); }

/// Machines that order or did: the sequencer nodes, and after them the service of a migration.
inline std::uint32_t machine_count(const Scenario& s) { return s.design.committee.count + (migrates(s) ? 1U : 0U); }

}  // namespace seqlab::scenarios
