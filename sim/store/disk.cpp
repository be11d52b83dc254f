#include "sim/store/disk.hpp"

#include <algorithm>

#include "sim/base/hash.hpp"

namespace seqlab::sim {

namespace {
/// Length and checksum that precede each entry on the platter; a tear may fall inside them.
constexpr std::uint64_t frame_bytes = 16;
/// Released bytes below this are not worth moving the rest.
constexpr std::size_t compact_bytes_min = 4096;
constexpr std::size_t compact_slots_min = 64;
}  // namespace

std::uint64_t Disk::append(std::span<const std::byte> entry, std::span<const std::byte> rest) {
  if (torn_) {
    drop_tail(live() - 1);
    torn_ = false;
  }
  const std::size_t offset = log_.bytes.size();
  log_.bytes.insert(log_.bytes.end(), entry.begin(), entry.end());
  log_.bytes.insert(log_.bytes.end(), rest.begin(), rest.end());
  log_.slots.push_back(Slot{next_, offset, entry.size() + rest.size()});
  return next_++;
}

void Disk::mark_synced(std::uint64_t position) {
  synced_ = std::max(synced_, position < next_ ? position + 1 : next_);
}

void Disk::truncate_before(std::uint64_t position) {
  auto& [bytes, slots, head] = log_;
  while (head < slots.size() && slots[head].position < position) ++head;
  if (head == slots.size()) {
    slots.clear();
    bytes.clear();
    head = 0;
    torn_ = false;
    return;
  }
  // Each byte is moved at most once for each byte released: the live part is not larger than the released one.
  const std::size_t released = slots[head].offset;
  if (released >= compact_bytes_min && released >= bytes.size() - released) {
    bytes.erase(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(released));
    for (std::size_t i = head; i < slots.size(); ++i) slots[i].offset -= released;
  }
  if (head >= compact_slots_min && head >= slots.size() - head) {
    slots.erase(slots.begin(), slots.begin() + static_cast<std::ptrdiff_t>(head));
    head = 0;
  }
}

Disk::Cell* Disk::find_cell(std::uint32_t id) {
  for (Cell& cell : cells_) {
    if (cell.id == id) return &cell;
  }
  return nullptr;
}

void Disk::put_cell(std::uint32_t id, std::span<const std::byte> content) {
  Cell* cell = find_cell(id);
  if (cell == nullptr) {
    cells_.push_back(Cell{id, true, {}, {}});
    cell = &cells_.back();
  }
  cell->written.assign(content.begin(), content.end());
  cell->synced = false;
}

void Disk::mark_cell_synced(std::uint32_t id) {
  Cell* cell = find_cell(id);
  if (cell == nullptr || cell->synced) return;
  cell->durable = cell->written;
  cell->synced = true;
}

std::uint64_t Disk::checksum(const Slot& slot) const { return hash64(bytes_of(slot), slot.position); }

std::vector<Disk::Entry> Disk::read_log() const {
  std::vector<Entry> entries;
  entries.reserve(live());
  for (std::size_t i = log_.head; i < intact_end(); ++i) {
    const Slot& slot = log_.slots[i];
    const auto bytes = bytes_of(slot);
    entries.push_back(Entry{slot.position, {bytes.begin(), bytes.end()}});
  }
  return entries;
}

std::vector<std::byte> Disk::read_cell(std::uint32_t id) const {
  for (const Cell& cell : cells_) {
    if (cell.id == id) return cell.written;
  }
  return {};
}

void Disk::drop_tail(std::size_t keep) {
  const std::size_t end = log_.head + keep;
  if (end >= log_.slots.size()) return;
  log_.bytes.resize(log_.slots[end].offset);
  log_.slots.resize(end);
  if (keep == 0) {
    log_.slots.clear();
    log_.bytes.clear();
    log_.head = 0;
  }
}

void Disk::tear_tail(std::size_t first_volatile, Stream& luck) {
  std::uint64_t volatile_bytes = 0;
  for (std::size_t i = log_.head + first_volatile; i < log_.slots.size(); ++i) {
    volatile_bytes += frame_bytes + log_.slots[i].size;
  }
  if (volatile_bytes == 0) return;
  std::uint64_t written = luck.below(volatile_bytes);
  std::size_t keep = first_volatile;
  while (written >= frame_bytes + log_.slots[log_.head + keep].size) {
    written -= frame_bytes + log_.slots[log_.head + keep].size;
    ++keep;
  }
  if (written <= frame_bytes) return drop_tail(keep);  // nothing of the entry itself was written
  drop_tail(keep + 1);
  // The rest of the entry reads as zeros. If it was zeros, nothing is missing and the checksum says so.
  const Slot& cut = log_.slots.back();
  const std::uint64_t whole = checksum(cut);
  const std::size_t written_end = cut.offset + static_cast<std::size_t>(written - frame_bytes);
  std::fill(log_.bytes.begin() + static_cast<std::ptrdiff_t>(written_end), log_.bytes.end(), std::byte{0});
  torn_ = checksum(cut) != whole;
}

std::uint64_t Disk::crash(DiskFault fault, Stream& luck) {
  const std::size_t before = live() - (torn_ ? 1 : 0);
  std::size_t lost = before;
  std::size_t durable = 0;
  while (durable < before && log_.slots[log_.head + durable].position < synced_) ++durable;

  switch (fault) {
    case DiskFault::unsynced_lost:
      drop_tail(durable);
      torn_ = false;
      lost -= live();
      for (Cell& cell : cells_) cell.written = cell.durable;
      break;
    case DiskFault::torn_tail:
      drop_tail(before);  // an older torn entry that nobody wrote over
      torn_ = false;
      tear_tail(durable, luck);
      lost -= live() - (torn_ ? 1 : 0);
      for (Cell& cell : cells_) {
        if (cell.synced) continue;
        if (luck.chance({1, 2})) {
          cell.durable = cell.written;
        } else {
          cell.written = cell.durable;
        }
      }
      break;
    case DiskFault::wiped:
      log_ = Log{};
      cells_.clear();
      torn_ = false;
      break;
    case DiskFault::rolled_back:
      if (checkpoint_ && !checkpoint_->log.slots.empty()) {
        const std::uint64_t last = checkpoint_->log.slots.back().position;
        for (std::size_t i = 0; i < before && log_.slots[log_.head + i].position <= last; ++i) --lost;
      }
      log_ = checkpoint_ ? checkpoint_->log : Log{};
      cells_ = checkpoint_ ? checkpoint_->cells : std::vector<Cell>{};
      torn_ = false;
      break;
  }
  for (Cell& cell : cells_) cell.synced = true;
  synced_ = next_;  // what is on the platter now is durable
  return lost;
}

void Disk::checkpoint() {
  if (checkpoint_ == nullptr) checkpoint_ = std::make_unique<Checkpoint>();
  Log& copy = checkpoint_->log;
  copy = Log{};
  for (std::size_t i = log_.head; i < intact_end(); ++i) {
    const Slot& slot = log_.slots[i];
    if (slot.position >= synced_) break;
    const auto bytes = bytes_of(slot);
    copy.slots.push_back(Slot{slot.position, copy.bytes.size(), slot.size});
    copy.bytes.insert(copy.bytes.end(), bytes.begin(), bytes.end());
  }
  checkpoint_->cells = cells_;
  for (Cell& cell : checkpoint_->cells) {
    cell.written = cell.durable;
    cell.synced = true;
  }
}

std::size_t Disk::memory_bytes() const {
  std::size_t bytes = log_.bytes.capacity() + log_.slots.capacity() * sizeof(Slot) + cells_.capacity() * sizeof(Cell);
  for (const Cell& cell : cells_) bytes += cell.durable.capacity() + cell.written.capacity();
  return bytes;
}

}  // namespace seqlab::sim
