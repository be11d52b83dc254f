#include "scenarios/checkers/external_data.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace seqlab::scenarios {

ExternalData::ExternalData(const CheckerContext& context)
    : reads_(context.forced.policy != "none"),
      many_decide_(context.engine.byzantine_tolerant),
      step_max_(0),
      depth_(0),
      roster_(context.node_count),
      seen_(context.node_count, 0) {
  if (context.forced.policy == "arweave_sync") {
    step_max_ = context.forced.arweave_sync.blocks_max;
    depth_ = context.forced.arweave_sync.depth;
  } else if (context.forced.policy == "deposits") {
    step_max_ = 1;
  } else if (context.forced.policy == "citrea_queue") {
    depth_ = context.forced.citrea_queue.depth - 1;
  }
}

void ExternalData::on_record(const Record& record) {
  roster_.observe(record);
  switch (record.kind) {
    case RecordKind::l1_mined:
      if (first_ == 0) first_ = record.height;
      mined_ = record.id();
      if (record.flags == 0) tip_ = mined_;
      return;
    case RecordKind::l1_parent: parents_.try_emplace(mined_, record.height, record.id()); return;
    case RecordKind::l1_seen:
      if (roster_.knows(record.node)) seen_[record.node.value] = record.height;
      return;
    case RecordKind::l1_ref:
      if (roster_.honest(record.node)) on_ref(record);
      return;
    default: return;
  }
}

void ExternalData::on_ref(const Record& record) {
  // That all honest nodes have the same block is the business of `agreement`.
  if (record.height <= last_.height) return;
  const Named before = last_;
  const Named now{record.height, record.round, record.id(), record.node, record.at};
  last_ = now;
  const bool same = before.height != 0 && now.l1_height == before.l1_height;
  if (!same) named_.push_back(now);
  if (before.height != 0 && before.height + 1 == now.height) {
    const bool back = now.l1_height < before.l1_height;
    const bool skips = step_max_ != 0 && !back && now.l1_height - before.l1_height > step_max_;
    if (back || skips) {
      report(record.at, {record.node},
             fmt::format("block {} names L1 height {} after {}: it {}", record.height, now.l1_height, before.l1_height,
                         back ? "goes back" : "leaves some out"));
    }
    if (same) {
      if (now.id != before.id) {
        report(record.at, {record.node},
               fmt::format("blocks {} and {} name different blocks of L1 height {}", record.height - 1, record.height,
                           now.l1_height));
      }
      return;
    }
  }
  if (depth_ == 0 || first_ == 0 || now.l1_height < first_) return;  // of before the run: everybody had it
  // Of those who vote, more than a third at least must have had it deep enough: one honest node among them.
  Power deep = 0;
  for (std::uint32_t i = 0; i < roster_.size(); ++i) {
    if (seen_[i] >= now.l1_height + depth_) deep += roster_.powers().of(NodeId{i}, record.height);
  }
  const Power needed = many_decide_ ? roster_.powers().max_faulty(record.height) : 0;
  if (deep <= needed) {
    report(record.at, {record.node},
           fmt::format("block {} names L1 height {}, which only power {} had {} deep", record.height, now.l1_height,
                       deep, depth_));
  }
}

/// X1: what the chain holds is a block of the L1 chain that won.
void ExternalData::finish(SimTime end) {
  std::unordered_map<std::uint64_t, Hash128> canonical;
  std::uint64_t height = 0;
  for (auto at = parents_.find(tip_); at != parents_.end(); at = parents_.find(at->second.second)) {
    height = std::max(height, at->second.first);
    canonical.emplace(at->second.first, at->first);
  }
  std::uint64_t last = 0;
  for (const Named& named : named_) {
    if (named.l1_height == last || named.l1_height < first_ || named.l1_height > height) continue;
    last = named.l1_height;
    const auto at = canonical.find(named.l1_height);
    if (at != canonical.end() && at->second == named.id) continue;
    report(end, {named.node},
           fmt::format("block {} names {} at L1 height {}, which is not on the L1 chain in the end ({} blocks deep)",
                       named.height, short_hex(named.id), named.l1_height, height - named.l1_height));
    return;  // the first one tells it: those after it stand on it
  }
}

}  // namespace seqlab::scenarios
