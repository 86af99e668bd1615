#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What `runup init --architecture` makes of a service's network.

    architecture_test.py RUNUP [NAME...]

Each network stands in a package of its own. The archive is held against PyTorch itself: filled with the checkpoint, it
answers as the network does, and before that it knows no number of it. A network that has no such archive gets none,
with the reason.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from textwrap import dedent

sys.dont_write_bytecode = True

import torch  # noqa: E402
from pieces import imported, put_file  # noqa: E402

MAIN = """\
import numpy
import torch
from fastapi import FastAPI

from predictor import get_predictor

app = FastAPI()
predictor = get_predictor()


@app.post("/predict")
def predict(body: dict):
    return {"answer": predictor.model(torch.tensor(body["x"], dtype=torch.float32)).tolist()}
"""
PREDICTOR = """\
from pathlib import Path

import torch

from network import Net

MODEL = Path(__file__).resolve().parent / "models" / "net.pth"


class Predictor:
    def __init__(self):
        self.model = Net()
        self.model.load_state_dict({load})
        self.model{ready}


def get_predictor():
    return Predictor()
"""
CONFIG = """\
version: 1
target: networks
package: .
entrypoint: main.py
models:
  net:
    path: models/net.pth
    factory: predictor:get_predictor
    inputs: [{name: x, dtype: float32, shape: [batch, 8]}]
    axes: {batch: {example: 2, range: [1, 4]}}
"""


class Network:
    def __init__(self, source, how, *, refused="", ready=".eval()", load="torch.load(MODEL)", prefix=""):
        self.source, self.how, self.refused = dedent(source), how, refused
        self.ready, self.load, self.prefix = ready, load, prefix

    def write(self, folder):
        with imported("network", self.source) as module:
            torch.manual_seed(5)
            net = module.Net()
            with torch.no_grad():
                for key, buffer in net.named_buffers():
                    if key in net.state_dict() and buffer.is_floating_point():
                        buffer.add_(torch.rand_like(buffer))
            (folder / "models").mkdir(parents=True)
            torch.save({self.prefix + key: value for key, value in net.state_dict().items()}, folder / "models/net.pth")
            net.eval()
        put_file(folder, "main.py", MAIN)
        put_file(folder, "network.py", self.source)
        put_file(folder, "predictor.py", PREDICTOR.format(load=self.load, ready=self.ready))
        return net


NETWORKS = {
    "plain": Network("""
        from torch import nn

        class Net(nn.Sequential):
            def __init__(self):
                super().__init__(nn.Linear(8, 16), nn.ReLU(), nn.Dropout(0.4), nn.Linear(16, 4))
        """, "scripted"),
    # counters, running values, a buffer that no state_dict has, a constant
    "buffers": Network("""
        import torch
        from torch import nn

        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.body = nn.Sequential(nn.Linear(8, 6), nn.BatchNorm1d(6))
                self.register_buffer("wave", torch.linspace(-1, 1, 6), persistent=False)
                self.register_buffer("scale", torch.full((1,), 3.0))
                self.gain = nn.Parameter(torch.tensor(0.25))

            def forward(self, x):
                return self.body(x) * self.gain * self.scale + self.wave
        """, "scripted"),
    "tied": Network("""
        from torch import nn

        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.first, self.second = nn.Linear(8, 8), nn.Linear(8, 8)
                self.second.weight = self.first.weight

            def forward(self, x):
                return self.second(self.first(x).relu())
        """, "scripted"),
    "recurrent": Network("""
        import torch
        from torch import nn

        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.rnn = nn.LSTM(2, 8, batch_first=True, bidirectional=True)
                self.head = nn.Linear(16, 4)

            def forward(self, x):
                y, _ = self.rnn(x.reshape(x.size(0), 4, 2))
                return self.head(y.mean(1))
        """, "scripted"),
    # what TorchScript's compiler does not read
    "only-traceable": Network("""
        from torch import nn

        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.layers = {"a": nn.Linear(8, 4)}
                self.inner = self.layers["a"]

            def forward(self, x, **options):
                return sum(layer(x) for layer in self.layers.values())
        """, "traced"),
    # a trace of it knows one way alone, and not for every size
    "depends-on-its-sizes": Network("""
        from torch import nn

        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.head = nn.Linear(8, 4)

            def forward(self, x, **options):
                return self.head(x) if len(x) == 2 else -self.head(x)
        """, "", refused="answers"),
    "in-training-mode": Network("""
        from torch import nn

        class Net(nn.Sequential):
            def __init__(self):
                super().__init__(nn.Linear(8, 64), nn.Dropout(0.5), nn.Linear(64, 4))
        """, "", refused="training mode", ready=".train()"),
    "another-prefix": Network("""
        from torch import nn

        class Net(nn.Sequential):
            def __init__(self):
                super().__init__(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4))
        """, "", refused="cannot fill it from the model file", prefix="module.",
        load="{key[7:]: value for key, value in torch.load(MODEL).items()}"),
    "quantised": Network("""
        from torch import nn

        class Net(nn.Sequential):
            def __init__(self):
                super().__init__(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4))
        """, "", refused="quantised",
        ready=" = torch.ao.quantization.quantize_dynamic(self.model.eval(), {torch.nn.Linear})"),
}

failures = []


def expect(holds, words):
    if not holds:
        failures.append(words)
        print(f"WRONG {words}", flush=True)


def call(*arguments):
    return subprocess.run([str(word) for word in arguments], capture_output=True, text=True, timeout=300, check=False)


def check_archive(name, archive, net, checkpoint):
    state = torch.load(checkpoint, weights_only=True)
    empty = torch.jit.load(archive)
    for key, value in empty.state_dict().items():
        if key in state and (value.numel() > 1 or key in dict(net.named_parameters())):
            expect(not value.any(), f"{name}: `{key}` has numbers")
    wanted = {value.numpy().tobytes() for value in state.values() if value.numel() > 1}
    content = archive.read_bytes()
    expect(not any(value in content for value in wanted), f"{name}: numbers of the checkpoint are in the archive")
    places = {**dict(empty.named_parameters(remove_duplicate=False)), **dict(empty.named_buffers(remove_duplicate=False))}
    with torch.no_grad():
        for key, value in state.items():
            places[key].data = value.clone()
        for seed, batch in ((1, 1), (2, 3), (3, 4)):
            x = torch.randn(batch, 8, generator=torch.Generator().manual_seed(seed))
            expect(torch.allclose(empty.eval()(x), net(x), rtol=1e-5, atol=1e-6), f"{name}: answers differ")


def check(runup, name, network, scratch):
    folder = scratch / name
    net = network.write(folder)
    config, archive = folder / "runup.yaml", folder / "architectures/net.pt"
    config.write_text(CONFIG + f"python: {sys.executable}\n")
    ran = call(runup, "init", "--architecture", folder)
    if not network.how:
        expect(ran.returncode == 2 and network.refused in ran.stderr, f"{name}: {ran}")
        expect(not archive.exists(), f"{name}: an archive was written")
        return
    expect(ran.returncode == 0 and f", {network.how}," in ran.stdout, f"{name}: {ran}")
    if not archive.exists():
        return
    expect(config.read_text().startswith(CONFIG), f"{name}: the config was changed")
    check_archive(name, archive, net, folder / "models/net.pth")
    # a host without the service's Python has it from now on
    config.write_text(CONFIG.replace("    factory: predictor:get_predictor\n", "    architecture: architectures/net.pt\n"))
    report = scratch / f"{name}.json"
    call(runup, "run", config, "--select", "*/inference", "--report", f"json={report}")
    told = json.loads(report.read_text())
    expect(told["verdict"] == "ready", f"{name}: {told['verdict']}: {told['results']}")


def check_files(runup, scratch):
    """A new config names the archive; what is there already is not written over."""
    folder = scratch / "new"
    NETWORKS["plain"].write(folder)
    ran = call(runup, "init", "--architecture", folder)
    config, archive = folder / "runup.yaml", folder / "architectures/net.pt"
    # init cannot know what the network is called with: the config is written, and says so
    expect(ran.returncode == 2 and "inputs" in ran.stderr and config.exists() and not archive.exists(), f"new: {ran}")
    config.write_text(CONFIG + f"python: {sys.executable}\n")
    archive.parent.mkdir()
    archive.write_text("mine")
    ran = call(runup, "init", "--architecture", folder)
    expect(ran.returncode == 2 and "is there already" in ran.stderr and archive.read_text() == "mine", f"there: {ran}")
    ran = call(runup, "init", "--architecture", folder, "--output", "-")
    expect(ran.returncode == 64, f"to stdout: {ran}")
    config.write_text(CONFIG.replace("factory:", "factories:"))
    ran = call(runup, "init", "--architecture", folder)
    expect(ran.returncode == 78 and "factories" in ran.stderr, f"a broken config: {ran}")


def main():
    runup, names = Path(sys.argv[1]).resolve(), sys.argv[2:]
    os.environ.update(OMP_NUM_THREADS="1", CUDA_VISIBLE_DEVICES="")
    with tempfile.TemporaryDirectory(prefix="runup-architecture-") as folder:
        for name, network in NETWORKS.items():
            if not names or name in names:
                check(runup, name, network, Path(folder))
        if not names:
            check_files(runup, Path(folder))
    print(f"{len(NETWORKS)} networks, {len(failures)} wrong")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
