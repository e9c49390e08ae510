// What the editor completes: schemas, tables and columns of the catalogue, each with its type and meaning.
import type { SQLNamespace } from "@codemirror/lang-sql";
import type { Catalog, CatalogTable } from "../api/types";

const RANK = { protected: 0, anonymized: 1, synthetic: 2, mock: 3 } as const;

export function completions(catalog: Catalog): SQLNamespace {
  const names: Record<string, SQLNamespace> = {};
  const best = [...catalog.tables].sort((a, b) => RANK[b.schema] - RANK[a.schema]);
  for (const table of best) {
    names[table.name] = columns(table);
    const schema = (names[table.schema] ??= {}) as Record<string, SQLNamespace>;
    schema[table.name] = columns(table);
  }
  return names;
}

function columns(table: CatalogTable): SQLNamespace {
  return table.columns.map((c) => ({ label: c.name, type: "property", detail: c.type, info: c.description }));
}
