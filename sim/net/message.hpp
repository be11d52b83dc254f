// Bodies of messages: immutable, pooled, counted by reference. A broadcast shares one body between its receivers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <utility>
#include <vector>

namespace seqlab::sim {

/// Priority and bandwidth class.
enum class MessageClass : std::uint8_t { consensus, data, sync, transaction };

class MessagePool;

/// Base of every message. Filled in by its maker before it is sent, never changed afterwards.
class Message {
 public:
  virtual ~Message() = default;
  Message(const Message&) = delete;
  Message& operator=(const Message&) = delete;

  std::uint8_t kind = 0;                           ///< meaning belongs to the layer above; shown in records
  MessageClass message_class = MessageClass::consensus;
  std::uint32_t wire_bytes = 0;                    ///< size of the real encoding, header included
  std::uint64_t sequence = 0;                      ///< set by the network at the first send; unique in the world

 protected:
  Message() = default;

 private:
  friend class MessagePool;
  friend class MessagePtr;
  std::uint32_t references_ = 0;
  std::uint16_t size_class_ = 0;
  MessagePool* pool_ = nullptr;
};

/// Owning pointer, not atomic: a message never leaves the thread of its world.
class MessagePtr {
 public:
  MessagePtr() = default;
  explicit MessagePtr(Message* m) : message_(m) { retain(); }
  MessagePtr(const MessagePtr& o) : message_(o.message_) { retain(); }
  MessagePtr(MessagePtr&& o) noexcept : message_(std::exchange(o.message_, nullptr)) {}
  // Two of them, and none by value: in a template Clang 14 never destroys the parameter of `p = {}`.
  MessagePtr& operator=(const MessagePtr& o) {
    MessagePtr copy{o};
    std::swap(message_, copy.message_);
    return *this;
  }
  MessagePtr& operator=(MessagePtr&& o) noexcept {
    MessagePtr taken{std::move(o)};
    std::swap(message_, taken.message_);
    return *this;
  }
  ~MessagePtr() { release(); }

  const Message* get() const { return message_; }
  const Message& operator*() const { return *message_; }
  const Message* operator->() const { return message_; }
  explicit operator bool() const { return message_ != nullptr; }
  /// For the network (sequence number) and for makers, before the first send.
  Message& mutate() const { return *message_; }

 private:
  void retain() {
    if (message_ != nullptr) ++message_->references_;
  }
  inline void release();
  Message* message_ = nullptr;
};

/// Allocates bodies in size classes of 64 bytes up to 512; larger ones come from the heap. Freed bodies are kept.
/// @pre outlives every message that it made
class MessagePool {
 public:
  MessagePool() = default;
  ~MessagePool();
  MessagePool(const MessagePool&) = delete;
  MessagePool& operator=(const MessagePool&) = delete;

  /// A new message of type T (derived from Message), constructed from `args`; typed handle in front of MessagePtr.
  template <class T, class... Args>
  T* make(Args&&... args) {
    const std::size_t size_class = (sizeof(T) + 63) / 64;
    void* memory = allocate(size_class);
    T* message = new (memory) T{std::forward<Args>(args)...};
    message->size_class_ = static_cast<std::uint16_t>(size_class);
    message->pool_ = this;
    return message;
  }
  std::size_t live() const { return live_; }

 private:
  friend class MessagePtr;
  static constexpr std::size_t classes = 9;
  void* allocate(std::size_t size_class);
  void destroy(Message* message);

  std::vector<void*> free_[classes];
  std::vector<std::unique_ptr<std::byte[]>> chunks_;
  std::size_t live_ = 0;
};

inline void MessagePtr::release() {
  if (message_ != nullptr && --message_->references_ == 0) message_->pool_->destroy(message_);
}

}  // namespace seqlab::sim
