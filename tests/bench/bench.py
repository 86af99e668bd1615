# SPDX-License-Identifier: Apache-2.0
"""Times runup beside what it replaces: medians of alternating runs, and their ratio.

    bench.py BIN_FOLDER [--json OUT] [--runs N] [--skip-large]

Nothing here fails a build: the numbers are for people, who compare the ratio with the goal.
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
EXAMPLE = HERE.parent.parent / "configs" / "examples" / "sign-language-service"


def timed(command, expected=0):
    """Wall seconds, peak resident bytes of the largest single process, exit status."""
    started = time.perf_counter()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    errors = child.stderr.read()
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - started
    if child.returncode != expected:
        sys.exit(f"{command} ended with {child.returncode}:\n{errors.decode()}")
    return seconds, usage.ru_maxrss * 1024


def side_by_side(ours, theirs, runs):
    """Runs the two in turn, after one warm-up each, so that both see the same machine."""
    timed(ours)
    timed(theirs)
    return in_turn(lambda: timed(ours)[0], lambda: timed(theirs)[0], runs)


def in_turn(ours, theirs, runs):
    """What two functions measure, in seconds, and its ratio."""
    pairs = [(ours(), theirs()) for _ in range(runs)]
    return {
        "ours_s": statistics.median(a for a, _ in pairs),
        "theirs_s": statistics.median(b for _, b in pairs),
        "ratio": statistics.median(a / b for a, b in pairs),
        "ratio_min": min(a / b for a, b in pairs),
        "ratio_max": max(a / b for a, b in pairs),
    }


def alone(command, runs, expected=0):
    timed(command, expected)
    results = [timed(command, expected) for _ in range(runs)]
    return {
        "median_s": statistics.median(seconds for seconds, _ in results),
        "min_s": min(seconds for seconds, _ in results),
        "max_s": max(seconds for seconds, _ in results),
        "peak_mib": max(peak for _, peak in results) / 2**20,
    }


VALUES_BY_HAND = """
import sys, torch
state = torch.load(sys.argv[1], mmap=True, weights_only=True)["model_state_dict"]
for name, tensor in state.items():
    low, high = tensor.aminmax()
    assert bool(tensor.isfinite().all()), name
"""


def write_large_checkpoint(folder):
    """A real 4 GiB checkpoint of 64 layers, written by torch.save."""
    path = Path(folder) / "large.pth"
    script = (
        "import torch, sys\n"
        "layer = torch.randn(4096, 4096)\n"
        "torch.save({'model_state_dict': {f'layers.{i}.weight': layer.clone()"
        " for i in range(64)}, 'epoch': 1}, sys.argv[1])\n"
    )
    subprocess.run([sys.executable, "-c", script, path], check=True)
    return path


def history_queries(bench, runup, runs):
    """What a history of 10,000 runs takes to answer: the library, just after it opened the file, and the command."""
    with tempfile.TemporaryDirectory(prefix="runup-bench-") as folder:
        path = f"{folder}/history.db"
        made = subprocess.run([bench / "bench-history", path, "10000"], check=True, capture_output=True, text=True)
        numbers = json.loads(made.stdout)
        numbers["command"] = alone([runup, "history", "target-1", "--history", path], runs)
    return numbers


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("bin", type=Path)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--runs", type=int, default=9)
    parser.add_argument("--skip-large", action="store_true")
    options = parser.parse_args()
    runup = str(options.bin / "runup")
    checklist = str(HERE / "checklist.yaml")
    numbers = {}
    # The same single thread on both sides, as the example service is deployed: with more, a small
    # network on a busy machine measures how threads wait for each other.
    os.environ["OMP_NUM_THREADS"] = "1"

    by_hand = [sys.executable, str(HERE / "checklist_by_hand.py"), str(EXAMPLE)]
    # What the script by hand does not try: sizes other than the usual one.
    pair = side_by_side([runup, "run", checklist, "--skip", "input-shape"], by_hand, options.runs)
    numbers["checklist"] = pair
    print("whole checklist of the example service")
    print(f"  runup run                {pair['ours_s']:8.3f} s")
    print(f"  torch + scikit-learn     {pair['theirs_s']:8.3f} s")
    print(f"  ratio                    {pair['ratio']:8.3f}   "
          f"({pair['ratio_min']:.3f} to {pair['ratio_max']:.3f}; goal: at most 0.5)")

    by_hand = [sys.executable, str(HERE / "service_by_hand.py"), str(EXAMPLE)]
    pair = side_by_side([runup, "run", str(HERE / "service.yaml"), "--select", "*/inference", "--set",
                         f"python={sys.executable}"], by_hand, options.runs)
    numbers["service"] = pair
    print("the service's own predictor: import, load, four inferences")
    print(f"  runup run                {pair['ours_s']:8.3f} s")
    print(f"  a bare script            {pair['theirs_s']:8.3f} s")
    print(f"  ratio                    {pair['ratio']:8.3f}   "
          f"({pair['ratio_min']:.3f} to {pair['ratio_max']:.3f}; goal: at most 1.1)")

    # Undecided, because no inference was selected.
    starts = [runup, "run", str(EXAMPLE / "runup.yaml"), "--set", f"python={sys.executable}",
              *(f"--select={check}" for check in ("service-health", "startup-failure", "startup-time", "service-stop"))]
    plain = [sys.executable, str(HERE / "start_by_hand.py"), str(EXAMPLE)]
    timed(plain)
    pair = in_turn(lambda: timed(starts, expected=2)[0], lambda: timed(plain)[0], min(options.runs, 5))
    numbers["starts"] = pair
    print("all starts of the example service: as it is, damaged in five ways, stopped while it loads")
    print(f"  runup run --select ...   {pair['ours_s']:8.3f} s")
    print(f"  one plain start          {pair['theirs_s']:8.3f} s")
    print(f"  ratio                    {pair['ratio']:8.3f}   "
          f"({pair['ratio_min']:.3f} to {pair['ratio_max']:.3f}; goal: at most 3)")

    static = [f"--select={check}" for check in ("model-present", "model-loadable", "device-mapping")]
    # Undecided, because no inference was selected; that is the verdict whose time is taken.
    result = alone([runup, "run", checklist, *static], 4 * options.runs, expected=2)
    numbers["static"] = result
    print("static checks alone, process start to verdict")
    print(f"  runup run --select ...   {result['median_s'] * 1e3:8.1f} ms  (goal: at most 20)")

    result = history_queries(options.bin.parent / "bench", runup, options.runs)
    numbers["history"] = result
    print(f"a history of {result['runs']} runs ({result['file_mib']:.0f} MiB), median and worst of {result['rounds']} "
          "(goal: each query below 50 ms)")
    for name, words in (("newest_20", "newest 20 of a target"), ("last_ready", "last ready run"),
                        ("series_100", "last 100 times of p95"), ("targets", "all targets"),
                        ("one_report", "one whole report"), ("add", "a run added")):
        print(f"  {words:<24}{result[name]['median_ms']:9.2f} ms {result[name]['worst_ms']:9.2f} ms")
    print(f"  runup history TARGET    {result['command']['median_s'] * 1e3:9.2f} ms "
          f"{result['command']['max_s'] * 1e3:9.2f} ms")

    if not options.skip_large:
        with tempfile.TemporaryDirectory(prefix="runup-bench-") as folder:
            path = write_large_checkpoint(folder)
            result = alone([runup, "inspect", str(path)], options.runs)
            values = side_by_side([runup, "inspect", "--values", str(path)],
                                  [sys.executable, "-c", VALUES_BY_HAND, str(path)], 3)
            read = side_by_side([runup, "inspect", "--values", str(path)],
                                ["dd", f"if={path}", "of=/dev/null", "bs=1M", "status=none"], 5)
        numbers["inspect"] = result
        numbers["values"] = values
        numbers["plain_read"] = read
        print("inspect of a 4 GiB checkpoint")
        print(f"  time                     {result['median_s'] * 1e3:8.1f} ms  (goal: at most 100)")
        print(f"  peak resident            {result['peak_mib']:8.1f} MiB (goal: at most 64)")
        print("what the numbers of its tensors are like (finite, smallest, largest)")
        print(f"  runup inspect --values   {values['ours_s']:8.3f} s")
        print(f"  torch                    {values['theirs_s']:8.3f} s")
        print(f"  ratio                    {values['ratio']:8.3f}   "
              f"({values['ratio_min']:.3f} to {values['ratio_max']:.3f})")
        print("the same beside a plain read of the file's bytes")
        print(f"  runup inspect --values   {read['ours_s']:8.3f} s")
        print(f"  dd bs=1M                 {read['theirs_s']:8.3f} s")
        print(f"  ratio                    {read['ratio']:8.3f}   "
              f"({read['ratio_min']:.3f} to {read['ratio_max']:.3f})")

    if options.json:
        options.json.write_text(json.dumps(numbers, indent=2) + "\n")


if __name__ == "__main__":
    main()
