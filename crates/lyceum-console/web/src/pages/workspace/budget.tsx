// What is spent and left, account by account; the one with the smallest share left decides.
import { Card, SimpleGrid, Stack, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import type { AccountBudget, WorkspaceBudget } from "../../api/types";
import { useSession } from "../../session";
import { Gauge } from "../../ui/gauge";
import { count } from "../../ui/numbers";
import { Empty, Loaded } from "../../ui/states";

export function useBudget(workspace: string) {
  const { client } = useSession();
  return useQuery({
    queryKey: ["budget", workspace],
    queryFn: ({ signal }) => client.get<WorkspaceBudget>(`/v1/workspaces/${workspace}/budget`, signal),
  });
}

export function Budget(props: { workspace: string }): ReactNode {
  const budget = useBudget(props.workspace);
  return (
    <Loaded query={budget} what="budgets">
      {({ populations }) => populations.length === 0 ? (
        <Empty title="No budget yet">Budgets appear with the first protected release in this workspace.</Empty>
      ) : (
        <Stack>
          {populations.map((p) => (
            <Card key={p.population} withBorder>
              <Title order={2} size="h4">{p.population}</Title>
              <Text size="sm" c="dimmed" mb="md">
                ε {p.epsilon} and δ {p.delta} for everything ever answered about these people. It does not come back.
              </Text>
              <SimpleGrid cols={{ base: 1, sm: 2 }}>
                {p.accounts.map((a) => <Gauge key={a.label} label={a.label} spent={a.share_spent} note={note(a)} />)}
              </SimpleGrid>
            </Card>
          ))}
        </Stack>
      )}
    </Loaded>
  );
}

function note(a: AccountBudget): string {
  const epochs = a.epochs ? ` · in ${a.epochs.tightest}, the month with least left (${a.epochs.touched} touched)` : "";
  return `${count(a.charges)} answers charged · the whole is worth ε ${a.epsilon_cap.toFixed(2)}${epochs}`;
}
