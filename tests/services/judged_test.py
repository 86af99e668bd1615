#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What runup says of each service of services.py.

    judged_test.py RUNUP [NAME...] [--part K/N]

Of a good one no check of the running service has an error or is undecided. Of a faulty one they have exactly the
errors that it expects; what was not seen because the fault came first may be undecided (its `unsettled`).
"""

import argparse
import concurrent.futures
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.dont_write_bytecode = True

from services import ALL_CHECKS, SERVICES  # noqa: E402

EXIT_STATUS = {"ready": 0, "not ready": 1, "undecided": 2}
# One of them must not meet what stands in for the other's Redis.
REDIS = threading.Lock()


def can_mount():
    return subprocess.run(["unshare", "--user", "--map-root-user", "--mount", "mount", "-t", "tmpfs", "none", "/srv"],
                          capture_output=True).returncode == 0


def verdict_of(statuses):
    if "failed" in statuses:
        return "not ready"
    return "undecided" if "undecided" in statuses else "ready"


def run(runup, service, scratch):
    folder = scratch / service.name
    service.write(folder)
    report = scratch / f"{service.name}.json"
    ran = subprocess.run([runup, "run", folder / "runup.yaml", "--set", f"python={sys.executable}", "--report",
                          f"json={report}", "--select", "service-*", "--select", "startup-*"],
                         capture_output=True, text=True, timeout=900)
    if not report.exists():
        return None, f"no report, exit status {ran.returncode}: {ran.stderr[:1000]}"
    told = json.loads(report.read_text())
    if EXIT_STATUS.get(told["verdict"].replace("-", " ")) != ran.returncode:
        return told, f"exit status {ran.returncode} of {told['verdict']!r}"
    return told, ""


def differences(service, told):
    """What differs from what the service expects, a line each."""
    wrong = []
    errors, statuses = {}, {}
    for result in told["results"]:
        outcome = result["outcome"]
        statuses[result["check"]] = outcome
        for finding in outcome["findings"]:
            if finding["severity"] == "error":
                errors[f"{result['check']}/{finding['id']}"] = finding["message"]
    if missing := set(ALL_CHECKS) - set(statuses):
        wrong.append(f"not judged: {', '.join(sorted(missing))}")
    for name in sorted(service.expected - set(errors)):
        outcome = statuses.get(name.split("/")[0], {"status": "not judged"})
        wrong.append(f"missing error: {name}; the check is {described(outcome)}")
    for name in sorted(set(errors) - service.expected):
        if name.split("/")[0] not in service.unsettled:
            wrong.append(f"unexpected error: {name}: {errors[name][:300]}")
    for check, outcome in statuses.items():
        failing = any(name.startswith(f"{check}/") for name in service.expected)
        if outcome["status"] == "undecided" and (check not in service.unsettled or failing):
            wrong.append(f"{check} is {described(outcome)}")
    verdict = verdict_of({outcome["status"] for check, outcome in statuses.items() if check in ALL_CHECKS})
    if verdict != service.verdict:
        wrong.append(f"is {verdict}; expected {service.verdict}")
    if told["verdict"].replace("-", " ") != verdict:
        wrong.append(f"the report says {told['verdict']!r}, the four checks are {verdict}")
    return wrong


def described(outcome):
    reason = outcome.get("reason")
    return f"{outcome['status']} ({str(reason)[:300]})" if reason else outcome["status"]


def judge(runup, service, scratch):
    start = time.monotonic()
    told, problem = None, ""
    try:
        if "redis" in service.name:
            with REDIS:
                told, problem = run(runup, service, scratch)
        else:
            told, problem = run(runup, service, scratch)
    except subprocess.TimeoutExpired as error:
        problem = f"not done after {error.timeout} s"
    wrong = [problem] if problem else []
    if told:
        wrong += differences(service, told)
    return time.monotonic() - start, wrong


def chosen(names, part):
    """The named services, or all; of these each N-th, and those that share a port in the first part."""
    services = [service for service in SERVICES if not names or service.name in names]
    if not part:
        return services
    number, parts = map(int, part.split("/"))
    shared = [service for service in services if "redis" in service.name]
    others = [service for service in services if service not in shared]
    return others[number - 1::parts] + (shared if number == 1 else [])


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("runup", type=Path)
    arguments.add_argument("names", nargs="*")
    arguments.add_argument("--part", default="", help="K/N: the K-th of N parts")
    given = arguments.parse_intermixed_args()
    if unknown := set(given.names) - {service.name for service in SERVICES}:
        arguments.error(f"no such service: {', '.join(sorted(unknown))}")
    # how long a server that is never ready is waited for
    os.environ.setdefault("RUNUP_PROBE_TIMEOUT", "30s")
    services = chosen(given.names, given.part)
    if not can_mount():
        placed = [service for service in services if service.installed_at]
        services = [service for service in services if not service.installed_at]
        for service in placed:
            print(f"skip  {service.name}: nothing can be mounted here")
    bad = 0
    with tempfile.TemporaryDirectory(prefix="runup-services-") as folder, \
            concurrent.futures.ThreadPoolExecutor(2) as pool:
        judged = pool.map(lambda service: judge(given.runup.resolve(), service, Path(folder)), services)
        for service, (took, wrong) in zip(services, judged):
            bad += bool(wrong)
            expected = ", ".join(sorted(service.expected)) or service.verdict
            print(f"{'WRONG' if wrong else 'ok   '} {took:6.1f} s  {service.name} ({expected})", flush=True)
            if wrong:
                print(f"      {service.words.splitlines()[0]}", *wrong, sep="\n      - ", flush=True)
    print(f"{len(services) - bad} of {len(services)} services are judged right")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
