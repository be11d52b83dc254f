#include "protocols/consensus/tendermint/safety_record.hpp"

#include <cstring>
#include <type_traits>
#include <utility>

namespace seqlab::protocols {

namespace {

class Writer {
 public:
  explicit Writer(std::size_t expected) { bytes_.reserve(expected); }
  template <class T>
    requires(std::is_integral_v<T> || std::is_enum_v<T>)
  Writer& add(T v) {
    return raw(&v, sizeof v);
  }
  template <class Tag>
    requires requires(Tag t) { t.value; }
  Writer& add(const Tag& strong) {
    return add(strong.value);
  }
  Writer& add(Hash128 h) { return add(h.hi).add(h.lo); }
  Writer& add(SimTime t) { return add(ns(t)); }
  Writer& add(const LockedValue& v) { return add(v.round).add(v.block); }
  Writer& add(const Vote& v) {
    return add(v.height).add(v.round).add(v.type).add(v.voter).add(v.block).add(v.timestamp).add(v.signature.handle);
  }
  /// Elements as they lie in memory: the log is read by the program that wrote it.
  template <class T>
  Writer& add_array(const std::vector<T>& items) {
    static_assert(std::is_trivially_copyable_v<T> && std::has_unique_object_representations_v<T>);
    add(items.size());
    return raw(items.data(), items.size() * sizeof(T));
  }
  std::vector<std::byte> take() { return std::move(bytes_); }

 private:
  Writer& raw(const void* data, std::size_t size) {
    const std::size_t at = bytes_.size();
    bytes_.resize(at + size);
    if (size != 0) std::memcpy(bytes_.data() + at, data, size);
    return *this;
  }
  std::vector<std::byte> bytes_;
};

/// Reads past the end give zeros and clear `good`.
class Reader {
 public:
  explicit Reader(std::span<const std::byte> bytes) : rest_(bytes) {}
  template <class T>
    requires(std::is_integral_v<T> || std::is_enum_v<T>)
  Reader& get(T& v) {
    v = T{};
    if (rest_.size() < sizeof v) {
      good_ = false;
      rest_ = {};
      return *this;
    }
    std::memcpy(&v, rest_.data(), sizeof v);
    rest_ = rest_.subspan(sizeof v);
    return *this;
  }
  template <class Tag>
    requires requires(Tag t) { t.value; }
  Reader& get(Tag& strong) {
    return get(strong.value);
  }
  Reader& get(Hash128& h) { return get(h.hi).get(h.lo); }
  Reader& get(SimTime& t) {
    std::int64_t n = 0;
    get(n);
    t = at_ns(n);
    return *this;
  }
  Reader& get(LockedValue& v) { return get(v.round).get(v.block); }
  Reader& get(Vote& v) {
    return get(v.height).get(v.round).get(v.type).get(v.voter).get(v.block).get(v.timestamp).get(v.signature.handle);
  }
  template <class T>
  Reader& get_array(std::vector<T>& items) {
    std::size_t count = 0;
    get(count);
    if (count > rest_.size() / sizeof(T)) {
      good_ = false;
      rest_ = {};
      return *this;
    }
    items.resize(count);
    if (count != 0) std::memcpy(items.data(), rest_.data(), count * sizeof(T));
    rest_ = rest_.subspan(count * sizeof(T));
    return *this;
  }
  bool good() const { return good_; }
  bool at_end() const { return rest_.empty(); }

 private:
  std::span<const std::byte> rest_;
  bool good_ = true;
};

void write(Writer& w, const Block& b) {
  w.add(b.id).add(b.height).add(b.round).add(b.parent).add(b.proposer).add(b.timestamp).add(b.state_before);
  w.add(b.committee_hash).add_array(b.transactions).add(b.evidence.size());
  for (const Evidence& e : b.evidence) w.add(e.kind).add(e.offender).add(e.first).add(e.second);
  const Commit& c = b.last_commit;
  w.add(c.height).add(c.round).add(c.block).add(c.type).add(c.signatures.size());
  for (const CommitSignature& s : c.signatures) w.add(s.voter).add(s.timestamp).add(s.signature.handle);
  w.add(b.bytes);
}

BlockPtr read_block(Reader& r) {
  Block b;
  r.get(b.id).get(b.height).get(b.round).get(b.parent).get(b.proposer).get(b.timestamp).get(b.state_before);
  std::size_t evidence = 0;
  r.get(b.committee_hash).get_array(b.transactions).get(evidence);
  for (std::size_t i = 0; i < evidence && r.good(); ++i) {
    Evidence e;
    r.get(e.kind).get(e.offender).get(e.first).get(e.second);
    b.evidence.push_back(e);
  }
  Commit& c = b.last_commit;
  std::size_t signatures = 0;
  r.get(c.height).get(c.round).get(c.block).get(c.type).get(signatures);
  for (std::size_t i = 0; i < signatures && r.good(); ++i) {
    CommitSignature s{};
    r.get(s.voter).get(s.timestamp).get(s.signature.handle);
    c.signatures.push_back(s);
  }
  r.get(b.bytes);
  return r.good() ? std::make_shared<const Block>(std::move(b)) : nullptr;
}

std::size_t expected_size(const SafetyRecord& record) {
  constexpr std::size_t fixed = 128;
  if (record.body == nullptr) return fixed;
  return 3 * fixed + record.body->transactions.size() * sizeof(Transaction) +
         record.body->evidence.size() * sizeof(Evidence) +
         record.body->last_commit.signatures.size() * sizeof(CommitSignature);
}

}  // namespace

std::vector<std::byte> encode(const SafetyRecord& record) {
  Writer w{expected_size(record)};
  w.add(record.statement).add(record.height).add(record.round).add(record.block).add(record.proposal_valid_round);
  w.add(record.timestamp).add(record.signature.handle).add(record.locked).add(record.valid);
  w.add(std::uint8_t{record.body != nullptr});
  if (record.body != nullptr) write(w, *record.body);
  return w.take();
}

std::optional<SafetyRecord> decode(std::span<const std::byte> bytes) {
  Reader r{bytes};
  SafetyRecord record;
  std::uint8_t has_body = 0;
  r.get(record.statement).get(record.height).get(record.round).get(record.block).get(record.proposal_valid_round);
  r.get(record.timestamp).get(record.signature.handle).get(record.locked).get(record.valid).get(has_body);
  if (has_body != 0) record.body = read_block(r);
  if (!r.good() || !r.at_end() || record.statement > Statement::value_seen) return std::nullopt;
  return record;
}

}  // namespace seqlab::protocols
