// SPDX-License-Identifier: Apache-2.0
#include "facts/weights_only.h"

#include <algorithm>
#include <array>

#include <catch2/catch_test_macros.hpp>

using namespace runup;

namespace {

// sorted(torch._weights_only_unpickler._get_allowed_globals()) of PyTorch 2.6.0, without the storage and
// tensor classes, of which a few stand for all.
constexpr std::array<std::string_view, 67> kTorchAllows{"_codecs.encode",
                                                        "builtins.bytearray",
                                                        "builtins.complex",
                                                        "builtins.set",
                                                        "collections.Counter",
                                                        "collections.OrderedDict",
                                                        "torch.BFloat16Storage",
                                                        "torch.BoolTensor",
                                                        "torch.QUInt4x2Storage",
                                                        "torch.Size",
                                                        "torch.Tensor",
                                                        "torch._tensor._rebuild_from_type_v2",
                                                        "torch._utils._rebuild_device_tensor_from_cpu_tensor",
                                                        "torch._utils._rebuild_device_tensor_from_numpy",
                                                        "torch._utils._rebuild_meta_tensor_no_storage",
                                                        "torch._utils._rebuild_nested_tensor",
                                                        "torch._utils._rebuild_parameter",
                                                        "torch._utils._rebuild_parameter_with_state",
                                                        "torch._utils._rebuild_qtensor",
                                                        "torch._utils._rebuild_sparse_tensor",
                                                        "torch._utils._rebuild_tensor",
                                                        "torch._utils._rebuild_tensor_v2",
                                                        "torch._utils._rebuild_tensor_v3",
                                                        "torch._utils._rebuild_wrapper_subclass",
                                                        "torch.bfloat16",
                                                        "torch.bits16",
                                                        "torch.bits1x8",
                                                        "torch.bits2x4",
                                                        "torch.bits4x2",
                                                        "torch.bits8",
                                                        "torch.bool",
                                                        "torch.complex128",
                                                        "torch.complex32",
                                                        "torch.complex64",
                                                        "torch.cuda.HalfStorage",
                                                        "torch.cuda.sparse.IntTensor",
                                                        "torch.device",
                                                        "torch.float16",
                                                        "torch.float32",
                                                        "torch.float64",
                                                        "torch.float8_e4m3fn",
                                                        "torch.float8_e4m3fnuz",
                                                        "torch.float8_e5m2",
                                                        "torch.float8_e5m2fnuz",
                                                        "torch.int16",
                                                        "torch.int32",
                                                        "torch.int64",
                                                        "torch.int8",
                                                        "torch.nn.parameter.Parameter",
                                                        "torch.per_channel_affine",
                                                        "torch.per_channel_affine_float_qparams",
                                                        "torch.per_channel_symmetric",
                                                        "torch.per_tensor_affine",
                                                        "torch.per_tensor_symmetric",
                                                        "torch.qint32",
                                                        "torch.qint8",
                                                        "torch.quint2x4",
                                                        "torch.quint4x2",
                                                        "torch.quint8",
                                                        "torch.serialization._get_layout",
                                                        "torch.sparse.FloatTensor",
                                                        "torch.storage.TypedStorage",
                                                        "torch.storage.UntypedStorage",
                                                        "torch.uint16",
                                                        "torch.uint32",
                                                        "torch.uint64",
                                                        "torch.uint8"};

GlobalStanding standing(std::string_view full) {
  const std::size_t dot = full.rfind('.');
  return standing_of(full.substr(0, dot), full.substr(dot + 1));
}

GlobalFacts global(std::string module, std::string name) {
  return {.module = std::move(module), .name = std::move(name)};
}

}  // namespace

TEST_CASE("what PyTorch allows by default is allowed") {
  for (const std::string_view name : kTorchAllows) {
    CAPTURE(name);
    CHECK(standing(name) == GlobalStanding::allowed);
  }
}

TEST_CASE("what PyTorch refuses is not: data, code, scripts and blocked modules are told apart") {
  for (const auto* name :
       {"numpy.ndarray", "numpy.dtype", "numpy.core.multiarray._reconstruct", "numpy._core.multiarray.scalar",
        "sklearn.preprocessing._label.LabelEncoder", "sklearn.preprocessing.label.LabelEncoder",
        "pathlib.PosixPath", "argparse.Namespace", "collections.defaultdict", "datetime.datetime",
        "torch.nn.modules.linear.Linear", "torch.torch_version.TorchVersion", "builtins.slice"}) {
    CAPTURE(name);
    CHECK(standing(name) == GlobalStanding::known_data);
  }
  for (const auto* name :
       {"models.Net", "builtins.eval", "builtins.getattr", "subprocess.Popen", "os.path.join",
        "torch.utils.collect_env.run", "numpy.testing._private.utils.runstring", "torch.hub.load",
        "sklearn.tree._tree.Tree", "torch._utils._unknown", "collections.namedtuple"}) {
    CAPTURE(name);
    CHECK(standing(name) == GlobalStanding::foreign);
  }
  CHECK(standing("__main__.Net") == GlobalStanding::main_module);
  for (const auto* name : {"os.system", "posix.system", "nt.system", "sys.exit"}) {
    CHECK(standing(name) == GlobalStanding::blocked);
  }
}

TEST_CASE("names of Python 2, which protocol 2 writes, are read as Python 3 does") {
  CHECK(standing("__builtin__.set") == GlobalStanding::allowed);
  CHECK(global_name("copy_reg", "_reconstructor") == "copyreg._reconstructor");
  // torch.save(collections.defaultdict(int)) with protocol 2
  CHECK(standing("__builtin__.long") == GlobalStanding::known_data);
  CHECK(global_name("__builtin__", "long") == "builtins.int");
  CHECK(allow_line({global("__builtin__", "long")}, {}) == "torch.serialization.add_safe_globals([int])");
}

TEST_CASE("opcodes beyond the restricted unpickler's are named") {
  // The names that `Unpickler.load` of torch/_weights_only_unpickler.py compares with, PyTorch 2.6.0.
  const std::vector<std::string> allowed{
      "APPEND",          "APPENDS", "BINFLOAT",   "BINGET",      "BININT",      "BININT1",    "BININT2",
      "BINPERSID",       "BINPUT",  "BINUNICODE", "BUILD",       "EMPTY_DICT",  "EMPTY_LIST", "EMPTY_SET",
      "EMPTY_TUPLE",     "GLOBAL",  "LONG1",      "LONG_BINGET", "LONG_BINPUT", "MARK",       "NEWFALSE",
      "NEWOBJ",          "NEWTRUE", "NONE",       "PROTO",       "REDUCE",      "SETITEM",    "SETITEMS",
      "SHORT_BINSTRING", "STOP",    "TUPLE",      "TUPLE1",      "TUPLE2",      "TUPLE3"};
  CHECK(refused_opcodes(allowed).empty());
  const std::vector<std::string> refused{
      "FRAME",    "MEMOIZE", "STACK_GLOBAL", "NEWOBJ_EX", "SHORT_BINUNICODE",
      "BINBYTES", "LONG4",   "INST",         "OBJ",       "PERSID",
      "EXT1",     "DICT",    "LIST",         "POP",       "DUP",
      "ADDITEMS", "STRING",  "GET",          "PUT",       "INT"};
  CHECK(refused_opcodes(refused) == refused);
}

TEST_CASE("the allow-list is Python that can be pasted") {
  // Both lines were run before `torch.load` of such checkpoints, by PyTorch 2.6.0 with NumPy 2.2.4.
  CHECK(allow_line({global("sklearn.preprocessing._label", "LabelEncoder"),
                    global("numpy._core.multiarray", "_reconstruct"), global("numpy", "ndarray"),
                    global("numpy", "dtype")},
                   {"str"}) ==
        "import numpy, sklearn.preprocessing; "
        "torch.serialization.add_safe_globals([sklearn.preprocessing._label.LabelEncoder, "
        "numpy._core.multiarray._reconstruct, numpy.ndarray, numpy.dtype, numpy.dtypes.StrDType])");
  CHECK(allow_line({global("numpy.core.multiarray", "scalar"), global("numpy", "dtype")}, {"float64"}) ==
        "import numpy; torch.serialization.add_safe_globals([(numpy.core.multiarray.scalar, "
        "\"numpy.core.multiarray.scalar\"), "
        "numpy.dtype, numpy.dtypes.Float64DType])");
  CHECK(allow_line({global("__builtin__", "slice")}, {}) == "torch.serialization.add_safe_globals([slice])");
}

TEST_CASE("the allow-list never has what is not known to be data") {
  CHECK(allow_line({global("os", "system"), global("models", "Net"), global("__main__", "Net"),
                    global("builtins", "eval")},
                   {"str"})
            .empty());
  CHECK(allow_line({}, {}).empty());
}
