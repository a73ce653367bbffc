//! What the tests of the element share: pipelines, brokers, consumers.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    reason = "each test file uses a part; a failed unwrap is how a test fails"
)]

pub mod broker;

use gst::prelude::*;
use rdkafka::{
    ClientConfig, Message, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer},
    message::Headers,
};
use std::{
    cell::RefCell,
    collections::BTreeMap,
    sync::Once,
    time::{Duration, Instant},
};

pub fn init() {
    static INIT: Once = Once::new();
    INIT.call_once(|| {
        gst::init().unwrap();
        gstkafka::register_static().unwrap();
    });
}

/// JSON caps as the event element has them.
pub const EVENT_CAPS: &str = "application/x-json, format=(string)alpr-event";

/// A `kafkasink` fed by hand. Dropping it stops it, also when a test fails.
pub struct Sink {
    pub harness: Option<gst_check::Harness>,
    pub element: gst::Element,
    pub bus: gst::Bus,
    /// Messages that nobody has asked for yet.
    inbox: RefCell<Vec<gst::Message>>,
}

impl Sink {
    /// Properties as in a launch line.
    pub fn try_new(properties: &str, caps: &str) -> Result<Self, String> {
        init();
        let element = gst::parse::launch(&format!("kafkasink {properties}")).map_err(|err| err.to_string())?;
        let bus = gst::Bus::new();
        element.set_bus(Some(&bus));
        if element.set_state(gst::State::Playing).is_err() {
            let error = bus.pop_filtered(&[gst::MessageType::Error]);
            element.set_state(gst::State::Null).unwrap();
            let error = error.expect("an error message");
            let gst::MessageView::Error(error) = error.view() else { unreachable!() };
            return Err(error.error().to_string());
        }
        let mut harness = gst_check::Harness::with_element(&element, Some("sink"), None);
        harness.play();
        harness.set_src_caps_str(caps);
        Ok(Self { harness: Some(harness), element, bus, inbox: RefCell::default() })
    }

    pub fn new(properties: &str) -> Self {
        Self::try_new(properties, EVENT_CAPS).unwrap_or_else(|err| panic!("{properties}: {err}"))
    }

    pub fn harness(&mut self) -> &mut gst_check::Harness {
        self.harness.as_mut().unwrap()
    }

    pub fn push(&mut self, text: &str) -> Result<gst::FlowSuccess, gst::FlowError> {
        self.harness().push(gst::Buffer::from_slice(text.to_string().into_bytes()))
    }

    pub fn push_event(&mut self, number: u32, camera: &str) {
        assert_eq!(self.push(&event(number, camera)), Ok(gst::FlowSuccess::Ok));
    }

    pub fn eos(&mut self) {
        assert!(self.harness().push_event(gst::event::Eos::new()));
    }

    /// One number of `stats`.
    pub fn stat(&self, name: &str) -> u64 {
        self.element.property::<gst::Structure>("stats").get(name).unwrap_or_else(|err| panic!("{name}: {err}"))
    }

    pub fn failed(&self) -> gst::Structure {
        self.element.property::<gst::Structure>("stats").get("failed").unwrap()
    }

    /// Waits until a number of `stats` is what it should be.
    #[track_caller]
    pub fn wait_stat(&self, name: &str, value: u64, timeout: Duration) {
        let reached = wait_for(timeout, || self.stat(name) == value);
        let stats = self.element.property::<gst::Structure>("stats");
        assert!(reached, "{name} is not {value} after {timeout:?}: {stats}");
        assert_eq!(self.stat(name), value, "{stats}");
    }

    /// Every buffer and every record found in the spool is where the counters say.
    #[track_caller]
    pub fn check_accounts(&self) {
        let sum = |names: &[&str]| names.iter().map(|name| self.stat(name)).sum::<u64>();
        let stats = self.element.property::<gst::Structure>("stats");
        assert_eq!(
            sum(&["received", "recovered"]),
            sum(&["delivered", "dead-lettered", "dropped", "lost", "refused", "left", "spool-depth"]),
            "{stats}"
        );
    }

    /// The messages of a kind so far; takes them out of the inbox.
    fn take_messages<T>(&self, mut pick: impl FnMut(&gst::Message) -> Option<T>) -> Vec<T> {
        let mut inbox = self.inbox.borrow_mut();
        inbox.extend(std::iter::from_fn(|| self.bus.pop()));
        let mut found = Vec::new();
        inbox.retain(|message| {
            let picked = pick(message);
            let keep = picked.is_none();
            found.extend(picked);
            keep
        });
        found
    }

    /// Text of the first error message, if any; takes all.
    pub fn error(&self) -> Option<String> {
        let texts = self.take_messages(|message| match message.view() {
            gst::MessageView::Error(error) => Some(error.error().to_string()),
            _ => None,
        });
        texts.into_iter().next()
    }

    /// Texts of the warning messages so far; takes them.
    pub fn warnings(&self) -> Vec<String> {
        self.take_messages(|message| match message.view() {
            gst::MessageView::Warning(warning) => Some(warning.error().to_string()),
            _ => None,
        })
    }

    /// What `gst-launch-1.0` prints of the info messages so far; takes them.
    pub fn infos(&self) -> Vec<String> {
        self.take_messages(|message| match message.view() {
            gst::MessageView::Info(info) => Some(info.debug().unwrap_or_default().to_string()),
            _ => None,
        })
    }

    /// Waits for a warning message with all these words.
    #[track_caller]
    pub fn wait_warning(&self, words: &[&str], timeout: Duration) {
        let mut all = Vec::new();
        let found = wait_for(timeout, || {
            all.extend(self.warnings());
            all.iter().any(|text| words.iter().all(|word| text.contains(word)))
        });
        assert!(found, "{words:?}: {all:?}");
    }

    /// Element messages of that name so far; takes them.
    pub fn messages(&self, name: &str) -> Vec<gst::Structure> {
        self.take_messages(|message| message.structure().filter(|s| s.name() == name).map(|s| s.to_owned()))
    }

    pub fn stop(&self) {
        self.element.set_state(gst::State::Null).unwrap();
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        let _ = self.element.set_state(gst::State::Null);
    }
}

/// One event as the event element writes it.
pub fn event(number: u32, camera: &str) -> String {
    let now = chrono::DateTime::from_timestamp(now_s(), 0).unwrap().to_rfc3339();
    format!(
        "{{\"event_id\":\"{camera}-{number}\",\"captured_at\":\"{now}\",\"camera_id\":\"{camera}\",\"n\":{number}}}\n"
    )
}

pub fn now_s() -> i64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs() as i64
}

/// Looks until it is true; false after `timeout`.
pub fn wait_for(timeout: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + timeout;
    while !condition() {
        if Instant::now() > deadline {
            return false;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    true
}

/// A consumed record.
#[derive(Clone, Debug, PartialEq)]
pub struct Got {
    pub partition: i32,
    pub offset: i64,
    pub key: Option<String>,
    pub value: String,
    pub timestamp_ms: Option<i64>,
    pub headers: BTreeMap<String, String>,
}

/// Everything in a topic, partition by partition.
pub fn consume(servers: &str, topic: &str) -> Vec<Got> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", servers)
        .set("group.id", "tests")
        .set("enable.auto.commit", "false")
        .set("fetch.wait.max.ms", "50")
        .create()
        .unwrap();
    let timeout = Duration::from_secs(10);
    let metadata = consumer.fetch_metadata(Some(topic), timeout).unwrap();
    let mut all = Vec::new();
    for partition in metadata.topics()[0].partitions() {
        let (low, high) = consumer.fetch_watermarks(topic, partition.id(), timeout).unwrap();
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(topic, partition.id(), Offset::Offset(low)).unwrap();
        consumer.assign(&list).unwrap();
        let mut next = low;
        let deadline = Instant::now() + Duration::from_secs(60);
        while next < high {
            assert!(Instant::now() < deadline, "consumed only {next} of {high}");
            let Some(message) = consumer.poll(Duration::from_millis(200)) else { continue };
            let message = message.unwrap();
            next = message.offset() + 1;
            all.push(got(&message));
        }
    }
    all
}

/// Everything in a topic, without trusting the broker's end offsets: until nothing came for `idle`.
pub fn consume_until_idle(servers: &str, topic: &str, idle: Duration) -> Vec<Got> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", servers)
        .set("group.id", "tests")
        .set("enable.auto.commit", "false")
        .create()
        .unwrap();
    let metadata = consumer.fetch_metadata(Some(topic), Duration::from_secs(10)).unwrap();
    let mut list = TopicPartitionList::new();
    for partition in metadata.topics()[0].partitions() {
        list.add_partition_offset(topic, partition.id(), Offset::Beginning).unwrap();
    }
    consumer.assign(&list).unwrap();
    let mut all = Vec::new();
    let mut last = Instant::now();
    while last.elapsed() < idle {
        if let Some(message) = consumer.poll(Duration::from_millis(100)) {
            all.push(got(&message.unwrap()));
            last = Instant::now();
        }
    }
    all
}

fn got(message: &impl Message) -> Got {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let headers = message.headers().into_iter().flat_map(|headers| {
        headers
            .iter()
            .map(|header| (header.key.to_string(), text(header.value.unwrap_or_default())))
            .collect::<Vec<_>>()
    });
    Got {
        partition: message.partition(),
        offset: message.offset(),
        key: message.key().map(text),
        value: message.payload().map(text).unwrap_or_default(),
        timestamp_ms: message.timestamp().to_millis(),
        headers: headers.collect(),
    }
}

/// Event numbers by camera, in the order of the topic.
pub fn numbers_by_camera(records: &[Got]) -> BTreeMap<String, Vec<u32>> {
    let mut by_camera: BTreeMap<String, Vec<u32>> = BTreeMap::new();
    for record in records {
        let value: serde_json::Value = serde_json::from_str(&record.value).unwrap();
        let camera = value["camera_id"].as_str().unwrap().to_string();
        assert_eq!(record.key.as_ref(), Some(&camera));
        by_camera.entry(camera).or_default().push(value["n"].as_u64().unwrap() as u32);
    }
    by_camera
}

/// First appearances only: what a consumer that knows event ids sees.
pub fn deduplicated(numbers: &[u32]) -> Vec<u32> {
    let mut seen = std::collections::BTreeSet::new();
    numbers.iter().copied().filter(|number| seen.insert(*number)).collect()
}
