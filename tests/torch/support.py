# SPDX-License-Identifier: Apache-2.0
"""What the tests of the torch probe share: a scratch folder and calls of the probe."""

import os
import shutil
import tempfile
import unittest
from pathlib import Path

import numpy
import torch

import probe

PROGRAM = os.environ["RUNUP_PROBE_TORCH"]
EXAMPLE = Path(__file__).resolve().parents[2] / "configs/examples/sign-language-service"
# One thread: two that wait for each other on a busy machine can take seconds for a tiny network.
ENVIRONMENT = {"OMP_NUM_THREADS": "1", "PATH": os.environ["PATH"]}
INFER_SAMPLE = {"kind": "infer", "fill": "sample"}


class ProbeTest(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="runup-torch-"))
        self.addCleanup(shutil.rmtree, self.folder)

    def save(self, name, value, **how):
        torch.save(value, self.folder / name, **how)
        return self.folder / name

    def script(self, name, module):
        module.save(str(self.folder / name))
        return self.folder / name

    def text(self, name, text):
        (self.folder / name).write_text(text, encoding="utf-8")
        return self.folder / name

    def array(self, name, value):
        numpy.save(self.folder / name, value)
        return str(self.folder / name)

    def run_probe(self, artifact, architecture=None, experiments=(), mode="experiments", **model):
        if architecture is not None:
            model["architecture"] = str(architecture)
        answer = probe.run(PROGRAM, artifact, model, experiments, mode, ENVIRONMENT)
        self.assertGreaterEqual(answer.status, 0, f"the probe died of a signal: {answer.stderr}")
        self.assertIn(answer.last, ("done", "refused"), answer.stderr)
        return answer

    def sample_of(self, inputs, names, output=None):
        """A declared sample whose files hold these tensors."""
        files = {name: self.array(f"{name}.npy", tensor.numpy()) for name, tensor in zip(names, inputs)}
        sample = {"inputs": files} if len(files) > 1 else {"input": next(iter(files.values()))}
        if output is not None:
            sample["output"] = self.array("expected.npy", output.detach().numpy())
        return sample

    def load_of(self, answer):
        return answer.one("load")

    def assert_loaded(self, answer):
        load = self.load_of(answer)
        self.assertEqual((load["stage"], load["error"]), ("done", ""))

    def assert_outputs(self, facts, expected, atol=1e-6):
        """Experiment facts against the (name, tensor) pairs that Python's torch returned."""
        self.assertEqual(facts["error"], "")
        self.assertEqual([output["name"] for output in facts["outputs"]], [name for name, _ in expected])
        for output, (name, tensor) in zip(facts["outputs"], expected):
            tensor = tensor.detach()
            self.assertEqual(output["shape"], list(tensor.shape), name)
            self.assertEqual(output["dtype"], str(tensor.dtype).removeprefix("torch."))
            numpy.testing.assert_allclose(
                [probe.number(value) for value in output["first"]],
                tensor.double().flatten()[:64].numpy(),
                rtol=0,
                atol=atol,
            )
