// Draws addressed by meaning: (purpose, sender, number of the message among the sender's, receiver). Four receivers
// share a Philox block.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "sim/base/strong.hpp"
#include "sim/random/stream.hpp"

namespace seqlab::sim {

class Luck {
 public:
  Luck(std::uint64_t seed, std::string_view purpose) : seed_(seed), purpose_(purpose_key(purpose)) {}

  /// Key of the draws of `sender`: word `receiver % 4` of philox(key, index, receiver / 4).
  std::uint64_t key_of(NodeId sender) const { return stream_key(seed_, purpose_, sender.value); }

  /// 32 uniform bits.
  std::uint32_t draw(NodeId sender, std::uint64_t index, NodeId receiver) {
    if (!(sender == sender_)) {
      sender_ = sender;
      key_ = key_of(sender);
      lane_ = no_lane;
    }
    const std::uint64_t lane = receiver.value / 4;
    if (lane != lane_ || index != index_) {
      lane_ = lane;
      index_ = index;
      block_ = philox(key_, index, lane);
    }
    return block_[receiver.value % 4];
  }
  /// True with probability p, to 2^-32.
  bool chance(Ratio p, NodeId sender, std::uint64_t index, NodeId receiver) {
    return p.num != 0 && static_cast<std::uint64_t>(draw(sender, index, receiver)) * p.den >> 32U < p.num;
  }

 private:
  static constexpr std::uint64_t no_lane = ~std::uint64_t{0};
  std::uint64_t seed_;
  std::uint64_t purpose_;
  // The last block drawn: the next receiver of a broadcast mostly finds its word in it.
  NodeId sender_{no_node};
  std::uint64_t key_ = 0;
  std::uint64_t index_ = 0;
  std::uint64_t lane_ = no_lane;
  std::array<std::uint32_t, 4> block_{};
};

}  // namespace seqlab::sim
