// The meaning of each record's fields, by name: for JSON lines, trace arguments and messages to people.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "sim/trace/record.hpp"

namespace seqlab::analysis {

/// One named field. Names carry their unit (`_ns`, `_bytes`).
struct Field {
  enum class Type : std::uint8_t { number, signed_number, node, word, hash };
  std::string_view name;
  Type type = Type::number;
  std::uint64_t value = 0;   ///< number, signed_number (two's complement), node
  std::string_view word;     ///< word
  Hash128 hash;              ///< hash
};

class Fields {
 public:
  Fields& number(std::string_view name, std::uint64_t value);
  Fields& signed_number(std::string_view name, std::uint64_t twos_complement);
  Fields& node(std::string_view name, NodeId node);
  Fields& word(std::string_view name, std::string_view word);
  Fields& hash(std::string_view name, Hash128 hash);
  std::span<const Field> list() const& { return {fields_.data(), size_}; }
  std::span<const Field> list() && = delete;  ///< would dangle

 private:
  Field& add(std::string_view name, Field::Type type);
  std::array<Field, 8> fields_;
  std::size_t size_ = 0;
};

/// Everything that the record says besides its time and kind. Lossless for records that seqlab emits.
Fields fields_of(const sim::Record& record);

/// "12.418000000 s  voted  node n3, height 4, round 0, vote prevote, block 7c1e...".
std::string describe(const sim::Record& record, std::uint32_t sequencer_count);

std::string_view word_for(sim::DropReason reason);
std::string_view word_for(sim::DiskFault fault);
std::string_view word_for(sim::VoteType type);
std::string_view word_for(sim::CommitLevel level);
std::string_view word_for(sim::EvidenceKind kind);
std::string_view word_for(sim::AttackKind kind);
/// Name of a message kind in records, "unknown" beyond the list.
std::string_view message_kind_name(std::uint8_t kind);
/// Name of an engine's reason in `message_rejected`.
std::string_view reject_name(std::uint16_t reason);
std::string_view admit_error_name(std::uint8_t error);
std::string_view tx_status_name(std::uint8_t status);
/// Of `step_entered`.
std::string_view step_name(std::uint8_t step);
std::string_view evict_reason_name(std::uint8_t reason);
/// Of transactions on layer 1 (protocols::L1TxKind).
std::string_view l1_tx_kind_name(std::uint16_t kind);
/// Of `forced_done`.
std::string_view forced_status_name(std::uint8_t status);
/// Why money moved, in `balance_moved`.
std::string_view move_cause_name(std::uint8_t cause);

}  // namespace seqlab::analysis
