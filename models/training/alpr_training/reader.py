"""`reader`: trains the plate reader on rendered plates and photographs.

The recipe in one line: start on large clean plates, where it takes minutes to learn that the third slot
reads the third character; add the camera and the photographs step by step; average the weights.
"""

from __future__ import annotations

import argparse
import json
import math
import multiprocessing
import signal
import time
from pathlib import Path

import numpy as np
import torch

from . import device, losses
from .data import Mixture, fixed_input, load_crops
from .reader_model import PlateReader
from .reader_score import exact, folded, softmax, texts_of
from .reader_teacher import soft_labels
from .reader_weights import load_weights
from .synth import SynthCache
from .synth_layouts import REGIONS

EMA = 0.999
LOG_STEPS = 100
WARM_UP_STEPS = 300
VAL_MARGIN = 0.06  # of the box: where scores are taken during training


def schedule_at(progress: float, warm: bool) -> tuple[float, float, float, float]:
    """(strength of the camera, share of photographs, share of plain plates, weight of position losses) at
    `progress` 0 … 1. A warm start skips the easy beginning."""
    if warm:
        ease = min(1.0, max(0.0, (progress - 0.15) / 0.6))
        return 0.9 - 0.4 * ease, 0.42 + 0.13 * ease, 0.03, 0.4
    ramp = min(1.0, max(0.0, (progress - 0.02) / 0.2))
    ease = min(1.0, max(0.0, (progress - 0.65) / 0.25))  # end nearer to what cameras really deliver
    photos = 0.05 + 0.31 * min(1.0, max(0.0, (progress - 0.02) / 0.1)) + 0.16 * ease
    return 0.1 + 0.9 * ramp - 0.35 * ease, photos, max(0.03, 0.85 - progress / 0.07), 1.0 - 0.7 * min(1.0, progress / 0.5)


def learning_rate(progress: float, step: int, peak: float) -> float:
    """Linear warm-up, then half a cosine down to one hundredth."""
    return peak * min(1.0, (step + 1) / WARM_UP_STEPS) * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(1.0, progress))))


@torch.no_grad()
def average(target: torch.nn.Module, source: torch.nn.Module, step: int) -> None:
    """Move the averaged weights of `target` towards `source`; slower as training goes on."""
    keep = min(EMA, (1 + step) / (10 + step))
    for mine, other in zip(target.state_dict().values(), source.state_dict().values()):
        if mine.dtype.is_floating_point:
            mine.lerp_(other, 1 - keep)
        else:
            mine.copy_(other)


@torch.no_grad()
def validate(model: torch.nn.Module, images: np.ndarray, texts: list[str], where: torch.device) -> tuple[float, float]:
    """Exact and folded match on fixed crops."""
    model.eval()
    logits = np.concatenate([model(torch.from_numpy(images[i : i + 64]).to(where))["plate"].float().cpu().numpy() for i in range(0, len(images), 64)])
    read = texts_of(softmax(logits))[0]
    return float(exact(read, texts).mean()), float(folded(read, texts).mean())


def plot(history: list[dict], path: Path) -> None:
    """Losses and accuracies against crops seen, as PNG."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, (left, right) = pyplot.subplots(1, 2, figsize=(12, 4.5))
    for name in losses.WEIGHTS:
        points = [(row["crops"], row[name]) for row in history if name in row]
        left.plot(*zip(*points), label=name) if points else None
    for name in ("rendered", "photos", "val", "val_folded"):
        points = [(row["crops"], row[name]) for row in history if row.get(name) is not None]
        right.plot(*zip(*points), label=name) if points else None
    left.set(xlabel="crops seen", ylabel="loss", yscale="log")
    right.set(xlabel="crops seen", ylabel="exact match", ylim=(0, 1))
    for axis in (left, right):
        axis.grid(alpha=0.3)
        if axis.get_legend_handles_labels()[0]:
            axis.legend()
    figure.tight_layout()
    figure.savefig(path, dpi=80)
    pyplot.close(figure)


class Trainer:
    """State of one training: model, averaged model, optimiser, history; saved as one checkpoint file."""

    def __init__(self, args: argparse.Namespace) -> None:
        self.args, self.output = args, args.output
        self.output.mkdir(parents=True, exist_ok=True)
        torch.manual_seed(args.seed)
        torch.set_num_threads(args.threads)
        self.device = device.chosen(args.device)
        self.bf16 = device.bf16_pays(self.device, args.bf16)
        self.model = PlateReader(len(REGIONS), tuple(args.widths)).to(self.device, memory_format=torch.channels_last)
        self.ema = PlateReader(len(REGIONS), tuple(args.widths)).to(self.device)
        self.optimiser = torch.optim.AdamW(self.model.parameters(), lr=args.lr, weight_decay=0.02, betas=(0.9, 0.98))
        self.step = self.crops = 0
        self.elapsed = 0.0
        self.history: list[dict] = []
        self.stop = False
        if args.warm_start:
            print(f"warm start from {args.warm_start}: {load_weights(self.model, args.warm_start)}")
            self.ema.load_state_dict(self.model.state_dict())
        last = self.output / "last.pt"
        if args.resume and last.exists():
            state = torch.load(last, map_location=self.device, weights_only=False)
            self.model.load_state_dict(state["model"])
            self.ema.load_state_dict(state["ema"])
            self.optimiser.load_state_dict(state["optimiser"])
            self.step, self.crops, self.elapsed, self.history = state["step"], state["crops"], state["elapsed"], state["history"]
            print(f"resumed {last} at step {self.step}")

    def save(self) -> None:
        """Write `last.pt` (whole or not at all), the history and the plot."""
        state = {
            "model": self.model.state_dict(), "ema": self.ema.state_dict(), "optimiser": self.optimiser.state_dict(), "step": self.step,
            "crops": self.crops, "elapsed": self.elapsed, "history": self.history, "widths": self.model.widths, "regions": REGIONS,
        }  # fmt: skip
        torch.save(state, self.output / "last.tmp")
        (self.output / "last.tmp").replace(self.output / "last.pt")
        (self.output / "history.jsonl").write_text("".join(json.dumps(row) + "\n" for row in self.history))
        plot(self.history, self.output / "training.png")

    def progress(self) -> float:
        """Share of the budget used: by crops or by minutes, whichever was given."""
        by_crops = self.crops / self.args.crops if self.args.crops else 0.0
        by_time = self.elapsed / (60 * self.args.minutes) if self.args.minutes else 0.0
        return max(by_crops, by_time)

    def train_step(self, batch: dict[str, torch.Tensor], progress: float, positions: float) -> dict[str, float]:
        """One update; returns losses and exact-match rates of the batch."""
        batch = {key: value.to(self.device, non_blocking=True) for key, value in batch.items()}
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate(progress, self.step, self.args.lr)
        self.model.train()
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16):
            out = self.model(batch["image"])
        out = {name: value.float() for name, value in out.items()}
        parts = losses.reader_losses(out, batch)
        loss = losses.total(parts, positions)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 2.0)
        self.optimiser.step()
        average(self.ema, self.model, self.step)
        right = (out["plate"].argmax(-1) == batch["label"]).all(1)
        rendered = batch["cells"][:, 0, 0] != -2
        row = {name: value.item() for name, value in parts.items()}
        row["rendered"] = right[rendered].float().mean().item() if rendered.any() else None
        row["photos"] = right[~rendered].float().mean().item() if (~rendered).any() else None
        self.step += 1
        self.crops += len(right)
        return row


def mean_row(rows: list[dict]) -> dict:
    """Average of each number over rows, ignoring what is missing."""
    out = {}
    for name in rows[0]:
        values = [row[name] for row in rows if row[name] is not None and not math.isnan(row[name])]
        out[name] = round(sum(values) / len(values), 4) if values else None
    return out


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("data", type=Path, nargs="?", help="data folder with crops/<set>/labels.jsonl; without it, rendered plates only")
    parser.add_argument("--synth", type=Path, nargs="*", default=[], help="caches written by `synth`")
    parser.add_argument("--plain", type=Path, required=True, help="cache written by `synth --plain`, the easy start")
    parser.add_argument("--teacher", type=Path, help="ONNX reader whose opinion on the photographs is learnt too")
    parser.add_argument("--output", type=Path, required=True, help="folder for checkpoints, history and plots")
    parser.add_argument("--crops", type=int, help="budget in crops seen")
    parser.add_argument("--minutes", type=float, help="budget in minutes of training; the schedule follows whichever ends first")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--lr", type=float, default=1.5e-3, help="peak learning rate (default %(default)s)")
    parser.add_argument("--widths", type=int, nargs=4, default=(32, 48, 80, 112), help="channels of the four stages")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads of the training; the loader takes one more")
    parser.add_argument("--workers", type=int, default=1, help="loader processes; 0 loads in the training process")
    device.add_arguments(parser)
    parser.add_argument("--resume", action="store_true", help="go on from last.pt in the output folder")
    parser.add_argument("--warm-start", type=Path, help="begin with the weights of a .pt or exported .onnx and skip the easy start")
    parser.add_argument("--save-minutes", type=float, default=4.0)
    parser.add_argument("--seed", type=int, default=1)


def run(args: argparse.Namespace) -> None:
    if not args.crops and not args.minutes:
        raise SystemExit("reader: give a budget, --crops or --minutes")
    trainer = Trainer(args)
    crops = load_crops(args.data, "train") if args.data else []
    held_out = load_crops(args.data, "val") if args.data else []
    val_images = np.stack([fixed_input(crop, VAL_MARGIN) for crop in held_out]) if held_out else None
    teacher = soft_labels(crops, args.teacher, args.output / "teacher.npy") if args.teacher and crops else None
    synth = [SynthCache(folder) for folder in args.synth]
    schedule = multiprocessing.Array("d", [0.0, 0.0, 1.0, float(trainer.step)], lock=False)
    mixture = Mixture(crops, teacher, synth, SynthCache(args.plain), args.batch, schedule, args.seed)
    warm = bool(args.warm_start)
    schedule[0:3] = schedule_at(trainer.progress(), warm)[:3]
    loader = torch.utils.data.DataLoader(mixture, batch_size=None, num_workers=args.workers, prefetch_factor=4 if args.workers else None)
    signal.signal(signal.SIGTERM, lambda *_: setattr(trainer, "stop", True))
    print(f"{len(crops)} photographs, {sum(map(len, synth))} rendered plates, {sum(p.numel() for p in trainer.model.parameters())} parameters, {trainer.device}", flush=True)
    batches, rows = iter(loader), []
    started = saved = logged = time.monotonic()
    before, crops_logged = trainer.elapsed, trainer.crops
    while trainer.progress() < 1.0 and not trainer.stop:
        progress = trainer.progress()
        strength, photos, plain, positions = schedule_at(progress, warm)
        schedule[0:3] = strength, photos, plain
        rows.append(trainer.train_step(next(batches), progress, positions))
        now = time.monotonic()
        trainer.elapsed = before + now - started
        if trainer.step % LOG_STEPS == 0:
            row = {"step": trainer.step, "crops": trainer.crops, "strength": round(strength, 3), **mean_row(rows)}
            rate = (trainer.crops - crops_logged) / (now - logged)
            left = (trainer.elapsed / max(trainer.progress(), 1e-6) - trainer.elapsed) / 60
            trainer.history.append(row)
            print(f"{100 * progress:5.1f}% {rate:4.0f} crops/s, {left:5.1f} min left |", " ".join(f"{k}={v}" for k, v in row.items()), flush=True)
            rows, logged, crops_logged = [], now, trainer.crops
        if now - saved > 60 * args.save_minutes or trainer.progress() >= 1.0 or trainer.stop:
            if held_out and trainer.history:
                trainer.history[-1]["val"], trainer.history[-1]["val_folded"] = validate(trainer.ema, val_images, [c.text for c in held_out], trainer.device)
                print(f"      val exact {trainer.history[-1]['val']:.4f} folded {trainer.history[-1]['val_folded']:.4f} ({len(held_out)} crops)", flush=True)
            trainer.save()
            saved = time.monotonic()
