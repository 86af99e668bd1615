#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Ignore files against what git and moby once said of the same ones (git_cases.json, docker_cases.json).

    recorded_cases.py DUMP
"""

import json
import pathlib
import sys

import dump

FOLDER = pathlib.Path(__file__).parent


def load(name):
    return json.loads((FOLDER / name).read_text(encoding="utf-8"))


def docker(program):
    recorded = load("docker_cases.json")
    tally = dump.Tally(f".dockerignore against {recorded['by']}")
    tree = recorded["tree"]
    answers = dump.ask(program, [{"ask": "docker", "text": text, "paths": tree} for text, _ in recorded["cases"]])
    for (text, wanted), ours in zip(recorded["cases"], answers):
        tally.equal(f"problems of {text!r}", bool(ours["problems"]), wanted is None)
        for path, rule, mark in zip(tree, ours["rules"], wanted or ""):
            tally.equal(f"{text!r} {path}", rule is not None and not rule["negated"], mark == "x")
    return tally.close()


def git(program):
    recorded = load("git_cases.json")
    tally = dump.Tally(f".gitignore against {recorded['by']}")
    tree = recorded["tree"]
    answers = dump.ask(program, [{"ask": "git", "files": files, "paths": tree} for files, _ in recorded["cases"]])
    for (files, wanted), ours in zip(recorded["cases"], answers):
        for path, rule, place in zip(tree, ours["rules"], wanted):
            tally.equal(f"{files} {path}", rule and f"{rule['file']}:{rule['line']}", place)
    return tally.close()


if __name__ == "__main__":
    sys.exit(max(docker(sys.argv[1]), git(sys.argv[1])))
