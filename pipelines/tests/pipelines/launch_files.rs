//! Every launch file parses; those that need no GPU run on a clip.

use super::common::{self, Camera};
use alpr_core::event::Event;
use alpr_pipelines::broker::Broker;
use alpr_pipelines::clip::encode::{Order, film};
use alpr_pipelines::launch::Launch;
use alpr_pipelines::player::{End, Player};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Two short clips, filmed once: the same four vehicles at two cameras.
static CLIPS: LazyLock<(tempfile::TempDir, Vec<PathBuf>)> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let order = Order { scenario: "two-cameras".into(), seed: 3, fps: 6, width: 1280, height: 720 };
    let clips = film(&order, &folder.path().join("clip.mp4"), |_, _| {}).unwrap();
    (folder, clips)
});

fn clip(number: usize) -> String {
    CLIPS.1[number].display().to_string()
}

fn launch(name: &str) -> Launch {
    let path = common::folder().join(name).with_extension("launch");
    Launch::parse(&std::fs::read_to_string(&path).unwrap()).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// The description of a launch file; variables that must be given and are not get a word that fits anywhere.
fn filled(name: &str, values: &[(&str, &str)]) -> String {
    let launch = launch(name);
    let mut all: Vec<(String, String)> = launch
        .variables
        .iter()
        .filter(|v| v.default.is_none())
        .map(|v| (v.name.clone(), format!("file:///nowhere/{}", v.name)))
        .collect();
    all.extend(values.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())));
    launch.fill(&all).unwrap()
}

fn names() -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(common::folder())
        .unwrap()
        .flatten()
        .map(|e| e.path())
        .filter(|p| p.extension().is_some_and(|e| e == "launch"))
        .map(|p| p.file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

fn play(name: &str, values: &[(&str, &str)]) {
    let end = Player::new(&filled(name, values)).unwrap().run(|_, _| {});
    assert_eq!(end, Ok(End::Over), "{name}");
}

fn events(file: &Path) -> Vec<Event> {
    std::fs::read_to_string(file).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn the_readme_lists_every_file_and_what_must_be_given() {
    let readme = std::fs::read_to_string(common::folder().join("README.md")).unwrap();
    let listed: Vec<&str> = readme.lines().filter(|line| line.starts_with("| `") && line.ends_with("` |")).collect();
    let given = |name: &str| {
        let variables = launch(name).variables;
        let given = variables.iter().filter(|v| v.default.is_none()).map(|v| format!("`{}`", v.name));
        given.collect::<Vec<_>>().join(", ")
    };
    for name in names() {
        let (start, end) = (format!("| `{name}` |"), format!("| {} |", given(&name)));
        assert!(listed.iter().any(|line| line.starts_with(&start) && line.ends_with(&end)), "{start} … {end}");
    }
    assert_eq!(listed.len(), names().len());
}

#[test]
fn every_file_says_what_it_is_for_and_parses() {
    common::init();
    let names = names();
    assert!(names.len() >= 8, "{names:?}");
    for name in names {
        let launch = launch(&name);
        assert!(launch.about.len() > 40, "{name} has no comment at its head");
        let description = filled(&name, &[]);
        assert!(!description.contains("${"), "{name}: {description}");
        let mut context = gst::ParseContext::new();
        let parsed = gst::parse::launch_full(&description, Some(&mut context), gst::ParseFlags::FATAL_ERRORS);
        if let Err(error) = parsed {
            // Only what NVIDIA ships may be missing, and only where the file's name says so.
            let missing = context.missing_elements();
            assert!(name.starts_with("deepstream") && !missing.is_empty(), "{name}: {error}");
            assert!(missing.iter().all(|e| e.starts_with("nv")), "{name}: {missing:?}");
        }
    }
}

#[test]
fn a_file_becomes_lines_of_json_and_pictures() {
    common::init();
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    play("file-to-json", &[("FILE", &clip(0)), ("OUT", &at("a.jsonl"))]);
    let plain = events(&folder.path().join("a.jsonl"));
    assert!(!plain.is_empty());
    assert!(plain.iter().all(|e| e.camera_id == "gate-1" && e.captured_at.starts_with("2026-01-01T00:00:")));

    play("evidence", &[("FILE", &clip(0)), ("OUT", &at("b.jsonl")), ("FOLDER", &at("evidence"))]);
    let pictured = events(&folder.path().join("b.jsonl"));
    assert_eq!(pictured.len(), plain.len());
    for event in &pictured {
        assert!(event.images.plate_url.starts_with("https://pictures.example/"), "{}", event.images.plate_url);
        let key = event.images.plate_url.trim_start_matches("https://pictures.example/");
        let picture = std::fs::read(folder.path().join("evidence").join(key)).unwrap();
        assert!(image::load_from_memory(&picture).is_ok_and(|p| p.width() > 20), "{key}");
    }

    let uri = format!("file://{}", clip(0));
    play("display", &[("URI", &uri), ("OUT", &at("c.jsonl")), ("VIDEO_SINK", "fakesink"), ("SYNC", "false")]);
    assert_eq!(events(&folder.path().join("c.jsonl")).len(), plain.len());
}

#[test]
fn files_and_two_cameras_become_records() {
    common::init();
    let folder = tempfile::tempdir().unwrap();
    let spool = |name: &str| folder.path().join(name).display().to_string();
    let broker = Broker::new(None).unwrap();
    broker.create_topic("plates").unwrap();
    let records = broker.consume("plates").unwrap();
    let to = [("BOOTSTRAP", broker.servers.as_str()), ("TOPIC", "plates")];

    let (file, one) = (clip(0), spool("one"));
    let of_file = [("FILE", file.as_str()), ("SPOOL", &one), ("START_TIME", "2026-01-01T00:00:00Z")];
    play("file-to-kafka", &[&to[..], &of_file].concat());
    let first = read_all(&records);
    assert!(!first.is_empty());
    assert!(first.iter().all(|(key, _)| key == "gate-1"));

    let (uri_1, uri_2) = (format!("file://{}", clip(0)), format!("file://{}", clip(1)));
    let (spool_1, spool_2) = (spool("two"), spool("three"));
    let values = [("URI_1", uri_1.as_str()), ("URI_2", &uri_2), ("SPOOL_1", &spool_1), ("SPOOL_2", &spool_2)];
    play("multi-camera", &[&to[..], &values].concat());
    let both = read_all(&records);
    for camera in ["gate-1", "gate-2"] {
        assert!(both.iter().any(|(key, event)| key == camera && event.camera_id == camera), "{camera}");
    }
}

#[test]
fn a_camera_becomes_records() {
    common::init();
    let folder = tempfile::tempdir().unwrap();
    let spool = folder.path().join("spool").display().to_string();
    let broker = Broker::new(None).unwrap();
    broker.create_topic("plates").unwrap();
    let records = broker.consume("plates").unwrap();
    let media = format!(
        "( filesrc location={} ! qtdemux ! h264parse config-interval=1 ! rtph264pay name=pay0 pt=96 )",
        clip(0)
    );
    let camera = Camera::start(&media, None);
    let values = [("URI", camera.uri()), ("BOOTSTRAP", broker.servers), ("SPOOL", spool)];
    let values: Vec<(&str, &str)> = values.iter().map(|(n, v)| (*n, v.as_str())).chain([("TOPIC", "plates")]).collect();
    let mut player = Player::new(&filled("rtsp-to-kafka", &values)).unwrap();
    let stop = player.stop_flag();
    let mut seen = Vec::new();
    let started = std::time::Instant::now();
    let end = player.run(|_, _| {
        seen.extend(records.next(Duration::ZERO));
        if !seen.is_empty() {
            stop.store(true, Ordering::SeqCst);
        }
        assert!(started.elapsed() < Duration::from_secs(120), "no record came");
    });
    assert_eq!(end, Ok(End::Stopped));
    let event: Event = serde_json::from_str(&seen[0].value).unwrap();
    assert!(event.captured_at.as_str() > "2026-01-02", "a camera's time is the clock's: {}", event.captured_at);
}

/// Key and event of every record that comes within a second.
fn read_all(records: &alpr_pipelines::broker::Records) -> Vec<(String, Event)> {
    let mut all = Vec::new();
    while let Some(record) = records.next(Duration::from_secs(1)) {
        all.push((record.key, serde_json::from_str(&record.value).unwrap()));
    }
    all
}
