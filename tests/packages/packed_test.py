#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A package of packages.py that is packed is judged as its folder is.

    packed_test.py RUNUP [NAME...]

Each is packed as .tar.gz, .tar.zst or .zip (the first as each of them), the tar in a folder of its own as `git archive
--prefix` does; the outcomes and findings must be those of the folder, and no report may name the scratch folder.
"""

import json
import os
import re
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

sys.dont_write_bytecode = True

from packages import PACKAGES  # noqa: E402

CHOSEN = ("loaded-at-start", "file-name-decomposed", "path-relative-to-cwd", "lfs-pointer", "labels-file-missing",
          "factory-renamed")
SUFFIXES = (".tar.gz", ".tar.zst", ".zip")
SCRATCH = re.compile(r"runup-package\.\w+")
NUMBER = re.compile(r"\d+(\.\d+)?( ?(ms|s|us|MiB|KiB))?\b")


def pack(folder, archive):
    if archive.suffix == ".zip":
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as out:
            for path in sorted(folder.rglob("*")):
                out.write(path, path.relative_to(folder))
        return
    plain = archive.with_suffix("") if archive.suffix == ".zst" else archive
    with tarfile.open(plain, "w" if archive.suffix == ".zst" else "w:gz") as out:
        out.add(folder, "service-1.2")
    if archive.suffix == ".zst":
        subprocess.run(["zstd", "-q", "--rm", plain, "-o", archive], check=True)


def run(runup, config, report, *more):
    ran = subprocess.run([runup, "run", config, "--skip", "warmup-budget", "--set", f"python={sys.executable}",
                          "--report", f"json={report}", *more], capture_output=True, text=True, timeout=300)
    assert report.exists(), ran.stderr
    told = json.loads(report.read_text())
    assert not SCRATCH.search(report.read_text()), SCRATCH.findall(report.read_text())
    return told


def outcomes(told, place):
    """What was said, without figures that differ from run to run."""
    found = {}
    for result in told["results"]:
        if result["check"] == "package-archive":
            continue
        outcome = result["outcome"]
        findings = [(finding["id"], finding["severity"],
                     NUMBER.sub("N", finding["message"].replace(place, "PACKAGE")),
                     finding["where"]["file"].replace(place, "PACKAGE"))
                    for finding in outcome["findings"]]
        found[result["check"]] = (outcome["status"], findings)
    return found


def check(runup, package, suffixes, scratch):
    folder = scratch / package.name
    folder.mkdir()
    package.write(folder)
    expected = run(runup, folder / "runup.yaml", scratch / f"{package.name}.json")
    wrong = []
    for suffix in suffixes:
        archive = scratch / f"{package.name}{suffix}"
        pack(folder, archive)
        told = run(runup, folder / "runup.yaml", scratch / f"{package.name}{suffix}.json",
                   "--set", f"package=../{archive.name}")
        (own,) = {result["outcome"]["status"] for result in told["results"] if result["check"] == "package-archive"}
        if own != "passed":
            wrong.append(f"{suffix}: package-archive is {own}")
        if told["verdict"] != expected["verdict"]:
            wrong.append(f"{suffix}: {told['verdict']}; the folder is {expected['verdict']}")
        first, second = outcomes(expected, str(folder)), outcomes(told, str(archive))
        wrong += [f"{suffix}: {name}: {second.get(name)}\n        as a folder: {first[name]}" for name in first
                  if second.get(name) != first[name]]
    return expected["verdict"], wrong


def cut_off(runup, package, scratch):
    """A part of an archive: its own check fails, and nothing else is judged."""
    folder = scratch / "cut"
    folder.mkdir()
    package.write(folder)
    archive = scratch / "cut.tar.gz"
    pack(folder, archive)
    archive.write_bytes(archive.read_bytes()[:-100])
    told = run(runup, folder / "runup.yaml", scratch / "cut.json", "--set", "package=../cut.tar.gz")
    statuses = {result["check"]: result["outcome"] for result in told["results"]}
    wrong = [] if told["verdict"] == "not-ready" else [f"is {told['verdict']}"]
    own = statuses.pop("package-archive")
    if [finding["id"] for finding in own["findings"]] != ["unreadable"]:
        wrong.append(f"package-archive: {own}")
    for name, outcome in statuses.items():
        pointed = outcome["status"] == "undecided" and "`package-archive`" in outcome["reason"]
        if not pointed and outcome["status"] != "skipped":
            wrong.append(f"{name}: {outcome['status']} {outcome['reason']}")
    return told["verdict"], wrong


def no_room(runup, package, scratch):
    """No folder for temporary files: nothing can be told, and nothing is the package's fault."""
    folder = scratch / "roomless"
    folder.mkdir()
    package.write(folder)
    pack(folder, scratch / "roomless.zip")
    os.environ["TMPDIR"] = "/proc/self"
    try:
        told = run(runup, folder / "runup.yaml", scratch / "roomless.json", "--set", "package=../roomless.zip")
    finally:
        del os.environ["TMPDIR"]
    failed = [result for result in told["results"] if result["outcome"]["status"] == "failed"]
    wrong = [f"{result['check']} failed: {result['outcome']}" for result in failed]
    return told["verdict"], wrong + ([] if told["verdict"] == "undecided" else [f"is {told['verdict']}"])


def main():
    runup, names = Path(sys.argv[1]).resolve(), sys.argv[2:]
    os.environ.update(OMP_NUM_THREADS="1", CUDA_VISIBLE_DEVICES="")
    chosen = [package for package in PACKAGES if package.name in (names or CHOSEN)]
    good = next(package for package in PACKAGES if not package.fault)
    bad = 0
    with tempfile.TemporaryDirectory(prefix="runup-packed-") as folder:
        scratch = Path(folder)
        tests = [(package.name, lambda package=package, suffixes=SUFFIXES if i == 0 else SUFFIXES[i % 3:i % 3 + 1]:
                  check(runup, package, suffixes, scratch)) for i, package in enumerate(chosen)]
        if not names:
            tests += [("cut-off", lambda: cut_off(runup, good, scratch)), ("no-room", lambda: no_room(runup, good, scratch))]
        for name, test in tests:
            verdict, wrong = test()
            bad += bool(wrong)
            print(f"{'WRONG' if wrong else 'ok   '} {name}: {verdict}", *wrong, sep="\n      ", flush=True)
    print(f"{len(tests) - bad} of {len(tests)} packages are judged as their folders are")
    return 1 if bad or not tests else 0


if __name__ == "__main__":
    sys.exit(main())
