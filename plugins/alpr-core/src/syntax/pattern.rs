//! One plate format: parsed, matched, and fitted to a lattice.
//!
//! A pattern becomes a position automaton: every position is one character with its set of symbols and the positions
//! that may stand before it. Position 0 is the start.

use std::ops::RangeInclusive;

use super::table::Table;

/// Characters that show between symbols and are not read.
const SEPARATORS: &[char] = &[' ', '-', '.', '/', '·'];
/// Longest repetition, and most positions of one pattern: a typing error must not cost a day.
const MAX_REPEAT: usize = 12;
const MAX_POSITIONS: usize = 400;
/// Symbols that a pattern can name, in the order of the bits of a set.
pub(super) const SYMBOLS: &str = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";

/// A set of symbols, one bit each in the order of [`SYMBOLS`].
pub(super) type Set = u64;
pub(super) const DIGITS: Set = (1 << 10) - 1;
pub(super) const LETTERS: Set = ((1 << 26) - 1) << 10;

/// The bit of `symbol`, if a pattern can name it.
pub(super) fn bit(symbol: char) -> Option<Set> {
    SYMBOLS.find(symbol).map(|index| 1 << index)
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Position {
    set: Set,
    /// Shown before this character.
    separator: Option<char>,
    /// Positions that may stand before it, 0 being the start.
    before: Vec<u16>,
}

/// `source` without its separators: patterns that differ only in them fit the same texts.
pub(super) fn unseparated(source: &str) -> String {
    let mut in_set = false;
    source
        .chars()
        .filter(|&c| {
            in_set = c == '[' || in_set && c != ']';
            in_set || !SEPARATORS.contains(&c)
        })
        .collect()
}

/// `text` as one bit for every symbol; `None` when it has a symbol that no pattern can name.
pub(super) fn bits(text: &str) -> Option<Vec<Set>> {
    text.chars().map(bit).collect()
}

/// A compiled pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pattern {
    /// Positions from 1 on; index 0 is a placeholder for the start.
    positions: Vec<Position>,
    /// Positions that may stand last.
    last: Vec<u16>,
    /// Lengths of the texts that fit.
    lengths: RangeInclusive<usize>,
}

impl Pattern {
    /// Compiles `source`; the error says what is wrong with which character.
    pub(super) fn parse(source: &str) -> Result<Self, String> {
        let pattern = Self { positions: vec![Position::start()], last: Vec::new(), lengths: 0..=0 };
        Parser { rest: source.trim(), pattern }.run()
    }

    /// All sets of symbols that occur.
    pub(super) fn sets(&self) -> impl Iterator<Item = Set> {
        self.positions.iter().skip(1).map(|position| position.set)
    }

    fn measure(&mut self) {
        let mut spans = vec![(0_usize, 0_usize)];
        for position in self.positions.iter().skip(1) {
            let before = || position.before.iter().map(|&from| spans[usize::from(from)]);
            let least = before().map(|span| span.0).min().unwrap_or(0);
            let most = before().map(|span| span.1).max().unwrap_or(0);
            spans.push((least + 1, most + 1));
        }
        let last = || self.last.iter().map(|&index| spans[usize::from(index)]);
        self.lengths = last().map(|span| span.0).min().unwrap_or(0)..=last().map(|span| span.1).max().unwrap_or(0);
    }

    /// Whether `text` fits, given as one bit for every symbol (see [`bits`]).
    pub(super) fn accepts(&self, text: &[Set]) -> bool {
        if !self.lengths.contains(&text.len()) {
            return false;
        }
        let mut reached = vec![false; self.positions.len()];
        reached[0] = true;
        for &symbol in text {
            let mut alive = false;
            // A position stands after those before it, so going backwards reads the reach of the symbol before.
            for (index, position) in self.positions.iter().enumerate().rev() {
                reached[index] =
                    position.set & symbol != 0 && position.before.iter().any(|&from| reached[usize::from(from)]);
                alive |= reached[index];
            }
            if !alive {
                return false;
            }
        }
        self.last.iter().any(|&index| reached[usize::from(index)])
    }

    /// The ways to show `text` with separators, if it fits: several when the pattern leaves open where they stand.
    pub(super) fn displays(&self, text: &str) -> Vec<String> {
        let mut partial = vec![(0_u16, String::new())];
        for symbol in text.chars() {
            let Some(bit) = bit(symbol) else { return Vec::new() };
            let mut next: Vec<(u16, String)> = Vec::new();
            for (index, position) in self.positions.iter().enumerate().skip(1) {
                if position.set & bit == 0 {
                    continue;
                }
                for (from, shown) in &partial {
                    if position.before.contains(from) {
                        let mut shown = shown.clone();
                        shown.extend(position.separator.filter(|_| *from != 0));
                        shown.push(symbol);
                        next.push((index as u16, shown));
                    }
                }
            }
            next.sort();
            next.dedup();
            partial = next;
        }
        let mut shown: Vec<String> =
            partial.into_iter().filter(|(index, _)| self.last.contains(index)).map(|(_, shown)| shown).collect();
        shown.sort();
        shown.dedup();
        shown
    }

    /// How many texts fit, as a logarithm: the lower, the more a match says.
    pub(super) fn breadth(&self) -> f32 {
        let mut ways = vec![0.0_f64; self.positions.len()];
        ways[0] = 1.0;
        for index in 1..self.positions.len() {
            let position = &self.positions[index];
            let before: f64 = position.before.iter().map(|&from| ways[usize::from(from)]).sum();
            ways[index] = before * f64::from(position.set.count_ones());
        }
        self.last.iter().map(|&index| ways[usize::from(index)]).sum::<f64>().ln() as f32
    }

    /// The most probable text that fits, by its best path through `table`; `None` when no text of any probability does.
    pub(super) fn best(&self, table: &Table) -> Option<String> {
        let count = self.positions.len();
        let columns = table.columns();
        let mut scores = vec![0.0_f64; (columns + 1) * count];
        let mut from = vec![0_u16; (columns + 1) * count];
        scores[0] = 1.0;
        let symbols: Vec<&[(f32, char)]> = self.positions.iter().map(|position| table.best(position.set)).collect();
        for column in 0..columns {
            let (done, rest) = scores.split_at_mut((column + 1) * count);
            let (now, next) = (&done[column * count..], &mut rest[..count]);
            let empty = f64::from(table.empty(column));
            for (index, position) in self.positions.iter().enumerate() {
                // Stay: no character in this column.
                let (mut best, mut best_from) = (now[index] * empty, index as u16);
                if index > 0 {
                    let p = f64::from(symbols[index][column].0);
                    for &before in &position.before {
                        let score = now[usize::from(before)] * p;
                        if score > best {
                            (best, best_from) = (score, before);
                        }
                    }
                }
                next[index] = best;
                from[(column + 1) * count + index] = best_from;
            }
        }
        let end = &scores[columns * count..];
        let last = *self.last.iter().max_by(|&&a, &&b| end[usize::from(a)].total_cmp(&end[usize::from(b)]))?;
        if end[usize::from(last)] <= 0.0 {
            return None;
        }
        let mut text = Vec::new();
        let mut index = last;
        for column in (0..columns).rev() {
            let before = from[(column + 1) * count + usize::from(index)];
            if before != index {
                text.push(symbols[usize::from(index)][column].1);
            }
            index = before;
        }
        Some(text.into_iter().rev().collect())
    }
}

impl Position {
    const fn start() -> Self {
        Self { set: 0, separator: None, before: Vec::new() }
    }
}

/// One alternative: its characters, each with the separator that is shown before it.
type Branch = Vec<(Option<char>, Set)>;

struct Parser<'a> {
    rest: &'a str,
    pattern: Pattern,
}

impl Parser<'_> {
    fn run(mut self) -> Result<Pattern, String> {
        let mut ends = vec![0_u16];
        let mut separator = None;
        while let Some(c) = self.next() {
            if SEPARATORS.contains(&c) {
                if separator.replace(c).is_some() {
                    return Err(format!("two separators in a row at \"{c}\"; write one"));
                }
                continue;
            }
            let branches = match c {
                '(' => self.group()?,
                c => vec![vec![(None, self.set(c)?)]],
            };
            let (least, most) = self.repeat()?;
            ends = self.append(&ends, &branches, separator.take(), least, most)?;
        }
        if separator.is_some() {
            return Err("a separator at the end; it stands between characters only".into());
        }
        if ends.contains(&0) {
            return Err("the pattern fits the empty text; at least one character must be required".into());
        }
        self.pattern.last = ends;
        self.pattern.measure();
        Ok(self.pattern)
    }

    /// Adds `branches` (alternatives) `least` to `most` times after `ends`; returns the new ends.
    fn append(
        &mut self,
        ends: &[u16],
        branches: &[Branch],
        separator: Option<char>,
        least: usize,
        most: usize,
    ) -> Result<Vec<u16>, String> {
        let mut all_ends = if least == 0 { ends.to_vec() } else { Vec::new() };
        let mut current = ends.to_vec();
        for turn in 1..=most {
            let mut next = Vec::new();
            for branch in branches {
                let mut before = current.clone();
                for (place, &(inside, set)) in branch.iter().enumerate() {
                    let separator = inside.or(separator.filter(|_| turn == 1 && place == 0));
                    self.pattern.positions.push(Position { set, separator, before });
                    before = vec![(self.pattern.positions.len() - 1) as u16];
                }
                next.extend(before);
            }
            if self.pattern.positions.len() > MAX_POSITIONS {
                return Err(format!("more than {MAX_POSITIONS} positions; split the pattern into several lines"));
            }
            current = next;
            if turn >= least {
                all_ends.extend(&current);
            }
        }
        Ok(all_ends)
    }

    fn next(&mut self) -> Option<char> {
        let c = self.rest.chars().next()?;
        self.rest = &self.rest[c.len_utf8()..];
        Some(c)
    }

    /// The set that starts with `c`.
    fn set(&mut self, c: char) -> Result<Set, String> {
        match c {
            '@' => Ok(LETTERS),
            '#' => Ok(DIGITS),
            '*' => Ok(LETTERS | DIGITS),
            '[' => self.class(),
            c => bit(c).ok_or_else(|| {
                format!("unexpected \"{c}\"; a pattern has A-Z, 0-9, @ (letter), # (digit), * (either), [sets], (alternatives), {{repeats}} and separators")
            }),
        }
    }

    /// A set such as `[A-HJ-PR]`, after its bracket.
    fn class(&mut self) -> Result<Set, String> {
        let mut set = 0;
        loop {
            let first = match self.next() {
                Some(']') if set != 0 => return Ok(set),
                Some(']') => return Err("an empty set []; name its symbols".into()),
                Some('@') => {
                    set |= LETTERS;
                    continue;
                }
                Some('#') => {
                    set |= DIGITS;
                    continue;
                }
                Some(c) => bit(c).ok_or_else(|| format!("\"{c}\" in a set; only A-Z, 0-9, @ and # may stand there"))?,
                None => return Err("a set without its \"]\"".into()),
            };
            let last = if self.rest.starts_with('-') {
                self.next();
                let c = self.next().ok_or("a set without its \"]\"")?;
                bit(c).ok_or_else(|| format!("\"{c}\" at the end of a range; only A-Z and 0-9 may stand there"))?
            } else {
                first
            };
            if last < first {
                return Err("a range that runs backwards; write the lower symbol first".into());
            }
            // All bits from first to last.
            set |= (last | (last - 1)) & !(first - 1);
        }
    }

    /// Alternatives such as `(B|HH|M)` or `(@-@@|@@-@)`, after the parenthesis.
    fn group(&mut self) -> Result<Vec<Branch>, String> {
        let mut branches = vec![Branch::new()];
        let mut separator = None;
        loop {
            let c = self.next().ok_or("an alternative without its \")\"")?;
            let current = branches.len() - 1;
            match c {
                '|' | ')' if separator.is_some() => {
                    return Err("a separator at the end of an alternative; write it after the parenthesis".into());
                }
                c if SEPARATORS.contains(&c) => {
                    if branches[current].is_empty() || separator.replace(c).is_some() {
                        return Err(format!("\"{c}\" is not between two characters of an alternative"));
                    }
                }
                '|' | ')' if branches[current].is_empty() => {
                    return Err("an empty alternative; use {0,1} after the parenthesis".into());
                }
                '|' => branches.push(Branch::new()),
                ')' => return Ok(branches),
                c => {
                    let set = self.set(c)?;
                    branches[current].push((separator.take(), set));
                }
            }
        }
    }

    /// `{n}` or `{least,most}` if it comes next, else once.
    fn repeat(&mut self) -> Result<(usize, usize), String> {
        let Some(rest) = self.rest.strip_prefix('{') else { return Ok((1, 1)) };
        let (inside, rest) = rest.split_once('}').ok_or("a repeat without its \"}\"")?;
        self.rest = rest;
        let (least, most) = inside.split_once(',').unwrap_or((inside, inside));
        let bad = || format!("repeat {{{inside}}}; write {{n}} or {{least,most}} with numbers up to {MAX_REPEAT}");
        let least: usize = least.trim().parse().map_err(|_| bad())?;
        let most: usize = most.trim().parse().map_err(|_| bad())?;
        if least > most || most == 0 || most > MAX_REPEAT { Err(bad()) } else { Ok((least, most)) }
    }
}
