//! `[synthetic]`: what the model may cost, which one it is, and how many rows are sampled from it.

use super::{Keys, MAX_EPSILON, MAX_ROWS};
use crate::document::{Problems, Section};
use crate::policy::{Generator, Preset, SyntheticPolicy};
use std::fmt::Write as _;

/// Reads `[synthetic]`, each key from the file or else from the preset.
pub(super) fn read(
    top: &Section<'_>,
    preset: Option<Preset>,
    has_preset: bool,
    problems: &mut Problems<'_>,
) -> Option<SyntheticPolicy> {
    let base = preset.map(Preset::synthetic);
    let Some(node) = top.get("synthetic") else {
        if !has_preset {
            top.require("synthetic", "preset = \"research\"  or a [synthetic] table", problems);
        }
        return base;
    };
    let section = node.section("[synthetic]", problems)?;
    section.only(&["epsilon", "delta", "generator", "rows"], problems);
    let keys = Keys { section: &section, optional: has_preset };
    let epsilon = keys.positive("epsilon", "epsilon = 1.0", MAX_EPSILON, base.as_ref().map(|b| b.epsilon), problems);
    let delta = keys.positive("delta", "delta = 1e-9", 1e-3, base.as_ref().map(|b| b.delta), problems);
    let generator = match (section.get("generator"), &base) {
        (Some(node), _) => node.word(Generator::WORDS, "generator = \"aim\"", problems).and_then(Generator::from_word),
        (None, Some(base)) => Some(base.generator),
        (None, None) => Some(Generator::Mst),
    };
    let rows = match section.get("rows") {
        None => Some(None),
        Some(node) => node.integer(1, MAX_ROWS, "rows = 100000", problems).map(|n| u64::try_from(n).ok()),
    };
    Some(SyntheticPolicy { epsilon: epsilon?, delta: delta?, generator: generator?, rows: rows? })
}

/// The terms as TOML.
pub(super) fn canonical(terms: &SyntheticPolicy) -> String {
    let SyntheticPolicy { epsilon, delta, generator, rows } = terms;
    let mut text =
        format!("\n[synthetic]\nepsilon = {epsilon:?}\ndelta = {delta:?}\ngenerator = {:?}\n", generator.as_str());
    if let Some(rows) = rows {
        let _ = writeln!(text, "rows = {rows}");
    }
    text
}
