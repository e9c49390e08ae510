//! The manifests and policies in `datasets/` parse, every folder has all three files, and the reference beside them is
//! complete.

use lyceum_schema::manifest::{Evidence, Manifest};
use lyceum_schema::policy::Policy;
use lyceum_schema::policy::Preset;
use std::collections::BTreeSet;
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

const REFERENCE: &str = include_str!("../../../../datasets/README.md");

/// All `"E1…"` in the source of the problems.
fn codes() -> Vec<&'static str> {
    let source = include_str!("../../src/problem.rs");
    source.split('"').filter(|s| s.len() == 5 && s.starts_with("E1")).collect()
}

#[test]
fn codes_are_unique_and_documented() {
    let codes = codes();
    assert!(codes.len() > 30);
    assert_eq!(codes.iter().collect::<BTreeSet<_>>().len(), codes.len());
    let documented: Vec<_> = REFERENCE.lines().filter_map(|l| l.strip_prefix("| E1").map(|_| &l[2..7])).collect();
    assert_eq!(documented, codes);
}

/// The examples in the reference parse, and its example of a policy is the preset that it names.
#[test]
fn the_examples_of_the_reference_parse() {
    let examples: Vec<_> = REFERENCE.split("```").filter_map(|part| part.strip_prefix("toml\n")).collect();
    let [manifest, policy] = examples.as_slice() else { panic!("two examples") };
    let unit = "[[table.column]]\nname = \"customer_id\"\ntype = \"int64\"\nrole = \"privacy_unit\"\n";
    Manifest::parse("README.md", &format!("{manifest}{unit}")).unwrap();
    assert_eq!(Policy::parse("README.md", policy).unwrap().privacy().unwrap(), &Preset::Research.privacy());
}

/// The table of presets in the reference has the numbers of the code.
#[test]
fn the_presets_of_the_reference_are_those_of_the_code() {
    let row = |key: &str| -> Vec<f64> {
        let line = REFERENCE.lines().find(|l| l.starts_with(&format!("| `{key}`"))).unwrap_or_else(|| panic!("{key}"));
        line.split('|').skip(2).filter_map(|cell| cell.trim().parse().ok()).collect()
    };
    let presets = [Preset::Strict, Preset::Research, Preset::Teaching];
    let of = |f: fn(Preset) -> f64| presets.map(f).to_vec();
    assert_eq!(row("epsilon_per_workspace"), of(|p| p.privacy().epsilon_per_workspace));
    assert_eq!(row("epsilon_per_researcher"), of(|p| p.privacy().epsilon_per_researcher));
    assert_eq!(row("max_epsilon_per_query"), of(|p| p.privacy().max_epsilon_per_query));
    assert_eq!(row("default_epsilon_per_query"), of(|p| p.privacy().default_epsilon_per_query));
    assert_eq!(row("max_groups_contributed"), of(|p| p.privacy().max_groups_contributed.into()));
    assert_eq!(row("max_rows_per_group"), of(|p| p.privacy().max_rows_per_group.into()));
    assert_eq!(row("minimum_group_size"), of(|p| p.privacy().minimum_group_size.into()));
    assert_eq!(row("selection_delta_share"), of(|p| p.privacy().selection_delta_share));
    assert_eq!(row("approvals"), of(|p| p.approvals().into()));
}
