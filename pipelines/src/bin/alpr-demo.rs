//! The demo: `alpr-demo [FILE|URI] [--kafka HOST:PORT]`.

use alpr_pipelines::clip::encode::{Order, film};
use alpr_pipelines::{console, demo};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

const USAGE: &str = "\
alpr-demo [FILE|URI] [--kafka HOST:PORT] [--out FOLDER]
          [--detect 'prop=value …'] [--ocr 'prop=value …'] [--dedup 'prop=value …']
Plays a file or camera through alprdetect ! alprocr ! alprdedup ! kafkasink and reads the events back from Kafka.
Without FILE it plays the sample clip; without --kafka it starts a broker of its own.";

/// Where the sample clip and the annotated pictures go: `ALPR_CACHE`, or `.cache` in the checkout.
fn cache() -> PathBuf {
    let checkout = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
    std::env::var_os("ALPR_CACHE").map_or_else(|| checkout.unwrap_or(Path::new("")).join(".cache"), PathBuf::from)
}

/// The sample clip; filmed the first time, which takes a minute.
fn sample() -> Result<PathBuf, String> {
    let order = Order { scenario: "sample".into(), seed: 1, fps: 15, width: 1280, height: 720 };
    let folder = cache();
    std::fs::create_dir_all(&folder).map_err(|e| format!("cannot create {}: {e}", folder.display()))?;
    // The version names the drawing: an older clip is not taken for this one.
    let clip = folder.join(format!("sample-{}.mp4", env!("CARGO_PKG_VERSION")));
    let truth = alpr_pipelines::truth::Truth::path_for(&clip);
    if clip.is_file() && truth.is_file() {
        return Ok(clip);
    }
    console::warn("filming the sample clip (once)");
    film(&order, &clip, |done, all| {
        if done % 10 == 0 {
            console::progress(&format!("frame {done} of {all}"));
        }
    })?;
    console::progress_end();
    Ok(clip)
}

fn options() -> Result<Option<demo::Options>, String> {
    use lexopt::prelude::*;
    let mut options = demo::Options { out: cache().join("demo"), ..demo::Options::default() };
    let mut parser = lexopt::Parser::from_env();
    let complain = |e: lexopt::Error| format!("{e}\n{USAGE}");
    while let Some(argument) = parser.next().map_err(complain)? {
        match argument {
            Value(input) if options.input.is_empty() => options.input = input.string().map_err(complain)?,
            Long("kafka") => options.kafka = Some(parser.value().and_then(|v| v.string()).map_err(complain)?),
            Long("out") => options.out = parser.value().map_err(complain)?.into(),
            Long("detect") => options.properties[0] = parser.value().and_then(|v| v.string()).map_err(complain)?,
            Long("ocr") => options.properties[1] = parser.value().and_then(|v| v.string()).map_err(complain)?,
            Long("dedup") => options.properties[2] = parser.value().and_then(|v| v.string()).map_err(complain)?,
            Long("help") | Short('h') => {
                console::say(USAGE);
                return Ok(None);
            }
            other => return Err(complain(other.unexpected())),
        }
    }
    if options.input.is_empty() {
        options.input = sample()?.to_string_lossy().into_owned();
    }
    Ok(Some(options))
}

fn main() -> ExitCode {
    match options().and_then(|o| o.map_or(Ok(()), |o| demo::run(&o))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            console::warn(&format!("alpr-demo: {message}"));
            ExitCode::FAILURE
        }
    }
}
