//! Which crate may depend on which, and on what from outside. Checked over `cargo metadata`.
//!
//! The picture and its reasons are in `docs/ARCHITECTURE.md`; this table is what is enforced.

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// A workspace crate and the workspace crates it may depend on directly.
const ARROWS: &[(&str, &[&str])] = &[
    ("lyceum-schema", &[]),
    ("lyceum-privacy", &[]),
    ("lyceum-anonymize", &["lyceum-schema", "lyceum-privacy"]),
    ("lyceum-audit", &["lyceum-schema"]),
    ("lyceum-query", &["lyceum-schema", "lyceum-privacy"]),
    ("lyceum-sharing", &["lyceum-schema", "lyceum-privacy", "lyceum-anonymize", "lyceum-audit", "lyceum-query"]),
    ("lyceum-store", &["lyceum-schema", "lyceum-privacy", "lyceum-audit", "lyceum-sharing"]),
    ("lyceum-console", &[]),
    ("lyceum-server", &["lyceum-schema", "lyceum-sharing", "lyceum-console"]),
    (
        "lyceum",
        &[
            "lyceum-schema",
            "lyceum-privacy",
            "lyceum-anonymize",
            "lyceum-audit",
            "lyceum-query",
            "lyceum-sharing",
            "lyceum-store",
            "lyceum-server",
        ],
    ),
    ("xtask", &[]),
];

/// The whole-system tests and benchmarks may use everything.
const ANYTHING: &[&str] = &["lyceum-tests", "lyceum-benches"];

/// A crate and what it must not name in its `Cargo.toml`.
const NOT_DIRECTLY: &[(&str, &[&str])] = &[
    ("lyceum-schema", &["tokio", "futures", "datafusion", "arrow", "axum", "sqlx", "reqwest", "object_store"]),
    (
        "lyceum-privacy",
        &["tokio", "futures", "datafusion", "arrow", "axum", "sqlx", "reqwest", "object_store", "serde_json"],
    ),
    ("lyceum-anonymize", &["tokio", "futures", "datafusion", "axum", "sqlx", "reqwest", "object_store"]),
    ("lyceum-audit", &["tokio", "futures", "datafusion", "arrow", "axum", "sqlx", "reqwest", "object_store"]),
    ("lyceum-query", &["axum", "sqlx", "reqwest"]),
    ("lyceum-sharing", &["axum", "sqlx", "reqwest", "datafusion"]),
    ("lyceum-store", &["axum", "reqwest", "datafusion"]),
    ("lyceum-console", &["tokio", "futures", "datafusion", "arrow", "axum", "sqlx", "reqwest", "object_store"]),
    ("lyceum-server", &["datafusion", "sqlx", "object_store"]),
    ("lyceum", &["sqlx"]),
];

/// A crate and what it must not reach through any chain of dependencies.
const NOT_AT_ALL: &[(&str, &[&str])] = &[
    ("lyceum-schema", &["tokio", "datafusion", "axum", "sqlx", "lyceum-privacy"]),
    ("lyceum-privacy", &["tokio", "datafusion", "axum", "sqlx", "lyceum-schema"]),
    ("lyceum-audit", &["tokio", "datafusion", "axum", "sqlx"]),
    ("lyceum-anonymize", &["datafusion", "axum", "sqlx"]),
    ("lyceum-query", &["axum", "sqlx"]),
    ("lyceum-sharing", &["axum", "sqlx"]),
    ("lyceum-store", &["axum"]),
    ("lyceum-server", &["sqlx"]),
];

/// Crate → what it depends on directly, without dev-dependencies.
type Graph = BTreeMap<String, BTreeSet<String>>;

/// All broken rules, in words.
pub(crate) fn check(root: &Path) -> Result<Vec<String>, String> {
    let mut command = MetadataCommand::new();
    command.current_dir(root).other_options(vec!["--locked".into(), "--offline".into()]);
    let metadata = match command.exec() {
        Ok(metadata) => metadata,
        // A fresh clone has downloaded nothing yet.
        Err(_) => MetadataCommand::new()
            .current_dir(root)
            .other_options(vec!["--locked".into()])
            .exec()
            .map_err(|e| format!("cargo metadata: {e}"))?,
    };
    let members: BTreeSet<String> = metadata.workspace_packages().iter().map(|p| p.name.to_string()).collect();
    Ok(broken(&members, &graph(&metadata)))
}

fn graph(metadata: &Metadata) -> Graph {
    let name = |id| metadata.packages.iter().find(|p| &p.id == id).map(|p| p.name.to_string());
    let mut graph = Graph::new();
    for node in metadata.resolve.iter().flat_map(|r| &r.nodes) {
        let Some(from) = name(&node.id) else { continue };
        // Two versions of one crate share an entry: their dependencies are counted together.
        let targets = graph.entry(from).or_default();
        for dependency in &node.deps {
            if dependency.dep_kinds.iter().any(|k| k.kind != DependencyKind::Development) {
                targets.extend(name(&dependency.pkg));
            }
        }
    }
    graph
}

fn broken(members: &BTreeSet<String>, graph: &Graph) -> Vec<String> {
    let mut broken = Vec::new();
    for member in members.iter().filter(|m| !ANYTHING.contains(&m.as_str())) {
        let Some((_, allowed)) = ARROWS.iter().find(|(from, _)| from == member) else {
            broken.push(format!("crate {member} is not in the table of arrows (xtask/src/arrows.rs)"));
            continue;
        };
        for target in graph.get(member).into_iter().flatten() {
            if members.contains(target) && !allowed.contains(&target.as_str()) {
                broken.push(format!("{member} must not depend on {target}"));
            }
        }
    }
    for (from, banned) in NOT_DIRECTLY {
        for target in graph.get(*from).into_iter().flatten().filter(|t| banned.contains(&t.as_str())) {
            broken.push(format!("{from} must not depend on {target}"));
        }
    }
    for (from, banned) in NOT_AT_ALL {
        let chains = reach(from, graph);
        for target in *banned {
            if let Some(chain) = chains.get(*target) {
                broken.push(format!("{from} must not reach {target}, but does: {chain}"));
            }
        }
    }
    broken.sort();
    broken.dedup();
    broken
}

/// Everything reachable from a crate, each with one chain that leads there.
fn reach(from: &str, graph: &Graph) -> BTreeMap<String, String> {
    let mut chains = BTreeMap::from([(from.to_owned(), from.to_owned())]);
    let mut queue = vec![from.to_owned()];
    while let Some(at) = queue.pop() {
        let chain = chains.get(&at).cloned().unwrap_or_default();
        for next in graph.get(&at).into_iter().flatten() {
            if !chains.contains_key(next) {
                chains.insert(next.clone(), format!("{chain} → {next}"));
                queue.push(next.clone());
            }
        }
    }
    chains
}

#[cfg(test)]
mod tests {
    use super::{Graph, broken, check};
    use std::collections::BTreeSet;

    #[test]
    fn the_workspace_keeps_its_arrows() {
        assert_eq!(check(&crate::shell::root()), Ok(Vec::new()));
    }

    fn graph(edges: &[(&str, &[&str])]) -> Graph {
        edges.iter().map(|(from, to)| ((*from).to_owned(), to.iter().map(|t| (*t).to_owned()).collect())).collect()
    }

    fn members(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|n| (*n).to_owned()).collect()
    }

    #[test]
    fn a_forbidden_arrow_is_named() {
        let graph = graph(&[("lyceum-query", &["lyceum-sharing"]), ("lyceum-server", &["lyceum-schema"])]);
        let members = members(&["lyceum-query", "lyceum-sharing", "lyceum-schema", "lyceum-server"]);
        assert_eq!(broken(&members, &graph), ["lyceum-query must not depend on lyceum-sharing"]);
    }

    #[test]
    fn a_banned_crate_is_found_at_the_end_of_a_chain() {
        let graph = graph(&[("lyceum-privacy", &["harmless"]), ("harmless", &["tokio"])]);
        let found = broken(&members(&["lyceum-privacy"]), &graph);
        assert_eq!(found, ["lyceum-privacy must not reach tokio, but does: lyceum-privacy → harmless → tokio"]);
    }

    #[test]
    fn a_crate_outside_the_table_is_refused() {
        let found = broken(&members(&["lyceum-new"]), &graph(&[]));
        assert_eq!(found, ["crate lyceum-new is not in the table of arrows (xtask/src/arrows.rs)"]);
    }
}
