# SPDX-License-Identifier: Apache-2.0
"""Reads the Python sources of a service, runs none of them, and prints what they open, load and import.

    python -I -B read_source.py < request.json > answer.json

A part of runup's python probe. Python 3.8 and its standard library are all that it needs.

Request, one JSON object:
    root            absolute path of the package; nothing outside of it and of `search` is read
    entrypoint      the server's file, relative to root; may be empty
    factory         "module:name" of what makes the predictor; may be empty
    search          further import roots, absolute; the entry point's folder and root are import roots anyway
    modules         names of modules to read as well, such as those that a pickle names

Answer, one JSON object in ASCII; there is always one, and the exit status is 0. What is wrong with a source is
a value of the answer. Except `version`, `cut` and `factory` each key holds a list.
    version         of this interpreter: "3.11.7"
    cut             list of what was not looked at, and why, in words; empty when nothing was left out
    factory         found, file, line, is_async, required: the names of its parameters without a default
    modules         name, file, error, names: what its body binds (imports, classes, functions, variables), with
                    "*" when an `import *` from outside of the package adds more. Every source that was read or
                    should have been, the entry point first; error is empty when it was
    imports         name, optional, missing: modules that the package does not have, without the standard
                    library's. optional: the code goes on without it. missing: the package should have it, as it
                    has the folder or module that the name starts with; name may then end in what was taken
                    from a module
    paths           call, text, anchor, value, variable, default_anchor, default, writes: files and folders that
                    are opened; see below. call: by what, `open`. text: the source of the path
    loads           call, path, map_location, weights_only, find_class, callers: calls that read a model. path:
                    index into paths, -1 when it is unknown. The arguments are Python source, as a literal where
                    it is known, "" where not given. find_class: code of the package, or a pickle_module, finds
                    the classes that the pickle names. callers: places ("main.py:3") of the calls that lead
                    there, outermost first
    state_dicts     strict, used: calls of load_state_dict. strict: source, "" where not given. used: the code
                    looks at what the call returns
    fallbacks       catches, then: `except` branches around a load after which the code goes on. then: "loads"
                    another model, "replaces" it by something else, "none" in its place, or just "continues"
    classes         module, name, bases: names as in "Outer.Inner" and, for bases, "torch.nn.Module"
    injected        module, name, value, before_load: what is put into a module by hand, for pickles that look
                    it up there: sys.modules["__main__"].Net = Net. name "*" is the whole module. value:
                    absolute name, "" when unknown. before_load: whether that happens before any model is
                    loaded, null when it cannot be told
    safe_globals    names: absolute names allowed for torch.load(weights_only=True), "" for one that is unknown
    startup         kind ("lifespan" or "on_event"), loads: handlers that the web framework calls as it starts
    routes          method, path, is_async, uses_model: endpoints. uses_model: the handler, or what it calls,
                    mentions something that holds a loaded model
    servers         call, text: calls that start a server: uvicorn.run
    chdir, sys_path anchor, value: changes of the working directory, and folders added to sys.path

Each entry of these lists, except `modules`, tells its place:
    file, line      file is relative to root, line counts from 1
    function        "Predictor.load"; "" in a module's body
    when            the earliest time that the place is reached:
                    import   importing the entry point, or the factory's module, runs it
                    startup  a start-up handler runs it
                    call     only a call that comes later: of a route, of the factory, of anything else
                    main     only `python main.py`: what stands below `if __name__ == "__main__"`

A path's anchor is what it is relative to:
    file            root; made from __file__, so it is the same wherever the server is started. "../x": beside root
    cwd             the working directory
    home, temp      the user's home, the folder of temporary files
    absolute        nothing; this is also said of drives (C:/) and shares
    environment     a variable of the environment: {} in value stands for what it holds
    unknown         not known: {} in value stands for what could not be found out; URLs are here too
A {} after the start of a value stands for something unknown as well, and `variable` names the variable of the
environment that fills it, if one does. default and default_anchor are the path for when nothing is set.

How it works: module bodies, the start-up handlers, the factory, and then each function that nothing has called
are interpreted over symbolic values. Calls into the package are followed. Both branches of an `if` are taken
unless a constant decides. A loop is taken once, or for each item of a short list. A value that may be one of
several is kept as all of these. Everything is bounded by the MAX_ constants; what they cut off is in `cut`.
"""

import ast
import builtins
import codecs
import importlib.machinery
import io
import json
import os
import posixpath
import re
import stat
import string
import sys
import threading
import time
import tokenize
import warnings

MAX_FILE = 1 << 20  # bytes of one source
MAX_TOKENS = 200000  # of one source: that bounds the depth and the memory of its syntax tree
MAX_ALL_TOKENS = 1000000
MAX_MODULES = 2000
MAX_ROOTS = 32  # import roots
MAX_SECONDS = 30
MAX_STEPS = 2000000  # expressions and statements interpreted
MAX_CALL_STEPS = 20000  # of these for one call and all that it calls
MAX_CALLS = 8  # calls within calls
MAX_DEPTH = 120  # nesting within one function
MAX_ALTERNATIVES = 6  # of one value
MAX_ITEMS = 200  # of one list or dict
MAX_LOOP = 20  # items that a loop is taken for one by one
MAX_VALUE = 2000  # characters of a text
MAX_SHOWN = 160  # characters of source in the answer
MAX_ENTRIES = 5000  # of one list of the answer

KINDS = ("modules imports paths loads state_dicts fallbacks classes injected safe_globals startup routes servers"
         " chdir sys_path").split()
WHEN = ("import", "startup", "call", "main")  # the earliest first

# The parameter that is the path in calls that read or write a file; its position is 0 unless POSITIONS has it.
READS = {
    "open": "file", "io.open": "file", "codecs.open": "filename", "aiofiles.open": "file", "gzip.open": "filename",
    "bz2.open": "filename", "lzma.open": "filename", "zipfile.ZipFile": "file", "tarfile.open": "name",
    "os.open": "path", "os.listdir": "path", "os.scandir": "path", "os.walk": "top", "glob.glob": "pathname",
    "glob.iglob": "pathname", "sqlite3.connect": "database", "ctypes.CDLL": "name", "runpy.run_path": "path_name",
    "logging.config.fileConfig": "fname", "dotenv.load_dotenv": "dotenv_path", "toml.load": "f",
    "numpy.load": "file", "numpy.fromfile": "file", "numpy.loadtxt": "fname", "numpy.genfromtxt": "fname",
    "numpy.memmap": "filename", "scipy.io.loadmat": "file_name", "h5py.File": "name", "onnx.load": "f",
    "cv2.imread": "filename", "cv2.CascadeClassifier": "filename", "PIL.Image.open": "fp",
    "pandas.read_csv": "filepath_or_buffer", "pandas.read_json": "path_or_buf", "pandas.read_parquet": "path",
    "pandas.read_excel": "io", "pandas.read_pickle": "filepath_or_buffer", "omegaconf.OmegaConf.load": "file_",
    "fastapi.staticfiles.StaticFiles": "directory", "starlette.staticfiles.StaticFiles": "directory",
    "fastapi.templating.Jinja2Templates": "directory", "tokenizers.Tokenizer.from_file": "path",
    "sentencepiece.SentencePieceProcessor": "model_file",
}
WRITES = {
    "torch.save": "f", "joblib.dump": "filename", "numpy.save": "file", "numpy.savez": "file",
    "safetensors.torch.save_file": "filename", "os.makedirs": "name", "os.mkdir": "path", "os.remove": "path",
    "os.unlink": "path", "shutil.rmtree": "path", "logging.FileHandler": "filename",
    "logging.handlers.RotatingFileHandler": "filename",
    "logging.handlers.TimedRotatingFileHandler": "filename",
}
LOADS = {
    "torch.load": "f", "torch.jit.load": "f", "torch.export.load": "f", "safetensors.safe_open": "filename",
    "safetensors.torch.load_file": "filename", "safetensors.torch.load_model": "filename",
    "safetensors.numpy.load_file": "filename", "onnxruntime.InferenceSession": "path_or_bytes",
    "joblib.load": "filename", "skops.io.load": "file", "ultralytics.YOLO": "model",
    "keras.models.load_model": "filepath", "tensorflow.keras.models.load_model": "filepath",
    "tensorflow.saved_model.load": "export_dir",
}
POSITIONS = {"torch.save": 1, "joblib.dump": 1, "safetensors.torch.save_file": 1, "safetensors.torch.load_model": 1,
             "fastapi.staticfiles.StaticFiles": None, "starlette.staticfiles.StaticFiles": None,
             "sentencepiece.SentencePieceProcessor": None}
# These take a stream or bytes, and are given the paths that these came from.
STREAM_LOADS = {"pickle.load", "pickle.loads", "cloudpickle.load", "cloudpickle.loads", "dill.load", "dill.loads"}
PATH_READS = {"read_text", "read_bytes", "iterdir", "open", "glob", "rglob"}
PATH_WRITES = {"write_text", "write_bytes", "mkdir", "unlink", "rmdir", "touch"}
SERVERS = {"uvicorn.run", "uvicorn.Server.run", "uvicorn.Server.serve", "hypercorn.asyncio.serve",
           "waitress.serve", "flask.Flask.run", "quart.Quart.run", "sanic.Sanic.run", "aiohttp.web.run_app",
           "gevent.pywsgi.WSGIServer", "wsgiref.simple_server.make_server", "werkzeug.serving.run_simple",
           "http.server.HTTPServer", "http.server.ThreadingHTTPServer", "gradio.Blocks.launch",
           "gradio.Interface.launch", "bottle.run", "granian.Granian"}
VERBS = {"get", "post", "put", "delete", "patch", "head", "options", "route", "api_route", "websocket"}
# Calls and methods that call the function which is their argument at that position.
CALLERS = {"asyncio.to_thread": 0, "anyio.to_thread.run_sync": 0, "fastapi.concurrency.run_in_threadpool": 0,
           "starlette.concurrency.run_in_threadpool": 0, "run_in_executor": 1, "submit": 0}
# Other names of the same thing.
SAME = (("builtins.", ""), ("posixpath.", "os.path."), ("_pickle.", "pickle."), ("_io.", "io."),
        ("importlib_resources.", "importlib.resources."), ("torch.serialization.load", "torch.load"),
        ("tf_keras.", "keras."), ("pathlib.PosixPath", "pathlib.Path"), ("pathlib.PurePath", "pathlib.Path"))
IMPORT_ERRORS = {"ImportError", "ModuleNotFoundError", "Exception", "BaseException"}


def standard_modules():
    names = set(getattr(sys, "stdlib_module_names", ()))
    if not names:  # before Python 3.10
        folder = os.path.dirname(os.__file__)
        for place in (folder, os.path.join(folder, "lib-dynload")):
            names.update(entry.split(".")[0] for entry in os.listdir(place) if os.path.isdir(place))
    return names | set(sys.builtin_module_names) | {"__main__", "__future__"}


STANDARD = standard_modules()


# --------------------------------------------------------------------------------------------------- sources


class Module:
    """One source file; as a value, the module that it makes."""

    def __init__(self, name, path, file, package):
        self.name, self.path, self.file, self.package = name, path, file, package
        self.error, self.tree, self.rows, self.done = "", None, [], False
        self.names, self.star = Names(), False
        self.stored, self.rebound, self.mentioned = set(), set(), set()

    def parse(self, text):
        self.tree = ast.parse(text)
        self.rows = text.encode("utf-8").split(b"\n")
        for node in ast.walk(self.tree):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                self.stored.add(node.name)
            elif isinstance(node, ast.Name):
                (self.mentioned if isinstance(node.ctx, ast.Load) else self.stored).add(node.id)
            elif isinstance(node, ast.alias):
                self.stored.add(node.asname or node.name.split(".")[0])
            elif isinstance(node, ast.Global):
                self.rebound.update(node.names)
            elif type(node).__name__ in ("MatchAs", "MatchStar"):
                self.stored.add(node.name)

    def lacks(self, name):
        """Whether it surely binds no such name, however it is run."""
        dynamic = {"globals", "exec", "eval", "setattr", "vars", "sys", "locals"} & self.mentioned
        return (self.tree is not None and not self.star and not dynamic and not name.startswith("__")
                and name not in self.stored and "__getattr__" not in self.stored)

    def text(self, node):
        """The source of a node, on one line."""
        first, last = node.lineno - 1, node.end_lineno - 1
        rows = self.rows[first:last + 1]
        rows[-1] = rows[-1][:node.end_col_offset]
        rows[0] = rows[0][node.col_offset:]
        shown = b" ".join(row[:4 * MAX_SHOWN] for row in rows[:MAX_SHOWN]).decode("utf-8", "replace")
        return " ".join(shown.split())[:MAX_SHOWN]

    def absolute_name(self, level, name):
        """The module that `from ..name import` means; None when that is above the top package."""
        parts = self.name.split(".")
        parts = parts[:max(0, len(parts) - level + (1 if self.package else 0))]
        return ".".join(parts + ([name] if name else [])) if parts else None


class Sources:
    """Finds modules in the package and reads them."""

    def __init__(self, root, search, cut):
        self.root, self.cut, self.roots, self.found, self.modules, self.tokens = root, cut, [], {}, {}, 0
        self.areas = [os.path.realpath(place) for place in [root] + search]

    def add_root(self, folder, first=False):
        if folder not in self.roots and len(self.roots) < MAX_ROOTS:
            self.roots.insert(0 if first else len(self.roots), folder)
            self.found.clear()

    def inside(self, path):
        real = os.path.realpath(path)
        return any(real == area or real.startswith(area.rstrip("/") + "/") for area in self.areas)

    def shown(self, path):
        return os.path.relpath(path, self.root) if path.startswith(self.root.rstrip("/") + "/") else path

    def find(self, name):
        """(kind, path) of a module by its absolute name, or None; kind: module, package, compiled, folder."""
        if name not in self.found:
            self.found[name] = self.look_for(name)
        return self.found[name]

    def look_for(self, name):
        above, _, last = name.rpartition(".")
        if len(name) > 500 or not last or "/" in last or "\0" in last or name in sys.builtin_module_names:
            return None
        folders = self.roots
        if above:
            kind, path = self.find(above) or ("", "")
            if kind not in ("package", "folder"):
                return None
            folders = [os.path.dirname(path) if kind == "package" else path]
        namespace = None
        for base in (os.path.join(folder, last) for folder in folders):
            if os.path.isfile(os.path.join(base, "__init__.py")):
                return "package", os.path.join(base, "__init__.py")
            if os.path.isfile(base + ".py"):
                return "module", base + ".py"
            for suffix in importlib.machinery.EXTENSION_SUFFIXES + [".pyc"]:
                if os.path.isfile(base + suffix):
                    return "compiled", base + suffix
            if namespace is None and self.has_code(base, 3):
                namespace = "folder", base
        return namespace

    def has_code(self, folder, depth):
        """Whether a folder without __init__.py is a package: one of weights is none."""
        try:
            entries = sorted(os.listdir(folder))[:MAX_ITEMS] if self.inside(folder) else []
        except OSError:
            return False
        if any(entry.endswith((".py", ".so")) for entry in entries):
            return True
        return depth > 1 and any(self.has_code(os.path.join(folder, entry), depth - 1) for entry in entries[:20])

    def module(self, name, kind, path):
        """The module of a file, read once; None for a folder, and when there are too many."""
        if path in self.modules or kind == "folder":
            return self.modules.get(path)
        if len(self.modules) >= MAX_MODULES:
            self.cut("more than %d modules: the rest was not read" % MAX_MODULES)
            return None
        module = self.modules[path] = Module(name, path, self.shown(path), kind == "package")
        try:
            module.parse(self.read(module.path, kind))
        except SyntaxError as error:
            module.error = ("line %d: " % error.lineno if error.lineno else "") + str(error.msg)[:300]
        except (MemoryError, RecursionError):
            module.error = "too deeply nested to be read"
        except OSError as error:
            module.error = "cannot be read: %s" % (error.strerror or "error")
        except UnicodeDecodeError as error:
            module.error = "not valid %s at byte %d" % (error.encoding, error.start)
        except (ValueError, LookupError, OverflowError, SystemError) as error:
            module.error = str(error)[:300] or type(error).__name__
        if module.error:
            module.tree = None
        return module

    def read(self, path, kind):
        """The text of a source; raises for one that would take too much of the parser, or is none."""
        if kind == "compiled":
            raise ValueError("compiled, not read")
        if not self.inside(path):
            raise ValueError("leaves the package through a symbolic link")
        # never waits: a FIFO may lie where a source should
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as stream:
            if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
                raise ValueError("not a regular file")
            data = stream.read(MAX_FILE + 1)
        if len(data) > MAX_FILE:
            raise ValueError("more than %d bytes" % MAX_FILE)
        if b"\0" in data:
            raise ValueError("holds NUL bytes")
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        # not of text (zlib, rot13), or of quadratic time
        if not codecs.lookup(encoding)._is_text_encoding or codecs.lookup(encoding).name in ("punycode", "idna"):
            raise ValueError("encoding %s is not read" % encoding)
        text = data.decode(encoding).replace("\r\n", "\n").replace("\r", "\n")
        tokens = 0
        for token in re.finditer(r"\w+|[^\w\s]", text):
            tokens += 1
            if token.end() - token.start() > MAX_VALUE and token.group()[0].isdigit():
                raise ValueError("a number of more than %d digits" % MAX_VALUE)
        if tokens > MAX_TOKENS:
            raise ValueError("%d tokens; at most %d are read" % (tokens, MAX_TOKENS))
        if self.tokens + tokens > MAX_ALL_TOKENS:
            self.cut("more than %d tokens of source: the rest was not read" % MAX_ALL_TOKENS)
            raise ValueError("not read: more than %d tokens of source in all" % MAX_ALL_TOKENS)
        self.tokens += tokens
        return text


class Names:
    """The variables of one scope. Each branch of the code writes to a layer of its own until it is merged."""

    def __init__(self, above=None, of_class=False):
        self.layers, self.above, self.of_class = [{}], above, of_class

    def get(self, name):
        for layer in reversed(self.layers):
            if name in layer:
                return layer[name]
        return None

    def set(self, name, value):
        self.layers[-1][name] = value


# ---------------------------------------------------------------------------------------------------- values


class Unknown:
    """A value of which nothing is known."""


class Text:
    """A string or a path.

    value has {} for each part that is not known. anchor is `plain` for a text that means what it says; `file`
    for an absolute path made from __file__; cwd, home, temp, environment and unknown are those of the answer,
    and value starts with a {} for them.
    """

    def __init__(self, anchor, value, variable="", default=None):
        self.anchor, self.value, self.variable, self.default = anchor, value[:MAX_VALUE], variable, default


class Const:
    """None, a truth value or a number."""

    def __init__(self, value):
        self.value = value


class Ref:
    """Something that the package does not define, by its absolute name: `torch.load`, `open`."""

    def __init__(self, name):
        self.name = name


class Bound:
    """`value.name` that is not known; mostly a method."""

    def __init__(self, value, name):
        self.value, self.name = value, name


class Function:
    """A function or lambda of the package; me is the object that a method is bound to."""

    def __init__(self, module, node, closure, cls, me=None):
        self.module, self.node, self.closure, self.cls, self.me = module, node, closure, cls, me
        self.name = getattr(node, "name", "<lambda>")
        self.label = cls.name + "." + self.name if cls else self.name
        self.kinds = {last_name(item) for item in getattr(node, "decorator_list", [])}

    def bind(self, me):
        return Function(self.module, self.node, self.closure, self.cls, me)


class Class:
    def __init__(self, module, node, name, bases):
        self.module, self.node, self.name, self.bases = module, node, name, bases
        self.attrs, self.instance = {}, None

    def family(self, depth=0):
        """The class and those that it derives from; those from outside of the package are Refs."""
        yield self
        for base in self.bases if depth < 10 else []:
            if isinstance(base, Class):
                yield from base.family(depth + 1)
            elif isinstance(base, Ref):
                yield base

    def find(self, name):
        return next((cls.attrs[name] for cls in self.family() if isinstance(cls, Class) and name in cls.attrs), None)

    def outside(self):
        """The absolute name of the first base that the package does not have."""
        return next((cls.name for cls in self.family() if isinstance(cls, Ref)), "")


class Object:
    """What a call gave, of a class of the package or not.

    name is the absolute name of what was called, or of the outside class that its class derives from. paths
    are numbers of the files whose content went into it. loaded: the content of a model did.
    """

    def __init__(self, name, call, cls=None, paths=(), loaded=False):
        self.name, self.cls, self.paths, self.loaded, self.attrs = name, cls, list(paths), loaded, {}
        self.args, self.words = (call.args, call.words) if call else ([], {})


class Items:
    """A list, tuple, set or generator. whole: these are its items and no others, in order."""

    def __init__(self, items, whole=True):
        self.items, self.whole = items[:MAX_ITEMS], whole and len(items) <= MAX_ITEMS


class Table:
    """A dict, of which the items with a constant text as key are kept."""

    def __init__(self, items):
        self.items = items


class Either:
    """One of several values."""

    def __init__(self, items):
        self.items = items


UNKNOWN, NONE = Unknown(), Const(None)


def plain(value):
    return Text("plain", value)


def hole(anchor="unknown", variable="", default=None):
    return Text(anchor, "{}", variable, default)


def is_plain(value):
    return isinstance(value, Text) and value.anchor == "plain" and "{}" not in value.value


def each(value):
    return value.items if isinstance(value, Either) else [value]


def identity(value):
    """Equal for values that cannot be told apart."""
    if isinstance(value, Text):
        return value.anchor, value.value, value.variable, value.default and identity(value.default)
    if isinstance(value, Const):
        return type(value.value).__name__, value.value
    if isinstance(value, Ref):
        return value.name
    return (identity(value.value), value.name) if isinstance(value, Bound) else id(value)


def either(values):
    """One value that may be any of `values`."""
    kept = {identity(item): item for value in values for item in each(value)}
    kept = list(kept.values())
    if len(kept) > MAX_ALTERNATIVES:
        kept = kept[:MAX_ALTERNATIVES - 1] + [UNKNOWN]
    return Either(kept) if len(kept) > 1 else kept[0] if kept else UNKNOWN


def lift(function, *values):
    """function over the combinations of what the values may be."""
    rows = [[]]
    for value in values:
        rows = [row + [item] for row in rows for item in each(value)][:MAX_ALTERNATIVES]
    return either([function(*row) for row in rows])


def element(value):
    """What a loop over the value gives."""
    if isinstance(value, Items):
        return either(value.items[:MAX_ALTERNATIVES])
    return either([plain(key) for key in value.items][:MAX_ALTERNATIVES]) if isinstance(value, Table) else UNKNOWN


def holds_model(value, depth=0):
    """Whether the content of a loaded model went into the value."""
    if isinstance(value, Object):
        return value.loaded
    if isinstance(value, Bound):
        return holds_model(value.value, depth)
    items = value.items if isinstance(value, (Either, Items, Table)) and depth < 4 else []
    return any(holds_model(item, depth + 1) for item in (items.values() if isinstance(items, dict) else items))


def paths_of(value):
    return [path for item in each(value) if isinstance(item, Object) for path in item.paths]


def truth(value):
    """Whether the value counts as true; None when that is not known."""
    if isinstance(value, Const) or is_plain(value):
        return bool(value.value)
    made = isinstance(value, (Object, Function, Class, Module)) or (isinstance(value, Text) and value.anchor == "file")
    return True if made else None


def is_none(value):
    if isinstance(value, Const):
        return value.value is None
    vague = isinstance(value, (Unknown, Bound)) or (isinstance(value, Text) and value.anchor in VARIES)
    return None if vague else False


def name_of(value):
    """The absolute name of a class, function or module; "" for other values."""
    if isinstance(value, (Class, Function)):
        return value.module.name + "." + (value.name if isinstance(value, Class) else value.label)
    return value.name if isinstance(value, (Ref, Module)) else ""


# ----------------------------------------------------------------------------------------------------- texts

VARIES = ("environment", "unknown")
FOLDERS = ("file", "cwd", "home", "temp")


def text_of(value):
    if isinstance(value, Text):
        return value
    return plain(str(value.value)) if isinstance(value, Const) and value.value is not None else hole()


def on_texts(function, *values):
    """function over texts: over all that they may be, and over their defaults."""

    def apply(*items):
        texts = [text_of(item) for item in items]
        made, default = function(*texts), None
        if any(text.default for text in texts) and all(text.default or text.anchor not in VARIES for text in texts):
            default = function(*[text.default or text for text in texts])
        variable = next((text.variable for text in texts if text.variable), "")
        return Text(made.anchor, made.value, variable, default)

    return lift(apply, *values)


def join(a, b):
    """os.path.join(a, b)"""
    if b.anchor in FOLDERS or b.value.startswith("/") or (a.anchor == "plain" and a.value in ("", ".")):
        return b
    return Text(a.anchor, a.value + ("" if a.value.endswith("/") else "/") + b.value) if b.value else a


def add(a, b):
    """a + b"""
    if a.anchor == "plain" and not a.value:
        return b
    return Text(a.anchor, a.value + ("{}" if b.anchor == "file" else b.value))


def parent(a):
    if re.match(r"\{\}(/\.\.)*/?$", a.value):
        return Text(a.anchor, a.value.rstrip("/") + "/..")
    return Text(a.anchor, posixpath.dirname(a.value))


def absolute(a):
    if a.anchor == "plain" and not a.value.startswith("/"):
        return Text("cwd", "{}" if a.value in ("", ".") else "{}/" + a.value)
    return Text(a.anchor, posixpath.normpath(a.value)) if a.value.startswith("/") else a


def expand_user(a):
    at_home = a.anchor == "plain" and (a.value == "~" or a.value.startswith("~/"))
    return Text("home", "{}" + a.value[1:]) if at_home else a


def file_name(a):
    return hole(a.anchor if a.anchor in VARIES else "unknown") if a.value == "{}" else plain(
        posixpath.basename(a.value.rstrip("/")))


def without_suffix(a):
    return Text(a.anchor, posixpath.splitext(a.value)[0])


def as_is(a):
    return a


def pattern(a):
    """A glob pattern, with {} for what it leaves open."""
    return Text(a.anchor, re.sub(r"\*+|\[[^]]*\]|\?", "{}", a.value))


def fold(function, values):
    """function over the first two, over that and the third, ..."""
    made = values[0] if values else plain("")
    for value in values[1:MAX_ITEMS]:
        made = on_texts(function, made, value)
    return on_texts(as_is, made)


def formatted(template, args, words):
    """template.format(*args, **words); what has a format of its own is a hole."""
    parts, count = [], 0
    try:
        pieces = list(string.Formatter().parse(template))[:MAX_ITEMS]
    except ValueError:
        return hole()
    for literal, field, spec, conversion in pieces:
        parts.append(plain(literal))
        if field == "" or (field and field.isdigit() and len(field) < 4):
            index, count = int(field or count), count + 1
            value = args[index] if index < len(args) else UNKNOWN
        else:
            value = words.get(field, UNKNOWN)
        if field is not None:
            parts.append(hole() if spec or conversion else value)
    return fold(add, parts)


def percent(template, value):
    """template % value; what has a format of its own is a hole."""
    args = list(value.items) if isinstance(value, Items) else [value]
    parts, at = [], 0
    for match in re.finditer(r"%(?:\((\w+)\))?([-#0 +\d.]*)([a-zA-Z%])", template):
        key, flags, kind = match.groups()
        parts.append(plain(template[at:match.start()]))
        at = match.end()
        if kind == "%":
            parts.append(plain("%"))
            continue
        filled = value.items.get(key, UNKNOWN) if key and isinstance(value, Table) else args.pop(0) if args else UNKNOWN
        parts.append(filled if kind in "sd" and not flags else hole())
    return fold(add, parts + [plain(template[at:])])


def table_of(*rows):
    return {name: function for names, function in rows for name in names.split()}


# What calls of the standard library give for a list of at least one argument.
RESULTS = table_of(
    ("os.path.join pathlib.Path", lambda args: fold(join, args)),
    ("os.path.dirname", lambda args: on_texts(parent, args[0])),
    ("os.path.basename", lambda args: on_texts(file_name, args[0])),
    ("os.path.abspath os.path.realpath", lambda args: on_texts(absolute, args[0])),
    ("os.path.expanduser", lambda args: on_texts(expand_user, args[0])),
    ("os.path.split", lambda args: Items([on_texts(parent, args[0]), on_texts(file_name, args[0])])),
    ("os.path.splitext", lambda args: Items([on_texts(without_suffix, args[0]), UNKNOWN])),
    ("str os.fspath os.path.normpath os.path.normcase os.path.expandvars os.fsdecode",
     lambda args: on_texts(as_is, args[0])),
    ("list tuple sorted iter reversed set copy.copy copy.deepcopy importlib.resources.as_file contextlib.closing",
     lambda args: args[0]),
    ("functools.lru_cache functools.cache functools.wraps functools.partial",
     lambda args: args[0] if isinstance(args[0], Function) else Ref("functools.cache")),
    ("typing.cast", lambda args: args[-1]),
    ("next", lambda args: either([lift(element, args[0])] + args[1:])),
    ("max min", lambda args: lift(element, args[0])),
    ("os.getcwd pathlib.Path.cwd", lambda args: hole("cwd")),
    ("pathlib.Path.home", lambda args: hole("home")),
    ("tempfile.gettempdir tempfile.mkdtemp tempfile.mktemp tempfile.TemporaryDirectory",
     lambda args: hole("temp")),
)
# What methods of a text give.
METHODS = table_of(
    ("joinpath", lambda text, args: fold(join, [text] + args)),
    ("resolve absolute", lambda text, args: on_texts(absolute, text)),
    ("expanduser", lambda text, args: on_texts(expand_user, text)),
    ("with_name", lambda text, args: on_texts(lambda a, b: join(parent(a), b), text, args[0])),
    ("with_suffix", lambda text, args: on_texts(lambda a, b: add(without_suffix(a), b), text, args[0])),
    ("as_posix strip rstrip lstrip encode decode __fspath__ __enter__", lambda text, args: text),
    ("upper lower", lambda text, args: text if text.anchor != "plain" else hole()),
    ("join", lambda text, args: fold(add, [part for item in args[0].items for part in (text, item)][1:])
     if isinstance(args[0], Items) and args[0].whole else hole()),
    ("replace", lambda text, args: plain(text.value.replace(args[0].value, args[1].value[:MAX_SHOWN]))
     if all(is_plain(item) for item in [text] + args) and len(args) == 2 and args[0].value else hole()),
)


# ---------------------------------------------------------------------------------------------------- syntax


def last_name(node):
    """`c` of a.b.c, also when that is called."""
    node = node.func if isinstance(node, ast.Call) else node
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def exception_names(types):
    """The names in the `except` of a handler, or in the arguments of suppress()."""
    return [last_name(item) for node in types for item in (node.elts if isinstance(node, ast.Tuple) else [node])]


def is_main_guard(test):
    sides = [test.left] + test.comparators if isinstance(test, ast.Compare) else []
    return (any(isinstance(side, ast.Name) and side.id == "__name__" for side in sides)
            and any(isinstance(side, ast.Constant) and side.value == "__main__" for side in sides))


def assignments(body):
    """(target, value) of each assignment below these statements."""
    for node in (inner for statement in body for inner in ast.walk(statement)):
        if isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value is not None:
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                yield target, node.value


def index_of(node):
    """The index of a Subscript, which Python 3.8 wraps."""
    return node.slice.value if type(node.slice).__name__ == "Index" else node.slice


def canonical(name):
    for other, usual in SAME:
        if name.startswith(other):
            return usual + name[len(other):]
    return name


# --------------------------------------------------------------------------------------------- interpretation


class Run:
    """One start of the interpretation; loads are the times at which it loaded a model."""

    def __init__(self, when):
        self.when, self.loads = when, []


class Frame:
    """A module body, class body or function as it is run; line is that of the call in `above`."""

    def __init__(self, module, names, run, above=None, line=0, function=None, cls=None):
        self.module, self.names, self.run, self.above, self.line = module, names, run, above, line
        self.function, self.cls = function, cls
        self.label = function.label if function else ""
        self.calls = above.calls + 1 if above and function else 0
        self.guards = list(above.guards) if above else []
        self.level, self.loops, self.returns, self.globals, self.ignored = 0, 0, [], set(), None

    def running(self, node):
        """Whether that function is being run already."""
        frame = self
        while frame is not None and not (frame.function and frame.function.node is node):
            frame = frame.above
        return frame is not None


class Call:
    """The arguments of one call, and where it is."""

    def __init__(self, args, words, node, frame):
        self.args, self.words, self.node, self.frame = args, words, node, frame

    def get(self, position, word, otherwise=UNKNOWN):
        if word in self.words:
            return self.words[word]
        return self.args[position] if position is not None and position < len(self.args) else otherwise

    def source(self, position, word):
        """An argument as Python source, a literal where its value is known."""
        value, node = self.get(position, word, None), None
        if value is None:
            return ""
        if is_plain(value) or isinstance(value, Const):
            return repr(value.value)[:MAX_SHOWN]
        node = next((item.value for item in self.node.keywords if item.arg == word), None)
        if node is None and position is not None and position < len(self.node.args):
            node = self.node.args[position]
        return self.frame.module.text(node) if node is not None else "..."


class Interpreter:
    """Runs the sources over symbolic values and gathers the facts."""

    def __init__(self, sources):
        self.sources, self.entry, self.reasons = sources, None, []
        self.facts = {kind: {} for kind in KINDS}
        self.steps, self.call_limit, self.clock = 0, MAX_CALL_STEPS, 0
        self.deadline = time.monotonic() + MAX_SECONDS
        # functions that were defined, nodes of those that were called, and who called whom
        self.defined, self.called, self.callees = [], set(), {}
        self.runs, self.handlers, self.guarded, self.injections, self.arguments = [], [], [], [], {}
        self.routes, self.route_nodes = [], set()
        # variables, functions and attributes that hold a model or lead to one
        self.model_names, self.model_attributes = set(), set()

    # -- facts

    def cut(self, reason):
        if reason not in self.reasons and len(self.reasons) < 20:
            self.reasons.append(reason)

    def fact(self, into, frame, node, **more):
        """Notes a fact once, with the earliest time that its place is reached; gives its entry."""
        facts, key = self.facts[into], (frame.module.file, node.lineno, node.col_offset, repr(sorted(more.items())))
        if key not in facts and len(facts) >= MAX_ENTRIES:
            self.cut("more than %d %s: the rest was left out" % (MAX_ENTRIES, into))
            return {"number": -1}
        place = {"file": frame.module.file, "line": node.lineno, "function": frame.label, "when": frame.run.when}
        entry = facts.setdefault(key, dict(place, **more, number=len(facts)))
        entry["when"] = min(entry["when"], frame.run.when, key=WHEN.index)
        return entry

    def placed(self, text):
        """(anchor, value) of a text that is used as a path, as the answer tells them."""
        anchor, value = text.anchor, text.value
        if anchor == "file":
            return anchor, os.path.relpath(posixpath.normpath(value or "/"), self.sources.root)
        if anchor == "plain":
            if re.match(r"[a-z][a-z0-9+]+://", value):
                return "unknown", value
            absolute_path = value.startswith(("/", "\\\\")) or re.match(r"[A-Za-z]:[\\/]", value)
            return ("absolute", value) if absolute_path else ("cwd", posixpath.normpath(value))
        if anchor in FOLDERS:
            return anchor, posixpath.normpath("./" + value[2:].lstrip("/"))
        return anchor, value

    def opened(self, name, call, value, node, writes=False):
        """Notes the files that a value may name; the numbers of these, and of those that it was read from."""
        numbers = []
        for item in each(value):
            if isinstance(item, (Text, Unknown, Bound)):
                text = text_of(item)
                anchor, shown = self.placed(text)
                default_anchor, default = self.placed(text.default) if text.default else ("", "")
                entry = self.fact("paths", call.frame, call.node, call=name, text=call.frame.module.text(node),
                                  anchor=anchor, value=shown, variable=text.variable,
                                  default_anchor=default_anchor, default=default, writes=writes)
                numbers.append(entry["number"])
            numbers += paths_of(item)
        return [number for number in numbers if number >= 0]

    def loaded(self, name, call, paths, find_class=False):
        """Notes that a model is loaded here; what that gives."""
        self.clock += 1
        call.frame.run.loads.append(self.clock)
        for path in paths or [-1]:
            entry = self.fact("loads", call.frame, call.node, call=name, path=path,
                              map_location=call.source(1, "map_location") if name.startswith("torch.") else "",
                              weights_only=call.source(None, "weights_only"),
                              find_class=find_class or "pickle_module" in call.words)
            entry.setdefault("callers", self.callers(call.frame))
        return Object(name, call, paths=paths, loaded=True)

    @staticmethod
    def callers(frame):
        places = []
        # above all stands a frame of no source
        while frame.above is not None and frame.above.above is not None:
            if frame.function:
                places.insert(0, "%s:%d" % (frame.above.module.file, frame.line))
            frame = frame.above
        return places

    def injected(self, module, name, value, frame, node):
        """Notes that a name of a module is set by hand."""
        self.clock += 1
        entry = self.fact("injected", frame, node, module=module, name=name, value=name_of(value))
        self.injections.append((frame.run, self.clock, entry))

    # -- names

    def lookup(self, name, frame):
        names = None if name in frame.globals else frame.names
        while names is not None and names is not frame.module.names:
            value = names.get(name)
            if value is not None:
                return value
            names = names.above
        value = frame.module.names.get(name)
        if value is not None:
            return either([value, UNKNOWN]) if name in frame.module.rebound else value
        if name == "__file__":
            return Text("file", frame.module.path)
        if name in ("__name__", "__package__"):
            above = frame.module.name if frame.module.package else frame.module.name.rpartition(".")[0]
            return plain(frame.module.name if name == "__name__" else above)
        return Ref(name) if hasattr(builtins, name) else UNKNOWN

    def bind_name(self, name, value, frame):
        names = frame.module.names if name in frame.globals else frame.names
        if name in frame.globals and names.get(name) is not None:
            value = either([names.get(name), value])
        names.set(name, value)
        if names is frame.module.names and holds_model(value):
            self.model_names.add(name)

    def bind(self, target, value, frame):
        """target = value"""
        if isinstance(target, ast.Name):
            self.bind_name(target.id, value, frame)
        elif isinstance(target, (ast.Tuple, ast.List)):
            fits = isinstance(value, Items) and value.whole and len(value.items) == len(target.elts)
            for index, part in enumerate(target.elts):
                self.bind(part, value.items[index] if fits else UNKNOWN, frame)
        elif isinstance(target, ast.Starred):
            self.bind(target.value, UNKNOWN, frame)
        elif isinstance(target, ast.Attribute):
            for base in each(self.eval(target.value, frame)):
                self.set_attribute(base, target.attr, value, frame, target)
        elif isinstance(target, ast.Subscript):
            base, key = self.eval(target.value, frame), self.eval(index_of(target), frame)
            if is_plain(key) and isinstance(base, Table) and len(base.items) < MAX_ITEMS:
                base.items[key.value] = value
            elif is_plain(key) and isinstance(base, Ref) and base.name == "__main__.__dict__":
                self.injected("__main__", key.value, value, frame, target)
            elif is_plain(key) and isinstance(base, Ref) and base.name == "sys.modules":
                self.injected(key.value, "*", value, frame, target)

    def set_attribute(self, base, name, value, frame, node):
        if holds_model(value):
            self.model_attributes.add(name)
        if isinstance(base, Bound) and isinstance(base.value, (Object, Class)):
            base = base.value.attrs.setdefault(base.name, Object("", None))
        if isinstance(base, Ref) and base.name == "__main__":
            self.injected("__main__", name, value, frame, node)
        elif isinstance(base, Module):
            base.names.set(name, value)
        elif isinstance(base, (Object, Class)):
            before = base.attrs.get(name)
            fresh = before is None or frame.label.endswith("__init__")
            base.attrs[name] = value if fresh else either([before, value])
            if isinstance(base, Object):
                base.loaded = base.loaded or holds_model(value)
                if base.name == "types.ModuleType" and base.args and is_plain(base.args[0]):
                    self.injected(base.args[0].value, name, value, frame, node)
        if name == "lifespan_context" and isinstance(value, Function):
            self.handlers.append(("lifespan", value))

    # -- imports

    def import_module(self, name, frame, node):
        """Runs a module and the packages above it. Gives the Module, or a Ref when it is not in the package."""
        module, parts = None, name.split(".")
        for count in range(1, min(len(parts), MAX_ITEMS) + 1):
            part = ".".join(parts[:count])
            found = self.sources.find(part)
            if found is None:
                if count > 1 or part not in STANDARD:
                    self.fact_import(name if count == 1 else part, count > 1, frame, node)
                return Ref(name)
            module = self.sources.module(part, *found)
            if module is not None:
                self.run_module(module, frame)
                if found[0] == "compiled":
                    return Ref(name)
        return module or Ref(name)

    def fact_import(self, name, missing, frame, node):
        optional = any(names & IMPORT_ERRORS for names in frame.guards)
        self.fact("imports", frame, node, name=name, optional=optional, missing=missing)

    def run_module(self, module, frame):
        if module.done:
            return
        module.done = True
        if module.tree is not None:
            self.block(module.tree.body, Frame(module, module.names, frame.run, frame))

    def known_module(self, name):
        """The Module of an absolute name when it was imported, else a Ref."""
        found = self.sources.find(name)
        return found and self.sources.modules.get(found[1]) or Ref(name)

    def run_Import(self, node, frame):
        for item in node.names:
            module, top = self.import_module(item.name, frame, node), item.name.split(".")[0]
            if item.asname:
                self.bind_name(item.asname, module, frame)
            else:
                self.bind_name(top, module if top == item.name else self.known_module(top), frame)

    def run_ImportFrom(self, node, frame):
        name = frame.module.absolute_name(node.level, node.module) if node.level else node.module
        if name is None:
            return self.fact_import("." * node.level + (node.module or ""), True, frame, node)
        module = self.import_module(name, frame, node)
        found = self.sources.find(name)
        for item in node.names:
            if item.name == "*":
                if isinstance(module, Module):
                    for key in [key for layer in module.names.layers for key in layer if not key.startswith("_")]:
                        self.bind_name(key, module.names.get(key), frame)
                frame.module.star = frame.module.star or not isinstance(module, Module) or module.star
                continue
            full = name + "." + item.name
            value = module.names.get(item.name) if isinstance(module, Module) else None
            if value is None and self.sources.find(full):
                value = self.import_module(full, frame, node)
            elif value is None and found and (found[0] == "folder" or isinstance(module, Module) and
                                              module.lacks(item.name)):
                self.fact_import(full, True, frame, node)
            if value is None:
                value = UNKNOWN if isinstance(module, Module) else Ref(canonical(full))
            self.bind_name(item.asname or item.name, value, frame)

    # -- expressions

    def stopped(self, frame):
        self.steps += 1
        if frame.level > MAX_DEPTH:
            self.cut("%s: an expression or block nested too deeply was not followed" % frame.module.file)
        elif self.steps > MAX_STEPS:
            self.cut("the interpretation stopped after %d steps" % MAX_STEPS)
        elif self.steps % 256 == 0 and time.monotonic() > self.deadline:
            self.steps = MAX_STEPS
            self.cut("the interpretation stopped after %d seconds" % MAX_SECONDS)
        else:
            return False
        return True

    def eval(self, node, frame):
        if node is None or self.stopped(frame):
            return UNKNOWN
        method = getattr(self, "eval_" + type(node).__name__, self.eval_other)
        frame.level += 1
        value = method(node, frame)
        frame.level -= 1
        return value

    def eval_other(self, node, frame):
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                self.eval(child, frame)
        return UNKNOWN

    def eval_Constant(self, node, frame):
        value = node.value
        if isinstance(value, str):
            return plain(value)
        small = value is None or isinstance(value, float) or (isinstance(value, int) and abs(value) < 1 << 64)
        return Const(value) if small else UNKNOWN

    def eval_Name(self, node, frame):
        return self.lookup(node.id, frame)

    def eval_Await(self, node, frame):
        return self.eval(node.value, frame)

    eval_Starred = eval_Await

    def eval_Yield(self, node, frame):
        frame.returns.append(self.eval(node.value, frame) if node.value else NONE)
        return UNKNOWN

    def eval_NamedExpr(self, node, frame):
        value = self.eval(node.value, frame)
        self.bind(node.target, value, frame)
        return value

    def eval_List(self, node, frame):
        items, whole = [], True
        for item in node.elts:
            value = self.eval(item, frame)
            if not isinstance(item, ast.Starred):
                items.append(value)
            elif isinstance(value, Items):
                items, whole = items + value.items, whole and value.whole
            else:
                whole = False
        return Items(items, whole)

    eval_Tuple = eval_Set = eval_List

    def eval_Dict(self, node, frame):
        made = {}
        for key, item in zip(node.keys, node.values):
            name, value = self.eval(key, frame), self.eval(item, frame)
            if is_plain(name) and len(made) < MAX_ITEMS:
                made[name.value] = value
            elif key is None and isinstance(value, Table):
                made.update(value.items)
        return Table(made)

    def eval_ListComp(self, node, frame):
        for generator in node.generators:
            self.bind(generator.target, element(self.eval(generator.iter, frame)), frame)
            for test in generator.ifs:
                self.eval(test, frame)
        if isinstance(node, ast.DictComp):
            self.eval(node.key, frame)
            return Items([self.eval(node.value, frame)], False)
        return Items([self.eval(node.elt, frame)], False)

    eval_SetComp = eval_GeneratorExp = eval_DictComp = eval_ListComp

    def eval_Lambda(self, node, frame):
        return Function(frame.module, node, frame.names, frame.cls)

    def eval_IfExp(self, node, frame):
        known, narrowed, otherwise = self.test(node.test, frame)
        values = []
        for wanted, names, branch in ((True, narrowed, node.body), (False, otherwise, node.orelse)):
            if known in (None, wanted):
                frame.names.layers.append(names)
                values.append(self.eval(branch, frame))
                frame.names.layers.pop()
        return either(values)

    def eval_BoolOp(self, node, frame):
        values = [self.eval(item, frame) for item in node.values]
        if isinstance(node.op, ast.And):
            return values[-1]
        kept = []
        for index, value in enumerate(values):
            if isinstance(value, Text) and value.anchor == "environment" and index + 1 < len(values):
                default = value.default or text_of(each(values[index + 1])[0])
                return either(kept + [Text("environment", value.value, value.variable, default)])
            kept += [item for item in each(value) if index + 1 == len(values) or truth(item) is not False]
            if truth(value):
                break
        return either(kept)

    def eval_BinOp(self, node, frame):
        left, right = self.eval(node.left, frame), self.eval(node.right, frame)
        if isinstance(left, Items) and isinstance(right, Items) and isinstance(node.op, ast.Add):
            return Items(left.items + right.items, left.whole and right.whole)
        if is_plain(left) and isinstance(node.op, ast.Mod):
            return lift(lambda value: percent(left.value, value), right)
        if any(isinstance(item, Text) for item in each(left) + each(right)):
            if isinstance(node.op, (ast.Add, ast.Div)):
                return on_texts(add if isinstance(node.op, ast.Add) else join, left, right)
        return UNKNOWN

    def eval_JoinedStr(self, node, frame):
        parts = []
        for part in node.values[:MAX_ITEMS]:
            value = self.eval(part.value if isinstance(part, ast.FormattedValue) else part, frame)
            changed = isinstance(part, ast.FormattedValue) and (part.format_spec or part.conversion == ord("r"))
            parts.append(hole() if changed else value)
        return fold(add, parts)

    def eval_Attribute(self, node, frame):
        value = self.eval(node.value, frame)
        return lift(lambda one: self.attribute(one, node.attr, frame, node), value)

    def attribute(self, value, name, frame, node):
        found = None
        if isinstance(value, Module):
            found = value.names.get(name)
            if found is None and value.package:
                below = self.known_module(value.name + "." + name)
                found = below if isinstance(below, Module) else None
        elif isinstance(value, Ref):
            known = {"os.sep": "/", "os.path.sep": "/", "os.curdir": ".", "os.pardir": ".."}.get(value.name + "." + name)
            below = self.known_module(value.name + "." + name)
            return plain(known) if known else below if isinstance(below, Module) else Ref(canonical(below.name))
        elif isinstance(value, Text):
            if name == "parent":
                found = on_texts(parent, value)
            elif name in ("name", "stem"):
                found = on_texts(file_name, value if name == "name" else on_texts(without_suffix, value))
        elif isinstance(value, (Class, Function)) and name in ("__name__", "__qualname__"):
            return plain(value.name)
        elif isinstance(value, (Object, Class)):
            found = value.attrs.get(name)
            cls = value.cls if isinstance(value, Object) else value
            if found is None and cls is not None:
                found = cls.find(name)
                if isinstance(found, Function):
                    return self.method(found, value, cls, frame, node)
            if found is None and isinstance(value, Object) and value.name == "argparse.Namespace":
                return hole(default=self.arguments.get(name))
        return Bound(value, name) if found is None else found

    def method(self, found, value, cls, frame, node):
        """A function of a class as an attribute of the class or of an object."""
        if "staticmethod" in found.kinds:
            return found
        if "classmethod" in found.kinds:
            return found.bind(cls)
        if isinstance(value, Class):
            return found
        bound = found.bind(value)
        if found.kinds & {"property", "cached_property"}:
            return self.call_function(bound, Call([], {}, node, frame))
        return bound

    def eval_Subscript(self, node, frame):
        value, key = self.eval(node.value, frame), self.eval(index_of(node), frame)
        return lift(lambda one: self.item(one, key), value)

    def item(self, value, key):
        index = key.value if isinstance(key, Const) and isinstance(key.value, int) else None
        if isinstance(value, Ref):
            if value.name == "os.environ":
                return hole("environment", key.value if is_plain(key) else "")
            if value.name == "sys.modules" and is_plain(key):
                return self.known_module(key.value)
            return UNKNOWN if value.name == "sys.argv" else value  # else a generic type
        if isinstance(value, Bound) and value.name == "parents" and isinstance(value.value, Text):
            return fold(lambda a, b: parent(a), [value.value] * (min(max(index or 0, 0), MAX_DEPTH) + 2))
        if isinstance(value, Items) and value.whole and index is not None and -len(value.items) <= index < len(
                value.items):
            return value.items[index]
        if isinstance(value, Table):
            return value.items.get(key.value, UNKNOWN) if is_plain(key) else either(list(value.items.values()))
        if isinstance(value, Object):
            return Object("", None, paths=value.paths, loaded=value.loaded)
        return element(value)

    def test(self, node, frame):
        """(whether it is true or None, what names are when it is true, what names are when it is false)"""
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            known, narrowed, otherwise = self.test(node.operand, frame)
            return known if known is None else not known, otherwise, narrowed
        value = self.eval(node, frame)
        if isinstance(value, Ref) and value.name == "typing.TYPE_CHECKING":
            return False, {}, {}
        decide = truth
        if isinstance(node, ast.Compare) and isinstance(node.left, ast.Name) and len(node.ops) == 1:
            other = node.comparators[0]
            if isinstance(node.ops[0], (ast.Is, ast.IsNot)) and isinstance(other, ast.Constant) and other.value is None:
                wanted, node = isinstance(node.ops[0], ast.Is), node.left
                value = self.lookup(node.id, frame)

                def decide(item):
                    return None if is_none(item) is None else is_none(item) == wanted
        if not isinstance(node, (ast.Name, ast.Constant)):
            return None, {}, {}
        yes = [item for item in each(value) if decide(item) is not False]
        no = [item for item in each(value) if decide(item) is not True]
        if frame.loops == 0 and not (yes and no):
            return bool(yes), {}, {}
        if isinstance(node, ast.Constant) or frame.names.get(node.id) is None:
            return None, {}, {}
        return None, {node.id: either(yes)} if yes else {}, {node.id: either(no)} if no else {}

    # -- calls

    def eval_Call(self, node, frame):
        ignored, function, args, words = frame.ignored is node, self.eval(node.func, frame), [], {}
        for item in node.args:
            value = self.eval(item, frame)
            if not isinstance(item, ast.Starred):
                args.append(value)
            elif isinstance(value, Items) and value.whole:
                args += value.items
        for item in node.keywords:
            value = self.eval(item.value, frame)
            if item.arg:
                words[item.arg] = value
            elif isinstance(value, Table):
                words.update(value.items)
        call = Call(args, words, node, frame)
        call.ignored = ignored
        return either([self.call(one, call) for one in each(function)])

    def call(self, function, call):
        if isinstance(function, Function):
            return self.call_function(function, call)
        if isinstance(function, Class):
            return self.instantiate(function, call)
        if isinstance(function, Ref):
            return self.call_outside(function.name, call)
        if isinstance(function, Bound):
            return self.call_method(function.value, function.name, call)
        method = function.cls.find("__call__") if isinstance(function, Object) and function.cls else None
        return self.call_function(method.bind(function), call) if isinstance(method, Function) else self.result(
            "", call, function)

    def result(self, name, call, me=None):
        """What a call gives that is not followed: all that went into it is in there."""
        values = call.args + list(call.words.values()) + [me]
        return Object(name, call, paths=sorted({path for value in values for path in paths_of(value)}),
                      loaded=any(holds_model(value) for value in values))

    def parameters(self, function, call):
        """The values of a function's parameters by name."""
        spec, args, words = function.node.args, list(call.args), dict(call.words)
        if function.me is not None and "staticmethod" not in function.kinds:
            args.insert(0, function.me)
        positional = getattr(spec, "posonlyargs", []) + spec.args
        defaults = dict(zip([item.arg for item in positional[len(positional) - len(spec.defaults):]], spec.defaults))
        defaults.update((item.arg, value) for item, value in zip(spec.kwonlyargs, spec.kw_defaults) if value)
        inner = Frame(function.module, function.closure or function.module.names, call.frame.run, call.frame)
        values = {}
        for index, item in enumerate(positional + spec.kwonlyargs):
            if index < min(len(args), len(positional)):
                values[item.arg] = args[index]
            elif item.arg in words:
                values[item.arg] = words.pop(item.arg)
            else:
                values[item.arg] = self.eval(defaults.get(item.arg), inner)
        if spec.vararg:
            values[spec.vararg.arg] = Items(args[len(positional):])
        if spec.kwarg:
            values[spec.kwarg.arg] = Table(words)
        return values

    def call_function(self, function, call):
        """Runs a function of the package; gives what it returns or yields."""
        frame, node = call.frame, function.node
        if frame.calls == 0:
            self.call_limit = self.steps + MAX_CALL_STEPS
        if frame.calls >= MAX_CALLS or frame.running(node):
            return UNKNOWN
        if self.steps > self.call_limit:
            self.cut("%s: a call was followed for %d steps only" % (frame.module.file, MAX_CALL_STEPS))
            return UNKNOWN
        self.called.add(node)
        self.callees.setdefault(frame.function and frame.function.node, set()).add(node)
        names, before = Names(function.closure), len(frame.run.loads)
        names.layers[0].update(self.parameters(function, call))
        inner = Frame(function.module, names, frame.run, frame, call.node.lineno, function)
        if isinstance(node, ast.Lambda):
            return self.eval(node.body, inner)
        self.block(node.body, inner)
        if len(frame.run.loads) > before:
            self.model_names.add(function.name)
        return either(inner.returns or [NONE])

    def instantiate(self, cls, call):
        made = self.result(cls.outside(), call)
        made.cls = cls
        cls.instance = cls.instance or made
        init = cls.find("__init__")
        if isinstance(init, Function):
            self.call_function(init.bind(made), call)
        else:
            fields = [item.target.id for base in reversed(list(cls.family())) if isinstance(base, Class)
                      for item in base.node.body if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name)]
            made.attrs.update(zip(fields, call.args))
            made.attrs.update(call.words)
        return made

    def call_outside(self, name, call, me=None):
        """A call of something that the package does not define; me is the object whose method it is."""
        first = call.args[0] if call.args else UNKNOWN
        for key, kind in (("lifespan", "lifespan"), ("on_startup", "on_event")):
            for item in call.words[key].items if isinstance(call.words.get(key), Items) else [call.words.get(key)]:
                if isinstance(item, Function):
                    self.handlers.append((kind, item))
        if name in RESULTS:
            return RESULTS[name](call.args or [UNKNOWN])
        if name in STREAM_LOADS:
            return self.loaded(name, call, paths_of(first))
        if re.search(r"(^|\.)pickle\._?Unpickler\.load$", name) and me is not None:
            return self.loaded(me.cls.name + ".load" if me.cls else name, call, me.paths,
                               bool(me.cls and me.cls.find("find_class")))
        if name in LOADS or name in READS or name in WRITES:
            return self.open_file(name, call)
        if name in SERVERS:
            self.fact("servers", call.frame, call.node, call=name, text=call.frame.module.text(call.node))
        handler = self.OUTSIDE.get(name) or self.OUTSIDE.get("." + name.rpartition(".")[2] if me is not None else "")
        value = handler(self, call, me) if handler else None
        position = CALLERS.get(name, CALLERS.get(name.rpartition(".")[2]) if me is not None else None)
        if name == "threading.Thread":
            position = -1
        target = call.get(position, "target" if position == -1 else "") if position is not None else None
        if isinstance(target, Function) and value is None:
            given = call.args[position + 1:] if position >= 0 else []
            value = self.call_function(target, Call(given, {}, call.node, call.frame))
        return self.result(name, call, me) if value is None else value

    def open_file(self, name, call):
        word = LOADS.get(name) or READS.get(name) or WRITES.get(name)
        value = call.get(POSITIONS.get(name, 0), word, None)
        if value is None:
            return self.result(name, call)
        mode = call.get(1, "mode") if name.rpartition(".")[2] in ("open", "File", "ZipFile") else UNKNOWN
        writes = name in WRITES or (is_plain(mode) and bool(set("wax+") & set(mode.value)))
        node = next((item.value for item in call.node.keywords if item.arg == word), None)
        paths = self.opened(name, call, value, node or (call.node.args or [call.node])[0], writes)
        if name in LOADS:
            return self.loaded(name, call, paths)
        return Object(name, call, paths=[] if writes else paths)

    def call_method(self, value, name, call):
        """value.name(...), which is no method of a class of the package."""
        first = call.args[0] if call.args else UNKNOWN
        if name == "load_state_dict":
            self.fact("state_dicts", call.frame, call.node, strict=call.source(1, "strict"), used=not call.ignored)
        if isinstance(value, Text):
            return self.call_text(value, name, call)
        if isinstance(value, Table) and name in ("get", "pop", "setdefault"):
            return either([self.item(value, first)] + call.args[1:])
        if isinstance(value, Table) and name in ("items", "values", "keys"):
            pairs = [Items([plain(key), item]) for key, item in value.items.items()]
            return Items([pair if name == "items" else pair.items[name == "values"] for pair in pairs])
        if isinstance(value, Table) and name == "update" and isinstance(first, Table):
            value.items.update(first.items)
        elif isinstance(value, Items) and name in ("append", "add") and len(value.items) < MAX_ITEMS:
            value.items.append(first)
        elif isinstance(value, Bound) and value.name == "on_startup" and isinstance(first, Function):
            self.handlers.append(("on_event", first))
        made = self.call_outside("%s.%s" % (getattr(value, "name", ""), name), call,
                                 value if isinstance(value, Object) else Object("", None))
        if isinstance(value, Object) and isinstance(made, Object):
            # model.load_state_dict(checkpoint) fills the model
            value.loaded = made.loaded = made.loaded or value.loaded
            made.paths += [path for path in value.paths if path not in made.paths]
        elif holds_model(value) and isinstance(made, Object):
            made.loaded = True
        return made

    def call_text(self, text, name, call):
        args = call.args or [UNKNOWN]
        if name in METHODS:
            return METHODS[name](text, args)
        if name == "format":
            return formatted(text.value, call.args, call.words) if is_plain(text) else hole()
        if name not in PATH_READS and name not in PATH_WRITES:
            return self.result("", call)
        value, writes = text, name in PATH_WRITES
        if name in ("glob", "rglob"):
            value = on_texts(lambda a, b: pattern(join(a, b)), text, args[0])
        elif name == "open":
            mode = call.get(0, "mode")
            writes = is_plain(mode) and bool(set("wax+") & set(mode.value))
        paths = self.opened("Path." + name, call, value, call.node, writes)
        if name in ("glob", "rglob", "iterdir"):
            return Items([value if name != "iterdir" else on_texts(join, text, hole())], False)
        return Object("", None, paths=[] if writes else paths)

    # -- calls of which something is to be told

    def on_environment(self, call, me):
        default = call.get(1, "default", NONE)
        default = None if is_none(each(default)[0]) else text_of(each(default)[0])
        return hole("environment", call.args[0].value if call.args and is_plain(call.args[0]) else "", default)

    def on_folder(self, kind, call, position):
        for item in each(call.get(position, "path")):
            anchor, value = self.placed(on_texts(as_is, item))
            self.fact(kind, call.frame, call.node, anchor=anchor, value=value)
            if kind == "sys_path" and anchor == "file" and "{}" not in value:
                self.sources.add_root(os.path.normpath(os.path.join(self.sources.root, value)), position == 1)

    def on_chdir(self, call, me):
        self.on_folder("chdir", call, 0)

    def on_path_insert(self, call, me):
        self.on_folder("sys_path", call, 1)

    def on_path_append(self, call, me):
        self.on_folder("sys_path", call, 0)

    def on_import(self, call, me):
        name = call.get(0, "name")
        if not is_plain(name):
            return UNKNOWN
        level = len(name.value) - len(name.value.lstrip("."))
        full = call.frame.module.absolute_name(level, name.value[level:]) if level else name.value
        return self.import_module(full, call.frame, call.node) if full else UNKNOWN

    def on_getattr(self, call, me):
        name = call.get(1, "")
        if not is_plain(name):
            return UNKNOWN
        return lift(lambda one: self.attribute(one, name.value, call.frame, call.node), call.args[0])

    def on_setattr(self, call, me):
        for base in each(call.get(0, "")):
            for name in each(call.get(1, "")):
                if is_plain(name):
                    self.set_attribute(base, name.value, call.get(2, ""), call.frame, call.node)
        return NONE

    def on_vars(self, call, me):
        first = call.get(0, "")
        return Ref(first.name + ".__dict__") if isinstance(first, Ref) else UNKNOWN

    def on_main_update(self, call, me):
        first = call.get(0, "")
        for name, value in list(call.words.items()) + list(first.items.items() if isinstance(first, Table) else []):
            self.injected("__main__", name, value, call.frame, call.node)

    def on_super(self, call, me):
        function = call.frame.function
        if function is None or function.cls is None or not isinstance(function.me, Object):
            return UNKNOWN
        bases = Class(function.module, function.cls.node, function.cls.name, function.cls.bases)
        above = Object(function.me.name, None, bases)
        above.attrs = function.me.attrs
        return above

    def on_safe_globals(self, call, me):
        first, names = call.get(0, "safe_globals"), []
        for item in first.items if isinstance(first, Items) else each(first):
            pair = item.items if isinstance(item, Items) and len(item.items) == 2 else None
            names.append(pair[1].value if pair and is_plain(pair[1]) else name_of(item))
        self.fact("safe_globals", call.frame, call.node, names=names)

    def on_resource(self, call, me):
        first = call.get(0, "package")
        if is_plain(first):
            first = self.import_module(first.value, call.frame, call.node)
        found = self.sources.find(first.name) if isinstance(first, (Module, Ref)) else None
        if not found:
            return hole()
        folder = found[1] if found[0] == "folder" else os.path.dirname(found[1])
        return fold(join, [Text("file", folder)] + call.args[1:])

    def on_resource_read(self, call, me):
        value = self.on_resource(call, me)
        return Object("", None, paths=self.opened("importlib.resources", call, value, call.node))

    def on_add_argument(self, call, me):
        flags = [item.value.lstrip("-").replace("-", "_") for item in call.args if is_plain(item)]
        flags = [call.words["dest"].value] if is_plain(call.words.get("dest")) else flags
        if "default" in call.words:
            self.arguments.update((flag, text_of(call.words["default"])) for flag in flags)

    def on_parse_args(self, call, me):
        return Object("argparse.Namespace", call)

    def on_event_handler(self, call, me):
        handler = call.get(1, "func")
        if is_plain(call.get(0, "event_type")) and call.args[0].value == "startup" and isinstance(handler, Function):
            self.handlers.append(("on_event", handler))

    def on_add_route(self, call, me):
        view = call.words.get("view_func") or next((item for item in call.args[1:] if isinstance(item, Function)), None)
        if isinstance(view, Function) and is_plain(call.get(0, "path")):
            self.route(me, call.get(0, "path").value, view, call, call.words.get("methods"), "GET")

    def on_include(self, call, me):
        first, prefix = call.get(0, ""), call.words.get("prefix") or call.words.get("url_prefix")
        if isinstance(first, Object) and is_plain(prefix):
            first.attrs["prefix"] = prefix

    OUTSIDE = table_of(
        ("os.getenv os.environ.get os.environ.setdefault", on_environment), ("os.chdir", on_chdir),
        ("sys.path.insert", on_path_insert), ("sys.path.append", on_path_append),
        ("importlib.import_module __import__", on_import), ("getattr", on_getattr), ("setattr", on_setattr),
        ("vars", on_vars), ("__main__.__dict__.update", on_main_update), ("super", on_super),
        ("torch.serialization.add_safe_globals torch.serialization.safe_globals", on_safe_globals),
        ("importlib.resources.files importlib.resources.path pkg_resources.resource_filename", on_resource),
        ("importlib.resources.open_binary importlib.resources.read_binary importlib.resources.open_text",
         on_resource_read),
        (".add_argument", on_add_argument), ("argparse.ArgumentParser.parse_args", on_parse_args),
        (".add_event_handler", on_event_handler), (".add_api_route .add_route .add_url_rule", on_add_route),
        (".include_router .register_blueprint", on_include),
    )

    def route(self, owner, path, view, call, methods, otherwise):
        names = [item.value.upper() for item in methods.items if is_plain(item)] if isinstance(methods, Items) else []
        self.routes.append((owner, path, view, call.frame, names or [otherwise]))
        self.route_nodes.add(view.node)

    # -- statements

    def block(self, body, frame):
        """Runs statements in order; "raise", "return" or "loop" when what follows them is not reached, else ""."""
        for node in body:
            if self.stopped(frame):
                return ""
            method = getattr(self, "run_" + type(node).__name__, self.eval_other)
            frame.level += 1
            ended = method(node, frame)
            frame.level -= 1
            if ended and isinstance(ended, str):
                return ended
        return ""

    def branch(self, names, body, frame):
        """Runs a body where some names have other values; (the names that it leaves, how it ended)."""
        frame.names.layers.append(dict(names))
        ended = self.block(body, frame)
        return frame.names.layers.pop(), ended

    def merge(self, branches, frame):
        """Afterwards a name may be what any of the branches left."""
        left = [names for names, ended in branches if not ended]
        for name in {name: None for names in left for name in names}:
            values = [names.get(name) or frame.names.get(name) for names in left]
            frame.names.set(name, either([value for value in values if value is not None]))
        return "" if left else branches[-1][1]

    def run_Expr(self, node, frame):
        frame.ignored = node.value
        self.eval(node.value, frame)
        exits = isinstance(node.value, ast.Call) and last_name(node.value) in ("exit", "_exit", "abort")
        return "raise" if exits else ""

    def run_Return(self, node, frame):
        frame.returns.append(self.eval(node.value, frame) if node.value else NONE)
        return "return"

    def run_Raise(self, node, frame):
        self.eval(node.exc, frame)
        return "raise"

    def run_Continue(self, node, frame):
        return "loop"

    run_Break = run_Continue

    def run_Global(self, node, frame):
        frame.globals.update(node.names)

    def run_Assign(self, node, frame):
        value = self.eval(node.value, frame)
        for target in node.targets:
            self.bind(target, value, frame)

    def run_AnnAssign(self, node, frame):
        if node.value is not None:
            self.bind(node.target, self.eval(node.value, frame), frame)

    def run_AugAssign(self, node, frame):
        changed = ast.copy_location(ast.BinOp(left=node.target, op=node.op, right=node.value), node)
        self.bind(node.target, self.eval(changed, frame), frame)

    def run_If(self, node, frame):
        if is_main_guard(node.test):
            if frame.module is self.entry and frame.function is None:
                self.guarded.append((node.body, frame))
            return self.block(node.orelse, frame)
        known, narrowed, otherwise = self.test(node.test, frame)
        if known is not None:
            return self.block(node.body if known else node.orelse, frame)
        return self.merge([self.branch(narrowed, node.body, frame), self.branch(otherwise, node.orelse, frame)], frame)

    def run_For(self, node, frame):
        value = self.eval(node.iter, frame)
        few = isinstance(value, Items) and value.whole and 0 < len(value.items) <= MAX_LOOP and frame.loops == 0
        frame.loops += 1
        for item in value.items if few else [element(value)]:
            self.bind(node.target, item, frame)
            self.merge([self.branch({}, node.body, frame), ({}, "")], frame)
        frame.loops -= 1
        return self.block(node.orelse, frame)

    run_AsyncFor = run_For

    def run_While(self, node, frame):
        frame.loops += 1
        self.eval(node.test, frame)
        self.merge([self.branch({}, node.body, frame), ({}, "")], frame)
        frame.loops -= 1
        return self.block(node.orelse, frame)

    def run_With(self, node, frame):
        guards = len(frame.guards)
        for item in node.items:
            value = self.eval(item.context_expr, frame)
            if isinstance(value, Object) and value.name == "contextlib.suppress":
                frame.guards.append(set(exception_names(item.context_expr.args)))
            enter = value.cls.find("__enter__") if isinstance(value, Object) and value.cls else None
            if isinstance(enter, Function):
                value = self.call_function(enter.bind(value), Call([], {}, node, frame))
            if item.optional_vars is not None:
                self.bind(item.optional_vars, value, frame)
        ended = self.block(node.body, frame)
        del frame.guards[guards:]
        return ended

    run_AsyncWith = run_With

    def run_Try(self, node, frame):
        catches = [exception_names([handler.type]) if handler.type else ["BaseException"] for handler in node.handlers]
        frame.guards.append({name for names in catches for name in names})
        loads = len(frame.run.loads)
        tried = self.branch({}, node.body, frame)
        reached = len(frame.run.loads) > loads
        branches = [tried if tried[1] else self.branch(tried[0], node.orelse, frame)]
        # a handler finds each name as it was before or after
        partly = {name: either([frame.names.get(name) or value, value]) for name, value in tried[0].items()}
        for handler, names in zip(node.handlers, catches):
            loads, returns = len(frame.run.loads), len(frame.returns)
            self.eval(handler.type, frame)
            left, ended = self.branch(partly, handler.body, frame)
            branches.append((left, ended))
            if reached and not (ended == "raise" and len(frame.returns) == returns):
                self.fallback(node, handler, names, left, frame.returns[returns:], len(frame.run.loads) > loads, frame)
        frame.guards.pop()
        ended = self.merge(branches, frame)
        return self.block(node.finalbody, frame) or ended

    run_TryStar = run_Try

    def fallback(self, node, handler, catches, left, returned, loads, frame):
        """Notes how the code goes on after a load failed; a route's handler does so for one request only."""
        if frame.function and frame.function.node in self.route_nodes:
            return
        tried = {frame.module.text(target) for target, _ in assignments(node.body)}
        values = returned + [left.get(target.id, UNKNOWN) if isinstance(target, ast.Name) else self.eval(value, frame)
                             for target, value in assignments(handler.body) if frame.module.text(target) in tried]
        values = [item for value in values for item in each(value)]
        if loads:
            then = "loads"
        elif any(not isinstance(item, (Text, Const)) for item in values):
            then = "replaces"
        else:
            then = "none" if any(is_none(item) for item in values) else "continues"
        self.fact("fallbacks", frame, handler, catches=catches, then=then)

    def run_Match(self, node, frame):
        self.eval(node.subject, frame)
        return self.merge([self.branch({}, case.body, frame) for case in node.cases] + [({}, "")], frame)

    def run_FunctionDef(self, node, frame):
        names = frame.names.above if frame.names.of_class else frame.names
        function = Function(frame.module, node, None if names is frame.module.names else names, frame.cls)
        self.defined.append((function, frame))
        for item in node.decorator_list:
            self.decorate(function, item, frame)
        for item in node.args.defaults + [value for value in node.args.kw_defaults if value]:
            self.eval(item, frame)
        self.bind_name(node.name, function, frame)

    run_AsyncFunctionDef = run_FunctionDef

    def decorate(self, function, node, frame):
        """Sees routes and start-up handlers; other decorators change nothing."""
        value, args, words = self.eval(node.func if isinstance(node, ast.Call) else node, frame), [], {}
        if isinstance(node, ast.Call):
            args = [self.eval(item, frame) for item in node.args]
            words = {item.arg: self.eval(item.value, frame) for item in node.keywords}
        call, name = Call(args, words, node, frame), last_name(node)
        first = call.get(0, "path" if "path" in words else "rule")
        given = first.value if is_plain(first) else None
        if name in ("before_first_request", "before_serving") or (
                (name, given) in (("on_event", "startup"), ("listener", "before_server_start"))):
            self.handlers.append(("on_event", function))
        elif name in VERBS and given is not None and given[:1] in ("", "/"):
            method = {"route": "GET", "api_route": "GET"}.get(name, name.upper())
            owner = next((item.value for item in each(value) if isinstance(item, Bound)), None)
            self.route(owner, given, function, call, words.get("methods"), method)

    def run_ClassDef(self, node, frame):
        bases = [each(self.eval(base, frame))[0] for base in node.bases]
        cls = Class(frame.module, node, frame.cls.name + "." + node.name if frame.cls else node.name, bases)
        self.fact("classes", frame, node, module=frame.module.name, name=cls.name,
                  bases=[name_of(base) for base in bases])
        for item in node.decorator_list + [word.value for word in node.keywords]:
            self.eval(item, frame)
        names = Names(frame.names, True)
        names.layers[0] = cls.attrs
        inner = Frame(frame.module, names, frame.run, frame, node.lineno, None, cls)
        inner.label = frame.label
        self.block(node.body, inner)
        if cls.outside().endswith(".BaseSettings"):
            self.settings(cls)
        self.bind_name(node.name, cls, frame)

    @staticmethod
    def settings(cls):
        """The fields of pydantic's BaseSettings are variables of the environment."""
        config = [cls.attrs.get("model_config"), cls.attrs.get("Config")]
        prefixes = [item.words if isinstance(item, Object) else item.attrs for item in config
                    if isinstance(item, (Object, Class))]
        prefix = next((item["env_prefix"].value for item in prefixes if is_plain(item.get("env_prefix"))), "")
        for item in cls.node.body:
            if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name) and item.target.id != "model_config":
                value, variable = cls.attrs.get(item.target.id), (prefix + item.target.id).upper()
                if isinstance(value, Object):  # Field(default, ...)
                    names = [value.words.get(word) for word in ("env", "validation_alias", "alias")]
                    variable = next((name.value for name in names if is_plain(name)), variable)
                    value = value.args[0] if value.args else value.words.get("default")
                default = text_of(each(value)[0]) if value is not None and value is not UNKNOWN else None
                cls.attrs[item.target.id] = hole("environment", variable, default)

    # -- the whole program

    def start(self, when, file, function, *args):
        """Runs something as a start of its own; (what it gives, its Run)."""
        run = Run(when)
        self.runs.append(run)
        try:
            return function(*args, run), run
        except RecursionError:
            self.cut("%s: nested too deeply to be followed" % file)
            return UNKNOWN, run

    def call_alone(self, function, run):
        """Calls a function with nothing known of its parameters; a method on an object made the same way."""
        frame = Frame(function.module, function.module.names, run)
        call = Call([], {}, function.node, frame)
        if function.cls is not None and "classmethod" in function.kinds:
            function = function.bind(function.cls)
        elif function.cls is not None and function.me is None and "staticmethod" not in function.kinds:
            function = function.bind(function.cls.instance or self.instantiate(function.cls, call))
        return self.call_function(function, call)

    def import_alone(self, name, run):
        if self.sources.find(name):
            nowhere = Module("", "", "", False)
            self.import_module(name, Frame(nowhere, nowhere.names, run), ast.Pass(lineno=0, col_offset=0))

    def run_program(self, entry, factory, more):
        """Everything, in the order of the times of `when`; `main` is what only `python main.py` runs."""
        if entry is not None:
            self.start("import", entry.file, lambda run: self.run_module(entry, Frame(entry, entry.names, run)))
        if factory:
            self.start("import", factory, self.import_alone, factory.partition(":")[0])
        started = []
        while self.handlers:
            kind, function = self.handlers.pop(0)
            if function.node not in started and not isinstance(function.node, ast.Lambda):
                started.append(function.node)
                _, run = self.start("startup", function.module.file, self.call_alone, function)
                self.fact("startup", Frame(function.module, Names(), run, function=function), function.node, kind=kind,
                          loads=bool(run.loads))
        made = self.find_factory(factory)
        if isinstance(made, Function):
            self.start("call", made.module.file, self.call_alone, made)
        for body, frame in self.guarded:
            def guarded(run, body=body, frame=frame):
                self.block(body, Frame(frame.module, frame.names, run, Frame(frame.module, frame.names, run)))
            self.start("main", frame.module.file, guarded)
        for name in more:
            self.start("call", name, self.import_alone, name)
        while self.defined:
            # the last first: callers mostly stand below what they call
            function, _ = self.defined.pop()
            if function.node not in self.called:
                self.start("call", function.module.file, self.call_alone, function)

    def find_factory(self, factory):
        module, _, path = factory.partition(":")
        value = self.known_module(module)
        for name in path.split("."):
            found = value.names.get(name) if isinstance(value, Module) else value.find(name) if isinstance(
                value, Class) else None
            value = UNKNOWN if found is None else each(found)[0]
        return value

    # -- the answer

    def uses_model(self, node, seen):
        """Whether a function, or one that it calls, mentions what holds a model."""
        if node in seen:
            return False
        seen.add(node)
        for item in ast.walk(node):
            if (isinstance(item, ast.Name) and item.id in self.model_names) or (
                    isinstance(item, ast.Attribute) and item.attr in self.model_attributes):
                return True
        return any(self.uses_model(callee, seen) for callee in self.callees.get(node, ()))

    def describe_factory(self, made):
        function = made.find("__init__") if isinstance(made, Class) else made
        required = []
        if isinstance(function, Function):
            spec = function.node.args
            positional = getattr(spec, "posonlyargs", []) + spec.args
            required = [item.arg for item in positional[:len(positional) - len(spec.defaults)]]
            required = required[1:] if function.cls is not None and "staticmethod" not in function.kinds else required
            required += [item.arg for item, default in zip(spec.kwonlyargs, spec.kw_defaults) if default is None]
        found = isinstance(made, (Function, Class))
        return {"found": found, "file": made.module.file if found else "", "line": made.node.lineno if found else 0,
                "is_async": found and isinstance(made.node, ast.AsyncFunctionDef), "required": required}

    def finish_paths(self):
        """Drops a path of which nothing is known where another caller makes it known, and numbers the rest."""
        def vague(entry):
            return "{}" in entry["value"] and not entry["variable"] and not entry["default"]

        for kind, is_vague in (("paths", vague), ("loads", lambda entry: entry["path"] < 0)):
            if kind == "loads":
                numbers = {entry["number"]: index for index, entry in enumerate(self.facts["paths"].values())}
                for entry in self.facts["loads"].values():
                    entry["path"] = numbers.get(entry["path"], -1)
            known = {key[:3] for key, entry in self.facts[kind].items() if not is_vague(entry)}
            kept = [(key, entry) for key, entry in self.facts[kind].items()
                    if key[:3] not in known or not is_vague(entry)]
            order = {module.file: index for index, module in enumerate(self.sources.modules.values())}
            self.facts[kind] = dict(sorted(kept, key=lambda item: (order[item[0][0]], item[0][1], item[0][2])))

    def finish_injected(self):
        for run, clock, entry in self.injections:
            times = [at for other in self.runs for at in other.loads if other is run or other.when in WHEN[:2] or (
                run.when in WHEN[:2] and other.when == "call")]
            before = clock < min(times) if times and run.when != "main" else None
            entry["before_load"] = False if entry.get("before_load") is False else before

    def finish_routes(self):
        for owner, path, view, frame, methods in self.routes:
            words, attrs = (owner.words, owner.attrs) if isinstance(owner, Object) else ({}, {})
            for prefix in (words.get("prefix") or words.get("url_prefix"), attrs.get("prefix")):
                path = prefix.value + path if is_plain(prefix) else path
            for method in methods:
                self.fact("routes", Frame(view.module, None, frame.run, function=view), view.node, method=method,
                          path=path, is_async=isinstance(view.node, ast.AsyncFunctionDef),
                          uses_model=self.uses_model(view.node, set()))

    def answer(self, factory):
        self.finish_paths()
        self.finish_injected()
        self.finish_routes()
        answer = dict(empty_answer(), cut=self.reasons, factory=self.describe_factory(self.find_factory(factory)))
        for kind, facts in self.facts.items():
            answer[kind] = [{key: value for key, value in entry.items() if key != "number"} for entry in facts.values()]
        answer["modules"] = [{"name": module.name, "file": module.file, "error": module.error,
                              "names": sorted(module.names.layers[0]) + ["*"] * module.star}
                             for module in self.sources.modules.values()]
        return answer


# --------------------------------------------------------------------------------------------------- request


def empty_answer():
    return dict({kind: [] for kind in KINDS}, version="%d.%d.%d" % sys.version_info[:3], cut=[],
                factory={"found": False, "file": "", "line": 0, "is_async": False, "required": []})


def read(request):
    root = os.path.normpath(request["root"])
    search = [os.path.normpath(place) for place in request["search"]]
    sources = Sources(root, search, None)
    interpreter = Interpreter(sources)
    sources.cut = interpreter.cut
    entry = None
    if request["entrypoint"]:
        path = os.path.normpath(os.path.join(root, request["entrypoint"]))
        folder, name = os.path.split(path)
        name = name[:-3] if name.endswith(".py") else name
        sources.add_root(folder)
        # a server in a package is imported by its full name
        while folder != root and os.path.isfile(os.path.join(folder, "__init__.py")):
            folder, name = os.path.dirname(folder), os.path.basename(folder) + "." + name
        sources.add_root(folder)
        entry = interpreter.entry = sources.module(name, "module", path)
    for place in search + [root]:
        sources.add_root(place)
    interpreter.run_program(entry, request["factory"], request["modules"])
    return interpreter.answer(request["factory"])


def checked(data):
    """The request with every key there; raises ValueError."""
    given = json.loads(data.decode("utf-8"))
    request = {"root": "", "entrypoint": "", "factory": "", "search": [], "modules": []}
    if not isinstance(given, dict):
        raise ValueError("the request is no JSON object")
    for key, usual in request.items():
        value = given.get(key, usual)
        texts = value if isinstance(value, list) else [value]
        if type(value) is not type(usual) or any(not isinstance(text, str) or "\0" in text for text in texts):
            raise ValueError("`%s` is no %s" % (key, "list of texts" if isinstance(usual, list) else "text"))
        request[key] = value
    if not os.path.isabs(request["root"]):
        raise ValueError("`root` is no absolute path")
    return request


def clean(value):
    """Writes out the halves of surrogate pairs, which JSON readers refuse; \\xFF for a byte of a file name."""
    if isinstance(value, str):
        return re.sub("[\ud800-\udfff]", lambda match: "\\x%02X" % (ord(match.group()) - 0xDC00) if
                      "\udc80" <= match.group() <= "\udcff" else "\\u%04X" % ord(match.group()), value)
    if isinstance(value, list):
        return [clean(item) for item in value]
    return {key: clean(item) for key, item in value.items()} if isinstance(value, dict) else value


def answer_to(data):
    try:
        return clean(read(checked(data)))
    except (ValueError, RecursionError) as error:
        reason = "the request was not read: %s" % (error or type(error).__name__)
    except MemoryError:
        reason = "out of memory"
    except Exception as error:  # an answer that says so, never a traceback
        reason = "internal error: %s: %s" % (type(error).__name__, error)
    return clean(dict(empty_answer(), cut=[reason[:500]]))


def main():
    warnings.simplefilter("ignore")  # about the sources: invalid escapes and the like
    sys.setrecursionlimit(30000)
    data, answers = sys.stdin.buffer.read(1 << 20), []
    # syntax trees are built by recursion in C, which needs a stack of more than the usual size
    threading.stack_size(256 << 20)
    worker = threading.Thread(target=lambda: answers.append(answer_to(data)))
    worker.start()
    worker.join()
    sys.stdout.write(json.dumps(answers[0]) + "\n")


if __name__ == "__main__":
    main()
