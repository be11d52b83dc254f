#include "protocols/relay/bundler.hpp"

#include <utility>

namespace seqlab::protocols {

using sim::Record;
using sim::RecordKind;

namespace {
constexpr std::size_t known_max = 10'000;
constexpr NodeId bundler_number{0};
}  // namespace

Bundler::Bundler(sim::Simulation& simulation, L1& l1, const BundlerOptions& options)
    : simulation_(simulation), l1_(l1), options_(options), luck_(simulation.stream("bundler")) {}

void Bundler::set_down(bool down) {
  if (down == down_) return;
  down_ = down;
  simulation_.emit({.kind = RecordKind::da_service,
                    .flags = static_cast<std::uint16_t>(down ? 1 : 0),
                    .peer = bundler_number});
}

Bundler::Answer Bundler::upload(const L1TransactionPtr& item, std::function<void()> on_receipt) {
  if (down_) return Answer::down;
  if (!known_.insert(item->id).second) return Answer::known;
  order_.push_back(item->id);
  if (order_.size() > known_max) {
    known_.erase(order_.front());
    order_.pop_front();
  }
  simulation_.call_at(simulation_.now() + options_.receipt_after, std::move(on_receipt));
  const bool lost_by_chance = luck_.chance(options_.loss);
  const bool lost_on_purpose = luck_.chance({loss_percent_, 100});
  const bool twice = luck_.chance(options_.duplication) || twice_;
  if (lost_by_chance || lost_on_purpose) return Answer::accepted;
  post(item, options_.post_after + delay_, false);
  if (twice) post(item, 2 * (options_.post_after + delay_), true);
  return Answer::accepted;
}

void Bundler::post(const L1TransactionPtr& item, Duration after, bool copy) {
  L1TransactionPtr outer = item;
  if (copy) {
    auto again = std::make_shared<L1Transaction>(*item);
    again->id = HashBuilder{"bundler copy"}.add(item->id).finish();
    outer = std::move(again);
  }
  simulation_.call_at(simulation_.now() + after, [this, outer] { l1_.submit(outer); });
}

}  // namespace seqlab::protocols
