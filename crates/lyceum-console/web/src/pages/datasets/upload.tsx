// The upload of one table: a file that is chosen or dropped, a bar, a report that counts and never shows values.
import { Badge, Button, FileButton, Group, List, Progress, Stack, Text } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { type DragEvent, type ReactNode, useEffect, useRef, useState } from "react";
import type { ValidationReport, Version } from "../../api/types";
import { useSession } from "../../session";
import { bytes, count, percent } from "../../ui/numbers";
import { Failed } from "../../ui/states";

const TYPES: Record<string, string> = {
  csv: "text/csv",
  parquet: "application/vnd.apache.parquet",
};

export function UploadTable(props: { version: Version; table: string; uploaded: boolean; done: () => void }): ReactNode {
  const { client } = useSession();
  const [file, setFile] = useState<File>();
  const [sent, setSent] = useState(0);
  const stop = useRef(new AbortController());
  const upload = useMutation({
    mutationFn: (chosen: File) => {
      stop.current = new AbortController();
      const type = TYPES[chosen.name.split(".").pop()?.toLowerCase() ?? ""] ?? "application/octet-stream";
      const path = `/v1/datasets/${props.version.dataset}/versions/${props.version.id}/tables/${props.table}`;
      return client.upload<ValidationReport>(path, chosen, type, setSent, stop.current.signal);
    },
    onSuccess: props.done,
  });
  useEffect(() => {
    if (!upload.isPending) return;
    const warn = (event: BeforeUnloadEvent) => event.preventDefault();
    addEventListener("beforeunload", warn);
    return () => removeEventListener("beforeunload", warn);
  }, [upload.isPending]);
  const start = (chosen: File | null) => {
    if (!chosen) return;
    setFile(chosen);
    setSent(0);
    upload.mutate(chosen);
  };
  const drop = (event: DragEvent) => {
    event.preventDefault();
    if (!upload.isPending) start(event.dataTransfer.files[0] ?? null);
  };
  const share = file && file.size > 0 ? sent / file.size : 0;
  return (
    <Stack gap="xs" onDrop={drop} onDragOver={(e) => e.preventDefault()}>
      <Group gap="xs">
        {props.uploaded && <Badge color="green" variant="light">uploaded</Badge>}
        <FileButton onChange={start} accept=".csv,.parquet">
          {(p) => <Button {...p} size="xs" variant="default" disabled={upload.isPending}>{props.uploaded ? "Replace" : "Choose file"} for {props.table}</Button>}
        </FileButton>
        {upload.isPending && <Button size="xs" variant="subtle" onClick={() => stop.current.abort()}>Cancel</Button>}
      </Group>
      {upload.isPending && file && (
        <div>
          <Progress value={share * 100} animated={share >= 1} aria-label={`Upload of ${props.table}`} />
          <Text size="xs" c="dimmed" role="status">
            {share < 1 ? `${bytes(sent)} of ${bytes(file.size)} (${percent(share)})` : "Received. Checking and sorting."}
          </Text>
        </div>
      )}
      {upload.isError && !isAbort(upload.error) && <Failed error={upload.error} />}
      {upload.data && <Report report={upload.data} />}
    </Stack>
  );
}

const isAbort = (error: unknown): boolean => error instanceof DOMException && error.name === "AbortError";

function Report(props: { report: ValidationReport }): ReactNode {
  const r = props.report;
  return (
    <Stack gap={4}>
      <Text size="sm" fw={600} className="numbers">
        accepted {count(r.rows_accepted)} · rejected {count(r.rows_rejected)}{r.rows_capped ? ` · beyond the cap per unit ${count(r.rows_capped)}` : ""}
      </Text>
      <List size="sm">
        {r.rejections.map((x) => <List.Item key={`${x.reason} ${x.column}`}>{count(x.rows)} rows: {x.column ? `${x.column}: ` : ""}{x.explanation}</List.Item>)}
        {r.corrections.map((x) => <List.Item key={`${x.correction} ${x.column}`}>{count(x.values)} values of {x.column}: {x.explanation}</List.Item>)}
        {r.dropped_identifiers.length > 0 && <List.Item>direct identifiers dropped unread: {r.dropped_identifiers.join(", ")}</List.Item>}
        {r.ignored_columns.length > 0 && <List.Item>columns not in the manifest, ignored: {r.ignored_columns.join(", ")}</List.Item>}
        {r.notes.map((n) => <List.Item key={n}>{n}</List.Item>)}
      </List>
    </Stack>
  );
}
