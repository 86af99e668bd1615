# SPDX-License-Identifier: Apache-2.0
"""Times of the runtimes inside runup's probes, beside the same loops written directly on them.

    runtimes.py BIN_FOLDER LOOP_FOLDER [--runs N]

Both in turn, in one run, with one thread: the probe is asked for warm calls as a check asks for them, and the
loop (loop_torch.cpp, loop_onnxruntime.cpp) calls the same file with noise of the same shape.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))
import probe  # noqa: E402
from bench import in_turn  # noqa: E402

EXAMPLE = HERE.parent.parent / "configs" / "examples" / "sign-language-service"
MODELS = EXAMPLE / "models"
FILES = {"torch": "cnn_bilstm_attention_model.ts.pt", "onnxruntime": "cnn_bilstm_attention_model.onnx"}
WARM, CALLS = 10, 100
SHAPE = [1, 300, 147]


def by_loop(folder, runtime, calls):
    """Seconds of each call."""
    done = subprocess.run([folder / f"loop-{runtime}", MODELS / FILES[runtime], str(calls)], check=True,
                          capture_output=True)
    return [float(line) for line in done.stdout.split()]


def by_probe(folder, runtime, calls):
    model = {"inputs": [{"name": "frames", "dtype": "float32", "shape": SHAPE}]}
    asked = {"kind": "latency", "fill": "random", "seed": 1, "count": calls}
    answer = probe.run(folder / f"runup-probe-{runtime}", MODELS / FILES[runtime], model, [asked],
                       environment=dict(os.environ))
    return answer.one("experiment")["calls"]


def warm(seconds):
    """The shortest: what else the machine does can only add to it."""
    return min(seconds[WARM:])


def wall(work):
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def report(title, numbers, ours, theirs, goal):
    print(title)
    print(f"  {ours:<24} {numbers['ours_s'] * 1e3:8.2f} ms")
    print(f"  {theirs:<24} {numbers['theirs_s'] * 1e3:8.2f} ms")
    print(f"  {'ratio':<24} {numbers['ratio']:8.3f}   "
          f"({numbers['ratio_min']:.3f} to {numbers['ratio_max']:.3f}; goal: {goal})", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("bin", type=Path)
    parser.add_argument("loops", type=Path)
    parser.add_argument("--runs", type=int, default=15)
    options = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"

    for runtime in FILES:
        numbers = in_turn(lambda: warm(by_probe(options.bin, runtime, WARM + CALLS)),
                          lambda: warm(by_loop(options.loops, runtime, WARM + CALLS)), options.runs)
        report(f"a warm inference of the example in {runtime}", numbers, "through the probe", "direct loop",
               "at most 1.03")

    # Zeros, ones, noise and both samples.
    parity = [options.bin / "runup", "run", EXAMPLE / "runup.yaml", "--select", "conversion-parity",
              "--set", "checks.conversion-parity.random=1", "--report", "json"]

    def compared():
        done = subprocess.run(parity, check=False, capture_output=True)
        (result,) = [one for one in json.loads(done.stdout)["results"] if one["check"] == "conversion-parity"]
        assert result["outcome"]["status"] == "passed", result

    def bare():
        # The checkpoint's runtime is libtorch as well.
        for runtime in ("torch", "onnxruntime", "torch"):
            by_loop(options.loops, runtime, 5)

    numbers = in_turn(lambda: wall(compared), lambda: wall(bare), options.runs)
    report("parity of the example: three runtimes, five inputs, and the values of the weights", numbers,
           "runup run", "the bare inferences", "at most 3")


if __name__ == "__main__":
    main()
