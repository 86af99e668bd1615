#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Shows with Python alone that each service of services.py is what it is said to be.

    symptoms_test.py [NAME...]

A good one gives the recorded answer, stops when it is told to, and does without its model what it promises. A faulty
one is started with the damage that shows its fault, and shows it.
"""

import concurrent.futures
import contextlib
import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import urllib.error
import urllib.request
from pathlib import Path

sys.dont_write_bytecode = True

from pieces import BODY, LABEL, LABELS  # noqa: E402
from services import SERVICES  # noqa: E402

# Long enough for a start of PyTorch on a busy machine.
PATIENCE = 60


class Unfollowed(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))
OPENER_UNFOLLOWED = urllib.request.build_opener(urllib.request.ProxyHandler({}), Unfollowed)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Running:
    """A service that was started by hand, in a process group of its own."""

    def __init__(self, service, folder):
        self.service = service
        own = re.search(r"--port (\d+)", service.command)
        self.port = int(own[1]) if own else free_port()
        command = service.command.replace("{host}", "127.0.0.1").replace("{port}", str(self.port))
        self.log = Path(f"{folder}.log")
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                shlex.split(command), cwd=folder, stdout=log, stderr=log, start_new_session=True,
                env={**os.environ, **service.environment, **env_file(folder)})

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def ask(self, path, body=None, *, timeout=10, opener=OPENER):
        """(status, text); (0, why) when no answer came."""
        port = self.port
        if path.startswith(":"):
            port, path = path[1:].split("/", 1)
            path = f"/{path}"
        headers = {"Content-Type": "application/json"} if body else {}
        request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", data=body, headers=headers)
        try:
            with opener.open(request, timeout=timeout) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except (OSError, ValueError) as error:
            return 0, str(error)

    def health(self, **how):
        return self.ask(self.service.readiness, **how)

    def predict(self, **how):
        return self.ask(self.service.predict, Path(self.log.with_suffix(""), BODY).read_bytes(), **how)

    def until(self, condition, words):
        """Waits for a condition; the process may not end before."""
        end = time.monotonic() + PATIENCE
        while not (value := condition()):
            assert self.process.poll() is None, f"ended with {self.process.returncode}: {self.text()[-500:]}"
            assert time.monotonic() < end, f"never {words}: {self.text()[-500:]}"
            time.sleep(0.1)
        return value

    def answers(self):
        self.until(lambda: self.health(opener=OPENER_UNFOLLOWED)[0], "answers")
        return self

    def ready(self):
        self.until(lambda: 200 <= self.health()[0] < 300, "ready")
        return self

    def ended(self, within=PATIENCE):
        return self.process.wait(within)

    def stop(self, within=10):
        """Seconds until it was gone after SIGTERM to it alone; None when it was not."""
        start = time.monotonic()
        self.process.terminate()
        try:
            self.process.wait(within)
        except subprocess.TimeoutExpired:
            return None
        return time.monotonic() - start

    def text(self):
        return self.log.read_text(errors="replace")


def env_file(folder):
    path = folder / "service.env"
    lines = path.read_text().splitlines() if path.exists() else []
    return dict(line.split("=", 1) for line in lines if not line.startswith("#"))


# ---- damage


def undamaged(path):
    del path


def missing(path):
    path.unlink()


def truncated(path):
    os.truncate(path, path.stat().st_size // 2)


def zeros(path):
    path.write_bytes(bytes(path.stat().st_size))


DAMAGES = (missing, truncated, zeros)


@contextlib.contextmanager
def started(service, folder, damage=undamaged, file=None):
    """The service, started in a copy of the folder with one file damaged."""
    copy = folder.with_name(f"{folder.name}-{damage.__name__}")
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(folder, copy)
    damage(copy / (file or service.model))
    with Running(service, copy) as running:
        yield running


# ---- good ones


def good(service, folder):
    with started(service, folder) as running:
        running.ready()
        status, text = running.predict()
        assert (status, json.loads(text)["label"]) == (200, LABEL), (status, text)
        assert not service.liveness or running.ask(service.liveness)[0] == 200
        took = running.stop()
        assert took is not None, "does not stop"
    promised = {"exit": ends_as_promised, "unhealthy": stays_unhealthy, "fallback": falls_back}[service.promise]
    for damage in DAMAGES:
        with started(service, folder, damage) as running:
            promised(running)
    return f"answers {LABEL}, stops in {took:.1f} s, and without its model: {service.promise}"


def ends_as_promised(running):
    assert running.ended() not in (0, None) and "Error" in running.text(), running.text()


def stays_unhealthy(running):
    running.answers()
    # one that loads in the background has not failed yet
    for _ in range(3):
        assert running.health()[0] == 503, running.health()
        time.sleep(0.3)
    assert running.predict()[0] == 503, running.predict()
    assert not running.service.liveness or running.ask(running.service.liveness)[0] == 200
    running.until(lambda: "Error" in running.text(), "says why")


def falls_back(running):
    running.ready()
    assert '"fallback":true' in running.health()[1] and '"fallback":true' in running.predict()[1]


# ---- faulty ones


def shows(damage, health=None, predict=None, live=None, file=None, log=""):
    """A start after which the answers are as given: a status, and a part of the text."""

    def symptom(service, folder):
        with started(service, folder, damage, file) as running:
            running.answers()
            asked = {"health": (health, running.health), "predict": (predict, running.predict),
                     "live": (live, lambda: running.ask(service.liveness))}
            told = {}
            for name, (expected, ask) in asked.items():
                if expected:
                    status, text = told[name] = ask()
                    assert status == expected[0] and expected[1] in text, f"{name}: {status} {text}"
            assert log in running.text(), running.text()
            return told

    return symptom


def ends(damage, status, words):
    def symptom(service, folder):
        with started(service, folder, damage) as running:
            assert running.ended() == status, running.process.returncode
            text = running.text()
            assert words in text if words else not text, text
            return f"ends with {status}: {text.strip()[-80:]!r}"

    return symptom


def all_of(*symptoms):
    return lambda service, folder: [symptom(service, folder) for symptom in symptoms]


def redirects(service, folder):
    with started(service, folder) as running:
        running.answers()
        seen = [running.ask(path, opener=OPENER_UNFOLLOWED)[0] for path in ("/health", "/healthz")]
        assert seen == [307, 307], seen
        status, text = running.health()
        assert status == 307 and running.predict()[0] == 200, (status, text)
        return seen


def blocks(service, folder):
    with started(service, folder) as running:
        running.ready()
        with concurrent.futures.ThreadPoolExecutor() as pool:
            prediction = pool.submit(running.predict)
            time.sleep(0.5)
            start = time.monotonic()
            running.health()
            took = time.monotonic() - start
            assert prediction.result()[0] == 200
        assert took > 1, took
        return f"health took {took:.1f} s"


def crash_of_route(service, folder):
    with started(service, folder) as running:
        running.ready()
        assert "/version" in json.loads(running.ask("/openapi.json")[1])["paths"]
        status, _ = running.ask("/version")
        assert status == 500, status
        return status


def opens_other(service, folder):
    with started(service, folder, missing) as running:
        running.ready()
        return running.predict()


def never_listens(service, folder):
    with started(service, folder) as running:
        running.until(lambda: "warming up" in running.text(), "started")
        time.sleep(2)
        assert running.process.poll() is None and not listening_ports(running.process.pid)
        return "listens on no port"


def listening_ports(pid):
    inodes = set()
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            inodes.add(os.readlink(entry))
    lines = [line.split() for name in ("tcp", "tcp6") if Path(f"/proc/{pid}/net/{name}").exists()
             for line in Path(f"/proc/{pid}/net/{name}").read_text().splitlines()[1:]]
    return [fields[1] for fields in lines if fields[3] == "0A" and f"socket:[{fields[9]}]" in inodes]


def slow(seconds):
    def symptom(service, folder):
        start = time.monotonic()
        with started(service, folder) as running:
            running.ready()
            took = time.monotonic() - start
            assert took > seconds, took
            return f"ready after {took:.1f} s"

    return symptom


def loops(words, times, damage=undamaged):
    """The server stays, and says the same again and again."""

    def symptom(service, folder):
        end = time.monotonic() + PATIENCE
        with started(service, folder, damage) as running:
            while running.text().count(words) < times:
                assert running.process.poll() is None and time.monotonic() < end, running.text()
                assert not 200 <= running.health(timeout=5)[0] < 300
                time.sleep(0.2)
            return f"{words} x {times}"

    return symptom


def hangs(service, folder):
    with started(service, folder, missing) as running:
        time.sleep(4)
        assert running.process.poll() is None and not listening_ports(running.process.pid)
        assert not running.text()
        return "waits"


def stops_after(least):
    def symptom(service, folder):
        with started(service, folder) as running:
            running.ready()
            took = running.stop(within=5 if least is None else least + 10)
            assert took is None if least is None else least < took, took
            return f"stopped after {took}"

    return symptom


def keeps_child(service, folder):
    """The shell ends, and the server goes on."""
    with started(service, folder) as running:
        running.ready()
        running.stop(within=5)
        assert running.health()[0] == 200
        return "still answers"


def answers_at_random(service, folder):
    labels = set()
    with started(service, folder, missing) as running:
        assert running.ready().health() == (200, '{"status":"ok"}')
        status, text = running.predict()
        assert status == 200 and json.loads(text)["label"] in LABELS, text
        labels.add(text)
    with started(service, folder, zeros) as running:
        labels.add(running.ready().predict()[1])
    assert len(labels) == 2, labels
    return labels


def with_redis(service, folder):
    """As a good one, beside a listener that accepts and is silent."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", 6379))
        listener.listen(100)
        kept = []

        def accept():
            with contextlib.suppress(OSError):
                while True:
                    kept.append(listener.accept())

        threading.Thread(target=accept, daemon=True).start()
        try:
            return good(service, folder)
        finally:
            listener.shutdown(socket.SHUT_RDWR)


def needs_place(service, folder):
    del service, folder
    return "not started: it stands at another path"


LABELS_FILE = "models/labels.json"
NO_MODEL = (503, "")
SYMPTOMS = {
    "fastapi-at-absolute-path": needs_place,
    "redis-with-stub": with_redis,
    "health-says-false-with-200": shows(missing, health=(200, '{"ok":false}'), predict=NO_MODEL),
    "health-is-constant": shows(missing, health=(200, "ok"), predict=NO_MODEL),
    "model-list-is-empty": all_of(shows(missing, health=(200, '"data":[]'), predict=NO_MODEL),
                                  shows(undamaged, health=(200, '"id":"movement"'), predict=(200, LABEL))),
    "says-not-loaded-with-200": shows(undamaged, health=(200, '"model_loaded":false'), predict=NO_MODEL,
                                      log="size mismatch"),
    "health-names-other-model": shows(undamaged, health=(200, "model-2023"), predict=(200, LABEL)),
    "health-redirects-in-circle": redirects,
    "health-at-other-path": shows(undamaged, health=(404, ""), predict=(200, LABEL)),
    "health-crashes-without-model": all_of(shows(missing, health=(500, ""), predict=NO_MODEL, log="NoneType"),
                                           shows(undamaged, health=(200, '"classes":3'))),
    "liveness-needs-model": all_of(shows(missing, health=NO_MODEL, live=NO_MODEL),
                                   shows(undamaged, health=(200, ""), live=(200, ""))),
    "compiled-without-compiler": shows(undamaged, health=(200, "ok"), predict=(500, ""), log="CxxCompiler"),
    "threads-before-fork": shows(undamaged, health=(200, "ok"), predict=(0, ""), log="WORKER TIMEOUT"),
    "prediction-blocks-health": blocks,
    "one-worker-is-busy": blocks,
    "on-event-beside-lifespan": shows(undamaged, health=(200, "ok"), predict=(500, ""), log="AttributeError"),
    "refuses-recorded-body": shows(undamaged, health=(200, ""), predict=(422, "inputs")),
    "labels-sorted": shows(undamaged, health=(200, ""), predict=(200, sorted(LABELS)[LABELS.index(LABEL)])),
    "answer-has-nan": shows(undamaged, health=(200, ""), predict=(200, "NaN")),
    "route-crashes": crash_of_route,
    "loads-other-file": opens_other,
    "module-is-missing": ends(undamaged, 1, "movement_metrics"),
    "waits-for-itself": never_listens,
    "slower-than-budget": slow(3),
    "slower-than-startup-probe": slow(4),
    "slower-than-compose-healthcheck": slow(4),
    "slower-than-dockerfile-healthcheck": slow(4),
    "slower-than-gunicorn": loops("WORKER TIMEOUT", 2),
    "random-weights-instead": answers_at_random,
    "declared-fallback-that-hides": answers_at_random,
    "default-label-instead": shows(missing, health=NO_MODEL, predict=(200, LABELS[0])),
    "numbers-instead-of-labels": shows(missing, health=(200, "ok"), predict=(200, '"2"'), file=LABELS_FILE),
    "ends-at-import": ends(missing, 1, "FileNotFoundError"),
    "stays-though-exit-is-promised": shows(missing, health=NO_MODEL, predict=NO_MODEL),
    "catches-missing-file-alone": all_of(shows(missing, health=NO_MODEL, predict=NO_MODEL),
                                         ends(truncated, 3, "Application startup failed")),
    "prediction-crashes-without-model": shows(missing, health=NO_MODEL, predict=(500, ""), log="NoneType"),
    "lazy-with-constant-health": shows(missing, health=(200, "ok"), predict=(500, ""), log="No such file"),
    "ends-with-success": ends(missing, 0, "could not load"),
    "ends-silently": ends(missing, 3, ""),
    "waits-for-model-file": hangs,
    "workers-die-for-ever": loops("Application startup failed", 4, missing),
    "redis-without-stub": ends(undamaged, 1, "ConnectionRefusedError"),
    "ignores-sigterm": stops_after(None),
    "shell-keeps-sigterm": keeps_child,
    "stops-late": stops_after(10),
}
# They open the same port.
REDIS = threading.Lock()


def show(service, scratch):
    folder = scratch / service.name
    start = time.monotonic()
    with REDIS if "redis" in service.name else contextlib.nullcontext():
        try:
            service.write(folder)
            told = SYMPTOMS.get(service.name, good)(service, folder)
            return True, f"{time.monotonic() - start:5.1f} s  {service.name}: {told}"
        except Exception:
            return False, f"WRONG    {service.name} ({service.words})\n{traceback.format_exc(limit=-3)}"


def main():
    names = sys.argv[1:]
    os.environ.update(OMP_NUM_THREADS="1", CUDA_VISIBLE_DEVICES="", PYTHONDONTWRITEBYTECODE="1",
                      PATH=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    known = {service.name for service in SERVICES}
    assert len(known) == len(SERVICES) and set(names) <= known, set(names) - known
    assert {service.name for service in SERVICES if not service.good} <= set(SYMPTOMS) <= known
    wrong = 0
    with tempfile.TemporaryDirectory(prefix="runup-services-") as scratch, \
            concurrent.futures.ThreadPoolExecutor(2) as pool:
        chosen = [service for service in SERVICES if not names or service.name in names]
        for right, words in pool.map(lambda service: show(service, Path(scratch)), chosen):
            wrong += not right
            print(words[:2000], flush=True)
    print(f"{len(chosen) - wrong} of {len(chosen)} services are what they are said to be")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
