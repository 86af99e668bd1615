// SPDX-License-Identifier: Apache-2.0
#include "probes/runtime/compare.h"

#include <cmath>
#include <limits>

#include <catch2/catch_test_macros.hpp>

using namespace runup;

namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

template <class T>
OutputValues values(const std::vector<T>& numbers, std::vector<std::int64_t> shape, std::string dtype) {
  return {.name = "logits",
          .dtype = std::move(dtype),
          .shape = std::move(shape),
          .bytes = std::as_bytes(std::span(numbers))};
}

OutputPairFacts compare(const std::vector<double>& reference, const std::vector<double>& candidate,
                        std::vector<std::int64_t> shape, const Tolerance& tolerance = {}) {
  const auto pair =
      compare_pair(values(reference, shape, "float64"), values(candidate, shape, "float64"), tolerance);
  REQUIRE(pair);
  return *pair;
}

}  // namespace

TEST_CASE("compare: the rule is |a-b| <= atol + rtol*|b|, with the reference as b") {
  const OutputPairFacts pair =
      compare({100, 1, 0}, {100.09, 1.2, 0.00001}, {3}, {.rtol = 1e-3, .atol = 1e-5});
  CHECK(pair.comparison.same_shape);
  CHECK(pair.comparison.beyond_tolerance == 1);
  CHECK(pair.comparison.worst_index == std::vector<std::int64_t>{1});
  CHECK(pair.comparison.worst_actual == 1.2);
  CHECK(pair.comparison.worst_expected == 1);
  CHECK(std::abs(pair.comparison.max_abs - 0.2) < 1e-12);
  CHECK(std::abs(pair.comparison.mean_abs - (0.09 + 0.2 + 0.00001) / 3) < 1e-12);
  // the smallest rtol that passes: (0.2 - 1e-5) / 1
  CHECK(std::abs(pair.comparison.passing_rtol - 0.19999) < 1e-9);
}

TEST_CASE("compare: NaN at the same place is equal, unless the rule says that it differs") {
  const std::vector<double> a{kNan, 1};
  CHECK(compare(a, a, {2}).comparison.beyond_tolerance == 0);
  CHECK(compare(a, a, {2}).nan_on_both == 1);
  CHECK(compare(a, a, {2}, {.nan_is_equal = false}).comparison.beyond_tolerance == 1);
  const OutputPairFacts pair = compare({1, 1}, {kNan, 1}, {2});
  CHECK(pair.nan_on_one_side == 1);
  CHECK(pair.comparison.beyond_tolerance == 1);
  CHECK(pair.comparison.max_abs == kInfinity);
}

TEST_CASE("compare: infinities are near themselves alone") {
  CHECK(compare({kInfinity}, {kInfinity}, {1}).comparison.beyond_tolerance == 0);
  CHECK(compare({kInfinity}, {-kInfinity}, {1}).comparison.beyond_tolerance == 1);
  CHECK(compare({kInfinity}, {1e308}, {1}).comparison.beyond_tolerance == 1);
}

TEST_CASE("compare: rows count whose largest element is at the same place") {
  const OutputPairFacts pair = compare({1, 2, 3, 9, 5, 4}, {1, 2, 3, 5, 9, 4}, {2, 3}, {.rtol = 10});
  CHECK(pair.rows == 2);
  CHECK(pair.rows_agreeing == 1);
  CHECK(pair.comparison.beyond_tolerance == 0);
}

TEST_CASE("compare: other types are compared by value") {
  const std::vector<float> narrow{1.5F, -2.25F};
  const std::vector<double> wide{1.5, -2.25};
  const auto pair = compare_pair(values(wide, {1, 2}, "float64"), values(narrow, {1, 2}, "float32"), {});
  REQUIRE(pair);
  CHECK(pair->reference_dtype == "float64");
  CHECK(pair->candidate_dtype == "float32");
  CHECK(pair->comparison.max_abs == 0);
}

TEST_CASE("compare: long outputs are read to their end") {
  std::vector<double> a(5000, 1.0);
  std::vector<double> b = a;
  b.back() = 2;
  const OutputPairFacts pair = compare(a, b, {50, 100});
  CHECK(pair.comparison.beyond_tolerance == 1);
  CHECK(pair.comparison.worst_index == std::vector<std::int64_t>{49, 99});
  CHECK(pair.rows == 50);
  CHECK(pair.rows_agreeing == 49);
}

TEST_CASE("compare: other shapes, unknown types and wrong sizes are told") {
  const std::vector<double> two{1, 2};
  const auto shapes = compare_pair(values(two, {2}, "float64"), values(two, {1, 2}, "float64"), {});
  REQUIRE(shapes);
  CHECK_FALSE(shapes->comparison.same_shape);
  CHECK_FALSE(compare_pair(values(two, {1}, "complex128"), values(two, {1}, "complex128"), {}));
  CHECK_FALSE(compare_pair(values(two, {3}, "float64"), values(two, {3}, "float64"), {}));
  CHECK_FALSE(compare_pair(values(two, {-2}, "float64"), values(two, {-2}, "float64"), {}));
  const std::vector<std::int64_t> huge{std::int64_t{1} << 40, std::int64_t{1} << 40};
  CHECK_FALSE(compare_pair(values(two, huge, "float64"), values(two, huge, "float64"), {}));
}

TEST_CASE("compare: nothing against nothing is no difference") {
  const OutputPairFacts pair = compare({}, {}, {0, 3});
  CHECK(pair.comparison.same_shape);
  CHECK(pair.comparison.beyond_tolerance == 0);
  CHECK(pair.rows == 0);
}
