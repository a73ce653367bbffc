//! Plate formats of regions, applied to fused readings.
//!
//! A format never filters single readings and never rewrites a valid one. It is applied to the probabilities of all
//! readings together: where the most probable text fits no format of the region, the most probable text that does is
//! found, and its margin says how much had to be given up for it.

mod file;
mod pattern;
mod table;
mod texts;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::OnceLock;

pub use file::TemplateError;
use file::{Region, Template};
use table::Table;
pub(crate) use texts::{characters_of, k_best, probability_of};

use crate::reader::Lattice;

/// The formats that are shipped, with what describes their form.
const BUILTIN: &str = concat!(
    include_str!("formats/form.txt"),
    include_str!("formats/united-states.txt"),
    include_str!("formats/americas.txt"),
    include_str!("formats/europe.txt"),
    include_str!("formats/asia-pacific.txt"),
);
/// How much rarer a format marked `rare` is than a usual one.
const RARE: f32 = 0.1;
/// How much rarer a plate is that fits no format of its region (foreign, diplomatic, older, not in the file).
const UNKNOWN: f32 = 0.03;
/// Texts that compete for the confidence of a fit.
const RIVALS: usize = 24;

/// What a text is under the formats of a region.
#[derive(Clone, Debug, PartialEq)]
pub struct Fit {
    /// The text, A-Z and 0-9 only.
    pub text: String,
    /// The text with the separators of its format; without, where the format leaves open where they stand.
    pub display: String,
    /// Region whose format it fits. When a country was asked for and several of its states fit, the country.
    pub region: String,
    /// Probability of `text` by the lattice alone, 0 to 1.
    pub probability: f32,
    /// `probability` over that of the most probable text, 0 to 1. It is 1 when the most probable text itself fits; a
    /// small one says that the plate is probably not of this region.
    pub margin: f32,
    /// Probability of `text` when it is known that plates of this region have its formats, 0 to 1: rivals that fit
    /// none count little.
    pub confidence: f32,
}

/// The plate formats of regions.
#[derive(Clone, Debug, PartialEq)]
pub struct Templates {
    regions: Vec<Region>,
}

impl Templates {
    /// The shipped formats.
    pub fn builtin() -> Self {
        static PARSED: OnceLock<Templates> = OnceLock::new();
        // The files are constants of this crate and a test parses them; an empty set would answer None to everything.
        PARSED.get_or_init(|| Self::parse(BUILTIN).unwrap_or(Self { regions: Vec::new() })).clone()
    }

    /// Parses a templates file; `formats/form.txt` in this module describes the form.
    ///
    /// # Errors
    /// The first line that is not understood, with what may stand there.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        file::parse(text).map(|regions| Self { regions })
    }

    /// These formats, with every region that `other` has replaced by `other`'s.
    pub fn replaced_by(mut self, other: Self) -> Self {
        self.regions.retain(|region| !other.regions.iter().any(|new| new.code == region.code));
        self.regions.extend(other.regions);
        self
    }

    /// Codes and names of all regions, in the order of the file.
    pub fn regions(&self) -> impl Iterator<Item = (&str, &str)> {
        self.regions.iter().map(|region| (region.code.as_str(), region.name.as_str()))
    }

    /// Whether there are formats for `code`: a region of the file, or a country whose states are.
    pub fn knows(&self, code: &str) -> bool {
        self.asked(code).next().is_some()
    }

    /// Codes of all regions with a format that `text` (A-Z and 0-9) fits.
    pub fn fitting(&self, text: &str) -> Vec<&str> {
        self.regions.iter().filter(|region| region.rank(text).is_some()).map(|region| region.code.as_str()).collect()
    }

    /// Whether `text` (A-Z and 0-9) has a format of any region that is not [rare](self): what has none may still be a plate
    /// to order, or one of a country that is not in the file.
    pub fn is_usual(&self, text: &str) -> bool {
        let usual = self.regions.iter().flat_map(|region| &region.templates).filter(|template| !template.rare);
        pattern::bits(text).is_some_and(|bits| usual.clone().any(|template| template.pattern.accepts(&bits)))
    }

    /// The best text for `lattice` that fits a format of `regions`, given in order of preference (codes as `DE`,
    /// `US-FL`, or `US` for all its states; codes without formats are passed over).
    ///
    /// When the most probable text fits any of them it is the answer, with the first region it fits. `None` when no
    /// region is known, or when no text of any probability fits.
    pub fn fit(&self, regions: &[String], lattice: &Lattice) -> Option<Fit> {
        let asked: Vec<(&str, Vec<&Region>)> =
            regions.iter().map(|code| (code.as_str(), self.asked(code).collect())).collect();
        let formats = Formats::of(asked.iter().flat_map(|(_, regions)| regions.iter().copied()));
        let rivals = k_best(lattice.positions(), lattice.alphabet.symbols(), RIVALS);
        let best = rivals.first()?.probability;
        let mut texts: Vec<Scored> = rivals
            .iter()
            .map(|rival| Scored { prior: formats.prior(&rival.text), text: named(&rival.text), p: rival.probability })
            .collect();
        // The most probable text stays when it fits, however rare its format is.
        let mut chosen = 0;
        if texts[0].prior.is_none() {
            formats.add_best(lattice, &mut texts);
            let fitting = texts.iter().enumerate().filter_map(|(index, text)| Some((index, text.p * text.prior?)));
            chosen = fitting.max_by(|a, b| a.1.total_cmp(&b.1).then(b.0.cmp(&a.0)))?.0;
        }
        let unseen = (1.0 - texts.iter().map(|text| text.p).sum::<f32>()).max(0.0);
        let weighed = |text: &Scored| text.p * text.prior.unwrap_or(UNKNOWN);
        let total: f32 = texts.iter().map(weighed).sum::<f32>() + unseen * UNKNOWN;
        let confidence = weighed(&texts[chosen]) / total;
        let Scored { text, p, .. } = texts.swap_remove(chosen);
        let (region, display) = asked.iter().find_map(|(code, regions)| shown(code, regions, &text))?;
        Some(Fit { display, region, probability: p, margin: (p / best).min(1.0), confidence, text })
    }

    /// Regions that `code` stands for.
    fn asked<'a>(&'a self, code: &'a str) -> impl Iterator<Item = &'a Region> {
        let is_state = move |region: &Region| region.code.strip_prefix(code).is_some_and(|rest| rest.starts_with('-'));
        self.regions.iter().filter(move |region| region.code == code || is_state(region))
    }
}

impl Region {
    /// The best template for `text` and the ways to show it: usual before rare, then the narrowest.
    fn rank(&self, text: &str) -> Option<(&Template, Vec<String>)> {
        let bits = pattern::bits(text)?;
        let fits = self.templates.iter().filter(|template| template.pattern.accepts(&bits));
        let best = fits.min_by(|a, b| a.rare.cmp(&b.rare).then(a.breadth.total_cmp(&b.breadth)))?;
        Some((best, best.pattern.displays(text)))
    }
}

/// A text that may be chosen: its probability by the lattice and how usual its form is, if it fits at all.
struct Scored {
    text: String,
    p: f32,
    prior: Option<f32>,
}

/// The formats of some regions, each language once.
struct Formats<'a>(Vec<(&'a Template, f32)>);

impl<'a> Formats<'a> {
    fn of(regions: impl Iterator<Item = &'a Region>) -> Self {
        let mut formats: BTreeMap<&str, (&Template, f32)> = BTreeMap::new();
        for template in regions.flat_map(|region| &region.templates) {
            let prior = if template.rare { RARE } else { 1.0 };
            let known = formats.entry(&template.language).or_insert((template, prior));
            known.1 = known.1.max(prior);
        }
        Self(formats.into_values().collect())
    }

    /// How usual a text of this form is; `None` when it fits no format.
    fn prior(&self, text: &str) -> Option<f32> {
        let bits = pattern::bits(&named(text))?;
        let fits = self.0.iter().filter(|(template, _)| template.pattern.accepts(&bits));
        fits.map(|(_, prior)| *prior).max_by(f32::total_cmp)
    }

    /// Adds the most probable text of every format to `texts`.
    fn add_best(&self, lattice: &Lattice, texts: &mut Vec<Scored>) {
        let sets = self.0.iter().flat_map(|(template, _)| template.pattern.sets());
        let table = Table::new(lattice, sets);
        for (template, prior) in &self.0 {
            let Some(text) = template.pattern.best(&table) else { continue };
            match texts.iter_mut().find(|known| known.text == text) {
                Some(known) => known.prior = Some(known.prior.unwrap_or(0.0).max(*prior)),
                None => texts.push(Scored { p: probability_of(&text, lattice), text, prior: Some(*prior) }),
            }
        }
    }
}

/// Code and display of `text` under the regions that `code` stands for.
fn shown(code: &str, regions: &[&Region], text: &str) -> Option<(String, String)> {
    let fits: Vec<(&str, &Template, Vec<String>)> = regions
        .iter()
        .filter_map(|region| region.rank(text).map(|(template, displays)| (region.code.as_str(), template, displays)))
        .collect();
    let (first, _, displays) = fits.iter().min_by_key(|(_, template, _)| template.rare)?;
    let usual = fits.iter().filter(|(_, template, _)| !template.rare).count();
    let region = if fits.len() == 1 || usual == 1 { first } else { code };
    let unambiguous = displays.len() == 1 && fits.iter().all(|(.., other)| other == displays || region != code);
    Some((region.to_owned(), if unambiguous { displays[0].clone() } else { text.to_owned() }))
}

/// `text` without the symbols that no pattern can name.
fn named(text: &str) -> String {
    text.chars().filter(|&c| pattern::bit(c).is_some()).collect()
}
