"""`quantize`: the 8-bit form of an exported detector or reader, for processors.

    python -m alpr_training quantize DATA ../plate-detector.onnx ../plate-detector.int8.onnx

ONNX Runtime's static quantization (QuantizeLinear and DequantizeLinear around every layer): weights signed, one scale a channel,
activations unsigned, their ranges from training pictures. Weights have seven of the eight bits: x86-64 without VNNI adds products of
eight-bit numbers in pairs of 16 bits, which would overflow. So every processor computes the same. GPUs want the exported model.
"""

from __future__ import annotations

import argparse
import hashlib
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from .data import fixed_input
from .detection_models import letterbox
from .scenes import read_labels
from .sources import training_crops, training_scenes

SEED = 0
CHUNK = 20
"""Inputs that are run at once."""

PERCENTILE = 99.999
"""Per cent of the values of a layer that its range holds; the rest is cut off."""

WIDEST_MARGIN = 0.12
"""Of the box, each side: crops of the reader are cut with 0 to this much."""


@dataclass(frozen=True)
class Recipe:
    """What of a model is quantized. `inside` and `outside`: parts of the names of nodes that are, and that are not."""

    operators: tuple[str, ...]
    inside: str
    outside: str | None
    samples: int


RECIPES = {
    # Sums along a branch stay float32: rounding them costs the reader exactness, and saves no time.
    # Heads of the detector give boxes of hundreds of pixels beside scores of 0 to 1, and what decodes them is arithmetic: both stay float32.
    "detector": Recipe(("Conv", "Relu"), "/net/", "/out/", 60),
    "reader": Recipe(("Conv", "Relu", "MatMul"), "/model/", None, 1000),
}


def detector_inputs(data: Path, count: int, model) -> Iterator[np.ndarray]:
    """`count` training pictures as the detector gets them at its own input size."""
    height, width = (int(v) for v in properties(model)["imgsz"].strip("[]").split(","))
    scenes = read_labels(data)
    scenes = [scenes[number] for number in training_scenes(data, scenes, [n for n, scene in enumerate(scenes) if scene.split == "train"])]
    for number in np.random.default_rng(SEED).permutation(len(scenes))[:count]:
        path = data / "scenes" / scenes[number].set / scenes[number].image
        picture = letterbox(np.asarray(Image.open(path).convert("RGB")), width, height)[0]
        yield (picture.transpose(2, 0, 1)[None] / 255).astype(np.float32)


def reader_inputs(data: Path, count: int, model) -> Iterator[np.ndarray]:
    """`count` training crops as the reader gets them, with various margins; `CHUNK` at a time."""
    crops, rng = training_crops(data, by_eye=False), np.random.default_rng(SEED)
    chosen = [crops[number] for number in rng.permutation(len(crops))[:count]]
    pictures = [fixed_input(crop, float(rng.uniform(0, WIDEST_MARGIN))) for crop in chosen]
    for start in range(0, len(pictures), CHUNK):
        yield np.stack(pictures[start : start + CHUNK])


INPUTS = {"detector": detector_inputs, "reader": reader_inputs}


def properties(model) -> dict[str, str]:
    """The `metadata_props` of an ONNX model."""
    return {item.key: item.value for item in model.metadata_props}


def kept_float(graph, recipe: Recipe) -> list[str]:
    """Names of the nodes that stay float32. Raises ValueError where that is all of them."""
    inside = [node.name for node in graph.node if recipe.inside in node.name and (recipe.outside is None or recipe.outside not in node.name)]
    if not inside:
        raise ValueError(f"no node is named *{recipe.inside}*: only files that `export` wrote can be quantized")
    return [node.name for node in graph.node if node.name not in inside]


def quantize(source: Path, output: Path, recipe: Recipe, inputs: Iterator[np.ndarray]) -> None:
    """Write the 8-bit form of `source` to `output`: the same inputs, outputs and metadata."""
    import onnx
    from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.calibrate import CalibrationDataReader
    from onnxruntime.quantization.shape_inference import quant_pre_process

    exported = onnx.load(str(source))
    name = exported.graph.input[0].name

    class Reader(CalibrationDataReader):
        def get_next(self) -> dict | None:
            value = next(inputs, None)
            return None if value is None else {name: value}

    with tempfile.TemporaryDirectory() as folder:
        folded, quantized = Path(folder) / "folded.onnx", Path(folder) / "quantized.onnx"
        quant_pre_process(str(source), str(folded), skip_symbolic_shape=True)
        quantize_static(
            str(folded), str(quantized), Reader(), quant_format=QuantFormat.QDQ, per_channel=True, reduce_range=True,
            activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8, op_types_to_quantize=list(recipe.operators),
            nodes_to_exclude=kept_float(onnx.load(str(folded)).graph, recipe),
            calibrate_method=CalibrationMethod.Percentile, extra_options={"CalibPercentile": PERCENTILE},
        )  # fmt: skip
        model = onnx.load(str(quantized))
    # Runtimes of other makers refuse operator sets that they do not know, used or not.
    used = {node.domain for node in model.graph.node}
    for opset in [opset for opset in model.opset_import if opset.domain not in used]:
        model.opset_import.remove(opset)
    onnx.helper.set_model_props(model, properties(exported) | {"quantization": "int8"})
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, str(output))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("data", type=Path, help="data folder with scenes/ (detector) or crops/ (reader)")
    parser.add_argument("model", type=Path, help="the exported model (.onnx)")
    parser.add_argument("output", type=Path, help="the .onnx to write; the sidecar is copied beside it")


def run(args: argparse.Namespace) -> None:
    """Quantize, copy the sidecar, print size and checksum."""
    import onnx

    model = onnx.load(str(args.model))
    kind = "reader" if properties(model).get("task") == "plate-reader" else "detector"
    recipe = RECIPES[kind]
    quantize(args.model, args.output, recipe, INPUTS[kind](args.data, recipe.samples, model))
    sidecar = args.model.with_name(args.model.name + ".modelinfo")
    if sidecar.is_file():
        shutil.copyfile(sidecar, args.output.with_name(args.output.name + ".modelinfo"))
    content = args.output.read_bytes()
    print(f"{args.output}: {len(content)} bytes, {args.model} has {args.model.stat().st_size}")
    print(f"sha256 {hashlib.sha256(content).hexdigest()}")
