// SPDX-License-Identifier: Apache-2.0
#include "cli/inspect_words.h"

#include <format>

#include "check/wording.h"

namespace runup {

std::string_view kind_in_words(ArtifactKind kind) {
  switch (kind) {
    case ArtifactKind::unknown:
      return "no format that is known";
    case ArtifactKind::empty:
      return "an empty file";
    case ArtifactKind::git_lfs_pointer:
      return "a Git LFS pointer, not the file itself";
    case ArtifactKind::html:
      return "an HTML page, not a model";
    case ArtifactKind::json_text:
      return "JSON, not a model";
    case ArtifactKind::text:
      return "plain text, not a model";
    case ArtifactKind::torch_zip:
      return "a PyTorch checkpoint (torch.save, zip format)";
    case ArtifactKind::torch_legacy:
      return "a PyTorch checkpoint (torch.save, legacy format)";
    case ArtifactKind::torch_tar:
      return "a PyTorch checkpoint (torch.save before 0.1.10, tar format)";
    case ArtifactKind::torchscript:
      return "a TorchScript archive (torch.jit.save)";
    case ArtifactKind::torch_export:
      return "an exported PyTorch program (torch.export.save)";
    case ArtifactKind::safetensors:
      return "a safetensors file";
    case ArtifactKind::onnx:
      return "an ONNX model";
    case ArtifactKind::ort:
      return "an ONNX Runtime model (.ort)";
    case ArtifactKind::keras:
      return "a Keras model (.keras)";
    case ArtifactKind::hdf5:
      return "an HDF5 file, as Keras writes weights";
    case ArtifactKind::tensorflow_saved_model:
      return "the graph of a TensorFlow SavedModel";
    case ArtifactKind::npy:
      return "a NumPy array (.npy)";
    case ArtifactKind::npz:
      return "NumPy arrays (.npz)";
    case ArtifactKind::pickle:
      return "a Python pickle that torch.save did not write";
    case ArtifactKind::zip:
      return "a zip archive, no model that is known";
    case ArtifactKind::tar:
      return "a tar archive, no model that is known";
    case ArtifactKind::gzip:
      return "gzip data; the model, if it is one, is inside";
  }
  return "?";
}

std::string values_in_words(const ValueFacts& values) {
  const std::string odd = non_finite_words(values);
  if (values.constant) {
    return odd.empty() ? std::format("all {:.6g}", values.min) : odd;
  }
  const std::string range = std::format("{:.4g} to {:.4g}", values.min, values.max);
  return odd.empty() ? range : std::format("{}, else {}", odd, range);
}

std::string_view meaning_of(DefectKind kind) {
  switch (kind) {
    case DefectKind::truncated:
      return "the end is missing: copy or download the file again";
    case DefectKind::contradiction:
      return "two parts of the file disagree: different programs would read different things";
    case DefectKind::corrupt:
      return "the content changed after it was written: copy or download the file again";
    case DefectKind::malformed:
      return "it breaks its format's rules: loading it fails or gives something else";
    case DefectKind::over_limit:
      return "larger or deeper than is read here; nothing was judged beyond that";
    case DefectKind::missing_part:
      return "the file refers to something that is not in it";
  }
  return "?";
}

}  // namespace runup
