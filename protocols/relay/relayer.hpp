// A relayer: a service of a sequencer machine that writes what its own node has committed to layer 1, in order, and
// keeps at it until it is there for good. It is a story: build, record, send, wait, offer more, confirm, record. It can
// end at any step with the machine's power; what it does next is in the journal on the disk.
//
// Deviations from what is modelled: data are not compressed; a relayer goes by the blocks of its own node, which has
// to keep them for as long as they are unwritten (Warp's fetches older ones from elsewhere); any block that a channel
// holds is taken for one of the chain, without looking at its certificate.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "protocols/l1/l1.hpp"
#include "protocols/relay/bundler.hpp"
#include "protocols/relay/da_index.hpp"
#include "protocols/relay/rules.hpp"
#include "protocols/relay/source.hpp"
#include "sim/kernel/processes.hpp"
#include "sim/node/node.hpp"

namespace seqlab::protocols {

/// What all relayers of a world share.
struct RelayContext {
  sim::Simulation& simulation;
  sim::Nodes& nodes;
  L1& l1;
  const RelayOptions& options;
  const RelayRules& rules;
  const RelayPolicy& policy;
  const RegistryRules* registry;   ///< null: there is no registry
  BatchFormat format;
  Bundler& bundler;
  /// Whoever settles turns is told that this node says the bundler is down.
  std::function<void(NodeId, std::uint64_t turn)> report_outage;
};

class Relayer {
 public:
  /// @param place  among `options.nodes`; without one it writes nothing and only watches its node's backlog
  Relayer(const RelayContext& context, RelaySource& source, std::optional<std::size_t> place);

  /// Spawns the service.
  void start();
  /// Its node has a new block, or its view of layer 1 a new head.
  void wake() { changed_.wake_all(); }
  /// Every block up to it is on layer 1, deep enough, as far as the disk of its machine knows.
  Height done() const;
  /// Misbehaviour: writes nothing; says besides that the bundler is down.
  void be_idle(bool idle, bool claims) {
    idle_ = idle;
    claims_ = claims;
    wake();
  }
  /// Misbehaviour: writes whether or not the registry entitles it.
  void be_defiant(bool defiant) {
    defiant_ = defiant;
    wake();
  }

 private:
  /// A batch under way.
  struct Sent {
    Batch batch;
    std::vector<BlockPtr> blocks{};
    std::vector<L1TransactionPtr> transactions{};
    bool sent = false;
    bool receipt = false;
    SimTime sent_at{};
    SimTime priced_at{};
    SimTime retry_at{};
    Duration back_off{};
    std::uint64_t readable_at = 0;  ///< `changes` of the index at which it was to be read there; 0: not yet
  };

  void run(sim::Process& process);
  void recover();
  DaIndex fresh_index() const;
  void take_stock();
  void settle(sim::Process& process);
  void mend(sim::Process& process, Sent& sent);
  void write(sim::Process& process);
  bool build(Sent& out);
  void send(Sent& sent);
  void remake(sim::Process& process, Sent& sent);
  void offer_more(sim::Process& process, Sent& sent);
  void take_turn();
  void watch_backlog();
  void save(sim::Process& process);
  bool on_duty() const;
  RelayState state() const;
  std::size_t on_the_way() const;
  std::vector<BlockPtr> blocks_of(const Batch& batch) const;
  std::vector<L1TransactionPtr> make(const Batch& batch, std::span<const BlockPtr> blocks) const;
  std::uint64_t salt(const Batch& batch);
  std::uint64_t free_nonce() const;
  bool price(Batch& batch) const;
  void on_receipt(const Hash128& id, std::uint32_t incarnation);
  /// Emits. @throws ProcessKilled if that was the end of this life
  void say(sim::Record record);
  /// @throws ProcessKilled if the machine is not the one that this life began on
  void stay_alive() const;
  void look_at(SimTime at) { next_look_ = std::min(next_look_, at); }
  SimTime now() const { return context_.simulation.now(); }
  sim::Record record_of(sim::RecordKind kind, const Batch& batch) const;

  const RelayContext& context_;
  RelaySource& source_;
  NodeId id_;
  std::optional<std::size_t> place_;
  sim::WaitQueue changed_;
  sim::Stream luck_;
  bool idle_ = false;
  bool claims_ = false;
  bool defiant_ = false;

  // In memory: made anew at each start.
  std::uint32_t incarnation_ = 0;
  Journal journal_;
  DaIndex index_;
  std::vector<Sent> under_way_;  ///< in order of their blocks
  SimTime next_look_{};
  SimTime stalled_since_{};
  Height last_readable_{};
  Height waiting_for_{};         ///< the next block to write, since `waiting_since_`
  SimTime waiting_since_{};
  std::uint64_t turn_ = 0;       ///< 1 + the last turn that was its own and announced
  bool reported_ = false;        ///< in this turn
  std::deque<std::uint32_t> sizes_;  ///< of the unwritten blocks from `unwritten_from_` on
  Height unwritten_from_{1};
  std::uint64_t unwritten_bytes_ = 0;
  bool closed_ = false;
  bool acting_ = false;          ///< see RelayState
};

}  // namespace seqlab::protocols
