//! The forms in which answers leave: JSON with everything, or a table (CSV, Arrow) with intervals as columns.

pub(crate) mod json;
pub(crate) mod table;
