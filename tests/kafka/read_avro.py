"""Reads a topic with Confluent's Avro deserialiser and prints each value as one JSON line."""

import json
import sys

from confluent_kafka import Consumer, KafkaException
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.serialization import MessageField, SerializationContext


def main(servers, registry, topic, number):
    deserialise = AvroDeserializer(SchemaRegistryClient({"url": registry}))
    consumer = Consumer({"bootstrap.servers": servers, "group.id": "avro", "auto.offset.reset": "earliest"})
    consumer.subscribe([topic])
    for _ in range(int(number)):
        message = consumer.poll(20)
        if message is None or message.error():
            raise KafkaException(message and message.error())
        context = SerializationContext(topic, MessageField.VALUE)
        print(json.dumps(deserialise(message.value(), context)))
    consumer.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
