#include "scenarios/world/metrics.hpp"

#include <algorithm>
#include <bit>
#include <map>
#include <set>
#include <tuple>
#include <unordered_map>

#include "protocols/l1/block.hpp"
#include "scenarios/checkers/roster.hpp"
#include "sim/base/fixed_point.hpp"

namespace seqlab::scenarios {

using sim::Record;
using sim::RecordKind;

// ---- histogram ----------------------------------------------------------------------------------------------------

namespace {

constexpr unsigned sub_bits = 6;  // 64 buckets a power of two

/// Values below 128 have a bucket each; above, a bucket spans 1/64 of its power of two.
std::size_t bucket_of(std::uint64_t value) {
  if (value < (std::uint64_t{1} << sub_bits)) return value;
  const auto exponent = static_cast<unsigned>(std::bit_width(value)) - 1;
  const unsigned shift = exponent - sub_bits;
  return (std::size_t{shift} << sub_bits) + (value >> shift);
}

/// Greatest value of the bucket.
std::uint64_t bucket_top(std::size_t bucket) {
  if (bucket < (std::size_t{2} << sub_bits)) return bucket;
  const std::size_t shift = (bucket >> sub_bits) - 1;
  const std::uint64_t lead = bucket - (shift << sub_bits);  // in [64, 128)
  return ((lead + 1) << shift) - 1;
}

}  // namespace

void Histogram::add(std::int64_t value) {
  const std::size_t bucket = bucket_of(value < 0 ? 0 : static_cast<std::uint64_t>(value));
  if (bucket >= buckets_.size()) buckets_.resize(bucket + 1);
  ++buckets_[bucket];
  min_ = count_ == 0 ? value : std::min(min_, value);
  max_ = count_ == 0 ? value : std::max(max_, value);
  sum_ += value;
  ++count_;
}

void Histogram::merge(const Histogram& other) {
  if (other.count_ == 0) return;
  if (buckets_.size() < other.buckets_.size()) buckets_.resize(other.buckets_.size());
  for (std::size_t i = 0; i < other.buckets_.size(); ++i) buckets_[i] += other.buckets_[i];
  min_ = count_ == 0 ? other.min_ : std::min(min_, other.min_);
  max_ = count_ == 0 ? other.max_ : std::max(max_, other.max_);
  sum_ += other.sum_;
  count_ += other.count_;
}

std::int64_t Histogram::quantile(std::uint32_t ppm) const {
  if (count_ == 0) return 0;
  const Uint128 scaled = static_cast<Uint128>(count_) * std::min(ppm, 1'000'000U);
  const auto rank = std::max<std::uint64_t>(1, static_cast<std::uint64_t>((scaled + 999'999) / 1'000'000));
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < buckets_.size(); ++i) {
    seen += buckets_[i];
    if (seen >= rank) return std::min(static_cast<std::int64_t>(bucket_top(i)), max_);
  }
  return max_;
}

// ---- metrics from records -----------------------------------------------------------------------------------------

struct MetricsObserver::State {
  State(std::uint32_t node_count, bool relays) : roster(node_count), last_commit(node_count), with_da(relays) {}

  struct Proposed {
    Hash128 id;
    SimTime at;
  };
  struct LastCommit {
    std::uint64_t height = 0;
    SimTime at{};
  };
  Roster roster;
  Metrics metrics;
  HeightWindow<std::vector<Proposed>> proposed;  // first proposals, by height
  std::vector<LastCommit> last_commit;           // by node
  HeightWindow<std::uint32_t> included;          // transactions of the block counted so far
  std::set<std::tuple<NodeId, std::uint64_t, std::uint32_t, std::uint8_t>> offences;
  bool healing = false;
  bool with_da;
  // Data on layer 1: when the blocks that wait for it became final, and how many copies of the others there are.
  std::uint64_t da_known = 0;                       // heights up to it wait or were seen there
  std::map<std::uint64_t, SimTime> da_waiting;      // by height
  std::map<std::uint64_t, std::uint32_t> da_copies; // by height, the last so many
  std::unordered_map<Hash128, SimTime> forced_waiting;  // by item

  void on_da_block(std::uint64_t height, SimTime at) {
    if (const auto since = da_waiting.find(height); since != da_waiting.end()) {
      metrics.da_latency.add(ns(at - since->second));
      da_waiting.erase(since);
    }
    if (++da_copies[height] > 1) ++metrics.da_copies;
    constexpr std::size_t kept = 50'000;
    if (da_copies.size() > kept) da_copies.erase(da_copies.begin());
  }

  void on_proposed(const Record& r) {
    auto* blocks = proposed.open(r.height, roster.floor() == 0 ? 0 : roster.floor() - 1, roster.height_max());
    if (blocks == nullptr) return;
    const bool known =
        std::any_of(blocks->begin(), blocks->end(), [&](const Proposed& p) { return p.id == r.id(); });
    if (!known) blocks->push_back(Proposed{r.id(), r.at});
  }

  /// Whoever comes first to a position of the chain counts it.
  void on_included(const Record& r) {
    const std::uint64_t floor = roster.floor() < 2 ? 0 : roster.floor() - 2;
    std::uint32_t* count = included.open(r.height, floor, roster.height_max());
    if (count == nullptr || *count != r.round) return;
    ++*count;
    ++metrics.tx_included;
  }

  void on_committed(const Record& r) {
    if (const auto* blocks = proposed.find(r.height)) {
      const auto found =
          std::find_if(blocks->begin(), blocks->end(), [&](const Proposed& p) { return p.id == r.id(); });
      if (found != blocks->end()) metrics.commit_latency.add(ns(r.at - found->at));
    }
    LastCommit& last = last_commit[r.node.value];
    if (last.height != 0 && r.height == last.height + 1) metrics.block_interval.add(ns(r.at - last.at));
    last = LastCommit{r.height, r.at};
    if (with_da && r.height == da_known + 1) da_waiting.emplace(++da_known, r.at);
  }
};

MetricsObserver::MetricsObserver(std::uint32_t node_count, bool with_da)
    : state_(std::make_unique<State>(node_count, with_da)) {}
MetricsObserver::~MetricsObserver() = default;

sim::KindMask MetricsObserver::kinds() {
  return Roster::kinds() | sim::mask_of(RecordKind::proposed, RecordKind::round_entered, RecordKind::message_sent,
                                        RecordKind::tx_submitted, RecordKind::tx_admitted, RecordKind::tx_refused,
                                        RecordKind::tx_included, RecordKind::tx_confirmed, RecordKind::tx_retried,
                                        RecordKind::evidence, RecordKind::partition_started,
                                        RecordKind::healing_started, RecordKind::l1_paid, RecordKind::da_sent,
                                        RecordKind::da_posted, RecordKind::da_block, RecordKind::da_confirmed,
                                        RecordKind::da_unposted, RecordKind::forced_sent, RecordKind::forced_done);
}

void MetricsObserver::on_record(const Record& r) {
  State& s = *state_;
  Metrics& m = s.metrics;
  if (r.kind == RecordKind::message_sent) {
    if (r.detail < m.messages_by_kind.size()) ++m.messages_by_kind[r.detail];
    return;
  }
  s.roster.observe(r);
  switch (r.kind) {
    case RecordKind::proposed:
      s.on_proposed(r);
      break;
    case RecordKind::committed:
      if (s.roster.honest(r.node) && static_cast<sim::CommitLevel>(r.detail) == sim::CommitLevel::final) {
        s.on_committed(r);
      }
      break;
    case RecordKind::round_entered:
      if (s.roster.honest(r.node)) m.rounds_max = std::max<std::uint64_t>(m.rounds_max, r.round);
      break;
    case RecordKind::node_crashed:
      if (s.roster.knows(r.node) && !s.healing) ++m.crashes;  // healing switches corrupt nodes off: no fault
      break;
    case RecordKind::healing_started:
      s.healing = true;
      break;
    case RecordKind::partition_started:
      ++m.partitions;
      break;
    case RecordKind::evidence:
      s.offences.emplace(r.peer, r.height, r.round, r.detail);
      break;
    case RecordKind::tx_submitted:
      ++m.tx_submitted;
      break;
    case RecordKind::tx_admitted:
      ++m.tx_admitted;
      break;
    case RecordKind::tx_refused:
      ++m.tx_refused;
      break;
    case RecordKind::tx_included:
      if (s.roster.honest(r.node)) s.on_included(r);
      break;
    case RecordKind::tx_confirmed:
      ++m.tx_confirmed;
      m.tx_latency.add(r.elapsed());
      break;
    case RecordKind::tx_retried:
      ++m.tx_retried;
      break;
    case RecordKind::l1_paid:
      if (!s.with_da || (r.flags != static_cast<std::uint16_t>(protocols::L1TxKind::batch) &&
                         r.flags != static_cast<std::uint16_t>(protocols::L1TxKind::commit))) {
        break;
      }
      m.da_fees += static_cast<std::int64_t>(r.a);
      m.da_bytes += static_cast<std::int64_t>(r.b);
      break;
    case RecordKind::da_sent: ++m.da_sent; break;
    case RecordKind::da_posted: ++m.da_posted; break;
    case RecordKind::da_block:
      if (s.roster.knows(r.node)) s.on_da_block(r.height, r.at);  // an older core numbers for itself
      break;
    case RecordKind::da_unposted:
      if (m.da_posted != 0) --m.da_posted;
      if (!s.roster.knows(r.node)) break;
      for (std::uint64_t h = r.height; h < r.height + r.round; ++h) {
        const auto copies = s.da_copies.find(h);
        if (copies != s.da_copies.end() && copies->second > 0) --copies->second;
      }
      break;
    case RecordKind::da_confirmed: ++m.da_confirmed; break;
    case RecordKind::forced_sent:
      if (s.forced_waiting.try_emplace(r.id(), r.at).second) ++m.forced_sent;
      break;
    case RecordKind::forced_done:
      if (const auto sent = s.forced_waiting.find(r.id()); sent != s.forced_waiting.end() && s.roster.honest(r.node)) {
        ++m.forced_done;
        m.forced_latency.add(ns(r.at - sent->second));
        s.forced_waiting.erase(sent);
      }
      break;
    default:
      break;
  }
}

Metrics MetricsObserver::finish() const {
  const State& s = *state_;
  Metrics out = s.metrics;
  out.evidence = s.offences.size();
  bool any = false;
  for (std::uint32_t i = 0; i < s.roster.size(); ++i) {
    const NodeId node{i};
    if (!s.roster.honest(node)) continue;
    const std::uint64_t height = s.last_commit[i].height;
    out.commits_max = std::max(out.commits_max, height);
    if (!s.roster.up(node)) continue;
    out.commits_min = any ? std::min(out.commits_min, height) : height;
    any = true;
  }
  return out;
}

}  // namespace seqlab::scenarios
