"""The plate reader: a small convolutional network, global context on a coarse grid, one attention map a slot.

Crop 64x128 -> features on 8x32 cells -> a coarse 4x16 copy of them passes a few transformer layers, which is
where "this is the third character" becomes known -> back on the 8x32 grid every slot has an attention map over
the cells (and over one cell that stands for "no such character") -> the attended features of each slot are classified.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from .data import ALPHABET, GRID
from .synth import SLOTS

WIDTHS, LAYERS, HEADS = (32, 48, 80, 144), 4, 4  # channels of the four stages, transformer layers, heads
COARSE = (GRID[0] // 2, GRID[1] // 2)


class ConvBlock(nn.Sequential):
    """3x3 convolution, batch norm, ReLU."""

    def __init__(self, inputs: int, outputs: int, stride: int | tuple[int, int] = 1) -> None:
        super().__init__(nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True))


class Residual(nn.Module):
    """Two 3x3 convolutions with a shortcut."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = ConvBlock(channels, channels)
        self.second = nn.Sequential(nn.Conv2d(channels, channels, 3, 1, 1, bias=False), nn.BatchNorm2d(channels))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.relu(x + self.second(self.first(x)))


class Mixer(nn.Module):
    """One pre-norm transformer layer, written out so that it exports to plain operators. In training each of its two
    halves is left out for a share `skip` of the samples, so that no layer relies on all others."""

    def __init__(self, width: int, heads: int, skip: float = 0.0) -> None:
        super().__init__()
        self.heads, self.scale, self.skip = heads, (width // heads) ** -0.5, skip
        self.norm_a, self.norm_b = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 2 * width), nn.Linear(2 * width, width)

    def _maybe(self, change: torch.Tensor) -> torch.Tensor:
        if not self.training or not self.skip:
            return change
        kept = torch.rand(len(change), 1, 1, device=change.device) >= self.skip
        return change * kept / (1 - self.skip)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        batch, tokens, width = x.shape
        q, k, v = self.qkv(self.norm_a(x)).reshape(batch, tokens, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        mixed = torch.softmax(q @ k.transpose(-1, -2) * self.scale, -1) @ v
        x = x + self._maybe(self.out(mixed.transpose(1, 2).reshape(batch, tokens, width)))
        return x + self._maybe(self.down(F.relu(self.up(self.norm_b(x)))))


class PlateReader(nn.Module):
    """`forward(images)`: uint8 or float [n, 64, 128, 3] RGB 0-255.

    Returns logits: `plate` [n, 10, 37], `region` [n, regions], and for training `attention` [n, 10, 257]
    (log-probabilities, the last cell is "no character") and `cells` [n, 37, 8, 32] (character of each cell)."""

    def __init__(self, regions: int, widths: tuple[int, ...] = WIDTHS, layers: int = LAYERS, skip: float = 0.0, dropout: float = 0.0) -> None:
        super().__init__()
        a, b, c, d = widths
        self.widths, self.layers = tuple(widths), layers
        self.trunk = nn.Sequential(ConvBlock(3, a, 2), ConvBlock(a, b, 2), ConvBlock(b, b), ConvBlock(b, c, (2, 1)), Residual(c))
        self.coarse = ConvBlock(c, d, 2)
        self.position = nn.Parameter(torch.randn(1, COARSE[0] * COARSE[1], d) * 0.02)
        self.mixers = nn.ModuleList([Mixer(d, HEADS, skip * (i + 1) / layers) for i in range(layers)])
        self.context_norm = nn.LayerNorm(d)
        self.fine, self.lift = nn.Conv2d(c, d, 1), nn.Conv2d(d, d, 1)
        self.attend = nn.Conv2d(d, SLOTS, 1)
        # Prior: slot i looks a little further right; weak enough to be overruled by the context.
        columns = torch.linspace(0, 1, GRID[1]).expand(GRID)
        prior = torch.stack([-(((columns - (0.12 + 0.085 * i)) / 0.25) ** 2) for i in range(SLOTS)])
        self.prior = nn.Parameter(prior.clamp_min(-4).reshape(1, SLOTS, -1))
        self.nothing = nn.Parameter(torch.linspace(-1, 1, SLOTS).reshape(1, SLOTS, 1))
        self.nothing_from = nn.Linear(d, SLOTS)
        self.value = nn.Linear(d, d)
        self.nothing_value = nn.Parameter(torch.zeros(1, 1, d))
        self.slot_bias = nn.Parameter(torch.randn(1, SLOTS, d) * 0.02)
        self.slot_mixer = Mixer(d, HEADS)
        self.dropout = nn.Dropout(dropout)
        self.classify = nn.Sequential(nn.LayerNorm(d), nn.Linear(d, len(ALPHABET)))
        self.cell_classes = nn.Conv2d(d, len(ALPHABET), 1)
        self.region = nn.Sequential(nn.LayerNorm(2 * d), nn.Linear(2 * d, regions))

    def forward(self, images: torch.Tensor) -> dict[str, torch.Tensor]:
        x = (images.permute(0, 3, 1, 2).float() - 127.5) / 64.0
        local = self.trunk(x.contiguous(memory_format=torch.channels_last) if self.training else x)
        coarse = self.coarse(local)
        tokens = coarse.flatten(2).transpose(1, 2) + self.position
        for mixer in self.mixers:
            tokens = mixer(tokens)
        tokens = self.context_norm(tokens)
        context = tokens.transpose(1, 2).unflatten(2, COARSE)
        merged = F.relu(self.fine(local) + F.interpolate(self.lift(context), scale_factor=2.0, mode="nearest"))
        pooled = tokens.mean(1)
        scores = self.attend(merged).flatten(2) + self.prior
        nothing = self.nothing + self.nothing_from(pooled).unsqueeze(2)
        attention = torch.log_softmax(torch.cat([scores, nothing], 2), 2)
        weights = attention.exp()
        # Attend first, project the ten sums then: the same as projecting all cells, and cheaper.
        seen = weights[:, :, :-1] @ merged.flatten(2).transpose(1, 2)
        slots = self.value(seen) + weights[:, :, -1:] * self.nothing_value
        slots = self.slot_mixer(slots + self.slot_bias)
        return {
            "plate": self.classify(self.dropout(slots)),
            "region": self.region(torch.cat([pooled, slots.mean(1)], 1)),
            "attention": attention,
            "cells": self.cell_classes(merged),
        }
