"""What was found by eye: what is wrong with the validation labels, which is counted apart and never corrected silently, and
texts of training plates that nobody had noted.

`audit/unlabelled-plates.jsonl` has plates that no label covers, one a line: `{"set", "image", "box": [x1, y1, x2, y2]}`, px of the
picture. It was made by looking at every find of our detector (at 640x384, at 768x448 and shaped like the picture; score from 0.5)
and of YOLOv9-t 416 (score from 0.25) that touches no label, shuffled, without its score or finder: 151 of 393 are plates. Then at
every find of our detector with closer looks (`--further`; score from 0.5) that touches no label and none of those: 27 of 124 are.

`audit/wrong-texts.txt` has crops whose label is not what stands on the plate (O and 0, I and 1 taken as one), or whose plate
is cut, one a line: `<set>/<image>`. Every crop that our reader or CCT-XS v2 reads otherwise than its label was looked at,
shuffled, without the readings: 63 of 235 labels are wrong, most of them Vietnamese and Czech plates. A wrong label that both readers share is not found that way.

`audit/training-texts.jsonl` has texts of plates of the training scenes that have none in the data, from 36 px wide, one a line:
`{"set", "image", "bbox": [x, y, w, h], "text"}`. The mean of our reader and CCT-XS v2 read them first, because the readers from which the
data has its labels did not agree on them; then every one was looked at: 155 of 740 had been read wrongly. Those that the eye could not read, mirrored and other scripts are left out.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).resolve().parents[1] / "audit"


def unlabelled_plates() -> dict[tuple[str, str], np.ndarray]:
    """Plates that labels leave out: rows x1, y1, x2, y2 (px) for each (set, image) that has some."""
    boxes: dict[tuple[str, str], list[list[float]]] = {}
    for line in (FOLDER / "unlabelled-plates.jsonl").read_text().splitlines():
        row = json.loads(line)
        boxes.setdefault((row["set"], row["image"]), []).append(row["box"])
    return {key: np.array(rows, np.float32) for key, rows in boxes.items()}


@cache
def wrong_texts() -> frozenset[tuple[str, str]]:
    """(set, image) of the crops whose label is wrong."""
    lines = (FOLDER / "wrong-texts.txt").read_text().split()
    return frozenset(tuple(line.split("/", 1)) for line in lines)


def texts_by_eye() -> dict[tuple[str, str], list[tuple[tuple[float, float, float, float], str]]]:
    """Boxes (x, y, width, height, px) and texts of training plates for each (set, image) that has some."""
    plates: dict[tuple[str, str], list] = {}
    for line in (FOLDER / "training-texts.jsonl").read_text().splitlines():
        row = json.loads(line)
        plates.setdefault((row["set"], row["image"]), []).append((tuple(row["bbox"]), row["text"]))
    return plates
