#include "scenarios/checkers/da_batches.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace seqlab::scenarios {

namespace {
std::uint64_t last_of(const Record& record) { return record.height + record.round - 1; }
std::string range_text(const Record& record) {
  if (record.round <= 1) return fmt::format("block {}", record.height);
  return fmt::format("blocks {} to {}", record.height, last_of(record));
}
}  // namespace

// ---- order ----------------------------------------------------------------------------------------------------------

DaOrder::DaOrder(const CheckerContext& context)
    : own_copies_(context.relay.policy == "everyone"), roster_(context.node_count), end_(context.node_count, 0) {}

void DaOrder::on_record(const Record& record) {
  roster_.observe(record);
  if (record.kind != RecordKind::da_sent && record.kind != RecordKind::da_posted) return;
  if (!roster_.knows(record.node)) return;
  std::uint64_t& end = end_[own_copies_ ? record.node.value : 0];
  if (record.kind == RecordKind::da_sent && roster_.reliable(record.node) && record.height > end + 1) {
    report(record.at, {record.node},
           fmt::format("{} wrote {} to layer 1, but block {} was never written", node_name(record.node),
                       range_text(record), end + 1));
  }
  if (record.round != 0) end = std::max(end, last_of(record));
}

// ---- finality -------------------------------------------------------------------------------------------------------

void DaFinal::on_record(const Record& record) {
  roster_.observe(record);
  if (record.kind == RecordKind::committed) {
    if (!roster_.honest(record.node) || static_cast<sim::CommitLevel>(record.detail) != sim::CommitLevel::final) return;
    Hash128* id = committed_.at(record.height);
    if (id != nullptr && !*id) *id = record.id();
  } else if (record.kind == RecordKind::da_sent) {
    if (!roster_.reliable(record.node) || record.round == 0) return;
    if (last_of(record) > roster_.height(record.node)) {
      report(record.at, {record.node},
             fmt::format("{} wrote {} to layer 1 when its last final block was {}", node_name(record.node),
                         range_text(record), roster_.height(record.node)));
    }
  } else if (record.kind == RecordKind::da_block) {
    if (!roster_.reliable(record.node)) return;
    const Hash128* id = record.height <= roster_.height_max() ? committed_.at(record.height) : nullptr;
    if (record.height > roster_.height_max() || (id != nullptr && *id && *id != record.id())) {
      report(record.at, {record.node},
             fmt::format("layer 1 has {} as block {} by {}, which is not what was committed", short_hex(record.id()),
                         record.height, node_name(record.node)));
    }
  }
}

// ---- once -----------------------------------------------------------------------------------------------------------

DaOnce::DaOnce(const CheckerContext& context) : roster_(context.node_count), lost_after_(context.relay_lost_after) {}

void DaOnce::on_record(const Record& record) {
  roster_.observe(record);
  if (!roster_.reliable(record.node) || record.round == 0 || record.round > 100'000) return;
  if (record.kind != RecordKind::da_sent && record.kind != RecordKind::da_unposted) return;
  bool told = false;
  for (std::uint64_t h = record.height; h <= last_of(record); ++h) {
    std::vector<Sent>* here = sent_.at(h);
    if (here == nullptr) continue;
    const auto sent = std::ranges::find(*here, record.node, &Sent::node);
    if (record.kind == RecordKind::da_unposted) {
      if (sent != here->end() && sent->id == record.id()) sent->lost = true;
      continue;
    }
    if (sent == here->end()) {
      here->push_back({record.node, false, record.id(), record.at});
      continue;
    }
    if (sent->id == record.id()) continue;
    const bool early = !sent->lost && record.at - sent->since < lost_after_;
    if (early && !told) {
      told = true;
      report(record.at, {record.node},
             fmt::format("{} sent block {} once more as {} only {} ms after it had sent it as {}",
                         node_name(record.node), h, short_hex(record.id()), ns(record.at - sent->since) / 1'000'000,
                         short_hex(sent->id)));
    }
    *sent = Sent{record.node, false, record.id(), record.at};
  }
}

// ---- confirmed ------------------------------------------------------------------------------------------------------

void DaConfirmed::on_record(const Record& record) {
  roster_.observe(record);
  const bool about = record.kind == RecordKind::da_posted || record.kind == RecordKind::da_unposted ||
                     record.kind == RecordKind::da_confirmed;
  if (!about || !roster_.knows(record.node) || record.round == 0 || record.round > 100'000) return;
  for (std::uint64_t h = record.height; h <= last_of(record); ++h) {
    std::uint32_t* copies = copies_.at(h);
    if (copies == nullptr) continue;
    if (record.kind == RecordKind::da_posted) {
      ++*copies;
    } else if (record.kind == RecordKind::da_unposted) {
      if (*copies > 0) --*copies;
    } else if (*copies == 0 && roster_.honest(record.node)) {
      report(record.at, {record.node},
             fmt::format("{} was done with {} when block {} was not to be read on layer 1", node_name(record.node),
                         range_text(record), h));
      return;
    }
  }
}

}  // namespace seqlab::scenarios
