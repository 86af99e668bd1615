# SPDX-License-Identifier: Apache-2.0
"""Times of the runtimes inside runup's probes, beside the same loops written directly on them.

    runtimes.py BIN_FOLDER [--runs N]

The probe is asked for warm calls as a check asks for them; the loop calls the same file with the same
input in Python, whose own share is some microseconds of milliseconds. Both in turn, in one run.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))
EXAMPLE = HERE.parent.parent / "configs" / "examples" / "sign-language-service"
MODELS = EXAMPLE / "models"
CALLS = 100
SHAPE = [1, 300, 147]

LOOPS = {
    "torch": """
import sys, time, numpy, torch
module = torch.jit.load(sys.argv[1])
x = torch.from_numpy(numpy.random.default_rng(1).standard_normal({shape}).astype('float32'))
with torch.no_grad():
    for _ in range({warm}):
        module(x)
    for _ in range({calls}):
        started = time.perf_counter()
        module(x)
        print(time.perf_counter() - started)
""",
    "onnxruntime": """
import sys, time, numpy, onnxruntime
session = onnxruntime.InferenceSession(sys.argv[1], providers=['CPUExecutionProvider'])
feeds = {{'frames': numpy.random.default_rng(1).standard_normal({shape}).astype('float32')}}
for _ in range({warm}):
    session.run(None, feeds)
for _ in range({calls}):
    started = time.perf_counter()
    session.run(None, feeds)
    print(time.perf_counter() - started)
""",
}
FILES = {"torch": "cnn_bilstm_attention_model.ts.pt", "onnxruntime": "cnn_bilstm_attention_model.onnx"}
WARM = 5


def direct(runtime):
    code = LOOPS[runtime].format(shape=SHAPE, warm=WARM, calls=CALLS)
    done = subprocess.run([sys.executable, "-c", code, MODELS / FILES[runtime]], check=True, capture_output=True)
    return statistics.median(float(line) for line in done.stdout.split())


def through_probe(folder, runtime):
    import probe

    model = {"inputs": [{"name": "frames", "dtype": "float32", "shape": SHAPE}]}
    asked = {"kind": "latency", "fill": "random", "seed": 1, "count": WARM + CALLS}
    answer = probe.run(folder / f"runup-probe-{runtime}", MODELS / FILES[runtime], model, [asked],
                       environment=dict(os.environ))
    calls = answer.one("experiment")["calls"][WARM:]
    # Durations are nanoseconds, or texts of them.
    return statistics.median(float(call) if not isinstance(call, str) else seconds(call) for call in calls)


def seconds(text):
    for unit, factor in (("ns", 1e-9), ("us", 1e-6), ("µs", 1e-6), ("ms", 1e-3), ("s", 1)):
        if text.endswith(unit):
            return float(text.removesuffix(unit)) * factor
    raise ValueError(text)


def parity(runup, runs):
    """A whole run of conversion-parity, beside the bare inferences that it needs."""
    five = {"random": 1, "samples": True, "weights": False}
    config = (EXAMPLE / "runup.yaml").read_text()
    with tempfile.TemporaryDirectory(prefix="runup-bench-") as folder:
        path = EXAMPLE / "runup.yaml"
        report = Path(folder) / "report.json"
        arguments = [runup, "run", path, "--select", "conversion-parity", "--report", f"json={report}"]
        for key, value in five.items():
            arguments += ["--set", f"checks.conversion-parity.{key}={json.dumps(value)}"]
        times = []
        for _ in range(runs):
            started = time.perf_counter()
            subprocess.run(arguments, check=False, capture_output=True)
            times.append(time.perf_counter() - started)
    assert config
    return statistics.median(times)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("bin", type=Path)
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    for runtime in LOOPS:
        pairs = [(through_probe(options.bin, runtime), direct(runtime)) for _ in range(options.runs)]
        ratios = [ours / theirs for ours, theirs in pairs]
        print(f"warm inference of the example in {runtime}")
        print(f"  through the probe        {statistics.median(a for a, _ in pairs) * 1e3:8.3f} ms")
        print(f"  direct loop              {statistics.median(b for _, b in pairs) * 1e3:8.3f} ms")
        print(f"  ratio                    {statistics.median(ratios):8.3f}   "
              f"({min(ratios):.3f} to {max(ratios):.3f}; goal: within 3 %)")
    print(f"parity of the example, 3 files and 5 inputs: {parity(options.bin / 'runup', options.runs):.3f} s")


if __name__ == "__main__":
    main()
