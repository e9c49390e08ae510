// The researcher's page: catalogue, editor with a line that says what would happen, answer.
import { Button, Group, Kbd, Stack, Text } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { lazy, type ReactNode, Suspense, useMemo, useRef, useState } from "react";
import { Refused } from "../../api/client";
import type { Answer, Catalog, Explanation } from "../../api/types";
import { type EditorHandle, SqlEditor } from "../../editor/editor";
import { useSession } from "../../session";
import { Failed, Loaded, Loading } from "../../ui/states";
import { AnswerPane } from "./answer";
import { useBudget } from "./budget";
import { BudgetLine } from "./budget-line";
import { CatalogPane } from "./catalog";
import { draftOf } from "./draft";
import { Verdict } from "./verdict";

const Certificate = lazy(() => import("./certificate"));

export default function Ask(props: { workspace: string }): ReactNode {
  const { client } = useSession();
  const catalog = useQuery({
    queryKey: ["catalog", props.workspace],
    queryFn: ({ signal }) => client.get<Catalog>(`/v1/workspaces/${props.workspace}/catalog`, signal),
  });
  return (
    <Loaded query={catalog} what="the catalogue">
      {(data) => <Panes workspace={props.workspace} catalog={data} />}
    </Loaded>
  );
}

function Panes(props: { workspace: string; catalog: Catalog }): ReactNode {
  const { client } = useSession();
  const queries = useQueryClient();
  const path = `/v1/workspaces/${props.workspace}/queries`;
  const draft = useMemo(() => draftOf(props.workspace), [props.workspace]);
  const [sql, setSql] = useState(draft.read);
  const [settled] = useDebouncedValue(sql.trim(), 700);
  const editor = useRef<EditorHandle>(null);
  const budget = useBudget(props.workspace);

  const explanation = useQuery({
    queryKey: ["explain", props.workspace, settled],
    enabled: settled !== "",
    staleTime: 60_000,
    retry: false,
    queryFn: async ({ signal }) =>
      client.post<Explanation>(path, { sql: settled, dry_run: true }, { signal }),
  });
  // One key per press of the button: a repeated send of the same press can't be charged twice.
  const run = useMutation({
    mutationFn: (request: { sql: string; key: string }) =>
      client.post<Answer>(path, { sql: request.sql }, { idempotencyKey: request.key }),
    onSettled: () => {
      for (const key of ["budget", "history", "explain"]) void queries.invalidateQueries({ queryKey: [key, props.workspace] });
    },
  });
  const change = (text: string) => {
    setSql(text);
    draft.write(text);
  };
  const current = settled === sql.trim();
  const refusal = current && explanation.error instanceof Refused ? explanation.error.problem : undefined;
  const ready = current && explanation.isSuccess && !run.isPending;
  const ask = () => {
    if (ready) run.mutate({ sql: settled, key: crypto.randomUUID() });
  };

  return (
    <div className="panes">
      <CatalogPane catalog={props.catalog} insert={(name) => editor.current?.insert(name)} />
      <Stack component="section" aria-label="Question and answer">
        <SqlEditor ref={editor} value={sql} change={change} catalog={props.catalog} problem={refusal} run={ask} />
        <div aria-live="polite">
          {settled === "" ? (
            <Text size="sm" c="dimmed">
              Write one SELECT, such as SELECT segment, COUNT(*) AS people FROM users GROUP BY segment. What it costs and
              how precise it is stands here before anything is spent.
            </Text>
          ) : (
            <Verdict pending={!current || explanation.isPending} explanation={current ? explanation.data : undefined}
              error={current ? explanation.error : null} />
          )}
        </div>
        <Group justify="space-between">
          <Group gap="xs">
            <Button onClick={ask} disabled={!ready} loading={run.isPending}>{buttonLabel(explanation.data)}</Button>
            <Text size="xs" c="dimmed"><Kbd>Ctrl</Kbd> + <Kbd>Enter</Kbd></Text>
          </Group>
          <BudgetLine budget={budget.data} />
        </Group>
        {explanation.data?.certificate && current && (
          <Suspense fallback={<Loading what="the certificate" />}><Certificate explanation={explanation.data} /></Suspense>
        )}
        {run.isError && <Failed error={run.error} />}
        {run.data && <AnswerPane answer={run.data} sql={run.variables.sql} workspace={props.workspace} />}
      </Stack>
    </div>
  );
}

function buttonLabel(explanation: Explanation | undefined): string {
  if (!explanation) return "Ask";
  if (explanation.kind === "public") return "Ask (free: public tables)";
  return explanation.answered_before ? "Ask again (free)" : "Ask and pay";
}
