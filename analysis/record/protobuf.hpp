// Enough of the protobuf wire format to write a trace: varints, 64-bit fields, strings, nested messages.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace seqlab::analysis {

class ProtoMessage {
 public:
  void clear() { bytes_.clear(); }
  std::string_view bytes() const { return bytes_; }

  void varint(std::uint32_t field, std::uint64_t value) {
    raw(std::uint64_t{field} << 3U);
    raw(value);
  }
  void fixed64(std::uint32_t field, std::uint64_t value) {
    raw(std::uint64_t{field} << 3U | 1U);
    for (int shift = 0; shift < 64; shift += 8) bytes_ += static_cast<char>(value >> shift & 0xffU);
  }
  void text(std::uint32_t field, std::string_view value) {
    raw(std::uint64_t{field} << 3U | 2U);
    raw(value.size());
    bytes_ += value;
  }
  void message(std::uint32_t field, const ProtoMessage& value) { text(field, value.bytes()); }

 private:
  void raw(std::uint64_t value) {
    while (value >= 0x80U) {
      bytes_ += static_cast<char>((value & 0x7fU) | 0x80U);
      value >>= 7U;
    }
    bytes_ += static_cast<char>(value);
  }
  std::string bytes_;
};

}  // namespace seqlab::analysis
