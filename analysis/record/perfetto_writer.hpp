// The run as a native Perfetto trace (ui.perfetto.dev): a process per node; threads for the machine (down, paused),
// consensus (height > round > step), network (a short slice at both ends of each message, joined by a flow), disk,
// transactions and the adversary. One more process holds what happens to the world and the checkers' findings.
//
// Field numbers: protos/perfetto/trace/{trace,trace_packet}.proto and track_event/*.proto of Perfetto.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "analysis/record/describe.hpp"
#include "analysis/record/output_file.hpp"
#include "analysis/record/protobuf.hpp"
#include "scenarios/checkers/checker.hpp"
#include "sim/trace/record_log.hpp"

namespace seqlab::analysis {

struct PerfettoOptions {
  std::uint32_t sequencer_count = 0;
  std::vector<std::string> regions;  ///< node i is in regions[i % size]; for names of processes; may be empty
  /// Copies of one broadcast travel several ways: losing one does not end its flow.
  bool gossip = false;
};

class PerfettoWriter final : public sim::RecordObserver {
 public:
  /// @throws scenarios::InputError if the file cannot be made
  PerfettoWriter(std::string path, PerfettoOptions options);
  static sim::KindMask kinds();
  void on_record(const sim::Record& record) override;
  bool failed() const { return file_.failed(); }
  /// Ends all slices at `end`, adds the findings, flushes. @throws scenarios::InputError
  void finish(SimTime end, const std::vector<scenarios::Finding>& findings);

 private:
  enum class Layer : std::uint8_t { machine, consensus, network, disk, transactions, adversary, count };
  struct OpenSlice {
    std::uint64_t height = 0;
    bool is_round = false;
  };
  struct NodeState {
    bool described = false;
    std::uint32_t layers_described = 0;
    std::vector<OpenSlice> consensus;       // height, round, step: as deep as they are open
    bool machine_open = false;              // a "down" or "paused" slice
    bool network_open = false;              // the last message slice, not ended yet
    SimTime network_begin{};
  };

  NodeState& state(NodeId node);
  std::uint64_t track(NodeId node, Layer layer);
  std::uint64_t world_track(std::uint32_t lane, std::string_view name);
  void begin_event(std::uint32_t type, std::uint64_t track, std::string_view name);
  void add_fields(const sim::Record& record);
  void add_number(std::string_view name, std::uint64_t value);
  void add_text(std::string_view name, std::string_view value);
  void write_event(SimTime at);
  void write_packet();
  void slice_end(SimTime at, std::uint64_t track);
  void instant(const sim::Record& record, NodeId node, Layer layer, std::string_view name);
  void world_instant(const sim::Record& record);
  void consensus_close(SimTime at, NodeId node, std::size_t depth);
  void consensus_open(const sim::Record& record, std::string_view name);
  void machine_open(const sim::Record& record, std::string_view name);
  void machine_close(SimTime at, NodeId node);
  void network_close(NodeId node, SimTime next);
  void network_open(const sim::Record& record, NodeId node, std::string_view verb);
  void message(const sim::Record& record);

  OutputFile file_;
  PerfettoOptions options_;
  std::map<std::uint32_t, NodeState> nodes_;
  std::uint32_t world_lanes_ = 0;
  /// Flow of each message under way, by `message_key`. Looked up only; sorted before it is walked at the end.
  std::unordered_map<std::uint64_t, std::uint64_t> flows_open_;
  std::uint64_t flows_ = 0;
  ProtoMessage packet_, event_, part_, inner_;
};

}  // namespace seqlab::analysis
