# SPDX-License-Identifier: Apache-2.0
"""Tests of src/probes/python/read_source.py; plain asserts, exit status 1 when one fails.

    read_source_test.py [NAME...]                 all cases, or those whose names contain NAME
    RUNUP_TEST_PYTHONS="/a/python3.8 ..."         other interpreters that shall read the sources as well
"""

import ast
import json
import os
import subprocess
import sys
import tempfile
import textwrap
import time
import traceback
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent.parent
SCRIPT = REPOSITORY / "src" / "probes" / "python" / "read_source.py"
EXAMPLE = REPOSITORY / "configs" / "examples" / "sign-language-service"
PYTHON = [sys.executable]
CASES = []

PLACE = {"file": str, "line": int, "function": str, "when": str}
MODULE = {"name": str, "file": str, "error": str, "names": list}
LISTS = {
    "imports": {"name": str, "optional": bool, "missing": bool},
    "paths": {"call": str, "text": str, "anchor": str, "value": str, "writes": bool},
    "loads": {"call": str, "path": int, "map_location": str, "weights_only": str, "find_class": bool,
              "callers": list},
    "state_dicts": {"strict": str, "used": bool},
    "fallbacks": {"catches": list, "then": str},
    "classes": {"module": str, "name": str, "bases": list},
    "injected": {"module": str, "name": str, "value": str, "before_load": (bool, type(None))},
    "safe_globals": {"names": list},
    "startup": {"kind": str, "loads": bool},
    "routes": {"method": str, "path": str, "is_async": bool},
    "servers": {"call": str, "text": str},
    "applications": {"module": str, "name": str, "kind": str},
    "makers": {"module": str, "name": str, "makes": str},
    "chdir": {"anchor": str, "value": str},
    "sys_path": {"anchor": str, "value": str},
}
FACTORY = {"found": bool, "file": str, "line": int, "is_async": bool, "required": list}
ANCHORS = {"file", "cwd", "absolute", "environment", "unknown"}


def case(function):
    CASES.append((function.__name__, function))
    return function


def ask(data, timeout=120):
    """The answer to raw bytes on stdin; always one JSON object, nothing on stderr, status 0."""
    done = subprocess.run(PYTHON + ["-I", "-B", str(SCRIPT)], input=data, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=timeout)
    assert done.returncode == 0, (done.returncode, done.stderr[-2000:])
    # the parser of 3.8 says this by itself
    assert done.stderr.replace(b"s_push: parser stack overflow\n", b"") == b"", done.stderr[-2000:]
    answer = json.loads(done.stdout.decode("utf-8"))
    assert set(answer) == set(LISTS) | {"version", "cut", "factory", "modules"}, set(answer)
    for kind in LISTS:
        for entry in answer[kind]:
            assert set(entry["place"]) == set(PLACE), (kind, entry)
            entry.update(entry.pop("place"))
    for kind, keys in [("modules", MODULE)] + [(kind, dict(PLACE, **keys)) for kind, keys in LISTS.items()]:
        for entry in answer[kind]:
            assert set(entry) == set(keys), (kind, entry)
            for key, kinds in keys.items():
                assert isinstance(entry[key], kinds), (kind, key, entry)
    assert set(answer["factory"]) == set(FACTORY) and isinstance(answer["cut"], list)
    for entry in answer["paths"]:
        assert entry["anchor"] in ANCHORS and len(entry["text"]) <= 160, entry
    for entry in answer["loads"]:
        assert -1 <= entry["path"] < len(answer["paths"])
    return answer


def write(root, files):
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))


def read_at(root, entrypoint="main.py", factory="", search=(), modules=()):
    before = sorted(str(path) for path in root.rglob("*")) if root.name != "example" else []
    answer = ask(json.dumps({"root": str(root), "entrypoint": entrypoint, "factory": factory,
                             "search": [str(root / item) for item in search],
                             "modules": list(modules)}).encode())
    assert before == sorted(str(path) for path in root.rglob("*")), "something was written"
    return answer


def read(files, entrypoint="main.py", factory="", search=(), modules=()):
    if not isinstance(files, dict):
        files = {"main.py": files}
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder).resolve() / "package"
        root.mkdir()
        write(root, files)
        return read_at(root, entrypoint, factory, search, modules)


def only(answer, kind, **want):
    """The one entry of a list that has these values."""
    found = [entry for entry in answer[kind] if all(entry[key] == value for key, value in want.items())]
    assert len(found) == 1, "%d %s like %s in %s" % (len(found), kind, want,
                                                     json.dumps(answer[kind], indent=1))
    return found[0]


def names(answer, kind, key="name"):
    return [entry[key] for entry in answer[kind]]


# --- anchors: one module for each, all read in one run ------------------------------------------------------

# name: (source of sub/NAME.py, and anchor and value of each path that it may be); None for any
FORMS = {
    "constant": ("import torch\nm = torch.load('models/x.pth')", "cwd", "models/x.pth"),
    "dot_slash": ("import torch\nm = torch.load('./models/x.pth')", "cwd", "models/x.pth"),
    "absolute_text": ("import torch\nm = torch.load('/app/models/x.pth')", "absolute", "/app/models/x.pth"),
    "windows": ("import torch\nm = torch.load(r'C:\\models\\x.pth')", "absolute", "C:\\models\\x.pth"),
    "url": ("import pandas as pd\nm = pd.read_csv('https://example.org/x.csv')", "unknown",
            "https://example.org/x.csv"),
    "tilde_unexpanded": ("m = open('~/x.pth')", "cwd", "~/x.pth"),
    "guide": ("from pathlib import Path\nimport torch\nBASE_DIR = Path(__file__).resolve().parent.parent\n"
              "MODEL_PATH = BASE_DIR / 'models' / 'x.pth'\nm = torch.load(MODEL_PATH)", "file",
              "models/x.pth"),
    "parents": ("import pathlib, torch\n"
        "m = torch.load(pathlib.Path(__file__).parents[1] / 'models/x.pth')", "file",
                "models/x.pth"),
    "parent_parent": ("from pathlib import Path\n"
        "m = open(Path(__file__).parent.parent / 'models' / 'x.pth')", "file",
                      "models/x.pth"),
    "dirname": ("import os\nBASE = os.path.dirname(os.path.abspath(__file__))\n"
                "m = open(os.path.join(BASE, '..', 'models', 'x.pth'))", "file", "models/x.pth"),
    "dirname_twice": ("from os.path import dirname, join, realpath\n"
                      "m = open(join(dirname(dirname(realpath(__file__))), 'x.pth'))", "file", "x.pth"),
    "above_root": ("from pathlib import Path\nm = open(Path(__file__).parents[2] / 'x.pth')", "file",
                   "../x.pth"),
    "joinpath": ("from pathlib import Path\nm = open(Path(__file__).parent.joinpath('a', 'x.pth'))", "file",
                 "sub/a/x.pth"),
    "with_name": ("from pathlib import Path\nm = Path(__file__).with_name('x.pth').read_bytes()", "file",
                  "sub/x.pth"),
    "with_suffix": ("from pathlib import Path\nm = Path(__file__).with_suffix('.json').read_text()", "file",
                    "sub/with_suffix.json"),
    "plus": ("import os\nm = open(os.path.dirname(__file__) + '/x.pth')", "file", "sub/x.pth"),
    "f_string_format": ("N = 3\nm = open(f'models/fold{N:02d}.pth')", "cwd", "models/fold{}.pth"),
    "plus_without_slash": ("import os\nm = open(os.path.dirname(os.path.dirname(__file__)) + 'x.pth')",
                           "file",
                           "../packagex.pth"),
    "f_string": ("import os\nD = os.path.dirname(__file__)\nm = open(f'{D}/models/x.pth')", "file",
                 "sub/models/x.pth"),
    "f_string_hole": ("import sys\nm = open(f'models/{sys.platform}.pth')", "cwd", "models/{}.pth"),
    "f_string_number": ("N = 3\nm = open(f'models/fold{N}.pth')", "cwd", "models/fold3.pth"),
    "format": ("m = open('{}/{name}.pth'.format('models', name='x'))", "cwd", "models/x.pth"),
    "join_text": ("m = open('/'.join(['models', 'a', 'x.pth']))", "cwd", "models/a/x.pth"),
    "join_absolute": ("import os\nm = open(os.path.join('models', '/opt/x.pth'))", "absolute", "/opt/x.pth"),
    "getcwd": ("import os\nm = open(os.path.join(os.getcwd(), 'models', 'x.pth'))", "cwd", "models/x.pth"),
    "path_cwd": ("from pathlib import Path\nm = open(Path.cwd() / 'x.pth')", "cwd", "x.pth"),
    "abspath": ("import os\nm = open(os.path.abspath('models/x.pth'))", "cwd", "models/x.pth"),
    "resolve": ("from pathlib import Path\nm = Path('models/x.pth').resolve().open('rb')", "cwd",
                "models/x.pth"),
    "home": ("from pathlib import Path\nm = open(Path.home() / '.cache' / 'x.pth')", "environment",
             "{HOME}/.cache/x.pth"),
    "expanduser": ("import os\nm = open(os.path.expanduser('~/models/x.pth'))", "environment",
                   "{HOME}/models/x.pth"),
    "path_expanduser": ("from pathlib import Path\nm = open(Path('~/x.pth').expanduser())", "environment",
                        "{HOME}/x.pth"),
    "temp": ("import tempfile, os\nm = open(os.path.join(tempfile.gettempdir(), 'x.pth'))", "environment",
             "{TMPDIR}/x.pth"),
    "temp_folder": ("import tempfile\nwith tempfile.TemporaryDirectory() as d:\n"
        "    m = open(d + '/x.pth')", "environment",
                    "{TMPDIR}/x.pth"),
    "environ_item": ("import os\nm = open(os.environ['MODEL_PATH'])", "environment", "{MODEL_PATH}"),
    "environ_get": ("import os\nm = open(os.environ.get('MODEL_PATH', 'models/x.pth'))", "environment",
                    "{MODEL_PATH}",
                    "cwd", "models/x.pth"),
    "getenv": ("from os import getenv\nm = open(getenv('MODEL_PATH', '/models/x.pth'))", "environment",
               "{MODEL_PATH}", "absolute", "/models/x.pth"),
    "environ_or": ("import os\nm = open(os.environ.get('M') or 'x.pth')", "environment", "{M}", "cwd",
                   "x.pth"),
    "environ_dir": ("import os\nm = open(os.path.join(os.getenv('MODEL_DIR', 'models'), 'x.pth'))",
                    "environment",
                    "{MODEL_DIR}/x.pth", "cwd", "models/x.pth"),
    "environ_file_default": ("import os\nfrom pathlib import Path\nB = Path(__file__).parent\n"
                             "m = open(Path(os.getenv('M', str(B / 'x.pth'))))", "environment", "{M}", "file",
                             "sub/x.pth"),
    "environ_tail": ("import os\nfrom pathlib import Path\n"
                     "m = open(Path(__file__).parent / os.getenv('M', 'x.pth'))", "file", "sub/{M}", "file",
                     "sub/x.pth"),
    "environ_none": ("import os\nm = open(os.getenv('M', None))", "environment", "{M}"),
    "environ_if_none": ("import os\np = os.environ.get('M')\nif p is None:\n    p = 'x.pth'\n"
        "m = open(p)", None, None),
    "environ_alias": ("from os import environ as env\n"
        "m = open(env['A'] + '/x.pth')", "environment", "{A}/x.pth"),
    "argv": ("import sys\nm = open(sys.argv[1])", "unknown", "{}"),
    "parameter": ("def load(path):\n    return open(path)", "unknown", "{}"),
    "parameter_default": ("def load(path='models/x.pth'):\n    return open(path)", "cwd", "models/x.pth"),
    "parameter_none": ("import os\nD = os.path.dirname(__file__)\ndef load(path=None):\n"
                       "    if path is None:\n"
                       "        path = D + '/x.pth'\n    return open(path)", "file", "sub/x.pth"),
    "parameter_not_none": ("def load(path=None):\n    if path == None:\n        open('x.pth')\n    else:\n"
                           "        open('never')", "cwd", "x.pth"),
    "parameter_or": ("import os\nD = os.path.dirname(__file__)\ndef load(path=None):\n"
                     "    return open(path or D + '/x.pth')", "file", "sub/x.pth"),
    "passed_on": ("import torch, os\nP = os.path.join(os.path.dirname(__file__), 'x.pth')\n"
                  "def inner(p):\n    return torch.load(p)\ndef middle(q, **more):\n    return inner(p=q)\n"
                  "def outer():\n    return middle(P)", "file", "sub/x.pth"),
    "passed_deep": ("def a(p): return open(p)\ndef b(p): return a(p)\ndef c(p): return b(p)\n"
        "def d(p): return c(p)\n"
                    "def e(p): return d(p)\nm = e('x.pth')", "cwd", "x.pth"),
    "returned": ("from pathlib import Path\ndef where():\n    return Path(__file__).parent\n"
                 "m = open(where() / 'x.pth')", "file", "sub/x.pth"),
    "self_attribute": ("import os\nclass P:\n    def __init__(self, base=None):\n"
                       "        self.base = base or os.path.dirname(__file__)\n"
                       "    def load(self):\n        return open(os.path.join(self.base, 'x.pth'))", "file",
                       "sub/x.pth"),
    "class_attribute": ("class P:\n    path = 'models/x.pth'\n    def load(self):\n"
                        "        return open(self.path)",
                        "cwd", "models/x.pth"),
    "class_constant": ("class Config:\n    PATH = '/srv/x.pth'\nm = open(Config.PATH)", "absolute",
                       "/srv/x.pth"),
    "inherited": ("class A:\n    path = 'x.pth'\nclass B(A):\n    def load(self):\n"
                  "        return open(self.path)",
                  "cwd", "x.pth"),
    "property": ("class A:\n    @property\n    def path(self):\n        return 'x.pth'\n"
                 "    def load(self):\n        return open(self.path)", "cwd", "x.pth"),
    "dataclass": ("from dataclasses import dataclass\n@dataclass\nclass C:\n    path: str = 'a.pth'\n"
                  "c = C(path='x.pth')\nm = open(c.path)", "cwd", "x.pth"),
    "constructor": ("class P:\n    def __init__(self, path):\n        self.m = open(path)\n"
        "p = P('models/x.pth')", "cwd",
                    "models/x.pth"),
    "dict_item": ("PATHS = {'model': 'models/x.pth'}\nm = open(PATHS['model'])", "cwd", "models/x.pth"),
    "dict_get": ("PATHS = {'model': 'models/x.pth'}\nm = open(PATHS.get('model'))", "cwd", "models/x.pth"),
    "imported": ("from config import MODEL_DIR\nimport os\nm = open(os.path.join(MODEL_DIR, 'x.pth'))",
                 "file",
                 "weights/x.pth"),
    "imported_module": ("import config as cfg\nm = open(cfg.MODEL_DIR + '/x.pth')", "file", "weights/x.pth"),
    "imported_star": ("from config import *\nm = open(MODEL_DIR + '/x.pth')", "file", "weights/x.pth"),
    "imported_late": ("def load():\n    from config import MODEL_DIR\n"
        "    return open(f'{MODEL_DIR}/x.pth')", "file",
                      "weights/x.pth"),
    "imported_function": ("from config import where\nm = open(where('x.pth'))", "file", "weights/x.pth"),
    "settings": ("from config import settings\nm = open(settings.model_path)", "environment",
                 "{APP_MODEL_PATH}",
                 "cwd", "models/x.pth"),
    "walrus": ("if (p := 'x.pth'):\n    m = open(p)", "cwd", "x.pth"),
    "augmented": ("p = 'models'\np += '/x.pth'\nm = open(p)", "cwd", "models/x.pth"),
    "conditional": ("import os\nm = open('x.pth' if os.path.exists('x.pth') else 'x.pth')", "cwd", "x.pth"),
    "glob": ("from pathlib import Path\nm = open(next(Path('models').glob('*.pth')))", None, None),
    "loop": ("import numpy as np\nfor name in ['x']:\n    m = np.load(name + '.npy')", "cwd", "x.npy"),
    "chained_alias": ("import numpy as np\nread = np.load\nm = read('x.npy')", "cwd", "x.npy"),
    "unknown": ("import somewhere\nm = open(somewhere.path())", "unknown", "{}"),
    "korean": ("경로 = '모델/수어.pth'\nm = open(경로)", "cwd", "모델/수어.pth"),
    "reassigned": ("p = 'a.pth'\np = 'x.pth'\nm = open(p)", "cwd", "x.pth"),
    "nested_function": ("def outer():\n    p = 'x.pth'\n    def inner():\n        return open(p)\n"
        "    return inner()",
                        "cwd", "x.pth"),
    "lambda": ("load = lambda p: open(p)\nm = load('x.pth')", "cwd", "x.pth"),
    "async": ("async def load(p='x.pth'):\n    return open(p)", "cwd", "x.pth"),
    "static": ("class A:\n    @staticmethod\n    def load(p):\n        return open(p)\nm = A.load('x.pth')",
               "cwd",
               "x.pth"),
    "classmethod": ("class A:\n    root = 'models'\n    @classmethod\n    def load(cls, n):\n"
                    "        return open(cls.root + '/' + n)\nm = A.load('x.pth')", "cwd", "models/x.pth"),
    "global": ("P = None\ndef init():\n    global P\n    P = 'x.pth'\ninit()\nm = open(P)", None, None),
}
CONFIG = """
import os
from pydantic_settings import BaseSettings, SettingsConfigDict
MODEL_DIR = os.path.join(os.path.dirname(os.path.abspath(__file__)), "weights")
def where(name):
    return os.path.join(MODEL_DIR, name)
class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="app_")
    model_path: str = "models/x.pth"
    secret: str
settings = Settings()
"""
forms_answer = {}


def forms():
    if not forms_answer:
        files = {"config.py": CONFIG, "sub/__init__.py": ""}
        files.update(("sub/%s.py" % name, form[0]) for name, form in FORMS.items())
        files["main.py"] = "".join("import sub.%s\n" % name for name in FORMS if name not in ("lambda",
            "async", "global")
                                   ) + "import importlib\n" + "".join(
                                       "importlib.import_module('sub.%s')\n" % n for n in ("lambda", "async",
                                           "global"))
        forms_answer.update(read(files))
    return forms_answer


def form_case(name, form):
    def run():
        answer = forms()
        paths = [entry for entry in answer["paths"] if entry["file"] == "sub/%s.py" % name]
        if form[1] is None:
            return
        want = list(zip(form[1::2], form[2::2]))
        got = [(entry["anchor"], entry["value"]) for entry in paths]
        assert got == want, (got, want)
    CASES.append(("form_" + name, run))


for form_name, form_value in FORMS.items():
    form_case(form_name, form_value)


@case
def form_details():
    answer = forms()
    assert answer["cut"] == [], answer["cut"]
    assert all(entry["error"] == "" for entry in answer["modules"])
    both = [entry for entry in answer["paths"] if entry["file"] == "sub/environ_if_none.py"]
    assert {entry["anchor"] for entry in both} == {"environment", "cwd"}, both
    globs = [entry for entry in answer["paths"] if entry["file"] == "sub/glob.py" and entry["call"] == "open"]
    assert [(e["anchor"], e["value"]) for e in globs] == [("cwd", "models/{}.pth")], globs
    late = [entry for entry in answer["paths"] if entry["file"] == "sub/global.py"]
    assert "x.pth" in names({"p": late}, "p", "value"), late
    assert only(answer, "paths", file="sub/with_name.py")["call"] == "Path.read_bytes"
    assert only(answer, "paths", file="sub/loop.py")["call"] == "numpy.load"
    assert only(answer, "paths", file="sub/guide.py")["when"] == "import"
    assert only(answer, "paths", file="sub/parameter.py")["when"] == "call"
    assert only(answer, "paths", file="sub/self_attribute.py")["function"] == "P.load"


# --- the example service ------------------------------------------------------------------------------------


@case
def example_service():
    answer = read_at(EXAMPLE, "main.py", "processing.predictor:get_predictor")
    assert answer["cut"] == []
    assert names(answer, "modules") == ["main", "processing", "processing.predictor", "processing.network"]
    assert {"fastapi", "torch", "numpy", "sklearn.preprocessing", "pydantic"} <= set(names(answer, "imports"))
    assert not any(entry["missing"] or entry["optional"] for entry in answer["imports"])
    load = only(answer, "loads", call="torch.load")
    assert (load["map_location"], load["weights_only"], load["function"]) == ("device", "True",
                                                                              "load_predictor")
    assert load["when"] == "startup" and [place.split(":")[0] for place in load["callers"]] == [
        "main.py", "processing/predictor.py"], load
    path = answer["paths"][load["path"]]
    assert (path["anchor"], path["value"]) == ("file", "models/cnn_bilstm_attention_model.pth")
    assert only(answer, "startup")["kind"] == "lifespan" and only(answer, "startup")["loads"]
    routes = [(entry["method"], entry["path"]) for entry in answer["routes"]]
    assert sorted(routes) == [("GET", "/health"), ("GET", "/live"), ("GET", "/model/status"),
                              ("POST", "/predict")]
    factory = answer["factory"]
    assert factory["found"] and factory["required"] == [] and not factory["is_async"], factory
    assert only(answer, "safe_globals")["names"][0] == "sklearn.preprocessing.LabelEncoder"
    assert [entry["then"] for entry in answer["fallbacks"]] == ["continues", "continues"]
    assert only(answer, "classes", name="CnnBilstmAttention")["bases"] == ["torch.nn.Module"]
    assert answer["injected"] == [] and answer["chdir"] == [] and answer["sys_path"] == []


# --- modules and imports ------------------------------------------------------------------------------------


@case
def imports_are_sorted_out():
    answer = read({"main.py": "import os, json\nimport torch.nn as nn\nfrom a import b\nfrom a.c import d\n"
                              "from a import zzz\nimport google.cloud.storage\nfrom . import nothing\n"
                              "try:\n    import ujson\nexcept ImportError:\n    import simplejson\n"
                              "from contextlib import suppress\nwith suppress(ImportError):\n"
                              "    import orjson\n"
                              "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import onnx\n"
                              "def f():\n    import cv2\n"
                              "if __name__ == '__main__':\n    import uvicorn\n",
                   "a/__init__.py": "", "a/b.py": "from ..main import x\nfrom .gone import y\n"})
    outside = {entry["name"]: entry["when"] for entry in answer["imports"] if not entry["missing"]}
    assert outside == {"torch.nn": "import", "google.cloud.storage": "import", "ujson": "import",
                       "cv2": "call",
                       "simplejson": "import", "orjson": "import", "uvicorn": "main"}, outside
    optional = {entry["name"] for entry in answer["imports"] if entry["optional"]}
    assert optional == {"ujson", "simplejson", "orjson"}, optional
    missing = {entry["name"] for entry in answer["imports"] if entry["missing"]}
    assert missing == {"a.c", "a.zzz", ".", "..main", "a.gone"}, missing


@case
def renamed_function():
    answer = read({"main.py": "from a import load, gone\nfrom b import x, y\nfrom c import anything\n",
                   "a.py": "def load(): pass\n", "b.py": "if y:\n    for x in y: pass\nfrom d import *\n",
                   "c.py": "globals()['anything'] = 1\n"})
    missing = [entry["name"] for entry in answer["imports"] if entry["missing"]]
    assert missing == ["a.gone"], missing
    assert only(answer, "modules", name="a")["names"] == ["load"]
    assert only(answer, "modules", name="b")["names"] == ["x", "*"]


@case
def namespace_package():
    answer = read({"main.py": "from processing.p import x\nfrom processing.gone import y\nimport models\n",
                   "processing/p.py": "x = open('a')\n", "models/x.pth": "weights"})
    assert "processing.p" in names(answer, "modules")
    assert only(answer, "imports", missing=True)["name"] == "processing.gone"
    assert only(answer, "imports", missing=False)["name"] == "models"


@case
def search_roots():
    answer = read({"app/main.py": "import lib\nimport tools.t\n", "src/lib.py": "", "tools/t.py": ""},
                  "app/main.py", search=["src"])
    assert names(answer, "modules", "file") == ["app/main.py", "src/lib.py", "tools/t.py"]
    assert answer["imports"] == []


@case
def modules_that_a_pickle_names():
    answer = read({"main.py": "", "networks/__init__.py": "", "networks/sign.py": "class Net: pass\n"},
                  modules=["networks.sign", "networks.gone", "elsewhere"])
    assert names(answer, "modules") == ["main", "networks", "networks.sign"]
    assert only(answer, "classes")["when"] == "call" and answer["imports"] == []


@case
def entry_point_inside_a_package():
    answer = read({"app/__init__.py": "",
                   "app/main.py": "from .core import x\nfrom app import other\nopen(x)\n",
                   "app/core.py": "x = 'm.pth'\n", "app/other.py": ""}, "app/main.py")
    assert names(answer, "modules")[0] == "app.main"
    assert only(answer, "paths")["value"] == "m.pth"
    assert answer["imports"] == []


@case
def added_import_root():
    answer = read({"main.py": "import os, sys\n"
                              "sys.path.insert(0, os.path.join(os.path.dirname(__file__), 'lib'))\n"
                              "import helper\nsys.path.append('other')\n",
                              "lib/helper.py": "open('h.txt')\n"})
    assert "helper" in names(answer, "modules") and answer["imports"] == []
    assert only(answer, "paths")["file"] == "lib/helper.py"
    assert [(entry["anchor"], entry["value"]) for entry in answer["sys_path"]] == [("file", "lib"),
                                                                                   ("cwd", "other")]


@case
def import_module_by_text():
    answer = read({"main.py": "import importlib\nN = 'plug.'\nm = importlib.import_module(N + 'one')\n"
                              "open(m.P)\n",
                   "plug/__init__.py": "", "plug/one.py": "P = 'x.pth'\n"})
    assert "plug.one" in names(answer, "modules")
    assert only(answer, "paths")["value"] == "x.pth"


@case
def no_entry_point_but_a_factory():
    answer = read({"a/__init__.py": "", "a/p.py": "def get():\n    return open('x')\n"}, "", "a.p:get")
    assert answer["factory"]["found"] and only(answer, "paths")["value"] == "x"
    assert only(answer, "paths")["when"] == "call"


@case
def missing_entry_point():
    answer = read({"other.py": ""}, "main.py", "gone.p:get")
    assert "No such file" in answer["modules"][0]["error"]
    assert answer["factory"]["found"] is False


@case
def nothing_asked():
    answer = read({"other.py": ""}, "")
    assert answer["modules"] == [] and answer["cut"] == []


@case
def compiled_module():
    answer = read({"main.py": "import fast\nfrom pkg import _ext\n", "fast.abi3.so": b"\x7fELF",
                   "pkg/__init__.py": "", "pkg/_ext.abi3.so": b"\x7fELF"})
    assert answer["imports"] == []
    assert only(answer, "modules", name="fast")["error"] == "compiled, not read"


@case
def korean_names():
    answer = read({"메인.py": "from 처리.예측기 import 예측기_얻기\n예측기 = 예측기_얻기()\n",
                   "처리/__init__.py": "",
                   "처리/예측기.py": "import torch\nfrom pathlib import Path\n"
                                "경로 = Path(__file__).parent / '수어.pth'\n"
                                  "def 예측기_얻기():\n    return torch.load(경로)\n"}, "메인.py", "처리.예측기:예측기_얻기")
    assert only(answer, "paths")["value"] == "처리/수어.pth"
    assert answer["factory"]["found"] and only(answer, "loads")["callers"] == ["메인.py:2"]


# --- loading ------------------------------------------------------------------------------------------------


@case
def loads_of_every_library():
    answer = read("import torch, joblib, pickle, dill, onnxruntime as ort, tensorflow as tf\n"
                  "from safetensors.torch import load_file\nfrom tensorflow import keras\n"
                  "a = torch.load('a.pth')\nb = torch.jit.load('b.pt', map_location='cpu')\n"
                  "c = load_file('c.safetensors')\n"
                  "d = ort.InferenceSession('d.onnx', providers=['CPUExecutionProvider'])\n"
                  "e = joblib.load('e.pkl')\n"
                  "with open('f.pkl', 'rb') as f:\n    g = pickle.load(f)\n"
                  "h = dill.load(open('h.pkl', 'rb'))\n"
                  "i = keras.models.load_model('i.keras')\nj = tf.saved_model.load('j')\n"
                  "k = pickle.loads(data)\nl = torch.load('l.pth', 'cuda', mmap=True, weights_only=False)\n")
    got = {entry["call"]: answer["paths"][entry["path"]]["value"] if entry["path"] >= 0 else ""
           for entry in answer["loads"][:10]}
    assert got == {"torch.load": "a.pth", "torch.jit.load": "b.pt",
                   "safetensors.torch.load_file": "c.safetensors",
                   "onnxruntime.InferenceSession": "d.onnx", "joblib.load": "e.pkl", "pickle.load": "f.pkl",
                   "dill.load": "h.pkl", "tensorflow.keras.models.load_model": "i.keras",
                   "tensorflow.saved_model.load": "j", "pickle.loads": ""}, got
    last = answer["loads"][10]
    assert (last["map_location"], last["weights_only"]) == ("'cuda'", "False"), last
    assert all(entry["when"] == "import" and entry["callers"] == [] for entry in answer["loads"])
    assert len(answer["paths"]) == 10


@case
def load_arguments_are_folded():
    answer = read("import torch\nSAFE = True\nclass Settings:\n    device = 'cpu'\n"
                  "d = torch.device('cuda' if torch.cuda.is_available() else 'cpu')\n"
                  "a = torch.load('a', map_location=Settings.device, weights_only=SAFE)\n"
                  "b = torch.load('b', map_location=d)\nc = torch.load('c', map_location=lambda s, l: s)\n")
    got = [(entry["map_location"], entry["weights_only"]) for entry in answer["loads"]]
    assert got == [("'cpu'", "True"), ("d", ""), ("lambda s, l: s", "")], got


@case
def load_through_a_stream():
    answer = read("import torch, io, gzip\nfrom pathlib import Path\n"
                  "m = torch.load(io.BytesIO(Path('x.pth').read_bytes()))\n"
                  "with open('y.pth', 'rb') as f:\n"
                  "    n = torch.load(io.BytesIO(gzip.decompress(f.read())))\n")
    assert [answer["paths"][load["path"]]["value"] for load in answer["loads"]] == ["x.pth", "y.pth"]


@case
def load_state_dict():
    answer = read("import torch\ndef f(model, s):\n    model.load_state_dict(s, strict=False)\n"
                  "    model.load_state_dict(s, False)\n    model.load_state_dict(torch.load('x.pth'))\n"
                  "    missing = model.load_state_dict(s, strict=False).missing_keys\n")
    assert [(entry["strict"], entry["used"]) for entry in answer["state_dicts"]] == [
        ("False", False), ("False", False), ("", False), ("False", True)], answer["state_dicts"]


@case
def two_callers_two_paths():
    answer = read("import torch\ndef load(p):\n    return torch.load(p)\na = load('a.pth')\n"
                  "b = load('b.pth')\n")
    assert [entry["value"] for entry in answer["paths"]] == ["a.pth", "b.pth"]
    assert [answer["paths"][entry["path"]]["value"] for entry in answer["loads"]] == ["a.pth", "b.pth"]
    assert [entry["callers"] for entry in answer["loads"]] == [["main.py:4"], ["main.py:5"]]


@case
def writes_are_told_apart():
    answer = read("import torch\nfrom pathlib import Path\nopen('log.txt', 'a')\ntorch.save({}, 'out.pth')\n"
                  "Path('cache').mkdir(exist_ok=True)\nopen('in.txt')\nopen('both', mode='r+')\n")
    assert {entry["value"]: entry["writes"] for entry in answer["paths"]} == {
        "log.txt": True, "out.pth": True, "cache": True, "in.txt": False, "both": True}


@case
def chdir_is_noted():
    answer = read("import os\nos.chdir(os.path.dirname(os.path.abspath(__file__)))\n"
                  "m = open('models/x.pth')\n"
                  "def f():\n    os.chdir('/tmp')\n")
    assert [(entry["anchor"], entry["value"], entry["when"]) for entry in answer["chdir"]] == [
        ("file", ".", "import"), ("absolute", "/tmp", "call")]


@case
def dead_branches():
    answer = read("DEBUG = False\nif DEBUG:\n    m = open('debug.pth')\nelse:\n    m = open('x.pth')\n")
    assert names(answer, "paths", "value") == ["x.pth"]


@case
def when_a_place_is_reached():
    answer = read({"main.py": "import uvicorn, other\nfrom fastapi import FastAPI\napp = FastAPI()\n"
                              "def both(): open('both')\ndef script(): open('script')\n"
                              "def never(): open('never')\n"
                              "@app.on_event('startup')\ndef start(): both()\n"
                              "if __name__ == '__main__':\n    open('guard')\n    script()\n    both()\n"
                              "    uvicorn.run('main:app', host='0.0.0.0', workers=4)\n",
                   "other.py": "open('other')\nif __name__ == '__main__':\n    open('no')\n"})
    got = {entry["value"]: entry["when"] for entry in answer["paths"]}
    assert got == {"both": "startup", "script": "main", "never": "call", "guard": "main",
                   "other": "import"}, got
    server = only(answer, "servers")
    assert (server["call"], server["when"]) == ("uvicorn.run",
                                                "main") and "workers=4" in server["text"], server


# --- pickles and __main__ -----------------------------------------------------------------------------------


@case
def injected_before_the_load():
    answer = read({"main.py": "import sys\nfrom net import SignModel, Other\n"
                              "sys.modules['__main__'].SignModel = SignModel\n"
                              "setattr(sys.modules['__main__'], 'Other', Other)\nimport __main__\n"
                              "__main__.Third = Other\n"
                              "main = sys.modules['__main__']\nfor c in (SignModel, Other):\n"
                              "    setattr(main, c.__name__, c)\nimport loader\nmain.Late = Other\n",
                   "net.py": "class SignModel: pass\nclass Other: pass\n",
                   "loader.py": "import torch\nm = torch.load('x.pth')\n"})
    got = [(entry["name"], entry["value"], entry["before_load"]) for entry in answer["injected"]]
    assert got == [("SignModel", "net.SignModel", True), ("Other", "net.Other", True),
                   ("Third", "net.Other", True),
                   ("SignModel", "net.SignModel", True), ("Other", "net.Other", True),
                   ("Late", "net.Other", False)], got
    assert {entry["module"] for entry in answer["injected"]} == {"__main__"}


@case
def injected_in_functions():
    answer = read("import sys, torch\nfrom fastapi import FastAPI\nclass A: pass\napp = FastAPI()\n"
                  "def good():\n    sys.modules['__main__'].A = A\n    return torch.load('x.pth')\n"
                  "def bad():\n    m = torch.load('x.pth')\n    sys.modules['__main__'].B = A\n"
                  "def alone():\n    sys.modules['__main__'].C = A\n"
                  "if __name__ == '__main__':\n    sys.modules['__main__'].D = A\n")
    got = {entry["name"]: (entry["before_load"], entry["when"]) for entry in answer["injected"]}
    assert got == {"A": (True, "call"), "B": (False, "call"), "C": (None, "call"), "D": (None, "main")}, got


@case
def injected_at_import_for_later():
    answer = read("import sys, torch\nclass A: pass\nsys.modules['__main__'].A = A\n"
                  "def get():\n    return torch.load('x.pth')\n")
    assert only(answer, "injected")["before_load"] is True


@case
def modules_under_another_name():
    answer = read({"main.py": "import sys, types\nimport networks.sign as sign\n"
                              "sys.modules['old.place'] = sign\n"
                              "made = types.ModuleType('made')\nsys.modules['made'] = made\n",
                   "networks/sign.py": "class Net: pass\n"})
    assert [(e["module"], e["name"], e["value"]) for e in answer["injected"]] == [
        ("old.place", "*", "networks.sign"), ("made", "*", "")]


@case
def safe_globals_are_named():
    answer = read({"main.py": "import torch\nfrom torch.serialization import add_safe_globals\n"
                              "from sklearn.preprocessing._label import LabelEncoder as LE\n"
                              "from net import Net\n"
                              "add_safe_globals([LE, Net, what()])\n"
                              "with torch.serialization.safe_globals([(Net, 'old.Net')]):\n    pass\n",
                   "net.py": "class Net: pass\n"})
    assert [entry["names"] for entry in answer["safe_globals"]] == [
        ["sklearn.preprocessing._label.LabelEncoder", "net.Net", ""], ["old.Net"]]


@case
def unpicklers():
    answer = read("import pickle, torch, io, dill\nclass CPU_Unpickler(pickle.Unpickler):\n"
                  "    def find_class(self, module, name):\n        return super().find_class(module, name)\n"
                  "def f():\n    with open('x.pkl', 'rb') as h:\n        m = CPU_Unpickler(h).load()\n"
                  "    with open('z.pkl', 'rb') as h:\n        m = pickle.Unpickler(h).load()\n"
                  "    return torch.load('y.pth', pickle_module=dill)\n")
    got = {answer["paths"][entry["path"]]["value"]: entry["find_class"] for entry in answer["loads"]}
    assert got == {"x.pkl": True, "y.pth": True, "z.pkl": False}, got


@case
def classes_and_guard():
    answer = read("import torch.nn as nn\nclass A(nn.Module):\n    class B(A): pass\n"
                  "class D(A): pass\nif __name__ == '__main__':\n    class C: pass\n")
    assert [(e["name"], e["when"], e["bases"]) for e in answer["classes"]] == [
        ("A", "import", ["torch.nn.Module"]), ("A.B", "import", [""]), ("D", "import", ["main.A"]),
        ("C", "main", [])], answer["classes"]
    assert {entry["module"] for entry in answer["classes"]} == {"main"}


# --- the service --------------------------------------------------------------------------------------------

LOADER = "import torch\ndef get_predictor():\n    return torch.load('x.pth')\n"


@case
def startup_kinds():
    answer = read({"main.py": "from fastapi import FastAPI\nfrom p import get_predictor\napp = FastAPI()\n"
                              "@app.on_event('startup')\nasync def load():\n"
                              "    app.state.p = get_predictor()\n"
                              "@app.on_event('startup')\nasync def other():\n    print('hi')\n"
                              "@app.on_event('shutdown')\nasync def stop():\n    get_predictor()\n",
                   "p.py": LOADER})
    assert [(e["kind"], e["function"], e["loads"]) for e in answer["startup"]] == [
        ("on_event", "load", True), ("on_event", "other", False)]
    answer = read({"main.py": "from fastapi import FastAPI\nfrom p import get_predictor\n"
                              "def load():\n    return get_predictor()\napp = FastAPI(on_startup=[load])\n"
                              "app.add_event_handler('startup', load)\n", "p.py": LOADER})
    assert [(e["kind"], e["function"]) for e in answer["startup"]] == [("on_event", "load")]
    answer = read({"main.py": "import asyncio\nfrom contextlib import asynccontextmanager\n"
                              "from fastapi import FastAPI\nfrom p import get_predictor\n"
                              "@asynccontextmanager\nasync def life(app):\n"
                              "    app.state.p = await asyncio.to_thread(get_predictor)\n    yield\n"
                              "app = FastAPI(lifespan=life)\n"
                              "@app.on_event('startup')\ndef ignored(): pass\n", "p.py": LOADER})
    assert [(e["kind"], e["loads"]) for e in answer["startup"]] == [("lifespan", True), ("on_event", False)]
    assert only(answer, "loads")["when"] == "startup"
    answer = read({"main.py": "from fastapi import FastAPI\nfrom p import get_predictor\n"
                              "async def life(app):\n    app.state.p = get_predictor()\n    yield\n"
                              "def create_app():\n    return FastAPI(lifespan=life)\n", "p.py": LOADER})
    assert only(answer, "startup")["loads"] and only(answer, "loads")["when"] == "startup"


@case
def unknown_arguments_are_not_defaults():
    answer = read("import torch, sys\ndef load(path='x.pth'):\n    return torch.load(path)\n"
                  "m = load(sys.argv[1])\n")
    assert names(answer, "paths", "anchor") == ["unknown"], answer["paths"]
    answer = read("import somewhere\np = 'x.pth'\nif somewhere.set:\n    p = somewhere.path\nopen(p)\n")
    assert names(answer, "paths", "anchor") == ["cwd"], answer["paths"]


@case
def startup_through_classes():
    answer = read("import torch\nclass P:\n    def __init__(self):\n        self.load()\n"
                  "    def load(self):\n        self.m = torch.load('x.pth')\np = P()\n")
    load = only(answer, "loads")
    assert (load["function"], load["when"], load["callers"]) == ("P.load", "import",
                                                                 ["main.py:7", "main.py:4"])


@case
def routes_of_frameworks():
    answer = read("from fastapi import FastAPI, APIRouter\napp = FastAPI()\nr = APIRouter(prefix='/v1')\n"
                  "@app.get('/live')\ndef live():\n    return {}\n"
                  "@r.post('/predict')\nasync def predict(body):\n    return 1\n"
                  "@app.api_route('/both', methods=['GET', 'POST'])\ndef both():\n    return 1\n"
                  "@cache.get('key')\ndef no(): pass\n")
    got = {(e["method"], e["path"]): (e["function"], e["is_async"]) for e in answer["routes"]}
    assert got == {("GET", "/live"): ("live", False), ("POST", "/v1/predict"): ("predict", True),
                   ("GET", "/both"): ("both", False), ("POST", "/both"): ("both", False)}, got
    answer = read("from flask import Flask\ndef create_app():\n    app = Flask(__name__)\n"
                  "    @app.route('/health')\n    def health():\n        return 'ok'\n"
                  "    @app.route('/p', methods=['POST'])\n    def p():\n        return str(model(1))\n"
                  "    return app\n")
    assert [(e["method"], e["path"]) for e in answer["routes"]] == [("GET", "/health"), ("POST", "/p")]


@case
def same_file_again():
    """Another way to load the same file is no fallback; another file is one."""
    answer = read(textwrap.dedent("""
        import torch
        def again():
            try:
                return torch.load("models/a.pth", map_location="cuda")
            except RuntimeError:
                return torch.load("models/a.pth", map_location="cpu")
        def other():
            try:
                return torch.load("models/a.pth")
            except FileNotFoundError:
                return torch.load("models/old.pth")
        """))
    assert [(e["function"], e["then"]) for e in answer["fallbacks"]] == [("other", "loads")], answer["fallbacks"]


@case
def applications_and_makers():
    answer = read(textwrap.dedent("""
        import torch
        from fastapi import FastAPI
        from flask import Flask
        app = FastAPI()
        def create():
            return Flask(__name__)
        web = create()
        class Predictor:
            def __init__(self, path="m.pth"):
                self.model = torch.load(path)
        class Needs:
            def __init__(self, path):
                self.model = torch.load(path)
        _kept = None
        def get_predictor():
            global _kept
            if _kept is None:
                _kept = Predictor()
            return _kept
        def load_into_global():
            global _kept
            _kept = Predictor()
        def of(path):
            return Needs(path)
        def nothing():
            return FastAPI()
        def session():
            import onnxruntime
            return onnxruntime.InferenceSession("m.onnx")
        @app.get("/x")
        def route():
            return get_predictor()
        """))
    assert [(e["name"], e["kind"], e["line"]) for e in answer["applications"]] == [
        ("app", "fastapi.FastAPI", 5), ("web", "flask.Flask", 7)], answer["applications"]
    assert sorted((e["line"], e["name"], e["makes"]) for e in answer["makers"]) == [
        (11, "Predictor", "main.Predictor"), (11, "get_predictor", "main.Predictor"),
        (30, "session", "onnxruntime.InferenceSession")], answer["makers"]


@case
def fallbacks():
    answer = read("import torch\nfrom fastapi import FastAPI\napp = FastAPI()\nclass Model: pass\n"
                  "def a():\n    try:\n        return torch.load('x.pth')\n    except Exception:\n"
                  "        return Model()\n"
                  "def b():\n    try:\n        model = Model()\n"
                  "        model.load_state_dict(torch.load('x.pth'))\n"
                  "    except Exception:\n        print('random')\n        model = Model()\n"
                  "    return model\n"
                  "def c():\n    try:\n        return torch.load('x.pth')\n    except OSError:\n"
                  "        return None\n"
                  "def d():\n    try:\n        m = torch.load('x.pth')\n    except OSError:\n        pass\n"
                  "def e():\n    try:\n        m = torch.load('x.pth')\n    except OSError as error:\n"
                  "        message = str(error)\n"
                  "def f():\n    try:\n        m = torch.load('x.pth')\n    except OSError as error:\n"
                  "        raise\n"
                  "def g():\n    try:\n        int('x')\n    except ValueError:\n        pass\n"
                  "def h():\n    global predictor\n    try:\n        predictor = a()\n"
                  "    except (OSError, KeyError):\n        predictor = None\n"
                  "def i():\n    try:\n        return torch.load('x.pth')\n    except OSError:\n"
                  "        return torch.load('y.pth')\n"
                  "def j(model_kind):\n    try:\n        app.state.p = torch.load('x.pth')\n    except:\n"
                  "        if strict():\n            raise\n        app.state.p = None\n"
                  "@app.post('/predict')\ndef k():\n    try:\n        return a().predict()\n"
                  "    except Exception:\n        return {'error': 1}\n")
    got = {e["function"]: (e["then"], e["catches"]) for e in answer["fallbacks"]}
    assert got == {"a": ("replaces", ["Exception"]), "b": ("replaces", ["Exception"]),
                   "c": ("none", ["OSError"]),
                   "d": ("continues", ["OSError"]), "e": ("continues", ["OSError"]),
                   "h": ("none", ["OSError", "KeyError"]), "i": ("loads", ["OSError"]),
                   "j": ("none", ["BaseException"])}, got


@case
def factories():
    def factory(source, name="get", files=None):
        return read(dict({"main.py": "", "p.py": source}, **(files or {})), factory="p:" + name)["factory"]

    assert factory("class P: pass\ndef get(a, b: int = 3, *, c, d=1, **e): return P()\n") == {
        "found": True, "file": "p.py", "line": 2, "is_async": False, "required": ["a", "c"]}
    assert factory("async def get() -> Predictor: pass\n")["is_async"]
    assert factory("from q import inner as get\n", files={"q.py": "from r import inner\n",
                                                         "r.py": "def inner(): pass\n"})["file"] == "r.py"
    assert factory("class P:\n    def __init__(self, path): pass\n", "P")["required"] == ["path"]
    assert factory("class P:\n    @classmethod\n    def make(cls, path): pass\n",
                   "P.make")["required"] == ["path"]
    assert factory("get = 3\n")["found"] is False
    assert factory("import torch\nget = torch.load\n")["found"] is False


@case
def servers():
    answer = read("import uvicorn\nfrom flask import Flask\napp = Flask(__name__)\ndef go():\n"
                  "    uvicorn.run(app)\nif __name__ == '__main__':\n    app.run(port=3)\n")
    assert [(e["call"], e["text"], e["when"]) for e in answer["servers"]] == [
        ("uvicorn.run", "uvicorn.run(app)", "call"),
        ("flask.Flask.run", "app.run(port=3)", "main")], answer["servers"]


# --- hostile sources ----------------------------------------------------------------------------------------


def error_of(content, name="main.py"):
    answer = read({name: content})
    assert len(answer["modules"]) == 1
    return answer["modules"][0]["error"]


@case
def nothing_is_executed():
    answer = read({"main.py": "import side\nopen(%r, 'w').write('x')\nraise SystemExit(3)\n"
                              "" % "/tmp/runup_never",
                   "side.py": "import pathlib\n"
                              "pathlib.Path(__file__).with_name('made').write_text('x')\n1/0\n"
                              "while True: pass\n", "ast.py": "raise SystemExit(4)\n",
                   "json.py": "raise SystemExit(5)\n"})
    assert not os.path.exists("/tmp/runup_never")
    assert len(answer["modules"]) == 2 and only(answer, "paths", file="side.py")["writes"]


@case
def syntax_error():
    assert error_of("x = 1\ndef f(:\n").startswith("line 2: ")


@case
def python_2():
    assert error_of("print 'x'\n").startswith("line 1: ")


@case
def deep_parentheses():
    assert error_of("x = " + "(" * 100000 + ")" * 100000) != ""


@case
def deep_unary():
    error_of("x = " + "-" * 19000 + "1")
    assert error_of("x = " + "-" * 1000000 + "1") != ""


@case
def deep_sums():
    assert error_of("x = " + "+".join("1" for _ in range(1000))) == ""
    error_of("x = " + "+".join("1" for _ in range(15000)))
    assert error_of("x = " + "+".join("1" for _ in range(300000))) != ""


@case
def deep_attributes_and_calls():
    error_of("x = a" + ".b" * 15000)
    error_of("x = a" + "()" * 15000)
    error_of("x = a" + "[0]" * 15000)
    assert error_of("x = a" + ".b()" * 250000) != ""


@case
def deep_branches():
    error_of("if a: pass\n" + "elif b: open('x')\n" * 15000)
    assert error_of("if a: pass\n" + "elif b: pass\n" * 100000) != ""


@case
def deep_lambdas_and_conditions():
    error_of("x = " + "lambda: " * 15000 + "1")
    error_of("x = " + "1 if a else " * 15000 + "1")
    error_of("x = " + "not " * 15000 + "1")


@case
def deep_indentation():
    error_of("".join(" " * i + "if a:\n" for i in range(120)) + " " * 120 + "pass\n")
    read("".join(" " * i + "if a:\n" for i in range(90)) + " " * 90 + "open('x')\n")


@case
def long_line():
    assert "bytes" in error_of("x = '" + "a" * (2 << 20) + "'\n")
    answer = read("x = '" + "a" * (900 << 10) + "'; open(x + 'b')\n")
    assert answer["modules"][0]["error"] == "" and len(answer["paths"][0]["value"]) <= 2000


@case
def many_literals():
    assert "tokens" in error_of("x = [" + "1," * 150000 + "]\n")


@case
def huge_number():
    assert error_of("x = " + "9" * 900000) != ""
    assert error_of("x = 0x" + "f" * 900000) != ""
    error_of("x = " + "9" * 1900)
    read("open('%d' % 10**9999999)\nopen('x' * 10**12)\nopen('%99999999999d' % 3)\nopen(f'{3:>99999999}')\n"
         "open('{:>9999999999}'.format(3))\n")


@case
def binary_garbage():
    assert error_of(bytes(range(256)) * 40) != ""
    assert error_of(b"\x7fELF" + b"\0" * 1000) == "holds NUL bytes"
    assert error_of(b"x = '\xff\xfe\xfa'\n") != ""


@case
def encodings():
    assert error_of("# -*- coding: euc-kr -*-\nx = open('모델.pth')\n".encode("euc-kr")) == ""
    answer = read({"main.py": "# coding: cp949\nopen('모델.pth')\n".encode("cp949")})
    assert answer["paths"][0]["value"] == "모델.pth"
    answer = read({"main.py": b"\xef\xbb\xbfopen('x')\r\nopen('y')\r\n"})
    assert [e["line"] for e in answer["paths"]] == [1, 2]
    assert error_of("# coding: no-such-thing\n") != ""
    assert error_of("# coding: rot13\n") != ""
    assert error_of("# coding: zlib\n") != ""
    assert error_of("# coding: punycode\nx\n") != ""
    assert error_of("x = 1\n".encode("utf-16")) != ""


@case
def symbolic_link_loop():
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder).resolve() / "package"
        root.mkdir()
        (root / "main.py").write_text("import a.a.a.a.b\nimport loop\nfrom a import a\n", encoding="utf-8")
        (root / "a").symlink_to(root, target_is_directory=True)
        (root / "loop.py").symlink_to(root / "loop.py")
        (root / "b.py").write_text("open('x')\n", encoding="utf-8")
        answer = read_at(root)
        assert len(answer["modules"]) < 10


@case
def links_that_leave():
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder).resolve() / "package"
        root.mkdir()
        (Path(folder) / "secret.py").write_text("open('secret')\n", encoding="utf-8")
        (root / "main.py").write_text("import secret\nimport folder.secret\nfrom .. import secret\n"
                                      "from ...etc import x\n", encoding="utf-8")
        (root / "secret.py").symlink_to(Path(folder) / "secret.py")
        (root / "folder").symlink_to(Path(folder), target_is_directory=True)
        answer = read_at(root)
        assert "leaves the package" in only(answer, "modules", name="secret")["error"]
        assert answer["paths"] == []
        answer = read_at(root, "../secret.py")
        assert "leaves the package" in answer["modules"][0]["error"] and answer["paths"] == []


@case
def special_files():
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder).resolve() / "package"
        (root / "folder.py").mkdir(parents=True)
        os.mkfifo(str(root / "pipe.py"))
        (root / "main.py").write_text("import pipe\nimport folder\n", encoding="utf-8")
        (root / "zero.py").symlink_to("/dev/zero")
        assert read_at(root)["modules"][0]["error"] == ""
        assert "regular" in read_at(root, "pipe.py")["modules"][0]["error"]
        assert read_at(root, "folder.py")["modules"][0]["error"] != ""
        assert read_at(root, "zero.py")["modules"][0]["error"] != ""


@case
def circular_imports():
    answer = read({"main.py": "from a import x\nopen(x)\n",
                   "a.py": "from b import y\nx = 'x.pth'\nimport a\n",
                   "b.py": "from a import x as y\nfrom main import z\nimport b\n"})
    assert "x.pth" in names(answer, "paths", "value") and len(answer["modules"]) == 3
    read({"main.py": "from main import x\nimport main\nx = main.x\nopen(x)\n"})


@case
def recursion_in_the_code():
    read("def f(p):\n    return f(p + '/a')\nopen(f('x'))\nclass A(A): pass\nx = A().x.y\n"
         "class B:\n    def __init__(self): self.b = B()\n    @property\n    def p(self): return self.p\n"
         "open(B().p)\n"
         "def g(): return h()\ndef h(): return g()\nopen(g())\na = [a for a in a]\nl = lambda: l()\nl()\n"
         "d = {}\nd['d'] = d\nopen(d['d']['d'])\nq = []\nq.append(q)\nopen(q[0])\n")


@case
def branching_calls_end():
    code = "".join("def f%d(p):\n%s" % (i, "".join("    f%d(p + '%d')\n" % (i + 1, j) for j in range(10)))
                   for i in range(9)) + "def f9(p): return open(p)\nf0('x')\n"
    answer = read(code)
    assert "steps" in answer["cut"][0] and answer["paths"] != []


@case
def many_alternatives_end():
    code = "import os\np = 'x'\n" + "".join("if os.getenv('A%d'):\n    p = p + '%d'\n" % (i,
        i) for i in range(300))
    answer = read(code + "open(p)\n")
    assert 1 <= len(answer["paths"]) <= 10


@case
def many_names_and_branches_end():
    read("".join("v%d = %d\nif a%d: pass\n" % (i, i, i) for i in range(20000)))


@case
def long_chain_of_imports():
    files = {"main.py": "import m0\n"}
    files.update(("m%d.py" % i, "import m%d\nopen('f%d')\n" % (i + 1, i)) for i in range(3000))
    answer = read(files)
    assert len(answer["modules"]) == 2000 and "2000 modules" in answer["cut"][0], answer["cut"]
    assert len(answer["paths"]) == 1999, len(answer["paths"])


@case
def many_modules_at_once():
    files = {"main.py": "".join("import m%d\n" % i for i in range(3000))}
    files.update(("m%d.py" % i, "") for i in range(3000))
    answer = read(files)
    assert len(answer["modules"]) == 2000 and answer["cut"] != []


@case
def all_the_tokens():
    text = "x = [" + "1," * 90000 + "]\n"
    answer = read(dict({"main.py": "".join("import m%d\n" % i for i in range(8))},
                       **{"m%d.py" % i: text for i in range(8)}))
    assert "tokens of source" in answer["cut"][0]
    assert sum(1 for e in answer["modules"] if e["error"]) == 5


@case
def many_entries_are_cut():
    answer = read("".join("open('f%d')\n" % i for i in range(9000)))
    assert len(answer["paths"]) == 5000 and "paths" in answer["cut"][0]


@case
def odd_texts_are_valid_json():
    answer = read("open('\\ud800\\udcff')\nopen('\\x00')\nopen('a\\nb')\n")
    assert answer["paths"][0]["value"] == "?\\xFF", answer["paths"][0]
    assert answer["paths"][1]["value"] == "\x00"


@case
def odd_file_names():
    with tempfile.TemporaryDirectory() as folder:
        root = os.path.realpath(folder)
        with open(os.path.join(os.fsencode(root), b"\xff.py"), "wb") as stream:
            stream.write(b"open('x')\n")
        answer = ask(json.dumps({"root": root, "entrypoint": "\udcff.py"}).encode())
        assert answer["modules"][0]["file"] == "\\xFF.py" and answer["paths"]


@case
def bad_requests():
    for data in (b"", b"{", b"[]", b"null", b"\xff", b"{}", b'{"root": 3}', b'{"root": "relative"}',
                 b'{"root": "/", "search": 3}', b'{"root": "/a\\u0000b"}', b"[" * 100000, b"1" * 2000000):
        answer = ask(data)
        assert answer["modules"] == [] and answer["cut"] != [], data[:40]
    answer = ask(b'{"root": "/no/such/folder", "entrypoint": "main.py", "search": ["/no"]}')
    assert "no absolute path of a folder" in answer["cut"][0]
    answer = ask(b'{"root": "/", "entrypoint": "no/such/main.py", "factory": ":::", "search": ["/no"]}')
    assert answer["modules"][0]["error"] != "" and answer["cut"] == []


@case
def odd_syntax_is_read():
    answer = read("from __future__ import annotations\nimport asyncio\n"
                  "async def f(*, a, b=1, **c):\n    async with x() as y, z:\n        async for i in y:\n"
                  "            await i\n    return [j async for j in y if j]\n"
                  "def g(a, /, b, *c: int) -> None:\n    nonlocal_ = 1\n    del nonlocal_\n    yield\n"
                  "    yield from a\n"
                  "try:\n    pass\nfinally:\n    open('x')\nx: int\nx, *y = 1, 2, 3\nprint(*y, **{'a': 1})\n"
                  "with open('a') as (b, c), open('d') as e[0]: pass\na[1:2, ...] = b\n"
                  "assert x, open('assert')\n"
                  "global zz\nlambda *a, **k: (yield)\n@x.y[0](1)\nclass A(*b, metaclass=c): pass\n"
                  .replace("@x.y[0](1)\n", "@x.y(1)\n"))
    assert {"x", "a", "d", "assert"} == set(names(answer, "paths", "value")), answer
    if ask(b'{"root": "/"}')["version"].split(".")[1] >= "10":
        answer = read("match x:\n    case {'a': 1}:\n        open('m')\n    case _: open('n')\n")
        assert set(names(answer, "paths", "value")) == {"m", "n"} or answer["modules"][0]["error"]


@case
def the_script_parses_on_3_8():
    text = SCRIPT.read_text(encoding="utf-8")
    ast.parse(text, feature_version=(3, 8))
    assert text.startswith("# SPDX-License-Identifier: Apache-2.0\n")
    assert max(len(line) for line in text.splitlines()) <= 110, [
        i for i, line in enumerate(text.splitlines(), 1) if len(line) > 110]
    for name in ("removeprefix", "removesuffix", "ast.unparse", "zip(strict"):
        assert name not in text


@case
def the_script_reads_itself():
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder).resolve()
        (root / "main.py").write_bytes(SCRIPT.read_bytes())
        answer = read_at(root)
        assert answer["modules"][0]["error"] == "", answer["modules"]
        assert set(answer["cut"]) <= {"main.py: a call takes too many steps to be followed to its end"}, answer["cut"]


def main():
    failed = 0
    chosen = [(name, run) for name, run in CASES
              if len(sys.argv) < 2 or any(word in name for word in sys.argv[1:])]
    for python in [sys.executable] + os.environ.get("RUNUP_TEST_PYTHONS", "").split():
        PYTHON[0] = python
        forms_answer.clear()
        start = time.monotonic()
        for name, run in chosen:
            began = time.monotonic()
            try:
                run()
                if time.monotonic() - began > 5:
                    print("%s took %.1f s" % (name, time.monotonic() - began))
            except Exception:
                failed += 1
                print("FAILED %s (%s)" % (name, python))
                traceback.print_exc(file=sys.stdout)
        print("%s: %d cases in %.1f s" % (python, len(chosen), time.monotonic() - start))
    print("%d failed" % failed if failed else "all passed")
    return 1 if failed or not chosen else 0


if __name__ == "__main__":
    sys.exit(main())
