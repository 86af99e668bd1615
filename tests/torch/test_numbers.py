# SPDX-License-Identifier: Apache-2.0
"""Statistics of outputs, comparisons, inputs and times, against NumPy's and torch's own."""

import hashlib
import math
import unittest

import numpy
import torch

import models
from probe import number
from support import INFER_SAMPLE, ProbeTest

IDENTITY = "def forward(state_dict: Dict[str, Tensor], x: Tensor) -> Tensor:\n    return x{}\n"


class Echo(ProbeTest):
    """A model that gives its input back shows what the probe says of known values."""

    def echo(self, values, expected=None, suffix="", **sample):
        weights = self.save("w.pth", {"w.weight": torch.zeros(1)})
        source = self.text("arch.py", IDENTITY.format(suffix) + "    # reads `w.weight` never\n")
        sample = {"input": self.array("x.npy", values), **sample}
        if expected is not None:
            sample["output"] = self.array("expected.npy", expected)
        module = torch.jit.script(torch.nn.Identity())
        artifact = self.script("identity.pt", module) if not suffix else weights
        answer = self.run_probe(
            artifact,
            source if suffix else None,
            [INFER_SAMPLE],
            inputs=[models.declaration("x", str(values.dtype), values.shape)],
            samples=[sample],
        )
        self.assert_loaded(answer)
        facts = answer.one("experiment")
        self.assertEqual(facts["error"], "")
        [output] = facts["outputs"]
        return output

    def test_statistics(self):
        generator = numpy.random.default_rng(1)
        for dtype in ("float32", "float64", "float16", "int64", "int32", "int16", "int8", "uint8"):
            with self.subTest(dtype):
                values = (generator.normal(size=(7, 5, 9)) * 20).clip(0, 100).astype(dtype)
                output = self.echo(values)
                wide = values.astype("float64")
                self.assertEqual(output["dtype"], dtype)
                self.assertEqual(output["shape"], [7, 5, 9])
                self.assertEqual(output["elements"], 315)
                self.assertEqual((output["nan_count"], output["inf_count"]), (0, 0))
                self.assertEqual((output["min"], output["max"]), (wide.min(), wide.max()))
                self.assertTrue(math.isclose(output["mean"], wide.mean(), rel_tol=1e-12))
                self.assertEqual(output["first"], wide.flatten()[:64].tolist())
                self.assertEqual(output["top1"], values.reshape(35, 9).argmax(1).tolist())
                row = wide[0, 0]
                probability = 1 / numpy.exp(row - row.max()).sum()
                self.assertTrue(math.isclose(output["top1_probability"], probability, rel_tol=1e-12))
                self.assertEqual(output["sha256"], hashlib.sha256(values.tobytes()).hexdigest())

    def test_booleans(self):
        output = self.echo(numpy.array([[True, False, True]]))
        self.assertEqual((output["dtype"], output["first"], output["top1"]), ("bool", [1, 0, 1], [0]))

    def test_fortran_order_files(self):
        values = numpy.asfortranarray(numpy.arange(24, dtype="float32").reshape(2, 3, 4))
        self.assertEqual(self.echo(values)["first"], list(range(24)))

    def test_non_finite_outputs(self):
        values = numpy.array([[numpy.nan, 1, -numpy.inf, 4], [numpy.inf, 2, 3, numpy.nan]], dtype="float32")
        output = self.echo(values)
        self.assertEqual((output["nan_count"], output["inf_count"]), (2, 2))
        self.assertEqual((output["min"], output["max"], output["mean"]), (1, 4, 2.5))
        self.assertEqual(output["top1"], [3, 0])
        self.assertEqual(output["first"][2], "-Infinity")
        self.assertTrue(math.isnan(number(output["first"][0])))

    def test_comparison_is_numpys(self):
        generator = numpy.random.default_rng(2)
        actual = generator.normal(size=(6, 50)).astype("float32")
        expected = (actual + generator.normal(size=actual.shape) * 1e-3).astype("float32")
        rtol, atol = 2e-3, 1e-4
        facts = self.echo(actual, expected, rtol=rtol, atol=atol)["comparison"]
        a, b = actual.astype("float64"), expected.astype("float64")
        apart = numpy.abs(a - b)
        worst = numpy.unravel_index(apart.argmax(), apart.shape)
        beyond = (~numpy.isclose(a, b, rtol=rtol, atol=atol)).sum()
        self.assertGreater(beyond, 0)
        self.assertEqual(facts["beyond_tolerance"], beyond)
        self.assertEqual((facts["max_abs"], facts["worst_index"]), (apart.max(), list(worst)))
        self.assertTrue(math.isclose(facts["mean_abs"], apart.mean(), rel_tol=1e-12))
        self.assertEqual((facts["worst_actual"], facts["worst_expected"]), (a[worst], b[worst]))
        self.assertTrue(numpy.allclose(a, b, rtol=facts["passing_rtol"] * (1 + 1e-9), atol=atol))
        self.assertFalse(numpy.allclose(a, b, rtol=facts["passing_rtol"] * (1 - 1e-9), atol=atol))
        self.assertEqual((facts["rtol"], facts["atol"]), (rtol, atol))

    def test_comparison_with_nan_and_another_shape(self):
        actual = numpy.array([1, numpy.nan, numpy.inf], dtype="float32")
        same = self.echo(actual, actual)["comparison"]
        self.assertEqual((same["beyond_tolerance"], same["max_abs"]), (0, 0))
        other = self.echo(actual, numpy.array([1, 2, numpy.inf], dtype="float32"))["comparison"]
        self.assertEqual((other["beyond_tolerance"], other["max_abs"], other["passing_rtol"]), (1, "Infinity", "Infinity"))
        shape = self.echo(actual, actual.reshape(1, 3))["comparison"]
        self.assertEqual((shape["same_shape"], shape["expected_shape"]), (False, [1, 3]))

    def test_element_types_that_numpy_lacks(self):
        class Cast(torch.nn.Module):
            def forward(self, x):
                return x.to(torch.bfloat16), torch.complex(x, -x), torch.quantize_per_tensor(x, 0.5, 0, torch.qint8)

        x = torch.tensor([1.0, 2.5, -3.0, 0.1])
        answer = self.run_probe(
            self.script("cast.pt", torch.jit.script(Cast())),
            None,
            [INFER_SAMPLE],
            inputs=[models.declaration("x", "float32", [4])],
            samples=[self.sample_of([x], ["x"])],
        )
        narrow, imaginary, quantised = answer.one("experiment")["outputs"]
        self.assertEqual(narrow["first"], x.to(torch.bfloat16).double().tolist())
        self.assertEqual((imaginary["dtype"], imaginary["elements"], imaginary["first"]), ("complex64", 4, []))
        self.assertEqual(
            imaginary["sha256"], hashlib.sha256(torch.complex(x, -x).numpy().tobytes()).hexdigest()
        )
        self.assertEqual((quantised["dtype"], quantised["first"]), ("float32", [1, 2.5, -3, 0]))


class Inputs(ProbeTest):
    def infer(self, declarations, *experiments, **model):
        class Pass(torch.nn.Module):
            def forward(self, x):
                return x.clone()

        archive = self.script("pass.pt", torch.jit.script(Pass()))
        answer = self.run_probe(archive, None, experiments, inputs=declarations, **model)
        return [facts["outputs"][0] for facts in answer.all("experiment")]

    def test_noise_is_standard_normal_and_seeded(self):
        first, again, other = self.infer(
            [models.declaration("x", "float32", [100, 1000])],
            *({"kind": "infer", "seed": seed} for seed in (4, 4, 5)),
        )
        self.assertEqual(first["sha256"], again["sha256"])
        self.assertNotEqual(first["sha256"], other["sha256"])
        # five standard errors of 100,000 draws
        self.assertLess(abs(first["mean"]), 0.016)
        self.assertTrue(3.5 < first["max"] < 6.5 and -6.5 < first["min"] < -3.5)

    def test_integers_keep_to_their_range(self):
        [output] = self.infer(
            [{**models.declaration("ids", "int64", [5000]), "range": {"low": 10, "high": 14}}], {"kind": "infer"}
        )
        self.assertEqual((output["min"], output["max"]), (10, 13))
        self.assertEqual(set(output["first"]), {10, 11, 12, 13})

    def test_zeros_ones_and_axes(self):
        axes = {"batch": {"example": 3}, "time": {"example": 5, "range": [1, 9]}}
        zeros, ones = self.infer(
            [models.declaration("x", "float32", ["batch", "time", 2])],
            {"kind": "infer", "fill": "zeros"},
            {"kind": "infer", "fill": "ones", "axes": {"time": 9}},
            axes=axes,
        )
        self.assertEqual((zeros["shape"], zeros["min"], zeros["max"]), ([3, 5, 2], 0, 0))
        self.assertEqual((ones["shape"], ones["min"], ones["max"]), ([3, 9, 2], 1, 1))


class Times(ProbeTest):
    def setUp(self):
        super().setUp()
        self.case = models.cases()[1]
        self.artifact = self.save("model.pth", self.case.module.state_dict())
        self.source = self.text("arch.py", self.case.source)

    def test_latency_gives_one_time_for_each_call(self):
        answer = self.run_probe(
            self.artifact, self.source, [{"kind": "latency", "count": 17}], inputs=self.case.declarations()
        )
        facts = answer.one("experiment")
        self.assertEqual((facts["error"], len(facts["calls"]), facts["outputs"]), ("", 17, []))
        self.assertTrue(all(0 < call < 10 for call in facts["calls"]))
        self.assertLessEqual(sum(facts["calls"]), facts["took"])

    def test_a_cold_start(self):
        answer = self.run_probe(
            self.artifact, self.source, [{"kind": "infer"}], "cold-start", inputs=self.case.declarations()
        )
        facts = answer.one("cold-start")
        self.assertEqual([message["type"] for message in answer.messages], ["cold-start", "done"])
        for part in ("runtime_start", "load", "first"):
            self.assertTrue(0 < facts[part] < 60, part)
        self.assertEqual(facts["cached"], 1)
        # libtorch alone is larger than this
        self.assertTrue(50 << 20 < facts["peak_resident_bytes"] < 4 << 30)

    def test_a_cold_start_that_fails_says_why(self):
        answer = self.run_probe(
            self.artifact,
            self.text("bad.py", "nonsense"),
            [{"kind": "infer"}],
            "cold-start",
            inputs=self.case.declarations(),
        )
        self.assertEqual(answer.last, "refused")
        self.assertIn("loading stopped at `architecture`", answer.messages[-1]["facts"])

    def test_weights_that_are_nan_are_no_error_but_seen(self):
        state = dict(self.case.module.state_dict())
        state["head.bias"] = torch.full((5,), float("nan"))
        answer = self.run_probe(
            self.save("nan.pth", state), self.source, [{"kind": "infer"}], inputs=self.case.declarations()
        )
        self.assert_loaded(answer)
        [output] = answer.one("experiment")["outputs"]
        self.assertEqual(output["nan_count"], 10)
        self.assertEqual(output["top1"], [-1, -1])


if __name__ == "__main__":
    unittest.main()
