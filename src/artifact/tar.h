// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "artifact/defects.h"
#include "base/bytes.h"

namespace runup::artifact {

// A regular file in a tar archive (POSIX.1-2001 ustar and pax; long names of GNU tar are not
// resolved, since no model file has any).
struct TarMember {
  std::string name;
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
};

// The first block is a header whose checksum is right.
bool looks_like_tar(Bytes file);
std::vector<TarMember> read_tar(Bytes file, Defects& defects);

}  // namespace runup::artifact
