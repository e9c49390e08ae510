-- Populations whose units are people in one day, week or month. NULL: people for all time, as all were before. Accounts
-- of such populations are kept per epoch: the epoch is the last part of the account's key (root:ID:2026-03).
ALTER TABLE populations ADD COLUMN epoch TEXT CHECK (epoch IN ('day', 'week', 'month'));
