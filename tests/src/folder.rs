//! Folders of files: walking, copying, searching for bytes.

use std::path::{Path, PathBuf};

/// All files below a folder, by path.
pub fn files(root: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut left = vec![root.to_owned()];
    while let Some(next) = left.pop() {
        // A running server may remove what was just listed.
        for entry in std::fs::read_dir(&next).into_iter().flatten().flatten() {
            if entry.path().is_dir() { left.push(entry.path()) } else { found.push(entry.path()) }
        }
    }
    found.sort();
    found
}

/// Copies a folder with all that is in it.
pub fn copy(from: &Path, to: &Path) {
    for file in files(from) {
        let target = to.join(file.strip_prefix(from).expect("found below"));
        std::fs::create_dir_all(target.parent().expect("a file has a parent")).expect("folders can be made");
        std::fs::copy(&file, &target).expect("files can be copied");
    }
}

/// Flips the lowest bit of one byte of a file.
pub fn flip(path: &Path, at: usize) {
    let mut bytes = std::fs::read(path).expect("the file can be read");
    bytes[at] ^= 1;
    std::fs::write(path, bytes).expect("the file can be written");
}

/// Whether `needle` stands somewhere in `haystack`.
pub fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}
