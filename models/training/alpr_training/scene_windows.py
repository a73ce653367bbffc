"""Training windows for the detector, a batch at a time on the training device: cut around plates at random scale,
mosaics, pasted plates and words, a simulated camera, labels to match."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from . import camera, warp
from .detection_models import PAD
from .detector_loss import Targets
from .scene_labels import CORNERS, IGNORE, PLATE, LabelTable, chances, label_table
from .scene_paste import PlateStock, Words, bounds, lay_plates, lay_words, random_quads
from .scenes import LEVELS, Scenes, level_sizes

WHOLE = 600
"""Windows at least this wide (px) show whole scenes, as at run time, most of the time."""

ADDED = 3
"""Rendered plates, and words, put into one window at most."""


def uniform(like: Tensor, low: float | Tensor, high: float | Tensor) -> Tensor:
    """Random numbers of the shape of `like`."""
    return low + (high - low) * torch.rand_like(like)


def log_uniform(like: Tensor, low: float | Tensor, high: float | Tensor) -> Tensor:
    """Random numbers whose logarithm is even."""
    low, high = torch.as_tensor(low, device=like.device), torch.as_tensor(high, device=like.device)
    return torch.exp(uniform(like, low.log(), high.log()))


def chance(like: Tensor, share: float) -> Tensor:
    """True with probability `share`."""
    return torch.rand_like(like) < share


class Pictures:
    """The decoded scenes on the training device, read at any place and scale."""

    def __init__(self, scenes: Scenes, numbers: list[int], device: torch.device):
        self.pixels = torch.from_numpy(scenes.bytes).view(-1, 3).to(device)
        offsets, sizes = np.zeros((len(numbers), LEVELS), np.int64), np.zeros((len(numbers), LEVELS, 2), np.int64)
        for row, number in enumerate(numbers):
            scene = scenes.scenes[number]
            offset = scene.offset // 3
            for level, (width, height) in enumerate(level_sizes(scene.width, scene.height)):
                offsets[row, level], sizes[row, level] = offset, (width, height)
                offset += width * height
        self.offsets, self.sizes = torch.from_numpy(offsets).to(device), torch.from_numpy(sizes).to(device)

    def read(self, rows: Tensor, to_scene: Tensor, level: Tensor, width: int, height: int) -> Tensor:
        """Windows [N,3,height,width], 0..255, of the scenes `rows` [N]; `to_scene` [N,2,3] takes window px to scene px,
        `level` [N] is the size to read from. Outside a scene is the letterbox grey."""
        device = self.pixels.device
        offset, size, full = self.offsets[rows, level], self.sizes[rows, level], self.sizes[rows, 0]
        matrix = to_scene * (size / full).unsqueeze(-1)
        xs = torch.arange(width, device=device) + 0.5
        ys = torch.arange(height, device=device) + 0.5
        x, y = (matrix[:, i, 0, None, None] * xs + matrix[:, i, 1, None, None] * ys[:, None] + matrix[:, i, 2, None, None] for i in (0, 1))
        w, h = size[:, 0, None, None], size[:, 1, None, None]
        outside = (x < 0) | (y < 0) | (x > w) | (y > h)
        x, y = x - 0.5, y - 0.5
        x0, y0 = x.floor(), y.floor()
        fx, fy = (x - x0).unsqueeze(-1), (y - y0).unsqueeze(-1)
        left, right = (x0.long() + step for step in (0, 1))
        above, below = (y0.long() + step for step in (0, 1))
        left, right = left.clamp_min(0).minimum(w - 1), right.clamp_min(0).minimum(w - 1)
        above, below = above.clamp_min(0).minimum(h - 1), below.clamp_min(0).minimum(h - 1)
        start = offset[:, None, None]
        top = torch.lerp(self.pixels[start + above * w + left].float(), self.pixels[start + above * w + right].float(), fx)
        bottom = torch.lerp(self.pixels[start + below * w + left].float(), self.pixels[start + below * w + right].float(), fx)
        out = torch.lerp(top, bottom, fy)
        out[outside] = PAD
        return out.permute(0, 3, 1, 2).contiguous()


def invert(linear: Tensor, offset: Tensor) -> Tensor:
    """The inverse [N,2,3] of p -> `linear` [N,2,2] p + `offset` [N,2]."""
    back = torch.linalg.inv_ex(linear).inverse
    return torch.cat([back, -(back @ offset.unsqueeze(-1))], -1)


class Sampler:
    """Draws batches of windows from scenes; every draw depends on PyTorch's generators alone: that of the device, and
    that of the CPU for the strength of the camera and the borders."""

    def __init__(self, scenes: Scenes, numbers: list[int], plates: PlateStock, words: Words, device: torch.device):
        self.device, self.plates, self.words = device, plates, words
        self.labels: LabelTable = label_table(scenes, numbers, device)
        self.pictures = Pictures(scenes, numbers, device)
        self.steps = torch.from_numpy(np.cumsum(chances(scenes, numbers))).float().to(device)
        stretched = [name == "us_vanity_quads" for name in self.labels.sets]
        self.stretched = torch.tensor(stretched, device=device)[self.labels.set_number]

    def _geometry(self, rows: Tensor, area: Tensor, ease: float) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """How each scene of `rows` falls into the part `area` [N,4] (x1,y1,x2,y2 px) of its window: linear map [N,2,2],
        offset [N,2], scale [N], mirrored [N]."""
        table, any_ = self.labels, rows.float()
        size, room = table.size[rows], area[:, 2:] - area[:, :2]
        fit = (room / size).amin(1)
        points, usable = table.points[rows], (table.kind[rows] == PLATE) | (table.kind[rows] == CORNERS)
        pick = (usable * torch.rand_like(table.trust[rows])).argmax(1)
        chosen = points[torch.arange(len(rows), device=self.device), pick]
        low, high = chosen.amin(1), chosen.amax(1)
        around = usable.any(1) & ~chance(any_, 0.15)
        focus = torch.where(around[:, None], (low + high) / 2, torch.rand_like(size) * size)
        width = room[:, 0]
        large = chance(any_, 0.2)
        least = torch.where(large, 0.3 * width, torch.full_like(width, 9.0))
        most = torch.where(large, (0.98 * width).clamp(max=480), (0.5 * width).clamp(max=200)).maximum(least + 1)
        wanted = log_uniform(any_, least, most) / (high - low)[:, 0].clamp_min(3)
        scale = torch.where(around, wanted.maximum(0.6 * fit).clamp(max=2.2), fit * torch.exp(uniform(any_, -0.1, 0.9)))
        whole = (width >= WHOLE) & chance(any_, 0.6 + 0.3 * ease)
        scale = torch.where(whole, fit * uniform(any_, 0.85, 1.0), scale)
        stretch = torch.exp(torch.randn_like(any_) * 0.08) * torch.where(self.stretched[rows], uniform(any_, 1.0, 1.35), torch.ones_like(any_))
        turned = torch.where(table.bounded[rows], torch.randn_like(any_) * 9, torch.randn_like(any_) * 1.2 * chance(any_, 0.5))
        angle = turned * math.pi / 180 * (1 - 0.7 * ease)
        mirrored = chance(any_, 0.08)
        sx, sy = scale * stretch.sqrt() * torch.where(mirrored, -1.0, 1.0), scale / stretch.sqrt()
        cos, sin = angle.cos(), angle.sin()
        linear = torch.stack([torch.stack([cos * sx, -sin * sy], 1), torch.stack([sin * sx, cos * sy], 1)], 1)
        place = area[:, :2] + uniform(size, 0.12, 0.88) * room
        # Where the whole scene fits it is letterboxed, as at run time.
        centred = ((scale <= fit * 1.05) & chance(any_, 0.7))[:, None]
        focus, place = torch.where(centred, size / 2, focus), torch.where(centred, area[:, :2] + room / 2, place)
        offset = place - (linear @ focus.unsqueeze(-1)).squeeze(-1)
        low, high = self._outline(linear, offset, size)
        # Mostly the scene covers the window, or lies inside it where it is the smaller.
        gap_low, gap_high = area[:, :2] - low, area[:, 2:] - high
        filled = offset + torch.zeros_like(gap_low).maximum(gap_low.minimum(gap_high)).minimum(gap_low.maximum(gap_high))
        return linear, torch.where(chance(any_, 0.75)[:, None], filled, offset), scale, mirrored

    @staticmethod
    def _outline(linear: Tensor, offset: Tensor, size: Tensor) -> tuple[Tensor, Tensor]:
        """Low and high corner [N,2] of the scenes in their windows."""
        corners = (warp.unit_square(size) * size.unsqueeze(1)) @ linear.transpose(1, 2) + offset.unsqueeze(1)
        return corners.amin(1), corners.amax(1)

    def _move(self, rows: Tensor, linear: Tensor, offset: Tensor, mirrored: Tensor, area: Tensor) -> Targets:
        """The labels of `rows` in their windows, cut to `area` and to the scene."""
        table = self.labels
        points = table.points[rows] @ linear.transpose(1, 2).unsqueeze(1) + offset[:, None, None]
        points = torch.where(mirrored[:, None, None, None], points[:, :, [1, 0, 3, 2]], points)
        low, high = points.amin(2), points.amax(2)
        scene_low, scene_high = self._outline(linear, offset, table.size[rows])
        limit_low, limit_high = scene_low.maximum(area[:, :2]).unsqueeze(1), scene_high.minimum(area[:, 2:]).unsqueeze(1)
        cut_low, cut_high = low.maximum(limit_low).minimum(limit_high), high.maximum(limit_low).minimum(limit_high)
        size = cut_high - cut_low
        seen = size.prod(-1) / (high - low).prod(-1).clamp_min(1e-6)
        kind = table.kind[rows]
        kind = torch.where((kind == CORNERS) & (seen < 0.85), PLATE, kind)
        small = (seen < 0.6) | (size[..., 0] < 7) | (size[..., 1] < 3)
        kind = torch.where((kind > 0) & small, IGNORE, kind)
        kind = torch.where(seen <= 0.05, 0, kind)
        return Targets(torch.cat([cut_low, cut_high], -1), points, kind, table.trust[rows])

    def _cut(self, count: int, width: int, height: int, area: Tensor, ease: float) -> tuple[Tensor, Targets]:
        """`count` windows, each with one scene in its part `area` [N,4]."""
        rows = torch.searchsorted(self.steps, torch.rand(count, device=self.device)).clamp(max=len(self.steps) - 1)
        linear, offset, scale, mirrored = self._geometry(rows, area, ease)
        # A level too fine aliases, one too coarse blurs: scalers in the field do both.
        level = (torch.log2(1 / scale) + uniform(scale, -0.6, 0.4)).round().long().clamp(0, LEVELS - 1)
        pictures = self.pictures.read(rows, invert(linear, offset), level, width, height)
        return pictures, self._move(rows, linear, offset, mirrored, area)

    def _mosaic(self, pictures: Tensor, targets: Targets, other: Tensor, rows: Tensor, ease: float) -> Targets:
        """Put a second scene into the part `other` [K,4] of the windows `rows` [K], in place."""
        height, width = pictures.shape[2:]
        second, found = self._cut(len(rows), width, height, other, ease)
        x, y = torch.arange(width, device=self.device), torch.arange(height, device=self.device)
        inside = (x >= other[:, 0:1]) & (x < other[:, 2:3])
        inside = inside[:, None, :] & ((y >= other[:, 1:2]) & (y < other[:, 3:4]))[:, :, None]
        pictures[rows] = torch.where(inside[:, None], second, pictures[rows])
        wide = Targets(*(value.new_zeros((len(pictures), *value.shape[1:])) for value in found))
        for whole, part in zip(wide, found):
            whole[rows] = part
        return joined(targets, wide)

    def batch(self, count: int, width: int, height: int, ease: float = 0.0) -> tuple[Tensor, Targets]:
        """Pictures [count,3,height,width] in 0..255 and their labels. `ease` 0..1 moves from the full strength of the
        simulation towards what cameras mostly deliver."""
        area = torch.tensor([0.0, 0.0, width, height], device=self.device).repeat(count, 1)
        mixed = chance(area[:, 0], 0.2 * (1 - 0.5 * ease))
        across = mixed & chance(area[:, 0], 0.7)
        cut = torch.round(uniform(area[:, 0], 0.35, 0.65) * torch.where(across, float(width), float(height)))
        other = area.clone()
        area[:, 2], other[:, 0] = torch.where(across, cut, area[:, 2]), torch.where(across, cut, other[:, 0])
        down = mixed & ~across
        area[:, 3], other[:, 1] = torch.where(down, cut, area[:, 3]), torch.where(down, cut, other[:, 1])
        pictures, targets = self._cut(count, width, height, area, ease)
        rows = mixed.nonzero().flatten()
        if len(rows):
            targets = self._mosaic(pictures, targets, other[rows], rows, ease)
        targets = self._paste(pictures, packed(targets))
        # A good part stays nearly as it is; drawn on the CPU, where `degrade` wants it.
        strength = (1.0 - 0.4 * ease) * torch.rand(count) * (torch.rand(count) > 0.3 + 0.2 * ease)
        # The border is put on behind the camera: mostly it stays clean.
        border = (pictures == PAD).all(1, keepdim=True) & (torch.rand(count, 1, 1, 1) < 0.8).to(self.device)
        pictures = torch.where(border, float(PAD), camera.degrade(pictures, 6 + 8 * torch.rand(count), strength))
        return pictures, packed(targets)

    def _paste(self, pictures: Tensor, targets: Targets) -> Targets:
        """Rendered plates over plates with known corners, plates and words where nothing is; in place."""
        height, width = pictures.shape[2:]
        some = torch.rand(len(pictures), device=self.device)
        exact = ((targets.kind == CORNERS) & (targets.trust == 1)) * torch.rand_like(targets.trust)
        value, column = exact.max(1)
        over = ((value > 0) & (some < 0.18)).nonzero().flatten()
        if len(over):
            lay_plates(pictures, over, targets.corners[over, column[over]], self.plates)
        for number in range(ADDED):
            rows = (torch.rand_like(some) < (0.35, 0.2, 0.1)[number]).nonzero().flatten()
            picked, aspects = self.plates.pick(len(rows))
            span = log_uniform(aspects, 11.0, min(0.6 * width, 220.0))
            quads = random_quads(span, aspects, width, height)
            free = _free(quads, targets, rows, width, height) & ((bounds(quads)[:, 3] - bounds(quads)[:, 1]) >= 3.5)
            rows, quads = rows[free], quads[free]
            if len(rows):
                lay_plates(pictures, rows, quads, self.plates, picked[free])
                targets = with_plates(targets, rows, quads)
            rows = (torch.rand_like(some) < (0.3, 0.2, 0.1)[number]).nonzero().flatten()
            picked, aspects = self.words.pick(len(rows))
            quads = random_quads(log_uniform(aspects, 14.0, 0.7 * width), aspects, width, height, 0.5)
            free = _free(quads, targets, rows, None, None)
            if free.any():
                lay_words(pictures, rows[free], quads[free], self.words, picked[free])
        return targets


def _free(quads: Tensor, targets: Targets, rows: Tensor, width: int | None, height: int | None) -> Tensor:
    """Whether each of `quads` [K,4,2] touches no label of its window (and lies inside the window of that size)."""
    box, known = bounds(quads).unsqueeze(1), targets.boxes[rows]
    hit = (known[..., :2] < box[..., 2:] + 2).all(-1) & (known[..., 2:] > box[..., :2] - 2).all(-1) & (targets.kind[rows] > 0)
    inside = torch.ones(len(quads), dtype=torch.bool, device=quads.device)
    if width is not None:
        inside = (quads >= 0).all(-1).all(-1) & (quads[..., 0] <= width).all(-1) & (quads[..., 1] <= height).all(-1)
    return inside & ~hit.any(1)


def joined(first: Targets, second: Targets) -> Targets:
    """The labels of both."""
    return Targets(*(torch.cat(pair, 1) for pair in zip(first, second)))


def with_plates(targets: Targets, rows: Tensor, quads: Tensor) -> Targets:
    """`targets` and one plate with the corners `quads` [K,4,2] in each of the windows `rows` [K]."""
    count = len(targets.kind)
    added = Targets(quads.new_zeros(count, 1, 4), quads.new_zeros(count, 1, 4, 2), targets.kind.new_zeros(count, 1), quads.new_zeros(count, 1))
    added.boxes[rows, 0], added.corners[rows, 0] = bounds(quads), quads
    added.kind[rows, 0], added.trust[rows, 0] = CORNERS, 1.0
    return joined(targets, added)


def packed(targets: Targets) -> Targets:
    """`targets` without the columns that no window of the batch needs."""
    order = (targets.kind == 0).to(torch.int8).argsort(dim=1, stable=True)
    most = max(1, int((targets.kind > 0).sum(1).max()))
    order = order[:, :most]
    take = torch.arange(len(order), device=order.device)[:, None]
    return Targets(*(value[take, order] for value in targets))
