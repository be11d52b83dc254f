// What operators of the rotating sequencer say to hand over.
#pragma once

#include "protocols/consensus/messages.hpp"

namespace seqlab::protocols {

class HandoverMessage final : public ConsensusMessage {
 public:
  enum class What : std::uint8_t {
    end,      ///< of the incumbent: it orders nothing more in its term; its last block is below `height`
    request,  ///< of the next operator: nobody shall acknowledge earlier terms any more
    promise   ///< so be it; and this is what was acknowledged at the open height
  };
  struct Content {
    What what{};
    NodeId node{no_node};
    Round term{};
    Height height{};                 ///< that is open at the sender
    Round acknowledged = no_round;   ///< promise: the term of `block`
    BlockPtr block{};                ///< promise: null if nothing was
    Signature signature{};
    Hash128 signed_digest() const;
  };
  explicit HandoverMessage(Content content);
  void fill(MessageFields& fields) const override;
  std::uint64_t signature_count() const override { return 1; }
  bool is_sound(Signatures& signatures) const;
  const Content content;
};

}  // namespace seqlab::protocols
