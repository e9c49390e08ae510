// Who is signed in. The token lives in this tab's session storage only and is gone when the tab is closed.
import { createContext, type ReactNode, useCallback, useContext, useMemo, useState } from "react";
import { useQueryClient } from "@tanstack/react-query";
import { Client } from "./api/client";
import type { WhoAmI } from "./api/types";

export interface Session {
  client: Client;
  me: WhoAmI;
  signOut: () => void;
}

const KEY = "lyceum.token";
const Context = createContext<Session | undefined>(undefined);

export function useSession(): Session {
  const session = useContext(Context);
  if (!session) throw new Error("invariant: below <SignedIn>");
  return session;
}

export const savedToken = (): string | null => sessionStorage.getItem(KEY);

/** Shows `signIn` until somebody has signed in. */
export function SignedIn(props: {
  signIn: (enter: (token: string, me: WhoAmI) => void) => ReactNode;
  children: ReactNode;
}): ReactNode {
  const [who, setWho] = useState<{ token: string; me: WhoAmI }>();
  const queries = useQueryClient();
  const enter = useCallback((token: string, me: WhoAmI) => {
    sessionStorage.setItem(KEY, token);
    setWho({ token, me });
  }, []);
  const session = useMemo<Session | undefined>(() => who && {
    client: new Client(who.token),
    me: who.me,
    signOut: () => {
      sessionStorage.removeItem(KEY);
      queries.clear();
      setWho(undefined);
    },
  }, [who, queries]);
  if (!session) return props.signIn(enter);
  return <Context.Provider value={session}>{props.children}</Context.Provider>;
}
