// The Merkle tree of RFC 6962 with SHA-256: hashes, roots, inclusion and consistency proofs (RFC 9162 §2.1.3.2 and
// §2.1.4.2). Sizes and indexes are bigints: a log may have more entries than a double can count.
import { sha256 } from "@noble/hashes/sha2.js";
import { concat, equal } from "./bytes";

export type Hash = Uint8Array;

export const leafHash = (entry: Uint8Array): Hash => sha256(concat(Uint8Array.of(0), entry));
export const nodeHash = (left: Hash, right: Hash): Hash => sha256(concat(Uint8Array.of(1), left, right));
export const emptyRoot = (): Hash => sha256(new Uint8Array());

/** The right edge of a growing tree: complete subtrees, largest first. */
export class Frontier {
  size = 0n;
  private subtrees: Hash[] = [];

  push(leaf: Hash): void {
    let hash = leaf;
    for (let rest = this.size; rest & 1n; rest >>= 1n) {
      const left = this.subtrees.pop();
      if (left) hash = nodeHash(left, hash);
    }
    this.subtrees.push(hash);
    this.size += 1n;
  }

  root(): Hash {
    return this.subtrees.reduceRight<Hash | undefined>(
      (right, left) => (right ? nodeHash(left, right) : left),
      undefined,
    ) ?? emptyRoot();
  }
}

export function rootOf(leaves: Iterable<Hash>): Hash {
  const frontier = new Frontier();
  for (const leaf of leaves) frontier.push(leaf);
  return frontier.root();
}

/** Whether `leaf` is entry `index` of the tree of `size` entries with this root. */
export function verifyInclusion(leaf: Hash, index: bigint, size: bigint, proof: Hash[], root: Hash): boolean {
  if (index < 0n || index >= size) return false;
  let fn = index;
  let sn = size - 1n;
  let hash = leaf;
  for (const sibling of proof) {
    if (sn === 0n) return false;
    if (fn & 1n || fn === sn) {
      hash = nodeHash(sibling, hash);
      while (!(fn & 1n) && fn !== 0n) {
        fn >>= 1n;
        sn >>= 1n;
      }
    } else {
      hash = nodeHash(hash, sibling);
    }
    fn >>= 1n;
    sn >>= 1n;
  }
  return sn === 0n && equal(hash, root);
}

/** Whether the tree (size, root) extends the tree (oldSize, oldRoot). */
export function verifyConsistency(
  oldSize: bigint,
  oldRoot: Hash,
  size: bigint,
  root: Hash,
  proof: Hash[],
): boolean {
  if (oldSize > size) return false;
  if (oldSize === size) return proof.length === 0 && equal(oldRoot, root);
  if (oldSize === 0n) return proof.length === 0;
  let path = proof;
  if ((oldSize & (oldSize - 1n)) === 0n) path = [oldRoot, ...proof];
  const first = path[0];
  if (!first) return false;
  let fn = oldSize - 1n;
  let sn = size - 1n;
  while (fn & 1n) {
    fn >>= 1n;
    sn >>= 1n;
  }
  let fr = first;
  let sr = first;
  for (const c of path.slice(1)) {
    if (sn === 0n) return false;
    if (fn & 1n || fn === sn) {
      fr = nodeHash(c, fr);
      sr = nodeHash(c, sr);
      while (!(fn & 1n) && fn !== 0n) {
        fn >>= 1n;
        sn >>= 1n;
      }
    } else {
      sr = nodeHash(sr, c);
    }
    fn >>= 1n;
    sn >>= 1n;
  }
  return sn === 0n && equal(fr, oldRoot) && equal(sr, root);
}
