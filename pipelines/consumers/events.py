"""Events out of the values of records."""

import json
import sys


def event_of(value, place):
    """The event in `value` (bytes); None, and a line on standard error with its `place`, where there is none: a broken record
    must not stop the ones behind it."""
    try:
        event = json.loads(value)
    except (TypeError, ValueError):
        event = None
    # Events have members within these; records of other kinds say what they are.
    if isinstance(event, dict) and (event.get("kind", "plate") != "plate" or all(isinstance(event.get(part), dict) for part in ("plate", "extras"))):
        return event
    print(f"left out, no event: {place}", file=sys.stderr, flush=True)
    return None
