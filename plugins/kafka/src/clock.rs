//! The wall clock. Only ages, latencies and records without a time of their own need it.

use std::time::SystemTime;

/// Milliseconds since 1970 UTC.
pub(crate) fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    since.as_millis() as i64
}

/// The same as RFC 3339 text.
pub(crate) fn now_text() -> String {
    chrono::DateTime::from_timestamp_millis(now_ms()).map(|time| time.to_rfc3339()).unwrap_or_default()
}
