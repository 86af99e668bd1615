// SPDX-License-Identifier: Apache-2.0
#include "facts/weights_only.h"

#include <algorithm>
#include <array>
#include <format>
#include <set>

#include "base/text.h"

namespace runup {

namespace {

// Names of protocol 2 and less, written for Python 2 readers.
constexpr std::array<std::pair<std::string_view, std::string_view>, 2> kOldModules{
    {{"__builtin__", "builtins"}, {"copy_reg", "copyreg"}}};

constexpr std::array<std::pair<std::string_view, std::string_view>, 4> kOldBuiltins{
    {{"long", "int"}, {"unicode", "str"}, {"xrange", "range"}, {"unichr", "chr"}}};

constexpr std::array<std::string_view, 11> kAllowed{"collections.OrderedDict",
                                                    "collections.Counter",
                                                    "torch.nn.parameter.Parameter",
                                                    "torch.serialization._get_layout",
                                                    "torch._tensor._rebuild_from_type_v2",
                                                    "torch.storage.TypedStorage",
                                                    "torch.storage.UntypedStorage",
                                                    "_codecs.encode",
                                                    "builtins.bytearray",
                                                    "builtins.set",
                                                    "builtins.complex"};

constexpr std::array<std::string_view, 12> kAllowedRebuilders{"_rebuild_parameter",
                                                              "_rebuild_parameter_with_state",
                                                              "_rebuild_qtensor",
                                                              "_rebuild_tensor",
                                                              "_rebuild_tensor_v2",
                                                              "_rebuild_tensor_v3",
                                                              "_rebuild_sparse_tensor",
                                                              "_rebuild_meta_tensor_no_storage",
                                                              "_rebuild_nested_tensor",
                                                              "_rebuild_wrapper_subclass",
                                                              "_rebuild_device_tensor_from_numpy",
                                                              "_rebuild_device_tensor_from_cpu_tensor"};

// Names directly in `torch`: types, element types, quantisation schemes.
constexpr std::array<std::string_view, 38> kAllowedTorch{"Size",
                                                         "Tensor",
                                                         "device",
                                                         "float64",
                                                         "float32",
                                                         "float16",
                                                         "bfloat16",
                                                         "int64",
                                                         "int32",
                                                         "int16",
                                                         "int8",
                                                         "uint8",
                                                         "uint16",
                                                         "uint32",
                                                         "uint64",
                                                         "bool",
                                                         "complex128",
                                                         "complex64",
                                                         "complex32",
                                                         "qint8",
                                                         "qint32",
                                                         "quint8",
                                                         "quint4x2",
                                                         "quint2x4",
                                                         "float8_e5m2",
                                                         "float8_e4m3fn",
                                                         "float8_e5m2fnuz",
                                                         "float8_e4m3fnuz",
                                                         "bits8",
                                                         "bits16",
                                                         "bits1x8",
                                                         "bits2x4",
                                                         "bits4x2",
                                                         "per_tensor_affine",
                                                         "per_tensor_symmetric",
                                                         "per_channel_affine",
                                                         "per_channel_symmetric",
                                                         "per_channel_affine_float_qparams"};

constexpr std::array<std::string_view, 4> kBlockedModules{"sys", "os", "posix", "nt"};

// Plain data outside torch that checkpoints carry.
constexpr std::array<std::string_view, 27> kKnownData{"argparse.Namespace",
                                                      "builtins.bool",
                                                      "builtins.bytes",
                                                      "builtins.dict",
                                                      "builtins.float",
                                                      "builtins.frozenset",
                                                      "builtins.int",
                                                      "builtins.list",
                                                      "builtins.object",
                                                      "builtins.range",
                                                      "builtins.slice",
                                                      "builtins.str",
                                                      "builtins.tuple",
                                                      "collections.defaultdict",
                                                      "collections.deque",
                                                      "copyreg._reconstructor",
                                                      "datetime.date",
                                                      "datetime.datetime",
                                                      "datetime.time",
                                                      "datetime.timedelta",
                                                      "datetime.timezone",
                                                      "decimal.Decimal",
                                                      "pathlib.PosixPath",
                                                      "pathlib.PurePosixPath",
                                                      "pathlib._local.PosixPath",
                                                      "types.SimpleNamespace",
                                                      "uuid.UUID"};

constexpr std::array<std::string_view, 5> kKnownPackages{
    "sklearn.preprocessing.", "torch.nn.", "torch.optim.", "torch.torch_version.", "torch._C._nn."};

constexpr std::array<std::string_view, 12> kKnownNumpy{"ndarray", "dtype", "float64", "float32",
                                                       "float16", "int64", "int32",   "int16",
                                                       "int8",    "uint8", "bool_",   "str_"};

// Every opcode that the restricted unpickler handles, by pickletools' names.
constexpr std::array<std::string_view, 34> kAllowedOpcodes{
    "PROTO",       "STOP",    "MARK",        "NONE",     "NEWTRUE",   "NEWFALSE",   "BININT",
    "BININT1",     "BININT2", "LONG1",       "BINFLOAT", "TUPLE",     "BINUNICODE", "SHORT_BINSTRING",
    "EMPTY_TUPLE", "TUPLE1",  "TUPLE2",      "TUPLE3",   "APPEND",    "EMPTY_LIST", "APPENDS",
    "EMPTY_DICT",  "SETITEM", "SETITEMS",    "GLOBAL",   "REDUCE",    "EMPTY_SET",  "NEWOBJ",
    "BUILD",       "BINGET",  "LONG_BINGET", "BINPUT",   "BINPERSID", "LONG_BINPUT"};

constexpr std::array<std::pair<std::string_view, std::string_view>, 14> kDtypeClasses{
    {{"str", "StrDType"},
     {"object", "ObjectDType"},
     {"bytes", "BytesDType"},
     {"bool", "BoolDType"},
     {"float64", "Float64DType"},
     {"float32", "Float32DType"},
     {"float16", "Float16DType"},
     {"int64", "Int64DType"},
     {"int32", "Int32DType"},
     {"int16", "Int16DType"},
     {"int8", "Int8DType"},
     {"uint8", "UInt8DType"},
     {"uint32", "UInt32DType"},
     {"uint64", "UInt64DType"}}};

template <class List>
bool holds(const List& list, std::string_view word) {
  return std::ranges::find(list, word) != list.end();
}

// Builtins that Python 2 called otherwise; protocol 2 writes them so.
std::string_view python3_name(std::string_view module, std::string_view name) {
  if (module == "__builtin__") {
    for (const auto& [old, current] : kOldBuiltins) {
      if (name == old) {
        return current;
      }
    }
  }
  return name;
}

std::string_view python3_module(std::string_view module) {
  for (const auto& [old, current] : kOldModules) {
    if (module == old) {
      return current;
    }
  }
  return module;
}

bool is_allowed(std::string_view module, std::string_view name, std::string_view full) {
  if (holds(kAllowed, full)) {
    return true;
  }
  if (module == "torch._utils") {
    return holds(kAllowedRebuilders, name);
  }
  const bool tensor_module = module == "torch" || module == "torch.cuda" || module == "torch.sparse" ||
                             module == "torch.cuda.sparse";
  if (tensor_module && (name.ends_with("Storage") || name.ends_with("Tensor"))) {
    return true;
  }
  return module == "torch" && holds(kAllowedTorch, name);
}

bool is_known_data(std::string_view module, std::string_view name, std::string_view full) {
  if (holds(kKnownData, full)) {
    return true;
  }
  if (module == "numpy") {
    return holds(kKnownNumpy, name);
  }
  if (module == "numpy.core.multiarray" || module == "numpy._core.multiarray") {
    return name == "_reconstruct" || name == "scalar";
  }
  return module == "numpy.dtypes" ||
         std::ranges::any_of(kKnownPackages, [&](std::string_view known) { return full.starts_with(known); });
}

// The module to import for an object that the pickle calls `module.name`.
std::string importable(std::string_view module) {
  // Private modules are reached through their package, which imports them.
  if (module.starts_with("numpy")) {
    return "numpy";
  }
  const std::size_t private_part = module.find("._");
  return std::string(module.substr(0, private_part));
}

}  // namespace

std::string global_name(std::string_view module, std::string_view name) {
  return std::format("{}.{}", python3_module(module), python3_name(module, name));
}

GlobalStanding standing_of(std::string_view module, std::string_view name) {
  const std::string full = global_name(module, name);
  name = python3_name(module, name);
  module = python3_module(module);
  if (holds(kBlockedModules, module)) {
    return GlobalStanding::blocked;
  }
  if (module == "__main__" || module == "__mp_main__") {
    return GlobalStanding::main_module;
  }
  if (is_allowed(module, name, full)) {
    return GlobalStanding::allowed;
  }
  return is_known_data(module, name, full) ? GlobalStanding::known_data : GlobalStanding::foreign;
}

std::vector<std::string> refused_opcodes(const std::vector<std::string>& opcodes) {
  std::vector<std::string> refused;
  for (const std::string& opcode : opcodes) {
    if (!holds(kAllowedOpcodes, opcode)) {
      refused.push_back(opcode);
    }
  }
  return refused;
}

std::string allow_line(const std::vector<GlobalFacts>& globals, const std::vector<std::string>& dtypes) {
  std::set<std::string> imports;
  std::vector<std::string> items;
  const auto add = [&](std::string item) {
    if (!holds(items, item)) {
      items.push_back(std::move(item));
    }
  };
  bool array_types = false;
  for (const GlobalFacts& global : globals) {
    if (standing_of(global.module, global.name) != GlobalStanding::known_data) {
      continue;
    }
    const std::string full = global_name(global.module, global.name);
    const bool builtin = python3_module(global.module) == "builtins";
    if (!builtin) {
      imports.insert(importable(python3_module(global.module)));
    }
    // The key must be the file's spelling, while NumPy 2 calls the object `numpy._core...`.
    add(global.module == "numpy.core.multiarray" ? std::format("({0}, \"{0}\")", full)
        : builtin                                ? full.substr(full.find('.') + 1)
                                                 : full);
    array_types = array_types || full == "numpy.dtype";
  }
  if (items.empty()) {
    return {};
  }
  for (const auto& [dtype, name] : kDtypeClasses) {
    if (array_types && holds(dtypes, dtype)) {
      add(std::format("numpy.dtypes.{}", name));
    }
  }
  std::string line = "torch.serialization.add_safe_globals([" + join(items, ", ") + "])";
  if (!imports.empty()) {
    line = "import " + join(std::vector<std::string>(imports.begin(), imports.end()), ", ") + "; " + line;
  }
  return line;
}

}  // namespace runup
