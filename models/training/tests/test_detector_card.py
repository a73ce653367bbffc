"""The committed detector is the one its card describes, and its sidecar fits it."""

import configparser
import hashlib
import unittest
from pathlib import Path

import onnx

MODELS = Path(__file__).resolve().parents[2]
MODEL = MODELS / "plate-detector.onnx"


class Card(unittest.TestCase):
    def test_the_card_states_the_checksum_of_the_file(self):
        digest = hashlib.sha256(MODEL.read_bytes()).hexdigest()
        self.assertIn(digest, (MODELS / "README.md").read_text(), f"{MODEL.name} changed: put its sha256 into models/README.md")

    def test_the_sidecar_names_the_tensors_of_the_file(self):
        sidecar = configparser.ConfigParser()
        sidecar.read(MODEL.with_name(MODEL.name + ".modelinfo"))
        self.assertEqual(sidecar["modelinfo"]["version"], "1.0")
        graph = onnx.load(str(MODEL)).graph
        for direction, tensors in (("input", graph.input), ("output", graph.output)):
            for tensor in tensors:
                self.assertEqual(sidecar[tensor.name]["dir"], direction)
                dims = [d.dim_value or -1 for d in tensor.type.tensor_type.shape.dim]
                self.assertEqual(sidecar[tensor.name]["dims"], ",".join(map(str, dims)))

    def test_the_file_keeps_its_contract(self):
        model = onnx.load(str(MODEL))
        self.assertLessEqual(MODEL.stat().st_size, 4_000_000)
        self.assertEqual([o.version for o in model.opset_import if o.domain == ""], [17])
        props = {p.key: p.value for p in model.metadata_props}
        self.assertEqual(props["task"], "pose")
        self.assertEqual(props["names"], "{0: 'license-plate'}")
        self.assertTrue(0 < float(props["confidence_threshold"]) < 1)


if __name__ == "__main__":
    unittest.main()
