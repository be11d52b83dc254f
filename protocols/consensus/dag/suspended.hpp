// Vertices whose ancestors are not all here yet. Bounded: so many for each author, and what is nearest to being of use
// stays.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "protocols/consensus/dag/vertex.hpp"

namespace seqlab::protocols {

class SuspendedVertices {
 public:
  struct Entry {
    MessagePtr message;
    NodeId from;                     ///< who sent it: has its ancestors, if honest
    std::vector<VertexRef> missing;  ///< sorted; what has come meanwhile is taken out
  };
  /// @return false if the author has as many here as he may, all of them of earlier rounds
  bool add(const MessagePtr& message, NodeId from, std::vector<VertexRef> missing, std::size_t per_author_max) {
    const Vertex& v = vertex_of(message);
    if (entries_.contains(v.ref())) return true;
    if (held_.size() <= v.author.value) held_.resize(v.author.value + 1);
    if (held_[v.author.value] >= per_author_max) {
      const auto last = std::find_if(entries_.rbegin(), entries_.rend(),
                                     [&](const auto& e) { return e.first.author == v.author; });
      if (last == entries_.rend() || last->first.round <= v.round) return false;
      remove(VertexRef{last->first});
    }
    ++held_[v.author.value];
    for (const VertexRef& r : missing) waiting_[r].waiters.push_back(v.ref());
    entries_.emplace(v.ref(), Entry{message, from, std::move(missing)});
    return true;
  }
  bool contains(const VertexRef& ref) const { return entries_.contains(ref); }
  bool is_wanted(const VertexRef& ref) const { return waiting_.contains(ref); }
  bool empty() const { return entries_.empty(); }
  const std::map<VertexRef, Entry>& entries() const { return entries_; }

  /// `ref` has come, or is not needed any more: takes out who lacks nothing else, in order.
  void resolve(const VertexRef& ref, std::vector<Entry>& ready) {
    const auto at = waiting_.find(ref);
    if (at == waiting_.end()) return;
    const std::vector<VertexRef> waiters = std::move(at->second.waiters);
    waiting_.erase(at);
    for (const VertexRef& waiter : waiters) {
      const auto entry = entries_.find(waiter);
      if (entry == entries_.end()) continue;
      std::vector<VertexRef>& missing = entry->second.missing;
      // (Clang 14 cannot read libstdc++'s subranges.)
      const auto [from, to] = std::equal_range(missing.begin(), missing.end(), ref);
      missing.erase(from, to);
      if (!missing.empty()) continue;
      ready.push_back(std::move(entry->second));
      erase(entry);
    }
  }
  /// References up to `floor` are not needed any more, vertices up to it are of no use.
  void collect(Round floor, std::vector<Entry>& ready) {
    while (!entries_.empty() && entries_.begin()->first.round <= floor) erase(entries_.begin());
    while (!waiting_.empty() && waiting_.begin()->first.round <= floor) {
      const VertexRef oldest = waiting_.begin()->first;
      resolve(oldest, ready);
    }
  }
  /// All of them, to be looked at anew.
  std::vector<Entry> take_all() {
    std::vector<Entry> all;
    for (auto& [ref, entry] : entries_) all.push_back(std::move(entry));
    clear();
    return all;
  }
  struct Request {
    VertexRef ref;
    NodeId holder;               ///< who sent a vertex that refers to it
    std::uint32_t attempt = 0;   ///< how often it was asked for
  };
  /// What is waited for, is not itself here and should be asked for now: everything once, and again after every
  /// `period` calls.
  std::vector<Request> due(std::uint32_t period, std::size_t most) {
    std::vector<Request> out;
    for (auto& [ref, waited] : waiting_) {
      if (out.size() >= most) break;
      if (entries_.contains(ref)) continue;
      const std::uint32_t calls = waited.calls++;
      const auto entry = entries_.find(waited.waiters.front());
      if (calls % period == 0 && entry != entries_.end()) out.push_back({ref, entry->second.from, calls / period});
    }
    return out;
  }
  void clear() {
    entries_.clear();
    waiting_.clear();
    held_.clear();
  }
  friend bool operator==(const SuspendedVertices& a, const SuspendedVertices& b) {
    if (a.entries_.size() != b.entries_.size()) return false;
    for (auto x = a.entries_.begin(), y = b.entries_.begin(); x != a.entries_.end(); ++x, ++y) {
      if (x->first != y->first || x->second.from != y->second.from || x->second.missing != y->second.missing) {
        return false;
      }
    }
    return a.waiting_ == b.waiting_;
  }
  void hash_into(HashBuilder& h) const {
    h.add(entries_.size());
    for (const auto& [ref, entry] : entries_) {
      h.add(ref.id).add(entry.from).add(entry.missing.size());
      for (const VertexRef& missing : entry.missing) h.add(missing.id);
    }
    h.add(waiting_.size());
    for (const auto& [ref, waited] : waiting_) {
      h.add(ref.id).add(waited.calls).add(waited.waiters.size());
      for (const VertexRef& waiter : waited.waiters) h.add(waiter.id);
    }
  }

 private:
  void remove(const VertexRef& ref) {
    const auto entry = entries_.find(ref);
    for (const VertexRef& r : entry->second.missing) {
      const auto at = waiting_.find(r);
      if (at == waiting_.end()) continue;
      std::erase(at->second.waiters, ref);
      if (at->second.waiters.empty()) waiting_.erase(at);
    }
    erase(entry);
  }
  void erase(std::map<VertexRef, Entry>::iterator entry) {
    --held_[entry->first.author.value];
    entries_.erase(entry);
  }
  struct Waited {
    std::vector<VertexRef> waiters;  // never empty
    std::uint32_t calls = 0;         // of `due`
    friend bool operator==(const Waited&, const Waited&) = default;
  };
  std::map<VertexRef, Entry> entries_;
  std::map<VertexRef, Waited> waiting_;  // by what is missing
  std::vector<std::size_t> held_;        // by author: how many of `entries_` are his; no part of the value
};

}  // namespace seqlab::protocols
