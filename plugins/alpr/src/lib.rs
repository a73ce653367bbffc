//! Licence plate recognition elements: `alprdetect`, `alprocr`, `alprdedup`, `alproverlay`.
//!
//! Each element has a folder. What they share: [`meta`] reads and writes plates on buffers, [`frame`] gives the pictures of buffers
//! to the core, `stream` has their times and cuts, [`runtime`] is ONNX Runtime, `inference` opens models, `properties` ties properties
//! to settings, and `element` has the rest.

pub mod alprdedup;
pub mod alprdetect;
pub mod alprocr;
pub mod alproverlay;
mod element;
pub mod error;
pub mod frame;
mod inference;
pub mod meta;
mod properties;
pub mod runtime;
mod stream;

fn plugin_init(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
    if let Some(file) = plugin.filename() {
        runtime::set_plugin_file(file);
    }
    alprdetect::register(plugin)?;
    alprdedup::register(plugin)?;
    alprocr::register(plugin)?;
    alproverlay::register(plugin)
}

gst::plugin_define!(
    alpr,
    env!("CARGO_PKG_DESCRIPTION"),
    plugin_init,
    concat!(env!("CARGO_PKG_VERSION"), "-", env!("COMMIT_ID")),
    "MPL",
    env!("CARGO_PKG_NAME"),
    env!("CARGO_PKG_NAME"),
    env!("CARGO_PKG_REPOSITORY"),
    env!("BUILD_REL_DATE")
);
