# SPDX-License-Identifier: Apache-2.0
"""src/probes/python/run_model.py, spoken to as runup's python probe does, on services in which something is
right or wrong. Its answers are compared with those of the same network called here."""

import importlib.util
import json
import os
import socket
import struct
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path
from typing import NamedTuple, Tuple

import numpy
import torch

REPOSITORY = Path(__file__).resolve().parents[2]
SCRIPT = REPOSITORY / "src/probes/python/run_model.py"
EXAMPLE = REPOSITORY / "configs/examples/sign-language-service"
START = ("import sys; sys.path[:] = [p for p in sys.path if p]; import types; m = types.ModuleType('_runup'); sys.modules['_runup'] = m; "
         "exec(compile(sys.argv.pop(1), '<runup>', 'exec'), m.__dict__)")

found = importlib.util.spec_from_file_location("torch_models", REPOSITORY / "tests/torch/models.py")
torch_models = importlib.util.module_from_spec(found)
found.loader.exec_module(torch_models)


class Several(NamedTuple):
    tensor: torch.Tensor
    pair: Tuple[int, float]
    flag: bool


class Answers(torch.nn.Module):
    def forward(self, x) -> Several:
        if x.size(0) != 2:
            raise ValueError("two rows")
        return Several(x * 2, (x.dim(), 0.5), True)


class Child:
    """One process of the script."""

    def __init__(self, folder):
        ours, theirs = socket.socketpair()
        self.channel = ours
        self.inputs, self.outputs, self.numbers = (os.memfd_create(name) for name in ("in", "out", "numbers"))

        def place():
            high = [os.dup2(fd, 100 + i)
                    for i, fd in enumerate((theirs.fileno(), self.inputs, self.outputs, self.numbers))]
            for i, fd in enumerate(high):
                os.dup2(fd, 3 + i)

        self.words = tempfile.TemporaryFile()
        self.process = subprocess.Popen([sys.executable, "-c", START, SCRIPT.read_text()], preexec_fn=place,
                                        close_fds=False, cwd=folder, stderr=self.words, stdout=subprocess.DEVNULL,
                                        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})
        theirs.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.channel.close()
        self.process.wait(30)
        for fd in (self.inputs, self.outputs, self.numbers):
            os.close(fd)

    def ask(self, **message):
        body = json.dumps(message).encode()
        self.channel.sendall(struct.pack("<I", len(body)) + body)
        header = self.channel.recv(4, socket.MSG_WAITALL)
        if len(header) < 4:
            return None
        return json.loads(self.channel.recv(struct.unpack("<I", header)[0], socket.MSG_WAITALL))

    def load(self, root, factory, entry=None, network=""):
        return self.ask(do="load", root=str(root), path=[str(entry or root)], argv=["main.py"], factory=factory,
                        network=network)

    def look(self, survey=False, globals=(), numbers=False):
        return self.ask(do="look", survey=survey, globals=list(globals), numbers=numbers)

    def ready(self, library="torch"):
        return self.ask(do="get_ready", root="/", library=library)

    def open_file(self, path, kind, device="cpu", architecture=""):
        return self.ask(do="open_file", path=str(path), kind=kind, device=device, architecture=str(architecture))

    def fill(self, path, state, device="cpu", become="float32"):
        """As runup does, with all bytes in descriptor 6."""
        told, at = [], 0
        for key, value in state.items():
            value = value.contiguous()
            stored = value.int_repr() if value.is_quantized else value
            data = stored.reshape(-1).view(torch.uint8).numpy().tobytes()
            os.pwrite(self.numbers, data, at)
            one = {"key": key, "dtype": str(value.dtype).replace("torch.", ""), "shape": list(value.shape),
                   "stride": list(value.stride()), "offset": at, "kept": True, "conjugate": False, "negative": False,
                   "scheme": "", "scales": [], "zero_points": [], "axis": 0}
            if value.is_quantized:
                one |= {"scheme": "per_tensor_affine", "scales": [value.q_scale()], "zero_points": [value.q_zero_point()]}
            told.append(one)
            at += -(-len(data) // 8) * 8
        return self.ask(do="fill", path=str(path), device=device, become=become, tensors=told)

    def tensors(self, **arrays):
        told, at = [], 0
        os.ftruncate(self.inputs, 0)
        for name, array in arrays.items():
            data = numpy.ascontiguousarray(array).tobytes()
            os.pwrite(self.inputs, data, at)
            told.append({"name": name, "dtype": str(array.dtype), "shape": list(array.shape), "offset": at,
                         "bytes": len(data)})
            at += len(data)
        return told

    def call(self, gradients=False, **arrays):
        answer = self.ask(do="call", inputs=self.tensors(**arrays), gradients=gradients)
        for tensor in answer.get("outputs", []):
            data = os.pread(self.outputs, tensor["bytes"], tensor["offset"])
            tensor["array"] = numpy.frombuffer(data, dtype=tensor["dtype"]).reshape(tensor["shape"])
        return answer


def write(folder, **files):
    for name, text in files.items():
        (Path(folder) / f"{name}.py").write_text(textwrap.dedent(text))


def failed(folder, factory="service:get"):
    with Child(folder) as child:
        return child.load(folder, factory)["failed"]


def loaded(folder, factory="service:get"):
    with Child(folder) as child:
        return child.load(folder, factory)["loaded"]


NETWORK = """
    import torch
    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            torch.manual_seed(1)
            self.layer = torch.nn.Linear(4, 3)
        def forward(self, x):
            return self.layer(x)
"""
X = numpy.arange(8, dtype=numpy.float32).reshape(2, 4)


def the_example(_):
    with Child("/") as child:
        answer = child.load(EXAMPLE, "processing.predictor:get_predictor")["loaded"]
        assert (answer["library"], answer["version"], answer["device"]) == ("torch", torch.__version__, "cpu"), answer
        assert answer["member"] == "._model" and not answer["training"], answer
        assert answer["times"]["import"] > 0 and answer["times"]["factory"] > 0, answer
        sample = numpy.load(EXAMPLE / "samples/hello.npy")
        got = child.call(frames=sample)
        expected = numpy.load(EXAMPLE / "samples/hello.out.npy")
        (output,) = got["outputs"]
        assert output["name"] == "output[0]" and output["dtype"] == "float32"
        assert numpy.allclose(output["array"], expected, rtol=1e-4, atol=1e-6), abs(output["array"] - expected).max()
        calls = child.ask(do="time", inputs=child.tensors(frames=sample), count=3)["calls"]
        assert len(calls) == 3 and all(0 < one < 30 for one in calls), calls


def where_the_network_is(folder):
    write(folder, net=NETWORK, service="""
        from net import Net
        class Predictor: pass
        def itself(): return Net().eval()
        def member():
            p = Predictor(); p.model = Net().eval(); p.other = Net(); return p
        def alone():
            p = Predictor(); p.net = Net().eval(); return p
        def mapping(): return {"model": Net().eval(), "labels": ["a"]}
        def pair(): return Net().eval(), ["a", "b"]
        def deeper():
            p = Predictor(); p.inner = member(); return p
        async def later(): return member()
        def several():
            p = Predictor(); p.a = Net(); p.b = Net(); return p
        def nothing(): return Predictor()
        def slotted():
            class S:
                __slots__ = ("model",)
            s = S(); s.model = Net().eval(); return s
    """)
    for factory, member in [("itself", ""), ("member", ".model"), ("alone", ".net"), ("mapping", "['model']"),
                            ("pair", "[0]"), ("deeper", ".inner.model"), ("later", ".model"), ("slotted", ".model")]:
        answer = loaded(folder, f"service:{factory}")
        assert answer["member"] == member, (factory, answer)
    for factory, words in [("several", "several networks (`.a`, `.b`)"), ("nothing", "no network is found")]:
        answer = failed(folder, f"service:{factory}")
        assert answer["stage"] == "network" and words in answer["words"], answer


def outputs_by_name(folder):
    write(folder, service="""
        import torch
        class Net(torch.nn.Module):
            def forward(self, x):
                half = x.to(torch.bfloat16)
                return {"logits": x * 2, "aux": (x.sum(), [half]), "none": None, "empty": x[:0],
                        "flag": x > 1, "turned": x.t()}
        def get(): return Net().eval()
    """)
    with Child(folder) as child:
        child.load(folder, "service:get")
        answer = child.ask(do="call", inputs=child.tensors(x=X), gradients=False)
        named = {t["name"]: t for t in answer["outputs"]}
        assert list(named) == ["logits", "aux[0]", "aux[1][0]", "empty", "flag", "turned"], list(named)
        assert named["aux[1][0]"]["dtype"] == "bfloat16" and named["flag"]["dtype"] == "bool"
        assert named["empty"]["shape"] == [0, 4] and named["empty"]["bytes"] == 0
        turned = named["turned"]
        data = os.pread(child.outputs, turned["bytes"], turned["offset"])
        assert numpy.array_equal(numpy.frombuffer(data, numpy.float32).reshape(4, 2), X.T)


def gradients_are_told(folder):
    write(folder, service="""
        import torch
        class Net(torch.nn.Module):
            def forward(self, x):
                return x * (2 if torch.is_grad_enabled() and x.requires_grad else 1)
        def get(): return Net().eval()
    """)
    with Child(folder) as child:
        child.load(folder, "service:get")
        assert numpy.array_equal(child.call(x=X)["outputs"][0]["array"], X)
        assert numpy.array_equal(child.call(gradients=True, x=X)["outputs"][0]["array"], 2 * X)


def refusals(folder):
    write(folder, net=NETWORK, service="from net import Net\ndef get(): return Net().eval()\n")
    with Child(folder) as child:
        child.load(folder, "service:get")
        answer = child.call(x=X[:, :3])
        assert "mat1 and mat2 shapes cannot be multiplied (2x3 and 4x3)" in answer["refused"], answer
        assert [f["function"] for f in answer["exception"]["frames"] if f["own"]] == ["forward"], answer
        # and it goes on
        assert child.call(x=X)["outputs"][0]["shape"] == [2, 3]


def failures_to_load(folder):
    write(folder, net=NETWORK, broken="def get(:\n", service="""
        import sys, torch
        from net import Net
        def missing_file():
            return torch.load("models/none.pth")
        def mismatch():
            Net().load_state_dict({"layer.weight": torch.zeros(3, 5), "layer.bias": torch.zeros(3)})
        def leaves(): sys.exit(3)
        def chained():
            try:
                open("/nonexistent/labels.json")
            except OSError as error:
                raise RuntimeError("no labels") from error
        def deep(): return deep()
    """, needs="import a_package_that_nobody_has\n", raises="import late\n", late="None.state\n",
          computes="exec('1 / 0')\n", misspelt="exec('1 +')\n")
    for factory, stage, kind, words in [
            ("service:missing_file", "factory", "FileNotFoundError", "models/none.pth"),
            ("service:mismatch", "factory", "RuntimeError", "size mismatch for layer.weight"),
            ("service:leaves", "factory", "SystemExit", "3"),
            ("service:chained", "factory", "RuntimeError", "no labels"),
            ("service:deep", "factory", "RecursionError", "recursion"),
            ("service:get_predictor", "lookup", "AttributeError", "get_predictor"),
            ("absent:get", "import", "ModuleNotFoundError", "absent"),
            ("needs:get", "import", "ModuleNotFoundError", "a_package_that_nobody_has"),
            ("raises:get", "import", "AttributeError", "state"),
            ("computes:get", "import", "ZeroDivisionError", "zero"),
            ("misspelt:get", "import", "SyntaxError", "invalid syntax"),
            ("broken:get", "import", "SyntaxError", "invalid syntax")]:
        answer = failed(folder, factory)
        exception = answer["exception"]
        assert (answer["stage"], exception["kind"]) == (stage, kind), (factory, answer)
        assert words in exception["message"], (factory, exception["message"])
        # What has no file is none of the package's: Python's own importing, the text of an `exec`.
        assert all(frame["file"].startswith(folder) for frame in exception["frames"] if frame["own"]), exception
        if factory == "service:missing_file":
            assert exception["path"] == "models/none.pth", exception
            own = [frame for frame in exception["frames"] if frame["own"]]
            assert own[-1]["function"] == "missing_file" and own[-1]["text"].startswith("return torch.load"), own
        if factory == "service:chained":
            assert exception["cause"].startswith("FileNotFoundError: "), exception
        if factory == "broken:get":
            assert exception["frames"][-1]["file"].endswith("broken.py") and exception["frames"][-1]["line"] == 1


def what_is_printed_stays_outside(folder):
    write(folder, net=NETWORK, service="""
        import os
        from net import Net
        print('{"loaded": {}}' * 1000)
        os.write(1, b"\\x02\\x00\\x00\\x00{}")
        def get():
            print("loading")
            return Net().eval()
    """)
    with Child(folder) as child:
        assert child.load(folder, "service:get")["loaded"]["library"] == "torch"
        assert child.call(x=X)["outputs"][0]["shape"] == [2, 3]


def a_death_is_silence(folder):
    write(folder, service="import os\ndef get(): os._exit(0)\n")
    with Child(folder) as child:
        assert child.load(folder, "service:get") is None
        assert child.process.wait(10) == 0


def main_is_not_ours(folder):
    """A class pickled from __main__ is not found, as under uvicorn; nothing of the script is there."""
    write(folder, net=NETWORK, service="""
        import sys
        from net import Net
        names = [n for n in vars(sys.modules["__main__"]) if not n.startswith("__")]
        def get():
            assert names == ["sys", "types", "m"], names
            return Net().eval()
    """)
    assert loaded(folder)["class"] == "net.Net"


def flags_and_devices(folder):
    write(folder, net=NETWORK, service="""
        from net import Net
        def get(): return Net()
    """)
    assert loaded(folder)["training"] == [".", "layer"]


def a_named_network(folder):
    write(folder, net=NETWORK, service="""
        from net import Net
        class Predictor: pass
        def get():
            p = Predictor(); p.a = Net(); p.parts = [{"b": Net().eval()}]; return p
    """)
    with Child(folder) as child:
        assert child.load(folder, "service:get", network=".parts.0.b")["loaded"]["member"] == ".parts.0.b"
    for network, words in [(".c", "without `.c`"), (".parts", "is a `list`")]:
        with Child(folder) as child:
            answer = child.load(folder, "service:get", network=network)["failed"]
            assert words in answer["words"] and answer["predictor"] == "service.Predictor", answer


def the_predict_method(folder):
    """Where no network is found."""
    write(folder, service="""
        import torch
        class Predictor:
            __slots__ = ()
            def predict(self, x):
                if x.shape[1] != 4: raise ValueError("four numbers")
                return {"label": "a", "confidence": 0.25, "logits": torch.from_numpy(x * 2)}
        def get(): return Predictor()
    """)
    with Child(folder) as child:
        answer = child.load(folder, "service:get")["loaded"]
        assert (answer["member"], answer["library"]) == (".predict", "torch"), answer
        confidence, logits = child.call(x=X)["outputs"]
        assert confidence["name"] == "confidence" and confidence["array"] == 0.25 and confidence["shape"] == []
        assert numpy.array_equal(logits["array"], 2 * X)
        # What it takes is its own affair.
        refused = child.call(x=X[:, :3])
        assert refused["unsupported"] and "ValueError: four numbers" in refused["refused"], refused
        assert "no network is found" in child.look(numbers=True)["no_numbers"]


def what_was_asked_for(folder):
    (Path(folder) / "models").mkdir()
    torch.save({"a": torch.zeros(2)}, Path(folder) / "models/m.pth")
    write(folder, net=NETWORK, service="""
        import json, socket, sys, torch
        from pathlib import Path
        from net import Net
        HERE = Path(__file__).resolve().parent
        def get():
            torch.load("models/m.pth")
            for _ in range(3):
                torch.load(HERE / "models/m.pth")
            try:
                open("labels.json")
            except OSError:
                pass
            open("/tmp/runup-a-log", "w").close()
            try:
                socket.create_connection(("127.0.0.1", 9), timeout=1)
            except OSError:
                pass
            json.load(open(HERE / "더하기.json"))
            return Net().eval()
    """)
    (Path(folder) / "더하기.json").write_text("{}")
    with Child(folder) as child:
        child.load(folder, "service:get")
        seen = child.look()
        assert seen["installed"] == [] and seen["globals"] == []
        assert [(one["path"], one["writing"], one["exists"]) for one in seen["opened"]] == [
            ("models/m.pth", False, True), (f"{os.path.realpath(folder)}/models/m.pth", False, True),
            ("labels.json", False, False), ("/tmp/runup-a-log", True, True),
            (f"{os.path.realpath(folder)}/더하기.json", False, True)], seen["opened"]
        lines = (Path(folder) / "service.py").read_text().splitlines()
        for one in seen["opened"]:
            assert one["file"] == f"{os.path.realpath(folder)}/service.py", one
            assert Path(one["path"]).name.split(".")[0] in lines[one["line"] - 1], one
            assert one["absolute"] == os.path.join(os.path.realpath(folder), one["path"]), one
        assert seen["connections"] == ["127.0.0.1:9"], seen["connections"]


def a_survey(folder):
    write(folder, net=NETWORK, service="""
        import sys
        from net import Net
        sys.modules["__main__"].Net = Net
        def get(): return Net().eval()
    """)
    asked = [["__main__", "Net"], ["__main__", "Other"], ["net", "Net.forward"], ["net", "Nets"],
             ["collections", "OrderedDict"], ["__builtin__", "set"], ["a_package_that_nobody_has.x", "Y"]]
    with Child(folder) as child:
        child.load(folder, "service:get")
        seen = child.look(survey=True, globals=asked)
    found = {f"{one['module']}.{one['name']}": one for one in seen["globals"]}
    assert [one["found"] for one in found.values()] == [True, False, True, False, True, True, False], found
    assert found["net.Net.forward"]["file"] == str(Path(folder) / "net.py")
    assert found["net.Nets"]["has_module"] and "no attribute 'Nets'" in found["net.Nets"]["error"]
    absent = found["a_package_that_nobody_has.x.Y"]
    assert not absent["has_module"] and absent["error"].startswith("ModuleNotFoundError: No module named"), absent
    from importlib import metadata
    installed = {one["name"]: one["version"] for one in seen["installed"]}
    for name in ("numpy", "torch"):
        assert installed[name] == metadata.version(name), (name, installed.get(name))


def the_numbers(folder):
    """As safetensors, read here by the format's own rules."""
    write(folder, service="""
        import torch
        class Net(torch.nn.Module):
            def __init__(self):
                super().__init__()
                torch.manual_seed(3)
                self.a = torch.nn.Linear(4, 3)
                self.norm = torch.nn.BatchNorm1d(3)
                self.small = torch.nn.Parameter(torch.randn(5).to(torch.bfloat16))
                self.tied = torch.nn.Linear(4, 3, bias=False)
                self.tied.weight = self.a.weight
                self.turned = torch.nn.Parameter(torch.randn(2, 6).t())
                self.register_buffer("scratch", torch.ones(2), persistent=False)
                self.empty = torch.nn.Parameter(torch.empty(0, 3))
        def get(): return Net().eval()
    """)
    with Child(folder) as child:
        answer = child.load(folder, "service:get")
        assert "loaded" in answer, answer
        buffers = answer["loaded"]["buffers"]
        assert child.look(numbers=True)["no_numbers"] == ""
        data = os.pread(child.numbers, 1 << 20, 0)
    sys.path.insert(0, folder)
    import service
    state = service.get().state_dict()
    length = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:8 + length])
    del state["tied.weight"]
    assert set(header) == set(state), set(header) ^ set(state)
    assert set(buffers) == {"norm.running_mean", "norm.running_var", "norm.num_batches_tracked", "scratch"}, buffers
    for name, value in state.items():
        start, end = header[name]["data_offsets"]
        read = torch.frombuffer(bytearray(data[8 + length:][start:end]) or bytearray(1), dtype=torch.uint8)
        read = read[:end - start].view(value.dtype).reshape(header[name]["shape"])
        assert torch.equal(read, value), name


# ---- without a factory


def forms(folder):
    """Each network of the torch probe's tests: scripted, in source, and as an archive filled by a state_dict."""
    for case in torch_models.cases():
        arrays = {name: tensor.numpy() for name, tensor in zip(case.names, case.inputs)}
        with torch.no_grad():
            expected = torch_models.flatten(case.module(*case.inputs))
        state = case.module.state_dict()
        script, other, source = (Path(folder) / name for name in ("a.pt", "other.pt", "source.py"))
        case.scripted(case.module).save(str(script))
        case.scripted(case.other).save(str(other))
        source.write_text(case.source)
        for architecture in ("", source, other):
            with Child("/") as child:
                ready = child.ready()["ready"]
                assert (ready["library"], ready["version"]) == ("torch", torch.__version__), ready
                answer = child.open_file(script, "torch_zip" if architecture else "torchscript", architecture=architecture)
                if architecture:
                    wanted = answer["wanted"]
                    assert wanted["archive"] == (architecture == other) and wanted["all"] and not wanted["conditional"]
                    assert {key["key"] for key in wanted["keys"]} | {"bn.num_batches_tracked"} >= set(state), wanted
                    answer = child.fill(script, state)
                loaded = answer["loaded"]
                assert (loaded["device"], loaded["devices"][0]) == ("cpu", "cpu"), loaded
                got = child.call(**arrays)["outputs"]
                assert [one["name"] for one in got] == [name for name, _ in expected], got
                for one, (_, tensor) in zip(got, expected):
                    assert numpy.allclose(one["array"], tensor.numpy(), rtol=1e-5, atol=1e-6), (case.name, architecture)
                if architecture == source:
                    read = child.ask(do="read_keys", inputs=child.tensors(**arrays))["read"]
                    unread = [key for key, was in zip(state, read) if not was]
                    assert unread == [key for key in state if key.endswith("num_batches_tracked")], unread
                if architecture:
                    assert str(script) in [one["path"] for one in child.look()["opened"]]


SOURCE_OF_SOME = """
def forward(state_dict: Dict[str, Tensor], x: Tensor) -> Tensor:
    y = x
    for name in ["a", "b"]:
        y = y + state_dict[name + ".weight"]
    if "scale" in state_dict:
        y = y * state_dict["scale"]
    return torch.gelu(y) + state_dict["q"].dequantize().sum()
"""


def keys_of_source(folder):
    """What its graph tells of the keys; operators are those of libtorch, and nothing of Python is there."""
    source = Path(folder) / "source.py"
    source.write_text(SOURCE_OF_SOME)
    state = {"a.weight": torch.ones(4), "b.weight": torch.ones(4), "unread": torch.ones(1),
             "q": torch.quantize_per_tensor(torch.tensor([0.5, 1.0]), 0.5, 3, torch.qint8)}
    with Child("/") as child:
        child.ready()
        wanted = child.open_file(source, "torch_zip", architecture=source)["wanted"]
        assert not wanted["all"] and wanted["conditional"] == ["scale"], wanted
        assert wanted["keys"] == [{"key": "scale", "optional": True}, {"key": "q", "optional": False}], wanted
        assert child.fill(source, state)["loaded"]["class"].endswith("ScriptFunction")
        got = child.call(x=X)["outputs"][0]["array"]
        assert numpy.allclose(got, torch.nn.functional.gelu(torch.from_numpy(X) + 2).numpy() + 1.5)
        assert child.ask(do="read_keys", inputs=child.tensors(x=X))["read"] == [True, True, False, True]


def files_that_fail(folder):
    at = Path(folder)
    torch.jit.script(torch.nn.Linear(4, 2)).save(str(at / "good.pt"))
    (at / "cut.pt").write_bytes((at / "good.pt").read_bytes()[:200])
    form = "def forward(state_dict: Dict[str, Tensor], x: Tensor) -> Tensor:\n    return "
    for name, text in [("syntax", form + "x +\n"), ("module", form + "json.dumps(x)\n"), ("form", form.replace("state_dict:", "x1:").replace("Dict[str, Tensor]", "Tensor") + "x\n"),
                       ("nothing", "def other(x: Tensor) -> Tensor:\n    return x\n")]:
        (at / f"{name}.py").write_text(text)
    (at / "binary.py").write_bytes(b"\0\1\2")
    for file, kind, device, architecture, stage, words in [
            ("good.pt", "torchscript", "cuda", "", "device", "device `cuda` is not there; this torch has `cpu`"),
            ("good.pt", "torchscript", "gpu", "", "device", "`gpu` is no device that torch knows"),
            ("cut.pt", "torchscript", "cpu", "", "artifact", "failed finding central directory"),
            ("absent.pt", "torchscript", "cpu", "", "artifact", "absent.pt"),
            ("good.pt", "torch_zip", "cpu", "cut.pt", "architecture", "failed finding central directory"),
            ("good.pt", "torch_zip", "cpu", "absent.py", "architecture", "absent.py"),
            ("good.pt", "torch_zip", "cpu", "syntax.py", "architecture", ""),
            ("good.pt", "torch_zip", "cpu", "module.py", "architecture", "undefined value json"),
            ("good.pt", "torch_zip", "cpu", "form.py", "architecture", "does not take a `Dict[str, Tensor]` first"),
            ("good.pt", "torch_zip", "cpu", "nothing.py", "architecture", "defines no function `forward`"),
            ("good.pt", "torch_zip", "cpu", "binary.py", "architecture", "neither TorchScript source")]:
        with Child("/") as child:
            child.ready()
            answer = child.open_file(at / file, kind, device, at / architecture if architecture else "")["failed"]
            told = answer.get("words") or answer["exception"]["message"]
            assert answer["stage"] == stage and words in told, (file, architecture, answer)
    with Child("/") as child:
        failed = child.ready("a_library_that_nobody_has")["failed"]
        assert failed["exception"]["kind"] == "ModuleNotFoundError" and failed["library"] == "a_library_that_nobody_has"


def numbers_of_a_script(folder):
    """Those keep their types, named tuples their names; what fails is refused in the runtime's words."""
    path = Path(folder) / "a.pt"
    torch.jit.script(Answers()).save(str(path))
    with Child("/") as child:
        child.ready()
        child.open_file(path, "torchscript")
        named = {one["name"]: one for one in child.call(x=X)["outputs"]}
        assert {name: one["dtype"] for name, one in named.items()} == {
            "tensor": "float32", "pair[0]": "int64", "pair[1]": "float64", "flag": "bool"}, named
        assert named["pair[0]"]["array"] == 2 and named["flag"]["array"]
        refused = child.call(x=X[:1])
        assert "two rows" in refused["exception"]["message"] and not refused.get("unsupported"), refused


def onnx_files(folder):
    import onnx
    import onnxruntime
    from onnx import TensorProto, helper

    def graph(name, nodes, outputs, opset=17):
        made = helper.make_graph(nodes, "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 4])], outputs)
        model = helper.make_model(made, ir_version=8, opset_imports=[helper.make_opsetid("", opset),
                                                                     helper.make_opsetid("ai.onnx.ml", 3)])
        onnx.save(model, Path(folder) / name)
        return Path(folder) / name

    maps = helper.make_sequence_type_proto(helper.make_map_type_proto(
        TensorProto.INT64, helper.make_tensor_type_proto(TensorProto.FLOAT, [])))
    path = graph("a.onnx", [helper.make_node("Relu", ["x"], ["y"]), helper.make_node("Cast", ["x"], ["t"], to=TensorProto.STRING),
                            helper.make_node("Cast", ["x"], ["b"], to=TensorProto.BFLOAT16),
                            helper.make_node("ZipMap", ["x"], ["m"], domain="ai.onnx.ml", classlabels_int64s=[4, 3, 2, 1])],
                 [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 4]),
                  helper.make_tensor_value_info("t", TensorProto.STRING, ["batch", 4]), helper.make_value_info("m", maps)])
    with Child("/") as child:
        assert child.ready("onnxruntime")["ready"]["version"] == onnxruntime.__version__
        loaded = child.open_file(path, "onnx")["loaded"]
        assert loaded["inputs"] == [{"name": "x", "dtype": "float32", "shape": [-1, 4]}], loaded
        assert [one["dtype"] for one in loaded["outputs"]] == ["float32", "string", ""], loaded
        assert loaded["providers_asked"] == ["CPUExecutionProvider"] and loaded["session_file"] == str(path), loaded
        assert "CPUExecutionProvider" in loaded["placed"][0], loaded
        answer = child.ask(do="call", inputs=child.tensors(other=X), gradients=False)
        named = {one["name"]: one for one in answer["outputs"]}
        assert list(named) == ["y", "t", "m[0].keys", "m[0].values", "m[1].keys", "m[1].values"], list(named)
        assert (named["m[0].keys"]["dtype"], named["m[0].values"]["dtype"]) == ("int64", "float32"), named
        texts = os.pread(child.outputs, named["t"]["bytes"], named["t"]["offset"])
        assert named["t"]["dtype"] == "string" and texts.split(b"\0") == [b"0", b"1", b"2", b"3", b"4", b"5", b"6", b"7", b""]
        assert "Got invalid dimensions" in child.call(x=X[:, :3])["exception"]["message"]
    rounded = graph("b.onnx", [helper.make_node("Cast", ["x"], ["y"], to=TensorProto.BFLOAT16)],
                    [helper.make_tensor_value_info("y", TensorProto.BFLOAT16, ["batch", 4])])
    with Child("/") as child:
        child.ready("onnxruntime")
        child.open_file(rounded, "onnx")
        answer = child.ask(do="call", inputs=child.tensors(x=X), gradients=False)
        (one,) = answer["outputs"]
        assert one["dtype"] == "bfloat16" and one["bytes"] == 16, one
        data = bytearray(os.pread(child.outputs, 16, one["offset"]))
        assert torch.equal(torch.frombuffer(data, dtype=torch.bfloat16).reshape(2, 4), torch.from_numpy(X).bfloat16())
    eighth = graph("c.onnx", [helper.make_node("Cast", ["x"], ["y"], to=TensorProto.FLOAT8E5M2)],
                   [helper.make_tensor_value_info("y", TensorProto.FLOAT8E5M2, ["batch", 4])], opset=19)
    with Child("/") as child:
        child.ready("onnxruntime")
        child.open_file(eighth, "onnx")
        (one,) = child.ask(do="call", inputs=child.tensors(x=X), gradients=False)["outputs"]
        assert one["dtype"] == "float8_e5m2" and one["bytes"] == 8, one
        data = bytearray(os.pread(child.outputs, 8, one["offset"]))
        assert torch.equal(torch.frombuffer(data, dtype=torch.float8_e5m2).float().reshape(2, 4), torch.from_numpy(X).to(
            torch.float8_e5m2).float())
    for device, words in [("cuda", "was built without CUDA"), ("mps", "knows no execution provider")]:
        with Child("/") as child:
            child.ready("onnxruntime")
            failed = child.open_file(path, "onnx", device)["failed"]
            assert failed["stage"] == "device" and words in failed["words"], failed


if __name__ == "__main__":
    for case in [a_named_network, the_predict_method, what_was_asked_for, a_survey, the_numbers,
                 the_example, where_the_network_is, outputs_by_name, gradients_are_told, refusals, failures_to_load,
                 what_is_printed_stays_outside, a_death_is_silence, main_is_not_ours, flags_and_devices,
                 forms, keys_of_source, files_that_fail, numbers_of_a_script, onnx_files]:
        with tempfile.TemporaryDirectory(prefix="runup-python-") as scratch:
            case(scratch)
        print("ok", case.__name__, flush=True)
