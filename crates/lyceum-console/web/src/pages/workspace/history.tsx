// Everything that was asked and charged, newest first; asking again is free.
import { Anchor, Badge, Button, Card, Code, Group, Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { Link } from "wouter";
import type { HistoryEntry, List } from "../../api/types";
import { useSession } from "../../session";
import { when } from "../../ui/numbers";
import { Empty, Loaded } from "../../ui/states";
import { draftOf } from "./draft";

const COLOURS = { answered: "green", failed: "red", charged: "yellow" } as const;

export function History(props: { workspace: string; researcher: boolean }): ReactNode {
  const { client } = useSession();
  const history = useQuery({
    queryKey: ["history", props.workspace],
    queryFn: ({ signal }) => client.get<List<HistoryEntry>>(`/v1/workspaces/${props.workspace}/queries`, signal),
  });
  return (
    <Loaded query={history} what="the history">
      {({ items }) => items.length === 0 ? (
        <Empty title="Nothing was asked yet" />
      ) : (
        <Stack gap="sm">
          {items.map((q) => (
            <Card key={q.query} withBorder padding="sm">
              <Group justify="space-between" mb={4}>
                <Group gap="xs">
                  <Badge color={COLOURS[q.state]} variant="light">{q.state}</Badge>
                  <Text size="sm">{q.user} · {when(q.time)} · log entry {q.entry}</Text>
                </Group>
                {props.researcher && (
                  <Button component={Link} href={`/workspaces/${props.workspace}/ask`} size="compact-xs" variant="default"
                    onClick={() => draftOf(props.workspace).write(q.sql)}>
                    Open in the editor (free to repeat)
                  </Button>
                )}
              </Group>
              <Code block className="sql">{q.sql}</Code>
            </Card>
          ))}
          <Text size="xs" c="dimmed">
            Every charge and its answer are in the <Anchor component={Link} href="/audit" size="xs" underline="always">audit log</Anchor>.
          </Text>
        </Stack>
      )}
    </Loaded>
  );
}
