//! What is known about the connection to the brokers, over all clients of one run, and who is told of it.

use crate::lock::lock;
use crate::notice::{Notice, NoticeFn, Part};
use crate::signals::Signals;
use crate::stats::Stats;
use std::{
    sync::{Arc, Mutex, atomic::Ordering::Relaxed},
    time::{Duration, Instant},
};

/// How long TLS or SASL may fail before any connection came up until the sink gives up: the settings are wrong.
const REFUSED_AFTER: Duration = Duration::from_secs(2);
/// How long it may fail with no broker connected until a new client reads everything again: also what no setting names, such
/// as the system's certificates. While a broker is connected, what another refused counts for as long: the client says it
/// again every half a minute while it lasts, and nothing says when it is over.
const RENEW_AFTER: Duration = Duration::from_secs(60);

/// See the module's page.
pub(crate) struct Link {
    known: Mutex<Known>,
    stats: Arc<Stats>,
    notify: NoticeFn,
    signals: Arc<Signals>,
}

#[derive(Default)]
struct Known {
    disconnected: bool,
    ever_connected: bool,
    refused: Option<Refusal>,
    gave_up: bool,
    last_reason: Option<String>,
    wants_reason: bool,
}

struct Refusal {
    tls: bool,
    reason: String,
    since: Instant,
    last: Instant,
}

impl Known {
    /// Forgets what was refused long ago while others took the login. To be called before a change of `disconnected`.
    fn forget_old_refusal(&mut self) {
        let connected = !self.disconnected;
        self.refused.take_if(|refusal| connected && refusal.last.elapsed() >= RENEW_AFTER);
    }
}

impl Link {
    pub(crate) fn new(stats: Arc<Stats>, notify: NoticeFn, signals: Arc<Signals>) -> Self {
        Self { known: Mutex::default(), stats, notify, signals }
    }

    /// A broker is there.
    pub(crate) fn set_connected(&self) {
        // A client that still closes after the stop must not speak for the next run.
        if self.signals.stopped() || self.stats.connected.swap(true, Relaxed) {
            return;
        }
        let mut known = lock(&self.known);
        known.disconnected = false;
        known.ever_connected = true;
        known.refused = None;
        known.last_reason = None;
        drop(known);
        (self.notify)(Notice::Connected);
    }

    /// Notes why a connection failed. When "disconnected" was said before the reason was known, it is said again.
    pub(crate) fn set_reason(&self, reason: &str) {
        let mut known = lock(&self.known);
        known.last_reason = Some(reason.to_string());
        let say = std::mem::take(&mut known.wants_reason);
        drop(known);
        if say {
            (self.notify)(Notice::Disconnected { reason: reason.to_string() });
        }
    }

    /// No broker is there.
    pub(crate) fn set_disconnected(&self) {
        self.stats.connected.store(false, Relaxed);
        let mut known = lock(&self.known);
        // One broker refused the login long ago while others took it: that is not why all are away now.
        known.forget_old_refusal();
        // The client says this at each try; the application needs it once.
        let before = std::mem::replace(&mut known.disconnected, true);
        known.wants_reason = !before && known.last_reason.is_none();
        let reason = known.last_reason.clone().unwrap_or_else(|| "no connection came up yet".to_string());
        drop(known);
        if !before {
            (self.notify)(Notice::Disconnected { reason });
        }
    }

    /// A callback of the client ended by a panic.
    pub(crate) fn client_failed(&self) {
        (self.notify)(Notice::Died { part: Part::Client });
    }

    /// The command for tokens failed, unless a stop ended it.
    pub(crate) fn no_token(&self, reason: &str) {
        if !self.signals.stopped() {
            let text = format!("{reason}. Records wait in the spool; the command is run again.");
            (self.notify)(Notice::Warning(text));
        }
    }

    /// TLS or SASL failed: the application is told at once.
    pub(crate) fn set_refused(&self, tls: bool, reason: &str) {
        // A stop ends the wait for a token: that is no refusal.
        if self.signals.stopped() {
            return;
        }
        let mut known = lock(&self.known);
        known.forget_old_refusal();
        let last = Instant::now();
        let since = known.refused.as_ref().map_or(last, |refusal| refusal.since);
        let before = known.refused.replace(Refusal { tls, reason: reason.to_string(), since, last });
        drop(known);
        if before.is_none_or(|refusal| refusal.reason != reason) {
            (self.notify)(Notice::Refused { tls, reason: reason.to_string(), give_up: false });
        }
    }

    /// Gives up when TLS or SASL was refused and nothing has worked since: waiting does not correct settings. The client
    /// itself says the same error only once in a while, so this is to be asked regularly. Another broker may take the
    /// login while the statistics do not show it yet: `answered` asks for a sign of that and may take a moment.
    pub(crate) fn check_refused(&self, answered: impl FnOnce() -> bool) {
        let known = lock(&self.known);
        let Some(refusal) = &known.refused else { return };
        if known.ever_connected || known.gave_up || refusal.since.elapsed() < REFUSED_AFTER {
            return;
        }
        drop(known);
        if answered() {
            return self.set_connected();
        }
        let mut known = lock(&self.known);
        // Gone when a connection came up meanwhile.
        let Some(refusal) = &known.refused else { return };
        let (tls, reason) = (refusal.tls, refusal.reason.clone());
        known.gave_up = true;
        drop(known);
        (self.notify)(Notice::Refused { tls, reason, give_up: true });
    }

    /// True while TLS or SASL is refused, by one broker at least, or no broker answers.
    pub(crate) fn in_trouble(&self) -> bool {
        let mut known = lock(&self.known);
        known.forget_old_refusal();
        known.disconnected || known.refused.is_some()
    }

    /// True when TLS or SASL was refused long ago and no broker is there.
    pub(crate) fn refused_for_long(&self) -> bool {
        let known = lock(&self.known);
        known.disconnected && known.refused.as_ref().is_some_and(|refusal| refusal.since.elapsed() >= RENEW_AFTER)
    }

    /// What was refused counts no more: another client will try.
    pub(crate) fn forget_refusal(&self) {
        lock(&self.known).refused = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_that_is_refused_for_long_is_to_be_built_anew_when_no_broker_is_there() {
        let link = Link::new(Arc::default(), Arc::new(|_| ()), Arc::default());
        assert!(!link.in_trouble());
        link.set_refused(true, "no");
        assert!(link.in_trouble(), "one broker is enough");
        let long_ago = Instant::now().checked_sub(RENEW_AFTER).unwrap();
        let refuse = |last| {
            lock(&link.known).refused = Some(Refusal { tls: true, reason: "no".into(), since: long_ago, last });
        };
        refuse(Instant::now());
        assert!(!link.refused_for_long(), "another broker may be there");
        link.set_disconnected();
        assert!(link.refused_for_long());
        link.set_connected();
        refuse(long_ago);
        link.set_disconnected();
        assert!(!link.refused_for_long(), "an outage long after one broker's refusal is no refused login");
        refuse(Instant::now());
        link.forget_refusal();
        assert!(!link.refused_for_long() && link.in_trouble());
        link.set_connected();
        assert!(!link.in_trouble());
    }

    #[test]
    fn what_one_broker_refused_is_over_when_it_says_so_no_more() {
        let told: Arc<Mutex<Vec<String>>> = Arc::default();
        let notices = told.clone();
        let notify: NoticeFn = Arc::new(move |notice| lock(&notices).push(format!("{notice:?}")));
        let link = Link::new(Arc::default(), notify, Arc::default());
        let age = |seconds: u64| {
            let mut known = lock(&link.known);
            let refusal = known.refused.as_mut().unwrap();
            refusal.since = refusal.since.checked_sub(Duration::from_secs(seconds)).unwrap();
            refusal.last = refusal.last.checked_sub(Duration::from_secs(seconds)).unwrap();
        };
        link.set_connected();
        link.set_refused(false, "no");
        age(35);
        link.set_connected();
        assert!(link.in_trouble(), "it has not been tried again");
        link.set_refused(false, "no");
        age(35);
        assert!(link.in_trouble(), "still refused");
        age(25);
        assert!(!link.in_trouble(), "another broker is there, and this one says nothing more");
        link.set_refused(false, "no");
        link.set_disconnected();
        assert!(!link.refused_for_long(), "this refusal is a new one");
        age(60);
        assert!(link.in_trouble() && link.refused_for_long(), "no broker is there");
        let told = lock(&told).iter().filter(|notice| notice.starts_with("Refused")).count();
        assert_eq!(told, 2, "what comes again after its end is told again");
    }

    #[test]
    fn a_refusal_is_final_only_when_no_broker_answers() {
        for (answers, last) in [(true, "Connected"), (false, "give_up: true")] {
            let told: Arc<Mutex<Vec<String>>> = Arc::default();
            let notices = told.clone();
            let notify: NoticeFn = Arc::new(move |notice| lock(&notices).push(format!("{notice:?}")));
            let link = Link::new(Arc::default(), notify, Arc::default());
            link.set_refused(false, "no");
            link.check_refused(|| panic!("it is too early to ask"));
            std::thread::sleep(REFUSED_AFTER);
            link.check_refused(|| answers);
            assert_eq!(link.stats.connected.load(Relaxed), answers);
            let told = lock(&told);
            assert!(told.len() == 2 && told[1].contains(last), "{told:?}");
            link.check_refused(|| panic!("once is enough"));
        }
    }
}
