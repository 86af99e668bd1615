// SPDX-License-Identifier: Apache-2.0
#include "probes/python/state_dict.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include <catch2/catch_test_macros.hpp>

#include "facts/declaration.h"

using namespace runup;

namespace {

// 64 bytes, each its own place; storages at 8 (aligned for all types) and at 33 (for bytes alone).
struct Checkpoint {
  Checkpoint() {
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      bytes[i] = static_cast<std::byte>(i);
    }
    facts.kind = ArtifactKind::torch_legacy;
    facts.storages = {{.key = "0", .bytes = 24, .offset = 8}, {.key = "1", .bytes = 16, .offset = 33}};
    facts.state_dicts = {{.path = "model", .tensors = 3}};
  }
  TensorFacts& add(std::string name, std::string dtype, std::int64_t storage) {
    facts.tensors.push_back({.path = "model." + std::move(name),
                             .dtype = std::move(dtype),
                             .shape = {2},
                             .stride = {1},
                             .storage = storage,
                             .elements = 2});
    return facts.tensors.back();
  }
  Result<std::vector<PlacedWeight>> place() const {
    return place_weights(bytes, facts, facts.state_dicts.front(), memory.get());
  }

  std::array<std::byte, 64> bytes{};
  ArtifactFacts facts;
  FileDescriptor memory{::memfd_create("test", MFD_CLOEXEC)};
};

}  // namespace

TEST_CASE("weights are placed in the file, by the byte") {
  Checkpoint checkpoint;
  checkpoint.add("a", "float32", 0).storage_offset = 3;
  checkpoint.add("b", "int64", 0);
  checkpoint.add("a", "float32", 0);
  checkpoint.facts.tensors.push_back({.path = "optimizer.a", .dtype = "float32"});
  const auto weights = checkpoint.place();
  REQUIRE(weights);
  REQUIRE(weights->size() == 2);
  CHECK(weights->at(0).key == "a");
  CHECK(weights->at(0).offset == 8 + 3 * 4);
  CHECK_FALSE(weights->at(0).kept);
  CHECK(weights->at(1).offset == 8);
  CHECK(keys_of(*weights).at(1).key == "b");
}

TEST_CASE("what stands where its type may not is copied, once") {
  Checkpoint checkpoint;
  checkpoint.add("bytes", "uint8", 1);
  checkpoint.add("a", "float32", 1).storage_offset = 1;
  checkpoint.add("b", "float32", 1);
  const auto weights = checkpoint.place();
  REQUIRE(weights);
  CHECK_FALSE(weights->at(0).kept);
  CHECK(weights->at(0).offset == 33);
  CHECK(weights->at(1).kept);
  CHECK(weights->at(1).offset == 4);
  CHECK(weights->at(2).offset == 0);
  std::array<std::byte, 17> copy{};
  REQUIRE(::pread(checkpoint.memory.get(), copy.data(), copy.size(), 0) == 16);
  CHECK(std::ranges::equal(std::span(copy).first(16), std::span(checkpoint.bytes).subspan(33, 16)));
}

TEST_CASE("empty tensors need no place") {
  Checkpoint checkpoint;
  TensorFacts& empty = checkpoint.add("a", "float32", -1);
  empty.shape = {0, 3};
  empty.elements = 0;
  CHECK(checkpoint.place().value().size() == 1);
}

TEST_CASE("what this way cannot hand over says nothing of the model") {
  const auto why = [](const auto& change) {
    Checkpoint checkpoint;
    change(checkpoint.facts, checkpoint.add("a", "float32", 0));
    const auto weights = checkpoint.place();
    REQUIRE_FALSE(weights);
    CHECK(weights.error().code == ErrorCode::unsupported);
    return weights.error().message;
  };
  CHECK(why([](ArtifactFacts&, TensorFacts& tensor) { tensor.storage = -1; }) ==
        "tensor `a` has no values in the file (a meta tensor)");
  CHECK(why([](ArtifactFacts&, TensorFacts& tensor) { tensor.layout = "sparse_coo"; }) ==
        "tensor `a` is `sparse_coo`; expected a strided tensor");
  CHECK(why([](ArtifactFacts&, TensorFacts& tensor) { tensor.dtype = "quint4x2"; }).contains("quint4x2"));
  CHECK(why([](ArtifactFacts&, TensorFacts& tensor) { tensor.dtype = "qint8"; }).contains("qint8"));
  CHECK(why([](ArtifactFacts&, TensorFacts& tensor) {
          tensor.dtype = "qint8";
          tensor.quantisation =
              QuantisationFacts{.scheme = "per_channel_affine", .scales = {1}, .zero_points = {0}};
        }) == "tensor `a` is quantised by `per_channel_affine`, which is not read here");
  CHECK(why([](ArtifactFacts& facts, TensorFacts&) { facts.byte_order = "big"; }).contains("big-endian"));
}

TEST_CASE("quantised tensors keep their scales") {
  Checkpoint checkpoint;
  TensorFacts& tensor = checkpoint.add("a", "qint8", 1);
  tensor.quantisation =
      QuantisationFacts{.scheme = "per_channel_affine", .scales = {0.1, 0.2}, .zero_points = {0, 1}};
  const auto weights = checkpoint.place();
  REQUIRE(weights);
  CHECK(weights->front().scheme == "per_channel_affine");
  CHECK(weights->front().scales == std::vector<double>{0.1, 0.2});
}

TEST_CASE("weights of one floating-point type meet that of the inputs") {
  const ModelDeclaration model{
      .inputs = {{.name = "ids", .dtype = DType::int64}, {.name = "x", .dtype = DType::float32}}};
  std::vector<PlacedWeight> weights{{.dtype = "float16"}, {.dtype = "int64"}};
  CHECK(floating_type(weights, model) == "float32");
  CHECK(floating_type(weights, {}).empty());
  weights.push_back({.dtype = "bfloat16"});
  CHECK(floating_type(weights, model).empty());
}
