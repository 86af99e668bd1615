#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The gate recipes: each has the form that its server reads, and its command does what the recipe says.

    recipes_test.py RUNUP REPOSITORY

Commands are taken from the recipes and run on a copy of the example service, whole and with its model cut in half.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import jsonschema
import yaml

RUNUP = Path(sys.argv[1]).resolve()
REPOSITORY = Path(sys.argv[2]).resolve()
RECIPES = REPOSITORY / "packaging/ci"
SCHEMA = json.loads((Path(__file__).with_name("recipes.schema.json")).read_text())
MODEL = "models/cnn_bilstm_attention_model.pth"
# where the recipes have the package
INSTALLED = ("/app/", "/opt/sign-language/")


class WithStringKeys(yaml.SafeLoader):
    """YAML 1.1 says that `on` is true; GitHub does not."""


WithStringKeys.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:bool" or first not in "oO"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()}


def recipe(name, form):
    read = yaml.load((RECIPES / name).read_text(), WithStringKeys)
    jsonschema.validate(read, {**SCHEMA, "$ref": f"#/$defs/{form}"})
    return read


class Recipes(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder, cls.done = tempfile.TemporaryDirectory(), {}
        root = Path(cls.folder.name)
        example = REPOSITORY / "configs/examples/sign-language-service"
        for name in ("good", "broken"):
            shutil.copytree(example, root / name)
            # The file alone is judged: what is tested here is the recipe, not the gate.
            config = yaml.safe_load((root / name / "runup.yaml").read_text())
            del config["service"]
            config["models"]["sign"] = {"path": MODEL}
            config["checks"] = {"inference": {"required": False}, "class-dependencies": {"enabled": False}}
            (root / name / "runup.yaml").write_text(yaml.safe_dump(config, allow_unicode=True))
        whole = (root / "broken" / MODEL).read_bytes()
        (root / "broken" / MODEL).write_bytes(whole[: len(whole) // 2])
        (root / "bin").mkdir()
        (root / "bin/runup").symlink_to(RUNUP)

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def run_in(self, service, command, **environment):
        """Runs a command, words or one line for a shell, where `service` is; `runup` is the built one."""
        root = Path(self.folder.name)
        words = command if isinstance(command, list) else ["/bin/sh", "-euc", command]
        for installed in INSTALLED:
            words = [word.replace(installed, f"{root / service}/") for word in words]
        words = ["runup" if word == "/usr/bin/runup" else word for word in words]
        # what two recipes have in common is run once
        key = (service, *words, *sorted(environment.items()))
        if key not in self.done:
            self.done[key] = subprocess.run(
                words, cwd=root / service, capture_output=True, text=True, timeout=300,
                env={**os.environ, "PATH": f"{root / 'bin'}:/usr/bin:/bin", **environment})
        return self.done[key]

    def assert_gate(self, command, **environment):
        """Ends well for the good service, and with status 1 for the broken one."""
        for service, status in (("good", 0), ("broken", 1)):
            done = self.run_in(service, command, **environment)
            self.assertEqual(done.returncode, status, done.stdout + done.stderr)
            yield Path(self.folder.name) / service, done

    def assert_junit(self, file, service):
        suite = ElementTree.parse(file).getroot()
        self.assertEqual(bool(list(suite.iter("failure"))), service.name == "broken")

    def test_github_actions(self):
        read = recipe("github-actions.yml", "github-actions")
        steps = read["jobs"]["gate"]["steps"]
        self.assertTrue(steps[0]["with"]["lfs"])
        command, = (step["run"] for step in steps if "run" in step)
        uploaded, = (step for step in steps if step.get("uses", "").startswith("actions/upload-artifact@"))
        self.assertEqual(uploaded["if"], "always()")
        summary = Path(self.folder.name) / "summary.md"
        for service, done in self.assert_gate(command, GITHUB_STEP_SUMMARY=str(summary), GITHUB_ACTIONS="true"):
            self.assert_junit(service / uploaded["with"]["path"], service)
            self.assertIn("sign-language-service", summary.read_text())
            self.assertEqual("::error" in done.stdout, service.name == "broken", done.stdout)

    def test_gitlab_ci(self):
        job, = recipe("gitlab-ci.yml", "gitlab-ci").values()
        for service, _ in self.assert_gate("\n".join(job["script"])):
            self.assert_junit(service / job["artifacts"]["reports"]["junit"], service)

    def test_jenkins(self):
        text = (RECIPES / "Jenkinsfile").read_text()
        code = re.sub(r"^//.*", "", text, flags=re.MULTILINE)
        self.assertEqual(code.count("{"), code.count("}"))
        self.assertRegex(code, r"^\s*pipeline \{\s*agent \{[^{}]*\{[^{}]*\} *\}\s*stages \{\s*stage\('runup'\) \{\s*steps \{")
        command, = re.findall(r"sh '([^']*)'", code)
        file, = re.findall(r"always \{ junit '([^']*)' \}", code)
        for service, _ in self.assert_gate(command):
            self.assert_junit(service / file, service)

    def test_kubernetes_init_container(self):
        pod = recipe("kubernetes/init-container.yaml", "deployment-patch")["spec"]["template"]["spec"]
        container, = pod["initContainers"]
        for _ in self.assert_gate(container["command"]):
            pass

    def test_kubernetes_cronjob(self):
        job = recipe("kubernetes/cronjob.yaml", "cronjob")["spec"]["jobTemplate"]["spec"]
        container, = job["template"]["spec"]["containers"]
        for _ in self.assert_gate(container["command"]):
            pass

    def test_kubernetes_readiness(self):
        pod = recipe("kubernetes/readiness.yaml", "deployment-patch")["spec"]["template"]["spec"]
        probe = pod["containers"][0]["readinessProbe"]
        for _, done in self.assert_gate(probe["exec"]["command"]):
            took = float(re.search(r"in ([0-9.]+) (m?s)$", done.stdout.strip()).group(1).strip())
            unit = done.stdout.strip().rpartition(" ")[2]
            self.assertLess(took / (1000 if unit == "ms" else 1), probe["timeoutSeconds"])

    def test_systemd(self):
        dropin = RECIPES / "systemd/exec-start-pre.conf"
        command, = re.findall(r"^ExecStartPre=(.*)$", dropin.read_text(), re.MULTILINE)
        for _ in self.assert_gate(shlex.split(command)):
            pass
        with tempfile.TemporaryDirectory() as folder:
            unit = Path(folder) / "sign-language.service"
            unit.write_text("[Service]\nExecStart=/usr/bin/true\n")
            (Path(folder) / "sign-language.service.d").mkdir()
            text = dropin.read_text().replace("/usr/bin/runup", str(RUNUP))
            (Path(folder) / "sign-language.service.d/runup.conf").write_text(text)
            done = subprocess.run(["systemd-analyze", "verify", "--man=no", unit], capture_output=True, text=True)
            self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_every_recipe_says_how_it_is_used(self):
        files = [file for file in RECIPES.rglob("*") if file.is_file()]
        self.assertEqual(len(files), 7)
        for file in files:
            comment = [line for line in file.read_text().splitlines() if line.startswith(("#", "//"))]
            self.assertIn("SPDX-License-Identifier: Apache-2.0", comment[0], file)
            self.assertGreaterEqual(len(comment), 4, file)

    def test_container_file(self):
        text = (REPOSITORY / "packaging/container/Containerfile").read_text().replace("\\\n", "")
        steps = [line.split(None, 1) for line in text.splitlines() if line and not line.startswith("#")]
        self.assertEqual([word for word, _ in steps], ["FROM", "RUN", "USER", "WORKDIR", "ENTRYPOINT", "CMD"])
        says = dict(steps)
        self.assertEqual(says["FROM"], "debian:13-slim")
        self.assertEqual(says["USER"], "runup")
        shell = says["RUN"].split("target=/packages", 1)[1]
        self.assertEqual(subprocess.run(["/bin/sh", "-n", "-c", shell]).returncode, 0)
        words = json.loads(says["ENTRYPOINT"]) + json.loads(says["CMD"])
        for _ in self.assert_gate(words):
            pass


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
