#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What compare_weights() says of real conversions: nothing of faithful ones, and the name of the tensor of
damaged ones.

    weights_test.py WEIGHTS_DUMP [NETWORK...]

Every network is converted in every way. Faithful: no difference, and the share of the tensors that could be
compared is printed and held. Then one of the comparable tensors of the original is damaged, which is the
same as an undamaged original and a damaged conversion. It must be named: always where the conversion keeps
names, and else at least as often as LEAST says. Where it is not, it must be among those that are said to be
not comparable: never is a damaged tensor counted as equal. Ends with 1 when anything fails.
"""

import json
import random
import subprocess
import sys
import tempfile
from pathlib import Path

import torch

import networks
import ways


class Dump:
    def __init__(self, program):
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __call__(self, original, conversion):
        self.process.stdin.write(f"{original}\t{conversion}\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"weights_dump ended at {original} {conversion}")
        return json.loads(line)


# Each takes a state_dict, a key and a generator, and changes the tensor by at least 1e-3 of a number; false
# when it cannot be done to this tensor.

def one_number(state, key, choice):
    flat = state[key].view(-1)
    large = (flat.abs() > 0.1 * flat.abs().max()).nonzero().view(-1)
    if flat.abs().max() == 0:
        return False
    flat[large[choice.randrange(len(large))]] *= 1.002
    return True


def sign_of_one(state, key, choice):
    flat = state[key].view(-1)
    large = (flat.abs() > 0.1 * flat.abs().max()).nonzero().view(-1)
    if flat.abs().max() == 0:
        return False
    flat[large[choice.randrange(len(large))]] *= -1
    return True


def scaled(state, key, choice):
    state[key] *= 1.002
    return state[key].abs().max() > 0


def negated(state, key, choice):
    state[key] *= -1
    return state[key].abs().max() > 0


def transposed(state, key, choice):
    tensor = state[key]
    if tensor.dim() != 2 or tensor.shape[0] != tensor.shape[1] or torch.equal(tensor, tensor.t()):
        return False
    state[key] = tensor.t().contiguous()
    return True


def two_rows(tensor, choice):
    if tensor.dim() < 1 or tensor.shape[0] < 2:
        return None
    rows = choice.sample(range(tensor.shape[0]), 2)
    return None if torch.equal(tensor[rows[0]], tensor[rows[1]]) else rows


def rows_exchanged(state, key, choice):
    rows = two_rows(state[key], choice)
    if rows is None:
        return False
    state[key][rows] = state[key][rows[::-1]].clone()
    return True


def row_repeated(state, key, choice):
    rows = two_rows(state[key], choice)
    if rows is None:
        return False
    state[key][rows[0]] = state[key][rows[1]].clone()
    return True


def row_negated(state, key, choice):
    if state[key].dim() < 2:
        return False
    row = choice.randrange(state[key].shape[0])
    state[key][row] *= -1
    return state[key][row].abs().max() > 0


def row_scaled(state, key, choice):
    if state[key].dim() < 2:
        return False
    row = choice.randrange(state[key].shape[0])
    state[key][row] *= 1.01
    return state[key][row].abs().max() > 0


def row_zeroed(state, key, choice):
    if state[key].dim() < 2:
        return False
    row = choice.randrange(state[key].shape[0])
    changed = state[key][row].abs().max() > 0
    state[key][row] = 0
    return changed


def zeroed(state, key, choice):
    changed = state[key].abs().max() > 0 and key.endswith("bias")
    state[key].zero_()
    return changed


def exchanged(state, key, choice):
    others = [k for k in state if k != key and state[k].shape == state[key].shape and
              k.rsplit(".", 1)[-1] == key.rsplit(".", 1)[-1] and not torch.equal(state[k], state[key])]
    if not others:
        return False
    other = choice.choice(others)
    state[key], state[other] = state[other], state[key]
    return True


def retrained(state, key, choice):
    generator = torch.Generator().manual_seed(choice.randrange(1 << 30))
    for tensor in state.values():
        if tensor.dtype.is_floating_point:
            tensor += 0.02 * tensor.abs().mean() * torch.randn(tensor.shape, generator=generator)
    return True


FAULTS = [one_number, sign_of_one, scaled, negated, transposed, rows_exchanged, row_repeated, row_negated,
          row_scaled, row_zeroed, zeroed, exchanged, retrained]

# Directions of weight_norm: their length is of no meaning.
DIRECTIONS = ("weight_v", "parametrizations.weight.original1")

# Types that round away what is smaller.
COARSE = {"onnx-float16": 2, "safetensors-bf16": 16}


# The share of planted faults that must be named where a conversion renames, folds or computes what it holds;
# all of them in every other way. What is not named there is said to be not comparable: tied weights, rows that
# a trace never reached, batch norms with negative variances, biases behind a convolution.
LEAST = {"freeze-trace": 0.92, "freeze-script": 0.93, "optimize-for-inference": 0.91}
LEAST.update(dict.fromkeys([w for w in ways.WAYS if w.startswith(("onnx", "ort"))], 0.97))


def floats(state):
    return {k: v.clone() for k, v in state.items() if v.dtype.is_floating_point}


def module(key):
    return key.rsplit(".", 1)[0] if "." in key else ""


class Test:
    def __init__(self, program, folder):
        self.dump = Dump(program)
        self.folder = folder
        self.problems = []
        self.shares = {}
        # by fault: found, missed
        self.found = {}
        self.by_way = {}

    def problem(self, text):
        self.problems.append(text)
        print("FAILED", text, flush=True)

    def network(self, name):
        model, example = networks.make(name)
        original = self.folder / "original.pth"
        torch.save(model.state_dict(), original)
        place = self.folder / name.replace(" ", "-")
        place.mkdir()
        for way, convert in ways.WAYS.items():
            try:
                conversion = convert(model, example, place)
            except Exception as error:  # PyTorch and ONNX Runtime raise what they like
                self.shares[name, way] = None
                # ONNX has no operator for what spectral_norm computes.
                if way in ("trace", "onnx-17", "safetensors", "ort-all") and name != "spectral":
                    self.problem(f"{name}, {way}: cannot be made: {str(error)[:200]}")
                continue
            facts = self.dump(original, conversion)
            self.faithful(name, way, facts)
            if not name.startswith("fresh "):
                self.damaged(name, way, model, conversion, facts)

    def faithful(self, name, way, facts):
        if facts["differing_count"] or facts["not_compared"]:
            self.problem(f"{name}, {way}: {facts['not_compared']}{json.dumps(facts['differing'][:3])}")
        self.shares[name, way] = (facts["by_name"] + facts["by_value"], facts["tensors"], facts["not_comparable"])

    def damaged(self, name, way, model, conversion, facts):
        choice = random.Random(f"{name} {way}")
        missing = set(facts["not_comparable"])
        for fault in FAULTS:
            keys = [k for k in floats(model.state_dict()) if k not in missing and not k.endswith("num_batches_tracked")]
            choice.shuffle(keys)
            tried = 0
            for key in keys:
                state = {k: v.clone() for k, v in model.state_dict().items()}
                # Tied weights are one tensor, under both names.
                if way in COARSE and fault in (one_number, scaled, row_scaled):
                    before = state[key].clone()
                    done = fault(state, key, choice)
                    state[key] = before + (state[key] - before) * COARSE[way]
                else:
                    done = fault(state, key, choice)
                if not done or (key.endswith(DIRECTIONS) and fault in (scaled, row_scaled)):
                    continue
                self.plant(name, way, fault, key, state, conversion)
                tried += 1
                if tried == 2:
                    break

    def plant(self, name, way, fault, key, state, conversion):
        original = self.folder / "damaged.pth"
        torch.save(state, original)
        facts = self.dump(original, conversion)
        named = {difference["reference"] for difference in facts["differing"]}
        folded = any(d["relation"] == "scaled" for d in facts["differing"])
        good = key in named or folded or (fault is exchanged and named)
        if fault is retrained:
            good = facts["differing_count"] > 0
        counts = self.found.setdefault(fault.__name__, [0, 0])
        counts[0 if good else 1] += 1
        counts = self.by_way.setdefault(way, [0, 0])
        counts[0 if good else 1] += 1
        told = key in facts["not_comparable"] or (fault is transposed and key in facts["either_way"])
        if not good and way in LEAST and told:
            print(f"missed {name}, {way}: {fault.__name__} in `{key}`; named are {sorted(named)}")
        elif not good:
            self.problem(f"{name}, {way}: {fault.__name__} in `{key}` is not named, but {sorted(named)}")

    def tell(self):
        print("\ntensors found again, of all; - where the way does not exist")
        names = list(dict.fromkeys(name for name, _ in self.shares))
        for way in ways.WAYS:
            cells = []
            for name in names:
                share = self.shares[name, way]
                cells.append("-" if share is None else f"{share[0]}/{share[1]}")
            sums = [s for (n, w), s in self.shares.items() if w == way and s]
            total = f"{100 * sum(s[0] for s in sums) / max(1, sum(s[1] for s in sums)):.0f} %"
            print(f"{way:24} {total:>5}  " + " ".join(f"{c:>7}" for c in cells))
        print(" " * 32 + " ".join(f"{n[:7]:>7}" for n in names))
        print("\nplanted faults: found and named, of all")
        for title, counts in [*self.found.items(), *self.by_way.items()]:
            print(f"{title:24} {counts[0]:4} of {sum(counts)}")
            # The shares are of all networks.
            if len(sys.argv) == 2 and title in LEAST and counts[0] < LEAST[title] * sum(counts):
                self.problem(f"{title}: {counts[0]} of {sum(counts)} planted faults are named; expected "
                             f"{100 * LEAST[title]:.0f} %")


def main():
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        test = Test(sys.argv[1], Path(folder))
        # With gradients: without, nn.TransformerEncoder takes a path that torch.onnx does not know.
        for name in sys.argv[2:] or networks.NAMES:
            test.network(name)
        test.tell()
    print(f"{len(test.problems)} problems")
    sys.exit(bool(test.problems))


if __name__ == "__main__":
    main()
