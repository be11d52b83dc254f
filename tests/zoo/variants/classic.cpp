#include <array>

#include "tests/negative/broken/classic.hpp"
#include "tests/zoo/entries.hpp"

namespace seqlab::zoo {

namespace {

namespace broken = seqlab::tests::broken;
using broken::make_pbft;
using broken::make_rotating;
using broken::make_streamlet;

constexpr std::array list{
    Entry{"third final", "the newest of three in a row is final", "streamlet", Kind::safety,
          make_streamlet<broken::FinalisesTheThird>},
    Entry{"unnotarised", "the longest chain, notarised or not", "streamlet", Kind::safety,
          make_streamlet<broken::LongestReceived>},
    Entry{"Z37 epoch", "voted epoch is not written down", "streamlet", Kind::safety,
          make_streamlet<broken::VotedEpochNotDurable>},
    Entry{"Z28", "an older prepared certificate outranks a newer", "pbft", Kind::safety,
          make_pbft<broken::OldestViewWins>},
    Entry{"no prepared", "a view change tells of the checkpoint alone", "pbft", Kind::safety,
          make_pbft<broken::PreparedDropped>},
    Entry{"new view", "a new view begins with nothing and is believed", "pbft", Kind::safety,
          make_pbft<broken::NewViewForgets>},
    Entry{"tail", "the tail is not asked for at a handover", "rotating", Kind::safety,
          make_rotating<broken::TailNotSynced>},
    Entry{"two signers", "a backup orders in the operator's term", "rotating", Kind::safety,
          make_rotating<broken::TwoSigners>},
};

}  // namespace

std::span<const Entry> classic_entries() { return list; }

}  // namespace seqlab::zoo
