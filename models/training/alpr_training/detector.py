"""`detector`: trains the plate detector from labelled scenes.

    python -m alpr_training detector DATA --output FOLDER [--cache FOLDER] [--plates FOLDER] --minutes 60

Writes into the output folder: `last.pt` (everything needed to resume), `ema.pt` (averaged weights, for
`export detector`), `log.jsonl` and `loss.png`.
"""

from __future__ import annotations

import argparse
import json
import math
import signal
import time
from pathlib import Path

import torch

from . import device
from .detector_loss import detector_loss
from .detector_net import PlateDetector, gflop
from .detector_weights import load_weights, save_weights, settle
from .finite import refuse_broken
from .scene_paste import PlateStock, Words
from .scene_windows import Sampler
from .scenes import TEACHER, Scenes
from .sources import training_scenes

WARM_UP = 200
"""Steps over which the learning rate rises."""

SMALL, LARGE = (320, 192), (640, 384)
"""Window sizes (px): most steps see small windows, `--large-share` of them a quarter as many of the full size."""

EASE = (0.7, 0.95)
"""Share of the budget over which the simulation eases towards what cameras mostly deliver."""

WORDS = 3000
"""Pieces of lettering that are no plate, drawn once."""


class Average:
    """Exponential moving average of the weights; short memory at first, `decay` in the long run."""

    def __init__(self, net: torch.nn.Module, decay: float):
        # Integers, the counters of the norms, are of no use in an average.
        self.state = {k: v.detach().clone() for k, v in net.state_dict().items() if v.is_floating_point()}
        self.decay, self.steps = decay, 0

    @torch.no_grad()
    def update(self, net: torch.nn.Module) -> None:
        """Move towards the weights of `net`."""
        self.steps += 1
        keep = self.decay * (1 - math.exp(-self.steps / 300))
        values = net.state_dict()
        torch._foreach_lerp_(list(self.state.values()), [values[name] for name in self.state], 1 - keep)


def rate_at(progress: float) -> float:
    """Share of the peak learning rate at `progress` (0..1): flat for a third, then a cosine down to 1 %."""
    if progress < 0.33:
        return 1.0
    return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(1.0, (progress - 0.33) / 0.67)))


def ease_at(progress: float) -> float:
    """How far (0..1) the simulation has eased at `progress` (0..1)."""
    return min(1.0, max(0.0, (progress - EASE[0]) / (EASE[1] - EASE[0])))


def optimiser_for(net: PlateDetector, rate: float) -> torch.optim.Optimizer:
    """AdamW; norms and biases are not decayed."""
    decayed = [p for p in net.parameters() if p.ndim > 1]
    others = [p for p in net.parameters() if p.ndim <= 1]
    return torch.optim.AdamW([{"params": decayed, "weight_decay": 0.02}, {"params": others, "weight_decay": 0.0}], rate, fused=True)


def plot(log: list[dict], path: Path) -> None:
    """Loss parts and learning rate over the steps, as PNG."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(8, 4.5))
    for part in ("score", "box", "corners"):
        axes.plot([r["step"] for r in log], [r[part] for r in log], label=part)
    axes.set(xlabel="step", ylabel="loss", yscale="log")
    axes.legend()
    figure.savefig(path, dpi=90)
    pyplot.close(figure)


class Trainer:
    """State of one training run: network, average, optimiser, log."""

    def __init__(self, args: argparse.Namespace):
        torch.manual_seed(args.seed)
        self.args = args
        self.device = device.chosen(args.device)
        cuda = self.device.type == "cuda"
        args.batch, args.ahead = args.batch or (256 if cuda else 32), args.ahead or (6 if cuda else 1)
        self.bf16 = device.bf16_pays(self.device, args.bf16)
        self.net = PlateDetector()
        self.unsettled = bool(args.warm_start) and load_weights(self.net, args.warm_start)
        self.net.to(self.device, memory_format=torch.channels_last).train()
        self.optimiser = optimiser_for(self.net, args.rate)
        self.average = Average(self.net, args.average)
        self.step, self.spent, self.log = 0, 0.0, []
        self.last = args.output / "last.pt"
        self.stop, self.made = False, []
        if args.resume:
            self._resume()

    def _resume(self) -> None:
        if not self.last.exists():
            raise FileNotFoundError(f"--resume: no checkpoint {self.last}; start without it, or give --warm-start FILE")
        saved = torch.load(self.last, map_location=self.device, weights_only=True)
        self.net.load_state_dict(saved["net"])
        self.optimiser.load_state_dict(saved["optimiser"])
        self.average.state, self.average.steps = saved["average"], saved["average_steps"]
        self.step, self.spent, self.log = saved["step"], saved["spent"], saved["log"]
        self.unsettled = False  # whatever --warm-start loaded is overwritten

    def save(self) -> None:
        """Write the checkpoint, the averaged weights, the log and its plot; raises FloatingPointError, and writes nothing, where weights
        are not finite."""
        refuse_broken({}, [*self.net.state_dict().values(), *self.average.state.values()], self.step, self.last, "--rate")
        part = self.last.with_suffix(".part")
        torch.save(
            {"net": self.net.state_dict(), "optimiser": self.optimiser.state_dict(), "average": self.average.state,
             "average_steps": self.average.steps, "step": self.step, "spent": self.spent, "log": self.log}, part)
        part.rename(self.last)
        save_weights(self.average.state, self.args.output / "ema.pt", self.step, self.spent)
        (self.args.output / "log.jsonl").write_text("".join(json.dumps(r) + "\n" for r in self.log))
        if len(self.log) > 1:
            try:
                plot(self.log, self.args.output / "loss.png")
            except Exception as problem:  # a picture is worth no training
                print(f"{self.args.output / 'loss.png'} was not drawn: {problem!r}", flush=True)

    def progress(self) -> float:
        """Share of the budget that is used, by time or by steps."""
        if self.args.steps:
            return self.step / self.args.steps
        return self.spent / (self.args.minutes * 60)

    def train_on(self, pictures: torch.Tensor, targets) -> dict[str, torch.Tensor]:
        """One step; returns the parts of the loss, still on the device."""
        rate = self.args.rate * rate_at(self.progress()) * min(1.0, (self.step + 1) / WARM_UP)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        images = (pictures / 255).contiguous(memory_format=torch.channels_last)
        if self.unsettled:
            settle(self.net, images)
            self.net.train()
            self.unsettled = False
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16):
            raw = self.net(images)
        loss, parts = detector_loss([level.float() for level in raw], targets)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), 10.0)
        self.optimiser.step()
        self.average.update(self.net)
        self.step += 1
        return parts

    def batch(self, sampler: Sampler):
        """Windows for the next step: small ones, or a quarter as many of the size used at run time. Windows for `--ahead` steps
        are made at once: a GPU makes many in hardly more time than few."""
        if not self.made:
            ease = ease_at(self.progress())
            share = self.args.large_share + (0.6 - self.args.large_share) * ease
            count, size = (max(1, self.args.batch // 4), LARGE) if float(torch.rand(1)) < share else (self.args.batch, SMALL)
            with torch.no_grad():
                pictures, targets = sampler.batch(count * self.args.ahead, *size, ease)
            self.made = list(zip(pictures.split(count), targets.split(count)))
        return self.made.pop()

    def run(self, sampler: Sampler) -> None:
        """Train until the budget is used; prints a line every `--every` steps, saves every `--save-minutes` and on SIGTERM."""
        sums, count, images, mark = {}, 0, 0, time.monotonic()
        begun, spent_before, saved = mark, self.spent, mark
        while True:
            # Timing needs the device to catch up, so it is done on the last step before a line only.
            timed = count + 1 == self.args.every
            start = device.caught_up(self.device) if timed else 0.0
            pictures, targets = self.batch(sampler)
            made = device.caught_up(self.device) if timed else 0.0
            for name, value in self.train_on(pictures, targets).items():
                sums[name] = sums.get(name, 0.0) + value
            count, images = count + 1, images + len(pictures)
            now = device.caught_up(self.device) if timed else time.monotonic()
            self.spent = spent_before + now - begun
            done = self.stop or self.progress() >= 1
            save = done or now - saved > 60 * self.args.save_minutes
            if timed or save:
                means = {name: round(float(value) / count, 4) for name, value in sums.items()}
                refuse_broken(means, (), self.step, self.last, "--rate")
            if timed or done:
                self.log.append({"step": self.step, "seconds": round(self.spent), **means})
                left = self.spent * (1 / max(self.progress(), 1e-6) - 1) / 60
                print(f"step {self.step}  {self.progress():.1%}  " + "  ".join(f"{k} {v:.4f}" for k, v in means.items())
                      + f"  {images / (now - mark):.0f} images/s  ETA {left:.1f} min"
                      + (f"  last step: windows {1000 * (made - start):.0f} ms, network {1000 * (now - made):.0f} ms" if timed else ""), flush=True)
                sums, count, images, mark = {}, 0, 0, now
            if save:
                self.save()
                saved = now
            if done:
                return


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `detector`."""
    parser.add_argument("data", type=Path, help="folder that holds scenes/ and clips/")
    parser.add_argument("--output", type=Path, required=True, help="folder for checkpoints, log and plots")
    parser.add_argument("--cache", type=Path, help="folder of the decoded scenes (default: OUTPUT/cache)")
    parser.add_argument("--plates", help="rendered plates: a folder that `synth` wrote, or a glob pattern of such folders, which may grow")
    parser.add_argument("--minutes", type=float, default=60, help="budget of wall clock time")
    parser.add_argument("--steps", type=int, default=0, help="budget in steps, in place of --minutes")
    parser.add_argument("--batch", type=int, help="small windows a step, large ones a quarter (default: 256 on CUDA, 32 on a CPU)")
    parser.add_argument("--ahead", type=int, help="steps whose windows are made at once (default: 6 on CUDA, 1 on a CPU)")
    parser.add_argument("--large-share", type=float, default=0.3, help="share of steps with 640x384 windows; it rises to 0.6 at the end")
    parser.add_argument("--rate", type=float, default=2e-3, help="peak learning rate")
    parser.add_argument("--average", type=float, default=0.999, help="decay of the weight average")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--every", type=int, default=100, help="steps between progress lines")
    parser.add_argument("--save-minutes", type=float, default=2, help="minutes between checkpoints")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads of the training process")
    device.add_arguments(parser)
    parser.add_argument("--resume", action="store_true", help="continue OUTPUT/last.pt")
    parser.add_argument("--warm-start", type=Path, help="weights to begin with: .pt, or an exported .onnx")


def run(args: argparse.Namespace) -> None:
    """Train as the options say."""
    args.output.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(args.threads)
    scenes = Scenes(args.data, args.cache or args.output / "cache")
    trainer = Trainer(args)
    torch.manual_seed(args.seed + trainer.step)
    numbers = training_scenes(args.data, scenes.scenes, scenes.split("train"))
    if scenes.has_teacher:
        numbers += scenes.split("clip")
    else:
        # Their plates are labelled nowhere: only a teacher's finds keep them from being learnt as background.
        print(f"no {TEACHER} in the cache: clips are left out, and plates that labels leave out train as background; "
              "`python -m alpr_training.scenes DATA CACHE --teacher MODEL` makes it", flush=True)
    sampler = Sampler(scenes, numbers, PlateStock(args.plates, trainer.device), Words(WORDS, trainer.device), trainer.device)
    print(f"{len(sampler.steps)} pictures, teacher boxes: {scenes.has_teacher}, {len(sampler.plates.aspects)} rendered plates, "
          f"network {gflop(PlateDetector(), *LARGE):.2f} GFLOP at {LARGE[0]}x{LARGE[1]}, on {trainer.device}", flush=True)
    signal.signal(signal.SIGTERM, lambda *_: setattr(trainer, "stop", True))
    trainer.run(sampler)
