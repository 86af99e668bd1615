# SPDX-License-Identifier: Apache-2.0
"""The probe's outputs against those of Python's torch, for every way to load a model."""

import unittest
import zipfile

import torch
from safetensors.torch import save_file

import models
from support import EXAMPLE, INFER_SAMPLE, ProbeTest

FORMS = {
    "source": "state_dict in TorchScript source",
    "filled": "TorchScript archive filled by state_dict",
    "archive": "TorchScript archive",
}


class SameAnswers(ProbeTest):
    def check_case(self, case, artifact, architecture, form, atol=1e-6, **more):
        with torch.no_grad():
            expected = models.flatten(case.module(*case.inputs))
        answer = self.run_probe(
            artifact,
            architecture,
            [INFER_SAMPLE],
            inputs=case.declarations(),
            samples=[self.sample_of(case.inputs, case.names, expected[0][1])],
            **more,
        )
        self.assert_loaded(answer)
        witness = answer.one("witness")
        self.assertEqual(witness["form"], FORMS[form])
        self.assertEqual(witness["device"], "cpu")
        self.assertEqual(witness["version"], torch.__version__.split("+")[0])
        self.assertEqual(witness["architecture_unverified"], form != "archive")
        facts = answer.one("experiment")
        self.assert_outputs(facts, expected, atol)
        comparison = facts["outputs"][0]["comparison"]
        self.assertTrue(comparison["same_shape"])
        self.assertLessEqual(comparison["max_abs"], atol)
        return answer

    def test_archives(self):
        for case in models.cases():
            for how in (case.scripted, case.traced):
                with self.subTest(case.name, how=how.__name__):
                    archive = self.script("model.pt", how(case.module))
                    self.check_case(case, archive, None, "archive")

    def test_state_dict_with_source(self):
        for case in models.cases():
            with self.subTest(case.name):
                artifact = self.save("model.pth", {"model_state_dict": case.module.state_dict(), "epoch": 3})
                answer = self.check_case(case, artifact, self.text("arch.py", case.source), "source")
                keys = self.load_of(answer)["keys"]
                self.assertEqual(keys["state_dict"], "model_state_dict")
                counters = sum(key.endswith("num_batches_tracked") for key in case.module.state_dict())
                self.assertEqual(keys["matched"], len(case.module.state_dict()) - counters)

    def test_state_dict_fills_an_archive(self):
        for case in models.cases():
            for how in (case.scripted, case.traced):
                with self.subTest(case.name, how=how.__name__):
                    artifact = self.save("model.pth", case.module.state_dict())
                    architecture = self.script("arch.pt", how(case.other))
                    answer = self.check_case(case, artifact, architecture, "filled")
                    self.assertEqual(self.load_of(answer)["keys"]["matched"], len(case.module.state_dict()))

    def test_the_architecture_is_told_by_content_not_by_name(self):
        case = models.cases()[0]
        artifact = self.save("model.pth", case.module.state_dict())
        self.check_case(case, artifact, self.script("arch.py", case.scripted(case.other)), "filled")
        self.check_case(case, artifact, self.text("arch.pt", case.source), "source")

    def test_every_container(self):
        case = models.cases()[1]
        source = self.text("arch.py", case.source)
        state = case.module.state_dict()
        legacy = self.save("legacy.pth", state, _use_new_zipfile_serialization=False)
        self.check_case(case, legacy, source, "source")
        save_file(state, self.folder / "model.safetensors")
        self.check_case(case, self.folder / "model.safetensors", source, "source")
        plain = self.save("plain.pth", state)
        with zipfile.ZipFile(plain) as old, zipfile.ZipFile(
            self.folder / "deflated.pth", "w", zipfile.ZIP_DEFLATED
        ) as new:
            for info in old.infolist():
                new.writestr(info.filename, old.read(info))
        self.check_case(case, self.folder / "deflated.pth", source, "source")

    def test_the_state_dict_is_found_among_others(self):
        case = models.cases()[0]
        optimizer = torch.optim.Adam(case.module.parameters())
        case.module(*case.inputs).sum().backward()
        optimizer.step()
        artifact = self.save(
            "model.pth",
            {"optimizer_state_dict": optimizer.state_dict(), "model": case.module.state_dict()},
        )
        self.check_case(case, artifact, self.text("arch.py", case.source), "source")

    def test_the_state_dict_is_the_one_that_the_config_names(self):
        case = models.cases()[0]
        artifact = self.save("two.pth", {"a": case.other.state_dict(), "b": case.module.state_dict()})
        source = self.text("arch.py", case.source)
        self.check_case(case, artifact, source, "source", state_dict="b")

    def test_views_shared_storages_and_other_strides(self):
        case = models.cases()[0]
        state = {key: value.clone() for key, value in case.module.state_dict().items()}
        pool = torch.cat([value.flatten() for value in state.values()])
        offset, views = 0, {}
        for key, value in state.items():
            views[key] = pool[offset : offset + value.numel()].view(value.shape)
            offset += value.numel()
        views["first.weight"] = state["first.weight"].t().contiguous().t()
        self.assertFalse(views["first.weight"].is_contiguous())
        source = self.text("arch.py", case.source)
        self.check_case(case, self.save("views.pth", views), source, "source")
        architecture = self.script("arch.pt", case.scripted(case.other))
        self.check_case(case, self.save("views.pth", views), architecture, "filled")

    def test_parameters_saved_as_parameters(self):
        case = models.cases()[0]
        artifact = self.save("model.pth", dict(case.module.named_parameters()))
        self.check_case(case, artifact, self.text("arch.py", case.source), "source")

    def test_half_weights_in_source_take_the_type_of_the_inputs_as_load_state_dict_does(self):
        case = models.cases()[0]
        halves = {key: value.half() for key, value in case.module.state_dict().items()}
        module = type(case.module)().eval()
        module.load_state_dict(halves)
        answer = self.run_probe(
            self.save("half.pth", halves),
            self.text("arch.py", case.source),
            [INFER_SAMPLE],
            inputs=case.declarations(),
            samples=[self.sample_of(case.inputs, case.names)],
        )
        self.assert_loaded(answer)
        self.assert_outputs(answer.one("experiment"), [("output[0]", module(*case.inputs))])

    def test_half_weights_fill_a_float_archive_as_load_state_dict_does(self):
        case = models.cases()[0]
        half = {key: value.half() for key, value in case.module.state_dict().items()}
        case.module.load_state_dict(half)
        artifact = self.save("half.pth", half)
        self.check_case(case, artifact, self.script("arch.pt", case.scripted(case.other)), "filled")

    def test_element_types_reach_the_source_as_they_are(self):
        # where no floating-point input says what type the module has
        for dtype in (torch.float64, torch.float16, torch.bfloat16, torch.int64, torch.uint8, torch.bool):
            with self.subTest(dtype):
                weight = torch.tensor([[1, 0, 1], [0, 1, 1]]).to(dtype)
                artifact = self.save("w.pth", {"w.weight": weight})
                source = self.text(
                    "arch.py",
                    "def forward(state_dict: Dict[str, Tensor], x: Tensor) -> Tensor:\n"
                    '    return state_dict["w.weight"].clone()\n',
                )
                answer = self.run_probe(
                    artifact,
                    source,
                    [{"kind": "infer"}],
                    state_dict="",
                    inputs=[models.declaration("x", "int64", [1])],
                )
                self.assert_loaded(answer)
                self.assert_outputs(answer.one("experiment"), [("output[0]", weight)], 0)

    def test_conjugate_and_negative_weights(self):
        # What shows a conjugate's imaginary part has its sign still to be turned.
        values, others = torch.randn(2, 2, 3, dtype=torch.complex64)
        state = {"w.conj": values.clone().conj(), "w.imag": others.clone().conj().imag}
        self.assertTrue(state["w.conj"].is_conj() and state["w.imag"].is_neg())
        source = self.text(
            "arch.py",
            "def forward(state_dict: Dict[str, Tensor], x: Tensor) -> Tensor:\n"
            '    return torch.view_as_real(state_dict["w.conj"].resolve_conj()).sum(2) + state_dict["w.imag"]\n',
        )
        answer = self.run_probe(
            self.save("w.pth", state),
            source,
            [{"kind": "infer"}],
            state_dict="",
            inputs=[models.declaration("x", "int64", [1])],
        )
        self.assert_loaded(answer)
        expected = torch.view_as_real(state["w.conj"].resolve_conj()).sum(2) + state["w.imag"]
        self.assert_outputs(answer.one("experiment"), [("output[0]", expected)])

    def test_a_quantised_weight(self):
        values = torch.randn(4, 3)
        for quantised in (
            torch.quantize_per_tensor(values, 0.05, 3, torch.qint8),
            torch.quantize_per_channel(values, torch.rand(4) + 0.1, torch.arange(4), 0, torch.quint8),
        ):
            with self.subTest(quantised.qscheme()):
                artifact = self.save("q.pth", {"fc.weight": quantised})
                source = self.text(
                    "arch.py",
                    "def forward(state_dict: Dict[str, Tensor], x: Tensor) -> Tensor:\n"
                    '    return state_dict["fc.weight"].dequantize()\n',
                )
                answer = self.run_probe(
                    artifact, source, [{"kind": "infer"}], inputs=[models.declaration("x", "float32", [1])]
                )
                self.assert_loaded(answer)
                self.assert_outputs(answer.one("experiment"), [("output[0]", quantised.dequantize())])

    def test_a_tensor_at_an_odd_address(self):
        weight = torch.arange(6, dtype=torch.float64)
        header = b'{"w.weight":{"dtype":"F64","shape":[6],"data_offsets":[0,48]}}'
        header += b" " * (3 - len(header) % 8 if len(header) % 8 < 3 else 11 - len(header) % 8)
        self.assertEqual(len(header) % 8, 3)
        path = self.folder / "odd.safetensors"
        path.write_bytes(len(header).to_bytes(8, "little") + header + weight.numpy().tobytes())
        source = self.text(
            "arch.py",
            "def forward(state_dict: Dict[str, Tensor], x: Tensor) -> Tensor:\n"
            '    return state_dict["w.weight"] * 2\n',
        )
        answer = self.run_probe(
            path, source, [{"kind": "infer"}], inputs=[models.declaration("x", "float64", [1])]
        )
        self.assert_loaded(answer)
        self.assert_outputs(answer.one("experiment"), [("output[0]", weight * 2)])

    def test_the_example_service(self):
        answer = self.run_probe(
            EXAMPLE / "models/cnn_bilstm_attention_model.pth",
            EXAMPLE / "architectures/cnn_bilstm_attention.py",
            [INFER_SAMPLE, {**INFER_SAMPLE, "sample": 1}],
            state_dict="model_state_dict",
            inputs=[models.declaration("frames", "float32", ["batch", "time", 147])],
            axes={"batch": {"example": 1, "range": [1, 8]}, "time": {"example": 300, "range": [1, 500]}},
            samples=[
                {"input": f"{EXAMPLE}/samples/{word}.npy", "output": f"{EXAMPLE}/samples/{word}.out.npy"}
                for word in ("hello", "thanks")
            ],
        )
        self.assert_loaded(answer)
        for facts in answer.all("experiment"):
            comparison = facts["outputs"][0]["comparison"]
            self.assertLessEqual(comparison["max_abs"], 1e-5)
            self.assertEqual(comparison["beyond_tolerance"], 0)


class Behaviour(ProbeTest):
    def test_nobody_calls_eval(self):
        class Dropped(torch.nn.Module):
            def forward(self, x):
                return torch.nn.functional.dropout(x, 0.5, self.training)

        for training in (True, False):
            archive = self.script("model.pt", torch.jit.script(Dropped().train(training)))
            answer = self.run_probe(
                archive,
                None,
                [{"kind": "infer", "fill": "ones"}] * 2,
                inputs=[models.declaration("x", "float32", [64])],
            )
            first, second = (facts["outputs"][0]["sha256"] for facts in answer.all("experiment"))
            self.assertEqual(first != second, training)

    def test_a_model_that_changes_its_weights_changes_only_its_own_copy(self):
        artifact = self.save("w.pth", {"w.weight": torch.zeros(3)})
        before = artifact.read_bytes()
        source = self.text(
            "arch.py",
            "def forward(state_dict: Dict[str, Tensor], x: Tensor) -> Tensor:\n"
            '    return state_dict["w.weight"].add_(1.0).clone()\n',
        )
        answer = self.run_probe(
            artifact, source, [{"kind": "infer"}] * 2, inputs=[models.declaration("x", "float32", [1])]
        )
        # the first answer is that of the call that matched keys
        self.assertEqual([facts["outputs"][0]["max"] for facts in answer.all("experiment")], [1, 2])
        self.assertEqual(artifact.read_bytes(), before)

    def test_inputs_in_a_dict_or_a_list(self):
        for kind, index in (("Dict[str, Tensor]", '"b"'), ("List[Tensor]", "1")):
            with self.subTest(kind):
                source = self.text(
                    "arch.py",
                    f"def forward(state_dict: Dict[str, Tensor], x: {kind}) -> Tensor:\n"
                    f'    return x[{index}] * state_dict["w.weight"]\n',
                )
                answer = self.run_probe(
                    self.save("w.pth", {"w.weight": torch.full([2], 3.0)}),
                    source,
                    [{"kind": "infer", "fill": "ones"}],
                    inputs=[models.declaration("a", "int64", [1]), models.declaration("b", "float32", [2])],
                )
                self.assert_loaded(answer)
                self.assertEqual(answer.one("experiment")["outputs"][0]["first"], [3, 3])

    def test_named_tuples_numbers_and_text(self):
        source = self.text(
            "arch.py",
            "def forward(state_dict: Dict[str, Tensor], x: Tensor) -> Tuple[int, str, float, Optional[Tensor]]:\n"
            '    return x.size(0), "text", state_dict["w.weight"].item(), None\n',
        )
        answer = self.run_probe(
            self.save("w.pth", {"w.weight": torch.tensor(2.5)}),
            source,
            [{"kind": "infer"}],
            inputs=[models.declaration("x", "float32", [4])],
        )
        self.assert_loaded(answer)
        outputs = answer.one("experiment")["outputs"]
        self.assertEqual(
            [(output["name"], output["dtype"], output["shape"], output["first"]) for output in outputs],
            [("output[0]", "int64", [], [4]), ("output[2]", "float64", [], [2.5])],
        )


if __name__ == "__main__":
    unittest.main()
