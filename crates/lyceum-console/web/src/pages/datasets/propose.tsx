// The proposal of a release: to which workspace, under which policy.
import { Alert, Anchor, Button, Card, Group, NativeSelect, Stack, Textarea, Title } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { Link } from "wouter";
import type { Release } from "../../api/types";
import { useSession } from "../../session";
import { Failed } from "../../ui/states";

export function Propose(props: { dataset: string }): ReactNode {
  const { client, me } = useSession();
  const queries = useQueryClient();
  const workspaces = me.workspaces.filter((w) => w.role === "partner").map((w) => w.workspace);
  const [workspace, setWorkspace] = useState(workspaces[0] ?? "");
  const [policy, setPolicy] = useState("");
  const propose = useMutation({
    mutationFn: () => client.post<Release>(`/v1/workspaces/${workspace}/releases`, { dataset: props.dataset, policy }),
    onSuccess: (release) => queries.invalidateQueries({ queryKey: ["releases", release.workspace] }),
  });
  if (workspaces.length === 0) return null;
  return (
    <Card withBorder component="section" aria-label="Propose a release">
      <Stack gap="sm">
        <Title order={2} size="h4">Propose a release of the newest version</Title>
        <NativeSelect label="To the workspace" data={workspaces} value={workspace} onChange={(e) => setWorkspace(e.currentTarget.value)} />
        <Textarea label="Policy (TOML)" description="Kind, purpose, budget, approvals, expiry. The dataset's folder has one to start from."
          autosize minRows={8} maxRows={24} value={policy} onChange={(e) => setPolicy(e.currentTarget.value)} spellCheck={false}
          styles={{ input: { fontFamily: "var(--mantine-font-family-monospace)", fontSize: 13 } }} />
        {propose.isError && <Failed error={propose.error} />}
        {propose.data && (
          <Alert color="green" title="Proposed">
            Reviewers see it in <Anchor component={Link} c="inherit" underline="always" href={`/workspaces/${propose.data.workspace}/releases`}>{propose.data.workspace}</Anchor>.
          </Alert>
        )}
        <Group><Button disabled={!policy.trim()} loading={propose.isPending} onClick={() => propose.mutate()}>Propose</Button></Group>
      </Stack>
    </Card>
  );
}
