//! Properties of `alproverlay`.

use std::sync::LazyLock;

use glib::ParamSpec;
use gst::prelude::*;

use crate::properties::fields;

/// What a user may set; everything may change while playing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Settings {
    /// Pixels; 0 goes by the frame's height.
    pub(super) line_width: u32,
    /// Factor on the text size that goes by the frame's height.
    pub(super) text_scale: f32,
    pub(super) show_boxes: bool,
    pub(super) show_ids: bool,
    pub(super) show_texts: bool,
    pub(super) show_predicted: bool,
    /// 0xAARRGGBB.
    pub(super) color: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            line_width: 0,
            text_scale: 1.0,
            show_boxes: true,
            show_ids: true,
            show_texts: true,
            show_predicted: true,
            color: 0xff20_e040,
        }
    }
}

fields!(Settings {
    "line-width" => line_width,
    "text-scale" => text_scale,
    "show-boxes" => show_boxes,
    "show-ids" => show_ids,
    "show-texts" => show_texts,
    "show-predicted" => show_predicted,
    "color" => color,
});

/// All properties of the element.
pub(super) static PROPERTIES: LazyLock<Vec<ParamSpec>> = LazyLock::new(|| {
    let settings = Settings::default();
    let flag = |name, nick, blurb, default| {
        glib::ParamSpecBoolean::builder(name).nick(nick).blurb(blurb).default_value(default).mutable_playing().build()
    };
    vec![
        glib::ParamSpecUInt::builder("line-width")
            .nick("Line Width")
            .blurb("Width of lines in pixels; 0 goes by the height of the picture")
            .maximum(100)
            .default_value(settings.line_width)
            .mutable_playing()
            .build(),
        glib::ParamSpecFloat::builder("text-scale")
            .nick("Text Scale")
            .blurb("Factor on the size of texts, which goes by the height of the picture")
            .minimum(0.1)
            .maximum(10.0)
            .default_value(settings.text_scale)
            .mutable_playing()
            .build(),
        flag(
            "show-boxes",
            "Show Boxes",
            "Draws the corners of plates, or boxes where there are none",
            settings.show_boxes,
        ),
        flag("show-ids", "Show Ids", "Draws track ids", settings.show_ids),
        flag("show-texts", "Show Texts", "Draws what was read, and how sure it is in percent", settings.show_texts),
        flag(
            "show-predicted",
            "Show Predicted",
            "Draws plates also in frames in which they were not detected",
            settings.show_predicted,
        ),
        glib::ParamSpecUInt::builder("color")
            .nick("Color")
            .blurb("Color of lines as 0xAARRGGBB")
            .default_value(settings.color)
            .mutable_playing()
            .build(),
    ]
});
