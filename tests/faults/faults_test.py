# SPDX-License-Identifier: Apache-2.0
"""Whatever dies, the run goes on, says what happened, and leaves nothing running."""

import os
import signal
import subprocess
import sys
import time
import unittest

import harness
from harness import result

SELECT = ["--select", "*/inference", "--select", "*/warmup-budget", "--select", "*/model-present"]


class Faults(unittest.TestCase):
    def setUp(self):
        self.bench = harness.Bench()
        self.addCleanup(self.bench.close)
        # a PATH without an interpreter that could stand in for a probe
        self.no_python = str(self.bench.folder / "bin")
        self.addCleanup(lambda: self.assertEqual(self.bench.left_running(), []))

    def run_with(self, fault, at, *, timeout="5s", memory="256MiB", **variables):
        report = self.bench.run(*SELECT, FAULT=fault, FAULT_AT=at, RUNUP_PROBE_TIMEOUT=timeout,
                                RUNUP_PROBE_MEMORY=memory, **variables)
        self.assertEqual(self.bench.left_running(), [])
        # what the torch probe does is nothing to the other model and to the other checks
        self.assertEqual(result(report, "model-present")["status"], "passed")
        self.assertEqual(result(report, "model-present", "other")["status"], "passed")
        return report

    def assert_undecided(self, report, check, *words):
        outcome = result(report, check)
        self.assertEqual(outcome["status"], "undecided", outcome)
        for word in words:
            self.assertIn(word, outcome["reason"])
        self.assertEqual(report["exit"], 2)
        self.assertEqual(report["verdict"], "undecided")

    def test_nothing_wrong(self):
        """The ground on which the others stand: without a fault, everything passes."""
        report = self.run_with("", "")
        self.assertEqual(result(report, "inference")["status"], "passed", result(report, "inference"))
        self.assertEqual(result(report, "warmup-budget")["status"], "passed")
        # the other model has no architecture
        self.assertEqual(result(report, "inference", "other")["status"], "undecided")
        self.assertIn("architecture:", result(report, "inference", "other")["reason"])
        self.assertEqual([witness["library"] for witness in report["witnesses"]], ["fake"])

    def test_crash_while_loading(self):
        report = self.run_with("segv", "load")
        words = ["the torch probe crashed (signal 11, SIGSEGV) while loading the model", "about to fall over"]
        self.assert_undecided(report, "inference", *words)
        self.assert_undecided(report, "warmup-budget", *words)
        self.assertEqual(report["witnesses"], [])

    def test_crash_in_one_experiment(self):
        """Answers before and after it count; the one that crashed is named."""
        report = self.run_with("segv", "random-2")
        self.assert_undecided(report, "inference", "SIGSEGV", "running inference with random input (seed 2)")
        self.assertEqual(result(report, "warmup-budget")["status"], "passed")
        self.assertEqual(len(report["witnesses"]), 1)

    def test_crash_in_the_first_process_alone(self):
        report = self.run_with("segv", "random-1", FAULT_ONCE=str(self.bench.folder / "once"))
        self.assert_undecided(report, "inference", "SIGSEGV", "(seed 1)")
        self.assertEqual(result(report, "warmup-budget")["status"], "passed")

    def test_crash_after_the_last_answer(self):
        report = self.run_with("segv", "end")
        self.assertEqual(result(report, "inference")["status"], "passed")

    def test_crash_while_timing(self):
        report = self.run_with("segv", "latency")
        self.assertEqual(result(report, "inference")["status"], "passed")
        self.assert_undecided(report, "warmup-budget", "SIGSEGV", "while timing warm inferences")

    def test_crash_in_a_cold_start(self):
        report = self.run_with("segv", "cold-start")
        self.assertEqual(result(report, "inference")["status"], "passed")
        self.assert_undecided(report, "warmup-budget", "SIGSEGV", "fresh process")

    def test_end_with_a_status(self):
        report = self.run_with("exit", "start")
        self.assert_undecided(report, "inference", "ended with status 3", "libsomething.so: version mismatch")

    def test_end_without_a_word(self):
        report = self.run_with("quiet-exit", "load")
        self.assert_undecided(report, "inference", "ended with status 0 while loading the model")

    def test_out_of_memory_by_exception(self):
        report = self.run_with("abort", "load")
        self.assert_undecided(report, "inference", "ran out of memory while loading the model")

    def test_hang(self):
        start = time.monotonic()
        report = self.run_with("hang", "zeros", timeout="500ms")
        self.assertLess(time.monotonic() - start, 20)
        self.assert_undecided(report, "inference", "gave no answer within 500 ms", "running inference with zeros")
        self.assertEqual(result(report, "warmup-budget")["status"], "passed")

    def test_flood_of_stderr(self):
        """80 MB on stderr neither block the probe nor fill this process."""
        report = self.run_with("flood", "random-1", timeout="20s")
        self.assertEqual(result(report, "inference")["status"], "passed")

    def test_flood_without_end(self):
        report = self.run_with("flood-and-hang", "load", timeout="500ms")
        self.assert_undecided(report, "inference", "gave no answer within", "while loading the model")

    def test_memory(self):
        report = self.run_with("memory", "ones", timeout="30s", memory="128MiB")
        self.assert_undecided(report, "inference", "of memory while running inference with ones",
                              "at most 128 MiB is allowed")
        self.assertEqual(result(report, "warmup-budget")["status"], "passed")

    def test_garbage(self):
        for fault in ("garbage", "wrong-json", "half-frame"):
            with self.subTest(fault):
                report = self.run_with(fault, "random-1")
                self.assert_undecided(report, "inference", "running inference with random input (seed 1)")
                self.assertIn("answered something else than its protocol", result(report, "inference")["reason"])
                self.assertEqual(result(report, "warmup-budget")["status"], "passed")

    def test_daemon(self):
        """A process that left the session keeps the channel open after the probe's end."""
        report = self.run_with("daemon", "random-1")
        self.assert_undecided(report, "inference", "ended with status 0")
        report = self.run_with("daemon-and-go-on", "random-1")
        self.assertEqual(result(report, "inference")["status"], "passed")

    def test_missing(self):
        os.remove(self.bench.folder / "bin/runup-probe-torch")
        report = self.run_with("", "", PATH=self.no_python)
        self.assert_undecided(report, "inference", "the torch probe is not installed", "install it")

    def test_not_executable_for_this_machine(self):
        probe = self.bench.folder / "bin/runup-probe-torch"
        probe.write_bytes(b"\x7fELF nothing else")
        report = self.run_with("", "", PATH=self.no_python)
        self.assert_undecided(report, "inference", "could not be started", "Exec format error")

    def test_killed_supervisor(self):
        report = self.bench.run(*SELECT, FAULT="kill-supervisor", FAULT_AT="random-1")
        self.assertEqual(self.bench.left_running(), [])
        self.assert_undecided(report, "inference", "supervisor")
        # observed before the supervisor was killed
        self.assertEqual(result(report, "model-present")["status"], "passed")

    def test_killed_runup(self):
        process = self.bench.start(*SELECT, FAULT="kill-runup", FAULT_AT="random-1")
        process.communicate(timeout=30)
        self.assertEqual(process.returncode, -signal.SIGKILL)
        self.assertTrue(self.bench.none_left_within(5), self.bench.left_running())

    def test_killed_runup_with_a_daemon(self):
        process = self.bench.start(*SELECT, FAULT="daemon-and-go-on", FAULT_AT="random-1", RUNUP_PROBE_TIMEOUT="60s")
        while len(self.bench.left_running()) < 5 and process.poll() is None:
            time.sleep(0.005)
        process.kill()
        process.communicate(timeout=30)
        self.assertTrue(self.bench.none_left_within(5), self.bench.left_running())

    def test_interrupted(self):
        process = self.bench.start(*SELECT, FAULT="hang", FAULT_AT="random-2")
        time.sleep(0.7)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=10)
        self.assertEqual(process.returncode, 130)
        report = self.bench.read_report()
        self.assertTrue(report["interrupted"])
        self.assertIn("the run was interrupted", result(report, "inference")["reason"])
        self.assertEqual(result(report, "model-present")["status"], "passed")

    def test_no_descriptors_left(self):
        """runup that cannot even start its supervisor still reports."""
        for limit in range(6, 12):
            with self.subTest(descriptors=limit):
                arguments = ["run", "runup.yaml", "--report", "json=report.json", "--report", "junit=report.xml",
                             "--report", "text=report.txt", *SELECT]
                done = subprocess.run(
                    ["/bin/sh", "-c", f"ulimit -n {limit}; exec \"$@\"", "sh", str(self.bench.folder / "bin/runup"),
                     *arguments],
                    cwd=self.bench.folder / "service", env=self.bench.environment(), stdin=subprocess.DEVNULL,
                    capture_output=True, timeout=60, check=False)
                self.assertEqual(done.returncode, 2, done.stderr)
                report = self.bench.read_report()
                self.assertEqual(report["verdict"], "undecided")


class OwnRoles(unittest.TestCase):
    """The probes that are the program itself, killed while they look at something that takes its time."""

    def setUp(self):
        self.bench = harness.Bench()
        self.addCleanup(self.bench.close)

    def run_killing(self, role, number):
        process = self.bench.start()
        seen = self.bench.signal_role(process, role, number)
        process.communicate(timeout=60)
        self.assertTrue(seen, f"no process of the role {role} was seen")
        self.assertEqual(self.bench.left_running(), [])
        self.assertIn(process.returncode, (1, 2))
        return self.bench.read_report()

    def test_the_artifact_probe(self):
        # Eight sparse gigabytes take seconds to hash.
        with open(self.bench.folder / "service/models/sign.pth", "r+b") as model:
            model.truncate(8 << 30)
        self.bench.config(harness.CONFIG[: harness.CONFIG.index("  other:")])
        for number, words in (
            (signal.SIGSEGV, "the artifact probe crashed (signal 11, SIGSEGV)"),
            (signal.SIGKILL, "the artifact probe was killed (signal 9, SIGKILL)"),
        ):
            with self.subTest(number):
                report = self.run_killing("artifact", number)
                for check in ("model-loadable", "state-dict-format", "label-encoder", "inference", "warmup-budget"):
                    outcome = result(report, check)
                    self.assertEqual(outcome["status"], "undecided", outcome)
                self.assertIn(words, result(report, "model-loadable")["reason"])

    def test_the_package_probe(self):
        folder = self.bench.folder / "service/many"
        folder.mkdir()
        for i in range(40000):
            os.close(os.open(folder / str(i), os.O_CREAT, 0o644))
        report = self.run_killing("package", signal.SIGSEGV)
        for model in ("sign", "other"):
            outcome = result(report, "model-present", model)
            self.assertEqual(outcome["status"], "undecided", outcome)
            self.assertIn("the package probe crashed (signal 11, SIGSEGV)", outcome["reason"])


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[4:]])
