// A made-up run for the tests of this layer: a report and the records of a small world, and folders to write to.
#pragma once

#include <unistd.h>

#include <filesystem>
#include <string>
#include <vector>

#include "analysis/report/result.hpp"
#include "sim/trace/record.hpp"

namespace seqlab::analysis::test {

/// A folder that is removed with all it holds.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "seqlab-test-").string() + std::string(6, 'X');
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("cannot make a temporary folder");
    path_ = name;
  }
  ~TemporaryFolder() {
    std::error_code error;
    std::filesystem::remove_all(path_, error);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  std::string path(const std::string& name = "") const {
    return name.empty() ? path_.string() : (path_ / name).string();
  }

 private:
  std::filesystem::path path_;
};

inline constexpr Hash128 block_a{0x1111111111111111U, 0xaaaaaaaaaaaaaaaaU};
inline constexpr Hash128 block_b{0x2222222222222222U, 0xbbbbbbbbbbbbbbbbU};
inline constexpr Hash128 tx_1{0x7000000000000001U, 0x7000000000000002U};

inline Report sample_report() {
  Report report;
  scenarios::RunResult& r = report.result;
  r.scenario = "equivocating-leader";
  r.seed = 92;
  r.digest = Hash128{0x0123456789abcdefU, 0xfedcba9876543210U};
  r.records = 123'456;
  r.verdict = scenarios::Verdict::held;
  r.reason = "every checker that applies found nothing, and the healed core made progress";
  r.liveness = scenarios::Liveness::progress;
  r.end = time_zero + 61s;
  r.events = 1'234'567;
  r.messages.sent = 90'000;
  r.messages.delivered = 88'000;
  r.messages.dropped = 2'000;
  r.messages.duplicates = 5;
  r.messages.bytes = 9'800'000;
  r.metrics.commits_min = 38;
  r.metrics.commits_max = 40;
  r.metrics.rounds_max = 3;
  for (int i = 1; i <= 100; ++i) r.metrics.commit_latency.add(ns(300ms));
  r.metrics.tx_submitted = 1200;
  r.metrics.tx_confirmed = 1190;
  r.metrics.tx_retried = 7;
  r.metrics.evidence = 1;
  r.metrics.crashes = 1;
  r.metrics.partitions = 1;
  scenarios::BudgetUse budget;
  budget.script = "equivocate";
  budget.nodes = {NodeId{3}};
  budget.stake = 100;
  budget.stake_total = 400;
  budget.forged = 12;
  budget.sent = 44;
  budget.withheld = 12;
  budget.delayed = 3;
  budget.delay_max = 800ms;
  budget.granted.delay_max = 1s;
  r.budgets.push_back(budget);
  r.stopped = sim::StopReason::time_limit;
  report.sequencer_count = 4;
  report.scenario_hash = Hash128{1, 2};
  report.version = "0.1.0";
  report.wall_seconds = 0.43;
  report.peak_rss_bytes = 21'000'000;
  report.reproduce = "seqlab run equivocating-leader --seed 92";
  report.next = {"seqlab run equivocating-leader --seed 92 --out seqlab-runs/equivocating-leader-92 --trace",
                 "seqlab run equivocating-leader --seed 93"};
  return report;
}

/// As above with two nodes that committed different blocks.
inline Report violated_report() {
  Report report = sample_report();
  scenarios::RunResult& r = report.result;
  r.verdict = scenarios::Verdict::violated;
  r.reason = "agreement is broken inside the model";
  scenarios::Finding finding;
  finding.checker = "agreement";
  finding.at = time_zero + 12'418ms;
  finding.nodes = {NodeId{0}, NodeId{2}};
  finding.text = "n0 and n2 committed different blocks at height 41 (7c1e in round 87, 03ab in round 88)";
  r.findings.push_back(finding);
  return report;
}

/// Records of a world of four sequencers and one client (node 4), in order of time: a proposal, votes, a commit, a
/// transaction, a crash with restart, a partition, evidence, an attack.
inline std::vector<sim::Record> sample_records() {
  using sim::Record;
  using sim::RecordKind;
  std::vector<Record> out;
  const auto add = [&out](std::int64_t at, Record record) {
    record.at = at_ns(at);
    out.push_back(record);
  };
  const auto message = [](RecordKind kind, std::uint32_t node, NodeId peer, std::uint8_t detail,
                          std::uint64_t sequence) {
    Record r{.kind = kind, .detail = detail, .node = NodeId{node}, .peer = peer};
    r.a = sequence;
    if (kind == RecordKind::message_sent) r.b = 100;
    return r;
  };
  for (std::uint32_t i = 0; i < 4; ++i) {
    add(0, {.kind = RecordKind::validator, .node = NodeId{i}, .height = 1, .a = 100});
  }
  // Announced at the start, holds later.
  add(0, {.kind = RecordKind::validator, .node = NodeId{1}, .height = 5, .a = 7});
  add(0, {.kind = RecordKind::corrupt, .node = NodeId{3}});
  for (std::uint32_t i = 0; i < 4; ++i) add(100 + i, {.kind = RecordKind::node_started, .node = NodeId{i}, .round = 1});
  add(500,
      Record{.kind = RecordKind::tx_submitted, .node = NodeId{4}, .peer = NodeId{0}, .round = 17, .height = 3}.with_id(
          tx_1));
  add(500, message(RecordKind::message_sent, 4, NodeId{0}, 10, 1));
  add(700, message(RecordKind::message_delivered, 0, NodeId{4}, 10, 1));
  add(700, Record{.kind = RecordKind::tx_admitted, .node = NodeId{0}}.with_id(tx_1));
  for (std::uint32_t i = 0; i < 4; ++i) {
    add(1'000, {.kind = RecordKind::round_entered, .node = NodeId{i}, .round = 0, .height = 1});
    add(1'000, {.kind = RecordKind::step_entered, .detail = 1, .node = NodeId{i}, .round = 0, .height = 1});
  }
  add(1'000, Record{.kind = RecordKind::proposed, .node = NodeId{0}, .peer = NodeId{0}, .height = 1}.with_id(block_a));
  add(1'000, message(RecordKind::message_sent, 0, sim::all_nodes, 0, 2));
  add(51'000, message(RecordKind::message_delivered, 1, NodeId{0}, 0, 2));
  add(51'000, {.kind = RecordKind::step_entered, .detail = 2, .node = NodeId{1}, .round = 0, .height = 1});
  add(51'000, {.kind = RecordKind::persisted, .detail = 1, .node = NodeId{1}, .round = 0, .height = 1, .a = 1});
  add(51'000, Record{.kind = RecordKind::voted, .detail = 1, .node = NodeId{1}, .height = 1}.with_id(block_a));
  add(51'000, message(RecordKind::message_sent, 1, sim::all_nodes, 1, 3));
  add(51'500,
      {.kind = RecordKind::message_dropped, .detail = 0, .flags = 0, .node = NodeId{2}, .peer = NodeId{0}, .a = 2});
  add(60'000, {.kind = RecordKind::attack, .detail = 0, .node = NodeId{3}, .peer = NodeId{0}, .height = 1, .a = 1});
  add(60'000, Record{.kind = RecordKind::voted, .detail = 1, .node = NodeId{3}, .height = 1}.with_id(block_a));
  add(60'000, Record{.kind = RecordKind::voted, .detail = 1, .node = NodeId{3}, .height = 1}.with_id(block_b));
  add(70'000, message(RecordKind::message_delivered, 0, NodeId{1}, 1, 3));
  add(70'000, message(RecordKind::message_delivered, 2, NodeId{1}, 1, 3));
  add(70'000, {.kind = RecordKind::message_rejected,
               .detail = 1,
               .flags = 1,
               .node = NodeId{2},
               .peer = NodeId{1},
               .height = 1});
  add(71'000, Record{.kind = RecordKind::certified, .detail = 2, .node = NodeId{0}, .height = 1}.with_id(block_a));
  add(71'000, Record{.kind = RecordKind::locked, .node = NodeId{0}, .height = 1}.with_id(block_a));
  for (std::uint32_t i = 0; i < 2; ++i) {
    const std::int64_t at = 80'000 + 5'000 * std::int64_t{i};
    add(at, Record{.kind = RecordKind::committed, .detail = 2, .node = NodeId{i}, .height = 1}.with_id(block_a));
    add(at, Record{.kind = RecordKind::commit_parent, .detail = 2, .node = NodeId{i}, .height = 1}.with_id(block_b));
    add(at, Record{.kind = RecordKind::tx_included, .node = NodeId{i}, .round = 0, .height = 1}.with_id(tx_1));
    add(at, Record{.kind = RecordKind::executed, .node = NodeId{i}, .height = 1}.with_id(Hash128{5, 6}));
    add(at, {.kind = RecordKind::round_entered, .node = NodeId{i}, .round = 0, .height = 2});
    add(at, {.kind = RecordKind::step_entered, .detail = 1, .node = NodeId{i}, .round = 0, .height = 2});
  }
  add(85'000, {.kind = RecordKind::balance_moved, .detail = 0, .node = NodeId{0}, .height = 1, .a = 17,
               .b = static_cast<std::uint64_t>(std::int64_t{-5})});
  add(85'000, {.kind = RecordKind::balance_moved, .detail = 0, .node = NodeId{0}, .height = 1, .a = 18, .b = 5});
  add(90'000, Record{.kind = RecordKind::tx_confirmed, .node = NodeId{4}, .peer = NodeId{0}, .height = 1}
                  .with_id(tx_1).with_elapsed(Duration{89'500}));
  add(100'000, {.kind = RecordKind::evidence, .detail = 0, .node = NodeId{0}, .peer = NodeId{3}, .height = 1});
  add(110'000, {.kind = RecordKind::node_crashed, .node = NodeId{1}, .round = 1});
  add(110'000, {.kind = RecordKind::disk_lost, .detail = 1, .node = NodeId{1}, .a = 4});
  add(120'000, {.kind = RecordKind::node_started, .detail = 1, .node = NodeId{1}, .round = 2});
  add(130'000, {.kind = RecordKind::partition_started, .a = 0});
  add(140'000, {.kind = RecordKind::partition_healed, .a = 0});
  add(150'000, {.kind = RecordKind::node_paused, .node = NodeId{2}});
  // The round ends after the second prevote of n1, so that steps nest and close in the right order.
  add(160'000, {.kind = RecordKind::round_entered, .node = NodeId{0}, .round = 1, .height = 2});
  add(170'000, message(RecordKind::message_sent, 0, NodeId{4}, 11, 4));
  return out;
}

}  // namespace seqlab::analysis::test
