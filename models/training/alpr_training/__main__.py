"""Command line of the training project: `python -m alpr_training COMMAND ...`.

Each command is one module with `add_arguments(parser)` and `run(args)`; a module is imported only
when its command is asked for, so that rendering plates does not need PyTorch.
"""

from __future__ import annotations

import argparse
import importlib
import sys

# command -> (module, one line of help), or command -> {model: (module, help)}
COMMANDS: dict[str, tuple[str, str] | dict[str, tuple[str, str]]] = {
    "synth": ("synth", "render plates into a cache on disk, and contact sheets of it"),
    "film": ("film", "film labelled photographs as passes, for scores in motion"),
    "reader": ("reader", "train the plate reader"),
    "detector": ("detector", "train the plate detector"),
    "export": {
        "reader": ("reader_export", "write plate-reader.onnx from a checkpoint"),
        "detector": ("detector_export", "write plate-detector.onnx from a checkpoint"),
    },
    "quantize": ("quantize", "write the 8-bit form of an exported model"),
    "evaluate": {
        "reader": ("reader_evaluate", "score readers on the validation crops"),
        "detector": ("evaluate", "score detectors on the validation scenes"),
        "pair": ("end_to_end", "score detector and reader together on the validation scenes"),
    },
}


def _add(subparsers: argparse._SubParsersAction, argv: list[str], table: dict) -> None:
    for name, entry in table.items():
        if isinstance(entry, dict):
            parser = subparsers.add_parser(name)
            nested = parser.add_subparsers(metavar="MODEL", required=True)
            _add(nested, argv[1:] if argv[:1] == [name] else [], entry)
            continue
        module, text = entry
        parser = subparsers.add_parser(name, help=text, description=text)
        if argv[:1] == [name]:
            loaded = importlib.import_module(f"{__package__}.{module}")
            loaded.add_arguments(parser)
            parser.set_defaults(run=loaded.run)


def main(argv: list[str] | None = None) -> int:
    """Parse `argv` (default: the process's own) and run the command; returns the exit status."""
    argv = sys.argv[1:] if argv is None else argv
    parser = argparse.ArgumentParser(prog="alpr_training", description=__doc__)
    _add(parser.add_subparsers(metavar="COMMAND", required=True), argv, COMMANDS)
    args = parser.parse_args(argv)
    return int(args.run(args) or 0)


if __name__ == "__main__":
    sys.exit(main())
