#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "sim/random/stream.hpp"
#include "sim/store/disk.hpp"
#include "tests/support/catch.hpp"

using namespace seqlab;
using sim::Disk;
using sim::DiskFault;
using sim::Stream;

namespace {

std::span<const std::byte> bytes(std::string_view text) { return std::as_bytes(std::span{text}); }

std::string text(const std::vector<std::byte>& content) {
  return {reinterpret_cast<const char*>(content.data()), content.size()};
}

std::vector<std::string> log_of(const Disk& disk) {
  std::vector<std::string> entries;
  for (const auto& entry : disk.read_log()) entries.push_back(text(entry.bytes));
  return entries;
}

using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("entries are read in order and those that were synced survive a crash", "[sim][disk]") {
  Disk disk;
  Stream luck(1, "test");
  CHECK(disk.append(bytes("one")) == 0);
  CHECK(disk.append(bytes("two")) == 1);
  disk.mark_synced(0);
  CHECK(disk.append(bytes("three")) == 2);
  CHECK(log_of(disk) == Texts{"one", "two", "three"});
  CHECK(disk.crash(DiskFault::unsynced_lost, luck) == 2);
  CHECK(log_of(disk) == Texts{"one"});
  // Positions are not given twice.
  CHECK(disk.append(bytes("four")) == 3);
  disk.mark_synced(3);
  CHECK(disk.crash(DiskFault::unsynced_lost, luck) == 0);
  CHECK(log_of(disk) == Texts{"one", "four"});
  CHECK(disk.read_log().back().position == 3);
}

TEST_CASE("an entry that comes in two parts is one entry", "[sim][disk]") {
  Disk disk;
  CHECK(disk.append(bytes("head, "), bytes("rest")) == 0);
  CHECK(disk.append(bytes("next")) == 1);
  CHECK(log_of(disk) == Texts{"head, rest", "next"});
  disk.truncate_before(1);
  CHECK(log_of(disk) == Texts{"next"});
}

TEST_CASE("a sync of an early position does not cover later entries", "[sim][disk]") {
  Disk disk;
  Stream luck(1, "test");
  disk.append(bytes("a"));
  disk.append(bytes("b"));
  disk.append(bytes("c"));
  disk.mark_synced(1);
  disk.mark_synced(0);  // late news of an earlier sync takes nothing back
  CHECK(disk.synced_end() == 2);
  CHECK(disk.crash(DiskFault::unsynced_lost, luck) == 1);
  CHECK(log_of(disk) == Texts{"a", "b"});
  Disk empty;
  empty.mark_synced(5);
  CHECK(empty.append(bytes("x")) == 0);
  CHECK(empty.crash(DiskFault::unsynced_lost, luck) == 1);
}

TEST_CASE("a torn tail keeps a prefix of the unsynced entries and never shows half an entry", "[sim][disk]") {
  const Texts volatile_entries{"first volatile", std::string(100, 'v'), "", "last volatile"};
  std::vector<std::size_t> kept(volatile_entries.size() + 1);
  std::size_t repaired = 0;
  for (std::uint64_t seed = 0; seed < 2000; ++seed) {
    Disk disk;
    Stream luck(seed, "test");
    disk.append(bytes("durable"));
    disk.mark_synced(0);
    for (const auto& entry : volatile_entries) disk.append(bytes(entry));
    const std::uint64_t lost = disk.crash(DiskFault::torn_tail, luck);
    const Texts after = log_of(disk);
    REQUIRE(!after.empty());
    REQUIRE(after.front() == "durable");
    REQUIRE(after.size() - 1 + lost == volatile_entries.size());
    REQUIRE(lost > 0);  // the last entry is always cut
    for (std::size_t i = 1; i < after.size(); ++i) REQUIRE(after[i] == volatile_entries[i - 1]);
    ++kept[after.size() - 1];
    // The log goes on behind what survived, and what survived is durable now.
    disk.append(bytes("next"));
    Texts expected = after;
    expected.emplace_back("next");
    REQUIRE(log_of(disk) == expected);
    disk.mark_synced(disk.end() - 1);
    REQUIRE(disk.crash(DiskFault::unsynced_lost, luck) == 0);
    REQUIRE(log_of(disk) == expected);
    ++repaired;
  }
  CHECK(repaired == 2000);
  // Any number of them may survive, the long one least often as the last.
  for (std::size_t i = 0; i + 1 < volatile_entries.size(); ++i) CHECK(kept[i] > 0);
  CHECK(kept.back() == 0);
  CHECK(kept[1] > kept[0]);
}

TEST_CASE("the same luck tears at the same place", "[sim][disk]") {
  const auto tear = [](std::uint64_t seed) {
    Disk disk;
    Stream luck(seed, "test");
    for (int i = 0; i < 20; ++i) disk.append(bytes(std::string(static_cast<std::size_t>(i), 'x')));
    return disk.crash(DiskFault::torn_tail, luck);
  };
  CHECK(tear(7) == tear(7));
  std::vector<std::uint64_t> results;
  for (std::uint64_t seed = 0; seed < 20; ++seed) results.push_back(tear(seed));
  CHECK(std::count(results.begin(), results.end(), results.front()) < 20);
}

TEST_CASE("a crash without unsynced entries tears nothing", "[sim][disk]") {
  Disk disk;
  Stream luck(3, "test");
  disk.append(bytes("a"));
  disk.mark_synced(0);
  CHECK(disk.crash(DiskFault::torn_tail, luck) == 0);
  CHECK(log_of(disk) == Texts{"a"});
}

TEST_CASE("a cell holds its old or its new content after a crash, never anything else", "[sim][disk]") {
  int old_content = 0;
  int new_content = 0;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    Disk disk;
    Stream luck(seed, "test");
    disk.put_cell(9, bytes("old"));
    disk.mark_cell_synced(9);
    disk.put_cell(9, bytes("new and longer"));
    CHECK(text(disk.read_cell(9)) == "new and longer");
    disk.crash(DiskFault::torn_tail, luck);
    const std::string content = text(disk.read_cell(9));
    old_content += content == "old" ? 1 : 0;
    new_content += content == "new and longer" ? 1 : 0;
  }
  CHECK(old_content + new_content == 200);
  CHECK(old_content > 50);
  CHECK(new_content > 50);
}

TEST_CASE("an unsynced cell is lost with power and a synced one is not", "[sim][disk]") {
  Disk disk;
  Stream luck(1, "test");
  CHECK(disk.read_cell(1).empty());
  disk.put_cell(1, bytes("a"));
  disk.put_cell(2, bytes("b"));
  disk.mark_cell_synced(2);
  disk.mark_cell_synced(77);  // never written
  disk.crash(DiskFault::unsynced_lost, luck);
  CHECK(disk.read_cell(1).empty());
  CHECK(text(disk.read_cell(2)) == "b");
}

TEST_CASE("a wiped disk is empty", "[sim][disk]") {
  Disk disk;
  Stream luck(1, "test");
  disk.append(bytes("a"));
  disk.append(bytes("b"));
  disk.mark_synced(1);
  disk.put_cell(1, bytes("c"));
  disk.mark_cell_synced(1);
  CHECK(disk.crash(DiskFault::wiped, luck) == 2);
  CHECK(disk.read_log().empty());
  CHECK(disk.read_cell(1).empty());
  CHECK(disk.append(bytes("again")) == 2);
}

TEST_CASE("a rolled back disk shows the synced state of its last checkpoint", "[sim][disk]") {
  Disk disk;
  Stream luck(1, "test");
  disk.append(bytes("a"));
  disk.mark_synced(0);
  disk.append(bytes("not synced at the checkpoint"));
  disk.put_cell(1, bytes("cell"));
  disk.mark_cell_synced(1);
  disk.put_cell(1, bytes("not synced either"));
  disk.checkpoint();
  disk.append(bytes("c"));
  disk.mark_synced(2);
  disk.mark_cell_synced(1);
  CHECK(disk.crash(DiskFault::rolled_back, luck) == 2);
  CHECK(log_of(disk) == Texts{"a"});
  CHECK(text(disk.read_cell(1)) == "cell");
  // The checkpoint stays: it can come back again, also after its entries were released.
  disk.append(bytes("d"));
  disk.mark_synced(3);
  disk.truncate_before(3);
  CHECK(log_of(disk) == Texts{"d"});
  CHECK(disk.crash(DiskFault::rolled_back, luck) == 1);
  CHECK(log_of(disk) == Texts{"a"});
  Disk without;
  without.append(bytes("x"));
  without.mark_synced(0);
  CHECK(without.crash(DiskFault::rolled_back, luck) == 1);
  CHECK(without.read_log().empty());
}

TEST_CASE("truncation releases entries and keeps the memory flat", "[sim][disk]") {
  Disk disk;
  std::size_t memory_after_warm_up = 0;
  for (std::uint64_t i = 0; i < 20'000; ++i) {
    const std::string entry = "entry " + std::to_string(i) + std::string(i % 200, '.');
    CHECK(disk.append(bytes(entry)) == i);
    disk.mark_synced(i);
    if (i >= 50) disk.truncate_before(i - 50);
    if (i == 2'000) memory_after_warm_up = disk.memory_bytes();
  }
  CHECK(disk.memory_bytes() <= 2 * memory_after_warm_up);
  CHECK(disk.memory_bytes() < 200'000);
  const auto log = disk.read_log();
  CHECK(log.size() == 51);
  CHECK(log.front().position == 19'949);
  CHECK(text(log.front().bytes) == "entry 19949" + std::string(19'949 % 200, '.'));
  disk.truncate_before(disk.end());
  CHECK(disk.read_log().empty());
  CHECK(disk.append(bytes("on")) == 20'000);
  CHECK(log_of(disk) == Texts{"on"});
}
