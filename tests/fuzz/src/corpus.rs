//! The corpus: captured requests, and inputs that found a bug once.

use std::fs;
use std::path::{Path, PathBuf};

/// The part of the captured requests that seeds a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seeds {
    /// Their targets: path and query.
    Targets,
    /// Their bodies.
    Bodies,
    /// None: the target has inputs only in its own directory.
    Own,
}

/// Largest captured request that is used, bytes: mutations of larger ones would take most of the time.
const MAX_BYTES: usize = 16 * 1024;

/// The kept inputs of a target; those of its own directory come last.
///
/// # Panics
/// When the directories of this repository cannot be read.
pub fn inputs(target: &str, seeds: Seeds) -> Vec<Vec<u8>> {
    let mut inputs = vec![Vec::new()];
    if seeds != Seeds::Own {
        for file in files(&root().join("crates/wire/tests/fixtures")) {
            if file.extension().is_some_and(|extension| extension == "http") {
                inputs.extend(part(&fs::read(&file).expect("a captured request"), seeds));
            }
        }
    }
    inputs.retain(|input| input.len() <= MAX_BYTES);
    inputs.extend(kept(target).iter().map(|file| fs::read(file).expect("a kept input")));
    inputs
}

/// The files of a target's own directory.
pub fn kept(target: &str) -> Vec<PathBuf> {
    files(&root().join("tests/fuzz/corpus").join(folder(target)))
}

/// The name of a target's directory.
pub fn folder(target: &str) -> String {
    target.replace(' ', "-")
}

/// The targets that have a directory.
pub fn folders() -> Vec<String> {
    let entries = files(&root().join("tests/fuzz/corpus"));
    let names = entries.iter().filter(|entry| entry.is_dir()).filter_map(|entry| entry.file_name());
    names.map(|name| name.to_string_lossy().into_owned()).collect()
}

fn part(request: &[u8], seeds: Seeds) -> Option<Vec<u8>> {
    if seeds == Seeds::Bodies {
        let head = request.windows(4).position(|window| window == b"\r\n\r\n")?;
        return Some(request.get(head + 4..)?.to_vec());
    }
    request.split(|byte| *byte == b' ').nth(1).map(<[u8]>::to_vec)
}

/// The root of the repository.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The entries of a directory, sorted by name; empty if there is no such directory.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> =
        fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok).map(|entry| entry.path()).collect();
    files.sort();
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_captured_requests_are_there() {
        assert!(inputs("nobody", Seeds::Targets).iter().any(|input| input.starts_with(b"/iclock/cdata?SN=")));
        assert!(inputs("nobody", Seeds::Bodies).iter().any(|input| input.starts_with(b"USER PIN=")));
        assert_eq!(inputs("nobody", Seeds::Own), [b""]);
    }

    #[test]
    fn a_target_without_captured_requests_has_kept_inputs() {
        for target in crate::targets::TARGETS.iter().filter(|target| target.seeds == Seeds::Own) {
            assert!(!kept(target.name).is_empty(), "{}", target.name);
        }
    }

    #[test]
    fn every_directory_of_the_corpus_belongs_to_a_target() {
        for folder in folders() {
            assert!(
                crate::targets::TARGETS.iter().any(|target| super::folder(target.name) == folder),
                "{folder}"
            );
        }
    }
}
