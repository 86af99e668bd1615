#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Holds the reader's facts of every fixture against Python's oracle (tests/fixtures/README.md).

    compare_with_python.py ARTIFACT_DUMP FIXTURES [NAME...]

Needs nothing but the standard library. Ends with 1 when anything differs.
"""

import json
import subprocess
import sys
from pathlib import Path

# A file of this size must be read within this time and memory, however it is broken.
SECONDS = 300

NESTED_GLOBALS = {"_codecs.encode", "numpy._core.multiarray._reconstruct"}


def decode_text(text):
    """Undoes the JSON encoding of text that is not UTF-8."""
    if not text.startswith("bytes:"):
        return text
    raw = bytearray()
    data = text[len("bytes:"):].encode()
    at = 0
    while at < len(data):
        if data[at:at + 1] == b"%":
            raw.append(int(data[at + 1:at + 3], 16))
            at += 3
        else:
            raw.append(data[at])
            at += 1
    return raw.decode("utf-8", "surrogatepass")


class Comparison:
    def __init__(self, name, oracle, dump):
        self.name = name
        self.oracle = oracle
        self.facts = dump["facts"]
        self.hashes = dump["hashes"]
        self.problems = []
        self.compared = 0
        if not dump["same_without_hash"]:
            self.problems.append("other facts without hashing")

    def equal(self, what, seen, expected):
        self.compared += 1
        if seen != expected:
            self.problems.append(f"{what}: {seen!r}; Python says {expected!r}")

    def all(self):
        if self.oracle.get("kind"):
            self.equal("kind", self.facts["kind"], self.oracle["kind"])
        self.equal("bytes", self.facts["bytes"], self.oracle["bytes"])
        if self.oracle.get("sha256"):
            self.equal("sha256", self.facts["sha256"], self.oracle["sha256"])
        if self.oracle.get("damage"):
            self.damage(self.oracle["damage"])
        else:
            self.equal("defects", self.facts["defects"], [])
        if self.oracle.get("tensors") is not None:
            self.tensors()
        if self.oracle.get("globals") is not None:
            self.globals()
        if self.oracle.get("label_encoder"):
            self.label_encoder(self.oracle["label_encoder"])
        if self.oracle.get("metadata") is not None and self.facts["kind"] != "torchscript":
            self.metadata()
        if self.oracle.get("arrays") is not None and self.oracle["tensors"] is not None:
            self.arrays()
        return self.problems

    def damage(self, damage):
        allowed = set(damage["defects"])
        seen = {d["kind"] for d in self.facts["defects"]}
        if "none" not in allowed and allowed:
            self.equal("a defect of the right kind", bool(seen & allowed), True)
        if not allowed:
            self.equal("defects", seen, set())
        if self.problems:
            self.problems.append(f"defects are {self.facts['defects']}, allowed {allowed}")
        missing = damage.get("missing_bytes")
        if missing is not None:
            self.equal("missing bytes", missing in {d.get("missing_bytes") for d in self.facts["defects"]}, True)
        if "oid" in damage:
            self.equal("oid", self.facts["lfs"], {"oid": damage["oid"], "bytes": damage["size"]})
        if "byte_order" in damage:
            self.equal("byte order", self.facts["byte_order"], damage["byte_order"])
        # The right place is named, but only where the only right answer is a defect with a place.
        member = damage.get("member")
        if member and "none" not in allowed and seen & allowed:
            named = [d["member"] + d["message"] for d in self.facts["defects"]]
            self.equal(f"some defect names {member}", any(member in n for n in named), True)

    def tensors(self):
        seen = {}
        for tensor, digest in zip(self.facts["tensors"], self.hashes):
            seen[decode_text(tensor["path"])] = (tensor, digest)
        expected = {t["path"]: t for t in self.oracle["tensors"]}
        extra = set(seen) - set(expected)
        if self.facts["kind"] == "torchscript":
            # torch.jit lists named parameters and buffers only; constants have no name.
            extra = {path for path in extra if not path.startswith("constants[")}
        self.equal("tensors that Python has not", sorted(extra), [])
        self.equal("tensors that are not seen", sorted(set(expected) - set(seen)), [])
        for path in sorted(set(seen) & set(expected)):
            self.tensor(f"`{path}`", *seen[path], expected[path])

    def tensor(self, path, seen, digest, expected):
        for ours, theirs in (("dtype",) * 2, ("shape",) * 2, ("layout",) * 2, ("requires_grad",) * 2,
                             ("is_parameter",) * 2, ("elements", "numel"), ("stride",) * 2,
                             ("storage_offset",) * 2):
            if expected[theirs] is not None:
                self.equal(f"{path} {ours}", seen[ours], expected[theirs])
        for ours, theirs in (("conjugate",) * 2, ("negative",) * 2):
            self.equal(f"{path} {ours}", seen[ours], expected.get(theirs, False))
        if expected["device_tag"] == "meta":
            self.equal(f"{path} storage", seen["storage"], -1)
        elif expected["layout"] == "strided":
            storage = self.facts["storages"][seen["storage"]]
            self.equal(f"{path} device", storage["device"], expected["device_tag"])
        if expected["sha256"] and not seen["conjugate"] and not seen["negative"]:
            self.equal(f"{path} content", digest, expected["sha256"])
        if expected.get("values"):
            self.equal(f"{path} values", seen.get("values"), expected["values"])
        quantised = expected.get("quantised")
        self.equal(f"{path} is quantised", bool(seen.get("quantisation")), bool(quantised))
        if quantised:
            for key in ("scheme", "scales", "zero_points"):
                self.equal(f"{path} {key}", seen["quantisation"][key], quantised[key])
            self.equal(f"{path} axis", seen["quantisation"]["axis"], quantised["axis"] or 0)

    def globals(self):
        seen = sorted({f"{g['module']}.{g['name']}" for g in self.facts["globals"]})
        if self.name.endswith(".joblib"):
            # joblib reads arrays of objects with an unpickler of their own, which the oracle does not see.
            seen = [g for g in seen if g in self.oracle["globals"] or g not in NESTED_GLOBALS]
        self.equal("globals", seen, self.oracle["globals"])

    def label_encoder(self, expected):
        found = [e for e in self.facts["label_lists"] if e["kind"] == "label-encoder" and e["path"] == expected["path"]]
        self.equal("label encoders there", len(found), 1)
        if not found:
            return
        seen = found[0]
        classes = [c if isinstance(c, str) else repr(c) for c in expected["classes"]]
        self.equal("classes", [decode_text(c) for c in seen["classes"]], classes)
        dtype = "str" if "U" in expected["dtype"] else expected["dtype"]
        self.equal("dtype of the classes", seen["dtype"], dtype)
        self.equal("sklearn version", seen["sklearn_version"], expected["sklearn_version"])
        self.equal("problem", seen["problem"], "")

    def metadata(self):
        seen = {decode_text(m["path"]): m for m in self.facts["metadata"]}
        for path, expected in self.oracle["metadata"].items():
            if path not in seen and expected["value"] is None:
                # An object whose items or slots are entered; Python's walk stops at it.
                types = [o["type"] for o in self.facts["objects"] if o["path"] == path]
                self.equal(f"`{path}` object", types, [expected["type"]])
                continue
            if path not in seen:
                self.problems.append(f"metadata `{path}` is not seen: {expected}")
                continue
            if "repr" not in expected:
                # What only a call makes has no value that is written in the file.
                continue
            self.equal(f"`{path}` type", seen[path]["type"], expected["type"])
            value = decode_text(seen[path]["value"])
            whole = expected["repr"]
            if value.endswith("...") and len(whole.encode()) > 200:
                self.equal(f"`{path}` value", whole.startswith(value[:-3]) and len(value) > 190, True)
            else:
                self.equal(f"`{path}` value", value, whole)
        plain = {"int", "float", "str", "bool", "NoneType", "bytes", "bytearray"}
        extra = [p for p, m in seen.items() if m["type"] in plain and p not in self.oracle["metadata"]]
        # Slots and items of a deque are entered too; the oracle's rule stops at dict states.
        extra = [p for p in extra if not p.startswith(("slotted.", "deque["))]
        self.equal("scalars that Python has not", extra, [])

    def arrays(self):
        seen = {decode_text(m["path"]): m["value"] for m in self.facts["metadata"] if m["type"] == "numpy.ndarray"}
        expected = {a["path"]: a for a in self.oracle["arrays"]}
        self.equal("arrays", sorted(seen), sorted(expected))
        for path in set(seen) & set(expected):
            shape = ", ".join(str(n) for n in expected[path]["shape"])
            self.equal(f"`{path}` shape", seen[path].endswith(f"[{shape}]"), True)
            dtype = expected[path]["dtype"]
            if dtype.isalnum():
                self.equal(f"`{path}` dtype", seen[path].split()[0], dtype)


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    folder = Path(sys.argv[2])
    index = json.loads((folder / "index.json").read_text())
    names = sys.argv[3:] or index["files"] + index["damaged"]
    failures = compared = 0
    for name in names:
        oracle = json.loads((folder / f"{name}.oracle.json").read_text())
        try:
            ran = subprocess.run([sys.argv[1], folder / name], capture_output=True, timeout=SECONDS, check=True)
        except subprocess.SubprocessError as error:
            failures += 1
            print(f"{name}: {error}\n{(error.stderr or b'').decode()[-2000:]}")
            continue
        comparison = Comparison(name, oracle, json.loads(ran.stdout))
        problems = comparison.all()
        compared += comparison.compared
        failures += bool(problems)
        for problem in problems[:10]:
            print(f"{name}: {problem[:600]}")
        if len(problems) > 10:
            print(f"{name}: and {len(problems) - 10} more")
    print(f"{len(names)} files, {compared} comparisons, {failures} files differ")
    # Fixtures that say nothing would pass in silence.
    sys.exit(failures > 0 or compared < 10 * len(names))


if __name__ == "__main__":
    main()
