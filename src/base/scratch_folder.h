// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/result.h"

namespace runup {

// A new folder of our own, that is removed with all that is in it.
class ScratchFolder {
 public:
  // `name` begins the folder's name. In `parent`, or below TMPDIR. An error when the system gives none.
  static Result<ScratchFolder> make(const std::string& name, const std::string& parent = "");
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  ScratchFolder(ScratchFolder&& other) noexcept;
  ScratchFolder& operator=(ScratchFolder&& other) noexcept;
  ~ScratchFolder();

  // absolute, without links
  const std::string& path() const { return path_; }

 private:
  explicit ScratchFolder(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

}  // namespace runup
