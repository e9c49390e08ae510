// The workspace's releases: what is shared, under which policy, who agreed; and what this person may decide.
import { Button, Card, Code, Collapse, Group, List, Modal, Stack, Text, Textarea } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import type { List as Items, Release, Role, Workspace } from "../../api/types";
import { useSession } from "../../session";
import { KindBadge, StateBadge } from "../../ui/badge";
import { when } from "../../ui/numbers";
import { Empty, Failed, Loaded } from "../../ui/states";

type Verdict = "approve" | "reject" | "pause" | "resume" | "revoke";

const VERDICTS: Record<Verdict, { label: string; colour: string; reason: boolean; says: string }> = {
  approve: { label: "Approve", colour: "green", reason: false, says: "The release becomes active with the last approval it needs." },
  reject: { label: "Reject", colour: "red", reason: true, says: "Final. The owner may propose another release." },
  pause: { label: "Pause", colour: "orange", reason: true, says: "No question is answered until the owner resumes it. What was given can't be recalled." },
  resume: { label: "Resume", colour: "green", reason: false, says: "Questions are answered again." },
  revoke: { label: "Revoke", colour: "red", reason: true, says: "Final: nothing is answered from it any more, not even repeats." },
};

/** What the table of roles lets somebody do in this state; the service decides again. */
function verdictsFor(role: Role | undefined, release: Release, me: string): Verdict[] {
  const verdicts: Verdict[] = [];
  const judged = release.proposed_by === me || release.approved_by.includes(me);
  if (role === "reviewer" && release.state === "proposed" && !judged) verdicts.push("approve", "reject");
  if ((role === "partner" || role === "reviewer") && release.state === "active") verdicts.push("pause");
  if (role === "partner" && release.state === "paused") verdicts.push("resume");
  if (role === "partner" && ["proposed", "active", "paused"].includes(release.state)) verdicts.push("revoke");
  return verdicts;
}

export function Releases(props: { workspace: Workspace }): ReactNode {
  const { client } = useSession();
  const { name, role } = props.workspace;
  const releases = useQuery({
    queryKey: ["releases", name],
    queryFn: ({ signal }) => client.get<Items<Release>>(`/v1/workspaces/${name}/releases`, signal),
  });
  return (
    <Loaded query={releases} what="releases">
      {({ items }) => items.length === 0 ? (
        <Empty title="Nothing is shared here yet">
          The owner of a dataset proposes a release; reviewers approve it.
        </Empty>
      ) : (
        <Stack>{items.map((r) => <Card key={r.id} withBorder><ReleaseCard release={r} role={role} /></Card>)}</Stack>
      )}
    </Loaded>
  );
}

function ReleaseCard(props: { release: Release; role: Role | undefined }): ReactNode {
  const { me } = useSession();
  const { release } = props;
  const [policy, { toggle }] = useDisclosure(false);
  const [verdict, setVerdict] = useState<Verdict>();
  const verdicts = verdictsFor(props.role, release, me.user.name);
  return (
    <Stack gap="xs">
      <Group justify="space-between">
        <Group gap="xs">
          <Text fw={600}>{release.dataset} v{release.version}</Text>
          <KindBadge kind={release.kind} /><StateBadge state={release.state} />
        </Group>
        <Group gap="xs">
          {verdicts.map((v) => (
            <Button key={v} size="xs" color={VERDICTS[v].colour} variant="light" onClick={() => setVerdict(v)}>{VERDICTS[v].label}</Button>
          ))}
        </Group>
      </Group>
      <Text size="sm">{release.purpose}</Text>
      <List size="sm">
        <List.Item>tables {release.tables.join(", ")}, from {release.owner}</List.Item>
        <List.Item>
          proposed by {release.proposed_by} on {when(release.created)}; approved by{" "}
          {release.approved_by.join(", ") || "nobody yet"} ({release.approvals_needed} needed)
        </List.Item>
        {release.expires && <List.Item>access ends {when(release.expires)}</List.Item>}
      </List>
      <Group><Button size="compact-xs" variant="subtle" onClick={toggle} aria-expanded={policy}>The policy, word for word</Button></Group>
      <Collapse expanded={policy}><Code block>{release.policy}</Code></Collapse>
      {verdict && <Decide release={release} verdict={verdict} close={() => setVerdict(undefined)} />}
    </Stack>
  );
}

function Decide(props: { release: Release; verdict: Verdict; close: () => void }): ReactNode {
  const { client } = useSession();
  const queries = useQueryClient();
  const [reason, setReason] = useState("");
  const { label, colour, reason: needed, says } = VERDICTS[props.verdict];
  const decide = useMutation({
    mutationFn: () => client.post<Release>(`/v1/releases/${props.release.id}/${props.verdict}`, { reason }),
    onSuccess: async () => {
      await queries.invalidateQueries({ queryKey: ["releases", props.release.workspace] });
      await queries.invalidateQueries({ queryKey: ["catalog", props.release.workspace] });
      props.close();
    },
  });
  return (
    <Modal opened onClose={props.close} title={`${label} ${props.release.dataset} v${props.release.version}`}
      closeButtonProps={{ "aria-label": "Close" }}>
      <Stack>
        <Text size="sm">{says}</Text>
        <Textarea label="Reason" description="Goes into the log." required={needed} maxLength={1000} autosize minRows={2}
          value={reason} onChange={(e) => setReason(e.currentTarget.value)} />
        {decide.isError && <Failed error={decide.error} />}
        <Group justify="flex-end">
          <Button variant="default" onClick={props.close}>Cancel</Button>
          <Button color={colour} loading={decide.isPending} disabled={needed && !reason.trim()} onClick={() => decide.mutate()}>{label}</Button>
        </Group>
      </Stack>
    </Modal>
  );
}
