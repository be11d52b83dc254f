#include "protocols/consensus/rotating/messages.hpp"

#include <utility>

namespace seqlab::protocols {

Hash128 HandoverMessage::Content::signed_digest() const {
  return FieldHash<8>{}
      .add(hash_domain("handover"))
      .add(what)
      .add(node)
      .add(term)
      .add(height)
      .add(acknowledged)
      .add(block != nullptr ? block->id : BlockId{})
      .finish();
}

HandoverMessage::HandoverMessage(Content c)
    : ConsensusMessage(MessageKind::handover, sim::MessageClass::consensus), content(std::move(c)) {
  author = content.node;
  constexpr std::uint32_t fixed = 160;
  wire_bytes = fixed + (content.block != nullptr ? content.block->bytes : 0);
}

void HandoverMessage::fill(MessageFields& f) const {
  f.height = content.height;
  f.round = content.term;
  if (content.block != nullptr) f.block = content.block->id;
}

bool HandoverMessage::is_sound(Signatures& signatures) const {
  if (checked == Checked::not_yet) {
    const bool good = signatures.verify(author.value, content.signed_digest(), content.signature) &&
                      (content.block == nullptr || content.block->id == content.block->compute_id());
    checked = good ? Checked::good : Checked::bad;
  }
  return checked == Checked::good;
}

}  // namespace seqlab::protocols
