-- Files being received in several requests. How much has arrived, the sealed file in the spool says. The key is sealed
-- under the master key; deleting the row destroys it, and with it the received bytes.
CREATE TABLE uploads (
    id              BLOB PRIMARY KEY NOT NULL CHECK (length(id) = 16),
    version_id      BLOB NOT NULL REFERENCES versions (id),
    table_name      TEXT NOT NULL,
    part            INTEGER NOT NULL CHECK (part >= 1),
    user_id         BLOB NOT NULL REFERENCES users (id),
    owner           TEXT NOT NULL,
    length          INTEGER NOT NULL CHECK (length >= 0),
    options         TEXT NOT NULL,
    declared_sha256 BLOB CHECK (length(declared_sha256) = 32),
    received_sha256 BLOB CHECK (length(received_sha256) = 32),
    expires         INTEGER NOT NULL,
    sealed_key      BLOB NOT NULL,
    UNIQUE (version_id, table_name, part)
) STRICT;
CREATE INDEX uploads_by_expiry ON uploads (expires);
