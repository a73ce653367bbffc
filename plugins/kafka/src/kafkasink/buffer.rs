//! What travels beside the bytes of a buffer.

use crate::router::{BufferInfo, RECORD_META};

/// Reads it.
pub(super) fn buffer_info(buffer: &gst::BufferRef) -> BufferInfo {
    let mut info = BufferInfo::default();
    if gst::meta::CustomMeta::is_registered(RECORD_META)
        && let Ok(meta) = gst::meta::CustomMeta::from_buffer(buffer, RECORD_META)
    {
        let text = |name: &str| meta.structure().get::<String>(name).ok();
        info.kind = text("kind");
        info.topic = text("topic");
        info.key = text("key");
        info.schema_version = text("schema-version");
    }
    info.reference_ms = buffer.iter_meta::<gst::ReferenceTimestampMeta>().find_map(|meta| reference_ms(&meta));
    info
}

/// Seconds from 1900 (NTP) to 1970 (Unix).
const NTP_TO_UNIX_S: u64 = 2_208_988_800;

fn reference_ms(meta: &gst::ReferenceTimestampMeta) -> Option<i64> {
    let ms = meta.timestamp().mseconds();
    let unix_ms = match meta.reference().structure(0)?.name().as_str() {
        "timestamp/x-unix" => ms,
        "timestamp/x-ntp" => ms.checked_sub(NTP_TO_UNIX_S * 1000)?,
        _ => return None,
    };
    i64::try_from(unix_ms).ok()
}
