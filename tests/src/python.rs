//! The Python packages with which the tests stand in for existing consumers.

use std::path::PathBuf;
use std::process::{Command, Output};

/// A program of the tests' virtual environment.
///
/// # Panics
///
/// When `ALPR_TEST_VENV` is not set: the tests are run by `./dev test`, which makes the environment.
pub fn program(name: &str) -> PathBuf {
    let venv = std::env::var_os("ALPR_TEST_VENV").expect("ALPR_TEST_VENV is not set: run the tests by ./dev test");
    PathBuf::from(venv).join("bin").join(name)
}

/// Runs a script of `tests/` to its end.
///
/// # Panics
///
/// With what the script printed, when it fails.
pub fn run(script: &str, arguments: &[&str]) -> String {
    let Output { status, stdout, stderr } = Command::new(program("python"))
        .arg(crate::repository().join("tests").join(script))
        .args(arguments)
        .output()
        .expect("the tests' Python starts");
    let (stdout, stderr) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    assert!(status.success(), "{script} {arguments:?}: {status}\n{stdout}\n{stderr}");
    stdout.into_owned()
}
