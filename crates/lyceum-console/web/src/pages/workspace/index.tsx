// One workspace: what a member may do in it, as tabs that are addresses.
import { Group, Stack, Tabs, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { lazy, type ReactNode, Suspense } from "react";
import { useLocation } from "wouter";
import type { Workspace } from "../../api/types";
import { useSession } from "../../session";
import { Loaded, Loading } from "../../ui/states";
import { Budget } from "./budget";
import { History } from "./history";
import { Members } from "./members";
import { Releases } from "./releases";

const Ask = lazy(() => import("./ask"));

export default function WorkspacePage(props: { name: string }): ReactNode {
  const { client } = useSession();
  const [location, navigate] = useLocation();
  const workspace = useQuery({
    queryKey: ["workspace", props.name],
    queryFn: ({ signal }) => client.get<Workspace>(`/v1/workspaces/${props.name}`, signal),
  });
  return (
    <Loaded query={workspace} what="the workspace">
      {(w) => {
        const researcher = w.role === "researcher";
        const tab = location.split("/")[3] || (researcher ? "ask" : "releases");
        const open = (to: string | null) => navigate(`/workspaces/${w.name}/${to ?? ""}`);
        return (
          <Stack>
            <div>
              <Title order={1} size="h2">{w.name}</Title>
              <Text size="sm" c="dimmed">{w.purpose}</Text>
            </div>
            <Tabs value={tab} onChange={open} keepMounted={false}>
              <Tabs.List>
                {researcher && <Tabs.Tab value="ask">Ask</Tabs.Tab>}
                <Tabs.Tab value="releases">Releases</Tabs.Tab>
                <Tabs.Tab value="history">History</Tabs.Tab>
                <Tabs.Tab value="budget">Budget</Tabs.Tab>
                <Tabs.Tab value="members">Members</Tabs.Tab>
              </Tabs.List>
              <Group h="md" />
              {researcher && (
                <Tabs.Panel value="ask">
                  <Suspense fallback={<Loading what="the editor" />}><Ask workspace={w.name} /></Suspense>
                </Tabs.Panel>
              )}
              <Tabs.Panel value="releases"><Releases workspace={w} /></Tabs.Panel>
              <Tabs.Panel value="history"><History workspace={w.name} researcher={researcher} /></Tabs.Panel>
              <Tabs.Panel value="budget"><Budget workspace={w.name} /></Tabs.Panel>
              <Tabs.Panel value="members"><Members workspace={w} /></Tabs.Panel>
            </Tabs>
          </Stack>
        );
      }}
    </Loaded>
  );
}
