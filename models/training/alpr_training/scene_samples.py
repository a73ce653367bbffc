"""Training windows for the detector: cut around plates at random scale, mosaics, pasted plates, labels to match."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch

from .detection_models import PAD
from .detector_loss import Targets
from .scene_degrade import degrade
from .scene_paste import Renderer, paste, random_quad, scribble_text
from .scenes import Scene, Scenes

PLATE, CORNERS, IGNORE = 1, 2, 3
"""Kinds of label, as `detector_loss.Targets.kind` has them."""

SET_WEIGHT = {
    "openimages_plates": 2.0, "openimages_350": 1.5, "india": 1.3, "poland_rf": 1.3, "kaggle_cars433": 1.2,
    "us_vanity_quads": 0.7, "uk": 0.8, "egypt_ealpr": 0.7, "thailand": 0.7, "no_plates": 0.5,
}
"""How often a scene of a set is drawn, 1 where not named; frames of clips share `CLIP_SHARE` between them."""

CLIP_SHARE = 0.03
COMPLETE = {"openimages_plates", "openimages_350", "no_plates"}
"""Sets whose labels miss (nearly) nothing: a find of the teacher there is doubtful, never a plate."""

PSEUDO = 0.6
"""Teacher's score from which an unlabelled find in an incompletely labelled set trains as a plate."""

DOUBT = 0.2
"""Teacher's score from which any other unlabelled find is left out of the loss."""


WHOLE = 600
"""Windows at least this wide (px) show whole scenes, as at run time, most of the time."""


@dataclass
class Label:
    """One region of a window: box x1,y1,x2,y2 and corners 4x2 in px of the window; trust of the corners 0..1."""

    box: np.ndarray
    corners: np.ndarray | None
    kind: int
    trust: float = 0.0


def labels_of(scene: Scene) -> list[Label]:
    """Plates of a scene, what its teacher adds, and the regions where nobody knows.

    A long box (five times as wide as high) is a plate that hardly tilts: its box gives weak corners.
    """
    labels = []
    for plate in scene.plates:
        if plate.corners is not None:
            labels.append(Label(plate.box, plate.corners, CORNERS, 1.0))
            continue
        x1, y1, x2, y2 = plate.box
        if x2 - x1 >= 4.3 * (y2 - y1) and scene.set != "us_florida":
            labels.append(Label(plate.box, np.array([[x1, y1], [x2, y1], [x2, y2], [x1, y2]]), CORNERS, 0.3))
        else:
            labels.append(Label(plate.box, None, PLATE))
    known = np.array([p.box for p in scene.plates], np.float32).reshape(-1, 4)
    for x1, y1, x2, y2, score in scene.teacher[scene.teacher[:, 4] >= DOUBT]:
        size = np.minimum([x2, y2], known[:, 2:]) - np.maximum([x1, y1], known[:, :2])
        inter = np.clip(size, 0, None).prod(1)
        least = np.minimum((known[:, 2:] - known[:, :2]).prod(1), (x2 - x1) * (y2 - y1))
        if (inter > 0.4 * least).any():
            continue
        sure = score >= PSEUDO and scene.set not in COMPLETE and scene.split == "train"
        labels.append(Label(np.array([x1, y1, x2, y2], np.float32), None, PLATE if sure else IGNORE))
    return labels


def _move(label: Label, matrix: np.ndarray, width: int, height: int, area: np.ndarray) -> Label | None:
    """The label under the 2x3 `matrix`, cut to the window and to `area` (the picture in it, x1,y1,x2,y2)."""
    x1, y1, x2, y2 = label.box
    points = np.array([[x1, y1], [x2, y1], [x2, y2], [x1, y2]]) if label.corners is None else label.corners
    points = points @ matrix[:, :2].T + matrix[:, 2]
    low, high = points.min(0), points.max(0)
    limit_low, limit_high = np.maximum(area[:2], 0), np.minimum(area[2:], (width, height))
    cut_low, cut_high = np.clip(low, limit_low, limit_high), np.clip(high, limit_low, limit_high)
    whole, seen = (high - low).prod(), (cut_high - cut_low).prod()
    if seen <= 0.05 * whole or whole <= 0:
        return None
    kind = label.kind
    size = cut_high - cut_low
    if seen < 0.6 * whole or size[0] < 7 or size[1] < 3:
        kind = IGNORE
    corners = points.astype(np.float32) if kind == CORNERS and seen > 0.85 * whole else None
    if kind == CORNERS and corners is None:
        kind = PLATE
    return Label(np.concatenate([cut_low, cut_high]).astype(np.float32), corners, kind, label.trust)


class Sampler:
    """Draws training windows from scenes; every draw depends on the generator alone."""

    def __init__(self, scenes: Scenes, numbers: list[int], renderer: Renderer):
        self.scenes, self.numbers, self.renderer = scenes, numbers, renderer
        self.labels = {n: labels_of(scenes.scenes[n]) for n in numbers}
        clips = sum(scenes.scenes[n].split == "clip" for n in numbers)
        weight = np.array([
            CLIP_SHARE * len(numbers) / clips if scenes.scenes[n].split == "clip"
            else SET_WEIGHT.get(scenes.scenes[n].set, 1.0)
            for n in numbers
        ])
        self.chances = np.cumsum(weight / weight.sum())

    def window(self, rng: np.random.Generator, width: int, height: int) -> tuple[np.ndarray, list[Label]]:
        """One cut of one scene, `width` x `height` px, before any degradation."""
        number = self.numbers[min(int(np.searchsorted(self.chances, rng.random())), len(self.numbers) - 1)]
        scene, labels = self.scenes.scenes[number], self.labels[number]
        picture = self.scenes.pixels(number)
        fit = min(width / scene.width, height / scene.height)
        plates = [lab for lab in labels if lab.kind != IGNORE]
        stretch = np.exp(rng.normal(0, 0.08))
        if scene.set == "us_vanity_quads":
            stretch *= rng.uniform(1.0, 1.35)
        focus = np.array([rng.uniform(0, scene.width), rng.uniform(0, scene.height)])
        if not plates or rng.random() < 0.15:
            scale = fit * np.exp(rng.uniform(-0.2, 0.9))
        else:
            plate = plates[rng.integers(len(plates))].box
            focus = (plate[:2] + plate[2:]) / 2
            least, most = (0.3 * width, min(0.98 * width, 480)) if rng.random() < 0.2 else (9, min(0.5 * width, 200))
            wanted = np.exp(rng.uniform(np.log(least), np.log(most)))
            scale = np.clip(wanted / max(plate[2] - plate[0], 3.0), 0.55 * fit, 2.2)
            if width >= WHOLE and rng.random() < 0.6:
                scale = fit * rng.uniform(0.85, 1.0)
        exact = all(lab.corners is not None for lab in plates)
        angle = np.radians(rng.normal(0, 9) if exact else rng.normal(0, 1.2) * (rng.random() < 0.5))
        sx, sy = scale * np.sqrt(stretch), scale / np.sqrt(stretch)
        mirror = -1.0 if rng.random() < 0.08 else 1.0
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        linear = turn @ np.diag([sx * mirror, sy])
        place = np.array([rng.uniform(0.12, 0.88) * width, rng.uniform(0.12, 0.88) * height])
        if scale <= fit * 1.05 and rng.random() < 0.7:
            # The whole scene fits: letterbox it, as at run time.
            focus, place = np.array([scene.width, scene.height]) / 2, np.array([width, height]) / 2
        offset = place - linear @ focus
        if rng.random() < 0.75:
            offset = _fill(offset, linear, scene, width, height)
        matrix = np.concatenate([linear, offset[:, None]], 1)
        window = _warp(picture, matrix, width, height, scale, rng.random() < 0.75)
        outline = np.array([[0, 0], [scene.width, 0], [scene.width, scene.height], [0, scene.height]])
        outline = outline @ matrix[:, :2].T + matrix[:, 2]
        area = np.concatenate([outline.min(0), outline.max(0)])
        moved = [m for m in (_move(lab, matrix, width, height, area) for lab in labels) if m is not None]
        if mirror < 0:
            for lab in moved:
                if lab.corners is not None:
                    lab.corners = lab.corners[[1, 0, 3, 2]]
        return window, moved

    def sample(self, rng: np.random.Generator, width: int, height: int) -> tuple[np.ndarray, list[Label]]:
        """One training picture (uint8 RGB [height, width, 3]) and its labels: window or mosaic, pasted, degraded."""
        if rng.random() < 0.2:
            window, labels = self._mosaic(rng, width, height)
        else:
            window, labels = self.window(rng, width, height)
        if rng.random() < 0.25:
            self._replace(rng, window, labels)
        if rng.random() < 0.35:
            self._add(rng, window, labels)
        if rng.random() < 0.25:
            self._scribble(rng, window, labels)
        return degrade(rng, window), labels

    def _mosaic(self, rng: np.random.Generator, width: int, height: int) -> tuple[np.ndarray, list[Label]]:
        across = int(rng.uniform(0.35, 0.65) * width)
        down = int(rng.uniform(0.35, 0.65) * height) if rng.random() < 0.5 else height
        out, labels = np.empty((height, width, 3), np.uint8), []
        for x1, x2 in ((0, across), (across, width)):
            for y1, y2 in ((0, down), (down, height)):
                if y2 - y1 < 8:
                    continue
                part, found = self.window(rng, x2 - x1, y2 - y1)
                out[y1:y2, x1:x2] = part
                for lab in found:
                    lab.box = lab.box + np.float32([x1, y1, x1, y1])
                    if lab.corners is not None:
                        lab.corners = lab.corners + np.float32([x1, y1])
                labels += found
        return out, labels

    def _replace(self, rng: np.random.Generator, window: np.ndarray, labels: list[Label]) -> None:
        """Put a rendered plate exactly over a plate whose true corners are known: the car around it is real."""
        for lab in labels:
            if lab.kind == CORNERS and lab.trust == 1.0 and rng.random() < 0.7:
                paste(rng, window, self.renderer(rng), lab.corners)

    def _scribble(self, rng: np.random.Generator, window: np.ndarray, labels: list[Label]) -> None:
        """Write words that are no plates (overlays, watermarks, lettering) where no label is."""
        height, width = window.shape[:2]
        for _ in range(rng.integers(1, 4)):
            text = scribble_text(rng)
            size, thick = rng.uniform(0.3, 1.6), int(rng.integers(1, 4))
            face = int(rng.integers(0, 8))
            (w, h), base = cv2.getTextSize(text, face, size, thick)
            x, y = int(rng.uniform(-0.1, 0.9) * width), int(rng.uniform(0.05, 1.0) * height)
            low, high = np.array([x, y - h]), np.array([x + w, y + base])
            if any((lab.box[:2] < high + 2).all() and (lab.box[2:] > low - 2).all() for lab in labels):
                continue
            layer = window.copy()
            cv2.putText(layer, text, (x, y), face, size, tuple(int(v) for v in rng.integers(0, 256, 3)), thick, cv2.LINE_AA)
            share = rng.uniform(0.4, 1.0)
            window[:] = cv2.addWeighted(layer, share, window, 1 - share, 0)

    def _add(self, rng: np.random.Generator, window: np.ndarray, labels: list[Label]) -> None:
        """Put one to three rendered plates where no label is."""
        height, width = window.shape[:2]
        for _ in range(rng.integers(1, 4)):
            plate = self.renderer(rng)
            aspect = plate.shape[1] / plate.shape[0]
            span = np.exp(rng.uniform(np.log(11), np.log(min(0.6 * width, 220))))
            centre = (rng.uniform(0.05, 0.95) * width, rng.uniform(0.05, 0.95) * height)
            quad = random_quad(rng, centre, span, aspect)
            low, high = quad.min(0), quad.max(0)
            if (high - low)[1] < 3.5 or (low < 0).any() or (high > (width, height)).any():
                continue
            if any((lab.box[:2] < high + 2).all() and (lab.box[2:] > low - 2).all() for lab in labels):
                continue
            paste(rng, window, plate, quad)
            labels.append(Label(np.concatenate([low, high]).astype(np.float32), quad, CORNERS, 1.0))


def _fill(offset: np.ndarray, linear: np.ndarray, scene: Scene, width: int, height: int) -> np.ndarray:
    """The offset moved so that the picture covers the window, or lies inside it where it is the smaller."""
    outline = np.array([[0, 0], [scene.width, 0], [scene.width, scene.height], [0, scene.height]]) @ linear.T + offset
    low, high = outline.min(0), outline.max(0)
    gap_low, gap_high = -low, np.array([width, height]) - high
    return offset + np.clip(0, np.minimum(gap_low, gap_high), np.maximum(gap_low, gap_high))


def _warp(picture: np.ndarray, matrix: np.ndarray, width: int, height: int, scale: float, smooth: bool) -> np.ndarray:
    """`picture` under `matrix` into a window; a strong reduction is first averaged when `smooth`."""
    # Work on the part of the picture that the window shows.
    back = cv2.invertAffineTransform(matrix)
    shown = np.array([[0, 0], [width, 0], [width, height], [0, height]]) @ back[:, :2].T + back[:, 2]
    low = np.clip(np.floor(shown.min(0)).astype(int) - 4, 0, np.array(picture.shape[1::-1]) - 1)
    high = np.maximum(np.clip(np.ceil(shown.max(0)).astype(int) + 4, 0, picture.shape[1::-1]), low + 1)
    picture = picture[low[1] : high[1], low[0] : high[0]]
    matrix = matrix.copy()
    matrix[:, 2] += matrix[:, :2] @ low
    if scale < 0.7 and smooth:
        small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        fx, fy = small.shape[1] / picture.shape[1], small.shape[0] / picture.shape[0]
        matrix[:, :2] = matrix[:, :2] @ np.diag([1 / fx, 1 / fy])
        picture = small
    # Labels count from pixel edges, OpenCV from pixel centres.
    shifted = matrix.copy()
    shifted[:, 2] += matrix[:, :2] @ np.array([0.5, 0.5]) - 0.5
    return cv2.warpAffine(
        picture, shifted, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT,
        borderValue=(PAD, PAD, PAD),
    )


def collate(samples: list[tuple[np.ndarray, list[Label]]]) -> tuple[torch.Tensor, Targets]:
    """A batch: pictures uint8 [N,3,H,W] (channels last in memory) and padded targets."""
    pictures = torch.from_numpy(np.stack([picture for picture, _ in samples])).permute(0, 3, 1, 2)
    most = max(1, max(len(labels) for _, labels in samples))
    boxes, corners = torch.zeros(len(samples), most, 4), torch.zeros(len(samples), most, 4, 2)
    kind, trust = torch.zeros(len(samples), most, dtype=torch.long), torch.zeros(len(samples), most)
    for i, (_, labels) in enumerate(samples):
        for j, lab in enumerate(labels):
            boxes[i, j] = torch.from_numpy(np.asarray(lab.box, np.float32))
            kind[i, j], trust[i, j] = lab.kind, lab.trust
            if lab.corners is not None:
                corners[i, j] = torch.from_numpy(np.asarray(lab.corners, np.float32))
    return pictures, Targets(boxes, corners, kind, trust)


class Windows(torch.utils.data.IterableDataset):
    """Endless batches: mostly small windows, every few batches a large one of the size used at run time."""

    def __init__(self, sampler: Sampler, seed: int, sizes: list[tuple[int, int, int, float]]):
        self.sampler, self.seed, self.sizes = sampler, seed, sizes

    def __iter__(self):
        info = torch.utils.data.get_worker_info()
        cv2.setNumThreads(1)
        rng = np.random.default_rng([self.seed, info.id if info else 0])
        shares = np.array([share for *_, share in self.sizes])
        while True:
            width, height, batch, _ = self.sizes[rng.choice(len(self.sizes), p=shares / shares.sum())]
            yield collate([self.sampler.sample(rng, width, height) for _ in range(batch)])
