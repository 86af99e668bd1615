#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The units: what systemd says of them, before any is started.

    units_test.py FOLDER-OF-THE-UNITS REPOSITORY
"""

import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

UNITS = Path(sys.argv[1]).resolve()
SHIPPED = Path(sys.argv[2]).resolve() / "packaging/systemd"
SERVICES = ("runupd.service", "runup-audit@.service")
TIMER = "runup-audit@.timer"
# tenths, as systemd-analyze wants it; the full gate makes namespaces and mounts
EXPOSURE, EXPOSURE_OF_THE_GATE = 13, 20


def said_by(*words):
    done = subprocess.run(words, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


class Units(unittest.TestCase):
    def setUp(self):
        """A folder with the units, whose program is one that is there."""
        self.scratch = tempfile.TemporaryDirectory()
        self.addCleanup(self.scratch.cleanup)
        self.folder = Path(self.scratch.name)
        for name in (*SERVICES, TIMER):
            text = (UNITS / name).read_text()
            (self.folder / name).write_text(text.replace("/usr/bin/runupd", "/usr/bin/true"))

    def with_dropin(self, dropin, services):
        for name in services:
            (self.folder / f"{name}.d").mkdir()
            text = (SHIPPED / dropin).read_text().replace("/usr/bin/runup ", "/usr/bin/true ")
            (self.folder / f"{name}.d" / dropin).write_text(text)

    def assert_verified(self):
        names = [str(self.folder / name.replace("@.", "@sign.")) for name in (*SERVICES, TIMER)]
        self.assertEqual(said_by("systemd-analyze", "verify", "--man=no", *names), (0, ""))

    def assert_exposure(self, threshold):
        for name in SERVICES:
            status, said = said_by("systemd-analyze", "security", "--offline=yes", f"--threshold={threshold}",
                                   "--no-pager", str(self.folder / name))
            self.assertEqual(status, 0, said)

    def test_verified(self):
        self.assert_verified()

    def test_exposure(self):
        self.assert_exposure(EXPOSURE)

    def test_full_gate(self):
        self.with_dropin("full-gate.conf", ["runup-audit@.service"])
        self.assert_verified()
        self.assert_exposure(EXPOSURE_OF_THE_GATE)

    def test_gpu(self):
        self.with_dropin("gpu.conf", SERVICES)
        self.assert_verified()
        self.assert_exposure(EXPOSURE_OF_THE_GATE)

    def test_dropins_say_how_they_are_installed(self):
        for dropin in ("full-gate.conf", "gpu.conf"):
            self.assertIn(f"/usr/share/runup/systemd/{dropin}", (SHIPPED / dropin).read_text())

    def test_the_sandbox_is_the_same(self):
        sandbox = (SHIPPED / "sandbox.conf").read_text().partition("\n")[2]
        for name in SERVICES:
            self.assertIn(sandbox, (UNITS / name).read_text())
            self.assertNotIn("@RUNUP", (UNITS / name).read_text())

    def test_low_priority(self):
        for wanted in ("Nice=15", "CPUSchedulingPolicy=batch", "IOSchedulingClass=idle", "OOMScoreAdjust=500"):
            self.assertRegex((SHIPPED / "sandbox.conf").read_text(), f"(?m)^{wanted}$")

    def test_the_daemon(self):
        text = (UNITS / "runupd.service").read_text()
        for wanted in ("Type=notify-reload", "WatchdogSec=", "StateDirectory=runup", "RuntimeDirectory=runup"):
            self.assertRegex(text, f"(?m)^{wanted}")

    def test_the_audit_does_not_take_the_daemons_socket_away(self):
        """A runtime folder goes when its unit ends."""
        self.assertNotRegex((UNITS / "runup-audit@.service").read_text(), "(?m)^RuntimeDirectory=")

    def test_the_timer(self):
        text = (UNITS / TIMER).read_text()
        for wanted in ("Persistent=true", "RandomizedDelaySec="):
            self.assertRegex(text, f"(?m)^{wanted}")
        calendar, = re.findall("(?m)^OnCalendar=(.*)$", text)
        self.assertEqual(said_by("systemd-analyze", "calendar", calendar)[0], 0)

    def test_user_and_folder(self):
        root = self.folder / "root"
        (root / "etc").mkdir(parents=True)
        status, said = said_by("systemd-sysusers", f"--root={root}", str(SHIPPED / "runup.sysusers"))
        self.assertEqual(status, 0, said)
        entry, = [line.split(":") for line in (root / "etc/passwd").read_text().splitlines() if line.startswith("runup:")]
        self.assertEqual(entry[5:], ["/var/lib/runup", "/usr/sbin/nologin"])
        status, said = said_by("systemd-tmpfiles", f"--root={root}", "--dry-run", "--create", str(SHIPPED / "runup.tmpfiles"))
        self.assertEqual(status, 0, said)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
