"""The models in the repository are the ones their cards and sidecars describe.

Run: `python tests/test_cards.py` (or pytest) in models/training.
"""

from __future__ import annotations

import configparser
import hashlib
from pathlib import Path

import onnx

MODELS = Path(__file__).resolve().parents[2]
LARGEST = 4 * 1024 * 1024


def model_files() -> list[Path]:
    files = sorted(MODELS.glob("*.onnx"))
    assert files, f"no model in {MODELS}"
    return files


def test_cards_state_the_checksum() -> None:
    cards = (MODELS / "README.md").read_text()
    for path in model_files():
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        assert digest in cards, f"{path.name}: sha256 {digest} is not in models/README.md"
        assert path.stat().st_size <= LARGEST, f"{path.name} is larger than 4 MiB"


def test_sidecars_describe_the_tensors() -> None:
    for path in model_files():
        sidecar = configparser.ConfigParser()
        assert sidecar.read(path.with_name(path.name + ".modelinfo")), f"{path.name} has no sidecar"
        graph = onnx.load(str(path)).graph
        for tensor in [*graph.input, *graph.output]:
            assert sidecar.has_section(tensor.name), f"{path.name}: tensor {tensor.name} is not in the sidecar"
            dims = [int(dim) for dim in sidecar[tensor.name]["dims"].split(",")]
            own = [dim.dim_value or -1 for dim in tensor.type.tensor_type.shape.dim]
            assert dims == own, f"{path.name}: {tensor.name} is {own}, the sidecar says {dims}"


if __name__ == "__main__":
    for test in (test_cards_state_the_checksum, test_sidecars_describe_the_tensors):
        test()
        print(f"{test.__name__}: ok")
    print("2 passed, 0 failed")
