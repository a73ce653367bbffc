//! Texts beside and inside a model: YAML, key files, and the Python or JSON literals of ONNX metadata.

use std::collections::BTreeMap;

use saphyr::{LoadableYamlNode, YamlOwned};

fn yaml(text: &str) -> Result<YamlOwned, String> {
    let mut documents = YamlOwned::load_from_str(text).map_err(|e| format!("it is not YAML: {e}"))?;
    if documents.is_empty() { Err("it is empty".into()) } else { Ok(documents.swap_remove(0)) }
}

/// A scalar as the text that was written, where it is one.
fn scalar(node: &YamlOwned) -> Option<String> {
    node.as_str()
        .map(str::to_owned)
        .or_else(|| node.as_integer().map(|n| n.to_string()))
        .or_else(|| node.as_bool().map(|b| b.to_string()))
}

/// A number, whole or not.
fn real(node: &YamlOwned) -> Option<f32> {
    node.as_floating_point().map(|v| v as f32).or_else(|| node.as_integer().map(|n| n as f32))
}

/// The strings of a Python or JSON list such as `["DE", "US-FL"]`; both are YAML as well.
pub(super) fn strings(text: &str) -> Option<Vec<String>> {
    yaml(text).ok()?.as_vec()?.iter().map(scalar).collect()
}

/// The numbers of a list such as `[384, 640]`.
pub(super) fn numbers(text: &str) -> Option<Vec<usize>> {
    yaml(text).ok()?.as_vec()?.iter().map(|n| usize::try_from(n.as_integer()?).ok()).collect()
}

/// Class names from a Python dictionary `{0: 'plate', 1: "car"}` or a list, in the order of their index.
pub(super) fn class_names(text: &str) -> Option<Vec<String>> {
    names_of(&yaml(text).ok()?)
}

fn names_of(node: &YamlOwned) -> Option<Vec<String>> {
    let Some(mapping) = node.as_mapping() else { return node.as_vec()?.iter().map(scalar).collect() };
    let mut names = BTreeMap::new();
    for (key, value) in mapping {
        names.insert(scalar(key)?.parse::<usize>().ok()?, scalar(value)?);
    }
    // A class without a name keeps its place; an absurd index is not a class.
    let count = names.last_key_value()?.0 + 1;
    (count <= 10_000).then(|| (0..count).map(|i| names.remove(&i).unwrap_or_else(|| i.to_string())).collect())
}

/// The configuration file of fast-plate-ocr.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PlateConfig {
    pub(super) slots: Option<usize>,
    pub(super) alphabet: String,
    pub(super) pad_char: char,
    pub(super) width: Option<usize>,
    pub(super) height: Option<usize>,
    pub(super) keep_aspect_ratio: bool,
    pub(super) gray: bool,
    pub(super) padding: u8,
    pub(super) regions: Vec<String>,
}

impl PlateConfig {
    /// Reads the file's text.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let node = yaml(text)?;
        if node.as_mapping().is_none() {
            return Err("it is not a list of `key: value` lines".into());
        }
        let get = |key: &str| node.as_mapping_get(key);
        let number = |key: &str| get(key).and_then(|n| usize::try_from(n.as_integer()?).ok());
        let alphabet = get("alphabet").and_then(scalar).ok_or("it has no `alphabet`")?;
        let pad_char = match get("pad_char").and_then(scalar) {
            Some(text) => text.chars().next().ok_or("its `pad_char` is empty")?,
            None => '_',
        };
        if !alphabet.contains(pad_char) {
            return Err(format!("its `alphabet` lacks its `pad_char` {pad_char:?}"));
        }
        let padding = match get("padding_color") {
            Some(node) => node.as_integer().or_else(|| node.as_vec()?.first()?.as_integer()),
            None => None,
        };
        Ok(Self {
            slots: number("max_plate_slots"),
            alphabet,
            pad_char,
            width: number("img_width"),
            height: number("img_height"),
            keep_aspect_ratio: get("keep_aspect_ratio").and_then(YamlOwned::as_bool).unwrap_or(false),
            gray: get("image_color_mode").and_then(scalar).is_none_or(|mode| mode != "rgb"),
            padding: padding.and_then(|p| u8::try_from(p).ok()).unwrap_or(114),
            regions: get("plate_regions").and_then(|n| n.as_vec()?.iter().map(scalar).collect()).unwrap_or_default(),
        })
    }
}

/// What `config.json` and `preprocessor_config.json` of Hugging Face's transformers say of a detector.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Transformers {
    /// Names of classes.
    pub(super) names: Option<Vec<String>>,
    /// Whether the scores of a query add up to 1, one of them for "no object".
    pub(super) no_object: bool,
    /// Mean and deviation of each channel on pixels of 0 to 1; `None` where nothing tells.
    pub(super) normalization: Option<([f32; 3], [f32; 3])>,
    /// Width and height to which pictures are stretched.
    pub(super) size: Option<(usize, usize)>,
    /// The shorter side to which pictures are brought in their own ratio.
    pub(super) shortest: Option<usize>,
}

impl Transformers {
    /// Reads the texts of both files; either may be absent.
    pub(super) fn parse(config: Option<&str>, preprocessor: Option<&str>) -> Result<Self, String> {
        /// Those with a softmax.
        const SOFTMAX: [&str; 3] = ["detr", "yolos", "table-transformer"];
        /// Further ones whose pictures are normalised as ImageNet's unless told otherwise.
        const IMAGENET: [&str; 6] = ["conditional_detr", "deformable_detr", "deta", "dab-detr", "lw_detr", "rf_detr"];
        let mut this = Self::default();
        if let Some(text) = config {
            let node = yaml(text)?;
            let kind = node.as_mapping_get("model_type").and_then(scalar).unwrap_or_default();
            this.names = node.as_mapping_get("id2label").and_then(names_of);
            this.no_object = SOFTMAX.contains(&kind.as_str());
            if this.no_object || IMAGENET.contains(&kind.as_str()) {
                this.normalization = Some(Self::IMAGENET);
            }
        }
        if let Some(text) = preprocessor {
            let node = yaml(text)?;
            let three = |key| -> Option<[f32; 3]> {
                let values = node.as_mapping_get(key)?.as_vec()?;
                values.iter().map(real).collect::<Option<Vec<_>>>()?.try_into().ok()
            };
            let normalizes = node.as_mapping_get("do_normalize").and_then(YamlOwned::as_bool);
            this.normalization = match (normalizes, three("image_mean"), three("image_std")) {
                (Some(false), _, _) => Some(([0.0; 3], [1.0; 3])),
                (_, Some(mean), Some(std)) if std.iter().all(|s| *s > 0.0) => Some((mean, std)),
                _ => this.normalization,
            };
            let size = node.as_mapping_get("size");
            let side = |key| usize::try_from(size?.as_mapping_get(key)?.as_integer()?).ok().filter(|n| *n > 0);
            this.size = side("width").zip(side("height"));
            this.shortest = side("shortest_edge").or_else(|| usize::try_from(size?.as_integer()?).ok());
        }
        Ok(this)
    }

    const IMAGENET: ([f32; 3], [f32; 3]) = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]);
}

/// GStreamer's `.modelinfo`: groups of `key=value`, one group a tensor.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Modelinfo {
    groups: BTreeMap<String, BTreeMap<String, String>>,
}

impl Modelinfo {
    /// Reads the file's text.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut groups: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
        let mut current: Option<String> = None;
        for (number, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            if let Some(name) = line.strip_prefix('[').and_then(|l| l.strip_suffix(']')) {
                groups.entry(name.to_owned()).or_default();
                current = Some(name.to_owned());
            } else if let (Some(group), Some((key, value))) = (&current, line.split_once('=')) {
                groups.entry(group.clone()).or_default().insert(key.trim().to_owned(), value.trim().to_owned());
            } else {
                return Err(format!("line {} is neither `[group]` nor `key=value` inside a group", number + 1));
            }
        }
        match groups.get("modelinfo").and_then(|g| g.get("version")) {
            Some(version) if version.starts_with("1.") || version == "1" => Ok(Self { groups }),
            Some(version) => Err(format!("its version is {version} and only 1.x is known")),
            None => Err("it has no group [modelinfo] with a version".into()),
        }
    }

    /// The entry `key` of tensor `tensor`.
    pub(super) fn get(&self, tensor: &str, key: &str) -> Option<&str> {
        self.groups.get(tensor)?.get(key).map(String::as_str)
    }

    /// The settings of our own group `[alpr]`, which other readers of the file ignore.
    pub(super) fn settings(&self) -> impl Iterator<Item = (&str, &str)> {
        self.groups.get("alpr").into_iter().flatten().map(|(k, v)| (k.as_str(), v.as_str()))
    }

    /// Mean and scale that take pixels of 0 to 255 to the `ranges` of input `tensor`; the last range serves the
    /// channels that have none.
    pub(super) fn normalization(&self, tensor: &str) -> Option<([f32; 3], [f32; 3])> {
        let ranges: Vec<(f32, f32)> = self
            .get(tensor, "ranges")?
            .split(';')
            .filter(|part| !part.trim().is_empty())
            .map(|part| {
                let (low, high) = part.split_once(',')?;
                Some((low.trim().parse().ok()?, high.trim().parse().ok()?))
            })
            .collect::<Option<_>>()?;
        let last = *ranges.last()?;
        let range = |c: usize| ranges.get(c).copied().unwrap_or(last);
        let scale = std::array::from_fn(|c| (range(c).1 - range(c).0) / 255.0);
        // out = in * scale + low = (in - mean) * scale
        let mean = std::array::from_fn(|c: usize| -range(c).0 / scale[c]);
        mean.iter().chain(&scale).all(|v| v.is_finite()).then_some((mean, scale))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn python_and_json_literals() {
        assert_eq!(class_names("{0: 'License_Plate'}"), Some(vec!["License_Plate".into()]));
        assert_eq!(class_names(r#"{0: "driver's plate", 2: 'car'}"#).unwrap(), ["driver's plate", "1", "car"]);
        assert_eq!(class_names("['a', 'b']").unwrap(), ["a", "b"]);
        assert_eq!(class_names("{99999999: 'x'}"), None);
        assert_eq!(numbers("[384, 640]").unwrap(), [384, 640]);
        assert_eq!(numbers("[4, -2]"), None);
        assert_eq!(strings(r#"["DE","US-FL"]"#).unwrap(), ["DE", "US-FL"]);
        assert_eq!(strings("{"), None);
    }

    #[test]
    fn plate_config() {
        let text = "max_plate_slots: 9\nalphabet: '0123_'\npad_char: '_'\nimg_height: 64\nimg_width: 128\n\
                    image_color_mode: rgb\nplate_regions: [ 'Albania', 'Norway',\n  'Unknown' ]\n";
        let config = PlateConfig::parse(text).unwrap();
        assert_eq!((config.slots, config.height, config.width), (Some(9), Some(64), Some(128)));
        assert_eq!((config.gray, config.keep_aspect_ratio, config.padding), (false, false, 114));
        assert_eq!(config.regions, ["Albania", "Norway", "Unknown"]);
        assert!(PlateConfig::parse("alphabet: 'AB_'\n").unwrap().gray);
        assert!(PlateConfig::parse("alphabet: '01'\npad_char: '_'").unwrap_err().contains("lacks"));
        assert!(PlateConfig::parse("img_width: 3").unwrap_err().contains("alphabet"));
        assert!(PlateConfig::parse("a: [").unwrap_err().contains("not YAML"));
        assert!(PlateConfig::parse("").is_err());
    }

    #[test]
    fn modelinfo() {
        let text = "[modelinfo]\nversion=1.0\ngroup-id=x\n# note\n[images]\nid=a\nranges=0.0,1.0\ndir=input\n\
                    [output0]\nid=yolo-v8-out\n[alpr]\ncolor-order=bgr\n";
        let info = Modelinfo::parse(text).unwrap();
        assert_eq!(info.get("output0", "id"), Some("yolo-v8-out"));
        assert_eq!(info.settings().collect::<Vec<_>>(), [("color-order", "bgr")]);
        let (mean, scale) = info.normalization("images").unwrap();
        assert_eq!((mean, scale), ([0.0; 3], [1.0 / 255.0; 3]));
        assert_eq!(info.normalization("output0"), None);
        let signed = Modelinfo::parse("[modelinfo]\nversion=1.0\n[x]\nranges=-1,1;-1,1;-1,1").unwrap();
        let (mean, scale) = signed.normalization("x").unwrap();
        assert!((mean[2] - 127.5).abs() < 1e-4 && (scale[2] - 2.0 / 255.0).abs() < 1e-7);
        for (bad, part) in [("x=1", "line 1"), ("[a]\nb=1", "no group"), ("[modelinfo]\nversion=2.0", "2.0")] {
            assert!(Modelinfo::parse(bad).unwrap_err().contains(part));
        }
    }
}
