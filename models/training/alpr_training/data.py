"""Photographed plate crops with labels, the reader's input cut from them, and its alphabet."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from . import audit
from .synth import SLOTS

# No thread pool: the pictures are tiny.
cv2.setNumThreads(0)

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_"
PAD = len(ALPHABET) - 1
GRID = (8, 32)  # rows, columns of the reader's feature map
NO_TEXT, UNKNOWN = -1, -2  # in a slot map: no character here / nothing is known here
WIDTH, HEIGHT = 128, 64  # of the reader's input
AROUND = 0.25  # of the box, each side: what a crop shows around a plate
CORNERS = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32)  # TL TR BR BL
# Country names of the silver labels -> region codes; names not listed say nothing.
COUNTRIES = dict(
    zip(
        "Albania,Andorra,Argentina,Armenia,Australia,Austria,Azerbaijan,Bahrain,Belarus,Belgium,Bosnia and Herzegovina,Brazil,Bulgaria,"
        "Cambodia,Canada,Croatia,Cyprus,Czech Republic,Denmark,Estonia,Finland,France,Georgia,Germany,Gibraltar,Greece,Guernsey,Hungary,"
        "Iceland,Indonesia,Ireland,Israel,Italy,Latvia,Liechtenstein,Lithuania,Luxembourg,Malaysia,Malta,Mexico,Moldova,Monaco,Montenegro,"
        "Netherlands,New Zealand,North Macedonia,Norway,Poland,Portugal,Qatar,Romania,San Marino,Serbia,Singapore,Slovakia,Slovenia,Spain,"
        "Sweden,Switzerland,Thailand,Turkey,United States,Ukraine,United Kingdom,Vietnam,br,vn,cn,eu-pl".split(","),
        "AL AD AR AM AU AT AZ BH BY BE BA BR BG KH CA HR CY CZ DK EE FI FR GE DE GI GR GG HU IS ID IE IL IT LV LI LT LU MY MT MX MD MC ME "
        "NL NZ MK NO PL PT QA RO SM RS SG SK SI ES SE CH TH TR US UA GB VN BR VN CN PL".split(),
    )
)
SET_REGION = {"ocr_in_unlabelled": "IN", "india": "IN", "romania": "RO", "us_states": "US", "ocr_br_machine": "BR", "ocr_br_unlabelled": "BR"}


@dataclass
class Crop:
    """One photographed crop. `quad`: float32 [4, 2] px, the plate in `image` (uint8 RGB)."""

    dataset: str
    name: str
    image: np.ndarray
    text: str
    label: str
    region: str | None
    quad: np.ndarray
    has_box: bool
    has_corners: bool


def _open(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path).convert("RGB"))


def crop_rows(data: Path) -> list[tuple[Path, dict]]:
    """Folder and row of every crop below `data`/crops whose text fits the alphabet and ten slots."""
    root = data / "crops"
    if not root.is_dir():
        raise FileNotFoundError(f"{root} does not exist; pass the data folder that holds crops/<set>/labels.jsonl")
    rows = [(labels.parent, json.loads(line)) for labels in sorted(root.glob("*/labels.jsonl")) for line in labels.read_text().splitlines()]
    return [(folder, row) for folder, row in rows if 0 < len(row["text"]) <= SLOTS and all(c in ALPHABET[:-1] for c in row["text"])]


def load_crops(data: Path, split: str) -> list[Crop]:
    """All crops of `split` (`train` or `val`) below `data`; those to train on are `sources.training_crops`."""
    return open_crops([(folder, row) for folder, row in crop_rows(data) if row["split"] == split])


def open_crops(entries: list[tuple[Path, dict]]) -> list[Crop]:
    """The crops of such rows as `crop_rows` gives."""
    with ThreadPoolExecutor() as pool:
        images = list(pool.map(_open, [folder / entry["image"] for folder, entry in entries]))
    crops = []
    for (folder, entry), image in zip(entries, images):
        text = entry["text"]
        if entry["split"] == "train" and entry["label"] == "charboxes" and len(text) == 9:
            text = text.removeprefix("CZ").removesuffix("CZ")  # the euro band's code is not part of the number
        height, width = image.shape[:2]
        if entry.get("corners"):
            quad = np.array(entry["corners"], np.float32)
        else:
            x, y, w, h = entry.get("bbox") or (0, 0, width, height)
            quad = CORNERS * (w, h) + np.array((x, y), np.float32)
        region = SET_REGION.get(folder.name) or COUNTRIES.get(entry["region"])
        crops.append(Crop(folder.name, entry["image"], image, text, entry["label"], region, quad.astype(np.float32), bool(entry.get("bbox")), bool(entry.get("corners"))))
    return crops


def crops_by_eye(data: Path) -> list[Crop]:
    """Plates of the training scenes whose texts `audit.texts_by_eye` has, cut out as those of `load_crops`; none where `data` has
    no scenes. Some are in validation too: `sources.training_crops` leaves those out."""
    crops = []
    for (dataset, name), plates in audit.texts_by_eye().items():
        path = data / "scenes" / dataset / name
        if not path.exists():
            continue
        image = _open(path)
        for (x, y, w, h), text in plates:
            left, top = max(0, round(x - AROUND * w)), max(0, round(y - AROUND * h))
            cut = image[top : round(y + (1 + AROUND) * h), left : round(x + (1 + AROUND) * w)].copy()
            quad = CORNERS * (w, h) + np.array((x - left, y - top), np.float32)
            crops.append(Crop(dataset, name, cut, text, "human", None, quad.astype(np.float32), True, False))
    return crops


def sample(image: np.ndarray, quad: np.ndarray) -> np.ndarray:
    """The reader's input: `quad` (float32 [4, 2] px in `image`) stretched to 128x64, bilinear,
    edge pixels repeated outside; shrunk by area first where it is far larger than the input."""
    width = max(np.hypot(*(quad[1] - quad[0])), np.hypot(*(quad[2] - quad[3])))
    height = max(np.hypot(*(quad[3] - quad[0])), np.hypot(*(quad[2] - quad[1])))
    scale = min(1.0, max(1.3 * WIDTH / max(width, 1), 1.3 * HEIGHT / max(height, 1)))
    if scale < 0.99:
        size = max(2, round(image.shape[1] * scale)), max(2, round(image.shape[0] * scale))
        quad = quad * (size[0] / image.shape[1], size[1] / image.shape[0])
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    # Pixel centres: the quad's edges are edges of pixels.
    target = CORNERS * np.array((WIDTH, HEIGHT), np.float32) - 0.5
    matrix = cv2.getPerspectiveTransform((quad - 0.5).astype(np.float32), target)
    return cv2.warpPerspective(image, matrix, (WIDTH, HEIGHT), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def fixed_input(crop: Crop, margin: float, rectify: bool = False) -> np.ndarray:
    """The crop as the reader gets it at run time: its box grown by `margin` on each side, 128x64.

    A crop without a box is already cut by somebody else's margin, and is taken whole."""
    if not crop.has_box:
        return sample(crop.image, crop.quad)
    if rectify and crop.has_corners:
        unit = CORNERS * (1 + 2 * margin) - margin
        matrix = cv2.getPerspectiveTransform(CORNERS, crop.quad)
        return sample(crop.image, cv2.perspectiveTransform(unit[None].astype(np.float32), matrix)[0])
    low, high = crop.quad.min(0), crop.quad.max(0)
    return sample(crop.image, (low + (high - low) * (CORNERS * (1 + 2 * margin) - margin)).astype(np.float32))


def encode(text: str) -> np.ndarray:
    """Class of each slot, int64 [10]."""
    return np.array([ALPHABET.index(c) for c in text] + [PAD] * (SLOTS - len(text)), np.int64)


def decode(classes: np.ndarray) -> str:
    """Text of one row of classes; pads are dropped."""
    return "".join(ALPHABET[c] for c in classes if c != PAD)
