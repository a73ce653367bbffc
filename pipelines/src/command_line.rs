//! A pipeline description as a command line that a person reads, copies and pastes.

use crate::secrets;

/// The `gst-launch-1.0` command of `description`, as a shell takes it; secrets are blanked.
pub fn shown(description: &str) -> String {
    let words = words(description);
    let shown = words.iter().map(|word| quoted(&secrets::without_secrets(word)));
    std::iter::once("gst-launch-1.0".to_owned()).chain(shown).collect::<Vec<_>>().join(" ")
}

/// The words of a description. White space parts them, except in quotes, after a `\` and around the `=` of a property.
fn words(description: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), String::new(), None);
    let mut characters = description.chars().peekable();
    while let Some(c) = characters.next() {
        match (c, quote) {
            // gst-launch-1.0 puts this `\` there itself.
            ('\\', None) if characters.peek() == Some(&' ') => word.extend(characters.next()),
            ('\\', _) => {
                word.push(c);
                word.extend(characters.next());
            }
            (_, Some(open)) => {
                word.push(c);
                quote = quote.filter(|_| c != open);
            }
            (_, None) if c.is_whitespace() => {
                while characters.next_if(|c| c.is_whitespace()).is_some() {}
                if !word.is_empty() && !word.ends_with('=') && characters.peek() != Some(&'=') {
                    words.push(std::mem::take(&mut word));
                }
            }
            _ => {
                // An apostrophe within a word is one.
                let opens = c == '"' || (c == '\'' && (word.is_empty() || word.ends_with('=')));
                quote = opens.then_some(c);
                word.push(c);
            }
        }
    }
    words.extend(Some(word).filter(|word| !word.is_empty()));
    words
}

/// The word as a shell takes it: as it is where nothing in it means anything to a shell. Nor does a `!` by itself.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "_-./:,=+@%".contains(c);
    if word == "!" || word.chars().all(plain) {
        return word.to_owned();
    }
    glib::shell_quote(word).to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use gst::prelude::*;

    #[test]
    fn what_a_person_sees() {
        for (description, expected) in [
            ("a name=b.c  !  d", "gst-launch-1.0 a name=b.c ! d"),
            (
                "uridecodebin uri=rtsp://me:secret@host/?a&b ! x",
                "gst-launch-1.0 uridecodebin 'uri=rtsp://***@host/?a&b' ! x",
            ),
            ("kafkasink sasl-password = \"my secret\" topic=t", "gst-launch-1.0 kafkasink 'sasl-password=***' topic=t"),
            ("kafkasink sasl-password=my\\ secret", "gst-launch-1.0 kafkasink 'sasl-password=***'"),
        ] {
            assert_eq!(shown(description), expected);
        }
    }

    /// What `gst-launch-1.0` makes of the line that is shown, and what runs, have the same properties.
    #[test]
    fn a_pasted_line_is_the_same_pipeline() {
        gst::init().unwrap();
        for value in [
            "plain",
            "\"a (b) & c!d.mp4\"",
            "\"/a b/\\\"c\\\" $HOME `x`.mp4\"",
            "\"back\\\\slash\"",
            "\"it's\"",
            "'one  two'",
            "it's",
            "a\\ b\\!c",
            " \"spaced\"",
        ] {
            let description =
                format!("filesrc name=file location={value} ! video/x-raw,format=(string)NV12 ! fakesink");
            let shown = shown(&description);
            let line = glib::shell_parse_argv(&shown).unwrap();
            let words: Vec<&str> = line.iter().skip(1).map(|word| word.to_str().unwrap()).collect();
            let location = |pipeline: gst::Element| {
                let file = pipeline.downcast::<gst::Bin>().unwrap().by_name("file").unwrap();
                file.property::<Option<String>>("location")
            };
            let pasted = location(gst::parse::launchv(&words).unwrap());
            assert_eq!(pasted, location(gst::parse::launch(&description).unwrap()), "{shown}");
        }
    }
}
