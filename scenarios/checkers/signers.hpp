// The signers of a certificate, from the records that come right before its `certified`.
#pragma once

#include "scenarios/checkers/roster.hpp"

namespace seqlab::scenarios {

class Signers {
 public:
  /// Takes the next `certificate_signers`. One that does not follow the last (another node's or another round's, or
  /// the same nodes again, because a crash came before the end) begins a new certificate.
  void add(const Record& record) {
    if (!same_vote(record) || record.peer <= last_.peer) nodes_ = {};
    last_ = record;
    nodes_.insert_word(record.peer.value / 64, record.a);
    nodes_.insert_word(record.peer.value / 64 + 1, record.b);
  }
  /// Those of the certificate that has just been recorded as seen; null if they were not listed.
  const NodeSet* of(const Record& certified) {
    if (!same_vote(certified)) return nullptr;
    last_.kind = RecordKind::certified;  // they belong to this one alone
    return &nodes_;
  }

 private:
  bool same_vote(const Record& r) const {
    return last_.kind == RecordKind::certificate_signers && last_.node == r.node && last_.height == r.height &&
           last_.round == r.round && last_.detail == r.detail;
  }
  Record last_;
  NodeSet nodes_;
};

}  // namespace seqlab::scenarios
