// SPDX-License-Identifier: Apache-2.0
#include "facts/external_data.h"

#include <catch2/catch_test_macros.hpp>

using namespace runup;

TEST_CASE("external data lies beside the model") {
  CHECK(external_data_path("/srv/models/sign.onnx", "sign.bin") == "/srv/models/sign.bin");
  CHECK(external_data_path("/srv/models/sign.onnx", "parts/0.bin") == "/srv/models/parts/0.bin");
  CHECK(external_data_path("/srv/models/sign.onnx", "./parts/../0.bin") == "/srv/models/0.bin");
  CHECK(external_data_path("/sign.onnx", "0.bin") == "/0.bin");
}

TEST_CASE("external data elsewhere has no place") {
  for (const char* location : {"", "/etc/passwd", "..", "../other.bin", "parts/../../other.bin", "."}) {
    CAPTURE(location);
    CHECK(external_data_path("/srv/models/sign.onnx", location) == std::nullopt);
  }
}
