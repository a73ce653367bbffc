//! OAUTHBEARER tokens from a command.
//!
//! The command is run by `/bin/sh -c` and prints one JSON object: `token`, `lifetime_ms` (when the token ends,
//! milliseconds since 1970 UTC) and optionally `principal`. `docs/kafka.md` has one for AWS MSK IAM.

use crate::secret::Secret;
use rdkafka::client::OAuthToken;
use std::{
    io::Read,
    process::{Command, Stdio},
    sync::mpsc,
    time::Duration,
};

/// The command must be done by then; the client asks again later.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(20);

/// Runs the command and reads its token.
///
/// # Errors
/// When it cannot be run, fails, takes too long or prints something else. What it prints is never part of the text.
pub(crate) fn token(command: &Secret) -> Result<OAuthToken, String> {
    let command = command.reveal("sasl-token-command").map_err(|err| err.to_string())?;
    let command = command.ok_or("sasl-token-command is not set; sasl-mechanism=oauthbearer needs it")?;
    let output = run(&command)?;
    parse(&output)
}

fn run(command: &str) -> Result<Vec<u8>, String> {
    let mut child = Command::new("/bin/sh")
        .args(["-c", command])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|err| format!("sasl-token-command could not be started: {err}"))?;
    let mut stdout = child.stdout.take().ok_or("sasl-token-command has no output")?;
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let mut output = Vec::new();
        let read = stdout.read_to_end(&mut output).map(|_| output);
        // The receiver is gone after the timeout.
        let _ = sender.send(read);
    });
    let output = receiver.recv_timeout(COMMAND_TIMEOUT);
    if output.is_err() {
        // Already gone is as good.
        let _ = child.kill();
    }
    let status = child.wait().map_err(|err| format!("sasl-token-command: {err}"))?;
    let output = output
        .map_err(|_| format!("sasl-token-command took more than {} s", COMMAND_TIMEOUT.as_secs()))?
        .map_err(|err| format!("the output of sasl-token-command could not be read: {err}"))?;
    if status.success() { Ok(output) } else { Err(format!("sasl-token-command failed: {status}")) }
}

fn parse(output: &[u8]) -> Result<OAuthToken, String> {
    let wrong = "sasl-token-command must print one JSON object with \"token\" (text) and \"lifetime_ms\" (the token's \
                 end, milliseconds since 1970)";
    let value: serde_json::Value = serde_json::from_slice(output).map_err(|_| wrong.to_string())?;
    let token = value["token"].as_str().ok_or(wrong)?;
    let lifetime_ms = value["lifetime_ms"].as_i64().ok_or(wrong)?;
    let principal_name = value["principal"].as_str().unwrap_or_default();
    Ok(OAuthToken { token: token.to_string(), principal_name: principal_name.to_string(), lifetime_ms })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(text: &str) -> Secret {
        Secret::new(Some(text.to_string()))
    }

    #[test]
    fn a_token_is_read() {
        let found = token(&command(r#"echo '{"token":"abc","lifetime_ms":1700000000000,"principal":"me"}'"#)).unwrap();
        assert_eq!((found.token.as_str(), found.principal_name.as_str()), ("abc", "me"));
        assert_eq!(found.lifetime_ms, 1_700_000_000_000);
    }

    #[test]
    fn output_is_never_part_of_the_error() {
        for text in ["echo s3cret", "echo s3cret; exit 3", "echo s3cret >&2; exit 1", ""] {
            let Err(err) = token(&command(text)) else { panic!("{text} gave a token") };
            assert!(!err.contains("s3cret"), "{err}");
        }
    }
}
