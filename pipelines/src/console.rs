//! Lines for a person at a terminal. Addresses in them are shown without their logins, whoever wrote them.

use crate::secrets::without_logins;
use std::io::{IsTerminal as _, Write as _};

/// Writes a line to standard output. A closed output (`| head`) is no error worth stopping for.
pub fn say(line: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{}", without_logins(line));
}

/// Writes a line to standard error.
pub fn warn(line: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{}", without_logins(line));
}

/// Whether standard error is a terminal, so that a line can be written over.
pub fn is_terminal() -> bool {
    std::io::stderr().is_terminal()
}

/// Writes `line` over the line before it on a terminal; on anything else it writes nothing.
pub fn progress(line: &str) {
    if is_terminal() {
        let _ = write!(std::io::stderr().lock(), "\r{line}\x1b[K");
    }
}

/// Ends the line that [`progress`] wrote.
pub fn progress_end() {
    if is_terminal() {
        let _ = write!(std::io::stderr().lock(), "\r\x1b[K");
    }
}
