"""Readers as teachers: their slot probabilities on the training photographs, computed once, or on the very crops of a batch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from .data import ALPHABET, Crop, fixed_input
from .inference import session
from .synth import SLOTS

TEACHER_MARGIN = 0.10  # of the box; where the CCT readers read best


def plate_probabilities(reader, images: np.ndarray) -> np.ndarray:
    """`plate` output of a `session` for uint8 [n, 64, 128, 3] crops, float32 [n, 10, 37]; readers with fewer slots are padded."""
    name = reader.get_inputs()[0].name
    out = np.concatenate([reader.run(["plate"], {name: images[i : i + 32]})[0] for i in range(0, len(images), 32)])
    if out.shape[1] < SLOTS:
        pad = np.zeros((len(out), SLOTS - out.shape[1], len(ALPHABET)), np.float32)
        pad[..., -1] = 1
        out = np.concatenate([out, pad], 1)
    return out


def soft_labels(crops: list[Crop], model: Path, cache: Path) -> np.ndarray:
    """Teacher's slot probabilities for `crops`, float16 [n, 10, 37]; kept in `cache` for the next start. `model` may be such a cache."""
    if model.suffix == ".npy":
        stored = np.load(model)
        if len(stored) != len(crops):
            raise ValueError(f"{model} holds the teacher's opinion on {len(stored)} crops, but there are {len(crops)}; it belongs to other data")
        return stored
    if cache.exists():
        stored = np.load(cache)
        if len(stored) == len(crops):
            return stored
    images = np.stack([fixed_input(crop, TEACHER_MARGIN) for crop in crops])
    soft = plate_probabilities(session(model), images).astype(np.float16)
    np.save(cache, soft)
    return soft


class Teachers:
    """The mean opinion of several ONNX readers."""

    def __init__(self, models: list[Path], threads: int) -> None:
        self._readers = [session(model, threads) for model in models]

    def probabilities(self, images: torch.Tensor) -> torch.Tensor:
        """Slot probabilities, float [n, 10, 37], for crops [n, 64, 128, 3] with values 0 … 255."""
        crops = images.clamp(0, 255).to(torch.uint8).contiguous().cpu().numpy()
        mean = sum(plate_probabilities(reader, crops) for reader in self._readers) / len(self._readers)
        return torch.from_numpy(mean).to(images.device)
