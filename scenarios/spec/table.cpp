#include "scenarios/spec/table.hpp"

#include <algorithm>

#include "scenarios/spec/trace.hpp"
#include "scenarios/workload/trace.hpp"

namespace seqlab::scenarios {

namespace {

std::vector<std::string> message_kind_names() {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < static_cast<std::size_t>(protocols::MessageKind::count); ++i) {
    names.emplace_back(protocols::name_of(static_cast<protocols::MessageKind>(i)));
  }
  return names;
}

}  // namespace

std::vector<std::string> detail_names(sim::RecordKind kind) {
  using sim::RecordKind;
  switch (kind) {
    case RecordKind::voted:
    case RecordKind::certified:
    case RecordKind::certificate_signers: return {"none", "prevote", "precommit", "vote", "timeout"};
    case RecordKind::reverted:
    case RecordKind::committed: return {"soft", "speculative", "final"};
    case RecordKind::evidence: return {"double_vote", "double_proposal", "amnesia", "conflicting_certificates"};
    case RecordKind::disk_lost: return {"unsynced_lost", "torn_tail", "wiped", "rolled_back"};
    case RecordKind::tx_refused:
      return {"none",          "duplicate", "old_nonce", "nonce_gap",
              "bad_signature", "full",      "too_large", "insufficient_funds"};
    case RecordKind::tx_included: return {"ok", "bad_nonce", "insufficient_funds", "bad_signature"};
    case RecordKind::attack:
      return {"forge",     "send", "drop",    "delay",   "crash",       "restart",
              "partition", "heal", "reorder", "exclude", "receive_drop"};
    case RecordKind::message_sent:
    case RecordKind::message_delivered:
    case RecordKind::message_dropped:
    case RecordKind::message_rejected:
      return message_kind_names();
    default: return {};
  }
}

namespace {

constexpr Duration longest = 1000h;

// ---- design -------------------------------------------------------------------------------------------------------

Shape<protocols::TendermintOptions> tendermint_shape() {
  using O = protocols::TendermintOptions;
  using protocols::RoundSkip;
  using protocols::Timestamps;
  const auto timeout = duration(1ms, 1h);
  const auto growth = duration(0s, 1h);
  return object<O>({
      field<O>("timeout_propose", &O::timeout_propose, timeout,
               "How long a validator waits for a proposal in round 0 before it prevotes nil."),
      field<O>("timeout_propose_delta", &O::timeout_propose_delta, growth,
               "What each further round adds to `timeout_propose`."),
      field<O>("timeout_prevote", &O::timeout_prevote, timeout,
               "How long it waits for more prevotes once two thirds of any kind are in."),
      field<O>("timeout_prevote_delta", &O::timeout_prevote_delta, growth,
               "What each further round adds to `timeout_prevote`."),
      field<O>("timeout_precommit", &O::timeout_precommit, timeout,
               "How long it waits for more precommits before it enters the next round."),
      field<O>("timeout_precommit_delta", &O::timeout_precommit_delta, growth,
               "What each further round adds to `timeout_precommit`."),
      field<O>("timeout_commit", &O::timeout_commit, duration(0s, 1h),
               "How long it stays after a commit to collect late precommits before the next height begins; sets the "
               "pace of blocks."),
      field<O>("skip_timeout_commit", &O::skip_timeout_commit, boolean(),
               "Begin the next height at once when every precommit is in."),
      field<O>("round_skip", &O::round_skip,
               choice<RoundSkip>({{"validity", RoundSkip::validity}, {"quorum", RoundSkip::quorum}}),
               "What moves a validator to a higher round: `validity` (the paper, line 55: more than a third of the "
               "power, of any "
               "message) or `quorum` (CometBFT: two thirds of one vote type)."),
      field<O>("proposer_arms_propose_timeout", &O::proposer_arms_propose_timeout, boolean(),
               "Whether the proposer itself runs `timeout_propose` (CometBFT) or not (the paper)."),
      field<O>("create_empty_blocks", &O::create_empty_blocks, boolean(),
               "Whether blocks are proposed when no transaction waits."),
      field<O>("create_empty_blocks_interval", &O::create_empty_blocks_interval, growth,
               "With `create_empty_blocks: false`, propose an empty block after this anyway; 0s: never."),
      field<O>(
          "timestamps", &O::timestamps,
          choice<Timestamps>(
              {{"none", Timestamps::none}, {"bft_time", Timestamps::bft_time}, {"proposer", Timestamps::proposer}}),
          "Where the time of a block comes from: nowhere, the weighted median of the votes, or the proposer's clock, "
          "checked by the others (proposer-based timestamps)."),
      field<O>("precision", &O::precision, growth, "Proposer-based timestamps: how far correct clocks may be apart."),
      field<O>("message_delay", &O::message_delay, growth,
               "Proposer-based timestamps: longest accepted age of a proposal, grows by a tenth a round."),
      field<O>("future_rounds", &O::future_rounds, integer<std::uint32_t>(1, 1000),
               "For how many rounds ahead of its own a validator keeps a peer's votes."),
      field<O>("gossip_stall", &O::gossip_stall, timeout,
               "Without a step for so long, a validator tells its peers where it is and asks for what it lacks."),
      field<O>("evidence_age_blocks", &O::evidence_age_blocks, integer<std::uint64_t>(1, 1'000'000'000),
               "Evidence older than this and than `evidence_age` is refused."),
      field<O>("evidence_age", &O::evidence_age, duration(1s, longest),
               "See `evidence_age_blocks`; both must have passed."),
  });
}

Shape<protocols::CentralisedOptions> centralised_shape() {
  using O = protocols::CentralisedOptions;
  return object<O>({
      field<O>("sequencer", &O::sequencer, node(), "The one node that orders."),
      field<O>("block_interval", &O::block_interval, duration(1ms, 1h), "Time between its blocks."),
      field<O>("create_empty_blocks", &O::create_empty_blocks, boolean(),
               "Whether blocks are made when no transaction waits."),
      field<O>("follower_stall", &O::follower_stall, duration(1ms, 1h),
               "A follower that heard nothing for so long asks for what it missed."),
  });
}

/// Who leads a round. `leader(options)` is the LeaderOptions.
template <class O, class Access>
std::vector<Field<O>> leader_fields(Access leader) {
  using protocols::LeaderElection;
  const auto weight = integer<std::uint32_t>(1, 1'000'000);
  return {
      field<O>(
          "leader_election", [leader](auto& o) -> auto& { return leader(o).election; },
          choice<LeaderElection>({{"round_robin", LeaderElection::round_robin},
                                  {"stake", LeaderElection::stake},
                                  {"reputation", LeaderElection::reputation}}),
          "Who leads a round: members in turn; in proportion to their power (Tendermint's proposer priority); or "
          "drawn, "
          "mostly from those that proposed or voted in recently committed blocks (DiemBFT)."),
      field<O>(
          "reputation_window", [leader](auto& o) -> auto& { return leader(o).reputation_window; },
          integer<std::uint32_t>(1, 10'000), "Reputation: how many committed blocks are looked at."),
      field<O>(
          "reputation_lag", [leader](auto& o) -> auto& { return leader(o).reputation_lag; },
          integer<std::uint32_t>(0, 1000),
          "Reputation: blocks of so many last rounds are not looked at, since not all replicas have them."),
      field<O>(
          "reputation_active_weight", [leader](auto& o) -> auto& { return leader(o).reputation_active_weight; }, weight,
          "Reputation: weight of a member that proposed or voted in the window."),
      field<O>(
          "reputation_inactive_weight", [leader](auto& o) -> auto& { return leader(o).reputation_inactive_weight; },
          weight, "Reputation: weight of all others."),
  };
}

/// What all engines of the HotStuff family have. `O` has a member `chained`.
template <class O>
std::vector<Field<O>> chained_fields() {
  const auto timeout = duration(1ms, 1h);
  const auto pause = duration(0s, 1h);
  std::vector<Field<O>> fields = leader_fields<O>([](auto& o) -> auto& { return o.chained.leader; });
  std::vector<Field<O>> more{
      field<O>(
          "timeout", [](auto& o) -> auto& { return o.chained.pacemaker.timeout; }, timeout,
          "How long a replica stays in a round before it gives it up."),
      field<O>(
          "timeout_growth_percent", [](auto& o) -> auto& { return o.chained.pacemaker.growth_percent; },
          integer<std::uint32_t>(100, 1000),
          "Each round without a commit multiplies `timeout` by so many hundredths; 100: it never grows."),
      field<O>(
          "timeout_growth_steps", [](auto& o) -> auto& { return o.chained.pacemaker.growth_steps_max; },
          integer<std::uint32_t>(0, 64), "How often it grows at most."),
      field<O>(
          "timeout_growth_lag", [](auto& o) -> auto& { return o.chained.pacemaker.growth_lag; },
          integer<std::uint32_t>(0, 1000), "So many rounds after the last commit are ordinary and do not count."),
      field<O>(
          "join", [](auto& o) -> auto& { return o.chained.pacemaker.join; }, boolean(),
          "Whether a replica gives up a round at once when more than a third of the power has."),
      field<O>(
          "proposal_pause", [](auto& o) -> auto& { return o.chained.proposal_pause; }, pause,
          "How long a leader waits in its round before it proposes; sets the pace of blocks."),
      field<O>(
          "timestamp_bound", [](auto& o) -> auto& { return o.chained.timestamp_bound; }, timeout,
          "Blocks from farther in the future get no vote."),
      field<O>(
          "sync_timeout", [](auto& o) -> auto& { return o.chained.sync_timeout; }, timeout,
          "A request for a block goes to another peer after one to two of these."),
      field<O>(
          "sync_window", [](auto& o) -> auto& { return o.chained.sync_window; }, integer<std::uint32_t>(1, 1000),
          "How many committed blocks are requested at once while catching up."),
  };
  for (Field<O>& f : more) fields.push_back(std::move(f));
  return fields;
}

Shape<protocols::HotStuffOptions> hotstuff_shape() {
  using O = protocols::HotStuffOptions;
  using protocols::HotStuffChain;
  using protocols::RoundSync;
  std::vector<Field<O>> fields{
      field<O>(
          "chain", &O::chain,
          choice<HotStuffChain>({{"three_chain", HotStuffChain::three_chain}, {"two_chain", HotStuffChain::two_chain}}),
          "`three_chain`: HotStuff, three certificates of consecutive rounds commit; `two_chain`: pipelined "
          "HotStuff-2, two do, and a leader that lacks the certificate of the round before waits `delta`."),
      field<O>(
          "round_sync", &O::round_sync,
          choice<RoundSync>(
              {{"timeout_certificates", RoundSync::timeout_certificates}, {"new_view", RoundSync::new_view}}),
          "How a failed round ends: everybody hears who gives it up and a quorum ends it, or each replica moves on "
          "by its own timer and tells the next leader alone."),
      field<O>("delta", &O::delta, duration(0s, 1h),
               "`two_chain`: how long such a leader waits; at least the longest delay of a message."),
  };
  for (Field<O>& f : chained_fields<O>()) fields.push_back(std::move(f));
  return object<O>(std::move(fields));
}

Shape<protocols::JolteonOptions> jolteon_shape() {
  return object<protocols::JolteonOptions>(chained_fields<protocols::JolteonOptions>());
}

Shape<protocols::MonadBftOptions> monadbft_shape() {
  using O = protocols::MonadBftOptions;
  const auto timeout = duration(1ms, 1h);
  const auto pause = duration(0s, 1h);
  std::vector<Field<O>> fields{
      field<O>("delta", &O::delta, timeout,
               "Bound on the delay of a message that the timers are made for: a round lasts 3 delta + vote_pace + "
               "processing before it is given up."),
      field<O>("vote_pace", &O::vote_pace, pause,
               "Least time between a replica's votes in consecutive rounds; sets the pace of blocks."),
      field<O>("processing", &O::processing, pause, "What the timer of a round allows for work."),
      field<O>("timeout_growth_percent", &O::growth_percent, integer<std::uint32_t>(100, 1000),
               "Each round without a final block multiplies the timer by so many hundredths; 100: it never grows, as "
               "Monad's."),
      field<O>("timeout_growth_steps", &O::growth_steps_max, integer<std::uint32_t>(0, 64),
               "How often it grows at most."),
      field<O>("sync_timeout", &O::sync_timeout, timeout,
               "A request for a block goes to another peer after one to two of these."),
      field<O>("sync_window", &O::sync_window, integer<std::uint32_t>(1, 1000),
               "How many committed blocks are requested at once while catching up."),
  };
  for (Field<O>& f : leader_fields<O>([](auto& o) -> auto& { return o.leader; })) fields.push_back(std::move(f));
  return object<O>(std::move(fields));
}

Shape<protocols::MysticetiOptions> mysticeti_shape() {
  using O = protocols::MysticetiOptions;
  return object<O>({
      field<O>("leaders", &O::leaders, integer<std::uint32_t>(1, 1000),
               "Leader slots a round; no more than there are validators."),
      field<O>("wave_length", &O::wave_length, integer<std::uint32_t>(3, 10),
               "Rounds from a leader's vertex to the round that decides about it, both counted."),
      field<O>("leader_timeout", &O::leader_timeout, duration(1ms, 1h),
               "How long a validator waits for the vertices of the last round's leaders before it goes on without "
               "them."),
      field<O>("min_round_delay", &O::min_round_delay, duration(0s, 1h),
               "Least time between two vertices of one validator."),
      field<O>("gc_depth", &O::gc_depth, integer<std::uint32_t>(4, 100'000),
               "For how many rounds back a leader still orders vertices; older ones are lost, their transactions wait "
               "for another one."),
      field<O>("recover_own_round", &O::recover_own_round, boolean(),
               "Whether a validator without a log asks a quorum for its own last vertex before it makes one: at the "
               "very start, and after its disk was lost."),
      field<O>("fetch_delay", &O::fetch_delay, duration(0s, 1h),
               "How long the ancestor of a vertex may be under way before it is asked for."),
      field<O>("sync_timeout", &O::sync_timeout, duration(1ms, 1h),
               "After how long a question to a peer is asked again, somebody else."),
      field<O>("sync_window", &O::sync_window, integer<std::uint32_t>(1, 1000),
               "Committed blocks that a validator that is behind asks for at once."),
  });
}

Shape<protocols::StreamletOptions> streamlet_shape() {
  using O = protocols::StreamletOptions;
  using protocols::EpochLeaders;
  return object<O>({
      field<O>("delta", &O::delta, duration(1ms, 1h),
               "The message delay that the protocol counts on; an epoch lasts twice as long."),
      field<O>("echo", &O::echo, boolean(),
               "Whether every validator relays each message that is new to it to all others, as in the paper."),
      field<O>("leader_election", &O::leaders,
               choice<EpochLeaders>({{"round_robin", EpochLeaders::round_robin}, {"hash", EpochLeaders::hash}}),
               "Who leads an epoch: the validators in turn, or one drawn from a hash of the epoch by power."),
  });
}

Shape<protocols::PbftOptions> pbft_shape() {
  using O = protocols::PbftOptions;
  return object<O>({
      field<O>("block_interval", &O::block_interval, duration(1ms, 1h),
               "Least time between two proposals of a primary."),
      field<O>("view_timeout", &O::view_timeout, duration(1ms, 1h),
               "Without progress for so long a replica asks for the next view; doubles with every one in a row."),
      field<O>("view_timeout_max", &O::view_timeout_max, duration(1ms, 1h), "Where the doubling ends."),
      field<O>("retransmit", &O::retransmit, duration(1ms, 1h),
               "Without progress for so long a replica repeats what it said."),
      field<O>("checkpoint_interval", &O::checkpoint_interval, integer<std::uint32_t>(1, 100'000),
               "A checkpoint is taken every so many blocks (K)."),
      field<O>("window", &O::window, integer<std::uint32_t>(2, 1'000'000),
               "So many blocks may be ordered beyond the last stable checkpoint (L); at least twice "
               "`checkpoint_interval`."),
      field<O>("create_empty_blocks", &O::create_empty_blocks, boolean(),
               "Whether blocks are proposed when no transaction waits."),
  });
}

Shape<protocols::RotatingOptions> rotating_shape() {
  using O = protocols::RotatingOptions;
  return object<O>({
      field<O>("slot", &O::slot, duration(1ms, 1h), "Time between two blocks of an operator."),
      field<O>("epoch_slots", &O::epoch_slots, integer<std::uint32_t>(2, 1'000'000),
               "How many slots an operator has before the next one takes over."),
      field<O>("handover_slots", &O::handover_slots, integer<std::uint32_t>(1, 1'000'000),
               "The hand-over window: in the last slots of an epoch the next operator begins."),
      field<O>("buffer", &O::buffer, duration(0s, 1h),
               "The next operator waits so long in the window for the incumbent to say that it has ended."),
      field<O>("inactive_slots", &O::inactive_slots, integer<std::uint32_t>(0, 1'000'000),
               "After so many slots without a block the next backup takes over; 0: none does."),
      field<O>("create_empty_blocks", &O::create_empty_blocks, boolean(),
               "Whether blocks are made when no transaction waits."),
  });
}

constexpr Power power_max = (Power{1} << 60) - 1;

Shape<std::vector<Power>> stake_shape() {
  const Shape<Power> one = integer<Power>(0, power_max);
  const Shape<std::vector<Power>> many = list_of(one, 20'000);
  Shape<std::vector<Power>> out;
  out.schema.add("anyOf", Value::list({one.schema, many.schema}));
  out.form = "integer for all nodes alike, or a list with one integer a node";
  out.write = [many](const std::vector<Power>& stake) -> std::optional<Value> {
    if (stake.empty()) return Value::plain(std::to_string(default_stake));
    const bool alike = std::all_of(stake.begin(), stake.end(), [&](Power p) { return p == stake.front(); });
    if (alike) return Value::plain(std::to_string(stake.front()));
    return many.write(stake);
  };
  out.read = [one, many](const Value& value, std::vector<Power>& stake, Reader& reader) {
    if (value.is_list()) {
      many.read(value, stake, reader);
    } else {
      Power alike = default_stake;
      one.read(value, alike, reader);
      stake.assign(1, alike);
    }
  };
  return out;
}

Shape<CommitteeSpec> committee_shape() {
  using C = CommitteeSpec;
  using Change = CommitteeSpec::Change;
  const Shape<Change> change = object<Change>({
      field<Change>("height", &Change::height, integer<std::uint64_t>(1, 1'000'000'000'000),
                    "The block whose execution orders the change; it holds from two heights later.")
          .must(),
      field<Change>("node", &Change::node, node(), "Whose power changes.").must(),
      field<Change>("power", &Change::power, integer<Power>(0, power_max),
                    "The new voting power; 0 removes the node from the committee.")
          .must(),
  });
  return object<C>(
      {
          field<C>("count", &C::count, integer<std::uint32_t>(1, 20'000),
                   "Number of sequencer nodes; they are called n0, n1 and so on."),
          field<C>("stake", &C::stake, stake_shape(),
                   "Voting power of the nodes. A node with 0 follows without a vote."),
          field<C>("changes", &C::changes, list_of(change),
                   "Changes of voting power that the application orders, by height."),
      },
      [](const Value& value, CommitteeSpec& committee, Reader& reader) {
        const Value* stake = value.find("stake");
        if (stake == nullptr || !stake->is_list()) {
          committee.stake.assign(committee.count, committee.stake.empty() ? default_stake : committee.stake.front());
        } else if (committee.stake.size() != committee.count) {
          const Reader::Step step(reader, "stake");
          reader.problem(*stake,
                         "has " + std::to_string(committee.stake.size()) + " entries for " +
                             std::to_string(committee.count) + " nodes",
                         "one entry a node, or one number for all");
        }
      });
}

/// The key of a file whose keys this mapping takes over. It is resolved before anything is decoded (see parse.cpp).
template <class T>
Field<T> use_field(const std::string& folder) {
  Field<T> out;
  out.key = "use";
  out.form = "file name";
  out.doc =
      "A file with keys of this mapping, next to the scenario or in `scenarios/" + folder +
      "/`. Keys that stand beside `use` override those of the file; mappings are merged key by key, except that a "
      "`latency` replaces the file's as a whole.";
  out.read = [](const Value&, T&, Reader&) {};
  out.write = [](const T&) -> std::optional<Value> { return std::nullopt; };
  out.schema = Value::map();
  out.schema.add("type", Value::text_of("string")).add("description", Value::text_of(out.doc));
  return out;
}

/// The part of an engine that is not chosen is written only if it says something.
template <class T, class Access, class M>
Field<T> engine_field(std::string engine, Access access, Shape<M> shape, std::string doc) {
  Field<T> out = field<T>(engine, access, std::move(shape), std::move(doc));
  out.write = [engine, access, write = out.write](const T& design) -> std::optional<Value> {
    if (design.engine != engine && std::invoke(access, design) == M{}) return std::nullopt;
    return write(design);
  };
  return out;
}

/// The part of a policy that is not chosen is written only if it says something.
template <class T, class Access, class M>
Field<T> policy_field(std::string policy, Access access, Shape<M> shape, std::string doc) {
  Field<T> out = field<T>(policy, access, std::move(shape), std::move(doc));
  out.write = [policy, access, write = out.write](const T& options) -> std::optional<Value> {
    if (options.policy != policy && std::invoke(access, options) == M{}) return std::nullopt;
    return write(options);
  };
  return out;
}

Shape<protocols::QueueOptions> queue_shape() {
  using Q = protocols::QueueOptions;
  return object<Q>({
      field<Q>("lag", &Q::lag, integer<std::uint32_t>(0, 1000),
               "L1 blocks on top of the one that an honest proposer names."),
      field<Q>("drift", &Q::drift, integer<std::uint32_t>(1, 100'000),
               "L1 blocks that a validator's tip may be beyond the one that is named."),
      field<Q>("cap", &Q::cap, integer<std::uint32_t>(1, 10'000), "Forced items that a block must hold at most."),
      field<Q>("at_deadline", &Q::at_deadline, boolean(),
               "Honest proposers take items when they are due, not as soon as they see them."),
      field<Q>("place", &Q::place, choice<Q::Place>({{"top", Q::Place::top}, {"bottom", Q::Place::bottom}}),
               "Where a block's items are executed: before its transactions of users, or after them."),
  });
}

Shape<protocols::ForcedOptions> forced_shape() {
  using F = protocols::ForcedOptions;
  using Arweave = protocols::ArweaveSyncOptions;
  using Op = protocols::DepositsOptions;
  using Inbox = protocols::DelayedInboxOptions;
  using Due = protocols::DueQueueOptions;
  using Citrea = protocols::CitreaQueueOptions;
  using OnFailure = Citrea::OnFailure;
  constexpr Duration day = 24h;
  const auto blocks = [](std::uint32_t low) { return integer<std::uint32_t>(low, 100'000); };
  return object<F>({
      field<F>("policy", &F::policy, text("name of a policy, see `seqlab list`, or none"), "The policy."),
      policy_field<F>("arweave_sync", &F::arweave_sync,
                      object<Arweave>({
                          field<Arweave>("depth", &Arweave::depth, integer<std::uint32_t>(1, 100),
                                         "L1 blocks on top of one before it may be named."),
                          field<Arweave>("age", &Arweave::age, duration(0s, 24h),
                                         "Its least age, by the time of the block that names it."),
                          field<Arweave>("blocks_max", &Arweave::blocks_max, integer<std::uint32_t>(1, 1000),
                                         "L1 blocks that one block may take over."),
                      }),
                      "Parameters of `arweave_sync`; the defaults are Warp's."),
      policy_field<F>("citrea_queue", &F::citrea_queue,
                      object<Citrea>({
                          field<Citrea>("depth", &Citrea::depth, integer<std::uint32_t>(1, 100),
                                        "Confirmations that make a block of L1 final."),
                          field<Citrea>("drift", &Citrea::drift, blocks(1),
                                        "Final L1 blocks that a validator may know and a proposer not name."),
                          field<Citrea>("limit", &Citrea::limit, integer<std::uint32_t>(1, 10'000),
                                        "Items that one block takes from the queue."),
                          field<Citrea>("cut_off", &Citrea::cut_off, blocks(1),
                                        "L1 blocks after its own at which an item is refused for good."),
                          field<Citrea>("on_failure", &Citrea::on_failure,
                                        choice<OnFailure>({{"drop", OnFailure::drop}, {"retry", OnFailure::retry}}),
                                        "What becomes of an item that cannot be executed: gone, or tried again."),
                      }),
                      "Parameters of `citrea_queue`."),
      policy_field<F>("delayed_inbox", &F::delayed_inbox,
                      object<Inbox>({
                          field<Inbox>("queue", &Inbox::queue, queue_shape(), "How blocks follow the queue."),
                          field<Inbox>("delay_blocks", &Inbox::delay_blocks, blocks(1),
                                       "L1 blocks after its own at which a message is due."),
                          field<Inbox>("delay", &Inbox::delay, duration(0s, 30 * day),
                                       "The same as a time, for calls on L1."),
                          field<Inbox>("buffer", &Inbox::buffer, boolean(),
                                       "Whether the delay shrinks while messages are late."),
                          field<Inbox>("buffer_max", &Inbox::buffer_max, blocks(1), "L1 blocks of a full buffer."),
                          field<Inbox>("buffer_threshold", &Inbox::buffer_threshold, blocks(1),
                                       "L1 blocks that a message may wait without a charge, and the least delay."),
                          field<Inbox>("replenish", &Inbox::replenish, integer<std::uint32_t>(0, 10'000),
                                       "Basis points of the blocks that pass which the buffer gets back."),
                      }),
                      "Parameters of `delayed_inbox`; the defaults are Arbitrum One's."),
      policy_field<F>("deposits", &F::deposits,
                      object<Op>({
                          field<Op>("confirmations", &Op::confirmations, integer<std::uint32_t>(0, 1000),
                                    "L1 blocks on top of one before an honest proposer names it."),
                          field<Op>("max_drift", &Op::max_drift, duration(1s, day),
                                    "How far the rollup's clock may be ahead of its origin's in a block with "
                                    "transactions of users."),
                          field<Op>("block_time", &Op::block_time, duration(1ms, 1h),
                                    "A block so soon after its parent may hold them in any case."),
                          field<Op>("window", &Op::window, blocks(1),
                                    "Sequencing window, in L1 blocks: what derivation waits for a batch."),
                      }),
                      "Parameters of `deposits`; the defaults are the OP Stack's."),
      policy_field<F>("due_queue", &F::due_queue,
                      object<Due>({
                          field<Due>("queue", &Due::queue, queue_shape(), "How blocks follow the queue."),
                          field<Due>("due_blocks", &Due::due_blocks, blocks(1),
                                     "L1 blocks after its own at which an item is due."),
                          field<Due>("fee", &Due::fee, integer<std::int64_t>(0, 1'000'000'000'000),
                                     "Price of an item while nothing waits, in base units of L1."),
                          field<Due>("fee_double", &Due::fee_double, integer<std::uint32_t>(1, 100'000),
                                     "Items that wait when the price is twice that."),
                          field<Due>("permissionless_after", &Due::permissionless_after, blocks(1),
                                     "So many times `due_blocks` late, anybody may propose."),
                      }),
                      "Parameters of `due_queue`; the defaults are Taiko's."),
  });
}

Shape<protocols::MigrationOptions> migration_shape() {
  using M = protocols::MigrationOptions;
  using Kind = M::Kind;
  using Stamp = M::Stamp;
  const auto both = [](Field<M> f) {
    return std::move(f).only("a kind other than none", [](const M& m) { return m.kind != Kind::none; });
  };
  const auto only = [](Field<M> f) {
    return std::move(f).only("kind: centralised_to_bft", [](const M& m) { return m.kind == Kind::centralised_to_bft; });
  };
  return object<M>({
      field<M>("kind", &M::kind,
               choice<Kind>({{"none", Kind::none},
                             {"centralised_to_bft", Kind::centralised_to_bft},
                             {"bft_to_centralised", Kind::bft_to_centralised}}),
               "`centralised_to_bft`: a single service orders first, node n(count) of the world, and hands over to the "
               "committee. Machines of the committee do nothing before that. `bft_to_centralised`: the committee "
               "orders first and hands over to that service, which is off before."),
      both(field<M>("at", &M::at, duration(0s, longest), "When the cut-over begins.")),
      field<M>("emergency_after", &M::emergency_after, duration(0s, longest),
               "The cut-over begins before `at` if the committee has made no block for so long; 0: never.")
          .only("kind: bft_to_centralised", [](const M& m) { return m.kind == Kind::bft_to_centralised; }),
      both(field<M>("gap", &M::gap, duration(0s, longest), "Time from the export to the start of the new core.")),
      only(field<M>("redirect", &M::redirect, boolean(),
                    "The stopped core says where to go; without, it only refuses.")),
      both(field<M>("rollback_after", &M::rollback_after, duration(0s, longest),
                    "The old core goes on when the new one makes no block for so long; 0: it never does.")),
      both(field<M>("upgraded_percent", &M::upgraded_percent, integer<std::uint32_t>(0, 100),
                    "Clients that follow a redirect and try both cores; the others know the old one alone.")),
      both(field<M>("stop_before_export", &M::stop_before_export, boolean(),
                    "Without, the old core accepts on between the export and the start of the new one.")),
      only(field<M>("stamp", &M::stamp, choice<Stamp>({{"finished", Stamp::finished}, {"tip", Stamp::tip}}),
                    "L1 height in the old core's sort keys: of the last L1 block that it has taken over, or of the tip "
                    "that it sees.")),
      both(
          field<M>("complete_export", &M::complete_export, boolean(),
                   "Without, L1 cursor and last sort keys are those of ten L1 blocks ago; of a committee, all of it is "
                   "what the first node has.")),
      only(field<M>("wait_for_final_border", &M::wait_for_final_border, boolean(),
                    "The L1 block that the new core begins with is as deep as any other when it is exported; without, "
                    "it only exists.")),
      only(field<M>("refuse_old_items", &M::refuse_old_items, boolean(),
                    "The new core goes on with the old nonces; without, they begin at 0, and an old item may fit.")),
      only(field<M>("drain_writer", &M::drain_writer, boolean(),
                    "Where the design has a relay: all lines of the old core are on layer 1 before the export; "
                    "without, its writer stops with what it has written.")),
      only(field<M>("hand_over_cursor", &M::hand_over_cursor, boolean(),
                    "The new core's writers go on after the last line of the old one; without, they do not know that "
                    "another wrote before them.")),
  });
}

Shape<protocols::SettlementOptions> settlement_shape() {
  using S = protocols::SettlementOptions;
  using Policy = S::Policy;
  const auto is = [](Policy p) { return [p](const S& s) { return s.policy == p; }; };
  const auto blocks = integer<std::uint32_t>(0, 100'000);
  return object<S>({
      field<S>("policy", &S::policy,
               choice<Policy>({{"none", Policy::none}, {"batches", Policy::batches}, {"proofs", Policy::proofs}}),
               "`batches`: the ordered blocks are on layer 1 and full nodes rebuild the chain from them; `proofs`: "
               "commitments to ranges of blocks and validity proofs of them are."),
      field<S>("committed_depth", &S::committed_depth, blocks,
               "L1 blocks on top of one before full nodes read it (the head `committed`, or safe)."),
      field<S>("settled_depth", &S::settled_depth, blocks,
               "L1 blocks on top of one before what it led to is settled; 0: when the chain calls it final."),
      field<S>("channel_timeout", &S::channel_timeout, integer<std::uint32_t>(1, 100'000),
               "L1 blocks between the first and the last frame of a channel.")
          .only("policy: batches", is(Policy::batches)),
      field<S>(
          "window", &S::window, blocks,
          "L1 blocks that an L1 block waits for its rollup blocks before empty ones take their place; 0: for ever.")
          .only("policy: batches", is(Policy::batches)),
      field<S>("readers", &S::readers, nodes(), "Nodes that read layer 1 back."),
      field<S>("committers", &S::committers, nodes(), "Nodes that write commitments, in turn by index.")
          .only("policy: proofs", is(Policy::proofs)),
      field<S>("provers", &S::provers, nodes(), "Nodes that prove: the first one, the others when nothing comes.")
          .only("policy: proofs", is(Policy::proofs)),
      field<S>("commitment_blocks", &S::commitment_blocks, integer<std::uint64_t>(1, 1'000'000),
               "Blocks in a commitment.")
          .only("policy: proofs", is(Policy::proofs)),
      field<S>("commitment_bytes", &S::commitment_bytes, size<std::uint32_t>(32, 400'000),
               "Bytes of a commitment on layer 1.")
          .only("policy: proofs", is(Policy::proofs)),
      field<S>("proof_bytes", &S::proof_bytes, size<std::uint32_t>(32, 100'000'000),
               "Bytes of a proof with its state difference.")
          .only("policy: proofs", is(Policy::proofs)),
      field<S>("proof_commitments_max", &S::proof_commitments_max, integer<std::uint32_t>(1, 10'000),
               "Most commitments in one proof.")
          .only("policy: proofs", is(Policy::proofs)),
      field<S>("proof_delay", &S::proof_delay, duration(0s, longest), "How long proving takes.")
          .only("policy: proofs", is(Policy::proofs)),
      field<S>("backup_after", &S::backup_after, duration(1s, longest),
               "The next committer or prover in line acts when nothing came for so long.")
          .only("policy: proofs", is(Policy::proofs)),
      field<S>("bump_percent", &S::bump_percent, integer<std::uint32_t>(100, 10'000),
               "What the next attempt offers, in hundredths of the last one.")
          .only("policy: proofs", is(Policy::proofs)),
      field<S>("bump_after", &S::bump_after, duration(1s, longest),
               "Without a place in a block for so long, offer more.")
          .only("policy: proofs", is(Policy::proofs)),
  });
}

Shape<protocols::RelayOptions> relay_shape() {
  using R = protocols::RelayOptions;
  using B = protocols::BundlerOptions;
  using protocols::Excuse;
  using protocols::OuterId;
  using protocols::RelayFormat;
  using protocols::RelayJournal;
  const auto patience = duration(0s, longest);
  const auto some_time = duration(1ms, longest);
  constexpr std::int64_t most = std::int64_t{1} << 50;
  const Shape<B> bundler = object<B>({
      field<B>("receipt_after", &B::receipt_after, duration(0s, longest), "Until it answers with a receipt."),
      field<B>("post_after", &B::post_after, duration(0s, longest), "Until it posts what it took."),
      field<B>("loss", &B::loss, ratio(), "Part of what it took and never posts."),
      field<B>("duplication", &B::duplication, ratio(), "Part of what it posts twice."),
  });
  return object<R>({
      field<R>("policy", &R::policy, text("name of a policy, see `seqlab list relay`, or none"),
               "Who writes the rollup's blocks to layer 1, and when."),
      field<R>("nodes", &R::nodes, nodes(), "Who writes, in the order of turns or of backups."),
      field<R>("batch_bytes", &R::batch_bytes, size<std::uint32_t>(1U << 8U, 1U << 28U),
               "A batch leaves when it has so many bytes."),
      field<R>("batch_time", &R::batch_time, patience, "Or when its first block waited for so long."),
      field<R>("in_flight", &R::in_flight, integer<std::uint32_t>(1, 1000),
               "Batches that may be sent and not yet readable."),
      field<R>("confirmations", &R::confirmations, integer<std::uint32_t>(0, 10'000),
               "L1 blocks, its own counted, until a batch is done with; 0: final by the chain's own rule."),
      field<R>("format", &R::format,
               choice<RelayFormat>(
                   {{"chain", RelayFormat::chain}, {"calldata", RelayFormat::calldata}, {"blobs", RelayFormat::blobs}}),
               "In which form: the chain's usual one (a bundle, an inscription, blobs) or, on Ethereum, calldata."),
      field<R>("journal", &R::journal,
               choice<RelayJournal>({{"prepared", RelayJournal::prepared}, {"cursor", RelayJournal::cursor}}),
               "What a relayer knows after a crash: also what it was about to send (Astria), or only the last block "
               "that was confirmed (Warp's syncer)."),
      field<R>("outer_id", &R::outer_id,
               choice<OuterId>({{"random", OuterId::random}, {"deterministic", OuterId::deterministic}}),
               "Whether the same blocks get another identifier each time that they are written."),
      field<R>("channel_timeout", &R::channel_timeout, integer<std::uint32_t>(1, 10'000),
               "L1 blocks from the first transaction of a batch within which the last must come, or readers drop it."),
      field<R>("retry_first", &R::retry_first, some_time, "Pause after a refusal; doubles each time."),
      field<R>("retry_max", &R::retry_max, some_time, "The longest such pause."),
      field<R>("lost_after", &R::lost_after, patience,
               "What nobody knows after so long is sent again; 0s: a minute, an hour where a bundler has it."),
      field<R>("bump_after", &R::bump_after, patience,
               "What waits for so long offers more; 0s: three blocks, at least a minute."),
      field<R>("bump_percent", &R::bump_percent, integer<std::uint32_t>(101, 100'000),
               "How much it offers then, in hundredths of what it offered before."),
      field<R>(
          "price_max", &R::price_max, integer<std::int64_t>(0, most),
          "The most that a unit may cost, in millionths of the chain's base unit; above it a relayer waits. 0: any."),
      field<R>("backlog_bytes", &R::backlog_bytes, size<std::uint64_t>(1U << 8U, 1ULL << 40U),
               "A node with more unwritten bytes than that admits no transactions."),
      field<R>("turn", &R::turn, duration(1s, longest), "`rotating`: length of a turn."),
      field<R>("quota", &R::quota, integer<std::uint32_t>(0, 1'000'000),
               "`rotating`: blocks that a turn has to write, if there are so many."),
      field<R>("reward", &R::reward, integer<std::int64_t>(0, most), "`rotating`: for each block written."),
      field<R>("penalty", &R::penalty, integer<std::int64_t>(0, most), "`rotating`: for a missed quota."),
      field<R>(
          "excuse", &R::excuse,
          choice<Excuse>({{"none", Excuse::none}, {"report", Excuse::report}, {"sampled", Excuse::sampled}}),
          "`rotating`: what spares the penalty: nothing; the relayer's word that the bundler was down; the word of "
          "others as well."),
      field<R>("excuse_quorum", &R::excuse_quorum, ratio(), "`sampled`: how many of the other relayers, as a part."),
      field<R>("backup_after", &R::backup_after, some_time,
               "`primary_backup`: the k-th backup takes over when nothing came for k times as long."),
      field<R>("bundler", &R::bundler, bundler, "Arweave: the service that posts the data."),
  });
}

Shape<protocols::RegistryOptions> registry_shape() {
  using R = protocols::RegistryOptions;
  using C = R::Change;
  using protocols::RegistryAction;
  const auto there = [](Field<R> f) {
    return std::move(f).only("writers", [](const R& r) { return r.exists(); });
  };
  const Shape<C> change = object<C>({
      field<C>("at", &C::at, duration(0s, longest), "When the owner writes it to layer 1.").must(),
      field<C>("do", &C::action,
               choice<RegistryAction>({{"add", RegistryAction::add},
                                       {"remove", RegistryAction::remove},
                                       {"rotate", RegistryAction::rotate}}),
               "The node is registered; is no more, and if it had the turn nobody has; gets the turn.")
          .must(),
      field<C>("node", &C::node, node(), "Whom it concerns.").must(),
  });
  return object<R>({
      field<R>(
          "writers", &R::writers, nodes(),
          "Nodes that are registered from the start; the first has the turn. Without any there is no registry, and "
          "the batches of all count."),
      there(field<R>("owner", &R::owner, node(),
                     "Whose transactions change the registry. He writes from this node's machine.")),
      there(field<R>("lag", &R::lag, integer<std::uint32_t>(1, 10'000),
                     "L1 blocks from the one that holds a change to the first in which it holds.")),
      there(field<R>("changes", &R::changes, unless(std::vector<C>{}, list_of(change, 1000)),
                     "What the owner does, in order of time.")),
  });
}

Shape<protocols::BridgeOptions> bridge_shape() {
  using B = protocols::BridgeOptions;
  return object<B>({
      field<B>(
          "escrow", &B::escrow, boolean(),
          "Whether a contract of layer 1 locks money that is minted on the rollup and releases what is burnt there."),
      field<B>("delay", &B::delay, integer<std::uint32_t>(0, 1'000'000),
               "L1 blocks from the one that proves a burn to the first that may release it.")
          .only("escrow: true", [](const B& b) { return b.escrow; }),
  });
}

Shape<Design> design_shape() {
  using D = Design;
  using Block = protocols::BlockLimits;
  using Pool = protocols::MempoolOptions;
  constexpr std::uint64_t gas_max = std::numeric_limits<std::int64_t>::max();
  const Shape<Block> block = object<Block>({
      field<Block>("max_bytes", &Block::max_bytes, size<std::uint32_t>(1U << 10U, 1U << 30U), "Most bytes of a block."),
      field<Block>("max_gas", &Block::max_gas, integer<protocols::Gas>(21'000, gas_max),
                   "Most gas of a block; a transfer takes 21000."),
  });
  const Shape<Pool> pool = object<Pool>({
      field<Pool>("max_transactions", &Pool::max_transactions, integer<std::uint32_t>(1, 10'000'000),
                  "Most transactions that wait at a node."),
      field<Pool>("max_bytes", &Pool::max_bytes, size<std::uint64_t>(1U << 10U, 1ULL << 40U),
                  "Most bytes that wait at a node."),
      field<Pool>("max_transaction_bytes", &Pool::max_transaction_bytes,
                  size<std::uint32_t>(protocols::transaction_bytes_min, 1U << 30U), "Larger transactions are refused."),
      field<Pool>("cache", &Pool::cache, integer<std::uint32_t>(0, 100'000'000),
                  "How many ids of seen transactions a node remembers, so as not to take them twice."),
      field<Pool>("max_nonce_gap", &Pool::max_nonce_gap, integer<std::uint32_t>(0, 1'000'000),
                  "How far ahead of the next expected nonce a transaction may be."),
      field<Pool>("evict_lowest_fee", &Pool::evict_lowest_fee, boolean(),
                  "When full, make room for a better-paying transaction instead of refusing it."),
  });
  Field<D> relay = field<D>("relay", &D::relay, relay_shape(), "How the rollup's blocks are written to layer 1.");
  relay.write = [write = relay.write](const D& design) -> std::optional<Value> {
    if (design.relay == protocols::RelayOptions{}) return std::nullopt;
    return write(design);
  };
  return object<D>({
      use_field<D>("designs"),
      field<D>("engine", &D::engine, text("name of an engine, see `seqlab list`"), "The consensus engine."),
      engine_field<D>(
          "tendermint", [](auto& d) -> auto& { return d.parameters.tendermint; }, tendermint_shape(),
          "Parameters of the engine `tendermint` (arXiv 1807.04938); the defaults are CometBFT's."),
      engine_field<D>(
          "centralised", [](auto& d) -> auto& { return d.parameters.centralised; }, centralised_shape(),
          "Parameters of the engine `centralised`: one sequencer, everybody else follows."),
      engine_field<D>(
          "hotstuff", [](auto& d) -> auto& { return d.parameters.hotstuff; }, hotstuff_shape(),
          "Parameters of the engine `hotstuff` (arXiv 1803.05069; ePrint 2023/397)."),
      engine_field<D>(
          "jolteon", [](auto& d) -> auto& { return d.parameters.jolteon; }, jolteon_shape(),
          "Parameters of the engine `jolteon` (arXiv 2106.10362); the defaults are DiemBFT's."),
      engine_field<D>(
          "monadbft", [](auto& d) -> auto& { return d.parameters.monadbft; }, monadbft_shape(),
          "Parameters of the engine `monadbft` (arXiv 2502.20692); the defaults are Monad's revision v0.10."),
      engine_field<D>(
          "mysticeti", [](auto& d) -> auto& { return d.parameters.mysticeti; }, mysticeti_shape(),
          "Parameters of the engine `mysticeti` (arXiv 2310.14821): an uncertified DAG."),
      engine_field<D>(
          "streamlet", [](auto& d) -> auto& { return d.parameters.streamlet; }, streamlet_shape(),
          "Parameters of the engine `streamlet` (Chan and Shi, AFT 2020)."),
      engine_field<D>(
          "pbft", [](auto& d) -> auto& { return d.parameters.pbft; }, pbft_shape(),
          "Parameters of the engine `pbft` (Castro and Liskov, OSDI 1999)."),
      engine_field<D>(
          "rotating", [](auto& d) -> auto& { return d.parameters.rotating; }, rotating_shape(),
          "Parameters of the engine `rotating`: one sequencer at a time, by schedule."),
      field<D>("committee", &D::committee, committee_shape(), "Who takes part, and with what weight."),
      field<D>("block", &D::block, block, "Limits of a block."),
      field<D>(
          "leader_order", &D::leader_order,
          choice<protocols::LeaderOrder>(
              {{"arrival", protocols::LeaderOrder::arrival}, {"fee", protocols::LeaderOrder::fee}}),
          "In which order a leader puts transactions: first come first served, or highest fee first; the nonces of one "
          "sender stay in sequence in both."),
      field<D>("mempool", &D::mempool, pool, "Where transactions wait for a block."),
      field<D>("keep_blocks", &D::keep_blocks, integer<std::uint64_t>(0, 1'000'000'000'000),
               "How many committed blocks a node keeps; 0 keeps all, which takes much memory in a long run. A node "
               "that needs older ones, because it was away for longer or lost its disk, cannot come back: there is no "
               "state sync."),
      field<D>("signatures", &D::signatures,
               choice<protocols::SignatureBackend>(
                   {{"ideal", protocols::SignatureBackend::ideal}, {"real", protocols::SignatureBackend::real}}),
               "`ideal`: unforgeable tokens; `real`: ed25519. The same run with both, at another speed."),
      field<D>(
          "dissemination", &D::dissemination,
          choice<sim::Dissemination>({{"direct", sim::Dissemination::direct}, {"gossip", sim::Dissemination::gossip}}),
          "How a broadcast travels: one message to each peer, or flooding along an overlay of `network.gossip_degree` "
          "neighbours."),
      field<D>("l1", &D::l1, text("name of a layer-1 chain, see `seqlab list`, or none"),
               "The layer-1 chain that the rollup settles on."),
      field<D>("forced", &D::forced, forced_shape(), "How the rollup reads layer 1 and takes forced items from it."),
      field<D>("sort_keys", &D::sort_keys, boolean(),
               "Whether every ordered item gets a sort key and names the key before it of its contract (Warp)."),
      field<D>(
          "random_delay", &D::random_delay, unless(Duration{}, duration(0s, longest)),
          "How long it takes to compute the random values of a block's items from the block before (Warp: no time; "
          "a verifiable delay function: as long as one likes).")
          .only("sort_keys: true", [](const D& d) { return d.sort_keys; }),
      field<D>("settlement", &D::settlement, settlement_shape(), "How it settles there, and who reads it back."),
      std::move(relay),
      field<D>("registry", &D::registry, unless(protocols::RegistryOptions{}, registry_shape()),
               "The contract of layer 1 that says who may write the rollup's blocks there."),
      field<D>("bridge", &D::bridge, unless(protocols::BridgeOptions{}, bridge_shape()),
               "How money gets from layer 1 to the rollup and back."),
      field<D>("migration", &D::migration, migration_shape(), "Another core that orders first and hands over."),
  });
}

// ---- environment --------------------------------------------------------------------------------------------------

Shape<LatencySpec> latency_shape() {
  using L = LatencySpec;
  using Model = LatencySpec::Model;
  const auto delay = duration(1us, 4min);  // sampling tables span 36 minutes
  const auto any_delay = duration(0s, 4min);
  const auto is = [](auto... models) { return [=](const L& l) { return ((l.model == models) || ...); }; };
  return object<L>({
      field<L>("model", &L::model,
               choice<Model>({{"constant", Model::constant},
                              {"normal", Model::normal},
                              {"quantiles", Model::quantiles},
                              {"log_normal", Model::log_normal},
                              {"exponential", Model::exponential},
                              {"regions", Model::regions}}),
               "Distribution of the one-way delay between two machines, before queues."),
      field<L>("mean", &L::mean, delay, "Mean delay.")
          .only("model constant, normal or exponential", is(Model::constant, Model::normal, Model::exponential)),
      field<L>("sd", &L::sd, any_delay, "Standard deviation of the delay.").only("model normal", is(Model::normal)),
      field<L>("floor", &L::floor, any_delay, "Least delay, to which the drawn one is added.")
          .only("model exponential", is(Model::exponential)),
      field<L>("p50", &L::p50, any_delay, "Median of the delay.")
          .only("model quantiles or log_normal", is(Model::quantiles, Model::log_normal)),
      field<L>("p90", &L::p90, any_delay, "Nine tenths of the messages are at most so late.")
          .only("model quantiles or log_normal", is(Model::quantiles, Model::log_normal)),
      field<L>("p99", &L::p99, any_delay, "All but one of a hundred messages are at most so late.")
          .only("model quantiles", is(Model::quantiles)),
      field<L>("max", &L::max, any_delay, "No message is later.").only("model quantiles", is(Model::quantiles)),
      field<L>("matrix", &L::matrix, text("name of a region matrix, such as aws13"),
               "Measured delays between regions: aws13 (13 zones, one way) or aws18 (18 regions).")
          .only("model regions", is(Model::regions)),
      field<L>("jitter", &L::jitter, ratio(), "Standard deviation of the delay as a part of it.")
          .only("model regions", is(Model::regions)),
  });
}

/// Senders and receivers may be ranges: an entry then stands for every pair of them.
Shape<std::vector<LinkSpec>> links_shape() {
  struct Keys {
    std::vector<NodeId> from, to;
    LinkSpec rules;
  };
  const Shape<Keys> keys = object<Keys>({
      field<Keys>("from", &Keys::from, nodes(), "Senders.").must(),
      field<Keys>("to", &Keys::to, nodes(), "Receivers; the other direction is another link.").must(),
      field<Keys>(
          "latency", [](auto& k) -> auto& { return k.rules.latency; }, unless(Duration{-1}, duration(1us, 1h)),
          "Replaces the delay of the model."),
      field<Keys>(
          "extra_latency", [](auto& k) -> auto& { return k.rules.extra_latency; }, duration(0s, 1h),
          "Added to the delay."),
      field<Keys>(
          "loss", [](auto& k) -> auto& { return k.rules.loss; }, unless(Ratio{0, 0}, ratio()),
          "Replaces `network.loss`."),
  });
  const Shape<std::vector<Keys>> list = list_of(keys, 100'000);
  Shape<std::vector<LinkSpec>> out;
  out.form = list.form;
  out.schema = list.schema;
  out.write = [list](const std::vector<LinkSpec>& links) {
    std::vector<Keys> entries;
    for (const LinkSpec& link : links) entries.push_back({{link.from}, {link.to}, link});
    return list.write(entries);
  };
  out.read = [list](const Value& value, std::vector<LinkSpec>& links, Reader& reader) {
    std::vector<Keys> entries;
    list.read(value, entries, reader);
    links.clear();
    for (std::size_t i = 0; i < entries.size(); ++i) {
      const Keys& entry = entries[i];
      const Reader::Step step(reader, i);
      if (!reader.afford(value.items[i], entry.from.size() * entry.to.size())) return;
      const std::size_t before = links.size();
      for (const NodeId from : entry.from) {
        for (const NodeId to : entry.to) {
          if (from == to) continue;
          LinkSpec link = entry.rules;
          link.from = from;
          link.to = to;
          links.push_back(link);
        }
      }
      if (links.size() == before && !entry.from.empty() && !entry.to.empty()) {
        reader.problem(value.items[i], "a link from a node to itself", "{from: n0, to: [n1, n2], latency: 300ms}");
      }
    }
  };
  return out;
}

Shape<NetworkSpec> network_shape() {
  using N = NetworkSpec;
  return object<N>({
      field<N>("latency", &N::latency, latency_shape(), "One-way delays."),
      field<N>("loss", &N::loss, ratio(), "Part of the messages that is lost."),
      field<N>("duplication", &N::duplication, ratio(), "Part of the messages that arrives twice."),
      field<N>("reordering", &N::reordering, ratio(), "Part of the messages that is held back by `reordering_delay`."),
      field<N>("reordering_delay", &N::reordering_delay, duration(0s, 1h), "See `reordering`."),
      field<N>("fifo_links", &N::fifo_links, boolean(),
               "A message never overtakes an earlier one on its link, as with TCP."),
      field<N>("uplink", &N::uplink_bps, bandwidth(), "What a node can send."),
      field<N>("downlink", &N::downlink_bps, bandwidth(), "What a node can receive."),
      field<N>("queue_limit", &N::queue_limit, duration(1ms, 1h),
               "A message that would wait longer for an up- or downlink is dropped."),
      field<N>("gossip_degree", &N::gossip_degree, integer<std::uint32_t>(1, 10'000),
               "Neighbours of a node in the overlay of `dissemination: gossip`."),
      field<N>(
          "stabilises_after", &N::stabilises_after, duration(0s, longest),
          "Global stabilisation time. Before it messages suffer `loss_before` and `delay_before`; what is not lost "
          "arrives within `delta` after it."),
      field<N>("loss_before", &N::loss_before, ratio(), "Further loss before `stabilises_after`."),
      field<N>("delay_before", &N::delay_before, duration(0s, 1h),
               "Further delay before `stabilises_after`, at most so much."),
      field<N>("delta", &N::delta, duration(1us, 1h), "Bound on delays that the model promises after stabilisation."),
      field<N>("links", &N::links, links_shape(), "Links with rules of their own."),
  });
}

Shape<MachineSpec> machines_shape() {
  using M = MachineSpec;
  using C = protocols::NodeCosts;
  const auto cost = duration(0s, 1min);
  const Shape<C> costs = object<C>({
      field<C>("verify_signature", &C::verify_signature, cost, "Checking one signature."),
      field<C>("sign", &C::sign, cost, "Making one signature."),
      field<C>("execute_transaction", &C::execute_transaction, cost, "Executing one transaction."),
      field<C>("execute_block", &C::execute_block, cost, "What executing a block takes besides its transactions."),
  });
  return object<M>({
      field<M>("cores", &M::cores, integer<std::uint32_t>(1, 1024),
               "Processor cores of a node; work beyond them queues."),
      field<M>("costs", &M::costs, costs, "Virtual processor time of a node's work."),
      field<M>("disk_sync", &M::disk_sync, duration(0s, 1min),
               "Time of one synced write; messages that depend on it wait."),
      field<M>("clock_drift_max", &M::clock_drift_ppm_max, ppm(500'000),
               "Each clock runs fast or slow by at most this, drawn per node."),
      field<M>("clock_skew_max", &M::clock_skew_max, duration(0s, 24h),
               "Each wall clock is off by at most this at the start, drawn per node."),
      field<M>("regions", &M::regions, list_of(text("name of a region"), 20'000),
               "Where the nodes are: node i is in entry i modulo the length. Empty: the matrix's own order."),
      field<M>("start_skew", &M::start_skew, duration(0s, 1h), "Nodes start within this, drawn per node."),
  });
}

Shape<std::vector<WorkloadSpec::Arrival>> trace_shape() {
  using Trace = std::vector<WorkloadSpec::Arrival>;
  return through<Trace, std::string>(
      unless(std::string{}, text("text, one arrival a line")), [](const Trace& trace) { return format_trace(trace); },
      [](const Value& value, std::string& lines, Trace& trace, Reader& reader) {
        try {
          trace = parse_trace(lines, "");
        } catch (const InputError& error) {
          for (const Problem& p : error.problems()) {
            const std::string where = p.line > 0 ? "line " + std::to_string(p.line) + ": " : "";
            reader.problem(value, where + (p.path.empty() ? "" : p.path + ": ") + p.text, p.hint);
          }
        }
      });
}

Shape<LotterySpec> lottery_shape() {
  using L = LotterySpec;
  return object<L>({
      field<L>("contract", &L::contract, integer<std::uint32_t>(0, 999'999),
               "Account whose every incoming transaction is a ticket."),
      field<L>("odds", &L::odds, ratio(), "Part of the tickets that is to win; 0: there is no lottery."),
  });
}

Shape<ForcedWorkload> forced_workload_shape() {
  using W = ForcedWorkload;
  return object<W>({
      field<W>("users", &W::users, integer<std::uint32_t>(0, 10'000),
               "Number of users; user i reads L1 and the rollup as node i does. Each has an account of his own."),
      field<W>("rate", &W::rate_per_1000s, rate(0, 1'000'000'000), "Items of all users together."),
      field<W>("start_after", &W::start_after, duration(0s, longest), "No item is written before."),
      field<W>("stop_after", &W::stop_after, duration_or("never", Duration{-1}, 0s, longest),
               "No item is written after."),
      field<W>("units", &W::units, integer<std::uint64_t>(1, 1'000'000'000),
               "Room on L1 that an item takes: gas, virtual bytes or bytes."),
      field<W>("transaction_size", &W::bytes, size<std::uint32_t>(protocols::transaction_bytes_min, 1U << 20U),
               "Encoded size of an item's transaction."),
      field<W>("price_percent", &W::price_percent, integer<std::uint32_t>(1, 1'000'000),
               "What a user offers, in hundredths of the estimated price."),
      field<W>("burst", &W::burst, integer<std::uint32_t>(1, 1000), "Items that a user writes at once."),
      field<W>("ahead", &W::ahead, integer<std::uint32_t>(0, 1000),
               "So many items with earlier nonces follow a burst: its own cannot be executed before them."),
      field<W>(
          "counts_on", &W::counts_on, optional(integer<std::uint32_t>(0, 1'000'000)),
          "An account that has to hold at least what it held when an item was written, as a pool that a swap counts "
          "on; else the item fails."),
      field<W>("calls", &W::calls, boolean(), "Users ask L1 to force what is late, where the design has such calls."),
  });
}

Shape<BridgeWorkload> bridge_workload_shape() {
  using W = BridgeWorkload;
  return object<W>({
      field<W>("users", &W::users, integer<std::uint32_t>(0, 10'000),
               "Number of users; user i lives beside node i and reads L1 as it does. Each has an account of his own."),
      field<W>("rate", &W::rate_per_1000s, rate(0, 1'000'000'000),
               "Deposits of all users together; each waits until his last money is back."),
      field<W>("amount", &W::amount, integer<std::int64_t>(1, 1'000'000), "Of a deposit, in base units."),
      field<W>("withdraws", &W::withdraws, boolean(), "Whether they burn what was minted and have it released again."),
      field<W>("greedy", &W::greedy, boolean(),
               "They ask besides for the release of what they never burnt, too early, and once more.")
          .only("withdraws", [](const W& w) { return w.withdraws; }),
      field<W>("start_after", &W::start_after, duration(0s, longest), "No deposit is written before."),
      field<W>("stop_after", &W::stop_after, duration_or("never", Duration{-1}, 0s, longest),
               "No deposit is written after."),
      field<W>("units", &W::units, integer<std::uint64_t>(1, 1'000'000'000),
               "Room on L1 that a call takes: gas, virtual bytes or bytes."),
      field<W>("price_percent", &W::price_percent, integer<std::uint32_t>(1, 1'000'000),
               "What a user offers, in hundredths of the estimated price."),
  });
}

Shape<WorkloadSpec> workload_shape() {
  using W = WorkloadSpec;
  using Arrivals = WorkloadSpec::Arrivals;
  const auto fee = integer<std::int64_t>(0, 1'000'000'000'000);
  const auto traced = [](const W& w) { return w.arrivals == Arrivals::trace; };
  return object<W>({
      field<W>("arrivals", &W::arrivals,
               choice<Arrivals>({{"none", Arrivals::none},
                                 {"poisson", Arrivals::poisson},
                                 {"constant", Arrivals::constant},
                                 {"trace", Arrivals::trace}}),
               "When transactions are submitted: never, as a Poisson process, at equal distances, or as a file says."),
      field<W>("clients", &W::clients, integer<std::uint32_t>(0, 10'000),
               "Number of clients; client i is near node i and sends to it first."),
      field<W>("rate", &W::rate_per_1000s, rate(0, 1'000'000'000), "Transactions of all clients together.")
          .only("arrivals poisson or constant",
                [](const W& w) { return w.arrivals == Arrivals::poisson || w.arrivals == Arrivals::constant; }),
      field<W>("accounts", &W::accounts, integer<std::uint32_t>(1, 1'000'000), "Accounts that send and receive."),
      field<W>("transaction_size", &W::transaction_bytes,
               size<std::uint32_t>(protocols::transaction_bytes_min, 1U << 30U),
               "Encoded size of a transaction, signature included."),
      field<W>("fee_min", &W::fee_min, fee, "Fees are drawn evenly from `fee_min` to `fee_max`, in base units."),
      field<W>("fee_max", &W::fee_max, fee, "See `fee_min`."),
      field<W>("start_after", &W::start_after, duration(0s, longest), "No transaction is submitted before."),
      field<W>("stop_after", &W::stop_after, duration_or("never", Duration{-1}, 0s, longest),
               "No transaction is submitted after."),
      field<W>("retry_after", &W::retry_after, duration(1ms, longest),
               "A transaction that is unconfirmed for so long is sent to the next node."),
      field<W>("retries_max", &W::retries_max, integer<std::uint32_t>(0, 1'000'000), "How often that is done."),
      field<W>("trace_file", &W::trace_file, unless(std::string{}, text("file name")),
               "A file next to the scenario whose first line is `time,account,bytes,fee`, followed by one arrival a "
               "line in order "
               "of time, such as `1.5s,7,250,10`. Times count from `start_after`.")
          .only("arrivals trace", traced),
      field<W>("trace", &W::trace, trace_shape(),
               "The arrivals themselves, in the form of `trace_file`, which is then not read.")
          .only("arrivals trace", traced),
      field<W>("forced", &W::forced, unless(ForcedWorkload{}, forced_workload_shape()),
               "Users who write to layer 1, past the sequencer."),
      field<W>("lottery", &W::lottery, unless(LotterySpec{}, lottery_shape()),
               "A lottery that draws on the random values of ordered items."),
      field<W>("bridge", &W::bridge, unless(BridgeWorkload{}, bridge_workload_shape()),
               "Users who bring money from layer 1 and back."),
  });
}

Shape<Trigger::Point> point_shape() {
  using P = Trigger::Point;
  struct Keys {
    P point;
    std::optional<std::string> detail;
  };
  std::vector<std::pair<std::string, sim::RecordKind>> kinds;
  for (std::size_t i = 0; i < sim::record_kind_count; ++i) {
    kinds.emplace_back(std::string{sim::record_kind_names[i]}, static_cast<sim::RecordKind>(i));
  }
  const Shape<Keys> keys = object<Keys>({
      field<Keys>(
          "record", [](auto& k) -> auto& { return k.point.record; }, choice(std::move(kinds)), "Kind of the record.")
          .must(),
      field<Keys>(
          "node", [](auto& k) -> auto& { return k.point.node; }, optional(node()), "Of this node only."),
      field<Keys>(
          "height", [](auto& k) -> auto& { return k.point.height; },
          optional(integer<std::uint64_t>(0, 1'000'000'000'000)), "Of this height only."),
      field<Keys>(
          "round", [](auto& k) -> auto& { return k.point.round; }, optional(integer<std::uint32_t>(0, 1'000'000'000)),
          "Of this round only."),
      field<Keys>("detail", &Keys::detail, optional(text("name or number")),
                  "What the record says in particular: the vote type of `voted` and `certified` (prevote, precommit), "
                  "the message "
                  "kind of `message_*`, the level of `committed` (soft, final); a number for all others."),
      field<Keys>(
          "nth", [](auto& k) -> auto& { return k.point.nth; }, integer<std::uint32_t>(1, 1'000'000'000),
          "The first such record, the second, ..."),
  });
  return through<P, Keys>(
      keys,
      [](const P& point) {
        Keys out{point, {}};
        if (point.detail) {
          const std::vector<std::string> names = detail_names(point.record);
          out.detail = *point.detail < names.size() ? names[*point.detail] : std::to_string(*point.detail);
        }
        return out;
      },
      [](const Value& value, Keys& decoded, P& point, Reader& reader) {
        point = decoded.point;
        point.detail.reset();
        const Value* item = value.find("detail");
        if (item == nullptr || !item->is_scalar() || !decoded.detail) return;
        const Reader::Step step(reader, "detail");
        const std::vector<std::string> names = detail_names(point.record);
        const auto found = std::find(names.begin(), names.end(), *decoded.detail);
        const Parsed<std::uint64_t> number = parse_unsigned(*decoded.detail);
        if (found != names.end()) {
          point.detail = static_cast<std::uint8_t>(found - names.begin());
        } else if (number && number.value <= 255) {
          point.detail = static_cast<std::uint8_t>(number.value);
        } else {
          std::string hint;
          for (const std::string& name : names) hint += (hint.empty() ? "one of: " : ", ") + name;
          reader.problem(*item, "`" + *decoded.detail + "` is no detail of " + std::string{sim::name_of(point.record)},
                         hint.empty() ? "a number, 0 ... 255" : hint);
        }
      });
}

}  // namespace

Shape<FaultSpec> fault_shape() {
  struct Keys {
    Trigger when;
    Duration lasts{-1};
    std::optional<std::vector<NodeId>> crash, pause;
    std::optional<std::vector<std::vector<NodeId>>> partition;
    std::optional<fault::ClockJump> clock_jump;
    std::optional<fault::L1> l1;
    std::optional<fault::Relay> relay;
    sim::DiskFault disk = sim::DiskFault::unsynced_lost;
    bool one_way = false;
  };
  using sim::DiskFault;
  using Jump = fault::ClockJump;
  const Shape<Jump> jump = object<Jump>({
      field<Jump>("nodes", &Jump::nodes, nodes(), "Whose wall clock jumps.").must(),
      field<Jump>("by", &Jump::step, duration(-longest, longest), "By how much; negative: back.").must(),
  });
  using L1 = fault::L1;
  using Kind = L1::Kind;
  const auto is = [](auto... kinds) { return [=](const L1& l) { return ((l.kind == kinds) || ...); }; };
  const auto kind_of_transaction =
      choice<protocols::L1TxKind>({{"forced", protocols::L1TxKind::forced},
                                   {"force_call", protocols::L1TxKind::force_call},
                                   {"batch", protocols::L1TxKind::batch},
                                   {"commit", protocols::L1TxKind::commit},
                                   {"commitment", protocols::L1TxKind::commitment},
                                   {"proof", protocols::L1TxKind::proof},
                                   {"registry", protocols::L1TxKind::registry},
                                   {"escrow", protocols::L1TxKind::escrow}});
  const Shape<L1> l1 = object<L1>({
      field<L1>(
          "do", &L1::kind,
          choice<Kind>({{"reorganise", Kind::reorganise},
                        {"hide", Kind::hide},
                        {"lag", Kind::lag},
                        {"lie", Kind::lie},
                        {"halt", Kind::halt},
                        {"demand", Kind::demand},
                        {"censor", Kind::censor}}),
          "The last blocks lose against a longer branch; nodes get no L1 blocks; get them later; are shown forged "
          "ones without forced items; no blocks are made; the rest of the world pays more or less; miners leave "
          "out the rollup's transactions.")
          .must(),
      field<L1>("nodes", &L1::nodes, nodes(), "Whose view it concerns.")
          .only("hide, lag or lie", is(Kind::hide, Kind::lag, Kind::lie)),
      field<L1>("depth", &L1::depth, integer<std::uint32_t>(1, 10'000), "How many blocks lose.")
          .only("reorganise", is(Kind::reorganise)),
      field<L1>("by", &L1::by, duration(0s, longest), "How much later.").only("lag", is(Kind::lag)),
      field<L1>("percent", &L1::percent, integer<std::uint32_t>(0, 1'000'000),
                "What the others pay, in hundredths of what they would; or how many of the miners censor.")
          .only("demand or censor", is(Kind::demand, Kind::censor)),
      field<L1>("transactions", &L1::transactions,
                optional(kind_of_transaction),
                "Which transactions the miners leave out; without it all of the rollup.")
          .only("censor", is(Kind::censor)),
      field<L1>("lose", &L1::lose, optional(kind_of_transaction),
                "Transactions of that kind in the blocks that lose are gone for good; without it all wait again.")
          .only("reorganise", is(Kind::reorganise)),
  });
  using Relay = fault::Relay;
  using Trouble = Relay::Kind;
  const auto does = [](auto... kinds) { return [=](const Relay& r) { return ((r.kind == kinds) || ...); }; };
  const Shape<Relay> relay = object<Relay>({
      field<Relay>("do", &Relay::kind,
                   choice<Trouble>({{"outage", Trouble::outage},
                                    {"lose", Trouble::lose},
                                    {"delay", Trouble::delay},
                                    {"duplicate", Trouble::duplicate},
                                    {"idle", Trouble::idle},
                                    {"abuse", Trouble::abuse},
                                    {"defy", Trouble::defy}}),
                   "The bundler takes nothing; loses what it gave receipts for; posts later; posts twice; relayers "
                   "write nothing; write nothing and say that the bundler is down; write whether or not the registry "
                   "gives them the turn.")
          .must(),
      field<Relay>("nodes", &Relay::nodes, nodes(), "Whom it concerns.")
          .only("idle, abuse or defy", does(Trouble::idle, Trouble::abuse, Trouble::defy)),
      field<Relay>("by", &Relay::by, duration(0s, longest), "How much later.").only("delay", does(Trouble::delay)),
      field<Relay>("percent", &Relay::percent, integer<std::uint32_t>(0, 100), "How much of what it takes is lost.")
          .only("lose", does(Trouble::lose)),
  });
  const Shape<Keys> keys = object<Keys>({
      field<Keys>(
          "at", [](auto& k) -> auto& { return k.when.at; }, optional(duration(0s, longest)),
          "The time at which it strikes. Either this or `on`."),
      field<Keys>(
          "on", [](auto& k) -> auto& { return k.when.on; }, optional(point_shape()),
          "The record right after which it strikes. Either this or `at`."),
      field<Keys>("for", &Keys::lasts, unless(Duration{-1}, duration(1us, longest)),
                  "After so long a crashed node restarts, a paused one resumes, a partition heals. Without it: when "
                  "the healing phase begins."),
      field<Keys>("crash", &Keys::crash, optional(nodes()),
                  "These nodes lose power; what their disks had not synced suffers `disk`."),
      field<Keys>("pause", &Keys::pause, optional(nodes()), "These nodes stand still and then get everything at once."),
      field<Keys>("partition", &Keys::partition, optional(list_of(nodes(), 20'000)),
                  "Messages between these groups are lost; nodes in none of them reach everybody."),
      field<Keys>("clock_jump", &Keys::clock_jump, optional(jump), "The wall clocks of nodes jump."),
      field<Keys>("l1", &Keys::l1, optional(l1), "Trouble on layer 1, or between it and the nodes."),
      field<Keys>("relay", &Keys::relay, optional(relay), "Trouble with the writing of data to layer 1."),
      field<Keys>("disk", &Keys::disk,
                  choice<DiskFault>({{"unsynced_lost", DiskFault::unsynced_lost},
                                     {"torn_tail", DiskFault::torn_tail},
                                     {"wiped", DiskFault::wiped},
                                     {"rolled_back", DiskFault::rolled_back}}),
                  "What a crash does to the disk: unsynced writes are gone; the last of them is torn; everything is "
                  "gone; an old state comes back.")
          .only("crash", [](const Keys& k) { return k.crash.has_value(); }),
      field<Keys>("one_way", &Keys::one_way, boolean(), "Only messages from the first group to the others are lost.")
          .only("partition", [](const Keys& k) { return k.partition.has_value(); }),
  });
  return through<FaultSpec, Keys>(
      keys,
      [](const FaultSpec& spec) {
        Keys out;
        out.when = spec.when;
        out.lasts = spec.lasts;
        if (const auto* crash = std::get_if<fault::Crash>(&spec.what)) {
          if (!crash->nodes.empty()) out.crash = crash->nodes;  // a fault that was not decoded yet is none of the four
          out.disk = crash->disk;
        } else if (const auto* pause = std::get_if<fault::Pause>(&spec.what)) {
          out.pause = pause->nodes;
        } else if (const auto* partition = std::get_if<fault::Partition>(&spec.what)) {
          out.partition = partition->groups;
          out.one_way = partition->one_way;
        } else if (const auto* trouble = std::get_if<fault::L1>(&spec.what)) {
          out.l1 = *trouble;
        } else if (const auto* writing = std::get_if<fault::Relay>(&spec.what)) {
          out.relay = *writing;
        } else {
          out.clock_jump = std::get<fault::ClockJump>(spec.what);
        }
        return out;
      },
      [](const Value& value, Keys& k, FaultSpec& spec, Reader& reader) {
        if (!value.is_map()) return;
        const auto given = [&](std::string_view key) { return value.find(key) != nullptr ? 1 : 0; };
        if (given("at") + given("on") != 1) {
          reader.problem(value, "a fault strikes either `at` a time or `on` a record",
                         "{at: 10s, ...} or {on: {record: voted, ...}, ...}");
        }
        if (given("crash") + given("pause") + given("partition") + given("clock_jump") + given("l1") + given("relay") !=
            1) {
          reader.problem(value, "a fault is exactly one of crash, pause, partition, clock_jump, l1, relay",
                         "{at: 10s, for: 5s, crash: [n2]}");
          return;
        }
        if (given("clock_jump") + given("for") == 2) {
          const Reader::Step step(reader, "for");
          reader.problem(*value.find("for"), "a clock jump does not last", "jump back with a second fault");
        }
        spec.when = k.when;
        spec.lasts = k.lasts;
        if (given("crash") != 0) {
          spec.what = fault::Crash{k.crash.value_or(std::vector<NodeId>{}), k.disk};
        } else if (given("pause") != 0) {
          spec.what = fault::Pause{k.pause.value_or(std::vector<NodeId>{})};
        } else if (given("partition") != 0) {
          spec.what = fault::Partition{k.partition.value_or(std::vector<std::vector<NodeId>>{}), k.one_way};
        } else if (given("l1") != 0) {
          spec.what = k.l1.value_or(fault::L1{});
        } else if (given("relay") != 0) {
          spec.what = k.relay.value_or(fault::Relay{});
        } else {
          spec.what = k.clock_jump.value_or(fault::ClockJump{});
        }
      });
}

namespace {

Shape<AdversarySpec> adversary_shape() {
  using A = AdversarySpec;
  using P = PowerSpec;
  using Sight = PowerSpec::Sight;
  const Shape<P> power = object<P>({
      field<P>("sees", &P::sees, choice<Sight>({{"own", Sight::own}, {"headers", Sight::headers}, {"all", Sight::all}}),
               "What it sees of the traffic: messages of its own nodes; also kind, height, round and ends of all "
               "others; everything."),
      field<P>("delay_max", &P::delay_max, duration(0s, 1h), "How long it may hold back messages of others."),
      field<P>("drops_max", &P::drops_max, integer<std::uint64_t>(0, 1'000'000'000'000),
               "How many messages of others it may drop."),
      field<P>("drop_before_gst", &P::drop_before_gst, boolean(),
               "Whether it may drop any number before `network.stabilises_after`."),
      field<P>("crashes_max", &P::crashes_max, integer<std::uint32_t>(0, 1'000'000),
               "How often it may crash honest nodes."),
      field<P>("partitions_max", &P::partitions_max, integer<std::uint32_t>(0, 1'000'000),
               "How many partitions it may make."),
      field<P>("partition_max", &P::partition_max, duration(0s, longest),
               "How long its partitions may last, all together."),
      field<P>("accounts", &P::accounts,
               unless(std::vector<std::uint32_t>{}, list_of(integer<std::uint32_t>(0, 1'000'000), 1000)),
               "Accounts of users that it holds the keys of and pays from. No client may use them: arrivals none."),
  });
  return object<A>({
      field<A>("script", &A::script, text("stock name or file name"),
               "A stock adversary (see `seqlab list`), a Lua file next to the scenario, or `native:` and the name of "
               "one in C++.")
          .must(),
      field<A>("source", &A::source, unless(std::string{}, text("Lua text")),
               "The text of the script, which is then not looked up; run folders have it."),
      field<A>("nodes", &A::nodes, nodes(), "The nodes that it owns: it signs with their keys and no others'."),
      field<A>("power", &A::power, power, "What it may do besides; the world enforces and reports it."),
      field<A>("params", &A::params, script_parameters(), "Parameters of the script; see the beginning of its file."),
  });
}

Shape<L1Spec> l1_shape() {
  using L = L1Spec;
  const auto as_known = [](auto bounds) { return unless(Duration{-1}, bounds); };
  return object<L>({
      field<L>("interval", &L::interval, as_known(duration(100ms, 24h)),
               "Mean time between blocks, or length of a slot."),
      field<L>("miss", &L::miss, optional(ratio()), "Chance of an empty slot after a full one."),
      field<L>("fork", &L::fork, optional(ratio()), "Chance that a block gets a rival at its height."),
      field<L>("view_p50", &L::view_p50, as_known(duration(1ms, 1h)), "Median of the delay until a node has a block."),
      field<L>("view_p95", &L::view_p95, as_known(duration(1ms, 1h)), "95 % quantile of that delay."),
      field<L>("finality_depth", &L::finality_depth, integer<std::uint32_t>(0, 10'000),
               "Chains that are final by depth: how deep; 0: as is known of the chain."),
      field<L>("demand_percent", &L::demand_percent, integer<std::uint32_t>(1, 1'000'000),
               "What the rest of the world pays for room, in hundredths of what is known of the chain."),
      field<L>("keep_blocks", &L::keep_blocks, integer<std::uint32_t>(128, 1'000'000),
               "Blocks of the chain that stay readable; more than the deepest reorganisation and the longest window."),
  });
}

Shape<Environment> environment_shape() {
  using E = Environment;
  return object<E>({
      use_field<E>("environments"),
      field<E>("network", &E::network, network_shape(), "The network between the machines."),
      field<E>("machines", &E::machines, machines_shape(), "The machines that the nodes run on."),
      field<E>("workload", &E::workload, workload_shape(), "What clients submit."),
      field<E>("l1", &E::l1, l1_shape(), "How the design's layer-1 chain differs from what is known of it."),
      field<E>("faults", &E::faults, list_of(fault_shape()), "What breaks, and when."),
      field<E>("adversaries", &E::adversaries, list_of(adversary_shape(), 1000), "Who attacks, and with what power."),
  });
}

// ---- the whole ----------------------------------------------------------------------------------------------------

Shape<StopSpec> stop_shape() {
  using S = StopSpec;
  return object<S>({
      field<S>("after", &S::after, duration(1ms, longest), "End of the safety phase."),
      field<S>("height", &S::height, integer<std::uint64_t>(0, 1'000'000'000'000),
               "It also ends when every live honest node has committed this height; 0: it does not."),
      field<S>("healing", &S::healing, duration(0s, longest),
               "Longest liveness phase after it: all faults end, and a core of nodes must make progress. 0s: no such "
               "phase."),
      field<S>("healing_blocks", &S::healing_blocks, integer<std::uint64_t>(1, 1'000'000),
               "Commits of the whole core that count as progress."),
  });
}

Shape<ExpectSpec> expect_shape() {
  using X = ExpectSpec;
  struct Commits {
    std::uint64_t min = 0;
  };
  const Shape<Commits> commits = object<Commits>({
      field<Commits>("min", &Commits::min, integer<std::uint64_t>(0, 1'000'000'000'000),
                     "Height that the slowest live honest node must have reached at the end of the safety phase."),
  });
  return object<X>({
      field<X>("checkers", &X::checkers, list_of(text("name of a checker, see `seqlab list`"), 1000),
               "The checkers that judge the run; empty: all that fit the design."),
      field<X>("commits", &X::commits_min,
               through<std::uint64_t, Commits>(
                   commits, [](const std::uint64_t& min) { return Commits{min}; },
                   [](const Value&, Commits& decoded, std::uint64_t& min, Reader&) { min = decoded.min; }),
               "How many blocks there must be."),
      field<X>("verdict", &X::verdict,
               optional(choice<Verdict>({{"held", Verdict::held},
                                         {"violated", Verdict::violated},
                                         {"outside_model", Verdict::outside_model},
                                         {"undecided", Verdict::undecided}})),
               "The verdict that this scenario should have; the run then succeeds with it and fails with any other."),
  });
}

Field<Scenario> schema_field() {
  Field<Scenario> out;
  out.key = "schema";
  out.form = std::string{scenario_schema_name};
  out.doc = "Version of this format.";
  out.required = true;
  out.schema = Value::map();
  out.schema.add("const", Value::text_of(std::string{scenario_schema_name}))
      .add("description", Value::text_of(out.doc));
  out.write = [](const Scenario&) -> std::optional<Value> { return Value::text_of(std::string{scenario_schema_name}); };
  out.read = [](const Value& value, Scenario&, Reader& reader) {
    if (value.is_scalar() && value.text == scenario_schema_name) return;
    reader.problem(value, describe(value) + " is not a format that this version reads",
                   std::string{scenario_schema_name});
  };
  return out;
}

Shape<std::string> name_shape() {
  Shape<std::string> out = text("name");
  out.schema.add("pattern", Value::text_of("^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$"));
  out.read = [read = out.read](const Value& value, std::string& name, Reader& reader) {
    std::string word;
    read(value, word, reader);
    if (!value.is_scalar()) return;
    const auto fits = [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
             c == '-';
    };
    if (word.empty() || word.size() > 100 || word.front() == '.' || word.front() == '-' || word.front() == '_' ||
        !std::all_of(word.begin(), word.end(), fits)) {
      reader.problem(value, describe(value) + " cannot name a scenario",
                     "letters, digits, `-`, `_` and `.`, at most 100");
    } else {
      name = word;
    }
  };
  return out;
}

}  // namespace

Shape<Scenario> scenario_shape() {
  using S = Scenario;
  Field<S> name = field<S>("name", &S::name, name_shape(), "Name of the scenario; without it, that of its file.");
  name.schema.items.pop_back();  // an empty default is none
  name.schema.keys.pop_back();
  return object<S>({
      schema_field(),
      std::move(name),
      field<S>("seed", &S::seed, integer<std::uint64_t>(0, std::numeric_limits<std::uint64_t>::max()),
               "Seed of the run when none is given."),
      field<S>("permute_instants", &S::permute_instants, boolean(),
               "Events of one instant run in a seeded order instead of the order in which they were scheduled."),
      field<S>("design", &S::design, design_shape(), "How the sequencer works."),
      field<S>("environment", &S::environment, environment_shape(), "What happens to it."),
      field<S>("stop", &S::stop, stop_shape(), "When the run ends."),
      field<S>("expect", &S::expect, expect_shape(), "What the run must show."),
  });
}

}  // namespace seqlab::scenarios
