#include "protocols/l1/registry_owner.hpp"

#include <algorithm>
#include <memory>

#include "protocols/l1/contracts.hpp"

namespace seqlab::protocols {

namespace {
constexpr std::uint64_t gas = 60'000;       ///< of a change, on a chain that counts gas
constexpr std::uint32_t bytes = 200;        ///< of a change elsewhere
}  // namespace

void RegistryOwner::start() {
  if (options_.changes.empty()) return;
  simulation_.processes().spawn_service(options_.owner, [this](sim::Process& process) { run(process); });
}

/// Change i has the number i + 1: what counts on his own view says how far he is, also after a crash or when layer 1
/// has gone back. What waits there is left alone.
void RegistryOwner::run(sim::Process& process) {
  const Duration poll = std::max(l1_.profile().interval / 2, Duration{1'000'000'000});
  const NodeId self = options_.owner;
  Hash128 last;
  std::uint64_t written = 0;
  while (true) {
    const std::uint64_t done = l1_.view(self).tip()->contracts->registry->turn();
    if (done >= options_.changes.size()) {
      process.sleep(poll);
      continue;
    }
    const SimTime due = time_zero + options_.changes[done].at;
    if (process.now() < due) {
      process.sleep_until(std::min(due, process.now() + poll));
      continue;
    }
    const bool known = written == done + 1 && l1_.receipt(self, last).state != L1Receipt::State::unknown;
    if (!known) {
      written = done + 1;
      last = write(done);
    }
    process.sleep(poll);
  }
}

Hash128 RegistryOwner::write(std::size_t change) {
  const RegistryOptions::Change& what = options_.changes[change];
  RegistryData data;
  data.action = what.action;
  data.node = what.node;
  data.turn = change + 1;
  const L1TransactionPtr tx = registry_call(l1_, options_.owner, data, attempts_++);
  l1_.submit(tx);
  return tx->id;
}

L1TransactionPtr registry_call(const L1& l1, NodeId author, const RegistryData& change, std::uint64_t serial) {
  auto tx = std::make_shared<L1Transaction>();
  tx->author = author;
  tx->kind = L1TxKind::registry;
  tx->bytes = bytes;
  tx->units[0] = l1.profile().fees[0].kind == FeeMarketOptions::Kind::base_fee ? gas : bytes;
  tx->price_max[0] = 2 * l1.estimate(L1Lane::ordinary);
  tx->data = std::make_shared<RegistryData>(change);
  tx->id = HashBuilder{"registry change"}.add(author).add(change.turn).add(serial).finish();
  return tx;
}

}  // namespace seqlab::protocols
