#include "protocols/relay/journal.hpp"

#include <cstring>
#include <optional>

namespace seqlab::protocols {

namespace {

class Writer {
 public:
  template <class T>
  void put(const T& value) {
    const auto* from = reinterpret_cast<const std::byte*>(&value);
    bytes_.insert(bytes_.end(), from, from + sizeof value);
  }
  std::vector<std::byte> take() { return std::move(bytes_); }

 private:
  std::vector<std::byte> bytes_;
};

class Cursor {
 public:
  explicit Cursor(std::span<const std::byte> bytes) : bytes_(bytes) {}
  template <class T>
  void get(T& value) {
    if (bytes_.size() < sizeof value) {
      good_ = false;
      return;
    }
    std::memcpy(&value, bytes_.data(), sizeof value);
    bytes_ = bytes_.subspan(sizeof value);
  }
  bool good() const { return good_; }
  bool at_end() const { return bytes_.empty(); }

 private:
  std::span<const std::byte> bytes_;
  bool good_ = true;
};

}  // namespace

std::vector<std::byte> encode(const Journal& journal) {
  Writer out;
  out.put(journal.last.value);
  out.put(static_cast<std::uint32_t>(journal.prepared.size()));
  for (const Batch& b : journal.prepared) {
    out.put(b.first.value);
    out.put(b.blocks);
    out.put(b.id.hi);
    out.put(b.id.lo);
    out.put(b.nonce);
    out.put(b.price[0]);
    out.put(b.price[1]);
    out.put(ns(b.prepared));
    out.put(b.attempt);
  }
  return out.take();
}

Journal decode_journal(std::span<const std::byte> bytes) {
  Journal out;
  Cursor in{bytes};
  std::uint32_t count = 0;
  in.get(out.last.value);
  in.get(count);
  if (!in.good() || count > Journal::batches_max) return {};
  for (std::uint32_t i = 0; i < count && in.good(); ++i) {
    Batch b;
    std::int64_t prepared = 0;
    in.get(b.first.value);
    in.get(b.blocks);
    in.get(b.id.hi);
    in.get(b.id.lo);
    in.get(b.nonce);
    in.get(b.price[0]);
    in.get(b.price[1]);
    in.get(prepared);
    in.get(b.attempt);
    b.prepared = SimTime{Duration{prepared}};
    out.prepared.push_back(b);
  }
  if (!in.good() || !in.at_end()) return {};
  return out;
}

}  // namespace seqlab::protocols
