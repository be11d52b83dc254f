// A durable store: an append-only log of checksummed entries plus named cells that are replaced atomically, each with
// the fate of written, synced, torn and lost data. Time is charged by whoever waits for `sync_time`.
//
// Bytes change in one place only, where a crash tears the last entry. So no checksum is kept: it is worked out there,
// before and after, and whether the two differ says what a reader would find.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
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

  /// Appends an entry to the log. It is volatile until `mark_synced` has been called for it. What a crash left of a
  /// torn tail is cut off first. No allocation once the log has reached its largest size.
  /// @param rest  what the entry goes on with
  /// @return its position, counted from 0 over the life of the disk: positions of lost entries are never given again
  std::uint64_t append(std::span<const std::byte> entry, std::span<const std::byte> rest = {});
  /// Everything up to and including `position` survives a crash. Positions beyond the end mean the end.
  void mark_synced(std::uint64_t position);
  /// Releases entries before `position` (a finished height), at once and for good. Keeps memory flat.
  void truncate_before(std::uint64_t position);

  /// Replaces the cell atomically (write temp, sync, rename): either the old or the new content survives a crash,
  /// the new one once `mark_cell_synced` was called.
  void put_cell(std::uint32_t cell, std::span<const std::byte> content);
  /// The content written last is durable. No effect on a cell that was never written.
  void mark_cell_synced(std::uint32_t cell);

  struct Entry {
    std::uint64_t position;
    std::vector<std::byte> bytes;
  };
  /// The log as a program finds it at start: entries in order, a torn or damaged tail already cut off (recognised by
  /// its checksum).
  std::vector<Entry> read_log() const;
  /// Empty if the cell was never written or did not survive.
  std::vector<std::byte> read_cell(std::uint32_t cell) const;

  /// The position that the next entry will get.
  std::uint64_t end() const { return next_; }
  /// Entries before it are durable.
  std::uint64_t synced_end() const { return synced_; }

  /// Power loss. `unsynced_lost`: volatile data vanish. `torn_tail`: a prefix of the volatile bytes, drawn from
  /// `luck`, reaches the platter and its last entry is cut; each unsynced cell keeps its old or gets its new content.
  /// `wiped`: everything is gone. `rolled_back`: the state of the last `checkpoint` comes back (an empty disk if there
  /// was none).
  /// @return number of log entries lost
  std::uint64_t crash(DiskFault fault, Stream& luck);
  /// Remembers the synced state for `rolled_back`.
  void checkpoint();

  /// Memory held for the log and the cells, for tests of flatness.
  std::size_t memory_bytes() const;

 private:
  struct Slot {
    std::uint64_t position;
    std::size_t offset;  // into bytes
    std::size_t size;
  };
  struct Log {
    std::vector<std::byte> bytes;
    std::vector<Slot> slots;
    std::size_t head = 0;  // slots before it, and bytes before the first of the rest, are released
  };
  struct Cell {
    std::uint32_t id;
    bool synced;
    std::vector<std::byte> durable;
    std::vector<std::byte> written;
  };
  struct Checkpoint {
    Log log;
    std::vector<Cell> cells;
  };

  std::span<const std::byte> bytes_of(const Slot& slot) const { return {log_.bytes.data() + slot.offset, slot.size}; }
  std::uint64_t checksum(const Slot& slot) const;
  /// Entries before it, as an index of slots, have the checksums that they were written with.
  std::size_t intact_end() const { return log_.slots.size() - (torn_ ? 1 : 0); }
  std::size_t live() const { return log_.slots.size() - log_.head; }
  /// Removes the last entries, down to `keep` of them in all.
  void drop_tail(std::size_t keep);
  void tear_tail(std::size_t first_volatile, Stream& luck);
  Cell* find_cell(std::uint32_t id);

  Log log_;
  std::vector<Cell> cells_;
  std::uint64_t next_ = 0;
  std::uint64_t synced_ = 0;  // entries at positions < synced_ are durable
  bool torn_ = false;         // the last entry is damaged
  std::unique_ptr<Checkpoint> checkpoint_;
};

}  // namespace seqlab::sim
