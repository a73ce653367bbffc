//! Files that are no clips: the reason is told.

use super::common;
use alpr_pipelines::player::{End, Player};
use std::path::Path;

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
