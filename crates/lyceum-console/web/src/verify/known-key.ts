// The log's key as this browser knows it: the first one seen is kept, and another one later is an error, not an update.
import { useQuery, type UseQueryResult } from "@tanstack/react-query";
import type { Client } from "../api/client";
import { parseKey, type VerifierKey } from "./note";

const KEY = "lyceum.log-key";

export interface KnownKey {
  line: string;
  key: VerifierKey;
  /** Whether this browser saw it for the first time just now. */
  first: boolean;
}

export function rememberKey(line: string, kept: Pick<Storage, "getItem" | "setItem">): KnownKey {
  const served = line.trim();
  const key = parseKey(served);
  const known = kept.getItem(KEY);
  if (known !== null && known !== served) {
    throw new Error(`the server presents another log key than before: ${key.name}. Ask its operator, by another way, why.`);
  }
  if (known === null) kept.setItem(KEY, served);
  return { line: served, key, first: known === null };
}

export function useLogKey(client: Client): UseQueryResult<KnownKey> {
  return useQuery({
    queryKey: ["log-key"],
    staleTime: Number.POSITIVE_INFINITY,
    retry: false,
    queryFn: async () => rememberKey(await client.text("/v1/audit/vkey"), localStorage),
  });
}
