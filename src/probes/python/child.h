// SPDX-License-Identifier: Apache-2.0
#pragma once

// The service's interpreter, in a process below this one, with run_model.py in it.

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/codec.h"
#include "probes/protocol/channel.h"
#include "probes/runtime/inputs.h"

namespace runup {

// A tensor whose bytes lie in one of the two memory files.
struct PlacedTensor {
  std::string name;
  // PyTorch's name
  std::string dtype;
  std::vector<std::int64_t> shape;
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
  static constexpr auto fields() {
    return std::tuple{Field{"name", &PlacedTensor::name}, Field{"dtype", &PlacedTensor::dtype},
                      Field{"shape", &PlacedTensor::shape}, Field{"offset", &PlacedTensor::offset},
                      Field{"bytes", &PlacedTensor::bytes}};
  }
};

class PythonChild {
 public:
  // Starts `interpreter` in the current folder with this process's environment. An error when it cannot be
  // started; that it is no Python at all shows when it does not answer. `numbers` is a descriptor that the
  // child gets too, -1 for none.
  static Result<PythonChild> start(const std::string& interpreter, int numbers = -1);

  pid_t process() const { return process_; }

  // Sends a request, and waits for as long as it takes: who watches this process has the deadline. A child
  // that dies takes this process with it, by the same signal or with the same exit status, so that what
  // happened to it is told as what it is.
  Result<Json> ask(const Json& request);

  // Puts the bytes where the child reads them.
  Result<std::vector<PlacedTensor>> place(const std::vector<InputValues>& inputs);
  // A copy of what the child wrote. An error when it is not there.
  Result<std::vector<std::byte>> output(const PlacedTensor& tensor) const;

 private:
  PythonChild(pid_t process, FileDescriptor channel, FileDescriptor inputs, FileDescriptor outputs)
      : process_(process),
        channel_(std::move(channel)),
        inputs_(std::move(inputs)),
        outputs_(std::move(outputs)) {}
  [[noreturn]] void follow() const;

  pid_t process_ = 0;
  Channel channel_;
  FileDescriptor inputs_;
  FileDescriptor outputs_;
};

}  // namespace runup
