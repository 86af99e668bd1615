// SPDX-License-Identifier: Apache-2.0
// The property that the JSON encoding must have: every struct, whatever its values, comes back
// equal. Values are drawn from each struct's own table, so a new member is covered by being there.

#include "facts/facts.h"

#include <limits>
#include <random>

#include <catch2/catch_test_macros.hpp>

#include "facts/package_files.h"

using namespace runup;

namespace {

class Generator {
 public:
  explicit Generator(std::uint32_t seed) : engine_(seed) {}

  template <class T>
  T make() {
    using namespace codec_detail;
    if constexpr (std::is_same_v<T, Dimension>) {
      Dimension dimension;
      if (chance()) {
        dimension.axis = "axis " + text();
      } else {
        dimension.size = make<std::int64_t>();
      }
      return dimension;
    } else if constexpr (std::is_same_v<T, NetworkDeclaration>) {
      return {.allow = make<std::vector<std::string>>()};
    } else if constexpr (std::is_same_v<T, bool>) {
      return chance();
    } else if constexpr (std::is_same_v<T, Duration>) {
      return Duration{static_cast<std::int64_t>(engine_() % 2'000'000'000'000'000ULL)};
    } else if constexpr (NamedEnum<T>) {
      const auto names = enum_names(T{});
      return names[pick(names.size())].first;
    } else if constexpr (std::is_integral_v<T>) {
      constexpr std::array kEdges{std::numeric_limits<T>::min(), std::numeric_limits<T>::max(), T{0}, T{1}};
      return chance() ? kEdges[pick(kEdges.size())] : static_cast<T>(engine_());
    } else if constexpr (std::is_floating_point_v<T>) {
      constexpr double kInfinity = std::numeric_limits<double>::infinity();
      constexpr std::array kEdges{0.0, -0.0, kInfinity, -kInfinity, 1e308, 5e-324, 0.1, -1e-3};
      return kEdges[pick(kEdges.size())];
    } else if constexpr (std::is_same_v<T, std::string>) {
      return text();
    } else if constexpr (IsOptional<T>::value) {
      return chance() ? T(make<typename T::value_type>()) : T();
    } else if constexpr (IsVector<T>::value) {
      T list;
      for (std::size_t i = pick(3); i > 0; --i) {
        list.push_back(make<typename T::value_type>());
      }
      return list;
    } else if constexpr (IsMap<T>::value) {
      T map;
      for (std::size_t i = pick(3); i > 0; --i) {
        map[text()] = make<typename T::mapped_type>();
      }
      return map;
    } else {
      T value{};
      for_each_field<T>([&](const auto& field) {
        value.*field.member = make<std::remove_cvref_t<decltype(value.*field.member)>>();
      });
      return value;
    }
  }

 private:
  bool chance() { return engine_() % 2 == 0; }
  std::size_t pick(std::size_t count) { return engine_() % count; }

  std::string text() {
    const std::array<std::string, 10> kTexts{
        "",          "안녕하세요",       "caf\xe9.pth",       "bytes:100%", std::string("a\0b", 3),
        "%41 \\x41", "\xf0\x9f\x98\x80", "\xed\xa0\x80 lone", "\xff\xfe",   "NaN"};
    return kTexts[pick(kTexts.size())];
  }

  std::mt19937_64 engine_;
};

template <class T>
void comes_back_equal() {
  Generator generator(20261125);
  for (int i = 0; i < 300; ++i) {
    const T before = generator.make<T>();
    const std::string wire = dump_json(encode(before));
    auto json = parse_json(wire, 64 * 1024 * 1024);
    REQUIRE(json);
    auto after = decode<T>(*json);
    INFO(wire);
    REQUIRE(after);
    REQUIRE(*after == before);
  }
}

}  // namespace

TEST_CASE("facts come back equal from their JSON form") {
  comes_back_equal<PackageFacts>();
  comes_back_equal<ArtifactFacts>();
  comes_back_equal<HostFacts>();
  comes_back_equal<RuntimeFacts>();
  comes_back_equal<ServiceFacts>();
  comes_back_equal<IgnoreMatch>();
  comes_back_equal<RequirementsFacts>();
  comes_back_equal<LockFileFacts>();
  comes_back_equal<DockerfileFacts>();
  comes_back_equal<TargetDeclaration>();
  comes_back_equal<ModelDeclaration>();
  comes_back_equal<Facts>();
}

TEST_CASE("NaN is kept by name") {
  OutputFacts output;
  output.mean = std::numeric_limits<double>::quiet_NaN();
  const Json json = encode(output);
  CHECK(json["mean"] == "NaN");
  auto back = decode<OutputFacts>(json);
  REQUIRE(back);
  CHECK(std::isnan(back->mean));
}

TEST_CASE("members from a newer writer are ignored, wrong types are named with their place") {
  Json json = encode(Absence{.kind = AbsenceKind::crashed, .detail = "x"});
  json["from_the_future"] = 1;
  REQUIRE(decode<Absence>(json));
  json["kind"] = "exploded";
  auto wrong = decode<Absence>(json);
  REQUIRE_FALSE(wrong);
  CHECK(wrong.error().describe() ==
        "in `kind` <- saw string `\"exploded\"`; expected one of the names of this enum");
}
