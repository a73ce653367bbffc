"""The camera: turns a clean plate or a photographed crop into a 128x64 reader input.

Everything is cheap OpenCV on small images, because one process must feed the training. `strength`
0 … 1 scales all of it: 0 is a clean frontal plate, 1 includes 8 px characters, 45 degrees of tilt, night and motion blur.
"""

from __future__ import annotations

import cv2
import numpy as np

# No thread pool: the pictures are tiny, and a pool does not survive the fork of a loader process.
cv2.setNumThreads(0)

WIDTH, HEIGHT = 128, 64  # reader input
CORNERS = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32)  # TL TR BR BL
TARGET = (CORNERS * (WIDTH, HEIGHT)).astype(np.float32)
MARGIN = (-0.04, 0.20)  # of the box, each side: what detectors and users give


def tilted_quad(rng: np.random.Generator, width: float, height: float, strength: float) -> np.ndarray:
    """Corners of a plate of `width` x `height` px seen by a camera, float32 [4, 2], around the origin."""
    wide = rng.random() < 0.35
    limit = np.radians([45, 30, 32] if wide else [22, 16, 8]) * strength
    yaw, pitch, roll = rng.uniform(-1, 1, 3) * limit
    points = (CORNERS - 0.5) * (width, height)
    x, y = points[:, 0] * np.cos(yaw), points[:, 1] * np.cos(pitch)
    depth = 1 + (points[:, 0] * np.sin(yaw) + points[:, 1] * np.sin(pitch)) / (width * rng.uniform(2.5, 8))
    shear = np.sin(yaw) * np.sin(pitch) * 0.7
    x, y = (x + y * shear) / depth, y / depth
    cos, sin = np.cos(roll), np.sin(roll)
    return np.stack([x * cos - y * sin, x * sin + y * cos], 1).astype(np.float32)


def crop_quad(rng: np.random.Generator, quad: np.ndarray, rectify: bool, strength: float, margin=MARGIN) -> np.ndarray:
    """What a detector would hand over for the plate at `quad`: its jittered corners (`rectify`) or the
    upright box around it, grown by a random margin. float32 [4, 2] in the same pixels."""
    grow = rng.uniform(*margin) * np.ones(4) + rng.normal(0, 0.025 + 0.02 * strength, 4)
    if rectify:
        unit = np.array([[-grow[0], -grow[1]], [1 + grow[2], -grow[1]], [1 + grow[2], 1 + grow[3]], [-grow[0], 1 + grow[3]]], np.float32)
        unit += rng.normal(0, 0.02 * strength, (4, 2)).astype(np.float32)
        to_quad = cv2.getPerspectiveTransform(CORNERS, quad.astype(np.float32))
        return cv2.perspectiveTransform(unit[None], to_quad)[0]
    low, high = quad.min(0), quad.max(0)
    size = high - low
    low, high = low - size * grow[:2], high + size * grow[2:]
    return (low + (high - low) * CORNERS).astype(np.float32)


def background(rng: np.random.Generator, width: int, height: int) -> np.ndarray:
    """Something like bodywork: one colour, soft light, a few hard edges."""
    base = rng.integers(0, 256, 3) if rng.random() < 0.6 else np.full(3, rng.integers(5, 200))
    soft = cv2.resize(rng.normal(0, 25, (3, 5)).astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
    image = np.clip(base + soft[..., None], 0, 255).astype(np.uint8)
    for _ in range(rng.integers(0, 4)):
        colour = [int(v) for v in (rng.integers(0, 256, 3) if rng.random() < 0.3 else [rng.integers(0, 140)] * 3)]
        a, b = rng.integers(-width // 2, width * 3 // 2, 2), rng.integers(-height // 2, height * 3 // 2, 2)
        cv2.line(image, (int(a[0]), int(b[0])), (int(a[1]), int(b[1])), colour, int(rng.integers(1, max(2, height // 4))), cv2.LINE_AA)
    return image


def _blur(rng: np.random.Generator, image: np.ndarray, letter: float, strength: float) -> np.ndarray:
    """Defocus and motion blur; `letter` is the height of a character in pixels."""
    if rng.random() < 0.6 * strength:
        image = cv2.GaussianBlur(image, (0, 0), max(0.3, rng.uniform(0.2, 0.085 * letter * strength + 0.35)))
    if rng.random() < 0.3 * strength:
        length = rng.uniform(0.08, 0.3) * letter * strength
        size = int(length) * 2 + 3
        kernel = np.zeros((size, size), np.float32)
        angle = rng.normal(0, 0.5) if rng.random() < 0.7 else rng.uniform(0, np.pi)
        centre, reach = size // 2, np.array([np.cos(angle), np.sin(angle)]) * length / 2
        start, end = ((centre + sign * reach) * 16 for sign in (-1, 1))
        cv2.line(kernel, tuple(int(v) for v in start), tuple(int(v) for v in end), 1.0, 1, cv2.LINE_AA, 4)
        image = cv2.filter2D(image, -1, kernel / max(kernel.sum(), 1e-3))
    return image


def _light(rng: np.random.Generator, image: np.ndarray, strength: float) -> np.ndarray:
    """Exposure, contrast, colour cast, infrared, uneven light, shadow edge, bloom. uint8 in, float32 out."""
    height, width = image.shape[:2]
    out = image.astype(np.float32)
    if rng.random() < 0.22:
        out = np.repeat((out @ np.array([0.299, 0.587, 0.114], np.float32))[..., None], 3, 2)
    elif rng.random() < 0.35 * strength:
        out *= rng.uniform(0.6, 1.35, 3).astype(np.float32)
    if rng.random() < 0.6 * strength:
        out = 255 * np.power(np.clip(out, 0, 255) / 255, rng.uniform(0.55, 1.9))
    if rng.random() < 0.6 * strength:
        out *= cv2.resize(rng.uniform(0.55, 1.15, (2, 3)).astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)[..., None]
    if rng.random() < 0.15 * strength:
        shade = np.ones((height, width), np.float32)
        points = rng.uniform(-0.5, 1.5, (3, 2)) * (width, height)
        cv2.fillConvexPoly(shade, points.astype(np.int32), rng.uniform(0.3, 0.75))
        out *= cv2.GaussianBlur(shade, (0, 0), rng.uniform(0.4, 2))[..., None]
    if rng.random() < 0.12 * strength:  # dirt and snow
        spots = cv2.resize(rng.random((rng.integers(4, 12), rng.integers(8, 24))).astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
        amount = np.clip((spots - rng.uniform(0.6, 0.9)) * 4, 0, 0.75)[..., None]
        out = out * (1 - amount) + rng.integers(30, 230) * amount
    if rng.random() < 0.1 * strength:
        yy, xx = np.mgrid[:height, :width].astype(np.float32)
        cx, cy, r = rng.uniform(-0.2, 1.2) * width, rng.uniform(-0.2, 1.2) * height, rng.uniform(0.1, 0.5) * width
        out += rng.uniform(60, 220) * np.exp(-((xx - cx) ** 2 + (yy - cy) ** 2) / (2 * r * r))[..., None]
    contrast = rng.uniform(1 - 0.65 * strength, 1.1)
    mean = out.mean() + rng.normal(0, 35 * strength)
    return (out - out.mean()) * contrast + np.clip(mean, 25, 225)


def degrade(rng: np.random.Generator, image: np.ndarray, letter: float, strength: float) -> np.ndarray:
    """Light, optics, sensor and codec, at the camera's own resolution. uint8 in and out."""
    image = _blur(rng, np.clip(_light(rng, image, strength), 0, 255).astype(np.uint8), letter, strength)
    if rng.random() < 0.5 * strength:
        sigma = rng.uniform(1, 16) * strength
        shape = image.shape if rng.random() < 0.6 else (*image.shape[:2], 1)
        image = np.clip(image + rng.standard_normal(shape, np.float32) * sigma, 0, 255).astype(np.uint8)
    if rng.random() < 0.03 * strength:
        hit = rng.random(image.shape[:2]) < rng.uniform(0.01, 0.06)
        image[hit] = rng.integers(0, 2, (int(hit.sum()), 1)) * 255
    if rng.random() < 0.15:
        soft = cv2.GaussianBlur(image, (0, 0), 1.2)
        image = cv2.addWeighted(image, 1.8, soft, -0.8, 0)
    if rng.random() < 0.55 * strength:
        image = cv2.imdecode(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, int(rng.uniform(18, 92))])[1], cv2.IMREAD_COLOR)
    return image


def sample(image: np.ndarray, quad: np.ndarray) -> np.ndarray:
    """The reader's input: `quad` (float32 [4, 2] px in `image`) stretched to 128x64, bilinear,
    edge pixels repeated outside; shrunk by area first where it is far larger than the input."""
    width = max(np.hypot(*(quad[1] - quad[0])), np.hypot(*(quad[2] - quad[3])))
    height = max(np.hypot(*(quad[3] - quad[0])), np.hypot(*(quad[2] - quad[1])))
    scale = min(1.0, max(1.3 * WIDTH / max(width, 1), 1.3 * HEIGHT / max(height, 1)))
    if scale < 0.99:
        size = max(2, round(image.shape[1] * scale)), max(2, round(image.shape[0] * scale))
        quad = quad * (size[0] / image.shape[1], size[1] / image.shape[0])
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    # Pixel centres: the quad's edges are edges of pixels.
    matrix = cv2.getPerspectiveTransform((quad - 0.5).astype(np.float32), TARGET - 0.5)
    return cv2.warpPerspective(image, matrix, (WIDTH, HEIGHT), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def shoot(rng: np.random.Generator, raster: np.ndarray, aspect: float, boxes: np.ndarray, strength: float) -> tuple[np.ndarray, np.ndarray]:
    """Photograph a rendered plate (`raster`: stretched, see `synth`) of `aspect`.

    Returns the 128x64 crop and the characters' quads in it, float32 [n, 4, 2] px."""
    relative = float(np.median(boxes[:, 3] - boxes[:, 1]))
    smallest = 36 - 29 * strength
    letter = float(np.exp(rng.uniform(np.log(smallest), np.log(44))))
    height = min(letter / relative, 120.0, 260.0 / aspect)
    letter, width = height * relative, height * aspect
    quad = tilted_quad(rng, width, height, strength)
    rectify = rng.random() < 0.45
    crop = crop_quad(rng, quad, rectify, strength)
    low = np.floor(np.minimum(quad.min(0), crop.min(0))) - 2
    size = np.ceil(np.maximum(quad.max(0), crop.max(0)) - low).astype(int) + 2
    quad, crop = quad - low.astype(np.float32), crop - low.astype(np.float32)
    small = max(8, min(raster.shape[1], round(width * 1.5))), max(8, min(raster.shape[0], round(height * 1.5)))
    source = cv2.resize(raster, small, interpolation=cv2.INTER_AREA)
    to_camera = cv2.getPerspectiveTransform((CORNERS * small - 0.5).astype(np.float32), quad - 0.5)
    frame = background(rng, int(size[0]), int(size[1]))
    cv2.warpPerspective(source, to_camera, (int(size[0]), int(size[1])), dst=frame, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_TRANSPARENT)
    frame = degrade(rng, frame, letter, strength)
    unit = np.stack([boxes[:, [0, 1]], boxes[:, [2, 1]], boxes[:, [2, 3]], boxes[:, [0, 3]]], 1).astype(np.float32)
    matrix = cv2.getPerspectiveTransform(crop, TARGET) @ cv2.getPerspectiveTransform(CORNERS, quad)
    placed = cv2.perspectiveTransform(unit.reshape(1, -1, 2), matrix).reshape(-1, 4, 2)
    return sample(frame, crop), placed


def reshoot(rng: np.random.Generator, image: np.ndarray, quad: np.ndarray, has_box: bool, has_corners: bool, strength: float) -> np.ndarray:
    """A photographed crop with the plate at `quad` (float32 [4, 2] px), shot again a little worse.

    Without a box the picture itself is a tight crop, so its margin is jittered less."""
    rectify = has_corners and rng.random() < 0.5
    crop = crop_quad(rng, quad, rectify, strength, MARGIN if has_box else (-0.03, 0.06))
    if rng.random() < 0.5 * strength:  # a little rotation of the whole crop
        angle = rng.normal(0, 0.07) * strength
        centre = crop.mean(0)
        cos, sin = np.cos(angle), np.sin(angle)
        crop = ((crop - centre) @ np.array([[cos, sin], [-sin, cos]]) + centre).astype(np.float32)
        crop += rng.normal(0, 0.012, (4, 2)).astype(np.float32) * (crop.max(0) - crop.min(0))
    if rng.random() < 0.4 * strength:
        scale = max(rng.uniform(0.45, 1.0), min(1.0, 40 / image.shape[1]))
        size = max(8, round(image.shape[1] * scale)), max(8, round(image.shape[0] * scale))
        crop = crop * (np.array(size, np.float32) / image.shape[1::-1])
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    if rng.random() < 0.75:
        image = degrade(rng, image, 0.3 * (crop[:, 1].max() - crop[:, 1].min()), 0.6 * strength)
    return sample(image, crop.astype(np.float32))
