//! A spool without room, in words: for the application, which otherwise sees a pipeline that stands still.

use super::{DISK_RESERVE_BYTES, Depth, SpoolConfig, WhenFull};

/// Which spool it is, how full, what that does to the pipeline and what to do. `free`: the bytes that its disk has left.
pub(super) fn describe(config: &SpoolConfig, depth: Depth, free: Option<u64>) -> String {
    let place = match &config.location {
        Some(path) => format!("spool {}", path.display()),
        None => "spool in memory".to_string(),
    };
    let effect = match config.when_full {
        WhenFull::Block => "The pipeline waits (spool-policy=block) and loses nothing.",
        WhenFull::DropOldest => "Records are dropped (spool-policy=drop-oldest).",
        WhenFull::Error => "No record is taken (spool-policy=error).",
    };
    if depth.disk_full {
        let free = free.unwrap_or(0);
        return format!(
            "The disk of the {place} is full: {free} bytes are free, and the last {DISK_RESERVE_BYTES} are kept for the \
             spool's own work. {effect} Free space on that disk."
        );
    }
    let free = free.map(|free| format!(" On its disk {free} bytes are free.")).unwrap_or_default();
    format!(
        "The {place} is full: {} record(s) have {} of spool-max-bytes={}.{free} {effect} Check the brokers, raise \
         spool-max-bytes or choose another spool-policy.",
        depth.records, depth.bytes, config.max_bytes
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(location: Option<&str>, when_full: WhenFull, disk_full: bool, free: Option<u64>) -> String {
        let location = location.map(Into::into);
        let config = SpoolConfig { max_bytes: 1000, when_full, ..SpoolConfig::for_tests(location) };
        describe(&config, Depth { records: 3, bytes: 900, disk_full, ..Depth::default() }, free)
    }

    #[test]
    fn the_words_say_where_how_full_what_that_does_and_what_to_do() {
        let full_disk = text(Some("/spool"), WhenFull::Block, true, Some(12345));
        for word in ["/spool", "12345 bytes are free", "The pipeline waits", "Free space"] {
            assert!(full_disk.contains(word), "{word}: {full_disk}");
        }
        let dropping = text(Some("/spool"), WhenFull::DropOldest, true, Some(12345));
        assert!(dropping.contains("dropped (spool-policy=drop-oldest)"), "{dropping}");
        let full = text(Some("/spool"), WhenFull::Block, false, Some(12345));
        for word in ["/spool", "900 of spool-max-bytes=1000", "12345 bytes are free", "raise spool-max-bytes"] {
            assert!(full.contains(word), "{word}: {full}");
        }
        let memory = text(None, WhenFull::Block, false, None);
        assert!(memory.contains("The spool in memory is full") && !memory.contains("free"), "{memory}");
    }
}
