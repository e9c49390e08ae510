-- Releases with rows of their own (mock, synthetic, anonymized). files: JSON array; schema: an Arrow IPC stream without
-- batches; content: SHA-256 over the files' names, which are the hashes of their bytes.
CREATE TABLE release_tables (
    release_id BLOB NOT NULL REFERENCES releases (id),
    name       TEXT NOT NULL,
    files      TEXT NOT NULL,
    schema     BLOB NOT NULL,
    content    BLOB NOT NULL CHECK (length(content) = 32),
    PRIMARY KEY (release_id, name)
) STRICT;

-- The report on those rows. Without one nothing is approved; passes: whether the policy's thresholds hold.
CREATE TABLE release_reports (
    release_id   BLOB PRIMARY KEY NOT NULL REFERENCES releases (id),
    reference    TEXT NOT NULL REFERENCES artefacts (reference),
    passes       INTEGER NOT NULL CHECK (passes IN (0, 1)),
    reported_idx INTEGER NOT NULL REFERENCES events (idx)
) STRICT;

-- Keys of the unit ids in those rows, sealed under the master key. Gone when the release is deleted.
CREATE TABLE release_keys (
    release_id BLOB PRIMARY KEY NOT NULL REFERENCES releases (id),
    sealed     BLOB NOT NULL
) STRICT;

ALTER TABLE releases ADD COLUMN deleted INTEGER NOT NULL DEFAULT 0 CHECK (deleted IN (0, 1));

-- Units that opted out of a dataset, by their 64-bit ids (8 bytes, big-endian): opaque without the population's key.
CREATE TABLE excluded_units (
    dataset_id    BLOB NOT NULL REFERENCES datasets (id),
    population_id BLOB NOT NULL REFERENCES populations (id),
    unit          BLOB NOT NULL CHECK (length(unit) = 8),
    PRIMARY KEY (dataset_id, population_id, unit)
) STRICT;
