// The organisation's datasets.
import { Anchor, Button, Card, Group, Stack, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { Link } from "wouter";
import type { Dataset, List } from "../../api/types";
import { useSession } from "../../session";
import { Empty, Loaded } from "../../ui/states";

export function Datasets(): ReactNode {
  const { client } = useSession();
  const datasets = useQuery({
    queryKey: ["datasets"],
    queryFn: ({ signal }) => client.get<List<Dataset>>("/v1/datasets", signal),
  });
  return (
    <Stack>
      <Group justify="space-between">
        <Title order={1} size="h2">Datasets</Title>
        <Button component={Link} href="/datasets/new">New dataset</Button>
      </Group>
      <Loaded query={datasets} what="datasets">
        {({ items }) => items.length === 0 ? (
          <Empty title="No datasets yet">Declare one with its manifest, then upload its tables.</Empty>
        ) : (
          <Stack gap="sm">
            {items.map((d) => (
              <Card key={d.id} withBorder padding="sm">
                <Anchor component={Link} href={`/datasets/${d.name}`} fw={600}>{d.title || d.name}</Anchor>
                <Text size="sm">{d.description}</Text>
                <Text size="xs" c="dimmed">{d.tables.join(", ")} · {d.owner} · {d.licence}</Text>
              </Card>
            ))}
          </Stack>
        )}
      </Loaded>
    </Stack>
  );
}
