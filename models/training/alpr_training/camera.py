"""The camera: light, weather, lens, sensor and codec on a batch of pictures, in torch, on whatever device they are.

Every effect works on a random part of the batch, so its cost is in proportion. Which part, and how strongly, is
drawn on the CPU: a GPU is never waited for. float [N, 3, H, W], 0 … 255.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from . import compression

SMALLEST_LETTER = 6.5  # px: no rescaling below that, nobody could read it
LARGEST_DISC = 8.0  # px, radius of defocus
LONGEST_SMEAR = 17.0  # px, motion during the exposure


class Film:
    """A batch while it is exposed, with the dice for it. `letter` (px) and `strength` (0 … 1) are kept on the CPU."""

    def __init__(self, images: Tensor, letter: Tensor, strength: Tensor, generator: torch.Generator | None) -> None:
        self.images = images.float().clone()
        self.letter, self.strength, self.generator = letter.float().cpu(), strength.float().cpu(), generator

    def rand(self, *shape: int) -> Tensor:
        """Uniform numbers 0 … 1 on the CPU."""
        return torch.rand(shape, generator=self.generator)

    def put(self, values: Tensor) -> Tensor:
        """Numbers drawn on the CPU, where the pictures are."""
        return values.to(self.images.device, non_blocking=True)

    def between(self, low: Tensor | float, high: Tensor | float, *shape: int) -> Tensor:
        """Uniform numbers of `shape` between the two, where the pictures are."""
        return self.put(low + (high - low) * self.rand(*shape))

    def either(self, *choices):
        """One of the choices, the same for the whole part of the batch."""
        return choices[min(int(self.rand(1) * len(choices)), len(choices) - 1)]

    def apply(self, effect, always: float, chance: float) -> None:
        """`effect(film, part, rows)` on a part of the batch: each picture with the probability `always` + `chance` x strength."""
        rows = (self.rand(len(self.images)) < always + chance * self.strength).nonzero().flatten()
        if len(rows):
            index = self.put(rows)
            self.images.index_copy_(0, index, effect(self, self.images.index_select(0, index), rows).clamp(0, 255))


def _column(values: Tensor) -> Tensor:
    """[k] as [k, 1, 1, 1]."""
    return values.view(-1, 1, 1, 1)


def _position(part: Tensor) -> tuple[Tensor, Tensor]:
    """x [1, 1, 1, W] and y [1, 1, H, 1] of the pixels in units of the picture's height, from its middle."""
    height, width = part.shape[2:]
    x = (torch.arange(width, device=part.device) + 0.5 - width / 2) / height
    y = (torch.arange(height, device=part.device) + 0.5) / height - 0.5
    return x.view(1, 1, 1, -1), y.view(1, 1, -1, 1)


def _field(part: Tensor, rows: int, columns: int, mode: str = "bicubic") -> Tensor:
    """Smooth random numbers around 0 … 1, [k, 1, H, W], with that many bumps."""
    seed = torch.rand(len(part), 1, rows, columns, device=part.device)
    return F.interpolate(seed, part.shape[2:], mode=mode, align_corners=False)


def _luma(part: Tensor) -> Tensor:
    return 0.299 * part[:, 0:1] + 0.587 * part[:, 1:2] + 0.114 * part[:, 2:3]


# Light


def _grey(film: Film, part: Tensor, rows: Tensor) -> Tensor:
    """Night mode or an infrared camera: no colour; now and then the tint of a bad filter."""
    tint = torch.where(film.rand(len(rows), 1, 1, 1) < 0.15, 0.75 + 0.35 * film.rand(len(rows), 3, 1, 1), torch.ones(1))
    return _luma(part) * film.put(tint)


def _infrared(film: Film, part: Tensor, rows: Tensor) -> Tensor:
    """A plate in an infrared flash: bright, nearly without colour, its surroundings dark; coloured ink turns pale."""
    weights = film.rand(len(rows), 3, 1, 1) + torch.tensor([0.8, 0.3, 0.05]).view(1, 3, 1, 1)
    grey = (part * film.put(weights / weights.sum(1, keepdim=True))).sum(1, keepdim=True) / 255
    return (255 * film.between(0.5, 1.25, len(rows), 1, 1, 1) * grey ** film.between(1.0, 2.6, len(rows), 1, 1, 1)).expand_as(part)


def _cast(film: Film, part: Tensor, rows: Tensor) -> Tensor:
    """Wrong white balance, sodium lamps."""
    return part * film.between(0.6, 1.35, len(rows), 3, 1, 1)


def _gamma(film: Film, part: Tensor, rows: Tensor) -> Tensor:
    return 255 * (part / 255).clamp(1e-4, 1) ** film.between(0.5, 1.6, len(rows), 1, 1, 1)


def _uneven(film: Film, part: Tensor, rows: Tensor) -> Tensor:
    """Light that changes slowly over the picture."""
    return part * (0.5 + 0.7 * _field(part, 2, 3, "bilinear"))


def _shadow(film: Film, part: Tensor, rows: Tensor) -> Tensor:
    """The edge of a shadow: one to three half planes together, soft."""
    x, y = _position(part)
    inside = torch.ones(1, device=part.device)
    for _ in range(film.either(1, 2, 3)):
        angle, reach = film.between(0, 2 * math.pi, len(rows), 1, 1, 1), film.between(-0.5, 0.6, len(rows), 1, 1, 1)
        inside = inside * torch.sigmoid((x * angle.cos() + y * angle.sin() + reach) * film.between(20, 120, len(rows), 1, 1, 1))
    return part * (1 - film.between(0.25, 0.75, len(rows), 1, 1, 1) * inside)


def _bloom(film: Film, part: Tensor, rows: Tensor) -> Tensor:
    """A headlight or a lamp in the picture or just outside: a core, a halo, sometimes a streak."""
    x, y = _position(part)
    wide = part.shape[3] / part.shape[2]
    for _ in range(film.either(1, 1, 2)):
        dx, dy = x - film.between(-0.6 * wide, 0.6 * wide, len(rows), 1, 1, 1), y - film.between(-0.7, 0.7, len(rows), 1, 1, 1)
        core, halo = film.between(0.02, 0.12, len(rows), 1, 1, 1), film.between(0.15, 0.9, len(rows), 1, 1, 1)
        far = dx**2 + dy**2
        light = 0.8 * torch.exp(-far / (2 * core**2)) + film.between(0.15, 0.8, len(rows), 1, 1, 1) * torch.exp(-far / (2 * halo**2))
        streak = film.put((film.rand(len(rows), 1, 1, 1) < 0.3).float()) * torch.exp(-((dy / 0.03) ** 2) - dx.abs() / 0.5)
        part = part + film.between(110, 255, len(rows), 1, 1, 1) * (light + 0.5 * streak) * film.between(0.8, 1.0, len(rows), 3, 1, 1)
    return part


def _night(film: Film, part: Tensor, rows: Tensor) -> Tensor:
    """Little light of some colour, and the noise of it."""
    dark = part * film.between(0.1, 0.5, len(rows), 1, 1, 1) * film.between(0.75, 1.15, len(rows), 3, 1, 1)
    return dark + torch.randn_like(part) * film.between(1, 9, len(rows), 1, 1, 1)


def _exposure(film: Film, part: Tensor, rows: Tensor) -> Tensor:
    """Contrast and brightness; both ends of the scale may be cut."""
    strength = film.strength[rows].view(-1, 1, 1, 1)
    mean = part.mean((1, 2, 3), keepdim=True)
    contrast = film.between(1 - 0.6 * strength, 1 + 0.25 * strength, len(rows), 1, 1, 1)
    shift = film.put(torch.randn(len(rows), 1, 1, 1, generator=film.generator) * 35 * strength)
    return (part - mean) * contrast + (mean + shift).clamp(25, 225)


# Weather and dirt


def _dirt(film: Film, part: Tensor, rows: Tensor) -> Tensor:
    """Mud, salt or stuck snow: patches of one colour, thick in the middle."""
    spots = _field(part, film.either(4, 7, 12), film.either(8, 14, 24))
    amount = ((spots - film.between(0.6, 0.9, len(rows), 1, 1, 1)) * 4).clamp(0, 0.75)
    colour = film.between(30, 230, len(rows), 1, 1, 1) * film.between(0.75, 1.0, len(rows), 3, 1, 1)
    return part + amount * (colour - part)


def _streaks(film: Film, part: Tensor, rows: Tensor, lean: float, thick: float, long: float, share: float) -> Tensor:
    """Bright marks [k, 1, H, W], 0 … 1, of about `thick` x `long` px along one angle a picture, at most `lean` from upright."""
    height, width = part.shape[2:]
    reach = math.hypot(height, width)
    seed = (torch.rand(len(part), 1, max(4, int(reach / long)), max(4, int(reach / thick)), device=part.device) - (1 - share)).clamp(min=0) / share
    x, y = _position(part)
    angle = film.between(-lean, lean, len(rows), 1, 1)
    cos, sin = angle.cos(), angle.sin()
    across, along = (x[:, 0] * cos + y[:, 0] * sin), (y[:, 0] * cos - x[:, 0] * sin)
    return F.grid_sample(seed, torch.stack([across, along], -1) * (2 * height / reach), mode="bilinear", padding_mode="reflection", align_corners=False)


def _rain(film: Film, part: Tensor, rows: Tensor) -> Tensor:
    """Falling drops, smeared by the exposure."""
    amount = _streaks(film, part, rows, 0.6, film.either(1.2, 2.0), film.either(10.0, 18.0, 30.0), 0.08)
    return part * 0.93 + amount * film.between(50, 150, len(rows), 1, 1, 1)


def _drops(film: Film, part: Tensor, rows: Tensor) -> Tensor:
    """Drops on the lens or the plate: what lies behind is blurred, moved and a little brighter."""
    size = film.either(6, 10, 16)
    amount = ((_field(part, size, round(size * part.shape[3] / part.shape[2])) - 0.76) * 5).clamp(0, 0.85)
    behind = F.interpolate(F.avg_pool2d(torch.roll(part, (film.either(-3, 3), film.either(-4, 4)), (2, 3)), 4), part.shape[2:], mode="bilinear", align_corners=False)
    return part + amount * (behind * film.between(0.9, 1.15, len(rows), 1, 1, 1) - part)


def _snow(film: Film, part: Tensor, rows: Tensor) -> Tensor:
    """Flakes before the plate, near ones large and out of focus, and the haze of the far ones."""
    part = part + film.between(0.0, 0.35, len(rows), 1, 1, 1) * (225 - part)
    for thick, share in ((2.0, 0.05), (film.either(4.0, 7.0), 0.03)):
        amount = _streaks(film, part, rows, 0.9, thick, thick * film.either(1.2, 2.5), share)
        part = part + (1.4 * amount).clamp(0, 1) * (film.between(190, 250, len(rows), 1, 1, 1) - part)
    return part


# Lens


def _separable(part: Tensor, down: Tensor, across: Tensor) -> Tensor:
    """`part` under the matrices `down` [k, H, H] and `across` [k, W, W]."""
    moved = (part.flatten(1, 2) @ across.transpose(1, 2)).view_as(part)
    return down[:, None] @ moved


def _soft(part: Tensor, sigma: Tensor) -> Tensor:
    """Gaussian blur of `sigma` [k] px (on the CPU)."""
    side = math.ceil(2.6 * float(sigma.max()))
    place = torch.arange(-side, side + 1, dtype=torch.float32)
    kernels = torch.exp(-(place**2) / (2 * sigma[:, None] ** 2)).to(part.device, non_blocking=True)
    return _convolve(_convolve(part, kernels[:, None, :]), kernels[:, :, None])


def _blur(film: Film, part: Tensor, rows: Tensor) -> Tensor:
    most = (0.085 * film.letter[rows] * film.strength[rows] + 0.35).clamp(max=6)
    return _soft(part, (0.2 + (most - 0.2) * film.rand(len(rows))).clamp(min=0.3))


def _convolve(part: Tensor, kernels: Tensor) -> Tensor:
    """Each picture with its own kernel, `kernels` [k, a, b], odd a and b."""
    down, across = kernels.shape[1] // 2, kernels.shape[2] // 2
    kernels = kernels / kernels.sum((1, 2), keepdim=True).clamp(min=1e-6)
    count, channels, height, width = part.shape
    wide = F.pad(part, (across, across, down, down), mode="replicate").reshape(1, count * channels, height + 2 * down, width + 2 * across)
    return F.conv2d(wide, kernels.repeat_interleave(channels, 0)[:, None], groups=count * channels).view_as(part)


def _kernel_grid(part: Tensor, reach: float) -> tuple[Tensor, Tensor]:
    side = math.ceil(reach)
    place = torch.arange(-side, side + 1, device=part.device, dtype=torch.float32)
    return place.view(1, 1, -1), place.view(1, -1, 1)


def _defocus(film: Film, part: Tensor, rows: Tensor) -> Tensor:
    """Out of focus: an even disc in place of a point."""
    most = (0.13 * film.letter[rows] * film.strength[rows] + 0.6).clamp(max=LARGEST_DISC)
    radius = (0.5 + (most - 0.5) * film.rand(len(rows))).view(-1, 1, 1)
    x, y = _kernel_grid(part, float(radius.max()) + 0.5)
    return _convolve(part, (film.put(radius) + 0.5 - (x**2 + y**2).sqrt()).clamp(0, 1))


def _motion(film: Film, part: Tensor, rows: Tensor) -> Tensor:
    """Motion during the exposure, mostly along the road."""
    most = (0.42 * film.letter[rows] * film.strength[rows] + 1).clamp(max=LONGEST_SMEAR)
    half = ((0.3 + 0.7 * film.rand(len(rows))) * most / 2).view(-1, 1, 1)
    free = film.rand(len(rows), 1, 1) < 0.3
    angle = film.put(torch.where(free, math.pi * film.rand(len(rows), 1, 1), 0.5 * torch.randn(len(rows), 1, 1, generator=film.generator)))
    x, y = _kernel_grid(part, float(half.max()) + 0.5)
    along, across = x * angle.cos() + y * angle.sin(), y * angle.cos() - x * angle.sin()
    return _convolve(part, (film.put(half) + 0.5 - along.abs()).clamp(0, 1) * (1 - across.abs()).clamp(0, 1))


def _rescaling(length: int, factor: Tensor) -> Tensor:
    """Down to `factor` [k] of the size by area and up again bilinearly, along one axis, as a matrix [k, length, length]."""
    count = (length * factor).round().clamp(2, length).view(-1, 1, 1)
    scale = count / length
    place = torch.arange(length, device=factor.device, dtype=torch.float32)
    small, large = place[:, None], place[None, :]
    cover = torch.minimum((small + 1) / scale, large + 1) - torch.maximum(small / scale, large)
    wanted = torch.minimum(((place[:, None] + 0.5) * scale - 0.5).clamp(min=0), count - 1)
    return (1 - (wanted - place).abs()).clamp(min=0) @ (cover.clamp(min=0) * scale)


def _rescale(film: Film, part: Tensor, rows: Tensor) -> Tensor:
    """Fewer pixels than the picture has: a small sensor, a small stream, bad scaling."""
    least = (SMALLEST_LETTER / film.letter[rows]).clamp(0.25, 1.0)
    factor = film.put(torch.maximum(least, 1 - film.rand(len(rows)) * (0.35 + 0.4 * film.strength[rows])))
    return _separable(part, _rescaling(part.shape[2], factor), _rescaling(part.shape[3], factor))


# Sensor


def _noise(film: Film, part: Tensor, rows: Tensor) -> Tensor:
    """Noise that grows with the light; in each channel or in all alike."""
    grain = torch.randn_like(part) if film.either(True, False) else torch.randn_like(part[:, :1])
    sigma = film.put((1 + 15 * film.rand(len(rows))) * film.strength[rows])
    return part + grain * _column(sigma) * (0.35 + 0.65 * part / 255).sqrt()


def _coarse_noise(film: Film, part: Tensor, rows: Tensor) -> Tensor:
    """What noise reduction leaves of it: blotches, of colour too."""
    size = [math.ceil(length / film.either(2, 3)) for length in part.shape[2:]]
    grain = F.interpolate(torch.randn(len(part), 3, *size, device=part.device), part.shape[2:], mode="bilinear", align_corners=False)
    return part + grain * film.put(_column((1 + 14 * film.rand(len(rows))) * film.strength[rows]))


def _pepper(film: Film, part: Tensor, rows: Tensor) -> Tensor:
    """Dead and hot pixels."""
    dice = torch.rand_like(part[:, :1])
    share = film.between(0.005, 0.03, len(rows), 1, 1, 1)
    return torch.where(dice < share, 0.0, torch.where(dice > 1 - share, 255.0, part))


def _sharpen(film: Film, part: Tensor, rows: Tensor) -> Tensor:
    return part + film.between(0.3, 1.4, len(rows), 1, 1, 1) * (part - _soft(part, 0.7 + 0.9 * film.rand(len(rows))))


# Codec


def _jpeg(film: Film, part: Tensor, rows: Tensor) -> Tensor:
    return compression.jpeg(part, film.between(15, 92, len(rows)), (film.either(*range(16)), film.either(*range(16))))


def _h264(film: Film, part: Tensor, rows: Tensor) -> Tensor:
    least, most = math.log(5), math.log(14) + math.log(3.5) * film.strength[rows]
    step = film.between(least, most, len(rows)).exp()
    motion = film.either(None, (film.either(0, 2, -2), film.either(2, -2, 4)))
    return compression.h264(part, step, film.either(4, 8), (film.either(*range(16)), film.either(*range(16))), motion)


# In the order of nature: the scene, the lens, the sensor, the stream; then now and then a second device behind the first.
# (effect, probability at any strength, further probability at full strength)
EFFECTS = (
    (_dirt, 0.0, 0.12), (_shadow, 0.0, 0.2), (_uneven, 0.0, 0.5), (_cast, 0.0, 0.3), (_infrared, 0.03, 0.05), (_grey, 0.13, 0.05),
    (_bloom, 0.0, 0.12), (_rain, 0.0, 0.06), (_snow, 0.0, 0.05), (_drops, 0.0, 0.05), (_night, 0.0, 0.07), (_exposure, 1.0, 0.0),
    (_blur, 0.0, 0.45), (_defocus, 0.0, 0.12), (_motion, 0.0, 0.3), (_rescale, 0.0, 0.3),
    (_noise, 0.0, 0.4), (_coarse_noise, 0.0, 0.2), (_pepper, 0.0, 0.03), (_gamma, 0.0, 0.5), (_sharpen, 0.1, 0.1),
    (_jpeg, 0.0, 0.4), (_h264, 0.0, 0.35), (_rescale, 0.0, 0.12), (_jpeg, 0.0, 0.12),
)  # fmt: skip


@torch.no_grad()
def degrade(images: Tensor, letter: Tensor, strength: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """What a camera makes of `images` (float [N, 3, H, W], 0 … 255, left alone): a new tensor of that shape.

    `letter` [N]: height of a character in px, the scale of blur and rescaling; `strength` [N]: 0 (a good camera on a good
    day) … 1. Give both on the CPU where pictures are on a GPU, or they are waited for. `generator` (CPU) seeds the choices;
    noise comes from the device's own random numbers."""
    film = Film(images, letter, strength, generator)
    for effect, always, chance in EFFECTS:
        film.apply(effect, always, chance)
    return film.images
