// SPDX-License-Identifier: Apache-2.0
// The functions of libcrypto from before its providers: its EVP interface initialises every algorithm
// it has, which takes as long as reading a small model, and makes a static executable carry them all.
#define OPENSSL_SUPPRESS_DEPRECATED

#include "base/sha256.h"

#include <openssl/sha.h>

#include <array>
#include <new>

namespace runup {

namespace {

SHA256_CTX* context(std::byte* state) { return std::launder(reinterpret_cast<SHA256_CTX*>(state)); }

}  // namespace

// None of these calls can fail on memory; they return 1 for the sake of an interface.
Sha256::Sha256() {
  static_assert(sizeof(SHA256_CTX) <= sizeof(state_));
  SHA256_Init(new (static_cast<void*>(state_)) SHA256_CTX);
}

void Sha256::add(Bytes piece) { SHA256_Update(context(state_), piece.data(), piece.size()); }

std::string Sha256::hex() {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
  SHA256_Final(digest.data(), context(state_));
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const unsigned char byte : digest) {
    text += kDigits[byte >> 4U];
    text += kDigits[byte & 15U];
  }
  return text;
}

std::string sha256_hex(Bytes bytes) {
  Sha256 sum;
  sum.add(bytes);
  return sum.hex();
}

}  // namespace runup
