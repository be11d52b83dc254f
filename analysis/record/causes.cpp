#include "analysis/record/causes.hpp"

namespace seqlab::analysis {

using sim::Record;
using sim::RecordKind;

void Causes::on_record(const Record& record) {
  if (found_) return;
  const bool wanted = seen_++ == index_;
  if (wanted) {
    first_ = cause_of(record);
    found_ = true;
    return;
  }
  switch (record.kind) {
    case RecordKind::message_sent:
      // A message that goes to several one by one has several records: the first tells why.
      if (sent_.emplace(record.a, steps_.size()).second) steps_.push_back({record, cause_of(record)});
      break;
    case RecordKind::message_delivered:
    case RecordKind::node_started:
    case RecordKind::node_crashed:
    case RecordKind::node_resumed:
      steps_.push_back({record, cause_of(record)});
      handled_[record.node.value] = steps_.size() - 1;
      break;
    default: break;
  }
}

std::size_t Causes::cause_of(const Record& record) const {
  if (record.kind == RecordKind::message_delivered || record.kind == RecordKind::message_dropped) {
    const auto sent = sent_.find(record.a);
    return sent == sent_.end() ? none : sent->second;
  }
  const auto input = handled_.find(record.node.value);
  if (input == handled_.end() || steps_[input->second].record.at != record.at) return none;
  return input->second;
}

std::vector<Record> Causes::chain(std::size_t length_max) const {
  std::vector<Record> out;
  for (std::size_t at = first_; at != none && out.size() < length_max; at = steps_[at].cause)
    out.push_back(steps_[at].record);
  return out;
}

bool Causes::from_timer(std::size_t length_max) const {
  const std::vector<Record> records = chain(length_max);
  if (records.size() == length_max) return false;
  return records.empty() || records.back().kind == RecordKind::message_sent;
}

}  // namespace seqlab::analysis
