// The whole check over a log in memory: it passes as it is, and names what was tampered with.
import { describe, expect, test } from "vitest";
import { fromBase64 } from "../src/verify/bytes";
import { type Saved, type Source, type Verified, verifyLog } from "../src/verify/log";
import { openCheckpoint, parseKey } from "../src/verify/note";
import { vectors } from "./vectors";

const log = parseKey(vectors.log_key);

function source(change: Partial<{ checkpoint: string; tiles: Record<string, Uint8Array>; rho: number }> = {}): Source {
  return {
    checkpoint: async () => change.checkpoint ?? vectors.checkpoints.at(-1)!,
    tile: async (path) => {
      const bytes = change.tiles?.[path] ?? fromBase64(vectors.entry_tiles[path] ?? "");
      if (bytes.length === 0) throw new Error(`no tile ${path}`);
      return bytes;
    },
    claims: async () => ({
      ...vectors.claims,
      accounts: vectors.claims.accounts.map((a) => ({ ...a, rho: a.rho + (change.rho ?? 0) })),
    }),
  };
}

const failures = (v: Verified): string[] => v.checks.filter((c) => !c.ok).map((c) => c.what);

const saved = (at: number): Saved => {
  const checkpoint = openCheckpoint(vectors.checkpoints[at]!, log);
  return { size: checkpoint.size.toString(), root: btoa(String.fromCharCode(...checkpoint.root)) };
};

describe("an honest log", () => {
  test("passes, and says what to save", async () => {
    const verified = await verifyLog(source(), log, [], undefined);
    expect(failures(verified)).toEqual([]);
    expect(verified.save?.size).toBe(String(vectors.size));
    expect(verified.replay.charged).toBe(75);
    expect(verified.replay.answered + verified.replay.failed).toBe(75);
  });

  test("is consistent with every checkpoint saved before", async () => {
    for (const at of vectors.checkpoints.keys()) {
      expect(failures(await verifyLog(source(), log, [], saved(at)))).toEqual([]);
    }
  });
});

describe("a dishonest server", () => {
  test("that changed an entry is caught", async () => {
    const path = Object.keys(vectors.entry_tiles).find((p) => !p.includes(".p/"))!;
    const tile = fromBase64(vectors.entry_tiles[path]!);
    // A digit of a price, so that the entry is still an event.
    const at = new TextDecoder("latin1").decode(tile).indexOf('"rho":5') + 6;
    const tiles = { [path]: tile.map((b, i) => (i === at ? "4".charCodeAt(0) : b)) };
    const verified = await verifyLog(source({ tiles }), log, [], undefined);
    expect(failures(verified).join()).toContain("do not lead to the signed root");
    expect(verified.save).toBeUndefined();
  });

  test("that forked the log since last time is caught", async () => {
    const fork = { ...saved(2), root: saved(1).root };
    expect(failures(await verifyLog(source(), log, [], fork)).join()).toContain("rolled back or forked");
  });

  test("that rolled the log back is caught", async () => {
    const at = 0;
    const old = openCheckpoint(vectors.checkpoints[at]!, log);
    const path = `tile/entries/000.p/${old.size}`;
    const rolled = source({ checkpoint: vectors.checkpoints[at]! });
    expect(vectors.entry_tiles[path]).toBeDefined();
    expect(failures(await verifyLog(rolled, log, [], saved(3))).join()).toContain("rolled back or forked");
  });

  test("whose figures are not those of the log is caught", async () => {
    const verified = await verifyLog(source({ rho: -1 }), log, [], undefined);
    expect(failures(verified)).toHaveLength(4);
    expect(failures(verified)[0]).toContain("the log says");
  });

  test("whose checkpoint nobody signed is caught", async () => {
    const forged = vectors.checkpoints.at(-1)!.replace(`\n${vectors.size}\n`, `\n${vectors.size - 1}\n`);
    await expect(verifyLog(source({ checkpoint: forged }), log, [], undefined)).rejects.toThrow("does not verify");
  });
});
