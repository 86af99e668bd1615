#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs every fixture by runup's own runtimes alone, and by a Python's as the first witness and them as the second: each
check has the same outcome and the same findings, and the answers agree.

    witnesses_test.py RUNUP [-v] [START OF A NAME...]
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

import fixtures

# What may differ, and why: (fixture, check) -> the reason.
DIFFERENT = {}
# How far the two may be apart: of the largest number that a fixture's outputs have.
APART = 1e-5


def run(runup, folder, *more):
    report = folder / "report.json"
    report.unlink(missing_ok=True)
    started = time.monotonic()
    ran = subprocess.run([runup, "run", folder / "runup.yaml", "--skip", "warmup-budget", "--jobs", "2", "--report",
                          f"json={report}", *more], capture_output=True, text=True, timeout=600,
                         env={**os.environ, "OMP_NUM_THREADS": "1", "RUNUP_PLUGIN_DIR": ""})
    if not report.exists():
        sys.exit(f"no report: {ran.stdout[-2000:]}{ran.stderr[-2000:]}")
    told = json.loads(report.read_text())
    assert told["results"], ran.stdout[-2000:] + ran.stderr[-2000:]
    return told, time.monotonic() - started


def outcomes(report):
    return {(one["model"], one["check"]): one["outcome"] for one in report["results"]}


def ids(outcome):
    return sorted(f"{finding['id']}:{finding['severity']}" for finding in outcome["findings"])


def libraries(report, model):
    return [one["library"] for one in report["witnesses"] if one["model"] == model]


def agreement(outcome):
    """(how many agree, of how many, how far apart they are), as `inference` says it; None where it does not."""
    for evidence in outcome["evidence"]:
        told = re.fullmatch(r"(\d+) of (\d+) answers agree, largest difference (\S+)", evidence["value"])
        if told:
            return int(told[1]), int(told[2]), float(told[3])
    return None


def largest(folder, config):
    values = [1.0]
    for sample in config.get("samples", []):
        if "output" in sample:
            with fixtures.numpy.load(folder / sample["output"]) as stored:
                values += [float(abs(one).max()) for one in stored.values() if one.size and one.dtype.kind == "f"]
    return max(values)


def plain(outcome):
    """The words of an outcome without what names a witness."""
    words = json.dumps([outcome["reason"], [finding["message"] for finding in outcome["findings"]]])
    return re.sub(r"(libtorch|torch|ONNX Runtime|onnxruntime) [0-9][^\s,;)\"]*", "RUNTIME", words)


def compare(fixture, ours, theirs, folder):
    """What is wrong, in words."""
    wrong = []
    for check in sorted(check for model, check in ours if model == fixture.name):
        one, other = ours[fixture.name, check], theirs[fixture.name, check]
        same = one["status"] == other["status"] and ids(one) == ids(other)
        if same == ((fixture.name, check) in DIFFERENT):
            wrong.append(f"{check}: {one['status']} {ids(one)} ({one['reason']}) by libtorch or ONNX Runtime, "
                         f"{other['status']} {ids(other)} ({other['reason']}) by Python's"
                         if not same else f"{check}: the same, unlike DIFFERENT has it")
    told = agreement(theirs[fixture.name, "inference"])
    if told is not None:
        agree, compared, apart = told
        random = "not-repeatable" in str(ids(theirs[fixture.name, "eval-mode"]))
        if not random and (agree != compared or not apart <= APART * largest(folder, fixture.config)):
            wrong.append(f"{agree} of {compared} answers agree, {apart} apart")
    return wrong


def main():
    runup, names = Path(sys.argv[1]).resolve(), [name for name in sys.argv[2:] if name != "-v"]
    with tempfile.TemporaryDirectory(prefix="runup-witnesses-") as scratch:
        folder = Path(scratch)
        chosen = [one for one in fixtures.write(folder) if not names or one.name.startswith(tuple(names))]
        (folder / "runup.yaml").write_text(yaml.safe_dump(
            {"version": 1, "target": "witnesses", "models": {one.name: one.config for one in chosen}}, sort_keys=False))
        alone, took_alone = run(runup, folder)
        both, took_both = run(runup, folder, "--set", f"python={sys.executable}")
        ours, theirs = outcomes(alone), outcomes(both)
        bad, ran, compared, furthest, words = 0, 0, 0, 0.0, 0
        for one in chosen:
            wrong = compare(one, ours, theirs, folder)
            own, other = libraries(alone, one.name), libraries(both, one.name)
            ran += bool(own)
            # The second is asked for the usual inputs alone, which a model may refuse.
            refused = "refused-input:error" in ids(theirs[one.name, "inference"])
            first = [{"libtorch": "torch", "ONNX Runtime": "onnxruntime"}[name] for name in own]
            if other != first + own and not (refused and other == first):
                wrong.append(f"run by {own} alone, by {other} with Python")
            told = agreement(theirs[one.name, "inference"])
            if told:
                compared += told[1]
                furthest = max(furthest, told[2])
            for key in ours:
                if key[0] == one.name and plain(ours[key]) != plain(theirs[key]):
                    words += 1
                    if "-v" in sys.argv:
                        print(f"words {key}:\n   {plain(ours[key])}\n   {plain(theirs[key])}")
            if wrong:
                bad += 1
                print(f"WRONG {one.name}")
                for line in wrong:
                    print(f"      {line}")
        if not names:
            python_alone(runup, folder, ours)
    print(f"{len(chosen) - bad} of {len(chosen)} fixtures are judged alike ({len(ours)} outcomes, {words} in other words); "
          f"{ran} run, {compared} answers compared, at most {furthest:.2g} apart; {took_alone:.0f} s and {took_both:.0f} s")
    return 1 if bad else 0


def python_alone(runup, folder, ours):
    """Without runup's own runtimes beside it, `python3` in PATH is better than none, and the report says what it is."""
    bare = folder / "bin"
    bare.mkdir()
    shutil.copy(runup, bare / "runup")
    os.environ["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    few = ["mlp-scripted", "mlp-source", "onnx-relu", "unfit-missing-source"]
    config = yaml.safe_load((folder / "runup.yaml").read_text())
    config["models"] = {name: one for name, one in config["models"].items() if name in few}
    (folder / "runup.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
    report, _ = run(bare / "runup", folder)
    for key, outcome in outcomes(report).items():
        assert (outcome["status"], ids(outcome)) == (ours[key]["status"], ids(ours[key])), (key, outcome)
    forms = {one["library"]: one["form"] for one in report["witnesses"]}
    assert set(forms) == {"torch", "onnxruntime"}, forms
    assert all(form.endswith(", which is perhaps not the service's") for form in forms.values()), forms


if __name__ == "__main__":
    sys.exit(main())
