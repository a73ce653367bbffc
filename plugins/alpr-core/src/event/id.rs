//! Ids that follow from what they name, so that a replay gives the same ones.

use std::fmt;

use uuid::Uuid;

use crate::time::Timestamp;

/// Namespace of all pass ids: the v5 UUID of `alpr.plates.detected` in the DNS namespace.
const NAMESPACE: Uuid = Uuid::from_u128(0x7618_d51c_aab4_5244_9fd9_b69f_f105_bdf2);

/// The id of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EventId(pub Uuid);

impl EventId {
    /// Reads the hyphenated form that [`fmt::Display`] writes.
    pub fn parse(text: &str) -> Option<Self> {
        Uuid::try_parse(text).ok().map(Self)
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

/// The id of the pass of track `track` that was first seen at `start` by camera `camera` of site `site`.
///
/// Equal arguments always give equal ids; the record separator between the parts keeps (`a`, `bc`) and (`ab`, `c`)
/// apart.
pub fn pass_id(site: &str, camera: &str, start: Timestamp, track: u64) -> EventId {
    let name = format!("{site}\u{1e}{camera}\u{1e}{}\u{1e}{track}", start.0);
    EventId(Uuid::new_v5(&NAMESPACE, name.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_pass_has_the_same_id_and_no_other_pass_has_it() {
        let id = pass_id("DC1", "CAM1", Timestamp(5), 44);
        assert_eq!(id, pass_id("DC1", "CAM1", Timestamp(5), 44));
        for other in [
            pass_id("DC2", "CAM1", Timestamp(5), 44),
            pass_id("DC1", "CAM2", Timestamp(5), 44),
            pass_id("DC1", "CAM1", Timestamp(6), 44),
            pass_id("DC1", "CAM1", Timestamp(5), 45),
            pass_id("DC", "1CAM1", Timestamp(5), 44),
        ] {
            assert_ne!(id, other);
        }
        assert_eq!(id.0.get_version_num(), 5);
        assert_eq!(EventId::parse(&id.to_string()), Some(id));
    }
}
