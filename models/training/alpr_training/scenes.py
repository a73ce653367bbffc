"""Labelled street scenes: reading the label files, and a decoded copy on disk that training maps.

A data folder holds `scenes/<set>/labels.jsonl` and the pictures it names. Decoding AVIF costs ten
times more than cutting a window out of a decoded picture, so `build_cache` decodes every picture once
into one flat file of RGB bytes beside an index, each picture followed by its half and quarter size; `Scenes` maps that file.

    python -m alpr_training.scenes DATA CACHE [--teacher YOLOV9.onnx]
"""

from __future__ import annotations

import argparse
import hashlib
import json
import multiprocessing
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

INDEX = "index.json"
PIXELS = "pixels.u8"
TEACHER = "teacher.json"

LEVELS = 3
"""Sizes kept of every picture: 1, 1/2 and 1/4."""

CLIP_EVERY = 40
"""Of this many frames of a clip one is kept."""


@dataclass
class Plate:
    """One labelled plate, in pixels of its picture.

    `box` is x1, y1, x2, y2; `corners` is 4x2 (top left, top right, bottom right, bottom left) or None;
    `text` was read by a person, `silver` by other networks that agreed.
    """

    box: np.ndarray
    corners: np.ndarray | None = None
    text: str | None = None
    silver: str | None = None


@dataclass
class Scene:
    """One picture with its labels.

    `teacher` holds rows x1, y1, x2, y2, score of a foreign detector (empty when it was not run).
    """

    set: str
    image: str
    width: int
    height: int
    region: str
    split: str
    group: str
    plates: list[Plate]
    offset: int = 0
    teacher: np.ndarray = field(default_factory=lambda: np.zeros((0, 5), np.float32))


def plate_from_label(entry: dict) -> Plate:
    """The plate of one entry of `plates` in a label file (`bbox` is x, y, width, height)."""
    x, y, w, h = entry["bbox"]
    corners = entry.get("corners")
    return Plate(
        np.array([x, y, x + w, y + h], np.float32),
        np.array(corners, np.float32) if corners else None,
        entry.get("text"),
        entry.get("silver"),
    )


def read_labels(data: Path) -> list[Scene]:
    """Every labelled scene under `data`/scenes, in a fixed order. Raises FileNotFoundError when there is none."""
    scenes = []
    for labels in sorted((data / "scenes").glob("*/labels.jsonl")):
        for line in labels.read_text().splitlines():
            row = json.loads(line)
            scenes.append(
                Scene(
                    labels.parent.name,
                    row["image"],
                    row["width"],
                    row["height"],
                    row.get("region", ""),
                    row["split"],
                    row.get("group", ""),
                    [plate_from_label(p) for p in row["plates"]],
                )
            )
    if not scenes:
        raise FileNotFoundError(f"no scenes/*/labels.jsonl under {data}: pass the folder that holds scenes/")
    return scenes


def read_clips(data: Path) -> list[tuple[Scene, np.ndarray]]:
    """Every `CLIP_EVERY`-th frame of `data`/clips/*.mp4 as an unlabelled scene of split `clip`, with its pixels.

    The frames train as negatives only, and only outside what the teacher finds on them.
    """
    found = []
    for clip in sorted((data / "clips").glob("*.mp4")):
        video = cv2.VideoCapture(str(clip))
        number = 0
        while True:
            more, frame = video.read()
            if not more:
                break
            if number % CLIP_EVERY == 0:
                scale = min(1.0, 704 / max(frame.shape[:2]))
                frame = cv2.resize(frame, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
                rgb = np.ascontiguousarray(frame[:, :, ::-1])
                height, width = rgb.shape[:2]
                scene = Scene(f"clip_{clip.stem}", f"{number}", width, height, "none", "clip", clip.stem, [])
                found.append((scene, rgb))
            number += 1
        video.release()
    return found


def level_sizes(width: int, height: int) -> list[tuple[int, int]]:
    """Width and height of every kept size of a picture."""
    return [(max(1, width >> level), max(1, height >> level)) for level in range(LEVELS)]


def bytes_of(width: int, height: int) -> int:
    """Bytes a picture takes in the cache with all its sizes."""
    return sum(3 * w * h for w, h in level_sizes(width, height))


def _write_levels(path: Path, offset: int, rgb: np.ndarray) -> None:
    """Put `rgb` and its smaller sizes at `offset` of the file `path`."""
    parts = [cv2.resize(rgb, size, interpolation=cv2.INTER_AREA) if level else rgb
             for level, size in enumerate(level_sizes(*rgb.shape[1::-1]))]
    with open(path, "r+b") as out:
        out.seek(offset)
        out.write(b"".join(np.ascontiguousarray(part).tobytes() for part in parts))


def _decode(job: tuple[Path, Path, int, int, int]) -> None:
    """Decode one picture into the cache; raises ValueError when its size is not the label's."""
    source, cache, offset, width, height = job
    with Image.open(source) as picture:
        rgb = np.asarray(picture.convert("RGB"))
    if rgb.shape[:2] != (height, width):
        raise ValueError(f"{source} is {rgb.shape[1]}x{rgb.shape[0]}, its label says {width}x{height}")
    _write_levels(cache, offset, rgb)


def fingerprint(data: Path) -> str:
    """SHA-256 of the label files below `data`/scenes and of the names and sizes of its clips."""
    digest = hashlib.sha256()
    for labels in sorted((data / "scenes").glob("*/labels.jsonl")):
        digest.update(f"{labels.parent.name}\n".encode() + labels.read_bytes())
    for clip in sorted((data / "clips").glob("*.mp4")):
        digest.update(f"{clip.name} {clip.stat().st_size}\n".encode())
    return digest.hexdigest()


def build_cache(data: Path, cache: Path) -> None:
    """Decode every scene and every `CLIP_EVERY`-th clip frame of `data` into `cache` (about 8 GB), on all cores."""
    cache.mkdir(parents=True, exist_ok=True)
    scenes, clips = read_labels(data), read_clips(data)
    index, offset = [], 0
    for scene in scenes + [scene for scene, _ in clips]:
        index.append({"set": scene.set, "image": scene.image, "width": scene.width, "height": scene.height,
                      "split": scene.split, "offset": offset})
        offset += bytes_of(scene.width, scene.height)
    with open(cache / PIXELS, "wb") as out:
        out.truncate(offset)
    jobs = [(data / "scenes" / row["set"] / row["image"], cache / PIXELS, row["offset"], row["width"], row["height"])
            for row in index[: len(scenes)]]
    with multiprocessing.Pool() as pool:
        for number, _ in enumerate(pool.imap_unordered(_decode, jobs, chunksize=8)):
            if number % 1000 == 0:
                print(f"decoded {number} scenes", flush=True)
        # Let them end by themselves: whoever inherited a trainer's handler of SIGTERM does not heed `terminate`.
        pool.close()
        pool.join()
    for (_, rgb), row in zip(clips, index[len(scenes) :]):
        _write_levels(cache / PIXELS, row["offset"], rgb)
    (cache / INDEX).write_text(json.dumps({"data": fingerprint(data), "pictures": index}))


class Scenes:
    """The decoded scenes of a cache: `scenes[i]` with labels, `pixels(i)` as a read-only RGB view."""

    def __init__(self, data: Path, cache: Path):
        if not (cache / INDEX).exists():
            build_cache(data, cache)
        index = json.loads((cache / INDEX).read_text())
        # Caches of earlier versions are bare lists: nobody knows what they were made of.
        if not isinstance(index, dict) or index["data"] != fingerprint(data):
            raise ValueError(f"{cache} holds the pictures of other label files or clips than {data} has now; remove that folder, and it is made anew (about 8 GB)")
        labelled = {(s.set, s.image): s for s in read_labels(data)}
        teacher = json.loads((cache / TEACHER).read_text()) if (cache / TEACHER).exists() else {}
        self.scenes: list[Scene] = []
        for row in index["pictures"]:
            if row["split"] != "clip":
                scene = labelled[row["set"], row["image"]]
            else:
                scene = Scene(row["set"], row["image"], row["width"], row["height"], "none", row["split"], "", [])
            scene.offset = row["offset"]
            boxes = teacher.get(f"{row['set']}/{row['image']}")
            if boxes:
                scene.teacher = np.array(boxes, np.float32)
            self.scenes.append(scene)
        self.has_teacher = bool(teacher)
        # Copy on write: PyTorch wants memory it may write, and nothing here does.
        self.bytes = np.memmap(cache / PIXELS, np.uint8, "c")

    def __len__(self) -> int:
        return len(self.scenes)

    def pixels(self, number: int) -> np.ndarray:
        """The picture of scene `number`: uint8 [height, width, 3], RGB, read-only."""
        scene = self.scenes[number]
        size = scene.width * scene.height * 3
        return self.bytes[scene.offset : scene.offset + size].reshape(scene.height, scene.width, 3)

    def split(self, *names: str) -> list[int]:
        """Numbers of the scenes whose split is one of `names`."""
        return [i for i, s in enumerate(self.scenes) if s.split in names]


def add_teacher(scenes: Scenes, cache: Path, model: Path) -> None:
    """Run the foreign detector `model` once over every scene and keep its boxes in the cache."""
    from .detection_models import EndToEnd

    detector = EndToEnd(model)
    found = {}
    for number, scene in enumerate(scenes.scenes):
        found[f"{scene.set}/{scene.image}"] = [
            [round(float(v), 4) for v in row] for row in detector.detect(scenes.pixels(number))
        ]
        if number % 500 == 0:
            print(f"teacher: {number} of {len(scenes)}", flush=True)
    (cache / TEACHER).write_text(json.dumps(found))


def main() -> None:
    """Command line: decode the scenes, then run the teacher when one is given."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("cache", type=Path)
    parser.add_argument("--teacher", type=Path)
    args = parser.parse_args()
    scenes = Scenes(args.data, args.cache)
    print(f"{len(scenes)} pictures in {args.cache}")
    if args.teacher:
        add_teacher(scenes, args.cache, args.teacher)


if __name__ == "__main__":
    main()
