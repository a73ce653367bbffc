"""Which cells learn which plate, and the loss of what they say.

Assignment is task-aligned: of the cells near a plate's centre the few whose score and box agree best with it
learn it, and the score they learn is the overlap they reach, so that scores rank boxes by quality.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from .detector_net import STRIDES, boxes_and_corners, cells, flatten

LEVEL_RANGE = ((0.0, 96.0), (40.0, 256.0), (150.0, 1e9))
"""Longest plate side (px) each level learns; the ranges overlap so that neither has a cliff."""

TOP = 9
"""Cells that learn one plate at most."""

RADIUS = 2.0
"""Cells further than this many strides from a plate's centre do not learn it."""


class Targets(NamedTuple):
    """Labels of a batch, padded to the most plates of one picture.

    boxes [N,M,4] x1,y1,x2,y2 px; corners [N,M,4,2] px; kind [N,M]: 0 padding, 1 plate, 2 plate with corners,
    3 ignored region (cells inside learn nothing). `trust` [N,M] is the weight of the corners, 0..1.
    """

    boxes: Tensor
    corners: Tensor
    kind: Tensor
    trust: Tensor

    def split(self, count: int) -> list["Targets"]:
        """The same labels, `count` pictures at a time."""
        return [Targets(*part) for part in zip(*(values.split(count) for values in self))]


def pairwise_iou(a: Tensor, b: Tensor) -> Tensor:
    """Overlap of boxes a [N,M,4] with b [N,A,4] (x1,y1,x2,y2): [N,M,A]."""
    a, b = a.unsqueeze(2), b.unsqueeze(1)
    size = (torch.minimum(a[..., 2:], b[..., 2:]) - torch.maximum(a[..., :2], b[..., :2])).clamp(min=0)
    inter = size[..., 0] * size[..., 1]
    area_a = (a[..., 2] - a[..., 0]) * (a[..., 3] - a[..., 1])
    area_b = (b[..., 2] - b[..., 0]) * (b[..., 3] - b[..., 1])
    return inter / (area_a + area_b - inter + 1e-6)


def ciou(a: Tensor, b: Tensor) -> Tensor:
    """Complete IoU of matching rows of a and b [K,4] (x1,y1,x2,y2), in -1..1."""
    size = (torch.minimum(a[:, 2:], b[:, 2:]) - torch.maximum(a[:, :2], b[:, :2])).clamp(min=0)
    inter = size[:, 0] * size[:, 1]
    wa, ha = a[:, 2] - a[:, 0], a[:, 3] - a[:, 1]
    wb, hb = b[:, 2] - b[:, 0], b[:, 3] - b[:, 1]
    iou = inter / (wa * ha + wb * hb - inter + 1e-6)
    hull = torch.maximum(a[:, 2:], b[:, 2:]) - torch.minimum(a[:, :2], b[:, :2])
    diagonal = hull.square().sum(1) + 1e-6
    distance = ((a[:, :2] + a[:, 2:] - b[:, :2] - b[:, 2:]) / 2).square().sum(1)
    v = 4 / torch.pi**2 * (torch.atan(wb / (hb + 1e-6)) - torch.atan(wa / (ha + 1e-6))).square()
    with torch.no_grad():
        alpha = v / (1 - iou + v + 1e-6)
    return iou - distance / diagonal - alpha * v


def candidates(targets: Targets, centres: Tensor, strides: Tensor) -> Tensor:
    """Cells [N,M,A] that may learn a plate: near its centre, inside it (or within a stride), on a fitting level."""
    boxes = targets.boxes.unsqueeze(2)
    middle, half = (boxes[..., :2] + boxes[..., 2:]) / 2, (boxes[..., 2:] - boxes[..., :2]) / 2
    away = (centres - middle).abs()
    reach = torch.minimum(torch.maximum(half, strides), RADIUS * strides)
    near = (away <= reach).all(-1)
    side = (half * 2).amax(-1)
    low = torch.zeros_like(strides[:, 0])
    high = torch.zeros_like(strides[:, 0])
    for stride, (least, most) in zip(STRIDES, LEVEL_RANGE):
        low = torch.where(strides[:, 0] == stride, least, low)
        high = torch.where(strides[:, 0] == stride, most, high)
    plate = ((targets.kind == 1) | (targets.kind == 2)).unsqueeze(2)
    return near & (side >= low) & (side <= high) & plate


@torch.no_grad()
def assign(scores: Tensor, boxes: Tensor, targets: Targets, centres: Tensor, strides: Tensor):
    """Per cell: number of its plate [N,A] (-1 none), score to learn [N,A], and whether it is ignored [N,A]."""
    iou = pairwise_iou(targets.boxes, boxes)
    allowed = candidates(targets, centres, strides)
    metric = scores.unsqueeze(1).sqrt() * iou.pow(4) + 1e-9
    metric = metric * allowed
    best = metric.topk(min(TOP, metric.shape[2]), dim=2)
    chosen = torch.zeros_like(metric).scatter_(2, best.indices, (best.values > 0).float()) * allowed
    # A cell near two plates learns the one it overlaps most.
    rival = (iou * chosen + chosen).argmax(1)
    taken = chosen.sum(1) > 0
    index = torch.where(taken, rival, torch.full_like(rival, -1))
    mine = torch.zeros_like(chosen).scatter_(1, rival.unsqueeze(1), 1.0) * chosen
    metric = metric * mine
    reached = (iou * mine).amax(2, keepdim=True)
    # Square root: a small plate whose box overlaps by 0.6 is found, and must not rank below clutter.
    quality = (metric / (metric.amax(2, keepdim=True) + 1e-12) * reached.sqrt()).amax(1)
    dead = (targets.kind == 3).unsqueeze(2)
    area = targets.boxes.unsqueeze(2)
    inside = ((centres > area[..., :2] - strides / 2) & (centres < area[..., 2:] + strides / 2)).all(-1) & dead
    return index, quality, inside.any(1) & ~taken


def detector_loss(raw: list[Tensor], targets: Targets) -> tuple[Tensor, dict[str, Tensor]]:
    """Loss of raw maps against labels, and its parts (score, box, corners) for the log, still on the device."""
    centres, strides = cells(raw)
    table = flatten(raw)
    boxes, corners = boxes_and_corners(table, centres, strides)
    xyxy = torch.cat([boxes[..., :2] - boxes[..., 2:] / 2, boxes[..., :2] + boxes[..., 2:] / 2], -1)
    logits = table[..., 4]
    scores = torch.sigmoid(logits)
    index, quality, ignored = assign(scores.detach(), xyxy.detach(), targets, centres, strides)
    positive = index >= 0
    # Every negative weighs fully: weighing them by how mistaken they are (varifocal) left lamps and badges at 0.5.
    total = quality[positive].sum().clamp(min=1.0)
    bce = torch.nn.functional.binary_cross_entropy_with_logits(logits, quality * positive, reduction="none")
    score_loss = (bce * ~ignored).sum() / total
    picture, cell = positive.nonzero(as_tuple=True)
    if len(picture) == 0:
        zero = table.sum() * 0.0
        return score_loss + zero, {"score": score_loss.detach(), "box": zero.detach(), "corners": zero.detach()}
    plate = index[picture, cell]
    share = quality[picture, cell] + 0.05
    wanted = targets.boxes[picture, plate]
    box_loss = ((1 - ciou(xyxy[picture, cell], wanted)) * share).sum() / total
    trust = targets.trust[picture, plate] * (targets.kind[picture, plate] == 2)
    # Corner error in units of the plate's half size, floored: 12 px plates cannot be placed to a tenth of a pixel.
    half = ((wanted[:, 2:] - wanted[:, :2]) / 2).clamp(min=4.0)
    off = (corners[picture, cell] - targets.corners[picture, plate]) / half.unsqueeze(1)
    error = torch.nn.functional.smooth_l1_loss(off, torch.zeros_like(off), beta=0.1, reduction="none").mean((1, 2))
    corner_loss = (error * share * trust).sum() / total
    loss = score_loss + 2.5 * box_loss + 2.0 * corner_loss
    return loss, {"score": score_loss.detach(), "box": box_loss.detach(), "corners": corner_loss.detach()}
