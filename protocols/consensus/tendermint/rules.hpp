// Tendermint's decisions, each a pure function: no clock, no I/O, no draws. The handlers (tendermint.hpp) are written
// once, over a `Rules` type; `PaperRules` is the honest one. A test that needs a replica with one wrong decision
// derives from it, hides that one function, and instantiates the handlers with it:
//
//   struct NoLock : PaperRules {
//     static LockedValue lock_on_polka(LockedValue before, Round, BlockId) { return before; }
//   };
//   using Broken = BasicTendermint<NoLock>;        // with tendermint_handlers.hpp included
//
// Decisions: quorum, validity (powers); committee_of (validator update delay); timeout (growth); skip_round;
// prevote (T2, T3), locks_on (unlocking rule), block_is_valid, lock_on_polka (T5), lock_on_nil_polka, proposal_value
// (T1), timely, persist_before_send, restore, check_commit.
//
// Rule names T1 ... T12 and the lines L* of arXiv 1807.04938 are explained in NOTES.md.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "protocols/consensus/certificates.hpp"
#include "protocols/consensus/engine.hpp"
#include "protocols/consensus/tendermint/options.hpp"
#include "protocols/consensus/tendermint/safety_record.hpp"

namespace seqlab::protocols {

/// What a replica knows of a proposal when it decides about its prevote.
struct PrevoteContext {
  Round round;
  Round valid_round = no_round;        ///< of the proposal
  BlockId block;
  LockedValue locked;
  bool valid = false;                  ///< valid(v)
  bool timely = true;                  ///< of a fresh proposal; see `timely`
  bool polka_at_valid_round = false;   ///< Q prevotes for `block` at `valid_round` are held
};
enum class PrevoteChoice : std::uint8_t { wait, block, nil };

/// Power seen in a round ahead of the own one.
struct RoundPower {
  Power senders = 0;     ///< distinct, of any message
  Power prevotes = 0;    ///< for whatever value
  Power precommits = 0;
};

/// What a replica proposes: a value seen certified, or a new one.
struct ProposalChoice {
  BlockId block;                  ///< {} = build a new block
  Round valid_round = no_round;
};

struct PaperRules {
  /// Least power that is "2f + 1": more than two thirds.
  static Power quorum(const Committee& committee) { return committee.quorum(); }
  /// Least power that is "f + 1".
  static Power validity(const Committee& committee) { return committee.validity(); }
  /// Validator updates that executing H returned hold from H + 2 on: the committee of height h as the chain has it.
  static const Committee& committee_of(const ChainView& chain, Height h) { return chain.committee(h); }

  /// timeoutX(r) = initial + r * delta; saturates far beyond any run.
  static Duration timeout(Duration initial, Duration delta, Round round);

  /// T9: whether messages of a later round prove that this replica has fallen behind.
  static bool skip_round(RoundSkip rule, const RoundPower& seen, Power quorum, Power validity);

  /// T2 and T3.
  static PrevoteChoice prevote(const PrevoteContext& c);

  /// valid(v): the header fits the chain, and the application accepts the content.
  static bool block_is_valid(bool header_fits, bool application_accepts) { return header_fits && application_accepts; }

  /// T5 (L36-38): the new lock. A later polka moves it, also for the same value.
  static LockedValue lock_on_polka(LockedValue before, Round round, BlockId block);
  /// T6: a polka for nil does not release a lock (older versions did).
  static LockedValue lock_on_nil_polka(LockedValue before, Round round);

  /// T1 (L14-18): the valid value, not the locked one.
  static ProposalChoice proposal_value(const LockedValue& locked, const LockedValue& valid);

  /// Proposer-based timestamps: a fresh proposal of `timestamp` that came at `received` is neither too early nor too
  /// late. The allowed delay grows by a tenth a round.
  static bool timely(SimTime timestamp, SimTime received, Round round, const TendermintOptions& options);

  /// Whether a statement waits for its safety record to be durable.
  static bool persist_before_send(Statement statement);

  /// What to go on from after a restart, from the records of this height, oldest first.
  static RestoredState restore(std::span<const SafetyRecord> records);

  static Reject check_commit(const Commit& commit, Height height, BlockId block, const Committee& committee,
                             Power quorum, Signatures& signatures) {
    return protocols::check_commit(commit, height, block, committee, quorum, signatures);
  }
};

}  // namespace seqlab::protocols
