//! What was decided becomes buffers and messages.

use std::collections::BTreeSet;

use alpr_core::dedup::{Decision, Duplicates, EventDecision, Hasher, Outcome, PassId, WatchlistDecision};
use alpr_core::event::records::{OutcomeRecord, VehicleRecord, to_json_line};
use alpr_core::event::{Event, EventId, latency_ms};
use alpr_core::time::Timestamp;

use super::capture::unix_now;
use super::enums::Records;
use super::evidence::{Evidence, Pictures, Written};
use super::memory::Memory;
use super::settings::Settings;
use super::state_file::{Note, StateFile};
use crate::meta::View;

/// One decision, ready to be carried out.
#[derive(Default)]
pub(super) struct Prepared {
    /// A message that must not wait for downstream.
    pub(super) before: Option<gst::Structure>,
    /// A line for downstream with its capture time.
    pub(super) line: Option<(String, Timestamp)>,
    /// The event in that line.
    pub(super) event: Option<Box<EventDecision>>,
    /// What [`Output::complete`] waits for: its pictures.
    pub(super) pictures: Option<Pictures>,
    /// What the state file is to say.
    pub(super) note: Option<Note>,
    /// A message about what downstream took.
    pub(super) after: Option<gst::Structure>,
    /// What went wrong with pictures, the first time.
    pub(super) warning: Option<String>,
}

/// Serialises, keeps pictures and state, and counts what it did.
pub(super) struct Output {
    records: Records,
    evidence: Option<Evidence>,
    state_file: Option<StateFile>,
    /// Passes whose event downstream refused.
    refused: BTreeSet<PassId>,
    events: u64,
    revisions: u64,
    withdrawn: u64,
    watchlist_hits: u64,
    failures: u64,
    pictures_deleted: u64,
    warned: bool,
    warned_unreadable: bool,
}

impl Output {
    pub(super) fn new(settings: &Settings, evidence: Option<Evidence>, state_file: Option<StateFile>) -> Self {
        Self {
            records: settings.records,
            evidence,
            state_file,
            refused: BTreeSet::new(),
            events: 0,
            revisions: 0,
            withdrawn: 0,
            watchlist_hits: 0,
            failures: 0,
            pictures_deleted: 0,
            warned: false,
            warned_unreadable: false,
        }
    }

    /// What the next run, with `privacy`, goes on with.
    pub(super) fn into_state_file(self, privacy: Option<&Hasher>) -> Option<StateFile> {
        self.state_file.map(|file| file.again(privacy.cloned()))
    }

    pub(super) fn take_caps(&mut self, caps: &gst::CapsRef) {
        if let Some(evidence) = &mut self.evidence {
            evidence.take_caps(caps);
        }
    }

    /// Buffer `number` is at hand.
    pub(super) fn begin(&mut self, number: u64) {
        self.evidence.iter_mut().for_each(|evidence| evidence.begin(number));
    }

    pub(super) fn wants_vehicles(&self) -> bool {
        self.records.contains(Records::VEHICLES)
    }

    /// Pictures that retention deleted.
    pub(super) fn deleted(&mut self, pictures: u64) {
        self.pictures_deleted += pictures;
    }

    /// Prepares one decision; `None` when there is nothing to send.
    pub(super) fn prepare(
        &mut self,
        decision: Decision,
        frame: Option<(&gst::Buffer, View)>,
        live: bool,
        memory: &Memory,
    ) -> Option<Prepared> {
        match decision {
            Decision::Keep(keep) => {
                let (evidence, (buffer, view)) = self.evidence.as_mut().zip(frame)?;
                let failure = evidence.keep(&keep, buffer, view).err();
                let warning = failure.filter(|_| !std::mem::replace(&mut self.warned_unreadable, true));
                warning.map(|warning| Prepared { warning: Some(warning), ..Prepared::default() })
            }
            Decision::Adopt { from, to } => {
                self.evidence.iter_mut().for_each(|evidence| evidence.adopt(from, to));
                None
            }
            Decision::Forget(pass) => {
                self.evidence.iter_mut().for_each(|evidence| evidence.forget(pass));
                self.refused.remove(&pass);
                None
            }
            Decision::Event(decision) => {
                let evidence = self.evidence.as_ref().filter(|_| !decision.event.extras.withdrawn);
                let pictures = evidence.and_then(|evidence| evidence.of(&decision));
                Some(Prepared { pictures, event: Some(decision), ..Prepared::default() })
            }
            Decision::Watchlist(decision) => {
                self.watchlist_hits += 1;
                let before = Some(watchlist_message(&decision));
                Some(Prepared { before, ..Prepared::default() })
            }
            Decision::Outcome(record) => self.outcome(*record, memory),
            Decision::Vehicle(record) => self.vehicle(*record, live),
        }
    }

    /// Makes the line of an event whose pictures are `written`.
    pub(super) fn complete(&mut self, prepared: &mut Prepared, written: Option<Written>, live: bool) {
        let Some(decision) = &mut prepared.event else { return };
        if let (Some(written), Some(evidence)) = (written, &mut self.evidence) {
            evidence.count(&written);
            prepared.warning = written.failure.filter(|_| !std::mem::replace(&mut self.warned, true));
        }
        if live {
            decision.event.latency_ms = latency_ms(decision.captured, unix_now());
        }
        let line = self.line(&decision.event);
        prepared.after = line.as_ref().map(|line| event_message(&decision.event, line));
        prepared.line = line.map(|line| (line, decision.captured));
    }

    fn outcome(&mut self, mut record: OutcomeRecord, memory: &Memory) -> Option<Prepared> {
        let id = EventId::parse(&record.event_id);
        if record.outcome == Outcome::Event.name() && id.is_some_and(|id| self.refused.contains(&id)) {
            Outcome::NotDelivered.name().clone_into(&mut record.outcome);
        }
        // the plate was in view until now: that is what the window may count from
        let seen = record.duplicate_of.as_deref().and_then(EventId::parse).or(id);
        let note = self.state_file.as_ref().and_then(|file| Some(file.note(memory.lock().of_event(seen?)?)));
        let Some(line) = self.line(&record) else { return Some(Prepared { note, ..Prepared::default() }) };
        let message = gst::Structure::builder("alpr-outcome")
            .field("event-id", &record.event_id)
            .field("camera-id", &record.camera_id)
            .field("track-id", &record.track_id)
            .field("outcome", &record.outcome)
            .field("json", line.trim_end())
            .build();
        let line = self.records.contains(Records::OUTCOMES).then_some((line, record.captured));
        // it tells of what became of a track, not of what downstream took
        Some(Prepared { before: Some(message), line, note, ..Prepared::default() })
    }

    fn vehicle(&mut self, mut record: VehicleRecord, live: bool) -> Option<Prepared> {
        if live {
            record.latency_ms = latency_ms(record.captured, unix_now());
        }
        let captured = record.captured;
        let line = self.line(&record)?;
        let message = gst::Structure::builder("alpr-vehicle")
            .field("event-id", &record.event_id)
            .field("camera-id", &record.camera_id)
            .field("track-id", &record.track_id)
            .field("json", line.trim_end())
            .build();
        Some(Prepared { line: Some((line, captured)), after: Some(message), ..Prepared::default() })
    }

    /// Serialises; a record that cannot be is counted, not sent.
    fn line<T: serde::Serialize>(&mut self, record: &T) -> Option<String> {
        let line = to_json_line(record).ok();
        self.failures += u64::from(line.is_none());
        line
    }

    /// Downstream took the event, or did not; `is_refused` tells whether it took no earlier revision of it either. Returns what the
    /// state file is to say of it, in this order.
    pub(super) fn settled(
        &mut self,
        event: &EventDecision,
        taken: bool,
        is_refused: bool,
        memory: &Duplicates,
    ) -> Vec<Note> {
        let withdrawn = self.state_file.as_ref().filter(|_| event.event.extras.withdrawn);
        let mut notes: Vec<Note> = withdrawn.map(|file| file.forget(&event.event.event_id)).into_iter().collect();
        if is_refused {
            self.refused.insert(event.pass);
        }
        if !taken {
            return notes;
        }
        self.refused.remove(&event.pass);
        let counter = if event.event.extras.revision == 0 { &mut self.events } else { &mut self.revisions };
        *counter += 1;
        self.withdrawn += u64::from(event.event.extras.withdrawn);
        if let (Some(file), Some(plate)) = (&self.state_file, memory.get(event.entry)) {
            notes.push(file.note(plate));
        }
        notes
    }

    pub(super) fn add_stats(&self, stats: &mut gst::Structure) {
        stats.set("events", self.events);
        stats.set("revisions", self.revisions);
        stats.set("withdrawn", self.withdrawn);
        stats.set("watchlist-hits", self.watchlist_hits);
        stats.set("serialization-failures", self.failures);
        stats.set("state-file-failures", self.state_file.as_ref().map_or(0, StateFile::failures));
        let counts = self.evidence.as_ref().map(|evidence| evidence.counts).unwrap_or_default();
        stats.set("pictures-written", counts.written);
        stats.set("pictures-bytes", counts.bytes);
        stats.set("pictures-failed", counts.failed);
        stats.set("pictures-unreadable", counts.unreadable);
        stats.set("pictures-unkept", counts.unkept);
        stats.set("pictures-deleted", self.pictures_deleted);
    }
}

fn event_message(event: &Event, line: &str) -> gst::Structure {
    gst::Structure::builder("alpr-event")
        .field("event-id", &event.event_id)
        .field("camera-id", &event.camera_id)
        .field("track-id", &event.track_id)
        .field("plate", &event.plate.normalized_text)
        .field("confidence", event.plate.confidence)
        .field("captured-at", &event.captured_at)
        .field("revision", event.extras.revision)
        .field("withdrawn", event.extras.withdrawn)
        .field("json", line.trim_end())
        .build()
}

fn watchlist_message(decision: &WatchlistDecision) -> gst::Structure {
    gst::Structure::builder("alpr-watchlist")
        .field("event-id", decision.pass.to_string())
        .field("camera-id", &decision.camera)
        .field("track-id", &decision.track_id)
        .field("plate", &decision.plate)
        .field("tag", &decision.hit.tag)
        .field_if_some("entry", decision.hit.entry.as_ref())
        .field("distance", decision.hit.distance)
        .field("confidence", f64::from(decision.confidence))
        .field("captured-at", decision.captured.to_iso8601())
        .field_if_some("roi", decision.roi.as_ref())
        .field_if_some("direction", decision.direction.as_ref())
        .build()
}

/// One line as a buffer at `pts`, with its capture time as reference timestamp.
pub(super) fn buffer(line: String, captured: Timestamp, pts: Option<gst::ClockTime>) -> gst::Buffer {
    let mut buffer = gst::Buffer::from_slice(line.into_bytes());
    if let Some(writable) = buffer.get_mut() {
        writable.set_pts(pts);
        if let Ok(unix) = u64::try_from(captured.0) {
            let reference = gst::Caps::new_empty_simple("timestamp/x-unix");
            gst::ReferenceTimestampMeta::add(
                writable,
                &reference,
                gst::ClockTime::from_nseconds(unix),
                gst::ClockTime::NONE,
            );
        }
    }
    buffer
}
