"""The detector from generated pictures to ONNX: it learns, resumes, exports, and ONNX Runtime agrees with PyTorch.

Needs no photographs: scenes are rendered here. Run: python tests/test_detector_smoke.py
"""

import contextlib
import io
import json
import re
import sys
import tempfile
import unittest
from pathlib import Path

import cv2
import numpy as np
import onnx
import torch
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from alpr_training import closer
from alpr_training.__main__ import main
from alpr_training.audit import unlabelled_plates, wrong_texts
from alpr_training.detection_metrics import Outcome, Truth, add_picture, average_precision, recall_at_precision
from alpr_training.detection_models import Pose, letterbox, nms
from alpr_training.detector_loss import Targets, detector_loss
from alpr_training.detector_net import STRIDES, PlateDetector
from alpr_training.detector_weights import load_weights, settle
from alpr_training.scene_labels import CORNERS, IGNORE
from alpr_training.scene_paste import PlateStock, Words, bounds, coverage, lay_plates, random_quads
from alpr_training.scene_windows import Sampler
from alpr_training.scenes import Scenes


def write_data(folder: Path, count: int) -> None:
    """A data folder with `count` rendered scenes, one plate with corners in each, the last two for validation."""
    images = folder / "scenes" / "rendered" / "images"
    images.mkdir(parents=True)
    torch.manual_seed(7)
    rng, rows = np.random.default_rng(7), []
    plates = PlateStock(None, torch.device("cpu"), simple=20)
    for number in range(count):
        ground = rng.integers(30, 200, (12, 16, 3)).astype(np.uint8)
        picture = torch.from_numpy(cv2.resize(ground, (480, 360), interpolation=cv2.INTER_CUBIC)).permute(2, 0, 1)[None].float()
        picked, aspect = plates.pick(1)
        # Placed in the middle 240x120 px of the picture.
        quad = random_quads(torch.tensor([110.0]), aspect, 240, 120) + 120
        lay_plates(picture, torch.tensor([0]), quad, plates, picked)
        quad = quad[0].numpy()
        low, high = quad.min(0), quad.max(0)
        Image.fromarray(picture[0].permute(1, 2, 0).byte().numpy()).save(images / f"{number}.png")
        rows.append({
            "image": f"images/{number}.png", "width": 480, "height": 360, "region": "xx", "group": str(number),
            "split": "val" if number >= count - 2 else "train",
            "plates": [{"bbox": [float(v) for v in (*low, *(high - low))], "corners": quad.tolist()}],
        })
    (folder / "scenes" / "rendered" / "labels.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))


def quietly(*arguments: str) -> str:
    """Run a command of the project; returns what it printed."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        main(list(arguments))
    return printed.getvalue()


class TrainedOnce(unittest.TestCase):
    """Everything that needs a trained file; training happens once."""

    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory()
        cls.folder = Path(cls.temporary.name)
        cls.data, cls.output = cls.folder / "data", cls.folder / "out"
        write_data(cls.data, 12)
        cls.common = [str(cls.data), "--output", str(cls.output), "--batch", "4", "--every", "5", "--device", "cpu"]
        cls.printed = quietly("detector", *cls.common, "--steps", "10")
        cls.onnx = cls.folder / "plate-detector.onnx"
        cls.exported = quietly("export", "detector", str(cls.output / "ema.pt"), str(cls.onnx), "--confidence-threshold", "0.4")

    @classmethod
    def tearDownClass(cls):
        cls.temporary.cleanup()

    def test_training_reports_progress_and_writes_its_files(self):
        self.assertIn("ETA", self.printed)
        for name in ("last.pt", "ema.pt", "log.jsonl", "loss.png"):
            self.assertTrue((self.output / name).stat().st_size > 0, name)

    def test_resume_continues_where_it_stopped(self):
        quietly("detector", *self.common, "--steps", "15", "--resume")
        steps = [json.loads(line)["step"] for line in (self.output / "log.jsonl").read_text().splitlines()]
        self.assertEqual(steps, [5, 10, 15])

    def test_resume_without_a_checkpoint_says_what_to_do(self):
        with self.assertRaisesRegex(FileNotFoundError, "no checkpoint"):
            quietly("detector", str(self.data), "--output", str(self.folder / "empty"), "--resume", "--cache", str(self.output / "cache"))

    def test_onnx_runtime_agrees_with_pytorch_and_the_contract_holds(self):
        self.assertRegex(self.exported, r"differs from PyTorch by \d")  # export refuses differences above 1e-3
        self.assertLess(self.onnx.stat().st_size, 4_000_000)
        detector = Pose(self.onnx)
        self.assertEqual(detector.metadata["kpt_shape"], "[4, 2]")
        self.assertEqual(detector.metadata["confidence_threshold"], "0.4")
        for height, width in ((384, 640), (256, 416)):
            images = np.random.default_rng(0).random((2, 3, height, width), np.float32)
            output = detector.session.run(["output0"], {"images": images})[0]
            self.assertEqual(output.shape, (2, 13, sum(height * width // stride**2 for stride in STRIDES)))
            self.assertTrue((output[:, 4] >= 0).all() and (output[:, 4] <= 1).all())

    def test_the_8_bit_form_says_about_the_same_and_is_smaller(self):
        output = self.folder / "plate-detector.int8.onnx"
        quietly("quantize", str(self.data), str(self.onnx), str(output))
        self.assertLess(output.stat().st_size, 0.5 * self.onnx.stat().st_size)
        self.assertTrue(output.with_name(output.name + ".modelinfo").is_file())
        exported, small = Pose(self.onnx), Pose(output)
        self.assertEqual(small.metadata, {**exported.metadata, "quantization": "int8"})
        images = np.random.default_rng(0).random((1, 3, 192, 320), np.float32)
        a, b = (model.session.run(["output0"], {"images": images})[0] for model in (exported, small))
        self.assertEqual(a.shape, b.shape)
        self.assertLess(float(np.abs(a[:, 4] - b[:, 4]).max()), 0.05)
        self.assertGreater(float(np.abs(a - b).max()), 0, "nothing was rounded")

    def test_only_exported_files_become_8_bit(self):
        other = self.folder / "other.onnx"
        value = onnx.helper.make_tensor_value_info
        node = onnx.helper.make_node("Relu", ["images"], ["output0"], name="relu")
        shape = [1, 3, 32, 32]
        graph = onnx.helper.make_graph([node], "other", [value("images", 1, shape)], [value("output0", 1, shape)])
        model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8)
        onnx.helper.set_model_props(model, {"imgsz": "[32, 32]"})
        onnx.save(model, str(other))
        with self.assertRaisesRegex(ValueError, "only files that `export` wrote"):
            quietly("quantize", str(self.data), str(other), str(self.folder / "never.onnx"))

    def test_warm_start_from_the_exported_file_keeps_the_function(self):
        trained, again = PlateDetector(), PlateDetector()
        self.assertFalse(load_weights(trained, self.output / "ema.pt"))
        load_weights(trained, self.onnx)
        self.assertTrue(load_weights(again, self.onnx))
        pictures = torch.rand(2, 3, 96, 160)
        settle(again, pictures)
        with torch.no_grad():
            for a, b in zip(trained.eval()(pictures), again.eval()(pictures)):
                self.assertLess(float((a - b).abs().max()), 1e-3)

    def test_evaluate_scores_the_file(self):
        result, sheet = self.folder / "scores.json", self.folder / "worst.png"
        cache = str(self.output / "cache")
        quietly("evaluate", "detector", str(self.data), str(self.onnx), "--cache", cache, "--json", str(result), "--sheet", str(sheet))
        self.assertEqual(cv2.imread(str(sheet)).shape[1], 6 * 220, "two missed plates, six a row")
        scores = json.loads(result.read_text())[0]
        self.assertEqual(scores["plates"], 2)
        self.assertEqual(scores["threshold"], 0.4)

    def test_windows_carry_the_corners_of_their_plates(self):
        torch.manual_seed(3)
        scenes, cpu, seen = Scenes(self.data, self.output / "cache"), torch.device("cpu"), 0
        sampler = Sampler(scenes, scenes.split("train"), PlateStock(None, cpu, simple=20), Words(20, cpu), cpu)
        for ease in (0.0, 1.0):
            pictures, targets = sampler.batch(24, 160, 96, ease)
            self.assertEqual(pictures.shape, (24, 3, 96, 160))
            self.assertTrue((pictures >= 0).all() and (pictures <= 255).all())
            known = targets.kind > 0
            self.assertTrue((targets.boxes[known][:, 2:] > targets.boxes[known][:, :2]).all())
            exact = targets.kind == CORNERS
            seen += int(exact.sum())
            corners, boxes = targets.corners[exact], targets.boxes[exact]
            centre = corners.mean(1)
            self.assertTrue((boxes[:, :2] - 1 <= centre).all() and (centre <= boxes[:, 2:] + 1).all())
            top, right = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 1]
            self.assertTrue((top[:, 0] * right[:, 1] - top[:, 1] * right[:, 0] > 0).all(), "corners must run clockwise: TL, TR, BR, BL")
        self.assertGreater(seen, 20)

    def test_a_window_shows_what_its_label_says(self):
        """A white plate in a black scene: the bright pixels of a window are the labelled box."""
        folder = self.folder / "white"
        images = folder / "scenes" / "white" / "images"
        images.mkdir(parents=True)
        picture = np.zeros((200, 320, 3), np.uint8)
        picture[80:120, 100:200] = 255
        Image.fromarray(picture).save(images / "0.png")
        row = {"image": "images/0.png", "width": 320, "height": 200, "split": "train", "plates": [{"bbox": [100, 80, 100, 40]}]}
        (folder / "scenes" / "white" / "labels.jsonl").write_text(json.dumps(row) + "\n")
        scenes, cpu, checked = Scenes(folder, folder / "cache"), torch.device("cpu"), 0
        sampler = Sampler(scenes, [0], PlateStock(None, cpu, simple=1), Words(1, cpu), cpu)
        torch.manual_seed(1)
        area = torch.tensor([0.0, 0.0, 320.0, 192.0]).repeat(40, 1)
        pictures, targets = sampler._cut(40, 320, 192, area, 0.0)
        for window, kind, box in zip(pictures, targets.kind[:, 0], targets.boxes[:, 0]):
            bright = (window[0] > 200).nonzero()
            if kind in (0, IGNORE) or len(bright) == 0:
                continue
            low, high = bright.amin(0).flip(0), bright.amax(0).flip(0) + 1
            checked += 1
            self.assertLess(float((low - box[:2]).abs().max()), 2.0)
            self.assertLess(float((high - box[2:]).abs().max()), 2.0)
        self.assertGreater(checked, 20)


class Pieces(unittest.TestCase):
    def test_closer_looks_are_those_of_the_elements(self):
        source = (Path(__file__).resolve().parents[3] / "plugins/alpr-core/src/detector/closer.rs").read_text()
        for name in ("LEAST", "WIDEST", "GROWTH", "MOST", "WINDOW", "CUT"):
            number = re.search(rf"^const {name}: \w+ = ([0-9.]+);", source, re.M)
            self.assertEqual(float(number[1]), getattr(closer, name), name)

    def test_a_closer_look_decides(self):
        sure, weak = [500, 350, 540, 360, 0.8], [600, 400, 630, 408, 0.4]
        rows = np.array([sure, weak], np.float32)
        windows = []

        def look(*box):
            windows.append(box)
            return np.array(found, np.float32).reshape(-1, 5)

        found = [[602, 401, 630, 408, 0.7]]
        after = closer.look_closer(rows, 1280, 720, 0.5, 0.6, look, nms)
        self.assertEqual(windows, [(455.0, 314.0, 775.0, 494.0)])
        np.testing.assert_allclose(after, np.array([sure, *found], np.float32))
        found = []
        np.testing.assert_allclose(closer.look_closer(rows, 1280, 720, 0.5, 0.6, look, nms), np.array([sure], np.float32))

    def test_coverage_is_the_area_of_the_quad(self):
        quads = random_quads(torch.full((8,), 60.0), torch.full((8,), 3.0), 10, 10) + 100
        x, y = quads[..., 0], quads[..., 1]
        area = (x * y.roll(-1, 1) - x.roll(-1, 1) * y).sum(1).abs() / 2
        covered = coverage(quads, (240, 240)).sum((1, 2, 3))
        self.assertLess(float((covered / area - 1).abs().max()), 0.08)
        self.assertTrue((bounds(quads)[:, 2:] > bounds(quads)[:, :2]).all())

    def test_a_small_network_overfits_one_picture(self):
        torch.manual_seed(0)
        net = PlateDetector().train()
        picture = torch.rand(1, 3, 64, 96) * 0.2
        picture[:, :, 20:32, 24:64] = 0.9
        corners = torch.tensor([[[[24.0, 20], [64, 20], [64, 32], [24, 32]]]])
        targets = Targets(torch.tensor([[[24.0, 20, 64, 32]]]), corners, torch.tensor([[2]]), torch.ones(1, 1))
        optimiser = torch.optim.AdamW(net.parameters(), 2e-3)
        losses = []
        for _ in range(60):
            loss, _ = detector_loss(net(picture), targets)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            losses.append(float(loss.detach()))
        self.assertLess(losses[-1], 0.4 * losses[0])

    def test_ignored_regions_cost_nothing(self):
        raw = [torch.zeros(1, 13, 64 // stride, 96 // stride) for stride in STRIDES]
        kind, none = torch.tensor([[3]]), torch.zeros(1, 1, 4, 2)
        everywhere = Targets(torch.tensor([[[-9.0, -9, 200, 200]]]), none, kind, torch.zeros(1, 1))
        nowhere = Targets(torch.tensor([[[-9.0, -9, -8, -8]]]), none, kind, torch.zeros(1, 1))
        self.assertEqual(float(detector_loss(raw, everywhere)[0]), 0.0)
        self.assertGreater(float(detector_loss(raw, nowhere)[0]), 1.0)

    def test_letterbox_is_centred_and_grey(self):
        picture, scale, left, top = letterbox(np.full((100, 100, 3), 200, np.uint8), 640, 384)
        self.assertEqual((scale, left, top), (3.84, 128, 0))
        self.assertEqual(picture[0, 0].tolist(), [114, 114, 114])
        self.assertEqual(picture[200, 320].tolist(), [200, 200, 200])

    def test_suppression_keeps_the_best_of_an_overlapping_pair(self):
        rows = np.array([[0, 0, 10, 10, 0.5], [1, 0, 11, 10, 0.9], [50, 0, 60, 10, 0.3]], np.float32)
        self.assertEqual(nms(rows)[:, 0].tolist(), [1.0, 50.0])

    def test_metrics_count_hits_misses_and_false_finds(self):
        outcome = Outcome()
        truths = [Truth(np.array([0, 0, 10, 10], np.float32), 10, "a"), Truth(np.array([50, 0, 60, 10], np.float32), 10, "a")]
        finds = np.array([[0, 0, 10, 9, 0.9], [0, 0, 10, 10, 0.8], [80, 0, 90, 10, 0.7]], np.float32)
        add_picture(outcome, finds, truths, "a")
        self.assertEqual(outcome.hits, [True, False, False])
        recall, threshold = recall_at_precision(outcome, 0.95)
        self.assertEqual(recall, 0.5)
        self.assertAlmostEqual(threshold, 0.9, places=6)
        self.assertEqual(average_precision(outcome), 0.5)

    def test_plates_that_labels_leave_out_count_neither_way(self):
        outcome = Outcome()
        truths = [Truth(np.array([0, 0, 10, 10], np.float32), 10, "a")]
        finds = np.array([[80, 0, 90, 10, 0.9], [0, 0, 10, 10, 0.8], [120, 0, 130, 10, 0.7]], np.float32)
        # the second one covers a label as well, and is found
        unlabelled = np.array([[80, 0, 90, 9], [0, 0, 10, 10]], np.float32)
        add_picture(outcome, finds, truths, "a", unlabelled)
        self.assertEqual((outcome.hits, len(outcome.truths)), ([True, False], 1))

    def test_what_is_known_of_the_labels_names_plates_and_crops(self):
        for (_, image), boxes in unlabelled_plates().items():
            self.assertTrue(image.startswith("images/") and (boxes[:, 2:] > boxes[:, :2]).all(), image)
        self.assertTrue(all(image.startswith("images/") for _, image in wrong_texts()))


if __name__ == "__main__":
    unittest.main()
