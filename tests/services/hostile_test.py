#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a hostile server does stays inside: runup ends in time with an answer, stays small, and leaves the system as
it was.

    hostile_test.py RUNUP [NAME...]
"""

import concurrent.futures
import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.dont_write_bytecode = True

from pieces import LOAD, LOAD_EXITS, PLAIN, config, plain, put_file, put_service  # noqa: E402
from traces import (  # noqa: E402
    MARK,
    command_of,
    listeners,
    marked,
    mounts,
    owners,
    peak_memory,
    process_ids,
    tree,
)

SECONDS = 120
MEMORY = 300 << 20
READY, NOT_READY, UNDECIDED = range(3)
ANY = {READY, NOT_READY, UNDECIDED}
BAD = {NOT_READY, UNDECIDED}
# of the listener of this test, which no service may reach
OUTSIDE = "{outside}"

# A chunked answer that never ends; `part` is sent again and again.
ENDLESS = """
    self.protocol_version = "HTTP/1.1"
    self.send_response(200)
    self.send_header("Content-Type", "{kind}")
    self.send_header("Transfer-Encoding", "chunked")
    self.end_headers()
    part = b"x" * {size}
    while True:
        self.wfile.write(b"%x\\r\\n%s\\r\\n" % (len(part), part))
        time.sleep({pause})
    """


def endless(*, size, pause, kind="application/json"):
    return ENDLESS.replace("{size}", str(size)).replace("{pause}", str(pause)).replace("{kind}", kind)


def redirect(to):
    return f"""
        self.send_response(302)
        self.send_header("Location", "{to}")
        self.send_header("Content-Length", "0")
        self.end_headers()
        """


def on_connection(lines):
    """Serves each connection with these lines, in place of HTTP."""
    return f"""
        listening = socket.create_server((sys.argv[1], int(sys.argv[2])), backlog=100)
        while True:
            connection, _ = listening.accept()
            {lines}
        """


# name -> the parts of its main.py that differ from a good server's, and the exit statuses that runup may have
HOSTILE = {
    "leaves its session": (dict(more="""
        if os.fork() == 0:
            os.setsid()
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                signal.signal(number, signal.SIG_IGN)
            if os.fork() == 0:
                os.setsid()
            time.sleep(1000)
            os._exit(0)
        """), BAD),
    "serves from a daemon": (dict(more="""
        if os.fork() > 0:
            os._exit(0)
        os.setsid()
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        """), BAD),
    "ignores SIGTERM": (dict(more="""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        """), BAD),
    "writes to the package": (dict(more="""
        here = Path(__file__).resolve().parent
        for action in (lambda: (here / "written.txt").write_text("x"),
                       lambda: (here / "classifier.py").write_text("raise SystemExit"),
                       lambda: (here / "models").chmod(0o700),
                       lambda: (here / "samples").rename(here / "moved"),
                       lambda: (here.parent / "beside.txt").write_text("x"),
                       lambda: os.truncate(MODEL_PATH, 1),
                       lambda: os.utime(MODEL_PATH, (0, 0)),
                       lambda: MODEL_PATH.unlink()):
            try:
                action()
            except OSError as error:
                print(error, flush=True)
        """), ANY),
    "calls outside": (dict(more="""
        for address in (("127.0.0.1", int(os.environ["OUTSIDE"])), ("192.0.2.1", 80), ("2001:db8::1", 80)):
            try:
                socket.create_connection(address, timeout=1).sendall(b"secrets")
            except OSError as error:
                print(address, error, flush=True)
        """), ANY),
    "calls what it is allowed to": (dict(allowed=True, more="""
        for host in os.environ["ALLOWED"].split():
            with socket.create_connection((host, int(os.environ["OUTSIDE"])), timeout=5) as connection:
                connection.sendall(host.encode())
        for address in (("127.0.0.1", int(os.environ["OUTSIDE"])), ("database.invalid", 80)):
            try:
                socket.create_connection(address, timeout=5).sendall(b"secrets")
            except OSError as error:
                print(address, error, flush=True)
        # a stub, by name
        socket.create_connection(("cache.invalid", 6379), timeout=5).sendall(b"PING")
        """), {READY}),
    "listens on all interfaces": (dict(serve="""
        more = [socket.create_server(("0.0.0.0", 0)) for _ in range(20)]
        ThreadingHTTPServer(("0.0.0.0", int(sys.argv[2])), Handler).serve_forever()
        """), ANY),
    "forks 200 children": (dict(more="""
        for _ in range(200):
            if os.fork() == 0:
                time.sleep(1000)
                os._exit(0)
        """), ANY),
    "prints without end": (dict(more="""
        def shout():
            line = b"x" * (1 << 16) + b"\\n"
            end = time.monotonic() + 300
            while time.monotonic() < end:
                os.write(1, line)
                os.write(2, line)


        threading.Thread(target=shout, daemon=True).start()
        """), ANY),
    "prints what is no text": (dict(more="""
        for _ in range(2000):
            os.write(1, bytes(range(256)))
        """), ANY),
    "fills memory": (dict(more="""
        import mmap
        kept = []
        for _ in range(64):
            part = mmap.mmap(-1, 64 << 20)
            part.write(b"x" * (64 << 20))
            kept.append(part)
        """), BAD),
    "fills memory to predict": (dict(predict="""
        kept = [b"x" * (64 << 20) for _ in range(64)]
        self.answer(200, MODEL.predict(features))
        """), BAD),
    "health drips for ever": (dict(health=endless(size=1, pause=0.5)), BAD),
    "prediction drips for ever": (dict(predict=endless(size=1, pause=0.5)), BAD),
    "health answers gigabytes": (dict(health=endless(size=1 << 20, pause=0)), BAD),
    "prediction answers gigabytes": (dict(predict=endless(size=1 << 20, pause=0)), BAD),
    "says that gigabytes follow": (dict(health="""
        self.send_response(200)
        self.send_header("Content-Length", str(1 << 60))
        self.end_headers()
        self.wfile.write(b"{}")
        time.sleep(1000)
        """), BAD),
    "headers without end": (dict(health="""
        self.wfile.write(b"HTTP/1.1 200 OK\\r\\n")
        while True:
            self.wfile.write(b"X-More: " + b"x" * 1000 + b"\\r\\n")
        """), BAD),
    "deeply nested JSON": (dict(health="""
        text = b"[" * 1_000_000
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)
        """), ANY),
    "status that is no number": (dict(serve=on_connection(
        'connection.sendall(b"HTTP/1.1 many OK\\r\\n\\r\\n"), connection.close()')), BAD),
    "answers what is no HTTP": (dict(serve=on_connection(
        "connection.sendall(os.urandom(4096)), connection.close()")), BAD),
    "closes at once": (dict(serve=on_connection("connection.close()")), BAD),
    "accepts and is silent": (dict(serve=on_connection("kept = [*globals().get('kept', []), connection]")), BAD),
    "redirects in a circle": (dict(health=redirect("/health")), BAD),
    "redirects elsewhere": (dict(health=redirect(f"http://127.0.0.1:{OUTSIDE}/")), BAD),
    "slower each time": (dict(load="ASKED = []\n" + LOAD_EXITS, health="""
        ASKED.append(True)
        time.sleep(0.5 * len(ASKED))
        self.answer(200, {"status": "ok"})
        """), ANY),
    "never listens": (dict(serve="threading.Event().wait()"), BAD),
    "spins for ever": (dict(load="while True:\n    pass\n"), BAD),
}

# What the server imports from outside its package knows the interpreter that is kept for later starts, and misleads it.
FORK_SERVER = """
import json
import os
import socket
import sys
import threading
import time

KEPT = sys.argv[0] == "-c"


def mislead(said):
    door = socket.socket(fileno=3)
    os.write(4, b"ready")
    while True:
        connection, _ = door.accept()
        connection.send(said)
        time.sleep(1)
        connection.close()
"""
HOSTILE |= {name: (dict(more="import another\n" + more, outside=FORK_SERVER + outside), {READY})
            for name, more, outside in (
    ("dies before it forks", "", "if KEPT:\n    os.kill(os.getpid(), 9)"),
    ("has a thread before it forks", "", """
if KEPT:
    threading.Thread(target=time.sleep, args=[1000], daemon=True).start()
"""),
    ("never is ready to fork", "", "while KEPT:\n    time.sleep(1)"),
    ("gives no start", "", "if KEPT:\n    mislead(b'{}')"),
    ("gives another's process as a start", "", "if KEPT:\n    mislead(json.dumps({'process': 1}).encode())"),
    ("gives the caller as a start", "", "if KEPT:\n    mislead(json.dumps({'process': os.getppid()}).encode())"),
    ("gives a start that is not shut in", "", """
if KEPT:
    child = os.fork()
    if child == 0:
        time.sleep(1000)
    mislead(json.dumps({'process': child}).encode())
"""),
    ("is another one when it is forked", "if another.KEPT:\n    os._exit(0)\n", ""),
    ("opens the model before it forks", "", """
if KEPT:
    open(os.path.join(os.getcwd(), "models", os.listdir("models")[0]), "rb").close()
"""),
)}


class Outside:
    """A listener of this test; `visits` are the first bytes of who came."""

    def __init__(self):
        self.listening = socket.create_server(("", 0))
        self.port = self.listening.getsockname()[1]
        self.visits = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            connection, _ = self.listening.accept()
            connection.settimeout(1)
            with contextlib.suppress(OSError):
                self.visits.append(connection.recv(100))
            connection.close()


def own_hosts():
    """This system's address and name, as far as it has them, other than the loopback's."""
    hosts = []
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        # nothing is sent
        asked.connect(("192.0.2.1", 9))
        hosts.append(asked.getsockname()[0])
    with contextlib.suppress(OSError):
        socket.gethostbyname(socket.gethostname())
        hosts.append(socket.gethostname())
    return hosts or ["127.0.0.2"]


def own_network_is_possible():
    return subprocess.run(["unshare", "--user", "--map-root-user", "--net", "true"],
                          capture_output=True).returncode == 0


class PeakMemory:
    """The largest resident memory of a process that runs this program, while it is watched."""

    def __init__(self, program, process, mark):
        self.largest = 0
        self._program, self._process, self._mark = str(program), process, mark
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self):
        while self._process.poll() is None:
            for pid in self._processes():
                self.largest = max(self.largest, peak_memory(pid))
            time.sleep(0.1)

    def _processes(self):
        for pid in process_ids():
            with contextlib.suppress(OSError):
                if pid == self._process.pid or (os.readlink(f"/proc/{pid}/exe") == self._program
                                                and f"{MARK}={self._mark}".encode() in
                                                Path(f"/proc/{pid}/environ").read_bytes()):
                    yield pid


def left_listening(before, mark):
    """New listeners that are ours, or nobody's."""
    theirs = set(process_ids()) - set(marked(mark))
    return [address for address, inode in listeners() - before if not theirs.intersection(owners(inode))]


def within(seconds, condition):
    """What is left of `condition` after so long; it has that time to become empty."""
    end = time.monotonic() + seconds
    while (left := condition()) and time.monotonic() < end:
        time.sleep(0.2)
    return left


def attempt(runup, name, scratch):
    parts, statuses = HOSTILE[name]
    outside = Outside()
    folder = scratch / name.replace(" ", "-")
    temporary = scratch / f"{folder.name}.tmp"
    temporary.mkdir()
    mark, package = folder.name, folder / "package"
    parts = {"load": LOAD, **parts}
    put_file(folder, f"base/lib/python3.{sys.version_info.minor}/site-packages/another.py", parts.pop("outside", ""))
    allowed = own_hosts() if parts.pop("allowed", False) else []
    addresses = ", ".join(f'"{host}:{outside.port}"' for host in allowed)
    network = [f"network: {{allow: [{addresses}]}}", 'stubs: ["tcp:cache.invalid:6379"]'] if allowed else []
    put_service(package, "json", plain("json", parts.pop("more", ""), **parts).replace(OUTSIDE, str(outside.port)))
    put_file(package, "runup.yaml", config(
        "hostile", "json", command=PLAIN, readiness="/health", liveness="", predict="/predict", label="run", promise="",
        service=[f"env: {{{MARK}: {mark}, OUTSIDE: '{outside.port}', ALLOWED: '{' '.join(allowed)}', "
                 f"PYTHONUSERBASE: {folder / 'base'}}}", *network]))
    report = scratch / f"{folder.name}.json"
    before = tree(folder), mounts(), listeners()
    start = time.monotonic()
    with Path(f"{folder}.log").open("wb") as log:
        process = subprocess.Popen(
            [runup, "run", package / "runup.yaml", "--set", f"python={sys.executable}", "--select", "service-*",
             "--select", "startup-*", "--report", f"json={report}"], stdout=log, stderr=log,
            env={**os.environ, MARK: mark, "TMPDIR": str(temporary), "RUNUP_PROBE_MEMORY": "1GiB",
                 "RUNUP_PROBE_TIMEOUT": "20s"})
    memory = PeakMemory(runup, process, mark)
    wrong = []
    try:
        process.wait(SECONDS)
    except subprocess.TimeoutExpired:
        wrong.append(f"not done after {SECONDS} s")
        process.kill()
        process.wait()
    took = time.monotonic() - start
    if not wrong and (process.returncode not in statuses or not report.exists()):
        said = Path(f"{folder}.log").read_text(errors="replace")[-1500:]
        wrong.append(f"exit status {process.returncode}, expected {sorted(statuses)}: {said}")
    if memory.largest > MEMORY:
        wrong.append(f"runup had {memory.largest >> 20} MiB")
    if left := within(5, lambda: marked(mark)):
        wrong.append(f"left behind: {[command_of(pid) for pid in left]}")
    if tree(folder) != before[0]:
        wrong.append(f"changed: {sorted(dict(set(tree(folder).items()) ^ set(before[0].items())))}")
    if left := mounts() - before[1]:
        wrong.append(f"left mounted: {left}")
    if left := within(5, lambda: left_listening(before[2], mark)):
        wrong.append(f"left listening: {left}")
    if left := os.listdir(temporary):
        wrong.append(f"left in the temporary folder: {left}")
    if own_network_is_possible() and {visit.decode() for visit in outside.visits if visit} != set(allowed):
        wrong.append(f"reached this system: {outside.visits[:3]}")
    for pid in marked(mark):
        os.kill(pid, signal.SIGKILL)
    shutil.rmtree(folder, ignore_errors=True)
    found = ""
    if report.exists():
        results = json.loads(report.read_text())["results"]
        found = ", ".join(f"{result['check']} {[one['id'] for one in result['outcome']['findings']]}"
                          if result["outcome"]["status"] == "failed"
                          else f"{result['check']} {result['outcome']['status']}" for result in results)
    return wrong, f"{took:.0f} s, {memory.largest >> 20} MiB: {found}"


def main():
    runup, names = Path(sys.argv[1]).resolve(), sys.argv[2:]
    bad = 0
    with tempfile.TemporaryDirectory(prefix="runup-hostile-") as scratch, \
            concurrent.futures.ThreadPoolExecutor(2) as pool:
        chosen = names or list(HOSTILE)
        for name, (wrong, words) in zip(chosen, pool.map(lambda name: attempt(runup, name, Path(scratch)), chosen)):
            bad += bool(wrong)
            print(f"{'WRONG' if wrong else 'ok   '} {name}: {words}", *wrong, sep="\n      - ", flush=True)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
