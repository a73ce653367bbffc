"""Draws one clean plate: text, ground, bands, names, stickers, frame, bolts. No camera yet."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from . import synth_ornaments as ornaments
from .fonts import CAP_HEIGHT, MARGIN, FontBook
from .synth_layouts import Layout, Look, random_layout, random_look
from .synth_ornaments import blend, line, symbol

RENDER_WIDTH = 400  # pixels; all sizes below are fractions of the plate's height


@dataclass
class Plate:
    """`image`: uint8 RGB [h, w, 3], the plate fills it. `boxes`: float32 [n, 4], x0 y0 x1 y1 of each
    character as fractions of width and height. `text`: A-Z0-9 without spacing."""

    image: np.ndarray
    text: str
    boxes: np.ndarray
    region: str


def _ground(rng: np.random.Generator, width: int, height: int, layout: Layout, ground) -> np.ndarray:
    """The plate without anything on it."""
    image = np.empty((height, width, 3), np.uint8)
    image[:] = np.clip(np.asarray(ground) + rng.integers(-14, 15, 3), 0, 255)
    if layout.style == "us" and rng.random() < 0.45:  # printed scenery: gradients, hills, blobs
        other = rng.integers(60, 256, 3) if rng.random() < 0.7 else np.clip(np.asarray(ground) + rng.integers(-60, 61, 3), 0, 255)
        ramp = np.linspace(0, 1, height)[:, None, None] ** rng.uniform(0.6, 3)
        if rng.random() < 0.3:
            ramp = ramp[::-1]
        strength = rng.uniform(0.15, 0.6)
        image = (image * (1 - ramp * strength) + other * ramp * strength).astype(np.uint8)
        for _ in range(rng.integers(0, 4)):
            overlay = image.copy()
            centre = (int(rng.uniform(0, width)), int(rng.uniform(0, height * 1.2)))
            axes = (int(rng.uniform(0.05, 0.4) * width), int(rng.uniform(0.05, 0.4) * height))
            cv2.ellipse(overlay, centre, axes, rng.uniform(0, 180), 0, 360, tuple(int(v) for v in rng.integers(40, 256, 3)), -1, cv2.LINE_AA)
            image = cv2.addWeighted(overlay, 0.3, image, 0.7, 0)
    return np.ascontiguousarray(image)


def _row_widths(row: list[str], font, cap: float, symbol_width: float, picture_width: float, mono: float) -> list[tuple[str, float]]:
    """Each mark of a row with its width in pixels, gaps between neighbours not counted."""
    out = []
    for mark in row:
        if mark.isalnum():
            natural = font.mask(mark).shape[1] * cap / CAP_HEIGHT
            out.append((mark, max(natural, mono * cap) if mono else natural))
        else:
            out.append((mark, {" ": 0.22, "_": 0.5, "-": 0.26, ".": 0.1, "*": symbol_width, "#": picture_width, "~": 0.9}[mark] * cap))
    return out


def _draw_row(image, rng, row, font, box, ink, style) -> list[tuple[float, float, float, float]]:
    """Draw one row into `box` (pixels), centred, squeezed when too wide; returns the characters' boxes."""
    cap = box[3] - box[1]
    gap = style["gap"] * cap
    marks = _row_widths(row, font, cap, style["symbol"], style["picture"], style["mono"])
    total = sum(width for _, width in marks) + gap * (len(marks) - 1)
    room = box[2] - box[0]
    squeeze = min(1.0, room / total) if total > 0 else 1.0
    if total * squeeze < room and style["fill"]:
        squeeze = min(style["fill"], room / total)
    x = start = box[0] + (room - total * squeeze) * style["align"]
    # Pictures first: what stands beside them is printed over them.
    for mark, width in marks:
        if mark == "#":
            spill = rng.uniform(0, 0.45) * cap
            rise, strength = rng.uniform(-0.1, 0.35, 2) * cap, rng.uniform(0.4, 1.0)
            ornaments.emblem(image, rng, (x - spill, box[1] - rise[0], x + width * squeeze + spill, box[3] + rise[1]), strength)
        x += (width + gap) * squeeze
    x, boxes = start, []
    for mark, width in marks:
        width *= squeeze
        if mark.isalnum():
            mask = font.mask(mark)
            ink_width = min(width, mask.shape[1] * cap / CAP_HEIGHT * squeeze)
            left = x + (width - ink_width) / 2
            height = round(mask.shape[0] * cap / CAP_HEIGHT)
            small = cv2.resize(mask, (max(2, round(ink_width)), height), interpolation=cv2.INTER_AREA)
            top = box[1] - MARGIN * cap / CAP_HEIGHT
            if style["emboss"]:
                light = 255 if style["emboss"] > 0 else 0
                blend(image, small, left + 1.5, top + 1.5, (light,) * 3)
            blend(image, small, left, top, ink)
            boxes.append((left, box[1], left + ink_width, box[3]))
        elif mark in "-.":
            y = box[1] + cap * (0.5 if mark == "-" or rng.random() < 0.6 else 0.93)
            half = 0.05 * cap
            cv2.rectangle(image, (round(x + width * 0.1), round(y - half)), (round(x + width * 0.9), round(y + half)), [int(v) for v in ink], -1)
        elif mark == "*":
            symbol(image, rng, x + width / 2, box[1], width, cap, ink)
        elif mark == "~":
            ornaments.script(image, rng, x + width / 2, box[1], width, cap, ink)
        x += width + gap * squeeze
    return boxes


def _text_boxes(rng, layout: Layout, rows: int, width: int, height: int) -> tuple[list, float, float]:
    """The pixel boxes of the text rows, and how much of left and right is taken by bands."""
    left = right = 0.0
    top, bottom = rng.uniform(0.1, 0.17), rng.uniform(0.1, 0.17)
    if layout.style in ("euro", "uk"):
        band = 0.42 if rows == 1 else 0.2
        left = band * height if rng.random() < (0.85 if layout.style == "euro" else 0.35) else 0.0
        if left and rng.random() < (0.8 if layout.region in ("FR", "IT") else 0.06):
            right = left
        if left and not right and rng.random() < 0.06:
            left, right = right, left
    elif layout.style == "us":
        top, bottom = (rng.uniform(0.22, 0.32), rng.uniform(0.18, 0.28)) if rng.random() < 0.85 else (rng.uniform(0.1, 0.2), rng.uniform(0.3, 0.4))
    elif layout.style == "br":
        top, bottom = (0.3, 0.12) if rng.random() < 0.7 else (0.12, 0.3)
    elif layout.style == "mercosur":
        top, bottom = rng.uniform(0.28, 0.34), rng.uniform(0.06, 0.1)
    pad = rng.uniform(0.03, 0.14) * height
    x0, x1 = left + pad, width - right - pad
    y0, y1 = top * height, (1 - bottom) * height
    if rows == 1:
        return [(x0, y0, x1, y1)], left, right
    y0, y1 = min(y0, 0.2 * height) if layout.style not in ("mercosur", "br") else y0, (1 - min(bottom, 0.12)) * height
    between = rng.uniform(0.06, 0.12) * height
    share = rng.uniform(0.38, 0.54)
    middle = y0 + (y1 - y0 - between) * share
    # On many two-row plates the band stands beside the first row only.
    below = pad if layout.style in ("euro", "uk") and rng.random() < 0.5 else x0
    return [(x0, y0, x1, middle), (below, middle + between, x1, y1)], left, right


def _decorate(image, fonts, rng, layout: Layout, look: Look, boxes, left: float, right: float, ink) -> None:
    """Bands, names, slogans, stickers, border, bolts."""
    height, width = image.shape[:2]
    flag = (20, 110, 60) if layout.region == "PK" or (layout.style == "uk" and rng.random() < 0.15) else (0, 51, 153)
    end = height if boxes[-1][0] >= left else round((boxes[0][3] + boxes[-1][1]) / 2)
    for x0, x1, present in ((0, left, left), (width - right, width, right)):
        if present:
            cv2.rectangle(image, (round(x0), 0), (round(x1), end), flag, -1)
            cv2.circle(image, (round((x0 + x1) / 2), round(end * 0.3)), round((x1 - x0) * 0.3), (240, 210, 40), max(1, round((x1 - x0) * 0.06)), cv2.LINE_AA)
            line(image, fonts, rng, layout.region.removeprefix("ZZ")[: rng.integers(1, 3)], (x0, end * 0.6, x1, end * 0.88), (240, 240, 240))
    first, last = boxes[0], boxes[-1]
    if layout.style == "mercosur":
        cv2.rectangle(image, (0, 0), (width, round(first[1] - 0.05 * height)), (25, 60, 150), -1)
        line(image, fonts, rng, look.name, (width * 0.2, height * 0.04, width * 0.8, first[1] - 0.08 * height), (245, 245, 245))
    elif layout.style in ("us", "br"):
        tint = ink if rng.random() < 0.6 else ornaments.any_colour(rng)
        upper = (width * 0.15, height * 0.04, width * 0.85, first[1] - 0.03 * height)
        lower = (width * 0.12, last[3] + 0.04 * height, width * 0.88, height * 0.97)
        name, slogan = look.name, look.slogan if layout.style == "us" else ""
        if rng.random() < 0.18:
            name, slogan = slogan, name
        if rng.random() < 0.92:
            line(image, fonts, rng, name, upper if layout.style == "us" or first[1] > 0.2 * height else lower, tint)
        if rng.random() < 0.75:
            line(image, fonts, rng, slogan, lower, tint)
    if layout.style == "us":
        ornaments.stickers(image, fonts, rng)
    if rng.random() < 0.5:
        edge = max(1, round(rng.uniform(0.008, 0.03) * height))
        inset = round(rng.uniform(0, 0.025) * height)
        cv2.rectangle(image, (inset, inset), (width - 1 - inset, height - 1 - inset), [int(v) for v in ink], edge)
    for x, y in ((0.2, 0.07), (0.8, 0.07), (0.2, 0.93), (0.8, 0.93)):  # bolts
        if rng.random() < 0.2:
            shade = int(rng.integers(20, 220))
            cv2.circle(image, (round(x * width), round(y * height)), max(1, round(rng.uniform(0.02, 0.05) * height)), (shade,) * 3, -1, cv2.LINE_AA)


def render(rng: np.random.Generator, fonts: FontBook, layout: Layout | None = None, alike: bool = False) -> Plate:
    """A random clean plate of `layout` (default: one drawn by weight); `alike` as in `random_rows`."""
    layout = layout or random_layout(rng)
    american = layout.style == "us"
    look = random_look(rng, layout, alike)
    rows = look.rows
    if american and rng.random() < 0.22:
        rows[0].insert(0 if rng.random() < 0.5 else int(rng.integers(len(rows[0]) + 1)), "*")
    elif american and len(rows) == 1 and rng.random() < 0.16:
        rows[0] = _with_picture(rng, rows[0])
    aspect = rng.uniform(*layout.aspect)
    if len(rows) == 2 and aspect > 2.2:
        aspect = rng.uniform(1.1, 1.85)
    width, height = RENDER_WIDTH, round(RENDER_WIDTH / aspect)
    image = _ground(rng, width, height, layout, look.ground)
    ink = tuple(int(v) for v in np.clip(np.asarray(look.ink) + rng.integers(-18, 19, 3), 0, 255))
    boxes, left, right = _text_boxes(rng, layout, len(rows), width, height)
    if american and len(rows) == 1:
        boxes[0] = _pictures(image, rng, boxes[0])
    _decorate(image, fonts, rng, layout, look, boxes, left, right, ink)
    font = fonts.pick(rng, layout.fonts)
    style = {
        "gap": rng.uniform(0.05, 0.16),
        "mono": rng.uniform(0.35, 0.5) if rng.random() < 0.4 else 0.0,
        "fill": rng.uniform(1.0, 1.4) if rng.random() < 0.6 else 0.0,
        "align": 0.5 if rng.random() < 0.85 else rng.uniform(0.1, 0.9),
        "emboss": rng.choice([0, 0, 1, -1]),
        "symbol": rng.uniform(0.35, 1.1) if american else rng.uniform(0.4, 0.65),
        "picture": rng.uniform(0.3, 1.5),
    }
    if layout.region in ("US", "CA") and len(rows) == 1 and rng.random() < 0.32:
        boxes[0] = ornaments.stacked(image, rng, font, boxes[0], ink)
    elif american and len(rows) == 1 and rng.random() < 0.15:
        boxes[0] = ornaments.plaque(image, fonts, rng, boxes[0])
    elif layout.region == "DE" and len(rows) == 1 and rng.random() < 0.1:
        boxes[0] = ornaments.season(image, rng, font, boxes[0], ink)
    found = []
    for row, box in zip(rows, boxes):
        found.append(_draw_row(image, rng, row, font, box, ink, style))
    if rng.random() < (0.35 if american else 0.12):
        ornaments.frame(image, fonts, rng, boxes)
    text = "".join(c for row in rows for c in row if c.isalnum())
    scaled = np.array([b for row in found for b in row], np.float32) / (width, height, width, height)
    return Plate(image, text, scaled, layout.region)


def _with_picture(rng, row: list[str]) -> list[str]:
    """`row` with a picture where its groups part, or in the middle: the orange of Florida, the rider of Wyoming."""
    gaps = [place for place, mark in enumerate(row) if mark in " -*"]
    if gaps:
        return ["#" if place == gaps[0] else mark for place, mark in enumerate(row)]
    middle = len(row) // 2
    return row[:middle] + ["#"] + row[middle:]


def _pictures(image, rng, text_box) -> list:
    """Pictures on special plates: beside the number, or faint behind it. Returns the box that is left for the number."""
    x0, y0, x1, y1 = text_box
    cap, dice = y1 - y0, rng.random()
    if dice < 0.2:
        size = rng.uniform(0.6, 1.3) * cap
        at_left = rng.random() < 0.75
        x = x0 if at_left else x1 - size
        ornaments.emblem(image, rng, (x, y0 - 0.15 * cap, x + size, y1 + 0.15 * cap), rng.uniform(0.7, 1.0))
        gap = size + rng.uniform(0, 0.12) * cap
        return [x0 + gap, y0, x1, y1] if at_left else [x0, y0, x1 - gap, y1]
    if dice < 0.4:
        size = rng.uniform(0.7, 2.5) * cap
        x = rng.uniform(x0, max(x0 + 1, x1 - size))
        ornaments.emblem(image, rng, (x, y0 - 0.2 * cap, x + size, y1 + 0.3 * cap), rng.uniform(0.2, 0.75))
    return [x0, y0, x1, y1]
