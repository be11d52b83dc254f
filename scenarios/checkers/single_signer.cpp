#include "scenarios/checkers/single_signer.hpp"

#include <fmt/format.h>

namespace seqlab::scenarios {

void SingleSigner::on_record(const Record& record) {
  roster_.observe(record);
  if (record.kind != RecordKind::proposed || !roster_.reliable(record.node)) return;
  if (vertices_) return on_vertex(record);
  auto* blocks = signed_.open(record.height, roster_);
  if (blocks == nullptr) return;
  const auto [at, fresh] = blocks->try_emplace({rounds_ ? record.round : 0, record.node}, record.id());
  if (fresh || at->second == record.id()) return;
  report(record.at, {record.node},
         fmt::format("{} signed two blocks for height {}{}: {} and {}", node_name(record.node), record.height,
                     rounds_ ? fmt::format(" round {}", record.round) : std::string{}, short_hex(at->second),
                     short_hex(record.id())));
}

void SingleSigner::on_vertex(const Record& record) {
  const auto [at, fresh] = vertices_signed_.try_emplace({record.round, record.node}, record.id());
  if (!fresh && at->second != record.id()) {
    report(record.at, {record.node},
           fmt::format("{} signed two vertices for round {}: {} and {}", node_name(record.node), record.round,
                       short_hex(at->second), short_hex(record.id())));
  }
  while (vertices_signed_.begin()->first.first + Roster::patience < record.round) {
    vertices_signed_.erase(vertices_signed_.begin());
  }
}

}  // namespace seqlab::scenarios
