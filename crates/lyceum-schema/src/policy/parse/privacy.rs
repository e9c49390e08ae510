//! `[privacy]` of a `protected` release: its limits, and whether they fit into each other.

use super::{Keys, MAX_EPSILON};
use crate::document::{Node, Problems, Section};
use crate::policy::{DpPolicy, Preset};
use crate::problem::Problem;

const KEYS: &[&str] = &[
    "epsilon_per_workspace",
    "epsilon_per_researcher",
    "max_epsilon_per_query",
    "default_epsilon_per_query",
    "max_groups_contributed",
    "max_rows_per_group",
    "minimum_group_size",
    "selection_delta_share",
];

/// Reads the limits, each from the file or else from the preset. `has_preset`: also where the preset is misspelt, so
/// that nobody knows which keys are missing: then only what is there is checked.
pub(super) fn read(
    node: Option<&Node<'_>>,
    top: &Section<'_>,
    preset: Option<Preset>,
    has_preset: bool,
    problems: &mut Problems<'_>,
) -> Option<DpPolicy> {
    let Some(node) = node else {
        if preset.is_none() && !has_preset {
            top.require("privacy", "preset = \"research\"  or a [privacy] table", problems);
        }
        return preset.map(Preset::privacy);
    };
    let section = node.section("[privacy]", problems)?;
    section.only(KEYS, problems);
    let base = preset.map(Preset::privacy);
    let read = limits(&Keys { section: &section, optional: has_preset }, base.as_ref(), problems)?;
    fits(&section, &read, problems).then_some(read)
}

fn limits(keys: &Keys<'_, '_>, base: Option<&DpPolicy>, problems: &mut Problems<'_>) -> Option<DpPolicy> {
    let workspace = keys.positive(
        "epsilon_per_workspace",
        "epsilon_per_workspace = 2.0",
        MAX_EPSILON,
        base.map(|b| b.epsilon_per_workspace),
        problems,
    );
    let researcher = keys.positive(
        "epsilon_per_researcher",
        "epsilon_per_researcher = 1.0",
        MAX_EPSILON,
        base.map(|b| b.epsilon_per_researcher),
        problems,
    );
    let largest = keys.positive(
        "max_epsilon_per_query",
        "max_epsilon_per_query = 0.5",
        MAX_EPSILON,
        base.map(|b| b.max_epsilon_per_query),
        problems,
    );
    let default = keys.positive(
        "default_epsilon_per_query",
        "default_epsilon_per_query = 0.25",
        MAX_EPSILON,
        base.map(|b| b.default_epsilon_per_query),
        problems,
    );
    let groups = keys.count(
        "max_groups_contributed",
        "max_groups_contributed = 3",
        1,
        base.map(|b| b.max_groups_contributed),
        problems,
    );
    let rows =
        keys.count("max_rows_per_group", "max_rows_per_group = 10", 1, base.map(|b| b.max_rows_per_group), problems);
    let minimum =
        keys.count("minimum_group_size", "minimum_group_size = 20", 2, base.map(|b| b.minimum_group_size), problems);
    let share = keys.positive(
        "selection_delta_share",
        "selection_delta_share = 0.05",
        1.0,
        base.map(|b| b.selection_delta_share),
        problems,
    );
    Some(DpPolicy {
        epsilon_per_workspace: workspace?,
        epsilon_per_researcher: researcher?,
        max_epsilon_per_query: largest?,
        default_epsilon_per_query: default?,
        max_groups_contributed: groups?,
        max_rows_per_group: rows?,
        minimum_group_size: minimum?,
        selection_delta_share: share?,
    })
}

/// Each limit lies within the next larger one; else the larger one could never be reached, or the smaller never used.
fn fits(section: &Section<'_>, p: &DpPolicy, problems: &mut Problems<'_>) -> bool {
    let chain = [
        ("epsilon_per_researcher", p.epsilon_per_researcher, "epsilon_per_workspace", p.epsilon_per_workspace),
        ("max_epsilon_per_query", p.max_epsilon_per_query, "epsilon_per_researcher", p.epsilon_per_researcher),
        ("default_epsilon_per_query", p.default_epsilon_per_query, "max_epsilon_per_query", p.max_epsilon_per_query),
    ];
    let mut ok = true;
    for (key, value, other, limit) in chain {
        if value > limit {
            let offset = section.get(key).map_or(section.offset(), |node| node.offset());
            problems.push(&section.path_of(key), offset, Problem::Above { value, other, limit });
            ok = false;
        }
    }
    ok
}

/// The limits as TOML.
pub(super) fn canonical(p: &DpPolicy) -> String {
    format!(
        "\n[privacy]\n\
         epsilon_per_workspace = {:?}\n\
         epsilon_per_researcher = {:?}\n\
         max_epsilon_per_query = {:?}\n\
         default_epsilon_per_query = {:?}\n\
         max_groups_contributed = {}\n\
         max_rows_per_group = {}\n\
         minimum_group_size = {}\n\
         selection_delta_share = {:?}\n",
        p.epsilon_per_workspace,
        p.epsilon_per_researcher,
        p.max_epsilon_per_query,
        p.default_epsilon_per_query,
        p.max_groups_contributed,
        p.max_rows_per_group,
        p.minimum_group_size,
        p.selection_delta_share,
    )
}
