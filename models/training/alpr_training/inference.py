"""ONNX Runtime: our exported files and those of others, on the CPU."""

from __future__ import annotations

from pathlib import Path


def session(model: Path, threads: int = 1):
    """An `onnxruntime.InferenceSession` of the file `model` on `threads` threads."""
    # Only here: a detector is trained without it.
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    return onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
