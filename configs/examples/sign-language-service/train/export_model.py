#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Exports the trained checkpoint as the conversions that runup.yaml names.

    export_model.py [DIR]     DIR (default: models/) gets *.ts.pt and *.onnx

Needs torch and onnx beside the requirements of the service.
"""

import sys
import warnings
from pathlib import Path

import torch

HERE = Path(__file__).resolve().parent
PACKAGE = HERE.parent
sys.path[:0] = [str(PACKAGE)]

from processing.network import FEATURES, CnnBilstmAttention  # noqa: E402

NAME = "cnn_bilstm_attention_model"


class TracedAttention(torch.nn.Module):
    """What nn.MultiheadAttention computes, without the batch size that a trace of it keeps."""

    def __init__(self, attention):
        super().__init__()
        self.in_proj_weight = attention.in_proj_weight
        self.in_proj_bias = attention.in_proj_bias
        self.out_proj = attention.out_proj
        self.heads = attention.num_heads

    def forward(self, x, _key, _value, need_weights=False):
        projected = torch.nn.functional.linear(x, self.in_proj_weight, self.in_proj_bias)
        q, k, v = [
            part.unflatten(2, (self.heads, -1)).transpose(1, 2) for part in projected.chunk(3, dim=2)
        ]
        weights = torch.softmax(q @ k.transpose(2, 3) / q.size(-1) ** 0.5, dim=-1)
        return self.out_proj((weights @ v).transpose(1, 2).flatten(2)), None


def traceable(model):
    model.attention = TracedAttention(model.attention)
    return model


def load_model():
    checkpoint = torch.load(PACKAGE / "models" / f"{NAME}.pth", map_location="cpu", weights_only=False)
    return CnnBilstmAttention.from_state_dict(checkpoint["model_state_dict"])


def export_torchscript(model, path):
    # Scripted, not traced: a trace keeps the batch and the length that it was made with.
    torch.jit.script(model).save(str(path))


def export_onnx(model, path, **options):
    settings = {
        "input_names": ["frames"],
        "output_names": ["logits"],
        "dynamic_axes": {"frames": {0: "batch", 1: "time"}, "logits": {0: "batch"}},
        "opset_version": 17,
        "dynamo": False,
    }
    with warnings.catch_warnings():
        # It says of every LSTM that its batch may be baked; runup looks whether it is.
        warnings.simplefilter("ignore")
        clips = torch.zeros(2, 60, FEATURES, dtype=next(model.parameters()).dtype)
        torch.onnx.export(model, (clips,), str(path), **(settings | options))


def main():
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else PACKAGE / "models"
    torch.set_num_threads(1)
    model = load_model()
    export_torchscript(model, folder / f"{NAME}.ts.pt")
    export_onnx(traceable(model), folder / f"{NAME}.onnx")
    for path in sorted(folder.glob(f"{NAME}.*")):
        print(f"{path.name}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
