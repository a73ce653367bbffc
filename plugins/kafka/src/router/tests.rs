use super::*;

const NOW: i64 = 1_000;

fn router(change: impl FnOnce(&mut Settings)) -> Router {
    gst::init().unwrap();
    let mut settings = Settings { topic: "default".into(), kind: "reading".into(), ..Settings::default() };
    change(&mut settings);
    Router::new(&settings).unwrap()
}

fn json_stream(fields: &[(&str, &str)]) -> StreamInfo {
    let fields = fields.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
    StreamInfo { is_json: true, fields }
}

fn route(router: &Router, text: &str) -> Record {
    router.route(text.as_bytes(), &json_stream(&[]), &BufferInfo::default(), NOW).record
}

fn key(record: &Record) -> Option<&str> {
    record.key.as_deref().map(|key| std::str::from_utf8(key).unwrap())
}

fn structure(text: &str) -> Option<gst::Structure> {
    gst::init().unwrap();
    Some(text.parse().unwrap())
}

#[test]
fn keys_are_texts_numbers_and_nothing_else() {
    let router = router(|s| s.key_field = "/a/id".into());
    for (text, expected) in [
        (r#"{"a":{"id":"k"}}"#, Some("k")),
        (r#"{"a":{"id":7}}"#, Some("7")),
        (r#"{"a":{"id":null}}"#, None),
        (r#"{"a":{"id":{}}}"#, None),
        (r#"{"a":1}"#, None),
        ("[]", None),
    ] {
        assert_eq!(key(&route(&router, text)), expected, "{text}");
    }
}

#[test]
fn the_key_comes_from_the_meta_the_property_the_member_or_the_caps() {
    let text = br#"{"id":"member"}"#;
    let stream = json_stream(&[("key", "caps")]);
    let meta = BufferInfo { key: Some("meta".into()), ..BufferInfo::default() };
    let with_key = router(|s| {
        s.key = Some("property".into());
        s.key_field = "id".into();
    });
    let without = router(|s| s.key_field = "id".into());
    let none = router(|s| s.key_field = String::new());
    assert_eq!(key(&with_key.route(text, &stream, &meta, NOW).record), Some("meta"));
    assert_eq!(key(&with_key.route(text, &stream, &BufferInfo::default(), NOW).record), Some("property"));
    assert_eq!(key(&without.route(text, &stream, &BufferInfo::default(), NOW).record), Some("member"));
    assert_eq!(key(&none.route(text, &stream, &BufferInfo::default(), NOW).record), Some("caps"));
}

#[test]
fn the_topic_comes_from_the_meta_the_member_the_kind_the_caps_or_the_property() {
    let router = router(|s| {
        s.topic_field = Some("to".into());
        s.topics = structure("topics,x=of-kind-x");
    });
    let topic = |text: &str, stream: &StreamInfo, buffer: &BufferInfo| {
        router.route(text.as_bytes(), stream, buffer, NOW).record.topic
    };
    let caps = json_stream(&[("topic", "caps")]);
    let meta = BufferInfo { topic: Some("meta".into()), ..BufferInfo::default() };
    let none = BufferInfo::default();
    assert_eq!(topic(r#"{"to":"member","kind":"x"}"#, &caps, &meta), "meta");
    assert_eq!(topic(r#"{"to":"member","kind":"x"}"#, &caps, &none), "member");
    assert_eq!(topic(r#"{"kind":"x"}"#, &caps, &none), "of-kind-x");
    assert_eq!(topic(r#"{"kind":"y"}"#, &caps, &none), "caps");
    assert_eq!(topic("{}", &json_stream(&[]), &none), "default");
    let kind = BufferInfo { kind: Some("x".into()), ..BufferInfo::default() };
    assert_eq!(topic(r#"{"kind":"y"}"#, &json_stream(&[]), &kind), "of-kind-x");
}

#[test]
fn exactly_one_line_feed_is_stripped_and_from_json_only() {
    let router = router(|_| ());
    assert_eq!(route(&router, "{}\n").value, b"{}");
    assert_eq!(route(&router, "{}\n\n").value, b"{}\n");
    let plain = StreamInfo { is_json: false, fields: BTreeMap::from([("a".into(), "b".into())]) };
    assert_eq!(router.route(b"x\n", &plain, &BufferInfo::default(), NOW).record.value, b"x\n");
}

#[test]
fn the_timestamp_is_the_capture_time_the_reference_or_now() {
    let router = router(|s| s.timestamp_field = "at".into());
    let reference = BufferInfo { reference_ms: Some(77), ..BufferInfo::default() };
    let time = |text: &str, buffer: &BufferInfo| {
        router.route(text.as_bytes(), &json_stream(&[]), buffer, NOW).record.timestamp_ms
    };
    assert_eq!(time(r#"{"at":"1970-01-01T01:00:01.5+01:00"}"#, &reference), 1_500);
    assert_eq!(time(r#"{"at":1234}"#, &reference), 1_234);
    assert_eq!(time(r#"{"at":"yesterday"}"#, &reference), 77);
    assert_eq!(time("{}", &reference), 77);
    assert_eq!(time("{}", &BufferInfo::default()), NOW);
    let ancient = r#"{"at":"1960-01-01T00:00:00Z"}"#;
    assert_eq!(time(ancient, &BufferInfo::default()), NOW, "Kafka has no such time");
    assert_eq!(time(ancient, &reference), 77);
    let no_field = self::router(|s| s.timestamp_field = String::new());
    assert_eq!(no_field.route(b"1234", &json_stream(&[]), &reference, NOW).record.timestamp_ms, 77, "no field is set");
}

#[test]
fn headers_are_kind_version_and_the_free_ones() {
    let router = router(|s| s.headers = structure("headers,site=DC1,track=/t/id,form=caps:format,missing=/no"));
    let stream = json_stream(&[("format", "event")]);
    let text = br#"{"t":{"id":5},"extras":{"schema_version":2}}"#;
    let record = router.route(text, &stream, &BufferInfo::default(), NOW).record;
    let headers: Vec<_> =
        record.headers.iter().map(|(name, value)| (name.as_str(), std::str::from_utf8(value).unwrap())).collect();
    assert_eq!(
        headers,
        [("kind", "reading"), ("schema_version", "2"), ("site", "DC1"), ("track", "5"), ("form", "event")]
    );
}

#[test]
fn bytes_without_caps_are_json_only_when_they_are() {
    let router = router(|s| s.key_field = "id".into());
    let none = StreamInfo::default();
    let json = router.route(br#"{"id":"k"}"#, &none, &BufferInfo::default(), NOW);
    assert_eq!((key(&json.record), json.malformed), (Some("k"), false));
    let bytes = router.route(b"{\xff\x00", &none, &BufferInfo::default(), NOW);
    assert_eq!((bytes.record.key.as_ref(), bytes.record.headers.len(), bytes.malformed), (None, 0, false));
    let promised = router.route(b"{", &json_stream(&[]), &BufferInfo::default(), NOW);
    assert!(promised.malformed);
}
