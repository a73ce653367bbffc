"""Creates a topic: create_topic.py BOOTSTRAP TOPIC PARTITIONS."""

import sys

from kafka.admin import KafkaAdminClient, NewTopic

bootstrap, topic, partitions = sys.argv[1], sys.argv[2], int(sys.argv[3])
admin = KafkaAdminClient(bootstrap_servers=bootstrap)
admin.create_topics([NewTopic(topic, num_partitions=partitions, replication_factor=1)])
admin.close()
