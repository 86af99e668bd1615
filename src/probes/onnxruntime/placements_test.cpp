// SPDX-License-Identifier: Apache-2.0
#include "probes/onnxruntime/placements.h"

#include <catch2/catch_test_macros.hpp>

using namespace runup;

TEST_CASE("the session's log tells which provider has the nodes") {
  Placements placements;
  placements.read("Node placements");
  placements.read(" All nodes placed on [CPUExecutionProvider]. Number of nodes: 12");
  REQUIRE(placements.nodes().size() == 1);
  CHECK(placements.nodes().at("CPUExecutionProvider") == 12);
}

TEST_CASE("several providers are counted apart, other lines not at all") {
  Placements placements;
  placements.read(" Node(s) placed on [CUDAExecutionProvider]. Number of nodes: 10");
  placements.read("  MatMul (/fc/MatMul)");
  placements.read(" Node(s) placed on [CPUExecutionProvider]. Number of nodes: 2");
  placements.read("placed on [");
  placements.read("Node placed on [X]. Number of nodes: none");
  REQUIRE(placements.nodes().size() == 2);
  CHECK(placements.nodes().at("CUDAExecutionProvider") == 10);
  CHECK(placements.nodes().at("CPUExecutionProvider") == 2);
}
