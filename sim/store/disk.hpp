// A durable store: an append-only log of checksummed entries plus named cells that are replaced atomically, each with
// the fate of written, synced, torn and lost data. Time is charged by whoever waits for `sync_time`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "sim/kernel/time.hpp"
#include "sim/random/stream.hpp"
#include "sim/trace/record.hpp"

namespace seqlab::sim {

class Disk {
 public:
  /// What one sync costs; zero means that `sync` is immediate.
  Duration sync_time{};

  /// Appends an entry to the log. It is volatile until `mark_synced` has been called for it.
  /// @return its position, counted from 0 over the life of the disk
  std::uint64_t append(std::span<const std::byte> entry);
  /// Everything up to and including `position` survives a crash.
  void mark_synced(std::uint64_t position);
  /// Releases entries before `position` (a finished height). Keeps memory flat.
  void truncate_before(std::uint64_t position);

  /// Replaces the cell atomically (write temp, sync, rename): either the old or the new content survives a crash,
  /// the new one once `mark_cell_synced` was called.
  void put_cell(std::uint32_t cell, std::span<const std::byte> content);
  void mark_cell_synced(std::uint32_t cell);

  struct Entry {
    std::uint64_t position;
    std::vector<std::byte> bytes;
  };
  /// The log as a program finds it at start: entries in order, a torn or damaged tail already cut off.
  std::vector<Entry> read_log() const;
  std::vector<std::byte> read_cell(std::uint32_t cell) const;

  std::uint64_t end() const { return next_; }

  /// Power loss. `unsynced_lost`: volatile data vanish. `torn_tail`: a prefix of the volatile bytes, drawn from
  /// `luck`, reaches the platter and its last entry is cut. `wiped`: everything is gone. `rolled_back`: the state
  /// of the last `checkpoint` comes back.
  /// @return number of entries lost
  std::uint64_t crash(DiskFault fault, Stream& luck);
  /// Remembers the synced state for `rolled_back`.
  void checkpoint();

 private:
  struct Slot {
    std::uint64_t position;
    std::size_t offset;  // into bytes_
    std::size_t size;
    std::uint64_t checksum;
  };
  struct Cell {
    std::uint32_t id;
    bool synced;
    std::vector<std::byte> durable;
    std::vector<std::byte> written;
  };
  std::vector<std::byte> bytes_;
  std::vector<Slot> slots_;
  std::vector<Cell> cells_;
  std::uint64_t next_ = 0;
  std::uint64_t synced_ = 0;  // entries at positions < synced_ are durable
  std::vector<std::byte> checkpoint_bytes_;
  std::vector<Slot> checkpoint_slots_;
  std::vector<Cell> checkpoint_cells_;
  std::uint64_t checkpoint_next_ = 0;
};

}  // namespace seqlab::sim
