"""Reads a topic as the existing consumers do: read_topic.py BOOTSTRAP TOPIC COUNT. Prints a JSON line a record.

`json.loads` of the value, the key as UTF-8, and the fields that the storage service touches.
"""

import json
import sys

from kafka import KafkaConsumer

bootstrap, topic, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
consumer = KafkaConsumer(
    topic,
    bootstrap_servers=bootstrap,
    group_id="alpr-storage-consumer",
    auto_offset_reset="earliest",
    session_timeout_ms=6000,
    consumer_timeout_ms=20000,
    value_deserializer=lambda value: json.loads(value.decode("utf-8")),
    key_deserializer=lambda key: key.decode("utf-8") if key is not None else None,
)
read = 0
for record in consumer:
    event = record.value
    row = {
        "key": record.key,
        "partition": record.partition,
        "timestamp": record.timestamp,
        "headers": {name: value.decode() for name, value in record.headers},
        "camera_id": event["camera_id"],
        "text": event["plate"]["normalized_text"],
        "event": event,
    }
    print(json.dumps(row))
    read += 1
    if read == count:
        break
consumer.close()
if read != count:
    sys.exit(f"{read} records of {count} came from {topic} at {bootstrap}")
