//! The installation that this program belongs to: `PREFIX/bin`, its data and its plugins.

use std::path::{Path, PathBuf};

/// The elements without which the launch files do not run.
const ELEMENTS: [&str; 5] = ["alprdetect", "alprocr", "alprdedup", "alproverlay", "kafkasink"];
/// The file by which a folder of our plugins is known.
const PLUGIN: &str = "libgstalpr.so";

/// `PREFIX` of the running program.
pub fn prefix() -> Option<PathBuf> {
    Some(std::env::current_exe().ok()?.parent()?.parent()?.to_owned())
}

/// The folders of our plugins below `prefix`: in `lib` or `lib64`, or, as on Debian, in `lib/` and the machine's name.
pub fn plugin_folders(prefix: &Path) -> Vec<PathBuf> {
    let of_machines = std::fs::read_dir(prefix.join("lib")).into_iter().flatten().flatten().map(|entry| entry.path());
    let libraries = [prefix.join("lib"), prefix.join("lib64")].into_iter().chain(of_machines);
    libraries.map(|folder| folder.join("gstreamer-1.0")).filter(|folder| folder.join(PLUGIN).is_file()).collect()
}

/// Makes GStreamer find the elements that were installed together with this program. A prefix of its own, such as
/// `/usr/local`, is not where GStreamer looks; elements that it has found already stay the ones that are used.
pub fn find_elements() {
    if ELEMENTS.iter().all(|name| gst::ElementFactory::find(name).is_some()) {
        return;
    }
    for folder in prefix().iter().flat_map(|prefix| plugin_folders(prefix)) {
        gst::Registry::get().scan_path(&folder);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plugins_of_an_installation() {
        for library in ["lib", "lib64", "lib/x86_64-linux-gnu"] {
            let prefix = tempfile::tempdir().unwrap();
            assert_eq!(plugin_folders(prefix.path()), Vec::<PathBuf>::new(), "there is no such folder yet");
            let folder = prefix.path().join(library).join("gstreamer-1.0");
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(folder.join("libgstcoreelements.so"), "").unwrap();
            assert_eq!(plugin_folders(prefix.path()), Vec::<PathBuf>::new(), "{library}: other plugins");
            std::fs::write(folder.join(PLUGIN), "").unwrap();
            assert_eq!(plugin_folders(prefix.path()), [folder]);
        }
    }
}
