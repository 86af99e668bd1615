# SPDX-License-Identifier: Apache-2.0
"""A Debian 13 with a systemd of its own, booted from this root by systemd-nspawn; nothing of this root changes.

It needs root, a kernel with overlayfs and cgroup v2, and a mount namespace that is the caller's own
(`own_namespace()`).
"""

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

SKIPPED = 77
NAME = "runup-boot"


def why_not():
    """Why no machine can be booted here, or nothing."""
    if os.geteuid() != 0:
        return "it needs root"
    for program in ("systemd-nspawn", "nsenter", "unshare"):
        if not shutil.which(program):
            return f"there is no `{program}`"
    if not Path("/usr/lib/systemd/systemd").exists():
        return "this root has no systemd to boot"
    for kind in ("overlay", "cgroup2"):
        if f"\t{kind}\n" not in Path("/proc/filesystems").read_text():
            return f"the kernel has no {kind}"
    if subprocess.run(["unshare", "--mount", "true"], capture_output=True).returncode != 0:
        return "no mount namespace can be made"
    return ""


def own_namespace():
    """Goes on in mounts and processes of its own: no mount outlives the test, and no process, even if it is killed."""
    if os.environ.pop("RUNUP_BOOT_NAMESPACE", "") != "own":
        os.environ["RUNUP_BOOT_NAMESPACE"] = "own"
        os.execvp("unshare", ["unshare", "--mount", "--propagation=private", "--pid", "--fork", "--kill-child=KILL",
                              "--mount-proc", sys.executable, "-B", *sys.argv])


def mount(kind, at, options="rw"):
    subprocess.run(["mount", "-t", kind, "-o", options, kind, str(at)], check=True)


def own_cgroup():
    """This process in a new cgroup of the second version, below which the machine gets its own."""
    top = Path("/sys/fs/cgroup")
    if not (top / "cgroup.procs").exists():
        mount("cgroup2", top)
    now = next(line[3:].strip() for line in Path("/proc/self/cgroup").read_text().splitlines() if line.startswith("0::"))
    group = top / now.lstrip("/") / f"{NAME}-{uuid.uuid4().hex[:8]}"
    for left in group.parent.glob(f"{NAME}-*"):
        with contextlib.suppress(OSError):
            remove_group(left)
    group.mkdir()
    (group / "cgroup.procs").write_text(str(os.getpid()))
    return group


def remove_group(group):
    """Removes a group of no process, and those below it."""
    for folder in sorted(group.rglob("*/"), reverse=True):
        folder.rmdir()
    group.rmdir()


class NoMachine(Exception):
    """This host refuses something that a machine needs."""


class Machine:
    def __init__(self):
        self.nspawn = None
        self.folder = Path(tempfile.mkdtemp(prefix=f"{NAME}-"))
        self.root = self.folder / "root"
        try:
            self.group = own_cgroup()
            mount("tmpfs", self.folder)
            for name in ("root", "upper", "work"):
                (self.folder / name).mkdir()
            # the overlay holds what / itself has, and no other mount of this root
            mount("overlay", self.root, f"lowerdir=/,upperdir={self.folder}/upper,workdir={self.folder}/work")
            # where systemd-nspawn keeps what a machine is to see, which must be no disk
            mount("tmpfs", "/run")
        except (OSError, subprocess.CalledProcessError) as error:
            subprocess.run(["umount", "--recursive", "--lazy", str(self.folder)], capture_output=True)
            self.folder.rmdir()
            raise NoMachine(error) from error
        shutil.rmtree(self.root / "etc/systemd/system", ignore_errors=True)
        for wants in ("multi-user.target.wants", "timers.target.wants"):
            (self.root / "etc/systemd/system" / wants).mkdir(parents=True)
        (self.root / "etc/machine-id").write_text(uuid.uuid4().hex + "\n")
        (self.root / "etc/resolv.conf").unlink(missing_ok=True)

    def boot(self, seconds=60):
        self.console = self.folder / "console"
        self.nspawn = subprocess.Popen(
            ["systemd-nspawn", f"--directory={self.root}", f"--machine={NAME}", f"--uuid={uuid.uuid4()}", "--boot",
             "--private-network", "--register=no", "--keep-unit", "--link-journal=no", "--console=pipe",
             "systemd.unit=multi-user.target"],
            stdin=subprocess.DEVNULL, stdout=self.console.open("wb"), stderr=subprocess.STDOUT,
            # the units bring their own filter of system calls, as they would on a host
            env={**os.environ, "SYSTEMD_SECCOMP": "0", "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"})
        return self.until(lambda: (state := self.state()) in ("running", "degraded") and state, seconds,
                          "the machine's boot")

    def leader(self):
        task = Path(f"/proc/{self.nspawn.pid}/task/{self.nspawn.pid}/children")
        children = task.read_text().split() if task.exists() else []
        return children[0] if children else None

    def state(self):
        if self.nspawn.poll() is not None:
            raise AssertionError(f"systemd-nspawn ended with {self.nspawn.returncode}: {self.console.read_text()}")
        return self.leader() and self.run("systemctl", "is-system-running", check=False).stdout.strip()

    def run(self, *words, check=True, seconds=120, stdin=None):
        """Runs a command in the machine; what it says is in `stdout`."""
        done = subprocess.run(
            ["nsenter", "--target", self.leader(), "--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup",
             "env", "--ignore-environment", "--chdir=/", "PATH=/usr/sbin:/usr/bin", "LANG=C.UTF-8", "HOME=/root",
             "DEBIAN_FRONTEND=noninteractive", "SYSTEMD_PAGER=cat", *words],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=seconds, input=stdin)
        if check and done.returncode != 0:
            raise AssertionError(f"`{' '.join(words)}` ended with {done.returncode}:\n{done.stdout}")
        return done

    def shows(self, unit, *properties):
        """The values of a unit's properties, in the order asked."""
        said = self.run("systemctl", "show", unit, *(f"--property={name}" for name in properties)).stdout
        values = dict(line.split("=", 1) for line in said.splitlines())
        return [values[name] for name in properties]

    def until(self, ask, seconds, what):
        """Asks until the answer is true, and returns it."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            answer = ask()
            if answer:
                return answer
            time.sleep(0.25)
        raise AssertionError(f"{what}: not within {seconds} s")

    def close(self):
        if self.nspawn is not None:
            self.nspawn.terminate()
            try:
                self.nspawn.wait(20)
            except subprocess.TimeoutExpired:
                self.nspawn.kill()
                self.nspawn.wait()
        (self.group.parent / "cgroup.procs").write_text(str(os.getpid()))
        remove_group(self.group)
        subprocess.run(["umount", "--lazy", str(self.root), str(self.folder)], check=True)
        self.folder.rmdir()
