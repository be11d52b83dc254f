#include "analysis/record/perfetto_writer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "analysis/report/format.hpp"

namespace seqlab::analysis {

using sim::Record;
using sim::RecordKind;

namespace {

// Trace, TracePacket
constexpr std::uint32_t trace_packet = 1;
constexpr std::uint32_t packet_timestamp = 8, packet_sequence_id = 10, packet_track_event = 11,
                        packet_sequence_flags = 13, packet_track_descriptor = 60;
// TrackDescriptor, ProcessDescriptor, ThreadDescriptor
constexpr std::uint32_t track_uuid = 1, track_process = 3, track_thread = 4;
constexpr std::uint32_t process_pid = 1, process_sort_index = 3, process_name = 6;
constexpr std::uint32_t thread_pid = 1, thread_tid = 2, thread_sort_index = 3, thread_name = 5;
// TrackEvent, DebugAnnotation
constexpr std::uint32_t event_annotations = 4, event_type = 9, event_track = 11, event_categories = 22, event_name = 23,
                        event_flows = 47, event_terminating_flows = 48;
constexpr std::uint32_t annotation_uint = 3, annotation_int = 4, annotation_string = 6, annotation_name = 10;

constexpr std::uint32_t type_begin = 1, type_end = 2, type_instant = 3;
constexpr std::uint32_t writer_sequence = 1;

/// A message takes no time at either end. Its slices last so long, or until the next one on their track, only so that
/// a pointer can hit them.
constexpr Duration message_slice{100'000};

constexpr std::array<std::string_view, 6> layer_names{"machine", "consensus",    "network",
                                                      "disk",    "transactions", "adversary"};
constexpr std::uint64_t lanes = 8;                 // uuids and thread ids per process
constexpr std::uint64_t first_thread_id = 1U << 24U;  // process ids are below

std::uint64_t pid_of(NodeId node) { return std::uint64_t{node.value} + 2; }
constexpr std::uint64_t world_pid = 1;

/// One copy of a message under way. Node numbers are below 2^24.
std::uint64_t message_key(std::uint64_t sequence, NodeId receiver) { return sequence << 24U | receiver.value; }
NodeId receiver_of(std::uint64_t key) { return NodeId{static_cast<std::uint32_t>(key & 0xffffffU)}; }

}  // namespace

PerfettoWriter::PerfettoWriter(std::string path, PerfettoOptions options)
    : file_(std::move(path)), options_(std::move(options)) {
  // The first packet of the sequence says that nothing before it matters.
  packet_.clear();
  packet_.varint(packet_sequence_flags, 1);
  ProtoMessage process, descriptor;
  process.varint(process_pid, world_pid);
  process.varint(process_sort_index, 0);
  process.text(process_name, "world");
  descriptor.varint(track_uuid, world_pid * lanes);
  descriptor.message(track_process, process);
  packet_.message(packet_track_descriptor, descriptor);
  write_packet();
  // In order, so that viewers without a sort index show them so.
  for (std::uint32_t i = 0; i < options_.sequencer_count; ++i) state(NodeId{i});
}

sim::KindMask PerfettoWriter::kinds() {
  return sim::all_kinds &
         ~sim::mask_of(RecordKind::certificate_signers, RecordKind::commit_parent, RecordKind::balance_moved);
}

void PerfettoWriter::write_packet() {
  packet_.varint(packet_sequence_id, writer_sequence);
  part_.clear();
  part_.message(trace_packet, packet_);
  file_.write(part_.bytes());
}

PerfettoWriter::NodeState& PerfettoWriter::state(NodeId node) {
  NodeState& s = nodes_[node.value];
  if (s.described) return s;
  s.described = true;
  ProtoMessage process, descriptor;
  process.varint(process_pid, pid_of(node));
  process.varint(process_sort_index, pid_of(node));
  std::string name = node_name(node, options_.sequencer_count);
  if (!options_.regions.empty()) name += " " + options_.regions[node.value % options_.regions.size()];
  process.text(process_name, name);
  descriptor.varint(track_uuid, pid_of(node) * lanes);
  descriptor.message(track_process, process);
  packet_.clear();
  packet_.message(packet_track_descriptor, descriptor);
  write_packet();
  return s;
}

/// The thread's track, described when first used.
std::uint64_t PerfettoWriter::track(NodeId node, Layer layer) {
  NodeState& s = state(node);
  const auto lane = static_cast<std::uint32_t>(layer);
  const std::uint64_t uuid = pid_of(node) * lanes + 1 + lane;
  if ((s.layers_described >> lane & 1U) != 0) return uuid;
  s.layers_described |= 1U << lane;
  ProtoMessage thread, descriptor;
  thread.varint(thread_pid, pid_of(node));
  thread.varint(thread_tid, first_thread_id + uuid);
  thread.varint(thread_sort_index, lane);
  thread.text(thread_name, layer_names[lane]);
  descriptor.varint(track_uuid, uuid);
  descriptor.message(track_thread, thread);
  packet_.clear();
  packet_.message(packet_track_descriptor, descriptor);
  write_packet();
  return uuid;
}

std::uint64_t PerfettoWriter::world_track(std::uint32_t lane, std::string_view name) {
  const std::uint64_t uuid = world_pid * lanes + 1 + lane;
  if ((world_lanes_ >> lane & 1U) != 0) return uuid;
  world_lanes_ |= 1U << lane;
  ProtoMessage thread, descriptor;
  thread.varint(thread_pid, world_pid);
  thread.varint(thread_tid, first_thread_id + uuid);
  thread.varint(thread_sort_index, lane);
  thread.text(thread_name, name);
  descriptor.varint(track_uuid, uuid);
  descriptor.message(track_thread, thread);
  packet_.clear();
  packet_.message(packet_track_descriptor, descriptor);
  write_packet();
  return uuid;
}

// ---- events ---------------------------------------------------------------------------------------------------------

/// Starts `event_`. @pre the track is described already: describing writes a packet
void PerfettoWriter::begin_event(std::uint32_t type, std::uint64_t track, std::string_view name) {
  event_.clear();
  event_.varint(event_type, type);
  event_.varint(event_track, track);
  if (!name.empty()) event_.text(event_name, name);
}

void PerfettoWriter::add_number(std::string_view name, std::uint64_t value) {
  inner_.clear();
  inner_.text(annotation_name, name);
  inner_.varint(annotation_uint, value);
  event_.message(event_annotations, inner_);
}

void PerfettoWriter::add_text(std::string_view name, std::string_view value) {
  inner_.clear();
  inner_.text(annotation_name, name);
  inner_.text(annotation_string, value);
  event_.message(event_annotations, inner_);
}

void PerfettoWriter::add_fields(const Record& record) {
  const Fields fields = fields_of(record);
  for (const Field& field : fields.list()) {
    switch (field.type) {
      case Field::Type::number: add_number(field.name, field.value); break;
      case Field::Type::signed_number:
        inner_.clear();
        inner_.text(annotation_name, field.name);
        inner_.varint(annotation_int, field.value);
        event_.message(event_annotations, inner_);
        break;
      case Field::Type::node:
        add_text(field.name, node_name(NodeId{static_cast<std::uint32_t>(field.value)}, options_.sequencer_count));
        break;
      case Field::Type::word: add_text(field.name, field.word); break;
      case Field::Type::hash: add_text(field.name, field.hash ? to_hex(field.hash) : "nil"); break;
    }
  }
}

void PerfettoWriter::write_event(SimTime at) {
  packet_.clear();
  packet_.varint(packet_timestamp, static_cast<std::uint64_t>(ns(at)));
  packet_.message(packet_track_event, event_);
  write_packet();
}

void PerfettoWriter::slice_end(SimTime at, std::uint64_t track) {
  begin_event(type_end, track, {});
  write_event(at);
}

void PerfettoWriter::instant(const Record& record, NodeId node, Layer layer, std::string_view name) {
  const std::uint64_t where = track(node, layer);
  begin_event(type_instant, where, name);
  event_.text(event_categories, layer_names[static_cast<std::size_t>(layer)]);
  add_fields(record);
  write_event(record.at);
}

void PerfettoWriter::world_instant(const Record& record) {
  const std::uint64_t where = world_track(0, "environment");
  begin_event(type_instant, where, sim::name_of(record.kind));
  add_fields(record);
  write_event(record.at);
}

// ---- consensus: height > round > step -------------------------------------------------------------------------------

void PerfettoWriter::consensus_close(SimTime at, NodeId node, std::size_t depth) {
  NodeState& s = state(node);
  while (s.consensus.size() > depth) {
    slice_end(at, track(node, Layer::consensus));
    s.consensus.pop_back();
  }
}

void PerfettoWriter::consensus_open(const Record& record, std::string_view name) {
  const std::uint64_t where = track(record.node, Layer::consensus);
  begin_event(type_begin, where, name);
  event_.text(event_categories, "consensus");
  add_fields(record);
  write_event(record.at);
  OpenSlice slice;
  slice.height = record.height;
  slice.is_round = record.kind == RecordKind::round_entered;
  state(record.node).consensus.push_back(slice);
}

// ---- machine: down, paused ------------------------------------------------------------------------------------------

void PerfettoWriter::machine_open(const Record& record, std::string_view name) {
  machine_close(record.at, record.node);
  const std::uint64_t where = track(record.node, Layer::machine);
  begin_event(type_begin, where, name);
  event_.text(event_categories, "machine");
  add_fields(record);
  write_event(record.at);
  state(record.node).machine_open = true;
}

void PerfettoWriter::machine_close(SimTime at, NodeId node) {
  NodeState& s = state(node);
  if (!s.machine_open) return;
  s.machine_open = false;
  slice_end(at, track(node, Layer::machine));
}

// ---- network: both ends of each message, joined by a flow -----------------------------------------------------------

void PerfettoWriter::network_close(NodeId node, SimTime next) {
  NodeState& s = state(node);
  if (!s.network_open) return;
  s.network_open = false;
  slice_end(std::min(s.network_begin + message_slice, next), track(node, Layer::network));
}

/// Starts the slice in `event_`; the caller adds flows and writes it.
void PerfettoWriter::network_open(const Record& record, NodeId node, std::string_view verb) {
  network_close(node, record.at);
  const std::uint64_t where = track(node, Layer::network);
  begin_event(type_begin, where, fmt::format("{} {}", verb, message_kind_name(record.detail)));
  event_.text(event_categories, "network");
  add_fields(record);
  NodeState& s = state(node);
  s.network_open = true;
  s.network_begin = record.at;
}

void PerfettoWriter::message(const Record& record) {
  const std::uint64_t sequence = record.a;
  if (record.kind == RecordKind::message_sent) {
    network_open(record, record.node, "send");
    const auto start_flow = [this, sequence](NodeId to) {
      // A copy that is still under way keeps its flow; the second one to the same receiver shows as a slice only.
      const auto [at, is_new] = flows_open_.try_emplace(message_key(sequence, to), flows_ + 1);
      if (is_new) event_.fixed64(event_flows, ++flows_);
    };
    if (record.peer == sim::all_nodes) {
      for (std::uint32_t i = 0; i < options_.sequencer_count; ++i) {
        if (NodeId{i} != record.node) start_flow(NodeId{i});
      }
    } else {
      start_flow(record.peer);
    }
    write_event(record.at);
    return;
  }
  const bool delivered = record.kind == RecordKind::message_delivered;
  network_open(record, record.node, delivered ? "receive" : "lost");
  if (delivered || !options_.gossip) {
    const auto open = flows_open_.find(message_key(sequence, record.node));
    if (open != flows_open_.end()) {
      event_.fixed64(event_terminating_flows, open->second);
      flows_open_.erase(open);
    }
  }
  write_event(record.at);
}

// ---- which record goes where ----------------------------------------------------------------------------------------

void PerfettoWriter::on_record(const Record& record) {
  switch (record.kind) {
    case RecordKind::message_sent:
    case RecordKind::message_delivered:
    case RecordKind::message_dropped: message(record); break;
    case RecordKind::message_rejected: instant(record, record.node, Layer::consensus, "rejected"); break;

    case RecordKind::round_entered: {
      const auto& open = state(record.node).consensus;
      const bool same_height = !open.empty() && open.front().height == record.height;
      consensus_close(record.at, record.node, same_height ? 1 : 0);
      if (!same_height) consensus_open(record, fmt::format("height {}", record.height));
      consensus_open(record, fmt::format("round {}", static_cast<std::int32_t>(record.round)));
      break;
    }
    case RecordKind::step_entered: {
      // Inside its round, or right inside its height before the first round is entered.
      const auto& open = state(record.node).consensus;
      if (open.empty() || open.front().height != record.height) {
        consensus_close(record.at, record.node, 0);
        consensus_open(record, fmt::format("height {}", record.height));
      }
      const bool in_round = open.size() >= 2 && open[1].is_round;
      consensus_close(record.at, record.node, in_round ? 2 : 1);
      consensus_open(record, step_name(record.detail));
      break;
    }
    case RecordKind::proposed:
    case RecordKind::locked:
    case RecordKind::committed:
    case RecordKind::executed:
    case RecordKind::evidence:
    case RecordKind::behind:
    case RecordKind::caught_up: instant(record, record.node, Layer::consensus, sim::name_of(record.kind)); break;
    case RecordKind::voted:
      instant(record, record.node, Layer::consensus,
              fmt::format("signed {}", word_for(static_cast<sim::VoteType>(record.detail))));
      break;
    case RecordKind::certified:
      instant(record, record.node, Layer::consensus,
              fmt::format("quorum of {}", word_for(static_cast<sim::VoteType>(record.detail))));
      break;

    case RecordKind::node_started:
      machine_close(record.at, record.node);
      instant(record, record.node, Layer::machine, record.detail != 0 ? "restart" : "start");
      break;
    case RecordKind::node_crashed:
      consensus_close(record.at, record.node, 0);
      instant(record, record.node, Layer::machine, "crash");
      machine_open(record, "down");
      break;
    case RecordKind::node_paused: machine_open(record, "paused"); break;
    case RecordKind::node_resumed: machine_close(record.at, record.node); break;
    case RecordKind::clock_jumped: instant(record, record.node, Layer::machine, "clock jump"); break;
    case RecordKind::persisted:
    case RecordKind::disk_lost: instant(record, record.node, Layer::disk, sim::name_of(record.kind)); break;

    case RecordKind::tx_submitted:
    case RecordKind::tx_admitted:
    case RecordKind::tx_refused:
    case RecordKind::tx_evicted:
    case RecordKind::tx_included:
    case RecordKind::tx_confirmed:
    case RecordKind::tx_retried: instant(record, record.node, Layer::transactions, sim::name_of(record.kind)); break;

    case RecordKind::reverted:
    case RecordKind::epoch_entered: instant(record, record.node, Layer::consensus, sim::name_of(record.kind)); break;

    case RecordKind::intervened:
    case RecordKind::attack:
    case RecordKind::note:
      if (record.node == no_node) {
        world_instant(record);
      } else {
        const std::string_view name = record.kind == RecordKind::attack
                                          ? word_for(static_cast<sim::AttackKind>(record.detail))
                                          : sim::name_of(record.kind);
        instant(record, record.node, Layer::adversary, name);
      }
      break;

    case RecordKind::validator:
    case RecordKind::corrupt:
    case RecordKind::partition_started:
    case RecordKind::partition_healed:
    case RecordKind::stabilised:
    case RecordKind::healing_started:
    case RecordKind::core_member: world_instant(record); break;

    case RecordKind::l1_mined:
    case RecordKind::l1_reorged:
    case RecordKind::l1_final:
    case RecordKind::l1_seen:
    case RecordKind::l1_sent:
    case RecordKind::l1_included:
    case RecordKind::l1_excluded:
    case RecordKind::l1_ref:
    case RecordKind::forced_sent:
    case RecordKind::forced_posted:
    case RecordKind::forced_done:
    case RecordKind::forced_first:
    case RecordKind::force_called:
    case RecordKind::da_hindered:
    case RecordKind::registry_set:
    case RecordKind::registry_defied:
    case RecordKind::escrow_locked:
    case RecordKind::escrow_settled:
    case RecordKind::escrow_released:
    case RecordKind::escrow_refused:
    case RecordKind::bridge_minted:
    case RecordKind::bridge_burnt:
    case RecordKind::da_turn:
    case RecordKind::da_prepared:
    case RecordKind::da_sent:
    case RecordKind::da_posted:
    case RecordKind::da_unposted:
    case RecordKind::da_confirmed:
    case RecordKind::da_receipt:
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
      if (record.node == no_node) {
        world_instant(record);
      } else {
        instant(record, record.node, Layer::transactions, sim::name_of(record.kind));
      }
      break;

    case RecordKind::l1_parent:
    case RecordKind::l1_paid:
    case RecordKind::batch_read:
    case RecordKind::da_block:
    case RecordKind::derived_state:
    case RecordKind::keyed:
    case RecordKind::key_linked:
    case RecordKind::certificate_signers:
    case RecordKind::commit_parent:
    case RecordKind::balance_moved: break;
  }
}

void PerfettoWriter::finish(SimTime end, const std::vector<scenarios::Finding>& findings) {
  // A flow needs an end inside a slice: what is still under way ends at its receiver, now.
  std::vector<std::pair<std::uint64_t, std::uint64_t>> open(flows_open_.begin(), flows_open_.end());
  std::sort(open.begin(), open.end(), [](const auto& x, const auto& y) {
    const NodeId xr = receiver_of(x.first), yr = receiver_of(y.first);
    return xr != yr ? xr < yr : x < y;
  });
  flows_open_.clear();
  for (std::size_t i = 0; i < open.size();) {
    const NodeId receiver = receiver_of(open[i].first);
    network_close(receiver, end);
    const std::uint64_t where = track(receiver, Layer::network);
    begin_event(type_begin, where, "not delivered by the end");
    for (; i < open.size() && receiver_of(open[i].first) == receiver; ++i) {
      event_.fixed64(event_terminating_flows, open[i].second);
    }
    write_event(end);
    slice_end(end, where);
  }
  for (const auto& [number, unused] : nodes_) {
    const NodeId node{number};
    network_close(node, end);
    consensus_close(end, node, 0);
    machine_close(end, node);
  }

  std::vector<scenarios::Finding> sorted = findings;
  std::stable_sort(sorted.begin(), sorted.end(), [](const auto& x, const auto& y) { return x.at < y.at; });
  for (const scenarios::Finding& finding : sorted) {
    const std::uint64_t where = world_track(1, "findings");
    begin_event(type_instant, where, finding.checker);
    add_text("text", finding.text);
    add_text("nodes", node_list(finding.nodes, options_.sequencer_count));
    write_event(finding.at);
  }
  file_.close();
}

}  // namespace seqlab::analysis
