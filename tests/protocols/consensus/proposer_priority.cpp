// The proposer rotation against a reference written straight from its description, one validator object at a time.
#include "protocols/consensus/tendermint/proposer_priority.hpp"

#include <algorithm>
#include <map>

#include "sim/random/stream.hpp"
#include "tests/support/catch.hpp"

using namespace seqlab;
using namespace seqlab::protocols;

namespace {

/// As CometBFT describes it: validators by power, then by address; priorities as wide integers.
class Reference {
 public:
  struct Entry {
    std::uint32_t node;
    std::int64_t power;
    __extension__ __int128 priority;
  };

  explicit Reference(const std::vector<Validator>& genesis) {
    update(genesis);
    increment(1);
  }
  /// power 0 removes
  void update(const std::vector<Validator>& changes) {
    __extension__ __int128 total = 0;  // after updates, before removals
    for (const Entry& e : entries_) {
      const auto change = std::ranges::find(changes, e.node, [](const Validator& v) { return v.node.value; });
      total += change == changes.end() || change->power == 0 ? e.power : change->power;
    }
    for (const Validator& v : changes) {
      if (v.power > 0 && find(v.node.value) == nullptr) total += v.power;
    }
    for (const Validator& v : changes) {
      Entry* e = find(v.node.value);
      if (e != nullptr) {
        e->power = v.power;
      } else if (v.power > 0) {
        entries_.push_back({v.node.value, v.power, -(total + total / 8)});
      }
    }
    std::erase_if(entries_, [](const Entry& e) { return e.power == 0; });
    std::ranges::sort(entries_, [](const Entry& a, const Entry& b) {
      return a.power != b.power ? a.power > b.power : a.node < b.node;
    });
    normalise();
  }
  std::uint32_t increment(int times) {
    normalise();
    std::uint32_t chosen = 0;
    for (int i = 0; i < times; ++i) {
      Entry* best = nullptr;
      for (Entry& e : entries_) {
        e.priority += e.power;
        if (best == nullptr || e.priority > best->priority ||
            (e.priority == best->priority && e.node < best->node)) {
          best = &e;
        }
      }
      best->priority -= total();
      chosen = best->node;
    }
    proposer_ = chosen;
    return chosen;
  }
  std::uint32_t proposer() const { return proposer_; }
  std::map<std::uint32_t, std::int64_t> priorities() const {
    std::map<std::uint32_t, std::int64_t> out;
    for (const Entry& e : entries_) out[e.node] = static_cast<std::int64_t>(e.priority);
    return out;
  }
  std::vector<Validator> validators() const {
    std::vector<Validator> out;
    for (const Entry& e : entries_) out.push_back({NodeId{e.node}, e.power});
    return out;
  }

 private:
  Entry* find(std::uint32_t node) {
    const auto at = std::ranges::find(entries_, node, &Entry::node);
    return at == entries_.end() ? nullptr : &*at;
  }
  std::int64_t total() const {
    std::int64_t t = 0;
    for (const Entry& e : entries_) t += e.power;
    return t;
  }
  void normalise() {
    auto low = entries_.front().priority;
    auto high = low;
    for (const Entry& e : entries_) {
      low = std::min(low, e.priority);
      high = std::max(high, e.priority);
    }
    const auto window = static_cast<decltype(low)>(2) * total();
    if (high - low > window) {
      const auto ratio = (high - low + window - 1) / window;
      for (Entry& e : entries_) e.priority /= ratio;
    }
    decltype(low) sum = 0;
    for (const Entry& e : entries_) sum += e.priority;
    const auto n = static_cast<decltype(low)>(entries_.size());
    const auto average = sum >= 0 ? sum / n : -((-sum + n - 1) / n);
    for (Entry& e : entries_) e.priority -= average;
  }
  std::vector<Entry> entries_;
  std::uint32_t proposer_ = 0;
};

std::map<std::uint32_t, std::int64_t> by_node(const ProposerPriority& p, const Committee& c) {
  std::map<std::uint32_t, std::int64_t> out;
  for (std::uint32_t i = 0; i < c.size(); ++i) out[c[i].node.value] = p.priorities()[i];
  return out;
}

}  // namespace

TEST_CASE("powers 1 and 3 give the sequence 2, 1, 2, 2 for ever", "[tendermint][priority]") {
  const Committee c{{{NodeId{1}, 1}, {NodeId{2}, 3}}};
  ProposerPriority p{c};
  std::vector<std::uint32_t> chosen{c[p.proposer()].node.value};
  for (int i = 0; i < 11; ++i) {
    p.increment(c, 1);
    chosen.push_back(c[p.proposer()].node.value);
  }
  CHECK(chosen == std::vector<std::uint32_t>{2, 1, 2, 2, 2, 1, 2, 2, 2, 1, 2, 2});
}

TEST_CASE("over any P consecutive steps each validator is chosen as often as its power says",
          "[tendermint][priority]") {
  sim::Stream luck{5, "test"};
  for (int trial = 0; trial < 20; ++trial) {
    std::vector<Validator> v;
    const std::int64_t n = luck.between(1, 7);
    for (std::uint32_t i = 0; i < n; ++i) v.push_back({NodeId{i}, luck.between(1, 12)});
    const Committee c{v};
    ProposerPriority p{c};
    std::vector<std::uint32_t> chosen{p.proposer()};
    const auto total = static_cast<std::size_t>(c.total());
    for (std::size_t i = 1; i < 3 * total; ++i) {
      p.increment(c, 1);
      chosen.push_back(p.proposer());
    }
    for (std::size_t from = 0; from + total <= chosen.size(); ++from) {
      for (std::uint32_t i = 0; i < c.size(); ++i) {
        const auto begin = chosen.begin() + static_cast<std::ptrdiff_t>(from);
        CHECK(std::count(begin, begin + static_cast<std::ptrdiff_t>(total), i) == c[i].power);
      }
    }
  }
}

TEST_CASE("random stake updates agree with the reference to the bit, rounds included", "[tendermint][priority]") {
  sim::Stream luck{11, "test"};
  for (int trial = 0; trial < 40; ++trial) {
    // Small powers tie often, large ones reach the rescaling.
    const std::int64_t most = trial % 3 == 0 ? 4 : trial % 3 == 1 ? 1'000 : std::int64_t{1} << 50U;
    std::vector<Validator> genesis;
    const std::int64_t n = luck.between(1, 9);
    for (std::uint32_t i = 0; i < n; ++i) genesis.push_back({NodeId{i}, luck.between(1, most)});
    Committee c{genesis};
    ProposerPriority mine{c};
    Reference reference{genesis};
    REQUIRE(by_node(mine, c) == reference.priorities());
    for (int height = 0; height < 60; ++height) {
      std::vector<Validator> changes;
      if (luck.chance({1, 3})) {
        std::map<std::uint32_t, std::int64_t> drawn;
        const std::int64_t count = luck.between(1, 3);
        for (std::int64_t i = 0; i < count; ++i) {
          const auto node = static_cast<std::uint32_t>(luck.below(12));
          const std::int64_t power = luck.chance({1, 3}) ? 0 : luck.between(1, most);
          drawn[node] = power;
        }
        for (const auto& [node, power] : drawn) changes.push_back({NodeId{node}, power});
      }
      Committee next = c.with(changes);
      if (next.size() == 0) continue;
      std::erase_if(changes, [&](const Validator& v) { return v.power == c.power_of(v.node); });
      mine.advance(c, next);
      if (!changes.empty()) reference.update(changes);
      reference.increment(1);
      c = next;
      REQUIRE(by_node(mine, c) == reference.priorities());
      REQUIRE(c[mine.proposer()].node.value == reference.proposer());
      const auto rounds = mine.proposers_of_rounds(c, 5);
      for (int r = 1; r <= 5; ++r) {
        Reference copy = reference;
        REQUIRE(c[rounds[static_cast<std::size_t>(r - 1)]].node.value == copy.increment(r));
      }
    }
  }
}

TEST_CASE("leaving and joining again is no way to propose more often", "[tendermint][priority]") {
  const Committee without{{{NodeId{0}, 10}, {NodeId{1}, 10}, {NodeId{2}, 10}}};
  const Committee with{{{NodeId{0}, 10}, {NodeId{1}, 10}, {NodeId{2}, 10}, {NodeId{3}, 10}}};
  ProposerPriority p{with};
  int chosen = 0;
  int member = 0;
  bool in = true;
  for (int h = 0; h < 400; ++h) {
    const bool stay = h % 3 != 2;
    p.advance(in ? with : without, stay ? with : without);
    in = stay;
    if (in) {
      ++member;
      chosen += with[p.proposer()].node == NodeId{3} ? 1 : 0;
    }
  }
  CHECK(chosen * 4 <= member);
}
