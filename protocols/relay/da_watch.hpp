// What layer 1 really holds, for everybody to see: says when batches become readable on the chain that most work stands
// on and when they are so no more, and settles the turns of a rotating relayer, as the rollup's own rules do from what
// they can verify.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <vector>

#include "protocols/l1/l1.hpp"
#include "protocols/relay/bundler.hpp"
#include "protocols/relay/da_index.hpp"
#include "protocols/relay/rules.hpp"

namespace seqlab::protocols {

class DaWatch final : public sim::EventTarget, public sim::RecordObserver {
 public:
  /// @param registry   see DaIndex
  /// @param committed  last block that is final at some honest node
  DaWatch(sim::Simulation& simulation, const L1& l1, const RelayOptions& options, const RelayPolicy& policy,
          const Bundler& bundler, const RegistryRules* registry, std::function<Height()> committed);

  void start();
  static sim::KindMask kinds() { return sim::mask_of(sim::RecordKind::l1_mined); }
  void on_record(const sim::Record& record) override;
  void on_event(std::uint32_t arg) override;
  /// The relayer whose turn it is says that the bundler is down; the others are asked whether they can reach it.
  void report_outage(NodeId node, std::uint64_t turn);

  /// How long after the end of a turn what it sent still counts.
  Duration grace() const;

 private:
  struct Turn {
    std::uint32_t credited = 0;
    bool excused = false;
  };
  void look();
  void tell(const DaIndex::Channel& channel, bool readable);
  void settle(std::uint64_t turn);
  /// What becomes final so shortly before the end of a turn is not asked of it.
  Duration margin() const { return std::min(grace(), options_.turn / 2); }

  sim::Simulation& simulation_;
  const L1& l1_;
  const RelayOptions& options_;
  bool rotates_;
  const Bundler& bundler_;
  std::function<Height()> committed_;
  std::uint32_t target_;
  bool due_ = false;
  DaIndex index_;
  std::map<std::uint64_t, Turn> turns_;   ///< those that are not settled yet
  /// Blocks that a turn could have written: those it had, and those that were still open shortly before its end.
  std::map<std::uint64_t, std::uint64_t> available_;
  Height credited_{};                     ///< blocks that were paid for, or never will be
  std::uint64_t next_end_ = 0;
  std::uint64_t next_settled_ = 0;
};

}  // namespace seqlab::protocols
