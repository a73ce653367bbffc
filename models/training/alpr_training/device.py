"""Where training runs, and in which arithmetic."""

from __future__ import annotations

import argparse
import time

import torch


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """`--device` and `--bf16`."""
    parser.add_argument("--device", help="cpu or cuda (default: cuda where there is one)")
    parser.add_argument("--bf16", action=argparse.BooleanOptionalAction, help="bfloat16 autocast (default: where the device computes in it)")


def chosen(name: str | None) -> torch.device:
    """The device called `name`, or the best one there is."""
    return torch.device(name or ("cuda" if torch.cuda.is_available() else "cpu"))


def bf16_pays(device: torch.device, wish: bool | None) -> bool:
    """Whether to compute in bfloat16: as wished, else on CUDA and on CPUs that have it. Others emulate it three times slower."""
    if wish is not None:
        return wish
    return device.type == "cuda" or torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()


def caught_up(device: torch.device) -> float:
    """The clock, s, once `device` has computed everything asked for."""
    if device.type == "cuda":
        torch.cuda.synchronize()
    return time.monotonic()
