#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Trains the example's network and writes its checkpoint and samples.

    make_checkpoint.py                     models/*.pth and samples/ of this example
    make_checkpoint.py --scripted FILE     only a scripted archive with random weights
    make_checkpoint.py --traced FILE       the same, traced
    make_checkpoint.py --broken DIR        the damaged models of the broken example

Same seed, same machine, same versions: same file. Needs torch, numpy and
scikit-learn in the versions of requirements.txt.
"""

import argparse
import json
import sys
from pathlib import Path

import numpy
import torch
from sklearn.preprocessing import LabelEncoder

HERE = Path(__file__).resolve().parent
PACKAGE = HERE.parent
sys.path[:0] = [str(PACKAGE), str(HERE)]

from gestures import FEATURES, LABELS, Gestures  # noqa: E402
from processing.network import CnnBilstmAttention  # noqa: E402

MODEL = PACKAGE / "models" / "cnn_bilstm_attention_model.pth"
STEPS = 160
BATCH = 24
# (file stem, label, frames): two clips that training never saw.
SAMPLES = [("hello", "안녕하세요", 60), ("thanks", "감사합니다", 90)]


def batch_of(gestures, encoder, rng, size, frames):
    labels = [LABELS[i] for i in rng.integers(0, len(LABELS), size)]
    clips = numpy.stack([gestures.clip(label, frames, rng) for label in labels])
    return torch.from_numpy(clips), torch.from_numpy(encoder.transform(labels))


def train(gestures, encoder):
    """The trained network in eval mode and its accuracy on clips it never saw."""
    torch.manual_seed(7)
    rng = numpy.random.default_rng(11)
    model = CnnBilstmAttention(len(LABELS)).train()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    for step in range(STEPS):
        for group in optimizer.param_groups:
            group["lr"] = 3e-3 * (1 - step / STEPS) + 1e-4
        frames = int(rng.integers(20, 120))
        x, y = batch_of(gestures, encoder, rng, BATCH, frames)
        loss = torch.nn.functional.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    model.eval()
    right = 0
    total = 0
    with torch.inference_mode():
        for frames in (30, 60, 120, 300):
            x, y = batch_of(gestures, encoder, rng, 48, frames)
            right += int((model(x).argmax(dim=1) == y).sum())
            total += len(y)
    return model, optimizer, right / total


def write_samples(gestures, encoder, model, folder):
    folder.mkdir(exist_ok=True)
    rng = numpy.random.default_rng(23)
    for stem, label, frames in SAMPLES:
        clip = gestures.clip(label, frames, rng)[None]
        with torch.inference_mode():
            logits = model(torch.from_numpy(clip)).numpy()
        top = numpy.sort(logits[0])
        predicted = encoder.inverse_transform([logits[0].argmax()])[0]
        if predicted != label or top[-1] - top[-2] < 2.0:
            sys.exit(f"sample {stem}: predicted {predicted}, margin {top[-1] - top[-2]:.2f}")
        numpy.save(folder / f"{stem}.npy", clip)
        numpy.save(folder / f"{stem}.out.npy", logits)
        print(f"samples/{stem}.npy: {predicted}, margin {top[-1] - top[-2]:.2f}")
        if stem == "hello":
            body = {"frames": [[round(float(v), 4) for v in row] for row in clip[0]]}
            text = json.dumps(body, separators=(",", ":"))
            (folder / "predict.json").write_text(text + "\n", encoding="utf-8")


def make_example():
    gestures = Gestures()
    encoder = LabelEncoder().fit(LABELS)
    model, _, accuracy = train(gestures, encoder)
    print(f"accuracy on unseen clips: {accuracy:.3f}")
    if accuracy < 0.98:
        sys.exit("the network did not learn its signs")
    checkpoint = {
        "model_state_dict": model.state_dict(),
        "label_encoder": encoder,
        "epoch": STEPS,
        "val_accuracy": accuracy,
        "feature_dim": FEATURES,
        "torch_version": str(torch.__version__),
    }
    MODEL.parent.mkdir(exist_ok=True)
    torch.save(checkpoint, MODEL)
    print(f"{MODEL.name}: {MODEL.stat().st_size} bytes")
    write_samples(gestures, encoder, model, PACKAGE / "samples")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scripted", type=Path, metavar="FILE")
    parser.add_argument("--traced", type=Path, metavar="FILE")
    parser.add_argument("--broken", type=Path, metavar="DIR")
    arguments = parser.parse_args()
    # More threads would sum in another order and give other bits.
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    if arguments.broken:
        from broken import make_broken

        make_broken(arguments.broken)
        return
    fresh = CnnBilstmAttention(len(LABELS)).eval()
    if arguments.scripted:
        torch.jit.script(fresh).save(str(arguments.scripted))
    if arguments.traced:
        with torch.inference_mode():
            traced = torch.jit.trace(fresh, torch.zeros(1, 60, FEATURES))
        traced.save(str(arguments.traced))
    if not (arguments.scripted or arguments.traced):
        make_example()


if __name__ == "__main__":
    main()
