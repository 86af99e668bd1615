# SPDX-License-Identifier: Apache-2.0
"""How the keys of a state_dict are matched with an architecture, in both forms of it."""

import unittest

import torch

import models
from support import INFER_SAMPLE, ProbeTest

INFER = [{"kind": "infer"}]


class Keys(ProbeTest):
    def setUp(self):
        super().setUp()
        self.case = models.cases()[1]
        self.state = dict(self.case.module.state_dict())

    def architectures(self):
        yield "source", self.text("arch.py", self.case.source)
        yield "scripted", self.script("scripted.pt", self.case.scripted(self.case.other))
        yield "traced", self.script("traced.pt", self.case.traced(self.case.other))

    def match(self, state, architecture):
        answer = self.run_probe(
            self.save("model.pth", {"model": state}),
            architecture,
            INFER,
            state_dict="model",
            inputs=self.case.declarations(),
        )
        load = self.load_of(answer)
        fits = not (load["keys"]["missing"] or load["keys"]["unexpected"] or load["keys"]["misshapen"])
        if not fits:
            # An inference with these weights would be a lie.
            self.assertEqual(load["stage"], "state-dict")
            self.assertNotEqual(load["error"], "")
        self.assertEqual(len(answer.all("experiment")), 1 if load["stage"] == "done" else 0)
        return load

    def test_missing(self):
        del self.state["conv.bias"], self.state["bn.running_mean"]
        for name, architecture in self.architectures():
            with self.subTest(name):
                keys = self.match(self.state, architecture)["keys"]
                self.assertEqual(sorted(keys["missing"]), ["bn.running_mean", "conv.bias"])
                self.assertEqual(keys["unexpected"], [])

    def test_unexpected(self):
        self.state["old_head.weight"] = torch.zeros(2, 2)
        self.state["old_head.bias"] = torch.zeros(2)
        for name, architecture in self.architectures():
            with self.subTest(name):
                keys = self.match(self.state, architecture)["keys"]
                self.assertEqual(keys["missing"], [])
                self.assertEqual(keys["unexpected"], ["old_head.weight", "old_head.bias"])

    def test_misshapen(self):
        self.state["head.weight"] = torch.zeros(9, 4)
        self.state["head.bias"] = torch.zeros(9)
        for name, architecture in self.architectures():
            if name == "source":
                continue
            with self.subTest(name):
                keys = self.match(self.state, architecture)["keys"]
                self.assertEqual(
                    sorted(keys["misshapen"], key=lambda item: item["key"]),
                    [
                        {"key": "head.bias", "expected": [5], "actual": [9]},
                        {"key": "head.weight", "expected": [5, 4], "actual": [9, 4]},
                    ],
                )

    def test_misshapen_for_source_are_libtorchs_own_words(self):
        self.state["head.weight"] = torch.zeros(5, 7)
        answer = self.run_probe(
            self.save("model.pth", self.state),
            self.text("arch.py", self.case.source),
            INFER,
            inputs=self.case.declarations(),
        )
        load = self.load_of(answer)
        self.assertEqual(load["stage"], "state-dict")
        self.assertIn("mat1 and mat2 shapes cannot be multiplied (2x4 and 7x5)", load["error"])
        self.assertIn('`return torch.matmul(x, state_dict["head.weight"].t())', load["error"])
        self.assertEqual(answer.all("experiment"), [])

    def test_prefix(self):
        wrapped = {f"module.{key}": value for key, value in self.state.items()}
        wanted = [key for key in self.state if not key.endswith("num_batches_tracked")]
        for name, architecture in self.architectures():
            with self.subTest(name):
                keys = self.match(wrapped, architecture)["keys"]
                self.assertEqual(sorted(keys["missing"]), sorted(wanted))
                self.assertEqual(sorted(keys["unexpected"]), sorted(f"module.{key}" for key in wanted))
                self.assertEqual(keys["matched"], 0)

    def test_batch_norm_counters_do_not_matter(self):
        without = {key: value for key, value in self.state.items() if "num_batches" not in key}
        for name, architecture in self.architectures():
            for state in (self.state, without):
                with self.subTest(name, counters=len(state) > len(without)):
                    self.assertEqual(self.match(state, architecture)["stage"], "done")

    def test_a_frozen_archive_has_nothing_to_fill(self):
        frozen = torch.jit.freeze(self.case.scripted(self.case.other))
        load = self.match(self.state, self.script("frozen.pt", frozen))
        self.assertEqual(load["stage"], "state-dict")


class Unsaved(torch.nn.Module):
    """Has a buffer that its state_dict leaves out."""

    def __init__(self):
        super().__init__()
        self.head = torch.nn.Linear(4, 2)
        self.register_buffer("scale", torch.arange(1.0, 5.0), persistent=False)

    def forward(self, x):
        return self.head(x * self.scale)


class UnsavedBuffers(ProbeTest):
    def test_the_archives_own_value_is_used_and_told(self):
        torch.manual_seed(5)
        module, served = Unsaved().eval(), Unsaved().eval()
        served.scale = torch.ones(4) * 2
        x = torch.arange(12.0).reshape(3, 4)
        weights = self.save("model.pth", module.state_dict())
        for name, archive in (("scripted", torch.jit.script(served)), ("traced", torch.jit.trace(served, x))):
            with self.subTest(name):
                answer = self.run_probe(
                    weights,
                    self.script(f"{name}.pt", archive),
                    [INFER_SAMPLE],
                    inputs=[models.declaration("x", "float32", (3, 4))],
                    samples=[self.sample_of([x], ["x"])],
                )
                self.assert_loaded(answer)
                keys = self.load_of(answer)["keys"]
                self.assertEqual((keys["missing"], keys["absent_buffers"]), ([], ["scale"]))
                expected = module.head(x * served.scale)
                self.assert_outputs(answer.all("experiment")[0], [("output[0]", expected)])


class SourceKeys(ProbeTest):
    """Which tensors a TorchScript source wants is seen in its graph and by running it."""

    def match(self, state, body, shape=(2,)):
        lines = "".join(f"    {line}\n" for line in body)
        source = "def forward(state_dict: Dict[str, Tensor], x: Tensor) -> Tensor:\n" + lines
        answer = self.run_probe(
            self.save("model.pth", {"model": state}),
            self.text("arch.py", source),
            INFER,
            state_dict="model",
            inputs=[models.declaration("x", "float32", shape)],
        )
        load = self.load_of(answer)
        return load, load["keys"]

    def test_a_key_in_a_branch_is_wanted(self):
        body = ["if x.size(0) > 100:", '    x = x + state_dict["late"]', 'return x + state_dict["a"]']
        load, keys = self.match({"a": torch.zeros(1), "late": torch.zeros(1)}, body)
        self.assertEqual((load["stage"], keys["unexpected"]), ("done", []))
        _, keys = self.match({"a": torch.zeros(1)}, body)
        self.assertEqual(keys["missing"], ["late"])

    def test_a_key_that_is_asked_for_is_optional(self):
        body = ['if "bias" in state_dict:', '    x = x + state_dict["bias"]', 'return x * state_dict["a"]']
        load, keys = self.match({"a": torch.zeros(1)}, body)
        self.assertEqual((load["stage"], keys["missing"]), ("done", []))
        load, keys = self.match({"a": torch.zeros(1), "bias": torch.zeros(1)}, body)
        self.assertEqual((load["stage"], keys["unexpected"]), ("done", []))

    def test_a_key_that_is_fetched_and_forgotten_is_unexpected(self):
        body = ['forgotten = state_dict["b"]', 'return x * state_dict["a"]']
        load, keys = self.match({"a": torch.zeros(1), "b": torch.zeros(1)}, body)
        self.assertEqual((load["stage"], keys["unexpected"], keys["matched"]), ("state-dict", ["b"], 1))

    def test_names_made_at_run_time(self):
        body = ["for i in range(2):", '    x = x * state_dict["layer." + str(i)]', "return x"]
        state = {"layer.0": torch.ones(1), "layer.1": torch.ones(1)}
        load, keys = self.match(state, body)
        self.assertEqual((load["stage"], keys["matched"]), ("done", 2))
        load, keys = self.match({**state, "layer.2": torch.ones(1)}, body)
        self.assertEqual((load["stage"], keys["unexpected"]), ("state-dict", ["layer.2"]))
        load, keys = self.match({"layer.0": torch.ones(1)}, body)
        self.assertEqual((load["stage"], keys["missing"]), ("state-dict", ["layer.1"]))
        self.assertIn("KeyError", load["error"])

    def test_reads_through_views_lists_and_shared_memory(self):
        body = [
            'parts = [state_dict["a"][:, 1:], state_dict["b"].t()]',
            'return torch.cat(parts).sum() + x + state_dict["tied"].sum()',
        ]
        shared = torch.ones(3)
        load, keys = self.match(
            {"a": torch.zeros(2, 3), "b": torch.zeros(2, 2), "tied": shared, "twin": shared}, body
        )
        self.assertEqual((load["stage"], load["error"], keys["unexpected"]), ("done", "", []))

    def test_the_dict_may_be_handed_on(self):
        source = (
            "def layer(state_dict: Dict[str, Tensor], x: Tensor) -> Tensor:\n"
            '    return x * state_dict["inner"]\n'
            "def forward(state_dict: Dict[str, Tensor], x: Tensor) -> Tensor:\n"
            '    return layer(state_dict, x) + state_dict["outer"]\n'
        )
        answer = self.run_probe(
            self.save("model.pth", {"model": {"outer": torch.ones(1), "extra": torch.ones(1)}}),
            self.text("arch.py", source),
            INFER,
            state_dict="model",
            inputs=[models.declaration("x", "float32", [2])],
        )
        keys = self.load_of(answer)["keys"]
        self.assertEqual((keys["missing"], keys["unexpected"]), (["inner"], ["extra"]))

    def test_without_inputs_names_alone_are_compared(self):
        answer = self.run_probe(
            self.save("model.pth", {"model": {"a": torch.ones(1), "b": torch.ones(1)}}),
            self.text(
                "arch.py",
                "def forward(state_dict: Dict[str, Tensor], x: Tensor) -> Tensor:\n"
                '    return x * state_dict["a"]\n',
            ),
            state_dict="model",
        )
        self.assertEqual(self.load_of(answer)["keys"]["unexpected"], ["b"])


if __name__ == "__main__":
    unittest.main()
