"""A photograph becomes a film with its truth.

Run: `python tests/test_film.py` (or pytest) in models/training; needs GStreamer's gst-launch-1.0 and x264enc, and no data folder.
"""

from __future__ import annotations

import json
import os
import re
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from alpr_training import film  # noqa: E402
from alpr_training.__main__ import main  # noqa: E402

PLATES = {
    "read": {"bbox": [200, 150, 90, 30], "text": "ABC123"},
    "by networks": {"bbox": [20, 20, 30, 10], "silver": "XY12"},
    "unread": {"bbox": [300, 20, 60, 20]},
    "far away": {"bbox": [300, 60, 12, 5]},
}


def scenes(folder: Path, pictures: list[list[str]]) -> Path:
    """A data folder with one validation photograph for each list of plates."""
    street = folder / "scenes" / "street"
    street.mkdir(parents=True)
    rows = []
    for number, names in enumerate(pictures):
        pixels = np.random.default_rng(number).integers(0, 255, (300, 400, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(street / f"{number}.png")
        plates = [PLATES[name] for name in names]
        rows.append({"image": f"{number}.png", "width": 400, "height": 300, "split": "val", "plates": plates})
    (street / "labels.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
    return folder


def test_photographs_become_passes() -> None:
    with tempfile.TemporaryDirectory() as folder:
        data = scenes(Path(folder), [["read", "by networks", "far away"], ["unread"], ["read", "unread"]])
        out = Path(folder) / "films"
        main(["film", str(data), "--output", str(out), "--films", "1", "--fps", "5", "--seconds", "2", "--gap", "1"])
        truth = json.loads((out / "photographs-0.truth.json").read_text())
        assert (out / "photographs-0.mp4").stat().st_size > 10_000
        assert truth["frames"] == 15, "the photographs with a plate of which nobody knows the text are left out"
        known, by_networks, far = truth["passes"]
        assert (known["text"], known["first_frame"], known["last_frame"]) == ("ABC123", 0, 9)
        assert known["readable"] == [0, 9], "90 px of 400 are 119 and more of 960"
        first, last = by_networks["readable"]
        assert 0 < first < last == 9, "it is read when it has come nearer"
        assert (far["text"], far["readable"]) == ("", None)


def test_plates_are_readable_from_the_width_that_scores_use() -> None:
    source = (Path(__file__).resolve().parents[3] / "pipelines/src/truth.rs").read_text()
    width = re.search(r"READABLE_WIDTH: \[f32; 2\] = \[([\d.]+)", source)
    assert width and float(width[1]) == film.READABLE


def test_an_encoder_that_fails_is_told() -> None:
    with tempfile.TemporaryDirectory() as folder:
        data = scenes(Path(folder), [["read"]])
        program = Path(folder) / "gst-launch-1.0"
        program.write_text("#!/bin/sh\nexit 1\n")
        program.chmod(0o755)
        path, os.environ["PATH"] = os.environ["PATH"], f"{folder}:{os.environ['PATH']}"
        try:
            main(["film", str(data), "--output", folder, "--films", "1"])
            raise AssertionError("a film that nobody wrote")
        except RuntimeError as error:
            assert "could not write" in str(error)
        finally:
            os.environ["PATH"] = path


if __name__ == "__main__":
    for test in (
        test_photographs_become_passes,
        test_plates_are_readable_from_the_width_that_scores_use,
        test_an_encoder_that_fails_is_told,
    ):
        test()
        print("ok:", test.__name__)
