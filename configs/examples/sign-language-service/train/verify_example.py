#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Holds the example to what its runup.yaml says, with real PyTorch and uvicorn.

Answers 0 when the service tells the truth with and without its model, the
samples are what the network gives, and the TorchScript source is the network.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

import numpy
import torch

PACKAGE = Path(__file__).resolve().parent.parent
SHIPPED = PACKAGE.parent.parent / "architectures" / "cnn_bilstm_attention.py"
SOURCE = PACKAGE / "architectures" / "cnn_bilstm_attention.py"
SHAPES = [(1, 1), (1, 2), (3, 17), (2, 60), (8, 300), (1, 500)]
TOLERANCE = 1e-6
START_SECONDS = 120

sys.dont_write_bytecode = True
sys.path[:0] = [str(PACKAGE), str(PACKAGE / "train")]

from gestures import FEATURES, LABELS  # noqa: E402
from processing.predictor import get_predictor  # noqa: E402


def expect(true, what):
    if not true:
        sys.exit(f"FAILED: {what}")
    print(f"ok: {what}", flush=True)


def samples():
    for path in sorted((PACKAGE / "samples").glob("*.out.npy")):
        stem = path.name.removesuffix(".out.npy")
        yield stem, numpy.load(PACKAGE / "samples" / f"{stem}.npy"), numpy.load(path)


def check_samples(predictor):
    wanted = {"hello": "안녕하세요", "thanks": "감사합니다"}
    config = (PACKAGE / "runup.yaml").read_text(encoding="utf-8")
    for stem, clip, output in samples():
        label = wanted.pop(stem)
        expect(f"samples/{stem}.npy, output: samples/{stem}.out.npy, label: {label}" in config,
               f"runup.yaml names sample {stem} with its label")
        expect(clip.dtype == numpy.float32 and clip.shape[2] == FEATURES, f"{stem}: shape")
        difference = numpy.abs(predictor.logits(clip) - output).max()
        expect(difference <= 1e-5, f"{stem}: output within 1e-5 (is {difference:.1e})")
        expect(predictor.predict(clip[0].tolist())["label"] == label, f"{stem}: is {label}")
    expect(not wanted, "no sample is missing")
    expect(sorted(LABELS) == predictor._labels, "the encoder's labels are the trained ones")


def check_architecture(predictor):
    expect(SHIPPED.read_bytes() == SOURCE.read_bytes(), "both copies of the source are the same")
    unit = torch.jit.CompilationUnit(SOURCE.read_text(encoding="utf-8"))
    model = predictor._model
    state = dict(model.state_dict())
    torch.manual_seed(3)
    for batch, frames in SHAPES:
        x = torch.randn(batch, frames, FEATURES)
        with torch.inference_mode():
            difference = float((model(x) - unit.forward(state, x)).abs().max())
        expect(difference <= TOLERANCE, f"source equals module at {batch}x{frames} ({difference})")
    for name, call in [("module", model), ("source", lambda x: unit.forward(state, x))]:
        try:
            with torch.inference_mode():
                call(torch.randn(1, 501, FEATURES))
            failed = False
        except RuntimeError as error:
            failed = "501" in str(error)
        expect(failed, f"{name} refuses 501 frames")


def ask(port, path, body=None):
    """(status, decoded body), or None while nothing listens."""
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", data=body)
    if body is not None:
        request.add_header("Content-Type", "application/json")
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)
    except (urllib.error.URLError, ConnectionError):
        return None


class Service:
    """uvicorn on a free loopback port, started from a folder that is not the package."""

    def __init__(self, package):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        command = [sys.executable, "-B", "-m", "uvicorn", "main:app", "--app-dir", str(package),
                   "--host", "127.0.0.1", "--port", str(self.port)]
        environment = {**os.environ, "LOG_LEVEL": "info"}
        self.log = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(command, cwd="/", env=environment,
                                        stdout=self.log, stderr=subprocess.STDOUT)

    def __enter__(self):
        deadline = time.monotonic() + START_SECONDS
        while ask(self.port, "/live") is None:
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.__exit__()
                sys.exit(f"FAILED: the service did not start\n{self.text()}")
            time.sleep(0.2)
        return self

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def text(self):
        self.log.seek(0)
        return self.log.read()


def check_service():
    body = (PACKAGE / "samples" / "predict.json").read_bytes()
    clip = numpy.asarray([json.loads(body)["frames"]], numpy.float32)
    expect(numpy.array_equal(clip, numpy.load(PACKAGE / "samples" / "hello.npy")),
           "predict.json is hello.npy, number for number")
    with Service(PACKAGE) as service:
        expect(ask(service.port, "/health") == (200, {"status": "ok"}), "/health is 200")
        code, status = ask(service.port, "/model/status")
        expect(code == 200 and status["loaded"] and status["classes"] == len(LABELS),
               "/model/status tells what is loaded")
        code, answer = ask(service.port, "/predict", body)
        expect(code == 200 and answer["label"] == "안녕하세요" and answer["confidence"] > 0.9,
               f"/predict answers {answer}")
        for bad in ({"frames": []}, {"frames": [[0.0] * 146]}, {"frames": [[0.0] * 147] * 501}):
            code, _ = ask(service.port, "/predict", json.dumps(bad).encode())
            expect(code == 422, "/predict refuses frames that do not fit")
        expect("warm-up included" in service.text(), "the load time is in the log")


def check_service_without_model(damage, name):
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "package"
        shutil.copytree(PACKAGE, copy)
        damage(copy / "models" / "cnn_bilstm_attention_model.pth")
        with Service(copy) as service:
            code, answer = ask(service.port, "/health")
            expect(code == 503 and answer["reason"], f"{name}: /health is 503, {answer['reason']}")
            expect(ask(service.port, "/live")[0] == 200, f"{name}: /live stays 200")
            expect(ask(service.port, "/model/status")[1]["loaded"] is False, f"{name}: not loaded")
            body = json.dumps({"frames": [[0.0] * FEATURES]}).encode()
            expect(ask(service.port, "/predict", body)[0] == 503, f"{name}: /predict is 503")


def truncate(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def main():
    torch.set_num_threads(1)
    predictor = get_predictor()
    check_samples(predictor)
    check_architecture(predictor)
    check_service()
    check_service_without_model(Path.unlink, "missing model")
    check_service_without_model(truncate, "truncated model")
    print("the example holds")


if __name__ == "__main__":
    main()
