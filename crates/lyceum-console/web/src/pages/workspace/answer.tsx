// An answer: a table in which every number stands with its interval, a chart with error bars, and the receipt.
import { Alert, Button, Card, Group, List, SegmentedControl, Stack, Table, Text } from "@mantine/core";
import { lazy, type ReactNode, Suspense, useState } from "react";
import type { Answer, Interval } from "../../api/types";
import { count, percent, showValue } from "../../ui/numbers";
import { Loading } from "../../ui/states";
import { Download } from "./download";
import { ReceiptLine } from "./receipt-line";

const Chart = lazy(() => import("./chart"));

type View = "table" | "chart";

export function AnswerPane(props: { answer: Answer; sql: string; workspace: string }): ReactNode {
  const { answer } = props;
  const [view, setView] = useState<View>("table");
  const sampling = answer.estimate_intervals.some((row) => row.some(Boolean));
  const [intervals, setIntervals] = useState<"noise" | "estimate">("noise");
  const shown = intervals === "estimate" && sampling ? answer.estimate_intervals : answer.noise_intervals;
  const drawable = answer.columns.some((c, i) => c.role !== "key" && answer.rows.some((r) => typeof r[i] === "number"));
  return (
    <Card withBorder component="section" aria-label="Answer">
      <Stack gap="sm">
        <Group justify="space-between">
          <SegmentedControl value={view} onChange={(v) => setView(v as View)} aria-label="Show as"
            data={[{ value: "table", label: "Table" }, { value: "chart", label: "Chart", disabled: !drawable }]} />
          {sampling && (
            <SegmentedControl size="xs" value={intervals} onChange={(v) => setIntervals(v as "noise" | "estimate")} aria-label="Intervals of"
              data={[{ value: "noise", label: "noise" }, { value: "estimate", label: "noise and sampling" }]} />
          )}
          <Download answer={answer} sql={props.sql} workspace={props.workspace} />
        </Group>
        {view === "table"
          ? <AnswerTable answer={answer} intervals={shown} />
          : <Suspense fallback={<Loading what="the chart" />}><Chart answer={answer} intervals={shown} /></Suspense>}
        {answer.notes.length > 0 && <List size="sm">{answer.notes.map((n) => <List.Item key={n}>{n}</List.Item>)}</List>}
        <Text size="sm" c="dimmed">{paid(answer)}</Text>
        {answer.receipt && <ReceiptLine receipt={answer.receipt} />}
      </Stack>
    </Card>
  );
}

function paid(answer: Answer): string {
  if (answer.kind === "public") return "Exact and free: it read public tables only.";
  const left = answer.budget_left ? `${percent(answer.budget_left.share)} of the budget is left (${answer.budget_left.account})` : "";
  if (answer.repeated) return `Free: this was answered before. ${left}`;
  const cost = answer.price ? `Cost ${percent(answer.price.share_of_budget)} of the budget. ` : "";
  return `95 % intervals. ${cost}${left} The same question is free from now on.`;
}

const LIMIT = 500;

function AnswerTable(props: { answer: Answer; intervals: (Interval | null)[][] }): ReactNode {
  const { answer } = props;
  const [all, setAll] = useState(false);
  if (answer.rows.length === 0) return <Alert color="gray" title="No rows">Groups too small to show are left out.</Alert>;
  const rows = all ? answer.rows : answer.rows.slice(0, LIMIT);
  return (
    <div className="scroll">
      <Table striped highlightOnHover>
        <Table.Caption>
          {count(answer.rows.length)} rows{answer.other ? "; groups too small to show stand together in the last row" : ""}
        </Table.Caption>
        <Table.Thead>
          <Table.Tr>{answer.columns.map((c, i) => <Table.Th key={`${i} ${c.name}`} scope="col" title={c.description} {...(c.role === "key" ? {} : { ta: "right" as const })}>{c.name}</Table.Th>)}</Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {rows.map((row, r) => (
            <Table.Tr key={r}>{answer.columns.map((c, i) => <Cell key={`${i} ${c.name}`} value={row[i]} interval={props.intervals[r]?.[i]} />)}</Table.Tr>
          ))}
          {answer.other && (
            <Table.Tr>
              {answer.columns.map((c, i) => c.role === "key"
                ? <Table.Td key={c.name}><i>other</i></Table.Td>
                : <Cell key={`${i} ${c.name}`} value={answer.other?.values[i]} interval={answer.other?.noise_intervals[i]} />)}
            </Table.Tr>
          )}
        </Table.Tbody>
      </Table>
      {!all && answer.rows.length > LIMIT && (
        <Button variant="subtle" onClick={() => setAll(true)}>Show all {count(answer.rows.length)} rows</Button>
      )}
    </div>
  );
}

function Cell(props: { value: unknown; interval: Interval | null | undefined }): ReactNode {
  const { value, spread } = showValue(props.value, props.interval);
  const number = typeof props.value === "number";
  return (
    <Table.Td {...(number ? { className: "numbers", ta: "right" as const } : {})}>
      {value}{spread && <Text span size="sm" c="dimmed"> {spread}</Text>}
    </Table.Td>
  );
}
