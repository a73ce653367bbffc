//! What users are told of pictures in which no network sees plates well: those that lie on their side, and interlaced ones.

use gst::prelude::*;

use crate::element::neighbours;

/// Properties of elements that turn pictures.
const TURNING: [&str; 2] = ["video-direction", "flip-method"];
/// The tag's word for pictures that are upright.
const UPRIGHT: &str = "rotate-0";

pub(super) const INTERLACED: &str = "The pictures are interlaced: those of plates that move are like combs, and hardly read. Put deinterlace \
                                     before alprdetect, unless both fields of a picture are of the same moment";

/// What to say of `tags` that come to `sink`: they ask for pictures to be turned, and nothing upstream does it.
pub(super) fn of_tags(tags: &gst::TagListRef, sink: &gst::Pad) -> Option<String> {
    let orientation = tags.get::<gst::tags::ImageOrientation>()?;
    let asked = orientation.get();
    (asked != UPRIGHT && !is_turned(sink)).then(|| {
        format!(
            "The pictures lie as they were stored, and the stream's tags ask for {asked}: plates are not found, or read upside down. \
             Put videoflip video-direction=auto before alprdetect"
        )
    })
}

/// Whether an element upstream of `sink` turns pictures: before GStreamer 1.24, `videoflip` leaves the tag that it followed.
fn is_turned(sink: &gst::Pad) -> bool {
    neighbours(sink).any(|element| TURNING.iter().any(|name| is_changed(&element, name)))
}

/// Whether `element` has such a property, with another value than when it was made.
fn is_changed(element: &gst::Element, property: &str) -> bool {
    let number = |value: &glib::Value| value.transform::<i32>().ok().and_then(|value| value.get::<i32>().ok());
    element
        .find_property(property)
        .is_some_and(|spec| number(&element.property_value(property)) != number(spec.default_value()))
}
