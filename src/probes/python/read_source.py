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

Answer, one JSON object in UTF-8; there is always one, and the exit status is 0. What is wrong with a source
is a value of the answer. Except `version`, `cut` and `factory` each key holds a list of entries.
    version         of this interpreter: "3.11.7"
    cut             what was left out and why, a list of words; empty when everything was looked at
    factory         found, file, line, is_async, required: the names of its parameters without a default
    modules         name, file, error, names: each source that was read or should have been, the entry point
                    first. error: why it was not read. names: what its body binds, imports included; with "*"
                    when an `import *` from outside of the package adds more
    imports         name, optional, missing: modules that the package does not have, without the standard
                    library's. optional: the code goes on without it. missing: the package should have it, as
                    it has the folder or module that the name starts with; the last part of the name may also
                    be what `from module import name` asks for
    paths           call, text, anchor, value, writes: files and folders that are opened. call: by what,
                    `open`. text: the source of the path. A place has an entry for each path that it may be
    loads           call, path, map_location, weights_only, find_class, callers: calls that read a model.
                    path: index into paths, -1 when unknown. The arguments are Python source, a literal where
                    the value is known, "" where not given. find_class: code of the package, or a
                    pickle_module, finds the classes that the pickle names. callers: the calls that lead
                    there, the outermost first: "main.py:3"
    state_dicts     strict, used: calls of load_state_dict. strict: source, "" where not given. used: the code
                    looks at what the call returns
    fallbacks       catches, then: `except` branches around a load after which the code goes on. catches:
                    names of exceptions. then: "loads" another model, "replaces" it by something else, puts
                    "none" in its place, or just "continues"
    classes         module, name, bases: "Outer.Inner"; bases by absolute name, "" for an unknown one
    injected        module, name, value, before_load: what is put into a module by hand, so that a pickle
                    finds it: sys.modules["__main__"].Net = Net. A name "*" is the whole module. value:
                    absolute name, "" when unknown. before_load: it comes before all loads; null when unknown
    safe_globals    names: absolute names allowed for torch.load(weights_only=True), "" for an unknown one
    startup         kind, loads: functions that the web framework calls as it starts. kind: "lifespan" or
                    "on_event". loads: it loads a model
    routes          method, path, is_async: endpoints
    servers         call, text: calls that start a server: uvicorn.run
    applications    module, name, kind: names of modules that hold a web application. kind: "fastapi.FastAPI"
    makers          module, name, makes: functions and classes that can be called without arguments, load a
                    model, and give something. makes: absolute name of the class of that, "" when unknown.
                    Their place is that of the load
    chdir, sys_path anchor, value: changes of the working directory, folders added to sys.path

Each entry of these lists, except `modules`, has a `place` as well:
    file, line      file is relative to root, line counts from 1
    function        "Predictor.load"; "" in a module's body
    when            the earliest time that the place is reached:
                    import   importing the entry point, or the factory's module, runs it
                    startup  a start-up function runs it
                    call     only a later call does: of a route, of the factory, of anything else
                    main     only `python main.py` does: it is reached from `if __name__ == "__main__"`

anchor is what a path is relative to, and how it is made; value is without that.
    file            made from __file__, so the same wherever the server is started; value is relative to root
    cwd             relative to the working directory
    absolute        absolute, drives (C:/) and shares too
    environment     value starts with {NAME}, which is what a variable of the environment holds
    unknown         value starts with {}, which is what could not be found out; URLs are here too
{NAME} and {} may follow in any value. HOME is also the user's home, and TMPDIR the folder of temporary files.

How it works: module bodies, start-up functions, the factory, and then each function that nothing has called
are interpreted over symbolic values. Calls into the package are followed. Both branches of an `if` are taken
unless a constant decides. A loop is taken once, or for each item of a short list. A value that may be one of
several is kept as all of them. The MAX_ constants bound everything; what they cut off is in `cut`.
"""

import ast
import builtins
import codecs
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
from collections import namedtuple
from importlib.machinery import (
    BYTECODE_SUFFIXES, EXTENSION_SUFFIXES, SOURCE_SUFFIXES, ExtensionFileLoader, FileFinder, SourceFileLoader,
    SourcelessFileLoader,
)

MAX_FILE = 1 << 20  # bytes of one source
MAX_TOKENS = 200000  # of one source: that bounds the depth and the memory of its syntax tree
MAX_ALL_TOKENS = 600000
MAX_MODULES = 2000
MAX_ROOTS = 32  # of imports
MAX_SECONDS = 20
MAX_STEPS = 800000  # expressions and statements interpreted; of the first half, calls are followed
MAX_CALL_STEPS = 10000  # of these for one call and all that it calls
MAX_CALLS = 8  # calls within calls
MAX_DEPTH = 120  # nesting within one function
MAX_ALTERNATIVES = 6  # of one value
MAX_ITEMS = 200  # of one list or dict
MAX_LOOP = 20  # items that a loop is taken for one by one
MAX_VALUE = 2000  # characters of a text
MAX_SHOWN = 160  # characters of source in the answer
MAX_ENTRIES = 5000  # of one list of the answer

KINDS = ("imports paths loads state_dicts fallbacks classes injected safe_globals startup routes servers"
         " applications makers chdir sys_path").split()
WHEN = ("import", "startup", "call", "main")
PLACE = ("file", "line", "function", "when")


def table_of(*rows):
    """Each of several names in one text to what stands beside them."""
    return {name: value for names, value in rows for name in names.split()}


# The parameter that is the path, in calls that read or write a file; the first unless POSITIONS has another.
READS = table_of(
    ("open aiofiles.open zipfile.ZipFile numpy.load numpy.fromfile", "file"),
    ("codecs.open gzip.open numpy.memmap cv2.imread cv2.CascadeClassifier", "filename"),
    ("os.open os.listdir os.scandir pandas.read_parquet tokenizers.Tokenizer.from_file", "path"),
    ("tarfile.open ctypes.CDLL h5py.File", "name"), ("numpy.loadtxt logging.config.fileConfig", "fname"),
    ("glob.glob glob.iglob", "pathname"), ("os.walk", "top"), ("sqlite3.connect", "database"),
    ("pandas.read_csv pandas.read_pickle", "filepath_or_buffer"), ("pandas.read_json", "path_or_buf"),
    ("PIL.Image.open", "fp"), ("onnx.load", "f"), ("dotenv.load_dotenv", "dotenv_path"),
    ("fastapi.staticfiles.StaticFiles starlette.staticfiles.StaticFiles", "directory"),
    ("fastapi.templating.Jinja2Templates", "directory"),
)
WRITES = table_of(
    ("torch.save", "f"), ("numpy.save", "file"), ("os.makedirs", "name"),
    ("joblib.dump safetensors.torch.save_file logging.FileHandler", "filename"),
    ("logging.handlers.RotatingFileHandler", "filename"),
    ("os.mkdir os.remove os.unlink shutil.rmtree", "path"),
)
LOADS = table_of(
    ("torch.load torch.jit.load torch.export.load", "f"), ("skops.io.load", "file"),
    ("safetensors.torch.load_file safetensors.torch.load_model safetensors.numpy.load_file", "filename"),
    ("safetensors.safe_open joblib.load", "filename"), ("onnxruntime.InferenceSession", "path_or_bytes"),
    ("keras.models.load_model tensorflow.keras.models.load_model", "filepath"),
    ("tensorflow.saved_model.load", "export_dir"), ("ultralytics.YOLO", "model"),
)
POSITIONS = table_of(
    ("torch.save joblib.dump safetensors.torch.save_file safetensors.torch.load_model", 1),
    ("fastapi.staticfiles.StaticFiles starlette.staticfiles.StaticFiles", None),
)
# These take a stream or bytes, and read what that was read from.
STREAM_LOADS = {module + function for module in ("pickle", "cloudpickle", "dill")
                for function in (".load", ".loads", ".Unpickler.load")}
PATH_READS = {"read_text", "read_bytes", "iterdir", "open", "glob", "rglob"}
PATH_WRITES = {"write_text", "write_bytes", "mkdir", "unlink", "rmdir", "touch"}
SERVERS = set("""
    uvicorn.run uvicorn.Server.run uvicorn.Server.serve hypercorn.asyncio.serve waitress.serve flask.Flask.run
    quart.Quart.run sanic.Sanic.run bottle.run aiohttp.web.run_app gevent.pywsgi.WSGIServer
    http.server.HTTPServer http.server.ThreadingHTTPServer wsgiref.simple_server.make_server
    gradio.Blocks.launch gradio.Interface.launch
""".split())
APPLICATIONS = set("""
    fastapi.FastAPI fastapi.applications.FastAPI starlette.applications.Starlette flask.Flask quart.Quart
    sanic.Sanic bottle.Bottle litestar.Litestar falcon.App falcon.asgi.App aiohttp.web.Application
""".split())
# Methods whose decorator makes a route, and the method of HTTP that they mean.
VERBS = dict({verb: verb for verb in "get post put delete patch head options websocket".split()}, route="get",
             api_route="get")
# These call the function that is their argument at that position, the arguments after it being its own.
CALLERS = {"asyncio.to_thread": 0, "anyio.to_thread.run_sync": 0, "fastapi.concurrency.run_in_threadpool": 0,
           "starlette.concurrency.run_in_threadpool": 0, ".run_in_executor": 1, ".submit": 0}
# Other names of the same thing.
SAME = (("builtins.", ""), ("posixpath.", "os.path."), ("_pickle.", "pickle."), ("pickle._", "pickle."),
        ("io.open", "open"), ("tf_keras.", "keras."), ("torch.serialization.load", "torch.load"),
        ("pathlib.PosixPath", "pathlib.Path"), ("pathlib.PurePath", "pathlib.Path"))
IMPORT_ERRORS = {"ImportError", "ModuleNotFoundError", "Exception", "BaseException"}


def standard_modules():
    names = set(getattr(sys, "stdlib_module_names", ()))
    if not names:  # before Python 3.10
        folder = os.path.dirname(os.__file__)
        for place in filter(os.path.isdir, (folder, os.path.join(folder, "lib-dynload"))):
            names.update(entry.split(".")[0] for entry in os.listdir(place))
    return names | set(sys.builtin_module_names) | {"__main__", "__future__"}


STANDARD = standard_modules()
LOADERS = ((ExtensionFileLoader, EXTENSION_SUFFIXES), (SourceFileLoader, SOURCE_SUFFIXES),
           (SourcelessFileLoader, BYTECODE_SUFFIXES))


# --------------------------------------------------------------------------------------------------- sources


class Module:
    """One source file; as a value, the module that it makes."""

    def __init__(self, name, path, file, package):
        self.name, self.path, self.file, self.package = name, path, file, package
        self.error, self.tree, self.rows, self.started = "", None, [], False
        # the values of its names; whether an `import *` adds unknown ones
        self.names, self.star = Names(), False
        # names that any code in it sets, of these the ones that functions set, and names that it reads
        self.stored, self.rebound, self.read = set(), set(), set()

    def parse(self, text):
        self.tree = ast.parse(text)
        self.rows = text.encode("utf-8").split(b"\n")
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Name):
                (self.read if isinstance(node.ctx, ast.Load) else self.stored).add(node.id)
            elif isinstance(node, ast.alias):
                self.stored.add(node.asname or node.name.split(".")[0])
            elif isinstance(node, ast.Global):
                self.rebound.update(node.names)
            elif isinstance(getattr(node, "name", None), str):  # def, class, except, case
                self.stored.add(node.name)

    def lacks(self, name):
        """Whether it surely binds no such name, however it is run."""
        dynamic = {"globals", "exec", "eval", "setattr", "vars", "sys", "locals"} & self.read
        return not (self.tree is None or self.star or dynamic or {name, "__getattr__"} & self.stored
                    or name.startswith("__"))

    def text(self, node):
        """The source of a node, on one line."""
        rows = self.rows[node.lineno - 1:node.end_lineno]
        rows[-1] = rows[-1][:node.end_col_offset]
        rows[0] = rows[0][node.col_offset:]
        shown = b" ".join(row[:4 * MAX_SHOWN] for row in rows[:MAX_SHOWN]).decode("utf-8", "replace")
        return " ".join(shown.split())[:MAX_SHOWN]

    def absolute_name(self, level, name):
        """The module that `from ..name import` means; None when that is above the top package."""
        parts = self.name.split(".")
        parts = parts[:max(0, len(parts) - level + self.package)] if level else [""]
        return ".".join(parts + [name or ""]).strip(".") if parts else None


class Sources:
    """Finds modules in the package and reads them."""

    def __init__(self, root, search):
        self.root, self.roots, self.finders, self.found = root, [], {}, {}
        self.modules, self.tokens, self.reasons = {}, 0, []
        self.areas = [os.path.realpath(place) for place in [root] + search]

    def cut(self, reason):
        """Says once that something was left out."""
        if reason not in self.reasons and len(self.reasons) < 20:
            self.reasons.append(reason)

    def add_root(self, folder, first=False):
        if folder not in self.roots and len(self.roots) < MAX_ROOTS:
            self.roots.insert(0 if first else len(self.roots), folder)
            self.found.clear()

    def inside(self, path):
        real = os.path.realpath(path)
        return any(real == area or real.startswith(area.rstrip("/") + "/") for area in self.areas)

    def find(self, name):
        """(kind, path) of a module by its absolute name, or None. kind: module, package, compiled, folder."""
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
            folders = {"package": [os.path.dirname(path)], "folder": [path]}.get(kind, [])
        namespace = None
        for folder in folders:
            spec = self.finders.setdefault(folder, FileFinder(folder, *LOADERS)).find_spec(last)
            if spec is not None and spec.loader is not None:
                kind = "module" if isinstance(spec.loader, SourceFileLoader) else "compiled"
                return "package" if spec.submodule_search_locations else kind, spec.origin
            if spec is not None and self.inside(os.path.join(folder, last)):
                namespace = namespace or ("folder", os.path.join(folder, last))
        return namespace

    def is_package(self, name):
        """Whether it has modules; a folder without __init__.py may just hold weights."""
        kind, _ = self.find(name) or ("", "")
        return kind != "folder" or any(module.name.startswith(name + ".") for module in self.modules.values())

    def module(self, name, kind, path):
        """The module of a file, read once; None for a folder, and when there are too many."""
        if path in self.modules or kind == "folder":
            return self.modules.get(path)
        if len(self.modules) >= MAX_MODULES:
            self.cut("more than %d modules: the rest was not read" % MAX_MODULES)
            return None
        file = os.path.relpath(path, self.root) if path.startswith(self.root.rstrip("/") + "/") else path
        module = self.modules[path] = Module(name, path, file, kind == "package")
        try:
            if kind == "compiled":
                raise ValueError("compiled, not read")
            module.parse(self.read(path))
        except SyntaxError as error:
            module.error = ("line %d: " % error.lineno if error.lineno else "") + str(error.msg)[:300]
        except (MemoryError, RecursionError):
            module.error = "too deeply nested to be read"
        except Exception as error:
            module.error = (getattr(error, "strerror", None) or str(error) or type(error).__name__)[:300]
        module.tree = None if module.error else module.tree
        return module

    def read(self, path):
        """The text of a source. Raises for what is none, or would take too much of the parser."""
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
        codec = codecs.lookup(encoding)
        # of bytes, or of quadratic time
        if not codec._is_text_encoding or codec.name in ("punycode", "idna"):
            raise ValueError("encoding %s is not read" % encoding)
        text = data.decode(encoding).replace("\r\n", "\n").replace("\r", "\n")
        tokens = 0
        for token in re.finditer(r"\w+|[^\w\s]", text):
            tokens += 1
            if token.end() - token.start() > MAX_VALUE and token.group()[0].isdigit():
                raise ValueError("a number of more than %d digits" % MAX_VALUE)
        if tokens > MAX_TOKENS:
            raise ValueError("%d tokens; at most %d are read" % (tokens, MAX_TOKENS))
        self.tokens += tokens
        if self.tokens > MAX_ALL_TOKENS:
            self.cut("more than %d tokens of source: the rest was not read" % MAX_ALL_TOKENS)
            raise ValueError("not read: more than %d tokens of source in all" % MAX_ALL_TOKENS)
        return text


class Names:
    """The variables of one scope. A branch of the code writes to a layer of its own until it is merged."""

    def __init__(self, above=None, of_class=False):
        self.layers, self.above, self.of_class = [{}], above, of_class

    def get(self, name):
        return next((layer[name] for layer in reversed(self.layers) if name in layer), None)

    def set(self, name, value):
        self.layers[-1][name] = value


# ---------------------------------------------------------------------------------------------------- values

# Beside these there are Module, Function, Class, Object, Items and Table, which are told apart by identity.

# None, a truth value or a number
Const = namedtuple("Const", "value")
# something that the package does not define, by its absolute name: `torch.load`, `open`
Ref = namedtuple("Ref", "name")
# an attribute that is not known, mostly a method, of a value or of something in it
Bound = namedtuple("Bound", "value name")
# one of several
Either = namedtuple("Either", "items")
# what stands in a text for what is not known
HOLE = re.compile(r"\{\w*\}")


class Unknown:
    """A value of which nothing is known."""


class Text(namedtuple("Text", "anchor value")):
    """A string or a path.

    value has {} for each part that is not known, {NAME} for what a variable of the environment holds. anchor
    says what it starts with: `environment` and `unknown` such a part, `file` an absolute path made from
    __file__, and `plain` anything else.
    """

    __slots__ = ()

    def __new__(cls, anchor, value):
        return super().__new__(cls, anchor, value[:MAX_VALUE])

    def join(self, other):
        """os.path.join"""
        if other.anchor == "file" or other.value.startswith("/") or self in (plain(""), plain(".")):
            return other
        between = "" if self.value.endswith("/") or not other.value else "/"
        return Text(self.anchor, self.value + between + other.value)

    def plus(self, other):
        if self == plain(""):
            return other
        return Text(self.anchor, self.value + ("{}" if other.anchor == "file" else other.value))

    def parent(self):
        above = re.match(r"(\{\w*\}|\.?)(/?\.\.)*/?$", self.value)
        return Text(self.anchor, (self.value or ".") + "/.." if above else posixpath.dirname(self.value))

    def normal(self):
        return Text(self.anchor, posixpath.normpath(self.value)) if self.anchor in ("plain", "file") else self

    def expand_user(self):
        at_home = self.anchor == "plain" and self.value[:2] in ("~", "~/")
        return Text("environment", "{HOME}" + self.value[1:]) if at_home else self

    def last_part(self):
        name = posixpath.basename(self.value.rstrip("/"))
        return Text("unknown", name) if HOLE.match(name) else plain(name)

    def without_suffix(self):
        return Text(self.anchor, posixpath.splitext(self.value)[0])


class Function:
    """A function or lambda of the package; me is the object or class that a method is bound to."""

    def __init__(self, module, node, closure, cls, me=None):
        self.module, self.node, self.closure, self.cls, self.me = module, node, closure, cls, me
        name = getattr(node, "name", "<lambda>")
        self.name = cls.name + "." + name if cls else name
        self.decorators = {last_name(item) for item in getattr(node, "decorator_list", [])}

    def bind(self, me):
        return Function(self.module, self.node, self.closure, self.cls, me)

    def parameters(self):
        """(the positional ones, those by name only, the syntax of the defaults by name)"""
        spec = self.node.args
        positional = [item.arg for item in spec.posonlyargs + spec.args]
        named = [item.arg for item in spec.kwonlyargs]
        defaults = dict(zip(positional[len(positional) - len(spec.defaults):], spec.defaults))
        defaults.update((name, value) for name, value in zip(named, spec.kw_defaults) if value is not None)
        return positional, named, defaults


class Class:
    """A class of the package; instance is the first object of it that was made."""

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
        own = (cls.attrs for cls in self.family() if isinstance(cls, Class))
        return next((attrs[name] for attrs in own if name in attrs), None)

    def outside(self):
        """The absolute name of the first base that the package does not have."""
        return next((cls.name for cls in self.family() if isinstance(cls, Ref)), "")


class Object:
    """What a call gave: an object of a class of the package or from outside.

    name is the absolute name of the class or function from outside that made it, "" when unknown. paths are
    the numbers of the files whose content went into it.
    """

    def __init__(self, name="", call=None, cls=None, paths=()):
        self.name, self.cls, self.paths, self.attrs = name, cls, list(paths), {}
        self.args, self.words = (call.args, call.words) if call else ([], {})
        self.line = call.node.lineno if call else 0


class Items:
    """A list, tuple, set or generator. whole: these are its items and no others, in order."""

    def __init__(self, items, whole=True):
        self.items, self.whole = items[:MAX_ITEMS], whole and len(items) <= MAX_ITEMS


class Table:
    """A dict, of which the items with a constant text as key are kept."""

    def __init__(self, items):
        self.items = items


UNKNOWN, NONE, SOMETHING = Unknown(), Const(None), Text("unknown", "{}")


def plain(value):
    return Text("plain", value)


def is_plain(value):
    return isinstance(value, Text) and value.anchor == "plain" and not HOLE.search(value.value)


def each(value):
    return value.items if isinstance(value, Either) else [value]


def either(values):
    """One value that may be any of `values`."""
    if len(values) == 1:
        return values[0]
    kept = {}
    for item in (item for value in values for item in each(value)):
        kept[type(item), type(item.value) if isinstance(item, Const) else None, item] = item
    items = list(kept.values())
    items = items if len(items) <= MAX_ALTERNATIVES else items[:MAX_ALTERNATIVES - 1] + [UNKNOWN]
    return Either(items) if len(items) > 1 else items[0] if items else UNKNOWN


def lift(function, *values):
    """function over the combinations of what the values may be."""
    rows = [[]]
    for value in values:
        rows = [row + [item] for row in rows for item in each(value)][:MAX_ALTERNATIVES]
    return either([function(*row) for row in rows])


def element(value):
    """What a loop over the value gives."""
    items = [plain(key) for key in value.items] if isinstance(value, Table) else value.items if isinstance(
        value, Items) else []
    return either(items[:MAX_ALTERNATIVES])


def paths_of(value):
    return [path for item in each(value) if isinstance(item, Object) for path in item.paths]


def truth(value):
    """Whether the value counts as true; None when that is not known."""
    if isinstance(value, Const) or is_plain(value):
        return bool(value.value)
    path = isinstance(value, Text) and value.anchor == "file"
    return True if path or isinstance(value, (Object, Function, Class, Module)) else None


def is_none(value):
    if isinstance(value, Const):
        return value.value is None
    vague = isinstance(value, Text) and value.anchor in ("environment", "unknown")
    return None if vague or value is UNKNOWN or isinstance(value, Bound) else False


def is_writing(mode):
    return is_plain(mode) and bool(set("wax+") & set(mode.value))


def name_of(value):
    """The absolute name of a class, function or module; "" for other values."""
    if isinstance(value, (Class, Function)):
        return value.module.name + "." + value.name
    return value.name if isinstance(value, (Ref, Module)) else ""


def required_of(function):
    """Names of the parameters that must be given."""
    positional, named, defaults = function.parameters()
    own = function.cls is not None and "staticmethod" not in function.decorators
    return [name for name in positional[own:] + named if name not in defaults]


def text_of(value):
    if isinstance(value, Text):
        return value
    return plain(str(value.value)) if isinstance(value, Const) and value.value is not None else SOMETHING


def variable(name):
    """What a variable of the environment holds."""
    return Text("environment", "{%s}" % name.value if is_plain(name) and name.value.isidentifier() else "{}")


def on_texts(function, *values):
    """function over all the texts that the values may be."""
    return lift(lambda *items: function(*map(text_of, items)), *values)


def fold(function, values):
    """function over the first two texts, over that and the third, and so on."""
    made = on_texts(lambda text: text, values[0] if values else plain(""))
    for value in values[1:MAX_ITEMS]:
        made = on_texts(function, made, value)
    return made


def formatted(template, args, words):
    """template.format(*args, **words); what has a format or a number of its own is a {}."""
    parts, args = [], list(args)
    try:
        pieces = list(string.Formatter().parse(template))[:MAX_ITEMS]
    except ValueError:
        return SOMETHING
    for literal, field, spec, conversion in pieces:
        parts.append(plain(literal))
        if field is not None:
            value = words.get(field, UNKNOWN) if field or not args else args.pop(0)
            parts.append(UNKNOWN if spec or conversion else value)
    return fold(Text.plus, parts)


# What calls of the standard library give for a list of at least one argument.
RESULTS = table_of(
    ("os.path.join pathlib.Path", lambda args: fold(Text.join, args)),
    ("os.path.dirname", lambda args: on_texts(Text.parent, args[0])),
    ("os.path.basename", lambda args: on_texts(Text.last_part, args[0])),
    ("os.path.abspath os.path.realpath os.path.normpath", lambda args: on_texts(Text.normal, args[0])),
    ("os.path.expanduser", lambda args: on_texts(Text.expand_user, args[0])),
    ("str os.fspath os.path.expandvars", lambda args: fold(Text.join, args[:1])),
    ("list tuple sorted iter reversed set copy.deepcopy", lambda args: args[0]),
    ("functools.lru_cache functools.cache functools.wraps functools.partial", lambda args: args[0]),
    ("next", lambda args: either([lift(element, args[0])] + args[1:])),
    ("max min", lambda args: lift(element, args[0])),
    ("os.getcwd pathlib.Path.cwd", lambda args: plain(".")),
    ("pathlib.Path.home", lambda args: Text("environment", "{HOME}")),
    ("tempfile.gettempdir tempfile.mkdtemp tempfile.TemporaryDirectory",
     lambda args: Text("environment", "{TMPDIR}")),
)
# What methods of a text give.
METHODS = table_of(
    ("joinpath", lambda text, args: fold(Text.join, [text] + args)),
    ("resolve absolute", lambda text, args: on_texts(Text.normal, text)),
    ("expanduser", lambda text, args: on_texts(Text.expand_user, text)),
    ("with_name", lambda text, args: on_texts(lambda a, b: a.parent().join(b), text, args[0])),
    ("with_suffix", lambda text, args: on_texts(lambda a, b: a.without_suffix().plus(b), text, args[0])),
    ("as_posix strip rstrip lstrip encode decode __fspath__", lambda text, args: text),
    ("join", lambda text, args: fold(Text.plus, [part for item in args[0].items for part in (text, item)][1:])
     if isinstance(args[0], Items) and args[0].whole else SOMETHING),
)


# ---------------------------------------------------------------------------------------------------- syntax


def last_name(node):
    """`c` of a.b.c, also when that is called."""
    node = node.func if isinstance(node, ast.Call) else node
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def exception_names(types):
    """The names in an `except`, or in the arguments of suppress()."""
    items = [item for node in types for item in getattr(node, "elts", [node])]
    return [last_name(item) for item in items]


def is_main_guard(test):
    sides = [test.left] + test.comparators if isinstance(test, ast.Compare) else []
    values = [getattr(side, "value", "") for side in sides]
    return "__main__" in values and "__name__" in map(last_name, sides)


def assignments(body):
    """(target, value) of each assignment below these statements."""
    for node in (inner for statement in body for inner in ast.walk(statement)):
        if isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value is not None:
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                yield target, node.value


def fields_of(node):
    """The names that a class body annotates."""
    return [item.target.id for item in node.body if isinstance(item, ast.AnnAssign) and isinstance(
        item.target, ast.Name)]


def index_of(node):
    """The index of a Subscript, which Python 3.8 wraps."""
    return node.slice.value if type(node.slice).__name__ == "Index" else node.slice


def canonical(name):
    for other, usual in SAME:
        if name.startswith(other):
            name = usual + name[len(other):]
    return name


# --------------------------------------------------------------------------------------------- interpretation


class Run:
    """One start of the interpretation. loads: when it loaded models; files: of what; places: where."""

    def __init__(self, when):
        self.when, self.loads, self.files, self.places = when, [], [], []


class Frame:
    """A module body, class body or function as it is run; line is that of the call in the frame above."""

    def __init__(self, module, names, run, above=None, line=0, function=None, cls=None):
        self.module, self.names, self.run, self.above, self.line = module, names, run, above, line
        self.function, self.cls = function, cls
        self.label = function.name if function else above.label if above and cls else ""
        self.calls = above.calls + 1 if above and function else 0
        # what the `except`s around catch, names declared global, the expression whose value nobody uses
        self.guards, self.globals, self.ignored = list(above.guards) if above else [], set(), None
        self.level, self.loops, self.returns = 0, 0, []

    def chain(self):
        """This frame, the one that called it, and so on."""
        frame = self
        while frame is not None:
            yield frame
            frame = frame.above

    def callers(self):
        # the last of the chain is where a Run starts, which nobody calls
        calls = [frame for frame in self.chain() if frame.function and frame.above and frame.above.above]
        return ["%s:%d" % (frame.above.module.file, frame.line) for frame in reversed(calls)]


class Call:
    """The arguments of one call, and where it is."""

    def __init__(self, args, words, node, frame, used=True):
        self.args, self.words, self.node, self.frame, self.used = args, words, node, frame, used

    def get(self, position, word="", otherwise=UNKNOWN):
        if word in self.words:
            return self.words[word]
        return self.args[position] if position is not None and position < len(self.args) else otherwise

    def source(self, position, word):
        """An argument as Python source, a literal where its value is known."""
        value = self.get(position, word, None)
        if value is None or is_plain(value) or isinstance(value, Const):
            return "" if value is None else repr(value.value)[:MAX_SHOWN]
        return self.frame.module.text(self.syntax(position, word))

    def syntax(self, position, word):
        """The expression of an argument; the whole call where it came by * or **."""
        words = [item.value for item in self.node.keywords if item.arg == word]
        args = self.node.args[position:position + 1] if position is not None else []
        return (words + args + [self.node])[0]


class Interpreter:
    """Runs the sources over symbolic values and gathers the facts."""

    def __init__(self, sources):
        self.sources, self.cut, self.entry = sources, sources.cut, None
        self.facts, self.methods = {kind: {} for kind in KINDS}, {}
        self.steps, self.call_limit, self.deadline = 0, 0, time.monotonic() + MAX_SECONDS
        # functions that were defined, and the syntax of those that were called
        self.defined, self.called = [], set()
        # start-up functions as (kind, function), those that ran, (body, frame) of what the guard keeps back
        self.handlers, self.handled, self.guarded = [], set(), []
        # loads and injections are counted by one clock
        self.runs, self.clock, self.injections, self.route_nodes = [], 0, [], set()

    # -- facts

    def fact(self, into, frame, node, **more):
        """Notes a fact once, with the earliest time that its place is reached. Gives its entry."""
        facts, file = self.facts[into], frame.module.file
        key = file, node.lineno, node.col_offset, repr(sorted(more.items()))
        if key not in facts and len(facts) >= MAX_ENTRIES:
            self.cut("more than %d %s: the rest was left out" % (MAX_ENTRIES, into))
            return {"number": -1}
        place = {"file": file, "line": node.lineno, "function": frame.label, "when": frame.run.when}
        entry = facts.setdefault(key, dict(place, **more, number=len(facts)))
        entry["when"] = min(entry["when"], frame.run.when, key=WHEN.index)
        return entry

    def placed(self, text):
        """(anchor, value) of a text that is used as a path, as the answer tells them."""
        anchor, value = text.anchor, re.sub(r"\*+", "{}", text.value)
        if anchor == "file":
            return anchor, os.path.relpath(posixpath.normpath(value or "/"), self.sources.root)
        if anchor != "plain" or re.match(r"[a-z][a-z0-9+]+://", value):
            return "unknown" if anchor == "plain" else anchor, value
        if value.startswith(("/", "\\\\")) or re.match(r"[A-Za-z]:[\\/]", value):
            return "absolute", value
        return "cwd", posixpath.normpath(value)

    def opened(self, name, call, value, node, writes=False):
        """Notes the files that a value may name. Gives the numbers of these, or of what it was read from."""
        numbers = []
        for item in each(value):
            numbers += paths_of(item)
            if isinstance(item, Const) or paths_of(item) or getattr(item, "name", "") == "io.BytesIO":
                continue
            anchor, shown = self.placed(text_of(item))
            entry = self.fact("paths", call.frame, call.node, call=name, text=call.frame.module.text(node),
                              anchor=anchor, value=shown, writes=writes)
            numbers.append(entry["number"])
        return [number for number in numbers if number >= 0]

    def loaded(self, name, call, paths, find_class=False):
        """Notes that a model is loaded here. Gives what that gives."""
        self.clock += 1
        call.frame.run.loads.append(self.clock)
        call.frame.run.places.append((call.frame, call.node))
        known = list(self.facts["paths"].values())
        call.frame.run.files.append({(known[path]["anchor"], known[path]["value"]) for path in paths})
        position = 1 if name.startswith("torch.") else None
        for path in paths or [-1]:
            entry = self.fact("loads", call.frame, call.node, call=name, path=path,
                              map_location=call.source(position, "map_location"),
                              weights_only=call.source(None, "weights_only"),
                              find_class=find_class or "pickle_module" in call.words)
            entry.setdefault("callers", call.frame.callers())
        return Object(name, call, paths=paths)

    def injected(self, module, name, value, frame, node):
        """Notes that a name of a module is set by hand."""
        self.clock += 1
        entry = self.fact("injected", frame, node, module=module, name=name, value=name_of(value))
        self.injections.append((frame.run, self.clock, entry))

    # -- names

    def lookup(self, name, frame):
        module, names = frame.module, None if name in frame.globals else frame.names
        while names is not None and names is not module.names:
            value = names.get(name)
            if value is not None:
                return value
            names = names.above
        value = module.names.get(name)
        if value is not None:
            # a function that sets it may have run, or not
            return either([value, UNKNOWN]) if name in module.rebound else value
        if name == "__file__":
            return Text("file", module.path)
        if name in ("__name__", "__package__"):
            whole = name == "__name__" or module.package
            return plain(module.name if whole else module.name.rpartition(".")[0])
        return Ref(name) if hasattr(builtins, name) else UNKNOWN

    def bind_name(self, name, value, frame):
        names = frame.module.names if name in frame.globals else frame.names
        before = names.get(name) if name in frame.globals else None
        names.set(name, value if before is None else either([before, value]))

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
            elif is_plain(key) and base == Ref("sys.modules"):
                self.injected(key.value, "*", value, frame, target)

    def set_attribute(self, base, name, value, frame, node):
        if isinstance(base, Bound) and isinstance(base.value, Object):  # app.state.x = ...
            base = base.value.attrs.setdefault(base.name, Object())
        if base == Ref("__main__"):
            self.injected("__main__", name, value, frame, node)
        elif isinstance(base, Module):
            base.names.set(name, value)
        elif isinstance(base, (Object, Class)):
            first = name not in base.attrs or frame.label.endswith(".__init__")
            base.attrs[name] = value if first else either([base.attrs[name], value])

    # -- imports

    def import_module(self, name, frame, node):
        """Runs a module and the packages above it. Gives the Module, or a Ref when the package lacks it."""
        module, parts = None, name.split(".")[:MAX_ITEMS]
        for count in range(1, len(parts) + 1):
            above, part = ".".join(parts[:count - 1]), ".".join(parts[:count])
            found = self.sources.find(part)
            module = self.sources.module(part, *found) if found else None
            if module is not None and module.tree is not None and not module.started:
                module.started = True
                self.block(module.tree.body, Frame(module, module.names, frame.run, frame))
            if not found or found[0] == "compiled":
                missing = above != "" and self.sources.is_package(above)
                if not found and (missing or parts[0] not in STANDARD):
                    self.not_found(part if missing else name, missing, frame, node)
                return Ref(name)
        return module or Ref(name)

    def not_found(self, name, missing, frame, node):
        optional = any(set(names) & IMPORT_ERRORS for names in frame.guards)
        self.fact("imports", frame, node, name=name, optional=optional, missing=missing)

    def known_module(self, name):
        """The Module of an absolute name when that was imported, else a Ref."""
        found = self.sources.find(name)
        return found and self.sources.modules.get(found[1]) or Ref(name)

    def run_Import(self, node, frame):
        for item in node.names:
            module, top = self.import_module(item.name, frame, node), item.name.split(".")[0]
            if not isinstance(module, Module) and not self.sources.is_package(item.name):
                self.not_found(item.name, False, frame, node)
            self.bind_name(item.asname or top, module if item.asname else self.known_module(top), frame)

    def run_ImportFrom(self, node, frame):
        name = frame.module.absolute_name(node.level, node.module)
        if name is None:
            return self.not_found("." * node.level + (node.module or ""), True, frame, node)
        module, kind = self.import_module(name, frame, node), (self.sources.find(name) or [""])[0]
        known = isinstance(module, Module)
        for item in node.names:
            full = name + "." + item.name
            value = module.names.get(item.name) if known else None
            if item.name == "*":
                for key in list(module.names.layers[0]) if known else []:
                    if not key.startswith("_"):
                        self.bind_name(key, module.names.get(key), frame)
                frame.module.star |= not known or module.star
                continue
            if value is None and self.sources.find(full):
                value = self.import_module(full, frame, node)
            elif value is None and (kind == "folder" or known and module.lacks(item.name)):
                missing = self.sources.is_package(name)
                self.not_found(full if missing else name, missing, frame, node)
            if value is None:
                value = UNKNOWN if known else Ref(canonical(full))
            self.bind_name(item.asname or item.name, value, frame)

    # -- expressions

    def stopped(self, frame):
        self.steps += 1
        if self.steps % 256 == 0 and time.monotonic() > self.deadline:
            self.steps = MAX_STEPS + 1
        if self.steps > MAX_STEPS:
            self.cut("the interpretation stopped after %d steps or %d seconds" % (MAX_STEPS, MAX_SECONDS))
        elif frame.level > MAX_DEPTH:
            self.cut("%s: an expression or block nested too deeply was not followed" % frame.module.file)
        else:
            return False
        return True

    def visit(self, prefix, node, frame):
        """Runs the method for a kind of syntax; what has none has its expressions evaluated."""
        key = prefix + type(node).__name__
        if key not in self.methods:
            self.methods[key] = getattr(self, key.replace("Async", "").replace("TryStar", "Try"), None)
        method = self.methods[key]
        frame.level += 1
        if method is not None:
            value = method(node, frame)
        else:
            value = UNKNOWN
            for child in ast.iter_child_nodes(node):
                if isinstance(child, ast.expr):
                    self.eval(child, frame)
        frame.level -= 1
        return value

    def eval(self, node, frame):
        return UNKNOWN if node is None or self.stopped(frame) else self.visit("eval_", node, frame)

    def eval_Constant(self, node, frame):
        value = node.value
        if isinstance(value, str):
            return plain(value)
        small = value is None or isinstance(value, float) or isinstance(value, int) and abs(value) < 1 << 64
        return Const(value) if small else UNKNOWN

    def eval_Name(self, node, frame):
        return self.lookup(node.id, frame)

    def eval_Await(self, node, frame):
        return self.eval(node.value, frame)

    eval_Starred = eval_Await

    def eval_Yield(self, node, frame):
        frame.returns.append(self.eval(node.value, frame))
        return UNKNOWN

    def eval_NamedExpr(self, node, frame):
        value = self.eval(node.value, frame)
        self.bind(node.target, value, frame)
        return value

    def eval_List(self, node, frame):
        items, whole = [], True
        for item in node.elts:
            value = self.eval(item, frame)
            more = value if isinstance(item, ast.Starred) else Items([value])
            items += more.items if isinstance(more, Items) else []
            whole = whole and isinstance(more, Items) and more.whole
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
        return Items([self.eval(node.value if isinstance(node, ast.DictComp) else node.elt, frame)], False)

    eval_SetComp = eval_GeneratorExp = eval_DictComp = eval_ListComp

    def eval_Lambda(self, node, frame):
        return Function(frame.module, node, frame.names, None)

    def eval_IfExp(self, node, frame):
        known = self.test(node.test, frame)
        bodies = {True: [node.body], False: [node.orelse], None: [node.body, node.orelse]}[known]
        return either([self.eval(body, frame) for body in bodies])

    def eval_BoolOp(self, node, frame):
        *values, last = [self.eval(item, frame) for item in node.values]
        kept = []
        for value in values if isinstance(node.op, ast.Or) else []:
            kept += [item for item in each(value) if truth(item) is not False]
            if truth(value):
                return either(kept)
        return either(kept + [last])

    def eval_BinOp(self, node, frame):
        left, right = self.eval(node.left, frame), self.eval(node.right, frame)
        if isinstance(node.op, ast.Add) and isinstance(left, Items) and isinstance(right, Items):
            return Items(left.items + right.items, left.whole and right.whole)
        function = {ast.Add: Text.plus, ast.Div: Text.join}.get(type(node.op))
        texts = any(isinstance(item, Text) for item in each(left) + each(right))
        return on_texts(function, left, right) if function and texts else UNKNOWN

    def eval_JoinedStr(self, node, frame):
        parts = []
        for part in node.values[:MAX_ITEMS]:
            field = isinstance(part, ast.FormattedValue)
            value = self.eval(part.value if field else part, frame)
            parts.append(UNKNOWN if field and (part.format_spec or part.conversion == ord("r")) else value)
        return fold(Text.plus, parts)

    def eval_Attribute(self, node, frame):
        value = self.eval(node.value, frame)
        return lift(lambda one: self.attribute(one, node.attr, frame, node), value)

    def attribute(self, value, name, frame, node):
        found = None
        if isinstance(value, Ref):
            full = canonical(value.name + "." + name)
            known = {"os.sep": "/", "os.path.sep": "/", "os.curdir": ".", "os.pardir": ".."}.get(full)
            return plain(known) if known else self.known_module(full)
        if isinstance(value, Module):
            found = value.names.get(name)
            if found is None and isinstance(self.known_module(value.name + "." + name), Module):
                found = self.known_module(value.name + "." + name)
        elif isinstance(value, Text) and name == "parent":
            found = value.parent()
        elif isinstance(value, Text) and name in ("name", "stem"):
            found = value.last_part() if name == "name" else value.without_suffix().last_part()
        elif isinstance(value, (Class, Function)) and name == "__name__":
            found = plain(value.name)
        elif isinstance(value, (Object, Class)):
            cls = value.cls if isinstance(value, Object) else value
            found = value.attrs.get(name) if isinstance(value, Object) else None
            if found is None and cls is not None:
                found = cls.find(name)
                if isinstance(found, Function) and "classmethod" in found.decorators:
                    found = found.bind(cls)
                elif isinstance(found, Function) and isinstance(value, Object):
                    found = found if "staticmethod" in found.decorators else found.bind(value)
                    if found.decorators & {"property", "cached_property"}:
                        return self.call_function(found, Call([], {}, node, frame))
        if found is None:
            found = Bound(value.value if isinstance(value, Bound) else value, name)
        return found

    def eval_Subscript(self, node, frame):
        value, key = self.eval(node.value, frame), self.eval(index_of(node), frame)
        return lift(lambda one: self.item(one, key), value)

    def item(self, value, key):
        index = key.value if isinstance(key, Const) and isinstance(key.value, int) else None
        if isinstance(value, Ref):
            if value.name == "os.environ":
                return variable(key)
            if value.name == "sys.modules" and is_plain(key):
                return self.known_module(key.value)
            return UNKNOWN if value.name == "sys.argv" else value  # List[int] and the like
        if isinstance(value, Bound) and value.name == "parents" and isinstance(value.value, Text):
            times = min(max(index or 0, 0), MAX_DEPTH) + 2
            return fold(lambda text, _: text.parent(), [value.value] * times)
        if isinstance(value, Items) and value.whole and index in range(-len(value.items), len(value.items)):
            return value.items[index]
        if isinstance(value, Table):
            items = [value.items.get(key.value, UNKNOWN)] if is_plain(key) else list(value.items.values())
            return either(items)
        return Object(paths=value.paths) if isinstance(value, Object) else element(value)

    def test(self, node, frame):
        """Whether a condition holds; None unless a constant decides."""
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            known = self.test(node.operand, frame)
            return known if known is None else not known
        value, decide, subject = self.eval(node, frame), truth, node
        if value == Ref("typing.TYPE_CHECKING"):
            return False
        equal = isinstance(node, ast.Compare) and isinstance(node.ops[0], (ast.Is, ast.Eq))
        unequal = isinstance(node, ast.Compare) and isinstance(node.ops[0], (ast.IsNot, ast.NotEq))
        if (equal or unequal) and getattr(node.comparators[0], "value", "") is None:
            subject = node.left
            value = self.eval(subject, frame)

            def decide(item):
                return None if is_none(item) is None else is_none(item) == equal

        decided = {decide(item) for item in each(value)}
        simple = isinstance(subject, (ast.Name, ast.Constant)) and frame.loops == 0
        return decided.pop() if simple and len(decided) == 1 else None

    # -- calls

    def eval_Call(self, node, frame):
        used, function, args, words = frame.ignored is not node, self.eval(node.func, frame), [], {}
        for item in node.args:
            value = self.eval(item, frame)
            more = value if isinstance(item, ast.Starred) else Items([value])
            args += more.items if isinstance(more, Items) and more.whole else []
        for item in node.keywords:
            value = self.eval(item.value, frame)
            words.update({item.arg: value} if item.arg else value.items if isinstance(value, Table) else {})
        call = Call(args, words, node, frame, used)
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
        if isinstance(method, Function):
            return self.call_function(method.bind(function), call)
        return self.result("", call, function)

    def result(self, name, call, me=None):
        """What a call gives that is not followed: something of all that went into it."""
        values = call.args + list(call.words.values()) + [me]
        return Object(name, call, paths=sorted({path for value in values for path in paths_of(value)}))

    def call_function(self, function, call):
        """Runs a function of the package. Gives what it returns or yields."""
        frame, node, words = call.frame, function.node, dict(call.words)
        if frame.calls == 0:
            self.call_limit = min(self.steps + MAX_CALL_STEPS, MAX_STEPS // 2)
        if frame.calls >= MAX_CALLS or node in [one.function.node for one in frame.chain() if one.function]:
            return UNKNOWN
        if self.steps > self.call_limit:
            self.cut("%s: a call takes too many steps to be followed to its end" % frame.module.file)
            return UNKNOWN
        self.called.add(node)
        names = Names(function.closure)
        inner = Frame(function.module, names, frame.run, frame, call.node.lineno, function)
        positional, named, defaults = function.parameters()
        args = ([function.me] if function.me is not None else []) + call.args
        given = dict(zip(positional, args))
        for name in positional + named:
            value = given.get(name) or words.pop(name, None)
            names.set(name, self.eval(defaults.get(name), inner) if value is None else value)
        if node.args.vararg:
            names.set(node.args.vararg.arg, Items(args[len(positional):]))
        if node.args.kwarg:
            names.set(node.args.kwarg.arg, Table(words))
        if isinstance(node, ast.Lambda):
            return self.eval(node.body, inner)
        loads = len(frame.run.loads)
        self.block(node.body, inner)
        returned = either(inner.returns or [NONE])
        if function.cls is None and function.closure is None:
            self.makers(function, function, returned, frame.run.places[loads:])
        return returned

    def makers(self, value, function, made, places):
        """Notes a function or class that can be called without arguments and gives something it loaded."""
        objects = [item for item in each(made) if isinstance(item, Object)]
        makes = {name_of(item.cls) if item.cls else item.name for item in objects}
        makes = {name for name in makes if name.split(".")[-1][:1].isupper()}
        private = value.name.startswith("_") or function.node in self.route_nodes | self.handled
        if private or required_of(function) or all(is_none(item) for item in each(made)):
            return
        for frame, node in places:
            self.fact("makers", frame, node, module=value.module.name, name=value.name,
                      makes="".join(makes) if len(makes) == 1 else "")

    def instantiate(self, cls, call):
        made = self.result(cls.outside(), call)
        made.cls, cls.instance = cls, cls.instance or made
        init, loads = cls.find("__init__"), len(call.frame.run.loads)
        if isinstance(init, Function):
            self.call_function(init.bind(made), call)
            if "." not in cls.name:
                self.makers(cls, init, made, call.frame.run.places[loads:])
        else:  # a dataclass and the like
            family = [base for base in cls.family() if isinstance(base, Class)]
            fields = [name for base in reversed(family) for name in fields_of(base.node)]
            made.attrs.update(zip(fields, call.args))
            made.attrs.update(call.words)
        return made

    def call_outside(self, name, call, me=None):
        """A call of something that the package does not define; me is the object whose method it is."""
        for word, kind in (("lifespan", "lifespan"), ("on_startup", "on_event")):
            value = call.words.get(word)
            functions = value.items if isinstance(value, Items) else [value]
            self.handlers += [(kind, function) for function in functions if isinstance(function, Function)]
        if name in RESULTS:
            return RESULTS[name](call.args or [UNKNOWN])
        if name in STREAM_LOADS:
            cls, paths = me.cls if me is not None else None, paths_of(me or call.get(0))
            find_class = cls is not None and cls.find("find_class") is not None
            return self.loaded(cls.name + ".load" if cls else name, call, paths, find_class)
        word = LOADS.get(name) or READS.get(name) or WRITES.get(name)
        position = POSITIONS.get(name, 0)
        if word and call.get(position, word, None) is not None:
            writes = name in WRITES or name.endswith(("open", "File")) and is_writing(call.get(1, "mode"))
            paths = self.opened(name, call, call.get(position, word), call.syntax(position, word), writes)
            if name in LOADS:
                return self.loaded(name, call, paths)
            return Object(name, call, paths=[] if writes else paths)
        if name in SERVERS:
            self.fact("servers", call.frame, call.node, call=name, text=call.frame.module.text(call.node))
        method = "." + name.rpartition(".")[2] if me is not None else None
        effect = EFFECTS.get(name) or EFFECTS.get(method)
        if effect:
            return effect(self, call) or NONE
        position = CALLERS.get(name, CALLERS.get(method))
        function = call.get(position) if position is not None else call.words.get("target")
        if isinstance(function, Function):
            args = call.args[position + 1:] if position is not None else []
            return self.call_function(function, Call(args, {}, call.node, call.frame))
        return self.result(name, call, me)

    def call_method(self, value, name, call):
        """value.name(...), which is no method of a class of the package."""
        if name == "load_state_dict":
            self.fact("state_dicts", call.frame, call.node, strict=call.source(1, "strict"), used=call.used)
        if isinstance(value, Text):
            return self.call_text(value, name, call)
        if isinstance(value, Table) and name in ("get", "pop", "setdefault"):
            return either([self.item(value, call.get(0))] + call.args[1:])
        return self.call_outside(getattr(value, "name", "") + "." + name, call,
                                 value if isinstance(value, Object) else Object())

    def call_text(self, text, name, call):
        args = call.args or [UNKNOWN]
        if name in METHODS:
            return METHODS[name](text, args)
        if name == "format" and text.anchor == "plain":
            return formatted(text.value, call.args, call.words)
        if name not in PATH_READS and name not in PATH_WRITES:
            return self.result("", call)
        writes = name in PATH_WRITES or name == "open" and is_writing(call.get(0, "mode"))
        if name in ("glob", "rglob"):
            text = on_texts(Text.join, text, args[0])
        paths = self.opened("Path." + name, call, text, call.node, writes)
        if name in ("glob", "rglob", "iterdir"):
            return Items([text if name != "iterdir" else on_texts(Text.join, text, UNKNOWN)], False)
        return Object(paths=[] if writes else paths)

    # -- calls that have an effect; see EFFECTS

    def environment(self, call):
        default = call.get(1, "default", NONE)
        return either([variable(call.get(0, "key"))] + [item for item in each(default) if item != NONE])

    def folder(self, kind, call, position):
        for item in each(call.get(position)):
            anchor, value = self.placed(text_of(item))
            self.fact(kind, call.frame, call.node, anchor=anchor, value=value)
            if kind == "sys_path" and anchor == "file" and "{}" not in value:
                self.sources.add_root(os.path.normpath(os.path.join(self.sources.root, value)), position == 1)

    def import_by_name(self, call):
        name = call.get(0, "name")
        if not is_plain(name):
            return UNKNOWN
        level = len(name.value) - len(name.value.lstrip("."))
        full = call.frame.module.absolute_name(level, name.value[level:])
        return self.import_module(full, call.frame, call.node) if full else UNKNOWN

    def get_attribute(self, call):
        name = call.get(1)
        bases = each(call.get(0)) if is_plain(name) else []
        return either([self.attribute(base, name.value, call.frame, call.node) for base in bases])

    def set_attributes(self, call):
        for name in filter(is_plain, each(call.get(1))):
            for base in each(call.get(0)):
                self.set_attribute(base, name.value, call.get(2), call.frame, call.node)

    def above_class(self, call):
        """super(): the object as one of the classes that its class derives from."""
        cls, me = (call.frame.function.cls, call.frame.function.me) if call.frame.function else (None, None)
        if cls is None or not isinstance(me, Object):
            return UNKNOWN
        seen = Object(me.name, None, Class(cls.module, cls.node, cls.name, cls.bases), me.paths)
        seen.attrs = me.attrs
        return seen

    def safe_globals(self, call):
        first, names = call.get(0, "safe_globals"), []
        for item in first.items if isinstance(first, Items) else each(first):
            pair = item.items if isinstance(item, Items) and len(item.items) == 2 else [item, UNKNOWN]
            names.append(pair[1].value if is_plain(pair[1]) else name_of(pair[0]))
        self.fact("safe_globals", call.frame, call.node, names=names)

    def event_handler(self, call):
        if call.get(0, "event_type") == plain("startup") and isinstance(call.get(1, "func"), Function):
            self.handlers.append(("on_event", call.get(1, "func")))

    # -- statements

    def block(self, body, frame):
        """Runs statements. Gives "raise", "return" or "loop" when what follows is not reached, else ""."""
        for node in body:
            ended = "" if self.stopped(frame) else self.visit("run_", node, frame)
            if isinstance(ended, str) and ended:
                return ended
        return ""

    def branch(self, names, body, frame):
        """Runs a body where some names have other values. (the names that it leaves, how it ends)"""
        frame.names.layers.append(dict(names))
        ended = self.block(body, frame)
        return frame.names.layers.pop(), ended

    def merge(self, branches, frame):
        """Afterwards a name may be what any of the branches left. How they end."""
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
        for target in node.targets if isinstance(node, ast.Assign) else [node.target] if node.value else []:
            self.bind(target, value, frame)

    run_AnnAssign = run_Assign

    def run_AugAssign(self, node, frame):
        changed = ast.copy_location(ast.BinOp(left=node.target, op=node.op, right=node.value), node)
        self.bind(node.target, self.eval(changed, frame), frame)

    def run_If(self, node, frame):
        if is_main_guard(node.test):
            if frame.module is self.entry:
                self.guarded.append((node.body, frame))
            return self.block(node.orelse, frame)
        known = self.test(node.test, frame)
        if known is not None:
            return self.block(node.body if known else node.orelse, frame)
        return self.merge([self.branch({}, node.body, frame), self.branch({}, node.orelse, frame)], frame)

    def run_For(self, node, frame):
        value = self.eval(node.test if isinstance(node, ast.While) else node.iter, frame)
        one_by_one = isinstance(value, Items) and value.whole and frame.loops == 0
        few = value.items if one_by_one and 0 < len(value.items) <= MAX_LOOP else [element(value)]
        frame.loops += 1
        for item in few:
            if not isinstance(node, ast.While):
                self.bind(node.target, item, frame)
            self.merge([self.branch({}, node.body, frame), ({}, "")], frame)
        frame.loops -= 1
        return self.block(node.orelse, frame)

    run_While = run_For

    def run_With(self, node, frame):
        guards = len(frame.guards)
        for item in node.items:
            value = self.eval(item.context_expr, frame)
            if isinstance(value, Object) and value.name == "contextlib.suppress":
                frame.guards.append(exception_names(item.context_expr.args))
            if item.optional_vars is not None:
                self.bind(item.optional_vars, value, frame)
        ended = self.block(node.body, frame)
        del frame.guards[guards:]
        return ended

    def run_Try(self, node, frame):
        catches = [exception_names([item.type]) if item.type else ["BaseException"] for item in node.handlers]
        frame.guards.append([name for names in catches for name in names])
        before = len(frame.run.loads)
        tried, ended = self.branch({}, node.body, frame)
        reached = len(frame.run.loads) > before
        branches = [(tried, ended) if ended else self.branch(tried, node.orelse, frame)]
        # a handler finds each name as it was before or after
        partly = {name: either([frame.names.get(name) or value, value]) for name, value in tried.items()}
        for handler, names in zip(node.handlers, catches):
            loads, returns = len(frame.run.loads), len(frame.returns)
            left, ended = self.branch(partly, handler.body, frame)
            branches.append((left, ended))
            returned = frame.returns[returns:]
            again = set().union(*frame.run.files[loads:])
            # the same file in another way is no other model
            retried = again and again <= set().union(*frame.run.files[before:loads])
            if reached and not retried and (ended != "raise" or returned):
                other = len(frame.run.loads) > loads
                then = "loads" if other else self.instead(node, handler, left, returned, frame)
                # a route's handler goes on with one request only
                if frame.function is None or frame.function.node not in self.route_nodes:
                    self.fact("fallbacks", frame, handler, catches=names, then=then)
        frame.guards.pop()
        ended = self.merge(branches, frame)
        return self.block(node.finalbody, frame) or ended

    def instead(self, node, handler, left, returned, frame):
        """What a handler returns, or assigns to what the `try` does, in the place of a model."""
        tried, values = {frame.module.text(target) for target, _ in assignments(node.body)}, returned
        frame.names.layers.append(left)
        values += [self.eval(value, frame) for target, value in assignments(handler.body)
                   if frame.module.text(target) in tried]
        frame.names.layers.pop()
        values = [item for value in values for item in each(value)]
        if any(not isinstance(item, (Text, Const)) for item in values):
            return "replaces"
        return "none" if any(is_none(item) for item in values) else "continues"

    def run_Match(self, node, frame):
        self.eval(node.subject, frame)
        return self.merge([self.branch({}, case.body, frame) for case in node.cases] + [({}, "")], frame)

    def run_FunctionDef(self, node, frame):
        names = frame.names.above if frame.names.of_class else frame.names
        function = Function(frame.module, node, None if names is frame.module.names else names, frame.cls)
        self.defined.append(function)
        for item in node.decorator_list:
            self.decorate(function, item, frame)
        self.bind_name(node.name, function, frame)

    def decorate(self, function, node, frame):
        """Sees routes and start-up functions. Other decorators change nothing."""
        value, args, words = self.eval(node.func if isinstance(node, ast.Call) else node, frame), [], {}
        if isinstance(node, ast.Call):
            args = [self.eval(item, frame) for item in node.args]
            words = {item.arg: self.eval(item.value, frame) for item in node.keywords}
        path, name = args[0] if args else words.get("path"), last_name(node)
        starts = name in ("before_first_request", "before_serving")
        if starts or name == "on_event" and path == plain("startup"):
            self.handlers.append(("on_event", function))
        elif name in VERBS and is_plain(path) and path.value[:1] in ("", "/"):
            self.route_nodes.add(function.node)
            router = next((item.value for item in each(value) if isinstance(item, Bound)), None)
            options = router.words if isinstance(router, Object) else {}
            path = on_texts(Text.plus, options.get("prefix") or options.get("url_prefix") or plain(""), path)
            methods = words.get("methods")
            for method in methods.items if isinstance(methods, Items) else [plain(VERBS[name])]:
                self.fact("routes", Frame(frame.module, None, frame.run, function=function), function.node,
                          method=text_of(method).value.upper(), path=text_of(path).value,
                          is_async=isinstance(function.node, ast.AsyncFunctionDef))

    def run_ClassDef(self, node, frame):
        bases = [each(self.eval(base, frame))[0] for base in node.bases]
        cls = Class(frame.module, node, frame.cls.name + "." + node.name if frame.cls else node.name, bases)
        self.fact("classes", frame, node, module=frame.module.name, name=cls.name,
                  bases=[name_of(base) for base in bases])
        names = Names(frame.names, True)
        names.layers[0] = cls.attrs
        self.block(node.body, Frame(frame.module, names, frame.run, frame, node.lineno, None, cls))
        if cls.outside().endswith(".BaseSettings"):
            self.settings(cls)
        self.bind_name(node.name, cls, frame)

    @staticmethod
    def settings(cls):
        """The fields of pydantic's BaseSettings are variables of the environment."""
        config = cls.attrs.get("model_config"), cls.attrs.get("Config")
        options = [item.words if isinstance(item, Object) else getattr(item, "attrs", {}) for item in config]
        prefix = fold(Text.plus, [item["env_prefix"] for item in options if "env_prefix" in item])
        for name in fields_of(cls.node):
            value = cls.attrs.get(name)
            if isinstance(value, Object):  # Field(default)
                value = value.args[0] if value.args else value.words.get("default")
            default = [] if value is None or value is UNKNOWN else [value]
            cls.attrs[name] = either([variable(plain((text_of(prefix).value + name).upper()))] + default)

    # -- the whole program

    def run_program(self, entry, factory, modules):
        """Runs everything in the order of WHEN, except that functions which nobody called come last."""
        self.entry = entry
        module, _, path = factory.partition(":")
        for name in filter(None, [entry.name if entry else "", module]):
            self.start("import", name, self.import_alone, name)
        self.run_handlers()
        made = self.find_factory(module, path)
        if isinstance(made, Function):
            self.start("call", factory, self.call_alone, made)
        for body, frame in self.guarded:
            self.start("main", "__main__", self.block_alone, body, frame)
        for name in modules:
            self.start("call", name, self.import_alone, name)
        while self.defined:
            # the last first: callers mostly stand below what they call
            function = self.defined.pop()
            if function.node not in self.called:
                self.start("call", function.name, self.call_alone, function)
                self.run_handlers()  # of an application that a function makes

    def run_handlers(self):
        while self.handlers:
            kind, function = self.handlers.pop(0)
            if function.node not in self.handled:
                self.handled.add(function.node)
                run = self.start("startup", function.name, self.call_alone, function)
                frame = Frame(function.module, None, run, function=function)
                self.fact("startup", frame, function.node, kind=kind, loads=bool(run.loads))

    def start(self, when, name, function, *args):
        run = Run(when)
        self.runs.append(run)
        try:
            function(run, *args)
        except RecursionError:
            self.cut("%s: nested too deeply to be followed" % name)
        return run

    def import_alone(self, run, name):
        if self.sources.find(name):
            nowhere = Module("", "", "", False)
            self.import_module(name, Frame(nowhere, nowhere.names, run), ast.Pass(lineno=0, col_offset=0))

    def block_alone(self, run, body, frame):
        self.block(body, Frame(frame.module, frame.names, run, Frame(frame.module, frame.names, run)))

    def call_alone(self, run, function):
        """Calls a function with unknown arguments; a method on any object, made likewise if need be."""
        frame = Frame(function.module, function.module.names, run)
        cls, call = function.cls, Call([], {}, function.node, frame)
        if cls is not None and "classmethod" in function.decorators:
            function = function.bind(cls)
        elif cls is not None and function.me is None and "staticmethod" not in function.decorators:
            function = function.bind(cls.instance or self.instantiate(cls, call))
        if function.node not in self.called or run.when != "call":
            self.call_function(function, call)

    def find_factory(self, module, path):
        """The Function or Class that a request's `factory` names."""
        value = self.known_module(module)
        frame = Frame(value, Names(), Run("call"))
        for name in path.split("."):
            value = each(self.attribute(value, name, frame, ast.Pass(lineno=0, col_offset=0)))[0]
        return value

    # -- the answer

    def sort_facts(self):
        files = {module.file: index for index, module in enumerate(self.sources.modules.values())}
        for kind, facts in self.facts.items():
            order = sorted(facts, key=lambda key: (files.get(key[0], -1), key[1:3]))
            self.facts[kind] = {key: facts[key] for key in order}

    def drop_vague(self, kind, is_vague):
        """Drops what is vague where another caller makes it known."""
        known = {key[:3] for key, entry in self.facts[kind].items() if not is_vague(entry)}
        self.facts[kind] = {key: entry for key, entry in self.facts[kind].items()
                            if key[:3] not in known or not is_vague(entry)}

    def find_applications(self):
        """Web applications that a module has under a name."""
        for module in list(self.sources.modules.values()):
            for name, value in module.names.layers[0].items():
                made = [item for item in each(value) if getattr(item, "name", "") in APPLICATIONS]
                made = [item for item in made if isinstance(item, Object)]
                if made and module.file:
                    place = ast.Pass(lineno=made[0].line, col_offset=0)
                    self.fact("applications", Frame(module, None, Run("import")), place, module=module.name,
                              name=name, kind=made[0].name)

    def finish_injected(self):
        for run, clock, entry in self.injections:
            early = run.when in WHEN[:2]
            times = [at for other in self.runs for at in other.loads
                     if other is run or other.when in WHEN[:2] or early and other.when == "call"]
            before = clock < min(times) if times and run.when != "main" else None
            entry["before_load"] = False if entry.get("before_load") is False else before

    def describe_factory(self, made):
        if not isinstance(made, (Function, Class)):
            return empty_answer()["factory"]
        function = made.find("__init__") if isinstance(made, Class) else made
        required = required_of(function) if isinstance(function, Function) else []
        return {"found": True, "file": made.module.file, "line": made.node.lineno,
                "is_async": isinstance(made.node, ast.AsyncFunctionDef), "required": required}

    def answer(self, factory):
        self.find_applications()
        self.sort_facts()
        self.drop_vague("paths", lambda entry: "{}" in entry["value"])
        numbers = {entry["number"]: index for index, entry in enumerate(self.facts["paths"].values())}
        for entry in self.facts["loads"].values():
            entry["path"] = numbers.get(entry["path"], -1)
        self.drop_vague("loads", lambda entry: entry["path"] < 0)
        self.finish_injected()
        module, _, path = factory.partition(":")
        answer = dict(empty_answer(), cut=self.sources.reasons,
                      factory=self.describe_factory(self.find_factory(module, path)))
        for kind, facts in self.facts.items():
            answer[kind] = [nested(entry) for entry in facts.values()]
        answer["modules"] = [{"name": module.name, "file": module.file, "error": module.error,
                              "names": sorted(module.names.layers[0]) + ["*"] * module.star}
                             for module in self.sources.modules.values()]
        return answer


def nested(entry):
    """An entry of the answer, its place in an object of its own."""
    own = {key: value for key, value in entry.items() if key not in PLACE and key != "number"}
    return dict(own, place={key: entry[key] for key in PLACE})


EFFECTS = table_of(
    ("os.getenv os.environ.get os.environ.setdefault", Interpreter.environment),
    ("os.chdir", lambda self, call: self.folder("chdir", call, 0)),
    ("sys.path.insert", lambda self, call: self.folder("sys_path", call, 1)),
    ("sys.path.append", lambda self, call: self.folder("sys_path", call, 0)),
    ("importlib.import_module __import__", Interpreter.import_by_name),
    ("getattr", Interpreter.get_attribute), ("setattr", Interpreter.set_attributes),
    ("super", Interpreter.above_class),
    ("torch.serialization.add_safe_globals torch.serialization.safe_globals", Interpreter.safe_globals),
    (".add_event_handler", Interpreter.event_handler),
)


# --------------------------------------------------------------------------------------------------- request


def empty_answer():
    return dict({kind: [] for kind in KINDS}, version="%d.%d.%d" % sys.version_info[:3], cut=[], modules=[],
                factory={"found": False, "file": "", "line": 0, "is_async": False, "required": []})


def read(data):
    request = {"entrypoint": "", "factory": "", "search": [], "modules": []}
    request.update(json.loads(data.decode()))
    if not os.path.isabs(request["root"]) or not os.path.isdir(request["root"]):
        raise ValueError("`root` is no absolute path of a folder")
    root, places, entry = os.path.normpath(request["root"]), list(request["search"]), None
    sources, path = Sources(root, places), os.path.normpath(os.path.join(root, request["entrypoint"]))
    if request["entrypoint"]:
        folder, name = os.path.split(path)
        name = name[:-3].replace(".", "_") if name.endswith(".py") else name.replace(".", "_")
        places.insert(0, folder)
        # a server in a package is imported by its full name
        while folder != root and os.path.isfile(os.path.join(folder, "__init__.py")):
            folder, name = os.path.dirname(folder), os.path.basename(folder) + "." + name
        places.insert(0, folder)
    for place in places + [root]:
        sources.add_root(os.path.normpath(place))
    if request["entrypoint"]:
        sources.found[name] = "module", path
        entry = sources.module(name, "module", path)
    interpreter = Interpreter(sources)
    interpreter.run_program(entry, request["factory"], request["modules"])
    return interpreter.answer(request["factory"])


def answer_to(data):
    try:
        return read(data)
    except (Exception, MemoryError, RecursionError) as error:  # an answer that says so, never a traceback
        return dict(empty_answer(), cut=["%s: %s" % (type(error).__name__, str(error)[:500])])


def main():
    warnings.simplefilter("ignore")  # about the sources: invalid escapes and the like
    sys.setrecursionlimit(30000)
    data, answers = sys.stdin.buffer.read(1 << 20), []
    # syntax trees are built by recursion in C, which needs a stack of more than the usual size
    threading.stack_size(256 << 20)
    worker = threading.Thread(target=lambda: answers.append(answer_to(data)))
    worker.start()
    worker.join()
    answer = json.dumps(answers[0], ensure_ascii=False)
    # a byte of a file name that is not UTF-8
    answer = re.sub("[\udc80-\udcff]", lambda match: "\\\\x%02X" % (ord(match.group()) - 0xDC00), answer)
    sys.stdout.buffer.write(answer.encode("utf-8", "replace") + b"\n")


if __name__ == "__main__":
    main()
