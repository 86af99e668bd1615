# SPDX-License-Identifier: Apache-2.0
"""Model files of every kind that a runtime runs, sound ones and others, with what a config says of them.

Each function below yields the fixtures of one kind. Where this process can run the model, the fixture has a sample with
the output that its own torch or onnxruntime gives, so that each witness is held to that as well.
"""

import importlib.util
import json
import os
import struct
import sys
import warnings
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy
import onnx
import onnxruntime
import torch
from onnx import TensorProto, helper

TESTS = Path(__file__).resolve().parents[1]
EXAMPLE = TESTS.parent / "configs/examples/sign-language-service"
RTOL, ATOL = 1e-5, 1e-6


def module_of(name, path):
    """A module of another folder of tests; several have the same name."""
    spec = importlib.util.spec_from_file_location(name, path)
    made = importlib.util.module_from_spec(spec)
    sys.modules[name] = made
    spec.loader.exec_module(made)
    return made


os.environ.setdefault("RUNUP_PROBE_ONNXRUNTIME", "")
torch_models = module_of("torch_models", TESTS / "torch/models.py")
onnx_models = module_of("models", TESTS / "onnxruntime/models.py")
onnx_project = module_of("onnx_project", TESTS / "onnxruntime/test_onnx_project.py")
scripts = module_of("script_modules", TESTS / "torchscript/modules.py")
networks = module_of("shape_networks", TESTS / "shapes/networks.py")


@dataclass
class Fixture:
    name: str
    # an entry of `models:`
    config: dict


class Folder:
    """A package in the making."""

    def __init__(self, path):
        self.path = Path(path)

    def save(self, name, value, **how):
        torch.save(value, self.path / name, **how)
        return name

    def script(self, name, module):
        module.save(str(self.path / name))
        return name

    def text(self, name, text):
        (self.path / name).write_text(text, encoding="utf-8")
        return name

    def sample(self, name, inputs, outputs):
        """`inputs` and `outputs` by name; files of numbers for both."""
        files = {}
        for key, value in inputs.items():
            files[key] = f"{name}.{len(files)}.npy"
            numpy.save(self.path / files[key], value)
        sample = {"inputs": files} if len(files) > 1 else {"input": next(iter(files.values()))}
        if outputs:
            numpy.savez(self.path / f"{name}.out.npz", **outputs)
            sample |= {"output": f"{name}.out.npz", "rtol": RTOL, "atol": ATOL}
        return sample


def declared(arrays):
    inputs = []
    for name, array in arrays.items():
        one = {"name": name, "dtype": str(array.dtype), "shape": list(array.shape)}
        if array.dtype.kind in "iu":
            one["range"] = {"low": int(array.min()), "high": int(array.max()) + 1}
        inputs.append(one)
    return inputs


def fixture(folder, name, path, arrays, outputs=None, **more):
    config = {"path": path, "inputs": declared(arrays), **more}
    if outputs is not None:
        config["samples"] = [folder.sample(name, arrays, outputs)]
    return Fixture(name, config)


def run_torch(module, inputs):
    with torch.no_grad():
        return {name: tensor.numpy() for name, tensor in torch_models.flatten(module(*inputs))}


# ---- TorchScript and state_dicts


def networks_in_each_form(folder):
    """Scripted (one of them traced too), as a state_dict in source, and as one in an archive."""
    for case in torch_models.cases():
        arrays = {name: tensor.numpy() for name, tensor in zip(case.names, case.inputs)}
        outputs = run_torch(case.module, case.inputs)
        for way in ("scripted", "traced") if case.name == "recurrent" else ("scripted",):
            path = folder.script(f"{case.name}.{way}.pt", getattr(case, way)(case.module))
            yield fixture(folder, f"{case.name}-{way}", path, arrays, outputs)
        weights = folder.save(f"{case.name}.pth", case.module.state_dict())
        source = folder.text(f"{case.name}.py", case.source)
        yield fixture(folder, f"{case.name}-source", weights, arrays, outputs, architecture=source)
        other = folder.script(f"{case.name}.other.pt", case.scripted(case.other))
        yield fixture(folder, f"{case.name}-filled", weights, arrays, outputs, architecture=other)


def safetensors(path, state):
    names = {torch.float32: "F32", torch.int64: "I64"}
    header, data = {}, b""
    for key, value in state.items():
        start = len(data)
        data += value.contiguous().numpy().tobytes()
        header[key] = {"dtype": names[value.dtype], "shape": list(value.shape), "data_offsets": [start, len(data)]}
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def deflated(source, target):
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new:
        for member in old.namelist():
            new.writestr(member, old.read(member))


def checkpoints_of_each_kind(folder):
    from sklearn.preprocessing import LabelEncoder

    mlp = torch_models.cases()[0]
    state = mlp.module.state_dict()
    arrays = {"x": mlp.inputs[0].numpy()}
    outputs = run_torch(mlp.module, mlp.inputs)
    source = folder.text("kinds.py", mlp.source)
    encoder = LabelEncoder().fit(["a", "b", "c"])
    together = torch.cat([value.flatten() for value in state.values()])
    # One storage, and strides of their own.
    views, at = {}, 0
    for key, value in state.items():
        views[key] = together[at:at + value.numel()].view(value.t().shape).t()
        at += value.numel()
    folder.save("plain.pth", state)
    deflated(folder.path / "plain.pth", folder.path / "deflated.pth")
    safetensors(folder.path / "kinds.safetensors", state)
    paths = {
        "legacy": folder.save("legacy.pth", state, _use_new_zipfile_serialization=False),
        "deflated": "deflated.pth",
        "safetensors": "kinds.safetensors",
        "views-legacy": folder.save("views-legacy.pth", views, _use_new_zipfile_serialization=False),
        "with-encoder": folder.save("encoder.pth", {"model_state_dict": state, "label_encoder": encoder, "epoch": 3}),
    }
    for name, path in paths.items():
        yield fixture(folder, f"kind-{name}", path, arrays, outputs, architecture=source)
    # Half weights meet the inputs' type, in a module of float32.
    half = folder.save("half.pth", {key: value.half() for key, value in state.items()})
    yield fixture(folder, "kind-half", half, arrays, architecture=source)
    quantised = {"w": torch.quantize_per_channel(torch.randn(3, 6), torch.tensor([0.1, 0.2, 0.3]),
                                                 torch.tensor([0, 1, 2]), 0, torch.qint8),
                 "b": torch.quantize_per_tensor(torch.randn(3), 0.05, 10, torch.quint8)}
    text = ("def forward(state_dict: Dict[str, Tensor], x: Tensor) -> Tensor:\n"
            "    return torch.matmul(x, state_dict['w'].dequantize().t()) + state_dict['b'].dequantize()\n")
    outputs = {"output[0]": (mlp.inputs[0] @ quantised["w"].dequantize().t() + quantised["b"].dequantize()).numpy()}
    yield fixture(folder, "kind-quantised", folder.save("quantised.pth", quantised), arrays, outputs,
                  architecture=folder.text("quantised.py", text))
    # One function of operators that Python's `torch` does not have by that name, and a key made at run time.
    text = ("def forward(state_dict: Dict[str, Tensor], x: Tensor) -> Dict[str, Tensor]:\n"
            "    y = x\n"
            "    for name in ['first', 'second']:\n"
            "        y = torch.gelu(torch.linear(y, state_dict[name + '.weight'], state_dict[name + '.bias']))\n"
            "    if 'scale' in state_dict:\n"
            "        y = y * state_dict['scale']\n"
            "    return {'y': y, 'again': torch.relu6(y)}\n")
    yield fixture(folder, "kind-run-time-keys", "plain.pth", arrays, architecture=folder.text("names.py", text))


def state_dicts_that_do_not_fit(folder):
    mlp, conv = torch_models.cases()[:2]
    arrays = {"x": mlp.inputs[0].numpy()}
    state = mlp.module.state_dict()
    source = folder.text("unfit.py", mlp.source)
    archive = folder.script("unfit.pt", mlp.scripted(mlp.other))
    lacking = {key: value for key, value in state.items() if key != "second.bias"}
    files = {
        "missing": lacking,
        "unexpected": {**state, "third.weight": torch.ones(2, 2)},
        "misshapen": {**state, "second.weight": torch.zeros(3, 7)},
        "nan": {**state, "second.bias": torch.full((3,), float("nan"))},
    }
    for name, content in files.items():
        path = folder.save(f"unfit-{name}.pth", content)
        yield fixture(folder, f"unfit-{name}-source", path, arrays, architecture=source)
        if name in ("unexpected", "misshapen"):
            yield fixture(folder, f"unfit-{name}-archive", path, arrays, architecture=archive)
    good = folder.save("unfit-good.pth", state)
    texts = {
        "syntax": "def forward(state_dict: Dict[str, Tensor], x: Tensor) -> Tensor:\n    return x +\n",
        "name": "def forward(state_dict: Dict[str, Tensor], x: Tensor) -> Tensor:\n    return json.dumps(x)\n",
        "python": "import os\n\ndef forward(state_dict: Dict[str, Tensor], x: Tensor) -> Tensor:\n    return x\n",
        "nothing": "def backward(x: Tensor) -> Tensor:\n    return x\n",
        "form": "def forward(x: Tensor) -> Tensor:\n    return x\n",
        "refuses": "def forward(state_dict: Dict[str, Tensor], x: Tensor) -> Tensor:\n"
                   "    return torch.matmul(x, state_dict['second.weight'].t())\n",
        "run-time-key": "def forward(state_dict: Dict[str, Tensor], x: Tensor) -> Tensor:\n"
                        "    return x + state_dict['absent' + str(x.dim())]\n",
    }
    for name, text in texts.items():
        yield fixture(folder, f"unfit-{name}", good, arrays, architecture=folder.text(f"unfit-{name}.py", text))
    yield fixture(folder, "unfit-no-architecture", good, arrays)
    yield fixture(folder, "unfit-device", good, arrays, architecture=source, device="cuda")
    # BatchNorm: statistics that the archive has and the file lacks
    state = {key: value for key, value in conv.module.state_dict().items() if "running" not in key}
    yield fixture(folder, "unfit-statistics", folder.save("statistics.pth", state),
                  {"image": conv.inputs[0].numpy()}, architecture=folder.script("conv.pt", conv.scripted(conv.other)))


class Outputs(torch.nn.Module):
    """Everything that a model may return."""

    def forward(self, x):
        return {"a": (x * 2, x.sum(0)), "b": (x > 0, x[:0])}


class Numbers(torch.nn.Module):
    def forward(self, x) -> tuple[torch.Tensor, int, float, bool]:
        return x * 2, x.dim(), 0.5, True


class Named(torch.nn.Module):
    def forward(self, x: dict[str, torch.Tensor]):
        return x["left"] + 2 * x["right"]


class Listed(torch.nn.Module):
    def forward(self, x: list[torch.Tensor]):
        return x[0] - x[1]


class Raises(torch.nn.Module):
    def forward(self, x):
        if x.size(0) < 100:
            raise ValueError("at least a hundred rows")
        return x


class Grown(torch.nn.Module):
    """It changes what it holds, and so its answer."""

    def __init__(self):
        super().__init__()
        self.register_buffer("count", torch.zeros(1))

    def forward(self, x):
        self.count += 1
        return x + self.count


class NotANumber(torch.nn.Module):
    def forward(self, x):
        return torch.log(x - 100)


class Text(torch.nn.Module):
    def forward(self, x) -> str:
        return "no tensor"


def archives(folder):
    x = torch.randn(3, 4, generator=torch.Generator().manual_seed(1))
    arrays = {"x": x.numpy()}
    for name, module in [("outputs", Outputs()), ("numbers", Numbers()), ("raises", Raises()), ("grown", Grown()),
                         ("not-a-number", NotANumber()), ("text", Text())]:
        path = folder.script(f"script-{name}.pt", torch.jit.script(module))
        yield fixture(folder, f"script-{name}", path, arrays)
    both = {"left": x.numpy(), "right": (x * 3).numpy()}
    yield fixture(folder, "script-named", folder.script("named.pt", torch.jit.script(Named())), both,
                  {"output[0]": (x + 6 * x).numpy()})
    yield fixture(folder, "script-listed", folder.script("listed.pt", torch.jit.script(Listed())), both,
                  {"output[0]": (x - 3 * x).numpy()})
    yield fixture(folder, "script-wrong-shape", folder.script("wrong.pt", torch.jit.script(torch.nn.Linear(5, 2))), arrays)
    yield fixture(folder, "script-wrong-type", folder.script("type.pt", torch.jit.script(torch.nn.Linear(4, 2))),
                  {"x": numpy.ones((3, 4), numpy.int64)})
    yield fixture(folder, "script-device", "type.pt", arrays, device="cuda:0")
    cut = (folder.path / "type.pt").read_bytes()
    (folder.path / "cut.pt").write_bytes(cut[:len(cut) // 2])
    yield fixture(folder, "script-cut", "cut.pt", arrays)
    with zipfile.ZipFile(folder.path / "type.pt") as old, zipfile.ZipFile(folder.path / "later.pt", "w") as new:
        for member in old.namelist():
            new.writestr(member, b"99\n" if member.endswith("/version") else old.read(member))
    yield fixture(folder, "script-later-format", "later.pt", arrays)
    for name, make, shape, ways in scripts.MODULES:
        if name not in ("mlp", "batch_norm", "noise", "quantised"):
            continue
        for training in (True,) if name in ("mlp", "batch_norm") else (False,):
            torch.manual_seed(0)
            module = make().train(training)
            given = scripts._tensor(*shape)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                made = torch.jit.script(module)
            label = f"mode-{name}-{'training' if training else 'eval'}"
            yield fixture(folder, label, folder.script(f"{label}.pt", made), {"x": given.numpy()})


def sizes(folder):
    """Networks with axes, some of which refuse what the config declares."""
    axes = {"batch": {"example": 1, "range": [1, 4]}, "time": {"example": 12, "range": [1, 20]}}
    for name, module in [("pooled", networks.Pooled()), ("table", networks.Positional(15)),
                         ("baked", networks.BakedState())]:
        path = folder.script(f"sizes-{name}.pt", torch.jit.script(module.eval()))
        yield Fixture(f"sizes-{name}", {"path": path, "axes": axes,
                                        "inputs": [{"name": "x", "shape": ["batch", "time", 8]}]})


def the_example(folder):
    for name in ("cnn_bilstm_attention_model.pth", "cnn_bilstm_attention_model.onnx", "cnn_bilstm_attention_model.ts.pt"):
        (folder.path / name).write_bytes((EXAMPLE / "models" / name).read_bytes())
    text = (EXAMPLE / "architectures/cnn_bilstm_attention.py").read_text()
    folder.text("example.py", text)
    arrays = {"frames": numpy.load(EXAMPLE / "samples/hello.npy")}
    for name, more in [("pth", {"architecture": "example.py", "state_dict": "model_state_dict",
                                "labels": {"from": "checkpoint", "key": "label_encoder"}}),
                       ("onnx", {}), ("ts.pt", {})]:
        yield fixture(folder, f"example-{name.replace('.', '-')}", f"cnn_bilstm_attention_model.{name}", arrays, **more)


# ---- ONNX


def onnx_fixture(folder, name, path, arrays, run=True, **more):
    outputs = None
    if run:
        session = onnxruntime.InferenceSession(str(folder.path / path), providers=["CPUExecutionProvider"])
        given = session.run(None, arrays)
        outputs = {one.name: value for one, value in zip(session.get_outputs(), given) if isinstance(value, numpy.ndarray)
                   and value.dtype.kind in "fiub"}
    return fixture(folder, name, path, arrays, outputs or None, **more)


def by_hand(folder, name, nodes, inputs, outputs, **more):
    return onnx_models.graph(folder.path, nodes, inputs, outputs, name=f"{name}.onnx", **more).name


def onnx_graphs(folder):
    node, info = helper.make_node, TensorProto
    rng = numpy.random.default_rng(4)
    x = rng.standard_normal((3, 4)).astype(numpy.float32)
    frames = {"frames": rng.standard_normal((2, 20, 147)).astype(numpy.float32)}
    yield onnx_fixture(folder, "onnx-relu", onnx_models.relu(folder.path, name="relu.onnx").name, {"x": x})
    external = onnx_models.with_external_data(folder.path).rename(folder.path / "external.onnx").name
    yield onnx_fixture(folder, "onnx-external-data", external, {"x": rng.standard_normal((2, 64)).astype(numpy.float32)})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield onnx_fixture(folder, "onnx-static", onnx_models.example(folder.path, "static.onnx", dynamic_axes=None).name,
                           frames, run=False)
        yield onnx_fixture(folder, "onnx-training", onnx_models.example(
            folder.path, "training.onnx", training=torch.onnx.TrainingMode.TRAINING).name, frames, run=False)
    rows = [("x", info.FLOAT, ["batch", 4])]

    def one(name, nodes, outputs, inputs=rows, given=None, run=True, more=None, **graph):
        path = by_hand(folder, name, nodes, inputs, outputs, **graph)
        return onnx_fixture(folder, f"onnx-{name}", path, given or {"x": x}, run, **(more or {}))

    yield one("shape", [node("Shape", ["x"], ["y"])], [("y", info.INT64, [2])])
    yield one("double", [node("Cast", ["x"], ["y"], to=info.DOUBLE)], [("y", info.DOUBLE, ["batch", 4])])
    yield one("half", [node("Cast", ["x"], ["y"], to=info.FLOAT16)], [("y", info.FLOAT16, ["batch", 4])])
    yield one("bfloat16", [node("Cast", ["x"], ["y"], to=info.BFLOAT16)], [("y", info.BFLOAT16, ["batch", 4])], run=False)
    yield one("texts", [node("Cast", ["x"], ["y"], to=info.STRING)], [("y", info.STRING, ["batch", 4])], run=False)
    yield one("flag", [node("IsNaN", ["x"], ["y"])], [("y", info.BOOL, ["batch", 4])])
    yield one("not-a-number", [node("Log", ["m"], ["y"]), node("Neg", ["a"], ["m"]), node("Abs", ["x"], ["a"])][::-1],
              [("y", info.FLOAT, ["batch", 4])], run=False)
    yield one("noise", [node("RandomNormalLike", ["x"], ["y"])], [("y", info.FLOAT, ["batch", 4])], run=False)
    yield one("dropout", [node("Dropout", ["x", "rate", "on"], ["y"])], [("y", info.FLOAT, ["batch", 4])], run=False,
              initializers={"rate": numpy.array(0.5, numpy.float32), "on": numpy.array(True)})
    yield one("later-opset", [node("Relu", ["x"], ["y"])], [("y", info.FLOAT, ["batch", 4])], run=False, opset=99)
    yield one("later-ir", [node("Relu", ["x"], ["y"])], [("y", info.FLOAT, ["batch", 4])], run=False, ir_version=90)
    yield one("foreign", [node("Own", ["x"], ["y"], domain="com.example")], [("y", info.FLOAT, ["batch", 4])],
              run=False, domains=["com.example"])
    yield one("broken", [node("Relu", ["z"], ["y"])], [("y", info.FLOAT, ["batch", 4])], run=False)
    yield one("baked-shape", [node("Reshape", ["x", "to"], ["y"])], [("y", info.FLOAT, [3, 4])], run=False,
              initializers={"to": numpy.array([2, 6])}, given={"x": numpy.ones((5, 4), numpy.float32)})
    yield one("wrong-shape", [node("Relu", ["x"], ["y"])], [("y", info.FLOAT, ["batch", 4])], run=False,
              given={"x": numpy.ones((3, 5), numpy.float32)})
    yield one("wrong-type", [node("Relu", ["x"], ["y"])], [("y", info.FLOAT, ["batch", 4])], run=False,
              given={"x": numpy.ones((3, 4), numpy.int64)})
    yield one("other-name", [node("Relu", ["x"], ["y"])], [("y", info.FLOAT, ["batch", 4])], run=False,
              given={"features": numpy.ones((3, 4), numpy.float32)})
    two = [("a", info.FLOAT, ["batch", 4]), ("b", info.FLOAT, ["batch", 4])]
    added = [node("Add", ["a", "b"], ["y"])]
    yield one("two", added, [("y", info.FLOAT, ["batch", 4])], two, {"b": x, "a": 2 * x})
    yield one("one-of-two", added, [("y", info.FLOAT, ["batch", 4])], two, {"a": x}, run=False)
    yield one("unknown-name", added, [("y", info.FLOAT, ["batch", 4])], two, {"a": x, "c": x}, run=False)
    yield one("device", [node("Relu", ["x"], ["y"])], [("y", info.FLOAT, ["batch", 4])], run=False,
              more={"device": "cuda"})
    yield zip_map(folder)


def zip_map(folder):
    """The probabilities of a classifier as converters of scikit-learn write them: a map for each row."""
    classes = helper.make_node("ZipMap", ["p"], ["probabilities"], domain="ai.onnx.ml", classlabels_int64s=[3, 1, 2])
    made = helper.make_graph(
        [helper.make_node("Softmax", ["x"], ["p"]), classes], "classifier",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 3])],
        [helper.make_value_info("probabilities", helper.make_sequence_type_proto(helper.make_map_type_proto(
            TensorProto.INT64, helper.make_tensor_type_proto(TensorProto.FLOAT, []))))])
    model = helper.make_model(made, ir_version=8, opset_imports=[helper.make_opsetid("", 17),
                                                                 helper.make_opsetid("ai.onnx.ml", 3)])
    (folder.path / "zipmap.onnx").write_bytes(model.SerializeToString())
    return onnx_fixture(folder, "onnx-zip-map", "zipmap.onnx", {"x": numpy.eye(3, dtype=numpy.float32)}, run=False)


# Every so many of the ONNX project's own tests: a model with recorded inputs and outputs, made by nobody here.
STRIDE = 37


def onnx_projects_tests(folder):
    found = [one for suite in onnx_project.SUITES for one in sorted((onnx_project.DATA / suite).glob("*"))
             if (one / "model.onnx").exists()]
    for source in found[::STRIDE]:
        model = onnx.load(source / "model.onnx", load_external_data=False)
        filled = {value.name for value in model.graph.initializer}
        inputs = [value for value in model.graph.input if value.name not in filled]
        try:
            given = {value.name: onnx_project.read_tensor(source / f"test_data_set_0/input_{i}.pb", value.type)
                     for i, value in enumerate(inputs)}
        except onnx_project.Undeclarable:
            continue
        if not given or any(array.size == 0 for _, array in given.values()):
            continue
        path = f"{source.name}.onnx"
        (folder.path / path).write_bytes((source / "model.onnx").read_bytes())
        arrays = {name: array for name, (_, array) in given.items()}
        made = fixture(folder, f"project-{source.name}", path, arrays)
        for one, (dtype, _) in zip(made.config["inputs"], given.values()):
            one["dtype"] = dtype
        made.config["samples"] = [folder.sample(made.name, arrays, {})]
        yield made


KINDS = [networks_in_each_form, checkpoints_of_each_kind, state_dicts_that_do_not_fit, archives, sizes, the_example,
         onnx_graphs, onnx_projects_tests]


def write(path):
    folder = Folder(path)
    return [one for kind in KINDS for one in kind(folder)]
