"""Stores every plate event in PostgreSQL (kafka-python, psycopg).

A batch is committed to Kafka after it is committed to the database, so a restart repeats events and never skips one; the
primary key makes repetitions harmless. A revision takes the place of the preview that it corrects, and one that withdraws it
removes it.
"""

import argparse
import pathlib
import sys

import psycopg
from events import plate_event
from kafka import KafkaConsumer

# Column and where it is in the event.
COLUMNS = {
    "event_id": "event_id",
    "captured_at": "captured_at",
    "camera_id": "camera_id",
    "track_id": "track_id",
    "plate_text": "plate.text",
    "plate_normalized_text": "plate.normalized_text",
    "plate_confidence": "plate.confidence",
    "plate_region": "plate.region",
    "vehicle_type": "vehicle.type",
    "vehicle_make": "vehicle.make",
    "vehicle_model": "vehicle.model",
    "vehicle_color": "vehicle.color",
    "plate_image_url": "images.plate_url",
    "vehicle_image_url": "images.vehicle_url",
    "frame_image_url": "images.frame_url",
    "latency_ms": "latency_ms",
    "quality_score": "extras.quality_score",
    "frame_number": "extras.frame_number",
    "site_id": "node.site",
    "host_id": "node.host",
    "roi": "extras.roi",
    "direction": "extras.direction",
    "revision": "extras.revision",
}
# An older revision, or the same once more, changes nothing.
UPSERT = """
    INSERT INTO plate_events ({}) VALUES ({}) ON CONFLICT (event_id, captured_at)
    DO UPDATE SET {} WHERE plate_events.revision < EXCLUDED.revision
""".format(
    ", ".join(COLUMNS), ", ".join(f"%({name})s" for name in COLUMNS), ", ".join(f"{name} = EXCLUDED.{name}" for name in COLUMNS)
)
# Records that come twice come in their order again: what is withdrawn is withdrawn in the end.
WITHDRAW = "DELETE FROM plate_events WHERE event_id = %(event_id)s AND captured_at = %(captured_at)s"


def at(event, path):
    for name in path.split("."):
        event = (event or {}).get(name)
    return event


def row(event):
    values = {column: at(event, path) for column, path in COLUMNS.items()}
    values["plate_region"] = values["plate_region"] or "UNKNOWN"
    values["revision"] = values["revision"] or 0
    return values


def store(database, event):
    """Stores or withdraws; an event that the table does not take is said and left out."""
    try:
        # Within the batch: what fails takes nothing else back.
        with database.transaction():
            database.execute(WITHDRAW if at(event, "extras.withdrawn") else UPSERT, row(event))
    except (psycopg.DataError, psycopg.IntegrityError, psycopg.ProgrammingError) as error:
        # Without a state of the server it is a value that has no form in SQL, with one the table is wrong.
        if isinstance(error, psycopg.ProgrammingError) and error.sqlstate:
            raise
        print(f"left out, {event.get('event_id')}: {error}", file=sys.stderr, flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bootstrap-servers", default="localhost:9092")
    parser.add_argument("--topic", default="alpr.plates.detected")
    parser.add_argument("--group", default="alpr-storage-consumer")
    parser.add_argument("--dsn", required=True, help="such as postgresql://alpr@localhost/alpr")
    parser.add_argument("--events", type=int, help="end after this many (default: never)")
    options = parser.parse_args()
    consumer = KafkaConsumer(
        options.topic,
        bootstrap_servers=options.bootstrap_servers,
        group_id=options.group,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        session_timeout_ms=6000,
        max_poll_records=100,
    )
    stored = 0
    with psycopg.connect(options.dsn) as database:
        database.execute(pathlib.Path(__file__).with_suffix(".sql").read_text())
        database.commit()
        while options.events is None or stored < options.events:
            records = [record for records in consumer.poll(timeout_ms=500).values() for record in records]
            if not records:
                continue
            batch = [plate_event(record.value, f"{record.topic} {record.partition} {record.offset}") for record in records]
            events = [event for event in batch if event]
            with database.transaction():
                for event in events:
                    store(database, event)
            consumer.commit()
            stored += len(events)
            print(f"stored {stored}", flush=True)
    consumer.close()


if __name__ == "__main__":
    main()
