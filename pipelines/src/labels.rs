//! Folders of labelled pictures: `labels.jsonl`, one line a picture.
//!
//! Two forms are read. Scenes: `{"image", "plates": [{"bbox", "corners"?, "text"?, "silver"?}]}`. Crops of one plate
//! each: `{"image", "text", "label"?, "bbox"?}`. In both, `split`, `region`, `width` and `height` are optional.

use crate::score::plates::Label;
use alpr_core::geometry::{Point, Quad, Rect};
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// One labelled picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Picture {
    /// Name as in the label file.
    pub name: String,
    /// Where it lies.
    pub path: PathBuf,
    /// Name of the folder it belongs to.
    pub set: String,
    /// Region of the label, `?` when there is none.
    pub region: String,
    /// Its plates.
    pub plates: Vec<Label>,
}

#[derive(Deserialize)]
struct Line {
    image: String,
    #[serde(default)]
    region: Option<String>,
    #[serde(default)]
    split: Option<String>,
    #[serde(default)]
    plates: Option<Vec<Plate>>,
    #[serde(default)]
    text: Option<String>,
    #[serde(default)]
    label: Option<String>,
    #[serde(default)]
    bbox: Option<[f32; 4]>,
    #[serde(default)]
    corners: Option<[[f32; 2]; 4]>,
}

#[derive(Deserialize)]
struct Plate {
    #[serde(default)]
    bbox: Option<[f32; 4]>,
    #[serde(default)]
    corners: Option<[[f32; 2]; 4]>,
    #[serde(default)]
    text: Option<String>,
    #[serde(default)]
    silver: Option<String>,
}

/// The box of a label: given, or around its corners.
fn place(bbox: Option<[f32; 4]>, corners: Option<[[f32; 2]; 4]>) -> Option<Rect> {
    let around = || corners.map(|c| Quad(c.map(|[x, y]| Point::new(x, y))).bounding_rect());
    bbox.map(|[x, y, w, h]| Rect::new(x, y, w, h)).or_else(around)
}

fn plates(line: &Line) -> Vec<Label> {
    match (&line.plates, &line.text) {
        (Some(plates), _) => plates
            .iter()
            .map(|p| Label { bbox: place(p.bbox, p.corners), text: p.text.clone(), silver: p.silver.clone() })
            .collect(),
        (None, Some(text)) => {
            let silver = line.label.as_deref() == Some("silver");
            let text = Some(text.clone());
            let (text, silver) = if silver { (None, text) } else { (text, None) };
            vec![Label { bbox: place(line.bbox, line.corners), text, silver }]
        }
        (None, None) => Vec::new(),
    }
}

/// The pictures of `folder`, or of every folder right below it that has a `labels.jsonl`; only those of `split` where
/// that is given. Pictures without a split belong to every split.
///
/// # Errors
/// A sentence that names the file and line that cannot be read, or says that there is no label file.
pub fn read(folder: &Path, split: Option<&str>) -> Result<Vec<Picture>, String> {
    let mut folders = Vec::new();
    if folder.join("labels.jsonl").is_file() {
        folders.push(folder.to_owned());
    } else {
        let entries = std::fs::read_dir(folder).map_err(|e| format!("cannot read {}: {e}", folder.display()))?;
        folders.extend(entries.flatten().map(|e| e.path()).filter(|p| p.join("labels.jsonl").is_file()));
        folders.sort();
    }
    if folders.is_empty() {
        return Err(format!("{} has no labels.jsonl, nor has a folder in it", folder.display()));
    }
    let mut pictures = Vec::new();
    for folder in folders {
        read_one(&folder, split, &mut pictures)?;
    }
    Ok(pictures)
}

fn read_one(folder: &Path, split: Option<&str>, pictures: &mut Vec<Picture>) -> Result<(), String> {
    let file = folder.join("labels.jsonl");
    let text = std::fs::read_to_string(&file).map_err(|e| format!("cannot read {}: {e}", file.display()))?;
    let set = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
    for (i, text) in text.lines().enumerate().filter(|(_, l)| !l.trim().is_empty()) {
        let line: Line = serde_json::from_str(text).map_err(|e| format!("{} line {}: {e}", file.display(), i + 1))?;
        if split.is_some() && line.split.is_some() && line.split.as_deref() != split {
            continue;
        }
        let plates = plates(&line);
        let region = line.region.unwrap_or_else(|| "?".to_owned());
        pictures.push(Picture { path: folder.join(&line.image), name: line.image, set: set.clone(), region, plates });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn label(json: &str) -> Vec<Label> {
        plates(&serde_json::from_str(json).unwrap())
    }

    #[test]
    fn every_form_of_label() {
        let at = Some(Rect::new(1.0, 2.0, 30.0, 10.0));
        for (json, expected) in [
            (r#"{"image":"a","plates":[]}"#, vec![]),
            (
                r#"{"image":"a","plates":[{"bbox":[1,2,30,10],"text":"A1"}]}"#,
                vec![Label { bbox: at, text: Some("A1".into()), silver: None }],
            ),
            (
                r#"{"image":"a","plates":[{"corners":[[1,2],[31,3],[30,12],[2,11]],"silver":"A1"}]}"#,
                vec![Label { bbox: at, text: None, silver: Some("A1".into()) }],
            ),
            (
                r#"{"image":"a","text":"A1","label":"human"}"#,
                vec![Label { bbox: None, text: Some("A1".into()), silver: None }],
            ),
            (
                r#"{"image":"a","text":"A1","label":"silver","bbox":[1,2,30,10]}"#,
                vec![Label { bbox: at, text: None, silver: Some("A1".into()) }],
            ),
        ] {
            assert_eq!(label(json), expected, "{json}");
        }
    }

    #[test]
    fn a_folder_of_folders_and_a_split() {
        let root = std::env::temp_dir().join(format!("alpr-labels-{}", std::process::id()));
        for (set, lines) in [
            ("one", "{\"image\":\"a\",\"split\":\"val\"}\n{\"image\":\"b\",\"split\":\"train\"}\n"),
            ("two", "{\"image\":\"c\"}\n"),
        ] {
            std::fs::create_dir_all(root.join(set)).unwrap();
            std::fs::write(root.join(set).join("labels.jsonl"), lines).unwrap();
        }
        let names = |split| -> Vec<String> {
            read(&root, split).unwrap().into_iter().map(|p| format!("{}/{}", p.set, p.name)).collect()
        };
        assert_eq!(names(None), ["one/a", "one/b", "two/c"]);
        assert_eq!(names(Some("val")), ["one/a", "two/c"]);
        std::fs::write(root.join("two/labels.jsonl"), "{\n").unwrap();
        assert!(read(&root, None).unwrap_err().contains("labels.jsonl line 1"));
        std::fs::remove_dir_all(&root).unwrap();
    }
}
