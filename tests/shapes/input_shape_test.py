# SPDX-License-Identifier: Apache-2.0
"""`input-shape` on real archives: its findings are the expected ones, and each size that a report says works or
fails does so when the module itself is called with it."""

import json
import os
import re
import subprocess
import sys
import tempfile
import warnings
from dataclasses import dataclass, field
from pathlib import Path

import torch
import yaml

import networks

RUNUP = Path(sys.argv[1])
EXIT_OF = {"ready": 0, "not-ready": 1, "undecided": 2}
FRAMES = [("x", ["batch", "time", 8])]
AXES = {"batch": (1, 1, 4), "time": (60, 1, 100)}


@dataclass
class Case:
    name: str
    module: torch.nn.Module
    findings: list
    inputs: list = field(default_factory=lambda: FRAMES)
    axes: dict = field(default_factory=lambda: AXES)
    # of the message of the first finding
    says: str = ""
    traced: bool = False
    status: str = ""
    # axis -> the largest size that works with the others small, by hand
    limit: dict = field(default_factory=dict)
    evidence: dict = field(default_factory=dict)
    labels: bool = False

    def tensors(self, sizes, wrong=()):
        wrong = dict(wrong)
        return [self.tensor(name, [wrong.get(f"{name}[{i}]", sizes.get(d, d)) for i, d in enumerate(shape)])
                for name, shape in self.inputs]

    @staticmethod
    def tensor(name, shape):
        if name == "ids":
            return torch.randint(0, 50, shape)
        return torch.ones(shape, dtype=torch.int64) if name == "mask" else torch.randn(shape)

    def usual(self):
        return {axis: example for axis, (example, *_) in self.axes.items()}

    def script(self, folder):
        self.module.eval()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            made = (torch.jit.trace(self.module, tuple(self.tensors(self.usual())), check_trace=False)
                    if self.traced else torch.jit.script(self.module))
        made.save(str(folder / f"{self.name}.pt"))
        self.callable = made

    def works(self, sizes, wrong=()):
        """The archive's own word, asked by Python's torch."""
        try:
            with torch.no_grad():
                self.callable(*self.tensors({**self.usual(), **sizes}, wrong))
            return True
        except Exception:
            return False

    def config(self):
        inputs = []
        for name, shape in self.inputs:
            one = {"name": name, "shape": shape}
            if name in ("ids", "mask"):
                one |= {"dtype": "int64", "range": {"low": 0, "high": 50 if name == "ids" else 2}}
            inputs.append(one)
        axes = {axis: {"example": example, **({"range": list(range_)} if range_ else {})}
                for axis, (example, *range_) in self.axes.items()}
        return {"path": f"{self.name}.pt", "inputs": inputs, "axes": axes,
                **({"labels": {"from": "checkpoint"}} if self.labels else {})}


def sequences(low, high, example=60):
    return {"batch": (1, 1, 4), "time": (example, low, high)}


IMAGES = {"height": (64, 32, 128), "width": (64, 32, 128)}
IMAGE = [("x", [1, 1, "height", "width"])]
TOKENS = [("ids", ["batch", "time"]), ("mask", ["batch", "time"])]

CASES = [
    # sound
    Case("pooled", networks.Pooled(), []),
    Case("pooled-traced", networks.Pooled(), [], traced=True),
    Case("recurrent", networks.Recurrent(), []),
    Case("table-fits", networks.Positional(100), [], limit={"time": 100}),
    Case("table-is-longer", networks.Positional(137), [], limit={"time": 137}),
    Case("tokens", networks.Tokens(128), [], TOKENS, {"batch": (1, 1, 4), "time": (32, 1, 128)}, limit={"time": 128}),
    Case("mlp", networks.Mlp(), [], [("x", ["batch", 16])], {"batch": (2, 1, 9)}),
    Case("vector-only", networks.Mlp(), [], [("x", [16])], {}),
    Case("kernel", networks.Kernel(), [], axes=sequences(7, 100)),
    Case("state-is-declared-fixed", networks.BakedState(), [], axes={"batch": (1,), "time": (60, 1, 100)}),
    # worth a note or a warning
    Case("images", networks.Images(), ["wrong-size-accepted:note"], [("x", ["batch", 3, 64, 64])], {"batch": (1, 1, 4)},
         says="`x[2]` (declared 64; 65, 63 and 1 work too)"),
    Case("any-features", networks.AnyFeatures(), ["wrong-size-accepted:warning"], [("x", ["batch", 16])],
         {"batch": (1, 1, 4)}, says="`x[1]` (declared 16; 17, 15 and 1 work too)"),
    Case("standardised", networks.Standardised(), ["wrong-size-accepted:note"], [("x", ["batch", 16])],
         {"batch": (1, 1, 4)}, says="(declared 16; 1 works too), by broadcasting"),
    Case("denoiser", networks.Denoiser(), ["wrong-size-accepted:note"], [("x", ["batch", 1, 50])], {"batch": (1, 1, 4)}),
    Case("tokens-of-one-length", networks.Tokens(128), ["wrong-size-accepted:note"], [("ids", [1, 32]), ("mask", [1, 32])], {}),
    Case("fixed-batch", networks.Pooled(), ["fixed-axis-moves:note"], axes={"batch": (1,), "time": (60, 1, 100)}),
    Case("tail", networks.Tail(), ["empty-at-size:warning"], says="`output[0]` is [1, 0] at `time` 1 and 2"),
    Case("one-row", networks.OneRow(), ["rows-lost:warning"], says="is [1, 3] for `batch` 2"),
    # unfit
    Case("baked-batch", networks.BakedBatch(), ["axis-baked:error"], [("x", ["batch", 2, 8])], {"batch": (1, 1, 8)},
         traced=True, says="`batch` works at 1 alone, its example"),
    Case("baked-state", networks.BakedState(), ["axis-baked:error"], says="`batch` works at 1 alone"),
    Case("table-too-short", networks.Positional(77), ["range-refused:error"],
         says="(it works up to 77 and is refused from 78 on)"),
    Case("positions-too-few", networks.Tokens(128), ["range-refused:error"], TOKENS,
         {"batch": (1, 1, 4), "time": (32, 1, 512)}, says="(it works up to 128 and is refused from 129 on)"),
    Case("unet", networks.Unet(), ["range-refused:error", "range-refused:error", "wrong-size-accepted:note"], IMAGE, IMAGES,
         says="(only multiples of 32 work)"),
    Case("unlucky", networks.Unlucky(51), ["range-refused:error"], says="51 (every other size that was tried works)"),
    Case("kernel-too-long", networks.Kernel(), ["range-refused:error"], says="(those from 12 on work)"),
    Case("squeezed", networks.Squeezed(), ["range-refused:error"], says="(those from 2 on work)"),
    Case("deviation", networks.Deviation(), ["non-finite-at-size:error"], says="3 NaN and 0 infinite of 3 elements at `time` 1"),
    Case("product", networks.Product(), ["range-refused:error"], axes={"batch": (1, 1, 8), "time": (9, 1, 15)},
         says="`batch` 8 and `time` 15 fail together, and each alone works"),
    Case("doubling", networks.Doubling(), [], axes={"batch": (1, 1, 4), "time": (4, 1, 12)}),
]


def run(folder, cases, checks, environment=None):
    for case in cases:
        case.script(folder)
    config = {"version": 1, "target": "shapes", "models": {case.name: case.config() for case in cases}, "checks": checks}
    (folder / "runup.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
    done = subprocess.run(
        [RUNUP, "run", folder / "runup.yaml", "--select", "input-shape", "--report", f"json={folder / 'r.json'}"],
        capture_output=True, timeout=500, check=False, env={**os.environ, "OMP_NUM_THREADS": "1", **(environment or {})})
    assert (folder / "r.json").exists(), (done.stdout + done.stderr).decode()
    report = json.loads((folder / "r.json").read_text())
    assert done.returncode == EXIT_OF[report["verdict"]], (done.returncode, report["verdict"])
    return {result["model"]: result["outcome"] for result in report["results"]}


def numbers(text):
    return [int(word) for word in re.findall(r"\d+", text)]


def beside(text):
    return {name: int(size) for name, size in re.findall(r"`([a-z]+)` (\d+)", text)}


def stated(outcome, axis):
    """(sizes, their companions, whether they are said to work) for every list in the outcome."""
    for evidence in outcome["evidence"]:
        if evidence["name"] == f"`{axis}`" and evidence["value"].startswith("works at "):
            sizes, _, rest = evidence["value"].removeprefix("works at ").partition(", with ")
            yield numbers(sizes), beside(rest), True
    for finding in outcome["findings"]:
        message = finding["message"]
        refused = re.match(rf"\d+ of \d+ sizes? of `{axis}` fails?(, with [^:]*)?: ([\d, and]+) \(", message)
        baked = re.match(rf"`{axis}` works at (\d+) alone, its example, and fails at ([\d, and]+)(, with [^;]*)?;", message)
        if refused:
            yield numbers(refused[2]), beside(refused[1] or ""), False
            works = next(e["value"] for e in finding["evidence"] if e["name"] == "works")
            yield numbers(works), beside(refused[1] or ""), True
        if baked:
            yield [int(baked[1])], beside(baked[3] or ""), True
            yield numbers(baked[2]), beside(baked[3] or ""), False


def check_sizes(case, outcome):
    seen = 0
    for axis, (_, *range_) in case.axes.items():
        if not range_:
            continue
        tried = set()
        for sizes, companions, works in stated(outcome, axis):
            for size in sizes:
                assert case.works({**companions, axis: size}) == works, (case.name, axis, size, companions, works)
            tried |= set(sizes)
        # Both ends are always among them, unless another axis is in the way.
        assert set(range_) <= tried or "could not be varied" in outcome["reason"], (case.name, axis, tried)
        seen += len(tried)
    return seen


def check_limit(case, outcome):
    for axis, largest in case.limit.items():
        # by the module itself, one by one
        assert all(case.works({axis: size}) for size in range(case.axes[axis][1], largest + 1))
        assert not case.works({axis: largest + 1})
        value = next(e["value"] for e in outcome["evidence"] if e["name"] == f"limit of `{axis}`")
        assert value.startswith(f"works up to {largest}, refused at {largest + 1} ("), (case.name, value)


def check_wrong_sizes(case, outcome):
    """Each refusal that is evidence is one."""
    usual = {axis: min(example, max(range_[0], 2)) if range_ else example for axis, (example, *range_) in case.axes.items()}
    for evidence in outcome["evidence"]:
        wrong = re.fullmatch(r"`(\w+\[\d+\])`", evidence["name"])
        if wrong and " refused: " in evidence["value"]:
            for size in numbers(evidence["value"].partition(" refused: ")[0]):
                assert not case.works(usual, {wrong[1]: size}), (case.name, wrong[1], size)


def check_case(case, outcome):
    found = [f"{finding['id']}:{finding['severity']}" for finding in outcome["findings"]]
    assert found == case.findings, (case.name, found, outcome)
    fails = any(one.endswith(":error") for one in found)
    assert outcome["status"] == ("failed" if fails else "passed"), (case.name, outcome)
    if case.says:
        assert case.says in outcome["findings"][0]["message"], (case.name, outcome["findings"][0]["message"])
    check_limit(case, outcome)
    check_wrong_sizes(case, outcome)
    return check_sizes(case, outcome)


def test_cases(folder):
    outcomes = run(folder, CASES, {})
    wrong, sizes = [], 0
    for case in CASES:
        try:
            sizes += check_case(case, outcomes[case.name])
        except AssertionError as error:
            wrong.append(str(error))
    assert not wrong, "\n".join(wrong)
    slow = next(e["value"] for e in outcomes["doubling"]["evidence"] if e["name"] == "limit of `time`")
    assert re.match(r"at least \d+ \(stopped by time\)", slow), slow
    print(f"{len(CASES)} models are judged as expected, {sizes} sizes are as Python's torch says")


def test_options(folder):
    """A service that pads, more sizes between, and dimensions that must be refused."""
    unet = Case("unet", networks.Unet(), [], IMAGE, IMAGES)
    pooled = Case("pooled", networks.Pooled(), [])
    outcomes = run(folder, [unet, pooled],
                   {"input-shape": {"step": {"height": 32, "width": 32}, "between": 10, "most": 150}})
    # Neither has the other's axes.
    assert outcomes["unet"]["status"] == outcomes["pooled"]["status"] == "passed", outcomes
    check_sizes(unet, outcomes["unet"])
    assert check_sizes(pooled, outcomes["pooled"]) > 20
    limit = next(e["value"] for e in outcomes["pooled"]["evidence"] if e["name"] == "limit of `time`")
    assert limit == "at least 150 (no larger one was tried)", limit

    table = Case("table", networks.Positional(100), [])
    outcomes = run(folder, [table, pooled], {"input-shape": {"refuse": ["time", "x[2]"]}})
    assert outcomes["table"]["status"] == "passed", outcomes["table"]
    assert [f["id"] for f in outcomes["pooled"]["findings"]] == ["wrong-size-accepted"]
    assert "`time` (declared 100; 101 works too)" in outcomes["pooled"]["findings"][0]["message"]
    assert outcomes["pooled"]["status"] == "failed"


def test_memory(folder):
    """A process that is ended for its memory is no unfit model, and is named."""
    hoarder = Case("hoarder", networks.Hoarder(), [], axes={"batch": (1, 1, 2), "time": (10, 1, 50)})
    outcome = run(folder, [hoarder], {}, {"RUNUP_PROBE_MEMORY": "700MiB"})["hoarder"]
    assert outcome["status"] == "undecided" and not outcome["findings"], outcome
    assert "`time` 49 and 50" in outcome["reason"] or "`time` 50" in outcome["reason"], outcome["reason"]
    assert "of memory" in outcome["reason"], outcome["reason"]


for test in (test_cases, test_options, test_memory):
    with tempfile.TemporaryDirectory(prefix="runup-shapes-") as scratch:
        torch.manual_seed(1)
        test(Path(scratch))
