#include "protocols/migration/cut_over.hpp"

#include <algorithm>

namespace seqlab::protocols {

using sim::Record;
using sim::RecordKind;

namespace {

constexpr Duration look_again{1'000'000'000};
constexpr std::uint32_t stale_blocks = 10;   ///< what an incomplete export lacks

}  // namespace

CutOver::CutOver(const MigrationOptions& options, const SequencerContext& context, Gateway& gateway, CoreImport& import,
                 std::span<SequencerNode* const> sequencers)
    : options_(options),
      context_(context),
      gateway_(gateway),
      import_(import),
      sequencers_(sequencers.begin(), sequencers.end()) {}

void CutOver::start() {
  context_.simulation.processes().spawn(no_node, [this](sim::Process& process) { run(process); });
}

void CutOver::run(sim::Process& process) {
  process.sleep(options_.at);
  if (options_.stop_before_export) {
    stop_old(process);
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
  if (!options_.refuse_old_items) exported.ledger = exported.ledger.without_nonces();
  import_ = std::move(exported);
  Record record{.kind = RecordKind::core_exported, .detail = old_core, .node = gateway_.id()};
  record.round = static_cast<std::uint32_t>(import_.external.last.height);
  record.height = gateway_.height();
  context_.simulation.emit(record.with_id(import_.ledger.root()));
}

void CutOver::start_new() {
  import_.open = true;
  for (SequencerNode* sequencer : sequencers_) {
    if (context_.nodes[sequencer->machine()].up()) {
      sequencer->on_start(true);
    } else {
      context_.nodes.start(sequencer->machine());
    }
  }
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
  phase_ = Phase::rolled_back;
  context_.simulation.emit({.kind = RecordKind::core_rolled_back,
                            .detail = old_core,
                            .node = gateway_.id(),
                            .height = gateway_.height()});
}

}  // namespace seqlab::protocols
