// Tiles (C2SP tlog-tiles, height 8): their paths, and the entries in them.

export const TILE_WIDTH = 256n;

/** The path of entry tile `index` in a log of `size` entries; undefined beyond its end. */
export function entryTile(index: bigint, size: bigint): string | undefined {
  const width = size - index * TILE_WIDTH;
  if (width <= 0n) return undefined;
  return `tile/entries/${spell(index)}${width >= TILE_WIDTH ? "" : `.p/${width}`}`;
}

function spell(index: bigint): string {
  const groups = [index % 1000n];
  for (let rest = index / 1000n; rest > 0n; rest /= 1000n) groups.unshift(rest % 1000n);
  return groups.map((g, i) => `${i < groups.length - 1 ? "x" : ""}${g.toString().padStart(3, "0")}`).join("/");
}

/** The entries of an entry tile: each after its length as two bytes, big-endian. */
export function readEntries(bundle: Uint8Array, width: number): Uint8Array[] {
  const entries: Uint8Array[] = [];
  let at = 0;
  while (at < bundle.length) {
    const high = bundle[at];
    const low = bundle[at + 1];
    if (high === undefined || low === undefined) throw new Error("an entry tile broke off");
    const end = at + 2 + high * 256 + low;
    if (end > bundle.length) throw new Error("an entry tile broke off");
    entries.push(bundle.slice(at + 2, end));
    at = end;
  }
  if (entries.length !== width) throw new Error(`an entry tile has ${entries.length} entries, not ${width}`);
  return entries;
}
