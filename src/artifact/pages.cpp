// SPDX-License-Identifier: Apache-2.0
#include "artifact/pages.h"

#include <cstdint>

#include <sys/mman.h>
#include <unistd.h>

namespace runup::artifact {

void PageRelease::drop(Bytes range) const {
  if (!enabled_ || range.empty()) {
    return;
  }
  const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  const auto first = reinterpret_cast<std::uintptr_t>(range.data());
  const std::uintptr_t begin = (first + page - 1) / page * page;
  const std::uintptr_t end = (first + range.size()) / page * page;
  if (begin < end) {
    // Advice only: when the system does not take it, more memory stays in use and nothing else.
    ::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
  }
}

}  // namespace runup::artifact
