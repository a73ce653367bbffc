//! Opens a gate for the plates of a watchlist, with no broker in between.
//!
//! ```text
//! gate --tag staff --open gpioset --mode=time --sec=2 gpiochip0 18=1 -- \
//!     'rtspsrc location=rtsp://CAMERA/ ! decodebin ! videoconvert ! alprdetect ! alprocr
//!      ! alprdedup watchlist-file=plates.txt ! fakesink'
//! gate --tag staff --open curl -fsS -X POST http://gate.example/open -- 'PIPELINE'
//! ```
//!
//! The command runs when `alprdedup` posts an `alpr-watchlist` message with the tag, which it does as soon as the text is
//! sure; while one command runs, further messages do not start another.

use std::error::Error;
use std::io::Write as _;
use std::process::{Child, Command};

use gst::prelude::*;

const USAGE: &str = "usage: gate --tag TAG --open PROGRAM [ARGUMENT…] -- 'PIPELINE DESCRIPTION'";

/// Tag, command and pipeline of the command line.
fn arguments(mut arguments: impl Iterator<Item = String>) -> Option<(String, Vec<String>, String)> {
    (arguments.next()? == "--tag").then_some(())?;
    let tag = arguments.next()?;
    (arguments.next()? == "--open").then_some(())?;
    let open: Vec<String> = arguments.by_ref().take_while(|a| a != "--").collect();
    let pipeline = arguments.next()?;
    (!open.is_empty() && arguments.next().is_none()).then_some((tag, open, pipeline))
}

/// The gate: a command that takes its time.
pub(crate) struct Gate {
    tag: String,
    open: Vec<String>,
    running: Option<Child>,
}

impl Gate {
    /// A gate that `open`, a program and its arguments, opens for plates with `tag`.
    pub(crate) fn new(tag: String, open: Vec<String>) -> Self {
        Self { tag, open, running: None }
    }

    /// Plays `pipeline` to its end and opens for every plate of the watchlist.
    ///
    /// # Errors
    ///
    /// What went wrong in the pipeline, or with the command.
    pub(crate) fn serve(&mut self, pipeline: &gst::Element) -> Result<(), Box<dyn Error>> {
        let bus = pipeline.bus().ok_or("the description is not a pipeline")?;
        pipeline.set_state(gst::State::Playing)?;
        let end = bus.iter_timed(gst::ClockTime::NONE).find_map(|message| match message.view() {
            gst::MessageView::Element(element) => {
                let tag = element.structure().filter(|s| s.name() == "alpr-watchlist")?.get::<&str>("tag").ok()?;
                if tag == self.tag { self.open().err() } else { None }.map(Err)
            }
            gst::MessageView::Error(error) => Some(Err(format!("{} ({:?})", error.error(), error.debug()).into())),
            gst::MessageView::Eos(_) => Some(Ok(())),
            _ => None,
        });
        pipeline.set_state(gst::State::Null)?;
        if let Some(mut child) = self.running.take() {
            child.wait()?;
        }
        end.unwrap_or(Ok(()))
    }

    fn open(&mut self) -> Result<(), Box<dyn Error>> {
        if let Some(child) = &mut self.running
            && child.try_wait()?.is_none()
        {
            return Ok(());
        }
        let child = Command::new(&self.open[0]).args(&self.open[1..]).spawn();
        self.running = Some(child.map_err(|error| format!("cannot run {}: {error}", self.open[0]))?);
        Ok(writeln!(std::io::stdout(), "opened")?)
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let (tag, open, pipeline) = arguments(std::env::args().skip(1)).ok_or(USAGE)?;
    gst::init()?;
    Gate::new(tag, open).serve(&gst::parse::launch(&pipeline)?)
}
