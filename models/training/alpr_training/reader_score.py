"""Scores of readers: exact match, the same with O=0 and I=1 folded, and calibration."""

from __future__ import annotations

import numpy as np

from .data import decode

FOLD = str.maketrans("OI", "01")
BINS = 15


def texts_of(plate: np.ndarray) -> tuple[list[str], np.ndarray]:
    """Texts and whole-string confidences (product of the slots' highest probabilities) of [n, 10, 37]."""
    return [decode(row) for row in plate.argmax(-1)], plate.max(-1).prod(-1)


def exact(read: list[str], wanted: list[str]) -> np.ndarray:
    """Which texts agree, bool [n]."""
    return np.array([a == b for a, b in zip(read, wanted)], bool)


def folded(read: list[str], wanted: list[str]) -> np.ndarray:
    """As `exact`, letters O and I taken as the digits 0 and 1."""
    return np.array([a.translate(FOLD) == b.translate(FOLD) for a, b in zip(read, wanted)], bool)


def calibration_error(confidence: np.ndarray, right: np.ndarray) -> float:
    """Expected calibration error over `BINS` equal bins of confidence."""
    index = np.minimum((confidence * BINS).astype(int), BINS - 1)
    return float(sum(abs(confidence[index == b].mean() - right[index == b].mean()) * (index == b).mean() for b in range(BINS) if (index == b).any()))


def softmax(logits: np.ndarray, temperature: float = 1.0) -> np.ndarray:
    """Softmax over the last axis."""
    z = logits / temperature
    z = np.exp(z - z.max(-1, keepdims=True))
    return z / z.sum(-1, keepdims=True)


def fit_temperature(logits: np.ndarray, wanted: list[str]) -> float:
    """The temperature with the least calibration error of whole-string confidence; logits [n, 10, 37]."""
    right = folded(texts_of(softmax(logits))[0], wanted)
    grid = np.exp(np.linspace(np.log(0.25), np.log(4), 81))
    return float(min(grid, key=lambda t: calibration_error(texts_of(softmax(logits, t))[1], right)))
