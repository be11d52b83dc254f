// The way a migrated core reads layer 1: its first block takes over the L1 block of its genesis file, all later ones
// follow the design's own policy.
//
// The keys of the new core sort behind those of the old one by their L1 height alone. So the first block must not be
// made without the block after the last one of the old core, whatever a validator's own view says of its age or depth.
// Source: warp-contracts/sequencer, network/*/genesis and the exception for height 1 in x/sequencer/proposal.
#pragma once

#include <memory>
#include <utility>

#include "protocols/forced/forced_path.hpp"
#include "protocols/migration/core_import.hpp"

namespace seqlab::protocols {

class BorderPath final : public ForcedPath {
 public:
  /// @param import  outlives the path
  BorderPath(std::unique_ptr<ForcedPath> policy, const CoreImport& import)
      : policy_(std::move(policy)), import_(import) {}

  ExternalState genesis(const L1View& own) const override { return policy_->genesis(own); }
  External build(const ExternalState& before, const L1View& own, const BlockFrame& frame) const override {
    return at_border(before) ? border(before) : policy_->build(before, own, frame);
  }
  ExternalReject check(const ExternalState& before, const L1View& own, const BlockFrame& frame,
                       const External& external) const override;
  bool admits_users(const ExternalState& before, const BlockFrame& frame, const External& external) const override {
    return policy_->admits_users(before, frame, external);
  }
  void apply(ExternalState& state, const External& external, SimTime timestamp,
             std::span<const ForcedStatus> statuses) const override {
    policy_->apply(state, external, timestamp, statuses);
  }
  ForcedStatus status_of(const ForcedItem& item, TxStatus executed, const L1Ref& at) const override {
    return policy_->status_of(item, executed, at);
  }
  ExternalReject check_claim(const ExternalState& committed, const L1View& own, const BlockFrame& frame,
                             const External& claim) const override;
  External follow(const ExternalState& before, const External& claim) const override {
    return at_border(before) ? border(before) : policy_->follow(before, claim);
  }

 private:
  bool at_border(const ExternalState& before) const {
    return import_.border != nullptr && before.last == import_.external.last;
  }
  External border(const ExternalState& before) const;

  std::unique_ptr<ForcedPath> policy_;
  const CoreImport& import_;
};

}  // namespace seqlab::protocols
