// What the log alone says: budgets recomputed from its charges, answers matched with them, approvals counted. Compared
// with the server's figures, which must be the same.
import { type Charged, isCharged, type LogEvent } from "./event";

export interface Spent {
  rho: bigint;
  delta: bigint;
  charges: number;
}

export interface Replayed {
  accounts: Map<string, Spent>;
  charged: number;
  answered: number;
  failed: number;
  repeated: number;
  derived: number;
  releases: number;
  /** What breaks the rules, with the entry it stands at. */
  violations: { entry: bigint; what: string }[];
}

/** One account of the server's claims. */
export interface Claimed {
  account: string;
  population: string;
  owner?: string;
  workspace?: string;
  user?: string;
  epoch?: unknown;
  rho: number;
  delta: number;
  charges: number;
}

export const accountKey = (a: Pick<Claimed, "account" | "population" | "owner" | "workspace" | "user">): string =>
  [a.account, a.population, a.owner ?? "", a.workspace ?? "", a.user ?? ""].join("/");

interface ReleaseLife {
  proposedBy: string | undefined;
  approvals: number;
  needed: number;
  by: Set<string>;
  active: boolean;
}

/** Replays entries in order. Epochs are counted by the command line; here accounts of such populations are left out. */
export class Replay implements Replayed {
  accounts = new Map<string, Spent>();
  charged = 0;
  answered = 0;
  failed = 0;
  repeated = 0;
  derived = 0;
  releases = 0;
  violations: { entry: bigint; what: string }[] = [];
  withEpochs = new Set<string>();
  private charges = new Map<string, "open" | "answered" | "failed">();
  private life = new Map<string, ReleaseLife>();

  add(entry: bigint, event: LogEvent): void {
    const broken = (what: string) => this.violations.push({ entry, what });
    const id = (field: string) => String(event[field]);
    if (isCharged(event)) {
      this.charge(entry, event, broken);
      return;
    }
    switch (event.type) {
      case "query.answered":
      case "query.failed": {
        const state = this.charges.get(id("charge"));
        if (state !== "open") broken(state ? `the charge ended twice` : "an answer without a charge");
        const ended = event.type === "query.answered" ? "answered" : "failed";
        this.charges.set(id("charge"), ended);
        this[ended] += 1;
        break;
      }
      case "query.repeated":
        this.repeated += 1;
        if (this.charges.get(id("charge")) !== "answered") broken("a repeat of something that was not answered");
        break;
      case "query.derived":
        this.derived += 1;
        for (const charge of (event.charges as string[] | undefined) ?? []) {
          if (this.charges.get(charge) !== "answered") broken("derived from something that was not answered");
        }
        break;
      case "release.proposed":
        this.releases += 1;
        this.life.set(id("release"), {
          proposedBy: event.actor,
          approvals: 0,
          needed: Number(event.approvals ?? 1),
          by: new Set(),
          active: false,
        });
        break;
      case "release.approved":
        this.approve(event, broken);
        break;
      case "release.reported": {
        const life = this.life.get(id("release"));
        if (!life) broken("a report on a release that was never proposed");
        else if (event.active === true) {
          if (life.needed > 0) broken("active without all approvals");
          life.active = true;
        }
        break;
      }
      case "release.paused":
      case "release.revoked":
      case "release.rejected":
      case "release.expired":
      case "release.failed":
      case "release.resumed": {
        const life = this.life.get(id("release"));
        if (!life) broken("a release that was never proposed");
        else life.active = event.type === "release.resumed";
        break;
      }
    }
  }

  private approve(event: LogEvent, broken: (what: string) => void): void {
    const life = this.life.get(String(event.release));
    if (!life) return broken("an approval of a release that was never proposed");
    if (!event.actor || event.actor === life.proposedBy) broken("somebody approved what they proposed");
    if (event.actor && life.by.has(event.actor)) broken("somebody approved twice");
    if (event.actor) life.by.add(event.actor);
    life.approvals += 1;
    if (event.active === true) {
      if (life.approvals < life.needed) broken("active without all approvals");
      life.active = true;
    }
  }

  private charge(_entry: bigint, event: Charged, broken: (what: string) => void): void {
    if (this.charges.has(event.charge)) broken("one charge twice");
    this.charges.set(event.charge, "open");
    this.charged += 1;
    for (const release of (event.releases as string[] | undefined) ?? []) {
      if (!this.life.get(release)?.active) broken("a charge over a release that is not active");
    }
    const seen = new Set<string>();
    for (const debit of event.debits) {
      const key = accountKey(debit);
      if (seen.has(key)) broken("an account debited twice by one charge");
      seen.add(key);
      if (debit.epochs !== undefined) {
        this.withEpochs.add(debit.population);
        continue;
      }
      const spent = this.accounts.get(key) ?? { rho: 0n, delta: 0n, charges: 0 };
      spent.rho += BigInt(event.rho);
      spent.delta += BigInt(event.delta);
      spent.charges += 1;
      if (spent.rho > BigInt(debit.cap_rho) || spent.delta > BigInt(debit.cap_delta)) broken("an account over its cap");
      this.accounts.set(key, spent);
    }
    for (const kind of ["root", "owner", "workspace", "researcher"]) {
      if (!event.debits.some((d) => d.account === kind)) broken(`no ${kind} account was debited`);
    }
  }

  /** Differences between the server's figures and the recomputed ones. */
  differences(claims: Claimed[]): string[] {
    const found: string[] = [];
    const claimed = new Set<string>();
    for (const claim of claims) {
      if (claim.epoch !== undefined) continue;
      const key = accountKey(claim);
      claimed.add(key);
      const spent = this.accounts.get(key);
      if (!spent) found.push(`the server claims a ${claim.account} account that the log never debits`);
      else if (spent.rho !== BigInt(claim.rho) || spent.delta !== BigInt(claim.delta) || spent.charges !== claim.charges) {
        found.push(`the ${claim.account} account: the log says ρ ${spent.rho}, the server ${claim.rho}`);
      }
    }
    for (const key of this.accounts.keys()) {
      if (!claimed.has(key)) found.push(`the log debits a ${key.split("/")[0]} account that the server doesn't claim`);
    }
    return found;
  }
}
