//! What DeepStream's own elements get from ours: plates as objects, texts as answers of a classifier.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is how a test fails")]

mod common;

use alpr_nvds::handmade::{self, Frame, Layout, Object, Pixels, standin};
use alpr_nvds::layout::Bbox;
use alpr_nvds::{COMPONENT_ID, find};
use common::{Painting, data, harness, onnxruntime, video};
use gst::prelude::*;
use gst_check::Harness;
use gst_video::{VideoFormat, VideoFrameFlags, VideoInfo, VideoMeta, VideoRegionOfInterestMeta as Roi};
use gstalpr::meta;

const SIZE: (u32, u32) = (512, 256);

fn info() -> VideoInfo {
    video(VideoFormat::Gray8, SIZE.0, SIZE.1)
}

/// A running line of `elements` (their names, models and properties), and its bus.
fn line(elements: &[(&str, &str, &str)]) -> (Harness, gst::Bus) {
    common::init();
    let element = |(name, model, properties): &(&str, &str, &str)| {
        format!(
            "{name} onnxruntime-library={} model-file={} execution-provider=cpu threads=1 {properties}",
            onnxruntime().display(),
            data(model)
        )
    };
    let bin = gst::parse::bin_from_description(&elements.iter().map(element).collect::<Vec<_>>().join(" ! "), true);
    let bin = bin.unwrap();
    let harness = harness(bin.upcast_ref(), &info());
    let bus = gst::Bus::new();
    bin.iterate_elements().into_iter().for_each(|element| element.unwrap().set_bus(Some(&bus)));
    (harness, bus)
}

const DETECT: (&str, &str, &str) = ("alprdetect", "bright-detector.onnx", "");
const READ: (&str, &str, &str) = ("alprocr", "level-reader.onnx", "");

fn warnings(bus: &gst::Bus) -> Vec<String> {
    let warning = |message: gst::Message| match message.view() {
        gst::MessageView::Warning(warning) => Some(warning.error().to_string()),
        _ => None,
    };
    bus.iter().filter_map(warning).collect()
}

/// What an element beside ours sees of an object.
#[derive(Clone, Debug, PartialEq)]
struct Seen {
    label: String,
    component: i32,
    track: Option<u64>,
    is_part_of: Option<String>,
    license: Vec<String>,
    drawn: Option<String>,
}

/// The objects of every frame of `buffer`.
fn seen(buffer: &gst::BufferRef) -> Vec<Vec<Seen>> {
    let object = |object: alpr_nvds::Object<'_>| Seen {
        label: object.label().unwrap().to_owned(),
        component: object.component_id(),
        track: object.track_id(),
        is_part_of: object.parent().map(|parent| parent.label().unwrap().to_owned()),
        license: object
            .classifications()
            .map(|said| format!("{} {} by {}", said.kind.unwrap(), said.label, said.component_id))
            .collect(),
        drawn: handmade::display_text(&object),
    };
    find(buffer).unwrap().frames().map(|frame| frame.objects().map(object).collect()).collect()
}

fn bbox(x: f32, y: f32, w: f32, h: f32) -> Bbox {
    Bbox { left: x, top: y, width: w, height: h }
}

fn license(text: &str) -> Vec<String> {
    vec![format!("license {text} by {COMPONENT_ID}")]
}

#[test]
fn a_plate_of_nvinfer_gets_the_text_of_its_track() {
    for layout in Layout::ALL {
        let (mut h, bus) = line(&[READ]);
        let mut last = Vec::new();
        for number in 0..6 {
            let x = 50 + 8 * number as u32;
            // half of what was read at first is another text: the track's readings say together what is right
            let digits = if number == 1 { [1, 1, 1, 1] } else { [3, 0, 9, 7] };
            let mut buffer = Painting::new(SIZE.0, SIZE.1).digits(x, 100, 64, 32, digits).buffer(&info(), number);
            // the muxer's pixels are half as large
            let x = 2.0 * x as f32;
            let (car, plate) = (bbox(x - 80.0, 80.0, 320.0, 240.0), bbox(x, 200.0, 128.0, 64.0));
            let objects = [
                Object { label: "car", track: Some(7), confidence: 0.75, bbox: car, parent: None, classes: &[] },
                Object { label: "lpd", track: None, confidence: 0.75, bbox: plate, parent: Some(0), classes: &[] },
                Object { label: "lpd", track: Some(8), confidence: 0.1, bbox: car, parent: None, classes: &[] },
            ];
            let size = (2 * SIZE.0, 2 * SIZE.1);
            let frame = Frame { source_size: size, pipeline_size: size, objects: &objects, ..Frame::default() };
            let writable = buffer.get_mut().unwrap();
            VideoMeta::add(writable, VideoFrameFlags::empty(), VideoFormat::Gray8, SIZE.0, SIZE.1).unwrap();
            handmade::attach(writable, layout, &[frame]);
            last = seen(&h.push_and_pull(buffer).unwrap()).remove(0);
        }
        let plate = Seen {
            label: "lpd".to_owned(),
            component: 1,
            track: None,
            is_part_of: Some("car".to_owned()),
            license: license("3097"),
            drawn: Some("3097".to_owned()),
        };
        assert_eq!((last.len(), &last[1]), (3, &plate), "{layout:?}");
        assert_eq!((last[0].license.len(), &last[0].drawn), (0, &None), "{layout:?}");
        assert_eq!(warnings(&bus), [""; 0]);
        drop(h);
        assert_eq!(standin::faults().0, 0, "calls without the lock");
    }
}

/// A batch of two cameras on which the same car drives in opposite directions; its plate is all white, and reads 9999.
fn cameras(layout: Layout, number: u32) -> gst::Buffer {
    let places = [60 + 8 * number, 380 - 8 * number];
    let pixels = places.map(|x| {
        let picture = Painting::new(SIZE.0, SIZE.1).rect(x, 100, 64, 24, [255; 3]).buffer(&info(), number.into());
        Pixels { size: SIZE, color_format: 1, planes: vec![(picture.map_readable().unwrap().to_vec(), 512)] }
    });
    let mut buffer = handmade::surfaces(layout, 6, &pixels);
    let cars = places.map(|x| {
        let car = bbox(x as f32 - 40.0, 40.0, 160.0, 120.0);
        [Object { label: "car", track: Some(u64::from(x)), confidence: 0.75, bbox: car, parent: None, classes: &[] }]
    });
    let frame = |source, objects| Frame { source, source_size: SIZE, pipeline_size: SIZE, objects, ..Frame::default() };
    let writable = buffer.get_mut().unwrap();
    writable.set_pts(gst::ClockTime::from_mseconds(40 * u64::from(number)));
    handmade::attach(writable, layout, &[frame(4, &cars[0]), frame(9, &cars[1])]);
    buffer
}

fn take_surfaces(harness: &mut Harness) {
    let mut caps = info().to_caps().unwrap();
    caps.make_mut().set_features(0, Some(gst::CapsFeatures::new(["memory:NVMM"])));
    harness.set_src_caps(caps);
}

/// The object that `alprdetect` and `alprocr` leave of a plate.
fn ours(track: u64, text: Option<&str>) -> Seen {
    Seen {
        label: "license-plate".to_owned(),
        component: COMPONENT_ID,
        track: Some(track),
        is_part_of: Some("car".to_owned()),
        license: text.map(license).unwrap_or_default(),
        drawn: Some(text.unwrap_or("license-plate").to_owned()),
    }
}

#[test]
fn a_plate_of_alprdetect_becomes_one_object_of_its_frame_whoever_writes_it_again() {
    let roi_list = (DETECT.0, DETECT.1, "inference-region=roi-list object-class=car");
    for (elements, text) in [
        (&[roi_list][..], None),
        (&[roi_list, roi_list], None),
        (&[roi_list, READ], Some("9999")),
        (&[roi_list, READ, READ], Some("9999")),
    ] {
        for layout in Layout::ALL {
            let (mut h, bus) = line(elements);
            take_surfaces(&mut h);
            let mut out = gst::Buffer::new();
            for number in 0..5 {
                out = h.push_and_pull(cameras(layout, number)).unwrap();
            }
            for again in 0..2 {
                for (objects, view) in seen(&out).iter().zip(meta::views(&out)) {
                    let plates = meta::plates(&out, view);
                    assert_eq!((objects.len(), &objects[1]), (2, &ours(1, text)), "{layout:?} {again} {elements:?}");
                    assert_eq!((plates.len(), plates[0].track_id), (1, Some(1)), "{layout:?} {again}");
                }
                // as behind a tee whose branches meet again
                out = h.push_and_pull(out).unwrap();
            }
            assert_eq!(warnings(&bus), [""; 0]);
        }
    }
    assert_eq!(standin::faults().0, 0, "calls without the lock");
}

/// Takes the regions of interest away, as some of DeepStream's elements do.
fn without_regions(buffer: &mut gst::Buffer) {
    buffer.make_mut().foreach_meta_mut(|mut meta| {
        let is_roi = meta.downcast_ref::<Roi>().is_some();
        let action = if is_roi {
            gst::buffer::BufferMetaForeachAction::Remove
        } else {
            gst::buffer::BufferMetaForeachAction::Keep
        };
        std::ops::ControlFlow::Continue(action)
    });
}

#[test]
fn objects_of_ours_are_read_where_regions_got_lost() {
    for layout in Layout::ALL {
        let (mut h, _) = line(&[(DETECT.0, DETECT.1, "inference-region=roi-list interval=1")]);
        take_surfaces(&mut h);
        let mut predicted = Vec::new();
        for number in 0..6 {
            let mut out = h.push_and_pull(cameras(layout, number)).unwrap();
            let views = meta::views(&out);
            let told: Vec<_> = views.iter().flat_map(|view| meta::plates(&out, *view)).collect();
            without_regions(&mut out);
            let read: Vec<_> = views.iter().flat_map(|view| meta::plates(&out, *view)).collect();
            assert_eq!((told.len(), read.len()), (2, 2), "{number}");
            for (told, read) in told.iter().zip(&read) {
                assert_eq!((read.track_id, read.predicted), (told.track_id, told.predicted), "{number}");
                assert!(read.bbox.iou(&told.bbox) > 0.99, "{read:?} {told:?}");
                let kinds = [told, read].map(|plate| plate.vehicle.as_ref().and_then(|v| v.kind.clone()));
                assert!(told.predicted || kinds == [Some("car".to_owned()), Some("car".to_owned())], "{kinds:?}");
            }
            predicted.push(read[0].predicted);
        }
        assert_eq!(predicted, [false, true, false, true, false, true], "a tracker's guess is no find");
    }
}

#[test]
fn nothing_is_written_when_it_is_turned_off() {
    let off = "output-object-meta=false";
    let (mut h, bus) = line(&[(DETECT.0, DETECT.1, off), (READ.0, READ.1, off)]);
    take_surfaces(&mut h);
    let mut out = gst::Buffer::new();
    for number in 0..5 {
        out = h.push_and_pull(cameras(Layout::ALL[2], number)).unwrap();
    }
    let objects = seen(&out);
    assert!(objects.iter().all(|objects| objects.len() == 1 && objects[0].license.is_empty()), "{objects:?}");
    let views = meta::views(&out);
    let texts = views.iter().map(|view| meta::plates(&out, *view)[0].consensus.as_ref().unwrap().text.clone());
    assert_eq!(texts.collect::<Vec<_>>(), ["9999", "9999"], "our own elements know all the same");
    assert_eq!(warnings(&bus), [""; 0]);
}

#[test]
fn a_version_that_is_not_known_is_left_alone_and_told_once() {
    let (mut h, bus) = line(&[DETECT, READ]);
    for number in 0..5 {
        let mut buffer = Painting::new(SIZE.0, SIZE.1).rect(60, 100, 64, 24, [255; 3]).buffer(&info(), number);
        let layout = Layout { object: 600, frame: 240, label: 392 };
        let frame = Frame { source_size: SIZE, pipeline_size: SIZE, ..Frame::default() };
        handmade::attach(buffer.get_mut().unwrap(), layout, &[frame]);
        let out = h.push_and_pull(buffer).unwrap();
        assert_eq!(meta::read(&out).len(), 1);
        assert_eq!(find(&out).unwrap().frames().next().unwrap().objects().count(), 0);
    }
    let warnings = warnings(&bus);
    let told = warnings.iter().filter(|text| text.contains("no version of DeepStream") && text.contains("nvdsosd"));
    assert_eq!((warnings.len(), told.count()), (2, 2), "one of each element: {warnings:?}");
}
