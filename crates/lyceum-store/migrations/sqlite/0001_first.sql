-- Everything the service remembers. Ids are UUIDv7 as 16 bytes, times are microseconds since the epoch, budgets are
-- integers (ρ in 1e-12, δ in 1e-18). Nothing here is ever counted from private rows but file sizes and reports,
-- which only owners see.

-- The log: one leaf per decision, release of data, or debit; written in the transaction it speaks of.
CREATE TABLE events (
    idx  INTEGER PRIMARY KEY NOT NULL CHECK (idx >= 0),
    leaf BLOB NOT NULL
) STRICT;

-- What stands beside the log under a salted hash.
CREATE TABLE artefacts (
    reference TEXT PRIMARY KEY NOT NULL,
    salt      BLOB NOT NULL CHECK (length(salt) = 32),
    kind      TEXT NOT NULL,
    content   BLOB NOT NULL
) STRICT;

CREATE TABLE users (
    id           BLOB PRIMARY KEY NOT NULL CHECK (length(id) = 16),
    name         TEXT NOT NULL UNIQUE,
    organisation TEXT NOT NULL,
    role         TEXT NOT NULL
) STRICT;

CREATE TABLE tokens (
    id      BLOB PRIMARY KEY NOT NULL CHECK (length(id) = 16),
    user_id BLOB NOT NULL REFERENCES users (id),
    hash    BLOB NOT NULL UNIQUE CHECK (length(hash) = 32),
    label   TEXT NOT NULL,
    created INTEGER NOT NULL,
    expires INTEGER,
    revoked INTEGER NOT NULL DEFAULT 0 CHECK (revoked IN (0, 1))
) STRICT;
CREATE INDEX tokens_of_user ON tokens (user_id);

CREATE TABLE workspaces (
    id      BLOB PRIMARY KEY NOT NULL CHECK (length(id) = 16),
    name    TEXT NOT NULL UNIQUE,
    purpose TEXT NOT NULL
) STRICT;

CREATE TABLE members (
    workspace_id BLOB NOT NULL REFERENCES workspaces (id),
    user_id      BLOB NOT NULL REFERENCES users (id),
    role         TEXT NOT NULL,
    PRIMARY KEY (workspace_id, user_id)
) STRICT;
CREATE INDEX members_of_user ON members (user_id);

CREATE TABLE populations (
    id               BLOB PRIMARY KEY NOT NULL CHECK (length(id) = 16),
    name             TEXT NOT NULL UNIQUE,
    organisation     TEXT NOT NULL,
    epsilon          TEXT NOT NULL,
    delta            TEXT NOT NULL,
    delta_conversion INTEGER NOT NULL CHECK (delta_conversion >= 0),
    declared_size    INTEGER NOT NULL CHECK (declared_size >= 0),
    cap_rho          INTEGER NOT NULL CHECK (cap_rho >= 0),
    cap_delta        INTEGER NOT NULL CHECK (cap_delta >= 0)
) STRICT;

-- Pseudonym keys, sealed under the master key.
CREATE TABLE population_keys (
    population_id BLOB PRIMARY KEY NOT NULL REFERENCES populations (id),
    sealed        BLOB NOT NULL
) STRICT;

CREATE TABLE datasets (
    id       BLOB PRIMARY KEY NOT NULL CHECK (length(id) = 16),
    name     TEXT NOT NULL UNIQUE,
    owner    TEXT NOT NULL,
    manifest TEXT NOT NULL
) STRICT;

CREATE TABLE versions (
    id         BLOB PRIMARY KEY NOT NULL CHECK (length(id) = 16),
    dataset_id BLOB NOT NULL REFERENCES datasets (id),
    number     INTEGER NOT NULL CHECK (number >= 1),
    state      TEXT NOT NULL,
    created    INTEGER NOT NULL,
    UNIQUE (dataset_id, number)
) STRICT;
CREATE INDEX versions_by_state ON versions (state);

-- files: JSON array, since unit bounds need all 64 bits.
CREATE TABLE version_tables (
    version_id    BLOB NOT NULL REFERENCES versions (id),
    name          TEXT NOT NULL,
    files         TEXT NOT NULL,
    report        TEXT NOT NULL,
    upload_sha256 BLOB NOT NULL CHECK (length(upload_sha256) = 32),
    PRIMARY KEY (version_id, name)
) STRICT;

CREATE TABLE releases (
    id           BLOB PRIMARY KEY NOT NULL CHECK (length(id) = 16),
    version_id   BLOB NOT NULL REFERENCES versions (id),
    workspace_id BLOB NOT NULL REFERENCES workspaces (id),
    kind         TEXT NOT NULL,
    policy       TEXT NOT NULL,
    state        TEXT NOT NULL,
    proposed_by  BLOB NOT NULL REFERENCES users (id),
    failures     INTEGER NOT NULL CHECK (failures >= 0),
    created      INTEGER NOT NULL
) STRICT;
CREATE INDEX releases_of_workspace ON releases (workspace_id);

CREATE TABLE release_names (
    release_id    BLOB NOT NULL REFERENCES releases (id),
    position      INTEGER NOT NULL,
    manifest_name TEXT NOT NULL,
    sql_name      TEXT NOT NULL,
    PRIMARY KEY (release_id, position)
) STRICT;

CREATE TABLE release_approvals (
    release_id BLOB NOT NULL REFERENCES releases (id),
    position   INTEGER NOT NULL,
    user_id    BLOB NOT NULL REFERENCES users (id),
    PRIMARY KEY (release_id, position),
    UNIQUE (release_id, user_id)
) STRICT;

-- The ledger. No statement of this crate lowers a spent amount or deletes a charge.
CREATE TABLE accounts (
    account       TEXT PRIMARY KEY NOT NULL,
    population_id BLOB NOT NULL REFERENCES populations (id),
    spent_rho     INTEGER NOT NULL CHECK (spent_rho >= 0),
    spent_delta   INTEGER NOT NULL CHECK (spent_delta >= 0),
    charges       INTEGER NOT NULL CHECK (charges >= 0)
) STRICT;
CREATE INDEX accounts_of_population ON accounts (population_id);

CREATE TABLE charges (
    id              BLOB PRIMARY KEY NOT NULL CHECK (length(id) = 16),
    query_id        BLOB NOT NULL UNIQUE CHECK (length(query_id) = 16),
    workspace_id    BLOB NOT NULL REFERENCES workspaces (id),
    user_id         BLOB NOT NULL REFERENCES users (id),
    request_key     BLOB NOT NULL CHECK (length(request_key) = 32),
    idempotency_key TEXT,
    sql             TEXT NOT NULL,
    price_rho       INTEGER NOT NULL CHECK (price_rho >= 0),
    price_delta     INTEGER NOT NULL CHECK (price_delta >= 0),
    state           TEXT NOT NULL,
    time            INTEGER NOT NULL,
    charged_idx     INTEGER NOT NULL REFERENCES events (idx),
    ended_idx       INTEGER REFERENCES events (idx),
    UNIQUE (workspace_id, user_id, idempotency_key)
) STRICT;
CREATE INDEX charges_by_request ON charges (request_key, state);
CREATE INDEX charges_of_workspace ON charges (workspace_id, charged_idx);
CREATE INDEX charges_by_state ON charges (state);

CREATE TABLE charge_releases (
    charge_id  BLOB NOT NULL REFERENCES charges (id),
    release_id BLOB NOT NULL REFERENCES releases (id),
    PRIMARY KEY (charge_id, release_id)
) STRICT;

CREATE TABLE debits (
    charge_id BLOB NOT NULL REFERENCES charges (id),
    account   TEXT NOT NULL REFERENCES accounts (account),
    cap_rho   INTEGER NOT NULL CHECK (cap_rho >= 0),
    cap_delta INTEGER NOT NULL CHECK (cap_delta >= 0),
    PRIMARY KEY (charge_id, account)
) STRICT;
CREATE INDEX debits_of_account ON debits (account);

-- Answers are public from the day they left: the very bytes, so that a repeat is the same answer.
CREATE TABLE answers (
    charge_id BLOB PRIMARY KEY NOT NULL REFERENCES charges (id),
    released  BLOB NOT NULL,
    time      INTEGER NOT NULL
) STRICT;
