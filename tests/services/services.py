# SPDX-License-Identifier: Apache-2.0
"""Small servers: good ones of many shapes, and others with one fault each.

Each function below writes the code and the model of one package; its docstring says what is wrong with it, and its
decorator which errors runup must find. symptoms_test.py shows without runup that they are what they are said to be.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent, indent

from pieces import (
    FLASK_ROUTES,
    GUNICORN,
    HEALTH,
    HEALTH_CONSTANT,
    LABEL,
    LABELS,
    LIFESPAN,
    LIFESPAN_EXITS,
    LIVE,
    LOAD,
    LOAD_EXITS,
    MODELS,
    PLAIN,
    PREDICT,
    PREDICT_UNCHECKED,
    TORCH,
    UVICORN,
    config,
    fastapi,
    flask_app,
    model_path,
    plain,
    put_file,
    put_model,
    put_service,
    source,
)


@dataclass(frozen=True)
class Service:
    name: str
    # writes the package into a folder, which is made if need be
    write: Callable[[Path], None]
    # what is wrong with it, or what a good one is
    words: str
    good: bool
    # `CHECK/FINDING`: all errors of the four checks
    expected: frozenset[str]
    # of the four checks together: ready, not ready or undecided
    verdict: str
    # checks that see the same fault through the start that failed: they may be undecided
    unsettled: frozenset[str]
    # rows of the failure catalogue
    rows: str
    # what starts it, and what is asked
    command: str
    readiness: str
    liveness: str
    predict: str
    # the model file, relative to the package
    model: str
    promise: str
    environment: dict[str, str]
    # where the package stands on the server; "" for anywhere
    installed_at: str


SERVICES: list[Service] = []
ALL_CHECKS = ("service-health", "startup-failure", "startup-time", "service-stop")


def _service(good, expected=(), *, rows="", model="safetensors", command=UVICORN, readiness="/health", liveness="",
             predict="/predict", label=LABEL, promise="unhealthy", verdict="", unsettled=(), environment=None,
             installed_at="", lines=(), checks=()):
    """Makes a service of the function that writes it; `lines` and `checks` are further ones of the config."""

    def register(build):
        name = build.__name__.replace("_", "-")
        environment_ = environment or {}
        service = [*lines, *([f"env: {{{', '.join(f'{k}: {v!r}' for k, v in environment_.items())}}}"]
                             if environment_ else [])]
        text = config(name, model, command=command, readiness=readiness, liveness=liveness, predict=predict,
                      label=label, promise=promise, service=service, checks=checks,
                      top=[f"installed_at: {installed_at}"] if installed_at else [])

        def write(folder):
            put_file(folder, "runup.yaml", text)
            build(Path(folder))

        SERVICES.append(Service(
            name=name, write=write, words=dedent(build.__doc__).strip(), good=good, expected=frozenset(expected),
            verdict=verdict or ("ready" if good else "not ready"), unsettled=frozenset(unsettled), rows=rows,
            command=command, readiness=readiness, liveness=liveness, predict=predict, model=MODELS[model][0],
            promise=promise, environment=environment_, installed_at=installed_at))
        return build

    return register


def good(**settings):
    return _service(True, **settings)


def faulty(*expected, **settings):
    return _service(False, expected, **settings)


# ---- good: FastAPI


@good(model="torch", liveness="/live")
def fastapi_lifespan(folder):
    """FastAPI loads in its lifespan, and is unhealthy without a model."""
    put_service(folder, "torch", fastapi("torch", LIVE))


@good(model="torch", promise="exit")
def fastapi_on_event(folder):
    """FastAPI loads in on_event("startup"), and ends without a model."""
    start = """
        app = FastAPI()


        @app.on_event("startup")
        def load():
            app.state.model = Classifier(MODEL_PATH)
        """
    put_service(folder, "torch", fastapi("torch", start=start, health=HEALTH_CONSTANT, predict=PREDICT_UNCHECKED))


@good(model="torch", promise="exit", rows="SV3")
def fastapi_at_import(folder):
    """FastAPI loads when its module is imported; to end without a model is what it promises."""
    start = """
        app = FastAPI()
        app.state.model = Classifier(MODEL_PATH)
        """
    put_service(folder, "torch", fastapi("torch", start=start, health=HEALTH_CONSTANT, predict=PREDICT_UNCHECKED))


@good(rows="SV6")
def fastapi_lazy(folder):
    """FastAPI loads at the first question, which readiness is: so it is not ready before."""
    start = """
        app = FastAPI()


        @lru_cache(maxsize=1)
        def load():
            return Classifier(MODEL_PATH)


        def loaded():
            try:
                return load()
            except Exception as error:
                logging.exception("could not load %s", MODEL_PATH)
                raise HTTPException(503, "the model could not be loaded") from error
        """
    health = """
        @app.get("/health")
        def health():
            loaded()
            return {"status": "ok"}
        """
    predict = PREDICT_UNCHECKED.replace("app.state.model.", "loaded().")
    put_service(folder, "safetensors", fastapi("safetensors", start=start, health=health, predict=predict))


@good(model="torch", liveness="/live")
def fastapi_in_background(folder):
    """FastAPI listens at once, loads in a thread, and answers 503 until that is done."""
    start = """
        def load():
            try:
                app.state.model = Classifier(MODEL_PATH)
            except Exception:
                logging.exception("could not load %s", MODEL_PATH)


        @asynccontextmanager
        async def lifespan(app):
            app.state.model = None
            threading.Thread(target=load, daemon=True).start()
            yield


        app = FastAPI(lifespan=lifespan)
        """
    put_service(folder, "torch", fastapi("torch", LIVE, start=start))


@good(rows="SV9", command=UVICORN + " --workers 2")
def uvicorn_two_workers(folder):
    """Two workers of uvicorn load the model each."""
    put_service(folder, "safetensors", fastapi("safetensors"))


@good(command=UVICORN + " --root-path /api")
def fastapi_behind_prefix(folder):
    """FastAPI behind a proxy that takes the prefix away, which its documents show."""
    put_service(folder, "safetensors", fastapi("safetensors"))


@good(readiness="/movements/v1/health", predict="/movements/v1/predict",
      command=UVICORN.replace("main:app", "main:root"))
def fastapi_mounted(folder):
    """The application with the routes is mounted into one that has the lifespan."""
    outer = 'root = FastAPI(lifespan=lifespan)\nroot.mount("/movements/v1", app)'
    start = dedent(LIFESPAN).replace("app = FastAPI(lifespan=lifespan)", f"app = FastAPI()\n{outer}").replace(
        "app.state.model = ", "root.state.model = app.state.model = ").replace("lifespan(app)", "lifespan(root)")
    put_service(folder, "safetensors", fastapi("safetensors", start=start))


@good(command="sh -c 'exec python3 -m uvicorn main:app --host 0.0.0.0 --port 18431'")
def dockerfile_with_fixed_port(folder):
    """The command is that of the Dockerfile, with its own port on all interfaces."""
    put_service(folder, "safetensors", fastapi("safetensors"))
    put_file(folder, "Dockerfile", """\
        FROM python:3.13-slim
        WORKDIR /app
        COPY . .
        RUN pip install fastapi uvicorn numpy safetensors
        EXPOSE 18431
        CMD exec python3 -m uvicorn main:app --host 0.0.0.0 --port 18431
        """)


@good(installed_at="/srv/movements")
def fastapi_at_absolute_path(folder):
    """The code names the model by the path that it has on the server."""
    main = fastapi("safetensors").replace("Path(__file__).resolve().parent", 'Path("/srv/movements")')
    put_service(folder, "safetensors", main)


@good(lines=["env_file: service.env"])
def fastapi_of_env_file(folder):
    """The model's path comes from a file of environment variables, relative to the working folder."""
    start = f'MODEL_PATH = Path(os.environ["MOVEMENT_MODEL"])\n\n{dedent(LIFESPAN)}'
    put_service(folder, "safetensors", source(start, HEALTH, PREDICT))
    put_file(folder, "service.env", f"# where the model is\nMOVEMENT_MODEL={MODELS['safetensors'][0]}\n")


@good(liveness="/live")
def fastapi_with_patient_platform(folder):
    """Loading takes two seconds, and the platform waits for a minute."""
    put_service(folder, "safetensors", fastapi("safetensors", LIVE, start=slow(2)))
    put_file(folder, "deploy/deployment.yaml", deployment(period=2, failures=30))


def slow(seconds, start=LIFESPAN):
    """Loading takes so much longer."""
    return dedent(start).replace("app.state.model = Classifier",
                                 f"time.sleep({seconds})\n        app.state.model = Classifier")


def deployment(*, period, failures):
    return dedent(f"""\
        apiVersion: apps/v1
        kind: Deployment
        metadata:
          name: movements
        spec:
          selector:
            matchLabels: {{app: movements}}
          template:
            metadata:
              labels: {{app: movements}}
            spec:
              containers:
                - name: web
                  image: movements:1
                  ports:
                    - containerPort: 8000
                  startupProbe:
                    httpGet: {{path: /health, port: 8000}}
                    periodSeconds: {period}
                    failureThreshold: {failures}
        """)


@good(lines=['stubs: ["tcp:6379"]'], promise="exit")
def redis_with_stub(folder):
    """It connects to Redis when it starts, for which a silent listener stands in."""
    put_service(folder, "safetensors", redis_main())


def redis_main():
    connect = """
        # jobs are announced to the other services; nothing is asked at start-up
        QUEUE = socket.create_connection(("127.0.0.1", 6379), timeout=5)
        """
    return fastapi("safetensors", start=dedent(connect) + dedent(LIFESPAN_EXITS),
                   health=HEALTH_CONSTANT, predict=PREDICT_UNCHECKED)


# ---- good: other servers


STARLETTE_ROUTES = """
    def health(request):
        if app.state.model is None:
            return JSONResponse({"status": "down"}, status_code=503)
        return JSONResponse({"status": "ok"})


    async def predict(request):
        if app.state.model is None:
            return JSONResponse({"error": "the model is not loaded"}, status_code=503)
        features = (await request.json())["features"]
        return JSONResponse(await asyncio.to_thread(app.state.model.predict, features))
    """


def starlette(*more, routes='[Route("/health", health), Route("/predict", predict, methods=["POST"])]'):
    start = dedent(LIFESPAN).split("app = FastAPI")[0]
    return source(model_path("safetensors"), start, STARLETTE_ROUTES, *more,
                  f"app = Starlette(routes={routes}, lifespan=lifespan)")


@good()
def starlette_lifespan(folder):
    """Starlette loads in its lifespan, and predicts in a thread."""
    put_service(folder, "safetensors", starlette())


@good()
def starlette_redirects_health(folder):
    """Health moved to another path, to which the old one leads."""
    moved = """
        def moved(request):
            return RedirectResponse("/healthz/")
        """
    routes = ('[Route("/health", moved), Route("/healthz/", health), '
              'Route("/predict", predict, methods=["POST"])]')
    put_service(folder, "safetensors", starlette(moved, routes=routes))


@good(promise="exit", command="env PORT={port} python3 main.py")
def flask_own_server(folder):
    """Flask's own server, whose port comes from the environment; it ends without a model."""
    serve = """
        if __name__ == "__main__":
            app.run(host="127.0.0.1", port=int(os.environ["PORT"]), threaded=True)
        """
    put_service(folder, "safetensors", flask_app("safetensors", serve, load=LOAD_EXITS))


@good(model="torch", command=GUNICORN + " --threads 4", environment={"OMP_NUM_THREADS": "1"})
def flask_gunicorn(folder):
    """Flask in one worker of gunicorn, unhealthy without a model."""
    put_service(folder, "torch", flask_app("torch"))


@good(promise="exit", command=GUNICORN + " --workers 2", rows="SV3")
def flask_gunicorn_two_workers(folder):
    """Two workers of gunicorn, which ends when they cannot load."""
    put_service(folder, "safetensors", flask_app("safetensors", load=LOAD_EXITS))


@good(promise="exit", command=GUNICORN + " --timeout 2")
def gunicorn_with_slow_import(folder):
    """Importing takes longer than the timeout, which gunicorn 23 does not count before the first sign of life."""
    put_service(folder, "safetensors", flask_app("safetensors", load="time.sleep(4)\n" + LOAD_EXITS))
    put_file(folder, "requirements.txt", "flask\ngunicorn==23.0.0\nnumpy\nsafetensors\n")
    put_file(folder, "Dockerfile", """\
        FROM python:3.13-slim
        WORKDIR /app
        COPY . .
        RUN pip install -r requirements.txt
        CMD ["gunicorn", "main:app", "--bind", "0.0.0.0:8000", "--timeout", "2"]
        """)


@good(model="json")
def plain_asgi(folder):
    """ASGI without a framework; health is a 204 without a body."""
    application = """
        MODEL = None


        def load():
            global MODEL
            try:
                MODEL = Classifier(MODEL_PATH)
            except Exception:
                logging.exception("could not load %s", MODEL_PATH)


        async def app(scope, receive, send):
            if scope["type"] == "lifespan":
                return await lifespan(receive, send)
            status, content = await answer(scope, receive)
            headers = [(b"content-type", b"application/json")] if content else []
            await send({"type": "http.response.start", "status": status, "headers": headers})
            await send({"type": "http.response.body", "body": content})


        async def lifespan(receive, send):
            await receive()
            load()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await send({"type": "lifespan.shutdown.complete"})


        async def answer(scope, receive):
            if MODEL is None:
                return 503, b'{"error": "the model is not loaded"}'
            if (scope["method"], scope["path"]) == ("GET", "/health"):
                return 204, b""
            if (scope["method"], scope["path"]) != ("POST", "/predict"):
                return 404, b'{"error": "no such path"}'
            body, more = b"", True
            while more:
                message = await receive()
                body, more = body + message.get("body", b""), message.get("more_body", False)
            return 200, json.dumps(MODEL.predict(json.loads(body)["features"])).encode()
        """
    put_service(folder, "json", source(model_path("json"), application))


@good(model="npy", command=PLAIN)
def plain_wsgi(folder):
    """WSGI without a framework; the labels are in a file of their own."""
    application = """
        def app(environment, start_response):
            status, content = answer(environment)
            start_response(status, [("Content-Type", "application/json")])
            return [json.dumps(content).encode()]


        def answer(environment):
            if MODEL is None:
                return "503 Service Unavailable", {"error": "the model is not loaded"}
            if environment["PATH_INFO"] == "/health":
                return "200 OK", {"status": "ok"}
            if environment["PATH_INFO"] != "/predict":
                return "404 Not Found", {"error": "no such path"}
            body = environment["wsgi.input"].read(int(environment["CONTENT_LENGTH"]))
            return "200 OK", MODEL.predict(json.loads(body)["features"])


        class Server(ThreadingMixIn, WSGIServer):
            daemon_threads = True


        make_server(sys.argv[1], int(sys.argv[2]), app, Server).serve_forever()
        """
    put_service(folder, "npy", source(model_path("npy"), LOAD, application))


@good(command=PLAIN, readiness=":18432/health")
def health_on_other_port(folder):
    """Health is asked on a port of its own."""
    other = """
        class Health(Handler):
            def do_POST(self):
                self.answer(405, {"error": "health alone is here"})


        threading.Thread(target=ThreadingHTTPServer(("127.0.0.1", 18432), Health).serve_forever, daemon=True).start()
        """
    put_service(folder, "safetensors", plain("safetensors", other))


@good(model="torch", command=PLAIN)
def plain_text_health(folder):
    """Health answers with two letters of plain text."""
    health = """
        text = b"OK" if MODEL else b"no model"
        self.send_response(200 if MODEL else 503)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)
        """
    put_service(folder, "torch", plain("torch", health=health))


@good(command="./start.sh {host} {port}", promise="exit")
def shell_wrapper_with_exec(folder):
    """A shell script prepares the environment, and hands its process over to the server."""
    put_service(folder, "safetensors", plain("safetensors", load=LOAD_EXITS))
    put_file(folder, "start.sh", """\
        #!/bin/sh
        set -eu
        export OMP_NUM_THREADS=1
        exec python3 main.py "$1" "$2"
        """, executable=True)


FALLBACK = """
    class Rules:
        def predict(self, features):
            return {"label": "run" if features[3] > 1 else "sit", "score": 0.0, "fallback": True}
    """
LIFESPAN_OF_FALLBACK = dedent(LIFESPAN).replace("    yield", "        app.state.model = Rules()\n    yield").replace(
    'logging.exception("could not load %s", MODEL_PATH)',
    'logging.exception("could not load %s; rules answer instead", MODEL_PATH)')


@good(model="torch", promise="fallback")
def declared_fallback_that_shows(folder):
    """Rules answer without a model, and both health and each answer say so."""
    health = """
        @app.get("/health")
        def health():
            if isinstance(app.state.model, Rules):
                return {"status": "degraded", "fallback": True}
            return {"status": "ok", "fallback": False}
        """
    start = dedent(FALLBACK) + "\n" + LIFESPAN_OF_FALLBACK
    put_service(folder, "torch", fastapi("torch", start=start, health=health, predict=PREDICT_UNCHECKED))


# ---- faults of health


@faulty("startup-failure/healthy-without-model", rows="SV1", model="torch")
def health_says_false_with_200(folder):
    """Without a model health answers {"ok": false} with status 200."""
    health = """
        @app.get("/health")
        def health():
            return {"ok": app.state.model is not None}
        """
    put_service(folder, "torch", fastapi("torch", health=health))


@faulty("startup-failure/healthy-without-model", rows="SV1")
def health_is_constant(folder):
    """Health says ok whatever happened."""
    put_service(folder, "safetensors", fastapi("safetensors", health=HEALTH_CONSTANT))


@faulty("startup-failure/healthy-without-model", rows="SV1", readiness="/v1/models")
def model_list_is_empty(folder):
    """Readiness is a list of models, which is empty without one, with status 200."""
    models = """
        @app.get("/v1/models")
        def models():
            return {"object": "list", "data": [{"id": "movement"}] if app.state.model else []}
        """
    put_service(folder, "safetensors", fastapi("safetensors", health=models))


@faulty("service-health/body-contradicts", "service-health/prediction-fails", rows="SV1 SV12", model="torch",
        unsettled=["startup-failure", "startup-time", "service-stop"])
def says_not_loaded_with_200(folder):
    """The network has other layers than the checkpoint, so that loading always fails; health says so with 200."""
    health = """
        @app.get("/health")
        def health():
            return {"ok": True, "model_loaded": app.state.model is not None}
        """
    put_service(folder, "torch", fastapi("torch", health=health),
                classifier=TORCH.replace("Linear(4, 3)", "Linear(4, 5)"))


@faulty("service-health/names-other-model")
def health_names_other_model(folder):
    """Health names a model file that the service does not have."""
    health = HEALTH.replace('{"status": "ok"}', '{"status": "ok", "model": "models/model-2023.safetensors"}')
    put_service(folder, "safetensors", fastapi("safetensors", health=health))


@faulty("service-health/not-ready", unsettled=["startup-failure", "startup-time", "service-stop"])
def health_redirects_in_circle(folder):
    """Health leads to another path, which leads back."""
    health = """
        def health(request):
            return RedirectResponse("/healthz")


        def healthz(request):
            return RedirectResponse("/health")
        """
    routes = ('[Route("/health", health), Route("/healthz", healthz), '
              'Route("/predict", predict, methods=["POST"])]')
    put_service(folder, "safetensors", starlette(health, routes=routes))


@faulty("service-health/not-ready", unsettled=["startup-failure", "startup-time", "service-stop"])
def health_at_other_path(folder):
    """The readiness path of the config is not one of the service."""
    put_service(folder, "safetensors", fastapi("safetensors", health=HEALTH.replace('"/health"', '"/healthz"')))


@faulty("startup-failure/health-crashes", model="torch")
def health_crashes_without_model(folder):
    """Health asks the model for its labels, and crashes when it is None."""
    health = """
        @app.get("/health")
        def health():
            return {"status": "ok", "classes": len(app.state.model.labels)}
        """
    put_service(folder, "torch", fastapi("torch", health=health))


@faulty("startup-failure/liveness-fails", liveness="/live")
def liveness_needs_model(folder):
    """Without a model liveness fails too, so that the platform starts it again for ever."""
    put_service(folder, "safetensors", fastapi("safetensors", HEALTH.replace("health", "live")))


@faulty("service-health/health-blocked", rows="SV7")
def prediction_blocks_health(folder):
    """A prediction works for two seconds in an async function, and nothing else is answered meanwhile."""
    predict = PREDICT.replace("def predict", "async def predict").replace(
        "return app.state.model.predict", "time.sleep(2)\n        return app.state.model.predict")
    put_service(folder, "safetensors", fastapi("safetensors", predict=predict))


@faulty("service-health/health-blocked", rows="SV7", command=GUNICORN + " --workers 1")
def one_worker_is_busy(folder):
    """The only worker of gunicorn predicts for two seconds."""
    routes = FLASK_ROUTES.replace("return MODEL.predict", "time.sleep(2)\n        return MODEL.predict")
    put_service(folder, "safetensors", flask_app("safetensors", routes=routes))


# ---- faults of predictions


@faulty("service-health/prediction-fails", rows="SV4", model="torch",
        unsettled=["startup-failure", "startup-time", "service-stop"])
def on_event_beside_lifespan(folder):
    """The model is loaded by on_event, which does nothing since there is a lifespan too."""
    start = """
        @asynccontextmanager
        async def lifespan(app):
            logging.basicConfig(level="INFO")
            yield


        app = FastAPI(lifespan=lifespan)


        @app.on_event("startup")
        def load():
            app.state.model = Classifier(MODEL_PATH)
        """
    put_service(folder, "torch", fastapi("torch", start=start, health=HEALTH_CONSTANT, predict=PREDICT_UNCHECKED))


@faulty("service-health/prediction-fails", rows="SV11", model="torch", environment={"CXX": "/nonexistent/c++"},
        unsettled=["startup-failure", "startup-time", "service-stop"])
def compiled_without_compiler(folder):
    """torch.compile works at the first prediction, and the image has no compiler."""
    put_service(folder, "torch", fastapi("torch"),
                classifier=TORCH.replace("self.network.eval()", "self.network = torch.compile(self.network.eval())"))


@faulty("service-health/prediction-fails", rows="SV10", model="torch", environment={"OMP_NUM_THREADS": "2"},
        command=GUNICORN + " --preload --timeout 5", unsettled=["startup-failure", "startup-time", "service-stop"])
def threads_before_fork(folder):
    """gunicorn loads and warms up before it forks: OpenMP's threads are not in the worker, and a prediction waits for them."""
    warm = """
        def warm():
            values = torch.ones(2000, 2000)
            return float((values.sin() + values.cos()).sum())


        warm()
        """
    routes = FLASK_ROUTES.replace("        return MODEL.predict", "        warm()\n        return MODEL.predict")
    assert routes != FLASK_ROUTES
    put_service(folder, "torch", flask_app("torch", warm, routes=routes))


@faulty("service-health/prediction-fails", unsettled=["startup-time", "service-stop"])
def refuses_recorded_body(folder):
    """The request has other names than the recorded one: 422."""
    predict = PREDICT.replace("features: list", "inputs: list").replace("movement.features", "movement.inputs")
    put_service(folder, "safetensors", fastapi("safetensors", predict=predict))


@faulty("service-health/wrong-label", model="torch")
def labels_sorted(folder):
    """The labels are sorted, as they were not when the model was trained."""
    put_service(folder, "torch", fastapi("torch"),
                classifier=TORCH.replace('checkpoint["labels"]', 'sorted(checkpoint["labels"])'))


@faulty("service-health/invalid-json", command=PLAIN)
def answer_has_nan(folder):
    """A confidence is divided by a spread of nothing, and written as NaN, which JSON does not have."""
    predict = """
        if MODEL is None:
            return self.answer(503, {"error": "the model is not loaded"})
        self.answer(200, MODEL.predict(features) | {"confidence": float("inf") - float("inf")})
        """
    put_service(folder, "safetensors", plain("safetensors", predict=predict))


@faulty("service-health/route-fails")
def route_crashes(folder):
    """A GET route of its documents crashes."""
    version = """
        @app.get("/version")
        def version():
            return {"version": app.state.version}
        """
    put_service(folder, "safetensors", fastapi("safetensors", version))


@faulty("service-health/model-not-opened", model="torch", unsettled=["startup-failure", "startup-time"])
def loads_other_file(folder):
    """It loads an old model, not the one that is deployed."""
    put_service(folder, "torch", fastapi("torch").replace("models/model.pth", "models/old/model.pth"))
    put_model(folder, "torch", "models/old/model.pth")


# ---- faults of the start


@faulty("service-health/not-started", unsettled=["startup-failure", "startup-time", "service-stop"])
def module_is_missing(folder):
    """It imports a module that is not installed."""
    put_service(folder, "safetensors", "import movement_metrics  # noqa: F401\n" + fastapi("safetensors"))


@faulty("service-health/never-listens", command=PLAIN,
        unsettled=["startup-failure", "startup-time", "service-stop"])
def waits_for_itself(folder):
    """Before it listens it waits for a lock that it holds itself."""
    warm_up = """
        LOCK = threading.Lock()


        def predict(features):
            with LOCK:
                return MODEL.predict(features)


        with LOCK:
            print("warming up", flush=True)
            predict([0.0, 0.0, 0.0, 0.0])
        """
    put_service(folder, "safetensors", plain("safetensors", warm_up))


@faulty("startup-time/over-budget", checks=["startup-time: {ready: 1s}"])
def slower_than_budget(folder):
    """Loading takes three seconds, and the config wants it to be ready after one."""
    put_service(folder, "safetensors", fastapi("safetensors", start=slow(3)))


@faulty("startup-time/exceeds-patience", rows="SV5")
def slower_than_startup_probe(folder):
    """Loading takes four seconds; Kubernetes waits for two."""
    put_service(folder, "safetensors", fastapi("safetensors", start=slow(4)))
    put_file(folder, "deploy/deployment.yaml", deployment(period=1, failures=2))


@faulty("startup-time/exceeds-patience", rows="SV5")
def slower_than_compose_healthcheck(folder):
    """Loading takes four seconds; Compose waits for two."""
    put_service(folder, "safetensors", fastapi("safetensors", start=slow(4)))
    put_file(folder, "compose.yaml", """\
        services:
          web:
            build: .
            healthcheck:
              test: ["CMD", "curl", "-f", "http://localhost:8000/health"]
              start_period: 1s
              interval: 1s
              timeout: 1s
              retries: 1
        """)


@faulty("startup-time/exceeds-patience", rows="SV5", model="torch")
def slower_than_dockerfile_healthcheck(folder):
    """Loading takes four seconds; the image's health check waits for two."""
    put_service(folder, "torch", fastapi("torch", start=slow(4)))
    put_file(folder, "Dockerfile", """\
        FROM python:3.13-slim
        WORKDIR /app
        COPY . .
        RUN pip install fastapi uvicorn torch
        HEALTHCHECK --start-period=1s --interval=1s --timeout=1s --retries=1 \\
            CMD python3 -c "import urllib.request; urllib.request.urlopen('http://localhost:8000/health')"
        CMD ["python3", "-m", "uvicorn", "main:app", "--host", "0.0.0.0", "--port", "8000"]
        """)


@faulty("service-health/not-ready", rows="SV5", command=GUNICORN + " --timeout 2",
        unsettled=["startup-failure", "startup-time", "service-stop"])
def slower_than_gunicorn(folder):
    """The first question loads for five seconds; gunicorn ends a worker that is silent for two, and starts another.

    Loading at import would not show it: gunicorn 23 does not count the time until a worker's first sign of life.
    """
    load = """
        @lru_cache(maxsize=1)
        def load():
            time.sleep(5)
            return Classifier(MODEL_PATH)
        """
    routes = """
        @app.get("/health")
        def health():
            load()
            return {"status": "ok"}


        @app.post("/predict")
        def predict():
            return load().predict(flask.request.get_json()["features"])
        """
    put_service(folder, "safetensors", flask_app("safetensors", load=load, routes=routes))


# ---- faults without the model


RANDOM_NETWORK = """
    class Untrained:
        def __init__(self):
            self.network = torch.nn.Linear(4, 3)

        def predict(self, features):
            scores = self.network(torch.tensor(features)).tolist()
            best = scores.index(max(scores))
            return {"label": LABELS[best], "score": scores[best]}
    """


def with_random_network(folder):
    start = f"LABELS = {LABELS}\n\n" + dedent(RANDOM_NETWORK) + "\n" + dedent(LIFESPAN).replace(
        "    yield", "        app.state.model = Untrained()\n    yield")
    put_service(folder, "torch", fastapi("torch", start=start, health=HEALTH_CONSTANT, predict=PREDICT_UNCHECKED))


@faulty("startup-failure/healthy-without-model", rows="SV2", model="torch")
def random_weights_instead(folder):
    """Without the model an untrained network answers, and nothing says so."""
    with_random_network(folder)


@faulty("startup-failure/hidden-fallback", rows="SV2", model="torch", promise="fallback")
def declared_fallback_that_hides(folder):
    """The fallback is declared, but neither health nor its answers show it."""
    with_random_network(folder)


@faulty("startup-failure/predicts-without-model", rows="SV2", model="torch")
def default_label_instead(folder):
    """Health is honest; a prediction answers with the first label."""
    predict = PREDICT.replace('raise HTTPException(503, "the model is not loaded")',
                              f'return {{"label": "{LABELS[0]}", "score": 0.0}}')
    put_service(folder, "torch", fastapi("torch", predict=predict))


@faulty("startup-failure/healthy-without-model", rows="SV2", model="npy", command=PLAIN)
def numbers_instead_of_labels(folder):
    """Without the file of labels it answers with numbers, and nothing says so."""
    put_service(folder, "npy", plain("npy"), classifier=MODELS["npy"][2].replace(
        '        self.labels = json.loads(path.with_name("labels.json").read_text())\n', indent(dedent("""\
        try:
            self.labels = json.loads(path.with_name("labels.json").read_text())
        except (OSError, ValueError):
            self.labels = ["0", "1", "2"]
        """), " " * 8)))


@faulty("startup-failure/not-as-promised", rows="SV3", model="torch")
def ends_at_import(folder):
    """Loading at import ends it, so that health never tells what it promises to tell."""
    start = """
        app = FastAPI()
        app.state.model = Classifier(MODEL_PATH)
        """
    put_service(folder, "torch", fastapi("torch", start=start))


@faulty("startup-failure/not-as-promised", promise="exit")
def stays_though_exit_is_promised(folder):
    """It is unhealthy, where the promise is to end."""
    put_service(folder, "safetensors", fastapi("safetensors"))


@faulty("startup-failure/not-as-promised", model="torch")
def catches_missing_file_alone(folder):
    """It is unhealthy without the file, but a damaged one ends it."""
    start = LIFESPAN.replace("except Exception", "except FileNotFoundError")
    put_service(folder, "torch", fastapi("torch", start=start))


@faulty("startup-failure/prediction-crashes", rows="SV12", model="torch")
def prediction_crashes_without_model(folder):
    """The error is swallowed, and each prediction is an AttributeError of None."""
    put_service(folder, "torch", fastapi("torch", predict=PREDICT_UNCHECKED))


@faulty("startup-failure/healthy-without-model", rows="SV6")
def lazy_with_constant_health(folder):
    """The first prediction loads the model; health is constant."""
    start = """
        app = FastAPI()


        @lru_cache(maxsize=1)
        def load():
            return Classifier(MODEL_PATH)
        """
    predict = PREDICT_UNCHECKED.replace("app.state.model.", "load().")
    put_service(folder, "safetensors", fastapi("safetensors", start=start, health=HEALTH_CONSTANT, predict=predict))


@faulty("startup-failure/exits-with-success", command=PLAIN, promise="exit")
def ends_with_success(folder):
    """The error is printed, and the exit status is 0: no platform starts it again."""
    load = """
        try:
            MODEL = Classifier(MODEL_PATH)
        except Exception as error:
            print("could not load", MODEL_PATH, error)
            sys.exit()
        """
    put_service(folder, "safetensors", plain("safetensors", load=load))


@faulty("startup-failure/exits-silently", command=PLAIN, promise="exit")
def ends_silently(folder):
    """It ends without a word."""
    load = """
        try:
            MODEL = Classifier(MODEL_PATH)
        except Exception:
            os._exit(3)
        """
    put_service(folder, "safetensors", plain("safetensors", load=load))


@faulty("startup-failure/hangs", command=PLAIN, promise="exit")
def waits_for_model_file(folder):
    """It waits for the file to be there, for ever."""
    load = """
        while not MODEL_PATH.exists():
            time.sleep(0.2)
        MODEL = Classifier(MODEL_PATH)
        """
    put_service(folder, "safetensors", plain("safetensors", load=load))


@faulty("startup-failure/crash-loop", command=UVICORN + " --workers 2", promise="exit")
def workers_die_for_ever(folder):
    """The workers of uvicorn end while they load; it starts others for ever."""
    put_service(folder, "safetensors", fastapi("safetensors", start=LIFESPAN_EXITS, health=HEALTH_CONSTANT,
                                               predict=PREDICT_UNCHECKED))


@faulty(promise="exit", verdict="undecided", unsettled=ALL_CHECKS)
def redis_without_stub(folder):
    """It connects to Redis when it starts, which cannot be reached: what it does with its model is not known."""
    put_service(folder, "safetensors", redis_main())


# ---- faults of the end


@faulty("service-stop/ignores-sigterm", command=PLAIN)
def ignores_sigterm(folder):
    """SIGTERM is ignored, so that each deployment waits for SIGKILL."""
    put_service(folder, "safetensors", plain("safetensors", "signal.signal(signal.SIGTERM, signal.SIG_IGN)"))


@faulty("service-stop/ignores-sigterm", command="sh start.sh {host} {port}")
def shell_keeps_sigterm(folder):
    """The shell that started the server gets SIGTERM, and does not hand it on."""
    put_service(folder, "safetensors", plain("safetensors"))
    put_file(folder, "start.sh", """\
        python3 main.py "$1" "$2"
        echo "the server ended with $?"
        """)


@faulty("service-stop/late")
def stops_late(folder):
    """It takes a little longer to stop than the ten seconds that platforms wait."""
    start = dedent(LIFESPAN).replace("    yield", "    yield\n    await asyncio.sleep(10.5)")
    put_service(folder, "safetensors", fastapi("safetensors", start=start))
