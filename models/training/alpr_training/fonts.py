"""Fonts for rendered plates: files given by the user, fonts from packages, and drawn strokes.

`FontBook` finds every usable font under the given folders (`.ttf`, `.otf`, `.woff`), adds stroke
styles, and hands out glyph masks. No font file belongs to this repository: the README says which
packages to install.
"""

from __future__ import annotations

import re
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from . import strokes

CAP_HEIGHT = 96  # rows of a glyph mask between baseline and cap line
MARGIN = 12  # rows kept above and below it, for tails of Q and J
STROKE_STYLES = 60  # drawn styles of each kind
# A regular expression on the file name -> tags that layouts ask for.
TAGS = [
    (r"nummernschild", "fe"),
    (r"din1451|alte|d-din", "din"),
    (r"barlow|overpass|saira|b612|share|chakra|quantico|rajdhani|blinker", "us"),
    (r"barlow-condensed|saira-(extra-)?condensed|oswald|bebas|league|antonio|archivo-narrow|roboto-condensed|fjalla|teko|khand|jockey|pathway|ubuntu-condensed", "condensed"),
    (r"mono", "mono"),
    (r"slab|rokkitt|arvo|baskerville|serif|crete", "serif"),
    (r".", "any"),
]  # fmt: skip
# Weights worth having: thin strokes do not exist on plates.
WEIGHT = re.compile(r"-latin-([4-8]00)-normal\.woff$")


class FileFont:
    """One font file; masks are cut from the cap line to the baseline plus `MARGIN`."""

    def __init__(self, path: Path) -> None:
        font = ImageFont.truetype(str(path), 100)
        top, bottom = font.getbbox("H")[1::2]
        if bottom - top < 20:
            raise ValueError(f"{path}: no glyph for H")
        self.font = ImageFont.truetype(str(path), round(100 * CAP_HEIGHT / (bottom - top)))
        self.top = self.font.getbbox("H")[1]
        self.masks: dict[str, np.ndarray] = {}

    def mask(self, char: str) -> np.ndarray:
        """Ink of `char`, tight left and right, `CAP_HEIGHT + 2 * MARGIN` rows."""
        if char not in self.masks:
            left, _, right, _ = self.font.getbbox(char)
            image = Image.new("L", (max(1, right - left), CAP_HEIGHT + 2 * MARGIN))
            ImageDraw.Draw(image).text((-left, MARGIN - self.top), char, 255, font=self.font)
            self.masks[char] = np.asarray(image)
        return self.masks[char]

    def text(self, text: str) -> np.ndarray:
        """A whole line as one mask, for names and slogans (any character the font has)."""
        left, _, right, _ = self.font.getbbox(text)
        image = Image.new("L", (max(1, right - left), CAP_HEIGHT + 2 * MARGIN))
        ImageDraw.Draw(image).text((-left, MARGIN - self.top), text, 255, font=self.font)
        return np.asarray(image)


class StrokeFont:
    """One drawn style, of fixed numbers, so that all characters of a plate match."""

    def __init__(self, rng: np.random.Generator, kind: str) -> None:
        wide = {"uk": (0.56, 0.66), "us": (0.42, 0.58), "asia": (0.42, 0.56)}[kind]
        self.style = {
            "width": rng.uniform(*wide),
            "stroke": rng.uniform(0.15, 0.19) if kind == "uk" else rng.uniform(0.10, 0.175),
            "radius": rng.choice([rng.uniform(0.1, 0.25), rng.uniform(0.25, 0.5)]),
        }
        if kind == "uk":
            self.style["radius"] = rng.uniform(0.22, 0.45)
        # North American dies mostly give the I its bars; a zero with a stroke is rare everywhere.
        often = {"0": 0.06, "I": 0.85 if kind == "us" else 0.25}
        self.variants = {c for c in strokes.VARIANTS if rng.random() < often.get(c, 0.25)}
        self.masks: dict[str, np.ndarray] = {}

    def mask(self, char: str) -> np.ndarray:
        """As `FileFont.mask`."""
        if char not in self.masks:
            ink = strokes.glyph(char, CAP_HEIGHT, self.style, char in self.variants)
            self.masks[char] = cv2.copyMakeBorder(ink, MARGIN, MARGIN, 0, 0, cv2.BORDER_CONSTANT, value=0)
        return self.masks[char]


class FontBook:
    """All fonts by tag. `folders`: searched recursively; missing folders are an error, none is fine."""

    def __init__(self, folders: list[Path], rng: np.random.Generator) -> None:
        self.by_tag: dict[str, list] = {}
        for folder in folders:
            if not folder.is_dir():
                raise FileNotFoundError(f"font folder {folder} does not exist; see README.md, Fonts")
            for path in sorted(folder.rglob("*")):
                if path.suffix.lower() in (".ttf", ".otf") or WEIGHT.search(path.name):
                    self._add(FileFont(path), [tag for pattern, tag in TAGS if re.search(pattern, path.name, re.I)])
        for kind in ("uk", "us", "asia"):
            for _ in range(STROKE_STYLES):
                self._add(StrokeFont(rng, kind), [f"strokes-{kind}"])

    def _add(self, font, tags: list[str]) -> None:
        for tag in tags:
            self.by_tag.setdefault(tag, []).append(font)

    def pick(self, rng: np.random.Generator, tags: str):
        """A random font of one of the space-separated `tags`, in order of weight by repetition."""
        known = [tag for tag in tags.split() if tag in self.by_tag] or ["strokes-us"]
        fonts = self.by_tag[known[rng.integers(len(known))]]
        return fonts[rng.integers(len(fonts))]

    def pick_text(self, rng: np.random.Generator) -> FileFont | None:
        """A font for names and slogans; None when there are only drawn strokes."""
        fonts = self.by_tag.get("any")
        return fonts[rng.integers(len(fonts))] if fonts else None
