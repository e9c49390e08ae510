// Sign-in with a personal token. The token is checked before it is kept.
import { Button, Card, Center, PasswordInput, Stack, Text, Title } from "@mantine/core";
import { type FormEvent, type ReactNode, useEffect, useRef, useState } from "react";
import { Client } from "../api/client";
import type { WhoAmI } from "../api/types";
import { savedToken } from "../session";
import { Failed, Loading } from "../ui/states";

export function SignIn(props: { enter: (token: string, me: WhoAmI) => void }): ReactNode {
  const [token, setToken] = useState("");
  const [busy, setBusy] = useState(savedToken() !== null);
  const [error, setError] = useState<unknown>();
  const resumed = useRef(false);

  const enter = async (secret: string) => {
    setBusy(true);
    setError(undefined);
    try {
      props.enter(secret, await new Client(secret).get<WhoAmI>("/v1/whoami"));
    } catch (refused) {
      setError(refused);
      setBusy(false);
    }
  };
  useEffect(() => {
    const saved = savedToken();
    if (saved && !resumed.current) {
      resumed.current = true;
      void enter(saved);
    }
  });
  if (busy) return <Loading what="your account" />;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (token.trim()) void enter(token.trim());
  };
  return (
    <Center component="main" mih="100vh" p="md">
      <Card withBorder padding="xl" maw={440} w="100%">
        <form onSubmit={submit}>
          <Stack>
            <Title order={1} size="h2">Lyceum</Title>
            <Text size="sm" c="dimmed">
              Research on data that never leaves its owner. Sign in with the token your administrator gave you; it is
              kept in this tab only.
            </Text>
            <PasswordInput label="Token" value={token} onChange={(e) => setToken(e.currentTarget.value)}
              autoComplete="off" spellCheck={false} data-autofocus required />
            {error !== undefined && <Failed error={error} />}
            <Button type="submit" disabled={!token.trim()}>Sign in</Button>
          </Stack>
        </form>
      </Card>
    </Center>
  );
}
