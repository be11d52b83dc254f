#include "analysis/search/campaign_store.hpp"

#include <fmt/format.h>
#include <sqlite3.h>

#include <cstring>
#include <string_view>

#include "analysis/report/format.hpp"
#include "scenarios/spec/diagnostics.hpp"

namespace seqlab::analysis {

namespace {

constexpr const char* schema = R"sql(
-- What the campaign is; a file goes on only with the same.
create table identity (part text primary key, value text not null) strict, without rowid;
-- One row a strategy on a target.
create table streams (stream integer primary key, target text not null, strategy text not null) strict;
-- Cases that were run: `count` of them from `first` on. digest: over the digests of the cases, in order.
create table batches (
  stream integer not null, first integer not null, count integer not null, held integer not null,
  violated integer not null, outside_model integer not null, undecided integer not null, crashed integer not null,
  cut_off integer not null,
  events integer not null, rechecked integer not null, new_states integer not null, cpu_seconds real not null,
  digest text not null, primary key (stream, first)
) strict, without rowid;
-- Cases with a finding inside the model, and failures of the program itself (checker `crash` or `determinism`).
create table failures (
  stream integer not null, "index" integer not null, checker text not null, text text not null, digest text not null,
  plan text not null, primary key (stream, "index")
) strict, without rowid;
-- Hashes of abstract states, 8 bytes each, as they were first seen.
create table states (part integer primary key, hashes blob not null) strict;
create table goals (goal integer primary key, cases integer not null) strict;
create table totals (name text primary key, value real not null) strict, without rowid;
)sql";

constexpr std::string_view application = "seqlab/campaign/v2";

}  // namespace

struct CampaignStore::State {
  std::string file;
  sqlite3* db = nullptr;
  bool resumed = false;

  ~State() { sqlite3_close(db); }

  [[noreturn]] void raise(const std::string& doing) const {
    scenarios::Problem problem;
    problem.file = file;
    const int code = db != nullptr ? sqlite3_extended_errcode(db) : SQLITE_CANTOPEN;
    problem.text = fmt::format("cannot {}: {}", doing, db != nullptr ? sqlite3_errmsg(db) : "out of memory");
    switch (code & 0xff) {
      case SQLITE_NOTADB:
      case SQLITE_CORRUPT:
        problem.hint = "not a campaign file, or a damaged one; name another file, what this one holds is left alone";
        break;
      case SQLITE_BUSY: problem.hint = "another process uses it; give each shard a file of its own"; break;
      case SQLITE_FULL:
      case SQLITE_IOERR: problem.hint = "make room; what was recorded before stays, the same command goes on"; break;
      default: break;
    }
    throw scenarios::InputError(std::move(problem));
  }
  void execute(const char* sql, const char* doing) {
    if (sqlite3_exec(db, sql, nullptr, nullptr, nullptr) != SQLITE_OK) raise(doing);
  }
};

namespace {

/// One statement, used at once. Not fast, and need not be: a few rows a second.
class Query {
 public:
  Query(sqlite3* db, const char* sql) {
    ok_ = sqlite3_prepare_v2(db, sql, -1, &statement_, nullptr) == SQLITE_OK;
  }
  ~Query() { sqlite3_finalize(statement_); }
  Query(const Query&) = delete;
  Query& operator=(const Query&) = delete;
  Query& put(std::uint64_t v) {
    sqlite3_bind_int64(statement_, ++bound_, static_cast<sqlite3_int64>(v));
    return *this;
  }
  Query& put(double v) {
    sqlite3_bind_double(statement_, ++bound_, v);
    return *this;
  }
  Query& put(std::string_view v) {
    sqlite3_bind_text(statement_, ++bound_, v.data(), static_cast<int>(v.size()), SQLITE_TRANSIENT);
    return *this;
  }
  Query& put_blob(const void* data, std::size_t bytes) {
    sqlite3_bind_blob64(statement_, ++bound_, data, bytes, SQLITE_TRANSIENT);
    return *this;
  }
  /// Whether there is a (further) row.
  bool next() {
    if (!ok_) return false;
    const int code = sqlite3_step(statement_);
    ok_ = code == SQLITE_ROW || code == SQLITE_DONE;
    return code == SQLITE_ROW;
  }
  bool run() {
    next();
    return ok_;
  }
  bool ok() const { return ok_; }
  std::uint64_t number(int column) const {
    return static_cast<std::uint64_t>(sqlite3_column_int64(statement_, column));
  }
  double real(int column) const { return sqlite3_column_double(statement_, column); }
  std::string text(int column) const {
    const auto* bytes = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
    return bytes == nullptr ? std::string{} : std::string{bytes};
  }
  std::string_view blob(int column) const {
    const auto* bytes = static_cast<const char*>(sqlite3_column_blob(statement_, column));
    return {bytes, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
  }

 private:
  sqlite3_stmt* statement_ = nullptr;
  int bound_ = 0;
  bool ok_ = false;
};

Hash128 parse_hash(const std::string& text) {
  if (text.size() != 32) return {};
  return {std::stoull(text.substr(0, 16), nullptr, 16), std::stoull(text.substr(16), nullptr, 16)};
}

}  // namespace

CampaignStore::CampaignStore(const std::string& file,
                             const std::vector<std::pair<std::string, std::string>>& identity,
                             const std::vector<std::pair<std::string, std::string>>& streams)
    : state_(std::make_unique<State>()) {
  State& s = *state_;
  s.file = file;
  if (sqlite3_open_v2(file.c_str(), &s.db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, nullptr) != SQLITE_OK) {
    s.raise("open");
  }
  sqlite3_busy_timeout(s.db, 2000);
  // One process a campaign: the lock stays until the file is closed, or its process is gone.
  s.execute("pragma locking_mode = exclusive; pragma journal_mode = wal; pragma synchronous = normal;", "read");
  std::uint64_t tables = 0;
  {
    Query count{s.db, "select count(*) from sqlite_master"};
    if (!count.next()) s.raise("read");
    tables = count.number(0);
  }
  if (tables == 0) {
    s.execute("begin immediate", "write");
    s.execute(schema, "write");
    const auto add = [&](std::string_view part, std::string_view value) {
      if (!Query{s.db, "insert into identity values (?, ?)"}.put(part).put(value).run()) s.raise("write");
    };
    add("schema", application);
    for (const auto& [part, value] : identity) add(part, value);
    std::uint64_t number = 0;
    for (const auto& [target, strategy] : streams) {
      Query row{s.db, "insert into streams values (?, ?, ?)"};
      if (!row.put(number++).put(target).put(strategy).run()) s.raise("write");
    }
    s.execute("commit", "write");
    return;
  }

  const auto stored = [&](std::string_view part) {
    Query query{s.db, "select value from identity where part = ?"};
    query.put(part);
    return query.next() ? query.text(0) : std::string{};
  };
  const auto refuse = [&](const std::string& text) {
    scenarios::Problem problem;
    problem.file = file;
    problem.text = text;
    problem.hint = "name another file; what this one holds is left alone";
    throw scenarios::InputError(std::move(problem));
  };
  if (stored("schema") != application) {
    refuse(stored("schema").empty()
               ? "is not a campaign file"
               : fmt::format("is a {} file; this program writes {}", stored("schema"), application));
  }
  for (const auto& [part, value] : identity) {
    const std::string was = stored(part);
    if (was == value) continue;
    refuse(fmt::format("belongs to another campaign: its {} is {}, not {}", part, was.substr(0, 200),
                       value.substr(0, 200)));
  }
  s.resumed = true;
}

CampaignStore::~CampaignStore() = default;

bool CampaignStore::resumed() const { return state_->resumed; }

std::vector<CampaignBatch> CampaignStore::batches() const {
  std::vector<CampaignBatch> out;
  Query q{state_->db,
          "select stream, first, count, held, violated, outside_model, undecided, crashed, cut_off, events, rechecked, "
          "new_states, cpu_seconds, digest from batches order by stream, first"};
  while (q.next()) {
    CampaignBatch b;
    b.stream = q.number(0);
    b.first = q.number(1);
    b.count = q.number(2);
    b.held = q.number(3);
    b.violated = q.number(4);
    b.outside_model = q.number(5);
    b.undecided = q.number(6);
    b.crashed = q.number(7);
    b.cut_off = q.number(8);
    b.events = q.number(9);
    b.rechecked = q.number(10);
    b.new_states = q.number(11);
    b.cpu_seconds = q.real(12);
    b.digest = parse_hash(q.text(13));
    out.push_back(b);
  }
  if (!q.ok()) state_->raise("read");
  return out;
}

std::vector<StoredFailure> CampaignStore::failures() const {
  std::vector<StoredFailure> out;
  Query q{state_->db,
          "select stream, \"index\", checker, text, digest, plan from failures order by \"index\", stream"};
  while (q.next()) out.push_back({q.number(0), q.number(1), q.text(2), q.text(3), q.text(4), q.text(5)});
  if (!q.ok()) state_->raise("read");
  return out;
}

std::vector<std::uint64_t> CampaignStore::states() const {
  std::vector<std::uint64_t> out;
  Query q{state_->db, "select hashes from states order by part"};
  while (q.next()) {
    const std::string_view bytes = q.blob(0);
    const std::size_t count = bytes.size() / sizeof(std::uint64_t);
    const std::size_t before = out.size();
    out.resize(before + count);
    if (count != 0) std::memcpy(out.data() + before, bytes.data(), count * sizeof(std::uint64_t));
  }
  if (!q.ok()) state_->raise("read");
  return out;
}

std::vector<std::uint64_t> CampaignStore::goals() const {
  std::vector<std::uint64_t> out;
  Query q{state_->db, "select cases from goals order by goal"};
  while (q.next()) out.push_back(q.number(0));
  if (!q.ok()) state_->raise("read");
  return out;
}

double CampaignStore::wall_seconds() const {
  Query q{state_->db, "select value from totals where name = 'wall_seconds'"};
  return q.next() ? q.real(0) : 0;
}

void CampaignStore::record(const Group& group) {
  State& s = *state_;
  s.execute("begin immediate", "write");
  const auto done = [&](bool ok) {
    if (ok) return;
    try {
      s.raise("write");
    } catch (...) {
      sqlite3_exec(s.db, "rollback", nullptr, nullptr, nullptr);
      throw;
    }
  };
  for (const CampaignBatch& b : group.batches) {
    if (b.count == 0) continue;
    Query q{s.db, "insert into batches values (?,?,?,?,?,?,?,?,?,?,?,?,?,?)"};
    q.put(b.stream).put(b.first).put(b.count).put(b.held).put(b.violated).put(b.outside_model).put(b.undecided);
    q.put(b.crashed).put(b.cut_off).put(b.events).put(b.rechecked).put(b.new_states).put(b.cpu_seconds);
    q.put(to_hex(b.digest));
    done(q.run());
  }
  for (const StoredFailure& f : group.failures) {
    Query q{s.db, "insert or replace into failures values (?,?,?,?,?,?)"};
    q.put(f.stream).put(f.index).put(f.checker).put(f.text).put(f.digest).put(f.plan);
    done(q.run());
  }
  if (!group.new_states.empty()) {
    Query q{s.db, "insert into states (hashes) values (?)"};
    q.put_blob(group.new_states.data(), group.new_states.size() * sizeof(std::uint64_t));
    done(q.run());
  }
  for (std::size_t i = 0; i < group.goals.size(); ++i) {
    done(Query{s.db, "insert or replace into goals values (?, ?)"}.put(i).put(group.goals[i]).run());
  }
  done(Query{s.db, "insert or replace into totals values ('wall_seconds', ?)"}.put(group.wall_seconds).run());
  done(sqlite3_exec(s.db, "commit", nullptr, nullptr, nullptr) == SQLITE_OK);
}

}  // namespace seqlab::analysis
