//! Which records may pass which.
//!
//! Records of one partition are a lane (those of one topic and key, while partitions are not known): inside it nothing passes
//! anything. A lane is stuck when it gets no confirmation while records that were handed out much later have got theirs: its
//! partition has no leader, or too few replicas. What follows in a stuck lane is held back, in order, and the rest goes on.

use super::Seq;
use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque},
    time::{Duration, Instant},
};

/// How often it is looked which lanes are stuck.
const REVIEW_INTERVAL: Duration = Duration::from_millis(200);
/// Brokers that are not said to be there for this long were away.
const BLOCKED_GAP: Duration = Duration::from_secs(1);
/// A lane that goes on has about this many bytes in flight, and as many more as were confirmed since, until what was held back
/// of it is out: its partition may take nothing again, or be slow and take much.
const RESUME_BYTES: u64 = 512 << 10;

/// See [`super::partitions`].
pub(super) type LaneId = u64;

#[derive(Default)]
struct Lane {
    /// What is in flight, and since when.
    sent: BTreeMap<Seq, Instant>,
    bytes: u64,
    /// When that was handed out which was confirmed last. Records without a key get partitions of their own each, so that some
    /// are confirmed while others wait.
    confirmed: Option<Instant>,
    /// What follows and is held back, in order.
    held: VecDeque<Seq>,
    /// Bytes confirmed while something was held back.
    resumed: u64,
    stuck: bool,
}

impl Lane {
    /// True when it has waited for longer than `after` behind what was handed out at `front`.
    fn is_stuck(&self, front: Instant, after: Duration) -> bool {
        let oldest = self.sent.first_key_value().map(|(_, since)| *since);
        oldest.max(self.confirmed).is_some_and(|since| oldest.is_some() && front.duration_since(since) >= after)
    }
}

/// See the module's page.
#[derive(Default)]
pub(super) struct Lanes {
    lanes: HashMap<LaneId, Lane>,
    /// When that was handed out which was handed out last of all that is confirmed.
    front: Option<Instant>,
    /// When something was confirmed last.
    confirmed: Option<Instant>,
    /// Since when, and when last, nothing more fitted.
    blocked: Option<(Instant, Instant)>,
    reviewed: Option<Instant>,
    /// In flight in stuck lanes.
    stuck_bytes: u64,
    held: u64,
}

impl Lanes {
    /// True when the next record of a lane has to wait.
    pub(super) fn holds(&self, lane: LaneId) -> bool {
        self.lanes.get(&lane).is_some_and(|lane| lane.stuck || !lane.held.is_empty())
    }

    /// Holds the next record of a lane back.
    pub(super) fn hold(&mut self, lane: LaneId, seq: Seq) {
        let held = &mut self.lanes.entry(lane).or_default().held;
        debug_assert!(held.back().is_none_or(|last| *last < seq), "records come in order, also after a rewind");
        held.push_back(seq);
        self.held += 1;
    }

    /// A record was handed out.
    pub(super) fn sent(&mut self, lane: LaneId, seq: Seq, bytes: u64, now: Instant) {
        let lane = self.lanes.entry(lane).or_default();
        lane.sent.insert(seq, now);
        lane.bytes += bytes;
    }

    /// A record that was handed out is confirmed.
    pub(super) fn settled(&mut self, id: LaneId, seq: Seq, bytes: u64, now: Instant) {
        let Some(since) = self.left(id, seq, bytes) else { return };
        if let Some(lane) = self.lanes.get_mut(&id) {
            lane.confirmed = lane.confirmed.max(Some(since));
            lane.resumed += if lane.held.is_empty() { 0 } else { bytes };
        }
        self.front = self.front.max(Some(since));
        self.confirmed = Some(now);
    }

    /// Nobody waits for this record any more; gives since when it was in flight.
    pub(super) fn left(&mut self, id: LaneId, seq: Seq, bytes: u64) -> Option<Instant> {
        let lane = self.lanes.get_mut(&id)?;
        let since = lane.sent.remove(&seq)?;
        lane.bytes -= bytes;
        if lane.stuck {
            self.stuck_bytes -= bytes;
        }
        self.forget_if_empty(id);
        Some(since)
    }

    fn forget_if_empty(&mut self, id: LaneId) {
        if self.lanes.get(&id).is_some_and(|lane| lane.sent.is_empty() && lane.held.is_empty()) {
            self.lanes.remove(&id);
        }
    }

    /// Looks now and then which lanes are stuck: those that have waited for `after` longer than others.
    pub(super) fn review(&mut self, now: Instant, after: Duration) {
        if self.reviewed.is_some_and(|last| now.duration_since(last) < REVIEW_INTERVAL) {
            return;
        }
        self.reviewed = Some(now);
        let Some(front) = self.front else { return };
        self.stuck_bytes = 0;
        for lane in self.lanes.values_mut() {
            lane.stuck = lane.is_stuck(front, after);
            self.stuck_bytes += if lane.stuck { lane.bytes } else { 0 };
        }
    }

    /// The next review is due.
    #[cfg(test)]
    pub(super) fn look_now(&mut self) {
        self.reviewed = None;
    }

    /// How many topics and keys are known.
    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        self.lanes.len()
    }

    /// To be called again and again while nothing more fits and brokers are there. When this lasts for `after` and nothing is
    /// confirmed, whatever is in flight as long is stuck: others may get through.
    pub(super) fn presume_stuck(&mut self, now: Instant, after: Duration) {
        let (since, last) = self.blocked.unwrap_or((now, now));
        let goes_on =
            now.duration_since(last) <= BLOCKED_GAP && self.confirmed.is_none_or(|confirmed| confirmed <= since);
        let since = if goes_on { since } else { now };
        self.blocked = Some((since, now));
        if now.duration_since(since) >= after {
            self.front = Some(now);
            self.reviewed = None;
            self.review(now, after);
        }
    }

    /// Brokers are there after none was: what is in flight waited for them, and not behind others.
    pub(super) fn start_again(&mut self, now: Instant) {
        for lane in self.lanes.values_mut() {
            lane.sent.values_mut().for_each(|since| *since = now);
            lane.confirmed = None;
            lane.stuck = false;
        }
        (self.front, self.blocked, self.stuck_bytes) = (None, None, 0);
    }

    /// Puts what is in flight, which is `sent`, into other lanes. Nothing may be held back.
    pub(super) fn sort_anew(&mut self, sent: impl Iterator<Item = (Seq, LaneId, u64)>) {
        let mut before: BTreeMap<Seq, (Instant, Option<Instant>)> = BTreeMap::new();
        for lane in std::mem::take(&mut self.lanes).into_values() {
            before.extend(lane.sent.into_iter().map(|(seq, since)| (seq, (since, lane.confirmed))));
        }
        for (seq, id, bytes) in sent {
            // A record that was rejected is in no lane.
            let Some((since, confirmed)) = before.remove(&seq) else { continue };
            let lane = self.lanes.entry(id).or_default();
            lane.sent.insert(seq, since);
            lane.bytes += bytes;
            lane.confirmed = lane.confirmed.max(confirmed);
        }
        (self.stuck_bytes, self.reviewed) = (0, None);
    }

    /// Of all that is in flight, which is `sent`, nothing is any more. Where something is held back, all of it is now, and goes on
    /// from its oldest, a little at a time: a new client need not find out again. The rest is forgotten; gives its first.
    pub(super) fn rewind(&mut self, sent: impl Iterator<Item = (Seq, LaneId)>) -> Option<Seq> {
        let mut lanes = std::mem::take(self).lanes;
        lanes.retain(|_, lane| !lane.held.is_empty());
        let mut kept: HashMap<LaneId, VecDeque<Seq>> = lanes.into_iter().map(|(id, lane)| (id, lane.held)).collect();
        let mut first = None;
        for (seq, id) in sent {
            match kept.get_mut(&id) {
                Some(held) => held.push_back(seq),
                None => first = first.or(Some(seq)),
            }
        }
        for (id, mut held) in kept {
            // Two runs that are in order already.
            held.make_contiguous().sort();
            self.held += held.len() as u64;
            self.lanes.insert(id, Lane { held, ..Lane::default() });
        }
        first
    }

    /// Bytes in flight in stuck lanes.
    pub(super) fn stuck_bytes(&self) -> u64 {
        self.stuck_bytes
    }

    /// How many records are in flight or held back in stuck lanes.
    pub(super) fn waiting(&self) -> u64 {
        let stuck = self.lanes.values().filter(|lane| lane.stuck);
        stuck.map(|lane| (lane.sent.len() + lane.held.len()) as u64).sum()
    }

    /// How many records are in flight or held back in these.
    pub(super) fn waiting_in(&self, lanes: impl Iterator<Item = LaneId>) -> u64 {
        let known = lanes.filter_map(|id| self.lanes.get(&id));
        known.map(|lane| (lane.sent.len() + lane.held.len()) as u64).sum()
    }

    /// The oldest record in flight of a lane that is stuck and holds something back, but for those that are `aside`.
    pub(super) fn stuck(&self, aside: impl Fn(Seq) -> bool) -> Option<Seq> {
        let stuck = self.lanes.values().filter(|lane| lane.stuck && !lane.held.is_empty());
        stuck.filter_map(|lane| lane.sent.keys().next().copied()).filter(|seq| !aside(*seq)).min()
    }

    /// Records held back in lanes that go on: about `max`, none behind `last`, of each lane the next ones.
    pub(super) fn resumable(&self, max: usize, last: Seq) -> Vec<(LaneId, Seq)> {
        if self.held == 0 {
            return Vec::new();
        }
        let goes_on = |lane: &&Lane| !lane.stuck && !lane.held.is_empty() && lane.bytes < RESUME_BYTES + lane.resumed;
        let lanes = self.lanes.values().filter(goes_on).count();
        let each = max.checked_div(lanes).unwrap_or(0).max(1);
        let going = self.lanes.iter().filter(|(_, lane)| goes_on(lane));
        let next = going.flat_map(|(id, lane)| lane.held.iter().take(each).map(|seq| (*id, *seq)));
        next.filter(|(_, seq)| *seq <= last).take(max).collect()
    }

    /// The first record held back in this lane is no longer.
    pub(super) fn release(&mut self, id: LaneId) {
        let Some(lane) = self.lanes.get_mut(&id) else { return };
        self.held -= u64::from(lane.held.pop_front().is_some());
        if lane.held.is_empty() {
            lane.resumed = 0;
        }
        self.forget_if_empty(id);
    }

    /// How many are held back.
    pub(super) fn held(&self) -> u64 {
        self.held
    }

    /// The oldest that is held back, and its lane.
    pub(super) fn first_held(&self) -> Option<(Seq, LaneId)> {
        if self.held == 0 {
            return None;
        }
        self.lanes.iter().filter_map(|(id, lane)| Some((*lane.held.front()?, *id))).min()
    }

    /// True when one of these is held back.
    pub(super) fn holds_any(&self, seqs: &BTreeSet<Seq>) -> bool {
        let holds = |seq| self.lanes.values().any(|lane| lane.held.binary_search(seq).is_ok());
        self.held > 0 && seqs.iter().any(holds)
    }

    /// What is held back from `from` to `to`.
    pub(super) fn held_between(&self, from: Seq, to: Seq) -> HashSet<Seq> {
        let between = |lane: &Lane| {
            let (start, end) =
                (lane.held.partition_point(|seq| *seq < from), lane.held.partition_point(|seq| *seq <= to));
            lane.held.range(start..end).copied().collect::<Vec<_>>()
        };
        self.lanes.values().filter(|lane| !lane.held.is_empty()).flat_map(between).collect()
    }

    /// Everything that is held back, lane by lane.
    pub(super) fn all_held(&self) -> impl Iterator<Item = Seq> + '_ {
        self.lanes.values().flat_map(|lane| lane.held.iter().copied())
    }
}

#[cfg(test)]
mod tests;
