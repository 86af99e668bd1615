#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Holds the JSON schema of configs to what the program does.

Every example must be valid. Of the bad configs (which src/config/load_test.cpp holds to their
messages), those under `---- schema` must be refused by the schema too; the others have mistakes that
only runup can see (two keys of one name, an axis that is nowhere) and must be valid, so that the
schema never says more than the program.

usage: validate_schema.py SCHEMA SCHEMA_OF_TEST_CHECKS BAD_CONFIGS EXAMPLE...
"""

import json
import re
import sys
from pathlib import Path

import jsonschema
import yaml


class CoreLoader(yaml.SafeLoader):
    """YAML 1.2's core schema instead of PyYAML's 1.1: `yes` is text, `1e-3` a number."""


CoreLoader.yaml_implicit_resolvers = {}
for tag, pattern, first in (
    ("null", r"(~|null|Null|NULL|)$", ["~", "n", "N", ""]),
    ("bool", r"(true|True|TRUE|false|False|FALSE)$", list("tTfF")),
    ("int", r"([-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)$", list("-+0123456789")),
    ("float", r"([-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN))$",
     list("-+.0123456789")),
):
    CoreLoader.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", re.compile(pattern), first)


def integer(loader, node):
    text = loader.construct_scalar(node)
    return int(text, 0) if text[:2] in ("0x", "0o") else int(text)


CoreLoader.add_constructor("tag:yaml.org,2002:int", integer)


def bad_configs(text):
    for part in re.split(r"^==== ", text, flags=re.MULTILINE)[1:]:
        name, rest = part.split("\n", 1)
        config, marker, _ = re.split(r"^----(.*)\n", rest, maxsplit=1, flags=re.MULTILINE)
        yield name, config, marker.strip()


def validator(path):
    schema = json.loads(Path(path).read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def main(schema, test_schema, bad, *examples):
    failures = [] if examples else ["no example was given"]
    published = validator(schema)
    for example in examples:
        config = yaml.load(Path(example).read_text(encoding="utf-8"), CoreLoader)
        failures += [f"{example}: {error.json_path}: {error.message}" for error in published.iter_errors(config)]
    tests = validator(test_schema)
    cases = list(bad_configs(Path(bad).read_text(encoding="utf-8")))
    refused = 0
    for name, text, marker in cases:
        errors = [f"{error.json_path}: {error.message}" for error in tests.iter_errors(yaml.load(text, CoreLoader))]
        refused += bool(errors)
        if marker == "schema" and not errors:
            failures.append(f"`{name}`: the schema takes it")
        if marker != "schema" and errors:
            failures.append(f"`{name}`: the schema refuses it: {errors[0]}")
    print(f"{len(examples)} examples; {len(cases)} bad configs, {refused} of them refused by the schema")
    print("\n".join(failures))
    return 1 if failures or refused < len(cases) // 2 else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
