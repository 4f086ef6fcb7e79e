CREATE INDEX ASYNC run_by_start ON run (event_id, started_at);
