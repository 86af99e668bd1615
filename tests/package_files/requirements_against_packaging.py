#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Versions, their bounds, markers and requirements against Python's `packaging`, which pip uses.

    requirements_against_packaging.py DUMP [ROUNDS [SEED]]
"""

import itertools
import random
import sys

from packaging.markers import InvalidMarker, Marker, default_environment
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

import dump

OPERATORS = ["==", "!=", "~=", "<", "<=", ">", ">=", "==="]
ODD_VERSIONS = ["1.0a-", "v1.0", "1.0-1", "1.0--1", "1!2.0", "1.0.post", "1.0dev", "1.0.dev-3", "1.0rev2", "1.0r2",
                "1.0c1", "1.0preview_2", "01.002", "1.0+ubuntu-1", "1.0+a..b", "1.0+", "1.0.", ".1", "", "1..0",
                "1.0b2.post345.dev456", "1.0b2-346", "1.0+1.2_3", "1.0 ", " 1.0", "1 .0", "2024.10.03", "1.0ALPHA1",
                "1.0-alpha.1", "1.0+CU124", "1e3", "latest", "1.0a1a2", "1.0.post1.dev", "1.0postdev", "1!", "!1"]


class Chance(random.Random):
    def number(self):
        return self.choice([0, 0, 1, 1, 2, 3, 10, 11])

    def version(self):
        text = ".".join(str(self.number()) for _ in range(self.choice([1, 2, 2, 3, 3, 4])))
        if self.random() < 0.1:
            text = f"{self.choice([0, 1])}!{text}"
        if self.random() < 0.3:
            text += self.choice(["", ".", "-", "_"]) + self.choice(["a", "b", "rc", "c", "alpha", "pre"]) + \
                self.choice(["", "1", "2", ".1"])
        if self.random() < 0.2:
            text += self.choice([".post1", "-1", "post", ".post2", ".rev1"])
        if self.random() < 0.2:
            text += self.choice([".dev1", "dev", ".dev0", "-dev2"])
        if self.random() < 0.2:
            text += self.choice(["+cpu", "+cu124", "+1", "+1.a", "+a.1"])
        return text

    def bound(self):
        version = self.version() if self.random() < 0.7 else f"{self.number()}.{self.number()}"
        operator = self.choice(OPERATORS)
        if operator == "~=" and version_or_none(version):
            # packaging takes the `rev1` of `~=1.0.rev1` for a number of the release
            version = str(Version(version))
        text = operator + self.choice(["", "", " "]) + version
        return text + ".*" if self.random() < 0.25 else text

    def specifiers(self):
        return ",".join(self.bound() for _ in range(self.choice([0, 1, 1, 1, 2, 3])))

    def operand(self):
        return self.choice(["python_version", "python_full_version", "sys_platform", "platform_machine", "os_name",
                            "platform_system", "extra", "platform_python_implementation", "implementation_name",
                            "platform_release"])

    def value(self):
        return self.choice(["3.9", "3.11", "3.13", "3.11.4", "linux", "win32", "x86_64", "aarch64", "posix", "Linux",
                            "gpu", "Gpu_x", "CPython", "cpython", "3.*", "5.10", "arm64 x86_64"])

    def comparison(self):
        left, right = self.operand(), f'"{self.value()}"'
        if self.random() < 0.15:
            left, right = right, left
        operator = self.choice(["==", "!=", "<", "<=", ">", ">=", "~=", "in", "not in", "==="])
        return f"{left} {operator} {right}"

    def marker(self, depth=0):
        if depth < 3 and self.random() < 0.25:
            return f"({self.marker(depth + 1)})"
        parts = [self.comparison() if self.random() < 0.8 else self.marker(depth + 1)
                 for _ in range(self.choice([1, 1, 2, 3]))] if depth < 3 else [self.comparison()]
        return "".join(part + joint for part, joint in itertools.zip_longest(
            parts, [self.choice([" and ", " or "]) for _ in parts[1:]], fillvalue=""))

    def requirement(self):
        text = self.choice(["torch", "Scikit_Learn", "a.b-c", "x", "zope.interface", "-bad", "bad-", "1st"])
        if self.random() < 0.3:
            text += self.choice(["[cpu]", "[a, b_c]", " [Opt]", "[]", "[a"])
        if self.random() < 0.15:
            return text + self.choice([" @ ", "@"]) + self.choice(
                ["https://example.org/torch-2.0%2Bcpu-cp311-cp311-linux_x86_64.whl", "git+https://example.org/x.git@v1",
                 "file:///srv/x.whl"]) + self.choice(["", f" ; {self.marker()}"])
        # packaging's grammar lets `===` take the comma and what follows
        bounds = self.specifiers().replace("===", "==")
        text += self.choice(["", " "]) + (f"({bounds})" if self.random() < 0.1 and bounds else bounds)
        if self.random() < 0.3:
            text += self.choice([";", " ; "]) + self.marker()
        return text


def version_or_none(text):
    try:
        return Version(text)
    except InvalidVersion:
        return None


def versions(chance, rounds, program):
    tally = dump.Tally("versions")
    texts = ODD_VERSIONS + [chance.version() for _ in range(rounds)]
    for text, ours in zip(texts, dump.ask(program, [{"ask": "versions", "versions": texts}])[0]):
        theirs = version_or_none(text)
        tally.equal(text, ours, theirs and [str(theirs), theirs.is_prerelease, theirs.public])
    valid = [text for text in texts if version_or_none(text)]
    pairs = [[chance.choice(valid), chance.choice(valid)] for _ in range(rounds * 4)]
    for (left, right), ours in zip(pairs, dump.ask(program, [{"ask": "order", "pairs": pairs}])[0]):
        a, b = Version(left), Version(right)
        tally.equal(f"{left} against {right}", ours, (a > b) - (a < b))
    return tally.close()


def specifiers(chance, rounds, program):
    tally = dump.Tally("version bounds")
    valid = [text for text in (chance.version() for _ in range(60)) if version_or_none(text)]
    texts = [chance.specifiers() for _ in range(rounds)]
    answers = dump.ask(program, [{"ask": "specifiers", "specifiers": text, "versions": valid} for text in texts])
    for text, ours in zip(texts, answers):
        try:
            theirs = SpecifierSet(text)
        except InvalidSpecifier:
            tally.equal(text, ours, None)
            continue
        try:
            wanted = [[theirs.contains(version, prereleases=True), theirs.contains(version)] for version in valid]
        except InvalidVersion:  # `===` with what is no version
            continue
        for version, our, their in zip(valid, ours or wanted, wanted):
            tally.equal(f"{text} for {version}", ours and our, their)
    return tally.close()


def markers(chance, rounds, program):
    tally = dump.Tally("markers")
    environments = [
        {"python_full_version": "3.11.4", "platform_machine": "x86_64", "platform_release": "5.10", "extra": ""},
        {"python_full_version": "3.13.0", "platform_machine": "aarch64", "platform_release": "6.1", "extra": "gpu-x"},
        {"python_full_version": "3.9.18", "sys_platform": "win32", "os_name": "nt", "platform_system": "Windows",
         "platform_machine": "AMD64", "platform_release": "10", "extra": "gpu"},
    ]
    for given in environments:
        for name, value in {"sys_platform": "linux", "os_name": "posix", "platform_system": "Linux",
                            "platform_python_implementation": "CPython", "implementation_name": "cpython",
                            "platform_version": "1"}.items():
            given.setdefault(name, value)
    asked = [(chance.marker(), chance.choice(environments)) for _ in range(rounds)]
    answers = dump.ask(program, [{"ask": "marker", "marker": text, "environment": given} for text, given in asked])
    for (text, given), ours in zip(asked, answers):
        try:
            marker = Marker(text)
        except InvalidMarker:
            tally.equal(text, ours["valid"], False)
            continue
        full = {**default_environment(), **given, "python_version": ".".join(given["python_full_version"].split(".")[:2])}
        tally.equal(text, ours["valid"], True)
        try:
            wanted = marker.evaluate(full)
        except Exception:  # comparing what is no version with a version
            continue
        tally.equal(f"{text} in {given}", ours["holds"], wanted)
    return tally.close()


def requirements(chance, rounds, program):
    tally = dump.Tally("requirements")
    texts = [chance.requirement() for _ in range(rounds)]
    for text, ours in zip(texts, dump.ask(program, [{"ask": "requirement", "text": text} for text in texts])):
        try:
            theirs = Requirement(text)
        except (InvalidRequirement, InvalidSpecifier):
            tally.equal(text, ours, None)
            continue
        tally.equal(text, ours is not None, True)
        if ours is None:
            continue
        tally.equal(f"name of {text}", ours["name"], canonicalize_name(theirs.name))
        tally.equal(f"extras of {text}", ours["extras"], sorted(canonicalize_name(extra) for extra in theirs.extras))
        tally.equal(f"bounds of {text}", SpecifierSet(ours["specifiers"]), theirs.specifier)
        tally.equal(f"URL of {text}", ours["url"], theirs.url or "")
        tally.equal(f"marker of {text}", ours["marker"] and str(Marker(ours["marker"])), str(theirs.marker or ""))
    return tally.close()


def main():
    program = sys.argv[1]
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 1500
    chance = Chance(int(sys.argv[3]) if len(sys.argv) > 3 else 11)
    return max(part(chance, rounds, program) for part in (versions, specifiers, markers, requirements))


if __name__ == "__main__":
    sys.exit(main())
