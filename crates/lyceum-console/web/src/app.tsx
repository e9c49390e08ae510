// The routes and the frame around them.
import { ActionIcon, Anchor, AppShell, Box, Burger, Button, Group, Loader, NavLink, Text, useMantineColorScheme } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { lazy, type ReactNode, Suspense } from "react";
import { Link, Redirect, Route, Router, Switch, useLocation } from "wouter";
import { Home } from "./pages/home";
import { SignIn } from "./pages/sign-in";
import { SignedIn, useSession } from "./session";

const Workspace = lazy(() => import("./pages/workspace/index"));
const Datasets = lazy(() => import("./pages/datasets/index"));
const Audit = lazy(() => import("./pages/audit/index"));

export function App(): ReactNode {
  return (
    <Router base="/console">
      <SignedIn signIn={(enter) => <SignIn enter={enter} />}>
        <Frame>
          <Suspense fallback={<Waiting />}>
            <Switch>
              <Route path="/" component={Home} />
              <Route path="/workspaces/:name/*?">{(p) => <Workspace name={p.name} />}</Route>
              <Route path="/datasets/*?"><Datasets /></Route>
              <Route path="/audit"><Audit /></Route>
              <Route><Redirect to="/" /></Route>
            </Switch>
          </Suspense>
        </Frame>
      </SignedIn>
    </Router>
  );
}

function Waiting(): ReactNode {
  return <Group justify="center" p="xl" role="status"><Loader aria-hidden /><Text>Loading</Text></Group>;
}

function Frame(props: { children: ReactNode }): ReactNode {
  const { me, signOut } = useSession();
  const [open, { toggle, close }] = useDisclosure();
  const [location] = useLocation();
  const item = (to: string, label: string) => (
    <NavLink component={Link} href={to} label={label} onClick={close}
      active={to === "/" ? location === "/" : location.startsWith(to)} aria-current={location === to ? "page" : undefined} />
  );
  return (
    <AppShell header={{ height: 56 }} navbar={{ width: 220, breakpoint: "sm", collapsed: { mobile: !open } }} padding="md">
      <AppShell.Header>
        <Group h="100%" px="md" justify="space-between" wrap="nowrap">
          <Group gap="sm" wrap="nowrap">
            <Burger opened={open} onClick={toggle} hiddenFrom="sm" size="sm" aria-label="Navigation" aria-expanded={open} />
            <Anchor component={Link} href="/" fw={700} fz="lg" c="inherit" underline="never">Lyceum</Anchor>
          </Group>
          <Group gap="xs" wrap="nowrap">
            <Text size="sm" visibleFrom="xs">{me.user.name} · {me.user.organisation}</Text>
            <Scheme />
            <Button variant="default" size="xs" onClick={signOut}>Sign out</Button>
          </Group>
        </Group>
      </AppShell.Header>
      <AppShell.Navbar p="xs" aria-label="Sections">
        {item("/", "Workspaces")}
        {me.workspaces.map((w) => (
          <Box key={w.workspace} pl="sm">{item(`/workspaces/${w.workspace}`, w.workspace)}</Box>
        ))}
        {me.user.role === "partner" && item("/datasets", "Datasets")}
        {item("/audit", "Audit log")}
      </AppShell.Navbar>
      <AppShell.Main>{props.children}</AppShell.Main>
    </AppShell>
  );
}

function Scheme(): ReactNode {
  const { colorScheme, toggleColorScheme } = useMantineColorScheme();
  return (
    <ActionIcon variant="default" onClick={toggleColorScheme} aria-label={`Colours: ${colorScheme}. Change`}>
      <svg width="16" height="16" viewBox="0 0 16 16" aria-hidden="true"><path d="M8 1a7 7 0 1 0 0 14V1z" fill="currentColor" /><circle cx="8" cy="8" r="6.5" fill="none" stroke="currentColor" /></svg>
    </ActionIcon>
  );
}
