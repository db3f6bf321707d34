//! Encryption of bodies (sealing): docs/decisions/0009-sealing.md explains why and how.

use std::fmt;

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use roster::HashKey;

use crate::StoreError;

/// The first byte of a sealed body in this format.
const VERSION: u8 = 1;
const NONCE_BYTES: usize = 24;

/// Keys derived from the one secret of a server.
///
/// The secret itself is not stored. `Debug` shows nothing.
pub struct Keys {
    cipher: XChaCha20Poly1305,
    nonce_key: [u8; 32],
    digest_key: [u8; 32],
    hash_key: HashKey,
    check: String,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys")
    }
}

impl Keys {
    /// Derives the keys from a secret of 32 random bytes.
    ///
    /// The same secret always gives the same keys. Without it, sealed bodies are lost.
    pub fn from_secret(secret: &[u8; 32]) -> Self {
        let derive = |purpose: &str| blake3::derive_key(purpose, secret);
        Self {
            cipher: XChaCha20Poly1305::new(&derive("muster 2025 sealing of bodies").into()),
            nonce_key: derive("muster 2025 nonces of sealed bodies"),
            digest_key: derive("muster 2025 digests of records"),
            hash_key: HashKey::new(derive("muster 2025 content hashes")),
            check: blake3::Hash::from(derive("muster 2025 key check")).to_hex()[..32].to_owned(),
        }
    }

    /// The key of content hashes.
    pub const fn hash_key(&self) -> &HashKey {
        &self.hash_key
    }

    /// Identifies these keys without revealing the secret: 32 hex digits.
    pub(crate) fn check(&self) -> &str {
        &self.check
    }

    /// Encrypts `body` and binds it to `place`. The result is a version byte, the nonce, and the ciphertext with its
    /// tag.
    pub(crate) fn seal(&self, place: &str, body: &[u8]) -> Vec<u8> {
        let nonce = self.nonce(place, body);
        let sealed = self
            .cipher
            .encrypt(&XNonce::from(nonce), Payload { msg: body, aad: place.as_bytes() })
            .expect("a body is shorter than the 256 GiB that the cipher takes");
        let mut out = Vec::with_capacity(1 + NONCE_BYTES + sealed.len());
        out.push(VERSION);
        out.extend_from_slice(&nonce);
        out.extend_from_slice(&sealed);
        out
    }

    /// Decrypts the result of [`Keys::seal`] for the same place.
    ///
    /// # Errors
    /// [`StoreError::Sealed`] for anything else.
    pub(crate) fn open(&self, place: &str, sealed: &[u8]) -> Result<Vec<u8>, StoreError> {
        let refused = || StoreError::Sealed { place: place.to_owned() };
        let (&version, rest) = sealed.split_first().ok_or_else(refused)?;
        let (nonce, text) = rest.split_first_chunk::<NONCE_BYTES>().ok_or_else(refused)?;
        if version != VERSION {
            return Err(refused());
        }
        let payload = Payload { msg: text, aad: place.as_bytes() };
        self.cipher.decrypt(&XNonce::from(*nonce), payload).map_err(|_| refused())
    }

    /// A keyed hash of 16 bytes that is equal for equal records. It is keyed because records are personal data.
    pub(crate) fn digest(&self, parts: &[&[u8]]) -> Vec<u8> {
        let mut hasher = blake3::Hasher::new_keyed(&self.digest_key);
        for part in parts {
            hasher.update(&length(part));
            hasher.update(part);
        }
        hasher.finalize().as_bytes()[..16].to_vec()
    }

    /// A keyed function of place and body. Two nonces are equal only for the same body at the same place, whose
    /// ciphertexts are then equal as well.
    fn nonce(&self, place: &str, body: &[u8]) -> [u8; NONCE_BYTES] {
        let mut hasher = blake3::Hasher::new_keyed(&self.nonce_key);
        hasher.update(&length(place.as_bytes()));
        hasher.update(place.as_bytes());
        hasher.update(body);
        let mut nonce = [0; NONCE_BYTES];
        hasher.finalize_xof().fill(&mut nonce);
        nonce
    }
}

/// The place of a row that is identified by its device and digest.
pub(crate) fn place_of_row(table: &str, device: i64, digest: &[u8]) -> String {
    use std::fmt::Write as _;
    digest.iter().fold(format!("{table} of device {device} "), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn length(bytes: &[u8]) -> [u8; 8] {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_le_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(seed: u8) -> Keys {
        Keys::from_secret(&[seed; 32])
    }

    #[test]
    fn a_sealed_body_opens_at_its_place() {
        let sealed = keys(1).seal("item 7", b"body");

        assert_eq!(keys(1).open("item 7", &sealed).expect("opens"), b"body");
    }

    #[test]
    fn a_sealed_body_opens_at_no_other_place() {
        let sealed = keys(1).seal("item 7", b"body");

        assert!(
            matches!(keys(1).open("item 8", &sealed), Err(StoreError::Sealed { place }) if place == "item 8")
        );
    }

    #[test]
    fn a_sealed_body_does_not_open_with_another_key() {
        let sealed = keys(1).seal("item 7", b"body");

        assert!(keys(2).open("item 7", &sealed).is_err());
    }

    #[test]
    fn every_damaged_byte_is_detected() {
        let sealed = keys(1).seal("item 7", b"body");
        for position in 0..sealed.len() {
            let mut damaged = sealed.clone();
            damaged[position] ^= 1;
            assert!(keys(1).open("item 7", &damaged).is_err(), "byte {position}");
            assert!(keys(1).open("item 7", &sealed[..position]).is_err(), "cut at {position}");
        }
    }

    #[test]
    fn different_bodies_at_one_place_have_different_nonces() {
        let (one, other) = (keys(1).seal("item 7", b"body"), keys(1).seal("item 7", b"bodz"));

        assert_ne!(one[1..=NONCE_BYTES], other[1..=NONCE_BYTES]);
        assert_ne!(one[1..=NONCE_BYTES], keys(1).seal("item 8", b"body")[1..=NONCE_BYTES]);
    }

    #[test]
    fn the_boundary_between_place_and_body_changes_the_nonce() {
        let (one, other) = (keys(1).seal("item 7", b"7body"), keys(1).seal("item 77", b"body"));

        assert_ne!(one[1..=NONCE_BYTES], other[1..=NONCE_BYTES]);
    }

    #[test]
    fn debug_shows_no_key() {
        assert_eq!(format!("{:?}", keys(1)), "Keys");
    }
}
