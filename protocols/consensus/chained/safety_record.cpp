#include "protocols/consensus/chained/safety_record.hpp"

#include <memory>
#include <utility>

#include "protocols/consensus/log_encoding.hpp"

namespace seqlab::protocols {

namespace {

constexpr std::size_t fixed_size = 192;

void write(LogWriter& w, const QuorumCertPtr& cert) {
  w.add(std::uint8_t{cert != nullptr});
  if (cert != nullptr) w.add(*cert);
}

QuorumCertPtr read_quorum_cert(LogReader& r) {
  std::uint8_t there = 0;
  r.get(there);
  if (there == 0) return nullptr;
  QuorumCert cert;
  r.get(cert);
  return std::make_shared<const QuorumCert>(std::move(cert));
}

void write(LogWriter& w, const TimeoutCertPtr& cert) {
  w.add(std::uint8_t{cert != nullptr});
  if (cert == nullptr) return;
  w.add(cert->epoch).add(cert->round).add(cert->signatures.size());
  for (const TimeoutSignature& s : cert->signatures) {
    w.add(s.voter).add(s.high_qc_round).add(s.high_tip_round).add(s.signature.handle);
  }
  write(w, cert->high_qc);
}

TimeoutCertPtr read_timeout_cert(LogReader& r) {
  std::uint8_t there = 0;
  r.get(there);
  if (there == 0) return nullptr;
  TimeoutCert cert;
  std::size_t count = 0;
  r.get(cert.epoch).get(cert.round).get(count);
  for (std::size_t i = 0; i < count && r.good(); ++i) {
    TimeoutSignature s;
    r.get(s.voter).get(s.high_qc_round).get(s.high_tip_round).get(s.signature.handle);
    cert.signatures.push_back(s);
  }
  cert.high_qc = read_quorum_cert(r);
  return std::make_shared<const TimeoutCert>(std::move(cert));
}

std::size_t size_of(const QuorumCertPtr& cert) {
  return cert != nullptr ? fixed_size + cert->signatures.size() * sizeof(CommitSignature) : 0;
}

}  // namespace

void SafetyState::hash_into(HashBuilder& h) const {
  h.add(voted).add(timed_out).add(proposed).add(locked).add(locked_block);
}

std::vector<std::byte> encode(const ChainedRecord& record) {
  std::size_t size = fixed_size + record.extra.size() + size_of(record.high_qc);
  if (record.body != nullptr) size += log_size(*record.body);
  if (record.tc != nullptr) {
    size += record.tc->signatures.size() * sizeof(TimeoutSignature) + size_of(record.tc->high_qc);
  }
  LogWriter w{size};
  w.add(record.statement).add(record.epoch).add(record.height).add(record.round).add(record.block);
  w.add(record.timestamp).add(record.signature.handle);
  const SafetyState& s = record.safety;
  w.add(s.voted).add(s.timed_out).add(s.proposed).add(s.locked).add(s.locked_block);
  write(w, record.high_qc);
  write(w, record.tc);
  w.add(record.high_tip_round).add(std::uint8_t{record.body != nullptr});
  if (record.body != nullptr) w.add(*record.body);
  w.add_array(record.extra);
  return w.take();
}

std::optional<ChainedRecord> decode_chained(std::span<const std::byte> bytes) {
  LogReader r{bytes};
  ChainedRecord record;
  r.get(record.statement).get(record.epoch).get(record.height).get(record.round).get(record.block);
  r.get(record.timestamp).get(record.signature.handle);
  SafetyState& s = record.safety;
  r.get(s.voted).get(s.timed_out).get(s.proposed).get(s.locked).get(s.locked_block);
  record.high_qc = read_quorum_cert(r);
  record.tc = read_timeout_cert(r);
  std::uint8_t has_body = 0;
  r.get(record.high_tip_round).get(has_body);
  if (has_body != 0) {
    Block body;
    r.get(body);
    record.body = std::make_shared<const Block>(std::move(body));
  }
  r.get_array(record.extra);
  if (!r.good() || !r.at_end() || record.statement > ChainedStatement::timeout) return std::nullopt;
  return record;
}

}  // namespace seqlab::protocols
