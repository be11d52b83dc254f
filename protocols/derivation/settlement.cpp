#include "protocols/derivation/settlement.hpp"

#include <algorithm>
#include <deque>
#include <map>
#include <utility>

#include "sim/base/assert.hpp"
#include "sim/base/fixed_point.hpp"

namespace seqlab::protocols {

using sim::Process;
using sim::Record;
using sim::RecordKind;

namespace {

constexpr std::uint8_t chain_number = 0;
/// Where finality is a convention, what is final can still be taken back. A reader can follow so many blocks deeper.
constexpr std::uint64_t reserve_blocks = 128;

DerivationOptions derivation_options(const SettlementOptions& o, std::vector<NodeId> writers) {
  DerivationOptions out;
  const bool proofs = o.policy == SettlementOptions::Policy::proofs;
  out.kind = proofs ? DerivationOptions::Kind::proofs : DerivationOptions::Kind::batches;
  out.channel_timeout = o.channel_timeout;
  out.window = o.window;
  out.writers = proofs ? o.committers : std::move(writers);
  out.provers = o.provers;
  std::ranges::sort(out.writers);
  std::ranges::sort(out.provers);
  return out;
}

}  // namespace

/// One full node that reads L1 back.
struct Settlement::Reader {
  Reader(NodeId id, DerivationOptions options, const SequencerContext& context, std::uint64_t start)
      : node(id), derivation(std::move(options), context.ledger, start, context.external_genesis) {}
  NodeId node;
  Derivation derivation;
  DerivationServices services;
  std::uint64_t committed = 0;  ///< heads as last said
  std::uint64_t settled = 0;
  /// Ids of the blocks that the sequencers sent, from height `ids_first` on: commitments to them may come when the
  /// node has long let go of the blocks.
  std::deque<BlockId> ids;
  std::uint64_t ids_first = 1;

  void note_blocks(const ChainView& chain) {
    for (std::uint64_t h = ids_first + ids.size(); h <= chain.height().value; ++h) {
      const BlockPtr block = chain.block(Height{h});
      if (block == nullptr) return;  // it was away, or more came at once than a node keeps
      ids.push_back(block->id);
    }
  }
  std::optional<BlockId> id_of(std::uint64_t height) const {
    if (height < ids_first || height - ids_first >= ids.size()) return std::nullopt;
    return ids[height - ids_first];
  }
  void forget_below(std::uint64_t height) {
    while (!ids.empty() && ids_first < height) {
      ids.pop_front();
      ++ids_first;
    }
  }
};

/// Writes one kind of thing to L1 from one machine, again and again until it is there: a story.
class Settlement::Author {
 public:
  Author(Settlement& settlement, SequencerNode& node, std::size_t place)
      : s_(settlement),
        node_(node),
        place_(place),
        replica_(settlement.context_.ledger, settlement.context_.external_genesis) {}

  void commit(Process& process) {
    for (;;) {
      const std::uint32_t index = next_commitment();
      const std::uint64_t last = index * s_.options_.commitment_blocks;
      while (node_.chain().height().value < last) process.sleep(poll);
      s_.reader_of(node_.id())->note_blocks(node_.chain());
      if (!wait_for_turn(process, (index + s_.options_.committers.size() - 1) % s_.options_.committers.size(),
                         s_.options_.committers.size(), [&] { return next_commitment() > index; })) {
        continue;
      }
      std::vector<BlockId> ids;
      for (std::uint64_t h = last - s_.options_.commitment_blocks + 1; h <= last; ++h) {
        const std::optional<BlockId> id = s_.reader_of(node_.id())->id_of(h);
        if (!id) return;  // gone: this node can commit to nothing any more
        ids.push_back(*id);
      }
      auto data = std::make_shared<CommitmentData>();
      data->index = index;
      data->last = Height{last};
      data->root = commitment_root(ids);
      say({.kind = RecordKind::commitment, .flags = stage(CommitmentStage::sent), .round = index, .height = last},
          data->root);
      write(process, L1TxKind::commitment, data, s_.options_.commitment_bytes,
            [&] { return next_commitment() > index; });
    }
  }

  void prove(Process& process) {
    for (;;) {
      execute_on();
      const auto work = next_proof();
      if (!work) {
        process.sleep(poll);
        continue;
      }
      if (!wait_for_turn(process, 0, s_.options_.provers.size(), [&] { return !still_unproven(work->second); })) {
        continue;
      }
      const SimTime proven_at = process.now() + s_.options_.proof_delay;
      while (process.now() < proven_at) {
        process.sleep(std::min(poll * 10, proven_at - process.now()));
        execute_on();
      }
      auto data = std::make_shared<ProofData>();
      data->first = work->first;
      data->last = work->second;
      const std::uint64_t height = std::uint64_t{work->second} * s_.options_.commitment_blocks;
      data->height = Height{height};
      const auto state = states_.find(height);
      if (state == states_.end()) return;  // its blocks were gone before it could execute them
      data->state = state->second;
      states_.erase(states_.begin(), state);
      say({.kind = RecordKind::proof, .flags = stage(CommitmentStage::sent), .round = data->first, .height = height},
          data->state);
      write(process, L1TxKind::proof, data, s_.options_.proof_bytes, [&] { return !still_unproven(work->second); });
    }
  }

 private:
  static constexpr Duration poll{2'000'000'000};

  static std::uint16_t stage(CommitmentStage s) { return static_cast<std::uint16_t>(s); }
  void say(Record record, Hash128 id) {
    record.node = node_.id();
    s_.context_.simulation.emit(record.with_id(id));
  }
  const L1View& view() const { return s_.l1_.view(node_.id()); }

  /// From what is on L1 as this node sees it: no state of its own that a crash could lose.
  std::uint32_t next_commitment() const {
    std::uint32_t next = 1;
    if (const Reader* reader = s_.reader_of(node_.id())) {
      next = static_cast<std::uint32_t>(reader->derivation.heads().derived / s_.options_.commitment_blocks) + 1;
    }
    return next;
  }
  bool still_unproven(std::uint32_t last) const {
    const Reader* reader = s_.reader_of(node_.id());
    return reader->derivation.heads().proven < std::uint64_t{last} * s_.options_.commitment_blocks;
  }
  std::optional<std::pair<std::uint32_t, std::uint32_t>> next_proof() const {
    const Reader* reader = s_.reader_of(node_.id());
    const Derivation::Heads& heads = reader->derivation.heads();
    const std::uint64_t each = s_.options_.commitment_blocks;
    const auto proven = static_cast<std::uint32_t>(heads.proven / each);
    const auto committed = static_cast<std::uint32_t>(heads.derived / each);
    if (committed <= proven) return std::nullopt;
    return std::pair{proven + 1, std::min(committed, proven + s_.options_.proof_commitments_max)};
  }
  /// Whose turn it is acts at once, the others each `backup_after` later than the one before them.
  /// @return false if it is done meanwhile
  template <class Done>
  bool wait_for_turn(Process& process, std::size_t first, std::size_t count, Done done) {
    const std::size_t rank = (place_ + count - first) % count;
    const SimTime until = process.now() + s_.options_.backup_after * static_cast<std::int64_t>(rank);
    while (process.now() < until) {
      if (done()) return false;
      process.sleep(std::min(poll * 10, until - process.now()));
    }
    return !done();
  }
  /// Submits, and again for more while nothing comes of it, until `done`.
  template <class Done>
  void write(Process& process, L1TxKind kind, const std::shared_ptr<const L1Data>& data, std::uint32_t bytes,
             Done done) {
    const L1Profile& profile = s_.l1_.profile();
    L1Price price = 0;
    SimTime offered{};
    bool waits = false;
    std::uint64_t nonce = 0;
    while (!done()) {
      const L1Price market = s_.l1_.estimate(L1Lane::ordinary);
      if (!waits || process.now() - offered >= s_.options_.bump_after) {
        auto tx = std::make_shared<L1Transaction>();
        tx->author = node_.id();
        tx->kind = kind;
        tx->bytes = bytes;
        const std::uint64_t limit = profile.transaction_max[0];
        tx->units[0] = std::min<std::uint64_t>(units(profile, bytes), limit);
        price = std::max(market * 2, mul_div_ceil(price, s_.options_.bump_percent, 100));
        tx->price_max[0] = price;
        tx->data = data;
        if (profile.has_nonces) {
          tx->has_nonce = true;
          if (!waits) nonce = s_.l1_.next_nonce(node_.id());
          tx->nonce = nonce;
        }
        tx->id = HashBuilder{"settlement"}.add(node_.id()).add(kind).add(ns(process.now())).add(price).finish();
        waits = s_.l1_.submit(std::move(tx)) || waits;
        offered = process.now();
      }
      process.sleep(poll * 5);
      if (kind == L1TxKind::proof) execute_on();
    }
  }
  /// Virtual bytes of an inscription, gas of calldata, bytes elsewhere.
  static std::uint64_t units(const L1Profile& profile, std::uint32_t bytes) {
    switch (profile.fees[0].kind) {
      case FeeMarketOptions::Kind::auction: return 150 + bytes / 4;  // the witness weighs a quarter
      case FeeMarketOptions::Kind::base_fee: return 21'000 + std::uint64_t{bytes} * 16;
      default: return bytes;
    }
  }
  /// A prover executes as blocks come, and remembers the states at the ends of commitments.
  void execute_on() {
    Reader* reader = s_.reader_of(node_.id());
    while (executed_ < node_.chain().height().value) {
      const BlockPtr block = node_.chain().block(Height{executed_ + 1});
      if (block == nullptr) return;
      const StateRoot after = replica_.execute(*block, reader->services);
      ++executed_;
      if (executed_ % s_.options_.commitment_blocks == 0) states_.emplace(executed_, after);
    }
  }

  Settlement& s_;
  SequencerNode& node_;
  std::size_t place_;        ///< in the list of those that do the same
  Replica replica_;          ///< of a prover, after `executed_` blocks
  std::map<std::uint64_t, StateRoot> states_;  ///< by height, for proofs to come
  std::uint64_t executed_ = 0;
};

Settlement::Settlement(const SettlementOptions& options, const SequencerContext& context, L1& l1,
                       std::span<SequencerNode* const> sequencers, std::vector<NodeId> writers)
    : options_(options), context_(context), l1_(l1), sequencers_(sequencers.begin(), sequencers.end()) {
  std::vector<NodeId> readers = options.readers;
  if (options.policy == SettlementOptions::Policy::proofs) {  // who writes reads as well
    readers.insert(readers.end(), options.committers.begin(), options.committers.end());
    readers.insert(readers.end(), options.provers.begin(), options.provers.end());
  }
  std::ranges::sort(readers);
  readers.erase(std::unique(readers.begin(), readers.end()), readers.end());
  for (const NodeId node : readers) {
    auto reader =
        std::make_unique<Reader>(node, derivation_options(options, writers), context, l1.chain().height());
    reader->services.authentic = [this](const Transaction& tx) {
      return tx.well_formed() && context_.signatures.verify(account_key(tx.sender.value), tx.id, tx.signature);
    };
    reader->services.local_block = [self = reader.get()](std::uint64_t height) { return self->id_of(height); };
    reader->services.forced = context.forced;
    readers_.push_back(std::move(reader));
  }
  l1.watch(*this);
}

Settlement::~Settlement() = default;

Settlement::Reader* Settlement::reader_of(NodeId node) {
  for (const auto& reader : readers_) {
    if (reader->node == node) return reader.get();
  }
  return nullptr;
}

const Derivation& Settlement::derivation(NodeId reader) const {
  const auto at = std::ranges::find_if(readers_, [&](const auto& r) { return r->node == reader; });
  SEQLAB_ASSERT(at != readers_.end(), reader.value);
  return (*at)->derivation;
}

void Settlement::start() {
  if (options_.policy != SettlementOptions::Policy::proofs) return;
  sim::Processes& processes = context_.simulation.processes();
  for (std::size_t i = 0; i < options_.committers.size(); ++i) {
    const NodeId node = options_.committers[i];
    authors_.push_back(std::make_unique<Author>(*this, *sequencers_[node.value], i));
    processes.spawn_service(node, [author = authors_.back().get()](Process& p) { author->commit(p); });
  }
  for (std::size_t i = 0; i < options_.provers.size(); ++i) {
    const NodeId node = options_.provers[i];
    authors_.push_back(std::make_unique<Author>(*this, *sequencers_[node.value], i));
    processes.spawn_service(node, [author = authors_.back().get()](Process& p) { author->prove(p); });
  }
}

void Settlement::say_head(Reader& reader, HeadKind kind, std::uint64_t height, BlockId id) {
  std::uint64_t& said = kind == HeadKind::committed ? reader.committed : reader.settled;
  if (said == height) return;
  const bool back = height < said;
  said = height;
  context_.simulation.emit(Record{.kind = RecordKind::head,
                                  .detail = static_cast<std::uint8_t>(kind),
                                  .flags = static_cast<std::uint16_t>(back ? 1 : 0),
                                  .node = reader.node,
                                  .height = height}
                               .with_id(id));
}

void Settlement::on_l1_head(NodeId node, const L1View& view, std::uint64_t) {
  Reader* reader = reader_of(node);
  if (reader == nullptr || !context_.simulation.machine_is_up(node)) return;
  Derivation& derivation = reader->derivation;
  if (options_.policy == SettlementOptions::Policy::proofs) {
    reader->note_blocks(sequencers_[node.value]->chain());
    reader->forget_below(reader->settled);
  }
  if (view.height() < options_.committed_depth) return;
  std::vector<Derived> news;
  const std::uint64_t back = derivation.advance(view, view.height() - options_.committed_depth, reader->services, news);
  if (back != 0) {
    // First down to where the branches part, then up again.
    const std::uint64_t low = reader->committed - std::min(reader->committed, back);
    say_head(*reader, HeadKind::committed, low, {});
  }
  for (const Derived& d : news) {
    switch (d.what) {
      case Derived::What::block:
        context_.simulation.emit(Record{.kind = RecordKind::derived,
                                        .flags = static_cast<std::uint16_t>(d.empty ? 1 : 0),
                                        .node = node,
                                        .height = d.height}
                                     .with_id(d.id));
        context_.simulation.emit(
            Record{.kind = RecordKind::derived_state, .node = node, .height = d.height}.with_id(d.state));
        break;
      case Derived::What::commitment:
      case Derived::What::proof:
        context_.simulation.emit(
            Record{.kind = d.what == Derived::What::proof ? RecordKind::proof : RecordKind::commitment,
                   .detail = chain_number,
                   .flags = static_cast<std::uint16_t>(CommitmentStage::accepted),
                   .node = node,
                   .round = d.index,
                   .height = d.height}
                .with_id(d.what == Derived::What::proof ? d.state : d.id));
        break;
      case Derived::What::halt:
        context_.simulation.emit({.kind = RecordKind::halted,
                                  .detail = static_cast<std::uint8_t>(HaltReason::wrong_commitment),
                                  .node = node,
                                  .height = d.height});
        break;
    }
  }
  const Derivation::Heads& heads = derivation.heads();
  say_head(*reader, HeadKind::committed, heads.derived, heads.derived_id);

  const std::uint64_t final_height =
      options_.settled_depth == 0 ? std::min(view.final_height(), view.height())
                                  : view.height() - std::min<std::uint64_t>(view.height(), options_.settled_depth);
  if (const std::optional<Derivation::Heads> then = derivation.heads_at(final_height)) {
    if (options_.policy == SettlementOptions::Policy::proofs) {
      say_head(*reader, HeadKind::settled, then->proven, then->proven_state);
    } else {
      say_head(*reader, HeadKind::settled, then->derived, then->derived_id);
    }
    const bool by_vote = l1_.profile().finality == L1Profile::Finality::epochs;
    const std::uint64_t kept = by_vote ? 0 : reserve_blocks;
    const std::uint64_t sure = std::min(final_height, view.final_height());
    if (sure > kept) derivation.finalise(view, sure - kept, reader->services);
  }
}

}  // namespace seqlab::protocols
