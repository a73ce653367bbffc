//! OAUTHBEARER tokens from a command.
//!
//! The command is run by `/bin/sh -c` and prints one JSON object: `token`, `lifetime_ms` (when the token ends,
//! milliseconds since 1970 UTC) and optionally `principal`. `docs/kafka.md` has one for AWS MSK IAM.

use crate::secret::Secret;
use rdkafka::client::OAuthToken;
use rustix::process::{Pid, Signal, kill_process_group};
use std::{
    io::{self, Read},
    os::unix::process::CommandExt,
    process::{Child, ChildStdout, Command, ExitStatus, Stdio},
    sync::mpsc,
    time::{Duration, Instant},
};

/// The command must be done by then; the client asks again later.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(20);
/// How often a wait for the command looks at it.
const LOOK_INTERVAL: Duration = Duration::from_millis(20);

/// Runs the command and reads its token; kills it when the sink is `stopped`.
///
/// # Errors
/// When it cannot be run, fails, takes too long or prints something else. What it prints is never part of the text.
pub(crate) fn token(command: &Secret, stopped: &dyn Fn() -> bool) -> Result<OAuthToken, String> {
    let command = command.reveal("sasl-token-command").map_err(|err| err.to_string())?;
    let command = command.ok_or("sasl-token-command is not set; sasl-mechanism=oauthbearer needs it")?;
    let output = run(&command, stopped)?;
    parse(&output)
}

fn run(command: &str, stopped: &dyn Fn() -> bool) -> Result<Vec<u8>, String> {
    let mut child = Command::new("/bin/sh")
        .args(["-c", command])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        // With all that it starts it can be killed together.
        .process_group(0)
        .spawn()
        .map_err(|err| format!("sasl-token-command could not be started: {err}"))?;
    let ended = end(&mut child, stopped);
    if ended.is_err() {
        // Already gone is as good.
        let _ = kill_process_group(Pid::from_child(&child), Signal::KILL);
        let _ = child.wait();
    }
    let (status, output) = ended?;
    if status.success() { Ok(output) } else { Err(format!("sasl-token-command failed: {status}")) }
}

/// Waits for the end of the command and of its output.
fn end(child: &mut Child, stopped: &dyn Fn() -> bool) -> Result<(ExitStatus, Vec<u8>), String> {
    let output = read(child.stdout.take().ok_or("sasl-token-command has no output")?);
    let deadline = Instant::now() + COMMAND_TIMEOUT;
    let output = until(deadline, stopped, || output.try_recv().ok())?;
    let output = output.map_err(|err| format!("the output of sasl-token-command could not be read: {err}"))?;
    let status = until(deadline, stopped, || child.try_wait().transpose())?;
    Ok((status.map_err(|err| format!("sasl-token-command: {err}"))?, output))
}

/// Reads everything, in a thread of its own.
fn read(mut stdout: ChildStdout) -> mpsc::Receiver<io::Result<Vec<u8>>> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let mut output = Vec::new();
        let read = stdout.read_to_end(&mut output).map(|_| output);
        // The receiver is gone after the timeout.
        let _ = sender.send(read);
    });
    receiver
}

fn until<T>(deadline: Instant, stopped: &dyn Fn() -> bool, mut look: impl FnMut() -> Option<T>) -> Result<T, String> {
    loop {
        if let Some(found) = look() {
            return Ok(found);
        }
        if stopped() {
            return Err("the sink stopped before sasl-token-command was done".into());
        }
        if Instant::now() >= deadline {
            return Err(format!("sasl-token-command took more than {} s", COMMAND_TIMEOUT.as_secs()));
        }
        std::thread::sleep(LOOK_INTERVAL);
    }
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
        let found =
            token(&command(r#"echo '{"token":"abc","lifetime_ms":1700000000000,"principal":"me"}'"#), &|| false)
                .unwrap();
        assert_eq!((found.token.as_str(), found.principal_name.as_str()), ("abc", "me"));
        assert_eq!(found.lifetime_ms, 1_700_000_000_000);
    }

    #[test]
    fn output_is_never_part_of_the_error() {
        for text in ["echo s3cret", "echo s3cret; exit 3", "echo s3cret >&2; exit 1", ""] {
            let Err(err) = token(&command(text), &|| false) else { panic!("{text} gave a token") };
            assert!(!err.contains("s3cret"), "{err}");
        }
    }

    #[test]
    fn a_stop_kills_the_command_and_what_it_started() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("pid");
        // The shell waits for its child, whose number it tells.
        let text = format!("sleep 100 & echo $! > {}; wait", file.display());
        let start = Instant::now();
        let started = || std::fs::read_to_string(&file).is_ok_and(|text| text.ends_with('\n'));
        let err = token(&command(&text), &started).err().unwrap();
        assert!(err.contains("the sink stopped") && start.elapsed() < Duration::from_secs(10), "{err}");
        let pid: u32 = std::fs::read_to_string(&file).unwrap().trim().parse().unwrap();
        // A zombie has ended too.
        let runs = || std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "));
        while runs() {
            assert!(start.elapsed() < Duration::from_secs(20), "{pid} still runs");
            std::thread::sleep(LOOK_INTERVAL);
        }
    }
}
