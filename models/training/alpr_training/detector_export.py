"""`export detector`: writes plate-detector.onnx from trained weights, with decoding and metadata inside.

    python -m alpr_training export detector ema.pt plate-detector.onnx --confidence-threshold 0.35

The contract is stated in `models/README.md`. Batch norms are folded; `detector --warm-start FILE.onnx` undoes it.
"""

from __future__ import annotations

import argparse
import hashlib
import warnings
from pathlib import Path

import numpy as np
import torch

from .detector_net import CHANNELS, MULTIPLE, Exported, PlateDetector, gflop
from .detector_weights import load_weights
from .inference import session

OPSET = 17
IMGSZ = (384, 640)
"""Default input, height and width (px)."""

TOLERANCE = 1e-3
"""Largest difference of scores, and of coordinates in units of the input's width, between ONNX Runtime and PyTorch."""


def metadata(threshold: float, version: str) -> dict[str, str]:
    """`metadata_props` as Ultralytics writes them for a pose model of one class, and our own threshold."""
    return {
        "task": "pose",
        "kpt_shape": "[4, 2]",
        "names": "{0: 'license-plate'}",
        "imgsz": f"[{IMGSZ[0]}, {IMGSZ[1]}]",
        "stride": str(MULTIPLE),
        "license": "MPL-2.0",
        "version": version,
        "description": "Licence plate detector with four corners (top left, top right, bottom right, bottom left)",
        "confidence_threshold": f"{threshold:g}",
    }


def write_onnx(net: PlateDetector, path: Path, props: dict[str, str]) -> None:
    """Export `net` (unfused, any mode; it is fused here) to `path` with `props` as metadata."""
    import onnx

    exported = Exported(net.cpu().eval().fuse()).eval()
    example = torch.zeros(1, 3, *IMGSZ)
    axes = {"images": {0: "batch", 2: "height", 3: "width"}, "output0": {0: "batch", 2: "anchors"}}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.onnx.export(
            exported, (example,), str(path), input_names=["images"], output_names=["output0"], dynamic_axes=axes,
            opset_version=OPSET, dynamo=False, do_constant_folding=True,
        )
    model = onnx.load(str(path))
    # The exporter does not see through the reshapes; say what the channel count is.
    dims = model.graph.output[0].type.tensor_type.shape.dim
    dims[1].ClearField("dim_param")
    dims[1].dim_value = CHANNELS
    del model.metadata_props[:]
    for key, value in props.items():
        model.metadata_props.add(key=key, value=value)
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, str(path))


def write_sidecar(path: Path) -> Path:
    """The key file beside the model, in GStreamer's form; returns its path."""
    sidecar = path.with_name(path.name + ".modelinfo")
    sidecar.write_text(
        "[modelinfo]\nversion=1.0\ngroup-id=plate-detector\n\n"
        "[images]\nid=plate-detector-input\ntype=float32\ndims=-1,3,-1,-1\ndir=input\n"
        "ranges=0.0,1.0;0.0,1.0;0.0,1.0\n"
        f"# RGB, letterboxed (centred, grey 114), width and height multiples of {MULTIPLE}, default {IMGSZ[1]}x{IMGSZ[0]}.\n\n"
        f"[output0]\nid=plate-detector-out\ntype=float32\ndims=-1,{CHANNELS},-1\ndir=output\n"
        "# Per cell: cx, cy, w, h (px of the input), score 0..1, then x, y of the corners TL, TR, BR, BL. No suppression.\n"
    )
    return sidecar


def compare(net: PlateDetector, path: Path, sizes: list[tuple[int, int, int]]) -> float:
    """Largest difference between `path` in ONNX Runtime and the fused `net` on noise of sizes (n, h, w).

    Coordinates count in units of the input's width. Raises ValueError above TOLERANCE.
    """
    opened, exported, rng, worst = session(path), Exported(net).eval(), np.random.default_rng(0), 0.0
    for n, height, width in sizes:
        images = rng.random((n, 3, height, width), np.float32)
        with torch.no_grad():
            wanted = exported(torch.from_numpy(images)).numpy()
        got = opened.run(None, {"images": images})[0]
        if got.shape != wanted.shape:
            raise ValueError(f"{path} at {width}x{height}: ONNX Runtime returns {got.shape}, PyTorch {wanted.shape}")
        difference = np.abs(got - wanted)
        difference[:, [0, 1, 2, 3, *range(5, 13)]] /= width
        worst = max(worst, float(difference.max()))
    if worst > TOLERANCE:
        raise ValueError(f"{path} differs from PyTorch by {worst:.2e} (allowed {TOLERANCE:g}); do not use it")
    return worst


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `export detector`."""
    parser.add_argument("weights", type=Path, help="ema.pt or last.pt of `detector`, or an exported .onnx")
    parser.add_argument("output", type=Path, help="the .onnx to write")
    parser.add_argument("--confidence-threshold", type=float, default=0.3, help="default threshold put into the file")
    parser.add_argument("--model-version", default="1", help="version put into the file")


def run(args: argparse.Namespace) -> None:
    """Export, compare with PyTorch, print size and computation."""
    net = PlateDetector()
    load_weights(net, args.weights)
    print(f"{gflop(net, IMGSZ[1], IMGSZ[0]):.2f} GFLOP at {IMGSZ[1]}x{IMGSZ[0]}")
    write_onnx(net, args.output, metadata(args.confidence_threshold, args.model_version))
    sidecar = write_sidecar(args.output)
    sizes = [(1, *IMGSZ), (2, 192, 320), (1, 416, 416), (1, 640, 352)]
    worst = compare(net, args.output, sizes)
    print(f"{args.output}: {args.output.stat().st_size / 1e6:.2f} MB, differs from PyTorch by {worst:.1e}; sidecar {sidecar}")
    print(f"sha256 {hashlib.sha256(args.output.read_bytes()).hexdigest()}")
