"""Readers as teachers: their slot probabilities on the training photographs, computed once, or on the very crops of a batch."""

from __future__ import annotations

import hashlib
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


def keep(cache: Path, soft: np.ndarray, model: str, crops: list[Crop]) -> None:
    """Write opinions `soft` on `crops`, float16 [n, 10, 37], with what they depend on: `model` (SHA-256 of the file) and the crops."""
    np.savez(cache, soft=soft, model=model, crops=fingerprint(crops))


def fingerprint(crops: list[Crop]) -> str:
    """SHA-256 of the set, name and text of each crop, in their order."""
    return hashlib.sha256("".join(f"{crop.dataset}\t{crop.name}\t{crop.text}\n" for crop in crops).encode()).hexdigest()


def soft_labels(crops: list[Crop], model: Path, cache: Path) -> np.ndarray:
    """Teacher's slot probabilities for `crops`, float16 [n, 10, 37]; kept in `cache` for the next start with the same model and crops.
    `model` may be such a cache; raises ValueError where that is of other crops."""
    if model.suffix == ".npz":
        with np.load(model) as stored:
            if stored["crops"] != fingerprint(crops):
                raise ValueError(f"{model} holds the teacher's opinion on other crops than the {len(crops)} of this data; give the ONNX model, and it is asked anew")
            return stored["soft"]
    own = hashlib.sha256(model.read_bytes()).hexdigest()
    if cache.exists():
        with np.load(cache) as stored:
            if (stored["model"], stored["crops"]) == (own, fingerprint(crops)):
                return stored["soft"]
    images = np.stack([fixed_input(crop, TEACHER_MARGIN) for crop in crops])
    soft = plate_probabilities(session(model), images).astype(np.float16)
    keep(cache, soft, own, crops)
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
