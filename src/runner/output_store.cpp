// SPDX-License-Identifier: Apache-2.0
#include "runner/output_store.h"

#include <fcntl.h>
#include <sys/mman.h>

#include "probes/runtime/values.h"

namespace runup {

OutputStore OutputStore::make() {
  OutputStore store;
  store.file_ = FileDescriptor(::memfd_create("runup-outputs", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  return store;
}

void OutputStore::close_writing() {
  // What is mapped must not shrink below us, whoever still has a descriptor of it.
  if (!file_ || ::fcntl(file_.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) != 0) {
    return;
  }
  if (auto mapped = MappedFile::from_descriptor(file_.get())) {
    content_ = std::move(*mapped);
  }
}

std::optional<OutputValues> OutputStore::find(const OutputFacts& output) const {
  const std::size_t item = element_bytes(output.dtype);
  if (!content_ || !output.kept_at || item == 0) {
    return std::nullopt;
  }
  const Bytes all = content_->bytes();
  std::uint64_t bytes = item;
  for (const std::int64_t size : output.shape) {
    if (size < 0 || __builtin_mul_overflow(bytes, static_cast<std::uint64_t>(size), &bytes)) {
      return std::nullopt;
    }
  }
  if (*output.kept_at > all.size() || bytes > all.size() - *output.kept_at) {
    return std::nullopt;
  }
  return OutputValues{.name = output.name,
                      .dtype = output.dtype,
                      .shape = output.shape,
                      .bytes = all.subspan(*output.kept_at, bytes)};
}

}  // namespace runup
