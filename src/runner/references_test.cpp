// SPDX-License-Identifier: Apache-2.0
#include "runner/references.h"

#include <catch2/catch_test_macros.hpp>

using namespace runup;

namespace {

ArtifactFacts model_with(const std::vector<std::string>& locations) {
  ArtifactFacts facts{.kind = ArtifactKind::onnx, .onnx = OnnxFacts{}};
  for (const std::string& location : locations) {
    facts.onnx->external.push_back({.tensor = "w", .location = location, .bytes = 4});
  }
  return facts;
}

}  // namespace

TEST_CASE("each file that a model names is asked for once, under its key") {
  const auto questions =
      reference_questions("models.sign.path", "/srv/sign.onnx", model_with({"a.bin", "b.bin", "a.bin"}));
  REQUIRE(questions.size() == 2);
  CHECK(questions[0].asked_by == "models.sign.path/external/a.bin");
  CHECK(questions[0].path == "/srv/a.bin");
  CHECK(questions[0].written == "a.bin");
  CHECK(questions[1].path == "/srv/b.bin");
}

TEST_CASE("files outside the model's folder are not asked for, and no model asks without end") {
  CHECK(reference_questions("k", "/srv/sign.onnx", model_with({"/etc/passwd", "../x", ""})).empty());
  CHECK(reference_questions("k", "/srv/sign.onnx", ArtifactFacts{}).empty());
  std::vector<std::string> many;
  for (int i = 0; i < 5000; ++i) {
    many.push_back(std::to_string(i));
  }
  CHECK(reference_questions("k", "/srv/sign.onnx", model_with(many)).size() == 1000);
}
