// SPDX-License-Identifier: Apache-2.0
#include "probes/onnxruntime/library.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <format>
#include <string_view>

#include <onnxruntime_cxx_api.h>

#include "base/bytes.h"
#include "base/text.h"

namespace runup {

namespace {

constexpr std::array kSystemNames{"libonnxruntime.so.1.21", "libonnxruntime.so.1", "libonnxruntime.so"};
// The functions that this probe calls are all in this version of the API; a later one only appends.
constexpr std::uint32_t kOldestApi = 12;

// Holds back what is written to stderr while it lives.
class QuietStderr {
 public:
  QuietStderr()
      : before_(::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0)), held_(::memfd_create("stderr", MFD_CLOEXEC)) {
    if (before_ && held_) {
      ::dup2(held_.get(), STDERR_FILENO);
    }
  }
  QuietStderr(const QuietStderr&) = delete;
  QuietStderr& operator=(const QuietStderr&) = delete;
  ~QuietStderr() {
    if (before_ && held_) {
      ::dup2(before_.get(), STDERR_FILENO);
    }
  }

 private:
  FileDescriptor before_;
  FileDescriptor held_;
};

std::string last_dl_error() {
  const char* words = ::dlerror();
  return words != nullptr ? words : "no reason is given";
}

Result<void*> open_library(const std::string& path) {
  if (!path.empty()) {
    if (void* library = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL)) {
      return library;
    }
    return fail(ErrorCode::not_found,
                std::format("`onnxruntime:` names `{}`, which cannot be loaded: {}", path, last_dl_error()));
  }
  for (const char* name : kSystemNames) {
    if (void* library = ::dlopen(name, RTLD_NOW | RTLD_LOCAL)) {
      return library;
    }
  }
  return fail(ErrorCode::not_found,
              std::format("no ONNX Runtime is installed here ({}); install Debian's `libonnxruntime1.21`, or "
                          "name the service's own `libonnxruntime.so` in `onnxruntime:`",
                          last_dl_error()));
}

// The second number of "1.21.0", which is the newest version of the API that it has.
std::uint32_t minor_of(std::string_view version) {
  const std::size_t dot = version.find('.');
  std::uint32_t minor = 0;
  if (dot != std::string_view::npos) {
    std::from_chars(version.data() + dot + 1, version.data() + version.size(), minor);
  }
  return minor;
}

Result<std::string> use_library(void* library, const std::string& shown) {
  using GetBase = const OrtApiBase* (*)();
  const auto get_base = reinterpret_cast<GetBase>(::dlsym(library, "OrtGetApiBase"));
  if (get_base == nullptr) {
    return fail(ErrorCode::unsupported,
                std::format("`{}` exports no `OrtGetApiBase`, so it is no ONNX Runtime with a C API; the "
                            "module of older Python wheels has none (newer ones bring "
                            "`onnxruntime/capi/libonnxruntime.so.*` beside it)",
                            shown));
  }
  const OrtApiBase* base = get_base();
  const std::string version = base->GetVersionString();
  const std::uint32_t wanted = std::min<std::uint32_t>(ORT_API_VERSION, minor_of(version));
  const OrtApi* api = wanted >= kOldestApi ? base->GetApi(wanted) : nullptr;
  if (api == nullptr) {
    return fail(ErrorCode::unsupported,
                std::format("`{}` is ONNX Runtime {}; releases from 1.{} on can be used", shown, version,
                            kOldestApi));
  }
  Ort::InitApi(api);
  return version;
}

}  // namespace

Result<std::string> load_onnxruntime(const std::string& path) {
  const QuietStderr quiet;
  const auto library = open_library(path);
  if (!library) {
    return std::unexpected(library.error());
  }
  return use_library(*library, path.empty() ? "libonnxruntime" : path);
}

}  // namespace runup
