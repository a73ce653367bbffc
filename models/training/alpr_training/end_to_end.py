"""`evaluate pair`: finds and reads plates on whole scenes, our pair beside others, same pictures, same matching.

    python -m alpr_training evaluate pair DATA plate-detector.onnx plate-reader.onnx \
        [--compare-detector YOLOV9.onnx --compare-reader CCT.onnx]

A plate counts as read when a find overlaps it by IoU 0.5 and the text is the label's, exactly. Labels read by
a person and labels two other networks agreed on ("silver": about 5 % wrong, and never a plate those networks
cannot read, so they flatter such networks) are counted apart.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np

from .data import decode
from .detection_metrics import WIDTHS, iou_matrix
from .evaluate import NETWORK, open_detector
from .inference import session
from .reader_score import FOLD
from .scenes import Scene, Scenes
from .sources import ALSO, APART, Sources

CROP = (128, 64)
"""Reader input, width and height (px)."""

VIEWS = ((True, 0.0), (False, 0.0), (False, 0.05), (True, 0.05))
"""Crops of one plate that `alprocr` reads together, best first: straightened by corners or not, and how much wider than the
reader's own margin. The same as `ReaderContract::views` of the core."""

FLOOR, SHARPEN = 1e-4, 1.25
"""How views are pooled; the same as `reader::pool` of the core."""


class Reader:
    """A reader of the fast-plate-ocr contract: uint8 [N,64,128,3] RGB to `plate` [N,slots,37]."""

    def __init__(self, path: Path, threads: int, margin: float | None):
        self.session = session(path, threads)
        self.input = self.session.get_inputs()[0].name
        own = self.session.get_modelmeta().custom_metadata_map.get("crop_margin", "0.1")
        self.margin = float(own) if margin is None else margin

    def read(self, crops: np.ndarray) -> list[str]:
        """Texts of plates, each seen in several views: uint8 crops [n, views, 64, 128, 3]."""
        plate = self.session.run(["plate"], {self.input: crops.reshape(-1, *crops.shape[2:])})[0]
        return [decode(row) for row in pooled(plate.reshape(*crops.shape[:2], *plate.shape[1:])).argmax(-1)]


def pooled(views: np.ndarray) -> np.ndarray:
    """Probabilities [n, slots, classes] of plates seen in several views [n, views, slots, classes]: their geometric mean, sharpened."""
    if views.shape[1] == 1:
        return views[:, 0]
    powers = np.exp(SHARPEN * np.log(views + FLOOR).mean(1))
    return powers / powers.sum(-1, keepdims=True)


def crop_of(picture: np.ndarray, find: np.ndarray, margin: float, corners: bool) -> np.ndarray:
    """The reader input of one find: its corners (or its box) grown by `margin` of its size, straightened."""
    x1, y1, x2, y2 = find[:4]
    quad = find[5:13].reshape(4, 2) if corners else np.float32([[x1, y1], [x2, y1], [x2, y2], [x1, y2]])
    unit = np.float32([[0, 0], [1, 0], [1, 1], [0, 1]])
    grown = np.float32([[-margin, -margin], [1 + margin, -margin], [1 + margin, 1 + margin], [-margin, 1 + margin]])
    quad = cv2.perspectiveTransform(grown[None], cv2.getPerspectiveTransform(unit, quad.astype(np.float32)))[0]
    matrix = cv2.getPerspectiveTransform(quad - 0.5, unit * np.float32(CROP) - 0.5)
    return cv2.warpPerspective(picture, matrix, CROP, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def readings(detector, reader: Reader, picture: np.ndarray, threshold: float, views) -> tuple[np.ndarray, list[str]]:
    """Finds of one picture above `threshold`, and what they read in `views` (a beginning of VIEWS)."""
    finds = detector.detect(picture)
    finds = finds[finds[:, 4] >= threshold]
    if not len(finds):
        return finds, []
    known = finds.shape[1] >= 13
    crops = [[crop_of(picture, find, reader.margin + wider, straight and known) for straight, wider in views] for find in finds]
    return finds, reader.read(np.array(crops))


def judge(scene: Scene, finds: np.ndarray, texts: list[str], width_from: float, part: str = APART) -> list[dict]:
    """One row per labelled text of the scene: which kind of label, which `part` of the pictures, plate width, found, read, read with O=0 I=1."""
    scale, rows = min(NETWORK[0] / scene.width, NETWORK[1] / scene.height), []
    overlap = iou_matrix(finds, np.array([p.box for p in scene.plates], np.float32).reshape(-1, 4))
    for column, plate in enumerate(scene.plates):
        wanted = plate.text or plate.silver
        width = float(plate.box[2] - plate.box[0])
        if not wanted or width < width_from:
            continue
        best = int(overlap[:, column].argmax()) if len(finds) else -1
        found = best >= 0 and overlap[best, column] >= 0.5
        read = texts[best] if found else ""
        rows.append({
            "kind": "person" if plate.text else "silver", "set": scene.set, "part": part, "width": width * scale, "found": found,
            "exact": read == wanted, "folded": read.translate(FOLD) == wanted.translate(FOLD),
        })
    return rows


def shares(rows: list[dict]) -> str:
    """`found, exact, folded` of rows as one text."""
    return ", ".join(f"{name} {np.mean([r[name] for r in rows]):.1%}" for name in ("found", "exact", "folded"))


def report(name: str, rows: list[dict]) -> None:
    """Print the shares of one pair: per kind of label, set and plate width."""
    print(f"\n{name}")
    for kind in ("person", "silver"):
        chosen = [r for r in rows if r["kind"] == kind]
        if not chosen:
            continue
        print(f"  labels by {kind}: {len(chosen)} plates: {shares(chosen)}")
        for part in (APART, ALSO):
            rows_of_part = [r for r in chosen if r["part"] == part]
            if rows_of_part:
                print(f"    {part}: {len(rows_of_part)} plates: {shares(rows_of_part)}")
        for group in sorted({r["set"] for r in chosen}):
            part = [r for r in chosen if r["set"] == group]
            print(f"    {group:20s} {len(part):5d}: {shares(part)}")
        for low, high in zip(WIDTHS, WIDTHS[1:]):
            part = [r for r in chosen if low <= r["width"] < high]
            if part:
                print(f"    width {low:3d} to {high:5d}   {len(part):5d}: {shares(part)}")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `evaluate pair`."""
    parser.add_argument("data", type=Path, help="folder that holds scenes/")
    parser.add_argument("detector", type=Path)
    parser.add_argument("reader", type=Path)
    parser.add_argument("--compare-detector", type=Path)
    parser.add_argument("--compare-reader", type=Path)
    parser.add_argument("--compare-margin", type=float, default=0.1, help="of the box, where the CCT readers read best")
    parser.add_argument("--margin", type=float, help="in place of our reader's own crop margin")
    parser.add_argument("--views", type=int, default=len(VIEWS), choices=range(1, len(VIEWS) + 1), help="crops of one plate that our reader reads together")
    parser.add_argument("--further", action=argparse.BooleanOptionalAction, default=True, help="shape our detector's input like each picture and look again, as alprdetect does")
    parser.add_argument("--cache", type=Path, default=Path("build/scenes"), help="folder of the decoded scenes")
    parser.add_argument("--split", default="val")
    parser.add_argument("--width-from", type=float, default=24, help="leave out plates narrower than this in the stored picture (px)")
    parser.add_argument("--threads", type=int, default=1)


def run(args: argparse.Namespace) -> None:
    """Run every pair over the scenes with texts and print the shares."""
    cv2.setNumThreads(args.threads)
    scenes, sources = Scenes(args.data, args.cache), Sources(args.data)
    numbers = [n for n in scenes.split(args.split) if any(p.text or p.silver for p in scenes.scenes[n].plates)]
    pairs = [(args.detector, args.reader, args.margin, VIEWS[: args.views])]
    if args.compare_detector and args.compare_reader:
        pairs.append((args.compare_detector, args.compare_reader, args.compare_margin, VIEWS[:1]))
    print(f"{len(numbers)} pictures with texts, split {args.split}")
    for detector_path, reader_path, margin, views in pairs:
        detector, reader = open_detector(detector_path, args.threads, None, further=args.further), Reader(reader_path, args.threads, margin)
        threshold = float(getattr(detector, "metadata", {}).get("confidence_threshold", "0.25"))
        rows = []
        for number in numbers:
            picture = np.ascontiguousarray(scenes.pixels(number))
            finds, texts = readings(detector, reader, picture, threshold, views)
            part = ALSO if sources.has_scene(scenes.scenes[number], "train") else APART
            rows += judge(scenes.scenes[number], finds, texts, args.width_from, part)
        report(f"{detector_path.name} at {threshold:g} with {reader_path.name}, margin {reader.margin:g}, {len(views)} views", rows)
