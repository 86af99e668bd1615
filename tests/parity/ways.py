# SPDX-License-Identifier: Apache-2.0
"""Every way in which a network becomes a file. Each returns the line for weights_dump behind the original's
path, or raises when PyTorch or ONNX Runtime itself cannot convert the network so."""

import io
import contextlib
import warnings

import numpy
import onnx
import onnxruntime
import torch
from onnx import external_data_helper, numpy_helper

warnings.filterwarnings("ignore")
onnxruntime.set_default_logger_severity(4)


def quiet(action):
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        return action()


def script_file(convert):
    def way(model, example, folder):
        path = folder / "model.ts"
        torch.jit.save(convert(model, example), str(path))
        return str(path)

    return way


def traced(model, example):
    return torch.jit.trace(model, example, check_trace=False)


def to_onnx(model, example, path, opset, fold):
    quiet(lambda: torch.onnx.export(model, example, str(path), opset_version=opset, do_constant_folding=fold,
                                    dynamo=False))


def onnx_file(opset, fold):
    def way(model, example, folder):
        path = folder / f"model_{opset}_{fold}.onnx"
        if not path.exists():
            to_onnx(model, example, path, opset, fold)
        return str(path)

    return way


def optimised(level, fold):
    def way(model, example, folder):
        source = onnx_file(17, fold)(model, example, folder)
        path = folder / "optimised.onnx"
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = getattr(onnxruntime.GraphOptimizationLevel, "ORT_ENABLE_" + level)
        options.optimized_model_filepath = str(path)
        options.log_severity_level = 4
        onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
        return str(path)

    return way


def external(model, example, folder):
    loaded = onnx.load(onnx_file(17, True)(model, example, folder))
    path = folder / "external.onnx"
    (folder / "weights.bin").unlink(missing_ok=True)
    external_data_helper.convert_model_to_external_data(loaded, location="weights.bin", size_threshold=64)
    onnx.save(loaded, str(path))
    return f"{path}\tweights.bin={folder / 'weights.bin'}"


def half(model, example, folder):
    """Initializers as float16, as converters of precision store them; nobody runs the file."""
    loaded = onnx.load(onnx_file(17, True)(model, example, folder))
    for tensor in loaded.graph.initializer:
        if tensor.data_type == onnx.TensorProto.FLOAT:
            name = tensor.name
            tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor).astype(numpy.float16), name))
    path = folder / "half.onnx"
    onnx.save(loaded, str(path))
    return str(path)


def safetensors(dtype):
    def way(model, example, folder):
        from safetensors.torch import save_file

        path = folder / "model.safetensors"
        save_file({k: (v.to(dtype) if v.dtype.is_floating_point else v).clone().contiguous()
                   for k, v in model.state_dict().items()}, str(path))
        return str(path)

    return way


def wrapped(model, example, folder):
    path = folder / "wrapped.pth"
    torch.save({"state_dict": {"module." + k: v for k, v in model.state_dict().items()}, "epoch": 3}, path)
    return str(path)


class Wrapper(torch.nn.Module):
    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, x):
        return self.net(x) * 2


def wrapped_onnx(model, example, folder):
    path = folder / "wrapped.onnx"
    to_onnx(Wrapper(model).eval(), example, path, 17, True)
    return str(path)


WAYS = {
    "trace": script_file(traced),
    "script": script_file(lambda model, example: torch.jit.script(model)),
    "freeze-trace": script_file(lambda model, example: torch.jit.freeze(traced(model, example))),
    "freeze-script": script_file(lambda model, example: torch.jit.freeze(torch.jit.script(model))),
    "optimize-for-inference": script_file(
        lambda model, example: torch.jit.optimize_for_inference(traced(model, example))),
    "safetensors": safetensors(torch.float32),
    "safetensors-bf16": safetensors(torch.bfloat16),
    "checkpoint-module.": wrapped,
    "onnx-11": onnx_file(11, True),
    "onnx-14": onnx_file(14, True),
    "onnx-17": onnx_file(17, True),
    "onnx-17-unfolded": onnx_file(17, False),
    "onnx-20": onnx_file(20, True),
    "onnx-wrapped": wrapped_onnx,
    "onnx-external": external,
    "onnx-float16": half,
    "ort-basic": optimised("BASIC", True),
    "ort-basic-unfolded": optimised("BASIC", False),
    "ort-extended": optimised("EXTENDED", True),
    "ort-all": optimised("ALL", True),
    "ort-all-unfolded": optimised("ALL", False),
}
