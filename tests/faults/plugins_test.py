# SPDX-License-Identifier: Apache-2.0
"""Checks from outside, through the built program: the shipped examples, and plugins that go wrong."""

import json
import os
import re
import subprocess
import sys
import textwrap
import unittest

import jsonschema

import harness
from harness import result, source

EXAMPLES = source / "plugins/examples"
FILE_AGE = EXAMPLES / "file-age/file-age"
CLASS_NAMES = EXAMPLES / "class-names/class-names"
DESCRIPTION = {"protocol": 1, "id": "outside", "summary": "a check from outside", "needs": ["package"], "options": {}}


def schema(name):
    return json.loads((source / f"docs/plugin-{name}.schema.json").read_text())


class Plugins(unittest.TestCase):
    def setUp(self):
        self.bench = harness.Bench()
        self.addCleanup(self.bench.close)
        self.addCleanup(lambda: self.assertEqual(self.bench.left_running(), []))

    def configure(self, plugins, checks=""):
        names = ", ".join(str(plugin) for plugin in plugins)
        self.bench.config(harness.CONFIG + f"plugins: [{names}]\n" + textwrap.dedent(checks))

    def write_plugin(self, body, description=None):
        """A plugin in the service's folder that describes itself and then runs the shell lines `body`."""
        path = self.bench.folder / "service/outside"
        text = json.dumps(description or DESCRIPTION)
        path.write_text(f"#!/bin/sh\nif [ \"${{1:-}}\" = --describe ]; then\n  echo '{text}'\n  exit 0\nfi\n{body}\n")
        path.chmod(0o755)
        self.configure(["outside"])
        return path

    def judge(self, check, *arguments, model="sign"):
        report = self.bench.run("--select", f"{model}/{check}", "--select", f"{model}/model-present", *arguments)
        self.assertEqual(result(report, "model-present", model)["status"], "passed")
        self.assertEqual(self.bench.left_running(), [])
        return report, result(report, check, model)

    def runup(self, *arguments):
        return subprocess.run([self.bench.folder / "bin/runup", *arguments], cwd=self.bench.folder / "service",
                              env=self.bench.environment(), capture_output=True, text=True, check=False, timeout=60)

    def test_descriptions_fit_the_schema(self):
        for plugin in (FILE_AGE, CLASS_NAMES):
            printed = subprocess.run([plugin, "--describe"], capture_output=True, check=True).stdout
            jsonschema.validate(json.loads(printed), schema("describe"))

    def test_page_examples_fit_the_schemas(self):
        page = (source / "docs/plugins.md").read_text()
        blocks = re.findall(r"```json\n(.*?)```", page, re.DOTALL)
        self.assertEqual(len(blocks), 3)
        jsonschema.validate(json.loads(blocks[0]), schema("describe"))
        jsonschema.validate(json.loads(blocks[2]), schema("answer"))
        for name in ("describe", "request", "answer"):
            jsonschema.Draft202012Validator.check_schema(schema(name))

    def test_request_fits_the_schema(self):
        seen = self.bench.folder / "request.json"
        self.write_plugin(f"cat >'{seen}'\necho '{{\"outcome\":\"skipped\",\"reason\":\"seen\"}}'",
                          {**DESCRIPTION, "needs": ["package", "artifact", "host", "runtime"],
                           "options": {"limit": {"type": "duration", "default": 1.5}}})
        _, outcome = self.judge("outside")
        self.assertEqual((outcome["status"], outcome["reason"]), ("skipped", "seen"))
        text = seen.read_text()
        self.assertNotIn("\n", text)
        request = json.loads(text)
        jsonschema.validate(request, schema("request"))
        self.assertEqual(request["options"], {"limit": 1.5})
        facts = request["facts"]
        self.assertEqual(facts["model_name"], "sign")
        self.assertEqual(facts["artifact"]["value"]["kind"], "torch-zip")
        self.assertGreater(facts["host"]["value"]["memory_bytes"], 0)
        # the inferences that `inference` makes by default
        self.assertGreaterEqual(len(facts["runtimes"][0]["value"]["experiments"]), 2)
        # the schema is one that can fail
        del request["facts"]["model"]["path"]
        with self.assertRaises(jsonschema.ValidationError):
            jsonschema.validate(request, schema("request"))

    def test_file_age(self):
        self.configure([FILE_AGE])
        model = self.bench.folder / "service/models/sign.pth"
        _, outcome = self.judge("file-age")
        self.assertEqual(outcome["status"], "passed", outcome)
        self.assertEqual(outcome["evidence"], [{"name": "age of the model file", "value": "0 days"}])
        old = model.stat().st_mtime - 120 * 86400
        os.utime(model, (old, old))
        report, outcome = self.judge("file-age")
        self.assertEqual(outcome["status"], "failed")
        self.assertEqual(outcome["findings"][0]["message"], "the model file is 120 days old; at most 90 are expected")
        self.assertEqual(report["exit"], 1)
        (own,) = [one for one in report["results"] if one["check"] == "file-age"]
        self.assertEqual(own["plugin"], str(FILE_AGE))
        self.configure([FILE_AGE], """\
            checks:
              file-age: {max_age: 3000h}
            """)
        self.assertEqual(self.judge("file-age")[1]["status"], "passed")
        self.configure([FILE_AGE], """\
            checks:
              file-age: {severity: {too-old: warning}}
            """)
        self.assertEqual(self.judge("file-age")[1]["findings"][0]["severity"], "warning")

    def test_class_names(self):
        self.configure([CLASS_NAMES])
        _, outcome = self.judge("class-names")
        self.assertEqual(outcome["status"], "passed", outcome)
        self.configure([CLASS_NAMES], """\
            checks:
              class-names: {pattern: "[a-z]+", form: NFD}
            """)
        _, outcome = self.judge("class-names")
        self.assertEqual(outcome["status"], "failed")
        self.assertEqual({finding["id"] for finding in outcome["findings"]}, {"not-normalised", "unexpected-name"})
        (self.bench.folder / "service/models/sign.pth").write_bytes(b"")
        report = self.bench.run("--select", "sign/class-names")
        self.assertIn(result(report, "class-names")["status"], ("skipped", "undecided"))

    def test_beside_built_in_checks(self):
        self.configure([FILE_AGE, CLASS_NAMES])
        listed = self.runup("list").stdout
        self.assertIn("file-age", listed)
        self.assertIn("class names are normalised", listed)
        explained = self.runup("explain", "file-age")
        self.assertEqual(explained.returncode, 0, explained.stderr)
        self.assertIn("max_age", explained.stdout)
        self.assertIn("too-old", explained.stdout)
        self.assertIn("max_age", self.runup("config").stdout)
        self.configure([FILE_AGE], """\
            checks:
              file-age: {max_agee: 1h}
            """)
        wrong = self.runup("run")
        self.assertEqual(wrong.returncode, 78)
        self.assertIn("did you mean `max_age`?", wrong.stderr + wrong.stdout)

    def test_plugin_folder(self):
        self.bench.config(harness.CONFIG)
        done = self.bench.run("--select", "*/file-age", RUNUP_PLUGIN_DIR=str(FILE_AGE.parent))
        self.assertEqual({one["outcome"]["status"] for one in done["results"]}, {"passed"})

    def assert_undecided(self, body, *words):
        self.write_plugin(body)
        report, outcome = self.judge("outside")
        self.assertEqual(outcome["status"], "undecided", outcome)
        for word in words:
            self.assertIn(word, outcome["reason"])
        self.assertEqual(report["exit"], 2)

    def test_what_goes_wrong_is_undecided(self):
        self.assert_undecided("echo oh >&2; kill -SEGV $$", "`outside` crashed (signal 11, SIGSEGV)", "oh")
        self.assert_undecided("cat >/dev/null; echo 'no such module' >&2; exit 1", "ended with status 1", "no such module")
        self.assert_undecided("exit 0", "answered something else than its protocol")
        self.assert_undecided("echo hello", "answered something else than its protocol")
        self.assert_undecided("echo '{\"outcome\":\"passed\"}'", "looked at nothing")
        self.assert_undecided("echo '{\"outcome\":\"fine\"}'", "answered something else than its protocol")
        self.assert_undecided("yes", "wrote more than 4.00 MiB to stdout")
        self.assert_undecided("echo '{\"outcome\":\"failed\"}'", "without a finding")

    def test_what_a_plugin_leaves_behind_is_ended(self):
        self.write_plugin("setsid sleep 1000 >/dev/null 2>&1 &\n"
                          "echo '{\"outcome\":\"skipped\",\"reason\":\"gone\"}'")
        self.assertEqual(self.judge("outside")[1]["status"], "skipped")

    def test_that_cannot_be_asked(self):
        for body in ("#!/bin/sh\nexit 4\n", "#!/bin/sh\necho nonsense\n", "#!/nonexistent/interpreter\n"):
            with self.subTest(body):
                path = self.bench.folder / "service/outside"
                path.write_text(body)
                path.chmod(0o755)
                self.configure(["outside"])
                _, outcome = self.judge("outside")
                self.assertEqual(outcome["status"], "undecided")
                self.assertIn("cannot be asked what it is", outcome["reason"])

    def test_id_of_a_built_in_check(self):
        self.write_plugin("", {**DESCRIPTION, "id": "inference"})
        done = self.runup("run")
        self.assertEqual(done.returncode, 78)
        self.assertIn("which is a built-in check", done.stderr + done.stdout)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[4:]])
