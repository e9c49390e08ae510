// The single line under the editor: what this question would cost and how precise it would be, or why it is refused.
import { Alert, Group, List, Loader, Text } from "@mantine/core";
import type { ReactNode } from "react";
import type { Explanation } from "../../api/types";
import { count, percent } from "../../ui/numbers";
import { Failed } from "../../ui/states";

export function Verdict(props: {
  pending: boolean;
  explanation: Explanation | undefined;
  error: unknown;
}): ReactNode {
  if (props.pending) return <Group gap="xs"><Loader size="xs" aria-hidden /><Text size="sm">Checking</Text></Group>;
  if (props.error) return <Failed error={props.error} />;
  const e = props.explanation;
  if (!e) return null;
  if (e.kind === "public") return <Alert color="green" variant="light" title="Can be answered · free and exact: it reads public tables only" />;
  const accuracy = e.columns.filter((c) => c.accuracy).map((c) => `${c.name} ${c.accuracy}`).join(" · ");
  const price = e.answered_before
    ? "free: answered before"
    : e.price && `${percent(e.price.share_of_budget)} of the budget (about ${count(e.price.more_like_this)} more like this)`;
  return (
    <Alert color="green" variant="light" title={`Can be answered · ${price ?? ""}`}>
      <Text size="sm">{accuracy}</Text>
      {e.notes.length > 0 && <List size="sm" mt={4}>{e.notes.map((n) => <List.Item key={n}>{n}</List.Item>)}</List>}
    </Alert>
  );
}
