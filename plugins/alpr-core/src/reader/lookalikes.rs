//! Characters that are easily taken for each other.

/// Groups of characters that many fonts draw so alike that only the font tells them apart.
pub const LOOK_ALIKES: [&str; 6] = ["0ODQ", "1IL", "8B", "5S", "2Z", "6G"];

/// Pairs that are taken for each other now and then, from far away or askew.
pub const SIMILAR: [&str; 2] = ["4A", "7T"];

/// The first character of the group that `c` belongs to, or `c` itself: texts that differ in look-alikes alone have the same
/// canonical form.
pub fn canonical(c: char) -> char {
    let group = LOOK_ALIKES.iter().chain(&SIMILAR).find(|group| group.contains(c));
    group.and_then(|group| group.chars().next()).unwrap_or(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_character_is_in_two_groups_and_digits_come_first() {
        let mut seen = std::collections::BTreeSet::new();
        for group in LOOK_ALIKES.iter().chain(&SIMILAR) {
            assert!(canonical(group.chars().next_back().unwrap_or_default()).is_ascii_digit(), "{group}");
            assert!(group.chars().all(|c| seen.insert(c)), "{group}");
        }
        assert_eq!("QLAX7".chars().map(canonical).collect::<String>(), "014X7");
    }
}
