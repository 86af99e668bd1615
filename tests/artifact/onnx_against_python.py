#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Holds the reader's facts of ONNX files against what the onnx package reads.

    onnx_against_python.py ARTIFACT_DUMP [TESTDATA]

TESTDATA is a folder with models of others (Debian's libonnx-testdata); without it those are left out. Ends with 1
when anything differs.
"""

import hashlib
import json
import random
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy
import onnx
from onnx import TensorProto as T

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))

import onnx_remarks_cases  # noqa: E402
from onnx_models import MODELS  # noqa: E402

NAMES = {1: "float32", 2: "uint8", 3: "int8", 4: "uint16", 5: "int16", 6: "int32", 7: "int64", 8: "string", 9: "bool",
         10: "float16", 11: "float64", 12: "uint32", 13: "uint64", 14: "complex64", 15: "complex128", 16: "bfloat16",
         17: "float8_e4m3fn", 18: "float8_e4m3fnuz", 19: "float8_e5m2", 20: "float8_e5m2fnuz", 21: "uint4", 22: "int4"}


def dump(program, files):
    """{path: (facts, hashes)}"""
    ran = subprocess.run([program, *files], capture_output=True, timeout=600, check=False)
    if ran.returncode != 0:
        raise SystemExit(f"the reader died ({ran.returncode}): {ran.stderr.decode()[-2000:]}")
    lines = [json.loads(line) for line in ran.stdout.splitlines()]
    return {Path(line["file"]): (line["facts"], line["hashes"]) for line in lines}


def domain(name):
    return "" if name == "ai.onnx" else name


def dimension(dim):
    kind = dim.WhichOneof("value")
    size = dim.dim_value if kind == "dim_value" and dim.dim_value >= 0 else None
    return (size, dim.dim_param if kind == "dim_param" else "")


def value_of(info):
    kind = info.type.WhichOneof("value")
    proto = info.type
    names = {"tensor_type": "tensor", "sequence_type": "sequence", "map_type": "map", "optional_type": "optional",
             "sparse_tensor_type": "sparse_tensor", None: "tensor"}
    name = names[kind]
    shape = None
    if kind in ("tensor_type", "sparse_tensor_type"):
        tensor = getattr(proto, kind)
        if tensor.HasField("shape"):
            shape = [dimension(d) for d in tensor.shape.dim]
    while kind not in ("tensor_type", "sparse_tensor_type", None):
        inner = getattr(proto, kind)
        proto = inner.value_type if kind == "map_type" else inner.elem_type
        kind = proto.WhichOneof("value")
    dtype = NAMES.get(getattr(proto, kind).elem_type, "") if kind else ""
    return (info.name, name, dtype, shape)


def seen_value(value):
    shape = value.get("shape")
    return (value["name"], value["kind"], value["dtype"],
            None if shape is None else [(d.get("size"), d["name"]) for d in shape])


class Walk:
    """Tensors and nodes, with the way to them."""

    def __init__(self, model):
        self.tensors, self.external, self.nodes = [], [], 0
        self.domains = {}
        self.graph(model.graph, "")
        for function in model.functions:
            for node in function.node:
                self.node(node, function.name)

    @staticmethod
    def inside(path, name):
        return f"{path}/{name}" if path else name

    def graph(self, graph, path):
        for tensor in graph.initializer:
            self.tensor(tensor, self.inside(path, tensor.name))
        for sparse in graph.sparse_initializer:
            self.tensors.append((self.inside(path, sparse.values.name), NAMES[sparse.values.data_type],
                                 list(sparse.dims), "sparse_coo", None))
        for node in graph.node:
            self.node(node, path)

    def node(self, node, path):
        self.nodes += 1
        self.domains[domain(node.domain)] = self.domains.get(domain(node.domain), 0) + 1
        name = node.name or (node.output[0] if node.output else "")
        for attribute in node.attribute:
            own = f"{self.inside(path, name)}.{attribute.name}"
            if attribute.HasField("g"):
                self.graph(attribute.g, own)
            for i, graph in enumerate(attribute.graphs):
                self.graph(graph, f"{own}[{i}]")
            if node.op_type == "Constant" and domain(node.domain) == "" and attribute.name == "value":
                if numpy.prod(attribute.t.dims, dtype=object) > 64:
                    self.tensor(attribute.t, self.inside(path, node.output[0]))

    def tensor(self, tensor, path):
        layout = "packed" if tensor.data_type in (T.INT4, T.UINT4) else "strided"
        content = None
        if tensor.data_location == T.EXTERNAL:
            entries = {e.key: e.value for e in tensor.external_data}
            length = int(entries["length"]) if "length" in entries else None
            self.external.append((path, entries["location"], int(entries.get("offset", 0)), length))
        elif tensor.HasField("raw_data"):
            content = tensor.raw_data
        elif tensor.data_type in (T.FLOAT, T.COMPLEX64):
            content = numpy.array(tensor.float_data, numpy.float32).tobytes()
        elif tensor.data_type in (T.DOUBLE, T.COMPLEX128):
            content = numpy.array(tensor.double_data, numpy.float64).tobytes()
        elif 0 in tensor.dims and tensor.data_type != T.STRING:
            content = b""
        digest = None if content is None else hashlib.sha256(content).hexdigest()
        self.tensors.append((path, NAMES[tensor.data_type], list(tensor.dims), layout, digest))


class Comparison:
    def __init__(self):
        self.problems, self.compared = [], 0

    def equal(self, what, seen, expected):
        self.compared += 1
        if seen != expected:
            self.problems.append(f"{what}: {str(seen)[:500]}; Python says {str(expected)[:500]}")

    def file(self, name, content, facts, hashes, loose_bytes=False):
        model = onnx.ModelProto.FromString(content)
        onnx_facts = facts["onnx"]
        self.equal(f"{name} kind", facts["kind"], "onnx")
        self.equal(f"{name} defects", facts["defects"], [])
        self.equal(f"{name} sha256", facts["sha256"], hashlib.sha256(content).hexdigest())
        self.equal(f"{name} IR version", onnx_facts["ir_version"], model.ir_version)
        self.equal(f"{name} graph", onnx_facts["graph_name"], model.graph.name)
        self.equal(f"{name} functions", onnx_facts["functions"], len(model.functions))
        filled = {t.name for t in model.graph.initializer}
        for key, infos in (("inputs", model.graph.input), ("outputs", model.graph.output)):
            self.equal(f"{name} {key}", [seen_value(v) for v in onnx_facts[key]], [value_of(v) for v in infos])
        self.equal(f"{name} filled inputs", [v["name"] for v in onnx_facts["inputs"] if v["initialised"]],
                   [v.name for v in model.graph.input if v.name in filled])
        walk = Walk(model)
        self.equal(f"{name} nodes", onnx_facts["nodes"], walk.nodes)
        imports = {domain(o.domain): o.version for o in model.opset_import} or {"": 1}
        for function in model.functions:
            for opset in function.opset_import:
                imports.setdefault(domain(opset.domain), opset.version)
        expected = {d: (imports.get(d, 0), walk.domains.get(d, 0)) for d in {*imports, *walk.domains}}
        self.equal(f"{name} domains", {d["domain"]: (d["version"], d["nodes"]) for d in onnx_facts["domains"]}, expected)
        self.equal(f"{name} external", [(e["tensor"], e["location"], e["offset"], e.get("length"))
                                        for e in onnx_facts["external"]], walk.external)
        seen = [(t["path"], t["dtype"], t["shape"], t["layout"], digest)
                for t, digest in zip(facts["tensors"], hashes)]
        self.equal(f"{name} tensors", sorted(map(str, seen)), sorted(map(str, walk.tensors)))
        self.equal(f"{name} properties",
                   sorted(m["path"] for m in facts["metadata"] if m["path"].startswith("metadata_props.")),
                   sorted(f"metadata_props.{p.key}" for p in model.metadata_props))


def is_cut(content, at):
    """Whether Python refuses what is left, or it lacks what every model has."""
    try:
        model = onnx.ModelProto.FromString(content[:at])
    except Exception:
        return True
    return not model.opset_import


def damaged(program, folder, comparison):
    """Cuts at every few bytes, and changed bytes: defects where Python refuses the file, and never a crash."""
    source = MODELS["branches"]().SerializeToString()
    files = {}
    for at in range(1, len(source)):
        path = folder / f"cut-{at}.onnx"
        path.write_bytes(source[:at])
        files[path] = ("cut", at)
    rolls = random.Random(5)
    kinds = [MODELS[name]().SerializeToString() for name in ("types_raw", "types_typed", "loops", "functions", "external")]
    for i in range(300):
        content = bytearray(kinds[i % len(kinds)])
        for _ in range(1 + i % 4):
            content[rolls.randrange(len(content))] = rolls.randrange(256)
        path = folder / f"changed-{i}.onnx"
        path.write_bytes(content)
        files[path] = ("changed", i)
    facts = dump(program, files)
    comparison.equal("damaged files that were read", len(facts), len(files))
    told = 0
    for path, (kind, at) in files.items():
        seen = facts[path][0]
        # What has no graph any more is no ONNX file.
        if kind == "cut" and seen["kind"] == "onnx":
            told += bool(seen["defects"])
            comparison.equal(f"cut at {at}: a defect", bool(seen["defects"]), is_cut(source, at))
    comparison.equal("most cuts are told", told > len(source) // 2, True)


def rules(program, folder, comparison):
    """Defects that protobuf alone does not see."""
    def with_tensor(change):
        made = MODELS["raw_scalars"]()
        tensor = made.graph.initializer.add()
        tensor.name, tensor.data_type = "bad", T.FLOAT
        tensor.dims.extend([2, 2])
        tensor.raw_data = bytes(16)
        change(tensor)
        return made.SerializeToString()

    def external(key, text):
        def change(tensor):
            tensor.ClearField("raw_data")
            tensor.data_location = T.EXTERNAL
            for k, v in (("location", "a.bin"), (key, text)):
                entry = tensor.external_data.add()
                entry.key, entry.value = k, v
        return change

    cases = {
        "sound": (with_tensor(lambda t: None), None),
        "short": (with_tensor(lambda t: setattr(t, "raw_data", bytes(15))), "contradiction"),
        "long": (with_tensor(lambda t: setattr(t, "raw_data", bytes(17))), "contradiction"),
        "negative": (with_tensor(lambda t: t.dims.append(-1)), "malformed"),
        "huge": (with_tensor(lambda t: t.dims.extend([2**62, 2**62])), "malformed"),
        "type": (with_tensor(lambda t: setattr(t, "data_type", 99)), "malformed"),
        "nothing": (with_tensor(lambda t: t.ClearField("raw_data")), "missing-part"),
        "dims": (with_tensor(lambda t: t.dims.extend([1] * 100)), "over-limit"),
        "offset": (with_tensor(external("offset", "12a")), "malformed"),
        "length": (with_tensor(external("length", "-4")), "malformed"),
        "typed": (with_tensor(lambda t: (t.ClearField("raw_data"), t.float_data.extend([1.0] * 3))), "contradiction"),
        "imports": (lambda m: (m.ClearField("opset_import"), m.SerializeToString())[1])(MODELS["raw_scalars"]()),
        "deep": nested(40),
    }
    cases["imports"] = (cases["imports"], "missing-part")
    cases["deep"] = (cases["deep"], "over-limit")
    files = {}
    for name, (content, _) in cases.items():
        path = folder / f"rule-{name}.onnx"
        path.write_bytes(content)
        files[name] = path
    facts = dump(program, files.values())
    for name, (_, kind) in cases.items():
        seen = [d["kind"] for d in facts[files[name]][0]["defects"]]
        comparison.equal(f"rule {name}", seen, [kind] if kind else [])


def nested(levels):
    graph = onnx.helper.make_graph([onnx.helper.make_node("Relu", ["x"], ["y"])], "g", [], [])
    for _ in range(levels):
        graph = onnx.helper.make_graph([onnx.helper.make_node("If", ["c"], ["y"], then_branch=graph)], "g", [], [])
    return onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)]).SerializeToString()


def remarks(program, folder, comparison):
    files = {}
    for name, (made, expected) in onnx_remarks_cases.CASES.items():
        path = folder / f"remark-{name}.onnx"
        path.write_bytes(made().SerializeToString())
        files[path] = (name, expected)
    facts = dump(program, files)
    for path, (name, expected) in files.items():
        seen = [(r["kind"], r["op"], r.get("batch")) for r in facts[path][0]["onnx"]["remarks"]]
        comparison.equal(f"remarks of {name}", seen, expected)
    for name, (made, expected) in onnx_remarks_cases.USES.items():
        path = folder / f"use-{name}.onnx"
        path.write_bytes(made().SerializeToString())
        uses = dump(program, [path])[path][0]["onnx"]["uses"]
        comparison.equal(f"uses of {name}", [(u["tensor"], u["op"], u["input"], u["transposed"]) for u in uses], expected)


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    program = sys.argv[1]
    comparison = Comparison()
    with tempfile.TemporaryDirectory(prefix="runup-onnx-") as name:
        folder = Path(name)
        files = {}
        for title, write in MODELS.items():
            path = folder / f"{title}.onnx"
            path.write_bytes(write().SerializeToString())
            files[path] = title
        for path, (facts, hashes) in dump(program, files).items():
            comparison.file(files[path], path.read_bytes(), facts, hashes)
        damaged(program, folder, comparison)
        rules(program, folder, comparison)
        remarks(program, folder, comparison)
        others = sorted(Path(sys.argv[2]).rglob("*.onnx")) if len(sys.argv) > 2 else []
        for path, (facts, hashes) in dump(program, others).items() if others else ():
            comparison.file(path.parent.name, path.read_bytes(), facts, hashes)
    for problem in comparison.problems[:40]:
        print(problem)
    print(f"{len(MODELS)} models and {len(others)} of others, {comparison.compared} comparisons, "
          f"{len(comparison.problems)} differ")
    sys.exit(bool(comparison.problems) or len(MODELS) < 40 or (len(sys.argv) > 2 and not others))


if __name__ == "__main__":
    main()
