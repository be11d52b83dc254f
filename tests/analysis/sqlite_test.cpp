#include <sqlite3.h>

#include "analysis/record/jsonl_writer.hpp"
#include "analysis/record/output_file.hpp"
#include "analysis/record/sqlite_writer.hpp"
#include <nlohmann/json.hpp>
#include "scenarios/spec/diagnostics.hpp"
#include "tests/analysis/samples.hpp"
#include "tests/support/catch.hpp"

using namespace seqlab;
using namespace seqlab::analysis;

namespace {

class Database {
 public:
  explicit Database(const std::string& path) {
    REQUIRE(sqlite3_open_v2(path.c_str(), &db_, SQLITE_OPEN_READONLY, nullptr) == SQLITE_OK);
  }
  ~Database() { sqlite3_close(db_); }
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  /// Rows as text: columns joined by '|', null as "-".
  std::vector<std::string> rows(const std::string& sql) const {
    std::vector<std::string> out;
    sqlite3_stmt* statement = nullptr;
    INFO(sql);
    REQUIRE(sqlite3_prepare_v2(db_, sql.c_str(), -1, &statement, nullptr) == SQLITE_OK);
    while (sqlite3_step(statement) == SQLITE_ROW) {
      std::string row;
      for (int i = 0; i < sqlite3_column_count(statement); ++i) {
        if (i != 0) row += '|';
        const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement, i));
        row += text != nullptr ? text : "-";
      }
      out.push_back(row);
    }
    sqlite3_finalize(statement);
    return out;
  }
  std::string one(const std::string& sql) const {
    const auto all = rows(sql);
    REQUIRE(all.size() == 1);
    return all[0];
  }

 private:
  sqlite3* db_ = nullptr;
};

void write_sample(const std::string& path, const Report& report) {
  SqliteOptions options;
  options.client_count = 2;
  options.regions = {"Tokyo", "London"};
  SqliteWriter writer(path, options);
  for (const sim::Record& record : test::sample_records()) {
    if ((SqliteWriter::kinds() & sim::mask_of(record.kind)) != 0) writer.on_record(record);
  }
  writer.finish(report);
}

using Rows = std::vector<std::string>;
const std::string a_hex = "1111111111111111aaaaaaaaaaaaaaaa";
const std::string b_hex = "2222222222222222bbbbbbbbbbbbbbbb";

}  // namespace

TEST_CASE("the run database holds one row an observation", "[analysis][sqlite]") {
  const test::TemporaryFolder folder;
  write_sample(folder.path("run.sqlite"), test::violated_report());
  const Database db(folder.path("run.sqlite"));

  CHECK(db.one("pragma user_version") == "1");
  CHECK(db.one("pragma integrity_check") == "ok");
  CHECK(db.one("select scenario, seed, typeof(seed), digest, verdict, sim_time_ns, messages_dropped from run") ==
        "equivocating-leader|92|text|0123456789abcdeffedcba9876543210|violated|61000000000|2000");
  CHECK(db.rows("select node, name, role, region, power, corrupt from nodes order by node") ==
        Rows{"0|n0|sequencer|Tokyo|100|0", "1|n1|sequencer|London|100|0", "2|n2|sequencer|Tokyo|100|0",
             "3|n3|sequencer|London|100|1", "4|c0|client|-|0|0", "5|c1|client|-|0|0"});
  CHECK(db.rows("select node, height, power from validators where node = 1 order by height") ==
        Rows{"1|1|100", "1|5|7"});
  CHECK(db.rows("select at_ns, node, height, round, level, block from commits order by at_ns") ==
        Rows{"80000|0|1|0|final|" + a_hex, "85000|1|1|0|final|" + a_hex});
  CHECK(db.rows("select * from blocks") == Rows{a_hex + "|1|0|0|" + b_hex + "|1000|80000|2"});
  CHECK(db.rows("select at_ns, proposer, height, round, valid_round from proposals") == Rows{"1000|0|1|0|-1"});
  CHECK(db.one("select count(*) from rounds") == "7");
  CHECK(db.rows("select node, type, block from votes order by rowid") ==
        Rows{"1|prevote|" + a_hex, "3|prevote|" + a_hex, "3|prevote|" + b_hex});
  CHECK(
      db.rows(
          "select tx, client, validator, account, nonce, submitted_at_ns, included_at_ns, height, block_index, status, "
          "confirmed_at_ns, retries from transactions") ==
      Rows{"70000000000000017000000000000002|4|0|17|3|500|80000|1|0|ok|90000|0"});
  CHECK(
      db.rows("select node, kind, sent, delivered, dropped, rejected, sent_bytes from messages order by node, kind") ==
      Rows{"0|prevote|0|1|0|0|0", "0|proposal|1|0|0|0|100", "0|transaction|0|1|0|0|0",
           "0|transaction_result|1|0|0|0|100", "1|prevote|1|0|0|0|100", "1|proposal|0|1|0|0|0", "2|prevote|0|1|0|1|0",
           "2|proposal|0|0|1|0|0", "4|transaction|1|0|0|0|100"});
  CHECK(db.rows("select * from message_losses order by kind") ==
        Rows{"2|prevote|rejected|stale|1", "2|proposal|dropped|loss|1"});
  CHECK(db.rows("select at_ns, node, kind, detail, value, unit from faults where at_ns > 1000") ==
        Rows{"110000|1|node_crashed|-|1|incarnation", "110000|1|disk_lost|torn_tail|4|records",
             "120000|1|node_started|restart|2|incarnation", "130000|-|partition_started|-|0|partition",
             "140000|-|partition_healed|-|0|partition", "150000|2|node_paused|-|-|-"});
  CHECK(db.rows("select * from evidence") == Rows{"100000|0|3|1|0|double_vote"});
  CHECK(db.rows("select adversary, node, action, height from attacks") == Rows{"0|3|forge|1"});
  CHECK(db.rows("select account, change_units, cause from balance_changes") == Rows{"17|-5|transfer", "18|5|transfer"});
  CHECK(db.rows("select finding, checker, at_ns, outside_model from findings") == Rows{"1|agreement|12418000000|0"});
  CHECK(db.rows("select finding, node from finding_nodes") == Rows{"1|0", "1|2"});
  CHECK(
      db.rows("select quantity, unit, used, granted from adversary_budget where quantity in ('forged', 'delay_max')") ==
      Rows{"forged|count|12|-", "delay_max|ns|800000000|1000000000"});
  CHECK(db.rows("select adversary, node from adversary_nodes") == Rows{"0|3"});
  CHECK(db.one("select p50_ns, observations from latency where metric = 'commit_latency'") == "300000000|100");
  CHECK(db.one("select p50_ns, observations from latency where metric = 'tx_latency'") == "-|0");
}

TEST_CASE("the views of the run database join what is usually joined", "[analysis][sqlite]") {
  const test::TemporaryFolder folder;
  write_sample(folder.path("run.sqlite"), test::sample_report());
  const Database db(folder.path("run.sqlite"));
  CHECK(db.rows("select node, latency_ns from commit_latency order by node") == Rows{"0|79000", "1|84000"});
  CHECK(db.one("select inclusion_ns, confirmation_ns from transaction_latency") == "79500|89500");
  CHECK(db.one("select sent, delivered from messages_by_kind where kind = 'prevote'") == "1|2");
  CHECK(db.rows("select node, height, round, type, blocks from double_votes") == Rows{"3|1|0|prevote|2"});
  CHECK(db.rows("select voters, power from votes_by_round where block = '" + a_hex + "'") == Rows{"2|200"});
  CHECK(db.rows("select * from forks").empty());
}

TEST_CASE("every table is strict", "[analysis][sqlite]") {
  const test::TemporaryFolder folder;
  write_sample(folder.path("run.sqlite"), test::sample_report());
  const Database db(folder.path("run.sqlite"));
  CHECK(db.one("select count(*) from pragma_table_list where schema = 'main' and type = 'table' and not strict "
               "and name not like 'sqlite%'") == "0");
  CHECK(std::stoi(db.one("select count(*) from pragma_table_list where type = 'table' and strict")) >= 18);
}

TEST_CASE("a database is never written over another file", "[analysis][sqlite]") {
  const test::TemporaryFolder folder;
  write_file(folder.path("run.sqlite"), "something else");
  CHECK_THROWS_AS(SqliteWriter(folder.path("run.sqlite"), {}), scenarios::InputError);
  CHECK(read_file(folder.path("run.sqlite")) == "something else");
}

TEST_CASE("a folder that cannot be written is an input error", "[analysis][sqlite]") {
  CHECK_THROWS_AS(SqliteWriter("/proc/nowhere/run.sqlite", {}), scenarios::InputError);
  CHECK_THROWS_AS(JsonlWriter("/proc/nowhere/records.jsonl"), scenarios::InputError);
}

TEST_CASE("JSON lines hold every record with names and units", "[analysis][jsonl]") {
  const test::TemporaryFolder folder;
  JsonlWriter writer(folder.path("r"));
  const std::vector<sim::Record> records = test::sample_records();
  for (const sim::Record& record : records) writer.on_record(record);
  writer.close();
  const std::string text = read_file(folder.path("r"));
  std::vector<nlohmann::json> lines;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = text.find('\n', at);
    lines.push_back(nlohmann::json::parse(text.substr(at, end - at)));
    at = end + 1;
  }
  REQUIRE(lines.size() == records.size());
  for (std::size_t i = 0; i < lines.size(); ++i) {
    CHECK(lines[i]["at_ns"] == ns(records[i].at));
    CHECK(lines[i]["kind"] == std::string{sim::name_of(records[i].kind)});
  }
  const auto has_line = [&text](const std::string& line) { return text.find(line + "\n") != std::string::npos; };
  CHECK(has_line(R"({"at_ns":1000,"kind":"message_sent","node":0,"peer":-1,"message":"proposal",)"
                 R"("sequence":2,"wire_bytes":100})"));
  CHECK(has_line(R"({"at_ns":51000,"kind":"voted","node":1,"height":1,"round":0,"vote":"prevote",)"
                 R"("block":"1111111111111111aaaaaaaaaaaaaaaa"})"));
  CHECK(has_line(R"({"at_ns":90000,"kind":"tx_confirmed","node":4,"peer":0,"height":1,)"
                 R"("tx":"70000000000000017000000000000002","since_submission_ns":89500})"));
}

TEST_CASE("a full disk is told when JSON lines are closed", "[analysis][jsonl]") {
  JsonlWriter writer("/dev/full");
  for (int i = 0; i < 1000; ++i) {
    for (const sim::Record& record : test::sample_records()) writer.on_record(record);
  }
  CHECK(writer.failed());
  CHECK_THROWS_AS(writer.close(), scenarios::InputError);
}
