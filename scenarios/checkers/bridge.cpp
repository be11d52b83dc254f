#include "scenarios/checkers/bridge.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace seqlab::scenarios {

void Bridge::on_record(const Record& record) {
  roster_.observe(record);
  const bool back = record.flags != 0;
  const auto amount = static_cast<std::int64_t>(record.a);
  switch (record.kind) {
    case RecordKind::escrow_locked:
      if (back) {
        locked_.erase(record.b);
        escrow_ -= amount;
      } else {
        locked_[record.b] = {record.round, record.a};
        escrow_ += amount;
      }
      return balance(record);
    case RecordKind::escrow_settled:
      if (back) {
        std::erase_if(proven_, [&](const Proven& p) { return p.l1_height == record.height && p.height == record.a; });
        return;
      }
      proven_.push_back({record.height, record.a});
      if (record.a > roster_.height_max()) {
        report(record.at, {},
               fmt::format("layer 1 takes height {} for proven, and no honest node has committed more than {}",
                           record.a, roster_.height_max()));
      }
      return;
    case RecordKind::escrow_released: return on_released(record);
    case RecordKind::bridge_minted: return on_minted(record);
    case RecordKind::bridge_burnt: {
      if (!roster_.reliable(record.node)) return;
      const bool fresh = burnt_.try_emplace({record.round, record.b}, Burnt{record.a, record.height}).second;
      if (fresh) rollup_ -= amount;
      return;
    }
    default: return;
  }
}

void Bridge::on_released(const Record& record) {
  const Name name{record.round, record.b};
  const auto amount = static_cast<std::int64_t>(record.a);
  if (record.flags != 0) {
    escrow_ += amount;
    --released_[name];
    return;
  }
  escrow_ -= amount;
  const std::string what =
      fmt::format("{} were released to account {} in L1 block {}", record.a, record.round, record.height);
  const auto burnt = burnt_.find(name);
  if (burnt == burnt_.end() || burnt->second.amount != record.a) {
    const std::string less =
        burnt == burnt_.end() ? "never burnt anything" : fmt::format("burnt {}", burnt->second.amount);
    report(record.at, {}, fmt::format("{}, and its transaction {} {}", what, record.b, less));
  } else {
    const auto proof = std::ranges::find_if(
        proven_, [&](const Proven& p) { return p.height >= burnt->second.height; });
    if (proof == proven_.end()) {
      report(record.at, {}, fmt::format("{}, and height {}, where they were burnt, is not proven", what,
                                        burnt->second.height));
    } else if (record.height < proof->l1_height + delay_) {
      report(record.at, {}, fmt::format("{}, {} L1 blocks after the proof and not {}", what,
                                        record.height - std::min(record.height, proof->l1_height), delay_));
    }
  }
  if (++released_[name] > 1) {
    report(record.at, {}, fmt::format("{}, for transaction {} once more", what, record.b));
  }
  balance(record);
}

void Bridge::on_minted(const Record& record) {
  if (!roster_.reliable(record.node)) return;
  const Money money{record.round, record.a};
  std::uint64_t& next = next_[record.node.value];
  if (record.b != next) {
    report(record.at, {record.node},
           fmt::format("{} minted deposit {} at height {}, and {} comes next", node_name(record.node), record.b,
                       record.height, next));
  }
  next = record.b + 1;
  const auto [at, fresh] = minted_.try_emplace(record.b, money);
  if (!fresh && at->second != money) {
    report(record.at, {record.node},
           fmt::format("{} minted {} to account {} for deposit {}, others {} to account {}", node_name(record.node),
                       money.amount, money.account, record.b, at->second.amount, at->second.account));
  }
  if (!fresh) return;
  rollup_ += static_cast<std::int64_t>(record.a);
  const auto locked = locked_.find(record.b);
  if (locked == locked_.end() || locked->second != money) {
    report(record.at, {record.node},
           fmt::format("{} minted {} to account {} for deposit {}, which is not what layer 1 has locked",
                       node_name(record.node), money.amount, money.account, record.b));
  }
  balance(record);
}

void Bridge::balance(const Record& record) {
  const bool is_short = escrow_ < rollup_;
  if (is_short && !short_) {
    report(record.at, {},
           fmt::format("the escrow holds {}, and {} more than was burnt has been minted on the rollup", escrow_,
                       rollup_));
  }
  short_ = is_short;
}

}  // namespace seqlab::scenarios
