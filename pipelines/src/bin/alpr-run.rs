//! Runs a launch file: `alpr-run NAME|FILE.launch key=value …`.

use alpr_pipelines::launch::Launch;
use alpr_pipelines::player::{End, Player};
use alpr_pipelines::{command_line, console, installation};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::Ordering;

/// Where launch files lie: `ALPR_PIPELINES`, the installation of this program, or the checkout.
fn folder() -> PathBuf {
    let installed = || Some(installation::prefix()?.join("share/gst-alpr/pipelines")).filter(|folder| folder.is_dir());
    let given = std::env::var_os("ALPR_PIPELINES").map(PathBuf::from);
    given.or_else(installed).unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")))
}

fn usage() -> String {
    let mut text = String::from(
        "alpr-run NAME|FILE.launch [VAR=value …]   runs a pipeline\n\
         alpr-run NAME|FILE.launch --help          tells what it is for and its variables\n\n\
         NAME is one of",
    );
    let files = std::fs::read_dir(folder()).into_iter().flatten().flatten().map(|e| e.path());
    let mut names: Vec<String> = files.filter_map(|file| named(&file)).collect();
    names.sort();
    text.push_str(&names.concat());
    text
}

/// A line with the name of a launch file and what it is for.
fn named(file: &Path) -> Option<String> {
    file.extension().filter(|extension| *extension == "launch")?;
    let launch = Launch::parse(&std::fs::read_to_string(file).ok()?).ok()?;
    let purpose = launch.about.replace('\n', " ");
    let purpose = purpose.split_once(". ").map_or(purpose.trim_end(), |(first, _)| first).trim_end_matches('.');
    Some(format!("\n  {:16}  {purpose}", file.file_stem()?.to_str()?))
}

fn find(name: &str) -> PathBuf {
    let given = Path::new(name);
    if given.is_file() { given.to_owned() } else { folder().join(name).with_extension("launch") }
}

fn about(launch: &Launch) -> String {
    let mut text = launch.about.clone();
    for variable in &launch.variables {
        match &variable.default {
            Some(default) => text.push_str(&format!("  {}={default}\n", variable.name)),
            None => text.push_str(&format!("  {}  must be given\n", variable.name)),
        }
    }
    text
}

fn run() -> Result<(), String> {
    let mut arguments = std::env::args().skip(1);
    let name = match arguments.next() {
        Some(name) if name != "--help" && name != "-h" => name,
        _ => {
            console::say(&usage());
            return Ok(());
        }
    };
    let file = find(&name);
    let text =
        std::fs::read_to_string(&file).map_err(|e| format!("cannot read {}: {e}\n{}", file.display(), usage()))?;
    let launch = Launch::parse(&text).map_err(|e| format!("{}: {e}", file.display()))?;
    let mut values = Vec::new();
    for argument in arguments {
        if argument == "--help" || argument == "-h" {
            console::say(about(&launch).trim_end());
            return Ok(());
        }
        let (name, value) = argument.split_once('=').ok_or_else(|| format!("`{argument}`: want VAR=value"))?;
        values.push((name.to_owned(), value.to_owned()));
    }
    let description = launch.fill(&values).map_err(|e| format!("{}: {e}", file.display()))?;
    gst_init()?;
    installation::find_elements();
    console::say(&command_line::shown(&description));
    let mut player = Player::new(&description)?;
    let stop = player.stop_flag();
    ctrlc::set_handler(move || stop.store(true, Ordering::Relaxed)).map_err(|e| format!("cannot catch Ctrl-C: {e}"))?;
    if player.run(|_, _| {})? == End::Stopped {
        console::say("stopped");
    }
    Ok(())
}

fn gst_init() -> Result<(), String> {
    gst::init().map_err(|e| format!("GStreamer does not start: {e}"))
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            console::warn(&format!("alpr-run: {message}"));
            ExitCode::FAILURE
        }
    }
}
