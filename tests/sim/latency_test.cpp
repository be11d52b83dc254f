#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "sim/net/latency/latency_models.hpp"
#include "tests/support/catch.hpp"

using namespace seqlab;
using namespace seqlab::sim;

namespace {

constexpr NodeId n0{0};
constexpr NodeId n1{1};

struct Sample {
  std::vector<std::int64_t> values;
  double mean = 0, sd = 0;
  std::int64_t quantile(double p) const {
    return values[static_cast<std::size_t>(p * static_cast<double>(values.size()))];
  }
};

/// Delays for evenly spaced draws: the distribution itself, without chance.
Sample sample(const LatencyModel& model, NodeId from = n0, NodeId to = n1) {
  constexpr std::uint64_t count = 1U << 16U;
  Sample result;
  double squares = 0;
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::int64_t value = ns(model.delay(from, to, static_cast<std::uint32_t>((2 * i + 1) << 15U)));
    result.values.push_back(value);
    result.mean += static_cast<double>(value) / count;
    squares += static_cast<double>(value) * static_cast<double>(value) / count;
  }
  result.sd = std::sqrt(squares - result.mean * result.mean);
  std::sort(result.values.begin(), result.values.end());
  return result;
}

bool near(double value, double target, double part) { return std::abs(value - target) <= part * std::abs(target); }

}  // namespace

TEST_CASE("a constant model gives its delay for every draw", "[sim][latency]") {
  const auto model = make_constant_latency(50ms);
  for (const std::uint32_t draw : {0U, 1U, 0x80000000U, 0xffffffffU}) CHECK(model->delay(n0, n1, draw) == 50ms);
  CHECK(model->min() == 50ms);
  CHECK(model->max() == 50ms);
}

TEST_CASE("a normal model has its mean and deviation, and none of its delays is negative", "[sim][latency]") {
  const Sample usual = sample(*make_normal_latency(250ms, 50ms));
  CHECK(near(usual.mean, 250e6, 1e-5));
  CHECK(near(usual.sd, 50e6, 1e-3));
  const auto wide = make_normal_latency(1s, 1s);  // the stress setting of the BFT simulator
  const Sample clipped = sample(*wide);
  CHECK(clipped.values.front() == 0);
  CHECK(wide->min() == Duration{0});
  const auto zeros = std::count(clipped.values.begin(), clipped.values.end(), 0);
  CHECK(near(static_cast<double>(zeros) / 65536.0, 0.15866, 1e-2));
  CHECK(near(static_cast<double>(clipped.quantile(0.5)), 1e9, 1e-3));
}

TEST_CASE("an exponential model starts at its floor and has its mean above it", "[sim][latency]") {
  const auto model = make_exponential_latency(20ms, 10ms);
  const Sample s = sample(*model);
  CHECK(model->min() == 20ms);
  CHECK(s.values.front() >= 20'000'000);
  CHECK(near(s.mean, 30e6, 1e-5));
  CHECK(near(s.sd, 10e6, 2e-3));
}

TEST_CASE("a quantile model passes through its quantiles", "[sim][latency]") {
  const auto model = make_quantiles_latency(40ms, 75ms, 120ms, 300ms);
  const Sample s = sample(*model);
  CHECK(near(static_cast<double>(s.quantile(0.5)), 40e6, 1e-2));
  CHECK(near(static_cast<double>(s.quantile(0.9)), 75e6, 1e-2));
  CHECK(near(static_cast<double>(s.quantile(0.99)), 120e6, 5e-2));  // 18 ms lie within one cell beyond it
  CHECK(model->max() == 300ms);
  CHECK(model->min() == 20ms);  // half of the median: 40 - 35 ms would be less
  CHECK(make_quantiles_latency(40ms, 45ms, 50ms, 60ms)->min() == 35ms);
}

TEST_CASE("a log-normal model has its median and 90 % quantile", "[sim][latency]") {
  const Sample s = sample(*make_log_normal_latency(40ms, 75ms));
  CHECK(near(static_cast<double>(s.quantile(0.5)), 40e6, 1e-3));
  CHECK(near(static_cast<double>(s.quantile(0.9)), 75e6, 1e-3));
}

TEST_CASE("every model's delays stay within the bounds it states", "[sim][latency]") {
  std::vector<std::shared_ptr<const LatencyModel>> models{
      make_constant_latency(1ms),          make_normal_latency(5ms, 3ms),
      make_exponential_latency(1ms, 7ms),  make_quantiles_latency(1ms, 2ms, 3ms, 9ms),
      make_log_normal_latency(3ms, 30ms),  make_regions_latency("aws13", {}, {1, 20}),
      make_regions_latency("aws18", {}, {})};
  for (const auto& model : models) {
    Duration least = Duration::max();
    Duration most{};
    for (std::uint32_t a = 0; a < 18; ++a) {
      for (std::uint32_t b = 0; b < 18; ++b) {
        for (const std::uint32_t draw : {0U, 1U, 0x7fffffffU, 0xfffffffeU, 0xffffffffU}) {
          const Duration d = model->delay(NodeId{a}, NodeId{b}, draw);
          least = std::min(least, d);
          most = std::max(most, d);
        }
      }
    }
    CHECK(least >= model->min());
    CHECK(most <= model->max());
    CHECK(least <= model->min() + 1us);
    CHECK(most >= model->max() - 10us);
  }
}

TEST_CASE("a model and its table give the same delays", "[sim][latency]") {
  for (const auto& model : {make_normal_latency(5ms, 3ms), make_quantiles_latency(1ms, 2ms, 3ms, 9ms),
                            make_log_normal_latency(3ms, 30ms), make_regions_latency("aws18", {3, 1, 4}, {})}) {
    const LatencyTable* table = model->table();
    REQUIRE(table != nullptr);
    for (std::uint32_t i = 0; i < 1000; ++i) {
      const NodeId from{i % 5};
      const NodeId to{i % 7};
      const std::uint32_t draw = i * 4'294'967U;
      const LatencyPair& pair = table->row(table->region_of(from))[table->region_of(to)];
      CHECK(table->delay(pair, draw) == model->delay(from, to, draw));
    }
  }
}

TEST_CASE("the region matrices are listed with their regions and sources", "[sim][latency]") {
  const auto matrices = region_matrices();
  std::vector<std::string> names;
  for (const auto& matrix : matrices) {
    names.emplace_back(matrix.name);
    CHECK(matrix.source.size() > 40);
    CHECK(matrix.regions.size() == (matrix.name == "aws13" ? 13U : 18U));
    for (std::size_t i = 0; i < matrix.regions.size(); ++i) CHECK(find_region(matrix.name, matrix.regions[i]) == i);
  }
  CHECK(names == std::vector<std::string>{"aws13", "aws18", "aws18_p50", "aws18_p90"});
  CHECK(find_region("aws13", "Atlantis") == std::nullopt);
  CHECK(find_region("aws12", "Tokyo") == std::nullopt);
}

TEST_CASE("the 13-zone matrix is the published one", "[sim][latency]") {
  const auto model = make_regions_latency("aws13", {}, {});
  const auto between = [&](const char* from, const char* to) {
    return model->delay(NodeId{*find_region("aws13", from)}, NodeId{*find_region("aws13", to)}, 0x12345678U);
  };
  CHECK(between("N_Virginia", "Canada") == 7ms);
  CHECK(between("Singapore", "S_Paulo") == 161ms);
  CHECK(between("London", "Ireland") == 5ms);
  CHECK(between("Tokyo", "Seoul") == 16ms);   // one of the five pairs that differ by direction
  CHECK(between("Seoul", "Tokyo") == 17ms);
  CHECK(between("Oregon", "Singapore") == 84ms);
  CHECK(between("Singapore", "Oregon") == 81ms);
  std::int64_t sum = 0;
  std::int64_t asymmetric = 0;
  for (std::uint32_t i = 0; i < 13; ++i) {
    CHECK(model->delay(NodeId{i}, NodeId{i}, 0) == 0ms);
    for (std::uint32_t j = 0; j < 13; ++j) {
      sum += ns(model->delay(NodeId{i}, NodeId{j}, 0));
      asymmetric += i < j && model->delay(NodeId{i}, NodeId{j}, 0) != model->delay(NodeId{j}, NodeId{i}, 0) ? 1 : 0;
    }
  }
  CHECK(asymmetric == 5);
  CHECK(sum == 11'535 * 1'000'000LL);
}

TEST_CASE("the jitter of a region matrix is normal with the given part of the delay", "[sim][latency]") {
  const auto model = make_regions_latency("aws13", {}, {1, 20});
  const Sample s = sample(*model, NodeId{*find_region("aws13", "Sydney")}, NodeId{*find_region("aws13", "S_Paulo")});
  CHECK(near(s.mean, 155e6, 1e-5));
  CHECK(near(s.sd, 155e6 / 20, 1e-3));
}

TEST_CASE("the 18-region model has half the round-trip median and 90 % quantile on every link", "[sim][latency]") {
  const auto both = make_regions_latency("aws18", {}, {});
  const auto p50 = make_regions_latency("aws18_p50", {}, {});
  const auto p90 = make_regions_latency("aws18_p90", {}, {});
  const auto draw90 = static_cast<std::uint32_t>(0.9 * 4294967296.0);
  for (std::uint32_t i = 0; i < 18; ++i) {
    for (std::uint32_t j = 0; j < 18; ++j) {
      const NodeId from{i};
      const NodeId to{j};
      const Duration median = p50->delay(from, to, 0);
      const Duration high = p90->delay(from, to, 0);
      CHECK(median <= high);
      CHECK(both->delay(from, to, 1U << 31U) == median);
      CHECK(std::abs(ns(both->delay(from, to, draw90) - high)) <= 1 + ns(high - median) / 1000);
      CHECK(both->delay(from, to, 0) > Duration{0});
      CHECK(both->delay(from, to, 0) >= median - (high - median) * 38 / 100);
    }
  }
  CHECK(p50->delay(n0, n0, 0) == 2'750us);  // 5.5 ms between zones of us-east-1
  CHECK(p90->delay(NodeId{17}, n0, 0) == 105ms);
  // An own jitter replaces the tail.
  const auto plain = make_regions_latency("aws18", {}, {1, 10});
  CHECK(near(sample(*plain, n0, NodeId{17}).sd, 199e6 / 20, 1e-3));
}

TEST_CASE("nodes beyond the list of regions go round it", "[sim][latency]") {
  const auto model = make_regions_latency("aws13", {8, 11}, {});  // Tokyo, Seoul
  CHECK(model->delay(NodeId{0}, NodeId{1}, 0) == 16ms);
  CHECK(model->delay(NodeId{2}, NodeId{3}, 0) == 16ms);
  CHECK(model->delay(NodeId{3}, NodeId{2}, 0) == 17ms);
  CHECK(model->delay(NodeId{0}, NodeId{2}, 0) == 0ms);
}
