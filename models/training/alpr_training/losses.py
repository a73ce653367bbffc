"""What the reader is trained on: slot classes, where each slot looks, which character covers each cell, the
teacher's opinion, the region. Positions are known for rendered plates only; they are what teaches alignment."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from .data import NO_TEXT, PAD, UNKNOWN

SMOOTHING = 0.04
# Beyond the end of the text there is little to learn.
PAD_WEIGHT = 0.4
WEIGHTS = {"slots": 1.0, "attention": 0.5, "cells": 0.5, "teacher": 0.5, "region": 0.1}


def reader_losses(out: dict[str, torch.Tensor], batch: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Scalar losses by name, not yet weighted. `batch`: see `reader_batches.Batches`."""
    plate, label = out["plate"], batch["label"]
    each = F.cross_entropy(plate.flatten(0, 1), label.flatten(), label_smoothing=SMOOTHING, reduction="none").view_as(label)
    trust = batch["weight"][:, None] * torch.where(label == PAD, PAD_WEIGHT, 1.0)
    losses = {"slots": (each * trust).sum() / trust.sum().clamp_min(1e-6)}

    cells = batch["cells"].flatten(1)
    known = (cells[:, 0] != UNKNOWN).float()
    slots = torch.arange(label.shape[1], device=label.device)
    mask = (cells[:, None, :] == slots[None, :, None]).float()  # [n, 10, 256]
    nothing = (label == PAD).float()[..., None]
    mass = (out["attention"].exp() * torch.cat([mask, nothing], 2)).sum(2).clamp_min(1e-5)
    present = known[:, None] * (torch.cat([mask, nothing], 2).sum(2) > 0)
    losses["attention"] = -(mass.log() * present).sum() / present.sum().clamp_min(1)

    target = torch.where(cells >= 0, label.gather(1, cells.clamp_min(0)), PAD)
    target = torch.where((cells == NO_TEXT) | (cells >= 0), target, -100)
    cell_loss = F.cross_entropy(out["cells"].flatten(2), target, ignore_index=-100, reduction="none")
    share = (target >= 0).float() * torch.where(target == PAD, 0.3, 1.0)
    losses["cells"] = (cell_loss * share).sum() / share.sum().clamp_min(1)

    if "soft" in batch:
        soft_weight = batch["soft_weight"]
        divergence = -(batch["soft"] * F.log_softmax(plate, -1)).sum(-1).mean(1)
        losses["teacher"] = (divergence * soft_weight).sum() / soft_weight.sum().clamp_min(1)
    region = F.cross_entropy(out["region"], batch["region"], ignore_index=-1, reduction="sum")
    losses["region"] = region / (batch["region"] >= 0).sum().clamp_min(1)
    return losses


# Where teachers read the very crops: mostly what they say.
DISTILLED = {"slots": 0.4, "teacher": 2.0}


def total(losses: dict[str, torch.Tensor], attention_scale: float = 1.0, distilled: bool = False) -> torch.Tensor:
    """Weighted sum; `attention_scale` lets the trainer relax the position losses late in training."""
    scale = {"attention": attention_scale, "cells": attention_scale, **(DISTILLED if distilled else {})}
    return sum(WEIGHTS[name] * scale.get(name, 1.0) * value for name, value in losses.items())
