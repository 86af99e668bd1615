# SPDX-License-Identifier: Apache-2.0
"""Ways to be green without having looked: each must end undecided or not ready."""

import os
import shutil
import tempfile
from pathlib import Path

import torch
import yaml

from support import EXAMPLES, findings, reason, run, statuses

GOOD = EXAMPLES / "sign-language-service"
MODEL = "models/cnn_bilstm_attention_model.pth"


class Copy:
    """A copy of the good example whose config and model may be changed."""

    def __enter__(self):
        self._folder = tempfile.TemporaryDirectory(prefix="runup-false-green-")
        self.root = Path(self._folder.name) / "service"
        shutil.copytree(GOOD, self.root, ignore=shutil.ignore_patterns("train"))
        self.config = yaml.safe_load((self.root / "runup.yaml").read_text())
        self.model = self.config["models"]["sign"]
        # A changed checkpoint differs from its conversions, which is not what is looked for here.
        self.model.pop("conversions")
        # What the service's own interpreter says is looked at in tests/packages.
        self.model.pop("factory")
        return self

    def __exit__(self, *_):
        self._folder.cleanup()

    def run(self, *arguments):
        (self.root / "runup.yaml").write_text(yaml.safe_dump(self.config, allow_unicode=True))
        # The started server is looked at in tests/services.
        return run(self.root / "runup.yaml", "--skip", "service-*", "--skip", "startup-*", *arguments)

    def change(self, edit):
        checkpoint = torch.load(self.root / MODEL, weights_only=False)
        torch.save(edit(checkpoint) or checkpoint, self.root / MODEL)


def without_an_architecture():
    with Copy() as copy:
        del copy.model["architecture"]
        report = copy.run()
    assert report["verdict"] == "undecided", statuses(report)
    assert "architecture" in reason(report, "inference")
    assert not findings(report, "error", "warning")


def without_an_architecture_but_accepted():
    with Copy() as copy:
        del copy.model["architecture"]
        copy.config["checks"] = {"inference": {"required": False}}
        report = copy.run()
    assert report["verdict"] == "ready", (report["verdict_reason"], statuses(report))
    for check in ("inference", "eval-mode", "warmup-budget"):
        assert statuses(report)[f"sign/{check}"] == "skipped", statuses(report)
    assert any("required" in remark for remark in report["remarks"]), report["remarks"]


def accepted_without_an_inference_but_the_runtime_died():
    with Copy() as copy:
        torch.jit.script(_Restless(torch.nn.Identity()).eval()).save(str(copy.root / "models/model.pt"))
        for key in ("architecture", "state_dict", "labels", "samples"):
            del copy.model[key]
        copy.model["path"] = "models/model.pt"
        copy.config["checks"] = {"inference": {"required": False}}
        os.environ["RUNUP_PROBE_MEMORY"] = "30MiB"
        try:
            report = copy.run()
        finally:
            del os.environ["RUNUP_PROBE_MEMORY"]
    assert report["verdict"] == "undecided", statuses(report)
    for check in ("inference", "eval-mode", "warmup-budget"):
        assert statuses(report)[f"sign/{check}"] == "undecided", statuses(report)


def nothing_selected_runs_an_inference():
    with Copy() as copy:
        report = copy.run("--select", "model-present")
    assert report["verdict"] == "undecided", statuses(report)


def everything_skipped():
    with Copy() as copy:
        report = copy.run("--skip", "*")
    assert report["verdict"] == "undecided"


class _Restless(torch.nn.Module):
    """A small classifier, of which one layer minds in what mode it is."""

    def __init__(self, layer):
        super().__init__()
        self.layer, self.head = layer, torch.nn.Linear(147, 12)

    def forward(self, frames):
        return self.head(self.layer(frames.transpose(1, 2)).mean(2))


def _trace(module):
    return torch.jit.trace(module, torch.zeros(2, 300, 147), check_trace=False)


def _saved_in_training_mode(layer, save, *found):
    for training in (False, True):
        with Copy() as copy:
            torch.manual_seed(3)
            save(_Restless(layer).train(training)).save(str(copy.root / "models/model.pt"))
            del copy.model["architecture"], copy.model["state_dict"], copy.model["labels"], copy.model["samples"]
            copy.model["path"] = "models/model.pt"
            report = copy.run("--skip", "warmup-budget")
        # By behaviour, and by the graph.
        expected = {f"sign/{one}" for one in ("eval-mode/training-mode", *found)} if training else set()
        assert findings(report, "error") == expected, (training, findings(report, "error"), statuses(report))


def dropout_in_training_mode():
    for save in (torch.jit.script, _trace):
        _saved_in_training_mode(torch.nn.Dropout(0.5), save, "eval-mode/not-repeatable")


def batch_norm_in_training_mode():
    _saved_in_training_mode(torch.nn.BatchNorm1d(147), _trace, "eval-mode/batch-dependent")
    # One clip of one frame has no variance; a script keeps the layer's refusal of that.
    _saved_in_training_mode(torch.nn.BatchNorm1d(147), torch.jit.script, "eval-mode/batch-dependent",
                            "input-shape/range-refused")


class _OtherPath(torch.nn.Module):
    """As nn.TransformerEncoder: a path of its own for inference, which here is another network."""

    def __init__(self):
        super().__init__()
        self.trained, self.fast = torch.nn.Linear(147, 12), torch.nn.Linear(147, 12)

    def forward(self, frames):
        x = frames.mean(1)
        if torch.is_grad_enabled() and x.requires_grad:
            return self.trained(x)
        return self.fast(x)


def another_path_without_gradients():
    with Copy() as copy:
        torch.manual_seed(4)
        torch.jit.script(_OtherPath().eval()).save(str(copy.root / "models/model.pt"))
        del copy.model["architecture"], copy.model["state_dict"], copy.model["labels"], copy.model["samples"]
        copy.model["path"] = "models/model.pt"
        report = copy.run("--skip", "warmup-budget")
        assert findings(report, "warning") == {"sign/eval-mode/gradient-dependent"}, findings(report, "warning")
        # The real one gives the same on both paths.
        layer = torch.nn.TransformerEncoderLayer(147, 3, 32, batch_first=True)
        encoder = torch.nn.TransformerEncoder(layer, 1, enable_nested_tensor=False)
        torch.jit.script(torch.nn.Sequential(encoder, torch.nn.Linear(147, 12)).eval()).save(
            str(copy.root / "models/model.pt"))
        report = copy.run("--skip", "warmup-budget")
        assert not findings(report, "warning"), findings(report, "warning")


def without_inputs():
    with Copy() as copy:
        del copy.model["inputs"], copy.model["samples"]
        report = copy.run()
    assert report["verdict"] == "undecided", statuses(report)


def one_weight_of_another_run():
    """Shapes fit and outputs are finite; only the recorded sample knows."""
    with Copy() as copy:
        def edit(checkpoint):
            weights = checkpoint["model_state_dict"]
            weights["classifier.0.weight"] = weights["classifier.0.weight"] * 1.5
        copy.change(edit)
        report = copy.run()
    assert "sign/inference/sample-mismatch" in findings(report, "error"), findings(report, "error")


def all_weights_zero():
    with Copy() as copy:
        def edit(checkpoint):
            for tensor in checkpoint["model_state_dict"].values():
                tensor.zero_()
        copy.change(edit)
        del copy.model["samples"]
        report = copy.run()
    assert report["verdict"] == "not-ready", statuses(report)


def one_class_more():
    with Copy() as copy:
        def edit(checkpoint):
            weights = checkpoint["model_state_dict"]
            weights["classifier.3.weight"] = torch.cat([weights["classifier.3.weight"], torch.zeros(1, 64)])
            weights["classifier.3.bias"] = torch.cat([weights["classifier.3.bias"], torch.zeros(1)])
        copy.change(edit)
        report = copy.run()
    assert "sign/label-encoder/class-count-mismatch" in findings(report, "error")


def encoder_gone():
    with Copy() as copy:
        copy.change(lambda checkpoint: checkpoint.pop("label_encoder") and None)
        report = copy.run()
    assert "sign/label-encoder/missing" in findings(report, "error"), findings(report, "error")


def one_storage_on_another_gpu():
    """A forgotten tensor that is no weight has a CUDA tag; torch.load fails on it all the same."""
    with Copy() as copy:
        original = torch.serialization.location_tag
        extra = torch.ones(3)
        pointer = extra.untyped_storage().data_ptr()
        torch.serialization.location_tag = (
            lambda storage: "cuda:3" if storage.data_ptr() == pointer else original(storage))
        try:
            copy.change(lambda checkpoint: {**checkpoint, "history": {"losses": [extra]}})
        finally:
            torch.serialization.location_tag = original
        report = copy.run()
    assert "sign/device-mapping/foreign-storage" in findings(report, "error"), findings(report, "error")


def device_that_is_not_there():
    with Copy() as copy:
        report = copy.run("--set", "models.sign.device=cuda:0")
    assert report["verdict"] == "not-ready", statuses(report)
    assert any(name.startswith("sign/device-mapping/") for name in findings(report, "error"))


def strict_makes_warnings_fail():
    with Copy() as copy:
        copy.change(lambda checkpoint: {**checkpoint, "optimizer_state_dict": {
            "state": {0: {"exp_avg": torch.zeros(200_000), "exp_avg_sq": torch.zeros(200_000)}}}})
        relaxed, strict = copy.run(), copy.run("--strict")
    assert relaxed["verdict"] == "ready", (relaxed["verdict_reason"], findings(relaxed, "error"))
    assert findings(relaxed, "warning") == {"sign/state-dict-format/training-residue"}
    assert strict["verdict"] == "not-ready"


for case in list(globals().values()):
    if callable(case) and getattr(case, "__module__", "") == "__main__" and not (
            case is Copy or case.__name__.startswith("_")):
        case()
        print("ok", case.__name__)
