//! Adapters for the ports: SQL database, object store, log files.
