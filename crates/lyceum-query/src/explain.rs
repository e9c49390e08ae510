//! A certificate as people read it: one line per node, what is known beside it.

use crate::certify::Certificate;

/// Width of the column of nodes.
const WIDTH: usize = 38;

/// Renders a certificate as a tree, the release first:
/// ```text
/// Release(segment, COUNT)                segment ∈ 3 public values
/// └ Bound by row                         at most 1 group per row (the unit is the row)
/// ```
#[must_use]
pub fn certificate(root: &Certificate) -> String {
    let mut text = String::new();
    node(root, 0, &mut text);
    text
}

fn node(certificate: &Certificate, depth: usize, text: &mut String) {
    let indent = "  ".repeat(depth.saturating_sub(1));
    let branch = if depth == 0 { "" } else { "└ " };
    let line = format!("{indent}{branch}{}", certificate.node);
    let padding = WIDTH.saturating_sub(line.chars().count());
    let facts = certificate.facts.join(" · ");
    text.push_str(format!("{line}{}  {facts}", " ".repeat(padding)).trim_end());
    text.push('\n');
    for input in &certificate.inputs {
        node(input, depth + 1, text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_of_three() {
        let leaf =
            Certificate { node: "Scan t".into(), facts: vec!["unit: row".into(), "owner: o".into()], inputs: vec![] };
        let middle = Certificate { node: "Filter".into(), facts: vec![], inputs: vec![leaf] };
        let root = Certificate { node: "Release(COUNT)".into(), facts: vec!["one group".into()], inputs: vec![middle] };
        let pad = |s: &str| format!("{s}{}", " ".repeat(WIDTH - s.chars().count() + 2));
        let expected =
            format!("{}one group\n└ Filter\n{}unit: row · owner: o\n", pad("Release(COUNT)"), pad("  └ Scan t"));
        assert_eq!(certificate(&root), expected);
    }
}
