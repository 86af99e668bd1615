# SPDX-License-Identifier: Apache-2.0
"""What the packages of packages.py are built from: source text, trained weights and configs.

All of them serve the same thing: a movement, recorded as 8 numbers, gets the name of a gesture.
"""

import contextlib
import functools
import json
import sys
import types
from pathlib import Path
from textwrap import dedent, indent

import numpy
import torch

FEATURES = 8
LABELS = ["fist", "palm", "point", "stop"]
# The last one, so that a list of names that is too short cannot answer it.
SAMPLE = "stop"
MODEL = "models/net.pth"

# The versions of Debian 13, with which the checkpoints are written and read.
VERSIONS = {
    "torch": "2.6.0",
    "numpy": "2.2.4",
    "fastapi": "0.115.11",
    "uvicorn": "0.32.0",
    "scikit-learn": "1.4.2",
    "onnxruntime": "1.21.0",
    "safetensors": "0.4.5",
}
USUAL = ("torch", "numpy", "fastapi", "uvicorn")


def requirements(*more, **pinned):
    """requirements.txt with what every service needs, `more`, and other versions of some."""
    return "".join(requirements_line(name, pinned.get(name.replace("-", "_"))) for name in (*USUAL, *more))


def requirements_line(name, version=None):
    return f"{name}=={version or VERSIONS[name]}\n"


# ---- the network


def network_source(*, top="from torch import nn", init="", forward="x = x.unsqueeze(1)", before=""):
    """network.py; the parts that faults change are parameters."""
    text = dedent('''\
        """The network: float32 [batch, 8] in, one logit for each gesture out."""

        {top}

        FEATURES = 8


        class GestureNet(nn.Module):
            def __init__(self, classes=4, channels=8):
                super().__init__()
                self.body = nn.Sequential(
                    nn.Conv1d(1, channels, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Dropout(0.3)
                )
                self.head = nn.Linear(channels * FEATURES, classes)
        {init}
            def forward(self, x):
        {forward}
                return self.head(self.body(x))
        ''')
    lines = {"init": indent(init, " " * 8) + "\n" if init else "", "forward": indent(forward, " " * 8)}
    return text.format(top=top, **lines)


NETWORK = network_source()


@contextlib.contextmanager
def imported(name, source):
    """The module `name`, made of `source`, as a training script would have imported it."""
    module = types.ModuleType(name)
    parents = [".".join(name.split(".")[:depth]) for depth in range(1, name.count(".") + 1)]
    before = {key: sys.modules.get(key) for key in (*parents, name)}
    # pickle looks a class up under its module's name, and refuses another object than the one it saves
    sys.modules.update({key: types.ModuleType(key) for key in parents} | {name: module})
    try:
        exec(compile(source, name, "exec"), module.__dict__)
        yield module
    finally:
        for key, value in before.items():
            if value is None:
                del sys.modules[key]
            else:
                sys.modules[key] = value


def network_of(state, code):
    """The network of the module `code` with these weights, in eval mode."""
    model = code.GestureNet(classes=len(state["head.bias"]))
    model.load_state_dict(state)
    return model.eval()


# ---- training


def prototypes():
    """The movement that each gesture is a noisy copy of, in the order of LABELS."""
    return torch.randn(len(LABELS), FEATURES, generator=torch.Generator().manual_seed(3))


def sample():
    """A recorded movement of the gesture SAMPLE, that training never saw."""
    noise = torch.randn(1, FEATURES, generator=torch.Generator().manual_seed(17))
    return (prototypes()[LABELS.index(SAMPLE)] + 0.1 * noise).numpy()


@functools.cache
def trained(steps=60):
    """The state_dict after `steps` steps of training; of 0 it is a fresh network's."""
    with imported("network", NETWORK) as code, torch.random.fork_rng():
        # with this seed the untrained network gives the sample another name
        torch.manual_seed(5)
        model = code.GestureNet(len(LABELS)).train()
        optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
        for _ in range(steps):
            wanted = torch.randint(len(LABELS), (32,))
            frames = prototypes()[wanted] + 0.3 * torch.randn(32, FEATURES)
            loss = torch.nn.functional.cross_entropy(model(frames), wanted)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return model.state_dict()


def logits(state, frames):
    with imported("network", NETWORK) as code, torch.inference_mode():
        return network_of(state, code)(torch.from_numpy(frames)).numpy()


def encoder():
    from sklearn.preprocessing import LabelEncoder

    return LabelEncoder().fit(LABELS)


def checkpoint(**other):
    """What the training script saves; a key of `other` that is None is left out."""
    content = {"model_state_dict": trained(), "labels": LABELS, "epoch": 60} | other
    return {key: value for key, value in content.items() if value is not None}


def checkpoint_with_encoder(**other):
    return checkpoint(labels=None, label_encoder=encoder(), **other)


def save_on_device(content, path, tag):
    """Saves as on a machine whose tensors live on `tag`; needs no such device."""
    real = torch.serialization.location_tag
    torch.serialization.location_tag = lambda storage: tag
    try:
        torch.save(content, path)
    finally:
        torch.serialization.location_tag = real


# ---- the predictor's source

ANCHORED = f'MODEL_PATH = Path(__file__).resolve().parent.parent / "{MODEL}"'
LABELS_BESIDE = 'LABELS_PATH = MODEL_PATH.parent / "labels.json"'

READ = 'checkpoint = torch.load(MODEL_PATH, map_location="cpu", weights_only=True)'
READ_OBJECTS = READ.replace("weights_only=True", "weights_only=False")
BUILD = "model = GestureNet()"
FILL = 'model.load_state_dict(checkpoint["model_state_dict"])'
EVAL = "model.eval()"
NAMES = 'labels = checkpoint["labels"]'
NAMES_OF_ENCODER = 'labels = [str(name) for name in checkpoint["label_encoder"].classes_]'
NAMES_BESIDE = 'labels = json.loads(LABELS_PATH.read_text(encoding="utf-8"))'
READ_MODULE = READ_OBJECTS.replace("checkpoint", "model", 1)

# what a pickled LabelEncoder is made of, for weights_only=True
ENCODER_GLOBALS = dedent("""\
    ALLOWED = [
        LabelEncoder,
        numpy._core.multiarray._reconstruct,
        numpy.ndarray,
        numpy.dtype,
        numpy.dtypes.StrDType,
    ]
    torch.serialization.add_safe_globals(ALLOWED)""")


def load(*, read=READ, build=BUILD, fill=FILL, ready=EVAL, names=NAMES):
    """The lines of a function that loads a `model` and its `labels`."""
    return "\n".join(line for line in (read, build, fill, ready, names) if line)


def guarded(trial, otherwise):
    """`trial`, with every exception swallowed."""
    caught = f'except Exception as error:\n    print("could not load:", error)\n{indent(otherwise, "    ")}'
    return f'try:\n{indent(trial, "    ")}\n{caught}'


# Turns frames into the network's input and its answer into numbers and names.
PREDICTOR_CLASS = dedent('''\
    class Predictor:
        def __init__(self, model, labels):
            self.model = model
            self.labels = labels

        def logits(self, frames):
            """[batch, 8] numbers to float32 [batch, classes]."""
            x = torch.from_numpy(numpy.asarray(frames, dtype=numpy.float32))
            with torch.inference_mode():
                return self.model(x).numpy()

        def predict(self, frames):
            """The gesture's name for each row."""
            return [self.labels[best] for best in self.logits(frames).argmax(axis=1)]
    ''')

# One predictor for the process, made at the first call.
CACHED = dedent("""\
    @functools.lru_cache(maxsize=1)
    def get_predictor():
    {loading}
        return Predictor(model, labels)
    """)

# The same, made when the module is imported.
AT_IMPORT = dedent("""\
    def load_predictor():
    {loading}
        return Predictor(model, labels)


    PREDICTOR = load_predictor()


    def get_predictor():
        return PREDICTOR
    """)


def predictor_source(
    loading=None,
    *,
    where=ANCHORED,
    runtime="torch",
    imports="",
    network_import="\nfrom serving.network import GestureNet",
    definitions=PREDICTOR_CLASS,
    factory=CACHED,
):
    """predictor.py; `loading` are the lines that load `model` and `labels`."""
    factory = factory.replace("{loading}", indent(loading or load(), "    "))
    code = "\n".join((where, definitions, factory))
    standard = [f"import {name}" for name in ("functools", "json", "os", "sys", "threading") if f"{name}." in code]
    head = [
        '"""Loads the model and answers predictions."""\n',
        *standard,
        *(["from pathlib import Path"] if "Path(" in code else []),
        *([""] if standard or "Path(" in code else []),
        "import numpy",
        f"import {runtime}",
        *(line for line in (imports, network_import) if line),
    ]
    sections = ["\n".join(head) + (f"\n\n{where}" if where else ""), definitions, factory]
    return "\n\n\n".join(section.strip("\n") for section in sections if section) + "\n"


# ---- the server's source


LIFESPAN = dedent("""\
    @asynccontextmanager
    async def lifespan(app):
        app.state.predictor = get_predictor()
        yield


    app = FastAPI(title="gestures", lifespan=lifespan)
    """)
HEALTH = 'return {"status": "ok"}'


def server_source(
    predictor_import="from serving.predictor import get_predictor",
    *,
    start=LIFESPAN,
    health=HEALTH,
    answer="app.state.predictor.predict(body.frames)",
    end="",
):
    """main.py: loads the model as it starts; without one it does not start."""
    text = dedent('''\
        """Gesture service.  uvicorn main:app --app-dir <this folder>"""

        {standard}from fastapi import {fastapi}
        from pydantic import BaseModel

        {predictor_import}


        {start}

        class Movement(BaseModel):
            frames: list[list[float]]


        @app.get("/health")
        def health():
        {health}


        @app.post("/predict")
        def predict(body: Movement):
            return {{"labels": {answer}}}
        {end}''')
    code = start + health
    return text.format(
        standard="from contextlib import asynccontextmanager\n\n" if "asynccontextmanager" in code else "",
        fastapi="FastAPI, HTTPException" if "HTTPException" in code else "FastAPI",
        predictor_import=predictor_import,
        start=start,
        health=indent(health, "    "),
        answer=answer,
        end=end,
    )


# ---- the config

FROM_CHECKPOINT = "{from: checkpoint, key: labels}"
FROM_ENCODER = "{from: checkpoint, key: label_encoder}"
FROM_FILE = "{from: file, path: models/labels.json}"


def config(
    name,
    *,
    package=".",
    entrypoint="main.py",
    path=MODEL,
    factory="serving.predictor:get_predictor",
    state_dict="model_state_dict",
    labels=FROM_CHECKPOINT,
    sample_label=SAMPLE,
    top=(),
    model=(),
):
    """runup.yaml; `top` and `model` are further lines of the file and of its model."""
    label = f", label: {sample_label}" if sample_label else ""
    return "\n".join(
        [
            "version: 1",
            f"target: {name}",
            f"package: {package}",
            *top,
            f"entrypoint: {entrypoint}",
            "models:",
            "  net:",
            f"    path: {path}",
            f"    factory: {factory}",
            *([f"    state_dict: {state_dict}"] if state_dict else []),
            "    device: cpu",
            f"    labels: {labels}",
            "    inputs:",
            "      - {name: frames, dtype: float32, shape: [batch, 8]}",
            "    axes:",
            "      batch: {example: 1, range: [1, 4]}",
            "    samples:",
            f"      - {{input: samples/x.npy, output: samples/x.out.npy{label}}}",
            *(f"    {line}" for line in model),
            "",
        ]
    )


# ---- writing


def put_file(folder, name, content):
    """Writes one file, and the folders above it."""
    path = Path(folder, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        path.write_text(content, encoding="utf-8")
    return path


def put_checkpoint(folder, content, name=MODEL, **how):
    path = put_file(folder, name, b"")
    torch.save(content, path, **how)
    return path


def put_module(folder, module):
    """The network as a whole object, as pickled by a script that had its class in `module`."""
    with imported(module, NETWORK) as code:
        put_checkpoint(folder, network_of(trained(), code))


def put_labels(folder):
    put_file(folder, "models/labels.json", json.dumps(LABELS) + "\n")


def put_samples(folder):
    """A recorded input, and what the network that was trained answers to it."""
    Path(folder, "samples").mkdir(parents=True, exist_ok=True)
    numpy.save(Path(folder, "samples/x.npy"), sample())
    numpy.save(Path(folder, "samples/x.out.npy"), logits(trained(), sample()))


def put_service(folder, *, predictor=None, network=NETWORK, main=None, needs=None, package="serving"):
    """The code of a service; the model is the caller's."""
    put_file(folder, "main.py", main or server_source())
    put_file(folder, "requirements.txt", needs or requirements())
    put_file(folder, f"{package}/__init__.py", "")
    put_file(folder, f"{package}/network.py", network)
    put_file(folder, f"{package}/predictor.py", predictor or predictor_source())
