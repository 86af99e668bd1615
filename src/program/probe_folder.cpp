// SPDX-License-Identifier: Apache-2.0
#include "program/probe_folder.h"

#include <filesystem>
#include <system_error>

namespace runup {

std::string find_probe_folder() {
  namespace fs = std::filesystem;
  std::error_code error;
  const fs::path own = fs::read_symlink("/proc/self/exe", error).parent_path();
  for (const fs::path& folder : {own, own / "../libexec/runup", own / "../lib/runup"}) {
    if (fs::exists(folder / kTorchProbe, error) || fs::exists(folder / kOnnxRuntimeProbe, error)) {
      return folder.lexically_normal().string();
    }
  }
  return own.string();
}

}  // namespace runup
