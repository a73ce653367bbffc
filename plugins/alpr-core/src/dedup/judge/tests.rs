//! Verdicts on passes, each with one thing out of the ordinary.

use super::*;

fn good() -> Facts {
    Facts {
        length: 7,
        confidence: 0.95,
        rival: 0.02,
        reads: 5,
        whole_reads: 5,
        whole_agreeing: 4,
        agreeing: 4,
        evidence: 3.2,
        longer_evidence: 0.0,
        alike: 1.0,
        alike_evidence: 3.2,
        clear: false,
        keeps_form: true,
        contradicted: false,
        half_of_another: false,
        above: 0.0,
        usual: true,
        may_be_brief: false,
        is_preview: false,
        detector_confidence: 0.8,
        usual_detector_confidence: 0.7,
        sign: false,
        moved: Some(true),
        from_start: false,
        fits: None,
        zone_missed: false,
    }
}

fn check(what: &str, change: impl FnOnce(&mut Facts, &mut Rules), end: Result<(), Outcome>, sure: bool) {
    let (mut facts, mut rules) = (good(), Rules::default());
    change(&mut facts, &mut rules);
    assert_eq!(at_end(&facts, &rules), end, "{what}");
    assert_eq!(is_sure(&facts, &rules), sure, "{what}");
}

#[test]
fn verdicts() {
    use Outcome as O;
    check("a good pass", |_, _| (), Ok(()), true);
    check("no text", |f, _| (f.length, f.reads) = (0, 0), Err(O::NoRead), false);
    check("a speed sign", |f, _| f.length = 2, Err(O::Format), false);
    check("a shop sign", |f, _| f.length = 14, Err(O::Format), false);
    check(
        "lettering of which the detector is sure in one frame alone",
        |f, _| (f.detector_confidence, f.usual_detector_confidence) = (0.74, 0.38),
        Err(O::WeakDetection),
        false,
    );
    check("a plate that was far away for long", |f, _| f.usual_detector_confidence = 0.38, Ok(()), true);
    check(
        "one clear reading after many of a plate that was far away or hidden",
        |f, _| (f.whole_reads, f.reads, f.agreeing, f.whole_agreeing, f.clear) = (40, 40, 1, 1, true),
        Ok(()),
        false,
    );
    for (whole_reads, end) in [(20, Ok(())), (21, Err(O::TooFewReads))] {
        check(
            "two of many readings",
            |f, _| (f.whole_reads, f.reads, f.agreeing, f.whole_agreeing) = (whole_reads, whole_reads, 2, 2),
            end,
            false,
        );
    }
    check(
        "plates of a producer that gives no scores",
        |f, _| (f.detector_confidence, f.usual_detector_confidence) = (0.0, 0.0),
        Ok(()),
        true,
    );
    check("rings of a brand", |f, _| f.detector_confidence = 0.38, Err(O::WeakDetection), false);
    check("below the limit", |f, _| f.confidence = 0.69, Err(O::LowConfidence), false);
    check("at the limit", |f, _| f.confidence = 0.70, Ok(()), false);
    check("sure enough not to wait for the end", |f, _| f.confidence = 0.80, Ok(()), true);
    check("8 or B", |f, _| (f.confidence, f.rival) = (0.79, 0.20), Err(O::LowConfidence), false);
    check("hardly B", |f, _| (f.confidence, f.rival) = (0.80, 0.19), Ok(()), true);
    check("two readings", |f, _| (f.agreeing, f.whole_agreeing) = (2, 2), Ok(()), false);
    for (clear, end) in [(false, Err(O::TooFewReads)), (true, Ok(()))] {
        check(
            "two readings that leave a doubt",
            |f, _| (f.agreeing, f.whole_agreeing, f.confidence, f.clear) = (2, 2, 0.91, clear),
            end,
            false,
        );
    }
    check(
        "one strong reading",
        |f, _| (f.reads, f.whole_reads, f.agreeing, f.whole_agreeing) = (1, 1, 1, 1),
        Ok(()),
        false,
    );
    check(
        "one weak reading",
        |f, _| (f.reads, f.whole_reads, f.agreeing, f.whole_agreeing, f.confidence) = (1, 1, 1, 1, 0.91),
        Err(O::TooFewReads),
        false,
    );
    check(
        "one strong reading in two sights that hardly differ",
        |f, _| (f.reads, f.whole_reads, f.agreeing, f.whole_agreeing, f.moved) = (1, 1, 1, 1, None),
        Err(O::TooFewReads),
        false,
    );
    check(
        "one clear reading of poor confidence altogether",
        |f, _| {
            (f.reads, f.whole_reads, f.agreeing, f.whole_agreeing, f.confidence, f.clear) = (1, 1, 1, 1, 0.84, true);
        },
        Ok(()),
        false,
    );
    check(
        "the same where one sight is all there can be",
        |f, _| {
            (f.reads, f.whole_reads, f.agreeing, f.whole_agreeing, f.moved, f.may_be_brief) = (1, 1, 1, 1, None, true);
        },
        Ok(()),
        false,
    );
    check(
        "one strong reading among others that are nothing like it",
        |f, _| (f.agreeing, f.whole_agreeing, f.alike) = (1, 1, 0.4),
        Err(O::TooFewReads),
        false,
    );
    check(
        "many readings from far too far away",
        |f, _| (f.agreeing, f.whole_agreeing, f.reads, f.alike_evidence) = (1, 1, 11, 0.3),
        Err(O::TooFewReads),
        false,
    );
    check(
        "two clear readings of lettering that moves by",
        |f, _| (f.agreeing, f.whole_agreeing, f.contradicted) = (1, 1, true),
        Err(O::TooFewReads),
        false,
    );
    check("at the place of a sign", |f, _| (f.moved, f.from_start) = (None, true), Err(O::Static), false);
    check("a lorry's plate above a car's", |f, _| f.above = 6.0, Ok(()), true);
    check("a name that is a plate elsewhere", |f, _| f.above = 8.0, Err(O::Lettering), false);
    check("a name", |f, _| (f.usual, f.above) = (false, 4.0), Err(O::Lettering), false);
    check("lettering", |f, _| (f.usual, f.detector_confidence) = (false, 0.70), Err(O::WeakDetection), false);
    for (may_be_brief, end) in [(false, Err(O::WeakDetection)), (true, Ok(()))] {
        check(
            "lettering that reads as a plate, for a moment",
            |f, _| {
                (f.reads, f.whole_reads, f.agreeing, f.whole_agreeing) = (3, 3, 2, 2);
                (f.detector_confidence, f.may_be_brief) = (0.70, may_be_brief);
            },
            end,
            false,
        );
    }
    check(
        "the same as a preview",
        |f, _| {
            (f.reads, f.whole_reads, f.agreeing, f.whole_agreeing) = (3, 3, 2, 2);
            (f.detector_confidence, f.may_be_brief, f.is_preview) = (0.70, true, true);
        },
        Err(O::WeakDetection),
        false,
    );
    check("a plate that is read all the time", |f, _| f.detector_confidence = 0.70, Ok(()), true);
    check("a plate to order", |f, _| (f.usual, f.detector_confidence) = (false, 0.80), Ok(()), true);
    check(
        "no two readings alike",
        |f, _| (f.agreeing, f.whole_agreeing, f.confidence) = (0, 0, 0.91),
        Err(O::TooFewReads),
        false,
    );
    check("cut by the edge", |f, _| (f.whole_agreeing, f.whole_reads) = (0, 0), Err(O::HalfSeen), false);
    check(
        "many readings that err elsewhere",
        |f, _| (f.agreeing, f.whole_agreeing, f.whole_reads, f.confidence) = (0, 0, 3, 0.92),
        Ok(()),
        false,
    );
    check("three readings of poor crops", |f, _| f.evidence = 0.6, Ok(()), false);
    check(
        "three readings from far too far away",
        |f, _| (f.evidence, f.alike_evidence) = (0.34, 1.1),
        Err(O::TooFewReads),
        false,
    );
    check("what a post leaves of a plate", |f, _| f.longer_evidence = 1.7, Err(O::HalfSeen), false);
    check(
        "half of a plate beside it",
        |f, _| (f.half_of_another, f.whole_agreeing) = (true, 1),
        Err(O::HalfSeen),
        false,
    );
    check("a short plate beside a long one", |f, _| f.half_of_another = true, Ok(()), true);
    check("a character too much now and then", |f, _| f.longer_evidence = 0.6, Ok(()), true);
    check("outside the zone", |f, _| f.zone_missed = true, Err(O::Zone), false);
    check("unknown format", |f, _| f.fits = Some(false), Ok(()), true);
    check(
        "unknown format, rejected",
        |f, r| (f.fits, r.unknown_region) = (Some(false), UnknownRegion::Reject),
        Err(O::UnknownRegion),
        false,
    );
    check("a sign", |f, _| (f.moved, f.from_start) = (Some(false), true), Err(O::Static), false);
    check("a sign that was hidden", |f, _| f.moved = Some(false), Err(O::Static), false);
    check(
        "a car that stands still later",
        |f, r| (f.moved, r.static_policy) = (Some(false), StaticPolicy::RejectFromStart),
        Ok(()),
        true,
    );
    check("a sign after a vehicle in one track", |f, _| f.sign = true, Err(O::Static), false);
    check("hardly seen, though frames are many", |f, _| f.moved = None, Err(O::Static), false);
    check("too early to say", |f, _| (f.moved, f.may_be_brief) = (None, true), Ok(()), false);
    check(
        "a sign that is accepted",
        |f, r| (f.moved, f.from_start, r.static_policy) = (Some(false), true, StaticPolicy::Accept),
        Ok(()),
        true,
    );
    check(
        "a text on the screen",
        |f, r| (f.moved, r.static_policy) = (Some(false), StaticPolicy::Reject),
        Err(O::Static),
        false,
    );
}
