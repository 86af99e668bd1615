// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/bytes.h"
#include "facts/runtime.h"
#include "probes/runtime/outputs.h"

namespace runup {

// The outputs that one runtime probe keeps for comparison, in memory that it writes to and runup reads.
class OutputStore {
 public:
  // Without memory (the system gives none) it has no descriptor, and nothing is found in it.
  static OutputStore make();

  int fd() const { return file_.get(); }
  // Makes what was written readable. No probe may be running.
  void close_writing();
  // One output of an answer; nothing when it was not kept, or is not there as the facts say.
  std::optional<OutputValues> find(const OutputFacts& output) const;

 private:
  FileDescriptor file_;
  std::optional<MappedFile> content_;
};

}  // namespace runup
