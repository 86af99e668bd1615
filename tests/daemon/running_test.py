#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Audits of the example service beside the service itself, which runs under uvicorn.

usage: running_test.py RUNUPD
"""

import contextlib
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

RUNUPD = pathlib.Path(sys.argv[1]).resolve()
EXAMPLE = pathlib.Path(__file__).resolve().parents[2] / "configs/examples/sign-language-service"


class Service:
    """A copy of the example, its server, and the audits of both."""

    def __init__(self, folder):
        self.package = folder / "service"
        shutil.copytree(EXAMPLE, self.package)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        with open(self.package / "runup.yaml", "a", encoding="utf-8") as config:
            config.write(f"audit: {{every: 1h, url: 'http://127.0.0.1:{self.port}'}}\n")
        etc = folder / "etc"
        etc.mkdir()
        (etc / "sign.yaml").symlink_to(self.package / "runup.yaml")
        self.command = [str(RUNUPD), "--config-dir", str(etc), "--history", str(folder / "history.db"), "--once", "sign"]
        self.server = None

    def start(self):
        self.server = subprocess.Popen(
            [sys.executable, "-B", "-m", "uvicorn", "main:app", "--host", "127.0.0.1", "--port", str(self.port),
             "--log-level", "error"], cwd=self.package, env={**os.environ, "OMP_NUM_THREADS": "1"})
        for _ in range(600):
            with contextlib.suppress(OSError):
                if urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health").status == 200:
                    return
            time.sleep(0.1)
        raise AssertionError("the example service did not become ready")

    def stop(self):
        if self.server:
            self.server.terminate()
            self.server.wait(20)
            self.server = None

    def audit(self, expected):
        ended = subprocess.run(self.command, capture_output=True, text=True, timeout=300)
        assert ended.returncode == expected, f"{ended.returncode}; expected {expected}\n{ended.stdout}{ended.stderr}"
        return ended.stdout


def main():
    with tempfile.TemporaryDirectory(prefix="runupd-") as name:
        service = Service(pathlib.Path(name))
        try:
            service.start()
            first = service.audit(0)
            assert "READY" in first and "running-service" in first, first
            assert "- service-health       skipped" in first, first

            # The same host an hour later is compared with the first run.
            second = service.audit(0)
            assert "compared with: #1" in second, second

            # The server's own word counts, not that of the files.
            service.stop()
            gone = service.audit(1)
            assert "running-service/not-answering" in gone, gone

            # A server that lost its model says so, and the files are as they were.
            model = service.package / "models/cnn_bilstm_attention_model.pth"
            whole = model.read_bytes()
            model.write_bytes(whole[:1000])
            service.server = subprocess.Popen(
                [sys.executable, "-B", "-m", "uvicorn", "main:app", "--host", "127.0.0.1", "--port", str(service.port),
                 "--log-level", "critical"], cwd=service.package)
            for _ in range(600):
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", service.port)):
                    break
                time.sleep(0.1)
            model.write_bytes(whole)
            lost = service.audit(1)
            assert "running-service/not-ready" in lost, lost
        finally:
            service.stop()
    print("ok")
    return 0


if __name__ == "__main__":
    sys.exit(main())
