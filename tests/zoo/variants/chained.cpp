#include <array>

#include "tests/negative/broken/chained.hpp"
#include "tests/zoo/entries.hpp"

namespace seqlab::zoo {

namespace {

namespace broken = seqlab::tests::broken;
using broken::make_chained;
using scenarios::Scenario;

void two_chain(Scenario& s) { s.design.parameters.hotstuff.chain = protocols::HotStuffChain::two_chain; }

/// One node's power goes up and down again: two epochs end early.
void two_epochs_end(Scenario& s) {
  s.design.committee.changes = {{.height = 3, .node = NodeId{3}, .power = 2},
                                {.height = 4, .node = NodeId{3}, .power = 1}};
  s.stop.height = 10;
}

constexpr std::array list{
    Entry{"Z15", "a lock that no certificate opens", "hotstuff", Kind::liveness,
          make_chained<broken::NeverLeavesLock>},
    Entry{"lock three", "a vote that does not look at the lock", "hotstuff", Kind::safety,
          make_chained<broken::HotStuffIgnoresLock>},
    Entry{"lock two", "a HotStuff-2 vote that does not look at the lock", "hotstuff", Kind::safety,
          make_chained<broken::HotStuff2IgnoresLock>, two_chain},
    Entry{"lock tc", "a vote that does not compare with the TC", "jolteon", Kind::safety,
          make_chained<broken::JolteonIgnoresTc>},
    Entry{"J7", "a TC is as high as what came along with it", "jolteon", Kind::safety,
          make_chained<broken::TrustsAttachedQc>},
    Entry{"Z03 chained", "voted round forgotten by a restart", "jolteon", Kind::safety,
          make_chained<broken::ForgetsVotedRound>},
    Entry{"Z13", "a commit of rounds that are no neighbours", "jolteon", Kind::safety,
          make_chained<broken::CommitsAcrossRounds>},
    Entry{"Z19", "signatures counted, not signers", "jolteon", Kind::safety, make_chained<broken::CountsSignatures>},
    Entry{"Z36 chained", "a quorum of 2f + 1 where n is not 3f + 1", "jolteon", Kind::safety,
          make_chained<broken::ChainedQuorumOffByOne>, six_nodes},
    Entry{"Z37 chained", "votes leave before they are durable", "jolteon", Kind::safety,
          make_chained<broken::ChainedVoteNotDurable>},
    Entry{"epoch", "a certificate of another epoch counts", "hotstuff", Kind::liveness,
          make_chained<broken::CountsOtherEpochs<protocols::HotStuffRules>>, two_epochs_end},
};

}  // namespace

std::span<const Entry> chained_entries() { return list; }

}  // namespace seqlab::zoo
