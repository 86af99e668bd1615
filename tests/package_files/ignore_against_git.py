#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`.gitignore` and `.gitattributes` rules against git itself.

    ignore_against_git.py DUMP [ROUNDS [SEED [RECORD]]]

Random files over one tree; each answer of `git check-ignore` (which line of which file decides) and of
`git check-attr filter` must be ours. Ends with 77 where there is no git. RECORD is a
file for git's answers about ignored paths, which recorded_cases.py compares where there is none.
"""

import json
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile

import dump
import ignore_cases

FOLDERS = ["", "b", "models", "foo", "foo/bar", "models/best", "data"]
ATTRIBUTES = ["filter=lfs diff=lfs merge=lfs -text", "filter=lfs", "-filter", "!filter", "filter=other", "text",
              "model", "filter=lfs -filter", "-text", "binary"]


def git(root, *arguments, stdin=None):
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "HOME": str(root),
                   "GIT_CEILING_DIRECTORIES": str(root.parent)}
    ran = subprocess.run(["git", "-C", root, *arguments], input=stdin, capture_output=True, env=environment)
    if ran.returncode not in (0, 1):
        raise RuntimeError(f"git {arguments}: {ran.stderr.decode()}")
    return ran.stdout


def plant(root):
    for path in ignore_cases.TREE:
        place = root / path
        if path.endswith("/"):
            place.mkdir(parents=True, exist_ok=True)
        else:
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(b"")


class Files:
    """The same rule files on disk and for the question."""

    def __init__(self, root, name):
        self.root, self.name, self.texts = root, name, {}

    def write(self, texts):
        for folder in self.texts:
            (self.root / folder / self.name).unlink()
        self.texts = texts
        for folder, text in texts.items():
            (self.root / folder / self.name).write_bytes(text.encode())

    def question(self):
        return [[folder, f"{folder}/{self.name}".lstrip("/"), text] for folder, text in self.texts.items()]


def random_ignores(chance):
    folders = [""] + [folder for folder in FOLDERS[1:] if chance.random() < 0.15]
    return {folder: ignore_cases.ignore_text(chance) for folder in folders}


def random_attributes(chance):
    def text():
        lines = []
        for _ in range(chance.choice([1, 2, 3, 5])):
            name = ignore_cases.pattern(chance).replace("\r", "").strip()
            if " " in name or chance.random() < 0.1:
                name = '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
            lines.append(name + chance.choice([" ", "\t", "  "]) + chance.choice(ATTRIBUTES))
        return "\n".join(lines) + "\n"

    macro = "[attr]model filter=lfs -text\n" if chance.random() < 0.5 else ""
    folders = [folder for folder in FOLDERS[1:] if chance.random() < 0.15]
    return {"": macro + text(), **{folder: text() for folder in folders}}


def their_rules(root, paths):
    """path -> (file, line, pattern) of the deciding line, or nothing"""
    out = git(root, "check-ignore", "-z", "-v", "-n", "--no-index", "--stdin",
              stdin=b"".join(path.rstrip("/").encode() + b"\0" for path in paths))
    fields = out.split(b"\0")[:-1]
    rows = [fields[i:i + 4] for i in range(0, len(fields), 4)]
    return [None if not row[0] else (row[0].decode(), int(row[1]), row[2].decode()) for row in rows]


def their_filters(root, paths):
    out = git(root, "check-attr", "-z", "--stdin", "filter", stdin=b"".join(p.encode() + b"\0" for p in paths))
    return [value == b"lfs" for value in out.split(b"\0")[2::3]]


def record(place, version, questions, wanted):
    cases = [[question["files"], [rule and f"{rule[0]}:{rule[1]}" for rule in theirs]]
             for question, theirs in zip(questions, wanted)
             if question["ask"] == "git" and any(theirs)]
    rows = ",\n".join("  " + json.dumps(case, ensure_ascii=False) for case in cases)
    tree = json.dumps(ignore_cases.TREE, ensure_ascii=False)
    pathlib.Path(place).write_text(f'{{"by": "{version}",\n "tree": {tree},\n "cases": [\n{rows}\n]}}\n')


def main():
    if shutil.which("git") is None:
        print("skipped: there is no git to compare with")
        return 77
    program = sys.argv[1]
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 150
    chance = random.Random(int(sys.argv[3]) if len(sys.argv) > 3 else 11)
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder).resolve() / "tree"
        root.mkdir()
        git(root, "init", "--quiet")
        plant(root)
        paths = ignore_cases.TREE
        files = [path for path in paths if not path.endswith("/")]
        ignores, attributes = Files(root, ".gitignore"), Files(root, ".gitattributes")
        questions, wanted = [], []
        for _ in range(rounds):
            ignores.write(random_ignores(chance))
            questions.append({"ask": "git", "files": ignores.question(), "paths": paths})
            wanted.append(their_rules(root, paths))
        ignores.write({})
        for _ in range(rounds):
            attributes.write(random_attributes(chance))
            questions.append({"ask": "lfs", "files": attributes.question(), "paths": files})
            wanted.append(their_filters(root, files))
    if len(sys.argv) > 4:
        record(sys.argv[4], subprocess.run(["git", "--version"], capture_output=True, text=True).stdout.strip(),
               questions, wanted)
    decided = sum(x not in (None, False) for theirs in wanted for x in theirs)
    tally = dump.Tally(f"rules against git, of which {decided} decide")
    for question, theirs, ours in zip(questions, wanted, dump.ask(program, questions)):
        if question["ask"] == "git":
            ours = [rule and (rule["file"], rule["line"], rule["pattern"]) for rule in ours["rules"]]
        else:
            ours = [rule is not None for rule in ours]
        for path, our, their in zip(question["paths"], ours, theirs):
            tally.equal(f"{question['files']} {path}", our, their)
    return tally.close()


if __name__ == "__main__":
    sys.exit(main())
