#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Shows with Python alone that each package of packages.py is what it is said to be.

    packages_test.py [--fresh] [NAME...]

A good one loads from another folder than its own, gives the recorded answer and serves it. A faulty one shows
the symptom that it would show on a server. --fresh starts a new interpreter for each visit, which takes longer.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path

os.environ.update(OMP_NUM_THREADS="1", CUDA_VISIBLE_DEVICES="", PYTHONDONTWRITEBYTECODE="1")
sys.dont_write_bytecode = True

import numpy  # noqa: E402
from packages import KOREAN, PACKAGES  # noqa: E402
from pieces import LABELS, MODEL, SAMPLE  # noqa: E402

VISIT = Path(__file__).resolve().with_name("visit.py")
# Larger than what another order of summation makes, and smaller than any fault.
TOLERANCE = 1e-4


class Visitor:
    """Sends requests to visit.py: to forks of one interpreter, or to an interpreter for each."""

    def __init__(self, scratch, fresh):
        self._scratch = scratch
        # a proxy would answer for a host that does not exist
        self._environment = {k: v for k, v in os.environ.items() if "proxy" not in k.lower()}
        self._environment["TORCH_HOME"] = str(scratch / "torch")
        self._forks = None
        if not fresh:
            self._forks = subprocess.Popen(
                [sys.executable, VISIT],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                env=self._environment,
            )

    def close(self):
        if self._forks:
            self._forks.stdin.close()
            self._forks.wait()

    def __call__(self, package, folder, *, cwd=None, env=None, prelude="", place=None):
        """`place`: (folder, absolute path) bound to that path in a mount namespace of the process."""
        elsewhere = self._scratch / "elsewhere"
        elsewhere.mkdir(exist_ok=True)
        request = {
            "app": str(folder / package.app),
            "cwd": str(cwd or elsewhere),
            "env": env or {},
            "factory": package.factory,
            "server": "app.main" if (folder / "app/main.py").exists() else "main",
            "input": str(folder / "samples/x.npy"),
            "prelude": prelude,
        }
        line = json.dumps(request) + "\n"
        if self._forks and not place:
            self._forks.stdin.write(line)
            self._forks.stdin.flush()
            return json.loads(self._forks.stdout.readline())
        command = [*(bound(*place) if place else ()), sys.executable, VISIT, "--one"]
        done = subprocess.run(command, input=line, capture_output=True, text=True, env=self._environment)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


NAMESPACE = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-ec"]


def bound(folder, at):
    """A command that runs what follows it where `folder` is mounted at `at`, a path in /srv."""
    script = 'mount -t tmpfs none /srv; mkdir -p "$1"; mount --bind "$2" "$1"; shift 2; exec "$@"'
    return [*NAMESPACE, script, "sh", at, str(folder)]


def can_mount():
    return subprocess.run([*NAMESPACE, "mount -t tmpfs none /srv"], capture_output=True).returncode == 0


def run_python(code, folder):
    """What `code` prints in an interpreter that was started in `folder`."""
    # Debian's ONNX Runtime says hundreds of harmless things on stderr
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


# ---- what an answer must be


def in_short(rows):
    return " ".join(f"{value:.2f}" for value in rows[0])


def recorded(folder):
    return numpy.load(folder / "samples/x.out.npy")


def assert_right(answer, folder):
    """The recorded numbers, twice and in a batch, and the right name, by the factory and by the server."""
    assert "error" not in answer and "server_error" not in answer, answer
    assert answer["names"] == answer["served"] == [SAMPLE], answer
    assert answer["health"] == 200, answer
    assert numpy.allclose(answer["logits"], recorded(folder), atol=TOLERANCE), answer
    assert answer["again"] == answer["logits"], answer
    assert not [text for text in answer["warnings"] if "InconsistentVersion" in text], answer


def assert_fails(answer, kind, *parts):
    """The factory, or the first prediction, fails so; and so does the server."""
    for key in ("error", "server_error"):
        text = answer.get(key, "no error")
        # torch, pathlib and urllib raise classes of their own that derive from these
        assert re.match(rf"({kind}): ", text), f"{key}: {text}; expected {kind}"
        for part in parts:
            assert part in text, f"{key}: {text}; expected `{part}`"
    return line_with(answer["error"], parts)


def line_with(text, parts):
    """The kind of error, and the first line that says one of `parts`."""
    lines = text.splitlines()
    telling = next(line.strip() for line in lines if any(part in line for part in parts))
    return telling if telling == lines[0] else f"{lines[0].split(': ')[0]}: {telling}"


def fails(kind, *parts, **how):
    def show(visit, package, folder):
        return assert_fails(visit(package, folder, **how), kind, *parts)

    return show


def fails_elsewhere(name):
    def show(visit, package, folder):
        assert_right(visit(package, folder, cwd=folder), folder)
        return assert_fails(visit(package, folder), "FileNotFoundError", name)

    return show


def answers(name):
    """No error, and this name instead of the right one, of the right numbers."""

    def show(visit, package, folder):
        answer = visit(package, folder)
        assert numpy.allclose(answer["logits"], recorded(folder), atol=TOLERANCE), answer
        assert answer["names"] == answer["served"] == [name], answer
        return f"answers {name} instead of {SAMPLE}"

    return show


def random_answers(visit, package, folder):
    first, second = visit(package, folder), visit(package, folder)
    for answer in (first, second):
        assert "error" not in answer and answer["health"] == 200, answer
        assert not numpy.allclose(answer["logits"], recorded(folder), atol=0.1), answer
    assert first["logits"] != second["logits"], first
    return f"two starts answer {in_short(first['logits'])} and {in_short(second['logits'])}, with /health 200"


def old_answers(visit, package, folder):
    answer = visit(package, folder)
    assert "error" not in answer and answer["health"] == 200, answer
    assert answer["names"] == answer["served"] != [SAMPLE], answer
    assert not numpy.allclose(answer["logits"], recorded(folder), atol=0.1), answer
    return f"answers {answer['names'][0]} instead of {SAMPLE}, with /health 200"


def changing_answers(visit, package, folder):
    answer = visit(package, folder)
    assert "error" not in answer and answer["health"] == 200, answer
    worst = numpy.abs(numpy.subtract(answer["logits"], answer["again"])).max()
    assert worst > 0.1, answer
    return f"the same input twice differs by {worst:.2f}"


def state_changing_answers(visit, package, folder):
    assert numpy.allclose(visit(package, folder)["logits"], recorded(folder), atol=TOLERANCE)
    return changing_answers(visit, package, folder)


# ---- symptoms that need more than a visit


def variable_not_set(visit, package, folder):
    assert_right(visit(package, folder, env={"GESTURE_MODEL": str(folder / MODEL)}), folder)
    return assert_fails(visit(package, folder), "KeyError", "GESTURE_MODEL")


def ignored_by_docker(visit, package, folder):
    assert_right(visit(package, folder), folder)
    left_out = [line.strip("/") for line in (folder / ".dockerignore").read_text().split()]
    image = folder.with_name(f"{folder.name}-image")
    shutil.copytree(folder, image, ignore=shutil.ignore_patterns(*left_out))
    return assert_fails(visit(package, image), "FileNotFoundError", MODEL)


AS_SCRIPT = """
import json, runpy, sys, numpy, uvicorn
from fastapi.testclient import TestClient
def run(app):
    with TestClient(app) as client:
        frames = numpy.load("samples/x.npy").tolist()
        print(json.dumps(client.post("/predict", json={"frames": frames}).json()["labels"]))
uvicorn.run = run
sys.path[0] = "."
runpy.run_path("main.py", run_name="__main__")
"""


def works_as_script_only(visit, package, folder):
    assert json.loads(run_python(AS_SCRIPT, folder)) == [SAMPLE]
    return assert_fails(visit(package, folder), "AttributeError", "GestureNet", "__main__")


def factory_gone(visit, package, folder):
    answer = visit(package, folder)
    assert answer["error"].startswith("AttributeError: "), answer
    assert answer["server_error"].startswith("ImportError: cannot import name 'load_predictor'"), answer
    return answer["server_error"]


def fails_for_two(visit, package, folder):
    answer = visit(package, folder)
    assert answer["names"] == answer["served"] == [SAMPLE], answer
    assert "is invalid for input of size 16" in answer["error"], answer
    return answer["error"]


RUN_ONNX = """
import numpy, onnxruntime
session = onnxruntime.InferenceSession("models/net.onnx", providers=["CPUExecutionProvider"])
print(session.run(None, {"frames": numpy.load("samples/x.npy")})[0].tolist())
"""


def conversion_differs(visit, package, folder):
    assert_right(visit(package, folder), folder)
    got = json.loads(run_python(RUN_ONNX, folder))
    assert not numpy.allclose(got, recorded(folder), rtol=1e-2, atol=1e-2), got
    return f"ONNX answers {in_short(got)} instead of {in_short(recorded(folder))}"


# The server that the requirements describe, as far as the fault needs it.
WITHOUT = """
import sys, {first}
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name == {name!r} or name.startswith({name!r} + "."):
            raise ModuleNotFoundError("No module named " + repr({name!r}), name=name)
sys.meta_path.insert(0, Absent())
for name in [name for name in sys.modules if name == {name!r} or name.startswith({name!r} + ".")]:
    del sys.modules[name]
"""
OTHER_SCIKIT_LEARN = """
import sklearn.base
sklearn.base.__version__ = "1.6.1"
"""
TORCH_WITHOUT_UINT16 = """
import torch._weights_only_unpickler as unpickler
del unpickler._get_allowed_globals()["torch.uint16"]
"""


TORCH_1_12 = """
import torch
load = torch.load
def load_as_before(*arguments, **named):
    if "weights_only" in named:
        raise TypeError("'weights_only' is an invalid keyword argument for Unpickler()")
    return load(*arguments, **named)
torch.load = load_as_before
"""


def warns_of_scikit_learn(visit, package, folder):
    answer = visit(package, folder, prelude=OTHER_SCIKIT_LEARN)
    texts = [text for text in answer["warnings"] if text.startswith("InconsistentVersionWarning: ")]
    assert texts and "from version 1.4.2 when using version 1.6.1" in texts[0], answer
    return texts[0].split(". ")[0]


def needs_scikit_learn(visit, package, folder):
    assert_right(visit(package, folder), folder)
    prelude = WITHOUT.format(name="sklearn", first="torch")
    answer = visit(package, folder, prelude=prelude)
    return assert_fails(answer, "ModuleNotFoundError", "No module named 'sklearn'")


SYMPTOMS = {
    "path-relative-to-cwd": fails_elsewhere(MODEL),
    "labels-relative-to-cwd": fails_elsewhere("models/labels.json"),
    "path-variable-not-set": variable_not_set,
    "path-of-developers-home": fails("FileNotFoundError", "/home/minji/gestures"),
    "file-name-in-other-case": fails("FileNotFoundError", MODEL),
    "file-name-decomposed": fails("FileNotFoundError", KOREAN),
    "model-ignored-by-docker": ignored_by_docker,
    "labels-file-missing": fails("FileNotFoundError", "labels.json"),
    "lfs-pointer": fails("UnpicklingError", "Unsupported operand 118"),
    "html-page": fails("UnpicklingError", "Unsupported operand 60"),
    "truncated": fails("RuntimeError", "failed finding central directory"),
    "downloads-at-start": fails("URLError", "urlopen error"),
    "class-of-main": fails("AttributeError", "Can't get attribute 'GestureNet' on <module '__main__'"),
    "class-of-main-given-under-guard": works_as_script_only,
    "class-of-main-in-image-of-uvicorn": works_as_script_only,
    "class-in-module-that-moved": fails("ModuleNotFoundError", "No module named 'networks'"),
    "class-renamed": fails("AttributeError", "Can't get attribute 'GestureNet' on <module 'serving.network'"),
    "encoder-refused-by-weights-only": fails("UnpicklingError", "sklearn.preprocessing._label.LabelEncoder"),
    "numpy-scalar-half-allowed": fails("UnpicklingError", "numpy.dtypes.Float64DType"),
    "newer-pickle-protocol": fails("UnpicklingError", "Unsupported operand 149"),
    "path-object-of-windows": fails("UnsupportedOperation|NotImplementedError", "instantiate 'WindowsPath'"),
    "parallel-prefix": fails("RuntimeError", 'Unexpected key(s) in state_dict: "module.body.0.weight"'),
    "head-of-other-size": fails("RuntimeError", "size mismatch for head.weight"),
    "storages-of-gpu": fails("RuntimeError", "Attempting to deserialize object on a CUDA device"),
    "always-to-gpu": fails("AssertionError|RuntimeError", "CUDA"),
    "random-head-by-strict-false": random_answers,
    "random-network-on-error": random_answers,
    "older-checkpoint-on-error": old_answers,
    "label-missing": fails("IndexError", "list index out of range"),
    "labels-in-other-order": answers("palm"),
    "labels-invented": answers(f"Gesture_{LABELS.index(SAMPLE)}"),
    "factory-renamed": factory_gone,
    "factory-returns-none": fails("AttributeError", "'NoneType' object has no attribute 'predict'"),
    "imports-what-nobody-installs": fails("ModuleNotFoundError", "No module named 'einops'"),
    "circular-import": fails("ImportError", "most likely due to a circular import"),
    "package-named-as-standard-module": fails("ModuleNotFoundError", "'types' is not a package"),
    "encoder-without-scikit-learn": needs_scikit_learn,
    "encoder-of-other-scikit-learn": warns_of_scikit_learn,
    "numpy-older-than-pickle": fails(
        "ModuleNotFoundError",
        "No module named 'numpy._core'",
        prelude=WITHOUT.format(name="numpy._core", first="torch, sklearn.preprocessing"),
    ),
    "torch-older-than-checkpoint": fails("UnpicklingError", "torch.uint16", prelude=TORCH_WITHOUT_UINT16),
    "argument-newer-than-pin": fails("TypeError", "'weights_only' is an invalid keyword", prelude=TORCH_1_12),
    "never-eval": changing_answers,
    "answers-change-the-state": state_changing_answers,
    "batch-of-one-only": fails_for_two,
    "input-transposed": fails("RuntimeError", "mat1 and mat2 shapes cannot be multiplied"),
    "onnx-of-earlier-epoch": conversion_differs,
    "class-of-main-started-as-script": works_as_script_only,
}

# What the deployment puts at an absolute path: a folder of the package, and the path.
PLACES = {
    "model-in-mounted-folder": ("store", "/srv/models"),
    "absolute-path-where-installed": (".", "/srv/gestures"),
}


def show(visit, package, folder):
    if package.fault or package.name in SYMPTOMS:
        return SYMPTOMS[package.name](visit, package, folder)
    part, at = PLACES.get(package.name, (None, None))
    if at and not can_mount():
        return f"not looked at: nothing can be mounted at {at} here"
    assert_right(visit(package, folder, place=(folder / part, at) if at else None), folder)
    return f"answers {SAMPLE}"


def main():
    arguments = sys.argv[1:]
    fresh = "--fresh" in arguments
    wanted = [name for name in arguments if name != "--fresh"] or [package.name for package in PACKAGES]
    faulty_names = {package.name for package in PACKAGES if package.fault}
    assert faulty_names | {"class-of-main-started-as-script"} == set(SYMPTOMS), faulty_names ^ set(SYMPTOMS)
    assert len({package.name for package in PACKAGES}) == len(PACKAGES)
    wrong = 0
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="runup-packages-") as scratch:
        visit = Visitor(Path(scratch), fresh)
        for package in PACKAGES:
            if package.name not in wanted:
                continue
            folder = Path(scratch, package.name)
            try:
                package.write(folder)
                text = show(visit, package, folder)
                print(f"{package.name} ({package.fault or 'good'}): {text[:150]}", flush=True)
            except Exception:
                wrong += 1
                print(f"{package.name} ({package.fault or 'good'}): WRONG", flush=True)
                traceback.print_exc()
        visit.close()
    print(f"{len(wanted)} packages, {wrong} wrong, {time.monotonic() - started:.0f} s")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
