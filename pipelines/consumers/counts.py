"""Counts events of each camera in windows of one minute into another topic (quixstreams).

Windows go by the record's timestamp, which kafkasink sets to the capture time, so late delivery after an outage changes
no count.
"""

import argparse
import datetime

from events import plate_event
from quixstreams import Application, message_context


def plate_of(value):
    record = message_context()
    return plate_event(value, f"{record.topic} {record.partition} {record.offset}")


def passes(event):
    # A pass counts once, however many records tell of it, and no more when its preview is taken back.
    return {event["event_id"]: not event["extras"].get("withdrawn", False)}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bootstrap-servers", default="localhost:9092")
    parser.add_argument("--input", default="alpr.plates.detected")
    parser.add_argument("--output", default="alpr.analytics.camera-counts")
    parser.add_argument("--group", default="alpr-camera-counts")
    parser.add_argument("--state", default="state", help="directory for the running counts")
    parser.add_argument("--timeout", type=float, default=0.0, help="end when nothing came for this long (0: never)")
    options = parser.parse_args()
    app = Application(
        broker_address=options.bootstrap_servers,
        consumer_group=options.group,
        auto_offset_reset="earliest",
        state_dir=options.state,
        use_changelog_topics=False,
        auto_create_topics=False,
        consumer_extra_config={"session.timeout.ms": 6000},
    )
    events = app.dataframe(app.topic(options.input, value_deserializer="bytes", key_deserializer="str"))
    minute = datetime.timedelta(minutes=1)
    # Revisions come a little later, with the time of what they correct.
    plates = events.apply(plate_of).filter(lambda event: event is not None)
    windows = plates.tumbling_window(minute, grace_ms=minute)
    counts = windows.reduce(initializer=passes, reducer=lambda known, event: known | passes(event)).current()
    output = app.topic(options.output, value_serializer="json", key_serializer="str")
    # Each update replaces the one before: readers keep the last of a camera and start.
    counts.apply(
        lambda window, key, *_: {"camera_id": key, "start_ms": window["start"], "count": sum(window["value"].values())},
        metadata=True,
    ).to_topic(output)
    app.run(timeout=options.timeout)


if __name__ == "__main__":
    main()
