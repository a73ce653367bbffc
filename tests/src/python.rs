//! The Python packages with which the tests stand in for existing consumers.

use std::path::PathBuf;
use std::process::{Command, Output};

/// The tests' virtual environment.
fn environment() -> PathBuf {
    std::env::var_os("ALPR_TEST_VENV").expect("ALPR_TEST_VENV is not set: run the tests by ./dev test").into()
}

/// The file `path` that a package of the tests' virtual environment brings.
///
/// # Panics
///
/// When `ALPR_TEST_VENV` is not set: the tests are run by `./dev test`, which makes the environment.
pub fn package_file(path: &str) -> PathBuf {
    let lib = environment().join("lib");
    let python = std::fs::read_dir(&lib).expect("the environment's lib").next().expect("lib/python3.X");
    python.expect("lib/python3.X").path().join("site-packages").join(path)
}

/// Runs a script of `tests/` to its end.
///
/// # Panics
///
/// With what the script printed, when it fails.
pub fn run(script: &str, arguments: &[&str]) -> String {
    let Output { status, stdout, stderr } = Command::new(environment().join("bin/python"))
        .arg(crate::repository().join("tests").join(script))
        .args(arguments)
        .output()
        .expect("the tests' Python starts");
    let (stdout, stderr) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    assert!(status.success(), "{script} {arguments:?}: {status}\n{stdout}\n{stderr}");
    stdout.into_owned()
}
