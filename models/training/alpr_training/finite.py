"""What is not a number any more is not saved."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import torch


def refuse_broken(losses: dict[str, float], weights: Iterable[torch.Tensor], step: int, last: Path, option: str) -> None:
    """Raises FloatingPointError where a loss or a weight is not finite: call it before a checkpoint is written over the last good one.

    `last` is that checkpoint, `option` the one that sets the learning rate; both for the message."""
    broken = {name: value for name, value in losses.items() if not torch.isfinite(torch.as_tensor(value)).all()}
    found = f"the losses {broken}" if broken else "weights"
    if broken or not all(torch.isfinite(value).all() for value in weights):
        todo = f"{last} is of an earlier step: --resume it with a lower {option}" if last.exists() else f"begin anew with a lower {option}"
        raise FloatingPointError(f"{found} are not finite at step {step}; nothing was saved; {todo}")
