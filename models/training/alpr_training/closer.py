"""Closer looks at small weak finds, as `alprdetect` takes them (`plugins/alpr-core/src/detector/closer.rs` says why)."""

from __future__ import annotations

import numpy as np

LEAST = 0.2
"""Finds of a lower score are not looked at."""
WIDEST = 32.0
"""Nor are wider ones, px of the network."""
GROWTH = 1.3
"""What a closer look finds may be so many times as wide as what led to it."""
MOST = 2
"""Looks a picture."""
WINDOW = 0.25
"""Part of the picture's width and height that a closer look takes."""
CUT = 1.5
"""Px of the network from a window's edge within which a box is cut."""


def _holds(outer: np.ndarray, boxes: np.ndarray, margin: float) -> np.ndarray:
    """Which of `boxes` (x1, y1, x2, y2) lie in `outer`, further than `margin` from its edges."""
    return (boxes[:, :2] >= outer[:2] + margin).all(1) & (boxes[:, 2:4] <= outer[2:] - margin).all(1)


def look_closer(rows: np.ndarray, width: int, height: int, scale: float, sure: float, look, nms) -> np.ndarray:
    """Finds of a picture of `width` x `height` px after closer looks.

    `rows` are the finds of the first look (x1, y1, x2, y2, score, ...; best first), `scale` its network px a picture px,
    `sure` the score from which a find needs no closer look; `look(x1, y1, x2, y2)` gives the finds of a part of the
    picture at half the network's pixels, `nms` suppresses overlapping rows.
    """

    def doubtful(finds: np.ndarray) -> np.ndarray:
        return (finds[:, 4] < sure) & ((finds[:, 2] - finds[:, 0]) * scale < WIDEST)

    size = np.array([width, height], np.float32)
    side, cut, windows = size * WINDOW, CUT / scale, []
    for find in rows[doubtful(rows) & (rows[:, 4] >= LEAST)]:
        half = (find[2:4] - find[:2]) / 2
        around = np.concatenate([find[:2] - half, find[2:4] + half])[None]
        if len(windows) < MOST and not any(_holds(window, around, 0.0)[0] for window in windows):
            corner = ((find[:2] + find[2:4]) / 2 - side / 2).clip(0, size - side)
            windows.append(np.concatenate([corner, corner + side]))
    for window in windows:
        near = look(*window)
        inside = (near[:, :2] > window[:2] + cut) | (window[:2] <= 0)
        inside &= (near[:, 2:4] < window[2:] - cut) | (window[2:] >= size)
        near = near[inside.all(1) & ((near[:, 2] - near[:, 0]) * scale < GROWTH * WIDEST)]
        rows = nms(np.concatenate([rows[~(doubtful(rows) & _holds(window, rows, cut))], near]))
    return rows
