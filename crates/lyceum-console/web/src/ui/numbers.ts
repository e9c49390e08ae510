// Numbers for people: as many digits as their interval supports, shares in percent, times in the reader's zone.
import type { Interval } from "../api/types";

const plain = new Intl.NumberFormat("en-US", { maximumFractionDigits: 6 });

export const percent = (share: number): string =>
  `${new Intl.NumberFormat("en-US", { maximumSignificantDigits: share < 0.1 ? 2 : 3 }).format(share * 100)} %`;

export const count = (n: number): string => plain.format(n);

/** Decimals that an interval of this half-width supports: two significant digits of it. */
export function decimalsFor(halfWidth: number): number {
  if (!(halfWidth > 0) || !Number.isFinite(halfWidth)) return 6;
  return Math.min(8, Math.max(0, 1 - Math.floor(Math.log10(halfWidth))));
}

export const fixed = (value: number, decimals: number): string =>
  new Intl.NumberFormat("en-US", { minimumFractionDigits: decimals, maximumFractionDigits: decimals }).format(value);

export interface Shown {
  value: string;
  spread?: string;
}

/** A value with its interval: `21,310 ± 61`, or both ends if they are not symmetric. */
export function withInterval(value: number, interval: Interval): Shown {
  const up = interval.high - value;
  const down = value - interval.low;
  const half = (interval.high - interval.low) / 2;
  const decimals = decimalsFor(half);
  const symmetric = Math.abs(up - down) <= 0.05 * (Math.abs(up) + Math.abs(down) + 1e-300);
  const spread = symmetric
    ? `± ${fixed(half, decimals)}`
    : `${fixed(interval.low, decimals)} to ${fixed(interval.high, decimals)}`;
  return { value: fixed(value, decimals), spread };
}

export function showValue(value: unknown, interval: Interval | null | undefined): Shown {
  if (value === null || value === undefined) return { value: "–" };
  if (typeof value === "number") return interval ? withInterval(value, interval) : { value: plain.format(value) };
  if (typeof value === "boolean") return { value: value ? "true" : "false" };
  if (typeof value === "object") return { value: JSON.stringify(value) };
  return { value: String(value) };
}

export const when = (time: string | number): string =>
  new Date(time).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });

export const bytes = (n: number): string => {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let value = n;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${value.toFixed(unit === 0 ? 0 : 1)} ${units[unit]}`;
};
