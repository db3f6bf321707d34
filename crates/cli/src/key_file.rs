//! `muster.key`: the secret with which Muster seals the bodies in the database.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

use crate::private_file;

/// The name of the file in the data directory.
const NAME: &str = "muster.key";

/// 32 bytes as hex digits.
const DIGITS: usize = 64;

/// Where the key of a data directory is.
pub fn path(data_dir: &Path) -> PathBuf {
    data_dir.join(NAME)
}

/// Reads a key; `None` where there is no file.
///
/// # Errors
/// The file cannot be read, or holds something else than 64 hex digits.
pub fn read(path: &Path) -> anyhow::Result<Option<[u8; 32]>> {
    let text = match fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => {
            return Err(error).with_context(|| format!("cannot read the key {}", path.display()));
        }
    };
    match parse(&text) {
        Some(secret) => Ok(Some(secret)),
        None => bail!(
            "{} holds no key: want {DIGITS} hex digits. Put back the file that you saved with this database",
            path.display()
        ),
    }
}

fn parse(text: &[u8]) -> Option<[u8; 32]> {
    let digits = text.trim_ascii();
    if digits.len() != DIGITS {
        return None;
    }
    let mut secret = [0; 32];
    for (byte, pair) in secret.iter_mut().zip(digits.chunks_exact(2)) {
        let digit = |digit: u8| char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok());
        let [high, low] = pair else { return None };
        *byte = digit(*high)? * 16 + digit(*low)?;
    }
    Some(secret)
}

/// Writes a new key that only its owner can read. The file is written completely or not at all.
///
/// # Errors
/// There is a key already, or the file cannot be written.
pub fn create(path: &Path, secret: &[u8; 32]) -> anyhow::Result<()> {
    use std::fmt::Write as _;
    let failed = || format!("cannot write the key {}", path.display());
    let mut text = String::with_capacity(DIGITS + 1);
    for byte in secret {
        let _ = write!(text, "{byte:02x}");
    }
    text.push('\n');
    private_file::create(path, text.as_bytes()).with_context(failed)
}

/// Removes a key that nothing was sealed with.
///
/// # Errors
/// The file cannot be removed.
pub fn remove(path: &Path) -> anyhow::Result<()> {
    fs::remove_file(path).with_context(|| format!("cannot remove the key {}", path.display()))
}

/// Whether others than the owner may read the file.
pub fn is_exposed(path: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        fs::metadata(path).is_ok_and(|file| file.permissions().mode() & 0o077 != 0)
    }
    #[cfg(not(unix))]
    {
        let _ = path;
        false
    }
}

/// Creates a directory that only its owner can enter, and its parents. An existing directory is not changed.
///
/// # Errors
/// The directory cannot be created.
pub fn private_folder(folder: &Path) -> anyhow::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt as _;
        builder.mode(0o700);
    }
    builder.create(folder).with_context(|| format!("cannot create the directory {}", folder.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> tempfile::TempDir {
        tempfile::tempdir().expect("a temporary folder")
    }

    #[test]
    fn a_key_that_was_written_is_read_back() {
        let folder = folder();
        let (path, secret) = (path(folder.path()), [0xa7; 32]);
        create(&path, &secret).expect("the folder can be written");
        assert_eq!(fs::read_to_string(&path).expect("text"), "a7".repeat(32) + "\n");
        assert_eq!(read(&path).expect("a key"), Some(secret));
        assert!(!is_exposed(&path));
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 1, "nothing is left over");
    }

    #[test]
    fn a_key_is_never_overwritten() {
        let folder = folder();
        let path = path(folder.path());
        create(&path, &[1; 32]).expect("the first");
        assert!(create(&path, &[2; 32]).is_err());
        assert_eq!(read(&path).expect("a key"), Some([1; 32]));
    }

    #[test]
    fn no_file_is_no_key_and_a_damaged_file_is_an_error_without_its_content() {
        let folder = folder();
        let path = path(folder.path());
        assert_eq!(read(&path).expect("nothing to read"), None);
        for damaged in ["", "a7a7", &"g".repeat(64), &"a7".repeat(33), &("é".to_owned() + &"a".repeat(62))] {
            fs::write(&path, damaged).expect("the folder can be written");
            let error = read(&path).expect_err("no key").to_string();
            assert!(error.contains("muster.key holds no key"), "{error}");
            assert!(damaged.is_empty() || !error.contains(damaged), "{error}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_key_that_others_can_read_is_exposed() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = folder();
        let path = path(folder.path());
        create(&path, &[1; 32]).expect("the folder can be written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).expect("ours");
        assert!(is_exposed(&path));
    }
}
