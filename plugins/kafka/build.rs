//! Gives the plugin its version and release date from Cargo and git.

fn main() {
    gst_plugin_version_helper::info();
}
