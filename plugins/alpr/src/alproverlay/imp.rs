//! Plumbing: properties to settings, plates on buffers to [`super::draw`], its sprites onto pictures.

use std::sync::{LazyLock, Mutex};

use gst::subclass::prelude::*;
use gst_base::subclass::prelude::*;
use gst_video::prelude::*;
use gst_video::{
    VideoFormat, VideoFrameFlags, VideoFrameRef, VideoInfo, VideoMeta, VideoOverlayComposition,
    VideoOverlayFormatFlags, VideoOverlayRectangle,
};

use super::draw::{Sprite, sprites};
use super::settings::{PROPERTIES, Settings};
use crate::element::{self, AUTHOR, lock, video_templates};
use crate::meta;

static CAT: LazyLock<gst::DebugCategory> = LazyLock::new(|| {
    gst::DebugCategory::new("alproverlay", gst::DebugColorFlags::empty(), Some("Licence plate overlay"))
});

/// Byte order of a pixel 0xAARRGGBB in memory: the format that GStreamer blends.
const FORMAT: VideoFormat = if cfg!(target_endian = "little") { VideoFormat::Bgra } else { VideoFormat::Argb };

/// Bytes by which rows and planes must be aligned.
const ALIGNMENT: u32 = 4;

/// The element's private part.
#[derive(Default)]
pub struct AlprOverlay {
    settings: Mutex<Settings>,
    info: Mutex<Option<VideoInfo>>,
}

#[glib::object_subclass]
impl ObjectSubclass for AlprOverlay {
    const NAME: &'static str = "GstAlprOverlay";
    type Type = super::AlprOverlay;
    type ParentType = gst_base::BaseTransform;
}

impl ObjectImpl for AlprOverlay {
    fn properties() -> &'static [glib::ParamSpec] {
        &PROPERTIES
    }

    fn set_property(&self, _id: usize, value: &glib::Value, pspec: &glib::ParamSpec) {
        let known = lock(&self.settings).set(pspec.name(), value);
        debug_assert!(known, "{} has no field", pspec.name());
    }

    fn property(&self, _id: usize, pspec: &glib::ParamSpec) -> glib::Value {
        lock(&self.settings).get(pspec.name()).unwrap_or_else(|| pspec.default_value().clone())
    }
}

impl GstObjectImpl for AlprOverlay {}

impl ElementImpl for AlprOverlay {
    fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
        static METADATA: LazyLock<gst::subclass::ElementMetadata> = LazyLock::new(|| {
            gst::subclass::ElementMetadata::new(
                "Licence plate overlay",
                "Filter/Effect/Video",
                "Draws boxes, ids and texts of licence plates on the picture",
                AUTHOR,
            )
        });
        Some(&METADATA)
    }

    fn pad_templates() -> &'static [gst::PadTemplate] {
        static TEMPLATES: LazyLock<Vec<gst::PadTemplate>> = LazyLock::new(video_templates);
        &TEMPLATES
    }
}

impl BaseTransformImpl for AlprOverlay {
    const MODE: gst_base::subclass::BaseTransformMode = gst_base::subclass::BaseTransformMode::AlwaysInPlace;
    // Buffers, pools and allocation are those of the neighbours; only pictures with plates are made writable.
    const PASSTHROUGH_ON_SAME_CAPS: bool = true;
    const TRANSFORM_IP_ON_PASSTHROUGH: bool = false;

    fn stop(&self) -> Result<(), gst::ErrorMessage> {
        *lock(&self.info) = None;
        Ok(())
    }

    fn propose_allocation(
        &self,
        decide_query: Option<&gst::query::Allocation>,
        query: &mut gst::query::Allocation,
    ) -> Result<(), gst::LoggableError> {
        self.parent_propose_allocation(decide_query, query)?;
        element::without_crop(query);
        Ok(())
    }

    fn set_caps(&self, incaps: &gst::Caps, _outcaps: &gst::Caps) -> Result<(), gst::LoggableError> {
        let info =
            VideoInfo::from_caps(incaps).map_err(|_| gst::loggable_error!(CAT, "no raw video in the caps {incaps}"))?;
        *lock(&self.info) = Some(info);
        Ok(())
    }

    fn submit_input_buffer(
        &self,
        is_discont: bool,
        mut inbuf: gst::Buffer,
    ) -> Result<gst::FlowSuccess, gst::FlowError> {
        let info = lock(&self.info).clone();
        if let Some(info) = info
            && let Err(err) = self.draw(&mut inbuf, &info)
        {
            gst::warning!(CAT, imp = self, "nothing is drawn on the picture of {:?}: {err}", inbuf.pts());
        }
        self.parent_submit_input_buffer(is_discont, inbuf)
    }
}

impl AlprOverlay {
    fn draw(&self, buffer: &mut gst::Buffer, info: &VideoInfo) -> Result<(), glib::BoolError> {
        let settings = *lock(&self.settings);
        let drawn: Vec<VideoOverlayRectangle> = meta::read(buffer)
            .iter()
            .flat_map(|plate| sprites(plate, &settings, info.width(), info.height()))
            .map(rectangle)
            .collect::<Result<_, _>>()?;
        if drawn.is_empty() {
            return Ok(());
        }
        let composition = VideoOverlayComposition::new(&drawn)?;
        if !is_aligned(buffer, info)? {
            *buffer = realigned(buffer, info)?;
        }
        let mut frame = VideoFrameRef::from_buffer_ref_writable(buffer.make_mut(), info)?;
        composition.blend(&mut frame)
    }
}

/// Whether GStreamer's blending can work on the picture of `buffer`: its vector code crashes on others.
fn is_aligned(buffer: &gst::BufferRef, info: &VideoInfo) -> Result<bool, glib::BoolError> {
    let frame = VideoFrameRef::from_buffer_ref_readable(buffer, info)?;
    let strides = frame.plane_stride().iter().take(info.n_planes() as usize);
    for (plane, stride) in (0..).zip(strides) {
        let address = frame.plane_data(plane)?.as_ptr().addr();
        if !stride.unsigned_abs().is_multiple_of(ALIGNMENT) || !address.is_multiple_of(ALIGNMENT as usize) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// A copy of `buffer` whose picture has the usual strides.
fn realigned(buffer: &gst::BufferRef, info: &VideoInfo) -> Result<gst::Buffer, glib::BoolError> {
    let mut copy = gst::Buffer::with_size(info.size())?;
    let target = copy.make_mut();
    let metadata = gst::BufferCopyFlags::FLAGS | gst::BufferCopyFlags::TIMESTAMPS | gst::BufferCopyFlags::META;
    buffer.copy_into(target, metadata, ..)?;
    if let Some(meta) = target.meta_mut::<VideoMeta>() {
        meta.remove().map_err(|_| glib::bool_error!("the video meta cannot be replaced"))?;
    }
    let source = VideoFrameRef::from_buffer_ref_readable(buffer, info)?;
    let mut frame = VideoFrameRef::from_buffer_ref_writable(target, info)?;
    source.copy(&mut frame).map_err(|_| glib::bool_error!("the picture cannot be copied"))?;
    drop(frame);
    Ok(copy)
}

fn rectangle(sprite: Sprite) -> Result<VideoOverlayRectangle, glib::BoolError> {
    let Sprite { x, y, canvas } = sprite;
    let (width, height) = (canvas.width as u32, canvas.height as u32);
    let mut buffer = gst::Buffer::from_mut_slice(canvas.into_bytes());
    VideoMeta::add(buffer.make_mut(), VideoFrameFlags::empty(), FORMAT, width, height)?;
    Ok(VideoOverlayRectangle::new_raw(&buffer, x, y, width, height, VideoOverlayFormatFlags::empty()))
}
