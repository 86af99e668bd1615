// SPDX-License-Identifier: Apache-2.0
#include "probes/onnxruntime/loading.h"

#include <sys/stat.h>

#include <algorithm>
#include <charconv>
#include <format>

#include "base/text.h"
#include "probes/onnxruntime/model.h"
#include "probes/onnxruntime/quiet_stderr.h"
#include "probes/onnxruntime/wrapper.h"
#include "probes/protocol/channel.h"

namespace runup {

namespace {

constexpr std::string_view kCpuProvider = "CPUExecutionProvider";
constexpr std::string_view kCudaProvider = "CUDAExecutionProvider";

// Whether the path still names the file of descriptor 4.
bool is_same_file(const std::string& path) {
  struct stat by_path{};
  struct stat by_descriptor{};
  return ::stat(path.c_str(), &by_path) == 0 && ::fstat(kFirstPassedFd, &by_descriptor) == 0 &&
         by_path.st_dev == by_descriptor.st_dev && by_path.st_ino == by_descriptor.st_ino;
}

// "cuda:1" -> 1
std::string index_of(std::string_view device) {
  const std::size_t colon = device.find(':');
  return colon == std::string_view::npos ? "0" : std::string(device.substr(colon + 1));
}

void append_cuda(Ort::SessionOptions& options, const std::string& index) {
  OrtCUDAProviderOptionsV2* cuda = nullptr;
  Ort::ThrowOnError(Ort::GetApi().CreateCUDAProviderOptions(&cuda));
  const std::unique_ptr<OrtCUDAProviderOptionsV2, void (*)(OrtCUDAProviderOptionsV2*)> owner(
      cuda, [](OrtCUDAProviderOptionsV2* old) { Ort::GetApi().ReleaseCUDAProviderOptions(old); });
  const char* key = "device_id";
  const char* value = index.c_str();
  Ort::ThrowOnError(Ort::GetApi().UpdateCUDAProviderOptions(cuda, &key, &value, 1));
  options.AppendExecutionProvider_CUDA_V2(*cuda);
}

DeclaredValueFacts declared_value(std::string name, const Ort::TypeInfo& type) {
  DeclaredValueFacts facts{.name = std::move(name)};
  if (type.GetONNXType() == ONNX_TYPE_TENSOR) {
    const auto info = type.GetTensorTypeAndShapeInfo();
    facts.dtype = dtype_of(info.GetElementType());
    facts.shape = info.GetShape();
  }
  return facts;
}

class SessionLoader {
 public:
  SessionLoader(const ModelDeclaration& declaration, const Library& library)
      : declaration_(declaration), library_(library), started_(steady_now()) {
    out_.witness = {.library = "ONNX Runtime", .version = library.version, .form = "ONNX model"};
    out_.load.devices = {"cpu"};
  }

  Loaded load() {
    const Result<void> outcome = guarded([&] { return run(); });
    if (!outcome) {
      out_.load.error = outcome.error().describe();
      out_.load.unsupported = outcome.error().code == ErrorCode::unsupported;
      out_.model.reset();
    }
    out_.load.took = steady_now() - started_;
    return std::move(out_);
  }

 private:
  Result<void> run() {
    out_.load.stage = LoadStage::artifact;
    if (!is_same_file(declaration_.path)) {
      return fail(ErrorCode::not_found,
                  std::format("`{}` was replaced during the run", printable(declaration_.path)));
    }
    // Severity VERBOSE for what is told while the session is built; the log goes nowhere else.
    LoadedSession loaded;
    Ort::SessionOptions options;
    options.SetLogSeverityLevel(ORT_LOGGING_LEVEL_VERBOSE);
    if (auto chosen = choose_provider(options); !chosen) {
      return chosen;
    }
    out_.load.stage = LoadStage::artifact;
    const QuietStderr quiet;
    loaded.session = Ort::Session(*library_.environment, declaration_.path.c_str(), options);
    describe(loaded);
    out_.model = make_model(std::move(loaded));
    out_.load.stage = LoadStage::done;
    return {};
  }

  Result<void> choose_provider(Ort::SessionOptions& options) {
    out_.load.stage = LoadStage::device;
    const std::string_view wanted = declaration_.device;
    if (wanted == "cpu") {
      out_.load.providers_asked = {std::string(kCpuProvider)};
      return {};
    }
    if (wanted != "cuda" && !wanted.starts_with("cuda:")) {
      return fail(
          ErrorCode::not_found,
          std::format("this probe knows no execution provider for device `{}`; it has `cpu` and `cuda`",
                      printable(wanted)));
    }
    out_.load.providers_asked = {std::string(kCudaProvider), std::string(kCpuProvider)};
    const std::vector<std::string> available = Ort::GetAvailableProviders();
    if (std::ranges::find(available, kCudaProvider) == available.end()) {
      return fail(ErrorCode::not_found,
                  std::format("this ONNX Runtime was built without CUDA; it has {}", join_quoted(available)));
    }
    append_cuda(options, index_of(wanted));
    out_.load.devices.push_back("cuda:" + index_of(wanted));
    return {};
  }

  void describe(LoadedSession& loaded) {
    const Ort::AllocatorWithDefaultOptions allocator;
    for (std::size_t i = 0; i < loaded.session.GetInputCount(); ++i) {
      loaded.inputs.emplace_back(loaded.session.GetInputNameAllocated(i, allocator).get());
      out_.load.inputs.push_back(declared_value(loaded.inputs.back(), loaded.session.GetInputTypeInfo(i)));
    }
    for (std::size_t i = 0; i < loaded.session.GetOutputCount(); ++i) {
      loaded.outputs.emplace_back(loaded.session.GetOutputNameAllocated(i, allocator).get());
      out_.load.outputs.push_back(declared_value(loaded.outputs.back(), loaded.session.GetOutputTypeInfo(i)));
    }
    bool on_cuda = false;
    for (const auto& [provider, nodes] : library_.placements->nodes()) {
      on_cuda = on_cuda || provider == kCudaProvider;
      out_.load.providers.push_back(provider);
    }
    if (library_.placements->nodes().empty() && out_.load.providers_asked.size() == 1) {
      out_.load.providers = out_.load.providers_asked;
    }
    out_.witness.device = on_cuda ? "cuda:" + index_of(declaration_.device) : "cpu";
  }

  const ModelDeclaration& declaration_;
  const Library& library_;
  Duration started_;
  Loaded out_;
};

}  // namespace

Loaded load_session(const ModelDeclaration& declaration, const Library& library) {
  return SessionLoader(declaration, library).load();
}

}  // namespace runup
