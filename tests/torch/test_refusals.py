# SPDX-License-Identifier: Apache-2.0
"""What cannot be loaded or run: where it stops, in which words, and that the probe survives it."""

import json
import struct
import unittest
import zipfile
import random

import torch

import models
import probe
from support import ENVIRONMENT, INFER_SAMPLE, PROGRAM, ProbeTest


def forward(*body):
    return "def forward(state_dict: Dict[str, Tensor], x: Tensor) -> Tensor:\n" + "".join(
        f"    {line}\n" for line in body
    )


class Loading(ProbeTest):
    def setUp(self):
        super().setUp()
        self.case = models.cases()[0]

    def stops_at(self, stage, words, artifact, architecture=None, **model):
        answer = self.run_probe(
            artifact, architecture, [{"kind": "infer"}], inputs=self.case.declarations(), **model
        )
        load = self.load_of(answer)
        self.assertEqual(load["stage"], stage, load)
        self.assertIn(words, load["error"])
        self.assertNotIn("frame #", load["error"])
        self.assertNotIn("\n", load["error"])
        self.assertEqual(answer.all("experiment"), [])
        return load

    def weights(self):
        return self.save("model.pth", self.case.module.state_dict())

    def source(self):
        return self.text("arch.py", self.case.source)

    @unittest.skipIf(torch.cuda.is_available(), "this host has CUDA")
    def test_cuda_that_is_not_there(self):
        archive = self.script("model.pt", self.case.scripted(self.case.module))
        filled = self.script("arch.pt", self.case.scripted(self.case.other))
        for device in ("cuda", "cuda:1", "mps"):
            for artifact, architecture in ((archive, None), (self.weights(), self.source()), (self.weights(), filled)):
                with self.subTest(device, artifact=artifact.name):
                    load = self.stops_at(
                        "device", f"device `{device}` is not there", artifact, architecture, device=device
                    )
                    self.assertEqual(load["devices"], ["cpu"])

    def test_a_device_that_does_not_exist(self):
        self.stops_at("device", "`gpu` is no device", self.weights(), self.source(), device="gpu")

    def test_a_state_dict_without_an_architecture(self):
        self.stops_at("architecture", "`architecture:` is not given", self.weights())

    def test_architectures_that_cannot_be_read(self):
        self.stops_at("architecture", "cannot open", self.weights(), self.folder / "absent.py")
        self.stops_at("architecture", "folder", self.weights(), self.folder)
        (self.folder / "binary").write_bytes(b"\x00\x01\x02")
        self.stops_at("architecture", "neither TorchScript source", self.weights(), self.folder / "binary")
        (self.folder / "zip").write_bytes(b"PK\x03\x04 and nothing more")
        self.stops_at("architecture", "PytorchStreamReader", self.weights(), self.folder / "zip")
        self.stops_at("architecture", "", self.weights(), self.weights())

    def test_source_that_does_not_compile(self):
        for source, words in (
            (forward("return torch.no_such_operator(x)"), "(line 2)"),
            (forward("return y"), "undefined value y, in `return y` (line 2)"),
            (forward("return x +"), "expected ident"),
            (forward("return torch.relu(x, 1, 2)"), "Arguments for call are not valid"),
            ("import torch\n" + forward("return x"), "found 'import', in `import torch` (line 1)"),
            ("class A:\n    pass\n", "found 'class'"),
            ("", "defines no function `forward`"),
            ("def other(x: Tensor) -> Tensor:\n    return x\n", "defines no function `forward`"),
            ("def forward(x: Tensor) -> Tensor:\n    return x\n", "Dict[str, Tensor]"),
            (forward("return x") + forward("return x"), "forward"),
            ("\xff\xfe" * 10, ""),
        ):
            with self.subTest(source[:60]):
                self.stops_at("architecture", words, self.weights(), self.text("bad.py", source))

    def test_source_without_a_last_newline(self):
        answer = self.run_probe(
            self.weights(), self.text("arch.py", self.case.source.rstrip()), inputs=self.case.declarations()
        )
        self.assert_loaded(answer)

    def test_no_single_state_dict(self):
        two = self.save("two.pth", {"a": self.case.module.state_dict(), "b": self.case.other.state_dict()})
        self.stops_at("state-dict", "`state_dict:` must name one", two, self.source())
        self.stops_at("state-dict", "no key `c`", two, self.source(), state_dict="c")

    def test_files_that_are_no_model(self):
        whole = self.weights().read_bytes()
        for name, content in (
            ("empty", b""),
            ("text", b"hello\n" * 20),
            ("html", b"<!DOCTYPE html><html></html>"),
            ("pointer", b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 9\n"),
            ("truncated", whole[: len(whole) * 2 // 3]),
        ):
            with self.subTest(name):
                path = self.folder / name
                path.write_bytes(content)
                self.stops_at("artifact", "", path, self.source())

    def test_a_damaged_torchscript_archive(self):
        whole = self.script("model.pt", self.case.scripted(self.case.module)).read_bytes()
        broken = self.folder / "broken.pt"
        generator = random.Random(5)
        for _ in range(25):
            damaged = bytearray(whole)
            for _ in range(generator.randrange(1, 20)):
                damaged[generator.randrange(len(damaged))] = generator.randrange(256)
            broken.write_bytes(damaged[: generator.randrange(len(damaged) // 2, len(damaged) + 1)])
            # Damage in a weight's bytes may load; all that counts is that the probe survives and says so.
            answer = self.run_probe(broken, None, [{"kind": "infer"}], inputs=self.case.declarations())
            self.assertEqual(answer.last, "done")

    def test_sparse_and_meta_tensors(self):
        state = dict(self.case.module.state_dict())
        sparse = self.save("sparse.pth", {**state, "first.weight": state["first.weight"].to_sparse()})
        self.stops_at("state-dict", "`first.weight` is `sparse_coo`", sparse, self.source())
        meta = self.save("meta.pth", {**state, "first.weight": state["first.weight"].to("meta")})
        self.stops_at("state-dict", "`first.weight`", meta, self.source())
        # Limits of the probe, which say nothing of the model.
        for path in (sparse, meta):
            load = self.load_of(self.run_probe(path, self.source()))
            self.assertTrue(load["unsupported"])

    def test_a_quantised_state_dict(self):
        quantised = torch.ao.quantization.quantize_dynamic(self.case.module, {torch.nn.Linear})
        path = self.save("quantised.pth", quantised.state_dict())
        self.stops_at("state-dict", "entries of the state_dict are no tensors", path, self.source())
        self.assertTrue(self.load_of(self.run_probe(path, self.source()))["unsupported"])

    def test_what_this_libtorch_lacks(self):
        library = torch.library.Library("runup_test", "DEF")
        self.addCleanup(library._destroy)
        library.define("twice(Tensor x) -> Tensor")
        library.impl("twice", lambda x: x * 2, "CompositeExplicitAutograd")

        class Custom(torch.nn.Module):
            def forward(self, x):
                return torch.ops.runup_test.twice(x)

        custom = self.script("custom.pt", torch.jit.script(Custom()))
        newer = self.folder / "newer.pt"
        with zipfile.ZipFile(self.script("model.pt", self.case.scripted(self.case.module))) as old:
            with zipfile.ZipFile(newer, "w") as new:
                for item in old.infolist():
                    new.writestr(item, b"11\n" if item.filename.endswith("/version") else old.read(item))
        for path, words in (
            (custom, "Unknown builtin op: runup_test::twice, in `return ops.runup_test.twice(x)`"),
            (newer, "Attempted to read a PyTorch file with version 11"),
        ):
            load = self.load_of(self.run_probe(path, None))
            self.assertEqual((load["stage"], load["unsupported"]), ("artifact", True))
            self.assertTrue(load["error"].startswith(words), load["error"])

    def test_an_archive_without_forward(self):
        class Silent(torch.nn.Module):
            @torch.jit.export
            def answer(self, x: torch.Tensor):
                return x

        archive = self.script("model.pt", torch.jit.script(Silent()))
        self.stops_at("artifact", "no method `forward`", archive)


class Experiments(ProbeTest):
    """Every refusal is the error of its own experiment; the next one is answered."""

    def setUp(self):
        super().setUp()
        self.case = models.cases()[0]
        self.archive = self.script("model.pt", self.case.scripted(self.case.module))
        self.inputs = [models.declaration("x", "float32", ["batch", 6])]
        self.axes = {"batch": {"example": 2, "range": [1, 8]}}

    def errors(self, *experiments, **model):
        model = {"inputs": self.inputs, "axes": self.axes, **model}
        answer = self.run_probe(self.archive, None, [*experiments, {"kind": "infer"}], **model)
        facts = answer.all("experiment")
        self.assertEqual(len(facts), len(experiments) + 1)
        self.assertEqual([item["asked"]["kind"] for item in facts[:-1]], [item["kind"] for item in experiments])
        if model["inputs"] == self.inputs:
            self.assertEqual(facts[-1]["error"], "")
        return [item["error"] for item in facts[:-1]]

    def test_a_wrong_shape_is_refused_in_libtorchs_words(self):
        [error] = self.errors({"kind": "infer"}, inputs=[models.declaration("x", "float32", [2, 7])])
        self.assertIn("mat1 and mat2 shapes cannot be multiplied (2x7 and 6x8)", error)
        self.assertRegex(error, r", in `return F.linear\(input, self.weight, self.bias\)` \(.*linear.py line \d+\)$")

    def test_a_wrong_element_type(self):
        [error] = self.errors({"kind": "infer"}, inputs=[models.declaration("x", "int64", [2, 6])])
        self.assertIn("dtype", error)

    def test_too_many_and_too_few_inputs(self):
        one = self.inputs[0]
        [error] = self.errors({"kind": "infer"}, inputs=[one, one])
        self.assertIn("Expected at most 2 argument(s)", error)
        [error] = self.errors({"kind": "infer"}, inputs=[])
        self.assertIn("declares no `inputs:`", error)

    def test_questions_that_make_no_sense(self):
        errors = self.errors(
            {"kind": "infer", "axes": {"batch": -3}},
            {"kind": "infer", "axes": {"batch": 2**62}},
            {"kind": "infer", "axes": {"bach": 1}},
            {"kind": "infer", "fill": "sample", "sample": 7},
            {"kind": "latency", "count": 10**12},
            {"kind": "cold-start", "count": 3},
        )
        for error, words in zip(errors, ("negative", "larger than", "`bach`", "sample 7", "at most", "of its own")):
            self.assertIn(words, error)

    def test_samples_that_cannot_be_used(self):
        good = self.array("good.npy", torch.zeros(2, 6).numpy())
        wide = self.array("wide.npy", torch.zeros(2, 7).numpy())
        double = self.array("double.npy", torch.full((2, 6), 0.1, dtype=torch.float64).numpy())
        pickle = self.folder / "pickle.npy"
        torch.save({}, pickle)
        samples = [
            {"input": str(self.folder / "absent.npy")},
            {"input": wide},
            {"input": double},
            {"input": str(pickle)},
            {"input": good, "output": str(self.folder / "absent.npy")},
        ]
        errors = self.errors(
            *({**INFER_SAMPLE, "sample": index} for index in range(len(samples))), samples=samples
        )
        expected = ("cannot open", "declares 6", "cannot hold exactly", "is no .npy file", "cannot open")
        for error, words in zip(errors, expected):
            self.assertIn(words, error)

    def test_a_model_that_returns_no_tensor(self):
        class Text(torch.nn.Module):
            def forward(self, x: torch.Tensor):
                return "hello"

        archive = self.script("text.pt", torch.jit.script(Text()))
        answer = self.run_probe(archive, None, [{"kind": "infer"}], inputs=self.inputs, axes=self.axes)
        self.assertIn("returned `String` without a tensor", answer.one("experiment")["error"])


class Protocol(ProbeTest):
    """Garbage gives an exit status and, where a request was read, the word `refused`."""

    def setUp(self):
        super().setUp()
        self.archive = self.script("model.pt", torch.jit.script(models.Mlp()))

    def raw(self, payload):
        answer = probe.run_raw(PROGRAM, self.archive, payload, ENVIRONMENT)
        self.assertGreaterEqual(answer.status, 0, answer.stderr)
        return answer

    def test_bytes_that_are_no_request(self):
        generator = random.Random(11)
        for payload in (
            b"",
            b"\x01",
            struct.pack("<I", 10) + b"short",
            struct.pack("<I", 0),
            struct.pack("<I", 0xFFFFFFFF),
            probe.frame(b"not json"),
            probe.frame(b"\xff\xfe\xfd"),
            probe.frame(b"[" * 100_000),
            generator.randbytes(100),
        ):
            with self.subTest(payload[:20]):
                answer = self.raw(payload)
                self.assertTrue(answer.status != 0 or answer.last == "refused", answer.messages)

    def test_requests_that_are_no_runtime_request(self):
        good = probe.request({"path": "x"}, [])
        for change in (
            {"protocol": 2},
            {"mode": "dance"},
            {"model": {}},
            {"model": {"path": "x", "inputs": [{"name": "x"}]}},
            {"model": {"path": "x", "axes": {"batch": {}}}},
            {"experiments": [{"kind": "dance"}]},
            {"experiments": 3},
            {"mode": "cold-start"},
        ):
            with self.subTest(json.dumps(change)):
                answer = self.raw(probe.frame({**good, **change}))
                self.assertEqual(answer.last, "refused", answer.messages)
                self.assertNotEqual(answer.messages[-1]["facts"], "")

    def test_an_artifact_that_is_no_file(self):
        answer = probe.run_raw(
            PROGRAM, self.folder, probe.frame(probe.request({"path": str(self.folder)}, [])), ENVIRONMENT
        )
        self.assertEqual(answer.last, "refused")
        self.assertIn("folder", answer.messages[-1]["facts"])

    def test_a_caller_that_goes_away(self):
        answer = self.raw(probe.frame(probe.request({"path": "x"}, []))[:-1])
        self.assertNotEqual(answer.status, 0)


if __name__ == "__main__":
    unittest.main()
