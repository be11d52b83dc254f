#include "protocols/relay/relay.hpp"

#include <algorithm>

namespace seqlab::protocols {

namespace {

Height furthest(std::span<SequencerNode* const> nodes) {
  Height out{};
  for (const SequencerNode* node : nodes) {
    if (!node->is_corrupt()) out = std::max(out, node->chain().height());
  }
  return out;
}

}  // namespace

Relay::Relay(sim::Simulation& simulation, sim::Nodes& machines, L1& l1, const RelayOptions& options,
             const RelayRules& rules, std::span<SequencerNode* const> nodes)
    : bundler_(simulation, l1, options.bundler),
      watch_(simulation, l1, options, *find_relay_policy(options.policy), bundler_,
             [all = std::vector<SequencerNode*>(nodes.begin(), nodes.end())] { return furthest(all); }),
      context_{simulation,
               machines,
               l1,
               options,
               rules,
               *find_relay_policy(options.policy),
               BatchFormat{l1.profile(), options.format},
               bundler_,
               [this](NodeId node, std::uint64_t turn) { watch_.report_outage(node, turn); }},
      simulation_(simulation) {
  for (SequencerNode* node : nodes) {
    const auto place = std::ranges::find(options.nodes, node->id()) - options.nodes.begin();
    const auto at = static_cast<std::size_t>(place);
    relayers_.push_back(std::make_unique<Relayer>(
        context_, *node, at < options.nodes.size() ? std::optional{at} : std::nullopt));
  }
}

void Relay::start() {
  for (const auto& relayer : relayers_) relayer->start();
  simulation_.records().subscribe(watch_, DaWatch::kinds());
  simulation_.records().subscribe(*this, kinds());
  context_.l1.watch(*this);
  watch_.start();
}

void Relay::on_record(const sim::Record& record) {
  if (record.node.value < relayers_.size()) relayers_[record.node.value]->wake();
}

void Relay::on_l1_head(NodeId node, const L1View&, std::uint64_t) { relayers_[node.value]->wake(); }

}  // namespace seqlab::protocols
