//! What becomes of a buffer: key, headers, topic, partition.

use super::*;

#[test]
fn an_event_arrives_with_key_headers_and_capture_time() {
    let cluster = cluster(&["alpr.plates.detected"]);
    let servers = cluster.bootstrap_servers();
    let mut sink = Sink::new(&format!("bootstrap-servers={servers}"));
    sink.push(
        "{\"event_id\":\"a\",\"captured_at\":\"2026-01-02T03:04:05.678+00:00\",\"camera_id\":\"CAM1\",\
         \"extras\":{\"schema_version\":3}}\n",
    )
    .unwrap();
    sink.eos();
    assert_eq!((sink.stat("received"), sink.stat("delivered"), sink.stat("spool-depth")), (1, 1, 0));
    let got = consume(&servers, "alpr.plates.detected");
    assert_eq!(got.len(), 1);
    assert_eq!(got[0].key.as_deref(), Some("CAM1"));
    assert!(got[0].value.ends_with("}}"), "one line feed is stripped: {}", got[0].value);
    assert_eq!(got[0].timestamp_ms, Some(1_767_323_045_678));
    assert_eq!(got[0].headers["kind"], "plate");
    assert_eq!(got[0].headers["schema_version"], "3");
}

#[test]
fn any_bytes_are_delivered_as_they_are() {
    let cluster = cluster(&["t"]);
    let servers = cluster.bootstrap_servers();
    let mut sink = Sink::try_new(&format!("bootstrap-servers={servers} topic=t"), "text/plain").unwrap();
    sink.push("not json\n").unwrap();
    sink.eos();
    let got = consume(&servers, "t");
    assert_eq!((got[0].value.as_str(), got[0].key.as_deref(), got[0].headers.len()), ("not json\n", None, 0));
}

#[test]
fn kinds_go_to_their_own_topics() {
    let cluster = cluster(&["alpr.plates.detected", "v", "h"]);
    let servers = cluster.bootstrap_servers();
    let mut sink = Sink::new(&format!("bootstrap-servers={servers} topics=\"topics,vehicle=v,health=h\""));
    sink.push("{\"camera_id\":\"C\",\"n\":1}\n").unwrap();
    sink.push("{\"camera_id\":\"C\",\"kind\":\"vehicle\",\"n\":2}\n").unwrap();
    let mut buffer = gst::Buffer::from_slice(b"{\"n\":3}\n");
    {
        let mut meta = gst::meta::CustomMeta::add(buffer.get_mut().unwrap(), gstkafka::RECORD_META).unwrap();
        meta.mut_structure().set("kind", "health");
        meta.mut_structure().set("key", "host-1");
    }
    sink.harness().push(buffer).unwrap();
    sink.eos();
    for (topic, number, kind, key) in
        [("alpr.plates.detected", 1, "plate", "C"), ("v", 2, "vehicle", "C"), ("h", 3, "health", "host-1")]
    {
        let got = consume(&servers, topic);
        assert_eq!(got.len(), 1, "{topic}");
        assert!(got[0].value.contains(&format!("\"n\":{number}")), "{topic}: {}", got[0].value);
        assert_eq!((got[0].headers["kind"].as_str(), got[0].key.as_deref()), (kind, Some(key)));
    }
}

#[test]
fn order_is_kept_per_camera() {
    let cluster = cluster(&["t"]);
    let servers = cluster.bootstrap_servers();
    let mut sink = Sink::new(&format!("bootstrap-servers={servers} topic=t"));
    for n in 0..1000 {
        sink.push_event(n, &format!("CAM{}", n % 5));
    }
    sink.eos();
    sink.wait_stat("delivered", 1000, SOON);
    let by_camera = numbers_by_camera(&consume(&servers, "t"));
    assert_eq!(by_camera.len(), 5);
    for (camera, numbers) in by_camera {
        let first: u32 = camera[3..].parse().unwrap();
        assert_eq!(numbers, (0..200).map(|n| first + 5 * n).collect::<Vec<_>>(), "{camera}");
    }
}

#[test]
fn the_partition_of_a_key_is_where_java_puts_it() {
    let cluster = cluster(&["t"]);
    let servers = cluster.bootstrap_servers();
    let mut sink = Sink::new(&format!("bootstrap-servers={servers} topic=t"));
    for camera in ["CAM1", "CAM2", "CAM3", "CAM4", "gate-north"] {
        sink.push_event(0, camera);
    }
    sink.eos();
    for got in consume(&servers, "t") {
        let key = got.key.unwrap();
        assert_eq!(got.partition, (murmur2(key.as_bytes()) & 0x7fff_ffff) as i32 % 3, "{key}");
    }
}

/// Kafka's own `Utils.murmur2`, from its description: MurmurHash2 with this seed.
fn murmur2(data: &[u8]) -> u32 {
    let mix = 0x5bd1_e995u32;
    let mut hash = 0x9747_b28cu32 ^ data.len() as u32;
    let mut chunks = data.chunks_exact(4);
    for chunk in &mut chunks {
        let mut word = u32::from_le_bytes(chunk.try_into().unwrap()).wrapping_mul(mix);
        word ^= word >> 24;
        hash = hash.wrapping_mul(mix) ^ word.wrapping_mul(mix);
    }
    let rest = chunks.remainder();
    if !rest.is_empty() {
        let word = rest.iter().rev().fold(0, |word, byte| word << 8 | u32::from(*byte));
        hash = (hash ^ word).wrapping_mul(mix);
    }
    hash = (hash ^ hash >> 13).wrapping_mul(mix);
    hash ^ hash >> 15
}

#[test]
fn text_that_is_no_json_is_delivered_counted_and_said_once() {
    let cluster = cluster(&["t"]);
    let mut sink = Sink::new(&format!("bootstrap-servers={} topic=t", cluster.bootstrap_servers()));
    sink.push("{broken\n").unwrap();
    sink.push("{broken again\n").unwrap();
    sink.eos();
    assert_eq!((sink.stat("malformed"), sink.stat("delivered")), (2, 2));
    let warnings = sink.warnings().iter().filter(|text| text.contains("no JSON")).count();
    assert_eq!(warnings, 1);
}
