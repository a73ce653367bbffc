//! Leaves secrets out of what is shown.

/// Stands where a secret stood.
const BLANK: &str = "***";

/// `text` without the user names and passwords in the URIs that it holds.
pub fn without_logins(text: &str) -> String {
    let (mut shown, mut rest) = (String::new(), text);
    while let Some((before, after)) = rest.split_once("://") {
        shown.extend([before, "://"]);
        // People write their password as it is, with an `@` or a space in it.
        let authority = after.split(['/', '?', '"', '\n']).next().unwrap_or_default();
        rest = after;
        if let Some(at) = authority.rfind('@') {
            shown.push_str(BLANK);
            rest = &after[at..];
        }
    }
    shown + rest
}

/// A word of a pipeline description without its secrets: those of a property `name=value`, and passwords in addresses.
pub fn without_secrets(word: &str) -> String {
    match word.split_once('=') {
        Some((name, _)) if is_secret(name) => format!("{name}={BLANK}"),
        _ => without_parameters(&without_logins(word)),
    }
}

/// Cameras also take a password among the parameters of the address: `rtsp://HOST/?user=me&password=secret`.
fn without_parameters(word: &str) -> String {
    let blanked = word.split('&').map(|parameter| {
        let secret = parameter.match_indices('=').find(|(at, _)| is_secret(&parameter[..*at]));
        secret.map_or_else(|| parameter.to_owned(), |(at, _)| format!("{}={BLANK}", &parameter[..at]))
    });
    blanked.collect::<Vec<_>>().join("&")
}

/// Whether what is called so is a secret.
fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let last_word = name.rsplit(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
    // `config` of kafkasink takes every setting of its client, passwords among them.
    name == "config"
        || ["pw", "pwd", "pass"].contains(&last_word)
        || ["password", "passwd", "passphrase", "secret", "token"].iter().any(|word| name.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logins() {
        for (text, expected) in [
            ("rtsp://admin:secret@host/x", "rtsp://***@host/x"),
            ("rtsp://admin:s3cr#t@ho@host:554/x?a=b@c", "rtsp://***@host:554/x?a=b@c"),
            ("rtsp://admin@host", "rtsp://***@host"),
            ("rtsp://admin:my secret!@host/", "rtsp://***@host/"),
            (
                "from \"http://a:b@one\" to http://two, https://c:d@three/",
                "from \"http://***@one\" to http://two, https://***@three/",
            ),
            ("rtsp://host/x@y, ask me@host", "rtsp://host/x@y, ask me@host"),
            ("file:///a/b.mp4 and no address", "file:///a/b.mp4 and no address"),
        ] {
            assert_eq!(without_logins(text), expected);
        }
    }

    #[test]
    fn secrets_of_words() {
        for (word, expected) in [
            ("uri=rtsp://admin:secret@host/x", "uri=rtsp://***@host/x"),
            ("location=rtsp://h/?user=a&password=secret&c=1", "location=rtsp://h/?user=a&password=***&c=1"),
            ("location=rtsp://h/user=a_password=secret_c=1.sdp", "location=rtsp://h/user=a_password=***"),
            ("sasl-password=a=b&c", "sasl-password=***"),
            ("ssl-key-password=secret", "ssl-key-password=***"),
            ("schema-registry-password=\"my secret\"", "schema-registry-password=***"),
            ("sasl-token-command=\"token --key secret\"", "sasl-token-command=***"),
            ("config=\"config,ssl.keystore.password=secret\"", "config=***"),
            ("user-pw=secret", "user-pw=***"),
            ("uri=http://cam/cgi?usr=admin&pwd=secret", "uri=http://cam/cgi?usr=admin&pwd=***"),
            ("uri=http://cam/cgi?pass=secret&bypass=1", "uri=http://cam/cgi?pass=***&bypass=1"),
            ("sasl-username=me", "sasl-username=me"),
            ("config-file=kafka.yaml", "config-file=kafka.yaml"),
            ("video/x-raw,format=NV12", "video/x-raw,format=NV12"),
            ("kafkasink", "kafkasink"),
        ] {
            assert_eq!(without_secrets(word), expected);
        }
    }
}
