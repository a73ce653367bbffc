//! `alproverlay` draws where the plate is, in every format, and nowhere else.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is how a test fails")]

mod common;

use alpr_core::consensus::Consensus;
use alpr_core::geometry::{Quad, Rect};
use alpr_core::reader::{Alphabet, Lattice};
use common::{Painting, formats, harness, video, with_odd_strides};
use gst::prelude::*;
use gst_video::prelude::*;
use gst_video::{VideoFormat, VideoFrame, VideoInfo};
use gstalpr::meta::{self, PlateMeta};

fn overlay() -> gst::Element {
    common::init();
    gst::ElementFactory::make("alproverlay").build().unwrap()
}

fn plate() -> PlateMeta {
    let lattice = Lattice { alphabet: Alphabet::latin(), probs: Vec::new() };
    PlateMeta {
        bbox: Rect::new(100.0, 100.0, 60.0, 20.0),
        track_id: Some(3),
        consensus: Some(Consensus {
            lattice,
            text: "AB123".into(),
            confidence: 0.9,
            char_confidence: Vec::new(),
            alternatives: Vec::new(),
            reads: 1,
            agreeing: 1,
            region: None,
        }),
        ..PlateMeta::default()
    }
}

/// The picture of `buffer` as RGB.
fn rgb(buffer: &gst::Buffer, info: &VideoInfo) -> Vec<[u8; 3]> {
    let out = video(VideoFormat::Rgb, info.width(), info.height());
    let source = VideoFrame::from_buffer_readable(buffer.clone(), info).unwrap();
    let mut frame = VideoFrame::from_buffer_writable(gst::Buffer::with_size(out.size()).unwrap(), &out).unwrap();
    gst_video::VideoConverter::new(info, &out, None).unwrap().frame(&source, &mut frame);
    let stride = frame.plane_stride()[0] as usize;
    let rows = frame.plane_data(0).unwrap().chunks(stride);
    rows.flat_map(|row| row[..info.width() as usize * 3].as_chunks::<3>().0.to_vec()).collect()
}

/// The area in which pixels differ, with room for shared chroma: left, top, right, bottom.
fn changed(before: &[[u8; 3]], after: &[[u8; 3]], width: usize) -> Option<(usize, usize, usize, usize)> {
    let differs = |(a, b): (&[u8; 3], &[u8; 3])| a.iter().zip(b).any(|(a, b)| a.abs_diff(*b) > 8);
    let places: Vec<(usize, usize)> = before
        .iter()
        .zip(after)
        .enumerate()
        .filter(|(_, pixels)| differs(*pixels))
        .map(|(index, _)| (index % width, index / width))
        .collect();
    let xs = || places.iter().map(|p| p.0);
    let ys = || places.iter().map(|p| p.1);
    Some((xs().min()?, ys().min()?, xs().max()?, ys().max()?))
}

#[test]
fn every_format_is_drawn_on_at_the_plate_only() {
    for format in formats() {
        let info = video(format, 320, 240);
        let element = overlay();
        element.set_property("show-ids", false);
        element.set_property("show-texts", false);
        element.set_property("line-width", 2u32);
        let mut h = harness(&element, &info);
        let picture = Painting::new(320, 240).rect(0, 0, 320, 240, [90; 3]).buffer(&info, 0);
        for padded in [false, true] {
            let mut buffer = if padded { with_odd_strides(&picture, &info, 6) } else { picture.copy_deep().unwrap() };
            meta::write(buffer.make_mut(), &[plate()]);
            let out = h.push_and_pull(buffer).unwrap();
            let (left, top, right, bottom) = changed(&rgb(&picture, &info), &rgb(&out, &info), 320).unwrap();
            assert!((98..=101).contains(&left) && (98..=101).contains(&top), "{format} {left} {top}");
            assert!((158..=162).contains(&right) && (118..=122).contains(&bottom), "{format} {right} {bottom}");
            let middle = 110 * 320 + 130;
            assert_eq!(rgb(&picture, &info)[middle], rgb(&out, &info)[middle], "{format}: a box is hollow");
        }
    }
}

#[test]
fn corners_ids_and_texts_are_drawn_as_asked() {
    let info = video(VideoFormat::Rgb, 320, 240);
    let element = overlay();
    let mut h = harness(&element, &info);
    let picture = Painting::new(320, 240).rect(0, 0, 320, 240, [90; 3]).buffer(&info, 0);
    let mut pixels = |plate: PlateMeta, set: &dyn Fn(&gst::Element)| {
        set(&element);
        let mut buffer = picture.copy_deep().unwrap();
        meta::write(buffer.make_mut(), &[plate]);
        let out = h.push_and_pull(buffer).unwrap();
        changed(&rgb(&picture, &info), &rgb(&out, &info), 320)
    };
    let (_, top, right, _) = pixels(plate(), &|_| ()).unwrap();
    assert!(top < 90, "a text stands above the plate: {top}");
    let (_, _, wide, _) = pixels(plate(), &|e| e.set_property("text-scale", 2.0f32)).unwrap();
    assert!(wide > right, "{wide} {right}");
    let only_box = pixels(plate(), &|e| {
        e.set_property("show-ids", false);
        e.set_property("show-texts", false);
    });
    assert!(only_box.unwrap().1 >= 98);
    let corners = Some(Quad::from_rect(&Rect::new(200.0, 150.0, 30.0, 20.0)));
    let (left, ..) = pixels(PlateMeta { corners, ..plate() }, &|_| ()).unwrap();
    assert!(left >= 198, "corners are drawn in place of the box: {left}");
    let hidden = pixels(PlateMeta { predicted: true, ..plate() }, &|e| e.set_property("show-predicted", false));
    assert_eq!(hidden, None);
}

#[test]
fn a_shared_picture_stays_as_it_was() {
    let info = video(VideoFormat::Nv12, 320, 240);
    let mut h = harness(&overlay(), &info);
    let mut shared = Painting::new(320, 240).buffer(&info, 0);
    meta::write(shared.make_mut(), &[plate()]);
    let before = rgb(&shared, &info);
    let out = h.push_and_pull(shared.clone()).unwrap();
    assert!(changed(&before, &rgb(&out, &info), 320).is_some());
    assert_eq!(changed(&before, &rgb(&shared, &info), 320), None);
}

#[test]
fn a_picture_without_plates_passes_untouched() {
    let info = video(VideoFormat::I420, 320, 240);
    let mut h = harness(&overlay(), &info);
    let shared = Painting::new(320, 240).buffer(&info, 0);
    let out = h.push_and_pull(shared.clone()).unwrap();
    assert_eq!(out.as_ptr(), shared.as_ptr());
}

#[test]
fn tiny_and_changing_pictures_are_drawn_on() {
    let element = overlay();
    let mut h = harness(&element, &video(VideoFormat::Nv12, 2, 2));
    for (format, width, height) in [
        (VideoFormat::Nv12, 2, 2),
        (VideoFormat::Yuy2, 3, 3),
        (VideoFormat::Gray8, 1, 1),
        (VideoFormat::Bgra, 640, 480),
    ] {
        let info = video(format, width, height);
        h.set_src_caps(info.to_caps().unwrap());
        let mut buffer = Painting::new(width, height).buffer(&info, 0);
        let plates = [plate(), PlateMeta { bbox: Rect::new(-5.0, -5.0, 20.0, 20.0), ..plate() }];
        meta::write(buffer.make_mut(), &plates);
        let before = rgb(&buffer.copy_deep().unwrap(), &info);
        let out = h.push_and_pull(buffer).unwrap();
        assert!(changed(&before, &rgb(&out, &info), width as usize).is_some(), "{format} {width}x{height}");
        assert_eq!(meta::read(&out).len(), 2);
    }
    h.push_event(gst::event::Eos::new());
    drop(h);
    element.set_state(gst::State::Null).unwrap();
}
