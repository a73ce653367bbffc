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

struct Settings {
    tag: String,
    open: Vec<String>,
    pipeline: String,
}

const USAGE: &str = "usage: gate --tag TAG --open PROGRAM [ARGUMENT…] -- 'PIPELINE DESCRIPTION'";

fn settings(mut arguments: impl Iterator<Item = String>) -> Option<Settings> {
    (arguments.next()? == "--tag").then_some(())?;
    let tag = arguments.next()?;
    (arguments.next()? == "--open").then_some(())?;
    let open: Vec<String> = arguments.by_ref().take_while(|a| a != "--").collect();
    let pipeline = arguments.next()?;
    (!open.is_empty() && arguments.next().is_none()).then_some(Settings { tag, open, pipeline })
}

/// The gate: a command that takes its time.
struct Gate {
    open: Vec<String>,
    running: Option<Child>,
}

impl Gate {
    fn open(&mut self) -> std::io::Result<()> {
        if let Some(child) = &mut self.running
            && child.try_wait()?.is_none()
        {
            return Ok(());
        }
        self.running = Some(Command::new(&self.open[0]).args(&self.open[1..]).spawn()?);
        Ok(())
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let Settings { tag, open, pipeline } = settings(std::env::args().skip(1)).ok_or(USAGE)?;
    gst::init()?;
    let pipeline = gst::parse::launch(&pipeline)?;
    let bus = pipeline.bus().ok_or("the description is not a pipeline")?;
    let mut gate = Gate { open, running: None };
    pipeline.set_state(gst::State::Playing)?;
    for message in bus.iter_timed(gst::ClockTime::NONE) {
        match message.view() {
            gst::MessageView::Element(element) => {
                let Some(hit) = element.structure().filter(|s| s.name() == "alpr-watchlist") else { continue };
                if hit.get::<&str>("tag").is_ok_and(|t| t == tag) {
                    gate.open().map_err(|e| format!("cannot run {}: {e}", gate.open[0]))?;
                    writeln!(std::io::stdout(), "opened")?;
                }
            }
            gst::MessageView::Error(error) => {
                pipeline.set_state(gst::State::Null)?;
                return Err(format!("{} ({:?})", error.error(), error.debug()).into());
            }
            gst::MessageView::Eos(_) => break,
            _ => {}
        }
    }
    pipeline.set_state(gst::State::Null)?;
    if let Some(mut child) = gate.running {
        child.wait()?;
    }
    Ok(())
}
