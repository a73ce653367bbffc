//! Properties of `alprocr`.

use std::sync::LazyLock;
use std::time::Duration;

use alpr_core::consensus::{Budget, FusionSettings};
use alpr_core::contract::ReaderContract;
use glib::ParamSpec;
use gst::prelude::*;

use crate::element;
use crate::inference::ModelSettings;
use crate::properties::fields;
use crate::runtime;

/// Most plates of one frame where the user sets no limit, in all and of those that were not read before.
const USUAL: Budget = Budget { usual: 4, first: MOST_READS as usize };

/// Most plates of one frame that a user may ask for.
const MOST_READS: u32 = 64;

/// What a user may set.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) model: ModelSettings,
    /// Whether plates are also written where DeepStream's elements look for them.
    pub(super) publish: bool,
    max_reads: u32,
    max_read_time: u64,
    batch_size: u32,
    min_height: u32,
    views: u32,
    pub(super) crop_margin: f32,
    sure_confidence: f32,
    analytics_texts: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            model: ModelSettings::default(),
            publish: true,
            max_reads: 0,
            max_read_time: 0,
            batch_size: 8,
            min_height: 6,
            views: 0,
            crop_margin: -1.0,
            sure_confidence: FusionSettings::default().confidence,
            analytics_texts: 100_000,
        }
    }
}

impl Settings {
    /// Plates that may be read in one frame when one takes `usual`: at least one, so that reading never stops. The time is
    /// shared by the `frames` of a batch.
    pub(super) fn budget(&self, usual: Option<Duration>, frames: usize) -> Budget {
        let most = if self.max_reads == 0 { USUAL } else { (self.max_reads as usize).into() };
        match usual.map(|d| d.as_nanos()).filter(|n| *n > 0) {
            Some(usual) if self.max_read_time > 0 => {
                let all = u128::from(self.max_read_time) / usual / frames.max(1) as u128;
                let all = usize::try_from(all).unwrap_or(usize::MAX).max(1);
                Budget { usual: most.usual.min(all), first: most.first.min(all) }
            }
            _ => most,
        }
    }

    /// Crops of one run.
    pub(super) const fn batch(&self) -> usize {
        self.batch_size as usize
    }

    /// Crops of each plate; 0 takes as many as pay with the model.
    pub(super) const fn views(&self) -> usize {
        self.views as usize
    }

    /// Whether a plate of this height in pixels is worth reading.
    pub(super) fn wants_height(&self, height: f32) -> bool {
        height >= self.min_height as f32
    }

    /// How readings become a text.
    pub(super) fn fusion(&self) -> FusionSettings {
        FusionSettings { confidence: self.sure_confidence, ..FusionSettings::default() }
    }

    /// Texts that this process may turn into classes of GstAnalytics metadata.
    pub(super) const fn analytics_texts(&self) -> usize {
        self.analytics_texts as usize
    }
}

fields!(Settings {
    element::PUBLISH => publish,
    "max-reads-per-frame" => max_reads,
    "max-read-time" => max_read_time,
    "batch-size" => batch_size,
    "min-plate-height" => min_height,
    "views" => views,
    "crop-margin" => crop_margin,
    "sure-confidence" => sure_confidence,
    "analytics-texts" => analytics_texts,
} or model);

/// All properties of the element.
pub(super) static PROPERTIES: LazyLock<Vec<ParamSpec>> = LazyLock::new(|| {
    let mut all = ModelSettings::properties("plate reader", &runtime::READER);
    all.extend(bounds());
    all.extend(reading());
    all.push(element::publish_property());
    all.push(
        glib::ParamSpecBoxed::builder::<gst::Structure>("stats")
            .nick("Statistics")
            .blurb("Counters since the element went to PAUSED: frames, plates, crops, reads, passes, what was left out")
            .read_only()
            .build(),
    );
    all
});

fn bounds() -> Vec<ParamSpec> {
    let settings = Settings::default();
    vec![
        glib::ParamSpecUInt::builder("max-reads-per-frame")
            .nick("Maximum Reads Per Frame")
            .blurb(
                "Most plates that are read in one frame, the most promising first; 0 reads 4, and more where more were not \
                 read before, as in a photograph",
            )
            .maximum(MOST_READS)
            .default_value(settings.max_reads)
            .mutable_playing()
            .build(),
        glib::ParamSpecUInt64::builder("max-read-time")
            .nick("Maximum Read Time")
            .blurb(
                "Time in nanoseconds that reading may take in one frame, kept by reading fewer plates, at least one; 0 is \
                 no limit, and only then two runs over a file read the same plates",
            )
            .maximum(gst::ClockTime::SECOND.nseconds() * 10)
            .default_value(settings.max_read_time)
            .mutable_playing()
            .build(),
        glib::ParamSpecUInt::builder("batch-size")
            .nick("Batch Size")
            .blurb("Most crops of one run of the network, where the model leaves that open")
            .minimum(1)
            .maximum(64)
            .default_value(settings.batch_size)
            .mutable_playing()
            .build(),
    ]
}

fn reading() -> Vec<ParamSpec> {
    let settings = Settings::default();
    vec![
        glib::ParamSpecUInt::builder("min-plate-height")
            .nick("Minimum Plate Height")
            .blurb("Plates less high in pixels of the frame are not read")
            .maximum(1000)
            .default_value(settings.min_height)
            .mutable_playing()
            .build(),
        glib::ParamSpecUInt::builder("views")
            .nick("Views")
            .blurb(
                "Crops of one plate that are read together: straightened and upright, close and wider; 0 takes 2 where the \
                 model has character slots, else 1",
            )
            .maximum(ReaderContract::MAX_VIEWS as u32)
            .default_value(settings.views)
            .mutable_playing()
            .build(),
        glib::ParamSpecFloat::builder("crop-margin")
            .nick("Crop Margin")
            .blurb(
                "How far crops reach beyond the plate on each side, as a fraction of its width and height; -1 takes the \
                 model's own",
            )
            .minimum(-1.0)
            .maximum(0.5)
            .default_value(settings.crop_margin)
            .mutable_playing()
            .build(),
        glib::ParamSpecFloat::builder("sure-confidence")
            .nick("Sure Confidence")
            .blurb("Confidence of the fused text from which a track is read only now and then")
            .minimum(0.0)
            .maximum(1.0)
            .default_value(settings.sure_confidence)
            .mutable_ready()
            .build(),
        glib::ParamSpecUInt::builder("analytics-texts")
            .nick("Analytics Texts")
            .blurb(
                "Most texts that the process keeps as class names of GstAnalytics metadata (GStreamer 1.24), sure ones only; \
                 they are never freed, and ten times as many take nearly a hundred times the memory: 100000 take 24 MB; 0 writes none",
            )
            .maximum(1_000_000)
            .default_value(settings.analytics_texts)
            .mutable_playing()
            .build(),
    ]
}
