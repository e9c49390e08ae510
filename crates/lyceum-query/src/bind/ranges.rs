//! Ranges used as if they were single values: what to write instead.

use crate::catalog::Catalog;
use crate::error::{Reason, Refusal};
use crate::functions::ranges::is_range;
use crate::parse::Words;

/// For a query whose types don't fit: the first recoded column that it names.
pub(super) fn refused(catalog: &Catalog, words: &Words) -> Option<Refusal> {
    let recoded = catalog.tables.iter().filter_map(|t| t.own_schema.as_ref()).flat_map(|schema| {
        schema.fields().iter().filter(|f| is_range(f.data_type())).map(|f| f.name().clone()).collect::<Vec<_>>()
    });
    let (name, place) = recoded.into_iter().find_map(|name| words.find(&name).map(|place| (name, place)))?;
    Some(
        Refusal::new(
            Reason::Types,
            format!("{name} is a range here, not a single value"),
            "Anonymized releases generalise some columns: a cell stands for all values from its lower to its upper end.",
        )
        .fix(format!("range_mid({name}), or range_lower, range_upper, covers({name}, value), level({name})"))
        .at(Some(place)),
    )
}
