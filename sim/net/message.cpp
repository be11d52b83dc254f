#include "sim/net/message.hpp"

namespace seqlab::sim {

namespace {
constexpr std::size_t line = 64;
constexpr std::size_t bodies_in_chunk = 32;
}  // namespace

MessagePool::~MessagePool() = default;

void* MessagePool::allocate(std::size_t size_class) {
  ++live_;
  if (size_class >= classes) return ::operator new(size_class * line, std::align_val_t{line});
  auto& free = free_[size_class];
  if (free.empty()) {
    const std::size_t body = size_class * line;
    chunks_.push_back(std::make_unique<std::byte[]>(body * bodies_in_chunk + line));
    const auto address = reinterpret_cast<std::uintptr_t>(chunks_.back().get());
    std::byte* first = chunks_.back().get() + (line - address % line) % line;
    free.reserve(chunks_.size() * bodies_in_chunk);
    for (std::size_t i = bodies_in_chunk; i-- > 0;) free.push_back(first + i * body);
  }
  void* memory = free.back();
  free.pop_back();
  return memory;
}

void MessagePool::destroy(Message* message) {
  const std::size_t size_class = message->size_class_;
  message->~Message();
  --live_;
  if (size_class >= classes) {
    ::operator delete(message, std::align_val_t{line});
  } else {
    free_[size_class].push_back(message);
  }
}

}  // namespace seqlab::sim
