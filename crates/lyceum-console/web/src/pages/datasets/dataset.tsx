// One dataset: its versions, the upload of a new one, its manifest, and what it is shared as.
import { Badge, Button, Card, Code, Collapse, Group, Stack, Table, Text, Title } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import type { ReactNode } from "react";
import type { Dataset, List, Version } from "../../api/types";
import { useSession } from "../../session";
import { when } from "../../ui/numbers";
import { Empty, Failed, Loaded } from "../../ui/states";
import { Propose } from "./propose";
import { UploadTable } from "./upload";

const COLOURS = { draft: "yellow", published: "green", abandoned: "gray" } as const;

export function DatasetPage(props: { name: string }): ReactNode {
  const { client } = useSession();
  const dataset = useQuery({
    queryKey: ["dataset", props.name],
    queryFn: ({ signal }) => client.get<Dataset>(`/v1/datasets/${props.name}`, signal),
  });
  return <Loaded query={dataset} what="the dataset">{(d) => <Found dataset={d} />}</Loaded>;
}

function Found(props: { dataset: Dataset }): ReactNode {
  const { dataset } = props;
  const [manifest, { toggle }] = useDisclosure(false);
  return (
    <Stack>
      <div>
        <Title order={1} size="h2">{dataset.title || dataset.name}</Title>
        <Text size="sm">{dataset.description}</Text>
        <Text size="xs" c="dimmed">{dataset.owner} · {dataset.licence}</Text>
      </div>
      <Versions dataset={dataset} />
      <Propose dataset={dataset.name} />
      <Group><Button variant="subtle" size="compact-sm" onClick={toggle} aria-expanded={manifest}>The manifest</Button></Group>
      <Collapse expanded={manifest}><Code block>{dataset.manifest}</Code></Collapse>
    </Stack>
  );
}

function Versions(props: { dataset: Dataset }): ReactNode {
  const { client } = useSession();
  const queries = useQueryClient();
  const { name } = props.dataset;
  const key = ["versions", name];
  const versions = useQuery({
    queryKey: key,
    queryFn: ({ signal }) => client.get<List<Version>>(`/v1/datasets/${name}/versions`, signal),
  });
  const begin = useMutation({
    mutationFn: () => client.post<Version>(`/v1/datasets/${name}/versions`, undefined),
    onSuccess: () => queries.invalidateQueries({ queryKey: key }),
  });
  return (
    <Stack>
      <Group justify="space-between">
        <Title order={2} size="h4">Versions</Title>
        <Button size="xs" variant="default" loading={begin.isPending} onClick={() => begin.mutate()}>Begin a version</Button>
      </Group>
      {begin.isError && <Failed error={begin.error} />}
      <Loaded query={versions} what="versions">
        {({ items }) => items.length === 0
          ? <Empty title="Nothing uploaded yet">Begin a version and upload every table of the manifest; then publish it.</Empty>
          : <Stack gap="sm">{items.map((v) => <VersionCard key={v.id} version={v} />)}</Stack>}
      </Loaded>
    </Stack>
  );
}

function VersionCard(props: { version: Version }): ReactNode {
  const { client } = useSession();
  const queries = useQueryClient();
  const v = props.version;
  const refresh = () => queries.invalidateQueries({ queryKey: ["versions", v.dataset] });
  const publish = useMutation({
    mutationFn: () => client.post<Version>(`/v1/datasets/${v.dataset}/versions/${v.id}/publish`, undefined),
    onSuccess: refresh,
  });
  const draft = v.state === "draft";
  const complete = v.tables.every((t) => t.uploaded);
  return (
    <Card withBorder padding="sm">
      <Group justify="space-between">
        <Group gap="xs"><Text fw={600}>Version {v.number}</Text><Badge color={COLOURS[v.state]} variant="light">{v.state}</Badge><Text size="xs" c="dimmed">{when(v.created)}</Text></Group>
        {draft && <Button size="xs" disabled={!complete} loading={publish.isPending} onClick={() => publish.mutate()}>Publish</Button>}
      </Group>
      {draft && (
        <Table mt="xs">
          <Table.Tbody>
            {v.tables.map((t) => (
              <Table.Tr key={t.table}>
                <Table.Td valign="top">{t.table}</Table.Td>
                <Table.Td><UploadTable version={v} table={t.table} uploaded={t.uploaded} done={refresh} /></Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      )}
      {publish.isError && <Failed error={publish.error} />}
    </Card>
  );
}
