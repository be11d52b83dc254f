#include "protocols/migration/cut_over.hpp"

#include <algorithm>

namespace seqlab::protocols {

using sim::Record;
using sim::RecordKind;

namespace {

constexpr Duration look_again{1'000'000'000};
constexpr std::uint32_t stale_blocks = 10;   ///< what an incomplete export lacks

}  // namespace

CutOver::CutOver(const MigrationOptions& options, const SequencerContext& context, Gateway& gateway, Imports imports,
                 std::span<SequencerNode* const> sequencers, Relayer* writer)
    : options_(options),
      context_(context),
      gateway_(gateway),
      import_(imports.fresh),
      committee_(imports.committee),
      sequencers_(sequencers.begin(), sequencers.end()),
      writer_(writer) {}

void CutOver::start() {
  context_.simulation.processes().spawn(no_node, [this](sim::Process& process) {
    if (is_back()) {
      run_back(process);
    } else {
      run(process);
    }
  });
}

void CutOver::run(sim::Process& process) {
  process.sleep(options_.at);
  if (options_.stop_before_export) {
    stop_old(process);
    drain_writer(process);
    export_old(process);
    process.sleep(options_.gap);
  } else {
    export_old(process);
    process.sleep(options_.gap);
    stop_old(process);
  }
  start_new();
  phase_ = Phase::migrated;
  if (options_.rollback_after == Duration::zero()) return;
  const SimTime deadline = process.now() + options_.rollback_after;
  while (!has_block()) {
    if (process.now() >= deadline) return roll_back(process);
    process.sleep(look_again);
  }
}

void CutOver::wait_for_gateway(sim::Process& process) const {
  while (!gateway_.up()) process.sleep(look_again);
}

void CutOver::stop_old(sim::Process& process) {
  wait_for_gateway(process);
  gateway_.stop(options_.redirect);
  // What it has written and not yet said it still says; a crash decides what of it there was.
  while (!gateway_.up() || !gateway_.settled()) process.sleep(look_again);
  phase_ = Phase::stopped;
  Record stopped{.kind = RecordKind::core_stopped, .detail = old_core, .node = gateway_.id()};
  stopped.height = gateway_.height();
  context_.simulation.emit(stopped.with_id(gateway_.state()));
}

/// Two writers must not run at once, and what the first one has sent may be on its way for long: the second one begins
/// when all that the first had to write is on layer 1, so deep that nobody will ask again. The old core's machine may
/// crash meanwhile; its journal is on its disk, and the lines as well.
void CutOver::drain_writer(sim::Process& process) {
  if (writer_ == nullptr) return;
  if (!options_.drain_writer) return writer_->be_idle(true, false);
  while (!gateway_.up() || writer_->done().value < gateway_.height()) process.sleep(look_again);
}

void CutOver::export_old(sim::Process& process) {
  wait_for_gateway(process);
  const L1View& view = context_.l1->view(gateway_.id());
  // The block after the last one of the old core: the first block of the new one must take it over, so it has to exist,
  // and has to be as deep as any other that is taken over, because nobody will ask again whether it stays.
  const auto border_height = [&] { return gateway_.last_l1().height + 1; };
  const std::uint32_t deep = options_.wait_for_final_border ? gateway_.depth() : 0;
  while (!gateway_.up() || view.height() < border_height() + deep) process.sleep(look_again);

  CoreImport exported = gateway_.export_core(options_.complete_export ? 0 : stale_blocks);
  exported.border = view.block(exported.external.last.height + 1);
  if (options_.hand_over_cursor) exported.written = gateway_.height();
  if (!options_.refuse_old_items) exported.ledger = exported.ledger.without_nonces();
  import_ = std::move(exported);
  Record record{.kind = RecordKind::core_exported, .detail = old_core, .node = gateway_.id()};
  record.round = static_cast<std::uint32_t>(import_.external.last.height);
  record.height = gateway_.height();
  context_.simulation.emit(record.with_id(import_.ledger.root()));
}

void CutOver::start_committee() {
  committee_.open = true;
  for (SequencerNode* sequencer : sequencers_) {
    if (context_.nodes[sequencer->machine()].up()) {
      sequencer->on_start(true);
    } else {
      context_.nodes.start(sequencer->machine());
    }
  }
}

void CutOver::start_new() {
  start_committee();
  Record record{.kind = RecordKind::core_started, .detail = new_core, .height = 1};
  context_.simulation.emit(record.with_id(import_.ledger.root()));
}

bool CutOver::has_block() const {
  return std::ranges::any_of(sequencers_, [](const SequencerNode* s) { return s->chain().height() > Height{0}; });
}

void CutOver::roll_back(sim::Process& process) {
  // First nobody may be able to make a block any more, then one looks whether somebody did after all.
  import_.open = false;
  for (SequencerNode* sequencer : sequencers_) context_.nodes.crash(sequencer->machine());
  if (has_block()) {
    import_.open = true;
    for (SequencerNode* sequencer : sequencers_) context_.nodes.start(sequencer->machine());
    return;
  }
  wait_for_gateway(process);
  gateway_.resume();
  if (writer_ != nullptr) writer_->be_idle(false, false);
  phase_ = Phase::rolled_back;
  context_.simulation.emit({.kind = RecordKind::core_rolled_back,
                            .detail = old_core,
                            .node = gateway_.id(),
                            .height = gateway_.height()});
}

// ---- the way back ---------------------------------------------------------------------------------------------------

/// By plan or in an emergency, the steps are the same: the committee is switched off for good before anybody reads what
/// it has left, so that nothing becomes final that is not in the export. A machine that is down, or that a committee
/// without a quorum left running, has its disk: what any node holds as final is final, and the longest chain contains
/// all others.
void CutOver::run_back(sim::Process& process) {
  wait_for_occasion(process);
  if (options_.stop_before_export) {
    stop_committee();
    export_committee(process);
    process.sleep(options_.gap);
  } else {
    export_committee(process);
    process.sleep(options_.gap);
    stop_committee();
  }
  start_gateway();
  phase_ = Phase::migrated;
  if (options_.rollback_after == Duration::zero()) return;
  const SimTime deadline = process.now() + options_.rollback_after;
  while (gateway_.height() == 0) {
    if (process.now() >= deadline) return return_to_committee();
    process.sleep(look_again);
  }
}

void CutOver::wait_for_occasion(sim::Process& process) const {
  const SimTime planned = process.now() + options_.at;
  std::uint64_t height = 0;
  SimTime since = process.now();
  while (process.now() < planned) {
    if (options_.emergency_after == Duration::zero()) return process.sleep_until(planned);
    for (const SequencerNode* sequencer : sequencers_) {
      if (sequencer->chain().height().value <= height) continue;
      height = sequencer->chain().height().value;
      since = process.now();
    }
    if (process.now() - since >= options_.emergency_after) return;
    process.sleep(look_again);
  }
}

const SequencerNode* CutOver::furthest() const {
  const SequencerNode* out = nullptr;
  for (const SequencerNode* sequencer : sequencers_) {
    if (sequencer->is_corrupt() || !sequencer->keeps_chain()) continue;
    if (out == nullptr || sequencer->chain().height() > out->chain().height()) out = sequencer;
    if (!options_.complete_export) break;   // whoever comes first
  }
  return out;
}

void CutOver::stop_committee() {
  // A machine that somebody switches on again finds that it is no longer its time.
  committee_.open = false;
  for (SequencerNode* sequencer : sequencers_) context_.nodes.crash(sequencer->machine());
  phase_ = Phase::stopped;
  Record stopped{.kind = RecordKind::core_stopped, .detail = old_core};
  const SequencerNode* last = furthest();
  if (last != nullptr) {
    stopped.node = last->id();
    stopped.height = last->chain().height().value;
    stopped.with_id(last->chain().state());
  }
  context_.simulation.emit(stopped);
}

void CutOver::export_committee(sim::Process& process) {
  while (furthest() == nullptr) process.sleep(look_again);
  const SequencerNode& last = *furthest();
  import_.ledger = last.ledger();
  import_.external = last.external();
  import_.last_keys = last.sort_keys().last();
  Record record{.kind = RecordKind::core_exported, .detail = old_core, .node = last.id()};
  record.round = static_cast<std::uint32_t>(import_.external.last.height);
  record.height = last.chain().height().value;
  context_.simulation.emit(record.with_id(import_.ledger.root()));
}

void CutOver::start_gateway() {
  import_.open = true;
  if (context_.nodes[gateway_.id()].up()) {
    gateway_.on_start(true);
  } else {
    context_.nodes.start(gateway_.id());
  }
  Record record{.kind = RecordKind::core_started, .detail = new_core, .height = 1};
  context_.simulation.emit(record.with_id(import_.ledger.root()));
}

/// The service has not ordered anything: it is switched off for good, and the committee goes on with what it had.
void CutOver::return_to_committee() {
  import_.open = false;
  context_.nodes.crash(gateway_.id());
  phase_ = Phase::rolled_back;
  Record record{.kind = RecordKind::core_rolled_back, .detail = old_core};
  if (const SequencerNode* last = furthest(); last != nullptr) record.height = last->chain().height().value;
  context_.simulation.emit(record);
  start_committee();
}

}  // namespace seqlab::protocols
