//! What the brokers can do wrong, one by one, with librdkafka's mock cluster: three brokers in this process, real TCP. And
//! services that do not answer.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is how a test fails")]

#[path = "../common/mod.rs"]
mod common;
mod held;
mod passing;
mod refused;
mod subjects;

use common::*;
use gst::prelude::*;
use rdkafka::{
    mocking::MockCluster,
    producer::DefaultProducerContext,
    types::{RDKafkaApiKey as Api, RDKafkaRespErr as Code},
};
use std::time::{Duration, Instant};

const SOON: Duration = Duration::from_secs(30);

struct Cluster {
    mock: MockCluster<'static, DefaultProducerContext>,
    servers: String,
}

fn cluster(topics: &[&str]) -> Cluster {
    let mock = MockCluster::new(3).unwrap();
    for topic in topics {
        mock.create_topic(topic, 3, 3).unwrap();
    }
    let servers = mock.bootstrap_servers();
    Cluster { mock, servers }
}

impl Cluster {
    fn all_brokers(&self, up: bool) {
        for broker in 1..=3 {
            if up { self.mock.broker_up(broker) } else { self.mock.broker_down(broker) }.unwrap();
        }
    }

    fn sink(&self, more: &str) -> Sink {
        Sink::new(&format!("bootstrap-servers={} topic=t linger=1000000 {more}", self.servers))
    }

    /// Every camera's numbers, complete, in order and without a gap, once repetitions are taken out.
    #[track_caller]
    fn check_complete(&self, events: u32, cameras: u32) {
        let by_camera = numbers_by_camera(&consume(&self.servers, "t"));
        for camera in 0..cameras {
            let expected: Vec<u32> = (0..events).filter(|n| n % cameras == camera).collect();
            let seen = by_camera.get(&format!("CAM{camera}")).cloned().unwrap_or_default();
            assert_eq!(deduplicated(&seen), expected, "CAM{camera}");
        }
    }
}

fn push_all(sink: &mut Sink, range: std::ops::Range<u32>, cameras: u32) {
    for n in range {
        sink.push_event(n, &format!("CAM{}", n % cameras));
    }
}
