//! Files that a device will fetch.

use std::io::Read as _;
use std::path::Path;

use anyhow::{Context as _, bail};
use fleet::command::QueuedCommand;
use fleet::offered_file::{MOST_FILE_BYTES, Offer, TOKEN_DIGITS, address_name};
use md5::{Digest as _, Md5};
use wire::{Command, Import, ImportTable, PutFile, Upgrade, UpgradeMethod};

use super::Wanted;
use crate::args::{self, Method, ReplacedTable};
use crate::failure::usage;

/// A file for a device to keep.
///
/// # Errors
/// The file cannot be read, or is too large.
pub fn put(put: &args::PutFile) -> anyhow::Result<Wanted> {
    let import = match (put.replace, put.append) {
        (Some(table), _) => Import::Replace {
            table: match table {
                ReplacedTable::Users => ImportTable::UserInfo,
                ReplacedTable::Fingerprints => ImportTable::FingerTmp,
                ReplacedTable::Faces => ImportTable::Face,
            },
            records: put.records.unwrap_or(0),
        },
        (None, true) => Import::Append,
        (None, false) => Import::None,
    };
    let is_archive = put.file.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("tgz"));
    if put.to.is_none() && !is_archive {
        return Err(usage(format!(
            "{} needs --to with the full path on the device; only a .tgz file has a default directory",
            put.file.display()
        )));
    }
    offer(&put.file, false, |_, url| Command::PutFile(PutFile { url, path: put.to.clone(), import }))
}

/// Firmware for a device.
///
/// # Errors
/// The file cannot be read, or is too large.
pub fn upgrade(upgrade: &args::Upgrade) -> anyhow::Result<Wanted> {
    let method = match upgrade.method {
        Method::Base64 => UpgradeMethod::Base64,
        Method::Raw => UpgradeMethod::Raw,
        Method::Pieces => UpgradeMethod::Pieces,
    };
    if let Some(base) = upgrade.base_url.as_deref()
        && (!base.starts_with("http://") && !base.starts_with("https://") || base.contains([',', ' ']))
    {
        return Err(usage(format!("--base-url {base:?}: want http://10.0.0.5:8081")));
    }
    offer(&upgrade.file, method == UpgradeMethod::Base64, |content, url| {
        let base = upgrade.base_url.as_deref().map(|base| base.trim_end_matches('/'));
        let url = base.map_or_else(|| url.clone(), |base| format!("{base}/iclock/{url}"));
        let size = u64::try_from(content.len()).unwrap_or(u64::MAX);
        Command::Upgrade(Upgrade { checksum: hex(&Md5::digest(content)), url, size, method })
    })
}

/// Reads a file and makes the command by which a device fetches it.
fn offer(
    path: &Path,
    as_base64: bool,
    command: impl FnOnce(&[u8], String) -> Command<'static>,
) -> anyhow::Result<Wanted> {
    let content = read(path)?;
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let mut token = hex(&crate::system::secret()?);
    token.truncate(TOKEN_DIGITS);
    let mut offer = Offer { token, name: address_name(&name), as_base64, until: crate::system::now() };
    let ordered = QueuedCommand(command(&content, offer.url()));
    offer.until = offer.until.plus(ordered.expires_ms().unwrap_or(0));
    Ok(Wanted { command: ordered, file: Some((offer, content)) })
}

/// Reads a file of this machine.
///
/// # Errors
/// The file cannot be read, is empty, or is larger than devices may fetch.
pub fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    let mut content = Vec::new();
    let most = u64::try_from(MOST_FILE_BYTES).unwrap_or(u64::MAX);
    std::fs::File::open(path)
        .and_then(|file| file.take(most + 1).read_to_end(&mut content))
        .with_context(|| format!("cannot read {}", path.display()))?;
    if content.is_empty() {
        bail!("{} is empty", path.display());
    }
    if content.len() > MOST_FILE_BYTES {
        bail!("{} is larger than {} MiB, the maximum for a device", path.display(), MOST_FILE_BYTES >> 20);
    }
    Ok(content)
}

fn hex(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from_digit(u32::from(value), 16).unwrap_or('0');
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The value that the algorithm's own description gives.
    #[test]
    fn a_checksum_is_an_md5_in_small_letters() {
        assert_eq!(hex(&Md5::digest(b"message digest")), "f96b697d7cb7938d525a2f31aaf161d0");
    }
}
