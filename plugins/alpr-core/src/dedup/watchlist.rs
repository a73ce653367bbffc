//! Plates that someone waits for.
//!
//! A text file, one entry a line: `PLATE[,TAG[,EXPIRY]]`. `PLATE` is a plate, matched like duplicates are (one look-alike
//! forgiven), or a pattern with `*` (any characters) and `?` (one character), matched exactly. `EXPIRY` is an ISO-8601
//! date (the entry holds through that day, UTC) or time. A `#` at the beginning of a line or behind white space begins a comment;
//! any other one belongs to the tag, as in `case#12`. Empty lines are skipped.
//!
//! A list may have a hundred thousand plates, and a lookup is in the way of the video: plates are found by an index of the
//! [keys](super::matching) that plates within reach of each other share. Only patterns are tried one by one.

use std::collections::BTreeSet;

use chrono::{DateTime, NaiveDate, NaiveDateTime};

use super::distance;
use super::matching::{Matching, keys};
use crate::event::normalized;
use crate::time::Timestamp;

/// Longest tag, in characters.
pub const TAG_LIMIT: usize = 50;

/// The plates that someone waits for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Watchlist {
    entries: Vec<Entry>,
    /// (key, place among the entries) of all plates, in order: as a hash table, it would take several times the memory.
    keys: Vec<(u64, u32)>,
    /// Places of the patterns.
    patterns: Vec<u32>,
}

#[derive(Clone, Debug, PartialEq)]
struct Entry {
    plate: String,
    is_pattern: bool,
    tag: String,
    expiry: Option<Timestamp>,
}

/// A match.
#[derive(Clone, Debug, PartialEq)]
pub struct Hit {
    /// Tag of the entry.
    pub tag: String,
    /// Its plate or pattern.
    pub entry: String,
    /// Distance of the texts; 0 for patterns.
    pub distance: f32,
}

/// A line that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WatchlistError {
    /// Its number, from 1.
    pub line: usize,
    /// What is wrong with it. Never holds the plate.
    pub reason: String,
}

impl std::fmt::Display for WatchlistError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "line {}: {}", self.line, self.reason)
    }
}

impl std::error::Error for WatchlistError {}

impl Watchlist {
    /// Reads the text form.
    ///
    /// # Errors
    ///
    /// The first line that cannot be used, and why.
    pub fn parse(text: &str) -> Result<Self, WatchlistError> {
        let mut entries = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let line = without_comment(line).trim();
            if line.is_empty() {
                continue;
            }
            entries.push(Entry::parse(line).map_err(|reason| WatchlistError { line: index + 1, reason })?);
        }
        let mut list = Self { entries, ..Self::default() };
        for (entry, place) in list.entries.iter().zip(0..) {
            if entry.is_pattern {
                list.patterns.push(place);
            } else {
                list.keys.extend(keys(&Matching::Confusion, "", &entry.plate).map(|key| (key, place)));
            }
        }
        list.keys.sort_unstable();
        list.keys.dedup();
        Ok(list)
    }

    /// Number of entries.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nobody is waited for.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The nearest entry that matches the normalised text `plate` at `now`: exact plates first, then look-alikes, then
    /// patterns; of equals, the first in the file.
    pub fn find(&self, plate: &str, now: Timestamp) -> Option<Hit> {
        #[cfg(test)]
        LOOKUPS.set(LOOKUPS.get() + 1);
        let entry = |place: u32| {
            let entry = self.entries.get(place as usize)?;
            entry.expiry.is_none_or(|expiry| now < expiry).then_some(entry)
        };
        let hit = |entry: &Entry, distance| Hit { tag: entry.tag.clone(), entry: entry.plate.clone(), distance };
        let near = self.near(plate).into_iter().filter_map(entry);
        let same = near.filter_map(|entry| Some((entry, distance::same_plate(&entry.plate, plate)?)));
        let nearest = same.min_by(|a, b| a.1.total_cmp(&b.1));
        nearest.map(|(entry, distance)| hit(entry, distance)).or_else(|| {
            let mut patterns = self.patterns.iter().filter_map(|place| entry(*place));
            patterns.find(|entry| matches(&entry.plate, plate)).map(|entry| hit(entry, 0.0))
        })
    }

    /// Places of the plates that share a key with `plate`, in the order of the file: all that may be the same are among them.
    fn near(&self, plate: &str) -> BTreeSet<u32> {
        let of_key = |key: u64| {
            let first = self.keys.partition_point(|(other, _)| *other < key);
            self.keys[first..].iter().take_while(move |(other, _)| *other == key).map(|(_, place)| *place)
        };
        keys(&Matching::Confusion, "", plate).flat_map(of_key).collect()
    }
}

impl Entry {
    fn parse(line: &str) -> Result<Self, String> {
        let mut fields = line.splitn(3, ',').map(str::trim);
        let plate = fields.next().unwrap_or_default();
        let tag = fields.next().unwrap_or_default();
        let expiry = fields.next().filter(|text| !text.is_empty());
        let is_pattern = plate.contains(['*', '?']);
        let plate: String = if is_pattern {
            let kept = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '*' | '?');
            plate.chars().filter(kept).map(|c| c.to_ascii_uppercase()).collect()
        } else {
            normalized(plate)
        };
        if plate.is_empty() || plate.chars().all(|c| c == '*') {
            return Err("no letter or digit in the plate; write PLATE[,TAG[,EXPIRY]]".into());
        }
        if tag.chars().count() > TAG_LIMIT {
            return Err(format!("the tag has {} characters; at most {TAG_LIMIT} are possible", tag.chars().count()));
        }
        let expiry = expiry.map(parse_expiry).transpose()?;
        Ok(Self { plate, is_pattern, tag: tag.to_owned(), expiry })
    }
}

/// What `line` says before its comment.
fn without_comment(line: &str) -> &str {
    let begins = |at: &usize| line[..*at].chars().next_back().is_none_or(char::is_whitespace);
    line.match_indices('#').map(|(at, _)| at).find(begins).map_or(line, |at| &line[..at])
}

fn parse_expiry(text: &str) -> Result<Timestamp, String> {
    let nanoseconds = if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        time.timestamp_nanos_opt()
    } else if let Ok(time) = text.parse::<NaiveDateTime>() {
        time.and_utc().timestamp_nanos_opt()
    } else if let Ok(day) = text.parse::<NaiveDate>() {
        day.succ_opt().and_then(|d| d.and_hms_opt(0, 0, 0)).and_then(|t| t.and_utc().timestamp_nanos_opt())
    } else {
        return Err(format!("{text:?} is no ISO-8601 date or time, such as 2026-12-31 or 2026-12-31T18:00:00Z"));
    };
    nanoseconds.map(Timestamp).ok_or_else(|| format!("{text:?} is out of range"))
}

/// Whether `text` has the form of `pattern`.
fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        if p < pattern.len() && pattern[p] == b'*' {
            star = Some((p, t));
            p += 1;
        } else if p < pattern.len() && (pattern[p] == b'?' || pattern[p] == text[t]) {
            p += 1;
            t += 1;
        } else if let Some((at, from)) = star {
            star = Some((at, from + 1));
            p = at + 1;
            t = from + 1;
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|c| *c == b'*')
}

#[cfg(test)]
pub(super) use tests::LOOKUPS;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dedup::tests::numbers;

    thread_local! {
        /// How often a list was asked.
        pub(in crate::dedup) static LOOKUPS: std::cell::Cell<u32> = const { std::cell::Cell::new(0) };
    }

    const FILE: &str = "\
# family
abc-1234, allow # ours
ABC1235,deny,2026-01-31 # not theirs
ZZZ?9*,pattern
  # a visitor
X1000Y,case#12,2026-01-31 # until then
K999XX,timed,2026-01-31T12:00:00Z
";

    fn at(text: &str) -> Timestamp {
        Timestamp(DateTime::parse_from_rfc3339(text).unwrap().timestamp_nanos_opt().unwrap())
    }

    #[test]
    fn what_matches() {
        let list = Watchlist::parse(FILE).unwrap();
        assert_eq!(list.len(), 5);
        for (plate, time, tag) in [
            ("ABC1234", "2026-01-01T00:00:00Z", Some("allow")),
            ("A8C1234", "2026-01-01T00:00:00Z", Some("allow")),
            ("BC1234", "2026-01-01T00:00:00Z", Some("allow")),
            ("ABC1235", "2026-01-31T23:59:59Z", Some("deny")),
            ("ABC1235", "2026-02-01T00:00:00Z", None),
            ("ABC1236", "2026-01-01T00:00:00Z", None),
            ("ZZZ19", "2026-01-01T00:00:00Z", Some("pattern")),
            ("ZZZ1977", "2026-01-01T00:00:00Z", Some("pattern")),
            ("ZZZ9", "2026-01-01T00:00:00Z", None),
            ("2ZZ19", "2026-01-01T00:00:00Z", None),
            ("X1000Y", "2026-01-31T23:59:59Z", Some("case#12")),
            ("X1000Y", "2026-02-01T00:00:00Z", None),
            ("K999XX", "2026-01-31T11:59:59Z", Some("timed")),
            ("K999XX", "2026-01-31T12:00:00Z", None),
        ] {
            assert_eq!(list.find(plate, at(time)).map(|h| h.tag).as_deref(), tag, "{plate} {time}");
        }
    }

    #[test]
    fn the_index_finds_whatever_a_full_search_finds() {
        let symbols: Vec<char> = "0OQD1IL8B5S2Z6G4A7TXKM".chars().collect();
        let mut next = numbers();
        let plates: Vec<String> =
            (0..400).map(|_| (0..3 + next(5)).map(|_| symbols[next(symbols.len())]).collect()).collect();
        let list = Watchlist::parse(&plates.join("\n")).unwrap();
        for known in &plates {
            let mut asked: Vec<char> = known.chars().collect();
            for _ in 0..next(3) {
                let place = next(asked.len());
                asked[place] = symbols[next(symbols.len())];
            }
            let asked: String = asked.into_iter().collect();
            let all = plates.iter().filter_map(|plate| Some((plate.clone(), distance::same_plate(plate, &asked)?)));
            let nearest = all.min_by(|a, b| a.1.total_cmp(&b.1));
            let found = list.find(&asked, Timestamp(0)).map(|hit| (hit.entry, hit.distance));
            assert_eq!(found, nearest, "{asked}");
        }
    }

    #[test]
    fn few_plates_of_a_long_list_are_compared() {
        let plate = |n: u32| format!("AB{}{:05}", char::from(b'A' + (n % 26) as u8), n);
        let list = Watchlist::parse(&(0..100_000).map(plate).collect::<Vec<_>>().join("\n")).unwrap();
        assert_eq!(list.find(&plate(54_321), Timestamp(0)).map(|hit| hit.distance), Some(0.0));
        let most = (0..100_000).step_by(1000).map(|n| list.near(&plate(n)).len()).max();
        assert!(most < Some(100), "{most:?} of 100,000");
    }

    #[test]
    fn unusable_lines_are_named_without_their_plate() {
        for (text, expected) in [
            ("ok1\n---,x", "line 2: no letter"),
            ("*", "line 1: no letter"),
            ("SECRET1,t,tomorrow", "line 1: \"tomorrow\" is no ISO-8601"),
            (&format!("SECRET1,{}", "t".repeat(51)), "line 1: the tag has 51"),
        ] {
            let error = Watchlist::parse(text).unwrap_err().to_string();
            assert!(error.starts_with(expected) && !error.contains("SECRET"), "{error}");
        }
    }

    #[test]
    fn patterns() {
        for (pattern, text, expected) in
            [("A*", "A", true), ("A*1", "AB21", true), ("A*1", "AB12", false), ("?", "", false), ("A?C", "ABC", true)]
        {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
    }
}
