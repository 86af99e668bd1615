# SPDX-License-Identifier: Apache-2.0
"""Writes the damaged models of the broken example: one fault of real life each.

The networks are the example's at a tenth of its size. Of training they have
seen what moves the batch norms' statistics, and no more: what is wrong with
these files shows without it.
"""

import hashlib
import sys
from pathlib import Path

import numpy
import torch
from export_model import export_onnx, export_torchscript, traceable
from gestures import FEATURES, LABELS
from processing.network import CnnBilstmAttention
from sklearn.preprocessing import LabelEncoder

PACKAGE = Path(__file__).resolve().parent.parent
MODEL = PACKAGE / "models" / "cnn_bilstm_attention_model.pth"
HELLO = PACKAGE / "samples" / "hello.npy"


class SignNetwork(CnnBilstmAttention):
    """Stands in for a class that was defined in a notebook."""


def tiny(kind=CnnBilstmAttention):
    torch.manual_seed(5)
    model = kind(len(LABELS), channels=(8, 8, 16), hidden=8).train()
    with torch.no_grad():
        model(torch.randn(8, 20, FEATURES))
    return model.eval()


def checkpoint(model, encoder):
    return {"model_state_dict": model.state_dict(), "label_encoder": encoder, "epoch": 40}


def save_on_device(obj, path, tag):
    """Saves as on a machine whose tensors live on `tag`; needs no such device."""
    real = torch.serialization.location_tag
    torch.serialization.location_tag = lambda storage: tag
    try:
        torch.save(obj, path)
    finally:
        torch.serialization.location_tag = real


def write_training_checkpoint(path):
    """DataParallel prefixes, the optimizer, a damaged label list, storages on cuda:1."""
    model = tiny().train()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    model(torch.randn(2, 10, FEATURES)).sum().backward()
    optimizer.step()
    model.eval()
    encoder = LabelEncoder()
    # Eleven names for twelve outputs, one of them blank and one there twice.
    encoder.classes_ = numpy.array(sorted(LABELS[:9]) + [LABELS[0], " "])
    save_on_device(
        {
            "model_state_dict": {f"module.{k}": v for k, v in model.state_dict().items()},
            "optimizer_state_dict": optimizer.state_dict(),
            "label_encoder": encoder,
            "epoch": 40,
        },
        path,
        "cuda:1",
    )


def write_whole_module(path):
    """The object itself, of a class that only the training notebook has."""
    model = tiny(SignNetwork)
    # A pickle shows whether two equal names are one object, which differs from run
    # to run for the LSTM's; make them one, so that the file is always the same.
    lstm = model.lstm
    lstm._parameters = {sys.intern(name): value for name, value in lstm._parameters.items()}
    lstm._flat_weights_names = [sys.intern(name) for name in lstm._flat_weights_names]
    lstm._all_weights = [[sys.intern(name) for name in names] for names in lstm._all_weights]
    main = sys.modules["__main__"]
    SignNetwork.__module__ = "__main__"
    main.SignNetwork = SignNetwork
    torch.save(model, path)


def write_not_finite(path, encoder):
    model = tiny()
    model.bn2.running_var[3] = float("nan")
    torch.save(checkpoint(model, encoder), path)


def write_older_network(path, encoder):
    """From before the positional encoding was renamed, and with a head since removed."""
    content = checkpoint(tiny(), encoder)
    state = content["model_state_dict"]
    state["pos_encoder.pe"] = state.pop("positional_encoding.pe")
    state["aux_head.weight"] = torch.linspace(-0.1, 0.1, 64).reshape(4, 16)
    torch.save(content, path)


def write_shuffled_labels(path):
    """The encoder was made from another list than the one that the network learnt."""
    model = tiny()
    with torch.inference_mode():
        best = int(model(torch.from_numpy(numpy.load(HELLO))).argmax())
    encoder = LabelEncoder()
    names = sorted(LABELS)
    names.insert(best, names.pop(names.index("감사합니다")))
    encoder.classes_ = numpy.array(names)
    if encoder.classes_[best] == "안녕하세요":
        sys.exit("the shuffled encoder names the sample rightly")
    torch.save(checkpoint(model, encoder), path)


def write_exported(folder, encoder):
    """A sound checkpoint, and three conversions of it that are not."""
    torch.save(checkpoint(tiny(), encoder), folder / "sign_exported.pth")
    # nn.MultiheadAttention, traced, keeps the batch and the length of the example clips
    export_onnx(tiny(), folder / "sign_baked.onnx")
    # from the checkpoint of an epoch before
    before = tiny()
    with torch.no_grad():
        for parameter in before.parameters():
            parameter += 0.01 * torch.randn_like(parameter)
    export_onnx(traceable(before), folder / "sign_epoch39.onnx")
    # nobody called eval()
    export_torchscript(tiny().train(), folder / "sign_training.ts.pt")


LFS_POINTER = """version https://git-lfs.github.com/spec/v1
oid sha256:{oid}
size {size}
"""

HTML_PAGE = """<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>Download quota exceeded</title></head>
<body>
<h1>Sorry, you can't download this file at this time.</h1>
<p>Too many users have viewed or downloaded this file recently.</p>
</body>
</html>
"""


def make_broken(folder):
    models = folder / "models"
    models.mkdir(parents=True, exist_ok=True)
    encoder = LabelEncoder().fit(LABELS)

    write_training_checkpoint(models / "sign.pth")
    write_whole_module(models / "sign_whole_module.pth")
    write_not_finite(models / "sign_nan.pth", encoder)
    write_older_network(models / "sign_older.pth", encoder)
    write_shuffled_labels(models / "sign_shuffled.pth")
    write_exported(models, encoder)

    whole = MODEL.read_bytes()
    pointer = LFS_POINTER.format(oid=hashlib.sha256(whole).hexdigest(), size=len(whole))
    (models / "sign_lfs.pth").write_text(pointer, encoding="ascii")
    (models / "sign_html.pth").write_text(HTML_PAGE, encoding="ascii")
    (models / "sign_truncated.pth").write_bytes(whole[:65536])

    total = sum(path.stat().st_size for path in models.iterdir())
    print(f"{len(list(models.iterdir()))} damaged models, {total} bytes")
