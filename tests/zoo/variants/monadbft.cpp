#include <array>

#include "tests/negative/broken/monadbft.hpp"
#include "tests/zoo/entries.hpp"

namespace seqlab::zoo {

namespace {

namespace broken = seqlab::tests::broken;
using broken::make_monadbft;

constexpr std::array list{
    Entry{"Z03 tip", "tip forgotten by a restart", "monadbft", Kind::safety, make_monadbft<broken::TipNotRestored>},
    Entry{"Z19 groups", "signers counted in every group of a TC", "monadbft", Kind::safety,
          make_monadbft<broken::CountsSignersTwice>},
    Entry{"Z37 monad", "votes leave before they are durable", "monadbft", Kind::safety,
          make_monadbft<broken::MonadVoteNotDurable>},
    Entry{"no NEC", "another block without a no-endorsement", "monadbft", Kind::safety,
          make_monadbft<broken::NeedsNoEndorsement>},
    Entry{"other block", "any block in place of the one that a TC names", "monadbft", Kind::safety,
          make_monadbft<broken::AcceptsAnotherBlock>},
    Entry{"one chain", "the first certificate is final", "monadbft", Kind::safety,
          make_monadbft<broken::FinalAtOnce>},
    Entry{"spec again", "speculation on what was proposed again", "monadbft", Kind::safety,
          make_monadbft<broken::SpeculatesOnReproposals>},
};

}  // namespace

std::span<const Entry> monadbft_entries() { return list; }

}  // namespace seqlab::zoo
