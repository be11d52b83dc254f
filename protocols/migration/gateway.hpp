// The core that a migration replaces: one service that accepts an interaction, orders it at once and says so.
//
// It keeps a log of what it accepted, in order, each item with a sort key (L1 height, milliseconds, hash); the answer
// leaves when the disk has the item. It follows layer 1 through a view of its own and takes over each L1 block that is
// deep enough. The other way round it is what a committee falls back to: then it begins with what that has left.
// Source: Warp's centralised sequencer and its syncer. Deviations: items have nonces, which its old core does not ask
// for; milliseconds never go back, whatever the clock does.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "protocols/migration/core_import.hpp"
#include "protocols/migration/options.hpp"
#include "protocols/node/sequencer.hpp"

namespace seqlab::protocols {

/// Answers of a stopped core, as `detail` of a refusal; beyond those of AdmitError.
enum class CoreRefusal : std::uint8_t {
  stopped = 64,  ///< it accepts nothing any more
  moved,         ///< and the new core does
};

struct GatewayOptions {
  std::uint32_t depth = 10;   ///< L1 blocks on top of one before it is taken over
  Duration poll = Duration{10'000'000'000};  ///< how often it looks at layer 1
  MigrationOptions::Stamp stamp = MigrationOptions::Stamp::finished;
};

class Gateway final : public sim::NodeHandler {
 public:
  /// Adds itself to `context.nodes`; layer 1 of the context has a view for that machine. All of it outlives the
  /// gateway.
  /// @param import  what it begins with, once that is open; null: genesis
  Gateway(const SequencerContext& context, const GatewayOptions& options, const CoreImport* import = nullptr);

  NodeId id() const { return machine_->id(); }
  bool up() const { return machine_->up() && !machine_->paused(); }
  /// Accepts and takes over nothing more, until `resume`, also after a crash. @pre up()
  void stop(bool redirect);
  void resume();

  /// Whether it refuses new interactions, as if its pool were full. A start opens it again.
  void close_admission(bool closed) { admission_closed_ = closed; }
  /// What is in the log and on the disk, each line as a block: what its DA writer writes. A line is named by what it
  /// orders, the interaction or the L1 block.
  const ChainView& lines() const { return lines_; }

  /// Items and L1 blocks in the log.
  std::uint64_t height() const { return log_.size(); }
  StateRoot state() { return ledger_.root(); }
  /// Whether the disk has all of it, and everybody has been told.
  bool settled() const { return announced_ == log_.size(); }
  /// The last L1 block that it has taken over.
  const L1Ref& last_l1() const { return external_.last; }
  std::uint32_t depth() const { return options_.depth; }
  /// What a tool reads from its data base. @param blocks_behind  cursor and keys are as so many L1 blocks ago
  /// @pre up()
  CoreImport export_core(std::uint32_t blocks_behind) const;

  void on_start(bool restarted) override;
  void on_message(NodeId from, const MessagePtr& message) override;
  void on_timer(std::uint64_t token) override;
  void on_crash() override;

 private:
  /// One line of the log: an interaction, or a whole L1 block.
  struct Entry {
    Transaction transaction;
    SortKey key;
    L1BlockPtr block;   ///< null: an interaction
    std::uint64_t position = 0;   ///< of the block's first item in the queue of forced items
  };
  /// An item of an L1 block, with its key; in the order of keys.
  struct L1Item {
    ForcedItem item;
    SortKey key;
  };

  /// Its own lines as those see them who write them to layer 1.
  class Lines final : public ChainView {
   public:
    explicit Lines(const Gateway& gateway) : gateway_(gateway) {}
    Height height() const override { return Height{gateway_.announced_}; }
    BlockPtr block(Height h) const override;
    const Commit* commit(Height) const override { return nullptr; }
    const Committee& committee(Height) const override { return gateway_.context_.genesis; }
    StateRoot state() const override { return {}; }   // of no interest to a writer

   private:
    const Gateway& gateway_;
  };

  bool opened() const { return import_ == nullptr || import_->open; }
  void replay();
  static std::vector<L1Item> items_of(const Entry& entry);
  void apply(const Entry& entry);
  void order_waiting();
  void take_over_l1();
  void append(Entry entry);
  void announce(std::uint64_t upto);
  bool announce(const Entry& entry, std::uint64_t height);
  bool say_key(const SortKey& key, AccountId contract, bool from_l1);
  void answer(NodeId client, const TxId& tx, TransactionResultMessage::Outcome outcome, std::uint64_t height,
              std::uint8_t detail);
  void write_mode();
  /// Emits, and says whether this life goes on.
  bool emit(sim::Record record);

  const SequencerContext& context_;
  GatewayOptions options_;
  sim::Node* machine_ = nullptr;
  const CoreImport* import_;
  ExternalState genesis_;
  Lines lines_{*this};

  // On disk: the log says how much of it a start finds.
  std::vector<Entry> log_;
  // How much of the log has been announced, with the keys as far as that; ours, not the machine's.
  std::uint64_t announced_ = 0;
  std::map<AccountId, SortKey> announced_keys_;
  std::map<TxId, ForcedStatus> forced_;   ///< of the log, by item

  // In memory, made anew from the log at each start.
  Ledger ledger_;
  Mempool mempool_;
  ExternalState external_;
  SortKey last_key_;
  std::uint64_t first_position_ = 0;   ///< on the disk, of the log's first line if none had ever been lost
  bool stopped_ = false;
  bool redirects_ = false;
  bool admission_closed_ = false;
  std::uint64_t life_ = 0;  ///< counts power-offs
};

}  // namespace seqlab::protocols
