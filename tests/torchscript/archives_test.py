#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Holds what the reader says of TorchScript archives against PyTorch, which writes and runs them.

    archives_test.py ARTIFACT_DUMP
"""

import io
import json
import re
import subprocess
import sys
import tempfile
import unittest
import warnings
import zipfile
from pathlib import Path

import torch
from torch import nn

import modules

warnings.simplefilter("ignore")
torch.set_num_threads(1)

DROPOUTS = (nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout, nn.FeatureAlphaDropout)
NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.InstanceNorm1d)
MODES = ("training-dropout", "training-batch-norm")
FOLDER = None


def archive(make, shape, way, training):
    torch.manual_seed(0)
    module = make().train(training)
    example = modules._tensor(*shape)
    if way == "script":
        return module, torch.jit.script(module)
    return module, torch.jit.trace(module, example, check_trace=False)


def facts_of(path):
    ran = subprocess.run([sys.argv[1], path], capture_output=True, timeout=300, check=True)
    facts = json.loads(ran.stdout)["facts"]
    return facts, facts["torchscript"]


def saved(scripted, name):
    path = Path(FOLDER) / f"{name}.pt"
    torch.jit.save(scripted, str(path))
    return path


def edited(path, edit, name):
    """A copy whose code is `edit(text)`."""
    target = Path(FOLDER) / f"{name}.pt"
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as copy:
        for member in source.namelist():
            content = source.read(member)
            if member.endswith(".py"):
                content = edit(content.decode()).encode()
            copy.writestr(member, content)
    return target


def sources(path):
    with zipfile.ZipFile(path) as opened:
        names = [name for name in opened.namelist() if "/code/" in name and name.endswith(".py")]
        return {name.split("/", 1)[1]: opened.read(name).decode().splitlines() for name in names}


def of_kind(script, *kinds):
    return [remark for remark in script["remarks"] if remark["kind"] in kinds]


def acts(module):
    """What a module of torch.nn does in training mode only."""
    if isinstance(module, nn.MultiheadAttention):
        return module.dropout > 0
    if isinstance(module, DROPOUTS):
        return module.p > 0
    if isinstance(module, (nn.LSTM, nn.GRU, nn.RNN)):
        return module.dropout > 0 and module.num_layers > 1
    if isinstance(module, NORMS):
        return module.track_running_stats
    return isinstance(module, nn.RReLU)


def differs_in_mode(path, shape):
    """The loaded archive as it is: the same input twice, or a row alone and in its batch. The state is that of
    the file each time, since running statistics move on in training mode."""
    x = modules._tensor(*shape)

    def answer(rows):
        model = torch.jit.load(str(path))
        with torch.no_grad():
            return model(rows)

    torch.manual_seed(1)
    first = answer(x)
    twice = torch.equal(first, answer(x))
    try:
        alone = torch.allclose(answer(x[:1])[0], first[0], atol=1e-5) if twice else True
    except Exception:  # batch norm in training mode refuses a single row
        alone = False
    return not (twice and alone)


class Everything(unittest.TestCase):
    def each(self):
        for name, make, shape, ways in modules.MODULES:
            for way in ways:
                for training in (True, False):
                    label = f"{name}-{way}-{'train' if training else 'eval'}"
                    module, scripted = archive(make, shape, way, training)
                    path = saved(scripted, label)
                    with self.subTest(label):
                        yield label, module, path, shape, *facts_of(path)

    def test_all_is_read(self):
        count = 0
        for label, module, path, shape, facts, script in self.each():
            count += 1
            self.assertEqual(facts["kind"], "torchscript")
            self.assertEqual(facts["defects"], [])
            self.assertEqual(script["incomplete"], "")
            self.assertEqual(facts["cut"], [])
            code = sources(path)
            self.assertEqual(script["code_files"], len(code))
            loaded = torch.jit.load(str(path))
            self.assertEqual(script["modules"], len({p for p, _ in loaded.named_modules()}))
            trained = {p for p, m in loaded.named_modules() if getattr(m, "training", False)}
            self.assertEqual(set(script["training_modules"]), trained)
            # torch's own list of arguments
            schema = loaded._c._get_method("forward").schema
            names = [a.name for a in schema.arguments][1:] if hasattr(schema, "arguments") else None
            if names is not None:
                self.assertEqual([a.split(":")[0] for a in script["arguments"]], names)
            self.assertEqual(script["has_forward"], True)
            self.assertEqual(script["traced"], "trace" in label)
            if "trace" in label:
                self.assertEqual(script["traced_shapes"], [list(shape)])
            self.places(script, code)
        self.assertGreaterEqual(count, 120)

    def places(self, script, code):
        """Each remark's line is that line, and has the function around it."""
        for remark in script["remarks"]:
            if not remark["line"]:
                continue
            lines = code[remark["file"]]
            self.assertTrue(lines[remark["line"] - 1].strip().startswith(remark["text"].removesuffix("...")), remark)
            owner, _, function = remark["function"].rpartition(".")
            above = lines[:remark["line"]]
            found = [m.group(1) for line in above if (m := re.match(r" *def (\w+)\(", line))]
            self.assertEqual(found[-1], function)
            if owner:
                found = [m.group(1) for line in above if (m := re.match(r"class (\w+)\(", line))]
                self.assertEqual(found[-1], owner)

    def test_modes_are_those_of_the_modules(self):
        functional = {"functional": [""], "helper": [""], "attention_training": [""]}
        for label, module, path, shape, facts, script in self.each():
            name, _, mode = label.rsplit("-", 2)
            seen = {remark["module"] for remark in of_kind(script, *MODES)}
            expected = {p for p, m in module.named_modules() if m.training and acts(m)}
            if name in functional and mode == "train":
                expected = set(functional[name])
            if name in ("always", "attention_always"):
                expected = {""}
            if name == "unused":
                expected = set()
            if name == "optional":
                expected -= {"drop"}
            if name == "attention" and mode == "train":
                expected = {"attention"}
            self.assertEqual(seen, expected)
            untracked = {remark["module"] for remark in of_kind(script, "batch-statistics")}
            self.assertEqual(untracked, {"layer"} if name == "batch_norm_untracked" else set())
            if mode == "eval" and name not in ("always", "attention_always"):
                self.assertEqual(of_kind(script, *MODES), [])

    def test_the_graph_says_what_the_model_does(self):
        compared = 0
        for label, module, path, shape, facts, script in self.each():
            name, _, mode = label.rsplit("-", 2)
            if name in ("quantised", "optional"):
                # dynamic quantisation depends on the batch; see the other test for `noisy`
                continue
            random = [r for r in of_kind(script, "random") if r["reached"]]
            graph = bool(of_kind(script, *MODES, "batch-statistics") or random)
            if "instance_norm_tracked" in name:
                # it looks at each row by itself: another answer than in eval mode, but one that repeats
                continue
            self.assertEqual(graph, differs_in_mode(path, shape) if "baked" not in name else False)
            compared += 1
        self.assertGreaterEqual(compared, 100)

    def test_a_training_flag_alone_is_nothing(self):
        _, scripted = archive(lambda: nn.Linear(4, 4), (3, 4), "script", True)
        _, script = facts_of(saved(scripted, "flag"))
        self.assertEqual(script["training_modules"], [""])
        self.assertEqual(of_kind(script, *MODES), [])

    def test_eval_after_scripting(self):
        _, scripted = archive(modules.Conv, modules.IMAGE, "script", True)
        scripted.eval()
        scripted.norm.train()
        _, script = facts_of(saved(scripted, "half"))
        self.assertEqual(script["training_modules"], ["norm"])
        self.assertEqual([(r["kind"], r["module"]) for r in of_kind(script, *MODES)],
                         [("training-batch-norm", "norm")])

    def test_frozen(self):
        module = torch.jit.script(modules.Frozen().eval())
        _, script = facts_of(saved(torch.jit.freeze(module), "frozen"))
        self.assertTrue(script["has_forward"])
        self.assertEqual((script["incomplete"], of_kind(script, *MODES)), ("", []))

    def test_random_and_reached(self):
        def random_of(name, way):
            row = next(row for row in modules.MODULES if row[0] == name)
            _, scripted = archive(row[1], row[2], way, False)
            return of_kind(facts_of(saved(scripted, "random"))[1], "random")

        for way in ("script", "trace"):
            self.assertEqual([(r["what"], r["reached"]) for r in random_of("noise", way)], [("torch.randn_like", True)])
        # `noisy: bool = False` is what a call without it means
        self.assertEqual([(r["what"], r["reached"]) for r in random_of("optional", "script")],
                         [("torch.randn_like", False)])

    def test_foreign_operators(self):
        for way in ("script", "trace"):
            _, scripted = archive(modules.Foreign, modules.ROWS, way, False)
            _, script = facts_of(saved(scripted, "foreign"))
            self.assertEqual([(r["what"], r["reached"]) for r in of_kind(script, "foreign-operator")],
                             [("runup_test_ops.scale", True)])
        # every namespace of libtorch's own is none
        own = {schema.name.split("::")[0] for schema in torch._C._jit_get_all_schemas()} - {"runup_test_ops"}
        path = saved(scripted, "own")
        for namespace in sorted(own):
            other = edited(path, lambda text, to=namespace: text.replace("ops.runup_test_ops.", f"ops.{to}."), "other")
            self.assertEqual(of_kind(facts_of(other)[1], "foreign-operator"), [], namespace)

    def test_quantised(self):
        for way in ("script", "trace"):
            _, scripted = archive(modules.quantised, modules.ROWS, way, False)
            _, script = facts_of(saved(scripted, "quantised"))
            seen = {(r["what"], r["reached"]) for r in of_kind(script, "quantised-engine")}
            self.assertIn(("ops.quantized.linear_dynamic", True), seen)
            self.assertIn(("__torch__.torch.classes.quantized.LinearPackedParamsBase", True), seen)
            self.assertIn(("ops.quantized.linear_prepack", False), seen)

    def test_sizes(self):
        _, scripted = archive(modules.Baked, modules.STEPS, "trace", False)
        _, script = facts_of(saved(scripted, "baked"))
        sizes = {r["what"]: r["values"] for r in of_kind(script, "size-literal")}
        self.assertEqual(sizes, {"torch.zeros": [3, 8], "torch.reshape": [3, -1]})
        _, scripted = archive(modules.Baked, modules.STEPS, "script", False)
        _, script = facts_of(saved(scripted, "baked"))
        self.assertEqual([r["values"] for r in of_kind(script, "size-literal")], [[-1, 8]])

    def test_devices(self):
        _, scripted = archive(modules.Baked, modules.STEPS, "trace", False)
        path = saved(scripted, "device")
        seen = [(r["what"], r["op"], r["reached"]) for r in of_kind(facts_of(path)[1], "device-constant")]
        self.assertEqual(seen, [("cpu", "torch.zeros", True)])
        for written, read in (('"cuda:0"', "cuda:0"), ('"cuda", 1', "cuda:1"), ('"mps"', "mps")):
            other = edited(path, lambda text, to=written: text.replace('"cpu"', to), "other")
            lines = [(m, i + 1) for m, text in sources(other).items() for i, line in enumerate(text) if written in line]
            seen = of_kind(facts_of(other)[1], "device-constant")
            self.assertEqual([r["what"] for r in seen], [read])
            self.assertEqual([(r["file"], r["line"]) for r in seen], lines)
            self.assertEqual(seen[0]["function"], "Baked.forward")
        # in a method that forward does not call
        _, scripted = archive(modules.Unused, modules.ROWS, "script", False)
        path = saved(scripted, "unreached")
        moved = edited(path, lambda text: text.replace(
            "    drop = self.drop\n", "    drop = self.drop\n    y = torch.zeros([2], device=torch.device(\"cuda\"))\n"),
            "moved")
        seen = of_kind(facts_of(moved)[1], "device-constant")
        self.assertEqual([(r["what"], r["function"], r["reached"]) for r in seen], [("cuda", "Unused.noisy", False)])

    def test_damaged_code_never_crashes(self):
        import random
        random.seed(7)
        path = saved(archive(lambda: modules.Attention(0.5), modules.TOKENS, "script", True)[1], "whole")

        def damage(text):
            for _ in range(random.randrange(1, 12)):
                at = random.randrange(len(text) + 1)
                piece = random.choice(["(", ")", "[", "]", ":", "\n", "  ", "\"", "=", ",", "if x:\n", "def f(", "1e999",
                                       "99999999999999999999", "else", "\xff", "return", "class A(", "(" * 300, "lambda"])
                text = text[:at] + piece + text[at + random.randrange(0, 9):]
            return text

        for _ in range(60):
            facts, script = facts_of(edited(path, damage, "damaged"))
            self.assertEqual(facts["kind"], "torchscript")
        # what is no code at all is told
        self.assertIn("not as PyTorch prints",
                      facts_of(edited(path, lambda text: text + "\ndef broken(x: Tensor:\n  ) = (\n", "broken"))[1]["incomplete"])

    def test_deep_and_long_code_ends(self):
        path = saved(archive(Deep, (3, 4), "script", False)[1], "deep")
        body = "    return x\n"
        nested = "".join(f"{'  ' * (2 + i)}if torch.gt(torch.sum(x), {i}):\n" for i in range(400)) + "  " * 402 + "pass\n"
        calls = "    y0 = x\n" + "".join(f"    y{i + 1} = torch.add({'torch.neg(' * 200}y{i}{')' * 200}, 1)\n" for i in range(50))
        wide = "".join(f"    if torch.gt(x, {i}):\n      a{i} = {i}\n    else:\n      a{i} = None\n" for i in range(5000))
        itself = "    z = (self).forward(x, )\n    w = (self).forward(x, )\n"
        for added in (nested, calls, wide, itself):
            facts, script = facts_of(edited(path, lambda text, more=added: text.replace(body, more + body), "more"))
            self.assertTrue(script["has_forward"])


class Deep(nn.Module):
    def forward(self, x):
        return x


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        FOLDER = folder
        unittest.main(argv=sys.argv[:1])
