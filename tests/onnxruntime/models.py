# SPDX-License-Identifier: Apache-2.0
"""ONNX models for the tests of the onnxruntime probe, written by real exporters and by onnx.helper."""

import sys
import warnings
from pathlib import Path

import numpy
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper

EXAMPLE = Path(__file__).resolve().parents[2] / "configs/examples/sign-language-service"
sys.path[:0] = [str(EXAMPLE), str(EXAMPLE / "train")]
sys.dont_write_bytecode = True

import export_model  # noqa: E402


def example(folder, name="model.onnx", traceable=True, **options):
    """The example's network through torch.onnx.export; not `traceable`: with its batch baked."""
    model = export_model.load_model()
    if traceable:
        model = export_model.traceable(model)
    if options.get("training") == torch.onnx.TrainingMode.TRAINING:
        # ONNX has no dropout inside an LSTM, and the exporter refuses it.
        model.lstm.dropout = 0.0
    if options.pop("double", False):
        model = model.double()
    path = Path(folder) / name
    export_model.export_onnx(model, path, **options)
    return path


def export(folder, module, inputs, name="model.onnx", **options):
    path = Path(folder) / name
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(module.eval(), inputs, str(path), opset_version=17, dynamo=False, **options)
    return path


def graph(folder, nodes, inputs, outputs, initializers=(), opset=17, ir_version=8, domains=(), name="model.onnx"):
    """A graph by hand; `inputs` and `outputs` are (name, ONNX type, shape)."""
    made = helper.make_graph(
        nodes,
        "by_hand",
        [helper.make_tensor_value_info(*value) for value in inputs],
        [helper.make_tensor_value_info(*value) for value in outputs],
        [numpy_helper.from_array(array, key) for key, array in dict(initializers).items()],
    )
    opsets = [helper.make_opsetid("", opset)] + [helper.make_opsetid(domain, 1) for domain in domains]
    model = helper.make_model(made, opset_imports=opsets, ir_version=ir_version)
    path = Path(folder) / name
    path.write_bytes(model.SerializeToString())
    return path


def relu(folder, **options):
    return graph(
        folder,
        [helper.make_node("Relu", ["x"], ["y"])],
        [("x", TensorProto.FLOAT, ["batch", 4])],
        [("y", TensorProto.FLOAT, ["batch", 4])],
        **options,
    )


def with_external_data(folder):
    """A linear layer whose weights lie in `weights.bin` beside the model."""
    rng = numpy.random.default_rng(5)
    path = graph(
        folder,
        [helper.make_node("Gemm", ["x", "w", "b"], ["y"], transB=1)],
        [("x", TensorProto.FLOAT, ["batch", 64])],
        [("y", TensorProto.FLOAT, ["batch", 32])],
        {
            "w": rng.standard_normal((32, 64)).astype(numpy.float32),
            "b": rng.standard_normal(32).astype(numpy.float32),
        },
    )
    model = onnx.load(path)
    onnx.save_model(
        model, path, save_as_external_data=True, location="weights.bin", size_threshold=0
    )
    return path
