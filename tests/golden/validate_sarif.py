#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Holds SARIF files to the standard's rules: those that a schema says, and those between parts of a file.

usage: validate_sarif.py SCHEMA FILE...

The exit code that a file stands for is in its name, `CASE.EXIT.sarif`.
"""

import copy
import json
import sys
from pathlib import Path

import jsonschema


def problems(validator, log, code):
    for error in validator.iter_errors(log):
        yield f"{error.json_path}: {error.message[:200]}"
        return
    for run in log["runs"]:
        rules = [rule["id"] for rule in run["tool"]["driver"].get("rules", [])]
        # 3.19.23: no two of the same id
        if len(set(rules)) != len(rules):
            yield f"rules twice: {rules}"
        for result in run["results"]:
            # 3.27.5, 3.27.6
            if rules[result["ruleIndex"]] != result["ruleId"]:
                yield f"`{result['ruleId']}` has another rule's index"
        if any(invocation["exitCode"] != code for invocation in run["invocations"]):
            yield f"exit code {run['invocations'][0]['exitCode']}; expected {code}"
        counted = [result["level"] for result in run["results"] if not result.get("suppressions")]
        if (code == 0) != ("error" not in counted):
            yield f"exit code {code}, and levels {counted}"


def damaged(log):
    """What breaks one rule each."""
    def with_change(change):
        other = copy.deepcopy(log)
        change(other["runs"][0])
        return other

    yield with_change(lambda run: run.update(extra=1))
    yield with_change(lambda run: run["tool"]["driver"].pop("name"))
    yield with_change(lambda run: run["invocations"][0].pop("executionSuccessful"))
    yield with_change(lambda run: run["invocations"][0].update(startTimeUtc="yesterday"))
    if log["runs"][0]["results"]:
        yield with_change(lambda run: run["results"][0].update(level="fatal"))
        yield with_change(lambda run: run["results"][0].update(ruleId="other"))
        yield with_change(lambda run: run["results"][0].pop("message"))
        yield with_change(lambda run: run["results"][0]["locations"][0]["physicalLocation"]["region"].update(startLine=0))


def main(schema_path, *paths):
    schema = json.loads(Path(schema_path).read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    failed = not paths
    for path in map(Path, paths):
        code = int(path.name.split(".")[-2])
        log = json.loads(path.read_text(encoding="utf-8"))
        found = list(problems(validator, log, code))
        print(f"{path}: {len(found)} problems", *found, sep="\n  ")
        failed = failed or bool(found)
        for i, other in enumerate(damaged(log)):
            if not list(problems(validator, other, code)):
                print(f"  accepted with damage {i}")
                failed = True
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
