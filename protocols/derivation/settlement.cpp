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

/// Writes one kind of thing to L1 from one machine, each until it counts there. Several can be under way: one does not
/// wait until the one before it is deep enough.
class Settlement::Author {
 public:
  Author(Settlement& settlement, SequencerNode& node, std::size_t place)
      : s_(settlement),
        node_(node),
        place_(place),
        replica_(settlement.context_.ledger, settlement.context_.external_genesis) {}

  void commit(Process& process) {
    start();
    const std::uint64_t count = s_.options_.committers.size();
    for (;; process.sleep(poll)) {
      tend(process.now());
      const std::uint32_t index = std::max(committed(), last_under_way()) + 1;
      const std::uint64_t last = index * s_.options_.commitment_blocks;
      if (node_.chain().height().value < last) continue;
      reader().note_blocks(node_.chain());
      // Commitment i is the turn of the (i mod count)th.
      const std::uint64_t first = (index + count - 1) % count;
      if (!my_turn(process.now(), index, (place_ + count - first) % count)) continue;
      if (on_layer1(L1TxKind::commitment, index)) continue;
      std::vector<BlockId> ids;
      for (std::uint64_t h = last - s_.options_.commitment_blocks + 1; h <= last; ++h) {
        const std::optional<BlockId> id = reader().id_of(h);
        if (!id) return;  // gone: this node can commit to nothing any more
        ids.push_back(*id);
      }
      auto data = std::make_shared<CommitmentData>();
      data->index = index;
      data->last = Height{last};
      data->root = commitment_root(ids);
      const Record sent{
          .kind = RecordKind::commitment, .flags = stage(CommitmentStage::sent), .round = index, .height = last};
      begin({.kind = L1TxKind::commitment, .last = index, .bytes = s_.options_.commitment_bytes, .data = data},
            Record{sent}.with_id(data->root), process.now());
    }
  }

  void prove(Process& process) {
    start();
    const std::uint64_t each = s_.options_.commitment_blocks;
    std::uint32_t first = 0, last = 0;  // commitments that are being proven, 0: none
    SimTime ready{};
    for (;; process.sleep(poll)) {
      execute_on();
      tend(process.now());
      if (last == 0) {
        const std::uint32_t behind = std::max(proven(), last_under_way());
        if (committed() <= behind || !my_turn(process.now(), behind + 1, place_)) continue;
        if (on_layer1(L1TxKind::proof, behind + 1)) continue;
        first = behind + 1;
        last = std::min(committed(), behind + s_.options_.proof_commitments_max);
        ready = process.now() + s_.options_.proof_delay;
      }
      if (process.now() < ready) continue;
      auto data = std::make_shared<ProofData>();
      data->first = first;
      data->last = std::exchange(last, 0);
      data->height = Height{data->last * each};
      const auto state = states_.find(data->height.value);
      if (state == states_.end()) return;  // its blocks were gone before it could execute them
      data->state = state->second;
      if (s_.context_.bridge) data->burns = burns_up_to(data->height.value);
      if (proven() >= data->last) continue;  // somebody else was faster
      const Record sent{.kind = RecordKind::proof,
                        .flags = stage(CommitmentStage::sent),
                        .round = data->first,
                        .height = data->height.value};
      begin({.kind = L1TxKind::proof, .last = data->last, .bytes = s_.options_.proof_bytes, .data = data},
            Record{sent}.with_id(data->state), process.now());
    }
  }

 private:
  static constexpr Duration poll{2'000'000'000};
  static constexpr std::uint32_t attempts_known = 64;

  /// What is on its way until it counts.
  struct Submission {
    L1TxKind kind{};
    std::uint32_t last = 0;   ///< commitments that it brings L1 up to
    std::uint32_t bytes = 0;
    std::shared_ptr<const L1Data> data{};
    Hash128 key{};            ///< of it, whatever the attempt
    Hash128 id{};             ///< of the last transaction that the miners took; zero: none yet
    std::uint32_t attempt = 0;
    std::uint64_t nonce = 0;
    L1Price price = 0;
    SimTime offered{};
  };

  static std::uint16_t stage(CommitmentStage s) { return static_cast<std::uint16_t>(s); }
  Reader& reader() const { return *s_.reader_of(node_.id()); }
  std::uint32_t in_commitments(std::uint64_t height) const {
    return static_cast<std::uint32_t>(height / s_.options_.commitment_blocks);
  }
  /// What counts on L1 as this node reads it.
  std::uint32_t committed() const { return in_commitments(reader().derivation.heads().derived); }
  std::uint32_t proven() const { return in_commitments(reader().derivation.heads().proven); }
  std::uint32_t last_under_way() const { return under_way_.empty() ? 0 : under_way_.back().last; }

  /// After a crash as well: what was under way is found again on L1, by its id.
  void start() {
    under_way_.clear();
    waits_for_ = 0;
  }

  /// Whose turn it is acts at once, the others each `backup_after` later than the one before them.
  bool my_turn(SimTime now, std::uint32_t number, std::uint64_t rank) {
    if (waits_for_ != number) {
      waits_for_ = number;
      waits_since_ = now;
    }
    return now - waits_since_ >= s_.options_.backup_after * static_cast<std::int64_t>(rank);
  }
  /// Whether another one's is there already, but not yet so deep that it counts.
  bool on_layer1(L1TxKind kind, std::uint32_t number) const {
    const L1View& view = s_.l1_.view(node_.id());
    for (std::uint64_t h = reader().derivation.l1_height() + 1; h <= view.height(); ++h) {
      const L1BlockPtr block = view.block(h);
      if (block == nullptr) continue;
      for (const L1TransactionPtr& tx : block->transactions) {
        if (tx->kind != kind || tx->author == node_.id()) continue;
        const auto* commitment = dynamic_cast<const CommitmentData*>(tx->data.get());
        const auto* proof = dynamic_cast<const ProofData*>(tx->data.get());
        if (commitment != nullptr && commitment->index == number) return true;
        if (proof != nullptr && proof->first <= number && number <= proof->last) return true;
      }
    }
    return false;
  }

  void begin(Submission s, Record sent, SimTime now) {
    s.key = HashBuilder{"settlement"}.add(node_.id()).add(s.kind).add(s.last).add(sent.id()).finish();
    // Sent before a crash perhaps: then the miners have the last attempt that they took.
    for (std::uint32_t attempt = attempts_known; attempt-- > 0 && !s.id;) {
      const L1Receipt known = s_.l1_.receipt(node_.id(), id_of(s, attempt));
      if (known.state == L1Receipt::State::unknown) continue;
      s.id = id_of(s, attempt);
      s.attempt = attempt;
      s.nonce = known.nonce;
      s.price = known.price;
      s.offered = now;
    }
    if (!s.id) {
      sent.node = node_.id();
      s_.context_.simulation.emit(sent);
    }
    under_way_.push_back(std::move(s));
    tend(now);
  }

  /// Drops what counts, and offers more for what waits too long.
  void tend(SimTime now) {
    std::erase_if(under_way_, [this](const Submission& s) {
      return s.last <= (s.kind == L1TxKind::commitment ? committed() : proven());
    });
    for (Submission& s : under_way_) {
      const L1Receipt::State at = s.id ? s_.l1_.receipt(node_.id(), s.id).state : L1Receipt::State::unknown;
      if (at == L1Receipt::State::included) continue;  // it only has to get deeper
      if (at == L1Receipt::State::waiting && (!has_sequence() || now - s.offered < s_.options_.bump_after)) continue;
      offer(s, at == L1Receipt::State::unknown, now);
    }
  }
  void offer(Submission& s, bool unknown, SimTime now) {
    const L1Profile& profile = s_.l1_.profile();
    L1Transaction tx;
    tx.author = node_.id();
    tx.kind = s.kind;
    tx.bytes = s.bytes;
    tx.units[0] = std::min<std::uint64_t>(units(profile, s.bytes), profile.transaction_max[0]);
    tx.price_max[0] =
        std::max(s_.l1_.estimate(L1Lane::ordinary) * 2,
                 mul_div_ceil(s.price, std::max(s_.options_.bump_percent, profile.replacement_percent), 100));
    tx.data = s.data;
    tx.has_nonce = has_sequence();
    const std::uint32_t attempt = s.id ? s.attempt + 1 : 0;
    tx.id = id_of(s, attempt);
    s.offered = now;
    // One that is gone without a trace leaves a gap that what came after it waits for: its own place first.
    bool taken = false;
    if (tx.has_nonce && s.id) {
      tx.nonce = s.nonce;
      taken = s_.l1_.submit(std::make_shared<const L1Transaction>(tx));
    }
    if (!taken && unknown) {
      tx.nonce = tx.has_nonce ? s_.l1_.next_nonce(node_.id()) : 0;
      taken = s_.l1_.submit(std::make_shared<const L1Transaction>(tx));
    }
    if (!taken) return;
    s.id = tx.id;
    s.attempt = attempt;
    s.nonce = tx.nonce;
    s.price = tx.price_max[0];
  }
  static Hash128 id_of(const Submission& s, std::uint32_t attempt) {
    return HashBuilder{"settlement attempt"}.add(s.key).add(attempt).finish();
  }
  /// Whether one transaction replaces another: by its nonce, or by the coins that it spends.
  bool has_sequence() const {
    return s_.l1_.profile().has_nonces || s_.l1_.profile().fees[0].kind == FeeMarketOptions::Kind::auction;
  }
  /// Virtual bytes of an inscription, gas of calldata, bytes elsewhere.
  static std::uint64_t units(const L1Profile& profile, std::uint32_t bytes) {
    switch (profile.fees[0].kind) {
      case FeeMarketOptions::Kind::auction: return 150 + bytes / 4;  // the witness weighs a quarter
      case FeeMarketOptions::Kind::base_fee: return 21'000 + std::uint64_t{bytes} * 16;
      default: return bytes;
    }
  }
  /// A prover executes as blocks come, and remembers the states at the ends of commitments that it may read again.
  void execute_on() {
    while (executed_ < node_.chain().height().value) {
      const BlockPtr block = node_.chain().block(Height{executed_ + 1});
      if (block == nullptr) return;
      const StateRoot after = replica_.execute(*block, reader().services, s_.context_.bridge ? &burns_ : nullptr);
      ++executed_;
      if (executed_ % s_.options_.commitment_blocks == 0) states_.emplace(executed_, after);
    }
    states_.erase(states_.begin(), states_.lower_bound(reader().ids_first));
    std::erase_if(burns_, [this](const Burn& burn) { return burn.height.value <= reader().settled; });
  }
  /// Of all blocks that are not settled, up to a height; what layer 1 has of them already it passes over.
  std::vector<Burn> burns_up_to(std::uint64_t height) const {
    std::vector<Burn> out = burns_;
    std::erase_if(out, [height](const Burn& burn) { return burn.height.value > height; });
    return out;
  }

  Settlement& s_;
  SequencerNode& node_;
  std::size_t place_;        ///< in the list of those that do the same
  std::vector<Submission> under_way_;          ///< by `last`
  std::uint32_t waits_for_ = 0;                ///< the next thing to do, and since when it can be done
  SimTime waits_since_{};
  Replica replica_;          ///< of a prover, after `executed_` blocks
  std::map<std::uint64_t, StateRoot> states_;  ///< by height, for proofs to come
  std::uint64_t executed_ = 0;
  std::vector<Burn> burns_;  ///< likewise, what blocks that are not settled pay to the bridge
};

Settlement::Settlement(const SettlementOptions& options, const SequencerContext& context, L1& l1,
                       std::span<SequencerNode* const> sequencers, std::vector<NodeId> writers,
                       const RegistryRules* registry)
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
    reader->services.registry = registry;
    reader->services.bridge = context.bridge;
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
      case Derived::What::batch:
        context_.simulation.emit(Record{.kind = RecordKind::batch_read,
                                        .detail = chain_number,
                                        .flags = static_cast<std::uint16_t>(d.empty ? 1 : 0),
                                        .node = d.author,
                                        .peer = node,
                                        .height = d.height}
                                     .with_id(d.id));
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
    if (sure <= kept) return;
    derivation.finalise(view, sure - kept, reader->services);
    // Not below what is settled: after a reorganisation all since then is read again, with these blocks.
    if (const std::optional<Derivation::Heads> base = derivation.heads_at(sure - kept)) {
      reader->forget_below(base->derived);
    }
  }
}

}  // namespace seqlab::protocols
