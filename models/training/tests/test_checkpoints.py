"""What trainings save, refuse to save, and go on from.

Run: `python tests/test_checkpoints.py` (or pytest) in models/training; needs no data folder.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from alpr_training import detector, losses, reader, reader_teacher, scenes
from alpr_training.data import CORNERS, Crop
from alpr_training.scenes import Scenes
from test_detector_smoke import write_data


def parsed(module, *words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    module.add_arguments(parser)
    return parser.parse_args([*words, "--device", "cpu", "--no-bf16"])


def a_reader(folder: str, *words: str) -> reader.Trainer:
    args = parsed(reader, "--plain", "none", "--output", folder, "--lr", "0.001", "--layers", "1", "--widths", "8", "12", "16", "32", *words)
    return reader.Trainer(args, torch.device("cpu"))


def a_detector(folder: str, *words: str) -> detector.Trainer:
    Path(folder).mkdir(exist_ok=True)
    return detector.Trainer(parsed(detector, "none", "--output", folder, "--steps", "9", "--batch", "2", *words))


def raised(kind: type[Exception], action) -> str:
    """What `action` complains of; it must."""
    try:
        action()
    except kind as problem:
        return str(problem)
    raise AssertionError(f"nothing was raised, {kind.__name__} was to be")


def test_what_is_not_finite_is_not_saved() -> None:
    for make, option in ((a_reader, "--lr"), (a_detector, "--rate")):
        with tempfile.TemporaryDirectory() as folder:
            trainer = make(folder)
            net = trainer.model if make is a_reader else trainer.net
            trainer.save()
            if make is a_reader:
                trainer.finish_writing()
            good = trainer.last.read_bytes()
            with torch.no_grad():
                next(net.parameters()).fill_(float("nan"))
            said = raised(FloatingPointError, trainer.save)
            assert option in said and "nothing was saved" in said, said
            assert trainer.last.read_bytes() == good


def test_a_loss_that_is_not_finite_ends_the_training_before_a_save() -> None:
    with tempfile.TemporaryDirectory() as folder:
        trainer = a_detector(folder, "--save-minutes", "0")
        trainer.batch = lambda sampler: ([0], None)

        def endless(*_):
            trainer.step = 9  # the last one, so that it ends in any case
            return {"score": torch.tensor(float("inf"))}

        trainer.train_on = endless
        assert "score" in raised(FloatingPointError, lambda: trainer.run(None)) and not trainer.last.exists()
    with tempfile.TemporaryDirectory() as folder:
        trainer = a_reader(folder)
        trainer.sums[0] = float("inf")
        raised(FloatingPointError, trainer.save)
        trainer.sums.zero_()
        name = next(iter(losses.WEIGHTS))
        trainer.history.append({name: float("nan")})
        assert name in raised(FloatingPointError, trainer.save)


def test_a_resumed_detector_keeps_the_norms_it_learnt() -> None:
    with tempfile.TemporaryDirectory() as folder:
        a_detector(folder).save()
        # What comes of an exported file has no norms, and settles them on the first windows.
        original, detector.load_weights = detector.load_weights, lambda *_: True
        try:
            assert a_detector(folder, "--warm-start", "exported.onnx").unsettled
            assert not a_detector(folder, "--warm-start", "exported.onnx", "--resume").unsettled
        finally:
            detector.load_weights = original


def test_a_checkpoint_that_cannot_be_written_ends_the_training() -> None:
    with tempfile.TemporaryDirectory() as folder:
        trainer = a_reader(folder)
        (Path(folder) / "last.tmp").mkdir()  # in the way of the file
        trainer.save()
        raised(Exception, trainer.finish_writing)


def test_a_plot_that_fails_costs_the_plot_alone() -> None:
    def broken(*_):
        raise RuntimeError("no fonts")

    for make, module in ((a_reader, reader), (a_detector, detector)):
        original, module.plot = module.plot, broken
        try:
            with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()) as printed:
                trainer = make(folder)
                if make is a_detector:
                    trainer.log = [{"step": 1}, {"step": 2}]
                trainer.save()
                if make is a_reader:
                    trainer.finish_writing()
                assert trainer.last.exists() and "was not drawn" in printed.getvalue() and "no fonts" in printed.getvalue()
        finally:
            module.plot = original


def test_a_reader_goes_on_as_it_was_begun() -> None:
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        assert "no checkpoint" in raised(FileNotFoundError, lambda: a_reader(folder, "--resume"))
        begun = a_reader(folder)
        begun.warm = True  # as --warm-start says
        begun.save()
        begun.finish_writing()
        assert a_reader(folder, "--resume").warm and not a_reader(folder).warm
        assert "without --distil" in raised(ValueError, lambda: a_reader(folder, "--resume", "--distil", "teacher.onnx"))


def crops(*texts: str) -> list[Crop]:
    image = np.zeros((64, 128, 3), np.uint8)
    return [Crop("made", f"{i}.png", image, text, "silver", None, CORNERS * (128, 64), False, False) for i, text in enumerate(texts)]


def test_opinions_of_a_teacher_are_those_on_these_crops() -> None:
    asked = []

    def answer(name: str, images: np.ndarray) -> np.ndarray:
        asked.append(name)
        return np.full((len(images), 10, 37), 1 / 37, np.float32)

    kept = reader_teacher.session, reader_teacher.plate_probabilities
    reader_teacher.session, reader_teacher.plate_probabilities = (lambda model: model.read_text()), answer
    try:
        with tempfile.TemporaryDirectory() as folder:
            model, cache = Path(folder) / "teacher.onnx", Path(folder) / "teacher.npz"
            model.write_text("first")
            for _ in range(2):
                assert reader_teacher.soft_labels(crops("AB1", "AB2"), model, cache).shape == (2, 10, 37)
            assert asked == ["first"]
            reader_teacher.soft_labels(crops("AB1", "AB3"), model, cache)
            assert asked == ["first"] * 2, "another crop, as many of them"
            model.write_text("second")
            reader_teacher.soft_labels(crops("AB1", "AB3"), model, cache)
            assert asked == ["first", "first", "second"], "another model"
            assert reader_teacher.soft_labels(crops("AB1", "AB3"), cache, cache).shape == (2, 10, 37)
            assert "other crops" in raised(ValueError, lambda: reader_teacher.soft_labels(crops("AB1", "AB4"), cache, cache))
    finally:
        reader_teacher.session, reader_teacher.plate_probabilities = kept


def test_clips_train_only_beside_a_teacher() -> None:
    class Seen(Exception):
        pass

    def sampler(_, numbers, *__):
        raise Seen(len(numbers))

    original, detector.Sampler = detector.Sampler, sampler
    clip = scenes.Scene("clip_a", "0", 96, 64, "none", "clip", "a", []), np.zeros((64, 96, 3), np.uint8)
    clips, scenes.read_clips = scenes.read_clips, lambda data: [clip]
    try:
        with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()) as printed:
            data, cache = Path(folder) / "data", Path(folder) / "cache"
            write_data(data, 5)
            args = parsed(detector, str(data), "--output", f"{folder}/out", "--cache", str(cache), "--steps", "1", "--batch", "2")
            assert raised(Seen, lambda: detector.run(args)) == "3" and "clips are left out" in printed.getvalue()
            (cache / scenes.TEACHER).write_text('{"clip_a/0": []}')
            assert raised(Seen, lambda: detector.run(args)) == "4" and len(Scenes(data, cache)) == 6
    finally:
        detector.Sampler, scenes.read_clips = original, clips


if __name__ == "__main__":
    tests = [value for name, value in list(globals().items()) if name.startswith("test_")]
    for test in tests:
        test()
        print(f"{test.__name__}: ok", flush=True)
    print(f"{len(tests)} passed, 0 failed")
