// A quick part of the zoo: safety bugs that the portfolio finds within moments, and their sound twins.
#include <algorithm>

#include "analysis/search/campaign.hpp"
#include "tests/support/catch.hpp"
#include "tests/zoo/entries.hpp"

using namespace seqlab;
using namespace seqlab::analysis;

namespace {

CampaignReport search(Target target, std::uint64_t cases) {
  CampaignOptions o;
  o.targets.push_back(std::move(target));
  for (const StrategyEntry& entry : strategies()) o.strategies.push_back(&entry);
  o.cases = cases;
  o.until_failure = true;
  return run_campaign(o);
}

}  // namespace

TEST_CASE("the portfolio finds planted bugs and leaves their sound twins alone", "[zoo]") {
  for (const char* name : {"Z04", "Z36 six", "Z36 power", "Z66"}) {
    const auto all = zoo::entries();
    const auto entry = std::ranges::find(all, std::string_view{name}, &zoo::Entry::name);
    REQUIRE(entry != all.end());
    CAPTURE(name);
    const CampaignReport found = search(zoo::target_of(*entry), 20'000);
    CHECK_FALSE(found.failures.empty());
    const CampaignReport sound = search(zoo::sound_twin(*entry), 200);
    for (const CampaignFailure& f : sound.failures) UNSCOPED_INFO(f.checker << ": " << f.text);
    CHECK(sound.failures.empty());
  }
}
