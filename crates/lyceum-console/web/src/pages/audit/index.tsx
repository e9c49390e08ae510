// The reviewer's page: the whole log verified in this page, then explored. The server supplies bytes, nothing more.
import { Alert, Button, Group, List, Progress, Stack, Text, Title } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { type ReactNode, useEffect, useRef, useState } from "react";
import { useSession } from "../../session";
import { Empty, Failed } from "../../ui/states";
import { useLogKey } from "../../verify/known-key";
import { type Saved, type Source, type Verified, verifyLog } from "../../verify/log";
import type { Claimed } from "../../verify/replay";
import { Entries } from "./entries";

const SAVED = "lyceum.checkpoint";

export default function Audit(): ReactNode {
  const { client, me } = useSession();
  const key = useLogKey(client);
  const [done, setDone] = useState(0);
  const started = useRef(false);
  const allowed = me.user.role === "reviewer" || me.workspaces.some((w) => w.role === "reviewer");
  const check = useMutation({
    mutationFn: async () => {
      const source: Source = {
        checkpoint: () => client.text("/v1/audit/checkpoint"),
        tile: (path) => client.bytes(`/v1/audit/${path}`),
        claims: () => client.get<{ size: number; accounts: Claimed[] }>("/v1/audit/claims"),
      };
      const saved = localStorage.getItem(SAVED);
      const verified = await verifyLog(source, key.data!.key, [], saved ? (JSON.parse(saved) as Saved) : undefined, (n, of) => {
        setDone(of === 0n ? 100 : Number((n * 100n) / of));
      });
      if (verified.save) localStorage.setItem(SAVED, JSON.stringify(verified.save));
      return verified;
    },
  });
  useEffect(() => {
    if (allowed && key.data && !started.current) {
      started.current = true;
      check.mutate();
    }
  }, [allowed, key.data, check]);
  return (
    <Stack>
      <Group justify="space-between">
        <Title order={1} size="h2">Audit log</Title>
        {allowed && <Button variant="default" size="xs" loading={check.isPending} disabled={!key.data} onClick={() => check.mutate()}>Verify again</Button>}
      </Group>
      {!allowed && <Empty title="Reviewers read the log">Receipts of your own answers are verified beside each answer.</Empty>}
      {key.isError && <Failed error={key.error} />}
      {key.data?.first && (
        <Text size="sm" c="dimmed">This browser saw the log's key for the first time and will insist on it: {key.data.line}</Text>
      )}
      {check.isPending && <Progress value={done} aria-label="Verifying the log" animated />}
      {check.isError && <Failed error={check.error} />}
      {check.data && <><Verdict verified={check.data} /><Entries events={check.data.events} /></>}
    </Stack>
  );
}

function Verdict(props: { verified: Verified }): ReactNode {
  const { checks } = props.verified;
  const good = checks.every((c) => c.ok);
  return (
    <Alert color={good ? "green" : "red"} className={good ? "bar-good" : "bar-bad"} variant="light" role="status"
      title={good ? "Verified in this page: nothing was changed, hidden or unpaid" : "This log does not hold"}>
      <List size="sm">
        {checks.map((c) => <List.Item key={c.what} icon={<span aria-label={c.ok ? "passed" : "failed"}>{c.ok ? "✓" : "✗"}</span>}>{c.what}</List.Item>)}
      </List>
    </Alert>
  );
}
