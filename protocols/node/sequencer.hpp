// A sequencer node: engine, mempool, block building, execution and durable state on one machine. The host applies the
// engine's effects in order, holds those behind a persist until the disk has it, and stops between any two of them
// when the machine crashes.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "protocols/consensus/engine.hpp"
#include "protocols/consensus/engines.hpp"
#include "protocols/forced/forced_path.hpp"
#include "protocols/l1/l1.hpp"
#include "protocols/node/ledger.hpp"
#include "protocols/node/mempool.hpp"
#include "protocols/node/transaction_index.hpp"
#include "protocols/ordering/sort_keys.hpp"
#include "sim/net/network.hpp"
#include "sim/node/node.hpp"

namespace seqlab::protocols {

class SequencerNode;
struct CoreImport;

/// A corrupt node's mind. The honest code of the node goes on; this decides what leaves and enters it.
class NodeAdversary {
 public:
  /// Instead of sending: nothing leaves unless `node.release` is called.
  virtual void on_outgoing(SequencerNode& node, std::span<const NodeId> to, const MessagePtr& message) = 0;
  /// @return false to hide the message from the node
  virtual bool on_incoming(SequencerNode& node, NodeId from, const MessagePtr& message) = 0;
  /// The node is about to build a block, of which all but its transactions is there: reorder or remove those (it cannot
  /// invent signatures).
  virtual void on_build(SequencerNode& node, Block& draft) = 0;
  /// The node is about to say what its block takes from layer 1: `external` may become whatever it likes.
  virtual void on_external(SequencerNode& node, Height height, Round round, External& external) {
    static_cast<void>(node), static_cast<void>(height), static_cast<void>(round), static_cast<void>(external);
  }

 protected:
  ~NodeAdversary() = default;
};

struct BlockLimits {
  std::uint32_t max_bytes = 4U << 20U;
  Gas max_gas = 10'000'000;
  friend bool operator==(const BlockLimits&, const BlockLimits&) = default;
};

/// The order in which a leader puts transactions. `arrival`: first come first served; `fee`: highest fee a gas first;
/// nonces of one sender stay in sequence in both.
enum class LeaderOrder : std::uint8_t { arrival, fee };

/// Virtual CPU time of the work of a node. Zero costs nothing and no event.
struct NodeCosts {
  Duration verify_signature{};
  Duration sign{};
  Duration execute_transaction{};
  Duration execute_block{};
  friend bool operator==(const NodeCosts&, const NodeCosts&) = default;
};

/// What all nodes of a world share.
struct SequencerContext {
  sim::Simulation& simulation;
  sim::Nodes& nodes;
  sim::Network& network;
  Signatures& signatures;
  Committee genesis;
  std::vector<NodeId> peers;            ///< every sequencer node, members of the committee or not
  BlockLimits limits;
  LeaderOrder leader_order = LeaderOrder::arrival;
  MempoolOptions mempool;
  NodeCosts costs;
  LedgerGenesis ledger;
  sim::Dissemination dissemination = sim::Dissemination::direct;
  /// Executing height h changes the committee from h + change_lag on. Of the engine, see EngineEntry.
  std::uint32_t change_lag = 2;
  bool relays_transactions = true;      ///< see EnginePromises
  /// Voting power changes that the application orders: executing `height` returns them.
  std::vector<std::pair<Height, ValidatorUpdate>> validator_updates;
  /// Machines that run a second copy of a (corrupt) node, with its key: what goes to the node goes to them as well,
  /// what they send comes from the node. No twin hears its other half.
  struct Twin {
    NodeId machine;
    NodeId node;
  };
  std::vector<Twin> twins{};
  std::uint64_t keep_blocks = 0;        ///< committed blocks kept for others to catch up, 0 = all
  /// Both or none. The node reads layer 1 through its own view there and takes forced items from it by this policy.
  L1* l1 = nullptr;
  const ForcedPath* forced = nullptr;
  ExternalState external_genesis{};
  /// What the nodes start from instead of genesis, once it is open; null: genesis. See protocols/migration/.
  const CoreImport* import_from = nullptr;
  /// Of the bridge, where the design has one: what it pays is minted, what it gets is burnt. A user of the ledger.
  std::optional<AccountId> bridge{};
  bool sort_keys = false;               ///< every ordered item gets a sort key and the key before it (Warp)
  /// What the nodes' pools know of transactions.
  std::shared_ptr<TransactionIndex> transactions = std::make_shared<TransactionIndex>();
};

class SequencerNode final : public sim::NodeHandler {
 public:
  /// `context` is shared and outlives the node. Adds itself to `context.nodes`.
  /// @param twin_of  whose second copy this is; no_node: a node of its own
  SequencerNode(const SequencerContext& context, EngineFactory make_engine, NodeId twin_of = no_node);
  ~SequencerNode() override;

  NodeId id() const;       ///< who it is: in messages, votes and records
  NodeId machine() const;  ///< where it runs: the same unless it is a twin
  /// Null while the machine is down.
  const Engine* engine() const;
  const ChainView& chain() const;
  /// When it committed the head of its chain; the start of the world before that.
  SimTime head_since() const;
  const Mempool& mempool() const;
  const Ledger& ledger() const;
  /// What the committed chain knows of layer 1.
  const ExternalState& external() const;
  /// The last sort key of every contract; empty in designs without keys.
  const SortKeys& sort_keys() const;

  /// Whether the disk still has all of `chain`: it may have lost some that the next start will find missing.
  bool keeps_chain() const;

  /// Whether it refuses new transactions, as if its pool were full. A start opens it again.
  void close_admission(bool closed);

  void corrupt(NodeAdversary& adversary);
  bool is_corrupt() const;
  /// For adversaries: really sends, after `delay`. Emits `proposed` and `voted` records for statements of this node.
  void release(std::span<const NodeId> to, const MessagePtr& message, Duration delay = {});
  /// For adversaries: gives the node's own engine a message as if `from` had sent it.
  void inject(NodeId from, const MessagePtr& message);

  void on_start(bool restarted) override;
  void on_message(NodeId from, const MessagePtr& message) override;
  void on_timer(std::uint64_t token) override;
  void on_crash() override;

 private:
  struct State;
  const SequencerContext& context_;
  std::unique_ptr<State> state_;
};

}  // namespace seqlab::protocols
