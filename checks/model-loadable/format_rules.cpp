// SPDX-License-Identifier: Apache-2.0
#include "format_rules.h"

#include <algorithm>
#include <array>
#include <format>

#include "check/wording.h"

namespace runup::checks::model_loadable {

namespace {

using enum ArtifactKind;

struct Promise {
  std::string_view extension;
  std::string_view loader;
  // unused places repeat the first
  std::array<ArtifactKind, 5> kinds;
};

constexpr std::array<ArtifactKind, 5> kTorch{torch_zip, torch_legacy, torch_tar, torchscript, torch_export};
constexpr std::array<ArtifactKind, 5> only(ArtifactKind kind, ArtifactKind other) {
  return {kind, other, kind, kind, kind};
}
constexpr std::array<ArtifactKind, 5> only(ArtifactKind kind) { return only(kind, kind); }

// Longer extensions stand before their endings.
constexpr std::array<Promise, 14> kPromises{{{".pth.tar", "`torch.load`", kTorch},
                                             {".pt.tar", "`torch.load`", kTorch},
                                             {".pth", "`torch.load`", kTorch},
                                             {".pt", "`torch.load`", kTorch},
                                             {".ckpt", "`torch.load`", kTorch},
                                             {".pt2", "`torch.export.load`", only(torch_export)},
                                             {".safetensors", "`safetensors`", only(safetensors)},
                                             {".onnx", "ONNX Runtime", only(onnx)},
                                             {".ort", "ONNX Runtime", only(ort)},
                                             {".keras", "Keras", only(keras, hdf5)},
                                             {".h5", "`h5py`", only(hdf5, keras)},
                                             {".hdf5", "`h5py`", only(hdf5, keras)},
                                             {".npz", "`numpy.load`", only(npz)},
                                             {".npy", "`numpy.load`", only(npy)}}};

bool ends_with_ignoring_case(std::string_view text, std::string_view end) {
  return text.size() >= end.size() &&
         std::ranges::equal(text.substr(text.size() - end.size()), end, [](char a, char b) {
           return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b;
         });
}

}  // namespace

bool is_read(ArtifactKind kind) {
  return kind == torch_zip || kind == torch_legacy || kind == torch_tar || kind == torchscript ||
         kind == safetensors || kind == onnx;
}

std::string_view promising_extension(std::string_view path) {
  for (const Promise& promise : kPromises) {
    if (ends_with_ignoring_case(path, promise.extension)) {
      return promise.extension;
    }
  }
  return {};
}

std::string_view loader_of(std::string_view extension) {
  for (const Promise& promise : kPromises) {
    if (promise.extension == extension) {
      return promise.loader;
    }
  }
  return {};
}

bool extension_fits(std::string_view extension, ArtifactKind kind) {
  for (const Promise& promise : kPromises) {
    if (promise.extension == extension) {
      return std::ranges::find(promise.kinds, kind) != promise.kinds.end();
    }
  }
  return true;
}

std::string content_words(const ArtifactFacts& artifact) {
  if (artifact.kind != ArtifactKind::unknown) {
    return std::format("is {}", kind_words(artifact.kind));
  }
  // As the head shows bytes that are no text.
  if (artifact.head.starts_with(R"(\x00\x00\x00\x00\x00\x00\x00\x00)")) {
    return "begins with zeros: space that was reserved for a copy and never written, or another format";
  }
  return std::format("is of no format that runup knows (it starts with {})", excerpt(artifact.head, 24));
}

std::string conversion_hint(ArtifactKind kind, std::string_view path) {
  const std::string word = shell_word(path);
  switch (kind) {
    case npz:
    case npy:
      return "turn the arrays into tensors and save them: `torch.save({k: torch.from_numpy(v) for k, v in "
             "numpy.load(path).items()}, \"model.pth\")`";
    case keras:
    case hdf5:
      return std::format("convert it to ONNX: `python -m tf2onnx.convert --keras {} --output model.onnx`",
                         word);
    case tensorflow_saved_model:
      return "convert it to ONNX: `python -m tf2onnx.convert --saved-model FOLDER --output model.onnx`";
    case tar:
      return std::format("unpack it with `tar -xf {}`, and set the model's path to the file inside", word);
    case gzip:
      return std::format(
          "unpack it with `gunzip -k {}` (`tar -xzf` if it holds a tar), and set the model's path to the "
          "file inside",
          word);
    case zip:
      return std::format("unpack it with `unzip {}`, and set the model's path to the file inside", word);
    case pickle:
      return "write it again with `torch.save(obj, path)`";
    case torch_tar:
      return "load it once with `torch.load(path, weights_only=False)` and write it again with `torch.save`";
    case torch_export:
      return "load it once with `torch.export.load(path)`, and save `program.state_dict` with `torch.save` "
             "or the module "
             "as TorchScript";
    case safetensors:
      return "name it `.safetensors` and load it with `safetensors.torch.load_file(path)`";
    case onnx:
      return "name it `.onnx` and load it with ONNX Runtime";
    case torch_zip:
    case torch_legacy:
    case torchscript:
      return "name it `.pth` (or `.pt`) and load it with PyTorch, or save the model in the format that its "
             "name promises";
    default:
      return "set the model's path to a file that `torch.save`, `torch.jit.save` or safetensors wrote";
  }
}

}  // namespace runup::checks::model_loadable
