"""Rendered plates and words put into real scenes: perspective, light of the place, exact corners. Batched, on any device."""

from __future__ import annotations

import math
import time

import cv2
import numpy as np
import torch
from torch import Tensor

from . import warp
from .synth import RASTER, SynthCache, finished

LETTERS = np.array(list("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"))
FACES = (cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_DUPLEX, cv2.FONT_HERSHEY_TRIPLEX)
PLATE_HALVINGS = 4
"""How often a rendered plate is halved at most before it is drawn small."""

WORD_RASTER = (256, 64)
"""Width and height of the masks of a word."""

RESCAN = 20.0
"""Seconds between looks for newly rendered plates."""

MOST_PLATES = 60_000
"""Rendered plates kept, 83 kB each."""


def simple_plate(rng: np.random.Generator) -> np.ndarray:
    """A plain rendered plate (stroke fonts, one or two rows): enough where `synth` plates are not at hand."""
    rows = 1 if rng.random() < 0.6 else 2
    height = 96
    width = int(height * (rng.uniform(3.0, 5.0) if rows == 1 else rng.uniform(1.2, 2.2)))
    dark = rng.random() < 0.2
    paper = rng.uniform(0, 90, 3) if dark else 255 - rng.uniform(0, 1) ** 2 * np.array([60, 90, 220])
    ink = rng.uniform(170, 255, 3) if dark else rng.uniform(0, 80) * np.array([1, rng.random(), rng.random()])
    plate = np.empty((height, width, 3), np.uint8)
    plate[:] = np.clip(paper, 0, 255).astype(np.uint8)
    colour = tuple(int(v) for v in np.clip(ink, 0, 255))
    left = 0
    if rows == 1 and rng.random() < 0.4:
        left = int(width * 0.09)
        plate[:, :left] = (20, 40, 160)
    face, thick = FACES[rng.integers(len(FACES))], int(rng.integers(3, 9))
    for row in range(rows):
        text = "".join(rng.choice(LETTERS, rng.integers(5, 8) if rows == 1 else rng.integers(3, 5)))
        tall, wide = int(height / rows * rng.uniform(0.5, 0.75)), int((width - left) * rng.uniform(0.8, 0.93))
        canvas = np.zeros((80, 60 * len(text), 3), np.uint8)
        for i, letter in enumerate(text):
            cv2.putText(canvas, letter, (60 * i + 8, 68), face, 2.1, (255, 255, 255), thick, cv2.LINE_AA)
        mask = cv2.resize(canvas, (wide, tall), interpolation=cv2.INTER_AREA)[..., :1].astype(np.float32) / 255
        x = left + (width - left - wide) // 2
        y = int(height / rows * (row + 0.5) - tall / 2)
        area = plate[y : y + tall, x : x + wide]
        area[:] = (area * (1 - mask) + np.array(colour) * mask).astype(np.uint8)
    if rng.random() < 0.6:
        cv2.rectangle(plate, (2, 2), (width - 3, height - 3), colour, int(rng.integers(1, 4)))
    return plate


def random_picks(aspects: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Numbers [count] of random things out of those with `aspects` [P] (width over height), and their aspects."""
    picked = torch.randint(len(aspects), (count,), device=aspects.device)
    return picked, aspects[picked]


class PlateStock:
    """Rendered plates without labels, to be pasted, on the training device: `rasters` uint8 [P,3,96,288], `aspects` [P], width over height.

    `pattern`: a folder that `synth` wrote, or a glob pattern of such folders, looked for again every `RESCAN` seconds, so
    that rendering can go on beside the training, until there are `MOST_PLATES`. Without one: `simple` simple plates.
    """

    def __init__(self, pattern: str | None, device: torch.device, simple: int = 400):
        self.device, self.pattern, self.seen, self.looked = device, pattern, set(), -math.inf
        self.rasters = torch.empty(0, 3, RASTER[1], RASTER[0], dtype=torch.uint8, device=device)
        self.aspects = torch.empty(0, device=device)
        if pattern is None:
            drawn = [simple_plate(np.random.default_rng(number)) for number in range(simple)]
            self._add(np.stack([cv2.resize(plate, RASTER) for plate in drawn]), [plate.shape[1] / plate.shape[0] for plate in drawn])
        else:
            self.rescan()
            if not len(self.aspects):
                raise FileNotFoundError(f"no folder that `synth` wrote matches {pattern}; render plates first, or leave --plates out")

    def _add(self, plates: np.ndarray, aspects: list[float]) -> None:
        new = torch.from_numpy(np.array(plates)).to(self.device).permute(0, 3, 1, 2)
        self.rasters = torch.cat([self.rasters, new])[-MOST_PLATES:]
        self.aspects = torch.cat([self.aspects, torch.tensor(aspects, dtype=torch.float32, device=self.device)])[-MOST_PLATES:]

    def rescan(self) -> None:
        """Take in folders that are new since the last look."""
        self.looked = time.monotonic()
        for folder in finished([self.pattern], self.seen):
            self.seen.add(folder)
            cache = SynthCache(folder)
            self._add(cache.rasters[:MOST_PLATES], cache.aspects[:MOST_PLATES])

    def pick(self, count: int) -> tuple[Tensor, Tensor]:
        """Numbers [count] of random plates, and their width over height."""
        if self.pattern is not None and len(self.aspects) < MOST_PLATES and time.monotonic() - self.looked > RESCAN:
            self.rescan()
        return random_picks(self.aspects, count)


def scribble_text(rng: np.random.Generator) -> str:
    """A word, a date, a clock or a name, as cameras, agencies and shop fronts write them."""
    digits = "".join(str(d) for d in rng.integers(0, 10, 12))
    letters = "".join(rng.choice(LETTERS[:26], rng.integers(3, 10)))
    more = "".join(rng.choice(LETTERS[:26], rng.integers(4, 9)))
    words = (letters.lower(), letters, letters.capitalize(), f"{digits[:4]}-{digits[4:6]}-{digits[6:8]}", f"{digits[:2]}:{digits[2:4]}:{digits[4:6]}",
             f"{letters.lower()}.com", f"CAM {digits[:2]}", digits[: rng.integers(2, 9)], f"{letters} {more}", f"{letters.capitalize()} {more.lower()}",
             f"{digits[:3]} {digits[3:6]} {digits[6:10]}", f"{digits[:2]}/{digits[2:4]}/{digits[4:8]} {digits[8:10]}:{digits[10:12]}")
    return words[rng.integers(len(words))]


class Words:
    """Lettering that is no plate: masks of ink and ground, uint8 [P,2,64,256], `aspects` [P], on the training device.

    A word stands alone, as overlays and lettering do, or on a ground of its own, as on signs; signs have several lines, or more letters than a
    plate holds, or small ones."""

    def __init__(self, count: int, device: torch.device, seed: int = 5):
        rng, masks, aspects = np.random.default_rng(seed), [], []
        while len(masks) < count:
            ink, panel = self._draw(rng)
            masks.append(np.stack([cv2.resize(ink, WORD_RASTER, interpolation=cv2.INTER_AREA), cv2.resize(panel, WORD_RASTER, interpolation=cv2.INTER_AREA)]))
            aspects.append(ink.shape[1] / ink.shape[0])
        self.masks = torch.from_numpy(np.stack(masks)).to(device)
        self.aspects = torch.tensor(aspects, dtype=torch.float32, device=device)

    @staticmethod
    def _draw(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        face, thick, sign = int(rng.integers(0, 8)), int(rng.integers(2, 7)), rng.random() < 0.4
        lines = [scribble_text(rng) for _ in range(rng.integers(1, 5) if sign else 1)]
        if sign and len(lines) == 1:
            lines = [f"{scribble_text(rng)} {scribble_text(rng).lower()}"]
        size = rng.uniform(1.2, 1.8)
        boxes = [cv2.getTextSize(line, face, size, thick)[0] for line in lines]
        step, width = max(h for _, h in boxes) + int(rng.integers(10, 24)), max(w for w, _ in boxes)
        pad = int(rng.integers(4, 40)) if sign else 3
        ink = np.zeros((step * len(lines) + 2 * pad, width + 2 * pad), np.uint8)
        for number, (line, (w, h)) in enumerate(zip(lines, boxes)):
            left = pad if rng.random() < 0.5 else pad + (width - w) // 2
            cv2.putText(ink, line, (left, pad + number * step + h + 4), face, size, 255, thick, cv2.LINE_AA)
        if sign and rng.random() < 0.4:
            cv2.rectangle(ink, (2, 2), (ink.shape[1] - 3, ink.shape[0] - 3), 255, int(rng.integers(1, 5)))
        return ink, np.full_like(ink, 255 if sign else 0)

    def pick(self, count: int) -> tuple[Tensor, Tensor]:
        """Numbers [count] of random words, and their width over height."""
        return random_picks(self.aspects, count)


def bounds(quads: Tensor) -> Tensor:
    """Upright boxes [K,4] (x1,y1,x2,y2) of `quads` [K,4,2]."""
    return torch.cat([quads.amin(1), quads.amax(1)], 1)


def random_quads(span: Tensor, aspect: Tensor, width: int, height: int, tilt: float = 1.0) -> Tensor:
    """Corners [K,4,2] (px) of flat things `span` [K] px wide, seen from random sides at random places of a window: yaw, pitch
    and roll up to 45 degrees times `tilt`."""
    normal = torch.randn(4, len(span), device=span.device)
    yaw, pitch = ((normal[i] * (22, 13)[i]).clamp(-55, 55) * tilt * math.pi / 180 for i in (0, 1))
    often = torch.rand_like(span) < 0.8
    roll = torch.where(often, normal[2] * 7, normal[3] * 20).clamp(-45, 45) * tilt * math.pi / 180
    x = torch.tensor([-0.5, 0.5, 0.5, -0.5], device=span.device).expand(len(span), 4)
    y = torch.tensor([-0.5, -0.5, 0.5, 0.5], device=span.device) / aspect[:, None]
    far = yaw[:, None].sin() * x
    x, z = x * yaw[:, None].cos(), -far
    y, z = y * pitch[:, None].cos() - z * pitch[:, None].sin(), y * pitch[:, None].sin() + z * pitch[:, None].cos()
    depth = 1 + z / (3 + 9 * torch.rand_like(span))[:, None]
    x, y = x / depth, y / depth
    cos, sin = roll.cos()[:, None], roll.sin()[:, None]
    flat = torch.stack([x * cos - y * sin, x * sin + y * cos], -1) * span[:, None, None]
    place = (0.05 + 0.9 * torch.rand(len(span), 2, device=span.device)) * torch.tensor([width, height], device=span.device)
    return flat + place[:, None]


def coverage(quads: Tensor, size: tuple[int, int]) -> Tensor:
    """How much of each pixel of a window of `size` (height, width) lies in its quad [K,4,2]: [K,1,H,W] in 0..1."""
    unit = torch.linalg.inv_ex(warp.from_unit(quads)).inverse
    place = warp.grid_for(unit, size)
    wide = ((quads[:, 1] - quads[:, 0]).norm(dim=-1) + (quads[:, 2] - quads[:, 3]).norm(dim=-1)) / 2
    high = ((quads[:, 3] - quads[:, 0]).norm(dim=-1) + (quads[:, 2] - quads[:, 1]).norm(dim=-1)) / 2
    edge = torch.minimum(place, 1 - place) * torch.stack([wide, high], -1)[:, None, None] + 0.5
    return edge.clamp(0, 1).prod(-1).unsqueeze(1)


def _rasters_to(quads: Tensor, width: int, height: int) -> tuple[Tensor, Tensor]:
    """Window px to px of a raster `width` x `height` that fills `quads`, [K,3,3], and raster px a window px spans, [K]."""
    rectangle = warp.unit_square(quads) * torch.tensor([width, height], device=quads.device)
    wide, high = (quads[:, 1] - quads[:, 0]).norm(dim=-1), (quads[:, 3] - quads[:, 0]).norm(dim=-1)
    shrink = torch.sqrt(width / wide.clamp_min(2) * height / high.clamp_min(2))
    return warp.homography(quads, rectangle.expand(len(quads), 4, 2)), shrink


def lay_plates(pictures: Tensor, rows: Tensor, quads: Tensor, plates: PlateStock, picked: Tensor | None = None) -> None:
    """Draw rendered plates onto the corners `quads` [K,4,2] of the windows `rows` [K] (each window once), in place, lit like their surroundings."""
    if picked is None:
        picked, _ = plates.pick(len(rows))
    size = pictures.shape[2:]
    matrix, shrink = _rasters_to(quads, *RASTER)
    lit = warp.warp(plates.rasters[picked], matrix, size, shrink * (0.7 + 0.8 * torch.rand_like(shrink)), PLATE_HALVINGS)
    alpha, base = coverage(quads, size), pictures[rows]
    mean = (base * alpha).sum((1, 2, 3)) / (3 * alpha.sum((1, 2, 3)).clamp_min(1))
    gain = (mean.clamp_min(12) / 110 * torch.exp(torch.randn_like(mean) * 0.3)).clamp(0.15, 1.25)
    colour = gain[:, None] * (0.92 + 0.14 * torch.rand(len(rows), 3, device=rows.device))
    # Uneven light across the plate, now and then.
    slope = (torch.rand_like(mean) < 0.3) * (torch.rand_like(mean) - 0.5)
    box = bounds(quads)
    across = (torch.arange(size[1], device=rows.device) - box[:, 0:1]) / (box[:, 2:3] - box[:, 0:1]).clamp_min(1) - 0.5
    shade = (1 + slope[:, None] * across.clamp(-1, 1)).clamp(0.3, 1.5)
    lit = lit * colour[:, :, None, None] * shade[:, None, None]
    pictures[rows] = (base * (1 - alpha) + lit * alpha).clamp(0, 255)


def lay_words(pictures: Tensor, rows: Tensor, quads: Tensor, words: Words, picked: Tensor) -> None:
    """Write words into the windows `rows` [K] (each window once) at `quads` [K,4,2], in place."""
    size = pictures.shape[2:]
    matrix, shrink = _rasters_to(quads, *WORD_RASTER)
    masks = warp.warp(words.masks[picked], matrix, size, shrink) / 255
    cover = coverage(quads, size)
    opacity = (0.4 + 0.6 * torch.rand(len(rows), 1, 1, 1, device=rows.device))
    ink, panel = masks[:, :1] * cover * opacity, masks[:, 1:] * cover
    colours = torch.rand(2, len(rows), 3, 1, 1, device=rows.device) * 255
    # Signs are mostly strong in contrast: dark on light or light on dark.
    strong = (torch.rand(len(rows), 1, 1, 1, device=rows.device) < 0.5)
    light = 180 + 75 * torch.rand(len(rows), 1, 1, 1, device=rows.device)
    ground = torch.where(strong & (colours[0].mean(1, keepdim=True) < 128), light.expand_as(colours[1]), colours[1])
    base = pictures[rows]
    base = base * (1 - panel) + ground * panel
    pictures[rows] = base * (1 - ink) + colours[0] * ink
