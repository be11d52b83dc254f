#include "scenarios/hooks/adversary.hpp"

#include <fmt/format.h>

#include "scenarios/adversaries/native/native_adversaries.hpp"
#include "scenarios/hooks/lua_host.hpp"
#include "scenarios/spec/diagnostics.hpp"

namespace seqlab::scenarios {

protocols::MessageFields LinkView::fields() const {
  protocols::MessageFields all = protocols::fields_of(message_);
  if (sight_ != PowerSpec::Sight::headers) return all;
  protocols::MessageFields shown;
  shown.kind = all.kind;
  shown.height = all.height;
  shown.round = all.round;
  shown.bytes = all.bytes;
  return shown;
}

std::unique_ptr<Adversary> make_adversary(const AdversarySpec& spec, const Scenario& scenario) {
  ScriptWorld world;
  world.nodes = scenario.design.committee.count;
  const WorkloadSpec& workload = scenario.environment.workload;
  world.clients = workload.arrivals == WorkloadSpec::Arrivals::none ? 0 : workload.clients;
  world.path = "environment.adversaries";
  world.scenario_file = scenario.file;
  for (std::size_t i = 0; i < scenario.environment.adversaries.size(); ++i) {
    if (&scenario.environment.adversaries[i] == &spec) world.path += fmt::format("[{}]", i);
  }

  constexpr std::string_view prefix = "native:";
  if (std::string_view{spec.script}.substr(0, prefix.size()) != prefix) {
    return std::make_unique<LuaAdversary>(spec, std::move(world));
  }
  const std::string name = spec.script.substr(prefix.size());
  std::vector<std::string> known;
  for (const NativeEntry& entry : native_adversaries()) {
    if (entry.name == name) return entry.make(spec, world);
    known.emplace_back(entry.name);
  }
  std::string hint = nearest(name, known);
  hint = hint.empty() ? fmt::format("native:{}", fmt::join(known, ", native:"))
                      : fmt::format("did you mean native:{}?", hint);
  throw InputError(Problem{scenario.file, 0, 0, world.path + ".script",
                           fmt::format("there is no native adversary `{}`", name.substr(0, 60)), hint});
}

}  // namespace seqlab::scenarios
