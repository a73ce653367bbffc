//! A schema registry that does not have every topic's subject.

use super::*;
use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpListener,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

/// A registry that has the subject of the topic `t`, and of others once that is said; and its address.
fn registry() -> (String, Arc<AtomicBool>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let has_all = Arc::new(AtomicBool::new(false));
    let all = has_all.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = BufReader::new(stream.unwrap());
            let head: Vec<String> =
                stream.by_ref().lines().map(Result::unwrap).take_while(|line| !line.is_empty()).collect();
            let length =
                head.iter().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
            stream.read_exact(&mut vec![0; length.unwrap()]).unwrap();
            let known = all.load(Relaxed) || head[0].starts_with("POST /subjects/t-value ");
            let (status, body) =
                if known { ("200 OK", "{\"id\":7}") } else { ("404 Not Found", "{\"error_code\":40401}") };
            let answer =
                format!("HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}", body.len());
            stream.get_mut().write_all(answer.as_bytes()).unwrap();
        }
    });
    (url, has_all)
}

#[test]
fn a_subject_that_the_registry_does_not_have_holds_no_other_topic() {
    let cluster = cluster(&["t", "later"]);
    let (url, has_all) = registry();
    let dir = tempfile::tempdir().unwrap();
    for kind in ["plate", "late"] {
        let fields = r#"[{"name":"camera_id","type":"string"},{"name":"n","type":"int","default":0}]"#;
        let schema = format!(r#"{{"type":"record","name":"{kind}","fields":{fields}}}"#);
        std::fs::write(dir.path().join(format!("{kind}.avsc")), schema).unwrap();
    }
    let mut sink = cluster.sink(&format!(
        "topics=\"topics,late=later\" value-format=avro schema-registry-url={url} schema-register=false \
         schema-location={} dead-letter-location={} stall-timeout=1000000000 drain-timeout=0",
        dir.path().display(),
        dir.path().join("dead.jsonl").display()
    ));
    for n in 0..5 {
        sink.push(&format!("{{\"camera_id\":\"CAM0\",\"kind\":\"late\",\"n\":{n}}}\n")).unwrap();
        sink.push_event(n, "CAM0");
    }
    sink.wait_stat("delivered", 5, SOON);
    let mut said = Vec::new();
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(4) {
        said.extend(sink.warnings().into_iter().filter(|text| text.contains("does not know the schema")));
        std::thread::sleep(Duration::from_millis(100));
    }
    assert!(said.len() == 1 && said[0].contains("the topic later wait"), "{said:?}");
    assert_eq!((sink.stat("rebuilds"), sink.stat("spool-depth")), (0, 5), "no client is at fault");
    // The rest of the sender's work goes on.
    sink.push("{\"camera_id\":1}\n").unwrap();
    sink.wait_stat("dead-lettered", 1, SOON);
    has_all.store(true, Relaxed);
    sink.wait_stat("delivered", 10, SOON);
    let records = consume(&cluster.servers, "later");
    // The number is the last byte: a zigzag of one byte.
    let numbers: Vec<u8> = records.iter().map(|record| record.value.bytes().last().unwrap() / 2).collect();
    assert_eq!(numbers, [0, 1, 2, 3, 4]);
}
