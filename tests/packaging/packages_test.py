#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The Debian packages, without installing them: what lintian says, what is in them, and whether it works where it lies.

    packages_test.py FOLDER-OF-THE-PACKAGES REPOSITORY
"""

import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

FOLDER = Path(sys.argv[1]).resolve()
REPOSITORY = Path(sys.argv[2]).resolve()
NAMES = ("runup", "runup-torch", "runup-onnxruntime")
# what `runup` must bring, with the daemon or without
CONTENT = """
/etc/runup/ /usr/bin/runup /usr/lib/runup/plugins/
/usr/lib/systemd/system/runupd.service /usr/lib/systemd/system/runup-audit@.service
/usr/lib/systemd/system/runup-audit@.timer /usr/share/runup/systemd/full-gate.conf /usr/share/runup/systemd/gpu.conf
/usr/lib/sysusers.d/runup.conf /usr/lib/tmpfiles.d/runup.conf
/usr/share/bash-completion/completions/runup /usr/share/fish/vendor_completions.d/runup.fish
/usr/share/zsh/vendor-completions/_runup
/usr/share/man/man1/runup.1.gz /usr/share/man/man5/runup.yaml.5.gz /usr/share/man/man8/runupd.8.gz
/usr/share/doc/runup/changelog.gz /usr/share/doc/runup/changelog.Debian.gz /usr/share/doc/runup/copyright
/usr/share/doc/runup/examples/runup.yaml /usr/share/doc/runup/examples/sign-language.yaml
""".split()


def package(name):
    file, = FOLDER.glob(f"{name}_*.deb")
    return file


def field(name, what):
    return subprocess.run(["dpkg-deb", "--field", package(name), what], check=True, capture_output=True,
                          text=True).stdout.strip()


class Packages(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.TemporaryDirectory()
        cls.root = Path(cls.scratch.name) / "root"
        cls.extract("runup")

    @classmethod
    def tearDownClass(cls):
        cls.scratch.cleanup()

    @classmethod
    def extract(cls, name):
        subprocess.run(["dpkg-deb", "--extract", package(name), cls.root], check=True)

    def judged(self):
        """The status and the text of a run of the extracted program, by an interpreter that has no runtime."""
        bare = self.root / "bare-python"
        bare.write_text(f"#!/bin/sh\nexec {sys.executable} -S \"$@\"\n")
        bare.chmod(0o755)
        done = subprocess.run(
            [self.root / "usr/bin/runup", "run", REPOSITORY / "configs/examples/sign-language-service/runup.yaml",
             "--select", "inference,conversion-parity", "--set", "models.sign.factory=", "--set", f"python={bare}"],
            capture_output=True, text=True)
        return done.returncode, re.sub(r"\s+", " ", done.stdout)

    def test_lintian(self):
        """Clean, but for what the overrides explain; each override has its reason above it, and is needed."""
        done = subprocess.run(["lintian", "--allow-root", "--display-info", "--pedantic", "--fail-on=pedantic",
                               "--tag-display-limit=0", *(package(name) for name in NAMES)], capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stdout), (0, ""), done.stderr)
        for name in NAMES:
            lines = (REPOSITORY / f"packaging/deb/{name}.lintian-overrides").read_text().splitlines()
            self.assertTrue(lines[0].startswith("#"), name)

    def test_fields(self):
        for name in NAMES:
            self.assertEqual(field(name, "Section"), "utils")
            self.assertRegex(field(name, "Maintainer"), r"^.+ <.+@.+>$")
            self.assertRegex(field(name, "Description"), r"^deployment preflight for model servers")
        version = field("runup", "Version")
        for name in NAMES[1:]:
            self.assertIn(f"runup (= {version})", field(name, "Depends"))
        self.assertRegex(field("runup-torch", "Depends"), r"libtorch2\.\d")
        self.assertRegex(field("runup-onnxruntime", "Depends"), r"libonnxruntime1\.\d+")

    def test_content(self):
        said = subprocess.run(["dpkg-deb", "--contents", package("runup")], check=True, capture_output=True, text=True).stdout
        held = {line.split(None, 5)[5][1:] for line in said.splitlines()}
        self.assertEqual([name for name in CONTENT if name not in held], [])
        self.assertEqual({" ".join(line.split()[1:2]) for line in said.splitlines()}, {"root/root"})
        beyond = {name for name in held if not name.endswith("/")} - set(CONTENT) - {"/usr/bin/runupd",
                                                                                      "/usr/share/lintian/overrides/runup"}
        self.assertEqual(beyond, set())

    def test_small(self):
        self.assertLess(package("runup").stat().st_size, 16 << 20)
        self.assertFalse(re.search("torch|onnx|python", field("runup", "Depends")))

    def test_completions(self):
        subprocess.run(["bash", "-n", self.root / "usr/share/bash-completion/completions/runup"], check=True)
        self.assertIn("#compdef runup", (self.root / "usr/share/zsh/vendor-completions/_runup").read_text())

    def test_maintainer_scripts(self):
        control = Path(self.scratch.name) / "control"
        subprocess.run(["dpkg-deb", "--control", package("runup"), control], check=True)
        for name in ("postinst", "prerm", "postrm"):
            subprocess.run(["sh", "-n", control / name], check=True)
            self.assertEqual((control / name).stat().st_mode & 0o777, 0o755)
        subprocess.run(["md5sum", "--quiet", "--check", control / "md5sums"], check=True, cwd=self.root)

    def test_works_where_it_lies(self):
        """First without the probes, which are packages of their own and are named where they are missing."""
        status, said = self.judged()
        self.assertEqual(status, 2, said)
        for name in NAMES[1:]:
            self.assertIn(f"the Debian package `{name}`", said)
            self.extract(name)
        status, said = self.judged()
        self.assertEqual(status, 0, said)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
