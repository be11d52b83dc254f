#include "protocols/relay/relay.hpp"

#include <algorithm>

#include "protocols/migration/gateway.hpp"

namespace seqlab::protocols {

namespace {

Height furthest(std::span<SequencerNode* const> nodes) {
  Height out{};
  for (const SequencerNode* node : nodes) {
    if (!node->is_corrupt()) out = std::max(out, node->chain().height());
  }
  return out;
}

class NodeSource final : public RelaySource {
 public:
  NodeSource(SequencerNode& node, const CoreImport* import) : node_(node), import_(import) {}
  NodeId id() const override { return node_.id(); }
  NodeId machine() const override { return node_.machine(); }
  const ChainView& chain() const override { return node_.chain(); }
  void close_admission(bool closed) override { node_.close_admission(closed); }
  std::optional<std::uint64_t> before() const override {
    if (import_ == nullptr) return 0;
    return import_->open ? std::optional{import_->written} : std::nullopt;
  }

 private:
  SequencerNode& node_;
  const CoreImport* import_;
};

class GatewaySource final : public RelaySource {
 public:
  explicit GatewaySource(Gateway& gateway) : gateway_(gateway) {}
  NodeId id() const override { return gateway_.id(); }
  NodeId machine() const override { return gateway_.id(); }
  const ChainView& chain() const override { return gateway_.lines(); }
  void close_admission(bool closed) override { gateway_.close_admission(closed); }
  std::optional<std::uint64_t> before() const override { return 0; }

 private:
  Gateway& gateway_;
};

}  // namespace

Relay::~Relay() = default;

Relay::Relay(sim::Simulation& simulation, sim::Nodes& machines, L1& l1, const RelayOptions& options,
             const RelayRules& rules, std::span<SequencerNode* const> nodes, Gateway* old_core,
             const CoreImport* import, const RegistryRules* registry)
    : bundler_(simulation, l1, options.bundler),
      watch_(simulation, l1, options, *find_relay_policy(options.policy), bundler_, registry,
             [all = std::vector<SequencerNode*>(nodes.begin(), nodes.end())] { return furthest(all); }),
      context_{simulation,
               machines,
               l1,
               options,
               rules,
               *find_relay_policy(options.policy),
               registry,
               BatchFormat{l1.profile(), options.format},
               bundler_,
               [this](NodeId node, std::uint64_t turn) { watch_.report_outage(node, turn); }},
      simulation_(simulation) {
  for (SequencerNode* node : nodes) {
    const auto place = std::ranges::find(options.nodes, node->id()) - options.nodes.begin();
    const auto at = static_cast<std::size_t>(place);
    sources_.push_back(std::make_unique<NodeSource>(*node, import));
    relayers_.push_back(std::make_unique<Relayer>(
        context_, *sources_.back(), at < options.nodes.size() ? std::optional{at} : std::nullopt));
  }
  if (old_core == nullptr) return;
  old_core_ = old_core->id();
  old_context_.emplace(RelayContext{simulation, machines, l1, options, rules, *find_relay_policy("single"), nullptr,
                                    context_.format, bundler_, [](NodeId, std::uint64_t) {}});
  sources_.push_back(std::make_unique<GatewaySource>(*old_core));
  relayers_.push_back(std::make_unique<Relayer>(*old_context_, *sources_.back(), 0));
}

void Relay::start() {
  for (const auto& relayer : relayers_) relayer->start();
  simulation_.records().subscribe(watch_, DaWatch::kinds());
  sim::KindMask news = sim::mask_of(sim::RecordKind::executed);
  if (old_core_ != no_node) news |= sim::mask_of(sim::RecordKind::tx_included, sim::RecordKind::l1_ref);
  simulation_.records().subscribe(*this, news);
  context_.l1.watch(*this);
  watch_.start();
}

void Relay::on_record(const sim::Record& record) {
  // The old core's lines have no record of their own kind; of the committee's nodes one a block is enough.
  if (record.kind != sim::RecordKind::executed && record.node != old_core_) return;
  if (record.node.value < relayers_.size()) relayers_[record.node.value]->wake();
}

void Relay::on_l1_head(NodeId node, const L1View&, std::uint64_t) { relayers_[node.value]->wake(); }

}  // namespace seqlab::protocols
