// What every list and page shows while it loads, when it is empty, and when it fails.
import { Alert, Button, Card, Code, Group, List, Loader, Stack, Text } from "@mantine/core";
import type { UseQueryResult } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { Refused } from "../api/client";
import type { Problem } from "../api/types";

export function Failed(props: { error: unknown; retry?: () => void }): ReactNode {
  const problem: Problem = props.error instanceof Refused
    ? props.error.problem
    : { type: "", title: "something went wrong in this page", status: 0, detail: String(props.error), code: "page" };
  return (
    <Alert color="red" title={`${problem.title} [${problem.code}]`} role="alert">
      <Stack gap="xs">
        <Text size="sm">{problem.detail}</Text>
        {problem.snippet && (
          <Code block className="sql">{where(problem)}{problem.snippet}</Code>
        )}
        {problem.reason && <Text size="sm">{problem.reason}</Text>}
        {problem.findings && <List size="sm">{problem.findings.map((f) => <List.Item key={f}>{f}</List.Item>)}</List>}
        {problem.fix && <Text size="sm"><b>Try</b> {problem.fix}</Text>}
        {problem.charged === false && <Text size="sm" c="dimmed">Nothing was charged.</Text>}
        {problem.request && <Text size="xs" c="dimmed">Request {problem.request}</Text>}
        {props.retry && <Group><Button size="xs" variant="default" onClick={props.retry}>Try again</Button></Group>}
      </Stack>
    </Alert>
  );
}

const where = (p: Problem): string => (p.line ? `line ${p.line}${p.column ? `, column ${p.column}` : ""}   ` : "");

export function Empty(props: { title: string; children?: ReactNode }): ReactNode {
  return (
    <Card withBorder padding="lg">
      <Text fw={600}>{props.title}</Text>
      <Text size="sm" c="dimmed" component="div">{props.children}</Text>
    </Card>
  );
}

export function Loading(props: { what: string }): ReactNode {
  return (
    <Group p="md" role="status"><Loader size="sm" aria-hidden /><Text size="sm">Loading {props.what}</Text></Group>
  );
}

/** The loading, failed and loaded states of one request. */
export function Loaded<T>(props: {
  query: UseQueryResult<T>;
  what: string;
  children: (data: T) => ReactNode;
}): ReactNode {
  const { query } = props;
  if (query.isPending) return <Loading what={props.what} />;
  if (query.isError) return <Failed error={query.error} retry={() => void query.refetch()} />;
  return props.children(query.data);
}
