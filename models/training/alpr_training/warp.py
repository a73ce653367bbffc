"""Perspective on batches of pictures: the geometry of the simulated cameras, on whatever device the tensors are.

Coordinates are pixels counted from pixel edges: the picture's left edge is x = 0, its right edge x = width.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def unit_square(like: Tensor) -> Tensor:
    """Corners of the unit square, top left, top right, bottom right, bottom left: [4, 2]."""
    return torch.tensor([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]).to(like.device, non_blocking=True)


def homography(source: Tensor, target: Tensor) -> Tensor:
    """The matrices [N, 3, 3] that take the quadrilaterals `source` [N, 4, 2] to `target` [N, 4, 2]."""
    return from_unit(target) @ torch.linalg.inv_ex(from_unit(source)).inverse


def from_unit(quad: Tensor) -> Tensor:
    """The matrices [N, 3, 3] that take the unit square to `quad` [N, 4, 2] (Heckbert's closed form, no solver)."""
    p0, p1, p2, p3 = quad.float().unbind(1)
    side, other, rest = p1 - p2, p3 - p2, p0 - p1 + p2 - p3
    area = side[:, 0] * other[:, 1] - other[:, 0] * side[:, 1]
    area = torch.where(area.abs() < 1e-9, torch.full_like(area, 1e-9), area)
    g = (rest[:, 0] * other[:, 1] - other[:, 0] * rest[:, 1]) / area
    h = (side[:, 0] * rest[:, 1] - rest[:, 0] * side[:, 1]) / area
    first = p1 - p0 + g[:, None] * p1
    second = p3 - p0 + h[:, None] * p3
    bottom = torch.stack([g, h, torch.ones_like(g)], 1)
    return torch.cat([torch.stack([first, second, p0], 2), bottom[:, None]], 1)


def apply(matrix: Tensor, points: Tensor) -> Tensor:
    """`points` [N, K, 2] under `matrix` [N, 3, 3]."""
    moved = points @ matrix[:, :, :2].transpose(1, 2) + matrix[:, None, :, 2]
    return moved[..., :2] / moved[..., 2:]


def grid_for(to_source: Tensor, size: tuple[int, int]) -> Tensor:
    """Source positions [N, H, W, 2] (px) of every pixel of an output of `size` (height, width) under `to_source`
    [N, 3, 3], which takes output px to source px."""
    height, width = size
    ys = torch.arange(height, device=to_source.device) + 0.5
    xs = torch.arange(width, device=to_source.device) + 0.5
    x, y = xs[None, None, :], ys[None, :, None]
    m = to_source[:, :, :, None, None]
    above = [m[:, i, 0] * x + m[:, i, 1] * y + m[:, i, 2] for i in range(3)]
    below = torch.where(above[2].abs() < 1e-6, torch.full_like(above[2], 1e-6), above[2])
    return torch.stack([above[0] / below, above[1] / below], -1)


def sample(images: Tensor, grid: Tensor) -> Tensor:
    """`images` [N, C, h, w] (float) read bilinearly at `grid` [N, H, W, 2] px; the edge is repeated beyond."""
    scale = torch.tensor([2.0 / images.shape[3], 2.0 / images.shape[2]]).to(grid.device, non_blocking=True)
    return F.grid_sample(images, (grid * scale - 1).to(images.dtype), mode="bilinear", padding_mode="border", align_corners=False)


def warp(images: Tensor, to_source: Tensor, size: tuple[int, int], shrink: Tensor, halvings: int = 3, limits: Tensor | None = None) -> Tensor:
    """What a camera sees of `images` [N, C, h, w] (uint8 or float): float [N, C, H, W].

    `to_source` [N, 3, 3] takes output px to px of the source; `shrink` [N] is how many source px one output px spans, and
    chooses how often (at most `halvings` times) a source is halved first, so that fine lines are averaged and not skipped;
    on the CPU it costs no waiting for a GPU. `limits` [N, 2]: width and height of what is filled of each source; its edge is
    repeated beyond."""
    grid = grid_for(to_source, size)
    level = torch.log2(shrink.clamp(min=1.0)).round().long().clamp(max=halvings)
    out = None
    for number in range(halvings + 1):
        chosen = (level == number).nonzero().flatten().to(grid.device, non_blocking=True)
        if len(chosen) == 0:
            continue
        part = grid.index_select(0, chosen)
        if limits is not None:
            # Half a pixel of this level inside, or what lies beyond the edge would be mixed in.
            part = torch.minimum(part, limits.index_select(0, chosen)[:, None, None] - 0.5 * 2**number)
        source = images.index_select(0, chosen).float()
        part = sample(F.avg_pool2d(source, 2**number) if number else source, part / 2**number)
        if out is None:
            out = part.new_zeros((len(to_source), *part.shape[1:]))
        out.index_copy_(0, chosen, part)
    return out
