#include "protocols/migration/border_path.hpp"

#include "protocols/forced/forced_paths.hpp"

namespace seqlab::protocols {

External BorderPath::border(const ExternalState& before) const {
  const L1Block& block = *import_.border;
  External out{.ref = {block.height, block.id, block.timestamp}, .pointer = before.pointer};
  out.items = forced_items(block, before.pointer);
  out.pointer += out.items.size();
  return out;
}

ExternalReject BorderPath::check(const ExternalState& before, const L1View& own, const BlockFrame& frame,
                                 const External& external) const {
  if (!at_border(before)) return policy_->check(before, own, frame, external);
  if (external.ref == before.last) return ExternalReject::missing_block;
  const External expected = border(before);
  if (external.ref != expected.ref) return ExternalReject::wrong_block;
  return external == expected ? ExternalReject::none : ExternalReject::wrong_items;
}

/// The genesis file decides about the border, whatever a vertex claims.
ExternalReject BorderPath::check_claim(const ExternalState& committed, const L1View& own, const BlockFrame& frame,
                                       const External& claim) const {
  const bool of_border = import_.border != nullptr && claim.ref.height <= import_.border->height;
  return of_border ? ExternalReject::none : policy_->check_claim(committed, own, frame, claim);
}

}  // namespace seqlab::protocols
