#include "analysis/search/strategies/twins_space.hpp"

#include <algorithm>
#include <array>
#include <numeric>

#include "sim/base/assert.hpp"
#include "sim/random/stream.hpp"

namespace seqlab::analysis {

namespace {

constexpr Uint128 size_limit = Uint128{1} << 120U;
/// Exchanges times choices: what the tables of all subgroups are made of.
constexpr std::uint64_t images_max = 400'000;

/// Partitions of `count` things into at most `cells`: restricted growth strings.
std::vector<std::vector<std::uint8_t>> partitions(std::size_t count, std::uint32_t cells) {
  std::vector<std::vector<std::uint8_t>> out;
  std::vector<std::uint8_t> cell(count, 0);
  const auto extend = [&](auto&& self, std::size_t at, std::uint8_t used) -> void {
    if (at == count) {
      out.push_back(cell);
      return;
    }
    for (std::uint8_t c = 0; c <= used && c < cells; ++c) {
      cell[at] = c;
      self(self, at + 1, static_cast<std::uint8_t>(std::max<int>(used, c + 1)));
    }
  };
  extend(extend, 0, 0);
  return out;
}

/// All permutations of 0 ... n - 1 that move only the first `movable` of each class, and keep classes.
std::vector<std::vector<std::uint8_t>> permutations(const std::vector<std::uint32_t>& class_of, std::uint32_t movable) {
  std::vector<std::uint8_t> p(class_of.size());
  std::iota(p.begin(), p.end(), std::uint8_t{0});
  std::vector<bool> fixed(class_of.size(), true);
  std::map<std::uint32_t, std::uint32_t> seen;
  for (std::size_t i = 0; i < class_of.size(); ++i) fixed[i] = seen[class_of[i]]++ >= movable;
  std::vector<std::vector<std::uint8_t>> out;
  do {
    bool good = true;
    for (std::size_t i = 0; i < p.size() && good; ++i) good = fixed[i] ? p[i] == i : class_of[p[i]] == class_of[i];
    if (good) out.push_back(p);
  } while (std::next_permutation(p.begin(), p.end()));
  return out;  // the identity comes first
}

Uint128 power(Uint128 base, std::uint32_t exponent) {
  Uint128 out = 1;
  for (std::uint32_t i = 0; i < exponent; ++i) out *= base;
  return out;
}

}  // namespace

TwinsSpace::TwinsSpace(const TwinsOptions& options) : options_(options) {
  SEQLAB_ASSERT(!options.honest.empty() && options.honest.size() <= 8 && options.corrupt.size() <= 2,
                options.honest.size(), options.corrupt.size());
  SEQLAB_ASSERT(options.rounds > 0 && options.groups_max >= 1 && options.groups_max <= 3 && options.phases >= 1 &&
                    options.holds >= 1,
                options.rounds, options.groups_max);
  leader_count_ = options.leaders ? static_cast<std::uint32_t>(options.honest.size() + options.corrupt.size()) : 1;
  make_cuts(options);
  rounds_ = 0;
  for (Uint128 all = 1; rounds_ < options.rounds && all < size_limit / choice_count(); ++rounds_) all *= choice_count();
  make_exchanges(options);
  make_images();
  std::vector<std::uint16_t> everything(exchanges_.size());
  std::iota(everything.begin(), everything.end(), std::uint16_t{0});
  subgroup_of(std::move(everything));
}

void TwinsSpace::make_cuts(const TwinsOptions& options) {
  for (std::vector<std::uint8_t>& cell_of : partitions(options.honest.size(), options.groups_max)) {
    const std::uint32_t cells = *std::ranges::max_element(cell_of) + 1U;
    const std::size_t machines = 2 * options.corrupt.size();
    const std::uint64_t sets = std::uint64_t{1} << (cells * machines);
    for (std::uint64_t set = 0; set < sets; ++set) {
      Cut cut{cell_of, std::vector<std::uint8_t>(machines), 0, 0};
      bool whole = cells == 1;
      for (std::size_t m = 0; m < machines; ++m) {
        cut.hears[m] = static_cast<std::uint8_t>((set >> (m * cells)) & ((1U << cells) - 1U));
        whole &= cut.hears[m] == 1;
      }
      // Where nothing is kept apart, phase and hold have no meaning.
      for (std::uint32_t phase = 0; phase < (whole ? 1 : options.phases); ++phase) {
        for (std::uint32_t hold = 0; hold < (whole ? 1 : options.holds); ++hold) {
          cut.phase = static_cast<std::uint8_t>(phase);
          cut.hold = static_cast<std::uint8_t>(hold);
          cuts_.push_back(cut);
        }
      }
    }
  }
  std::ranges::sort(cuts_);
}

void TwinsSpace::make_exchanges(const TwinsOptions& options) {
  const std::vector<std::vector<std::uint8_t>> of_corrupt = permutations(options.class_of_corrupt, 2);
  std::vector<std::vector<std::uint8_t>> machines;
  // Each corrupt node may also change places with its twin.
  for (const auto& p : of_corrupt) {
    for (std::uint32_t swaps = 0; swaps < (1U << options.corrupt.size()); ++swaps) {
      std::vector<std::uint8_t> m(2 * options.corrupt.size());
      for (std::size_t i = 0; i < options.corrupt.size(); ++i) {
        const std::uint32_t swap = (swaps >> i) & 1U;
        m[2 * i] = static_cast<std::uint8_t>(2U * p[i] + swap);
        m[2 * i + 1] = static_cast<std::uint8_t>(2U * p[i] + (1U - swap));
      }
      machines.push_back(std::move(m));
    }
  }
  for (std::uint32_t movable = 5; movable >= 1; --movable) {
    const std::vector<std::vector<std::uint8_t>> of_honest = permutations(options.class_of_honest, movable);
    if (movable > 1 && of_honest.size() * machines.size() * choice_count() > images_max) continue;
    for (const auto& h : of_honest) {
      for (const auto& m : machines) exchanges_.push_back({h, m});
    }
    return;
  }
}

void TwinsSpace::make_images() {
  for (const Exchange& e : exchanges_) {
    std::vector<std::uint32_t> cut_image;
    cut_image.reserve(cuts_.size());
    for (const Cut& cut : cuts_) {
      Cut moved = cut;
      for (std::size_t i = 0; i < e.honest.size(); ++i) moved.cell_of[e.honest[i]] = cut.cell_of[i];
      for (std::size_t j = 0; j < e.machine.size(); ++j) moved.hears[e.machine[j]] = cut.hears[j];
      std::array<std::uint8_t, 3> renamed{0xff, 0xff, 0xff};
      std::uint8_t used = 0;
      for (std::uint8_t& c : moved.cell_of) {
        if (renamed[c] == 0xff) renamed[c] = used++;
        c = renamed[c];
      }
      for (std::uint8_t& set : moved.hears) {
        std::uint8_t other = 0;
        for (std::uint8_t c = 0; c < used; ++c) {
          if ((set >> c & 1U) != 0) other = static_cast<std::uint8_t>(other | 1U << renamed[c]);
        }
        set = other;
      }
      const auto at = std::ranges::lower_bound(cuts_, moved);
      SEQLAB_ASSERT(at != cuts_.end() && *at == moved, cut_image.size());
      cut_image.push_back(static_cast<std::uint32_t>(at - cuts_.begin()));
    }
    cut_images_.push_back(std::move(cut_image));
    std::vector<std::uint32_t> leaders;
    if (options_.leaders) {
      for (const std::uint8_t h : e.honest) leaders.push_back(h);
      const std::size_t blocks = e.honest.size();
      for (std::size_t i = 0; i < options_.corrupt.size(); ++i) {
        leaders.push_back(static_cast<std::uint32_t>(blocks + e.machine[2 * i] / 2U));
      }
    } else {
      leaders.push_back(0);
    }
    leader_images_.push_back(std::move(leaders));
  }
}

/// Scenarios are told apart round by round: the first choice is the least of its orbit, the next one the least of its
/// orbit under the exchanges that leave the first alone, and so on. That names each orbit of whole scenarios once.
std::uint32_t TwinsSpace::subgroup_of(std::vector<std::uint16_t> members) {
  const auto known = subgroup_numbers_.find(members);
  if (known != subgroup_numbers_.end()) return known->second;
  const auto number = static_cast<std::uint32_t>(subgroups_.size());
  subgroup_numbers_.emplace(members, number);
  subgroups_.emplace_back();
  const std::uint32_t choices = choice_count();

  // Burnside: the number of orbits is the mean number of scenarios that an exchange leaves as they are.
  std::vector<Uint128> counts(rounds_ + std::size_t{1}, 0);
  for (const std::uint16_t e : members) {
    std::uint64_t cuts_fixed = 0;
    for (std::uint32_t c = 0; c < cuts_.size(); ++c) cuts_fixed += cut_images_[e][c] == c ? 1U : 0U;
    std::uint64_t leaders_fixed = 0;
    for (std::uint32_t l = 0; l < leader_count_; ++l) leaders_fixed += leader_images_[e][l] == l ? 1U : 0U;
    for (std::uint32_t r = 0; r <= rounds_; ++r) counts[r] += power(Uint128{cuts_fixed} * leaders_fixed, r);
  }
  for (Uint128& count : counts) count /= members.size();

  std::vector<Class> classes;
  if (members.size() > 1) {
    std::map<std::uint32_t, std::vector<std::uint32_t>> by_stabiliser;
    for (std::uint32_t choice = 0; choice < choices; ++choice) {
      std::vector<std::uint16_t> stabiliser;
      bool least = true;
      for (const std::uint16_t e : members) {
        const std::uint32_t other = image(e, choice);
        if (other < choice) {
          least = false;
          break;
        }
        if (other == choice) stabiliser.push_back(e);
      }
      if (least) by_stabiliser[subgroup_of(std::move(stabiliser))].push_back(choice);
    }
    for (auto& [stabiliser, its] : by_stabiliser) classes.push_back({stabiliser, std::move(its)});
  }
  subgroups_[number] = {std::move(members), std::move(counts), std::move(classes)};
  return number;
}

Uint128 TwinsSpace::size_with_names() const { return power(choice_count(), rounds_); }

std::vector<TwinsRound> TwinsSpace::at(Uint128 number) const {
  std::vector<TwinsRound> out;
  std::uint32_t subgroup = 0;
  for (std::uint32_t left = rounds_; left-- > 0;) {
    const Subgroup& now = subgroups_[subgroup];
    if (now.members.size() == 1) {
      const Uint128 each = now.counts[left];
      out.push_back(round_of(static_cast<std::uint32_t>(number / each)));
      number %= each;
      continue;
    }
    for (const Class& c : now.classes) {
      const Uint128 each = subgroups_[c.stabiliser].counts[left];
      if (number >= each * c.choices.size()) {
        number -= each * c.choices.size();
        continue;
      }
      out.push_back(round_of(c.choices[static_cast<std::size_t>(number / each)]));
      number %= each;
      subgroup = c.stabiliser;
      break;
    }
  }
  SEQLAB_ASSERT(out.size() == rounds_, out.size(), rounds_);
  return out;
}

TwinsRound TwinsSpace::round_of(std::uint32_t choice) const {
  const Cut& cut = cuts_[choice / leader_count_];
  TwinsRound out;
  out.phase = cut.phase;
  out.hold = cut.hold;
  out.groups.resize(*std::ranges::max_element(cut.cell_of) + 1U);
  for (std::size_t i = 0; i < cut.cell_of.size(); ++i) {
    for (const NodeId node : options_.honest[i]) out.groups[cut.cell_of[i]].push_back({node, false});
  }
  const std::size_t cells = out.groups.size();
  for (std::size_t m = 0; m < cut.hears.size(); ++m) {
    const scenarios::Machine machine{options_.corrupt[m / 2], m % 2 == 1};
    for (std::size_t c = 0; c < cells; ++c) {
      if ((cut.hears[m] >> c & 1U) != 0) out.groups[c].push_back(machine);
    }
    if (cut.hears[m] == 0) out.groups.push_back({machine});
  }
  if (options_.leaders) {
    const std::uint32_t leader = choice % leader_count_;
    const auto blocks = static_cast<std::uint32_t>(options_.honest.size());
    out.leader = leader < blocks ? options_.honest[leader].front() : options_.corrupt[leader - blocks];
  }
  return out;
}

Uint128 shuffled(Uint128 index, Uint128 size, std::uint64_t key) {
  std::uint32_t half = 1;
  while ((Uint128{1} << (2 * half)) < size) ++half;
  const std::uint64_t mask = (std::uint64_t{1} << half) - 1;
  do {
    auto left = static_cast<std::uint64_t>(index >> half);
    std::uint64_t right = static_cast<std::uint64_t>(index) & mask;
    for (std::uint64_t turn = 0; turn < 6; ++turn) {
      const auto word = sim::philox(key, right, turn);
      const std::uint64_t noise = std::uint64_t{word[0]} << 32U | word[1];
      const std::uint64_t next = left ^ (noise & mask);
      left = right;
      right = next;
    }
    index = Uint128{left} << half | right;
  } while (index >= size);
  return index;
}

}  // namespace seqlab::analysis
