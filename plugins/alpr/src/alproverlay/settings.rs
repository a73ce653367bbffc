//! Properties of `alproverlay`.

use std::sync::LazyLock;

use glib::{ParamSpec, Value};
use gst::prelude::*;

use crate::inference::get;

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

impl Settings {
    /// Sets a property.
    pub(super) fn set(&mut self, pspec: &ParamSpec, value: &Value) {
        match pspec.name() {
            "line-width" => self.line_width = get(value),
            "text-scale" => self.text_scale = get(value),
            "show-boxes" => self.show_boxes = get(value),
            "show-ids" => self.show_ids = get(value),
            "show-texts" => self.show_texts = get(value),
            "show-predicted" => self.show_predicted = get(value),
            "color" => self.color = get(value),
            name => debug_assert!(false, "unknown property {name}"),
        }
    }

    /// The value of a property.
    pub(super) fn get(&self, pspec: &ParamSpec) -> Value {
        match pspec.name() {
            "line-width" => self.line_width.to_value(),
            "text-scale" => self.text_scale.to_value(),
            "show-boxes" => self.show_boxes.to_value(),
            "show-ids" => self.show_ids.to_value(),
            "show-texts" => self.show_texts.to_value(),
            "show-predicted" => self.show_predicted.to_value(),
            "color" => self.color.to_value(),
            _ => pspec.default_value().clone(),
        }
    }
}

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
