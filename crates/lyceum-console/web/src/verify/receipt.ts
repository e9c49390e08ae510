// Receipts (C2SP tlog-proof): the proof that one event is in the log. The leaf is hashed from the event itself, so a
// changed event doesn't lead to the signed root.
import { fromBase64, text } from "./bytes";
import { type Hash, leafHash, verifyInclusion } from "./merkle";
import { type Checkpoint, openCheckpoint, type Signed, type VerifierKey } from "./note";
import { type LogEvent, parseEvent } from "./event";

export interface Proved {
  event: LogEvent;
  index: bigint;
  checkpoint: Checkpoint & { signed: Signed[] };
}

export function verifyReceipt(receipt: string, log: VerifierKey, witnesses: VerifierKey[] = []): Proved {
  const end = receipt.indexOf("\n\n");
  const [header, extra, position, ...siblings] = receipt.slice(0, Math.max(end, 0)).split("\n");
  if (header !== "c2sp.org/tlog-proof@v1") throw new Error("not a receipt");
  if (!extra?.startsWith("extra ")) throw new Error("the receipt does not hold its event");
  const match = /^index (0|[1-9][0-9]*)$/.exec(position ?? "");
  if (!match?.[1]) throw new Error("the receipt has no index");
  const entry = fromBase64(extra.slice("extra ".length));
  const index = BigInt(match[1]);
  const proof: Hash[] = siblings.map(fromBase64);
  const checkpoint = openCheckpoint(receipt.slice(end + 2), log, witnesses);
  if (!verifyInclusion(leafHash(entry), index, checkpoint.size, proof, checkpoint.root)) {
    throw new Error(`entry ${index} does not lead to the signed root`);
  }
  return { event: parseEvent(text(entry)), index, checkpoint };
}
