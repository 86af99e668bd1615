// SPDX-License-Identifier: Apache-2.0
#include "probes/torch/loading.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <set>

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/core/Dict.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <caffe2/serialize/read_adapter_interface.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/serialization/import.h>
#include <torch/version.h>

#include "base/text.h"
#include "facts/state_dict.h"
#include "probes/torch/architecture.h"
#include "probes/torch/calls.h"
#include "probes/torch/key_match.h"
#include "probes/torch/reads.h"
#include "probes/torch/tensors.h"
#include "probes/torch/wrapper.h"

namespace runup {

namespace {

constexpr std::size_t kMaxSourceBytes = std::size_t{4} << 20;

// libtorch's archive reader over mapped memory. Its own adapter for memory trusts every offset.
class MappedAdapter final : public caffe2::serialize::ReadAdapterInterface {
 public:
  explicit MappedAdapter(Bytes bytes) : bytes_(bytes) {}
  std::size_t size() const override { return bytes_.size(); }
  std::size_t read(std::uint64_t position, void* buffer, std::size_t length, const char*) const override {
    if (position >= bytes_.size()) {
      return 0;
    }
    const std::size_t readable = std::min<std::size_t>(length, bytes_.size() - position);
    std::memcpy(buffer, bytes_.data() + position, readable);
    return readable;
  }

 private:
  Bytes bytes_;
};

torch::jit::Module load_archive(Bytes file, c10::Device device) {
  return torch::jit::load(std::make_shared<MappedAdapter>(file), device);
}

std::vector<std::string> present_devices() {
  std::vector<std::string> devices{"cpu"};
  if (at::hasCUDA()) {
    for (std::size_t i = 0; i < at::getNumGPUs(); ++i) {
      devices.push_back("cuda:" + std::to_string(i));
    }
  }
  return devices;
}

// The device that the config names, when this host and this libtorch have it.
Result<c10::Device> find_device(const std::string& wanted, const std::vector<std::string>& present) {
  const auto parsed = guarded([&] { return c10::Device(wanted); });
  if (!parsed) {
    return fail(ErrorCode::bad_input, "`" + wanted + "` is no device that libtorch knows");
  }
  c10::Device device = *parsed;
  if (device.is_cpu()) {
    return c10::Device(c10::DeviceType::CPU);
  }
  if (!device.has_index()) {
    device.set_index(0);
  }
  if (std::ranges::find(present, device.str()) == present.end()) {
    return fail(ErrorCode::not_found,
                "device `" + wanted + "` is not there; this libtorch has " + join_quoted(present));
  }
  return device;
}

// One attempt to load a model. Each step returns whether loading may go on; when not, `load` says
// where and why it stopped.
class Loader {
 public:
  Loader(const ModelDeclaration& declaration, Bytes file, const Experiment* trial)
      : declaration_(declaration), file_(file), trial_(trial), started_(steady_now()) {
    out_.witness = {.library = "libtorch",
                    .version = TORCH_VERSION,
                    .threads = static_cast<std::uint32_t>(std::max(at::get_num_threads(), 1))};
    out_.load.devices = present_devices();
  }

  Loaded load() {
    const Result<void> outcome = run();
    if (!outcome) {
      out_.load.error = outcome.error().describe();
      out_.load.unsupported = outcome.error().code == ErrorCode::unsupported;
      out_.model.reset();
    }
    out_.load.took = took_.value_or(steady_now() - started_);
    return std::move(out_);
  }

 private:
  Result<void> run() {
    out_.load.stage = LoadStage::artifact;
    artifact_ = read_artifact(file_, {.hash = false});
    switch (artifact_.kind) {
      case ArtifactKind::torchscript:
        return run_archive();
      case ArtifactKind::torch_zip:
      case ArtifactKind::torch_legacy:
      case ArtifactKind::torch_tar:
      case ArtifactKind::safetensors:
        break;
      default:
        return fail(ErrorCode::unsupported, "the file is `" + std::string(enum_name(artifact_.kind)) +
                                                "`; libtorch runs TorchScript archives and state_dicts");
    }
    if (!artifact_.defects.empty()) {
      return fail(ErrorCode::bad_input, artifact_.defects.front().message);
    }
    return run_state_dict();
  }

  Result<void> use_device() {
    out_.load.stage = LoadStage::device;
    const auto device = find_device(declaration_.device, out_.load.devices);
    if (!device) {
      return std::unexpected(device.error());
    }
    callable_.device = *device;
    return {};
  }

  // What a service does with `torch.jit.load(path, map_location=device)`.
  Result<void> run_archive() {
    out_.witness.form = "TorchScript archive";
    if (auto outcome = use_device(); !outcome) {
      return outcome;
    }
    out_.load.stage = LoadStage::artifact;
    return guarded([&] { return use_module(load_archive(file_, callable_.device), true); });
  }

  Result<void> use_module(const torch::jit::Module& module, bool optimise) {
    const auto forward = module.find_method("forward");
    if (!forward) {
      return fail(ErrorCode::bad_input, "the TorchScript archive has no method `forward`");
    }
    std::vector<at::Tensor> tensors;
    for (const at::Tensor& tensor : module.parameters()) {
      tensors.push_back(tensor);
    }
    for (const at::Tensor& tensor : module.buffers()) {
      tensors.push_back(tensor);
    }
    callable_.passing = passing_of(forward->function().getSchema(), 1);
    callable_.optimise = optimise;
    callable_.run = [method = *forward](std::vector<c10::IValue> arguments) {
      return method(std::move(arguments));
    };
    finish(tensors);
    return {};
  }

  void finish(const std::vector<at::Tensor>& tensors) {
    std::set<std::string> devices;
    for (const at::Tensor& tensor : tensors) {
      devices.insert(tensor.device().str());
    }
    if (!out_.model) {
      out_.model = make_model(callable_);
    }
    // A model without a tensor runs where its inputs are.
    out_.witness.device = devices.empty()
                              ? callable_.device.str()
                              : join(std::vector<std::string>(devices.begin(), devices.end()), ", ");
    out_.load.stage = LoadStage::done;
    took_ = steady_now() - started_;
  }

  Result<void> run_state_dict() {
    out_.witness.architecture_unverified = true;
    out_.load.stage = LoadStage::architecture;
    if (declaration_.architecture.empty()) {
      return fail(ErrorCode::bad_input, "the file has weights but no code; `architecture:` is not given");
    }
    const auto content = read_architecture();
    if (!content) {
      return std::unexpected(content.error());
    }
    const bool is_archive = as_text(content->bytes()).starts_with("PK\x03\x04");
    out_.witness.form =
        is_archive ? "TorchScript archive filled by state_dict" : "state_dict in TorchScript source";
    return is_archive ? fill_archive(content->bytes()) : run_source(std::string(as_text(content->bytes())));
  }

  Result<MappedFile> read_architecture() {
    auto mapped = MappedFile::open(declaration_.architecture);
    if (!mapped) {
      return wrap(mapped.error(), "cannot read `architecture:`");
    }
    return mapped;
  }

  Result<void> choose_tensors() {
    out_.load.stage = LoadStage::state_dict;
    const StateDictChoice choice = choose_state_dict(artifact_, declaration_);
    if (choice.chosen == nullptr) {
      return fail(ErrorCode::bad_input, choice.why_not);
    }
    if (choice.chosen->other_entries > 0) {
      return fail(ErrorCode::unsupported,
                  std::to_string(choice.chosen->other_entries) +
                      " entries of the state_dict are no tensors, as in quantised modules");
    }
    state_dict_path_ = choice.chosen->path;
    auto tensors = guarded([&] { return state_dict_tensors(file_, artifact_, *choice.chosen); });
    if (!tensors) {
      return std::unexpected(tensors.error());
    }
    tensors_ = std::move(*tensors);
    for (const NamedTensor& named : tensors_) {
      present_.push_back({.key = named.key, .shape = named.tensor.sizes().vec()});
    }
    return {};
  }

  Result<void> fill_archive(Bytes archive) {
    if (auto outcome = choose_tensors(); !outcome) {
      return outcome;
    }
    if (auto outcome = use_device(); !outcome) {
      return outcome;
    }
    out_.load.stage = LoadStage::architecture;
    return guarded([&]() -> Result<void> {
      const torch::jit::Module module = load_archive(archive, callable_.device);
      out_.load.stage = LoadStage::state_dict;
      std::map<std::string, at::Tensor> wanted;
      const KeyMatchFacts& keys = out_.load.keys.emplace(match_module(module, wanted));
      if (differ(keys)) {
        return keys_do_not_fit(keys);
      }
      const at::NoGradGuard no_gradients;
      if (auto made = make_room(wanted); !made) {
        return made;
      }
      for (const NamedTensor& named : tensors_) {
        // As load_state_dict does, also across element types; tied parameters stay tied.
        if (const auto place = wanted.find(named.key); place != wanted.end()) {
          at::Tensor(place->second).copy_(named.tensor);
        }
      }
      // The service runs its own module eagerly.
      return use_module(module, false);
    });
  }

  // An archive that `runup init --architecture` wrote has of each tensor one number, spread over its sizes; tied ones
  // have the same one.
  Result<void> make_room(const std::map<std::string, at::Tensor>& places) {
    std::set<std::string_view> given;
    for (const NamedTensor& named : tensors_) {
      given.insert(named.key);
    }
    std::map<std::pair<const void*, std::vector<std::int64_t>>, at::Tensor> rooms;
    for (const auto& [name, place] : places) {
      if (!is_spread(place)) {
        continue;
      }
      if (!given.contains(name)) {
        return fail(ErrorCode::bad_input, "the architecture is without numbers, and the state_dict lacks `" +
                                              printable(name) + "`");
      }
      at::Tensor& room = rooms[{place.storage().unsafeGetStorageImpl(), place.sizes().vec()}];
      if (!room.defined()) {
        room = at::empty(place.sizes(), place.options());
      }
      place.set_data(room);
    }
    return {};
  }

  static bool is_spread(const at::Tensor& tensor) {
    if (tensor.layout() != at::kStrided) {
      return false;
    }
    for (std::int64_t i = 0; i < tensor.dim(); ++i) {
      if (tensor.size(i) > 1 && tensor.stride(i) == 0) {
        return true;
      }
    }
    return false;
  }

  KeyMatchFacts match_module(const torch::jit::Module& module, std::map<std::string, at::Tensor>& places) {
    std::vector<WantedKey> wanted;
    const auto want = [&](const std::string& name, const at::Tensor& tensor, bool buffer) {
      places.emplace(name, tensor);
      wanted.push_back({.key = name, .shape = tensor.sizes().vec(), .buffer = buffer});
    };
    for (const auto& parameter : module.named_parameters()) {
      want(parameter.name, parameter.value, false);
    }
    for (const auto& buffer : module.named_buffers()) {
      want(buffer.name, buffer.value, true);
    }
    return match_keys(state_dict_path_, present_, wanted, true);
  }

  Result<void> run_source(const std::string& text) {
    if (text.size() > kMaxSourceBytes || text.contains('\0')) {
      return fail(ErrorCode::bad_input,
                  "`architecture:` is neither TorchScript source (text of at most 4 MiB) nor a "
                  "TorchScript archive (a zip file)");
    }
    // Its parser wants a line's end also after the last line.
    const auto source = compile_source(text + "\n");
    if (!source) {
      return std::unexpected(source.error());
    }
    if (auto outcome = choose_tensors(); !outcome) {
      return outcome;
    }
    KeyMatchFacts& keys =
        out_.load.keys.emplace(match_keys(state_dict_path_, present_, source->keys, source->keys_are_all));
    // Without inputs to try, names alone must tell what is too many.
    if (!keys.missing.empty() || (trial_ != nullptr && declaration_.inputs.empty() && differ(keys))) {
      return keys_do_not_fit(keys);
    }
    if (auto outcome = use_device(); !outcome) {
      return outcome;
    }
    out_.load.stage = LoadStage::state_dict;
    return guarded([&] { return bind_source(*source, keys); });
  }

  // load_state_dict() copies into the parameters that the service's module has, and so into their type,
  // which is taken for that of the inputs it is called with. For weights of one type; who mixes types has
  // said in the source how.
  std::optional<c10::ScalarType> floating_type() const {
    std::set<c10::ScalarType> types;
    for (const NamedTensor& named : tensors_) {
      if (named.tensor.is_floating_point()) {
        types.insert(named.tensor.scalar_type());
      }
    }
    for (const InputDeclaration& input : declaration_.inputs) {
      const auto type = c10::getStringToDtypeMap().find(std::string(enum_name(input.dtype)));
      if (types.size() == 1 && type != c10::getStringToDtypeMap().end() &&
          c10::isFloatingType(type->second)) {
        return type->second;
      }
    }
    return std::nullopt;
  }

  Result<void> bind_source(const CompiledSource& source, KeyMatchFacts& keys) {
    c10::Dict<std::string, at::Tensor> state_dict;
    std::vector<at::Tensor> tensors;
    const std::optional<c10::ScalarType> type = floating_type();
    for (const NamedTensor& named : tensors_) {
      tensors.push_back(named.tensor.to(callable_.device));
      if (type && tensors.back().is_floating_point()) {
        tensors.back() = tensors.back().to(*type);
      }
      state_dict.insert(named.key, tensors.back());
    }
    callable_.passing = passing_of(source.forward->getSchema(), 1);
    // The service runs its own module eagerly.
    callable_.optimise = false;
    callable_.run = [unit = source.unit, forward = source.forward,
                     state_dict](std::vector<c10::IValue> arguments) {
      arguments.insert(arguments.begin(), c10::IValue(state_dict));
      return (*forward)(std::move(arguments));
    };
    const Duration built = steady_now() - started_;
    if (trial_ != nullptr && !declaration_.inputs.empty()) {
      if (auto outcome = try_keys(source, tensors, keys); !outcome) {
        return outcome;
      }
    }
    finish(tensors);
    took_ = built;
    return {};
  }

  // One inference: which tensors does an operator read?
  Result<void> try_keys(const CompiledSource& source, const std::vector<at::Tensor>& tensors,
                        KeyMatchFacts& keys) {
    const auto inputs = make_inputs(declaration_, *trial_);
    if (!inputs) {
      return std::unexpected(inputs.error());
    }
    out_.model = make_model(callable_);
    Result<Answer> answer;
    std::vector<bool> read =
        tensors_read_during(tensors, [&] { answer = out_.model->call(*inputs, Gradients::off); });
    if (!answer) {
      if (const std::string key = missing_key(answer.error().message); !key.empty()) {
        keys.missing.push_back(key);
      }
      return std::unexpected(answer.error());
    }
    out_.trial = std::move(*answer);
    for (std::size_t i = 0; i < present_.size(); ++i) {
      // This call passed its branch by; another may not.
      read[i] = read[i] || source.conditional.contains(present_[i].key);
    }
    set_unread(keys, present_, read);
    return differ(keys) ? keys_do_not_fit(keys) : Result<void>{};
  }

  const ModelDeclaration& declaration_;
  Bytes file_;
  const Experiment* trial_;
  Duration started_;
  std::optional<Duration> took_;
  Loaded out_;
  ArtifactFacts artifact_;
  std::string state_dict_path_;
  std::vector<NamedTensor> tensors_;
  std::vector<TensorKey> present_;
  Callable callable_;
};

}  // namespace

Loaded load_model(const ModelDeclaration& declaration, Bytes file, const Experiment* trial) {
  return Loader(declaration, file, trial).load();
}

}  // namespace runup
