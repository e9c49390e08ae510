// An answer as a file. It asks the service again, which is free, so that the file is what the service says.
import { Button, Menu } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import type { ReactNode } from "react";
import type { Answer } from "../../api/types";
import { useSession } from "../../session";

const FORMATS = {
  csv: { accept: "text/csv", label: "CSV, intervals as columns" },
  arrow: { accept: "application/vnd.apache.arrow.stream", label: "Arrow stream" },
  json: { accept: "application/json", label: "JSON, with everything" },
} as const;

export function Download(props: { answer: Answer; sql: string; workspace: string }): ReactNode {
  const { client } = useSession();
  const get = useMutation({
    mutationFn: async (format: keyof typeof FORMATS) => {
      const reply = await client.send(`/v1/workspaces/${props.workspace}/queries`, {
        method: "POST", json: { sql: props.sql }, accept: FORMATS[format].accept,
      });
      save(await reply.blob(), `answer-${props.answer.receipt?.entry ?? "public"}.${format}`);
    },
  });
  return (
    <Menu>
      <Menu.Target><Button variant="default" size="xs" loading={get.isPending}>{get.isError ? "Failed: try again" : "Save"}</Button></Menu.Target>
      <Menu.Dropdown>
        {(Object.keys(FORMATS) as (keyof typeof FORMATS)[]).map((f) => (
          <Menu.Item key={f} onClick={() => get.mutate(f)}>{FORMATS[f].label}</Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}

function save(blob: Blob, name: string): void {
  const address = URL.createObjectURL(blob);
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  URL.revokeObjectURL(address);
}
