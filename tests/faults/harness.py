# SPDX-License-Identifier: Apache-2.0
"""Runs the built program beside a fake torch probe, and looks for what is left running."""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import uuid

import jsonschema
import junitparser

program, fake_probe, source = (pathlib.Path(argument) for argument in sys.argv[1:4])

CONFIG = """\
version: 1
target: faults
package: .
models:
  sign:
    path: models/sign.pth
    state_dict: model_state_dict
    architecture: network.py
    inputs:
      - {name: frames, dtype: float32, shape: [1, 300, 147]}
  other:
    path: models/other.pth
    inputs:
      - {name: frames, dtype: float32, shape: [1, 300, 147]}
"""


class Bench:
    """A folder with a service and a copy of the program, whose torch probe is the fake one."""

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="runup-faults-"))
        example = source / "configs/examples/sign-language-service"
        (self.folder / "service/models").mkdir(parents=True)
        (self.folder / "bin").mkdir()
        shutil.copy(program, self.folder / "bin/runup")
        shutil.copy(fake_probe, self.folder / "bin/runup-probe-torch")
        model = example / "models/cnn_bilstm_attention_model.pth"
        shutil.copy(model, self.folder / "service/models/sign.pth")
        shutil.copy(model, self.folder / "service/models/other.pth")
        (self.folder / "service/network.py").write_text("def forward(state_dict, x):\n    return x\n")
        self.config(CONFIG)
        self.mark = f"RUNUP_FAULTS_MARK={uuid.uuid4()}"

    def close(self):
        shutil.rmtree(self.folder)

    def config(self, text):
        (self.folder / "service/runup.yaml").write_text(text)

    def environment(self, **variables):
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("RUNUP_", "FAULT"))}
        name, value = self.mark.split("=")
        return {**kept, name: value, "RUNUP_PLUGIN_DIR": "", **variables}

    def start(self, *arguments, **variables):
        return subprocess.Popen(
            [self.folder / "bin/runup", "run", "runup.yaml", "--report", "json=report.json",
             "--report", "junit=report.xml", "--report", "text=report.txt", *arguments],
            cwd=self.folder / "service", env=self.environment(**variables), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def run(self, *arguments, timeout=60, **variables):
        """The report of a run, held to its schema, with the exit code as `exit`."""
        for name in ("report.json", "report.xml", "report.txt"):
            (self.folder / "service" / name).unlink(missing_ok=True)
        process = self.start(*arguments, **variables)
        out, err = process.communicate(timeout=timeout)
        report = self.read_report()
        report["exit"] = process.returncode
        report["out"] = out.decode() + err.decode()
        return report

    def read_report(self):
        report = json.loads((self.folder / "service/report.json").read_text())
        jsonschema.validate(report, json.loads((source / "reports/json/report.schema.json").read_text()))
        suites = junitparser.JUnitXml.fromfile(str(self.folder / "service/report.xml"))
        cases = {(case.classname, case.name) for suite in suites for case in suite}
        for one in report["results"]:
            assert (f"runup.{report['target']}.{one['model']}", one["check"]) in cases, (one, cases)
        assert (self.folder / "service/report.txt").read_text()
        return report

    def left_running(self):
        """Processes, zombies excepted, that have the mark in their environment."""
        found = []
        for entry in pathlib.Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                if self.mark.encode() in (entry / "environ").read_bytes():
                    found.append((entry / "cmdline").read_bytes().replace(b"\0", b" ").decode())
            except OSError:
                pass
        # a copy of the program runs from this folder even where its environment is empty
        for entry in pathlib.Path("/proc").iterdir():
            try:
                if entry.name.isdigit() and os.readlink(entry / "exe").startswith(str(self.folder)):
                    found.append(f"{entry.name} {os.readlink(entry / 'exe')}")
            except OSError:
                pass
        return found

    def signal_role(self, process, role, number):
        """Sends a signal to the first process of this role of the program; False when none was ever seen."""
        wanted = b"\0__probe\0" + role.encode() + b"\0"
        while process.poll() is None:
            for pid in filter(str.isdigit, os.listdir("/proc")):
                try:
                    with open(f"/proc/{pid}/cmdline", "rb") as file:
                        if wanted not in file.read():
                            continue
                    if os.readlink(f"/proc/{pid}/exe").startswith(str(self.folder)):
                        os.kill(int(pid), number)
                        return True
                except OSError:
                    pass
        return False

    def none_left_within(self, seconds):
        end = time.monotonic() + seconds
        while (left := self.left_running()) and time.monotonic() < end:
            time.sleep(0.02)
        return not left


def result(report, check, model="sign"):
    """One check's outcome."""
    (found,) = [one["outcome"] for one in report["results"] if (one["check"], one["model"]) == (check, model)]
    return found
