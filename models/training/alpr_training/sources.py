"""Which pictures come from one photograph or one drive, so that what is validated on is not trained on.

The `split` of a row was drawn without a look at its copies: turned, noisy and cropped ones, other frames of a drive, the same
photograph in another set. Training leaves out whatever has a relative in validation, and scores are given apart for validation
pictures with a relative in the training split, which the committed models have seen.
"""

from __future__ import annotations

import re
from pathlib import Path

from .data import Crop, crop_rows, crops_by_eye, open_crops
from .reader_score import FOLD
from .scenes import Scene, read_labels

PHOTOGRAPH = re.compile(r"[0-9a-f]{16}")
"""A `group` that is the number of one photograph in every set (Open Images). Others, as `110.jpg`, mean something in their set only."""

TELLING = 5
"""Characters from which a text is taken for one plate in every set; a shorter one only within its set."""

APART, ALSO = "source not in training", "source also in training"
"""Names of the two parts of the validation pictures in scores."""


def source_of(scene: Scene) -> tuple[str, str]:
    """(set, group) of a scene; without the set where the group is known everywhere, the picture itself where there is no group."""
    if not scene.group:
        return scene.set, scene.image
    return "" if PHOTOGRAPH.fullmatch(scene.group) else scene.set, scene.group


def _text(dataset: str, text: str) -> tuple[str, str, str]:
    text = text.translate(FOLD)
    return "" if len(text) >= TELLING else dataset, "text", text


class Sources:
    """Photographs, drives and plates of all pictures below `data` (scenes and crops; either may be missing), by split."""

    def __init__(self, data: Path):
        scenes = read_labels(data) if (data / "scenes").is_dir() else []
        self._of_picture = {(scene.set, scene.image): source_of(scene) for scene in scenes}
        # Crops say nothing of the photograph they were cut from, but have its text.
        self._of_text: dict[tuple[str, str], set] = {}
        self._in: dict[str, set] = {"train": set(), "val": set()}
        for scene in scenes:
            self._in.setdefault(scene.split, set()).update(self._of_scene(scene))
            for plate in scene.plates:
                text = plate.text or plate.silver
                if text:
                    self._of_text.setdefault((scene.set, text.translate(FOLD)), set()).add(source_of(scene))
        for folder, row in crop_rows(data) if (data / "crops").is_dir() else []:
            self._in.setdefault(row["split"], set()).update(self._of_plate(folder.name, row["text"]))

    def _of_scene(self, scene: Scene) -> set:
        texts = (plate.text or plate.silver for plate in scene.plates)
        return {source_of(scene), *(_text(scene.set, text) for text in texts if text)}

    def _of_plate(self, dataset: str, text: str) -> set:
        """The text itself, and the sources that a crop of `dataset` with it may have been cut from."""
        return {_text(dataset, text), *self._of_text.get((dataset, text.translate(FOLD)), ())}

    def has_scene(self, scene: Scene, split: str) -> bool:
        """Whether a picture of `split` comes from the source of `scene`, or shows one of its plates."""
        return not self._in[split].isdisjoint(self._of_scene(scene))

    def has_plate(self, dataset: str, text: str, split: str) -> bool:
        """Whether a picture of `split` shows this text (O=0, I=1 folded), or comes from a source that a crop of `dataset` with it
        may have been cut from."""
        return not self._in[split].isdisjoint(self._of_plate(dataset, text))

    def has_cut(self, crop: Crop, split: str) -> bool:
        """As `has_plate`, for a crop that `crops_by_eye` cut from the scene `crop.name`."""
        return self._of_picture[crop.dataset, crop.name] in self._in[split] or self.has_plate(crop.dataset, crop.text, split)


def training_scenes(data: Path, scenes: list[Scene], numbers: list[int]) -> list[int]:
    """Those of `numbers` (of `scenes`) whose source has no picture in validation; prints how many are left out."""
    sources = Sources(data)
    kept = [number for number in numbers if not sources.has_scene(scenes[number], "val")]
    print(f"{len(numbers) - len(kept)} of {len(numbers)} training pictures are left out: their source is in validation too", flush=True)
    return kept


def training_crops(data: Path, by_eye: bool = True) -> list[Crop]:
    """The training crops, those read by eye too unless `by_eye` is false, whose source is not in validation; prints how many are left out."""
    sources = Sources(data)
    rows = [(folder, row) for folder, row in crop_rows(data) if row["split"] == "train"]
    apart = [(folder, row) for folder, row in rows if not sources.has_plate(folder.name, row["text"], "val")]
    read = crops_by_eye(data) if by_eye else []
    kept = [crop for crop in read if not sources.has_cut(crop, "val")]
    print(f"{len(rows) - len(apart)} of {len(rows)} training crops and {len(read) - len(kept)} of {len(read)} read by eye are left out: their plate or source is in validation too", flush=True)
    return open_crops(apart) + kept
