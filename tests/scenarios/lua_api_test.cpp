#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "scenarios/adversaries/native/native_adversaries.hpp"
#include "tests/scenarios/lua_support.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/golden.hpp"

namespace seqlab::scenarios::test {

namespace fs = std::filesystem;

namespace {

std::string read_text(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

const fs::path adversaries = fs::path{SEQLAB_SOURCE_DIR} / "scenarios" / "adversaries";

/// A script whose on_send is `body`; runs it once with a prevote of n3 to n0 ... n2.
struct SendRun {
  FakeContext context;
  Script script;
  bool passed = false;
  MessagePtr message = prevote(context);

  explicit SendRun(const std::string& body)
      : script("return { api = 1, on_send = function(ctx, msg)\n" + body +
               "\nend, on_timer = function(ctx, v) print(v) end }") {
    const std::vector<NodeId> to{NodeId{0}, NodeId{1}, NodeId{2}};
    passed = script.adversary->on_send(context, NodeId{3}, to, message);
  }
  std::string log() const { return std::string{script.adversary->log()}; }
};

Problem problem_of_send(const std::string& body) {
  try {
    const SendRun run(body);
  } catch (const InputError& error) {
    return error.problems().at(0);
  }
  return {};
}

}  // namespace

TEST_CASE("the shape of the returned table is checked when a script is loaded", "[lua][load]") {
  struct Case {
    std::string source;
    std::string text;
    std::string hint;
    int line;
  };
  const std::string hook = "on_start = function() end";
  const Case c = GENERATE_COPY(values<Case>({
      {"", "returned nil, not its table", "return { api = 1", 0},
      {"return 7", "returned 7, not its table", "return { api = 1", 0},
      {"return {", "<eof>", "", 1},
      {"\nlocal x = = 2", "unexpected symbol near '='", "", 2},
      {"return { " + hook + " }", "has no `api`", "api = 1", 0},
      {"return { api = 2, " + hook + " }", "`api` is 2", "api = 1", 1},
      {"return { api = '1', " + hook + " }", "`api` is the text", "api = 1", 1},
      {"return { api = 1 }", "no hook", "on_send", 0},
      {"return { api = 1,\n on_sned = function() end }", "unknown key `on_sned`", "on_send", 2},
      {"return { api = 1,\n\n parms = {}, " + hook + " }", "unknown key `parms`", "params", 3},
      {"return { api = 1, on_start = 7 }", "`on_start` is 7", "a function", 1},
      {"return { api = 1, 'x', " + hook + " }", "an entry without a name", "name = value", 0},
      {"return { api = 1, on_record = function() end }", "without `records`", "committed", 1},
      {"return { api = 1, records = {'committed'}, " + hook + " }", "without on_record", "", 1},
      {"return { api = 1, records = {'comitted'}, on_record = function() end }", "no record kind \"comitted\"",
       "committed", 1},
      {"return { api = 1, records = {}, on_record = function() end }", "is empty", "", 1},
      {"return { api = 1, records = 'committed', on_record = function() end }", "`records` is the text", "a list", 1},
      {"return { api = 1, kinds = {on_send = {'propsal'}}, " + hook + " }", "no message kind \"propsal\"", "proposal",
       1},
      {"return { api = 1, kinds = {on_timer = {'proposal'}}, " + hook + " }", "unknown key `on_timer`", "on_link", 1},
      {"return { api = 1, kinds = {'proposal'}, " + hook + " }", "without a name", "", 1},
      {"return { api = 1, params = {every = 1.5}, " + hook + " }", "`every` is a fraction", "an integer", 1},
      {"return { api = 1, params = {every = print}, " + hook + " }", "`every` is a function", "", 1},
      {"return { api = 1, params = {every = {1}}, " + hook + " }", "`every[1]` is 1", "texts", 1},
  }));
  CAPTURE(c.source);
  const std::vector<Problem> problems = problems_of_loading(c.source);
  REQUIRE(problems.size() == 1);
  CAPTURE(problems[0].text, problems[0].hint);
  CHECK(contains(problems[0].text, c.text));
  CHECK(contains(problems[0].hint, c.hint));
  CHECK(problems[0].line == c.line);
  CHECK(problems[0].file == "some/where/test.lua");
}

TEST_CASE("all problems of a script are reported at once", "[lua][load]") {
  const auto problems =
      problems_of_loading("return { api = 2, on_sned = 1, on_start = 2, records = {'x'} }", {{"p", true}});
  CHECK(problems.size() >= 5);
}

TEST_CASE("parameters of the scenario replace the defaults and keep their types", "[lua][load]") {
  const std::string source =
      "return { api = 1, params = { every = 1, name = 'x', on = false, list = {'a'} }, on_start = function(ctx) "
      "for k, v in pairs(ctx.params) do print(k, type(v) == 'table' and #v or v) end end }";
  FakeContext context;
  const Script script(source, {{"every", std::int64_t{5}}, {"list", std::vector<std::string>{"p", "q"}}});
  script.adversary->on_start(context);
  CHECK(script.adversary->log() == "every\t5\nlist\t2\nname\tx\non\tfalse\n");

  const auto wrong_type = problems_of_loading(source, {{"every", std::string{"5"}}});
  REQUIRE(wrong_type.size() == 1);
  CHECK(contains(wrong_type[0].text, "`every` is a text"));
  CHECK(contains(wrong_type[0].hint, "an integer"));
  CHECK(wrong_type[0].path == "environment.adversaries[0].params.every");
  CHECK(wrong_type[0].file == "s.yaml");

  const auto unknown = problems_of_loading(source, {{"evry", std::int64_t{5}}});
  REQUIRE(unknown.size() == 1);
  CHECK(contains(unknown[0].hint, "`every`"));
}

TEST_CASE("a hook sees the message that is sent", "[lua][hooks]") {
  const SendRun run(
      "print(msg.kind, msg.height, msg.round, msg.valid_round, msg.author, msg.from, msg.to, #msg.receivers, "
      "msg.is_nil, msg.transactions, msg.tx, msg.sender, msg.block, msg.bytes > 0)\n"
      "print(ctx.self, ctx.height, ctx.round, ctx.now, #ctx.peers, #ctx.nodes, ctx.own[1], ctx:power('n2'))");
  CHECK(run.passed);
  CHECK(run.log() ==
        "prevote\t7\t2\t-1\tn3\tn3\tnil\t3\tfalse\t0\tnil\tnil\t0000000000001234000000000000abcd\ttrue\n"
        "n3\t7\t2\t1500000000\t3\t4\tn3\t12\n");
}

TEST_CASE("a hook passes or drops, and nothing else", "[lua][hooks]") {
  CHECK(SendRun("return ctx.pass").passed);
  CHECK(SendRun("").passed);
  CHECK(!SendRun("return ctx.drop").passed);
  for (const char* value : {"true", "false", "0", "'drop'", "{}", "msg", "ctx"}) {
    CAPTURE(value);
    const Problem problem = problem_of_send(std::string{"return "} + value);
    CHECK(contains(problem.text, "on_send returned a"));
    CHECK(contains(problem.hint, "ctx.pass"));
    CHECK(problem.line == 1);
  }
}

TEST_CASE("a script sends, now or later, as itself", "[lua][hooks]") {
  const SendRun run(
      "print(ctx:send({'n0', 'n2'}, msg)) ctx:send('n1', msg, {delay = '1.5s'}) ctx:send({}, msg)\n"
      "return ctx.drop");
  REQUIRE(run.context.sent.size() == 2);
  CHECK(run.context.sent[0].from == NodeId{3});
  CHECK(run.context.sent[0].to == std::vector<NodeId>{NodeId{0}, NodeId{2}});
  CHECK(run.context.sent[0].message.get() == run.message.get());
  CHECK(run.context.sent[1].to == std::vector<NodeId>{NodeId{1}});
  CHECK(run.context.sent[1].delay == 1500ms);
  CHECK(run.log() == "true\n");
}

TEST_CASE("a script forges with the changes that it names", "[lua][hooks]") {
  const SendRun run(
      "local a = ctx:forge(msg, {nil_vote = true}) print(a.is_nil, a.block, a.author)\n"
      "local b = ctx:forge(msg, {block = '00000000000000010000000000000002', round = 9}) print(b.block, b.round)\n"
      "ctx:forge(msg, {payload = 'x', empty = true, timestamp_shift = '-1s', height = 3, valid_round = -1})\n"
      "ctx:forge(msg, {payload = 'x'}) ctx:forge(msg, {payload = 'y'})");
  CHECK(run.log() == "true\tnil\tn3\n00000000000000010000000000000002\t9\n");
  REQUIRE(run.context.forged.size() == 5);
  const protocols::ForgeChanges& c = run.context.forged[2];
  CHECK(c.salt != 0);
  CHECK(c.drop_transactions);
  CHECK(c.timestamp_shift == Duration{-1s});
  CHECK(c.height == protocols::Height{3});
  CHECK(c.valid_round == protocols::no_round);
  CHECK(run.context.forged[3].salt == c.salt);
  CHECK(run.context.forged[4].salt != c.salt);
}

TEST_CASE("a script pays from an account, and shows the payment to whom it likes", "[lua][hooks]") {
  const SendRun run(
      "local paid = ctx:pay({from = 3, to = 5, amount = 70}) print(paid.kind, paid.sender)\n"
      "ctx:send('n1', paid)\n"
      "ctx:pay({from = 3, to = 5, amount = 70, fee = 2, at = 'n3'})");
  CHECK(run.log() == "transaction\t3\n");
  REQUIRE(run.context.payments.size() == 2);
  const auto& [at, tx] = run.context.payments[1];
  CHECK(at == NodeId{3});
  CHECK(tx.receiver == protocols::AccountId{5});
  CHECK(tx.amount == protocols::Amount{70});
  CHECK(tx.fee == protocols::Amount{2});
  CHECK(run.context.sent.size() == 1);
}

TEST_CASE("wrong arguments raise with what would be right", "[lua][hooks]") {
  const auto [body, text] = GENERATE(values<std::pair<std::string, std::string>>({
      {"ctx:send({'n9'}, msg)", "unknown node 'n9'"},
      {"ctx:send({1}, msg)", "is a number"},
      {"ctx:send(7, msg)", "is a number"},
      {"ctx:send({'n0', 'n0', 'n0', 'n0', 'n0', 'n0', 'n0'}, msg)", "more entries than there are nodes"},
      {"ctx:send({'n0'})", "argument #2 is a"},
      {"ctx:send({'n0'}, {})", "argument #2 is a table"},
      {"ctx:send({'n0'}, ctx)", "argument #2 is a"},
      {"ctx.send({'n0'}, msg)", "call it with a colon"},
      {"ctx:send({'n0'}, msg, {dealy = 1})", "no option 'dealy'"},
      {"ctx:send({'n0'}, msg, {delay = '1'})", "not a duration"},
      {"ctx:send({'n0'}, msg, {delay = -1})", "negative"},
      {"ctx:send({'n0'}, msg, {delay = 0.5})", "whole number"},
      {"ctx:send({'n0'}, msg, {delay = {}})", "is a table"},
      {"ctx:send({'n0'}, msg, 7)", "options of ctx:send are a number"},
      {"ctx:pay({from = 1, to = 2})", "needs the option 'amount'"},
      {"ctx:pay({from = 1, to = 2, amount = 0})", "out of range"},
      {"ctx:pay({from = -1, to = 2, amount = 1})", "out of range"},
      {"ctx:pay({from = 1, to = 2, amount = 1, tip = 1})", "no option 'tip'"},
      {"ctx:forge(msg, {block = 'xyz'})", "not a block id"},
      {"ctx:forge(msg, {round = 1 << 40})", "out of range"},
      {"ctx:forge(msg, {height = 0})", "at least 1"},
      {"ctx:forge(msg, {nilvote = true})", "no option 'nilvote'"},
      {"ctx:after('soon')", "not a duration"},
      {"ctx:after(-1)", "negative"},
      {"ctx:crash('n7')", "unknown node"},
      {"ctx:crash('n1', {disk = 'gone'})", "none of the disk faults"},
      {"ctx:partition({{'n0'}}, '1s')", "at least two groups"},
      {"ctx:partition({{'n0'}, {'n0'}}, '1s')", "two groups"},
      {"ctx:partition({{'n0'}, {'c0'}}, '1s')", "only sequencer nodes"},
      {"ctx:partition({{'n0'}, {'n1'}}, 0)", "not positive"},
      {"ctx:note('x')", "number expected"},
      {"ctx.rng.int(1, 2)", "colon"},
      {"ctx.rng:int(2, 1)", "range is empty"},
      {"ctx.rng:bool(3, 2)", "not within"},
      {"ctx.rng:bytes(1 << 30)", "4096"},
      {"ctx.rng:pick({})", "empty"},
      {"print(msg.knd)", "a message has no field 'knd'"},
      {"print(msg[{}])", "has no field"},
      {"msg.kind = 'x'", "cannot be changed"},
  }));
  CAPTURE(body);
  const Problem problem = problem_of_send(body);
  CAPTURE(problem.text);
  CHECK(contains(problem.text, text));
  CHECK(problem.line == 2);
}

TEST_CASE("a message is gone with its hook unless it is kept", "[lua][hooks]") {
  FakeContext context;
  const Script script(
      "local old, kept\nreturn { api = 1, on_send = function(ctx, msg) old = msg kept = ctx:keep(msg) end, "
      "on_timer = function(ctx) print(kept.height) ctx:send('n0', kept) print(old.height) end }");
  MessagePtr message = prevote(context, 41);
  const std::vector<NodeId> to{NodeId{0}};
  CHECK(script.adversary->on_send(context, NodeId{3}, to, message));
  message = {};
  CHECK(context.pool.live() == 1);
  CHECK_THROWS_AS(script.adversary->on_timer(context, 1), InputError);
  CHECK(script.adversary->log() == "41\n");
  REQUIRE(context.sent.size() == 1);
}

TEST_CASE("messages that a script kept go with it", "[lua][hooks]") {
  FakeContext context;
  {
    const Script script(
        "local all = {} return { api = 1, on_send = function(ctx, msg) all[#all + 1] = ctx:keep(msg) end }");
    const std::vector<NodeId> to{NodeId{0}};
    for (int i = 0; i < 10; ++i) script.adversary->on_send(context, NodeId{3}, to, prevote(context));
    CHECK(context.pool.live() == 10);
  }
  CHECK(context.pool.live() == 0);
}

TEST_CASE("timers give back the value that they were set with", "[lua][hooks]") {
  FakeContext context;
  const Script script(
      "return { api = 1, on_start = function(ctx) ctx:after('500ms', {1, 2}) ctx:after(7, 'x') ctx:after('1m') end, "
      "on_timer = function(ctx, v) print(type(v) == 'table' and v[2] or v) end }");
  script.adversary->on_start(context);
  REQUIRE(context.timers.size() == 3);
  CHECK(context.timers[0].first == 500ms);
  CHECK(context.timers[2].first == 60s);
  for (std::size_t i : {1U, 0U, 2U}) script.adversary->on_timer(context, context.timers[i].second);
  CHECK(script.adversary->log() == "x\n2\nnil\n");
}

TEST_CASE("a block builder reorders and removes, and nothing else", "[lua][hooks]") {
  std::vector<protocols::Transaction> txs(4);
  for (std::uint32_t i = 0; i < 4; ++i) {
    txs[i].sender = protocols::AccountId{i};
    txs[i].fee = protocols::Amount{static_cast<std::int64_t>(i * 10)};
    txs[i].id = {1, i + 1};
  }
  const auto build = [&](const std::string& body) {
    FakeContext context;
    context.forced = 5;
    context.lottery = [](std::uint64_t index) { return index == 2; };
    const Script script("return { api = 1, on_build = function(ctx, txs, height, round)\n" + body + "\nend }");
    auto candidates = txs;
    script.adversary->on_build(context, NodeId{3}, 7, 2, candidates);
    std::string order;
    for (const protocols::Transaction& tx : candidates) order += std::to_string(tx.sender.value);
    return order;
  };
  CHECK(build("assert(height == 7 and round == 2 and #txs == 4 and ctx.forced == 5)") == "0123");
  CHECK(build("assert(ctx:would_win(2) and ctx:would_win(1) == false)") == "0123");
  CHECK_THROWS_AS(build("ctx:would_win(-1)"), InputError);
  CHECK_THROWS_AS(build("ctx:would_win('first')"), InputError);
  {
    FakeContext context;
    const Script script("return { api = 1, on_build = function(ctx) assert(ctx:would_win(0) == nil) end }");
    auto candidates = txs;
    script.adversary->on_build(context, NodeId{3}, 7, 2, candidates);
  }
  CHECK(build("table.sort(txs, function(a, b) return a.fee > b.fee end) return txs") == "3210");
  CHECK(build("return {txs[3], txs[1]}") == "20");
  CHECK(build("return {}") == "");
  CHECK_THROWS_AS(build("return {txs[1], txs[1]}"), InputError);
  CHECK_THROWS_AS(build("return {{index = 9}}"), InputError);
  CHECK_THROWS_AS(build("return {{}}"), InputError);
  CHECK_THROWS_AS(build("return {1, 2}"), InputError);
  CHECK_THROWS_AS(build("return 7"), InputError);
  CHECK_THROWS_AS(build("txs[5] = txs[4] return txs"), InputError);
}

TEST_CASE("a link shows what the grant allows", "[lua][hooks]") {
  const std::string source =
      "return { api = 1, on_link = function(ctx, msg) "
      "print(msg.kind, msg.height, msg.from, msg.to, msg.author, msg.block, msg.is_nil) "
      "if msg.round == 1 then ctx:keep(msg) end return '5ms' end }";
  FakeContext context;
  const Script script(source);
  const MessagePtr message = prevote(context);
  const auto ask = [&](PowerSpec::Sight sight, const MessagePtr& m) {
    return script.adversary->on_link(context, LinkView(NodeId{0}, NodeId{1}, *m, context.time, sight));
  };
  CHECK(ask(PowerSpec::Sight::all, message).extra_delay == 5ms);
  CHECK(ask(PowerSpec::Sight::headers, message).extra_delay == 5ms);
  CHECK(script.adversary->log() ==
        "prevote\t7\tn0\tn1\tn3\t0000000000001234000000000000abcd\tfalse\n"
        "prevote\t7\tn0\tn1\tnil\tnil\tfalse\n");
  CHECK_NOTHROW(ask(PowerSpec::Sight::all, prevote(context, 7, 1)));
  CHECK_THROWS_AS(ask(PowerSpec::Sight::headers, prevote(context, 7, 1)), InputError);
}

TEST_CASE("a link hook returns pass, drop or a duration", "[lua][hooks]") {
  const auto ask = [](const std::string& value) {
    FakeContext context;
    const Script script("return { api = 1, on_link = function(ctx, msg) return " + value + " end }");
    const MessagePtr message = prevote(context);
    return script.adversary->on_link(context,
                                     LinkView(NodeId{0}, NodeId{1}, *message, context.time, PowerSpec::Sight::all));
  };
  CHECK(ask("ctx.drop").drop);
  CHECK(!ask("ctx.pass").drop);
  CHECK(!ask("nil").drop);
  CHECK(ask("1000").extra_delay == Duration{1000});
  CHECK(ask("'2s'").extra_delay == 2s);
  CHECK_THROWS_AS(ask("-1"), InputError);
  CHECK_THROWS_AS(ask("'soon'"), InputError);
  CHECK_THROWS_AS(ask("1.5"), InputError);
  CHECK_THROWS_AS(ask("{}"), InputError);
  CHECK_THROWS_AS(ask("true"), InputError);
}

TEST_CASE("a record shows its fields by name", "[lua][hooks]") {
  FakeContext context;
  const Script script(
      "return { api = 1, records = {'certified', 'node_crashed'}, on_record = function(ctx, rec) "
      "print(rec.kind, rec.node, rec.peer, rec.height, rec.round, rec.detail, rec.id, ctx.self) end }");
  CHECK(script.adversary->record_kinds() == sim::mask_of(sim::RecordKind::certified, sim::RecordKind::node_crashed));
  sim::Record record{.kind = sim::RecordKind::certified, .detail = 1, .node = NodeId{2}, .round = 3, .height = 9};
  record.with_id({0, 5});
  script.adversary->on_record(context, record);
  script.adversary->on_record(context, {.kind = sim::RecordKind::node_crashed, .node = NodeId{0}, .round = 1});
  CHECK(script.adversary->log() ==
        "certified\tn2\tnil\t9\t3\tprevote\t00000000000000000000000000000005\tn3\n"
        "node_crashed\tn0\tnil\t0\t1\t0\tnil\tn3\n");
}

TEST_CASE("a filter on kinds is known to the host", "[lua][hooks]") {
  const Script script("return { api = 1, kinds = {on_send = {'proposal', 'prevote'}}, on_send = function() end }");
  CHECK(script.adversary->message_kinds(hook_send) ==
        (mask_of(protocols::MessageKind::proposal) | mask_of(protocols::MessageKind::prevote)));
  CHECK(script.adversary->message_kinds(hook_receive) == all_message_kinds);
  CHECK(script.adversary->hooks() == hook_send);
}

TEST_CASE("lists are split into seeded halves in node order", "[lua][hooks]") {
  const std::string body =
      "local l, r = ctx:split(ctx.nodes) print(#l, #r, table.concat(l, ' '), table.concat(r, ' ')) "
      "local a, b = ctx:split_by_power(ctx.nodes) local pa, pb = 0, 0 "
      "for _, n in ipairs(a) do pa = pa + ctx:power(n) end for _, n in ipairs(b) do pb = pb + ctx:power(n) end "
      "print(math.abs(pa - pb) <= 13, pa + pb)";
  const std::string first = printed(body, 3);
  CHECK(contains(first, "2\t2\t"));
  CHECK(contains(first, "true\t46\n"));
  CHECK(printed(body, 3) == first);
}

TEST_CASE("an exception of the world comes out as it was thrown", "[lua][errors]") {
  class Broken final : public AdversaryContext {
   public:
    SimTime now() const override { throw std::runtime_error("unused"); }
    std::span<const NodeId> own_nodes() const override { return {}; }
    std::span<const NodeId> all_nodes() const override { return {}; }
    Power power_of(NodeId) const override { return 0; }
    sim::Stream& rng() override { return rng_; }
    std::uint64_t height_of(NodeId) const override { return 0; }
    std::int32_t round_of(NodeId) const override { return 0; }
    bool send(NodeId, std::span<const NodeId>, const MessagePtr&, Duration) override { return false; }
    MessagePtr forge(NodeId, const MessagePtr&, const protocols::ForgeChanges&) override { return {}; }
    void set_timer(Duration, std::uint64_t) override { throw InternalError("the world is broken"); }
    bool crash(NodeId, Duration, sim::DiskFault) override { return false; }
    bool partition(std::span<const std::vector<NodeId>>, Duration) override { return false; }
    bool jump_clock(NodeId, Duration) override { return false; }
    void note(std::uint64_t, std::uint64_t) override {}
    MessagePtr pay(NodeId, protocols::AccountId, protocols::AccountId, protocols::Amount,
                   protocols::Amount) override {
      return {};
    }
    std::size_t forced_items() const override { return 0; }
    std::optional<bool> would_win(std::uint64_t /*index*/) const override { return std::nullopt; }
    sim::Stream rng_;
  } broken;
  const Script script(starting("pcall(ctx.after, ctx, 1)"));
  CHECK_THROWS_AS(script.adversary->on_start(broken), InternalError);
}

TEST_CASE("the annotations for editors are the committed ones and match the binding table", "[lua][bindings]") {
  const std::string made = lua_annotations();
  const fs::path file = adversaries / "meta" / "seqlab.lua";
  CHECK(made.rfind("---@meta\n", 0) == 0);
  CHECK(seqlab::test::golden(file, made) == made);
  for (const LuaBinding& binding : lua_bindings()) {
    const std::string field = std::string{binding.owner} + "." + std::string{binding.name} + " = nil";
    const std::string method = "function " + std::string{binding.owner} + ":" + std::string{binding.name} + "(";
    CAPTURE(field);
    CHECK((contains(made, field) || contains(made, method)));
    CHECK(!binding.text.empty());
    CHECK(!binding.type.empty());
  }
}

TEST_CASE("every name of the binding table is there, and no other", "[lua][bindings]") {
  FakeContext context;
  std::string probe;
  for (const LuaBinding& binding : lua_bindings()) {
    const std::string object = binding.owner == "Context" ? "ctx" : binding.owner == "Rng" ? "ctx.rng" : "";
    if (object.empty()) continue;
    const bool is_method = binding.type.substr(0, 3) == "fun";
    probe += "assert(" + std::string{is_method ? "type(" : "pcall(function() return "} + object + "." +
             std::string{binding.name} + (is_method ? ") == 'function'" : " end)") + ")\n";
  }
  probe += "local n = 0 for k in pairs(ctx.rng) do n = n + 1 end print(n)";
  const auto rng =
      std::count_if(lua_bindings().begin(), lua_bindings().end(), [](const LuaBinding& b) { return b.owner == "Rng"; });
  CHECK(printed(probe) == std::to_string(rng) + "\n");
}

TEST_CASE("the standard names are exactly those that a script can reach", "[lua][bindings]") {
  std::string expected;
  std::set<std::string> libraries;
  for (const std::string_view name : lua_standard_names()) {
    expected += std::string{name} + "\n";
    if (const auto dot = name.find('.'); dot != std::string_view::npos) libraries.emplace(name.substr(0, dot));
  }
  // _ENV is the environment itself: pairs walks what it really holds.
  const std::string walked = printed(
      "local all = {} for k, v in pairs(_ENV) do if type(v) == 'table' then for n in pairs(v) do all[#all + 1] = k .. "
      "'.' .. n end "
      "else all[#all + 1] = k end end table.sort(all) for _, n in ipairs(all) do print(n) end");
  CHECK(walked == expected);
  CHECK(libraries == std::set<std::string>{"math", "string", "table", "utf8"});
}

TEST_CASE("every stock adversary loads, and says what it does first", "[lua][stock]") {
  std::size_t count = 0;
  for (const fs::directory_entry& entry : fs::directory_iterator(adversaries)) {
    if (entry.path().extension() != ".lua") continue;
    CAPTURE(entry.path().string());
    ++count;
    const std::string source = read_text(entry.path());
    CHECK(source.rfind("-- ", 0) == 0);
    CHECK(contains(source, "---@type seqlab.Adversary"));
    std::string all;
    for (const Problem& problem : problems_of_loading(source)) all += format(problem) + "\n";
    CHECK(all.empty());
  }
  CHECK(count >= 13);
}

TEST_CASE("every stock adversary survives any message, record and timer", "[lua][stock]") {
  for (const fs::directory_entry& entry : fs::directory_iterator(adversaries)) {
    if (entry.path().extension() != ".lua") continue;
    CAPTURE(entry.path().string());
    FakeContext context;
    const Script script(read_text(entry.path()));
    Adversary& adversary = *script.adversary;
    adversary.on_start(context);
    std::vector<MessagePtr> messages;
    for (std::uint64_t height = 1; height < 6; ++height) {
      protocols::Proposal proposal;
      proposal.height = protocols::Height{height};
      proposal.proposer = NodeId{3};
      auto block = std::make_shared<protocols::Block>();
      block->id = {height, 77};
      proposal.block = block;
      messages.push_back(MessagePtr{context.pool.make<protocols::ProposalMessage>(proposal)});
      for (std::int32_t round = 0; round < 3; ++round) {
        messages.push_back(prevote(context, height, round, {height, static_cast<std::uint64_t>(round + 1)}));
        messages.push_back(prevote(context, height, round, {}));
      }
      protocols::Vote vote;  // of a chained engine
      vote.height = protocols::Height{height};
      vote.round = protocols::Round{static_cast<std::int32_t>(height)};
      vote.type = protocols::VoteType::vote;
      vote.voter = NodeId{3};
      messages.push_back(MessagePtr{context.pool.make<protocols::VoteMessage>(vote)});
      protocols::Status status;
      status.node = NodeId{3};
      status.height = protocols::Height{height};
      messages.push_back(MessagePtr{context.pool.make<protocols::StatusMessage>(status)});
      messages.push_back(
          MessagePtr{context.pool.make<protocols::BlockResponseMessage>(NodeId{3}, block, protocols::Commit{})});
      protocols::Transaction tx;
      tx.sender = protocols::AccountId{static_cast<std::uint32_t>(height % 2)};
      messages.push_back(MessagePtr{context.pool.make<protocols::TransactionMessage>(tx)});
    }
    const std::vector<NodeId> to{NodeId{0}, NodeId{1}, NodeId{2}};
    const auto runs = [&](HookBit hook, const MessagePtr& m) {
      const auto kind = static_cast<protocols::MessageKind>(m->kind);
      return (adversary.hooks() & hook) != 0 && (adversary.message_kinds(hook) & mask_of(kind)) != 0;
    };
    int kept_back = 0;
    for (const MessagePtr& m : messages) {
      if (runs(hook_receive, m) && !adversary.on_receive(context, NodeId{3}, NodeId{1}, m)) ++kept_back;
      if (runs(hook_send, m) && !adversary.on_send(context, NodeId{3}, to, m)) ++kept_back;
      if (runs(hook_link, m)) {
        adversary.on_link(context, LinkView(NodeId{0}, NodeId{1}, *m, context.time, PowerSpec::Sight::headers));
        ++kept_back;
      }
    }
    for (std::size_t kind = 0; kind < sim::record_kind_count; ++kind) {
      const auto k = static_cast<sim::RecordKind>(kind);
      if ((adversary.record_kinds() & sim::mask_of(k)) == 0) continue;
      for (std::uint64_t height = 1; height < 12; ++height) {
        adversary.on_record(
            context,
            {.kind = k, .detail = 1, .node = NodeId{static_cast<std::uint32_t>(height % 4)}, .height = height});
      }
    }
    for (std::size_t i = 0; i < std::min<std::size_t>(context.timers.size(), 10); ++i) {
      adversary.on_timer(context, context.timers[i].second);
    }
    bool acted = !context.sent.empty() || !context.crashes.empty() || !context.partitions.empty() ||
                 !context.payments.empty() || kept_back > 0;
    CHECK(acted);
  }
}

TEST_CASE("native adversaries are found by name, and check their parameters", "[lua][native]") {
  Scenario scenario;
  AdversarySpec spec;
  spec.nodes = {NodeId{3}};
  spec.script = "native:silent";
  CHECK(make_adversary(spec, scenario)->hooks() == hook_send);
  spec.script = "native:random_byzantine";
  spec.params = {{"percent", std::int64_t{10}}};
  CHECK(make_adversary(spec, scenario)->hooks() == hook_send);
  spec.params = {{"percent", std::int64_t{101}}};
  CHECK_THROWS_AS(make_adversary(spec, scenario), InputError);
  spec.params = {{"precent", std::int64_t{1}}};
  CHECK_THROWS_AS(make_adversary(spec, scenario), InputError);
  spec.params = {};
  spec.script = "native:silnt";
  try {
    make_adversary(spec, scenario);
    FAIL("an unknown native adversary was accepted");
  } catch (const InputError& error) {
    CHECK(contains(error.problems().at(0).hint, "native:silent"));
  }
}

TEST_CASE("a native adversary draws the same from the same seed", "[lua][native]") {
  const auto run = [](std::uint64_t seed) {
    FakeContext context(7, seed);
    AdversarySpec spec;
    spec.nodes = {NodeId{3}};
    const auto adversary = make_random_byzantine(spec, {});
    const std::vector<NodeId> to{NodeId{0}, NodeId{1}, NodeId{2}};
    std::string shown;
    for (int i = 0; i < 200; ++i) shown += adversary->on_send(context, NodeId{3}, to, prevote(context)) ? 'p' : 'd';
    for (const auto& sent : context.sent)
      shown += std::to_string(sent.to.size()) + "," + std::to_string(ns(sent.delay)) + ";";
    return shown;
  };
  CHECK(run(1) == run(1));
  CHECK(run(1) != run(2));
}

}  // namespace seqlab::scenarios::test
