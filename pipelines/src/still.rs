//! Single pictures from files: JPEG, PNG, WebP by the `image` crate, AVIF by GStreamer's AV1 decoder.

use gst::prelude::*;
use gst_video::prelude::*;
use std::path::Path;

/// A picture as rows of RGB bytes without padding.
#[derive(Clone, Debug, PartialEq)]
pub struct Still {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// `width` × `height` × 3 bytes.
    pub rgb: Vec<u8>,
}

/// AV1 decoders by preference.
const AV1_DECODERS: [&str; 3] = ["dav1ddec", "av1dec", "avdec_av1"];

/// Reads a picture.
///
/// # Errors
/// A sentence that names the file and what is wrong with it or missing here.
pub fn read(path: &Path) -> Result<Still, String> {
    let name = path.display();
    let bytes = std::fs::read(path).map_err(|e| format!("cannot read {name}: {e}"))?;
    if bytes.get(4..8) == Some(b"ftyp") {
        return read_avif(&bytes).map_err(|e| format!("cannot decode {name}: {e}"));
    }
    let picture = image::load_from_memory(&bytes).map_err(|e| format!("cannot decode {name}: {e}"))?.into_rgb8();
    let (width, height) = picture.dimensions();
    Ok(Still { width, height, rgb: picture.into_raw() })
}

fn read_avif(bytes: &[u8]) -> Result<Still, String> {
    let avif = avif_parse::read_avif(&mut &bytes[..]).map_err(|e| e.to_string())?;
    let info = avif.primary_item_metadata().map_err(|e| e.to_string())?;
    let decoder = AV1_DECODERS
        .into_iter()
        .find(|name| gst::ElementFactory::find(name).is_some())
        .ok_or("no AV1 decoder here: install gstreamer1.0-plugins-bad (av1dec)")?;
    let (width, height) = (info.max_frame_width.get(), info.max_frame_height.get());
    let description = format!(
        "appsrc name=in caps=video/x-av1,stream-format=obu-stream,alignment=tu,width={width},height={height},\
         framerate=0/1 ! {decoder} ! videoconvert ! video/x-raw,format=RGB ! appsink name=out sync=false"
    );
    let pipeline = gst::parse::launch(&description)
        .map_err(|e| e.to_string())?
        .downcast::<gst::Pipeline>()
        .map_err(|_| "no pipeline")?;
    let source = pipeline.by_name("in").and_downcast::<gst_app::AppSrc>().ok_or("no appsrc")?;
    let sink = pipeline.by_name("out").and_downcast::<gst_app::AppSink>().ok_or("no appsink")?;
    pipeline.set_state(gst::State::Playing).map_err(|e| e.to_string())?;
    let mut buffer = gst::Buffer::from_slice(avif.primary_item.to_vec());
    if let Some(buffer) = buffer.get_mut() {
        buffer.set_pts(gst::ClockTime::ZERO);
    }
    let pushed = source.push_buffer(buffer).and_then(|_| source.end_of_stream());
    let sample = sink.try_pull_sample(gst::ClockTime::from_seconds(20));
    let _ = pipeline.set_state(gst::State::Null);
    pushed.map_err(|e| e.to_string())?;
    unpadded(&sample.ok_or_else(|| format!("{decoder} gave no picture"))?)
}

/// The picture of a sample of format RGB.
fn unpadded(sample: &gst::Sample) -> Result<Still, String> {
    let info = sample.caps().and_then(|c| gst_video::VideoInfo::from_caps(c).ok()).ok_or("a picture without caps")?;
    let buffer = sample.buffer().ok_or("a sample without a picture")?;
    let frame = gst_video::VideoFrameRef::from_buffer_ref_readable(buffer, &info).map_err(|e| e.to_string())?;
    let (width, height) = (info.width(), info.height());
    let (data, stride) = (frame.plane_data(0).map_err(|e| e.to_string())?, frame.plane_stride()[0] as usize);
    let row = width as usize * 3;
    let rgb = data.chunks(stride).take(height as usize).flat_map(|line| &line[..row]).copied().collect();
    Ok(Still { width, height, rgb })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_no_picture_is_named() {
        let path = std::env::temp_dir().join(format!("alpr-still-{}.avif", std::process::id()));
        std::fs::write(&path, b"\0\0\0\x20ftypavif and nothing else").unwrap();
        let error = read(&path).unwrap_err();
        assert!(error.contains("cannot decode") && error.contains("alpr-still"), "{error}");
        std::fs::remove_file(&path).unwrap();
        assert!(read(&path).unwrap_err().contains("cannot read"));
    }
}
