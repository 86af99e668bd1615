# SPDX-License-Identifier: Apache-2.0
"""What a run leaves behind on this system: processes, mounts, listening sockets, files."""

import contextlib
import hashlib
import os
from pathlib import Path

# The environment variable by which all processes of a case are known.
MARK = "RUNUP_TEST_MARK"


def process_ids():
    return [int(entry) for entry in os.listdir("/proc") if entry.isdigit()]


def marked(mark):
    """The processes whose MARK has this value, but for this one."""
    wanted = f"{MARK}={mark}".encode()
    found = []
    for pid in process_ids():
        with contextlib.suppress(OSError):
            if pid != os.getpid() and wanted in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0") \
                    and state_of(pid) != "Z":
                found.append(pid)
    return found


def state_of(pid):
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]


def command_of(pid):
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")[:100]
    return "?"


def thread_names(pid):
    names = set()
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            names.add((task / "comm").read_text().strip())
    return names


def peak_memory(pid):
    """Bytes of resident memory that the process had at most; 0 when it is gone."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return 0


def mounts():
    return {line.split(" ", 2)[2] for line in Path("/proc/self/mountinfo").read_text().splitlines()}


def listeners():
    """(address, inode) of the TCP sockets that listen here."""
    found = set()
    for name in ("tcp", "tcp6"):
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/self/net/{name}").read_text().splitlines()[1:]:
                fields = line.split()
                if fields[3] == "0A":
                    found.add((fields[1], fields[9]))
    return found


def owners(inode):
    """The processes that have this socket."""
    found = []
    for pid in process_ids():
        with contextlib.suppress(OSError):
            for entry in os.listdir(f"/proc/{pid}/fd"):
                # Others come and go meanwhile.
                with contextlib.suppress(OSError):
                    if os.readlink(f"/proc/{pid}/fd/{entry}") == f"socket:[{inode}]":
                        found.append(pid)
                        break
    return found


def tree(folder):
    """name -> hash of the content, mode and target of everything below."""
    found = {}
    for path in sorted(Path(folder).rglob("*")):
        content = os.readlink(path).encode() if path.is_symlink() else path.read_bytes() if path.is_file() else b""
        found[str(path.relative_to(folder))] = (path.lstat().st_mode, hashlib.sha256(content).hexdigest())
    return found
