// What may be named in SQL: tables, columns, bounds, value lists, the policy in words. A click puts a name into the editor.
import { Accordion, Badge, Button, Group, List, Stack, Text, TextInput } from "@mantine/core";
import { type ReactNode, useMemo, useState } from "react";
import type { Catalog, CatalogColumn, CatalogTable } from "../../api/types";
import { KindBadge } from "../../ui/badge";
import { count } from "../../ui/numbers";
import { Empty } from "../../ui/states";

export function CatalogPane(props: { catalog: Catalog; insert: (name: string) => void }): ReactNode {
  const [filter, setFilter] = useState("");
  const tables = useMemo(() => {
    const wanted = filter.trim().toLowerCase();
    const fits = (t: CatalogTable) =>
      t.name.includes(wanted) || t.columns.some((c) => c.name.includes(wanted));
    return props.catalog.tables.filter((t) => !wanted || fits(t));
  }, [props.catalog, filter]);
  if (props.catalog.tables.length === 0) {
    return <Empty title="No tables yet">A release must be approved before its tables can be asked.</Empty>;
  }
  return (
    <Stack gap="xs" component="section" aria-label="Catalogue">
      <TextInput label="Tables and columns" placeholder="filter" value={filter} onChange={(e) => setFilter(e.currentTarget.value)} />
      <Accordion multiple chevronPosition="left" variant="contained">
        {tables.map((t) => {
          const name = `${t.schema}.${t.name}`;
          return (
            <Accordion.Item key={name} value={name}>
              <Accordion.Control>
                <Group gap="xs"><Text size="sm" fw={600}>{t.name}</Text><KindBadge kind={t.schema} /></Group>
              </Accordion.Control>
              <Accordion.Panel><TableFacts table={t} insert={props.insert} /></Accordion.Panel>
            </Accordion.Item>
          );
        })}
      </Accordion>
      {tables.length === 0 && <Text size="sm" c="dimmed">No table or column has this in its name.</Text>}
    </Stack>
  );
}

function TableFacts(props: { table: CatalogTable; insert: (name: string) => void }): ReactNode {
  const t = props.table;
  return (
    <Stack gap="xs">
      <Text size="sm">{t.description}</Text>
      <Text size="xs" c="dimmed">
        {t.dataset} v{t.version} from {t.owner} · privacy unit: {t.privacy_unit}
        {t.population ? ` · at most ${count(t.max_rows_per_unit)} rows per unit` : ""}
      </Text>
      {t.columns.map((c) => <ColumnFacts key={c.name} column={c} insert={props.insert} />)}
      {t.policy.length > 0 && (
        <List size="xs" c="dimmed">{t.policy.map((p) => <List.Item key={p}>{p}</List.Item>)}</List>
      )}
    </Stack>
  );
}

function ColumnFacts(props: { column: CatalogColumn; insert: (name: string) => void }): ReactNode {
  const c = props.column;
  return (
    <div>
      <Group gap={6}>
        <Button size="compact-xs" variant="subtle" onClick={() => props.insert(c.name)} aria-label={`Insert ${c.name}`}>{c.name}</Button>
        <Text size="xs" c="dimmed">{c.type}{c.nullable ? ", may be NULL" : ""}</Text>
        <Badge size="xs" variant="outline" color="gray">{c.role.replaceAll("_", " ")}</Badge>
      </Group>
      <Text size="xs" c="dimmed" pl="xs">{[c.description, domain(c)].filter(Boolean).join(" ")}</Text>
    </div>
  );
}

function domain(c: CatalogColumn): string {
  const unit = c.unit_of_measure ? ` ${c.unit_of_measure}` : "";
  if (c.values) {
    const shown = c.values.slice(0, 6).map(String).join(", ");
    return `${c.values.length} values: ${shown}${c.values.length > 6 ? ", …" : ""}.`;
  }
  if (c.low !== undefined && c.high !== undefined) return `From ${String(c.low)} to ${String(c.high)}${unit}.`;
  return "";
}
