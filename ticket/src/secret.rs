//! Tokens: made at random, kept as SHA-256, compared by their hash.

use rand::RngExt;
use sha2::{Digest, Sha256};

/// A new token of 256 random bits, in hex.
pub fn new_token() -> String {
    hex(&rand::rng().random::<[u8; 32]>())
}

/// A new code that people may have to copy: 16 letters and digits that are not taken for one another,
/// 79 random bits.
pub fn new_code() -> String {
    const LETTERS: &[u8] = b"abcdefghjkmnpqrstuvwxyz23456789";
    const LENGTH: usize = 16;
    (0..LENGTH)
        .map(|_| char::from(LETTERS[rand::rng().random_range(0..LETTERS.len())]))
        .collect()
}

/// What the database keeps of a token.
pub fn hash(token: &str) -> String {
    hex(&Sha256::digest(token.as_bytes()))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}
