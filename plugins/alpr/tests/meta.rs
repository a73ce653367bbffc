//! Plates survive on buffers, ours exactly, others' as far as they say something.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is how a test fails")]

use alpr_core::consensus::Consensus;
use alpr_core::event::Vehicle;
use alpr_core::geometry::{Point, Quad, Rect};
use alpr_core::reader::{Alphabet, Lattice, Reading, RegionGuess};
use alpr_nvds::handmade::{self, Frame, Layout, Object};
use alpr_nvds::layout::Bbox;
use gst_video::VideoRegionOfInterestMeta as Roi;
use gstalpr::meta::{self, PictureId, PlateMeta};

fn buffer() -> gst::Buffer {
    gst::init().unwrap();
    gst::Buffer::with_size(16).unwrap()
}

/// Probabilities with every kind of awkward bit pattern: a round trip through text or half precision would show.
fn lattice(seed: u32) -> Lattice {
    let alphabet = Alphabet::new("0123456789ABCÄ京".chars());
    let mut state = seed;
    let probs = (0..16 * 7)
        .map(|i| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            if i == 3 { f32::MIN_POSITIVE / 8.0 } else { (state >> 8) as f32 / 16_777_216.0 }
        })
        .collect();
    Lattice { alphabet, probs }
}

fn full_plate() -> PlateMeta {
    let region = Some(RegionGuess { code: "DE".into(), confidence: 0.1 });
    PlateMeta {
        bbox: Rect::new(10.25, 20.5, 100.1, 30.3),
        corners: Some(Quad([
            Point::new(10.3, 21.7),
            Point::new(110.0, 20.5),
            Point::new(110.35, 49.9),
            Point::new(10.25, 50.8),
        ])),
        confidence: 0.9,
        label: "plate".into(),
        track_id: Some(7),
        predicted: true,
        quality: Some(0.3),
        reading: Some(Reading { text: "BÄ 123".into(), confidence: 0.7, lattice: lattice(1), region: region.clone() }),
        consensus: Some(Consensus {
            lattice: lattice(2),
            text: "BÄ 128".into(),
            confidence: 0.95,
            char_confidence: vec![0.1, 0.2, 1.0 / 3.0],
            alternatives: vec![("BA 128".into(), 0.01), ("8A 128".into(), 0.003)],
            reads: 12,
            agreeing: 9,
            region,
        }),
        sure: true,
        vehicle: Some(Vehicle {
            kind: Some("car".into()),
            make: Some("Acme".into()),
            model: None,
            color: Some("red".into()),
            bbox: Some(Rect::new(1.5, 2.5, 300.0, 200.0)),
            id: Some(u64::MAX),
        }),
        picture: Some(PictureId { source: 0, surface: 0 }),
        roi_id: None,
    }
}

/// `read` without the numbers of its carriers: whoever writes chooses them.
fn unnumbered(read: Vec<PlateMeta>) -> Vec<PlateMeta> {
    read.into_iter().map(|plate| PlateMeta { roi_id: None, ..plate }).collect()
}

#[test]
fn everything_survives_exactly() {
    let mut buffer = buffer();
    let plates = [full_plate(), PlateMeta { bbox: Rect::new(0.0, 0.0, 1.0, 1.0), ..PlateMeta::default() }];
    meta::write(buffer.make_mut(), &plates);
    let read = unnumbered(meta::read(&buffer));
    assert_eq!(read[1], plates[1]);
    let (a, b) = (read[0].confidence, plates[0].confidence);
    assert_eq!(a, b, "single precision confidence passes through double precision");
    assert_eq!(read[0], plates[0]);
}

#[test]
fn a_symbol_that_is_no_text_is_no_reason_to_stop() {
    let lattice = Lattice { alphabet: Alphabet::new("A\0".chars()), probs: vec![0.1, 0.8, 0.1] };
    let text: String = lattice.alphabet.symbols().iter().collect();
    let reading = Reading { text, confidence: 0.8, lattice, region: None };
    let mut buffer = buffer();
    let plate = PlateMeta { reading: Some(reading), ..PlateMeta::default() };
    meta::write(buffer.make_mut(), std::slice::from_ref(&plate));
    assert_eq!(unnumbered(meta::read(&buffer)), [plate]);
}

#[test]
fn a_copied_buffer_keeps_them() {
    let mut buffer = buffer();
    meta::write(buffer.make_mut(), &[full_plate()]);
    let copy = buffer.copy_deep().unwrap();
    drop(buffer);
    assert_eq!(unnumbered(meta::read(&copy)), [full_plate()]);
}

#[test]
fn writing_replaces_and_keeps_the_identity() {
    let mut buffer = buffer();
    meta::write(buffer.make_mut(), &[full_plate(), full_plate()]);
    let mut plates = meta::read(&buffer);
    plates.remove(0);
    plates[0].reading = None;
    plates[0].predicted = false;
    meta::write(buffer.make_mut(), &plates);
    assert_eq!(meta::read(&buffer), plates);
    meta::write(buffer.make_mut(), &[]);
    assert_eq!(buffer.iter_meta::<Roi>().count(), 0);
}

#[test]
fn carrier_speaks_the_common_form() {
    let mut buffer = buffer();
    meta::write(buffer.make_mut(), &[full_plate(), PlateMeta { track_id: Some(1 << 40), ..full_plate() }]);
    let rois: Vec<_> = buffer.iter_meta::<Roi>().collect();
    assert_eq!(rois[0].roi_type(), "license-plate");
    assert_eq!(rois[0].rect(), (10, 20, 101, 31), "whole pixels around the exact box");
    let detection = rois[0].param("detection").unwrap();
    assert!((detection.get::<f64>("confidence").unwrap() - 0.9).abs() < 1e-6);
    assert_eq!(detection.get::<&str>("label").unwrap(), "plate");
    assert_eq!(rois[0].param("object_id").unwrap().get::<i32>("id").unwrap(), 7);
    assert_eq!(meta::read(&buffer)[1].track_id, Some(1 << 40));
}

#[test]
fn plates_of_others_are_read_and_what_they_said_is_kept() {
    let mut buffer = buffer();
    {
        let buffer = buffer.make_mut();
        let mut car = Roi::add(buffer, "car", (1, 2, 300, 200));
        car.set_id(40);
        car.add_param(gst::Structure::builder("object_id").field("id", 5i32).build());
        car.add_param(
            gst::Structure::builder("classification").field("attribute_name", "color").field("label", "white").build(),
        );
        let mut plate = Roi::add(buffer, "license_plate", (10, 20, 100, 30));
        plate.set_id(41);
        plate.set_parent_id(40);
        plate.add_param(
            gst::Structure::builder("detection").field("confidence", 0.75f64).field("label_id", 3i32).build(),
        );
        plate.add_param(gst::Structure::builder("landmarks").field("format", "points").build());
    }
    let mut plates = meta::read(&buffer);
    let vehicle = Vehicle {
        kind: Some("car".into()),
        color: Some("white".into()),
        bbox: Some(Rect::new(1.0, 2.0, 300.0, 200.0)),
        id: Some(5),
        ..Vehicle::default()
    };
    let expected = PlateMeta {
        bbox: Rect::new(10.0, 20.0, 100.0, 30.0),
        confidence: 0.75,
        track_id: vehicle.id,
        vehicle: Some(vehicle),
        roi_id: Some(41),
        ..PlateMeta::default()
    };
    assert_eq!(plates, [expected]);
    plates[0].track_id = Some(1);
    meta::write(buffer.make_mut(), &plates);
    assert_eq!(meta::read(&buffer), plates);
    let roi = buffer.iter_meta::<Roi>().find(|roi| roi.roi_type() == "license-plate").unwrap();
    assert_eq!((roi.id(), roi.parent_id()), (41, 40));
    assert_eq!(roi.param("landmarks").unwrap().get::<&str>("format").unwrap(), "points");
    let regions = meta::regions(&buffer, "car");
    assert_eq!((regions.len(), regions[0].id, regions[0].vehicle.id), (1, 40, Some(5)));
    assert!(meta::regions(&buffer, "person").is_empty());
}

#[test]
fn regions_without_ids_are_told_apart_by_their_order() {
    let mut buffer = buffer();
    for x in [10, 200] {
        let mut roi = Roi::add(buffer.make_mut(), "license-plate", (x, 20, 100, 30));
        roi.add_param(gst::Structure::builder("mark").field("x", x).build());
    }
    let plates = meta::read(&buffer);
    meta::write(buffer.make_mut(), &plates);
    for roi in buffer.iter_meta::<Roi>() {
        assert_eq!(roi.param("mark").unwrap().get::<u32>("x").unwrap(), roi.rect().0);
    }
    assert_eq!(buffer.iter_meta::<Roi>().count(), 2);
}

#[test]
fn boxes_follow_a_scaled_picture() {
    let mut buffer = buffer();
    meta::write(buffer.make_mut(), &[full_plate()]);
    for mut roi in buffer.make_mut().iter_meta_mut::<Roi>() {
        let (x, y, w, h) = roi.rect();
        roi.set_rect((x / 2, y / 2, w / 2, h / 2));
    }
    let plate = &meta::read(&buffer)[0];
    assert!((plate.bbox.x - 5.125).abs() < 0.01 && (plate.bbox.w - 50.05).abs() < 1.0, "{:?}", plate.bbox);
    let corner = plate.corners.unwrap().0[2];
    assert!(corner.distance(Point::new(55.2, 24.95)) < 1.0, "{corner:?}");
}

#[test]
fn malformed_fields_are_left_out() {
    let mut buffer = buffer();
    {
        let mut roi = Roi::add(buffer.make_mut(), "license-plate", (1, 1, 4, 4));
        roi.add_param(gst::Structure::builder("detection").field("confidence", f64::NAN).build());
        roi.add_param(gst::Structure::builder("object_id").field("id", -1i32).build());
        let reading = gst::Structure::builder("reading")
            .field("text", "A")
            .field("confidence", 0.5f32)
            .field("alphabet", "AB")
            .field("probabilities", glib::Bytes::from_static(&[0u8; 5]))
            .build();
        roi.add_param(
            gst::Structure::builder("alpr-plate")
                .field("bbox", gst::Array::new([1.0f32, f32::NAN, 1.0, 1.0]))
                .field("corners", gst::Array::new(["a", "b"]))
                .field("reading", reading)
                .build(),
        );
    }
    let expected = PlateMeta { bbox: Rect::new(1.0, 1.0, 4.0, 4.0), roi_id: Some(0), ..PlateMeta::default() };
    assert_eq!(meta::read(&buffer), [expected]);
}

/// A car with a plate that only the car's tracker follows, and a plate with a track of its own.
const OBJECTS: [Object<'static>; 3] = [
    Object {
        label: "car",
        track: Some(u64::MAX - 1),
        confidence: 0.5,
        bbox: Bbox { left: 100.0, top: 200.0, width: 300.0, height: 200.0 },
        parent: None,
        classes: &[],
    },
    Object {
        label: "lpd",
        track: None,
        confidence: 0.75,
        bbox: Bbox { left: 200.0, top: 340.0, width: 80.0, height: 20.0 },
        parent: Some(0),
        classes: &[],
    },
    Object {
        label: "License_Plate",
        track: Some(9),
        confidence: -0.1,
        bbox: Bbox { left: 600.0, top: 40.0, width: 60.0, height: 16.0 },
        parent: None,
        classes: &[],
    },
];

fn muxed(pipeline_size: (u32, u32)) -> Frame<'static> {
    Frame { source: 3, source_size: (1920, 1080), pipeline_size, objects: &OBJECTS, ..Frame::default() }
}

#[test]
fn deepstreams_objects_are_read_in_every_layout() {
    for layout in Layout::ALL {
        let mut buffer = buffer();
        handmade::attach(buffer.make_mut(), layout, &[muxed((1280, 720)), Frame::default()]);
        let car = Vehicle {
            kind: Some("car".into()),
            bbox: Some(Rect::new(100.0, 200.0, 300.0, 200.0)),
            id: Some(u64::MAX - 1),
            ..Vehicle::default()
        };
        let followed = PlateMeta {
            bbox: Rect::new(200.0, 340.0, 80.0, 20.0),
            confidence: 0.75,
            label: "lpd".into(),
            track_id: car.id,
            vehicle: Some(car.clone()),
            ..PlateMeta::default()
        };
        let lone = PlateMeta {
            bbox: Rect::new(600.0, 40.0, 60.0, 16.0),
            label: "License_Plate".into(),
            track_id: Some(9),
            ..PlateMeta::default()
        };
        let mut plates = meta::read(&buffer);
        assert_eq!(plates, [followed, lone], "{layout:?}");
        let vehicles = |kind| meta::regions(&buffer, kind).into_iter().map(|r| r.vehicle).collect::<Vec<_>>();
        assert_eq!(vehicles(""), std::slice::from_ref(&car));
        assert_eq!((vehicles("car").len(), vehicles("bus").len()), (1, 0));

        // What is written stands in regions, and holds from then on.
        plates[1].quality = Some(0.5);
        meta::write(buffer.make_mut(), &plates);
        assert_eq!(unnumbered(meta::read(&buffer)), plates);
    }
}

#[test]
fn deepstreams_boxes_follow_the_picture() {
    gst::init().unwrap();
    let mut buffer = gst::Buffer::with_size(640 * 360 * 3 / 2).unwrap();
    handmade::attach(buffer.make_mut(), Layout::ALL[2], &[muxed((1280, 720))]);
    let (format, flags) = (gst_video::VideoFormat::Nv12, gst_video::VideoFrameFlags::empty());
    gst_video::VideoMeta::add(buffer.make_mut(), flags, format, 640, 360).unwrap();
    let plates = meta::read(&buffer);
    assert_eq!(plates[0].bbox, Rect::new(100.0, 170.0, 40.0, 10.0));
    assert_eq!(plates[0].vehicle.as_ref().unwrap().bbox, Some(Rect::new(50.0, 100.0, 150.0, 100.0)));
}

#[test]
fn an_unknown_layout_of_deepstream_gives_nothing() {
    let mut buffer = buffer();
    handmade::attach(buffer.make_mut(), Layout { object: 600, frame: 240, label: 392 }, &[muxed((1280, 720))]);
    assert!(meta::read(&buffer).is_empty() && meta::regions(&buffer, "").is_empty());
}
