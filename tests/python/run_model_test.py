# SPDX-License-Identifier: Apache-2.0
"""src/probes/python/run_model.py, spoken to as runup's python probe does, on services in which something is
right or wrong. Its answers are compared with those of the same network called here."""

import json
import os
import socket
import struct
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

import numpy
import torch

REPOSITORY = Path(__file__).resolve().parents[2]
SCRIPT = REPOSITORY / "src/probes/python/run_model.py"
EXAMPLE = REPOSITORY / "configs/examples/sign-language-service"
START = ("import sys; sys.path[:] = [p for p in sys.path if p]; import types; m = types.ModuleType('_runup'); sys.modules['_runup'] = m; "
         "exec(compile(sys.argv.pop(1), '<runup>', 'exec'), m.__dict__)")


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
    """, needs="import a_package_that_nobody_has\n")
    for factory, stage, kind, words in [
            ("service:missing_file", "factory", "FileNotFoundError", "models/none.pth"),
            ("service:mismatch", "factory", "RuntimeError", "size mismatch for layer.weight"),
            ("service:leaves", "factory", "SystemExit", "3"),
            ("service:chained", "factory", "RuntimeError", "no labels"),
            ("service:deep", "factory", "RecursionError", "recursion"),
            ("service:get_predictor", "lookup", "AttributeError", "get_predictor"),
            ("absent:get", "import", "ModuleNotFoundError", "absent"),
            ("needs:get", "import", "ModuleNotFoundError", "a_package_that_nobody_has"),
            ("broken:get", "import", "SyntaxError", "invalid syntax")]:
        answer = failed(folder, factory)
        exception = answer["exception"]
        assert (answer["stage"], exception["kind"]) == (stage, kind), (factory, answer)
        assert words in exception["message"], (factory, exception["message"])
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


if __name__ == "__main__":
    for case in [a_named_network, the_predict_method, what_was_asked_for, a_survey, the_numbers,
                 the_example, where_the_network_is, outputs_by_name, gradients_are_told, refusals, failures_to_load,
                 what_is_printed_stays_outside, a_death_is_silence, main_is_not_ours, flags_and_devices]:
        with tempfile.TemporaryDirectory(prefix="runup-python-") as scratch:
            case(scratch)
        print("ok", case.__name__, flush=True)
