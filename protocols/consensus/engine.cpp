#include "protocols/consensus/engine.hpp"

#include "sim/base/assert.hpp"

namespace seqlab::protocols {

std::string_view name_of(Reject reason) {
  switch (reason) {
    case Reject::none: return "none";
    case Reject::stale: return "stale";
    case Reject::far_future: return "far_future";
    case Reject::not_a_member: return "not_a_member";
    case Reject::bad_signature: return "bad_signature";
    case Reject::wrong_proposer: return "wrong_proposer";
    case Reject::malformed: return "malformed";
    case Reject::duplicate: return "duplicate";
    case Reject::equivocation: return "equivocation";
    case Reject::unknown_parent: return "unknown_parent";
    case Reject::invalid_block: return "invalid_block";
    case Reject::untimely: return "untimely";
    case Reject::not_for_me: return "not_for_me";
    case Reject::bad_certificate: return "bad_certificate";
  }
  SEQLAB_ASSERT(false, static_cast<int>(reason));
  return {};
}

void Engine::on_payload_available(const EngineView& /*view*/, Outbox& /*out*/) {}

}  // namespace seqlab::protocols
