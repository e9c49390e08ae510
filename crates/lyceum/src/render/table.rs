//! Plain tables: aligned columns, two spaces apart, no boxes, so that they can be read, piped and pasted.

use comfy_table::{CellAlignment, ContentArrangement, Table};

/// A table with a header; `right` names the columns whose cells are right-aligned.
pub(crate) fn plain(header: &[String], rows: &[Vec<String>], right: &[usize]) -> String {
    let mut table = Table::new();
    table.load_style(comfy_table::presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(header);
    for row in rows {
        table.add_row(row);
    }
    for (i, column) in table.column_iter_mut().enumerate() {
        column.set_padding((1, 1));
        if right.contains(&i) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.lines().map(|l| l.trim_end().to_owned()).collect::<Vec<_>>().join("\n")
}
