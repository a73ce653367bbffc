//! Scores as text.

use crate::clips::Outcome;
use crate::score::passes::Verdict;
use crate::score::plates::{Reads, Tally, WIDTHS};
use crate::stills::Scores;
use std::fmt::Write as _;

/// A percentage of `part` in `whole`, or a dash where there is nothing.
fn percent(part: usize, whole: usize) -> String {
    if whole == 0 { "–".to_owned() } else { format!("{:.1}", part as f64 * 100.0 / whole as f64) }
}

fn reads(r: &Reads) -> String {
    let characters = percent(r.characters - r.wrong_characters, r.characters);
    format!("{:>6} {:>6} {:>6} {:>6}", r.plates, percent(r.exact, r.plates), percent(r.folded, r.plates), characters)
}

fn row(name: &str, t: &Tally) -> String {
    let false_reads =
        if t.images == 0 { "–".to_owned() } else { format!("{:.3}", t.false_reads as f64 / t.images as f64) };
    format!(
        "{name:<22} {:>6} {:>6} {:>6} {:>6} {} {} {false_reads:>7}\n",
        t.images,
        t.labelled,
        percent(t.found, t.labelled),
        if t.images == 0 { "–".to_owned() } else { percent(t.detections - t.unlabelled, t.detections) },
        reads(&t.human),
        reads(&t.silver),
    )
}

/// The scores of stills as a table: percentages, but counts of images, plates and texts.
pub fn stills(s: &Scores, confidence: f32) -> String {
    let mut text = format!(
        "{:<22} {:>6} {:>6} {:>6} {:>6} {:^27} {:^27} {:>7}\n{:<22} {:>6} {:>6} {:>6} {:>6} {} {} {:>7}\n",
        "",
        "",
        "",
        "found",
        "prec.",
        "texts by people",
        "texts by networks",
        "false",
        "",
        "images",
        "plates",
        "%",
        "%",
        " texts  exact    O=0  chars",
        " texts  exact    O=0  chars",
        "reads/i",
    );
    text.push_str(&row("all", &s.all));
    for (title, groups) in [("set", &s.sets), ("region", &s.regions)] {
        if groups.len() > 1 {
            for (name, tally) in groups {
                text.push_str(&row(&format!("{title} {name}"), tally));
            }
        }
    }
    let mut from = 0.0;
    for (i, to) in WIDTHS.iter().enumerate() {
        if let Some(tally) = s.widths.get(&i) {
            let name = if to.is_finite() {
                format!("width {from:.0}–{to:.0} px")
            } else {
                format!("width from {from:.0} px")
            };
            text.push_str(&row(&name, tally));
        }
        from = *to;
    }
    let _ = writeln!(
        text,
        "found: IoU ≥ 0.5; prec.: detections on a labelled plate (sets may leave plates unlabelled); O=0: O as 0 and I as \
         1;\nfalse reads: readings with confidence ≥ {confidence} on no labelled plate, an image"
    );
    for reason in &s.unusable {
        let _ = writeln!(text, "left out: {reason}");
    }
    text
}

/// The scores of one clip.
pub fn clip(name: &str, o: &Outcome) -> String {
    let rate = o.frames as f64 / o.wall.as_secs_f64();
    format!("{name}: {}{} frames, {rate:.1} frames a second\n", verdict(&o.verdict), o.frames)
}

/// How events compare with passes.
pub fn verdict(v: &Verdict) -> String {
    let mut text = format!(
        "{} of {} passes right (exactly once, right text), {} duplicates, {} wrong, {} missed, {} of unreadable plates right\n",
        v.right,
        v.owed,
        v.duplicates.len(),
        v.wrong.len(),
        v.missed.len(),
        v.bonus
    );
    for wrong in &v.wrong {
        let meant = wrong.meant.as_deref().map_or_else(|| "nobody passed".to_owned(), |m| format!("meant {m}"));
        let borrowed = if wrong.borrowed { ", another pass's text" } else { "" };
        let _ = writeln!(
            text,
            "  wrong      {} at {:.1} s ({meant}{borrowed})",
            wrong.sighting.text, wrong.sighting.seconds
        );
    }
    for again in &v.duplicates {
        let _ = writeln!(text, "  duplicate  {} at {:.1} s", again.text, again.seconds);
    }
    for missed in &v.missed {
        let _ = writeln!(text, "  missed     {missed}");
    }
    text
}

/// The greatest memory this process ever held, in MiB, where the system tells.
pub fn peak_memory() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|l| l.starts_with("VmHWM:"))?;
    let kib: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib / 1024.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_of_nothing_are_dashes() {
        assert_eq!((percent(0, 0).as_str(), percent(1, 3).as_str()), ("–", "33.3"));
    }

    #[test]
    fn a_table_has_a_row_for_every_group() {
        let mut s = Scores::default();
        s.all.images = 2;
        s.sets.insert("one".into(), Tally { images: 1, ..Tally::default() });
        s.sets.insert("two".into(), Tally { images: 1, ..Tally::default() });
        s.widths.insert(4, Tally { labelled: 3, ..Tally::default() });
        s.unusable.push("cannot decode x".into());
        let text = stills(&s, 0.7);
        for expected in ["all ", "set one", "set two", "width from 140 px", "left out: cannot decode x", "≥ 0.7"] {
            assert!(text.contains(expected), "{expected}\n{text}");
        }
    }

    #[test]
    fn this_process_has_used_some_memory() {
        assert!(peak_memory().is_some_and(|mib| mib > 1.0));
    }
}
