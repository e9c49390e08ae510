// Signed notes (C2SP signed-note) and the checkpoints in them (C2SP tlog-checkpoint). Ed25519 over the text (type 0x01)
// for logs, timestamped cosignatures (cosignature/v1, type 0x04) for witnesses. Lines of unknown keys are ignored; a
// line of a known key that doesn't verify rejects the note.
import { verify } from "@noble/ed25519";
import { hashes } from "@noble/ed25519";
import { sha256, sha512 } from "@noble/hashes/sha2.js";
import { concat, equal, fromBase64, fromHex, toBase64, utf8 } from "./bytes";
import type { Hash } from "./merkle";

hashes.sha512 = sha512;

export interface VerifierKey {
  name: string;
  kind: 1 | 4;
  id: Uint8Array;
  key: Uint8Array;
}

export interface Checkpoint {
  origin: string;
  size: bigint;
  root: Hash;
}

/** What a note's signatures prove: who of the known keys signed, and when (witnesses only, in seconds). */
export interface Signed {
  name: string;
  time?: bigint;
}

/** Reads `name+hash+key`. */
export function parseKey(line: string): VerifierKey {
  const [name, id, key, ...more] = line.trim().split("+").length >= 3 ? splitKey(line.trim()) : [];
  if (!name || !id || !key || more.length || /\s/.test(name)) throw new Error("not a verifier key");
  const bytes = fromBase64(key);
  const kind = bytes[0];
  if ((kind !== 1 && kind !== 4) || bytes.length !== 33) throw new Error("not an Ed25519 verifier key");
  const parsed = { name, kind, id: fromHex(id), key: bytes.slice(1) } as const;
  if (!equal(parsed.id, keyId(name, kind, parsed.key))) throw new Error("the key's id is not of this key");
  return parsed;
}

// Base64 may hold '+', names and ids may not: the first two separate.
function splitKey(line: string): string[] {
  const first = line.indexOf("+");
  const second = line.indexOf("+", first + 1);
  return [line.slice(0, first), line.slice(first + 1, second), line.slice(second + 1)];
}

function keyId(name: string, kind: number, key: Uint8Array): Uint8Array {
  return sha256(concat(utf8(`${name}\n`), Uint8Array.of(kind), key)).slice(0, 4);
}

/** Splits a note into its text (with the last newline) and its signature lines. */
export function parseNote(note: string): { body: string; lines: { name: string; signature: Uint8Array }[] } {
  const at = note.lastIndexOf("\n\n");
  if (at < 0 || !note.endsWith("\n")) throw new Error("not a signed note");
  const body = note.slice(0, at + 1);
  const lines = note.slice(at + 2, -1).split("\n").map((line) => {
    const match = /^— ([^\s+]+) ([A-Za-z0-9+/]+={0,2})$/.exec(line);
    if (!match?.[1] || !match[2]) throw new Error("a signature line is not well formed");
    return { name: match[1], signature: fromBase64(match[2]) };
  });
  return { body, lines };
}

/** Checks the signatures of the keys that are known. */
export function verifyNote(note: string, keys: VerifierKey[]): { body: string; signed: Signed[] } {
  const { body, lines } = parseNote(note);
  const signed: Signed[] = [];
  for (const line of lines) {
    const key = keys.find((k) => k.name === line.name && equal(k.id, line.signature.slice(0, 4)));
    if (!key) continue;
    const rest = line.signature.slice(4);
    const time = key.kind === 4 ? new DataView(rest.buffer, rest.byteOffset, 8).getBigUint64(0) : undefined;
    const message = time === undefined ? body : `cosignature/v1\ntime ${time}\n${body}`;
    const signature = time === undefined ? rest : rest.slice(8);
    if (signature.length !== 64 || !verify(signature, utf8(message), key.key, { zip215: false })) {
      throw new Error(`the signature of ${key.name} does not verify`);
    }
    signed.push(time === undefined ? { name: key.name } : { name: key.name, time });
  }
  return { body, signed };
}

/** A checkpoint that the log's key signed. */
export function openCheckpoint(note: string, log: VerifierKey, witnesses: VerifierKey[] = []): Checkpoint & { signed: Signed[] } {
  const { body, signed } = verifyNote(note, [log, ...witnesses]);
  const [origin, size, root] = body.split("\n");
  if (!signed.some((s) => s.name === log.name)) throw new Error(`not signed by ${log.name}`);
  if (origin !== log.name) throw new Error(`this is a checkpoint of ${origin}, not of ${log.name}`);
  if (!size || !/^(0|[1-9][0-9]*)$/.test(size) || !root) throw new Error("not a checkpoint");
  const hash = fromBase64(root);
  if (hash.length !== 32) throw new Error("a root has 32 bytes");
  return { origin, size: BigInt(size), root: hash, signed };
}

export const showHash = (hash: Hash): string => toBase64(hash);
