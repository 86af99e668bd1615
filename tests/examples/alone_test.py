# SPDX-License-Identifier: Apache-2.0
"""The program alone, as it is copied to a server: without its probes, the service's own torch and onnxruntime run all
files of the example, and judge them like the probes do."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

EXAMPLE = Path(sys.argv[2]).resolve() / "configs/examples/sign-language-service/runup.yaml"

os.environ["OMP_NUM_THREADS"] = "1"
with tempfile.TemporaryDirectory(prefix="runup-alone-") as folder:
    program = shutil.copy(sys.argv[1], folder)
    report = Path(folder) / "report.json"
    ran = subprocess.run([program, "run", EXAMPLE, "--report", f"json={report}"], capture_output=True, text=True)
    told = json.loads(report.read_text())

assert ran.returncode == 0 and told["verdict"] == "ready", ran.stdout + ran.stderr
seen = [(witness["library"], witness["file"].rpartition(".")[2]) for witness in told["witnesses"]]
assert seen == [("torch", ""), ("torch", ""), ("onnxruntime", "onnx"), ("torch", "pt")], seen
parity = [result for result in told["results"] if result["check"] == "conversion-parity"]
assert [result["outcome"]["status"] for result in parity] == ["passed"], parity
print("without the probes the example is judged as with them")
