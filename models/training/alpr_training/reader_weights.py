"""Weights of the reader from a checkpoint (`.pt`) or from the exported ONNX file, whose initializers keep their names."""

from __future__ import annotations

from pathlib import Path

import torch


def _float(value: torch.Tensor) -> torch.Tensor:
    """Stored halves as the floats they stand for."""
    return value.float() if value.dtype == torch.float16 else value


def read_state(path: Path) -> dict[str, torch.Tensor]:
    """State dict stored in `path`: the averaged weights of a checkpoint, or the initializers of an exported model."""
    if path.suffix == ".onnx":
        import onnx
        from onnx import numpy_helper

        initializers = onnx.load(str(path)).graph.initializer
        prefix = "model."
        return {item.name.removeprefix(prefix): _float(torch.from_numpy(numpy_helper.to_array(item).copy())) for item in initializers if item.name.startswith(prefix)}
    state = torch.load(path, map_location="cpu", weights_only=False)
    return state.get("ema", state)


def load_weights(model: torch.nn.Module, path: Path) -> str:
    """Copy every weight of `path` whose name and shape fit into `model`; says how many did, and fails if none."""
    own, found = model.state_dict(), read_state(path)
    fitting = {name: value for name, value in found.items() if name in own and own[name].shape == value.shape}
    if not fitting:
        raise ValueError(f"{path}: none of its {len(found)} weights fits this network; was it exported with other --widths or --layers?")
    model.load_state_dict({**own, **fitting})
    return f"{len(fitting)} of {len(own)} tensors"
