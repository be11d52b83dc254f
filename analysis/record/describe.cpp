#include "analysis/record/describe.hpp"

#include <fmt/format.h>

#include "analysis/report/format.hpp"
#include "protocols/consensus/engine.hpp"
#include "protocols/consensus/messages.hpp"
#include "protocols/types/transaction.hpp"
#include "sim/base/assert.hpp"

namespace seqlab::analysis {

using sim::Record;
using sim::RecordKind;

Field& Fields::add(std::string_view name, Field::Type type) {
  SEQLAB_ASSERT(size_ < fields_.size(), name);
  Field& field = fields_[size_++];
  field.name = name;
  field.type = type;
  return field;
}
Fields& Fields::number(std::string_view name, std::uint64_t value) {
  add(name, Field::Type::number).value = value;
  return *this;
}
Fields& Fields::signed_number(std::string_view name, std::uint64_t twos_complement) {
  add(name, Field::Type::signed_number).value = twos_complement;
  return *this;
}
Fields& Fields::node(std::string_view name, NodeId node) {
  add(name, Field::Type::node).value = node.value;
  return *this;
}
Fields& Fields::word(std::string_view name, std::string_view word) {
  add(name, Field::Type::word).word = word;
  return *this;
}
Fields& Fields::hash(std::string_view name, Hash128 hash) {
  add(name, Field::Type::hash).hash = hash;
  return *this;
}

namespace {

/// Rounds are signed in protocols (-1 is "none") and travel as unsigned.
std::uint64_t round_of(const Record& r) {
  return static_cast<std::uint64_t>(static_cast<std::int64_t>(static_cast<std::int32_t>(r.round)));
}

/// Word `names[index]`, or "unknown": a script or a later version may have emitted it.
template <std::size_t n>
std::string_view word_at(const std::array<std::string_view, n>& names, std::size_t index) {
  return index < n ? names[index] : std::string_view{"unknown"};
}

constexpr std::array<std::string_view, 7> drop_reasons{"loss",      "partition",  "receiver_down", "sender_down",
                                                       "adversary", "queue_full", "duplicate"};
constexpr std::array<std::string_view, 4> disk_faults{"unsynced_lost", "torn_tail", "wiped", "rolled_back"};
constexpr std::array<std::string_view, 5> vote_types{"none", "prevote", "precommit", "vote", "timeout"};
constexpr std::array<std::string_view, 3> commit_levels{"soft", "speculative", "final"};
constexpr std::array<std::string_view, 4> evidence_kinds{"double_vote", "double_proposal", "amnesia",
                                                         "conflicting_certificates"};
constexpr std::array<std::string_view, 11> attack_kinds{
    "forge", "send", "drop", "delay", "crash", "restart", "partition", "heal", "reorder", "exclude", "receive_drop"};
constexpr std::array<std::string_view, 6> tx_statuses{"ok",            "bad_nonce",       "insufficient_funds",
                                                      "bad_signature", "unknown_account", "unmet_condition"};
constexpr std::array<std::string_view, 10> admit_errors{
    "none", "duplicate", "old_nonce",          "nonce_gap", "bad_signature",
    "full", "too_large", "insufficient_funds", "malformed", "unknown_account"};
// Of Tendermint, the one engine that has steps (TendermintStep).
constexpr std::array<std::string_view, 5> steps{"new_height", "propose", "prevote", "precommit", "commit"};
constexpr std::array<std::string_view, 3> evict_reasons{"outbid", "old_nonce", "out_of_funds"};
constexpr std::array<std::string_view, 2> move_causes{"transfer", "fee"};
constexpr std::array<std::string_view, 9> l1_tx_kinds{"plain",      "forced", "force_call", "batch", "commit",
                                                      "commitment", "proof",  "registry",   "escrow"};
constexpr std::array hindrances = {std::string_view{"loss"}, std::string_view{"delay"}, std::string_view{"price"},
                                  std::string_view{"censorship"}};
constexpr std::array<std::string_view, 3> registry_actions{"add", "remove", "rotate"};
constexpr std::array<std::string_view, 5> registry_rejects{"no", "not_owner", "old_turn", "registered", "unknown"};
constexpr std::array<std::string_view, 6> escrow_rejects{"none",  "no_amount",    "not_settled",
                                                         "early", "wrong_amount", "no_funds"};
constexpr std::array<std::string_view, 5> forced_statuses{"executed", "failed", "refused", "deferred", "removed"};

}  // namespace

std::string_view word_for(sim::DropReason v) { return word_at(drop_reasons, static_cast<std::size_t>(v)); }
std::string_view word_for(sim::DiskFault v) { return word_at(disk_faults, static_cast<std::size_t>(v)); }
std::string_view word_for(sim::VoteType v) { return word_at(vote_types, static_cast<std::size_t>(v)); }
std::string_view word_for(sim::CommitLevel v) { return word_at(commit_levels, static_cast<std::size_t>(v)); }
std::string_view word_for(sim::EvidenceKind v) { return word_at(evidence_kinds, static_cast<std::size_t>(v)); }
std::string_view word_for(sim::AttackKind v) { return word_at(attack_kinds, static_cast<std::size_t>(v)); }
std::string_view admit_error_name(std::uint8_t error) { return word_at(admit_errors, error); }
std::string_view step_name(std::uint8_t step) { return word_at(steps, step); }
std::string_view evict_reason_name(std::uint8_t reason) { return word_at(evict_reasons, reason); }
std::string_view move_cause_name(std::uint8_t cause) { return word_at(move_causes, cause); }
std::string_view tx_status_name(std::uint8_t status) { return word_at(tx_statuses, status); }

std::string_view l1_tx_kind_name(std::uint16_t kind) { return word_at(l1_tx_kinds, kind); }
std::string_view forced_status_name(std::uint8_t status) { return word_at(forced_statuses, status); }

std::string_view message_kind_name(std::uint8_t kind) {
  if (kind >= static_cast<std::uint8_t>(protocols::MessageKind::count)) return "unknown";
  return protocols::name_of(static_cast<protocols::MessageKind>(kind));
}

std::string_view reject_name(std::uint16_t reason) {
  if (reason > static_cast<std::uint16_t>(protocols::Reject::bad_certificate)) return "unknown";
  return protocols::name_of(static_cast<protocols::Reject>(reason));
}

Fields fields_of(const Record& r) {
  Fields f;
  const auto vote = [&r] { return word_for(static_cast<sim::VoteType>(r.detail)); };
  switch (r.kind) {
    case RecordKind::validator: return f.node("node", r.node).number("height", r.height).number("power", r.a);
    case RecordKind::corrupt: return f.node("node", r.node);
    case RecordKind::node_started:
      return f.node("node", r.node).number("restarted", r.detail).number("incarnation", r.round);
    case RecordKind::node_crashed: return f.node("node", r.node).number("incarnation", r.round);
    case RecordKind::node_paused: return f.node("node", r.node);
    case RecordKind::node_resumed: return f.node("node", r.node);
    case RecordKind::disk_lost:
      return f.node("node", r.node)
          .word("fault", word_for(static_cast<sim::DiskFault>(r.detail)))
          .number("records_lost", r.a);
    case RecordKind::clock_jumped: return f.node("node", r.node).signed_number("step_ns", r.a);
    case RecordKind::partition_started: return f.number("partition", r.a);
    case RecordKind::partition_healed: return f.number("partition", r.a);
    case RecordKind::stabilised: return f.number("delay_bound_ns", r.a);
    case RecordKind::healing_started: return f.number("power", r.a);
    case RecordKind::core_member: return f.node("node", r.node).number("power", r.a);
    case RecordKind::persisted:
      return f.node("node", r.node).number("height", r.height).signed_number("round", round_of(r))
          .number("record_type", r.detail).number("log_sequence", r.a);
    case RecordKind::message_sent:
      return f.node("node", r.node).node("peer", r.peer).word("message", message_kind_name(r.detail))
          .number("sequence", r.a).number("wire_bytes", r.b);
    case RecordKind::message_delivered:
      return f.node("node", r.node)
          .node("peer", r.peer)
          .word("message", message_kind_name(r.detail))
          .number("sequence", r.a);
    case RecordKind::message_dropped:
      return f.node("node", r.node)
          .node("peer", r.peer)
          .word("message", message_kind_name(r.detail))
          .number("sequence", r.a)
          .word("reason", word_for(static_cast<sim::DropReason>(r.flags)));
    case RecordKind::message_rejected:
      return f.node("node", r.node).node("peer", r.peer).word("message", message_kind_name(r.detail))
          .word("reason", reject_name(r.flags)).number("height", r.height).signed_number("round", round_of(r));
    case RecordKind::round_entered:
      return f.node("node", r.node).number("height", r.height).signed_number("round", round_of(r));
    case RecordKind::step_entered:
      return f.node("node", r.node)
          .number("height", r.height)
          .signed_number("round", round_of(r))
          .word("step", step_name(r.detail));
    case RecordKind::proposed:
      return f.node("node", r.node).node("peer", r.peer).number("height", r.height).signed_number("round", round_of(r))
          .signed_number("valid_round", static_cast<std::uint64_t>(static_cast<std::int64_t>(r.flags) - 1))
          .hash("block", r.id());
    case RecordKind::voted:
      return f.node("node", r.node).number("height", r.height).signed_number("round", round_of(r)).word("vote", vote())
          .hash("block", r.id());
    case RecordKind::locked:
      return f.node("node", r.node)
          .number("height", r.height)
          .signed_number("round", round_of(r))
          .hash("block", r.id());
    case RecordKind::certified:
      return f.node("node", r.node).number("height", r.height).signed_number("round", round_of(r)).word("vote", vote())
          .hash("block", r.id());
    case RecordKind::certificate_signers:
      return f.node("node", r.node).node("first", r.peer).number("height", r.height).signed_number("round", round_of(r))
          .word("vote", vote()).hash("signers", r.id());
    case RecordKind::committed:
      return f.node("node", r.node).number("height", r.height).signed_number("round", round_of(r))
          .word("level", word_for(static_cast<sim::CommitLevel>(r.detail))).hash("block", r.id());
    case RecordKind::commit_parent:
      return f.node("node", r.node).number("height", r.height).hash("parent", r.id());
    case RecordKind::executed: return f.node("node", r.node).number("height", r.height).hash("state", r.id());
    case RecordKind::evidence:
      return f.node("node", r.node).node("peer", r.peer).number("height", r.height).signed_number("round", round_of(r))
          .word("evidence", word_for(static_cast<sim::EvidenceKind>(r.detail)));
    case RecordKind::behind: return f.node("node", r.node).number("height", r.height).number("height_known", r.a);
    case RecordKind::caught_up: return f.node("node", r.node).number("height", r.height);
    case RecordKind::tx_submitted:
      return f.node("node", r.node).node("peer", r.peer).hash("tx", r.id()).number("account", r.round)
          .number("nonce", r.height);
    case RecordKind::tx_admitted: return f.node("node", r.node).hash("tx", r.id());
    case RecordKind::tx_refused:
      return f.node("node", r.node).hash("tx", r.id()).word("reason", admit_error_name(r.detail));
    case RecordKind::tx_evicted:
      return f.node("node", r.node).hash("tx", r.id()).word("reason", evict_reason_name(r.detail));
    case RecordKind::tx_included:
      return f.node("node", r.node).number("height", r.height).number("index", r.round).hash("tx", r.id())
          .word("status", tx_status_name(r.detail));
    case RecordKind::tx_confirmed:
      return f.node("node", r.node).node("peer", r.peer).number("height", r.height).hash("tx", r.id())
          .signed_number("since_submission_ns", static_cast<std::uint64_t>(r.elapsed()));
    case RecordKind::tx_retried:
      return f.node("node", r.node).node("peer", r.peer).hash("tx", r.id()).number("attempt", r.round);
    case RecordKind::balance_moved:
      return f.node("node", r.node).number("height", r.height).number("account", r.a).signed_number("change", r.b)
          .word("cause", move_cause_name(r.detail));
    case RecordKind::attack:
      return f.node("node", r.node)
          .number("script", r.peer.value)
          .word("attack", word_for(static_cast<sim::AttackKind>(r.detail)))
          .number("height", r.height)
          .signed_number("round", round_of(r))
          .number("a", r.a)
          .number("b", r.b);
    case RecordKind::reverted:
      return f.node("node", r.node)
          .number("height", r.height)
          .word("level", word_for(static_cast<sim::CommitLevel>(r.detail)))
          .hash("block", r.id());
    case RecordKind::epoch_entered:
      return f.node("node", r.node).number("height", r.height).signed_number("round", round_of(r)).number("epoch", r.a);
    case RecordKind::intervened:
      return f.node("node", r.node).node("peer", r.peer).number("intervention", r.a);
    case RecordKind::note:
      return f.node("node", r.node).number("script", r.peer.value).number("a", r.a).number("b", r.b);

    case RecordKind::l1_mined:
      return f.number("chain", r.detail)
          .number("height", r.height)
          .hash("block", r.id())
          .number("transactions", r.round)
          .number("rival", r.flags);
    case RecordKind::l1_parent:
    case RecordKind::l1_final: return f.number("chain", r.detail).number("height", r.height).hash("block", r.id());
    case RecordKind::l1_reorged:
      return f.number("chain", r.detail).number("height", r.height).hash("block", r.id()).number("taken_back", r.round);
    case RecordKind::l1_seen:
      return f.node("node", r.node)
          .number("chain", r.detail)
          .number("height", r.height)
          .hash("block", r.id())
          .number("given_up", r.round);
    case RecordKind::l1_sent:
      return f.node("author", r.node)
          .number("chain", r.detail)
          .word("kind", l1_tx_kind_name(r.flags))
          .number("nonce", r.height)
          .hash("tx", r.id());
    case RecordKind::l1_included:
    case RecordKind::l1_excluded:
      return f.node("author", r.node)
          .number("chain", r.detail)
          .number("height", r.height)
          .number("index", r.round)
          .word("kind", l1_tx_kind_name(r.flags))
          .hash("tx", r.id());
    case RecordKind::l1_paid:
      return f.node("author", r.node)
          .number("chain", r.detail)
          .number("height", r.height)
          .word("kind", l1_tx_kind_name(r.flags))
          .signed_number("fee", r.a)
          .signed_number("bytes", r.b);
    case RecordKind::l1_ref:
      return f.node("node", r.node).number("height", r.height).number("l1_height", r.round).hash("l1_block", r.id());
    case RecordKind::forced_sent:
      return f.node("user", r.node)
          .number("chain", r.detail)
          .number("account", r.round)
          .number("nonce", r.height)
          .hash("item", r.id());
    case RecordKind::forced_posted:
      return f.number("chain", r.detail)
          .number("l1_height", r.height)
          .number("position", r.round)
          .hash("item", r.id());
    case RecordKind::forced_first:
    case RecordKind::forced_done:
      return f.node("node", r.node)
          .number("height", r.height)
          .number("position", r.round)
          .word("status", forced_status_name(r.detail))
          .hash("item", r.id());
    case RecordKind::force_called:
      return f.number("chain", r.detail)
          .number("l1_height", r.height)
          .number("upto", r.round)
          .number("worked", r.flags);
    case RecordKind::da_turn:
      return f.node("writer", r.node).number("turn", r.round).number("first", r.height).number("deadline_ns", r.a);
    case RecordKind::da_prepared:
    case RecordKind::da_sent:
    case RecordKind::da_posted:
    case RecordKind::da_unposted:
    case RecordKind::da_confirmed:
    case RecordKind::da_receipt:
      return f.node("writer", r.node)
          .number("first", r.height)
          .number("blocks", r.round)
          .number("attempt", r.flags)
          .number("chain", r.detail)
          .node("peer", r.peer)
          .hash("submission", r.id());
    case RecordKind::da_hindered: return f.word("what", word_at(hindrances, r.detail)).number("begins", r.flags);
    case RecordKind::registry_set:
      return f.node("about", r.node)
          .node("author", r.peer)
          .word("action", word_at(registry_actions, r.round))
          .number("turn", r.a)
          .word("refused", word_at(registry_rejects, r.flags))
          .number("l1_height", r.height)
          .number("holds_from", r.b);
    case RecordKind::batch_read:
      return f.node("writer", r.node)
          .node("reader", r.peer)
          .number("passed_over", r.flags)
          .number("l1_height", r.height)
          .hash("l1_block", r.id());
    case RecordKind::registry_defied: return f.node("writer", r.node).number("begins", r.flags);
    case RecordKind::escrow_locked:
      return f.number("account", r.round)
          .number("amount", r.a)
          .number("deposit", r.b)
          .number("l1_height", r.height)
          .number("taken_back", r.flags);
    case RecordKind::escrow_settled:
      return f.number("proven", r.a).number("l1_height", r.height).number("taken_back", r.flags);
    case RecordKind::escrow_released:
      return f.number("account", r.round)
          .number("amount", r.a)
          .number("nonce", r.b)
          .number("l1_height", r.height)
          .number("taken_back", r.flags);
    case RecordKind::escrow_refused:
      return f.number("account", r.round)
          .signed_number("amount", r.a)
          .number("nonce", r.b)
          .number("l1_height", r.height)
          .word("why", word_at(escrow_rejects, r.flags));
    case RecordKind::bridge_minted:
    case RecordKind::bridge_burnt:
      return f.node("node", r.node)
          .number("height", r.height)
          .number("account", r.round)
          .number("amount", r.a)
          .number(r.kind == RecordKind::bridge_minted ? "deposit" : "nonce", r.b);
    case RecordKind::da_service: return f.number("bundler", r.peer.value).number("down", r.flags);
    case RecordKind::da_settled:
      return f.node("writer", r.node)
          .number("turn", r.round)
          .number("blocks", r.height)
          .number("outcome", r.flags)
          .signed_number("amount", r.a);
    case RecordKind::da_block: return f.node("writer", r.node).number("height", r.height).hash("block", r.id());
    case RecordKind::da_backlog:
      return f.node("writer", r.node).number("blocks", r.height).number("bytes", r.a).number("stopped", r.flags);
    case RecordKind::commitment:
    case RecordKind::proof:
      return f.node("writer", r.node)
          .number("index", r.round)
          .number("height", r.height)
          .number("stage", r.flags)
          .hash("root", r.id());
    case RecordKind::head:
      return f.node("node", r.node)
          .number("level", r.detail)
          .number("height", r.height)
          .number("back", r.flags)
          .hash("block", r.id());
    case RecordKind::derived:
      return f.node("node", r.node).number("height", r.height).number("empty", r.flags).hash("block", r.id());
    case RecordKind::derived_state: return f.node("node", r.node).number("height", r.height).hash("state", r.id());
    case RecordKind::halted: return f.node("node", r.node).number("height", r.height).number("reason", r.detail);
    case RecordKind::keyed:
      return f.node("node", r.node)
          .number("height", r.height)
          .number("index", r.round)
          .number("from_l1", r.detail)
          .number("contract", r.peer.value)
          .number("l1_height", r.a)
          .number("third", r.b);
    case RecordKind::key_linked:
      return f.node("node", r.node)
          .number("height", r.height)
          .number("linked", r.flags)
          .number("l1_height", r.a)
          .number("second", r.b)
          .number("third", r.round);
    case RecordKind::core_stopped:
    case RecordKind::core_started:
    case RecordKind::core_exported:
    case RecordKind::core_rolled_back:
      return f.number("core", r.detail).number("height", r.height).node("node", r.node).number("l1_height", r.round)
          .hash("state", r.id());
    case RecordKind::tx_accepted:
    case RecordKind::tx_redirected:
      return f.node("client", r.node).node("peer", r.peer).number("core", r.detail).hash("tx", r.id());
  }
  return f;
}

std::string describe(const Record& record, std::uint32_t sequencer_count) {
  std::string out = fmt::format("{:.9f} s  {}", static_cast<double>(ns(record.at)) / 1e9, sim::name_of(record.kind));
  std::string_view separator = "  ";
  const Fields fields = fields_of(record);
  for (const Field& field : fields.list()) {
    out += fmt::format("{}{} ", separator, field.name);
    separator = ", ";
    switch (field.type) {
      case Field::Type::number: out += std::to_string(field.value); break;
      case Field::Type::signed_number: out += std::to_string(static_cast<std::int64_t>(field.value)); break;
      case Field::Type::node: out += node_name(NodeId{static_cast<std::uint32_t>(field.value)}, sequencer_count); break;
      case Field::Type::word: out += field.word; break;
      case Field::Type::hash: out += field.hash ? to_hex(field.hash) : "nil"; break;
    }
  }
  return out;
}

}  // namespace seqlab::analysis
