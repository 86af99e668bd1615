#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""When runup is killed, everything that it started ends too.

    killed_test.py RUNUP [NAME...]
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from textwrap import dedent

sys.dont_write_bytecode = True

from pieces import LOAD_EXITS, PLAIN, PREDICT_ANSWER, config, plain, put_file, put_service  # noqa: E402
from traces import MARK, command_of, marked, mounts, thread_names  # noqa: E402

# Names the thread that gets there, and stays for longer than the test waits.
STAY = dedent("""\
    import ctypes
    ctypes.CDLL(None).prctl(15, b"{moment}", 0, 0, 0)
    time.sleep(120)
    """)
# A child that left the session, which no process group reaches.
CHILD = """
    if os.fork() == 0:
        os.setsid()
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        time.sleep(1000)
        os._exit(0)
    """
STARTS, PREDICTS = STAY.replace("{moment}", "loading"), STAY.replace("{moment}", "predicting")
# Without its model, where it is a fork of the interpreter that is kept for such starts.
FORKED = dedent("""\
    MODEL = None
    try:
        MODEL = Classifier(MODEL_PATH)
    except Exception:
        if "fork_server.py" in Path(f"/proc/{os.getppid()}/cmdline").read_text():
            import ctypes
            ctypes.CDLL(None).prctl(15, b"forked", 0, 0, 0)
            time.sleep(120)
    """)
# name -> the name of the thread that is waited for, and the server's source
CASES = {
    "while it starts": ("loading", plain("json", load=STARTS + LOAD_EXITS)),
    "while it predicts": ("predicting", plain("json", predict=PREDICTS + dedent(PREDICT_ANSWER))),
    "while a child that left its session is there": ("predicting",
                                                     plain("json", CHILD, predict=PREDICTS + dedent(PREDICT_ANSWER))),
    "while a fork of it starts": ("forked", plain("json", CHILD, load=FORKED)),
}


def wait_until(condition, seconds):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def attempt(runup, name, scratch):
    moment, main = CASES[name]
    folder = scratch / name.replace(" ", "-")
    mark = str(folder)
    put_service(folder, "json", main)
    put_file(folder, "runup.yaml", config(
        "killed", "json", command=PLAIN, readiness="/health", liveness="", predict="/predict", label="run",
        promise="exit", service=[f"env: {{{MARK}: {mark}}}"]))
    before = mounts()
    log = scratch / f"{folder.name}.log"
    with log.open("wb") as output:
        process = subprocess.Popen([runup, "run", folder / "runup.yaml", "--set", f"python={sys.executable}",
                                    "--select", "service-*", "--select", "startup-*"],
                                   stdout=output, stderr=output, env={**os.environ, MARK: mark})
    try:
        there = wait_until(lambda: any(moment in thread_names(pid) for pid in marked(mark)), 60)
        process.kill()
        process.wait()
        if not there:
            return [f"it never was {moment}: {log.read_text(errors='replace')[-500:]}"]
        start = time.monotonic()
        if not wait_until(lambda: not marked(mark), 10):
            return [f"left behind: {[command_of(pid) for pid in marked(mark)]}"]
        print(f"      gone after {time.monotonic() - start:.2f} s")
        return [f"left mounted: {left}" for left in mounts() - before]
    finally:
        for pid in marked(mark):
            os.kill(pid, 9)


def main():
    runup, names = Path(sys.argv[1]).resolve(), sys.argv[2:]
    bad = 0
    with tempfile.TemporaryDirectory(prefix="runup-killed-") as scratch:
        for name in names or CASES:
            wrong = attempt(runup, name, Path(scratch))
            bad += bool(wrong)
            print(f"{'WRONG' if wrong else 'ok   '} {name}", *wrong, sep="\n      - ", flush=True)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
