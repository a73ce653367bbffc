//! The invariants of ARCHITECTURE.md, checked on the sources.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is how a test fails")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use alpr_tests::{repository, rust_files};

/// A source file without its comments and unit tests, so that a rule does not trip over a sentence or a test's input.
fn code(path: &Path) -> String {
    product(&fs::read_to_string(path).unwrap())
}

/// A source text without its comments and the module of tests that ends it.
fn product(text: &str) -> String {
    let inline = ["mod tests {", "pub(super) mod tests {"].map(|begin| format!("#[cfg(test)]\n{begin}"));
    let end = inline.iter().filter_map(|begin| text.find(begin)).min().unwrap_or(text.len());
    text[..end].lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

fn sources(folder: &str) -> Vec<PathBuf> {
    rust_files(&repository().join(folder))
}

/// Every place below `folder` whose code contains one of `words`, outside the paths that contain one of `except`.
fn places(folder: &str, words: &[&str], except: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for path in sources(folder) {
        let shown = path.strip_prefix(repository()).unwrap().display().to_string();
        if except.iter().any(|e| shown.contains(e)) {
            continue;
        }
        for (number, line) in code(&path).lines().enumerate() {
            if let Some(word) = words.iter().find(|w| line.contains(**w)) {
                found.push(format!("{shown}:{}: {word}", number + 1));
            }
        }
    }
    found
}

/// The modules of its own crate that `code` names, by path or in a group.
fn modules(code: &str) -> BTreeSet<String> {
    let name = |text: &str| text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    let mut found = BTreeSet::new();
    for (at, path) in code.match_indices("crate::") {
        let rest = &code[at + path.len()..];
        let Some(group) = rest.strip_prefix('{') else {
            found.insert(name(rest));
            continue;
        };
        let mut depth = 0;
        let mut begins = true;
        for (at, c) in group.char_indices() {
            match c {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                ',' if depth == 0 => begins = true,
                c if begins && !c.is_whitespace() => {
                    found.insert(name(&group[at..]));
                    begins = false;
                }
                _ => (),
            }
        }
    }
    found
}

#[track_caller]
fn none(found: Vec<String>, rule: &str) {
    assert!(found.is_empty(), "{rule}:\n{}", found.join("\n"));
}

/// The sections `[dependencies]`, as (name, rest of the line).
fn dependencies(manifest: &str) -> Vec<String> {
    let text = fs::read_to_string(repository().join(manifest)).unwrap();
    assert!(text.lines().any(|l| l.trim() == "[dependencies]"), "{manifest} lists its dependencies");
    text.lines()
        .skip_while(|l| l.trim() != "[dependencies]")
        .skip(1)
        .take_while(|l| !l.starts_with('['))
        .filter_map(|l| l.split(['.', '=', ' ']).next())
        .filter(|name| !name.is_empty() && !name.starts_with('#'))
        .map(str::to_owned)
        .collect()
}

#[test]
fn the_core_is_pure() {
    let words = [
        "gst::",
        "glib::",
        "ort::",
        "std::fs",
        "std::net",
        "std::io::",
        "std::env",
        "std::thread",
        "std::process",
        "Instant",
        "SystemTime",
        "Utc::now",
        "Local::now",
        "static mut",
        "thread_local",
        "Mutex",
        "RwLock",
        "Atomic",
        "new_v4",
    ];
    none(
        places("plugins/alpr-core/src", &words, &[]),
        "alpr-core has no GStreamer, runtime, I/O, thread, clock or changing global",
    );
}

#[test]
fn the_modules_of_the_core_are_in_pipeline_order() {
    let src = repository().join("plugins/alpr-core/src");
    let order: Vec<String> = code(&src.join("lib.rs"))
        .lines()
        .filter_map(|l| l.trim().strip_prefix("pub mod ")?.strip_suffix(';').map(str::to_owned))
        .collect();
    assert!(order.len() >= 12, "lib.rs lists the modules: {order:?}");
    let mut found = Vec::new();
    for path in rust_files(&src) {
        let relative = path.strip_prefix(&src).unwrap();
        let first = relative.components().next().unwrap().as_os_str().to_string_lossy();
        let module = first.trim_end_matches(".rs");
        let Some(own) = order.iter().position(|m| m == module) else { continue };
        let used = modules(&code(&path));
        for later in order[own + 1..].iter().filter(|later| used.contains(*later)) {
            found.push(format!("{} uses {later}", relative.display()));
        }
    }
    none(found, "no module of alpr-core uses a later one");
}

#[test]
fn unsafe_code_is_in_nvds_alone() {
    none(
        places("plugins", &["unsafe {", "unsafe fn", "unsafe impl", "unsafe extern"], &["plugins/alpr-nvds/"]),
        "unsafe code outside alpr-nvds",
    );
}

#[test]
fn dependencies_point_one_way() {
    for (manifest, forbidden) in [
        ("plugins/alpr-core/Cargo.toml", &["alpr-nvds", "gst", "gst-base", "gst-video", "glib", "ort", "rdkafka"][..]),
        ("plugins/alpr-nvds/Cargo.toml", &["alpr-core", "ort", "rdkafka"]),
        ("plugins/alpr/Cargo.toml", &["rdkafka"]),
        ("plugins/kafka/Cargo.toml", &["alpr-core", "alpr-nvds", "ort"]),
    ] {
        let has = dependencies(manifest);
        for name in forbidden {
            assert!(!has.iter().any(|h| h == name), "{manifest} depends on {name}");
        }
    }
}

#[test]
fn the_sink_knows_nothing_of_plates() {
    // Defaults, schemas and metric names may say what the sink is mostly used for.
    let except = ["settings", "properties", "schema", "config", "avro", "metrics"];
    none(
        places("plugins/kafka/src", &["\"plate", "alpr.plates", "vehicle", "camera"], &except),
        "kafkasink is a general sink",
    );
}

#[test]
fn elements_name_no_metadata_carrier() {
    none(
        places("plugins/alpr/src", &["VideoRegionOfInterestMeta", "NvDs", "AnalyticsRelationMeta"], &["src/meta"]),
        "meta alone reads and writes the carriers",
    );
}

#[test]
fn files_are_rooms_of_bearable_size() {
    let found = ["plugins", "pipelines", "tests"]
        .iter()
        .flat_map(|folder| sources(folder))
        .filter_map(|path| {
            let lines = fs::read_to_string(&path).unwrap().lines().count();
            (lines > 600).then(|| format!("{}: {lines} lines", path.display()))
        })
        .collect();
    none(found, "no source file has more than 600 lines");
}

#[test]
fn no_test_is_ignored() {
    let attribute = concat!("#[", "ignore");
    // in the whole text: tests are no code of the product
    let ignored = |path: &PathBuf| fs::read_to_string(path).unwrap().contains(attribute);
    let files = ["plugins", "pipelines", "tests"].iter().flat_map(|folder| sources(folder));
    none(files.filter(ignored).map(|path| path.display().to_string()).collect(), "no test is ignored");
}

#[test]
fn what_is_examined_of_a_file() {
    let text = "#[cfg(test)]\nmod tests;\n\nuse crate::time; // crate::stats\n#[cfg(test)]\nmod tests {\n    use crate::image;\n}\n";
    assert!(product(text).contains("crate::time") && !product(text).contains("image"));
    let used = |code: &str| modules(code).into_iter().collect::<Vec<_>>();
    assert_eq!(used("use crate::event;\nfn f() { crate::stats::g() }"), ["event", "stats"]);
    assert_eq!(
        used("use crate::{\n    event::{Event, dedup as d},\n    time::{self},\n    stats,\n};"),
        ["event", "stats", "time"]
    );
}
