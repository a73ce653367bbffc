//! Batches built by hand, as DeepStream lays them out, are found on buffers and read.

#![allow(
    unsafe_code,
    clippy::unwrap_used,
    reason = "bends a list as a broken element would; a failed unwrap is a failed test"
)]

use std::ptr::null_mut;

use alpr_nvds::handmade::{self, Frame, Layout, Object, Pixels};
use alpr_nvds::layout::{BATCH_GST_META, BatchMeta, Bbox};
use alpr_nvds::{SurfaceError, Surfaces, Version, find};

const BOX: Bbox = Bbox { left: 10.5, top: 20.5, width: 100.0, height: 30.0 };
const OBJECTS: [Object<'static>; 2] = [
    Object { label: "car", track: Some(7), confidence: 0.75, bbox: BOX, parent: None, classes: &[] },
    Object { label: "lpd", track: None, confidence: 0.75, bbox: BOX, parent: Some(0), classes: &[] },
];
/// The first frame has a car and its plate.
const FRAMES: [Frame<'static>; 2] = [
    Frame {
        source: 3,
        number: 100,
        pts: 40_000_000,
        ntp: 0,
        source_size: (1920, 1080),
        pipeline_size: (1280, 720),
        objects: &OBJECTS,
    },
    Frame {
        source: 4,
        number: 101,
        pts: 40_000_000,
        ntp: 1_700_000_000_000_000_000,
        source_size: (1920, 1080),
        pipeline_size: (0, 0),
        objects: &[],
    },
];

fn buffer() -> gst::Buffer {
    gst::init().unwrap();
    gst::Buffer::new()
}

#[test]
fn every_version_is_read() {
    for (layout, version) in Layout::ALL.into_iter().zip([Version::V6, Version::V8, Version::V9]) {
        let mut buffer = buffer();
        handmade::attach(buffer.make_mut(), layout, &FRAMES);
        let batch = find(&buffer).unwrap();
        assert_eq!(batch.version(), version);
        let frames: Vec<_> = batch.frames().collect();
        assert_eq!(
            frames.iter().map(|f| (f.source_id(), f.batch_id(), f.frame_number())).collect::<Vec<_>>(),
            [(3, 0, 100), (4, 1, 101)]
        );
        assert_eq!(frames[0].pts(), Some(gst::ClockTime::from_mseconds(40)));
        assert_eq!((frames[0].ntp_timestamp(), frames[1].ntp_timestamp()), (None, Some(1_700_000_000_000_000_000)));
        assert_eq!((frames[0].pipeline_size(), frames[0].source_size()), ((1280, 720), (1920, 1080)));
        assert_eq!(frames[1].pipeline_size(), (1920, 1080));
        let objects: Vec<_> = frames[0].objects().collect();
        assert_eq!(objects.iter().map(|o| o.label()).collect::<Vec<_>>(), [Some("car"), Some("lpd")]);
        let plate = &objects[1];
        assert_eq!((plate.track_id(), plate.parent().unwrap().track_id()), (None, Some(7)));
        assert_eq!((plate.component_id(), plate.class_id(), plate.confidence()), (1, 2, Some(0.75)));
        assert_eq!(plate.bbox(), BOX);
        assert_eq!(frames[1].objects().count(), 0);
    }
}

#[test]
fn an_unknown_version_gives_what_all_have_in_common() {
    let mut buffer = buffer();
    handmade::attach(buffer.make_mut(), Layout { object: 600, frame: 240, label: 392 }, &FRAMES);
    let batch = find(&buffer).unwrap();
    assert_eq!(batch.version(), Version::Unknown);
    let object = batch.frames().next().unwrap().objects().next().unwrap();
    assert_eq!((object.track_id(), object.bbox().left, object.label()), (Some(7), 10.5, None));
}

#[test]
fn other_metadata_is_passed_over() {
    let data = handmade::batch(Layout::ALL[2], &FRAMES);
    let mut buffer = buffer();
    assert!(find(&buffer).is_none(), "a buffer of anyone");
    handmade::attach_as(buffer.make_mut(), data, 8192);
    handmade::attach_as(buffer.make_mut(), null_mut(), BATCH_GST_META);
    assert!(find(&buffer).is_none(), "DeepStream's, and no batch");
    handmade::attach_as(buffer.make_mut(), data, BATCH_GST_META);
    assert_eq!(find(&buffer).unwrap().frames().count(), 2);
}

#[test]
fn counts_bound_the_lists() {
    let data = handmade::batch(Layout::ALL[2], &FRAMES);
    // SAFETY: a batch made by hand begins with these members and is never freed.
    let first = unsafe { (*data.cast::<BatchMeta>()).frame_meta_list };
    // SAFETY: the list has two links, as the batch has two frames.
    let last = unsafe { (*first).next };
    // The list goes round in a circle; the batch says that there are two frames.
    // SAFETY: as above.
    unsafe { (*last).next = first };
    let mut buffer = buffer();
    handmade::attach_as(buffer.make_mut(), data, BATCH_GST_META);
    assert_eq!(find(&buffer).unwrap().frames().count(), 2);
}

/// Grey pictures of 4x2 pixels with two bytes beside each row: all pixels of the picture of index n are n + 1.
fn pictures(n: u8) -> Vec<Pixels> {
    let grey = |level| Pixels { size: (4, 2), color_format: 1, planes: vec![(vec![level; 12], 6)] };
    (1..=n).map(grey).collect()
}

fn nvmm() -> gst::Caps {
    gst::init().unwrap();
    gst::Caps::builder("video/x-raw").features(["memory:NVMM"]).build()
}

#[test]
fn every_picture_of_a_batch_is_found() {
    let caps = nvmm();
    for layout in Layout::ALL {
        for readable in [1, 3, 6] {
            let mut buffer = handmade::surfaces(layout, readable, &pictures(2));
            handmade::attach(buffer.get_mut().unwrap(), layout, &FRAMES);
            let find = |index| Surfaces::map(&buffer, &caps).and_then(|surfaces| surfaces.into_surface(index));
            for index in [0, 1] {
                let surface = find(index).unwrap();
                assert_eq!((surface.size(), surface.format()), ((4, 2), Some("GRAY8")));
                assert_eq!(surface.planes().unwrap(), [([index as u8 + 1; 12].as_slice(), 6)], "{layout:?}");
            }
            assert_eq!(find(2).err(), Some(SurfaceError::Missing(2)));
        }
    }
}

#[test]
fn pictures_that_cannot_be_read_are_refused() {
    let caps = nvmm();
    let layout = Layout::ALL[2];
    let refused = |buffer: &gst::BufferRef, index| {
        Surfaces::map(buffer, &caps).and_then(|surfaces| surfaces.into_surface(index).map(|_| ())).unwrap_err()
    };
    for gpu in [0, 2, 7] {
        assert_eq!(refused(&handmade::surfaces(layout, gpu, &pictures(1)), 0), SurfaceError::Memory(gpu));
    }
    for jetson in [4, 5] {
        let refused = refused(&handmade::surfaces(layout, jetson, &pictures(1)), 0);
        let SurfaceError::Mapping(said) = &refused else { panic!("{refused:?}") };
        assert!(
            said.starts_with("libnvbufsurface.so: ") && said.contains("/tegra/"),
            "without NVIDIA's library: {said}"
        );
    }
    let no_batch = handmade::surfaces(layout, 6, &pictures(2));
    assert_eq!(refused(&no_batch, 1), SurfaceError::Unknown, "nothing tells the size of an entry");
    let mut long = pictures(1);
    long[0].planes.push((vec![0; 6], 6));
    let mut buffer = handmade::surfaces(layout, 6, &long);
    // the list says that the memory is 12 bytes long
    let map = buffer.map_readable().unwrap();
    let list = usize::from_ne_bytes(map[24..32].try_into().unwrap());
    drop(map);
    // SAFETY: the list of a batch made by hand is never freed, and nobody reads it meanwhile.
    unsafe { std::ptr::with_exposed_provenance_mut::<u8>(list + 32).cast::<u32>().write(12) };
    assert_eq!(refused(&buffer, 0), SurfaceError::Plane(1));
    for pixels in [vec![0; 8], vec![0xff; 64]] {
        buffer = gst::Buffer::from_slice(pixels);
        assert!(matches!(refused(&buffer, 0), SurfaceError::NoSurface(_)));
    }
    let plain = gst::Caps::builder("video/x-raw").build();
    assert!(Surfaces::map(&no_batch, &plain).is_err(), "the caps promise pixels");
}
