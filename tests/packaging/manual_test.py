#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The manual pages: well formed, the same whenever they are made, and complete.

    manual_test.py RUNUP REPOSITORY [RUNUPD]
"""

import json
import os
import re
import subprocess
import sys
import unittest
from pathlib import Path

RUNUP = str(Path(sys.argv[1]).resolve())
REPOSITORY = Path(sys.argv[2]).resolve()
SOURCES = {"runup.1": RUNUP, "runup.yaml.5": RUNUP, "runupd.8": str(REPOSITORY / "packaging/man/runupd.8")}


def made(page, **environment):
    return subprocess.run(
        [sys.executable, "-B", REPOSITORY / "packaging/man/make_man.py", page, REPOSITORY / "packaging/deb/changelog",
         SOURCES[page]],
        check=True, capture_output=True, text=True, encoding="utf-8", env={**os.environ, **environment}).stdout


def said(*words):
    return subprocess.run([RUNUP, *words], check=True, capture_output=True, text=True).stdout


def plain(page):
    """The page as it is read, without the breaks of lines."""
    shown = subprocess.run(["groff", "-man", "-Tutf8", "-Kutf8", "-P-cbou", "-rLL=200n", "-rHY=0"], check=True,
                           capture_output=True, text=True, input=made(page)).stdout
    return re.sub(r"\s+", " ", shown)


class Manual(unittest.TestCase):
    def test_well_formed(self):
        for page in SOURCES:
            done = subprocess.run(["groff", "-man", "-ww", "-rCHECKSTYLE=3", "-Tutf8", "-Kutf8"], capture_output=True,
                                  text=True, input=made(page))
            self.assertEqual((done.returncode, done.stderr), (0, ""), page)

    def test_deterministic(self):
        for page in SOURCES:
            one = made(page, COLUMNS="40", TZ="Asia/Seoul", LC_ALL="C", CLICOLOR_FORCE="1")
            self.assertEqual(one, made(page, COLUMNS="200", TZ="UTC", LC_ALL="C.UTF-8"))
            self.assertIn("2001\\-09\\-09", made(page, SOURCE_DATE_EPOCH="1000000000").splitlines()[1])

    def test_title(self):
        version = said("--version").split()[1]
        for page in SOURCES:
            self.assertIn(f'"runup {version}"', made(page).splitlines()[1])

    def test_commands(self):
        page = plain("runup.1")
        commands = re.findall(r"^  ([a-z]+) ", said("help").split("Commands")[1].split("\n\n")[0], re.MULTILINE)
        self.assertGreater(len(commands), 7)
        for command in commands:
            self.assertIn(f"RUNUP {command.upper()} runup {command}", page)
            for option in re.findall(r"(?m)^ +(?:-., )?(--[a-z-]+)", said(command, "--help")):
                self.assertIn(option, page)

    def test_keys(self):
        page = plain("runup.yaml.5")
        for name, inner in json.loads(said("config", "--schema"))["properties"].items():
            self.assertIn(f"{name.upper()}:", page)
            for key, about in inner.get("properties", {}).items():
                self.assertIn(key if name == "checks" else f"{name}.{key} ", page)
                if name != "checks" and "`" not in about.get("description", "`"):
                    self.assertIn(re.sub(r"\s+", " ", about["description"]), page)

    @unittest.skipUnless(sys.argv[3:], "the daemon is not built")
    def test_the_daemons_options(self):
        page = plain("runupd.8")
        told = subprocess.run([sys.argv[3], "--help"], check=True, capture_output=True, text=True).stdout
        options = set(re.findall(r"--[a-z-]+", told)) - {"--help", "--version", "--unix-socket"}
        self.assertEqual(options, set(re.findall(r"(?<![a-z-])--[a-z-]+", page.split("OPTIONS")[1].split("HTTP")[0])))
        for path in re.findall(r"http://runupd(/[a-z]+)", told):
            self.assertIn(path, page)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
