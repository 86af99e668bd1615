# SPDX-License-Identifier: Apache-2.0
"""Loads the model once and answers predictions."""

import logging
import os
import threading
import time
from pathlib import Path

import numpy
import torch
from sklearn.preprocessing import LabelEncoder

from processing.network import FEATURES, MAX_TIME, CnnBilstmAttention

log = logging.getLogger(__name__)

# Anchored to this file, never to the folder that the server was started from.
BASE_DIR = Path(__file__).resolve().parent.parent
MODEL_PATH = BASE_DIR / "models" / "cnn_bilstm_attention_model.pth"

WARM_UP_FRAMES = 60

# The checkpoint holds tensors, plain values and one LabelEncoder, so
# weights_only=True stays on and only what that encoder's pickle names is let
# in: the class itself and the three numpy types that rebuild its string array.
# A checkpoint that needs anything else is refused instead of being executed.
ALLOWED_GLOBALS = [
    LabelEncoder,
    numpy._core.multiarray._reconstruct,
    numpy.ndarray,
    numpy.dtype,
    numpy.dtypes.StrDType,
]


class InputError(ValueError):
    """The request's frames do not fit the network; the message says how."""


class Predictor:
    def __init__(self, model: CnnBilstmAttention, labels: list[str], device: torch.device):
        self._model = model
        self._labels = labels
        self._device = device
        self.load_seconds = 0.0

    def logits(self, frames: numpy.ndarray) -> numpy.ndarray:
        """[batch, time, 147] float32 to [batch, classes] float32."""
        with torch.inference_mode():
            return self._model(torch.from_numpy(frames).to(self._device)).cpu().numpy()

    def predict(self, frames: list[list[float]]) -> dict:
        """The sign of one clip, a list of frames of 147 numbers each."""
        if not 1 <= len(frames) <= MAX_TIME:
            raise InputError(f"{len(frames)} frames; expected 1 to {MAX_TIME}")
        widths = {len(frame) for frame in frames}
        if widths != {FEATURES}:
            raise InputError(f"frames of {sorted(widths)} numbers; expected {FEATURES}")
        clip = numpy.asarray([frames], dtype=numpy.float32)
        if not numpy.isfinite(clip).all():
            raise InputError("frames hold numbers that are not finite")
        logits = torch.from_numpy(self.logits(clip))[0]
        best = int(logits.argmax())
        confidence = float(torch.softmax(logits, dim=0)[best])
        return {"label": self._labels[best], "confidence": confidence}

    def status(self) -> dict:
        return {
            "model": MODEL_PATH.name,
            "device": str(self._device),
            "classes": len(self._labels),
            "load_seconds": round(self.load_seconds, 3),
        }


def load_predictor(path: Path, device: torch.device) -> Predictor:
    """Raises FileNotFoundError, or ValueError when the checkpoint does not fit together."""
    if not path.is_file():
        raise FileNotFoundError(f"{path}: put the model there before starting the service")
    started = time.perf_counter()
    with torch.serialization.safe_globals(ALLOWED_GLOBALS):
        checkpoint = torch.load(path, map_location=device, weights_only=True)
    model = CnnBilstmAttention.from_state_dict(checkpoint["model_state_dict"]).to(device)
    labels = [str(label) for label in checkpoint["label_encoder"].classes_]
    outputs = model.classifier[-1].out_features
    if len(labels) != outputs:
        raise ValueError(f"{len(labels)} labels; the network has {outputs} outputs")

    predictor = Predictor(model, labels, device)
    # The first inference of a process is slow (threads, allocator, kernels);
    # it is paid here and not by the first user.
    warm_up = predictor.logits(numpy.zeros((1, WARM_UP_FRAMES, FEATURES), numpy.float32))
    if not numpy.isfinite(warm_up).all():
        raise ValueError("the warm-up inference gave numbers that are not finite")
    predictor.load_seconds = time.perf_counter() - started
    log.info("loaded %s on %s in %.3f s, warm-up included", path, device, predictor.load_seconds)
    return predictor


_lock = threading.Lock()
_predictor: Predictor | None = None


def get_predictor() -> Predictor:
    """The process's one predictor, loaded at the first call."""
    global _predictor
    with _lock:
        if _predictor is None:
            name = os.environ.get("SIGN_DEVICE", "cpu")
            _predictor = load_predictor(MODEL_PATH, torch.device(name))
        return _predictor
