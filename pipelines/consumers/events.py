"""Plate events out of the values of records."""

import json
import sys

TEXTS = ("event_id", "captured_at", "camera_id")
PARTS = ("plate", "extras")
PARTS_OR_NULL = ("vehicle", "images", "node")


def is_event(record):
    """Whether the parts of `record` are what docs/events.md says, as far as these programs look at them."""
    return (
        all(isinstance(record.get(name), str) for name in TEXTS)
        and all(isinstance(record.get(name), dict) for name in PARTS)
        and all(isinstance(record.get(name) or {}, dict) for name in PARTS_OR_NULL)
        and isinstance(record["plate"].get("normalized_text"), str)
    )


def plate_event(value, place):
    """The plate event in `value` (bytes), or None. Health, outcomes and vehicles say what they are; a broken record must not stop
    the ones behind it: a line on standard error gives its `place`."""
    try:
        record = json.loads(value)
    except (TypeError, ValueError):
        record = None
    if isinstance(record, dict):
        if record.get("kind", "plate") != "plate":
            return None
        if is_event(record):
            return record
    print(f"left out, no event: {place}", file=sys.stderr, flush=True)
    return None
