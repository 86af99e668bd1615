# SPDX-License-Identifier: Apache-2.0
"""Conversions of the example's model by real exporters, good and bad: what each is found to be.

A bad one must have the findings that are listed, and no error that is not; a good one none at all. Faults in
single numbers are planted in the files that the exporters wrote.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy
import onnx
import torch
import yaml
from onnx import numpy_helper

import models
from support import EXAMPLES, findings, run, statuses

GOOD = EXAMPLES / "sign-language-service"
CHECKS = ("model-present,model-loadable,onnx-graph,torchscript-archive,weights-health,inference,input-shape,eval-mode,"
          "conversion-parity")


class Service:
    """A copy of the example whose one conversion a test writes."""

    def __enter__(self):
        self._folder = tempfile.TemporaryDirectory(prefix="runup-conversions-")
        self.root = Path(self._folder.name) / "service"
        shutil.copytree(GOOD, self.root, ignore=shutil.ignore_patterns("train", "*.onnx", "*.ts.pt"))
        self.models = self.root / "models"
        self.config = yaml.safe_load((self.root / "runup.yaml").read_text())
        self.model = self.config["models"]["sign"]
        # Short clips: what is looked for here does not depend on their length.
        self.model["axes"]["time"]["example"] = 60
        self.conversion = {"path": "models/model.onnx", "rtol": 1e-3, "atol": 1e-5}
        self.model["conversions"] = [self.conversion]
        return self

    def __exit__(self, *_):
        self._folder.cleanup()

    def run(self, *arguments, checks=CHECKS):
        (self.root / "runup.yaml").write_text(yaml.safe_dump(self.config, allow_unicode=True))
        return run(self.root / "runup.yaml", "--select", checks, *arguments)

    def edit_onnx(self, change):
        path = self.models / "model.onnx"
        model = onnx.load(path)
        change({tensor.name: tensor for tensor in model.graph.initializer}, model)
        path.write_bytes(model.SerializeToString())


def errors_of(report):
    return {finding.removeprefix("sign/") for finding in findings(report, "error")}


def same(seen, expected, what):
    assert seen == expected, f"{what}: not expected {sorted(seen - expected)}; not found {sorted(expected - seen)}"


def messages(report, finding_id):
    return [
        finding["message"]
        for result in report["results"]
        for finding in result["outcome"]["findings"]
        if finding["id"] == finding_id
    ]


def good(service):
    models.example(service.models)
    return set()


def good_without_folding(service):
    models.example(service.models, do_constant_folding=False)
    return set()


def good_script(service):
    torch.jit.script(models.export_model.load_model()).save(service.models / "model.pt")
    service.conversion["path"] = "models/model.pt"
    return set()


def good_external_data(service):
    path = models.example(service.models)
    onnx.save_model(onnx.load(path), path, save_as_external_data=True, location="model.bin", size_threshold=0)
    return set()


def good_half(service):
    path = models.example(service.models)
    model = onnx.load(path)
    for tensor in model.graph.initializer:
        array = numpy_helper.to_array(tensor)
        if array.dtype == numpy.float32:
            rounded = array.astype(numpy.float16).astype(numpy.float32)
            tensor.CopyFrom(numpy_helper.from_array(rounded, tensor.name))
    path.write_bytes(model.SerializeToString())
    # The numbers were rounded, and they are float32 still: that is a change, and is told as one.
    service.conversion.update(rtol=0.05, atol=0.02)
    return {"conversion-parity/weight-differs"}


def static(service):
    models.example(service.models, dynamic_axes=None)
    return None, {"onnx-graph/", "inference/refused-input"}


def baked_batch(service):
    models.example(service.models, traceable=False)
    return None, {"inference/refused-input"}


def good_trace(service):
    # A trace of this network asks its inputs for their sizes.
    with torch.no_grad():
        module = torch.jit.trace(models.export_model.load_model(), torch.zeros(2, 60, 147))
    module.save(service.models / "model.pt")
    service.conversion["path"] = "models/model.pt"
    return set()


def training_mode(service):
    models.example(service.models, training=torch.onnx.TrainingMode.TRAINING, do_constant_folding=False)
    return None, {"eval-mode/", "conversion-parity/output-differs"}


def training_script(service):
    torch.jit.script(models.export_model.load_model().train()).save(service.models / "model.pt")
    service.conversion["path"] = "models/model.pt"
    return None, {"eval-mode/", "conversion-parity/output-differs"}


def float64(service):
    models.example(service.models, double=True)
    return None, {"onnx-graph/"}


def external_data_missing(service):
    good_external_data(service)
    (service.models / "model.bin").unlink()
    return None, {"onnx-graph/"}


def external_data_with_nan(service):
    """One number of a file that the model only names."""
    good_external_data(service)
    model = onnx.load(service.models / "model.onnx", load_external_data=False)
    tensor = next(t for t in model.graph.initializer if t.name == "classifier.3.weight")
    entries = {entry.key: entry.value for entry in tensor.external_data}
    with open(service.models / entries["location"], "r+b") as file:
        file.seek(int(entries["offset"]) + 8)
        file.write(numpy.float32("nan").tobytes())
    return None, {"weights-health/non-finite-weights", "conversion-parity/weight-differs", "inference/non-finite"}


def opset_too_new(service):
    models.example(service.models)
    def change(_, model):
        model.opset_import[0].version = 99
    service.edit_onnx(change)
    return None, {"onnx-graph/"}


def ir_too_new(service):
    models.example(service.models)
    def change(_, model):
        model.ir_version = 99
    service.edit_onnx(change)
    return None, {"onnx-graph/"}


def other_input_name(service):
    models.example(service.models, input_names=["x"], dynamic_axes={"x": {0: "batch", 1: "time"}})
    return None, {"onnx-graph/"}


def truncated(service):
    path = models.example(service.models)
    path.write_bytes(path.read_bytes()[:-1000])
    return None, {"model-loadable/truncated"}


def missing(service):
    return None, {"model-present/missing"}


def planted(name, change, shape=None):
    """A fault in the numbers of one tensor, which must be named."""

    def make(service):
        models.example(service.models)

        def edit(tensors, _):
            # The exporter renames what it transposes.
            tensor = tensors.get(name) or next(t for t in tensors.values() if tuple(t.dims) == shape)
            array = change(numpy_helper.to_array(tensor).copy())
            tensor.CopyFrom(numpy_helper.from_array(numpy.ascontiguousarray(array), tensor.name))

        service.edit_onnx(edit)
        return None, {"conversion-parity/weight-differs"}

    make.__name__ = f"planted in {name}"
    make.tensor = name
    return make


def one_element(array):
    array.flat[array.size // 2] *= 1.001
    return array


def exchange_rows(array):
    array[[2, 5]] = array[[5, 2]]
    return array


CASES = [
    good, good_without_folding, good_script, good_external_data, good_half, static, baked_batch, good_trace,
    training_mode, training_script, float64, external_data_missing, external_data_with_nan, opset_too_new, ir_too_new,
    other_input_name, truncated, missing,
    planted("classifier.3.weight", one_element),
    planted("classifier.3.weight", exchange_rows),
    planted("classifier.3.bias", lambda array: array * 1.001),
    planted("attention.out_proj.weight", lambda array: array.T, (96, 96)),
    planted("norm.weight", one_element),
    planted("positional_encoding.pe", one_element),
]


def check(case):
    with Service() as service:
        expected = case(service)
        report = service.run()
        seen = errors_of(report)
        if isinstance(expected, set):
            same(seen, expected, case.__name__)
            if not expected:
                assert report["verdict"] == "ready", (case.__name__, statuses(report), report["verdict_reason"] if "verdict_reason" in report else "")
        else:
            for wanted in expected[1]:
                assert any(finding.startswith(wanted) for finding in seen), f"{case.__name__}: {seen}, not {wanted}"
        if hasattr(case, "tensor"):
            assert any(case.tensor in text for text in messages(report, "weight-differs")), messages(
                report, "weight-differs")
        print(f"{case.__name__}: {sorted(seen) or 'ready'}", flush=True)


def saved_outputs_repeat():
    """What is saved fails again in Python alone."""
    with Service() as service, tempfile.TemporaryDirectory() as folder:
        models.example(service.models)
        service.edit_onnx(
            lambda tensors, _: tensors["classifier.3.bias"].CopyFrom(
                numpy_helper.from_array(numpy.ones(12, numpy.float32), "classifier.3.bias")
            )
        )
        report = service.run("--save-outputs", folder, checks="conversion-parity")
        evidence = next(
            item["value"]
            for result in report["results"]
            for finding in result["outcome"]["findings"]
            for item in finding["evidence"]
            if item["name"] == "repeat with"
        )
        done = subprocess.run([sys.executable, *evidence.split()[1:]], capture_output=True, text=True, check=False)
        assert done.returncode == 1, done
        assert "zeros: models/model.onnx, output 0: largest difference" in done.stdout, done.stdout
        saved = numpy.load(Path(folder) / "sign" / "sample-1" / "inputs" / "frames.npy")
        assert numpy.array_equal(saved, numpy.load(GOOD / "samples" / "hello.npy"))
        shutil.copy(GOOD / "models/cnn_bilstm_attention_model.onnx", service.models / "model.onnx")
        done = subprocess.run([sys.executable, *evidence.split()[1:]], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done
    print("saved outputs: the script repeats the comparison", flush=True)


def another_onnxruntime():
    """`onnxruntime:` names the library that is used."""
    (library,) = {path.resolve() for path in Path("/usr/lib").glob("*/libonnxruntime.so.1*")}

    def reasons(report):
        return " ".join(result["outcome"].get("reason", "") for result in report["results"])

    with Service() as service:
        models.example(service.models)
        shutil.copy(library, service.root / "libonnxruntime.so")
        service.config["onnxruntime"] = "libonnxruntime.so"
        report = service.run(checks="inference,conversion-parity")
        assert report["verdict"] == "ready", (report["verdict"], statuses(report))
        for content, wanted in ((b"no library", "file too short"), (None, "No such file")):
            (service.root / "libonnxruntime.so").unlink()
            if content:
                (service.root / "libonnxruntime.so").write_bytes(content)
            report = service.run(checks="inference,conversion-parity")
            assert report["verdict"] == "undecided", (content, report["verdict"], statuses(report))
            assert wanted in reasons(report), (content, reasons(report))
        # nor does another one stand in for it where the ONNX file is the model itself
        service.config["models"]["sign"] = {"path": "models/model.onnx", "inputs": service.model["inputs"],
                                            "axes": service.model["axes"]}
        report = service.run(checks="inference")
        assert report["verdict"] == "undecided" and "No such file" in reasons(report), (report["verdict"], reasons(report))
    print("onnxruntime: the library that the config names is used", flush=True)


if __name__ == "__main__":
    for each in CASES:
        check(each)
    another_onnxruntime()
    saved_outputs_repeat()
