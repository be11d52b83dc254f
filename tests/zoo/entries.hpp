// The bug zoo: real bugs of consensus engines, each planted as a small variant of honest code, for searches to find.
// The names are those of the collection that the bugs come from; what each does wrong is said where it is planted
// (tests/negative/broken/).
#pragma once

#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "analysis/search/case.hpp"

namespace seqlab::zoo {

enum class Kind : std::uint8_t {
  safety,    ///< to be found by the portfolio within 60 CPU seconds
  liveness,  ///< within 300
};

struct Entry {
  std::string_view name;    ///< "Z04"; several variants of one bug: "Z36 power"; bugs without a number: a word
  std::string_view text;    ///< what is wrong, in a few words
  std::string_view engine;  ///< of which it is a variant
  Kind kind;
  std::unique_ptr<protocols::Engine> (*make)(NodeId, const protocols::Committee&, const protocols::EngineParameters&);
  /// What the bug needs to show: done to the engine's own small committee. Null: nothing.
  void (*change)(scenarios::Scenario&) = nullptr;
  /// Broken decisions of a relayer; then the engine is honest and `make` null.
  std::shared_ptr<const protocols::RelayRules> (*relay_rules)() = nullptr;
  /// A broken way of reading layer 1; likewise.
  std::unique_ptr<protocols::ForcedPath> (*make_forced)(const protocols::ForcedOptions&) = nullptr;
};

std::vector<Entry> entries();
analysis::Target target_of(const Entry& entry);
/// The same committee with honest code: must never be flagged.
analysis::Target sound_twin(const Entry& entry);

// By engine, each compiled on its own (variants/).
std::span<const Entry> tendermint_entries();
std::span<const Entry> chained_entries();
std::span<const Entry> monadbft_entries();
std::span<const Entry> mysticeti_entries();
std::span<const Entry> classic_entries();
std::span<const Entry> relay_entries();
std::span<const Entry> forced_entries();

/// A committee of so many, equal in power.
void resize(scenarios::Scenario& scenario, std::uint32_t count);
/// The smallest committee where 2f + 1 is no quorum twice over.
void six_nodes(scenarios::Scenario& scenario);

}  // namespace seqlab::zoo
