//! What is written into a batch is what NVIDIA's elements read there, in the memory that they free.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is how a test fails")]

use std::sync::{Mutex, MutexGuard, PoisonError};

use alpr_nvds::handmade::{self, Class, Frame, Layout, Object, standin};
use alpr_nvds::layout::Bbox;
use alpr_nvds::{COMPONENT_ID, Classification, LICENSE, NewObject, Version, WriteError, Writer, find};

const CAR: Bbox = Bbox { left: 100.0, top: 100.0, width: 200.0, height: 150.0 };
const PLATE: Bbox = Bbox { left: 150.0, top: 200.0, width: 80.0, height: 20.0 };
const OBJECTS: [Object<'static>; 2] = [
    Object {
        label: "car",
        track: Some(7),
        confidence: 0.75,
        bbox: CAR,
        parent: None,
        classes: &[
            Class { kind: Some("carcolor"), label: "black", probability: 0.75 },
            Class { kind: None, label: "?", probability: 0.5 },
        ],
    },
    Object { label: "lpd", track: None, confidence: 0.75, bbox: PLATE, parent: Some(0), classes: &[] },
];

/// Tests that count what the stand-in saw run one after the other.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn buffer(layout: Layout) -> gst::Buffer {
    gst::init().unwrap();
    let frame = Frame { source_size: (640, 480), pipeline_size: (640, 480), objects: &OBJECTS, ..Frame::default() };
    let mut buffer = gst::Buffer::new();
    let frames = [frame, Frame { source: 1, objects: &[], ..frame }];
    handmade::attach(buffer.make_mut(), layout, &frames);
    buffer
}

/// Bytes of the object of `index` on the first frame of `buffer`, as a test of the layout sees them.
fn bytes<const N: usize>(buffer: &gst::BufferRef, index: usize, offset: usize) -> [u8; N] {
    let object = find(buffer).unwrap().frames().next().unwrap().objects().nth(index).unwrap();
    handmade::bytes(&object, offset)
}

fn u32_at(buffer: &gst::BufferRef, index: usize, offset: usize) -> u32 {
    u32::from_ne_bytes(bytes(buffer, index, offset))
}

/// The text that is drawn for the object of `index` on the first frame.
fn drawn(buffer: &gst::BufferRef, index: usize) -> Option<String> {
    let object = find(buffer).unwrap().frames().next().unwrap().objects().nth(index).unwrap();
    handmade::display_text(&object)
}

#[test]
fn an_object_is_added_as_nvinfer_adds_one() {
    let _alone = alone();
    for layout in Layout::ALL {
        let mut buffer = buffer(layout);
        let writer = Writer::new(buffer.make_mut()).unwrap().unwrap();
        let frame = writer.frames().next().unwrap();
        let car = frame.objects().next().unwrap();
        let found = Bbox { left: -2.0, top: 5.0, width: 42.0, height: 12.0 };
        let shown = Bbox { left: 0.0, top: 5.0, width: 40.0, height: 12.0 };
        let new = NewObject { label: "license-plate", track: Some(3), confidence: 0.5, predicted: false, found, shown };
        let made = writer.add(&frame, &new, Some(&car)).unwrap();
        let expected = NewObject { predicted: true, ..new };
        writer.add(&writer.frames().nth(1).unwrap(), &expected, None).unwrap();
        assert_eq!((made.component_id(), made.class_id(), made.track_id()), (COMPONENT_ID, 0, Some(3)));
        drop(writer);
        let frames: Vec<_> = find(&buffer).unwrap().frames().collect();
        let objects: Vec<_> = frames[0].objects().collect();
        assert_eq!(objects.len(), 3, "{layout:?}");
        let plate = objects[2];
        assert_eq!((plate.label(), plate.confidence(), plate.bbox()), (Some("license-plate"), Some(0.5), shown));
        assert_eq!(plate.parent().unwrap().key(), objects[0].key());
        assert_eq!(drawn(&buffer, 2).as_deref(), Some("license-plate"));
        let boxes = [64, 80].map(|at| f32::from_ne_bytes(bytes(&buffer, 2, at)));
        assert_eq!(boxes, [-2.0, -2.0], "as found, and as tracked");
        assert_eq!(u32_at(&buffer, 2, 104 + 16), 3, "a border that is seen");
        assert_eq!(f64::from_ne_bytes(bytes(&buffer, 2, 104 + 24 + 24)), 1.0, "opaque");
        let text = layout.label - 104;
        assert_eq!((u32_at(&buffer, 2, text + 8), u32_at(&buffer, 2, text + 12)), (0, 0), "above, and inside");
        assert_eq!((u32_at(&buffer, 2, text + 24), u32_at(&buffer, 2, text + 64)), (11, 1), "font and background");
        let predicted = frames[1].objects().next().unwrap();
        assert_eq!((predicted.confidence(), predicted.track_id()), (None, Some(3)));
        drop(buffer);
        assert_eq!(standin::faults(), (0, 0));
    }
}

#[test]
fn a_text_is_a_classifiers_answer_and_what_is_drawn() {
    let _alone = alone();
    for layout in Layout::ALL {
        let mut buffer = buffer(layout);
        let long = "ÄÖÜ".repeat(40);
        for (text, probability) in [("AB 123", 0.25), (long.as_str(), 0.5), ("AB 1234", 0.75)] {
            let writer = Writer::new(buffer.make_mut()).unwrap().unwrap();
            let plate = writer.frames().next().unwrap().objects().nth(1).unwrap();
            writer.set_license(&plate, text, probability).unwrap();
            drop(writer);
            let plate = find(&buffer).unwrap().frames().next().unwrap().objects().nth(1).unwrap();
            let license =
                Classification { component_id: COMPONENT_ID, kind: Some("license"), label: text, probability };
            assert_eq!(plate.classifications().collect::<Vec<_>>(), [license], "one, in place of the one before");
            assert_eq!(drawn(&buffer, 1).as_deref(), Some(text));
        }
        assert_eq!(LICENSE, "license");
        assert_eq!(u32_at(&buffer, 1, layout.label - 104 + 8), 150, "where nothing was set, above the plate");
        drop(buffer);
        assert_eq!(standin::faults(), (0, 0));
    }
}

#[test]
fn what_others_set_stays() {
    let _alone = alone();
    let mut buffer = buffer(Layout::ALL[1]);
    {
        let writer = Writer::new(buffer.make_mut()).unwrap().unwrap();
        let car = writer.frames().next().unwrap().objects().next().unwrap();
        writer.set_license(&car, "AB 123", 0.5).unwrap();
    }
    let car = find(&buffer).unwrap().frames().next().unwrap().objects().next().unwrap();
    let said: Vec<_> = car.classifications().map(|c| (c.kind, c.label, c.probability)).collect();
    assert_eq!(said, [(Some("carcolor"), "black", 0.75), (None, "?", 0.5), (Some("license"), "AB 123", 0.5)]);
    assert_eq!((car.label(), car.bbox(), car.track_id(), car.component_id()), (Some("car"), CAR, Some(7), 1));
}

#[test]
fn our_objects_go_when_they_are_not_kept_and_nothing_is_part_of_them() {
    let _alone = alone();
    let mut buffer = buffer(Layout::ALL[2]);
    {
        let mut writer = Writer::new(buffer.make_mut()).unwrap().unwrap();
        let mut kept = Vec::new();
        {
            let frame = writer.frames().next().unwrap();
            let add = |track, parent| {
                let new = NewObject { label: "license-plate", track: Some(track), ..NewObject::default() };
                writer.add(&frame, &new, parent).unwrap()
            };
            let (first, second, third) = (add(1, None), add(2, None), add(3, None));
            writer.set_license(&first, "GONE 1", 0.5).unwrap();
            kept.push(second.key());
            // somebody found something on the third
            add(4, Some(&third));
            kept.push(frame.objects().last().unwrap().key());
        }
        writer.retain(&kept);
    }
    let tracks: Vec<_> =
        find(&buffer).unwrap().frames().next().unwrap().objects().map(|object| object.track_id()).collect();
    assert_eq!(tracks, [Some(7), None, Some(2), Some(3), Some(4)]);
    drop(buffer);
    assert_eq!(standin::faults(), (0, 0));
}

#[test]
fn a_pool_without_anything_left_is_told() {
    let _alone = alone();
    let mut buffer = buffer(Layout::ALL[0]);
    let writer = Writer::new(buffer.make_mut()).unwrap().unwrap();
    let frame = writer.frames().next().unwrap();
    let plate = frame.objects().nth(1).unwrap();
    for left in [0, 1] {
        standin::leave(left);
        assert_eq!(writer.set_license(&plate, "AB 123", 0.5), Err(WriteError::Empty), "{left}");
    }
    assert_eq!(writer.add(&frame, &NewObject::default(), None).err(), Some(WriteError::Empty));
    standin::leave(i32::MAX);
    assert_eq!(plate.classifications().count(), 0, "nothing half done");
    drop(writer);
    drop(buffer);
    assert_eq!(standin::faults(), (0, 0));
}

#[test]
fn an_unknown_version_is_not_written_to() {
    let _alone = alone();
    let mut unknown = buffer(Layout { object: 600, frame: 240, label: 392 });
    assert_eq!(find(&unknown).unwrap().version(), Version::Unknown);
    assert_eq!(Writer::new(unknown.make_mut()).err(), Some(WriteError::Version));
    let mut plain = gst::Buffer::new();
    assert!(Writer::new(plain.make_mut()).unwrap().is_none(), "no batch, no complaint");
}
