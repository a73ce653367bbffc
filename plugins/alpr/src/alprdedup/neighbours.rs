//! What waits beside the element, for health records: frames in queues before it, records in a spool behind it.

use gst::prelude::*;

use crate::element::neighbours;

/// Buffers in the queues on the way to `sinkpad`; `None` when there is no queue.
pub(super) fn queued_before(sinkpad: &gst::Pad) -> Option<u64> {
    sum(sinkpad, |element| {
        let level = "current-level-buffers";
        let is_level = element.find_property(level).is_some_and(|p| p.value_type() == u32::static_type());
        is_level.then(|| u64::from(element.property::<u32>(level)))
    })
}

/// Records in the spools of the sinks that `srcpad` leads to; `None` when none has a spool.
pub(super) fn spooled_behind(srcpad: &gst::Pad) -> Option<u64> {
    sum(srcpad, |element| {
        let is_stats = element.find_property("stats").is_some_and(|p| p.value_type() == gst::Structure::static_type());
        element.property::<Option<gst::Structure>>(is_stats.then_some("stats")?)?.get("spool-depth").ok()
    })
}

/// The sum of what `count` says of each element that `pad` is linked to; `None` where it says nothing of any.
fn sum(pad: &gst::Pad, count: impl Fn(&gst::Element) -> Option<u64>) -> Option<u64> {
    neighbours(pad).filter_map(|element| count(&element)).reduce(|total, n| total + n)
}
