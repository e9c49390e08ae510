// The workspaces that somebody is a member of.
import { Anchor, Badge, Card, Group, SimpleGrid, Stack, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { Link } from "wouter";
import type { List, Workspace } from "../api/types";
import { useSession } from "../session";
import { Empty, Loaded } from "../ui/states";

export function Home(): ReactNode {
  const { client } = useSession();
  const workspaces = useQuery({
    queryKey: ["workspaces"],
    queryFn: ({ signal }) => client.get<List<Workspace>>("/v1/workspaces", signal),
  });
  return (
    <Stack>
      <Title order={1} size="h2">Workspaces</Title>
      <Loaded query={workspaces} what="workspaces">
        {({ items }) => items.length === 0 ? (
          <Empty title="You are in no workspace yet">
            An administrator adds you: <code>lyceum workspace add-member NAME USER --role researcher</code>
          </Empty>
        ) : (
          <SimpleGrid cols={{ base: 1, md: 2 }}>
            {items.map((w) => (
              <Card key={w.id} withBorder>
                <Group justify="space-between">
                  <Anchor component={Link} href={`/workspaces/${w.name}`} fw={600}>{w.name}</Anchor>
                  {w.role && <Badge variant="light">{w.role}</Badge>}
                </Group>
                <Text size="sm" mt="xs">{w.purpose}</Text>
              </Card>
            ))}
          </SimpleGrid>
        )}
      </Loaded>
    </Stack>
  );
}
