"""What is on plates beside the number: seals, pictures, small stacked letters, stickers, frames, foreign script."""

from __future__ import annotations

import cv2
import numpy as np

from .fonts import MARGIN, FontBook

FRAME_TEXTS = (
    "Toyota of Lakeside", "CITY AUTO SALES", "HONDA", "LEXUS OF LAS VEGAS", "GO BLUE", "MY OTHER CAR IS A TARDIS", "DOCTOR WHO", "ALUMNI", "World's Best Dad",
    "www.automobile.com", "AUTOHAUS", "Autocentrum Praha", "BMW", "MEDIA", "UNIVERSITY", "#1 GRANDMA", "Bayside Chevrolet", "OAK LAWN", "RENAULT", "AutoWorld",
)  # fmt: skip

PLAQUE_TEXTS = "JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC 09 11 12 14 21 23 2009 2012 TRK TAX YEAR COUNTY A B K 1B 2A 10-21 EXP MO PASS".split()


def blend(image: np.ndarray, mask: np.ndarray, x: float, y: float, colour) -> None:
    """Paint `colour` through `mask` with its top left corner at (x, y); what is outside is cut."""
    x, y = round(x), round(y)
    x0, y0 = max(x, 0), max(y, 0)
    x1, y1 = min(x + mask.shape[1], image.shape[1]), min(y + mask.shape[0], image.shape[0])
    if x1 <= x0 or y1 <= y0:
        return
    alpha = mask[y0 - y : y1 - y, x0 - x : x1 - x, None].astype(np.float32) / 255
    part = image[y0:y1, x0:x1]
    part[:] = (part * (1 - alpha) + np.asarray(colour, np.float32) * alpha).astype(np.uint8)


def line(image, fonts: FontBook, rng, text: str, box, colour) -> None:
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
        blend(image, small, (box[0] + box[2] - width) / 2, box[1], colour)


def any_colour(rng) -> tuple[int, int, int]:
    """Any colour, as OpenCV wants it."""
    return tuple(int(v) for v in rng.integers(0, 256, 3))


def symbol(image, rng, x: float, top: float, width: float, cap: float, ink) -> None:
    """What stands among the characters and is none: seals, coats of arms, maps, hearts, stars, a wheelchair."""
    colour = any_colour(rng) if rng.random() < 0.75 else tuple(int(v) for v in ink)
    kind = rng.integers(5)
    if kind < 2:
        radius = max(2, round(min(width, cap * 0.5) * rng.uniform(0.28, 0.45)))
        for y in ((0.3, 0.72) if rng.random() < 0.5 else (0.5,)):
            centre = (round(x), round(top + cap * y))
            cv2.circle(image, centre, radius, colour, -1, cv2.LINE_AA)
            cv2.circle(image, centre, max(1, radius // 2), any_colour(rng), -1, cv2.LINE_AA)
        return
    centre, reach = np.array([x, top + cap * rng.uniform(0.4, 0.6)]), np.array([width * 0.5, cap * rng.uniform(0.25, 0.6)])
    if kind == 4:  # a star
        angles = np.arange(10) * np.pi / 5 - np.pi / 2
        rim = np.stack([np.cos(angles), np.sin(angles)], 1) * np.where(np.arange(10) % 2, 0.42, 1.0)[:, None]
        cv2.fillPoly(image, [(centre + rim * reach.min()).astype(np.int32)], colour, cv2.LINE_AA)
        return
    angles = np.sort(rng.uniform(0, 2 * np.pi, rng.integers(5, 11)))
    rim = np.stack([np.cos(angles), np.sin(angles)], 1) * rng.uniform(0.45, 1.0, (len(angles), 1))
    points = [(centre + rim * reach).astype(np.int32)]
    if kind == 2:
        cv2.fillPoly(image, points, colour, cv2.LINE_AA)
        cv2.ellipse(image, tuple(int(v) for v in centre), tuple(int(v) for v in reach * rng.uniform(0.2, 0.6, 2) + 1), rng.uniform(0, 180), 0, 360, any_colour(rng), -1, cv2.LINE_AA)
    else:
        cv2.polylines(image, points, bool(rng.random() < 0.5), colour, max(1, round(0.08 * cap)), cv2.LINE_AA)


def script(image, rng, x: float, top: float, width: float, cap: float, ink) -> None:
    """Writing that is not Latin, as far as it matters: curls and dots."""
    colour = tuple(int(v) for v in ink)
    thick = max(1, round(0.07 * cap))
    for _ in range(rng.integers(2, 5)):
        start = np.array([x + rng.uniform(-0.45, 0.1) * width, top + rng.uniform(0.2, 0.75) * cap])
        steps = rng.uniform(-0.5, 0.5, (4, 2)) * (0.7 * width, 0.5 * cap)
        steps[:, 0] = np.abs(steps[:, 0]) * 0.5
        points = np.concatenate([start[None], start + np.cumsum(steps * 0.6, 0)])
        points[:, 1] = points[:, 1].clip(top + 0.1 * cap, top + 0.95 * cap)
        points[:, 0] = points[:, 0].clip(x - 0.5 * width, x + 0.5 * width)
        cv2.polylines(image, [points.astype(np.int32)], False, colour, thick, cv2.LINE_AA)
    for _ in range(rng.integers(0, 4)):
        spot = (int(x + rng.uniform(-0.45, 0.45) * width), int(top + rng.uniform(0.1, 0.95) * cap))
        cv2.circle(image, spot, thick, colour, -1, cv2.LINE_AA)


def emblem(image, rng, box, strength: float) -> None:
    """A picture printed on the plate within `box` (pixels): an animal, a club, a landmark, as blots of a few colours."""
    x0, y0, x1, y1 = box
    overlay = image.copy()
    colours = [any_colour(rng) for _ in range(int(rng.integers(2, 5)))]
    size = np.array([x1 - x0, y1 - y0])
    for _ in range(rng.integers(3, 9)):
        centre = np.array([x0, y0]) + rng.uniform(0.15, 0.85, 2) * size
        colour = colours[rng.integers(len(colours))]
        reach = rng.uniform(0.08, 0.45, 2) * size
        if rng.random() < 0.5:
            cv2.ellipse(overlay, tuple(int(v) for v in centre), tuple(int(v) + 1 for v in reach), rng.uniform(0, 180), 0, 360, colour, -1, cv2.LINE_AA)
        else:
            angles = np.sort(rng.uniform(0, 2 * np.pi, rng.integers(3, 9)))
            rim = np.stack([np.cos(angles), np.sin(angles)], 1) * rng.uniform(0.3, 1.0, (len(angles), 1)) * reach
            cv2.fillPoly(overlay, [(centre + rim).astype(np.int32)], colour, cv2.LINE_AA)
    cv2.addWeighted(overlay, strength, image, 1 - strength, 0, dst=image)


def stickers(image, fonts: FontBook, rng) -> None:
    """Registration stickers with small digits in the corners."""
    height, width = image.shape[:2]
    for corner in range(4):
        if rng.random() < 0.24:
            w, h = rng.uniform(0.08, 0.16) * width, rng.uniform(0.13, 0.32) * height
            x = rng.uniform(0.01, 0.06) * width if corner % 2 else width - w - rng.uniform(0.01, 0.06) * width
            y = rng.uniform(0.01, 0.05) * height if corner < 2 else height - h - rng.uniform(0.01, 0.05) * height
            cv2.rectangle(image, (round(x), round(y)), (round(x + w), round(y + h)), any_colour(rng) if rng.random() < 0.8 else (235, 235, 235), -1)
            digits = str(rng.integers(1, 100)) if rng.random() < 0.6 else str(rng.choice(["MAR", "AUG", "DEC", "JAN", "OCT", "MONTH", "2009", "YEAR", "12-07"]))
            line(image, fonts, rng, digits, (x + 0.1 * w, y + 0.1 * h, x + 0.9 * w, y + 0.9 * h), any_colour(rng))


def plaque(image, fonts: FontBook, rng, text_box: list) -> list:
    """A validation sticker or a county's plate at one end of the number, with small characters that are no part of the label.
    Returns the box that is left for the number."""
    x0, y0, x1, y1 = text_box
    cap = y1 - y0
    width, height = rng.uniform(0.35, 0.9) * cap, rng.uniform(0.35, 1.0) * cap
    at_left = rng.random() < 0.4
    x, y = x0 if at_left else x1 - width, y0 + rng.uniform(0, cap - height)
    ground = any_colour(rng)
    if rng.random() < 0.8:
        cv2.rectangle(image, (round(x), round(y)), (round(x + width), round(y + height)), ground, -1)
    ink = (20, 20, 20) if sum(ground) > 380 else (235, 235, 235)
    lines = int(rng.integers(1, 4))
    for row in range(lines):
        text = str(rng.choice(PLAQUE_TEXTS)) if rng.random() < 0.5 else str(rng.integers(1, 10_000))
        line(image, fonts, rng, text, (x + 0.1 * width, y + height * (row + 0.12) / lines, x + 0.9 * width, y + height * (row + 0.88) / lines), ink)
    gap = width + rng.uniform(0.02, 0.15) * cap
    return [x0 + gap, y0, x1, y1] if at_left else [x0, y0, x1 - gap, y1]


def frame(image, fonts: FontBook, rng, boxes: list) -> None:
    """A dealer's frame that hides the outer edge, state name and slogan too, often with its own text; the rows of the number
    in `boxes` (pixels) stay visible."""
    height, width = image.shape[:2]
    shade = [int(rng.integers(5, 60))] * 3 if rng.random() < 0.65 else [int(rng.integers(130, 230))] * 3 if rng.random() < 0.7 else [int(v) for v in rng.integers(0, 256, 3)]
    side = round(rng.uniform(0.015, 0.06) * height) + 1
    top = round(min(rng.uniform(0.02, 0.2) * height, min(box[1] for box in boxes)))
    bottom = round(min(rng.uniform(0.02, 0.2) * height, height - max(box[3] for box in boxes)))
    hole = np.full((height, width), 255, np.uint8)
    cv2.rectangle(hole, (side, top), (width - 1 - side, height - 1 - bottom), 0, -1)
    if rng.random() < 0.5:  # tabs or round corners inside
        radius = round(rng.uniform(0.05, 0.12) * height)
        for x in (side, width - 1 - side):
            for y in (top, height - 1 - bottom):
                cv2.circle(hole, (x, y), radius, 255, -1, cv2.LINE_AA)
    blend(image, hole, 0, 0, shade)
    light = (230,) * 3 if sum(shade) < 350 else (20,) * 3
    for y0, y1 in ((0, top), (height - bottom, height)):
        if rng.random() < 0.6:
            line(image, fonts, rng, FRAME_TEXTS[rng.integers(len(FRAME_TEXTS))], (0.1 * width, y0 + 1, 0.9 * width, y1 - 1), light if rng.random() < 0.8 else any_colour(rng))


def stacked(image, rng, font, text_box: list, ink) -> list:
    """Small characters above each other (now and then one alone, or three) at one end of the number, mostly letters; they
    are not part of the label. Returns the box that is left for the number."""
    x0, y0, x1, y1 = text_box
    cap = y1 - y0
    width = rng.uniform(0.2, 0.55) * cap
    count = int(rng.choice([1, 2, 2, 2, 2, 2, 3]))
    at_left = rng.random() < 0.65
    x = x0 if at_left else x1 - width
    digits = rng.random() < 0.15
    letters = rng.choice(list("0123456789" if digits else "ABCDEFGHIJKLMNOPRSTUVWXYZ"), count)
    step = cap / max(count, 2)
    top = y0 + (rng.uniform(0, cap - step) if count == 1 else 0)
    if rng.random() < 0.25:
        ink = any_colour(rng)
    for row, char in enumerate(letters):
        mask = font.mask(str(char))[MARGIN:-MARGIN]
        own = min(width, mask.shape[1] / mask.shape[0] * step * 1.4)
        small = cv2.resize(mask, (max(3, round(own)), max(4, round(step * 0.88))), interpolation=cv2.INTER_AREA)
        blend(image, small, x + (width - own) / 2, top + row * step * 1.08, ink)
    gap = width + rng.uniform(0.05, 0.2) * cap
    return [x0 + gap, y0, x1, y1] if at_left else [x0, y0, x1 - gap, y1]


def season(image, rng, font, text_box: list, ink) -> list:
    """German season numbers: the first month above the last one at the right end; no part of the label."""
    x0, y0, x1, y1 = text_box
    cap = y1 - y0
    width = 0.42 * cap
    for row, month in enumerate((rng.integers(2, 6), rng.integers(9, 12))):
        for place, digit in enumerate(f"{month:02d}"):
            mask = cv2.resize(font.mask(digit)[MARGIN:-MARGIN], (max(3, round(0.2 * cap)), max(4, round(0.42 * cap))), interpolation=cv2.INTER_AREA)
            blend(image, mask, x1 - width + place * 0.22 * cap, y0 + row * 0.56 * cap, ink)
    return [x0, y0, x1 - width - 0.1 * cap, y1]
