//! Pictures that `alprdedup` keeps of what gave an event.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is how a test fails")]

mod common;

use std::process::Command;

use alpr_core::event::Vehicle;
use alpr_core::geometry::Rect;
use common::passes::*;
use gst::prelude::*;
use gstalpr::meta::PlateMeta;

#[test]
fn pictures_are_there_before_the_event_and_hashed_in_it() {
    use sha2::Digest;
    let folder = Folder::new("pictures");
    let location = folder.path("evidence");
    let mut h = harness(&[
        ("evidence-location", location.as_str()),
        ("evidence", "plate+frame"),
        ("evidence-url-template", "s3://alpr-plate-images/{key}"),
        ("start-time", "2025-12-27T00:57:03Z"),
    ]);
    empty(&mut h, 0, 1);
    pass(&mut h, 1, "ABC123", 1, 5);
    let event = events(&mut h).remove(0);
    let key = format!("DC1/CAM1/2025-12-27/{}-plate.jpg", event.event_id);
    assert_eq!(event.images.plate_url, format!("s3://alpr-plate-images/{key}"));
    assert_eq!(event.images.vehicle_url, "");
    let jpeg = std::fs::read(format!("{location}/{key}")).unwrap();
    let hash: String = sha2::Sha256::digest(&jpeg).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(event.extras.plate_sha256, Some(hash));
    assert_eq!(&jpeg[..2], [0xff, 0xd8]);
    let files = std::fs::read_dir(format!("{location}/DC1/CAM1/2025-12-27")).unwrap().count();
    assert_eq!(files, 2, "plate and frame, and nothing half written");
    assert_eq!((stat(&h, "pictures-written"), stat(&h, "pictures-failed")), (2, 0));
}

#[test]
fn where_the_winning_frame_cannot_be_read_there_is_no_picture_of_another() {
    let folder = Folder::new("broken");
    let location = folder.path("evidence");
    let mut h = harness(&[("evidence-location", location.as_str()), ("emit", "final")]);
    empty(&mut h, 0, 1);
    pass(&mut h, 1, "ABC123", 1, 5);
    let mut best = plate(1, "ABC123", 5);
    best.quality = Some(0.99);
    let mut broken = gst::Buffer::from_slice(vec![128_u8; 100]);
    let writable = broken.get_mut().unwrap();
    writable.set_pts(6 * FRAME);
    gstalpr::meta::write(writable, &[best]);
    h.push(broken).unwrap();
    h.push_event(gst::event::Eos::new());
    let event = events(&mut h).remove(0);
    assert_eq!((event.extras.frame_number, event.images.plate_url.as_str()), (Some(6), ""));
    assert_eq!((stat(&h, "pictures-written"), stat(&h, "pictures-unreadable")), (0, 1));
}

#[test]
fn a_full_disk_costs_the_picture_and_not_the_event() {
    let folder = Folder::new("full");
    let location = folder.path("evidence");
    let mut h = harness(&[("evidence-location", location.as_str()), ("start-time", "2025-12-27T00:57:03Z")]);
    let bus = gst::Bus::new();
    h.element().unwrap().set_bus(Some(&bus));
    // a file where the folder of the site should be
    std::fs::write(format!("{location}/DC1"), "in the way").unwrap();
    empty(&mut h, 0, 1);
    pass(&mut h, 1, "ABC123", 1, 5);
    pass(&mut h, 2, "XYZ789", 6, 5);
    let events = events(&mut h);
    assert_eq!(events.len(), 2);
    assert!(events.iter().all(|event| event.images.plate_url.is_empty() && event.extras.plate_sha256.is_none()));
    assert_eq!(stat(&h, "pictures-failed"), 2);
    let warnings = bus.iter().filter(|message| message.type_() == gst::MessageType::Warning).count();
    assert_eq!(warnings, 1, "once, not for every picture");
}

#[test]
fn a_slow_disk_keeps_nobody_waiting_who_asks() {
    let folder = Folder::new("slow");
    let [fast, slow] = ["fast", "slow"].map(|name| folder.path(name));
    let mut h = harness(&[("evidence-location", fast.as_str())]);
    pass(&mut h, 1, "ABC123", 1, 5);
    let picture = events(&mut h).remove(0).images.plate_url;
    // a pipe that nobody reads from, where the same picture is written next
    let pipe = format!("{}.part", picture.replacen(&fast, &slow, 1));
    std::fs::create_dir_all(std::path::Path::new(&pipe).parent().unwrap()).unwrap();
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let mut h = harness(&[("evidence-location", slow.as_str())]);
    let element = h.element().unwrap();
    let stream = std::thread::spawn(move || {
        pass(&mut h, 1, "ABC123", 1, 5);
        h
    });
    let (tell, told) = std::sync::mpsc::channel();
    let application = std::thread::spawn(move || {
        for _ in 0..50 {
            std::thread::sleep(std::time::Duration::from_millis(20));
            common::stat(&element, "frames");
            element.set_property("min-confidence", 0.5);
        }
        tell.send(()).unwrap();
    });
    let told = told.recv_timeout(std::time::Duration::from_secs(10));
    let waits = !stream.is_finished();
    let reader = std::fs::File::options().read(true).write(true).open(&pipe).unwrap();
    let h = stream.join().unwrap();
    application.join().unwrap();
    drop(reader);
    assert!(waits && told.is_ok(), "the stream waits for the disk, and the application does not");
    assert_eq!(stat(&h, "pictures-written"), 1);
}

/// Width and height of a JPEG, from its frame header.
fn size_of(jpeg: &[u8]) -> (u32, u32) {
    let mut at = 2;
    loop {
        let (marker, length) = (jpeg[at + 1], usize::from(u16::from_be_bytes([jpeg[at + 2], jpeg[at + 3]])));
        if (0xc0..=0xc2).contains(&marker) {
            let side = |i: usize| u32::from(u16::from_be_bytes([jpeg[at + i], jpeg[at + i + 1]]));
            return (side(7), side(5));
        }
        at += 2 + length;
    }
}

#[test]
fn pictures_say_of_which_form_their_pixels_are() {
    let folder = Folder::new("aspect");
    let location = folder.path("evidence");
    let mut h = harness(&[("evidence-location", location.as_str())]);
    let mut caps = caps(640);
    caps.make_mut().set("pixel-aspect-ratio", gst::Fraction::new(16, 11));
    h.set_src_caps(caps);
    empty(&mut h, 0, 1);
    pass(&mut h, 1, "ABC123", 1, 5);
    let jpeg = std::fs::read(events(&mut h).remove(0).images.plate_url).unwrap();
    assert_eq!(&jpeg[6..11], b"JFIF\0");
    // no unit; of pixels that are 16 wide and 11 high, there are 11 across where there are 16 down
    assert_eq!(&jpeg[13..18], [0, 0, 11, 0, 16]);
}

#[test]
fn pictures_of_listed_plates_only_and_of_their_vehicles() {
    let folder = Folder::new("listed");
    let (location, list) = (folder.path("evidence"), folder.path("list"));
    std::fs::write(&list, "\u{feff}# ours\nXYZ789,allow # a guest\n").unwrap();
    let mut h = harness(&[
        ("evidence-location", location.as_str()),
        ("evidence", "plate+vehicle+frame"),
        ("evidence-for", "listed"),
        ("watchlist-file", list.as_str()),
    ]);
    empty(&mut h, 0, 1);
    for (track, text, first) in [(1, "ABC123", 1), (2, "XYZ789", 20)] {
        for n in 0..5 {
            let bbox = Rect::new(40.0, 60.0, 300.0, 200.0);
            let vehicle = Some(Vehicle { kind: Some("car".into()), bbox: Some(bbox), ..Vehicle::default() });
            let plate = PlateMeta { vehicle, ..plate(track, text, n) };
            h.push(frame(first + u64::from(n), &[plate])).unwrap();
        }
    }
    let events = events(&mut h);
    let [other, listed] = events.as_slice() else { panic!("{events:?}") };
    assert_eq!(other.plate.normalized_text, "ABC123");
    assert!([&other.images.plate_url, &other.images.vehicle_url, &other.images.frame_url].iter().all(|u| u.is_empty()));
    assert_eq!(listed.extras.watchlist.as_ref().map(|w| w.tag.as_str()), Some("allow"));
    // 80 by 20 and a quarter on each side; 300 by 200 and a twentieth on each side; all of it
    for (url, (width, height)) in [
        (&listed.images.plate_url, (120, 30)),
        (&listed.images.vehicle_url, (330, 220)),
        (&listed.images.frame_url, (640, 360)),
    ] {
        let (w, h) = size_of(&std::fs::read(url).unwrap());
        assert!(w.abs_diff(width) <= 1 && h.abs_diff(height) <= 1, "{url}: {w}x{h}, not {width}x{height}");
    }
    assert_eq!(stat(&h, "pictures-written"), 3);
}

#[test]
fn the_picture_of_two_tracks_of_one_vehicle_is_that_of_the_better_look() {
    let folder = Folder::new("two-tracks");
    let location = folder.path("evidence");
    let mut h = harness(&[("evidence-location", location.as_str()), ("emit", "final")]);
    empty(&mut h, 0, 1);
    pass(&mut h, 1, "A8C123", 1, 4);
    for n in 4..8 {
        // another track goes on, larger, and is read right
        let bbox = Rect::new(50.0 + 20.0 * n as f32, 120.0, 100.0, 24.0);
        let mut seen = PlateMeta { bbox, ..plate(2, "ABC123", n) };
        seen.consensus.iter_mut().for_each(|consensus| consensus.confidence = 0.99);
        h.push(frame(1 + u64::from(n), &[seen])).unwrap();
    }
    h.push_event(gst::event::Eos::new());
    assert_eq!(stat(&h, "stitched"), 1);
    let event = events(&mut h).remove(0);
    assert_eq!((event.plate.normalized_text.as_str(), event.extras.frame_number), ("ABC123", Some(5)));
    let (width, height) = size_of(&std::fs::read(&event.images.plate_url).unwrap());
    assert!(width.abs_diff(150) <= 1 && height.abs_diff(36) <= 1, "{width}x{height} is the plate of the other track");
}
