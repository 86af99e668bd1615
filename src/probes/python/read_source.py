# SPDX-License-Identifier: Apache-2.0
"""Reads the Python sources of a service, without running any of them, and prints what they load and from where.

    python -I -B read_source.py < request.json > answer.json          any Python from 3.8 on, standard library only

Request, one JSON object on stdin:
    root        absolute path of the package; no file outside of it (and of `search`) is read
    entrypoint  file of the server, relative to root; may be empty
    factory     "module:name" of what makes the predictor; may be empty
    search      further import roots; the entry point's folder and root are import roots anyway

Answer, one ASCII JSON object on stdout; there is always one, and the exit status is 0. Whatever is wrong with a
source is a value: `modules[].error` for one file, `cut` for what a bound left out. (Python 3.8's own parser
may write a line about its stack to stderr.) Bytes of file names that are
not UTF-8 appear as \\xNN. `lines` and `line` count from 1, `file` is relative to root.

    version           of this interpreter
    modules           every source that was read or should have been, entry point first
    imports           modules that the package does not have, without those of the standard library. optional:
                      the code goes on without it. lazy: inside a function or below `if __name__ == "__main__"`
    missing_imports   the same for modules that should be in the package and are not
    paths             files that the code opens; tests such as exists() are left out. anchor: what the path is
                      relative to. file: value is relative to root; cwd, home, temp: value is relative to that
                      folder; environment, argument: {} in value stands for what is not known, default for the
                      whole path when nothing is set. at_import: importing the entry point opens it
    loads             calls that read a model; path: index into paths, -1 when it is not a path
    load_state_dict, eval_calls, no_grad, classes, servers, apps
    main_classes      classes put into `__main__`, for checkpoints that name it. before_load: null when unknown
    safe_globals, unpicklers, environment, chdir
    startup           what loads the model when the server starts; line is the handler's, or the call's for import
    routes            touches_model goes by the names that a handler mentions, itself or through what it calls
    fallbacks         handlers around a load after which the service goes on. An assigned None is `returns-none`
    factory           the definition of the asked factory, through re-exports

How: module bodies, start-up handlers and then all other functions are interpreted abstractly, each branch of an
`if` whose test is not a known constant, each loop once, calls into the package at most MAX_CALLS deep. A value
that may be one of several is kept as up to MAX_ALTERNATIVES values.
"""

import sys

# with `python -` or -c the folder that we were started in comes first, and that may be the package
sys.path[:] = [entry for entry in sys.path if entry not in ("", ".")]

import ast  # noqa: E402
import builtins  # noqa: E402
import codecs  # noqa: E402
import io  # noqa: E402
import json  # noqa: E402
import os  # noqa: E402
import posixpath  # noqa: E402
import re  # noqa: E402
import stat  # noqa: E402
import string  # noqa: E402
import threading  # noqa: E402
import tokenize  # noqa: E402
import warnings  # noqa: E402
from collections import OrderedDict, namedtuple  # noqa: E402

MAX_MODULES = 2000
MAX_FILE = 4 << 20
MAX_ALL = 32 << 20
MAX_TOKENS = 700000  # of one file: a syntax tree takes about 300 bytes for each
MAX_ALL_TOKENS = 2500000
MAX_CHAIN = 20000  # operators in a row: trees that deep overflow the C stack of older interpreters
MAX_ENTRIES = 5000  # of one list of the answer
MAX_STEPS = 1000000  # statements and expressions interpreted
MAX_CALL_STEPS = 20000  # of these for one call of a module body or start-up handler, and what it calls
MAX_CALLS = 8
MAX_DEPTH = 120  # nested expressions and statements of one function
MAX_ALTERNATIVES = 6
MAX_VALUE = 2000
MAX_TEXT = 160

LISTS = ("modules imports missing_imports paths loads load_state_dict eval_calls no_grad classes main_classes"
         " safe_globals unpicklers startup apps routes fallbacks environment servers chdir").split()

# for 3.8 and 3.9, which have no sys.stdlib_module_names
STDLIB = frozenset("""
abc aifc argparse array ast asynchat asyncio asyncore atexit audioop base64 bdb binascii binhex bisect builtins
bz2 cProfile calendar cgi cgitb chunk cmath cmd code codecs codeop collections colorsys compileall concurrent
configparser contextlib contextvars copy copyreg crypt csv ctypes curses dataclasses datetime dbm decimal
difflib dis distutils doctest dummy_threading email encodings ensurepip enum errno faulthandler fcntl filecmp
fileinput fnmatch formatter fractions ftplib functools gc genericpath getopt getpass gettext glob graphlib grp
gzip hashlib heapq hmac html http idlelib imaplib imghdr imp importlib inspect io ipaddress itertools json
keyword lib2to3 linecache locale logging lzma mailbox mailcap marshal math mimetypes mmap modulefinder msilib
msvcrt multiprocessing netrc nis nntplib nt ntpath nturl2path numbers opcode operator optparse os ossaudiodev
parser pathlib pdb pickle pickletools pipes pkgutil platform plistlib poplib posix posixpath pprint profile
pstats pty pwd py_compile pyclbr pydoc pydoc_data pyexpat queue quopri random re readline reprlib resource
rlcompleter runpy sched secrets select selectors shelve shlex shutil signal site smtpd smtplib sndhdr socket
socketserver spwd sqlite3 sre_compile sre_constants sre_parse ssl stat statistics string stringprep struct
subprocess sunau symbol symtable sys sysconfig syslog tabnanny tarfile telnetlib tempfile termios textwrap this
threading time timeit tkinter token tokenize trace traceback tracemalloc tty turtle turtledemo types typing
unicodedata unittest urllib uu uuid venv warnings wave weakref webbrowser winreg winsound wsgiref xdrlib xml
xmlrpc zipapp zipfile zipimport zlib zoneinfo __future__ __main__ tomllib
""".split()) | frozenset(getattr(sys, "stdlib_module_names", ())) | {"__main__"}

# (position, keyword) of the path in calls that read a file
READS = {
    "open": (0, "file"), "io.open": (0, "file"), "codecs.open": (0, "filename"), "aiofiles.open": (0, "file"),
    "os.open": (0, "path"), "os.listdir": (0, "path"), "os.scandir": (0, "path"), "os.walk": (0, "top"),
    "glob.glob": (0, "pathname"), "glob.iglob": (0, "pathname"), "gzip.open": (0, "filename"),
    "bz2.open": (0, "filename"), "lzma.open": (0, "filename"), "zipfile.ZipFile": (0, "file"),
    "tarfile.open": (0, "name"), "sqlite3.connect": (0, "database"), "ctypes.CDLL": (0, "name"),
    "runpy.run_path": (0, "path_name"), "logging.config.fileConfig": (0, "fname"),
    "numpy.load": (0, "file"), "numpy.fromfile": (0, "file"), "numpy.loadtxt": (0, "fname"),
    "numpy.genfromtxt": (0, "fname"), "numpy.memmap": (0, "filename"), "scipy.io.loadmat": (0, "file_name"),
    "h5py.File": (0, "name"), "onnx.load": (0, "f"), "onnx.load_model": (0, "f"), "cv2.imread": (0, "filename"),
    "cv2.CascadeClassifier": (0, "filename"), "cv2.dnn.readNet": (0, "model"),
    "cv2.dnn.readNetFromONNX": (0, "onnxFile"), "PIL.Image.open": (0, "fp"),
    "dotenv.load_dotenv": (0, "dotenv_path"),
    "pandas.read_csv": (0, "filepath_or_buffer"), "pandas.read_json": (0, "path_or_buf"),
    "pandas.read_parquet": (0, "path"), "pandas.read_pickle": (0, "filepath_or_buffer"),
    "pandas.read_excel": (0, "io"), "omegaconf.OmegaConf.load": (0, "file_"), "toml.load": (0, "f"),
    "fastapi.staticfiles.StaticFiles": (None, "directory"),
    "starlette.staticfiles.StaticFiles": (None, "directory"),
    "fastapi.templating.Jinja2Templates": (0, "directory"), "jinja2.FileSystemLoader": (0, "searchpath"),
    "tokenizers.Tokenizer.from_file": (0, "path"), "sentencepiece.SentencePieceProcessor": (None, "model_file"),
    "safetensors.safe_open": (0, "filename"), "safetensors.torch.load_model": (1, "filename"),
}
WRITES = {
    "torch.save": (1, "f"), "numpy.save": (0, "file"), "numpy.savez": (0, "file"), "joblib.dump": (1, "filename"),
    "os.makedirs": (0, "name"), "os.mkdir": (0, "path"), "os.remove": (0, "path"), "os.unlink": (0, "path"),
    "shutil.rmtree": (0, "path"), "logging.FileHandler": (0, "filename"),
    "logging.handlers.RotatingFileHandler": (0, "filename"),
    "logging.handlers.TimedRotatingFileHandler": (0, "filename"), "safetensors.torch.save_file": (1, "filename"),
}
# calls that read a model: (position, keyword) of the path or stream
LOADS = {
    "torch.load": (0, "f"), "torch.jit.load": (0, "f"), "torch.export.load": (0, "f"),
    "safetensors.torch.load_file": (0, "filename"), "safetensors.numpy.load_file": (0, "filename"),
    "safetensors.torch.load_model": (1, "filename"), "safetensors.safe_open": (0, "filename"),
    "onnxruntime.InferenceSession": (0, "path_or_bytes"), "joblib.load": (0, "filename"),
    "pickle.load": (0, "file"), "pickle.loads": (0, "data"), "_pickle.load": (0, "file"),
    "cloudpickle.load": (0, "file"), "cloudpickle.loads": (0, "data"), "dill.load": (0, "file"),
    "dill.loads": (0, "str"), "tensorflow.saved_model.load": (0, "export_dir"),
    "tensorflow.lite.Interpreter": (0, "model_path"), "skops.io.load": (0, "file"),
    "ultralytics.YOLO": (0, "model"), "xgboost.Booster": (None, "model_file"),
    "lightgbm.Booster": (None, "model_file"), "fasttext.load_model": (0, "path"),
}
STREAMS = {"pickle.load", "pickle.loads", "_pickle.load", "cloudpickle.load", "cloudpickle.loads", "dill.load",
           "dill.loads"}
PATH_READS = {"read_text", "read_bytes", "iterdir", "open", "glob", "rglob", "walk"}
PATH_WRITES = {"write_text", "write_bytes", "mkdir", "unlink", "rmdir", "touch", "rename"}
COMMON_METHODS = {"open", "glob", "walk", "touch", "rename", "mkdir"}  # also of things that are no paths
FRAMEWORKS = {
    "fastapi.FastAPI": "fastapi", "flask.Flask": "flask", "starlette.applications.Starlette": "starlette",
    "aiohttp.web.Application": "aiohttp", "quart.Quart": "quart", "sanic.Sanic": "sanic", "litestar.Litestar":
    "litestar", "falcon.App": "falcon", "falcon.asgi.App": "falcon", "bottle.Bottle": "bottle",
    "tornado.web.Application": "tornado", "django.core.wsgi.get_wsgi_application": "django",
    "django.core.asgi.get_asgi_application": "django", "gradio.Interface": "gradio", "gradio.Blocks": "gradio",
    "robyn.Robyn": "robyn", "fastapi.applications.FastAPI": "fastapi",
}
SERVERS = {"uvicorn.run", "uvicorn.Config", "hypercorn.asyncio.serve", "waitress.serve", "aiohttp.web.run_app",
           "gevent.pywsgi.WSGIServer", "wsgiref.simple_server.make_server", "werkzeug.serving.run_simple",
           "granian.Granian", "http.server.HTTPServer", "http.server.ThreadingHTTPServer"}
VERBS = {"get", "post", "put", "delete", "patch", "head", "options", "route", "api_route", "websocket"}
GUNICORN_HOOKS = {"post_fork", "post_worker_init", "when_ready", "on_starting"}
MODEL_NAME = re.compile(r"(^|_)(models?|predictors?|pipeline|classifier|detector|recognizer|estimator|net|network"
                        r"|ort_session|onnx_session)(_loaded|_ready|_status|_state)?$")
# attribute calls by these names say nothing about which function of the package is meant
VAGUE = {
    "get", "load", "run", "read", "open", "close", "append", "update", "items", "values", "keys", "join",
    "add", "start", "stop", "init", "setup", "put", "post", "send", "write", "pop", "copy", "format", "split",
    "strip", "main", "call", "build", "create", "to", "eval", "train", "info", "error", "warning", "exception",
    "debug",
}


class Bounds:
    """What was left out, in words, each reason once."""

    def __init__(self):
        self.reasons = []

    def note(self, reason):
        if reason not in self.reasons and len(self.reasons) < 20:
            self.reasons.append(reason)


# --- reading ------------------------------------------------------------------------------------------------


class Module:
    """One source file: its text, tree and, once interpreted, the values of its names."""

    def __init__(self, name, path, file, package):
        self.name, self.path, self.file, self.package = name, path, file, package
        self.error, self.tree, self.rows, self.lines = "", None, [], 0
        self.aliases, self.imports, self.env, self.rebound = {}, [], {}, set()
        self.state = "new"  # running, done

    def text(self, node):
        """The source of a node on one line, at most MAX_TEXT characters."""
        first, last = node.lineno - 1, getattr(node, "end_lineno", node.lineno) - 1
        rows = [row[:8 * MAX_TEXT + (node.col_offset if i == 0 else 0)] for i, row in
                enumerate(self.rows[first:min(last + 1, first + 12)])]
        if not rows:
            return ""
        if first + len(rows) - 1 == last:
            rows[-1] = rows[-1][:node.end_col_offset]
        rows[0] = rows[0][node.col_offset:]
        text = " ".join(b"\n".join(rows).decode("utf-8", "replace").split())
        return text if len(text) <= MAX_TEXT else text[:MAX_TEXT - 3] + "..."

    def relative(self, level, name):
        """The absolute name of `from ..name import`, or None when it points above the top package."""
        parts = self.name.split(".")
        parts = parts[:len(parts) - level + (1 if self.package else 0)]
        if not parts or level > 50:
            return None
        return ".".join(parts + ([name] if name else []))


def read_bytes(path):
    """Regular files only, and never waiting: a FIFO may lie where a source should."""
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0))
    with os.fdopen(handle, "rb") as stream:
        status = os.fstat(stream.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise ValueError("not a regular file")
        if status.st_size > MAX_FILE:
            raise ValueError("%d bytes; at most %d are read" % (status.st_size, MAX_FILE))
        data = stream.read(MAX_FILE + 1)
    if len(data) > MAX_FILE:
        raise ValueError("more than %d bytes" % MAX_FILE)
    return data


def decode(data):
    encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
    info = codecs.lookup(encoding)
    # others than text (zlib, rot13) are no source encodings, and these take quadratic time
    if not getattr(info, "_is_text_encoding", True) or info.name in ("punycode", "idna", "undefined"):
        raise ValueError("encoding %s is not read" % info.name)
    return data.decode(encoding).replace("\r\n", "\n").replace("\r", "\n")


TOKEN = re.compile(r"\w+|[^\w\s]")
QUOTED = re.compile(r"'''.*?'''|\"\"\".*?\"\"\"|'[^'\\\n]*'|\"[^\"\\\n]*\"", re.DOTALL)
CHAIN = re.compile(r"[^,;:=]+")
LONG_NUMBER = re.compile(r"(?<!\w)[0-9][0-9_]{9999,}(?!\w)")


def count_tokens(text):
    """Raises ValueError for what would take the parser's stack, memory or time."""
    count = sum(1 for _ in TOKEN.finditer(text))
    if count > MAX_TOKENS:
        raise ValueError("%d tokens; at most %d are read" % (count, MAX_TOKENS))
    if len(text) > MAX_CHAIN:
        for part in CHAIN.finditer(QUOTED.sub("''", text)):
            chain = part.group()
            if len(chain) > MAX_CHAIN and len(re.findall(r"[-+*/%@|&^.(\[<>~]|\bnot\b", chain)) > MAX_CHAIN:
                raise ValueError("an expression of more than %d operators" % MAX_CHAIN)
        if len(re.findall(r"\belif\b|\belse\b|\blambda\b", text)) > MAX_CHAIN:
            raise ValueError("more than %d branches" % MAX_CHAIN)
        if LONG_NUMBER.search(text):
            raise ValueError("a number of more than 10000 digits")
    return count


class Sources:
    """Finds and reads modules; `get` never raises."""

    def __init__(self, root, search, bounds):
        self.root, self.bounds = root, bounds
        self.roots = []
        self.areas = [os.path.realpath(path) for path in [root] + search]
        self.by_path, self.order, self.found = OrderedDict(), [], {}
        self.bytes_read = self.tokens = 0

    def add_root(self, path):
        if path not in self.roots and len(self.roots) < 32:
            self.roots.append(path)
            self.found = {}

    def find(self, name):
        """("module"|"package"|"namespace"|"compiled", path) of a dotted name, or None."""
        if name not in self.found:
            self.found[name] = self._find(name)
        return self.found[name]

    def _find(self, name):
        head, _, last = name.rpartition(".")
        if len(name) > 500 or name.count(".") > 30 or not last or "/" in last or "\0" in last:
            return None
        if head:
            above = self.find(head)
            if above is None or above[0] in ("module", "compiled"):
                return None
            folders = above[1] if above[0] == "namespace" else [os.path.dirname(above[1])]
        elif name in sys.builtin_module_names:
            return None
        else:
            folders = self.roots
        portions = []
        for folder in folders:
            base = os.path.join(folder, last)
            if os.path.isfile(os.path.join(base, "__init__.py")):
                return "package", os.path.join(base, "__init__.py")
            if os.path.isfile(base + ".py"):
                return "module", base + ".py"
            if self._compiled(folder, last):
                return "compiled", base
            if os.path.isdir(base) and self._inside(base):
                portions.append(base)
        return ("namespace", portions) if portions else None

    def _compiled(self, folder, last):
        try:
            if not self._inside(folder):
                return False
            with os.scandir(folder) as entries:
                for count, entry in enumerate(entries):
                    if count > 5000:
                        return False
                    if entry.name.startswith(last + ".") and entry.name.endswith((".so", ".pyd", ".pyc")):
                        return True
        except (OSError, ValueError):
            pass
        return False

    def _inside(self, path):
        real = os.path.realpath(path)
        return any(real == area or real.startswith(area.rstrip("/") + "/") for area in self.areas)

    def show(self, path):
        if path == self.root or path.startswith(self.root.rstrip("/") + "/"):
            return os.path.relpath(path, self.root)
        return path

    def get(self, name, path, package):
        """The module of a file, read once; None when there are too many of them."""
        if path in self.by_path:
            return self.by_path[path]
        if len(self.by_path) >= MAX_MODULES:
            self.bounds.note("more than %d modules: the rest was not read" % MAX_MODULES)
            return None
        module = Module(name, path, self.show(path), package)
        self.by_path[path] = module
        try:
            self._read(module)
        except SyntaxError as error:
            where = "line %d: " % error.lineno if error.lineno else ""
            module.error = where + str(error.msg)[:300]
        except (MemoryError, RecursionError):
            module.error = "too deeply nested or too large to parse"
        except OSError as error:
            module.error = "cannot be read: " + (error.strerror or "error")
        except UnicodeDecodeError as error:
            module.error = "not valid %s at byte %d" % (error.encoding, error.start)
        except (ValueError, LookupError, OverflowError, SystemError) as error:
            module.error = str(error)[:300] or type(error).__name__
        if module.error:
            module.tree = None
        return module

    def _read(self, module):
        if not self._inside(module.path):
            raise ValueError("leaves the package through a symbolic link")
        data = read_bytes(module.path)
        if self.bytes_read + len(data) > MAX_ALL:
            self.bounds.note("more than %d bytes of source: the rest was not read" % MAX_ALL)
            raise ValueError("not read: more than %d bytes of source in all" % MAX_ALL)
        self.bytes_read += len(data)
        if b"\0" in data:
            raise ValueError("holds NUL bytes")
        text = decode(data)
        tokens = count_tokens(text)
        if self.tokens + tokens > MAX_ALL_TOKENS:
            self.bounds.note("more than %d tokens of source: the rest was not read" % MAX_ALL_TOKENS)
            raise ValueError("not read: more than %d tokens of source in all" % MAX_ALL_TOKENS)
        self.tokens += tokens
        module.rows = text.encode("utf-8").split(b"\n")
        module.lines = len(module.rows) - (1 if text.endswith("\n") or not text else 0)
        module.tree = ast.parse(text)


# --- what the text says by itself ---------------------------------------------------------------------------

Context = namedtuple("Context", "function lazy optional guard")


def functions_of(context, name):
    return context.function + "." + name if context.function else name


def is_main_guard(test):
    return (isinstance(test, ast.Compare) and len(test.comparators) == 1
            and any(isinstance(side, ast.Name) and side.id == "__name__"
                    for side in (test.left, test.comparators[0]))
            and any(constant(side) == "__main__" for side in (test.left, test.comparators[0])))


def constant(node):
    return node.value if isinstance(node, ast.Constant) else None


def last_name(node):
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def handled(node):
    """The exception names of one `except`, BaseException for a bare one."""
    if node.type is None:
        return ["BaseException"]
    return [last_name(item) for item in (node.type.elts if isinstance(node.type, ast.Tuple) else [node.type])]


def catches_import_error(node):
    names = [name for handler in node.handlers for name in handled(handler)]
    return any(name in ("ImportError", "ModuleNotFoundError", "Exception", "BaseException") for name in names)


def walk(tree):
    """(node, Context) of every node in source order, without recursion."""
    stack = [(tree, Context("", False, False, False))]
    while stack:
        node, context = stack.pop()
        yield node, context
        inner = context
        special = {}
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            inner = context._replace(function=functions_of(context, node.name), lazy=True)
        elif isinstance(node, ast.ClassDef):
            inner = context._replace(function=functions_of(context, node.name))
        elif isinstance(node, ast.If) and is_main_guard(node.test):
            special = {id(child): context._replace(lazy=True, guard=True) for child in node.body}
        elif isinstance(node, ast.If) and last_name(node.test) == "TYPE_CHECKING":
            special = {id(child): context._replace(optional=True) for child in node.body}
        elif type(node).__name__ in ("Try", "TryStar") and catches_import_error(node):
            special = {id(child): context._replace(optional=True) for child in node.body + node.handlers}
        elif isinstance(node, ast.With) and any(
                isinstance(item.context_expr, ast.Call) and last_name(item.context_expr.func) == "suppress"
                and any("ImportError" in last_name(a) or "ModuleNotFound" in last_name(a)
                        for a in item.context_expr.args) for item in node.items):
            special = {id(child): context._replace(optional=True) for child in node.body}
        children = list(ast.iter_child_nodes(node))
        for child in reversed(children):
            stack.append((child, special.get(id(child), inner)))


def dotted(node, aliases):
    """The absolute name of `np.load` and the like, "" when the base is no import and no builtin."""
    tail = []
    while isinstance(node, ast.Attribute) and len(tail) < 30:
        tail.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return ""
    base = aliases.get(node.id, node.id if hasattr(builtins, node.id) else "")
    return canonical(".".join([base] + tail[::-1])) if base else ""


def canonical(name):
    if name.startswith("builtins."):
        return name[len("builtins."):]
    return {"torch.serialization.load": "torch.load", "_io.open": "open"}.get(name, name)


def load_arguments(name):
    """(position, keyword) of the model in a call that loads one, else None."""
    if name in LOADS:
        return LOADS[name]
    if name.startswith(("keras.", "tensorflow.", "tf_keras.")) and name.endswith(".load_model"):
        return 0, "filepath"
    if name.endswith(".load_from_checkpoint"):
        return 0, "checkpoint_path"
    return None


class Reader:
    """Discovers the modules and gathers what needs no evaluation."""

    def __init__(self, sources, answer, bounds):
        self.sources, self.answer, self.bounds = sources, answer, bounds
        self.calls, self.loading, self.functions = {}, set(), {}
        self.model_names = set()

    def add(self, kind, entry):
        entries = self.answer[kind]
        if len(entries) >= MAX_ENTRIES:
            self.bounds.note("more than %d %s: the rest was left out" % (MAX_ENTRIES, kind))
        elif entry not in entries[-50:]:
            entries.append(entry)

    def discover(self, first):
        """Reads `first` and what they import, breadth first."""
        queue, at, unresolved = list(first), 0, []
        seen = set(id(module) for module in queue)
        imported = set()
        while at < len(queue):
            module = queue[at]
            at += 1
            self.sources.order.append(module)
            if module.tree is None:
                continue
            for node, context in walk(module.tree):
                for name, names in self.imported(module, node, context):
                    missing = self.resolve(module, name, names, imported, queue, seen)
                    if missing is not None:
                        unresolved.append((module, node, context, missing))
        for module, node, context, (name, inside) in unresolved:
            entry = {"name": name, "file": module.file, "line": node.lineno, "optional": context.optional,
                     "lazy": context.lazy}
            top = name.split(".")[0]
            if inside or ("." in name and top in imported):
                self.add("missing_imports", entry)
            elif top not in STDLIB:
                self.add("imports", entry)

    def imported(self, module, node, context):
        """(absolute module name, [names taken from it]) of an import; keeps the aliases that it makes."""
        if isinstance(node, ast.Import):
            for item in node.names:
                if item.asname:
                    module.aliases[item.asname] = item.name
                else:
                    module.aliases[item.name.split(".")[0]] = item.name.split(".")[0]
                yield item.name, []
        elif isinstance(node, ast.ImportFrom):
            name = module.relative(node.level, node.module) if node.level else node.module
            if name is None:
                yield "." * node.level + (node.module or ""), []
                return
            for item in node.names:
                if item.name != "*":
                    module.aliases[item.asname or item.name] = name + "." + item.name
            yield name, [item.name for item in node.names]
        elif isinstance(node, ast.Call) and node.args and isinstance(constant(node.args[0]), str):
            if dotted(node.func, module.aliases) in ("importlib.import_module", "__import__"):
                name = constant(node.args[0])
                level = len(name) - len(name.lstrip("."))
                name = module.relative(level, name[level:]) if level else name
                if name:
                    yield name[:300], []

    def resolve(self, module, name, names, imported, queue, seen):
        """None, or (name, whether the tree has its package) when the tree does not have it."""
        if name.startswith("."):
            return name, True
        found, parts = None, name.split(".")
        for count in range(1, min(len(parts), 31) + 1):
            found = self.sources.find(".".join(parts[:count]))
            if found is None:
                inside = count > 1 and self.sources.find(".".join(parts[:count - 1]))[0] != "namespace"
                return name, inside
            self.enqueue(".".join(parts[:count]), found, imported, queue, seen)
        if found[0] not in ("package", "namespace"):
            return None
        taken = 0
        for item in names:
            below = self.sources.find(name + "." + item) if item != "*" else None
            if below:
                taken += 1
                self.enqueue(name + "." + item, below, imported, queue, seen)
            elif found[0] == "namespace":
                return (name + "." + item if taken else name), taken > 0
            elif item != "*" and self.lacks(name, found[1], item):
                return name + "." + item, True
        # a folder without any module is no package: `import models` beside a folder of weights
        return (name, False) if found[0] == "namespace" and not names and name not in imported else None

    def lacks(self, name, path, item):
        """Whether a package's __init__ surely has no such name."""
        module = self.sources.get(name, path, True)
        if module is None or module.tree is None:
            return False
        if not hasattr(module, "bound"):
            module.bound = set()
            for node, _ in walk(module.tree):
                if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                    module.bound.add(node.name)
                elif isinstance(node, ast.Name):
                    module.bound.add(node.id)
                elif isinstance(node, ast.alias):
                    module.bound.add(node.asname or node.name.split(".")[0])
        dynamic = {"*", "__getattr__", "globals", "exec", "setattr", "vars", "eval", "__path__", "sys", "lazy"}
        return item not in module.bound and not dynamic & module.bound and not item.startswith("__")

    def enqueue(self, name, found, imported, queue, seen):
        kind, path = found
        if kind == "namespace":
            return
        imported.add(name.split(".")[0])
        if kind == "compiled":
            if path not in self.sources.by_path and len(self.sources.by_path) < MAX_MODULES:
                module = Module(name, path, self.sources.show(path), False)
                module.error = "compiled, not read"
                self.sources.by_path[path] = module
                queue.append(module)
            return
        module = self.sources.get(name, path, kind == "package")
        if module is not None and id(module) not in seen:
            seen.add(id(module))
            queue.append(module)

    def survey(self, module):
        """Facts of one module that need no evaluation."""
        body = {}
        for node, context in walk(module.tree):
            where = {"file": module.file, "line": getattr(node, "lineno", 0)}
            if isinstance(node, ast.Call):
                self.survey_call(module, node, context, where)
                called = last_name(node.func)
                name = dotted(node.func, module.aliases)
                if name and load_arguments(name):
                    self.loading.add(context.function.split(".")[-1])
                elif called and context.function and not self.foreign(name):
                    if not (isinstance(node.func, ast.Attribute) and called in VAGUE):
                        body.setdefault(context.function, set()).add(called)
            elif isinstance(node, ast.ClassDef):
                self.survey_class(module, node, context, where)
            elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                self.functions.setdefault(node.name, []).append((module, node))
                for item in node.decorator_list:
                    kind = dotted(item.func if isinstance(item, ast.Call) else item, module.aliases)
                    if kind in ("torch.no_grad", "torch.inference_mode") and not isinstance(item, ast.Call):
                        self.add("no_grad", dict(where, line=item.lineno, kind=kind))
            elif isinstance(node, ast.Global):
                module.rebound.update(node.names)
            elif isinstance(node, (ast.Assign, ast.AnnAssign)) and isinstance(node.value, ast.Call):
                framework = FRAMEWORKS.get(dotted(node.value.func, module.aliases))
                target = node.targets[0] if isinstance(node, ast.Assign) else node.target
                if framework:
                    self.add("apps", dict(where, name=module.text(target), framework=framework))
        for function, names in body.items():
            self.calls.setdefault(function.split(".")[-1], set()).update(names)
            if function.endswith(".__init__"):  # called by the name of the class
                self.calls.setdefault(function.split(".")[-2], set()).update(names)

    def foreign(self, name):
        return bool(name) and "." in name and self.sources.find(name.split(".")[0]) is None

    def survey_call(self, module, node, context, where):
        name = dotted(node.func, module.aliases)
        method = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        first = constant(node.args[0]) if node.args else None
        if method == "load_state_dict":
            strict = node.args[1] if len(node.args) > 1 else keyword(node, "strict")
            self.add("load_state_dict", dict(where, strict=module.text(strict) if strict else "",
                                             text=module.text(node)))
        elif ((method == "eval" and not node.args and not node.keywords)
              or (method in ("train", "requires_grad_") and node.args and first is False)):
            self.add("eval_calls", dict(where, text=module.text(node)))
        elif name in ("torch.no_grad", "torch.inference_mode"):
            self.add("no_grad", dict(where, kind=name))
        elif name in SERVERS or (method == "run" and self.is_app(module, node.func.value)):
            self.add("servers", dict(where, text=module.text(node), in_main_guard=context.guard))
        unpickler = keyword(node, "pickle_module")
        if unpickler is not None:
            self.add("unpicklers", dict(where, name=module.text(unpickler), overrides=[]))

    @staticmethod
    def is_app(module, node):
        return last_name(node) in ("app", "application") or dotted(node, module.aliases) == "bottle"

    def survey_class(self, module, node, context, where):
        bases = [module.text(base) for base in node.bases[:20]]
        self.add("classes", {"module": module.name, "name": functions_of(context, node.name), "line": node.lineno,
                             "bases": bases, "in_main_guard": context.guard})
        for base in node.bases:
            if re.search(r"(^|\.)_?Unpickler$", dotted(base, module.aliases)):
                methods = [item.name for item in node.body if isinstance(item, ast.FunctionDef)
                           and item.name in ("find_class", "persistent_load")]
                self.add("unpicklers", dict(where, name=node.name, overrides=methods))

    def spread_loading(self, factory):
        """Grows the set of functions that load to those that call them, by name."""
        self.loading.discard("")
        if factory:
            self.loading.add(factory)
        for _ in range(8):
            more = {name for name, called in self.calls.items()
                    if name not in self.loading and called & self.loading} - VAGUE
            if not more:
                break
            self.loading |= more
        self.loading -= {"__init__"}

    def collect_model_names(self, module):
        """Variables that hold what a load gave: module-level names and attributes."""
        for node, context in walk(module.tree):
            if isinstance(node, ast.Assign) and isinstance(node.value, (ast.Call, ast.Await)):
                call = node.value.value if isinstance(node.value, ast.Await) else node.value
                if not isinstance(call, ast.Call):
                    continue
                name = dotted(call.func, module.aliases)
                if last_name(call.func) in self.loading - VAGUE or (name and load_arguments(name)):
                    for target in node.targets:
                        if isinstance(target, ast.Attribute) or (isinstance(target, ast.Name) and (
                                not context.function or target.id in module.rebound)):
                            self.model_names.add(last_name(target))

    def touches_model(self, node, depth=0, seen=None):
        """Whether a function mentions the model, or calls by name one that does."""
        seen = set() if seen is None else seen
        if id(node) in seen or len(seen) > 300:
            return False
        seen.add(id(node))
        called = set()
        for part in [node.args] + node.body:
            for inner in ast.walk(part):
                name = last_name(inner)
                if name and (name in self.model_names or name in self.loading - VAGUE or MODEL_NAME.search(name)):
                    return True
                if name and depth < 5 and not (isinstance(inner, ast.Attribute) and name in VAGUE):
                    called.add(name)
        return any(self.touches_model(function, depth + 1, seen)
                   for name in sorted(called) for _, function in self.functions.get(name, [])[:5])


def keyword(node, name):
    return next((item.value for item in node.keywords if item.arg == name), None)


# --- values -------------------------------------------------------------------------------------------------


class Text:
    """A string or path. anchor tells what its head is; {} in value stands for what is not known.

    plain: a constant. file: value is an absolute path that starts at the package's root. cwd, home, temp,
    environment, argument, unknown: value starts with {}, which stands for that folder or value.
    """
    __slots__ = ("anchor", "value", "variable", "default")

    def __init__(self, anchor, value, variable="", default=None):
        self.anchor, self.value, self.variable, self.default = anchor, value[:MAX_VALUE], variable, default

    def sign(self):
        return self.anchor, self.value, self.variable, self.default.sign() if self.default else None


class Const:
    """None, a truth value or a number."""

    def __init__(self, value):
        self.value = value

    def sign(self):
        return "const", repr(self.value)[:60] if not isinstance(self.value, int) else hash(self.value)


class Known:
    """A value told apart by its number."""
    count = 0

    def __init__(self):
        Known.count += 1
        self.number = Known.count

    def sign(self):
        return type(self).__name__, self.number


class Ref:
    """Something outside of the package, by its absolute name."""

    def __init__(self, name):
        self.name = name

    def sign(self):
        return "ref", self.name


class Outside(Known):
    """What a call of a Ref gave."""

    def __init__(self, name, args, words):
        Known.__init__(self)
        self.name, self.args, self.words, self.attrs, self.prefix = name, args, words, {}, None


class Func(Known):
    def __init__(self, module, node, scope, owner=None):
        Known.__init__(self)
        self.module, self.node, self.scope, self.owner = module, node, scope, owner
        self.me, self.cached = None, False

    def bind(self, me):
        bound = Func(self.module, self.node, self.scope, self.owner)
        bound.number, bound.me, bound.cached = self.number, me, self.cached
        return bound


class Class(Known):
    def __init__(self, module, node, name, bases):
        Known.__init__(self)
        self.module, self.node, self.name, self.bases, self.attrs = module, node, name, bases, {}

    def find(self, name, depth=0):
        if name in self.attrs:
            return self.attrs[name]
        for base in self.bases if depth < 10 else ():
            found = base.find(name, depth + 1) if isinstance(base, Class) else None
            if found is not None:
                return found
        return None

    def outside(self, depth=0):
        """Names of the bases that the package does not have."""
        names = []
        for base in self.bases if depth < 10 else ():
            names += base.outside(depth + 1) if isinstance(base, Class) else [
                base.name] if isinstance(base, Ref) else []
        return names


class Instance(Known):
    def __init__(self, of):
        Known.__init__(self)
        self.of, self.attrs, self.made_with = of, {}, []


class Source(Known):
    """A module of the package."""

    def __init__(self, module):
        Known.__init__(self)
        self.module = module


class Late:
    """`from module import name`: looked up when used, since the module may not have run yet."""

    def __init__(self, module, name):
        self.module, self.name = module, name

    def sign(self):
        return "late", self.module.name, self.name


class Items(Known):
    """A list, tuple, set or generator; whole: every item is known, in order."""

    def __init__(self, items, whole=True):
        Known.__init__(self)
        self.items, self.whole = items[:200], whole and len(items) <= 200


class Table(Known):
    def __init__(self, items):
        Known.__init__(self)
        self.items = items


class Stream(Known):
    """An opened file or what was read from it; keys of the entries in paths."""

    def __init__(self, keys):
        Known.__init__(self)
        self.keys = keys


class Bound:
    """`value.name` that is no known attribute: a method, mostly."""

    def __init__(self, value, name):
        self.value, self.name = value, name

    def sign(self):
        return "bound", self.value.sign(), self.name


class Either:
    def __init__(self, items):
        self.items = items

    def sign(self):
        return ("either",) + tuple(item.sign() for item in self.items)


class Unknown:
    def sign(self):
        return ("unknown",)


UNKNOWN, NONE = Unknown(), Const(None)


def each(value):
    return value.items if isinstance(value, Either) else [value]


def either(values):
    """One value that may be any of `values`."""
    if len(values) == 1:
        return values[0]
    kept, seen = [], set()
    for value in values:
        for item in each(value):
            mark = item.sign()
            if mark not in seen:
                seen.add(mark)
                kept.append(item)
    if len(kept) > MAX_ALTERNATIVES:
        kept = kept[:MAX_ALTERNATIVES - 1] + [UNKNOWN]
    return kept[0] if len(kept) == 1 else Either(kept) if kept else UNKNOWN


def lift(function, *values):
    """function over every combination of alternatives, within reason."""
    rows = [[]]
    for value in values:
        rows = [row + [item] for row in rows for item in each(value)][:MAX_ALTERNATIVES]
    return either([function(*row) for row in rows])


def plain(value):
    return Text("plain", value)


def text_of(value):
    """A value as a text; what is no string is {} of an unknown."""
    if isinstance(value, Text):
        return value
    if isinstance(value, Const) and value.value is not None:
        if isinstance(value.value, int) and abs(value.value) > 10 ** 30:
            return Text("unknown", "{}")
        return plain(str(value.value))
    if isinstance(value, Bound):
        of_argument = isinstance(value.value, Text) and value.value.anchor == "argument"
        return Text("argument" if of_argument else "unknown", "{}")
    if isinstance(value, Either):
        return text_of(value.items[0])
    return Text("unknown", "{}")


def through(function, text):
    """Applies a change of the value to a text and to its default."""
    default = function(text.default) if text.default else None
    changed = function(Text(text.anchor, text.value))
    return Text(changed.anchor, changed.value, text.variable, default)


def paired(function, a, b):
    """The default of a combination: known as soon as one part has a default and the other needs none."""
    needs_a, needs_b = a.anchor in ("environment", "argument"), b.anchor in ("environment", "argument")
    if not (a.default or b.default) or (needs_a and not a.default) or (needs_b and not b.default):
        return None
    return function(a.default or a, b.default or b)


def slash(a, b):
    return b if not a else a + b if a.endswith("/") else a + "/" + b


def join_two(a, b):
    """os.path.join(a, b)"""
    if b.anchor == "plain":
        if b.value.startswith("/"):
            return b
        joined = Text(a.anchor, slash(a.value, b.value) if b.value else a.value, a.variable)
    elif b.anchor in ("file", "home", "temp", "cwd") or (a.anchor == "plain" and a.value in ("", ".")):
        return b
    else:
        joined = Text(a.anchor, slash(a.value, b.value), a.variable or b.variable)
    joined.default = paired(join_two, a, b)
    return joined


def join_all(values):
    parts = [lift(text_of, value) for value in values]
    result = parts[0] if parts else plain("")
    for part in parts[1:12]:
        result = lift(join_two, result, part)
    return result


def add_two(a, b):
    """a + b, as strings"""
    if a.anchor == "plain" and not a.value:
        return b
    tail = "{}" if b.anchor == "file" else b.value
    return Text(a.anchor, a.value + tail, a.variable or b.variable, paired(add_two, a, b))


def add_all(parts):
    result = plain("")
    for part in parts[:60]:
        result = lift(add_two, result, lift(text_of, part))
    return result


ONLY_UP = re.compile(r"\{\}(/\.\.)*/?$")


def parent(text):
    def up(one):
        if ONLY_UP.match(one.value):
            return Text(one.anchor, slash(one.value, ".."))
        return Text(one.anchor, posixpath.dirname(one.value))
    return through(up, text)


def absolute(text):
    def change(one):
        if one.anchor == "plain":
            if one.value.startswith("/"):
                return plain(posixpath.normpath(one.value))
            return Text("cwd", slash("{}", one.value) if one.value not in ("", ".") else "{}")
        return Text("file", posixpath.normpath(one.value)) if one.anchor == "file" else one
    return through(change, text)


def expand_user(text):
    def change(one):
        if one.anchor == "plain" and (one.value == "~" or one.value.startswith("~/")):
            return Text("home", "{}" + one.value[1:])
        return one
    return through(change, text)


def file_name(text, suffix=True):
    if text.value.endswith("}") and "/" not in text.value:
        return Text("unknown" if text.anchor == "plain" else text.anchor, "{}", text.variable)
    name = posixpath.basename(text.value.rstrip("/"))
    return plain(name if suffix else posixpath.splitext(name)[0])


def renamed(text, name):
    return join_two(parent(text), name)


def with_suffix(text, suffix):
    return through(lambda one: Text(one.anchor, posixpath.splitext(one.value)[0] + suffix.value), text)


def formatted(template, args, words):
    """template.format(*args, **words)"""
    try:
        pieces = list(string.Formatter().parse(template.value))[:60]
    except ValueError:
        return Text("unknown", "{}")
    parts, auto = [], 0
    for literal, field, _, _ in pieces:
        parts.append(plain(literal))
        if field is None:
            continue
        if field == "":
            field, auto = str(auto), auto + 1
        if field.isdigit() and len(field) < 4:
            parts.append(args[int(field)] if int(field) < len(args) else UNKNOWN)
        else:
            parts.append(words.get(field, UNKNOWN))
    return add_all(parts)


PERCENT = re.compile(r"%(?:\((\w+)\))?[-#0 +]*\d*(?:\.\d+)?([a-zA-Z%])")


def percent(template, value):
    """template % value"""
    args = value.items if isinstance(value, Items) else [value]
    parts, at, used = [], 0, 0
    for match in PERCENT.finditer(template.value):
        parts.append(plain(template.value[at:match.start()]))
        at = match.end()
        if match.group(2) == "%":
            parts.append(plain("%"))
        elif match.group(1):
            parts.append(value.items.get(match.group(1), UNKNOWN) if isinstance(value, Table) else UNKNOWN)
        else:
            parts.append(args[used] if used < len(args) else UNKNOWN)
            used += 1
    return add_all(parts + [plain(template.value[at:])])


# --- interpretation -----------------------------------------------------------------------------------------


class Scope:
    def __init__(self, names, above):
        self.names, self.above = names, above


class Frame:
    """One run of a function or module body."""

    def __init__(self, module, scope, name, run, at_import=False, depth=0, owner=None):
        self.module, self.scope, self.name, self.run = module, scope, name, run
        self.at_import, self.depth, self.owner = at_import, depth, owner
        self.main_guard, self.loops, self.reached, self.returns = False, 0, 0, []
        self.guards, self.global_names, self.level = [], set(), 0


class Interpreter:
    def __init__(self, reader, request):
        self.reader, self.sources, self.bounds = reader, reader.sources, reader.bounds
        self.root = request["root"]
        self.modules = {}
        for module in self.sources.order:
            self.modules[module.path] = Source(module)
        self.paths, self.loads, self.once = OrderedDict(), OrderedDict(), set()
        self.memo, self.instances, self.arguments = {}, {}, {}
        self.pending, self.queued, self.late_modules, self.methods = [], set(), [], {}
        self.startup, self.main_events, self.load_events = [], [], []
        self.route_list, self.cached_names = [], set()
        self.clock = self.steps = self.importing = self.runs = 0
        self.limit = MAX_STEPS
        self.factory, self.factory_node = None, None
        self.new_roots = []

    # reports

    def report(self, kind, entry):
        key = (kind, json.dumps(entry, sort_keys=True, default=str))
        if key not in self.once:
            self.once.add(key)
            self.reader.add(kind, entry)

    def finish(self, text):
        """(anchor, value) as the answer shows them."""
        anchor, value = text.anchor, text.value
        if anchor == "file":
            return anchor, os.path.relpath(posixpath.normpath(value or "/"), self.root)
        if anchor == "plain":
            if re.match(r"[a-z][a-z0-9+]+://", value):
                return "unknown", value
            if value.startswith(("/", "\\\\")) or re.match(r"[A-Za-z]:[\\/]", value):
                return "absolute", value
            return "cwd", value[2:] if value.startswith("./") else value
        if anchor in ("cwd", "home", "temp"):
            return anchor, "." if value == "{}" else value[3:] if value.startswith("{}/") else value
        return anchor, value

    def record_path(self, frame, node, call, value, argument, writes):
        """Keeps one entry for each thing that the path may be; returns their keys."""
        keys = []
        for item in each(value):
            if isinstance(item, (Stream, Const)):
                if isinstance(item, Stream):
                    keys += item.keys
                continue
            text = text_of(item)
            anchor, shown = self.finish(text)
            default_anchor, default = self.finish(text.default) if text.default else ("", "")
            key = (frame.module.file, node.lineno, node.col_offset, call, anchor, shown, default)
            entry = self.paths.get(key)
            if entry is None and len(self.paths) < 4 * MAX_ENTRIES:
                entry = self.paths[key] = {
                    "file": frame.module.file, "line": node.lineno, "call": call,
                    "text": frame.module.text(argument), "value": shown, "anchor": anchor,
                    "variable": text.variable, "default": default, "default_anchor": default_anchor,
                    "writes": writes, "at_import": False, "function": frame.name}
            if entry is not None:
                entry["at_import"] |= frame.at_import
                keys.append(key)
        return keys

    def record_load(self, frame, node, call, keys):
        """One entry for each path that it may be."""
        self.clock += 1
        self.load_events.append((frame.run, self.clock))
        words = {name: frame.module.text(keyword(node, name)) if keyword(node, name) is not None else ""
                 for name in ("map_location", "weights_only", "mmap")}
        if call == "torch.load" and not words["map_location"] and len(node.args) > 1:
            words["map_location"] = frame.module.text(node.args[1])
        for key in keys or [None]:
            mark = (frame.module.file, node.lineno, node.col_offset, call, key)
            entry = self.loads.setdefault(mark, dict(
                {"file": frame.module.file, "line": node.lineno, "call": call, "path": key}, **dict(
                    words, at_import=False, function=frame.name,
                    guarded=", ".join(name for names in frame.guards for name in names))))
            entry["at_import"] |= frame.at_import
        self.reach(frame, node.lineno, call)

    def reach(self, frame, line, name):
        """A model is loaded from `frame`, there or in what it called."""
        frame.reached += 1
        if frame.run[0] in ("import", "guard") and frame.depth == 0 and not frame.name:
            self.report("startup", {"file": frame.module.file, "line": line, "function": name,
                                    "kind": "main_guard" if frame.main_guard else "import"})

    # names

    def module_value(self, name):
        """A module by its absolute name: of the package, or a Ref."""
        found = self.sources.find(name)
        if found is None or found[0] in ("namespace", "compiled"):
            return Ref(name)
        return self.modules.get(found[1]) or Ref(name)

    def member(self, source, name):
        """A name of a module of the package."""
        module = source.module
        if name in module.env:
            return self.settle(module.env[name])
        return self.module_value(module.name + "." + name) if module.package else UNKNOWN

    def settle(self, value, depth=0):
        if isinstance(value, Either):
            return either([self.settle(item, depth) for item in value.items])
        if not isinstance(value, Late):
            return value
        if depth > 30 or value.name not in value.module.env:
            below = self.module_value(value.module.name + "." + value.name)
            return below if isinstance(below, Source) else UNKNOWN
        return self.settle(value.module.env[value.name], depth + 1)

    def lookup(self, name, frame):
        scope = frame.scope
        if name in frame.global_names:
            scope = None
        while scope is not None:
            if name in scope.names:
                value = self.settle(scope.names[name])
                if scope.names is frame.module.env and name in frame.module.rebound:
                    return either([value, UNKNOWN])
                return value
            scope = scope.above
        module = frame.module
        if name in module.env:
            value = self.settle(module.env[name])
            return either([value, UNKNOWN]) if name in module.rebound else value
        if name == "__file__":
            return Text("file", os.path.abspath(os.path.join(self.root, module.file)))
        if name == "__name__":
            return plain(module.name)
        if name == "__package__":
            return plain(module.name if module.package else module.name.rpartition(".")[0])
        return Ref(name) if hasattr(builtins, name) else UNKNOWN

    def bind(self, target, value, frame, node):
        if isinstance(target, ast.Name):
            if target.id in frame.global_names:
                before = frame.module.env.get(target.id)
                frame.module.env[target.id] = value if before is None else either([before, value])
            else:
                frame.scope.names[target.id] = value
        elif isinstance(target, (ast.Tuple, ast.List)):
            items = value.items if isinstance(value, Items) and value.whole else []
            fits = len(items) == len(target.elts)
            for index, part in enumerate(target.elts[:200]):
                self.bind(part, items[index] if fits else UNKNOWN, frame, node)
        elif isinstance(target, ast.Starred):
            self.bind(target.value, UNKNOWN, frame, node)
        elif isinstance(target, ast.Attribute):
            for base in each(self.eval(target.value, frame)):
                self.set_attribute(base, target.attr, value, frame, node)
        elif isinstance(target, ast.Subscript):
            base, key = self.eval(target.value, frame), self.eval(inside(target), frame)
            if isinstance(key, Text) and key.anchor == "plain":
                if isinstance(base, Table) and len(base.items) < 500:
                    base.items[key.value] = value
                elif isinstance(base, Ref) and base.name == "__main__.__dict__":
                    self.main_class(key.value, frame, node)
                elif isinstance(base, Ref) and base.name == "sys.modules" and key.value == "__main__":
                    self.main_class("*", frame, node)

    def set_attribute(self, base, name, value, frame, node):
        if isinstance(base, Ref) and base.name == "__main__":
            self.main_class(name, frame, node)
        elif isinstance(base, Source):
            base.module.env[name] = value
        elif isinstance(base, (Instance, Class, Outside)) and len(base.attrs) < 1000:
            before = base.attrs.get(name)
            first = before is None or frame.name.endswith("__init__")
            base.attrs[name] = value if first else either([before, value])

    def main_class(self, name, frame, node):
        self.clock += 1
        entry = {"file": frame.module.file, "line": node.lineno, "name": name, "how": frame.module.text(node),
                 "function": frame.name, "before_load": None}
        self.main_events.append((frame.run, self.clock, entry))

    def stopped(self, frame):
        if frame.level > MAX_DEPTH:
            self.bounds.note("an expression or block nested too deeply was not followed")
        elif self.steps > self.limit:
            self.bounds.note("the interpretation stopped after %d steps" % MAX_STEPS if self.steps > MAX_STEPS else
                             "a call was followed for %d steps only" % MAX_CALL_STEPS)
        else:
            return False
        return True

    # expressions

    def eval(self, node, frame):
        self.steps += 1
        if node is None or self.stopped(frame):
            return UNKNOWN
        method = getattr(self, "eval_" + type(node).__name__, None)
        frame.level += 1
        try:
            if method:
                return method(node, frame)
            for child in ast.iter_child_nodes(node):
                if isinstance(child, ast.expr):
                    self.eval(child, frame)
            return UNKNOWN
        finally:
            frame.level -= 1

    def eval_Constant(self, node, frame):
        if isinstance(node.value, str):
            return plain(node.value)
        return Const(node.value) if node.value is None or isinstance(node.value, (bool, int, float)) else UNKNOWN

    def eval_Name(self, node, frame):
        return self.lookup(node.id, frame)

    def eval_Await(self, node, frame):
        return self.eval(node.value, frame)

    def eval_Starred(self, node, frame):
        return self.eval(node.value, frame)

    def eval_NamedExpr(self, node, frame):
        value = self.eval(node.value, frame)
        self.bind(node.target, value, frame, node)
        return value

    def eval_List(self, node, frame):
        items, whole = [], True
        for item in node.elts:
            value = self.eval(item, frame)
            if isinstance(item, ast.Starred):
                whole = whole and isinstance(value, Items) and value.whole
                items += value.items if isinstance(value, Items) else []
            else:
                items.append(value)
        return Items(items, whole)

    eval_Tuple = eval_Set = eval_List

    def eval_Dict(self, node, frame):
        table = Table({})
        for key, item in zip(node.keys, node.values):
            name, value = self.eval(key, frame) if key else UNKNOWN, self.eval(item, frame)
            if isinstance(name, Text) and name.anchor == "plain" and len(table.items) < 500:
                table.items[name.value] = value
        return table

    def eval_ListComp(self, node, frame):
        for generator in node.generators:
            self.bind(generator.target, self.element(self.eval(generator.iter, frame)), frame, node)
            for test in generator.ifs:
                self.eval(test, frame)
        if isinstance(node, ast.DictComp):
            self.eval(node.key, frame)
            self.eval(node.value, frame)
            return UNKNOWN
        return Items([self.eval(node.elt, frame)], False)

    eval_SetComp = eval_GeneratorExp = eval_DictComp = eval_ListComp

    def eval_Lambda(self, node, frame):
        return Func(frame.module, node, frame.scope, frame.owner)

    def eval_IfExp(self, node, frame):
        truth, yes, no = self.test(node.test, frame)
        values = []
        for wanted, narrowed, branch in ((True, yes, node.body), (False, no, node.orelse)):
            if truth in (None, wanted):
                before = dict(frame.scope.names) if narrowed else None
                frame.scope.names.update(narrowed)
                values.append(self.eval(branch, frame))
                if before is not None:
                    restore(frame.scope.names, before)
        return either(values)

    def eval_BoolOp(self, node, frame):
        values = [self.eval(item, frame) for item in node.values]
        if not isinstance(node.op, ast.Or):
            return values[-1]
        kept = []
        for index, value in enumerate(values):
            after = values[index + 1] if index + 1 < len(values) else None
            if after is not None and isinstance(value, Text) and value.anchor == "environment":
                default = value.default or next(iter(each(lift(text_of, after))))
                kept.append(Text("environment", value.value, value.variable, default))
                break
            kept += [item for item in each(value) if not (after is not None and known_truth(item) is False)]
            if known_truth(value) is True:
                break
        return either(kept)

    def eval_BinOp(self, node, frame):
        if isinstance(node.op, ast.Add):
            chain = [node.right]
            while isinstance(node.left, ast.BinOp) and isinstance(node.left.op, ast.Add) and len(chain) < 5000:
                node = node.left
                chain.append(node.right)
            values = [self.eval(item, frame) for item in [node.left] + chain[::-1]]
            if all(isinstance(value, Items) for value in values):
                return Items([item for value in values for item in value.items], all(v.whole for v in values))
            if any(isinstance(item, Text) for value in values for item in each(value)):
                return add_all(values)
            return UNKNOWN
        left, right = self.eval(node.left, frame), self.eval(node.right, frame)
        if isinstance(node.op, ast.Div):
            if any(isinstance(item, Text) for value in (left, right) for item in each(value)):
                return join_all([left, right])
        elif isinstance(node.op, ast.Mod) and isinstance(left, Text):
            return lift(lambda value: percent(left, value), right)
        return UNKNOWN

    def eval_JoinedStr(self, node, frame):
        parts = []
        for part in node.values[:200]:
            if isinstance(part, ast.FormattedValue):
                self.eval(part.format_spec, frame)
                parts.append(self.eval(part.value, frame))
            else:
                parts.append(self.eval(part, frame))
        return add_all(parts)

    def eval_Attribute(self, node, frame):
        chain = []
        while isinstance(node, ast.Attribute) and len(chain) < 1000:
            chain.append(node.attr)
            node = node.value
        value = self.eval(node, frame)
        for name in reversed(chain):
            value = lift(lambda one: self.attribute(one, name, frame), value)
        return value

    def attribute(self, value, name, frame):
        if isinstance(value, Source):
            return self.member(value, name)
        if isinstance(value, Ref):
            if name in ("sep", "altsep") and value.name in ("os", "os.path", "posixpath"):
                return plain("/")
            if name in ("curdir", "pardir"):
                return plain("." if name == "curdir" else "..")
            below = self.module_value(value.name + "." + name)
            return below if isinstance(below, Source) else Ref(canonical(value.name + "." + name))
        if isinstance(value, Text):
            if name == "parent":
                return parent(value)
            if name in ("name", "stem"):
                return file_name(value, name == "name")
            if name == "suffix":
                return plain(posixpath.splitext(value.value)[1])
        elif isinstance(value, (Class, Func)) and name in ("__name__", "__qualname__"):
            return plain(getattr(value.node, "name", ""))
        elif isinstance(value, Instance):
            if name in value.attrs:
                return value.attrs[name]
            found = value.of.find(name)
            if isinstance(found, Func):
                kinds = [last_name(item) for item in getattr(found.node, "decorator_list", [])]
                if "property" in kinds or "cached_property" in kinds:
                    return self.call_function(found.bind(value), [], {}, found.node, frame)
                if "staticmethod" in kinds:
                    return found
                return found.bind(value.of if "classmethod" in kinds else value)
            if found is not None:
                return found
        elif isinstance(value, Class):
            found = value.find(name)
            if isinstance(found, Func) and "classmethod" in [last_name(i) for i in found.node.decorator_list]:
                return found.bind(value)
            if found is not None:
                return found
        elif isinstance(value, Outside):
            if name in value.attrs:
                return value.attrs[name]
            if value.name == "argparse.Namespace":
                default = self.arguments.get(name)
                return Text("argument", "{}", "", text_of(default) if default is not None else None)
            if value.name.startswith("tempfile.") and name == "name":
                return Text("temp", "{}")
        # of a longer chain only what it hangs on matters: `app.state.x` is something of app
        return Bound(value.value if isinstance(value, Bound) else value, name)

    def eval_Subscript(self, node, frame):
        value, key = self.eval(node.value, frame), self.eval(inside(node), frame)
        return lift(lambda one: self.item(one, key, node, frame), value)

    def item(self, value, key, node, frame):
        index = key.value if isinstance(key, Const) and isinstance(key.value, int) else None
        if isinstance(value, Ref):
            if value.name == "os.environ":
                return self.environment(key, None, True, node, frame)
            if value.name == "sys.argv":
                return Text("argument", "{}")
            if value.name == "sys.modules" and isinstance(key, Text):
                return Ref("__main__") if key.value == "__main__" else self.module_value(key.value)
            return Ref(value.name)  # a generic type
        if isinstance(value, Bound) and value.name == "parents" and isinstance(value.value, Text):
            text = value.value
            for _ in range((index if index is not None and 0 <= index < 60 else 0) + 1):
                text = parent(text)
            return text
        if isinstance(value, Items):
            if index is not None and value.whole and -len(value.items) <= index < len(value.items):
                return value.items[index]
            return self.element(value)
        if isinstance(value, Table):
            if isinstance(key, Text) and key.anchor == "plain":
                return value.items.get(key.value, UNKNOWN)
            return either(list(value.items.values())[:MAX_ALTERNATIVES] or [UNKNOWN])
        if isinstance(value, Text) and value.anchor == "argument":
            return Text("argument", "{}")
        return UNKNOWN

    @staticmethod
    def element(value):
        """What a loop over a value gives."""
        if isinstance(value, Items):
            return either(value.items[:MAX_ALTERNATIVES]) if value.items else UNKNOWN
        if isinstance(value, Table):
            return either([plain(key) for key in list(value.items)[:MAX_ALTERNATIVES]] or [UNKNOWN])
        return UNKNOWN

    def environment(self, name, default, required, node, frame):
        if not isinstance(name, Text) or name.anchor != "plain":
            return Text("environment", "{}", "", None)
        text = None
        if default is not None and not (isinstance(default, Const) and default.value is None):
            text = next(iter(each(lift(text_of, default))))
        self.report("environment", {"file": frame.module.file, "line": node.lineno, "name": name.value,
                                    "default": self.finish(text)[1] if text else "", "required": required})
        return Text("environment", "{}", name.value, text)

    # tests

    def test(self, node, frame):
        """(truth or None, names narrowed when true, names narrowed when false)"""
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            truth, yes, no = self.test(node.operand, frame)
            return (None if truth is None else not truth), no, yes
        value = self.eval(node, frame)
        if isinstance(node, ast.Constant):
            return bool(node.value), {}, {}
        name, split = None, None
        if isinstance(node, ast.Name):
            name, split = node.id, known_truth
        elif (isinstance(node, ast.Compare) and len(node.ops) == 1 and isinstance(node.left, ast.Name)
              and isinstance(node.ops[0], (ast.Is, ast.IsNot, ast.Eq, ast.NotEq))
              and isinstance(node.comparators[0], ast.Constant) and node.comparators[0].value is None):
            wanted = isinstance(node.ops[0], (ast.Is, ast.Eq))
            name = node.left.id
            value = self.lookup(name, frame)

            def split(item):
                if isinstance(item, (Unknown, Bound)):
                    return None
                if isinstance(item, Text) and item.anchor in ("argument", "environment"):
                    return None
                return (isinstance(item, Const) and item.value is None) == wanted
        if name is None:
            return None, {}, {}
        yes = [item for item in each(value) if split(item) is not False]
        no = [item for item in each(value) if split(item) is not True]
        if isinstance(node, ast.Compare):
            # an environment variable or argument without a value is None: that branch replaces it
            unset = [item for item in each(value) if isinstance(item, Text) and item.anchor == "environment"]
            if unset:
                return None, {}, {}
        local = name in frame.scope.names and frame.scope.names is not frame.module.env
        settled = frame.loops == 0 and (local or name not in frame.module.rebound)
        if settled and (not yes or not no):
            return bool(yes), {}, {}
        if not local:
            return None, {}, {}
        return None, {name: either(yes)} if yes else {}, {name: either(no)} if no else {}

    # calls

    def eval_Call(self, node, frame):
        function = self.eval(node.func, frame)
        args, words = [], {}
        for item in node.args:
            value = self.eval(item, frame)
            if isinstance(item, ast.Starred):
                args += value.items if isinstance(value, Items) and value.whole else []
            else:
                args.append(value)
        for item in node.keywords:
            value = self.eval(item.value, frame)
            if item.arg:
                words[item.arg] = value
            elif isinstance(value, Table):
                words.update(value.items)
        results = [self.call(one, args, words, node, frame) for one in each(function)[:MAX_ALTERNATIVES]]
        return either(results)

    def call(self, function, args, words, node, frame):
        if isinstance(function, Func):
            return self.call_function(function, args, words, node, frame)
        if isinstance(function, Class):
            return self.instantiate(function, args, words, node, frame)
        if isinstance(function, Ref):
            return self.call_outside(function.name, args, words, node, frame)
        if isinstance(function, Bound):
            return self.call_method(function.value, function.name, args, words, node, frame)
        if isinstance(function, Instance):
            method = function.of.find("__call__")
            if isinstance(method, Func):
                return self.call_function(method.bind(function), args, words, node, frame)
        name = last_name(node.func)
        if name and name in self.reader.loading and name not in VAGUE:
            self.reach(frame, node.lineno, name)
        return UNKNOWN

    def parameters(self, function, args, words, standalone=False):
        """name -> value of a function's parameters; what nobody gave is an argument."""
        spec, given = function.node.args, list(args)
        names = [item.arg for item in getattr(spec, "posonlyargs", []) + spec.args]
        kinds = [last_name(item) for item in getattr(function.node, "decorator_list", [])]
        if function.me is not None and names and "staticmethod" not in kinds:
            given.insert(0, function.me)
        defaults = dict(zip(names[len(names) - len(spec.defaults):], spec.defaults))
        defaults.update((item.arg, value) for item, value in zip(spec.kwonlyargs, spec.kw_defaults) if value)
        home = Frame(function.module, function.scope or Scope(function.module.env, None), "", ("rest", 0), False,
                     MAX_CALLS)
        bound = {}
        for index, name in enumerate(names + [item.arg for item in spec.kwonlyargs]):
            if index < min(len(given), len(names)):
                bound[name] = given[index]
            elif name in words:
                bound[name] = words[name]
            elif name in defaults:
                value = self.eval(defaults[name], home)
                bound[name] = either([value, Text("argument", "{}")]) if standalone else value
            else:
                bound[name] = Text("argument", "{}")
        if spec.vararg:
            bound[spec.vararg.arg] = Items(given[len(names):], not standalone)
        if spec.kwarg:
            bound[spec.kwarg.arg] = Table({key: value for key, value in words.items() if key not in bound})
        return bound

    def call_function(self, function, args, words, node, frame, standalone=False):
        line = getattr(node, "lineno", 0)
        name = getattr(function.node, "name", "lambda")
        if frame.depth >= MAX_CALLS or self.steps > self.limit:
            if name in self.reader.loading:
                self.reach(frame, line, name)
            return UNKNOWN
        bound = self.parameters(function, args, words, standalone)
        marks = tuple((key, value.sign()) for key, value in sorted(bound.items()))
        key = (function.number, frame.at_import, function.me.sign() if function.me else None, marks)
        hit = self.memo.get(key)
        if hit is None:
            self.memo[key] = (UNKNOWN, 0)  # a recursive call learns nothing
            label = function.owner + "." + name if function.owner else name if name != "lambda" else frame.name
            inner = Frame(function.module, Scope(bound, function.scope), label, frame.run, frame.at_import,
                          frame.depth + 1)
            limit = self.limit
            if frame.depth == 0:
                self.limit = min(limit, self.steps + MAX_CALL_STEPS)
            if isinstance(function.node, ast.Lambda):
                inner.returns.append(self.eval(function.node.body, inner))
            else:
                self.block(function.node.body, inner)
            self.limit = limit
            hit = self.memo[key] = (either(inner.returns) if inner.returns else NONE, inner.reached)
        if hit[1] or function.node is self.factory_node:
            self.reach(frame, line, name)
        return hit[0]

    def instantiate(self, cls, args, words, node, frame):
        key = (cls.number, frame.at_import, tuple(a.sign() for a in args),
               tuple((k, v.sign()) for k, v in sorted(words.items())))
        made = self.instances.get(key)
        if made is None:
            if len(self.instances) > 20000:
                return UNKNOWN
            made = self.instances[key] = Instance(cls)
            made.made_with = args
            if not isinstance(cls.find("__init__"), Func):
                fields = [item.target.id for item in cls.node.body
                          if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name)]
                made.attrs.update(zip(fields, args))
                made.attrs.update(words)
                method = cls.find("__post_init__")
                if isinstance(method, Func):
                    self.call_function(method.bind(made), [], {}, node, frame)
        for name in ("__new__", "__init__"):
            method = cls.find(name)
            if isinstance(method, Func):
                self.call_function(method.bind(cls if name == "__new__" else made), args, words, node, frame)
        if self.factory_node is cls.node:
            self.reach(frame, node.lineno, cls.name)
        return made

    def argument(self, spec, args, words, node):
        """(value, source node) of a parameter given as (position, keyword), or (None, None)."""
        position, name = spec
        if name in words:
            return words[name], keyword(node, name) or node
        if position is not None and position < len(args):
            plain_args = position < len(node.args) and not any(
                isinstance(item, ast.Starred) for item in node.args[:position + 1])
            return args[position], node.args[position] if plain_args else node
        return None, None

    def call_outside(self, name, args, words, node, frame):
        name = canonical(name)
        load, keys = load_arguments(name), None
        for table, writes in ((READS, False), (WRITES, True)):
            if name in table and not (load and name in LOADS):
                value, source = self.argument(table[name], args, words, node)
                if value is None:
                    continue
                if name in ("open", "io.open", "codecs.open", "aiofiles.open", "gzip.open", "numpy.memmap"):
                    mode = args[1] if len(args) > 1 else words.get("mode")
                    writes = isinstance(mode, Text) and bool(set("wax+") & set(mode.value))
                keys = self.record_path(frame, node, name, value, source, writes)
        if load:
            value, source = self.argument(load, args, words, node)
            if value is not None and name not in STREAMS:
                keys = self.record_path(frame, node, name, value, source, False)
            elif value is not None:
                keys = streams([value])
            if value is not None or name in LOADS and LOADS[name][0] == 0:
                self.record_load(frame, node, name, keys)
            return Outside(name, args, words)
        if keys is not None:
            if name in ("glob.glob", "glob.iglob"):
                return Items([lift(starless, lift(text_of, args[0] if args else words["pathname"]))], False)
            return Stream(keys)
        return self.known_call(name, args, words, node, frame)

    def known_call(self, name, args, words, node, frame):
        first = args[0] if args else UNKNOWN
        head = name.split(".")[0]
        if name in ("os.getenv", "os.environ.get", "os.environ.setdefault", "os.environ.pop", "decouple.config"):
            default = args[1] if len(args) > 1 else words.get("default")
            return self.environment(args[0] if args else words.get("key", UNKNOWN), default,
                                    name == "decouple.config" and default is None, node, frame)
        if name in ("os.path.join", "posixpath.join") or re.match(r"pathlib\.(Pure)?(Posix|Windows)?Path$", name):
            return join_all(args)
        if name in ("os.path.dirname", "posixpath.dirname"):
            return lift(parent, lift(text_of, first))
        if name in ("os.path.abspath", "os.path.realpath"):
            return lift(absolute, lift(text_of, first))
        if name in ("os.path.expanduser",):
            return lift(expand_user, lift(text_of, first))
        if name in ("os.path.basename",):
            return lift(file_name, lift(text_of, first))
        if name in ("os.path.split", "os.path.splitext"):
            text = next(iter(each(lift(text_of, first))))
            if name.endswith("split"):
                return Items([parent(text), file_name(text)])
            return Items([with_suffix(text, plain("")), UNKNOWN])
        if name in ("os.path.normpath", "os.fspath", "os.fsdecode", "str", "os.path.expandvars", "typing.cast",
                    "importlib.resources.as_file", "os.path.normcase", "contextlib.closing"):
            value = args[-1] if args else UNKNOWN
            return value if name != "str" else lift(text_of, value)
        if name in ("os.getcwd", "pathlib.Path.cwd", "os.getcwdb"):
            return Text("cwd", "{}")
        if name == "pathlib.Path.home":
            return Text("home", "{}")
        if head == "tempfile":
            if name.endswith(("gettempdir", "mkdtemp", "mktemp")):
                return Text("temp", "{}")
            return Outside(name, args, words)
        if name in ("importlib.resources.files", "importlib_resources.files", "importlib.resources.path",
                    "pkg_resources.resource_filename", "importlib.resources.open_binary",
                    "importlib.resources.read_binary", "importlib.resources.open_text"):
            return self.resource(name, args, node, frame)
        if name in ("functools.lru_cache", "functools.cache", "functools.partial", "functools.wraps"):
            if isinstance(first, Func):
                copy = first.bind(first.me)
                copy.cached = first.cached or "cache" in name
                return copy
            return Ref("functools.cache" if "cache" in name else name)
        if name in ("io.BytesIO", "io.BufferedReader", "list", "tuple", "sorted", "iter", "reversed", "set",
                    "bytes", "memoryview"):
            return first
        if name in ("next", "max", "min"):
            value = self.element(first)
            return either([value, args[1]]) if name == "next" and len(args) > 1 else value
        if name in ("getattr",) and len(args) > 1 and isinstance(args[1], Text) and args[1].anchor == "plain":
            return lift(lambda one: self.attribute(one, args[1].value, frame), first)
        if name == "setattr" and len(args) > 2:
            for key in each(args[1]):
                for base in each(first):
                    if isinstance(key, Text):
                        self.set_attribute(base, key.value, args[2], frame, node)
            return NONE
        if name == "vars" and isinstance(first, Ref):
            return Ref(first.name + ".__dict__")
        if name == "__main__.__dict__.update":
            for key in list(words) + (list(first.items) if isinstance(first, Table) else []):
                self.main_class(key, frame, node)
        elif name == "os.chdir":
            for item in each(first):
                anchor, value = self.finish(text_of(item))
                self.report("chdir", {"file": frame.module.file, "line": node.lineno,
                                      "text": frame.module.text(node), "anchor": anchor, "value": value,
                                      "at_import": frame.at_import})
        elif name in ("sys.path.insert", "sys.path.append"):
            for item in each(args[-1] if args else UNKNOWN):
                anchor, value = self.finish(text_of(item))
                if anchor == "file" and "{}" not in value and frame.at_import:
                    self.new_roots.append(os.path.normpath(os.path.join(self.root, value)))
        elif name in ("importlib.import_module", "__import__") and isinstance(first, Text):
            made = self.module_value(first.value) if first.anchor == "plain" else UNKNOWN
            self.run_module(made, frame)
            return made
        elif name.startswith("torch.serialization.") and name.endswith("safe_globals"):
            self.safe_globals(first, node, frame)
        elif name in ("starlette.routing.Route", "starlette.routing.WebSocketRoute", "aiohttp.web.get",
                      "aiohttp.web.post") and len(args) > 1:
            methods = words.get("methods")
            self.route(None, args[0], args[1], methods if methods else name.split(".")[-1], node, frame)
        for word in ("lifespan", "on_startup"):
            value = words.get(word)
            for item in value.items if isinstance(value, Items) else [value]:
                if isinstance(item, Func):
                    self.startup.append(("lifespan" if word == "lifespan" else "on_event", item))
        if isinstance(first, Func) and name == "asyncio.run":
            return UNKNOWN
        return Outside(name, args, words)

    def resource(self, name, args, node, frame):
        first = args[0] if args else UNKNOWN
        module = first.module if isinstance(first, Source) else None
        if isinstance(first, Text) and first.anchor == "plain":
            found = self.sources.find(first.value)
            if found and found[0] == "namespace":
                base = Text("file", os.path.abspath(found[1][0]))
                return join_all([base] + args[1:])
            source = self.module_value(first.value)
            module = source.module if isinstance(source, Source) else None
        base = Text("unknown", "{}")
        if module is not None:
            base = Text("file", os.path.dirname(os.path.abspath(os.path.join(self.root, module.file))))
        value = join_all([base] + args[1:])
        if name.endswith(("open_binary", "read_binary", "open_text")):
            return Stream(self.record_path(frame, node, name, value, node, False))
        return value

    def safe_globals(self, value, node, frame):
        names = []
        for item in value.items if isinstance(value, Items) else each(value):
            if isinstance(item, Items) and len(item.items) == 2 and isinstance(item.items[1], Text):
                names.append(item.items[1].value)
            elif isinstance(item, Ref):
                names.append(item.name)
            elif isinstance(item, (Class, Func)):
                names.append(item.module.name + "." + getattr(item.node, "name", "lambda"))
            else:
                names.append("{}")
        self.report("safe_globals", {"file": frame.module.file, "line": node.lineno, "names": names})

    def call_method(self, value, name, args, words, node, frame):
        first = args[0] if args else UNKNOWN
        if isinstance(value, Text):
            return self.call_text(value, name, args, words, node, frame)
        if isinstance(value, Stream):
            return value if name in ("read", "getvalue", "readlines", "buffer", "__enter__", "seek") else UNKNOWN
        if isinstance(value, Table) and name in ("get", "pop", "setdefault"):
            found = self.item(value, first, node, frame)
            return either([found, args[1]]) if len(args) > 1 else found
        if isinstance(value, Table) and name in ("items", "values", "keys"):
            pairs = [(plain(key), item) for key, item in value.items.items()]
            return Items([Items(list(p)) if name == "items" else p[name == "values"] for p in pairs], True)
        if isinstance(value, Table) and name == "update" and isinstance(first, Table):
            value.items.update(first.items)
            return NONE
        if isinstance(value, Items) and name == "append":
            value.items.append(first) if len(value.items) < 200 else None
            return NONE
        if isinstance(value, Outside):
            if name == "load" and value.name.endswith("pickle.Unpickler"):
                self.record_load(frame, node, value.name + ".load", streams(value.args))
                return UNKNOWN
            self.call_object(value, name, args, words, node, frame)
            if value.name.startswith("argparse.") and name in ("parse_args", "parse_known_args"):
                made = Outside("argparse.Namespace", [], {})
                return made if name == "parse_args" else Items([made, UNKNOWN])
        if isinstance(value, Instance) and name == "load" and any(
                re.search(r"(^|\.)_?Unpickler$", base) for base in value.of.outside()):
            self.record_load(frame, node, value.of.name + ".load", streams(value.made_with))
            return UNKNOWN
        if name in ("load_from_checkpoint",):
            keys = self.record_path(frame, node, name, first, node.args[0], False) if node.args and args else []
            self.record_load(frame, node, name, keys)
            return UNKNOWN
        if name in ("get", "post") and not isinstance(value, Outside):
            return UNKNOWN
        if name in self.reader.loading and name not in VAGUE:
            self.reach(frame, node.lineno, name)
        return UNKNOWN

    def call_object(self, value, name, args, words, node, frame):
        """A method of something that a library made: an app, a router, a parser."""
        first = args[0] if args else UNKNOWN
        second = args[1] if len(args) > 1 else words.get("view_func") or words.get("endpoint") or UNKNOWN
        if name == "add_argument":
            flags = [item.value.lstrip("-").replace("-", "_") for item in args if isinstance(item, Text)]
            dest = words.get("dest")
            flags = [dest.value] if isinstance(dest, Text) else flags
            for flag in flags if "default" in words else []:
                self.arguments[flag] = words["default"]
        elif name == "add_event_handler" and isinstance(first, Text) and first.value == "startup":
            if isinstance(second, Func):
                self.startup.append(("on_event", second))
        elif name in ("add_api_route", "add_route", "add_url_rule", "add_get", "add_post"):
            view = args[2] if name == "add_url_rule" and len(args) > 2 else words.get("view_func", second)
            methods = words.get("methods") or (name[4:] if name in ("add_get", "add_post") else "get")
            self.route(value, first, view, methods, node, frame)
        elif name in ("include_router", "register_blueprint", "mount") and isinstance(first, Outside):
            prefix = words.get("prefix") or words.get("url_prefix")
            if isinstance(prefix, Text):
                first.prefix = prefix.value
        elif name == "append" and isinstance(first, Func) and "on_startup" in ast.dump(node.func)[:400]:
            self.startup.append(("on_event", first))

    def call_text(self, text, name, args, words, node, frame):
        first = args[0] if args else UNKNOWN
        if name == "joinpath":
            return join_all([text] + args)
        if name in ("resolve", "absolute"):
            return absolute(text)
        if name == "expanduser":
            return expand_user(text)
        if name == "with_name":
            return lift(lambda one: renamed(text, one), lift(text_of, first))
        if name == "with_suffix" and isinstance(first, Text):
            return with_suffix(text, first)
        if name in ("as_posix", "__str__", "strip", "rstrip", "lstrip", "decode", "encode", "__fspath__",
                    "__enter__"):
            return text
        if name == "format" and text.anchor == "plain":
            return formatted(text, args, words)
        if name == "join" and text.anchor == "plain" and isinstance(first, Items) and first.whole:
            parts = [part for item in first.items for part in (text, item)]
            return add_all(parts[1:])
        if name == "replace" and len(args) == 2:
            old, new = args
            if isinstance(old, Text) and isinstance(new, Text) and text.anchor == "plain" and old.value:
                return plain(text.value.replace(old.value, new.value) if len(new.value) < 200 else "{}")
            return Text(text.anchor if text.anchor != "plain" else "unknown", "{}", text.variable)
        if name in ("upper", "lower") and text.anchor == "plain":
            return plain(getattr(text.value, name)())
        if name in PATH_READS or name in PATH_WRITES:
            if name in COMMON_METHODS and text.anchor in ("argument", "unknown"):
                return Text(text.anchor, "{}")
            value, writes = text, name in PATH_WRITES
            if name in ("glob", "rglob"):
                value = join_all([text, first])
            if name == "open":
                mode = first if args else words.get("mode")
                writes = isinstance(mode, Text) and bool(set("wax+") & set(mode.value))
            keys = self.record_path(frame, node, "Path." + name, value, node, writes)
            if name in ("glob", "rglob"):
                return Items([lift(starless, value)], False)
            return Items([join_two(text, Text("unknown", "{}"))], False) if name == "iterdir" else Stream(keys)
        if name in self.reader.loading and name not in VAGUE:
            self.reach(frame, node.lineno, name)
        return Text("argument", "{}") if text.anchor == "argument" else UNKNOWN

    def route(self, owner, path, view, methods, node, frame):
        if not isinstance(path, Text) or not isinstance(view, Func) or isinstance(view.node, ast.Lambda):
            return
        if isinstance(methods, Items):
            methods = [item.value.upper() for item in methods.items if isinstance(item, Text)]
        elif isinstance(methods, str):
            methods = [{"websocket": "WEBSOCKET", "route": "GET", "api_route": "GET"}.get(
                methods.lower(), methods.upper())]
        else:
            methods = ["GET"]
        for method in methods[:10] or ["GET"]:
            self.route_list.append((owner, {
                "file": frame.module.file, "line": view.node.lineno, "method": method, "path": path.value,
                "function": view.node.name, "touches_model": self.reader.touches_model(view.node)}))

    # statements

    def block(self, body, frame):
        """Runs statements in order; True when what follows them is not reached."""
        for node in body:
            self.steps += 1
            if self.stopped(frame):
                return False
            method = getattr(self, "run_" + type(node).__name__, None)
            frame.level += 1
            try:
                if method is None:
                    for child in ast.iter_child_nodes(node):
                        if isinstance(child, ast.expr):
                            self.eval(child, frame)
                elif method(node, frame):
                    return True
            finally:
                frame.level -= 1
        return False

    def branches(self, bodies, frame):
        """Runs each (body, narrowed names) from the same start and merges what they leave."""
        names = frame.scope.names
        before, ends = dict(names), []
        self.steps += len(before) * (len(bodies) + 1) // 10
        for body, narrowed in bodies:
            restore(names, before)
            names.update(narrowed)
            if not self.block(body, frame):
                ends.append(dict(names))
        if not ends:
            restore(names, before)
            return True
        merged = ends[0]
        for end in ends[1:]:
            for name, value in end.items():
                other = merged.get(name)
                if other is not value:
                    merged[name] = value if other is None else either([other, value])
        restore(names, merged)
        return False

    def run_Expr(self, node, frame):
        self.eval(node.value, frame)
        return isinstance(node.value, ast.Call) and last_name(node.value.func) in ("exit", "_exit", "abort")

    def run_Return(self, node, frame):
        frame.returns.append(self.eval(node.value, frame) if node.value else NONE)
        return True

    def run_Raise(self, node, frame):
        self.eval(node.exc, frame)
        return True

    def run_Continue(self, node, frame):
        return True

    run_Break = run_Continue

    def run_Global(self, node, frame):
        frame.global_names.update(node.names)

    def run_Import(self, node, frame):
        for item in node.names:
            for count in range(1, item.name.count(".") + 2):
                self.run_module(self.module_value(".".join(item.name.split(".")[:count])), frame)
            name = item.asname or item.name.split(".")[0]
            value = self.module_value(item.name if item.asname else name)
            self.bind(ast.Name(id=name), value, frame, node)

    def run_ImportFrom(self, node, frame):
        module = frame.module
        name = module.relative(node.level, node.module) if node.level else node.module
        if not name:
            return
        source = self.module_value(name)
        self.run_module(source, frame)
        for item in node.names:
            if item.name == "*":
                if isinstance(source, Source):
                    for key in list(source.module.env):
                        if not key.startswith("_"):
                            frame.scope.names[key] = Late(source.module, key)
                continue
            below = self.module_value(name + "." + item.name)
            if isinstance(source, Source) and item.name not in source.module.env and isinstance(below, Source):
                self.run_module(below, frame)
                value = below
            elif isinstance(source, Source):
                value = Late(source.module, item.name)
            else:
                self.run_module(below, frame)
                value = below if isinstance(below, Source) else Ref(canonical(name + "." + item.name))
            self.bind(ast.Name(id=item.asname or item.name), value, frame, node)

    def run_module(self, source, frame):
        """Runs a module's body at its import; deep chains of imports are left for later."""
        if not isinstance(source, Source) or source.module.state != "new":
            return
        if self.importing >= 25:
            self.late_modules.append(source.module)
            return
        module = source.module
        module.state = "running"
        if module.tree is not None:
            self.importing += 1
            kind = frame.run if frame is not None else ("import", 0)
            try:
                self.block(module.tree.body, Frame(module, Scope(module.env, None), "", kind, kind[0] == "import"))
            finally:
                self.importing -= 1
        module.state = "done"

    def run_FunctionDef(self, node, frame):
        function = Func(frame.module, node, frame.scope if not frame.owner else frame.scope.above, frame.owner)
        if frame.scope.names is frame.module.env:
            function.scope = None
        self.queue(function)
        for item in node.decorator_list:
            self.decorate(function, item, frame)
        for item in node.args.defaults + [value for value in node.args.kw_defaults if value]:
            self.eval(item, frame)
        frame.scope.names[node.name] = function

    run_AsyncFunctionDef = run_FunctionDef

    def queue(self, function):
        if id(function.node) not in self.queued:
            self.queued.add(id(function.node))
            self.pending.append(function)

    def decorate(self, function, node, frame):
        call = node if isinstance(node, ast.Call) else None
        value = self.eval(call.func if call else node, frame)
        names = [item.name for item in each(value) if isinstance(item, (Ref, Bound))]
        args = [self.eval(item, frame) for item in call.args] if call else []
        words = {item.arg: self.eval(item.value, frame) for item in call.keywords} if call else {}
        method = last_name(call.func if call else node)
        first = args[0] if args else words.get("path") or words.get("rule") or UNKNOWN
        if any(name.split(".")[-1] in ("lru_cache", "cache", "cached", "singleton") for name in names):
            function.cached = True
        if method == "on_event" and isinstance(first, Text) and first.value == "startup":
            self.startup.append(("on_event", function))
        elif method in ("before_first_request", "before_serving", "before_server_start"):
            self.startup.append(("before_first_request", function))
        elif method == "listener" and isinstance(first, Text) and first.value.startswith(
                ("before_server", "main_process")):
            self.startup.append(("on_event", function))
        elif method in VERBS and isinstance(first, Text) and first.value.startswith(("/", "{")) or (
                method in VERBS and isinstance(first, Text) and not first.value):
            owner = next((item.value for item in each(value) if isinstance(item, Bound)), None)
            self.route(owner, first, function, words.get("methods") or method, node, frame)

    def run_ClassDef(self, node, frame):
        bases = [item for base in node.bases[:20] for item in each(self.eval(base, frame))[:1]]
        label = frame.owner + "." + node.name if frame.owner else node.name
        cls = Class(frame.module, node, label, bases)
        for item in node.decorator_list + [word.value for word in node.keywords]:
            self.eval(item, frame)
        above, owner, name = frame.scope, frame.owner, frame.name
        frame.scope, frame.owner = Scope(cls.attrs, above), label
        try:
            self.block(node.body, frame)
        finally:
            frame.scope, frame.owner, frame.name = above, owner, name
        for found in cls.attrs.values():
            if isinstance(found, Func):
                self.methods.setdefault(id(found.node), cls)
        if any(base.split(".")[-1] == "BaseSettings" for base in cls.outside()):
            self.settings(cls, frame)
        frame.scope.names[node.name] = cls

    def settings(self, cls, frame):
        """Fields of pydantic's BaseSettings are environment variables."""
        prefix = ""
        config = cls.attrs.get("model_config"), cls.attrs.get("Config")
        if isinstance(config[0], Outside) and isinstance(config[0].words.get("env_prefix"), Text):
            prefix = config[0].words["env_prefix"].value
        elif isinstance(config[1], Class) and isinstance(config[1].attrs.get("env_prefix"), Text):
            prefix = config[1].attrs["env_prefix"].value
        for item in cls.node.body:
            if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name):
                field = item.target.id
                if field == "model_config":
                    continue
                value, name = cls.attrs.get(field), plain((prefix + field).upper())
                if isinstance(value, Outside):  # Field(...)
                    given = value.words
                    for word in ("env", "validation_alias", "alias"):
                        name = given[word] if isinstance(given.get(word), Text) else name
                    value = value.args[0] if value.args else given.get("default")
                    value = None if isinstance(value, Unknown) else value
                cls.attrs[field] = self.environment(name, value, value is None, item, frame)

    def run_Assign(self, node, frame):
        value = self.eval(node.value, frame)
        for target in node.targets:
            self.bind(target, value, frame, node)

    def run_AnnAssign(self, node, frame):
        if node.value is not None:
            self.bind(node.target, self.eval(node.value, frame), frame, node)

    def run_AugAssign(self, node, frame):
        changed = ast.BinOp(left=node.target, op=node.op, right=node.value)
        self.bind(node.target, self.eval(ast.copy_location(changed, node), frame), frame, node)

    def run_If(self, node, frame):
        if is_main_guard(node.test):
            before = frame.main_guard, frame.at_import, frame.run
            frame.main_guard, frame.at_import, frame.run = True, False, ("guard", before[2][1])
            self.branches([(node.body, {}), ([], {})], frame)
            frame.main_guard, frame.at_import, frame.run = before
            return False
        truth, yes, no = self.test(node.test, frame)
        if last_name(node.test) == "TYPE_CHECKING":
            truth = None
        if truth is not None:
            return self.block(node.body if truth else node.orelse, frame)
        return self.branches([(node.body, yes), (node.orelse, no)], frame)

    def run_For(self, node, frame):
        value = self.eval(node.iter, frame)
        frame.loops += 1
        if isinstance(value, Items) and value.whole and 0 < len(value.items) <= 20 and isinstance(
                node.target, (ast.Tuple, ast.Name)) and len(node.body) <= 8 and frame.loops == 1:
            for item in value.items:
                self.bind(node.target, item, frame, node)
                self.branches([(node.body, {}), ([], {})], frame)
        else:
            self.bind(node.target, self.element(value), frame, node)
            self.branches([(node.body, {}), ([], {})], frame)
        frame.loops -= 1
        return self.block(node.orelse, frame)

    run_AsyncFor = run_For

    def run_While(self, node, frame):
        frame.loops += 1
        self.eval(node.test, frame)
        self.branches([(node.body, {}), ([], {})], frame)
        frame.loops -= 1
        return self.block(node.orelse, frame)

    def run_With(self, node, frame):
        for item in node.items:
            value = self.eval(item.context_expr, frame)
            if item.optional_vars is not None:
                if isinstance(value, Outside) and value.name == "tempfile.TemporaryDirectory":
                    value = Text("temp", "{}")
                elif isinstance(value, Instance):
                    enter = value.of.find("__enter__")
                    value = self.call_function(enter.bind(value), [], {}, node, frame) if isinstance(enter, Func
                                                                                                     ) else value
                self.bind(item.optional_vars, value, frame, node)
        return self.block(node.body, frame)

    run_AsyncWith = run_With

    def run_Try(self, node, frame):
        names, before = frame.scope.names, frame.reached
        start = dict(names)
        frame.guards.append([name for handler in node.handlers for name in handled(handler)])
        ended = self.block(node.body, frame)
        frame.guards.pop()
        if frame.reached > before:
            for handler in node.handlers:
                self.fallback(handler, frame)
        middle = {name: value if start.get(name, value) is value else either([start[name], value])
                  for name, value in names.items()}
        ended = ended or self.block(node.orelse, frame)
        ends = [] if ended else [dict(names)]
        for handler in node.handlers:
            restore(names, middle)
            self.eval(handler.type, frame)
            if not self.block(handler.body, frame):
                ends.append(dict(names))
        restore(names, middle if not ends else ends[0])
        for end in ends[1:]:
            for name, value in end.items():
                names[name] = either([names[name], value]) if name in names else value
        return self.block(node.finalbody, frame) or not ends

    run_TryStar = run_Try

    def run_Match(self, node, frame):
        self.eval(node.subject, frame)
        return self.branches([(case.body, {}) for case in node.cases[:50]] + [([], {})], frame)

    def fallback(self, handler, frame):
        """How a handler around a load goes on; one that raises or exits does not."""
        found = {}
        for node in handler.body:
            call = node.value if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) else None
            if isinstance(node, ast.Raise) or (
                    call and last_name(call.func) in ("exit", "_exit", "abort", "kill")):
                return
            for inner in ast.walk(node):
                kind = self.fallback_kind(inner, frame)
                if kind:
                    found.setdefault(kind, inner)
        if not found:
            silent = all(isinstance(node, (ast.Pass, ast.Continue)) for node in handler.body)
            found["passes" if silent else "logs-only"] = handler.body[0]
        order = ("returns-model", "assigns-model", "returns-none", "passes", "logs-only")
        kind = next(kind for kind in order if kind in found)
        self.report("fallbacks", {"file": frame.module.file, "line": found[kind].lineno, "function": frame.name,
                                  "kind": kind, "text": frame.module.text(found[kind])})

    def fallback_kind(self, node, frame):
        empty = (None, False, "", 0)
        if isinstance(node, ast.Return):
            if node.value is None or (isinstance(node.value, ast.Constant) and node.value.value in empty):
                return "returns-none"
            made = isinstance(node.value, (ast.Call, ast.Name, ast.Attribute, ast.Await))
            return "returns-model" if made else ""
        if isinstance(node, ast.Assign):
            names = [last_name(target) for target in node.targets]
            model = any(name in self.reader.model_names or MODEL_NAME.search(name) for name in names if name)
            if model and isinstance(node.value, ast.Constant) and node.value.value in empty:
                return "returns-none"
            if isinstance(node.value, (ast.Call, ast.Await, ast.Name, ast.Attribute)) and (
                    model or self.makes_class(node.value, frame)):
                return "assigns-model"
        return ""

    def makes_class(self, node, frame):
        return isinstance(node, ast.Call) and isinstance(self.eval(node.func, frame), Class)


    # the whole program

    def guarded(self, what, function, *args):
        try:
            return function(*args)
        except RecursionError:
            self.bounds.note("%s is nested too deeply to be followed" % what)
        return None

    def frame(self, phase, module):
        self.runs += 1
        return Frame(module, Scope(module.env, None), phase, (phase, self.runs), phase == "import")

    def run(self, first, hooks):
        """Modules as imported, then start-up handlers, then every function by itself."""
        for phase, modules in (("import", first[:1]), ("rest", self.sources.order)):
            for module in modules:
                frame = self.frame(phase, module)
                self.guarded(module.file, self.run_module, self.modules.get(module.path), frame)
                while self.late_modules:
                    late = self.late_modules.pop()
                    self.guarded(late.file, self.run_module, self.modules.get(late.path), frame)
        for module in hooks:
            for name in sorted(GUNICORN_HOOKS & set(module.env)):
                if isinstance(module.env[name], Func):
                    self.startup.append(("post_fork", module.env[name]))
        self.run_startup()
        while self.pending:
            function = self.pending.pop(0)
            self.guarded(function.module.file, self.run_alone, function, self.frame("rest", function.module))
        self.run_startup()

    def run_startup(self):
        for kind, function in self.startup:
            frame = self.frame("startup", function.module)
            self.guarded(function.module.file, self.call_function, function, [], {}, function.node, frame, True)
            if frame.reached and not isinstance(function.node, ast.Lambda):
                self.report("startup", {"file": function.module.file, "line": function.node.lineno, "kind": kind,
                                        "function": function.node.name})
        self.startup = []

    def run_alone(self, function, frame):
        cls = self.methods.get(id(function.node))
        if cls is not None:
            kinds = [last_name(item) for item in function.node.decorator_list]
            me = cls
            if "classmethod" not in kinds:
                init = cls.find("__init__")
                words = self.parameters(init, [], {}, True) if isinstance(init, Func) else {}
                words.pop(next(iter(words), None), None)
                me = self.instantiate(cls, [], words, function.node, frame)
            function = function.bind(me)
        self.call_function(function, [], {}, function.node, frame, True)

    def finish_paths(self):
        """Numbers the paths; one that a caller makes known hides its unknown forms at the same place."""
        def vague(entry):
            return entry["anchor"] in ("argument", "unknown") or ("{}" in entry["value"] and not entry["variable"])

        known = {key[:4] for key, entry in self.paths.items() if not vague(entry)}
        numbers = {}
        for key, entry in self.paths.items():
            if key[:4] in known and vague(entry):
                continue
            if len(self.reader.answer["paths"]) < MAX_ENTRIES:
                numbers[key] = len(self.reader.answer["paths"])
            self.reader.add("paths", entry)
        sure = {mark[:4] for mark, entry in self.loads.items() if entry["path"] in numbers}
        for mark, entry in self.loads.items():
            if entry["path"] not in numbers and mark[:4] in sure:
                continue
            entry["path"] = numbers.get(entry["path"], -1)
            self.reader.add("loads", entry)

    def finish_main_classes(self):
        for run, clock, entry in self.main_events:
            same = [at for other, at in self.load_events if run[0] != "rest" or other == run]
            if same and run[0] != "guard":
                entry["before_load"] = clock < min(same)
            if not any(dict(entry, before_load=None) == dict(other, before_load=None)
                       for other in self.reader.answer["main_classes"][-200:]):
                self.reader.add("main_classes", entry)

    def finish_routes(self):
        for owner, entry in self.route_list:
            if isinstance(owner, Outside):
                own = owner.words.get("prefix") or owner.words.get("url_prefix")
                entry["path"] = (owner.prefix or "") + (own.value if isinstance(own, Text) else "") + entry["path"]
            self.report("routes", entry)

    def describe_factory(self, module_name, name):
        answer = empty_answer()["factory"]
        source = self.module_value(module_name) if module_name else None
        if not isinstance(source, Source):
            return answer
        value = source
        for part in name.split(".")[:10]:
            value = next(iter(each(self.attribute(value, part, None))), UNKNOWN)
        made = value
        function = value if isinstance(value, Func) else None
        if isinstance(value, Class):
            init = value.find("__init__")
            function = init.bind(value) if isinstance(init, Func) else None
        if not isinstance(made, (Func, Class)) or isinstance(made.node, ast.Lambda):
            return answer
        answer.update(found=True, file=made.module.file, line=made.node.lineno,
                      is_async=isinstance(made.node, ast.AsyncFunctionDef), signature="()")
        if function is not None:
            answer["signature"] = signature(function)
        if isinstance(made, Class):
            answer["returns"] = made.node.name
            return answer
        answer["cached"] = made.cached or is_singleton(made)
        if made.node.returns is not None:
            returns = made.node.returns
            quoted = constant(returns)
            answer["returns"] = quoted if isinstance(quoted, str) else made.module.text(returns)
        else:
            given = self.guarded("the factory", self.call_function, made, [], {}, made.node,
                                 self.frame("rest", made.module), True) or UNKNOWN
            names = [item.of.node.name for item in each(given) if isinstance(item, Instance)]
            answer["returns"] = names[0] if names else ""
        return answer


def signature(function):
    """The parameters as written, without self."""
    spec, module, parts = function.node.args, function.module, []
    positional = getattr(spec, "posonlyargs", []) + spec.args
    defaults = [None] * (len(positional) - len(spec.defaults)) + list(spec.defaults)
    for item, default in list(zip(positional, defaults))[1 if function.me is not None else 0:]:
        parts.append(module.text(item) + ("=" + module.text(default) if default is not None else ""))
    if spec.vararg or spec.kwonlyargs:
        parts.append("*" + (spec.vararg.arg if spec.vararg else ""))
    for item, default in zip(spec.kwonlyargs, spec.kw_defaults):
        parts.append(module.text(item) + ("=" + module.text(default) if default is not None else ""))
    if spec.kwarg:
        parts.append("**" + spec.kwarg.arg)
    text = ", ".join(parts)
    return "(" + (text if len(text) <= MAX_TEXT else text[:MAX_TEXT] + "...") + ")"


def is_singleton(function):
    """Whether a function keeps what it made in a global or an attribute and gives that back."""
    kept, tested = set(), set()
    for node in ast.walk(function.node):
        if isinstance(node, ast.Global):
            kept.update(node.names)
        elif isinstance(node, ast.Assign):
            kept.update(last_name(item) for item in node.targets if isinstance(item, ast.Attribute))
            kept.update(last_name(item.value) for item in node.targets if isinstance(item, ast.Subscript))
        elif isinstance(node, (ast.If, ast.IfExp)):
            tested.update(last_name(item) or constant(item) for item in ast.walk(node.test))
    return bool((kept & tested) - {"", None})


def streams(values):
    """Keys of the paths whose content is among the values."""
    return [key for value in values for item in each(value) if isinstance(item, Stream) for key in item.keys]


def starless(text):
    return through(lambda one: Text(one.anchor, re.sub(r"\*+|\[[^]]*\]|\?", "{}", one.value)), text_of(text))


def inside(node):
    """The index of a Subscript; 3.8 wraps it."""
    part = node.slice
    return part.value if type(part).__name__ == "Index" else part


def restore(names, values):
    if names is not values:
        kept = dict(values)
        names.clear()
        names.update(kept)


def known_truth(value):
    """Whether a value counts as true; None when that is not known."""
    if isinstance(value, Const):
        return bool(value.value)
    if isinstance(value, Text) and value.anchor == "plain" and "{}" not in value.value:
        return bool(value.value)
    if isinstance(value, (Instance, Func, Class, Source)) or (isinstance(value, Text) and value.anchor == "file"):
        return True
    return None


# --- the request --------------------------------------------------------------------------------------------


def empty_answer():
    answer = {"version": "%d.%d.%d" % sys.version_info[:3], "cut": ""}
    answer.update((name, []) for name in LISTS)
    answer["factory"] = {"found": False, "file": "", "line": 0, "signature": "", "is_async": False,
                         "cached": False, "returns": ""}
    return answer


def entry_name(root, path):
    """(importable name, import root) of the entry point: a file in a package is named with it."""
    folder, parts = os.path.dirname(path), [os.path.basename(path)]
    if parts[0].endswith(".py"):
        parts[0] = parts[0][:-3]
    while folder != root and os.path.isfile(os.path.join(folder, "__init__.py")) and len(parts) < 20:
        parts.insert(0, os.path.basename(folder))
        folder = os.path.dirname(folder)
    return ".".join(parts), folder


def find_definition(sources, module_name, name):
    """The syntax of a function or class, through re-exports."""
    for _ in range(10):
        found = sources.find(module_name)
        module = sources.by_path.get(found[1]) if found and found[0] in ("module", "package") else None
        if module is None or module.tree is None:
            return None
        for node, context in walk(module.tree):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)) and not context.function \
                    and node.name == name:
                return node
        module_name, _, name = module.aliases.get(name, "").rpartition(".")
        if not module_name:
            return None
    return None


def read(request):
    """The answer to one request, and the import roots that the code adds itself."""
    root = os.path.normpath(request["root"])
    bounds, answer = Bounds(), empty_answer()
    added, search = request["added"], [os.path.normpath(path) for path in request["search"]]
    sources = Sources(root, search, bounds)
    reader = Reader(sources, answer, bounds)
    first, hooks = [], []
    folder = root
    if request["entrypoint"]:
        path = os.path.normpath(os.path.join(root, request["entrypoint"]))
        folder = os.path.dirname(path)
        name, above = entry_name(root, path)
        for place in [above, folder] if above != folder else [folder]:
            sources.add_root(place)
    for place in search + added + [root]:
        sources.add_root(place)
    if request["entrypoint"]:
        first.append(sources.get(name, path, os.path.basename(path) == "__init__.py"))
    factory_module, _, factory_name = request["factory"].partition(":")
    found = sources.find(factory_module) if factory_module else None
    if found and found[0] in ("module", "package"):
        module = sources.get(factory_module, found[1], found[0] == "package")
        first += [module] if module is not None and module not in first else []
    for place in [folder, root] if folder != root else [root]:
        for name in ("gunicorn.conf", "gunicorn_conf", "gunicorn_config"):
            path = os.path.join(place, name + ".py")
            if os.path.isfile(path) and path not in sources.by_path:
                hooks.append(sources.get(name, path, False))
    hooks = [module for module in hooks if module is not None]
    reader.discover(first + hooks)
    parsed = [module for module in sources.order if module.tree is not None]
    for module in parsed:
        reader.survey(module)
    reader.spread_loading(factory_name.split(".")[-1])
    for module in parsed:
        reader.collect_model_names(module)
    interpreter = Interpreter(reader, {"root": root})
    if factory_name:
        interpreter.factory_node = find_definition(sources, factory_module, factory_name)
    interpreter.run(first if request["entrypoint"] else [], hooks)
    interpreter.finish_paths()
    interpreter.finish_main_classes()
    interpreter.finish_routes()
    answer["factory"] = interpreter.describe_factory(factory_module, factory_name)
    for module in sources.order:
        reader.add("modules", {"name": module.name, "file": module.file, "lines": module.lines,
                               "error": module.error})
    answer["cut"] = "; ".join(bounds.reasons)
    return answer, [place for place in interpreter.new_roots if place not in sources.roots]


def clean(value):
    """Replaces what JSON readers refuse: halves of surrogate pairs, as bytes of a file name become."""
    if isinstance(value, str):
        return re.sub("[\ud800-\udfff]", lambda m: "\\x%02X" % (ord(m.group()) - 0xDC00) if 0xDC80 <= ord(
            m.group()) <= 0xDCFF else "\\u%04X" % ord(m.group()), value)
    if isinstance(value, list):
        return [clean(item) for item in value]
    return {key: clean(item) for key, item in value.items()} if isinstance(value, dict) else value


def checked(data):
    """The request with every key there, or ValueError."""
    request = json.loads(data.decode("utf-8"))
    if not isinstance(request, dict):
        raise ValueError("the request is no JSON object")
    whole = {"added": []}
    for key in ("root", "entrypoint", "factory"):
        whole[key] = request.get(key, "")
        if not isinstance(whole[key], str) or "\0" in whole[key]:
            raise ValueError("`%s` is no text" % key)
    whole["search"] = request.get("search", [])
    if not isinstance(whole["search"], list) or not all(isinstance(item, str) for item in whole["search"]):
        raise ValueError("`search` is no list of texts")
    if not os.path.isabs(whole["root"]):
        raise ValueError("`root` is no absolute path")
    return whole


def answer_to(data):
    try:
        request = checked(data)
        for _ in range(3):
            answer, added = read(request)
            if not added:
                break
            request["added"] = request["added"] + added[:8]
        return clean(answer)
    except (ValueError, RecursionError) as error:
        reason = "the request was not read: %s" % (str(error) or type(error).__name__)
    except MemoryError:
        reason = "out of memory"
    except Exception as error:  # an answer without content, never a traceback
        reason = "internal error: %s: %s" % (type(error).__name__, error)
    return clean(dict(empty_answer(), cut=reason[:500]))


def main():
    warnings.simplefilter("ignore")  # of the sources: invalid escapes and the like
    sys.setrecursionlimit(30000)
    data, result = sys.stdin.buffer.read(1 << 20), []
    worker = None
    for size in (256, 64):  # syntax trees are built by recursion in C
        try:
            threading.stack_size(size << 20)
            worker = threading.Thread(target=lambda: result.append(answer_to(data)))
            worker.start()
            break
        except (RuntimeError, ValueError, MemoryError):
            worker = None
    if worker is not None:
        worker.join()
    else:
        sys.setrecursionlimit(1500)
        result.append(answer_to(data))
    sys.stdout.buffer.write(json.dumps(result[0] if result else empty_answer()).encode("ascii") + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
