# SPDX-License-Identifier: Apache-2.0
"""Loads a model with the service's own interpreter and calls it: what the service's factory makes, or the model file
itself. A part of runup's python probe, which starts
this text in a fresh process; Python 3.8 and the libraries of the service are all that it needs.

Frames on descriptor 3, both ways: four bytes (the length, little-endian) and one JSON object. The bytes of
inputs come in descriptor 4, those of outputs go to descriptor 5, in row-major order; both are files in memory. So is
descriptor 6: the network's numbers go there, or its structure, or a state_dict's come from there.

    {"do": "load", ...}   see Session.load(); answered by {"loaded": ...} or {"failed": ...}
    {"do": "get_ready" | "open_file" | "fill" | "read_keys", ...}
                          in the place of "load" where no factory is named, in that order; see Session
    {"do": "look", ...}   see Session.look(): what was opened, what is installed; answered in any case
    {"do": "structure", "how": "script", "inputs": [tensor...]}
                          see Session.structure(); answered by {"took": seconds} or {"refused": words, ...}
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
import io
import json
import mmap
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
MOST_SOURCE_BYTES = 1 << 22
MOST_LOG_LINES = 1000
# safetensors' names of PyTorch's types
STORED_TYPES = {"float64": "F64", "float32": "F32", "float16": "F16", "bfloat16": "BF16", "int64": "I64",
                "int32": "I32", "int16": "I16", "int8": "I8", "uint8": "U8", "bool": "BOOL"}


class Refusal(Exception):
    """What is said of a model that cannot be called, in our own words. `lack`: another library, or another release,
    may be able to."""

    def __init__(self, words, lack=False):
        super().__init__(words)
        self.lack = lack


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
    """Of what is too long the end too: TorchScript says there what happened."""
    text = str(text).encode(errors="replace").decode()
    return text if len(text) <= MOST_WORDS else f"{text[:MOST_WORDS // 2]}\n...\n{text[-MOST_WORDS // 2:]}"


# ---------------------------------------------------------------------------------------------- exceptions


def inside(path, root):
    # `<frozen importlib._bootstrap>`, `<string>`: what has no file is nowhere, and not in the current folder
    if not path or path.startswith("<"):
        return False
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
        raise Refusal(f"this PyTorch has no `{tensor['dtype']}`", lack=True)
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
        raise Refusal("NumPy has no `bfloat16`", lack=True)
    return numpy.frombuffer(read_input(tensor), dtype=tensor["dtype"]).reshape(tensor["shape"])


def write_at(descriptor, parts, at):
    """Where the next byte goes."""
    for data in parts:
        while data:
            written = os.pwrite(descriptor, data, at)
            at += written
            data = data[written:]
    return at


class Stored:
    """An array of a type that NumPy lacks."""

    def __init__(self, dtype, shape, data):
        self.dtype, self.shape, self.data = dtype, shape, data


class Outputs:
    """What a model returned, tensor by tensor, named as runup's other runtimes name them. `numbers`: what single ones
    are, their `own` type or another one's name; left out without it."""

    def __init__(self, numbers=""):
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
            self.add_numpy(numpy, value, name or "output[0]")
        elif isinstance(value, Stored):
            self.add_parts(name or "output[0]", value.dtype, value.shape, len(value.data), [value.data])
        elif self.numbers and isinstance(value, (bool, int, float)) or self.numbers == "own" and isinstance(value, complex):
            self.add_number(value, name or "output[0]")
        elif isinstance(value, tuple) and hasattr(value, "_fields"):
            for key, one in zip(value._fields, value):
                self.add(one, f"{name}.{key}" if name else key, depth + 1)
        elif isinstance(value, dict):
            for key, one in value.items():
                self.add(one, f"{name}.{key}" if name else str(key), depth + 1)
        elif isinstance(value, (list, tuple)):
            for i, one in enumerate(value):
                self.add(one, f"{name or 'output'}[{i}]", depth + 1)

    def add_number(self, value, name):
        kinds = {bool: ("bool", "<?"), int: ("int64", "<q"), float: ("float64", "<d")}
        if self.numbers != "own":
            self.add_parts(name, self.numbers, (), 8, [struct.pack("<d", float(value))])
        elif type(value) in kinds:
            dtype, form = kinds[type(value)]
            data = struct.pack(form, value)
            self.add_parts(name, dtype, (), len(data), [data])
        else:
            self.add_parts(name, "complex128", (), 16, [struct.pack("<dd", value.real, value.imag)])

    def add_numpy(self, numpy, value, name):
        if value.dtype.kind in "OSU":
            # Texts one after the other, each with its end.
            data = "".join(f"{one}\0" for one in numpy.ravel(value)).encode(errors="surrogateescape")
            self.add_parts(name, "string", value.shape, len(data), [data])
            return
        value = numpy.ascontiguousarray(value).reshape(value.shape)
        self.add_parts(name, str(value.dtype), value.shape, value.nbytes, [value.tobytes()])

    def add_torch(self, torch, value, name):
        value = value.detach()
        if value.is_quantized:
            value = value.dequantize()
        if value.layout != torch.strided:
            value = value.to_dense()
        value = value.to("cpu")
        if hasattr(value, "resolve_neg"):
            value = value.resolve_conj().resolve_neg()
        value = value.contiguous()
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
    numbers = ""

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
            "built_for": built_for(self.torch),
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

    def write_structure(self, how, inputs):
        """The module as a TorchScript archive in descriptor 6, made by `script`, or by `trace` with `inputs`; of the
        tensors in its state_dict the sizes alone."""
        torch, module = self.torch, self.module
        if not isinstance(module, torch.nn.Module):
            raise Refusal(f"a `{class_of_value(module)}` is no module")
        if any("quantized" in type(one).__module__ for one in module.modules()):
            raise Refusal("its layers are quantised, which have their numbers in their structure")
        state = module.state_dict()
        others = [key for key, value in state.items() if not isinstance(value, torch.Tensor)]
        if others:
            raise Refusal(f"`{others[0]}` of its state_dict is no tensor")
        made = module
        if not isinstance(module, torch.jit.ScriptModule):
            with torch.no_grad():
                made = (torch.jit.script(module) if how == "script"
                        else torch.jit.trace(module, tuple(self.prepare(inputs, False)), check_trace=False))
        # The network itself goes on with its numbers.
        copy = io.BytesIO()
        torch.jit.save(made, copy)
        copy.seek(0)
        made = torch.jit.load(copy, map_location="cpu")
        places = dict(slots_of(made, ""))
        lost = [key for key in state if key not in places]
        if lost:
            raise Refusal(f"TorchScript leaves `{lost[0]}` of its state_dict out")
        without_numbers(torch, {key: places[key] for key in state}, {name for name, _ in made.named_parameters()})
        written = io.BytesIO()
        torch.jit.save(made, written)
        write_at(NUMBERS, [written.getvalue()], 0)

    def prepare(self, inputs, gradients):
        return [torch_input(tensor, self.device, gradients) for tensor in inputs]

    def run(self, prepared, gradients):
        with self.torch.enable_grad() if gradients else self.torch.no_grad():
            returned = self.module(*prepared)
        if self.device.startswith("cuda"):
            self.torch.cuda.synchronize()
        return returned


class OnnxNetwork:
    numbers = ""

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
        outputs = self.session.get_outputs()
        return {one.name: typed_maps(value, one.type) for one, value in zip(outputs, values)}


def typed_maps(value, kind):
    """ONNX Runtime gives maps as dicts, which have lost their types: two arrays for each, as it holds them."""
    if isinstance(value, list):
        return [typed_maps(one, kind) for one in value]
    named = re.search(r"map\((\w+),tensor\((\w+)\)\)", kind)
    if not isinstance(value, dict) or named is None:
        return value
    import numpy

    def array(items, name):
        return numpy.array(items, dtype=object if name == "string" else ONNX_TYPES.get(name, name))

    return {"keys": array(list(value), named[1]), "values": array(list(value.values()), named[2])}


class PredictMethod:
    """Where no network is found: the predictor's own method, called with an array for each declared input."""

    numbers = "float64"

    def __init__(self, predict, why):
        self.predict, self.why = predict, why

    def describe(self):
        known = next((name for name in ("torch", "onnxruntime") if library(name) is not None), "")
        return {
            "library": known or "python",
            "version": str(library(known).__version__) if known else ".".join(map(str, sys.version_info[:3])),
            "built_for": built_for(library("torch")),
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


# ----------------------------------------------------------------------------------------------- model files


class TorchFile:
    """A model file that torch runs, as runup's torch probe runs it: nobody calls eval(), and what a state_dict fills is
    run eagerly, as the service's own module is."""

    def __init__(self, torch):
        self.torch = torch
        self.stage = "artifact"
        self.network = None
        # of a state_dict: the architecture, either a module or a function of TorchScript source, and its tensors
        self.module = None
        self.function = None
        self.tensors = []

    def library_facts(self):
        return {"library": "torch", "version": str(self.torch.__version__), "built_for": built_for(self.torch),
                "threads": self.torch.get_num_threads()}

    def devices(self):
        cuda = self.torch.cuda
        return ["cpu"] + [f"cuda:{i}" for i in range(cuda.device_count() if cuda.is_available() else 0)]

    def find_device(self, wanted):
        self.stage = "device"
        try:
            device = self.torch.device(wanted)
        except RuntimeError:
            raise Refusal(f"`{wanted}` is no device that torch knows") from None
        if device.type == "cpu":
            return self.torch.device("cpu")
        device = self.torch.device(device.type, device.index or 0)
        present = self.devices()
        if str(device) not in present:
            raise Refusal(f"device `{wanted}` is not there; this torch has {in_quotes(present)}")
        return device

    def load_archive(self, path, device):
        module = self.torch.jit.load(path, map_location=device)
        if not module._c._has_method("forward"):
            raise Refusal("the TorchScript archive has no method `forward`")
        return module

    def open(self, request):
        if request["kind"] == "torchscript":
            device = self.find_device(request["device"])
            self.stage = "artifact"
            return self.loaded(self.use_module(self.load_archive(request["path"], device), device, True))
        self.stage = "architecture"
        with open(request["architecture"], "rb") as file:
            text = file.read(MOST_SOURCE_BYTES + 1)
        if text.startswith(b"PK\x03\x04"):
            device = self.find_device(request["device"])
            self.stage = "architecture"
            self.module = self.load_archive(request["architecture"], device)
            return {"wanted": {"archive": True, "keys": wanted_by(self.module, ""), "all": True, "conditional": []}}
        if len(text) > MOST_SOURCE_BYTES or b"\0" in text:
            raise Refusal("`architecture:` is neither TorchScript source (text of at most 4 MiB) nor a TorchScript "
                          "archive (a zip file)")
        return {"wanted": self.compile(text.decode(errors="replace") + "\n")}

    def compile(self, text):
        expected = "expected `def forward(state_dict: Dict[str, Tensor], x: Tensor, ...)`"
        unit = self.torch._C.CompilationUnit()
        # Nothing of Python is to be seen there, and `torch` is the operators, as in libtorch alone.
        unit.define(text, lambda name: self.torch.ops.aten if name == "torch" else None)
        self.function = unit.find_function("forward")
        self.unit = unit
        if self.function is None:
            raise Refusal(f"the source defines no function `forward`; {expected}")
        arguments = self.function.schema.arguments
        if not arguments or type_text(arguments[0]) != "Dict[str, Tensor]":
            raise Refusal(f"`forward` does not take a `Dict[str, Tensor]` first; {expected}")
        # A copy, because the graph that will run shall be inlined by its executor alone.
        graph = self.function.graph.copy()
        self.torch._C._jit_pass_inline(graph)
        return SourceKeys(graph).told()

    def fill(self, request):
        if self.module is None:
            device = self.find_device(request["device"])
            self.stage = "state-dict"
            state = StateDict(self.torch, request)
            return self.loaded(self.use_function(state, device, request["become"]))
        self.stage = "state-dict"
        state = StateDict(self.torch, request)
        places = dict(slots_of(self.module, ""))
        without = {key for key, place in places.items() if has_one_number(place)}
        lacking = sorted(without - {key for key, _ in state.tensors})
        if lacking:
            raise Refusal(f"the architecture is without numbers, and the state_dict lacks `{lacking[0]}`")
        make_room(self.torch, places)
        with self.torch.no_grad():
            for key, tensor in state.tensors:
                # As load_state_dict does, also across element types; tied parameters stay tied.
                if key in places:
                    places[key].copy_(tensor)
        return self.loaded(self.use_module(self.module, self.find_device(request["device"]), False))

    def use_module(self, module, device, optimise):
        tensors = [*module.parameters(), *module.buffers()]
        schema = module._c._get_method("forward").schema
        return ScriptNetwork(self.torch, module, module, schema, 1, tensors, device, optimise)

    def use_function(self, state, device, become):
        kind = getattr(self.torch, become) if become else None
        values = {}
        for key, tensor in state.tensors:
            tensor = tensor.to(device)
            values[key] = tensor.to(kind) if kind is not None and tensor.is_floating_point() else tensor
        self.tensors = list(values.values())
        function = self.function

        def run(*arguments):
            return function(values, *arguments)

        return ScriptNetwork(self.torch, function, run, function.schema, 1, self.tensors, device, False)

    def loaded(self, network):
        self.network, self.stage = network, "done"
        return {"loaded": {**network.describe(), "devices": self.devices(), **self.library_facts()}}

    def read_during(self, run):
        try:
            from torch.utils._python_dispatch import TorchDispatchMode
        except ImportError:
            return None
        places = {}
        for i, tensor in enumerate(self.tensors):
            # A view has the storage object of what it looks into.
            places.setdefault(storage_of(tensor), []).append(i)
        read = [False] * len(self.tensors)

        def note(value):
            if isinstance(value, self.torch.Tensor):
                for i in places.get(storage_of(value), ()):
                    read[i] = True
            elif isinstance(value, (list, tuple)):
                for one in value:
                    note(one)

        class Listener(TorchDispatchMode):
            def __torch_dispatch__(self, function, types, args=(), kwargs=None):
                note(args)
                note(list((kwargs or {}).values()))
                return function(*args, **(kwargs or {}))

        with Listener():
            run()
        return spread_over_shared_memory(self.tensors, read)


def in_quotes(names):
    """"`a`, `b` and `c`\""""
    quoted = [f"`{name}`" for name in names]
    return " and ".join([", ".join(quoted[:-1])] * (len(quoted) > 1) + quoted[-1:])


def type_text(argument):
    return argument.type.annotation_str


def storage_of(tensor):
    if tensor.layout != library("torch").strided:
        return None
    return (tensor.untyped_storage() if hasattr(tensor, "untyped_storage") else tensor.storage())._cdata


def spread_over_shared_memory(tensors, read):
    """Tied weights are separate tensors over the same bytes; only one of them may have been an input."""
    ranges = []
    for tensor in tensors:
        last = sum((size - 1) * step for size, step in zip(tensor.shape, tensor.stride()))
        start = tensor.data_ptr()
        ranges.append((start, start + (last + 1) * tensor.element_size() if tensor.numel() else start))
    known = [one for one, was in zip(ranges, read) if was]
    return [was or any(start < other_end and other_start < end for other_start, other_end in known)
            for was, (start, end) in zip(read, ranges)]


def slots_of(module, prefix):
    """Every parameter and buffer with its name; tied ones under each of theirs."""
    for name, tensor in [*module._parameters.items(), *module._buffers.items()]:
        if tensor is not None:
            yield prefix + name, tensor
    for name, inner in module._modules.items():
        yield from slots_of(inner, f"{prefix}{name}.")


def without_numbers(torch, places, parameters):
    """Leaves each of them one zero, spread over its sizes; tied ones stay tied. Of single numbers that are no
    parameters (counters) the value stays."""
    zeros = {}
    for name, tensor in places.items():
        if tensor.layout != torch.strided:
            raise Refusal(f"`{name}` is a {tensor.layout} tensor")
        if tensor.numel() > 1:
            # a view has the storage of what it looks into
            place = (storage_of(tensor), tensor.dtype)
            zero = zeros.setdefault(place, torch.zeros(1, dtype=tensor.dtype))
            tensor.data = zero.reshape([1] * tensor.dim()).expand(tensor.shape)
        elif name in parameters:
            tensor.data = torch.zeros_like(tensor)


def has_one_number(tensor):
    """See without_numbers()."""
    return tensor.numel() > 1 and any(size > 1 and step == 0 for size, step in zip(tensor.shape, tensor.stride()))


def make_room(torch, places):
    """For the numbers that an architecture was written without."""
    rooms = {}
    for tensor in places.values():
        if tensor.layout == torch.strided and has_one_number(tensor):
            room = (storage_of(tensor), tuple(tensor.shape))
            tensor.data = rooms.setdefault(room, torch.empty(tensor.shape, dtype=tensor.dtype, device=tensor.device))


def wanted_by(module, prefix):
    keys = [{"key": prefix + name, "shape": list(tensor.shape), "buffer": buffer}
            for members, buffer in ((module._parameters, False), (module._buffers, True))
            for name, tensor in members.items() if tensor is not None]
    for name, inner in module._modules.items():
        keys += wanted_by(inner, f"{prefix}{name}.")
    return keys


class SourceKeys:
    """What the graph of a function does with its first argument, a dict of tensors."""

    def __init__(self, graph):
        self.state_dict = next(iter(graph.inputs())).debugName()
        self.keys, self.asked_for, self.conditional = {}, set(), set()
        self.all = True
        self.visit(graph, True)
        for value in graph.outputs():
            self.all = self.all and value.debugName() != self.state_dict

    def visit(self, block, top):
        for node in block.nodes():
            self.visit_node(node, top)
            for inner in node.blocks():
                self.visit(inner, False)
                for value in inner.outputs():
                    self.all = self.all and value.debugName() != self.state_dict

    def visit_node(self, node, top):
        inputs = list(node.inputs())
        if all(value.debugName() != self.state_dict for value in inputs):
            return
        asks = node.kind() in ("aten::__contains__", "aten::get")
        key = None
        if (asks or node.kind() == "aten::__getitem__") and inputs[0].debugName() == self.state_dict:
            key = inputs[1].toIValue()
        if not isinstance(key, str):
            # `len`, `keys()`, an f-string: what else it reads is known at run time only.
            self.all = False
            return
        if asks:
            self.asked_for.add(key)
        if asks or not top:
            self.conditional.add(key)
        self.keys.setdefault(key)

    def told(self):
        return {"archive": False, "all": self.all, "conditional": sorted(self.conditional),
                "keys": [{"key": key, "optional": key in self.asked_for} for key in self.keys]}


class StateDict:
    """Tensors over bytes that runup found, so that nothing is unpickled: each has its place in the model file, or in
    descriptor 6 (`kept`), by the byte, and its strides in elements."""

    INTEGERS = {"qint8": "int8", "quint8": "uint8", "qint32": "int32"}

    def __init__(self, torch, request):
        self.torch = torch
        with open(request["path"], "rb") as file:
            self.in_file = self.map(file.fileno())
        self.kept = self.map(NUMBERS)
        self.tensors = [(one["key"], self.make(one)) for one in request["tensors"]]

    @staticmethod
    def map(descriptor):
        """Private and writable: a model that updates its weights in place changes its own copy."""
        return mmap.mmap(descriptor, 0, access=mmap.ACCESS_COPY) if os.fstat(descriptor).st_size else b""

    def type_of(self, one, name):
        dtype = getattr(self.torch, name, None)
        if not isinstance(dtype, self.torch.dtype):
            raise Refusal(f"tensor `{one['key']}` has the type `{name}`, which this torch does not know", lack=True)
        return dtype

    def make(self, one):
        torch, shape = self.torch, one["shape"]
        dtype = self.type_of(one, one["dtype"])
        if 0 in shape:
            return torch.empty(shape, dtype=dtype)
        stored = self.type_of(one, self.INTEGERS.get(one["dtype"], one["dtype"]))
        count = 1 + sum((size - 1) * step for size, step in zip(shape, one["stride"]))
        made = self.flat(one, stored, count).as_strided(shape, one["stride"])
        if one["conjugate"]:
            made = made.conj()
        if one["negative"]:
            made = made.neg()
        return self.quantised(one, made) if one["scheme"] else made

    def flat(self, one, dtype, count):
        torch, memory = self.torch, self.kept if one["kept"] else self.in_file
        if hasattr(torch, "frombuffer"):
            return torch.frombuffer(memory, dtype=dtype, count=count, offset=one["offset"])
        import numpy

        size = torch.empty((), dtype=dtype).element_size()
        data = numpy.frombuffer(memory, dtype=numpy.uint8, count=count * size, offset=one["offset"])
        return torch.from_numpy(data).view(dtype)

    def quantised(self, one, integers):
        torch = self.torch
        if one["scheme"] == "per_tensor_affine":
            return torch._make_per_tensor_quantized_tensor(integers, one["scales"][0], int(one["zero_points"][0]))
        return torch._make_per_channel_quantized_tensor(
            integers, torch.tensor(one["scales"], dtype=torch.float64),
            torch.tensor([int(point) for point in one["zero_points"]], dtype=torch.int64), one["axis"])


class ScriptNetwork(TorchNetwork):
    """What TorchScript compiled. `first`: the inputs' place in its schema."""

    numbers = "own"

    def __init__(self, torch, module, function, schema, first, tensors, device, optimise):
        self.torch, self.module, self.function = torch, module, function
        self.kept, self.optimise = tensors, optimise
        arguments = schema.arguments
        only = type_text(arguments[first]) if len(arguments) == first + 1 else ""
        self.passing = {"Dict[str, Tensor]": "dict", "List[Tensor]": "list"}.get(only, "each")
        self.on = str(device)
        devices = sorted({str(tensor.device) for tensor in tensors})
        # A model without a tensor runs where its inputs are.
        self.device = ", ".join(devices) or self.on

    def tensors(self):
        return self.kept

    def prepare(self, inputs, gradients):
        made = [torch_input(tensor, self.on, gradients) for tensor in inputs]
        if self.passing == "dict":
            return [dict(zip([tensor["name"] for tensor in inputs], made))]
        return [made] if self.passing == "list" else made

    def run(self, prepared, gradients):
        with self.torch.enable_grad() if gradients else self.torch.no_grad():
            with self.torch.jit.optimized_execution(self.optimise):
                returned = self.function(*prepared)
        if "cuda" in self.device:
            self.torch.cuda.synchronize()
        return returned


# PyTorch's names of ONNX Runtime's types
ONNX_TYPES = {"float": "float32", "double": "float64", "float8e4m3fn": "float8_e4m3fn",
              "float8e4m3fnuz": "float8_e4m3fnuz", "float8e5m2": "float8_e5m2", "float8e5m2fnuz": "float8_e5m2fnuz"}


class OnnxFile:
    """An ONNX model, run as runup's onnxruntime probe runs it."""

    def __init__(self, onnxruntime):
        self.onnxruntime = onnxruntime
        self.stage = "artifact"
        self.network = None

    def library_facts(self):
        return {"library": "onnxruntime", "version": str(self.onnxruntime.__version__), "built_for": ""}

    def providers(self, device):
        if device == "cpu":
            return ["CPUExecutionProvider"]
        self.stage = "device"
        if device.split(":")[0] != "cuda":
            raise Refusal(f"this probe knows no execution provider for device `{device}`; it has `cpu` and `cuda`")
        available = self.onnxruntime.get_available_providers()
        if "CUDAExecutionProvider" not in available:
            raise Refusal(f"this ONNX Runtime was built without CUDA; it has {in_quotes(available)}")
        return [("CUDAExecutionProvider", {"device_id": device.partition(":")[2] or "0"}), "CPUExecutionProvider"]

    def open(self, request):
        providers = self.providers(request["device"])
        self.stage = "artifact"
        options = self.onnxruntime.SessionOptions()
        # VERBOSE: where the nodes are placed is told in the log alone.
        options.log_severity_level = 0
        with Heard() as heard:
            session = self.onnxruntime.InferenceSession(request["path"], options, providers=providers)
        self.network, self.stage = FileNetwork(session), "done"
        placed = [line for line in heard.lines if "placed on [" in line][:MOST_LOG_LINES]
        return {"loaded": {
            **self.network.describe(), **self.library_facts(), "devices": [], "placed": placed,
            "providers_asked": [one if isinstance(one, str) else one[0] for one in providers],
            "inputs": [declared(one) for one in session.get_inputs()],
            "outputs": [declared(one) for one in session.get_outputs()]}}


class Heard:
    """What is written to descriptor 2 meanwhile."""

    def __enter__(self):
        self.lines = []
        self.own = os.dup(2)
        self.file = os.memfd_create("heard")
        os.dup2(self.file, 2)
        return self

    def __exit__(self, *_):
        os.dup2(self.own, 2)
        os.close(self.own)
        with open(self.file, "rb") as file:
            file.seek(0)
            self.lines = file.read().decode(errors="replace").splitlines()


def declared(value):
    kind = value.type
    if not kind.startswith("tensor("):
        return {"name": value.name, "dtype": "", "shape": []}
    name = kind[len("tensor("):-1]
    return {"name": value.name, "dtype": ONNX_TYPES.get(name, name),
            "shape": [size if isinstance(size, int) else -1 for size in value.shape or []]}


class FileNetwork(OnnxNetwork):
    def __init__(self, session):
        super().__init__(session)
        values = [*session.get_inputs(), *session.get_outputs()]
        # NumPy has no types for them: ONNX Runtime's own form of a value is used.
        self.own_form = any(re.search("bfloat16|float8|int4", one.type) for one in values)

    def prepare(self, inputs, gradients):
        names = [tensor["name"] for tensor in inputs]
        if len(names) == len(self.names) and not set(names) & set(self.names):
            names = self.names
        return dict(zip(names, map(self.value if self.own_form else numpy_input, inputs)))

    @staticmethod
    def value(tensor):
        made = library("onnxruntime").OrtValue
        if tensor["dtype"] != "bfloat16":
            return made.ortvalue_from_numpy(numpy_input(tensor))
        if not hasattr(made, "ortvalue_from_numpy_with_onnx_type"):
            raise Refusal("this ONNX Runtime takes no `bfloat16` from Python", lack=True)
        return made.ortvalue_from_numpy_with_onnx_type(numpy_input({**tensor, "dtype": "uint16"}), 16)

    def run(self, prepared, gradients):
        if not self.own_form:
            return super().run(prepared, gradients)
        names = [one.name for one in self.session.get_outputs()]
        return dict(zip(names, map(self.plain, names, self.session.run_with_ort_values(names, prepared))))

    @staticmethod
    def plain(name, value):
        kind = value.data_type()[len("tensor("):-1]
        if kind.endswith("int4"):
            raise Refusal(f"output `{name}` is of type `{kind}`, which is not read", lack=True)
        if kind != "bfloat16" and not kind.startswith("float8"):
            return value.numpy()
        size = 2 if kind == "bfloat16" else 1
        for length in value.shape():
            size *= length
        return Stored(ONNX_TYPES.get(kind, kind), value.shape(), ctypes.string_at(value.data_ptr(), size))


# -------------------------------------------------------------------------------------------------- session


class Session:
    def __init__(self):
        self.root = "/"
        self.network = None
        # where no factory is named
        self.file = None
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

    def get_ready(self, request):
        """Imports what shall run the model file: `library` (`torch`, `onnxruntime`); `root` as above."""
        self.root = os.path.realpath(request["root"])
        try:
            found = importlib.import_module(request["library"])
            self.file = (TorchFile if request["library"] == "torch" else OnnxFile)(found)
            return {"ready": {**self.file.library_facts(), **interpreter()}}
        except BaseException as error:
            return {"failed": {"exception": describe_exception(error, self.root), "library": request["library"],
                               **interpreter()}}

    def open_file(self, request):
        """Loads the model file: `path`, its `kind`, the `device` that it shall be on. {"loaded": ...}; of a state_dict,
        {"wanted": ...}: what the `architecture` (a path) wants of it."""
        return self.step(lambda: self.file.open(request))

    def fill(self, request):
        """Gives the architecture a state_dict: `tensors` (see StateDict), `path` and `device` as above, and the type
        that floating-point ones `become`, empty for their own. {"loaded": ...}"""
        return self.step(lambda: self.file.fill(request))

    def read_keys(self, request):
        """Calls it with `inputs`, and says of which tensors an operator read something: {"read": [true, ...]}, in the
        order of `tensors`; null where this torch cannot tell."""
        try:
            return {"read": self.file.read_during(lambda: self.call_once(request))}
        except Exception:  # it was called before, without being looked at
            return {"read": None}

    def step(self, work):
        self.watch.start(self.root)
        try:
            answer = work()
            self.network = self.file.network
            return answer
        except Refusal as refusal:
            return {"failed": {"stage": self.file.stage, "words": str(refusal), "lack": refusal.lack}}
        except BaseException as error:
            return {"failed": {"stage": self.file.stage, "exception": describe_exception(error, self.root)}}
        finally:
            self.watch.on = False

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

    def structure(self, request):
        """Writes the network without its numbers into descriptor 6, made `how` (`script`, or `trace` with `inputs`).
        {"took": ...}"""
        started = time.monotonic()

        def work(request):
            if not isinstance(self.network, TorchNetwork):
                raise Refusal("it is no PyTorch module")
            self.network.write_structure(request["how"], request["inputs"])
            return {"took": time.monotonic() - started}

        return self.attempt(request, work)

    def call(self, request):
        return self.attempt(request, self.call_once)

    def time(self, request):
        return self.attempt(request, self.time_calls)

    def attempt(self, request, work):
        try:
            return work(request)
        except Refusal as refusal:
            # What a service's own predictor returns or takes says nothing of the model.
            return {"refused": str(refusal), "unsupported": self.file is None or refusal.lack}
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
        outputs = Outputs(self.network.numbers)
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
            "built_for": built_for(torch), **interpreter()}


def built_for(torch):
    """What a torch computes on besides the CPU, by its own word."""
    version = getattr(torch, "version", None)
    if getattr(version, "cuda", None):
        return f"CUDA {version.cuda}"
    if getattr(version, "hip", None):
        return "ROCm " + ".".join(str(version.hip).split(".")[:2])
    return ""


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
