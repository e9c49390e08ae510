// The reviewer's check, in the order in which it is convincing: the checkpoint's signature, consistency with the
// checkpoint that this browser saved last time, every entry against the signed root, then everything recomputed.
// Nothing here believes the server: it only supplies bytes.
import { text, toBase64 } from "./bytes";
import { parseEvent, type LogEvent } from "./event";
import { Frontier, leafHash } from "./merkle";
import { type Checkpoint, openCheckpoint, type Signed, type VerifierKey } from "./note";
import { type Claimed, Replay } from "./replay";
import { entryTile, readEntries, TILE_WIDTH } from "./tile";

/** Where bytes come from. */
export interface Source {
  checkpoint(): Promise<string>;
  tile(path: string): Promise<Uint8Array>;
  claims(): Promise<{ size: number; accounts: Claimed[] }>;
}

/** A checkpoint that was believed before. */
export interface Saved {
  size: string;
  root: string;
}

export interface Check {
  ok: boolean;
  what: string;
}

export interface Verified {
  checkpoint: Checkpoint & { signed: Signed[] };
  checks: Check[];
  replay: Replay;
  events: { entry: bigint; event: LogEvent }[];
  /** What to save for next time; absent if something failed. */
  save?: Saved;
}

export async function verifyLog(
  source: Source,
  log: VerifierKey,
  witnesses: VerifierKey[],
  saved: Saved | undefined,
  progress: (done: bigint, of: bigint) => void = () => {},
): Promise<Verified> {
  const claims = await source.claims();
  const checkpoint = openCheckpoint(await source.checkpoint(), log, witnesses);
  const names = checkpoint.signed.filter((s) => s.name !== log.name).map((s) => s.name);
  const by = names.length ? ` and by ${names.join(", ")}` : "";
  const checks: Check[] = [{ ok: true, what: `${checkpoint.size} entries, signed by ${log.name}${by}` }];
  const replay = new Replay();
  const events: Verified["events"] = [];
  const frontier = new Frontier();
  const oldSize = saved ? BigInt(saved.size) : undefined;
  let oldRoot: string | undefined = oldSize === 0n ? saved?.root : undefined;
  for (let tile = 0n; tile * TILE_WIDTH < checkpoint.size; tile += 1n) {
    const path = entryTile(tile, checkpoint.size);
    if (!path) break;
    const left = checkpoint.size - tile * TILE_WIDTH;
    const width = Number(left < TILE_WIDTH ? left : TILE_WIDTH);
    for (const entry of readEntries(await source.tile(path), width)) {
      const event = parseEvent(text(entry));
      events.push({ entry: frontier.size, event });
      replay.add(frontier.size, event);
      frontier.push(leafHash(entry));
      if (frontier.size === oldSize) oldRoot = toBase64(frontier.root());
    }
    progress(frontier.size, checkpoint.size);
  }
  const signedRoot = toBase64(checkpoint.root);
  const rooted = toBase64(frontier.root()) === signedRoot;
  checks.push({
    ok: rooted,
    what: rooted ? "every entry leads to the signed root" : "the entries do not lead to the signed root: a copy was changed",
  });
  if (saved) {
    const consistent = oldRoot === saved.root;
    checks.push({
      ok: consistent,
      what: consistent
        ? `consistent with the checkpoint this browser saved (${saved.size} entries)`
        : `not an extension of the checkpoint this browser saved (${saved.size} entries): the log was rolled back or forked`,
    });
  }
  recomputed(replay, claims.accounts, BigInt(claims.size) === checkpoint.size, checks);
  const good = checks.every((c) => c.ok);
  const save = { size: checkpoint.size.toString(), root: signedRoot };
  return { checkpoint, checks, replay, events, ...(good ? { save } : {}) };
}

function recomputed(replay: Replay, claims: Claimed[], sameSize: boolean, checks: Check[]): void {
  const lines = [`${replay.charged} charges: ${replay.answered} answered, ${replay.failed} failed`];
  lines.push(`${replay.repeated} free repeats, ${replay.derived} computed from earlier answers`);
  checks.push({ ok: true, what: lines.join(" · ") });
  for (const violation of replay.violations.slice(0, 20)) {
    checks.push({ ok: false, what: `entry ${violation.entry}: ${violation.what}` });
  }
  if (replay.violations.length === 0) {
    checks.push({ ok: true, what: `releases: ${replay.releases}, none approved by who proposed it; no answer without a charge` });
  }
  const different = replay.differences(claims);
  if (different.length === 0) checks.push({ ok: true, what: "budgets recomputed: the server says the same" });
  // A charge between reading the figures and the checkpoint is no lie: ask again.
  else if (!sameSize) checks.push({ ok: true, what: "the log grew while it was read: budgets are compared next time" });
  else for (const line of different) checks.push({ ok: false, what: line });
}
