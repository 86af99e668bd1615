# SPDX-License-Identifier: Apache-2.0
"""The same seven checks of the example service as an engineer would script them.

One process with torch and scikit-learn: the file is there and a checkpoint, it loads, its keys fit
the network, the label encoder fits the outputs, storages map to the CPU, three inferences (two
recorded samples and noise) are finite and right, and their times stay within the budget.
"""

import sys
import time
from pathlib import Path

import numpy
import torch
from sklearn.preprocessing import LabelEncoder

package = Path(sys.argv[1])
sys.path.insert(0, str(package))
from processing.network import CnnBilstmAttention  # noqa: E402

path = package / "models" / "cnn_bilstm_attention_model.pth"
assert path.is_file() and path.stat().st_size > 1000
assert path.open("rb").read(4) == b"PK\x03\x04"

started = time.perf_counter()
checkpoint = torch.load(path, map_location="cpu", weights_only=False)
state_dict = checkpoint["model_state_dict"]
assert not any(key.startswith(("module.", "_orig_mod.")) for key in state_dict)
model = CnnBilstmAttention.from_state_dict(state_dict)
missing, unexpected = model.load_state_dict(state_dict, strict=True)
assert not missing and not unexpected
model.eval()
load_seconds = time.perf_counter() - started

encoder = checkpoint["label_encoder"]
assert isinstance(encoder, LabelEncoder)
labels = [str(label) for label in encoder.classes_]
assert len(labels) == len(set(labels)) == state_dict["classifier.3.bias"].numel()
assert all(tensor.device.type == "cpu" for tensor in state_dict.values())

seconds = []


def infer(frames):
    before = time.perf_counter()
    with torch.inference_mode():
        logits = model(torch.from_numpy(frames)).numpy()
    seconds.append(time.perf_counter() - before)
    assert numpy.isfinite(logits).all() and logits.shape[1] == len(labels)
    return logits


for name, label in (("hello", "안녕하세요"), ("thanks", "감사합니다")):
    logits = infer(numpy.load(package / "samples" / f"{name}.npy"))
    expected = numpy.load(package / "samples" / f"{name}.out.npy")
    assert numpy.allclose(logits, expected, rtol=1e-3, atol=1e-5)
    assert labels[int(logits[0].argmax())] == label
infer(numpy.random.default_rng(1).standard_normal((1, 300, 147), dtype=numpy.float32))

assert load_seconds < 10 and seconds[0] < 5 and max(seconds) < 2
print("ready")
