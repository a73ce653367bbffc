"""`film`: films of labelled photographs, each coming nearer as a vehicle does, with the truth beside them.

    python -m alpr_training film DATA --output FOLDER [--fps 10] [--gap 1.2]
    ../../dev score FOLDER/*.mp4

A rendered street tells nothing of real plates, and a photograph alone nothing of passes: here the tracker, the fusion of
readings and the rules of events meet real pictures. Needs `gst-launch-1.0` with x264enc. Photographs with a plate that can be
read and has no label are left out: its event would count as wrong.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from .scenes import Plate, Scene, read_labels

SIZE = (960, 720)
"""Width and height of the film (px); a photograph fills it at the end of its pass."""

READABLE = 60
"""Width of a plate in the film (px) from which an event is owed; as `READABLE_WIDTH` of `alpr-score`."""

LEGIBLE = 30
"""Width of a plate in its photograph (px) from which it may be read."""

DRIFT = (0.12, 0.04)
"""How far beside its end a pass begins at most, as a part of the film's width and height."""

SHAKE, NOISE = 1.0, 4
"""What the camera adds: movement (px) and noise (levels of 255)."""


def text_of(plate: Plate) -> str:
    """The plate's label, read by a person or by networks; empty where there is none."""
    return plate.text or plate.silver or ""


def is_known(scene: Scene) -> bool:
    """Whether a label says what is on each plate that may be read, and there is one."""
    legible = [plate for plate in scene.plates if plate.box[2] - plate.box[0] >= LEGIBLE]
    return bool(legible) and all(text_of(plate) for plate in legible)


class Film:
    """A film that is being written, and its truth."""

    def __init__(self, path: Path, fps: int):
        self.path, self.fps, self.frames, self.passes = path, fps, 0, []
        width, height = SIZE
        self.encoder = subprocess.Popen(
            ["gst-launch-1.0", "-q", "fdsrc", "fd=0", "!", "rawvideoparse", f"width={width}", f"height={height}", "format=rgb",
             f"framerate={fps}/1", "!", "videoconvert", "!", "x264enc", "pass=quant", "quantizer=24", "speed-preset=veryfast",
             "bframes=0", "!", "h264parse", "!", "mp4mux", "!", "filesink", f"location={path}"],
            stdin=subprocess.PIPE,
        )  # fmt: skip

    def push(self, frame: np.ndarray, rng: np.random.Generator) -> None:
        """Adds uint8 RGB [height, width, 3] with the camera's noise. Raises RuntimeError when the encoder has ended."""
        noise = rng.integers(-NOISE, NOISE + 1, (*frame.shape[:2], 1))
        try:
            self.encoder.stdin.write(np.clip(frame.astype(np.int16) + noise, 0, 255).astype(np.uint8).tobytes())
        except BrokenPipeError:
            raise self.failure() from None
        self.frames += 1

    def failure(self) -> RuntimeError:
        """What to say when the film cannot be written."""
        return RuntimeError(f"gst-launch-1.0 could not write {self.path}: see what it printed above; x264enc is in gstreamer1.0-plugins-ugly")

    def photograph(self, scene: Scene, rgb: np.ndarray, seconds: float, gap: float, far: tuple[float, float]) -> None:
        """One pass: `rgb` grows from a size of `far` (drawn) to the film's, then nothing is seen of it for `gap` seconds."""
        width, height = SIZE
        random_, rng = random.Random(f"{scene.set}/{scene.image}"), np.random.default_rng(scene.offset)
        empty = cv2.resize(cv2.GaussianBlur(cv2.resize(rgb, (96, 72)), (0, 0), 6), SIZE)
        start, (x, y) = random_.uniform(*far), (random_.uniform(-part, part) * side for part, side in zip(DRIFT, SIZE))
        fit, first, count = min(width / scene.width, height / scene.height), self.frames, round(seconds * self.fps)
        scales = [fit * start ** (1 - i / max(1, count - 1)) for i in range(count)]
        for i, scale in enumerate(scales):
            left = 1 - i / max(1, count - 1)
            centre = [side / 2 + way * left + random_.uniform(-SHAKE, SHAKE) for side, way in zip(SIZE, (x, y))]
            matrix = np.float32([[scale, 0, centre[0] - scale * scene.width / 2], [0, scale, centre[1] - scale * scene.height / 2]])
            how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
            self.push(cv2.warpAffine(rgb, matrix, SIZE, dst=empty.copy(), flags=how, borderMode=cv2.BORDER_TRANSPARENT), rng)
        for plate in scene.plates:
            wide = [first + i for i, scale in enumerate(scales) if scale * (plate.box[2] - plate.box[0]) >= READABLE]
            text = text_of(plate)
            self.passes.append({
                "text": text, "display": text, "region": scene.region, "vehicle": "", "night": False, "first_frame": first,
                "last_frame": self.frames - 1, "readable": [wide[0], wide[-1]] if wide and text else None,
            })  # fmt: skip
        for _ in range(round(gap * self.fps)):
            self.push(empty, rng)

    def finish(self) -> None:
        """Ends the film and writes its truth. Raises RuntimeError when GStreamer could not write it."""
        self.encoder.stdin.close()
        if self.encoder.wait():
            raise self.failure()
        truth = {
            "clip": self.path.name, "camera": self.path.stem, "scenario": "photographs", "seed": 0, "width": SIZE[0], "height": SIZE[1],
            "fps": self.fps, "frames": self.frames, "passes": self.passes,
        }  # fmt: skip
        self.path.with_suffix(".truth.json").write_text(json.dumps(truth))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument("data", type=Path, help="folder that holds scenes/<set>/labels.jsonl")
    parser.add_argument("--output", type=Path, required=True, help="folder of the films")
    parser.add_argument("--split", default="val", help="photographs of this split (default: val)")
    parser.add_argument("--films", type=int, default=8, help="films to spread the photographs over (default: 8)")
    parser.add_argument("--fps", type=int, default=10, help="frames a second (default: 10)")
    parser.add_argument("--seconds", type=float, default=1.8, help="length of a pass (default: 1.8)")
    parser.add_argument("--gap", type=float, default=1.2, help="seconds between two passes (default: 1.2; 0: a cut)")
    parser.add_argument("--far", type=float, nargs=2, default=(0.55, 0.7), help="size at which a pass begins (default: 0.55 to 0.7)")


def run(args: argparse.Namespace) -> None:
    """Writes the films."""
    scenes = [scene for scene in read_labels(args.data) if scene.split == args.split and is_known(scene)]
    random.Random(5).shuffle(scenes)
    args.output.mkdir(parents=True, exist_ok=True)
    for number in range(args.films):
        film = Film(args.output / f"photographs-{number}.mp4", args.fps)
        for scene in scenes[number :: args.films]:
            rgb = np.asarray(Image.open(args.data / "scenes" / scene.set / scene.image).convert("RGB"))
            film.photograph(scene, rgb, args.seconds, args.gap, tuple(args.far))
        film.finish()
        owed = sum(entry["readable"] is not None for entry in film.passes)
        print(f"{film.path}: {film.frames} frames, {owed} plates that owe an event", flush=True)
