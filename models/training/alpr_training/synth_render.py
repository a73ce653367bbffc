"""Draws one clean plate: text, ground, bands, names, stickers, frame, bolts. No camera yet."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from .fonts import CAP_HEIGHT, MARGIN, FontBook
from .synth_layouts import SLOGANS, Layout, random_layout, random_pattern

RENDER_WIDTH = 480  # pixels; all sizes below are fractions of the plate's height


@dataclass
class Plate:
    """`image`: uint8 RGB [h, w, 3], the plate fills it. `boxes`: float32 [n, 4], x0 y0 x1 y1 of each
    character as fractions of width and height. `text`: A-Z0-9 without spacing."""

    image: np.ndarray
    text: str
    boxes: np.ndarray
    region: str


def _blend(image: np.ndarray, mask: np.ndarray, x: float, y: float, colour) -> None:
    """Paint `colour` through `mask` with its top left corner at (x, y); what is outside is cut."""
    x, y = round(x), round(y)
    x0, y0 = max(x, 0), max(y, 0)
    x1, y1 = min(x + mask.shape[1], image.shape[1]), min(y + mask.shape[0], image.shape[0])
    if x1 <= x0 or y1 <= y0:
        return
    alpha = mask[y0 - y : y1 - y, x0 - x : x1 - x, None].astype(np.float32) / 255
    part = image[y0:y1, x0:x1]
    part[:] = (part * (1 - alpha) + np.asarray(colour, np.float32) * alpha).astype(np.uint8)


def _line(image, fonts: FontBook, rng, text: str, box, colour) -> None:
    """A small line of text (state name, slogan) fitted into `box` (x0, y0, x1, y1 in pixels)."""
    font = fonts.pick_text(rng)
    height = int(box[3] - box[1])
    if font is None or not text or height < 4:
        return
    mask = font.text(text)
    scale = height / mask.shape[0]
    width = int(min(mask.shape[1] * scale, box[2] - box[0]))
    if width >= 4:
        small = cv2.resize(mask, (width, height), interpolation=cv2.INTER_AREA)
        _blend(image, small, (box[0] + box[2] - width) / 2, box[1], colour)


def _ground(rng: np.random.Generator, width: int, height: int, layout: Layout, ground) -> np.ndarray:
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


def _row_widths(row: list[str], font, cap: float, gap: float, mono: float) -> list[tuple[str, float]]:
    """Each mark of a row with its width in pixels, `gap` between neighbours not counted."""
    out = []
    for mark in row:
        if mark.isalnum():
            natural = font.mask(mark).shape[1] * cap / CAP_HEIGHT
            out.append((mark, max(natural, mono * cap) if mono else natural))
        else:
            out.append((mark, {" ": 0.22, "_": 0.5, "-": 0.26, ".": 0.1, "*": 0.55}[mark] * cap))
    return out


def _draw_row(image, rng, row, font, box, ink, style) -> list[tuple[float, float, float, float]]:
    """Draw one row into `box` (pixels), centred, squeezed when too wide; returns the characters' boxes."""
    cap = box[3] - box[1]
    gap = style["gap"] * cap
    marks = _row_widths(row, font, cap, gap, style["mono"])
    total = sum(width for _, width in marks) + gap * (len(marks) - 1)
    room = box[2] - box[0]
    squeeze = min(1.0, room / total) if total > 0 else 1.0
    if total * squeeze < room and style["fill"]:
        squeeze = min(style["fill"], room / total)
    x = box[0] + (room - total * squeeze) * style["align"]
    boxes = []
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
                _blend(image, small, left + 1.5, top + 1.5, (light,) * 3)
            _blend(image, small, left, top, ink)
            boxes.append((left, box[1], left + ink_width, box[3]))
        elif mark in "-.":
            y = box[1] + cap * (0.5 if mark == "-" or rng.random() < 0.6 else 0.93)
            half = 0.05 * cap
            cv2.rectangle(image, (round(x + width * 0.1), round(y - half)), (round(x + width * 0.9), round(y + half)), [int(v) for v in ink], -1)
        elif mark == "*":
            _symbol(image, rng, x + width / 2, box[1], width, cap, ink)
        x += width + gap * squeeze
    return boxes


def _symbol(image, rng, x: float, top: float, width: float, cap: float, ink) -> None:
    """What stands among the characters and is none: seals, coats of arms, maps, fruit, a wheelchair."""
    colour = [int(v) for v in (rng.integers(0, 256, 3) if rng.random() < 0.75 else ink)]
    kind = rng.integers(4)
    if kind < 2:
        radius = max(2, round(min(width, cap * 0.5) * rng.uniform(0.28, 0.45)))
        for y in ((0.3, 0.72) if rng.random() < 0.5 else (0.5,)):
            centre = (round(x), round(top + cap * y))
            cv2.circle(image, centre, radius, colour, -1, cv2.LINE_AA)
            cv2.circle(image, centre, max(1, radius // 2), [int(v) for v in rng.integers(0, 256, 3)], -1, cv2.LINE_AA)
        return
    centre, reach = np.array([x, top + cap * rng.uniform(0.4, 0.6)]), np.array([width * 0.5, cap * rng.uniform(0.25, 0.6)])
    angles = np.sort(rng.uniform(0, 2 * np.pi, rng.integers(5, 11)))
    rim = np.stack([np.cos(angles), np.sin(angles)], 1) * rng.uniform(0.45, 1.0, (len(angles), 1))
    points = [(centre + rim * reach).astype(np.int32)]
    if kind == 2:
        cv2.fillPoly(image, points, colour, cv2.LINE_AA)
        cv2.ellipse(image, tuple(int(v) for v in centre), tuple(int(v) for v in reach * rng.uniform(0.2, 0.6, 2) + 1), rng.uniform(0, 180), 0, 360, [int(v) for v in rng.integers(0, 256, 3)], -1, cv2.LINE_AA)
    else:
        cv2.polylines(image, points, bool(rng.random() < 0.5), colour, max(1, round(0.08 * cap)), cv2.LINE_AA)


def _text_boxes(rng, layout: Layout, rows: int, width: int, height: int) -> tuple[list, float, float]:
    """The pixel boxes of the text rows, and how much of left and right is taken by bands."""
    left = right = 0.0
    top, bottom = rng.uniform(0.1, 0.17), rng.uniform(0.1, 0.17)
    if layout.style in ("euro", "uk"):
        band = 0.42 if rows == 1 else 0.2
        left = band * height if rng.random() < (0.85 if layout.style == "euro" else 0.35) else 0.0
        if layout.region in ("FR", "IT") and left and rng.random() < 0.8:
            right = left
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
    share = rng.uniform(0.42, 0.5)
    middle = y0 + (y1 - y0 - between) * share
    return [(x0, y0, x1, middle), (x0, middle + between, x1, y1)], left, right


def _decorate(image, fonts, rng, layout: Layout, boxes, left: float, right: float, ink) -> None:
    """Bands, names, slogans, stickers, small stacked letters, border, bolts."""
    height, width = image.shape[:2]
    flag = (0, 51, 153) if rng.random() < 0.85 or layout.style == "euro" else (20, 110, 60)
    for x0, x1, present in ((0, left, left), (width - right, width, right)):
        if present:
            cv2.rectangle(image, (round(x0), 0), (round(x1), height), flag, -1)
            cv2.circle(image, (round((x0 + x1) / 2), round(height * 0.3)), round((x1 - x0) * 0.3), (240, 210, 40), max(1, round((x1 - x0) * 0.06)), cv2.LINE_AA)
            _line(image, fonts, rng, layout.region[: rng.integers(1, 3)], (x0, height * 0.6, x1, height * 0.88), (240, 240, 240))
    first, last = boxes[0], boxes[-1]
    if layout.style == "mercosur":
        cv2.rectangle(image, (0, 0), (width, round(first[1] - 0.05 * height)), (25, 60, 150), -1)
        _line(image, fonts, rng, layout.names[rng.integers(len(layout.names))], (width * 0.2, height * 0.04, width * 0.8, first[1] - 0.08 * height), (245, 245, 245))
    elif layout.style in ("us", "br"):
        name = layout.names[rng.integers(len(layout.names))] if layout.names else ""
        name = name.upper() if rng.random() < 0.4 else name
        tint = ink if rng.random() < 0.5 else tuple(int(v) for v in rng.integers(0, 256, 3))
        upper = (width * 0.15, height * 0.04, width * 0.85, first[1] - 0.03 * height)
        lower = (width * 0.12, last[3] + 0.04 * height, width * 0.88, height * 0.97)
        slogan = SLOGANS[rng.integers(len(SLOGANS))] if layout.style == "us" else ""
        if rng.random() < 0.15:
            name, slogan = slogan, name
        if rng.random() < 0.92:
            _line(image, fonts, rng, name, upper if layout.style == "us" or first[1] > 0.2 * height else lower, tint)
        if rng.random() < 0.7:
            _line(image, fonts, rng, slogan, lower, tint)
    if layout.style == "us":
        for corner in range(4):  # registration stickers with small digits
            if rng.random() < 0.22:
                w, h = rng.uniform(0.09, 0.15) * width, rng.uniform(0.15, 0.24) * height
                x = rng.uniform(0.02, 0.05) * width if corner % 2 else width - w - rng.uniform(0.02, 0.05) * width
                y = 0.03 * height if corner < 2 else height - h - 0.03 * height
                cv2.rectangle(image, (round(x), round(y)), (round(x + w), round(y + h)), [int(v) for v in rng.integers(0, 256, 3)], -1)
                digits = str(rng.integers(1, 100)) if rng.random() < 0.6 else str(rng.choice(["MAR", "AUG", "DEC", "JAN", "OCT"]))
                _line(image, fonts, rng, digits, (x + 0.1 * w, y + 0.1 * h, x + 0.9 * w, y + 0.9 * h), [int(v) for v in rng.integers(0, 256, 3)])
    if rng.random() < 0.5:
        edge = max(1, round(rng.uniform(0.008, 0.03) * height))
        inset = round(rng.uniform(0, 0.025) * height)
        cv2.rectangle(image, (inset, inset), (width - 1 - inset, height - 1 - inset), [int(v) for v in ink], edge)
    for x, y in ((0.2, 0.07), (0.8, 0.07), (0.2, 0.93), (0.8, 0.93)):  # bolts
        if rng.random() < 0.2:
            shade = int(rng.integers(20, 220))
            cv2.circle(image, (round(x * width), round(y * height)), max(1, round(rng.uniform(0.02, 0.05) * height)), (shade,) * 3, -1, cv2.LINE_AA)


def _frame(image, fonts, rng) -> None:
    """A dealer's frame that hides the outer edge, often with its own small text."""
    height, width = image.shape[:2]
    shade = np.array([rng.integers(5, 60)] * 3 if rng.random() < 0.7 else [rng.integers(130, 230)] * 3)
    side = round(rng.uniform(0.015, 0.05) * height) + 1
    top, bottom = (round(rng.uniform(0.02, 0.13) * height) for _ in range(2))
    colour = [int(v) for v in shade]
    cv2.rectangle(image, (0, 0), (width, top), colour, -1)
    cv2.rectangle(image, (0, height - bottom), (width, height), colour, -1)
    cv2.rectangle(image, (0, 0), (side, height), colour, -1)
    cv2.rectangle(image, (width - side, 0), (width, height), colour, -1)
    text = SLOGANS[rng.integers(len(SLOGANS))]
    light = 230 if shade[0] < 100 else 20
    for y0, y1 in ((0, top), (height - bottom, height)):
        if rng.random() < 0.5:
            _line(image, fonts, rng, text, (0.1 * width, y0 + 1, 0.9 * width, y1 - 1), (light,) * 3)


def _stacked(image, rng, font, text_box: list, ink) -> list:
    """Small letters above each other (now and then one alone, or three) at one end of the number; they are
    not part of the label. Returns the box that is left for the number."""
    x0, y0, x1, y1 = text_box
    cap = y1 - y0
    width = rng.uniform(0.2, 0.45) * cap
    count = int(rng.choice([1, 2, 2, 2, 2, 3]))
    at_left = rng.random() < 0.65
    x = x0 if at_left else x1 - width
    letters = rng.choice(list("ABCDEFGHIJKLMNOPRSTUVWXYZ"), count)
    step = cap / max(count, 2)
    top = y0 + (rng.uniform(0, cap - step) if count == 1 else 0)
    for row, char in enumerate(letters):
        mask = font.mask(str(char))[MARGIN:-MARGIN]
        own = min(width, mask.shape[1] / mask.shape[0] * step * 1.3)
        small = cv2.resize(mask, (max(3, round(own)), max(4, round(step * 0.86))), interpolation=cv2.INTER_AREA)
        _blend(image, small, x + (width - own) / 2, top + row * step * 1.08, ink)
    gap = width + rng.uniform(0.06, 0.2) * cap
    return [x0 + gap, y0, x1, y1] if at_left else [x0, y0, x1 - gap, y1]


def render(rng: np.random.Generator, fonts: FontBook, layout: Layout | None = None) -> Plate:
    """A random clean plate of `layout` (default: one drawn by weight)."""
    layout = layout or random_layout(rng)
    rows = random_pattern(rng, layout)
    if layout.style == "us" and rng.random() < 0.22:
        rows[0].insert(0 if rng.random() < 0.5 else int(rng.integers(len(rows[0]) + 1)), "*")
    aspect = rng.uniform(*layout.aspect)
    if len(rows) == 2 and aspect > 2.2:
        aspect = rng.uniform(1.25, 1.75)
    width, height = RENDER_WIDTH, round(RENDER_WIDTH / aspect)
    ground, ink = layout.colours[rng.integers(len(layout.colours))]
    image = _ground(rng, width, height, layout, ground)
    ink = tuple(int(v) for v in np.clip(np.asarray(ink) + rng.integers(-18, 19, 3), 0, 255))
    boxes, left, right = _text_boxes(rng, layout, len(rows), width, height)
    _decorate(image, fonts, rng, layout, boxes, left, right, ink)
    font = fonts.pick(rng, layout.fonts)
    style = {
        "gap": rng.uniform(0.05, 0.16),
        "mono": rng.uniform(0.35, 0.5) if rng.random() < 0.4 else 0.0,
        "fill": rng.uniform(1.0, 1.4) if rng.random() < 0.6 else 0.0,
        "align": 0.5 if rng.random() < 0.85 else rng.uniform(0.1, 0.9),
        "emboss": rng.choice([0, 0, 1, -1]),
    }
    if layout.region == "US" and len(rows) == 1 and rng.random() < 0.3:
        boxes[0] = _stacked(image, rng, font, boxes[0], ink)
    found = []
    for row, box in zip(rows, boxes):
        found.append(_draw_row(image, rng, row, font, box, ink, style))
    if rng.random() < (0.35 if layout.style == "us" else 0.12):
        _frame(image, fonts, rng)
    text = "".join(c for row in rows for c in row if c.isalnum())
    scaled = np.array([b for row in found for b in row], np.float32) / (width, height, width, height)
    return Plate(image, text, scaled, layout.region)
