"""Weights of the detector on disk: checkpoints (.pt) and exported files (.onnx), both good for a warm start."""

from __future__ import annotations

from pathlib import Path

import torch

from .detector_net import ConvUnit, PlateDetector


def save_weights(state: dict[str, torch.Tensor], path: Path, step: int, seconds: float) -> None:
    """Write averaged weights with how long they were trained."""
    part = path.with_suffix(".part")
    torch.save({"state": {k: v.cpu() for k, v in state.items()}, "step": step, "seconds": seconds}, part)
    part.rename(path)


def _exported_state(path: Path) -> dict[str, torch.Tensor]:
    """The convolutions of an exported file by the names they have in the fused network."""
    import onnx
    from onnx import numpy_helper

    graph = onnx.load(str(path)).graph
    found = {}
    for tensor in graph.initializer:
        name = tensor.name.removeprefix("net.")
        if name.endswith((".weight", ".bias")):
            found[name] = torch.from_numpy(numpy_helper.to_array(tensor).copy())
    return found


def _unfold(net: PlateDetector, state: dict[str, torch.Tensor]) -> None:
    """Put folded convolutions back behind batch norms that pass their input on: same function, trainable again.

    A norm's running variance is set from its scale, so that the folded convolution is undone exactly; the
    running figures then follow the data.
    """
    units = {name: module for name, module in net.named_modules() if isinstance(module, ConvUnit)}
    used = set()
    for name, unit in units.items():
        weight, bias = state[f"{name}.conv.weight"], state[f"{name}.conv.bias"]
        if weight.shape != unit.conv.weight.shape:
            raise ValueError(f"{name}: the file has {tuple(weight.shape)}, this network {tuple(unit.conv.weight.shape)}")
        unit.conv.weight.data.copy_(weight)
        unit.norm.running_mean.zero_()
        unit.norm.running_var.fill_(1.0 - unit.norm.eps)
        unit.norm.weight.data.fill_(1.0)
        unit.norm.bias.data.copy_(bias)
        used |= {f"{name}.conv.weight", f"{name}.conv.bias"}
    for name, parameter in net.named_parameters():
        if name in state and name not in used and not name.split(".")[-2] == "norm":
            parameter.data.copy_(state[name])


@torch.no_grad()
def settle(net: PlateDetector, pictures: torch.Tensor) -> None:
    """Give batch norms loaded from a folded file the true figures of `pictures`, keeping the function.

    For each norm, in order: measure mean and variance of its input, then set scale and shift so that the
    output in evaluation mode stays what it was.
    """
    net.eval()

    def hook(norm: torch.nn.BatchNorm2d, inputs: tuple) -> None:
        values = inputs[0].float()
        mean, var = values.mean((0, 2, 3)), values.var((0, 2, 3), unbiased=False)
        old = torch.sqrt(norm.running_var + norm.eps)
        slope, shift = norm.weight / old, norm.bias - norm.weight * norm.running_mean / old
        new = torch.sqrt(var + norm.eps)
        norm.running_mean.copy_(mean)
        norm.running_var.copy_(var)
        norm.weight.copy_(slope * new)
        norm.bias.copy_(shift + slope * mean)

    handles = [m.register_forward_pre_hook(hook) for m in net.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    net(pictures)
    for handle in handles:
        handle.remove()


def load_weights(net: PlateDetector, path: Path) -> bool:
    """Load `path` into the unfused `net`; True when it came from a folded file and needs `settle`."""
    if path.suffix == ".onnx":
        _unfold(net, _exported_state(path))
        return True
    saved = torch.load(path, map_location="cpu", weights_only=True)
    state = saved.get("state") or saved.get("average")
    if state is None:
        raise ValueError(f"{path} holds neither averaged weights nor a checkpoint (keys: {sorted(saved)})")
    missing = net.load_state_dict(state, strict=False)
    # Averages leave out the counters of the norms, which nothing needs.
    lacking = [name for name in missing.missing_keys if not name.endswith("num_batches_tracked")]
    if lacking or missing.unexpected_keys:
        raise ValueError(f"{path} does not fit this network: lacks {lacking}, has {missing.unexpected_keys}")
    return False
