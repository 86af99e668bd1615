# SPDX-License-Identifier: Apache-2.0
"""Models with nodes that the reader remarks on, and what it must say: (kind, operator, batch)."""

import io
import warnings

import numpy
import onnx
import torch
from onnx import TensorProto as T
from onnx import helper as h
from onnx import numpy_helper as nh
from onnx_models import build, value

CASES = {}
USES = {}


def case(*expected):
    def register(write):
        CASES[write.__name__] = (write, list(expected))
        return write
    return register


def exported(module, inputs, training=torch.onnx.TrainingMode.EVAL, **options):
    torch.manual_seed(1)
    out = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(module, inputs, out, dynamo=False, input_names=["x"], output_names=["y"],
                          training=training, **options)
    return onnx.ModelProto.FromString(out.getvalue())


class Recurrent(torch.nn.Module):
    def __init__(self, fixed):
        super().__init__()
        self.lstm, self.fixed = torch.nn.LSTM(3, 4, batch_first=True), fixed

    def forward(self, x):
        size = 2 if self.fixed else x.size(0)
        state = torch.zeros(1, size, 4)
        return self.lstm(x, (state, state))[0]


def net():
    return torch.nn.Sequential(torch.nn.Conv1d(3, 4, 2), torch.nn.BatchNorm1d(4), torch.nn.Dropout(0.3))


AXES = {"x": {0: "batch"}}


@case(("constant-state", "LSTM", 2))
def lstm_baked():
    return exported(Recurrent(True).eval(), torch.zeros(2, 5, 3), dynamic_axes=AXES)


@case()
def lstm_open():
    return exported(Recurrent(False).eval(), torch.zeros(2, 5, 3), dynamic_axes=AXES)


@case()
def network_in_eval_mode():
    return exported(net().eval(), torch.zeros(2, 3, 6), dynamic_axes=AXES)


@case(("training-batch-norm", "BatchNormalization", None), ("training-dropout", "Dropout", None))
def network_in_training_mode():
    return exported(net().train(), torch.zeros(2, 3, 6), training=torch.onnx.TrainingMode.TRAINING,
                    do_constant_folding=False, dynamic_axes=AXES)


def vector(name, *numbers):
    return nh.from_array(numpy.array(numbers, numpy.int64), name)


def shaped(op, *numbers, opset=17):
    return build([h.make_node(op, ["x", "s"], ["y"])], [value("x", ["b", 4])], [value("y", None)],
                 [vector("s", *numbers)], opsets=(("", opset),))


@case(("constant-shape", "Reshape", 2))
def reshape_baked():
    return shaped("Reshape", 2, 4)


@case()
def reshape_open():
    return shaped("Reshape", -1, 4)


@case()
def reshape_kept():
    return shaped("Reshape", 0, 4)


@case()
def expand_to_one():
    return shaped("Expand", 1, 4)


@case(("constant-shape", "Expand", 8))
def expand_baked():
    return shaped("Expand", 8, 4)


@case()
def reshape_of_a_weight():
    return build([h.make_node("Reshape", ["w", "s"], ["r"]), h.make_node("Add", ["x", "r"], ["y"])],
                 [value("x", ["b", 4])], [value("y", None)], [vector("s", 1, 4), vector("w", 1, 2, 3, 4)])


@case()
def reshape_of_a_shape():
    return build([h.make_node("Shape", ["x"], ["d"]), h.make_node("Reshape", ["d", "s"], ["y"])],
                 [value("x", ["b", 4])], [value("y", None)], [vector("s", 1, 2)])


@case(("random", "RandomNormalLike", None), ("random", "Bernoulli", None))
def noise():
    return build([h.make_node("RandomNormalLike", ["x"], ["n"]), h.make_node("Bernoulli", ["n"], ["y"])],
                 [value("x", ["b", 4])], [value("y", None)])


def norm(opset, outputs=1, **attributes):
    names = [f"o{i}" for i in range(outputs)]
    return build([h.make_node("BatchNormalization", ["x", *"abcd"], names, **attributes)], [value("x", ["b", 4])],
                 [value("o0", None)], [nh.from_array(numpy.ones(4, numpy.float32), n) for n in "abcd"],
                 opsets=(("", opset),))


CASES["norm_9"] = (lambda: norm(9), [])
CASES["norm_9_training"] = (lambda: norm(9, 5), [("training-batch-norm", "BatchNormalization", None)])
CASES["norm_14"] = (lambda: norm(14, training_mode=0), [])
CASES["norm_14_training"] = (lambda: norm(14, 3, training_mode=1), [("training-batch-norm", "BatchNormalization", None)])
CASES["norm_6"] = (lambda: norm(6), [("training-batch-norm", "BatchNormalization", None)])
CASES["norm_6_test"] = (lambda: norm(6, is_test=1), [])


def dropout(opset, mode=None, ratio=0.5, **attributes):
    inputs, tensors = ["x"], []
    if mode is not None:
        inputs = ["x", "r", "m"]
        tensors = [h.make_tensor("r", T.FLOAT, [], [ratio]), h.make_tensor("m", T.BOOL, [], [mode])]
    return build([h.make_node("Dropout", inputs, ["y"], **attributes)], [value("x", ["b", 4])], [value("y", None)],
                 tensors, opsets=(("", opset),))


DROPS = [("training-dropout", "Dropout", None)]
CASES["dropout_13"] = (lambda: dropout(13), [])
CASES["dropout_13_off"] = (lambda: dropout(13, False), [])
CASES["dropout_13_on"] = (lambda: dropout(13, True), DROPS)
CASES["dropout_13_zero"] = (lambda: dropout(13, True, 0.0), [])
CASES["dropout_10"] = (lambda: dropout(10), [])
CASES["dropout_6"] = (lambda: dropout(6), DROPS)
CASES["dropout_6_test"] = (lambda: dropout(6, is_test=1), [])


def weights(*names):
    return [nh.from_array(numpy.ones((4, 4), numpy.float32), n) for n in names]


def uses(nodes, *names):
    return lambda: build(nodes, [value("x", ["b", 4])], [value("y", None)], weights(*names))


USES["gemm"] = (uses([h.make_node("Gemm", ["x", "w"], ["y"], transB=1)], "w"), [("w", "Gemm", 1, True)])
USES["matmul"] = (uses([h.make_node("MatMul", ["x", "w"], ["y"])], "w", "never"), [("w", "MatMul", 1, False)])
USES["transposed"] = (uses([h.make_node("Transpose", ["w"], ["t"]), h.make_node("MatMul", ["x", "t"], ["y"])], "w"),
                      [("w", "MatMul", 1, True)])
USES["twice"] = (uses([h.make_node("Transpose", ["w"], ["t"], perm=[1, 0]),
                       h.make_node("Gemm", ["x", "t"], ["y"], transB=1)], "w"), [("w", "Gemm", 1, False)])
USES["identity"] = (uses([h.make_node("Identity", ["w"], ["t"]), h.make_node("Add", ["t", "x"], ["y"])], "w"),
                    [("w", "Add", 0, False)])
USES["first"] = (uses([h.make_node("Add", ["x", "w"], ["a"]), h.make_node("MatMul", ["a", "w"], ["y"])], "w"),
                 [("w", "Add", 1, False)])
