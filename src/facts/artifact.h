// SPDX-License-Identifier: Apache-2.0
#pragma once

// What is in a model file, read from its bytes alone. Nothing of the file was executed.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "facts/observed.h"
#include "facts/onnx.h"
#include "facts/torchscript.h"

namespace runup {

// What a file is, by its content; the name and extension are not asked.
enum class ArtifactKind {
  unknown,
  empty,
  git_lfs_pointer,
  html,
  json_text,
  text,
  // torch.save, the zip format of PyTorch 1.6 and later
  torch_zip,
  // torch.save before 1.6: concatenated pickles and raw storages
  torch_legacy,
  // torch.save before 0.1.10
  torch_tar,
  torchscript,
  // torch.export (.pt2)
  torch_export,
  safetensors,
  onnx,
  ort,
  keras,
  hdf5,
  tensorflow_saved_model,
  npy,
  npz,
  // a pickle that torch.save did not write (pickle.dump, joblib)
  pickle,
  zip,
  tar,
  gzip,
};

constexpr auto enum_names(ArtifactKind) {
  using enum ArtifactKind;
  return std::array<std::pair<ArtifactKind, std::string_view>, 23>{
      {{unknown, "unknown"},
       {empty, "empty"},
       {git_lfs_pointer, "git-lfs-pointer"},
       {html, "html"},
       {json_text, "json"},
       {text, "text"},
       {torch_zip, "torch-zip"},
       {torch_legacy, "torch-legacy"},
       {torch_tar, "torch-tar"},
       {torchscript, "torchscript"},
       {torch_export, "torch-export"},
       {safetensors, "safetensors"},
       {onnx, "onnx"},
       {ort, "ort"},
       {keras, "keras"},
       {hdf5, "hdf5"},
       {tensorflow_saved_model, "tensorflow-saved-model"},
       {npy, "npy"},
       {npz, "npz"},
       {pickle, "pickle"},
       {zip, "zip"},
       {tar, "tar"},
       {gzip, "gzip"}}};
}

struct LfsPointerFacts {
  // "sha256:<64 hex digits>"
  std::string oid;
  std::uint64_t bytes = 0;
  bool operator==(const LfsPointerFacts&) const = default;
  static constexpr auto fields() {
    return std::tuple{Field{"oid", &LfsPointerFacts::oid}, Field{"bytes", &LfsPointerFacts::bytes}};
  }
};

// What makes a file unloadable, or not what it claims to be.
enum class DefectKind {
  // ends before its own tables or data say it should
  truncated,
  // zip: local header and central directory, or two members, contradict each other
  contradiction,
  // checksum differs
  corrupt,
  // breaks its format's rules in another way
  malformed,
  // larger, deeper or more numerous than is read
  over_limit,
  // a storage, member or file that the content refers to is not there
  missing_part,
};
constexpr auto enum_names(DefectKind) {
  using enum DefectKind;
  return std::array<std::pair<DefectKind, std::string_view>, 6>{{{truncated, "truncated"},
                                                                 {contradiction, "contradiction"},
                                                                 {corrupt, "corrupt"},
                                                                 {malformed, "malformed"},
                                                                 {over_limit, "over-limit"},
                                                                 {missing_part, "missing-part"}}};
}

struct DefectFacts {
  DefectKind kind = DefectKind::malformed;
  // what was seen and what was expected
  std::string message;
  // the member or part of the file, when there is one: `archive/data/3`
  std::string member;
  // byte offset in the file, when it is known
  std::optional<std::uint64_t> offset;
  // of `truncated`: how many bytes are missing, when the content tells
  std::optional<std::uint64_t> missing_bytes;
  bool operator==(const DefectFacts&) const = default;
  static constexpr auto fields() {
    return std::tuple{Field{"kind", &DefectFacts::kind}, Field{"message", &DefectFacts::message},
                      Field{"member", &DefectFacts::member}, Field{"offset", &DefectFacts::offset},
                      Field{"missing_bytes", &DefectFacts::missing_bytes}};
  }
};

// One distinct `module.name` that unpickling would look up.
struct GlobalFacts {
  std::string module;
  std::string name;
  // the member whose pickle names it: `data.pkl`
  std::string member;
  // key path of the first object that needs it: `label_encoder`, `optimizer.state[0].step`
  std::string key_path;
  std::uint64_t uses = 0;
  bool operator==(const GlobalFacts&) const = default;
  static constexpr auto fields() {
    return std::tuple{Field{"module", &GlobalFacts::module}, Field{"name", &GlobalFacts::name},
                      Field{"member", &GlobalFacts::member}, Field{"key_path", &GlobalFacts::key_path},
                      Field{"uses", &GlobalFacts::uses}};
  }
};

struct QuantisationFacts {
  // `per_tensor_affine`, `per_channel_affine`, ...
  std::string scheme;
  // one for per-tensor, one for each channel otherwise (at most 65,536 are kept)
  std::vector<double> scales;
  std::vector<double> zero_points;
  std::int64_t axis = 0;
  bool operator==(const QuantisationFacts&) const = default;
  static constexpr auto fields() {
    return std::tuple{
        Field{"scheme", &QuantisationFacts::scheme}, Field{"scales", &QuantisationFacts::scales},
        Field{"zero_points", &QuantisationFacts::zero_points}, Field{"axis", &QuantisationFacts::axis}};
  }
};

// What the numbers of one tensor are like, as they are stored (before conjugation and negation). A complex
// number counts as two; what a view shows again along an axis of stride 0 counts once.
struct ValueFacts {
  std::uint64_t nan_count = 0;
  std::uint64_t positive_infinities = 0;
  std::uint64_t negative_infinities = 0;
  // of the finite numbers; both 0 when there are none
  double min = 0;
  double max = 0;
  // all numbers have the same bits
  bool constant = false;
  bool operator==(const ValueFacts&) const = default;
  static constexpr auto fields() {
    return std::tuple{Field{"nan_count", &ValueFacts::nan_count},
                      Field{"positive_infinities", &ValueFacts::positive_infinities},
                      Field{"negative_infinities", &ValueFacts::negative_infinities},
                      Field{"min", &ValueFacts::min},
                      Field{"max", &ValueFacts::max},
                      Field{"constant", &ValueFacts::constant}};
  }
};

// One tensor. Sizes, strides and offsets count elements, as in PyTorch.
struct TensorFacts {
  // key path from the root object: dict keys joined by `.`, list and tuple items as `[0]`
  std::string path;
  // PyTorch's name without `torch.`: `float32`, `bfloat16`, `qint8`
  std::string dtype;
  std::vector<std::int64_t> shape;
  std::vector<std::int64_t> stride;
  std::int64_t storage_offset = 0;
  // index in ArtifactFacts::storages, -1 for meta tensors and other tensors without one
  std::int64_t storage = -1;
  std::uint64_t elements = 0;
  // elements times item size: what this tensor would take on its own; of sparse ones, their parts'
  std::uint64_t bytes = 0;
  // `strided`, `sparse_coo`, `sparse_csr`, ...
  std::string layout = "strided";
  bool requires_grad = false;
  bool is_parameter = false;
  // the stored numbers are the complex conjugates, or the negatives, of the tensor's
  bool conjugate = false;
  bool negative = false;
  std::optional<QuantisationFacts> quantisation;
  // only where a check asked for them, and of types whose numbers say something alone
  std::optional<ValueFacts> values;
  bool operator==(const TensorFacts&) const = default;
  static constexpr auto fields() {
    return std::tuple{Field{"path", &TensorFacts::path},
                      Field{"dtype", &TensorFacts::dtype},
                      Field{"shape", &TensorFacts::shape},
                      Field{"stride", &TensorFacts::stride},
                      Field{"storage_offset", &TensorFacts::storage_offset},
                      Field{"storage", &TensorFacts::storage},
                      Field{"elements", &TensorFacts::elements},
                      Field{"bytes", &TensorFacts::bytes},
                      Field{"layout", &TensorFacts::layout},
                      Field{"requires_grad", &TensorFacts::requires_grad},
                      Field{"is_parameter", &TensorFacts::is_parameter},
                      Field{"conjugate", &TensorFacts::conjugate},
                      Field{"negative", &TensorFacts::negative},
                      Field{"quantisation", &TensorFacts::quantisation},
                      Field{"values", &TensorFacts::values}};
  }
};

// One block of bytes that tensors look into.
struct StorageFacts {
  // its key in the checkpoint: `0`; in safetensors the tensor's name
  std::string key;
  std::string dtype;
  // where torch.load would put it without map_location: `cpu`, `cuda:1`, `mps`
  std::string device;
  std::uint64_t bytes = 0;
  // where its bytes start in the file; nothing when the member is deflated or absent
  std::optional<std::uint64_t> offset;
  bool operator==(const StorageFacts&) const = default;
  static constexpr auto fields() {
    return std::tuple{Field{"key", &StorageFacts::key}, Field{"dtype", &StorageFacts::dtype},
                      Field{"device", &StorageFacts::device}, Field{"bytes", &StorageFacts::bytes},
                      Field{"offset", &StorageFacts::offset}};
  }
};

// A scalar (or a short text) found in the checkpoint: `epoch`, `val_accuracy`.
struct MetadataFacts {
  std::string path;
  // `int`, `float`, `str`, `bool`, `NoneType`, `numpy.float64`, `datetime.datetime`, ...
  std::string type;
  // as Python's repr would show it, at most 200 bytes
  std::string value;
  bool operator==(const MetadataFacts&) const = default;
  static constexpr auto fields() {
    return std::tuple{Field{"path", &MetadataFacts::path}, Field{"type", &MetadataFacts::type},
                      Field{"value", &MetadataFacts::value}};
  }
};

enum class LabelListKind {
  // scikit-learn's LabelEncoder
  label_encoder,
  // a list, tuple or numpy array of text or numbers
  list,
  // {0: "a", 1: "b"}
  index_to_name,
  // {"a": 0, "b": 1}
  name_to_index,
};
constexpr auto enum_names(LabelListKind) {
  using enum LabelListKind;
  return std::array<std::pair<LabelListKind, std::string_view>, 4>{{{label_encoder, "label-encoder"},
                                                                    {list, "list"},
                                                                    {index_to_name, "index-to-name"},
                                                                    {name_to_index, "name-to-index"}}};
}

// Something in the file that can be read as a list of class names, in class order.
struct LabelListFacts {
  std::string path;
  LabelListKind kind = LabelListKind::list;
  // `sklearn.preprocessing._label.LabelEncoder`, `list`, `dict`
  std::string type;
  // at most 100,000
  std::vector<std::string> classes;
  // element type of the classes: `str`, `int64`, `object`
  std::string dtype;
  // `_sklearn_version` of the pickled state
  std::string sklearn_version;
  // why the classes could not be read, e.g. an encoder that was never fitted
  std::string problem;
  bool operator==(const LabelListFacts&) const = default;
  static constexpr auto fields() {
    return std::tuple{
        Field{"path", &LabelListFacts::path},      Field{"kind", &LabelListFacts::kind},
        Field{"type", &LabelListFacts::type},      Field{"classes", &LabelListFacts::classes},
        Field{"dtype", &LabelListFacts::dtype},    Field{"sklearn_version", &LabelListFacts::sklearn_version},
        Field{"problem", &LabelListFacts::problem}};
  }
};

// A mapping in the file whose values are all tensors and whose keys are all text.
struct StateDictFacts {
  // empty for the root
  std::string path;
  std::uint64_t tensors = 0;
  // bytes of the distinct storages that its tensors use
  std::uint64_t bytes = 0;
  // entries that are no tensors, as quantised modules and `get_extra_state` put them there; only where
  // `has_metadata` shows that it is a state_dict all the same
  std::uint64_t other_entries = 0;
  // it carries the `_metadata` that Module.state_dict() writes
  bool has_metadata = false;
  // `weights`, `optimizer`, `ema`, `other`: judged by key path and key names
  std::string role = "other";
  bool operator==(const StateDictFacts&) const = default;
  static constexpr auto fields() {
    return std::tuple{Field{"path", &StateDictFacts::path},
                      Field{"tensors", &StateDictFacts::tensors},
                      Field{"bytes", &StateDictFacts::bytes},
                      Field{"other_entries", &StateDictFacts::other_entries},
                      Field{"has_metadata", &StateDictFacts::has_metadata},
                      Field{"role", &StateDictFacts::role}};
  }
};

// One object of the file, for the tree that `inspect` prints: every dict entry, list item and
// attribute, depth first, at most 20,000.
struct ObjectFacts {
  std::string path;
  // `dict`, `collections.OrderedDict`, `torch.Tensor`, `models.Net`
  std::string type;
  // items of a container, 0 for others
  std::uint64_t items = 0;
  // bytes of the distinct storages reachable from it
  std::uint64_t bytes = 0;
  bool operator==(const ObjectFacts&) const = default;
  static constexpr auto fields() {
    return std::tuple{Field{"path", &ObjectFacts::path}, Field{"type", &ObjectFacts::type},
                      Field{"items", &ObjectFacts::items}, Field{"bytes", &ObjectFacts::bytes}};
  }
};

struct ArtifactFacts {
  ArtifactKind kind = ArtifactKind::unknown;
  std::uint64_t bytes = 0;
  // lower-case hex; empty when hashing was not asked for
  std::string sha256;
  // the first bytes, printable, for files that are no model: "<!DOCTYPE html><html>..."
  std::string head;
  std::optional<LfsPointerFacts> lfs;
  std::vector<DefectFacts> defects;
  // PyTorch zip `version` record, safetensors none, ONNX IR version, npy version
  std::string format_version;
  // `little`, `big`, or empty when the file does not say
  std::string byte_order;
  // what wrote it, when it says so: "pytorch 2.6.0", "onnx producer ..."
  std::string producer;
  // highest PROTO seen, -1 without a pickle
  std::int32_t pickle_protocol = -1;
  // names of the pickle opcodes used, sorted
  std::vector<std::string> opcodes;
  // zip members: how many, and whether any is deflated
  std::uint64_t members = 0;
  bool deflated = false;
  // type of the root object: `dict`, `collections.OrderedDict`, `models.Net`
  std::string root_type;
  // classes below torch.nn.Module by their shape (they carry `_parameters` and `_modules`), when
  // whole modules were pickled: `models.Net`; torch.nn's own classes are left out
  std::vector<std::string> module_classes;
  std::vector<StateDictFacts> state_dicts;
  std::vector<TensorFacts> tensors;
  std::vector<StorageFacts> storages;
  std::vector<GlobalFacts> globals;
  std::vector<LabelListFacts> label_lists;
  std::vector<MetadataFacts> metadata;
  std::vector<ObjectFacts> objects;
  // of these kinds
  std::optional<OnnxFacts> onnx;
  std::optional<TorchScriptFacts> torchscript;
  // what was left out because a list above reached its bound
  std::vector<std::string> cut;
  bool operator==(const ArtifactFacts&) const = default;
  static constexpr auto fields() {
    return std::tuple{Field{"kind", &ArtifactFacts::kind},
                      Field{"bytes", &ArtifactFacts::bytes},
                      Field{"sha256", &ArtifactFacts::sha256},
                      Field{"head", &ArtifactFacts::head},
                      Field{"lfs", &ArtifactFacts::lfs},
                      Field{"defects", &ArtifactFacts::defects},
                      Field{"format_version", &ArtifactFacts::format_version},
                      Field{"byte_order", &ArtifactFacts::byte_order},
                      Field{"producer", &ArtifactFacts::producer},
                      Field{"pickle_protocol", &ArtifactFacts::pickle_protocol},
                      Field{"opcodes", &ArtifactFacts::opcodes},
                      Field{"members", &ArtifactFacts::members},
                      Field{"deflated", &ArtifactFacts::deflated},
                      Field{"root_type", &ArtifactFacts::root_type},
                      Field{"module_classes", &ArtifactFacts::module_classes},
                      Field{"state_dicts", &ArtifactFacts::state_dicts},
                      Field{"tensors", &ArtifactFacts::tensors},
                      Field{"storages", &ArtifactFacts::storages},
                      Field{"globals", &ArtifactFacts::globals},
                      Field{"label_lists", &ArtifactFacts::label_lists},
                      Field{"metadata", &ArtifactFacts::metadata},
                      Field{"objects", &ArtifactFacts::objects},
                      Field{"onnx", &ArtifactFacts::onnx},
                      Field{"torchscript", &ArtifactFacts::torchscript},
                      Field{"cut", &ArtifactFacts::cut}};
  }
};

extern template struct Observed<ArtifactFacts>;
extern template struct StructCodec<ArtifactFacts>;

}  // namespace runup
