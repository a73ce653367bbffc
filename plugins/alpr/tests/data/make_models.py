#!/usr/bin/env python3
"""Writes the tiny networks of the element tests beside this file. They compute real answers from pixels.

Run with the package `onnx` at hand: python3 make_models.py
"""

import pathlib

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

HERE = pathlib.Path(__file__).parent
SIDE = 64  # of the detectors' input
BRIGHT = 0.75  # from here on a pixel belongs to the plate
SLOTS, DIGITS = 4, 10
READER_HEIGHT, READER_WIDTH = 16, 32


class Graph:
    """Collects nodes and constants."""

    def __init__(self):
        self.nodes, self.constants, self.count = [], [], 0

    def const(self, values, dtype=np.float32):
        self.count += 1
        name = f"c{self.count}"
        self.constants.append(numpy_helper.from_array(np.array(values, dtype=dtype), name))
        return name

    def op(self, kind, *inputs, output=None, **attributes):
        self.count += 1
        output = output or f"t{self.count}"
        self.nodes.append(helper.make_node(kind, list(inputs), [output], **attributes))
        return output

    def save(self, name, inputs, outputs, metadata=None):
        graph = helper.make_graph(self.nodes, "test", inputs, outputs, self.constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], producer_name="")
        model.ir_version = 8
        for key, value in (metadata or {}).items():
            model.metadata_props.add(key=key, value=value)
        onnx.checker.check_model(model)
        (HERE / name).write_bytes(model.SerializeToString())


def tensor(name, shape, kind=TensorProto.FLOAT):
    return helper.make_tensor_value_info(name, kind, shape)


def bright_box(g):
    """The box of all bright pixels as one row (batch, x1, y1, x2, y2, class, score); score 0 where there are none."""
    luma = g.op("ReduceMean", "images", axes=[1], keepdims=0)  # [1,H,W]
    bright = g.op("Cast", g.op("Greater", luma, g.const(BRIGHT)), to=TensorProto.FLOAT)
    row = [g.const([[0.0]])]
    ends = []
    for axis in (1, 2):  # columns, then rows
        line = g.op("ReduceMax", bright, axes=[axis], keepdims=0)  # [1,64]
        first = g.op("ArgMax", line, axis=1, keepdims=1)
        back = g.op("Slice", line, g.const([-1], np.int64), g.const([-SIDE - 1], np.int64), g.const([1], np.int64),
                    g.const([-1], np.int64))
        last = g.op("ArgMax", back, axis=1, keepdims=1)
        row.append(g.op("Cast", first, to=TensorProto.FLOAT))
        ends.append(g.op("Sub", g.const([[float(SIDE)]]), g.op("Cast", last, to=TensorProto.FLOAT)))
    found = g.op("ReduceMax", bright, axes=[1, 2], keepdims=0)
    score = g.op("Reshape", g.op("Mul", found, g.const(0.9)), g.const([1, 1], np.int64))
    return row + ends + [g.const([[0.0]]), score]


def detector(name, tail=None):
    g = Graph()
    row = g.op("Concat", *bright_box(g), axis=1)
    if tail:
        row = tail(g, row)
    # A number of rows that depends on the picture, as networks with built-in suppression give.
    score = g.op("Reshape", g.op("Gather", row, g.const(6, np.int64), axis=1), g.const([1], np.int64))
    g.op("Compress", row, g.op("Greater", score, g.const(0.0)), axis=0, output="output0")
    g.save(name, [tensor("images", [1, 3, SIDE, SIDE])], [tensor("output0", ["n", 7])])


def street(name):
    """The bright box as a plate, a car and a person around it, and a car elsewhere."""
    g = Graph()
    plate = g.op("Concat", *bright_box(g), axis=1)
    # batch, x1, y1, x2, y2, class, score: what each object adds to the plate's row
    rows = [[0, -8, -12, 8, 8, 0, 0], [0, 0, 0, 0, 0, 1, 0], [0, -6, -6, 6, 6, 2, 0], [0, -16, -30, -16, -12, 0, 0]]
    rows = g.op("Add", plate, g.const(rows, np.float32))
    scores = g.op("Reshape", g.op("Gather", rows, g.const(6, np.int64), axis=1), g.const([4], np.int64))
    g.op("Compress", rows, g.op("Greater", scores, g.const(0.0)), axis=0, output="output0")
    g.save(name, [tensor("images", [1, 3, SIDE, SIDE])], [tensor("output0", ["n", 7])],
           {"names": "{0: 'Car', 1: 'License Plate', 2: 'person'}"})


def open_axes(name):
    """The bright box as YOLOv9 gives it, [batch, 4 + classes, n], from a file that tells none of the three."""
    g = Graph()
    _, x1, y1, x2, y2, _, score = bright_box(g)
    half = g.const(0.5)
    row = [g.op("Mul", g.op("Add", x1, x2), half), g.op("Mul", g.op("Add", y1, y2), half),
           g.op("Sub", x2, x1), g.op("Sub", y2, y1), score]
    column = g.op("Unsqueeze", g.op("Concat", *row, axis=1), g.const([2], np.int64))
    g.op("Tile", column, g.const([1, 1, 8], np.int64), output="output0")
    g.save(name, [tensor("images", ["batch", 3, SIDE, SIDE])], [tensor("output0", ["batch", "anchors", "columns"])],
           {"names": "{0: 'plate'}", "stride": "32"})


def endless(g, row):
    """Multiplies matrices for hours before it answers."""
    body = Graph()
    body.nodes.append(helper.make_node("Identity", ["go"], ["go_on"]))
    body.nodes.append(helper.make_node("MatMul", ["m", "m"], ["product"]))
    body.nodes.append(helper.make_node("Clip", ["product"], ["m_next"]))
    loop = helper.make_graph(
        body.nodes, "body",
        [tensor("i", [], TensorProto.INT64), tensor("go", [], TensorProto.BOOL), tensor("m", [64, 64])],
        [tensor("go_on", [], TensorProto.BOOL), tensor("m_next", [64, 64])])
    start = g.op("Add", g.op("ConstantOfShape", g.const([64, 64], np.int64)),
                 g.op("ReduceMean", "images", keepdims=0))
    last = g.op("Loop", g.const(10**12, np.int64), g.const(True, np.bool_), start, body=loop)
    return g.op("Add", row, g.op("Mul", g.op("ReduceMean", last, keepdims=0), g.const(0.0)))


def failing(g, row):
    """Asks for an element that is not there as soon as anything is bright."""
    bright = g.op("Reshape", g.op("Gather", row, g.const(6, np.int64), axis=1), g.const([1], np.int64))
    index = g.op("Cast", g.op("Mul", bright, g.const(1000.0)), to=TensorProto.INT64)
    return g.op("Gather", row, index, axis=0)


def reader(name, batch):
    """Four digits, one a quarter of the crop's width: the mean brightness of its middle, 0 to 9; dark red is no digit."""
    g = Graph()
    pixels = g.op("Cast", "input", to=TensorProto.FLOAT)  # [N,16,32,3]
    middle = g.op("Slice", pixels, g.const([4], np.int64), g.const([12], np.int64), g.const([1], np.int64))
    quarters = g.op("Reshape", middle, g.const([0, 8, SLOTS, READER_WIDTH // SLOTS, 3], np.int64))
    inner = g.op("Slice", quarters, g.const([2], np.int64), g.const([6], np.int64), g.const([3], np.int64))
    color = g.op("ReduceMean", inner, axes=[1, 3], keepdims=0)  # [N,4,3]
    level = g.op("ReduceMean", color, axes=[2], keepdims=1)  # [N,4,1]
    red = g.op("Slice", color, g.const([0], np.int64), g.const([1], np.int64), g.const([2], np.int64))
    rest = g.op("Slice", color, g.const([1], np.int64), g.const([3], np.int64), g.const([2], np.int64))
    redness = g.op("Sub", red, g.op("ReduceMax", rest, axes=[2], keepdims=1))
    distance = g.op("Sub", level, g.const([[np.linspace(0, 255, DIGITS)]]))  # [N,4,10]
    digits = g.op("Mul", g.op("Mul", distance, distance), g.const(-0.02))
    pad = g.op("Mul", g.op("Sub", redness, g.const(60.0)), g.const(1.0))
    g.op("Softmax", g.op("Concat", digits, pad, axis=2), axis=2, output="plate")
    g.save(name, [tensor("input", [batch, READER_HEIGHT, READER_WIDTH, 3], TensorProto.UINT8)],
           [tensor("plate", [batch, SLOTS, DIGITS + 1])],
           {"task": "plate-reader", "alphabet": "0123456789_", "pad_char": "_", "crop_margin": "0"})


def no_contract(name):
    g = Graph()
    g.op("Relu", "x", output="y")
    g.save(name, [tensor("x", [1, 10])], [tensor("y", [1, 10])])


if __name__ == "__main__":
    detector("bright-detector.onnx")
    detector("endless-detector.onnx", endless)
    detector("failing-detector.onnx", failing)
    street("street-detector.onnx")
    open_axes("open-detector.onnx")
    reader("level-reader.onnx", "n")
    reader("level-reader-batch2.onnx", 2)
    no_contract("no-contract.onnx")
