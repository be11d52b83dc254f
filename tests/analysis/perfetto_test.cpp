// Parses traces back with a protobuf reader of its own and checks what a viewer relies on.
#include <algorithm>
#include <cstdlib>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "analysis/record/output_file.hpp"
#include "analysis/record/perfetto_writer.hpp"
#include "scenarios/spec/diagnostics.hpp"
#include "tests/analysis/samples.hpp"
#include "tests/support/catch.hpp"

using namespace seqlab;
using namespace seqlab::analysis;

namespace {

/// One field of a protobuf message: a number or bytes.
struct WireField {
  std::uint32_t number = 0;
  std::uint64_t value = 0;
  std::string_view bytes;
};

std::vector<WireField> parse(std::string_view in) {
  std::vector<WireField> out;
  const auto varint = [&in] {
    std::uint64_t value = 0;
    for (int shift = 0;; shift += 7) {
      if (in.empty() || shift > 63) throw std::runtime_error("broken varint");
      const auto byte = static_cast<unsigned char>(in.front());
      in.remove_prefix(1);
      value |= std::uint64_t{byte & 0x7fU} << static_cast<unsigned>(shift);
      if ((byte & 0x80U) == 0) return value;
    }
  };
  while (!in.empty()) {
    const std::uint64_t key = varint();
    WireField field;
    field.number = static_cast<std::uint32_t>(key >> 3U);
    switch (key & 7U) {
      case 0: field.value = varint(); break;
      case 1:
        if (in.size() < 8) throw std::runtime_error("broken fixed64");
        for (unsigned i = 0; i < 8; ++i) field.value |= std::uint64_t{static_cast<unsigned char>(in[i])} << (8 * i);
        in.remove_prefix(8);
        break;
      case 2: {
        const std::uint64_t size = varint();
        if (in.size() < size) throw std::runtime_error("broken length");
        field.bytes = in.substr(0, size);
        in.remove_prefix(size);
        break;
      }
      default: throw std::runtime_error("wire type that we never write");
    }
    out.push_back(field);
  }
  return out;
}

struct Track {
  bool is_process = false;
  std::uint64_t pid = 0, tid = 0;
  std::string name;
};

struct Slice {
  std::uint64_t track = 0;
  std::string name;
  std::uint64_t begin = 0;
  std::optional<std::uint64_t> end;
  std::vector<std::uint64_t> flows, terminating;
  std::size_t depth = 0;
};

struct Instant {
  std::uint64_t track = 0;
  std::string name;
  std::uint64_t at = 0;
};

struct ParsedTrace {
  std::map<std::uint64_t, Track> tracks;
  std::vector<Slice> slices;
  std::vector<Instant> instants;
  std::vector<std::string> faults;  ///< what a viewer would stumble over

  /// "n1 network" of a thread's track.
  std::string place(std::uint64_t track) const {
    for (const auto& [uuid, other] : tracks) {
      if (other.is_process && other.pid == tracks.at(track).pid) return other.name + " " + tracks.at(track).name;
    }
    return "no process";
  }
  std::vector<std::string> slices_at(const std::string& where) const {
    std::vector<std::string> out;
    for (const Slice& s : slices) {
      if (place(s.track) == where) out.push_back(s.name);
    }
    return out;
  }
  const Slice* find(const std::string& where, const std::string& name) const {
    for (const Slice& s : slices) {
      if (place(s.track) == where && s.name == name) return &s;
    }
    return nullptr;
  }
  bool has_instant(const std::string& where, const std::string& name, std::uint64_t at) const {
    for (const Instant& i : instants) {
      if (place(i.track) == where && i.name == name && i.at == at) return true;
    }
    return false;
  }
};

ParsedTrace parse_trace(const std::string& file) {
  ParsedTrace trace;
  std::map<std::uint64_t, std::uint64_t> last_time;            // per track
  std::map<std::uint64_t, std::vector<std::size_t>> open;      // per track: slices
  std::set<std::pair<std::uint64_t, std::uint64_t>> threads;
  bool first = true;
  for (const WireField& packet : parse(file)) {
    if (packet.number != 1) trace.faults.push_back("something besides packets");
    std::uint64_t at = 0, sequence = 0, flags = 0;
    std::string_view event, descriptor;
    for (const WireField& f : parse(packet.bytes)) {
      if (f.number == 8) at = f.value;
      if (f.number == 10) sequence = f.value;
      if (f.number == 13) flags = f.value;
      if (f.number == 11) event = f.bytes;
      if (f.number == 60) descriptor = f.bytes;
    }
    if (sequence == 0) trace.faults.push_back("a packet without a sequence");
    if (first && (flags & 1U) == 0) trace.faults.push_back("the first packet does not clear the state");
    first = false;

    if (!descriptor.empty()) {
      std::uint64_t uuid = 0;
      Track track;
      for (const WireField& f : parse(descriptor)) {
        if (f.number == 1) uuid = f.value;
        if (f.number == 3) {
          track.is_process = true;
          for (const WireField& p : parse(f.bytes)) {
            if (p.number == 1) track.pid = p.value;
            if (p.number == 6) track.name = p.bytes;
          }
        }
        if (f.number == 4) {
          for (const WireField& t : parse(f.bytes)) {
            if (t.number == 1) track.pid = t.value;
            if (t.number == 2) track.tid = t.value;
            if (t.number == 5) track.name = t.bytes;
          }
        }
      }
      if (uuid == 0 || trace.tracks.count(uuid) != 0) trace.faults.push_back("a track without its own uuid");
      if (!track.is_process && !threads.insert({0, track.tid}).second) trace.faults.push_back("a thread id used twice");
      trace.tracks[uuid] = track;
    }

    if (!event.empty()) {
      std::uint64_t type = 0, track = 0;
      std::string name;
      Slice slice;
      for (const WireField& f : parse(event)) {
        if (f.number == 9) type = f.value;
        if (f.number == 11) track = f.value;
        if (f.number == 23) name = f.bytes;
        if (f.number == 47) slice.flows.push_back(f.value);
        if (f.number == 48) slice.terminating.push_back(f.value);
      }
      if (trace.tracks.count(track) == 0) trace.faults.push_back("an event on a track that was not described");
      if (at < last_time[track]) trace.faults.push_back("time goes back on " + trace.place(track) + " at " + name);
      last_time[track] = at;
      if (type == 1) {
        slice.track = track;
        slice.name = name;
        slice.begin = at;
        slice.depth = open[track].size();
        open[track].push_back(trace.slices.size());
        trace.slices.push_back(slice);
      } else if (type == 2) {
        if (open[track].empty()) {
          trace.faults.push_back("an end without a beginning on " + trace.place(track));
        } else {
          trace.slices[open[track].back()].end = at;
          open[track].pop_back();
        }
      } else if (type == 3) {
        trace.instants.push_back({track, name, at});
        if (!slice.flows.empty() || !slice.terminating.empty()) trace.faults.push_back("a flow outside a slice");
      } else {
        trace.faults.push_back("an unknown type of event");
      }
    }
  }
  for (const Slice& s : trace.slices) {
    if (!s.end) trace.faults.push_back("slice " + s.name + " does not end");
  }
  return trace;
}

/// What is wrong with the flows: each begins in one slice and ends in one that is not earlier.
std::vector<std::string> flow_faults(const ParsedTrace& trace) {
  std::vector<std::string> out;
  std::map<std::uint64_t, const Slice*> begun;
  std::set<std::uint64_t> ended;
  for (const Slice& s : trace.slices) {
    for (const std::uint64_t id : s.flows) {
      if (!begun.insert({id, &s}).second && ended.erase(id) == 0) out.push_back("begun twice");
      begun[id] = &s;
    }
  }
  for (const Slice& s : trace.slices) {
    for (const std::uint64_t id : s.terminating) {
      const auto from = begun.find(id);
      if (from == begun.end()) {
        out.push_back("ends without a beginning in " + s.name);
      } else if (from->second->begin > s.begin) {
        out.push_back("ends before it begins");
      } else if (from->second->track == s.track) {
        out.push_back("goes nowhere");
      }
      if (!ended.insert(id).second) out.push_back("ends twice");
    }
  }
  for (const auto& [id, slice] : begun) {
    if (ended.count(id) == 0) out.push_back("does not end: " + slice->name);
  }
  return out;
}

std::string trace_of(const std::vector<sim::Record>& records, PerfettoOptions options,
                     const std::vector<scenarios::Finding>& findings = {}) {
  const test::TemporaryFolder folder;
  PerfettoWriter writer(folder.path("t"), std::move(options));
  for (const sim::Record& record : records) {
    if ((PerfettoWriter::kinds() & sim::mask_of(record.kind)) != 0) writer.on_record(record);
  }
  writer.finish(at_ns(200'000), findings);
  return read_file(folder.path("t"));
}

PerfettoOptions four_nodes() {
  PerfettoOptions options;
  options.sequencer_count = 4;
  return options;
}

}  // namespace

TEST_CASE("a trace parses back without anything a viewer would stumble over", "[analysis][perfetto]") {
  const ParsedTrace trace = parse_trace(trace_of(test::sample_records(), four_nodes()));
  CHECK(trace.faults == std::vector<std::string>{});
  CHECK(flow_faults(trace) == std::vector<std::string>{});
}

TEST_CASE("a trace has a process per node, a thread per layer in use, and one process for the world",
          "[analysis][perfetto]") {
  PerfettoOptions options = four_nodes();
  options.regions = {"Tokyo", "London"};
  const ParsedTrace trace = parse_trace(trace_of(test::sample_records(), options));
  std::vector<std::string> processes;
  std::set<std::string> threads;
  for (const auto& [uuid, track] : trace.tracks) {
    if (track.is_process) {
      processes.push_back(track.name);
    } else {
      threads.insert(trace.place(uuid));
    }
  }
  CHECK(processes == std::vector<std::string>{"world", "n0 Tokyo", "n1 London", "n2 Tokyo", "n3 London", "c0 Tokyo"});
  CHECK(threads.count("world environment") == 1);
  CHECK(threads.count("n1 London consensus") == 1);
  CHECK(threads.count("n1 London network") == 1);
  CHECK(threads.count("n1 London disk") == 1);
  CHECK(threads.count("n1 London machine") == 1);
  CHECK(threads.count("n3 London adversary") == 1);
  CHECK(threads.count("n1 London adversary") == 0);
  CHECK(threads.count("c0 Tokyo transactions") == 1);
}

TEST_CASE("rounds and steps are slices inside their height", "[analysis][perfetto]") {
  const ParsedTrace trace = parse_trace(trace_of(test::sample_records(), four_nodes()));
  CHECK(trace.slices_at("n1 consensus") ==
        std::vector<std::string>{"height 1", "round 0", "propose", "prevote", "height 2", "round 0", "propose"});
  const Slice* height = trace.find("n1 consensus", "height 1");
  const Slice* second = trace.find("n1 consensus", "prevote");
  REQUIRE(height != nullptr);
  REQUIRE(second != nullptr);
  CHECK(height->begin == 1'000);
  CHECK(height->end == 85'000);
  CHECK(second->depth == 2);
  CHECK(second->begin == 51'000);
  CHECK(second->end == 85'000);
  // n1 crashes in height 2: its slices end there.
  CHECK(trace.find("n1 consensus", "height 2")->end == 110'000);
  // n0 goes to round 1 of the same height.
  CHECK(trace.find("n0 consensus", "height 2")->end == 200'000);
  CHECK(trace.find("n0 consensus", "round 1")->begin == 160'000);
}

TEST_CASE("every message is a flow from its sender's slice to its receiver's", "[analysis][perfetto]") {
  const ParsedTrace trace = parse_trace(trace_of(test::sample_records(), four_nodes()));
  const Slice* sent = trace.find("n0 network", "send proposal");
  const Slice* received = trace.find("n1 network", "receive proposal");
  const Slice* lost = trace.find("n2 network", "lost proposal");
  REQUIRE(sent != nullptr);
  REQUIRE(received != nullptr);
  REQUIRE(lost != nullptr);
  CHECK(sent->begin == 1'000);
  CHECK(received->begin == 51'000);
  REQUIRE(sent->flows.size() == 3);          // to n1, n2, n3
  REQUIRE(received->terminating.size() == 1);
  REQUIRE(lost->terminating.size() == 1);
  CHECK(received->terminating[0] == sent->flows[0]);
  CHECK(lost->terminating[0] == sent->flows[1]);
  // The third copy was still under way.
  const Slice* late = trace.find("n3 network", "not delivered by the end");
  REQUIRE(late != nullptr);
  CHECK(late->begin == 200'000);
  CHECK(std::count(late->terminating.begin(), late->terminating.end(), sent->flows[2]) == 1);
}

TEST_CASE("a message slice ends before the next one on its track", "[analysis][perfetto]") {
  std::vector<sim::Record> records;
  for (std::int64_t i = 0; i < 50; ++i) {
    sim::Record r{.at = at_ns(80 * i * i),
                  .kind = sim::RecordKind::message_sent,
                  .detail = 1,
                  .node = NodeId{0},
                  .peer = NodeId{1}};
    r.a = static_cast<std::uint64_t>(i);
    records.push_back(r);
  }
  const ParsedTrace trace = parse_trace(trace_of(records, four_nodes()));
  CHECK(trace.faults == std::vector<std::string>{});
  std::uint64_t last_end = 0;
  for (const Slice& s : trace.slices) {
    if (s.name != "send prevote") continue;
    CHECK(s.depth == 0);
    CHECK(s.begin >= last_end);
    last_end = *s.end;
    CHECK(*s.end - s.begin <= 100'000);
  }
}

TEST_CASE("losing one copy of a gossiped broadcast does not end its flow", "[analysis][perfetto]") {
  using sim::RecordKind;
  sim::Record sent{
      .at = at_ns(10), .kind = RecordKind::message_sent, .detail = 1, .node = NodeId{0}, .peer = NodeId{1}, .a = 9};
  sim::Record lost{
      .at = at_ns(20), .kind = RecordKind::message_dropped, .detail = 1, .node = NodeId{1}, .peer = NodeId{0}, .a = 9};
  sim::Record delivered{.at = at_ns(30),
                        .kind = RecordKind::message_delivered,
                        .detail = 1,
                        .node = NodeId{1},
                        .peer = NodeId{2},
                        .a = 9};
  PerfettoOptions options = four_nodes();
  options.gossip = true;
  const ParsedTrace trace = parse_trace(trace_of({sent, lost, delivered}, options));
  CHECK(flow_faults(trace).empty());
  CHECK(trace.find("n1 network", "lost prevote")->terminating.empty());
  CHECK(trace.find("n1 network", "receive prevote")->terminating == trace.find("n0 network", "send prevote")->flows);
}

TEST_CASE("a message that is sent twice to one receiver has one flow", "[analysis][perfetto]") {
  using sim::RecordKind;
  sim::Record sent{
      .at = at_ns(10), .kind = RecordKind::message_sent, .detail = 1, .node = NodeId{0}, .peer = NodeId{1}, .a = 9};
  sim::Record delivered{.at = at_ns(30),
                        .kind = RecordKind::message_delivered,
                        .detail = 1,
                        .node = NodeId{1},
                        .peer = NodeId{0},
                        .a = 9};
  const ParsedTrace trace = parse_trace(trace_of({sent, sent, delivered, delivered}, four_nodes()));
  CHECK(trace.faults == std::vector<std::string>{});
  CHECK(flow_faults(trace).empty());
}

TEST_CASE("commits, locks, evidence, crashes and findings are instants", "[analysis][perfetto]") {
  scenarios::Finding late, early;
  late.checker = "agreement";
  late.at = at_ns(90'000);
  early.checker = "validity";
  early.at = at_ns(80'000);
  const ParsedTrace trace = parse_trace(trace_of(test::sample_records(), four_nodes(), {late, early}));
  CHECK(trace.faults == std::vector<std::string>{});
  CHECK(trace.has_instant("n0 consensus", "committed", 80'000));
  CHECK(trace.has_instant("n0 consensus", "locked", 71'000));
  CHECK(trace.has_instant("n0 consensus", "quorum of precommit", 71'000));
  CHECK(trace.has_instant("n0 consensus", "evidence", 100'000));
  CHECK(trace.has_instant("n1 machine", "crash", 110'000));
  CHECK(trace.has_instant("n3 adversary", "forge", 60'000));
  CHECK(trace.has_instant("world environment", "partition_started", 130'000));
  CHECK(trace.has_instant("world findings", "agreement", 90'000));
  CHECK(trace.find("n1 machine", "down")->end == 120'000);
  CHECK(trace.find("n2 machine", "paused")->end == 200'000);
}

TEST_CASE("a full disk is told when the trace is closed", "[analysis][perfetto]") {
  PerfettoWriter writer("/dev/full", four_nodes());
  for (const sim::Record& record : test::sample_records()) writer.on_record(record);
  CHECK_THROWS_AS(writer.finish(at_ns(200'000), {}), scenarios::InputError);
}

TEST_CASE("the trace of a whole run with faults and an adversary parses back without a fault", "[analysis][perfetto]") {
  const std::string scenario = GENERATE("equivocating-proposer", "crash-restart-torn-disk", "gossip-baseline");
  const test::TemporaryFolder folder;
  const std::string command = std::string{SEQLAB_PROGRAM} + " run " + scenario + " --quiet --trace --out " +
                              folder.path("run") + " >" + folder.path("out");
  REQUIRE(std::system(command.c_str()) == 0);
  const std::string file = read_file(folder.path("run/trace.perfetto-trace"));
  const ParsedTrace trace = parse_trace(file);
  CHECK(trace.faults == std::vector<std::string>{});
  CHECK(flow_faults(trace) == std::vector<std::string>{});
  std::size_t flows = 0;
  for (const Slice& s : trace.slices) flows += s.terminating.size();
  CHECK(flows > 10'000);
}
