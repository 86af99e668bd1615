# SPDX-License-Identifier: Apache-2.0
"""Loads a model with the service's own interpreter and calls it. A part of runup's python probe, which starts
this text in a fresh process; Python 3.8 and the libraries of the service are all that it needs.

Frames on descriptor 3, both ways: four bytes (the length, little-endian) and one JSON object. The bytes of
inputs come in descriptor 4, those of outputs go to descriptor 5, in row-major order; both are files in memory.

    {"do": "load", ...}   see Session.load(); answered by {"loaded": ...} or {"failed": ...}
    {"do": "look", ...}   see Session.look(): what was opened, what is installed; answered in any case
    {"do": "call", "inputs": [tensor...], "gradients": false}
                          answered by {"took": seconds, "outputs": [tensor...]} or {"refused": words, ...}
    {"do": "time", "inputs": [tensor...], "count": n}
                          answered by {"calls": [seconds...]} or {"refused": words, ...}

A tensor is {"name", "dtype", "shape", "offset", "bytes"}, its dtype by PyTorch's name.
"""

import _compat_pickle
import ctypes
import errno
import importlib
import inspect
import json
import os
import re
import struct
import sys
import time
import traceback

CHANNEL, INPUTS, OUTPUTS, NUMBERS = 3, 4, 5, 6
MOST_WORDS = 4000
MOST_FRAMES = 60
MOST_OUTPUT_BYTES = 1 << 30
MOST_OUTPUTS = 1000
MOST_OPENED = 1000
MOST_CONNECTIONS = 100
MOST_INSTALLED = 5000
MOST_HEADER_BYTES = 1 << 26
PART_BYTES = 1 << 24
# safetensors' names of PyTorch's types
STORED_TYPES = {"float64": "F64", "float32": "F32", "float16": "F16", "bfloat16": "BF16", "int64": "I64",
                "int32": "I32", "int16": "I16", "int8": "I8", "uint8": "U8", "bool": "BOOL"}


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


def refused_to_write(error):
    """The package and all but a scratch folder are read-only here: what can be read, or is not there, was to be
    written."""
    path = getattr(error, "filename", None)
    if not isinstance(error, OSError) or error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS) or path is None:
        return False
    return isinstance(path, int) or not os.path.lexists(path) or os.access(path, os.R_OK)


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
        "writing": refused_to_write(error),
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


def write_at(descriptor, parts, at):
    """Where the next byte goes."""
    for data in parts:
        while data:
            written = os.pwrite(descriptor, data, at)
            at += written
            data = data[written:]
    return at


class Outputs:
    """What a model returned, tensor by tensor, named as runup's other runtimes name them; of a `predict` method
    single numbers too."""

    def __init__(self, numbers=False):
        self.numbers = numbers
        self.tensors = []
        self.at = 0

    def add(self, value, name, depth=0):
        if depth > 20 or len(self.tensors) > MOST_OUTPUTS:
            raise Refusal("the model returned more nested values than are looked at")
        torch, numpy = library("torch"), library("numpy")
        if torch is not None and isinstance(value, torch.Tensor):
            self.add_torch(torch, value, name or "output[0]")
        elif numpy is not None and isinstance(value, (numpy.ndarray, numpy.generic)):
            value = numpy.ascontiguousarray(value).reshape(value.shape)
            self.add_parts(name or "output[0]", str(value.dtype), value.shape, value.nbytes, [value.tobytes()])
        elif self.numbers and isinstance(value, (bool, int, float)):
            self.add_parts(name or "output[0]", "float64", (), 8, [struct.pack("<d", float(value))])
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
        self.add_parts(name, type_name(value), value.shape, value.numel() * value.element_size(), parts_of(value))

    def add_parts(self, name, dtype, shape, size, parts):
        if self.at + size > MOST_OUTPUT_BYTES:
            raise Refusal(f"the outputs have more than {MOST_OUTPUT_BYTES >> 20} MiB")
        self.tensors.append({"name": name, "dtype": dtype, "shape": [int(length) for length in shape],
                             "offset": self.at, "bytes": size})
        self.at = write_at(OUTPUTS, parts, self.at)


def type_name(tensor):
    name = str(tensor.dtype)
    return name[6:] if name.startswith("torch.") else name


def parts_of(tensor):
    """The bytes of a contiguous tensor of the CPU. Not every type has a counterpart in NumPy, nor every service NumPy."""
    start, size = tensor.data_ptr(), tensor.numel() * tensor.element_size()
    for at in range(0, size, PART_BYTES):
        yield ctypes.string_at(start + at, min(PART_BYTES, size - at))


# ------------------------------------------------------------------------------------------------- watching


class Watch:
    """What the service asks the system for while its predictor is made, by the interpreter's audit events."""

    def __init__(self):
        self.on = False
        self.root = "/"
        self.own = ()
        self.opened = {}
        self.connections = {}
        sys.addaudithook(self.hear)

    def start(self, root):
        self.root = root
        folders = [sys.prefix, sys.base_prefix, sys.exec_prefix, os.path.dirname(os.__file__), "/proc", "/sys", "/dev",
                   "/etc", "/usr"]
        folders += [path for path in sys.path if os.path.basename(path) in ("site-packages", "dist-packages")]
        # A package may stand where the interpreter does, as `/usr/src/app`.
        self.own = tuple(folder.rstrip("/") + "/" for folder in folders if not inside(root, folder))
        self.on = True

    def hear(self, event, arguments):
        if not self.on:
            return
        try:
            if event == "open":
                self.hear_open(arguments[0], arguments[1] if len(arguments) > 1 else "r",
                               arguments[2] if len(arguments) > 2 else 0)
            elif event == "socket.getaddrinfo":
                self.connections.setdefault(f"{text_of(arguments[0])}:{arguments[1]}")
            elif event == "socket.connect" and isinstance(arguments[1], tuple):
                self.connections.setdefault(f"{arguments[1][0]}:{arguments[1][1]}")
        except Exception:  # what cannot be understood here must not disturb the service
            pass

    def hear_open(self, path, mode, flags):
        if isinstance(path, int) or len(self.opened) >= MOST_OPENED:
            return
        path = text_of(os.fspath(path))
        writing = any(letter in mode for letter in "wax+") if mode else bool(flags & (os.O_WRONLY | os.O_RDWR))
        absolute = os.path.abspath(path)
        if absolute.startswith(self.own) or (path, writing) in self.opened:
            return
        if absolute.endswith((".py", ".pyc", ".so")) or "/__pycache__/" in absolute:
            return
        file, line = self.place()
        self.opened[path, writing] = {"path": path, "absolute": absolute, "writing": writing, "file": file, "line": line}

    def place(self):
        """The line of the package that led here."""
        frame = sys._getframe(3)
        for _ in range(200):
            if frame is None:
                break
            name = frame.f_code.co_filename
            if name.startswith("/") and inside(name, self.root) and not name.startswith(self.own):
                return name, frame.f_lineno
            frame = frame.f_back
        return "", 0

    def seen(self):
        opened = [{**one, "exists": os.path.exists(one["absolute"])} for one in self.opened.values()]
        return {"opened": opened, "connections": list(self.connections)[:MOST_CONNECTIONS]}


def text_of(name):
    return name.decode(errors="surrogateescape") if isinstance(name, bytes) else str(name)


def installed():
    """The distributions that the interpreter finds, sorted by name."""
    try:
        from importlib import metadata
    except ImportError:
        return []
    found = {}
    for distribution in metadata.distributions():
        try:
            name, version = distribution.metadata["Name"], distribution.version
            if name and version and len(found) < MOST_INSTALLED and str(name) not in found:
                found[str(name)] = {"name": str(name), "version": str(version), "wants": wants_of(distribution),
                                    "modules": modules_of(distribution)}
        except Exception:  # a damaged entry says nothing of the others
            continue
    return [found[name] for name in sorted(found)]


def wants_of(distribution):
    """Names of what it requires, without extras."""
    names = []
    for line in distribution.requires or []:
        requirement, _, marker = line.partition(";")
        if "extra" not in marker:
            names.append(re.split(r"[^A-Za-z0-9._-]", requirement.strip(), maxsplit=1)[0])
    return names


def modules_of(distribution):
    """Top-level modules, by `top_level.txt`, or by the files where there is none."""
    text = distribution.read_text("top_level.txt")
    if text is None:
        names = {str(file).split("/")[0] for file in distribution.files or []
                 if str(file).endswith(".py") and not str(file).startswith("..")}
        text = "\n".join(name[:-3] if name.endswith(".py") else name for name in names)
    return sorted({name for name in text.split() if name.isidentifier()})[:50]


def resolve(module, name):
    """Looks a pickled global up, as unpickling does."""
    answer = {"module": module, "name": name, "found": False, "has_module": False, "file": "", "error": ""}
    # Names of Python 2, which protocols below 3 use.
    if (module, name) in _compat_pickle.NAME_MAPPING:
        module, name = _compat_pickle.NAME_MAPPING[module, name]
    module = _compat_pickle.IMPORT_MAPPING.get(module, module)
    try:
        value = sys.modules["__main__"] if module == "__main__" else importlib.import_module(module)
        answer["has_module"] = True
        answer["file"] = text_of(getattr(value, "__file__", None) or "") if module != "__main__" else ""
        for part in name.split("."):
            value = getattr(value, part)
        answer["found"] = True
    except BaseException as error:
        answer["error"] = f"{class_of(error)}: {first_words(error)}"[:500]
    return answer


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


def is_named_model(member):
    return member[0] in (".model", "['model']")


def find_model(predictor):
    """The network inside what the factory returned, and how it is reached; `.model` comes first."""
    if is_model(predictor):
        return "", predictor
    if isinstance(predictor, (list, tuple)):
        members = [(f"[{i}]", one) for i, one in enumerate(predictor)]
    else:
        members = members_of(predictor)
    members.sort(key=lambda member: not is_named_model(member))
    found = [member for member in members if is_model(member[1])]
    if found and (len({id(one) for _, one in found}) == 1 or is_named_model(found[0])):
        return found[0]
    if found:
        raise Refusal("the predictor holds several networks (" + ", ".join(f"`{name}`" for name, _ in found) +
                      "), and none is called `model`; name the one that answers in `network:`")
    for name, one in members:
        for inner, value in members_of(one) if not isinstance(one, (str, bytes, int, float)) else ():
            if is_named_model((inner, value)) and is_model(value):
                return name + inner, value
    raise Refusal(f"the factory returned a `{class_of_value(predictor)}` in which no network is found; expected a "
                  "`torch.nn.Module` or an ONNX Runtime session, or an object with one in `.model`; say where it is "
                  "in `network:`")


def follow(predictor, path):
    """What the config's `network:` names: `.model`, `.parts.0.encoder`."""
    value = predictor
    for part in path.strip(".").split("."):
        try:
            if isinstance(value, dict):
                value = value[part]
            elif isinstance(value, (list, tuple)):
                value = value[int(part)]
            else:
                value = getattr(value, part)
        except (AttributeError, LookupError, ValueError):
            raise Refusal(f"the factory returned a `{class_of_value(predictor)}` without `{path}`, which `network:` "
                          "names") from None
    if not is_model(value):
        raise Refusal(f"`{path}`, which `network:` names, is a `{class_of_value(value)}`; expected a "
                      "`torch.nn.Module` or an ONNX Runtime session")
    return path, value


def network_of(predictor, path):
    """What is called, and how it is reached."""
    try:
        name, model = follow(predictor, path) if path else find_model(predictor)
    except Refusal as refusal:
        if path or not callable(getattr(predictor, "predict", None)):
            raise
        return ".predict", PredictMethod(predictor.predict, str(refusal))
    return name, OnnxNetwork(model) if is_session(model) else TorchNetwork(model)


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
        training, buffers, quantised = [], [], 0
        if isinstance(module, self.torch.nn.Module):
            training = [name or "." for name, one in module.named_modules() if getattr(one, "training", False)]
            buffers = [name for name, _ in module.named_buffers()]
            quantised = sum("quantized" in type(one).__module__ for one in module.modules())
        return {
            "library": "torch",
            "version": str(self.torch.__version__),
            "device": self.device,
            "devices": sorted({str(tensor.device) for tensor in self.tensors()}),
            "training": training[:100],
            "buffers": buffers[:1000],
            "quantised": quantised,
            "class": class_of_value(module),
        }

    def write_numbers(self):
        """The state_dict as a safetensors file in descriptor 6; why not, where it cannot be."""
        if not isinstance(self.module, self.torch.nn.Module):
            return f"a `{class_of_value(self.module)}` has no state_dict"
        kept, header, at, seen = [], {}, 0, set()
        for name, value in self.module.state_dict().items():
            if not isinstance(value, self.torch.Tensor) or value.is_quantized or value.layout != self.torch.strided:
                continue
            if value.device.type == "meta" or type_name(value) not in STORED_TYPES:
                continue
            # Tied ones once: a file may have either of their names.
            place = (value.data_ptr(), value.shape, value.stride())
            if place in seen:
                continue
            seen.add(place)
            size = value.numel() * value.element_size()
            header[name] = {"dtype": STORED_TYPES[type_name(value)], "shape": list(value.shape),
                            "data_offsets": [at, at + size]}
            kept.append(value)
            at += size
        if not kept:
            return "its state_dict has no plain tensor"
        text = json.dumps(header).encode()
        text += b" " * (-len(text) % 8)
        if len(text) > MOST_HEADER_BYTES:
            return "its state_dict has too many tensors"
        place = write_at(NUMBERS, [struct.pack("<Q", len(text)) + text], 0)
        for value in kept:
            value = value.detach().to("cpu").contiguous()
            place = write_at(NUMBERS, parts_of(value), place)
        return ""

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
            "session_file": self.file(),
            "class": class_of_value(self.session),
        }

    def file(self):
        """Where it was loaded from; ONNX Runtime keeps that by a name of its own."""
        path = getattr(self.session, "_model_path", None)
        return os.path.abspath(text_of(os.fspath(path))) if path else ""

    def write_numbers(self):
        return "an ONNX Runtime session does not give its numbers"

    def prepare(self, inputs, gradients):
        known = all(tensor["name"] in self.names for tensor in inputs)
        names = [tensor["name"] for tensor in inputs] if known else self.names
        return dict(zip(names, map(numpy_input, inputs)))

    def run(self, prepared, gradients):
        values = self.session.run(None, prepared)
        return dict(zip([one.name for one in self.session.get_outputs()], values))


class PredictMethod:
    """Where no network is found: the predictor's own method, called with an array for each declared input."""

    def __init__(self, predict, why):
        self.predict, self.why = predict, why

    def describe(self):
        known = next((name for name in ("torch", "onnxruntime") if library(name) is not None), "")
        return {
            "library": known or "python",
            "version": str(library(known).__version__) if known else ".".join(map(str, sys.version_info[:3])),
            "device": "cpu",
            "devices": [],
            "training": [],
            "class": class_of_value(self.predict),
        }

    def write_numbers(self):
        return self.why

    def prepare(self, inputs, gradients):
        return list(map(numpy_input, inputs))

    def run(self, prepared, gradients):
        try:
            return self.predict(*prepared)
        except Exception as error:
            raise Refusal(f"no network was found in the predictor, and its `predict` did not take arrays of the "
                          f"declared inputs ({class_of(error)}: {first_words(error)}); say where the network is in "
                          "`network:`") from None


# -------------------------------------------------------------------------------------------------- session


class Session:
    def __init__(self):
        self.root = "/"
        self.network = None
        self.watch = Watch()

    def load(self, request):
        """`path` (import roots, first to last), `root` (of the package), `argv`, `as_main` (`argv[0]` is the module
        `__main__`), `factory` (`module:function`), `network` (where it is in what the factory returns; found by itself when empty)."""
        self.root = os.path.realpath(request["root"])
        # As `python main.py` and `uvicorn main:app` in that folder have it.
        sys.path[:0] = request["path"]
        sys.argv[:] = request["argv"]
        times = {}
        self.watch.start(self.root)
        started = time.monotonic()
        stage = "import"
        try:
            if request.get("as_main"):
                self.become_main(request["argv"][0])
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
            name, self.network = network_of(predictor, request.get("network", ""))
            return {"loaded": {**self.network.describe(), "times": times, "predictor": class_of_value(predictor),
                               "member": name, **interpreter()}}
        except Refusal as refusal:
            return {"failed": {"stage": stage, "times": times, "words": str(refusal),
                               "predictor": class_of_value(predictor), **versions()}}
        except BaseException as error:  # SystemExit too: a factory that exits is a finding
            return {"failed": {"stage": stage, "times": times, "exception": describe_exception(error, self.root),
                               **versions()}}
        finally:
            self.watch.on = False

    @staticmethod
    def become_main(path):
        """Makes the server's file what it is under `python main.py`, short of the server that it starts there."""
        name = os.path.basename(path)
        sys.modules["__main__"] = importlib.import_module(name[:-3] if name.endswith(".py") else name)

    def look(self, request):
        """`survey` (say what is installed, and look up `globals`, [module, name] each), `numbers` (write the
        network's into descriptor 6)."""
        numbers = "it was not loaded"
        if not request["numbers"]:
            numbers = "nobody asked for them"
        elif self.network is not None:
            try:
                numbers = self.network.write_numbers()
            except Exception as error:
                numbers = f"{class_of(error)}: {first_words(error)}"
        survey = request["survey"]
        return {**self.watch.seen(), "no_numbers": numbers, "installed": installed() if survey else [],
                "globals": [resolve(*one) for one in request["globals"]] if survey else []}

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
        outputs = Outputs(numbers=isinstance(self.network, PredictMethod))
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
