"""Rendered plates put into real scenes: perspective, light of the place, exact corners."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

Renderer = Callable[[np.random.Generator], np.ndarray]
"""Draws one flat plate: uint8 RGB [height, width, 3], filled to its edges."""

LETTERS = np.array(list("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"))
FACES = (cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_DUPLEX, cv2.FONT_HERSHEY_TRIPLEX)


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


def scribble_text(rng: np.random.Generator) -> str:
    """A word, a date, a clock or a name, as cameras, agencies and shop fronts write them."""
    digits = "".join(str(d) for d in rng.integers(0, 10, 8))
    letters = "".join(rng.choice(LETTERS[:26], rng.integers(3, 10)))
    words = (letters.lower(), letters, letters.capitalize(), f"{digits[:4]}-{digits[4:6]}-{digits[6:]}",
             f"{digits[:2]}:{digits[2:4]}:{digits[4:6]}", f"{letters.lower()}.com", f"CAM {digits[:2]}", digits[: rng.integers(2, 9)])
    return words[rng.integers(len(words))]


def random_quad(rng: np.random.Generator, centre: tuple[float, float], width: float, aspect: float) -> np.ndarray:
    """Corners 4x2 (px) of a plate `width` px wide seen from a random side: yaw, pitch, roll up to 45 degrees."""
    yaw, pitch = np.radians(np.clip(rng.normal(0, 22, 2) * (1.0, 0.6), -55, 55))
    roll = np.radians(np.clip(rng.normal(0, 7) if rng.random() < 0.8 else rng.normal(0, 20), -45, 45))
    w, h = 1.0, 1.0 / aspect
    points = np.array([[-w, -h, 0], [w, -h, 0], [w, h, 0], [-w, h, 0]]) / 2
    around_y = np.array([[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]])
    around_x = np.array([[1, 0, 0], [0, np.cos(pitch), -np.sin(pitch)], [0, np.sin(pitch), np.cos(pitch)]])
    points = points @ around_y.T @ around_x.T
    flat = points[:, :2] / (1 + points[:, 2:] / rng.uniform(3, 12))
    turn = np.array([[np.cos(roll), -np.sin(roll)], [np.sin(roll), np.cos(roll)]])
    return (flat @ turn.T * width + centre).astype(np.float32)


def paste(rng: np.random.Generator, scene: np.ndarray, plate: np.ndarray, quad: np.ndarray) -> None:
    """Warp `plate` onto the four corners `quad` of `scene` (in place), lit and softened like its surroundings."""
    height, width = scene.shape[:2]
    low = np.maximum(np.floor(quad.min(0)).astype(int) - 3, 0)
    high = np.minimum(np.ceil(quad.max(0)).astype(int) + 3, (width, height))
    if (high - low).min() < 2:
        return
    size = high - low
    target = quad - low
    span = max(np.linalg.norm(quad[1] - quad[0]), np.linalg.norm(quad[2] - quad[3]), 4.0)
    factor = span * 1.3 / plate.shape[1]
    if factor < 1:
        small = (max(4, round(plate.shape[1] * factor)), max(3, round(plate.shape[0] * factor)))
        plate = cv2.resize(plate, small, interpolation=cv2.INTER_AREA)
    h, w = plate.shape[:2]
    source = np.array([[0, 0], [w, 0], [w, h], [0, h]], np.float32) - 0.5
    matrix = cv2.getPerspectiveTransform(source, target.astype(np.float32) - 0.5)
    warped = cv2.warpPerspective(plate, matrix, tuple(size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    mask = np.zeros((size[1], size[0]), np.uint8)
    cv2.fillConvexPoly(mask, np.round((target - 0.5) * 16).astype(np.int32), 255, cv2.LINE_AA, 4)
    area = scene[low[1] : high[1], low[0] : high[0]]
    mean = max(float(area.mean()), 12.0)
    gain = np.clip(mean / 110 * np.exp(rng.normal(0, 0.3)), 0.15, 1.25)
    lit = warped.astype(np.float32) * gain * rng.uniform(0.92, 1.06, 3).astype(np.float32)
    if rng.random() < 0.3:
        ramp = np.linspace(rng.uniform(0.4, 1), 1, size[0], dtype=np.float32)
        lit *= (ramp if rng.random() < 0.5 else ramp[::-1])[None, :, None]
    alpha = mask.astype(np.float32) / 255
    if rng.random() < 0.5:
        sigma = rng.uniform(0.3, 1.0)
        alpha, lit = cv2.GaussianBlur(alpha, (0, 0), sigma), cv2.GaussianBlur(lit, (0, 0), sigma)
    area[:] = np.clip(area * (1 - alpha[..., None]) + lit * alpha[..., None], 0, 255).astype(np.uint8)


def cached_plates(folder: Path) -> Renderer:
    """A renderer that draws from the cache that `synth` wrote into `folder`."""
    from .synth import SynthCache

    cache = SynthCache(folder)

    def draw(rng: np.random.Generator) -> np.ndarray:
        number = int(rng.integers(len(cache)))
        raster = cache.plates[number]
        return cv2.resize(raster, (max(24, round(raster.shape[0] * cache.aspects[number])), raster.shape[0]))

    return draw
