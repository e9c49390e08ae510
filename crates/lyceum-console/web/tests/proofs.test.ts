// Proofs, signatures and receipts: accepted as the Rust code makes them, refused when anything is changed.
import { describe, expect, test } from "vitest";
import { fromBase64, toBase64 } from "../src/verify/bytes";
import { verifyConsistency, verifyInclusion } from "../src/verify/merkle";
import { openCheckpoint, parseKey } from "../src/verify/note";
import { verifyReceipt } from "../src/verify/receipt";
import { rememberKey } from "../src/verify/known-key";
import { vectors } from "./vectors";

const log = parseKey(vectors.log_key);
const size = BigInt(vectors.size);
const root = fromBase64(vectors.root);
const flipped = (bytes: Uint8Array): Uint8Array => bytes.map((b, i) => (i === 7 ? b ^ 1 : b));

describe("inclusion", () => {
  test.each(vectors.inclusion)("entry $index", ({ index, leaf, proof }) => {
    const hashes = proof.map(fromBase64);
    const at = BigInt(index);
    expect(verifyInclusion(fromBase64(leaf), at, size, hashes, root)).toBe(true);
    expect(verifyInclusion(flipped(fromBase64(leaf)), at, size, hashes, root)).toBe(false);
    expect(verifyInclusion(fromBase64(leaf), at + 1n, size, hashes, root)).toBe(false);
    expect(verifyInclusion(fromBase64(leaf), at, size, hashes.slice(1), root)).toBe(false);
    expect(verifyInclusion(fromBase64(leaf), at, size, [...hashes, root], root)).toBe(false);
    expect(verifyInclusion(fromBase64(leaf), at, size, hashes.map((h, i) => (i ? h : flipped(h))), root)).toBe(false);
  });
});

describe("consistency", () => {
  test.each(vectors.consistency)("from $size entries", ({ size: old, root: oldRoot, proof }) => {
    const hashes = proof.map(fromBase64);
    const from = fromBase64(oldRoot);
    expect(verifyConsistency(BigInt(old), from, size, root, hashes)).toBe(true);
    expect(verifyConsistency(BigInt(old), flipped(from), size, root, hashes)).toBe(false);
    expect(verifyConsistency(BigInt(old), from, size, flipped(root), hashes)).toBe(false);
    expect(verifyConsistency(size + 1n, from, size, root, hashes)).toBe(false);
    expect(verifyConsistency(BigInt(old), from, size, root, [...hashes, root])).toBe(false);
  });
});

describe("checkpoints", () => {
  test("are those of the log", () => {
    const newest = openCheckpoint(vectors.checkpoints.at(-1)!, log);
    expect(newest.size).toBe(size);
    expect(toBase64(newest.root)).toBe(vectors.root);
  });

  test("name their witnesses", () => {
    const { signed } = openCheckpoint(vectors.cosigned_checkpoint, log, [parseKey(vectors.witness_key)]);
    expect(signed).toEqual([{ name: log.name }, { name: "witness.example", time: BigInt(vectors.witness_time) }]);
  });

  test("are refused with any changed character", () => {
    const good = vectors.cosigned_checkpoint;
    const witness = parseKey(vectors.witness_key);
    for (let at = 0; at < good.length; at += 3) {
      if (good[at] === "—") continue;
      const changed = good.slice(0, at) + (good[at] === "B" ? "C" : "B") + good.slice(at + 1);
      const open = () => {
        const { signed } = openCheckpoint(changed, log, [witness]);
        // A line whose name or key id was changed is somebody unknown: ignored, so one signer is missing.
        if (signed.length < 2) throw new Error("a signature is missing");
      };
      expect(open, `character ${at}`).toThrow();
    }
  });

  test("of another key are refused", () => {
    expect(() => openCheckpoint(vectors.checkpoints[0]!, parseKey(vectors.witness_key))).toThrow();
  });
});

describe("receipts", () => {
  test.each(vectors.receipts)("of entry $index", ({ index, text }) => {
    expect(verifyReceipt(text, log).index).toBe(BigInt(index));
  });

  test("are refused with any changed character", () => {
    const good = vectors.receipts[1]!.text;
    for (let at = 0; at < good.length; at += 5) {
      if (good[at] === "—") continue;
      const changed = good.slice(0, at) + (good[at] === "B" ? "C" : "B") + good.slice(at + 1);
      expect(() => verifyReceipt(changed, log), `character ${at}`).toThrow();
    }
  });
});

describe("the log's key", () => {
  test("is kept, and another one later is refused", () => {
    const kept = new Map<string, string>();
    const storage = { getItem: (k: string) => kept.get(k) ?? null, setItem: (k: string, v: string) => void kept.set(k, v) };
    expect(rememberKey(vectors.log_key, storage).first).toBe(true);
    expect(rememberKey(`${vectors.log_key}\n`, storage).first).toBe(false);
    expect(() => rememberKey(vectors.witness_key, storage)).toThrow("another log key");
  });

  test("must be well formed", () => {
    for (const bad of ["", "a+b", vectors.log_key.slice(0, -4), vectors.log_key.replace("lyceum", "lyceun")]) {
      expect(() => parseKey(bad), bad).toThrow();
    }
  });
});
