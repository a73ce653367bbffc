//! A setting that must never be shown.

use std::{fmt, io};

/// A secret as it was set: the text itself, `env:NAME` or `file:PATH`. It is read whenever it is needed, its `Debug` text
/// never shows it, and it is wiped from memory when dropped.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Secret(Option<zeroize::Zeroizing<String>>);

/// A secret that could not be read. The text names the source, never the content.
#[derive(Debug)]
pub(crate) struct SecretError(String);

impl Secret {
    pub(crate) fn new(text: Option<String>) -> Self {
        Self(text.filter(|text| !text.is_empty()).map(zeroize::Zeroizing::new))
    }

    pub(crate) fn is_set(&self) -> bool {
        self.0.is_some()
    }

    /// The secret itself, read from its source; `property` is the name for errors.
    pub(crate) fn reveal(&self, property: &str) -> Result<Option<zeroize::Zeroizing<String>>, SecretError> {
        let Some(text) = &self.0 else { return Ok(None) };
        let found = if let Some(name) = text.strip_prefix("env:") {
            std::env::var(name).map_err(|_| {
                SecretError(format!(
                    "{property} is to come from the environment variable {name}, which is not set (or not UTF-8). Set \
                     it before the process starts."
                ))
            })?
        } else if let Some(path) = text.strip_prefix("file:") {
            let content = std::fs::read_to_string(path).map_err(|err: io::Error| {
                SecretError(format!("{property} is to come from the file {path}, which could not be read: {err}."))
            })?;
            content.trim_end_matches(['\r', '\n']).to_string()
        } else {
            return Ok(Some(text.clone()));
        };
        Ok(Some(zeroize::Zeroizing::new(found)))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_set() { "(set)" } else { "(not set)" })
    }
}

impl fmt::Display for SecretError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for SecretError {}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn secret(text: &str) -> Secret {
        Secret::new(Some(text.to_string()))
    }

    #[test]
    fn debug_text_never_shows_it() {
        assert_eq!(format!("{:?} {:?}", secret("hunter2"), Secret::default()), "(set) (not set)");
    }

    #[test]
    fn text_file_and_environment() {
        assert_eq!(secret("hunter2").reveal("p").unwrap().unwrap().as_str(), "hunter2");
        let mut file = tempfile::NamedTempFile::new().unwrap();
        writeln!(file, "from-file").unwrap();
        let source = format!("file:{}", file.path().display());
        assert_eq!(secret(&source).reveal("p").unwrap().unwrap().as_str(), "from-file");
        assert_eq!(secret("env:CARGO_PKG_NAME").reveal("p").unwrap().unwrap().as_str(), "gst-plugin-kafka");
    }

    #[test]
    fn a_missing_source_is_named() {
        let err = secret("env:KAFKASINK_NOT_SET").reveal("sasl-password").unwrap_err().to_string();
        assert!(err.contains("sasl-password") && err.contains("KAFKASINK_NOT_SET"), "{err}");
        let err = secret("file:/nowhere/x").reveal("sasl-password").unwrap_err().to_string();
        assert!(err.contains("/nowhere/x"), "{err}");
    }
}
