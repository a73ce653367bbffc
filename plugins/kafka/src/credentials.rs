//! What a client is built from, read anew for each client: certificates, keys and passwords change on running systems.

use crate::config;
use crate::config_file;
use crate::error::SinkError;
use crate::settings::Settings;
use rdkafka::ClientConfig;
use std::{collections::BTreeMap, os::unix::fs::MetadataExt, path::Path};

/// Ends of the names of the client's settings that are files, which it reads when it is built.
const FILE_KEYS: &[&str] = &[".location", ".keytab"];

/// The settings, and where their secrets come from.
pub(crate) struct Source(Settings);

/// The client's configuration as it was at one moment.
#[derive(Default)]
pub(crate) struct Snapshot {
    pub(crate) config: ClientConfig,
    /// Paths of the client's own files and what tells that they are others.
    files: Vec<(String, Option<Stamp>)>,
}

/// A file that was written again has another one, and so has one that was put in its place.
#[derive(Debug, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    bytes: u64,
    modified: (i64, i64),
}

impl Source {
    /// `settings` as the sink started with them.
    pub(crate) fn new(settings: Settings) -> Self {
        Self(settings)
    }

    /// Reads the files as they are now. Of the configuration file that is the section `auth`: the rest stays as it was.
    pub(crate) fn read(&self) -> Result<Snapshot, SinkError> {
        let mut settings = self.0.clone();
        if let Some(path) = settings.config_file.clone() {
            config_file::load_login(&mut settings, &path).map_err(SinkError::File)?;
        }
        let config = config::client_config(&settings)?;
        // Before the client reads them: one that is written in between differs at the next look.
        let files = files(&config);
        Ok(Snapshot { config, files })
    }
}

impl Snapshot {
    /// True when a client built from `other` would be another.
    pub(crate) fn differs(&self, other: &Self) -> bool {
        self.files != other.files || values(&self.config) != values(&other.config)
    }
}

/// All settings; `config_map` alone hides the values of secrets.
fn values(config: &ClientConfig) -> BTreeMap<&str, Option<&str>> {
    config.config_map().into_keys().map(|key| (key, config.get(key))).collect()
}

fn files(config: &ClientConfig) -> Vec<(String, Option<Stamp>)> {
    let is_file = |key: &str| FILE_KEYS.iter().any(|end| key.ends_with(end));
    let paths = config.config_map().into_iter().filter(|(key, _)| is_file(key)).map(|(_, path)| path);
    paths.map(|path| (path.to_string(), stamp(Path::new(path)))).collect()
}

fn stamp(path: &Path) -> Option<Stamp> {
    let found = path.metadata().ok()?;
    Some(Stamp {
        device: found.dev(),
        inode: found.ino(),
        bytes: found.len(),
        modified: (found.mtime(), found.mtime_nsec()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;
    use crate::settings::{SaslMechanism, SecurityProtocol};
    use std::fs;

    fn read(source: &Source) -> Snapshot {
        source.read().unwrap_or_else(|err| panic!("{err}"))
    }

    fn with_login() -> Settings {
        Settings {
            security_protocol: SecurityProtocol::SaslSsl,
            sasl_mechanism: SaslMechanism::ScramSha512,
            sasl_username: Some("me".into()),
            sasl_password: Secret::new(Some("literal".into())),
            ..Settings::default()
        }
    }

    #[test]
    fn a_password_file_is_read_each_time() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("password");
        fs::write(&file, "one").unwrap();
        let password = Secret::new(Some(format!("file:{}", file.display())));
        let source = Source::new(Settings { sasl_password: password, ..with_login() });
        let first = read(&source);
        assert!(!first.differs(&read(&source)), "nothing has changed");
        fs::write(&file, "two").unwrap();
        let second = read(&source);
        assert!(first.differs(&second));
        assert_eq!(second.config.get("sasl.password"), Some("two"));
        fs::remove_file(&file).unwrap();
        let err = source.read().err().unwrap().to_string();
        assert!(err.contains("sasl-password") && !err.contains("two"), "{err}");
    }

    #[test]
    fn certificates_that_are_written_again_or_put_in_place_are_others() {
        let dir = tempfile::tempdir().unwrap();
        let (ca, next, crl) = (dir.path().join("ca"), dir.path().join("next"), dir.path().join("crl"));
        fs::write(&ca, "one").unwrap();
        let source = Source::new(Settings {
            ssl_ca_location: Some(ca.display().to_string()),
            file_keys: vec![("ssl.crl.location".into(), crl.display().to_string())],
            ..with_login()
        });
        let first = read(&source);
        assert!(!first.differs(&read(&source)), "nothing has changed");
        fs::write(&ca, "longer").unwrap();
        let second = read(&source);
        assert!(first.differs(&second), "written again");
        fs::write(&next, "as long").unwrap();
        fs::rename(&next, &ca).unwrap();
        let third = read(&source);
        assert!(second.differs(&third), "put in place");
        fs::write(&crl, "").unwrap();
        assert!(third.differs(&read(&source)), "a file of a free setting");
    }

    #[test]
    fn of_the_configuration_file_only_the_login_is_read_again() {
        gst::init().unwrap();
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("kafka.yaml");
        let write = |password: &str, server: &str| {
            let text =
                format!("kafka:\n  bootstrap_servers: {server}\n  unknown: 1\nauth:\n  sasl_password: {password}\n");
            fs::write(&file, text).unwrap();
        };
        write("one", "a:1");
        let mut settings = Settings { config_file: Some(file.clone()), ..with_login() };
        config_file::load(&mut settings, &file).unwrap();
        let source = Source::new(settings);
        assert_eq!(read(&source).config.get("sasl.password"), Some("one"));
        write("two", "b:2");
        let config = read(&source).config;
        assert_eq!((config.get("sasl.password"), config.get("bootstrap.servers")), (Some("two"), Some("a:1")));
    }
}
