"""Training batches of the reader: plates and photographs before a simulated camera, cut out as a detector would.

Everything happens to whole batches where the training runs; only the geometry, a few numbers a crop, is drawn on the CPU.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from . import camera, warp
from . import reader_geometry as geometry
from .data import GRID, HEIGHT, NO_TEXT, UNKNOWN, WIDTH
from .reader_pools import Photos, PlateRing
from .reader_teacher import Teachers
from .synth import RASTER

FRAME = (112, 208)  # height, width of the simulated camera's picture, px
LARGEST_LETTER = 44.0  # px
PHOTO_STRENGTH = 0.8  # photographs have been through one camera already
OVER_PHOTO = 0.6  # share of rendered plates that are mounted over the plate of a photograph


class Frames(NamedTuple):
    """A part of a batch before the camera: `frame` float [n, 3, *FRAME] on the device, the rest on the CPU."""

    frame: Tensor
    crop: Tensor
    letter: Tensor
    strength: Tensor


def bodywork(count: int, like: Tensor) -> Tensor:
    """Something like the metal around a plate: one colour, soft light, a few hard edges. float [count, 3, *FRAME]."""
    def rand(*shape: int) -> Tensor:
        return torch.rand(count, *shape, 1, 1, device=like.device)

    colour = torch.where(rand(1) < 0.6, 5 + 195 * rand(1).expand(-1, 3, -1, -1), 255 * rand(3))
    soft = F.interpolate(25 * torch.randn(count, 1, 3, 5, device=like.device), FRAME, mode="bicubic", align_corners=False)
    picture = colour + soft
    x = torch.linspace(-1, 1, FRAME[1], device=like.device).view(1, 1, 1, -1)
    y = torch.linspace(-1, 1, FRAME[0], device=like.device).view(1, 1, -1, 1)
    for _ in range(3):
        angle, reach, thick = 6.3 * rand(1), 1.6 * rand(1) - 0.8, 0.25 * rand(1) ** 2
        along = (x * angle.cos() + y * angle.sin() - reach).abs()
        band = ((thick - along) * 60).clamp(0, 1) * (rand(1) < 0.6)
        picture = picture + band * (150 * rand(1) + 30 * rand(3) - picture)
    return picture.clamp(0, 255)


def slot_map(quads: Tensor, present: Tensor) -> Tensor:
    """Which slot's character covers each cell of the grid, int64 [N, 8, 32], from the characters' `quads` [N, 10, 4, 2] px of
    the 128x64 crop; `present` bool [N, 10]."""
    x = (torch.arange(GRID[1], device=quads.device) + 0.5) * WIDTH / GRID[1]
    y = (torch.arange(GRID[0], device=quads.device) + 0.5) * HEIGHT / GRID[0]
    centre = quads.mean(2)
    right, down = quads[:, :, 1] - quads[:, :, 0] + quads[:, :, 2] - quads[:, :, 3], quads[:, :, 3] - quads[:, :, 0] + quads[:, :, 2] - quads[:, :, 1]
    half_w, half_h = (right[..., 0].abs() / 4).clamp(min=2.01), (0.42 * down[..., 1].abs() / 2).clamp(min=4.01)
    near_x = (x - centre[..., 0:1]).abs() <= half_w[..., None]
    near_y = (y - centre[..., 1:2]).abs() <= half_h[..., None]
    inside = near_y[..., :, None] & near_x[..., None, :] & present[..., None, None]
    slots = torch.arange(1, quads.shape[1] + 1, device=quads.device).view(1, -1, 1, 1)
    return (inside * slots).amax(1) + NO_TEXT


class Again:
    """Keeps batches to learn from a second time, much later: what teachers say of a batch costs more than a step."""

    KEPT = 60  # batches

    def __init__(self) -> None:
        self._batches: list[dict] = []

    def later(self, batch: dict) -> dict | None:
        """Keeps `batch`; returns one that was kept before, once there are enough."""
        self._batches.append(batch)
        return self._batches.pop(int(torch.randint(self.KEPT, ()))) if len(self._batches) > self.KEPT else None


class Batches:
    """Endless batches of `size` crops: a part of photographs, the rest rendered plates."""

    def __init__(self, photos: Photos | None, plates: PlateRing, size: int, device: torch.device, teachers: Teachers | None = None, as_they_are: float = 0.0) -> None:
        """`teachers` give their opinion on every crop; the share `as_they_are` of the photographs passes no simulated camera."""
        self.photos, self.plates, self.size, self.device = photos, plates, size, device
        self.teachers, self.as_they_are = teachers, as_they_are

    def _put(self, values: Tensor) -> Tensor:
        return values.to(self.device, non_blocking=True)

    def _surroundings(self, plate: Tensor) -> tuple[Tensor, Tensor]:
        """Backgrounds for plates at `plate`: bodywork, or photographs whose own plate lies just below it, and the light
        there, [n, 1, *FRAME], around 1."""
        count, boxed = len(plate), len(self.photos.boxed) if self.photos is not None else 0
        mounted = (torch.rand(count) < OVER_PHOTO) & bool(boxed)
        over, bare = mounted.nonzero().flatten(), (~mounted).nonzero().flatten()
        picture = torch.empty(count, 3, *FRAME, device=self.device)
        light = torch.ones(count, 1, *FRAME, device=self.device)
        if len(bare):
            picture.index_copy_(0, self._put(bare), bodywork(len(bare), picture))
        if not len(over):
            return picture, light
        chosen = self.photos.boxed[torch.randint(boxed, (len(over),))]
        quad, below = self.photos.quads[chosen], plate[over]
        middle = below.mean(1, keepdim=True)
        below = middle + (below - middle) * geometry.uniform(0.85, 0.98, len(over), 1, 1)
        index, rows = self._put(chosen), self._put(over)
        shrink = geometry.span(quad) / geometry.span(below)
        photo = warp.warp(self.photos.images.index_select(0, index), self._put(warp.homography(below, quad)), FRAME, shrink, limits=self.photos.limits.index_select(0, index))
        picture.index_copy_(0, rows, photo)
        # The photograph's light, without what is written there, falls on the new plate as well.
        grey = F.interpolate(F.avg_pool2d(photo.mean(1, keepdim=True), 16), FRAME, mode="bilinear", align_corners=False)
        share = self._put(geometry.uniform(0.0, 0.8, len(over), 1, 1, 1))
        falls = 1 + share * ((grey / grey.mean((2, 3), keepdim=True).clamp(min=8)).clamp(0.4, 1.6) - 1)
        return picture, light.index_copy_(0, rows, falls)

    def _rendered(self, count: int, strength: float, plain: float) -> tuple[Frames, dict[str, Tensor]]:
        rows = self.plates.draw(count, plain)
        # Even late in training some plates stay easy.
        level = strength * geometry.uniform(0.3, 1.4, count).clamp(max=1.0)
        aspect, relative = self.plates.aspects[rows], self.plates.relative[rows]
        height = geometry.letters(36 - 29 * level, LARGEST_LETTER, count) / relative
        quad = geometry.tilted(height * aspect, height, level)
        crop = geometry.crops(quad, torch.rand(count) < 0.45, level, torch.zeros(count, dtype=torch.bool))
        factor, (quad, crop) = geometry.fit(FRAME, torch.cat([quad, crop], 1), [quad, crop])
        height = height * factor

        index = self._put(rows)
        source = geometry.rectangle(torch.full((count,), float(RASTER[0])), torch.full((count,), float(RASTER[1])))
        shown = warp.warp(self.plates.rasters.index_select(0, index), self._put(warp.homography(quad, source)), FRAME, geometry.span(source) / geometry.span(quad))
        # How far inside the plate a pixel lies, in px: a soft edge.
        unit = warp.grid_for(self._put(torch.linalg.inv(warp.from_unit(quad))), FRAME)
        inside = torch.minimum(unit, 1 - unit) * self._put(torch.stack([height * aspect, height], 1))[:, None, None]
        alpha = (inside + 0.5).clamp(0, 1).prod(3)[:, None]
        picture, light = self._surroundings(quad)
        frame = picture + alpha * (shown * light - picture)

        boxes, label = self.plates.boxes.index_select(0, index), self.plates.label.index_select(0, index)
        corners = torch.stack([boxes[..., [0, 1]], boxes[..., [2, 1]], boxes[..., [2, 3]], boxes[..., [0, 3]]], 2)
        target = geometry.rectangle(torch.full((count,), float(WIDTH)), torch.full((count,), float(HEIGHT)))
        to_crop = self._put(warp.homography(crop, target) @ warp.from_unit(quad))
        placed = warp.apply(to_crop, corners.flatten(1, 2)).view_as(corners)
        labels = {
            "label": label, "weight": torch.ones(count, device=self.device), "region": self.plates.region.index_select(0, index),
            "cells": slot_map(placed, (boxes[..., 2] > boxes[..., 0])),
        }  # fmt: skip
        return Frames(frame, crop, height * relative, level), labels

    def _photographed(self, count: int, strength: float) -> tuple[Frames, dict[str, Tensor]]:
        photos = self.photos
        rows = torch.multinomial(photos.draw, count, replacement=True)
        level = PHOTO_STRENGTH * strength * geometry.uniform(0.0, 1.3, count).clamp(max=1.0)
        sizes, quad = photos.sizes[rows], photos.quads[rows]
        extent = quad.amax(1) - quad.amin(1)
        # Nobody noted how high the characters are; one row fills more of a plate than two.
        letter = extent[:, 1] * torch.where(extent[:, 0] > 2.4 * extent[:, 1], 0.6, 0.38)
        least = torch.maximum(1 - 0.85 * level, 8 / letter).clamp(max=1.0)
        scale = geometry.letters(least, 1.0, count)
        whole = geometry.rectangle(*sizes.unbind(1))
        moved = (torch.rand(count) < 0.75).float()
        sheet = geometry.tilted(sizes[:, 0] * scale, sizes[:, 1] * scale, level * moved)
        to_sheet = warp.homography(whole, sheet)
        plate = warp.apply(to_sheet, quad)
        straight = torch.rand(count) < torch.where(photos.has_corners[rows], 0.5, 0.35)
        crop = geometry.crops(plate, straight, level, ~photos.has_box[rows])
        factor, (sheet, crop) = geometry.fit(FRAME, crop, [sheet, crop])

        index = self._put(rows)
        to_photo = self._put(warp.homography(sheet, whole))
        frame = warp.warp(photos.images.index_select(0, index), to_photo, FRAME, 1 / (scale * factor), 2, photos.limits.index_select(0, index))
        # Beyond the photograph: its edge goes on, or something else begins.
        cut = (torch.rand(count) < 0.4).nonzero().flatten()
        if len(cut):
            part = self._put(cut)
            place = warp.grid_for(to_photo.index_select(0, part), FRAME)
            inside = torch.minimum(place, photos.limits.index_select(0, index.index_select(0, part))[:, None, None] - place)
            alpha = (inside + 0.5).clamp(0, 1).prod(3)[:, None]
            around = bodywork(len(cut), frame)
            frame.index_copy_(0, part, around + alpha * (frame.index_select(0, part) - around))
        labels = {name: getattr(photos, name).index_select(0, index) for name in ("label", "weight", "region", "soft", "soft_weight")}
        labels["soft"] = labels["soft"].float()
        labels["cells"] = torch.full((count, *GRID), UNKNOWN, device=self.device)
        return Frames(frame, crop, letter * scale * factor, level), labels

    def _filmed(self, frames: Frames, rendered: int) -> Tensor:
        """The pictures of the simulated camera, float [n, 3, *FRAME]; the first `rendered` are not photographs."""
        through = torch.rand(len(frames.frame)) >= self.as_they_are
        through[:rendered] = True
        if through.all():
            return camera.degrade(frames.frame, frames.letter, frames.strength)
        rows = through.nonzero().flatten()
        index = self._put(rows)
        return frames.frame.index_copy(0, index, camera.degrade(frames.frame.index_select(0, index), frames.letter[rows], frames.strength[rows]))

    @torch.no_grad()
    def next(self, strength: float, photos: float, plain: float, steps: int = 1) -> list[dict]:
        """Batches for `steps` steps, made together, because a GPU makes many crops in hardly more time than a few.

        A batch: `image` float [size, 64, 128, 3], 0 … 255 (a view of channels-first memory), and its labels; the first
        `rendered` crops (a number) are rendered ones. `strength` of the camera, the share of `photos`, the share of `plain`
        plates among the rendered ones: each 0 … 1."""
        real = round(self.size * photos) if self.photos is not None else 0
        rendered, count = self.size - real, self.size * steps
        frames, labels = self._rendered(rendered * steps, strength, plain)
        if real:
            other, more = self._photographed(real * steps, strength)
            frames = Frames(*(torch.cat(pair) for pair in zip(frames, other)))
            for name, value in more.items():
                before = labels[name] if name in labels else value.new_zeros(rendered * steps, *value.shape[1:])
                labels[name] = torch.cat([before, value])
        frame = self._filmed(frames, rendered * steps)
        target = geometry.rectangle(torch.full((count,), float(WIDTH)), torch.full((count,), float(HEIGHT)))
        shrink = geometry.span(frames.crop) / geometry.span(target)
        image = warp.warp(frame, self._put(warp.homography(target, frames.crop)), (HEIGHT, WIDTH), shrink, 2)
        whole = {"image": image.round_().permute(0, 2, 3, 1), **labels}
        if self.teachers and real:
            # Of rendered plates everything is known.
            first = rendered * steps
            whole["soft"][first:] = self.teachers.probabilities(whole["image"][first:])
            whole["soft_weight"][first:] = 1
        middle = rendered * steps
        parts = [(slice(i * rendered, (i + 1) * rendered), slice(middle + i * real, middle + (i + 1) * real)) for i in range(steps)]
        return [{"rendered": rendered, **{name: torch.cat([value[first], value[second]]) for name, value in whole.items()}} for first, second in parts]
