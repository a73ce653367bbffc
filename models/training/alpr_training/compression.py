"""What JPEG and H.264 leave of a batch of pictures: block transforms, quantisation, half-resolution colour, in torch.

No bits are written: the pictures are quantised as the encoders do it and put together again. float [N, 3, H, W], 0 … 255.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

# Quantisation tables of ITU-T T.81, Annex K, at quality 50.
LUMA = (
    16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29, 51, 87, 80, 62,
    18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92, 49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99,
)  # fmt: skip
CHROMA = tuple(99 if row + column > 3 or max(row, column) > 3 else (17, 18, 24, 47, 18, 21, 26, 66, 24, 26, 56, 99, 47, 66, 99, 99)[4 * row + column] for row in range(8) for column in range(8))
MACROBLOCK = 16


def _transform(size: int, like: Tensor) -> Tensor:
    """The orthonormal DCT of a size x size block as one matrix over its pixels in row order."""
    k = torch.arange(size, device=like.device, dtype=torch.float32)
    basis = torch.cos(math.pi / size * k[:, None] * (k + 0.5)) * math.sqrt(2 / size)
    basis[0] /= math.sqrt(2)
    return torch.kron(basis, basis)


def _quantise(plane: Tensor, size: int, steps: Tensor, rounding: float) -> Tensor:
    """`plane` [N, C, h, w] through the transform of `size` and quantised by `steps` [N, 1, size² or 1, 1]; coefficients
    below 1 - `rounding` of a step vanish."""
    matrix = _transform(size, plane)
    count, channels, height, width = plane.shape
    blocks = F.pixel_unshuffle(plane, size).reshape(count, channels, size * size, -1)
    levels = (matrix @ blocks) / steps
    levels = levels.sign() * (levels.abs() + rounding).floor()
    blocks = matrix.T @ (levels * steps)
    return F.pixel_shuffle(blocks.reshape(count, channels * size * size, height // size, width // size), size)


def _split(rgb: Tensor, offset: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """Luma [N, 1, h, w] and half-size chroma [N, 2, h/2, w/2] around 0, extended to whole macroblocks from `offset` px before the picture."""
    height, width = rgb.shape[2:]
    y, x = offset
    rgb = F.pad(rgb, (x, -(width + x) % MACROBLOCK, y, -(height + y) % MACROBLOCK), mode="replicate")
    r, g, b = rgb.split(1, 1)
    luma = 0.299 * r + 0.587 * g + 0.114 * b
    return luma - 128, F.avg_pool2d(torch.cat([(b - luma) * 0.564, (r - luma) * 0.713], 1), 2)


def _join(luma: Tensor, chroma: Tensor, offset: tuple[int, int], size: tuple[int, int]) -> Tensor:
    """RGB of `size` from what `_split` gave."""
    y, x = offset
    luma = luma[:, :, y : y + size[0], x : x + size[1]] + 128
    cb, cr = F.interpolate(chroma, scale_factor=2.0, mode="bilinear", align_corners=False)[:, :, y : y + size[0], x : x + size[1]].split(1, 1)
    return torch.cat([luma + 1.403 * cr, luma - 0.344 * cb - 0.714 * cr, luma + 1.773 * cb], 1).clamp(0, 255)


def jpeg(rgb: Tensor, quality: Tensor, offset: tuple[int, int] = (0, 0)) -> Tensor:
    """Baseline JPEG, 4:2:0. `quality` [N], 1 … 100 on libjpeg's scale; `offset`: px between the grid and the picture's corner, 0 … 15."""
    scale = torch.where(quality < 50, 5000 / quality, 200 - 2 * quality)[:, None]
    tables = [((torch.tensor(table).to(rgb.device, non_blocking=True) * scale + 50) / 100).floor().clamp(1, 255)[:, None, :, None] for table in (LUMA, CHROMA)]
    luma, chroma = _split(rgb, offset)
    return _join(_quantise(luma, 8, tables[0], 0.5), _quantise(chroma, 8, tables[1], 0.5), offset, rgb.shape[2:])


def _deblock(plane: Tensor, size: int, steps: Tensor) -> Tensor:
    """Smooth small jumps across the edges of blocks, as the filter in the coding loop does. `steps` [N, 1, 1, 1]."""
    for axis in (2, 3):
        near = F.pad(plane, (0, 0, 1, 1) if axis == 2 else (1, 1, 0, 0), mode="replicate")
        length = plane.shape[axis]
        smooth = (near.narrow(axis, 0, length) + 2 * plane + near.narrow(axis, 2, length)) / 4
        place = torch.arange(length, device=plane.device) % size
        edge = ((place == 0) | (place == size - 1)).view((1, 1, -1, 1) if axis == 2 else (1, 1, 1, -1))
        plane = torch.where(edge & ((smooth - plane).abs() < 0.4 * steps), smooth, plane)
    return plane


def h264(rgb: Tensor, step: Tensor, size: int = 4, offset: tuple[int, int] = (0, 0), motion: tuple[int, int] | None = None) -> Tensor:
    """One picture of an H.264 stream. `step` [N]: the quantiser's step, 5 (good) … 60 (starved); `size`: transform, 4 or 8.

    With `motion` (y, x px) the picture is predicted from a copy of itself that was coded before and lies that far away, and
    only the quantised rest is added: fine detail fades, ghosts of it remain."""
    luma, chroma = _split(rgb, offset)
    coarse, fine = step.view(-1, 1, 1, 1), (0.8 * step).clamp(min=4).view(-1, 1, 1, 1)
    planes = []
    for plane, width, steps in ((luma, size, coarse), (chroma, 4, fine)):
        if motion is None:
            coded = _quantise(plane, width, steps, 1 / 3)
        else:
            old = _quantise(torch.roll(plane, motion, (2, 3)), width, steps, 1 / 3)
            coded = old + _quantise(plane - old, width, steps, 1 / 6)
        planes.append(_deblock(coded, width, steps))
    return _join(*planes, offset, rgb.shape[2:])
