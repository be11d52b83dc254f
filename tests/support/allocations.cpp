#include "tests/support/allocations.hpp"

#include <atomic>
#include <cstdlib>
#include <new>

namespace {

std::atomic<std::uint64_t> allocation_count{0};
std::atomic<std::uint64_t> allocation_bytes{0};
std::atomic<std::uint64_t> free_count{0};

void* allocate(std::size_t size, std::size_t alignment) {
  allocation_count.fetch_add(1, std::memory_order_relaxed);
  allocation_bytes.fetch_add(size, std::memory_order_relaxed);
  // aligned_alloc wants a multiple of the alignment, and neither function a size of zero.
  const std::size_t rounded = size == 0 ? alignment : (size + alignment - 1) / alignment * alignment;
  const bool ordinary = alignment <= __STDCPP_DEFAULT_NEW_ALIGNMENT__;
  void* memory = ordinary ? std::malloc(rounded) : std::aligned_alloc(alignment, rounded);
  if (memory == nullptr) throw std::bad_alloc{};
  return memory;
}

void release(void* memory) {
  if (memory == nullptr) return;
  free_count.fetch_add(1, std::memory_order_relaxed);
  std::free(memory);
}

}  // namespace

namespace seqlab::tests {

Allocations allocations() {
  return {allocation_count.load(std::memory_order_relaxed), allocation_bytes.load(std::memory_order_relaxed),
          free_count.load(std::memory_order_relaxed)};
}

}  // namespace seqlab::tests

// The array and nothrow forms of the library call these.
void* operator new(std::size_t size) { return allocate(size, __STDCPP_DEFAULT_NEW_ALIGNMENT__); }
void* operator new(std::size_t size, std::align_val_t alignment) {
  return allocate(size, static_cast<std::size_t>(alignment));
}
void operator delete(void* memory) noexcept { release(memory); }
void operator delete(void* memory, std::size_t) noexcept { release(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { release(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { release(memory); }
