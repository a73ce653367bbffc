"""The reader's training pictures, kept where the training runs: photographs with their labels, and a ring of rendered plates
that takes in new ones while other processes render them."""

from __future__ import annotations

import math
import queue
import random
import threading
import time
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from .data import ALPHABET, PAD, Crop, decode, encode, fixed_input
from .reader_score import FOLD
from .synth import RASTER, SLOTS, SynthCache, finished
from .synth_layouts import REGIONS

# How far a label can be trusted, by where it comes from.
LABEL_WEIGHT = {"human": 1.0, "filename": 0.9, "charboxes": 0.9, "silver": 0.8}
# The same factor again where the teacher reads something else.
DISAGREED_WEIGHT = {"human": 1.0, "filename": 0.8, "charboxes": 0.35, "silver": 0.4}
# Sets that teach more (North America, the world) are drawn more often than long series from few cameras.
SET_SHARE = {"us_vanity_quads": 2.0, "openimages_plates": 1.6, "open_lpr": 1.4, "us_florida": 1.5, "ocr_br_machine": 0.5, "ocr_br_unlabelled": 0.7, "ocr_vn_charboxes": 0.6}
# Confidence from which the averaged model is believed against a label nobody checked; smoothed labels keep confidences low, so
# they are sharpened first.
SURE, TEMPERATURE = 0.95, 0.6
CANVAS = 224  # px, the square on which each photographed crop is kept
CHUNK = 500  # rendered plates moved to the device at once
RESCAN_SECONDS = 4.0


class Photos:
    """All photographed crops on `device`, and on the CPU what their geometry is drawn from."""

    def __init__(self, crops: list[Crop], teacher: np.ndarray | None, device: torch.device) -> None:
        images = np.zeros((len(crops), CANVAS, CANVAS, 3), np.uint8)
        sizes, quads = np.zeros((len(crops), 2), np.float32), np.zeros((len(crops), 4, 2), np.float32)
        weight, soft_weight = np.zeros(len(crops), np.float32), np.zeros(len(crops), np.float32)
        for i, crop in enumerate(crops):
            height, width = crop.image.shape[:2]
            scale = min(1.0, CANVAS / max(height, width))
            w, h = min(CANVAS, round(width * scale)), min(CANVAS, round(height * scale))
            images[i, :h, :w] = crop.image if scale == 1.0 else cv2.resize(crop.image, (w, h), interpolation=cv2.INTER_AREA)
            sizes[i], quads[i] = (w, h), crop.quad * (w / width, h / height)
            weight[i] = LABEL_WEIGHT[crop.label]
            if teacher is not None:
                agrees = decode(teacher[i].argmax(-1)) == crop.text
                soft_weight[i] = agrees
                weight[i] *= 1.0 if agrees else DISAGREED_WEIGHT[crop.label]
        # Large uniform sets would drown the others: draw by less than the square root of the set's size.
        counts = {name: sum(c.dataset == name for c in crops) for name in {c.dataset for c in crops}}
        self.draw = torch.tensor([LABEL_WEIGHT[c.label] * SET_SHARE.get(c.dataset, 1.0) * math.pow(counts[c.dataset], -0.4) for c in crops])
        self.sizes, self.quads = torch.from_numpy(sizes), torch.from_numpy(quads)
        self.has_box = torch.tensor([c.has_box for c in crops])
        self.has_corners = torch.tensor([c.has_corners for c in crops])
        self.boxed = self.has_box.nonzero().flatten()
        self.images = torch.from_numpy(images).to(device).permute(0, 3, 1, 2).contiguous()
        self.limits = self.sizes.to(device)
        self.label = torch.from_numpy(np.stack([encode(c.text) for c in crops])).to(device)
        self.region = torch.tensor([REGIONS.index(c.region) if c.region else -1 for c in crops], device=device)
        soft = np.zeros((len(crops), SLOTS, len(ALPHABET)), np.float16) if teacher is None else teacher
        self.soft, self.soft_weight = torch.from_numpy(soft.astype(np.float16)).to(device), torch.from_numpy(soft_weight).to(device)
        self.weight = torch.from_numpy(weight).to(device)
        self._trust = self.weight.clone()
        self._crops = crops
        self._fixed: Tensor | None = None

    def __len__(self) -> int:
        return len(self.quads)

    @torch.no_grad()
    def doubt(self, model: torch.nn.Module, margin: float) -> int:
        """Labels that nobody checked lose their weight where `model` surely reads something else (O=0 and I=1 are no
        difference). Returns how many."""
        if self._fixed is None:
            self._fixed = torch.from_numpy(np.stack([fixed_input(crop, margin) for crop in self._crops]))
        was, where = model.training, self.label.device
        model.eval()
        plates = [torch.softmax(model(part.to(where))["plate"].float() / TEMPERATURE, -1) for part in self._fixed.split(512)]
        model.train(was)
        plate = torch.cat(plates)
        confidence, read = (value.cpu() for value in (plate.amax(-1).prod(-1), plate.argmax(-1)))
        wrong = [c.label != "human" and s > SURE and decode(r).translate(FOLD) != c.text.translate(FOLD) for c, s, r in zip(self._crops, confidence.tolist(), read.tolist())]
        self.weight = self._trust * (1 - torch.tensor(wrong, dtype=torch.float32, device=where))
        return sum(wrong)


class PlateRing:
    """Rendered plates with their labels: the easy ones first, then a ring of `capacity` others, filled from the caches that the
    patterns `synth` name. A thread looks for new caches; `take_in` moves what it has read, between two steps.

    On `device`: `rasters` uint8 [P, 3, 96, 288], `boxes`, `label` and `region`; on the CPU, where geometry is drawn, `aspects` and
    `relative`; all as `read_chunk` says."""

    def __init__(self, plain: list[str], synth: list[str], capacity: int, device: torch.device) -> None:
        easy = [SynthCache(path) for path in finished(plain)]
        if not easy:
            raise FileNotFoundError(f"no rendered plates below {plain}; run `python -m alpr_training synth --plain --output FOLDER` first")
        self.plain, self.synth, self.device = sum(map(len, easy)), synth, device
        size = self.plain + (capacity if synth else 0)
        self.rasters = torch.zeros((size, 3, RASTER[1], RASTER[0]), dtype=torch.uint8, device=device)
        self.boxes = torch.zeros((size, SLOTS, 4), device=device)
        self.label = torch.full((size, SLOTS), PAD, device=device)
        self.region = torch.full((size,), -1, device=device)
        self.aspects, self.relative = torch.ones(size), torch.ones(size)
        self.capacity, self.filled, self.taken = capacity, 0, 0
        at = 0
        for cache in easy:
            for start in range(0, len(cache), CHUNK):
                at += self._put(at, read_chunk(cache, start))
        self._queue: queue.Queue = queue.Queue(maxsize=4)
        self._random = random.Random(1)
        if synth:
            threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        """New caches as they come; when all are read and do not fit into the ring together, old ones again."""
        known: dict[Path, int] = {}
        while True:
            paths = finished(self.synth, known)
            if not paths:
                time.sleep(RESCAN_SECONDS)
                paths = [self._random.choice(list(known))] if sum(known.values()) > self.capacity else []
            for path in paths:
                known[path] = 0
                if not (path / "meta.json").exists():  # removed meanwhile
                    continue
                cache = SynthCache(path)
                known[path] = len(cache)
                starts = list(range(0, len(cache), CHUNK))
                self._random.shuffle(starts)
                for start in starts:
                    chunk = read_chunk(cache, start)
                    if self.device.type == "cuda":
                        chunk["rasters"] = chunk["rasters"].pin_memory()
                    self._queue.put(chunk)

    def _put(self, start: int, chunk: dict[str, Tensor]) -> int:
        """Keep the plates of `chunk` from row `start` on; returns how many these are."""
        count = len(chunk["aspects"])
        rows = slice(start, start + count)
        self.rasters[rows] = chunk["rasters"].to(self.device, non_blocking=True).permute(0, 3, 1, 2)
        for name in ("boxes", "label", "region"):
            getattr(self, name)[rows] = chunk[name].to(self.device, non_blocking=True)
        self.aspects[rows], self.relative[rows] = chunk["aspects"], chunk["relative"]
        return count

    def take_in(self) -> None:
        """Move one chunk of plates that have been read meanwhile, if there is one."""
        try:
            chunk = self._queue.get_nowait()
        except queue.Empty:
            return
        at = self.taken % self.capacity
        self.taken += self._put(self.plain + at, {name: value[: self.capacity - at] for name, value in chunk.items()})
        self.filled = min(self.taken, self.capacity)

    def draw(self, count: int, plain: float) -> Tensor:
        """Rows of `count` random plates, int64 on the CPU; `plain` is the share of easy ones."""
        easy = torch.rand(count) < (plain if self.filled else 1.0)
        return torch.where(easy, torch.randint(self.plain, (count,)), self.plain + torch.randint(max(1, self.filled), (count,)))


def read_chunk(cache: SynthCache, start: int) -> dict[str, Tensor]:
    """At most `CHUNK` plates of a cache, from number `start` on, as tensors on the CPU: `rasters` uint8 [n, 96, 288, 3], `boxes` [n, 10, 4]
    of the characters (fractions of the plate, 0 where there is none), `label` [n, 10], `region` [n] (-1: unknown), `aspects` [n], width
    over height, `relative` [n], height of a character over that of the plate."""
    rows = slice(start, start + CHUNK)
    boxes, texts = np.nan_to_num(cache.boxes[rows].astype(np.float32)), cache.texts[rows]
    height = boxes[..., 3] - boxes[..., 1]
    relative = [float(np.median(height[i, : len(text)])) for i, text in enumerate(texts)]
    return {
        "rasters": torch.from_numpy(np.array(cache.rasters[rows])),
        "boxes": torch.from_numpy(boxes), "label": torch.from_numpy(np.stack([encode(text) for text in texts])),
        "region": torch.tensor([REGIONS.index(region) if region != "ZZ" else -1 for region in cache.regions[rows]]),
        "aspects": torch.tensor(cache.aspects[rows], dtype=torch.float32), "relative": torch.tensor(relative),
    }  # fmt: skip
