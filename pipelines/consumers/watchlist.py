"""Prints one JSON line for each watched plate (confluent-kafka), at most once in `--cooldown` seconds for a plate."""

import argparse
import json

from confluent_kafka import Consumer, KafkaException
from events import plate_event


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bootstrap-servers", default="localhost:9092")
    parser.add_argument("--topic", default="alpr.plates.detected")
    parser.add_argument("--group", default="alpr-alert-engine")
    parser.add_argument("--plates", required=True, help="normalized texts, separated by commas")
    parser.add_argument("--cooldown", type=float, default=300.0)
    parser.add_argument("--events", type=int, help="end after this many events (default: never)")
    options = parser.parse_args()
    watched = set(options.plates.split(","))
    consumer = Consumer(
        {
            "bootstrap.servers": options.bootstrap_servers,
            "group.id": options.group,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            "session.timeout.ms": 6000,
        }
    )
    consumer.subscribe([options.topic])
    last_alert = {}
    seen = 0
    while options.events is None or seen < options.events:
        message = consumer.poll(0.5)
        if message is None:
            continue
        if message.error():
            raise KafkaException(message.error())
        event = plate_event(message.value(), f"{message.topic()} {message.partition()} {message.offset()}")
        # A preview that is taken back has alerted already.
        if event and not event["extras"].get("withdrawn"):
            plate = event["plate"]["normalized_text"]
            # The record's time is the capture time: a replay alerts as the day itself did.
            seconds = message.timestamp()[1] / 1000
            if plate in watched and seconds - last_alert.get(plate, float("-inf")) >= options.cooldown:
                last_alert[plate] = seconds
                fields = ("event_id", "captured_at", "camera_id")
                print(json.dumps({"alert": plate, **{name: event[name] for name in fields}}), flush=True)
            seen += 1
        consumer.commit(message, asynchronous=False)
    consumer.close()


if __name__ == "__main__":
    main()
