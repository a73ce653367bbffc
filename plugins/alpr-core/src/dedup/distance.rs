//! How far apart two plate texts are, when some characters are easily taken for each other.
//!
//! A reader takes 0 for O all the time and 4 for 5 almost never. Plain edit distance knows no such difference: it
//! would merge the fleet plates `ABC1234` and `ABC1235`, or keep `ABC123O` and `ABC1230` apart. Here, mistaking look-alikes of
//! different kind (letter and digit) costs little, and everything else costs [`DEAR`], which is over every budget.

/// Cost of a substitution of characters that nobody confuses.
pub const DEAR: f32 = 1.0;

/// Cost of a character that is missing in one text.
const MISSING: f32 = 0.8;

/// Pairs of [look-alikes](crate::reader::lookalikes), and what it costs to take one for the other. Texts within their budget
/// differ in their canonical forms by one missing character at most: that is what makes an index possible. Two digits are never here: neighbours of a fleet differ in them.
const CONFUSIONS: [(char, char, f32); 14] = [
    ('0', 'O', 0.2),
    ('1', 'I', 0.2),
    ('8', 'B', 0.3),
    ('5', 'S', 0.3),
    ('2', 'Z', 0.3),
    ('6', 'G', 0.4),
    ('0', 'Q', 0.4),
    ('0', 'D', 0.4),
    ('O', 'Q', 0.4),
    ('O', 'D', 0.5),
    ('1', 'L', 0.5),
    ('I', 'L', 0.6),
    ('4', 'A', 0.6),
    ('7', 'T', 0.6),
];

/// Fewest characters by which a part of a plate, the rest of which something hides, is known again.
const LEAST_PART: usize = 2;

/// Whether `part` is what can be read of the plate `whole` when something hides the rest.
pub fn is_part(part: &str, whole: &str) -> bool {
    part.len() >= LEAST_PART && whole.contains(part)
}

/// Similarity (1 less edits by length) from which on two readings are of one text.
const ALIKE: f64 = 0.6;

/// Whether `reading` may be one of the plate `text`, or of what can be read of it when something hides the rest.
pub fn is_like(reading: &str, text: &str) -> bool {
    is_part(reading, text) || strsim::normalized_levenshtein(reading, text) >= ALIKE
}

/// The sum of costs up to which two texts are one plate; `length` is that of the shorter, in characters.
///
/// Absolute, not a ratio: a longer plate does not make its neighbours more alike.
pub const fn budget(length: usize) -> f32 {
    match length {
        0..=2 => 0.0,
        3..=4 => 0.35,
        5 => 0.6,
        _ => 0.85,
    }
}

/// What it costs to take `a` for `b`: 0 when equal, at most [`DEAR`].
pub fn substitution(a: char, b: char) -> f32 {
    if a == b {
        return 0.0;
    }
    CONFUSIONS.iter().find(|(x, y, _)| (*x == a && *y == b) || (*x == b && *y == a)).map_or(DEAR, |(_, _, cost)| *cost)
}

/// The least sum of costs that turns `a` into `b`. Both are normalised texts; symmetric.
pub fn weighted(a: &str, b: &str) -> f32 {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<f32> = (0..=b.len()).map(|j| j as f32 * MISSING).collect();
    for (i, ca) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = (i + 1) as f32 * MISSING;
        for (j, cb) in b.iter().enumerate() {
            let replaced = diagonal + substitution(ca, *cb);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + MISSING).min(row[j] + MISSING);
        }
    }
    row[b.len()]
}

/// The distance of `a` and `b` when they can be readings of one plate, else `None`.
pub fn same_plate(a: &str, b: &str) -> Option<f32> {
    if a == b {
        return Some(0.0);
    }
    let (long, short) = (a.chars().count().max(b.chars().count()), a.chars().count().min(b.chars().count()));
    if long - short > 1 {
        // two missing characters are over every budget
        return None;
    }
    let distance = weighted(a, b);
    (distance <= budget(short) + 1e-4).then_some(distance)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reader::lookalikes::canonical;

    #[test]
    fn parts_of_a_plate_and_misreads_are_like_it() {
        for (reading, text, like) in [
            ("TFH6FM", "TFH6FM", true),
            ("FH6FM", "TFH6FM", true),
            ("TFH", "TFH6FM", true),
            ("T", "TFH6FM", false),
            ("TFH61N", "TFH6FM", true),
            ("TFH6FM", "TFH", false),
            ("BUS145", "TFH6FM", false),
        ] {
            assert_eq!(is_like(reading, text), like, "{reading} {text}");
        }
    }

    #[test]
    fn one_misread_is_one_plate_and_neighbours_are_two() {
        for (a, b, same) in [
            ("ABC1234", "ABC1234", true),
            ("ABC1234", "A8C1234", true),
            ("ABC1230", "ABC123O", true),
            ("ABC1230", "A8C123O", true),
            // fleets: counted upwards, in digits or in letters
            ("ABC1234", "ABC1235", false),
            ("ABC1233", "ABC1238", false),
            ("ABC1239", "ABC1240", false),
            ("ABC123", "ABX123", false),
            // one character lost at an edge or inside
            ("ABC1234", "BC1234", true),
            ("ABC1234", "ABC134", true),
            // two lost
            ("ABC1234", "C1234", false),
            // short plates forgive less
            ("AB12", "A812", true),
            ("AB12", "A8I2", false),
            ("AB12", "AB1", false),
            ("A1", "4I", false),
            // too many look-alikes at once
            ("OOO0000", "0000OOO", false),
            ("XYZ", "ABC1234", false),
        ] {
            assert_eq!(same_plate(a, b).is_some(), same, "{a} {b}: {}", weighted(a, b));
            assert!((weighted(a, b) - weighted(b, a)).abs() < 1e-5, "{a} {b} is not symmetric");
        }
    }

    #[test]
    fn look_alikes_share_their_canonical_character() {
        for (a, b, cost) in CONFUSIONS {
            assert_eq!(canonical(a), canonical(b), "{a} {b}");
            assert!(cost < DEAR);
            assert!(!(a.is_ascii_digit() && b.is_ascii_digit()), "{a} {b}: fleets differ in digits");
        }
        assert!(budget(20) < DEAR, "a dear substitution must never be forgiven");
        assert!(budget(20) < 2.0 * MISSING, "the index finds one missing character, not two");
    }
}
