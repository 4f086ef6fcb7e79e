-- The lag of replication that a run asked for, where its store lets it be chosen.
ALTER TABLE run ADD COLUMN lag_ms integer;
