"""Whole chain on generated data only: render, train a few steps, resume, export, load, compare, warm-start.

Run: `python tests/test_smoke.py` (or pytest) in models/training; takes about a minute and needs no data folder.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import onnx
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from alpr_training import reader_export, reader_weights
from alpr_training.__main__ import main
from alpr_training.data import decode, encode, slot_map
from alpr_training.reader_score import calibration_error, folded, softmax
from alpr_training.reader_teacher import session
from alpr_training.synth import SynthCache

WIDTHS = ["8", "12", "16", "32"]


def test_text_round_trip() -> None:
    assert decode(encode("AB12")) == "AB12"
    assert len(encode("ABCDEFGH12")) == 10
    assert folded(["0I"], ["O1"])[0] and not folded(["8I"], ["B1"])[0]


def test_slot_map_marks_the_cell_of_the_character() -> None:
    quad = np.array([[[40, 16], [48, 16], [48, 48], [40, 48]]], np.float32)
    cells = slot_map(quad)
    assert cells[3, 10] == 0 and cells[0, 0] == -1


def test_calibration_error_of_a_sure_and_wrong_reader_is_one() -> None:
    assert calibration_error(np.ones(10), np.zeros(10, bool)) == 1.0
    assert calibration_error(np.full(10, 0.5), np.arange(10) < 5) < 1e-9


def test_render_train_export() -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        main(["synth", "--output", str(root / "plain"), "--count", "48", "--plain", "--sheet", str(root / "sheet.png")])
        main(["synth", "--output", str(root / "synth"), "--count", "48", "--seed", "2"])
        cache = SynthCache(root / "synth")
        assert len(cache) == 48 and (root / "sheet.png").stat().st_size > 1000
        train = ["reader", "--plain", str(root / "plain"), "--synth", str(root / "synth"), "--output", str(root / "run"), "--batch", "8", "--workers", "0", "--device", "cpu", "--no-bf16", "--widths", *WIDTHS]
        main([*train, "--crops", "80"])
        main([*train, "--crops", "120", "--resume"])
        state = torch.load(root / "run" / "last.pt", weights_only=False)
        assert state["crops"] == 120 and (root / "run" / "training.png").stat().st_size > 1000

        exported = root / "plate-reader.onnx"
        main(["export", "reader", "--checkpoint", str(root / "run" / "last.pt"), "--output", str(exported), "--temperature", "1.3"])
        props = {item.key: item.value for item in onnx.load(str(exported)).metadata_props}
        assert props["task"] == "plate-reader" and props["alphabet"].endswith("Z_") and props["pad_char"] == "_"
        assert (root / "plate-reader.onnx.modelinfo").exists()

        images = np.stack([np.random.default_rng(i).integers(0, 256, (64, 128, 3), np.uint8) for i in range(5)])
        plate, region = session(exported).run(["plate", "region"], {"input": images})
        assert plate.shape == (5, 10, 37) and np.allclose(plate.sum(-1), 1, atol=1e-4) and np.allclose(region.sum(-1), 1, atol=1e-4)
        model = reader_export.build(root / "run" / "last.pt")
        with torch.no_grad():
            wanted = softmax(model(torch.from_numpy(images))["plate"].numpy(), 1.3)
        assert np.abs(wanted - plate).max() < 1e-3

        # Training can go on from the exported file alone.
        own = model.state_dict()
        found = reader_weights.read_state(exported)
        missing = [name for name in own if name not in found and not name.startswith("cell_classes") and "num_batches" not in name]
        assert not missing, missing
        assert all(torch.equal(own[name], found[name]) for name in found)
        main([*train, "--output", str(root / "again"), "--crops", "16", "--warm-start", str(exported)])


if __name__ == "__main__":
    started = time.monotonic()
    tests = [value for name, value in list(globals().items()) if name.startswith("test_")]
    for test in tests:
        test()
        print(f"{test.__name__}: ok", flush=True)
    print(f"{len(tests)} passed, 0 failed")
    print(f"{time.monotonic() - started:.0f} s")
