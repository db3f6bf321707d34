//! Data packages (§11.14): many lines in one gzip-compressed tar archive.

use std::io::{self, Read};

use flate2::read::MultiGzDecoder;

/// A file of a package.
#[derive(Debug, PartialEq, Eq)]
pub struct Member {
    /// The file name without its extension; it may be the name of a table.
    pub name: String,
    /// The content of the file.
    pub body: Vec<u8>,
}

/// Why Muster does not unpack a package.
#[derive(Debug, thiserror::Error)]
pub enum PackageError {
    /// The package is damaged, or not a gzip-compressed tar archive.
    #[error("not a gzip-compressed tar archive, or damaged")]
    Broken(#[source] io::Error),
    /// The content is larger than the limit.
    #[error("it holds more than {most_bytes} bytes")]
    TooLarge {
        /// The limit.
        most_bytes: usize,
    },
    /// The package holds more files than a device has tables.
    #[error("it holds more than {MAX_MEMBERS} files")]
    TooMany,
    /// A member with a path in its name, or a link or a device node.
    #[error("file {number} has a name with a path, or is no plain file")]
    NoPlainFile {
        /// Number of the file, from 1.
        number: usize,
    },
}

/// Maximum number of files in a package.
const MAX_MEMBERS: usize = 1_000;

/// Maximum ratio of unpacked to packed size. Lines of text shrink to a tenth; a much higher ratio means an attack on the
/// memory of the server.
const MAX_RATIO: usize = 200;

/// A package may always unpack to this size, whatever the ratio.
const SMALL_BYTES: usize = 1 << 20;

/// Maximum unpacked size of a package, never more than `most_bytes`.
pub fn max_unpacked_bytes(package_bytes: usize, most_bytes: usize) -> usize {
    package_bytes.saturating_mul(MAX_RATIO).max(SMALL_BYTES).min(most_bytes)
}

/// The files of a package in their order. Muster refuses the whole package if any part of it is wrong.
///
/// # Errors
/// The package is damaged, too large unpacked, or holds members other than plain files with plain names.
pub fn unpack(package: &[u8], most_bytes: usize) -> Result<Vec<Member>, PackageError> {
    let most_bytes = max_unpacked_bytes(package.len(), most_bytes);
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::FileTooLarge => PackageError::TooLarge { most_bytes },
        _ => PackageError::Broken(error),
    };
    let mut archive = tar::Archive::new(Limited { inner: MultiGzDecoder::new(package), left: most_bytes });
    let mut members = Vec::new();
    for (number, entry) in (1..).zip(archive.entries().map_err(failed)?) {
        let mut entry = entry.map_err(failed)?;
        if number > MAX_MEMBERS {
            return Err(PackageError::TooMany);
        }
        let kind = entry.header().entry_type();
        if kind.is_pax_global_extensions() {
            continue;
        }
        let path = entry.path_bytes().into_owned();
        let path = path.strip_prefix(b"./").unwrap_or(&path);
        if kind.is_dir() && path.is_empty() {
            continue;
        }
        let name = plain_name(path).filter(|_| kind.is_file());
        let Some(name) = name else { return Err(PackageError::NoPlainFile { number }) };
        let mut body = Vec::new();
        entry.read_to_end(&mut body).map_err(failed)?;
        members.push(Member { name, body });
    }
    // Reads to the end, where gzip stores its checksum.
    io::copy(&mut archive.into_inner(), &mut io::sink()).map_err(failed)?;
    if members.is_empty() {
        let nothing = io::Error::new(io::ErrorKind::UnexpectedEof, "nothing in it");
        return Err(PackageError::Broken(nothing));
    }
    Ok(members)
}

/// A file name without a path, without its extension.
fn plain_name(path: &[u8]) -> Option<String> {
    const MAX_BYTES: usize = 128;
    let name = str::from_utf8(path).ok().filter(|name| (1..=MAX_BYTES).contains(&name.len()))?;
    let is_plain =
        !name.starts_with('.') && !name.contains(|c: char| matches!(c, '/' | '\\' | ':') || c.is_control());
    is_plain.then(|| name.split('.').next().unwrap_or(name).to_owned())
}

/// Reads at most `left` bytes, then fails.
struct Limited<R> {
    inner: R,
    left: usize,
}

impl<R: Read> Read for Limited<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.left = self.left.checked_sub(read).ok_or(io::ErrorKind::FileTooLarge)?;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::GzEncoder;
    use tar::{EntryType, Header};

    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).expect("compressed");
        encoder.finish().expect("compressed")
    }

    fn archive(members: &[(&str, EntryType, &[u8])]) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        for (name, kind, body) in members {
            let mut header = Header::new_gnu();
            // The library refuses to write what it should refuse to read.
            header.as_gnu_mut().expect("a GNU header").name[..name.len()].copy_from_slice(name.as_bytes());
            header.set_entry_type(*kind);
            header.set_size(u64::try_from(body.len()).expect("a size"));
            header.set_mode(0o644);
            header.set_cksum();
            builder.append(&header, *body).expect("added");
        }
        builder.into_inner().expect("an archive")
    }

    const FILE: EntryType = EntryType::Regular;
    const MOST: usize = 64 << 20;

    /// Obligation 136.
    #[test]
    fn every_plain_file_is_read_in_order() {
        let package = gzip(&archive(&[
            ("./", EntryType::Directory, b""),
            ("OPERLOG.txt", FILE, b"USER PIN=7\n"),
            ("./ATTLOG", FILE, b"7\t2027-03-12 08:01:15\n"),
            ("empty", FILE, b""),
        ]));
        let members = unpack(&package, MOST).expect("a package");
        let read: Vec<_> =
            members.iter().map(|member| (member.name.as_str(), member.body.as_slice())).collect();
        assert_eq!(
            read,
            [("OPERLOG", &b"USER PIN=7\n"[..]), ("ATTLOG", b"7\t2027-03-12 08:01:15\n"), ("empty", b"")]
        );
    }

    /// Obligation 136.
    #[test]
    fn a_name_that_leads_elsewhere_and_a_link_are_refused() {
        for name in ["../OPERLOG", "/etc/passwd", "a/b", "a\\b", ".hidden", "./../x", "C:x"] {
            let package = gzip(&archive(&[("OPERLOG", FILE, b"x"), (name, FILE, b"x")]));
            let refused = unpack(&package, MOST);
            assert!(matches!(refused, Err(PackageError::NoPlainFile { number: 2 })), "{name}: {refused:?}");
        }
        for kind in
            [EntryType::Symlink, EntryType::Link, EntryType::Char, EntryType::Fifo, EntryType::Directory]
        {
            let refused = unpack(&gzip(&archive(&[("OPERLOG", kind, b"")])), MOST);
            assert!(matches!(refused, Err(PackageError::NoPlainFile { number: 1 })), "{kind:?}: {refused:?}");
        }
    }

    /// Obligation 136.
    #[test]
    fn what_would_fill_the_memory_is_refused() {
        let large = gzip(&archive(&[("OPERLOG", FILE, &vec![b'x'; 3 << 20])]));
        assert!(large.len() < 10_000, "{}", large.len());
        let refused = unpack(&large, MOST);
        assert!(matches!(refused, Err(PackageError::TooLarge { .. })), "by its ratio: {refused:?}");
        let noise: Vec<u8> = (0_u32..1 << 21).map(|n| n.wrapping_mul(0x9e37_79b1).to_le_bytes()[3]).collect();
        let refused = unpack(&gzip(&archive(&[("OPERLOG", FILE, &noise)])), 1 << 20);
        assert!(matches!(refused, Err(PackageError::TooLarge { most_bytes: 0x10_0000 })), "by its size");
        let many: Vec<_> = (0..=MAX_MEMBERS).map(|_| ("OPERLOG", FILE, &b""[..])).collect();
        assert!(matches!(unpack(&gzip(&archive(&many)), MOST), Err(PackageError::TooMany)));
        // A header that announces more than there is takes no memory.
        let mut lying = archive(&[("OPERLOG", FILE, b"")]);
        lying[124..135].copy_from_slice(b"77777777777");
        let sum: u32 = lying[..512]
            .iter()
            .enumerate()
            .map(|(at, &b)| if (148..156).contains(&at) { 32 } else { u32::from(b) })
            .sum();
        lying[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        assert!(unpack(&gzip(&lying), MOST).is_err());
    }

    #[test]
    fn what_is_damaged_is_refused_as_a_whole() {
        let whole = gzip(&archive(&[("OPERLOG", FILE, b"USER PIN=7\n")]));
        for damaged in
            [&b""[..], b"USER PIN=7\n", &whole[..whole.len() - 12], &gzip(b"USER PIN=7\n"), &gzip(b"")]
        {
            assert!(matches!(unpack(damaged, MOST), Err(PackageError::Broken(_))));
        }
    }
}
