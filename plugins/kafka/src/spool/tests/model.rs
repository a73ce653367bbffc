//! Random runs against a plain list of what must come: records of several topics and keys, partitions that die and recover,
//! reports in any order, refusals, clients built anew, kills and restarts.

use super::*;
use std::collections::{BTreeMap, HashMap, VecDeque};

/// Whatever was handed out before a confirmed record is late.
const AT_ONCE: Duration = Duration::from_nanos(1);
const PARTITIONS: u64 = 4;

/// Xorshift: the same numbers for the same seed.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % limit
    }

    fn one_in(&mut self, many: u64) -> bool {
        self.below(many) == 0
    }
}

type Lane = (String, Option<Vec<u8>>);

fn partition_of(key: &[u8]) -> u32 {
    crate::partition::spread(Partitioner::default(), Some(key)).unwrap() % PARTITIONS as u32
}

/// What the spool must know of one record.
#[derive(Debug, PartialEq)]
enum Is {
    Waiting,
    InFlight,
    /// Refused, and in flight until it is buried.
    Refused,
    /// Confirmed; the store still has it.
    Confirmed,
}

struct Model {
    random: Random,
    config: SpoolConfig,
    spool: Option<Spool>,
    held: BTreeMap<Seq, (Lane, Is)>,
    /// Of each lane, the last that was confirmed and was never to be sent again since.
    confirmed: HashMap<Lane, Seq>,
    /// What the client has, by partition, in order.
    queues: [VecDeque<Seq>; PARTITIONS as usize],
    dead: [bool; PARTITIONS as usize],
    bytes: usize,
    passed: u64,
}

impl Model {
    fn new(seed: u64, location: Option<PathBuf>, when_full: WhenFull) -> Self {
        let mut random = Random((seed + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let bytes = if random.one_in(8) { 60_000 } else { 100 };
        let most = size(1, bytes);
        let (max_in_flight_bytes, max_bytes) = (most * 20, most * 120);
        let config =
            SpoolConfig { max_bytes, max_in_flight_bytes, stuck_after: AT_ONCE, when_full, ..config(location) };
        let spool = Some(open(config.clone()));
        let (held, confirmed, queues, dead) = Default::default();
        Self { random, config, spool, held, confirmed, queues, dead, bytes, passed: 0 }
    }

    fn spool(&self) -> &Spool {
        self.spool.as_ref().unwrap()
    }

    /// The number that was given last.
    fn last(&self) -> Seq {
        lock(&self.spool().state).next_seq - 1
    }

    fn push(&mut self) {
        let topic = format!("t{}", self.random.below(2));
        let key = Some(self.random.below(12)).filter(|key| *key > 0).map(|key| vec![key as u8]);
        let bytes = self.bytes / (1 + self.random.below(4) as usize);
        let record = Record { topic: topic.clone(), key: key.clone(), ..record(0, bytes) };
        let in_flight = self.held.values().filter(|(_, is)| *is != Is::Waiting).count();
        if self.config.when_full == WhenFull::DropOldest && in_flight == self.held.len() && in_flight > 0 {
            return;
        }
        match put(self.spool(), record) {
            Ok(dropped) => (0..dropped).for_each(|_| {
                let oldest = self.held.iter().find(|(_, (_, is))| *is == Is::Waiting).map(|(seq, _)| *seq);
                self.held.remove(&oldest.unwrap());
            }),
            Err(NoRoom::Full { .. }) if self.config.when_full == WhenFull::Error => return,
            Err(err) => panic!("{err:?}"),
        }
        let seq = self.last();
        self.held.insert(seq, ((topic, key), Is::Waiting));
    }

    fn hand_out(&mut self, max: usize) -> usize {
        let records = self.spool().next(max, Seq::MAX, Duration::ZERO).unwrap();
        for (seq, record) in &records {
            let lane = (record.topic.clone(), record.key.clone());
            let mut same = self.held.iter_mut().filter(|(_, (of, _))| *of == lane);
            let first = same.find(|(_, (_, is))| *is == Is::Waiting).unwrap();
            assert_eq!(first.0, seq, "the next of its topic and key is the oldest that is not on its way");
            first.1.1 = Is::InFlight;
            let earlier = self.held.range(..seq);
            self.passed += u64::from(earlier.filter(|(_, (_, is))| *is == Is::Waiting).count() > 0);
            let partition = match &record.key {
                Some(key) => u64::from(partition_of(key)),
                None => self.random.below(PARTITIONS),
            };
            self.queues[partition as usize].push_back(*seq);
        }
        records.len()
    }

    /// The client tells of the first record of a partition that takes something.
    fn report(&mut self, refusals: bool) {
        let partition = self.random.below(PARTITIONS) as usize;
        if self.dead[partition] {
            return;
        }
        let Some(seq) = self.queues[partition].pop_front() else { return };
        let refuse = refusals && self.random.one_in(20);
        let (lane, is) = self.held.get_mut(&seq).unwrap();
        *is = if refuse { Is::Refused } else { Is::Confirmed };
        let lane = lane.clone();
        if refuse {
            return self.spool().rejected(seq);
        }
        self.spool().delivered(seq, || ());
        if lane.1.is_some() {
            let last = self.confirmed.insert(lane.clone(), seq);
            assert!(last.is_none_or(|last| last < seq), "{seq} of {lane:?} was confirmed after {last:?}");
        }
    }

    fn settle(&mut self) {
        self.spool().settle().unwrap();
        self.held.retain(|_, (_, is)| *is != Is::Confirmed);
    }

    fn bury(&mut self) {
        let refused: Vec<Seq> =
            self.held.iter().filter(|(_, (_, is))| *is == Is::Refused).map(|(seq, _)| *seq).collect();
        for seq in refused {
            let record = self.spool().get(seq).unwrap().expect("what is refused is still there");
            let (lane, _) = self.held.remove(&seq).unwrap();
            if record.dead_from.is_some() || self.random.one_in(2) {
                self.spool().discard(seq).unwrap();
            } else {
                let dead = Record { topic: "dead".into(), dead_from: Some(lane.0), ..(*record).clone() };
                self.spool().replace(seq, dead).unwrap();
                let place = self.last();
                self.held.insert(place, (("dead".into(), lane.1), Is::Waiting));
            }
        }
    }

    /// All that is on its way is to be sent again, also what was refused and could not be buried.
    fn send_again(&mut self) {
        self.queues.iter_mut().for_each(VecDeque::clear);
        for (seq, (lane, is)) in &mut self.held {
            let was = std::mem::replace(is, Is::Waiting);
            if matches!(was, Is::Refused | Is::Confirmed) && self.confirmed.get(lane) >= Some(seq) {
                // Comes once more, after others that came already.
                self.confirmed.remove(lane);
            }
        }
    }

    fn restart(&mut self) {
        let spool = self.spool.take().unwrap();
        if self.random.one_in(2) {
            spool.close().unwrap();
            self.held.retain(|_, (_, is)| *is != Is::Confirmed);
        }
        drop(spool);
        self.send_again();
        let spool = open(self.config.clone());
        self.spool = Some(Spool { window: size(1, self.bytes) * 10, ..spool });
    }

    fn step(&mut self) {
        match self.random.below(100) {
            0..40 => self.push(),
            40..60 => {
                let max = 1 + self.random.below(8) as usize;
                if self.hand_out(max) == 0 {
                    self.spool().let_others_pass();
                }
            }
            60..85 => self.report(true),
            85..92 => self.settle(),
            92 => self.bury(),
            93 => {
                let partition = self.random.below(PARTITIONS) as usize;
                self.dead[partition] = !self.dead[partition];
            }
            94 if self.random.one_in(4) => {
                self.spool().rewind().unwrap();
                self.held.retain(|_, (_, is)| *is != Is::Confirmed);
                self.send_again();
            }
            95 if self.random.one_in(4) => self.spool().brokers_are_back(),
            96 if self.random.one_in(4) => self.spool().reclaim().unwrap(),
            // The client has learned of them, of all or some. What added ones do to the order is not shown here: keys stay where they are.
            98 if self.random.one_in(20) => {
                let known = PARTITIONS as u32 >> self.random.below(3);
                self.spool().set_partitions("t0", (0..known).map(|partition| (partition, true)));
            }
            97 if self.config.location.is_some() && self.random.one_in(8) => self.restart(),
            _ => lock(&self.spool().state).lanes.look_now(),
        }
    }

    fn check(&self) {
        let (depth, limit) = (self.spool().depth(), self.config.max_in_flight_bytes);
        assert_eq!(depth.records, self.held.len() as u64);
        let in_flight = self.held.values().filter(|(_, is)| *is != Is::Waiting).count() as u64;
        assert_eq!(depth.in_flight, in_flight);
        assert!(depth.in_flight + depth.held_back <= depth.records, "{depth:?}");
        let one = size(1, self.bytes) + 16;
        assert!(depth.in_flight_bytes <= limit * 3 / 2 + one, "{depth:?}");
        assert!(depth.bytes <= self.config.max_bytes + one * 30, "{depth:?}");
        let state = lock(&self.spool().state);
        assert!(state.lanes.count() as u64 <= depth.in_flight + depth.held_back, "lanes are freed");
        assert!(state.lanes.stuck_bytes() <= depth.in_flight_bytes);
    }

    /// All partitions take something: everything arrives, within as many rounds as there are records.
    fn finish(&mut self) {
        self.dead = Default::default();
        for _ in 0..self.held.len() * 40 + 100 {
            self.hand_out(8);
            (0..16).for_each(|_| self.report(false));
            self.settle();
            self.bury();
            self.check();
            lock(&self.spool().state).lanes.look_now();
        }
        assert!(self.held.is_empty(), "left: {:?}", self.held);
        let depth = self.spool().depth();
        assert_eq!((depth.records, depth.bytes, depth.in_flight_bytes, depth.held_back), (0, 0, 0, 0));
        assert_eq!(lock(&self.spool().state).lanes.count(), 0);
    }
}

#[test]
fn random_runs_lose_nothing_and_keep_the_order() {
    let mut passed = 0;
    for seed in 0..24 {
        let dir = tempfile::tempdir().unwrap();
        let location = (seed % 3 == 0).then(|| dir.path().join("s"));
        let when_full = if seed % 2 == 0 { WhenFull::Error } else { WhenFull::DropOldest };
        // Shown when it fails.
        println!("seed {seed}");
        let mut model = Model::new(seed, location, when_full);
        for _ in 0..3000 {
            model.step();
            model.check();
        }
        model.finish();
        passed += model.passed;
    }
    assert!(passed > 1000, "the test must have met the case: {passed}");
}
