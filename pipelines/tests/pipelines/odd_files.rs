//! Files that are no clips: the reason is told.

use super::common;
use alpr_pipelines::player::{End, Player};
use gst::prelude::*;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

fn play(file: &Path) -> Result<End, String> {
    let line = format!("uridecodebin name=source uri=file://{} ! videoconvert ! fakesink", file.display());
    Player::new(&line).unwrap().run(|_, _| {})
}

#[test]
fn sound_without_a_picture() {
    common::init();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("sound.wav");
    let line = format!("audiotestsrc num-buffers=20 ! wavenc ! filesink location={}", file.display());
    assert_eq!(Player::new(&line).unwrap().run(|_, _| {}), Ok(End::Over));
    assert_eq!(play(&file), Err("there is no video in the source".to_owned()));
}

#[test]
fn a_text_and_an_empty_file() {
    common::init();
    let folder = tempfile::tempdir().unwrap();
    for (name, content, said) in
        [("letter.mp4", "Dear Sir or Madam,\n".repeat(50), "text"), ("empty.mp4", String::new(), "empty.mp4")]
    {
        let file = folder.path().join(name);
        std::fs::write(&file, content).unwrap();
        let error = play(&file).unwrap_err();
        assert!(error.contains(said) || error.contains("typefind"), "{name}: {error}");
    }
}

/// Films ten seconds into `file`.
fn film(file: &Path, encoder: &str) {
    let line = format!(
        "videotestsrc num-buffers=250 ! video/x-raw,width=160,height=120,framerate=25/1 ! videoconvert ! {encoder} ! filesink location={}",
        file.display()
    );
    assert_eq!(Player::new(&line).unwrap().run(|_, _| {}), Ok(End::Over));
}

/// What is warned of when `file` is played by `source`.
fn warnings(source: &str, file: &Path) -> Vec<String> {
    let source = source.replace("{}", &file.to_string_lossy());
    let mut player = Player::new(&format!("{source} ! videoconvert ! fakesink")).unwrap();
    assert_eq!(player.run(|_, _| {}), Ok(End::Over));
    player.warnings().to_vec()
}

#[test]
fn a_film_that_is_cut_off() {
    common::init();
    let folder = tempfile::tempdir().unwrap();
    let (file, cut) = (folder.path().join("film.mov"), folder.path().join("cut.mov"));
    // The head, with the length of the film, comes first.
    film(&file, "jpegenc ! qtmux faststart=true");
    let whole = std::fs::read(&file).unwrap();
    std::fs::write(&cut, &whole[..whole.len() / 2]).unwrap();
    for source in ["uridecodebin uri=file://{}", "filesrc location={} ! decodebin"] {
        assert_eq!(warnings(source, &file), Vec::<String>::new());
        let warnings = warnings(source, &cut);
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        assert!(warnings[0].contains("cut.mov announces a film of 10.0 s") && warnings[0].contains("ended after"));
    }
}

#[test]
fn whole_films_are_nothing_to_warn_of() {
    common::init();
    let folder = tempfile::tempdir().unwrap();
    for (name, encoder) in [
        ("film.mkv", "jpegenc ! matroskamux"),
        ("film.avi", "jpegenc ! avimux"),
        ("film.ts", "x264enc ! mpegtsmux"),
        ("film.h264", "x264enc ! video/x-h264,stream-format=byte-stream"),
    ] {
        let file = folder.path().join(name);
        film(&file, encoder);
        assert_eq!(warnings("filesrc location={} ! decodebin", &file), Vec::<String>::new(), "{name}");
    }
}

#[test]
fn films_one_behind_the_other_in_one_file() {
    common::init();
    let folder = tempfile::tempdir().unwrap();
    let [first, second, both] = ["first.ogg", "second.ogg", "both.ogg"].map(|name| folder.path().join(name));
    film(&first, "theoraenc ! oggmux");
    film(&second, "theoraenc ! oggmux");
    std::fs::write(&both, [std::fs::read(&first).unwrap(), std::fs::read(&second).unwrap()].concat()).unwrap();
    let line = format!("filesrc location={} ! decodebin ! videoconvert name=out ! fakesink", both.display());
    let mut player = Player::new(&line).unwrap();
    let frames = Arc::new(AtomicU64::new(0));
    let count = frames.clone();
    let pad = player.pipeline().by_name("out").unwrap().static_pad("src").unwrap();
    pad.add_probe(gst::PadProbeType::BUFFER, move |_, _| {
        count.fetch_add(1, Ordering::Relaxed);
        gst::PadProbeReturn::Ok
    });
    assert_eq!(player.run(|_, _| {}), Ok(End::Over));
    assert_eq!(frames.load(Ordering::Relaxed), 500);
    assert_eq!(player.warnings().to_vec(), Vec::<String>::new());
}
