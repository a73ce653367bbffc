"""Where plates lie before the simulated camera, and what a detector would cut out: whole batches, drawn on the CPU.

Quadrilaterals are float [N, 4, 2], corners top left, top right, bottom right, bottom left, in px counted from edges.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from . import warp

MARGIN = (-0.04, 0.20)  # of the box, each side: what detectors and users give
TIGHT_MARGIN = (-0.03, 0.06)  # where the picture itself is somebody's tight crop
# yaw, pitch, roll in degrees at full strength: commonly, and for WIDE_SHARE of the plates
COMMON, WIDE, WIDE_SHARE = (24.0, 16.0, 9.0), (45.0, 32.0, 34.0), 0.4
EDGE = 2.0  # px kept free between a crop and the end of the camera's picture


def uniform(low: Tensor | float, high: Tensor | float, *shape: int) -> Tensor:
    """Uniform numbers of `shape` between the two."""
    return low + (high - low) * torch.rand(*shape)


def rectangle(width: Tensor, height: Tensor) -> Tensor:
    """[0, 0, width, height] as a quadrilateral."""
    return warp.unit_square(width) * torch.stack([width, height], 1)[:, None]


def tilted(width: Tensor, height: Tensor, strength: Tensor) -> Tensor:
    """Rectangles of `width` x `height` px [N] as a camera sees them from somewhere, around the origin."""
    count = len(width)
    limits = torch.where(torch.rand(count, 1) < WIDE_SHARE, torch.tensor(WIDE), torch.tensor(COMMON))
    yaw, pitch, roll = (uniform(-1, 1, count, 3) * torch.deg2rad(limits) * strength[:, None])[..., None].unbind(1)
    points = (warp.unit_square(width) - 0.5) * torch.stack([width, height], 1)[:, None]
    x, y = points.unbind(2)
    depth = 1 + (x * yaw.sin() + y * pitch.sin()) / (width[:, None] * uniform(2.5, 8, count, 1))
    x, y = (x * yaw.cos() + y * pitch.cos() * yaw.sin() * pitch.sin() * 0.7) / depth, y * pitch.cos() / depth
    return torch.stack([x * roll.cos() - y * roll.sin(), x * roll.sin() + y * roll.cos()], 2)


def crops(quad: Tensor, rectify: Tensor, strength: Tensor, tight: Tensor) -> Tensor:
    """What a detector hands over for the plates at `quad`: their jittered corners (where `rectify`) or the upright
    boxes around them, grown by a random margin, a small one where `tight` (both bool [N])."""
    count = len(quad)
    noise = strength[:, None]
    low, high = (torch.where(tight, small, usual)[:, None] for small, usual in zip(TIGHT_MARGIN, MARGIN))
    grow = uniform(low, high, count, 1) + torch.randn(count, 4) * (0.02 + 0.02 * noise)
    left, top, right, bottom = -grow[:, 0], -grow[:, 1], 1 + grow[:, 2], 1 + grow[:, 3]
    unit = torch.stack([left, top, right, top, right, bottom, left, bottom], 1).view(count, 4, 2)
    straight = warp.apply(warp.from_unit(quad), unit + torch.randn(count, 4, 2) * 0.025 * noise[..., None])
    least, most = quad.amin(1, keepdim=True), quad.amax(1, keepdim=True)
    upright = least + (most - least) * unit
    # Corners of a detector also leave a little rotation and shear in what ought to be upright.
    shaken = upright + torch.randn(count, 4, 2) * 0.012 * noise[..., None] * (most - least)
    upright = torch.where(torch.rand(count, 1, 1) < 0.4, shaken, upright)
    return torch.where(rectify[:, None, None], straight, upright)


def fit(size: tuple[int, int], needed: Tensor, others: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
    """Shrinks and moves quadrilaterals so that `needed` [N, K, 2] lies somewhere in a picture of `size` (height, width).

    Returns the factor [N], at most 1, and `others` under the same change."""
    height, width = size
    low, high = needed.amin(1), needed.amax(1)
    extent = (high - low).clamp(min=1e-3)
    room = torch.tensor([width - 2 * EDGE, height - 2 * EDGE])
    factor = (room / extent).amin(1).clamp(max=1.0)
    free = room - extent * factor[:, None]
    shift = EDGE + free * torch.rand(len(needed), 2) - low * factor[:, None]
    return factor, [quad * factor[:, None, None] + shift[:, None] for quad in others]


def span(quad: Tensor) -> Tensor:
    """The side of the square as large as each quadrilateral [N], px."""
    x, y = quad.unbind(2)
    area = (x * y.roll(-1, 1) - x.roll(-1, 1) * y).sum(1).abs() / 2
    return area.clamp(min=1.0).sqrt()


def letters(low: Tensor, high: float, count: int) -> Tensor:
    """Heights of characters in px, evenly spread over the orders of magnitude."""
    return torch.exp(uniform(low.log(), math.log(high), count))
