//! The librdkafka client, with a thread that takes what it tells.
//!
//! The rdkafka crate has such a thread too. It asks for 100 ms at a time in whole milliseconds and spins through the broken one that
//! is left each time, which is about a hundredth of a core for each idle client.

use crate::notice::Part;
use crate::producer::Reports;
use rdkafka::{
    ClientConfig,
    config::FromClientConfigAndContext,
    error::{KafkaError, KafkaResult},
    producer::BaseProducer,
};
use std::{
    ops::Deref,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread::JoinHandle,
    time::Duration,
};

/// How long the thread waits for something to be told before it looks whether it is to stop: a little more than whole
/// milliseconds, and not more than a sleep lasts too long, so that nothing is left to spin through.
const WAIT: Duration = Duration::from_micros(100_050);

/// See the module's page. Dropping it stops the thread and throws away what is not delivered.
pub(crate) struct Client {
    producer: Arc<BaseProducer<Reports>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Client {
    /// Builds a client. This needs no broker.
    pub(crate) fn new(config: &ClientConfig, reports: Reports) -> KafkaResult<Self> {
        let producer = Arc::new(BaseProducer::from_config_and_context(config, reports)?);
        let stop = Arc::new(AtomicBool::new(false));
        let (polled, stopped) = (producer.clone(), stop.clone());
        let name = Part::Client.thread();
        let thread = std::thread::Builder::new().name(name.to_string()).spawn(move || {
            while !stopped.load(Relaxed) {
                polled.poll(WAIT);
            }
        });
        let thread = thread
            .map_err(|err| KafkaError::ClientCreation(format!("the thread {name} could not be started: {err}")))?;
        Ok(Self { producer, stop, thread: Some(thread) })
    }
}

impl Deref for Client {
    type Target = BaseProducer<Reports>;

    fn deref(&self) -> &Self::Target {
        &self.producer
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.stop.store(true, Relaxed);
        if let Some(thread) = self.thread.take() {
            // Callbacks let no panic through.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Processor time of this thread.
    fn busy() -> Duration {
        let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
        Duration::from_nanos(stat.split_whitespace().next().unwrap().parse().unwrap())
    }

    #[test]
    fn a_wait_for_nothing_costs_nothing() {
        let cluster = rdkafka::mocking::MockCluster::new(1).unwrap();
        let producer: BaseProducer =
            ClientConfig::new().set("bootstrap.servers", cluster.bootstrap_servers()).create().unwrap();
        producer.poll(Duration::from_secs(1));
        let before = busy();
        (0..20).for_each(|_| producer.poll(WAIT));
        let used = busy() - before;
        assert!(used < Duration::from_millis(6), "{used:?} in two seconds");
    }
}
