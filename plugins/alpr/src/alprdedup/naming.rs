//! Names of pictures: their keys under the location, and their URLs.

use std::path::Path;

use super::settings::SettingsError;

/// What names a picture.
pub(super) struct Names {
    pub(super) site: String,
    pub(super) camera: String,
    pub(super) date: String,
    pub(super) event: String,
    pub(super) revision: u32,
}

impl Names {
    /// The key of a picture: unique, for event ids are and revisions are told apart.
    pub(super) fn key(&self, kind: &str) -> String {
        let revision = if self.revision == 0 { String::new() } else { format!("-r{}", self.revision) };
        format!("{}/{}/{}/{}{revision}-{kind}.jpg", self.site, self.camera, self.date, self.event)
    }
}

/// How URLs are made.
pub(super) struct UrlTemplate(Vec<Part>);

enum Part {
    Text(String),
    Key,
    Site,
    Camera,
    Date,
    Event,
    Revision,
    Kind,
}

impl UrlTemplate {
    pub(super) fn parse(template: &str) -> Result<Self, SettingsError> {
        let mut parts = Vec::new();
        let mut rest = template;
        while let Some((text, tail)) = rest.split_once('{') {
            parts.push(Part::Text(text.to_owned()));
            let (name, tail) = tail.split_once('}').ok_or_else(|| {
                SettingsError(format!(
                    "evidence-url-template={template:?} does not close its {{ before {tail:?}; put a }} behind the name"
                ))
            })?;
            parts.push(match name {
                "key" => Part::Key,
                "site_id" => Part::Site,
                "camera_id" => Part::Camera,
                "date" => Part::Date,
                "event_id" => Part::Event,
                "revision" => Part::Revision,
                "kind" => Part::Kind,
                other => {
                    return Err(SettingsError(format!(
                        "evidence-url-template={template:?} has {{{other}}}; possible are {{key}}, {{site_id}}, \
                         {{camera_id}}, {{date}}, {{event_id}}, {{revision}} and {{kind}}"
                    )));
                }
            });
            rest = tail;
        }
        parts.push(Part::Text(rest.to_owned()));
        Ok(Self(parts))
    }

    pub(super) fn fill(&self, names: &Names, kind: &str, key: &str, path: &Path) -> String {
        let url: String = self
            .0
            .iter()
            .map(|part| match part {
                Part::Text(text) => text.clone(),
                Part::Key => key.to_owned(),
                Part::Site => names.site.clone(),
                Part::Camera => names.camera.clone(),
                Part::Date => names.date.clone(),
                Part::Event => names.event.clone(),
                Part::Revision => names.revision.to_string(),
                Part::Kind => kind.to_owned(),
            })
            .collect();
        if url.is_empty() { path.to_string_lossy().into_owned() } else { url }
    }
}

/// `text` as one part of a path and a URL: other characters than letters, digits, `.`, `_` and `-` become `_`.
pub(super) fn safe(text: &str) -> String {
    let kept = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-') { c } else { '_' };
    let name: String = text.chars().map(kept).collect();
    if name.trim_matches('.').is_empty() { "_".to_owned() } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(camera: &str, revision: u32) -> Names {
        let event = "7f019dc8-0c96-4094-9da0-93b6d50cd369".to_owned();
        Names { site: safe("DC 1"), camera: safe(camera), date: "2025-12-27".into(), event, revision }
    }

    #[test]
    fn urls_and_keys() {
        for (template, expected) in [
            (
                "s3://alpr-plate-images/{key}",
                "s3://alpr-plate-images/DC_1/gate_1/2025-12-27/7f019dc8-0c96-4094-9da0-93b6d50cd369-plate.jpg",
            ),
            (
                "https://h/{camera_id}/{date}/{kind}?r={revision}&s={site_id}",
                "https://h/gate_1/2025-12-27/plate?r=0&s=DC_1",
            ),
            ("{event_id}", "7f019dc8-0c96-4094-9da0-93b6d50cd369"),
            ("", "/there/it/is.jpg"),
        ] {
            let names = names("gate/1", 0);
            let key = names.key("plate");
            let url =
                UrlTemplate::parse(template).ok().map(|t| t.fill(&names, "plate", &key, Path::new("/there/it/is.jpg")));
            assert_eq!(url.as_deref(), Some(expected));
        }
        for open in ["https://h/{key", "{camera_id}/{", "{key}/{kind?r=1"] {
            let error = UrlTemplate::parse(open).err();
            assert!(error.is_some_and(|SettingsError(text)| text.contains("does not close its {")), "{open}");
        }
        assert!(UrlTemplate::parse("{plate}").is_err_and(|SettingsError(text)| text.contains("{plate}; possible are")));
        assert!(names("..", 2).key("plate").contains("/_/") && names("a", 2).key("plate").ends_with("-r2-plate.jpg"));
    }
}
