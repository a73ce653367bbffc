//! Whether what is known of a pass makes an event.

use super::outcome::Outcome;

/// How many sizes of a smaller plate a text with a usual format may be above it. A camera at the height of a car's bonnet sees
/// the high plate of a near lorry a few sizes above that of a car behind it, hardly more than seven.
const MOST_ABOVE_USUAL: f32 = 7.0;

/// The same of a text without one.
const MOST_ABOVE_UNUSUAL: f32 = 3.0;

/// For each of few readings that say exactly this text there may be so many readings in all: of dozens of a plate that is far
/// away or half hidden, two agree by chance. One that is clear by itself does not: a vehicle that was hidden until the end is
/// read well once.
const MOST_FOR_ONE: u32 = 10;

/// As much evidence of longer texts, as a part of the evidence of one that is a part of them, says that something hides the rest:
/// a character too much now and then is a misreading.
const HIDDEN: f32 = 0.5;

/// What to do with texts that have no format of the wanted regions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UnknownRegion {
    /// They give events, with `extras.format` = `unknown`.
    #[default]
    Accept,
    /// They end as `unknown-region`.
    Reject,
}

/// What to do with texts that never move.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StaticPolicy {
    /// They give events.
    Accept,
    /// They give none when they were there in the first frame.
    RejectFromStart,
    /// They give none. A sign that a lorry hid comes into view again later than the first frame.
    #[default]
    Reject,
}

/// The thresholds of an event.
#[derive(Clone, Debug, PartialEq)]
pub struct Rules {
    /// Least probability of the text, 0 to 1.
    pub min_confidence: f32,
    /// How probable the second most probable text may be, as a part of the probability of the text, 0 to 1. Where that is more,
    /// an 8 and a B for example were not told apart.
    pub max_rival: f32,
    /// Readings of exactly this text that make it sure, at least 1.
    pub confirm_reads: u32,
    /// What the [evidence](crate::consensus::evidence) of those readings must add up to: several readings of poor crops
    /// agree in the same error.
    pub confirm_evidence: f32,
    /// Least probability of a text that is sure, 0 to 1; less waits for the end of the pass.
    pub confirm_confidence: f32,
    /// Least probability of the text for an event that rests on fewer than [`Self::confirm_reads`] readings of exactly
    /// this text none of which is clear by itself, 0 to 1.
    pub few_reads_confidence: f32,
    /// Least best score of the plate detector on the track, 0 to 1.
    pub min_detector_confidence: f32,
    /// The same for texts that are often lettering on vehicles, of which detectors are less sure: those that have no usual
    /// format anywhere, as plates to order, those that fewer than [`Self::confirm_reads`] readings say although frames
    /// are many, and those whose usual score is below [`Self::min_detector_confidence`].
    pub doubtful_detector_confidence: f32,
    /// Least part of the evidence that must be for the text, or one like it, when not two readings say exactly this text.
    pub min_alike: f32,
    /// Least [evidence](crate::consensus::evidence) of those readings together, and of two or more that say exactly this text:
    /// many readings of a plate that is far too small are no text.
    pub min_evidence: f32,
    /// Shortest text, in characters.
    pub min_length: usize,
    /// Longest text, in characters.
    pub max_length: usize,
    /// What to do with texts that never move.
    pub static_policy: StaticPolicy,
    /// What to do with texts without a format of the wanted regions.
    pub unknown_region: UnknownRegion,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            min_confidence: 0.70,
            max_rival: 0.25,
            confirm_reads: 3,
            confirm_evidence: 1.6,
            confirm_confidence: 0.8,
            few_reads_confidence: 0.92,
            min_detector_confidence: 0.40,
            doubtful_detector_confidence: 0.75,
            min_alike: 0.5,
            min_evidence: 0.4,
            min_length: 3,
            max_length: 10,
            static_policy: StaticPolicy::default(),
            unknown_region: UnknownRegion::default(),
        }
    }
}

impl Rules {
    /// The same for a stream of one picture: nothing can confirm its readings, and nothing moves in it.
    #[must_use]
    pub fn of_one_picture(&self) -> Self {
        Self { confirm_reads: 1, static_policy: StaticPolicy::Accept, ..self.clone() }
    }
}

/// What is known of a pass at some moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Facts {
    /// Characters of the fused text, normalised; 0 when there is none.
    pub length: usize,
    /// Probability of the fused text.
    pub confidence: f32,
    /// Probability of the second most probable text.
    pub rival: f32,
    /// Readings that were fused.
    pub reads: u32,
    /// Readings of plates that the picture's edge does not cut, whatever they said.
    pub whole_reads: u32,
    /// Readings that said exactly this text, of plates that the picture's edge does not cut.
    pub whole_agreeing: u32,
    /// The same, cut ones as well.
    pub agreeing: u32,
    /// [Evidence](crate::consensus::evidence) of `whole_agreeing` together.
    pub evidence: f32,
    /// The same of readings that say more: this text and others before or behind it.
    pub longer_evidence: f32,
    /// Part of the evidence of all readings of whole plates whose text is like this one, 0 to 1.
    pub alike: f32,
    /// The same evidence as a sum.
    pub alike_evidence: f32,
    /// Whether one reading says exactly this text so clearly that it needs no second one.
    pub clear: bool,
    /// Whether some reading of this text is of a box of nearly the same ratio of width to height as the box before it.
    pub keeps_form: bool,
    /// Whether a clear reading of a whole plate said something else altogether.
    pub contradicted: bool,
    /// Whether the text is a part of that of another plate, which was read more often and at the same time.
    pub half_of_another: bool,
    /// How many sizes (square root of the area) of a plate that is much smaller it was above it, at least twice; 0 when it
    /// was not.
    pub above: f32,
    /// Whether the text has a usual format of any region, not only one for plates to order, or none.
    pub usual: bool,
    /// Whether it is no wonder that it was seen so little: it is still in view, or frames are so far apart that a vehicle
    /// may be in one alone.
    pub may_be_brief: bool,
    /// Whether an event now would be a preview, and more readings will come. It is shown all the same, so it must not be what the
    /// end of the pass would hold back as lettering.
    pub is_preview: bool,
    /// Best score of the detector, 0 when it gave none.
    pub detector_confidence: f32,
    /// Mean of the scores that it gave.
    pub usual_detector_confidence: f32,
    /// Whether nothing was read but the text of a sign, in its place.
    pub sign: bool,
    /// Whether the plate moved; `None` when it was not seen often enough to say.
    pub moved: Option<bool>,
    /// Whether it was there in the first frame.
    pub from_start: bool,
    /// Whether the text has a format of the wanted regions; `None` when none are asked for.
    pub fits: Option<bool>,
    /// Whether all sights were masked, or a zone or line that events need was missed.
    pub zone_missed: bool,
}

/// Why a pass gives no event now, or that it does.
///
/// The answer is about the pass as if it ended now. The order of the checks is the order in which an operator would ask.
///
/// # Errors
///
/// The named outcome of a pass that gives no event.
pub fn at_end(facts: &Facts, rules: &Rules) -> Result<(), Outcome> {
    let check = |good: bool, outcome: Outcome| if good { Ok(()) } else { Err(outcome) };
    check(!facts.zone_missed, Outcome::Zone)?;
    check(facts.reads > 0 && facts.length > 0, Outcome::NoRead)?;
    let most_above = if facts.usual { MOST_ABOVE_USUAL } else { MOST_ABOVE_UNUSUAL };
    check(facts.above <= most_above, Outcome::Lettering)?;
    check(!facts.sign || rules.static_policy == StaticPolicy::Accept, Outcome::Static)?;
    let is_doubtful = !facts.usual
        || facts.usual_detector_confidence < rules.min_detector_confidence
        || (facts.whole_agreeing < rules.confirm_reads && (facts.is_preview || !facts.may_be_brief));
    let detector = if is_doubtful { rules.doubtful_detector_confidence } else { 0.0 };
    // who gives no scores says nothing about the detection
    let is_scored = facts.detector_confidence > 0.0;
    let is_weak = is_scored && facts.detector_confidence < rules.min_detector_confidence.max(detector);
    check(!is_weak, Outcome::WeakDetection)?;
    check((rules.min_length..=rules.max_length).contains(&facts.length), Outcome::Format)?;
    check(facts.fits != Some(false) || rules.unknown_region != UnknownRegion::Reject, Outcome::UnknownRegion)?;
    check(facts.agreeing > 0 || is_mixed(facts, rules), Outcome::TooFewReads)?;
    check(facts.whole_agreeing > 0 || is_mixed(facts, rules), Outcome::HalfSeen)?;
    check(facts.longer_evidence <= HIDDEN * facts.evidence || facts.evidence <= 0.0, Outcome::HalfSeen)?;
    check(!facts.half_of_another || facts.whole_agreeing >= rules.confirm_reads, Outcome::HalfSeen)?;
    check(facts.confidence >= rules.min_confidence, Outcome::LowConfidence)?;
    check(facts.rival <= rules.max_rival * facts.confidence, Outcome::LowConfidence)?;
    let is_certain = facts.clear || facts.confidence >= rules.few_reads_confidence;
    let single = is_certain
        && facts.keeps_form
        && is_supported(facts, rules)
        && (facts.moved == Some(true) || facts.may_be_brief || rules.static_policy == StaticPolicy::Accept);
    let few = single || is_mixed(facts, rules) || (facts.whole_agreeing > 1 && is_certain);
    let is_lost_in_others = facts.whole_reads > facts.whole_agreeing.max(1).saturating_mul(MOST_FOR_ONE);
    // readings that agree in poor crops alone err in the same way
    let agree_from_afar = facts.whole_agreeing > 1 && facts.evidence < rules.min_evidence;
    check(!agree_from_afar, Outcome::TooFewReads)?;
    check(
        facts.whole_agreeing >= rules.confirm_reads || (few && (facts.clear || !is_lost_in_others)),
        Outcome::TooFewReads,
    )?;
    check(!is_static(facts, rules), Outcome::Static)
}

/// Whether the pass gives an event and later readings will hardly change its text.
pub fn is_sure(facts: &Facts, rules: &Rules) -> bool {
    let may_be_static = match rules.static_policy {
        StaticPolicy::Accept => false,
        StaticPolicy::RejectFromStart => facts.from_start && facts.moved != Some(true),
        StaticPolicy::Reject => facts.moved != Some(true),
    };
    facts.whole_agreeing >= rules.confirm_reads
        && facts.evidence >= rules.confirm_evidence
        && facts.confidence >= rules.confirm_confidence
        && !may_be_static
        && at_end(facts, rules).is_ok()
}

/// Whether readings of whole plates make a probable text together, each erring elsewhere.
fn is_mixed(facts: &Facts, rules: &Rules) -> bool {
    facts.whole_reads >= rules.confirm_reads
        && facts.confidence >= rules.few_reads_confidence
        && is_supported(facts, rules)
}

/// Whether the other readings leave room for a text that not two of them say.
fn is_supported(facts: &Facts, rules: &Rules) -> bool {
    facts.alike >= rules.min_alike && facts.alike_evidence >= rules.min_evidence && !facts.contradicted
}

fn is_static(facts: &Facts, rules: &Rules) -> bool {
    // what is seen too seldom to say stands as well, unless it is no wonder that it was seen so little
    let still = facts.moved == Some(false) || (facts.moved.is_none() && !facts.may_be_brief);
    match rules.static_policy {
        StaticPolicy::Accept => false,
        StaticPolicy::RejectFromStart => still && facts.from_start,
        StaticPolicy::Reject => still,
    }
}

#[cfg(test)]
mod tests;
