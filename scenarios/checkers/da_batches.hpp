// What a DA writer may never do, batch by batch (R2, R3, R4, R6 and finality): written from the records, not from any
// relayer's code. Corrupt nodes and those that lost their disk promise nothing.
#pragma once

#include <deque>
#include <vector>

#include "scenarios/checkers/checker.hpp"
#include "scenarios/checkers/roster.hpp"

namespace seqlab::scenarios {

/// A value by rollup height, for the last so many heights. Memory is flat.
template <class T>
class ByHeight {
 public:
  static constexpr std::size_t kept = 100'000;
  T* at(std::uint64_t height) {
    if (height < first_) return nullptr;
    if (height - first_ >= 4 * kept) return nullptr;  // absurd
    while (first_ + values_.size() <= height) values_.emplace_back();
    while (values_.size() > kept) {
      values_.pop_front();
      ++first_;
    }
    return height < first_ ? nullptr : &values_[height - first_];
  }

 private:
  std::uint64_t first_ = 1;
  std::deque<T> values_;
};

/// R3: no block is written before all blocks below it, whoever writes; nothing is left out.
class DaOrder final : public Checker {
 public:
  explicit DaOrder(const CheckerContext& context);
  std::string_view name() const override { return "da_order"; }
  sim::KindMask kinds() const override {
    return Roster::kinds() | sim::mask_of(RecordKind::da_sent, RecordKind::da_posted);
  }
  void on_record(const Record& record) override;

 private:
  bool own_copies_;
  Roster roster_;
  std::vector<std::uint64_t> end_;  ///< by node where each writes everything, else one for all
};

/// What is written was final at the writer's node before, and is what the honest nodes committed.
class DaFinal final : public Checker {
 public:
  explicit DaFinal(const CheckerContext& context) : roster_(context.node_count) {}
  std::string_view name() const override { return "da_final"; }
  sim::KindMask kinds() const override {
    return Roster::kinds() | sim::mask_of(RecordKind::da_sent, RecordKind::da_block);
  }
  void on_record(const Record& record) override;

 private:
  Roster roster_;
  ByHeight<Hash128> committed_;
};

/// R2: with a journal, a node does not send a block in a second submission while the first may still arrive.
class DaOnce final : public Checker {
 public:
  explicit DaOnce(const CheckerContext& context);
  std::string_view name() const override { return "da_once"; }
  sim::KindMask kinds() const override {
    return Roster::kinds() | sim::mask_of(RecordKind::da_sent, RecordKind::da_unposted);
  }
  void on_record(const Record& record) override;

 private:
  struct Sent {
    NodeId node{no_node};
    bool lost = false;
    Hash128 id;
    SimTime since{};
  };
  Roster roster_;
  Duration lost_after_;
  ByHeight<std::vector<Sent>> sent_;  ///< one a node that sent it; nearly always one
};

/// R4, R6: a writer is done with a batch only when all of it can be read on layer 1. A receipt is not enough.
class DaConfirmed final : public Checker {
 public:
  explicit DaConfirmed(const CheckerContext& context) : roster_(context.node_count) {}
  std::string_view name() const override { return "da_confirmed"; }
  sim::KindMask kinds() const override {
    return Roster::kinds() | sim::mask_of(RecordKind::da_posted, RecordKind::da_unposted, RecordKind::da_confirmed);
  }
  void on_record(const Record& record) override;

 private:
  Roster roster_;
  ByHeight<std::uint32_t> copies_;
};

}  // namespace seqlab::scenarios
