// The vectors that the Rust code is tested with, too.
import { readFileSync } from "node:fs";

export interface Vectors {
  log_key: string;
  witness_key: string;
  witness_time: number;
  size: number;
  root: string;
  checkpoints: string[];
  cosigned_checkpoint: string;
  inclusion: { index: number; leaf: string; proof: string[] }[];
  consistency: { size: number; root: string; proof: string[] }[];
  receipts: { index: number; text: string }[];
  entry_tiles: Record<string, string>;
  claims: { size: number; accounts: import("../src/verify/replay").Claimed[] };
}

const file = new URL("../../../lyceum-audit/tests/vectors/log.json", import.meta.url);
export const vectors = JSON.parse(readFileSync(file, "utf8")) as Vectors;
