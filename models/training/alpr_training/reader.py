"""`reader`: trains the plate reader on rendered plates and photographs.

The recipe in one line: start on large clean plates, where it takes minutes to learn that the third slot
reads the third character; add the camera and the photographs step by step; average the weights.
"""

from __future__ import annotations

import argparse
import json
import math
import signal
import time
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch

from . import device, losses
from .data import fixed_input, load_crops
from .finite import refuse_broken
from .reader_batches import Again, Batches
from .reader_model import LAYERS, WIDTHS, PlateReader
from .reader_pools import Photos, PlateRing
from .reader_score import exact, folded, softmax, texts_of
from .reader_teacher import Teachers, soft_labels
from .reader_weights import load_weights
from .sources import training_crops
from .synth_layouts import REGIONS

EMA = 0.999
LOG_SECONDS = 10.0
WARM_UP_STEPS = 300
VAL_MARGIN = 0.06  # of the box: where scores are taken during training
SKIP, DROPOUT = 0.1, 0.1
# What teachers say of the very crop leaves less to guess.
DISTILLED_SKIP, DISTILLED_DROPOUT = 0.03, 0.0
AS_THEY_ARE = 0.5  # share of the photographs that pass no simulated camera, where opinions of teachers are learnt
# From here on, every tenth of the budget, labels are doubted (see `Photos.doubt`).
DOUBT_FROM = 0.5
# Where few crops fit into the budget, the easy start is at least this long, and so is the way to the camera's full strength.
PLAIN_CROPS, RAMP_CROPS = 40_000, 80_000
# Large batches, made several at once, keep a GPU busy; on a CPU more steps are worth more.
DEFAULTS = {
    "cuda": {"batch": 768, "lr": 2e-3, "pool": 200_000, "ahead": 4},
    "cpu": {"batch": 64, "lr": 1.5e-3, "pool": 20_000, "ahead": 1},
}


def schedule_at(progress: float, crops: int, warm: bool, distilled: bool) -> tuple[float, float, float, float]:
    """(strength of the camera, share of photographs, share of plain plates, weight of position losses) at
    `progress` 0 … 1 and after `crops`. A warm start skips the easy beginning; teachers say most of photographs."""
    if distilled:
        return 0.8 - 0.4 * progress, 0.7, 0.0, 0.02 + 0.3 * progress
    ease = min(1.0, max(0.0, (progress - 0.75) / 0.2))  # end nearer to what cameras really deliver
    if warm:
        # The head of the cells is not in an exported file: it learns anew before what it says may move the rest.
        return 0.95 - 0.45 * ease, 0.4 + 0.1 * ease, 0.03, 0.02 + 0.3 * progress
    ramp = min(1.0, max(0.0, (progress - 0.01) / 0.15), crops / RAMP_CROPS)
    photos = 0.05 + 0.35 * min(1.0, max(0.0, (progress - 0.01) / 0.1)) + 0.1 * ease
    plain = max(0.03, 0.85 * (1 - min(progress / 0.05, crops / PLAIN_CROPS)))
    return (0.1 + 0.9 * ramp) * (1 - 0.5 * ease), photos, plain, 1.0 - 0.7 * min(1.0, progress / 0.5)


def learning_rate(progress: float, step: int, peak: float) -> float:
    """Linear warm-up, then half a cosine down to one hundredth."""
    return peak * min(1.0, (step + 1) / WARM_UP_STEPS) * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(1.0, progress))))


@torch.no_grad()
def validate(model: torch.nn.Module, images: np.ndarray, texts: list[str], where: torch.device) -> tuple[float, float]:
    """Exact and folded match on fixed crops."""
    model.eval()
    logits = np.concatenate([model(torch.from_numpy(images[i : i + 256]).to(where))["plate"].float().cpu().numpy() for i in range(0, len(images), 256)])
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

    def __init__(self, args: argparse.Namespace, where: torch.device) -> None:
        self.args, self.output, self.device = args, args.output, where
        self.output.mkdir(parents=True, exist_ok=True)
        torch.manual_seed(args.seed)
        torch.set_num_threads(args.threads)
        self.bf16 = device.bf16_pays(self.device, args.bf16)
        self.model = PlateReader(len(REGIONS), tuple(args.widths), args.layers, *((DISTILLED_SKIP, DISTILLED_DROPOUT) if args.distil else (SKIP, DROPOUT))).to(self.device, memory_format=torch.channels_last)
        self.ema = PlateReader(len(REGIONS), tuple(args.widths), args.layers).to(self.device, memory_format=torch.channels_last).eval()
        self.ema.load_state_dict(self.model.state_dict())
        self.optimiser = torch.optim.AdamW(self.model.parameters(), lr=args.lr, weight_decay=0.02, betas=(0.9, 0.98), fused=True)
        self.step = self.crops = 0
        self.elapsed = 0.0
        self.history: list[dict] = []
        self.stop = False
        self.writer = ThreadPoolExecutor(1)
        self.writing: Future | None = None
        self.warm = bool(args.warm_start)
        if args.warm_start:
            print(f"warm start from {args.warm_start}: {load_weights(self.model, args.warm_start)}")
            self.ema.load_state_dict(self.model.state_dict())
        self.last = self.output / "last.pt"
        if args.resume:
            self._resume()
        pairs = [(mine, other) for mine, other in zip(self.ema.state_dict().values(), self.model.state_dict().values()) if mine.dtype.is_floating_point]
        self.averaged, self.sources = [list(side) for side in zip(*pairs)]
        self.forward = torch.compile(self.model) if args.compile else self.model
        self.sums = torch.zeros(len(losses.WEIGHTS) + 4, device=self.device)

    def _resume(self) -> None:
        """Go on from `last.pt`: its schedule is that of the flags it was begun with."""
        if not self.last.exists():
            raise FileNotFoundError(f"--resume: no checkpoint {self.last}; start without it, or give --warm-start FILE")
        state = torch.load(self.last, map_location=self.device, weights_only=False)
        # Checkpoints of earlier versions do not say how they were begun.
        distilled = bool(self.args.distil)
        if state.get("distilled", distilled) != distilled:
            raise ValueError(f"--resume: {self.last} was begun {'without' if distilled else 'with'} --distil: go on {'without' if distilled else 'with'} it")
        self.warm = state.get("warm", self.warm)
        self.model.load_state_dict(state["model"])
        self.ema.load_state_dict(state["ema"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.step, self.crops, self.elapsed, self.history = state["step"], state["crops"], state["elapsed"], state["history"]
        torch.manual_seed(self.args.seed + self.step)  # other crops than before
        print(f"resumed {self.last} at step {self.step}")

    def save(self) -> None:
        """Write `last.pt` (whole or not at all), the history and the plot, while training goes on. Raises FloatingPointError, and writes
        nothing, where losses or weights are not finite, and what the `save` before failed of."""
        since = self.history[-1] if self.history else {}
        known = {name: since[name] for name in losses.WEIGHTS if since.get(name) is not None}
        refuse_broken({**known, "since the last line": self.sums}, [*self.model.state_dict().values(), *self.ema.state_dict().values()], self.step, self.last, "--lr")
        state = {
            "model": self.model.state_dict(), "ema": self.ema.state_dict(), "optimiser": self.optimiser.state_dict(), "step": self.step,
            "crops": self.crops, "elapsed": self.elapsed, "history": list(self.history), "widths": self.model.widths, "layers": self.model.layers,
            "regions": REGIONS, "warm": self.warm, "distilled": bool(self.args.distil),
        }  # fmt: skip
        copy = _copied(state)
        self.finish_writing()
        self.writing = self.writer.submit(self._write, copy)

    def _write(self, state: dict) -> None:
        torch.save(state, self.output / "last.tmp")
        (self.output / "last.tmp").replace(self.last)
        (self.output / "history.jsonl").write_text("".join(json.dumps(row) + "\n" for row in state["history"]))
        try:
            plot(state["history"], self.output / "training.png")
        except Exception as problem:  # a picture is worth no training
            print(f"{self.output / 'training.png'} was not drawn: {problem!r}", flush=True)

    def finish_writing(self) -> None:
        """Wait for the last `save`; raises what it failed of."""
        if self.writing:
            self.writing.result()

    def progress(self) -> float:
        """Share of the budget used: by crops or by minutes, whichever was given."""
        by_crops = self.crops / self.args.crops if self.args.crops else 0.0
        by_time = self.elapsed / (60 * self.args.minutes) if self.args.minutes else 0.0
        return max(by_crops, by_time)

    def train_step(self, batch: dict[str, torch.Tensor], progress: float, positions: float) -> None:
        """One update. Losses and matches are summed up where they are, so that nothing waits for them; see `row`."""
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate(progress, self.step, self.args.lr)
        self.model.train()
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16):
            out = self.forward(batch["image"])
        out = {name: value.float() for name, value in out.items()}
        parts = losses.reader_losses(out, batch)
        loss = losses.total(parts, positions, bool(self.args.distil))
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 2.0)
        self.optimiser.step()
        with torch.no_grad():
            torch._foreach_lerp_(self.averaged, self.sources, 1 - min(EMA, (1 + self.step) / (10 + self.step)))
            right = (out["plate"].argmax(-1) == batch["label"]).all(1).float()
            rendered, count = batch["rendered"], len(right)
            zero = right.new_zeros(())
            values = [parts[name].detach() if name in parts else zero for name in losses.WEIGHTS]
            values += [right[:rendered].sum(), right[rendered:].sum(), zero + rendered, zero + count - rendered]
            self.sums += torch.stack(values)
        self.step += 1
        self.crops += count

    def row(self, steps: int) -> dict[str, float | None]:
        """Means of the losses and matches over the last `steps` steps."""
        *parts, rendered, photos, of_rendered, of_photos = self.sums.tolist()
        self.sums.zero_()
        out: dict[str, float | None] = {name: round(value / steps, 4) for name, value in zip(losses.WEIGHTS, parts)}
        out["rendered"] = round(rendered / of_rendered, 4) if of_rendered else None
        out["photos"] = round(photos / of_photos, 4) if of_photos else None
        return out


def _copied(state):
    """A checkpoint on the CPU that the next step does not change."""
    if isinstance(state, torch.Tensor):
        return state.detach().to("cpu", copy=True)
    if isinstance(state, dict):
        return {key: _copied(value) for key, value in state.items()}
    return [_copied(value) for value in state] if isinstance(state, list) else state


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("data", type=Path, nargs="?", help="data folder with crops/<set>/labels.jsonl; without it, rendered plates only")
    parser.add_argument("--synth", nargs="*", default=[], help="caches written by `synth`, or glob patterns of them; new ones are taken in while training")
    parser.add_argument("--plain", nargs="+", required=True, help="caches written by `synth --plain` (or patterns), the easy start")
    parser.add_argument("--pool", type=int, help="rendered plates kept at a time, 83 kB each (default 200000 on CUDA, 20000 on a CPU)")
    parser.add_argument("--teacher", type=Path, help="ONNX reader whose opinion on the photographs is learnt too, or the .npz it was kept in")
    parser.add_argument("--distil", type=Path, nargs="+", help="ONNX readers whose mean opinion on every crop is what is learnt; with --warm-start")
    parser.add_argument("--output", type=Path, required=True, help="folder for checkpoints, history and plots")
    parser.add_argument("--crops", type=int, help="budget in crops seen")
    parser.add_argument("--minutes", type=float, help="budget in minutes of training; the schedule follows whichever ends first")
    parser.add_argument("--batch", type=int, help="default 768 on CUDA, 64 on a CPU")
    parser.add_argument("--ahead", type=int, help="steps whose crops are made at once (default 4 on CUDA, 1 on a CPU)")
    parser.add_argument("--lr", type=float, help="peak learning rate (default 2e-3 on CUDA, 1.5e-3 on a CPU)")
    parser.add_argument("--widths", type=int, nargs=4, default=WIDTHS, help="channels of the four stages")
    parser.add_argument("--layers", type=int, default=LAYERS, help="transformer layers")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads of the training")
    device.add_arguments(parser)
    parser.add_argument("--compile", action="store_true", help="torch.compile the network: a minute at the start, faster steps on a GPU")
    parser.add_argument("--resume", action="store_true", help="go on from last.pt in the output folder")
    parser.add_argument("--warm-start", type=Path, help="begin with the weights of a .pt or exported .onnx and skip the easy start")
    parser.add_argument("--save-minutes", type=float, default=4.0)
    parser.add_argument("--seed", type=int, default=1)


def run(args: argparse.Namespace) -> None:
    if not args.crops and not args.minutes:
        raise SystemExit("reader: give a budget, --crops or --minutes")
    if args.distil and not ((args.warm_start or args.resume) and args.data):
        raise SystemExit("reader: --distil goes on from weights that read already, on photographs: give --warm-start (or --resume) and the data folder")
    where = device.chosen(args.device)
    for name, value in DEFAULTS.get(where.type, DEFAULTS["cpu"]).items():
        setattr(args, name, getattr(args, name) or value)
    trainer = Trainer(args, where)
    crops = training_crops(args.data) if args.data else []
    held_out = load_crops(args.data, "val") if args.data else []
    val_images = np.stack([fixed_input(crop, VAL_MARGIN) for crop in held_out]) if held_out else None
    teacher = soft_labels(crops, args.teacher, args.output / "teacher.npz") if args.teacher and crops else None
    photos = Photos(crops, teacher, where) if crops else None
    plates = PlateRing(args.plain, args.synth, args.pool, where)
    teachers = Teachers(args.distil, args.threads) if args.distil else None
    batches = Batches(photos, plates, args.batch, where, teachers, AS_THEY_ARE if args.distil else 0.0)
    signal.signal(signal.SIGTERM, lambda *_: setattr(trainer, "stop", True))
    print(f"{len(crops)} photographs, {plates.plain} plain plates, {sum(p.numel() for p in trainer.model.parameters())} parameters, batch {args.batch}, {trainer.device}", flush=True)

    before, doubted = trainer.elapsed, max(DOUBT_FROM, trainer.progress())
    started = saved = logged = time.monotonic()
    steps_logged, crops_logged, split, ahead = trainer.step, trainer.crops, None, []
    again = Again() if teachers else None
    while trainer.progress() < 1.0 and not trainer.stop:
        progress = trainer.progress()
        strength, share, plain, positions = schedule_at(progress, trainer.crops, trainer.warm, bool(args.distil))
        # Once between two lines of the log everything is waited for, to see where the time goes.
        measured = not ahead and trainer.step - steps_logged >= 8 and split is None
        marks = [device.caught_up(where) if measured else 0.0]
        if not ahead:
            for _ in range(args.ahead):
                plates.take_in()
            ahead = batches.next(strength, share, plain, args.ahead)
        marks.append(device.caught_up(where) if measured else 0.0)
        batch = ahead.pop()
        trainer.train_step(batch, progress, positions)
        if again and (kept := again.later(batch)):
            trainer.train_step(kept, progress, positions)
        if measured:
            split = f"a step: data {1000 * (marks[1] - marks[0]) / args.ahead:.0f} ms, network {1000 * (device.caught_up(where) - marks[1]):.0f} ms"
        now = time.monotonic()
        trainer.elapsed = before + now - started
        last = trainer.progress() >= 1.0 or trainer.stop
        if now - logged > LOG_SECONDS or last:
            row = {"step": trainer.step, "crops": trainer.crops, "strength": round(strength, 3), **trainer.row(trainer.step - steps_logged)}
            now = time.monotonic()
            rate = (trainer.crops - crops_logged) / max(now - logged, 1e-6)
            left = (trainer.elapsed / max(trainer.progress(), 1e-6) - trainer.elapsed) / 60
            trainer.history.append(row)
            shown = " ".join(f"{k}={v}" for k, v in row.items())
            print(f"{100 * progress:5.1f}% {rate:4.0f} crops/s, {left:5.1f} min left | {shown} | {plates.taken} plates" + (f", {split}" if split else ""), flush=True)
            steps_logged, crops_logged, logged, split = trainer.step, trainer.crops, now, None
        if photos and progress >= doubted:
            print(f"      {photos.doubt(trainer.ema, VAL_MARGIN)} unchecked labels are doubted", flush=True)
            doubted += 0.1
        if now - saved > 60 * args.save_minutes or last:
            if held_out and trainer.history:
                trainer.history[-1]["val"], trainer.history[-1]["val_folded"] = validate(trainer.ema, val_images, [c.text for c in held_out], trainer.device)
                print(f"      val exact {trainer.history[-1]['val']:.4f} folded {trainer.history[-1]['val_folded']:.4f} ({len(held_out)} crops)", flush=True)
            trainer.save()
            saved = time.monotonic()
    trainer.finish_writing()
