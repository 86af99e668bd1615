# SPDX-License-Identifier: Apache-2.0
"""ONNX models of many kinds, written by the onnx package."""

import numpy
import onnx
from onnx import TensorProto as T
from onnx import helper as h
from onnx import numpy_helper as nh

MODELS = {}

TYPES = [t for t in T.DataType.values() if t != T.UNDEFINED]
PACKED = (T.INT4, T.UINT4)


def model(write):
    MODELS[write.__name__] = write
    return write


def value(name, shape, dtype=T.FLOAT):
    return h.make_tensor_value_info(name, dtype, shape)


def build(nodes, inputs, outputs, initializers=(), opsets=(("", 17),), ir=8, **more):
    sparse = more.pop("sparse", ())
    graph = h.make_graph(nodes, more.pop("name", "g"), inputs, outputs, list(initializers), sparse_initializer=sparse)
    made = h.make_model(graph, opset_imports=[h.make_opsetid(*o) for o in opsets], **more)
    made.ir_version = ir
    return made


def simple(initializers=(), **more):
    return build([h.make_node("Relu", ["x"], ["y"])], [value("x", ["batch", 4])], [value("y", ["batch", 4])],
                 initializers, **more)


def numbers(dtype, shape):
    count = int(numpy.prod(shape))
    if dtype == T.STRING:
        return [f"word {i}".encode() for i in range(count)]
    if dtype == T.BOOL:
        return [i % 2 == 0 for i in range(count)]
    if dtype in (T.COMPLEX64, T.COMPLEX128):
        return [complex(i, -i) for i in range(count)]
    return [i % 7 for i in range(count)]


def every_type(raw):
    tensors = []
    for dtype in TYPES:
        for shape in ([2, 3], [5], [], [0, 3]):
            name = f"{T.DataType.Name(dtype)}_{len(shape)}_{raw}"
            if raw and dtype == T.STRING:
                continue
            values = numbers(dtype, shape)
            if raw:
                if dtype in PACKED:
                    count = len(values)
                    content = bytes((i * 37) % 256 for i in range((count + 1) // 2))
                else:
                    kind = h.tensor_dtype_to_np_dtype(dtype)
                    bits = {T.BFLOAT16: numpy.uint16}.get(dtype)
                    if 17 <= dtype <= 20:
                        bits = numpy.uint8
                    content = numpy.array(values).astype(bits or kind).tobytes()
                tensors.append(h.make_tensor(name, dtype, shape, content, raw=True))
            else:
                tensors.append(h.make_tensor(name, dtype, shape, values))
    return tensors


@model
def types_raw():
    return simple(every_type(True), ir=10, opsets=(("", 21),))


@model
def types_typed():
    return simple(every_type(False), ir=10, opsets=(("", 21),))


def one_type(dtype):
    def write():
        return build([h.make_node("Identity", ["x"], ["y"])], [value("x", ["n", 3, None], dtype)],
                     [value("y", None, dtype)], [h.make_tensor("w", dtype, [2, 2], numbers(dtype, [2, 2]))],
                     ir=10, opsets=(("", 21),))
    return write


for _type in TYPES:
    MODELS[f"type_{T.DataType.Name(_type).lower()}"] = one_type(_type)


@model
def unpacked_floats():
    """As writers of the first protobuf syntax did: a tag before each number."""
    made = simple([h.make_tensor("w", T.FLOAT, [2], [0.0, 0.0])])
    content = made.SerializeToString()
    packed = b"\x22\x08" + bytes(8)
    # Twelve bytes instead of ten would change lengths; a field nobody knows fills nothing, so the tensor
    # is written by hand.
    assert packed in content
    tensor = b"\x08\x02\x10\x01" + b"\x25\x00\x00\x80\x3f" * 2 + b"\x42\x01w"
    graph = made.graph
    del graph.initializer[:]
    extra = b"\x2a" + bytes([len(tensor)]) + tensor
    whole = graph.SerializeToString() + extra
    parsed = onnx.GraphProto.FromString(whole)
    made.graph.CopyFrom(parsed)
    return made


@model
def branches():
    weight = nh.from_array(numpy.arange(6, dtype=numpy.float32).reshape(2, 3), "inner")
    then = h.make_graph([h.make_node("Identity", ["inner"], ["t"], name="keep")], "then", [], [value("t", None)], [weight])
    other = h.make_graph([h.make_node("Identity", ["outer"], ["e"])], "else", [], [value("e", None)])
    outer = nh.from_array(numpy.ones((2, 3), numpy.float32), "outer")
    return build([h.make_node("If", ["c"], ["y"], name="choose", then_branch=then, else_branch=other)],
                 [value("c", [], T.BOOL)], [value("y", None)], [outer])


@model
def loops():
    body = h.make_graph(
        [h.make_node("Add", ["v", "step"], ["w"]), h.make_node("Identity", ["c"], ["d"])], "body",
        [value("i", [], T.INT64), value("c", [], T.BOOL), value("v", [3])],
        [value("d", [], T.BOOL), value("w", [3])], [nh.from_array(numpy.ones(3, numpy.float32), "step")])
    nested = h.make_graph(
        [h.make_node("Loop", ["", "p", "s"], ["r"], name="inner_loop", body=body)], "scan_body",
        [value("s", [3]), value("z", [3])], [value("r", [3]), value("z", [3])])
    nodes = [h.make_node("Constant", [], ["p"], value=h.make_tensor("pv", T.BOOL, [], [False])),
             h.make_node("Scan", ["x", "xs"], ["y", "ys"], name="scan", body=nested, num_scan_inputs=1)]
    return build(nodes, [value("x", [3]), value("xs", ["t", 3])], [value("y", [3]), value("ys", ["t", 3])])


@model
def functions():
    double = h.make_function("mine", "Double", ["a"], ["b"], [h.make_node("Add", ["a", "a"], ["b"])],
                             [h.make_opsetid("", 17)])
    twice = h.make_function("mine", "Twice", ["a"], ["b"],
                            [h.make_node("Double", ["a"], ["t"], domain="mine"),
                             h.make_node("Double", ["t"], ["b"], domain="mine")],
                            [h.make_opsetid("", 17), h.make_opsetid("mine", 1)])
    return build([h.make_node("Twice", ["x"], ["y"], domain="mine"), h.make_node("Other", ["y"], ["z"], domain="mine")],
                 [value("x", [2])], [value("z", [2])], opsets=(("", 17), ("mine", 1)), functions=[double, twice])


@model
def domains():
    return build([h.make_node("Gelu", ["x"], ["a"], domain="com.microsoft"),
                  h.make_node("Warp", ["a"], ["b"], domain="my.ops"),
                  h.make_node("Relu", ["b"], ["c"], domain="ai.onnx"),
                  h.make_node("Scaler", ["c"], ["y"], domain="ai.onnx.ml", offset=[0.0], scale=[1.0])],
                 [value("x", [2])], [value("y", [2])],
                 opsets=(("ai.onnx", 13), ("com.microsoft", 1), ("ai.onnx.ml", 3), ("my.ops", 7)))


@model
def newest():
    return simple(ir=13, opsets=(("", 99), ("ai.onnx.ml", 9)))


@model
def oldest():
    made = simple([nh.from_array(numpy.ones((4, 4), numpy.float32), "w")], ir=3, opsets=(("", 6),))
    made.graph.input.append(value("w", [4, 4]))
    return made


@model
def without_imports():
    made = simple(ir=2)
    del made.opset_import[:]
    return made


@model
def external():
    tensors = [nh.from_array(numpy.full((4, 4), i, numpy.float32), f"w{i}") for i in range(3)]
    for i, tensor in enumerate(tensors):
        onnx.external_data_helper.set_external_data(tensor, f"part{i % 2}.bin", offset=64 * i,
                                                    length=None if i == 2 else 64)
        tensor.ClearField("raw_data")
        tensor.data_location = T.EXTERNAL
    return simple(tensors)


@model
def sparse():
    values = h.make_tensor("s", T.FLOAT, [3], [1.0, 2.0, 3.0])
    indices = h.make_tensor("i", T.INT64, [3], [2, 4, 9])
    return simple(sparse=[h.make_sparse_tensor(values, indices, [3, 4])])


@model
def unicode_names():
    weight = nh.from_array(numpy.ones(4, numpy.float32), "가중치/ß\n")
    made = build([h.make_node("Add", ["入力", "가중치/ß\n"], ["выход"], name="узел")], [value("入力", ["δ", 4])],
                 [value("выход", ["δ", 4])], [weight], name="график", producer_name="työ", model_version=7)
    h.set_model_props(made, {"chord": "♯", "empty": ""})
    return made


@model
def no_shapes():
    made = simple()
    for v in (*made.graph.input, *made.graph.output):
        v.type.tensor_type.ClearField("shape")
    return made


@model
def negative_sizes():
    made = simple()
    made.graph.input[0].type.tensor_type.shape.dim[0].dim_value = -1
    return made


@model
def containers():
    element = h.make_tensor_type_proto(T.INT64, [2])
    kinds = [h.make_value_info("sequence", h.make_sequence_type_proto(element)),
             h.make_value_info("optional", h.make_optional_type_proto(element)),
             h.make_value_info("map", h.make_map_type_proto(T.STRING, h.make_tensor_type_proto(T.FLOAT, [2]))),
             h.make_sparse_tensor_value_info("sparse", T.DOUBLE, [3, 4])]
    return build([h.make_node("Identity", [k.name], [k.name + "_out"]) for k in kinds], kinds, [value("y", [1])])


@model
def constants():
    large = nh.from_array(numpy.arange(65, dtype=numpy.float32), "ignored")
    small = nh.from_array(numpy.arange(64, dtype=numpy.float32), "ignored")
    return build([h.make_node("Constant", [], ["large"], value=large), h.make_node("Constant", [], ["small"], value=small),
                  h.make_node("Add", ["x", "large"], ["y"])], [value("x", [65])], [value("y", [65])])


@model
def raw_scalars():
    return simple([nh.from_array(numpy.float32(2.5), "a"), nh.from_array(numpy.int64(-1), "b"),
                   nh.from_array(numpy.zeros((0,), numpy.float32), "c"),
                   nh.from_array(numpy.zeros((3, 0, 2), numpy.float64), "d")])


@model
def many_nodes():
    nodes = [h.make_node("Relu", ["x" if i == 0 else f"v{i - 1}"], [f"v{i}"]) for i in range(3000)]
    return build(nodes, [value("x", [1])], [value("v2999", [1])])


@model
def training():
    return simple(opsets=(("", 17), ("ai.onnx.training", 1)))
