//! Properties of `alprdetect`.

use std::sync::LazyLock;

use alpr_core::detector::Thresholds;
use alpr_core::geometry::Rect;
use glib::ParamSpec;
use gst::prelude::*;

use super::search::{Further, Tiling};
use crate::element;
use crate::inference::ModelSettings;
use crate::properties::{fields, plain};
use crate::runtime;

/// Used where neither the user nor the model names a threshold.
const USUAL_CONFIDENCE: f32 = 0.5;
/// Longest side of a network's input.
const MAX_INPUT: u32 = 8192;

/// Which part of a frame is searched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, glib::Enum)]
#[repr(u32)]
#[enum_type(name = "GstAlprInferenceRegion")]
pub enum InferenceRegion {
    /// The whole frame.
    #[default]
    #[enum_value(name = "The whole frame", nick = "full-frame")]
    FullFrame,
    /// Regions of interest that upstream elements put on the buffer.
    #[enum_value(name = "Regions of interest that upstream elements found", nick = "roi-list")]
    RoiList,
}

/// What a user may set.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) model: ModelSettings,
    /// Whether plates are also written where DeepStream's elements look for them.
    pub(super) publish: bool,
    pub(super) input_width: u32,
    pub(super) input_height: u32,
    pub(super) further: Further,
    confidence_threshold: f32,
    iou_threshold: f32,
    max_detections: u32,
    pub(super) interval: u32,
    pub(super) inference_region: InferenceRegion,
    pub(super) object_class: String,
    pub(super) tiling: Tiling,
    min_width: u32,
    min_height: u32,
    max_width: u32,
    max_height: u32,
    pub(super) tracking: bool,
    pub(super) scene_cuts: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            model: ModelSettings::default(),
            publish: true,
            input_width: 0,
            input_height: 0,
            further: Further { coarse: true, close: true },
            confidence_threshold: -1.0,
            iou_threshold: 0.5,
            max_detections: 100,
            interval: 0,
            inference_region: InferenceRegion::FullFrame,
            object_class: String::new(),
            tiling: Tiling { columns: 1, rows: 1 },
            min_width: 0,
            min_height: 0,
            max_width: 0,
            max_height: 0,
            tracking: true,
            scene_cuts: true,
        }
    }
}

impl Settings {
    /// Least confidence of a new plate; `tuned` is what the model asks for.
    pub(super) fn confidence(&self, tuned: Option<f32>) -> f32 {
        if self.confidence_threshold >= 0.0 { self.confidence_threshold } else { tuned.unwrap_or(USUAL_CONFIDENCE) }
    }

    /// For decoding: `confidence` is the least of any use.
    pub(super) fn thresholds(&self, confidence: f32) -> Thresholds {
        Thresholds { confidence, iou: self.iou_threshold, max: self.max_detections as usize }
    }

    /// Whether a plate's box has a wanted size.
    pub(super) fn wants_size(&self, bbox: &Rect) -> bool {
        let within = |length: f32, min: u32, max: u32| length >= min as f32 && (max == 0 || length <= max as f32);
        within(bbox.w, self.min_width, self.max_width) && within(bbox.h, self.min_height, self.max_height)
    }
}

plain!(InferenceRegion);

fields!(Settings {
    element::PUBLISH => publish,
    "input-width" => input_width,
    "input-height" => input_height,
    "coarse-search" => further.coarse,
    "close-search" => further.close,
    "confidence-threshold" => confidence_threshold,
    "iou-threshold" => iou_threshold,
    "max-detections" => max_detections,
    "interval" => interval,
    "inference-region" => inference_region,
    "object-class" => object_class,
    "tile-columns" => tiling.columns,
    "tile-rows" => tiling.rows,
    "min-plate-width" => min_width,
    "min-plate-height" => min_height,
    "max-plate-width" => max_width,
    "max-plate-height" => max_height,
    "tracking" => tracking,
    "scene-cuts" => scene_cuts,
} or model);

/// All properties of the element.
pub(super) static PROPERTIES: LazyLock<Vec<ParamSpec>> = LazyLock::new(|| {
    let mut all = ModelSettings::properties("plate detector", &runtime::DETECTOR);
    all.extend(network());
    all.extend(finding());
    all.extend(sizes());
    all.push(element::publish_property());
    all.push(
        glib::ParamSpecBoxed::builder::<gst::Structure>("stats")
            .nick("Statistics")
            .blurb("Counters since the element went to PAUSED: frames, inferences, skipped frames, detections, tracks")
            .read_only()
            .build(),
    );
    all
});

fn uint(name: &'static str, nick: &'static str, blurb: &'static str) -> glib::ParamSpecUIntBuilder<'static> {
    glib::ParamSpecUInt::builder(name).nick(nick).blurb(blurb)
}

fn network() -> Vec<ParamSpec> {
    let size = |name, nick, blurb| uint(name, nick, blurb).maximum(MAX_INPUT).mutable_ready().build();
    vec![
        size(
            "input-width",
            "Input Width",
            "Width in pixels to which pictures are scaled for the network, where the model leaves it open; 0 shapes the \
             network's picture like the frame, with as many pixels as the model describes",
        ),
        size(
            "input-height",
            "Input Height",
            "Height in pixels to which pictures are scaled for the network, where the model leaves it open; 0 shapes the \
             network's picture like the frame, with as many pixels as the model describes",
        ),
    ]
}

fn finding() -> Vec<ParamSpec> {
    let settings = Settings::default();
    let unit = |name, nick, blurb, minimum, default| {
        glib::ParamSpecFloat::builder(name)
            .nick(nick)
            .blurb(blurb)
            .minimum(minimum)
            .maximum(1.0)
            .default_value(default)
            .mutable_playing()
            .build()
    };
    vec![
        unit(
            "confidence-threshold",
            "Confidence Threshold",
            "Least detector confidence that starts a track, or is reported without tracking; -1 takes the model's own, \
             or 0.5. Weaker detections only continue tracks",
            -1.0,
            settings.confidence_threshold,
        ),
        unit(
            "iou-threshold",
            "IoU Threshold",
            "Overlap (intersection over union) above which two boxes are one plate",
            0.0,
            settings.iou_threshold,
        ),
        uint("max-detections", "Maximum Detections", "Most plates of one frame")
            .minimum(1)
            .maximum(1000)
            .default_value(settings.max_detections)
            .mutable_playing()
            .build(),
        uint("interval", "Interval", "Frames to skip between two searched frames; skipped frames get predicted plates")
            .maximum(1000)
            .default_value(settings.interval)
            .mutable_playing()
            .build(),
        glib::ParamSpecBoolean::builder("coarse-search")
            .nick("Coarse Search")
            .blurb(
                "Searches a frame in which nothing was found again at half the size, for plates that nearly fill it, at a \
                 quarter of the cost; only where the model leaves its size open",
            )
            .default_value(settings.further.coarse)
            .mutable_playing()
            .build(),
        glib::ParamSpecBoolean::builder("close-search")
            .nick("Close Search")
            .blurb(
                "Searches around small weak finds again at twice the size, in at most two places of a frame, each at a \
                 quarter of the cost, and with tracking five times a second; only where the model leaves its size open",
            )
            .default_value(settings.further.close)
            .mutable_playing()
            .build(),
        glib::ParamSpecEnum::builder::<InferenceRegion>("inference-region")
            .nick("Inference Region")
            .blurb("Which part of a frame is searched")
            .mutable_playing()
            .build(),
        glib::ParamSpecString::builder("object-class")
            .nick("Object Class")
            .blurb("With inference-region=roi-list: type of the regions to search, such as car; empty takes all")
            .mutable_playing()
            .build(),
        uint("tile-columns", "Tile Columns", "Overlapping tiles a row that are searched one by one, for small plates")
            .minimum(1)
            .maximum(8)
            .default_value(settings.tiling.columns)
            .mutable_playing()
            .build(),
        uint("tile-rows", "Tile Rows", "Rows of overlapping tiles")
            .minimum(1)
            .maximum(8)
            .default_value(settings.tiling.rows)
            .mutable_playing()
            .build(),
        glib::ParamSpecBoolean::builder("tracking")
            .nick("Tracking")
            .blurb("Follows plates from frame to frame and gives them ids")
            .default_value(settings.tracking)
            .mutable_playing()
            .build(),
        glib::ParamSpecBoolean::builder("scene-cuts")
            .nick("Scene Cuts")
            .blurb(
                "Ends all tracks and passes where a frame shows something else as a whole than the one before, as photographs \
                 do that follow one another; false takes every stream for one film",
            )
            .default_value(settings.scene_cuts)
            .mutable_playing()
            .build(),
    ]
}

fn sizes() -> Vec<ParamSpec> {
    let size = |name, nick, blurb| uint(name, nick, blurb).maximum(16384).mutable_playing().build();
    vec![
        size(
            "min-plate-width",
            "Minimum Plate Width",
            "Plates less wide in pixels of the frame are left out; 0 is no limit",
        ),
        size(
            "min-plate-height",
            "Minimum Plate Height",
            "Plates less high in pixels of the frame are left out; 0 is no limit",
        ),
        size(
            "max-plate-width",
            "Maximum Plate Width",
            "Plates wider in pixels of the frame are left out; 0 is no limit",
        ),
        size(
            "max-plate-height",
            "Maximum Plate Height",
            "Plates higher in pixels of the frame are left out; 0 is no limit",
        ),
    ]
}
