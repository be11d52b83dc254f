// The decisions of a relayer, apart from its story: when it may write, where it goes on, what it believes. Pure: no
// clock, no I/O, no draws.
#pragma once

#include <span>
#include <string_view>

#include "protocols/consensus/engine.hpp"
#include "protocols/relay/journal.hpp"

namespace seqlab::protocols {

/// What a relayer knows when it decides, all of it from its own machine.
struct RelayState {
  std::size_t place = 0;       ///< its own among `RelayOptions::nodes`
  SimTime wall{};              ///< its clock
  Height committed{};          ///< final at its own node
  Height done{};               ///< of its journal: confirmed, and all before it
  Height taken{};              ///< end of what it has under way, 0: nothing
  Height readable{};           ///< everything up to it can be read on its own view of layer 1
  bool acting = false;         ///< primary_backup: it took over and nobody before it has written since
  bool entitled = false;       ///< by the registry, in the next block of its own view of layer 1
  SimTime stalled_since{};     ///< since when nothing has become readable although something waits
};

/// A policy: who writes when.
struct RelayPolicy {
  std::string_view name;
  std::string_view text;       ///< one line, for `list`
  bool (*on_duty)(const RelayState& state, const RelayOptions& options);
  bool own_copies = false;     ///< each relayer writes everything, whatever others wrote
};

/// All policies but "none".
std::span<const RelayPolicy> relay_policies();
/// Null if there is no such policy.
const RelayPolicy* find_relay_policy(std::string_view name);

/// Number of the turn at a time. @pre policy `rotating`
std::uint64_t turn_at(SimTime at, const RelayOptions& options);
SimTime turn_begin(std::uint64_t turn, const RelayOptions& options);

/// What became of a turn (`da_settled`).
enum class TurnOutcome : std::uint8_t { met, missed, excused };

/// Honest. Tests put broken ones in their place.
class RelayRules {
 public:
  virtual ~RelayRules() = default;
  virtual bool on_duty(const RelayPolicy& policy, const RelayState& state, const RelayOptions& options) const {
    return policy.on_duty(state, options);
  }
  /// First block of the next batch: right after what is done, under way, or written by others.
  virtual Height next_block(const RelayPolicy& policy, const RelayState& state) const;
  /// Last block that may be written, and what is written: what is final at its own node.
  virtual Height last_block(const ChainView& chain) const { return chain.height(); }
  virtual BlockPtr block(const ChainView& chain, Height height) const { return chain.block(height); }
  /// What the machine's disk knows before anything is sent.
  virtual RelayJournal journal(const RelayOptions& options) const { return options.journal; }
  /// With what it goes on after a start.
  virtual Journal resume(Journal found, Height committed) const {
    (void)committed;
    return found;
  }
  /// Whether a batch is done with.
  /// @param deep     it is on the relayer's own view of layer 1, under as many blocks as the design asks for
  /// @param receipt  the bundler has promised to post it
  virtual bool is_done(bool deep, bool receipt) const {
    (void)receipt;
    return deep;
  }
  /// Whether the node takes new transactions while so many bytes of its blocks are unwritten.
  virtual bool admits(std::uint64_t backlog_bytes, const RelayOptions& options) const {
    return backlog_bytes <= options.backlog_bytes;
  }
};

}  // namespace seqlab::protocols
