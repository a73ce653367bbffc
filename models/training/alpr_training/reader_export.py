"""`export reader`: writes plate-reader.onnx and its sidecar from a checkpoint.

Inside the graph: normalisation, softmax and the calibration temperature. The weights are stored in half precision, each with
a cast that ONNX Runtime folds when it loads the file; it computes in float32. The initializers keep the names of the PyTorch
weights, so that a later training can start from the exported file (`reader --warm-start`).
"""

from __future__ import annotations

import argparse
import json
import warnings
from pathlib import Path

import numpy as np
import torch

from . import __version__
from .data import ALPHABET
from .inference import session
from .reader_model import PlateReader
from .reader_weights import read_state
from .synth import SLOTS
from .synth_layouts import REGIONS

OPSET = 17
LICENCE = "MPL-2.0"
TOLERANCE = 1e-3
# Box margin on each side at which the reader scored best on the validation crops.
CROP_MARGIN = 0.06


class Deployed(torch.nn.Module):
    """The reader as users get it: probabilities instead of logits, without the training heads."""

    def __init__(self, model: PlateReader, temperature: float) -> None:
        super().__init__()
        self.model, self.temperature = model, temperature

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        out = self.model(images)
        return torch.softmax(out["plate"] / self.temperature, -1), torch.softmax(out["region"], -1)


def halves(name: str, dimensions: int) -> bool:
    """Whether the weight `name` is stored in half precision: matrices are, what is added or normalises is not."""
    return dimensions >= 2 and name.endswith("weight")


def build(checkpoints: list[Path]) -> PlateReader:
    """The reader with the weights of `checkpoints`, rounded as they are stored, ready for inference. The mean is taken of several:
    trainings that began with the same weights and went different ways (other seeds, other rates), and, behind a `.pt`, exported files
    such as that which they began with."""
    state = torch.load(checkpoints[0], map_location="cpu", weights_only=False)
    model = PlateReader(len(state["regions"]), tuple(state["widths"]), state["layers"])
    states = [read_state(checkpoint) for checkpoint in checkpoints]
    # Exported files are without what only serves training.
    unused = {name: value for name, value in states[0].items() if "cell_classes" in name or "num_batches" in name}
    states = [{**unused, **other} for other in states]
    for checkpoint, other in zip(checkpoints, states):
        if {name: value.shape for name, value in other.items()} != {name: value.shape for name, value in states[0].items()}:
            raise ValueError(f"{checkpoint} and {checkpoints[0]} are not of the same network; the mean of their weights is none")
    model.load_state_dict({name: torch.stack([other[name].float() for other in states]).mean(0) for name in states[0]})
    with torch.no_grad():
        for name, value in model.named_parameters():
            if halves(name, value.dim()):
                value.copy_(value.half().float())
    return model.eval()


def store_halves(graph) -> None:
    """Turn the matrices among the initializers of an ONNX `graph` into half precision, with a cast behind each."""
    from onnx import TensorProto, helper, numpy_helper

    casts = {}
    for item in graph.initializer:
        if halves(item.name, len(item.dims)) and item.data_type == TensorProto.FLOAT:
            casts[item.name] = f"{item.name}.float"
            item.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(item).astype(np.float16), item.name))
    for node in graph.node:
        node.input[:] = [casts.get(name, name) for name in node.input]
    nodes = [helper.make_node("Cast", [name], [cast], to=TensorProto.FLOAT) for name, cast in casts.items()] + list(graph.node)
    del graph.node[:]
    graph.node.extend(nodes)


def write_onnx(model: PlateReader, path: Path, temperature: float, crop_margin: float, version: str) -> None:
    """Export to `path` and add the metadata the plugins read."""
    import onnx

    example = torch.zeros(2, 64, 128, 3, dtype=torch.uint8)
    axes = {name: {0: "batch"} for name in ("input", "plate", "region")}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            Deployed(model, temperature).eval(), (example,), str(path), opset_version=OPSET, input_names=["input"], output_names=["plate", "region"],
            dynamic_axes=axes, training=torch.onnx.TrainingMode.PRESERVE, do_constant_folding=False, dynamo=False,
        )  # fmt: skip
    graph = onnx.load(str(path))
    store_halves(graph.graph)
    values = {
        "task": "plate-reader", "alphabet": ALPHABET, "pad_char": ALPHABET[-1], "regions": json.dumps(REGIONS),
        "crop_margin": f"{crop_margin:g}", "temperature": f"{temperature:.4f}", "license": LICENCE, "version": version,
    }  # fmt: skip
    onnx.helper.set_model_props(graph, values)
    onnx.checker.check_model(graph)
    onnx.save(graph, str(path))


def write_sidecar(path: Path, crop_margin: float) -> Path:
    """The key file beside the model, in GStreamer's form, for programs that do not read ONNX metadata."""
    sidecar = path.with_name(path.name + ".modelinfo")
    sidecar.write_text(
        "[modelinfo]\nversion=1.0\ngroup-id=plate-reader\n\n"
        "[input]\nid=plate-reader-input\ntype=uint8\ndims=-1,64,128,3\ndir=input\nranges=0.0,255.0;0.0,255.0;0.0,255.0\n"
        f"# RGB, one plate stretched to 128x64; box grown by {crop_margin:g} of its size on each side.\n\n"
        f"[plate]\nid=plate-reader-out-plate\ntype=float32\ndims=-1,{SLOTS},{len(ALPHABET)}\ndir=output\n"
        f"# Probabilities over {ALPHABET}, the last is the pad.\n\n"
        f"[region]\nid=plate-reader-out-region\ntype=float32\ndims=-1,{len(REGIONS)}\ndir=output\n"
        f"# Probabilities over {','.join(REGIONS)}\n"
    )
    return sidecar


def compare(model: PlateReader, path: Path, temperature: float, images: np.ndarray) -> float:
    """Largest difference between the exported file in ONNX Runtime and PyTorch on `images`; fails above 1e-3."""
    with torch.no_grad():
        wanted = Deployed(model, temperature)(torch.from_numpy(images))
    got = session(path).run(["plate", "region"], {"input": images})
    worst = max(float(np.abs(a.numpy() - b).max()) for a, b in zip(wanted, got))
    if worst > TOLERANCE:
        raise RuntimeError(f"{path}: ONNX Runtime and PyTorch differ by {worst:.5f} (allowed {TOLERANCE}); the export is not usable")
    return worst


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--checkpoint", type=Path, nargs="+", required=True, help="last.pt of `reader`; the mean of several is exported, among which may be exported files")
    parser.add_argument("--output", type=Path, required=True, help="plate-reader.onnx; the sidecar is written beside it")
    parser.add_argument("--temperature", type=float, default=1.0, help="calibration; `evaluate reader --fit-temperature` finds it")
    parser.add_argument("--crop-margin", type=float, default=CROP_MARGIN, help="written into the file (default %(default)s)")
    parser.add_argument("--version", default=__version__)


def run(args: argparse.Namespace) -> None:
    model = build(args.checkpoint)
    write_onnx(model, args.output, args.temperature, args.crop_margin, args.version)
    sidecar = write_sidecar(args.output, args.crop_margin)
    images = np.random.default_rng(0).integers(0, 256, (100, 64, 128, 3), np.uint8)
    worst = compare(model, args.output, args.temperature, images)
    print(f"{args.output}: {args.output.stat().st_size} bytes, differs from PyTorch by {worst:.1e}; sidecar {sidecar}")
