//! The client of a Confluent schema registry: one question, which id has this schema under this subject.

use crate::secret::{Secret, SecretError};
use base64::Engine;
use std::{fmt, sync::mpsc, time::Duration};
use ureq::{
    RequestBuilder,
    tls::{RootCerts, TlsConfig, TlsProvider},
    typestate::WithBody,
};

const CONTENT_TYPE: &str = "application/vnd.schemaregistry.v1+json";
/// The registry answers within this time or is asked again later.
const TIMEOUT: Duration = Duration::from_secs(10);
/// How often a wait for its answer looks whether it is given up.
const LOOK_INTERVAL: Duration = Duration::from_millis(50);

/// Why there is no id.
#[derive(Debug)]
pub(crate) enum RegistryError {
    /// No answer.
    Unreachable { url: String, reason: String },
    /// An answer that is not "here is the id"; `body` is the registry's own words.
    Answer { url: String, status: u16, body: String },
    /// The password's source cannot be read now.
    Secret(SecretError),
}

impl RegistryError {
    /// True when the same question can have another answer later: the registry is away, or someone registers the schema,
    /// or corrects the permissions. An incompatible or invalid schema stays one.
    pub(crate) fn passes(&self) -> bool {
        !matches!(self, Self::Answer { status: 409 | 422, .. })
    }
}

impl fmt::Display for RegistryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable { url, reason } => write!(f, "The schema registry {url} does not answer: {reason}."),
            Self::Answer { url, status: 401 | 403, .. } => write!(
                f,
                "The schema registry refused {url}: check schema-registry-username and schema-registry-password."
            ),
            Self::Answer { url, status: 404, body } => write!(
                f,
                "The schema registry does not know the schema ({url}: {body}). Register it, or set schema-register=true."
            ),
            Self::Answer { url, status: 409, body } => write!(
                f,
                "The schema is not compatible with the subject's earlier ones ({url}: {body}). Use another topic, or \
                 change the subject's compatibility."
            ),
            Self::Secret(err) => err.fmt(f),
            Self::Answer { url, status, body } => write!(f, "The schema registry answered {status} to {url}: {body}"),
        }
    }
}

/// A registry.
pub(crate) struct Registry {
    agent: ureq::Agent,
    url: String,
    username: Option<String>,
    password: Secret,
    register: bool,
}

impl Registry {
    pub(crate) fn new(
        url: &str,
        username: Option<&str>,
        password: &Secret,
        register: bool,
    ) -> Result<Self, SecretError> {
        let tls = TlsConfig::builder().provider(TlsProvider::NativeTls).root_certs(RootCerts::PlatformVerifier).build();
        let config = ureq::Agent::config_builder()
            .timeout_global(Some(TIMEOUT))
            .http_status_as_error(false)
            .tls_config(tls)
            .build();
        let registry = Self {
            agent: config.into(),
            url: url.trim_end_matches('/').to_string(),
            username: username.map(str::to_string),
            password: password.clone(),
            register,
        };
        // A source that does not exist is to be known at the start.
        registry.authorization()?;
        Ok(registry)
    }

    /// Read for each question: passwords change on running systems.
    fn authorization(&self) -> Result<Option<zeroize::Zeroizing<String>>, SecretError> {
        let password = self.password.reveal("schema-registry-password")?;
        Ok(self.username.as_ref().map(|name| {
            let password = password.as_ref().map_or("", |password| password.as_str());
            let pair = zeroize::Zeroizing::new(format!("{name}:{password}"));
            let encoded = base64::engine::general_purpose::STANDARD.encode(pair.as_bytes());
            zeroize::Zeroizing::new(format!("Basic {encoded}"))
        }))
    }

    /// The id of `schema` under `subject`; registers it when allowed. Waits for the answer until `given_up` says so.
    pub(crate) fn id(&self, subject: &str, schema: &str, given_up: &dyn Fn() -> bool) -> Result<u32, RegistryError> {
        // With "versions" the registry adds the schema if it is new, without it only looks it up.
        let action = if self.register { "/versions" } else { "" };
        let url = format!("{}/subjects/{}{action}", self.url, encode(subject));
        let body = serde_json::json!({ "schema": schema }).to_string();
        let mut request = self.agent.post(&url).header("Content-Type", CONTENT_TYPE).header("Accept", CONTENT_TYPE);
        if let Some(authorization) = self.authorization().map_err(RegistryError::Secret)? {
            request = request.header("Authorization", authorization.as_str());
        }
        // In a thread of its own, which ends by its timeout at the latest: a stop cannot wait for that.
        let (answer, answered) = mpsc::channel();
        let asked = url.clone();
        let started = std::thread::Builder::new().name("kafkasink-registry".into()).spawn(move || {
            // Nobody listens when it is given up.
            let _ = answer.send(ask(request, &asked, &body));
        });
        let unreachable = |reason: String| RegistryError::Unreachable { url: url.clone(), reason };
        started.map_err(|err| unreachable(err.to_string()))?;
        loop {
            match answered.recv_timeout(LOOK_INTERVAL) {
                Ok(answer) => return answer,
                Err(mpsc::RecvTimeoutError::Timeout) if !given_up() => (),
                Err(err) => return Err(unreachable(err.to_string())),
            }
        }
    }
}

fn ask(request: RequestBuilder<WithBody>, url: &str, body: &str) -> Result<u32, RegistryError> {
    let unreachable = |err: ureq::Error| RegistryError::Unreachable { url: url.into(), reason: err.to_string() };
    let mut response = request.send(body).map_err(unreachable)?;
    let status = response.status().as_u16();
    let body = response.body_mut().read_to_string().map_err(unreachable)?;
    let id = serde_json::from_str::<serde_json::Value>(&body).ok().and_then(|value| value["id"].as_u64());
    match id {
        Some(id) if status == 200 => Ok(id as u32),
        _ => Err(RegistryError::Answer { url: url.into(), status, body: body.chars().take(300).collect() }),
    }
}

/// A subject as a part of a URL.
fn encode(subject: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    subject.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        io::{BufRead, BufReader, Write},
        net::TcpListener,
    };

    #[test]
    fn subjects_are_safe_in_urls() {
        assert_eq!(encode("a.b_1-value"), "a.b_1-value");
        assert_eq!(encode("a/b c"), "a%2Fb%20c");
    }

    /// Answers one request with an id; gives what the request said of the login.
    fn answer_one(listener: &TcpListener) -> String {
        let (stream, _) = listener.accept().unwrap();
        let mut lines = BufReader::new(&stream).lines();
        let login =
            lines.by_ref().map(|line| line.unwrap()).find(|line| line.to_lowercase().starts_with("authorization"));
        (&stream).write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\nConnection: close\r\n\r\n{\"id\":1}").unwrap();
        login.unwrap().split_once(' ').unwrap().1.to_string()
    }

    #[test]
    fn a_password_file_is_read_for_each_question() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let file = tempfile::NamedTempFile::new().unwrap();
        let password = Secret::new(Some(format!("file:{}", file.path().display())));
        std::fs::write(file.path(), "one").unwrap();
        let registry = Registry::new(&url, Some("me"), &password, true).unwrap();
        for text in ["one", "two"] {
            std::fs::write(file.path(), text).unwrap();
            let asked = std::thread::scope(|scope| {
                let asked = scope.spawn(|| answer_one(&listener));
                registry.id("t-value", "\"string\"", &|| false).unwrap();
                asked.join().unwrap()
            });
            let expected = base64::engine::general_purpose::STANDARD.encode(format!("me:{text}"));
            assert_eq!(asked, format!("Basic {expected}"));
        }
        drop(file);
        let err = registry.id("t-value", "\"string\"", &|| false).unwrap_err();
        assert!(err.passes() && err.to_string().contains("schema-registry-password"), "{err}");
    }

    #[test]
    fn only_an_incompatible_or_invalid_schema_is_final() {
        let answer = |status| RegistryError::Answer { url: String::new(), status, body: String::new() };
        let passing: Vec<u16> =
            [401, 403, 404, 409, 422, 500, 503].into_iter().filter(|s| answer(*s).passes()).collect();
        assert_eq!(passing, [401, 403, 404, 500, 503]);
    }
}
