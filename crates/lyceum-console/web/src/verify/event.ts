// Events as the log has them. Only what is recomputed here is typed; the rest is shown as it stands.

export interface Debit {
  account: "root" | "owner" | "workspace" | "researcher";
  population: string;
  owner?: string;
  workspace?: string;
  user?: string;
  epochs?: unknown;
  cap_rho: number;
  cap_delta: number;
}

export interface LogEvent {
  v: number;
  /** Microseconds since the epoch. */
  time: number;
  type: string;
  actor?: string;
  workspace?: string;
  [field: string]: unknown;
}

export interface Charged extends LogEvent {
  type: "query.charged";
  query: string;
  charge: string;
  rho: number;
  delta: number;
  debits: Debit[];
}

export const isCharged = (event: LogEvent): event is Charged => event.type === "query.charged";

export function parseEvent(json: string): LogEvent {
  const event: unknown = JSON.parse(json);
  if (typeof event !== "object" || event === null) throw new Error("an entry is not an event");
  const { v, time, type } = event as Partial<LogEvent>;
  if (v !== 1 || typeof time !== "number" || typeof type !== "string") throw new Error("an entry is not an event");
  return event as LogEvent;
}
