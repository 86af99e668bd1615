# SPDX-License-Identifier: Apache-2.0
"""The ONNX project's own tests (Debian's libonnx-testdata) through the probe and its comparison.

Each test is a model with recorded inputs and outputs, made by nobody here. The probe runs the inputs
as a sample and compares every output, with the tolerances of ONNX's own backend tests. Those that do not
agree are explained one by one in onnx_project.txt; the list must be neither too short nor too long.

    test_onnx_project.py [NAME...]      all tests, or those; with -v in front, each one's result
"""

import concurrent.futures
import os
import sys
import tempfile
from collections import Counter
from pathlib import Path

import numpy
import onnx
from onnx import numpy_helper

import probe

PROGRAM = os.environ["RUNUP_PROBE_ONNXRUNTIME"]
DATA = Path(onnx.__file__).parent / "backend" / "test" / "data"
SUITES = ("node", "simple", "pytorch-converted", "pytorch-operator", "light")
EXPLAINED = Path(__file__).parent / "onnx_project.txt"
# onnx.backend.test.loader: what ONNX compares with where a test says nothing else.
RTOL, ATOL = 1e-3, 1e-7
DTYPES = {
    "float32", "float64", "float16", "bfloat16", "int64", "int32", "int16", "int8",
    "uint64", "uint32", "uint16", "uint8", "bool",
}
ENVIRONMENT = {"PATH": os.environ["PATH"]}


class Undeclarable(Exception):
    """Something that `inputs:` has no words for."""


def read_tensor(path, kind):
    if not kind.HasField("tensor_type"):
        raise Undeclarable(f"a {kind.WhichOneof('value')} in {path.stem}")
    tensor = onnx.TensorProto()
    tensor.ParseFromString(path.read_bytes())
    name = onnx.TensorProto.DataType.Name(tensor.data_type).lower()
    name = {"float": "float32", "double": "float64"}.get(name, name)
    if name not in DTYPES:
        raise Undeclarable(f"values of type {name}")
    array = numpy_helper.to_array(tensor)
    if name == "uint16" and kind.tensor_type.elem_type == onnx.TensorProto.BFLOAT16:
        # Recorded as the bits.
        name, array = "bfloat16", (array.astype(numpy.uint32) << 16).view(numpy.float32)
    # NumPy has no bfloat16; float32 holds each of its values.
    return name, array.astype(numpy.float32) if name == "bfloat16" else array


def run(folder):
    """(what happened, words)"""
    try:
        model = onnx.load(folder / "model.onnx", load_external_data=False)
        filled = {value.name for value in model.graph.initializer}
        inputs = [value for value in model.graph.input if value.name not in filled]
        data = folder / "test_data_set_0"
        given = [
            (value.name, *read_tensor(data / f"input_{i}.pb", value.type)) for i, value in enumerate(inputs)
        ]
        expected = {
            value.name: read_tensor(data / f"output_{i}.pb", value.type)[1]
            for i, value in enumerate(model.graph.output)
            if value.name
        }
    except Undeclarable as error:
        return "undeclarable", str(error)
    if not given:
        return "undeclarable", "a model without inputs"
    with tempfile.TemporaryDirectory(prefix="runup-onnx-") as scratch:
        files = {}
        for i, (name, _, array) in enumerate(given):
            files[name] = f"{scratch}/{i}.npy"
            numpy.save(files[name], array)
        numpy.savez(f"{scratch}/expected.npz", **expected)
        answer = probe.run(
            PROGRAM,
            folder / "model.onnx",
            {
                "inputs": [
                    {"name": name, "dtype": dtype, "shape": list(array.shape)} for name, dtype, array in given
                ],
                "samples": [
                    {"inputs": files, "output": f"{scratch}/expected.npz", "rtol": RTOL, "atol": ATOL}
                ],
            },
            [{"kind": "infer", "fill": "sample"}],
            environment=ENVIRONMENT,
        )
    if answer.status < 0 or answer.last != "done":
        return "died", f"status {answer.status}: {answer.stderr[-300:]}"
    load = answer.one("load")
    if load["stage"] != "done":
        return ("unsupported" if load["unsupported"] else "not loaded"), load["error"]
    facts = answer.one("experiment")
    if facts.get("absence"):
        return "unsupported", facts["absence"]["detail"]
    if facts["error"]:
        return "refused", facts["error"]
    for output in facts["outputs"]:
        comparison = output.get("comparison")
        if comparison is None:
            return "not compared", output["name"]
        if not comparison["same_shape"]:
            return "differs", f"{output['name']}: {output['shape']}, not {comparison['expected_shape']}"
        if comparison["beyond_tolerance"]:
            return "differs", (
                f"{output['name']}: {comparison['worst_actual']} instead of {comparison['worst_expected']} at "
                f"{comparison['worst_index']}, rtol {comparison['passing_rtol']} passes"
            )
    return "agrees", ""


def read_explained():
    explained = {}
    reason = None
    for line in EXPLAINED.read_text(encoding="utf-8").splitlines():
        if line.startswith("#") or not line.strip():
            continue
        if line.startswith(" "):
            explained[line.strip()] = reason
        else:
            reason = line
    return explained


def main():
    verbose = "-v" in sys.argv
    wanted = set(sys.argv[1:]) - {"-v"}
    folders = [
        folder
        for suite in SUITES
        for folder in sorted((DATA / suite).glob("*"))
        if (folder / "model.onnx").exists() and (not wanted or folder.name in wanted)
    ]
    if not folders:
        sys.exit(f"no tests in {DATA}")
    explained = read_explained()
    counts = Counter()
    wrong = []
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for folder, (result, words) in zip(folders, pool.map(run, folders)):
            counts[result] += 1
            if verbose:
                print(f"{folder.parent.name}/{folder.name}: {result} {words}")
            if (result in ("agrees", "undeclarable")) == (folder.name in explained):
                wrong.append(f"{folder.parent.name}/{folder.name}: {result} {words}")
    total = sum(counts.values())
    print(f"{total} tests: " + ", ".join(f"{count} {name}" for name, count in counts.most_common()))
    if wrong:
        print("\nnot as onnx_project.txt says:\n" + "\n".join(wrong))
        sys.exit(1)
    if not wanted and counts["agrees"] < 900:
        sys.exit("far fewer tests agree than did")


if __name__ == "__main__":
    main()
