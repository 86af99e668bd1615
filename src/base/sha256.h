// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "base/bytes.h"

namespace runup {

// SHA-256 (FIPS 180-4) of data that comes in pieces.
class Sha256 {
 public:
  Sha256();
  void add(Bytes piece);
  // Lower-case hex of everything that was added; to be called once, last.
  std::string hex();

 private:
  // libcrypto's SHA256_CTX, whose header stays in sha256.cpp
  alignas(std::uint64_t) std::byte state_[128];
};

}  // namespace runup
