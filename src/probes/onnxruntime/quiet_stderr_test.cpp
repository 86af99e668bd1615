// SPDX-License-Identifier: Apache-2.0
#include "probes/onnxruntime/quiet_stderr.h"

#include <catch2/catch_test_macros.hpp>

using namespace runup;

TEST_CASE("the flood of schema errors is left out, other words are not") {
  CHECK(without_schema_errors("Schema error: Trying to register schema with name Abs\n\n"
                              "libcudnn.so.9: cannot open shared object file\n"
                              "Schema error: Trying again\nthe end") ==
        "libcudnn.so.9: cannot open shared object file\nthe end");
  CHECK(without_schema_errors("").empty());
  CHECK(without_schema_errors("\n\n").empty());
  CHECK(without_schema_errors("Schema error: cut off").empty());
}
