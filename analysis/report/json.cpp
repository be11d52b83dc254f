// The report for programs: one object, whose names stay.
#include <nlohmann/json.hpp>

#include "analysis/report/format.hpp"
#include "analysis/report/result.hpp"
#include "protocols/l1/profile.hpp"

namespace seqlab::analysis {

namespace {

using Json = nlohmann::ordered_json;

Json names(const std::vector<NodeId>& nodes, std::uint32_t sequencer_count) {
  Json out = Json::array();
  for (const NodeId node : nodes) out.push_back(node_name(node, sequencer_count));
  return out;
}

/// Null where nothing was observed: a latency of 0 would be a lie.
Json quantiles(const scenarios::Histogram& h) {
  const auto value = [&h](std::int64_t v) { return h.count() == 0 ? Json(nullptr) : Json(v); };
  Json out;
  out["count"] = h.count();
  out["p50"] = value(h.quantile(500'000));
  out["p90"] = value(h.quantile(900'000));
  out["p99"] = value(h.quantile(990'000));
  out["max"] = value(h.max());
  return out;
}

Json lines_of(std::string_view log) {
  Json out = Json::array();
  for (const std::string_view line : split_lines(log)) out.push_back(line);
  return out;
}

Json budget(const scenarios::BudgetUse& b, std::uint32_t sequencer_count) {
  Json out;
  out["script"] = b.script;
  out["nodes"] = names(b.nodes, sequencer_count);
  out["stake"] = b.stake;
  out["stake_total"] = b.stake_total;
  out["used"] = Json{{"forged", b.forged},
                     {"sent", b.sent},
                     {"withheld", b.withheld},
                     {"reordered", b.reordered},
                     {"excluded", b.excluded},
                     {"delayed", b.delayed},
                     {"dropped", b.dropped},
                     {"delay_max_ns", ns(b.delay_max)},
                     {"crashes", b.crashes},
                     {"partitions", b.partitions},
                     {"partition_time_ns", ns(b.partition_time)},
                     {"refused", b.refused},
                     {"hook_calls", b.hook_calls},
                     {"instructions", b.instructions}};
  out["granted"] = Json{{"sees", word_for(b.granted.sees)},
                        {"delay_max_ns", ns(b.granted.delay_max)},
                        {"drops_max", b.granted.drops_max},
                        {"drop_before_gst", b.granted.drop_before_gst},
                        {"crashes_max", b.granted.crashes_max},
                        {"partitions_max", b.granted.partitions_max},
                        {"partition_max_ns", ns(b.granted.partition_max)}};
  return out;
}

std::string_view name_of_stop(sim::StopReason reason) {
  switch (reason) {
    case sim::StopReason::queue_empty: return "queue_empty";
    case sim::StopReason::time_limit: return "time_limit";
    case sim::StopReason::event_limit: return "event_limit";
    case sim::StopReason::stopped: return "stopped";
    case sim::StopReason::interrupted: return "interrupted";
  }
  return "stopped";
}

}  // namespace

std::string to_json(const Report& report) {
  const scenarios::RunResult& r = report.result;
  const scenarios::Metrics& m = r.metrics;
  Json out;
  out["schema"] = result_schema_name;
  out["version"] = report.version;
  out["scenario"] = r.scenario;
  out["scenario_hash"] = to_hex(report.scenario_hash);
  out["seed"] = r.seed;
  out["seed_text"] = std::to_string(r.seed);
  out["digest"] = to_hex(r.digest);
  out["records"] = r.records;
  out["verdict"] = word_for(r.verdict);
  out["reason"] = r.reason;
  out["expected_verdict"] = report.expected ? Json(word_for(*report.expected)) : Json(nullptr);
  out["as_expected"] = r.as_expected;
  out["exit_code"] = exit_code(report);
  out["findings"] = Json::array();
  for (const scenarios::Finding& f : r.findings) {
    Json one;
    one["checker"] = f.checker;
    one["at_ns"] = ns(f.at);
    one["nodes"] = names(f.nodes, report.sequencer_count);
    one["text"] = f.text;
    one["outside_model"] = f.outside_model;
    out["findings"].push_back(std::move(one));
  }
  out["accused"] = names(r.accused, report.sequencer_count);
  out["liveness"] = word_for(r.liveness);
  out["stopped"] = name_of_stop(r.stopped);
  out["sim_time_ns"] = ns(r.end);
  out["events"] = r.events;
  out["messages"] = Json{{"sent", r.messages.sent},
                         {"delivered", r.messages.delivered},
                         {"dropped", r.messages.dropped},
                         {"duplicates", r.messages.duplicates},
                         {"bytes", r.messages.bytes}};
  out["commits"] = Json{{"min", m.commits_min}, {"max", m.commits_max}, {"safety_min", r.commits_safety}};
  out["rounds_max"] = m.rounds_max;
  out["commit_latency_ns"] = quantiles(m.commit_latency);
  out["block_interval_ns"] = quantiles(m.block_interval);
  out["tx_latency_ns"] = quantiles(m.tx_latency);
  out["transactions"] = Json{{"submitted", m.tx_submitted}, {"admitted", m.tx_admitted},   {"refused", m.tx_refused},
                             {"included", m.tx_included},   {"confirmed", m.tx_confirmed}, {"retried", m.tx_retried}};
  if (const protocols::L1Profile* chain = protocols::find_l1_profile(report.l1)) {
    out["layer1"] = Json{{"chain", chain->name},
                         {"batches", {{"sent", m.da_sent}, {"readable", m.da_posted}, {"confirmed", m.da_confirmed}}},
                         {"copies", m.da_copies},
                         {"fees", m.da_fees},
                         {"fee_unit", chain->fee_unit},
                         {"bytes", m.da_bytes},
                         {"data_latency_ns", quantiles(m.da_latency)},
                         {"forced", {{"sent", m.forced_sent}, {"done", m.forced_done}}},
                         {"forced_latency_ns", quantiles(m.forced_latency)}};
  } else {
    out["layer1"] = nullptr;
  }
  out["evidence"] = m.evidence;
  out["crashes"] = m.crashes;
  out["partitions"] = m.partitions;
  out["adversary_budget"] = Json::array();
  for (std::size_t i = 0; i < r.budgets.size(); ++i) {
    Json one = budget(r.budgets[i], report.sequencer_count);
    one["log"] = lines_of(i < report.script_logs.size() ? report.script_logs[i] : std::string{});
    out["adversary_budget"].push_back(std::move(one));
  }
  out["verified"] = report.verified;
  out["reproduce"] = report.reproduce;
  out["run_folder"] = report.run_folder.empty() ? Json(nullptr) : Json(report.run_folder);
  out["wall_seconds"] = report.wall_seconds;
  out["peak_rss_bytes"] = report.peak_rss_bytes;
  // Names and texts can hold bytes of a user's file that are not UTF-8; those are replaced, not thrown at.
  return out.dump(2, ' ', false, Json::error_handler_t::replace) + '\n';
}

namespace {

Json integer(const char* text) { return Json{{"type", "integer"}, {"minimum", 0}, {"description", text}}; }
Json text_of(const char* text) { return Json{{"type", "string"}, {"description", text}}; }

/// An object with exactly these properties, all required.
Json object(const char* text, Json properties) {
  Json required = Json::array();
  for (const auto& [key, value] : properties.items()) required.push_back(key);
  return Json{{"type", "object"},
              {"description", text},
              {"properties", std::move(properties)},
              {"required", std::move(required)},
              {"additionalProperties", false}};
}

Json array_of(const char* text, Json items) {
  return Json{{"type", "array"}, {"description", text}, {"items", std::move(items)}};
}

Json one_of(const char* text, std::initializer_list<const char*> words) {
  return Json{
      {"type", "string"}, {"description", text}, {"enum", Json(std::vector<std::string>(words.begin(), words.end()))}};
}

Json quantile_schema(const char* text) {
  const auto value = [](const char* what) { return Json{{"type", {"integer", "null"}}, {"description", what}}; };
  return object(text, Json{{"count", integer("observations; the others are null if 0")},
                           {"p50", value("median, ns")},
                           {"p90", value("ns")},
                           {"p99", value("ns")},
                           {"max", value("ns")}});
}

Json hash_text(const char* text) {
  return Json{{"type", "string"}, {"description", text}, {"pattern", "^[0-9a-f]{32}$"}};
}

}  // namespace

std::string result_schema() {
  const Json node_names = array_of("nodes by name: n0 ... are sequencers, c0 ... clients", Json{{"type", "string"}});
  Json p;
  p["schema"] = Json{{"const", result_schema_name}};
  p["version"] = text_of("of the program that made it");
  p["scenario"] = text_of("name of the scenario");
  p["scenario_hash"] = hash_text("hash of what the scenario means, wherever its file is");
  p["seed"] = integer("exact, up to 2^64-1; languages that read numbers as doubles take seed_text above 2^53");
  p["seed_text"] = Json{{"type", "string"}, {"pattern", "^[0-9]+$"}, {"description", "the same as text"}};
  p["digest"] = hash_text("XXH3-128 over all records: equal for equal runs");
  p["records"] = integer("number of records behind the digest");
  p["verdict"] = one_of("what became of the properties", {"held", "violated", "outside_model", "undecided"});
  p["reason"] = text_of("one sentence: why this verdict");
  p["expected_verdict"] =
      Json{{"type", {"string", "null"}}, {"description", "verdict that the scenario expects, if it names one"}};
  p["as_expected"] = Json{{"type", "boolean"}, {"description", "everything below `expect:` was met"}};
  p["exit_code"] =
      Json{{"enum", {0, 1, 2}},
           {"description", "0 held or as expected, 1 violated or not as expected, 2 undecided or outside the model"}};
  p["findings"] = array_of(
      "broken properties in order of checker and time",
      object("one finding", Json{{"checker", text_of("who found it")},
                                 {"at_ns", integer("virtual time")},
                                 {"nodes", node_names},
                                 {"text", text_of("one sentence with the witnesses")},
                                 {"outside_model", Json{{"type", "boolean"},
                                                        {"description", "the model's promise did not cover it"}}}}));
  Json accused = node_names;
  accused["description"] = "whom the votes convict, if honest nodes committed different blocks";
  p["accused"] = std::move(accused);
  p["liveness"] = one_of("the healed phase", {"not_checked", "progress", "excused", "lasso", "suspected"});
  p["stopped"] = one_of("why the run ended", {"queue_empty", "time_limit", "event_limit", "stopped", "interrupted"});
  p["sim_time_ns"] = integer("virtual time at the end");
  p["events"] = integer("events of the kernel");
  p["messages"] = object("one a receiver", Json{{"sent", integer("a broadcast to k others counts k")},
                                                {"delivered", integer("reached a machine that was up")},
                                                {"dropped", integer("lost for any reason but being a duplicate")},
                                                {"duplicates", integer("copies that a receiver ignored or got twice")},
                                                {"bytes", integer("on the wire")}});
  p["commits"] = object("heights committed by honest nodes that are up at the end",
                        Json{{"min", integer("slowest")},
                             {"max", integer("fastest")},
                             {"safety_min", integer("slowest, at the end of the safety phase")}});
  p["rounds_max"] = integer("highest round that an honest node entered");
  p["commit_latency_ns"] = quantile_schema("first proposal of a block to its commit, per honest node");
  p["block_interval_ns"] = quantile_schema("between commits of consecutive heights at one honest node");
  p["tx_latency_ns"] = quantile_schema("first submission to confirmation at the client");
  p["transactions"] = object("counts", Json{{"submitted", integer("by clients, without retries")},
                                            {"admitted", integer("to a mempool, one a node")},
                                            {"refused", integer("by a mempool")},
                                            {"included", integer("in committed blocks")},
                                            {"confirmed", integer("to their client")},
                                            {"retried", integer("sent again by their client")}});
  Json layer1 = object(
      "what its DA writers and its users did on the layer-1 chain; null: the design has none",
      Json{{"chain", text_of("its name")},
           {"batches", object("of blocks", Json{{"sent", integer("submissions, repeated ones too")},
                                                {"readable", integer("on layer 1, as a node sees it")},
                                                {"confirmed", integer("deep enough for their writer to be done")}})},
           {"copies", integer("blocks that were readable when another copy came")},
           {"fees", Json{{"type", "integer"}, {"description", "paid for batches, in fee_unit"}}},
           {"fee_unit", text_of("what fees are counted in")},
           {"bytes", Json{{"type", "integer"}, {"description", "paid for"}}},
           {"data_latency_ns", quantile_schema("first final commit of a block until it is readable on layer 1")},
           {"forced",
            object("forced items", Json{{"sent", integer("by users")}, {"done", integer("by an honest node")}})},
           {"forced_latency_ns", quantile_schema("sent by its user until an honest node did it")}});
  layer1["type"] = Json{"object", "null"};
  p["layer1"] = std::move(layer1);
  p["evidence"] = integer("distinct offences reported");
  p["crashes"] = integer("of nodes");
  p["partitions"] = integer("started");
  Json used, granted;
  for (const char* key : {"forged", "sent", "withheld", "reordered", "excluded", "delayed", "dropped", "delay_max_ns",
                          "crashes", "partitions", "partition_time_ns", "refused", "hook_calls", "instructions"}) {
    used[key] = Json{{"type", "integer"}, {"minimum", 0}};
  }
  granted["sees"] = Json{{"enum", {"own", "headers", "all"}}};
  for (const char* key : {"delay_max_ns", "drops_max", "crashes_max", "partitions_max", "partition_max_ns"}) {
    granted[key] = Json{{"type", "integer"}, {"minimum", 0}};
  }
  granted["drop_before_gst"] = Json{{"type", "boolean"}};
  p["adversary_budget"] =
      array_of("one an adversary", object("what it used of what it was granted",
                                          Json{{"script", text_of("its script")},
                                               {"nodes", node_names},
                                               {"stake", integer("of its nodes at genesis")},
                                               {"stake_total", integer("of everybody")},
                                               {"used", object("counted by the world", used)},
                                               {"granted", object("0 = not granted", granted)},
                                               {"log", array_of("lines that it printed", text_of("one line"))}}));
  p["verified"] = Json{{"type", "boolean"}, {"description", "ran twice with equal records"}};
  p["reproduce"] = text_of("shell line that repeats this run");
  p["run_folder"] = Json{{"type", {"string", "null"}}, {"description", "where the run was written to"}};
  p["wall_seconds"] = Json{{"type", "number"}, {"minimum", 0}, {"description", "real time of the run"}};
  p["peak_rss_bytes"] = integer("most memory that the process held");

  Json out{{"$schema", "http://json-schema.org/draft-07/schema#"}, {"title", "result of a seqlab run"}};
  const Json body = object("printed by `seqlab run --json`, kept as result.json", std::move(p));
  out.update(body);
  return out.dump(2) + '\n';
}

}  // namespace seqlab::analysis
