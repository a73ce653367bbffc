"""The plate detector: a small residual network, three levels (strides 8, 16 and 32), one anchor-free head.

Per cell: box (4), score (1), corners (8). The decoding lives in `decode`, inside the exported graph.
Plain 3x3 convolutions and ReLU only: they train and run fastest on a CPU, and ONNX Runtime fuses them.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

STRIDES = (8, 16, 32)
"""Pixels of the input a cell of each output level stands for."""

MULTIPLE = 32
"""Width and height of the input must be multiples of this: the deepest features have this stride."""

CHANNELS = 13
"""Numbers a cell puts out: centre x, centre y, width, height, score, then four corners x, y."""


@dataclass(frozen=True)
class Widths:
    """Channels of the network's stages (strides 2, 4, 8, 16, 32), of the neck and of the blocks' inner layers."""

    stem: int = 16
    s4: int = 24
    s8: int = 56
    s16: int = 96
    s32: int = 128
    neck8: int = 40
    neck16: int = 64
    blocks: tuple[int, int, int] = (1, 2, 1)


class ConvUnit(nn.Module):
    """Convolution, batch norm, ReLU; `fuse` folds the norm into the convolution."""

    def __init__(self, inputs: int, outputs: int, kernel: int = 3, stride: int = 1, dilation: int = 1):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2 * dilation, dilation, bias=False)
        self.norm: nn.Module = nn.BatchNorm2d(outputs, eps=1e-3, momentum=0.03)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu_(self.norm(self.conv(x)))

    def fuse(self) -> None:
        """Fold the norm into weights and bias; the unit computes the same in evaluation mode."""
        norm = self.norm
        if not isinstance(norm, nn.BatchNorm2d):
            return
        scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
        old = self.conv
        fused = nn.Conv2d(old.in_channels, old.out_channels, old.kernel_size, old.stride, old.padding, old.dilation)
        fused.weight.data = self.conv.weight.data * scale[:, None, None, None]
        fused.bias.data = norm.bias.data - norm.running_mean * scale
        self.conv, self.norm = fused, nn.Identity()


class Block(nn.Module):
    """Residual pair of 3x3 convolutions through half the channels."""

    def __init__(self, channels: int, dilation: int = 1):
        super().__init__()
        self.first = ConvUnit(channels, channels // 2, dilation=dilation)
        self.second = ConvUnit(channels // 2, channels, dilation=dilation)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.second(self.first(x))


def _stage(inputs: int, outputs: int, blocks: int, dilation: int = 1) -> nn.Sequential:
    return nn.Sequential(ConvUnit(inputs, outputs, 3, 2), *(Block(outputs, dilation) for _ in range(blocks)))


class Head(nn.Module):
    """Raw outputs of one level: box (4), score logit (1), corners (8)."""

    def __init__(self, inputs: int, hidden: int, prior: float = 0.01):
        super().__init__()
        self.unit = ConvUnit(inputs, hidden)
        self.out = nn.Conv2d(hidden, CHANNELS, 1)
        nn.init.normal_(self.out.weight, std=0.01)
        bias = [0.0, 0.0, 1.2, 0.4, float(torch.logit(torch.tensor(prior))), -1, -1, 1, -1, 1, 1, -1, 1]
        self.out.bias.data = torch.tensor(bias, dtype=torch.float32)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.unit(x))


class PlateDetector(nn.Module):
    """Pictures [N,3,H,W] in 0..1 -> raw maps, one per level, each [N,13,H/stride,W/stride]."""

    def __init__(self, widths: Widths = Widths()):
        super().__init__()
        w = widths
        self.stem = ConvUnit(3, w.stem, 3, 2)
        self.stage4 = _stage(w.stem, w.s4, 1)
        self.stage8 = _stage(w.s4, w.s8, w.blocks[0])
        self.stage16 = _stage(w.s8, w.s16, w.blocks[1])
        # Dilated, so that a cell sees all of a plate that fills the picture.
        self.stage32 = _stage(w.s16, w.s32, w.blocks[2], dilation=2)
        self.top = ConvUnit(w.s32, w.neck16, 1)
        self.lateral16 = ConvUnit(w.s16, w.neck16, 1)
        self.merge16 = ConvUnit(w.neck16, w.neck16)
        self.reduce16 = ConvUnit(w.neck16, w.neck8, 1)
        self.lateral8 = ConvUnit(w.s8, w.neck8, 1)
        self.merge8 = ConvUnit(w.neck8, w.neck8)
        self.head8 = Head(w.neck8, w.neck8)
        self.head16 = Head(w.neck16, w.neck16)
        self.head32 = Head(w.neck16, w.neck16)

    def forward(self, images: Tensor) -> list[Tensor]:
        c8 = self.stage8(self.stage4(self.stem(images)))
        c16 = self.stage16(c8)
        p32 = self.top(self.stage32(c16))
        p16 = self.merge16(self.lateral16(c16) + nn.functional.interpolate(p32, scale_factor=2.0, mode="nearest"))
        up8 = nn.functional.interpolate(self.reduce16(p16), scale_factor=2.0, mode="nearest")
        p8 = self.merge8(self.lateral8(c8) + up8)
        return [self.head8(p8), self.head16(p16), self.head32(p32)]

    def fuse(self) -> "PlateDetector":
        """Fold every batch norm (for export); returns self."""
        for module in self.modules():
            if isinstance(module, ConvUnit):
                module.fuse()
        return self


def cells(raw: list[Tensor]) -> tuple[Tensor, Tensor]:
    """Centres [A,2] (px) and strides [A,1] of all cells of the maps `raw`, level after level, row by row."""
    centres, strides = [], []
    for level, stride in zip(raw, STRIDES):
        height, width = level.shape[2], level.shape[3]
        ys = (torch.arange(height, device=level.device, dtype=torch.float32) + 0.5) * stride
        xs = (torch.arange(width, device=level.device, dtype=torch.float32) + 0.5) * stride
        grid = torch.stack([xs[None, :].expand(height, width), ys[:, None].expand(height, width)], -1)
        centres.append(grid.reshape(-1, 2))
        strides.append(torch.full_like(centres[-1][:, :1], stride))
    return torch.cat(centres), torch.cat(strides)


def flatten(raw: list[Tensor]) -> Tensor:
    """The maps as one table [N, A, 13], in the order of `cells`."""
    return torch.cat([level.flatten(2).transpose(1, 2) for level in raw], 1).float()


def boxes_and_corners(table: Tensor, centres: Tensor, strides: Tensor) -> tuple[Tensor, Tensor]:
    """Boxes [N,A,4] (cx, cy, w, h) and corners [N,A,4,2], px, of a raw table.

    Corners are offsets from the box centre in half widths and heights, so that one scale serves plates of
    every size; the corner loss does not move the box (detached).
    """
    centre = centres + table[..., 0:2] * strides
    size = torch.exp(table[..., 2:4].clamp(-4.0, 5.0)) * strides
    half = (size * 0.5).detach().unsqueeze(-2)
    corners = centre.detach().unsqueeze(-2) + table[..., 5:13].unflatten(-1, (4, 2)) * half
    return torch.cat([centre, size], -1), corners


class Exported(nn.Module):
    """The network with its decoding: pictures [N,3,H,W] -> `output0` [N,13,A], see `models/README.md`."""

    def __init__(self, net: PlateDetector):
        super().__init__()
        self.net = net

    def forward(self, images: Tensor) -> Tensor:
        raw = self.net(images)
        table = flatten(raw)
        boxes, corners = boxes_and_corners(table, *cells(raw))
        rows = torch.cat([boxes, torch.sigmoid(table[..., 4:5]), corners.flatten(2)], -1)
        return rows.transpose(1, 2)


def gflop(net: PlateDetector, width: int, height: int) -> float:
    """Computation of one picture in GFLOP, 2 per multiply-add, convolutions only."""
    total = 0

    def count(module: nn.Conv2d, _inputs: tuple, output: Tensor) -> None:
        nonlocal total
        weights = module.weight.numel() // module.out_channels
        total += 2 * weights * output[0].numel()

    hooks = [m.register_forward_hook(count) for m in net.modules() if isinstance(m, nn.Conv2d)]
    with torch.no_grad():
        net.eval()(torch.zeros(1, 3, height, width))
    for hook in hooks:
        hook.remove()
    return total / 1e9
