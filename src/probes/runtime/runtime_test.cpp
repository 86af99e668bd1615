// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <format>
#include <limits>

#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>

#include "probes/runtime/inputs.h"
#include "probes/runtime/outputs.h"
#include "probes/runtime/process.h"
#include "probes/runtime/recording.h"
#include "probes/runtime/sample_inputs.h"
#include "probes/runtime/values.h"
#include "zip_builder.h"

using namespace runup;
using Catch::Approx;

namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

template <class T>
std::vector<std::byte> bytes_of(const std::vector<T>& values) {
  std::vector<std::byte> bytes(values.size() * sizeof(T));
  if (!values.empty()) {
    std::memcpy(bytes.data(), values.data(), bytes.size());
  }
  return bytes;
}

template <class T>
std::vector<T> values_of(const std::vector<std::byte>& bytes) {
  std::vector<T> values;
  for (std::size_t i = 0; i < bytes.size() / sizeof(T); ++i) {
    values.push_back(load_element<T>(bytes, i));
  }
  return values;
}

std::string npy_of_floats(const std::vector<float>& values, std::string_view shape) {
  const std::string header = std::format("{{'descr': '<f4', 'fortran_order': False, 'shape': {}}}", shape);
  std::string file = "\x93NUMPY";
  file += {'\1', '\0', static_cast<char>(header.size()), '\0'};
  file += header;
  return file + std::string(as_text(bytes_of(values)));
}

std::string npz_of(const std::vector<std::pair<std::string, std::vector<float>>>& arrays) {
  test::ZipBuilder zip;
  for (const auto& [name, values] : arrays) {
    zip.add_deflated(name + ".npy", npy_of_floats(values, std::format("({},)", values.size())));
  }
  return zip.finish();
}

// Outputs `y` and `z`, compared with this file.
Result<std::vector<std::optional<ComparisonFacts>>> compare_both(const std::string& file) {
  const auto y = bytes_of(std::vector<float>{1, 2});
  const auto z = bytes_of(std::vector<float>{3});
  const std::vector<OutputValues> outputs{{.name = "y", .dtype = "float32", .shape = {2}, .bytes = y},
                                          {.name = "z", .dtype = "float32", .shape = {1}, .bytes = z}};
  const std::vector<std::string> inputs{"x"};
  return compare_outputs(outputs, as_bytes(file), 0, 0, inputs);
}

OutputFacts describe(const std::vector<float>& values, std::vector<std::int64_t> shape) {
  const auto bytes = bytes_of(values);
  return describe_output({.name = "y", .dtype = "float32", .shape = std::move(shape), .bytes = bytes});
}

Result<ComparisonFacts> compare(const std::vector<float>& actual, const std::vector<float>& expected,
                                double rtol, double atol) {
  const auto bytes = bytes_of(actual);
  const auto size = static_cast<std::int64_t>(actual.size());
  const std::string file = npy_of_floats(expected, std::format("({},)", expected.size()));
  return compare_output({.name = "y", .dtype = "float32", .shape = {size}, .bytes = bytes}, as_bytes(file),
                        rtol, atol);
}

ModelDeclaration one_input(DType dtype, std::vector<Dimension> shape, std::optional<ValueRange> range = {}) {
  return {.inputs = {{.name = "x", .dtype = dtype, .shape = std::move(shape), .range = range}}};
}

Result<InputValues> make_one(const ModelDeclaration& model, const Experiment& experiment) {
  auto inputs = make_inputs(model, experiment);
  if (!inputs) {
    return std::unexpected(inputs.error());
  }
  REQUIRE(inputs->size() == 1);
  return std::move(inputs->front());
}

}  // namespace

TEST_CASE("half and bfloat16 are what IEEE 754 and PyTorch say") {
  const auto halves = bytes_of(std::vector<std::uint16_t>{0x3C00, 0xC000, 0x7BFF, 0x0001, 0x7C00, 0x7E00});
  CHECK(to_double(load_element<Half>(halves, 0)) == 1.0);
  CHECK(to_double(load_element<Half>(halves, 1)) == -2.0);
  CHECK(to_double(load_element<Half>(halves, 2)) == 65504.0);
  CHECK(to_double(load_element<Half>(halves, 3)) == 0x1p-24);
  CHECK(to_double(load_element<Half>(halves, 4)) == kInfinity);
  CHECK(std::isnan(to_double(load_element<Half>(halves, 5))));
  CHECK(to_double(BFloat16(1.0)) == 1.0);
  CHECK(BFloat16(1.0).bits == 0x3F80);
  // halfway between 1 and its successor: ties go to the even one
  CHECK(BFloat16(1.0 + 0x1p-8).bits == 0x3F80);
  CHECK(BFloat16(1.0 + 3 * 0x1p-8).bits == 0x3F82);
  CHECK(std::isnan(to_double(BFloat16(kNaN))));
  CHECK(to_double(BFloat16(kInfinity)) == kInfinity);
}

TEST_CASE("an output's numbers") {
  const OutputFacts facts = describe({1, 4, 2, -3, -1, -2}, {2, 3});
  CHECK(facts.elements == 6);
  CHECK(facts.min == -3);
  CHECK(facts.max == 4);
  CHECK(facts.mean == Approx(1.0 / 6));
  CHECK(facts.first == std::vector<double>{1, 4, 2, -3, -1, -2});
  CHECK(facts.top1 == std::vector<std::int64_t>{1, 1});
  CHECK(facts.top1_probability == Approx(std::exp(4) / (std::exp(1) + std::exp(4) + std::exp(2))));
}

TEST_CASE("non-finite elements are counted and take no part in the rest") {
  const auto nan = static_cast<float>(kNaN);
  const auto infinity = static_cast<float>(kInfinity);
  const OutputFacts facts = describe({nan, 2, infinity, -infinity, 5, nan, nan, nan}, {2, 4});
  CHECK(facts.nan_count == 4);
  CHECK(facts.inf_count == 2);
  CHECK(facts.min == 2);
  CHECK(facts.max == 5);
  CHECK(facts.mean == 3.5);
  CHECK(facts.top1 == std::vector<std::int64_t>{2, 0});
  CHECK(std::isnan(facts.top1_probability));
  const OutputFacts nothing_else = describe({nan, nan}, {2});
  CHECK(nothing_else.top1 == std::vector<std::int64_t>{-1});
}

TEST_CASE("an output without elements, and a scalar") {
  const OutputFacts empty = describe({}, {0, 3});
  CHECK(empty.elements == 0);
  CHECK(empty.top1.empty());
  const OutputFacts scalar = describe({7}, {});
  CHECK(scalar.elements == 1);
  CHECK(scalar.mean == 7);
  CHECK(scalar.top1.empty());
}

TEST_CASE("only the first 64 elements and rows are kept") {
  const OutputFacts facts = describe(std::vector<float>(200, 1), {100, 2});
  CHECK(facts.first.size() == 64);
  CHECK(facts.top1.size() == 64);
  CHECK(facts.mean == 1);
}

TEST_CASE("a comparison by |a-b| <= atol + rtol*|b|") {
  const auto facts = compare({1.0F, 2.5F, -4.0F}, {1.0F, 2.0F, -4.25F}, 0.1, 0.0);
  REQUIRE(facts);
  CHECK(facts->same_shape);
  CHECK(facts->max_abs == 0.5);
  CHECK(facts->mean_abs == 0.25);
  CHECK(facts->worst_index == std::vector<std::int64_t>{1});
  CHECK(facts->worst_actual == 2.5);
  CHECK(facts->worst_expected == 2.0);
  CHECK(facts->beyond_tolerance == 1);
  CHECK(facts->passing_rtol == 0.25);
}

TEST_CASE("the tolerance that is printed as passing does pass") {
  const std::vector<float> actual{1.5F, 2.5F, -4.0F, 0.125F};
  const std::vector<float> expected{1.0F, 2.0F, -4.25F, 0.1F};
  const auto first = compare(actual, expected, 0, 0.01);
  REQUIRE(first);
  CHECK(first->beyond_tolerance == 4);
  CHECK(compare(actual, expected, first->passing_rtol * (1 + 1e-12), 0.01)->beyond_tolerance == 0);
  CHECK(compare(actual, expected, first->passing_rtol * (1 - 1e-6), 0.01)->beyond_tolerance == 1);
}

TEST_CASE("NaN equals NaN, infinity equals itself, and nothing else is near them") {
  const auto nan = static_cast<float>(kNaN);
  const auto infinity = static_cast<float>(kInfinity);
  CHECK(compare({nan, infinity, -infinity}, {nan, infinity, -infinity}, 0, 0)->beyond_tolerance == 0);
  for (const auto& [a, b] :
       {std::pair{nan, 1.0F}, {1.0F, nan}, {infinity, -infinity}, {1.0F, infinity}, {infinity, 1.0F}}) {
    CAPTURE(a, b);
    const auto facts = compare({a}, {b}, 1e9, 1e9);
    CHECK(facts->beyond_tolerance == 1);
    CHECK(facts->max_abs == kInfinity);
    CHECK(facts->passing_rtol == kInfinity);
  }
}

TEST_CASE("another shape is told, not compared") {
  const auto facts = compare({1, 2}, {1, 2, 3}, 0, 0);
  REQUIRE(facts);
  CHECK(!facts->same_shape);
  CHECK(facts->expected_shape == std::vector<std::int64_t>{3});
}

TEST_CASE("random floats are standard normal, and the seed decides them") {
  const ModelDeclaration model = one_input(DType::float64, {{.size = 200'000}});
  const auto input = make_one(model, {.seed = 1});
  REQUIRE(input);
  const auto values = values_of<double>(input->bytes);
  double sum = 0;
  double squares = 0;
  double fourth = 0;
  for (const double value : values) {
    sum += value;
    squares += value * value;
    fourth += value * value * value * value;
  }
  const auto count = static_cast<double>(values.size());
  // five standard errors
  CHECK(std::abs(sum / count) < 5 / std::sqrt(count));
  CHECK(std::abs(squares / count - 1) < 5 * std::sqrt(2 / count));
  CHECK(std::abs(fourth / count - 3) < 5 * std::sqrt(96 / count));
  CHECK(make_one(model, {.seed = 1})->bytes == input->bytes);
  CHECK(make_one(model, {.seed = 2})->bytes != input->bytes);
}

TEST_CASE("two inputs of one experiment differ") {
  ModelDeclaration model = one_input(DType::float32, {{.size = 8}});
  model.inputs.push_back(model.inputs.front());
  const auto inputs = make_inputs(model, {.seed = 0});
  REQUIRE(inputs);
  CHECK((*inputs)[0].bytes != (*inputs)[1].bytes);
}

TEST_CASE("random integers fill their range and stay inside it") {
  const auto input =
      make_one(one_input(DType::int64, {{.size = 2000}}, ValueRange{.low = -3, .high = 5}), {});
  REQUIRE(input);
  const auto values = values_of<std::int64_t>(input->bytes);
  CHECK(std::ranges::min(values) == -3);
  CHECK(std::ranges::max(values) == 4);
  for (std::int64_t wanted = -3; wanted < 5; ++wanted) {
    CHECK(std::ranges::count(values, wanted) > 150);
  }
}

TEST_CASE("integers without a range and booleans are 0 and 1") {
  const auto integers =
      values_of<std::int32_t>(make_one(one_input(DType::int32, {{.size = 100}}), {})->bytes);
  CHECK(std::ranges::min(integers) == 0);
  CHECK(std::ranges::max(integers) == 1);
  const auto booleans = make_one(one_input(DType::boolean, {{.size = 100}}), {})->bytes;
  CHECK(std::ranges::count(booleans, std::byte{0}) + std::ranges::count(booleans, std::byte{1}) == 100);
  CHECK(std::ranges::count(booleans, std::byte{1}) > 20);
}

TEST_CASE("zeros and ones keep to an integer's range") {
  const ModelDeclaration model = one_input(DType::int64, {{.size = 1}}, ValueRange{.low = 5, .high = 9});
  CHECK(values_of<std::int64_t>(make_one(model, {.fill = Fill::zeros})->bytes) ==
        std::vector<std::int64_t>{5});
  const ModelDeclaration floats = one_input(DType::float16, {{.size = 2}});
  CHECK(make_one(floats, {.fill = Fill::ones})->bytes ==
        bytes_of(std::vector<std::uint16_t>{0x3C00, 0x3C00}));
}

TEST_CASE("axes have their example sizes unless the experiment says otherwise") {
  ModelDeclaration model = one_input(DType::float32, {{.axis = "batch"}, {.axis = "time"}, {.size = 3}});
  model.axes = {{"batch", {.example = 2}}, {"time", {.example = 4, .range = {1, 10}}}};
  CHECK(make_one(model, {})->shape == std::vector<std::int64_t>{2, 4, 3});
  CHECK(make_one(model, {.axes = {{"time", 7}}})->shape == std::vector<std::int64_t>{2, 7, 3});
  CHECK(make_one(model, {.axes = {{"tmie", 7}}}).error().message.contains("`tmie`"));
}

TEST_CASE("fixed dimensions have their declared sizes unless the experiment says otherwise") {
  ModelDeclaration model = one_input(DType::float32, {{.axis = "batch"}, {.size = 4}, {.size = 3}});
  model.axes = {{"batch", {.example = 2}}};
  CHECK(make_one(model, {.sizes = {{"x[2]", 5}}})->shape == std::vector<std::int64_t>{2, 4, 5});
  CHECK(make_one(model, {.axes = {{"batch", 1}}, .sizes = {{"x[1]", 1}, {"x[2]", 2}}})->shape ==
        std::vector<std::int64_t>{1, 1, 2});
  for (const char* name : {"x[0]", "x[3]", "x[-1]", "x[02]", "y[1]", "x", "batch", ""}) {
    CAPTURE(name);
    const auto inputs = make_inputs(model, {.sizes = {{name, 5}}});
    REQUIRE(!inputs);
    CHECK(inputs.error().message == "`" + std::string(name) + "` is no fixed dimension of an input");
  }
  CHECK(!make_inputs(model, {.sizes = {{"x[2]", -5}}}));
  CHECK(make_inputs(model, {.fill = Fill::sample, .sizes = {{"x[2]", 5}}})
            .error()
            .message.contains("a sample has its own sizes"));
  // Of two inputs only the one that is named.
  model.inputs.push_back({.name = "y", .shape = {{.size = 3}}});
  const auto both = make_inputs(model, {.sizes = {{"y[0]", 7}}});
  CHECK((*both)[0].shape.back() == 3);
  CHECK((*both)[1].shape.back() == 7);
}

TEST_CASE("the bytes of inputs are known without making them") {
  ModelDeclaration model = one_input(DType::float32, {{.axis = "batch"}, {.size = 3}});
  model.inputs.push_back({.name = "y", .dtype = DType::int64, .shape = {{.axis = "batch"}}});
  model.axes = {{"batch", {.example = 2}}};
  CHECK(input_bytes(model, {}) == 2 * 3 * 4 + 2 * 8);
  CHECK(input_bytes(model, {.axes = {{"batch", 10}}, .sizes = {{"x[1]", 1}}}) == 10 * 4 + 10 * 8);
  CHECK(input_bytes(model, {.axes = {{"batch", std::numeric_limits<std::int64_t>::max()}}}) ==
        std::numeric_limits<std::uint64_t>::max());
  CHECK(!input_bytes(model, {.axes = {{"height", 1}}}));
  CHECK(!input_bytes(model, {.axes = {{"batch", -1}}}));
}

TEST_CASE("what would not fit is refused before it is made") {
  CHECK(make_one(one_input(DType::float32, {{.size = 1 << 20}, {.size = 1 << 20}}), {}).error().code ==
        ErrorCode::limit);
  const std::int64_t huge = std::numeric_limits<std::int64_t>::max();
  CHECK(make_one(one_input(DType::float32, {{.size = huge}, {.size = huge}}), {}).error().code ==
        ErrorCode::limit);
  CHECK(!make_one(one_input(DType::float32, {{.size = -1}}), {}));
  CHECK(!make_one(one_input(DType::uint8, {{.size = 1}}, ValueRange{.low = 0, .high = 300}), {}));
  CHECK(!make_one(one_input(DType::int64, {{.size = 1}}, ValueRange{.low = 3, .high = 3}), {}));
  CHECK(make_one(one_input(DType::uint8, {{.size = 1}}, ValueRange{.low = 0, .high = 256}), {}));
  CHECK(make_one({}, {}).error().message.contains("`inputs:`"));
}

TEST_CASE("element types change only when no value does") {
  const auto converts = [](const auto& values, std::string_view from, std::string_view to) {
    return convert_exactly(bytes_of(values), from, to).has_value();
  };
  CHECK(converts(std::vector<double>{0.5, -2, kNaN, kInfinity}, "float64", "float32"));
  CHECK(!converts(std::vector<double>{0.1}, "float64", "float32"));
  CHECK(converts(std::vector<double>{1, -7}, "float64", "int8"));
  CHECK(!converts(std::vector<double>{128}, "float64", "int8"));
  CHECK(!converts(std::vector<double>{0.5}, "float64", "int8"));
  CHECK(!converts(std::vector<double>{kNaN}, "float64", "int64"));
  CHECK(!converts(std::vector<double>{0x1p63}, "float64", "int64"));
  CHECK(converts(std::vector<double>{-0x1p63}, "float64", "int64"));
  CHECK(converts(std::vector<std::int64_t>{1, 255}, "int64", "uint8"));
  CHECK(!converts(std::vector<std::int64_t>{-1}, "int64", "uint8"));
  CHECK(!converts(std::vector<std::uint8_t>{200}, "uint8", "int8"));
  CHECK(converts(std::vector<std::int64_t>{0, 1}, "int64", "bool"));
  CHECK(!converts(std::vector<std::int64_t>{2}, "int64", "bool"));
  CHECK(converts(std::vector<std::int64_t>{1 << 24}, "int64", "float32"));
  CHECK(!converts(std::vector<std::int64_t>{(1 << 24) + 1}, "int64", "float32"));
  CHECK(!converts(std::vector<std::int64_t>{(std::int64_t{1} << 53) + 1}, "int64", "float64"));
  CHECK(*convert_exactly(bytes_of(std::vector<std::int8_t>{-5}), "int8", "int64") ==
        bytes_of(std::vector<std::int64_t>{-5}));
}

TEST_CASE("samples are held to what the config declares") {
  const std::string folder =
      std::filesystem::temp_directory_path() / std::format("runup-samples-{}", ::getpid());
  std::filesystem::create_directories(folder);
  const std::string path = folder + "/x.npy";
  REQUIRE(write_file_atomically(path, npy_of_floats({1, 2, 3, 4, 5, 6}, "(2, 3)")));
  ModelDeclaration model = one_input(DType::float32, {{.axis = "time"}, {.size = 3}});
  model.axes = {{"time", {.example = 5, .range = {1, 10}}}};
  model.samples = {{.input = path}};
  const Experiment first{.fill = Fill::sample};
  CHECK(make_one(model, first)->shape == std::vector<std::int64_t>{2, 3});
  model.axes["time"].range = {3, 10};
  CHECK(make_one(model, first).error().describe().contains("size 2; the config allows 3 to 10"));
  model.axes["time"].range = {};
  CHECK(make_one(model, first).error().describe().contains("the config allows 5 only"));
  model.inputs[0].shape = {{.size = 2}, {.size = 4}};
  CHECK(make_one(model, first).error().describe().contains("size 3 in dimension 1; the config declares 4"));
  model.inputs[0].shape = {{.size = 2}};
  CHECK(make_one(model, first).error().describe().contains("2 dimensions; the config declares 1"));
  CHECK(make_one(model, {.fill = Fill::sample, .sample = 1}).error().message.contains("sample 1"));
  model.samples = {{.input = folder + "/absent.npy"}};
  CHECK(make_one(model, first).error().code == ErrorCode::not_found);
  std::filesystem::remove_all(folder);
}

TEST_CASE("the process knows its peak, and a file just written is in the page cache") {
  CHECK(peak_resident_bytes() > 500'000);
  const std::string path =
      std::filesystem::temp_directory_path() / std::format("runup-cached-{}", ::getpid());
  REQUIRE(write_file_atomically(path, std::string(100'000, 'x')));
  {
    const auto mapped = MappedFile::open(path);
    REQUIRE(mapped);
    CHECK(cached_share(mapped->bytes()) == 1.0);
  }
  std::filesystem::remove(path);
}

TEST_CASE("npz: each output is compared with the array of its name") {
  auto both = compare_both(npz_of({{"z", {5}}, {"y", {1, 2}}}));
  REQUIRE(both);
  CHECK((*both)[0]->max_abs == 0);
  CHECK((*both)[1]->max_abs == 2);
  both = compare_both(npz_of({{"z", {3}}, {"x", {9}}}));
  CHECK(!(*both)[0]);
  CHECK((*both)[1]->max_abs == 0);
  // a .npy, and an array alone of any name, are the first output; np.savez without names is in order
  for (const std::string& file : {npy_of_floats({1, 2}, "(2,)"), npz_of({{"whatever", {1, 2}}})}) {
    both = compare_both(file);
    CHECK((*both)[0]->max_abs == 0);
    CHECK(!(*both)[1]);
  }
  both = compare_both(npz_of({{"arr_0", {1, 2}}, {"arr_1", {4}}}));
  CHECK((*both)[0]->max_abs == 0);
  CHECK((*both)[1]->max_abs == 1);
}

TEST_CASE("npz: an array that is no output is an error") {
  CHECK(compare_both(npz_of({{"y", {1, 2}}, {"logits", {3}}})).error().message ==
        "it has an array `logits`, and the model gives no such output; expected some of `y` and `z`");
  CHECK(compare_both(npz_of({{"y", {1, 2}}, {"arr_7", {3}}})).error().message.contains("`arr_7`"));
  const auto z = bytes_of(std::vector<float>{3});
  const std::vector<OutputValues> outputs{{.name = "logits", .dtype = "float32", .shape = {1}, .bytes = z},
                                          {.name = "pooled", .dtype = "float32", .shape = {1}, .bytes = z}};
  const std::string file = npz_of({{"logits", {3}}, {"poled", {3}}});
  CHECK(compare_outputs(outputs, as_bytes(file), 0, 0).error().message ==
        "it has an array `poled`, and the model gives no such output; did you mean `pooled`?");
}

TEST_CASE("npz: damaged and hostile archives are refused") {
  const std::string array = npy_of_floats({1, 2}, "(2,)");
  const auto words = [](const std::string& file, std::uint64_t most = 1000) {
    const auto arrays = read_npz(as_bytes(file), most);
    return arrays ? std::string() : arrays.error().describe();
  };
  const std::string good = test::ZipBuilder().add("y.npy", array).finish();
  CHECK(words(good).empty());
  CHECK(read_npz(as_bytes(good), 1000)->front().name == "y");
  CHECK(words(good.substr(0, good.size() - 30)).contains("damaged"));
  CHECK(words(test::ZipBuilder().add("y.txt", array).finish()).contains("`y.txt` is no .npy file"));
  CHECK(words(test::ZipBuilder().add("y.npy", "text").finish()).contains("not a .npy file"));
  CHECK(words(test::ZipBuilder().add("y.npy", array).add("y.npy", array).finish()).contains("damaged"));
  CHECK(words(good, array.size() - 1).contains("larger than"));
  CHECK(read_npz(as_bytes(good), 10).error().code == ErrorCode::limit);
  std::string bomb = test::ZipBuilder().add_deflated("y.npy", std::string(1 << 20, '\0')).finish();
  CHECK(words(bomb).contains("larger than"));
  std::string flipped = good;
  flipped[good.find("\x93NUMPY") + array.size() - 1] ^= 1;
  CHECK(words(flipped).contains("checksum differs"));
  CHECK(words("PK\x05\x06" + std::string(18, '\0')).contains("0 members"));
}

TEST_CASE("npz: a sample has an array for each input") {
  const std::string folder = std::filesystem::temp_directory_path() / std::format("runup-npz-{}", ::getpid());
  std::filesystem::create_directories(folder);
  const std::string path = folder + "/x.npz";
  const auto write = [&](const std::string& content) { REQUIRE(write_file_atomically(path, content)); };
  ModelDeclaration model = one_input(DType::float32, {{.size = 2}});
  model.inputs.push_back({.name = "mask", .dtype = DType::int64, .shape = {{.size = 1}}});
  model.samples = {{.input = path}};
  const Experiment first{.fill = Fill::sample};
  write(npz_of({{"mask", {1}}, {"x", {5, 6}}, {"label", {3}}}));
  auto inputs = make_inputs(model, first);
  REQUIRE(inputs);
  CHECK(values_of<float>((*inputs)[0].bytes) == std::vector<float>{5, 6});
  CHECK(values_of<std::int64_t>((*inputs)[1].bytes) == std::vector<std::int64_t>{1});
  write(npz_of({{"arr_0", {5, 6}}, {"arr_1", {0}}}));
  CHECK(values_of<float>((*make_inputs(model, first))[0].bytes) == std::vector<float>{5, 6});
  write(npz_of({{"x", {5, 6}}, {"maks", {1}}}));
  CHECK(make_inputs(model, first).error().message ==
        "`" + path + "` has no array for input `mask`, it has `x` and `maks`; is `maks` meant?");
  write(npy_of_floats({5, 6}, "(2,)"));
  CHECK(make_inputs(model, first).error().message ==
        "`" + path + "` has no array for input `mask`; expected an .npz file with one for each");
  // an only input may have any name in the file
  model.inputs.pop_back();
  write(npz_of({{"frames", {5, 6}}}));
  CHECK(values_of<float>((*make_inputs(model, first))[0].bytes) == std::vector<float>{5, 6});
  model.inputs[0].shape = {{.size = 3}};
  CHECK(make_inputs(model, first).error().describe().contains("does not fit input `x`"));
  std::filesystem::remove_all(folder);
}
