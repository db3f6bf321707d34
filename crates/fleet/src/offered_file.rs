//! Offered files: files that a device is told to fetch, at a secret address, for a limited time.

use roster::Millis;
use store::{OfferedFile, StoreError, Tx};

use crate::clock::Entropy;

/// The first folder in the path of a file, below `/iclock/` or at the root.
pub const FOLDER: &str = "file";

/// Hexadecimal digits of a token: 128 random bits.
pub const TOKEN_DIGITS: usize = 32;

/// Maximum size of an offered file, bytes.
pub const MOST_FILE_BYTES: usize = 64 << 20;

/// How long a device may take to fetch a file after the command expired, ms.
pub const FETCH_MS: i64 = 3_600_000;

/// A file to offer.
#[derive(Clone, Debug)]
pub struct Offer {
    /// The secret of the address: random, [`TOKEN_DIGITS`] digits. Anybody who knows it may fetch the file.
    pub token: String,
    /// The last part of its address.
    pub name: String,
    /// Muster serves the file as base64 text.
    pub as_base64: bool,
    /// When the command to fetch the file expires.
    pub until: Millis,
}

impl Offer {
    /// The address for the device, relative to `/iclock/` of this server.
    pub fn url(&self) -> String {
        url(&self.token, &self.name)
    }

    /// Stores the file for one device.
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

/// A secret random token.
pub fn token(entropy: &Entropy) -> String {
    format!("{:016x}{:016x}", entropy.next(), entropy.next())
}

/// The address for the device, relative to `/iclock/` of this server. Devices that resolve it from the root, or double the
/// folder, reach the same file.
pub fn url(token: &str, name: &str) -> String {
    format!("{FOLDER}/{token}/{name}")
}

/// A path for a log, with its tokens hidden: anybody who knows a token may fetch the file.
pub fn without_tokens(path: &str) -> String {
    let shown = |segment: &str| if is_token(segment) { "<token>".to_owned() } else { segment.to_owned() };
    path.split('/').map(shown).collect::<Vec<_>>().join("/")
}

/// Whether a part of a path looks like a token.
pub fn is_token(segment: &str) -> bool {
    segment.len() == TOKEN_DIGITS && segment.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// A file name that is safe in an address: other characters become `_`.
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
