//! Pipelines that stop when a test is over, however it ends.

use gst::prelude::*;

/// A running pipeline, set to NULL when dropped.
pub struct Pipeline(gst::Pipeline);

impl Pipeline {
    /// Parses `description` and sets it to PLAYING.
    ///
    /// # Panics
    ///
    /// When it does not parse or start.
    pub fn play(description: &str) -> Self {
        gst::init().expect("GStreamer starts");
        let element = gst::parse::launch(description).unwrap_or_else(|e| panic!("{e}: {description}"));
        let pipeline = Self(element.downcast().expect("a description of several elements is a pipeline"));
        if pipeline.0.set_state(gst::State::Playing).is_err() {
            panic!("{}: {description}", pipeline.error().unwrap_or_else(|| "cannot play".into()));
        }
        pipeline
    }

    /// Waits for the end of the stream, at most `seconds`, and returns the element messages that came until then.
    ///
    /// # Panics
    ///
    /// At an error message, and when the time is over.
    pub fn to_end(&self, seconds: u64) -> Vec<gst::Structure> {
        let bus = self.0.bus().expect("a pipeline has a bus");
        let wanted = [gst::MessageType::Eos, gst::MessageType::Error, gst::MessageType::Element];
        let mut messages = Vec::new();
        while let Some(message) = bus.timed_pop_filtered(gst::ClockTime::from_seconds(seconds), &wanted) {
            match message.view() {
                gst::MessageView::Eos(_) => return messages,
                gst::MessageView::Error(e) => {
                    panic!("{}: {} ({:?})", e.src().map_or_else(String::new, |s| s.name().into()), e.error(), e.debug())
                }
                gst::MessageView::Element(e) => messages.extend(e.structure().map(ToOwned::to_owned)),
                _ => {}
            }
        }
        panic!("no end of stream within {seconds} s");
    }

    /// The element called `name`.
    ///
    /// # Panics
    ///
    /// When there is none.
    pub fn element(&self, name: &str) -> gst::Element {
        self.0.by_name(name).unwrap_or_else(|| panic!("the pipeline has no element {name}"))
    }

    fn error(&self) -> Option<String> {
        let message = self.0.bus()?.pop_filtered(&[gst::MessageType::Error])?;
        let gst::MessageView::Error(e) = message.view() else { return None };
        Some(format!("{} ({:?})", e.error(), e.debug()))
    }
}

impl Drop for Pipeline {
    fn drop(&mut self) {
        // A pipeline that cannot even stop has said so on its bus.
        let _ = self.0.set_state(gst::State::Null);
    }
}
