"""`synth`: renders plates once into a cache on disk, from which the trainers read.

The cache is a folder: `plates.npy` uint8 [n, 96, 288, 3] RGB (each plate stretched to that raster),
`boxes.npy` float16 [n, 10, 4] (characters, fractions; unused rows are NaN), `meta.json` with texts, regions and
aspect ratios. The camera (perspective, blur, noise …) comes when a plate is shown to a network: `camera.py`.
"""

from __future__ import annotations

import argparse
import glob
import json
import multiprocessing
import time
from collections.abc import Container
from pathlib import Path

import cv2
import numpy as np

from .fonts import FontBook
from .synth_layouts import LAYOUTS, Layout
from .synth_render import render

RASTER = (288, 96)  # width, height of a cached plate
SLOTS = 10
# The easy start of a curriculum: few fonts, one row, nothing printed around the text.
PLAIN = Layout("ZZ", 1, ["AAAAAAA", "AAAAAA", "AAAAA", "AAA AAA", "AAAAAAAA", "AAAA"], "plain", "fe", (2.0, 4.7), [((236,) * 3, (18,) * 3), ((20,) * 3, (230,) * 3)])


def write_cache(folder: Path, count: int, seed: int, fonts: FontBook, plain: bool = False, region: str | None = None, alike: float = 0.0) -> None:
    """Render `count` plates into `folder`; `plain` renders the easy set, `region` one region's layouts alone. `alike`: share
    (0 … 1) of plates whose free characters are such as readers confuse."""
    chosen = [PLAIN] if plain else [layout for layout in LAYOUTS if layout.region == region]
    if region and not chosen:
        raise ValueError(f"no layout has the region {region}; known are {sorted({layout.region for layout in LAYOUTS})}")
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    plates = np.lib.format.open_memmap(folder / "plates.npy", "w+", np.uint8, (count, RASTER[1], RASTER[0], 3))
    boxes = np.full((count, SLOTS, 4), np.nan, np.float16)
    texts, regions, aspects = [], [], []
    started = time.monotonic()
    for i in range(count):
        plate = render(rng, fonts, chosen[rng.integers(len(chosen))] if chosen else None, bool(alike) and rng.random() < alike)
        height, width = plate.image.shape[:2]
        plates[i] = cv2.resize(plate.image, RASTER, interpolation=cv2.INTER_AREA)
        boxes[i, : len(plate.boxes)] = plate.boxes
        texts.append(plate.text)
        regions.append(plate.region)
        aspects.append(round(width / height, 3))
        if i % 2000 == 1999:
            rate = (i + 1) / (time.monotonic() - started)
            print(f"{i + 1}/{count} plates, {rate:.0f}/s, {(count - i) / rate:.0f} s left", flush=True)
    plates.flush()
    np.save(folder / "boxes.npy", boxes)
    # Last, and whole or not at all: whoever waits for this cache takes it as finished now.
    (folder / "meta.tmp").write_text(json.dumps({"texts": texts, "regions": regions, "aspects": aspects}))
    (folder / "meta.tmp").replace(folder / "meta.json")


class SynthCache:
    """A cache opened for reading: `rasters` uint8 [n, 96, 288, 3] RGB (on disk until touched), `boxes` float16 [n, 10, 4], and by
    plate `texts`, `regions` and `aspects` (width over height)."""

    def __init__(self, folder: Path) -> None:
        if not (folder / "meta.json").exists():
            raise FileNotFoundError(f"{folder} holds no rendered plates; run `python -m alpr_training synth --output {folder}` first")
        self.rasters = np.load(folder / "plates.npy", mmap_mode="r")
        self.boxes = np.load(folder / "boxes.npy")
        meta = json.loads((folder / "meta.json").read_text())
        self.texts, self.regions, self.aspects = meta["texts"], meta["regions"], meta["aspects"]

    def __len__(self) -> int:
        return len(self.texts)


def finished(patterns: list[str], known: Container[Path] = ()) -> list[Path]:
    """Caches that glob patterns name and that are complete (`meta.json` is written last), without those already `known`."""
    found = [Path(name) for pattern in patterns for name in sorted(glob.glob(str(pattern)))]
    return [path for path in found if path not in known and (path / "meta.json").exists()]


def contact_sheet(images: list[np.ndarray], captions: list[str], columns: int = 10, cell: tuple[int, int] = (150, 76)) -> np.ndarray:
    """Images (RGB) with captions on one sheet, for looking at before anything is trained."""
    rows = (len(images) + columns - 1) // columns
    sheet = np.zeros((rows * (cell[1] + 14), columns * cell[0], 3), np.uint8)
    for i, (image, caption) in enumerate(zip(images, captions)):
        x, y = i % columns * cell[0], i // columns * (cell[1] + 14)
        scale = min((cell[0] - 4) / image.shape[1], cell[1] / image.shape[0])
        small = cv2.resize(image, (max(1, int(image.shape[1] * scale)), max(1, int(image.shape[0] * scale))), interpolation=cv2.INTER_LINEAR)
        sheet[y + 13 : y + 13 + small.shape[0], x : x + small.shape[1]] = small
        cv2.putText(sheet, caption, (x + 1, y + 10), cv2.FONT_HERSHEY_SIMPLEX, 0.33, (255, 255, 255), 1, cv2.LINE_AA)
    return sheet


def save_sheet(path: Path, sheet: np.ndarray) -> None:
    """Write an RGB sheet as PNG."""
    if not cv2.imwrite(str(path), sheet[:, :, ::-1]):
        raise OSError(f"could not write the contact sheet {path}; is its folder there and writable?")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--output", type=Path, required=True, help="folder of the cache")
    parser.add_argument("--fonts", type=Path, nargs="*", default=[], help="folders searched for fonts; without any, drawn strokes only")
    parser.add_argument("--count", type=int, default=40000, help="plates to render (default %(default)s)")
    parser.add_argument("--shards", type=int, default=0, help="write so many caches of --count plates, OUTPUT/0000 …, one after the other")
    parser.add_argument("--workers", type=int, default=1, help="processes that share the shards")
    parser.add_argument("--plain", action="store_true", help="the easy set: one row, few fonts, nothing around the text")
    parser.add_argument("--region", help="only the layouts of this region, for example US")
    parser.add_argument("--look-alikes", type=float, default=0.0, metavar="SHARE", help="share of plates with characters that readers confuse (default %(default)s)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--sheet", type=Path, help="also write a contact sheet (PNG) of the first plates")


def write_shards(args: argparse.Namespace, first: int) -> None:
    """Every `--workers`th shard from `first`."""
    fonts = FontBook(args.fonts, np.random.default_rng([args.seed, first]))
    for shard in range(first, args.shards, args.workers):
        write_cache(args.output / f"{shard:04d}", args.count, args.seed * 100_003 + shard, fonts, args.plain, args.region, args.look_alikes)


def write_sheet(path: Path, cache: SynthCache) -> None:
    """The first plates of `cache` on one sheet."""
    shown = range(min(120, len(cache)))
    images = [cv2.resize(cache.rasters[i], (round(96 * cache.aspects[i]), 96)) for i in shown]
    save_sheet(path, contact_sheet(images, [f"{cache.regions[i]} {cache.texts[i]}" for i in shown]))


def run(args: argparse.Namespace) -> int:
    if args.shards:
        processes = [multiprocessing.Process(target=write_shards, args=(args, first)) for first in range(args.workers)]
        for process in processes:
            process.start()
        for process in processes:
            process.join()
        if any(process.exitcode for process in processes):
            return 1
    else:
        fonts = FontBook(args.fonts, np.random.default_rng(args.seed))
        print(f"{len(LAYOUTS)} layouts, fonts:", {tag: len(found) for tag, found in fonts.by_tag.items()})
        write_cache(args.output, args.count, args.seed, fonts, args.plain, args.region, args.look_alikes)
    if args.sheet:
        write_sheet(args.sheet, SynthCache(args.output / "0000" if args.shards else args.output))
    return 0
