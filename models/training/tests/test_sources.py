"""Training is apart from validation: copies, other frames of a drive, and the same plate are left out, and scored apart.

Run: `python tests/test_sources.py` (or pytest) in models/training; needs no data folder.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from alpr_training import audit, reader_evaluate, scenes, sources
from alpr_training.data import load_crops
from alpr_training.scenes import Scenes, read_labels

PHOTOGRAPH = "0123456789abcdef"


def scene(name: str, split: str, group: str, text: str | None = None) -> dict:
    plate = {"bbox": [20, 20, 40, 12], **({"silver": text} if text else {})}
    return {"image": name, "width": 96, "height": 64, "split": split, "group": group, "plates": [plate]}


def crop(name: str, split: str, text: str, label: str = "silver") -> dict:
    return {"image": name, "text": text, "label": label, "region": "", "split": split, "bbox": [8, 4, 144, 56]}


def write(root: Path, kind: str, dataset: str, rows: list[dict]) -> None:
    """A set of scenes or crops with noise for pictures."""
    folder = root / kind / dataset
    folder.mkdir(parents=True)
    for i, row in enumerate(rows):
        shape = (row.get("height", 64), row.get("width", 160), 3)
        Image.fromarray(np.random.default_rng(i).integers(0, 256, shape, np.uint8)).save(folder / row["image"])
    (folder / "labels.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def left(root: Path) -> list[tuple[str, str]]:
    """(set, name) of the scenes that are trained on."""
    found = read_labels(root)
    numbers = sources.training_scenes(root, found, [i for i, s in enumerate(found) if s.split == "train"])
    return [(found[i].set, found[i].image) for i in numbers]


def test_scenes_with_a_relative_in_validation_are_left_out() -> None:
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()) as printed:
        root = Path(folder)
        write(root, "scenes", "one", [
            scene("0.png", "val", "drive"), scene("1.png", "train", "drive"), scene("2.png", "train", "other"),
            scene("3.png", "train", PHOTOGRAPH), scene("4.png", "val", "110.jpg"), scene("5.png", "train", ""), scene("6.png", "val", ""),
            scene("7.png", "val", "lent", "AB12CDE"), scene("8.png", "val", "brief", "AB1"),
        ])  # fmt: skip
        write(root, "scenes", "two", [
            scene("0.png", "val", PHOTOGRAPH), scene("1.png", "train", "110.jpg"), scene("2.png", "train", "drive"),
            scene("3.png", "train", "lent", "AB12CDE"), scene("4.png", "train", "brief", "AB1"),
        ])  # fmt: skip
        # A number of a photograph is one everywhere, and so is a whole plate; `110.jpg`, a drive and three characters are only in their set.
        assert left(root) == [("one", "2.png"), ("one", "5.png"), ("two", "1.png"), ("two", "2.png"), ("two", "4.png")]
        assert "3 of 8 training pictures are left out" in printed.getvalue()


def test_crops_whose_plate_or_photograph_is_in_validation_are_left_out() -> None:
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()) as printed:
        root = Path(folder)
        write(root, "crops", "one", [
            crop("0.png", "val", "AB10CDE"), crop("1.png", "train", "AB1OCDE"), crop("2.png", "train", "XY99XYZ"),
            crop("3.png", "val", "AB1"), crop("4.png", "train", "AB1"), crop("5.png", "train", "CUTOFF1"), crop("6.png", "val", "CZ1A23456", "charboxes"),
            crop("7.png", "train", "CZ1A23456", "charboxes"),
        ])  # fmt: skip
        write(root, "crops", "two", [crop("0.png", "train", "AB1"), crop("1.png", "train", "AB10CDE")])
        # What CUTOFF1 was cut from is in validation, where nobody read its plate.
        write(root, "scenes", "one", [scene("0.jpg", "train", "photo", "CUTOFF1"), scene("1.jpg", "val", "photo")])
        kept = sources.training_crops(root, by_eye=False)
        assert [(c.dataset, c.name) for c in kept] == [("one", "2.png"), ("two", "0.png")]
        assert "5 of 7 training crops" in printed.getvalue(), printed.getvalue()


def test_texts_by_eye_of_photographs_in_validation_are_left_out() -> None:
    by_eye = {("one", name): [((20.0, 20.0, 40.0, 12.0), text)] for name, text in (("0.png", "AB12CDE"), ("1.png", "XY99XYZ"), ("2.png", "ZZ11ZZZ"))}
    whole, audit.texts_by_eye = audit.texts_by_eye, lambda: by_eye
    try:
        with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()) as printed:
            root = Path(folder)
            write(root, "scenes", "one", [scene("0.png", "train", PHOTOGRAPH), scene("1.png", "train", "other"), scene("2.png", "train", "third")])
            write(root, "scenes", "two", [scene("0.png", "val", PHOTOGRAPH)])
            write(root, "crops", "two", [crop("0.png", "val", "ZZ11ZZZ")])
            assert [c.text for c in sources.training_crops(root)] == ["XY99XYZ"]
            assert "2 of 3 read by eye" in printed.getvalue()
    finally:
        audit.texts_by_eye = whole


def test_scores_of_crops_tell_what_is_apart() -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write(root, "crops", "one", [crop("0.png", "val", "AB10CDE"), crop("1.png", "train", "AB10CDE"), *(crop(f"{i}.png", "val", f"XY{i}99XY") for i in range(2, 22))])
        crops = load_crops(root, "val")
        right = np.array([c.text != "AB10CDE" for c in crops])
        table = reader_evaluate.table(crops, {"ours": (right, right)}, sources.Sources(root), smallest=1)
        assert f"| {sources.APART} | 20 | 100.0 (100.0) |" in table and f"| {sources.ALSO} | 1 | 0.0 (0.0) |" in table, table


def test_a_cache_of_other_labels_is_refused() -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write(root, "scenes", "one", [scene("0.png", "train", "a"), scene("1.png", "val", "b")])
        scenes.build_cache(root, root / "cache")
        assert len(Scenes(root, root / "cache")) == 2
        labels = root / "scenes" / "one" / "labels.jsonl"
        labels.write_text(labels.read_text().splitlines()[0] + "\n")
        for index in (None, json.dumps(json.loads((root / "cache" / scenes.INDEX).read_text())["pictures"])):
            if index:  # as earlier versions wrote it
                (root / "cache" / scenes.INDEX).write_text(index)
            try:
                Scenes(root, root / "cache")
            except ValueError as problem:
                assert "remove that folder" in str(problem)
            else:
                raise AssertionError("a cache of other labels was taken")


if __name__ == "__main__":
    tests = [value for name, value in list(globals().items()) if name.startswith("test_")]
    for test in tests:
        test()
        print(f"{test.__name__}: ok", flush=True)
    print(f"{len(tests)} passed, 0 failed")
