// What DA writers owe (R1, R5, R7, R10): everything gets to layer 1 in time, turns are paid for what they wrote, and a
// node whose blocks nobody writes takes nothing new. Written from the records, not from any relayer's code.
#pragma once

#include <deque>
#include <map>
#include <vector>

#include "scenarios/checkers/checker.hpp"
#include "scenarios/checkers/roster.hpp"

namespace seqlab::scenarios {

/// R1: what is final can be read on layer 1 within a bound, counted in L1 blocks that a running relayer has seen since
/// it was final at one of them and since the last trouble. No time passes while layer 1 stands still, no relayer runs,
/// or something is in the way that a relayer cannot help: a bundler that is down, loses or delays; a price beyond the
/// usual; miners who leave data out.
class DaComplete final : public Checker {
 public:
  explicit DaComplete(const CheckerContext& context);
  std::string_view name() const override { return "da_complete"; }
  sim::KindMask kinds() const override;
  void on_record(const Record& record) override;

 private:
  struct Waiting {
    std::uint64_t height = 0;
    std::uint64_t due = 0;
  };
  void judge(SimTime at);

  std::uint64_t bound_;
  Roster roster_;
  std::vector<NodeId> relayers_;
  std::vector<std::uint64_t> seen_;    ///< by relayer: L1 heads while it was up
  std::vector<bool> up_;               ///< likewise
  std::uint64_t clock_ = 0;            ///< the most of them
  std::uint64_t due_min_ = 0;          ///< nothing is due before: since the last trouble
  std::uint32_t in_the_way_ = 0;       ///< troubles that have not ended
  std::uint64_t known_ = 0;            ///< heights up to it wait or are done
  std::deque<Waiting> waiting_;        ///< by height
  std::map<std::uint64_t, std::uint32_t> copies_;  ///< of the heights from the first that waits on
  std::map<std::uint64_t, std::uint64_t> again_;   ///< heights that were taken back: when they are due
  bool reported_ = false;
};

/// R5, R7: a turn is paid for what its relayer wrote in it and nothing else; it is excused if the bundler was down, and
/// only then.
class DaTurns final : public Checker {
 public:
  explicit DaTurns(const CheckerContext& context);
  std::string_view name() const override { return "da_turns"; }
  sim::KindMask kinds() const override;
  void on_record(const Record& record) override;

 private:
  struct Down {
    SimTime from{}, to{time_never};
  };
  SimTime begin_of(std::uint64_t turn) const { return time_zero + relay_.turn * static_cast<std::int64_t>(turn); }
  NodeId whose(std::uint64_t turn) const { return relay_.nodes[turn % relay_.nodes.size()]; }
  void on_settled(const Record& record);

  protocols::RelayOptions relay_;
  Duration grace_;
  Roster roster_;
  std::vector<std::uint64_t> furthest_;            ///< by node: end of what it prepared
  std::vector<SimTime> deadline_;                  ///< by node: end of its last turn, as it said
  std::vector<SimTime> down_since_;                ///< by node: last time that it was off or paused
  std::map<std::uint64_t, std::uint64_t> written_; ///< by turn: blocks that became readable first by its relayer
  std::uint64_t readable_ = 0;                     ///< blocks up to it were readable at some time
  std::deque<Down> outages_;
};

/// R10: a node with too much unwritten admits nothing.
class DaPressure final : public Checker {
 public:
  explicit DaPressure(const CheckerContext& context);
  std::string_view name() const override { return "da_pressure"; }
  sim::KindMask kinds() const override;
  void on_record(const Record& record) override;

 private:
  struct Node {
    bool closed = false;
    std::uint32_t too_much = 0;  ///< L1 heads in a row at which it should have been closed
  };
  std::uint64_t limit_;
  Roster roster_;
  std::vector<Node> nodes_;
  std::map<std::uint64_t, std::uint32_t> copies_;  ///< by height, the last so many
  std::uint64_t readable_ = 0;
};

}  // namespace seqlab::scenarios
