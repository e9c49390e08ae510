// The service's JSON, as `lyceum-schema`'s wire types spell it.

export type Role = "admin" | "partner" | "researcher" | "reviewer";
export type ReleaseKind = "mock" | "synthetic" | "anonymized" | "protected";
export type ReleaseState = "proposed" | "active" | "rejected" | "paused" | "expired" | "revoked" | "failed";

export interface List<T> { items: T[] }

export interface WhoAmI {
  user: { id: string; name: string; organisation: string; role: Role };
  token: string;
  workspaces: { workspace: string; role: Role }[];
}

export interface Workspace {
  id: string;
  name: string;
  purpose: string;
  role?: Role;
  members?: { user: string; organisation: string; role: Role }[];
}

export interface CatalogColumn {
  name: string;
  type: string;
  nullable: boolean;
  role: string;
  values?: unknown[];
  low?: unknown;
  high?: unknown;
  max_bytes?: number;
  unit_of_measure?: string;
  description: string;
}

export interface CatalogTable {
  schema: ReleaseKind;
  name: string;
  description: string;
  release: string;
  dataset: string;
  version: number;
  owner: string;
  privacy_unit: string;
  population?: string;
  max_rows_per_unit: number;
  columns: CatalogColumn[];
  policy: string[];
}

export interface Catalog { workspace: string; tables: CatalogTable[] }

export interface Price {
  rho: number;
  delta: number;
  share_of_budget: number;
  epsilon_alone: number;
  more_like_this: number;
}

export interface BudgetLeft {
  population: string;
  account: string;
  share: number;
  epsilon_cap: number;
  delta: string;
}

export interface Interval { low: number; high: number; confidence: number }

export interface AnswerColumn {
  name: string;
  type: string;
  role: "key" | "measure" | "derived" | "interval" | "no-interval" | "exact";
  has_interval: boolean;
  description: string;
}

export interface Answer {
  result: "answer";
  kind: "private" | "public";
  query?: string;
  charge?: string;
  columns: AnswerColumn[];
  rows: unknown[][];
  noise_intervals: (Interval | null)[][];
  estimate_intervals: (Interval | null)[][];
  other?: { values: unknown[]; noise_intervals: (Interval | null)[] };
  notes: string[];
  price?: Price;
  budget_left?: BudgetLeft;
  repeated: boolean;
  receipt?: { entry: number; text: string };
}

export interface CertificateNode { node: string; facts: string[]; inputs: CertificateNode[] }

export interface Explanation {
  result: "explanation";
  kind: "private" | "public";
  price?: Price;
  budget_left?: BudgetLeft;
  answered_before: boolean;
  columns: { name: string; half_width?: number; accuracy: string }[];
  certificate?: CertificateNode;
  notes: string[];
}

export interface HistoryEntry {
  query: string;
  charge: string;
  user: string;
  sql: string;
  rho: number;
  delta: number;
  state: "charged" | "answered" | "failed";
  time: string;
  entry: number;
}

export interface AccountBudget {
  account: "root" | "owner" | "workspace" | "researcher";
  label: string;
  share_spent: number;
  epsilon_cap: number;
  rho_spent: number;
  rho_cap: number;
  delta_spent: number;
  delta_cap: number;
  charges: number;
  epochs?: { first: string; last: string; touched: number; tightest: string };
}

export interface PopulationBudget {
  population: string;
  epsilon: string;
  delta: string;
  accounts: AccountBudget[];
}

export interface WorkspaceBudget { workspace: string; populations: PopulationBudget[] }

export interface Release {
  id: string;
  workspace: string;
  dataset: string;
  version: number;
  version_id: string;
  owner: string;
  kind: ReleaseKind;
  state: ReleaseState;
  purpose: string;
  tables: string[];
  proposed_by: string;
  approved_by: string[];
  approvals_needed: number;
  failures: number;
  created: string;
  expires?: string;
  policy: string;
  entry?: number;
}

export interface Dataset {
  id: string;
  name: string;
  title: string;
  owner: string;
  description: string;
  licence: string;
  tables: string[];
  manifest?: string;
}

export interface Version {
  id: string;
  dataset: string;
  number: number;
  state: "draft" | "published" | "abandoned";
  created: string;
  tables: { table: string; uploaded: boolean }[];
}

export interface ValidationReport {
  table: string;
  bytes: number;
  rows_in: number;
  rows_accepted: number;
  rows_rejected: number;
  rows_capped: number;
  rejections: { reason: string; explanation: string; column?: string; rows: number }[];
  corrections: { correction: string; explanation: string; column: string; values: number }[];
  dropped_identifiers: string[];
  ignored_columns: string[];
  notes: string[];
}

export interface Problem {
  type: string;
  title: string;
  status: number;
  detail: string;
  code: string;
  line?: number;
  column?: number;
  snippet?: string;
  reason?: string;
  fix?: string;
  findings?: string[];
  charged?: boolean;
  retry?: boolean;
  request?: string;
}
