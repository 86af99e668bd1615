#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The packages on a real systemd: installed, audits by timer and by daemon, a broken model, repair, upgrade, purge.

    boot_test.py FOLDER-OF-THE-PACKAGES REPOSITORY

Boots a Debian 13 with systemd-nspawn; is skipped, and says why, where that cannot be.
"""

import json
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import machine as machines

TARGET = "sign-language"
UNIT = f"runup-audit@{TARGET}"
HOME = Path("/opt") / TARGET
MODEL = HOME / "models/cnn_bilstm_attention_model.pth"
# Again four seconds after the last one instead of once an hour, for a test's patience.
OFTEN = "[Timer]\nOnCalendar=\nOnActiveSec=1s\nOnUnitInactiveSec=4s\nRandomizedDelaySec=0\nAccuracySec=1s\n"
# Asks the daemon, with nothing but Python: METHOD PATH. Prints a line with the status, and the body.
ASK = """
import http.client, socket, sys
connection = http.client.HTTPConnection("runupd")
connection.sock = socket.socket(socket.AF_UNIX)
connection.sock.connect("/run/runup/runupd.sock")
connection.request(*sys.argv[1:])
answer = connection.getresponse()
print(answer.status, answer.read().decode(), sep="\\n", end="")
"""
# What changes by itself in a living system, or by any package whatever.
ALIVE = ("/etc/.pwd.lock", "/etc/group-", "/etc/gshadow-", "/etc/passwd-", "/etc/shadow-", "/etc/subuid-", "/etc/subgid-",
         "/var/cache/", "/var/lib/dpkg/", "/var/lib/systemd/", "/var/log/", "/var/tmp/", "/usr/share/man/cat")


def snapshot(machine):
    """All files of the machine's disk, without what lives."""
    said = machine.run("find", "/", "-xdev", "-path", "/tmp", "-prune", "-o", "-printf", "%p\\n").stdout
    return {line for line in said.splitlines() if not line.startswith(ALIVE)}


def accounts(machine):
    return [machine.run("cat", f"/etc/{name}").stdout for name in ("passwd", "group", "shadow")]


def copied(machine, *names, to):
    """Copies files of this root into the machine."""
    target = machine.root / to.lstrip("/")
    target.mkdir(parents=True, exist_ok=True)
    for name in names:
        shutil.copy(name, target)


def newer(package, folder):
    """The same package with the next revision."""
    with tempfile.TemporaryDirectory() as scratch:
        subprocess.run(["dpkg-deb", "--raw-extract", package, scratch], check=True)
        control = Path(scratch) / "DEBIAN/control"
        control.write_text(control.read_text().replace("-1\n", "-2\n").replace("-1)", "-2)"))
        subprocess.run(["dpkg-deb", "--root-owner-group", "-Znone", "--build", scratch, folder], check=True,
                       stdout=subprocess.DEVNULL)


class Test:
    def __init__(self, machine, packages, repository):
        self.machine, self.packages, self.repository = machine, packages, repository

    # --- steps, in order

    def installs(self):
        self.before, self.accounts = snapshot(self.machine), accounts(self.machine)
        copied(self.machine, *self.packages, to="/root/packages")
        self.machine.run("sh", "-c", "dpkg --install /root/packages/*.deb")
        run = self.machine.run
        assert run("stat", "--format=%U:%G %a", "/var/lib/runup").stdout.split() == ["runup:runup", "750"]
        assert run("passwd", "--status", "runup").stdout.startswith("runup L ")
        said = run("runup", "--version").stdout
        assert said.count("/usr/libexec/runup/runup-probe-") == 2, said
        for unit in ("runupd.service", f"{UNIT}.timer"):
            assert run("systemctl", "is-enabled", unit, check=False).stdout.strip() == "disabled", unit
        run("systemd-analyze", "verify", "--man=no", "runupd.service", f"{UNIT}.service", f"{UNIT}.timer")

    def serves(self):
        """The service that is audited, as it was deployed: a user of its own, and no more."""
        shutil.copytree(self.repository / "configs/examples/sign-language-service", self.machine.root / str(HOME)[1:])
        (self.machine.root / f"etc/systemd/system/{TARGET}.service").write_text(
            f"[Service]\nWorkingDirectory={HOME}\nDynamicUser=yes\nEnvironment=OMP_NUM_THREADS=1\n"
            "ExecStart=/usr/bin/python3 -B -m uvicorn main:app --host 127.0.0.1 --port 8000\n")
        copied(self.machine, self.repository / f"packaging/examples/{TARGET}.yaml", to="/etc/runup")
        self.machine.run("systemctl", "daemon-reload")
        self.restarts_the_service()

    def audits_by_timer(self):
        self.machine.run("systemctl", "start", f"{UNIT}.timer")
        left, persistent = self.machine.shows(f"{UNIT}.timer", "NextElapseUSecRealtime", "Persistent")
        assert left and persistent == "yes", (left, persistent)
        self.machine.run("systemctl", "stop", f"{UNIT}.timer")
        dropin = self.machine.root / f"etc/systemd/system/{UNIT}.timer.d"
        dropin.mkdir()
        (dropin / "often.conf").write_text(OFTEN)
        self.machine.run("systemctl", "daemon-reload")
        self.machine.run("systemctl", "enable", "--now", f"{UNIT}.timer")
        assert self.next_audit() == ("success", "0"), self.journal()
        assert "READY" in self.journal(), self.journal()
        assert UNIT not in self.failed()

    def is_low_in_priority(self):
        nice, io, oom = self.machine.shows(f"{UNIT}.service", "Nice", "IOSchedulingClass", "OOMScoreAdjust")
        assert (int(nice) > 0, io in ("3", "idle"), int(oom) > 0) == (True, True, True)

    def answers(self):
        self.machine.run("runupd", "--check")
        self.machine.run("systemctl", "enable", "--now", "runupd")
        assert self.machine.shows("runupd", "ActiveState", "Type") == ["active", "notify-reload"]
        self.gate_says(200)
        assert self.ask("GET", "/healthz")[0] == 200
        # of the whole host only root and the group may ask
        said = self.machine.run("setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", "python3", "-c", ASK,
                                "GET", "/healthz", check=False).stdout
        assert "PermissionError" in said, said
        resident = self.machine.run("grep", "VmRSS", f"/proc/{self.machine.shows('runupd', 'MainPID')[0]}/status").stdout
        assert int(resident.split()[1]) < 20 << 10, resident

    def fails_with_a_broken_model(self):
        self.whole = self.in_machine(MODEL).read_bytes()
        self.replace_model(self.whole[: len(self.whole) // 2])
        assert self.next_audit() == ("exit-code", "1"), self.journal()
        assert f"{UNIT}.service" in self.failed()
        assert "model-loadable" in self.journal()

    def closes_the_gate(self):
        """The daemon saw the file change, and did not wait for its time."""
        body = self.gate_says(503)
        assert body["verdict"] == "not-ready" and "model-loadable" in json.dumps(body["problems"]), body
        assert f'runup_gate_open{{target="{TARGET}"}} 0' in self.ask("GET", "/metrics")[1]
        entries = self.machine.run("journalctl", "--unit=runupd", "RUNUP_CHECK=model-loadable", "--output=json").stdout
        entry = json.loads(entries.splitlines()[-1])
        assert (entry["RUNUP_TARGET"], entry["RUNUP_MODEL"]) == (TARGET, "sign"), entry

    def is_ready_again(self):
        self.replace_model(self.whole)
        self.restarts_the_service()
        assert self.next_audit() == ("success", "0"), self.journal()
        assert UNIT not in self.failed()
        self.ask("POST", f"/audit/{TARGET}")
        self.gate_says(200)
        assert f'runup_gate_open{{target="{TARGET}"}} 1' in self.ask("GET", "/metrics")[1]

    def sees_a_stale_process(self):
        """Another good model in the place of the old one, and nobody restarted the service."""
        again = ("import sys, torch; path = sys.argv[1]; "
                 "torch.save(torch.load(path, weights_only=False), path + '.again')")
        self.machine.run("python3", "-B", "-c", again, str(MODEL))
        other = self.in_machine(f"{MODEL}.again")
        assert other.read_bytes() != self.whole
        other.rename(self.in_machine(MODEL))
        assert self.next_audit() == ("exit-code", "1"), self.journal()
        assert "drift/stale-process" in self.journal() and "drift/file-changed" in self.journal(), self.journal()
        self.restarts_the_service()
        assert self.next_audit() == ("success", "0"), self.journal()
        self.ask("POST", f"/audit/{TARGET}")
        self.gate_says(200)

    def keeps_the_old_plan(self):
        config = self.in_machine(f"/etc/runup/{TARGET}.yaml")
        good = config.read_text()
        config.write_text(good + "nonsense: 1\n")
        self.machine.run("systemctl", "reload", "runupd")
        errors = json.loads(self.ask("GET", f"/gate/{TARGET}")[1])["config_errors"]
        place = f"{TARGET}.yaml:{good.count(chr(10)) + 1}:1"
        assert any(place in error and "nonsense" in error for error in errors), errors
        assert place in self.machine.run("journalctl", "--unit=runupd", "--output=cat").stdout
        config.write_text(good)
        self.machine.run("systemctl", "reload", "runupd")
        assert json.loads(self.ask("GET", f"/gate/{TARGET}")[1])["config_errors"] == []

    def tells_undecided_and_wrong_apart(self):
        text = self.in_machine(f"/etc/runup/{TARGET}.yaml").read_text().replace(f"target: {TARGET}", "target: other")
        others = {"undecided": (text.replace("    factory: processing.predictor:get_predictor\n", ""), "2"),
                  "wrong": (text.replace("entrypoint:", "entripoint:"), "78")}
        for name, (config, status) in others.items():
            self.in_machine(f"/etc/runup/{name}.yaml").write_text(config)
            assert self.machine.run("systemctl", "start", f"runup-audit@{name}", check=False).returncode != 0
            assert self.machine.shows(f"runup-audit@{name}", "ExecMainStatus") == [status], self.journal(name)
            assert f"runup-audit@{name}.service" in self.failed()
            self.in_machine(f"/etc/runup/{name}.yaml").unlink()

    def does_the_full_gate(self):
        """With the drop-in as it is shipped: the server has a network and a view of its own."""
        dropins = "/etc/systemd/system/runup-audit@gate.service.d"
        self.machine.run("install", "-D", "--mode=644", f"--target-directory={dropins}",
                         "/usr/share/runup/systemd/full-gate.conf")
        gate = self.in_machine("/etc/runup/gate.yaml")
        gate.symlink_to(HOME / "runup.yaml")
        self.machine.run("systemctl", "daemon-reload")
        self.machine.run("systemctl", "start", "runup-audit@gate", check=False)
        said = self.journal("gate")
        assert self.machine.shows("runup-audit@gate", "ExecMainStatus") == ["0"], said
        assert "READY" in said and "service-stop" in said, said
        report = self.machine.run("runup", "history", "sign-language-service", "--show", "last").stdout
        assert '"service-stop"' in report, report
        assert "not protected" not in report and "a copy of the package" not in report, report
        gate.unlink()
        self.machine.run("rm", "-r", dropins)

    def is_upgraded(self):
        folder = self.in_machine("/root/newer")
        folder.mkdir()
        for package in self.packages:
            newer(package, folder)
        process = self.machine.shows("runupd", "MainPID")
        self.machine.run("sh", "-c", "dpkg --install /root/newer/*.deb")
        assert self.machine.shows("runupd", "ActiveState") == ["active"]
        assert self.machine.shows("runupd", "MainPID") != process
        # the history has the verdict
        assert self.ask("GET", f"/gate/{TARGET}")[0] == 200
        assert self.machine.run("dpkg-query", "--show", "--showformat=${Version}", "runup").stdout.endswith("-2")
        assert self.machine.shows(f"{UNIT}.timer", "ActiveState", "UnitFileState") == ["active", "enabled"]
        assert self.next_audit() == ("success", "0"), self.journal()

    def is_removed(self):
        self.machine.run("systemctl", "stop", TARGET)
        self.machine.run("dpkg", "--remove", "runup-torch", "runup-onnxruntime", "runup")
        for unit in (f"{UNIT}.timer", f"{UNIT}.service", "runupd.service"):
            state = self.machine.shows(unit, "ActiveState")[0]
            assert state in ("inactive", "failed"), f"{unit} is {state}"
        assert self.in_machine("/var/lib/runup").is_dir()

    def leaves_nothing(self):
        for name in (HOME, f"/etc/systemd/system/{UNIT}.timer.d", "/root/packages", "/root/newer"):
            shutil.rmtree(self.in_machine(name))
        self.in_machine(f"/etc/systemd/system/{TARGET}.service").unlink()
        self.machine.run("dpkg", "--purge", "runup-torch", "runup-onnxruntime", "runup")
        left = sorted(snapshot(self.machine) - self.before)
        assert not left, left
        assert accounts(self.machine) == self.accounts
        for name in ("/var/lib/runup", "/run/runup", f"/var/lib/systemd/timers/stamp-{UNIT}.timer"):
            assert self.machine.run("test", "-e", name, check=False).returncode == 1, name
        units = self.machine.run("systemctl", "list-units", "--all", "--plain", "--no-legend", "runup*").stdout
        assert not units, units

    # --- what they use

    def restarts_the_service(self):
        self.machine.run("systemctl", "restart", TARGET)
        ask = "import urllib.request as r; print(r.urlopen('http://127.0.0.1:8000/health').status)"
        self.machine.until(lambda: "200" in self.machine.run("python3", "-c", ask, check=False).stdout, 60,
                           "the service's health")

    def ask(self, method, path):
        """The status and the body of the daemon's answer."""
        status, _, body = self.machine.run("python3", "-c", ASK, method, path).stdout.partition("\n")
        return int(status), body

    def gate_says(self, status):
        """Waits for an audit of the daemon after which the gate answers so."""
        def there():
            got, body = self.ask("GET", f"/gate/{TARGET}")
            answer = json.loads(body)
            return got == status and not answer["pending"] and answer
        return self.machine.until(there, 150, f"{status} of the gate")

    def in_machine(self, path):
        return self.machine.root / str(path).lstrip("/")

    def replace_model(self, content):
        """As a deployment does: a new file in the place of the old."""
        fresh = self.in_machine(MODEL).with_suffix(".new")
        fresh.write_bytes(content)
        fresh.rename(self.in_machine(MODEL))

    def ended(self):
        return int(self.machine.shows(f"{UNIT}.service", "ExecMainExitTimestampMonotonic")[0] or 0)

    def next_audit(self):
        """The result and the status of the next audit that begins from now on."""
        now = int(time.monotonic() * 1e6)
        self.machine.until(
            lambda: self.ended() > now
            and int(self.machine.shows(f"{UNIT}.service", "ExecMainStartTimestampMonotonic")[0]) > now
            and self.machine.shows(f"{UNIT}.service", "ActiveState")[0] in ("inactive", "failed"),
            150, f"an audit of {TARGET}")
        return tuple(self.machine.shows(f"{UNIT}.service", "Result", "ExecMainStatus"))

    def failed(self):
        return self.machine.run("systemctl", "--failed", "--plain", "--no-legend").stdout

    def journal(self, name=TARGET):
        return self.machine.run("journalctl", "--unit", f"runup-audit@{name}", "--output=cat", "--no-pager").stdout

    STEPS = (installs, serves, audits_by_timer, is_low_in_priority, answers, fails_with_a_broken_model, closes_the_gate,
             is_ready_again, sees_a_stale_process, keeps_the_old_plan, tells_undecided_and_wrong_apart,
             does_the_full_gate, is_upgraded, is_removed, leaves_nothing)


def main():
    if why := machines.why_not():
        print(f"skipped: no machine can be booted here: {why}")
        return machines.SKIPPED
    machines.own_namespace()
    packages = sorted(Path(sys.argv[1]).resolve().glob("*.deb"))
    assert packages, f"no packages in {sys.argv[1]}"
    # so that what was begun is undone
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    try:
        machine = machines.Machine()
    except machines.NoMachine as error:
        print(f"skipped: no machine can be booted here: {error}")
        return machines.SKIPPED
    try:
        begin = time.monotonic()
        print(f"booted: {machine.boot()}, {time.monotonic() - begin:.1f} s", flush=True)
        test = Test(machine, packages, Path(sys.argv[2]).resolve())
        for step in Test.STEPS:
            begin = time.monotonic()
            step(test)
            print(f"{step.__name__}: {time.monotonic() - begin:.1f} s", flush=True)
    except BaseException:
        if machine.nspawn is not None and machine.leader():
            print(machine.run("journalctl", "--boot", "--no-pager", "--lines=150", check=False).stdout)
        raise
    finally:
        machine.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
