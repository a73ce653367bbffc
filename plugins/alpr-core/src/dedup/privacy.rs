//! Keyed hashes in place of plates.

use hmac::{Hmac, Mac};
use sha2::Sha256;

/// Shortest key, in bytes: anything shorter can be tried out.
pub const LEAST_KEY: usize = 16;

/// Word for `extras.plate_privacy`.
pub const METHOD: &str = "hmac-sha256";

/// Characters of a hash: as many as the consumers' columns take; 5 bits each, 100 in all.
const LENGTH: usize = crate::event::limits::PLATE_TEXT;

const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// Turns plates into keyed hashes. The key is not shown by `Debug`.
#[derive(Clone)]
pub struct Hasher(Hmac<Sha256>);

impl std::fmt::Debug for Hasher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Hasher(key not shown)")
    }
}

/// A key that is too short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShortKey {
    /// Its length in bytes.
    pub length: usize,
}

impl std::fmt::Display for ShortKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the key has {} bytes; at least {LEAST_KEY} are needed", self.length)
    }
}

impl std::error::Error for ShortKey {}

impl Hasher {
    /// Hashes with `key`; white space around it does not count, so that an editor's line feed does no harm.
    ///
    /// # Errors
    ///
    /// When the key is shorter than [`LEAST_KEY`].
    pub fn new(key: &[u8]) -> Result<Self, ShortKey> {
        let key = key.trim_ascii();
        let short = ShortKey { length: key.len() };
        if key.len() < LEAST_KEY {
            return Err(short);
        }
        Hmac::new_from_slice(key).map(Self).map_err(|_| short)
    }

    /// The hash of a normalised plate: 20 characters A-Z2-7, the first 100 bits of its HMAC-SHA-256 in base 32. It
    /// fits wherever a plate fits and stays the same when a consumer normalises it.
    pub fn hash(&self, plate: &str) -> String {
        let mut mac = self.0.clone();
        mac.update(plate.as_bytes());
        let bytes = mac.finalize().into_bytes();
        let bit = |n: usize| usize::from(bytes[n / 8] >> (7 - n % 8) & 1);
        (0..LENGTH).map(|i| char::from(BASE32[(0..5).fold(0, |value, b| value << 1 | bit(5 * i + b))])).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_fits_where_a_plate_fits_and_depends_on_the_key() {
        let a = Hasher::new(b"0123456789abcdef\n").unwrap();
        let b = Hasher::new(b"0123456789abcdeX").unwrap();
        let hash = a.hash("ABC1234");
        // echo -n ABC1234 | openssl dgst -sha256 -hmac 0123456789abcdef -binary | base32 | cut -c1-20
        assert_eq!(hash, "ZKTFNJJBOAQPRHN2IA6Y");
        assert_eq!(hash, crate::event::normalized(&hash));
        assert_ne!(hash, a.hash("ABC1235"));
        assert_ne!(hash, b.hash("ABC1234"));
        assert!(!format!("{a:?}").contains("0123"));
    }

    #[test]
    fn a_short_key_is_refused() {
        assert_eq!(Hasher::new(b"  short \n").unwrap_err(), ShortKey { length: 5 });
    }
}
