-- One stampede: what was planned before the first buyer fired, and what came of it. Purchases never
-- write it. Runs of a foil are stored here too; only their seats live elsewhere.
CREATE TABLE run (
    run_id text PRIMARY KEY,
    event_id text NOT NULL,
    round_id text NOT NULL,
    seat_index integer NOT NULL CHECK (seat_index >= 0),
    seat text NOT NULL,
    store text NOT NULL,
    stand_in text,
    code text NOT NULL,
    arrival text NOT NULL,
    buyers integer NOT NULL CHECK (buyers >= 2),
    seed bigint NOT NULL,
    regions text NOT NULL,
    git_commit text NOT NULL,
    status text NOT NULL CHECK (status IN ('running', 'done', 'interrupted')),
    started_at timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz,
    result text,
    CONSTRAINT run_is_a_rehearsal CHECK (split_part(round_id, '-', 1) = 'rehearsal'),
    CONSTRAINT run_over_has_a_result CHECK ((status = 'running') = (result IS NULL))
);
