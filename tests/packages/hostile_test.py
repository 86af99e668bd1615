#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a service's code does while its predictor is made stays inside: runup ends in time, says that the predictor
could not be made or could not be told, and leaves the host as it was.

    hostile_test.py RUNUP [NAME...]
"""

import ctypes
import errno
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import textwrap
import time
from pathlib import Path

sys.dont_write_bytecode = True

import torch  # noqa: E402

MARK = "RUNUP_HOSTILE_MARK"
# name -> what the module of the factory does when it is imported, and the statuses that `predictor-load` may have
HOSTILE = {
    "forks": ("""
        import os, time
        for _ in range(20):
            if os.fork() == 0:
                time.sleep(1000)
        time.sleep(1000)
        """, {"undecided"}),
    "leaves its session": ("""
        import os, signal, time
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                signal.signal(signal.SIGTERM, signal.SIG_IGN)
                signal.signal(signal.SIGHUP, signal.SIG_IGN)
                time.sleep(1000)
            os._exit(0)
        raise RuntimeError("left one behind")
        """, {"failed"}),
    "ignores SIGTERM": ("""
        import signal, time
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        time.sleep(1000)
        """, {"undecided"}),
    "writes to the package": ("""
        from pathlib import Path
        Path(__file__).with_name("written.txt").write_text("x")
        """, {"undecided"}),
    "deletes the model": ("""
        import os
        from pathlib import Path
        os.remove(Path(__file__).parent / "model.pth")
        """, {"undecided"}),
    "writes beside the package": ("""
        from pathlib import Path
        (Path(__file__).resolve().parents[1] / "beside.txt").write_text("x")
        """, {"undecided"}),
    "opens sockets": ("""
        import socket
        listening = socket.socket()
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        """, {"failed"}),
    "prints gigabytes": ("""
        import os
        line = b"x" * (1 << 20)
        for _ in range(3000):
            os.write(1, line)
            os.write(2, line)
        raise RuntimeError("printed all of it")
        """, {"failed", "undecided"}),
    "sleeps for ever": ("""
        import time
        time.sleep(100000)
        """, {"undecided"}),
    "spins for ever": ("""
        while True:
            pass
        """, {"undecided"}),
    "eats memory": ("""
        import mmap
        kept = []
        while True:
            part = mmap.mmap(-1, 64 << 20)
            part.write(b"x" * (64 << 20))
            kept.append(part)
        """, {"undecided", "failed"}),
    "exits well": ("import os; os._exit(0)", {"undecided"}),
    "exits by SystemExit": ("raise SystemExit(0)", {"failed"}),
    "crashes": ("import ctypes; ctypes.string_at(0)", {"undecided"}),
    "forges an answer on stdout": ("""
        import os, struct
        answer = b'{"loaded": {"library": "torch", "version": "9", "device": "cpu"}}'
        os.write(1, struct.pack("<I", len(answer)) + answer)
        print(answer.decode(), flush=True)
        os._exit(0)
        """, {"undecided"}),
    "kills all": ("""
        import os, signal
        os.kill(-1, signal.SIGKILL)
        """, {"failed"}),
    "kills its parent's parent": ("""
        import os, signal
        parent = int(open(f"/proc/{os.getppid()}/stat").read().rsplit(")", 1)[1].split()[1])
        os.kill(parent, signal.SIGKILL)
        """, {"failed"}),
    "closes everything": ("import os; os.closerange(3, 1000)", {"undecided"}),
}
# What a kernel must have for them to stay inside, as runup says of a run where it has not.
LANDLOCK = {"writes to the package": 1, "deletes the model": 1, "writes beside the package": 1,
            "kills its parent's parent": 6}
SECCOMP = {"opens sockets", "kills all"}
CONFIG = """
version: 1
target: hostile
package: service
models:
  net:
    path: model.pth
    factory: serving:get_predictor
    inputs: [{{name: x, dtype: float32, shape: [1, 2]}}]
python: {python}
"""


def tree(folder):
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
            for path in sorted(Path(folder).rglob("*"))}


def left_behind(mark):
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                if mark in (entry / "environ").read_bytes():
                    found.append((entry / "cmdline").read_bytes()[:100])
            except OSError:
                continue
    return found


def missing_protection(name):
    """What this system lacks for a case that would then harm it; "" for nothing."""
    libc = ctypes.CDLL(None, use_errno=True)
    create_ruleset, ask_version, set_seccomp, filter_mode = 444, 1, 22, 2
    if libc.syscall(create_ruleset, None, 0, ask_version) < LANDLOCK.get(name, 0):
        return f"Landlock of ABI {LANDLOCK[name]}"
    libc.prctl(set_seccomp, filter_mode, None, 0, 0)
    return "seccomp" if name in SECCOMP and ctypes.get_errno() != errno.EFAULT else ""


def attempt(runup, name, code, statuses, scratch):
    folder = scratch / name.replace(" ", "-").replace("'", "")
    service = folder / "service"
    service.mkdir(parents=True)
    torch.save({"w": torch.ones(2, 2)}, service / "model.pth")
    (service / "serving.py").write_text(textwrap.dedent(code) + "\ndef get_predictor():\n    return None\n")
    (folder / "runup.yaml").write_text(CONFIG.format(python=sys.executable))
    before = tree(folder)
    report = scratch / f"{folder.name}.json"
    mark = f"{MARK}={folder}"
    started = time.monotonic()
    ran = subprocess.run([runup, "run", folder / "runup.yaml", "--select", "predictor-load", "--report",
                          f"json={report}"],
                         capture_output=True, text=True, timeout=200,
                         env={**os.environ, MARK: str(folder), "RUNUP_PROBE_TIMEOUT": "4s",
                              "RUNUP_PROBE_MEMORY": "1GiB"})
    took = time.monotonic() - started
    wrong = []
    if ran.returncode == 0 or not report.exists():
        wrong.append(f"exit status {ran.returncode}: {ran.stdout[-300:]} {ran.stderr[-300:]}")
    else:
        told = json.loads(report.read_text())
        status = next(one["outcome"]["status"] for one in told["results"] if one["check"] == "predictor-load")
        if status not in statuses:
            outcome = next(one["outcome"] for one in told["results"] if one["check"] == "predictor-load")
            wrong.append(f"predictor-load is {status}; expected {statuses}: {json.dumps(outcome)[:600]}")
    if took > 60:
        wrong.append(f"took {took:.0f} s")
    if tree(folder) != before:
        wrong.append(f"changed {set(tree(folder).items()) ^ set(before.items())}")
    time.sleep(0.2)
    if behind := left_behind(mark.encode()):
        wrong.append(f"left behind: {behind}")
    return wrong


def main():
    runup, names = Path(sys.argv[1]).resolve(), sys.argv[2:]
    bad = 0
    with tempfile.TemporaryDirectory(prefix="runup-hostile-") as scratch:
        temporary = set(os.listdir(tempfile.gettempdir()))
        for name, (code, statuses) in HOSTILE.items():
            if names and name not in names:
                continue
            if lacking := missing_protection(name):
                print(f"skip  {name}: this system has no {lacking}", flush=True)
                continue
            wrong = attempt(runup, name, code, statuses, Path(scratch))
            bad += bool(wrong)
            print("WRONG" if wrong else "ok   ", name, *wrong, sep="\n      " if wrong else " ", flush=True)
        left = {one for one in set(os.listdir(tempfile.gettempdir())) - temporary if one.startswith("runup-python")}
        if left:
            bad += 1
            print(f"WRONG left in the temporary folder: {left}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
