//! Stands for `analytics` where GStreamer is older than 1.24, which has no such metadata.

use alpr_core::event::Vehicle;
use alpr_core::geometry::Rect;

use super::{PlateMeta, Region};

pub(super) const fn plates(_buffer: &gst::BufferRef) -> Vec<PlateMeta> {
    Vec::new()
}

pub(super) const fn regions(_buffer: &gst::BufferRef, _kind: &str) -> Vec<Region> {
    Vec::new()
}

pub(super) const fn plate_of(_buffer: &gst::BufferRef, _id: i32, _bbox: &Rect) -> Option<PlateMeta> {
    None
}

pub(super) const fn vehicle_of(_buffer: &gst::BufferRef, _id: i32, _bbox: &Rect) -> Option<Vehicle> {
    None
}

pub(super) fn write(_buffer: &mut gst::BufferRef, plates: &[PlateMeta], _texts: usize) -> (Vec<Option<i32>>, usize) {
    (vec![None; plates.len()], 0)
}
