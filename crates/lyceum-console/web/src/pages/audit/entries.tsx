// The log's entries, newest first, filtered by kind or text; each opens to what it says and the documents it names.
import { Button, Code, Group, Pagination, Select, Stack, Table, Text, TextInput } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { type ReactNode, useMemo, useState } from "react";
import { useSession } from "../../session";
import { when } from "../../ui/numbers";
import { Empty, Failed } from "../../ui/states";
import { concat, fromHex, toHex } from "../../verify/bytes";
import type { LogEvent } from "../../verify/event";

interface Entry { entry: bigint; event: LogEvent }

const PAGE = 50;

export function Entries(props: { events: Entry[] }): ReactNode {
  const [kind, setKind] = useState<string | null>(null);
  const [words, setWords] = useState("");
  const [page, setPage] = useState(1);
  const kinds = useMemo(() => [...new Set(props.events.map((e) => e.event.type))].sort(), [props.events]);
  const found = useMemo(() => props.events
    .filter((e) => !kind || e.event.type === kind)
    .filter((e) => !words || JSON.stringify(e.event).toLowerCase().includes(words.toLowerCase()))
    .toReversed(), [props.events, kind, words]);
  const shown = found.slice((page - 1) * PAGE, page * PAGE);
  return (
    <Stack component="section" aria-label="Entries">
      <Group align="end">
        <Select label="Kind" data={kinds} value={kind} clearable searchable onChange={(v) => { setKind(v); setPage(1); }} />
        <TextInput label="Contains" value={words} onChange={(e) => { setWords(e.currentTarget.value); setPage(1); }} />
        <Text size="sm" c="dimmed" role="status">{found.length} of {props.events.length} entries</Text>
      </Group>
      {shown.length === 0 ? <Empty title="No entry fits" /> : (
        <div className="scroll">
          <Table striped>
            <Table.Thead><Table.Tr><Table.Th>Entry</Table.Th><Table.Th>When</Table.Th><Table.Th>What</Table.Th></Table.Tr></Table.Thead>
            <Table.Tbody>{shown.map((e) => <Row key={e.entry.toString()} {...e} />)}</Table.Tbody>
          </Table>
        </div>
      )}
      {found.length > PAGE && <Pagination total={Math.ceil(found.length / PAGE)} value={page} onChange={setPage}
        getControlProps={(control) => ({ "aria-label": `${control} page` })} getItemProps={(n) => ({ "aria-label": `page ${n}` })} />}
    </Stack>
  );
}

function Row(props: Entry): ReactNode {
  const [open, setOpen] = useState(false);
  const { event } = props;
  const references = Object.entries(event).flatMap(([field, value]) =>
    typeof value === "string" && /^[0-9a-f]{64}$/.test(value) ? [{ field, reference: value }] : []);
  return (
    <Table.Tr>
      <Table.Td className="numbers" valign="top">{props.entry.toString()}</Table.Td>
      <Table.Td valign="top">{when(event.time / 1000)}</Table.Td>
      <Table.Td>
        <Button size="compact-sm" variant="subtle" onClick={() => setOpen(!open)} aria-expanded={open}>{event.type}</Button>
        {open && (
          <Stack gap="xs">
            <Code block className="sql">{JSON.stringify(event, null, 2)}</Code>
            {references.map((r) => <Document key={r.field} {...r} />)}
          </Stack>
        )}
      </Table.Td>
    </Table.Tr>
  );
}

/** What stands beside the log by a salted hash: fetched when asked for, and checked against the hash in the log. */
function Document(props: { field: string; reference: string }): ReactNode {
  const { client } = useSession();
  const open = useMutation({
    mutationFn: async () => {
      const found = await client.get<{ kind: string; salt: string; content: string }>(`/v1/audit/artefacts/${props.reference}`);
      const { sha256 } = await import("@noble/hashes/sha2.js");
      const content = Uint8Array.from(atob(found.content), (c) => c.charCodeAt(0));
      if (toHex(sha256(concat(fromHex(found.salt), content))) !== props.reference) {
        throw new Error("this document is not the one that the log names");
      }
      return found.kind === "answer" ? `${content.length} bytes of released groups` : new TextDecoder().decode(content);
    },
  });
  return (
    <Stack gap={4}>
      <Group><Button size="compact-xs" variant="default" loading={open.isPending} onClick={() => open.mutate()}>Show {props.field} (checked against its hash)</Button></Group>
      {open.isError && <Failed error={open.error} />}
      {open.data !== undefined && <Code block className="sql">{open.data}</Code>}
    </Stack>
  );
}

