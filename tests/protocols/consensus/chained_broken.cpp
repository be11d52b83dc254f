// One wrong decision of a chained engine, and what it costs: where no checker of a whole world sees it at once.
#include "tests/negative/broken/chained.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/engine_harness.hpp"

using namespace seqlab;
using namespace seqlab::test;

namespace {

struct Outcome {
  Round justify = no_round;  ///< of the certificate that n2 builds on in round 3
  bool n3_votes = false;
  bool certified = false;
};

//   1: n0 proposes B1; n1 alone makes its certificate, shows it to n3 alone, and forgets that it has it (amnesia stands
//      for a corrupt node). n3 is locked on B1.
//   2: n1 leads and says nothing but when it gives up.
//   3: n2 leads. The timeouts of n0, n1 and n2 make the TC; n3's, with the certificate, comes 60 ms later.
template <class Rules>
Outcome hidden_lock() {
  HotStuffOptions options;
  options.chain = HotStuffChain::two_chain;
  options.delta = 150ms;
  using Core = BasicChained<Rules>;
  const auto make = [&](NodeId n) { return std::make_unique<EngineOf<Core>>(Core{n, options}); };
  EngineHarness h{equal_committee(4), 4, make, 20ms};
  bool forgotten = false;
  const auto kind = [](const MessagePtr& m) { return static_cast<const ConsensusMessage&>(*m).message_kind(); };
  h.drop = [&](NodeId from, NodeId to, const MessagePtr& m) {
    if (from != NodeId{1}) return false;
    return forgotten ? kind(m) != MessageKind::timeout : kind(m) != MessageKind::proposal || to != NodeId{3};
  };
  h.start_all();
  h.run_for(70ms);
  CHECK(h.template engine<Core>(NodeId{3}).safety().locked == Round{1});
  h.crash(NodeId{1});
  h.mutable_log(NodeId{1}).clear();
  forgotten = true;
  h.start(NodeId{1});
  h.hold = [&](NodeId from, NodeId, const MessagePtr& m) {
    return from == NodeId{3} && (kind(m) == MessageKind::timeout || kind(m) == MessageKind::certificate);
  };
  REQUIRE(h.run_until([&] { return h.engine(NodeId{2}).round() == Round{3}; }, 10s));
  h.run_for(60ms);
  h.release_held();
  h.hold = nullptr;
  h.run_for(300ms);
  Outcome out;
  for (const auto& s : h.sent) {
    const auto* p = dynamic_cast<const ChainedProposalMessage*>(s.message.get());
    if (p != nullptr && p->proposal.round == Round{3}) out.justify = p->proposal.block->last_commit.round;
  }
  out.n3_votes = h.template engine<Core>(NodeId{3}).safety().voted >= Round{3};
  for (const std::uint32_t n : {0U, 2U, 3U}) {
    out.certified = out.certified || h.template engine<Core>(NodeId{n}).high_qc()->round >= Round{3};
  }
  return out;
}

}  // namespace

TEST_CASE("Z16: a HotStuff-2 leader that does not wait builds below a hidden lock", "[chained][negative]") {
  const Outcome broken = hidden_lock<tests::broken::DoesNotWait>();
  CHECK(broken.justify == Round{0});
  CHECK_FALSE(broken.n3_votes);  // one silent node and one hidden lock: no certificate
  CHECK_FALSE(broken.certified);

  const Outcome sound = hidden_lock<HotStuff2Rules>();
  CHECK(sound.justify == Round{1});
  CHECK(sound.n3_votes);
  CHECK(sound.certified);
}
