//! Records of `alprdedup` that are no events.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is how a test fails")]

mod common;

use common::passes::*;
use common::{init, wait_for};
use gst::prelude::*;

#[test]
fn health_tells_of_a_silent_camera() {
    let mut h =
        harness(&[("records", "health"), ("silence-timeout", "1000000000"), ("health-interval", "3600000000000")]);
    empty(&mut h, 0, 3);
    let mut record = None;
    wait_for("a health record", || {
        record = lines(&mut h).pop();
        record.is_some()
    });
    let record: serde_json::Value = serde_json::from_str(&record.unwrap().0).unwrap();
    assert_eq!((&record["kind"], &record["camera_silent"]), (&"health".into(), &true.into()));
    assert_eq!(record["frames"], 3);
    assert!(record["queue_depth"].is_null() && record["spool_depth"].is_null(), "{record}");
}

mod spooling {
    //! A sink that says how much it keeps, as `kafkasink` does.

    use std::sync::LazyLock;

    use gst::prelude::*;
    use gst::subclass::prelude::*;
    use gst_base::subclass::prelude::*;

    #[derive(Default)]
    pub struct Sink;

    #[glib::object_subclass]
    impl ObjectSubclass for Sink {
        const NAME: &'static str = "AlprTestSpoolingSink";
        type Type = super::SpoolingSink;
        type ParentType = gst_base::BaseSink;
    }

    impl ObjectImpl for Sink {
        fn properties() -> &'static [glib::ParamSpec] {
            static ALL: LazyLock<[glib::ParamSpec; 1]> =
                LazyLock::new(|| [glib::ParamSpecBoxed::builder::<gst::Structure>("stats").read_only().build()]);
            &*ALL
        }

        fn property(&self, _id: usize, _pspec: &glib::ParamSpec) -> glib::Value {
            gst::Structure::builder("stats").field("spool-depth", 17u64).build().to_value()
        }
    }

    impl GstObjectImpl for Sink {}

    impl ElementImpl for Sink {
        fn pad_templates() -> &'static [gst::PadTemplate] {
            static ALL: LazyLock<Vec<gst::PadTemplate>> = LazyLock::new(|| {
                let (any, sink) = (gst::Caps::new_any(), gst::PadDirection::Sink);
                vec![gst::PadTemplate::new("sink", sink, gst::PadPresence::Always, &any).unwrap()]
            });
            &ALL
        }
    }

    impl BaseSinkImpl for Sink {
        fn render(&self, _buffer: &gst::Buffer) -> Result<gst::FlowSuccess, gst::FlowError> {
            Ok(gst::FlowSuccess::Ok)
        }
    }
}

glib::wrapper! {
    pub struct SpoolingSink(ObjectSubclass<spooling::Sink>) @extends gst_base::BaseSink, gst::Element, gst::Object;
}

#[test]
fn health_tells_how_much_waits_before_and_behind() {
    init();
    let description = "videotestsrc is-live=true ! queue name=q ! identity sleep-time=200000 ! queue ! \
                       alprdedup name=dedup records=health health-interval=1000000000";
    let front = gst::parse::bin_from_description(description, false).unwrap();
    let source = front.by_name("dedup").unwrap().static_pad("src").unwrap();
    front.add_pad(&gst::GhostPad::with_target(&source).unwrap()).unwrap();
    let (pipeline, sink) = (gst::Pipeline::new(), glib::Object::new::<SpoolingSink>());
    pipeline.add_many([front.upcast_ref::<gst::Element>(), sink.upcast_ref()]).unwrap();
    front.link(&sink).unwrap();
    pipeline.set_state(gst::State::Playing).unwrap();
    let bus = pipeline.bus().unwrap();
    let mut record = serde_json::Value::Null;
    wait_for("a health message", || {
        let told = bus.iter().filter_map(|m| m.structure()?.get::<String>("json").ok()).next();
        record = told.map_or(serde_json::Value::Null, |json| serde_json::from_str(&json).unwrap());
        !record.is_null()
    });
    pipeline.set_state(gst::State::Null).unwrap();
    // thirty frames a second come in and five go out
    assert!(record["queue_depth"].as_u64().unwrap() >= 5, "{record}");
    assert_eq!(record["spool_depth"], 17, "{record}");
}

#[test]
fn outcomes_are_records_when_they_are_asked_for() {
    let mut h = harness(&[("records", "outcomes")]);
    empty(&mut h, 0, 1);
    pass(&mut h, 1, "", 1, 5);
    h.push_event(gst::event::Eos::new());
    let record: serde_json::Value = serde_json::from_str(&lines(&mut h)[0].0).unwrap();
    assert_eq!((&record["kind"], &record["outcome"]), (&"outcome".into(), &"no-read".into()));
}
