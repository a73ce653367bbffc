//! The form of a templates file. `formats/form.txt` describes it, and the files beside that are the shipped ones.

use std::fmt;

use super::pattern::{self, Pattern};

/// The longest region code that an event can carry.
const MAX_CODE: usize = 10;

/// What is wrong with a templates file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateError {
    /// Line, from 1.
    pub line: usize,
    /// What stands there, why it is refused, and what may stand there.
    pub message: String,
}

impl fmt::Display for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "templates line {}: {}", self.line, self.message)
    }
}

impl std::error::Error for TemplateError {}

/// One format of a region.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Template {
    /// As written, but for the separators: those of one language stand for the same texts.
    pub(super) language: String,
    pub(super) pattern: Pattern,
    /// Whether the file calls it rare.
    pub(super) rare: bool,
    /// [`Pattern::breadth`].
    pub(super) breadth: f32,
}

/// All formats of one region.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Region {
    pub(super) code: String,
    pub(super) name: String,
    pub(super) templates: Vec<Template>,
}

/// Parses a whole file.
pub(super) fn parse(text: &str) -> Result<Vec<Region>, TemplateError> {
    let mut regions: Vec<Region> = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let fail = |message: String| TemplateError { line: index + 1, message };
        // A comment starts with a semicolon: "#" is a digit.
        let line = line.split_once(';').map_or(line, |(before, _)| before).trim();
        if line.is_empty() {
            continue;
        }
        if line.starts_with('[') && is_header(line) {
            let region = header(line).map_err(fail)?;
            if regions.iter().any(|other| other.code == region.code) {
                return Err(fail(format!("region {} again; put all its formats under one header", region.code)));
            }
            regions.push(region);
            continue;
        }
        let region = regions.last_mut().ok_or_else(|| fail("a format before the first [REGION] header".into()))?;
        let (rare, source) = line.strip_prefix("rare ").map_or((false, line), |rest| (true, rest));
        let pattern = Pattern::parse(source).map_err(|why| fail(format!("format \"{source}\": {why}")))?;
        let breadth = pattern.breadth();
        region.templates.push(Template { language: pattern::unseparated(source), pattern, rare, breadth });
    }
    if let Some(empty) = regions.iter().find(|region| region.templates.is_empty()) {
        let line = text.lines().position(|line| line.contains(&format!("[{}]", empty.code))).map_or(0, |at| at + 1);
        return Err(TemplateError {
            line,
            message: format!("region {} has no format; add one or remove it", empty.code),
        });
    }
    Ok(regions)
}

/// A header is a code in brackets, alone or followed by a name; a format that starts with a set goes on after it, and
/// has no lower-case letters.
fn is_header(line: &str) -> bool {
    let named = |rest: &str| rest.starts_with(char::is_whitespace) && rest.contains(char::is_lowercase);
    line.split_once(']').is_some_and(|(_, rest)| rest.is_empty() || named(rest))
}

fn header(line: &str) -> Result<Region, String> {
    let (code, name) = line[1..].split_once(']').unwrap_or((&line[1..], ""));
    let valid = !code.is_empty()
        && code.len() <= MAX_CODE
        && code.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '-');
    if !valid {
        return Err(format!(
            "region code \"{code}\"; it has 1 to {MAX_CODE} characters of A-Z, 0-9 and \"-\", as DE or US-FL"
        ));
    }
    Ok(Region { code: code.into(), name: name.trim().into(), templates: Vec::new() })
}
