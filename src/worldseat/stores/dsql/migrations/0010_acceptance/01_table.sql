-- One acceptance report as its run wrote it, compressed. `stand_in` is null where it ran on AWS.
CREATE TABLE acceptance (
    report_id text PRIMARY KEY,
    digest text NOT NULL,
    stand_in text,
    finished_at timestamptz NOT NULL,
    kept_at timestamptz NOT NULL DEFAULT now(),
    body bytea NOT NULL,
    CONSTRAINT acceptance_body_is_small CHECK (octet_length(body) <= 524288)
);
