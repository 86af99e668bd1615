# SPDX-License-Identifier: Apache-2.0
"""Runs archive_dump in a folder of its own, which tells what was written beside it."""

import contextlib
import json
import os
import shutil
import stat
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path


class Unpacked:
    """The facts, and the folder that was unpacked into."""

    def __init__(self, facts, folder, seconds):
        self.facts = facts
        self.folder = folder
        self.seconds = seconds

    @property
    def kinds(self):
        return sorted({defect["kind"] for defect in self.facts["defects"]})

    def words(self, kind):
        return [f"{defect['entry']} {defect['detail']}" for defect in self.facts["defects"] if defect["kind"] == kind]

    def tree(self):
        """name -> ("file", content, mode, seconds) | ("folder", mode, seconds) | ("link", target), names as bytes"""
        return tree_of(self.folder)


def tree_of(folder):
    found = {}
    top = os.fsencode(folder)
    for place, folders, files in os.walk(top):
        for name in folders + files:
            path = os.path.join(place, name)
            status = os.lstat(path)
            key = os.path.relpath(path, top)
            mode, seconds = stat.S_IMODE(status.st_mode), int(status.st_mtime)
            if stat.S_ISLNK(status.st_mode):
                found[key] = ("link", os.readlink(path))
            elif stat.S_ISDIR(status.st_mode):
                found[key] = ("folder", mode, seconds)
            elif stat.S_ISREG(status.st_mode):
                with open(path, "rb") as file:
                    found[key] = ("file", file.read(), mode, seconds)
            else:
                found[key] = ("special",)
    return found


def remove(folder):
    for place, folders, _ in os.walk(folder):
        for name in folders:
            with contextlib.suppress(OSError):
                os.chmod(os.path.join(place, name), 0o700, follow_symlinks=True)
    shutil.rmtree(folder)


class Bench:
    """`bench(archive)` unpacks; it fails when anything else in the scratch folder, or a canary, has changed."""

    def __init__(self, dump):
        self.dump = Path(dump).resolve()
        self.scratch = Path(tempfile.mkdtemp(prefix="runup-archives-"))
        self.outside = self.scratch / "outside"
        self.outside.mkdir()
        (self.outside / "canary").write_text("untouched")
        self.used = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        remove(self.scratch)

    def file(self, name):
        """Where a test may write an archive."""
        folder = self.scratch / "archives"
        folder.mkdir(exist_ok=True)
        return folder / name

    @contextlib.contextmanager
    def unpacked(self, archive, *wanted, timeout=120):
        self.used += 1
        parent = self.scratch / f"unpacked-{self.used}"
        folder = parent / "root"
        folder.mkdir(parents=True)
        start = time.monotonic()
        # The locale of a static executable.
        ran = subprocess.run([self.dump, archive, folder, *wanted], capture_output=True, timeout=timeout,
                             env={**os.environ, "LC_ALL": "C"})
        seconds = time.monotonic() - start
        assert ran.returncode == 0, f"{archive}: status {ran.returncode}: {ran.stderr[-2000:].decode(errors='replace')}"
        try:
            yield Unpacked(json.loads(ran.stdout), folder, seconds)
            assert os.listdir(parent) == ["root"], os.listdir(parent)
            assert os.listdir(self.outside) == ["canary"], os.listdir(self.outside)
            assert (self.outside / "canary").read_text() == "untouched"
        finally:
            remove(parent)


def run(tests, bench):
    """Calls each of `tests`, or those that the command line names, with the bench; the exit status."""
    tests = [test for test in tests if len(sys.argv) < 3 or test.__name__ in sys.argv[2:]]
    bad = 0
    for test in tests:
        try:
            test(bench)
        except Exception as error:  # noqa: BLE001
            bad += 1
            print(f"WRONG {test.__name__}: {type(error).__name__}: {error}", flush=True)
            traceback.print_exc()
        else:
            print(f"ok    {test.__name__}", flush=True)
    print(f"{len(tests) - bad} of {len(tests)} tests passed")
    return 1 if bad or not tests else 0
