//! Rows: decode, validate, pseudonymise, draft manifests. No I/O, no async.
