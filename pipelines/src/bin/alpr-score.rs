//! Scores: `alpr-score FOLDER|CLIP …`.

use alpr_pipelines::clips::{self, Properties};
use alpr_pipelines::stills::{self, Options};
use alpr_pipelines::{console, labels, report};
use std::path::PathBuf;
use std::process::ExitCode;

const USAGE: &str = "\
alpr-score FOLDER|CLIP… [--model DETECTOR[,READER]] [--threads N]
           [--detect 'prop=value …'] [--ocr 'prop=value …'] [--dedup 'prop=value …']
           [--split NAME] [--limit N] [--given-boxes] [--confidence C] [--window SECONDS] [--out predictions.jsonl]
FOLDER has a labels.jsonl, or folders that have one; CLIP has a truth file beside it (CLIP without suffix + .truth.json).
--given-boxes scores the reader alone, on the labelled boxes; --confidence is that of false reads (default 0.7).";

struct Arguments {
    inputs: Vec<PathBuf>,
    properties: Properties,
    split: Option<String>,
    limit: usize,
    given_boxes: bool,
    confidence: f32,
    window: f64,
    out: PathBuf,
}

/// Properties that come before those a person writes: these win.
fn models(model: &str, threads: Option<u32>, p: &mut Properties) {
    let (detector, reader) = model.split_once(',').unwrap_or((model, ""));
    for (properties, file) in [(&mut p.detect, detector), (&mut p.ocr, reader)] {
        let mut own = String::new();
        if !file.is_empty() {
            own.push_str(&format!("model-file=\"{file}\" "));
        }
        if let Some(threads) = threads {
            own.push_str(&format!("threads={threads} "));
        }
        properties.insert_str(0, &own);
    }
}

fn arguments() -> Result<Option<Arguments>, String> {
    use lexopt::prelude::*;
    let mut a = Arguments {
        inputs: Vec::new(),
        properties: Properties::default(),
        split: None,
        limit: usize::MAX,
        given_boxes: false,
        confidence: 0.7,
        window: clips::DEFAULT_WINDOW,
        out: "predictions.jsonl".into(),
    };
    let (mut model, mut threads) = (String::new(), None);
    let mut parser = lexopt::Parser::from_env();
    let complain = |e: lexopt::Error| format!("{e}\n{USAGE}");
    while let Some(argument) = parser.next().map_err(complain)? {
        match argument {
            Value(input) => a.inputs.push(input.into()),
            Long("given-boxes") => a.given_boxes = true,
            Long("help") | Short('h') => {
                console::say(USAGE);
                return Ok(None);
            }
            Long(name) => {
                let name = name.to_owned();
                let value = parser.value().and_then(|v| v.string()).map_err(complain)?;
                let number = || value.parse::<f64>().map_err(|_| format!("--{name} {value}: want a number\n{USAGE}"));
                match name.as_str() {
                    "model" => model = value,
                    "threads" => threads = Some(number()? as u32),
                    "detect" => a.properties.detect = value,
                    "ocr" => a.properties.ocr = value,
                    "dedup" => a.properties.dedup = value,
                    "split" => a.split = Some(value),
                    "limit" => a.limit = number()? as usize,
                    "confidence" => a.confidence = number()? as f32,
                    "window" => a.window = number()?,
                    "out" => a.out = value.into(),
                    _ => return Err(format!("there is no option --{name}\n{USAGE}")),
                }
            }
            other => return Err(complain(other.unexpected())),
        }
    }
    if a.inputs.is_empty() {
        return Err(format!("score what? no folder and no clip was given\n{USAGE}"));
    }
    models(&model, threads, &mut a.properties);
    Ok(Some(a))
}

fn run() -> Result<(), String> {
    let Some(a) = arguments()? else { return Ok(()) };
    let (folders, clips): (Vec<_>, Vec<_>) = a.inputs.iter().partition(|p| p.is_dir());
    let mut pictures = Vec::new();
    for folder in folders {
        pictures.extend(labels::read(folder, a.split.as_deref())?);
    }
    pictures.truncate(a.limit);
    if !pictures.is_empty() {
        let options =
            Options { properties: a.properties.clone(), given_boxes: a.given_boxes, confidence: a.confidence };
        let all = pictures.len();
        let scores = stills::run(&pictures, &options, &a.out, |done| {
            console::progress(&format!("picture {done} of {all}"));
        })?;
        console::progress_end();
        console::say(report::stills(&scores, a.confidence).trim_end());
        let rate = scores.all.images as f64 / scores.busy.as_secs_f64().max(1e-9);
        console::say(&format!("{rate:.1} pictures a second in the elements; predictions in {}", a.out.display()));
    }
    let mut total = alpr_pipelines::score::passes::Verdict::default();
    for clip in &clips {
        let outcome = clips::score(clip, &a.properties, a.window)?;
        console::say(report::clip(&clip.display().to_string(), &outcome).trim_end());
        total.join(outcome.verdict);
    }
    if clips.len() > 1 {
        console::say(&format!("all clips: {}", report::verdict(&total).lines().next().unwrap_or_default()));
    }
    if let Some(mib) = report::peak_memory() {
        console::say(&format!("peak memory {mib:.0} MiB"));
    }
    Ok(())
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            console::progress_end();
            console::warn(&format!("alpr-score: {message}"));
            ExitCode::FAILURE
        }
    }
}
