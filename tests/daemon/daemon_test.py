#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""runupd as a process: what it answers, when it audits, what it survives.

usage: daemon_test.py RUNUPD [NAME...]
"""

import contextlib
import datetime
import http.client
import json
import os
import pathlib
import re
import resource
import shutil
import signal
import socket
import sqlite3
import struct
import subprocess
import sys
import tempfile
import threading
import time

RUNUPD = pathlib.Path(sys.argv[1]).resolve()
PATIENCE = 60


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("runupd", timeout=20)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self.path))


def write_model(path, first=0.5):
    """A safetensors file of 16 x 64 numbers: 8 bytes of length, JSON, the numbers."""
    count = 16 * 64
    header = json.dumps({"w": {"dtype": "F32", "shape": [16, 64], "data_offsets": [0, 4 * count]}}).encode()
    numbers = [first] + [((i * 37) % 100) / 100 for i in range(1, count)]
    partial = path.with_suffix(".new")
    partial.write_bytes(struct.pack("<Q", len(header)) + header + struct.pack(f"<{count}f", *numbers))
    partial.rename(path)


CONFIG = """version: 1
target: {name}
package: {package}
models: {{m: {{path: model.safetensors}}}}
checks: {{inference: {{required: false}}}}
audit: {{{audit}}}
"""


class Host:
    """A folder with configs, packages, a history and a socket; and the daemon that serves it."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.etc = self.folder / "etc"
        self.etc.mkdir()
        self.history = self.folder / "history.db"
        self.socket = self.folder / "runupd.sock"
        self.log = self.folder / "log"
        self.process = None

    def add(self, name="small", audit="every: 1h"):
        package = self.folder / name
        package.mkdir(exist_ok=True)
        write_model(package / "model.safetensors")
        self.configure(name, audit)
        return package / "model.safetensors"

    def configure(self, name, audit="every: 1h", extra=""):
        text = CONFIG.format(name=name, package=self.folder / name, audit=audit) + extra
        partial = self.etc / f".{name}.new"
        partial.write_text(text)
        partial.rename(self.etc / f"{name}.yaml")

    def command(self, *more):
        return [str(RUNUPD), "--config-dir", str(self.etc), "--history", str(self.history), "--socket",
                str(self.socket), *more]

    def start(self, *more, environment=None):
        self.process = subprocess.Popen(self.command(*more), stdout=subprocess.DEVNULL,
                                        stderr=open(self.log, "ab"), env={**os.environ, **(environment or {})})
        wait_for(lambda: self.socket.exists() and self.ask("/healthz")[0] == 200, "the daemon to answer")

    def stop(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        code = self.process.wait(PATIENCE)
        self.process = None
        return code

    def once(self, name):
        return subprocess.run(self.command("--once", name), capture_output=True, text=True, timeout=PATIENCE)

    def ask(self, path, method="GET", **headers):
        with contextlib.closing(UnixConnection(self.socket)) as connection:
            try:
                connection.request(method, path, headers=headers)
                answer = connection.getresponse()
                return answer.status, answer.read().decode()
            except OSError:
                return 0, ""

    def gate(self, name="small"):
        status, body = self.ask(f"/gate/{name}")
        return status, json.loads(body)

    def wait_gate(self, status, name="small", run_after=0):
        """Waits until the gate answers so after an audit later than `run_after`."""
        def there():
            got, answer = self.gate(name)
            return got == status and answer["run"] > run_after and not answer["pending"] and answer
        return wait_for(there, f"/gate/{name} to answer {status} after run {run_after}: now {self.gate(name)}")

    def metrics(self):
        status, text = self.ask("/metrics")
        assert status == 200, status
        return text

    def said(self):
        return self.log.read_text()


def wait_for(condition, what):
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.05)
    raise AssertionError(f"waited {PATIENCE} s for {what}")


def value_of(metrics, name):
    values = [line.rsplit(" ", 1)[1] for line in metrics.splitlines() if line.startswith(name)]
    assert len(values) == 1, f"{name}: {values}"
    return float(values[0])


def children_of(pid):
    text = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True).stdout
    return [int(word) for word in text.split()]


# ---- tests ----


def test_break_and_repair(host):
    """A broken model closes the gate without being asked; the repair opens it."""
    model = host.add()
    host.start()
    ready = host.wait_gate(200)
    assert ready["verdict"] == "ready", ready
    whole = model.read_bytes()
    model.write_bytes(whole[:100])
    broken = host.wait_gate(503, run_after=ready["run"])
    assert broken["verdict"] == "not-ready" and broken["problems"], broken
    assert value_of(host.metrics(), 'runup_gate_open{target="small"}') == 0
    assert 'runup_check_failing{target="small",model="m",check="model-loadable",status="failed"} 1' in host.metrics()
    write_model(model)
    repaired = host.wait_gate(200, run_after=broken["run"])
    assert repaired["verdict"] == "ready", repaired
    assert value_of(host.metrics(), 'runup_audits_total{target="small",verdict="not-ready"}') >= 1
    model.unlink()
    host.wait_gate(503, run_after=repaired["run"])
    assert host.stop() == 0
    assert not host.socket.exists()


def test_drift_is_seen(host):
    """Other bytes are a warning that names the last ready run."""
    model = host.add()
    assert host.once("small").returncode == 0
    write_model(model, first=0.75)
    second = host.once("small")
    assert second.returncode == 0, second.stdout
    assert "drift/file-changed" in second.stdout and "(#1, " in second.stdout, second.stdout


def test_metrics_are_valid(host):
    """Debian's promtool has nothing to complain about."""
    host.add()
    host.start()
    host.wait_gate(200)
    checked = subprocess.run(["promtool", "check", "metrics"], input=host.metrics(), capture_output=True, text=True)
    assert checked.returncode == 0 and not checked.stderr, checked.stdout + checked.stderr


def test_asked_for(host):
    """POST begins an audit, once, however many ask."""
    host.add()
    host.start()
    first = host.wait_gate(200)
    for _ in range(20):
        status, body = host.ask("/audit/small", "POST")
        assert status == 202, body
    second = host.wait_gate(200, run_after=first["run"])
    time.sleep(1)
    assert host.gate()[1]["run"] <= second["run"] + 1
    assert host.ask("/audit/none", "POST")[0] == 404
    assert host.ask("/audit/small", "GET")[0] == 405
    assert host.ask("/audit/small", "POST", Origin="http://example.org")[0] == 403


def test_schedule(host):
    """`every` audits without being asked, and a verdict grows stale."""
    host.add("often", "every: 1s, splay: 0s")
    host.add("rare", "every: 1h, stale_after: 1s")
    host.start()
    first = host.wait_gate(200, "often")
    host.wait_gate(200, "often", run_after=first["run"] + 1)
    stale = wait_for(lambda: (host.gate("rare")[1]["verdict"] == "ready" and host.gate("rare")[0] == 503 and
                              host.gate("rare")[1]), "the verdict to be stale")
    assert "a verdict counts for" in stale["reason"], stale
    status, body = host.ask("/gate")
    assert status == 503 and not json.loads(body)["targets"]["rare"]["open"], body


def test_calendar(host):
    """A calendar expression of systemd."""
    host.add("minutely", "calendar: '*:*:0/2'")
    host.add("wrong", "calendar: every blue moon")
    host.start()
    first = host.wait_gate(200, "minutely")
    host.wait_gate(200, "minutely", run_after=first["run"])
    status, answer = host.gate("wrong")
    assert status == 503 and "every blue moon" in answer["config_errors"][0], answer


def test_reload(host):
    """A bad config is reported with its place and the old one stays; new files come, others go."""
    host.add("one")
    host.add("two")
    host.start()
    ready = host.wait_gate(200, "one")
    host.wait_gate(200, "two")
    host.configure("one", extra="chekcs: {}\n")
    bad = wait_for(lambda: host.gate("one")[1]["config_errors"], "the mistake to be seen")
    assert "one.yaml:7:1: unknown key `chekcs`; did you mean `checks`?" in bad[0], bad
    still = host.wait_gate(200, "one", run_after=ready["run"])
    assert still["verdict"] == "ready" and still["config_errors"], still
    assert value_of(host.metrics(), 'runup_config_bad{target="one"}') == 1
    assert "the last good config stays in use" in host.said()
    host.configure("one")
    wait_for(lambda: not host.gate("one")[1]["config_errors"], "the mistake to be gone")
    (host.etc / "two.yaml").unlink()
    host.add("three")
    host.process.send_signal(signal.SIGHUP)
    host.wait_gate(200, "three")
    assert host.ask("/gate/two")[0] == 404
    for file in host.etc.iterdir():
        file.unlink()
    host.process.send_signal(signal.SIGHUP)
    wait_for(lambda: "what was read before stays in use" in host.said(), "the empty folder to be refused")
    assert host.ask("/gate/one")[0] == 200


def test_restart_keeps_the_gate(host):
    """The history knows what the daemon forgot."""
    host.add()
    host.start()
    run = host.wait_gate(200)["run"]
    host.stop(signal.SIGKILL)
    assert host.socket.exists()
    host.start()
    status, answer = host.gate()
    assert status == 200 and answer["run"] == run, answer
    assert not answer["pending"], "nothing is due so soon"


def test_killed_leaves_nothing(host):
    """SIGKILL of the daemon in the middle of an audit ends all that it started."""
    host.add("often", "every: 1s, splay: 0s")
    for round_ in range(5):
        host.start()
        children = wait_for(lambda: children_of(host.process.pid), "an audit to run")
        time.sleep(0.1 * round_)
        below = [grandchild for child in children for grandchild in children_of(child)]
        host.stop(signal.SIGKILL)
        for pid in children + below:
            wait_for(lambda: not pathlib.Path(f"/proc/{pid}").exists(), f"process {pid} to end")
    with contextlib.closing(sqlite3.connect(host.history)) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_bad_history(host):
    """A history that is no database is reported, and audits go on."""
    host.add()
    host.history.write_bytes(b"this is no database, but something that somebody wants to keep" * 100)
    before = host.history.read_bytes()
    host.start()
    wait_for(lambda: host.gate()[0] == 200, "the gate to open")
    assert value_of(host.metrics(), "runup_history_works ") == 0
    assert "the history is not kept" in host.said() and str(host.history) in host.said(), host.said()
    assert host.history.read_bytes() == before


def test_full_disk(host):
    """A history that cannot grow is reported, and audits go on."""
    host.add()
    assert host.once("small").returncode == 0
    # Python's limit of a file's size is the daemon's and its children's: what is written beyond it fails.
    size = host.history.stat().st_size
    command = host.command()
    host.process = subprocess.Popen(
        command, stderr=open(host.log, "ab"),
        preexec_fn=lambda: (signal.signal(signal.SIGXFSZ, signal.SIG_IGN),
                            resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))))
    wait_for(lambda: host.socket.exists() and host.ask("/healthz")[0] == 200, "the daemon to answer")
    for _ in range(3):
        host.ask("/audit/small", "POST")
        time.sleep(2)
    assert host.gate()[0] == 200
    wait_for(lambda: value_of(host.metrics(), "runup_history_works ") == 0, "the failure to be told")


def test_wrong_clients(host):
    """Clients that send nothing, too much, slowly or nonsense are answered or dropped; others never wait for them."""
    host.add()
    host.start()
    host.wait_gate(200)

    def raw(data, wait=15):
        with contextlib.closing(socket.socket(socket.AF_UNIX)) as client:
            client.settimeout(wait)
            client.connect(str(host.socket))
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                client.sendall(data)
            answer = b""
            with contextlib.suppress(ConnectionResetError):
                while chunk := client.recv(65536):
                    answer += chunk
            return answer

    assert raw(b"nonsense\r\n\r\n").startswith(b"HTTP/1.1 400")
    assert raw(b"GET /healthz HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 100_000).startswith(b"HTTP/1.1 431")
    assert raw(b"POST /audit/small HTTP/1.1\r\nHost: x\r\nContent-Length: 9999999\r\n\r\n").startswith(b"HTTP/1.1 413")
    assert raw(b"POST /audit/small HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" +
               b"1000\r\n" + b"a" * 4096 + b"\r\n1000\r\n" + b"a" * 4096 + b"\r\n0\r\n\r\n").startswith(b"HTTP/1.1 413")
    for path in ("/gate/../gate/small", "/gate/%73mall", "//gate/small", "/gate/small/", "/gate/", "/" + "a" * 4000):
        assert host.ask(path)[0] == 404, path
    # many that stay silent: those beyond the limit are told so, and the silent ones are dropped after 10 s
    silent = []
    for _ in range(70):
        client = socket.socket(socket.AF_UNIX)
        client.connect(str(host.socket))
        silent.append(client)
    wait_for(lambda: host.ask("/healthz")[0] == 503, "the limit to be told")
    wait_for(lambda: host.ask("/healthz")[0] == 200, "silent clients to be dropped")
    for client in silent:
        client.close()
    # one byte at a time
    slow = socket.socket(socket.AF_UNIX)
    slow.connect(str(host.socket))
    started = time.monotonic()
    with contextlib.suppress(OSError):
        for _ in range(60):
            slow.sendall(b"G")
            time.sleep(0.5)
    assert time.monotonic() - started < 25, "a slow client was kept"
    with open(f"/proc/{host.process.pid}/status") as status:
        resident = next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))
    assert resident < 40_000, f"{resident} kB"


def test_sockets(host):
    """Who may connect, who may not take the socket over, and which addresses are refused."""
    host.add()
    host.start("--listen", "127.0.0.1:0")
    assert oct(host.socket.stat().st_mode & 0o777) == "0o660"
    second = subprocess.run(host.command(), capture_output=True, text=True, timeout=PATIENCE)
    assert second.returncode == 1 and "somebody listens on" in second.stderr, second.stderr
    assert host.ask("/healthz")[0] == 200
    host.stop()
    for address, words in (("0.0.0.0:9187", "can be reached from other hosts"), ("here", "is no address"),
                           ("127.0.0.1:99999", "is no address")):
        refused = subprocess.run(host.command("--listen", address), capture_output=True, text=True, timeout=PATIENCE)
        assert refused.returncode == 1 and words in refused.stderr, refused.stderr
    host.socket.write_text("mine")
    kept = subprocess.run(host.command(), capture_output=True, text=True, timeout=PATIENCE)
    assert kept.returncode == 1 and "no socket" in kept.stderr and host.socket.read_text() == "mine", kept.stderr
    host.socket.unlink()


def test_told_to_systemd(host):
    """Type=notify-reload: ready, reloading with its time and ready again, the watchdog, stopping."""
    host.add()
    told = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    address = host.folder / "notify"
    told.bind(str(address))
    told.settimeout(0.2)
    messages = []
    done = threading.Event()

    def listen():
        while not done.is_set():
            with contextlib.suppress(TimeoutError):
                messages.append(told.recv(4096).decode())

    listener = threading.Thread(target=listen)
    listener.start()
    try:
        host.start(environment={"NOTIFY_SOCKET": str(address), "WATCHDOG_USEC": "1000000"})
        wait_for(lambda: any(message.startswith("READY=1") for message in messages), "READY=1")
        wait_for(lambda: messages.count("WATCHDOG=1") > 2, "the watchdog's word")
        messages.clear()
        host.process.send_signal(signal.SIGHUP)
        reloading = wait_for(lambda: [m for m in messages if m.startswith("RELOADING=1")], "RELOADING=1")
        assert "MONOTONIC_USEC=" in reloading[0], reloading
        wait_for(lambda: any(message.startswith("READY=1") for message in messages), "READY=1 again")
        host.stop()
        wait_for(lambda: "STOPPING=1" in messages, "STOPPING=1")
    finally:
        done.set()
        listener.join()


def test_idle(host):
    """At rest: little memory, one thread, no wake-up within seconds."""
    host.add()
    host.start()
    host.wait_gate(200)
    time.sleep(1)
    status = pathlib.Path(f"/proc/{host.process.pid}/status").read_text()
    fields = dict(line.split(":", 1) for line in status.splitlines())
    assert fields["Threads"].strip() == "1"
    assert int(fields["VmRSS"].split()[0]) <= 20 * 1024, fields["VmRSS"]
    time.sleep(5)
    later = dict(line.split(":", 1)
                 for line in pathlib.Path(f"/proc/{host.process.pid}/status").read_text().splitlines())
    assert later["voluntary_ctxt_switches"] == fields["voluntary_ctxt_switches"], "it woke up at rest"


def test_waivers(host):
    """An accepted finding opens the gate; that it will end soon is said."""
    model = host.add()
    model.write_bytes(model.read_bytes() + b"trailing")
    failed = host.once("small")
    assert failed.returncode == 1, failed.stdout
    finding = re.search(r"^ +.*\b(model-loadable/[a-z-]+)$", failed.stdout, re.M).group(1)
    soon = (datetime.datetime.now(datetime.timezone.utc).date() + datetime.timedelta(days=3)).isoformat()
    host.configure("small", extra=f"waivers:\n  - {{finding: {finding}, reason: known, owner: ml, expires: {soon}}}\n")
    host.start()
    host.ask("/audit/small", "POST")
    wait_for(lambda: "3 days left" in host.said(), "the end of the waiver to be said")
    # What could not be told because of it is still undecided.
    assert host.gate()[1]["verdict"] == "undecided", host.gate()
    accepted = host.once("small")
    assert finding in accepted.stdout and "accepted until" in accepted.stdout, accepted.stdout
    assert value_of(host.metrics(), f'runup_waiver_days_left{{target="small",finding="{finding}",model=""}}') == 3


def main():
    tests = {name.removeprefix("test_"): test for name, test in globals().items() if name.startswith("test_")}
    wanted = sys.argv[2:] or tests
    failures = 0
    for name in wanted:
        folder = tempfile.mkdtemp(prefix="runupd-")
        host = Host(folder)
        started = time.monotonic()
        try:
            tests[name](host)
            print(f"ok    {name} in {time.monotonic() - started:.1f} s", flush=True)
        except Exception as error:  # noqa: BLE001 - whatever a test throws is its failure
            failures += 1
            print(f"FAIL  {name}: {error!r}\n{host.said() if host.log.exists() else ''}", flush=True)
        finally:
            if host.process:
                host.process.kill()
                host.process.wait()
            shutil.rmtree(folder, ignore_errors=True)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
