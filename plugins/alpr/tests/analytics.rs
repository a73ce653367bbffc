//! Plates and vehicles in GstAnalytics metadata: what others wrote is read, and what is written is read back as an
//! application does it.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is how a test fails")]

mod common;

use alpr_core::consensus::Consensus;
use alpr_core::event::Vehicle;
use alpr_core::geometry::Rect;
use alpr_core::reader::{Alphabet, Lattice};
use alpr_nvds::handmade::{self, Frame, Layout};
use alpr_nvds::layout::Bbox;
use common::scene::{CAR, CONFIDENCE, by_followed_vehicles, by_regions, events, lines};
use common::{Painting, data, element, harness, onnxruntime, plates, video};
use glib::Quark;
use gst::prelude::*;
use gst_analytics::prelude::*;
use gst_analytics::{
    AnalyticsClassificationMtd as Class, AnalyticsODMtd as Object, AnalyticsRelationMeta as Relations,
    AnalyticsTrackingMtd as Tracking, RelTypes,
};
use gst_video::{VideoFormat, VideoRegionOfInterestMeta as Roi};
use gstalpr::meta::{self, PictureId, PlateMeta};

const WHITE: [u8; 3] = [255; 3];

/// What an application sees of an object.
#[derive(Debug, PartialEq)]
struct Seen {
    id: u32,
    kind: String,
    place: [i32; 4],
    tracks: Vec<u64>,
    /// The classes it contains, each the first of its entry.
    texts: Vec<String>,
    /// The objects that it is part of.
    part_of: Vec<u32>,
}

fn seen(buffer: &gst::BufferRef) -> Vec<Seen> {
    let Some(meta) = buffer.meta::<Relations>() else { return Vec::new() };
    let see = |object: gst_analytics::AnalyticsMtdRef<'_, Object>| {
        let (id, place) = (object.id(), object.location().unwrap());
        Seen {
            id,
            kind: object.obj_type().unwrap().as_str().to_string(),
            place: [place.x, place.y, place.w, place.h],
            tracks: meta
                .iter_direct_related::<Tracking>(id, RelTypes::RELATE_TO)
                .map(|tracking| tracking.info().0)
                .collect(),
            texts: meta
                .iter_direct_related::<Class>(id, RelTypes::CONTAIN)
                .map(|class| class.quark(0).as_str().to_string())
                .collect(),
            part_of: meta.iter_direct_related::<Object>(id, RelTypes::IS_PART_OF).map(|other| other.id()).collect(),
        }
    };
    meta.iter::<Object>().map(see).collect()
}

fn buffer() -> gst::Buffer {
    common::init();
    gst::Buffer::with_size(16).unwrap()
}

fn add_object(buffer: &mut gst::BufferRef, kind: &str, place: [u32; 4]) -> u32 {
    let [x, y, w, h] = place.map(|v| v as i32);
    Relations::add(buffer).add_od_mtd(Quark::from_str(kind), x, y, w, h, CONFIDENCE).unwrap().id()
}

fn add_track(buffer: &mut gst::BufferRef, object: u32, track: u64) -> u32 {
    let mut meta = Relations::add(buffer);
    let id = meta.add_tracking_mtd(track, gst::ClockTime::ZERO).unwrap().id();
    meta.set_relation(RelTypes::RELATE_TO, object, id).unwrap();
    id
}

fn add_class(buffer: &mut gst::BufferRef, object: u32, kind: RelTypes, labels: &[(&str, f32)]) {
    let mut meta = Relations::add(buffer);
    let (labels, levels): (Vec<Quark>, Vec<f32>) =
        labels.iter().map(|(label, level)| (Quark::from_str(*label), *level)).unzip();
    let id = meta.add_cls_mtd(&levels, &labels).unwrap().id();
    meta.set_relation(kind, object, id).unwrap();
}

fn relate(buffer: &mut gst::BufferRef, kind: RelTypes, from: u32, to: u32) {
    Relations::add(buffer).set_relation(kind, from, to).unwrap();
}

/// A followed car and its plate, in the order and with the relations that a producer chose: kind, from plate to car.
fn by_objects(relations: &[(RelTypes, bool)], plate_first: bool) -> impl Fn(&mut gst::BufferRef, u64, [[u32; 4]; 2]) {
    move |buffer, _, [car, plate]| {
        let first = plate_first.then(|| add_object(buffer, "License_Plate", plate));
        let car = add_object(buffer, "car", car);
        let plate = first.unwrap_or_else(|| add_object(buffer, "License_Plate", plate));
        add_track(buffer, car, CAR);
        for (kind, from_plate) in relations {
            let (from, to) = if *from_plate { (plate, car) } else { (car, plate) };
            relate(buffer, *kind, from, to);
        }
    }
}

#[test]
fn the_same_scene_gives_the_same_event() {
    let expected = lines("", by_regions);
    assert_eq!(expected.len(), 1);
    assert!(expected[0].contains("\"3097\"") && expected[0].contains("\"car\""), "{expected:?}");
    assert_eq!(lines("", by_followed_vehicles), expected, "the parent's track");
    for relations in [
        &[(RelTypes::IS_PART_OF, true), (RelTypes::CONTAIN, false)][..],
        &[(RelTypes::IS_PART_OF, true)],
        &[(RelTypes::CONTAIN, false)],
        &[(RelTypes::RELATE_TO, true)],
        &[(RelTypes::RELATE_TO, false)],
    ] {
        for plate_first in [false, true] {
            let line = lines("", by_objects(relations, plate_first));
            assert_eq!(line, expected, "{relations:?}, plate first: {plate_first}");
        }
    }
    let followed = |buffer: &mut gst::BufferRef, number: u64, places: [[u32; 4]; 2]| {
        by_objects(&[(RelTypes::IS_PART_OF, true)], false)(buffer, number, places);
        add_track(buffer, 1, CAR);
    };
    assert_eq!(lines("", followed), expected, "a track of its own");
}

#[test]
fn classifiers_say_what_the_vehicle_is() {
    let classified = |buffer: &mut gst::BufferRef, number: u64, places: [[u32; 4]; 2]| {
        by_objects(&[(RelTypes::CONTAIN, false)], false)(buffer, number, places);
        // a list of all classes without scores is no answer
        add_class(buffer, 0, RelTypes::RELATE_TO, &[("bus", 0.0), ("red", 0.0)]);
        add_class(buffer, 0, RelTypes::CONTAIN, &[("black", 0.2), ("white", 0.7)]);
        add_class(buffer, 0, RelTypes::CONTAIN, &[("Acme", 0.9)]);
        add_class(buffer, 0, RelTypes::CONTAIN, &[("Light Truck", 0.6)]);
    };
    let vehicle = events(classified).remove(0).vehicle;
    let told = (vehicle.kind.as_str(), vehicle.color.as_deref(), vehicle.make);
    assert_eq!(told, ("Light Truck", Some("white"), None));
}

#[test]
fn vehicles_without_a_plate_have_their_record() {
    let alone = |buffer: &mut gst::BufferRef, _: u64, [car, _]: [[u32; 4]; 2]| {
        let id = add_object(buffer, "car", car);
        add_track(buffer, id, CAR);
        add_object(buffer, "person", [0, 0, 20, 40]);
    };
    let records = lines("records=vehicles", alone);
    assert_eq!(records.len(), 1, "{records:?}");
    assert!(records[0].contains("\"vehicle\""), "{records:?}");
}

#[test]
fn regions_come_first_then_analytics_then_deepstream() {
    let places = || plates_and_regions(&mut |_| ());
    assert_eq!(places(), (vec![], vec![]));
    let by_deepstream = &mut |buffer: &mut gst::BufferRef| {
        let object = |label, left| handmade::Object {
            label,
            track: Some(1),
            confidence: 0.5,
            bbox: Bbox { left, top: 0.0, width: 10.0, height: 5.0 },
            ..handmade::Object::default()
        };
        let objects = [object("car", 30.0), object("lpd", 31.0)];
        let size = (640, 360);
        let frame = Frame { source_size: size, pipeline_size: size, objects: &objects, ..Frame::default() };
        handmade::attach(buffer, Layout::ALL[2], &[frame]);
    };
    assert_eq!(plates_and_regions(by_deepstream), (vec![31.0], vec![30.0]));
    let by_analytics = &mut |buffer: &mut gst::BufferRef| {
        by_deepstream(buffer);
        add_object(buffer, "car", [20, 0, 10, 5]);
        add_object(buffer, "lpd", [21, 0, 10, 5]);
    };
    assert_eq!(plates_and_regions(by_analytics), (vec![21.0], vec![20.0]));
    let by_regions = &mut |buffer: &mut gst::BufferRef| {
        by_analytics(buffer);
        Roi::add(buffer, "car", (10, 0, 10, 5));
        Roi::add(buffer, "lpd", (11, 0, 10, 5));
    };
    assert_eq!(plates_and_regions(by_regions), (vec![11.0], vec![10.0]));
}

/// Left edges of what is read from a buffer.
fn plates_and_regions(carry: &mut dyn FnMut(&mut gst::BufferRef)) -> (Vec<f32>, Vec<f32>) {
    let mut buffer = buffer();
    carry(buffer.make_mut());
    let plates = meta::read(&buffer).iter().map(|plate| plate.bbox.x).collect();
    (plates, meta::regions(&buffer, "").iter().map(|region| region.vehicle.bbox.unwrap().x).collect())
}

#[test]
fn objects_are_read_as_they_are() {
    let mut buffer = buffer();
    let b = buffer.make_mut();
    let person = add_object(b, "person", [0, 0, 500, 400]);
    let bus = add_object(b, "bus", [1, 2, 300, 200]);
    let plate = add_object(b, "Number Plate", [10, 20, 60, 30]);
    add_object(b, "lpd", [10, 20, 0, 30]);
    relate(b, RelTypes::RELATE_TO, person, plate);
    relate(b, RelTypes::CONTAIN, bus, plate);
    let lost = add_track(b, plate, 3);
    Relations::add(b).mtd_mut::<Tracking>(lost).unwrap().set_lost().unwrap();
    // DL Streamer names an object of another sensor so
    let other = add_track(b, bus, 8);
    relate(b, RelTypes::IS_PART_OF, bus, other);
    let vehicle =
        Vehicle { kind: Some("bus".into()), bbox: Some(Rect::new(1.0, 2.0, 300.0, 200.0)), ..Vehicle::default() };
    let expected = PlateMeta {
        bbox: Rect::new(10.0, 20.0, 60.0, 30.0),
        confidence: CONFIDENCE,
        label: "Number Plate".into(),
        track_id: Some(3),
        predicted: true,
        vehicle: Some(vehicle.clone()),
        ..PlateMeta::default()
    };
    assert_eq!(meta::read(&buffer), [expected], "one without area is none");
    let regions = meta::regions(&buffer, "bus");
    assert_eq!((regions.len(), &regions[0].class[..], &regions[0].vehicle), (1, "bus", &vehicle));
    assert_eq!(meta::regions(&buffer, "").len(), 2);
}

/// A running line of elements in the harness's `video/x-raw`.
fn chain(line: &str, info: &gst_video::VideoInfo) -> gst_check::Harness {
    let reader = format!(
        "alprocr name=reader onnxruntime-library={} model-file={} execution-provider=cpu threads=1 sure-confidence=0.8",
        onnxruntime().display(),
        data("level-reader.onnx")
    );
    let detector = format!(
        "alprdetect onnxruntime-library={} model-file={} execution-provider=cpu threads=1",
        onnxruntime().display(),
        data("bright-detector.onnx")
    );
    common::init();
    let line = line.replace("DETECT", &detector).replace("READ", &reader);
    let bin = gst::parse::bin_from_description(&line, true).unwrap();
    harness(bin.upcast_ref(), info)
}

/// The last of some frames in which a white plate moves, as it comes out of `line`.
fn last_frame(line: &str) -> gst::Buffer {
    let info = video(VideoFormat::Nv12, 256, 256);
    let mut harness = chain(line, &info);
    let frame = |number: u64| {
        let picture = Painting::new(256, 256).rect(20 + 4 * number as u32, 100, 64, 32, WHITE);
        harness.push_and_pull(picture.buffer(&info, number)).unwrap()
    };
    (0..30).map(frame).last().unwrap()
}

#[test]
fn applications_see_plates_tracks_and_texts() {
    let buffer = last_frame("DETECT ! READ");
    let plate = plates(&buffer).remove(0);
    assert!(plate.sure && plate.consensus.as_ref().unwrap().text == "9999", "{plate:?}");
    let objects = seen(&buffer);
    let [object] = objects.as_slice() else { panic!("{objects:?}") };
    let expected = Seen {
        id: object.id,
        kind: "license-plate".into(),
        place: [136, 100, 64, 32],
        tracks: vec![plate.track_id.unwrap()],
        texts: vec!["9999".into()],
        part_of: vec![],
    };
    assert_eq!(object, &expected);
    let meta = buffer.meta::<Relations>().unwrap();
    // the overlay of GStreamer looks here
    let class = meta.iter_direct_related::<Class>(object.id, RelTypes::RELATE_TO).next().unwrap();
    assert_eq!(class.level(0), plate.consensus.unwrap().confidence);
    assert_eq!(meta.relation(class.id(), object.id), RelTypes::IS_PART_OF);
    let regions: Vec<i32> = buffer.iter_meta::<Roi>().map(|roi| roi.id()).collect();
    assert_eq!(regions, [object.id as i32], "DL Streamer takes both for the same");
}

#[test]
fn who_reads_again_writes_no_second_object_or_text() {
    let once = seen(&last_frame("DETECT ! READ"));
    let twice = last_frame(
        "DETECT ! READ ! alprocr onnxruntime-library=LIB model-file=MODEL threads=1 sure-confidence=0.8"
            .replace("LIB", onnxruntime().to_str().unwrap())
            .replace("MODEL", &data("level-reader.onnx"))
            .as_str(),
    );
    assert_eq!(seen(&twice), once);
    assert_eq!(twice.meta::<Relations>().unwrap().len(), 3, "object, track, text");
}

#[test]
fn a_scaled_picture_keeps_one_object_for_a_plate() {
    let buffer = last_frame("DETECT ! videoscale ! video/x-raw,width=512,height=512 ! READ");
    let objects = seen(&buffer);
    let [object] = objects.as_slice() else { panic!("{objects:?}") };
    assert_eq!((object.place, object.texts.len(), object.tracks.len()), ([272, 200, 128, 64], 1, 1), "{object:?}");
    // a scaler keeps the region without its parameters
    let plate = plates(&buffer).remove(0);
    assert_eq!((plate.track_id, plate.confidence > 0.8, plate.sure), (Some(1), true, true), "{plate:?}");
}

#[test]
fn plates_of_others_get_their_text_where_they_are() {
    let info = video(VideoFormat::Nv12, 256, 256);
    let mut harness = chain("READ", &info);
    let mut objects = Vec::new();
    for number in 0..30 {
        let place = [20 + 4 * number as u32, 100, 64, 32];
        let [x, y, w, h] = place;
        let mut buffer = Painting::new(256, 256).digits(x, y, w, h, [5, 0, 5, 1]).buffer(&info, number);
        let b = buffer.get_mut().unwrap();
        let car = add_object(b, "car", [x - 10, 60, 100, 100]);
        let plate = add_object(b, "lpd", place);
        relate(b, RelTypes::IS_PART_OF, plate, car);
        add_track(b, plate, 12);
        objects = seen(&harness.push_and_pull(buffer).unwrap());
    }
    let [car, plate] = objects.as_slice() else { panic!("{objects:?}") };
    assert!(car.texts.is_empty() && car.tracks.is_empty(), "{car:?}");
    assert_eq!((plate.kind.as_str(), &plate.part_of[..]), ("lpd", &[car.id][..]));
    assert_eq!((&plate.tracks[..], &plate.texts[..]), (&[12][..], &["5051".to_owned()][..]));
}

#[test]
fn a_plate_is_part_of_the_vehicle_in_whose_region_it_was_found() {
    let info = video(VideoFormat::Rgba, 512, 512);
    let element = element("alprdetect", "bright-detector.onnx");
    element.set_property_from_str("inference-region", "roi-list");
    element.set_property("object-class", "car");
    let mut h = harness(&element, &info);
    // Two bright spots; only one lies in a car.
    let picture = Painting::new(512, 512).rect(40, 40, 32, 16, WHITE).rect(300, 350, 32, 16, WHITE);
    let mut buffer = picture.buffer(&info, 0);
    let b = buffer.get_mut().unwrap();
    add_object(b, "person", [0, 0, 128, 128]);
    let car = add_object(b, "car", [256, 256, 256, 256]);
    add_track(b, car, 9);
    let out = h.push_and_pull(buffer).unwrap();
    let found = plates(&out);
    let [plate] = found.as_slice() else { panic!("{found:?}") };
    let vehicle = plate.vehicle.as_ref().unwrap();
    assert_eq!((vehicle.kind.as_deref(), vehicle.id), (Some("car"), Some(9)));
    let objects = seen(&out);
    let plate = objects.iter().find(|object| object.kind == "license-plate").unwrap();
    assert_eq!((objects.len(), &plate.part_of[..]), (3, &[car][..]), "{objects:?}");
    assert_eq!(out.meta::<Relations>().unwrap().relation(car, plate.id), RelTypes::CONTAIN);
}

#[test]
fn what_is_not_found_again_is_no_plate() {
    let info = video(VideoFormat::Nv12, 256, 256);
    let mut h = chain("DETECT ! READ", &info);
    let mut buffer = Painting::new(256, 256).buffer(&info, 0);
    let id = add_object(buffer.get_mut().unwrap(), "lpd", [10, 10, 60, 30]);
    let out = h.push_and_pull(buffer).unwrap();
    assert!(plates(&out).is_empty() && meta::regions(&out, "").is_empty());
    let meta = out.meta::<Relations>().unwrap();
    let class = meta.iter_direct_related::<Class>(id, RelTypes::RELATE_TO).next().unwrap();
    assert_eq!(class.quark(0).as_str(), "unconfirmed");
}

/// A plate at `x` whose track reads `text`.
fn read(x: f32, text: &str, sure: bool) -> PlateMeta {
    let lattice = Lattice { alphabet: Alphabet::new("0".chars()), probs: vec![] };
    let consensus = Consensus {
        lattice,
        text: text.into(),
        confidence: 0.9,
        char_confidence: vec![],
        alternatives: vec![],
        reads: 5,
        agreeing: 5,
        region: None,
    };
    PlateMeta {
        bbox: Rect::new(x, 20.0, 60.0, 30.0),
        track_id: Some(4),
        consensus: Some(consensus),
        sure,
        ..PlateMeta::default()
    }
}

#[test]
fn misreads_never_become_quarks() {
    let mut buffer = buffer();
    let plates = [read(10.0, "M1SREAD", false), read(200.0, "SURE1", true)];
    assert_eq!(meta::write_with_texts(buffer.make_mut(), &plates, 1000), 0);
    let texts: Vec<Vec<String>> = seen(&buffer).into_iter().map(|object| object.texts).collect();
    assert_eq!(texts, [vec![], vec!["SURE1".to_owned()]]);
    assert_eq!(Quark::try_from_str("M1SREAD"), None);
}

#[test]
fn texts_have_a_limit() {
    let text = |text: &str, most: usize| {
        let mut buffer = buffer();
        let left_out = meta::write_with_texts(buffer.make_mut(), &[read(10.0, text, true)], most);
        (seen(&buffer).remove(0).texts, left_out)
    };
    assert_eq!(text("KNOWN1", 1000), (vec!["KNOWN1".to_owned()], 0));
    assert_eq!(text("NEW1", 1), (vec![], 1));
    assert_eq!(text("KNOWN1", 1), (vec!["KNOWN1".to_owned()], 0), "what is known costs nothing");
    assert_eq!(text("KNOWN1", 0), (vec![], 0), "none are wanted");
    assert_eq!(Quark::try_from_str("NEW1"), None);
    let buffer = last_frame("DETECT ! READ analytics-texts=0");
    assert!(plates(&buffer)[0].sure && seen(&buffer)[0].texts.is_empty());
}

#[test]
fn a_text_that_finds_no_room_is_told_once() {
    // what this process has already
    meta::write_with_texts(buffer().make_mut(), &[read(10.0, "FIRST1", true)], 1000);
    let info = video(VideoFormat::Nv12, 256, 256);
    let element = element("alprocr", "level-reader.onnx");
    element.set_property("sure-confidence", 0.8f32);
    element.set_property("analytics-texts", 1u32);
    let mut h = harness(&element, &info);
    let bus = gst::Bus::new();
    element.set_bus(Some(&bus));
    for number in 0..30 {
        let mut buffer = Painting::new(256, 256).digits(80, 100, 64, 32, [6, 1, 2, 8]).buffer(&info, number);
        let plate = PlateMeta { bbox: Rect::new(80.0, 100.0, 64.0, 32.0), ..read(80.0, "", false) };
        meta::write(buffer.get_mut().unwrap(), &[plate]);
        let out = h.push_and_pull(buffer).unwrap();
        assert!(seen(&out)[0].texts.is_empty());
    }
    let warnings = std::iter::from_fn(|| bus.pop_filtered(&[gst::MessageType::Warning])).collect::<Vec<_>>();
    let [warning] = warnings.as_slice() else { panic!("{warnings:?}") };
    let gst::MessageView::Warning(warning) = warning.view() else { unreachable!() };
    assert!(warning.error().to_string().contains("analytics-texts=1 "), "{}", warning.error());
    assert!(!warning.error().to_string().contains("6128"), "no plate in it");
}

#[test]
fn a_plate_has_one_track() {
    let mut buffer = buffer();
    meta::write(buffer.make_mut(), &[read(10.0, "", false)]);
    let mut plates = meta::read(&buffer);
    plates[0].track_id = Some(5);
    meta::write(buffer.make_mut(), &plates);
    let objects = seen(&buffer);
    assert_eq!((objects.len(), &objects[0].tracks[..]), (1, &[5][..]));
}

#[test]
fn a_region_keeps_its_number_where_an_object_has_the_same() {
    let mut buffer = buffer();
    let b = buffer.make_mut();
    add_object(b, "car", [0, 0, 300, 200]);
    Roi::add(b, "car", (0, 0, 300, 200)).set_id(1);
    meta::write(b, &[read(10.0, "", false)]);
    let ids: Vec<i32> = buffer.iter_meta::<Roi>().map(|roi| roi.id()).collect();
    assert_eq!(ids, [1, 2], "the plate's object is 1");
}

#[test]
fn pictures_of_a_batch_are_not_mixed_up() {
    let mut buffer = buffer();
    let plate = |source| PlateMeta { picture: Some(PictureId { source, surface: source }), ..read(10.0, "", false) };
    meta::write(buffer.make_mut(), &[plate(0), plate(1)]);
    assert!(seen(&buffer).is_empty());
    assert_eq!(buffer.iter_meta::<Roi>().count(), 2);
}
