#include <cmath>
#include <cstdint>
#include <utility>
#include <vector>

#include "sim/random/quantiles.hpp"
#include "sim/random/stream.hpp"
#include "tests/support/catch.hpp"

using namespace seqlab;
using sim::QuantileTable;

namespace {

constexpr std::uint32_t draw_of(std::int64_t parts_per_million) {
  return static_cast<std::uint32_t>((static_cast<std::uint64_t>(parts_per_million) << 32U) / 1'000'000U);
}

struct Moments {
  double mean, sd;
};

/// Of the interpolated distribution itself: 64 evenly spaced draws in each cell.
Moments moments_of(const QuantileTable& table) {
  constexpr std::uint64_t steps = QuantileTable::cells * 64;
  long double sum = 0;
  long double squares = 0;
  for (std::uint64_t i = 0; i < steps; ++i) {
    const auto value = static_cast<long double>(table.at(static_cast<std::uint32_t>((2 * i + 1) << 15U)));
    sum += value;
    squares += value * value;
  }
  const long double mean = sum / steps;
  return {static_cast<double>(mean), static_cast<double>(std::sqrt(squares / steps - mean * mean))};
}

bool close(double value, double target, double tolerance) { return std::abs(value - target) <= tolerance; }

}  // namespace

TEST_CASE("a normal table keeps mean, deviation and quantiles within the stated bounds", "[sim][quantiles]") {
  constexpr std::int64_t mean = 250'000'000;
  constexpr std::int64_t sd = 50'000'000;
  const QuantileTable table = QuantileTable::normal(mean, sd);
  const auto [m, s] = moments_of(table);
  CHECK(close(m, mean, 1e-6 * sd));
  CHECK(close(s, sd, 1e-5 * sd));  // 1e-6 of the table, the rest is this sum's own spacing
  const std::pair<std::int64_t, double> quantiles[] = {{1'000, -3.090232}, {10'000, -2.326348}, {100'000, -1.281552},
                                                       {500'000, 0.0},     {841'345, 1.0},      {900'000, 1.281552},
                                                       {990'000, 2.326348}, {999'000, 3.090232}};
  for (const auto& [ppm, z] : quantiles) {
    INFO("quantile " << ppm << " ppm");
    const bool inner = ppm >= 10'000 && ppm <= 990'000;
    CHECK(close(static_cast<double>(table.at(draw_of(ppm)) - mean) / sd, z, inner ? 0.001 : 0.02));
  }
  CHECK(close(static_cast<double>(table.max() - mean) / sd, 3.6245, 0.0001));
  CHECK(table.max() - mean == mean - table.min());
}

TEST_CASE("the normal shape agrees with the error function at every node", "[sim][quantiles]") {
  const QuantileTable& shape = QuantileTable::standard_normal();
  double worst = 0;
  for (std::uint32_t i = 1; i < QuantileTable::cells; ++i) {
    const double z = static_cast<double>(shape.at(i << 22U)) / (1U << QuantileTable::shape_bits);
    worst = std::max(worst, std::abs(0.5 * std::erfc(-z / std::sqrt(2.0)) - i / 1024.0));
  }
  CHECK(worst < 3e-8);  // half a unit of 2^-24 at the greatest density
}

TEST_CASE("an exponential table keeps the mean and its quantiles", "[sim][quantiles]") {
  constexpr std::int64_t mean = 40'000'000;
  const QuantileTable table = QuantileTable::exponential(mean);
  const auto [m, s] = moments_of(table);
  CHECK(close(m, mean, 1e-6 * mean));
  CHECK(close(s, mean, 1e-3 * mean));
  for (const std::int64_t ppm : {1'000, 100'000, 500'000, 900'000, 990'000, 999'000}) {
    INFO("quantile " << ppm << " ppm");
    const double target = -std::log(1.0 - static_cast<double>(ppm) / 1e6) * mean;
    CHECK(close(static_cast<double>(table.at(draw_of(ppm))), target, (ppm <= 990'000 ? 1e-3 : 1e-2) * target));
  }
  CHECK(table.min() == 0);
  CHECK(close(static_cast<double>(table.max()), 8.7695 * mean, 1e-4 * mean));
}

TEST_CASE("a log-normal table keeps its median and 90 % quantile", "[sim][quantiles]") {
  for (const auto& [median, p90] : {std::pair<std::int64_t, std::int64_t>{40'000'000, 75'000'000},
                                    {1'000'000, 1'000'001},
                                    {3'000, 3'000'000},
                                    {500'000'000, 500'000'000}}) {
    INFO("median " << median << " p90 " << p90);
    const QuantileTable table = QuantileTable::log_normal(median, p90);
    CHECK(table.at(1U << 31U) == median);
    const double p90_part = p90 < 10 * median ? 1e-4 : 1e-3;
    const auto p90_target = static_cast<double>(p90);
    CHECK(close(static_cast<double>(table.at(draw_of(900'000))), p90_target, 1.0 + p90_part * p90_target));
    const double sigma = std::log(static_cast<double>(p90) / static_cast<double>(median)) / 1.2815515655446;
    const double p99 = static_cast<double>(median) * std::exp(2.3263478740408 * sigma);
    CHECK(close(static_cast<double>(table.at(draw_of(990'000))), p99, 1.0 + 1e-2 * p99));
    const double end = static_cast<double>(median) * std::exp(3.2971933456919 * sigma);
    CHECK(close(static_cast<double>(table.max()), end, 1.0 + 1e-6 * end));
  }
}

TEST_CASE("a log-normal table is cut instead of overflowing", "[sim][quantiles]") {
  const QuantileTable table = QuantileTable::log_normal(1, QuantileTable::value_max);
  CHECK(table.max() == QuantileTable::value_max);
  CHECK(table.min() == 0);
  CHECK(table.at(0xffffffffU) <= QuantileTable::value_max);
}

TEST_CASE("the standard tail has median 0, 90 % quantile 1 and its log-normal's 99 % quantile", "[sim][quantiles]") {
  const QuantileTable& tail = QuantileTable::standard_tail();
  constexpr double unit = 1U << QuantileTable::shape_bits;
  CHECK(tail.at(1U << 31U) == 0);
  CHECK(close(static_cast<double>(tail.at(draw_of(900'000))) / unit, 1.0, 1e-4));
  CHECK(close(static_cast<double>(tail.at(draw_of(990'000))) / unit, 3.551, 5e-3));
  CHECK(close(static_cast<double>(tail.min()) / unit, -0.370, 1e-3));
  CHECK(close(static_cast<double>(tail.max()) / unit, 10.00, 0.1));
}

TEST_CASE("a table through points is linear between them and exact at its ends", "[sim][quantiles]") {
  const std::pair<std::int64_t, std::int64_t> points[] = {
      {0, 10}, {250'000, 1'034}, {250'000, 2'000}, {500'000, 2'512}, {1'000'000, 4'560}};
  const QuantileTable table = QuantileTable::through(points);
  CHECK(table.min() == 10);
  CHECK(table.max() == 4'560);
  CHECK(table.at(1U << 22U) == 14);            // 1/1024 of the way: 10 + 1024 / 256
  CHECK(table.at(255U << 22U) == 1'030);
  CHECK(table.at(256U << 22U) == 2'000);       // a step in the distribution: the upper value
  CHECK(table.at(512U << 22U) == 2'512);
  CHECK(table.at(768U << 22U) == 3'536);
  CHECK(table.at((768U << 22U) + (1U << 21U)) == 3'538);
}

TEST_CASE("points that are not multiples of 1/1024 lose less than one unit", "[sim][quantiles]") {
  const std::pair<std::int64_t, std::int64_t> points[] = {{0, 0}, {333'333, 1'000'003}, {1'000'000, 7'000'001}};
  const QuantileTable table = QuantileTable::through(points);
  for (std::uint32_t i = 0; i < 1024; ++i) {
    const double p = i / 1024.0 * 1e6;
    const double value = p < 333'333 ? p / 333'333 * 1'000'003 : 1'000'003 + (p - 333'333) / 666'667 * 5'999'998;
    const auto got = static_cast<double>(table.at(i << 22U));
    if (!close(got, value, 1.001)) FAIL("cell " << i << ": " << got << " instead of " << value);
  }
}

TEST_CASE("tables grow with the draw and are the same each time", "[sim][quantiles]") {
  const std::vector<QuantileTable> tables{QuantileTable::normal(0, 1'000'000'007),
                                          QuantileTable::exponential(999'999'937),
                                          QuantileTable::log_normal(12'345'678, 98'765'432)};
  for (const QuantileTable& table : tables) {
    std::int64_t last = table.min();
    for (std::uint64_t draw = 0; draw < (1ULL << 32U); draw += 99'991) {
      const std::int64_t value = table.at(static_cast<std::uint32_t>(draw));
      if (value < last) FAIL("not monotone at " << draw);
      last = value;
    }
    CHECK(last <= table.max());
  }
  CHECK(tables[2] == QuantileTable::log_normal(12'345'678, 98'765'432));
  // Golden values: the same integers on every compiler and optimisation level.
  CHECK(tables[0].at(0x12345678U) == -1'467'571'409);
  CHECK(tables[1].at(0xfedcba98U) == 5'422'200'188);
  CHECK(tables[2].at(0xdeadbeefU) == 76'688'932);
}
