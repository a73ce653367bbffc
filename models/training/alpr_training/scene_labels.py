"""What is known about every scene: its plates, what a foreign detector adds, how often it is drawn."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

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


@dataclass
class Label:
    """One region of a scene: box x1,y1,x2,y2 and corners 4x2 in px; trust of the corners 0..1."""

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


@dataclass
class LabelTable:
    """Labels of many scenes, padded to the most of one scene, on the training device.

    `points` [S,M,4,2] px (the corners, or those of the box), `kind` [S,M] (0: none), `trust` [S,M], `size` [S,2] width and
    height, `bounded` [S]: every plate's corners are known, so the scene may be turned; `set_number` [S] into `sets`.
    """

    points: Tensor
    kind: Tensor
    trust: Tensor
    size: Tensor
    bounded: Tensor
    set_number: Tensor
    sets: list[str]


def label_table(scenes: Scenes, numbers: list[int], device: torch.device) -> LabelTable:
    """The labels of the scenes `numbers`, row by row."""
    labels = [labels_of(scenes.scenes[n]) for n in numbers]
    most = max(1, max(map(len, labels)))
    points, kind, trust = np.zeros((len(labels), most, 4, 2), np.float32), np.zeros((len(labels), most), np.int64), np.zeros((len(labels), most), np.float32)
    for row, found in enumerate(labels):
        for column, label in enumerate(found):
            x1, y1, x2, y2 = label.box
            points[row, column] = [[x1, y1], [x2, y1], [x2, y2], [x1, y2]] if label.corners is None else label.corners
            kind[row, column], trust[row, column] = label.kind, label.trust
    sets = sorted({scenes.scenes[n].set for n in numbers})
    return LabelTable(
        torch.from_numpy(points).to(device), torch.from_numpy(kind).to(device), torch.from_numpy(trust).to(device),
        torch.tensor([[scenes.scenes[n].width, scenes.scenes[n].height] for n in numbers], dtype=torch.float32, device=device),
        torch.tensor([all(label.corners is not None for label in found if label.kind != IGNORE) for found in labels], device=device),
        torch.tensor([sets.index(scenes.scenes[n].set) for n in numbers], device=device), sets)


def chances(scenes: Scenes, numbers: list[int]) -> np.ndarray:
    """How likely each scene is drawn; sums to one."""
    clips = sum(scenes.scenes[n].split == "clip" for n in numbers)
    weight = np.array([
        CLIP_SHARE * len(numbers) / clips if scenes.scenes[n].split == "clip" else SET_WEIGHT.get(scenes.scenes[n].set, 1.0)
        for n in numbers
    ])
    return weight / weight.sum()
