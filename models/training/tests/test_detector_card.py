"""The committed detector keeps its contract: opset, metadata. (Checksum and sidecar: `test_cards.py`.)

Run: python tests/test_detector_card.py
"""

import unittest
from pathlib import Path

import onnx

MODELS = [Path(__file__).resolve().parents[2] / name for name in ("plate-detector.onnx", "plate-detector.int8.onnx")]


class Contract(unittest.TestCase):
    def test_the_file_is_what_the_plugins_expect(self):
        for path in MODELS:
            with self.subTest(path.name):
                model = onnx.load(str(path))
                self.assertEqual([(o.domain, o.version) for o in model.opset_import], [("", 17)])
                self.assertEqual([t.name for t in (*model.graph.input, *model.graph.output)], ["images", "output0"])
                props = {p.key: p.value for p in model.metadata_props}
                self.assertEqual(props["task"], "pose")
                self.assertEqual(props["kpt_shape"], "[4, 2]")
                self.assertEqual(props["names"], "{0: 'license-plate'}")
                self.assertEqual(props["imgsz"], "[384, 640]")
                self.assertTrue(0 < float(props["confidence_threshold"]) < 1)


if __name__ == "__main__":
    unittest.main()
