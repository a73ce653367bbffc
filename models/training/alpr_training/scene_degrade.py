"""What cameras do to a whole picture: light, colour, blur, noise, compression. uint8 RGB in, uint8 RGB out."""

from __future__ import annotations

import cv2
import numpy as np

_NOISE: np.ndarray | None = None


def _noise(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """A window of unit normal noise; cut from one bank, because drawing it anew costs more than all the rest."""
    global _NOISE
    if _NOISE is None:
        _NOISE = np.random.default_rng(0).normal(0, 1, (1400, 1400, 3)).astype(np.float32)
    y, x = rng.integers(0, 1400 - height), rng.integers(0, 1400 - width)
    return _NOISE[y : y + height, x : x + width]


def light(rng: np.random.Generator, rgb: np.ndarray) -> np.ndarray:
    """Exposure, contrast, gamma and white balance, one lookup table a channel."""
    ramp = np.linspace(0, 1, 256, dtype=np.float32)
    gamma = np.exp(rng.normal(0, 0.25))
    contrast, brightness = np.exp(rng.normal(0, 0.2)), rng.normal(0, 0.08)
    tables = []
    for _ in range(3):
        cast = np.exp(rng.normal(0, 0.06))
        tables.append(((ramp**gamma - 0.5) * contrast + 0.5 + brightness) * cast)
    table = (np.clip(np.stack(tables, -1), 0, 1) * 255).astype(np.uint8)
    return cv2.LUT(rgb, table[None])


def night(rng: np.random.Generator, rgb: np.ndarray) -> np.ndarray:
    """Little light: dark, noisy, tinted, sometimes with the bloom of a lamp."""
    out = rgb.astype(np.float32) * (rng.uniform(0.12, 0.55) * rng.uniform(0.75, 1.15, 3)).astype(np.float32)
    height, width = rgb.shape[:2]
    if rng.random() < 0.5:
        lamp = np.zeros((height, width), np.float32)
        for _ in range(rng.integers(1, 4)):
            centre = (int(rng.integers(0, width)), int(rng.integers(0, height)))
            cv2.circle(lamp, centre, int(rng.integers(3, 3 + width // 20)), 1.0, -1)
        small = cv2.resize(lamp, (width // 4, height // 4), interpolation=cv2.INTER_AREA)
        glow = cv2.resize(cv2.GaussianBlur(small, (0, 0), rng.uniform(2, 8)), (width, height))
        out += np.clip(lamp + glow * rng.uniform(0.5, 3), 0, 1)[..., None] * 230
    out += _noise(rng, height, width) * rng.uniform(2, 12)
    return np.clip(out, 0, 255).astype(np.uint8)


def motion_blur(rng: np.random.Generator, rgb: np.ndarray) -> np.ndarray:
    """A straight smear of 3 to 9 px, mostly along the road."""
    length = int(rng.integers(3, 10))
    kernel = np.zeros((length, length), np.float32)
    angle = rng.normal(0, 0.5)
    middle = (length - 1) / 2
    dx, dy = np.cos(angle) * middle, np.sin(angle) * middle
    start = (int(round(middle - dx)), int(round(middle - dy)))
    end = (int(round(middle + dx)), int(round(middle + dy)))
    cv2.line(kernel, start, end, 1.0)
    return cv2.filter2D(rgb, -1, kernel / kernel.sum())


def low_resolution(rng: np.random.Generator, rgb: np.ndarray) -> np.ndarray:
    """Down and up again, as a small or badly scaled stream."""
    height, width = rgb.shape[:2]
    scale = rng.uniform(0.4, 0.85)
    small = cv2.resize(rgb, (max(8, int(width * scale)), max(8, int(height * scale))), interpolation=cv2.INTER_AREA)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)


def degrade(rng: np.random.Generator, rgb: np.ndarray) -> np.ndarray:
    """One random camera: about a third of the pictures keep everything but a little light change."""
    rgb = light(rng, rgb) if rng.random() < 0.7 else rgb
    if rng.random() < 0.12:
        grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
        rgb = cv2.merge([grey, grey, grey])
        if rng.random() < 0.2:
            tint = rng.uniform(0.6, 1.0, 3)
            rgb = (rgb * tint).astype(np.uint8)
    elif rng.random() < 0.05:
        rgb = np.ascontiguousarray(rgb[:, :, rng.permutation(3)])
    if rng.random() < 0.07:
        rgb = night(rng, rgb)
    choice = rng.random()
    if choice < 0.08:
        rgb = motion_blur(rng, rgb)
    elif choice < 0.2:
        rgb = cv2.GaussianBlur(rgb, (0, 0), rng.uniform(0.4, 1.6))
    elif choice < 0.3:
        rgb = low_resolution(rng, rgb)
    elif choice < 0.38:
        soft = cv2.GaussianBlur(rgb, (0, 0), 1.2)
        rgb = cv2.addWeighted(rgb, 1.7, soft, -0.7, 0)
    if rng.random() < 0.15:
        noisy = rgb + _noise(rng, *rgb.shape[:2]) * np.float32(rng.uniform(2, 14))
        rgb = np.clip(noisy, 0, 255).astype(np.uint8)
    if rng.random() < 0.25:
        quality = int(rng.integers(20, 90))
        coded = cv2.imencode(".jpg", rgb, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
        rgb = cv2.imdecode(coded, cv2.IMREAD_COLOR)
    return rgb
