// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "base/bytes.h"

namespace runup {

// `text` without the lines that Debian's ONNX Runtime 1.21 prints by hundreds when it makes its first session,
// and works: "Schema error: Trying to register schema with name Abs (domain: ai.onnx version: 13) ...".
std::string without_schema_errors(std::string_view text);

// While it lives, what is written to stderr is held back; afterwards it is written there without those lines.
// What a dying process said last is lost with it.
class QuietStderr {
 public:
  QuietStderr();
  QuietStderr(const QuietStderr&) = delete;
  QuietStderr& operator=(const QuietStderr&) = delete;
  ~QuietStderr();

 private:
  FileDescriptor before_;
  FileDescriptor held_;
};

}  // namespace runup
