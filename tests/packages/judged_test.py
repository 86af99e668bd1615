#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What runup says of each package of packages.py.

    judged_test.py RUNUP [NAME...]

A good one is ready, and no check has an error. Of a faulty one the check that it names has an error that names the
cause, and no check has an error that is not explained by the same fault (ALSO).
"""

import collections
import concurrent.futures
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True

from packages import PACKAGES  # noqa: E402
from packages_test import PLACES, can_mount  # noqa: E402

# What a fault may make fail besides: loading, and the recorded answer.
ANY = {"predictor-load", "inference/sample-mismatch", "inference/wrong-label"}
# What else the same fault of a package makes fail, with good reason.
PICKLED = ("state-dict-format/whole-module", "model-loadable/main-class", "class-dependencies/main-class-missing")
ALSO = {"class-of-main": PICKLED, "class-of-main-given-under-guard": PICKLED,
        "class-of-main-in-image-of-uvicorn": PICKLED}
# A release that differs may work all the same.
SEVERITIES = collections.defaultdict(lambda: ("error",), {"runtime-versions": ("error", "warning")})
# What only the running service shows.
NOT_YET = {"input-transposed"}


def judge(runup, package, scratch):
    folder = scratch / package.name
    folder.mkdir()
    package.write(folder)
    report = scratch / f"{package.name}.json"
    ran = subprocess.run([runup, "run", folder / "runup.yaml", "--skip", "warmup-budget", "--set",
                          f"python={sys.executable}", "--report", f"json={report}"],
                         capture_output=True, text=True, timeout=300)
    if not report.exists():
        return None, [f"no report: {ran.stderr[:500]}"]
    told = json.loads(report.read_text())
    errors = [(result["check"], finding) for result in told["results"] for finding in result["outcome"]["findings"]
              if finding["severity"] == "error"]
    wrong = []
    if not package.fault:
        if told["verdict"] != "ready":
            wrong.append(f"is {told['verdict']}")
        wrong += [f"{check}/{finding['id']}: {finding['message']}" for check, finding in errors]
        wrong += [f"{result['check']} is undecided: {result['outcome']['reason']}" for result in told["results"]
                  if result["outcome"]["status"] == "undecided"]
        return told, wrong
    own = [finding for result in told["results"] if result["check"] == package.check
           for finding in result["outcome"]["findings"] if finding["severity"] in SEVERITIES[package.check]]
    if not any(package.cause in json.dumps(finding, ensure_ascii=False) for finding in own):
        wrong.append(f"{package.check} does not name {package.cause!r}")
    allowed = {package.check, *ANY, *ALSO.get(package.name, ())}
    wrong += [f"{check}/{finding['id']}: {finding['message'][:200]}" for check, finding in errors
              if check not in allowed and f"{check}/{finding['id']}" not in allowed]
    return told, wrong


def main():
    runup, names = Path(sys.argv[1]).resolve(), sys.argv[2:]
    os.environ.update(OMP_NUM_THREADS="1", CUDA_VISIBLE_DEVICES="")
    chosen = [package for package in PACKAGES
              if (not names and package.name not in NOT_YET) or package.name in names]
    if not can_mount():
        chosen = [package for package in chosen if package.name not in PLACES]
        print(f"not looked at: {', '.join(PLACES)}, since nothing can be mounted here")
    bad = 0
    with tempfile.TemporaryDirectory(prefix="runup-packages-") as folder, \
            concurrent.futures.ThreadPoolExecutor(2) as pool:
        for package, (told, wrong) in zip(chosen, pool.map(lambda one: judge(runup, one, Path(folder)), chosen)):
            if wrong:
                bad += 1
                print(f"WRONG {package.name} ({package.fault or 'good'}, {package.check or 'ready'})", flush=True)
                for words in wrong:
                    print(f"      {words}")
            elif names:
                print(f"ok    {package.name}")
    print(f"{len(chosen) - bad} of {len(chosen)} packages are judged right")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
