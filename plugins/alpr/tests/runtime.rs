//! Finding, missing and choosing ONNX Runtime, each in a process of its own, with the plugin as it is built.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is how a test fails")]

mod common;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use common::{data, onnxruntime};

/// A folder with a copy of the plugin and nothing else of the checkout near it.
struct Place {
    dir: PathBuf,
}

impl Place {
    fn new(name: &str) -> Self {
        let dir = std::env::temp_dir().join(format!("alpr-runtime-{name}-{}", std::process::id()));
        let plugins = dir.join("lib/gstreamer-1.0");
        std::fs::create_dir_all(&plugins).unwrap();
        let exe = std::env::current_exe().unwrap();
        // Cargo builds the plugin for this test into the same folder.
        let built = exe.with_file_name("libgstalpr.so");
        std::fs::copy(&built, plugins.join("libgstalpr.so")).unwrap_or_else(|err| panic!("{}: {err}", built.display()));
        Self { dir }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// Runs a GStreamer tool that sees only this plugin, with `env` set, and neither runtime nor models named otherwise.
    fn run(&self, tool: &str, args: &[&str], env: &[(&str, &str)]) -> Output {
        let mut command = Command::new(tool);
        command
            .args(args)
            .env("GST_PLUGIN_PATH", self.path("lib/gstreamer-1.0"))
            .env("GST_REGISTRY", self.path("registry.bin"))
            .env("HOME", &self.dir);
        for name in ["ORT_DYLIB_PATH", "ALPR_DATA", "ALPR_MODELS", "XDG_CACHE_HOME", "XDG_DATA_DIRS", "LD_LIBRARY_PATH"]
        {
            command.env_remove(name);
        }
        command.envs(env.iter().copied()).output().unwrap_or_else(|err| panic!("{tool}: {err}"))
    }

    /// Starts a detector; its exit and what it said.
    fn detect(&self, options: &str, env: &[(&str, &str)]) -> (bool, String) {
        let line =
            format!("videotestsrc num-buffers=2 ! video/x-raw,width=64,height=64 ! alprdetect {options} ! fakesink");
        let args: Vec<&str> = line.split_whitespace().collect();
        let output = self.run("gst-launch-1.0", &args, env);
        let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        (output.status.success(), text)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

fn model() -> String {
    format!("model-file={}", data("bright-detector.onnx"))
}

#[track_caller]
fn says(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "not said: {part}\n{text}");
    }
}

#[test]
fn the_plugin_inspects_without_a_runtime() {
    let place = Place::new("inspect");
    for element in ["alprdetect", "alprocr", "alproverlay"] {
        let output = place.run("gst-inspect-1.0", &[element], &[("ORT_DYLIB_PATH", "/nowhere/libonnxruntime.so")]);
        assert!(output.status.success(), "{element}");
        says(&String::from_utf8_lossy(&output.stdout), &["Klass", "video/x-raw"]);
    }
}

#[test]
fn a_missing_runtime_is_an_error_that_lists_every_place() {
    let place = Place::new("missing");
    // A file that is no library, in the user's cache; an empty data folder.
    let cache = place.path(".cache/gst-alpr/onnxruntime");
    std::fs::create_dir_all(&cache).unwrap();
    std::fs::write(cache.join("libonnxruntime.so.1.99.0"), "no library").unwrap();
    let (good, text) = place.detect(&model(), &[("ALPR_DATA", place.path("data").to_str().unwrap())]);
    if good {
        // This machine has a runtime where the system's loader finds it: then that one serves.
        return assert!(Path::new("/etc/ld.so.cache").exists());
    }
    says(
        &text,
        &[
            "No usable ONNX Runtime library",
            "data/onnxruntime (variable ALPR_DATA): No such file",
            "libonnxruntime.so.1.99.0 (the user's cache)",
            "file too short",
            "beside the plugin's checkout",
            "gst-alpr (beside the plugin's installation)",
            "libonnxruntime.so.1 (the system's loader)",
            "/usr/local/lib (known folder): no libonnxruntime.so",
            "ORT_DYLIB_PATH",
        ],
    );
}

#[test]
fn a_named_runtime_is_the_only_one_tried() {
    let place = Place::new("named");
    let (good, text) = place.detect(&model(), &[("ORT_DYLIB_PATH", "/nowhere/libonnxruntime.so")]);
    assert!(!good);
    says(&text, &["/nowhere/libonnxruntime.so (variable ORT_DYLIB_PATH)"]);
    assert!(!text.contains("known folder"), "{text}");
    let options = format!("{} onnxruntime-library=/elsewhere/lib.so", model());
    let (good, text) = place.detect(&options, &[("ORT_DYLIB_PATH", onnxruntime().to_str().unwrap())]);
    assert!(!good);
    says(&text, &["/elsewhere/lib.so (property onnxruntime-library)"]);
}

#[test]
fn the_runtime_is_found_in_every_place_of_ours() {
    for (name, at, env) in [
        ("data", "data/onnxruntime", Some("data")),
        ("cache", ".cache/gst-alpr/onnxruntime", None),
        ("installed", "lib/gst-alpr", None),
        ("checkout", ".cache/onnxruntime", None),
    ] {
        let place = Place::new(name);
        let dir = place.path(at);
        std::fs::create_dir_all(&dir).unwrap();
        std::os::unix::fs::symlink(onnxruntime(), dir.join("libonnxruntime.so.1.24.1")).unwrap();
        let data_dir = place.path(env.unwrap_or("none"));
        let env =
            [("ALPR_DATA", data_dir.to_str().unwrap()), ("GST_DEBUG", "alprruntime:4"), ("GST_DEBUG_NO_COLOR", "1")];
        let (good, text) = place.detect(&model(), &env);
        assert!(good, "{name}: {text}");
        let line = text.lines().find(|line| line.contains("using ONNX Runtime")).unwrap_or_else(|| panic!("{text}"));
        assert!(line.contains(dir.file_name().unwrap().to_str().unwrap()), "{name}: {line}");
    }
}

#[test]
fn one_runtime_serves_a_process() {
    let place = Place::new("other");
    let other = place.path("libother.so");
    std::fs::copy(onnxruntime(), &other).unwrap();
    let options = format!(
        "{model} onnxruntime-library={one} ! alprdetect {model} onnxruntime-library={other}",
        model = model(),
        one = onnxruntime().display(),
        other = other.display()
    );
    let (good, text) = place.detect(&options, &[]);
    assert!(!good);
    says(&text, &["libother.so", "this process already uses", "the same onnxruntime-library"]);
}

#[test]
fn a_missing_default_model_lists_every_place() {
    let place = Place::new("model");
    let runtime = onnxruntime();
    let env = [("ALPR_MODELS", "/nowhere/models"), ("ORT_DYLIB_PATH", runtime.to_str().unwrap())];
    let (good, text) = place.detect("", &env);
    assert!(!good);
    says(
        &text,
        &[
            "No model plate-detector.onnx was found",
            "/nowhere/models/plate-detector.onnx (variable ALPR_MODELS)",
            "beside the plugin's checkout",
            "beside the plugin's installation",
            "system data folder",
            "model-file",
        ],
    );
}

#[test]
fn the_default_model_is_found_in_every_place_of_ours() {
    for at in ["data/models", "models", "share/gst-alpr/models"] {
        let place = Place::new(&at.replace('/', "-"));
        let dir = place.path(at);
        std::fs::create_dir_all(&dir).unwrap();
        std::fs::copy(Path::new(&data("bright-detector.onnx")), dir.join("plate-detector.onnx")).unwrap();
        let (runtime, data_dir) = (onnxruntime(), place.path("data"));
        let env = [("ALPR_DATA", data_dir.to_str().unwrap()), ("ORT_DYLIB_PATH", runtime.to_str().unwrap())];
        let (good, text) = place.detect("", &env);
        assert!(good, "{at}: {text}");
    }
}

#[test]
fn the_processor_takes_the_8_bit_form_of_a_default_model() {
    let place = Place::new("forms");
    let dir = place.path("models");
    std::fs::create_dir_all(&dir).unwrap();
    let runtime = onnxruntime();
    let env = [
        ("ALPR_MODELS", dir.to_str().unwrap()),
        ("ORT_DYLIB_PATH", runtime.to_str().unwrap()),
        ("GST_DEBUG", "alprruntime:4"),
        ("GST_DEBUG_NO_COLOR", "1"),
    ];
    for form in ["plate-detector.onnx", "plate-detector.int8.onnx"] {
        std::fs::copy(Path::new(&data("bright-detector.onnx")), dir.join(form)).unwrap();
        let (good, text) = place.detect("", &env);
        assert!(good, "{form}: {text}");
        says(&text, &[&format!("models/{form} runs by execution provider cpu")]);
    }
}
