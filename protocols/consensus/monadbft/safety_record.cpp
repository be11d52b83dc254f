#include "protocols/consensus/monadbft/safety_record.hpp"

#include <memory>
#include <utility>

#include "protocols/consensus/log_encoding.hpp"

namespace seqlab::protocols {

namespace {

constexpr std::size_t expected_size = 1024;

template <class T>
bool write_presence(LogWriter& w, const std::shared_ptr<const T>& p) {
  w.add(std::uint8_t{p != nullptr});
  return p != nullptr;
}
bool read_presence(LogReader& r) {
  std::uint8_t there = 0;
  r.get(there);
  return there != 0 && r.good();
}

void write(LogWriter& w, const std::vector<SignerSignature>& signers) {
  w.add(signers.size());
  for (const SignerSignature& s : signers) w.add(s.voter).add(s.signature.handle);
}
void read(LogReader& r, std::vector<SignerSignature>& signers) {
  std::size_t count = 0;
  r.get(count);
  for (std::size_t i = 0; i < count && r.good(); ++i) {
    SignerSignature s;
    r.get(s.voter).get(s.signature.handle);
    signers.push_back(s);
  }
}

void write(LogWriter& w, const QuorumCertPtr& cert) {
  if (write_presence(w, cert)) w.add(*cert);
}
void read(LogReader& r, QuorumCertPtr& out) {
  if (!read_presence(r)) return;
  QuorumCert cert;
  r.get(cert);
  out = std::make_shared<const QuorumCert>(std::move(cert));
}

void write(LogWriter& w, const BlockPtr& block) {
  if (write_presence(w, block)) w.add(*block);
}
void read(LogReader& r, BlockPtr& out) {
  if (!read_presence(r)) return;
  Block block;
  r.get(block);
  out = std::make_shared<const Block>(std::move(block));
}

void write(LogWriter& w, const MonadTimeoutCertPtr& cert);
void read(LogReader& r, MonadTimeoutCertPtr& out, int depth);

void write(LogWriter& w, const TipPtr& tip) {
  if (!write_presence(w, tip)) return;
  write(w, tip->block);
  w.add(tip->signature.handle);
  if (write_presence(w, tip->nec)) {
    w.add(tip->nec->epoch).add(tip->nec->round).add(tip->nec->tip_qc_round);
    write(w, tip->nec->signatures);
  }
  write(w, tip->no_tip);
}
/// `depth`: a TC holds a tip and a tip a TC, which names a QC and ends it.
void read(LogReader& r, TipPtr& out, int depth) {
  if (!read_presence(r)) return;
  Tip tip;
  read(r, tip.block);
  r.get(tip.signature.handle);
  if (read_presence(r)) {
    NoEndorsementCert nec;
    r.get(nec.epoch).get(nec.round).get(nec.tip_qc_round);
    read(r, nec.signatures);
    tip.nec = std::make_shared<const NoEndorsementCert>(std::move(nec));
  }
  read(r, tip.no_tip, depth);
  out = std::make_shared<const Tip>(std::move(tip));
}

void write(LogWriter& w, const MonadTimeoutCertPtr& cert) {
  if (!write_presence(w, cert)) return;
  w.add(cert->epoch).add(cert->round).add(cert->groups.size());
  for (const TimeoutGroup& g : cert->groups) {
    w.add(g.high_qc_round).add(g.high_tip_round);
    write(w, g.signers);
  }
  write(w, cert->high_qc);
  write(w, cert->high_tip);
}
void read(LogReader& r, MonadTimeoutCertPtr& out, int depth) {
  if (depth == 0 || !read_presence(r)) return;
  MonadTimeoutCert cert;
  std::size_t count = 0;
  r.get(cert.epoch).get(cert.round).get(count);
  for (std::size_t i = 0; i < count && r.good(); ++i) {
    TimeoutGroup g;
    r.get(g.high_qc_round).get(g.high_tip_round);
    read(r, g.signers);
    cert.groups.push_back(std::move(g));
  }
  read(r, cert.high_qc);
  read(r, cert.high_tip, depth - 1);
  out = std::make_shared<const MonadTimeoutCert>(std::move(cert));
}

}  // namespace

void MonadSafety::hash_into(HashBuilder& h) const {
  h.add(voted).add(timed_out).add(proposed).add(refused).add(refused_tip);
}

std::vector<std::byte> encode(const MonadRecord& record) {
  LogWriter w{expected_size + (record.body != nullptr ? log_size(*record.body) : 0)};
  w.add(record.statement).add(record.epoch).add(record.round);
  const MonadSafety& s = record.safety;
  w.add(s.voted).add(s.timed_out).add(s.proposed).add(s.refused).add(s.refused_tip);
  write(w, record.high_tip);
  write(w, record.high_qc);
  write(w, record.last_tc);
  w.add(record.vote).add(record.high_qc_round).add(record.high_tip_round).add(record.timeout_signature.handle);
  write(w, record.body);
  return w.take();
}

std::optional<MonadRecord> decode_monad(std::span<const std::byte> bytes) {
  constexpr int depth_max = 8;
  LogReader r{bytes};
  MonadRecord record;
  r.get(record.statement).get(record.epoch).get(record.round);
  MonadSafety& s = record.safety;
  r.get(s.voted).get(s.timed_out).get(s.proposed).get(s.refused).get(s.refused_tip);
  read(r, record.high_tip, depth_max);
  read(r, record.high_qc);
  read(r, record.last_tc, depth_max);
  r.get(record.vote).get(record.high_qc_round).get(record.high_tip_round).get(record.timeout_signature.handle);
  read(r, record.body);
  if (!r.good() || !r.at_end() || record.statement > MonadStatement::no_endorsement) return std::nullopt;
  return record;
}

}  // namespace seqlab::protocols
