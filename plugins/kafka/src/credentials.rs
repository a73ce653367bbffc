//! What a client is built from, read anew for each client: certificates, keys and passwords change on running systems.

use crate::config;
use crate::config_file;
use crate::error::SinkError;
use crate::settings::Settings;
use rdkafka::ClientConfig;
use std::{cell::RefCell, collections::BTreeMap, os::unix::fs::MetadataExt, path::Path};
use zeroize::Zeroizing;

/// Ends of the names of the client's settings that are files, which it reads when it is built.
const FILE_KEYS: &[&str] = &[".location", ".keytab"];

/// Of the files of TLS: the key of the path, the key that takes what is in the file instead, and the property.
const TLS_KEYS: &[(&str, &str, &str)] = &[
    ("ssl.ca.location", "ssl.ca.pem", "ssl-ca-location"),
    ("ssl.certificate.location", "ssl.certificate.pem", "ssl-certificate-location"),
    ("ssl.key.location", "ssl.key.pem", "ssl-key-location"),
];

/// What is in the files of TLS, by the key of the path.
type Contents = BTreeMap<&'static str, Zeroizing<String>>;

/// The settings, and where their secrets come from.
pub(crate) struct Source {
    settings: Settings,
    /// What the last client was built from.
    built_from: RefCell<Option<Snapshot>>,
    /// Why the files could not be read for it, if they could not.
    unread: RefCell<Option<String>>,
    /// What the files of TLS held when it was built,
    contents: RefCell<Contents>,
    /// and when one could be built from them last.
    good: RefCell<Contents>,
}

/// The client's configuration as it was at one moment.
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
        Self {
            settings,
            built_from: RefCell::default(),
            unread: RefCell::default(),
            contents: RefCell::default(),
            good: RefCell::default(),
        }
    }

    /// What a new client is to be built from, and a warning when there is something new to say. Files that are gone or in
    /// the middle of a change stop no sink that worked with what they held before.
    pub(crate) fn for_client(&self) -> Result<(ClientConfig, Option<String>), SinkError> {
        let mut built_from = self.built_from.borrow_mut();
        let (snapshot, unread) = match (self.read(), built_from.take()) {
            (Ok(now), _) => (now, None),
            (Err(err), Some(before)) => (before, Some(err.to_string())),
            (Err(err), None) => return Err(err),
        };
        let known = self.unread.replace(unread.clone());
        let warning = unread
            .filter(|why| known.as_ref() != Some(why))
            .map(|why| format!("{why} A new Kafka client goes on with what was read before."));
        let config = built_from.insert(snapshot).config.clone();
        self.contents.replace(contents(&config));
        Ok((config, warning))
    }

    /// A client could be built from what [`Source::for_client`] gave last.
    pub(crate) fn worked(&self) {
        self.good.replace(self.contents.take());
    }

    /// To be called when none could be built because of `reason`: puts what the files of TLS held when the last one was built in
    /// their place, and gives the warning for that. `None` when nothing is known of them, as at the start.
    pub(crate) fn use_last_good(&self, config: &mut ClientConfig, reason: &str) -> Option<String> {
        let good = self.good.borrow();
        let mut used = Vec::new();
        for (location, text, property) in TLS_KEYS {
            if let Some(content) = good.get(location).filter(|_| config.get(location).is_some()) {
                config.remove(location);
                config.set(*text, content.as_str());
                used.push(*property);
            }
        }
        (!used.is_empty()).then(|| {
            format!(
                "Could not build a Kafka client from the files of now: {reason} It goes on with what {} held before. Put the files \
                 in their place: the next start needs them.",
                used.join(", ")
            )
        })
    }

    /// True when a client built now would be another than the last one. What cannot be read is in the middle of a change: the
    /// next look sees the end of it.
    pub(crate) fn has_changed(&self) -> bool {
        let built_from = self.built_from.borrow();
        built_from.as_ref().is_some_and(|before| self.read().is_ok_and(|now| now.differs(before)))
    }

    /// Reads the files as they are now. Of the configuration file that is the section `auth`: the rest stays as it was.
    pub(crate) fn read(&self) -> Result<Snapshot, SinkError> {
        let mut settings = self.settings.clone();
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

/// What is in the files of TLS; a directory of CAs, and what cannot be read, is left out.
fn contents(config: &ClientConfig) -> Contents {
    let read = |key: &&'static str| std::fs::read_to_string(config.get(key)?).ok().map(Zeroizing::new);
    TLS_KEYS.iter().filter_map(|(location, ..)| Some((*location, read(location)?))).collect()
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
    fn what_cannot_be_read_is_as_it_was_for_the_client_before() {
        gst::init().unwrap();
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("kafka.yaml");
        let source = Source::new(Settings { config_file: Some(file.clone()), ..with_login() });
        let check = |text: Option<&str>, password: &str, words: Option<&str>| {
            match text {
                Some(text) => fs::write(&file, text).unwrap(),
                None => fs::remove_file(&file).unwrap(),
            }
            let (config, warning) = source.for_client().unwrap_or_else(|err| panic!("{err}"));
            assert_eq!(config.get("sasl.password"), Some(password));
            let warning = warning.unwrap_or_default();
            let said = words.map_or(warning.is_empty(), |words| warning.contains(words));
            assert!(said && !warning.contains(password), "{warning}");
            assert!(!source.has_changed(), "the client is as new as it can be");
        };
        assert!(source.for_client().is_err(), "nothing was read before");
        check(Some("auth:\n  sasl_password: one\n"), "one", None);
        check(None, "one", Some("could not be read"));
        let broken = "auth:\n  sasl_password: [two";
        check(Some(broken), "one", Some("is no YAML"));
        check(Some(broken), "one", None);
        let unset = "auth:\n  sasl_password: ${KAFKASINK_NOT_SET}\n";
        check(Some(unset), "one", Some("KAFKASINK_NOT_SET is not set"));
        fs::write(&file, "auth:\n  sasl_password: two\n").unwrap();
        assert!(source.has_changed());
        check(Some("auth:\n  sasl_password: two\n"), "two", None);
        check(Some(broken), "two", Some("is no YAML"));
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
    fn certificates_that_are_gone_are_as_they_were_for_the_client_before() {
        gst::init().unwrap();
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| Some(dir.path().join(name).display().to_string());
        for name in ["ca", "certificate", "key"] {
            fs::write(dir.path().join(name), format!("{name}-1")).unwrap();
        }
        let source = Source::new(Settings {
            ssl_ca_location: path("ca"),
            ssl_certificate_location: path("certificate"),
            ssl_key_location: path("key"),
            ..with_login()
        });
        let (mut first, _) = source.for_client().unwrap_or_else(|err| panic!("{err}"));
        assert!(source.use_last_good(&mut first, "No.").is_none(), "no client was ever built");
        source.worked();
        fs::remove_file(dir.path().join("key")).unwrap();
        fs::write(dir.path().join("certificate"), "certificate-2").unwrap();
        let (mut config, _) = source.for_client().unwrap_or_else(|err| panic!("{err}"));
        assert!(config.get("ssl.key.location").is_some(), "the files first");
        let warning = source.use_last_good(&mut config, "No.").unwrap();
        for (location, text, content) in [
            ("ssl.ca.location", "ssl.ca.pem", "ca-1"),
            ("ssl.certificate.location", "ssl.certificate.pem", "certificate-1"),
            ("ssl.key.location", "ssl.key.pem", "key-1"),
        ] {
            assert_eq!((config.get(location), config.get(text)), (None, Some(content)), "all of one time");
        }
        assert!(warning.contains("No. It goes on") && warning.contains("ssl-key-location"), "{warning}");
        assert!(!warning.contains("-1") && !warning.contains("-2"), "{warning}");
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
