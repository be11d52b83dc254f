#include "tests/zoo/entries.hpp"

#include <memory>
#include <utility>

namespace seqlab::zoo {

std::vector<Entry> entries() {
  std::vector<Entry> all;
  for (const auto list :
       {tendermint_entries(), chained_entries(), monadbft_entries(), mysticeti_entries(), classic_entries(),
        relay_entries(), forced_entries()}) {
    all.insert(all.end(), list.begin(), list.end());
  }
  return all;
}

analysis::Target sound_twin(const Entry& entry) {
  scenarios::Scenario s = analysis::fuzz_scenario(entry.engine);
  if (entry.change != nullptr) entry.change(s);
  return {s.name, std::make_shared<const scenarios::Scenario>(std::move(s)), nullptr, nullptr};
}

analysis::Target target_of(const Entry& entry) {
  analysis::Target target = sound_twin(entry);
  if (entry.make != nullptr) target.make_engine = entry.make;
  if (entry.make_forced != nullptr) target.make_forced = entry.make_forced;
  if (entry.relay_rules != nullptr) target.relay_rules = entry.relay_rules();
  return target;
}

void resize(scenarios::Scenario& s, std::uint32_t count) {
  s.design.committee.count = count;
  s.design.committee.stake.assign(count, 1);
}
void six_nodes(scenarios::Scenario& s) { resize(s, 6); }

}  // namespace seqlab::zoo
