#include "analysis/record/sqlite_writer.hpp"

#include <fmt/format.h>
#include <sqlite3.h>

#include <optional>
#include <string_view>

#include "analysis/record/describe.hpp"
#include "analysis/report/format.hpp"
#include "protocols/consensus/messages.hpp"
#include "scenarios/spec/diagnostics.hpp"

namespace seqlab::analysis {

using sim::Record;
using sim::RecordKind;

const char* run_database_schema() {
  return R"sql(
-- One row: what the run was and what became of it.
create table run (
  schema text not null, version text not null, scenario text not null, scenario_hash text not null,
  seed text not null, digest text not null, verdict text not null, reason text not null,
  expected_verdict text, as_expected integer not null, liveness text not null,
  sim_time_ns integer not null, events integer not null, records integer not null,
  messages_sent integer not null, messages_delivered integer not null, messages_dropped integer not null,
  messages_duplicates integer not null, wire_bytes integer not null,
  commits_min integer not null, commits_max integer not null,
  transactions_submitted integer not null, transactions_confirmed integer not null,
  wall_seconds real not null, peak_rss_bytes integer not null
) strict;

-- Quantiles of the run's histograms (within 1.6 %), null where nothing was observed.
create table latency (
  metric text not null, observations integer not null,
  p50_ns integer, p90_ns integer, p99_ns integer, max_ns integer,
  primary key (metric)
) strict;

-- Everybody in the world. Power is that of genesis; `corrupt`: run by an adversary.
create table nodes (
  node integer primary key, name text not null, role text not null, region text,
  power integer not null default 0, corrupt integer not null default 0
) strict;

-- Changes of voting power, genesis included: holds from `height`.
create table validators (
  node integer not null, height integer not null, power integer not null
) strict;

-- Every proposal that was signed. valid_round -1: none.
create table proposals (
  at_ns integer not null, proposer integer not null, sender integer, height integer not null,
  round integer not null, block text not null, valid_round integer not null
) strict;

-- Every block that was proposed or committed by anybody.
create table blocks (
  block text primary key, height integer not null, round integer not null, proposer integer, parent text,
  first_proposed_at_ns integer, first_committed_at_ns integer, commits integer not null default 0
) strict;

create table rounds (
  at_ns integer not null, node integer not null, height integer not null, round integer not null
) strict;

-- Votes as they were signed; block null: nil.
create table votes (
  at_ns integer not null, node integer not null, height integer not null, round integer not null,
  type text not null, block text
) strict;

create table locks (
  at_ns integer not null, node integer not null, height integer not null, round integer not null, block text
) strict;

-- Quorums of votes as nodes came to see them; block null: nil.
create table certificates (
  at_ns integer not null, node integer not null, height integer not null, round integer not null,
  type text not null, block text
) strict;

create table commits (
  at_ns integer not null, node integer not null, height integer not null, round integer not null,
  level text not null, block text not null
) strict;

-- State after a height, per node that executed it.
create table executions (
  at_ns integer not null, node integer not null, height integer not null, state text not null
) strict;

-- One row a transaction. Inclusion: the first node that committed it.
create table transactions (
  tx text primary key, client integer, validator integer, account integer, nonce integer,
  submitted_at_ns integer, included_at_ns integer, height integer, block_index integer, status text,
  confirmed_at_ns integer, retries integer not null default 0, refusals integer not null default 0,
  evictions integer not null default 0
) strict;

-- Money: every change of a balance, once (the proposer tells). Each has its opposite; the sum is 0.
create table balance_changes (
  at_ns integer not null, height integer not null, account integer not null, change_units integer not null,
  cause text not null
) strict;

-- Counts by node and kind. `sent` counts sendings (a broadcast is one), by the sender; the rest is at the receiver.
create table messages (
  node integer not null, kind text not null, sent integer not null, delivered integer not null,
  dropped integer not null, rejected integer not null, sent_bytes integer not null,
  primary key (node, kind)
) strict;

-- Why messages did not arrive (fate 'dropped') or were not taken (fate 'rejected'), counts at the receiver.
create table message_losses (
  node integer not null, kind text not null, fate text not null, reason text not null, count integer not null,
  primary key (node, kind, fate, reason)
) strict;

-- Crashes, starts, pauses, disk losses, clock jumps, partitions, stabilisation, healing. `value`: see `unit`.
create table faults (
  at_ns integer not null, node integer, kind text not null, detail text, value integer, unit text
) strict;

create table evidence (
  at_ns integer not null, reporter integer not null, offender integer not null, height integer not null,
  round integer not null, kind text not null
) strict;

-- What adversaries did; `adversary` counts from 0 as in adversary_budget.
create table attacks (
  at_ns integer not null, adversary integer not null, node integer, action text not null,
  height integer not null, round integer not null, a integer not null, b integer not null
) strict;

-- Blocks of layer 1 on all of its branches; `rival`: not on the branch with most work when it was mined.
create table l1_blocks (
  block text primary key, height integer not null, mined_at_ns integer not null, transactions integer not null,
  rival integer not null, parent text
) strict;

-- What nodes believed to be the tip of layer 1; `given_up`: blocks of another branch that went for it.
create table l1_views (
  at_ns integer not null, node integer not null, height integer not null, block text not null,
  given_up integer not null
) strict;

-- Transactions of the rollup on layer 1: sent (height: the nonce), included in a block of that height, excluded again.
create table l1_transactions (
  at_ns integer not null, event text not null, tx text not null, author integer, kind text not null,
  height integer not null
) strict;

-- What they cost, in base units of the chain.
create table l1_fees (
  at_ns integer not null, author integer, kind text not null, height integer not null, fee_units integer not null,
  bytes integer not null
) strict;

-- Forced items: sent by users, posted in the queue of layer 1, done on a node.
create table forced_items (
  at_ns integer not null, event text not null, item text not null, node integer, height integer not null,
  position integer not null, status text not null
) strict;

-- What DA writers did with the blocks first_height ... first_height + blocks - 1.
create table da_writes (
  at_ns integer not null, event text not null, writer integer, first_height integer not null,
  blocks integer not null, submission text
) strict;

-- Everything else between the layers: reorganisations, finality, heads, commitments, proofs, hand-over.
create table layers (
  at_ns integer not null, event text not null, node integer, height integer not null, round integer not null,
  detail integer not null, flags integer not null, id text
) strict;

-- Numbers that a script wanted to be seen.
create table notes (
  at_ns integer not null, adversary integer, node integer, a integer not null, b integer not null
) strict;

create table findings (
  finding integer primary key, checker text not null, at_ns integer not null, text text not null,
  outside_model integer not null
) strict;
create table finding_nodes (finding integer not null references findings, node integer not null) strict;

-- One row a quantity; granted null: needs no grant, 0: was not granted.
create table adversary_budget (
  adversary integer not null, script text not null, quantity text not null, unit text not null,
  used integer not null, granted integer,
  primary key (adversary, quantity)
) strict;
create table adversary_nodes (adversary integer not null, node integer not null) strict;
)sql";
}

namespace {

/// Made last: an index that exists from the start would slow every insert down.
constexpr const char* indexes_and_views = R"sql(
create index commits_by_height on commits (height, node);
create index votes_by_height on votes (height, round, type);
create index rounds_by_height on rounds (height, node);

create view commit_latency as
  select c.node, c.height, c.round, c.block, b.proposer, c.at_ns - b.first_proposed_at_ns as latency_ns
  from commits c join blocks b using (block) join nodes n using (node) where not n.corrupt;
create view block_intervals as
  select node, height, at_ns, at_ns - lag(at_ns) over (partition by node, level order by height) as interval_ns
  from commits;
create view transaction_latency as
  select tx, client, account, nonce, height, retries, included_at_ns - submitted_at_ns as inclusion_ns,
         confirmed_at_ns - submitted_at_ns as confirmation_ns
  from transactions where submitted_at_ns is not null;
create view messages_by_kind as
  select kind, sum(sent) as sent, sum(delivered) as delivered, sum(dropped) as dropped, sum(rejected) as rejected,
         sum(sent_bytes) as sent_bytes
  from messages group by kind;
create view votes_by_round as
  select height, round, type, block, count(distinct v.node) as voters, sum(n.power) as power, min(at_ns) as first_at_ns,
         max(at_ns) as last_at_ns
  from votes v join nodes n using (node) group by height, round, type, block;
create view double_votes as
  select node, height, round, type, count(distinct coalesce(block, 'nil')) as blocks, min(at_ns) as first_at_ns
  from votes group by node, height, round, type having blocks > 1;
create view forks as
  select height, count(distinct block) as blocks, count(distinct node) as nodes
  from commits join nodes using (node) where not corrupt and level = 'final' group by height having blocks > 1;
)sql";

}  // namespace

/// One prepared statement; binding restarts it.
class Statement {
 public:
  Statement() = default;
  Statement(sqlite3* db, const std::string& sql, int& error) {
    const int code = sqlite3_prepare_v3(db, sql.c_str(), -1, SQLITE_PREPARE_PERSISTENT, &statement_, nullptr);
    if (code != SQLITE_OK && error == SQLITE_OK) error = code;
  }
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;
  ~Statement() { sqlite3_finalize(statement_); }

  Statement& put(std::int64_t value) {
    sqlite3_bind_int64(statement_, ++bound_, value);
    return *this;
  }
  Statement& put_unsigned(std::uint64_t value) { return put(static_cast<std::int64_t>(value)); }
  Statement& put(double value) {
    sqlite3_bind_double(statement_, ++bound_, value);
    return *this;
  }
  /// @pre `text` stays until `run`
  Statement& put(std::string_view text) {
    sqlite3_bind_text(statement_, ++bound_, text.data(), static_cast<int>(text.size()), SQLITE_STATIC);
    return *this;
  }
  Statement& put_null() {
    sqlite3_bind_null(statement_, ++bound_);
    return *this;
  }
  Statement& put(NodeId node) {
    return node.value >= sim::all_nodes.value ? put_null() : put(static_cast<std::int64_t>(node.value));
  }
  /// As 32 hex digits, null if it is nil.
  Statement& put(Hash128 hash) {
    if (!hash) return put_null();
    char* out = hex_[hexes_++ % 2].data();
    constexpr char digits[] = "0123456789abcdef";
    for (int i = 0; i < 16; ++i) {
      out[i] = digits[hash.hi >> (60 - 4 * i) & 0xfU];
      out[16 + i] = digits[hash.lo >> (60 - 4 * i) & 0xfU];
    }
    return put(std::string_view{out, 32});
  }
  int run() {
    const int code = sqlite3_step(statement_);
    sqlite3_reset(statement_);
    bound_ = 0;
    return code == SQLITE_DONE || code == SQLITE_ROW ? SQLITE_OK : code;
  }

 private:
  sqlite3_stmt* statement_ = nullptr;
  int bound_ = 0;
  unsigned hexes_ = 0;
  std::array<std::array<char, 32>, 2> hex_;
};

struct SqliteWriter::State {
  std::string path;
  SqliteOptions options;
  sqlite3* db = nullptr;
  int error = SQLITE_OK;
  std::string error_text;

  std::optional<Statement> proposal, block_proposed, block_committed, block_parent, round, vote, lock, certificate,
      commit, execution, tx_submitted, tx_included, tx_confirmed, tx_retried, tx_refused, tx_evicted, fault, evidence,
      attack, note, validator, balance, l1_block, l1_parent, l1_view, l1_transaction, l1_fee, forced, da, layer;
  Hash128 last_mined;  ///< the L1 block that the next l1_parent is about

  struct Count {
    std::uint64_t sent = 0, delivered = 0, dropped = 0, rejected = 0, sent_bytes = 0;
  };
  struct NodeCounts {
    std::array<Count, static_cast<std::size_t>(protocols::MessageKind::count)> kinds;
    std::map<std::array<std::uint16_t, 3>, std::uint64_t> losses;  ///< (message kind, fate, reason)
    std::int64_t power = 0;
    bool corrupt = false;
    Hash128 last_committed;  ///< whose parent is told next
  };
  std::map<std::uint32_t, NodeCounts> nodes;

  /// Every node includes every transaction, but only the first matters: remembers recent ones to spare the look-up.
  std::vector<Hash128> included_recently = std::vector<Hash128>(1U << 14U);

  ~State() {
    reset_statements();
    sqlite3_close(db);
  }

  void note_error(int code) {
    if (code == SQLITE_OK || error != SQLITE_OK) return;
    error = code;
    error_text = db != nullptr ? sqlite3_errmsg(db) : sqlite3_errstr(code);
  }
  void run(Statement& statement) { note_error(statement.run()); }
  void execute(const char* sql) {
    if (error == SQLITE_OK) note_error(sqlite3_exec(db, sql, nullptr, nullptr, nullptr));
  }
  /// insert into `table` with `columns` values.
  void prepare_insert(std::optional<Statement>& statement, std::string_view table, int columns) {
    std::string marks = "?";
    for (int i = 1; i < columns; ++i) marks += ",?";
    prepare(statement, fmt::format("insert into {} values ({})", table, marks));
  }
  void prepare(std::optional<Statement>& statement, const std::string& sql) {
    int code = SQLITE_OK;
    statement.emplace(db, sql, code);
    note_error(code);
  }
  void prepare_all();
  void reset_statements();
  [[noreturn]] void raise() const {
    scenarios::Problem problem;
    problem.file = path;
    problem.text = "cannot write: " + error_text;
    if (error == SQLITE_FULL || (error & 0xff) == SQLITE_IOERR) {
      problem.hint = "make room, or name a folder on another disk";
    }
    throw scenarios::InputError(std::move(problem));
  }
  void add_counts(const Report& report);
  void add_run(const Report& report);
  void add_findings(const Report& report);
  void add_budgets(const Report& report);
};

void SqliteWriter::State::prepare_all() {
  prepare_insert(proposal, "proposals", 7);
  prepare(block_proposed,
          "insert into blocks (block, height, round, proposer, first_proposed_at_ns) values (?,?,?,?,?) on conflict "
          "(block) "
          "do update set proposer = coalesce(proposer, excluded.proposer), "
          "first_proposed_at_ns = coalesce(first_proposed_at_ns, excluded.first_proposed_at_ns)");
  prepare(block_committed,
          "insert into blocks (block, height, round, first_committed_at_ns, commits) values (?,?,?,?,1) on conflict "
          "(block) "
          "do update set first_committed_at_ns = coalesce(first_committed_at_ns, excluded.first_committed_at_ns), "
          "commits = commits + 1");
  prepare(block_parent, "update blocks set parent = ? where block = ? and parent is null");
  prepare_insert(round, "rounds", 4);
  prepare_insert(vote, "votes", 6);
  prepare_insert(lock, "locks", 5);
  prepare_insert(certificate, "certificates", 6);
  prepare_insert(commit, "commits", 6);
  prepare_insert(execution, "executions", 4);
  prepare(tx_submitted,
          "insert into transactions (tx, client, validator, account, nonce, submitted_at_ns) values (?,?,?,?,?,?) on "
          "conflict "
          "(tx) do update set client = excluded.client, validator = excluded.validator, account = excluded.account, "
          "nonce = excluded.nonce, submitted_at_ns = coalesce(submitted_at_ns, excluded.submitted_at_ns)");
  prepare(tx_included,
          "insert into transactions (tx, included_at_ns, height, block_index, status) values (?,?,?,?,?) on conflict "
          "(tx) do "
          "update set included_at_ns = excluded.included_at_ns, height = excluded.height, block_index = "
          "excluded.block_index, "
          "status = excluded.status where included_at_ns is null");
  prepare(tx_confirmed, "update transactions set confirmed_at_ns = ? where tx = ? and confirmed_at_ns is null");
  prepare(tx_retried, "update transactions set retries = retries + 1 where tx = ?");
  prepare(tx_refused, "update transactions set refusals = refusals + 1 where tx = ?");
  prepare(tx_evicted, "update transactions set evictions = evictions + 1 where tx = ?");
  prepare_insert(fault, "faults", 6);
  prepare_insert(evidence, "evidence", 6);
  prepare_insert(attack, "attacks", 8);
  prepare_insert(note, "notes", 5);
  prepare_insert(validator, "validators", 3);
  prepare_insert(balance, "balance_changes", 5);
  prepare(l1_block,
          "insert into l1_blocks (block, height, mined_at_ns, transactions, rival) values (?,?,?,?,?) on conflict "
          "(block) do nothing");
  prepare(l1_parent, "update l1_blocks set parent = ? where block = ? and parent is null");
  prepare_insert(l1_view, "l1_views", 5);
  prepare_insert(l1_transaction, "l1_transactions", 6);
  prepare_insert(l1_fee, "l1_fees", 6);
  prepare_insert(forced, "forced_items", 7);
  prepare_insert(da, "da_writes", 6);
  prepare_insert(layer, "layers", 8);
}

void SqliteWriter::State::reset_statements() {
  for (auto* statement : {&proposal,     &block_proposed, &block_committed, &block_parent, &round,        &vote,
                          &lock,         &certificate,    &commit,          &execution,    &tx_submitted, &tx_included,
                          &tx_confirmed, &tx_retried,     &tx_refused,      &tx_evicted,   &fault,        &evidence,
                          &attack,       &note,           &validator,       &balance,
                          &l1_block,     &l1_parent,      &l1_view,         &l1_transaction, &l1_fee,      &forced,
                          &da,           &layer}) {
    statement->reset();
  }
}

SqliteWriter::SqliteWriter(const std::string& path, SqliteOptions options) : state_(std::make_unique<State>()) {
  State& s = *state_;
  s.path = path;
  s.options = std::move(options);
  s.note_error(sqlite3_open_v2(path.c_str(), &s.db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_EXCLUSIVE,
                               nullptr));
  // The folder is thrown away unless it is finished: no journal is needed to come back from.
  s.execute("pragma journal_mode = off; pragma synchronous = off; pragma locking_mode = exclusive; "
            "pragma cache_size = -16000; pragma temp_store = memory;");
  s.execute("begin");
  s.execute(run_database_schema());
  if (s.error == SQLITE_OK) s.prepare_all();
  if (s.error != SQLITE_OK) s.raise();
}

SqliteWriter::~SqliteWriter() = default;

bool SqliteWriter::failed() const { return state_->error != SQLITE_OK; }

sim::KindMask SqliteWriter::kinds() {
  return sim::all_kinds & ~sim::mask_of(RecordKind::persisted, RecordKind::certificate_signers,
                                        RecordKind::step_entered, RecordKind::tx_admitted);
}

void SqliteWriter::on_record(const Record& r) {
  State& s = *state_;
  if (s.error != SQLITE_OK) return;
  const std::int64_t at = ns(r.at);
  const std::int64_t height = static_cast<std::int64_t>(r.height);
  const std::int64_t round = static_cast<std::int32_t>(r.round);
  const auto message_count = [&s, &r](NodeId node) -> State::Count* {
    State::NodeCounts& counts = s.nodes[node.value];
    return r.detail < counts.kinds.size() ? &counts.kinds[r.detail] : nullptr;
  };
  const auto fault = [&s, &r, at](std::string_view detail, std::optional<std::int64_t> value, std::string_view unit) {
    s.fault->put(at).put(r.node).put(sim::name_of(r.kind));
    if (detail.empty()) {
      s.fault->put_null();
    } else {
      s.fault->put(detail);
    }
    if (value) {
      s.fault->put(*value).put(unit);
    } else {
      s.fault->put_null().put_null();
    }
    s.run(*s.fault);
  };
  switch (r.kind) {
    case RecordKind::validator:
      s.run(s.validator->put(r.node).put(height).put_unsigned(r.a));
      if (r.height <= 1) s.nodes[r.node.value].power = static_cast<std::int64_t>(r.a);
      break;
    case RecordKind::corrupt: s.nodes[r.node.value].corrupt = true; break;

    case RecordKind::node_started: fault(r.detail != 0 ? "restart" : "first start", r.round, "incarnation"); break;
    case RecordKind::node_crashed: fault({}, r.round, "incarnation"); break;
    case RecordKind::node_paused:
    case RecordKind::node_resumed: fault({}, std::nullopt, {}); break;
    case RecordKind::disk_lost:
      fault(word_for(static_cast<sim::DiskFault>(r.detail)), static_cast<std::int64_t>(r.a), "records");
      break;
    case RecordKind::clock_jumped: fault({}, static_cast<std::int64_t>(r.a), "ns"); break;
    case RecordKind::partition_started:
    case RecordKind::partition_healed: fault({}, static_cast<std::int64_t>(r.a), "partition"); break;
    case RecordKind::stabilised: fault({}, static_cast<std::int64_t>(r.a), "ns"); break;
    case RecordKind::healing_started:
    case RecordKind::core_member: fault({}, static_cast<std::int64_t>(r.a), "power"); break;

    case RecordKind::message_sent:
      if (State::Count* c = message_count(r.node)) {
        ++c->sent;
        c->sent_bytes += r.b;
      }
      break;
    case RecordKind::message_delivered:
      if (State::Count* c = message_count(r.node)) ++c->delivered;
      break;
    case RecordKind::message_dropped:
    case RecordKind::message_rejected: {
      const bool rejected = r.kind == RecordKind::message_rejected;
      if (State::Count* c = message_count(r.node)) ++(rejected ? c->rejected : c->dropped);
      const std::uint16_t fate = rejected ? 1 : 0;
      ++s.nodes[r.node.value].losses[{std::uint16_t{r.detail}, fate, r.flags}];
      break;
    }

    case RecordKind::round_entered: s.run(s.round->put(at).put(r.node).put(height).put(round)); break;
    case RecordKind::proposed:
      s.run(s.proposal->put(at).put(r.node).put(r.peer).put(height).put(round).put(r.id()).put(std::int64_t{r.flags} -
                                                                                               1));
      s.run(s.block_proposed->put(r.id()).put(height).put(round).put(r.node).put(at));
      break;
    case RecordKind::voted:
      s.run(s.vote->put(at)
                .put(r.node)
                .put(height)
                .put(round)
                .put(word_for(static_cast<sim::VoteType>(r.detail)))
                .put(r.id()));
      break;
    case RecordKind::locked: s.run(s.lock->put(at).put(r.node).put(height).put(round).put(r.id())); break;
    case RecordKind::certified:
      s.run(s.certificate->put(at)
                .put(r.node)
                .put(height)
                .put(round)
                .put(word_for(static_cast<sim::VoteType>(r.detail)))
                .put(r.id()));
      break;
    case RecordKind::committed:
      s.run(s.commit->put(at)
                .put(r.node)
                .put(height)
                .put(round)
                .put(word_for(static_cast<sim::CommitLevel>(r.detail)))
                .put(r.id()));
      s.run(s.block_committed->put(r.id()).put(height).put(round).put(at));
      s.nodes[r.node.value].last_committed = r.id();
      break;
    case RecordKind::commit_parent: s.run(s.block_parent->put(r.id()).put(s.nodes[r.node.value].last_committed)); break;
    case RecordKind::executed: s.run(s.execution->put(at).put(r.node).put(height).put(r.id())); break;
    case RecordKind::evidence:
      s.run(s.evidence->put(at).put(r.node).put(r.peer).put(height).put(round).put(
          word_for(static_cast<sim::EvidenceKind>(r.detail))));
      break;
    case RecordKind::behind: fault("height known to others", static_cast<std::int64_t>(r.a), "height"); break;
    case RecordKind::caught_up: fault({}, height, "height"); break;

    case RecordKind::tx_submitted:
      s.run(s.tx_submitted->put(r.id()).put(r.node).put(r.peer).put(std::int64_t{r.round}).put(height).put(at));
      break;
    case RecordKind::tx_included: {
      Hash128& seen = s.included_recently[r.b % s.included_recently.size()];
      if (seen == r.id()) break;
      seen = r.id();
      s.run(s.tx_included->put(r.id()).put(at).put(height).put(std::int64_t{r.round}).put(tx_status_name(r.detail)));
      break;
    }
    case RecordKind::tx_confirmed: s.run(s.tx_confirmed->put(at).put(r.id())); break;
    case RecordKind::tx_retried: s.run(s.tx_retried->put(r.id())); break;
    case RecordKind::tx_refused: s.run(s.tx_refused->put(r.id())); break;
    case RecordKind::tx_evicted: s.run(s.tx_evicted->put(r.id())); break;

    case RecordKind::balance_moved:
      s.run(s.balance->put(at).put(height).put_unsigned(r.a).put_unsigned(r.b).put(move_cause_name(r.detail)));
      break;

    case RecordKind::attack:
      s.run(s.attack->put(at)
                .put(std::int64_t{r.peer.value})
                .put(r.node)
                .put(word_for(static_cast<sim::AttackKind>(r.detail)))
                .put(height)
                .put(round)
                .put_unsigned(r.a)
                .put_unsigned(r.b));
      break;
    case RecordKind::note: s.run(s.note->put(at).put(r.peer).put(r.node).put_unsigned(r.a).put_unsigned(r.b)); break;

    case RecordKind::l1_mined:
      s.run(s.l1_block->put(r.id()).put(height).put(at).put(round).put(std::int64_t{r.flags}));
      s.last_mined = r.id();
      break;
    case RecordKind::l1_parent: s.run(s.l1_parent->put(r.id()).put(s.last_mined)); break;
    case RecordKind::l1_seen:
      s.run(s.l1_view->put(at).put(r.node).put(height).put(r.id()).put(round));
      break;
    case RecordKind::l1_sent:
    case RecordKind::l1_included:
    case RecordKind::l1_excluded:
      s.run(s.l1_transaction->put(at)
                .put(r.kind == RecordKind::l1_sent       ? std::string_view{"sent"}
                     : r.kind == RecordKind::l1_included ? std::string_view{"included"}
                                                         : std::string_view{"excluded"})
                .put(r.id())
                .put(r.node)
                .put(l1_tx_kind_name(r.flags))
                .put(height));
      break;
    case RecordKind::l1_paid:
      s.run(
          s.l1_fee->put(at).put(r.node).put(l1_tx_kind_name(r.flags)).put(height).put_unsigned(r.a).put_unsigned(r.b));
      break;
    case RecordKind::forced_sent:
    case RecordKind::forced_posted:
    case RecordKind::forced_done:
      s.run(s.forced->put(at)
                .put(sim::name_of(r.kind))
                .put(r.id())
                .put(r.node)
                .put(height)
                .put(round)
                .put(r.kind == RecordKind::forced_done ? forced_status_name(r.detail) : std::string_view{"waiting"}));
      break;
    case RecordKind::da_turn:
    case RecordKind::da_prepared:
    case RecordKind::da_sent:
    case RecordKind::da_posted:
    case RecordKind::da_unposted:
    case RecordKind::da_confirmed:
    case RecordKind::da_receipt:
      s.run(s.da->put(at).put(sim::name_of(r.kind)).put(r.node).put(height).put(round).put(r.id()));
      break;
    case RecordKind::l1_reorged:
    case RecordKind::l1_final:
    case RecordKind::l1_ref:
    case RecordKind::force_called:
    case RecordKind::forced_first:
    case RecordKind::da_hindered:
    case RecordKind::batch_read:
    case RecordKind::registry_set:
    case RecordKind::registry_defied:
    case RecordKind::escrow_locked:
    case RecordKind::escrow_settled:
    case RecordKind::escrow_released:
    case RecordKind::escrow_refused:
    case RecordKind::bridge_minted:
    case RecordKind::bridge_burnt:
    case RecordKind::da_backlog:
    case RecordKind::da_service:
    case RecordKind::da_settled:
    case RecordKind::commitment:
    case RecordKind::proof:
    case RecordKind::head:
    case RecordKind::derived:
    case RecordKind::halted:
    case RecordKind::core_stopped:
    case RecordKind::core_exported:
    case RecordKind::core_started:
    case RecordKind::core_rolled_back:
    case RecordKind::tx_accepted:
    case RecordKind::tx_redirected:
      s.run(s.layer->put(at)
                .put(sim::name_of(r.kind))
                .put(r.node)
                .put(height)
                .put(round)
                .put(std::int64_t{r.detail})
                .put(std::int64_t{r.flags})
                .put(r.id()));
      break;

    case RecordKind::da_block:
    case RecordKind::derived_state:
    case RecordKind::keyed:
    case RecordKind::key_linked:
    case RecordKind::reverted:
    case RecordKind::epoch_entered:
    case RecordKind::intervened:
    case RecordKind::persisted:
    case RecordKind::certificate_signers:
    case RecordKind::step_entered:
    case RecordKind::tx_admitted: break;
  }
}

void SqliteWriter::State::add_counts(const Report& report) {
  std::optional<Statement> node_row, message_row, loss_row;
  prepare_insert(node_row, "nodes", 6);
  prepare_insert(message_row, "messages", 7);
  prepare_insert(loss_row, "message_losses", 5);
  if (error != SQLITE_OK) return;
  for (std::uint32_t i = 0; i < report.sequencer_count; ++i) nodes[i];
  for (std::uint32_t i = 0; i < options.client_count; ++i) nodes[report.sequencer_count + i];
  const std::vector<std::string>& regions = options.regions;
  for (const auto& [number, counts] : nodes) {
    if (number >= sim::all_nodes.value) continue;
    const bool sequencer = number < report.sequencer_count;
    const std::string name = node_name(NodeId{number}, report.sequencer_count);
    node_row->put(std::int64_t{number})
        .put(std::string_view{name})
        .put(std::string_view{sequencer ? "sequencer" : "client"});
    if (sequencer && !regions.empty()) {
      node_row->put(std::string_view{regions[number % regions.size()]});
    } else {
      node_row->put_null();
    }
    run(node_row->put(counts.power).put(std::int64_t{counts.corrupt}));
    for (std::size_t kind = 0; kind < counts.kinds.size(); ++kind) {
      const Count& c = counts.kinds[kind];
      if (c.sent + c.delivered + c.dropped + c.rejected == 0) continue;
      run(message_row->put(std::int64_t{number})
              .put(message_kind_name(static_cast<std::uint8_t>(kind)))
              .put_unsigned(c.sent)
              .put_unsigned(c.delivered)
              .put_unsigned(c.dropped)
              .put_unsigned(c.rejected)
              .put_unsigned(c.sent_bytes));
    }
    // Kinds beyond the list share the name "unknown": they are added up before they are written.
    std::map<std::array<std::string_view, 3>, std::uint64_t> losses;
    for (const auto& [key, count] : counts.losses) {
      const bool rejected = key[1] != 0;
      const std::string_view reason = rejected ? reject_name(key[2]) : word_for(static_cast<sim::DropReason>(key[2]));
      losses[{message_kind_name(static_cast<std::uint8_t>(key[0])), rejected ? "rejected" : "dropped", reason}] +=
          count;
    }
    for (const auto& [key, count] : losses) {
      run(loss_row->put(std::int64_t{number}).put(key[0]).put(key[1]).put(key[2]).put_unsigned(count));
    }
  }
}

void SqliteWriter::State::add_run(const Report& report) {
  const scenarios::RunResult& r = report.result;
  std::optional<Statement> row, latency;
  prepare_insert(row, "run", 25);
  prepare_insert(latency, "latency", 6);
  if (error != SQLITE_OK) return;
  const std::string seed = std::to_string(r.seed);
  const std::string scenario_hash = to_hex(report.scenario_hash);
  const std::string digest = to_hex(r.digest);
  row->put(std::string_view{result_schema_name})
      .put(std::string_view{report.version})
      .put(std::string_view{r.scenario})
      .put(std::string_view{scenario_hash})
      .put(std::string_view{seed})
      .put(std::string_view{digest})
      .put(word_for(r.verdict))
      .put(std::string_view{r.reason});
  if (report.expected) {
    row->put(word_for(*report.expected));
  } else {
    row->put_null();
  }
  row->put(std::int64_t{r.as_expected})
      .put(word_for(r.liveness))
      .put(ns(r.end))
      .put_unsigned(r.events)
      .put_unsigned(r.records)
      .put_unsigned(r.messages.sent)
      .put_unsigned(r.messages.delivered)
      .put_unsigned(r.messages.dropped)
      .put_unsigned(r.messages.duplicates)
      .put_unsigned(r.messages.bytes)
      .put_unsigned(r.metrics.commits_min)
      .put_unsigned(r.metrics.commits_max)
      .put_unsigned(r.metrics.tx_submitted)
      .put_unsigned(r.metrics.tx_confirmed)
      .put(report.wall_seconds)
      .put_unsigned(report.peak_rss_bytes);
  run(*row);
  const auto add = [&](std::string_view name, const scenarios::Histogram& h) {
    latency->put(name).put_unsigned(h.count());
    if (h.count() == 0) {
      latency->put_null().put_null().put_null().put_null();
    } else {
      latency->put(h.quantile(500'000)).put(h.quantile(900'000)).put(h.quantile(990'000)).put(h.max());
    }
    run(*latency);
  };
  add("commit_latency", r.metrics.commit_latency);
  add("block_interval", r.metrics.block_interval);
  add("tx_latency", r.metrics.tx_latency);
}

void SqliteWriter::State::add_findings(const Report& report) {
  std::optional<Statement> row, node_row;
  prepare_insert(row, "findings", 5);
  prepare_insert(node_row, "finding_nodes", 2);
  if (error != SQLITE_OK) return;
  std::int64_t number = 0;
  for (const scenarios::Finding& f : report.result.findings) {
    ++number;
    run(row->put(number).put(std::string_view{f.checker}).put(ns(f.at)).put(std::string_view{f.text})
            .put(std::int64_t{f.outside_model}));
    for (const NodeId node : f.nodes) run(node_row->put(number).put(node));
  }
}

void SqliteWriter::State::add_budgets(const Report& report) {
  std::optional<Statement> row, node_row;
  prepare_insert(row, "adversary_budget", 6);
  prepare_insert(node_row, "adversary_nodes", 2);
  if (error != SQLITE_OK) return;
  std::int64_t number = 0;
  for (const scenarios::BudgetUse& b : report.result.budgets) {
    const auto add = [&](std::string_view quantity, std::string_view unit, std::int64_t used,
                         std::optional<std::int64_t> granted) {
      row->put(number).put(std::string_view{b.script}).put(quantity).put(unit).put(used);
      if (granted) {
        row->put(*granted);
      } else {
        row->put_null();
      }
      run(*row);
    };
    const auto count = [&](std::string_view quantity, std::uint64_t used, std::optional<std::int64_t> granted) {
      add(quantity, "count", static_cast<std::int64_t>(used), granted);
    };
    add("stake", "power", b.stake, std::nullopt);
    add("stake_total", "power", b.stake_total, std::nullopt);
    count("forged", b.forged, std::nullopt);
    count("sent", b.sent, std::nullopt);
    count("withheld", b.withheld, std::nullopt);
    count("reordered", b.reordered, std::nullopt);
    count("excluded", b.excluded, std::nullopt);
    count("delayed", b.delayed, std::nullopt);
    // Before stabilisation any number may be granted: then there is no bound to compare with.
    count("dropped", b.dropped,
          b.granted.drop_before_gst ? std::nullopt
                                    : std::optional<std::int64_t>{static_cast<std::int64_t>(b.granted.drops_max)});
    add("delay_max", "ns", ns(b.delay_max), ns(b.granted.delay_max));
    count("crashes", b.crashes, b.granted.crashes_max);
    count("partitions", b.partitions, b.granted.partitions_max);
    add("partition_time", "ns", ns(b.partition_time), ns(b.granted.partition_max));
    count("refused", b.refused, std::nullopt);
    count("hook_calls", b.hook_calls, std::nullopt);
    count("instructions", b.instructions, std::nullopt);
    for (const NodeId node : b.nodes) run(node_row->put(number).put(node));
    ++number;
  }
}

void SqliteWriter::finish(const Report& report) {
  State& s = *state_;
  if (s.error == SQLITE_OK) s.add_counts(report);
  if (s.error == SQLITE_OK) s.add_run(report);
  if (s.error == SQLITE_OK) s.add_findings(report);
  if (s.error == SQLITE_OK) s.add_budgets(report);
  s.execute(indexes_and_views);
  s.execute(fmt::format("pragma user_version = {}", run_database_version).c_str());
  s.execute("commit");
  s.reset_statements();
  if (s.error == SQLITE_OK) {
    s.note_error(sqlite3_close(s.db));
    if (s.error == SQLITE_OK) s.db = nullptr;
  }
  if (s.error != SQLITE_OK) s.raise();
}

}  // namespace seqlab::analysis
