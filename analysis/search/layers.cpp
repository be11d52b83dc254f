#include "analysis/search/layers.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <deque>
#include <initializer_list>

#include "protocols/derivation/settlement.hpp"
#include "protocols/types/external.hpp"

namespace seqlab::analysis {

namespace {

using protocols::ForcedOptions;
using protocols::ForcedStatus;
using protocols::HeadKind;
using scenarios::Scenario;
using sim::Record;
using sim::RecordKind;

/// So many blocks of layer 1 later nobody speaks of it any more.
constexpr std::uint64_t memory_blocks = 16;
/// Of what is under way; more than a sound run ever has.
constexpr std::size_t open_max = 256;

/// 0, 1, 2, 3 (to 4), 4 (to 8), 5 (to 16) ... at most `cap`.
constexpr std::uint64_t size_class(std::uint64_t n, std::uint64_t cap) {
  const std::uint64_t c = n <= 2 ? n : static_cast<std::uint64_t>(std::bit_width(n - 1)) + 1;
  return std::min(c, cap);
}
/// None, one, more.
constexpr std::uint64_t few(std::uint64_t n) { return std::min<std::uint64_t>(n, 2); }
constexpr std::uint64_t apart(std::uint64_t high, std::uint64_t low) { return high > low ? high - low : 0; }

std::uint64_t mixed(std::initializer_list<std::uint64_t> fields) {
  std::uint64_t h = 0x5eed;
  for (const std::uint64_t f : fields) h = mix(h, f);
  return h;
}

/// The tip of the chain itself, as everybody here counts time.
class Clock {
 public:
  static sim::KindMask kinds() { return sim::mask_of(RecordKind::l1_mined); }
  /// @pre  a record of these kinds
  void see(const Record& r) {
    if (r.flags == 0) tip_ = r.height;
  }
  std::uint64_t tip() const { return tip_; }
  /// Whether something at that height of layer 1 is still spoken of. 0: it never was.
  bool remembers(std::uint64_t height) const { return height != 0 && tip_ <= height + memory_blocks; }

 private:
  std::uint64_t tip_ = 0;
};

// ---- layer 1 --------------------------------------------------------------------------------------------------------

/// Forks and how deep they went, how far views are behind the chain and from each other, what authors wait for and
/// what it costs.
class Layer1 final : public LayerCoverage {
 public:
  explicit Layer1(const Scenario& s) : views_(scenarios::machine_count(s)), authors_(views_.size()) {}

  std::uint64_t aims() const override {
    return goal_mask(Goal::views_went_back, Goal::views_differ, Goal::dear, Goal::excluded, Goal::replaced);
  }
  sim::KindMask kinds() const override {
    return Clock::kinds() | sim::mask_of(RecordKind::l1_reorged, RecordKind::l1_final, RecordKind::l1_seen,
                                         RecordKind::l1_sent, RecordKind::l1_included, RecordKind::l1_excluded,
                                         RecordKind::l1_paid);
  }

  bool on_record(const Record& r) override {
    switch (r.kind) {
      case RecordKind::l1_mined:
        clock_.see(r);
        if (r.flags != 0) {
          rival_ = r.height;
        } else {
          chain_[r.height % chain_.size()] = r.id();
        }
        return true;
      case RecordKind::l1_reorged:
        reorged_ = r.height;
        depth_ = clock_.remembers(reorged_) ? std::max<std::uint64_t>(depth_, r.round) : r.round;
        deepest_ = std::max<std::uint64_t>(deepest_, r.round);
        return true;
      case RecordKind::l1_final: final_ = r.height; return true;
      case RecordKind::l1_seen:
        if (r.node.value >= views_.size()) return false;
        views_[r.node.value] = {r.height, r.id(), r.round};
        if (r.round != 0) reach(Goal::views_went_back);
        return true;
      case RecordKind::l1_sent:
      case RecordKind::l1_included:
      case RecordKind::l1_excluded:
        return r.node.value < authors_.size() && on_transaction(r);
      default: {
        // A price in classes of twice the least one.
        if (static_cast<std::int64_t>(r.b) <= 0) return false;  // below 0: a fork took it back
        const std::uint64_t price = std::max<std::uint64_t>(r.a / r.b, 1);
        price_least_ = price_least_ == 0 ? price : std::min(price_least_, price);
        const auto steep = static_cast<std::uint64_t>(std::bit_width(price / price_least_)) - 1;
        const std::uint64_t before = std::exchange(steep_, std::min<std::uint64_t>(steep, 6));
        if (steep_ >= 3) reach(Goal::dear);
        return before != steep_;
      }
    }
  }

  std::uint64_t state() override {
    sum_up();
    const std::uint64_t depth = clock_.remembers(reorged_) ? size_class(depth_, 5) : 0;
    const std::uint64_t rival = rival_ != 0 && rival_ + 2 >= clock_.tip() ? 1 : 0;
    const std::uint64_t open = size_class(apart(clock_.tip(), final_), 8);
    std::uint64_t h = mixed({depth, rival, open, steep_, off_, hidden_, late_, gave_up_});
    for (const std::uint64_t a : waiting_) h = mix(h, a);
    return h;
  }

  std::uint8_t gist() const override {
    const std::uint64_t depth = clock_.remembers(reorged_) ? std::min<std::uint64_t>(size_class(depth_, 3), 3) : 0;
    return static_cast<std::uint8_t>(depth | (off_ != 0 ? 4U : 0U) | (hidden_ != 0 ? 8U : 0U) |
                                     (steep_ >= 3 ? 16U : 0U) | (taken_back_ ? 32U : 0U));
  }

  std::uint32_t nearness() const override { return static_cast<std::uint32_t>(size_class(deepest_, 5)); }

 private:
  struct View {
    std::uint64_t height = 0;
    Hash128 id{};
    std::uint64_t gave_up = 0;
  };
  struct Sent {
    Hash128 id;
    std::uint64_t nonce = 0;
    bool included = false;
    bool excluded = false;  // it was in a block
  };

  bool on_transaction(const Record& r) {
    std::vector<Sent>& sent = authors_[r.node.value];
    const auto at = std::ranges::find(sent, r.id(), &Sent::id);
    if (r.kind == RecordKind::l1_sent) {
      if (at != sent.end()) return false;
      if (sent.size() >= open_max) sent.erase(sent.begin());
      sent.push_back({r.id(), r.height, false, false});
      return true;
    }
    if (at == sent.end()) return false;
    at->included = r.kind == RecordKind::l1_included;
    at->excluded = !at->included;
    if (at->excluded) reach(Goal::excluded);
    // What can no longer be taken back, as far as it matters here.
    if (at->included && sent.size() > memory_blocks && sent.front().included) sent.erase(sent.begin());
    return true;
  }

  void sum_up() {
    std::uint64_t off = 0, hidden = 0, late = 0, gave_up = 0;
    for (const View& v : views_) {
      const std::uint64_t behind = apart(clock_.tip(), v.height);
      if (behind < chain_.size() && v.height != 0 && chain_[v.height % chain_.size()] != v.id) ++off;
      if (behind > 8) ++hidden;
      if (behind >= 2 && behind <= 8) ++late;
      gave_up = std::max(gave_up, v.gave_up);
    }
    off_ = few(off);
    if (off_ != 0) reach(Goal::views_differ);
    hidden_ = few(hidden);
    late_ = few(late);
    gave_up_ = size_class(gave_up, 4);

    waiting_.clear();
    taken_back_ = false;
    for (const std::vector<Sent>& sent : authors_) {
      std::uint64_t open = 0, back = 0, again = 0, gaps = 0, last = 0;
      bool first = true;
      for (const Sent& s : sent) {
        if (s.included) continue;
        ++open;
        back += s.excluded ? 1U : 0U;
        if (!first && s.nonce == last) ++again;
        if (!first && s.nonce > last + 1) ++gaps;
        last = s.nonce;
        first = false;
      }
      taken_back_ |= back != 0;
      if (again != 0) reach(Goal::replaced);
      if (open != 0) waiting_.push_back(mixed({size_class(open, 4), few(back), few(again), few(gaps)}));
    }
    // Many authors in the same place are as good as two.
    std::ranges::sort(waiting_);
    std::size_t kept = 0;
    for (std::size_t i = 0; i < waiting_.size(); ++i) {
      if (kept >= 2 && waiting_[kept - 1] == waiting_[i] && waiting_[kept - 2] == waiting_[i]) continue;
      waiting_[kept++] = waiting_[i];
    }
    waiting_.resize(kept);
  }

  Clock clock_;
  std::array<Hash128, 64> chain_{};         // by height, the latest ones
  std::vector<View> views_;                 // by machine
  std::vector<std::vector<Sent>> authors_;  // by machine: what is not in a block, or lately
  std::uint64_t rival_ = 0, reorged_ = 0, depth_ = 0, deepest_ = 0, final_ = 0;
  std::uint64_t price_least_ = 0, steep_ = 0;
  // As of the last `state`:
  std::uint64_t off_ = 0, hidden_ = 0, late_ = 0, gave_up_ = 0;
  std::vector<std::uint64_t> waiting_;
  bool taken_back_ = false;
};

// ---- forced items ---------------------------------------------------------------------------------------------------

/// In blocks of layer 1, what an item may wait: the measure of ages, no rule.
std::uint64_t patience_of(const ForcedOptions& o) {
  if (o.policy == "delayed_inbox") return o.delayed_inbox.delay_blocks;
  if (o.policy == "due_queue") return o.due_queue.due_blocks;
  if (o.policy == "citrea_queue") return o.citrea_queue.cut_off;
  if (o.policy == "deposits") return 4 * (o.deposits.confirmations + std::uint64_t{1});
  return 2 * (o.arweave_sync.depth + std::uint64_t{1});
}

/// How long the queue is and how old its oldest item, against what it may wait; how items were done, in which order and
/// how many at once; whether nodes agree on how many.
class Forced final : public LayerCoverage {
 public:
  explicit Forced(const Scenario& s)
      : patience_(std::max<std::uint64_t>(patience_of(s.design.forced), 4)), done_(scenarios::machine_count(s)) {}

  std::uint64_t aims() const override {
    return goal_mask(Goal::item_waited, Goal::item_put_off);
  }
  sim::KindMask kinds() const override {
    return Clock::kinds() | sim::mask_of(RecordKind::forced_posted, RecordKind::forced_done, RecordKind::force_called,
                                         RecordKind::l1_excluded);
  }

  bool on_record(const Record& r) override {
    switch (r.kind) {
      case RecordKind::l1_mined:
        clock_.see(r);
        if (age() > 2) reach(Goal::item_waited);
        return !queue_.empty();
      case RecordKind::l1_excluded: {
        const auto at = std::ranges::find(queue_, r.id(), &Item::id);
        if (at == queue_.end()) return false;
        queue_.erase(at);
        taken_back_ = clock_.tip();
        return true;
      }
      case RecordKind::forced_posted:
        if (queue_.size() < open_max) queue_.push_back({r.id(), r.height});
        return true;
      case RecordKind::force_called: called_ = r.flags != 0 ? 2 : 1; return true;
      default: break;
    }
    if (r.node.value >= done_.size()) return false;
    const auto status = static_cast<ForcedStatus>(r.detail);
    if (status != ForcedStatus::deferred) ++done_[r.node.value];
    // The first node that says so; the others say the same.
    if (r.height < last_height_ || (r.height == last_height_ && r.node != last_node_)) return true;
    at_once_ = r.height == last_height_ ? at_once_ + 1 : 1;
    last_height_ = r.height;
    last_node_ = r.node;
    statuses_ = (statuses_ << 3U | (r.detail & 7U)) & 0777U;
    if (status == ForcedStatus::deferred) {
      reach(Goal::item_put_off);
      return true;
    }
    const auto at = std::ranges::find(queue_, r.id(), &Item::id);
    if (at == queue_.end()) return true;
    if (at != queue_.begin()) overtaken_ = clock_.tip();
    queue_.erase(at);
    return true;
  }

  std::uint64_t state() override {
    const auto most = std::ranges::max_element(done_);
    const std::uint64_t spread = *most - *std::ranges::min_element(done_);
    return mixed({size_class(queue_.size(), 6), age(), statuses_, size_class(at_once_, 5), called_,
                  size_class(spread, 3), clock_.remembers(overtaken_) ? 1U : 0U,
                  clock_.remembers(taken_back_) ? 1U : 0U});
  }

  std::uint8_t gist() const override {
    return static_cast<std::uint8_t>(std::min<std::uint64_t>(age(), 7) | (clock_.remembers(taken_back_) ? 8U : 0U) |
                                     (queue_.size() > 2 ? 16U : 0U));
  }

  std::uint32_t nearness() const override { return static_cast<std::uint32_t>(2 * age()); }

 private:
  struct Item {
    Hash128 id;
    std::uint64_t height = 0;  // of layer 1
  };
  /// Of the oldest item: 0 nothing waits, then by quarters of what it may, at most twice that.
  std::uint64_t age() const {
    if (queue_.empty()) return 0;
    return 1 + std::min<std::uint64_t>(4 * apart(clock_.tip(), queue_.front().height) / patience_, 8);
  }

  std::uint64_t patience_;
  Clock clock_;
  std::deque<Item> queue_;          // on layer 1 and not done anywhere
  std::vector<std::uint64_t> done_; // by machine
  std::uint64_t last_height_ = 0;
  NodeId last_node_{no_node};
  std::uint64_t at_once_ = 0, called_ = 0, overtaken_ = 0, taken_back_ = 0;
  std::uint64_t statuses_ = 0;      // the last three
};

// ---- writers --------------------------------------------------------------------------------------------------------

/// What each writer has under way, from its journal to its confirmation; whose turn it is and who writes; how far what
/// can be read on layer 1 is behind what is final, and whether it has copies or gaps.
class Writing final : public LayerCoverage {
 public:
  explicit Writing(const Scenario& s) : writers_(scenarios::machine_count(s)) {}

  std::uint64_t aims() const override {
    return goal_mask(Goal::written_twice, Goal::written_ahead, Goal::writer_lost);
  }
  sim::KindMask kinds() const override {
    return Clock::kinds() | sim::mask_of(RecordKind::da_turn, RecordKind::da_prepared, RecordKind::da_sent,
                                         RecordKind::da_posted, RecordKind::da_unposted, RecordKind::da_confirmed,
                                         RecordKind::da_receipt, RecordKind::da_backlog, RecordKind::da_service,
                                         RecordKind::da_settled, RecordKind::node_crashed, RecordKind::node_started,
                                         RecordKind::committed);
  }

  bool on_record(const Record& r) override {
    switch (r.kind) {
      case RecordKind::l1_mined: clock_.see(r); return true;
      case RecordKind::da_service: down_ = r.flags != 0; return true;
      case RecordKind::da_settled: outcomes_ = (outcomes_ << 2U | (r.flags & 3U)) & 0xffU; return true;
      default: break;
    }
    if (r.node.value >= writers_.size()) return false;
    Writer& w = writers_[r.node.value];
    switch (r.kind) {
      case RecordKind::committed:
        if (r.detail == static_cast<std::uint8_t>(sim::CommitLevel::final)) final_ = std::max(final_, r.height);
        return false;  // every block would be a state of its own
      case RecordKind::node_started: w.up = true; return w.writes;
      case RecordKind::node_crashed:
        w.up = false;
        if (w.writes) ++crashes_;
        if (!w.open.empty()) reach(Goal::writer_lost);
        return w.writes;
      case RecordKind::da_turn: holder_ = r.node; return true;
      case RecordKind::da_backlog: w.closed = r.flags != 0; return true;
      default: break;
    }
    w.writes = true;
    const std::uint64_t last = r.height + r.round - (r.round == 0 ? 0 : 1);
    auto at = std::ranges::find(w.open, r.id(), &Batch::id);
    if (at == w.open.end()) {
      if (w.open.size() >= open_max) w.open.erase(w.open.begin());
      w.open.push_back({r.id()});
      at = w.open.end() - 1;
    }
    switch (r.kind) {
      case RecordKind::da_prepared: at->stage = prepared; break;
      case RecordKind::da_sent:
        if (at->stage == prepared) at->stage = sent;
        at->attempt = std::max<std::uint64_t>(at->attempt, r.flags);
        ++at->times;
        stranger_ = holder_ != no_node && holder_ != r.node;
        break;
      case RecordKind::da_receipt: at->receipt = true; break;
      case RecordKind::da_posted:
        at->stage = posted;
        if (last <= readable_) {
          copied_ = clock_.tip();
          reach(Goal::written_twice);
        }
        if (r.height > readable_ + 1) {
          gap_ = clock_.tip();
          reach(Goal::written_ahead);
        }
        if (r.height <= readable_ + 1) readable_ = std::max(readable_, last);
        break;
      case RecordKind::da_unposted:
        at->stage = taken_back;
        readable_ = std::min(readable_, r.height - std::min<std::uint64_t>(r.height, 1));
        unposted_ = clock_.tip();
        break;
      default: w.open.erase(at); break;  // confirmed
    }
    return true;
  }

  std::uint64_t state() override {
    scratch_.clear();
    for (std::size_t i = 0; i < writers_.size(); ++i) {
      const Writer& w = writers_[i];
      if (!w.writes && holder_.value != i) continue;
      std::array<std::uint64_t, 4> stages{};
      std::uint64_t attempts = 0, again = 0, receipts = 0;
      for (const Batch& b : w.open) {
        ++stages[b.stage];
        attempts = std::max(attempts, b.attempt);
        again += b.times > 1 ? 1U : 0U;
        receipts += b.receipt && b.stage != posted ? 1U : 0U;
      }
      scratch_.push_back(mixed({w.up ? 1U : 0U, w.closed ? 1U : 0U, holder_.value == i ? 1U : 0U,
                                few(stages[prepared]), size_class(stages[sent], 4), size_class(stages[posted], 5),
                                few(stages[taken_back]), size_class(attempts, 4), few(again), few(receipts)}));
    }
    std::ranges::sort(scratch_);
    std::uint64_t h = mixed({size_class(apart(final_, readable_), 9), down_ ? 1U : 0U, outcomes_,
                             stranger_ ? 1U : 0U, clock_.remembers(copied_) ? 1U : 0U, clock_.remembers(gap_) ? 1U : 0U,
                             clock_.remembers(unposted_) ? 1U : 0U});
    for (const std::uint64_t w : scratch_) h = mix(h, w);
    return h;
  }

  std::uint8_t gist() const override {
    const bool off = std::ranges::any_of(writers_, [](const Writer& w) { return w.writes && !w.up; });
    return static_cast<std::uint8_t>((off ? 1U : 0U) | (down_ ? 2U : 0U) | (clock_.remembers(copied_) ? 4U : 0U) |
                                     (clock_.remembers(unposted_) ? 8U : 0U) | (stranger_ ? 16U : 0U) |
                                     (clock_.remembers(gap_) ? 32U : 0U));
  }

  std::uint32_t nearness() const override {
    return static_cast<std::uint32_t>(few(crashes_) + (copied_ != 0 ? 4U : 0U) + (gap_ != 0 ? 8U : 0U) +
                                      (unposted_ != 0 ? 2U : 0U));
  }

 private:
  enum Stage : std::uint8_t { prepared, sent, posted, taken_back };
  struct Batch {
    Hash128 id;
    Stage stage = prepared;
    bool receipt = false;
    std::uint64_t attempt = 0;
    std::uint64_t times = 0;  // sent
  };
  struct Writer {
    bool up = true;
    bool writes = false;  // ever
    bool closed = false;
    std::vector<Batch> open;
  };

  Clock clock_;
  std::vector<Writer> writers_;  // by machine
  NodeId holder_{no_node};
  bool down_ = false, stranger_ = false;
  std::uint64_t outcomes_ = 0;   // of the last four turns
  std::uint64_t final_ = 0, readable_ = 0, crashes_ = 0;
  std::uint64_t copied_ = 0, gap_ = 0, unposted_ = 0;
  std::vector<std::uint64_t> scratch_;
};

// ---- heads ----------------------------------------------------------------------------------------------------------

/// How far each reader's heads are apart and which of them went back, what it had to make up; what was promised and
/// proven, and does not count yet.
class Heads final : public LayerCoverage {
 public:
  explicit Heads(const Scenario& s) : readers_(scenarios::machine_count(s)), unit_(1) {
    if (s.design.settlement.policy == protocols::SettlementOptions::Policy::proofs) {
      unit_ = std::max<std::uint64_t>(s.design.settlement.commitment_blocks, 1);
    }
  }

  std::uint64_t aims() const override {
    return goal_mask(Goal::head_went_back, Goal::made_up);
  }
  sim::KindMask kinds() const override {
    return Clock::kinds() | sim::mask_of(RecordKind::head, RecordKind::derived, RecordKind::halted,
                                         RecordKind::commitment, RecordKind::proof, RecordKind::committed,
                                         RecordKind::node_crashed, RecordKind::node_started);
  }

  bool on_record(const Record& r) override {
    if (r.kind == RecordKind::l1_mined) {
      clock_.see(r);
      return false;
    }
    if (r.node.value >= readers_.size()) return false;
    Reader& reader = readers_[r.node.value];
    switch (r.kind) {
      case RecordKind::committed:
        if (r.detail == static_cast<std::uint8_t>(sim::CommitLevel::final)) ordered_ = std::max(ordered_, r.height);
        return false;
      case RecordKind::node_started: reader.up = true; return reader.reads;
      case RecordKind::node_crashed: reader.up = false; return reader.reads;
      case RecordKind::halted: reader.halted = true; return true;
      case RecordKind::derived:
        if (r.flags == 0) return false;
        reader.empty = clock_.tip();
        reach(Goal::made_up);
        return true;
      case RecordKind::head: {
        if (r.detail >= reader.heads.size()) return false;
        reader.reads = true;
        std::uint64_t& head = reader.heads[r.detail];
        if (r.flags != 0) {
          reader.back = clock_.tip();
          reader.back_by = size_class(apart(head, r.height) / unit_, 6);
          reader.back_kind = r.detail;
          ++backs_;
          reach(Goal::head_went_back);
        }
        head = r.height;
        return true;
      }
      default: break;
    }
    Chain& chain = r.kind == RecordKind::proof ? proofs_ : commitments_;
    if (static_cast<protocols::CommitmentStage>(r.flags) == protocols::CommitmentStage::accepted) {
      chain.accepted = std::max(chain.accepted, r.round + std::uint64_t{1});
    } else {
      if (r.round < chain.sent) chain.again = clock_.tip();
      if (chain.author != no_node && chain.author != r.node) chain.other = clock_.tip();
      chain.author = r.node;
      chain.sent = std::max(chain.sent, r.round + std::uint64_t{1});
    }
    return true;
  }

  std::uint64_t state() override {
    scratch_.clear();
    std::uint64_t low = ~std::uint64_t{0};
    std::uint64_t high = 0;
    for (const Reader& r : readers_) {
      if (!r.reads) continue;
      const std::uint64_t committed = r.heads[static_cast<std::size_t>(HeadKind::committed)];
      const std::uint64_t settled = r.heads[static_cast<std::size_t>(HeadKind::settled)];
      low = std::min(low, committed);
      high = std::max(high, committed);
      const bool back = clock_.remembers(r.back);
      scratch_.push_back(mixed({r.up ? 1U : 0U, r.halted ? 1U : 0U, size_class(apart(ordered_, committed) / unit_, 9),
                                size_class(apart(committed, settled) / unit_, 9), back ? r.back_by + 1 : 0,
                                back ? r.back_kind : 0, clock_.remembers(r.empty) ? 1U : 0U}));
    }
    std::ranges::sort(scratch_);
    std::uint64_t h = mixed({size_class(apart(high, low) / unit_, 6), chain_state(commitments_), chain_state(proofs_)});
    for (const std::uint64_t r : scratch_) h = mix(h, r);
    return h;
  }

  std::uint8_t gist() const override {
    const auto any = [this](auto&& holds) { return std::ranges::any_of(readers_, holds); };
    return static_cast<std::uint8_t>(
        (any([](const Reader& r) { return r.reads && !r.up; }) ? 1U : 0U) |
        (any([](const Reader& r) { return r.halted; }) ? 2U : 0U) |
        (any([this](const Reader& r) { return clock_.remembers(r.back); }) ? 4U : 0U) |
        (any([this](const Reader& r) { return clock_.remembers(r.empty); }) ? 8U : 0U) |
        (clock_.remembers(commitments_.other) || clock_.remembers(proofs_.other) ? 16U : 0U));
  }

  std::uint32_t nearness() const override { return static_cast<std::uint32_t>(2 * size_class(backs_, 5)); }

 private:
  struct Reader {
    bool up = true;
    bool reads = false;  // ever
    bool halted = false;
    std::array<std::uint64_t, 4> heads{};  // by HeadKind
    std::uint64_t back = 0, back_by = 0, back_kind = 0, empty = 0;
  };
  struct Chain {
    std::uint64_t sent = 0, accepted = 0, again = 0, other = 0;
    NodeId author{no_node};
  };
  std::uint64_t chain_state(const Chain& c) const {
    return mixed({size_class(apart(c.sent, c.accepted), 3), c.accepted == 0 ? 0U : 1U,
                  clock_.remembers(c.again) ? 1U : 0U, clock_.remembers(c.other) ? 1U : 0U});
  }

  Clock clock_;
  std::vector<Reader> readers_;  // by machine
  std::uint64_t unit_;           // blocks that go together
  std::uint64_t ordered_ = 0, backs_ = 0;
  Chain commitments_, proofs_;
  std::vector<std::uint64_t> scratch_;
};

// ---- a cut-over -----------------------------------------------------------------------------------------------------

/// How far the cut-over is, in which of its phases machines were lost, how much each core promised and turned away.
class CutOver final : public LayerCoverage {
 public:
  explicit CutOver(const Scenario& s)
      : up_(scenarios::machine_count(s), true), old_takes_over_(scenarios::migrates_back(s)) {}

  std::uint64_t aims() const override {
    return goal_mask(Goal::lost_in_cut_over, Goal::rolled_back);
  }
  sim::KindMask kinds() const override {
    return sim::mask_of(RecordKind::core_stopped, RecordKind::core_exported, RecordKind::core_started,
                        RecordKind::core_rolled_back, RecordKind::tx_accepted, RecordKind::tx_redirected,
                        RecordKind::node_crashed, RecordKind::node_started, RecordKind::committed);
  }

  bool on_record(const Record& r) override {
    switch (r.kind) {
      case RecordKind::core_stopped: return enter(stopped);
      case RecordKind::core_exported: return enter(exported);
      case RecordKind::core_started: return enter(started);
      case RecordKind::core_rolled_back: reach(Goal::rolled_back); return enter(rolled_back);
      case RecordKind::tx_accepted: return count(accepted_[r.detail == protocols::old_core ? 0 : 1]);
      case RecordKind::tx_redirected: return count(redirected_[r.detail == protocols::old_core ? 0 : 1]);
      case RecordKind::node_crashed:
      case RecordKind::node_started: {
        if (r.node.value >= up_.size()) return false;
        const bool up = r.kind == RecordKind::node_started;
        const bool old = r.node.value + 1 == up_.size();
        up_[r.node.value] = up;
        if (!up) crashed_ |= 1U << (2U * phase_ + (old ? 1U : 0U));
        // Those that hand over are switched off by their operators.
        const bool between = phase_ == stopped || phase_ == exported;
        if (!up && between && old == old_takes_over_) reach(Goal::lost_in_cut_over);
        return true;
      }
      default: {
        const std::uint64_t before = blocks_;
        blocks_ = std::max(blocks_, size_class(r.height, 5));
        return blocks_ != before;
      }
    }
  }

  std::uint64_t state() override {
    const auto committee_down = static_cast<std::uint64_t>(std::count(up_.begin(), up_.end() - 1, false));
    std::uint64_t h = mixed({phase_, crashed_, size_class(committee_down, 3), up_.back() ? 1U : 0U, blocks_});
    for (std::size_t core = 0; core < 2; ++core) {
      h = mix(mix(h, size_class(accepted_[core], 6)), size_class(redirected_[core], 6));
    }
    return h;
  }

  std::uint8_t gist() const override {
    return static_cast<std::uint8_t>(phase_ | (up_.back() ? 0U : 8U) | (blocks_ != 0 ? 16U : 0U) |
                                     ((crashed_ & 0xfcU) != 0 ? 32U : 0U));
  }

  std::uint32_t nearness() const override {
    return static_cast<std::uint32_t>(2 * std::popcount(crashed_ & ~std::uint64_t{3}) +
                                      (phase_ == rolled_back ? 4 : 0));
  }

 private:
  enum Phase : std::uint8_t { before, stopped, exported, started, rolled_back };
  bool enter(Phase phase) {
    phase_ = phase;
    accepted_ = {};
    redirected_ = {};
    return true;
  }
  /// In this phase. @return whether the class of the count is another one
  static bool count(std::uint64_t& n) {
    ++n;
    return size_class(n, 6) != size_class(n - 1, 6);
  }

  std::vector<bool> up_;  // by machine; the last one is the old core
  bool old_takes_over_;   // the way back
  std::uint64_t phase_ = before;
  std::uint64_t crashed_ = 0;  // two bits a phase: somebody of the committee, the old core
  std::uint64_t blocks_ = 0;   // class of the new core's height
  std::array<std::uint64_t, 2> accepted_{}, redirected_{};  // by core
};

// ---- sort keys ------------------------------------------------------------------------------------------------------

/// How blocks of items with keys look: how many items of layer 1 and of the rollup, in which order, how far the L1
/// height went, and whether items have a previous one.
class SortKeyed final : public LayerCoverage {
 public:
  explicit SortKeyed(const Scenario&) {}
  std::uint64_t aims() const override { return 0; }
  sim::KindMask kinds() const override { return sim::mask_of(RecordKind::keyed, RecordKind::key_linked); }

  bool on_record(const Record& r) override {
    // Every node says the same of a block: the first one is enough.
    if (r.height < height_ || (r.height == height_ && r.node != node_)) return false;
    if (r.kind == RecordKind::key_linked) {
      (r.flags != 0 ? linked_ : first_) += 1;
      return false;
    }
    const bool whole = r.height != height_;
    if (whole) {
      said_ = mixed({size_class(l1_, 4), size_class(own_, 4), few(turns_), size_class(jump_, 4), few(linked_),
                     few(first_)});
      mixed_ = l1_ != 0 && own_ != 0;
      height_ = r.height;
      node_ = r.node;
      l1_ = own_ = turns_ = linked_ = first_ = jump_ = 0;
    }
    const bool from_l1 = r.detail == 1;
    if (l1_ + own_ != 0 && from_l1 != last_from_l1_) ++turns_;
    last_from_l1_ = from_l1;
    (from_l1 ? l1_ : own_) += 1;
    jump_ = std::max(jump_, l1_height_ == 0 ? 0 : apart(r.a, l1_height_));
    l1_height_ = r.a;
    return whole;
  }

  std::uint64_t state() override { return said_; }
  std::uint8_t gist() const override { return mixed_ ? 1 : 0; }
  std::uint32_t nearness() const override { return 0; }

 private:
  std::uint64_t height_ = 0;
  NodeId node_{no_node};
  std::uint64_t l1_ = 0, own_ = 0, turns_ = 0, linked_ = 0, first_ = 0, jump_ = 0, l1_height_ = 0;
  bool last_from_l1_ = false;
  bool mixed_ = false;      // of the last whole block
  std::uint64_t said_ = 0;  // likewise
};

}  // namespace

std::vector<std::unique_ptr<LayerCoverage>> layers_of(const Scenario& s) {
  std::vector<std::unique_ptr<LayerCoverage>> out;
  if (s.design.l1 != "none") out.push_back(std::make_unique<Layer1>(s));
  if (s.design.forced.policy != "none") out.push_back(std::make_unique<Forced>(s));
  if (s.design.relay.policy != "none") out.push_back(std::make_unique<Writing>(s));
  if (s.design.settlement.policy != protocols::SettlementOptions::Policy::none) {
    out.push_back(std::make_unique<Heads>(s));
  }
  if (scenarios::migrates(s)) out.push_back(std::make_unique<CutOver>(s));
  if (s.design.sort_keys) out.push_back(std::make_unique<SortKeyed>(s));
  return out;
}

}  // namespace seqlab::analysis
