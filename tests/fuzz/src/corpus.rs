//! Where inputs begin: captured requests, and inputs that once found something.

use std::fs;
use std::path::{Path, PathBuf};

/// Which captured requests the inputs of a target begin with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seeds {
    /// Their targets: path and query.
    Targets,
    /// Their bodies.
    Bodies,
    /// None: all that it begins with is kept in its folder.
    Own,
}

/// A captured request is left out above this size: mutations of it would cost most of the time.
const MOST_BYTES: usize = 16 * 1024;

/// The kept inputs of a target, those of its folder last.
///
/// # Panics
/// When the folders of this repository cannot be read.
pub fn inputs(target: &str, seeds: Seeds) -> Vec<Vec<u8>> {
    let mut inputs = vec![Vec::new()];
    if seeds != Seeds::Own {
        for file in files(&root().join("crates/wire/tests/fixtures")) {
            if file.extension().is_some_and(|extension| extension == "http") {
                inputs.extend(part(&fs::read(&file).expect("a captured request"), seeds));
            }
        }
    }
    inputs.retain(|input| input.len() <= MOST_BYTES);
    inputs.extend(kept(target).iter().map(|file| fs::read(file).expect("a kept input")));
    inputs
}

/// The files of a target's own folder.
pub fn kept(target: &str) -> Vec<PathBuf> {
    files(&root().join("tests/fuzz/corpus").join(folder(target)))
}

/// The name of a target's folder.
pub fn folder(target: &str) -> String {
    target.replace(' ', "-")
}

/// The targets that have a folder.
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

/// The entries of a folder in the order of their names; none where there is no such folder.
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
    fn a_target_that_begins_with_no_captured_request_has_kept_inputs() {
        for target in crate::targets::TARGETS.iter().filter(|target| target.seeds == Seeds::Own) {
            assert!(!kept(target.name).is_empty(), "{}", target.name);
        }
    }

    #[test]
    fn every_folder_of_the_corpus_belongs_to_a_target() {
        for folder in folders() {
            assert!(
                crate::targets::TARGETS.iter().any(|target| super::folder(target.name) == folder),
                "{folder}"
            );
        }
    }
}
