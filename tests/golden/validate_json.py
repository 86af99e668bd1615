#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Validates JSON reports against the published schema.

usage: validate_json.py SCHEMA FILE...
"""

import copy
import json
import sys
from pathlib import Path

import jsonschema


def refused(validator, report):
    return next(validator.iter_errors(report), None) is not None


def main(schema_path, *paths):
    schema = json.loads(Path(schema_path).read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    failed = not paths
    for path in paths:
        report = json.loads(Path(path).read_text(encoding="utf-8"))
        errors = list(validator.iter_errors(report))
        print(f"{path}: {len(errors)} errors" + "".join(f"\n  {error.json_path}: {error.message}" for error in errors))
        failed = failed or bool(errors)
        # A schema that accepts anything would accept these too.
        for damage in ({"verdict": "fine"}, {"version": 2}, {"took": "1s"}, {"results": [{"check": 1}]}):
            failed = failed or not refused(validator, copy.deepcopy(report) | damage)
        for member in ("verdict", "results", "version"):
            failed = failed or not refused(validator, {k: v for k, v in report.items() if k != member})
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
