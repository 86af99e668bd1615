# SPDX-License-Identifier: Apache-2.0
"""Runs the built program and reads its reports as others would."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import jsonschema
import junitparser

RUNUP, SOURCE = Path(sys.argv[1]), Path(sys.argv[2])
EXAMPLES = SOURCE / "configs" / "examples"
SCHEMA = json.loads((SOURCE / "reports" / "json" / "report.schema.json").read_text())
EXIT_OF = {"ready": 0, "not-ready": 1, "undecided": 2}


def run(config, *arguments):
    """The JSON report of a run, after schema, exit code and JUnit agree with it."""
    with tempfile.TemporaryDirectory(prefix="runup-examples-") as folder:
        json_file, junit_file = Path(folder) / "r.json", Path(folder) / "r.xml"
        done = subprocess.run(
            [RUNUP, "run", config, "--report", f"json={json_file}", "--report", f"junit={junit_file}", *arguments],
            cwd="/", capture_output=True, timeout=300, check=False)
        assert json_file.exists(), done.stderr.decode()
        report = json.loads(json_file.read_text())
        suites = list(junitparser.JUnitXml.fromfile(str(junit_file)))
    jsonschema.validate(report, SCHEMA)
    assert done.returncode == EXIT_OF[report["verdict"]], (done.returncode, report["verdict"])
    count = {status: 0 for status in ("passed", "failed", "skipped", "undecided")}
    for result in report["results"]:
        count[result["outcome"]["status"]] += 1
    # A verdict that no check shows is a test of its own, so that JUnit is green only when ready.
    alone = report["verdict"] == "undecided" and count["undecided"] == 0
    suite = suites[0]
    assert (suite.tests, suite.failures, suite.errors, suite.skipped) == (
        len(report["results"]) + alone, count["failed"], count["undecided"] + alone, count["skipped"])
    return report


def findings(report, *severities):
    """{"model/check/finding", ...} of the given severities."""
    return {
        f"{result['model']}/{result['check']}/{finding['id']}"
        for result in report["results"]
        for finding in result["outcome"]["findings"]
        if finding["severity"] in severities
    }


def statuses(report):
    return {f"{result['model']}/{result['check']}": result["outcome"]["status"] for result in report["results"]}


def reason(report, check):
    return next(r["outcome"]["reason"] for r in report["results"] if r["check"] == check)
