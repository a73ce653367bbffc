"""Scores of a detector: matching of finds with labels, recall at a precision, average precision, buckets."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

NO_BOXES = np.zeros((0, 4), np.float32)
"""No box, as rows x1, y1, x2, y2."""

MATCH = 0.5
"""Overlap (IoU) from which a find counts as the plate."""

WIDTHS = (0, 8, 12, 16, 24, 40, 80, 160, 10_000)
"""Edges of the plate width buckets, px at 640x384."""

TILTS = (0, 3, 8, 15, 90)
"""Edges of the tilt buckets, degrees; for plates whose corners are labelled."""

LIGHTS = (0, 40, 80, 160, 256)
"""Edges of the light buckets: mean of the plate and its surroundings, 0..255."""


@dataclass
class Truth:
    """A labelled plate of one picture: box x1,y1,x2,y2 (px), width at network scale, set, corners or None, mean light there."""

    box: np.ndarray
    width: float
    group: str
    region: str = ""
    corners: np.ndarray | None = None
    light: float | None = None


@dataclass
class Outcome:
    """All finds and all labels of a run, matched."""

    scores: list[float] = field(default_factory=list)
    hits: list[bool] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)
    truths: list[Truth] = field(default_factory=list)
    found_at: list[float] = field(default_factory=list)
    """Per label: score of the find that took it, or -1."""
    corner_errors: list[float] = field(default_factory=list)
    """Per found label with corners: mean distance of the corners in per cent of the plate's width."""


def iou_matrix(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Overlap of every box of a [n,4] with every one of b [m,4] (x1,y1,x2,y2): [n,m]."""
    size = np.minimum(a[:, None, 2:4], b[None, :, 2:4]) - np.maximum(a[:, None, :2], b[None, :, :2])
    inter = np.clip(size, 0, None).prod(2)
    area_a, area_b = (a[:, 2:4] - a[:, :2]).prod(1), (b[:, 2:4] - b[:, :2]).prod(1)
    return inter / np.maximum(area_a[:, None] + area_b[None] - inter, 1e-9)


def add_picture(
    outcome: Outcome, finds: np.ndarray, truths: list[Truth], group: str, unlabelled: np.ndarray = NO_BOXES
) -> None:
    """Match the finds of one picture (rows x1,y1,x2,y2,score[,corners], best first) with its labels.

    A find takes the free label it overlaps most, if by at least MATCH; else it is false. Finds that overlap a plate of
    `unlabelled` (rows x1,y1,x2,y2) by at least MATCH and no label so far count neither way.
    """
    taken = np.full(len(truths), -1.0)
    overlap = iou_matrix(finds, np.array([t.box for t in truths], np.float32).reshape(-1, 4))
    plate = (iou_matrix(finds, unlabelled) >= MATCH).any(1) & ~(overlap >= MATCH).any(1)
    finds, overlap = finds[~plate], overlap[~plate]
    for row, find in enumerate(finds):
        free = np.where(taken < 0, overlap[row], -1.0) if len(truths) else np.zeros(0)
        best = int(free.argmax()) if len(free) else -1
        hit = best >= 0 and free[best] >= MATCH
        outcome.scores.append(float(find[4]))
        outcome.hits.append(bool(hit))
        outcome.groups.append(group)
        if hit:
            taken[best] = find[4]
            corners = truths[best].corners
            if corners is not None and len(find) >= 13:
                off = np.linalg.norm(find[5:13].reshape(4, 2) - corners, axis=1).mean()
                side = (np.linalg.norm(corners[1] - corners[0]) + np.linalg.norm(corners[2] - corners[3])) / 2
                outcome.corner_errors.append(float(100 * off / max(side, 1.0)))
    outcome.truths += truths
    outcome.found_at += taken.tolist()


def sweep(outcome: Outcome) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Thresholds (falling), with precision and recall at each."""
    order = np.argsort(-np.array(outcome.scores), kind="stable")
    hits = np.array(outcome.hits)[order]
    true = np.cumsum(hits)
    return np.array(outcome.scores)[order], true / np.arange(1, len(hits) + 1), true / max(1, len(outcome.truths))


def recall_at_precision(outcome: Outcome, precision: float) -> tuple[float, float]:
    """Highest recall whose precision is at least `precision`, and its threshold; (0, 1) when never reached."""
    thresholds, precisions, recalls = sweep(outcome)
    good = np.flatnonzero(precisions >= precision)
    return (float(recalls[good[-1]]), float(thresholds[good[-1]])) if len(good) else (0.0, 1.0)


def best_threshold(outcome: Outcome) -> tuple[float, float]:
    """The threshold with the highest F1 (harmonic mean of precision and recall), and that F1."""
    thresholds, precisions, recalls = sweep(outcome)
    if not len(thresholds):
        return 1.0, 0.0
    f1 = 2 * precisions * recalls / np.maximum(precisions + recalls, 1e-9)
    return float(thresholds[f1.argmax()]), float(f1.max())


def average_precision(outcome: Outcome) -> float:
    """Area under the precision-recall curve (all points, precision made monotone)."""
    _, precisions, recalls = sweep(outcome)
    envelope = np.maximum.accumulate(precisions[::-1])[::-1]
    return float(np.sum(np.diff(np.concatenate([[0.0], recalls])) * envelope))


def at_threshold(outcome: Outcome, threshold: float, group: str | None = None) -> dict[str, float]:
    """Labels, recall, precision and false finds at `threshold`, of one group or of all."""
    truths = [i for i, t in enumerate(outcome.truths) if group in (None, t.group)]
    kept = [i for i, s in enumerate(outcome.scores) if s >= threshold and group in (None, outcome.groups[i])]
    true = sum(outcome.hits[i] for i in kept)
    found = sum(outcome.found_at[i] >= threshold for i in truths)
    return {
        "plates": len(truths), "recall": found / max(1, len(truths)), "precision": true / max(1, len(kept)),
        "false": len(kept) - true,
    }


def tilt(corners: np.ndarray) -> float:
    """Degrees by which a plate's long edges lean from the horizontal."""
    edge = corners[1] - corners[0] + corners[2] - corners[3]
    return float(abs(np.degrees(np.arctan2(edge[1], edge[0]))))


def buckets(outcome: Outcome, threshold: float, edges: tuple, value) -> list[tuple[str, int, float]]:
    """Recall at `threshold` per bucket of `value(truth)` (None: not counted): name, labels, recall."""
    rows = []
    values = [value(t) for t in outcome.truths]
    for low, high in zip(edges, edges[1:]):
        inside = [i for i, v in enumerate(values) if v is not None and low <= v < high]
        if inside:
            found = sum(outcome.found_at[i] >= threshold for i in inside)
            rows.append((f"{low}-{high}" if high < 10_000 else f"{low}+", len(inside), found / len(inside)))
    return rows
