"""Plate glyphs drawn as strokes, for the styles no free font exists of.

British (Charles Wright), North American and Asian dies are simple: strokes of one width along
straight lines with rounded corners. One skeleton for each character and four numbers (width, stroke,
corner radius, squareness of the end) give endless variants of them.
"""

from __future__ import annotations

import cv2
import numpy as np

# A stroke is a list of points in the unit box, y down; a third value False keeps the corner sharp.
# A stroke whose last point equals its first is closed.
S = False
SKELETONS: dict[str, list[list[tuple]]] = {
    "A": [[(0, 1), (0.5, 0, S), (1, 1)], [(0.17, 0.66), (0.83, 0.66)]],
    "B": [[(0, 1), (0, 0, S), (0.92, 0), (0.92, 0.48), (0, 0.48)], [(0, 0.48), (1, 0.48), (1, 1), (0, 1, S), (0, 0.5)]],
    "C": [[(1, 0.24), (1, 0), (0, 0), (0, 1), (1, 1), (1, 0.76)]],
    "D": [[(0, 0.5), (0, 0, S), (1, 0), (1, 1), (0, 1, S), (0, 0.5)]],
    "E": [[(1, 0), (0, 0, S), (0, 1, S), (1, 1)], [(0, 0.48), (0.82, 0.48)]],
    "F": [[(1, 0), (0, 0, S), (0, 1)], [(0, 0.48), (0.82, 0.48)]],
    "G": [[(1, 0.24), (1, 0), (0, 0), (0, 1), (1, 1), (1, 0.55, S), (0.55, 0.55)]],
    "H": [[(0, 0), (0, 1)], [(1, 0), (1, 1)], [(0, 0.48), (1, 0.48)]],
    "I": [[(0.5, 0), (0.5, 1)]],
    "J": [[(1, 0), (1, 1), (0, 1), (0, 0.72)]],
    "K": [[(0, 0), (0, 1)], [(1, 0), (0, 0.6)], [(0.34, 0.4), (1, 1)]],
    "L": [[(0, 0), (0, 1, S), (1, 1)]],
    "M": [[(0, 1), (0, 0, S), (0.5, 0.62, S), (1, 0, S), (1, 1)]],
    "N": [[(0, 1), (0, 0, S), (1, 1, S), (1, 0)]],
    "O": [[(0, 0.5), (0, 0), (1, 0), (1, 1), (0, 1), (0, 0.5)]],
    "P": [[(0, 1), (0, 0, S), (1, 0), (1, 0.55), (0, 0.55)]],
    "Q": [[(0, 0.5), (0, 0), (1, 0), (1, 1), (0, 1), (0, 0.5)], [(0.58, 0.7), (1.06, 1.06)]],
    "R": [[(0, 1), (0, 0, S), (1, 0), (1, 0.53), (0, 0.53)], [(0.45, 0.53), (1, 1)]],
    "S": [[(1, 0.22), (1, 0), (0, 0), (0, 0.48), (1, 0.48), (1, 1), (0, 1), (0, 0.78)]],
    "T": [[(0, 0), (1, 0)], [(0.5, 0), (0.5, 1)]],
    "U": [[(0, 0), (0, 1), (1, 1), (1, 0)]],
    "V": [[(0, 0), (0.5, 1, S), (1, 0)]],
    "W": [[(0, 0), (0.24, 1, S), (0.5, 0.3, S), (0.76, 1, S), (1, 0)]],
    "X": [[(0, 0), (1, 1)], [(1, 0), (0, 1)]],
    "Y": [[(0, 0), (0.5, 0.52, S), (1, 0)], [(0.5, 0.52), (0.5, 1)]],
    "Z": [[(0, 0), (1, 0, S), (0, 1, S), (1, 1)]],
    "0": [[(0, 0.5), (0, 0), (1, 0), (1, 1), (0, 1), (0, 0.5)]],
    "1": [[(0.15, 0.2), (0.5, 0, S), (0.5, 1)]],
    "2": [[(0, 0.24), (0, 0), (1, 0), (1, 0.42), (0, 1, S), (1, 1)]],
    "3": [[(0, 0.22), (0, 0), (0.95, 0), (0.95, 0.47), (0.35, 0.47)], [(0.35, 0.47), (1, 0.47), (1, 1), (0, 1), (0, 0.78)]],
    "4": [[(0.74, 1), (0.74, 0, S), (0, 0.7, S), (1, 0.7)]],
    "5": [[(0.95, 0), (0.05, 0, S), (0.02, 0.42, S), (1, 0.4), (1, 1), (0, 1), (0, 0.78)]],
    "6": [[(0.98, 0.22), (0.98, 0), (0, 0), (0, 1), (1, 1), (1, 0.44), (0, 0.44), (0, 0.6)]],
    "7": [[(0, 0), (1, 0, S), (0.35, 1)]],
    "8": [[(0.5, 0.47), (0.05, 0.47), (0.05, 0), (0.95, 0), (0.95, 0.47), (0.5, 0.47)],
          [(0.5, 0.47), (0, 0.47), (0, 1), (1, 1), (1, 0.47), (0.5, 0.47)]],
    "9": [[(0.02, 0.78), (0.02, 1), (1, 1), (1, 0), (0, 0), (0, 0.56), (1, 0.56), (1, 0.4)]],
}  # fmt: skip
VARIANTS: dict[str, list[list[tuple]]] = {
    "1": [[(0.5, 0), (0.5, 1)]],
    "3": [[(0.02, 0), (0.95, 0, S), (0.45, 0.42, S), (1, 0.45), (1, 1), (0, 1), (0, 0.78)]],
    "4": [[(0.8, 1), (0.8, 0, S), (0.62, 0, S), (0, 0.72, S), (1, 0.72)]],
    "6": [[(0.75, 0), (0.02, 0.62), (0, 1), (1, 1), (1, 0.46), (0.1, 0.5)]],
    "9": [[(0.25, 1), (0.98, 0.38), (1, 0), (0, 0), (0, 0.54), (0.9, 0.5)]],
    "0": [[(0, 0.5), (0, 0), (1, 0), (1, 1), (0, 1), (0, 0.5)], [(0.85, 0.15), (0.15, 0.85)]],
    "M": [[(0, 1), (0, 0, S), (0.5, 1, S), (1, 0, S), (1, 1)]],
    "W": [[(0, 0), (0.1, 1, S), (0.5, 0.45, S), (0.9, 1, S), (1, 0)]],
    "I": [[(0, 0), (1, 0)], [(0.5, 0), (0.5, 1)], [(0, 1), (1, 1)]],
    "J": [[(0.35, 0), (1, 0, S), (1, 1), (0, 1), (0, 0.72)]],
    "Q": [[(0, 0.5), (0, 0), (1, 0), (1, 1), (0, 1), (0, 0.5)], [(0.75, 0.75), (0.95, 1.12)]],
    "G": [[(1, 0.24), (1, 0), (0, 0), (0, 1), (1, 1), (1, 0.6, S), (0.6, 0.6)], [(1, 0.6), (1, 1)]],
}
NARROW = {"I": 0.35, "1": 0.55, "M": 1.15, "W": 1.2}
NARROW_VARIANTS = {"I": 0.62, "1": 0.35}


def _round(points: list[tuple], radius: float) -> np.ndarray:
    """Replace each soft corner by a quarter curve that starts at most `radius` before it."""
    xy = [np.array(p[:2], np.float64) for p in points]
    out = [xy[0]]
    for i in range(1, len(xy) - 1):
        if len(points[i]) == 3:
            out.append(xy[i])
            continue
        before, after = xy[i - 1] - xy[i], xy[i + 1] - xy[i]
        a = xy[i] + before * min(0.5, radius / max(np.hypot(*before), 1e-6))
        b = xy[i] + after * min(0.5, radius / max(np.hypot(*after), 1e-6))
        for t in np.linspace(0, 1, 6):
            # Cubic with both handles pulled to the corner: rounder than a parabola.
            out.append((1 - t) ** 2 * a + 2 * t * (1 - t) * (xy[i] * 0.8 + (a + b) * 0.1) + t * t * b)
    out.append(xy[-1])
    return np.array(out)


def glyph(char: str, height: int, style: dict, variant: bool) -> np.ndarray:
    """Draw `char` as an 8-bit mask of `height` rows: 255 is ink.

    `style`: `width` and `stroke` as fractions of the height, `radius` of the corners in stroke boxes
    (0 sharp … 0.5 round). `variant` takes the other form of a character that has one.
    """
    stroke = max(1, round(style["stroke"] * height))
    other = variant and char in VARIANTS
    narrow = NARROW_VARIANTS.get(char, NARROW.get(char, 1.0)) if other else NARROW.get(char, 1.0)
    width = max(stroke + 2, round(style["width"] * height * narrow))
    mask = np.zeros((height, width), np.uint8)
    shift = 4
    scale = np.array([width - stroke - 1, height - stroke - 1], np.float64)
    aspect = np.array([1.0, width / height])
    strokes = VARIANTS[char] if other else SKELETONS[char]
    for points in strokes:
        soft = _round([(p[0], p[1] / aspect[1], *p[2:]) for p in points], style["radius"])
        soft[:, 1] *= aspect[1]
        pixels = np.round((soft * scale + stroke / 2) * (1 << shift)).astype(np.int32)
        cv2.polylines(mask, [pixels], False, 255, stroke, cv2.LINE_AA, shift)
    return mask
