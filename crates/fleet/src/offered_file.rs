//! Files that a device is told to fetch: under an address that nobody can guess, for a while.

use roster::Millis;
use store::{OfferedFile, StoreError, Tx};

use crate::clock::Entropy;

/// What the path of a file begins with, below `/iclock/` or at the root.
pub const FOLDER: &str = "file";

/// Hexadecimal digits of a token: 128 random bits.
pub const TOKEN_DIGITS: usize = 32;

/// The largest file that is offered.
pub const MOST_FILE_BYTES: usize = 64 << 20;

/// How long a device may take to fetch a file after it was told to, at the latest, ms.
pub const FETCH_MS: i64 = 3_600_000;

/// A file to be offered.
#[derive(Clone, Debug)]
pub struct Offer {
    /// Whoever knows it may fetch the file: random, of [`TOKEN_DIGITS`] digits.
    pub token: String,
    /// The last part of its address.
    pub name: String,
    /// It is served as base64 text.
    pub as_base64: bool,
    /// When the order to fetch it expires.
    pub until: Millis,
}

impl Offer {
    /// The address that a device is told: below `/iclock/` of this server.
    pub fn url(&self) -> String {
        url(&self.token, &self.name)
    }

    /// Keeps the file for one device to fetch.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn keep(&self, tx: &mut Tx, device: i64, content: &[u8]) -> Result<(), StoreError> {
        let file = OfferedFile {
            token: self.token.clone(),
            device,
            name: self.name.clone(),
            bytes: u64::try_from(content.len()).unwrap_or(u64::MAX),
            as_base64: self.as_base64,
            expires_at: self.until.plus(FETCH_MS),
        };
        tx.offer_file(&file, content).await
    }
}

/// A token that nobody can guess.
pub fn token(entropy: &Entropy) -> String {
    format!("{:016x}{:016x}", entropy.next(), entropy.next())
}

/// The address that a device is told, below `/iclock/` of this server; devices that take it for one below the root, or
/// double the folder, reach the same.
pub fn url(token: &str, name: &str) -> String {
    format!("{FOLDER}/{token}/{name}")
}

/// A path as it may stand in a log: what looks like a token is not shown, since whoever knows one may fetch the file.
pub fn without_tokens(path: &str) -> String {
    let shown = |segment: &str| if is_token(segment) { "<token>".to_owned() } else { segment.to_owned() };
    path.split('/').map(shown).collect::<Vec<_>>().join("/")
}

/// Whether a part of a path looks like a token.
pub fn is_token(segment: &str) -> bool {
    segment.len() == TOKEN_DIGITS && segment.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The name of a file as an address can hold it: what else is in it becomes a `_`.
pub fn address_name(name: &str) -> String {
    let name: String = name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_') { c } else { '_' })
        .take(64)
        .collect();
    if name.trim_matches('.').is_empty() { "file".to_owned() } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Obligation 167.
    #[test]
    fn no_path_shows_a_token() {
        let entropy = Entropy::new(|| 0xfeed_beef);
        let path = format!("/iclock/{}", url(&token(&entropy), "photo.jpg"));
        assert_eq!(path, "/iclock/file/00000000feedbeef00000000feedbeef/photo.jpg");
        assert_eq!(without_tokens(&path), "/iclock/file/<token>/photo.jpg");
        assert_eq!(without_tokens("/iclock/cdata"), "/iclock/cdata");
    }

    #[test]
    fn a_name_fits_into_an_address() {
        for (name, fit) in
            [("a1.tgz", "a1.tgz"), ("über uns,1=2.cfg", "_ber_uns_1_2.cfg"), ("..", "file"), ("", "file")]
        {
            assert_eq!(address_name(name), fit);
        }
    }
}
