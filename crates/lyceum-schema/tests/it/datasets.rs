//! The manifests and policies in `datasets/` parse, and every folder has all three files.

use lyceum_schema::manifest::{Evidence, Manifest};
use lyceum_schema::policy::Policy;
use std::path::PathBuf;

#[test]
fn every_described_dataset_is_valid() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../datasets");
    let mut names = Vec::new();
    for entry in std::fs::read_dir(root).unwrap() {
        let folder = entry.unwrap().path();
        if !folder.is_dir() {
            continue;
        }
        let read = |file: &str| std::fs::read_to_string(folder.join(file)).unwrap_or_else(|e| panic!("{file}: {e}"));
        let manifest = Manifest::parse("manifest.toml", &read("manifest.toml"))
            .unwrap_or_else(|errors| panic!("{folder:?}: {errors:#?}"));
        Policy::parse("policy.toml", &read("policy.toml")).unwrap_or_else(|errors| panic!("{folder:?}: {errors:#?}"));
        assert!(read("README.md").len() > 500, "{folder:?} needs a data card");
        assert_eq!(manifest.dataset().as_str(), folder.file_name().unwrap().to_str().unwrap());
        let columns = manifest.tables().iter().flat_map(|t| t.columns());
        assert!(columns.clone().all(|c| c.evidence() == Evidence::Public), "{folder:?}: publishable as it stands");
        assert!(columns.clone().all(|c| !c.description().is_empty()), "{folder:?}: every column is described");
        names.push(manifest.dataset().to_string());
    }
    names.sort();
    assert_eq!(names, ["ads", "bank-marketing", "hillstrom"]);
}
