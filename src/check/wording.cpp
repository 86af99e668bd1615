// SPDX-License-Identifier: Apache-2.0
#include "check/wording.h"

#include <algorithm>
#include <array>
#include <format>
#include <utility>

#include "base/key_path.h"
#include "base/text.h"
#include "check/check.h"

namespace runup {

namespace {

constexpr std::array<std::pair<ArtifactKind, std::string_view>, 23> kKindWords{
    {{ArtifactKind::unknown, "of no format that runup knows"},
     {ArtifactKind::empty, "empty"},
     {ArtifactKind::git_lfs_pointer, "a Git LFS pointer"},
     {ArtifactKind::html, "an HTML page"},
     {ArtifactKind::json_text, "a JSON document"},
     {ArtifactKind::text, "a text file"},
     {ArtifactKind::torch_zip, "a PyTorch checkpoint (zip)"},
     {ArtifactKind::torch_legacy, "a PyTorch checkpoint (legacy stream)"},
     {ArtifactKind::torch_tar, "a PyTorch checkpoint (tar, before 0.1.10)"},
     {ArtifactKind::torchscript, "a TorchScript archive"},
     {ArtifactKind::torch_export, "a torch.export archive"},
     {ArtifactKind::safetensors, "a safetensors file"},
     {ArtifactKind::onnx, "an ONNX model"},
     {ArtifactKind::ort, "an ONNX Runtime model (.ort)"},
     {ArtifactKind::keras, "a Keras model"},
     {ArtifactKind::hdf5, "an HDF5 file"},
     {ArtifactKind::tensorflow_saved_model, "a TensorFlow SavedModel"},
     {ArtifactKind::npy, "a NumPy array (.npy)"},
     {ArtifactKind::npz, "a NumPy archive (.npz)"},
     {ArtifactKind::pickle, "a pickle that torch.save did not write"},
     {ArtifactKind::zip, "a zip archive"},
     {ArtifactKind::tar, "a tar archive"},
     {ArtifactKind::gzip, "a gzip file"}}};

// The longest start of `text` that has at most `most` bytes and ends between characters.
std::string_view cut_text(std::string_view text, std::size_t most) {
  if (text.size() <= most) {
    return text;
  }
  while (most > 0 && (static_cast<unsigned char>(text[most]) & 0xC0U) == 0x80U) {
    --most;
  }
  return text.substr(0, most);
}

}  // namespace

std::string shown_path(const Facts& facts, std::string_view path) {
  const std::string_view root = facts.target.package;
  // What the service's interpreter says stands where it will on the server.
  const std::string here = path_here(placed_folders(facts.target), std::string(path));
  if (root.size() > 1 && here.size() > root.size() + 1 && here.starts_with(root) &&
      here[root.size()] == '/') {
    return here.substr(root.size() + 1);
  }
  return std::string(path);
}

std::string model_file(const Facts& facts) { return shown_path(facts, facts.model.path); }

Location model_location(const Facts& facts, std::string key) {
  return {.file = model_file(facts), .key = std::move(key), .line = {}};
}

std::string model_key(const Facts& facts, std::string_view key) {
  return child_path("models", facts.model_name) + "." + std::string(key);
}

std::string_view kind_words(ArtifactKind kind) {
  for (const auto& [candidate, words] : kKindWords) {
    if (candidate == kind) {
      return words;
    }
  }
  return "of no format that runup knows";
}

bool is_no_model(ArtifactKind kind) {
  using enum ArtifactKind;
  return kind == empty || kind == git_lfs_pointer || kind == html || kind == json_text || kind == text;
}

std::optional<std::string> content_obstacle(const Facts& facts) {
  if (!facts.artifact) {
    const Absence why = facts.artifact.absence.value_or(Absence{});
    return absence_text("the model file", why) +
           (why.kind == AbsenceKind::blocked && !why.detail.contains("see `") ? "; see `model-present`" : "");
  }
  if (is_no_model(facts.artifact->kind)) {
    return std::format("`{}` is {}, not a model; see `model-present`", model_file(facts),
                       kind_words(facts.artifact->kind));
  }
  return std::nullopt;
}

std::optional<std::string> inside_obstacle(const Facts& facts) {
  if (auto obstacle = content_obstacle(facts)) {
    return obstacle;
  }
  using enum ArtifactKind;
  const ArtifactKind kind = facts.artifact->kind;
  if (kind != unknown && kind != zip && kind != tar && kind != gzip) {
    return std::nullopt;
  }
  return std::format("`{}` is {}; see `model-loadable`", model_file(facts), kind_words(kind));
}

std::optional<std::string> damage_obstacle(const Facts& facts) {
  if (!facts.artifact || facts.artifact->defects.empty()) {
    return std::nullopt;
  }
  return std::format("`{}` is damaged ({}); see `model-loadable`", model_file(facts),
                     facts.artifact->defects.front().message);
}

bool holds_weights_without_code(ArtifactKind kind) {
  return kind == ArtifactKind::torch_zip || kind == ArtifactKind::torch_legacy ||
         kind == ArtifactKind::torch_tar || kind == ArtifactKind::safetensors;
}

std::string witness_words(const WitnessFacts& witness) {
  return witness.device.empty()
             ? std::format("{} {}", witness.library, witness.version)
             : std::format("{} {} on `{}`", witness.library, witness.version, witness.device);
}

std::string_view service_runtime(const WitnessFacts& witness) {
  return witness.library.contains("torch") ? "PyTorch" : std::string_view(witness.library);
}

std::string no_witness_words(const Facts& facts) {
  if (facts.artifact && facts.model.architecture.empty() && facts.model.factory.empty() &&
      holds_weights_without_code(facts.artifact->kind)) {
    return std::format(
        "`{}` holds weights without code, so nothing could be run; name in `factory:` the service's function "
        "that "
        "loads it, or in `architecture:` the TorchScript source or archive that they fill",
        model_file(facts));
  }
  for (const auto& runtime : facts.runtimes) {
    if (runtime.absence) {
      return absence_text("the model's run", *runtime.absence);
    }
  }
  if (const auto obstacle = content_obstacle(facts)) {
    return *obstacle;
  }
  return std::format("no runtime was asked to run {}", kind_words(facts.artifact->kind));
}

std::string not_loaded_words(const Facts& facts) {
  for (const auto& runtime : facts.runtimes) {
    if (runtime && runtime->load.stage != LoadStage::done) {
      return std::format("blocked: {} could not load the model; see `inference`",
                         witness_words(runtime->witness));
    }
  }
  return no_witness_words(facts);
}

std::string non_finite_words(const ValueFacts& values) {
  std::vector<std::string> words;
  for (const auto& [count, name] :
       {std::pair{values.nan_count, "NaN"}, std::pair{values.positive_infinities, "infinity"},
        std::pair{values.negative_infinities, "-infinity"}}) {
    if (count > 0) {
      words.push_back(std::format("{} {}", count, name));
    }
  }
  return join_words(words);
}

bool runtime_died(const Facts& facts) { return std::ranges::any_of(facts.runtimes, died); }

bool died(const Observed<RuntimeFacts>& runtime) {
  using enum AbsenceKind;
  const AbsenceKind kind = runtime.absence ? runtime.absence->kind : not_requested;
  return kind != not_requested && kind != blocked && kind != missing;
}

std::string shell_word(std::string_view text) {
  const bool plain = !text.empty() && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("_-./=:,+@%").contains(c);
  });
  if (plain) {
    return std::string(text);
  }
  std::string quoted = "'";
  for (const char c : text) {
    quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  }
  return quoted + "'";
}

std::string excerpt(std::string_view text, std::size_t most) {
  const std::string_view start = cut_text(trim(text), most);
  std::string line(start);
  std::ranges::replace_if(line, [](char c) { return c == '\n' || c == '\r' || c == '\t'; }, ' ');
  return std::format("\"{}{}\"", line, start.size() < trim(text).size() ? "..." : "");
}

std::string first_line(std::string_view text, std::size_t most) {
  std::string_view line = trim(text);
  line = trim(line.substr(0, line.find('\n')));
  const std::string_view start = cut_text(line, most);
  return std::string(start) + (start.size() < line.size() ? "..." : "");
}

}  // namespace runup
