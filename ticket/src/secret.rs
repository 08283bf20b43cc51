//! Tokens: made at random, kept as SHA-256, compared by their hash.

use rand::RngExt;
use sha2::{Digest, Sha256};

/// A new token of 256 random bits, in hex.
pub fn new_token() -> String {
    hex(&rand::rng().random::<[u8; 32]>())
}

/// What the database keeps of a token.
pub fn hash(token: &str) -> String {
    hex(&Sha256::digest(token.as_bytes()))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}
