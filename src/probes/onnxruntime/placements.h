// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace runup {

// Where a session put its nodes, as ONNX Runtime itself logs it while it builds a session (severity VERBOSE,
// inference_session.cc since release 1.9): "Node placements", then either
//   " All nodes placed on [CPUExecutionProvider]. Number of nodes: 12"
// or one line for each provider,
//   " Node(s) placed on [CUDAExecutionProvider]. Number of nodes: 10"
// It is the only word about it that the C API gives.
class Placements {
 public:
  // one message of the log
  void read(std::string_view message);
  // nodes by provider; empty when the log said nothing (a graph without nodes, another release)
  const std::map<std::string, std::uint64_t, std::less<>>& nodes() const { return nodes_; }

 private:
  std::map<std::string, std::uint64_t, std::less<>> nodes_;
};

}  // namespace runup
