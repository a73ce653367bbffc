//! What a user says about a model where the file does not say it.

use super::{ColorOrder, ContractError, Resize};

/// What pixel values a float input wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Range {
    /// 0 to 1.
    Unit,
    /// 0 to 255.
    Byte,
    /// -1 to 1.
    Signed,
    /// 0 to 1, then the means and deviations of ImageNet.
    ImageNet,
}

impl Range {
    /// Mean and scale on pixels of 0 to 255, per channel in RGB order.
    pub(super) fn normalization(self) -> ([f32; 3], [f32; 3]) {
        match self {
            Self::Unit => ([0.0; 3], [1.0 / 255.0; 3]),
            Self::Byte => ([0.0; 3], [1.0; 3]),
            Self::Signed => ([127.5; 3], [1.0 / 127.5; 3]),
            Self::ImageNet => {
                ([0.485, 0.456, 0.406].map(|m| m * 255.0), [0.229, 0.224, 0.225].map(|s| 1.0 / (s * 255.0)))
            }
        }
    }
}

/// Settings of a user that win over what the file says. Every field is `None` where the user says nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Overrides {
    /// Only this family is tried, and its ambiguous tests are skipped.
    pub family: Option<String>,
    /// Width and height of the input.
    pub input_size: Option<(usize, usize)>,
    /// Order of channels.
    pub color: Option<ColorOrder>,
    /// Values of a float input.
    pub range: Option<Range>,
    /// How pictures are fitted in.
    pub resize: Option<Resize>,
    /// Padding, 0 to 255.
    pub pad: Option<f32>,
    /// Whether boxes are in 0 to 1 rather than in pixels.
    pub normalized: Option<bool>,
    /// Whether YOLOX boxes are already decoded.
    pub decoded: Option<bool>,
    /// Whether the blank of a CTC reader is its last class rather than its first.
    pub blank_last: Option<bool>,
    /// Symbols in the order of the reader's classes, blank or pad left out.
    pub alphabet: Option<String>,
    /// The symbol of the alphabet that means "no character".
    pub pad_char: Option<char>,
    /// Region codes in the order of the region head.
    pub regions: Option<Vec<String>>,
    /// Names of the detector's classes.
    pub labels: Option<Vec<String>>,
    /// Names or indices of the classes that are plates.
    pub plate_classes: Option<Vec<String>>,
    /// Whether a detector with queries has one more column for "no object" and scores that add up to 1.
    pub no_object: Option<bool>,
}

/// One key: its name, what it accepts, and how a value is taken (false: not accepted).
struct Key {
    name: &'static str,
    accepted: &'static str,
    set: fn(&mut Overrides, &str) -> bool,
}

fn choice<T: Copy>(field: &mut Option<T>, value: &str, choices: &[(&str, T)]) -> bool {
    *field = choices.iter().find(|(name, _)| *name == value).map(|(_, v)| *v);
    field.is_some()
}

fn list(value: &str) -> Vec<String> {
    value.split([',', ';']).map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect()
}

const KEYS: &[Key] = &[
    Key {
        name: "family",
        accepted: "the name of a family, as printed when a model is opened",
        set: |o, v| {
            o.family = Some(v.to_owned());
            !v.is_empty()
        },
    },
    Key {
        name: "input-size",
        accepted: "WIDTHxHEIGHT in pixels, 8 to 8192 each, such as 640x384",
        set: |o, v| {
            let side = |s: &str| s.parse::<usize>().ok().filter(|n| (8..=8192).contains(n));
            o.input_size = v.split_once('x').and_then(|(w, h)| Some((side(w)?, side(h)?)));
            o.input_size.is_some()
        },
    },
    Key {
        name: "color-order",
        accepted: "rgb, bgr, gray",
        set: |o, v| {
            use ColorOrder::{Bgr, Gray, Rgb};
            choice(&mut o.color, v, &[("rgb", Rgb), ("bgr", Bgr), ("gray", Gray)])
        },
    },
    Key {
        name: "range",
        accepted: "0..1, 0..255, -1..1, imagenet",
        set: |o, v| {
            use Range::{Byte, ImageNet, Signed, Unit};
            choice(&mut o.range, v, &[("0..1", Unit), ("0..255", Byte), ("-1..1", Signed), ("imagenet", ImageNet)])
        },
    },
    Key {
        name: "resize",
        accepted: "letterbox, letterbox-top-left, fit-height, stretch",
        set: |o, v| {
            use Resize::{FitHeight, Letterbox, LetterboxTopLeft, Stretch};
            let choices = [
                ("letterbox", Letterbox),
                ("letterbox-top-left", LetterboxTopLeft),
                ("fit-height", FitHeight),
                ("stretch", Stretch),
            ];
            choice(&mut o.resize, v, &choices)
        },
    },
    Key {
        name: "pad-value",
        accepted: "a number from 0 to 255",
        set: |o, v| {
            o.pad = v.parse().ok().filter(|p| (0.0..=255.0).contains(p));
            o.pad.is_some()
        },
    },
    Key {
        name: "boxes",
        accepted: "pixels, normalized",
        set: |o, v| choice(&mut o.normalized, v, &[("pixels", false), ("normalized", true)]),
    },
    Key {
        name: "decoded",
        accepted: "true, false",
        set: |o, v| choice(&mut o.decoded, v, &[("true", true), ("false", false)]),
    },
    Key {
        name: "blank",
        accepted: "first, last",
        set: |o, v| choice(&mut o.blank_last, v, &[("first", false), ("last", true)]),
    },
    Key {
        name: "alphabet",
        accepted: "the symbols in the order of the model's classes, without separators",
        set: |o, v| {
            o.alphabet = Some(v.to_owned());
            !v.is_empty()
        },
    },
    Key {
        name: "pad-char",
        accepted: "one symbol",
        set: |o, v| {
            let mut chars = v.chars();
            o.pad_char = chars.next();
            o.pad_char.is_some() && chars.next().is_none()
        },
    },
    Key {
        name: "regions",
        accepted: "region codes of at most 10 characters with commas between, in the order of the region head",
        set: |o, v| {
            let regions = list(v);
            let good = !regions.is_empty() && regions.iter().all(|r| r.chars().count() <= 10);
            o.regions = Some(regions);
            good
        },
    },
    Key {
        name: "labels",
        accepted: "names of classes with commas between",
        set: |o, v| {
            o.labels = Some(list(v));
            !v.is_empty()
        },
    },
    Key {
        name: "plate-classes",
        accepted: "names or indices of the classes that are plates, with commas between",
        set: |o, v| {
            let classes = list(v);
            let good = !classes.is_empty();
            o.plate_classes = Some(classes);
            good
        },
    },
    Key {
        name: "scores",
        accepted: "sigmoid, softmax",
        set: |o, v| choice(&mut o.no_object, v, &[("sigmoid", false), ("softmax", true)]),
    },
];

/// Every key with what it accepts, for messages.
pub(super) fn keys() -> String {
    Overrides::keys().map(|(name, accepted)| format!("{name} ({accepted})")).collect::<Vec<_>>().join(", ")
}

impl Overrides {
    /// Every key with what it accepts.
    pub fn keys() -> impl Iterator<Item = (&'static str, &'static str)> {
        KEYS.iter().map(|key| (key.name, key.accepted))
    }

    /// Takes settings of the form (key, value).
    ///
    /// # Errors
    ///
    /// [`ContractError::Setting`] with the accepted values, for the first pair that is not understood.
    pub fn parse<K: AsRef<str>, V: AsRef<str>>(pairs: impl IntoIterator<Item = (K, V)>) -> Result<Self, ContractError> {
        let mut overrides = Self::default();
        for (key, value) in pairs {
            let (key, value) = (key.as_ref(), value.as_ref());
            let error = |accepted: &str| ContractError::Setting {
                key: key.to_owned(),
                value: value.to_owned(),
                accepted: accepted.to_owned(),
            };
            let known = KEYS.iter().find(|k| k.name == key).ok_or_else(|| error(&format!("the keys {}", keys())))?;
            // Values of `alphabet` and `pad-char` may be blanks.
            let value = if matches!(key, "alphabet" | "pad-char") { value } else { value.trim() };
            if !(known.set)(&mut overrides, value) {
                return Err(error(known.accepted));
            }
        }
        Ok(overrides)
    }

    /// These settings, and those of `other` where these say nothing.
    pub(super) fn or(&self, other: Self) -> Self {
        let this = self.clone();
        Self {
            family: this.family.or(other.family),
            input_size: this.input_size.or(other.input_size),
            color: this.color.or(other.color),
            range: this.range.or(other.range),
            resize: this.resize.or(other.resize),
            pad: this.pad.or(other.pad),
            normalized: this.normalized.or(other.normalized),
            decoded: this.decoded.or(other.decoded),
            blank_last: this.blank_last.or(other.blank_last),
            alphabet: this.alphabet.or(other.alphabet),
            pad_char: this.pad_char.or(other.pad_char),
            regions: this.regions.or(other.regions),
            labels: this.labels.or(other.labels),
            plate_classes: this.plate_classes.or(other.plate_classes),
            no_object: this.no_object.or(other.no_object),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_taken() {
        let pairs = [
            ("input-size", "640x384"),
            ("color-order", "bgr"),
            ("range", "0..255"),
            ("blank", "last"),
            ("pad-char", "_"),
        ];
        let o = Overrides::parse(pairs).unwrap();
        assert_eq!(o.input_size, Some((640, 384)));
        assert_eq!(o.color, Some(ColorOrder::Bgr));
        assert_eq!(o.range, Some(Range::Byte));
        assert_eq!(o.blank_last, Some(true));
        assert_eq!(o.pad_char, Some('_'));
        assert_eq!(o.resize, None);
    }

    #[test]
    fn errors_name_the_key_and_what_it_accepts() {
        for (key, value, part) in [
            ("color-order", "grb", "rgb, bgr, gray"),
            ("input-size", "640", "WIDTHxHEIGHT"),
            ("input-size", "640x0", "WIDTHxHEIGHT"),
            ("colour", "rgb", "color-order (rgb, bgr, gray)"),
            ("pad-value", "nan", "0 to 255"),
            ("regions", "AVERYLONGREGION", "at most 10"),
            ("pad-char", "__", "one symbol"),
        ] {
            let message = Overrides::parse([(key, value)]).unwrap_err().to_string();
            assert!(message.contains(&format!("{key}={value}")) && message.contains(part), "{message}");
        }
    }

    #[test]
    fn the_users_settings_win_over_the_files() {
        let user = Overrides::parse([("blank", "first")]).unwrap();
        let file = Overrides::parse([("blank", "last"), ("range", "0..1")]).unwrap();
        let both = user.or(file);
        assert_eq!((both.blank_last, both.range), (Some(false), Some(Range::Unit)));
    }
}
