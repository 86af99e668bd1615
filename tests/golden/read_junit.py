#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Reads JUnit files as CI servers do and holds them to what those document.

usage: read_junit.py FILE...

The exit code that a file stands for is in its name, `CASE.EXIT.xml`; a name without one is not held to
a verdict. Rules by source:
- Jenkins: jenkinsci/xunit-plugin, junit-10.xsd (elements, attributes, form of `time`)
- GitLab: docs.gitlab.com/ci/testing/unit_test_reports (.xml, below 30 MB; of two tests with one
  classname and name the second is ignored; the text of failure and error is what is shown)
"""

import re
import sys
import xml.etree.ElementTree
from pathlib import Path

import junitparser

PROBLEM = {"message", "type"}
ATTRIBUTES = {
    "testsuites": {"name", "time", "tests", "failures", "errors"},
    "testsuite": {"name", "tests", "failures", "errors", "group", "time", "skipped", "timestamp", "hostname", "id",
                  "package", "file", "log", "url"},
    "properties": set(),
    "property": {"name", "value"},
    "testcase": {"name", "time", "classname", "group"},
    "failure": PROBLEM,
    "error": PROBLEM,
    "skipped": PROBLEM,
    "system-out": set(),
    "system-err": set(),
}
REQUIRED = {
    "testsuite": {"name", "tests", "failures", "errors"},
    "property": {"name", "value"},
    "testcase": {"name", "classname"},
}
CHILDREN = {
    "testsuites": {"testsuite"},
    "testsuite": {"properties", "testcase", "system-out", "system-err"},
    "properties": {"property"},
    "testcase": {"failure", "error", "skipped", "system-out", "system-err"},
}
SUREFIRE_TIME = re.compile(r"(([0-9]{0,3},)*[0-9]{3}|[0-9]{0,3})(\.[0-9]*)?")
VERDICTS = {0: "ready", 1: "not-ready", 2: "undecided", 78: "undecided"}
EXIT = re.compile(r"\.(\d+)\.xml$")
MAX_BYTES = 30_000_000


def by_schema(element, problems):
    name = element.tag
    if name not in ATTRIBUTES:
        problems.append(f"element <{name}> is not in Jenkins' schema")
        return
    for attribute in set(element.attrib) - ATTRIBUTES[name]:
        problems.append(f"attribute `{attribute}` of <{name}> is not in Jenkins' schema")
    for attribute in REQUIRED.get(name, set()) - set(element.attrib):
        problems.append(f"<{name}> lacks `{attribute}`")
    if "time" in element.attrib and not SUREFIRE_TIME.fullmatch(element.attrib["time"]):
        problems.append(f"time `{element.attrib['time']}` has not Jenkins' form")
    for child in element:
        if child.tag not in CHILDREN.get(name, set()):
            problems.append(f"<{child.tag}> may not stand in <{name}>")
        by_schema(child, problems)


def by_gitlab(path, root, problems):
    if path.suffix != ".xml" or path.stat().st_size >= MAX_BYTES:
        problems.append("GitLab reads .xml files below 30 MB")
    seen = set()
    for case in root.iter("testcase"):
        key = (case.get("classname"), case.get("name"))
        if key in seen:
            problems.append(f"GitLab ignores the second test {key}")
        seen.add(key)
        for problem in [*case.findall("failure"), *case.findall("error"), *case.findall("skipped")]:
            if not (problem.text or "").strip():
                problems.append(f"<{problem.tag}> of {key} has no text, which is all that GitLab shows")
            if problem.get("message", "").split(" (and ")[0] not in problem.text:
                problems.append(f"the text of <{problem.tag}> of {key} lacks its message")


def by_junitparser(path, problems):
    suites = junitparser.JUnitXml.fromfile(str(path))
    tests = {"tests": 0, "failures": 0, "errors": 0, "skipped": 0}
    properties = {}
    for suite in suites:
        properties |= {p.name: p.value for p in suite.properties()}
        for case in suite:
            tests["tests"] += 1
            if not case.classname.startswith("runup"):
                problems.append(f"classname `{case.classname}` does not begin with `runup`")
            for result in case.result:
                tests[{"Failure": "failures", "Error": "errors", "Skipped": "skipped"}[type(result).__name__]] += 1
            if len(case.result) > 1:
                problems.append(f"`{case.name}` has more than one result")
        for name, number in tests.items():
            if getattr(suite, name) != number:
                problems.append(f"the suite counts {getattr(suite, name)} {name}; it has {number}")
    red = tests["failures"] + tests["errors"]
    if (properties["verdict"] == "ready") != (red == 0):
        problems.append(f"verdict `{properties['verdict']}` with {red} red tests")
    exit_code = EXIT.search(path.name)
    if exit_code and VERDICTS.get(int(exit_code[1]), properties["verdict"]) != properties["verdict"]:
        problems.append(f"verdict `{properties['verdict']}` does not fit the file's name")
    return tests["tests"]


def main(paths):
    failed = not paths
    for path in map(Path, paths):
        problems = []
        root = xml.etree.ElementTree.parse(path).getroot()
        by_schema(root, problems)
        by_gitlab(path, root, problems)
        tests = by_junitparser(path, problems)
        print(f"{path}: {tests} tests" + "".join(f"\n  {problem}" for problem in problems))
        failed = failed or bool(problems)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
