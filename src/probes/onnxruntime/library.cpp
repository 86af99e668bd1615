// SPDX-License-Identifier: Apache-2.0
#include "probes/onnxruntime/library.h"

#include <dlfcn.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <format>
#include <string_view>

#include "base/text.h"
#include "probes/onnxruntime/quiet_stderr.h"
#include "probes/onnxruntime/wrapper.h"

namespace runup {

namespace {

constexpr std::array kSystemNames{"libonnxruntime.so.1.21", "libonnxruntime.so.1", "libonnxruntime.so"};
// The functions that this probe calls are all in this version of the API; a later one only appends.
constexpr std::uint32_t kOldestApi = 12;

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

void ORT_API_CALL take_log(void* placements, OrtLoggingLevel, const char*, const char*, const char*,
                           const char* message) {
  static_cast<Placements*>(placements)->read(message);
}

Result<Library> make_environment(std::string version) {
  return guarded([&]() -> Result<Library> {
    Library library{.version = std::move(version), .placements = std::make_unique<Placements>()};
    library.environment =
        std::make_unique<Ort::Env>(ORT_LOGGING_LEVEL_WARNING, "runup", take_log, library.placements.get());
    return library;
  });
}

Result<Library> use_library(void* library, const std::string& shown) {
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
  return make_environment(version);
}

}  // namespace

Result<Library> load_onnxruntime(const std::string& path) {
  const QuietStderr quiet;
  const auto library = open_library(path);
  if (!library) {
    return std::unexpected(library.error());
  }
  return use_library(*library, path.empty() ? "libonnxruntime" : path);
}

}  // namespace runup
