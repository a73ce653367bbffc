"""Detectors as ONNX files behind one method, so that ours and others' are scored by the same code.

`detect(rgb)` takes a picture (uint8 [height, width, 3]) and returns float32 rows
x1, y1, x2, y2, score[, 8 corner coordinates] in pixels of that picture, best first.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from .closer import look_closer
from .inference import session

PAD = 114
"""Grey of the letterbox border, 0..255."""

XS, YS = [0, 2, 5, 7, 9, 11], [1, 3, 6, 8, 10, 12]
"""Columns of a find that are x and y."""


def letterbox(rgb: np.ndarray, width: int, height: int) -> tuple[np.ndarray, float, float, float]:
    """Fit `rgb` centred into `width` x `height`, ratio kept; returns picture, scale, left and top border (px)."""
    scale = min(width / rgb.shape[1], height / rgb.shape[0])
    w, h = round(rgb.shape[1] * scale), round(rgb.shape[0] * scale)
    left, top = round((width - w) / 2 - 0.1), round((height - h) / 2 - 0.1)
    out = np.full((height, width, 3), PAD, np.uint8)
    interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    out[top : top + h, left : left + w] = cv2.resize(rgb, (w, h), interpolation=interpolation)
    return out, scale, left, top


def adapted_size(width: int, height: int, area: int, multiple: int = 32) -> tuple[int, int]:
    """The input (width, height), multiples of `multiple`, of at most `area` px, in which a picture appears largest."""
    choices = [(w, area // w // multiple * multiple) for w in range(multiple, area // multiple + 1, multiple)]
    return max((c for c in choices if c[1]), key=lambda c: (min(c[0] / width, c[1] / height), -c[0] * c[1]))


def nms(rows: np.ndarray, iou: float = 0.5) -> np.ndarray:
    """Greedy non-maximum suppression of rows x1, y1, x2, y2, score, ...; returns the kept rows, best first."""
    rows = rows[np.argsort(-rows[:, 4], kind="stable")]
    area = (rows[:, 2] - rows[:, 0]) * (rows[:, 3] - rows[:, 1])
    kept, alive = [], np.ones(len(rows), bool)
    for i in range(len(rows)):
        if not alive[i]:
            continue
        kept.append(i)
        x1, y1 = np.maximum(rows[i, 0], rows[:, 0]), np.maximum(rows[i, 1], rows[:, 1])
        x2, y2 = np.minimum(rows[i, 2], rows[:, 2]), np.minimum(rows[i, 3], rows[:, 3])
        inter = np.clip(x2 - x1, 0, None) * np.clip(y2 - y1, 0, None)
        alive &= inter <= iou * (area[i] + area - inter)
    return rows[kept]


class EndToEnd:
    """YOLOv7/YOLOv9 `--end2end` files (open-image-models): output [n, 7], suppression inside the graph."""

    def __init__(self, path: Path, threads: int = 1):
        self.session = session(path, threads)
        self.name = self.session.get_inputs()[0].name
        self.height, self.width = self.session.get_inputs()[0].shape[2:]

    def detect(self, rgb: np.ndarray) -> np.ndarray:
        """Plates of one picture; scores below the file's own baked-in threshold never come back."""
        picture, scale, left, top = letterbox(rgb, self.width, self.height)
        blob = picture.transpose(2, 0, 1)[None].astype(np.float32) / 255
        rows = self.session.run(None, {self.name: blob})[0]
        found = np.concatenate([rows[:, 1:5], rows[:, 6:7]], 1).astype(np.float32)
        found[:, [0, 2]] = (found[:, [0, 2]] - left) / scale
        found[:, [1, 3]] = (found[:, [1, 3]] - top) / scale
        return found[np.argsort(-found[:, 4], kind="stable")]


def decode_pose(output: np.ndarray, floor: float, iou: float = 0.5) -> np.ndarray:
    """Rows of one picture from `output0` [13, A]: x1, y1, x2, y2, score, 8 corner coordinates, px of the input."""
    cells = output.T[output[4] >= floor]
    rows = np.concatenate(
        [cells[:, :2] - cells[:, 2:4] / 2, cells[:, :2] + cells[:, 2:4] / 2, cells[:, 4:13]], 1
    )
    return nms(rows, iou)


class Pose:
    """Our detector's contract: `images` [N,3,H,W] in 0..1, `output0` [N,13,A], see `models/README.md`."""

    def __init__(self, path: Path, threads: int = 1, size: tuple[int, int] | None = None, floor: float = 0.02,
                 adapt: bool = False, further: bool = False):
        self.session = session(path, threads)
        self.metadata = self.session.get_modelmeta().custom_metadata_map
        if size is None:
            height, width = (int(v) for v in self.metadata["imgsz"].strip("[]").split(","))
            size = (width, height)
        self.width, self.height = size
        self.floor, self.adapt, self.further = floor, adapt or further, further

    def _look(self, rgb: np.ndarray, area: int | None) -> tuple[np.ndarray, float]:
        """One look: finds in px of the picture, and network px a picture px; `area` shapes the input like the picture."""
        size = adapted_size(rgb.shape[1], rgb.shape[0], area) if area else (self.width, self.height)
        picture, scale, left, top = letterbox(rgb, *size)
        blob = picture.transpose(2, 0, 1)[None].astype(np.float32) / 255
        rows = decode_pose(self.session.run(None, {"images": blob})[0][0], self.floor)
        rows[:, XS] = (rows[:, XS] - left) / scale
        rows[:, YS] = (rows[:, YS] - top) / scale
        return rows, scale

    def detect(self, rgb: np.ndarray) -> np.ndarray:
        """Plates of one picture with their corners, down to score `floor`; `adapt` shapes the input like the picture, at no
        more pixels, and `further` looks again where `alprdetect` does: smaller, and closer."""
        area = self.width * self.height
        rows, scale = self._look(rgb, area if self.adapt else None)
        if not self.further:
            return rows
        sure = float(self.metadata.get("confidence_threshold", "0.5"))
        if not (rows[:, 4] >= sure).any():
            rows = nms(np.concatenate([rows, self._look(rgb, area // 4)[0]]))

        def near(*box: float) -> np.ndarray:
            x1, y1, x2, y2 = (round(v) for v in box)
            found = self._look(rgb[y1:y2, x1:x2], area // 4)[0]
            found[:, XS] += x1
            found[:, YS] += y1
            return found

        return look_closer(rows, rgb.shape[1], rgb.shape[0], scale, sure, near, nms)
