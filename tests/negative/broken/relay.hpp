// Relayers that decide one thing wrongly. Each is a bug that real ones had, or a rule of theirs left out.
#pragma once

#include <algorithm>
#include <memory>

#include "protocols/relay/rules.hpp"
#include "protocols/types/block.hpp"

namespace seqlab::tests::broken {

using protocols::BlockPtr;
using protocols::ChainView;
using protocols::Height;
using protocols::Journal;
using protocols::RelayOptions;
using protocols::RelayPolicy;
using protocols::RelayRules;
using protocols::RelayState;

/// Z69: the disk learns of a batch when it is confirmed. After a crash in between it is sent again.
/// ev-node #457; astria #1200.
struct RecordedTooLate final : RelayRules {
  protocols::RelayJournal journal(const RelayOptions&) const override { return protocols::RelayJournal::cursor; }
};

/// Z70: after a start it goes on with what is committed from now on. What was not yet written never will be.
/// ev-node #437; astria #745.
struct StartsAtTheTip final : RelayRules {
  Journal resume(Journal, Height committed) const override { return {.last = committed, .prepared = {}}; }
};

/// A bundler's receipt is taken for the fact that it promises (as Z74: certified, and the body is nowhere).
struct TrustsReceipts final : RelayRules {
  bool is_done(bool deep, bool receipt) const override { return deep || receipt; }
};

/// A block is left out now and then.
struct SkipsBlocks final : RelayRules {
  Height next_block(const RelayPolicy& policy, const RelayState& state) const override {
    const Height next_one = RelayRules::next_block(policy, state);
    return next_one.value % 7 == 0 && next_one < state.committed ? next(next_one) : next_one;
  }
};

/// Later blocks first, as from a queue that is read from its wrong end; older ones follow while those are under way.
struct LaterFirst final : RelayRules {
  Height next_block(const RelayPolicy& policy, const RelayState& state) const override {
    const Height honest = RelayRules::next_block(policy, state);
    return state.taken <= state.done ? next(next(honest)) : next(std::max(state.done, state.readable));
  }
};

/// What it could not afford it forgets: after a dear time it goes on with what is new.
struct ForgetsTheBacklog final : RelayRules {
  static constexpr std::uint64_t most = 40;  ///< blocks
  Height next_block(const RelayPolicy& policy, const RelayState& state) const override {
    const Height honest = RelayRules::next_block(policy, state);
    return state.committed.value > honest.value + most ? Height{state.committed.value / most * most} : honest;
  }
};

/// Writes the block that comes next as well, before it is final: here, one that will not be.
struct WritesUnfinished final : RelayRules {
  Height last_block(const ChainView& chain) const override { return next(chain.height()); }
  BlockPtr block(const ChainView& chain, Height height) const override {
    if (height <= chain.height()) return chain.block(height);
    const BlockPtr last = chain.block(chain.height());
    if (last == nullptr) return nullptr;
    auto proposed = std::make_shared<protocols::Block>(*last);
    proposed->height = height;
    proposed->parent = last->id;
    proposed->id = proposed->compute_id();
    return proposed;
  }
};

/// Its turn never ends.
struct KeepsItsTurn final : RelayRules {
  bool on_duty(const RelayPolicy& policy, const RelayState& state, const RelayOptions& options) const override {
    return state.place == 0 || policy.on_duty(state, options);
  }
};

/// Takes transactions however much is unwritten.
struct NoBackPressure final : RelayRules {
  bool admits(std::uint64_t, const RelayOptions&) const override { return true; }
};

}  // namespace seqlab::tests::broken
