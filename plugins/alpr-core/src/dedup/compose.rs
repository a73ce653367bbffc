//! From what is known of a pass to the records that are published.

use crate::consensus::Consensus;
use crate::event::records::{KIND_OUTCOME, OutcomeRecord};
use crate::event::{
    Alternative, Event, EventId, Extras, Images, Node, Plate, PlateBox, SCHEMA_VERSION, VehicleFields, WatchlistHit,
    limits, normalized, rounded,
};
use crate::reader::RegionGuess;
use crate::syntax::characters_of;
use crate::time::Timestamp;

use super::outcome::Outcome;
use super::pass::Pass;
use super::privacy;
use super::settings::Settings;
use super::watchlist::Hit;

/// A fit whose text is less probable than this part of the most probable one is of another region.
const LEAST_FIT: f32 = 0.05;

/// Most other possible texts in an event.
const MOST_ALTERNATIVES: usize = 5;

/// Least probability of the region that the readings name, to let its formats tell how probable a text is.
const NAMED_REGION: f32 = 0.8;

/// `hit` as it is told: without the entry where texts are hashed.
pub(super) fn published_hit(hit: &Hit, settings: &Settings) -> WatchlistHit {
    WatchlistHit {
        tag: hit.tag.clone(),
        entry: settings.privacy.is_none().then(|| hit.entry.clone()),
        distance: rounded(hit.distance),
    }
}

/// The text of a pass under the wanted formats.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Text {
    /// Normalised, as published.
    pub(super) normalized: String,
    /// With separators.
    pub(super) display: String,
    /// Fused text before formats were applied, normalised.
    pub(super) raw: String,
    /// Probability.
    pub(super) confidence: f32,
    /// Region.
    pub(super) region: Option<String>,
    /// Whether it has a wanted format; `None` when none are asked for.
    pub(super) fits: Option<bool>,
}

impl Text {
    /// Probability of another text that the readings alone give `probability`: a format can make this text more probable than
    /// they do, and its rivals less.
    pub(super) const fn rival(&self, probability: f32) -> f32 {
        probability.min((1.0 - self.confidence).max(0.0))
    }
}

/// Applies the formats of the wanted regions to the fused readings.
pub(super) fn text_of(pass: &Pass, settings: &Settings) -> Text {
    let Some(consensus) = &pass.consensus else { return Text::default() };
    let raw = pass.text();
    let guess = consensus.region.as_ref().map(|RegionGuess { code, .. }| code.clone());
    let plain = Text {
        normalized: raw.clone(),
        display: consensus.text.clone(),
        raw,
        confidence: consensus.confidence,
        region: guess.filter(|code| !code.is_empty() && code.chars().count() <= limits::REGION),
        fits: None,
    };
    if settings.regions.is_empty() {
        let confidence = as_named(&plain, consensus, settings).max(plain.confidence);
        return Text { confidence, ..plain };
    }
    let fit = settings.templates.fit(&settings.regions, &consensus.lattice).filter(|fit| fit.margin >= LEAST_FIT);
    let Some(fit) = fit else { return Text { fits: Some(false), ..plain } };
    let changed = fit.text != plain.raw;
    Text {
        confidence: if changed { fit.confidence } else { plain.confidence.max(fit.confidence) },
        display: fit.display,
        region: Some(fit.region),
        fits: Some(true),
        normalized: fit.text,
        raw: plain.raw,
    }
}

/// The probability of a text that has a format of the region that the readings name: rivals that have none, as with an O
/// for a 0, are less probable than the readings alone say. It changes no text.
fn as_named(plain: &Text, consensus: &Consensus, settings: &Settings) -> f32 {
    let named = consensus.region.as_ref().filter(|named| named.confidence >= NAMED_REGION);
    let fit = named.and_then(|named| {
        let fit = settings.templates.fit(std::slice::from_ref(&named.code), &consensus.lattice)?;
        let confidence = named.confidence * fit.confidence + (1.0 - named.confidence) * plain.confidence;
        (fit.text == plain.raw).then_some(confidence)
    });
    fit.unwrap_or(plain.confidence)
}

/// The event of a pass; latency and images are left empty.
pub(super) fn event(
    pass: &Pass,
    text: &Text,
    hit: Option<&Hit>,
    revision: u32,
    preview: bool,
    settings: &Settings,
) -> Event {
    let identity = &settings.identity;
    let hashed = |text: &str| settings.privacy.as_ref().map(|hasher| hasher.hash(text));
    let winner = pass.winner.as_ref();
    let normalized = hashed(&text.normalized).unwrap_or_else(|| text.normalized.clone());
    let display = if settings.privacy.is_some() { normalized.clone() } else { displayed(text) };
    let mut extras = Extras {
        roi: pass.way.zone.clone(),
        direction: pass.way.direction.clone(),
        quality_score: winner.and_then(|w| w.quality).map(rounded),
        frame_number: winner.and_then(|w| i32::try_from(w.number).ok()),
        revision,
        preview,
        reads: pass.reads(),
        agreeing_reads: pass.agreeing(&text.normalized).all,
        plate_bbox: winner.map(|w| PlateBox::from(&w.bbox)),
        detector_confidence: pass.detector_confidence().map(rounded),
        time_source: winner.map_or("", |w| w.time_source.name()).to_owned(),
        first_seen_at: pass.first.to_iso8601(),
        dwell_ms: dwell_ms(pass),
        format: text.fits.map(|fits| if fits { "fit" } else { "unknown" }.to_owned()),
        watchlist: hit.map(|hit| published_hit(hit, settings)),
        plate_privacy: settings.privacy.is_some().then(|| privacy::METHOD.to_owned()),
        ..Extras::new()
    };
    if settings.privacy.is_none()
        && let Some(consensus) = &pass.consensus
    {
        extras.alternatives = alternatives(text, consensus);
        extras.char_confidence = char_confidence(text, consensus).into_iter().map(rounded).collect();
    }
    Event {
        event_id: pass.id.to_string(),
        captured_at: pass.captured().to_iso8601(),
        camera_id: identity.camera.clone(),
        track_id: track_name(pass.track),
        plate: Plate {
            text: display,
            normalized_text: normalized,
            confidence: rounded(text.confidence),
            region: text.region.clone(),
        },
        vehicle: VehicleFields::new(pass.vehicle.as_ref()),
        images: Images::default(),
        latency_ms: 0,
        node: node(settings),
        extras,
    }
}

/// Texts other than the one that is published, most probable first. Where a format chose that one, what the readings say by
/// themselves is among them.
fn alternatives(text: &Text, consensus: &Consensus) -> Vec<Alternative> {
    let fused = std::iter::once((&consensus.text, consensus.confidence));
    let all = fused.chain(consensus.alternatives.iter().map(|(other, probability)| (other, *probability)));
    let mut others: Vec<(String, f32)> = Vec::new();
    for (other, probability) in all.map(|(other, probability)| (normalized(other), probability)) {
        // texts may differ in separators alone
        if other != text.normalized && others.iter().all(|(known, _)| *known != other) {
            others.push((other, probability));
        }
    }
    others.sort_by(|a, b| b.1.total_cmp(&a.1));
    others.truncate(MOST_ALTERNATIVES);
    let told = |(other, probability)| Alternative { text: other, confidence: rounded(text.rival(probability)) };
    others.into_iter().map(told).collect()
}

/// Probability of each character of the text that is published.
fn char_confidence(text: &Text, consensus: &Consensus) -> Vec<f32> {
    if text.normalized == text.raw {
        let characters = consensus.text.chars().zip(&consensus.char_confidence);
        return characters.filter(|(c, _)| c.is_ascii_alphanumeric()).map(|(_, probability)| *probability).collect();
    }
    characters_of(&text.normalized, &consensus.lattice).unwrap_or_default()
}

/// The text with separators, where it fits the consumers' column with them.
fn displayed(text: &Text) -> String {
    if text.display.chars().count() <= limits::PLATE_TEXT { text.display.clone() } else { text.normalized.clone() }
}

/// How a track ended, as a record.
pub(super) fn outcome(
    pass: &Pass,
    outcome: Outcome,
    duplicate_of: Option<EventId>,
    text: &Text,
    settings: &Settings,
) -> OutcomeRecord {
    let known = Some(&text.normalized).filter(|text| !text.is_empty());
    OutcomeRecord {
        kind: KIND_OUTCOME.to_owned(),
        schema_version: SCHEMA_VERSION,
        event_id: pass.id.to_string(),
        captured_at: pass.last_seen.to_iso8601(),
        camera_id: settings.identity.camera.clone(),
        track_id: track_name(pass.track),
        outcome: outcome.name().to_owned(),
        duplicate_of: duplicate_of.map(|id| id.to_string()),
        text: known.map(|text| settings.privacy.as_ref().map_or_else(|| text.clone(), |hasher| hasher.hash(text))),
        confidence: known.map(|_| rounded(text.confidence)),
        sightings: pass.sightings,
        reads: pass.reads(),
        first_seen_at: pass.first.to_iso8601(),
        dwell_ms: dwell_ms(pass),
        node: node(settings),
        captured: pass.last_seen,
    }
}

/// `t-` and the track's number.
pub(super) fn track_name(track: u64) -> String {
    format!("t-{track}")
}

pub(super) fn node(settings: &Settings) -> Node {
    Node { site: settings.identity.site.clone(), host: settings.identity.host.clone() }
}

pub(super) fn milliseconds(from: Timestamp, to: Timestamp) -> i64 {
    i64::try_from(to.since(from).as_millis()).unwrap_or(i64::MAX)
}

fn dwell_ms(pass: &Pass) -> i64 {
    milliseconds(pass.first, pass.last_seen)
}

#[cfg(test)]
mod tests {
    use super::super::observation::FrameInfo;
    use super::super::tests;
    use super::*;
    use crate::event::pass_id;
    use crate::time::TimeSource;

    /// The event of a pass that reads as `ABCO123`, or less probably as `ABC0123`.
    fn event_under(regions: &[&str]) -> Event {
        let (time, number) = (Timestamp(0), 0);
        let frame = FrameInfo { time, time_source: TimeSource::Clock, number, width: 1280, height: 720 };
        let mut consensus = tests::consensus("ABCO123", 0.6, 5, 5);
        let symbols = consensus.lattice.alphabet.symbols().to_vec();
        let place = |c: char| 3 * (symbols.len() + 1) + symbols.iter().position(|s| *s == c).unwrap();
        (consensus.lattice.probs[place('O')], consensus.lattice.probs[place('0')]) = (0.6, 0.36);
        consensus.char_confidence = vec![0.964, 0.964, 0.964, 0.6, 0.964, 0.964, 0.964];
        consensus.alternatives = vec![("ABC0123".into(), 0.3), ("ABC-Q123".into(), 0.02), ("ABCQ123".into(), 0.01)];
        let mut pass = Pass::new(pass_id("site", "camera", time, 1), 1, &frame, false);
        pass.consensus = Some(consensus);
        let regions = regions.iter().map(|region| (*region).to_owned()).collect();
        let settings = Settings { regions, ..tests::settings() };
        event(&pass, &text_of(&pass, &settings), None, 0, false, &settings)
    }

    #[test]
    fn what_is_said_of_a_text_is_of_the_one_that_is_published() {
        for (regions, published, doubtful, others) in
            [(vec![], "ABCO123", 0.6, ["ABC0123", "ABCQ123"]), (vec!["BR"], "ABC0123", 0.36, ["ABCO123", "ABCQ123"])]
        {
            let event = event_under(&regions);
            assert_eq!(event.plate.normalized_text, published);
            let expected = [0.964, 0.964, 0.964, doubtful, 0.964, 0.964, 0.964];
            assert_eq!(event.extras.char_confidence, expected, "{published}");
            let told: Vec<_> = event.extras.alternatives.iter().map(|other| other.text.as_str()).collect();
            assert_eq!(told, others, "{published}");
            let room = 1.0 - event.plate.confidence + 1e-3;
            assert!(event.extras.alternatives.iter().all(|other| other.confidence <= room), "{published}");
        }
    }

    #[test]
    fn a_text_and_its_rivals_are_no_more_than_certain_together() {
        for (confidence, alone, rival) in [(0.75, 0.25, 0.25), (0.5, 0.25, 0.25), (0.75, 0.5, 0.25), (1.0, 0.25, 0.0)] {
            let text = Text { confidence, ..Text::default() };
            assert_eq!(text.rival(alone), rival, "{confidence} {alone}");
        }
    }
}
