"""`evaluate reader`: scores readers on the validation crops, several models in one run on the same crops.

Every model is tried at each crop margin and shown at its best one (chosen on all crops together, folded match).
Crops without a box are taken whole: for them the margin changes nothing.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np

from .audit import wrong_texts
from .data import Crop, fixed_input, load_crops
from .inference import session
from .reader_score import calibration_error, exact, fit_temperature, folded, softmax, texts_of
from .reader_teacher import plate_probabilities
from .sources import ALSO, APART, Sources
from .synth import contact_sheet, save_sheet

MARGINS = (0.0, 0.03, 0.06, 0.09, 0.12, 0.16, 0.2)


def read_all(model: Path, crops: list[Crop], margin: float, rectify: bool) -> np.ndarray:
    """Slot probabilities of `model` on all crops at `margin`, [n, 10, 37]."""
    return plate_probabilities(session(model), np.stack([fixed_input(crop, margin, rectify) for crop in crops]))


def region_match(model: Path, crops: list[Crop], margin: float) -> tuple[int, int]:
    """How many of the crops whose region is known our reader puts into that region, and how many these are."""
    import onnx

    regions = json.loads(next(item.value for item in onnx.load(str(model)).metadata_props if item.key == "regions"))
    known = [crop for crop in crops if crop.region in regions]
    if not known:
        return 0, 0
    reader, images = session(model), np.stack([fixed_input(crop, margin) for crop in known])
    found = np.concatenate([reader.run(["region"], {"input": images[i : i + 32]})[0].argmax(1) for i in range(0, len(images), 32)])
    return sum(regions[index] == crop.region for index, crop in zip(found, known)), len(known)


def milliseconds(model: Path) -> float:
    """CPU time of one crop on one thread, median of 100 runs."""
    reader, crop = session(model), np.zeros((1, 64, 128, 3), np.uint8)
    name, times = reader.get_inputs()[0].name, []
    for _ in range(100):
        started = time.process_time()
        reader.run(["plate"], {name: crop})
        times.append(time.process_time() - started)
    return 1000 * float(np.median(times))


def groups_of(crop: Crop) -> list[str]:
    """The rows of the table this crop counts in: its set, its region, its difficulty."""
    width = float(np.ptp(crop.quad[:, 0]))
    groups = ["all", f"set {crop.dataset}", f"region {crop.region or 'unknown'}", "label human" if crop.label == "human" else "label other"]
    groups.append("label known to be wrong" if (crop.dataset, crop.name) in wrong_texts() else "label not known to be wrong")
    groups.append("plate < 60 px wide" if width < 60 else "plate 60-120 px wide" if width < 120 else "plate > 120 px wide")
    if crop.has_corners:
        top = crop.quad[1] - crop.quad[0]
        groups.append("tilt > 10 degrees" if abs(np.degrees(np.arctan2(top[1], top[0]))) > 10 else "tilt <= 10 degrees")
    x, y = np.clip(crop.quad.mean(0).astype(int), 0, np.array(crop.image.shape[1::-1]) - 1)
    light = float(crop.image[max(0, y - 12) : y + 12, max(0, x - 24) : x + 24].mean())
    groups.append("dark (mean < 70)" if light < 70 else "light")
    return groups


def table(crops: list[Crop], results: dict[str, tuple[np.ndarray, np.ndarray]], sources: Sources, smallest: int = 15) -> str:
    """Markdown: exact and (folded) match of each model for each group of at least `smallest` crops."""
    groups: dict[str, list[int]] = {}
    for index, crop in enumerate(crops):
        part = ALSO if sources.has_plate(crop.dataset, crop.text, "train") else APART
        own = groups_of(crop)
        for name in [*own, part, *(f"{part}, {group}" for group in own if group.startswith(("label", "set")))]:
            groups.setdefault(name, []).append(index)
    lines = ["| crops | n | " + " | ".join(results) + " |", "|---|---|" + "---|" * len(results)]
    order = ["all", *sorted(name for name in groups if name != "all")]
    for name in order:
        rows = groups[name]
        if len(rows) >= smallest or name.startswith("set "):
            cells = [f"{100 * plain[rows].mean():.1f} ({100 * fold[rows].mean():.1f})" for plain, fold in results.values()]
            lines.append(f"| {name} | {len(rows)} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def worst_sheet(path: Path, crops: list[Crop], probabilities: np.ndarray, margin: float, count: int = 50) -> None:
    """The misses the model was surest of: label > reading. Real photographs: keep the file out of any repository."""
    texts, confidence = texts_of(probabilities)
    wrong = [i for i in np.argsort(-confidence) if not folded([texts[i]], [crops[i].text])[0]][:count]
    images = [np.repeat(np.repeat(fixed_input(crops[i], margin), 2, 0), 2, 1) for i in wrong]
    save_sheet(path, contact_sheet(images, [f"{crops[i].text} > {texts[i]} {confidence[i]:.2f}" for i in wrong], columns=10))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("data", type=Path, help="data folder with crops/<set>/labels.jsonl")
    parser.add_argument("--model", type=Path, nargs="+", required=True, help="ONNX readers; the first is ours")
    parser.add_argument("--margins", type=float, nargs="+", default=MARGINS)
    parser.add_argument("--rectify", action="store_true", help="rectify by corners where a crop has them")
    parser.add_argument("--worst", type=Path, help="write a sheet (PNG) of the first model's 50 surest misses")
    parser.add_argument("--fit-temperature", action="store_true", help="find the calibration temperature of the first model")


def run(args: argparse.Namespace) -> None:
    crops = load_crops(args.data, "val")
    wanted = [crop.text for crop in crops]
    results, lines = {}, []
    for model in args.model:
        runs = {margin: read_all(model, crops, margin, args.rectify) for margin in args.margins}
        scores = {margin: folded(texts_of(plate)[0], wanted).mean() for margin, plate in runs.items()}
        best = max(scores, key=scores.get)
        texts, confidence = texts_of(runs[best])
        right = folded(texts, wanted)
        results[f"{model.stem} at {best:g}"] = exact(texts, wanted), right
        lines.append(f"{model.stem}: {milliseconds(model):.2f} ms a crop on one thread; calibration error {calibration_error(confidence, right):.4f}; folded match by margin " + ", ".join(f"{m:g}: {100 * s:.1f}" for m, s in scores.items()))
        if model == args.model[0]:
            agreed, known = region_match(model, crops, best)
            lines.append(f"{model.stem}: region as labelled on {100 * agreed / known:.1f} % of {known} crops" if known else f"{model.stem}: no crop's region is known")
            if args.worst and right.all():
                lines.append(f"{model.stem}: nothing is misread, so there is no {args.worst}")
            elif args.worst:
                worst_sheet(args.worst, crops, runs[best], best)
            if args.fit_temperature:
                logits = np.log(runs[best].clip(1e-9))
                temperature = fit_temperature(logits, wanted)
                after = calibration_error(texts_of(softmax(logits, temperature))[1], right)
                lines.append(f"{model.stem}: multiply the temperature by {temperature:.3f}; calibration error then {after:.4f}")
    print(f"{len(crops)} validation crops of {args.data}; exact match in %, in brackets with O=0 and I=1 folded\n")
    print(table(crops, results, Sources(args.data)))
    print("\n" + "\n".join(lines))
