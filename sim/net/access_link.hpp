// The line between one machine and the network, in one direction: one message at a time, at a fixed rate. Messages wait
// in two queues: those of class `consensus` go first, all others share the second queue in order of arrival. A
// transmission that has begun is not interrupted.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "sim/base/strong.hpp"
#include "sim/kernel/time.hpp"
#include "sim/net/message.hpp"

namespace seqlab::sim {

/// One message for one receiver on its way.
struct Copy {
  NodeId from;
  NodeId to;
  std::uint32_t slot = 0;         ///< flight
  std::uint32_t incarnation = 0;  ///< of the sender
  std::uint64_t index = 0;        ///< of the message among those of its sender: addresses its draws
  Duration extra{};               ///< delay that the sender chose
};

/// ceil(8e9 * bytes / bits_per_second). @pre bits_per_second > 0
Duration transmission_time(std::uint64_t bytes, std::uint64_t bits_per_second);

class AccessLink {
 public:
  bool busy() const { return busy_; }
  /// End of the running transmission. @pre busy()
  SimTime busy_until() const { return busy_until_; }
  const Copy& current() const { return current_; }
  /// How long a message of this class would wait now before its transmission begins.
  Duration wait(SimTime now, MessageClass message_class) const;

  /// Begins a transmission. @pre !busy()
  void begin(SimTime now, const Copy& copy, Duration transmission);
  /// Ends the running transmission and hands it out. @pre busy()
  Copy end();
  void push(const Copy& copy, MessageClass message_class, Duration transmission);
  bool waiting() const { return !queues_[0].empty() || !queues_[1].empty(); }
  struct Waiting {
    Copy copy;
    Duration transmission{};
  };
  /// The message that goes next. @pre waiting()
  Waiting pop();

 private:
  /// First in, first out, without an allocation once it has reached its largest size.
  class Ring {
   public:
    bool empty() const { return size_ == 0; }
    void push(const Waiting& item);
    Waiting pop();
    Duration backlog{};

   private:
    std::vector<Waiting> items_;
    std::size_t head_ = 0;
    std::size_t size_ = 0;
  };
  static std::size_t queue_of(MessageClass c) { return c == MessageClass::consensus ? 0 : 1; }

  bool busy_ = false;
  SimTime busy_until_{};
  Copy current_;
  std::array<Ring, 2> queues_;
};

}  // namespace seqlab::sim
