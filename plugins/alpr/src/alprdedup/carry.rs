//! Carries out what was decided: pictures, state, downstream, messages. Nothing is locked while a disk, downstream or the
//! bus is waited for; order is kept by the stream, which alone decides.

use alpr_core::dedup::{Decision, EventDecision};
use gst::prelude::*;
use gst::subclass::prelude::*;

use super::imp::{AlprDedup, CAT};
use super::output::{Prepared, buffer};
use super::state::State;
use crate::element::lock;
use crate::meta::View;

/// A decision and the picture that it is about, where there is one.
pub(super) type Decided<'a> = (Decision, Option<(&'a gst::Buffer, View)>);

/// Decisions that no picture shows.
pub(super) fn unseen(decisions: Vec<Decision>) -> Vec<Decided<'static>> {
    decisions.into_iter().map(|decision| (decision, None)).collect()
}

impl AlprDedup {
    /// Does what was decided, each on the picture that shows it; returns how many buffers went downstream.
    pub(super) fn carry_out(
        &self,
        decisions: Vec<Decided<'_>>,
        pts: Option<gst::ClockTime>,
    ) -> Result<usize, gst::FlowError> {
        let mut sent = 0;
        let mut failure = None;
        for (decision, frame) in decisions {
            let Some(prepared) = self.prepare(decision, frame)? else { continue };
            if let Some(message) = prepared.before {
                self.post(message);
            }
            if let Some(text) = prepared.warning {
                gst::element_imp_warning!(
                    self,
                    gst::ResourceError::Write,
                    ("{text}; events go out without such pictures, see stats pictures-failed and pictures-unreadable")
                );
            }
            let mut taken = prepared.event.is_none() || prepared.line.is_some();
            if let Some((line, captured)) = prepared.line {
                let result = match failure {
                    None => self.srcpad.push(buffer(line, captured, pts)),
                    Some(error) => Err(error),
                };
                match result {
                    Ok(_) => sent += 1,
                    Err(error) => {
                        failure = Some(error);
                        taken = false;
                    }
                }
            }
            if let Some(event) = &prepared.event {
                self.settle(event, taken);
            }
            if taken && let Some(message) = prepared.after {
                self.post(message);
            }
        }
        failure.map_or(Ok(sent), Err)
    }

    /// Tells of decisions after which nothing can be sent.
    pub(super) fn tell(&self, decisions: Vec<Decision>) {
        for decision in decisions {
            if let Ok(Some(Prepared { before, after, .. })) = self.prepare(decision, None) {
                before.into_iter().chain(after).for_each(|message| self.post(message));
            }
        }
    }

    /// Writes what is to be on disk before `decision` is told. `Err` when the run is over.
    fn prepare(
        &self,
        decision: Decision,
        frame: Option<(&gst::Buffer, View)>,
    ) -> Result<Option<Prepared>, gst::FlowError> {
        let (prepared, memory, live) = {
            let mut state = lock(&self.state);
            let State { output, memory, capture, .. } = state.as_mut().ok_or(gst::FlowError::Flushing)?;
            let live = capture.is_live() == Some(true);
            (output.prepare(decision, frame, live, memory), memory.clone(), live)
        };
        let Some(mut prepared) = prepared else { return Ok(None) };
        if let Some(note) = &prepared.note {
            note.write(&memory);
        }
        if let Some(event) = &mut prepared.event {
            let written = prepared.pictures.take().map(|pictures| pictures.write(event));
            let mut state = lock(&self.state);
            let State { output, .. } = state.as_mut().ok_or(gst::FlowError::Flushing)?;
            output.complete(&mut prepared, written, live);
        }
        Ok(Some(prepared))
    }

    /// Downstream took `event`, or did not.
    fn settle(&self, event: &EventDecision, taken: bool) {
        let (notes, memory) = {
            let mut state = lock(&self.state);
            let Some(State { cameras, memory, output, health, capture, .. }) = state.as_mut() else { return };
            if taken {
                health.told(&event.event, capture.is_live() == Some(true));
            }
            let mut duplicates = memory.lock();
            let is_refused = cameras.settle(&mut duplicates, event, taken);
            (output.settled(event, taken, is_refused, &duplicates), memory.clone())
        };
        notes.iter().for_each(|note| note.write(&memory));
    }

    pub(super) fn post(&self, structure: gst::Structure) {
        let message = gst::message::Element::builder(structure).src(&*self.obj()).build();
        if self.obj().post_message(message).is_err() {
            gst::debug!(CAT, imp = self, "nobody listens to messages");
        }
    }
}
