// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/bytes.h"

namespace runup::artifact {

// Gives pages of a mapped file back to the system after they were read, so that a walk through a
// file of many gigabytes does not hold all of it in memory. Off unless the caller knows that the
// bytes are a private mapping of a file: dropping pages of other memory would lose its content.
class PageRelease {
 public:
  explicit PageRelease(bool mapped_file = false) : enabled_(mapped_file) {}
  // Drops the whole pages inside `range`.
  void drop(Bytes range) const;

 private:
  bool enabled_;
};

}  // namespace runup::artifact
