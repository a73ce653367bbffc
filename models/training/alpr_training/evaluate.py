"""`evaluate detector`: scores detectors on labelled scenes, side by side, same pictures, same matching.

    python -m alpr_training evaluate detector DATA plate-detector.onnx [--compare YOLOV9.onnx]
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import cv2
import numpy as np

from .audit import unlabelled_plates
from .detection_metrics import (
    LIGHTS, NO_BOXES, TILTS, WIDTHS, Outcome, Truth, add_picture, at_threshold, average_precision, best_threshold, buckets,
    iou_matrix, recall_at_precision, tilt,
)
from .detection_models import EndToEnd, Pose
from .inference import session
from .scenes import Scene, Scenes
from .sources import ALSO, APART, Sources
from .synth import contact_sheet, save_sheet

NETWORK = (640, 384)
"""Input size (px) at which plate widths are stated."""


ALL = "all"


def open_detector(path: Path, threads: int, size: tuple[int, int] | None, adapt: bool = False, further: bool = False):
    """The detector in `path`, by its metadata: ours (`kpt_shape`) or an end-to-end YOLO."""
    if "kpt_shape" in session(path).get_modelmeta().custom_metadata_map:
        return Pose(path, threads, size, adapt=adapt, further=further)
    return EndToEnd(path, threads)


def light_at(picture: np.ndarray, box: np.ndarray) -> float:
    """Mean of `picture` on the box and half its size around it, 0..255."""
    grown = box + (box[2:] - box[:2])[[0, 1, 0, 1]] * (-0.5, -0.5, 0.5, 0.5)
    (x1, y1), (x2, y2) = np.floor(grown[:2].clip(0)).astype(int), np.ceil(grown[2:]).astype(int)
    return float(picture[y1:y2, x1:x2].mean())


def truths_of(scene: Scene, picture: np.ndarray) -> list[Truth]:
    """The labels of a scene as the metrics want them."""
    scale = min(NETWORK[0] / scene.width, NETWORK[1] / scene.height)
    return [Truth(p.box, float((p.box[2] - p.box[0]) * scale), scene.set, scene.region, p.corners, light_at(picture, p.box)) for p in scene.plates]


def score(detector, scenes: Scenes, numbers: list[int], sources: Sources) -> tuple[dict[str, tuple[Outcome, Outcome]], float, dict[int, np.ndarray]]:
    """Run `detector` over the scenes: outcomes, milliseconds a picture (median), finds per scene. Outcomes are by the labels alone
    and with the plates that labels leave out known (`audit`), of all pictures (`ALL`) and apart by their source (`APART`, `ALSO`)."""
    outcomes = {part: (Outcome(), Outcome()) for part in (ALL, APART, ALSO)}
    spent, finds, unlabelled = [], {}, unlabelled_plates()
    for number in numbers:
        scene = scenes.scenes[number]
        picture = np.ascontiguousarray(scenes.pixels(number))
        begun = time.perf_counter()
        finds[number] = detector.detect(picture)
        spent.append(time.perf_counter() - begun)
        truths = truths_of(scene, picture)
        for part in (ALL, ALSO if sources.has_scene(scene, "train") else APART):
            outcome, audited = outcomes[part]
            add_picture(outcome, finds[number], truths, scene.set)
            add_picture(audited, finds[number], truths, scene.set, unlabelled.get((scene.set, scene.image), NO_BOXES))
    return outcomes, float(np.median(spent) * 1000), finds


def summary(outcome: Outcome, audited: Outcome, threshold: float) -> dict:
    """Scores of one part of the pictures."""
    return {"plates": len(outcome.truths), "recall_at_precision_95": recall_at_precision(outcome, 0.95), "average_precision": average_precision(outcome),
            "highest_f1": best_threshold(outcome), "at_threshold": at_threshold(outcome, threshold),
            "audited_recall_at_precision_95": recall_at_precision(audited, 0.95), "audited_average_precision": average_precision(audited),
            "audited_precision": at_threshold(audited, threshold)["precision"]}


def report(name: str, outcomes: dict[str, tuple[Outcome, Outcome]], threshold: float, milliseconds: float) -> dict:
    """Print the scores of one detector (`outcomes` as `score` gives them) as tables and return them."""
    outcome, audited = outcomes[ALL]
    recall, at = recall_at_precision(outcome, 0.95)
    total = at_threshold(outcome, threshold)
    errors = outcome.corner_errors
    result = {
        "model": name, "plates": len(outcome.truths), "recall_at_precision_95": recall, "threshold_at_precision_95": at,
        "average_precision": average_precision(outcome), "threshold": threshold, "at_threshold": total,
        "median_ms": milliseconds,
        "corner_error_percent": [float(v) for v in np.percentile(errors, (50, 90))] if errors else None,
        "sets": {g: {**at_threshold(outcome, threshold, g), "recall_at_precision_95": at_threshold(outcome, at, g)["recall"]}
                 for g in sorted({t.group for t in outcome.truths})},
        "widths": buckets(outcome, threshold, WIDTHS, lambda t: t.width),
        "tilts": buckets(outcome, threshold, TILTS, lambda t: None if t.corners is None else tilt(t.corners)),
        "lights": buckets(outcome, threshold, LIGHTS, lambda t: t.light),
    }
    print(f"\n{name}: {result['plates']} plates, {milliseconds:.1f} ms a picture (median, one picture at a time)")
    print(f"  recall {recall:.1%} at 95 % precision (threshold {at:.3f}), AP50 {result['average_precision']:.3f}")
    print("  highest F1 at threshold {:.3f}: {:.3f}".format(*best_threshold(outcome)))
    print(f"  at {threshold:.2f}: recall {total['recall']:.1%}, precision {total['precision']:.1%}, false {total['false']}")
    result["audited"] = known = {
        "recall_at_precision_95": recall_at_precision(audited, 0.95), "average_precision": average_precision(audited),
        "highest_f1": best_threshold(audited), "at_threshold": at_threshold(audited, threshold),
    }
    print("  plates that labels leave out not counted as false: recall {:.1%} at 95 % precision (threshold {:.3f}), AP50 {:.3f}, highest F1 {:.3f}, precision {:.1%}".format(
        *known["recall_at_precision_95"], known["average_precision"], known["highest_f1"][1], known["at_threshold"]["precision"]))
    result["sources"] = {part: summary(*outcomes[part], threshold) for part in (APART, ALSO) if outcomes[part][0].truths}
    for part, row in result["sources"].items():
        print(f"  {part} ({row['plates']} plates): recall {row['recall_at_precision_95'][0]:.1%} at 95 % precision, AP50 {row['average_precision']:.3f}, "
              f"highest F1 {row['highest_f1'][1]:.3f}, at {threshold:.2f} recall {row['at_threshold']['recall']:.1%}, precision {row['at_threshold']['precision']:.1%}; "
              f"plates that labels leave out known: {row['audited_recall_at_precision_95'][0]:.1%}, AP50 {row['audited_average_precision']:.3f}, precision {row['audited_precision']:.1%}")
    if errors:
        median, ninety = result["corner_error_percent"]
        print(f"  corners, per cent of plate width: median {median:.1f}, 90 % below {ninety:.1f} ({len(errors)} plates)")
    print("  set                  plates  recall  precision  false   recall at the 95 % threshold")
    for group, row in result["sets"].items():
        print(f"  {group:20s} {row['plates']:6d}  {row['recall']:6.1%}  {row['precision']:9.1%}  {row['false']:5d}   "
              f"{row['recall_at_precision_95']:.1%}")
    for title in ("widths", "tilts", "lights"):
        print(f"  {title}: " + ", ".join(f"{name} ({count}): {share:.1%}" for name, count, share in result[title]))
    return result


def failure_sheet(scenes: Scenes, finds: dict[int, np.ndarray], threshold: float, path: Path, most: int = 48) -> None:
    """Write the worst pictures as one PNG: false finds by score (red), missed plates (yellow), hits (green)."""
    cases = []
    for number, rows in finds.items():
        boxes = np.array([p.box for p in scenes.scenes[number].plates], np.float32).reshape(-1, 4)
        overlap = iou_matrix(rows, boxes)
        for i, row in enumerate(rows):
            if row[4] >= threshold and (overlap[i] < 0.5).all():
                cases.append((float(row[4]), number, row[:4]))
        for j, box in enumerate(boxes):
            near = [r[4] for i, r in enumerate(rows) if overlap[i, j] >= 0.5]
            if max(near, default=0.0) < threshold:
                size = box[2] - box[0]
                cases.append((0.5 + min(0.5, size / 400) - max(near, default=0.0), number, box))
    cases.sort(key=lambda c: -c[0])
    images, captions = [], []
    for rank, number, focus in cases[:most]:
        picture = scenes.pixels(number).copy()
        for p in scenes.scenes[number].plates:
            cv2.rectangle(picture, *_ends(p.box), (255, 255, 0), 1)
        for row in finds[number]:
            if row[4] >= min(threshold, 0.15):
                cv2.rectangle(picture, *_ends(row), (0, 255, 0) if row[4] >= threshold else (0, 120, 255), 1)
        cv2.rectangle(picture, *_ends(focus + np.float32([-2, -2, 2, 2])), (255, 0, 0), 1)
        reach = max(90.0, 1.5 * float(focus[2] - focus[0]))
        x, y = (focus[:2] + focus[2:]) / 2
        x1, y1 = int(max(0, x - reach)), int(max(0, y - 0.7 * reach))
        images.append(picture[y1 : int(y + 0.7 * reach), x1 : int(x + reach)])
        captions.append(f"{rank:.2f} {scenes.scenes[number].set[:14]} {Path(scenes.scenes[number].image).stem}")
    if images:
        save_sheet(path, contact_sheet(images, captions, columns=6, cell=(220, 140)))


def _ends(box: np.ndarray) -> tuple[tuple[int, int], tuple[int, int]]:
    return (int(box[0]), int(box[1])), (int(box[2]), int(box[3]))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `evaluate detector`."""
    parser.add_argument("data", type=Path, help="folder that holds scenes/")
    parser.add_argument("model", type=Path, help="our detector (.onnx)")
    parser.add_argument("--compare", type=Path, nargs="*", default=[], help="other detectors, same pictures")
    parser.add_argument("--cache", type=Path, default=Path("build/scenes"), help="folder of the decoded scenes")
    parser.add_argument("--split", default="val", help="split to score on")
    parser.add_argument("--sets", nargs="*", help="only these sets")
    parser.add_argument("--limit", type=int, default=0, help="every n-th picture so that at most this many are used")
    parser.add_argument("--size", help="input size WxH in place of the model's own")
    parser.add_argument("--adapt", action="store_true", help="shape the input like each picture, at no more pixels than the model's own")
    parser.add_argument("--further", action="store_true", help="the same, and look again where alprdetect does: smaller, and closer")
    parser.add_argument("--threshold", type=float, help="in place of the model's confidence_threshold")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", type=Path, help="write all scores here")
    parser.add_argument("--sheet", type=Path, help="write the worst pictures here (PNG): real plates, keep it private")


def run(args: argparse.Namespace) -> None:
    """Score, print, and write what was asked for."""
    cv2.setNumThreads(args.threads)
    scenes = Scenes(args.data, args.cache)
    numbers = [n for n in scenes.split(args.split) if not args.sets or scenes.scenes[n].set in args.sets]
    if args.limit and len(numbers) > args.limit:
        numbers = [numbers[i] for i in np.linspace(0, len(numbers) - 1, args.limit).astype(int)]
    print(f"{len(numbers)} pictures of split {args.split}; a find needs IoU 0.5; {args.threads} thread(s)")
    size = tuple(int(v) for v in args.size.split("x")) if args.size else None
    results, sources = [], Sources(args.data)
    for path in [args.model, *args.compare]:
        detector = open_detector(path, args.threads, size, args.adapt, args.further)
        own = getattr(detector, "metadata", {}).get("confidence_threshold", "0.25")
        threshold = args.threshold if args.threshold is not None and path == args.model else float(own)
        outcomes, milliseconds, finds = score(detector, scenes, numbers, sources)
        results.append(report(path.name, outcomes, threshold, milliseconds))
        if args.sheet and path == args.model:
            failure_sheet(scenes, finds, threshold, args.sheet)
    if args.json:
        args.json.write_text(json.dumps(results, indent=1))
