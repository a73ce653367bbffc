//! Where model files and what lies beside them are.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use alpr_core::contract::{SidecarKind, Sidecars};

use super::options::ExecutionProvider;
use super::plugin_dir;
use crate::error::{Error, Searched};

/// A model of this project, in the forms that its folder holds.
#[derive(Clone, Copy, Debug)]
pub struct DefaultModel {
    /// File as it was exported: for every execution provider.
    pub exported: &'static str,
    /// File with 8-bit numbers: half the time on processors, and nearly as exact.
    pub int8: &'static str,
}

/// The default detector.
pub const DETECTOR: DefaultModel = DefaultModel { exported: "plate-detector.onnx", int8: "plate-detector.int8.onnx" };
/// The default reader.
pub const READER: DefaultModel = DefaultModel { exported: "plate-reader.onnx", int8: "plate-reader.int8.onnx" };

impl DefaultModel {
    /// File names for `provider`, the best first.
    const fn names(&self, provider: ExecutionProvider) -> [&'static str; 2] {
        match provider {
            ExecutionProvider::Cpu => [self.int8, self.exported],
            _ => [self.exported, self.int8],
        }
    }
}

/// More than any side file has.
const MAX_SIDECAR_BYTES: u64 = 16 << 20;

/// Folders with data of this project that the user names or the platform provides, and why each is looked at.
pub(super) fn data_dirs() -> Vec<(PathBuf, String)> {
    let mut dirs = Vec::new();
    let mut add = |dir: PathBuf, place: &str| dirs.push((dir, place.to_owned()));
    if let Some(dir) = env::var_os("ALPR_DATA").filter(|dir| !dir.is_empty()) {
        add(dir.into(), "variable ALPR_DATA");
    }
    if let Some(cache) = env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| env::var_os("HOME").map(|home| Path::new(&home).join(".cache")))
    {
        add(cache.join("gst-alpr"), "the user's cache");
    }
    dirs
}

/// The file of `model` for `provider`: in `ALPR_MODELS`, the data folders, the checkout or the installation of the plugin,
/// the system's data folders. The first of these that has any form of it counts.
///
/// # Errors
///
/// [`Error::NoModel`] with every place that was looked at.
pub fn default_model(model: &DefaultModel, provider: ExecutionProvider) -> Result<PathBuf, Error> {
    let mut dirs: Vec<(PathBuf, String)> = Vec::new();
    if let Some(dir) = env::var_os("ALPR_MODELS").filter(|dir| !dir.is_empty()) {
        dirs.push((dir.into(), "variable ALPR_MODELS".into()));
    }
    dirs.extend(data_dirs().into_iter().map(|(dir, place)| (dir.join("models"), place)));
    let above = |folders: usize| plugin_dir().and_then(|dir| dir.ancestors().nth(folders));
    dirs.extend(above(2).map(|dir| (dir.join("models"), "beside the plugin's checkout".into())));
    // $libdir is lib or lib/<triplet>, so $datadir is two or three folders up.
    for dir in [above(2), above(3)].into_iter().flatten() {
        dirs.push((dir.join("share/gst-alpr/models"), "beside the plugin's installation".into()));
    }
    let system = env::var("XDG_DATA_DIRS").ok().filter(|dirs| !dirs.is_empty());
    for dir in system.as_deref().unwrap_or("/usr/local/share:/usr/share").split(':') {
        dirs.push((Path::new(dir).join("gst-alpr/models"), "system data folder".into()));
    }
    let mut searched = Searched::default();
    for (dir, place) in dirs {
        let mut files = model.names(provider).into_iter().map(|name| dir.join(name));
        if let Some(file) = files.find(|file| file.is_file()) {
            return Ok(file);
        }
        let file = dir.join(model.exported);
        match fs::metadata(&file) {
            Ok(_) => searched.add(format!("{} ({place})", file.display()), "not a file"),
            Err(err) => searched.add(format!("{} ({place})", file.display()), err),
        }
    }
    Err(Error::NoModel { what: format!("model {}", model.exported), searched })
}

/// The files called `name` that can be of `kind` for `model`, the likeliest first.
fn places(model: &Path, kind: SidecarKind, name: &str) -> Vec<PathBuf> {
    let folder = model.parent().filter(|folder| folder.file_name().is_some_and(|folder| kind.may_lie_above(folder)));
    let above = folder.and_then(Path::parent).map(|above| above.join(name));
    [model.with_file_name(name)].into_iter().chain(above).collect()
}

/// Texts of the files beside `model` that may describe it. A file that cannot be read is an error: a model must not
/// silently be taken for another kind.
///
/// # Errors
///
/// [`Error::Contract`] with the file and what the file system said.
pub(super) fn sidecars(model: &Path) -> Result<Sidecars, Error> {
    let mut sidecars = Sidecars::default();
    let name = model.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    for (kind, candidate) in Sidecars::candidates(&name) {
        let found =
            places(model, kind, &candidate).into_iter().find_map(|file| Some((fs::metadata(&file).ok()?, file)));
        let Some((meta, file)) = found else { continue };
        if kind.has_common_name() {
            let text = (meta.len() <= MAX_SIDECAR_BYTES).then(|| fs::read_to_string(&file).ok()).flatten();
            text.into_iter().for_each(|text| sidecars.add(kind, text));
            continue;
        }
        if meta.len() > MAX_SIDECAR_BYTES {
            let said = format!("{} has {} bytes, too many for a side file", file.display(), meta.len());
            return Err(Error::Contract { file: model.to_path_buf(), said });
        }
        match fs::read_to_string(&file) {
            Ok(text) => sidecars.add(kind, text),
            Err(err) => {
                let said = format!("its side file {} cannot be read: {err}", file.display());
                return Err(Error::Contract { file: model.to_path_buf(), said });
            }
        }
    }
    Ok(sidecars)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As model hubs keep it: the ONNX files in a folder of their own, what describes them above.
    #[test]
    fn what_describes_a_hubs_model_lies_above_its_folder() {
        let dir = env::temp_dir().join(format!("alpr-hub-{}", std::process::id()));
        let of = |folder: &str| sidecars(&dir.join(folder).join("model.onnx")).unwrap();
        for folder in ["onnx", "other"] {
            fs::create_dir_all(dir.join(folder)).unwrap();
        }
        for (name, text) in [("config.json", "above"), ("preprocessor_config.json", "pictures"), ("model.txt", "ABC")] {
            fs::write(dir.join(name), text).unwrap();
        }
        let hub = of("onnx");
        assert_eq!((hub.transformers.as_deref(), hub.preprocessor.as_deref()), (Some("above"), Some("pictures")));
        assert_eq!((hub.symbols, of("other")), (None, Sidecars::default()));
        fs::write(dir.join("onnx/config.json"), "beside").unwrap();
        assert_eq!(of("onnx").transformers.as_deref(), Some("beside"));
        fs::remove_dir_all(dir).unwrap();
    }
}
