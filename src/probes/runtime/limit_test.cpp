// SPDX-License-Identifier: Apache-2.0
#include "probes/runtime/limit.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <catch2/catch_test_macros.hpp>

using namespace runup;

namespace {

constexpr std::int64_t kHuge = std::numeric_limits<std::int64_t>::max();

// A model of one input [batch, time, 3], and a clock that only its calls advance.
class World {
 public:
  std::function<bool(std::int64_t)> works = [](std::int64_t) { return true; };
  std::function<double(std::int64_t)> seconds = [](std::int64_t) { return 0.0; };
  std::function<std::uint64_t(std::int64_t)> needs = [](std::int64_t) { return 0; };
  std::function<Error(std::int64_t)> error = [](std::int64_t size) {
    return Error{.message = "size " + std::to_string(size) + " is too much"};
  };
  ModelDeclaration model{
      .inputs = {{.name = "x", .shape = {{.axis = "batch"}, {.axis = "time"}, {.size = 3}}}},
      .axes = {{"batch", {.example = 2}}, {"time", {.example = 10, .range = {1, 50}}}}};
  std::vector<std::int64_t> called;

  LimitFacts find(Experiment asked, LimitBounds bounds = {}) {
    asked.kind = ExperimentKind::limit;
    bounds.now = [this] { return now_; };
    bounds.peak = [this] { return peak_; };
    return find_limit(
        model, asked,
        [this](const std::vector<InputValues>& inputs) -> Result<void> {
          const std::int64_t size = inputs.front().shape[1];
          called.push_back(size);
          now_ += Duration::from_seconds(seconds(size));
          peak_ = std::max(peak_, needs(size));
          return works(size) ? Result<void>{} : std::unexpected(error(size));
        },
        bounds);
  }
  LimitFacts find(std::int64_t from, std::int64_t most) {
    return find({.axis = "time", .from = from, .most = most});
  }

 private:
  Duration now_;
  std::uint64_t peak_ = 100;
};

}  // namespace

TEST_CASE("limit: found exactly wherever it lies, in few calls") {
  for (std::int64_t limit = 50; limit <= 400; ++limit) {
    World world;
    world.works = [&](std::int64_t size) { return size <= limit; };
    const LimitFacts facts = world.find(50, 401);
    CAPTURE(limit);
    CHECK(facts.end == LimitEnd::found);
    CHECK(facts.largest == limit);
    CHECK(facts.refused == limit + 1);
    CHECK(facts.error == "size " +
                             std::to_string(world.called.back() > limit ? world.called.back() : limit + 1) +
                             " is too much");
    CHECK(world.called.size() <= 13);
    CHECK(facts.tried.size() == world.called.size());
  }
}

TEST_CASE("limit: a table that ends where the range does takes two calls") {
  World world;
  world.works = [](std::int64_t size) { return size <= 50; };
  CHECK(world.find(50, 400).refused == 51);
  CHECK(world.called == std::vector<std::int64_t>{50, 51});
}

TEST_CASE("limit: what never fails is told up to the most that is asked for") {
  World world;
  const LimitFacts facts = world.find(50, 333);
  CHECK(facts.end == LimitEnd::most_reached);
  CHECK(facts.largest == 333);
  CHECK(facts.refused == 0);
  CHECK(facts.error.empty());
  CHECK(std::ranges::all_of(facts.tried, &LimitCallFacts::works));
  CHECK(world.find(50, 50).end == LimitEnd::most_reached);
}

TEST_CASE("limit: one below the range is looked for from the example on") {
  for (std::int64_t limit = 10; limit < 50; ++limit) {
    World world;
    world.works = [&](std::int64_t size) { return size <= limit; };
    const LimitFacts facts = world.find(50, 400);
    CHECK(facts.end == LimitEnd::found);
    CHECK(facts.largest == limit);
    CHECK(facts.refused == limit + 1);
  }
}

TEST_CASE("limit: what always fails has none") {
  World world;
  world.works = [](std::int64_t) { return false; };
  LimitFacts facts = world.find(50, 400);
  CHECK(facts.end == LimitEnd::none);
  CHECK(facts.largest == 0);
  CHECK(facts.error == "size 10 is too much");
  CHECK(world.called == std::vector<std::int64_t>{50, 10});
  // nothing smaller than the example is known to have ever worked
  facts = world.find(10, 400);
  CHECK(facts.end == LimitEnd::none);
  CHECK(facts.refused == 10);
}

TEST_CASE("limit: without monotony it is one of the limits, with what was tried") {
  World world;
  world.works = [](std::int64_t size) { return size % 32 == 0; };
  const LimitFacts facts = world.find(64, 512);
  CHECK(facts.end == LimitEnd::found);
  CHECK(facts.largest == 64);
  CHECK(facts.refused == 65);
  CHECK(facts.tried.size() == 2);
}

TEST_CASE("limit: no call is begun that would end too late") {
  const LimitBounds bounds{.time = Duration::from_milliseconds(2000)};
  const auto longest = [&](const std::function<double(std::int64_t)>& seconds) {
    World world;
    world.seconds = seconds;
    const LimitFacts facts = world.find({.axis = "time", .from = 50, .most = kHuge}, bounds);
    CHECK(facts.end == LimitEnd::time);
    double all = 0;
    for (const std::int64_t size : world.called) {
      all += seconds(size);
    }
    // All of it, and one bad guess.
    CHECK(all <= 4);
    CHECK(facts.largest == world.called.back());
    return facts.largest;
  };
  // linear, quadratic, cubic, exponential, slow at once
  CHECK(longest([](std::int64_t size) { return static_cast<double>(size) * 1e-3; }) > 200);
  CHECK(longest([](std::int64_t size) { return std::pow(static_cast<double>(size), 2) * 1e-6; }) > 400);
  CHECK(longest([](std::int64_t size) { return std::pow(static_cast<double>(size), 3) * 1e-8; }) > 50);
  CHECK(longest([](std::int64_t size) { return std::pow(2.0, static_cast<double>(size - 60)); }) >= 50);
  CHECK(longest([](std::int64_t) { return 3.0; }) == 50);
}

TEST_CASE("limit: a call that had to wait for the processor does not end the search") {
  for (std::size_t slow = 1; slow <= 12; ++slow) {
    World world;
    world.works = [](std::int64_t size) { return size <= 137; };
    // The call before this one returns at once, so that the growth seems without end.
    world.seconds = [&](std::int64_t) { return world.called.size() == slow ? 0.5 : 1e-3; };
    const LimitFacts facts =
        world.find({.axis = "time", .from = 100, .most = 800}, {.time = Duration::from_milliseconds(2000)});
    CAPTURE(slow);
    CHECK(facts.end == LimitEnd::found);
    CHECK(facts.largest == 137);
    CHECK(facts.refused == 138);
    CHECK(world.called.size() <= facts.tried.size() + 2);
  }
}

TEST_CASE("limit: a slow search for a limit that is there says what it knows") {
  World world;
  world.works = [](std::int64_t size) { return size <= 90; };
  world.seconds = [](std::int64_t) { return 0.4; };
  const LimitFacts facts =
      world.find({.axis = "time", .from = 50, .most = 400}, {.time = Duration::from_milliseconds(2500)});
  CHECK(facts.end == LimitEnd::time);
  CHECK(facts.largest <= 90);
  CHECK(facts.refused > 90);
  CHECK_FALSE(facts.error.empty());
}

TEST_CASE("limit: the size of the inputs, the calls and the memory are bounded") {
  World world;
  // 2 * 3 floats for a step: 24 bytes
  LimitFacts facts = world.find({.axis = "time", .from = 50, .most = kHuge}, {.bytes = 24 * 1000});
  CHECK(facts.end == LimitEnd::size);
  CHECK(facts.largest == 51 * 16);
  CHECK(std::ranges::max(world.called) <= 1000);
  CHECK(world.find({.axis = "time", .from = kHuge, .most = kHuge}).end == LimitEnd::size);
  CHECK(world.find({.axis = "time", .from = 50, .most = kHuge}, {.calls = 3}).end == LimitEnd::calls);

  World square;
  square.needs = [](std::int64_t size) { return 100 + static_cast<std::uint64_t>(size * size); };
  facts = square.find({.axis = "time", .from = 50, .most = kHuge}, {.memory = 100'000});
  CHECK(facts.end == LimitEnd::memory);
  CHECK(facts.largest == 204);
  CHECK(square.called.back() == 204);
}

TEST_CASE("limit: what is no answer of the model is no refusal") {
  const auto after = [](Error error) {
    World world;
    world.works = [](std::int64_t size) { return size < 100; };
    world.error = [error](std::int64_t) { return error; };
    return world.find(50, 400);
  };
  LimitFacts facts = after({.code = ErrorCode::unsupported, .message = "no such operator"});
  CHECK(facts.end == LimitEnd::unsupported);
  CHECK(facts.largest == 51);
  CHECK(facts.refused == 0);
  CHECK(facts.error == "no such operator");
  CHECK(after({.code = ErrorCode::limit, .message = "too large"}).end == LimitEnd::size);
  facts = after({.message = "[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried ..."});
  CHECK(facts.end == LimitEnd::memory);
  CHECK(facts.refused == 0);
}

TEST_CASE("limit: a question that makes no sense is answered without a call") {
  World world;
  for (const Experiment& asked :
       {Experiment{.axis = "tmie", .from = 50, .most = 400},
        Experiment{.axis = "time", .from = 0, .most = 400},
        Experiment{.axis = "time", .from = -5, .most = 400},
        Experiment{.axis = "time", .from = 50, .most = 49},
        Experiment{.fill = Fill::sample, .axis = "time", .from = 50, .most = 400},
        Experiment{.axes = {{"height", 3}}, .axis = "time", .from = 50, .most = 400},
        Experiment{.sizes = {{"x[1]", 3}}, .axis = "time", .from = 50, .most = 400}}) {
    const LimitFacts facts = world.find(asked);
    CHECK(facts.end == LimitEnd::none);
    CHECK_FALSE(facts.error.empty());
    CHECK(facts.tried.empty());
  }
  CHECK(world.called.empty());
}

TEST_CASE("limit: other axes and dimensions have the sizes that are asked for") {
  World world;
  std::vector<std::vector<std::int64_t>> shapes;
  const LimitFacts facts = find_limit(
      world.model, {.axes = {{"batch", 5}}, .sizes = {{"x[2]", 7}}, .axis = "time", .from = 50, .most = 51},
      [&](const std::vector<InputValues>& inputs) -> Result<void> {
        shapes.push_back(inputs.front().shape);
        return {};
      });
  CHECK(facts.end == LimitEnd::most_reached);
  CHECK(shapes == std::vector<std::vector<std::int64_t>>{{5, 50, 7}, {5, 51, 7}});
}

TEST_CASE("limit: words without end are cut") {
  World world;
  world.works = [](std::int64_t) { return false; };
  world.error = [](std::int64_t) { return Error{.message = std::string(1 << 20, 'x')}; };
  CHECK(world.find(50, 400).error.size() == 1024);
}
