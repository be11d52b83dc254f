// The bug zoo: real bugs of consensus engines, each planted as a small variant of honest code, for searches to find.
// The names are those of the collection that the bugs come from; what each does wrong is said where it is planted
// (tests/negative/broken/).
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "analysis/search/case.hpp"

namespace seqlab::zoo {

enum class Kind : std::uint8_t {
  safety,    ///< to be found by the portfolio within 60 CPU seconds
  liveness,  ///< within 300
};

struct Entry {
  std::string_view name;    ///< "Z04"; several variants of one bug: "Z36 power"
  std::string_view text;    ///< what is wrong, in a few words
  std::string_view engine;  ///< of which it is a variant
  Kind kind;
  /// The committee in which it can show; the engine's own small one, changed where the bug needs it.
  analysis::Target (*target)();
};

std::span<const Entry> entries();
/// The same committee with honest code: must never be flagged.
analysis::Target sound_twin(const Entry& entry);

}  // namespace seqlab::zoo
