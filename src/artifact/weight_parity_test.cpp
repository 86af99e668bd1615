// SPDX-License-Identifier: Apache-2.0
// Matching and judging with tensors built by hand, as safetensors files; real conversions are compared in
// tests/parity.

#include <cmath>
#include <format>
#include <limits>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include "artifact/reader.h"
#include "artifact/weight_names.h"
#include "artifact/weight_numbers.h"
#include "artifact/weight_parity.h"
#include "artifact/weight_uses.h"
#include "base/text.h"

using namespace runup;

namespace {

struct Tensor {
  std::vector<std::int64_t> shape;
  std::vector<float> numbers;
};
using Model = std::vector<std::pair<std::string, Tensor>>;

std::string safetensors(const Model& model) {
  std::string header;
  std::string data;
  for (const auto& [name, tensor] : model) {
    const std::size_t begin = data.size();
    data.append(reinterpret_cast<const char*>(tensor.numbers.data()), tensor.numbers.size() * sizeof(float));
    header += std::format(R"({}"{}":{{"dtype":"F32","shape":{},"data_offsets":[{},{}]}})",
                          header.empty() ? "" : ",", name, shape_text(tensor.shape), begin, data.size());
  }
  header = "{" + header + "}";
  std::string file;
  for (int i = 0; i < 8; ++i) {
    file += static_cast<char>(static_cast<std::uint64_t>(header.size()) >> (8 * i));
  }
  return file + header + data;
}

WeightParityFacts compare(const Model& original, const Model& conversion) {
  const std::string left = safetensors(original);
  const std::string right = safetensors(conversion);
  const ArtifactFacts left_facts = read_artifact(as_bytes(left), {.hash = false});
  const ArtifactFacts right_facts = read_artifact(as_bytes(right), {.hash = false});
  REQUIRE(left_facts.defects.empty());
  REQUIRE(right_facts.defects.empty());
  return compare_weights({.file = as_bytes(left), .facts = &left_facts},
                         {.file = as_bytes(right), .facts = &right_facts});
}

// Numbers that repeat nowhere.
Tensor made(std::vector<std::int64_t> shape, unsigned seed) {
  Tensor tensor{.shape = std::move(shape)};
  std::int64_t count = 1;
  for (const std::int64_t size : tensor.shape) {
    count *= size;
  }
  std::uint64_t state = seed;
  for (std::int64_t i = 0; i < count; ++i) {
    state = state * 6364136223846793005U + 1442695040888963407U;
    tensor.numbers.push_back(static_cast<float>(static_cast<double>(state >> 40U) / (1U << 24U) - 0.5));
  }
  return tensor;
}

Model network() {
  return {{"a.weight", made({4, 4}, 1)},
          {"a.bias", made({4}, 2)},
          {"b.weight", made({4, 4}, 3)},
          {"b.bias", made({4}, 4)},
          {"c.weight", made({3, 4}, 5)}};
}

Tensor& tensor(Model& model, std::string_view name) {
  for (auto& [key, value] : model) {
    if (key == name) {
      return value;
    }
  }
  std::abort();
}

WeightDifferenceFacts only_difference(const WeightParityFacts& facts) {
  REQUIRE(facts.differing.size() == 1);
  CHECK(facts.differing_count == 1);
  return facts.differing.front();
}

}  // namespace

TEST_CASE("the same numbers under the same names are no difference") {
  const WeightParityFacts facts = compare(network(), network());
  CHECK(facts.tensors == 5);
  CHECK(facts.by_name == 5);
  CHECK(facts.differing.empty());
  CHECK(facts.not_comparable.empty());
  CHECK(facts.not_compared.empty());
}

TEST_CASE("prefixes on either side and other separators are no other names") {
  for (const bool swapped : {false, true}) {
    for (const std::string front : {"module.", "model.", "_orig_mod.", "net.inner."}) {
      Model named = network();
      for (auto& [name, value] : named) {
        name = front + name;
      }
      INFO(front << swapped);
      const WeightParityFacts facts = swapped ? compare(named, network()) : compare(network(), named);
      CHECK(facts.by_name == 5);
    }
  }
  Model flat = network();
  for (auto& [name, value] : flat) {
    name = "p_" + name.replace(name.find('.'), 1, "_");
  }
  CHECK(compare(network(), flat).by_name == 5);
}

TEST_CASE("under other names tensors are found by their numbers") {
  Model renamed = network();
  int number = 0;
  for (auto& [name, value] : renamed) {
    name = std::format("t{}", number++);
  }
  CHECK(compare(network(), renamed).by_value == 5);
  tensor(renamed, "t2").numbers[5] *= 1.001F;
  const auto difference = only_difference(compare(network(), renamed));
  CHECK(difference.reference == "b.weight");
  CHECK(difference.candidate == "t2");
  CHECK(difference.differing == 1);
  CHECK(difference.worst_index == std::vector<std::int64_t>{1, 1});
  CHECK(difference.certain);
}

TEST_CASE("one number that differs by a thousandth is named, with its place") {
  Model changed = network();
  float& number = tensor(changed, "c.weight").numbers[6];
  const double before = number;
  number *= 1.001F;
  const auto difference = only_difference(compare(network(), changed));
  CHECK(difference.reference == "c.weight");
  CHECK(difference.shape == std::vector<std::int64_t>{3, 4});
  CHECK(difference.elements == 12);
  CHECK(difference.differing == 1);
  CHECK(difference.worst_index == std::vector<std::int64_t>{1, 2});
  CHECK(difference.worst_reference == before);
  CHECK(difference.worst_candidate == static_cast<double>(number));
  CHECK(std::abs(difference.max_relative - 1e-3) < 1e-6);
  CHECK(difference.explanation == "only one number differs");
}

TEST_CASE("what rounding does is no difference") {
  Model changed = network();
  for (float& number : tensor(changed, "a.weight").numbers) {
    number *= 1.000005F;
  }
  // Below the floor: nothing beside the tensor's largest number.
  tensor(changed, "b.bias").numbers[0] += 2e-8F;
  Model original = network();
  tensor(original, "a.bias").numbers[1] = std::numeric_limits<float>::quiet_NaN();
  tensor(changed, "a.bias").numbers[1] = std::numeric_limits<float>::quiet_NaN();
  CHECK(compare(original, changed).differing.empty());
  tensor(changed, "a.bias").numbers[1] = 0;
  const auto difference = only_difference(compare(original, changed));
  CHECK(difference.reference == "a.bias");
  CHECK(std::isinf(difference.max_relative));
}

TEST_CASE("each kind of damage has its words") {
  const auto explained = [](std::string_view name, const auto& damage) {
    Model changed = network();
    damage(tensor(changed, name).numbers);
    return only_difference(compare(network(), changed)).explanation;
  };
  using Numbers = std::vector<float>;
  CHECK(explained("a.bias", [](Numbers& n) { n.assign(4, 0); }) == "every number is 0 in the conversion");
  CHECK(explained("a.weight", [](Numbers& n) {
          for (float& number : n) {
            number *= 1.001F;
          }
        }) == "every number is multiplied by 1.001");
  CHECK(explained("a.weight", [](Numbers& n) {
          for (float& number : n) {
            number = -number;
          }
        }) == "every number is negated");
  CHECK(explained("a.weight", [](Numbers& n) {
          for (std::size_t i = 0; i < 4; ++i) {
            for (std::size_t j = 0; j < i; ++j) {
              std::swap(n[i * 4 + j], n[j * 4 + i]);
            }
          }
        }) == "the matrix is transposed");
  CHECK(explained("c.weight", [](Numbers& n) {
          std::swap_ranges(n.begin(), n.begin() + 4, n.begin() + 8);
        }) == "rows 0 and 2 are exchanged");
  CHECK(explained("a.bias", [](Numbers& n) { std::swap(n[1], n[3]); }) == "elements 1 and 3 are exchanged");
  CHECK(explained("c.weight", [](Numbers& n) {
          for (std::size_t i = 4; i < 8; ++i) {
            n[i] = -n[i];
          }
        }) == "row 1 is negated");
  CHECK(explained("c.weight", [](Numbers& n) { std::fill(n.begin(), n.begin() + 4, 0.0F); }) ==
        "row 0 is 0 in the conversion");
  CHECK(explained("c.weight", [](Numbers& n) { std::copy(n.begin(), n.begin() + 4, n.begin() + 4); }) ==
        "row 1 holds the numbers of row 0");
}

TEST_CASE("two tensors that changed places name each other") {
  Model changed = network();
  std::swap(tensor(changed, "a.weight"), tensor(changed, "b.weight"));
  const WeightParityFacts facts = compare(network(), changed);
  REQUIRE(facts.differing.size() == 2);
  CHECK(facts.differing[0].explanation == "it is exchanged with `b.weight`");
  CHECK(facts.differing[1].explanation == "it is exchanged with `a.weight`");
  Model copied = network();
  tensor(copied, "a.weight") = tensor(copied, "b.weight");
  CHECK(only_difference(compare(network(), copied)).explanation == "it holds the numbers of `b.weight`");
}

TEST_CASE("other weights throughout are said once") {
  Model changed = network();
  unsigned seed = 50;
  for (auto& [name, value] : changed) {
    const Tensor noise = made(value.shape, seed++);
    for (std::size_t i = 0; i < value.numbers.size(); ++i) {
      value.numbers[i] += 0.05F * noise.numbers[i];
    }
  }
  const WeightParityFacts facts = compare(network(), changed);
  CHECK(facts.differing_count == 5);
  CHECK(facts.explanation.starts_with("5 of the 5 tensors that were found again differ nearly everywhere"));
}

TEST_CASE("tensors that are gone, and those that another conversion computed, are not comparable") {
  Model changed = network();
  changed.erase(changed.begin());
  // Its numbers times a factor of its channel, as folding makes them; without a batch norm that explains it.
  tensor(changed, "c.weight").numbers = made({3, 4}, 77).numbers;
  changed.back().first = "onnx::Conv_12";
  const WeightParityFacts facts = compare(network(), changed);
  CHECK(facts.differing.empty());
  CHECK(facts.not_comparable == std::vector<std::string>{"a.weight", "c.weight"});
  CHECK(facts.by_name == 3);
}

TEST_CASE("a folded batch norm is undone, and damage below it named") {
  const auto folded = [](double factor_of_all, bool one_number) {
    Model original{{"conv.weight", made({8, 3, 3}, 1)}, {"conv.bias", made({8}, 2)},
                   {"bn.weight", made({8}, 3)},         {"bn.bias", made({8}, 4)},
                   {"bn.running_mean", made({8}, 5)},   {"bn.running_var", made({8}, 6)},
                   {"fc.weight", made({2, 8}, 7)}};
    for (float& number : tensor(original, "bn.running_var").numbers) {
      number += 1;
    }
    Model conversion{{"w", tensor(original, "conv.weight")},
                     {"b", tensor(original, "conv.bias")},
                     {"fc.weight", tensor(original, "fc.weight")}};
    for (std::size_t c = 0; c < 8; ++c) {
      const double factor =
          static_cast<double>(tensor(original, "bn.weight").numbers[c]) /
          std::sqrt(static_cast<double>(tensor(original, "bn.running_var").numbers[c]) + 1e-5);
      for (std::size_t i = c * 9; i < c * 9 + 9; ++i) {
        float& number = tensor(conversion, "w").numbers[i];
        number = static_cast<float>(number * factor * factor_of_all);
      }
      float& bias = tensor(conversion, "b").numbers[c];
      bias = static_cast<float>((static_cast<double>(bias) - tensor(original, "bn.running_mean").numbers[c]) *
                                    factor +
                                tensor(original, "bn.bias").numbers[c]);
    }
    if (one_number) {
      tensor(conversion, "w").numbers[30] *= 1.002F;
    }
    return compare(original, conversion);
  };
  const WeightParityFacts good = folded(1, false);
  CHECK(good.differing.empty());
  CHECK(good.by_value == 6);
  CHECK(good.not_comparable.empty());
  const auto one = only_difference(folded(1, true));
  CHECK(one.reference == "conv.weight");
  CHECK(one.relation == WeightRelation::scaled);
  CHECK(one.worst_index == std::vector<std::int64_t>{3, 1, 0});
  CHECK(only_difference(folded(1.001, false)).explanation == "every number is multiplied by 1.001");
}

TEST_CASE("thousands of equal tensors cost little") {
  Model many;
  for (int i = 0; i < 4000; ++i) {
    many.emplace_back(std::format("layer{}.weight", i), Tensor{.shape = {4}, .numbers = {1, 1, 1, 1}});
  }
  Model renamed = many;
  for (auto& [name, value] : renamed) {
    name = "x" + name.substr(0, name.find('.'));
  }
  const WeightParityFacts facts = compare(many, renamed);
  CHECK(facts.by_value == 4000);
  CHECK(facts.differing.empty());
}

TEST_CASE("a file that says too much of its tensors is not read beyond its bytes") {
  const std::string file = safetensors(network());
  ArtifactFacts facts = read_artifact(as_bytes(file), {.hash = false});
  ArtifactFacts hostile = facts;
  hostile.tensors[0].shape = {std::int64_t{1} << 40U, std::int64_t{1} << 40U};
  hostile.tensors[1].stride = {std::int64_t{1} << 62U};
  hostile.tensors[2].storage = 1000;
  hostile.tensors[3].storage_offset = -1;
  hostile.tensors[4].stride = {0, 0};
  const WeightParityFacts result =
      compare_weights({.file = as_bytes(file), .facts = &hostile}, {.file = as_bytes(file), .facts = &facts});
  CHECK(result.tensors == 5);
  CHECK(result.not_comparable_count >= 4);
}

TEST_CASE("numbers are rounded as the types round them") {
  using artifact::NumberType;
  using artifact::stored_as;
  // numpy.float64(numpy.float16(x)) and torch.tensor(x).to(torch.bfloat16)
  CHECK(stored_as(NumberType::float16, 0.1) == 0.0999755859375);
  CHECK(stored_as(NumberType::float16, 65519.0) == 65504.0);
  CHECK(std::isinf(stored_as(NumberType::float16, 65520.0)));
  CHECK(stored_as(NumberType::float16, 3e-8) == 5.960464477539063e-08);
  CHECK(stored_as(NumberType::float16, 2.9e-8) == 0);
  CHECK(stored_as(NumberType::bfloat16, 0.1) == 0.10009765625);
  CHECK(stored_as(NumberType::bfloat16, -3.14159) == -3.140625);
  CHECK(stored_as(NumberType::float32, 0.1) == static_cast<double>(0.1F));
}

TEST_CASE("calls in TorchScript tell which constants belong together") {
  const auto calls = artifact::script_calls(
      "    _0 = [CONSTANTS.c4, CONSTANTS.c5]\n"
      "    _1 = torch.linear(torch.relu(x), CONSTANTS.c2, CONSTANTS.c3)\n"
      "    _2 = torch.add(torch.matmul(x, CONSTANTS.c6), CONSTANTS.c7)\n"
      "    raise \"CONSTANTS.c9 (\"\n");
  REQUIRE(calls.size() == 3);
  using Pairs = std::vector<std::pair<std::uint64_t, std::uint32_t>>;
  CHECK(calls[0].constants == Pairs{{4, 0}, {5, 1}});
  CHECK(calls[1].function == "linear");
  CHECK(calls[1].constants == Pairs{{2, 1}, {3, 2}});
  CHECK(calls[2].function == "matmul");
  CHECK(calls[2].constants == Pairs{{6, 1}, {7, 1}});
  CHECK(artifact::script_calls(std::string(100'000, '(')).empty());
}

TEST_CASE("names of nodes tell the module") {
  CHECK(artifact::module_of_node("/encoder/layers.0/linear1/MatMul") == "encoder.layers.0.linear1");
  CHECK(artifact::module_of_node("/net/net.0/net.0.1/Conv") == "net.0.1");
  CHECK(artifact::module_of_node("/MatMul") == "");
  CHECK_FALSE(artifact::module_of_node("MatMul_3"));
}
