//! Films a scenario: `alpr-clip --scenario sample --out clip.mp4`.

use alpr_pipelines::clip::encode::{Order, film};
use alpr_pipelines::clip::scenario::{Format, SCENARIOS};
use alpr_pipelines::clip::stills;
use alpr_pipelines::console;
use std::path::PathBuf;
use std::process::ExitCode;

struct Arguments {
    order: Order,
    count: u32,
    out: PathBuf,
}

fn usage() -> String {
    let mut text = String::from(
        "alpr-clip --scenario NAME [--seed N] [--fps N] [--size WxH] [--count N] --out FILE.mp4\n\
         writes FILE.mp4 and FILE.truth.json; `--scenario stills` writes --count pictures and labels.jsonl to a folder\n\
         scenarios:\n",
    );
    for (name, what) in SCENARIOS {
        text.push_str(&format!("  {name:<12} {what}\n"));
    }
    text
}

fn arguments() -> Result<Option<Arguments>, String> {
    use lexopt::prelude::*;
    let mut order = Order { scenario: "sample".into(), seed: 1, fps: 15, width: 1280, height: 720 };
    let (mut out, mut count) = (None, 40);
    let mut parser = lexopt::Parser::from_env();
    let complain = |e: lexopt::Error| format!("{e}; see alpr-clip --help");
    while let Some(argument) = parser.next().map_err(complain)? {
        match argument {
            Long("scenario") => order.scenario = parser.value().and_then(|v| v.parse()).map_err(complain)?,
            Long("seed") => order.seed = parser.value().and_then(|v| v.parse()).map_err(complain)?,
            Long("fps") => order.fps = parser.value().and_then(|v| v.parse()).map_err(complain)?,
            Long("count") => count = parser.value().and_then(|v| v.parse()).map_err(complain)?,
            Long("size") => {
                let size: String = parser.value().and_then(|v| v.parse()).map_err(complain)?;
                let parts = size.split_once('x').and_then(|(w, h)| Some((w.parse().ok()?, h.parse().ok()?)));
                (order.width, order.height) =
                    parts.ok_or_else(|| format!("`--size {size}`: want WIDTHxHEIGHT such as 1280x720"))?;
            }
            Long("out") => out = Some(PathBuf::from(parser.value().map_err(complain)?)),
            Long("help") | Short('h') => {
                console::say(&usage());
                return Ok(None);
            }
            other => return Err(complain(other.unexpected())),
        }
    }
    let out = out.ok_or_else(|| format!("where to? `--out` is missing\n{}", usage()))?;
    Ok(Some(Arguments { order, count, out }))
}

fn run() -> Result<(), String> {
    let Some(Arguments { order, count, out }) = arguments()? else { return Ok(()) };
    if order.scenario == "stills" {
        stills::draw(&out, count, order.seed, Format { width: order.width, height: order.height })?;
        console::say(&format!("{} {count} pictures and labels.jsonl", out.display()));
        return Ok(());
    }
    let files = film(&order, &out, |done, all| {
        if done % 10 == 0 {
            console::progress(&format!("frame {done} of {all}"));
        }
    })?;
    console::progress_end();
    for file in files {
        console::say(&file.display().to_string());
    }
    Ok(())
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            console::warn(&format!("alpr-clip: {message}"));
            ExitCode::FAILURE
        }
    }
}
