//! Policies: presets, overrides, canonical text and refusals.

use crate::manifest_errors::report;
use lyceum_schema::policy::{Generator, MockPolicy, Policy, Preset, Terms};
use lyceum_schema::state::ReleaseKind;

const FULL: &str = r#"
kind = "protected"
purpose = "lift of e-mail campaigns"
approvals = 1
expires = 2027-03-31

[privacy]
epsilon_per_workspace = 1
epsilon_per_researcher = 1.0
max_epsilon_per_query = 1.0
default_epsilon_per_query = 0.25
max_groups_contributed = 1
max_rows_per_group = 1
minimum_group_size = 20
selection_delta_share = 0.05
"#;

fn refused(text: &str) -> String {
    report(&Policy::parse("policy.toml", text).unwrap_err())
}

#[test]
fn a_policy_without_preset_says_everything() {
    let p = Policy::parse("policy.toml", FULL).unwrap();
    assert_eq!((p.kind(), p.purpose(), p.approvals()), (ReleaseKind::Protected, "lift of e-mail campaigns", 1));
    assert_eq!(p.expires().unwrap().to_string(), "2027-03-31T00:00:00Z");
    assert_eq!(p.privacy().unwrap().epsilon_per_workspace, 1.0);
    assert_eq!(p.privacy().unwrap().minimum_group_size, 20);
}

#[test]
fn presets_fill_in_what_is_not_said() {
    for (word, preset) in [("strict", Preset::Strict), ("research", Preset::Research), ("teaching", Preset::Teaching)] {
        let text = format!("kind = \"protected\"\npreset = \"{word}\"\npurpose = \"p\"\n");
        let p = Policy::parse("policy.toml", &text).unwrap();
        assert_eq!((p.privacy().unwrap(), p.approvals(), p.expires()), (&preset.privacy(), preset.approvals(), None));
    }
}

#[test]
fn explicit_keys_override_the_preset() {
    let text = "kind = \"protected\"\npreset = \"research\"\npurpose = \"p\"\napprovals = 1\n[privacy]\nminimum_group_size = 99\n";
    let p = Policy::parse("policy.toml", text).unwrap();
    let mut expected = Preset::Research.privacy();
    expected.minimum_group_size = 99;
    assert_eq!((p.privacy().unwrap(), p.approvals()), (&expected, 1));
}

#[test]
fn canonical_text_is_the_policy_itself() {
    let p = Policy::parse("policy.toml", FULL).unwrap();
    let again = Policy::parse("canonical", p.canonical()).unwrap();
    assert_eq!(again, p);
    insta::assert_snapshot!(p.canonical(), @r#"
    kind = "protected"
    purpose = "lift of e-mail campaigns"
    approvals = 1
    expires = 2027-03-31T00:00:00Z

    [privacy]
    epsilon_per_workspace = 1.0
    epsilon_per_researcher = 1.0
    max_epsilon_per_query = 1.0
    default_epsilon_per_query = 0.25
    max_groups_contributed = 1
    max_rows_per_group = 1
    minimum_group_size = 20
    selection_delta_share = 0.05
    "#);
}

#[test]
fn equal_policies_have_equal_canonical_text_and_others_do_not() {
    let canonical = |text: &str| Policy::parse("policy.toml", text).unwrap().canonical().to_owned();
    let reordered = FULL
        .replace("epsilon_per_workspace = 1\n", "")
        .replace("selection_delta_share = 0.05", "selection_delta_share = 5e-2 # same\nepsilon_per_workspace = 1.0");
    assert_eq!(canonical(&reordered), canonical(FULL));
    assert_ne!(canonical(&FULL.replace("= 0.25", "= 0.26")), canonical(FULL));
    assert_ne!(canonical(&FULL.replace("2027-03-31", "2027-03-31T00:00:01Z")), canonical(FULL));
    let quotes = FULL.replace("lift of e-mail campaigns", "a \\\"quoted\\\"\\napprovals = 2");
    assert_eq!(Policy::parse("policy.toml", &quotes).unwrap().approvals(), 1);
    assert_eq!(Policy::parse("c", &canonical(&quotes)).unwrap().approvals(), 1);
}

#[test]
fn everything_missing_is_named_at_once() {
    insta::assert_snapshot!(refused(""), @r#"
    E1003 policy.toml:1: approvals: the key is missing; add  approvals = 2
    E1003 policy.toml:1: kind: the key is missing; add  kind = "protected"
    E1003 policy.toml:1: privacy: the key is missing; add  preset = "research"  or a [privacy] table
    E1003 policy.toml:1: purpose: the key is missing; add  purpose = "what the data may be used for"
    "#);
}

#[test]
fn limits_fit_into_each_other() {
    let text = FULL.replace("epsilon_per_researcher = 1.0", "epsilon_per_researcher = 2.0").replace("= 0.25", "= 1.5");
    insta::assert_snapshot!(refused(&text), @r#"
    E1061 policy.toml:9: privacy.epsilon_per_researcher: 2 is more than epsilon_per_workspace = 1; lower it, or raise epsilon_per_workspace
    E1061 policy.toml:11: privacy.default_epsilon_per_query: 1.5 is more than max_epsilon_per_query = 1; lower it, or raise max_epsilon_per_query
    "#);
}

#[test]
fn numbers_have_ranges() {
    let text = FULL
        .replace("epsilon_per_workspace = 1\n", "epsilon_per_workspace = nan\n")
        .replace("max_epsilon_per_query = 1.0", "max_epsilon_per_query = -1")
        .replace("default_epsilon_per_query = 0.25", "default_epsilon_per_query = \"0.25\"")
        .replace("minimum_group_size = 20", "minimum_group_size = 1")
        .replace("selection_delta_share = 0.05", "selection_delta_share = 1.5")
        .replace("approvals = 1", "approvals = 3")
        .replace("max_rows_per_group = 1", "max_rows_per_group = 1.5");
    insta::assert_snapshot!(refused(&text), @r#"
    E1010 policy.toml:4: approvals: the number must be between 1 and 2; write a whole number from 1 to 2
    E1060 policy.toml:8: privacy.epsilon_per_workspace: the number must be more than 0 and at most 1000000; write a number such as 0.5
    E1060 policy.toml:10: privacy.max_epsilon_per_query: the number must be more than 0 and at most 1000000; write a number such as 0.5
    E1005 policy.toml:11: privacy.default_epsilon_per_query: expected a number, found text; write  default_epsilon_per_query = 0.25
    E1005 policy.toml:13: privacy.max_rows_per_group: expected a whole number, found a decimal number; write  max_rows_per_group = 10
    E1010 policy.toml:14: privacy.minimum_group_size: the number must be between 2 and 1000000; write a whole number from 2 to 1000000
    E1060 policy.toml:15: privacy.selection_delta_share: the number must be more than 0 and at most 1; write a number such as 0.5
    "#);
}

#[test]
fn words_keys_and_dates_are_checked() {
    let text = FULL
        .replace("kind = \"protected\"", "kind = \"protected\"\npreset = \"reserch\"")
        .replace("2027-03-31", "\"next year\"")
        .replace("max_groups_contributed", "max_group_contributed");
    insta::assert_snapshot!(refused(&text), @r#"
    E1008 policy.toml:3: preset: "reserch" is not one of "strict", "research", "teaching"; did you mean "research"?
    E1063 policy.toml:6: expires: the expiry is not a date or a timestamp with an offset; write  expires = 2027-03-31  or  expires = 2027-03-31T18:00:00Z
    E1004 policy.toml:13: privacy.max_group_contributed: this key is not known here; did you mean "max_groups_contributed"?
    "#);
    let local = FULL.replace("2027-03-31", "2027-03-31T18:00:00");
    insta::assert_snapshot!(refused(&local), @r#"E1063 policy.toml:5: expires: the expiry is not a date or a timestamp with an offset; write  expires = 2027-03-31  or  expires = 2027-03-31T18:00:00Z"#);
}

const ANONYMIZED: &str = r#"
kind = "anonymized"
purpose = "Who buys again"
approvals = 1
[anonymity]
k = 5
distinct_l = 3
suppression_limit = 0.05
engine = "lattice"
[[anonymity.hierarchy]]
table = "people"
column = "age"
intervals = [5, 20]
[[anonymity.hierarchy]]
table = "people"
column = "sex"
csv = "f;*\nm;*"
[[transform]]
table = "people"
column = "postcode"
truncate = 3
[[transform]]
table = "people"
column = "income"
clamp = [0, 200000]
"#;

#[test]
fn an_anonymized_policy_names_models_and_levels_and_is_its_own_canonical_text() {
    use lyceum_schema::policy::{AnonymityEngine, HierarchySource, TransformAction};
    let p = Policy::parse("policy.toml", ANONYMIZED).unwrap();
    let a = p.anonymity().unwrap();
    assert_eq!((a.k, a.distinct_l, a.engine), (5, Some(3), AnonymityEngine::Lattice));
    let (table, column) = (&a.hierarchies[0].table, &a.hierarchies[0].column);
    assert_eq!(a.source(table, column), &HierarchySource::Intervals(vec![5.0, 20.0]));
    assert_eq!(a.hierarchies[1].source, HierarchySource::Table("f;*\nm;*".into()));
    assert_eq!(a.transforms[0].action, TransformAction::Truncate(3));
    assert_eq!(a.transforms[1].action, TransformAction::Clamp(0.0, 200_000.0));
    assert_eq!(&Policy::parse("policy.toml", p.canonical()).unwrap(), &p);
    let two = ANONYMIZED.replace("truncate = 3", "truncate = 3\ndrop = true");
    assert_eq!(Policy::parse("policy.toml", &two).unwrap_err()[0].code(), "E1009");
    let protected =
        ANONYMIZED.replace("\"anonymized\"", "\"protected\"").replace("approvals = 1", "preset = \"research\"");
    let refused = Policy::parse("policy.toml", &protected).unwrap_err();
    assert_eq!(refused[0].code(), "E1062");
}

#[test]
fn a_mock_policy_needs_a_purpose_and_nothing_else() {
    let p = Policy::parse("policy.toml", "kind = \"mock\"\npurpose = \"writing queries\"\n").unwrap();
    assert_eq!((p.kind(), p.approvals(), p.privacy()), (ReleaseKind::Mock, 0, None));
    assert_eq!(p.terms(), &Terms::Mock(MockPolicy { rows: 1_000, seed: 1 }));
    assert_eq!(Policy::parse("canonical", p.canonical()).unwrap(), p);
    let p =
        Policy::parse("p", "kind = \"mock\"\npurpose = \"p\"\napprovals = 1\n[mock]\nrows = 5\nseed = 9\n").unwrap();
    assert_eq!((p.terms(), p.approvals()), (&Terms::Mock(MockPolicy { rows: 5, seed: 9 }), 1));
}

#[test]
fn a_synthetic_policy_says_what_its_model_may_cost() {
    let p =
        Policy::parse("p", "kind = \"synthetic\"\npreset = \"research\"\npurpose = \"p\"\n[synthetic]\nrows = 10\n");
    let p = p.unwrap();
    let Terms::Synthetic(terms) = p.terms() else { panic!("{p:?}") };
    assert_eq!((terms.epsilon, terms.delta, terms.generator, terms.rows), (1.0, 1e-9, Generator::Aim, Some(10)));
    assert_eq!((p.kind(), p.approvals()), (ReleaseKind::Synthetic, 2));
    assert_eq!(Policy::parse("canonical", p.canonical()).unwrap(), p);
    insta::assert_snapshot!(refused("kind = \"synthetic\"\npurpose = \"p\"\napprovals = 1\n[synthetic]\nepsilon = 0\ngenerator = \"gan\"\n"), @r#"
    E1003 policy.toml:4: synthetic.delta: the key is missing; add  delta = 1e-9
    E1060 policy.toml:5: synthetic.epsilon: the number must be more than 0 and at most 1000000; write a number such as 0.5
    E1008 policy.toml:6: synthetic.generator: "gan" is not one of "mst", "aim"; use one of the listed words
    "#);
}

#[test]
fn what_another_kind_needs_is_refused() {
    insta::assert_snapshot!(refused("kind = \"mock\"\npurpose = \"p\"\n[privacy]\n[synthetic]\nepsilon = 1\n[mock]\nrows = 0\n"), @r#"
    E1062 policy.toml:3: privacy: [privacy] is for protected releases, and this one is mock; leave the table out, or write  kind = "protected"
    E1062 policy.toml:4: synthetic: [synthetic] is for synthetic releases, and this one is mock; leave the table out, or write  kind = "synthetic"
    E1010 policy.toml:7: mock.rows: the number must be between 1 and 100000000; write a whole number from 1 to 100000000
    "#);
}
