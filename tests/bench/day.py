#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A day of the daemon in two minutes: real audits by a clock that runs 720 times as fast.

usage: day.py FAST_DAEMON

Every quarter of an hour is due 96 times in 24 hours. Then the daemon is stopped (SIGSTOP) for an hour and 52 minutes of
its time, as a suspended host would: the clock goes on, and when it wakes what was missed is made up for once.
"""

import contextlib
import http.client
import json
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SPEED = 720
QUARTER = 15 * 60 / SPEED

CONFIG = """version: 1
target: small
package: {package}
models: {{m: {{path: model.safetensors}}}}
checks: {{inference: {{required: false}}, warmup-budget: {{enabled: false}}}}
audit: {{every: 15m, splay: 0s}}
"""


def write_model(path):
    count = 16 * 64
    header = json.dumps({"w": {"dtype": "F32", "shape": [16, 64], "data_offsets": [0, 4 * count]}}).encode()
    path.write_bytes(struct.pack("<Q", len(header)) + header + struct.pack(f"<{count}f", *(i % 7 for i in range(count))))


def audits(path):
    """How many audits have ended, by the daemon's own metric."""
    client = socket.socket(socket.AF_UNIX)
    client.settimeout(20)
    client.connect(str(path))
    connection = http.client.HTTPConnection("runupd")
    connection.sock = client
    with contextlib.closing(connection):
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
    return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line.startswith("runup_audits_total{"))


def main():
    with tempfile.TemporaryDirectory(prefix="runup-day-") as name:
        folder = Path(name)
        (folder / "etc").mkdir()
        write_model(folder / "model.safetensors")
        (folder / "etc/small.yaml").write_text(CONFIG.format(package=folder))
        path = folder / "socket"
        start = time.monotonic()
        daemon = subprocess.Popen([sys.argv[1], str(folder / "etc"), str(folder / "history.db"), str(path), str(SPEED)],
                                  stderr=subprocess.DEVNULL)
        try:
            # The first is due at once, so that the 96th is due a quarter before the day is over.
            time.sleep(start + 96 * QUARTER - QUARTER / 4 - time.monotonic())
            day = audits(path)
            daemon.send_signal(signal.SIGSTOP)
            time.sleep(7.5 * QUARTER)
            daemon.send_signal(signal.SIGCONT)
            time.sleep(QUARTER * 0.8)
            woken = audits(path)
            time.sleep(4 * QUARTER)
            later = audits(path)
        finally:
            daemon.send_signal(signal.SIGCONT)
            daemon.terminate()
            daemon.wait(20)
    print(f"a day at {SPEED} times its speed, an audit due every 15 minutes: {day:.0f} audits (goal: 96)")
    print(f"  after 1 h 52 min asleep: {woken - day:.0f} at once (goal: 1), then {later - woken:.0f} in the next hour (goal: 4)")
    return 0 if (day, woken - day, later - woken) == (96, 1, 4) else 1


if __name__ == "__main__":
    sys.exit(main())
