#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How a model server answers while audits run beside it, and what the daemon takes at rest.

usage: beside_server.py BIN [--seconds S] [--rounds N]

The example service is asked for predictions, one after another, at a steady pace. Rounds without and with audits
alternate, so that whatever else the host does falls on both; audits follow each other without a pause, which is the worst
case. The pace leaves the server about half idle, as one that is sized for its load is.
"""

import argparse
import contextlib
import http.client
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

EXAMPLE = Path(__file__).resolve().parents[2] / "configs/examples/sign-language-service"


@contextlib.contextmanager
def served():
    """The example under uvicorn; its port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, "-B", "-m", "uvicorn", "main:app", "--host", "127.0.0.1", "--port", str(port), "--log-level",
         "error"], cwd=EXAMPLE, env={**os.environ, "OMP_NUM_THREADS": "1"})
    try:
        for _ in range(600):
            with contextlib.suppress(OSError):
                connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
                connection.request("GET", "/health")
                if connection.getresponse().status == 200:
                    break
            time.sleep(0.1)
        else:
            raise SystemExit("the example service did not become ready")
        yield port
    finally:
        server.terminate()
        server.wait(20)


def latencies(port, seconds, pause):
    body = (EXAMPLE / "samples/predict.json").read_bytes()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    took = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        start = time.monotonic()
        connection.request("POST", "/predict", body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 200, answer.status
        took.append(time.monotonic() - start)
        time.sleep(pause)
    return took


def p(values, percent):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


class Audits:
    """Audits without a pause, until the end of the block."""

    def __init__(self, runupd, folder):
        self.command = [str(runupd), "--config-dir", str(folder / "etc"), "--history", str(folder / "history.db"),
                        "--once", "sign"]
        self.stopping = threading.Event()
        self.done = 0

    def __enter__(self):
        self.thread = threading.Thread(target=self.run)
        self.thread.start()
        return self

    def run(self):
        while not self.stopping.is_set():
            ended = subprocess.run(self.command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            assert ended.returncode in (0, 2), ended.stdout + ended.stderr
            self.done += 1

    def __exit__(self, *_):
        self.stopping.set()
        self.thread.join()


def at_rest(runupd, folder):
    """Resident memory, threads and wake-ups in 20 s of a daemon whose next audit is an hour away."""
    socket_path = folder / "runupd.sock"
    daemon = subprocess.Popen([str(runupd), "--config-dir", str(folder / "etc"), "--history",
                               str(folder / "history.db"), "--socket", str(socket_path)], stderr=subprocess.DEVNULL)

    def fields():
        text = Path(f"/proc/{daemon.pid}/status").read_text()
        return dict(line.split(":", 1) for line in text.splitlines())

    try:
        for _ in range(600):
            children = subprocess.run(["ps", "-o", "pid=", "--ppid", str(daemon.pid)], capture_output=True, text=True)
            if socket_path.exists() and not children.stdout.strip():
                break
            time.sleep(0.2)
        time.sleep(2)
        before = fields()
        time.sleep(20)
        after = fields()
    finally:
        daemon.terminate()
        daemon.wait(20)
    return {"resident_mib": int(after["VmRSS"].split()[0]) / 1024, "threads": int(after["Threads"]),
            "wake_ups": int(after["voluntary_ctxt_switches"]) - int(before["voluntary_ctxt_switches"])}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("bin", type=Path)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    runupd = options.bin / "runupd"
    numbers = {}
    with tempfile.TemporaryDirectory(prefix="runup-bench-") as name:
        folder = Path(name)
        (folder / "etc").mkdir()
        (folder / "etc/sign.yaml").symlink_to(EXAMPLE / "runup.yaml")
        with served() as port:
            pause = statistics.median(latencies(port, 3, 0.01))
            alone, beside, audits = [], [], 0
            for _ in range(options.rounds):
                alone += latencies(port, options.seconds, pause)
                with Audits(runupd, folder) as running:
                    time.sleep(1)
                    beside += latencies(port, options.seconds, pause)
                audits += running.done
        numbers["server"] = {"audits": audits,
                             **{f"{where}_p{percent}_ms": p(values, percent) * 1e3
                                for where, values in (("alone", alone), ("beside", beside))
                                for percent in (50, 99)}}
        numbers["rest"] = at_rest(runupd, folder)
    server, rest = numbers["server"], numbers["rest"]
    print(f"a prediction of the example service, without and with audits beside it ({server['audits']} audits, without a "
          "pause)")
    for percent in (50, 99):
        without, with_ = server[f"alone_p{percent}_ms"], server[f"beside_p{percent}_ms"]
        print(f"  p{percent}  {without:8.1f} ms  {with_:8.1f} ms  {with_ / without:5.2f} times")
    print("the daemon at rest")
    print(f"  {rest['resident_mib']:.1f} MiB resident (goal: at most 20), {rest['threads']} thread, {rest['wake_ups']} "
          "wake-ups in 20 s (goal: none)")
    if options.json:
        options.json.write_text(json.dumps(numbers, indent=2) + "\n")


if __name__ == "__main__":
    main()
