#include "sim/net/latency/regions.hpp"

#include <array>
#include <utility>

#include "sim/base/assert.hpp"
#include "sim/net/latency/region_data.inc"  // written by CMake from data/*.csv: aws13_csv, ...

namespace seqlab::sim {

namespace {

/// A matrix as the compiler read it. Bad data do not compile.
template <std::size_t N>
struct Matrix {
  std::string_view source;
  std::array<std::string_view, N> regions{};
  std::array<std::int64_t, N * N> one_way_ns{};
};

constexpr std::string_view take_until(std::string_view& text, char end) {
  const std::size_t at = text.find(end);
  const std::string_view token = text.substr(0, at);
  text.remove_prefix(at == std::string_view::npos ? text.size() : at + 1);
  return token;
}

/// Milliseconds with up to six decimals.
constexpr std::int64_t to_ns(std::string_view text) {
  std::int64_t value = 0;
  std::int64_t unit = 1'000'000;
  bool fraction = false;
  if (text.empty()) throw "a cell is empty";
  for (const char c : text) {
    if (c == '.' && !fraction) {
      fraction = true;
    } else if (c >= '0' && c <= '9' && unit > 0) {
      value = value * 10 + (c - '0');
      if (fraction) unit /= 10;
    } else {
      throw "a cell is not a number";
    }
  }
  return value * unit;
}

template <std::size_t N>
constexpr Matrix<N> read(std::string_view text) {
  constexpr std::string_view source_mark = "# source: ";
  constexpr std::string_view unit_mark = "# unit: ";
  Matrix<N> matrix;
  while (text.front() == '\n') text.remove_prefix(1);
  std::int64_t divisor = 0;
  while (text.front() == '#') {
    std::string_view line = take_until(text, '\n');
    if (line.substr(0, source_mark.size()) == source_mark) matrix.source = line.substr(source_mark.size());
    if (line.substr(0, unit_mark.size()) == unit_mark) {
      const std::string_view unit = line.substr(unit_mark.size());
      if (unit == "one-way ms") divisor = 1;
      if (unit == "round-trip ms") divisor = 2;
    }
  }
  if (divisor == 0) throw "a matrix states its unit";
  if (matrix.source.empty()) throw "a matrix states its source";

  std::string_view head = take_until(text, '\n');
  take_until(head, ',');
  for (std::string_view& region : matrix.regions) region = take_until(head, ',');
  if (!head.empty()) throw "a matrix has more columns than its name says";
  for (std::size_t from = 0; from < N; ++from) {
    std::string_view row = take_until(text, '\n');
    if (take_until(row, ',') != matrix.regions[from]) throw "rows and columns have the same order";
    for (std::size_t to = 0; to < N; ++to) matrix.one_way_ns[from * N + to] = to_ns(take_until(row, ',')) / divisor;
    if (!row.empty()) throw "a row is longer than the head";
  }
  return matrix;
}

constexpr Matrix<13> aws13 = read<13>(aws13_csv);
constexpr Matrix<18> aws18_p50 = read<18>(aws18_p50_csv);
constexpr Matrix<18> aws18_p90 = read<18>(aws18_p90_csv);
constexpr std::string_view aws18_source =
    "medians and 90 % quantiles of one year of a public AWS inter-region ping service, as committed on 2025-07-17 in "
    "commonwarexyz/monorepo (estimator example), 18 of its 33 regions; half of each round trip";

/// A matrix under its name; `p90` is null if only one number is known for each pair.
struct Entry {
  std::string_view name;
  std::string_view source;
  std::span<const std::string_view> regions;
  const std::int64_t* delay;
  const std::int64_t* p90;
};

constexpr std::array<Entry, 4> entries{{
    {"aws13", aws13.source, aws13.regions, aws13.one_way_ns.data(), nullptr},
    {"aws18", aws18_source, aws18_p50.regions, aws18_p50.one_way_ns.data(), aws18_p90.one_way_ns.data()},
    {"aws18_p50", aws18_p50.source, aws18_p50.regions, aws18_p50.one_way_ns.data(), nullptr},
    {"aws18_p90", aws18_p90.source, aws18_p90.regions, aws18_p90.one_way_ns.data(), nullptr},
}};

const Entry* find_entry(std::string_view name) {
  for (const Entry& entry : entries) {
    if (entry.name == name) return &entry;
  }
  return nullptr;
}

LatencyTable make_table(std::string_view name, std::vector<std::uint16_t> region_of, Ratio jitter) {
  const Entry* entry = find_entry(name);
  SEQLAB_ASSERT(entry != nullptr, name);
  SEQLAB_ASSERT(jitter.den > 0 && jitter.num <= jitter.den, jitter.num, jitter.den);
  const std::size_t regions = entry->regions.size();
  const bool own_tail = entry->p90 != nullptr && jitter.num == 0;
  std::vector<LatencyPair> pairs(regions * regions);
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    pairs[i].base = entry->delay[i];
    pairs[i].scale = own_tail ? entry->p90[i] - entry->delay[i] : entry->delay[i] * jitter.num / jitter.den;
  }
  if (region_of.empty()) {
    region_of.resize(regions);
    for (std::size_t i = 0; i < regions; ++i) region_of[i] = static_cast<std::uint16_t>(i);
  }
  return {std::move(pairs), std::move(region_of),
          own_tail ? QuantileTable::standard_tail() : QuantileTable::standard_normal(), QuantileTable::shape_bits};
}

}  // namespace

std::vector<RegionMatrix> region_matrices() {
  std::vector<RegionMatrix> all;
  for (const Entry& entry : entries) {
    all.push_back(RegionMatrix{entry.name, entry.source, {entry.regions.begin(), entry.regions.end()}});
  }
  return all;
}

std::optional<std::uint16_t> find_region(std::string_view matrix, std::string_view region) {
  const Entry* entry = find_entry(matrix);
  if (entry == nullptr) return std::nullopt;
  for (std::size_t i = 0; i < entry->regions.size(); ++i) {
    if (entry->regions[i] == region) return static_cast<std::uint16_t>(i);
  }
  return std::nullopt;
}

RegionsLatency::RegionsLatency(std::string_view matrix, std::vector<std::uint16_t> region_of, Ratio jitter)
    : TableLatency(make_table(matrix, std::move(region_of), jitter)) {}

}  // namespace seqlab::sim
