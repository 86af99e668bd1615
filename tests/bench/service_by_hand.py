# SPDX-License-Identifier: Apache-2.0
"""The example service's predictor, asked by the bare script that an engineer would write: two recorded samples and two
inputs of noise, each answer finite, right and named."""

import os
import sys
from pathlib import Path

package = Path(sys.argv[1]).resolve()
sys.path.insert(0, str(package))
os.chdir(package)

import numpy  # noqa: E402
from processing.predictor import get_predictor  # noqa: E402

predictor = get_predictor()
assert not any(module.training for module in predictor._model.modules())


def infer(frames):
    logits = predictor.logits(frames)
    assert numpy.isfinite(logits).all() and logits.shape[1] == len(predictor._labels)
    return logits


for name, label in (("hello", "안녕하세요"), ("thanks", "감사합니다")):
    logits = infer(numpy.load(package / "samples" / f"{name}.npy"))
    assert numpy.allclose(logits, numpy.load(package / "samples" / f"{name}.out.npy"), rtol=1e-3, atol=1e-5)
    assert predictor._labels[int(logits[0].argmax())] == label
for seed in (1, 2):
    infer(numpy.random.default_rng(seed).standard_normal((1, 300, 147), dtype=numpy.float32))

# As runup's probe ends: taking torch and scikit-learn down again is 0.7 s that no check needs.
os._exit(0)
