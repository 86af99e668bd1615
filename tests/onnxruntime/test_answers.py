# SPDX-License-Identifier: Apache-2.0
"""What the probe answers, against Python's onnxruntime on the same input."""

import os
import shutil
import tempfile
import unittest
from pathlib import Path

import numpy
import onnxruntime
import torch
from onnx import TensorProto, helper

import models
import probe

PROGRAM = os.environ["RUNUP_PROBE_ONNXRUNTIME"]
ENVIRONMENT = {"PATH": os.environ["PATH"]}


class OnnxTest(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="runup-onnx-"))
        self.addCleanup(shutil.rmtree, self.folder)

    def ask(self, path, feeds, experiments=({"kind": "infer", "fill": "sample"},), **model):
        files = {}
        for name, array in feeds.items():
            files[name] = str(self.folder / f"{name}.npy")
            numpy.save(files[name], array)
        declared = [
            {"name": name, "dtype": str(array.dtype), "shape": list(array.shape)}
            for name, array in feeds.items()
        ]
        model = {"inputs": declared, "samples": [{"inputs": files}], **model}
        answer = probe.run(PROGRAM, path, model, experiments, environment=ENVIRONMENT)
        self.assertEqual(answer.last, "done", answer.stderr)
        self.assertEqual(answer.stderr, "", "nothing of ONNX Runtime's own chatter comes through")
        return answer

    def assert_same(self, path, feeds):
        """The probe's outputs are those of Python's onnxruntime."""
        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        expected = session.run(None, feeds)
        answer = self.ask(path, feeds)
        load = answer.one("load")
        self.assertEqual((load["stage"], load["error"]), ("done", ""))
        facts = answer.one("experiment")
        self.assertEqual(facts["error"], "")
        self.assertEqual(
            [output["name"] for output in facts["outputs"]], [value.name for value in session.get_outputs()]
        )
        for output, array in zip(facts["outputs"], expected):
            self.assertEqual(output["shape"], list(array.shape))
            self.assertEqual(output["dtype"], str(array.dtype))
            if array.dtype != object:
                numpy.testing.assert_allclose(
                    [probe.number(value) for value in output["first"]],
                    array.astype(numpy.float64).flatten()[:64],
                    rtol=0,
                    atol=1e-6,
                )
        return answer


class RealExports(OnnxTest):
    def noise(self, *shape, dtype=numpy.float32):
        return numpy.random.default_rng(3).standard_normal(shape).astype(dtype)

    def test_dynamic(self):
        path = models.example(self.folder)
        for batch, time in ((1, 1), (2, 60), (3, 17), (8, 500)):
            with self.subTest(batch=batch, time=time):
                self.assert_same(path, {"frames": self.noise(batch, time, 147)})

    def test_static(self):
        path = models.example(self.folder, dynamic_axes=None)
        self.assert_same(path, {"frames": self.noise(2, 60, 147)})
        words = self.ask(path, {"frames": self.noise(1, 60, 147)}).one("experiment")["error"]
        self.assertIn("Got invalid dimensions for input: frames", words)
        self.assertIn("Got: 1 Expected: 2", words)

    def test_length_baked_by_the_trace(self):
        path = models.example(self.folder, traceable=False)
        self.assert_same(path, {"frames": self.noise(2, 60, 147)})
        words = self.ask(path, {"frames": self.noise(2, 30, 147)}).one("experiment")["error"]
        self.assertIn("cannot be reshaped", words)
        self.assertIn("in a `Reshape` node (`/attention/Reshape", words)

    def test_training_mode(self):
        # Its dropout repeats itself in ONNX Runtime, so only the graph tells: see onnx-graph's facts.
        path = models.example(
            self.folder, training=torch.onnx.TrainingMode.TRAINING, do_constant_folding=False
        )
        self.assert_same(path, {"frames": self.noise(2, 60, 147)})

    def test_float64(self):
        # ONNX Runtime has no convolution of float64 on the CPU.
        load = self.ask(
            models.example(self.folder, double=True), {"frames": self.noise(1, 30, 147, dtype=numpy.float64)}
        ).one("load")
        self.assertTrue(load["unsupported"])
        self.assertIn("Could not find an implementation for Conv", load["error"])
        path = models.export(
            self.folder, torch.nn.Linear(8, 4).double(), (torch.zeros(1, 8).double(),), input_names=["x"]
        )
        self.assert_same(path, {"x": self.noise(1, 8, dtype=numpy.float64)})
        words = self.ask(path, {"x": self.noise(1, 8)}).one("experiment")["error"]
        self.assertIn("Unexpected input data type", words)

    def test_external_data(self):
        path = models.with_external_data(self.folder)
        self.assert_same(path, {"x": self.noise(3, 64)})
        (self.folder / "weights.bin").unlink()
        load = self.ask(path, {"x": self.noise(3, 64)}).one("load")
        self.assertEqual(load["stage"], "artifact")
        self.assertFalse(load["unsupported"])
        self.assertIn("No such file or directory", load["error"])

    def test_half(self):
        model = torch.nn.Linear(8, 4).half()
        path = models.export(self.folder, model, (torch.zeros(1, 8, dtype=torch.half),))
        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        self.assert_same(path, {session.get_inputs()[0].name: self.noise(1, 8, dtype=numpy.float16)})

    def test_several_inputs_and_outputs(self):
        class Two(torch.nn.Module):
            def forward(self, ids, mask):
                return ids * mask, (ids + 1).float()

        ids = torch.arange(6).reshape(2, 3)
        path = models.export(self.folder, Two(), (ids, torch.ones_like(ids)), input_names=["ids", "mask"])
        # In another order than the graph's.
        self.assert_same(path, {"mask": numpy.ones((2, 3), numpy.int64), "ids": ids.numpy()})


class ByHand(OnnxTest):
    def test_sequences_maps_and_texts(self):
        nodes = [
            helper.make_node("SequenceConstruct", ["x", "x"], ["pair"]),
            helper.make_node("LabelEncoder", ["i"], ["names"], domain="ai.onnx.ml",
                             keys_int64s=[0, 1], values_strings=["no", "ja"]),
        ]
        value = helper.make_tensor_value_info
        graph = helper.make_graph(
            nodes, "g",
            [value("x", TensorProto.FLOAT, [2]), value("i", TensorProto.INT64, [2])],
            [helper.make_tensor_sequence_value_info("pair", TensorProto.FLOAT, None),
             value("names", TensorProto.STRING, [2])],
        )
        model = helper.make_model(
            graph, ir_version=8, opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 2)]
        )
        path = self.folder / "m.onnx"
        path.write_bytes(model.SerializeToString())
        feeds = {"x": numpy.array([1, 2], numpy.float32), "i": numpy.array([1, 0])}
        outputs = self.ask(path, feeds).one("experiment")["outputs"]
        self.assertEqual([output["name"] for output in outputs], ["pair[0]", "pair[1]", "names"])
        self.assertEqual(outputs[2]["dtype"], "string")
        self.assertEqual(outputs[2]["shape"], [2])

    def test_an_input_name_that_the_graph_has_not_is_fed_in_order(self):
        path = models.relu(self.folder)
        answer = self.ask(path, {"frames": numpy.array([[-1, 2, -3, 4]], numpy.float32)})
        self.assertEqual(answer.one("experiment")["outputs"][0]["first"], [0, 2, 0, 4])
        self.assertEqual([value["name"] for value in answer.one("load")["inputs"]], ["x"])

    def test_what_is_declared_is_read_back(self):
        load = self.ask(models.relu(self.folder), {"x": numpy.zeros((1, 4), numpy.float32)}).one("load")
        self.assertEqual(load["inputs"], [{"name": "x", "dtype": "float32", "shape": [-1, 4]}])
        self.assertEqual(load["providers_asked"], ["CPUExecutionProvider"])
        self.assertEqual(load["providers"], ["CPUExecutionProvider"])

    def test_outputs_that_are_asked_for_are_kept(self):
        asked = {"kind": "infer", "fill": "ones"}
        model = {"inputs": [{"name": "x", "dtype": "float32", "shape": [2, 4]}]}
        with tempfile.TemporaryFile() as store:
            answer = probe.run(
                PROGRAM, models.relu(self.folder), model, [asked], environment=ENVIRONMENT,
                keep=[asked], store=store.fileno(),
            )
            output = answer.one("experiment")["outputs"][0]
            store.seek(output["kept_at"])
            numpy.testing.assert_array_equal(
                numpy.frombuffer(store.read(), numpy.float32), numpy.ones(8, numpy.float32)
            )


class Refusals(OnnxTest):
    X = {"x": numpy.zeros((1, 4), numpy.float32)}

    def load_of(self, path):
        load = self.ask(path, self.X).one("load")
        self.assertEqual(load["stage"], "artifact")
        return load

    def test_what_another_release_may_know_is_unsupported(self):
        for name, options, words in (
            ("ir", {"ir_version": 99}, "Unsupported model IR version: 99"),
            ("opset", {"opset": 99}, "Opset 99 is under development"),
        ):
            with self.subTest(name):
                load = self.load_of(models.relu(self.folder, **options))
                self.assertTrue(load["unsupported"])
                self.assertIn(words, load["error"])

    def test_a_custom_operator_is_unsupported(self):
        value = ("x", TensorProto.FLOAT, [1, 4]), ("y", TensorProto.FLOAT, [1, 4])
        node = helper.make_node("Foo", ["x"], ["y"], domain="my.ops")
        load = self.load_of(models.graph(self.folder, [node], value[:1], value[1:], domains=["my.ops"]))
        self.assertTrue(load["unsupported"])
        self.assertIn("my.ops:Foo", load["error"])

    def test_damage_is_the_models_fault(self):
        whole = models.relu(self.folder).read_bytes()
        for name, content in (("cut", whole[:-9]), ("garbage", b"\x08\x08garbage")):
            with self.subTest(name):
                path = self.folder / "bad.onnx"
                path.write_bytes(content)
                load = self.load_of(path)
                self.assertFalse(load["unsupported"])
                self.assertIn("Protobuf parsing failed", load["error"])

    def test_a_device_that_is_not_there(self):
        load = self.ask(models.relu(self.folder), self.X, device="cuda").one("load")
        self.assertEqual(load["stage"], "device")
        self.assertIn("built without CUDA", load["error"])
        self.assertEqual(load["providers_asked"], ["CUDAExecutionProvider", "CPUExecutionProvider"])


class Libraries(OnnxTest):
    def with_library(self, library):
        model = {"inputs": [{"name": "x", "dtype": "float32", "shape": [1, 4]}]}
        return probe.run(
            PROGRAM, models.relu(self.folder), model, [{"kind": "infer", "fill": "ones"}],
            environment=ENVIRONMENT, library=str(library),
        )

    def test_the_one_that_is_named_is_used(self):
        capi = Path(onnxruntime.__file__).parent / "capi"
        named = next(capi.glob("libonnxruntime.so.*"))
        copy = self.folder / "libmine.so"
        shutil.copy(named.resolve(), copy)
        answer = self.with_library(copy)
        self.assertEqual(answer.last, "done", answer.messages)
        self.assertTrue(answer.one("witness")["version"].startswith(onnxruntime.__version__))

    def test_what_is_wrong_with_one_is_said(self):
        text = self.folder / "text.so"
        text.write_text("no library", encoding="utf-8")
        for library, words in (
            (self.folder / "absent.so", "cannot be loaded"),
            (text, "cannot be loaded"),
            ("libc.so.6", "exports no `OrtGetApiBase`"),
            
        ):
            with self.subTest(str(library)):
                answer = self.with_library(library)
                self.assertEqual(answer.last, "refused")
                self.assertIn(words, answer.messages[-1]["facts"])


if __name__ == "__main__":
    unittest.main()
