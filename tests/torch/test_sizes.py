# SPDX-License-Identifier: Apache-2.0
"""Experiments with other sizes, the limits of axes, and samples in .npz files, against Python's torch."""

import unittest
from pathlib import Path

import numpy
import torch
from torch import nn

import models
from support import INFER_SAMPLE, ProbeTest


class Shape(nn.Module):
    def forward(self, x):
        return torch.tensor(x.shape)


class Table(nn.Module):
    def __init__(self, steps):
        super().__init__()
        self.register_buffer("pe", torch.randn(steps, 4))

    def forward(self, x):
        return (x + self.pe[: x.size(1)]).mean(1)


class Growing(nn.Module):
    """Eight times as long for twice the steps."""

    def forward(self, x):
        for _ in range(x.size(1) * x.size(1) * x.size(1)):
            x = torch.tanh(x)
        return x


AXES = {"batch": {"example": 2, "range": [1, 8]}, "time": {"example": 5, "range": [1, 50]}}
INPUT = models.declaration("x", "float32", ["batch", "time", 4])


def growth(**how):
    return {"kind": "limit", "seed": 1, "axis": "time", "from": 50, "most": 400, **how}


class Sizes(ProbeTest):
    def ask(self, module, *experiments):
        artifact = self.script("model.pt", torch.jit.script(module.eval()))
        answer = self.run_probe(artifact, None, experiments, inputs=[INPUT], axes=AXES)
        self.assert_loaded(answer)
        return answer.all("experiment")

    def test_the_model_gets_the_sizes_that_are_asked_for(self):
        asked = [
            ({}, {}, [2, 5, 4]),
            ({"batch": 8, "time": 1}, {}, [8, 1, 4]),
            ({}, {"x[2]": 3}, [2, 5, 3]),
            ({"time": 50}, {"x[2]": 1}, [2, 50, 1]),
        ]
        answers = self.ask(Shape(), *[{"kind": "infer", "axes": axes, "sizes": sizes} for axes, sizes, _ in asked])
        self.assertEqual([one["outputs"][0]["first"] for one in answers], [shape for *_, shape in asked])

    def test_a_dimension_that_is_not_fixed_or_not_there_is_refused(self):
        for name in ("x[0]", "x[3]", "y[2]", "time"):
            with self.subTest(name):
                (answer,) = self.ask(Shape(), {"kind": "infer", "sizes": {name: 3}})
                self.assertIn("is no fixed dimension of an input", answer["error"])

    def test_the_limit_is_where_the_module_has_it(self):
        for steps in (50, 51, 137, 399):
            with self.subTest(steps):
                module = Table(steps)
                module(torch.zeros(2, steps, 4))
                with self.assertRaises(RuntimeError):
                    module(torch.zeros(2, steps + 1, 4))
                (answer,) = self.ask(module, growth())
                limit = answer["limit"]
                self.assertEqual((limit["end"], limit["largest"], limit["refused"]), ("found", steps, steps + 1))
                self.assertIn("The size of tensor a", limit["error"])

    def test_a_limit_below_the_range_is_found_too(self):
        (answer,) = self.ask(Table(31), growth())
        self.assertEqual((answer["limit"]["end"], answer["limit"]["largest"]), ("found", 31))

    def test_a_limit_that_is_not_there(self):
        answers = self.ask(Table(1000), growth(), growth(most=50), growth(axis="tmie"))
        self.assertEqual([one["limit"]["end"] for one in answers], ["most-reached", "most-reached", "none"])
        self.assertEqual(answers[0]["limit"]["largest"], 400)

    def test_what_takes_ever_longer_is_stopped(self):
        answer = self.ask(Growing(), growth(**{"from": 12, "most": 1000}))[0]
        self.assertEqual(answer["limit"]["end"], "time")
        self.assertGreaterEqual(answer["limit"]["largest"], 12)
        self.assertLess(answer["limit"]["largest"], 500)


class NpzSamples(ProbeTest):
    def setUp(self):
        super().setUp()
        self.case = next(case for case in models.cases() if len(case.inputs) == 2)
        self.artifact = self.script("model.pt", self.case.scripted(self.case.module))
        with torch.no_grad():
            self.outputs = {name: value.numpy() for name, value in models.flatten(self.case.module(*self.case.inputs))}
        self.inputs = {name: value.numpy() for name, value in zip(self.case.names, self.case.inputs)}
        self.assertEqual(set(self.outputs), {"logits", "pooled"})

    def answer(self, sample):
        answer = self.run_probe(
            self.artifact, None, [INFER_SAMPLE], inputs=self.case.declarations(), samples=[sample])
        return answer.one("experiment")

    def file(self, name, save=numpy.savez, *arrays, **named):
        save(self.folder / name, *arrays, **named)
        return str(self.folder / name)

    def comparisons(self, facts):
        self.assertEqual(facts["error"], "")
        return {one["name"]: one["comparison"]["max_abs"] for one in facts["outputs"] if one.get("comparison")}

    def test_inputs_and_outputs_by_name(self):
        for save in (numpy.savez, numpy.savez_compressed):
            with self.subTest(save.__name__):
                facts = self.answer({"input": self.file("x.npz", save, **self.inputs),
                                     "output": self.file("y.npz", save, **self.outputs)})
                seen = self.comparisons(facts)
                self.assertEqual(set(seen), {"logits", "pooled"})
                self.assertLess(max(seen.values()), 1e-6)

    def test_a_wrong_second_output_is_seen(self):
        self.outputs["pooled"] = self.outputs["pooled"] + 0.5
        facts = self.answer({"input": self.file("x.npz", **self.inputs), "output": self.file("y.npz", **self.outputs)})
        seen = self.comparisons(facts)
        self.assertLess(seen["logits"], 1e-6)
        self.assertAlmostEqual(seen["pooled"], 0.5, places=5)

    def test_one_file_for_both(self):
        both = self.file("both.npz", **self.inputs, **self.outputs)
        self.assertEqual(set(self.comparisons(self.answer({"input": both, "output": both}))), {"logits", "pooled"})

    def test_without_names_in_order(self):
        facts = self.answer({"input": self.file("x.npz", numpy.savez, *self.inputs.values()),
                             "output": self.file("y.npz", numpy.savez, *self.outputs.values())})
        self.assertLess(max(self.comparisons(facts).values()), 1e-6)

    def test_one_output_alone_is_the_first_or_the_one_of_its_name(self):
        sample = self.file("x.npz", **self.inputs)
        first = next(iter(self.outputs))
        facts = self.answer({"input": sample, "output": self.file("y.npz", expected=self.outputs[first])})
        self.assertEqual(set(self.comparisons(facts)), {first})
        facts = self.answer({"input": sample, "output": self.file("y.npz", pooled=self.outputs["pooled"])})
        self.assertEqual(set(self.comparisons(facts)), {"pooled"})

    def test_names_that_are_not_there(self):
        self.assertIn("is `masks` meant?", self.answer(
            {"input": self.file("x.npz", ids=self.inputs["ids"], masks=self.inputs["mask"])})["error"])
        self.assertIn("did you mean `pooled`?", self.answer(
            {"input": self.file("x.npz", **self.inputs),
             "output": self.file("y.npz", logits=self.outputs["logits"], poled=self.outputs["pooled"])})["error"])

    def test_a_file_cut_short_is_refused(self):
        path = self.file("x.npz", **self.inputs)
        data = Path(path).read_bytes()
        for length in (0, 10, len(data) // 2, len(data) - 1):
            with self.subTest(length):
                with open(path, "wb") as file:
                    file.write(data[:length])
                self.assertNotEqual(self.answer({"input": path})["error"], "")


if __name__ == "__main__":
    unittest.main()
