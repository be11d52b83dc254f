// What a network that repeats everything makes of an engine's answers: an answer that is answered in kind never ends,
// and every repetition doubles it.
#include <array>

#include "analysis/search/case.hpp"
#include "tests/conformance/engines.hpp"

using namespace seqlab;
using namespace seqlab::tests;

namespace {

constexpr std::uint64_t seconds = 8;

/// Messages between nodes in each second, those of transactions left out.
class Sent final : public sim::RecordObserver {
 public:
  void on_record(const sim::Record& r) override {
    using protocols::MessageKind;
    const auto kind = static_cast<MessageKind>(r.detail);
    if (kind == MessageKind::transaction || kind == MessageKind::transaction_result) return;
    const auto second = static_cast<std::uint64_t>(ns(r.at) / 1'000'000'000);
    if (second < seconds) ++in_[second];
  }
  std::uint64_t between(std::uint64_t first, std::uint64_t end) const {
    std::uint64_t sum = 0;
    for (std::uint64_t i = first; i < end; ++i) sum += in_[i];
    return sum;
  }

 private:
  std::array<std::uint64_t, seconds> in_{};
};

}  // namespace

TEST_CASE("where every message arrives twice nobody says more and more", "[conformance][repeated]") {
  SEQLAB_FOR_EACH_ENGINE(engine) {
    // At once, and after so many rounds that what comes again is old.
    for (const Duration after : {Duration{10ms}, Duration{175ms}}) {
      for (const bool crashes : {false, true}) {
        CAPTURE(ns(after), crashes);
        Scenario s = analysis::fuzz_scenario(engine.name);
        s.design.committee.count = 7;
        s.design.committee.stake.assign(7, 1);
        s.stop.height = 0;
        s.stop.healing = Duration{};
        s.stop.healing_blocks = 0;
        s.stop.after = Duration{1s} * static_cast<std::int64_t>(seconds);
        if (crashes) s.environment.faults = {crash(at(500ms), nodes({3}), 1s)};  // one who has to ask
        scenarios::MessageIntervention repeat;
        repeat.at.count = 0;
        repeat.what = scenarios::act::Duplicate{after};
        Sent sent;
        scenarios::RunOptions options;
        options.observers.emplace_back(&sent, sim::mask_of(sim::RecordKind::message_sent));
        options.on_progress = [](SimTime, std::uint64_t events) { return events < 1'000'000; };
        const RunResult result = scenarios::run(s, {.seed = 1, .interventions = {repeat}}, options);
        REQUIRE(result.stopped == sim::StopReason::time_limit);
        CHECK(result.findings.empty());
        CHECK(result.commits_safety > 10);
        const std::uint64_t early = sent.between(2, 4);
        const std::uint64_t late = sent.between(6, 8);
        CAPTURE(early, late);
        CHECK(early > 0);
        CHECK(2 * late <= 3 * early);
      }
    }
  }
}
