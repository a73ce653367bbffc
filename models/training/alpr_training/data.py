"""Plate crops with labels: photographs from the data folder, rendered plates from a cache, batches of both."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from . import augment
from .synth import SLOTS, SynthCache
from .synth_layouts import REGIONS

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_"
PAD = len(ALPHABET) - 1
GRID = (8, 32)  # rows, columns of the reader's feature map
NO_TEXT, UNKNOWN = -1, -2  # in a slot map: no character here / nothing is known here
# How far a label can be trusted, by where it comes from.
LABEL_WEIGHT = {"human": 1.0, "filename": 0.9, "charboxes": 0.9, "silver": 0.8}
# The same factor again where the teacher reads something else.
DISAGREED_WEIGHT = {"human": 1.0, "filename": 0.8, "charboxes": 0.35, "silver": 0.4}
# Sets that teach more (North America, the world) are drawn more often than long series from few cameras.
SET_SHARE = {"us_vanity_quads": 2.0, "openimages_plates": 1.6, "open_lpr": 1.4, "us_florida": 1.5, "ocr_br_machine": 0.5, "ocr_br_unlabelled": 0.7, "ocr_vn_charboxes": 0.6}
# Country names of the silver labels -> region codes; names not listed say nothing.
COUNTRIES = dict(
    zip(
        "Albania,Andorra,Argentina,Armenia,Australia,Austria,Azerbaijan,Bahrain,Belarus,Belgium,Bosnia and Herzegovina,Brazil,Bulgaria,"
        "Cambodia,Canada,Croatia,Cyprus,Czech Republic,Denmark,Estonia,Finland,France,Georgia,Germany,Gibraltar,Greece,Guernsey,Hungary,"
        "Iceland,Indonesia,Ireland,Israel,Italy,Latvia,Liechtenstein,Lithuania,Luxembourg,Malaysia,Malta,Mexico,Moldova,Monaco,Montenegro,"
        "Netherlands,New Zealand,North Macedonia,Norway,Poland,Portugal,Qatar,Romania,San Marino,Serbia,Singapore,Slovakia,Slovenia,Spain,"
        "Sweden,Switzerland,Thailand,Turkey,United States,Ukraine,United Kingdom,Vietnam,br,vn,cn,eu-pl".split(","),
        "AL AD AR AM AU AT AZ BH BY BE BA BR BG KH CA HR CY CZ DK EE FI FR GE DE GI GR GG HU IS ID IE IL IT LV LI LT LU MY MT MX MD MC ME "
        "NL NZ MK NO PL PT QA RO SM RS SG SK SI ES SE CH TH TR US UA GB VN BR VN CN PL".split(),
    )
)
SET_REGION = {"ocr_in_unlabelled": "IN", "india": "IN", "romania": "RO", "us_states": "US", "ocr_br_machine": "BR", "ocr_br_unlabelled": "BR"}


@dataclass
class Crop:
    """One photographed crop. `quad`: float32 [4, 2] px, the plate in `image` (uint8 RGB)."""

    dataset: str
    name: str
    image: np.ndarray
    text: str
    label: str
    region: str | None
    quad: np.ndarray
    has_box: bool
    has_corners: bool


def load_crops(data: Path, split: str) -> list[Crop]:
    """All crops of `split` (`train` or `val`) below `data`/crops whose text fits the alphabet and ten slots."""
    root = data / "crops"
    if not root.is_dir():
        raise FileNotFoundError(f"{root} does not exist; pass the data folder that holds crops/<set>/labels.jsonl")
    crops = []
    for labels in sorted(root.glob("*/labels.jsonl")):
        for line in labels.read_text().splitlines():
            entry = json.loads(line)
            text = entry["text"]
            if entry["split"] != split or not 0 < len(text) <= SLOTS or any(c not in ALPHABET[:-1] for c in text):
                continue
            if split == "train" and entry["label"] == "charboxes" and len(text) == 9:
                text = text.removeprefix("CZ").removesuffix("CZ")  # the euro band's code is not part of the number
            image = np.asarray(Image.open(labels.parent / entry["image"]).convert("RGB"))
            height, width = image.shape[:2]
            if entry.get("corners"):
                quad = np.array(entry["corners"], np.float32)
            else:
                x, y, w, h = entry.get("bbox") or (0, 0, width, height)
                quad = augment.CORNERS * (w, h) + np.array((x, y), np.float32)
            name = labels.parent.name
            region = SET_REGION.get(name) or COUNTRIES.get(entry["region"])
            crops.append(Crop(name, entry["image"], image, text, entry["label"], region, quad.astype(np.float32), bool(entry.get("bbox")), bool(entry.get("corners"))))
    return crops


def fixed_input(crop: Crop, margin: float, rectify: bool = False) -> np.ndarray:
    """The crop as the reader gets it at run time: its box grown by `margin` on each side, 128x64.

    A crop without a box is already cut by somebody else's margin, and is taken whole."""
    if not crop.has_box:
        return augment.sample(crop.image, crop.quad)
    if rectify and crop.has_corners:
        unit = augment.CORNERS * (1 + 2 * margin) - margin
        matrix = augment.cv2.getPerspectiveTransform(augment.CORNERS, crop.quad)
        return augment.sample(crop.image, augment.cv2.perspectiveTransform(unit[None].astype(np.float32), matrix)[0])
    low, high = crop.quad.min(0), crop.quad.max(0)
    return augment.sample(crop.image, (low + (high - low) * (augment.CORNERS * (1 + 2 * margin) - margin)).astype(np.float32))


def encode(text: str) -> np.ndarray:
    """Class of each slot, int64 [10]."""
    return np.array([ALPHABET.index(c) for c in text] + [PAD] * (SLOTS - len(text)), np.int64)


def decode(classes: np.ndarray) -> str:
    """Text of one row of classes; pads are dropped."""
    return "".join(ALPHABET[c] for c in classes if c != PAD)


_CELL_X = (np.arange(GRID[1]) + 0.5) * augment.WIDTH / GRID[1]
_CELL_Y = (np.arange(GRID[0]) + 0.5) * augment.HEIGHT / GRID[0]


def slot_map(quads: np.ndarray) -> np.ndarray:
    """Which slot's character covers each cell of the grid, int8 [8, 32]; from quads [n, 4, 2] px of a 128x64 crop."""
    cells = np.full(GRID, NO_TEXT, np.int8)
    for slot, quad in enumerate(quads):
        centre = quad.mean(0)
        half_w = max(2.01, 0.5 * abs(quad[1, 0] - quad[0, 0] + quad[2, 0] - quad[3, 0]) / 2)
        half_h = max(4.01, 0.42 * abs(quad[3, 1] - quad[0, 1] + quad[2, 1] - quad[1, 1]) / 2)
        inside = (np.abs(_CELL_Y - centre[1]) <= half_h)[:, None] & (np.abs(_CELL_X - centre[0]) <= half_w)
        cells[inside] = slot
    return cells


class Mixture(torch.utils.data.IterableDataset):
    """Endless batches: a part of photographs, the rest rendered. `schedule` is shared memory with
    [strength, share of photographs, share of plain plates], so that the trainer steers the worker process."""

    def __init__(self, crops: list[Crop], teacher: np.ndarray | None, synth: list[SynthCache], plain: SynthCache, batch: int, schedule, seed: int) -> None:
        self.crops, self.teacher, self.synth, self.plain = crops, teacher, synth, plain
        self.batch, self.schedule, self.seed = batch, schedule, seed
        trust = np.array([LABEL_WEIGHT[c.label] for c in crops])
        # Large uniform sets would drown the others: draw by the square root of the set's size.
        sizes = {name: sum(c.dataset == name for c in crops) for name in {c.dataset for c in crops}}
        draw = np.array([trust[i] * SET_SHARE.get(c.dataset, 1.0) * math.pow(sizes[c.dataset], -0.4) for i, c in enumerate(crops)])
        self.draw = np.cumsum(draw / draw.sum()) if len(crops) else None

    def _photo(self, rng: np.random.Generator, strength: float) -> dict:
        index = min(int(np.searchsorted(self.draw, rng.random())), len(self.crops) - 1)
        crop = self.crops[index]
        soft, soft_weight, weight = np.zeros((SLOTS, len(ALPHABET)), np.float32), 0.0, LABEL_WEIGHT[crop.label]
        if self.teacher is not None:
            if decode(self.teacher[index].argmax(-1)) == crop.text:
                soft, soft_weight = self.teacher[index].astype(np.float32), 1.0
            else:
                weight *= DISAGREED_WEIGHT[crop.label]
        return {
            "image": augment.reshoot(rng, crop.image, crop.quad, crop.has_box, crop.has_corners, strength),
            "label": encode(crop.text), "weight": np.float32(weight), "soft": soft, "soft_weight": np.float32(soft_weight),
            "region": REGIONS.index(crop.region) if crop.region else -1, "cells": np.full(GRID, UNKNOWN, np.int8),
        }  # fmt: skip

    def _rendered(self, rng: np.random.Generator, cache: SynthCache, strength: float) -> dict:
        index = int(rng.integers(len(cache)))
        text = cache.texts[index]
        boxes = cache.boxes[index, : len(text)].astype(np.float32)
        image, quads = augment.shoot(rng, cache.plates[index], cache.aspects[index], boxes, strength)
        region = cache.regions[index]
        return {
            "image": image, "label": encode(text), "weight": np.float32(1.0), "soft": np.zeros((SLOTS, len(ALPHABET)), np.float32),
            "soft_weight": np.float32(0.0), "region": REGIONS.index(region) if region != "ZZ" else -1, "cells": slot_map(quads),
        }  # fmt: skip

    def __iter__(self):
        rng = np.random.default_rng([self.seed, int(self.schedule[3])])
        while True:
            strength, photos, plain = self.schedule[0], self.schedule[1], self.schedule[2]
            real = round(self.batch * photos) if self.crops else 0
            items = [self._photo(rng, strength) for _ in range(real)]
            while len(items) < self.batch:
                easy = not self.synth or rng.random() < plain
                # Even late in training some plates stay easy.
                level = strength * min(1.0, rng.uniform(0.3, 1.4))
                items.append(self._rendered(rng, self.plain if easy else self.synth[rng.integers(len(self.synth))], level))
            yield {key: torch.from_numpy(np.stack([np.asarray(item[key]) for item in items])) for key in items[0]}
