//! What waits beside the element, for health records: frames in queues before it, records in a spool behind it.

use std::collections::HashSet;

use gst::prelude::*;

/// Most elements that are looked at: a pipeline that is larger than this has other ways to be watched.
const MOST: usize = 256;

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

/// The sum of what `count` says of each element that `pad` is linked to, near and far.
fn sum(pad: &gst::Pad, count: impl Fn(&gst::Element) -> Option<u64>) -> Option<u64> {
    let (mut seen, mut ahead, mut total) = (HashSet::new(), vec![pad.clone()], None);
    while let Some(pad) = ahead.pop() {
        let Some((peer, element)) = beyond(&pad).and_then(|peer| Some((peer.clone(), peer.parent_element()?))) else {
            continue;
        };
        if seen.len() < MOST && seen.insert(element.clone()) {
            if let Some(n) = count(&element) {
                total = Some(total.unwrap_or(0) + n);
            }
            ahead.extend(peer.iterate_internal_links().into_iter().map_while(Result::ok));
        }
    }
    total
}

/// The pad of an element at the other end of the link of `pad`, in or out of bins.
fn beyond(pad: &gst::Pad) -> Option<gst::Pad> {
    let mut peer = pad.peer()?;
    loop {
        peer = if let Some(ghost) = peer.downcast_ref::<gst::GhostPad>() {
            ghost.target()?
        } else if let Some(ghost) = peer.parent().and_then(|parent| parent.downcast::<gst::GhostPad>().ok()) {
            ghost.peer()?
        } else {
            return Some(peer);
        };
    }
}
