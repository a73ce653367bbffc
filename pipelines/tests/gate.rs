//! The gate example for real: a watched plate in the picture, the message on the bus, the command, an HTTP request.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is how a test fails")]

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use alpr_core::consensus::Consensus;
use alpr_core::geometry::Rect;
use alpr_core::reader::{Alphabet, Lattice, Reading};
use gst::prelude::*;
use gstalpr::meta::{self, PlateMeta};

#[path = "../examples/gate.rs"]
#[allow(dead_code, reason = "its main is another program's")]
mod gate;

/// Vehicles that pass; the middle one of their times is judged, for a busy machine may be late now and then.
const VEHICLES: u64 = 9;
const LATEST: Duration = Duration::from_millis(100);

/// Frame `n` of the pass of vehicle `vehicle`; the third reading makes its plate sure, the fourth frame shows that it moves.
fn frame(vehicle: u64, n: u64) -> gst::Buffer {
    let text = format!("K{0}{0}{0}XY", vehicle + 1);
    let lattice = Lattice { alphabet: Alphabet::latin(), probs: vec![1.0 / 37.0; 37 * text.len()] };
    let reading = Reading { text: text.clone(), confidence: 0.95, lattice: lattice.clone(), region: None };
    let reads = n as u32 + 1;
    let consensus = Consensus {
        lattice,
        confidence: 0.95,
        char_confidence: vec![0.99; text.len()],
        alternatives: Vec::new(),
        reads,
        agreeing: reads,
        region: None,
        text,
    };
    let plate = PlateMeta {
        bbox: Rect::new(50.0 + 30.0 * n as f32, 100.0, 80.0, 20.0),
        confidence: 0.8,
        track_id: Some(vehicle),
        quality: Some(0.7),
        reading: Some(reading),
        consensus: Some(consensus),
        ..PlateMeta::default()
    };
    let mut buffer = gst::Buffer::from_slice(vec![128u8; 640 * 360]);
    let writable = buffer.get_mut().unwrap();
    writable.set_pts((vehicle * 50 + n) * gst::ClockTime::from_mseconds(40));
    meta::write(writable, &[plate]);
    buffer
}

#[test]
fn a_gate_opens_by_an_http_request_within_a_tenth_of_a_second_of_the_confirming_frame() {
    gst::init().unwrap();
    gstalpr::plugin_register_static().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("plates.txt");
    std::fs::write(&list, "K???XY,staff\nK111XY,visitor\n").unwrap();

    // the controller of the gate: tells when it was asked to open
    let controller = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = controller.local_addr().unwrap().port();
    let (asked, requests) = mpsc::channel();
    std::thread::spawn(move || {
        for stream in controller.incoming() {
            let (now, mut stream, mut request) = (Instant::now(), stream.unwrap(), [0; 64]);
            let length = stream.read(&mut request).unwrap();
            stream.write_all(b"HTTP/1.0 200 OK\r\n\r\n").unwrap();
            asked.send((now, String::from_utf8_lossy(&request[..length]).into_owned())).unwrap();
        }
    });

    let line = format!(
        "appsrc name=source format=time caps=video/x-raw,format=GRAY8,width=640,height=360,framerate=25/1 ! \
         alprdedup camera-id=gate-1 watchlist-file={} ! fakesink",
        list.display()
    );
    let pipeline = gst::parse::launch(&line).unwrap();
    let source = pipeline.downcast_ref::<gst::Bin>().unwrap().by_name("source").unwrap();
    let source = source.downcast::<gst_app::AppSrc>().unwrap();
    let request = format!("exec 3<>/dev/tcp/127.0.0.1/{port}; printf 'POST /open HTTP/1.0\\r\\n\\r\\n' >&3; read <&3");
    let open = ["bash", "-c", request.as_str()].map(str::to_owned).to_vec();
    let server = std::thread::spawn(move || gate::Gate::new("staff".into(), open).serve(&pipeline).unwrap());

    let mut times = Vec::new();
    for vehicle in 0..VEHICLES {
        for n in 0..3 {
            source.push_buffer(frame(vehicle, n)).unwrap();
        }
        let confirming = Instant::now();
        source.push_buffer(frame(vehicle, 3)).unwrap();
        if vehicle == 0 {
            // the exact entry of the list goes before its pattern: a visitor's tag opens nothing
            assert!(requests.recv_timeout(3 * LATEST).is_err());
            continue;
        }
        let (at, request) = requests.recv_timeout(Duration::from_secs(20)).unwrap();
        assert!(request.starts_with("POST /open "), "{request:?}");
        times.push(at - confirming);
        // the command must be over before the next vehicle, or that one finds the gate still opening
        std::thread::sleep(Duration::from_millis(50));
    }
    source.end_of_stream().unwrap();
    server.join().unwrap();
    times.sort();
    assert!(times[times.len() / 2] < LATEST, "{times:?}");
}
