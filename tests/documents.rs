//! Documents against the code.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is how a test fails")]

use std::fs;
use std::path::{Path, PathBuf};

use alpr_tests::{elements_doc, repository};
use sha2::Digest as _;

fn read(path: &str) -> String {
    fs::read_to_string(repository().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// Every Markdown file of the repository outside build folders.
fn documents() -> Vec<PathBuf> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap().flatten() {
            let (path, name) = (entry.path(), entry.file_name());
            if path.is_dir() {
                if !name.to_string_lossy().starts_with('.') && name != "target" && name != "build" {
                    walk(&path, found);
                }
            } else if path.extension().is_some_and(|e| e == "md") {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    walk(&repository(), &mut found);
    found
}

#[test]
fn elements_page_is_what_the_registry_says() {
    gst::init().unwrap();
    let page = elements_doc::page().unwrap_or_else(|e| panic!("{e}; run the tests by ./dev test"));
    let stored = read("docs/elements.md");
    if page != stored {
        let first = page.lines().zip(stored.lines()).find(|(a, b)| a != b);
        panic!("docs/elements.md is stale, run ./dev docs; the first difference: {first:#?}");
    }
}

#[test]
fn every_property_has_a_nick_and_a_sentence() {
    gst::init().unwrap();
    for name in elements_doc::ELEMENTS {
        let element = gst::ElementFactory::make(name).build().unwrap();
        for property in gst::prelude::ObjectExt::list_properties(&element) {
            if !property.owner_type().name().starts_with("GstAlpr")
                && !property.owner_type().name().starts_with("GstKafka")
            {
                continue;
            }
            let nick = property.nick();
            assert!(nick.len() > 2 && nick != property.name(), "{name}.{}: nick {nick:?}", property.name());
            let blurb = property.blurb().unwrap_or_default();
            assert!(blurb.split(' ').count() > 2, "{name}.{}: blurb {blurb:?}", property.name());
        }
    }
}

#[test]
fn links_between_documents_lead_somewhere() {
    let mut broken = Vec::new();
    for document in documents() {
        let text = fs::read_to_string(&document).unwrap();
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let path = target.split('#').next().unwrap_or_default();
            if path.is_empty() || path.contains("://") || path.starts_with("mailto:") {
                continue;
            }
            if !document.parent().unwrap().join(path).exists() {
                broken.push(format!("{}: {target}", document.display()));
            }
        }
    }
    assert!(broken.is_empty(), "broken links:\n{}", broken.join("\n"));
}

#[test]
fn the_readme_names_commands_that_exist() {
    let script = read("dev");
    for document in documents() {
        let text = fs::read_to_string(&document).unwrap();
        for rest in text.split("./dev ").skip(1) {
            let command: String = rest.chars().take_while(char::is_ascii_lowercase).collect();
            if !command.is_empty() {
                assert!(
                    script.contains(&format!("cmd_{command}()")),
                    "{}: ./dev {command} does not exist",
                    document.display()
                );
            }
        }
    }
}

#[test]
fn every_model_has_a_card_and_a_sidecar() {
    let cards = read("models/README.md");
    let mut models = 0;
    for entry in fs::read_dir(repository().join("models")).unwrap().flatten() {
        let path = entry.path();
        if path.extension().is_none_or(|e| e != "onnx") {
            continue;
        }
        models += 1;
        let bytes = fs::read(&path).unwrap();
        let name = entry.file_name().into_string().unwrap();
        assert!(bytes.len() <= 4 << 20, "{name} has {} bytes, more than 4 MiB", bytes.len());
        let sum = sha2::Sha256::digest(&bytes).iter().map(|b| format!("{b:02x}")).collect::<String>();
        assert!(cards.contains(&sum), "models/README.md does not name sha256 {sum} of {name}");
        let sidecar = read(&format!("models/{name}.modelinfo"));
        assert!(sidecar.contains("[modelinfo]") && sidecar.contains("version"), "{name}.modelinfo is no sidecar");
    }
    assert_eq!(models, 4, "a detector and a reader, and the 8-bit form of each");
}

#[test]
fn meson_and_cargo_agree_on_the_version() {
    let cargo = read("Cargo.toml");
    let version = cargo.lines().find_map(|l| l.strip_prefix("version = ")).unwrap().trim_matches('"');
    assert!(read("meson.build").contains(&format!("version: '{version}'")), "meson.build has another version");
}
