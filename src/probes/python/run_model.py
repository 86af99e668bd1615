# SPDX-License-Identifier: Apache-2.0
"""Loads a model with the service's own interpreter and calls it. A part of runup's python probe, which starts
this text in a fresh process; Python 3.8 and the libraries of the service are all that it needs.

Frames on descriptor 3, both ways: four bytes (the length, little-endian) and one JSON object. The bytes of
inputs come in descriptor 4, those of outputs go to descriptor 5, in row-major order; both are files in memory.

    {"do": "load", ...}   see Session.load(); answered by {"loaded": ...} or {"failed": ...}
    {"do": "call", "inputs": [tensor...], "gradients": false}
                          answered by {"took": seconds, "outputs": [tensor...]} or {"refused": words, ...}
    {"do": "time", "inputs": [tensor...], "count": n}
                          answered by {"calls": [seconds...]} or {"refused": words, ...}

A tensor is {"name", "dtype", "shape", "offset", "bytes"}, its dtype by PyTorch's name.
"""

import importlib
import inspect
import json
import os
import struct
import sys
import time
import traceback

CHANNEL, INPUTS, OUTPUTS = 3, 4, 5
MOST_WORDS = 4000
MOST_FRAMES = 60
MOST_OUTPUT_BYTES = 1 << 30
MOST_OUTPUTS = 1000


class Refusal(Exception):
    """What is said of a model that cannot be called, in our own words."""


def read_exactly(length):
    data = b""
    while len(data) < length:
        part = os.read(CHANNEL, length - len(data))
        if not part:
            return None
        data += part
    return data


def receive():
    header = read_exactly(4)
    return None if header is None else json.loads(read_exactly(struct.unpack("<I", header)[0]))


def send(message):
    body = json.dumps(message).encode()
    data = struct.pack("<I", len(body)) + body
    while data:
        data = data[os.write(CHANNEL, data):]


def first_words(text):
    return str(text).encode(errors="replace").decode()[:MOST_WORDS]


# ---------------------------------------------------------------------------------------------- exceptions


def inside(path, root):
    path = os.path.realpath(path)
    return path == root or path.startswith(root.rstrip("/") + "/")


def describe_frame(frame, root):
    return {
        "file": frame.filename,
        "line": frame.lineno or 0,
        "function": frame.name,
        "text": first_words(frame.line or "")[:300],
        "own": inside(frame.filename, root),
    }


def class_of(error):
    kind = type(error)
    return kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"


def describe_exception(error, root):
    """The exception, what caused it, and where: frames from the outermost on, `own` ones of the package."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename != "<runup>"]
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    described = {
        "kind": class_of(error),
        "message": first_words(error),
        "frames": [describe_frame(frame, root) for frame in frames[-MOST_FRAMES:]],
        # for OSError: what could not be opened
        "path": str(getattr(error, "filename", None) or ""),
        "bases": [kind.__name__ for kind in type(error).__mro__[:-1]],
        "cause": "",
    }
    if cause is not None:
        described["cause"] = f"{class_of(cause)}: {first_words(cause)}"
    if isinstance(error, SyntaxError):
        described["frames"].append({"file": error.filename or "", "line": error.lineno or 0, "function": "",
                                    "text": (error.text or "").strip()[:300],
                                    "own": inside(error.filename or "", root)})
    return described


# -------------------------------------------------------------------------------------------------- tensors


def library(name):
    """A library that the service has loaded already; importing one more would change what is measured."""
    return sys.modules.get(name)


def read_input(tensor):
    data = bytearray(os.pread(INPUTS, tensor["bytes"], tensor["offset"]))
    if len(data) != tensor["bytes"]:
        raise Refusal("an input is shorter than it was said to be")
    return data


def torch_input(tensor, device, gradients):
    import torch

    dtype = getattr(torch, tensor["dtype"], None)
    if dtype is None:
        raise Refusal(f"this PyTorch has no `{tensor['dtype']}`")
    data = read_input(tensor)
    if not data:
        made = torch.empty(tensor["shape"], dtype=dtype)
    elif hasattr(torch, "frombuffer"):
        made = torch.frombuffer(data, dtype=dtype).reshape(tensor["shape"])
    else:
        import numpy

        made = torch.from_numpy(numpy.frombuffer(data, dtype=tensor["dtype"]).reshape(tensor["shape"]))
    made = made.to(device)
    return made.requires_grad_() if gradients and made.is_floating_point() else made


def numpy_input(tensor):
    import numpy

    if tensor["dtype"] == "bfloat16":
        raise Refusal("NumPy has no `bfloat16`")
    return numpy.frombuffer(read_input(tensor), dtype=tensor["dtype"]).reshape(tensor["shape"])


class Outputs:
    """What a model returned, tensor by tensor: named as runup's other runtimes name them."""

    def __init__(self):
        self.tensors = []
        self.at = 0

    def add(self, value, name, depth=0):
        if depth > 20 or len(self.tensors) > MOST_OUTPUTS:
            raise Refusal("the model returned more nested values than are looked at")
        torch, numpy = library("torch"), library("numpy")
        if torch is not None and isinstance(value, torch.Tensor):
            self.add_torch(torch, value, name or "output[0]")
        elif numpy is not None and isinstance(value, (numpy.ndarray, numpy.generic)):
            self.add_bytes(name or "output[0]", str(value.dtype), value.shape, numpy.ascontiguousarray(value))
        elif isinstance(value, dict):
            for key, one in value.items():
                self.add(one, f"{name}.{key}" if name else str(key), depth + 1)
        elif isinstance(value, (list, tuple)):
            for i, one in enumerate(value):
                self.add(one, f"{name or 'output'}[{i}]", depth + 1)

    def add_torch(self, torch, value, name):
        value = value.detach()
        if value.is_quantized:
            value = value.dequantize()
        if value.layout != torch.strided:
            value = value.to_dense()
        value = value.to("cpu").contiguous()
        dtype = str(value.dtype)
        # As bytes through a view: not every type has a counterpart in NumPy, nor every service NumPy.
        flat = value.reshape(-1)
        data = bytes(flat.view(torch.uint8).numpy()) if numpy_works(torch) else bytes(flat.view(torch.uint8).tolist())
        self.add_bytes(name, dtype[6:] if dtype.startswith("torch.") else dtype, tuple(value.shape), data)

    def add_bytes(self, name, dtype, shape, data):
        data = memoryview(data).cast("B") if len(data) else memoryview(b"")
        if self.at + len(data) > MOST_OUTPUT_BYTES:
            raise Refusal(f"the outputs have more than {MOST_OUTPUT_BYTES >> 20} MiB")
        self.tensors.append({"name": name, "dtype": dtype, "shape": [int(size) for size in shape],
                             "offset": self.at, "bytes": len(data)})
        while data:
            written = os.pwrite(OUTPUTS, data[:1 << 24], self.at)
            self.at += written
            data = data[written:]


def numpy_works(torch):
    try:
        torch.zeros(1).numpy()
        return True
    except Exception:
        return False


# --------------------------------------------------------------------------------------------------- models


def is_torch_module(value):
    torch = library("torch")
    return torch is not None and isinstance(value, (torch.nn.Module, torch.jit.ScriptFunction))


def is_session(value):
    onnxruntime = library("onnxruntime")
    return onnxruntime is not None and isinstance(value, onnxruntime.InferenceSession)


def is_model(value):
    return is_torch_module(value) or is_session(value)


def members_of(value):
    if isinstance(value, dict):
        return [(f"[{key!r}]", one) for key, one in value.items()]
    try:
        return [(f".{key}", one) for key, one in vars(value).items()]
    except TypeError:
        return [(f".{key}", getattr(value, key, None)) for key in getattr(type(value), "__slots__", ())]


def find_model(predictor):
    """The network inside what the factory returned, and how it is reached; `.model` comes first."""
    if is_model(predictor):
        return "", predictor
    if isinstance(predictor, (list, tuple)):
        members = [(f"[{i}]", one) for i, one in enumerate(predictor)]
    else:
        members = members_of(predictor)
    members.sort(key=lambda member: member[0] not in (".model", "['model']"))
    found = [member for member in members if is_model(member[1])]
    if found and (len(found) == 1 or found[0][0] in (".model", "['model']")):
        return found[0]
    if found:
        raise Refusal("the predictor holds several networks (" + ", ".join(f"`{name}`" for name, _ in found) +
                      "), and none is called `model`")
    for name, one in members:
        for inner, value in members_of(one) if not isinstance(one, (str, bytes, int, float)) else ():
            if inner == ".model" and is_model(value):
                return name + inner, value
    raise Refusal(f"the factory returned a `{class_of_value(predictor)}` in which no network is found; expected a "
                  "`torch.nn.Module` or an ONNX Runtime session, or an object with one in `.model`")


def class_of_value(value):
    kind = type(value)
    return kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


class TorchNetwork:
    def __init__(self, module):
        import torch

        self.torch, self.module = torch, module
        tensors = self.tensors()
        self.device = str(tensors[0].device) if tensors else "cpu"

    def tensors(self):
        if not isinstance(self.module, self.torch.nn.Module):
            return []
        return [*self.module.parameters(), *self.module.buffers()]

    def describe(self):
        module = self.module
        training = []
        if isinstance(module, self.torch.nn.Module):
            training = [name or "." for name, one in module.named_modules() if getattr(one, "training", False)]
        return {
            "library": "torch",
            "version": str(self.torch.__version__),
            "device": self.device,
            "devices": sorted({str(tensor.device) for tensor in self.tensors()}),
            "training": training[:100],
            "class": class_of_value(module),
        }

    def prepare(self, inputs, gradients):
        return [torch_input(tensor, self.device, gradients) for tensor in inputs]

    def run(self, prepared, gradients):
        with self.torch.enable_grad() if gradients else self.torch.no_grad():
            returned = self.module(*prepared)
        if self.device.startswith("cuda"):
            self.torch.cuda.synchronize()
        return returned


class OnnxNetwork:
    def __init__(self, session):
        self.session = session
        self.names = [one.name for one in session.get_inputs()]

    def describe(self):
        providers = self.session.get_providers()
        return {
            "library": "onnxruntime",
            "version": str(library("onnxruntime").__version__),
            "device": "cuda:0" if any(one.startswith(("CUDA", "Tensorrt")) for one in providers) else "cpu",
            "devices": [],
            "providers": providers,
            "training": [],
            "class": class_of_value(self.session),
        }

    def prepare(self, inputs, gradients):
        known = all(tensor["name"] in self.names for tensor in inputs)
        names = [tensor["name"] for tensor in inputs] if known else self.names
        return dict(zip(names, map(numpy_input, inputs)))

    def run(self, prepared, gradients):
        values = self.session.run(None, prepared)
        return dict(zip([one.name for one in self.session.get_outputs()], values))


# -------------------------------------------------------------------------------------------------- session


class Session:
    def __init__(self):
        self.root = "/"
        self.network = None

    def load(self, request):
        """`path` (import roots, first to last), `root` (of the package), `argv`, `factory` (`module:function`)."""
        self.root = os.path.realpath(request["root"])
        # As `python main.py` and `uvicorn main:app` in that folder have it.
        sys.path[:0] = request["path"]
        sys.argv[:] = request["argv"]
        times = {}
        started = time.monotonic()
        stage = "import"
        try:
            module_name, _, function = request["factory"].partition(":")
            factory = importlib.import_module(module_name)
            times["import"] = time.monotonic() - started
            stage = "lookup"
            for part in function.split("."):
                factory = getattr(factory, part)
            stage = "factory"
            predictor = factory()
            if inspect.isawaitable(predictor):
                import asyncio

                predictor = asyncio.run(wait_for(predictor))
            times["factory"] = time.monotonic() - started - times["import"]
            stage = "network"
            name, model = find_model(predictor)
            self.network = OnnxNetwork(model) if is_session(model) else TorchNetwork(model)
            return {"loaded": {**self.network.describe(), "times": times, "predictor": class_of_value(predictor),
                               "member": name, **interpreter()}}
        except Refusal as refusal:
            return {"failed": {"stage": stage, "times": times, "words": str(refusal), **versions()}}
        except BaseException as error:  # SystemExit too: a factory that exits is a finding
            return {"failed": {"stage": stage, "times": times, "exception": describe_exception(error, self.root),
                               **versions()}}

    def call(self, request):
        return self.attempt(request, self.call_once)

    def time(self, request):
        return self.attempt(request, self.time_calls)

    def attempt(self, request, work):
        try:
            return work(request)
        except Refusal as refusal:
            return {"refused": str(refusal), "unsupported": True}
        except BaseException as error:
            described = describe_exception(error, self.root)
            memory = isinstance(error, MemoryError) or "out of memory" in described["message"].lower()
            return {"refused": f"{described['kind']}: {described['message']}", "memory": memory,
                    "exception": described}

    def call_once(self, request):
        gradients = request.get("gradients", False)
        prepared = self.network.prepare(request["inputs"], gradients)
        started = time.monotonic()
        returned = self.network.run(prepared, gradients)
        took = time.monotonic() - started
        os.ftruncate(OUTPUTS, 0)
        outputs = Outputs()
        outputs.add(returned, "")
        if not outputs.tensors:
            raise Refusal(f"the model returned a `{class_of_value(returned)}` without a tensor in it")
        return {"took": took, "outputs": outputs.tensors}

    def time_calls(self, request):
        prepared = self.network.prepare(request["inputs"], False)
        calls = []
        for _ in range(request["count"]):
            started = time.monotonic()
            self.network.run(prepared, False)
            calls.append(time.monotonic() - started)
        return {"calls": calls}


async def wait_for(awaitable):
    return await awaitable


def interpreter():
    return {"python": ".".join(map(str, sys.version_info[:3])), "executable": sys.executable}


def versions():
    torch = library("torch")
    return {"library": "torch" if torch is not None else "", "version": str(getattr(torch, "__version__", "")),
            **interpreter()}


def main():
    session = Session()
    while True:
        request = receive()
        if request is None:
            return
        send(getattr(session, request["do"])(request))


# What the service prints is no part of the conversation.
os.dup2(2, 1)
main()
