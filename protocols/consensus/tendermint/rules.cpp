#include "protocols/consensus/tendermint/rules.hpp"

#include <algorithm>

#include "sim/base/fixed_point.hpp"

namespace seqlab::protocols {

namespace {
constexpr Duration timeout_max = 24h * 365;
constexpr Duration message_delay_max = 24h;  // CometBFT's cap
constexpr Duration precision_max = 30s;      // likewise

Duration grown_message_delay(Duration delay, Round round) {
  for (std::int32_t r = 0; r < round.value && delay < message_delay_max; ++r) {
    delay = Duration{mul_div_floor(ns(delay), 11, 10)};
    if (delay == Duration{}) break;
  }
  return std::min(delay, message_delay_max);
}
}  // namespace

Duration PaperRules::timeout(Duration initial, Duration delta, Round round) {
  const Int128 total = static_cast<Int128>(ns(initial)) + static_cast<Int128>(ns(delta)) * round.value;
  return Duration{static_cast<std::int64_t>(std::min<Int128>(total, ns(timeout_max)))};
}

bool PaperRules::skip_round(RoundSkip rule, const RoundPower& seen, Power quorum, Power validity) {
  if (rule == RoundSkip::validity) return seen.senders >= validity;  // L55
  return seen.prevotes >= quorum || seen.precommits >= quorum;       // C1
}

PrevoteChoice PaperRules::prevote(const PrevoteContext& c) {
  const bool fresh = c.valid_round == no_round;
  if (!fresh && !c.polka_at_valid_round) return PrevoteChoice::wait;  // neither L22 nor L28 applies yet
  if (!c.valid || (fresh && !c.timely)) return PrevoteChoice::nil;
  const bool same = c.locked.block == c.block;
  const bool free = fresh ? c.locked.round == no_round              // L23
                          : c.locked.round <= c.valid_round;        // L29
  return free || same ? PrevoteChoice::block : PrevoteChoice::nil;
}

LockedValue PaperRules::lock_on_polka(LockedValue /*before*/, Round round, BlockId block) { return {round, block}; }

LockedValue PaperRules::lock_on_nil_polka(LockedValue before, Round /*round*/) { return before; }

ProposalChoice PaperRules::proposal_value(const LockedValue& /*locked*/, const LockedValue& valid) {
  return {valid.block, valid.round};
}

bool PaperRules::timely(SimTime timestamp, SimTime received, Round round, const TendermintOptions& options) {
  const Duration precision = std::min(options.precision, precision_max);
  const Duration delay = grown_message_delay(options.message_delay, round);
  // a hostile timestamp may be anything: it stays alone on its side
  return received + precision >= timestamp && received - delay - precision <= timestamp;
}

bool PaperRules::persist_before_send(Statement /*statement*/) { return true; }

RestoredState PaperRules::restore(std::span<const SafetyRecord> records) {
  RestoredState state;
  for (const SafetyRecord& r : records) {
    if (r.locked.round >= state.locked.round) state.locked = r.locked;
    if (r.valid.round >= state.valid.round) state.valid = r.valid;
    if (r.statement == Statement::value_seen || r.round < state.round) continue;
    if (r.round > state.round) state.last = Statement::none;
    state.round = r.round;
    state.last = std::max(state.last, r.statement);
  }
  return state;
}

}  // namespace seqlab::protocols
