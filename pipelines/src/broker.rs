//! A Kafka topic to write to and read back from.

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
use rdkafka::types::RDKafkaErrorCode;
use rdkafka::{Message as _, Offset, TopicPartitionList};
use std::time::Duration;

/// How long a broker may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// Partitions of a topic that is created here.
const PARTITIONS: i32 = 3;

/// A broker: a real one elsewhere, or librdkafka's own inside this process, which speaks the real protocol on a
/// loopback port.
pub struct Broker {
    /// What clients connect to.
    pub servers: String,
    cluster: Option<MockCluster<'static, DefaultProducerContext>>,
}

impl Broker {
    /// The broker at `servers`, or an embedded one.
    ///
    /// # Errors
    /// A sentence that says why the embedded broker does not start.
    pub fn new(servers: Option<&str>) -> Result<Self, String> {
        if let Some(servers) = servers {
            return Ok(Self { servers: servers.to_owned(), cluster: None });
        }
        let cluster = MockCluster::new(1).map_err(|e| format!("the embedded broker does not start: {e}"))?;
        Ok(Self { servers: cluster.bootstrap_servers(), cluster: Some(cluster) })
    }

    /// Whether the broker runs inside this process.
    pub fn is_embedded(&self) -> bool {
        self.cluster.is_some()
    }

    /// Creates `topic` unless it exists.
    ///
    /// # Errors
    /// A sentence with the broker's address and what it answered.
    pub fn create_topic(&self, topic: &str) -> Result<(), String> {
        let failed = |e: &dyn std::fmt::Display| {
            format!("cannot create topic {topic} at {}: {e}; does a broker answer there?", self.servers)
        };
        if let Some(cluster) = &self.cluster {
            // The embedded broker knows no admin requests.
            return cluster.create_topic(topic, PARTITIONS, 1).map_err(|e| failed(&e));
        }
        let admin: AdminClient<DefaultClientContext> =
            ClientConfig::new().set("bootstrap.servers", &self.servers).create().map_err(|e| failed(&e))?;
        let options = AdminOptions::new().operation_timeout(Some(PATIENCE)).request_timeout(Some(PATIENCE));
        let wanted = [NewTopic::new(topic, PARTITIONS, TopicReplication::Fixed(1))];
        let answers = futures_executor::block_on(admin.create_topics(&wanted, &options)).map_err(|e| failed(&e))?;
        match answers.into_iter().next() {
            Some(Err((_, code))) if code != RDKafkaErrorCode::TopicAlreadyExists => Err(failed(&code)),
            _ => Ok(()),
        }
    }

    /// A consumer of `topic` that sees every record from now on.
    ///
    /// # Errors
    /// A sentence with the broker's address and what it answered.
    pub fn consume(&self, topic: &str) -> Result<Records, String> {
        let failed = |e: rdkafka::error::KafkaError| format!("cannot read topic {topic} at {}: {e}", self.servers);
        let consumer: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", &self.servers)
            .set("group.id", format!("alpr-demo-{}", std::process::id()))
            .set("enable.auto.commit", "false")
            .create()
            .map_err(failed)?;
        let metadata = consumer.fetch_metadata(Some(topic), PATIENCE).map_err(failed)?;
        let partitions = metadata.topics().iter().flat_map(|t| t.partitions()).map(|p| p.id());
        let mut list = TopicPartitionList::new();
        for partition in partitions {
            let (_, end) = consumer.fetch_watermarks(topic, partition, PATIENCE).map_err(failed)?;
            list.add_partition_offset(topic, partition, Offset::Offset(end)).map_err(failed)?;
        }
        consumer.assign(&list).map_err(failed)?;
        Ok(Records { consumer })
    }
}

/// A record as it was read back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its key.
    pub key: String,
    /// Its value.
    pub value: String,
    /// Where it lies: partition and offset.
    pub place: (i32, i64),
}

/// Records of a topic, as they come.
pub struct Records {
    consumer: BaseConsumer,
}

impl Records {
    /// The next record, unless none comes within `wait`.
    pub fn next(&self, wait: Duration) -> Option<Record> {
        let message = self.consumer.poll(wait)?.ok()?;
        let text = |bytes: Option<&[u8]>| String::from_utf8_lossy(bytes.unwrap_or_default()).into_owned();
        Some(Record {
            key: text(message.key()),
            value: text(message.payload()),
            place: (message.partition(), message.offset()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};

    #[test]
    fn a_consumer_sees_what_comes_after_it() {
        let broker = Broker::new(None).unwrap();
        broker.create_topic("t").unwrap();
        let producer: BaseProducer = ClientConfig::new().set("bootstrap.servers", &broker.servers).create().unwrap();
        let send = |value: &str| {
            producer.send(BaseRecord::to("t").key("gate").payload(value)).map_err(|(e, _)| e).unwrap();
            producer.flush(PATIENCE).unwrap();
        };
        send("before");
        let records = broker.consume("t").unwrap();
        send("after");
        let record = records.next(PATIENCE).unwrap();
        assert_eq!((record.key.as_str(), record.value.as_str()), ("gate", "after"));
        assert_eq!(records.next(Duration::from_millis(100)), None);
    }
}
