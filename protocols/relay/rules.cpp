#include "protocols/relay/rules.hpp"

#include <algorithm>
#include <array>

namespace seqlab::protocols {

namespace {

constexpr std::array policies{
    RelayPolicy{"single", "one node writes everything",
                [](const RelayState& s, const RelayOptions&) { return s.place == 0; }},
    RelayPolicy{"rotating", "turns by time, each with a quota; who takes over goes on after what layer 1 has (Warp)",
                [](const RelayState& s, const RelayOptions& o) {
                  return turn_at(s.wall, o) % o.nodes.size() == s.place;
                }},
    RelayPolicy{"primary_backup", "backups watch layer 1 and take over when nothing comes for too long",
                [](const RelayState& s, const RelayOptions& o) {
                  return s.acting || s.wall - s.stalled_since >= o.backup_after * static_cast<std::int64_t>(s.place);
                }},
    RelayPolicy{"everyone", "each writes everything, readers drop the copies",
                [](const RelayState&, const RelayOptions&) { return true; }, true},
    RelayPolicy{"registered", "whoever has the turn in the registry of layer 1 (Optimism's batcher address)",
                [](const RelayState& s, const RelayOptions&) { return s.entitled; }},
};

}  // namespace

std::span<const RelayPolicy> relay_policies() { return policies; }

const RelayPolicy* find_relay_policy(std::string_view name) {
  for (const RelayPolicy& policy : policies) {
    if (policy.name == name) return &policy;
  }
  return nullptr;
}

std::uint64_t turn_at(SimTime at, const RelayOptions& options) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(ns(at - time_zero), 0) / ns(options.turn));
}

SimTime turn_begin(std::uint64_t turn, const RelayOptions& options) {
  return time_zero + options.turn * static_cast<std::int64_t>(turn);
}

Height RelayRules::next_block(const RelayPolicy& policy, const RelayState& state) const {
  const Height own = std::max(state.done, state.taken);
  return next(policy.own_copies ? own : std::max(own, state.readable));
}

}  // namespace seqlab::protocols
