// A new dataset from its manifest: a file that is dropped or chosen, edited here, checked by the service.
import { Alert, Anchor, Button, Code, FileButton, Group, List, Stack, Text, Textarea, Title } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type DragEvent, type ReactNode, useState } from "react";
import { Link } from "wouter";
import type { Dataset } from "../../api/types";
import { useSession } from "../../session";
import { Failed } from "../../ui/states";

export function NewDataset(): ReactNode {
  const { client } = useSession();
  const queries = useQueryClient();
  const [manifest, setManifest] = useState("");
  const create = useMutation({
    mutationFn: async () => {
      const reply = await client.send("/v1/datasets", { method: "POST", body: manifest, type: "application/toml" });
      return (await reply.json()) as { dataset: Dataset; warnings: string[] };
    },
    onSuccess: () => queries.invalidateQueries({ queryKey: ["datasets"] }),
  });
  const read = (file: File | null) => void file?.text().then(setManifest);
  const drop = (event: DragEvent) => {
    event.preventDefault();
    read(event.dataTransfer.files[0] ?? null);
  };
  if (create.data) {
    const { dataset, warnings } = create.data;
    return (
      <Stack>
        <Alert color="green" title={`${dataset.name} is declared`}>
          {warnings.length > 0 && <List size="sm">{warnings.map((w) => <List.Item key={w}>{w}</List.Item>)}</List>}
          <Anchor component={Link} c="inherit" underline="always" href={`/datasets/${dataset.name}`}>Upload its tables</Anchor>
        </Alert>
      </Stack>
    );
  }
  return (
    <Stack onDrop={drop} onDragOver={(e) => e.preventDefault()}>
      <Title order={1} size="h2">New dataset</Title>
      <Text size="sm">
        The manifest says what the tables are, who the privacy unit is, and which bounds and value lists are public
        knowledge. <Code>lyceum dataset draft FILE</Code> drafts one from a file, without its values leaving your machine.
      </Text>
      <Group>
        <FileButton onChange={read} accept=".toml,text/plain">{(p) => <Button variant="default" {...p}>Choose manifest.toml</Button>}</FileButton>
        <Text size="sm" c="dimmed">or drop it here</Text>
      </Group>
      <Textarea label="Manifest (TOML)" autosize minRows={14} maxRows={30} value={manifest} onChange={(e) => setManifest(e.currentTarget.value)}
        spellCheck={false} styles={{ input: { fontFamily: "var(--mantine-font-family-monospace)", fontSize: 13 } }} />
      {create.isError && <Failed error={create.error} />}
      <Group><Button disabled={!manifest.trim()} loading={create.isPending} onClick={() => create.mutate()}>Declare the dataset</Button></Group>
    </Stack>
  );
}
