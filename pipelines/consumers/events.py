"""Plate events out of the values of records."""

import json
import sys


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
        if all(isinstance(record.get(part), dict) for part in ("plate", "extras")):
            return record
    print(f"left out, no event: {place}", file=sys.stderr, flush=True)
    return None
