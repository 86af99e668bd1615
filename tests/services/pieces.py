# SPDX-License-Identifier: Apache-2.0
"""What the services of services.py are built from: model files, source text, and configs.

All of them serve the same thing: 4 numbers of a movement get its name.
"""

import json
import re
from pathlib import Path
from textwrap import dedent, indent

LABELS = ["sit", "walk", "run"]
WEIGHT = [[1.0, 0.0, 0.0, -1.0], [0.0, 1.0, -1.0, 0.0], [-0.5, 0.0, 0.5, 1.0]]
BIAS = [0.1, 0.0, -0.1]
# What the recorded request asks, and its answer. It is not the first label, which weights of zeros give, and has
# another place in the sorted list of them.
FEATURES = [0.5, 1.0, 1.5, 2.0]
LABEL = "run"
BODY = "samples/predict.json"

# ---- the model: a file, and the class that loads it


def write_torch(path):
    import torch

    torch.save({"model_state_dict": {"weight": torch.tensor(WEIGHT), "bias": torch.tensor(BIAS)},
                "labels": LABELS}, path)


def write_safetensors(path):
    import numpy
    from safetensors.numpy import save_file

    save_file({"weight": numpy.array(WEIGHT, dtype="float32"), "bias": numpy.array(BIAS, dtype="float32")}, path,
              metadata={"labels": json.dumps(LABELS)})


def write_npy(path):
    """Weights alone, the bias as a last column; the labels are a file of their own."""
    import numpy

    numpy.save(path, numpy.array([[*row, bias] for row, bias in zip(WEIGHT, BIAS)], dtype="float32"))
    path.with_name("labels.json").write_text(json.dumps(LABELS) + "\n")


def write_json(path):
    path.write_text(json.dumps({"weight": WEIGHT, "bias": BIAS, "labels": LABELS}) + "\n")


TORCH = dedent('''\
    """The classifier, in PyTorch."""

    import torch


    class Classifier:
        def __init__(self, path):
            checkpoint = torch.load(path, map_location="cpu", weights_only=True)
            self.network = torch.nn.Linear(4, 3)
            self.network.load_state_dict(checkpoint["model_state_dict"])
            self.network.eval()
            self.labels = checkpoint["labels"]

        def scores(self, features):
            with torch.inference_mode():
                return self.network(torch.tensor(features)).tolist()

        def predict(self, features):
            scores = self.scores(features)
            best = scores.index(max(scores))
            return {"label": self.labels[best], "score": scores[best]}
    ''')
# The methods of a classifier whose `weight` and `bias` are arrays.
ARRAYS = dedent('''\

    def scores(self, features):
        return (self.weight @ numpy.array(features, dtype="float32") + self.bias).tolist()

    def predict(self, features):
        scores = self.scores(features)
        best = scores.index(max(scores))
        return {"label": self.labels[best], "score": scores[best]}
    ''')
SAFETENSORS = dedent('''\
    """The classifier, in NumPy."""

    import json

    import numpy
    from safetensors import safe_open


    class Classifier:
        def __init__(self, path):
            with safe_open(path, framework="numpy") as file:
                self.weight = file.get_tensor("weight")
                self.bias = file.get_tensor("bias")
                self.labels = json.loads(file.metadata()["labels"])
    ''') + indent(ARRAYS, "    ")
NPY = dedent('''\
    """The classifier, in NumPy; its labels lie beside the weights."""

    import json

    import numpy


    class Classifier:
        def __init__(self, path):
            weights = numpy.load(path)
            self.weight, self.bias = weights[:, :-1], weights[:, -1]
            self.labels = json.loads(path.with_name("labels.json").read_text())
    ''') + indent(ARRAYS, "    ")
JSON = dedent('''\
    """The classifier, in plain Python."""

    import json


    class Classifier:
        def __init__(self, path):
            model = json.loads(path.read_text())
            self.weight, self.bias, self.labels = model["weight"], model["bias"], model["labels"]

        def scores(self, features):
            return [sum(w * x for w, x in zip(row, features)) + bias for row, bias in zip(self.weight, self.bias)]

        def predict(self, features):
            scores = self.scores(features)
            best = scores.index(max(scores))
            return {"label": self.labels[best], "score": scores[best]}
    ''')

# kind -> the file's name, what writes it, the class that loads it, and what the config says of its labels
MODELS = {
    "torch": ("models/model.pth", write_torch, TORCH, "{from: checkpoint, key: labels}"),
    "safetensors": ("models/model.safetensors", write_safetensors, SAFETENSORS, ""),
    "npy": ("models/model.npy", write_npy, NPY, "{from: file, path: models/labels.json}"),
    "json": ("models/model.json", write_json, JSON, ""),
}

# ---- source files

# Modules that are imported by name when a source says `name.`, and what is imported from others.
MODULES = ("asyncio", "http.server", "json", "logging", "os", "signal", "socket", "sys", "threading", "time", "flask",
           "torch")
NAMES = {"asynccontextmanager": "contextlib", "lru_cache": "functools", "make_server": "wsgiref.simple_server",
         "WSGIServer": "wsgiref.simple_server", "ThreadingMixIn": "socketserver", "Path": "pathlib",
         "BaseHTTPRequestHandler": "http.server", "ThreadingHTTPServer": "http.server",
         "FastAPI": "fastapi", "HTTPException": "fastapi", "BaseModel": "pydantic",
         "Starlette": "starlette.applications", "JSONResponse": "starlette.responses",
         "PlainTextResponse": "starlette.responses", "RedirectResponse": "starlette.responses",
         "Mount": "starlette.routing", "Route": "starlette.routing", "Classifier": "classifier"}


def source(*parts):
    """A Python file of these parts, with the imports that they need on top."""
    code = "\n\n".join(dedent(part).strip("\n") + "\n" for part in parts if part)
    lines = [f"import {name}" for name in MODULES if re.search(rf"(?<![\w.]){re.escape(name)}\.", code)]
    wanted = {}
    for name, module in NAMES.items():
        if re.search(rf"(?<![\w.]){name}\b", code):
            wanted.setdefault(module, []).append(name)
    lines += [f"from {module} import {', '.join(names)}" for module, names in wanted.items()]
    return "\n".join(lines) + "\n\n" + code


def model_path(model):
    return f'MODEL_PATH = Path(__file__).resolve().parent / "{MODELS[model][0]}"'


# ---- FastAPI

# The model that could not be loaded is none, and the service starts all the same.
LIFESPAN = """
    @asynccontextmanager
    async def lifespan(app):
        app.state.model = None
        try:
            app.state.model = Classifier(MODEL_PATH)
        except Exception:
            logging.exception("could not load %s", MODEL_PATH)
        yield


    app = FastAPI(lifespan=lifespan)
    """
# The model that could not be loaded ends the service.
LIFESPAN_EXITS = """
    @asynccontextmanager
    async def lifespan(app):
        app.state.model = Classifier(MODEL_PATH)
        yield


    app = FastAPI(lifespan=lifespan)
    """
HEALTH = """
    @app.get("/health")
    def health():
        if app.state.model is None:
            raise HTTPException(503, "the model is not loaded")
        return {"status": "ok"}
    """
HEALTH_CONSTANT = """
    @app.get("/health")
    def health():
        return {"status": "ok"}
    """
PREDICT = """
    class Movement(BaseModel):
        features: list[float]


    @app.post("/predict")
    def predict(movement: Movement):
        if app.state.model is None:
            raise HTTPException(503, "the model is not loaded")
        return app.state.model.predict(movement.features)
    """
PREDICT_UNCHECKED = """
    class Movement(BaseModel):
        features: list[float]


    @app.post("/predict")
    def predict(movement: Movement):
        return app.state.model.predict(movement.features)
    """
LIVE = """
    @app.get("/live")
    def live():
        return {"alive": True}
    """


def fastapi(model, *more, start=LIFESPAN, health=HEALTH, predict=PREDICT):
    return source(model_path(model), start, health, predict, *more)


# ---- the standard library's server

LOAD = """
    MODEL = None
    try:
        MODEL = Classifier(MODEL_PATH)
    except Exception:
        logging.exception("could not load %s", MODEL_PATH)
    """
LOAD_EXITS = "MODEL = Classifier(MODEL_PATH)"
HEALTH_ANSWER = """
    if MODEL is None:
        return self.answer(503, {"error": "the model is not loaded"})
    self.answer(200, {"status": "ok"})
    """
PREDICT_ANSWER = """
    if MODEL is None:
        return self.answer(503, {"error": "the model is not loaded"})
    self.answer(200, MODEL.predict(features))
    """
SERVE = "ThreadingHTTPServer((sys.argv[1], int(sys.argv[2])), Handler).serve_forever()"


def handler(health=HEALTH_ANSWER, predict=PREDICT_ANSWER, health_path="/health"):
    text = '''\
        class Handler(BaseHTTPRequestHandler):
            def answer(self, status, content):
                text = json.dumps(content).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def do_GET(self):
                if self.path != "{health_path}":
                    return self.answer(404, {"error": "no such path"})
        {health}

            def do_POST(self):
                features = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["features"]
        {predict}

            def log_message(self, *arguments):
                pass
        '''
    parts = {"{health_path}": health_path}
    for name, lines in (("{health}", health), ("{predict}", predict)):
        parts[name] = indent(dedent(lines).strip("\n"), " " * 8)
    text = dedent(text)
    for name, value in parts.items():
        text = text.replace(name, value)
    return text


def plain(model, *more, load=LOAD, serve=SERVE, **answers):
    return source(model_path(model), load, handler(**answers), *more, serve)


# ---- Flask

FLASK_ROUTES = """
    @app.get("/health")
    def health():
        if MODEL is None:
            return {"error": "the model is not loaded"}, 503
        return {"status": "ok"}


    @app.post("/predict")
    def predict():
        if MODEL is None:
            return {"error": "the model is not loaded"}, 503
        return MODEL.predict(flask.request.get_json()["features"])
    """


def flask_app(model, *more, load=LOAD, routes=FLASK_ROUTES):
    return source(model_path(model), "app = flask.Flask(__name__)", load, routes, *more)


# ---- commands

UVICORN = "python3 -m uvicorn main:app --host {host} --port {port}"
GUNICORN = "python3 -m gunicorn main:app --bind {host}:{port}"
PLAIN = "python3 main.py {host} {port}"

# ---- files


def put_file(folder, name, content, *, executable=False):
    """Writes one file, and the folders above it."""
    path = Path(folder, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(dedent(content), encoding="utf-8")
    if executable:
        path.chmod(0o755)


def put_model(folder, model, name=None):
    """The model file, as the training script wrote it."""
    path = Path(folder, name or MODELS[model][0])
    path.parent.mkdir(parents=True, exist_ok=True)
    MODELS[model][1](path)


def put_service(folder, model, main, *, classifier=None):
    """The code and the model of a service, and the recorded request."""
    put_file(folder, "main.py", main)
    put_file(folder, "classifier.py", classifier or MODELS[model][2])
    put_file(folder, BODY, json.dumps({"features": FEATURES}) + "\n")
    put_model(folder, model)


def config(name, model, *, command, readiness, liveness, predict, label, promise, top=(), service=(), checks=()):
    """runup.yaml; `top`, `service` and `checks` are further lines of the file and of these parts of it."""
    path, _, _, labels = MODELS[model]
    answer = f"{{path: {predict}, body: {BODY}, label: {label}}}"
    lines = [
        "version: 1",
        f"target: {name}",
        "package: .",
        "entrypoint: main.py",
        *top,
        "models:",
        "  movement:",
        f"    path: {path}",
        *(["    state_dict: model_state_dict"] if model == "torch" else []),
        *([f"    labels: {labels}"] if labels else []),
        "    inputs:",
        "      - {name: features, dtype: float32, shape: [4]}",
        "service:",
        f"  command: {json.dumps(command)}",
        *([f'  readiness: "{readiness}"'] if readiness else []),
        *([f'  liveness: "{liveness}"'] if liveness else []),
        *([f"  predict: {answer}"] if predict else []),
        *([f"  on_missing_model: {promise}"] if promise else []),
        *(f"  {line}" for line in service),
        "checks:",
        "  inference: {required: false}",
        *(f"  {line}" for line in checks),
    ]
    return "\n".join(lines) + "\n"
