//! Watches for a client that is connected and gets nowhere: librdkafka waits for ever for a partition that no longer exists. A
//! new client learns how the topic is now.

use crate::spool::Seq;
use std::time::{Duration, Instant};

/// See the module's page.
pub(crate) struct Watchdog {
    oldest: Option<Seq>,
    since: Instant,
    limit: Duration,
}

impl Watchdog {
    /// `limit`: how long the oldest record may stay the same; zero: for ever.
    pub(crate) fn new(limit: Duration) -> Self {
        Self { oldest: None, since: Instant::now(), limit }
    }

    /// Why the client is to be replaced, if it is.
    pub(crate) fn check(&mut self, oldest: Option<Seq>, connected: bool) -> Option<String> {
        if oldest != self.oldest || oldest.is_none() || !connected {
            self.oldest = oldest;
            self.since = Instant::now();
            return None;
        }
        let waited = self.since.elapsed();
        let stalled = !self.limit.is_zero() && waited >= self.limit;
        stalled.then(|| format!("the oldest record got no report for {} s with a broker connected", waited.as_secs()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_bites_when_the_oldest_stays_for_long_with_a_broker_connected() {
        let mut watchdog = Watchdog::new(Duration::from_secs(5));
        let mut check = |oldest, connected| {
            let bites = watchdog.check(oldest, connected).is_some();
            watchdog.since = watchdog.since.checked_sub(Duration::from_secs(6)).unwrap();
            bites
        };
        assert!(!check(Some(1), true), "a new one");
        assert!(check(Some(1), true));
        assert!(!check(Some(2), true), "another");
        assert!(!check(Some(2), false), "no broker");
        assert!(check(Some(2), true));
        assert!(!check(None, true) && !check(None, true), "nothing is on its way");
        let mut never = Watchdog::new(Duration::ZERO);
        assert!(never.check(Some(1), true).is_none() && never.check(Some(1), true).is_none());
    }
}
