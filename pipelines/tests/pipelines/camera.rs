//! A camera that goes away and comes back.

use super::common::{self, Camera};
use alpr_pipelines::player::{End, Player};
use gst::prelude::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

const PICTURES: &str = "( videotestsrc is-live=true pattern=ball ! video/x-raw,width=320,height=240,framerate=15/1 \
                        ! x264enc tune=zerolatency speed-preset=ultrafast key-int-max=15 ! rtph264pay name=pay0 pt=96 )";
const PATIENCE: Duration = Duration::from_secs(60);

/// What the story below has come to.
enum Chapter {
    FirstPictures,
    Away { port: u16, seen: u64, since: Instant },
    Back { seen: u64, _camera: Camera },
    Ending,
}

#[test]
fn a_camera_that_comes_back_goes_on_in_the_same_pipeline() {
    common::init();
    let faults = Arc::new(AtomicU64::new(0));
    let fault_count = faults.clone();
    let handler =
        glib::log_set_handler(Some("GStreamer"), glib::LogLevels::LEVEL_CRITICAL, false, false, move |_, _, text| {
            eprintln!("{text}");
            fault_count.fetch_add(1, Ordering::SeqCst);
        });
    let camera = Camera::start(PICTURES, None);
    let mut player = Player::new(&format!(
        "uridecodebin name=source uri={} ! queue name=behind ! videoconvert ! fakesink name=out sync=false",
        camera.uri()
    ))
    .unwrap();
    let buffers = Arc::new(AtomicU64::new(0));
    let ends = Arc::new(AtomicU64::new(0));
    let (count, end_count) = (buffers.clone(), ends.clone());
    let pad = player.pipeline().by_name("out").unwrap().static_pad("sink").unwrap();
    pad.add_probe(gst::PadProbeType::BUFFER | gst::PadProbeType::EVENT_DOWNSTREAM, move |_, info| {
        match &info.data {
            Some(gst::PadProbeData::Buffer(_)) => count.fetch_add(1, Ordering::SeqCst),
            Some(gst::PadProbeData::Event(e)) if e.type_() == gst::EventType::Eos => {
                end_count.fetch_add(1, Ordering::SeqCst)
            }
            _ => 0,
        };
        gst::PadProbeReturn::Ok
    });
    let stop = player.stop_flag();
    let started = Instant::now();
    let mut first = Some(camera);
    let mut chapter = Chapter::FirstPictures;
    let end = player.run(|_, _| {
        assert!(started.elapsed() < PATIENCE, "{} pictures so far", buffers.load(Ordering::SeqCst));
        let seen = buffers.load(Ordering::SeqCst);
        match &chapter {
            Chapter::FirstPictures if seen > 10 => {
                let port = first.take().unwrap().away();
                chapter = Chapter::Away { port, seen, since: Instant::now() };
            }
            // Long enough for an attempt or two to fail.
            Chapter::Away { port, since, .. } if since.elapsed() > Duration::from_secs(3) => {
                let camera = Camera::start(PICTURES, Some(*port));
                chapter = Chapter::Back { seen, _camera: camera };
            }
            Chapter::Away { seen: before, .. } => assert!(seen < before + 30, "the camera is away"),
            Chapter::Back { seen: before, .. } if seen > before + 10 => {
                assert_eq!(ends.load(Ordering::SeqCst), 0, "what is behind the camera hears of no end");
                stop.store(true, Ordering::SeqCst);
                chapter = Chapter::Ending;
            }
            _ => {}
        }
    });
    assert_eq!(end, Ok(End::Stopped));
    assert_eq!(ends.load(Ordering::SeqCst), 1, "a person's stop ends the stream in order");
    glib::log_remove_handler(Some("GStreamer"), handler);
    assert_eq!(faults.load(Ordering::SeqCst), 0, "GStreamer finds no fault in how the camera is opened again");
}
