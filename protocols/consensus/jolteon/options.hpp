// Parameters of Jolteon (arXiv 2106.10362), also known as DiemBFT v4.
#pragma once

#include "protocols/consensus/chained/options.hpp"

namespace seqlab::protocols {

struct JolteonOptions {
  ChainedOptions chained;
  friend bool operator==(const JolteonOptions&, const JolteonOptions&) = default;
};

}  // namespace seqlab::protocols
