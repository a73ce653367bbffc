//! The sample clips that whole runs are made on, filmed once a build.

use std::fs;
use std::path::{Path, PathBuf};

use alpr_pipelines::clip::encode::{Order, film};
use alpr_pipelines::truth::Truth;

/// A clip with what happens in it.
pub struct Clip {
    /// The film.
    pub path: PathBuf,
    /// Its passes.
    pub truth: Truth,
}

/// The clips of `scenario`, one a camera, in 1280×720 at `fps` frames a second.
///
/// # Panics
///
/// When the clip cannot be filmed.
pub fn of(scenario: &str, fps: u32) -> Vec<Clip> {
    // Filmed into a folder of its own and moved into place, because tests run side by side.
    let folder = cache().join(format!("{scenario}-{fps}"));
    if !folder.exists() {
        let fresh = tempfile::tempdir_in(cache()).expect("a folder for the clip");
        let order = Order { scenario: scenario.into(), seed: 1, fps, width: 1280, height: 720 };
        film(&order, &fresh.path().join("clip.mp4"), |_, _| ()).unwrap_or_else(|e| panic!("{scenario}: {e}"));
        // A test that was faster has put the same clip there.
        let _ = fs::rename(fresh.path(), &folder);
    }
    let mut clips: Vec<Clip> = fs::read_dir(&folder)
        .expect("the folder of the clip")
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|e| e == "mp4"))
        .map(|path| Clip { truth: truth(&path), path })
        .collect();
    clips.sort_by(|a, b| a.path.cmp(&b.path));
    assert!(!clips.is_empty(), "{} holds no clip", folder.display());
    clips
}

/// The only clip of a scenario with one camera.
///
/// # Panics
///
/// When the clip cannot be filmed.
pub fn one(scenario: &str, fps: u32) -> Clip {
    of(scenario, fps).swap_remove(0)
}

fn truth(clip: &Path) -> Truth {
    let path = clip.with_extension("truth.json");
    let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// A folder that `cargo clean` removes. A change of the generator gives a new build, and so new clips.
fn cache() -> PathBuf {
    let program = std::env::current_exe().expect("a test is a program");
    let stem = program.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let folder = program.with_file_name(format!("{stem}-clips"));
    fs::create_dir_all(&folder).expect("a folder for clips");
    folder
}
