//! Where libonnxruntime may be.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use super::files::data_dirs;

/// The name under which the system's loader knows the library.
const SONAME: &str = "libonnxruntime.so.1";
/// Begin of its file names: the version follows, and a wheel has no link without one.
const STEM: &str = "libonnxruntime.so";
/// Folders of systems and vendors that the loader may not be told about.
const KNOWN_DIRS: [&str; 8] = [
    "/usr/local/lib",
    "/usr/lib/x86_64-linux-gnu",
    "/usr/lib/aarch64-linux-gnu",
    "/usr/lib64",
    "/usr/lib",
    "/opt/onnxruntime/lib",
    "/usr/local/onnxruntime/lib",
    "/opt/nvidia/onnxruntime/lib",
];

/// A library that may be the one.
pub(super) struct Candidate {
    /// The file, absolute unless it is a bare name for the system's loader.
    pub(super) file: PathBuf,
    /// Why it is looked at.
    pub(super) place: String,
}

/// Places to look at, best first, each with a library or with what is there instead: `named` (a property) or
/// `ORT_DYLIB_PATH` alone where given; else the data folders (`ALPR_DATA`, the user's cache, the checkout's `.cache`,
/// the installation's `gst-alpr`), the system's loader, known folders.
pub(super) fn candidates(named: Option<&Path>, plugin_dir: Option<&Path>) -> Vec<Result<Candidate, (String, String)>> {
    if let Some(file) = named {
        return vec![Ok(Candidate { file: absolute(file), place: "property onnxruntime-library".into() })];
    }
    if let Some(file) = env::var_os("ORT_DYLIB_PATH").filter(|file| !file.is_empty()) {
        return vec![Ok(Candidate { file: absolute(Path::new(&file)), place: "variable ORT_DYLIB_PATH".into() })];
    }
    let mut places: Vec<_> = library_dirs(plugin_dir).iter().flat_map(|(dir, place)| in_dir(dir, place)).collect();
    places.push(Ok(Candidate { file: SONAME.into(), place: "the system's loader".into() }));
    places.extend(KNOWN_DIRS.iter().flat_map(|dir| in_dir(Path::new(dir), "known folder")));
    places
}

/// Folders of this project's own that may hold the library.
fn library_dirs(plugin_dir: Option<&Path>) -> Vec<(PathBuf, String)> {
    let mut dirs: Vec<(PathBuf, String)> =
        data_dirs().into_iter().map(|(dir, place)| (dir.join("onnxruntime"), place)).collect();
    // target/debug/libgstalpr.so of a checkout, and $libdir/gstreamer-1.0/libgstalpr.so of an installation.
    let above = |folders: usize| plugin_dir.and_then(|dir| dir.ancestors().nth(folders));
    dirs.extend(above(2).map(|dir| (dir.join(".cache/onnxruntime"), "beside the plugin's checkout".into())));
    dirs.extend(above(1).map(|dir| (dir.join("gst-alpr"), "beside the plugin's installation".into())));
    dirs
}

/// The libraries in a folder, the latest first, or why there is none.
fn in_dir(dir: &Path, place: &str) -> Vec<Result<Candidate, (String, String)>> {
    let nothing = |said: String| vec![Err((format!("{} ({place})", dir.display()), said))];
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(err) => return nothing(err.to_string()),
    };
    let mut files: Vec<PathBuf> = entries
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .filter(|file| file.file_name().and_then(|n| n.to_str()).is_some_and(|n| n.starts_with(STEM)))
        .collect();
    if files.is_empty() {
        return nothing(format!("no {STEM}*"));
    }
    files.sort_by_key(|file| std::cmp::Reverse(version(file)));
    files.into_iter().map(|file| Ok(Candidate { file: absolute(&file), place: place.to_owned() })).collect()
}

/// Numbers after the stem: `1.24.1` is later than `1.9`.
fn version(file: &Path) -> Vec<u32> {
    let name = file.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    name.trim_start_matches(STEM).split('.').filter_map(|part| part.parse().ok()).collect()
}

/// A relative path would be looked up beside the program, not in the working directory.
pub(super) fn absolute(file: &Path) -> PathBuf {
    std::path::absolute(file).unwrap_or_else(|_| file.to_path_buf())
}

/// Whether two paths name one file.
pub(super) fn same_file(a: &Path, b: &Path) -> bool {
    a == b || matches!((fs::canonicalize(a), fs::canonicalize(b)), (Ok(a), Ok(b)) if a == b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_version_comes_first() {
        let dir = env::temp_dir().join(format!("alpr-library-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        for name in ["libonnxruntime.so.1.9.0", "libonnxruntime.so.1.24.1", "libonnxruntime_providers_shared.so"] {
            fs::write(dir.join(name), "").unwrap();
        }
        let found = in_dir(&dir, "test");
        let name = |c: &Candidate| c.file.file_name().unwrap().to_str().unwrap().to_owned();
        let names: Vec<_> = found.iter().map(|c| c.as_ref().map(name).map_err(Clone::clone).unwrap()).collect();
        fs::remove_dir_all(&dir).unwrap();
        assert_eq!(names, ["libonnxruntime.so.1.24.1", "libonnxruntime.so.1.9.0"]);
    }

    #[test]
    fn a_named_library_is_the_only_candidate() {
        let found = candidates(Some(Path::new("some/lib.so")), None);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].as_ref().ok().unwrap().file, env::current_dir().unwrap().join("some/lib.so"));
    }
}
