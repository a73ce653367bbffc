"""Whole chain on generated data only: render, train a few steps, resume, export, load, compare, warm-start.

Run: `python tests/test_smoke.py` (or pytest) in models/training; takes about a minute and needs no data folder.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
import onnx
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from alpr_training import camera, compression, reader_export, reader_geometry, reader_teacher, reader_weights, warp
from alpr_training.__main__ import main
from alpr_training.data import PAD, decode, encode, load_crops
from alpr_training.inference import session
from alpr_training.reader_batches import FRAME, Again, Batches, slot_map
from alpr_training.reader_pools import Photos, PlateRing
from alpr_training.reader_score import calibration_error, folded, softmax
from alpr_training.scene_paste import PlateStock
from alpr_training.sources import training_crops
from alpr_training.synth import SynthCache

WIDTHS = ["8", "12", "16", "32"]


def test_text_round_trip() -> None:
    assert decode(encode("AB12")) == "AB12"
    assert len(encode("ABCDEFGH12")) == 10
    assert folded(["0I"], ["O1"])[0] and not folded(["8I"], ["B1"])[0]


def test_slot_map_marks_the_cell_of_the_character() -> None:
    quad = torch.tensor([[40.0, 16], [48, 16], [48, 48], [40, 48]])
    cells = slot_map(quad.expand(1, 10, 4, 2), torch.arange(10)[None] < 1)
    assert cells[0, 3, 10] == 0 and cells[0, 0, 0] == -1
    assert (slot_map(quad.expand(1, 10, 4, 2), torch.zeros(1, 10, dtype=torch.bool)) == -1).all()


def picture(height: int = 96, width: int = 160) -> np.ndarray:
    """Something with edges, colours and text, uint8 RGB."""
    image = np.full((height, width, 3), (200, 190, 60), np.uint8)
    cv2.circle(image, (30, 40), 22, (30, 60, 200), -1, cv2.LINE_AA)
    cv2.putText(image, "AB 123", (40, 60), cv2.FONT_HERSHEY_SIMPLEX, 1, (10, 10, 10), 2, cv2.LINE_AA)
    return cv2.GaussianBlur(image, (0, 0), 0.7)


def as_batch(image: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(image).permute(2, 0, 1)[None].float()


def test_jpeg_is_what_a_jpeg_library_makes() -> None:
    image = picture()
    errors = []
    for quality in (20, 60, 90):
        wanted = cv2.imdecode(cv2.imencode(".jpg", image[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_COLOR)[:, :, ::-1].astype(np.float32)
        ours = compression.jpeg(as_batch(image), torch.tensor([float(quality)]))[0].permute(1, 2, 0).numpy()
        assert np.abs(ours - wanted).mean() < 0.35 * np.abs(wanted - image).mean() + 0.6, quality
        errors.append(np.abs(ours - image).mean())
    assert errors[0] > errors[1] > errors[2]


def test_a_starved_video_stream_loses_more() -> None:
    image = as_batch(picture())
    errors = [float((compression.h264(image, torch.tensor([step]), size, (3, 5), motion) - image).abs().mean()) for size in (4, 8) for motion in (None, (2, -2)) for step in (6.0, 50.0)]
    assert all(fine < 4 < coarse for fine, coarse in zip(errors[::2], errors[1::2])), errors


def test_every_camera_effect_changes_the_picture_and_nothing_else() -> None:
    images = as_batch(picture()).repeat(6, 1, 1, 1)
    for effect in {effect for effect, *_ in camera.EFFECTS}:
        film = camera.Film(images, torch.full((6,), 24.0), torch.ones(6), None)
        film.apply(effect, 1.0, 0.0)
        assert film.images.shape == images.shape and 0 <= film.images.min() and film.images.max() <= 255, effect
        assert (film.images - images).abs().mean() > 0.1 and torch.isfinite(film.images).all(), effect
    weak, strong = (camera.degrade(images, torch.full((6,), 24.0), torch.full((6,), s), torch.Generator().manual_seed(1)) for s in (0.0, 1.0))
    assert (strong - images).abs().mean() > 2 * (weak - images).abs().mean()


def test_a_plate_cut_out_along_its_corners_is_straight_again() -> None:
    image = as_batch(picture(96, 288))
    quad = torch.tensor([[[30.0, 40], [180, 20], [190, 80], [25, 90]]])
    source, target = (reader_geometry.rectangle(torch.tensor([float(w)]), torch.tensor([float(h)])) for w, h in ((288, 96), (128, 64)))
    frame = warp.warp(image, warp.homography(quad, source), FRAME, reader_geometry.span(source) / reader_geometry.span(quad))
    cut = warp.warp(frame, warp.homography(target, quad), (64, 128), torch.ones(1))
    wanted = torch.nn.functional.interpolate(image, (64, 128), mode="area")
    assert (cut - wanted)[..., 3:-3, 3:-3].abs().mean() < 8


def test_crops_fit_into_the_camera_picture_at_full_tilt() -> None:
    count = 500
    strength, height = torch.ones(count), torch.full((count,), 30.0)
    quad = reader_geometry.tilted(height * 4.6, height, strength)
    crop = reader_geometry.crops(quad, torch.rand(count) < 0.5, strength, torch.zeros(count, dtype=torch.bool))
    factor, (crop,) = reader_geometry.fit(FRAME, crop, [crop])
    assert crop.amin() >= 0 and (crop.amax((0, 1)) <= torch.tensor([float(FRAME[1]), float(FRAME[0])])).all() and factor.amax() <= 1
    top = quad[:, 1] - quad[:, 0]
    assert torch.rad2deg(torch.atan2(top[:, 1], top[:, 0])).abs().amax() > 25


def photographs(root: Path, cache: SynthCache, count: int) -> None:
    """A data folder as the real one, of rendered plates."""
    folder = root / "crops" / "made"
    folder.mkdir(parents=True)
    lines = []
    for i in range(count):
        cv2.imwrite(str(folder / f"{i}.png"), cv2.resize(cache.rasters[i], (160, 64))[:, :, ::-1])
        lines.append({"image": f"{i}.png", "text": cache.texts[i], "label": "silver", "region": "", "split": "val" if i % 4 == 0 else "train", "bbox": [8, 4, 144, 56]})
    (folder / "labels.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


class Sure(torch.nn.Module):
    """Reads the same text everywhere, surely."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.logits = 20 * torch.nn.functional.one_hot(torch.from_numpy(encode(text)), 37).float()

    def forward(self, images: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"plate": self.logits.expand(len(images), -1, -1)}


def test_pools_and_batches() -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        main(["synth", "--output", str(root / "plain"), "--count", "24", "--plain"])
        main(["synth", "--output", str(root / "many"), "--count", "10", "--shards", "3", "--workers", "2"])
        photographs(root, SynthCache(root / "plain"), 8)
        crops = load_crops(root, "train")
        photos = Photos(crops, None, torch.device("cpu"))
        assert photos.doubt(Sure(crops[0].text), 0.0) == len(crops) - 1 and photos.weight[0] > 0 and photos.weight[1:].sum() == 0
        plates = PlateRing([str(root / "plain")], [str(root / "many" / "*")], 25, torch.device("cpu"))
        assert (plates.draw(100, 0.0) < plates.plain).all(), "nothing but easy plates before others are there"
        for _ in range(100):
            plates.take_in()
            if plates.filled == 25:
                break
            time.sleep(0.05)
        assert plates.filled == 25 and (plates.draw(100, 0.0) >= plates.plain).all()
        first, batch = Batches(photos, plates, 12, torch.device("cpu")).next(1.0, 0.5, 0.5, steps=2)
        assert not torch.equal(first["image"], batch["image"]) and batch["rendered"] == 6 and batch["image"].shape == (12, 64, 128, 3)
        assert all(len(value) == 12 for name, value in batch.items() if name != "rendered")
        assert 0 <= batch["image"].min() and batch["image"].max() <= 255 and (batch["cells"][6:] == -2).all()
        present = [set(cells[cells >= 0].tolist()) for cells in batch["cells"][:6]]
        assert all(found <= set(range(int((label != PAD).sum()))) and found for found, label in zip(present, batch["label"]))


def test_a_stock_takes_in_what_is_rendered_later_once() -> None:
    with tempfile.TemporaryDirectory() as folder:
        main(["synth", "--output", f"{folder}/first", "--count", "4"])
        stock = PlateStock(f"{folder}/*", torch.device("cpu"))
        main(["synth", "--output", f"{folder}/second", "--count", "3"])
        for _ in range(2):
            stock.rescan()
        first, second = (SynthCache(Path(folder) / name) for name in ("first", "second"))
        assert np.array_equal(stock.rasters.permute(0, 2, 3, 1), np.concatenate([first.rasters, second.rasters]))
        assert np.allclose(stock.aspects, [*first.aspects, *second.aspects])
        picked, aspects = stock.pick(50)
        assert set(picked.tolist()) <= set(range(7)) and torch.equal(aspects, stock.aspects[picked])


def test_calibration_error_of_a_sure_and_wrong_reader_is_one() -> None:
    assert calibration_error(np.ones(10), np.zeros(10, bool)) == 1.0
    assert calibration_error(np.full(10, 0.5), np.arange(10) < 5) < 1e-9


def test_render_train_export() -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        main(["synth", "--output", str(root / "plain"), "--count", "48", "--plain", "--sheet", str(root / "sheet.png")])
        main(["synth", "--output", str(root / "synth"), "--count", "48", "--seed", "2", "--look-alikes", "0.5"])
        cache = SynthCache(root / "synth")
        photographs(root, cache, 24)
        with contextlib.redirect_stdout(io.StringIO()):
            crops = training_crops(root)
        reader_teacher.keep(root / "teacher.npz", np.full((len(crops), 10, 37), 1 / 37, np.float16), "nobody", crops)
        assert len(cache) == 48 and (root / "sheet.png").stat().st_size > 1000
        train = ["reader", str(root), "--teacher", str(root / "teacher.npz"), "--plain", str(root / "plain"), "--synth", str(root / "synth"), "--output", str(root / "run"), "--batch", "8", "--device", "cpu", "--no-bf16", "--layers", "2", "--widths", *WIDTHS]
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
        model = reader_export.build([root / "run" / "last.pt"])
        with torch.no_grad():
            wanted = softmax(model(torch.from_numpy(images))["plate"].numpy(), 1.3)
        assert np.abs(wanted - plate).max() < 1e-3

        # In 8 bits it says about the same, of several crops at once too.
        small = root / "plate-reader.int8.onnx"
        main(["quantize", str(root), str(exported), str(small)])
        assert (root / "plate-reader.int8.onnx.modelinfo").exists()
        rounded = session(small).run(["plate"], {"input": images})[0]
        assert 0 < np.abs(rounded - plate).max() < 0.05

        # Scores of crops whose regions nobody knows, with the sheet of what was misread.
        main(["evaluate", "reader", str(root), "--model", str(exported), "--margins", "0.06", "--worst", str(root / "worst.png"), "--fit-temperature"])
        assert (root / "worst.png").stat().st_size > 1000

        # Training can go on from the exported file alone.
        own = model.state_dict()
        found = reader_weights.read_state(exported)
        missing = [name for name in own if name not in found and not name.startswith("cell_classes") and "num_batches" not in name]
        assert not missing, missing
        assert all(torch.equal(own[name], found[name]) for name in found)
        main([*train, "--output", str(root / "again"), "--crops", "16", "--warm-start", str(exported)])
        both = reader_export.build([root / "run" / "last.pt", root / "again" / "last.pt"])
        weights = [reader_export.build([root / run / "last.pt"]).state_dict()["fine.weight"] for run in ("run", "again")]
        assert torch.allclose(both.state_dict()["fine.weight"], sum(weights) / 2, atol=1e-3) and not torch.equal(*weights)

        # Or learn what readers say of the very crops of each batch.
        main([*train, "--output", str(root / "taught"), "--crops", "24", "--warm-start", str(exported), "--distil", str(exported), str(small)])
        assert json.loads((root / "taught" / "history.jsonl").read_text().splitlines()[-1])["teacher"] > 0


def test_teachers_give_their_mean_opinion_on_the_very_crops_of_photographs_alone() -> None:
    class Opinion:
        def probabilities(self, images: torch.Tensor) -> torch.Tensor:
            return images.mean((1, 2, 3))[:, None, None].expand(-1, 10, 37)

    with tempfile.TemporaryDirectory() as folder:
        root, cpu = Path(folder), torch.device("cpu")
        main(["synth", "--output", str(root / "plain"), "--count", "24", "--plain"])
        photographs(root, SynthCache(root / "plain"), 8)
        photos, plates = Photos(load_crops(root, "train"), None, cpu), PlateRing([str(root / "plain")], [], 0, cpu)
        (batch,) = Batches(photos, plates, 12, cpu, Opinion(), 0.5).next(1.0, 0.5, 0.5)
        assert torch.allclose(batch["soft"][6:, 0, 0], batch["image"][6:].mean((1, 2, 3))) and batch["soft_weight"].tolist() == [0] * 6 + [1] * 6
        kept, first = Again(), {"number": 0}
        assert kept.later(first) is None
        assert all(kept.later({"number": i + 1}) is None for i in range(Again.KEPT - 1)) and kept.later({})["number"] >= 0


if __name__ == "__main__":
    started = time.monotonic()
    tests = [value for name, value in list(globals().items()) if name.startswith("test_")]
    for test in tests:
        test()
        print(f"{test.__name__}: ok", flush=True)
    print(f"{len(tests)} passed, 0 failed")
    print(f"{time.monotonic() - started:.0f} s")
