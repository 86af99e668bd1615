# SPDX-License-Identifier: Apache-2.0
"""Loads a package as its server would, in a process of its own, and says what came of it.

    visit.py          one JSON request a line on stdin, one JSON answer a line on stdout; each request is met by
                      a child that was forked when torch and fastapi were imported, and nothing of a package
    visit.py --one    one request, met by this very process
"""

import importlib
import json
import os
import signal
import sys
import warnings


# Seconds that one visit may take; on a busy machine the imports alone take several.
LIMIT = 60


def words(error):
    return f"{type(error).__name__}: {error}"


def parts(predictor):
    """The functions that give names and numbers, of a predictor of either shape."""
    if isinstance(predictor, dict):
        import torch

        return predictor["predict"], lambda x: predictor["model"](torch.from_numpy(x)).detach().numpy()
    return predictor.predict, predictor.logits


def ask_factory(request, x, answer):
    module, function = request["factory"].split(":")
    predict, logits = parts(getattr(importlib.import_module(module), function)())
    answer["logits"] = logits(x).tolist()
    answer["again"] = logits(x).tolist()
    answer["names"] = predict(x)
    logits(x.repeat(2, axis=0))


def ask_server(request, x, answer):
    from fastapi.testclient import TestClient

    with TestClient(importlib.import_module(request["server"]).app) as client:
        answer["health"] = client.get("/health").status_code
        answer["served"] = client.post("/predict", json={"frames": x.tolist()}).json()["labels"]


def visit(request):
    """What the package's factory gives, and what its server answers to one request."""
    import numpy

    answer = {}
    x = numpy.load(request["input"])
    os.chdir(request["cwd"])
    os.environ.update(request["env"])
    # in the place of this script's folder, as `uvicorn --app-dir` does
    sys.path[0] = request["app"]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        exec(request["prelude"], {})
        for key, ask in (("error", ask_factory), ("server_error", ask_server)):
            try:
                ask(request, x, answer)
            except Exception as error:
                answer[key] = words(error)
    answer["warnings"] = [f"{warning.category.__name__}: {warning.message}" for warning in caught]
    return answer


def meet(line, out):
    # a load that hangs ends the process, and with it the wait for its answer
    signal.alarm(LIMIT)
    # what the package prints is not the answer
    os.dup2(2, 1)
    out.write(json.dumps(visit(json.loads(line))) + "\n")
    out.flush()


def main():
    out = os.fdopen(os.dup(1), "w")
    if sys.argv[1:] == ["--one"]:
        meet(sys.stdin.readline(), out)
        return
    # as slow as torch, and needed in each child
    importlib.import_module("fastapi.testclient")
    import torch

    torch.set_num_threads(1)
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            status = 1
            # as in a new process; the parent's generator would give all of them the same numbers
            torch.seed()
            try:
                meet(line, out)
                status = 0
            finally:
                os._exit(status)
        if os.waitpid(child, 0)[1] != 0:
            out.write(json.dumps({"error": "the process died"}) + "\n")
            out.flush()


if __name__ == "__main__":
    main()
