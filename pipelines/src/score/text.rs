//! Comparing plate texts.

/// The text with letters that look like digits made digits: O = 0, I = 1.
pub fn folded(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            'O' => '0',
            'I' => '1',
            other => other,
        })
        .collect()
}

/// Least number of characters to insert, leave out or change to make `b` of `a`.
pub fn edit_distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut corner = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let change = corner + usize::from(x != *y);
            corner = row[j + 1];
            row[j + 1] = change.min(corner + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        for (a, b, expected) in [
            ("", "", 0),
            ("ABC123", "ABC123", 0),
            ("ABC123", "ABC12", 1),
            ("ABC123", "XABC123", 1),
            ("ABC123", "ABD124", 2),
            ("AB", "", 2),
            ("KITTEN", "SITTING", 3),
        ] {
            assert_eq!(edit_distance(a, b), expected, "{a} {b}");
            assert_eq!(edit_distance(b, a), expected, "{b} {a}");
        }
    }

    #[test]
    fn folding_keeps_everything_else() {
        assert_eq!(folded("OI08B"), "0108B");
    }
}
