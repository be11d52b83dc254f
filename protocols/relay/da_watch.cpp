#include "protocols/relay/da_watch.hpp"

#include <algorithm>
#include <utility>

namespace seqlab::protocols {

using sim::Record;
using sim::RecordKind;

namespace {
constexpr std::uint8_t chain_number = 0;
constexpr std::uint32_t event_look = 0, event_turn_over = 1, event_settle = 2;
}  // namespace

DaWatch::DaWatch(sim::Simulation& simulation, const L1& l1, const RelayOptions& options, const RelayPolicy& policy,
                 const Bundler& bundler, const RegistryRules* registry, std::function<Height()> committed)
    : simulation_(simulation),
      l1_(l1),
      options_(options),
      rotates_(policy.name == "rotating"),
      bundler_(bundler),
      committed_(std::move(committed)),
      target_(simulation.add_target(*this)),
      index_(1, options.channel_timeout, no_node, std::nullopt, registry) {}

void DaWatch::start() {
  if (rotates_) simulation_.schedule(turn_begin(1, options_) - margin(), target_, event_turn_over);
}

Duration DaWatch::grace() const {
  Duration out = 5 * l1_.profile().interval + l1_.profile().spread;
  if (BatchFormat{l1_.profile(), options_.format}.bundled()) {
    out += options_.bundler.receipt_after + options_.bundler.post_after;
  }
  return out;
}

void DaWatch::on_record(const Record&) {
  // Records cannot be emitted while one is read, and the block is still being added: an event later, at this instant.
  if (std::exchange(due_, true)) return;
  simulation_.schedule(simulation_.now(), target_, event_look);
}

void DaWatch::on_event(std::uint32_t arg) {
  if (arg == event_look) {
    due_ = false;
    look();
  } else if (arg == event_turn_over) {
    const Height last = committed_();
    const std::uint64_t open = last > credited_ ? last.value - credited_.value : 0;
    available_[next_end_] = turns_[next_end_].credited + open;
    simulation_.schedule(turn_begin(next_end_ + 1, options_) + grace(), target_, event_settle);
    ++next_end_;
    simulation_.schedule(turn_begin(next_end_ + 1, options_) - margin(), target_, event_turn_over);
  } else {
    settle(next_settled_++);
  }
}

void DaWatch::look() {
  index_.follow(
      l1_.chain(), [this](const DaIndex::Channel& channel, bool readable) { tell(channel, readable); },
      [this](const L1Block& block, NodeId writer, bool counts) {
        Record read{.kind = RecordKind::batch_read, .detail = chain_number, .flags = 0, .node = writer};
        read.flags = counts ? 0 : 1;
        read.height = block.height;
        simulation_.emit(read.with_id(block.id));
      });
}

void DaWatch::tell(const DaIndex::Channel& channel, bool readable) {
  const std::vector<BlockPtr>& blocks = channel.says->blocks;
  Record record{.kind = readable ? RecordKind::da_posted : RecordKind::da_unposted,
                .detail = chain_number,
                .node = channel.writer,
                .round = static_cast<std::uint32_t>(blocks.size()),
                .height = blocks.front()->height.value};
  simulation_.emit(record.with_id(channel.says->channel));
  if (!readable) return;
  for (const BlockPtr& block : blocks) {
    Record one{.kind = RecordKind::da_block, .node = channel.writer, .height = block->height.value};
    one.round = static_cast<std::uint32_t>(channel.says->before);
    simulation_.emit(one.with_id(block->id));
  }
  const bool has_turns = std::ranges::find(options_.nodes, channel.writer) != options_.nodes.end();
  if (!rotates_ || !has_turns) return;
  const L1BlockPtr mined = l1_.chain().block(channel.completed);
  if (mined == nullptr) return;
  // Paid is who writes in his turn, or soon after it what he sent in it; each block once, in order, without a gap.
  std::uint64_t turn = turn_at(mined->mined, options_);
  const auto whose = [&](std::uint64_t t) { return options_.nodes[t % options_.nodes.size()]; };
  if (whose(turn) != channel.writer && turn > 0 && mined->mined - turn_begin(turn, options_) <= grace()) --turn;
  for (const BlockPtr& block : blocks) {
    if (block->height != next(credited_)) continue;
    credited_ = block->height;
    if (whose(turn) == channel.writer && turn >= next_settled_) ++turns_[turn].credited;
  }
}

void DaWatch::report_outage(NodeId node, std::uint64_t turn) {
  if (options_.excuse == Excuse::none) return;
  if (options_.nodes[turn % options_.nodes.size()] != node || turn < next_settled_) return;
  if (options_.excuse == Excuse::report) {
    turns_[turn].excused = true;
    return;
  }
  // Each of the others tries to upload something, and says what came of it.
  std::uint64_t asked = 0;
  std::uint64_t down = 0;
  for (const NodeId other : options_.nodes) {
    if (other == node || !simulation_.machine_is_up(other)) continue;
    ++asked;
    if (!bundler_.up()) ++down;
  }
  const sim::Ratio& quorum = options_.excuse_quorum;
  if (asked != 0 && down * quorum.den >= asked * quorum.num && down != 0) turns_[turn].excused = true;
}

void DaWatch::settle(std::uint64_t turn) {
  const Turn t = turns_[turn];
  turns_.erase(turn);
  const std::uint64_t wanted = std::min<std::uint64_t>(options_.quota, available_[turn]);
  available_.erase(turn);
  const bool met = t.credited >= wanted;
  const TurnOutcome outcome = met ? TurnOutcome::met : t.excused ? TurnOutcome::excused : TurnOutcome::missed;
  const std::int64_t amount =
      options_.reward * t.credited - (outcome == TurnOutcome::missed ? options_.penalty : 0);
  simulation_.emit({.kind = RecordKind::da_settled,
                    .flags = static_cast<std::uint16_t>(outcome),
                    .node = options_.nodes[turn % options_.nodes.size()],
                    .round = static_cast<std::uint32_t>(turn),
                    .height = t.credited,
                    .a = static_cast<std::uint64_t>(amount)});
}

}  // namespace seqlab::protocols
