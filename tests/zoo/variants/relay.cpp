#include <array>

#include "tests/negative/broken/relay.hpp"
#include "tests/zoo/entries.hpp"

namespace seqlab::zoo {

namespace {

namespace broken = seqlab::tests::broken;
using scenarios::Scenario;

template <class Rules>
std::shared_ptr<const protocols::RelayRules> rules() {
  return std::make_shared<const Rules>();
}

/// Two rollup blocks a second, an L1 block a second, a minute.
void small(Scenario& s) {
  s.design.parameters.tendermint.timeout_commit = 500ms;
  s.design.parameters.tendermint.skip_timeout_commit = false;
  protocols::RelayOptions& relay = s.design.relay;
  relay.policy = "single";
  relay.nodes = {NodeId{0}};
  relay.batch_time = 500ms;  // shorter than the way to layer 1
  relay.confirmations = 4;
  relay.lost_after = 10s;
  relay.bump_after = 5s;
  relay.channel_timeout = 40;
  s.environment.l1.interval = 1s;
  s.environment.l1.view_p50 = 50ms;
  s.environment.l1.view_p95 = 100ms;
  s.stop.height = 0;
  s.stop.after = 60s;
}
void on_ethereum(Scenario& s) {
  s.design.l1 = "ethereum";
  small(s);
}
void on_arweave(Scenario& s) {
  s.design.l1 = "arweave";
  small(s);
  s.design.relay.bundler.post_after = 1s;
  s.design.relay.lost_after = 50s;
  s.stop.after = 120s;
}

constexpr std::array list{
    Entry{"Z69", "a batch is recorded when it is confirmed, not before it is sent", "tendermint", Kind::safety, nullptr,
          on_ethereum, rules<broken::RecordedTooLate>},
    Entry{"Z70", "after a crash what was not yet written is forgotten", "tendermint", Kind::safety, nullptr,
          on_ethereum, rules<broken::StartsAtTheTip>},
    Entry{"Z74 receipt", "a receipt is taken for the data that it promises", "tendermint", Kind::safety, nullptr,
          on_arweave, rules<broken::TrustsReceipts>},
};

}  // namespace

std::span<const Entry> relay_entries() { return list; }

}  // namespace seqlab::zoo
