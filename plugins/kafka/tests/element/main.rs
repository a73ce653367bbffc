//! The element against librdkafka's mock cluster: three brokers in this process, real TCP.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is how a test fails")]

#[path = "../common/mod.rs"]
mod common;
mod mock_mode;
mod records;
mod settings;
mod states;

use common::*;
use gst::prelude::*;
use rdkafka::{mocking::MockCluster, producer::DefaultProducerContext};
use std::time::Duration;

const SOON: Duration = Duration::from_secs(20);

fn cluster(topics: &[&str]) -> MockCluster<'static, DefaultProducerContext> {
    let cluster = MockCluster::new(3).unwrap();
    for topic in topics {
        cluster.create_topic(topic, 3, 3).unwrap();
    }
    cluster
}

#[track_caller]
fn check_refused(properties: &str, words: &[&str]) {
    let Err(error) = Sink::try_new(properties, EVENT_CAPS) else { panic!("{properties} was accepted") };
    for word in words {
        assert!(error.contains(word), "{properties}: \"{error}\" does not say \"{word}\"");
    }
}
